"""Plans: what they say is what happens."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from oceandata import trade
from oceandata.analysis import anomaly, climatology, eof, mean
from oceandata.analysis.planning import plan
from oceandata.storage import open_dataset


@pytest.fixture
def sst(ostia_repository: Path) -> xr.DataArray:
    return open_dataset(ostia_repository)["surface_temperature"]


def test_a_mergeable_routine_reads_each_chunk_once(sst: xr.DataArray) -> None:
    found = plan(mean(sst - 273.15, "time"))
    assert found.pattern == "mergeable"
    assert found.decoded_bytes == found.read_bytes == sst.nbytes
    assert found.arrays[0].chunks == len(trade.lineage(sst).planned[0].chunks)
    assert 0 < found.streaming_tasks < found.tasks


def test_what_is_read_twice_says_so(sst: xr.DataArray) -> None:
    twice = plan(anomaly(sst))
    assert twice.arrays[0].reads == pytest.approx(2)
    assert twice.read_bytes == 2 * sst.nbytes
    assert "2 times" in str(twice)
    once = plan(anomaly(sst, climatology(sst).compute()))
    assert once.read_bytes == sst.nbytes
    assert once.pattern == "blocks"


def test_whole_columns_are_a_pattern_of_their_own(sst: xr.DataArray) -> None:
    assert plan(eof(sst, 2)).pattern == "column"


def test_planned_reads_are_those_that_are_metered(sst: xr.DataArray) -> None:
    result = mean(sst)
    expected = plan(result)
    made_of = trade.lineage(result)
    with trade.metering(made_of) as usage:
        result.compute()
    assert usage.matches
    assert sum(one.chunks for one in expected.arrays) == sum(len(one.chunks) for one in made_of.planned)


def test_peak_memory_grows_with_the_state_and_not_with_the_steps() -> None:
    def peak(steps: int, cells: int) -> int:
        return plan(climatology(_field(steps, cells))).peak_bytes

    assert peak(1200, 100) == peak(3600, 100)
    assert peak(120, 200) > peak(120, 100)


def _field(steps: int, cells: int) -> xr.DataArray:
    time = np.datetime64("1900-01", "M") + np.arange(steps)
    values = xr.DataArray(np.zeros((steps, cells)), {"time": time.astype("datetime64[ns]")}, ["time", "x"], name="t")
    return values.chunk(time=12)


def test_it_shows_in_a_notebook_and_names_what_is_unknown(sst: xr.DataArray) -> None:
    made: Any = plan(mean(_field(24, 100)))
    assert any("in memory" in one for one in made.unattributed)
    assert "<table" in plan(mean(sst))._repr_html_()
