"""Coarsening against hand sums, xarray, and conservative regridding."""

from typing import Any

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from oceandata.analysis import area_mean, cell_areas, coarsen, regrid
from oceandata.errors import InputError


def _field(gaps: float = 0.0, *, north_first: bool = False) -> xr.DataArray:
    lat, lon = np.arange(-88.5, 90, 3), np.arange(1.5, 360, 3)
    rng = np.random.default_rng(2)
    values = rng.normal(15, 4, (3, lat.size, lon.size))
    values[rng.random(values.shape) < gaps] = np.nan
    coords = {
        "lat": ("lat", lat[::-1] if north_first else lat, {"units": "degrees_north"}),
        "lon": ("lon", lon, {"units": "degrees_east"}),
    }
    return xr.DataArray(
        values, coords, ["time", "lat", "lon"], name="sst", attrs={"units": "degC", "cell_measures": "area: a"}
    )


@pytest.mark.parametrize("north_first", [False, True])
def test_means_are_weighted_by_area(north_first: bool) -> None:
    field = _field(0.3, north_first=north_first)
    areas = cell_areas(field)
    blocks = {"lat": 4, "lon": 5}
    expected = (field * areas).coarsen(blocks).sum() / areas.where(field.notnull()).coarsen(blocks).sum()
    result = coarsen(field, blocks)
    np.testing.assert_allclose(result, expected, rtol=1e-12)
    np.testing.assert_allclose(result.lat, expected.lat)
    np.testing.assert_allclose(result.lon, expected.lon)


def test_the_area_mean_is_kept() -> None:
    field = _field()
    np.testing.assert_allclose(area_mean(coarsen(field, {"lat": 10, "lon": 8})), area_mean(field), rtol=1e-12)


def test_the_same_as_regridding_to_the_joined_cells() -> None:
    field = _field(0.5)
    result = coarsen(field, {"lat": 2, "lon": 4})
    np.testing.assert_allclose(regrid(field, "12x6", "conservative", skipna=True), result, rtol=1e-12)


def test_least_weight_of_valid_cells() -> None:
    field = _field()
    field[0, 28:32, 0:4] = np.nan
    field[1, 28:31, 0:4] = np.nan  # three quarters, nearly, of the area
    block = {"lat": 4, "lon": 4}
    np.testing.assert_array_equal(coarsen(field, block)[:, 7, 0].isnull(), [True, False, False])
    np.testing.assert_array_equal(coarsen(field, block, min_weight=0.26)[:, 7, 0].isnull(), [True, True, False])
    assert coarsen(field, block, min_weight=1)[2].notnull().all()


def test_land_is_kept_apart_from_gaps() -> None:
    field = _field()
    sea = xr.DataArray(np.ones((60, 120), bool), dims=["lat", "lon"])
    sea[28:32, 0:4] = False  # a block of land
    sea[28:32, 4:7] = False  # a block with a quarter of sea
    field[0, 28:32, 7] = np.nan  # whose sea is missing on the first day
    result = coarsen(field, {"lat": 4, "lon": 4}, mask=sea, min_weight=0.5)
    assert result[:, 7, 0].isnull().all()
    np.testing.assert_array_equal(result[:, 7, 1].isnull(), [True, False, False])
    np.testing.assert_allclose(result.sea_fraction[7, :3], [0, 0.25, 1])
    areas = cell_areas(field)[28:32, 7]
    expected = float((field[1, 28:32, 7] * areas).sum() / areas.sum())
    assert float(result[1, 7, 1]) == pytest.approx(expected, rel=1e-12)
    without = coarsen(field, {"lat": 4, "lon": 4}, min_weight=0.5)
    assert float(without[1, 7, 0]) == pytest.approx(float(area_mean(field[1, 28:32, 0:4])), rel=1e-12)
    assert "where sea" in result.attrs["cell_methods"]
    assert "sea_fraction" not in without.coords


@st.composite
def cut(draw: st.DrawFn, size: int) -> tuple[int, ...]:
    """Any way to cut a dimension."""
    cuts = draw(st.sets(st.integers(1, size - 1), max_size=3))
    return tuple(int(n) for n in np.diff([0, *sorted(cuts), size]))


@given(st.tuples(cut(3), cut(60), cut(120)), st.booleans(), st.permutations(["time", "lat", "lon"]))
def test_chunks_change_nothing(chunks: Any, masked: bool, order: Any) -> None:
    field = _field(0.4)
    mask = xr.DataArray(np.random.default_rng(5).random((60, 120)) > 0.3, dims=["lat", "lon"]) if masked else None
    options: dict[str, Any] = {"mask": mask, "min_weight": 0.6}
    expected = coarsen(field, {"lat": 5, "lon": 3}, **options).transpose(*order)
    lazy = field.chunk(dict(zip(field.dims, chunks, strict=True))).transpose(*order)
    result = coarsen(lazy, {"lat": 5, "lon": 3}, **options)
    assert isinstance(result.data, da.Array)
    assert result.dims == tuple(order)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12 * 30)


def test_attributes() -> None:
    result = coarsen(_field().assign_coords(depth=2.0), {"lat": 2})
    assert result.shape == (3, 30, 120)
    assert result.attrs["units"] == "degC"
    assert result.attrs["cell_methods"] == "area: mean"
    assert "cell_measures" not in result.attrs
    assert result.lat.attrs["units"] == "degrees_north"
    assert float(result.depth) == 2.0
    assert "coarsen({'lat': 2}, min_weight=0) of 'sst'" in result.attrs["history"]


def test_what_cannot_be_done_is_refused() -> None:
    field = _field()
    with pytest.raises(InputError, match=r"60 cells along 'lat' cannot be joined by 7.*isel\(lat=slice\(0, 56\)\)"):
        coarsen(field, {"lat": 7})
    with pytest.raises(InputError, match=r"factor names \['time'\]"):
        coarsen(field, {"time": 3})
    with pytest.raises(InputError, match="factor of 'lon' is 0"):
        coarsen(field, {"lon": 0})
    with pytest.raises(InputError, match="min_weight is 2"):
        coarsen(field, {"lon": 2}, min_weight=2)
    with pytest.raises(InputError, match="Choose one"):
        coarsen(field.to_dataset(), {"lon": 2})  # type: ignore[arg-type]
    mask = xr.DataArray(np.ones((60, 120)), dims=["lat", "lon"])
    with pytest.raises(InputError, match="need True and False"):
        coarsen(field, {"lon": 2}, mask=mask)
    with pytest.raises(InputError, match="other 'lat' values"):
        coarsen(field, {"lon": 2}, mask=mask.astype(bool).assign_coords(lat=np.arange(60)))
    lat, lon = np.meshgrid(field.lat, field.lon, indexing="ij")
    curved = xr.DataArray(np.ones((60, 120)), {"lat": (("y", "x"), lat), "lon": (("y", "x"), lon)}, ["y", "x"])
    with pytest.raises(InputError, match="curvilinear"):
        coarsen(curved, {"y": 2})
