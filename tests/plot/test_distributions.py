"""Histograms, quantiles and climatologies: what is drawn are the numbers of the analysis, honestly scaled."""

from pathlib import Path

import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.patches import StepPatch

from oceandata.analysis import climatology, histogram, quantile
from oceandata.errors import InputError
from oceandata.options import set_options
from oceandata.plot import has_cjk_font, plot_climatology, plot_histogram, plot_quantiles, write_picture


@pytest.fixture(scope="module")
def nino(sst: xr.DataArray) -> xr.DataArray:
    """Monthly temperature of 170°W to 120°W, K."""
    return sst.sel(longitude=slice(190, 240)).mean(("latitude", "longitude"), keep_attrs=True)


def _steps(ax: Axes) -> tuple[np.ndarray, np.ndarray]:
    """Heights and edges of the bars."""
    drawn = next(patch for patch in ax.patches if isinstance(patch, StepPatch)).get_data()
    return np.asarray(drawn.values), np.asarray(drawn.edges)


def _bands(ax: Axes) -> dict[str, np.ndarray]:
    """Corners of each band by its label."""
    bands = [one for one in ax.collections if isinstance(one, PolyCollection)]
    return {str(one.get_label()): np.concatenate([path.vertices for path in one.get_paths()]) for one in bands}


def _lines(ax: Axes) -> dict[str, np.ndarray]:
    return {str(line.get_label()): np.ma.filled(line.get_ydata(), np.nan) for line in ax.lines}


def test_histogram_is_a_share_per_unit(sst: xr.DataArray, tmp_path: Path) -> None:
    edges = np.concatenate([np.arange(294.0, 300.0, 1.0), np.arange(300.0, 304.1, 0.25)])
    counts = histogram(sst, edges)
    ax = plot_histogram(counts)
    heights, drawn = _steps(ax)
    np.testing.assert_allclose(drawn, edges)
    values = sst.to_numpy()[np.isfinite(sst.to_numpy())]
    expected, _ = np.histogram(values, edges)
    np.testing.assert_allclose(heights, 100 * expected / values.size / np.diff(edges))
    below = 100 * (values < 294).mean()
    assert below > 0.01
    above = 100 * (values > edges[-1]).mean()
    texts = [f"{below:.2g} % below 294", *([f"{above:.2g} % above 304"] if above > 0 else [])]
    assert ax.get_xlabel() == "K\nnot shown: " + ", ".join(texts)
    assert ax.get_ylabel() == "share of values (% per K)"
    assert ax.get_title() == "surface_temperature"
    write_picture(ax, tmp_path / "histogram.png")
    assert plt.imread(tmp_path / "histogram.png").std() > 0.05


def test_all_of_the_values_are_a_hundred_percent(nino: xr.DataArray) -> None:
    ax = plot_histogram(histogram(nino, np.arange(290.0, 310.0, 0.5)))
    heights, edges = _steps(ax)
    assert (heights * np.diff(edges)).sum() == pytest.approx(100)
    assert ax.get_xlabel() == "K"


def test_quantiles_are_marked_where_they_are(nino: xr.DataArray) -> None:
    counts, marks = histogram(nino, np.arange(298.0, 301.0, 0.25)), quantile(nino, [0.1, 0.5, 1.0])
    ax = plot_histogram(counts, quantiles=marks)
    at = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--"]
    np.testing.assert_allclose(at, marks)
    assert [text.get_text() for text in ax.texts] == ["10 %", "50 %", "100 %"]
    assert ax.get_xlim()[1] >= float(marks[2]) > 300.75
    ax.figure.canvas.draw()
    unknown = marks.where(marks["quantile"] < 0.3)
    assert [text.get_text() for text in plot_histogram(counts, quantiles=unknown).texts] == ["10 %"]


def test_numbers_without_a_unit() -> None:
    values = xr.DataArray(np.arange(10.0), dims="x")
    ax = plot_histogram(histogram(values, [0, 5, 10]))
    assert ax.get_ylabel() == "share of values (% per unit)"
    assert ax.get_xlabel() == "units not given"
    np.testing.assert_allclose(_steps(ax)[0], [10, 10])


def test_what_is_no_histogram_is_refused(nino: xr.DataArray, sst: xr.DataArray) -> None:
    with pytest.raises(InputError, match="the histogram lacks above, below, bin"):
        plot_histogram(nino)
    with pytest.raises(InputError, match="has 2 dimensions"):
        plot_histogram(histogram(sst[:, :, 220], [290, 310], dim="time"))
    with pytest.raises(InputError, match="counts no value in 1 bins"):
        plot_histogram(histogram(nino * np.nan, [290, 310]))
    counts = histogram(nino, [290, 300, 310])
    with pytest.raises(InputError, match=r"quantiles have dimensions \('time',\)"):
        plot_histogram(counts, quantiles=nino)


def test_fan_of_quantiles(sst: xr.DataArray, tmp_path: Path) -> None:
    found = quantile(sst.isel(latitude=9), [0.05, 0.25, 0.5, 0.75, 0.95, 0.99], dim="longitude")
    ax = plot_quantiles(found.isel(quantile=[4, 0, 2, 1, 5, 3]))
    bands, lines = _bands(ax), _lines(ax)
    assert list(bands) == ["5–95 %", "25–75 %"]
    assert set(lines) == {"median", "99 %"}
    np.testing.assert_allclose(lines["median"], found.sel(quantile=0.5))
    for label, (low, high) in {"5–95 %": (0.05, 0.95), "25–75 %": (0.25, 0.75)}.items():
        corners = bands[label][:, 1]
        assert corners.min() == pytest.approx(float(found.sel(quantile=low).min()))
        assert corners.max() == pytest.approx(float(found.sel(quantile=high).max()))
    assert ax.get_ylabel().endswith("K") or ax.get_ylabel().endswith("(K)")
    write_picture(ax, tmp_path / "fan.png")
    assert plt.imread(tmp_path / "fan.png").std() > 0.05


