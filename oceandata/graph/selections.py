"""
Which values of stored arrays a result is made of: the labels a person selected, however the graph is cut into blocks.

Reading is done in whole blocks, and what is read depends on how they lie. Here the graph is walked backwards from the
result: a selection narrows what is needed of the block below it, through arithmetic, reductions, rechunking and
transposition, down to the opened array. A function that is not known needs its blocks whole; a selection above one is
`rounded` to blocks, and says so. Nothing is read.
"""

import contextlib
import functools
import graphlib
import itertools
import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from dask._task_spec import Alias, DataNode, GraphNode, Task, TaskRef, convert_legacy_graph, cull
from dask.array.chunk import astype, getitem
from dask.base import is_dask_collection
from dask.core import flatten
from dask.typing import Key

from oceandata.graph.collector import zarr_array_of
from oceandata.graph.openings import Selected, Sources
from oceandata.graph.recipe import GETTERS, positions, stream
from oceandata.graph.regions import Line, Unknown, chosen, line_of, within
from oceandata.graph.takers import (
    concatenate_shaped,
    concatenate_shuffled,
    function_of_dask,
    group_count,
    is_grouping,
    merge_points,
    take_points,
    take_shuffled,
)

__all__ = ["selected_values"]

#: What is needed of a block: positions along each dimension.
_Need = tuple[Line, ...]


_ELEMENTWISE = {getattr(operator, name) for name in operator.__all__ if not name.endswith(("item", "contains"))} | {
    np.where,
    np.clip,
    np.round,
    np.around,
    np.real,
    np.imag,
    np.isclose,
    np.nan_to_num,
    astype,
    function_of_dask("reductions:_sqrt"),
}


