"""Niño indices on real fields, and what must be refused."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from oceandata.analysis import area_mean, climatology, index, running_mean
from oceandata.analysis.indices import NINO_BOXES
from oceandata.errors import InputError, OceanDataWarning, RegionError, UnitsError

# Published for the check: cosine weights, cells whose centres lie in the box.
COADS_NINO34 = [
    26.5563,
    26.7927,
    27.2580,
    27.6629,
    27.7018,
    27.5844,
    27.1595,
    26.8656,
    26.6915,
    26.6710,
    26.6014,
    26.5911,
]


@pytest.fixture
def ostia(ostia_file: Path) -> xr.DataArray:
    """54 months of the tropical belt, 5S to 4.72N."""
    with xr.open_dataset(ostia_file) as dataset:
        return dataset["surface_temperature"].reset_coords(drop=True).load()


@pytest.fixture
def tropics() -> xr.DataArray:
    """Two years on a coarse grid, the value being the month number."""
    times = xr.date_range("2001-01-01", "2002-12-01", freq="MS", use_cftime=False)
    lat, lon = np.arange(-9.0, 10, 2), np.arange(1.0, 360, 2)
    values = np.broadcast_to(times.month.to_numpy()[:, None, None], (24, 10, 180)).astype(float)
    array = xr.DataArray(values, {"time": times, "lat": lat, "lon": lon}, ["time", "lat", "lon"], name="sst")
    array.lat.attrs["units"], array.lon.attrs["units"] = "degrees_north", "degrees_east"
    return array.assign_attrs(units="degC")


def test_coads_climatology_of_the_box(shared_data: Path) -> None:
    with xr.open_dataset(shared_data / "ferret-datasets" / "coads_climatology.cdf", decode_times=False) as dataset:
        sst = dataset["SST"].load()
    sst = sst.assign_coords(TIME=np.arange("2001-01", "2002-01", dtype="M8[M]").astype("M8[ns]"))
    box = sst.sel(COADSX=slice(190, 240), COADSY=slice(-5, 5))
    cosine = (np.cos(np.radians(box.COADSY)) * xr.ones_like(box.COADSX)).drop_vars(["COADSX", "COADSY"])
    by_centres = climatology(area_mean(box, weights=cosine))
    np.testing.assert_allclose(by_centres, COADS_NINO34, atol=5e-5 + 1e-6)  # four decimals were published
    # Rows at 5S and 5N reach from 4 to 6 degrees: half of each lies outside the box, which centres cannot see.
    by_area = climatology(area_mean(sst, region=NINO_BOXES["nino34"]))
    np.testing.assert_allclose(by_area, COADS_NINO34, atol=0.15)
    assert not np.allclose(by_area, COADS_NINO34, atol=5e-4)
    rows = box.mean("COADSX").weighted(xr.DataArray([0.5, 1, 1, 1, 1, 0.5], dims="COADSY")).mean("COADSY")
    np.testing.assert_allclose(by_area, rows, atol=0.005)


@pytest.mark.parametrize("chunks", [None, {}, {"time": 5, "longitude": 50}])
def test_ostia_has_the_events_of_its_years(ostia: xr.DataArray, chunks: dict[str, int] | None) -> None:
    sst = ostia if chunks is None else ostia.chunk(chunks)
    with pytest.warns(OceanDataWarning, match=r"170W-120W 5S-5N; the data cover 170W-120W 5S-4\.722N, 97\.\d%"):
        result = index(sst)
    monthly = result["nino34"].compute()
    box = ostia.sel(longitude=slice(190, 240))
    plain = box.weighted(np.cos(np.radians(box.latitude))).mean(("latitude", "longitude"))
    groups = plain.groupby("time.month")
    np.testing.assert_allclose(monthly, groups - groups.mean(), atol=0.03)  # whole cells by their centres
    smooth = result["nino34_3m"].compute()
    assert float(smooth.min()) == pytest.approx(-1.6, abs=0.1)
    assert float(smooth.max()) == pytest.approx(1.6, abs=0.1)
    peaks = [str(smooth.time[int(at)].to_numpy())[:7] for at in (smooth.argmin("time"), smooth.argmax("time"))]
    assert peaks == ["2007-12", "2010-01"]
    assert monthly.attrs["region_covered_fraction"] == pytest.approx(0.972, abs=1e-3)
    assert monthly.attrs["region_asked"] == [-170, -5, -120, 5]
    assert monthly.attrs["region_covered"] == pytest.approx([-170, -5, -120, 4.7222], abs=1e-3)
    assert "base period of 4.5 years: not an Oceanic Niño Index (ONI)" in monthly.attrs["comment"]
    assert monthly.attrs["units"] == "K"
    assert monthly.attrs["units_metadata"] == "temperature: difference"
    assert np.isnan(smooth[[0, -1]]).all()
    np.testing.assert_allclose(smooth[1:-1], np.convolve(monthly, np.ones(3) / 3, "valid"), rtol=0, atol=1e-14)


def test_index_is_the_mean_less_its_climatology(tropics: xr.DataArray) -> None:
    steps = tropics + xr.DataArray(np.repeat([0.0, 2.0], 12), dims="time")
    result = index(steps.assign_attrs(units="degC"), "nino3")
    np.testing.assert_allclose(result["nino3"], np.repeat([-1.0, 1.0], 12), atol=1e-13)
    base = index(steps.assign_attrs(units="degC"), "nino3", period=("2001", "2001"))
    np.testing.assert_allclose(base["nino3"], np.repeat([0.0, 2.0], 12), atol=1e-13)
    assert base["nino3"].attrs["base_period"] == "2001-01-01/2001-12-01"
    assert result["nino3"].attrs["long_name"] == "Niño 3 index"


def test_thirty_years_are_a_base(tropics: xr.DataArray) -> None:
    times = xr.date_range("1991-01-01", "2020-12-01", freq="MS", use_cftime=False)
    long = tropics.isel(time=0, drop=True).expand_dims(time=times).assign_attrs(units="K")
    assert "comment" not in index(long)["nino34"].attrs
    assert "29.0 years" in index(long, period=("1991", "2019"))["nino34"].attrs["comment"]


@pytest.mark.parametrize(
    ("name", "west", "east"), [("nino12", 270, 280), ("nino3", 210, 270), ("nino34", 190, 240), ("nino4", 160, 210)]
)
def test_each_index_has_its_box(tropics: xr.DataArray, name: str, west: float, east: float) -> None:
    assert NINO_BOXES[name][1::2] == ((-10, 0) if name == "nino12" else (-5, 5))
    inside = (tropics.lon - west) % 360 < (east - west) % 360
    marked = (tropics * 0 + inside * xr.where(tropics.time.dt.year == 2002, 4.0, 0.0)).transpose("time", "lat", "lon")
    np.testing.assert_allclose(
        index(marked.assign_attrs(units="degC"), name)[name], np.repeat([-2.0, 2.0], 12), atol=1e-13
    )


def test_refusals(tropics: xr.DataArray) -> None:
    with pytest.raises(UnitsError):
        index(tropics.assign_attrs(units="m"))
    with pytest.raises(UnitsError):
        index(tropics.drop_attrs(deep=False))
    with pytest.raises(InputError, match=r"there is no index 'nino43'. Close: 'nino4'|there is no index 'nino43'"):
        index(tropics, "nino43")
    with pytest.raises(InputError, match="needs monthly steps, got irregular steps"):
        index(tropics.isel(time=[0, 1, 3, 4]))
    daily = tropics.assign_coords(time=xr.date_range("2001-01-01", periods=24, freq="D", use_cftime=False))
    with pytest.raises(InputError, match="needs monthly steps, got P1D"):
        index(daily)
    with pytest.raises(RegionError, match=r"need at least 50\.0%"):
        index(tropics.isel(lat=[0, 1, 2, 3]))


def test_running_mean_by_hand() -> None:
    series = xr.DataArray([1.0, 2.0, 6.0, np.nan, 1.0, 1.0, 1.0], dims="time", attrs={"units": "K"})
    assert running_mean(series).to_numpy().tolist() == pytest.approx([np.nan, 3, *[np.nan] * 3, 1, np.nan], nan_ok=True)
    assert running_mean(series, 1).identical(series)
    assert float(running_mean(series[:3].astype(int), 3)[1]) == 3
    assert running_mean(series.chunk(time=2)).attrs["units"] == "K"
    for steps in (0, 2, -3):
        with pytest.raises(InputError, match="need an odd number"):
            running_mean(series, steps)
    with pytest.raises(InputError, match="takes a series"):
        running_mean(series.expand_dims(cell=2))


@pytest.mark.parametrize("calendar", ["standard", "noleap"])
@pytest.mark.parametrize(("freq", "step"), [("MS", "P1M"), ("D", "P1D")])
def test_running_mean_is_refused_across_a_break(calendar: str, freq: str, step: str) -> None:
    use_cftime = calendar != "standard"
    times = xr.date_range("2000-01-01", periods=9, freq=freq, calendar=calendar, use_cftime=use_cftime)
    series = xr.DataArray(np.arange(9.0), {"time": times}, ["time"])
    assert running_mean(series)[1:-1].to_numpy().tolist() == [1, 2, 3, 4, 5, 6, 7]
    last, first = str(series.time.values[3])[:10], str(series.time.values[5])[:10]
    broken = series.drop_isel(time=4)
    with pytest.raises(InputError, match=f"steps of {step} until {last}.* and then {first}"):
        running_mean(broken)
    filled = running_mean(broken.reindex(time=series.time))
    assert filled.to_numpy().tolist() == pytest.approx([np.nan, 1, 2, *[np.nan] * 3, 6, 7, np.nan], nan_ok=True)
    with pytest.raises(InputError, match="no regular length"):
        running_mean(series[::-1])
    assert running_mean(broken, 1).identical(broken)
    assert running_mean(broken[3:5]).isnull().all()
    assert int(running_mean(broken.assign_coords(time=np.arange(8.0) ** 2)).count()) == 6
