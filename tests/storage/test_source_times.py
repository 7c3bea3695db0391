"""Notes on the time axis of files: dates or none, and the first gap."""

import re

import numpy as np
import pytest
import xarray as xr

from oceandata.storage.source_times import time_label, time_notes
from oceandata.storage.sources import open_sources

MONTHS = [f"2000-{month:02d}-01" for month in range(1, 13)]


def _gap(pieces):
    """Notes but the first, which says how the axis is stored."""
    return time_notes("time", "days since 2000-01-01", pieces)[1:]


def _dates(*dates):
    return xr.DataArray(np.array(dates, "M8[us]"), dims="time")


@pytest.mark.parametrize(
    ("dates", "gap"),
    [
        (MONTHS[:4] + MONTHS[6:], r"steps are P1M but for gaps \(1\); at the first, 2000-07-01 follows 2000-04-01"),
        (MONTHS[:1] + MONTHS[3:7] + MONTHS[10:], "2.; at the first, 2000-04-01 follows 2000-01-01"),
        ([*(f"2000-01-{day:02d}" for day in (1, 2, 3, 7, 8))], "steps are P1D .* 2000-01-07 follows 2000-01-03"),
        ([f"2000-01-01T{hour:02d}" for hour in (0, 6, 18)] + ["2000-01-02", "2000-01-02T06"], "PT6H .* 18:00 follows"),
        (["2000-01-01", "2000-02-10", "2000-03-21", "2000-06-09", "2000-07-19"], "P40D .* 2000-06-09 follows"),
    ],
)
def test_the_first_gap_is_named(dates, gap):
    for cut in (0, 2, len(dates)):  # whether the gap lies in a file or between two
        (note,) = _gap([_dates(*dates[:cut]), _dates(*dates[cut:])])
        assert re.search(gap, note), note


@pytest.mark.parametrize(
    "dates",
    [
        MONTHS,
        MONTHS[:1] + MONTHS[2:4],
        ["2000-01-15", "2000-02-14T12", "2000-03-16", "2000-04-15", "2000-05-16"],
        ["2000-01-01", "2000-01-02", "2000-01-05", "2000-01-09", "2000-01-20"],
        [f"{year}-{month}" for year in (2000, 2001) for month in ("01-01", "06-29", "12-26")],
    ],
    ids=["regular", "short", "mid-month", "irregular", "anew each year"],
)
def test_what_has_no_usual_step_has_no_gap(dates):
    assert _gap([_dates(*dates)]) == []


def test_numbers_have_no_period_but_gaps():
    numbers = xr.DataArray(np.array([0, 0.1, 0.2, 0.5, 0.6], "f4"), dims="time")
    assert time_notes("t", "", [numbers]) == [
        "t: no calendar units, stored as plain numbers; the entry will have no period",
        "t: steps are 0.1 but for gaps (1); at the first, 0.5 follows 0.2",
    ]
    assert len(time_notes("t", "", [numbers[:3]])) == 1


def test_gaps_of_files_are_in_the_notes(ocean_file):
    paths = [ocean_file(f"{n}.nc", times=times) for n, times in enumerate(([0, 1, 2, 3], [6, 7, 8, 9]))]
    notes = open_sources(paths).notes
    assert "time: steps are P1D but for gaps (1); at the first, 2000-01-07 follows 2000-01-04" in notes
    assert not any("gap" in note for note in open_sources(paths[:1]).notes)


def test_labels():
    assert time_label(np.datetime64("2000-01-31T06:30:10", "us")) == "2000-01-31 06:30"
    assert time_label(37255.0) == "37255.0"
