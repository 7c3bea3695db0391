"""Monthly climatology and anomaly: hand cases, calendars, periods, and what must be refused."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from oceandata.analysis import anomaly, climatology
from oceandata.errors import InputError, NotFoundError

MONTHS = np.arange(1.0, 13.0)


def _times(start: str, stop: str, calendar: str = "standard", freq: str = "MS") -> xr.DataArray:
    return xr.date_range(start, stop, freq=freq, calendar=calendar, use_cftime=calendar != "standard")


def _series(values: Any, times: Any, **attributes: Any) -> xr.DataArray:
    array = xr.DataArray(np.asarray(values), {"time": times}, ["time"], name="sst")
    return array.assign_attrs({"units": "degC"} | attributes)


@pytest.fixture
def years() -> xr.DataArray:
    """1989 to 2004: the year in each month, one cell of land."""
    times = _times("1989-01-01", "2004-12-01")
    values = np.stack([times.year.to_numpy() * 1.0, np.full(len(times), np.nan)], axis=1)
    return xr.DataArray(values, {"time": times, "cell": [7, 9]}, ["time", "cell"], name="sst", attrs={"units": "degC"})


@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day", "all_leap"])
@pytest.mark.parametrize("freq", ["MS", "D"])
def test_month_number_gives_itself(calendar: str, freq: str) -> None:
    times = _times("1999-01-01", "2004-12-30", calendar, freq)
    result = climatology(_series([time.month for time in times], times))
    assert result.dims == ("month",)
    assert result["month"].to_numpy().tolist() == list(range(1, 13))
    np.testing.assert_array_equal(result, MONTHS)
    assert result.attrs["calendar"] == ("proleptic_gregorian" if calendar == "standard" else calendar)


def test_every_day_of_a_month_counts_the_same_also_in_leap_years() -> None:
    times = _times("2003-01-01", "2004-12-31", freq="D")
    values = np.where((times.month == 2) & (times.year == 2004), 29.0, 0.0)
    result = climatology(_series(values, times))
    assert float(result.sel(month=2)) == pytest.approx(29 * 29 / (28 + 29), rel=1e-14)
    assert int(result["steps"].sel(month=2)) == 57
    assert int(result["steps"].sum()) == 731


@pytest.mark.parametrize("calendar", ["noleap", "360_day", "standard"])
def test_period_includes_both_ends(calendar: str) -> None:
    times = _times("1989-01-01", "2004-12-01", calendar)
    years = _series(np.array([time.year for time in times], float), times)
    result = climatology(years, period=("1991", "2000"))
    np.testing.assert_array_equal(result, np.full(12, np.mean(range(1991, 2001))))
    np.testing.assert_array_equal(result["steps"], np.full(12, 10))
    assert result.attrs["base_period"] == "1991-01-01/2000-12-01"
    shorter = climatology(years, period=("1991-02", "2000-01-01"))
    assert shorter["steps"].to_numpy().tolist() == [9] + [9] * 11
    assert float(shorter.sel(month=1)) == np.mean(range(1992, 2001))
    assert float(shorter.sel(month=2)) == np.mean(range(1991, 2000))


def test_land_stays_missing_and_the_whole_record_is_the_base(years: xr.DataArray) -> None:
    result = climatology(years)
    np.testing.assert_array_equal(result.sel(cell=7), np.full(12, np.mean(range(1989, 2005))))
    assert np.isnan(result.sel(cell=9)).all()
    assert result.attrs["base_period"] == "1989-01-01/2004-12-01"
    assert result.attrs["units"] == "degC"
    assert "time: mean within years time: mean over years" in result.attrs["cell_methods"]


def test_spread_is_the_sample_deviation(years: xr.DataArray) -> None:
    result = climatology(years, spread=True)
    np.testing.assert_allclose(result.sel(cell=7), np.std(range(1989, 2005), ddof=1), rtol=1e-14)
    assert np.isnan(result.sel(cell=9)).all()
    assert result.attrs["units"] == "K"
    assert np.isnan(climatology(years.isel(time=slice(0, 12)), spread=True)).all()


def test_months_that_do_not_occur_are_missing(years: xr.DataArray) -> None:
    result = climatology(years.isel(time=years.time.dt.month.isin([3, 4]).to_numpy()).sel(cell=7))
    assert np.flatnonzero(np.isfinite(result)).tolist() == [2, 3]
    assert result["steps"].to_numpy().tolist() == [0, 0, 16, 16] + [0] * 8


def test_least_count() -> None:
    times = _times("2001-01-01", "2003-12-01")
    values = np.where((times.month == 5) & (times.year > 2001), np.nan, 1.0)
    series = _series(values, times)
    assert np.isfinite(climatology(series, min_count=1)).all()
    assert np.flatnonzero(np.isnan(climatology(series, min_count=2))).tolist() == [4]
    assert np.isnan(climatology(series, min_count=4)).all()
    assert np.flatnonzero(np.isnan(climatology(series, spread=True))).tolist() == [4]


def test_time_may_be_any_dimension_and_unsorted(years: xr.DataArray) -> None:
    shuffled = years.isel(time=np.random.default_rng(3).permutation(years.sizes["time"]))
    np.testing.assert_array_equal(climatology(shuffled), climatology(years))
    np.testing.assert_array_equal(climatology(years.transpose("cell", "time").chunk(time=7)), climatology(years))


def test_values_near_a_large_offset_keep_their_spread() -> None:
    times = _times("1990-01-01", "2019-12-01")
    noise = np.random.default_rng(1).normal(0, 1e-3, len(times))
    series = _series(1e4 + noise, times)
    wanted = [np.std((series.to_numpy() - 1e4)[times.month == month], ddof=1) for month in MONTHS]
    np.testing.assert_allclose(climatology(series.chunk(time=11), spread=True), wanted, rtol=1e-8)
    single = series.astype("float32").chunk(time=5)
    wanted = [np.std(single.to_numpy().astype(float)[times.month == month], ddof=1) for month in MONTHS]
    np.testing.assert_allclose(climatology(single, spread=True), wanted, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(
    ("period", "error", "message"),
    [
        (("2030", "2040"), NotFoundError, "no time step lies in the period 2030 to 2040; the data run from 1989"),
        (("2000", "1991"), NotFoundError, "no time step lies in the period 2000 to 1991"),
        (("soon", "later"), InputError, "need two dates"),
        (("1991",), InputError, "need two dates"),
    ],
    ids=["outside", "swapped", "words", "one"],
)
def test_refused_periods(years: xr.DataArray, period: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        climatology(years, period=period)


def test_refused_times(years: xr.DataArray) -> None:
    with pytest.raises(InputError, match="need one dimension"):
        climatology(years.isel(time=0))
    with pytest.raises(InputError, match="with 0 values"):
        climatology(years.isel(time=slice(0, 0)))
    with pytest.raises(NotFoundError, match="no time axis"):
        climatology(years.drop_vars("time").rename(time="step"))
    numbers = years.assign_coords(time=("time", np.arange(192.0), {"units": "days since 1989-01-01", "axis": "T"}))
    with pytest.raises(InputError, match="decode_times=True"):
        climatology(numbers)
    for attributes, found in (
        ({}, "without units"),
        ({"Unit": "days since 1900-1-1"}, "with Unit = 'days since 1900-1-1'"),
        ({"units": "month"}, "with units = 'month'"),
    ):
        undated = years.assign_coords(time=("time", np.arange(192.0), attributes))
        with pytest.raises(InputError, match=rf"values {found}, need dates: .*'<unit> since <date>'") as refused:
            climatology(undated)
        assert "decode_times" not in str(refused.value)
    with pytest.raises(InputError, match="times that increase"):
        climatology(years[::-1], period=("1991", "2000"))
    with pytest.raises(InputError, match="takes one variable"):
        climatology(years.to_dataset())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "chunks", [None, {"time": 7}, {"time": (1, 100, 91), "cell": 1}, {"time": -1, "cell": (0, 1, 1)}]
)
def test_anomaly_over_its_base_is_zero_on_average(years: xr.DataArray, chunks: dict[str, Any] | None) -> None:
    record = years if chunks is None else years.chunk(chunks)
    result = anomaly(record, climatology(record, period=("1991", "2000")))
    assert result.chunks == record.chunks
    assert result.dims == record.dims
    over_base = result.sel(time=slice("1991", "2000"), cell=7)
    assert abs(float(over_base.mean())) < 1e-10
    np.testing.assert_allclose(result.sel(cell=7), years.sel(cell=7) - np.mean(range(1991, 2001)), rtol=1e-13)
    assert np.isnan(result.sel(cell=9)).all()
    np.testing.assert_array_equal(anomaly(record), anomaly(years))


def test_standardised_anomaly(years: xr.DataArray) -> None:
    record = years.chunk(time=50)
    result = anomaly(record, climatology(record), spread=climatology(record, spread=True))
    years_ = np.arange(1989, 2005)
    wanted = np.repeat((years_ - years_.mean()) / years_.std(ddof=1), 12)
    np.testing.assert_allclose(result.sel(cell=7), wanted, rtol=1e-12)
    assert result.attrs["units"] == "1"
    assert "units_metadata" not in result.attrs
    still = _series(np.ones(36), _times("2001-01-01", "2003-12-01"))
    assert np.isnan(anomaly(still, climatology(still), spread=climatology(still, spread=True))).all()


def test_anomaly_of_a_temperature_is_a_difference(years: xr.DataArray) -> None:
    named = years.assign_attrs(standard_name="sea_surface_temperature", long_name="SST", long_name_zh="海表温度")
    attributes = anomaly(named).attrs
    assert attributes["units"] == "K"
    assert attributes["units_metadata"] == "temperature: difference"
    assert "standard_name" not in attributes
    assert attributes["long_name"] == "SST anomaly"
    assert attributes["long_name_zh"] == "海表温度距平"
    assert attributes["base_period"] == "1989-01-01/2004-12-01"
    salinity = anomaly(years.assign_attrs(units="1e-3")).attrs
    assert salinity["units"] == "1e-3"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda clim: clim.isel(cell=[0]), "1 cells along 'cell', the data 2"),
        (lambda clim: clim.isel(cell=[1, 0]), "other 'cell' values"),
        (lambda clim: clim.isel(cell=0), "has dimensions"),
        (lambda clim: clim.isel(month=slice(0, 11)), "lacks month 12"),
        (lambda clim: clim.drop_vars("month"), "no coordinate month"),
    ],
    ids=["fewer cells", "other order", "no cells", "eleven months", "months without numbers"],
)
def test_climatology_of_another_grid_is_refused(years: xr.DataArray, change: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        anomaly(years, change(climatology(years)))


def test_months_are_found_by_number_not_by_place(years: xr.DataArray) -> None:
    clim = climatology(years) + xr.DataArray(MONTHS, dims="month")
    turned = clim.isel(month=np.roll(np.arange(12), 5)).transpose("cell", "month")
    np.testing.assert_array_equal(anomaly(years, turned), anomaly(years, clim))
    spread = climatology(years, spread=True)
    with pytest.raises(InputError, match="other months than the climatology"):
        anomaly(years, clim, spread=spread.isel(month=slice(None, None, -1)))


def test_anomaly_has_tasks_in_proportion_to_blocks(years: xr.DataArray) -> None:
    def tasks(steps: int) -> int:
        record = years.chunk(time=steps)
        result = anomaly(record, climatology(years)).data
        return len(dict(result.__dask_graph__())) - len(dict(record.data.__dask_graph__()))

    blocks = {steps: years.sizes["time"] // steps for steps in (1, 2, 4, 8)}
    few, more, many = (tasks(steps) for steps in (8, 4, 2))
    assert many - more == 2 * (more - few)
    assert many <= 3 * blocks[2]


def test_anomaly_of_a_month_that_is_its_own_base_is_refused() -> None:
    time = np.arange("2001-01", "2003-01", dtype="datetime64[M]").astype("datetime64[ns]")
    sst = xr.DataArray(np.arange(24.0), {"time": time}, ["time"], name="sst")
    with pytest.raises(InputError, match="the only step of month 12 is its base"):
        anomaly(sst.isel(time=[11]))
    with pytest.raises(InputError, match="both clim and period"):
        anomaly(sst, climatology(sst), period=("2001", "2002"))
    assert anomaly(sst, period=("2001", "2002")).to_numpy()[[0, 12]].tolist() == [-6.0, 6.0]
    assert anomaly(sst, period=("2001", "2001")).to_numpy()[[0, 12]].tolist() == [0.0, 12.0]
    assert anomaly(sst.isel(time=[11]), climatology(sst)).item() == -6.0