class _Tracer:
    """Walks a graph from its results down to the opened arrays."""

    def __init__(self, tasks: dict[Key, Any], sources: Sources) -> None:
        self.tasks = _unfolded(tasks)
        self.sources = sources
        self.needs: dict[Key, set[_Need] | None] = {}
        self.blurred: set[Key] = set()
        self._shapes: dict[Key, tuple[int, ...] | None] = {}

    def trace(self, keys: Iterable[Key]) -> None:
        """Collect what these blocks need, whole."""
        self.needs = dict.fromkeys(keys)
        below = {key: [need for need in node.dependencies if need in self.tasks] for key, node in self.tasks.items()}
        for key in reversed(list(graphlib.TopologicalSorter(below).static_order())):
            if key in self.needs:
                self._visit(key, self.tasks[key], self.needs[key])

    def _visit(self, key: Key, node: GraphNode, wanted: set[_Need] | None) -> None:
        if not isinstance(node, Task | Alias):
            return
        if isinstance(node, Task) and node.func in GETTERS:
            self._take(key, node, wanted)
            return
        if isinstance(node, Task) and node.func is stream:
            self._stream(node, rounded=key in self.blurred or wanted is not None)
            wanted = None  # what comes from outside the recipe is needed whole
        try:
            asked = [part for need in ([None] if wanted is None else wanted) for part in self._below(node, need)]
        except (Unknown, RecursionError):
            if wanted is not None:
                self.blurred.add(key)
            asked = [(below, None) for below in node.dependencies]
        for below, need in asked:
            self._ask(below, need, above=key)

    def _ask(self, key: Key, need: _Need | None, *, above: Key) -> None:
        """A block is needed, whole or in part; below what is blurred, everything is."""
        if key not in self.tasks:
            return
        if need is None or self.needs.get(key, ()) is None:
            self.needs[key] = None
        else:
            held = self.needs.setdefault(key, set())
            assert held is not None
            held.add(need)
        if above in self.blurred:
            self.blurred.add(key)

    def _take(self, key: Key, node: Task, wanted: set[_Need] | None) -> None:
        with contextlib.suppress(Unknown):  # an array that is known only when it runs: read_plan names it
            wrapped, index = self._value(node.args[0]), self._value(node.args[1])
            for need in [None] if wanted is None else wanted:
                self.sources.take(wrapped, index, need, rounded=key in self.blurred)

    def _stream(self, node: Task, *, rounded: bool) -> None:
        """What a streaming task takes itself, block by block where that does not follow from the whole box."""
        recipe, box = self._value(node.args[0]), self._value(node.args[2])
        whole = recipe.reads(box)
        for wrapped, region in whole or ():
            self.sources.take(wrapped, region, rounded=rounded)
        for position in positions(box) if whole is None else ():
            tasks, _ = recipe.block_graph(position)
            inner = _Tracer(dict(tasks), self.sources)
            inner.blurred |= {(recipe.name, *position)} if rounded else set()
            inner.trace([(recipe.name, *position)])

    def _value(self, argument: Any) -> Any:
        """Constant that an argument stands for."""
        if isinstance(argument, Alias):
            argument = TaskRef(argument.target)
        if isinstance(argument, TaskRef):
            argument = self.tasks.get(argument.key, argument)
        if isinstance(argument, DataNode):
            return argument.value
        if isinstance(argument, GraphNode) and not argument.dependencies and hasattr(argument, "klass"):
            return argument(())
        if isinstance(argument, GraphNode | TaskRef):
            raise Unknown
        return argument

    def _key(self, argument: Any) -> Key | None:
        """Key that an argument refers to, None if it is a constant."""
        if isinstance(argument, TaskRef):
            return argument.key
        if isinstance(argument, Alias):
            return argument.target
        if isinstance(argument, GraphNode) and argument.dependencies:
            raise Unknown
        return None

    def _source(self, argument: Any) -> Key:
        key = self._key(argument)
        if key is None:
            raise Unknown
        return key

    # What is needed below

    def _below(self, node: Task | Alias, need: _Need | None) -> Iterator[tuple[Key, _Need | None]]:
        """Blocks that a task needs for a part of its own."""
        if isinstance(node, Alias):
            yield node.target, need
        elif node.func is getitem or node.func is take_shuffled:
            yield self._taken(node, need)
        elif node.func is take_points:
            yield from self._points(node, need)
        elif need is None:
            for below in node.dependencies:
                yield below, None
        else:
            yield from self._below_part(node, need)

    def _below_part(self, node: Task, need: _Need) -> Iterator[tuple[Key, _Need | None]]:
        if node.func is concatenate_shaped:
            yield from self._pieces(list(node.args[0].args), tuple(self._value(node.args[1])), need)
        elif node.func is concatenate_shuffled:
            yield from self._shuffled(node, need)
        elif node.func is merge_points:
            yield from self._merged_points(node, need)
        elif node.func is np.transpose and "axes" in node.kwargs:
            turned = dict(zip(self._value(node.kwargs["axes"]), need, strict=True))
            yield self._source(node.args[0]), tuple(turned[axis] for axis in range(len(need)))
        elif _is_elementwise(node.func) or node.func is np.broadcast_to:
            yield from self._broadcast(node, need)
        elif is_grouping(node.func):
            yield from ((below, (*need[:-1], None)) for below in self._grouped(node)[0])
        else:
            yield from self._reduced(node, need)

    def _index(self, node: Task) -> tuple[Any, ...]:
        index = self._value(node.args[1])
        index = index[1] if node.func is take_shuffled else index
        return index if isinstance(index, tuple) else (index,)

    def _taken(self, node: Task, need: _Need | None) -> tuple[Key, _Need]:
        key = self._source(node.args[0])
        shape = self._shape(key)
        wanted = iter(need or ())
        lines: list[Line] = []
        for part in self._index(node):
            size = None if shape is None or part is None else shape[len(lines)]
            if part is None:
                next(wanted, None)
            elif isinstance(part, int | np.integer) or need is None:
                lines.append(line_of(part, size))
            else:
                lines.append(chosen(part, size, next(wanted)))
        return key, (*lines, *wanted)

    def _points(self, node: Task, need: _Need | None) -> Iterator[tuple[Key, _Need]]:
        """Points of a block; they come first in what is made of them."""
        key = self._source(node.args[0])
        index = [self._value(part) for part in self._value(node.args[1])]
        chosen_points = list(zip(*(np.asarray(part) for part in index if not isinstance(part, slice)), strict=True))
        line, *others = need or (None,)
        rest = iter(others)
        wide = [chosen(part, None, next(rest, None)) if isinstance(part, slice) else None for part in index]
        for number in range(len(chosen_points)) if line is None else line:
            at = iter(chosen_points[number])
            yield (
                key,
                tuple(
                    own if isinstance(part, slice) else (int(next(at)),) for part, own in zip(index, wide, strict=True)
                ),
            )

    def _merged_points(self, node: Task, need: _Need) -> Iterator[tuple[Key, _Need]]:
        locations = [[int(place) for place in self._value(part)] for part in self._value(node.args[0])]
        for ref, places in zip(node.args[1].args, locations, strict=True):
            line = need[0]
            wanted = None if line is None else tuple(n for n, place in enumerate(places) if place in line)
            if wanted is None or wanted:
                yield self._source(ref), (wanted, *need[1:])

    def _shuffled(self, node: Task, need: _Need) -> Iterator[tuple[Key, _Need]]:
        refs, axis = list(node.args[0].args), int(self._value(node.args[2]))
        order = np.argsort(np.asarray(self._value(node.args[1])[1]))
        line = need[axis]
        places = None if line is None else tuple(np.unique(order[[n for n in line if n < order.size]]).tolist())
        grid = tuple(len(refs) if at == axis else 1 for at in range(len(need)))
        yield from self._pieces(refs, grid, (*need[:axis], places, *need[axis + 1 :]))

    def _pieces(self, refs: Sequence[Any], grid: tuple[int, ...], need: _Need) -> Iterator[tuple[Key, _Need]]:
        """Parts of blocks that are put together side by side."""
        shapes = [self._shape_of(ref) for ref in refs]
        starts: list[dict[int, int]] = [{0: 0} for _ in grid]
        for place, shape in zip(itertools.product(*map(range, grid)), shapes, strict=True):
            for known, number, size in zip(starts, place, shape, strict=True):
                known[number + 1] = known[number] + size
        for ref, place, shape in zip(refs, itertools.product(*map(range, grid)), shapes, strict=True):
            lines = zip(need, starts, place, shape, strict=True)
            part = tuple(within(line, known[number], size) for line, known, number, size in lines)
            if all(line is None or len(line) for line in part):
                yield self._source(ref), part

    def _broadcast(self, node: Task, need: _Need) -> Iterator[tuple[Key, _Need]]:
        for argument in node.args[:1] if node.func is np.broadcast_to else node.args:
            key = self._key(argument)
            if key is None:
                continue
            shape = self._shape_of(argument)
            own = need[len(need) - len(shape) :]
            yield key, tuple(None if size == 1 else line for size, line in zip(shape, own, strict=True))

    def _reduced(self, node: Task, need: _Need) -> Iterator[tuple[Key, _Need]]:
        axes, keeps = _reduction(node)
        if keeps:
            wide = tuple(None if at in axes else line for at, line in enumerate(need))
        else:
            own = iter(need)
            wide = tuple(None if at in axes else next(own) for at in range(len(need) + len(axes)))
        for below in node.dependencies:
            yield below, wide

    def _grouped(self, node: Task) -> tuple[list[Key], list[Any]]:
        """Blocks whose last dimension is grouped, and the groups of their steps where they are given."""
        arrays = {key: self._value(TaskRef(key)) for key in node.dependencies if isinstance(self.tasks[key], DataNode)}
        groups = [*arrays.values(), *(one for one in node.args if isinstance(one, np.ndarray))]
        axis = getattr(node.func, "keywords", {}).get("axis", ())
        if (
            any(np.ndim(one) != 1 for one in groups) or len(axis) > 1
        ):  # flox turns the dimensions that it groups to the end
            raise Unknown
        return [key for key in node.dependencies if key not in arrays], groups

    # Shapes of blocks

    def _shape(self, key: Key) -> tuple[int, ...] | None:
        """Shape of a block, None if it cannot be told without computing it."""
        if key not in self._shapes:
            self._shapes[key] = None
            with contextlib.suppress(Unknown):
                self._shapes[key] = self._told(self.tasks.get(key))
        return self._shapes[key]

    def _shape_of(self, argument: Any) -> tuple[int, ...]:
        key = self._key(argument)
        shape = tuple(np.shape(self._value(argument))) if key is None else self._shape(key)
        if shape is None:
            raise Unknown
        return shape

    def _told(self, node: GraphNode | None) -> tuple[int, ...] | None:
        if isinstance(node, DataNode):
            return tuple(np.shape(node.value))
        if isinstance(node, Alias):
            return self._shape(node.target)
        return self._told_task(node) if isinstance(node, Task) else None

    def _told_task(self, node: Task) -> tuple[int, ...]:
        if node.func in GETTERS:
            return _taken_shape(self._value(node.args[1]), self._value(node.args[0]).shape)
        if node.func is getitem or node.func is take_shuffled:
            return _taken_shape(self._index(node), self._shape_of(node.args[0]))
        if node.func is np.transpose and "axes" in node.kwargs:
            shape = self._shape_of(node.args[0])
            return tuple(shape[axis] for axis in self._value(node.kwargs["axes"]))
        if node.func is concatenate_shaped:
            return self._joined_shape(list(node.args[0].args), tuple(self._value(node.args[1])))
        if node.func is concatenate_shuffled:
            refs, axis = list(node.args[0].args), int(self._value(node.args[2]))
            return self._joined_shape(refs, tuple(len(refs) if at == axis else 1 for at in range(axis + 1)))
        if node.func is np.broadcast_to:
            return tuple(self._value(node.args[1]))
        if _is_elementwise(node.func):
            return np.broadcast_shapes(*map(self._shape_of, node.args))
        if is_grouping(node.func):
            return self._grouped_shape(node)
        axes, keeps = _reduction(node)
        shape = self._shape_of(TaskRef(next(iter(node.dependencies))))
        return tuple(1 if at in axes else size for at, size in enumerate(shape) if keeps or at not in axes)

    def _grouped_shape(self, node: Task) -> tuple[int, ...]:
        below, groups = self._grouped(node)
        *kept, last = self._shape_of(TaskRef(below[0]))
        if groups:
            last = np.unique(groups[0][groups[0] >= 0]).size
        return (*kept, last if (count := group_count(node.func)) is None else count)

    def _joined_shape(self, refs: Sequence[Any], grid: tuple[int, ...]) -> tuple[int, ...]:
        sizes = [self._shape_of(ref) for ref in refs]
        grid = (*grid, *(1 for _ in sizes[0][len(grid) :]))
        shape = [0] * len(grid)
        for place, part in zip(itertools.product(*map(range, grid)), sizes, strict=True):
            for axis, size in enumerate(part):
                if not any(number for at, number in enumerate(place) if at != axis):
                    shape[axis] += size
        return tuple(shape)


