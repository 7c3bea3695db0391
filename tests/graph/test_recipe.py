"""A recipe's blocks are Dask's own blocks, whatever the user made of the array; what streams is what xarray says."""

import pickle

import cloudpickle
import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr

from oceandata import graph
from oceandata.analysis.accumulators import WeightedSum
from oceandata.analysis.streaming import accumulate


def _whole(array: da.Array) -> graph.Box:
    return tuple((0, count) for count in array.numblocks)


def _outer(array: da.Array, recipe: graph.Recipe) -> dict[object, object]:
    """Values of what stays outside, by Dask itself."""
    keys = recipe.needs(_whole(array))
    return dict(zip(keys, dask.threaded.get(dict(array.dask), keys), strict=True))


def _assert_own_blocks(array: da.Array) -> None:
    recipe = graph.cut(array)
    outer = _outer(array, recipe)
    blocks = dask.compute(*array.to_delayed().ravel(), scheduler="threads")
    places = list(graph.positions(_whole(array)))
    assert recipe.numblocks == array.numblocks
    assert len(blocks) == len(places) > 0
    for place, block in zip(places, blocks, strict=True):
        made = recipe.block(place, outer)
        assert made.dtype == block.dtype
        np.testing.assert_array_equal(made, block)


def test_blocks_are_those_of_dask(expression: xr.DataArray) -> None:
    _assert_own_blocks(expression.data)


def test_streamed_mean_is_that_of_xarray(expression: xr.DataArray) -> None:
    sums = accumulate(expression.data, WeightedSum(tuple(range(expression.ndim)), np.ones(expression.shape)))
    total, count = dask.compute(sums["weighted_sum"], sums["weight"], scheduler="threads")
    values = expression.astype("float64").compute(scheduler="threads")
    assert count == values.count()
    np.testing.assert_allclose(total / count, values.mean(), rtol=1e-12)


def test_inside_expressions_need_nothing_from_outside(inside_expression: xr.DataArray) -> None:
    array = inside_expression.data
    assert graph.cut(array).needs(_whole(array)) == []


def test_mask_stays_outside_and_is_not_made_again_for_each_block(sst: xr.DataArray) -> None:
    masked = sst.where(sst.mean("time") > 300)
    recipe = graph.cut(masked.data)
    needs = recipe.needs(_whole(masked.data))
    assert len(needs) == 1
    assert sst.data.name in recipe.blockwise


def test_broadcast_input_is_made_once_not_once_a_block() -> None:
    made: list[int] = []

    def watched(block: np.ndarray) -> np.ndarray:
        if block.size:
            made.append(1)
        return block

    mask = da.ones((4, 6), chunks=(4, 3)).map_blocks(watched, meta=np.empty((0, 0)))
    for array in (da.ones((50, 4, 6), chunks=(1, 4, 3)) * mask, da.ones((50, 4, 6), chunks=(1, 4, 3)) * mask[None]):
        made.clear()
        sums = accumulate(array, WeightedSum((0, 1, 2), np.ones(array.shape)))
        assert float(sums["weighted_sum"].compute(scheduler="sync")) == 1200
        assert len(made) == 2


def test_rechunk_inside_arithmetic_reads_from_outside(sst: xr.DataArray) -> None:
    array = (sst.chunk(time=-1, longitude=100) - 273.15).data
    needs = graph.cut(array).needs(_whole(array))
    assert len(needs) == array.npartitions
    assert not any(key[0] == array.name for key in needs)


def test_parts_of_a_box_need_only_their_own_outside(sst: xr.DataArray) -> None:
    array = (sst.chunk(time=-1, longitude=100) - 273.15).data
    assert len(graph.cut(array).needs(((0, 1), (0, 1), (1, 3)))) == 2


def test_cut_survives_pickling(expression: xr.DataArray) -> None:
    array = expression.data
    recipe = graph.cut(array)
    again = pickle.loads(cloudpickle.dumps(recipe))  # as Dask sends it
    outer = _outer(array, recipe)
    last = tuple(count - 1 for count in array.numblocks)
    np.testing.assert_array_equal(again.block(last, outer), recipe.block(last, outer))


