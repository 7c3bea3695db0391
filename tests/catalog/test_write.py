"""Catalogue files are written whole, in one order, by one writer at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from oceandata.catalog import open_catalog, register_entry
from oceandata.catalog import write as writing
from oceandata.entities import Entry
from oceandata.errors import DocumentError, InputError, NotFoundError


def _named(entry: Entry, name: str, href: str = "") -> Entry:
    assets = {key: asset.model_copy(update={"href": href or asset.href}) for key, asset in entry.assets.items()}
    return entry.model_copy(update={"id": name, "assets": assets})


def test_what_is_written_reads_back_equal(ostia_catalog: Path, ostia: Entry) -> None:
    assert open_catalog(ostia_catalog)["ostia_sst_monthly"] == ostia


def test_order_does_not_depend_on_the_order_of_registering(tmp_path: Path, ostia: Entry) -> None:
    names = ["b", "a", "c"]
    for name in names:
        register_entry(tmp_path / "one.yaml", _named(ostia, name))
    for name in reversed(names):
        register_entry(tmp_path / "other.yaml", _named(ostia, name))
    one = (tmp_path / "one.yaml").read_bytes()
    assert one == (tmp_path / "other.yaml").read_bytes()
    assert list(open_catalog(tmp_path / "one.yaml")) == ["a", "b", "c"]
    assert "海表温度".encode() in one


def test_other_entries_aliases_and_metadata_are_kept(tmp_path: Path, ostia: Entry, ostia_catalog: Path) -> None:
    text = ostia_catalog.read_text("utf-8")
    text = text.replace("metadata: {}", "metadata: {title: ours}", 1).replace(
        "aliases:\n", "aliases:\n  sst: ostia_sst_monthly\n"
    )
    ostia_catalog.write_text(text, "utf-8")
    register_entry(ostia_catalog, _named(ostia, "another"))
    catalog = open_catalog(ostia_catalog)
    assert list(catalog) == ["another", "ostia_sst_monthly"]
    assert catalog.metadata == {"title": "ours"}
    assert catalog["sst"] == ostia
    with pytest.raises(InputError, match="alias 'sst'"):
        register_entry(ostia_catalog, _named(ostia, "sst"))


def test_replacing_is_asked_for(ostia_catalog: Path, ostia: Entry) -> None:
    before = ostia_catalog.read_bytes()
    assert register_entry(ostia_catalog, ostia) == ostia  # equal in all: nothing to do
    changed = ostia.model_copy(update={"title": "Another title"})
    with pytest.raises(InputError, match="replace=True"):
        register_entry(ostia_catalog, changed)
    assert ostia_catalog.read_bytes() == before
    register_entry(ostia_catalog, changed, replace=True)
    assert open_catalog(ostia_catalog)["ostia_sst_monthly"].title == "Another title"


@pytest.mark.parametrize(
    ("href", "written"),
    [
        ("{folder}/deep/sst", "{{CATALOG_DIR}}/deep/sst"),
        ("file://{folder}/a%20b", "{{CATALOG_DIR}}/a b"),
        ("{folder}/deep/../sst", "{{CATALOG_DIR}}/sst"),
        ("{folder}-beside/sst", "{folder}-beside/sst"),
        ("s3://bucket/sst", "s3://bucket/sst"),
        ("{{CATALOG_DIR}}/sst", "{{CATALOG_DIR}}/sst"),
    ],
)
def test_a_repository_inside_the_folder_is_relative_to_it(
    tmp_path: Path, ostia: Entry, href: str, written: str
) -> None:
    folder = (tmp_path / "catalogue").resolve()
    folder.mkdir()
    entry = register_entry(folder / "c.yaml", _named(ostia, "sst", href.format(folder=folder)))
    assert entry.assets["maps"].href == written.format(folder=folder)
    assert open_catalog(folder / "c.yaml")["sst"] == entry


def test_a_relative_path_is_one_from_here(tmp_path: Path, ostia: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    entry = register_entry("c.yaml", _named(ostia, "sst", "stores/sst"))
    assert entry.assets["maps"].href == "{CATALOG_DIR}/stores/sst"


def test_two_hundred_entries_are_the_most(tmp_path: Path, ostia: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST_ENTRIES", 2)
    for name in ("a", "b"):
        register_entry(tmp_path / "c.yaml", _named(ostia, name))
    with pytest.raises(InputError, match="would hold 3 entries"):
        register_entry(tmp_path / "c.yaml", _named(ostia, "c"))
    changed = _named(ostia, "b").model_copy(update={"title": "b"})
    register_entry(tmp_path / "c.yaml", changed, replace=True)


def test_a_failure_at_the_last_step_leaves_the_file_as_it_was(
    ostia_catalog: Path, ostia: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ostia_catalog.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        register_entry(ostia_catalog, _named(ostia, "another"))
    assert ostia_catalog.read_bytes() == before
    assert [file.name for file in ostia_catalog.parent.iterdir()] == ["sst.yaml"]


def test_a_faulty_file_is_not_touched(tmp_path: Path, ostia: Entry) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("version: 2\n# somebody's notes\n")
    with pytest.raises(DocumentError, match="lacks"):
        register_entry(path, ostia)
    assert path.read_text() == "version: 2\n# somebody's notes\n"


def test_an_entry_that_would_not_open_again_is_refused(tmp_path: Path, ostia: Entry) -> None:
    with pytest.raises(InputError, match="holds a template"):
        register_entry(tmp_path / "c.yaml", ostia.model_copy(update={"summary": "{{ x }}"}))
    assert list(tmp_path.iterdir()) == []


def test_permissions_are_kept(ostia_catalog: Path, ostia: Entry) -> None:
    ostia_catalog.chmod(0o640)
    register_entry(ostia_catalog, _named(ostia, "another"))
    assert ostia_catalog.stat().st_mode & 0o777 == 0o640


def test_a_folder_that_is_not_there(tmp_path: Path, ostia: Entry) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        register_entry(tmp_path / "nowhere" / "c.yaml", ostia)


_WRITER = """
import sys
from oceandata.catalog import register_entry
from oceandata.entities import Entry
path, document, prefix = sys.argv[1:]
entry = Entry.model_validate_json(document)
for number in range(12):
    register_entry(path, entry.model_copy(update={"id": f"{prefix}{number}"}))
"""


@pytest.mark.skipif(os.name == "nt", reason="no lock on Windows: one process writes there")
def test_writers_at_the_same_time_lose_nothing(tmp_path: Path, ostia: Entry) -> None:
    path = tmp_path / "c.yaml"
    document = ostia.model_dump_json()
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(path), document, prefix]) for prefix in "abc"]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0]
    assert len(open_catalog(path)) == 36
