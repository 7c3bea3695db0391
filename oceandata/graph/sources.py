"""
What a lazy object will read: which store, which array, which region, which chunks; read off its graph, before it runs.

The graph is optimised exactly as Dask will optimise it, then every task that takes a part of an opened array is
found, also inside fused tasks and inside the recipes of streaming tasks. What holds values without saying where they
came from (arrays in memory, arrays opened by other means) is reported as unattributed, never left out.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from dask._task_spec import Alias, DataNode, GraphNode, Task, TaskRef, convert_legacy_graph, cull
from dask.base import is_dask_collection, optimize
from dask.core import flatten
from dask.highlevelgraph import HighLevelGraph, MaterializedLayer
from dask.typing import Key

from oceandata.graph.recipe import GETTERS, Box, Fold, Recipe, positions, stream

if TYPE_CHECKING:
    import numpy.typing as npt
    import zarr

__all__ = ["ArrayRead", "Reading", "Streamed", "box_reads", "read_plan", "zarr_array_of"]

# Arrays in memory smaller than this are arguments (weights, keys, scalars), not an input that needs a source.
_ARGUMENT_VALUES = 16


@dataclasses.dataclass
class ArrayRead:
    """
    The part of one stored array that will be read.

    Attributes
    ----------
    array : zarr.Array
        The array, with its store.
    path : str
        Its path inside the store.
    chunks : set of tuple of int
        Positions in the chunk grid.
    region : tuple of slice
        Smallest box that holds everything read.
    asked : int
        How often a task asks for a chunk: more than there are chunks where some are read again.
    """

    array: "zarr.Array[Any]"
    path: str
    chunks: set[tuple[int, ...]]
    region: tuple[slice, ...]
    asked: int

    @property
    def store(self) -> Any:
        """Store that serves the bytes."""
        return self.array.store


@dataclasses.dataclass(frozen=True)
class Streamed:
    """
    A task that streams blocks into a state.

    Attributes
    ----------
    fold : Fold
        What it does with each block.
    region : tuple of slice
        Place of its blocks in the array.
    blocks : int
        Number of blocks.
    block_values : int
        Values of the largest.
    """

    fold: Fold
    region: tuple[slice, ...]
    blocks: int
    block_values: int


@dataclasses.dataclass(frozen=True)
class Reading:
    """
    Everything a lazy object will read.

    Attributes
    ----------
    arrays : tuple of ArrayRead
        One for each stored array, in order of store and path.
    unattributed : tuple of str
        Inputs whose source is unknown, described for people.
    tasks : int
        Tasks of the optimised graph.
    streams : tuple of Streamed
        Those among them that stream blocks.
    """

    arrays: tuple[ArrayRead, ...]
    unattributed: tuple[str, ...]
    tasks: int = dataclasses.field(default=0, compare=False)
    streams: tuple[Streamed, ...] = dataclasses.field(default=(), compare=False)


def _lazy_chain(wrapped: Any) -> Iterator[Any]:
    """An array-like and what it wraps, outermost first."""
    seen = 0
    while wrapped is not None and seen < 30:
        yield wrapped
        innermost = isinstance(wrapped, np.ndarray) or type(wrapped).__module__.split(".")[0] == "pandas"
        wrapped = None if innermost else getattr(wrapped, "array", None)
        seen += 1


def zarr_array_of(wrapped: Any) -> "zarr.Array[Any] | None":
    """
    Zarr array below xarray's lazy wrappers.

    Parameters
    ----------
    wrapped : object
        Values of a variable, before they are chunked.

    Returns
    -------
    zarr.Array or None
        None if something else is there.
    """
    import zarr

    for layer in _lazy_chain(wrapped):
        if isinstance(layer, zarr.Array):
            return layer
        if hasattr(layer, "get_array") and type(layer).__name__ == "ZarrArrayWrapper":
            found = layer.get_array()
            return found if isinstance(found, zarr.Array) else None
    return None


def _composed(wrapped: Any, index: tuple[Any, ...]) -> tuple[tuple[Any, ...], bool]:
    """
    Index into the stored array: what was selected at opening, then what the task takes of it.

    Also tells whether its parts are arrays that broadcast to points: so after a selection of points, or a
    transposition, at opening.
    """
    from xarray.core.indexing import (
        BasicIndexer,
        LazilyIndexedArray,
        LazilyVectorizedIndexedArray,
        OuterIndexer,
        VectorizedIndexer,
    )

    kinds = (LazilyIndexedArray, LazilyVectorizedIndexedArray)
    lazy = next((layer for layer in _lazy_chain(wrapped) if isinstance(layer, kinds)), None)
    key = tuple(part for part in index if part is not None)
    if lazy is None:
        return key, False
    if len(key) == lazy.ndim:
        basic = all(isinstance(part, int | np.integer | slice) for part in key)
        lazy = lazy[BasicIndexer(key)] if basic else lazy.oindex[OuterIndexer(tuple(_outer(part) for part in key))]
    return tuple(lazy.key.tuple), isinstance(lazy.key, VectorizedIndexer)


def _outer(part: Any) -> Any:
    return np.asarray(part) if isinstance(part, list) else part


def _chunk_numbers(part: Any, size: int, chunk: int) -> "npt.NDArray[np.int64]":
    """Numbers of the chunks that one part of an index touches."""
    if isinstance(part, int | np.integer):
        return np.array([(int(part) % size) // chunk])
    if isinstance(part, slice):
        chosen = range(*part.indices(size))
        if not chosen:
            return np.zeros(0, np.int64)
        if abs(chosen.step) <= chunk:
            lo, hi = sorted((chosen[0], chosen[-1]))
            return np.arange(lo // chunk, hi // chunk + 1)
        return np.unique(np.asarray(chosen) // chunk)
    values = np.asarray(part)
    values = np.flatnonzero(values) if values.dtype == bool else values
    return np.unique((values.astype(np.int64) % size) // chunk)


def _chunk_grid(
    key: tuple[Any, ...], points: bool, shape: Sequence[int], grain: Sequence[int]
) -> "npt.NDArray[np.int64]":
    """Positions of the chunks that an index touches, one a row."""
    axes = [axis for part in key if points for axis, size in enumerate(part.shape) if size > 1]
    if points and len(axes) != len(set(axes)):
        numbers = [(part.astype(np.int64) % size) // chunk for part, size, chunk in zip(key, shape, grain, strict=True)]
        return np.unique(np.stack(np.broadcast_arrays(*numbers), axis=-1).reshape(-1, len(numbers)), axis=0)
    numbers = [_chunk_numbers(part, size, chunk) for part, size, chunk in zip(key, shape, grain, strict=True)]
    if not numbers:
        return np.zeros((1, 0), np.int64)
    return np.stack(np.meshgrid(*numbers, indexing="ij"), axis=-1).reshape(-1, len(numbers))


def _extent(part: Any, size: int) -> slice:
    """Smallest range that holds what one part of an index takes."""
    if isinstance(part, slice):
        chosen = range(*part.indices(size))
        if not chosen:
            return slice(0, 0)
        lo, hi = sorted((chosen[0], chosen[-1]))
        return slice(lo, hi + 1)
    values = np.atleast_1d(np.asarray(part))
    values = np.flatnonzero(values) if values.dtype == bool else values.astype(np.int64) % size
    return slice(int(values.min()), int(values.max()) + 1) if values.size else slice(0, 0)


class _Collector:
    """Gathers reads by array, and what cannot be attributed."""

    def __init__(self) -> None:
        self.reads: dict[tuple[int, str], ArrayRead] = {}
        self.unattributed: set[str] = set()
        self.streams: list[Streamed] = []
        self.asks = True
        self._arrays: dict[int, Any] = {}
        self._keep: list[Any] = []

    def take(self, wrapped: Any, index: Any) -> None:
        """Record that a task takes `index` of an array-like."""
        if id(wrapped) not in self._arrays:
            self._keep.append(wrapped)
            self._arrays[id(wrapped)] = zarr_array_of(wrapped)
        array = self._arrays[id(wrapped)]
        if array is None:
            self.hold(wrapped)
            return
        index = index if isinstance(index, tuple) else (index,)
        key, points = _composed(wrapped, index)
        key = key + (slice(None),) * (array.ndim - len(key))
        extents = tuple(_extent(p, s) for p, s in zip(key, array.shape, strict=True))
        grid = _chunk_grid(key, points, array.shape, array.shards or array.chunks)
        self._add(array, [tuple(int(n) for n in row) for row in grid], extents)

    def _add(self, array: Any, chunks: Sequence[tuple[int, ...]], extents: tuple[slice, ...]) -> None:
        place = (hash(_store_identity(array.store)), array.path)
        found = self.reads.get(place)
        if found is None:
            self.reads[place] = ArrayRead(array, array.path, set(chunks), extents, len(chunks) * self.asks)
            return
        found.chunks.update(chunks)
        found.asked += len(chunks) * self.asks
        found.region = tuple(
            slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(found.region, extents, strict=True)
        )

    def hold(self, value: Any) -> None:
        """Record values whose source is unknown."""
        shape = getattr(value, "shape", None)
        if shape is not None and int(np.prod(shape, dtype=np.int64)) > _ARGUMENT_VALUES:
            self.report(value)

    def report(self, value: Any) -> None:
        """Describe values whose source is unknown."""
        shape = value.shape
        kind = "array in memory" if isinstance(_innermost(value), np.ndarray) else type(_innermost(value)).__name__
        self.unattributed.add(f"{kind} {tuple(shape)} {getattr(value, 'dtype', '')}".strip())


def _innermost(wrapped: Any) -> Any:
    return list(_lazy_chain(wrapped))[-1]


def _store_identity(store: Any) -> tuple[str, ...]:
    """Equal for stores that serve the same bytes."""
    tokenize = getattr(store, "__dask_tokenize__", None)
    return tuple(tokenize()) if callable(tokenize) else (type(store).__name__, str(store))


def _value(argument: Any, scopes: Sequence[Mapping[Key, Any]]) -> Any:
    """Value an argument stands for, where it is known without running anything; else the argument itself."""
    for _ in range(20):
        if isinstance(argument, DataNode):
            return argument.value
        if isinstance(argument, Alias):
            argument = TaskRef(argument.target)
        if not isinstance(argument, TaskRef):
            break
        found = next((scope[argument.key] for scope in scopes if argument.key in scope), None)
        if found is None:
            return argument
        argument = found
    return _literal(argument)


def _literal(argument: Any) -> Any:
    """Containers that Dask wrapped, unwrapped."""
    if isinstance(argument, GraphNode) and not argument.dependencies and getattr(argument, "klass", None) is not None:
        return argument(())
    return argument


def _is_subgraph(node: GraphNode) -> bool:
    return isinstance(node, Task) and getattr(node.func, "__name__", "") == "_execute_subgraph"


class _Walker:
    """Walks tasks, fused tasks and recipes."""

    def __init__(self, collector: _Collector) -> None:
        self.collector = collector

    def walk(self, tasks: Mapping[Key, Any], scopes: Sequence[Mapping[Key, Any]] = ()) -> None:
        """Collect the reads of a graph; `scopes` are the graphs around it."""
        inner = [tasks, *scopes]
        for node in tasks.values():
            if isinstance(node, Task):
                self._task(node, inner)

    def _task(self, node: Task, scopes: Sequence[Mapping[Key, Any]]) -> None:
        if _is_subgraph(node):
            subgraph, _, in_keys, *dependencies = node.args
            # the names inside a fused task are its own: one of the same name outside, or further in, is another value
            pairs = zip(_literal(in_keys), dependencies, strict=False)
            self.walk(subgraph, [{key: _value(value, scopes) for key, value in pairs}])
        elif node.func is stream:
            self._stream(node, scopes)
        elif node.func in GETTERS:
            wrapped = _value(node.args[0], scopes)
            if isinstance(wrapped, TaskRef | GraphNode):
                self.collector.unattributed.add("an array that is known only when it runs")
            else:
                self.collector.take(wrapped, _value(node.args[1], scopes))
        else:
            for argument in [*node.args, *node.kwargs.values()]:
                value = _value(argument, scopes)
                if isinstance(value, np.ndarray):
                    self.collector.hold(value)

    def _stream(self, node: Task, scopes: Sequence[Mapping[Key, Any]]) -> None:
        recipe, box = _value(node.args[0], scopes), _value(node.args[2], scopes)
        if not isinstance(recipe, Recipe):
            self.collector.unattributed.add("a streaming task whose recipe is not in the graph")
            return
        blocks = math.prod(stop - start for start, stop in box)
        largest = math.prod(
            max(sizes[start:stop], default=0) for sizes, (start, stop) in zip(recipe.chunks, box, strict=True)
        )
        fold = _value(node.args[1], scopes)
        self.collector.streams.append(Streamed(fold, recipe.region(box), blocks, largest))
        # the result is made of chunks that a kept state was made of, though they are not asked for again
        self.collector.asks = not (hasattr(fold, "kept") and fold.kept() is not None)
        self.stream(recipe, box)
        self.collector.asks = True

    def stream(self, recipe: Recipe, box: Box) -> None:
        """Collect the reads of a box of a recipe's blocks."""
        whole = recipe.reads(box)
        for wrapped, region in whole or ():
            self.collector.take(wrapped, region)
        for position in positions(box) if whole is None else ():
            tasks, _ = recipe.block_graph(position)
            self.walk(tasks)


