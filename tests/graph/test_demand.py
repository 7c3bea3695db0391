"""Reads found without optimising the graph are those found in the optimised graph, whatever a person makes of it."""

from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr

from oceandata import storage
from oceandata.analysis.accumulators import WeightedSum
from oceandata.analysis.streaming import accumulate
from oceandata.graph import Reading, find_reads, read_plan, sources


def _facts(reading: Reading) -> Any:
    return [(read.path, str(read.store), read.chunks) for read in reading.arrays], reading.unattributed


def _assert_the_same(*objects: Any) -> Reading:
    """The same chunks; how much of a chunk Dask takes at once for a slice of a slice is its own affair."""
    found, planned = find_reads(*objects), read_plan(*objects)
    assert _facts(found) == _facts(planned)
    return found


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left to the slower way."""

    def refused(*objects: Any) -> Reading:
        pytest.fail("the graph was optimised after all")

    real = sources.read_plan
    monkeypatch.setattr(sources, "read_plan", refused)
    monkeypatch.setattr(f"{__name__}.read_plan", real)


@pytest.mark.usefixtures("quickly")
def test_expression(expression: xr.DataArray) -> None:
    _assert_the_same(expression)
    _assert_the_same(expression.isel({expression.dims[0]: slice(1, 3)}))
    _assert_the_same(expression, expression.mean())


def test_region_is_the_smallest_box(sst: xr.DataArray) -> None:
    for part in (sst[5:40, 3:7], sst[5:40, 3:7] - 1):
        assert find_reads(part.variable._data).arrays[0].region == (slice(5, 40), slice(3, 7), slice(0, 432))


@pytest.mark.usefixtures("quickly")
def test_streamed_expression(expression: xr.DataArray) -> None:
    sums = accumulate(expression.data, WeightedSum(tuple(range(expression.ndim)), np.ones(expression.shape)))
    assert _assert_the_same(sums["weighted_sum"], sums["weight"]).streams


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize(
    "make",
    [
        lambda sst: [sst[5:] - sst[:-5].data],
        lambda sst: [sst[5:], sst[:3]],
        lambda sst: [sst[5:9], sst],
        lambda sst: [sst[5:30][2:6]],
        lambda sst: [sst[5:30][2:6][1:], sst[5:30]],
        lambda sst: [sst[5:30, 3][2:6, ::-1]],
        lambda sst: [(sst - 1)[5:30][2:6]],
        lambda sst: [sst[20:12:-3] + 1],
        lambda sst: [sst[[3, 50, 12]][:2]],
        lambda sst: [sst[:0].sum(), sst[:0]],
        lambda sst: [sst.chunk(time=20)[5:9]],
        lambda sst: [sst.data.blocks[1:3].sum()],
        lambda sst: [sst.data.map_overlap(lambda block: block, depth=1, boundary="none")[:3]],
        lambda sst: [sst.data[0] @ sst.data[1].T],
        lambda sst: [xr.zeros_like(sst)],
    ],
    ids=map(str, range(15)),
)
def test_slices_of_slices(sst: xr.DataArray, make: Any) -> None:
    _assert_the_same(*make(sst))


def test_a_slice_of_a_slice_of_blocks_of_many_chunks_is_left_to_dask(ostia_repository: Path) -> None:
    wide = storage.open_dataset(ostia_repository, chunks={"time": -1})["surface_temperature"]
    assert wide.data.npartitions == 1
    for make in (lambda sst: sst[5:40][2:6], lambda sst: xr.concat([sst[:20], sst[40:]], "time")[1:3]):
        reading = _assert_the_same(make(wide))
        with storage.counted_reads() as reads:
            make(wide).compute(scheduler="synchronous")
        (read,) = [one for one in reading.arrays if one.path.endswith("surface_temperature")]
        served = {one.key for one in reads.counts if "/surface_temperature/c" in one.key}
        assert served == {"/".join((read.path, "c", *map(str, chunk))) for chunk in read.chunks}


def test_without_fusion_a_slice_reads_its_block(sst: xr.DataArray) -> None:
    with dask.config.set({"optimization.fuse.active": False}):
        _assert_the_same(sst[5:9] + 1)


def test_what_is_not_recognised_is_optimised(sst: xr.DataArray) -> None:
    delayed = dask.delayed(lambda block: block)(sst.data[:3])
    for odd in (
        da.from_delayed(delayed, shape=(3, 18, 432), dtype="f4") + sst.data[3:6],
        da.from_array(sst.variable._data.dask[f"original-{sst.data.name}"], chunks=11, inline_array=True) + 1,
        dask.optimize(sst.data + 1)[0],
        sst.data.to_delayed().ravel()[2],
    ):
        assert _assert_the_same(odd).arrays


def test_a_hundred_thousand_tasks_are_not_looked_at_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is counted, not time: layers of one task a block are never written out."""
    import zarr

    array = zarr.create_array(zarr.storage.MemoryStore(), shape=(20_000, 2), chunks=(1, 2), dtype="f4")
    first = da.from_zarr(array)
    result = ((first - 273.15) * 1.8 + 32).sum()
    assert len(result.dask) > 80_000
    written: list[str] = []
    real = dask.blockwise.Blockwise._dict.fget

    def watched(layer: Any) -> Any:
        written.append(layer.output)
        return real(layer)

    monkeypatch.setattr(dask.blockwise.Blockwise, "_dict", property(watched))
    (read,) = find_reads(result).arrays
    assert len(read.chunks) == 20_000
    assert written == []
