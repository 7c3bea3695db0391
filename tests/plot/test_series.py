"""Time series: gaps, fills, marks, and dates of every calendar."""

from pathlib import Path

import cftime
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex

from oceandata.errors import InputError, NotFoundError
from oceandata.plot import plot_series


@pytest.fixture(scope="module")
def nino34(anomaly: xr.DataArray) -> xr.DataArray:
    """Mean anomaly of 170°W to 120°W, K."""
    return anomaly.sel(longitude=slice(190, 240)).mean(("latitude", "longitude"), keep_attrs=True)


def _on_calendar(calendar: str, n_days: int = 400) -> xr.DataArray:
    time = xr.date_range("2000-01-01", periods=n_days, freq="D", calendar=calendar, use_cftime=True)
    return xr.DataArray(np.arange(float(n_days)), {"time": time}, ("time",), attrs={"units": "m s-1"}, name="u")


def _fills(ax: Axes) -> dict[str, np.ndarray]:
    """Corners of what is filled, by colour."""
    fills = [artist for artist in ax.collections if isinstance(artist, PolyCollection)]
    return {
        to_hex(fill.get_facecolor()[0]): np.concatenate([path.vertices for path in fill.get_paths()]) for fill in fills
    }


def test_index_with_its_marks(nino34: xr.DataArray, tmp_path: Path) -> None:
    events = [("2007-08-01", "2008-05-01", "La Niña"), (np.datetime64("2009-07-01"), np.datetime64("2010-04-01"))]
    ax = plot_series(nino34, title="Niño 3.4", fill_anomaly=True, events=events, thresholds=(-0.5, 0.5))
    line = ax.lines[0] if len(ax.lines[0].get_xdata()) == 54 else ax.lines[1]
    np.testing.assert_allclose(np.asarray(line.get_ydata(), dtype=float), nino34.to_numpy())
    assert ax.get_title() == "Niño 3.4"
    assert ax.get_ylabel() == "sea surface temperature anomaly (K)"
    spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in ax.patches]
    expected = [mdates.date2num(np.array(event[:2], dtype="datetime64[D]")) for event in events]
    np.testing.assert_allclose(spans, expected)
    assert [text.get_text() for text in ax.texts] == ["La Niña", "", "−0.5", "0.5"]
    levels = [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == "--"]
    assert levels == [-0.5, 0.5]
    ax.figure.savefig(tmp_path / "series.png")
    assert plt.imread(tmp_path / "series.png").std() > 0.1


def test_fill_is_red_above_and_blue_below(nino34: xr.DataArray) -> None:
    fills = _fills(plot_series(nino34, fill_anomaly=True))
    (red, above), (blue, below) = sorted(fills.items(), key=lambda fill: -fill[1][:, 1].max())
    assert int(red[1:3], 16) > int(red[5:7], 16)
    assert int(blue[1:3], 16) < int(blue[5:7], 16)
    assert above[:, 1].min() == pytest.approx(0, abs=1e-9)
    assert above[:, 1].max() == pytest.approx(float(nino34.max()))
    assert below[:, 1].max() == pytest.approx(0, abs=1e-9)
    assert below[:, 1].min() == pytest.approx(float(nino34.min()))
    assert not _fills(plot_series(nino34))


def test_missing_values_leave_a_gap(nino34: xr.DataArray) -> None:
    ax = plot_series(nino34.where(nino34.time.dt.year != 2008), fill_anomaly=True)
    line = next(line for line in ax.lines if len(line.get_xdata()) == 54)
    assert np.ma.count_masked(line.get_ydata()) == 12
    start, end = mdates.date2num(np.array(["2008-01-10", "2008-12-20"], dtype="datetime64[D]"))
    for corners in _fills(ax).values():
        assert not ((corners[:, 0] > start) & (corners[:, 0] < end)).any()


def test_date_axis_is_short_and_in_years(nino34: xr.DataArray) -> None:
    ax = plot_series(nino34)
    ax.figure.canvas.draw()
    low, high = ax.get_xlim()
    shown = [text.get_text() for text in ax.get_xticklabels() if low <= text.get_position()[0] <= high]
    assert shown == ["2007", "2008", "2009", "2010"]
    assert ax.get_xlabel() == ""


