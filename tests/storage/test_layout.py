"""A layout inside a repository: what is stored, what is absent, and every damaged chunk found."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr
from zarr.core.sync import sync
from zarr.storage import MemoryStore

from oceandata.errors import CorruptionError
from oceandata.storage import open_repository
from oceandata.storage.integrity import ABSENT, HashingStore, chunk_leaf
from oceandata.storage.layout import (
    ArrayPlan,
    check_read_back,
    create_layout,
    damaged_chunks,
    layout_root,
    open_written,
    read_layout,
    write_leaves,
)


def _plan(name="sst", shape=(4, 6), chunks=(2, 3), dtype="<i2", fill=-9, **attributes):
    dims = ("time", "lat")[: len(shape)]
    return ArrayPlan(name, dims, shape, chunks, dtype, fill, attributes, is_coordinate=False)


def _write(plan: ArrayPlan, values: np.ndarray, *, box=None) -> MemoryStore:
    below = MemoryStore()
    store = HashingStore(below, "maps")
    create_layout(below, "maps", [plan], {})
    box = box or tuple(slice(0, size) for size in plan.shape)
    open_written(store, "maps", plan)[box] = values
    write_leaves(below, "maps", plan, box, store.written)
    assert store.written == {}
    return below


def test_plan_counts():
    plan = _plan(shape=(5, 6))
    assert (plan.grid, plan.nbytes) == ((3, 2), 60)
    assert (_plan(shape=(), chunks=()).grid, _plan(shape=(), chunks=()).nbytes) == ((), 2)


def test_chunks_of_fill_values_are_absent_and_recorded_so():
    values = np.full((4, 6), -9, "i2")
    values[:2, :3] = 7
    store = _write(_plan(_FillValue=-9), values)
    layout = read_layout(store, "maps")
    leaves = layout.leaves["sst"]
    assert (leaves.stored_bytes == ABSENT).tolist() == [[False, True], [True, True]]
    assert leaves.digests[1, 0].tobytes() == chunk_leaf("sst/c/1/0", None)
    assert leaves.total_bytes == leaves.stored_bytes[0, 0] > 0
    assert "maps/sst/c/1/0" not in store._store_dict
    check_read_back(store, layout)
    assert np.array_equal(zarr.open_array(store, path="maps/sst", mode="r")[...], values)


def test_without_a_declared_fill_value_zeros_are_stored():
    store = _write(_plan(fill=None), np.zeros((4, 6), "i2"))
    assert (read_layout(store, "maps").leaves["sst"].stored_bytes > 0).all()


def test_absent_and_filled_are_different_roots():
    fills = np.full((4, 6), -9, "i2")
    absent = read_layout(_write(_plan(_FillValue=-9), fills), "maps")
    stored = read_layout(_write(_plan(fill=None, _FillValue=-9), fills), "maps")
    documents = absent.documents
    assert layout_root(absent) != layout_root(type(stored)("maps", documents, stored.leaves))


def test_a_scalar_has_one_leaf():
    store = _write(_plan("crs", shape=(), chunks=(), fill=None), np.int16(5))
    leaves = read_layout(store, "maps").leaves["crs"]
    assert leaves.stored_bytes.shape == ()
    assert leaves.digests.shape == (32,)
    check_read_back(store, read_layout(store, "maps"))
    assert zarr.open_array(store, path="maps/crs", mode="r")[()] == 5


@pytest.mark.parametrize("value", [1.5, float("nan"), -9999.0])
def test_a_floating_fill_value_is_read_by_xarray(value):
    import xarray as xr

    plan = _plan(dtype="<f4", fill=value, _FillValue=value, shape=(4,), chunks=(2,))
    store = _write(plan, np.asarray([value, 1, 2, 3], "f4"))
    ds = xr.open_dataset(store, engine="zarr", group="maps", consolidated=False)
    assert np.isnan(ds["sst"].values[0])
    assert ds["sst"].values[1:].tolist() == [1, 2, 3]
    assert ds["sst"].encoding["_FillValue"] == value or np.isnan(value)


def test_written_box_by_box_is_written_at_once():
    values = np.arange(24, dtype="i2").reshape(4, 6)
    whole = _write(_plan(), values)
    below = MemoryStore()
    store = HashingStore(below, "maps")
    create_layout(below, "maps", [_plan()], {})
    for rows in (slice(2, 4), slice(0, 2)):
        open_written(store, "maps", _plan())[rows] = values[rows]
        write_leaves(below, "maps", _plan(), (rows, slice(0, 6)), store.written)
    assert layout_root(read_layout(below, "maps")) == layout_root(read_layout(whole, "maps"))


def test_chunks_that_were_never_written_are_found():
    values = np.ones((2, 6), "i2")
    store = _write(_plan(fill=None), values, box=(slice(0, 2), slice(0, 6)))
    layout = read_layout(store, "maps")
    found = [position for position, _ in damaged_chunks(store, layout, "sst", iter(np.ndindex(2, 2)))]
    assert found == [(1, 0), (1, 1)]


def test_missing_metadata_is_named(tmp_path):
    store = _write(_plan(), np.ones((4, 6), "i2"))
    layout = read_layout(store, "maps", names=["sst"])
    assert set(layout.documents) == {"", "sst"}
    sync(store.delete("maps/zarr.json"))
    with pytest.raises((CorruptionError, FileNotFoundError)):
        read_layout(store, "maps", names=["sst"])


@pytest.fixture
def damageable(ostia_revision, tmp_path) -> tuple[Path, str]:
    """A copy of the ingested real file, and its snapshot."""
    shutil.copytree(ostia_revision.url, tmp_path / "repository")
    return tmp_path / "repository", ostia_revision.snapshot


def _verify(url: Path, snapshot: str) -> None:
    store = open_repository(url).readonly_session(snapshot_id=snapshot).store
    check_read_back(store, read_layout(store, "maps"))


def test_every_flipped_bit_of_a_chunk_file_is_found(damageable):
    url, snapshot = damageable
    rng = random.Random(20261123)
    files = sorted((url / "chunks").iterdir())
    assert len(files) >= 18
    _verify(url, snapshot)
    for _ in range(40):
        path = rng.choice(files)
        content = path.read_bytes()
        damaged = bytearray(content)
        damaged[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(bytes(damaged))
        with pytest.raises(CorruptionError, match="chunks read back differ"):
            _verify(url, snapshot)
        path.write_bytes(content)
    _verify(url, snapshot)


@pytest.mark.parametrize("damage", ["deleted", "empty", "cut", "longer"])
def test_a_chunk_file_that_is_gone_or_of_another_size_is_found(damageable, damage):
    url, snapshot = damageable
    path = max((url / "chunks").iterdir(), key=lambda file: file.stat().st_size)
    content = path.read_bytes()
    if damage == "deleted":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "cut": content[:-1], "longer": content + b"\0"}[damage])
    if damage == "longer":  # only the bytes that the manifest names are ever read
        _verify(url, snapshot)
        return
    with pytest.raises(CorruptionError, match="1 chunk"):
        _verify(url, snapshot)
