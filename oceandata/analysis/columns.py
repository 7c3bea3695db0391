"""
Whole columns: routines that need one dimension complete, for any chunking of it.

Where blocks cut the dimension, a task evaluates the user's own blocks of one tile of the other dimensions one by one
and puts them together, so nothing is rechunked through a scheduler and memory is bounded by the tile. Tiles are whole
blocks where a column of blocks fits; where it does not, blocks are cut, and each byte is read once for each piece: the
plan says how often. Tiles of the same array are gathered once for all routines that are computed together.
"""

import dataclasses
import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dask
import dask.array as da
import numpy as np
from dask._task_spec import DataNode, Task, TaskRef
from dask.highlevelgraph import HighLevelGraph, MaterializedLayer
from dask.typing import Key

from oceandata.analysis.streaming import layers_of
from oceandata.errors import MemoryBudgetError, OceanDataWarning
from oceandata.graph import Box, cut, one_blas_thread, stream_task
from oceandata.options import get_options

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ColumnFunction", "ColumnOutput", "ColumnPlan", "Gather", "map_columns", "plan_columns"]

# Decoded bytes of a tile to aim at where blocks are small: tasks of seconds, few enough for a scheduler.
_TILE_BYTES = 64_000_000

# Beyond so many reads of each byte another layout is cheaper than patience.
_MOST_READS = 16


