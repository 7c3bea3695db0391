"""
What fifty petabytes would take: what was measured on real parts of them, carried to the whole.

``python -m benchmarks.scale measure`` runs what is measured, about 20 minutes on two cores, and keeps it in
benchmarks/results/scale/measured.json; ``--only sample`` is one part of it. ``python -m benchmarks.scale write`` makes
the tables of docs/scale.md of it and of the rows that ``python -m benchmarks batch storage catalog`` wrote.
"""

import argparse
import itertools
import json
import math
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr

from benchmarks.petabytes import CENTURY, Extent, write_job, write_store
from benchmarks.references import write_references
from benchmarks.report import bench_folder, read_rows, write_between
from benchmarks.scale_tables import tables
from oceandata.errors import InputError, OceanDataError, closest

__all__ = ["STRIDE", "main", "reference_sizes", "run_sample", "run_to_the_end", "stored_chunk_sizes"]

_ROOT = Path(__file__).parents[1]
_RESULTS = _ROOT / "benchmarks" / "results"
_MEASURED = _RESULTS / "scale" / "measured.json"
_DOCUMENT = _ROOT / "docs" / "scale.md"

# Largest difference from NumPy, degC.
_TOLERANCE = 1e-9

#: One partition of so many is run: coprime to the partitions along each dimension, so that all places are met.
STRIDE = 183_011


