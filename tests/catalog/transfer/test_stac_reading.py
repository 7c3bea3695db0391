"""STAC that others wrote: collections, items, trees, and files that lead astray."""

import json
from pathlib import Path
from typing import Any

import pytest

from oceandata.catalog import open_catalog
from oceandata.catalog.transfer import ImportReport, import_entries

ZARR = {"href": "https://data.example.org/sst.zarr", "type": "application/vnd+zarr; version=3", "roles": ["data"]}


def item(name: str, day: str, href: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "bbox": [117, 37, 123, 41],
        "geometry": None,
        "properties": {
            "datetime": f"{day}T00:00:00Z",
            "cube:variables": {"sst": {"dimensions": ["time"]}},
            **properties,
        },
        "assets": {"data": {"href": href}, "thumbnail": {"href": "x.png", "type": "image/png"}},
        "links": [],
    }


def collection(**fields: Any) -> dict[str, Any]:
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": "SST.Daily-1",
        "title": "SST",
        "description": "Daily SST",
        "license": "proprietary",
        "keywords": ["sst"],
        "providers": [{"name": "Institute", "roles": ["producer", "weird"], "url": "https://a.example.org"}],
        "extent": {
            "spatial": {"bbox": [[117, 37, 0, 123, 41, 10]]},
            "temporal": {"interval": [["2009-01-01T08:00:00+08:00", "2010-12-31T00:00:00.000Z"]]},
        },
        "links": [],
        **fields,
    }


CUBE = {
    "cube:dimensions": {
        "time": {"type": "temporal", "extent": ["2009-01-01", None], "step": "P1D"},
        "depth": {"type": "spatial", "axis": "z", "extent": [0, 700], "unit": "m"},
    },
    "cube:variables": {
        "sst": {"dimensions": ["time", "depth"], "type": "data", "unit": "degC", "description": "Temperature"},
        "time": {"dimensions": ["time"], "type": "auxiliary"},
    },
}


def imported(folder: Path, files: dict[str, Any], top: str = "top.json") -> ImportReport:
    for name, document in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(document), encoding="utf-8")
    return import_entries(folder / "catalog.yaml", folder / top)


def test_a_collection_with_a_datacube(tmp_path: Path) -> None:
    report = imported(tmp_path, {"top.json": collection(assets={"zarr": ZARR}, **CUBE)})
    assert report.form == "STAC 1.0.0"
    assert open_catalog(tmp_path / "catalog.yaml")["sst_daily_1"].to_json() == {
        "schema_version": 1,
        "id": "sst_daily_1",
        "title": "SST",
        "summary": "Daily SST",
        "keywords": ["sst"],
        "license": "NOASSERTION",
        "providers": [{"name": "Institute", "roles": ["producer"], "url": "https://a.example.org"}],
        "extent": {
            "bbox": [117.0, 37.0, 123.0, 41.0],
            "time": ["2009-01-01T00:00:00Z", "2010-12-31T00:00:00Z"],
            "depth_m": [0.0, 700.0],
            "time_resolution": "P1D",
        },
        "variables": {"sst": {"dimensions": ["time", "depth"], "units": "degC", "long_name": "Temperature"}},
        "assets": {
            "zarr": {"href": ZARR["href"], "type": "application/vnd+zarr", "group": "", "access": "maps"},
        },
    }
    assert "id 'SST.Daily-1' was written as 'sst_daily_1'." in report.outcomes[0].notes


def test_items_that_are_files_of_one_kind_are_one_dataset_in_order_of_time(tmp_path: Path) -> None:
    links = [{"rel": "item", "href": f"./items/{name}.json"} for name in "ba"]
    files = {
        "top.json": collection(links=links),
        "items/b.json": item("b", "2010-01-01", "../data/2010/b.nc"),
        "items/a.json": item("a", "2009-01-01", "../data/2009/a.nc"),
    }
    report = imported(tmp_path, files)
    (outcome,) = report.outcomes
    assert "2 items are taken as the files of one dataset." in outcome.notes
    asset = open_catalog(tmp_path / "catalog.yaml")["sst_daily_1"].assets["data"]
    assert asset.files == ("2009/a.nc", "2010/b.nc")
    assert asset.href == "{CATALOG_DIR}/data"


