"""Lazy expressions of every shape that a user's graph takes, on a real repository."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from oceandata import storage

Shape = Callable[[xr.DataArray], xr.DataArray]


def _demeaned(sst: xr.DataArray) -> xr.DataArray:
    def demean(block: Any) -> Any:
        return block - np.nanmean(block)

    return sst.copy(data=sst.data.map_blocks(demean, dtype=sst.dtype, meta=np.empty((0, 0, 0), sst.dtype)))


def _smoothed(sst: xr.DataArray) -> xr.DataArray:
    def smooth(block: Any) -> Any:
        return (np.roll(block, 1, 1) + block + np.roll(block, -1, 1)) / 3

    return sst.copy(data=sst.data.map_overlap(smooth, depth={0: 1, 1: 1}, boundary="reflect", dtype=sst.dtype))


def _hypotenuse(sst: xr.DataArray) -> xr.DataArray:
    def hypotenuse(first: Any, second: Any) -> Any:
        return np.hypot(first, second)

    return xr.apply_ufunc(hypotenuse, sst, sst * 2, dask="parallelized", output_dtypes=[sst.dtype])


def _merged(sst: xr.DataArray) -> xr.DataArray:
    both = xr.merge(
        [xr.Dataset({"warm": sst.isel(time=slice(0, 33))}), xr.Dataset({"cold": sst - 5})],
        join="inner",
        compat="override",
    )
    return both.warm - both.cold


def _months(sst: xr.DataArray) -> xr.DataArray:
    groups = sst.groupby("time.month")
    return groups - groups.mean()


_POINTS = xr.DataArray([2, 9, 2, 5], dims="point")

#: Expressions whose blocks come from inside the recipe, or from outside results of a few blocks.
INSIDE: dict[str, Shape] = {
    "plain": lambda sst: sst,
    "arithmetic": lambda sst: (sst - 273.15) * 1.8 + 32,
    "with itself": lambda sst: sst * 2 + sst,
    "comparison": lambda sst: sst > 300,
    "clip": lambda sst: sst.clip(299, 301),
    "astype": lambda sst: sst.astype("float64"),
    "fillna": lambda sst: sst.fillna(0),
    "isel on edges": lambda sst: sst.isel(time=slice(11, 33)),
    "isel off edges": lambda sst: sst.isel(time=slice(5, 40), longitude=slice(100, 301)),
    "isel twice": lambda sst: sst.isel(time=slice(5, 40)).isel(time=slice(3, 29), latitude=slice(2, 9)),
    "isel backwards": lambda sst: sst.isel(time=slice(50, 3, -1), longitude=slice(None, None, -2)),
    "isel one step": lambda sst: sst.isel(time=17),
    "isel one row": lambda sst: sst.isel(latitude=-3),
    "isel then arithmetic": lambda sst: sst.isel(time=slice(20, None)) - sst.isel(time=slice(20, None)) / 2,
    "sel": lambda sst: sst.sel(longitude=slice(190, 240), latitude=slice(-2, 2)),
    "transpose": lambda sst: sst.transpose("longitude", "time", "latitude"),
    "concat": lambda sst: xr.concat([sst.isel(time=slice(0, 20)), sst.isel(time=slice(20, None)) + 1], "time"),
    "map_blocks": _demeaned,
    "apply_ufunc": _hypotenuse,
}

#: Expressions of which something large stays outside.
OUTSIDE: dict[str, Shape] = {
    "merge": _merged,
    "expand_dims": lambda sst: sst.expand_dims(member=2),
    "reversed with itself": lambda sst: sst + sst.isel(time=slice(None, None, -1)).assign_coords(time=sst.time),
    "where": lambda sst: sst.where(sst.isel(time=0) > 300),
    "where other": lambda sst: xr.where(sst.max("time") > 301, sst, -1.0),
    "times a coordinate": lambda sst: sst * np.cos(np.radians(sst.latitude)),
    "minus own mean": lambda sst: sst - sst.mean("time"),
    "minus row mean": lambda sst: sst - sst.mean("longitude"),
    "fancy steps": lambda sst: sst.isel(time=[3, 40, 3, 12]),
    "fancy rows": lambda sst: sst.isel(latitude=[9, 1, 1], longitude=[300, 2]),
    "chosen steps": lambda sst: sst.isel(time=(sst.time.dt.month == 1).to_numpy()),
    "points": lambda sst: sst.isel(latitude=_POINTS, longitude=_POINTS * 20 + 100),
    "stack": lambda sst: sst.stack(cell=("latitude", "longitude")),
    "new dimension": lambda sst: xr.concat([sst, sst - 1], "member"),
    "map_overlap": _smoothed,
    "rechunk": lambda sst: sst.chunk(time=7, longitude=100),
    "rechunk then arithmetic": lambda sst: sst.chunk(time=-1, longitude=100) - 273.15,
    "groupby anomaly": _months,
    "rolling": lambda sst: sst.rolling(time=3).mean(),
    "shift": lambda sst: sst.shift(time=2),
    "roll": lambda sst: sst.roll(longitude=30, roll_coords=True),
    "pad": lambda sst: sst.pad(longitude=(2, 2), mode="wrap"),
    "diff": lambda sst: sst.diff("time"),
    "max": lambda sst: sst.max("latitude"),
    "dot": lambda sst: xr.dot(sst, np.cos(np.radians(sst.latitude)), dim="latitude"),
    "outer product": lambda sst: xr.dot(
        sst.fillna(0), sst.fillna(0).rename(time="other"), dim=["latitude", "longitude"]
    ),
    "cumsum": lambda sst: sst.cumsum("time"),
    "coarsen": lambda sst: sst.coarsen(time=6, latitude=3).mean(),
    "interp": lambda sst: sst.interp(longitude=[10.2, 33.3, 200.0]),
    "differentiate": lambda sst: sst.differentiate("longitude"),
    "sort": lambda sst: sst.sortby("latitude", ascending=False).isel(time=slice(0, 20)),
    "reindex": lambda sst: sst.reindex(latitude=np.linspace(-4, 4, 5), method="nearest"),
}

SHAPES = INSIDE | OUTSIDE


@pytest.fixture
def sst(ostia_repository: Path) -> xr.DataArray:
    """The repository's variable, opened anew, one block a chunk."""
    store = storage.open_store(ostia_repository)
    dataset = xr.open_dataset(store, engine="zarr", group="maps", consolidated=False, chunks={})
    return dataset["surface_temperature"]


@pytest.fixture(params=sorted(SHAPES))
def expression(request: pytest.FixtureRequest, sst: xr.DataArray) -> xr.DataArray:
    """One lazy expression after the other."""
    return SHAPES[request.param](sst)


@pytest.fixture(params=sorted(INSIDE))
def inside_expression(request: pytest.FixtureRequest, sst: xr.DataArray) -> xr.DataArray:
    """Expressions that need nothing from outside."""
    return INSIDE[request.param](sst)
