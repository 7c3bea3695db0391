"""Results depend neither on chunks nor on partitions, the number of tasks does not grow, and results travel."""

import math
import pickle
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from oceandata.analysis import anomaly, area_mean, climatology
from oceandata.analysis.accumulators import GroupedMoments, WeightedSum
from oceandata.analysis.streaming import accumulate, plan_partitions
from oceandata.options import set_options

#: Of the largest magnitude: what chunks and partitions may change.
BOUND = 1e-12

often = settings(max_examples=60, deadline=None)


def _chunks(size: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Any way to cut a dimension."""
    cuts = st.sets(st.integers(1, max(1, size - 1)), max_size=4)
    return cuts.map(lambda at: tuple(int(n) for n in np.diff([0, *sorted(at - {size}), size])))


@st.composite
def fields(draw: st.DrawFn) -> tuple[xr.DataArray, xr.DataArray]:
    """The same monthly field in memory and lazy: any chunks, any order, gaps, land, large offsets."""
    sizes = {"time": draw(st.integers(1, 40)), "lat": draw(st.integers(2, 5)), "lon": draw(st.integers(2, 6))}
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    values = rng.normal(
        draw(st.sampled_from([0, 290, 1e4])), draw(st.sampled_from([1e-3, 1, 30])), tuple(sizes.values())
    )
    values[rng.random(values.shape) < draw(st.sampled_from([0, 0.1, 0.7]))] = np.nan
    if draw(st.booleans()):
        values[:, 0, :2] = np.nan
    if draw(st.booleans()):
        values[:: draw(st.integers(1, 5))] = np.nan
    start = np.datetime64("1999-11", "M") + np.timedelta64(draw(st.integers(0, 11)), "M")
    coords = {
        "time": (start + np.arange(sizes["time"])).astype("M8[ns]"),
        "lat": ("lat", np.linspace(-80, 70, sizes["lat"]), {"units": "degrees_north"}),
        "lon": ("lon", 360 / sizes["lon"] * np.arange(sizes["lon"]), {"units": "degrees_east"}),
    }
    dtype = draw(st.sampled_from(["f4", "f8"]))
    field = xr.DataArray(values.astype(dtype), coords, list(sizes), name="sst", attrs={"units": "K"})
    field = field.transpose(*draw(st.permutations(list(sizes))))
    lazy = field.copy(data=da.from_array(field.to_numpy(), chunks=tuple(draw(_chunks(n)) for n in field.shape)))
    return field, lazy


def _assert_close(result: Any, expected: Any, scale: float) -> None:
    np.testing.assert_array_equal(np.isnan(result), np.isnan(expected))
    np.testing.assert_allclose(result, expected, rtol=0, atol=BOUND * scale)


def _magnitude(field: xr.DataArray) -> float:
    values = np.abs(field.to_numpy().astype(float))
    return max(1.0, float(values[np.isfinite(values)].max(initial=0)))


def _plain_area_mean(field: xr.DataArray) -> np.ndarray:
    """Mean of each step with math.fsum, cell by cell."""
    ordered = field.transpose("time", "lat", "lon")
    lat, lon = ordered.lat.to_numpy(), ordered.lon.to_numpy()
    inner = (lat[:-1] + lat[1:]) / 2
    edges = np.clip([lat[0] - (lat[1] - lat[0]) / 2, *inner, lat[-1] + (lat[-1] - lat[-2]) / 2], -90, 90)
    weight = np.repeat(np.diff(np.sin(np.radians(edges)))[:, None], len(lon), axis=1)
    means = []
    for step in ordered.to_numpy().astype(float):
        valid = ~np.isnan(step)
        total = math.fsum(weight[valid])
        means.append(math.fsum((step * weight)[valid]) / total if total else np.nan)
    return np.array(means)


def _plain_moments(field: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread of each month and cell with math.fsum."""
    ordered = field.transpose("time", "lat", "lon")
    months = ordered.time.dt.month.to_numpy()
    mean, spread = (np.full((12, *ordered.shape[1:]), np.nan) for _ in range(2))
    for month, *cell in np.ndindex(12, *ordered.shape[1:]):
        values = ordered.to_numpy()[months == month + 1][:, *cell].astype(float)
        values = values[~np.isnan(values)]
        if len(values):
            mean[month, *cell] = math.fsum(values) / len(values)
        if len(values) > 1:
            spread[month, *cell] = math.sqrt(math.fsum((values - values.mean()) ** 2) / (len(values) - 1))
    return mean, spread


@often
@given(pair=fields(), memory=st.sampled_from([1, 600, 10**9]))
def test_area_mean(pair: tuple[xr.DataArray, xr.DataArray], memory: int) -> None:
    field, lazy = pair
    expected = _plain_area_mean(field)
    with set_options(memory_bytes=memory):
        result = area_mean(lazy)
    assert result.chunks is not None
    _assert_close(result.compute(scheduler="sync"), expected, _magnitude(field))
    _assert_close(area_mean(field), expected, _magnitude(field))


@often
@given(pair=fields(), memory=st.sampled_from([1, 3_000, 10**9]))
def test_climatology_and_spread(pair: tuple[xr.DataArray, xr.DataArray], memory: int) -> None:
    field, lazy = pair
    mean, spread = _plain_moments(field)
    order = ("month", "lat", "lon")
    with set_options(memory_bytes=memory):
        results = climatology(lazy), climatology(lazy, spread=True)
    for result in (dask.compute(*results, scheduler="sync"), (climatology(field), climatology(field, spread=True))):
        _assert_close(result[0].transpose(*order), mean, _magnitude(field))
        _assert_close(result[1].transpose(*order), spread, _magnitude(field))


@often
@given(pair=fields())
def test_anomaly(pair: tuple[xr.DataArray, xr.DataArray]) -> None:
    field, lazy = pair
    mean, _ = _plain_moments(field)
    ordered = field.transpose("time", "lat", "lon")
    expected = ordered.to_numpy().astype(float) - mean[ordered.time.dt.month.to_numpy() - 1]
    result = anomaly(lazy, climatology(lazy))
    assert result.chunks == lazy.chunks
    for made in (result.compute(scheduler="sync"), anomaly(field, climatology(field))):
        assert made.dims == field.dims
        _assert_close(made.transpose("time", "lat", "lon"), expected, _magnitude(field))


@often
@given(sizes=st.lists(st.integers(1, 200), min_size=1, max_size=3), state=st.integers(1, 10**6), data=st.data())
def test_partitions_cover_all_blocks_once(sizes: list[int], state: int, data: st.DataObject) -> None:
    reduced = data.draw(st.sets(st.sampled_from(range(len(sizes))), min_size=1))
    memory = data.draw(st.integers(1, 10**8))
    ranges = plan_partitions(sizes, [(sorted(reduced), state)], memory_bytes=memory)
    for count, cuts in zip(sizes, ranges, strict=True):
        assert [block for lo, hi in cuts for block in range(lo, hi)] == list(range(count))
        assert all(hi > lo for lo, hi in cuts)
    assert math.prod(map(len, ranges)) <= 64
    copies = math.prod(len(ranges[dim]) for dim in reduced)
    assert copies == 1 or copies * state <= memory


def _result(name: str, record: xr.DataArray) -> Any:
    if name == "climatology":
        return climatology(record - 273.15)
    mask = xr.DataArray(da.ones((2, 2), chunks=2), dims=["lat", "lon"]) > 0
    return area_mean(record.where(mask) if name == "masked mean" else record * 2)


@pytest.mark.parametrize("name", ["area mean", "masked mean", "climatology"])
def test_number_of_tasks_does_not_grow_with_blocks(name: str) -> None:
    def tasks(steps: int) -> int:
        values = da.zeros((steps, 2, 2), chunks=(1, 2, 2)).map_blocks(np.cos)
        coords = {
            "time": np.datetime64("1990-01-01") + np.arange(steps).astype("m8[D]").astype("m8[ns]"),
            "lat": ("lat", [-30.0, 30.0], {"units": "degrees_north"}),
            "lon": ("lon", [90.0, 270.0], {"units": "degrees_east"}),
        }
        result = _result(name, xr.DataArray(values, coords, ["time", "lat", "lon"], name="sst"))
        (optimised,) = dask.optimize(result.data)
        return len(dict(optimised.__dask_graph__()))

    few, many = tasks(100), tasks(5_000)
    assert few == many
    assert many <= 300


@pytest.fixture
def lazy() -> xr.DataArray:
    values = np.random.default_rng(5).normal(size=(30, 4, 6))
    coords = {
        "time": np.arange("2001-01", "2003-07", dtype="M8[M]").astype("M8[ns]"),
        "lat": ("lat", [-45.0, -15.0, 15.0, 45.0], {"units": "degrees_north"}),
        "lon": ("lon", np.arange(0.0, 360, 60), {"units": "degrees_east"}),
    }
    chunks = {"time": 7, "lat": 3, "lon": 4}
    return xr.DataArray(values, coords, ["time", "lat", "lon"], name="sst", attrs={"units": "K"}).chunk(chunks)


@pytest.mark.parametrize("routine", [area_mean, climatology, anomaly])
def test_lazy_results_travel(lazy: xr.DataArray, routine: Any) -> None:
    result = routine(lazy + 1)
    again = pickle.loads(pickle.dumps(result))
    xr.testing.assert_identical(again.compute(scheduler="sync"), result.compute(scheduler="sync"))


def test_same_call_has_the_same_keys_and_another_has_others(lazy: xr.DataArray) -> None:
    assert area_mean(lazy).data.name == area_mean(lazy).data.name
    assert area_mean(lazy).data.name != area_mean(lazy, region=(0, -10, 90, 10)).data.name
    assert climatology(lazy).data.name != climatology(lazy, period=("2001", "2001")).data.name


@pytest.mark.parametrize("scheduler", ["sync", "threads"])
def test_same_plan_gives_the_same_bits(lazy: xr.DataArray, scheduler: str) -> None:
    with set_options(memory_bytes=100_000):
        results = [climatology(lazy, spread=True).compute(scheduler=scheduler) for _ in range(3)]
        alone = climatology(lazy, spread=True).compute(scheduler="sync")
    for result in results:
        np.testing.assert_array_equal(result, alone)


def test_results_computed_together_evaluate_each_block_once() -> None:
    seen: list[int] = []

    def watched(block: np.ndarray) -> np.ndarray:
        if block.size:
            seen.append(int(block[0]))
        return block

    array = da.arange(40, chunks=4).map_blocks(watched, dtype=float, meta=np.empty(0))
    months = np.arange(40) % 12
    moments = accumulate(array, GroupedMoments(0, months, 12))
    dask.compute(*moments.values(), scheduler="sync")
    assert sorted(seen) == list(range(0, 40, 4))


def test_every_partition_is_merged() -> None:
    array = da.arange(1000, chunks=1, dtype="f8")
    for memory in (1, 200, 10**6):
        with set_options(memory_bytes=memory):
            sums = accumulate(array, WeightedSum((0,), np.ones(1000)))
        assert dask.compute(sums["weighted_sum"], sums["weight"], scheduler="sync") == (499500.0, 1000.0)


@pytest.mark.parametrize("chunks", [((0, 3, 2), (4,)), ((5, 0), (1, 0, 3)), ((2, 3), (0, 4, 0))])
@pytest.mark.parametrize("dim", [0, 1])
def test_blocks_of_no_size(chunks: tuple[tuple[int, ...], ...], dim: int) -> None:
    values = np.arange(20.0).reshape(5, 4)
    array = da.from_array(values, chunks=chunks)
    weights = np.ones(values.shape[dim])
    total = accumulate(array, WeightedSum((dim,), weights))["weighted_sum"]
    np.testing.assert_array_equal(np.asarray(total), values.sum(axis=dim))
    moments = accumulate(array, GroupedMoments(dim, np.zeros(len(weights), int), 1))
    np.testing.assert_array_equal(np.asarray(moments["mean"])[0], values.mean(axis=dim))


def test_masked_blocks_are_not_counted() -> None:
    array = da.arange(8, chunks=4).map_blocks(lambda block: np.ma.masked_greater(block, 5))
    sums = accumulate(array, WeightedSum((0,), np.ones(8)))
    assert dask.compute(sums["weighted_sum"], sums["weight"], scheduler="sync") == (15.0, 6.0)
