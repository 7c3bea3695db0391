"""Hovmöller diagrams: values at their place and time, gaps kept, both sides of the date line."""

from pathlib import Path

import dask.array as da
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh

from oceandata.errors import InputError, NotFoundError
from oceandata.plot import plot_hovmoeller


@pytest.fixture(scope="module")
def equator(anomaly: xr.DataArray) -> xr.DataArray:
    """Monthly anomaly of 2°S to 2°N, shape (54, 432)."""
    return anomaly.sel(latitude=slice(-2, 2)).mean("latitude", keep_attrs=True)


def _mesh(ax: Axes) -> QuadMesh:
    return next(artist for artist in ax.collections if isinstance(artist, QuadMesh))


def _edges(ax: Axes) -> tuple[np.ndarray, np.ndarray]:
    """Edges along x and along y."""
    corners = np.asarray(_mesh(ax).get_coordinates())
    return corners[0, :, 0], corners[:, 0, 1]


def test_time_runs_down_beside_longitude(equator: xr.DataArray, tmp_path: Path) -> None:
    part = equator.sel(longitude=slice(140, 280))
    ax = plot_hovmoeller(part, title="equatorial Pacific")
    np.testing.assert_allclose(_mesh(ax).get_array().filled(np.nan), part)
    x, y = _edges(ax)
    np.testing.assert_allclose((x[1:] + x[:-1]) / 2 % 360, part.longitude, atol=1e-3)
    dates = mdates.date2num(part.time.to_numpy())
    assert ((y[:-1] < dates) & (dates < y[1:])).all()
    assert ax.get_ylim() == (y[-1], y[0])
    assert _mesh(ax).get_clim()[0] == -_mesh(ax).get_clim()[1]
    assert _mesh(ax).colorbar.ax.get_ylabel() == "sea surface temperature anomaly (K)"
    ax.figure.canvas.draw()
    assert "180°" in [text.get_text() for text in ax.get_xticklabels()]
    assert {"2007", "2008", "2009", "2010"} <= {text.get_text() for text in ax.get_yticklabels()}
    ax.figure.savefig(tmp_path / "hovmoeller.png")
    assert plt.imread(tmp_path / "hovmoeller.png").std() > 0.1


def test_longitudes_join_at_the_date_line(equator: xr.DataArray) -> None:
    straight = equator.sel(longitude=slice(150, 210))
    west = straight.assign_coords(longitude=(straight.longitude + 180) % 360 - 180).sortby("longitude")
    ax = plot_hovmoeller(west.transpose("longitude", "time"))
    np.testing.assert_allclose(_mesh(ax).get_array().filled(np.nan), straight)
    assert ax.get_xlim() == pytest.approx((149.58, 210.42), abs=0.01)


def test_time_runs_right_beside_latitude(anomaly: xr.DataArray) -> None:
    zonal = anomaly.mean("longitude", keep_attrs=True).isel(latitude=slice(None, None, -1))
    ax = plot_hovmoeller(zonal)
    np.testing.assert_allclose(_mesh(ax).get_array().filled(np.nan), zonal.T)
    assert ax.get_ylim()[0] < -5 < 4 < ax.get_ylim()[1]
    ax.figure.canvas.draw()
    assert "0°" in [text.get_text() for text in ax.get_yticklabels()]
    assert "2008" in [text.get_text() for text in ax.get_xticklabels()]


def test_a_gap_in_time_is_drawn_as_one(equator: xr.DataArray) -> None:
    without = equator.where(equator.time.dt.year != 2008, drop=True)
    ax = plot_hovmoeller(without)
    cells, (_, y) = _mesh(ax).get_array(), _edges(ax)
    assert cells.shape[0] == without.sizes["time"] + 1
    row = int(np.flatnonzero(np.ma.getmaskarray(cells).all(axis=1))[0])
    assert y[row] < mdates.date2num(np.datetime64("2008-01-16"))
    assert y[row + 1] > mdates.date2num(np.datetime64("2008-12-15"))
    kept = np.ma.masked_array(np.delete(cells, row, axis=0))
    np.testing.assert_allclose(kept.filled(np.nan), without)
    lengths = np.diff(y)
    assert np.delete(lengths, row).max() < 32 < lengths[row]


def test_missing_values_are_masked(equator: xr.DataArray) -> None:
    holed = equator.copy()
    holed[10:12, 5:9] = np.nan
    assert np.ma.count_masked(_mesh(plot_hovmoeller(holed)).get_array()) == int(holed.isnull().sum())


@pytest.mark.parametrize(("calendar", "label"), [("noleap", ""), ("360_day", "year (360_day calendar)")])
def test_other_calendars(calendar: str, label: str) -> None:
    time = xr.date_range(
        "2001-01-30" if calendar == "360_day" else "2001-01-16",
        periods=24,
        freq="30D",
        calendar=calendar,
        use_cftime=True,
    )
    coords = {"time": time, "lat": ("lat", np.arange(-60.0, 61, 20), {"units": "degrees_north"})}
    ax = plot_hovmoeller(xr.DataArray(np.random.default_rng(0).normal(size=(24, 7)), coords, ("time", "lat")))
    assert ax.get_xlabel() == label
    assert _mesh(ax).get_array().shape == (7, 24)
    ax.figure.canvas.draw()


def test_given_axes_and_no_bar(equator: xr.DataArray) -> None:
    _, axes = plt.subplots(1, 2)
    assert plot_hovmoeller(equator, ax=axes[1], colorbar=False) is axes[1]
    assert _mesh(axes[1]).colorbar is None
    assert not axes[0].collections


def test_what_cannot_be_drawn(equator: xr.DataArray, sst: xr.DataArray) -> None:
    with pytest.raises(InputError, match="has 3 dimensions"):
        plot_hovmoeller(sst)
    with pytest.raises(NotFoundError, match="no time"):
        plot_hovmoeller(sst.isel(time=0, drop=True))
    with pytest.raises(InputError, match=r"has dimensions \('time', 'member'\), need time and longitude"):
        plot_hovmoeller(equator.rename(longitude="member").drop_vars("member"))
    with pytest.raises(InputError, match=r"each later than the one before\. Use field\.sortby"):
        plot_hovmoeller(equator.isel(time=slice(None, None, -1)))
    with pytest.raises(InputError, match="needs two steps or more"):
        plot_hovmoeller(equator.isel(time=[3]))
    with pytest.raises(InputError, match="has no value"):
        plot_hovmoeller(equator * np.nan)


def test_a_field_too_large_for_a_picture_is_refused_unread() -> None:
    def fail(block: np.ndarray) -> np.ndarray:
        raise AssertionError

    values = da.zeros((20_000, 1000), chunks=1000).map_blocks(fail, meta=np.zeros((0, 0)))
    with pytest.raises(InputError, match=r"20,000,000 values.*\.coarsen\(time=2, lon=2"):
        plot_hovmoeller(xr.DataArray(values, dims=("time", "lon"), name="sst"))