def read_plan(*objects: Any) -> Reading:
    """
    What lazy objects will read when they are computed together.

    Nothing is read. Each task of the optimised graph is looked at once: about 0.1 ms a block.

    Parameters
    ----------
    *objects : xarray object, dask collection
        What would be computed.

    Returns
    -------
    Reading
        Stored arrays with the chunks that will be asked for, and inputs of unknown source. Objects that hold values
        already are unattributed; arrays opened without chunks count as read whole.
    """
    collector = _Collector()
    lazy = []
    for part in itertools.chain.from_iterable(map(_parts, objects)):
        if is_dask_collection(part):
            lazy.append(part)
        else:
            collector.take(part, (slice(None),) * getattr(part, "ndim", 0))
    for collection in lazy:
        _hold_results(collection, collector)
    tasks: dict[Key, Any] = {}
    for collection in optimize(*lazy):
        graph = dict(collection.__dask_graph__())
        graph = convert_legacy_graph({key: _aliased(key, value, graph) for key, value in graph.items()})
        tasks |= cull(graph, set(flatten(collection.__dask_keys__())))
    _Walker(collector).walk(tasks)
    order = sorted(collector.reads, key=lambda place: (place[1], place[0]))
    arrays = tuple(collector.reads[place] for place in order)
    return Reading(arrays, tuple(sorted(collector.unattributed)), len(tasks), tuple(collector.streams))


