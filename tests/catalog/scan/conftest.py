"""Small files as they lie on disks: a series, a model run in split files, an undocumented file, and no data."""

from collections.abc import Callable
from pathlib import Path

import netCDF4
import numpy as np
import pytest

Write = Callable[..., Path]


@pytest.fixture
def write_file(tmp_path: Path) -> Write:
    """Writer of a small grid: one variable on time, latitude and longitude."""

    def write(
        name: str,
        *,
        variable: str = "sst",
        days: "tuple[float, ...]" = (0.0, 1.0),
        units: str = "degC",
        standard_name: str = "sea_surface_temperature",
        long_name: str = "",
        lon: "tuple[float, ...]" = (0.0, 10.0, 20.0),
        **attributes: str,
    ) -> Path:
        path = tmp_path / "holdings" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with netCDF4.Dataset(path, "w") as ds:
            ds.setncatts(attributes)
            axes = {
                "time": (days, {"units": "days since 2000-01-01", "standard_name": "time"}),
                "lat": ((-10.0, 0.0, 10.0), {"units": "degrees_north", "standard_name": "latitude"}),
                "lon": (lon, {"units": "degrees_east", "standard_name": "longitude"}),
            }
            for axis, (values, about) in axes.items():
                ds.createDimension(axis, len(values))
                coord = ds.createVariable(axis, "f8", (axis,))
                coord.setncatts(about)
                coord[:] = values
            array = ds.createVariable(variable, "f4", ("time", "lat", "lon"))
            about = {"units": units, "standard_name": standard_name, "long_name": long_name}
            array.setncatts({key: text for key, text in about.items() if text})
            array[:] = np.arange(array.size).reshape(array.shape)
        return path

    return write


@pytest.fixture
def holdings(write_file: Write, tmp_path: Path) -> Path:
    """A series of three files, a run with two variables in files of their own, an undocumented file, and no data."""
    for number in range(3):
        write_file(
            f"sst/2000/sst_{number}.nc",
            days=(2.0 * number, 2.0 * number + 1),
            title="Daily sea surface temperature",
            license="CC-BY-4.0",
            institution="An institute",
            keywords="temperature, surface",
        )
    for native, standard in (("thetao", "sea_water_potential_temperature"), ("so", "sea_water_salinity")):
        write_file(f"run/{native}_2000.nc", variable=native, standard_name=standard)
    write_file("odd/TEMP.nc", variable="votemper", units="", standard_name="", long_name="potential temperature")
    (tmp_path / "holdings" / "notes.txt").write_text("nothing but words\n", encoding="utf-8")
    return tmp_path / "holdings"