def _taken_shape(index: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of what an index takes."""
    sizes = iter(shape)
    taken: list[int] = []
    for part in index if isinstance(index, tuple) else (index,):
        size = 1 if part is None else next(sizes)
        if part is None or isinstance(part, slice):
            taken.append(1 if part is None else len(range(*part.indices(size))))
        elif not isinstance(part, int | np.integer):
            values = np.asarray(part)
            taken.append(int(values.sum()) if values.dtype == bool else int(values.size))
    return (*taken, *sizes)


def _is_elementwise(func: Any) -> bool:
    """Whether each value a function gives comes from the values at its own place."""
    while isinstance(func, functools.partial):
        func = func.func
    try:
        return (isinstance(func, np.ufunc) and func.signature is None) or func in _ELEMENTWISE
    except TypeError:
        return False


def _reduction(node: Task) -> tuple[tuple[int, ...], bool]:
    """Axes that a function reduces, and whether they stay with the length 1; along the others values do not mix."""
    known = dict(node.kwargs)
    for func in (node.func, getattr(node.func, "first", None), *getattr(node.func, "funcs", ())):
        while isinstance(func, functools.partial):
            known |= func.keywords
            func = func.func
    axis, keeps = known.get("axis"), known.get("keepdims")
    if axis is None or not isinstance(keeps, bool) or isinstance(axis, GraphNode):
        raise Unknown
    return tuple(int(one) for one in np.atleast_1d(axis)), keeps


def _unfolded(tasks: dict[Key, Any]) -> dict[Key, Any]:
    """Graph in which the tasks inside fused ones stand beside them."""
    unfolded: dict[Key, Any] = {}
    queue = list(tasks.items())
    while queue:
        key, node = queue.pop()
        if isinstance(node, Task) and node.func is stream and node.args[4:]:
            unfolded |= _streamed(key, node, tasks)
            continue
        if not isinstance(node, Task) or getattr(node.func, "__name__", "") != "_execute_subgraph":
            unfolded[key] = node
            continue
        subgraph, last, in_keys, *outer = node.args
        names: dict[Key, Any] = {inner: ("inside", key, inner) for inner in subgraph}
        for inner, value in zip(_plain(in_keys), outer, strict=False):
            names[inner] = ("inside", key, inner)
            if isinstance(value, TaskRef | Alias):
                names[inner] = value.key if isinstance(value, TaskRef) else value.target
            else:
                unfolded[names[inner]] = DataNode(names[inner], _plain(value))
        queue += [(names[inner], one.substitute(names, key=names[inner])) for inner, one in _plain(subgraph).items()]
        unfolded[key] = Alias(key, names[_plain(last)])
    return unfolded


def _streamed(key: Key, node: Task, tasks: dict[Key, Any]) -> dict[Key, Any]:
    """Blocks of a recipe that reach out of it, beside the tasks that they reach."""
    recipe, box = (_plain(tasks[one.key] if isinstance(one, TaskRef) else one) for one in (node.args[0], node.args[2]))
    blocks: dict[Key, Any] = {}
    for position in positions(box):
        blocks |= recipe.block_graph(position)[0]
    return blocks | {key: Task(key, _evaluated, *(TaskRef((recipe.name, *position)) for position in positions(box)))}


def _evaluated(*blocks: Any) -> tuple[Any, ...]:
    """Stands for a streaming task: it needs its blocks whole."""
    return blocks


def _plain(value: Any) -> Any:
    """Constant that Dask wrapped, unwrapped."""
    if isinstance(value, DataNode):
        return value.value
    return value(()) if isinstance(value, GraphNode) and not value.dependencies else value


def _parts(thing: Any) -> Iterator[Any]:
    """Arrays of an object, of xarray objects those that are not read yet."""
    if not hasattr(thing, "coords"):
        yield thing
        return
    own = list(thing.data_vars.values()) if hasattr(thing, "data_vars") else [thing]
    yield from (array.variable._data for array in [*own, *thing.coords.values()])


def _graph(collection: Any) -> tuple[dict[Key, Any], list[Key]]:
    """Tasks of a collection, a bare key among them as a reference, and the keys of its blocks."""
    graph = dict(collection.__dask_graph__())
    for key, value in graph.items():
        with contextlib.suppress(TypeError):
            if not isinstance(value, GraphNode) and value in graph:
                graph[key] = Alias(key, value)
    keys = list(flatten(collection.__dask_keys__()))
    return cull(convert_legacy_graph(graph), set(keys)), keys


def selected_values(*objects: Any) -> tuple[Selected, ...]:
    """
    Values of stored arrays that lazy objects are made of when they are computed together.

    Nothing is read. The answer does not depend on chunks, blocks or compression, unless an array is `rounded`.

    Parameters
    ----------
    *objects : xarray object, dask collection
        What would be computed.

    Returns
    -------
    tuple of Selected
        One for each stored array, by path. Inputs of unknown source are left out: `read_plan` names them.

    Notes
    -----
    Some 50 microseconds a task of the graph, which is written out block by block.
    """
    sources = Sources()
    tasks: dict[Key, Any] = {}
    keys: list[Key] = []
    for part in itertools.chain.from_iterable(map(_parts, objects)):
        if is_dask_collection(part):
            graph, wanted = _graph(part)
            tasks |= graph
            keys += wanted
        elif zarr_array_of(part) is not None:
            sources.take(part, (slice(None),) * part.ndim)
    _Tracer(tasks, sources).trace(keys)
    return tuple(sources.found[place] for place in sorted(sources.found, key=lambda place: (place[1], str(place[0]))))
