"""
Reads of a graph without optimising it: layers are asked from the output back which of their blocks are needed.

A layer of one task a block, all of whose blocks are needed, is taken as a whole, whatever their number. Tasks that
Dask has written out are looked at one by one. Dask reads less than a block where a slice is all that is made of it, and
so it is counted here. What is not recognised is left to the slower way, which is always right.
"""

import functools
import math
from collections.abc import Container, Iterable, Iterator, Mapping
from graphlib import TopologicalSorter
from types import FunctionType
from typing import Any

import dask
import numpy as np
from dask._task_spec import (
    Alias,
    DataNode,
    GraphNode,
    Task,
    TaskRef,
    _execute_subgraph,
    convert_legacy_task,
)
from dask.array.chunk import getitem
from dask.array.optimization import fuse_slice
from dask.blockwise import Blockwise
from dask.highlevelgraph import HighLevelGraph
from dask.layers import ArraySliceDep
from dask.typing import Key

from oceandata.graph.recipe import GETTERS, stream
from oceandata.graph.walker import Walker

__all__ = ["collect_demanded"]

# Functions of tasks that read, or that may be fused with what reads: a layer of such a task is no plain one.
_SPECIAL = (*GETTERS, getitem, stream, _execute_subgraph)


class _UnknownForm(Exception):
    """A part of the graph is of a form that is not recognised."""


class _Nodes(Mapping[Key, Any]):
    """All tasks that are written out, as one mapping."""

    def __init__(self, layers: Mapping[str, Mapping[Key, Any]]) -> None:
        self._layers = layers
        self.owner = {key: name for name, layer in layers.items() for key in layer}

    def __getitem__(self, key: Key) -> Any:
        return self._layers[self.owner[key]][key]

    def __contains__(self, key: object) -> bool:
        return key in self.owner

    def __iter__(self) -> Iterator[Key]:
        return iter(self.owner)

    def __len__(self) -> int:
        return len(self.owner)


class _Keys(Container[Key]):
    """All keys of a graph, also those of layers that are not written out."""

    def __init__(self, nodes: _Nodes, blockwise: Mapping[str, Blockwise]) -> None:
        self.nodes, self.blockwise = nodes, blockwise

    def __contains__(self, key: object) -> bool:
        return key in self.nodes or (isinstance(key, tuple) and len(key) > 0 and key[0] in self.blockwise)


class _Source:
    """A layer whose tasks each take a box of one opened array."""

    def __init__(self, wrapped: Any, starts: Any) -> None:
        self.wrapped = wrapped
        self.starts = starts

    def index(self, key: Any) -> tuple[slice, ...]:
        """Box that a task takes."""
        return tuple(slice(int(edge[at]), int(edge[at + 1])) for edge, at in zip(self.starts, key[1:], strict=True))


def _named(parts: Iterable[Any], known: Container[Key]) -> Iterator[Key]:
    """Keys that the arguments of a task in the old form name, however deep."""
    queue = list(parts)
    while queue:
        part = queue.pop()
        if isinstance(part, list | set | frozenset):
            queue.extend(part)
        elif isinstance(part, dict):
            queue.extend(part.values())
        elif isinstance(part, tuple | str | int | float):
            try:
                found = part in known
            except TypeError:
                found = False  # it holds a list, so it is no key
            if found:
                yield part
            elif isinstance(part, tuple):
                queue.extend(part)


def _is_slice(node: GraphNode | None) -> bool:
    """Whether all that a node makes of its input is a slice, or another name."""
    return isinstance(node, Alias) or (isinstance(node, Task) and node.func is getitem)


