"""Events and categories: published tables, the plain way, and the faults of other codes as tests."""

import pickle
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from oceandata import storage
from oceandata.analysis import detect_heatwaves, heatwave_categories, heatwave_climatology
from oceandata.errors import InputError
from oceandata.options import set_options
from oceandata.trade import lineage
from tests.analysis.heatwaves.plain import key_of, plain_events
from tests.analysis.heatwaves.series import cells

KINDS = {"Moderate": 1, "Strong": 2, "Severe": 3, "Extreme": 4}


def assert_table(found: xr.Dataset, expected: dict[str, list[Any]], atol: float = 1e-9) -> None:
    """Rows agree with a table whose columns are named as in the reference code."""
    assert found.sizes["obs"] == len(expected["duration"])
    for name, column in expected.items():
        own = name.replace("_relThresh", "_rel_thresh").replace("duration_", "days_")
        if own == "category":
            assert found["category"].values.tolist() == [KINDS.get(one, one) for one in column]
        elif own.startswith("date_"):
            assert found[own].values.astype("M8[D]").tolist() == np.array(column, "M8[D]").tolist()
        elif own in found:
            np.testing.assert_allclose(found[own], np.array(column, float), rtol=0, atol=atol, err_msg=name)


def _read_table(path: Path) -> dict[str, list[Any]]:
    header, *rows = [line.split(",") for line in path.read_text(encoding="utf-8").split()]
    return {name: [row[at] for row in rows] for at, name in enumerate(header)}


@pytest.mark.parametrize("chunks", [None, {"time": -1}, {"time": 1000}])
def test_closed_form(closed_form: xr.DataArray, chunks: dict[str, int] | None) -> None:
    """Values that the reference code gives for this formula."""
    sst = closed_form if chunks is None else closed_form.chunk(chunks)
    table = detect_heatwaves(sst, heatwave_climatology(sst, period=(1983, 2010))).compute()
    assert table.sizes["obs"] == 100
    assert int(table["duration"].sum()) == 945
    assert np.bincount(table["category"]).tolist() == [0, 97, 1, 1, 1]
    largest = table.isel(obs=np.argsort(-table["intensity_max"].to_numpy())[:3])
    expected = {
        "date_start": ["2011-01-03", "2003-06-21", "1998-04-20"],
        "date_peak": ["2011-02-12", "2003-08-06", "1998-05-03"],
        "date_end": ["2011-03-19", "2003-08-18", "1998-05-11"],
        "duration": [76, 59, 22],
        "days_moderate": [13, 39, 13],
        "days_strong": [13, 15, 9],
        "days_severe": [17, 4, 0],
        "days_extreme": [33, 0, 0],
        "intensity_max": [6.497003, 3.147181, 2.818984],
        "intensity_mean": [3.782303, 1.808425, 2.033982],
        "intensity_var": [1.695910, 0.653059, 0.513069],
        "intensity_cumulative": [287.455017, 106.697061, 44.747599],
        "rate_onset": [0.136459, 0.048444, 0.121361],
        "rate_decline": [0.155796, 0.172172, 0.213368],
    }
    assert_table(largest, expected, atol=5.1e-7)
    assert table["intensity_cumulative"].attrs["units"] == "K d"
    assert table["rate_onset"].attrs["units"] == "K d-1"
    assert table["intensity_max_abs"].attrs["units"] == "degC"


def test_cold_spells_of_the_closed_form(closed_form: xr.DataArray) -> None:
    clim = heatwave_climatology(closed_form, period=(1983, 2010), pctile=10)
    table = detect_heatwaves(closed_form, clim, cold=True).compute()
    assert table.sizes["obs"] == 99
    assert int(table["duration"].sum()) == 813
    assert (table["intensity_max"] < 0).all()
    assert (table["intensity_var"] >= 0).all()
    warm = heatwave_climatology(-closed_form, period=(1983, 2010))
    mirrored = detect_heatwaves(-closed_form, warm).compute()
    np.testing.assert_allclose(table["intensity_mean_abs"], -mirrored["intensity_mean_abs"], rtol=1e-12)
    assert table["category"].equals(mirrored["category"])
    for wrong in (lambda: detect_heatwaves(closed_form, clim), lambda: detect_heatwaves(closed_form, warm, cold=True)):
        with pytest.raises(InputError, match="the threshold is the percentile"):
            wrong()


