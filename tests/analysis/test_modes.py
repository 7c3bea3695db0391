"""ONI, dipole, Atlantic and Pacific indices and events, on ERSST and on fields whose answer is known."""

from pathlib import Path

import dask
import numpy as np
import pytest
import xarray as xr

from oceandata.analysis import index, index_events
from oceandata.errors import InputError


@pytest.fixture(scope="module")
def ersst(shared_data: Path) -> xr.DataArray:
    with xr.open_dataset(shared_data / "ersst" / "sst.mnmean.nc") as dataset:
        return dataset["sst"].load().chunk(time=24)


def _world(months: int, *, start: str = "1960-01") -> xr.DataArray:
    """Temperature of 15 degrees everywhere, on a grid of five degrees."""
    time = np.datetime64(start, "M") + np.arange(months)
    coords = {
        "time": time.astype("datetime64[ns]"),
        "lat": ("lat", np.arange(-87.5, 90, 5), {"units": "degrees_north"}),
        "lon": ("lon", np.arange(2.5, 360, 5), {"units": "degrees_east"}),
    }
    shape = (months, 36, 72)
    attributes = {"units": "degC", "standard_name": "sea_surface_temperature"}
    return xr.DataArray(np.full(shape, 15.0), coords, ["time", "lat", "lon"], name="sst", attrs=attributes)


def test_the_winters_of_the_decade_are_found(ersst: xr.DataArray) -> None:
    found = index_events(index(ersst, "nino34").nino34_3m.compute())
    warm = found.isel(event=np.flatnonzero(found.sign == 1))
    strongest = warm.isel(event=int(warm.peak.values.argmax()))
    assert str(strongest.peak_time.values)[:7] in ("2015-11", "2015-12")
    assert float(strongest.peak) > 2
    cold = found.isel(event=np.flatnonzero(found.sign == -1))
    assert str(cold.start.values[0])[:4] == "2010"
    assert found.peak.attrs["units"] == "K"


def test_the_dipole_of_2019_stands_out(ersst: xr.DataArray) -> None:
    found = index(ersst, "dmi").compute()
    assert str(found.dmi.time[int(found.dmi.values.argmax())].values)[:7] in ("2019-10", "2019-11")
    assert found.dmi.attrs["region_subtracted"] == [90.0, -10.0, 110.0, 0.0]


def test_the_pacific_turned_warm_in_2014(ersst: xr.DataArray) -> None:
    found = index(ersst, "pdo").compute()
    years = found.pdo.groupby("time.year").mean()
    assert float(years.sel(year=slice(2011, 2012)).max()) < 0 < float(years.sel(year=slice(2015, 2016)).min())
    assert float(found.pdo.var(ddof=1)) == pytest.approx(1, rel=1e-9)
    assert 0.1 < float(found.explained_variance) < 0.6
    pattern = found.pdo_pattern
    assert (
        float(pattern.sel(lat=45, lon=215, method="nearest"))
        > 0
        > float(pattern.sel(lat=38, lon=170, method="nearest"))
    )
    assert np.isnan(pattern.sel(lat=0)).all()


def test_a_box_that_warms_alone_is_what_the_index_says() -> None:
    sst = _world(240)
    wave = np.sin(2 * np.pi * np.arange(240) / 48)
    west = (sst.lon > 50) & (sst.lon < 70) & (abs(sst.lat) < 10)
    sst = sst + xr.DataArray(wave, {"time": sst.time}, ["time"]) * west
    sst = sst.transpose("time", "lat", "lon").assign_attrs(units="degC")
    np.testing.assert_allclose(index(sst, "dmi").dmi, wave, atol=1e-12)


def test_oni_takes_bases_of_thirty_years_around_each_five() -> None:
    sst = _world(65 * 12)
    ramp = 0.02 * (sst.time.dt.year - 1960)
    sst = (sst + ramp).transpose("time", "lat", "lon").assign_attrs(units="degC")
    found = index(sst.chunk(time=100), "oni").oni_monthly.compute()
    yearly = found.groupby("time.year").mean()
    # years 1991 to 1995 are compared with 1976 to 2005, the mean of which is that of 1990.5
    np.testing.assert_allclose(yearly.sel(year=slice(1991, 1995)), 0.02 * (np.arange(1991, 1996) - 1990.5), atol=1e-9)
    # the first years have the first base there is, the last ones the last
    assert float(yearly.sel(year=1960)) == pytest.approx(0.02 * (1960 - 1974.5), abs=1e-9)
    assert float(yearly.sel(year=2024)) == pytest.approx(0.02 * (2024 - 2009.5), abs=1e-9)
    assert found.sizes["time"] == 65 * 12


def test_oni_needs_thirty_whole_years() -> None:
    with pytest.raises(InputError, match="29 whole years"):
        index(_world(360, start="1960-02"), "oni")
    with pytest.raises(InputError, match="its own bases"):
        index(_world(400), "oni", period=("1961", "1990"))


def test_a_missing_step_ends_an_event() -> None:
    time = np.datetime64("2000-01", "M") + np.arange(12)
    values = np.full(12, 0.8)
    values[5] = np.nan
    series = xr.DataArray(values, {"time": time.astype("datetime64[ns]")}, ["time"], name="oni")
    found = index_events(series)
    assert found.steps.values.tolist() == [5, 6]
    assert index_events(-series).sign.values.tolist() == [-1, -1]
    assert index_events(series * 0).sizes["event"] == 0
    with pytest.raises(InputError, match="above zero"):
        index_events(series, threshold=0)


@pytest.mark.parametrize("name", ["nino34", "dmi", "pdo"])
def test_dask_may_compute_the_whole_dataset(ersst: xr.DataArray, name: str) -> None:
    lazy = index(ersst, name)
    xr.testing.assert_allclose(dask.compute(lazy)[0], lazy.compute())
