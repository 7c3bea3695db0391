"""Whole columns: the same bits for any chunking, bounded tiles, nothing read that the plan does not say."""

import itertools
import math
import pickle
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from oceandata import storage
from oceandata.analysis.columns import ColumnOutput, map_columns, plan_columns
from oceandata.errors import MemoryBudgetError, OceanDataWarning
from oceandata.graph import read_plan
from oceandata.options import set_options
from oceandata.trade import lineage

OUTPUTS = [ColumnOutput("sorted", (2,)), ColumnOutput("last", dtype="f4"), ColumnOutput("table", table=True)]


class Summary:
    """Least and greatest of each column plus what is beside, the last value, and a table of the places it was given."""

    def __call__(self, columns: np.ndarray, tile: tuple[slice, ...], *beside: np.ndarray) -> dict[str, Any]:
        added = sum((one[0] for one in beside), np.zeros(columns.shape[:-1]))
        ordered = np.stack([np.nanmin(columns, -1) + added, np.nanmax(columns, -1) + added])
        places = list(itertools.product(*(range(part.start, part.stop) for part in tile)))
        return {"sorted": ordered, "last": columns[..., -1], "table": places}

    def __dask_tokenize__(self) -> str:
        return "Summary"


def chunkings(shape: tuple[int, ...]) -> st.SearchStrategy[tuple[tuple[int, ...], ...]]:
    def cut(size: int) -> st.SearchStrategy[tuple[int, ...]]:
        edges = st.sets(st.integers(1, size - 1)) if size > 1 else st.just(set())
        return edges.map(lambda inner: tuple(np.diff([0, *sorted(inner), size]).tolist()))

    return st.tuples(*map(cut, shape))


@settings(max_examples=60)
@given(drawn=st.data(), axis=st.integers(0, 2), memory=st.sampled_from([2_000, 10_000, 10**9]))
@pytest.mark.filterwarnings("ignore::oceandata.errors.OceanDataWarning")
def test_any_chunking_gives_the_same_bits(drawn: st.DataObject, axis: int, memory: int) -> None:
    shape = (7, 4, 6)
    values = np.random.default_rng(3).normal(size=shape)
    beside = np.random.default_rng(4).normal(size=(2, *(size for dim, size in enumerate(shape) if dim != axis)))
    lazy = da.from_array(values, chunks=drawn.draw(chunkings(shape)))
    also = da.from_array(beside, chunks=drawn.draw(chunkings(beside.shape)))
    with set_options(memory_bytes=memory):
        try:
            made = map_columns(lazy, Summary(), axis, OUTPUTS, beside=[also])
        except MemoryBudgetError:
            assert memory == 2_000
            return
        found = dict(zip(made, dask.compute(*made.values(), scheduler="sync"), strict=True))
        eager = map_columns(values, Summary(), axis, OUTPUTS, beside=[beside])
    np.testing.assert_array_equal(found["sorted"], np.stack([values.min(axis), values.max(axis)]) + beside[0])
    np.testing.assert_array_equal(found["last"], np.take(values, -1, axis).astype("f4"))
    for name in ("sorted", "last"):
        np.testing.assert_array_equal(found[name], eager[name])
        assert made[name].dtype == found[name].dtype
    cells = list(np.ndindex(*found["last"].shape))
    for tables in (found["table"], eager["table"]):
        assert sorted(itertools.chain.from_iterable(tables.ravel())) == cells