@pytest.mark.parametrize(
    ("name", "pctile", "options"),
    [
        ("mhws_py", 90, {}),
        ("mhws_py_minD_3", 90, {"min_duration": 3}),
        ("mhws_py_minD_7", 90, {"min_duration": 7}),
        ("mhws_py_pctile_95", 95, {}),
    ],
)
def test_reference_tables(shared_data: Path, name: str, pctile: float, options: dict[str, int]) -> None:
    """Western Australia 1982 to 2014 with four sets of parameters."""
    values = np.loadtxt(shared_data / "MHWdetection/sst_WA_39b40da.csv", skiprows=1)
    time = (np.datetime64("1982-01-01") + np.arange(len(values))).astype("M8[ns]")
    sst = xr.DataArray(values, {"time": time}, ["time"])
    clim = heatwave_climatology(sst, period=(1982, 2014), pctile=pctile)
    found = detect_heatwaves(sst, clim, **options).compute()
    assert_table(found, _read_table(shared_data / f"MHWdetection/{name}.csv"))


@pytest.mark.parametrize("region", ["WA", "Med"])
@pytest.mark.parametrize("cold", [False, True])
def test_reference_events(shared_data: Path, region: str, cold: bool) -> None:
    """OISST 2.1: Western Australia with the event of 2011, the Mediterranean with that of 2003."""
    rows = _read_table(shared_data / f"mhw-reference/sst_{region}.csv")
    sst = xr.DataArray(np.array(rows["temp"], float), {"time": np.array(rows["t"], "M8[ns]")}, ["time"])
    clim = heatwave_climatology(sst, period=(1982, 2011), pctile=10 if cold else 90)
    found = detect_heatwaves(sst, clim, cold=cold).compute()
    kind = "mcs" if cold else "mhw"
    assert_table(found, _read_table(shared_data / f"mhw-reference/events_{region}_{kind}_1982-2011.csv"))
    if not cold:
        # as published; of the second the base period is not, which matters in the second digit
        start, duration, name, value, within = {
            "WA": ("2010-12-24", 105, "intensity_max", 6.5798, 1e-3),
            "Med": ("2003-06-02", 30, "intensity_mean", 4.0548, 0.03),
        }[region]
        event = found.isel(obs=[str(one).startswith(start) for one in found["date_start"].values])
        assert event["duration"].values.tolist() == [duration]
        assert float(event[name][0]) == pytest.approx(value, abs=within)


def _plain(sst: xr.DataArray, clim: xr.Dataset, **options: Any) -> list[dict[str, Any]]:
    """Events of every cell of a field with daily steps, in order of cell and day."""
    calendar = sst.time.dt.calendar
    keys = [key_of(m, d, calendar) for m, d in zip(sst.time.dt.month.values, sst.time.dt.day.values, strict=True)]
    days = clim.sel(dayofyear=keys)
    rows = []
    for number, (y, x) in enumerate(np.ndindex(sst.shape[1:])):
        series = [one.to_numpy()[:, y, x] for one in (sst, days["seas"], days["thresh"])]
        rows += [{"cell": number} | event for event in plain_events(*series, **options)]
    return rows


@pytest.mark.filterwarnings("ignore::oceandata.errors.OceanDataWarning")
@settings(max_examples=15)
@given(
    memory=st.sampled_from([15_000, 10**9]),
    seed=st.integers(0, 99),
    gaps=st.sampled_from([0.0, 0.05, 0.5]),
    calendar=st.sampled_from(["standard", "noleap", "360_day"]),
    chunks=st.sampled_from([{"time": 300}, {"time": -1, "lon": 1}, {"time": 77, "lat": 1, "lon": 2}]),
    min_duration=st.sampled_from([1, 3, 5]),
    max_gap=st.sampled_from([0, 2, 4]),
)
def test_the_plain_way_with_gaps_in_any_chunks(
    memory: int, seed: int, gaps: float, calendar: str, chunks: dict[str, int], min_duration: int, max_gap: int
) -> None:
    sst = cells(seed=seed, calendar=calendar)
    sst = sst.where(np.random.default_rng(seed).random(sst.shape) >= gaps)
    sst[:, 1, 1] = np.nan
    options = {"min_duration": min_duration, "max_gap": max_gap}
    before = sst.copy(deep=True)
    clim = heatwave_climatology(sst, pctile=80)
    expected = _plain(sst, clim, **options)
    lazy = sst.chunk(chunks)
    with set_options(memory_bytes=memory * dask.system.CPU_COUNT):
        both = detect_heatwaves(lazy, heatwave_climatology(lazy, pctile=80), **options)
        category = heatwave_categories(lazy, clim, **options)
    assert (both.parts.size > 1) == (memory < 10**9)
    assert category.chunks == lazy.chunks
    assert category.dtype == np.uint8
    table, marks = dask.compute(both, category, scheduler="sync")
    xr.testing.assert_identical(detect_heatwaves(sst, clim, **options).compute().drop_attrs(), table.drop_attrs())
    xr.testing.assert_identical(sst, before)
    assert table.sizes["obs"] == len(expected)
    for name in expected[0] if expected else ():
        if name in table:
            column = [event[name] for event in expected]
            np.testing.assert_allclose(table[name], column, rtol=0, atol=1e-9, err_msg=name)
    for name, kind in (("start", "date_start"), ("peak", "date_peak"), ("end", "date_end")):
        assert table[kind].values.tolist() == sst.time.values[[event[name] for event in expected]].tolist()
    assert (marks == 255).equals(sst.isnull())
    for number, name in enumerate(("moderate", "strong", "severe", "extreme"), 1):
        assert int((marks == number).sum()) == int(table[f"days_{name}"].sum())