@pytest.mark.parametrize("second", ["https://data.example.org/b.zarr", "https://other.example.org/b.nc"])
def test_items_of_several_kinds_are_datasets_of_their_own(tmp_path: Path, second: str) -> None:
    links = [{"rel": "item", "href": f"{name}.json"} for name in "ab"]
    files = {
        "top.json": collection(links=links),
        "a.json": item("a", "2009-01-01", "https://data.example.org/a.nc"),
        "b.json": item("b", "2010-01-01", second),
    }
    assert imported(tmp_path, files).counts["created"] == 2
    entry = open_catalog(tmp_path / "catalog.yaml")["b"]
    assert entry.providers[0].name == "Institute"  # inherited from the collection
    assert f"{entry.extent.time[0]:%Y}" == "2010" if entry.extent.time else False


def test_a_tree_is_walked_once_whatever_its_links_say(tmp_path: Path) -> None:
    top = {"type": "Catalog", "stac_version": "1.0.0", "id": "top", "description": "x"}
    links = [{"rel": "child", "href": "sub/collection.json"}, {"rel": "child", "href": "top.json"}]
    sub = collection(assets={"zarr": ZARR}, links=[{"rel": "child", "href": "../top.json"}])
    report = imported(tmp_path, {"top.json": {**top, "links": links}, "sub/collection.json": sub})
    assert report.counts["created"] == 1
    assert report.notes == ()


def test_links_out_of_the_folder_and_to_the_web_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text(json.dumps(collection(assets={"zarr": ZARR})), encoding="utf-8")
    hrefs = ["../secret.json", "https://a.example.org/c.json", "absent.json", "text.json", "/etc/passwd"]
    top = {"type": "Catalog", "stac_version": "1.0.0", "id": "top", "description": "x"}
    links = [{"rel": "child", "href": href} for href in hrefs]
    files = {"in/top.json": {**top, "links": links}, "in/text.json": ["no STAC"]}
    report = imported(tmp_path, files, top="in/top.json")
    assert report.outcomes == ()
    assert len(report.notes) == len(hrefs)
    assert "no file below" in report.notes[0]


def test_a_document_without_data_is_refused_with_its_assets_named(tmp_path: Path) -> None:
    png = {"preview": {"href": "x.png", "type": "image/png"}}
    (outcome,) = imported(tmp_path, {"top.json": collection(assets=png)}).outcomes
    assert outcome.action == "refused"
    assert "no asset is Zarr, Icechunk or NetCDF (assets: preview)" in outcome.faults[0].message


@pytest.mark.parametrize(
    "change",
    [
        {"assets": {"zarr": {**ZARR, "href": "{{cycler}}"}}},
        {"assets": {"zarr": {**ZARR, "href": "https://u:secret@a.org/x"}}},
        {"assets": {"zarr": {**ZARR, "href": "gopher://a.org/x"}}},
        {"attribution": "{func(os:getcwd)}"},
        {"assets": {"zarr": {**ZARR, "oceandata:layout": {"reader": "os:system"}}}},
        {"extent": {"spatial": {"bbox": [["a", {}, None, 3]]}, "temporal": {"interval": [["x", "y"]]}}},
        {"providers": [{"name": ""}]},
        {"keywords": [1, None], "cube:variables": {"x": {"dimensions": [1]}}},
    ],
)
def test_what_a_stranger_writes_is_refused_not_run(tmp_path: Path, change: dict[str, Any]) -> None:
    report = imported(tmp_path, {"top.json": {**collection(assets={"zarr": ZARR}), **change}})
    assert report.counts["refused"] == 1
    assert not (tmp_path / "catalog.yaml").exists()


@pytest.mark.parametrize(
    "change",
    [
        *({"extent": 3}, {"extent": {"spatial": 1, "temporal": {"interval": []}}}, {"links": 3}, {"keywords": "x"}),
        *({"providers": {"a": 1}}, {"cube:dimensions": [], "cube:variables": "x"}, {"title": None}),
    ],
)
def test_odd_forms_are_read_as_saying_nothing(tmp_path: Path, change: dict[str, Any]) -> None:
    report = imported(tmp_path, {"top.json": {**collection(assets={"zarr": ZARR}), **change}})
    assert report.counts["created"] == 1
