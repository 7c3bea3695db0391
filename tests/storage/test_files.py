"""NetCDF files that stay where they are, opened as one lazy dataset."""

import pickle
from collections.abc import Callable
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from oceandata.errors import InputError, NotFoundError, RegionError, SchemaMismatch, UnsoundFileError
from oceandata.options import set_options
from oceandata.storage import open_files
from oceandata.storage.files import open_file
from oceandata.trade import lineage

FIELD = "surface_temperature"


@pytest.fixture(scope="session")
def split(ostia_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real file, 54 months, in five files that begin in the same month of each year; packed differently each."""
    folder = tmp_path_factory.mktemp("split")
    with xr.open_dataset(ostia_file) as ds:
        for year, part in ds.groupby("time.year"):
            packing = {
                "dtype": "int16",
                "scale_factor": 0.002 + 1e-4 * (year - 2006),
                "add_offset": 300.0,
                "_FillValue": -32768,
            }
            since = {"units": f"hours since {year}-01-01"}
            part.to_netcdf(folder / f"ostia_{year}.nc", encoding={FIELD: packing, "time": since})
    return folder


NAMES = [f"ostia_{year}.nc" for year in range(2006, 2011)]


def test_many_files_are_one_dataset_whatever_their_packing(split: Path, ostia_file: Path) -> None:
    ds = open_files(split, NAMES[::-1])
    with xr.open_dataset(ostia_file) as whole:
        assert ds[FIELD].shape == whole[FIELD].shape
        assert ds[FIELD].chunks is not None
        np.testing.assert_array_equal(ds["time"], whole["time"])
        np.testing.assert_allclose(ds[FIELD], whole[FIELD], atol=0.0015)
        for name in ("latitude", "longitude"):
            np.testing.assert_array_equal(ds[name], whole[name])
    assert "scale_factor" not in ds[FIELD].encoding, "no packing of one file may be used to write them all"
    assert ds["time"].attrs["standard_name"] == "time"


def test_small_files_share_blocks_and_large_ones_are_cut(split: Path) -> None:
    assert open_files(split, NAMES)[FIELD].chunks[0] == (54,)
    with set_options(block_bytes=18 * 432 * 8 * 20):
        assert open_files(split, NAMES)[FIELD].chunks[0] == (9, 12, 12, 12, 9)
    with set_options(block_bytes=18 * 432 * 8 * 5):
        small = open_files(split, NAMES)[FIELD]
        assert max(small.chunks[0]) <= 5
        np.testing.assert_array_equal(small, open_files(split, NAMES)[FIELD])
    assert open_files(split, NAMES, chunks={"time": 10})[FIELD].chunks[0] == (10, 10, 10, 10, 10, 4)
    assert open_files(split, NAMES, chunks={})[FIELD].sizes["time"] == 54


@pytest.mark.parametrize("files", [NAMES, []], ids=["five files", "one file"])
def test_the_same_selection_as_of_a_repository(
    split: Path, ostia_file: Path, ostia_repository: Path, files: list[str]
) -> None:
    from oceandata.storage import open_dataset

    asked = {"region": (170, -3, -170, 3), "time": "2007-06/2008", "variables": FIELD}
    ours = open_files(split if files else ostia_file, files, **asked)
    stored = open_dataset(ostia_repository, **asked)
    assert ours[FIELD].shape == stored[FIELD].shape
    np.testing.assert_array_equal(ours["longitude"], stored["longitude"])
    np.testing.assert_array_equal(ours["time"].to_numpy().astype("M8[ns]"), stored["time"].to_numpy())
    np.testing.assert_allclose(ours[FIELD], stored[FIELD], atol=0.0015)
    with pytest.raises(NotFoundError, match="no time step lies in 1999"):
        open_files(split if files else ostia_file, files, time="1999")
    with pytest.raises(RegionError, match="no cell centre lies in"):
        open_files(split if files else ostia_file, files, region=(0, 50, 10, 60))


def test_files_outside_the_period_are_not_read(split: Path) -> None:
    ds = open_files(split, NAMES, time="2008")
    assert ds.sizes["time"] == 12
    assert ds[FIELD].chunks[0] == (12,)


def test_lazy_arrays_travel_and_their_source_is_told(split: Path) -> None:
    ds = open_files(split, NAMES, time="2008")
    again = pickle.loads(pickle.dumps(ds[FIELD]))
    np.testing.assert_array_equal(again, ds[FIELD])
    assert lineage(ds[FIELD]).unattributed == ("FileSeries (12, 18, 432) float64",)
    assert ds[FIELD].data.name == open_files(split, NAMES, time="2008")[FIELD].data.name
    assert ds[FIELD].data.name != open_files(split, NAMES, time="2007")[FIELD].data.name


def test_variables_in_files_of_their_own_are_merged(ocean_file: Callable[..., Path], tmp_path: Path) -> None:
    def rename(ds: netCDF4.Dataset) -> None:
        ds.renameVariable("sst", "sss")
        ds["sss"].setncatts({"standard_name": "sea_surface_salinity", "units": "1e-3"})

    for number, times in enumerate(([0.0, 1.0], [2.0, 3.0])):
        ocean_file(f"sst_{number}.nc", times=times)
        ocean_file(f"sss_{number}.nc", times=times, change=rename)
    names = [f"{name}_{number}.nc" for name in ("sst", "sss") for number in (0, 1)]
    ds = open_files(tmp_path, names)
    assert {name: array.shape for name, array in ds.data_vars.items()} == {"sst": (4, 3, 5), "sss": (4, 3, 5)}
    only = open_files(tmp_path, names, variables="sea_surface_salinity", time="2000-01-03/..")
    assert (list(only.data_vars), only.sizes["time"]) == (["sss"], 2)
    ocean_file("sss_1.nc", times=[2.0, 4.0], change=rename)
    with pytest.raises(SchemaMismatch, match="other values of the coordinate 'time'"):
        open_files(tmp_path, names)


def _unit(ds: netCDF4.Dataset) -> None:
    ds["sst"].units = "K"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"times": [3.0, 4.0]}, "overlap in time"),
        ({"lat": (-10, 0, 11)}, "values of 'lat' differ"),
        ({"lat": (-10, 0)}, "values of 'lat' differ"),
        ({"change": _unit}, "'sst' of b.nc is .* in 'K', need"),
        ({"calendar": "noleap"}, "calendar 'noleap', need of the calendar"),
        ({"change": lambda ds: ds.createVariable("ice", "f4", ("time",))}, "other values of the coordinate 'time'"),
    ],
    ids=["overlap", "latitudes", "size", "units", "calendar", "variables"],
)
def test_files_that_do_not_fit_are_refused(
    ocean_file: Callable[..., Path], tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    ocean_file("a.nc")
    ocean_file("b.nc", **({"times": [4.0, 5.0]} | changes))
    with pytest.raises(SchemaMismatch, match=message):
        open_files(tmp_path, ["a.nc", "b.nc"])


def test_rounding_of_coordinates_does_not_matter(ocean_file: Callable[..., Path], tmp_path: Path) -> None:
    ocean_file("a.nc")
    ocean_file("b.nc", times=[4.0, 5.0], lat=(-10.0000001, 0.0, 10.0000001))
    ds = open_files(tmp_path, ["a.nc", "b.nc"])
    assert ds["lat"].to_numpy().tolist() == [-10, 0, 10]
    assert ds.sizes["time"] == 6


def test_what_differs_from_file_to_file_is_one_value_a_step(ocean_file: Callable[..., Path], tmp_path: Path) -> None:
    def made(day: float) -> Callable[[netCDF4.Dataset], None]:
        def change(ds: netCDF4.Dataset) -> None:
            ds.createVariable("made", "f8")[:] = day
            ds.createVariable("same", "f8")[:] = 7.0

        return change

    ocean_file("a.nc", change=made(1.0))
    ocean_file("b.nc", times=[4.0, 5.0], change=made(2.0))
    ds = open_files(tmp_path, ["a.nc", "b.nc"])
    assert ds["made"].to_numpy().tolist() == [1, 1, 1, 1, 2, 2]
    assert ds["same"].shape == ()


def test_one_instant_a_file_without_a_time_dimension(ocean_file: Callable[..., Path], tmp_path: Path) -> None:
    for number in (0, 1, 2):
        with xr.open_dataset(ocean_file(f"{number}.nc", times=[float(number)])) as ds:
            one = ds.isel(time=0).load()
            one.encoding = {}
        one.to_netcdf(tmp_path / f"one_{number}.nc")
    ds = open_files(tmp_path, [f"one_{number}.nc" for number in (2, 0, 1)])
    assert ds["sst"].dims == ("time", "lat", "lon")
    assert ds["lat"].dims == ("lat",)
    assert ds.indexes["time"].is_monotonic_increasing
    assert open_files(tmp_path, ["one_0.nc", "one_1.nc"], time="2000-01-02").sizes["time"] == 1


def test_times_that_are_no_dates_keep_their_order(ocean_file: Callable[..., Path], tmp_path: Path) -> None:
    def misspelt(ds: netCDF4.Dataset) -> None:
        ds["time"].delncattr("units")
        ds["time"].Unit = "days since 2000-01-01"

    for name, times in (("a.nc", [4.0, 5.0]), ("b.nc", [0.0, 1.0])):
        ocean_file(name, times=times, change=misspelt)
    ds = open_files(tmp_path, ["a.nc", "b.nc"])
    assert ds["time"].to_numpy().tolist() == [0, 1, 4, 5]
    with pytest.raises(InputError, match="numbers without dates"):
        open_files(tmp_path, ["a.nc", "b.nc"], time="2000")


def test_what_is_not_there(split: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"Close: 'ostia_2006\.nc'"):
        open_files(split / "ostia_206.nc")
    with pytest.raises(InputError, match="need files on this machine"):
        open_files("https://example.org/a.nc")
    (tmp_path / "page.nc").write_text("<html>log in</html>", encoding="utf-8")
    with pytest.raises(UnsoundFileError, match="HTML"):
        open_file(tmp_path / "page.nc")
    with pytest.raises(NotFoundError, match="no variable answers to 'salinity'"):
        open_files(split, NAMES, variables="salinity")


def test_profiles_of_a_real_float(shared_data: Path) -> None:
    folder = shared_data / "argopy-data" / "dac" / "csio" / "2902696"
    names = sorted(path.name for path in (folder / "profiles").glob("D*.nc"))
    ds = open_files(folder / "profiles", names, variables=["TEMP", "PRES"])
    with xr.open_dataset(folder / "2902696_prof.nc") as whole:
        assert ds["TEMP"].shape == whole["TEMP"].shape
        np.testing.assert_array_equal(ds["TEMP"], whole["TEMP"])
    assert np.isnan(ds["TEMP"].to_numpy()).any(), "short profiles are filled up"
    box = open_files(folder / "profiles", names, variables=["TEMP"], region=(114, 11, 116, 14), time="2017")
    assert 0 < box.sizes["N_PROF"] < 51


def test_a_real_series_of_climate_model_output(shared_data: Path) -> None:
    (folder,) = shared_data.rglob("MPI-ESM1-2-HR/**/latest")
    names = sorted(path.name for path in folder.glob("*.nc"))
    ds = open_files(folder, names, time="1899-12/1900-01")
    assert len(names) == 33
    assert [str(time)[:7] for time in ds["time"].to_numpy()] == ["1899-12", "1900-01"]
    assert np.isfinite(ds["siconc"].to_numpy()).any()
