"""The picture of an event: what is filled lies between threshold and temperature, in the colour of its category."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from oceandata.analysis import detect_heatwaves, heatwave_climatology
from oceandata.errors import InputError, NotFoundError
from oceandata.options import set_options
from oceandata.plot import has_cjk_font, plot_heatwave
from tests.analysis.heatwaves.series import cells, closed_form_series


@pytest.fixture(scope="module")
def place() -> tuple[xr.DataArray, xr.Dataset, xr.Dataset]:
    sst = closed_form_series()
    clim = heatwave_climatology(sst, period=(1983, 2010))
    return sst, clim, detect_heatwaves(sst, clim).compute()


def _fills(ax: Axes) -> dict[str, np.ndarray]:
    """Corners of what is filled, by colour."""
    found = {}
    for fill in ax.collections:
        paths = [path.vertices for path in fill.get_paths() if len(path.vertices)]
        if paths:
            found[to_hex(fill.get_facecolor()[0])] = np.concatenate(paths)
    return found


def _legend(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_the_event_of_2011(place: tuple[xr.DataArray, xr.Dataset, xr.Dataset], tmp_path: Path) -> None:
    sst, clim, events = place
    part = sst.sel(time=slice("2010-12-01", "2011-04-30"))
    ax = plot_heatwave(part, clim, events=events, title="Western Australia")
    assert _legend(ax) == ["moderate", "strong", "severe", "extreme", "climatology", "threshold", "temperature", "peak"]
    fills = _fills(ax)
    assert set(fills) == {"#ffc866", "#ff6900", "#9e0000", "#2d0000"}
    assert fills["#2d0000"][:, 1].max() == pytest.approx(float(part.max()))
    tops = [fills[color][:, 1].max() for color in ("#ffc866", "#ff6900", "#9e0000", "#2d0000")]
    assert tops == sorted(tops)
    lines = {line.get_label(): np.asarray(line.get_ydata(), float) for line in ax.lines}
    np.testing.assert_allclose(lines["temperature"], part)
    assert lines["threshold"][31] == pytest.approx(float(clim["thresh"].sel(dayofyear=1)))
    assert len(lines["peak"]) == 1
    assert ax.get_ylabel() == "sea surface temperature (°C)"
    ax.figure.savefig(tmp_path / "event.png")
    assert plt.imread(tmp_path / "event.png").std() > 0.1


def test_only_days_of_events_are_shaded(place: tuple[xr.DataArray, xr.Dataset, xr.Dataset]) -> None:
    sst, clim, events = place
    part = sst.sel(time="2003")
    none = events.isel(obs=slice(0, 0))
    assert _fills(plot_heatwave(part, clim))
    assert not _fills(plot_heatwave(part, clim, events=none))


def test_cold_spells_are_blue_and_below(place: tuple[xr.DataArray, xr.Dataset, xr.Dataset]) -> None:
    sst, _, _ = place
    clim = heatwave_climatology(sst, period=(1983, 2010), pctile=10)
    events = detect_heatwaves(sst, clim, cold=True).compute()
    fills = _fills(plot_heatwave(sst.sel(time="1990"), clim, events=events))
    assert fills
    assert all(int(color[1:3], 16) < int(color[5:7], 16) for color in fills)


@pytest.mark.parametrize("calendar", ["noleap", "360_day"])
def test_other_calendars_gaps_and_trends(calendar: str) -> None:
    sst = cells(calendar=calendar, shape=(1, 1))[:, 0, 0].copy()
    clim = heatwave_climatology(sst, baseline="detrended")
    sst[100:110] = np.nan
    ax = plot_heatwave(sst, clim, events=detect_heatwaves(sst, clim).compute())
    threshold = next(line for line in ax.lines if line.get_label() == "threshold")
    assert len(threshold.get_ydata()) == sst.size
    with pytest.raises(InputError, match=r"need the .* of the calendar"):
        plot_heatwave(cells(shape=(1, 1))[:, 0, 0], clim)


def test_labels_are_chinese_if_asked_for_and_possible(
    place: tuple[xr.DataArray, xr.Dataset, xr.Dataset],
) -> None:
    sst, clim, _ = place
    with set_options(language="zh"):
        labels = _legend(plot_heatwave(sst.sel(time="2003"), clim))
    assert ("阈值" in labels) == has_cjk_font()
    assert ("threshold" in labels) == (not has_cjk_font())


def test_what_cannot_be_drawn(place: tuple[xr.DataArray, xr.Dataset, xr.Dataset]) -> None:
    sst, clim, _ = place
    field = cells()
    with pytest.raises(InputError, match="has 3 dimensions"):
        plot_heatwave(field, clim)
    with pytest.raises(
        InputError, match=r"dimensions \('dayofyear', 'lat', 'lon'\), need seas and thresh of one place"
    ):
        plot_heatwave(field[:, 0, 0], heatwave_climatology(field))
    with pytest.raises(InputError, match="has no thresh, need"):
        plot_heatwave(sst, clim[["seas"]])
    with pytest.raises(InputError, match="has no value"):
        plot_heatwave(sst * np.nan, clim)
    with pytest.raises(NotFoundError):
        plot_heatwave(field[0, 0].drop_vars("time"), clim)
