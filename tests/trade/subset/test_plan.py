"""Told before a byte of data is read: shapes, bytes, licence; and what cannot be."""

import json
import sys

import numpy as np
import pytest

from oceandata.catalog import Catalog
from oceandata.entities import Asset
from oceandata.errors import InputError, MissingExtraError, NotFoundError, RegionError
from oceandata.storage import counted_reads
from oceandata.trade import plan_subset, write_subset


def test_a_plan_reads_and_writes_nothing(planned, tmp_path):
    with counted_reads() as reads:
        plan = planned(bbox=(-40, -30, 40, 30), time="2020-01-02/2020-01-09", depth=(5, 200), variables=["thetao"])
        text, document = str(plan), json.loads(json.dumps(plan.to_json()))
    assert not [read for read in reads.counts if "/c/" in read.key and "thetao" in read.key]
    assert list(tmp_path.iterdir()) == []
    assert document["variables"]["thetao"]["shape"] == [8, 2, 7, 8]
    assert document["values"] == 8 * 2 * 7 * 8
    assert document["decoded_bytes"] == plan.dataset.nbytes
    assert document["chunks"] == len(plan.lineage.planned[0].chunks)
    assert document["stored_bytes"] == plan.lineage.stored_bytes
    assert document["asked"]["bbox"] == [-40, -30, 40, 30]
    assert document["got"]["bbox"] == [-40.0, -35.0, 40.0, 35.0]
    assert document["got"]["depth_m"] == [10.0, 100.0]
    assert (document["licence"], document["citation"]) == ("CC-BY-4.0", "Someone (2020)")
    assert (document["product"], document["product_status"]) == ("", "not traded")
    for line in (
        "time 8, depth 2, lat 7, lon 8 [degC]",
        "W -40 S -30 E 40 N 30",
        "W -40 S -35 E 40 N 35",
        "2020-01-02",
    ):
        assert line in text
    assert "Someone (2020)" in plan._repr_html_()


def test_what_is_planned_is_served(planned):
    plan = planned(bbox=(-40, -30, 40, 30), variables=["thetao"])
    report = write_subset(plan)
    assert report.usage.unique_bytes == plan.lineage.stored_bytes
    assert report.values == plan.values


@pytest.mark.parametrize("name", ["out.nc", "out.zarr", "out.csv", "out.parquet"])
def test_the_size_is_about_right(planned, name):
    plan = planned(name, bbox=(0, -80, 360, 40), variables=["thetao"], block_bytes=1_000_000)
    report = write_subset(plan)
    assert plan.needed_bytes == plan.decoded_bytes + plan.estimated_bytes
    assert 0.3 < report.nbytes / plan.estimated_bytes < 3


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"name": "out.xls"}, InputError, "need one of .nc, .zarr, .csv, .parquet"),
        ({"name": "none/out.nc"}, NotFoundError, "does not exist. Create it first"),
        ({"entry": "oceann"}, NotFoundError, "Close: 'ocean'"),
        ({"time": "1999"}, NotFoundError, "the dataset runs from 2020-01-01"),
        ({"time": "yesterday"}, InputError, "need dates such as"),
        ({"bbox": (10, 20, 20, 10)}, RegionError, "swapped"),
        ({"bbox": (10, 20, 20)}, RegionError, "need four numbers"),
        ({"depth": (5000, 6000)}, NotFoundError, "the dataset has 0.5 to 900 m"),
        ({"depth": (1, 2, 3)}, InputError, "need two numbers"),
        ({"variables": ["salinity"]}, NotFoundError, "salinity"),
        ({"revision": "r9"}, NotFoundError, "r9"),
        ({"name": "out.csv"}, InputError, "different dimensions, and a table has one row for each cell"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_what_cannot_be_is_one_error_and_leaves_nothing(planned, tmp_path, asked, error, said):
    with pytest.raises(error) as caught:
        planned(**asked)
    assert said in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_parquet_without_pyarrow(planned, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setattr("oceandata.trade.reopened.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"oceandata-exchange\[table\]"):
        planned("out.parquet", variables=["zos"])


def test_equal_requests_are_equal_work_and_others_are_not(planned):
    same = planned(variables=["zos"]).digest
    assert planned(variables=["zos"]).digest == same
    assert planned(variables=["海平面"] if False else "zos").digest == same
    others = [
        planned(variables=["thetao"]),
        planned(variables=["zos"], time="2020-01-02"),
        planned(variables=["zos"], bbox=(0, 0, 50, 50)),
        planned("other.nc", variables=["zos"]),
        planned(variables=["zos"], entry="noleap"),
        planned(variables=["zos"], block_bytes=1_000_000),
    ]
    assert len({same, *(one.digest for one in others)}) == 1 + len(others)


def _elsewhere(ocean, asset: Asset) -> Catalog:
    """Catalogue whose entry is stored as something else than a repository."""
    return Catalog({"ocean": ocean["ocean"].model_copy(update={"assets": {"maps": asset}})})


@pytest.mark.parametrize("kind", ["netcdf", "zarr"])
@pytest.mark.parametrize("name", ["out.nc", "out.zarr", "out.parquet"])
def test_what_has_no_revision_is_written_and_says_so(ocean, ocean_file, planned, tmp_path, kind, name):
    if kind == "netcdf":
        asset = Asset(href=str(ocean_file), type="application/x-netcdf", group="")
    else:
        write_subset(planned("source.zarr"))
        asset = Asset(href=str(tmp_path / "source.zarr"), type="application/vnd+zarr", group="")
    catalog = _elsewhere(ocean, asset)
    plan = plan_subset(catalog, "ocean", tmp_path / name, variables=["zos"], bbox=(-40, -30, 40, 30))
    report = write_subset(plan)
    if kind == "netcdf":
        assert report.lineage.unattributed
        assert [one.entry for one in report.lineage.unpinned] == ["ocean"]
    else:  # a subset of a revision carries what it was made of
        assert {one.through for one in report.lineage.inputs} == {"source.zarr"}
    import pandas as pd
    import xarray as xr

    wanted = ocean.open("ocean", region=(-40, -30, 40, 30))["zos"].to_numpy()
    if name == "out.parquet":
        np.testing.assert_array_equal(pd.read_parquet(tmp_path / name)["zos"], wanted[~np.isnan(wanted)])
        return
    with xr.open_zarr(tmp_path / name) if name == "out.zarr" else xr.open_dataset(tmp_path / name) as ds:
        np.testing.assert_array_equal(ds["zos"], wanted)
        assert ds["zos"].dtype == wanted.dtype
        assert ds.attrs["title"] == "Ocean"


def test_a_source_file_that_changed_is_other_work(ocean, ocean_file, tmp_path):
    import os
    import shutil

    copied = str(shutil.copy(ocean_file, tmp_path / "copy.nc"))
    catalog = _elsewhere(ocean, Asset(href=copied, type="application/x-netcdf", group=""))
    first = plan_subset(catalog, "ocean", tmp_path / "out.nc").digest
    assert plan_subset(catalog, "ocean", tmp_path / "out.nc").digest == first
    os.utime(copied, (1, 1))
    assert plan_subset(catalog, "ocean", tmp_path / "out.nc").digest != first
