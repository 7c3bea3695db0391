"""Many lines are made ready by processes: the same index, the same faults, and an end that is noticed."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from oceandata.catalog import index_catalog, open_catalog
from oceandata.catalog.index import preparing
from oceandata.catalog.index.files import line_of, write_lines
from oceandata.catalog.index.lines import BulkLine, Faults
from oceandata.entities import Entry
from oceandata.errors import DocumentError, OceanDataError

Make = Callable[..., Entry]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred lines count as many, and ten as a batch."""
    monkeypatch.setattr(preparing, "_MANY", 100)
    monkeypatch.setattr(preparing, "_BATCH", 10)


@pytest.fixture
def folder(tmp_path: Path, make: Make) -> Path:
    (tmp_path / "entries").mkdir()
    for name, numbers in (("a", range(0, 250, 2)), ("b", range(1, 250, 2))):
        write_lines(tmp_path / "entries" / f"{name}.jsonl.gz", [line_of(make(number)) for number in numbers])
    return tmp_path


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("cpus", [1, 3])
def test_processes_make_the_same_index(folder: Path, make: Make, monkeypatch: pytest.MonkeyPatch, cpus: int) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cpus)
    assert index_catalog(folder / "catalog.yaml").entries == 250
    catalog = open_catalog(folder / "catalog.yaml")
    assert dict(catalog.items()) == {f"e{number:03d}": make(number) for number in range(250)}
    assert len(catalog.search(text="entry", variable="thetao")) == 250


@pytest.mark.usefixtures("few")
def test_faults_of_processes_are_told_with_their_lines(folder: Path, make: Make) -> None:
    lines = [line_of(make(number)) for number in range(300, 400)]
    lines[50] = lines[50].replace(b'"license"', b'"licence"')
    lines[70] = line_of(make(370, title="{{ x }}"))
    write_lines(folder / "entries" / "c.jsonl.gz", lines)
    with pytest.raises(DocumentError, match=r"c\.jsonl\.gz:51: .*licence") as raised:
        index_catalog(folder / "catalog.yaml")
    assert "c.jsonl.gz:71: title holds a template" in str(raised.value)


@pytest.mark.usefixtures("few")
def test_a_process_that_ends_is_noticed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false" if Path("/bin/false").exists() else "/usr/bin/false")
    with pytest.raises(OceanDataError, match="ended with status 1"):
        index_catalog(folder / "catalog.yaml")
    assert sorted(path.name for path in folder.iterdir()) == ["entries"]


def test_a_script_without_a_guard_may_index(folder: Path) -> None:
    """Processes are not made by importing the calling program again, which would start it again."""
    code = (
        "from oceandata.catalog.index import preparing\nfrom oceandata.catalog import index_catalog\n"
        f"preparing._MANY = 1\nprint(index_catalog({str(folder / 'catalog.yaml')!r}).entries)\n"
    )
    (folder / "script.py").write_text(code)
    done = subprocess.run([sys.executable, folder / "script.py"], capture_output=True, text=True, check=True)
    assert done.stdout == "250\n"
    assert done.stderr == ""


def test_few_lines_stay_here(tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    lines = [BulkLine(0, number, f"e{number:03d}", line_of(make(number))) for number in range(2500)]
    faults = Faults(tmp_path)
    ready = list(preparing.prepared_lines(lines, {0: tmp_path / "a.jsonl.gz"}, faults))
    assert [one.name for batch in ready for one in batch] == [line.name for line in lines]
    assert faults.count == 0
