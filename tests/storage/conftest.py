"""Files and a repository for the tests of storage: small ones written here, and parts of a real one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest

from oceandata.storage import RevisionSummary, plan_ingest, write_repository

Change = Callable[[netCDF4.Dataset], None]


@pytest.fixture
def ocean_file(tmp_path: Path) -> Callable[..., Path]:
    """Writer of a small sound file: ``sst`` (time, lat, lon), changed by keywords and by a function."""

    def write(
        name: str,
        *,
        change: Change | None = None,
        times: "list[float] | None" = None,
        time_units: str = "days since 2000-01-01",
        calendar: str = "",
        values: Any = None,
        dtype: str = "f4",
        fill: Any = None,
        lat: "tuple[float, ...]" = (-10, 0, 10),
        folder: Path | None = None,
        **attributes: Any,
    ) -> Path:
        path = (folder or tmp_path) / name
        times = [0.0, 1.0, 2.0, 3.0] if times is None else times
        partial = path.with_suffix(".partial")  # a file that is open elsewhere cannot be written, but replaced
        with netCDF4.Dataset(partial, "w") as ds:
            for dim, size in (("time", None), ("lat", len(lat)), ("lon", 5)):
                ds.createDimension(dim, size)
            axis = ds.createVariable("time", "f8", ("time",))
            axis.setncatts(
                {"units": time_units, "standard_name": "time"} | ({"calendar": calendar} if calendar else {})
            )
            axis[:] = times
            for dim, long, unit, numbers in (
                ("lat", "latitude", "degrees_north", lat),
                ("lon", "longitude", "degrees_east", range(0, 50, 10)),
            ):
                coord = ds.createVariable(dim, "f8", (dim,))
                coord.setncatts({"units": unit, "standard_name": long})
                coord[:] = np.asarray(numbers, "f8")
            endian = "big" if dtype.startswith(">") else "native"
            sst = ds.createVariable("sst", dtype, ("time", "lat", "lon"), fill_value=fill, endian=endian)
            sst.set_auto_maskandscale(False)
            sst.setncatts({"units": "degC", "standard_name": "sea_surface_temperature"} | attributes)
            shape = (len(times), len(lat), 5)
            sst[:] = np.arange(np.prod(shape)).reshape(shape) if values is None else values
            if change is not None:
                change(ds)
        return partial.replace(path)

    return write


def _copy_steps(source: Path, target: Path, steps: slice) -> None:
    """Copy of a file with some of its time steps, every stored number and attribute as it is."""
    with netCDF4.Dataset(source) as old, netCDF4.Dataset(target, "w") as new:
        new.setncatts({name: old.getncattr(name) for name in old.ncattrs()})
        for name, dimension in old.dimensions.items():
            new.createDimension(name, None if name == "time" else dimension.size)
        for name, variable in old.variables.items():
            attributes = {key: variable.getncattr(key) for key in variable.ncattrs()}
            copied = new.createVariable(
                name, variable.dtype, variable.dimensions, fill_value=attributes.pop("_FillValue", None)
            )
            copied.setncatts(attributes)
            for one in (variable, copied):
                one.set_auto_maskandscale(False)
            box = tuple(steps if dim == "time" else slice(None) for dim in variable.dimensions)
            copied[:] = variable[box] if box else variable[:]


@pytest.fixture(scope="session")
def ostia_parts(ostia_file: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The real file cut into six of nine months each."""
    folder = tmp_path_factory.mktemp("ostia-parts")
    parts = [folder / f"part-{number}.nc" for number in range(6)]
    for number, part in enumerate(parts):
        _copy_steps(ostia_file, part, slice(9 * number, 9 * number + 9))
    return parts


@pytest.fixture(scope="session")
def ostia_revision(ostia_file: Path, tmp_path_factory: pytest.TempPathFactory) -> RevisionSummary:
    """The real file ingested in chunks of three months; read only, tests that damage it make a copy."""
    url = tmp_path_factory.mktemp("ostia") / "repository"
    return write_repository(plan_ingest([ostia_file], url, chunk_bytes=100_000))


@pytest.fixture(scope="session")
def ocean_cube() -> Callable[..., Path]:
    """Writer of a seeded file, ``thetao`` (time, depth, lat, lon): noise in tenths of a degree, land in the south."""

    def write(path: Path, times: int, *, depths: int = 4, lats: int = 90, lons: int = 120) -> Path:
        sizes = {"time": times, "depth": depths, "lat": lats, "lon": lons}
        units = {"time": "days since 2000-01-01", "depth": "m", "lat": "degrees_north", "lon": "degrees_east"}
        numbers = np.random.default_rng(7)
        with netCDF4.Dataset(path, "w") as ds:
            for dim, size in sizes.items():
                ds.createDimension(dim, size)
                axis = ds.createVariable(dim, "f8", (dim,))
                axis.setncatts({"units": units[dim]} | ({"positive": "down"} if dim == "depth" else {}))
                axis[:] = np.arange(size) if dim != "lat" else np.linspace(-89, 89, size)
            thetao = ds.createVariable("thetao", "f4", tuple(sizes), fill_value=np.float32(-1e34))
            thetao.setncatts({"units": "degC", "standard_name": "sea_water_potential_temperature"})
            for step in range(times):
                field = numbers.normal(10, 3, (depths, lats, lons)).astype("f4").round(1)
                field[:, : lats // 6] = -1e34
                thetao[step] = field
        return path

    return write


@pytest.fixture(scope="session")
def cube_revision(ocean_cube: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> RevisionSummary:
    """A repository ten times as large as that of the real file, chunks of one step; read only."""
    folder = tmp_path_factory.mktemp("cube")
    file = ocean_cube(folder / "cube.nc", 100)
    return write_repository(plan_ingest([file], folder / "repository", chunk_bytes=180_000))
