"""Entries as STAC collections: valid, with nothing internal, and read by pystac's own extensions."""

import json
import warnings
from pathlib import Path

import pytest

from oceandata.catalog.transfer import catalog_to_stac, check_stac, entry_to_stac, import_entries
from oceandata.entities import Entry, Extent
from oceandata.errors import DocumentError, InputError, MissingExtraError

pystac = pytest.importorskip("pystac")


def test_a_collection_is_valid_and_says_what_the_entry_says(entry: Entry) -> None:
    collection = entry_to_stac(entry)
    check_stac(collection)
    assert collection["license"] == "CC-BY-4.0"
    assert collection["extent"]["spatial"]["bbox"] == [[120.1, -10.0, -70.30000000000001, 60.25]]
    assert collection["extent"]["temporal"]["interval"] == [["1993-01-16T12:00:00Z", "2020-12-16T12:00:00.123456Z"]]
    assert collection["sci:doi"] == "10.1234/abc"
    assert collection["version"] == "r3"
    assert collection["providers"][0]["processing:level"] == "L4"
    assert list(collection["assets"]) == ["maps", "files", "repository"]
    assert collection["assets"]["maps"]["file:size"] == 12_345_678_901_234_567
    assert "holdings" not in json.dumps(collection)


def test_extensions_are_named_exactly_where_their_fields_are_used(entry: Entry) -> None:
    names = [url.split("/")[3] for url in entry_to_stac(entry)["stac_extensions"]]
    assert names == ["datacube", "scientific", "version", "file", "processing", "xarray-assets"]
    bare = entry.model_copy(
        update={
            "variables": {},
            "doi": "",
            "citation": "",
            "providers": (),
            "assets": {"inside": entry.assets["inside"]},
        }
    )
    collection = entry_to_stac(bare)
    check_stac(collection)
    assert collection["stac_extensions"] == []
    assert "assets" not in collection


def test_pystac_reads_the_datacube_and_the_citation(entry: Entry) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pystac.extensions.datacube import DatacubeExtension
        from pystac.extensions.scientific import ScientificExtension

        collection = pystac.Collection.from_dict(entry_to_stac(entry))
        cube = DatacubeExtension.ext(collection)
        dimensions = {name: one.to_dict() for name, one in cube.dimensions.items()}
        variables = {name: (str(one.var_type), one.dimensions, one.unit) for name, one in cube.variables.items()}
        assert ScientificExtension.ext(collection).doi == "10.1234/abc"
    lon = {"type": "spatial", "axis": "x", "extent": [120.1, 289.7], "reference_system": 4326, "oceandata:size": 360}
    assert dimensions["lon"]["extent"] == pytest.approx(lon.pop("extent"))
    assert {key: value for key, value in dimensions["lon"].items() if key != "extent"} == lon
    assert dimensions["lat"]["extent"] == [-10.0, 60.25]
    assert dimensions["time"]["step"] == "P1M"
    assert variables["ohc"] == ("data", ["time", "lat", "lon"], "J m-2")
    assert "flag; odd" not in variables  # its dimensions are unknown


@pytest.mark.parametrize(
    ("bbox", "written"),
    [
        ((0.0, -90.0, 360.0, 90.0), [-180.0, -90.0, 180.0, 90.0]),
        ((160.0, -5.0, 240.0, 5.0), [160.0, -5.0, -120.0, 5.0]),
        ((170.0, -5.0, -170.0, 5.0), [170.0, -5.0, -170.0, 5.0]),
        ((100.0, 0.0, 180.0, 5.0), [100.0, 0.0, 180.0, 5.0]),
    ],
)
def test_boxes_in_the_longitudes_of_stac(entry: Entry, bbox: tuple[float, ...], written: list[float]) -> None:
    moved = entry.model_copy(update={"extent": Extent(bbox=bbox)})
    collection = entry_to_stac(moved)
    assert collection["extent"]["spatial"]["bbox"] == [written]
    assert collection["extent"]["temporal"]["interval"] == [[None, None]]
    check_stac(collection)


@pytest.mark.parametrize("licence", ["NOASSERTION", "LicenseRef-OGL-UK", "CC-BY-4.0 OR MIT", "freely available"])
def test_a_licence_that_is_no_single_identifier_is_other(entry: Entry, licence: str) -> None:
    collection = entry_to_stac(entry.model_copy(update={"license": licence}))
    assert (collection["license"], collection["oceandata:license"]) == ("other", licence)
    check_stac(collection)


def test_without_a_box_there_is_no_collection(entry: Entry) -> None:
    with pytest.raises(InputError, match="has no box, which a STAC collection needs"):
        entry_to_stac(entry.model_copy(update={"extent": Extent()}))


def test_an_entry_that_may_not_be_released_is_refused(entry: Entry) -> None:
    with pytest.raises(DocumentError, match="grade is absent"):
        entry_to_stac(entry.model_copy(update={"grade": ""}))


def test_a_tree_is_walked_by_pystac_and_imported_again(tmp_path: Path, entry: Entry) -> None:
    other = entry.model_copy(update={"id": "other", "title": "Other"})
    files = catalog_to_stac([entry_to_stac(one) for one in (entry, other)], name="ocean", title="Ocean")
    for place, document in files.items():
        check_stac(document)
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(json.dumps(document), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = pystac.Catalog.from_file(tmp_path / "catalog.json")
        assert [child.id for child in tree.get_children()] == ["pacific_heat", "other"]
        assert all(child.get_root() is tree for child in tree.get_children())
    report = import_entries(tmp_path / "catalog.yaml", tmp_path / "catalog.json", dry_run=True)
    assert [outcome.faults for outcome in report.outcomes] == [(), ()]
    again = report.outcomes[0].entry
    assert again is not None
    dropped = ("created", "grade", "status", "trade", "source_page", "source_page_read")
    kept = {key: value for key, value in entry.to_json().items() if key not in dropped}
    kept["assets"].pop("inside")
    kept["extent"].pop("depth_m")  # no variable has a vertical dimension
    assert again.to_json() == kept


def test_a_damaged_document_is_refused(entry: Entry) -> None:
    with pytest.raises(DocumentError, match="no valid STAC"):
        check_stac({**entry_to_stac(entry), "extent": {}})


def test_the_missing_extra_is_named(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"oceandata-exchange\[share\]"):
        check_stac(entry_to_stac(entry))
