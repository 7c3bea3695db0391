"""Maps of trends: dots where and only where a trend is not significant."""

from pathlib import Path

import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh

from oceandata.analysis import trend
from oceandata.errors import InputError
from oceandata.options import set_options
from oceandata.plot import has_cjk_font, plot_trend, write_picture


def _mesh(ax: Axes) -> QuadMesh:
    return next(artist for artist in ax.collections if isinstance(artist, QuadMesh))


def _dots(ax: Axes) -> np.ndarray:
    """Places of the dots, shape (n, 2)."""
    return np.column_stack([np.asarray(one, float) for one in ax.lines[-1].get_data()])


def _found(p_value: np.ndarray, step: float = 4.0) -> xr.Dataset:
    """A trend of one with these p-values, cells of so many degrees from 160°E, 20°S."""
    rows, columns = p_value.shape
    coords = {
        "lat": ("lat", -20 + step * (np.arange(rows) + 0.5), {"units": "degrees_north"}),
        "lon": ("lon", 160 + step * (np.arange(columns) + 0.5), {"units": "degrees_east"}),
    }
    slope = xr.DataArray(np.ones(p_value.shape), coords, ("lat", "lon"), attrs={"units": "K decade-1"})
    return xr.Dataset({"slope": slope, "p_value": slope.copy(data=p_value)})


def test_a_dot_in_each_cell_that_is_not_significant(sst: xr.DataArray, tmp_path: Path) -> None:
    coarse = sst.coarsen(longitude=9, latitude=3, boundary="trim").mean(keep_attrs=True)
    found = trend(coarse, harmonics=(1,))
    ax = plot_trend(found, alpha=0.1)
    # with few effective values there is no p-value: not significant either
    assert found["p_value"].where(found["slope"].notnull(), 1.0).isnull().any()
    not_sure = found["slope"].notnull() & ~(found["p_value"] < 0.1)
    rows, columns = np.nonzero(not_sure.to_numpy())
    assert 10 < rows.size < not_sure.size
    expected = np.column_stack([coarse.longitude.to_numpy()[columns], coarse.latitude.to_numpy()[rows]])
    np.testing.assert_allclose(_dots(ax), expected, atol=1e-3)
    low, high = _mesh(ax).get_clim()
    assert low == -high
    assert _mesh(ax).colorbar.ax.get_xlabel() == "K decade⁻¹ · dots: p ≥ 0.1"
    write_picture(ax, tmp_path / "trend.png")
    assert plt.imread(tmp_path / "trend.png").std() > 0.1


def test_unknown_is_not_significant_and_land_has_no_dots() -> None:
    p_value = np.full((5, 6), 0.01)
    p_value[1, 2], p_value[3, 4] = np.nan, 0.05
    found = _found(p_value)
    found["slope"][0, 0] = np.nan
    found["p_value"][0, 0] = np.nan
    dots = _dots(plot_trend(found))
    np.testing.assert_allclose(dots, [[170.0, -14.0], [178.0, -6.0]])


def test_small_cells_share_dots() -> None:
    p_value = np.full((400, 400), 0.01)
    p_value[:, 200:] = 0.5
    found = _found(p_value, step=0.1)
    dots = _dots(plot_trend(found))
    assert 500 < len(dots) < 4000
    middle = 160 + 0.1 * 200
    assert (dots[:, 0] > middle - 0.5).all()
    assert dots[:, 0].max() > 199
    gaps = np.diff(np.unique(dots[:, 0]))
    np.testing.assert_allclose(gaps[:-1], gaps[0], atol=1e-6)


def test_across_the_date_line_and_from_north_to_south() -> None:
    p_value = np.full((4, 8), 0.01)
    p_value[3, 6] = 0.9
    found = _found(p_value)
    west = found.assign_coords(lon=("lon", (found.lon.to_numpy() + 180) % 360 - 180, found.lon.attrs))
    west = west.sortby("lon").isel(lat=slice(None, None, -1))
    ((lon, lat),) = _dots(plot_trend(west))
    assert (lon % 360, lat) == pytest.approx((186.0, -6.0))


def test_lazy_input_and_chinese(sst: xr.DataArray) -> None:
    found = trend(sst.isel(latitude=slice(0, 6), longitude=slice(200, 230)).chunk({"time": 10}))
    with set_options(language="zh"):
        ax = plot_trend(found)
    label = _mesh(ax).colorbar.ax.get_ylabel() + _mesh(ax).colorbar.ax.get_xlabel()
    assert ("圆点" in label) == has_cjk_font()
    assert ("dots" in label) == (not has_cjk_font())
    assert ("变化趋势" in ax.get_title()) == has_cjk_font()


@pytest.mark.parametrize("alpha", [0.0, 1.0, 5, "0.05"])
def test_level_that_is_none_is_refused(alpha: object) -> None:
    with pytest.raises(InputError, match="alpha is"):
        plot_trend(_found(np.zeros((3, 3))), alpha=alpha)  # type: ignore[arg-type]


def test_what_is_no_trend_is_refused() -> None:
    found = _found(np.full((3, 3), 0.5))
    with pytest.raises(InputError, match="lacks p_value, need what"):
        plot_trend(found[["slope"]])
    with pytest.raises(InputError, match="on different dimensions"):
        plot_trend(found.assign(p_value=found["p_value"].isel(lat=0)))
    with pytest.raises(InputError, match="has no value"):
        plot_trend(found * np.nan)

    def fail(block: np.ndarray) -> np.ndarray:
        raise AssertionError

    values = da.zeros((4000, 4000), chunks=1000).map_blocks(fail, meta=np.zeros((0, 0)))
    large = xr.Dataset(dict.fromkeys(("slope", "p_value"), (("lat", "lon"), values)))
    with pytest.raises(InputError, match="16,000,000 values"):
        plot_trend(large)
