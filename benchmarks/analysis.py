"""The area ``analysis``: routines of oceandata.analysis against plain xarray, and the field they are measured on."""

import datetime
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from benchmarks.everyday import WORKS
from benchmarks.work import Goal, Program, Work
from oceandata.errors import OceanDataError
from oceandata.storage.layout import ArrayPlan, create_layout
from oceandata.storage.stores import create_repository

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["check_means", "check_results", "daily_maps", "works", "write_field"]

_PROGRAM = Path(__file__).with_name("area_mean.py")
_EVERYDAY = Path(__file__).with_name("everyday.py")
_DAYS, _LATS, _LONS = 7305, 180, 360
_CHUNKS = (366, 90, 90)
_SEED = 20260701

#: Largest difference allowed between the two means, K: both sum 44,000 values of about 20 degC in float64.
_TOLERANCE_K = 1e-9

# The same of everyday statistics, relative to the largest value.
_RELATIVE = 1e-6

#: What was promised for each of them.
_GOALS = {
    "time mean": Goal(whole=0.8, warm=0.75),
    "climatology": Goal(whole=0.5, warm=0.3),
    "trend": Goal(whole=0.5, warm=0.45),
    "histogram": Goal(whole=0.5, warm=0.35),
    "five fused": Goal(whole=0.4, warm=0.28),
}

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


def write_field(place: Path) -> None:
    """
    Write the field the rows are measured on, if it is not there yet.

    20 years of `daily_maps`.

    Parameters
    ----------
    place : pathlib.Path
        Of the repository, which appears there when it is complete.

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
    for start, field in daily_maps(_DAYS, _CHUNKS[0]):
        array[start : start + len(field)] = field
    session.commit("benchmark field")
    unfinished.rename(place)


def check_means(first: Path, second: Path) -> str:
    """
    Compare the results of both sides.

    Parameters
    ----------
    first, second : pathlib.Path
        The ``.npy`` files of ours and the peer.

    Returns
    -------
    str
        The largest difference, for the row.

    Raises
    ------
    OceanDataError
        If they differ by more than 1e-9 K anywhere, or in shape, or hold NaN.
    """
    one, two = np.load(first), np.load(second)
    if one.shape != two.shape:
        msg = f"the means differ in shape: ours {one.shape}, peer {two.shape}. No row was written."
        raise OceanDataError(msg)
    largest = float(np.abs(one - two.astype(np.float64)).max())
    if not largest <= _TOLERANCE_K:
        msg = f"the means differ by {largest:.3g} K, need {_TOLERANCE_K:g} K at most. No row was written."
        raise OceanDataError(msg)
    return f"{largest:.1e} K"


def check_results(first: Path, second: Path) -> str:
    """
    Compare several results of both sides.

    Parameters
    ----------
    first, second : pathlib.Path
        The ``.npz`` files of ours and the peer.

    Returns
    -------
    str
        The largest difference, relative to the largest value of each result.

    Raises
    ------
    OceanDataError
        If a result is missing, or differs by more than 1e-6 of its largest value, or in what is missing.
    """
    one, two = np.load(first), np.load(second)
    largest = 0.0
    for name in sorted({*one.files, *two.files}):
        ours, theirs = one[name], np.asarray(two[name], np.float64)
        same = ours.shape == theirs.shape and np.array_equal(np.isnan(ours), np.isnan(theirs))
        scale = float(np.nanmax(np.abs(theirs)))
        apart = float(np.nanmax(np.abs(ours - theirs))) / scale if same else float("inf")
        if not apart <= _RELATIVE:
            msg = f"{name} differs by {apart:.3g} of its largest value, need {_RELATIVE:g} at most. No row was written."
            raise OceanDataError(msg)
        largest = max(largest, apart)
    return f"{largest:.1e} of the largest value"


def _everyday(peer_python: Path, folder: Path, field: Path) -> list[Work]:
    """Rows of the everyday statistics."""

    def row(name: str) -> Work:
        results = {side: folder / f"{name.replace(' ', '-')}-{side}.npz" for side in ("ours", "peer")}

        def program(side: str, python: Path, title: str, packages: tuple[str, ...]) -> Program:
            argv = (str(python), "-P", str(_EVERYDAY), side, name, str(field), str(results[side]))
            return Program(title, (*argv, "1"), (*argv, "2"), packages)

        return Work(
            name=name,
            text=f"{WORKS[name]}, 7305 x 180 x 360 float32",
            ours=program("ours", Path(sys.executable), "oceandata", ("oceandata-exchange",)),
            peer=program("peer", peer_python, "plain xarray", ("xarray", "dask", "flox", "zarr", "icechunk")),
            goal=_GOALS[name],
            prepare=lambda: write_field(field),
            agree=lambda: check_results(results["ours"], results["peer"]),
        )

    return [row(name) for name in WORKS]


def works(peer_python: Path, folder: Path) -> list[Work]:
    """
    The rows of this area; nothing is run or written.

    Parameters
    ----------
    peer_python : pathlib.Path
        Interpreter of the peers' environment.
    folder : pathlib.Path
        Cache folder for fields and results.

    Returns
    -------
    list of Work
        One for each row.
    """
    field = folder / f"sst-{_SEED}"
    results = {side: folder / f"area-mean-{side}.npy" for side in ("ours", "peer")}

    def program(side: str, python: Path, name: str, packages: tuple[str, ...]) -> Program:
        argv = (str(python), "-P", str(_PROGRAM), side, str(field), str(results[side]))
        return Program(name, (*argv, "1"), (*argv, "2"), packages)

    return [
        Work(
            name="area mean",
            text="area-weighted mean of each day, 7305 x 180 x 360 float32",
            ours=program("ours", Path(sys.executable), "oceandata", ("oceandata-exchange",)),
            peer=program("peer", peer_python, "plain xarray", ("xarray", "dask", "zarr", "icechunk")),
            goal=Goal(whole=1.0, warm=0.9),
            prepare=lambda: write_field(field),
            agree=lambda: check_means(results["ours"], results["peer"]),
        ),
        *_everyday(peer_python, folder, field),
    ]
