"""Small archives for the tests of virtual references; the fixtures are imported where they are used."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import xarray as xr

from oceandata import storage
from oceandata.options import set_options
from oceandata.storage import plan_virtual, write_virtual
from oceandata.storage.revisions import commit_facts
from oceandata.storage.stores import lookup_revision, open_repository

STEPS, LAT, LON = 12, 6, 8


@pytest.fixture(name="extra")
def fixture_extra() -> None:
    """Skips where the extra 'virtual' is not installed; netCDF-3 needs none."""
    pytest.importorskip("virtualizarr", reason="the extra 'virtual' is not installed")


@pytest.fixture(name="allowed")
def fixture_allowed(shared_data):
    """Allows the folder of real files, as a user would who trusts the repository."""
    with set_options(virtual_prefixes=(str(shared_data),)):
        yield shared_data


@pytest.fixture(name="series")
def fixture_series(tmp_path: Path) -> Callable[..., Path]:
    """Writer of one file of ``sst`` (time, lat, lon) whose steps begin on a given day."""

    def write(
        name: str, first: int = 0, steps: int = STEPS, *, dtype: str = "f4", kind: str = "NETCDF4", **changes: Any
    ) -> Path:
        dims = changes.pop("dims", ("time", "lat", "lon"))
        attributes = {key: changes.pop(key) for key in ("scale_factor", "add_offset", "_Unsigned") if key in changes}
        coordinates = changes.pop("lat_values", np.arange(LAT, dtype="f8"))
        unlimited = changes.pop("unlimited", True)
        folder = changes.pop("folder", tmp_path)
        path = folder / name
        with netCDF4.Dataset(path, "w", format=kind) as ds:
            for dim, size in (("time", None if unlimited else steps), ("lat", LAT), ("lon", LON)):
                ds.createDimension(dim, size)
            for dim, unit, numbers in (
                ("time", "days since 2000-01-01", np.arange(first, first + steps, dtype="f8")),
                ("lat", "degrees_north", coordinates),
                ("lon", "degrees_east", np.arange(LON, dtype="f8")),
            ):
                axis = ds.createVariable(dim, "f8", (dim,))
                axis.units = unit
                axis[:] = numbers
            sst = ds.createVariable("sst", dtype, dims, **changes)
            sst.set_auto_maskandscale(False)
            sst.setncatts({"units": "degC", "standard_name": "sea_surface_temperature"} | attributes)
            shape = [{"time": steps, "lat": LAT, "lon": LON}[dim] for dim in dims]
            sst[:] = np.arange(np.prod(shape)).reshape(shape) % 100 + first
        return path

    return write


def each_alone(paths: list[Path], name: str) -> np.ndarray:
    """Values as xarray decodes each file by itself, put together."""
    parts = []
    for path in paths:
        with xr.open_dataset(path) as ds:
            parts.append(ds[name].to_numpy())
    return np.concatenate(parts)


def same(found: Any, need: np.ndarray) -> bool:
    return np.array_equal(np.asarray(found), need, equal_nan=need.dtype.kind == "f")


def write(paths: list[Path], url: Path, **settings: Any) -> storage.RevisionSummary:
    return write_virtual(plan_virtual(paths, url, **settings))


def facts_of(url: Path) -> dict[str, Any]:
    repository = open_repository(url)
    return commit_facts(repository, lookup_revision(repository)[1])


@pytest.fixture(name="archive")
def fixture_archive(series, tmp_path) -> tuple[Path, list[Path]]:
    """A repository of three netCDF-3 files in a folder beside it, written a minute ago."""
    folder = tmp_path / "files"
    folder.mkdir()
    files = [series(f"{n}.nc", n * STEPS, kind="NETCDF3_CLASSIC", folder=folder) for n in range(3)]
    for file in files:
        os.utime(file, (file.stat().st_mtime - 60,) * 2)
    write(files, tmp_path / "repository")
    return tmp_path / "repository", files
