"""
Recipes: a user's own lazy array, kept symbolic, so that one task can stream many of its blocks.

`cut` walks back from an array through the layers of its graph and keeps those inside in which a block of the array
needs one block of the input: opened stores, arithmetic, ``where``, slices. Everything else (means, rechunks, masks
that are broadcast) stays outside as ordinary Dask tasks, whose results a streaming task receives. The blocks are those
the user made, so any function in them is right. `stream` evaluates blocks one by one and feeds them to a fold.

With ``oceandata.graph.sources`` the only code that touches Dask's internals: ``Blockwise.indices``, ``io_deps``,
``numblocks`` and ``_cull``, and the nodes of ``dask._task_spec``. What is not recognised stays outside, which is
always right.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from dask._task_spec import Alias, DataNode, GraphNode, Task, TaskRef
from dask.array.chunk import getitem
from dask.array.core import getter, getter_inline, getter_nofancy
from dask.array.optimization import fuse_slice
from dask.blockwise import Blockwise
from dask.highlevelgraph import HighLevelGraph, MaterializedLayer
from dask.layers import ArraySliceDep
from dask.typing import Key

from oceandata.graph.threads import one_blas_thread

if TYPE_CHECKING:
    import dask.array as da
    import numpy.typing as npt

__all__ = ["Box", "Fold", "Recipe", "cut", "positions", "stream", "stream_task"]

#: Functions by which Dask takes a part of an opened array.
GETTERS = (getter, getter_inline, getter_nofancy)

#: Block numbers along each dimension, from and to (excluded).
Box = tuple[tuple[int, int], ...]


class Fold(Protocol):
    """
    What a streaming task does with blocks: begin a state for a region, then add each block at its place.

    A fold that keeps states also has ``kept()``, which gives the state if it is there already (else None), and
    ``keep(state)``, called when all blocks were added.
    """

    def begin(self, region: tuple[slice, ...]) -> Any:
        """State for the values of a region of the array."""

    def add(self, state: Any, block: "npt.NDArray[Any]", region: tuple[slice, ...], within: tuple[slice, ...]) -> None:
        """Add a block: `region` is its place in the array, `within` its place in the region of the state."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """
    The inner part of an array's graph.

    Attributes
    ----------
    name : str
        Key prefix of the array's blocks.
    chunks : tuple of tuple of int
        Block sizes along each dimension.
    blockwise : dict of str to dask.blockwise.Blockwise
        Layers kept symbolic.
    nodes : dict
        Tasks and constants of the other inner layers, by key.
    """

    name: str
    chunks: tuple[tuple[int, ...], ...]
    blockwise: dict[str, Blockwise]
    nodes: dict[Key, GraphNode]

    @property
    def numblocks(self) -> tuple[int, ...]:
        """Number of blocks along each dimension."""
        return tuple(len(sizes) for sizes in self.chunks)

    def region(self, box: Box) -> tuple[slice, ...]:
        """Part of the array that a box of blocks covers."""
        starts = self._starts()
        return tuple(slice(int(edge[lo]), int(edge[hi])) for (lo, hi), edge in zip(box, starts, strict=True))

    def _starts(self) -> "list[npt.NDArray[np.int64]]":
        return [np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64) for sizes in self.chunks]

    def _node(self, key: Key) -> GraphNode | None:
        """Task of an inner key, None for a key from outside."""
        if key in self.nodes:
            return self.nodes[key]
        if isinstance(key, tuple) and key[0] in self.blockwise:
            layer = self.blockwise[key[0]]._cull({key[1:]})
            node: GraphNode = layer._dict[key]
            return node
        return None

    def block_graph(self, position: Sequence[int]) -> tuple[dict[Key, GraphNode], set[Key]]:
        """
        Tasks that make one block.

        Parameters
        ----------
        position : sequence of int
            Block number along each dimension.

        Returns
        -------
        tuple
            Inner tasks by key, and the keys that come from outside.
        """
        tasks: dict[Key, GraphNode] = {}
        outer: set[Key] = set()
        queue: list[Key] = [(self.name, *position)]
        while queue:
            key = queue.pop()
            if key in tasks or key in outer:
                continue
            node = self._node(key)
            if node is None:
                outer.add(key)
                continue
            tasks[key] = node
            queue.extend(node.dependencies)
        return _without_excess(tasks), outer

    def block(self, position: Sequence[int], outer: Mapping[Key, Any]) -> "npt.NDArray[Any]":
        """
        Values of one block.

        Parameters
        ----------
        position : sequence of int
            Block number along each dimension.
        outer : mapping
            Values of the keys from outside.

        Returns
        -------
        numpy.ndarray
            What Dask would have computed for this block; NaN where a masked array is masked.
        """
        tasks, _ = self.block_graph(position)
        values: dict[Key, Any] = {}
        key: Key = (self.name, *position)
        stack: list[Key] = [key]
        while stack:
            current = stack[-1]
            if current in values:
                stack.pop()
            elif current not in tasks:
                values[current] = outer[current]
                stack.pop()
            else:
                missing = [need for need in tasks[current].dependencies if need not in values]
                if missing:
                    stack.extend(missing)
                else:
                    values[current] = tasks[current](values)
                    stack.pop()
        made = values[key]
        return _unmasked(made) if isinstance(made, np.ma.MaskedArray) else np.asarray(made)

    def reads(self, box: Box) -> "list[tuple[Any, tuple[slice, ...]]] | None":
        """
        What a box of blocks takes of opened arrays, as whole boxes, without looking at single blocks.

        Parameters
        ----------
        box : Box
            Block numbers.

        Returns
        -------
        list of (array, tuple of slice) or None
            None if some inner layer is written out block by block: then only the blocks themselves can tell.
        """
        if any(not isinstance(node, DataNode) for node in self.nodes.values()) or self.name not in self.blockwise:
            return None
        found: list[tuple[Any, tuple[slice, ...]]] = []
        seen: set[tuple[str, Box]] = set()
        queue = [(self.name, box)]
        while queue:
            name, part = queue.pop()
            if (name, part) in seen:
                continue
            seen.add((name, part))
            layer = self.blockwise[name]
            taken = _taken(layer, self.nodes, part)
            if taken is None:
                return None
            found += taken
            inside = set(_full_inputs(layer)) & set(self.blockwise)
            for source, index in layer.indices:
                if index is not None and source in inside:
                    place = dict(zip(layer.output_indices, part, strict=True))
                    queue.append((str(source), tuple(place[dim] for dim in index)))
        return found

    def needs(self, box: Box) -> list[Key]:
        """
        Keys from outside that a box of blocks needs.

        Parameters
        ----------
        box : Box
            Block numbers.

        Returns
        -------
        list
            In a fixed order.
        """
        if not self._reaches_out():
            return []
        found: set[Key] = set()
        for position in positions(box):
            found |= self.block_graph(position)[1]
        return sorted(found, key=str)

    def _reaches_out(self) -> bool:
        """Tell whether any inner layer names a key that is not inside."""
        if self.name not in self.blockwise and not self._materialised(self.name):
            return True
        for layer in self.blockwise.values():
            for name, index in layer.indices:
                if isinstance(name, TaskRef) and name.key not in self.nodes:
                    return True
                if index is None:  # a constant, which may be an array that cannot be looked up
                    continue
                inside = name in self.blockwise or name in layer.io_deps or self._materialised(name)
                if not inside:
                    return True
        inner = set(self.nodes)
        return any(self._node(need) is None for node in self.nodes.values() for need in node.dependencies - inner)

    def _materialised(self, name: object) -> bool:
        return any(isinstance(key, tuple) and key[0] == name for key in self.nodes)


def _without_excess(tasks: dict[Key, GraphNode]) -> dict[Key, GraphNode]:
    """
    Tasks in which a slice of an opened array takes only that slice from the store.

    Dask does the same when it optimises (``x[5:][2:6]`` becomes ``x[7:11]``); otherwise whole blocks would be read for
    the sake of a part of them.
    """
    uses: dict[Key, int] = {}
    for node in tasks.values():
        for need in node.dependencies:
            uses[need] = uses.get(need, 0) + 1
    for key, node in list(tasks.items()):
        if not (isinstance(node, Task) and node.func is getitem and len(node.args) == 2):
            continue
        source, index = node.args
        below = tasks.get(source.key) if isinstance(source, TaskRef) and uses[source.key] == 1 else None
        if isinstance(below, Task) and below.func in GETTERS and not below.kwargs:
            fused = _fused_index(below.args[1], index)
            if fused is not None:
                del tasks[source.key]
                tasks[key] = Task(key, below.func, below.args[0], fused, *below.args[2:])
    return tasks


def _fused_index(first: Any, second: Any) -> Any:
    """One index for two after each other, None where that is not plain."""
    first, second = (part.value if isinstance(part, DataNode) else part for part in (first, second))
    try:
        return fuse_slice(tuple(first), tuple(second))
    except (NotImplementedError, TypeError):
        return None


def _unmasked(block: "np.ma.MaskedArray[Any, Any]") -> "npt.NDArray[Any]":
    """Masked values as NaN, as xarray has them."""
    if not np.ma.is_masked(block):
        return np.asarray(block.data)
    wide = block if block.dtype.kind == "f" else block.astype(np.float64)
    return np.asarray(np.ma.filled(wide, np.nan))


def positions(box: Box) -> Iterator[tuple[int, ...]]:
    """
    Block numbers of a box, last dimension fastest.

    Parameters
    ----------
    box : Box
        From and to along each dimension.

    Returns
    -------
    iterator of tuple of int
        One block at a time.
    """
    return itertools.product(*(range(lo, hi) for lo, hi in box))


def _full_inputs(layer: Blockwise) -> Iterator[str]:
    """Inputs of a layer of which each block of the output needs exactly one block, each block once."""
    output = layer.output_indices
    for name, index in layer.indices:
        if index is None or not isinstance(name, str) or name in layer.io_deps:
            continue
        same_dims = len(index) == len(output) and set(index) == set(output)
        if same_dims and all(layer.numblocks[name][at] == layer.dims[dim] for at, dim in enumerate(index)):
            yield name


def _nodes_of(layer: MaterializedLayer, names: Iterable[str]) -> dict[Key, GraphNode] | None:
    """Tasks of a layer written out, or None if some entry is of a form not recognised."""
    known = set(names)
    nodes: dict[Key, GraphNode] = {}
    for key, value in layer.mapping.items():
        if isinstance(value, GraphNode):
            nodes[key] = value
        elif isinstance(value, tuple) and value and isinstance(value[0], str) and value[0] in known:
            nodes[key] = Alias(key, value)
        else:
            return None
    return nodes


def _taken(layer: Blockwise, nodes: dict[Key, GraphNode], box: Box) -> "list[tuple[Any, tuple[slice, ...]]] | None":
    """What a layer itself takes of constants over a box of its blocks, None if its form is not recognised."""
    constants = [nodes[name.key] for name, _ in layer.indices if isinstance(name, TaskRef) and name.key in nodes]
    if not constants:
        return [] if not isinstance(layer.task, Task) or layer.task.func not in GETTERS else None
    slices = [dep for dep in layer.io_deps.values() if isinstance(dep, ArraySliceDep)]
    if layer.task.func not in GETTERS or len(constants) != 1 or len(slices) != 1:
        return None
    starts = slices[0].starts
    region = tuple(slice(int(edge[lo]), int(edge[hi])) for (lo, hi), edge in zip(box, starts, strict=True))
    return [(constants[0](()), region)]


def _constant(layer: Any, key: Key) -> DataNode | None:
    """A layer that is one object, such as an opened store."""
    if not isinstance(layer, MaterializedLayer) or set(layer.mapping) != {key}:
        return None
    value = layer.mapping[key]
    if isinstance(value, DataNode):
        return value
    if isinstance(value, GraphNode | tuple | list | dict | str):
        return None
    return DataNode(key, value)


class _Cutter:
    """Walks back from the output and sorts layers into inside and outside."""

    def __init__(self, graph: HighLevelGraph) -> None:
        self.layers = graph.layers
        self.blockwise: dict[str, Blockwise] = {}
        self.nodes: dict[Key, GraphNode] = {}

    def visit(self, name: str) -> None:
        """Take a layer inside if it can be, with what it needs."""
        queue = [name]
        while queue:
            current = queue.pop()
            layer = self.layers.get(current)
            if current in self.blockwise or layer is None:
                continue
            if isinstance(layer, Blockwise):
                self.blockwise[current] = layer
                self._take_constants(layer)
                queue.extend(_full_inputs(layer))
            elif isinstance(layer, MaterializedLayer):
                queue.extend(self._take_nodes(layer))

    def _take_constants(self, layer: Blockwise) -> None:
        for name, _ in layer.indices:
            if isinstance(name, TaskRef) and isinstance(name.key, str):
                constant = _constant(self.layers.get(name.key), name.key)
                if constant is not None:
                    self.nodes[name.key] = constant

    def _take_nodes(self, layer: MaterializedLayer) -> set[str]:
        """Take a written-out layer inside if each of its inputs is used once; returns the layers it reads."""
        nodes = _nodes_of(layer, self.layers)
        if nodes is None:
            return set()
        needs = [need for node in nodes.values() for need in node.dependencies]
        if len(needs) != len(set(needs)) or not all(isinstance(need, tuple) for need in needs):
            return set()
        self.nodes.update(nodes)
        return {need[0] for need in needs if isinstance(need, tuple) and isinstance(need[0], str)}


def cut(array: "da.Array") -> Recipe:
    """
    Keep the one-block-in-one-block-out part of an array's graph symbolic.

    Nothing is computed. The work does not depend on the number of blocks, but for layers that Dask itself writes out
    block by block (slices taken after opening, concatenations).

    Parameters
    ----------
    array : dask.array.Array
        Any lazy array.

    Returns
    -------
    Recipe
        Whose blocks are the array's blocks. In the worst case nothing is inside and every block comes from outside.

    Examples
    --------
    >>> import dask.array as da
    >>> recipe = cut(da.ones((4, 4), chunks=2) + 1)
    >>> recipe.block((0, 1), {}).tolist()
    [[2.0, 2.0], [2.0, 2.0]]
    """
    graph = array.__dask_graph__()
    chunks = tuple(tuple(int(size) for size in sizes) for sizes in array.chunks)
    if not isinstance(graph, HighLevelGraph):
        return Recipe(array.name, chunks, {}, {})
    cutter = _Cutter(graph)
    cutter.visit(array.name)
    return Recipe(array.name, chunks, cutter.blockwise, cutter.nodes)


def stream(recipe: Recipe, fold: Fold, box: Box, keys: Sequence[Key], *values: Any) -> Any:
    """
    Evaluate a box of blocks one by one and fold them into one state.

    One block is held at a time.

    Parameters
    ----------
    recipe : Recipe
        Whose blocks to evaluate.
    fold : Fold
        What to do with each.
    box : Box
        Block numbers.
    keys : sequence
        Keys from outside that the blocks need.
    *values : object
        Their values.

    Returns
    -------
    object
        The state of the fold.
    """
    kept = fold.kept() if hasattr(fold, "kept") else None
    if kept is not None:
        return kept
    outer = dict(zip(keys, values, strict=True))
    whole = recipe.region(box)
    state = fold.begin(whole)
    starts = recipe._starts()
    for position in positions(box):
        block = recipe.block(position, outer)
        region = tuple(slice(int(edge[at]), int(edge[at + 1])) for at, edge in zip(position, starts, strict=True))
        within = tuple(
            slice(part.start - all_.start, part.stop - all_.start) for part, all_ in zip(region, whole, strict=True)
        )
        with one_blas_thread():
            fold.add(state, block, region, within)
        del block
    if hasattr(fold, "keep"):
        fold.keep(state)
    return state


def stream_task(key: Key, recipe_key: Key, fold: Fold, box: Box, outer: Sequence[Key]) -> Task:
    """Task that runs `stream`, with the recipe as a node of its own so that it is sent to a worker once."""
    constants = (DataNode(None, fold), DataNode(None, box), DataNode(None, list(outer)))
    return Task(key, stream, TaskRef(recipe_key), *constants, *map(TaskRef, outer))
