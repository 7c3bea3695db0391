"""
From an accumulator to a lazy result: a bounded number of streaming tasks, merged in a tree fixed by partition number.

The number of tasks does not grow with the number of blocks. Blocks are cut into partitions along the kept dimensions
first (those need no merging), then along the reduced ones as far as the memory for states allows. The same cut gives
the same bits whatever runs where or is retried.
"""

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dask
import dask.array as da
import numpy as np
from dask._task_spec import DataNode, Task, TaskRef
from dask.highlevelgraph import HighLevelGraph, MaterializedLayer
from dask.typing import Key

from oceandata.analysis.accumulators import Accumulator, Output, State
from oceandata.graph import Box, cut, stream_task
from oceandata.options import get_options

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["accumulate", "finish", "merge_states", "plan_partitions"]

# Streaming tasks to aim at: enough for every thread of a large node, few enough to be nothing for a scheduler.
_PARTITIONS = 64

# States merged by one task.
_FAN_IN = 8


def _splits(count: int, pieces: int) -> list[tuple[int, int]]:
    """Cut a range of block numbers into about equal pieces."""
    edges = [round(count * piece / pieces) for piece in range(pieces + 1)]
    return list(itertools.pairwise(edges))


def plan_partitions(
    numblocks: Sequence[int], reduced: Sequence[int], state_bytes: int, *, memory_bytes: int
) -> list[list[tuple[int, int]]]:
    """
    Ranges of block numbers along each dimension whose product are the partitions.

    Parameters
    ----------
    numblocks : sequence of int
        Blocks along each dimension.
    reduced : sequence of int
        Dimensions that are reduced.
    state_bytes : int
        Size of all states if nothing is cut along the reduced dimensions.
    memory_bytes : int
        What all states together may take.

    Returns
    -------
    list of list of (int, int)
        For each dimension, from and to (excluded).

    Examples
    --------
    >>> plan_partitions((4, 1, 1), (0,), 100, memory_bytes=200)
    [[(0, 2), (2, 4)], [(0, 1)], [(0, 1)]]
    """
    pieces = [1] * len(numblocks)
    wanted = _PARTITIONS
    for dim in sorted(range(len(numblocks)), key=lambda dim: (dim in reduced, dim)):
        room = wanted
        if dim in reduced:
            copies = math.prod(pieces[d] for d in reduced)
            room = min(wanted, max(1, memory_bytes // max(1, state_bytes * copies)))
        pieces[dim] = max(1, min(numblocks[dim], room))
        wanted = max(1, wanted // pieces[dim])
    return [_splits(count, cuts) for count, cuts in zip(numblocks, pieces, strict=True)]


def merge_states(accumulator: Accumulator, *states: State) -> State:
    """Merge states in the order given."""
    merged = states[0]
    for state in states[1:]:
        merged = accumulator.merge(merged, state)
    return merged


def finish(accumulator: Accumulator, name: str, state: State) -> "npt.NDArray[np.float64]":
    """One result of a state."""
    return accumulator.result(state)[name]


def _merged_key(tasks: dict[Key, Any], accumulator_key: Key, keys: list[Key], prefix: str, at: tuple[int, ...]) -> Key:
    """Add the merge tree of one tile; returns the key of its root."""
    level = 0
    while len(keys) > 1:
        level += 1
        above: list[Key] = []
        for number in range(0, len(keys), _FAN_IN):
            key: Key = (f"{prefix}-merge{level}", *at, number // _FAN_IN)
            parts = keys[number : number + _FAN_IN]
            tasks[key] = Task(key, merge_states, TaskRef(accumulator_key), *map(TaskRef, parts))
            above.append(key)
        keys = above
    return keys[0]


def _eager(values: "npt.NDArray[Any]", accumulator: Accumulator) -> State:
    region = tuple(slice(0, size) for size in values.shape)
    state = accumulator.begin(region)
    accumulator.add(state, values, region, region)
    return accumulator.result(state)


def accumulate(
    array: "da.Array | npt.NDArray[Any]", accumulator: Accumulator
) -> "dict[str, da.Array | npt.NDArray[np.float64]]":
    """
    Results of an accumulator over an array, lazy if the array is lazy.

    Parameters
    ----------
    array : dask.array.Array or numpy.ndarray
        Any chunking; a NumPy array is worked on at once.
    accumulator : Accumulator
        What to accumulate.

    Returns
    -------
    dict of str to array
        The accumulator's outputs in float64: their own dimensions first, then the kept ones.

    Notes
    -----
    Every block is evaluated once for all outputs that are computed together. A task holds its state and one block.
    """
    if not isinstance(array, da.Array):
        return dict(_eager(np.asarray(array), accumulator))
    recipe = cut(array)
    kept = [dim for dim in range(array.ndim) if dim not in accumulator.reduced]
    state_bytes = 8 * accumulator.state_values * math.prod(array.shape[dim] for dim in kept)
    ranges = plan_partitions(array.numblocks, accumulator.reduced, state_bytes, memory_bytes=get_options().memory_bytes)
    prefix = "stream-" + dask.base.tokenize(array.name, accumulator, ranges)
    recipe_key, accumulator_key = f"recipe-{prefix}", f"accumulator-{prefix}"
    tasks: dict[Key, Any] = {
        recipe_key: DataNode(recipe_key, recipe),
        accumulator_key: DataNode(accumulator_key, accumulator),
    }
    outer: set[Key] = set()
    roots: dict[tuple[int, ...], Key] = {}
    for tile in itertools.product(*(range(len(ranges[dim])) for dim in kept)):
        boxes = _tile_boxes(ranges, kept, tile)
        keys: list[Key] = []
        for number, box in enumerate(boxes):
            key: Key = (prefix, *tile, number)
            needs = recipe.needs(box)
            outer.update(needs)
            tasks[key] = stream_task(key, recipe_key, accumulator, box, needs)
            keys.append(key)
        roots[tile] = _merged_key(tasks, accumulator_key, keys, prefix, tile)
    return _results(array, accumulator, tasks, roots, ranges, kept, prefix, outer)


def _tile_boxes(ranges: list[list[tuple[int, int]]], kept: list[int], tile: tuple[int, ...]) -> list[Box]:
    """Boxes of the partitions that share one tile of the kept dimensions, in partition order."""
    chosen = dict(zip(kept, tile, strict=True))
    options = [[ranges[dim][chosen[dim]]] if dim in chosen else ranges[dim] for dim in range(len(ranges))]
    return list(itertools.product(*options))


def _layers_of(array: da.Array, keys: set[Key]) -> set[str]:
    """Layers of the user's graph that some keys need; those kept symbolic in a recipe are not among them."""
    wanted = {str(key[0] if isinstance(key, tuple) else key) for key in keys}
    if not wanted <= set(array.dask.layers):
        return set(array.dask.layers)
    found: set[str] = set()
    queue = list(wanted)
    while queue:
        name = queue.pop()
        if name not in found:
            found.add(name)
            queue.extend(array.dask.dependencies[name])
    return found


def _results(
    array: da.Array,
    accumulator: Accumulator,
    tasks: dict[Key, Any],
    roots: dict[tuple[int, ...], Key],
    ranges: list[list[tuple[int, int]]],
    kept: list[int],
    prefix: str,
    outer: set[Key],
) -> "dict[str, da.Array | npt.NDArray[np.float64]]":
    """Dask arrays of the outputs, which share the streaming tasks."""
    layer = MaterializedLayer(tasks)
    outside = _layers_of(array, outer)
    sizes = tuple(tuple(sum(array.chunks[dim][lo:hi]) for lo, hi in ranges[dim]) for dim in kept)
    results: dict[str, da.Array | npt.NDArray[np.float64]] = {}
    for output in accumulator.outputs:
        results[output.name] = _result(array, accumulator, output, layer, roots, sizes, prefix, outside)
    return results


def _result(
    array: da.Array,
    accumulator: Accumulator,
    output: Output,
    layer: MaterializedLayer,
    roots: dict[tuple[int, ...], Key],
    sizes: tuple[tuple[int, ...], ...],
    prefix: str,
    outside: set[str],
) -> da.Array:
    """One output as a Dask array, one block a tile."""
    name = f"{output.name}-{prefix}"
    zeros = (0,) * len(output.leading)
    blocks = {
        (name, *zeros, *tile): Task(
            (name, *zeros, *tile), finish, DataNode(None, accumulator), output.name, TaskRef(root)
        )
        for tile, root in roots.items()
    }
    layers = {key: array.dask.layers[key] for key in outside} | {prefix: layer, name: MaterializedLayer(blocks)}
    dependencies = {key: array.dask.dependencies[key] for key in outside} | {prefix: set(outside), name: {prefix}}
    graph = HighLevelGraph(layers, dependencies)
    chunks = (*((size,) for size in output.leading), *sizes)
    return da.Array(graph, name, chunks, dtype=np.float64)
