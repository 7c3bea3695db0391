"""Mean, integral, variance and extremes: hand calculations, published values, xarray itself, any chunking."""

from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from oceandata.analysis import area_mean, extremes, integral, mean, variance
from oceandata.errors import InputError

SPHERE_M2 = 5.10064471909788e14


def _globe(values: Any, *, lat: Any, lon: Any, **dims: Any) -> xr.DataArray:
    coords = {name: np.asarray(values_, float) for name, values_ in dims.items()} | {
        "lat": np.asarray(lat, float),
        "lon": np.asarray(lon, float),
    }
    array = xr.DataArray(np.asarray(values, float), coords, list(coords), name="t", attrs={"units": "degC"})
    array.lat.attrs["units"], array.lon.attrs["units"] = "degrees_north", "degrees_east"
    if "depth" in coords:
        array.depth.attrs |= {"units": "m", "positive": "down", "axis": "Z"}
    return array


@pytest.fixture(scope="module")
def levitus(shared_data: Path) -> xr.DataArray:
    path = shared_data / "ferret-datasets" / "levitus_climatology.cdf"
    with xr.open_dataset(path, decode_times=False) as dataset:
        return dataset["TEMP"].load()


def test_volume_of_the_ocean_and_its_mean_temperature(levitus: xr.DataArray) -> None:
    wet = xr.ones_like(levitus).where(levitus.notnull()).assign_attrs(units="1")
    volume = integral(wet)
    assert float(volume) == pytest.approx(1.326915e18, rel=1e-6)
    assert volume.attrs["units"] == "m3"
    assert float(mean(levitus)) == pytest.approx(3.797923, abs=1e-6)
    surface = wet.isel({str(levitus.dims[0]): 0})
    assert float(integral(surface)) == pytest.approx(3.577653e14, rel=1e-6)


def test_mean_over_the_horizontal_is_the_area_mean(levitus: xr.DataArray) -> None:
    surface = levitus.isel({str(levitus.dims[0]): 0})
    assert float(mean(surface)) == pytest.approx(18.103284, abs=1e-6)
    assert float(mean(surface)) == pytest.approx(float(area_mean(surface)), rel=1e-14)
    assert float(mean(surface, weights=None)) == pytest.approx(13.721161, abs=1e-6)
    assert mean(surface, ["Y", "X"]).attrs["cell_methods"].endswith("area: mean")


def test_integral_of_one_is_the_sphere_and_units_say_so() -> None:
    ones = _globe(np.ones((18, 36)), lat=np.arange(-85, 90, 10), lon=np.arange(5, 360, 10))
    total = integral(ones)
    assert float(total) == pytest.approx(SPHERE_M2, rel=1e-12)
    assert total.attrs["units"] == "degC m2"
    assert float(total.valid_share) == pytest.approx(1)
    assert "units" not in integral(ones.assign_attrs(units="")).attrs


def test_a_mean_along_one_horizontal_dimension_counts_cells_by_their_width() -> None:
    field = _globe([[1.0, 2.0], [3.0, 4.0]], lat=[-30, 30], lon=[0, 90])
    assert mean(field, "lon").values.tolist() == pytest.approx([1.5, 3.5], rel=1e-15)
    stretched = _globe([[0.0, 0.0], [6.0, 6.0], [0.0, 0.0]], lat=[-45, 0, 45], lon=[0, 180])
    width = np.sin(np.radians(22.5)) * 2
    assert mean(stretched, "lat").values == pytest.approx([6 * width / (2 * np.sin(np.radians(67.5)))] * 2)


def test_layers_count_by_their_thickness() -> None:
    column = _globe(np.array([1.0, 2.0, 3.0]).reshape(3, 1, 1), depth=[0, 10, 30], lat=[0], lon=[0])
    column = column.isel(lat=0, lon=0)
    assert float(mean(column)) == pytest.approx((5 + 2 * 15 + 3 * 20) / 40)
    assert float(mean(column, weights=None)) == 2
    assert float(integral(column)) == 95


def test_min_weight_refers_to_the_weight_of_all_cells() -> None:
    series = xr.DataArray([1.0, np.nan, np.nan, 3.0], dims=["time"])
    assert float(mean(series, min_weight=0.5)) == 2
    assert np.isnan(mean(series, min_weight=0.51))
    assert np.isnan(variance(series, min_weight=0.51))


