"""Plain Intake opens bulk entries one by one; a catalogue that was committed once opens for ever."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oceandata.catalog import index_catalog, open_catalog, register_entries, register_entry
from oceandata.catalog.index.files import line_of
from oceandata.catalog.index.parts import BulkPart
from oceandata.catalog.intake_index import open_indexed
from oceandata.entities import Asset, Entry, Extent, Variable
from oceandata.errors import DocumentError, InputError, NotFoundError
from oceandata.readers import IndexReader

#: Written once and never again: whatever changes in the code, these files open.
_COMMITTED = Path(__file__).parent / "opens_for_ever"
_BOX = (155, -5, 175, 15)
_VALUES = [[[5, 6], [9, 10]], [[17, 18], [21, 22]]]


@pytest.fixture
def ever(tmp_path: Path) -> Path:
    """A copy of the committed files, indexed, in another place than where they were written."""
    folder = shutil.copytree(_COMMITTED, tmp_path / "somewhere else")
    index_catalog(folder / "catalog.yaml")
    return folder / "catalog.yaml"


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A catalogue file beside three thousand bulk entries."""
    entry = Entry(
        id="e",
        title="x",
        license="MIT",
        extent=Extent(),
        variables={"x": Variable()},
        assets={"maps": Asset(href="{CATALOG_DIR}/x", type="application/vnd+zarr", group="")},
    )
    path = tmp_path / "catalog.yaml"
    register_entry(path, entry)
    register_entries(path, [entry.model_copy(update={"id": f"e{number:04d}"}) for number in range(3000)])
    return path


def test_a_committed_catalogue_opens_with_ours(ever: Path) -> None:
    catalog = open_catalog(ever)
    assert list(catalog) == ["tropical_sst", "tropical_sst_copy", "tropical_sst_other"]
    assert list(catalog.search(text="批量")) == ["tropical_sst_copy"]
    for name in catalog:
        np.testing.assert_array_equal(catalog.open(name, region=_BOX)["sst"].to_numpy(), _VALUES)
    assert catalog.open("tropical_sst_copy").attrs["title"] == "The same, as a bulk entry"


def test_a_committed_catalogue_opens_with_plain_intake(ever: Path) -> None:
    import intake

    catalog = intake.open_catalog(str(ever))
    assert sorted(catalog) == ["all", "tropical_sst"]
    for reader in (catalog["tropical_sst"], catalog["all"]["tropical_sst_copy"], catalog.all.tropical_sst_other):
        np.testing.assert_array_equal(reader.to_dask(region=_BOX)["sst"].to_numpy(), _VALUES)
        whole = reader.read()
        assert whole["sst"].shape == (2, 3, 4)
        assert whole["sst"].chunks is not None
        assert whole.attrs["license"] == "CC0-1.0"
    entry = open_catalog(ever)["tropical_sst_copy"]
    assert Entry.from_json(catalog["all"]["tropical_sst_copy"].metadata["entry"]) == entry


def test_what_is_written_now_has_the_committed_form(tmp_path: Path) -> None:
    """Files of today would open with yesterday's readers: the same keys, paths and arguments, byte by byte."""
    shutil.copytree(_COMMITTED / "entries", tmp_path / "entries")
    index_catalog(tmp_path / "catalog.yaml")
    register_entry(tmp_path / "catalog.yaml", open_catalog_entry("tropical_sst"))
    assert (tmp_path / "catalog.yaml").read_text("utf-8") == (_COMMITTED / "catalog.yaml").read_text("utf-8")


def open_catalog_entry(name: str) -> Entry:
    """Entry of the committed catalogue file, read without its index."""
    from oceandata.catalog.loader import require_catalog

    return require_catalog(_COMMITTED / "catalog.yaml").entries[name]


