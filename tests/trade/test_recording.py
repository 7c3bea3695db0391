"""Recordings: what was computed in between stays attributed; what was written carries it, and goes on when reopened."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
import xarray as xr

from oceandata import analysis, storage
from oceandata.errors import InputError, NotFoundError
from oceandata.readers import OceanZarr
from oceandata.storage.segments import SegmentReader
from oceandata.trade import Lineage, lineage, read_stamp, write_result
from oceandata.trade.recording import current_recording, recording

BOTH = {"example:first", "example:second"}


def _products(found: Lineage) -> set[str]:
    return {one.origin.product for one in found.planned}


def test_values_in_memory_are_made_of_what_was_read(sst: xr.DataArray, other: xr.DataArray) -> None:
    with recording(purpose="research") as run:
        assert current_recording() is run
        early = np.asarray(sst[:20].mean("time"))
        assert _products(run.lineage) == {"example:first"}
        warm = xr.DataArray(early + other[0].to_numpy(), dims=("latitude", "longitude"))
        found = lineage(warm * 2)
        assert _products(found) == BOTH
        assert found.unattributed == ()
        assert [text for text in found.recorded if run.id in text and "research" in text]
        mixed = lineage(sst[40:] + warm)
        (first,) = [one for one in mixed.planned if one.origin.product == "example:first"]
        assert [chunk[0] for chunk in first.chunks] == [0, 1, 3, 4]
    assert current_recording() is None
    assert lineage(warm).unattributed
    assert _products(run.lineage) == BOTH
    assert [one.product for one in run.opened] == ["example:first", "example:second"]
    by_name = {one.origin.product: one for one in run.lineage.planned}
    assert by_name["example:first"].chunks == ((0, 0, 0), (1, 0, 0))
    assert by_name["example:second"].chunks == ((0, 0, 0),)
    assert run.usage.matches
    assert run.usage.unique_bytes == run.lineage.stored_bytes
    assert run.complete


def test_what_was_in_memory_when_nothing_was_read_is_unattributed(sst: xr.DataArray) -> None:
    before = sst[0].compute()
    with recording(purpose="research"):
        found = lineage(before)
        assert found.unattributed
        assert found.recorded == ()


def test_nested_recordings_count_each_for_itself(sst: xr.DataArray, other: xr.DataArray) -> None:
    with recording(purpose="outer") as outer:
        sst[0].compute()
        with recording(purpose="inner") as inner:
            assert _products(lineage(other[0].compute())) == {"example:second"}
        assert current_recording() is outer
    assert _products(inner.lineage) == {"example:second"}
    assert _products(outer.lineage) == BOTH
    assert inner.id != outer.id


def test_what_is_written_carries_the_run_and_goes_on_when_reopened(
    sst: xr.DataArray, other: xr.DataArray, tmp_path: Path
) -> None:
    path = tmp_path / "difference.nc"
    with recording(purpose="operations") as run:
        values = sst[:11].to_numpy().mean(0) - other[30].to_numpy()
        stamped = write_result(xr.DataArray(values, dims=("y", "x"), name="difference"), path)
    assert [(one.name, one.nbytes) for one in run.outputs] == [("difference.nc", path.stat().st_size)]
    assert len(run.outputs[0].sha256) == 64
    found, usage = read_stamp(path)
    assert _products(found) == BOTH
    assert found.unattributed == ()
    assert usage["run"]["id"] == run.id
    assert usage["run"]["purpose"] == "operations"
    assert usage["matches_plan"] is True
    assert usage["unique_bytes"] == stamped.usage.unique_bytes == run.usage.unique_bytes
    for chunks in ({}, None, {"x": 100}):
        again = xr.open_dataset(path, chunks=chunks)["difference"]
        continued = lineage(again * 2 if chunks is not None else again)
        assert _products(continued) == BOTH
        assert {one.through for one in continued.planned} == {"difference.nc"}
        assert continued.unattributed == ()
        assert [one.chunks for one in continued.planned] == [one.chunks for one in found.planned]
    both = lineage(xr.open_dataset(path, chunks={})["difference"] + sst.isel(time=0).data)
    assert {(one.origin.product, one.through) for one in both.planned} == {
        ("example:first", "difference.nc"),
        ("example:second", "difference.nc"),
        ("example:first", ""),
    }


def test_a_third_file_still_knows_the_first_sources(sst: xr.DataArray, other: xr.DataArray, tmp_path: Path) -> None:
    write_result((sst - other).mean("time").rename("x"), tmp_path / "one.nc")
    write_result(xr.open_dataset(tmp_path / "one.nc", chunks={})["x"] + 1, tmp_path / "two.nc")
    found, usage = read_stamp(tmp_path / "two.nc")
    assert _products(found) == BOTH
    assert {one.through for one in found.planned} == {"one.nc"}
    assert usage["inputs"] == []  # nothing was served again
    with xr.open_dataset(tmp_path / "two.nc") as ds:
        assert ds.attrs["license"] == "CC-BY-NC-4.0; LicenseRef-OGL-UK"
    again = lineage(xr.open_dataset(tmp_path / "two.nc", chunks={}))
    assert {one.through for one in again.planned} == {"one.nc"}


def test_zarr_with_a_lineage_goes_on(sst: xr.DataArray, tmp_path: Path) -> None:
    stamped = write_result(sst.mean("time").rename("x"), tmp_path / "x.nc")
    with xr.open_dataset(tmp_path / "x.nc") as ds:
        ds.load().to_zarr(tmp_path / "x.zarr", zarr_format=3, consolidated=False)
    for ds in (
        xr.open_zarr(tmp_path / "x.zarr", consolidated=False),
        storage.open_dataset(tmp_path / "x.zarr", plain=True, chunks={}),
    ):
        found = lineage(ds["x"] + 1)
        assert [one.chunks for one in found.planned] == [one.chunks for one in stamped.lineage.planned]
        assert {one.through for one in found.planned} == {"x.zarr"}
        assert found.unattributed == ()


def test_no_local_folder_is_written_where_a_product_tells_the_source(
    sst: xr.DataArray, ostia_repository: Path, tmp_path: Path
) -> None:
    with recording(purpose="research", folder=tmp_path) as run:
        write_result(sst.mean("time") + sst[0].to_numpy(), tmp_path / "x.nc")
    with xr.open_dataset(tmp_path / "x.nc") as ds:
        assert str(ostia_repository) not in str(ds.attrs)
        assert "example:first" in str(ds.attrs)
    (document,) = tmp_path.glob("*.run.json")
    assert str(ostia_repository) not in document.read_text(encoding="utf-8")
    plain = storage.open_dataset(ostia_repository, chunks={})["surface_temperature"]
    write_result(plain.mean("time"), tmp_path / "unnamed.nc")
    assert read_stamp(tmp_path / "unnamed.nc")[0].planned[0].origin.repository == str(ostia_repository)
    assert run.outputs[0].name == "x.nc"


def test_files_opened_through_a_catalogue_are_named(ostia_file: Path, tmp_path: Path) -> None:
    """NetCDF records no revision: what is owed is known, how much of what state was read is not."""
    file = Path(shutil.copy(ostia_file, tmp_path / "a file.nc"))
    origin = {"entry": "sst", "product": "example:netcdf", "licence": "CC0-1.0", "attribution": "Someone"}
    before = storage.open_files(file)["surface_temperature"]
    assert lineage(before).unpinned == ()
    ds = OceanZarr(url=str(file), type="application/x-netcdf", origin=origin).read()
    for result in (ds["surface_temperature"] + 1, before.mean(), analysis.area_mean(ds["surface_temperature"])):
        found = lineage(result)
        assert [(one.entry, one.product, one.licence) for one in found.unpinned] == [
            ("sst", "example:netcdf", "CC0-1.0")
        ]
        assert found.unattributed
        assert Lineage.from_json(json.loads(json.dumps(found.to_json()))) == found
    write_result(ds["surface_temperature"].mean("time"), tmp_path / "mean.nc")
    with xr.open_dataset(tmp_path / "mean.nc") as made:
        assert made.attrs["license"] == "CC0-1.0"
        assert made.attrs["acknowledgement"] == "Someone"
        assert str(tmp_path) not in str(made.attrs)
    again = lineage(xr.open_dataset(tmp_path / "mean.nc", chunks={}))
    assert [one.product for one in again.unpinned] == ["example:netcdf"]


def test_the_record_in_a_folder(sst: xr.DataArray, other: xr.DataArray, tmp_path: Path) -> None:
    with recording(purpose="research", folder=tmp_path, run="job-7") as run:
        (segment,) = tmp_path.glob("*.reads")
        dask.compute(sst[:30].mean(), other[0])
        reader = SegmentReader(segment)
        served = reader.poll()
        assert {one.key for one in served if "/surface_temperature/c" in one.key} == {
            f"maps/surface_temperature/c/{number}/0/0" for number in range(3)
        }
        assert reader.about["run"]["id"] == "job-7"
        assert reader.faults == []
    assert reader.poll() == []
    assert reader.faults == []
    (path,) = tmp_path.glob("*.run.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    assert (document["id"], document["purpose"]) == ("job-7", "research")
    assert document["software"]["dask"] == dask.__version__
    assert Lineage.from_json(document["lineage"]).planned
    assert document["usage"]["complete"] is True
    assert run.ended is not None
    assert {one.name.partition("-")[0] for one in tmp_path.iterdir()} == {f"{run.started:%Y%m%dT%H%M%S}"}


def test_a_run_that_fails_is_recorded(sst: xr.DataArray, tmp_path: Path) -> None:
    def fail(block: Any) -> Any:
        raise ZeroDivisionError

    failing = sst[0].copy(data=sst[0].data.map_blocks(fail, meta=sst[0].data._meta))
    with pytest.raises(ZeroDivisionError), recording(purpose="research", folder=tmp_path) as run:
        failing.compute()
    assert run.ended is not None
    assert _products(run.lineage) == {"example:first"}
    assert list(tmp_path.glob("*.run.json"))
    (segment,) = tmp_path.glob("*.reads")
    assert [one for one in SegmentReader(segment).poll() if one.key.endswith("c/0/0/0")]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"purpose": " "}, InputError, "the purpose is empty"),
        ({"purpose": "research", "folder": "/nowhere/at/all"}, NotFoundError, "there is no folder"),
    ],
)
def test_refused(arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words), recording(**arguments):
        pytest.fail("the block was entered")
    assert current_recording() is None


def test_views(open_sst: Callable[..., xr.DataArray]) -> None:
    with recording(purpose="<script>") as run:
        open_sst()[0].compute()
        assert "goes on" in str(run)
    assert "example:first: surface_temperature" in str(run)
    assert "complete    yes" in str(run)
    assert "<script>" not in run._repr_html_()