@settings(max_examples=200)
@given(drawn=st.data(), memory=st.integers(1, 10**6), threads=st.integers(1, 8))
def test_plan_covers_every_cell_once_within_the_memory(drawn: st.DataObject, memory: int, threads: int) -> None:
    shape = tuple(drawn.draw(st.lists(st.integers(1, 30), min_size=1, max_size=3)))
    chunks = drawn.draw(chunkings(shape))
    axis = drawn.draw(st.integers(0, len(shape) - 1))
    refused = None
    try:
        plan = plan_columns(chunks, axis, 8, memory_bytes=memory, threads=threads)
    except MemoryBudgetError as error:
        refused = str(error)
    if refused:
        column = 8 * shape[axis]
        largest = math.prod(max(sizes) for dim, sizes in enumerate(chunks) if dim != axis)
        assert column > memory // threads or (column * largest > memory // threads and "times" in refused)
        return
    assert plan.tile_bytes <= memory // threads
    kept = [(size, sizes) for dim, (size, sizes) in enumerate(zip(shape, chunks, strict=True)) if dim != axis]
    pieces = 1
    for (size, sizes), parts in zip(kept, plan.ranges, strict=True):
        assert [cell for part in parts for cell in range(part.start, part.stop)] == list(range(size))
        edges = [0, *itertools.accumulate(sizes)]
        for part in parts:
            assert edges[part.blocks[0]] <= part.start < part.stop <= edges[part.blocks[1]]
        pieces *= max(sum(lo <= part.start < hi for part in parts) or 1 for lo, hi in itertools.pairwise(edges))
    assert plan.reads == pieces <= 16


def test_small_blocks_share_a_tile_and_large_ones_do_not() -> None:
    small = plan_columns([(365,) * 20, (5,) * 36, (5,) * 72], 0, 4, memory_bytes=4 * 10**9)
    assert small.reads == 1
    assert small.tiles <= 60
    assert small.tile_bytes <= 64_000_000
    large = plan_columns([(365,) * 20, (90, 90), (90,) * 4], 0, 4, memory_bytes=4 * 10**9)
    assert (large.reads, large.tiles) == (1, 8)


def test_too_small_a_memory_is_refused_with_what_would_do() -> None:
    with pytest.raises(MemoryBudgetError, match=r"one column of 100 values takes 800 bytes.*memory_bytes=1_600"):
        plan_columns([(100,), (4, 4)], 0, 8, memory_bytes=1_000, threads=2)


@pytest.mark.parametrize("sizes", [(100,), (90, 7), (3, 90, 90), (5, 4, 3)])
def test_too_many_reads_are_refused_with_the_memory_that_is_enough(sizes: tuple[int, ...]) -> None:
    chunks = [(1,) * 100, *((size, 1) for size in sizes)]
    with pytest.raises(MemoryBudgetError, match=r"read \d+ times.*oceandata layout URL --access series") as refused:
        plan_columns(chunks, 0, 8, memory_bytes=1_600, threads=2)
    enough = int(str(refused.value).split("memory_bytes=")[1].rstrip(")."))
    assert plan_columns(chunks, 0, 8, memory_bytes=enough, threads=2).reads <= 16


def test_reading_more_than_once_is_said() -> None:
    array = da.zeros((10, 8), chunks=(5, 8))
    said = r"each byte of sst is read 2 times.*--access series"
    with set_options(memory_bytes=320 * dask.system.CPU_COUNT), pytest.warns(OceanDataWarning, match=said) as caught:
        map_columns(array, Summary(), 0, OUTPUTS, name="sst")
    assert len(caught) == 1


def test_each_block_is_evaluated_once_for_all_functions() -> None:
    seen: list[tuple[int, ...]] = []

    def watched(block: np.ndarray, block_info: Any = None) -> np.ndarray:
        if block_info:
            seen.append(tuple(block_info[0]["chunk-location"]))
        return block

    array = da.random.default_rng(1).normal(size=(6, 4), chunks=(2, 1)).map_blocks(watched, dtype=float)

    class Other(Summary):
        def __dask_tokenize__(self) -> str:
            return "Other"

    first = map_columns(array, Summary(), 0, OUTPUTS)
    second = map_columns(array, Other(), 0, OUTPUTS, beside=[first["sorted"]])
    dask.compute(*first.values(), *second.values(), scheduler="sync")
    assert sorted(seen) == list(itertools.product(range(3), range(4)))


