"""Regridding from and to grids that are not rectilinear: exact functions, brute force, CDO's recorded answers."""

import json
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from oceandata.analysis import area_mean, regrid
from oceandata.analysis.grids import read_grid, regular_grid
from oceandata.analysis.regrid_points import bilinear_points, grid_points, nearest_points
from oceandata.errors import InputError
from oceandata.graph import read_plan


@pytest.fixture(scope="module")
def tripolar() -> xr.DataArray:
    """Surface temperature of January 2015 on the eORCA1 grid of NEMO, from the package iris-sample-data."""
    import iris_sample_data

    path = Path(iris_sample_data.path) / "NEMO" / "nemo_1m_20150101-20150201_grid-T.nc"
    with xr.open_dataset(path) as dataset:
        return dataset["tos"].isel(time_counter=0).load()


def _smooth(lat: Any, lon: Any) -> Any:
    """A function without seam or pole on the sphere."""
    lat, lon = np.radians(lat), np.radians(lon)
    return 3 * np.sin(lat) + np.cos(lat) * np.cos(lon - 0.4) * 2 + np.sin(lat) * np.cos(lat) * np.sin(lon)


def _places(lat: Any, lon: Any) -> xr.Dataset:
    coords = {
        "lat": (("place",), np.asarray(lat, float), {"units": "degrees_north"}),
        "lon": (("place",), np.asarray(lon, float), {"units": "degrees_east"}),
    }
    return xr.Dataset(coords=coords)


def test_bilinear_on_a_tripolar_grid_is_right_to_a_second_order(tripolar: xr.DataArray) -> None:
    field = tripolar.copy(data=_smooth(tripolar.nav_lat, tripolar.nav_lon))
    result = regrid(field, "1x1")
    expected = _smooth(*np.meshgrid(result.lat, result.lon, indexing="ij"))
    assert float(np.abs(result - expected).max()) < 3e-4  # a cell of a degree: (pi / 180)**2 / 8 times the curvature
    # the globe is closed: over the date line, across the seam of the grid, at the pole, and across the fold
    assert result.sel(lat=slice(-78, 90)).notnull().all()


def test_bilinear_needs_the_fold(tripolar: xr.DataArray) -> None:
    grid, target = read_grid(tripolar), regular_grid(1, 1)
    north = np.repeat(target.lat > 60, target.lon.size)
    assert bilinear_points(grid, target).weights[north].any(axis=1).all()
    open_seam = bilinear_points(grid, target, periodic=False)
    assert not open_seam.weights[north].any(axis=1).all()


def test_bilinear_weights_are_those_of_a_unit_square() -> None:
    lat, lon = np.meshgrid([-0.01, 0.01], [179.99, 180.01], indexing="ij")
    coords = {"lat": (("y", "x"), lat, {"units": "degrees_north"}), "lon": (("y", "x"), lon, {"units": "degrees_east"})}
    field = xr.DataArray([[0.0, 1.0], [10.0, 11.0]], coords, ["y", "x"])
    result = regrid(field, _places([0, -0.01, 0.005, 0.02], [180, -180, -179.995, 180]))
    np.testing.assert_allclose(result, [5.5, 0.5, 8.25, np.nan], atol=1e-6)


def test_nearest_is_the_nearest_on_the_sphere(tripolar: xr.DataArray) -> None:
    rng = np.random.default_rng(3)
    lat, lon = np.degrees(np.arcsin(rng.uniform(-0.97, 1, 500))), rng.uniform(-180, 540, 500)
    grid, places = read_grid(tripolar), read_grid(_places(lat, lon))
    found = nearest_points(grid, places)
    centres, wanted = grid_points(grid), grid_points(places)
    distances = np.linalg.norm(wanted[:, None, :] - centres[None, ::7, :], axis=-1).min(axis=1)
    chosen = np.linalg.norm(wanted - centres[found.sources[:, 0]], axis=-1)
    assert (chosen <= distances + 1e-15).all()
    assert found.weights.all()
    result = regrid(tripolar, _places(lat, lon), "nearest")
    np.testing.assert_array_equal(result, tripolar.to_numpy().ravel()[found.sources[:, 0]])


