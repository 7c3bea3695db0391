"""What is delivered is what was selected by its labels, however the graph is cut into blocks."""

import itertools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
import xarray as xr

from oceandata import storage
from oceandata.analysis import area_mean, climatology
from oceandata.graph import read_plan
from oceandata.graph.regions import Region, count_values
from oceandata.graph.selections import selected_values

Shape = Callable[[xr.DataArray], Any]

_TIME, _ROWS, _COLUMNS = 54, 18, 432
_POINTS = xr.DataArray([2, 9, 2, 5], dims="point")
_JANUARIES = 4


def _without_flox(make: Callable[[], xr.DataArray]) -> xr.DataArray:
    with xr.set_options(use_flox=False):
        return make()


#: Expressions and the number of values that a person counts by hand.
SELECTED: dict[str, tuple[Shape, int]] = {
    "all": (lambda sst: sst.mean(), _TIME * _ROWS * _COLUMNS),
    "period": (lambda sst: sst.isel(time=slice(3, 20)), 17 * _ROWS * _COLUMNS),
    "one step": (lambda sst: sst.isel(time=-1), _ROWS * _COLUMNS),
    "steps": (lambda sst: sst.isel(time=[53, 0, 13, 13]), 3 * _ROWS * _COLUMNS),
    "every 22nd step": (lambda sst: sst.isel(time=slice(None, None, 22)), 3 * _ROWS * _COLUMNS),
    "backwards": (lambda sst: sst.isel(time=slice(50, 3, -1)).isel(time=slice(0, 5)), 5 * _ROWS * _COLUMNS),
    "Januaries": (lambda sst: sst.sel(time=sst.time.dt.month == 1).mean("time"), _JANUARIES * _ROWS * _COLUMNS),
    "points": (lambda sst: sst.isel(latitude=_POINTS, longitude=_POINTS * 20 + 100).isel(time=slice(0, 5)), 3 * 5),
    "stacked": (lambda sst: sst.isel(time=slice(0, 3)).stack(cell=("latitude", "longitude")), 3 * _ROWS * _COLUMNS),
    "after arithmetic": (lambda sst: ((sst + sst * 2) ** 2).isel(time=slice(3, 20), longitude=[5, 8]), 17 * _ROWS * 2),
    "after a coordinate": (
        lambda sst: (sst * np.cos(np.radians(sst.latitude))).isel(latitude=slice(0, 4)),
        _TIME * 4 * _COLUMNS,
    ),
    "after where": (lambda sst: sst.where(sst > 300).isel(longitude=[1, 2]), _TIME * _ROWS * 2),
    "after fillna": (lambda sst: sst.fillna(0).astype("f8").clip(1, 2).isel(longitude=[1, 2]), _TIME * _ROWS * 2),
    "after transposing": (
        lambda sst: sst.transpose("longitude", "time", "latitude").isel(longitude=slice(0, 7)),
        _TIME * _ROWS * 7,
    ),
    "after a mean": (lambda sst: sst.mean("time").isel(longitude=slice(0, 7)), _TIME * _ROWS * 7),
    "after a standard deviation": (lambda sst: sst.std("time").isel(longitude=slice(0, 7)), _TIME * _ROWS * 7),
    "after a difference to the mean": (
        lambda sst: (sst - sst.mean("time")).isel(time=0, longitude=slice(0, 7)),
        _TIME * _ROWS * 7,
    ),
    "after rechunking": (lambda sst: sst.chunk(time=13, longitude=50).isel(time=slice(3, 20)), 17 * _ROWS * _COLUMNS),
    "after a group": (
        lambda sst: (sst.groupby("time.month") - sst.groupby("time.month").mean()).isel(longitude=slice(0, 7)),
        _TIME * _ROWS * 7,
    ),
    "after a group without flox": (
        lambda sst: _without_flox(lambda: sst.groupby("time.month").mean()).isel(longitude=slice(0, 7)),
        _TIME * _ROWS * 7,
    ),
    "after years": (lambda sst: sst.resample(time="YS").std().isel(longitude=slice(0, 7)), _TIME * _ROWS * 7),
    "after rows in groups": (
        lambda sst: sst.groupby_bins("latitude", [-90, 0, 90]).mean().isel(time=slice(0, 5)),
        5 * _ROWS * _COLUMNS,
    ),
    "twice": (
        lambda sst: sst.isel(time=slice(0, 10)).mean() + sst.isel(time=slice(5, 15)).mean(),
        15 * _ROWS * _COLUMNS,
    ),
    "two corners": (
        lambda sst: (
            sst.isel(time=slice(0, 10), latitude=slice(0, 10)).mean()
            + sst.isel(time=slice(5, 15), latitude=slice(5, 15)).mean()
        ),
        (10 * 10 + 10 * 10 - 5 * 5) * _COLUMNS,
    ),
    "fancy after fancy": (lambda sst: sst.isel(time=[40, 1, 5, 30]).isel(time=[3, 0]), 2 * _ROWS * _COLUMNS),
    "already optimised": (lambda sst: dask.optimize((sst + 1).isel(time=slice(3, 20)))[0], 17 * _ROWS * _COLUMNS),
    "streamed": (lambda sst: climatology(sst.isel(longitude=slice(0, 7))), _TIME * _ROWS * 7),
    "streamed area": (lambda sst: area_mean(sst, region=(190, -5, 240, 5)), _TIME * _ROWS * 61),
    "nothing": (lambda sst: sst.isel(time=slice(0, 0)), 0),
}

