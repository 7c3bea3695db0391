"""Trends, detrending and harmonic fits: closed forms, NumPy's own least squares, any chunking, gaps of each cell."""

from pathlib import Path
from typing import Any

import cftime
import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from oceandata import trade
from oceandata.analysis import detrend, harmonic_fit, statistics, trend
from oceandata.analysis.regression import Regression
from oceandata.analysis.trends import TIDES
from oceandata.errors import InputError
from oceandata.storage import open_dataset

YEAR_DAYS = 365.2425


def _daily(steps: int, cells: int = 6, *, gaps: float = 0.0, seed: int = 0) -> xr.DataArray:
    random = np.random.default_rng(seed)
    days = np.arange(steps)
    noise = random.normal(0, 0.5, (steps, cells))
    for step in range(1, steps):
        noise[step] += 0.6 * noise[step - 1]
    slopes = np.linspace(-0.4, 0.4, cells)
    values = 288 + slopes * days[:, None] / YEAR_DAYS + 3 * np.cos(2 * np.pi * days / YEAR_DAYS - 1)[:, None] + noise
    values[random.random(values.shape) < gaps] = np.nan
    values[:, 0] = np.nan
    time = np.datetime64("1990-01-01", "ns") + days.astype("timedelta64[D]")
    array = xr.DataArray(values, {"time": time}, ["time", "cell"], name="sst")
    return array.assign_attrs(units="degC", standard_name="sea_surface_temperature", long_name="SST")


def _expected(series: xr.DataArray, harmonics: tuple[int, ...] = ()) -> tuple[float, float, float]:
    """Slope a decade, its standard error and r1 of one cell, by NumPy's least squares on the valid steps."""
    days = (series.time.values - series.time.values[0]) / np.timedelta64(1, "D")
    columns = [np.ones_like(days), days / YEAR_DAYS / 10]
    for cycles in harmonics:
        angle = 2 * np.pi * cycles * days / YEAR_DAYS
        columns += [np.cos(angle), np.sin(angle)]
    design = np.stack(columns, 1)
    valid = ~np.isnan(series.values)
    b = np.linalg.lstsq(design[valid], series.values[valid], rcond=None)[0]
    e = np.where(valid, series.values - design @ b, 0.0)
    pairs, n = (valid[1:] & valid[:-1]).sum(), valid.sum()
    r1 = (e[1:] * e[:-1]).sum() / pairs / ((e**2).sum() / n)
    effective = n * (1 - max(r1, 0)) / (1 + max(r1, 0))
    spread = (e**2).sum() / (effective - design.shape[1])
    if spread <= 0:
        return float(b[1]), np.nan, float(r1)
    error = np.sqrt(spread * np.linalg.inv(design[valid].T @ design[valid])[1, 1])
    return float(b[1]), float(error), float(r1)


@pytest.mark.parametrize("harmonics", [(), (1, 2)])
@pytest.mark.parametrize("gaps", [0.0, 0.3])
def test_each_cell_is_fitted_to_its_own_steps(gaps: float, harmonics: tuple[int, ...]) -> None:
    sst = _daily(900, gaps=gaps)
    found = trend(sst.chunk(time=100, cell=4), harmonics=harmonics).compute()
    for cell in range(1, sst.sizes["cell"]):
        slope, error, r1 = _expected(sst.isel(cell=cell), harmonics)
        assert float(found.slope[cell]) == pytest.approx(slope, rel=1e-8, abs=1e-10)
        assert float(found.stderr[cell]) == pytest.approx(error, rel=1e-8, nan_ok=True)
        assert float(found.r1[cell]) == pytest.approx(r1, rel=1e-8)
        freedom = float(found.n_eff[cell]) - 2 - 2 * len(harmonics)
        doubt = 2 * stats.t.sf(abs(slope / error), freedom)
        assert float(found.p_value[cell]) == pytest.approx(doubt, rel=1e-6, nan_ok=True)
    assert np.isnan(found.slope[0])
    assert found["count"][0] == 0


def test_a_line_with_a_season_gives_its_slope() -> None:
    time = np.datetime64("2000-01-01", "ns") + np.arange(3650).astype("timedelta64[D]")
    years = np.arange(3650) / YEAR_DAYS
    values = 2 + 0.03 * years + np.sin(2 * np.pi * years)
    found = trend(xr.DataArray(values, {"time": time}, ["time"], name="y"), harmonics=(1,), per="year")
    assert float(found.slope) == pytest.approx(0.03, abs=1e-12)
    assert float(found.p_value) == 0


@settings(max_examples=25)
@given(
    steps=st.integers(1, 60),
    cells=st.integers(1, 4),
    cut=st.integers(1, 60),
    seed=st.integers(0, 99),
    time_first=st.booleans(),
)
def test_any_chunking_gives_the_same(steps: int, cells: int, cut: int, seed: int, time_first: bool) -> None:
    sst = _daily(steps, cells, gaps=0.3, seed=seed) * 1e3
    sst = sst if time_first else sst.T
    whole = trend(sst)
    parts = trend(sst.chunk(time=min(cut, steps), cell=1)).compute(scheduler="sync")
    for name in whole.data_vars:
        scale = max(1.0, float(np.nanmax(np.abs(whole[name].values), initial=0.0)))
        np.testing.assert_allclose(parts[name], whole[name], rtol=1e-7, atol=1e-7 * scale)


def test_a_large_mean_costs_no_digits() -> None:
    sst = _daily(400)
    shifted = trend((sst + 1e7).chunk(time=30)).compute()
    np.testing.assert_allclose(shifted.slope, trend(sst).slope, rtol=1e-6)
    np.testing.assert_allclose(shifted.stderr, trend(sst).stderr, rtol=1e-6)


