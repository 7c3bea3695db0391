"""Bulk entries are registered, replaced and moved; the catalogue file and they never have one name twice."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from oceandata.catalog import bulk as writing
from oceandata.catalog import index_catalog, move_entries, open_catalog, register_entries, register_entry
from oceandata.catalog.index.files import line_of, write_lines
from oceandata.entities import Entry
from oceandata.errors import DocumentError, InputError, NotFoundError


def _some(entry: Entry, numbers: Iterable[int], **changes: object) -> list[Entry]:
    return [entry.model_copy(update={"id": f"e{number:03d}", **changes}) for number in numbers]


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "entries").iterdir()}


def test_the_same_entries_give_the_same_files(tmp_path: Path, ostia: Entry) -> None:
    entries = _some(ostia, range(40))
    for name, order in (("one", entries), ("other", entries[::-1])):
        (tmp_path / name).mkdir()
        report = register_entries(tmp_path / name / "c.yaml", iter(order))
        assert (report.entries, report.action) == (40, "built")
    assert _content(tmp_path / "one") == _content(tmp_path / "other")
    before = _content(tmp_path / "one")
    assert register_entries(tmp_path / "one" / "c.yaml", entries[5:9]).action == "nothing"
    assert _content(tmp_path / "one") == before


def test_replacing_is_asked_for(tmp_path: Path, ostia: Entry) -> None:
    path = tmp_path / "c.yaml"
    register_entries(path, _some(ostia, range(10)))
    before = _content(tmp_path)
    with pytest.raises(InputError, match="has an entry 'e003' already, with other content"):
        register_entries(path, _some(ostia, (3, 20), title="Another"))
    assert _content(tmp_path) == before
    register_entries(path, _some(ostia, (3, 20), title="Another"), replace=True)
    catalog = open_catalog(path)
    assert (len(catalog), catalog["e003"].title, catalog["e020"].title) == (11, "Another", "Another")
    assert catalog["e004"] == _some(ostia, [4])[0]


def test_files_that_grow_are_cut(tmp_path: Path, ostia: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_MOST_LINES", 10)
    path = tmp_path / "c.yaml"
    register_entries(path, _some(ostia, range(0, 100, 5)))
    assert sorted(_content(tmp_path)) == ["e000.jsonl.gz", "e050.jsonl.gz"]
    register_entries(path, _some(ostia, range(51, 60)))
    register_entries(path, _some(ostia, (0, 99, 100, 200)))
    assert len(_content(tmp_path)) == 4
    expected = sorted({*range(0, 100, 5), *range(51, 60), 99, 100, 200})
    assert list(open_catalog(path)) == [f"e{number:03d}" for number in expected]
    assert index_catalog(path, whole=True).entries == len(expected)


def test_the_catalogue_file_has_one_entry_for_them(tmp_path: Path, ostia: Entry) -> None:
    path = tmp_path / "c.yaml"
    register_entry(path, ostia)
    register_entries(path, _some(ostia, range(3)))
    catalog = open_catalog(path)
    assert list(catalog) == [ostia.id, "e000", "e001", "e002"]
    assert "reader: oceandata.readers:IndexReader" in path.read_text("utf-8")
    register_entry(path, ostia.model_copy(update={"id": "another"}))
    assert list(open_catalog(path)) == ["another", ostia.id, "e000", "e001", "e002"]
    assert list(open_catalog(path).search(text="monthly", limit=3)) == ["another", "e000", "e001"]


def test_one_name_is_there_once(tmp_path: Path, ostia: Entry) -> None:
    path = tmp_path / "c.yaml"
    register_entry(path, ostia)
    with pytest.raises(InputError, match=f"'{ostia.id}' is in c.yaml already"):
        register_entries(path, [ostia])
    register_entries(path, _some(ostia, range(3)))
    with pytest.raises(InputError, match="'e001' is a bulk entry"):
        register_entry(path, _some(ostia, [1])[0])
    by_hand = path.read_text("utf-8").replace(ostia.id, "e001")
    path.write_text(by_hand, "utf-8")
    with pytest.raises(DocumentError, match=r"'e001' is in .* and in a bulk file beside it"):
        open_catalog(path)
    with pytest.raises(InputError, match="two of the entries are called 'e009'"):
        register_entries(tmp_path / "d.yaml", [*_some(ostia, [9]), *_some(ostia, [9], title="Another")])


def test_places_inside_the_folder_are_relative_and_faults_are_refused(tmp_path: Path, ostia: Entry) -> None:
    path = (tmp_path / "c.yaml").resolve()
    inside = ostia.assets["maps"].model_copy(update={"href": str(path.parent / "sst")})
    register_entries(path, _some(ostia, [1], assets={"maps": inside}))
    catalog = open_catalog(path)
    assert catalog["e001"].assets["maps"].href == "{CATALOG_DIR}/sst"
    assert catalog.located("{CATALOG_DIR}/sst") == f"{path.parent}/sst"
    before = _content(tmp_path)
    with pytest.raises(DocumentError, match="holds a template"):
        register_entries(path, _some(ostia, [2], summary="{{ x }}"))
    assert _content(tmp_path) == before


def test_a_link_that_leads_out_later_is_not_opened(tmp_path: Path, ostia: Entry) -> None:
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "private").mkdir()
    path = tmp_path / "catalogue" / "c.yaml"
    asset = ostia.assets["maps"].model_copy(update={"href": "{CATALOG_DIR}/sst"})
    register_entries(path, _some(ostia, [1], assets={"maps": asset}))
    catalog = open_catalog(path)
    (path.parent / "sst").symlink_to(tmp_path / "private")
    with pytest.raises(DocumentError, match="a symbolic link leads out of the folder"):
        catalog.open("e001")


def test_moving(tmp_path: Path, ostia: Entry) -> None:
    path = tmp_path / "c.yaml"
    for entry in _some(ostia, range(5)):
        register_entry(path, entry)
    text = path.read_text("utf-8").replace("aliases:\n", "aliases:\n  sst: e002\n", 1)
    path.write_text(text.replace("metadata: {}", "metadata: {title: ours}", 1), "utf-8")
    before = dict(open_catalog(path).items())
    assert move_entries(path).entries == 4
    after = open_catalog(path)
    assert dict(after.items()) == before
    assert list(after) == ["e002", "e000", "e001", "e003", "e004"]
    assert after["sst"] == before["e002"]
    assert after.metadata == {"title": "ours"}
    assert move_entries(path).action == "nothing"


def test_files_made_by_hand_are_indexed(tmp_path: Path, ostia: Entry) -> None:
    (tmp_path / "entries").mkdir()
    write_lines(tmp_path / "entries" / "mine.jsonl.gz", map(line_of, _some(ostia, range(0, 20, 2))))
    write_lines(tmp_path / "entries" / "yours.jsonl.gz", map(line_of, _some(ostia, range(1, 20, 2))))
    assert index_catalog(tmp_path / "c.yaml").entries == 20
    catalog = open_catalog(tmp_path / "c.yaml")
    assert list(catalog) == [f"e{number:03d}" for number in range(20)]
    assert catalog["e007"].id == "e007"
    register_entries(tmp_path / "c.yaml", _some(ostia, (7,), title="Mine"), replace=True)
    assert open_catalog(tmp_path / "c.yaml")["e007"].title == "Mine"
    assert sorted(_content(tmp_path)) == ["mine.jsonl.gz", "yours.jsonl.gz"]


def test_nothing_to_index(tmp_path: Path, ostia: Entry) -> None:
    with pytest.raises(NotFoundError, match="there are no bulk entries"):
        index_catalog(tmp_path / "c.yaml")
    with pytest.raises(NotFoundError, match="does not exist"):
        register_entries(tmp_path / "nowhere" / "c.yaml", [ostia])
    with pytest.raises(NotFoundError, match="no catalogue at"):
        move_entries(tmp_path / "c.yaml")
    assert register_entries(tmp_path / "c.yaml", []).entries == 0
    assert len(open_catalog(tmp_path / "c.yaml")) == 0


_WRITER = """
import sys
from oceandata.catalog import register_entries
from oceandata.entities import Entry
path, document, prefix = sys.argv[1:]
entry = Entry.model_validate_json(document)
for number in range(4):
    register_entries(path, [entry.model_copy(update={"id": f"{prefix}{number}{each}"}) for each in range(5)])
"""


@pytest.mark.skipif(os.name == "nt", reason="no lock on Windows: one process writes there")
def test_writers_at_the_same_time_lose_nothing(tmp_path: Path, ostia: Entry) -> None:
    path = tmp_path / "c.yaml"
    document = ostia.model_dump_json()
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(path), document, prefix]) for prefix in "abc"]
    assert [writer.wait(timeout=240) for writer in writers] == [0, 0, 0]
    assert len(open_catalog(path)) == 60
