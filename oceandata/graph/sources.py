"""
What a lazy object will read: which store, which array, which region, which chunks; read off its graph, before it runs.

`read_plan` optimises the graph exactly as Dask will and finds every task that takes a part of an opened array, also
inside fused tasks and inside the recipes of streaming tasks. `find_reads` finds the same many times faster, because
layers of which every block is needed are taken as a whole. What holds values without saying where they came from
(arrays in memory, arrays opened by other means) is reported as unattributed, never left out.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from dask._task_spec import Alias, DataNode, GraphNode, convert_legacy_graph, cull
from dask.array import Array
from dask.base import is_dask_collection, optimize
from dask.blockwise import Blockwise
from dask.core import flatten
from dask.highlevelgraph import HighLevelGraph, MaterializedLayer
from dask.typing import Key

from oceandata.graph.collector import ARGUMENT_VALUES, ArrayRead, Collector, FileRead, zarr_array_of
from oceandata.graph.demand import collect_demanded
from oceandata.graph.recipe import Box, Recipe
from oceandata.graph.takers import holds_positions
from oceandata.graph.walker import Streamed, Walker

__all__ = ["Reading", "box_reads", "find_reads", "read_plan"]


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
    files : tuple of FileRead
        Files below the unattributed inputs, where they are known.
    """

    arrays: tuple[ArrayRead, ...]
    unattributed: tuple[str, ...]
    tasks: int = dataclasses.field(default=0, compare=False)
    streams: tuple[Streamed, ...] = dataclasses.field(default=(), compare=False)
    files: tuple[FileRead, ...] = dataclasses.field(default=(), compare=False)


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
    lazy, collector = _begun(objects)
    tasks: dict[Key, Any] = {}
    for collection in optimize(*lazy):
        graph = dict(collection.__dask_graph__())
        graph = convert_legacy_graph({key: _aliased(key, value, graph) for key, value in graph.items()})
        tasks |= cull(graph, set(flatten(collection.__dask_keys__())))
    walker = Walker(collector)
    walker.walk(tasks)
    return _found(walker, len(tasks))


def find_reads(*objects: Any) -> Reading:
    """
    What lazy objects will read when they are computed together, without optimising their graphs where that can be.

    The same as `read_plan`, but the number of tasks is not told, and takes milliseconds where every block of an array
    is needed, however many there are.

    Parameters
    ----------
    *objects : xarray object, dask collection
        What would be computed.

    Returns
    -------
    Reading
        As `read_plan` gives it, with 0 tasks.

    Notes
    -----
    Tasks that Dask itself has written out one by one (reductions, slices after opening) are looked at once each, about
    5 µs a task; slices of opened arrays are optimised by Dask, about 0.1 ms a block.
    """
    lazy, collector = _begun(objects)
    if all(isinstance(one, Array) and isinstance(one.__dask_graph__(), HighLevelGraph) for one in lazy):
        graph = HighLevelGraph.merge(*(one.__dask_graph__() for one in lazy))
        keys = {key for one in lazy for key in flatten(one.__dask_keys__())}
        walker = Walker(collector)
        if collect_demanded(graph, keys, walker):
            return _found(walker, 0)
    found = read_plan(*objects)
    return dataclasses.replace(found, tasks=0)


def _found(walker: Walker, tasks: int) -> Reading:
    """What a walker has found."""
    collector = walker.collector
    unattributed, files = tuple(sorted(collector.unattributed)), tuple(sorted(collector.files))
    return Reading(collector.reads(), unattributed, tasks, tuple(walker.streams), files)


def _begun(objects: tuple[Any, ...]) -> tuple[list[Any], Collector]:
    """Lazy parts of objects, and a collector that knows what the others hold."""
    collector = Collector()
    lazy = []
    for part in itertools.chain.from_iterable(map(_parts, objects)):
        if is_dask_collection(part):
            lazy.append(part)
        else:
            collector.take(part, (slice(None),) * getattr(part, "ndim", 0))
    for collection in lazy:
        _hold_results(collection, collector)
    return lazy, collector


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
    collector = Collector()
    Walker(collector).stream(recipe, box)
    return () if collector.unattributed else collector.reads()


def _parts(thing: Any) -> Iterator[Any]:
    """
    Arrays of an object: of xarray objects the values of their variables, and the coordinates not yet read.

    xarray objects are taken apart because Dask cannot optimise one of which a cluster already holds blocks.
    """
    if not hasattr(type(thing), "coords"):
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


def _numbers_of_groups(graph: HighLevelGraph) -> set[str]:
    """Layers that only tell functions which group each value is in."""
    users: dict[str, set[str]] = {}
    for name, layer in graph.layers.items():
        for at, (given, _) in enumerate(layer.indices if isinstance(layer, Blockwise) else ()):
            if isinstance(given, str) and holds_positions(layer.task.func, at):  # type: ignore[attr-defined]
                users.setdefault(given, set()).add(name)
    return {name for name, known in users.items() if graph.dependents[name] == known}


def _hold_results(collection: Any, collector: Collector) -> None:
    """Blocks that are values already (persisted, or made from memory) have no source, however small each is."""
    graph = collection.__dask_graph__()
    layers = graph.layers if isinstance(graph, HighLevelGraph) else {"": graph}
    groups = _numbers_of_groups(graph) if isinstance(graph, HighLevelGraph) else set()
    for name, layer in layers.items():
        if not isinstance(layer, MaterializedLayer | dict):
            continue
        values = [node.value if isinstance(node, DataNode) else node for node in layer.values()]
        blocks = [value for value in values if isinstance(value, np.ndarray)]
        blocks = [block for block in blocks if name not in groups or block.dtype.kind not in "iub"]
        if sum(block.size for block in blocks) > ARGUMENT_VALUES:
            for block in blocks:
                collector.report(block)
        else:
            for block in blocks:
                collector.hold(block)
        held = sum(type(value).__name__ == "Future" for value in values)
        if held:
            collector.unattributed.add(f"{held} blocks in the memory of a cluster")
