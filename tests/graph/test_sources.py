"""What a plan says will be read is what the store serves, chunk by chunk; what has no source is said to have none."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
import zarr

from oceandata import storage
from oceandata.analysis import anomaly, area_mean, climatology
from oceandata.analysis.accumulators import WeightedSum
from oceandata.analysis.streaming import accumulate
from oceandata.graph import Reading, read_plan
from oceandata.graph.collector import store_identity


def _planned(reading: Reading) -> set[str]:
    return {"/".join([read.path, "c", *map(str, chunk)]) for read in reading.arrays for chunk in read.chunks}


def _served(reads: storage.counting.Reads) -> dict[str, int]:
    """How often each data chunk was served; metadata is not counted."""
    served: dict[str, int] = {}
    for read, (times, _) in reads.counts.items():
        if not read.key.endswith("zarr.json"):
            served[read.key] = served.get(read.key, 0) + times
    return served


def _assert_read_as_planned(*objects: Any, **settings: Any) -> dict[str, int]:
    with storage.counted_reads() as before:
        reading = read_plan(*objects)
    assert _served(before) == {}
    with storage.counted_reads() as reads:
        if len(objects) == 1 and hasattr(objects[0], "coords"):
            objects[0].compute(**settings)
        else:
            dask.compute(*objects, **settings)
    served = _served(reads)
    assert set(served) == _planned(reading)
    return served


def _lazily(repository: Path) -> xr.DataArray:
    store = storage.open_store(repository)
    return xr.open_dataset(store, engine="zarr", group="maps", consolidated=False)["surface_temperature"]


def test_expression_reads_what_is_planned(expression: xr.DataArray) -> None:
    served = _assert_read_as_planned(expression, scheduler="threads")
    assert any(key.startswith("maps/surface_temperature/c/") for key in served)


def test_streamed_expression_reads_what_is_planned(expression: xr.DataArray) -> None:
    fold = WeightedSum(tuple(range(expression.ndim)), np.ones(expression.shape))
    sums = accumulate(expression.data, fold)
    _assert_read_as_planned(sums["weighted_sum"], sums["weight"], scheduler="threads")


@pytest.mark.parametrize(
    ("routine", "times"),
    [
        (area_mean, 1),
        (climatology, 1),
        (lambda sst: area_mean(sst - 273.15, region=(190, -5, 240, 5)), 1),
        (lambda sst: climatology(sst.isel(time=slice(7, 50)).sel(longitude=slice(20, 40)), spread=True), 1),
        (anomaly, 2),
        (lambda sst: area_mean(anomaly(sst)), 2),
    ],
    ids=["mean", "climatology", "mean of a box", "spread of a part", "anomaly", "mean of the anomaly"],
)
@pytest.mark.filterwarnings("ignore:the region asked for:oceandata.errors.OceanDataWarning")
def test_routine_reads_each_chunk_as_often_as_it_must(sst: xr.DataArray, routine: Any, times: int) -> None:
    served = _assert_read_as_planned(routine(sst), scheduler="threads")
    assert {count for key, count in served.items() if "surface" in key} == {times}


def test_results_computed_together_share_their_reads(sst: xr.DataArray) -> None:
    fold = WeightedSum((1, 2), np.ones(sst.shape[1:]))
    sums = accumulate(sst.data, fold)
    served = _assert_read_as_planned(sums["weighted_sum"] / sums["weight"], sums["weight"], scheduler="threads")
    assert served == {f"maps/surface_temperature/c/{number}/0/0": 1 for number in range(5)}


def test_region_of_the_plan_is_the_smallest_box(ostia_repository: Path) -> None:
    chosen = _lazily(ostia_repository).isel(time=slice(40, 5, -7), latitude=[3, 9], longitude=17).chunk()
    (read,) = [read for read in read_plan(chosen).arrays if read.path == "maps/surface_temperature"]
    assert read.region == (slice(12, 41), slice(3, 10), slice(17, 18))
    assert read.chunks == {(1, 0, 0), (2, 0, 0), (3, 0, 0)}
    assert read.store.origin.repository.endswith("repository")


def test_two_openings_of_a_repository_are_one_source(ostia_repository: Path, sst: xr.DataArray) -> None:
    again = _lazily(ostia_repository).chunk(time=11)
    reading = read_plan(sst.isel(time=slice(0, 11)).mean().data, again.isel(time=slice(22, 33)).mean().data)
    assert [(read.path, read.chunks) for read in reading.arrays] == [
        ("maps/surface_temperature", {(0, 0, 0), (2, 0, 0)})
    ]
    assert store_identity(reading.arrays[0].store)[0] == "CountingStore"


_POINTS = xr.DataArray([0, 50], dims="point")


@pytest.mark.parametrize(
    "select",
    [
        lambda sst: sst.isel(time=slice(20, 30)),
        lambda sst: sst.isel(time=slice(30, 20, -3), latitude=[1, 5]),
        lambda sst: sst.isel(time=slice(3, None, 25)),
        lambda sst: sst.isel(time=[1, 40]),
        lambda sst: sst.isel(time=40),
        lambda sst: sst.isel(time=_POINTS, longitude=_POINTS),
        lambda sst: sst.isel(time=_POINTS, longitude=_POINTS, latitude=_POINTS // 5),
        lambda sst: sst.transpose("longitude", "time", "latitude")[:, 12:30],
        lambda sst: sst.isel(time=slice(3, 30)).isel(time=slice(10, 19)).transpose(),
    ],
    ids=[
        "slice",
        "stride",
        "wide stride",
        "list",
        "number",
        "points in two",
        "points in three",
        "transposed",
        "slices transposed",
    ],
)
def test_selection_at_opening(ostia_repository: Path, select: Any) -> None:
    _assert_read_as_planned(select(_lazily(ostia_repository)).chunk(), scheduler="threads")
    _assert_read_as_planned(select(_lazily(ostia_repository)).chunk() * 2, scheduler="threads")
    _assert_read_as_planned(select(_lazily(ostia_repository)))


def test_points_on_a_grid_of_chunks_read_their_own_chunks_only() -> None:
    store = zarr.storage.MemoryStore()
    encoding = {"sst": {"chunks": (2, 3)}}
    xr.Dataset({"sst": (("y", "x"), np.zeros((6, 9)))}).to_zarr(store, encoding=encoding, consolidated=False)
    at = xr.DataArray([0, 5, 1], dims="point")
    opened = xr.open_zarr(store, consolidated=False, chunks=None)["sst"]
    (read,) = read_plan(opened.isel(y=at, x=at + 3).chunk(point=3)).arrays
    assert read.chunks == {(0, 1), (2, 2)}
    assert read.region == (slice(0, 6), slice(3, 9))
    (read,) = read_plan(opened.transpose()[1:4, 2:4].chunk()).arrays
    assert read.chunks == {(1, 0), (1, 1)}


def test_one_of_two_results_is_planned_alone(sst: xr.DataArray) -> None:
    for steps, chunks in ((17, {1}), (slice(15, 16), {1}), (slice(30, 40), {2, 3})):
        chosen = sst.isel(time=steps).data
        sums = accumulate(chosen, WeightedSum(tuple(range(chosen.ndim)), np.ones(chosen.shape)))
        (read,) = read_plan(sums["weight"]).arrays
        assert read.chunks == {(chunk, 0, 0) for chunk in chunks}


def test_selection_before_decoding(ostia_repository: Path) -> None:
    store = storage.open_store(ostia_repository)
    raw = xr.open_dataset(store, engine="zarr", group="maps", consolidated=False, decode_cf=False)
    decoded = xr.decode_cf(raw[["surface_temperature"]].isel(time=slice(25, 50)))["surface_temperature"]
    served = _assert_read_as_planned(decoded.isel(time=slice(15, 18)).chunk(), scheduler="threads")
    assert [key for key in served if "surface" in key] == ["maps/surface_temperature/c/3/0/0"]


def test_plain_zarr_array_with_shards() -> None:
    array = zarr.create_array(zarr.storage.MemoryStore(), shape=(8, 6), chunks=(1, 2), shards=(4, 6), dtype="f4")
    (read,) = read_plan(da.from_zarr(array)[5:, 1:3]).arrays
    assert read.chunks == {(1, 0)}


@pytest.mark.parametrize(
    "hold",
    [
        lambda sst: sst.persist(scheduler="threads"),
        lambda sst: sst.compute(scheduler="threads"),
        lambda sst: sst.compute(scheduler="threads").chunk(time=9),
        lambda sst: area_mean(sst.persist(scheduler="threads")),
        lambda sst: area_mean(sst.compute(scheduler="threads").chunk(time=9)),
        lambda sst: area_mean(sst).persist(scheduler="threads"),
        lambda sst: area_mean(sst).persist(scheduler="threads").chunk(time=2) + 1,
        lambda sst: climatology(sst.isel(longitude=[3, 9], latitude=[2])).persist(scheduler="threads") - 1,
        lambda sst: climatology(area_mean(sst).compute(scheduler="threads").chunk(time=9) - 1),
    ],
    ids=[
        "persisted",
        "computed",
        "computed and chunked",
        "mean of persisted",
        "mean of computed",
        "persisted mean",
        "small blocks",
        "persisted climatology",
        "climatology of small blocks",
    ],
)
def test_values_in_memory_are_unattributed(sst: xr.DataArray, hold: Any) -> None:
    reading = read_plan(hold(sst.drop_vars("forecast_reference_time")))
    assert any("array in memory" in text for text in reading.unattributed)
    assert not any(read.path == "maps/surface_temperature" for read in reading.arrays)


def test_mixture_names_both_source_and_what_has_none(sst: xr.DataArray) -> None:
    reading = read_plan(sst - sst.mean("time").compute(scheduler="threads"))
    assert reading.unattributed == ("array in memory (1, 18, 432) float32",)
    assert any(len(read.chunks) == 5 for read in reading.arrays)


def test_dataset_in_part_in_memory_says_so(sst: xr.DataArray) -> None:
    reading = read_plan(xr.Dataset({"lazy": sst, "held": ("cell", np.zeros(20))}))
    assert reading.unattributed == ("array in memory (20,) float64",)
    assert any(read.path == "maps/surface_temperature" for read in reading.arrays)
    held = read_plan(xr.Dataset({"held": ("cell", np.zeros(20))}))
    assert held == Reading((), ("array in memory (20,) float64",))


def test_arguments_are_not_inputs(sst: xr.DataArray) -> None:
    assert read_plan((sst * np.float64(2) + np.arange(18.0)[:1]).mean()).unattributed == ()


def test_array_of_unknown_kind_is_named() -> None:
    class Instrument:
        shape, dtype, ndim = (40, 2), np.dtype("f4"), 2

        def __getitem__(self, index: Any) -> Any:
            return np.zeros(self.shape, "f4")[index]

    reading = read_plan(da.from_array(Instrument(), chunks=(10, 2), meta=np.empty((0, 0), "f4")) + 1)
    assert reading == Reading((), ("Instrument (40, 2) float32",))


# The same in other processes.


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as connected,
    ):
        yield connected


@pytest.mark.parametrize(
    "make",
    [
        lambda sst: sst - 273.15,
        lambda sst: area_mean(sst - 273.15),
        lambda sst: climatology(sst.isel(time=slice(5, 40))),
        lambda sst: area_mean(sst.where(sst.isel(time=0) > 300)),
        lambda sst: sst.transpose("longitude", "time", "latitude").chunk(longitude=100, time=-1).cumsum("time"),
        lambda sst: xr.concat([sst.isel(time=slice(0, 20)), sst.isel(time=[40, 3])], "time"),
    ],
    ids=["arithmetic", "mean", "climatology of a part", "mean under a mask", "rechunk", "concat"],
)
def test_workers_read_what_is_planned(client: Any, sst: xr.DataArray, make: Any) -> None:
    expression = make(sst.drop_vars("forecast_reference_time"))
    alone = expression.compute(scheduler="threads")
    reading = read_plan(expression)
    with storage.counted_reads() as reads:
        with storage.counted_reads() as own:
            pass
        together = expression.compute(scheduler=client)
    served = _served(reads)
    assert own.counts == {}
    assert set(served) - {"maps/forecast_period/c"} == _planned(reading) - {"maps/forecast_period/c"}
    assert reads.processes >= 1
    xr.testing.assert_allclose(together, alone, rtol=1e-12)


def test_no_read_of_a_worker_is_lost(client: Any, sst: xr.DataArray) -> None:
    with storage.counted_reads() as reads:
        client.compute(sst.data.sum(), workers=list(client.scheduler_info()["workers"])[:1]).result()
        client.compute((sst.data + 1).sum(), workers=list(client.scheduler_info()["workers"])[1:]).result()
    assert _served(reads) == {f"maps/surface_temperature/c/{number}/0/0": 2 for number in range(5)}
    assert reads.processes == 2


def test_values_that_a_cluster_holds_are_unattributed(client: Any, sst: xr.DataArray) -> None:
    held = client.persist(sst)
    for thing in (held, held - 1, area_mean(held)):
        reading = read_plan(thing)
        assert "5 blocks in the memory of a cluster" in reading.unattributed
        assert not any(read.path == "maps/surface_temperature" for read in reading.arrays)
    del held
