"""The ledger: torn tails are cut, runners' logs add up, and one run has one runner."""

import json
from pathlib import Path

import pytest

from oceandata.batch.ledger import (
    TAKEN,
    Ledger,
    RunHeldError,
    Share,
    held_run,
    ledger_files,
    open_log,
    read_ledger,
    reads_record,
    recorded_digests,
)
from oceandata.errors import CorruptionError
from oceandata.journal import Journal
from oceandata.storage.counting import Read, Reads


def done(phase: int, number: int, **more: object) -> dict[str, object]:
    return {"done": [phase, number], "s": 0.5, "peak": 10, "nbytes": 3, "sha256": "x", "reads": {}} | more


def test_logs_of_several_runners_add_up(tmp_path: Path) -> None:
    for share, numbers in ((Share(0, 2), (0, 2)), (Share(1, 2), (1,))):
        with open_log(tmp_path, share) as log:
            for number in numbers:
                log.append(done(0, number))
    ledger = read_ledger(tmp_path, [5, 2])
    assert [list(part) for part in ledger.done] == [[1, 1, 1, 0, 0], [0, 0]]
    assert list(ledger.left(0, Share())) == [(0, 3), (0, 4)]
    assert list(ledger.left(0, Share(0, 2))) == [(0, 4)]
    assert not ledger.is_whole
    assert ledger.reads.processes == 2
    assert len(ledger_files(tmp_path)) == 2


def test_a_torn_line_is_not_believed_and_cut(tmp_path: Path) -> None:
    with open_log(tmp_path, Share()) as log:
        log.append(done(0, 0))
        log.append(done(0, 1))
    path = tmp_path / "ledger-all.log"
    path.write_bytes(path.read_bytes()[:-7])
    assert read_ledger(tmp_path, [3]).done_in(0) == 1
    with open_log(tmp_path, Share()) as log:
        log.append(done(0, 2))
    assert list(read_ledger(tmp_path, [3]).left(0, Share())) == [(0, 1)]


def test_a_damaged_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    with open_log(tmp_path, Share()) as log:
        log.append(done(0, 0))
        log.append(done(0, 1))
    path = tmp_path / "ledger-all.log"
    content = bytearray(path.read_bytes())
    content[12] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptionError, match="line 1"):
        read_ledger(tmp_path, [3])


@pytest.mark.parametrize(
    "record",
    [
        done(0, 10**6),
        done(0, -1),
        done(-1, 0),
        done(True, False),
        done(0, 0, done="ab"),
        done(0, 0, done=[0]),
        {"done": [0, 0]},
        done(0, 0, s="nan"),
        done(0, 0, s="soon"),
        done(0, 0, reads=[1]),
        done(0, 0, reads={"a b": {"k": ["x", "y"]}}),
        {"failed": [0, 9], "attempt": 1},
        {"undone": [5, 0]},
        {"begin": 0, "at": "noon"},
    ],
    ids=str,
)
def test_a_line_of_no_run_of_this_plan_is_named(record: dict[str, object], tmp_path: Path) -> None:
    with Journal(tmp_path / "ledger-zz.log") as log:
        log.append(done(0, 1))
        log.append(record)
    with pytest.raises(CorruptionError, match=r"line 2 of .*ledger-zz.log"):
        read_ledger(tmp_path, [3])


def test_failures_are_those_of_the_last_runner() -> None:
    ledger = Ledger([2])
    ledger.take({"begin": 0})
    ledger.take({"failed": [0, 1], "attempt": 3, "error": "ValueError: x", "given_up": True})
    assert ledger.failures == {(0, 1): "ValueError: x"}
    ledger.take(done(0, 1))
    assert ledger.failures == {}
    ledger.take({"undone": [0, 1]})
    assert not ledger.is_done((0, 1))


def test_what_was_taken_over_comes_before_what_runners_did(tmp_path: Path) -> None:
    with Journal(tmp_path / TAKEN) as log:
        for number in range(3):
            log.append(done(0, number, sha256="old", covers="c", **{"from": "SNAP"}))
    with open_log(tmp_path, Share()) as log:
        for number in (1, 2):
            log.append({"undone": [0, number]})
        log.append(done(0, 2, sha256="new"))
    ledger = read_ledger(tmp_path, [3])
    assert list(ledger.done[0]) == [1, 0, 1]
    assert ledger.taken == {(0, 0): "SNAP"}
    assert ledger.files[(0, 2)] == (3, "new")
    assert (ledger.since_begin, ledger.seconds) == (1, [0.5])
    assert recorded_digests(tmp_path, 0) == {0: "old", 1: "old", 2: "new"}


def test_reads_survive_the_ledger() -> None:
    reads = Reads()
    reads.counts[Read("/a b/r", "SNAP", "maps/sst/c/0/0", "")] = (2, 100)
    reads.counts[Read("/a b/r", "SNAP", "maps/sst/c/0/1", "RangeByteRequest(start=0, end=5)")] = (1, 5)
    record = json.loads(json.dumps(reads_record(reads)))
    ledger = Ledger([1])
    ledger.take(done(0, 0, reads=record))
    ledger.take(done(0, 0, reads=record))
    assert ledger.reads.counts == {read: (2 * times, nbytes) for read, (times, nbytes) in reads.counts.items()}


def test_one_runner_at_a_time_but_for_other_shares(tmp_path: Path) -> None:
    with held_run(tmp_path, Share()):
        for share in (Share(), Share(0, 2)):
            with pytest.raises(RunHeldError, match="process"), held_run(tmp_path, share):
                pass
    with held_run(tmp_path, Share(0, 2)), held_run(tmp_path, Share(1, 2)):
        pass
    with held_run(tmp_path, Share()):  # let go at the end
        pass
