"""
From accumulators to lazy results: a bounded number of streaming tasks, merged in a tree fixed by partition number.

The number of tasks does not grow with the number of blocks. Blocks are cut into partitions along the dimensions that
are kept first (those need no merging), then along the reduced ones as far as the memory for states allows. The same cut
gives the same bits whatever runs where or is retried. Several accumulators over one array share the tasks: every block
is evaluated once for all of them.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

import dask
import dask.array as da
import numpy as np
from dask._task_spec import DataNode, Task, TaskRef
from dask.highlevelgraph import HighLevelGraph, MaterializedLayer
from dask.typing import Key

from oceandata.analysis.accumulators import Accumulator, Output, State
from oceandata.errors import MemoryBudgetError
from oceandata.graph import Box, Recipe, cut, one_blas_thread, stream_task
from oceandata.options import get_options

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "FAN_IN",
    "Deferral",
    "Fused",
    "States",
    "accumulate",
    "accumulate_all",
    "deferred_to",
    "finish",
    "layers_of",
    "merge_states",
    "plan_partitions",
]

# Streaming tasks to aim at: enough for every thread of a large node, few enough to be nothing for a scheduler.
_PARTITIONS = 64

# States that always fit, however small the budget.
_LEAST_BYTES = 16_000_000

#: States merged by one task; those of finished partitions wait for each other.
FAN_IN = 4


def _splits(count: int, pieces: int) -> list[tuple[int, int]]:
    """Cut a range of block numbers into about equal pieces."""
    edges = [round(count * piece / pieces) for piece in range(pieces + 1)]
    return list(itertools.pairwise(edges))


def plan_partitions(
    numblocks: Sequence[int], states: Sequence[tuple[Sequence[int], int]], *, memory_bytes: int
) -> list[list[tuple[int, int]]]:
    """
    Ranges of block numbers along each dimension whose product are the partitions.

    Parameters
    ----------
    numblocks : sequence of int
        Blocks along each dimension.
    states : sequence of (sequence of int, int)
        For each accumulator the dimensions that it reduces, and the size of all its states in bytes if nothing is cut
        along these.
    memory_bytes : int
        What all states together may take.

    Returns
    -------
    list of list of (int, int)
        For each dimension, from and to (excluded).

    Examples
    --------
    >>> plan_partitions((4, 1, 1), [((0,), 100)], memory_bytes=200)
    [[(0, 2), (2, 4)], [(0, 1)], [(0, 1)]]
    """
    pieces = [1] * len(numblocks)
    wanted = _PARTITIONS

    def room(dim: int) -> int:
        """Pieces along a dimension for which the copies of the states find room."""
        copied = fixed = 0
        for reduced, nbytes in states:
            size = nbytes * math.prod(pieces[other] for other in reduced)
            copied, fixed = (copied + size, fixed) if dim in reduced else (copied, fixed + size)
        return max(1, (memory_bytes - fixed) // copied) if copied else wanted

    for dim in sorted(range(len(numblocks)), key=lambda dim: (sum(dim in reduced for reduced, _ in states), dim)):
        pieces[dim] = max(1, min(numblocks[dim], wanted, room(dim)))
        wanted = max(1, wanted // pieces[dim])
    return [_splits(count, cuts) for count, cuts in zip(numblocks, pieces, strict=True)]


@dataclasses.dataclass(frozen=True, eq=False)
class Fused:
    """
    Several accumulators as one fold: each block is evaluated once for all of them.

    Attributes
    ----------
    members : tuple of Accumulator
        In the order of their states.
    """

    members: tuple[Accumulator, ...]

    def begin(self, region: tuple[slice, ...]) -> tuple[State, ...]:
        """One state for each member."""
        return tuple(member.begin(region) for member in self.members)

    def add(
        self,
        state: tuple[State, ...],
        block: "npt.NDArray[Any]",
        region: tuple[slice, ...],
        within: tuple[slice, ...],
    ) -> None:
        """Add a block to every state."""
        for member, own in zip(self.members, state, strict=True):
            member.add(own, block, region, within)


def merge_states(accumulator: Accumulator, *states: State) -> State:
    """Merge states in the order given."""
    merged = states[0]
    for state in states[1:]:
        merged = accumulator.merge(merged, state)
    return merged


def _merge_members(accumulator: Accumulator, member: int, *states: tuple[State, ...]) -> State:
    """Merge one member's states of several partitions."""
    return merge_states(accumulator, *(state[member] for state in states))


def finish(accumulator: Accumulator, name: str, state: State) -> "npt.NDArray[np.float64]":
    """One result of a state."""
    return accumulator.result(state)[name]


def _finish_member(
    accumulator: Accumulator, member: int, name: str, states: tuple[State, ...]
) -> "npt.NDArray[np.float64]":
    """One result of one member's state of a single partition."""
    return finish(accumulator, name, states[member])


def _eager(values: "npt.NDArray[Any]", accumulators: Sequence[Accumulator]) -> list[State]:
    region = tuple(slice(0, size) for size in values.shape)
    fused = Fused(tuple(accumulators))
    states = fused.begin(region)
    with one_blas_thread():
        fused.add(states, values, region, region)
    return [member.result(state) for member, state in zip(accumulators, states, strict=True)]


