"""Seasons and days of the year: leap years, calendars, cut seasons, windows and smoothing."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from oceandata.analysis import anomaly, climatology
from oceandata.analysis.calendar_groups import group_steps
from oceandata.errors import InputError


def _series(values: Any, start: str, freq: str = "D", calendar: str = "standard") -> xr.DataArray:
    times = xr.date_range(start, periods=len(values), freq=freq, calendar=calendar, use_cftime=calendar != "standard")
    return xr.DataArray(np.asarray(values, float), {"time": times}, ["time"], name="t", attrs={"units": "degC"})


@pytest.mark.parametrize(
    ("start", "steps", "calendar", "leap_days"),
    [
        ("2001-01-01", 730, "standard", 0),
        ("2004-01-01", 366, "standard", 1),
        ("2000-01-01", 1827, "standard", 2),
        ("2000-01-01", 730, "noleap", 0),
        ("2000-01-01", 732, "all_leap", 2),
    ],
)
def test_days_are_told_apart_by_month_and_day(start: str, steps: int, calendar: str, leap_days: int) -> None:
    series = _series(np.zeros(steps), start, calendar=calendar)
    key = series.time.dt.month * 100 + series.time.dt.day
    result = climatology(series.copy(data=key.to_numpy().astype(float)), freq="dayofyear")
    assert result.sizes["dayofyear"] == 366
    assert int(result.steps.sel(dayofyear=60)) == leap_days
    assert np.isnan(result.sel(dayofyear=60)) == (leap_days == 0)
    assert float(result.sel(dayofyear=59)) == 228
    assert float(result.sel(dayofyear=61)) == 301
    assert float(result.sel(dayofyear=366)) == 1231


def test_a_calendar_of_360_days_has_its_own_days() -> None:
    result = climatology(_series(np.arange(720) % 360, "2000-01-01", calendar="360_day"), freq="dayofyear")
    np.testing.assert_array_equal(result, np.arange(360))


def test_seasons_take_december_from_the_year_before_and_leave_out_cut_ones() -> None:
    series = _series(np.arange(1.0, 37.0), "2001-01-01", freq="MS")
    result = climatology(series, freq="season")
    assert result.season.values.tolist() == ["DJF", "MAM", "JJA", "SON"]
    # January and February 2001 lack their December, December 2003 its January.
    assert result.steps.values.tolist() == [6, 9, 9, 9]
    days = {12: 31, 13: 31, 14: 28, 24: 31, 25: 31, 26: 28}
    assert float(result[0]) == pytest.approx(sum(v * d for v, d in days.items()) / sum(days.values()), rel=1e-14)
    values, weights = np.array(list(days)), np.array(list(days.values()), float)
    mean = np.average(values, weights=weights)
    expected = np.sqrt(np.average((values - mean) ** 2, weights=weights) * 6 / 5)
    assert float(climatology(series, freq="season", spread=True)[0]) == pytest.approx(expected, rel=1e-12)


def test_seasons_of_days_count_each_day_once() -> None:
    series = _series(np.arange(366.0), "2004-01-01")
    result = climatology(series, freq="season")
    assert np.isnan(result[0])
    assert float(result[1]) == pytest.approx(np.arange(60, 152).mean())


@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day"])
def test_a_window_pools_the_days_around(calendar: str) -> None:
    random = np.random.default_rng(3)
    series = _series(random.normal(size=5 * 366), "2000-01-01", calendar=calendar)
    series[random.random(series.size) < 0.1] = np.nan
    codes = group_steps(series.time, "dayofyear").codes
    ring = sorted(set(codes.tolist()))
    found = climatology(series.chunk(time=200), freq="dayofyear", window=5).compute()
    spread = climatology(series, freq="dayofyear", window=5, spread=True)
    for at in (0, 1, 57, 58, 200, len(ring) - 1):
        near = [ring[(at + step) % len(ring)] for step in range(-2, 3)]
        values = series.values[np.isin(codes, near)]
        assert float(found[ring[at]]) == pytest.approx(np.nanmean(values), rel=1e-12)
        assert float(spread[ring[at]]) == pytest.approx(np.nanstd(values, ddof=1), rel=1e-12)


def test_smoothing_runs_round_the_year_with_29_february_between_its_neighbours() -> None:
    values = np.random.default_rng(1).normal(size=(1461, 2))
    values[:, 1] = np.nan
    times = xr.date_range("2001-01-01", periods=1461, freq="D")
    field = xr.DataArray(values, {"time": times}, ["time", "cell"], name="t")
    plain = climatology(field, freq="dayofyear").values[:, 0]
    plain[59] = (plain[58] + plain[60]) / 2
    ring = np.concatenate([plain[-15:], plain, plain[:15]])
    found = climatology(field.chunk(time=100, cell=1), freq="dayofyear", smooth=31).compute()
    np.testing.assert_allclose(found[:, 0], np.convolve(ring, np.ones(31) / 31, mode="valid"), rtol=1e-12, atol=1e-14)
    assert np.isnan(found[:, 1]).all()


def test_harmonics_keep_the_slow_part_of_the_year() -> None:
    key = np.arange(366)
    slow = 3 + 2 * np.cos(2 * np.pi * key / 366 - 1) + np.sin(6 * np.pi * key / 366)
    fast = 0.5 * np.cos(2 * np.pi * 9 * key / 366)
    times = xr.date_range("2004-01-01", periods=366, freq="D")
    field = xr.DataArray(slow, {"time": times}, ["time"], name="t")
    # the leap day is set between its neighbours: a millikelvin of a slow year
    found = climatology(field, freq="dayofyear", smooth="harmonic")
    np.testing.assert_allclose(found, slow, atol=1e-4)
    rough = climatology(field + fast, freq="dayofyear", smooth="harmonic")
    np.testing.assert_allclose(rough, slow, atol=2e-3)


@pytest.mark.parametrize("freq", ["season", "dayofyear"])
@pytest.mark.parametrize("lazy", [True, False])
def test_anomalies_of_seasons_and_days_keep_the_chunks(freq: str, lazy: bool) -> None:
    field = _series(np.random.default_rng(2).normal(size=1461), "2001-01-01")
    field = field.chunk(time=77) if lazy else field
    clim = climatology(field, freq=freq)
    found = anomaly(field, clim)
    assert found.chunks == field.chunks
    labels = field.time.dt.season if freq == "season" else None
    codes = (
        group_steps(field.time, freq).labels[group_steps(field.time, "dayofyear").codes] if labels is None else labels
    )
    expected = field.values - clim.compute().sel({freq: codes}).values
    np.testing.assert_allclose(found.compute().values, expected, rtol=1e-12)


@settings(max_examples=20)
@given(cut=st.integers(1, 400), freq=st.sampled_from(["month", "season", "dayofyear"]), seed=st.integers(0, 99))
def test_any_chunking_gives_the_same(cut: int, freq: str, seed: int) -> None:
    field = _series(np.random.default_rng(seed).normal(size=400), "2003-06-10")
    whole, parts = climatology(field, freq=freq), climatology(field.chunk(time=cut), freq=freq)
    np.testing.assert_allclose(parts.compute(scheduler="sync"), whole, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"freq": "week"}, "freq is 'week'"),
        ({"window": 5}, "for freq='dayofyear'"),
        ({"freq": "dayofyear", "window": 4}, "odd number"),
        ({"freq": "dayofyear", "smooth": 30}, "odd number"),
        ({"freq": "dayofyear", "smooth": "harmonic", "harmonics": 0}, "1 to 60"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        climatology(_series(np.zeros(400), "2001-01-01"), **arguments)