#: What is done with the columns of a tile: called with the columns, shape (tile, n), the place of the tile in the other
#: dimensions, and the parts of the arguments beside; returns its outputs by name. Must pickle, and Dask must be able to
#: tell one from another by its fields. Columns cannot be written to.
ColumnFunction = Callable[..., Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class ColumnOutput:
    """
    What a column function returns under one name.

    Attributes
    ----------
    name : str
        Its key.
    leading : tuple of int
        Sizes of its own dimensions, before those of the tile.
    dtype : str
        Type of its values.
    table : bool
        Any object (a table whose length is known when it is made) instead of an array on the tile.
    """

    name: str
    leading: tuple[int, ...] = ()
    dtype: str = "f8"
    table: bool = False


@dataclasses.dataclass(frozen=True)
class _Range:
    """Part of one dimension: the blocks it needs, and the values it covers."""

    blocks: tuple[int, int]
    start: int
    stop: int


@dataclasses.dataclass(frozen=True)
class ColumnPlan:
    """
    How columns are cut into tiles.

    Attributes
    ----------
    ranges : tuple of tuple
        Parts of each kept dimension; the tiles are their product.
    reads : int
        How often a byte is read at most.
    tile_bytes : int
        Decoded size of the largest tile.
    """

    ranges: tuple[tuple[_Range, ...], ...]
    reads: int
    tile_bytes: int

    @property
    def sizes(self) -> tuple[tuple[int, ...], ...]:
        """Sizes of the tiles along each kept dimension."""
        return tuple(tuple(part.stop - part.start for part in parts) for parts in self.ranges)

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return math.prod(map(len, self.ranges))

    def places(self) -> Iterator[tuple[tuple[int, ...], tuple[_Range, ...]]]:
        """Every tile: its number along each kept dimension, and its parts."""
        for place in itertools.product(*(range(len(parts)) for parts in self.ranges)):
            yield place, tuple(parts[at] for parts, at in zip(self.ranges, place, strict=True))


def _grouped(sizes: Sequence[int], count: int) -> tuple[_Range, ...]:
    """Whole blocks, `count` at a time; parts without values are left out."""
    edges = [0, *itertools.accumulate(sizes)]
    firsts = range(0, len(sizes), count)
    parts = [((lo, min(lo + count, len(sizes))), edges[lo], edges[min(lo + count, len(sizes))]) for lo in firsts]
    kept = [_Range(*part) for part in parts if part[2] > part[1]]
    return tuple(kept) or (_Range((0, len(sizes)), 0, 0),)


def _pieces(sizes: Sequence[int], step: int) -> tuple[_Range, ...]:
    """Every block cut into about equal pieces of at most `step` values."""
    edges = [0, *itertools.accumulate(sizes)]
    parts: list[_Range] = []
    for number, (start, stop) in enumerate(itertools.pairwise(edges)):
        pieces = -(-(stop - start) // step)
        inner = [start + round((stop - start) * piece / max(1, pieces)) for piece in range(pieces + 1)]
        parts += [_Range((number, number + 1), lo, hi) for lo, hi in itertools.pairwise(inner)]
    return tuple(parts) or (_Range((0, len(sizes)), 0, 0),)


def plan_columns(
    chunks: Sequence[Sequence[int]], axis: int, itemsize: int, *, memory_bytes: int, threads: int = 1
) -> ColumnPlan:
    """
    Tiles of the other dimensions, for whole columns along one.

    Parameters
    ----------
    chunks : sequence of sequence of int
        Block sizes along each dimension.
    axis : int
        The dimension that must be whole.
    itemsize : int
        Bytes of a value.
    memory_bytes : int
        What the tiles of all threads may take together.
    threads : int
        Tasks that run at the same time.

    Returns
    -------
    ColumnPlan
        Whole blocks a tile if a column of blocks finds room, else pieces of blocks.

    Raises
    ------
    MemoryBudgetError
        If one column finds no room, or each byte would be read more than 16 times.

    Examples
    --------
    >>> plan_columns([(10, 10), (4, 4)], 0, 8, memory_bytes=10**6).sizes
    ((8,),)
    >>> plan_columns([(10, 10), (4, 4)], 0, 8, memory_bytes=320).reads
    2
    """
    kept = [sizes for dim, sizes in enumerate(chunks) if dim != axis]
    column = max(1, sum(chunks[axis]) * itemsize)
    limit = max(1, memory_bytes // threads)
    largest = [max(1, *sizes) for sizes in kept]
    if column > limit:
        msg = (
            f"one column of {sum(chunks[axis]):,} values takes {column:,} bytes, need {limit:,} at most in each of "
            f"{threads} threads. Raise the memory: set_options(memory_bytes={column * threads:_})."
        )
        raise MemoryBudgetError(msg)
    if column * math.prod(largest) <= limit:
        ranges = _whole_tiles(kept, largest, min(limit, _TILE_BYTES) // column)
        reads = 1
    else:
        steps = _steps(largest, limit // column)
        ranges = tuple(_pieces(sizes, step) for sizes, step in zip(kept, steps, strict=True))
        reads = math.prod(-(-size // step) for size, step in zip(largest, steps, strict=True))
    plan = ColumnPlan(ranges, reads, 0)
    plan = dataclasses.replace(plan, tile_bytes=column * math.prod(max(sizes) for sizes in plan.sizes))
    if reads > _MOST_READS:
        msg = (
            f"each byte would be read {reads} times: {largest} values a block on the other dimensions make columns of "
            f"{column * math.prod(largest):,} bytes, the memory is {limit:,} for each of {threads} threads. "
            "Use a layout for time series (oceandata layout URL --access series), smaller chunks there, or "
            f"set_options(memory_bytes={column * _fewest_cells(largest) * threads:_})."
        )
        raise MemoryBudgetError(msg)
    return plan


def _whole_tiles(kept: Sequence[Sequence[int]], largest: list[int], cells: int) -> tuple[tuple[_Range, ...], ...]:
    """Whole blocks, merged while a tile has no more than `cells` columns, last dimension first."""
    counts = [1] * len(kept)
    for dim in reversed(range(len(kept))):
        others = math.prod(
            size * count for at, (size, count) in enumerate(zip(largest, counts, strict=True)) if at != dim
        )
        counts[dim] = max(1, min(len(kept[dim]), cells // (others * largest[dim])))
    return tuple(_grouped(sizes, count) for sizes, count in zip(kept, counts, strict=True))


def _steps(largest: list[int], cells: int) -> list[int]:
    """Cells a piece along each dimension, at most `cells` columns a piece; the first dimension is cut first."""
    steps = list(largest)
    for dim in range(len(steps)):
        others = math.prod(steps[:dim] + steps[dim + 1 :])
        steps[dim] = max(1, min(steps[dim], cells // others))
    return steps


def _fewest_cells(largest: list[int]) -> int:
    """Columns of a piece with which no byte is read too often."""
    pieces, cells = _MOST_READS, 1
    for size in largest:
        step = -(-size // pieces)
        cells *= step
        pieces //= -(-size // step)
    return cells


@dataclasses.dataclass(frozen=True, eq=False)
class Gather:
    """
    Fold that puts the blocks of a tile together, the gathered dimension last.

    Attributes
    ----------
    axis : int
        The dimension that becomes whole.
    tile : tuple of slice
        Values of the other dimensions to keep.
    dtype : str
        Type of the columns.
    """

    axis: int
    tile: tuple[slice, ...]
    dtype: str

    def begin(self, region: tuple[slice, ...]) -> "npt.NDArray[Any]":
        """Room for the columns."""
        whole = region[self.axis]
        shape = [part.stop - part.start for part in self.tile]
        return np.empty((*shape, whole.stop - whole.start), self.dtype)

    def add(
        self, state: "npt.NDArray[Any]", block: "npt.NDArray[Any]", region: tuple[slice, ...], within: tuple[slice, ...]
    ) -> None:
        """Put the part of a block that lies in the tile in its place."""
        others = [part for dim, part in enumerate(region) if dim != self.axis]
        met = [
            (max(part.start, own.start), min(part.stop, own.stop)) for part, own in zip(others, self.tile, strict=True)
        ]
        if any(stop <= start for start, stop in met) or not block.size:
            return
        taken = tuple(slice(lo - part.start, hi - part.start) for (lo, hi), part in zip(met, others, strict=True))
        place = tuple(slice(lo - own.start, hi - own.start) for (lo, hi), own in zip(met, self.tile, strict=True))
        state[(*place, within[self.axis])] = np.moveaxis(block, self.axis, -1)[taken]


def map_columns(
    array: "da.Array | npt.NDArray[Any]",
    function: ColumnFunction,
    axis: int,
    outputs: Sequence[ColumnOutput],
    *,
    beside: "Sequence[da.Array | npt.NDArray[Any]]" = (),
    shared: "Sequence[da.Array | npt.NDArray[Any]]" = (),
    name: str = "the array",
) -> "dict[str, da.Array | npt.NDArray[Any]]":
    """
    Apply a function to whole columns of an array, lazily if the array or what is beside it is lazy.

    Any chunking gives the same values, if the function treats columns one by one.

    Parameters
    ----------
    array : dask.array.Array or numpy.ndarray
        Any chunking; a NumPy array is worked on at once.
    function : ColumnFunction
        Called with the columns of a tile, shape (tile, n), its place, and the parts of `beside`. It must not change
        the columns: other functions see the same.
    axis : int
        The dimension that must be whole.
    outputs : sequence of ColumnOutput
        What the function returns.
    beside : sequence of array
        More arguments, each with the other dimensions of `array` last; dimensions before these are whole.
    shared : sequence of array
        Arguments after those, which every call gets whole.
    name : str
        What the array is called in the warning.

    Returns
    -------
    dict of str to array
        Outputs by name: their own dimensions first, then the other dimensions of `array`. Of tables an array of
        objects, one for each tile.

    Raises
    ------
    MemoryBudgetError
        If the columns do not fit the memory (option ``memory_bytes``); the message names what would.

    Warns
    -----
    OceanDataWarning
        If blocks had to be cut, so that each byte is read more than once.

    Notes
    -----
    A task holds its tile, one block and what the function returns. Integers are gathered as the smallest floating
    type that holds them all, so that masked values can be NaN.
    """
    axis = axis % array.ndim
    if not any(isinstance(one, da.Array) for one in (array, *beside, *shared)):
        function = _With(function, tuple(np.asarray(one) for one in shared)) if shared else function
        return dict(_eager(np.asarray(array), function, axis, outputs, [np.asarray(one) for one in beside]))
    lazy = array if isinstance(array, da.Array) else da.from_array(array)
    dtype = np.result_type(lazy.dtype, np.float32)
    plan = plan_columns(
        lazy.chunks,
        axis,
        dtype.itemsize,
        memory_bytes=get_options().memory_bytes,
        threads=dask.system.CPU_COUNT,
    )
    if plan.reads > 1:
        msg = (
            f"each byte of {name} is read {plan.reads} times, because its columns of blocks do not fit the memory at "
            "once. A layout for time series is read once (oceandata layout URL --access series), as are smaller chunks "
            "or a larger set_options(memory_bytes=...)."
        )
        warnings.warn(msg, OceanDataWarning, stacklevel=3)
    return _Columns(lazy, axis, dtype.str, plan).results(function, outputs, beside, shared)


@dataclasses.dataclass(frozen=True, eq=False)
class _With:
    """A column function with what it shares among all calls."""

    function: ColumnFunction
    shared: "tuple[npt.NDArray[Any], ...]"

    def __call__(self, columns: "npt.NDArray[Any]", tile: tuple[slice, ...], *beside: Any) -> Mapping[str, Any]:
        return self.function(columns, tile, *beside, *self.shared)


def _eager(
    values: "npt.NDArray[Any]",
    function: ColumnFunction,
    axis: int,
    outputs: Sequence[ColumnOutput],
    beside: "Sequence[npt.NDArray[Any]]",
) -> "dict[str, npt.NDArray[Any]]":
    """Results of an array in memory, strip by strip so that no second whole of it is held."""
    shape = [size for dim, size in enumerate(values.shape) if dim != axis]
    dtype = np.result_type(values.dtype, np.float32)
    column = max(1, values.shape[axis] * dtype.itemsize)
    steps = _steps([max(1, size) for size in shape], max(1, _TILE_BYTES // column))
    plan = ColumnPlan(tuple(_pieces((size,), step) for size, step in zip(shape, steps, strict=True)), 1, 0)
    found: dict[str, npt.NDArray[Any]] = {
        output.name: np.empty(list(map(len, plan.ranges)), object)
        if output.table
        else np.empty((*output.leading, *shape), output.dtype)
        for output in outputs
    }
    columns = np.moveaxis(values, axis, -1)
    for number, parts in plan.places():
        tile = tuple(slice(part.start, part.stop) for part in parts)
        place: Any = (..., *tile)
        made = _call(function, np.array(columns[tile], dtype, order="C"), tile, *(one[place] for one in beside))
        for output in outputs:
            found[output.name][number if output.table else place] = made[output.name]
    return found


def _pick(output: ColumnOutput, ndim: int, made: Mapping[str, Any]) -> "npt.NDArray[Any]":
    """One output of a tile; a table as the only element of an array."""
    if not output.table:
        return np.asarray(made[output.name], output.dtype)
    cell = np.empty((1,) * ndim, object)
    cell[(0,) * ndim] = made[output.name]
    return cell


class _Columns:
    """The tasks that gather the tiles of one array, and those of the functions on them."""

    def __init__(self, array: da.Array, axis: int, dtype: str, plan: ColumnPlan) -> None:
        self.array, self.axis, self.plan = array, axis, plan
        self.prefix = "columns-" + dask.base.tokenize(array.name, axis, dtype, plan)
        recipe_key = f"recipe-{self.prefix}"
        recipe = cut(array)
        self.tasks: dict[Key, Any] = {recipe_key: DataNode(recipe_key, recipe)}
        self.tiles: dict[tuple[int, ...], tuple[slice, ...]] = {}
        outer: set[Key] = set()
        for place, parts in plan.places():
            self.tiles[place] = tuple(slice(part.start, part.stop) for part in parts)
            ranges = [part.blocks for part in parts]
            ranges.insert(axis, (0, len(array.chunks[axis])))
            box: Box = tuple(ranges)
            needs = recipe.needs(box)
            outer.update(needs)
            key: Key = (self.prefix, *place)
            self.tasks[key] = stream_task(key, recipe_key, Gather(axis, self.tiles[place], dtype), box, needs)
        self.outside = layers_of(array, outer)

    def results(
        self,
        function: ColumnFunction,
        outputs: Sequence[ColumnOutput],
        beside: Sequence[Any],
        shared: Sequence[Any] = (),
    ) -> "dict[str, da.Array | npt.NDArray[Any]]":
        """Outputs of a function as Dask arrays, which share its tasks."""
        aligned = [self._aligned(one) for one in beside]
        whole = [(one if isinstance(one, da.Array) else da.from_array(one)).rechunk(-1) for one in shared]
        own = "column-" + dask.base.tokenize(self.prefix, function, [one.name for one in (*aligned, *whole)])
        tasks: dict[Key, Any] = {f"function-{own}": DataNode(f"function-{own}", function)}
        for place, tile in self.tiles.items():
            others = [TaskRef((one.name, *(0,) * (one.ndim - len(place)), *place)) for one in aligned]
            others += [TaskRef((one.name, *(0,) * one.ndim)) for one in whole]
            at, columns = DataNode(None, tile), TaskRef((self.prefix, *place))
            tasks[(own, *place)] = Task((own, *place), _call, TaskRef(f"function-{own}"), columns, at, *others)
        layers: dict[str, Any] = {name: self.array.dask.layers[name] for name in self.outside}
        dependencies: dict[str, set[str]] = {name: set(self.array.dask.dependencies[name]) for name in self.outside}
        for one in (*aligned, *whole):
            layers |= one.dask.layers
            dependencies |= {name: set(needs) for name, needs in one.dask.dependencies.items()}
        layers |= {self.prefix: MaterializedLayer(self.tasks), own: MaterializedLayer(tasks)}
        dependencies |= {self.prefix: set(self.outside), own: {self.prefix, *(one.name for one in (*aligned, *whole))}}
        return {output.name: self._output(output, own, layers, dependencies) for output in outputs}

    def _aligned(self, one: Any) -> da.Array:
        """An argument in the tiles."""
        lazy = one if isinstance(one, da.Array) else da.from_array(one)
        leading = tuple((size,) for size in lazy.shape[: lazy.ndim - len(self.plan.ranges)])
        aligned: da.Array = lazy.rechunk((*leading, *self.plan.sizes))
        return aligned

    def _output(
        self, output: ColumnOutput, own: str, layers: dict[str, Any], dependencies: dict[str, set[str]]
    ) -> da.Array:
        """One output."""
        name = f"{output.name}-{own}"
        zeros = () if output.table else (0,) * len(output.leading)
        picked: dict[Key, Any] = {}
        for place in self.tiles:
            key: Key = (name, *zeros, *place)
            picked[key] = Task(key, _pick, DataNode(None, output), len(place), TaskRef((own, *place)))
        graph = HighLevelGraph(layers | {name: MaterializedLayer(picked)}, dependencies | {name: {own}})
        if output.table:
            chunks: tuple[tuple[int, ...], ...] = tuple((1,) * len(parts) for parts in self.plan.ranges)
            return da.Array(graph, name, chunks, dtype=object)
        return da.Array(graph, name, (*((size,) for size in output.leading), *self.plan.sizes), dtype=output.dtype)


def _call(function: ColumnFunction, columns: "npt.NDArray[Any]", tile: tuple[slice, ...], *beside: Any) -> Any:
    """Call a column function, which may not write to what others read."""
    columns.flags.writeable = False
    with one_blas_thread():
        return function(columns, tile, *beside)