def test_fan_along_longitude_joins_at_the_date_line(sst: xr.DataArray) -> None:
    part = sst.isel(latitude=9).sel(longitude=slice(170, 190))
    found = quantile(part, [0.1, 0.5, 0.9])
    west = found.assign_coords(longitude=(found.longitude + 180) % 360 - 180).sortby("longitude")
    ax = plot_quantiles(west)
    (line,) = ax.lines
    np.testing.assert_allclose(np.asarray(line.get_xdata()) % 360, part.longitude, atol=1e-3)
    np.testing.assert_allclose(line.get_ydata(), found.sel(quantile=0.5))
    ax.figure.canvas.draw()
    assert "180°" in [text.get_text() for text in ax.get_xticklabels()]


def test_fan_along_other_axes(sst: xr.DataArray) -> None:
    found = quantile(sst.sel(longitude=200, method="nearest"), [0.1, 0.9])
    plot_quantiles(found).figure.canvas.draw()
    depth = found.rename(latitude="depth").drop_vars("depth")
    assert _bands(plot_quantiles(depth.assign_coords(depth=("depth", np.arange(18.0), {"units": "m"}))))
    named = plot_quantiles(depth.assign_coords(depth=("depth", np.arange(18.0), {"units": "m"})))
    assert named.get_xlabel() == "depth (m)"
    assert _bands(plot_quantiles(depth))
    with pytest.raises(InputError, match="'depth' holds <U1"):
        plot_quantiles(depth.assign_coords(depth=list("abcdefghijklmnopqr")))


def test_what_is_no_fan_is_refused(sst: xr.DataArray) -> None:
    with pytest.raises(InputError, match="need 'quantile' with its shares"):
        plot_quantiles(sst.isel(time=0))
    with pytest.raises(InputError, match="has 3 dimensions"):
        plot_quantiles(quantile(sst, [0.5]))
    with pytest.raises(InputError, match="has no value"):
        plot_quantiles(quantile(sst.isel(latitude=0) * np.nan, [0.1, 0.9]))


def test_climatology_of_months_with_its_spread(nino: xr.DataArray, tmp_path: Path) -> None:
    clim, spread = climatology(nino), climatology(nino, spread=True)
    ax = plot_climatology(clim, spread=spread)
    np.testing.assert_allclose(_lines(ax)["mean"], clim)
    (band,) = _bands(ax).values()
    assert band[:, 1].max() == pytest.approx(float((clim + spread).max()))
    assert band[:, 1].min() == pytest.approx(float((clim - spread).min()))
    assert [text.get_text() for text in ax.get_xticklabels()] == list("JFMAMJJASOND")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["± 1 standard deviation", "mean"]
    write_picture(ax, tmp_path / "climatology.png")
    assert plt.imread(tmp_path / "climatology.png").std() > 0.05
    assert plot_climatology(clim).get_legend() is None


def test_climatology_of_seasons_and_missing_months(nino: xr.DataArray) -> None:
    ax = plot_climatology(climatology(nino, freq="season"))
    assert [text.get_text() for text in ax.get_xticklabels()] == ["DJF", "MAM", "JJA", "SON"]
    without = nino.where(nino.time.dt.month != 4)
    assert np.isnan(_lines(plot_climatology(climatology(without)))["mean"][3])


@pytest.mark.parametrize(("calendar", "days", "july"), [("standard", 366, 183), ("360_day", 360, 181)])
def test_climatology_of_days(calendar: str, days: int, july: int) -> None:
    time = xr.date_range("2001-01-01", "2006-01-01", inclusive="left", calendar=calendar, unit="ns")
    season = 15 + 5 * np.sin(2 * np.pi * np.arange(len(time)) / days)
    sst = xr.DataArray(season, {"time": time}, ["time"], name="sst", attrs={"units": "degC"})
    ax = plot_climatology(climatology(sst, freq="dayofyear", smooth=31))
    assert ax.get_xlim() == (1, days + 1)
    assert ax.get_xticks()[6] == july
    assert [text.get_text() for text in ax.get_xticklabels(minor=True)] == list("JFMAMJJASOND")
    assert len(_lines(ax)["mean"]) == days


def test_months_are_chinese_if_asked_for_and_possible(nino: xr.DataArray) -> None:
    with set_options(language="zh"):
        ax = plot_climatology(climatology(nino))
    assert ax.get_xticklabels()[6].get_text() == ("7月" if has_cjk_font() else "J")


def test_what_is_no_climatology_is_refused(nino: xr.DataArray) -> None:
    clim = climatology(nino)
    with pytest.raises(InputError, match="runs over 'time', need month, season, dayofyear"):
        plot_climatology(nino)
    with pytest.raises(InputError, match="the spread is not on the same month"):
        plot_climatology(clim, spread=clim.isel(month=slice(0, 6)))
    with pytest.raises(InputError, match="has no value"):
        plot_climatology(clim * np.nan)

    def fail(block: np.ndarray) -> np.ndarray:
        raise AssertionError

    values = da.zeros((12, 10), chunks=10).map_blocks(fail, meta=np.zeros((0, 0)))
    with pytest.raises(InputError, match="has 2 dimensions"):
        plot_climatology(xr.DataArray(values, {"month": np.arange(1, 13)}, ("month", "x")))