class _Demand:
    """Which blocks of each layer are needed, and by whom."""

    def __init__(self, graph: HighLevelGraph, keys: set[Key], walker: Walker) -> None:
        self.graph, self.outputs, self.walker = graph, keys, walker
        self.blockwise = {name: layer for name, layer in graph.layers.items() if isinstance(layer, Blockwise)}
        self.written = {name: layer for name, layer in graph.layers.items() if name not in self.blockwise}
        self.nodes = _Nodes(self.written)
        self.known = _Keys(self.nodes, self.blockwise)
        self.whole: set[str] = set()
        self.needs: dict[str, set[Key]] = {}
        self.users: dict[Key, list[GraphNode | None]] = {}

    def run(self) -> None:
        """Ask the layers from the output back."""
        self._need(self.outputs, None)
        self.whole |= {name for name, keys in self.needs.items() if len(keys) == len(self.blockwise.get(name, ()))}
        order = TopologicalSorter(self.graph.dependencies).static_order()
        for name in reversed(list(order)):
            if name in self.blockwise and (name in self.whole or self.needs.get(name)):
                self._ask_blockwise(name, self.blockwise[name])
            elif name in self.written:
                self._ask_written(name)
            self.needs.pop(name, None)

    def _need(self, keys: Iterable[Key], user: GraphNode | None) -> None:
        """Note that a task needs keys."""
        for key in keys:
            owner = self.nodes.owner.get(key)
            if owner is None:
                owner = key[0] if isinstance(key, tuple) else key  # type: ignore[assignment]
                if owner not in self.blockwise:
                    msg = f"no layer makes {key!r}"
                    raise _UnknownForm(msg)
            self.needs.setdefault(str(owner), set()).add(key)
            self.users.setdefault(key, []).append(user)

    def _ask_blockwise(self, name: str, layer: Blockwise) -> None:
        source = self._source(layer)
        if source is not None:
            self._read(name, layer, source)
            return
        if layer.task.func in _SPECIAL or layer.output_blocks is not None:
            msg = f"layer {name} has the task {layer.task!r}"
            raise _UnknownForm(msg)
        if name in self.whole or len(self.needs[name]) == len(layer):
            self._ask_whole(layer)
            return
        culled = layer._cull({key[1:] for key in self.needs[name] if isinstance(key, tuple)})
        for node in culled._dict.values():
            self._visit(node)

    def _ask_whole(self, layer: Blockwise) -> None:
        """All blocks of a layer need all blocks of its inputs."""
        self.walker.visit(layer.task, ())
        inputs = [given for given, index in layer.indices if index is not None and given not in layer.io_deps]
        if not inputs and self.walker.may_make(layer.task.func):
            self.walker.made(layer.task.func)
        given: Any
        for given, index in layer.indices:
            if index is None:
                if isinstance(given, TaskRef):
                    self._search_value(given.key)
                    self._need([given.key], None)
                elif isinstance(given, np.ndarray):
                    self.walker.collector.hold(given)
                elif isinstance(given, Task):
                    self.walker.visit(given, (self.nodes,))
                else:
                    self.walker.collector.search(given.value if isinstance(given, DataNode) else given)
            elif given in self.blockwise:
                self.whole.add(str(given))
            elif given not in layer.io_deps:
                blocks = np.ndindex(*layer.numblocks[given])
                self._need(((given, *place) for place in blocks), None)

    def _search_value(self, key: Key) -> None:
        """Search what a key stands for; leave to the slower way what takes an opened array as a whole."""
        node = self.nodes.get(key)
        value = node.value if isinstance(node, DataNode) else node
        if isinstance(value, list | tuple | dict):
            self.walker.collector.search(value)
        if hasattr(value, "shape") and not isinstance(value, GraphNode | np.ndarray | np.generic):
            msg = f"{key!r} is an opened array that is no input of a layer of reads"
            raise _UnknownForm(msg)

    def _ask_written(self, name: str) -> None:
        """Follow the tasks of a layer that is written out."""
        queue = list(self.needs.get(name, ()))
        seen = set(queue)
        while queue:
            key = queue.pop()
            needed = self._visit_written(key, self.nodes[key])
            own = [need for need in needed if self.nodes.owner.get(need) == name and need not in seen]
            seen.update(own)
            queue.extend(own)

    def _visit_written(self, key: Key, node: Any) -> Iterable[Key]:
        """Look at a task that is written out, also in the old form of a tuple; what it needs."""
        if type(node) is tuple and node and callable(node[0]) and node[0] not in _SPECIAL:
            for part in node[1:]:
                if isinstance(part, np.ndarray):
                    self.walker.collector.hold(part)
                elif isinstance(part, list | dict | functools.partial | FunctionType):
                    self.walker.collector.search(part)
            self.walker.collector.search(node[0])
            needed = set(_named(node[1:], self.known))
            if not needed and self.walker.may_make(node[0]):
                self.walker.made(node[0])
            self._need(needed, None)
            return needed
        if not isinstance(node, GraphNode):
            node = convert_legacy_task(key, node, self.known)
        return self._visit(node) if isinstance(node, GraphNode) else ()

    def _visit(self, node: GraphNode) -> Iterable[Key]:
        """Look at a task; what it needs."""
        if isinstance(node, Task):
            if node.func in GETTERS:
                msg = f"the task {node.key!r} reads by itself"
                raise _UnknownForm(msg)
            self.walker.visit(node, (self.nodes,))
        self._need(node.dependencies, node)
        return node.dependencies

    def _source(self, layer: Blockwise) -> _Source | None:
        """What a layer of plain reads takes, None for any other layer."""
        if layer.task.func not in GETTERS:
            return None
        constants = [given.key for given, _ in layer.indices if isinstance(given, TaskRef)]
        slices = [dep for dep in layer.io_deps.values() if isinstance(dep, ArraySliceDep)]
        if len(constants) != 1 or len(slices) != 1 or len(layer.indices) != 2 or constants[0] not in self.nodes:
            msg = f"layer {layer.output} reads in a way of its own"
            raise _UnknownForm(msg)
        node = self.nodes[constants[0]]
        if isinstance(node, GraphNode) and not isinstance(node, DataNode):
            msg = f"what layer {layer.output} reads is known only when it runs"
            raise _UnknownForm(msg)
        return _Source(node.value if isinstance(node, DataNode) else node, slices[0].starts)

    def _read(self, name: str, layer: Blockwise, source: _Source) -> None:
        """Record what a layer of reads takes; where a slice is all that is made of a block, by Dask's own fusion."""
        if name in self.whole:
            self.walker.collector.take_blocks(source.wrapped, source.starts)
            return
        sliced = {key for key in self.needs[name] if self._only_sliced(key)}
        if not sliced and len(self.needs[name]) == len(layer):
            self.walker.collector.take_blocks(source.wrapped, source.starts)
            return
        for key in self.needs[name] - sliced:
            self.walker.collector.take(source.wrapped, source.index(key))
        for key in sliced:
            self._read_slice(key, source)

    def _only_sliced(self, key: Key) -> bool:
        """Whether one slice is all that is made of a block."""
        users = self.users.get(key, [])
        if len(users) != 1 or dask.config.get("optimization.fuse.active", None) is False:
            return False
        return _is_slice(users[0])

    def _read_slice(self, key: Key, source: _Source) -> None:
        """Record what is taken of a block of which a slice is all that is made."""
        block = index = source.index(key)
        slices: list[Any] = []
        while self._only_sliced(key):
            (user,) = self.users[key]
            if isinstance(user, Task):
                slices.append(user.args[1].value if isinstance(user.args[1], DataNode) else user.args[1])
            key = user.key if user is not None else key
        if len(slices) > 1 and not self.walker.collector.is_in_one_chunk(source.wrapped, block):
            msg = f"{key!r} is a slice of a slice, which Dask takes at once or not, as it happens"
            raise _UnknownForm(msg)
        try:
            for one in slices:
                index = fuse_slice(index, one)
        except NotImplementedError:  # Dask then takes the block and the slice of it one after the other
            index = block
        self.walker.collector.take(source.wrapped, index)


def collect_demanded(graph: HighLevelGraph, keys: set[Key], walker: Walker) -> bool:
    """
    Collect the reads of the keys of a graph of arrays.

    Parameters
    ----------
    graph : HighLevelGraph
        Not optimised.
    keys : set
        What would be computed.
    walker : Walker
        Takes what is found.

    Returns
    -------
    bool
        False if a part of the graph is of a form that is not recognised; what was collected is then of no use.

    Notes
    -----
    Time and memory are those of the tasks that are written out; a layer that is not costs nothing.
    """
    if math.prod(map(len, (graph.layers, keys))) == 0:
        return True
    try:
        _Demand(graph, keys, walker).run()
    except _UnknownForm:
        return False
    return True
