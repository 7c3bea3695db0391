"""Damaged bytes are one sentence that names the repository; other errors pass as they are."""

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import zarr

from oceandata import storage, trade
from oceandata.errors import CorruptionError, NotFoundError
from oceandata.storage.damages import name_undecodable, name_unreadable


@pytest.fixture
def copy(ostia_repository: Path, tmp_path: Path) -> Path:
    """The repository, to be damaged."""
    return Path(shutil.copytree(ostia_repository, tmp_path / "copy"))


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _largest(repository: Path) -> Path:
    return max((repository / "chunks").iterdir(), key=lambda path: path.stat().st_size)


@pytest.mark.parametrize(
    ("change", "start"),
    [
        (_flip, "a chunk of {copy} cannot be decoded: Zstd"),
        (Path.unlink, "chunk maps/surface_temperature/c/"),
        (lambda path: path.write_bytes(b""), "chunk maps/surface_temperature/c/"),
    ],
    ids=["a bit", "gone", "cut short"],
)
def test_a_result_of_a_damaged_chunk(copy: Path, tmp_path: Path, change: Callable[[Path], None], start: str) -> None:
    change(_largest(copy))
    ds = storage.open_dataset(copy)
    with pytest.raises(CorruptionError) as found:
        trade.write_result(ds["surface_temperature"].mean("time"), tmp_path / "mean.nc")
    (line,) = str(found.value).splitlines()
    assert line.startswith(start.format(copy=copy))
    assert f"'oceandata verify {copy}'" in line
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]
    assert str(pickle.loads(pickle.dumps(found.value))) == line


def test_a_damaged_coordinate_is_told_when_it_is_opened(copy: Path) -> None:
    array = zarr.open_array(storage.open_store(copy).uncounted, path="maps/latitude", mode="r")
    assert array.nchunks == 1
    session = storage.open_repository(copy).writable_session("main")
    group = zarr.open_group(session.store, mode="a")
    from zarr.core.buffer import default_buffer_prototype
    from zarr.core.sync import sync

    stored = sync(group.store.get("maps/latitude/c/0", default_buffer_prototype()))
    assert stored is not None
    content = bytearray(stored.to_bytes())
    content[-1] ^= 1
    sync(group.store.set("maps/latitude/c/0", default_buffer_prototype().buffer.from_bytes(bytes(content))))
    facts = dict(storage.open_repository(copy).lookup_snapshot(session.snapshot_id).metadata)
    session.commit("damaged", metadata=facts)
    with pytest.raises(CorruptionError, match=r"a chunk of .*copy cannot be decoded"):
        storage.open_dataset(copy)


def test_several_repositories_are_all_named() -> None:
    codec = zarr.codecs.ZstdCodec()
    buffer = zarr.core.buffer.default_buffer_prototype().buffer.from_bytes(b"no zstd")
    with (
        pytest.raises(CorruptionError, match=r"a chunk of /a or /b .* 'oceandata verify /a' and 'oceandata verify /b'"),
        name_undecodable(["/b", "/a", "/b"]),
    ):
        codec._decode_sync(buffer, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [ValueError("mine"), RuntimeError("mine"), MemoryError(), NotFoundError("mine")])
def test_other_errors_pass(error: Exception) -> None:
    for block in (name_undecodable(["/a"]), name_unreadable("maps/sst/c/0", "/a")):
        with pytest.raises(type(error)) as found, block:
            raise error
        assert found.value is error