def test_columns_cannot_be_written_to() -> None:
    class Careless(Summary):
        def __call__(self, columns: np.ndarray, tile: tuple[slice, ...], *beside: np.ndarray) -> dict[str, Any]:
            columns[...] = 0
            return super().__call__(columns, tile, *beside)

    values = np.ones((3, 2))
    for array in (values, da.from_array(values)):
        with pytest.raises(ValueError, match="read-only"):
            dask.compute(map_columns(array, Careless(), 0, OUTPUTS)["last"], scheduler="sync")
    assert values.all()


@pytest.mark.parametrize("chunks", [((0, 3, 2), (4,)), ((5,), (1, 0, 3)), ((2, 0, 3), (0, 4, 0))])
def test_blocks_of_no_size(chunks: tuple[tuple[int, ...], ...]) -> None:
    values = np.arange(20.0).reshape(5, 4)
    made = map_columns(da.from_array(values, chunks=chunks), Summary(), 0, OUTPUTS)
    np.testing.assert_array_equal(made["last"], values[-1])


def test_one_dimension_and_integers_and_masked_values() -> None:
    values = np.arange(10)
    array = da.from_array(values, chunks=3)
    assert float(map_columns(array, Summary(), 0, OUTPUTS)["last"].compute()) == 9
    masked = array.map_blocks(lambda block: np.ma.masked_greater(block, 8))
    found = map_columns(masked, Summary(), -1, OUTPUTS)
    assert np.isnan(found["last"].compute())
    assert found["sorted"].compute().tolist() == [0, 8]


@pytest.fixture
def sst(ostia_repository: Path) -> xr.DataArray:
    return storage.open_dataset(ostia_repository, chunks={})["surface_temperature"]


EXPRESSIONS = {
    "plain": lambda sst: sst,
    "arithmetic": lambda sst: (sst - 273.15) * 2,
    "where": lambda sst: sst.where(sst.isel(time=0) > 300),
    "part": lambda sst: sst.isel(time=slice(5, 40), longitude=slice(100, 301)),
    "minus own mean": lambda sst: sst - sst.mean("time"),
    "rechunk": lambda sst: sst.chunk(time=7, longitude=100),
}


@pytest.mark.filterwarnings("ignore::oceandata.errors.OceanDataWarning")
@pytest.mark.parametrize("memory", [400_000, 10**9], ids=["cut blocks", "whole blocks"])
@pytest.mark.parametrize("name", EXPRESSIONS)
def test_lineage_sees_every_chunk(sst: xr.DataArray, name: str, memory: int) -> None:
    array = EXPRESSIONS[name](sst).data
    with set_options(memory_bytes=memory * dask.system.CPU_COUNT):
        made = map_columns(array, Summary(), 0, OUTPUTS)
    for output in made.values():
        found, plain = read_plan(output), read_plan(array)
        assert found.unattributed == plain.unattributed
        assert [one.chunks for one in found.arrays] == [one.chunks for one in plain.arrays]
    (one,) = lineage(made["last"]).planned
    assert one.variable == "surface_temperature"
    np.testing.assert_array_equal(made["last"].compute(scheduler="sync"), array[-1].compute(scheduler="sync"))


def test_results_travel_and_have_stable_names(sst: xr.DataArray) -> None:
    made = map_columns(sst.data, Summary(), 0, OUTPUTS)["last"]
    assert made.name == map_columns(sst.data, Summary(), 0, OUTPUTS)["last"].name
    again = pickle.loads(pickle.dumps(made))
    np.testing.assert_array_equal(again.compute(scheduler="sync"), made.compute(scheduler="threads"))


def test_number_of_tasks_grows_with_tiles_not_with_blocks() -> None:
    def tasks(steps: int) -> int:
        array = da.zeros((steps, 4, 4), chunks=(1, 4, 4)).map_blocks(np.cos)
        (made,) = dask.optimize(map_columns(array, Summary(), 0, OUTPUTS)["last"])
        return len(dict(made.__dask_graph__()))

    assert tasks(20) == tasks(2_000) < 10
