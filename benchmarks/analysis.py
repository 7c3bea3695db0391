"""The area ``analysis``: routines of oceandata.analysis against plain xarray, and the field they are measured on."""

import dataclasses
import datetime
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
import zarr

from benchmarks import lengths, modes
from benchmarks.everyday import WORKS
from benchmarks.limits import Trial
from benchmarks.work import Goal, Program, Work
from oceandata.errors import OceanDataError
from oceandata.storage import open_store
from oceandata.storage.layout import ArrayPlan, create_layout
from oceandata.storage.stores import create_repository

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["check_means", "check_operator", "check_results", "daily_maps", "works", "write_field", "write_netcdf"]

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
    "trend": Goal(whole=1.0, warm=0.45),
    "histogram": Goal(whole=1.0, warm=0.35),
    "bare read": Goal(whole=1.0, warm=0.8),
    "five fused": Goal(whole=1.0, warm=0.28),
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


def _everyday(peer_python: Path, folder: Path) -> list[Work]:
    """Rows of the everyday statistics, on the field with gaps."""
    field, file = folder / f"sst-clouds-{_SEED}", folder / f"sst-clouds-filled-{_SEED}.nc"
    packages = ("xarray", "dask", "flox", "xhistogram", "zarr", "icechunk")

    def results(name: str, side: str) -> Path:
        return folder / f"{name.replace(' ', '-')}-{side}.npz"

    def program(side: str, work: str, out: Path) -> Program:
        mine = side == "ours"
        python = sys.executable if mine else str(peer_python)
        argv = (python, "-P", str(_EVERYDAY), side, work, str(field), str(out))
        title = "oceandata" if mine else "plain xarray"
        return Program(title, (*argv, "1"), (*argv, "2"), ("oceandata-exchange",) if mine else packages)

    def row(work: str) -> Work:
        outs = {side: results(work, side) for side in ("ours", "peer")}
        return Work(
            name=work,
            text=f"{WORKS[work]}, 7305 x 180 x 360 float32 with clouds",
            ours=program("ours", work, outs["ours"]),
            peer=program("peer", work, outs["peer"]),
            goal=_GOALS[work],
            prepare=lambda: write_field(field, clouds=True),
            agree=lambda: check_results(outs["ours"], outs["peer"]),
        )

    def beside(work: str, base: str, goal: float) -> Work:
        return Work(
            name=f"{work} beside {base}",
            text=f"{WORKS[work]}; our own {base} for the peer",
            ours=program("ours", work, results(work, "ours")),
            peer=program("ours", base, results(base, "base")),
            goal=Goal(whole=goal, warm=goal),
            prepare=lambda: write_field(field, clouds=True),
            agree=lambda: "not compared",
        )

    def whole(work: str, name: str, argv: tuple[str, ...], out: Path, goal: float) -> Work:
        own = program("ours", work, results(work, "ours"))
        return Work(
            name=f"{work}, {name}",
            text=f"{WORKS[work]}, whole process; not compressed NetCDF (1.9 GB) for {name}",
            ours=dataclasses.replace(own, warm_argv=()),
            peer=Program(name, argv),
            goal=Goal(whole=goal),
            prepare=lambda: write_netcdf(field, file),
            agree=lambda: check_operator(results(work, "ours"), out),
        )

    out = folder / "operator.nc"
    cdo = ("cdo", "-s", "-O", "-b", "F64")
    return [
        *(row(work) for work in WORKS),
        beside("time mean", "bare read", 1.2),
        beside("climatology", "bare read", 1.2),
        beside("trend", "bare read", 1.4),
        beside("five fused", "trend", 1.25),
        whole("time mean", "CDO", (*cdo, "timmean", str(file), str(out)), out, 0.8),
        whole("climatology", "CDO", (*cdo, "ymonmean", str(file), str(out)), out, 0.5),
        whole("time mean", "NCO", ("ncra", "-O", "-v", "sst", "--dbl", str(file), str(out)), out, 0.8),
    ]


def check_operator(first: Path, second: Path) -> str:
    """
    Compare our result with the NetCDF file of an operator.

    Parameters
    ----------
    first : pathlib.Path
        The ``.npz`` file of ours.
    second : pathlib.Path
        The file of the operator.

    Returns
    -------
    str
        The largest difference, K.

    Raises
    ------
    OceanDataError
        If they differ by more than 1e-4 K anywhere, or in shape, or in what is missing.
    """
    found = np.load(first)
    one = found[next(name for name in found.files if name != "spread")]
    with xr.open_dataset(second, decode_times=False) as dataset:
        two = dataset["sst"].to_numpy().reshape(one.shape).astype(np.float64)
    largest = float(np.nanmax(np.abs(one - two)))
    if not largest <= 1e-4 or (np.isnan(one) != np.isnan(two)).any():
        msg = f"the results differ by {largest:.3g} K, need 1e-4 K at most. No row was written."
        raise OceanDataError(msg)
    return f"{largest:.1e} K"


def works(peer_python: Path, folder: Path) -> list[Work | Trial]:
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
    list of Work or Trial
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
        *_everyday(peer_python, folder),
        *modes.works(peer_python, folder),
        *lengths.trials(sys.executable, folder),
    ]
