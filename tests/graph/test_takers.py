"""Whole numbers are positions only where a function takes positions; elsewhere they are values like any other."""

import operator
from typing import Any

import dask.array as da
import numpy as np
import pytest
from dask._task_spec import DataNode, Task
from dask.highlevelgraph import HighLevelGraph

from oceandata.graph import read_plan
from oceandata.graph.takers import (
    concatenate_shuffled,
    holds_positions,
    is_grouping,
    merge_points,
    take_points,
    take_shuffled,
)

COUNTS = np.arange(100)


def _array_of(task: Task, size: int) -> Any:
    graph = HighLevelGraph({"made": {task.key: task}}, {"made": set()})
    return da.Array(graph, "made", ((size,),), meta=np.empty(0, "i8"))


def test_dask_has_what_takes_by_position() -> None:
    found = (take_shuffled, concatenate_shuffled, take_points, merge_points)
    assert all(callable(one) for one in found)
    assert [holds_positions(one, 1) for one in found] == [True, True, True, False]
    assert [holds_positions(one, 0) for one in found] == [False, False, False, True]


@pytest.mark.parametrize("function", [operator.getitem, da.chunk.getitem], ids=["operator", "dask"])
def test_whole_numbers_that_are_indexed_are_values(function: Any) -> None:
    made = _array_of(Task(("made", 0), function, DataNode(None, COUNTS), slice(0, 50)), 50)
    assert read_plan(made).unattributed == ("array in memory (100,) int64",)


def test_positions_are_no_values() -> None:
    taken = da.zeros(200, chunks=200)[COUNTS * 2]
    assert read_plan(taken).unattributed == ()


def test_weights_among_the_arguments_of_flox_are_values() -> None:
    core = pytest.importorskip("flox.core", reason="flox is not installed (dependency group dev)")
    assert holds_positions(core.chunk_reduce, 1)
    assert not holds_positions(core.chunk_reduce, 0)
    assert is_grouping(core.chunk_reduce)
    assert not is_grouping(np.add)