def accumulate(
    array: "da.Array | npt.NDArray[Any]", accumulator: Accumulator
) -> "dict[str, da.Array | npt.NDArray[np.float64]]":
    """
    Results of one accumulator over an array, lazy if the array is lazy.

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
    """
    return accumulate_all(array, [accumulator])[0]


def accumulate_all(
    array: "da.Array | npt.NDArray[Any]", accumulators: Sequence[Accumulator], *, states: "States | None" = None
) -> "list[dict[str, da.Array | npt.NDArray[np.float64]]]":
    """
    Results of several accumulators over an array in one pass, lazy if the array is lazy.

    Parameters
    ----------
    array : dask.array.Array or numpy.ndarray
        Any chunking; a NumPy array is worked on at once.
    accumulators : sequence of Accumulator
        What to accumulate; each may reduce other dimensions.
    states : States, optional
        Where states of partitions are kept, from one run to the next.

    Returns
    -------
    list of dict of str to array
        For each accumulator its outputs in float64: their own dimensions first, then the kept ones.

    Notes
    -----
    Every block is evaluated once for all outputs that are computed together. A task holds its states and one block.
    """
    if not isinstance(array, da.Array):
        return [dict(state) for state in _eager(np.asarray(array), accumulators)]
    deferral = _deferral.get()
    if deferral is not None:
        return deferral.results(array, tuple(accumulators))
    if states is not None:
        states.require_plain(array)
        ranges = states.ranges(array.numblocks, [set(acc.reduced) for acc in accumulators])
    else:
        sizes = [(acc.reduced, _state_bytes(array.shape, acc)) for acc in accumulators]
        ranges = plan_partitions(array.numblocks, sizes, memory_bytes=get_options().memory_bytes)
    _check_states(array, accumulators, ranges)
    return _Streams(array, tuple(accumulators), ranges, states).results()


class Deferral(Protocol):
    """What streams arrays elsewhere, partition by partition (`oceandata.batch`)."""

    def results(
        self, array: da.Array, accumulators: tuple[Accumulator, ...]
    ) -> "list[dict[str, da.Array | npt.NDArray[np.float64]]]":
        """Lazy outputs of each accumulator, of states that are made before they are computed."""


_deferral: ContextVar[Deferral | None] = ContextVar("deferral", default=None)


@contextmanager
def deferred_to(deferral: Deferral) -> Iterator[None]:
    """
    Let something else stream what routines called inside the block ask for.

    Parameters
    ----------
    deferral : Deferral
        Takes each array with its accumulators, and gives the lazy results.

    Yields
    ------
    None
        Call routines inside the block.
    """
    token = _deferral.set(deferral)
    try:
        yield
    finally:
        _deferral.reset(token)


class States(Protocol):
    """Where states of partitions are kept (`oceandata.analysis.stored.StateStore`)."""

    def require_plain(self, array: da.Array) -> None:
        """Refuse an array of which the chunks do not tell the values."""

    def ranges(self, numblocks: Sequence[int], reduced: Sequence[set[int]]) -> list[list[tuple[int, int]]]:
        """Partitions that stay as they are when blocks are appended."""

    def fold(self, recipe: Recipe, box: Box, accumulators: tuple[Accumulator, ...]) -> "Fused":
        """Accumulators that find and keep the states of a box."""


