"""Walks tasks, fused tasks and the recipes of streaming tasks, and collects which parts of opened arrays they take."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from dask._task_spec import Alias, DataNode, GraphNode, Task, TaskRef, _execute_subgraph
from dask.typing import Key

from oceandata.graph.collector import Collector, lazy_layer, zarr_array_of
from oceandata.graph.hidden import makes_values
from oceandata.graph.recipe import GETTERS, Box, Fold, Recipe, positions, stream
from oceandata.graph.staleness import stale
from oceandata.graph.takers import holds_positions

__all__ = ["Streamed", "Walker", "is_subgraph", "literal"]

# Arguments that hold no values of an input.
_PLAIN = (TaskRef, int, str, float, slice, np.generic, type(None))

Scopes = Sequence[Mapping[Key, Any]]


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


def _value(argument: Any, scopes: Scopes) -> Any:
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
    return literal(argument)


def _is_constant(key: Key, scopes: Scopes) -> bool:
    """Whether what a task needs is a constant that is no opened array."""
    found = next((scope[key] for scope in scopes if key in scope), None)
    if found is None or type(found) is tuple or (isinstance(found, GraphNode) and not isinstance(found, DataNode)):
        return False
    return zarr_array_of(found.value if isinstance(found, DataNode) else found) is None


def literal(argument: Any) -> Any:
    """
    Containers that Dask wrapped, unwrapped.

    Parameters
    ----------
    argument : object
        Of a task.

    Returns
    -------
    object
        A list, tuple or dictionary of constants; anything else as it is.
    """
    if isinstance(argument, GraphNode) and not argument.dependencies and getattr(argument, "klass", None) is not None:
        return argument(())
    return argument


def is_subgraph(node: GraphNode) -> bool:
    """
    Tell whether a task is several that were fused.

    Parameters
    ----------
    node : GraphNode
        The task.

    Returns
    -------
    bool
        True if it runs a graph of its own.
    """
    return isinstance(node, Task) and node.func is _execute_subgraph


class Walker:
    """
    Walks tasks of a graph.

    Parameters
    ----------
    collector : Collector
        Takes what is found.

    Attributes
    ----------
    streams : list of Streamed
        Streaming tasks that were met.
    """

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self.streams: list[Streamed] = []
        self._makes: dict[int, tuple[bool, Any]] = {}

    def walk(self, tasks: Mapping[Key, Any], scopes: Scopes = ()) -> None:
        """Collect the reads of a graph; `scopes` are the graphs around it."""
        inner = [tasks, *scopes]
        for node in tasks.values():
            if isinstance(node, Task):
                self.visit(node, inner)

    def visit(self, node: Task, scopes: Scopes) -> None:
        """Collect the reads of one task."""
        if is_subgraph(node):
            subgraph, _, in_keys, *dependencies = node.args
            # the names inside a fused task are its own: one of the same name outside, or further in, is another value
            pairs = zip(literal(in_keys), dependencies, strict=False)
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
            for at, argument in enumerate((*node.args, *node.kwargs.values())):
                value, takes = _value(argument, scopes), holds_positions(node.func, at)
                if isinstance(value, np.ndarray):
                    self.collector.search(value, positions=takes)
                elif hasattr(value, "shape") and not isinstance(value, GraphNode | np.generic):
                    self._given(node, value)
                elif not isinstance(value, _PLAIN):
                    self.collector.search(argument, positions=takes)
                    self.collector.search(value, positions=takes)
            self.collector.search(node.func)
            if self.may_make(node.func) and all(_is_constant(key, scopes) for key in node.dependencies):
                self.made(node.func)

    def may_make(self, function: Any) -> bool:
        """Tell whether a function without inputs may take values from anywhere."""
        if id(function) not in self._makes:
            self._makes[id(function)] = (makes_values(function), function)
        return self._makes[id(function)][0]

    def made(self, function: Any) -> None:
        """Record what a function makes of no input that is known."""
        name = getattr(getattr(function, "func", function), "__qualname__", type(function).__name__)
        self.collector.unattributed.add(f"what the function {name} makes by itself")

    def _given(self, node: Task, value: Any) -> None:
        """An opened array among the arguments of a function: all of it may be read, unless it is a getter of Dask."""
        if zarr_array_of(value) is None and lazy_layer(value) is None:
            return
        function = getattr(node.func, "func", node.func)
        if str(getattr(function, "__module__", "")).startswith("dask."):
            what = f"Dask's way of reading, {function.__module__}.{getattr(function, '__qualname__', function)},"
            raise stale(what, f"one of {', '.join(one.__qualname__ for one in GETTERS)}")
        self.collector.take(value, (slice(None),) * len(value.shape))

    def _stream(self, node: Task, scopes: Scopes) -> None:
        recipe, box = _value(node.args[0], scopes), _value(node.args[2], scopes)
        if not isinstance(recipe, Recipe):
            self.collector.unattributed.add("a streaming task whose recipe is not in the graph")
            return
        blocks = math.prod(stop - start for start, stop in box)
        largest = math.prod(
            max(sizes[start:stop], default=0) for sizes, (start, stop) in zip(recipe.chunks, box, strict=True)
        )
        fold = _value(node.args[1], scopes)
        self.streams.append(Streamed(fold, recipe.region(box), blocks, largest))
        # the result is made of chunks that a kept state was made of, though they are not asked for again
        self.collector.asks = not (hasattr(fold, "kept") and fold.kept() is not None)
        self.stream(recipe, box)
        self.collector.asks = True
        constants = [one.value for one in recipe.nodes.values() if isinstance(one, DataNode)]
        opened = [one for one in constants if zarr_array_of(one) is not None]
        if blocks and opened and not recipe.needs(box) and not any(map(self.collector.has_taken, opened)):
            what, expected = "Dask's layer of reads", "a Blockwise whose task is a getter of an opened array"
            raise stale(what, expected)

    def stream(self, recipe: Recipe, box: Box) -> None:
        """Collect the reads of a box of a recipe's blocks."""
        whole = recipe.reads(box)
        for wrapped, region in whole or ():
            self.collector.take(wrapped, region)
        for position in positions(box) if whole is None else ():
            tasks, _ = recipe.block_graph(position)
            self.walk(tasks)
