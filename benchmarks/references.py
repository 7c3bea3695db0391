"""
Repositories with millions of chunk references, and what is done with them.

A map has 100 chunks of one value each. The chunks are references into one small file, the cheapest real ones: leaves,
content root, tag and everything else are as our ingest makes them. What writes or removes works on a copy of links, so
that the repository stays as it is.
"""

import contextlib
import dataclasses
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import icechunk
import netCDF4
import numpy as np
import zarr
from zarr.codecs import ZstdCodec

from oceandata.options import set_options
from oceandata.storage import (
    collect_garbage,
    open_dataset,
    plan_append,
    plan_ingest,
    verify_revision,
    write_append,
)
from oceandata.storage.integrity import HashingStore, chunk_key, chunk_leaf
from oceandata.storage.layout import ArrayPlan, create_layout, layout_root, open_written, read_layout, write_leaves
from oceandata.storage.manifests import with_split_manifests
from oceandata.storage.stores import create_repository
from oceandata.storage.virtual_access import folder_prefix, with_containers

__all__ = ["append_step", "collect", "open_step", "verify_leaves", "write_references"]

#: Chunks of a map along each side; a chunk is one value.
_SIDE = 10
_MAP = _SIDE * _SIDE
_START = datetime(2000, 1, 1, tzinfo=UTC)

# Commits in which the references are written.
_COMMITS = 10


def _write_step(path: Path, step: int) -> None:
    """NetCDF file of one hourly map."""
    with netCDF4.Dataset(path, "w") as file:
        file.setncatts({"Conventions": "CF-1.11", "title": "Benchmark references"})
        for name, size in (("time", 1), ("lat", _SIDE), ("lon", _SIDE)):
            file.createDimension(name, size)
            file.createVariable(name, "i8" if name == "time" else "f8", (name,))
        file["time"].setncatts({"standard_name": "time", "units": "seconds since 1970-01-01", "calendar": "standard"})
        file["lat"].setncatts({"standard_name": "latitude", "units": "degrees_north"})
        file["lon"].setncatts({"standard_name": "longitude", "units": "degrees_east"})
        flags = file.createVariable("flags", "i1", ("time", "lat", "lon"))
        flags.setncatts({"long_name": "number of the chunk in its map", "units": "1"})
        file["time"][:] = int(_START.timestamp()) + 3600 * step
        file["lat"][:], file["lon"][:] = np.arange(_SIDE) - 4.5, np.arange(_SIDE) + 0.5
        flags[:] = np.arange(_MAP, dtype=np.int8).reshape(1, _SIDE, _SIDE)


def _encoded(folder: Path) -> list[bytes]:
    """Stored bytes of the chunks with the values 0 to 99, as our codecs make them."""
    place = folder / "codecs.zarr"
    codecs = [ZstdCodec(level=3, checksum=True)]
    array = zarr.create_array(
        place, shape=(_MAP,), chunks=(1,), dtype="i1", compressors=codecs, config={"write_empty_chunks": True}
    )
    array[...] = np.arange(_MAP, dtype=np.int8)
    return [(place / "c" / str(number)).read_bytes() for number in range(_MAP)]


def _planned(folder: Path, steps: int) -> tuple[tuple[ArrayPlan, ...], dict[str, Any], dict[str, Any]]:
    """Arrays as our ingest would store them, the coordinates by name, and the global attributes."""
    _write_step(folder / "step.nc", 0)
    plan = plan_ingest([folder / "step.nc"], folder / "unused", chunk_bytes=1)
    arrays = []
    for array in plan.arrays:
        chunks = (steps,) if array.name == "time" else array.chunks
        shape = (steps, *array.shape[1:]) if "time" in array.dims else array.shape
        arrays.append(dataclasses.replace(array, shape=shape, chunks=chunks))
    fixed = dict(plan.sources.fixed)
    fixed["time"] = int(_START.timestamp()) + 3600 * np.arange(steps, dtype=np.int64)
    return tuple(arrays), fixed, dict(plan.sources.attributes)


def _write_batch(session: Any, flags: ArrayPlan, span: range, chunks: list[bytes], file: Path) -> None:
    """References of some steps, and their leaves."""
    begins = [sum(map(len, chunks[:number])) for number in range(_MAP)]
    location, changed_at = f"file://{file}", datetime.fromtimestamp(int(file.stat().st_mtime) + 1, UTC)
    places = [(step, *divmod(number, _SIDE), number) for step in span for number in range(_MAP)]
    session.store.set_virtual_refs(
        f"/maps/{flags.name}",
        [
            icechunk.VirtualChunkSpec(
                [step, row, column], location, begins[number], len(chunks[number]), None, changed_at
            )
            for step, row, column, number in places
        ],
        validate_containers=False,
    )
    written = {}
    for step, row, column, number in places:
        key = chunk_key(flags.name, (step, row, column))
        written[key] = (chunk_leaf(key, chunks[number]), len(chunks[number]))
    box = (slice(span.start, span.stop), slice(0, _SIDE), slice(0, _SIDE))
    write_leaves(session.store, "maps", flags, box, written)