def _flat(days: int = 1461) -> xr.DataArray:
    time = np.arange("2001-01-01", "2005-01-01", dtype="M8[D]").astype("M8[ns]")[:days]
    return xr.DataArray(np.full(len(time), 10.0), {"time": time}, ["time"], name="sst", attrs={"units": "degC"})


def _flat_climatology(seas: float = 10.0, thresh: float = 11.0) -> xr.Dataset:
    clim = heatwave_climatology(_flat())
    return clim.assign(seas=clim["seas"] * 0 + seas, thresh=clim["thresh"] * 0 + thresh)


def test_exceeding_is_strict_and_the_shortest_run_counts() -> None:
    sst = _flat()
    sst[10:15], sst[30:34], sst[50:60] = 12.0, 12.0, 11.0
    table = detect_heatwaves(sst, _flat_climatology()).compute()
    assert table["duration"].values.tolist() == [5]
    assert str(table["date_start"].values[0])[:10] == "2001-01-11"


def test_short_runs_are_never_joined_and_gaps_only_up_to_the_longest() -> None:
    sst = _flat()
    for start, stop in ((10, 15), (17, 22), (25, 30), (100, 104), (105, 109)):
        sst[start:stop] = 12.0
    found = detect_heatwaves(sst, _flat_climatology()).compute()
    assert found["duration"].values.tolist() == [12, 5]
    assert detect_heatwaves(sst, _flat_climatology(), max_gap=3).compute()["duration"].values.tolist() == [20]
    assert detect_heatwaves(sst, _flat_climatology(), max_gap=0).compute()["duration"].values.tolist() == [5, 5, 5]


@pytest.mark.parametrize(("missing", "expected"), [(1, [76]), (2, [76]), (3, [38, 35]), (4, [38, 34])])
def test_missing_days_end_an_event_beyond_the_longest_gap(
    closed_form: xr.DataArray, missing: int, expected: list[int]
) -> None:
    """One missing day keeps the event of 76 days, four split it in 38 and 34; the days may also be left out."""
    clim = heatwave_climatology(closed_form, period=(1983, 2010))
    start = int(np.flatnonzero(closed_form.time == np.datetime64("2011-01-03"))[0])
    gaps = closed_form.copy()
    gaps[start + 38 : start + 38 + missing] = np.nan
    for sst in (gaps, gaps.dropna("time")):
        table = detect_heatwaves(sst, clim).compute().sel(obs=slice(None))
        table = table.isel(obs=(table["date_start"] >= np.datetime64("2011-01-03")).to_numpy())
        table = table.isel(obs=(table["date_end"] <= np.datetime64("2011-03-19")).to_numpy())
        assert table["duration"].values.tolist() == expected
        assert int(table["days_missing"].sum()) == (missing if len(expected) == 1 else 0)
    assert detect_heatwaves(gaps, clim, max_pad=missing).compute()["duration"].max() == 76


def test_missing_days_count_as_the_climatology() -> None:
    sst = _flat()
    sst[10:20] = 12.0
    sst[14] = np.nan
    (mean,) = detect_heatwaves(sst, _flat_climatology(), min_duration=4).compute()["intensity_mean"].values
    assert mean == pytest.approx(1.8)


@pytest.mark.parametrize("end", ["first", "last"])
def test_rates_at_the_ends_of_the_record(end: str) -> None:
    """A peak on the edge takes one day; elsewhere there is half a day before the first and after the last."""
    sst = _flat(100)
    shape = np.array([15.0, 14.0, 13.0, 12.0, 11.5])
    sst[:5], sst[-5:] = (shape, 10.0) if end == "first" else (10.0, shape[::-1])
    (onset,), (decline,) = (
        detect_heatwaves(sst, _flat_climatology()).compute()[name].values for name in ("rate_onset", "rate_decline")
    )
    edge, inner = (onset, decline) if end == "first" else (decline, onset)
    assert edge == 0
    assert inner == pytest.approx((5 - (1.5 + 0) / 2) / 4.5)


