"""The field that rows are measured on: daily maps that look like sea-surface temperature."""

import datetime
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
import zarr

from oceandata.storage import open_store
from oceandata.storage.layout import ArrayPlan, create_layout
from oceandata.storage.stores import create_repository

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["FIELD", "daily_maps", "write_field", "write_netcdf"]

_DAYS, _LATS, _LONS = 7305, 180, 360
_CHUNKS = (366, 90, 90)
_SEED = 20260701

#: Folder of the field without clouds, in the cache folder.
FIELD = f"sst-{_SEED}"

_ATTRIBUTES: dict[str, dict[str, Any]] = {
    "time": {"standard_name": "time", "axis": "T", "units": "seconds since 1970-01-01", "calendar": "standard"},
    "lat": {"standard_name": "latitude", "axis": "Y", "units": "degrees_north"},
    "lon": {"standard_name": "longitude", "axis": "X", "units": "degrees_east"},
    "sst": {"standard_name": "sea_surface_temperature", "units": "degC", "_FillValue": float("nan")},
}


def _patterns(rng: np.random.Generator, count: int) -> "npt.NDArray[np.float32]":
    """Smooth waves over the globe, shape (count, lat * lon)."""
    lat = np.radians(np.arange(_LATS) - 89.5)[:, None]
    lon = np.radians(np.arange(_LONS) + 0.5)[None, :]
    waves = [
        np.cos(rng.integers(0, 7) * lon + rng.uniform(0, 6.3)) * np.cos(rng.integers(1, 7) * lat + rng.uniform(0, 6.3))
        for _ in range(count)
    ]
    return np.stack(waves).reshape(count, -1).astype(np.float32)


def _coordinates() -> "dict[str, npt.NDArray[Any]]":
    start = int(datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC).timestamp())
    return {
        "time": start + 86_400 * np.arange(_DAYS, dtype=np.int64),
        "lat": np.arange(_LATS) - 89.5,
        "lon": np.arange(_LONS) + 0.5,
    }


def _plans(coordinates: "dict[str, npt.NDArray[Any]]") -> list[ArrayPlan]:
    """Arrays as our ingest would store them."""
    plans = [
        ArrayPlan(name, (name,), values.shape, values.shape, values.dtype.str, None, _ATTRIBUTES[name], True)
        for name, values in coordinates.items()
    ]
    shape, dims = (_DAYS, _LATS, _LONS), ("time", "lat", "lon")
    return [*plans, ArrayPlan("sst", dims, shape, _CHUNKS, "<f4", float("nan"), _ATTRIBUTES["sst"], False)]


def daily_maps(days: int, block: int) -> "Iterator[tuple[int, npt.NDArray[np.float32]]]":
    """
    Daily maps of one degree that look like sea-surface temperature.

    A gradient, a season, slow waves and noise, rounded to 0.01 K; the third of the cells that is land is NaN on all
    days. The seed is fixed, the noise depends on `block`.

    Parameters
    ----------
    days : int
        Number of maps.
    block : int
        Maps made at once.

    Yields
    ------
    tuple of int and numpy.ndarray, shape (block, 180, 360)
        Number of the first day and its maps with those that follow, degC.
    """
    rng = np.random.default_rng(_SEED)
    waves = _patterns(rng, 24)
    height = waves[:8].sum(axis=0)
    land = (height > np.quantile(height, 0.68)).reshape(_LATS, _LONS)
    phases, periods = rng.uniform(0, 6.3, 16), rng.uniform(20, 2000, 16)
    lat = np.radians(np.arange(_LATS) - 89.5).astype(np.float32)[None, :, None]
    for start in range(0, days, block):
        numbers = np.arange(start, min(start + block, days))
        slow = np.cos(2 * np.pi * numbers[:, None] / periods + phases).astype(np.float32)
        field = (slow @ waves[8:]).reshape(len(numbers), _LATS, _LONS) * np.float32(0.5)
        season = np.cos(2 * np.pi * (numbers / 365.25 - 0.6)).astype(np.float32)[:, None, None]
        field += np.float32(28) * np.cos(lat) ** 2 + np.float32(4) * season * np.sin(lat)
        field += np.float32(0.3) * rng.standard_normal(field.shape, np.float32)
        field = np.round(field, 2)
        field[:, land] = np.nan
        yield start, field


def _clouds(field: "npt.NDArray[np.float32]", rng: np.random.Generator) -> None:
    """Take a tenth of the values out of daily maps, in patches of ten degrees that change from day to day."""
    patches = rng.random((len(field), _LATS // 10, _LONS // 10)) < 0.1
    field[patches.repeat(10, axis=1).repeat(10, axis=2)] = np.nan


def write_field(place: Path, *, clouds: bool = False) -> None:
    """
    Write the field the rows are measured on, if it is not there yet.

    20 years of `daily_maps`.

    Parameters
    ----------
    place : pathlib.Path
        Of the repository, which appears there when it is complete.
    clouds : bool
        Leave a tenth of the values out, in patches of ten degrees that change from day to day.

    Notes
    -----
    7305 x 180 x 360 float32, 1.9 GB decoded, chunks of 366 x 90 x 90, encoded as our ingest does.
    """
    if place.exists():
        return
    unfinished = place.with_name(f"{place.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
    repository = create_repository(unfinished)
    session = repository.writable_session("main")
    coordinates = _coordinates()
    create_layout(session.store, "maps", _plans(coordinates), {"Conventions": "CF-1.11", "title": "Benchmark field"})
    for name, values in coordinates.items():
        zarr.open_array(session.store, path=f"maps/{name}", mode="r+")[...] = values
    array = zarr.open_array(session.store, path="maps/sst", mode="r+")
    rng = np.random.default_rng(_SEED + 1)
    for start, field in daily_maps(_DAYS, _CHUNKS[0]):
        if clouds:
            _clouds(field, rng)
        array[start : start + len(field)] = field
    session.commit("benchmark field")
    unfinished.rename(place)


def write_netcdf(store: Path, place: Path) -> None:
    """
    Write the field as operators on NetCDF read it fastest, not compressed, if it is not there yet.

    Parameters
    ----------
    store : pathlib.Path
        The repository.
    place : pathlib.Path
        Of the file.
    """
    write_field(store, clouds=True)
    if place.exists():
        return
    unfinished = place.with_name(f"{place.name}.unfinished")
    dataset = xr.open_dataset(open_store(store), engine="zarr", group="maps", consolidated=False, chunks={})  # type: ignore[arg-type]
    for variable in dataset.variables.values():
        variable.encoding = {}
    dataset["sst"].encoding["_FillValue"] = np.float32(1e20)  # NCO takes a NaN for a value
    dataset.to_netcdf(unfinished, format="NETCDF3_64BIT", unlimited_dims=["time"])
    unfinished.rename(place)
