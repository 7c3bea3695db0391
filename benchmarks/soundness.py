"""A thousand small files of a dozen kinds, sound ones and broken ones, and the inspection of all of them."""

import contextlib
import gzip
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np

from oceandata.storage import inspect_paths

__all__ = ["inspect_all", "write_files"]

_STEPS, _LATS, _LONS = 30, 60, 120

# Kinds of files that are broken or mistaken for netCDF; all others open.
_BROKEN = frozenset({"cut", "empty", "html", "packed_gzip"})

_SETTINGS: dict[str, dict[str, Any]] = {
    "netcdf4": {"zlib": True, "complevel": 1, "shuffle": True},
    "chunked": {"zlib": True, "complevel": 4, "chunksizes": (1, _LATS, _LONS)},
    "checksummed": {"fletcher32": True, "chunksizes": (10, _LATS, _LONS)},
    "packed": {"datatype": "i2", "zlib": True},
    "classic": {"model": "NETCDF3_CLASSIC"},
    "offset64": {"model": "NETCDF3_64BIT_OFFSET"},
    "double_times": {"times": np.repeat(np.arange(_STEPS // 2), 2)},
    "backward": {"times": np.arange(_STEPS)[::-1]},
}


def _write_kind(path: Path, *, model: Any = "NETCDF4", times: Any = None, datatype: str = "f4", **storage: Any) -> None:
    """One file with a field, its axes and usual attributes."""
    rng = np.random.default_rng(20260702)
    with netCDF4.Dataset(path, "w", format=model) as file:
        file.setncatts({"Conventions": "CF-1.11", "title": "Benchmark file", "institution": "none"})
        for name, size in (("time", _STEPS), ("lat", _LATS), ("lon", _LONS)):
            file.createDimension(name, None if name == "time" else size)
            file.createVariable(name, "f8", (name,))
        file["time"].setncatts({"standard_name": "time", "units": "days since 2000-01-01", "calendar": "standard"})
        file["lat"].setncatts({"standard_name": "latitude", "units": "degrees_north"})
        file["lon"].setncatts({"standard_name": "longitude", "units": "degrees_east"})
        file["time"][:] = np.arange(_STEPS) if times is None else times
        file["lat"][:], file["lon"][:] = np.linspace(-29.5, 29.5, _LATS), np.arange(_LONS) + 0.5
        fill = -32768 if datatype == "i2" else np.float32(1e20)
        sst = file.createVariable("sst", datatype, ("time", "lat", "lon"), fill_value=fill, **storage)
        sst.setncatts({"standard_name": "sea_surface_temperature", "units": "degree_Celsius", "long_name": "SST"})
        if datatype == "i2":
            sst.setncatts({"scale_factor": 0.01, "add_offset": 15.0})
        field = 15 + rng.standard_normal((_STEPS, _LATS, _LONS)).astype("f4")
        sst[:] = np.ma.masked_array(field, mask=np.broadcast_to(field[0] > 15.5, field.shape))


def _kinds(folder: Path) -> dict[str, Path]:
    """One file of each kind."""
    made = {name: folder / f"{name}.nc" for name in (*_SETTINGS, *sorted(_BROKEN))}
    for name, settings in _SETTINGS.items():
        _write_kind(made[name], **settings)
    whole = made["netcdf4"].read_bytes()
    made["cut"].write_bytes(whole[: len(whole) // 2])
    made["empty"].touch()
    made["html"].write_text("<!DOCTYPE html>\n<html><body>Please log in.</body></html>\n")
    made["packed_gzip"].write_bytes(gzip.compress(whole, 1, mtime=0))
    return made


def write_files(folder: Path, count: int) -> None:
    """
    Make files of a dozen kinds, if they are not there yet.

    Parameters
    ----------
    folder : pathlib.Path
        Where they appear when all are there.
    count : int
        Number of files, as many of each kind as can be.
    """
    if folder.exists():
        return
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
    (unfinished / "kinds").mkdir(parents=True)
    kinds = _kinds(unfinished / "kinds")
    for number in range(count):
        name = list(kinds)[number % len(kinds)]
        shutil.copyfile(kinds[name], unfinished / f"{number:05d}-{name}.nc")
    shutil.rmtree(unfinished / "kinds")
    unfinished.rename(folder)


@contextlib.contextmanager
def inspect_all(folder: str, depth: str) -> Iterator[Callable[[], str]]:
    """
    Inspect all files of a folder.

    Parameters
    ----------
    folder : str
        From `write_files`.
    depth : {"headers", "values"}
        What is read: headers and coordinates, or also a sample of the values.

    Yields
    ------
    callable
        Does it, and tells what was found.

    Raises
    ------
    ValueError
        By the call, if a broken file is not found to be one, or a sound one is.
    """

    def call() -> str:
        reports = inspect_paths([folder], deep=depth == "values")
        broken = 0
        for report in reports:
            name = Path(report.path).stem.partition("-")[2]
            unsound = report.severity == "error"
            if unsound != (name in _BROKEN):
                msg = f"{report.path} is found to be {report.severity}: {report.findings[:2]}"
                raise ValueError(msg)
            broken += unsound
        return f"{len(reports):,} files, {broken} with errors"

    yield call
