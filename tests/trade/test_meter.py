"""Metering: what was served is what was planned, chunk by chunk; what was served twice is told apart."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
import xarray as xr
import zarr

from oceandata import analysis, storage
from oceandata.entities import Origin
from oceandata.trade import Lineage, Usage, lineage, metering

Shape = Callable[[xr.DataArray], Any]

_POINTS = xr.DataArray([2, 9, 5], dims="point")

SHAPES: dict[str, Shape] = {
    "plain": lambda sst: sst,
    "arithmetic": lambda sst: (sst - 273.15) * 1.8,
    "with itself": lambda sst: sst * 2 + sst,
    "mean": lambda sst: sst.mean(),
    "one step": lambda sst: sst.isel(time=17),
    "off the edges": lambda sst: sst.isel(time=slice(5, 40), longitude=slice(100, 301)),
    "backwards": lambda sst: sst.isel(time=slice(50, 3, -1)),
    "chosen steps": lambda sst: sst.isel(time=[3, 50, 12]),
    "points": lambda sst: sst.isel(latitude=_POINTS, longitude=_POINTS * 20 + 100),
    "rechunked": lambda sst: sst.chunk(time=7, longitude=100).sum("time"),
    "concatenated": lambda sst: xr.concat([sst.isel(time=slice(0, 20)), sst.isel(time=slice(40, None))], "time"),
    "group by month": lambda sst: sst.groupby("time.month") - sst.groupby("time.month").mean(),
    "rolling": lambda sst: sst.rolling(time=3).mean(),
    "streamed climatology": lambda sst: analysis.climatology(sst.isel(time=slice(11, 54))),
    "streamed anomaly": lambda sst: analysis.anomaly(sst, analysis.climatology(sst)),
    "streamed area mean": lambda sst: analysis.area_mean(sst, region=(200, -3, 240, 3)),
    "index": lambda sst: analysis.index(sst.isel(time=slice(0, 30)), "nino3"),
}


def _metered(result: Any, **how: Any) -> Usage:
    with metering(lineage(result)) as usage:
        dask.compute(result, **how)
    return usage


@pytest.mark.filterwarnings("ignore::oceandata.errors.OceanDataWarning")
@pytest.mark.parametrize("shape", SHAPES)
def test_served_is_planned_chunk_by_chunk(sst: xr.DataArray, shape: str) -> None:
    result = SHAPES[shape](sst)
    planned = lineage(result)
    usage = _metered(result, scheduler="threads", num_workers=4)
    assert usage.matches
    (one,) = usage.inputs
    assert one.served == one.planned == planned.planned[0].keys
    assert (one.missing, one.extra, one.absent) == (frozenset(), frozenset(), frozenset())
    assert usage.unique_bytes == planned.stored_bytes > 0
    assert usage.gross_bytes >= usage.unique_bytes
    assert usage.processes == 1


def test_the_plan_does_not_fit_another_result(sst: xr.DataArray) -> None:
    with metering(lineage(sst.isel(time=slice(0, 22)))) as usage:
        sst.isel(time=slice(11, 33)).compute()
    assert not usage.matches
    (one,) = usage.inputs
    assert one.missing == {"maps/surface_temperature/c/0/0/0"}
    assert one.extra == {"maps/surface_temperature/c/2/0/0"}
    assert "differ" in usage._repr_html_()


def test_computing_twice_doubles_gross_not_unique(sst: xr.DataArray) -> None:
    result = sst.mean()
    with metering(lineage(result)) as usage:
        result.compute()
        result.compute()
    assert usage.matches
    assert usage.gross_bytes == 2 * usage.unique_bytes == 2 * lineage(result).stored_bytes


@pytest.mark.parametrize("chunks", [{}, {"time": 1}, {"time": 54, "longitude": 50}, "auto"])
def test_unique_bytes_do_not_depend_on_blocks(open_sst: Callable[..., xr.DataArray], chunks: Any) -> None:
    """A price may not depend on how somebody sets his chunks."""
    usage = _metered(open_sst(chunks=chunks, region=(170, -5, -120, 5), time="2009").mean("time"))
    whole = lineage(open_sst(chunks={}, time="2009"))
    assert usage.matches
    assert usage.unique_bytes == whole.stored_bytes


def test_products_are_metered_apart(sst: xr.DataArray, other: xr.DataArray) -> None:
    usage = _metered(sst.isel(time=slice(0, 11)) + other)
    assert usage.matches
    assert {one.origin.product: len(one.served) for one in usage.inputs} == {"example:first": 1, "example:second": 1}
    assert sum(one.unique_bytes for one in usage.inputs) == usage.unique_bytes


def test_coordinates_and_metadata_are_overhead(open_sst: Callable[..., xr.DataArray]) -> None:
    with metering() as usage:
        sst = open_sst()
        usage.plan = lineage(sst.isel(time=0))
    assert usage.overhead_objects > 3
    assert usage.overhead_bytes > 0
    assert usage.unique_bytes == 0
    assert not usage.matches
    with metering() as usage:
        sst.isel(time=0).compute()
    assert (usage.inputs, usage.overhead_objects) == ((), 1)


def test_nothing_outside_the_block_is_counted(sst: xr.DataArray) -> None:
    sst.isel(time=0).compute()
    with metering(lineage(sst)) as usage:
        pass
    sst.isel(time=0).compute()
    assert (usage.unique_bytes, usage.gross_bytes, usage.processes) == (0, 0, 0)


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    """A repository of which one chunk holds nothing but missing values, so that it is not stored."""
    path = tmp_path / "sparse.nc"
    values = np.arange(4 * 6 * 8, dtype="f4").reshape(4, 6, 8)
    values[2:] = np.nan
    coords = {"time": np.arange("2001-01", "2001-05", dtype="M8[M]").astype("M8[ns]"), "lat": np.arange(6.0)}
    ds = xr.Dataset({"sst": (("time", "lat", "lon"), values)}, coords | {"lon": np.arange(8.0)})
    ds["sst"].attrs = {"units": "K", "standard_name": "sea_surface_temperature"}
    ds["lat"].attrs, ds["lon"].attrs = {"units": "degrees_north"}, {"units": "degrees_east"}
    ds.to_netcdf(path)
    storage.write_repository(storage.plan_ingest([path], tmp_path / "sparse", chunk_bytes=2 * 6 * 8 * 4))
    return tmp_path / "sparse"


def test_empty_chunks_are_used_but_not_served(sparse: Path) -> None:
    sst = storage.open_dataset(sparse, origin=Origin(repository="", product="example:sparse"), chunks={})["sst"]
    assert sst.chunksizes["time"] == (2, 2)
    usage = _metered(sst)
    (one,) = usage.inputs
    assert one.absent == {"maps/sst/c/1/0/0"}
    assert one.served == {"maps/sst/c/0/0/0"}
    assert usage.matches
    assert usage.unique_bytes == lineage(sst).stored_bytes
    assert "1 served, 2 planned, 1 empty" in usage.rows()[0][1]


def test_a_chunk_that_is_gone_is_missing_not_empty(ostia_repository: Path, tmp_path: Path) -> None:
    """The leaves say that it was stored: its absence is no fill value."""
    from zarr.core.sync import sync

    copy = shutil.copytree(ostia_repository, tmp_path / "copy")
    session = storage.open_repository(copy).writable_session("main")
    sync(zarr.open_group(session.store, mode="a").store.delete("maps/surface_temperature/c/3/0/0"))
    session.commit("lose a chunk")
    sst = storage.open_dataset(copy, chunks={})["surface_temperature"]
    usage = _metered(sst)
    (one,) = usage.inputs
    assert one.missing == {"maps/surface_temperature/c/3/0/0"}
    assert one.absent == frozenset()
    assert not usage.matches
    assert usage.unique_bytes < lineage(sst).stored_bytes


@pytest.fixture
def cluster() -> Iterator[Any]:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0") as local,
        Client(local) as client,
    ):
        yield client


def test_two_worker_processes(sst: xr.DataArray, cluster: Any) -> None:
    result = (sst - 273.15).mean(["latitude", "longitude"])
    with metering(lineage(result)) as usage:
        computed = result.compute()
    assert usage.matches
    assert usage.unique_bytes == usage.gross_bytes == lineage(sst).stored_bytes
    assert 1 <= usage.processes <= 2
    np.testing.assert_allclose(computed, result.compute(scheduler="synchronous"), rtol=1e-6)
    with metering(lineage(sst)) as usage:
        futures = [
            cluster.compute(sst.isel(time=slice(11 * n, 11 * n + 11)), workers=[worker])
            for n, worker in enumerate(cluster.scheduler_info()["workers"])
        ]
        cluster.gather(futures)
    assert usage.processes == 2
    assert len(usage.inputs[0].served) == 2
    assert lineage(sst.persist()).unattributed


def test_views(sst: xr.DataArray) -> None:
    usage = _metered(sst)
    document = json.loads(json.dumps(usage.to_json(), allow_nan=False))
    assert document["matches_plan"] is True
    assert document["unique_bytes"] == usage.unique_bytes
    assert document["inputs"][0]["chunks_planned"] == document["inputs"][0]["chunks_served"] == 5
    rows = usage.rows()
    assert rows[0][:2] == ("example:first: surface_temperature", "5 served, 5 planned")
    assert rows[-1][0] == "coordinates and metadata"
    assert "exactly the planned chunks were served" in usage._repr_html_()
    assert Usage(Lineage(())).to_json()["inputs"] == []


def test_an_error_inside_the_block_is_the_callers(sst: xr.DataArray) -> None:
    with pytest.raises(ZeroDivisionError), metering(lineage(sst)):
        raise ZeroDivisionError
    assert _metered(sst.isel(time=0)).matches
