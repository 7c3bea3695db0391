"""Packed numbers whose scale, offset or missing value change from file to file."""

from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from oceandata import storage
from oceandata.errors import SchemaMismatch
from oceandata.storage import plan_virtual
from tests.storage.virtual_files import STEPS, each_alone, fixture_extra, fixture_series, same, write

__all__ = ["fixture_extra", "fixture_series"]  # fixtures

pytestmark = [
    # the chunks of netCDF-4 files are compressed as HDF5 does it, which Zarr finds worth a warning each time
    pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr:zarr.errors.ZarrUserWarning"),
]


@pytest.fixture
def repacked(ostia_parts, tmp_path) -> list[Path]:
    """The real temperatures, packed into 16 bits with another scale, offset and missing value in each file."""
    found = []
    for number, part in enumerate(ostia_parts):
        path = tmp_path / f"packed-{number}.nc"
        with xr.open_dataset(part) as ds:
            sst = ds["surface_temperature"].load()
            low, high = float(sst.min()), float(sst.max())
            encoding = {
                "dtype": "i2",
                "scale_factor": (high - low) / (50_000 + 1000 * number),
                "add_offset": (high + low) / 2 + number,
                "_FillValue": -32768 + number,
                "zlib": True,
                "shuffle": True,
                "complevel": 1 + number,
                "chunksizes": (1, 18, 432),
            }
            ds.to_netcdf(path, encoding={"surface_temperature": encoding})
        found.append(path)
    return found


@pytest.mark.usefixtures("extra")
class TestPackingThatDiffers:
    """Scale, offset and missing value of each file its own."""

    def test_every_value_is_that_of_its_own_file(self, repacked, tmp_path):
        url = tmp_path / "repository"
        write(repacked, url)
        need = each_alone(repacked, "surface_temperature")
        assert np.isnan(need).any()
        for chunks in ("auto", {}, {"time": 7, "longitude": 100}, None):
            found = storage.open_dataset(url, chunks=chunks).surface_temperature
            assert found.dtype == need.dtype
            assert same(found, need)

    def test_any_selection(self, repacked, tmp_path):
        url = tmp_path / "repository"
        write(repacked, url)
        need = each_alone(repacked, "surface_temperature")
        for chunks in ("auto", None):
            found = storage.open_dataset(url, chunks=chunks).surface_temperature
            assert same(found.isel(time=13), need[13])
            assert same(found.isel(time=13, latitude=2, longitude=200), need[13, 2, 200])
            assert same(found.isel(time=[40, 2, 11], longitude=slice(10, 90, 7)), need[[40, 2, 11]][:, :, 10:90:7])
            assert same(found[::-5, 3], need[::-5, 3])
            points = xr.DataArray([3, 50]), xr.DataArray([1, 2]), xr.DataArray([100, 7])
            assert same(found[points], need[[3, 50], [1, 2], [100, 7]])

    def test_a_reader_that_does_not_know_finds_nothing_wrong(self, repacked, tmp_path):
        url = tmp_path / "repository"
        summary = write(repacked, url)
        store = storage.open_store(url)
        plain = xr.open_zarr(store, group="maps", consolidated=False, chunks=None)
        assert "surface_temperature" not in plain.variables
        packed = plain["surface_temperature_packed"]
        assert packed.dtype == np.int16
        assert not {"units", "standard_name", "scale_factor", "add_offset"} & {*packed.attrs, *packed.encoding}
        known = summary.variables["surface_temperature"]
        assert (known.units, known.standard_name) == ("K", "surface_temperature")
        assert list(summary.variables) == ["surface_temperature"]
        opened = storage.open_dataset(url)
        assert opened.surface_temperature.attrs["units"] == "K"
        assert list(opened.data_vars) == ["surface_temperature"]
        assert not [name for name in opened.coords if "packed" in str(name) or "scale" in str(name)]

    def test_recipes_stream_and_lineage_knows_the_chunks(self, repacked, tmp_path):
        from oceandata.analysis import climatology
        from oceandata.graph.sources import read_plan

        url = tmp_path / "repository"
        write(repacked, url)
        need = each_alone(repacked, "surface_temperature")
        sst = storage.open_dataset(url, chunks={}).surface_temperature
        result = climatology(sst)
        reading = read_plan(result)
        assert not reading.unattributed
        paths = {read.path: len(read.chunks) for read in reading.arrays}
        assert paths == {"maps/surface_temperature_packed": 54}
        months = sst.time.dt.month.to_numpy()
        march = xr.DataArray(need[months == 3]).mean("dim_0")
        np.testing.assert_allclose(result.sel(month=3), march, rtol=1e-12)

    def test_single_precision_scales_give_what_xarray_gives(self, series, tmp_path):
        files = [
            series("a.nc", 0, dtype="i2", scale_factor=np.float32(0.01), add_offset=np.float32(273.15)),
            series("b.nc", STEPS, dtype="i2", scale_factor=np.float32(0.1), add_offset=np.float32(20)),
        ]
        url = tmp_path / "repository"
        write(files, url)
        need = each_alone(files, "sst")
        found = storage.open_dataset(url).sst
        assert found.dtype == need.dtype == np.float32
        assert same(found, need)

    def test_only_the_missing_value_differs(self, series, tmp_path):
        files = [series("a.nc", 0, fill_value=5.0), series("b.nc", STEPS, fill_value=17.0), series("c.nc", 2 * STEPS)]
        url = tmp_path / "repository"
        write(files, url)
        need = each_alone(files, "sst")
        assert np.isnan(need[:STEPS]).any()
        assert np.isnan(need[STEPS : 2 * STEPS]).any()
        assert not np.isnan(need[2 * STEPS :]).any()
        assert same(storage.open_dataset(url).sst, need)

    def test_what_cannot_be_told_step_by_step_is_refused(self, series, tmp_path):
        files = [
            series("a.nc", 0, dtype="i1", scale_factor=0.5, _Unsigned="true"),
            series("b.nc", STEPS, dtype="i1", scale_factor=0.25, _Unsigned="true"),
        ]
        with pytest.raises(SchemaMismatch, match=r"a\.nc: 'sst': it is stored as signed numbers"):
            plan_virtual(files, tmp_path / "repository")

    def test_small_variables_are_not_joined_across_packings(self, series, tmp_path):
        files = [series("a.nc"), series("b.nc", STEPS)]
        for number, path in enumerate(files):
            with netCDF4.Dataset(path, "a") as ds:
                quality = ds.createVariable("quality", "i2", ("time",))
                quality.scale_factor = 1.0 + number
        with pytest.raises(SchemaMismatch, match=r"b\.nc: 'quality': it is packed otherwise"):
            plan_virtual(files, tmp_path / "repository")


@pytest.mark.usefixtures("extra")
def test_files_packed_alike_keep_plain_cf_form(series, tmp_path):
    files = [
        series(f"{n}.nc", n * STEPS, dtype="i2", scale_factor=0.01, add_offset=20.0, fill_value=-9) for n in (0, 1)
    ]
    url = tmp_path / "repository"
    write(files, url)
    plain = xr.open_zarr(storage.open_store(url), group="maps", consolidated=False, chunks=None)
    assert same(plain.sst, each_alone(files, "sst"))
    assert plain.sst.encoding["scale_factor"] == 0.01