def test_peak_on_the_first_day_inside_the_record() -> None:
    """Other code divides by three times too long."""
    sst = _flat()
    sst[10:15] = [15.0, 14.0, 13.0, 12.0, 11.5]
    table = detect_heatwaves(sst, _flat_climatology()).compute()
    assert float(table["rate_onset"][0]) == pytest.approx((5 - (5 + 0) / 2) / 0.5)


def test_the_worst_day_makes_the_category() -> None:
    """Severity grows with heat: its largest value is the most severe day, 4 at most."""
    for top, kind in ((11.5, 1), (12.5, 2), (13.5, 3), (14.5, 4), (30.0, 4)):
        sst = _flat()
        sst[10:16] = [11.2, 11.3, top, 11.4, 11.3, 11.2]
        table = detect_heatwaves(sst, _flat_climatology()).compute()
        assert table["category"].values.tolist() == [kind]


def test_spread_has_divisor_n() -> None:
    sst = _flat()
    sst[10:15] = [12.0, 13.0, 14.0, 13.0, 12.0]
    table = detect_heatwaves(sst, _flat_climatology()).compute()
    assert float(table["intensity_var"][0]) == pytest.approx(np.std([2, 3, 4, 3, 2]))


@pytest.mark.parametrize("thresh", [10.0, 9.0])
def test_threshold_not_above_the_climatology_has_no_category(thresh: float) -> None:
    """As under ice: no crash, category 0, and the days are counted."""
    sst = _flat()
    sst[10:20] = 12.0
    clim = _flat_climatology(thresh=thresh)
    if thresh < 10:
        clim["thresh"][50:] = 20.0
    table = detect_heatwaves(sst, clim).compute()
    assert set(table["category"].values.tolist()) == {0}
    assert table["days_without_category"].values.tolist() == table["duration"].values.tolist()
    assert not heatwave_categories(sst, clim).any()


def test_ice_has_no_events_by_rounding() -> None:
    ice = _flat() * 0 - 1.8
    assert detect_heatwaves(ice, heatwave_climatology(ice)).compute().sizes["obs"] == 0


def test_a_call_remembers_nothing_of_the_one_before(closed_form: xr.DataArray) -> None:
    """Another code keeps the base period of its first call."""
    whole = detect_heatwaves(closed_form, heatwave_climatology(closed_form)).compute()
    short = closed_form.sel(time=slice("1990", "2011"))
    detect_heatwaves(short, heatwave_climatology(short)).compute()
    again = detect_heatwaves(closed_form, heatwave_climatology(closed_form)).compute()
    xr.testing.assert_equal(whole, again)
    assert str(whole["date_start"].values[0]) < "1990" < str(again["date_end"].values[-1])


def test_rows_are_events_not_slots() -> None:
    """As many rows as events, whatever cells they are in."""
    sst = cells(shape=(3, 3))
    table = detect_heatwaves(sst.chunk(lat=1), heatwave_climatology(sst)).compute()
    assert set(table.sizes) == {"obs"}
    assert table.sizes["obs"] == len(_plain(sst, heatwave_climatology(sst)))
    for name in ("lat", "lon"):
        index = np.unravel_index(table["cell"].to_numpy(), (3, 3))[("lat", "lon").index(name)]
        np.testing.assert_array_equal(table[name], sst[name].to_numpy()[index])
        assert table[name].attrs["units"] == sst[name].attrs["units"]


def test_two_dimensional_coordinates_and_other_orders() -> None:
    sst = cells().rename(lat="y", lon="x").transpose("x", "time", "y").drop_vars("x")
    sst = sst.assign_coords(latitude=(("y", "x"), np.arange(6.0).reshape(2, 3)), depth=0.5)
    table = detect_heatwaves(sst, heatwave_climatology(sst)).compute()
    place = np.unravel_index(table["cell"].to_numpy(), (3, 2))
    np.testing.assert_array_equal(table["x"], place[0])
    np.testing.assert_array_equal(table["latitude"], sst["latitude"].to_numpy()[place[1], place[0]])
    assert float(table["depth"]) == 0.5
    plain = sst.transpose("time", "y", "x")
    expected = detect_heatwaves(plain, heatwave_climatology(plain)).compute()
    assert sorted(table["intensity_max"].values) == sorted(expected["intensity_max"].values)


