"""Daily maps as yearly NetCDF files, and what writing them into repositories takes of memory."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import netCDF4
import numpy as np

from benchmarks.fields import daily_maps
from oceandata.storage import plan_ingest, plan_layout, write_layout, write_repository

__all__ = ["ingest_files", "rechunk", "write_ingested", "write_years"]

_YEAR = 365


def _write_year(path: Path, start: int, field: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> None:
    """NetCDF-4 file of one year, compressed map by map as many archives are."""
    with netCDF4.Dataset(path, "w") as file:
        file.setncatts({"Conventions": "CF-1.11", "title": "Benchmark field"})
        for name, size in zip(("time", "lat", "lon"), field.shape, strict=True):
            file.createDimension(name, size)
            file.createVariable(name, "i4" if name == "time" else "f8", (name,))
        file["time"].setncatts({"standard_name": "time", "units": "days since 2000-01-01", "calendar": "standard"})
        file["lat"].setncatts({"standard_name": "latitude", "units": "degrees_north"})
        file["lon"].setncatts({"standard_name": "longitude", "units": "degrees_east"})
        chunks = (1, *field.shape[1:])
        dims, nan = ("time", "lat", "lon"), np.float32("nan")
        sst = file.createVariable(
            "sst", "f4", dims, fill_value=nan, zlib=True, complevel=1, shuffle=True, chunksizes=chunks
        )
        sst.setncatts({"standard_name": "sea_surface_temperature", "units": "degree_Celsius"})
        file["time"][:] = np.arange(start, start + field.shape[0])
        file["lat"][:], file["lon"][:] = np.arange(field.shape[1]) - 89.5, np.arange(field.shape[2]) + 0.5
        sst[:] = field


def write_years(folder: Path, days: int) -> None:
    """
    Write daily maps as files of 365 days, if they are not there yet.

    Parameters
    ----------
    folder : pathlib.Path
        Where the files appear when they are complete.
    days : int
        Number of maps; 259,200 bytes each.
    """
    if folder.exists():
        return
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
    unfinished.mkdir(parents=True)
    for start, field in daily_maps(days, _YEAR):
        _write_year(unfinished / f"{start // _YEAR:03d}.nc", start, field)
    unfinished.rename(folder)


def write_ingested(place: Path, folder: Path) -> None:
    """
    Write a repository of the files of a folder, if it is not there yet.

    Parameters
    ----------
    place : pathlib.Path
        The repository, which appears there when it is complete.
    folder : pathlib.Path
        From `write_years`.
    """
    if place.exists():
        return
    unfinished = place.with_name(f"{place.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
    write_repository(plan_ingest(sorted(folder.glob("*.nc")), unfinished))
    unfinished.rename(place)


def _load_libraries(scratch: Path) -> None:
    """Ingest three maps and give them a layout, so that what is imported on the way does not count as growth."""
    write_years(scratch / "few", 3)
    write_ingested(scratch / "few.repository", scratch / "few")
    write_layout(plan_layout(scratch / "few.repository", access="series"))


@contextlib.contextmanager
def ingest_files(folder: str) -> Iterator[Callable[[], str]]:
    """
    Ingest the files of a folder into a new repository, which is removed afterwards.

    Parameters
    ----------
    folder : str
        From `write_years`.

    Yields
    ------
    callable
        Does it, and tells what was written.
    """
    with tempfile.TemporaryDirectory(dir=Path(folder).parent) as scratch:
        _load_libraries(Path(scratch))

        def call() -> str:
            summary = write_repository(plan_ingest(sorted(Path(folder).glob("*.nc")), Path(scratch) / "repository"))
            return f"{summary.decoded_bytes / 1e6:,.0f} MB, {summary.chunks:,} chunks"

        yield call


@contextlib.contextmanager
def rechunk(place: str, memory_bytes: str) -> Iterator[Callable[[], str]]:
    """
    Give a copy of a repository a layout for series.

    Parameters
    ----------
    place : str
        From `write_ingested`.
    memory_bytes : str
        Budget.

    Yields
    ------
    callable
        Does it, and tells what was written.
    """
    with tempfile.TemporaryDirectory(dir=Path(place).parent) as scratch:
        copy = Path(scratch) / "repository"
        shutil.copytree(place, copy, copy_function=os.link)  # objects are never changed in place
        _load_libraries(Path(scratch))

        def call() -> str:
            plan = plan_layout(copy, access="series", memory_bytes=int(memory_bytes))
            summary = write_layout(plan)
            return f"{summary.decoded_bytes / 1e6:,.0f} MB, {summary.chunks:,} chunks, {plan.times_read:.2f} times read"

        yield call
