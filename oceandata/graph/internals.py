"""
What oceandata relies on inside Dask and xarray beyond their public interfaces, and whether it is still so.

Lineage that is read off a graph is only as good as the reading. A release that names or shapes an internal otherwise
must be noticed as such, with a sentence, and never as a result that seems to be made of nothing.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from oceandata.graph.staleness import stale

__all__ = ["check_internals"]


def _opened() -> Any:
    """A small array opened from Zarr by xarray, in memory."""
    import xarray as xr
    import zarr

    store = zarr.storage.MemoryStore()
    field = xr.Dataset({"field": (("y", "x"), np.zeros((4, 6)))})
    field.to_zarr(store, encoding={"field": {"chunks": (2, 3)}}, consolidated=False, zarr_format=3)
    return xr.open_zarr(store, consolidated=False, chunks=None)["field"]


def _wrappers() -> bool:
    from oceandata.graph.collector import zarr_array_of

    return zarr_array_of(_opened().variable._data) is not None


def _remembered_index() -> bool:
    from oceandata.graph.collector import composed

    key, points = composed(_opened()[1:3].variable._data, (slice(0, 1), slice(2, 5)))
    return not points and [(one.start, one.stop) for one in key] == [(1, 2), (2, 5)]


def _layer_of_reads() -> bool:
    from dask.blockwise import Blockwise
    from dask.layers import ArraySliceDep

    from oceandata.graph.recipe import GETTERS

    array = _opened().chunk(y=2, x=3).data
    layer = array.dask.layers[array.name]
    slices = [dep for dep in layer.io_deps.values() if isinstance(dep, ArraySliceDep)]
    edges = [[int(edge) for edge in along] for along in slices[0].starts]
    return isinstance(layer, Blockwise) and layer.task.func in GETTERS and edges == [[0, 2, 4], [0, 3, 6]]


def _constant_of_reads() -> bool:
    from dask._task_spec import TaskRef

    from oceandata.graph.collector import zarr_array_of

    array = _opened().chunk(y=2, x=3).data
    (name,) = [given.key for given, _ in array.dask.layers[array.name].indices if isinstance(given, TaskRef)]
    node = array.dask.layers[name][name]
    return zarr_array_of(getattr(node, "value", node)) is not None


def _culled_layer() -> bool:
    array = _opened().chunk(y=2, x=3).data + 1
    node = array.dask.layers[array.name]._cull({(1, 0)})._dict[(array.name, 1, 0)]
    return len(node.dependencies) == 1 and node.func is operator.add


def _fused_tasks() -> bool:
    from dask.base import optimize

    from oceandata.graph.walker import is_subgraph

    array = (_opened().chunk(y=2, x=3).data + 1)[:1] * 2
    (made,) = optimize(array)
    tasks = [node for node in dict(made.dask).values() if is_subgraph(node)]
    return bool(tasks) and all(isinstance(node.args[0], dict) and len(node.args) > 2 for node in tasks)


def _fused_slices() -> bool:
    from dask._task_spec import convert_legacy_graph, fuse_linear_task_spec
    from dask.array.optimization import _optimize_slices, fuse_slice

    from oceandata.graph.sources import read_plan

    array = _opened().chunk(y=4, x=6).data[:1]
    chunks = {chunk for read in read_plan(array).arrays for chunk in read.chunks}
    tasks = _optimize_slices(fuse_linear_task_spec(convert_legacy_graph(dict(array.dask)), set()))
    return bool(tasks) and fuse_slice((slice(2, 4),), (slice(1, 2),)) == (slice(3, 4),) and chunks == {(0, 0), (0, 1)}


#: Each internal, what is expected of it, and whether it is so.
_INTERNALS: tuple[tuple[str, str, Callable[[], bool]], ...] = (
    ("xarray's wrapper of a Zarr array", "ZarrArrayWrapper.get_array() below attributes named array", _wrappers),
    (
        "xarray's memory of what was selected before chunking",
        "LazilyIndexedArray with key.tuple, indexed by BasicIndexer or OuterIndexer",
        _remembered_index,
    ),
    (
        "Dask's layer of reads",
        "Blockwise with a task of getter, getter_inline or getter_nofancy, and ArraySliceDep.starts among its io_deps",
        _layer_of_reads,
    ),
    ("Dask's reference to an opened array", "a layer of one value, named by a TaskRef in indices", _constant_of_reads),
    (
        "Dask's part of a layer",
        "Blockwise._cull(blocks)._dict with tasks that have func and dependencies",
        _culled_layer,
    ),
    ("Dask's fused task", "_execute_subgraph(tasks, key, keys, *values)", _fused_tasks),
    (
        "Dask's fusion of slices",
        "fuse_linear_task_spec and _optimize_slices, by which a slice of a block reads the slice only",
        _fused_slices,
    ),
)


def check_internals() -> None:
    """
    Check that Dask and xarray are inside what oceandata takes them for.

    Raises
    ------
    OceanDataError
        Which internal is another, and what was expected.

    Examples
    --------
    >>> check_internals()
    """
    for what, expected, is_so in _INTERNALS:
        try:
            good = is_so()
        except (ImportError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise stale(what, f"{expected} (got {error!r})") from error
        if not good:
            raise stale(what, expected)
