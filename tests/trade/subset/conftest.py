"""A catalogue of two small datasets: a packed ocean on 0 to 360 degrees, and the same in another calendar."""

from collections.abc import Callable
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from oceandata import catalog, storage
from oceandata.catalog import Catalog, open_catalog
from oceandata.trade.subset import SubsetPlan, plan_subset

OVERLAY = "title: Ocean\ntitle_zh: 海洋\nlicense: CC-BY-4.0\nattribution: An institute\ncitation: Someone (2020)\n"
OVERLAY += "keywords: [ocean]\n"


def _axis(file: netCDF4.Dataset, name: str, values: np.ndarray, **attributes: str) -> None:
    file.createDimension(name, len(values))
    axis = file.createVariable(name, "f8", (name,))
    axis.setncatts(attributes)
    axis[:] = values


def _ocean(path: Path, *, calendar: str = "standard") -> Path:
    """Packed temperature on four levels, sea level in floats, and a mask; land in the north."""
    numbers = np.random.default_rng(3)
    with netCDF4.Dataset(path, "w") as file:
        file.setncatts({"source": "a test", "geospatial_lat_min": -80.0, "tracking_id": "of the whole file"})
        _axis(file, "time", np.arange(12) + 0.5, units="days since 2020-01-01", calendar=calendar, axis="T")
        _axis(file, "depth", np.array([0.5, 10.0, 100.0, 900.0]), units="m", positive="down", axis="Z")
        _axis(file, "lat", np.arange(-80.0, 81.0, 10.0), units="degrees_north")
        _axis(file, "lon", np.arange(5.0, 360.0, 10.0), units="degrees_east", bounds="lon_bnds")
        file.createDimension("bnds", 2)
        edges = file.createVariable("lon_bnds", "f8", ("lon", "bnds"))
        edges[:] = np.arange(5.0, 360.0, 10.0)[:, None] + [-5.0, 5.0]
        thetao = file.createVariable(
            "thetao", "i2", ("time", "depth", "lat", "lon"), fill_value=np.int16(-32768), chunksizes=(3, 4, 9, 18)
        )
        thetao.set_auto_maskandscale(False)
        thetao.setncatts({"scale_factor": 0.001, "add_offset": 12.0, "units": "degC", "actual_range": [-20.0, 44.0]})
        thetao.setncatts({"standard_name": "sea_water_potential_temperature", "valid_range": np.int16([-32767, 32767])})
        packed = numbers.integers(-32767, 32767, thetao.shape).astype("i2")
        packed[:, :, -3:] = -32768
        thetao[:] = packed
        level = file.createVariable("zos", "f4", ("time", "lat", "lon"), fill_value=np.float32(1e20))
        level.set_auto_maskandscale(False)
        level.setncatts({"units": "m", "standard_name": "sea_surface_height_above_geoid"})
        heights = numbers.normal(0, 1, level.shape).astype("f4")
        heights[:, -3:] = 1e20
        level[:] = heights
        mask = file.createVariable("mask", "i1", ("lat", "lon"))
        mask.setncatts({"flag_values": np.int8([0, 1]), "flag_meanings": "land sea", "long_name": "sea"})
        mask[:] = 1
        mask[-3:] = 0
    return path


@pytest.fixture(scope="session")
def ocean_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packed ocean."""
    return _ocean(tmp_path_factory.mktemp("ocean") / "ocean.nc")


@pytest.fixture(scope="session")
def ocean(ocean_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Catalogue of the ocean and of the same in a calendar without leap years; read only."""
    folder = tmp_path_factory.mktemp("catalog")
    (folder / "overlay.yaml").write_text(OVERLAY, encoding="utf-8")
    overlay = catalog.load_overlay(folder / "overlay.yaml")
    files = {"ocean": ocean_file, "noleap": _ocean(folder / "noleap.nc", calendar="noleap")}
    for name, file in files.items():
        summary = storage.write_repository(storage.plan_ingest([file], folder / name, chunk_bytes=2_500))
        catalog.register_entry(folder / "catalog.yaml", catalog.draft_entry(summary, overlay, name=name))
    return open_catalog(folder / "catalog.yaml")


@pytest.fixture
def planned(ocean: Catalog, tmp_path: Path) -> Callable[..., SubsetPlan]:
    """Plan a subset of the ocean into the test's folder, in many small blocks."""
    from oceandata import set_options

    def plan(name: str = "out.nc", *, entry: str = "ocean", block_bytes: int = 2_500, **asked: object) -> SubsetPlan:
        with set_options(block_bytes=block_bytes):
            return plan_subset(ocean, entry, tmp_path / name, **asked)  # type: ignore[arg-type]

    return plan
