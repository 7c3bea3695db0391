"""The index of bulk files: built, brought up to date, found to be stale; readers are never disturbed."""

import os
import shlex
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from oceandata.catalog import index_catalog, open_catalog
from oceandata.catalog.index import update
from oceandata.catalog.index.files import line_of, read_lines, write_lines
from oceandata.catalog.index.lines import name_of
from oceandata.entities import Entry
from oceandata.errors import CorruptionError, DocumentError, NotFoundError

Make = Callable[..., Entry]


def _file(bulk: Path) -> Path:
    (file,) = (bulk.parent / "entries").iterdir()
    return file


def _change(file: Path, changed: dict[str, bytes | None]) -> None:
    """Write a bulk file with other lines, and without those that are None."""
    lines = {name_of(line): line for line in read_lines(file)} | changed
    write_lines(file, [line for _, line in sorted(lines.items()) if line is not None])


def test_a_stale_index_is_refused_with_the_command_that_mends_it(bulk: Path, make: Make) -> None:
    _change(_file(bulk), {"e005": line_of(make(5, title="changed"))})
    with pytest.raises(DocumentError, match=r"changed after .* was built") as raised:
        open_catalog(bulk)
    command = shlex.split(str(raised.value).partition("'")[2].rpartition("'")[0])
    assert command == ["oceandata", "catalog", "index", "--catalog", str(bulk.resolve())]
    report = index_catalog(command[-1])
    assert (report.entries, report.changed, report.removed, report.action) == (100, 1, 1, "updated")
    assert open_catalog(bulk)["e005"].title == "changed"
    assert index_catalog(bulk).action == "nothing"


def test_a_file_that_was_only_touched_is_the_same(bulk: Path) -> None:
    os.utime(_file(bulk), ns=(1, 1))
    assert len(open_catalog(bulk)) == 100
    assert index_catalog(bulk).action == "nothing"


def test_changes_follow_each_other(bulk: Path, make: Make) -> None:
    """Changed, added, removed, moved to another file, changed back: the index is as if built whole."""
    file = _file(bulk)
    _change(file, {"e005": line_of(make(5, title="changed")), "e050": None, "e200": line_of(make(200))})
    assert index_catalog(bulk).entries == 100
    other = file.with_name("other.jsonl.gz")
    write_lines(other, [line_of(make(5, title="moved")), line_of(make(300))])
    _change(file, {"e005": None})
    assert index_catalog(bulk).entries == 101
    _change(file, {"e050": line_of(make(50))})
    index_catalog(bulk)
    updated = open_catalog(bulk)
    found = dict(updated.items())
    searched = [list(updated.search(bbox=(0, 0, 80, 1))), list(updated.search(text="entry")), updated.facets()]
    assert index_catalog(bulk, whole=True).action == "built"
    whole = open_catalog(bulk)
    assert found == dict(whole.items())
    assert searched == [list(whole.search(bbox=(0, 0, 80, 1))), list(whole.search(text="entry")), whole.facets()]
    assert found["e005"].title == "moved"
    assert list(found) == sorted(found)
    assert not (bulk.parent / "index-changes.sqlite").exists()
    other.unlink()
    with pytest.raises(DocumentError, match=r"other\.jsonl\.gz"):
        open_catalog(bulk)
    assert index_catalog(bulk).entries == 100


def test_many_changes_build_it_anew(bulk: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update, "_FEW_CHANGES", 3)
    file = _file(bulk)
    _change(file, {f"e{number:03d}": line_of(make(number, title="new")) for number in range(5)})
    assert index_catalog(bulk).action == "updated"  # one in twenty
    _change(file, {"e005": line_of(make(5, title="new"))})
    assert index_catalog(bulk).action == "built"
    assert len(open_catalog(bulk).search(text="new")) == 6


def test_a_name_that_stays_elsewhere_is_refused(bulk: Path, make: Make) -> None:
    other = bulk.parent / "entries" / "other.jsonl.gz"
    write_lines(other, [line_of(make(7, title="again"))])
    with pytest.raises(DocumentError, match="'e007' is in a bulk file that did not change too"):
        index_catalog(bulk)
    other.unlink()
    assert len(open_catalog(bulk)) == 100


def test_an_open_catalogue_reads_on_and_never_lies(bulk: Path, make: Make) -> None:
    before = open_catalog(bulk)
    _change(_file(bulk), {"e005": line_of(make(5, title="changed"))})
    index_catalog(bulk, whole=True)
    assert len(before.search(text="entry")) == 100
    assert before["e006"].title == "Entry 6"
    with pytest.raises(CorruptionError, match="does not hold entry 'e005' as it was indexed"):
        before["e005"]


def test_a_failure_leaves_the_index_as_it_was(bulk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (bulk.parent / "index.sqlite").read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        index_catalog(bulk, whole=True)
    assert (bulk.parent / "index.sqlite").read_bytes() == before
    assert sorted(file.name for file in bulk.parent.iterdir()) == ["catalog.yaml", "entries", "index.sqlite"]


def test_another_version_is_built_anew(bulk: Path) -> None:
    index = bulk.parent / "index.sqlite"
    with sqlite3.connect(index) as connection:
        connection.execute("UPDATE meta SET value = '0' WHERE name = 'version'")
    connection.close()
    with pytest.raises(DocumentError, match="of version 0, need an index of version"):
        open_catalog(bulk)
    assert index_catalog(bulk).action == "built"
    index.write_bytes(b"no database at all" * 1000)
    with pytest.raises(DocumentError, match="is no index"):
        open_catalog(bulk)
    assert index_catalog(bulk).action == "built"
    index.unlink()
    with pytest.raises(NotFoundError, match=r"have no index yet\. Build it with 'oceandata catalog index"):
        open_catalog(bulk)


def test_changes_of_another_index_are_left_out(bulk: Path, make: Make) -> None:
    changes = bulk.parent / "index-changes.sqlite"
    _change(_file(bulk), {"e005": line_of(make(5, title="changed"))})
    index_catalog(bulk)
    old = changes.read_bytes()
    _change(_file(bulk), {"e006": line_of(make(6, title="changed"))})
    index_catalog(bulk, whole=True)
    changes.write_bytes(old)
    assert len(open_catalog(bulk)) == 100
    assert list(open_catalog(bulk).search(text="changed")) == ["e005", "e006"]


def test_progress_is_told_to_the_end(bulk: Path) -> None:
    told: list[tuple[int, int]] = []
    index_catalog(bulk, whole=True, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (_file(bulk).stat().st_size,) * 2
    assert [done for done, _ in told] == sorted(done for done, _ in told)
