"""Fused statistics: the same numbers as one by one, and every block read once."""

from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr

from oceandata import analysis
from oceandata.analysis import statistics
from oceandata.analysis.accumulators import GroupedMoments
from oceandata.analysis.statistics import mergeable_routines
from oceandata.errors import InputError, MemoryBudgetError
from oceandata.options import set_options

ASKED: dict[str, dict[str, Any]] = {
    "mean": {"dim": "time"},
    "whole": {"routine": "mean"},
    "variance": {"dim": "time"},
    "extremes": {"dim": ["lat", "lon"]},
    "climatology": {},
    "area_mean": {},
}


def _sst(watch: Any = None) -> xr.DataArray:
    random = np.random.default_rng(5)
    values = random.normal(15, 4, (36, 8, 12)).astype(np.float32)
    values[:, :3, :4] = np.nan
    values[random.random(values.shape) < 0.1] = np.nan
    array = da.from_array(values, chunks=(5, 4, 12))
    if watch is not None:
        array = array.map_blocks(watch, dtype=array.dtype, meta=np.empty((0, 0, 0), np.float32))
    coords = {
        "time": np.arange("2001-01", "2004-01", dtype="datetime64[M]").astype("datetime64[ns]"),
        "lat": ("lat", np.arange(-35.0, 45, 10), {"units": "degrees_north"}),
        "lon": ("lon", np.arange(15.0, 360, 30), {"units": "degrees_east"}),
    }
    return xr.DataArray(array, coords, ["time", "lat", "lon"], name="sst", attrs={"units": "degC"})


def _alone(label: str, sst: xr.DataArray) -> Any:
    arguments = dict(ASKED[label])
    return getattr(analysis, arguments.pop("routine", label))(sst, **arguments)


def test_fused_gives_what_each_gives_alone() -> None:
    sst = _sst()
    fused = dask.compute(statistics(sst, ASKED), scheduler="threads")[0]
    assert list(fused) == list(ASKED)
    for label, found in fused.items():
        alone = _alone(label, sst).compute(scheduler="sync")
        xr.testing.assert_allclose(found, alone, rtol=1e-13)
        assert found.attrs.get("cell_methods") == alone.attrs.get("cell_methods")


def test_equal_statistics_are_accumulated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    added: list[str] = []
    add = GroupedMoments.add

    def counted(self: GroupedMoments, state: Any, block: Any, region: Any, within: Any) -> None:
        added.append(str(region))
        add(self, state, block, region, within)

    monkeypatch.setattr(GroupedMoments, "add", counted)
    sst = _sst()
    asked: dict[str, dict[str, Any]] = {
        "climatology": {},
        "spread": {"routine": "climatology", "spread": True},
        "seasons": {"routine": "climatology", "freq": "season"},
    }
    found = dask.compute(statistics(sst, asked), scheduler="sync")[0]
    blocks = sst.data.npartitions
    assert len(added) == 2 * blocks
    assert len(set(added)) == blocks
    xr.testing.assert_allclose(found["spread"], analysis.climatology(sst, spread=True).compute(scheduler="sync"))


def test_every_block_is_evaluated_once_for_all() -> None:
    made: list[int] = []

    def watched(block: Any) -> Any:
        made.append(1)
        return block

    sst = _sst(watched)
    made.clear()
    dask.compute(statistics(sst, ASKED), scheduler="sync")
    assert len(made) == sst.data.npartitions
    made.clear()
    dask.compute({label: _alone(label, sst) for label in ASKED}, scheduler="sync")
    assert len(made) > sst.data.npartitions


def test_an_array_in_memory_works_too() -> None:
    found = statistics(_sst().compute(), ["climatology", "area_mean"])
    xr.testing.assert_allclose(found["area_mean"], analysis.area_mean(_sst()).compute(), rtol=1e-13)


@pytest.mark.parametrize(
    ("routines", "said"),
    [
        ([], "routines is empty"),
        (["meen"], "is no routine"),
        (["running_mean"], "not mergeable"),
        ({"mean": {"axis": "time"}}, "unexpected keyword"),
        ({"mean": {"dim": "tme"}}, "no dimension 'tme'"),
    ],
)
def test_what_cannot_be_is_refused(routines: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        statistics(_sst(), routines)


def test_routines_that_fuse_are_named() -> None:
    assert {"mean", "integral", "variance", "extremes", "climatology", "area_mean"} <= set(mergeable_routines())
    assert "running_mean" not in mergeable_routines()


def test_states_beyond_the_memory_are_refused_with_blocks_that_fit() -> None:
    values = da.zeros((24, 4000, 500), chunks=(12, 4000, 500), dtype="f4")
    field = xr.DataArray(values, dims=["time", "y", "x"], name="t")
    with set_options(memory_bytes=20_000_000):
        with pytest.raises(MemoryBudgetError, match="at most 2500 along dimension 1, now 4000"):
            statistics(field, {"mean": {"dim": "time"}})
        assert statistics(field.chunk(y=2000), {"mean": {"dim": "time"}})["mean"].shape == (4000, 500)