def test_nearest_does_not_reach_far_beyond_the_source(tripolar: xr.DataArray) -> None:
    part = tripolar.isel(y=slice(100, 200), x=slice(100, 150))
    result = regrid(part, "5x5", "nearest")
    assert 0.01 < float(result.notnull().mean()) < 0.1


def test_missing_values_are_left_out_or_count(tripolar: xr.DataArray) -> None:
    strict, filled = regrid(tripolar, "1x1"), regrid(tripolar, "1x1", skipna=True)
    half = regrid(tripolar, "1x1", skipna=True, na_thres=0.5)
    counts = [int(one.notnull().sum()) for one in (strict, half, filled)]
    assert counts == sorted(set(counts))
    np.testing.assert_allclose(strict, filled.where(strict.notnull()), atol=1e-12)
    assert float(area_mean(strict)) == pytest.approx(18.56, abs=0.01)


def test_chunks_and_eager_agree(tripolar: xr.DataArray) -> None:
    field = tripolar.expand_dims(time=3) * xr.DataArray([1.0, 2.0, 3.0], dims="time")
    for method in ("bilinear", "nearest"):
        expected = regrid(field, "3x3", method)
        for chunks in ({"time": 1}, {"time": 2, "y": 100, "x": 90}):
            lazy = regrid(field.chunk(chunks), "3x3", method)
            assert isinstance(lazy.data, da.Array)
            np.testing.assert_array_equal(lazy, expected)
            assert not any("bool" in one or "int" in one for one in read_plan(lazy).unattributed)


def test_from_axes_to_any_places() -> None:
    lat, lon = np.arange(-85, 90, 10.0), np.arange(5, 360, 10.0)
    coords = {"lat": ("lat", lat, {"units": "degrees_north"}), "lon": ("lon", lon, {"units": "degrees_east"})}
    field = xr.DataArray(np.add.outer(lat, lon), coords, ["lat", "lon"])
    places = _places([0, 12.5, -85, np.nan, 89], [100, -177.5, 5, 0, 5])
    result = regrid(field, places)
    assert result.dims == ("place",)
    np.testing.assert_allclose(result, [100, 195, -80, np.nan, 90])
    np.testing.assert_allclose(regrid(field, places, "nearest").isnull(), [False, False, False, True, False])
    swath = xr.Dataset(
        coords={name: (("y", "x"), c.to_numpy()[:4].reshape(2, 2), c.attrs) for name, c in places.coords.items()}
    )
    np.testing.assert_allclose(regrid(field, swath), [[100, 195], [-80, np.nan]])


def test_conservative_is_refused_with_a_way_out(tripolar: xr.DataArray) -> None:
    with pytest.raises(InputError, match=r"curvilinear source.*method='bilinear'.*weights=cell areas"):
        regrid(tripolar, "1x1", "conservative")
    with pytest.raises(InputError, match="needs a source of rows and columns"):
        regrid(tripolar.isel(x=slice(0, 1)), "1x1")


def test_recorded_answers_of_cdo(shared_data: Path, tripolar: xr.DataArray) -> None:
    answers = json.loads((shared_data / "REFERENCE_cdo.json").read_text())["results"]
    point = regrid(tripolar, _places([45.0], [-30.0]), "nearest")
    assert float(point[0]) == pytest.approx(answers["nemo_tos_remapnn_points"]["values"][0], abs=1e-6)
    wanted = answers["cesm2fv2_tos_remapbil_fldmean"]
    with xr.open_dataset(shared_data / wanted["file"].removeprefix("dev/")) as dataset:
        tos = dataset["tos"].load()  # its coordinates on land were never written
    assert float(area_mean(regrid(tos, "1x1")).squeeze()) == pytest.approx(
        wanted["values"][0], abs=1e-2
    )  # CDO fills 48 cells at coasts
