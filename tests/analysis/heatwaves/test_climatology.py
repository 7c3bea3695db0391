"""Climatology and threshold: the published arrays, the plain way, calendars, gaps, every option."""

from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from oceandata.analysis import heatwave_climatology
from oceandata.errors import InputError, NotFoundError
from tests.analysis.heatwaves.plain import plain_climatology
from tests.analysis.heatwaves.series import cells


def test_closed_form(closed_form: xr.DataArray) -> None:
    """Values that the reference code gives for this formula."""
    clim = heatwave_climatology(closed_form, period=(1983, 2010))
    days = {60: (12.721119754, 11.776438485), 1: (11.068524413, 10.145298672), 183: (20.892114384, 19.904821956)}
    for day, (thresh, seas) in days.items():
        assert float(clim["thresh"].sel(dayofyear=day)) == pytest.approx(thresh, abs=1e-9)
        assert float(clim["seas"].sel(dayofyear=day)) == pytest.approx(seas, abs=1e-9)
    assert clim["thresh"].attrs["base_period"] == "1983-01-01/2010-12-31"
    assert clim["thresh"].attrs["units"] == "degC"
    assert clim["thresh"].attrs["long_name_zh"] == "阈值"


@pytest.mark.parametrize("region", ["WA", "Med"])
def test_reference_code_on_oisst(shared_data: Path, region: str) -> None:
    table = np.genfromtxt(shared_data / f"mhw-reference/sst_{region}.csv", delimiter=",", skip_header=1, dtype=None)
    time = np.array([row[0] for row in table], "M8[ns]")
    sst = xr.DataArray([row[1] for row in table], {"time": time}, ["time"])
    clim = heatwave_climatology(sst, period=("1982-01-01", "2011-12-31"))
    expected = np.genfromtxt(shared_data / f"mhw-reference/clim_{region}_mhw_1982-2011.csv", delimiter=",")[1:]
    np.testing.assert_allclose(clim["seas"], expected[:, 1], rtol=0, atol=1e-9)
    np.testing.assert_allclose(clim["thresh"], expected[:, 2], rtol=0, atol=1e-9)


@pytest.mark.parametrize(("name", "width"), [("test_clim_oisst", 31), ("test_clim_oisst_nosmooth", 1)])
def test_reference_code_on_a_grid(shared_data: Path, name: str, width: int) -> None:
    """Two cells of two years of OISST in float32; the mean of the second was taken in float32 and is less exact."""
    with (
        xr.open_dataset(shared_data / "xmhw/oisst_2003_2004.nc", chunks={}) as ds,
        xr.open_dataset(shared_data / f"xmhw/{name}.nc") as expected,
    ):
        clim = heatwave_climatology(ds["sst"], smooth_width=width)
        for number, (lat, lon) in enumerate([(-42.625, 148.125), (-41.625, 148.375)], 1):
            cell = clim.sel(lat=lat, lon=lon).compute()
            for variable in ("seas", "thresh"):
                tolerance = 1e-9 if number == 1 and variable == "thresh" else 1e-5
                np.testing.assert_allclose(cell[variable], expected[f"{variable}{number}"], rtol=0, atol=tolerance)


def test_forty_years_of_ostia(shared_data: Path) -> None:
    """A fifth of a cell's days lie above its 80th percentile, in kelvin, from a zip of map chunks."""
    import zarr

    store = zarr.storage.ZipStore(shared_data / "marEx/sst_gridded.zarr.zip", mode="r")
    ds = xr.open_zarr(store, chunks={}, consolidated=False)
    (name,) = [one for one in ds.data_vars if ds[one].ndim == 3]
    sst = ds[name].isel(lat=slice(0, 4), lon=slice(0, 6))
    clim = heatwave_climatology(sst, pctile=80, smooth_width=1).compute()
    values, thresh = sst.compute(), clim["thresh"]
    key = values.time.dt.dayofyear + (~values.time.dt.is_leap_year & (values.time.dt.month > 2))
    share = (values > thresh.sel(dayofyear=key)).mean("time").where(values.notnull().any("time"))
    np.testing.assert_allclose(share.to_numpy()[share.notnull().to_numpy()], 0.2, rtol=0, atol=0.01)
    store.close()


