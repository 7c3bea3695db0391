"""Events by year: the reference tables, counted by hand, years with too few days."""

from pathlib import Path

import dask
import numpy as np
import pytest
import xarray as xr

from oceandata.analysis import detect_heatwaves, heatwave_climatology, yearly_heatwaves
from oceandata.errors import InputError
from oceandata.options import set_options
from tests.analysis.heatwaves.series import cells


@pytest.mark.parametrize("region", ["WA", "Med"])
def test_reference_blocks(shared_data: Path, region: str) -> None:
    """
    OISST 2.1, 1982 to 2022.

    The reference adds the cumulative intensity of an event that runs into another year to the wrong year; its mean
    times its count is right.
    """
    series = np.genfromtxt(shared_data / f"mhw-reference/sst_{region}.csv", delimiter=",", names=True, dtype=None)
    sst = xr.DataArray(series["temp"], {"time": series["t"].astype("M8[ns]")}, ["time"], attrs={"units": "degC"})
    years = yearly_heatwaves(detect_heatwaves(sst, heatwave_climatology(sst, period=(1982, 2011))))
    blocks = np.genfromtxt(shared_data / f"mhw-reference/block_{region}_mhw_1982-2011.csv", delimiter=",", names=True)
    assert years["year"].values.tolist() == blocks["years_start"].tolist()
    same = {name: name for name in years if name in blocks.dtype.names} | {"days": "total_days"}
    del same["intensity_cumulative"]
    assert len(same) == 9
    for name, theirs in same.items():
        np.testing.assert_allclose(years[name], blocks[theirs], rtol=0, atol=1e-9, err_msg=name)
    total = np.nan_to_num(blocks["intensity_cumulative"]) * blocks["count"]
    np.testing.assert_allclose(years["intensity_cumulative"], total, rtol=0, atol=1e-9)


def _flat(calendar: str = "standard") -> tuple[xr.DataArray, xr.Dataset]:
    sst = cells(years=3, shape=(1, 1), calendar=calendar).copy()
    sst[:] = 10.0
    clim = heatwave_climatology(sst)
    return sst, clim.assign(thresh=clim["thresh"] + 1)


@pytest.mark.parametrize("cold", [False, True])
def test_an_event_across_new_year_counts_once_and_its_days_where_they_lie(cold: bool) -> None:
    sst, clim = _flat()
    clim["thresh"] = clim["thresh"] - 2 * cold
    sign = -1 if cold else 1
    sst[360:370] = 10 + 2.5 * sign
    sst[500:506] = 10 + 4.0 * sign
    years = yearly_heatwaves(detect_heatwaves(sst, clim.assign_attrs(pctile=10 if cold else 90), cold=cold))
    cell = years.isel(lat=0, lon=0)
    assert cell["count"].values.tolist() == [1, 1, 0]
    assert cell["days"].values.tolist() == [5, 11, 0]
    assert cell["duration"].values.tolist()[:2] == [10, 6]
    assert (cell["intensity_max_max"].values[:2] * sign).tolist() == [2.5, 4.0]
    assert (cell["intensity_cumulative"].values * sign).tolist() == [25, 24, 0]
    assert cell["days_strong"].values.tolist() == [10, 0, 0]
    assert cell["days_extreme"].values.tolist() == [0, 6, 0]
    assert np.isnan(cell["duration"].values[2])
    assert years["days"].attrs["units"] == "d"
    assert years["intensity_cumulative"].attrs["units"] == "K d"


@pytest.mark.parametrize(("calendar", "length"), [("standard", 365), ("noleap", 365), ("360_day", 360)])
def test_years_with_too_few_days_are_unknown(calendar: str, length: int) -> None:
    """Four fifths of the days of the whole year are needed, also of a year in which the record begins."""
    needed = -(-length * 4 // 5)
    for valid, known in ((needed, True), (needed - 1, False)):
        sst, clim = _flat(calendar)
        gaps = sst.copy()
        gaps[valid:length] = np.nan
        for record in (gaps, sst[length - valid :]):
            years = yearly_heatwaves(detect_heatwaves(record, clim))
            assert years["count"].notnull().values.ravel().tolist() == [known, True, True]
    assert yearly_heatwaves(detect_heatwaves(gaps, clim), min_weight=0.5)["count"].notnull().all()
    with pytest.raises(InputError, match=r"min_weight is 1\.5"):
        yearly_heatwaves(detect_heatwaves(gaps, clim), min_weight=1.5)


@pytest.mark.filterwarnings("ignore::oceandata.errors.OceanDataWarning")
@pytest.mark.parametrize("chunks", [{"time": 300}, {"lat": 1}, {"time": 400, "lat": 1, "lon": 2}])
def test_lazy_years_are_the_same_and_land_is_unknown(chunks: dict[str, int]) -> None:
    sst = cells(shape=(3, 4))
    sst[:, 1, 2] = np.nan
    clim = heatwave_climatology(sst)
    with set_options(memory_bytes=25_000 * dask.system.CPU_COUNT):
        found = detect_heatwaves(sst.chunk(chunks), clim)
    assert found.parts.size >= 6
    lazy = yearly_heatwaves(found)
    assert dask.is_dask_collection(lazy["count"].data)
    events = detect_heatwaves(sst, clim)
    eager = yearly_heatwaves(events)
    xr.testing.assert_identical(lazy.compute(scheduler="sync").drop_attrs(), eager.drop_attrs())
    assert eager["count"].isnull().any("year").sum() == 1
    table = events.compute()
    assert float(eager["count"].sum()) == table.sizes["obs"]
    assert float(eager["days"].sum()) == int(table["duration"].sum())


def test_no_events_at_all() -> None:
    sst, clim = _flat()
    years = yearly_heatwaves(detect_heatwaves(sst, clim))
    assert years["count"].values.ravel().tolist() == [0, 0, 0]
    assert years["intensity_max_max"].isnull().all()