def _check_states(
    array: da.Array, accumulators: Sequence[Accumulator], ranges: Sequence[Sequence[tuple[int, int]]]
) -> None:
    """Refuse states of one task that do not fit the memory, with blocks that would."""
    budget = max(get_options().memory_bytes, _LEAST_BYTES)
    largest = [max(sum(sizes[lo:hi]) for lo, hi in pieces) for sizes, pieces in zip(array.chunks, ranges, strict=True)]
    needed = sum(_state_bytes(largest, one) for one in accumulators)
    if needed <= budget:
        return
    shared = [dim for dim in range(array.ndim) if all(dim not in one.reduced for one in accumulators)]
    widest = max(shared, key=lambda dim: largest[dim], default=None)
    msg = f"the statistics of one task take {needed} bytes, memory_bytes is {budget}."
    if widest is not None:
        fitting = max(1, largest[widest] * budget // needed)
        msg += f" Open the data in smaller blocks (at most {fitting} along dimension {widest}, now {largest[widest]}),"
    msg += " Allow more memory: set_options(memory_bytes=...)." if widest is None else " or allow more memory."
    raise MemoryBudgetError(msg)


def _state_bytes(shape: Sequence[int], accumulator: Accumulator) -> int:
    """Size of an accumulator's states for a whole array."""
    kept = (size for dim, size in enumerate(shape) if dim not in accumulator.reduced)
    return 8 * accumulator.state_values * math.prod(kept)


class _Streams:
    """The tasks that stream an array through accumulators, and the arrays that come out."""

    def __init__(
        self,
        array: da.Array,
        accumulators: tuple[Accumulator, ...],
        ranges: list[list[tuple[int, int]]],
        states: States | None = None,
    ) -> None:
        self.array, self.accumulators, self.ranges, self.states = array, accumulators, ranges, states
        self.prefix = "stream-" + dask.base.tokenize(array.name, accumulators, ranges, states)
        self.tasks: dict[Key, Any] = {}
        self.outer: set[Key] = set()

    def results(self) -> "list[dict[str, da.Array | npt.NDArray[np.float64]]]":
        """Outputs of each accumulator."""
        recipe = cut(self.array)
        self._add_streams(recipe)
        roots = [self._merged(number) for number in range(len(self.accumulators))]
        outside = layers_of(self.array, self.outer)
        layer = MaterializedLayer(self.tasks)
        return [
            {output.name: self._result(number, output, layer, roots[number], outside) for output in member.outputs}
            for number, member in enumerate(self.accumulators)
        ]

    def _partitions(self) -> Iterator[tuple[tuple[int, ...], Box]]:
        """Every partition: its number along each dimension, and its box of blocks."""
        for place in itertools.product(*(range(len(pieces)) for pieces in self.ranges)):
            yield place, tuple(pieces[at] for pieces, at in zip(self.ranges, place, strict=True))

    def _add_streams(self, recipe: Recipe) -> None:
        """One streaming task for each partition."""
        recipe_key, fold = f"recipe-{self.prefix}", Fused(self.accumulators)
        self.tasks[recipe_key] = DataNode(recipe_key, recipe)
        for place, box in self._partitions():
            needs = recipe.needs(box)
            self.outer.update(needs)
            key: Key = (self.prefix, *place)
            own = fold if self.states is None else self.states.fold(recipe, box, self.accumulators)
            self.tasks[key] = stream_task(key, recipe_key, own, box, needs)

    def _merged(self, number: int) -> dict[tuple[int, ...], Key]:
        """Add one accumulator's merge trees; the key of the root of each tile of its kept dimensions."""
        accumulator = self.accumulators[number]
        own = f"accumulator{number}-{self.prefix}"
        self.tasks[own] = DataNode(own, accumulator)
        tiles: dict[tuple[int, ...], list[Key]] = {}
        for place, _ in self._partitions():
            tile = tuple(at for dim, at in enumerate(place) if dim not in accumulator.reduced)
            tiles.setdefault(tile, []).append((self.prefix, *place))
        return {tile: self._merge_tree(number, own, tile, keys) for tile, keys in tiles.items()}

    def _merge_tree(self, number: int, own: Key, tile: tuple[int, ...], keys: list[Key]) -> Key:
        """Add the merge tree of one tile; its root is the streaming task itself if that is the only one."""
        level = 0
        while len(keys) > 1:
            above: list[Key] = []
            for start in range(0, len(keys), FAN_IN):
                key: Key = (f"{self.prefix}-merge{number}-{level}", *tile, start // FAN_IN)
                parts = map(TaskRef, keys[start : start + FAN_IN])
                if level == 0:
                    self.tasks[key] = Task(key, _merge_members, TaskRef(own), DataNode(None, number), *parts)
                else:
                    self.tasks[key] = Task(key, merge_states, TaskRef(own), *parts)
                above.append(key)
            keys, level = above, level + 1
        return keys[0]

    def _result(
        self,
        number: int,
        output: Output,
        layer: MaterializedLayer,
        roots: dict[tuple[int, ...], Key],
        outside: set[str],
    ) -> da.Array:
        """One output as a Dask array, one block a tile."""
        array, accumulator = self.array, self.accumulators[number]
        name = f"{output.name}{number}-{self.prefix}"
        zeros = (0,) * len(output.leading)
        blocks: dict[Key, Any] = {}
        for tile, root in roots.items():
            key: Key = (name, *zeros, *tile)
            alone = isinstance(root, tuple) and root[0] == self.prefix
            function, args = (_finish_member, (number, output.name)) if alone else (finish, (output.name,))
            blocks[key] = Task(key, function, DataNode(None, accumulator), *args, TaskRef(root))
        layers = {key: array.dask.layers[key] for key in outside} | {
            self.prefix: layer,
            name: MaterializedLayer(blocks),
        }
        dependencies = {key: array.dask.dependencies[key] for key in outside}
        dependencies |= {self.prefix: set(outside), name: {self.prefix}}
        kept = [dim for dim in range(array.ndim) if dim not in accumulator.reduced]
        sizes = (tuple(sum(array.chunks[dim][lo:hi]) for lo, hi in self.ranges[dim]) for dim in kept)
        chunks = (*((size,) for size in output.leading), *sizes)
        return da.Array(HighLevelGraph(layers, dependencies), name, chunks, dtype=np.float64)


def layers_of(array: da.Array, keys: set[Key]) -> set[str]:
    """
    Layers of the user's graph that some keys need; those kept symbolic in a recipe are not among them.

    Parameters
    ----------
    array : dask.array.Array
        With its graph.
    keys : set of Key
        What streaming tasks need from outside.

    Returns
    -------
    set of str
        Names of layers; all of them if a key is in none.
    """
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