def test_too_few_steps_are_unknown_not_zero() -> None:
    sst = _daily(40)
    sst[:, 1] = np.nan
    sst[5, 1] = 3.0
    found = trend(sst)
    assert np.isnan(found.slope[1])
    assert found["count"][1] == 1
    assert np.isnan(trend(sst[:2]).stderr).all()


def test_calendars_have_their_own_year() -> None:
    time = [cftime.Datetime360Day(2000 + n // 360, n // 30 % 12 + 1, n % 30 + 1) for n in range(1080)]
    series = xr.DataArray(0.5 * np.arange(1080) / 360, {"time": time}, ["time"], name="y")
    assert float(trend(series, per="year").slope) == pytest.approx(0.5, rel=1e-9)


def test_attributes_tell_what_it_is() -> None:
    found = trend(_daily(50))
    assert found.slope.attrs["units"] == "K decade-1"
    assert found.slope.attrs["long_name_zh"] == "SST的变化趋势"
    assert "standard_name" not in found.slope.attrs
    assert "trend(order=1" in found.slope.attrs["history"]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda sst: trend(sst, per="month"), "one of year, decade, century"),
        (lambda sst: trend(sst, order=0), "order of 1 to 3"),
        (lambda sst: trend(sst, harmonics=(0,)), "whole cycles"),
        (lambda sst: trend(sst[::-1]), "do not increase"),
        (lambda sst: harmonic_fit(sst, ["M9"]), "'M9' is unknown"),
        (lambda sst: harmonic_fit(sst, [0.0]), "above zero"),
        (lambda sst: detrend(sst, order=7), "need 0 to 3"),
    ],
)
def test_what_cannot_be_is_refused(call: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        call(_daily(30))


@pytest.mark.parametrize("lazy", [True, False])
def test_detrended_values_have_no_trend_left(lazy: bool) -> None:
    sst = _daily(400, gaps=0.2)
    given_ = sst.chunk(time=50, cell=2) if lazy else sst
    plain = detrend(given_, harmonics=(1,))
    assert plain.chunks == given_.chunks
    left = trend(plain.compute(), harmonics=(1,))
    assert float(abs(left.slope[1:]).max()) < 1e-9
    np.testing.assert_array_equal(plain.isnull(), sst.isnull())
    assert plain.attrs["units"] == "K"
    kept = detrend(given_, keep_mean=True).compute()
    assert kept.attrs["units"] == "degC"
    assert float(abs(kept - 288).mean()) < 10


def test_tides_come_back_with_amplitude_and_phase() -> None:
    time = np.datetime64("2010-03-01", "ns") + np.arange(24 * 90).astype("timedelta64[h]")
    hours = (time - np.datetime64("1970-01-01", "ns")) / np.timedelta64(1, "h")
    level = 0.01 * hours / 24
    for name, amplitude, phase in (("M2", 2.0, 40.0), ("K1", 0.7, 350.0)):
        level = level + amplitude * np.cos(np.radians(TIDES[name] * hours - phase))
    series = xr.DataArray(da.from_array(level, chunks=500), {"time": time}, ["time"], name="ssh", attrs={"units": "m"})
    found = harmonic_fit(series, ["M2", "K1"]).compute()
    np.testing.assert_allclose(found.amplitude, [2.0, 0.7], rtol=1e-6)
    np.testing.assert_allclose(found.phase, [40.0, 350.0], atol=1e-4)
    assert found.period.values == pytest.approx([12.4206012 / 24, 23.9344696 / 24], rel=1e-7)


def test_a_trend_is_fused_with_other_statistics() -> None:
    sst = _daily(300, gaps=0.1).chunk(time=40)
    fused = statistics(sst, {"trend": {"harmonics": (1,)}, "mean": {"dim": "time"}})
    xr.testing.assert_allclose(fused["trend"].compute(), trend(sst, harmonics=(1,)).compute())


def test_lineage_of_a_trend_sees_every_chunk(ostia_repository: Path) -> None:
    variable = open_dataset(ostia_repository)["surface_temperature"]
    planned = trade.lineage(trend(variable)).planned
    assert {one.variable for one in planned} == {"surface_temperature"}
    assert len(planned[0].chunks) == len(trade.lineage(variable.mean()).planned[0].chunks)


def test_stretches_that_do_not_touch_are_not_merged() -> None:
    fold = Regression(0, np.ones((30, 1)))
    states = []
    for start in (0, 20):
        region = (slice(start, start + 10), slice(0, 1))
        state = fold.begin(region)
        fold.add(state, np.ones((10, 1)), region, (slice(0, 10), slice(0, 1)))
        states.append(state)
    with pytest.raises(InputError, match="do not follow each other"):
        fold.merge(*states)


def test_dask_may_compute_the_whole_dataset() -> None:
    sst = _daily(90).chunk(time=30)
    for lazy in (trend(sst), harmonic_fit(sst, [10.0, 20.0])):
        xr.testing.assert_allclose(dask.compute({"found": lazy})[0]["found"], lazy.compute())


def test_a_result_is_not_stored_as_its_source_was() -> None:
    time = np.arange("2001-01", "2004-01", dtype="datetime64[M]").astype("datetime64[ns]")
    sst = xr.DataArray(np.arange(36.0), {"time": time}, ["time"], name="sst")
    sst.encoding = {"dtype": "int16", "scale_factor": 0.1}
    assert detrend(sst).encoding == {}
    assert sst.encoding["dtype"] == "int16"