def test_slice_after_opening_reads_the_slice_only() -> None:
    class Watched:
        shape, dtype, ndim = (6, 8), np.dtype("f8"), 2

        def __init__(self) -> None:
            self.asked: list[tuple[slice, ...]] = []

        def __getitem__(self, index: tuple[slice, ...]) -> np.ndarray:
            self.asked.append(index)
            return np.arange(48.0).reshape(6, 8)[index]

    watched = Watched()
    array = da.from_array(watched, chunks=(3, 8), meta=np.empty((0, 0)))[1:5, 2:4]
    block = graph.cut(array).block((0, 0), {})
    assert block.tolist() == [[10.0, 11.0], [18.0, 19.0]]
    assert watched.asked == [(slice(1, 3), slice(2, 4))]


@pytest.mark.parametrize(
    "index",
    [
        (slice(None, None, -1), 3),
        (2, slice(1, None, 3)),
        (slice(5, 0, -2), slice(-3, None)),
        (slice(None), None, slice(2, 5)),
        (slice(1, 2), [0, 4, 7]),
    ],
)
def test_any_slice_of_an_opened_array(index: tuple[object, ...]) -> None:
    _assert_own_blocks(da.from_array(np.arange(48.0).reshape(6, 8), chunks=(4, 3))[index])


@pytest.mark.parametrize("chunks", [((0, 4, 2), (8,)), ((6,), (3, 0, 5)), ((1, 5), (8,))])
def test_blocks_of_no_size(chunks: tuple[tuple[int, ...], ...]) -> None:
    array = da.from_array(np.arange(48.0).reshape(6, 8), chunks=chunks) + 1
    _assert_own_blocks(array)


def test_transposed_sum_and_product_with_itself() -> None:
    square = da.from_array(np.arange(36.0).reshape(6, 6), chunks=2)
    _assert_own_blocks(square + square.T)
    _assert_own_blocks(square @ square)
    _assert_own_blocks(da.einsum("ij,jk->ki", square, square + 1))


def test_broadcast_of_a_dimension_of_size_one() -> None:
    row = da.from_array(np.arange(6.0).reshape(1, 6), chunks=(1, 2))
    _assert_own_blocks(row + da.ones((4, 6), chunks=2))
    _assert_own_blocks(da.broadcast_to(row, (4, 6), chunks=(2, 2)))


def test_masked_blocks_have_nan_where_masked() -> None:
    masked = da.arange(8, chunks=4).map_blocks(lambda block: np.ma.masked_greater(block, 5))
    block = graph.cut(masked).block((1,), {})
    np.testing.assert_array_equal(block, [4, 5, np.nan, np.nan])
    assert not isinstance(block, np.ma.MaskedArray)


def test_delayed_arguments_stay_outside() -> None:
    offset = dask.delayed(lambda: 3.0)()
    array = da.ones((4, 4), chunks=2).map_blocks(lambda block, add: block + add, offset, dtype=float)
    _assert_own_blocks(array)


def test_position_dependent_function_sees_its_own_block() -> None:
    def place(block: np.ndarray, block_info: dict[object, dict[str, object]]) -> np.ndarray:
        return block + 10 * block_info[0]["chunk-location"][0]  # type: ignore[index]

    _assert_own_blocks(da.zeros((6, 2), chunks=2).map_blocks(place, dtype=float))


def test_random_numbers_are_the_same_inside_and_outside() -> None:
    _assert_own_blocks(da.random.default_rng(1).normal(size=(6, 4), chunks=2) * 2)


def test_positions_run_over_the_last_dimension_first() -> None:
    assert list(graph.positions(((0, 2), (3, 5)))) == [(0, 3), (0, 4), (1, 3), (1, 4)]


def test_region_of_a_box() -> None:
    recipe = graph.cut(da.ones((7, 5), chunks=((3, 4), (2, 2, 1))))
    assert recipe.region(((1, 2), (0, 2))) == (slice(3, 7), slice(0, 4))


def test_one_block_is_held_at_a_time() -> None:
    alive: list[int] = []

    class Watch:
        def begin(self, region: tuple[slice, ...]) -> list[tuple[slice, ...]]:
            assert region == (slice(0, 6),)
            return []

        def add(self, state: list[object], block: np.ndarray, region: object, within: object) -> None:
            alive.append(int(block[0]))
            state.append((region, within))

    recipe = graph.cut(da.arange(8, chunks=2))
    state = graph.stream(recipe, Watch(), ((0, 3),), [])
    assert alive == [0, 2, 4]
    assert state[2] == ((slice(4, 6),), (slice(4, 6),))
    later = graph.stream(recipe, type("Late", (Watch,), {"begin": lambda *_: []})(), ((2, 4),), [])
    assert later[1] == ((slice(6, 8),), (slice(2, 4),))