def _cpu_s() -> float:
    """CPU seconds of this process and of the children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _records(folder: Path) -> list[dict[str, Any]]:
    from oceandata.batch.ledger import ledger_files
    from oceandata.journal import read_journal

    return [record for path in ledger_files(folder) for record in read_journal(path) if "done" in record]


def _chunk_reads(records: Sequence[dict[str, Any]], together: int) -> dict[str, list[int]]:
    """Times and bytes by key of the chunks of the field that were served; an error if one was not served just once."""
    found: dict[str, list[int]] = {}
    for record in records:
        for keys in record["reads"].values():
            for key, (times, nbytes) in keys.items():
                if key.startswith("thetao/c/"):
                    before = found.get(key, [0, 0])[0]
                    found[key] = [before + times, nbytes]
    if len(found) != len(records) * together or any(times != 1 for times, _ in found.values()):
        msg = f"{len(found)} chunks were served to {len(records)} partitions, need {together} each, once."
        raise OceanDataError(msg)
    return found


def run_sample(store: Path, extent: Extent, stride: int, scheduler: str = "local") -> dict[str, Any]:
    """
    Run one of so many partitions of a job on the whole store, and tell what that took.

    Parameters
    ----------
    store : pathlib.Path
        From `write_store`.
    extent : Extent
        Its size.
    stride : int
        Coprime to the partitions along each dimension.
    scheduler : str
        As of `oceandata.batch.run_job`.

    Returns
    -------
    dict
        Numbers of the plan, of the ledger, and CPU seconds of everything.

    Raises
    ------
    OceanDataError
        If partitions failed, or a chunk was not served exactly once.
    """
    from oceandata.batch import Share, load_job, plan_job, run_job

    with tempfile.TemporaryDirectory() as folder:
        job = load_job(write_job(Path(folder), store, extent))
        tried = plan_job(job)
        begun = time.perf_counter()
        plan = plan_job(job, canary=False)
        planned = time.perf_counter() - begun
        cpu, begun = _cpu_s(), time.perf_counter()
        report = run_job(job, share=Share(stride // 2, stride), scheduler=scheduler, canary=False)
        cpu, wall = _cpu_s() - cpu, time.perf_counter() - begun
        if report.how != "drained" or not report.fresh:
            raise OceanDataError(report.message)
        records = _records(job.run_folder)
        grid = plan.phases[0].grid
        places = [grid.place(record["done"][1]) for record in records]
        reads = _chunk_reads(records, extent.together)
        ledger = sum(path.stat().st_size for path in job.run_folder.glob("ledger-*.log"))
        seconds = sorted(record["s"] for record in records)
        return {
            "stored_pb": extent.nbytes / 1e15,
            "chunks": math.prod(extent.counts),
            "partitions": grid.count,
            "plan_s": planned,
            "run": len(records),
            "places": [len(set(dim)) for dim in zip(*places, strict=True)],
            "of": list(grid.counts),
            "partition_bytes": extent.together * extent.chunk_bytes,
            "decoded_bytes": len(reads) * extent.chunk_bytes,
            "served_bytes": sum(nbytes for _, nbytes in reads.values()),
            "requests": len(reads),
            "cpu_s": cpu,
            "wall_s": wall,
            "seconds_50": seconds[len(seconds) // 2],
            "seconds_95": seconds[int(0.95 * len(seconds))],
            "peak_bytes": max(record["peak"] for record in records),
            "planned_peak_bytes": tried.peak_bytes,
            "ledger_bytes": ledger / len(records),
            "state_bytes": max(record["nbytes"] for record in records),
        }


def _chosen(extent: Extent, part: tuple[slice, ...]) -> dict[str, object]:
    """Words of a job for a part of the store."""
    times, depths, lats, lons = part
    days = [np.datetime64("1900-01-01") + np.timedelta64(int(day), "D") for day in (times.start, times.stop - 1)]
    rows, columns = 180 / extent.shape[2], 360 / extent.shape[3]
    south, north = (rows * edge - 90 for edge in (lats.start, lats.stop))
    west, east = (columns * edge for edge in (lons.start, lons.stop))
    depth = [5 + 10 * level for level in (depths.start, depths.stop - 1)]
    return {"time": f"{days[0]}/{days[1]}", "depth": depth, "region": [west, south, east, north]}


def _means_by_hand(store: Path, part: tuple[slice, ...], chunks: tuple[int, ...]) -> Any:
    """Means of maps, weighted by cosine, of what plain Zarr reads, one chunk at a time."""
    group = zarr.open_group(store / "big.zarr", mode="r")
    field: Any = group["thetao"]
    cosine = np.cos(np.radians(np.asarray(group["lat"])))
    rows = [slice(first, first + chunks[2]) for first in range(part[2].start, part[2].stop, chunks[2])]
    columns = [slice(first, first + chunks[3]) for first in range(part[3].start, part[3].stop, chunks[3])]
    total = weight = 0.0
    for band, column in itertools.product(rows, columns):
        values = field[part[0], part[1], band, column].astype("f8")
        share = np.broadcast_to(cosine[band, None], values.shape) * ~np.isnan(values)
        total = total + np.nansum(values * share, axis=(2, 3))
        weight = weight + share.sum(axis=(2, 3))
    return total / weight


def run_to_the_end(store: Path, extent: Extent, part: tuple[slice, ...], scheduler: str = "local") -> dict[str, Any]:
    """
    Run a job on a part of the store to its end, and compare the result with NumPy on what plain Zarr reads.

    Parameters
    ----------
    store : pathlib.Path
        From `write_store`.
    extent : Extent
        Its size.
    part : tuple of slice
        Whole chunks along each dimension.
    scheduler : str
        As of `oceandata.batch.run_job`.

    Returns
    -------
    dict
        Partitions, decoded bytes, seconds, and the largest difference in degC.

    Raises
    ------
    OceanDataError
        If the run did not end well, or the result is another.
    """
    from oceandata.batch import load_job, run_job

    with tempfile.TemporaryDirectory() as folder:
        job = load_job(write_job(Path(folder), store, extent, "area_mean", **_chosen(extent, part)))
        begun = time.perf_counter()
        report = run_job(job, scheduler=scheduler, canary=False)
        seconds = time.perf_counter() - begun
        if report.finished is None:
            raise OceanDataError(report.message)
        with xr.open_dataset(job.target, decode_times=False) as ds:
            made = ds["thetao"].to_numpy()
    largest = float(np.abs(made - _means_by_hand(store, part, extent.chunks)).max())
    if not largest <= _TOLERANCE:
        msg = f"the means differ by {largest:.3g} degC from those of plain Zarr and NumPy, need {_TOLERANCE:g} at most."
        raise OceanDataError(msg)
    nbytes = 4 * int(np.prod([one.stop - one.start for one in part]))
    return {"partitions": report.partitions, "decoded_bytes": nbytes, "wall_s": seconds, "difference": largest}


def _folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def reference_sizes(place: Path, steps: int) -> dict[str, Any]:
    """
    Bytes on the disk of a repository of many chunks, by what they hold.

    Parameters
    ----------
    place : pathlib.Path
        Where `write_references` makes it if it is not there.
    steps : int
        Maps of a hundred chunks.

    Returns
    -------
    dict
        References, and bytes of all manifests; leaf lists are the chunks that the repository holds itself.
    """
    write_references(place, steps)
    sizes = {name: _folder_bytes(place / name) for name in ("manifests", "chunks", "transactions", "snapshots")}
    return {"references": 100 * steps, **sizes}


def stored_chunk_sizes(count: int) -> dict[str, Any]:
    """
    Bytes of the manifests of chunks that a repository holds itself, whose names are random.

    Parameters
    ----------
    count : int
        Chunks of a thousand bytes; smaller ones would be kept inside the manifest.

    Returns
    -------
    dict
        References, and bytes of all manifests.
    """
    from oceandata.storage.stores import create_repository

    with tempfile.TemporaryDirectory() as folder:
        session = create_repository(Path(folder) / "repository").writable_session("main")
        array = zarr.create_array(session.store, shape=(1000 * count,), chunks=(1000,), dtype="u1", compressors=None)
        random = np.random.default_rng(5)
        for first in range(0, count, 10_000):
            many = 1000 * min(10_000, count - first)
            array[1000 * first : 1000 * first + many] = random.integers(0, 256, many, np.uint8)
        session.commit("chunks")
        return {"references": count, "manifests": _folder_bytes(Path(folder) / "repository" / "manifests")}


def _measured(only: str, cache: Path) -> dict[str, Any]:
    """All parts, or one."""
    store = cache / "fifty-petabytes"
    write_store(store, CENTURY)
    # a week in the middle, the upper 160 m, a tenth of the globe across
    part = (slice(20_160, 20_168), slice(0, 16), slice(7_200, 10_800), slice(3_600, 7_200))
    parts: dict[str, Callable[[], Any]] = {
        "sample": lambda: run_sample(store, CENTURY, STRIDE),
        "end": lambda: run_to_the_end(store, CENTURY, part),
        "references": lambda: [reference_sizes(cache / f"references-{steps}", steps) for steps in (10_000, 100_000)],
        "stored": lambda: stored_chunk_sizes(100_000),
    }
    if only and only not in parts:
        msg = f"there is no part {only!r}. {closest(only, sorted(parts))}"
        raise InputError(msg)
    found = {}
    for name, call in parts.items():
        if only in ("", name):
            print(f"{name} …", flush=True)
            machine = {"cpus": os.cpu_count(), "load_before": round(os.getloadavg()[0], 1)}
            found[name] = {"found": call(), "machine": machine}
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """
    Measure, or write the tables.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        Zero; 2 if something failed.
    """
    parser = argparse.ArgumentParser("python -m benchmarks.scale", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("command", choices=["measure", "write"])
    parser.add_argument("--only", default="", metavar="PART", help="sample, end, references or stored")
    given = parser.parse_args(argv)
    try:
        if given.command == "measure":
            cache = bench_folder()
            cache.mkdir(parents=True, exist_ok=True)
            before = json.loads(_MEASURED.read_text("utf-8")) if _MEASURED.exists() else {}
            _MEASURED.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(before | _measured(given.only, cache), indent=2, sort_keys=True)
            _MEASURED.write_text(f"{text}\n", "utf-8")
        write_between(_DOCUMENT, tables(json.loads(_MEASURED.read_text("utf-8")), read_rows(_RESULTS)))
    except OceanDataError as error:
        print(f"benchmarks.scale: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