def test_detrended_events_do_not_follow_the_warming(closed_form: xr.DataArray) -> None:
    warming = closed_form + 3e-4 * np.arange(closed_form.size)
    flat = heatwave_climatology(closed_form, baseline="detrended")
    clim = heatwave_climatology(warming.assign_attrs(closed_form.attrs), baseline="detrended")
    expected, found = (detect_heatwaves(a, c).compute() for a, c in ((closed_form, flat), (warming, clim)))
    np.testing.assert_array_equal(found["date_start"], expected["date_start"])
    np.testing.assert_allclose(found["intensity_mean"], expected["intensity_mean"], rtol=0, atol=1e-9)
    steps = np.searchsorted(closed_form.time.values, found["date_peak"].values)
    np.testing.assert_allclose(found["intensity_max_abs"], warming.to_numpy()[steps], rtol=0, atol=1e-9)
    part = detect_heatwaves(warming.sel(time=slice("2000", None)), clim).compute()
    late = found.isel(obs=(found["date_start"] >= np.datetime64("2000-02-01")).to_numpy())
    np.testing.assert_allclose(part["intensity_mean"][-late.sizes["obs"] :], late["intensity_mean"], rtol=0, atol=1e-9)
    clim["trend"].attrs.clear()
    with pytest.raises(InputError, match="no attribute zero_day"):
        detect_heatwaves(warming, clim)


def test_climatology_of_another_grid_calendar_or_unit_is_refused() -> None:
    sst = cells()
    clim = heatwave_climatology(sst)
    refused = {
        "no variables seas and thresh": (sst, clim.rename(seas="mean")),
        "need the 366 of the calendar": (sst, heatwave_climatology(cells(calendar="noleap"))),
        "has 2 cells along 'lon', the data 3": (sst, clim.isel(lon=slice(2))),
        "lies on other 'lat' values": (sst, clim.assign_coords(lat=[0.0, 1.0])),
        "has dimensions": (sst, clim.isel(lat=0)),
        "climatology is in 'degC', the data in 'K'": (sst.assign_attrs(units="K"), clim),
    }
    for message, (data, other) in refused.items():
        with pytest.raises(InputError, match=message):
            detect_heatwaves(data, other)
        with pytest.raises(InputError, match=message):
            heatwave_categories(data, other)
    for name in ("min_duration", "max_gap", "max_pad"):
        with pytest.raises(InputError, match=f"{name} is -1"):
            detect_heatwaves(sst, clim, **{name: -1})


def test_events_are_a_dask_collection() -> None:
    sst = cells().chunk(lat=1)
    events = detect_heatwaves(sst, heatwave_climatology(sst))
    assert dask.is_dask_collection(events)
    assert not dask.is_dask_collection(detect_heatwaves(cells(), heatwave_climatology(cells())))
    assert dask.base.tokenize(events) == dask.base.tokenize(detect_heatwaves(sst, heatwave_climatology(sst)))
    (kept,) = dask.persist(events, scheduler="sync")
    again = pickle.loads(pickle.dumps(events))
    for other in (kept, again):
        xr.testing.assert_identical(other.compute(scheduler="sync"), events.compute(scheduler="sync"))


def test_lineage_sees_every_chunk(ostia_file: Path, tmp_path: Path) -> None:
    """A daily record in a repository: the chunks of events and categories are all the chunks of the data."""
    cells(years=3).chunk(time=100).to_netcdf(tmp_path / "daily.nc")
    storage.write_repository(storage.plan_ingest([tmp_path / "daily.nc"], tmp_path / "sst", chunk_bytes=10_000))
    sst = storage.open_dataset(tmp_path / "sst", chunks={})["sst"]
    clim = heatwave_climatology(sst - 1)
    for result in (clim, detect_heatwaves(sst, clim), heatwave_categories(sst, clim)):
        found = lineage(result)
        assert not found.unattributed
        (one,) = found.planned
        assert one.shape == sst.shape
        assert len(one.chunks) == len(sst.data.chunks[0]) > 3


def test_categories_are_labelled(closed_form: xr.DataArray) -> None:
    category = heatwave_categories(closed_form.chunk(time=1000), heatwave_climatology(closed_form))
    assert category.attrs["flag_values"].tolist() == [0, 1, 2, 3, 4]
    assert category.attrs["flag_meanings"] == "none moderate strong severe extreme"
    assert category.encoding["_FillValue"] == 255
    assert category.attrs["long_name_zh"] == "海洋热浪等级"