def test_the_reader_is_a_mapping_that_lists_without_reading(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import intake

    read: list[str] = []
    entry = BulkPart.entry

    def counted(part: BulkPart, segment: int, row: int, name: str) -> Entry:
        read.append(name)
        return entry(part, segment, row, name)

    monkeypatch.setattr(BulkPart, "entry", counted)
    reader = intake.open_catalog(str(many))["all"]
    assert isinstance(reader, IndexReader)
    assert len(reader) == 3000
    assert "e0042" in reader
    assert next(iter(reader)) == "e0000"
    listed = reader.read()
    assert list(listed) == [f"e{number:04d}" for number in range(3000)]
    assert len(listed) == len(listed.entries) == len(listed.aliases) == 3000
    assert "e0042" in listed
    assert "e" not in listed
    assert len(listed._ipython_key_completions_()) == 1000
    assert "e0999" in dir(listed)
    assert repr(listed).startswith("<3,000 entries of ")
    assert "3000" in repr(listed.entries)
    assert read == []
    assert listed["e0042"].kwargs["url"] == f"{many.parent.resolve()}/x"
    assert read == ["e0042"]
    with pytest.raises(KeyError, match="no entry 'e9042' among 3,000 entries"):
        listed["e9042"]
    with pytest.raises(AttributeError):
        listed.nothing  # noqa: B018


def _with_index(folder: Path, monkeypatch: pytest.MonkeyPatch, entry: Entry) -> str:
    """Index of one entry that nobody checked, as a stranger might make it."""
    from oceandata.catalog.index import lines
    from oceandata.catalog.index.files import write_lines

    (folder / "entries").mkdir()
    write_lines(folder / "entries" / "a.jsonl.gz", [line_of(entry)])
    with monkeypatch.context() as unchecked:
        for check in ("text_faults", "place_faults"):
            unchecked.setattr(lines, check, lambda *_: [])
        index_catalog(folder / "catalog.yaml")
    return str(folder / "index.sqlite")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"title": "{{ x }}"}, "holds a template"),
        ({"attribution": "{HOME}"}, "has braces among the arguments"),
        ({"license": "{func(os:getcwd)}"}, "holds a template"),
        ({"href": "{CATALOG_DIR}/../x"}, "leads out of the folder"),
        ({"href": "{HOME}/x"}, "braces are accepted only"),
        ({"href": "memory://x"}, "scheme 'memory' is not accepted"),
    ],
    ids=str,
)
def test_a_strangers_index_runs_nothing(
    tmp_path: Path, ostia: Entry, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], words: str
) -> None:
    asset = ostia.assets["maps"].model_copy(update={"href": change.pop("href", "s3://b/x")})
    entry = ostia.model_copy(update={**change, "assets": {"maps": asset}})
    index = _with_index(tmp_path, monkeypatch, entry)
    with pytest.raises(DocumentError, match=words):
        open_indexed(index)[entry.id]


def test_the_index_is_a_file_of_this_machine(many: Path) -> None:
    with pytest.raises(InputError, match="need a file of this machine"):
        open_indexed("s3://bucket/index.sqlite")
    with pytest.raises(NotFoundError, match=r"need 'index\.sqlite'"):
        open_indexed(str(many))
    assert len(open_indexed(f"file://{many.parent}/index.sqlite")) == 3000


@pytest.mark.parametrize(
    "change",
    [
        lambda form: form["kwargs"].update(path="/elsewhere/index.sqlite"),
        lambda form: form["kwargs"].update(more=1),
        lambda form: form.update(reader="oceandata.readers:OceanZarr"),
        lambda form: form.update(reader="os:getcwd"),
        lambda form: form.update(output_instance="intake.readers.convert:Pipeline"),
        lambda form: form["metadata"].update(x=1),
    ],
    ids=["path", "argument", "reader", "code", "output", "metadata"],
)
def test_the_entry_has_one_form(many: Path, change: Callable[[dict[str, Any]], None]) -> None:
    import yaml

    document = yaml.safe_load(many.read_text("utf-8"))
    change(document["entries"]["all"])
    many.write_text(json.dumps(document), "utf-8")
    with pytest.raises(DocumentError, match="entry 'all' is that of the bulk entries, need exactly"):
        open_catalog(many)
