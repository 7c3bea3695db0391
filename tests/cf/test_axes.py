"""Axes on real files of many conventions, cell edges and longitudes."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from oceandata import cf
from oceandata.errors import InputError, NotFoundError

FINITE = st.floats(-1e5, 1e5, allow_nan=False)


def axes_of(obj: xr.Dataset | xr.DataArray) -> dict[str, str | None]:
    return {axis: cf.find_axis(obj, axis) for axis in "XYZT"}


@pytest.fixture
def nemo() -> xr.Dataset:
    import iris_sample_data

    path = Path(iris_sample_data.path) / "NEMO" / "nemo_1m_20150101-20150201_grid-T.nc"
    with xr.open_dataset(path) as ds:
        return ds.load()


def test_ostia_axes_and_bounds(ostia_file: Path) -> None:
    with xr.open_dataset(ostia_file) as ds:
        # forecast_reference_time also has "hours since" and runs along time; its standard name says it is another thing
        assert axes_of(ds) == {"X": "longitude", "Y": "latitude", "Z": None, "T": "time"}
        assert axes_of(ds["surface_temperature"]) == axes_of(ds)
        bounds = cf.bounds_of(ds, "time")
        assert bounds is not None
        assert bounds.shape == (54, 2)
        assert bounds[0, 0] == np.datetime64("2006-04-01")
        assert cf.bounds_of(ds, "latitude") is None
        assert cf.bounds_of(ds["surface_temperature"], "time") is None


def test_nemo_tripolar_takes_the_two_dimensional_coordinates_and_real_times(nemo: xr.Dataset) -> None:
    # time_counter is the dimension, marked axis = "T", but holds a record number
    assert axes_of(nemo) == {"X": "nav_lon", "Y": "nav_lat", "Z": None, "T": "time_centered"}
    assert nemo["nav_lon"].dims == ("y", "x")
    with pytest.raises(InputError, match="'nav_lon' has 2 dimensions, need one"):
        cf.bounds_of(nemo, "nav_lon")


def test_curvilinear_index_marked_as_axis_is_not_longitude(nemo: xr.Dataset) -> None:
    indexed = nemo.assign_coords(x=("x", np.arange(nemo.sizes["x"]), {"axis": "X", "units": "1"}))
    assert cf.find_axis(indexed, "X") == "nav_lon"
    assert cf.find_axis(indexed.drop_vars("nav_lon"), "X") == "x"


def test_scalar_depth_of_nemo_orca2() -> None:
    import iris_sample_data

    with xr.open_dataset(Path(iris_sample_data.path) / "orca2_votemper.nc") as ds:
        assert axes_of(ds) == {"X": "nav_lon", "Y": "nav_lat", "Z": "deptht", "T": "time_counter"}
        bounds = cf.bounds_of(ds, "deptht")
        assert bounds is not None
        assert bounds.shape == (1, 2)


def test_upper_case_ferret_axes(shared_data: Path) -> None:
    folder = shared_data / "ferret-datasets"
    with xr.open_dataset(folder / "coads_climatology.cdf", decode_times=False) as ds:
        assert axes_of(ds) == {"X": "COADSX", "Y": "COADSY", "Z": None, "T": "TIME"}
    with xr.open_dataset(folder / "levitus_climatology.cdf", decode_times=False) as ds:
        assert axes_of(ds["TEMP"]) == {"X": "XAXLEVITR", "Y": "YAXLEVITR", "Z": "ZAXLEVITR", "T": None}
        edges = cf.bounds_of(ds, "ZAXLEVITR")
        assert edges is not None
        assert edges.shape == (20, 2)
        assert np.all(edges[1:, 0] == edges[:-1, 1])
        assert np.all((edges[:, 0] <= ds["ZAXLEVITR"].values) & (ds["ZAXLEVITR"].values <= edges[:, 1]))


def test_roms_staggered_grids(shared_data: Path) -> None:
    with xr.open_dataset(shared_data / "opendrift/2Feb2016_Nordic_sigma_3d/Nordic_subset_day1.nc") as ds:
        with pytest.raises(InputError, match="'lon_psi', 'lon_rho', 'lon_u', 'lon_v'"):
            cf.find_axis(ds, "X")
        assert axes_of(ds["u"]) == {"X": "lon_u", "Y": "lat_u", "Z": "s_rho", "T": "ocean_time"}
        assert axes_of(ds["temp"]) == {"X": "lon_rho", "Y": "lat_rho", "Z": "s_rho", "T": "ocean_time"}
    with xr.open_dataset(shared_data / "xroms/ocean_his_0001.nc") as ds:  # lon_rho there is in meters
        assert cf.find_axis(ds["temp"], "X") is None


def test_gfdl_mom_nominal_longitude_gives_way(shared_data: Path) -> None:
    with xr.open_dataset(shared_data / "momlevel/NWA12_sample_grid_data.nc") as ds:
        with pytest.raises(InputError, match="several coordinates may be the longitude axis: 'xh', 'xq'"):
            cf.require_axis(ds, "X")
        assert axes_of(ds["ssh_max"]) == {"X": "xh", "Y": "yh", "Z": None, "T": "time"}
        curvilinear = ds.set_coords(["geolon", "geolat"])["ssh_max"]
        assert (cf.find_axis(curvilinear, "X"), cf.find_axis(curvilinear, "Y")) == ("geolon", "geolat")
        bounds = cf.bounds_of(ds, "time")  # units "days", to be read with those of time
        assert bounds is not None
        assert np.all(bounds[:, 1] - bounds[:, 0] == np.timedelta64(1, "D"))
        assert np.all((bounds[:, 0] <= ds["time"].values) & (ds["time"].values <= bounds[:, 1]))


def test_argo_marks_data_variables(shared_data: Path) -> None:
    folder = shared_data / "argopy-data/dac/nmdis/2901623"
    with xr.open_dataset(folder / "profiles/R2901623_026.nc") as ds:
        assert axes_of(ds) == {"X": "LONGITUDE", "Y": "LATITUDE", "Z": "PRES", "T": "JULD"}
        # as coordinates, JULD_LOCATION is decoded time too, but does not say it is the time
        assert cf.find_axis(ds.set_coords(["JULD", "JULD_LOCATION"]), "T") == "JULD"
    with (
        xr.open_dataset(folder / "2901623_prof.nc") as ds,
        pytest.raises(InputError, match="vertical axis: 'PRES', 'PRES_ADJUSTED'; need one"),
    ):
        cf.find_axis(ds, "Z")


@pytest.mark.parametrize("units", ["DEGREES_EAST", "degrees_E", "degree_east", "Degrees East"])
def test_longitude_by_units(units: str) -> None:
    grid = xr.Dataset(coords={"a": ("a", [0.0, 1.0], {"units": units}), "b": ("b", [0.0, 1.0])})
    assert cf.find_axis(grid, "X") == "a"
    assert cf.find_axis(grid, "Y") is None


def test_a_name_is_not_believed_against_its_unit() -> None:
    grid = xr.Dataset(coords={"lon": ("lon", [0.0, 1.0], {"units": "km"}), "lev": ("lev", [0.0, 1.0], {"units": "K"})})
    assert axes_of(grid) == dict.fromkeys("XYZT")
    assert cf.find_axis(xr.Dataset(coords={"lon": ("lon", [0.0, 1.0])}), "X") == "lon"


def test_rotated_pole_is_not_longitude() -> None:
    grid = xr.Dataset(
        coords={
            "rlon": ("rlon", [0.0, 1.0], {"units": "degrees", "standard_name": "grid_longitude", "axis": "X"}),
            "lon": (("rlat", "rlon"), np.zeros((1, 2)), {"units": "degrees_east", "standard_name": "longitude"}),
        }
    )
    assert cf.find_axis(grid, "X") == "lon"


def test_dimension_wins_over_other_coordinate_and_scalar() -> None:
    time = np.array(["2024-01-01", "2024-01-02"], "M8[ns]")
    da = xr.DataArray([1.0, 2.0], dims="time", coords={"time": time, "valid": ("time", time), "start": time[0]})
    assert cf.find_axis(da, "T") == "time"
    assert cf.find_axis(da.drop_vars("time"), "T") == "valid"
    assert cf.find_axis(da.drop_vars(["time", "valid"]), "T") == "start"


def test_layer_depths_of_every_cell_give_way_to_the_level_axis() -> None:
    z = ("z_rho", (("lev", "x"), np.zeros((2, 3)), {"standard_name": "depth", "units": "m"}))
    da = xr.DataArray(np.zeros((2, 3)), dims=("lev", "x"), coords={"lev": [0, 1], z[0]: z[1]})
    assert cf.find_axis(da, "Z") == "lev"
    assert cf.find_axis(da.drop_vars("lev"), "Z") == "z_rho"


def test_decoded_bounds_are_no_second_time_axis(ostia_file: Path) -> None:
    with xr.open_dataset(ostia_file, decode_coords="all") as ds:
        assert "time_bnds" in ds.coords
        assert cf.find_axis(ds, "T") == "time"
        assert cf.find_axis(ds.isel(time=0), "T") == "time"  # a scalar, its bounds along a dimension
        assert cf.bounds_of(ds, "time") is not None


def test_require_axis_lists_what_there_is() -> None:
    grid = xr.Dataset({"sst": (("y", "x"), np.zeros((2, 2)))}, coords={"x": [0, 1]})
    with pytest.raises(NotFoundError, match=r"no longitude axis: got coordinates 'x' on dimensions \('y', 'x'\)"):
        cf.require_axis(grid, "X")
    with pytest.raises(InputError, match="axis is 'lon', need 'X'"):
        cf.find_axis(grid, "lon")


def test_is_decoded_time() -> None:
    import cftime

    assert cf.is_decoded_time(xr.DataArray(np.array(["2024"], "M8[s]")))
    assert cf.is_decoded_time(xr.DataArray(np.array([cftime.DatetimeNoLeap(2024, 1, 1)])))
    assert not cf.is_decoded_time(xr.DataArray(np.array(["2024"], object)))
    assert not cf.is_decoded_time(xr.DataArray([0.0]))
    assert not cf.is_decoded_time(xr.DataArray(np.array([], object)))


def test_bounds_of_wrong_shape_and_kind() -> None:
    ds = xr.Dataset(
        {"lat_bnds": (("n", "v"), np.zeros((3, 2)))}, coords={"lat": ("lat", [0.0], {"bounds": "lat_bnds"})}
    )
    with pytest.raises(
        InputError, match=r"'lat_bnds' of 'lat' are float64 of shape \(3, 2\), need float64 of shape \(1, 2\)"
    ):
        cf.bounds_of(ds, "lat")
    assert cf.bounds_of(ds.drop_vars("lat_bnds"), "lat") is None


@given(
    steps=hnp.arrays(np.float64, st.integers(1, 20), elements=st.floats(1e-3, 10)),
    start=st.floats(-90, 90),
    down=st.booleans(),
)
def test_midpoint_bounds_are_contiguous_and_hold_their_centres(steps: np.ndarray, start: float, down: bool) -> None:
    centres = start + np.concatenate([[0.0], np.cumsum(steps)])
    centres = centres[::-1] if down else centres
    bounds = cf.midpoint_bounds(centres)
    assert np.array_equal(bounds[1:, 0], bounds[:-1, 1])
    low, high = bounds.min(axis=1), bounds.max(axis=1)
    assert np.all((low < centres) & (centres < high))
    assert np.isclose(centres[0] - bounds[0, 0], bounds[0, 1] - centres[0], rtol=0, atol=1e-9)


def test_midpoint_bounds_limits_times_and_refusals() -> None:
    assert cf.midpoint_bounds([89.0, 90.0], limits=(-90, 90))[-1].tolist() == [89.5, 90.0]
    days = cf.midpoint_bounds(np.array(["2024-01-01T12", "2024-01-02T12"], "M8[h]"))
    assert days[0].tolist() == np.array(["2024-01-01T00", "2024-01-02T00"], "M8[h]").tolist()
    with pytest.raises(InputError, match="n of 2 or more"):
        cf.midpoint_bounds([1.0])
    for wrong in ([179.0, 180.0, -179.0], [0.0, np.nan, 2.0], [0.0, 0.0]):
        with pytest.raises(InputError, match="strictly increasing or decreasing"):
            cf.midpoint_bounds(wrong)


@given(longitude=FINITE, west=st.floats(-720, 720, allow_nan=False))
def test_wrap_longitude_range_idempotence_and_meridian(longitude: float, west: float) -> None:
    once = cf.wrap_longitude([longitude], west)
    assert np.all((once >= west) & (once < west + 360.0))
    assert np.array_equal(cf.wrap_longitude(once, west), once)
    distance = abs((once[0] - longitude + 180.0) % 360.0 - 180.0)
    assert distance < 1e-9


def test_wrap_longitude_edges() -> None:
    assert cf.wrap_longitude([-1e-20, 360.0, 0.0], 0.0).tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(cf.wrap_longitude([np.nan], 0.0)[0])