@pytest.mark.parametrize("calendar", ["standard", "proleptic_gregorian", "noleap"])
def test_dates_of_the_ordinary_calendar_stay_dates(calendar: str) -> None:
    series = _on_calendar(calendar)
    ax = plot_series(series)
    drawn = mdates.num2date(np.asarray(ax.lines[0].get_xdata(orig=False), dtype=float))
    for date, wanted in zip((drawn[0], drawn[59], drawn[-1]), series.time.to_numpy()[[0, 59, -1]], strict=True):
        assert (date.year, date.month, date.day) == (wanted.year, wanted.month, wanted.day)


@pytest.mark.parametrize(("calendar", "days"), [("360_day", 360), ("all_leap", 366)])
def test_dates_that_do_not_exist_become_years(calendar: str, days: int) -> None:
    series = _on_calendar(calendar, 800).isel(time=slice(1, None))
    ax = plot_series(series, events=[(cftime.datetime(2001, 1, 1, calendar=calendar), 2002)])
    np.testing.assert_allclose(ax.lines[0].get_xdata(), 2000 + np.arange(1, 800) / days, rtol=0, atol=1e-9)
    assert ax.get_xlabel() == f"year ({calendar} calendar)"
    assert [(patch.get_x(), patch.get_width()) for patch in ax.patches] == [(2001, 1)]


def test_years_beyond_the_dates_of_matplotlib() -> None:
    time = [cftime.datetime(year, 7, 2, 12, calendar="noleap") for year in (-20000, 21, 12000)]
    ax = plot_series(xr.DataArray([1.0, 2.0, 3.0], {"time": time}, ("time",)))
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [-19999.5, 21.5, 12000.5])


def test_hours_count_in_decimal_years() -> None:
    time = [cftime.datetime(2000, 2, 30, hour, calendar="360_day") for hour in (0, 18)]
    ax = plot_series(xr.DataArray([1.0, 2.0], {"time": time}, ("time",)))
    np.testing.assert_allclose(ax.lines[0].get_xdata(), [2000 + 59 / 360, 2000 + 59.75 / 360], rtol=0, atol=1e-9)


def test_numbers_on_the_time_axis() -> None:
    time = ("time", [0.0, 1.5, 3.0], {"axis": "T", "units": "years", "long_name": "model year"})
    ax = plot_series(xr.DataArray([1.0, 2.0, 3.0], {"time": time}, ("time",)), events=[(1, 2)])
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [0.0, 1.5, 3.0])
    assert ax.get_xlabel() == "model year years"
    assert ax.get_ylabel() == "units not given"


def test_one_value_is_a_dot(nino34: xr.DataArray) -> None:
    assert plot_series(nino34.isel(time=[3])).lines[0].get_marker() == "."
    assert plot_series(nino34).lines[0].get_marker() == ""


def test_units_are_written_as_people_write_them() -> None:
    assert plot_series(_on_calendar("standard")).get_ylabel() == "m s⁻¹"


def test_given_axes_are_used(nino34: xr.DataArray) -> None:
    _, axes = plt.subplots(2, 1)
    assert plot_series(nino34, ax=axes[0]) is axes[0]
    assert not axes[1].lines


def test_what_is_no_series_is_refused(sst: xr.DataArray, nino34: xr.DataArray) -> None:
    with pytest.raises(InputError, match="has 3 dimensions"):
        plot_series(sst)
    with pytest.raises(NotFoundError, match="no time axis"):
        plot_series(sst.isel(time=0, latitude=0, drop=True))
    with pytest.raises(InputError, match="has no value at 54 times"):
        plot_series(nino34 * np.nan)
    with pytest.raises(InputError, match=r"time 'time' holds <U1, need dates or numbers"):
        plot_series(xr.DataArray([1.0, 2.0], {"time": ["a", "b"]}, ("time",)))


@pytest.mark.parametrize(
    "event", [("soon", "2008-05-01"), ("2008-01-01",), (np.datetime64("NaT", "ns"), "2008-05-01"), (None, "2008-05-01")]
)
def test_event_without_a_place_is_refused(nino34: xr.DataArray, event: tuple[object, ...]) -> None:
    with pytest.raises(InputError, match="event"):
        plot_series(nino34, events=[event])


def test_long_record(shared_data: Path) -> None:
    with xr.open_dataset(shared_data / "ersst" / "sst.mnmean.nc") as ds:
        ax = plot_series(ds["sst"].isel(lat=44, lon=110))
    ax.figure.canvas.draw()
    assert len(ax.lines[0].get_xdata()) == ds.sizes["time"]
    assert ax.get_ylabel() == "°C"