CHUNKS: tuple[dict[str, int], ...] = ({}, {"time": 7, "longitude": 100}, {"time": -1}, {"time": 1, "latitude": 5})


def _count(*objects: Any) -> tuple[int, bool]:
    """Values taken of the sea-surface temperature, and whether they are rounded to blocks."""
    found = [one for one in selected_values(*objects) if "temperature" in one.path]
    return sum(count_values(one.regions) for one in found), any(one.rounded for one in found)


def _made(shape: Shape, sst: xr.DataArray) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return shape(sst)


@pytest.mark.parametrize("chunks", CHUNKS, ids=str)
@pytest.mark.parametrize("name", SELECTED)
def test_the_labels_that_were_selected_are_counted(sst: xr.DataArray, name: str, chunks: dict[str, int]) -> None:
    shape, values = SELECTED[name]
    assert _count(_made(shape, sst.chunk(chunks) if chunks else sst)) == (values, False)


def test_what_was_selected_at_opening_counts(ostia_repository: Path) -> None:
    for chunks in ({}, {"time": 5}, None):
        opened = storage.open_dataset(ostia_repository, region=(190, -5, 240, 5), time=("2009", "2009"), chunks=chunks)
        assert _count(opened) == (12 * _ROWS * 61, False)
    whole = storage.open_dataset(ostia_repository, chunks=None)["surface_temperature"]
    assert _count(whole.isel(time=slice(3, 20))) == (17 * _ROWS * _COLUMNS, False)
    assert _count(whole.transpose("longitude", "time", "latitude").isel(longitude=[1, 5])) == (_TIME * _ROWS * 2, False)
    assert _count(whole.isel(latitude=_POINTS, longitude=_POINTS).chunk(point=2)) == (_TIME * 3, False)


def test_objects_computed_together_count_once(sst: xr.DataArray) -> None:
    assert _count(sst.isel(time=0), sst.isel(time=slice(0, 2)).mean()) == (2 * _ROWS * _COLUMNS, False)


def test_a_selection_above_an_unknown_function_is_rounded_to_blocks(sst: xr.DataArray) -> None:
    unknown = xr.apply_ufunc(np.sort, sst, dask="parallelized", output_dtypes=[sst.dtype])
    assert _count(unknown.isel(time=slice(3, 20))) == (22 * _ROWS * _COLUMNS, True)
    assert _count(unknown) == (_TIME * _ROWS * _COLUMNS, False)
    streamed = climatology(sst).isel(longitude=slice(0, 7))
    assert _count(streamed) == (_TIME * _ROWS * _COLUMNS, True)


def test_a_function_of_neighbours_is_not_taken_for_elementwise(sst: xr.DataArray) -> None:
    assert _count(sst.cumsum("time").isel(time=slice(15, 17)))[0] >= 17 * _ROWS * _COLUMNS


def _chunks_of(region: Region, grain: tuple[int, ...]) -> set[tuple[int, ...]]:
    lines = (np.unique(np.asarray(line, dtype=np.int64) // n).tolist() for line, n in zip(region, grain, strict=True))
    return set(itertools.product(*lines))


def test_nothing_is_taken_that_is_not_read(expression: xr.DataArray) -> None:
    """On every shape of graph: the same arrays as will be read, and no chunk that will not."""
    read = {one.path: one.chunks for one in read_plan(expression).arrays}
    found = selected_values(expression)
    assert {one.path for one in found} == set(read)
    for one in found:
        chunks = {chunk for region in one.regions for chunk in _chunks_of(region, one.array.chunks)}
        assert chunks <= read[one.path]


def test_nothing_is_read(sst: xr.DataArray) -> None:
    with storage.counted_reads() as reads:
        selected_values(sst.isel(time=[1, 4]).mean())
    assert not [read for read in reads.counts if "/c/" in read.key]