def test_variance_keeps_its_digits_on_a_large_mean() -> None:
    values = np.random.default_rng(1).normal(1e6, 1.0, 10_000)
    array = xr.DataArray(da.from_array(values, chunks=333), dims=["time"], name="p", attrs={"units": "Pa"})
    assert float(variance(array)) == pytest.approx(values.var(), rel=1e-9)
    assert float(variance(array, ddof=1, weights=None)) == pytest.approx(values.var(ddof=1), rel=1e-9)
    assert variance(array).attrs["units"] == "Pa2"


def test_variance_of_a_temperature_is_in_square_kelvin() -> None:
    assert variance(xr.DataArray([1.0, 2.0], dims=["time"], attrs={"units": "degC"})).attrs["units"] == "K2"


def test_sums_are_in_float64() -> None:
    values = np.full(200_000, 300.1, np.float32)
    assert float(mean(xr.DataArray(values, dims=["time"]))) == pytest.approx(float(values[0]), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda t: mean(t, "depht"), "has no dimension 'depht'"),
        (lambda t: mean(t, weights="areas"), "weights is 'areas'"),
        (lambda t: mean(t, "lon", weights=xr.DataArray([1.0, 2.0], dims=["lat"])), "which is not reduced"),
        (lambda t: mean(t, weights=xr.DataArray([1.0, -2.0], dims=["lat"])), "negative"),
        (lambda t: integral(t, "lat"), "both horizontal"),
        (lambda t: integral(t.expand_dims(member=2), "member"), "neither horizontal nor vertical"),
        (lambda t: integral(t, weights=None), "is a sum"),
        (lambda t: variance(t.assign_coords(lat=("lat", [0.0, 60.0], t.lat.attrs)), ddof=1), "equal weights"),
        (lambda t: mean(t, min_weight=2), "share between 0 and 1"),
        (lambda t: mean(t.to_dataset()), "takes one variable"),
    ],
)
def test_what_cannot_be_is_refused(call: Any, said: str) -> None:
    field = _globe([[1.0, 2.0], [3.0, 4.0]], lat=[-30, 30], lon=[0, 90])
    with pytest.raises(InputError, match=said):
        call(field)


def test_a_curvilinear_grid_without_areas_is_refused() -> None:
    field = xr.DataArray(np.ones((2, 2)), dims=["j", "i"], name="t")
    field = field.assign_coords(
        lat=(("j", "i"), [[0.0, 1.0], [2.0, 3.0]], {"units": "degrees_north"}),
        lon=(("j", "i"), [[0.0, 1.0], [2.0, 3.0]], {"units": "degrees_east"}),
    )
    with pytest.raises(InputError, match="curvilinear"):
        mean(field)
    assert float(mean(field, weights=xr.DataArray(np.ones((2, 2)), dims=["j", "i"]))) == 1


def test_integers_have_extremes_too() -> None:
    found = extremes(xr.DataArray(np.array([[3, 1], [2, 9]], np.int16), dims=["time", "x"]), "time")
    assert found.minimum.values.tolist() == [2, 1]
    assert found.maximum.values.tolist() == [3, 9]


VALUES = st.lists(st.floats(-50, 50, width=32) | st.just(np.nan), min_size=24, max_size=24)


@given(values=VALUES, cuts=st.tuples(*(st.integers(1, size) for size in (4, 3, 2))), over=st.data())
def test_any_chunking_and_any_dimensions_give_what_xarray_gives(values: list[float], cuts: Any, over: Any) -> None:
    field = xr.DataArray(np.array(values, np.float32).reshape(4, 3, 2), dims=["time", "y", "x"], name="t")
    dims = over.draw(st.lists(st.sampled_from(field.dims), min_size=1, max_size=3, unique=True))
    lazy = field.chunk(dict(zip(field.dims, cuts, strict=True)))
    exact = field.astype(float)
    average = exact.mean(dims)
    expected = {
        "mean": average,
        "variance": ((exact - average) ** 2).mean(dims),
        "minimum": exact.min(dims),
        "maximum": exact.max(dims),
    }
    for array in (field, lazy):
        made = {"mean": mean(array, dims), "variance": variance(array, dims)} | dict(extremes(array, dims).data_vars)
        for name, values_ in expected.items():
            assert made[name].dims == values_.dims
            np.testing.assert_allclose(made[name].values, values_.values, rtol=1e-9, atol=1e-9)