def write_references(place: Path, steps: int) -> None:
    """
    Make a repository of many small chunks, if it is not there yet.

    Parameters
    ----------
    place : pathlib.Path
        The repository, which appears there when it is complete; the file it refers to lies beside it.
    steps : int
        Number of hourly maps of 100 chunks.

    Notes
    -----
    They are written in ten commits. The revision does not say that it is virtual, because a repository of
    references cannot be appended to, and here they stand for chunks.
    """
    if place.exists():
        return
    unfinished = place.with_name(f"{place.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
    place.parent.mkdir(parents=True, exist_ok=True)
    file = place.with_name(f"{place.name}.chunks")
    with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
        arrays, fixed, attributes = _planned(Path(scratch), steps)
        chunks = _encoded(Path(scratch))
    file.write_bytes(b"".join(chunks))
    repository = with_split_manifests(create_repository(unfinished), unfinished, "maps", arrays)
    repository = with_containers(repository, [folder_prefix(file.parent)])
    session = repository.writable_session("main")
    create_layout(session.store, "maps", arrays, attributes)
    store = HashingStore(session.store, "maps")
    for array in arrays:
        if array.name in fixed:
            box = tuple(slice(0, size) for size in array.shape)
            open_written(store, "maps", array)[box] = fixed[array.name]
            write_leaves(session.store, "maps", array, box, store.written)
    flags = next(array for array in arrays if array.name == "flags")
    batch = -(-steps // _COMMITS)
    for start in range(0, steps, batch):
        session = repository.writable_session("main") if start else session
        span = range(start, min(start + batch, steps))
        _write_batch(session, flags, span, chunks, file)
        facts = _facts(session.store, file) if span.stop == steps else {}
        snapshot = session.commit(f"steps to {span.stop}", metadata=facts)
    repository.create_tag("r1", snapshot)
    unfinished.rename(place)


def _facts(store: Any, file: Path) -> dict[str, Any]:
    """What is recorded in the commit of the revision."""
    content = file.read_bytes()
    source = {"name": file.name, "nbytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return {
        "oceandata.group": "maps",
        "oceandata.access": "maps",
        "oceandata.content_root": layout_root(read_layout(store, "maps")),
        "oceandata.sources": [source | {"prefix": folder_prefix(file.parent)}],
    }


@contextlib.contextmanager
def _linked(place: Path) -> Iterator[Path]:
    """Copy of a repository whose objects are links: what is written or removed there leaves the repository alone."""
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        copy = Path(folder) / "repository"
        shutil.copytree(place, copy, copy_function=os.link)
        yield copy


@contextlib.contextmanager
def open_step(place: str, steps: str) -> Iterator[Callable[[], str]]:
    """
    Open the repository and read the map in its middle.

    Parameters
    ----------
    place : str
        The repository.
    steps : str
        Its number of maps.

    Yields
    ------
    callable
        Does it, and tells what was found.

    Raises
    ------
    ValueError
        By the call, if the map holds other values than it should.
    """
    wanted = f"{_START + timedelta(hours=int(steps) // 2):%Y-%m-%dT%H}"

    def call() -> str:
        values = open_dataset(place, time=wanted)["flags"].to_numpy()
        if not np.array_equal(values, np.arange(_MAP).reshape(1, _SIDE, _SIDE)):
            msg = f"the map holds {values.ravel()[:5]} …, need 0, 1, 2 …"
            raise ValueError(msg)
        return f"{values.size} chunks read"

    with set_options(virtual_prefixes=(str(Path(place).parent),)):
        yield call


@contextlib.contextmanager
def append_step(place: str, steps: str) -> Iterator[Callable[[], str]]:
    """
    Append one map to a copy.

    Parameters
    ----------
    place : str
        The repository.
    steps : str
        Its number of maps.

    Yields
    ------
    callable
        Does it, and tells what was written.
    """
    with _linked(Path(place)) as copy, set_options(virtual_prefixes=(str(Path(place).parent),)):
        file = copy.with_name("step.nc")
        _write_step(file, int(steps))

        def call() -> str:
            summary = write_append(plan_append([file], copy))
            return f"revision {summary.revision} of {summary.chunks:,} chunks"

        yield call


@contextlib.contextmanager
def verify_leaves(place: str, steps: str) -> Iterator[Callable[[], str]]:
    """
    Read the leaf list, compute the content root, and compare it with the recorded one and with some chunks.

    Parameters
    ----------
    place : str
        The repository.
    steps : str
        Its number of maps.

    Yields
    ------
    callable
        Does it, and tells what was found.

    Raises
    ------
    ValueError
        By the call, if the repository is not sound, or has another number of chunks.
    """

    def call() -> str:
        report = verify_revision(place, sample=1)
        if not report.is_sound or report.chunks < _MAP * int(steps):
            msg = f"{place} is not sound: {report.chunks} chunks, {report.damages[:3]}"
            raise ValueError(msg)
        return f"{report.chunks:,} leaves, {report.checked} chunks read"

    with set_options(virtual_prefixes=(str(Path(place).parent),)):
        yield call


@contextlib.contextmanager
def collect(place: str) -> Iterator[Callable[[], str]]:
    """
    Remove from a copy what the commits before the last left behind.

    Parameters
    ----------
    place : str
        The repository.

    Yields
    ------
    callable
        Does it, and tells what was removed.

    Raises
    ------
    ValueError
        By the call, if not all commits but the last were removed.
    """
    with _linked(Path(place)) as copy:

        def call() -> str:
            report = collect_garbage(copy, older_than="0s")
            if report.expired != _COMMITS - 1:
                msg = f"{report.expired} of {_COMMITS} commits were removed, need all but the last."
                raise ValueError(msg)
            return f"{report.expired} commits and {report.manifests} manifests removed"

        yield call
