"""Dask and xarray are inside what the graph takes them for; if not, a sentence says so, and no lineage is empty."""

from typing import Any

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from oceandata.analysis import area_mean
from oceandata.errors import OceanDataError
from oceandata.graph import check_internals, find_reads, read_plan


def test_dask_and_xarray_are_inside_what_we_take_them_for() -> None:
    check_internals()


@pytest.mark.parametrize(
    ("where", "other", "sentence"),
    [
        ("xarray.backends.zarr.ZarrArrayWrapper.get_array", lambda *_: None, "xarray's wrapper of a Zarr array"),
        ("xarray.core.indexing.LazilyIndexedArray.__getitem__", lambda lazy, *_: lazy, "xarray's memory of what was"),
        ("dask.layers.ArraySliceDep.__init__", lambda *_: None, "Dask's layer of reads"),
        ("dask.array.core.getter", lambda array, index, *_: array[index], "Dask's layer of reads"),
        ("dask.blockwise.Blockwise._cull", lambda *_: None, "Dask's part of a layer"),
        ("dask._task_spec.Task.fuse", staticmethod(lambda *tasks, **_: tasks[-1]), "Dask's fused task"),
        ("dask.array.optimization._optimize_slices", lambda tasks: tasks, "Dask's fusion of slices"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_a_stale_internal_is_named(monkeypatch: pytest.MonkeyPatch, where: str, other: Any, sentence: str) -> None:
    monkeypatch.setattr(where, other, raising=False)
    if where.endswith("getter"):  # what `from_array` takes by default
        monkeypatch.setattr(da.core.graph_from_arraylike, "__defaults__", (other, False, True, None, False))
    with pytest.raises(OceanDataError, match=sentence) as caught:
        check_internals()
    assert "need" in str(caught.value)
    assert "dask 20" in str(caught.value)


def _getter_of_tomorrow(array: Any, index: Any) -> Any:
    return np.asarray(array[index])


_getter_of_tomorrow.__module__ = "dask.array.core"


@pytest.mark.parametrize("how", [find_reads, read_plan])
@pytest.mark.parametrize(
    "make", [lambda sst: sst, lambda sst: sst + 1, area_mean], ids=["plain", "arithmetic", "streamed"]
)
def test_an_opened_array_that_nothing_seems_to_read_is_an_error_and_no_empty_lineage(
    sst: xr.DataArray, monkeypatch: pytest.MonkeyPatch, how: Any, make: Any
) -> None:
    lazy = sst.drop_vars(set(sst.coords) - set(sst.dims)).variable._data
    name = lazy.name
    layer = lazy.dask.layers[name]
    layer.task.func = _getter_of_tomorrow
    held = sst.drop_vars(set(sst.coords) - set(sst.dims)).copy(data=lazy)
    with pytest.raises(OceanDataError, match=r"dask\.array\.core\._getter_of_tomorrow|Dask's layer of reads"):
        how(make(held))


def test_an_opened_array_given_to_a_function_is_taken_whole(sst: xr.DataArray) -> None:
    opened = sst.data.dask.layers[f"original-{sst.data.name}"][f"original-{sst.data.name}"]
    result = da.zeros(3, chunks=1).map_blocks(lambda block, given: block + given.shape[0], given=opened, dtype=float)
    for how in (find_reads, read_plan):
        (read,) = how(result).arrays
        assert len(read.chunks) == 5