def box_reads(recipe: Recipe, box: Box) -> tuple[ArrayRead, ...]:
    """
    What a box of blocks of a recipe reads, if all of it is known.

    Parameters
    ----------
    recipe : Recipe
        Whose blocks.
    box : Box
        Block numbers.

    Returns
    -------
    tuple of ArrayRead
        By path; empty if some of it is unknown.
    """
    collector = _Collector()
    _Walker(collector).stream(recipe, box)
    if collector.unattributed:
        return ()
    return tuple(collector.reads[place] for place in sorted(collector.reads, key=lambda place: (place[1], place[0])))


def _parts(thing: Any) -> Iterator[Any]:
    """
    Arrays of an object: of xarray objects the values of their variables, and the coordinates not yet read.

    xarray objects are taken apart because Dask cannot optimise one of which a cluster already holds blocks.
    """
    if not hasattr(thing, "coords"):
        yield thing
        return
    own = thing.data_vars if hasattr(thing, "data_vars") else {thing.name: thing}
    yield from (array.variable._data for array in own.values())
    for array in thing.coords.values():
        values = array.variable._data
        if is_dask_collection(values) or zarr_array_of(values) is not None:
            yield values


def _aliased(key: Key, value: Any, graph: Mapping[Key, Any]) -> Any:
    """A bare key in a written-out layer is a reference, not a value."""
    try:
        return Alias(key, value) if not isinstance(value, GraphNode) and value in graph else value
    except TypeError:
        return value


def _hold_results(collection: Any, collector: _Collector) -> None:
    """Blocks that are values already (persisted, or made from memory) have no source, however small each is."""
    graph = collection.__dask_graph__()
    layers = graph.layers.values() if isinstance(graph, HighLevelGraph) else [graph]
    for layer in layers:
        if not isinstance(layer, MaterializedLayer | dict):
            continue
        values = [node.value if isinstance(node, DataNode) else node for node in layer.values()]
        blocks = [value for value in values if isinstance(value, np.ndarray)]
        if sum(block.size for block in blocks) > _ARGUMENT_VALUES:
            for block in blocks:
                collector.report(block)
        held = sum(type(value).__name__ == "Future" for value in values)
        if held:
            collector.unattributed.add(f"{held} blocks in the memory of a cluster")