@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day", "all_leap", "julian"])
def test_calendars(calendar: str) -> None:
    sst = cells(calendar=calendar)
    clim = heatwave_climatology(sst)
    labels = {"standard": 366, "noleap": 365, "360_day": 360, "all_leap": 366, "julian": 366}
    assert clim.sizes["dayofyear"] == labels[calendar]
    assert (60 in clim["dayofyear"].values.tolist()) == (calendar != "noleap")
    cell = sst[:, 1, 2]
    with_leap = "standard" if calendar == "julian" else calendar
    times = cell["time"] if calendar != "julian" else cells(calendar=with_leap)["time"]
    seas, thresh = plain_climatology(cell.to_numpy(), times, np.ones(cell.size, bool))
    np.testing.assert_allclose(clim["seas"][:, 1, 2], list(dict(sorted(seas.items())).values()), rtol=0, atol=1e-12)
    np.testing.assert_allclose(clim["thresh"][:, 1, 2], list(dict(sorted(thresh.items())).values()), rtol=0, atol=1e-12)


@settings(max_examples=25)
@given(
    drawn=st.data(),
    gaps=st.sampled_from([0.0, 0.1, 0.9]),
    pctile=st.sampled_from([10, 50, 90, 99.5]),
    half=st.sampled_from([0, 1, 5]),
    years=st.sampled_from([(2001, 2004), (2002, 2003), (2003, 2003)]),
)
def test_the_plain_way_with_gaps_in_any_chunks(
    drawn: st.DataObject, gaps: float, pctile: float, half: int, years: tuple[int, int]
) -> None:
    sst = cells(years=4, shape=(1, 2), seed=drawn.draw(st.integers(0, 99)))
    rng = np.random.default_rng(7)
    sst = sst.where(rng.random(sst.shape) >= gaps).where(xr.DataArray([True, False], dims="lon"))
    before = sst.copy(deep=True)
    chunks = {"time": drawn.draw(st.sampled_from([-1, 100, 400])), "lon": drawn.draw(st.sampled_from([1, 2]))}
    eager = heatwave_climatology(sst, period=years, pctile=pctile, window_half_width=half, smooth_width=5)
    lazy = heatwave_climatology(sst.chunk(chunks), period=years, pctile=pctile, window_half_width=half, smooth_width=5)
    base = ((sst.time.dt.year >= years[0]) & (sst.time.dt.year <= years[1])).to_numpy()
    cell = sst[:, 0, 0].to_numpy()
    seas, thresh = plain_climatology(cell, sst.time, base, pctile=pctile, half=half, width=5)
    found = lazy.compute(scheduler="sync")
    for name, expected in (("seas", seas), ("thresh", thresh)):
        np.testing.assert_array_equal(found[name], eager[name])
        one = [expected[day] for day in range(1, 367)]
        np.testing.assert_allclose(found[name][:, 0, 0], one, rtol=0, atol=1e-12)
        assert np.isnan(found[name][:, 0, 1]).all()
    xr.testing.assert_identical(sst, before)


def test_windows_at_the_ends_of_the_period(closed_form: xr.DataArray) -> None:
    """The days beyond the period are taken, or not, as one wants; the rest of the year is the same."""
    options: dict[str, Any] = {"period": (1990, 1999), "smooth_width": 1}
    beyond = heatwave_climatology(closed_form, window_edges="data", **options)
    within = heatwave_climatology(closed_form, window_edges="period", **options)
    alone = heatwave_climatology(closed_form.sel(time=slice("1990", "1999")), window_edges="data", **options)
    differs = (beyond["seas"] != within["seas"]).to_numpy()
    assert differs[[0, 4, 361, 365]].all()
    assert not differs[5:360].any()
    xr.testing.assert_allclose(within["seas"], alone["seas"], rtol=1e-14)
    xr.testing.assert_equal(within["thresh"], alone["thresh"])


def test_29_february_of_two_or_three_days(closed_form: xr.DataArray) -> None:
    """The mean of its neighbours, or also of what the leap years have around it."""
    years = slice("1984", "1984")
    sst = closed_form.sel(time=years)
    options: dict[str, Any] = {"smooth_width": 1, "window_half_width": 0}
    two = heatwave_climatology(sst, feb29="two", **options)["seas"].sel(dayofyear=[59, 60, 61]).to_numpy()
    three = heatwave_climatology(sst, feb29="three", **options)["seas"].sel(dayofyear=60)
    day = sst.sel(time=["1984-02-28", "1984-02-29", "1984-03-01"]).to_numpy()
    np.testing.assert_allclose(two, [day[0], (day[0] + day[2]) / 2, day[2]], rtol=1e-15)
    assert float(three) == pytest.approx(day.mean(), rel=1e-15)
    plain_year = closed_form.sel(time="1985")
    three = heatwave_climatology(plain_year, feb29="three", **options)["seas"].sel(dayofyear=[59, 60, 61])
    assert float(three[1]) == pytest.approx(float(three[0] + three[2]) / 2, rel=1e-15)


