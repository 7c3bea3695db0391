"""Exports as files: what is withheld, what is replaced, and what must not be touched."""

import json
from pathlib import Path

import pytest

from oceandata.catalog.transfer import export_entries
from oceandata.entities import Entry
from oceandata.errors import DocumentError, InputError, NotFoundError, RepositoryExistsError

# rdflib's own parser of JSON-LD uses a class that rdflib has deprecated
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")


@pytest.fixture
def pair(entry: Entry) -> list[Entry]:
    return [entry, entry.model_copy(update={"id": "other", "doi": ""})]


@pytest.mark.parametrize(("vocabulary", "name"), [("stac", "tree"), ("dcat", "c.jsonld"), ("sheet", "s.csv")])
def test_an_entry_that_may_not_leave_stops_the_export_or_is_withheld(
    tmp_path: Path, pair: list[Entry], vocabulary: str, name: str
) -> None:
    kept = pair[1].model_copy(update={"grade": "core"})
    with pytest.raises(DocumentError, match="entry 'other' may not be released"):
        export_entries([pair[0], kept], tmp_path / name, vocabulary=vocabulary)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
    report = export_entries([pair[0], kept], tmp_path / name, vocabulary=vocabulary, withhold=True)  # type: ignore[arg-type]
    assert report.exported == ("pacific_heat",)
    assert list(report.withheld) == ["other"]
    written = "".join(file.read_text(encoding="utf-8") for file in tmp_path.rglob("*.*") if file.is_file())
    assert "pacific_heat" in written
    assert "other" not in written
    assert "holdings" not in written
    with pytest.raises(DocumentError, match="nothing can be exported"):
        export_entries([kept], tmp_path / "x.csv", vocabulary="sheet", withhold=True)


def test_a_new_export_takes_the_place_of_the_old_one_and_withdraws_what_is_gone(
    tmp_path: Path, pair: list[Entry]
) -> None:
    tree = tmp_path / "tree"
    assert export_entries(pair, tree, vocabulary="stac").checked_by == "pystac"
    (tree / "readme.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(RepositoryExistsError, match="--replace"):
        export_entries(pair, tree, vocabulary="stac")
    export_entries(pair[:1], tree, vocabulary="stac", replace=True)
    files = sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*") if path.is_file())
    assert files == ["catalog.json", "pacific_heat/collection.json", "readme.txt"]


@pytest.mark.parametrize("root", [None, "{}", '{"oceandata:export": "stac"}', "no json"])
def test_a_folder_that_is_no_export_is_not_touched(tmp_path: Path, entry: Entry, root: str | None) -> None:
    (tmp_path / "precious").write_text("mine", encoding="utf-8")
    if root is not None:
        (tmp_path / "catalog.json").write_text(root, encoding="utf-8")
    with pytest.raises(RepositoryExistsError, match="is no export of this kind"):
        export_entries([entry], tmp_path, vocabulary="stac", replace=True)


def test_links_of_an_old_root_cannot_remove_files_elsewhere(tmp_path: Path, entry: Entry) -> None:
    (tmp_path / "victim").mkdir()
    victim = tmp_path / "victim" / "collection.json"
    victim.write_text("mine", encoding="utf-8")
    tree = tmp_path / "tree"
    tree.mkdir()
    links = [{"rel": "child", "href": href} for href in ("../victim/collection.json", str(victim))]
    (tree / "catalog.json").write_text(json.dumps({"oceandata:export": "stac", "links": links}), encoding="utf-8")
    export_entries([entry], tree, vocabulary="stac", replace=True)
    assert victim.read_text(encoding="utf-8") == "mine"


def test_one_entry_can_be_one_file(tmp_path: Path, pair: list[Entry]) -> None:
    export_entries(pair[:1], tmp_path / "c.json", vocabulary="stac")
    assert json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))["id"] == "pacific_heat"
    with pytest.raises(InputError, match="need a folder"):
        export_entries(pair, tmp_path / "d.json", vocabulary="stac")


def test_dcat_is_one_file_and_checked(tmp_path: Path, pair: list[Entry]) -> None:
    report = export_entries(pair, tmp_path / "c.jsonld", vocabulary="dcat", title="海洋 Ocean")
    assert report.checked_by == "pyshacl"
    document = json.loads((tmp_path / "c.jsonld").read_text(encoding="utf-8"))
    assert document["dct:title"] == "海洋 Ocean"
    assert [one["dct:identifier"] for one in document["dcat:dataset"]] == ["pacific_heat", "other"]


@pytest.mark.parametrize("vocabulary", ["stac", "dcat", "sheet"])
def test_a_dry_run_writes_nothing(tmp_path: Path, entry: Entry, vocabulary: str) -> None:
    name = {"stac": "tree", "dcat": "c.json", "sheet": "s.xlsx"}[vocabulary]
    report = export_entries([entry], tmp_path / name, vocabulary=vocabulary, dry_run=True)  # type: ignore[arg-type]
    assert report.exported == ("pacific_heat",)
    assert not list(tmp_path.iterdir())


def test_without_the_checkers_the_export_is_written_and_says_so(
    tmp_path: Path, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert export_entries([entry], tmp_path / "tree", vocabulary="stac").checked_by == ""
    assert (tmp_path / "tree" / "catalog.json").exists()


@pytest.mark.parametrize(
    ("vocabulary", "name", "error"),
    [
        ("dcat", "c.ttl", InputError),
        ("sheet", "s.doc", InputError),
        ("stac", "absent/tree", NotFoundError),
    ],
)
def test_a_path_that_does_not_fit_is_refused(
    tmp_path: Path, entry: Entry, vocabulary: str, name: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        export_entries([entry], tmp_path / name, vocabulary=vocabulary)  # type: ignore[arg-type]


def test_nothing_to_export_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no entry to export"):
        export_entries([], tmp_path / "s.csv", vocabulary="sheet")
