"""The journal: nothing is lost but the torn tail, and damage in the middle is never skipped."""

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oceandata.errors import CorruptionError
from oceandata.journal import Journal, read_journal

RECORDS = [{"partition": 0}, {"name": "海温\nsecond line", "values": [1, 2.5, None, True]}, {"partition": 2, "of": {}}]

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def _written(path: Path, records: list[dict[str, object]]) -> bytes:
    with Journal(path) as journal:
        for record in records:
            journal.append(record)
    return path.read_bytes()


@given(st.lists(st.dictionaries(st.text(), VALUES, max_size=3), max_size=5))
def test_any_record_comes_back(tmp_path_factory, records):
    try:
        [str(records).encode()]
    except UnicodeEncodeError:
        return
    path = tmp_path_factory.mktemp("log") / "run.log"
    _written(path, records)
    assert read_journal(path) == records


@pytest.mark.parametrize("sync", [False, True])
def test_tail_torn_at_every_byte_is_cut(tmp_path, sync):
    path = tmp_path / "folder" / "run.log"
    content = _written(path, RECORDS)
    ends = [number + 1 for number, byte in enumerate(content) if byte == 10]
    for size in range(len(content) + 1):
        path.write_bytes(content[:size])
        whole = sum(end <= size for end in ends)
        assert read_journal(path) == RECORDS[:whole]
        assert path.stat().st_size == size, "reading must not change the file"
        with Journal(path, sync=sync) as journal:
            assert list(journal) == RECORDS[:whole]
            journal.append({"after": size})
        assert read_journal(path) == [*RECORDS[:whole], {"after": size}]


def test_a_flipped_bit_is_refused_in_the_middle_and_cut_at_the_end(tmp_path):
    path = tmp_path / "run.log"
    content = _written(path, RECORDS)
    last = content[:-1].rindex(b"\n") + 1
    for at in range(len(content)):
        damaged = bytearray(content)
        damaged[at] ^= 0x01
        path.write_bytes(bytes(damaged))
        if at == last - 1:  # its line feed gone, the line before the last is part of a damaged last line
            assert read_journal(path) == RECORDS[:1]
            continue
        if at >= last:
            assert read_journal(path) == RECORDS[:2]
            continue
        with pytest.raises(CorruptionError, match="damaged"):
            read_journal(path)
        with pytest.raises(CorruptionError):
            Journal(path)
        assert path.read_bytes() == bytes(damaged), "a refused log must stay as it is"


def test_missing_file_has_no_records_and_is_not_made(tmp_path):
    assert read_journal(tmp_path / "none.log") == []
    assert not (tmp_path / "none.log").exists()


def test_records_that_are_no_json_leave_nothing(tmp_path):
    path = tmp_path / "run.log"
    with Journal(path) as journal:
        for wrong in ({"x": float("nan")}, {"x": object()}):
            with pytest.raises((ValueError, TypeError)):
                journal.append(wrong)
        journal.append({"x": 1})
    assert read_journal(path) == [{"x": 1}]


def test_lines_of_several_threads_never_mix(tmp_path):
    path = tmp_path / "run.log"
    with Journal(path) as journal, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: journal.append({"number": number, "text": "x" * number}), range(400)))
    assert sorted(record["number"] for record in read_journal(path)) == list(range(400))


def _python(code: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_several_processes_have_a_file_each_and_a_killed_one_loses_nothing(tmp_path):
    code = """
        import os, signal, sys
        from oceandata.journal import Journal
        journal = Journal(sys.argv[1])
        for number in range(200):
            journal.append({"number": number})
        os.kill(os.getpid(), signal.SIGKILL)
    """
    paths = [tmp_path / f"{number}.log" for number in range(3)]
    for started in [_python(code, str(path)) for path in paths]:
        started.communicate(timeout=60)
        assert started.returncode == -9
    for path in paths:
        assert read_journal(path) == [{"number": number} for number in range(200)]


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of a file there")
def test_a_record_that_does_not_fit_stays_the_last(tmp_path):
    code = """
        import resource, sys
        from oceandata.journal import Journal
        with Journal(sys.argv[1]) as journal:
            journal.append({"number": 0})
            resource.setrlimit(resource.RLIMIT_FSIZE, (60, resource.RLIM_INFINITY))
            for turn in range(2):
                if turn:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                try:
                    journal.append({"text": "x" * 100})
                except OSError as error:
                    print(error)
    """
    path = tmp_path / "run.log"
    printed, faults = _python(code, str(path)).communicate(timeout=60)
    assert faults == ""
    first, second = printed.splitlines()
    assert "fitted" in first
    assert "open the log again" in second
    assert path.stat().st_size == 60
    with Journal(path) as journal:
        assert list(journal) == [{"number": 0}]
        journal.append({"number": 1})
    assert read_journal(path) == [{"number": 0}, {"number": 1}]