def test_days_left_out_are_gaps(closed_form: xr.DataArray) -> None:
    gaps = closed_form.copy()
    gaps[500:600] = np.nan
    xr.testing.assert_identical(
        heatwave_climatology(gaps).drop_attrs(), heatwave_climatology(gaps.dropna("time")).drop_attrs()
    )


def test_short_gaps_are_filled_if_one_asks(closed_form: xr.DataArray) -> None:
    """None fills nothing; the longest gap that is filled has `max_pad` days; the ends are never filled."""
    gaps = closed_form.copy()
    gaps[:2], gaps[100:103], gaps[200:205], gaps[-1] = np.nan, np.nan, np.nan, np.nan
    filled = gaps.copy()
    filled[100:103] = np.interp([100, 101, 102], [99, 103], closed_form[[99, 103]])
    options: dict[str, Any] = {"smooth_width": 1, "period": (1982, 1983)}
    expected = heatwave_climatology(filled, **options)
    xr.testing.assert_allclose(heatwave_climatology(gaps, max_pad=3, **options), expected, rtol=1e-14)
    left = heatwave_climatology(gaps, **options)
    assert not left["seas"].equals(expected["seas"])
    xr.testing.assert_equal(left, heatwave_climatology(gaps, max_pad=2, **options))


def test_detrended_baseline(closed_form: xr.DataArray) -> None:
    """A trend that is put on is found, and taken off about the middle of the base period."""
    days = np.arange(closed_form.size)
    fit = np.polynomial.Polynomial.fit(days, closed_form, 1).convert().coef[1]
    flat = closed_form - fit * (days - days.mean())
    warming = (flat + 1e-4 * days).assign_attrs(closed_form.attrs)
    clim = heatwave_climatology(warming, period=(1991, 2000), baseline="detrended")
    assert float(clim["trend"]) == pytest.approx(1e-4, abs=1e-14)
    assert clim["trend"].attrs["units"] == "K d-1"
    middle = np.flatnonzero((closed_form.time.dt.year >= 1991) & (closed_form.time.dt.year <= 2000)).mean()
    expected = heatwave_climatology(flat, period=(1991, 2000)) + 1e-4 * middle
    xr.testing.assert_allclose(clim[["seas", "thresh"]], expected, rtol=1e-12)
    assert "trend" not in heatwave_climatology(warming)


def test_constant_series_has_exactly_its_value(closed_form: xr.DataArray) -> None:
    """Under ice the threshold must not be above the climatology by rounding."""
    ice = xr.full_like(closed_form, -1.8)
    clim = heatwave_climatology(ice)
    assert (clim["seas"] == -1.8).all()
    assert (clim["thresh"] == -1.8).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pctile": 0}, "pctile is 0, need a percentile above 0"),
        ({"pctile": "90"}, "pctile is '90'"),
        ({"window_half_width": -1}, "window_half_width is -1, need a whole number of days from 0 to 182"),
        ({"smooth_width": 30}, "smooth_width is 30, need an odd number"),
        ({"smooth_width": 0}, "smooth_width is 0"),
        ({"window_edges": "both"}, "window_edges is 'both', need 'data' or 'period'"),
        ({"feb29": "one"}, "feb29 is 'one'"),
        ({"baseline": "moving"}, "baseline is 'moving'"),
        ({"max_pad": 2.5}, "max_pad is 2.5"),
        ({"period": (1983,)}, "period is"),
        ({"period": 1983}, "period is 1983"),
    ],
)
def test_impossible_arguments(closed_form: xr.DataArray, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        heatwave_climatology(closed_form, **options)


def test_records_that_are_not_daily(closed_form: xr.DataArray) -> None:
    with pytest.raises(InputError, match="need daily values"):
        heatwave_climatology(closed_form[::7])
    hourly = closed_form.time + np.arange(closed_form.size) * np.timedelta64(-12, "h")
    with pytest.raises(InputError, match="more than one step on the day of 1982-01-0"):
        heatwave_climatology(closed_form.assign_coords(time=hourly))
    with pytest.raises(InputError, match="sortby"):
        heatwave_climatology(closed_form[::-1])
    with pytest.raises(NotFoundError, match="no time step lies in the period 2050"):
        heatwave_climatology(closed_form, period=(2050, 2060))


def test_is_lazy_and_shares_the_reading() -> None:
    reads: list[int] = []

    def watched(block: np.ndarray) -> np.ndarray:
        if block.size:
            reads.append(block.size)
        return block

    sst = cells().chunk(time=300, lat=1)
    sst = sst.copy(data=sst.data.map_blocks(watched, dtype=float, meta=np.empty((0, 0, 0))))
    clim = heatwave_climatology(sst)
    assert not reads
    dask.compute(clim, scheduler="sync")
    assert sum(reads) == sst.size
