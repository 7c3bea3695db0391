"""The area ``batch``: what a partition costs beside its work, next to the same work as one Dask graph."""

import contextlib
import functools
import math
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dask
import numpy as np
import xarray as xr
import yaml

from benchmarks.agreement import check_means
from benchmarks.limits import Limits, Trial
from benchmarks.references import write_references
from benchmarks.storage import prepare_read
from benchmarks.work import Goal, Program, Work
from oceandata import analysis, catalog, storage
from oceandata.batch import Resources, Share, Stop, load_job, run_job, runners
from oceandata.batch.ledger import Ledger, Unit, open_log
from oceandata.batch.runners import open_runner
from oceandata.batch.window import Window
from oceandata.errors import OceanDataError

__all__ = ["cost_of_carrying", "cost_of_partitions", "do_nothing", "works", "write_maps"]

_HERE = Path(__file__).parent

# Partitions of the run that is measured, and of the one whose cost is taken off: starting and ending costs the same.
_MANY, _FEW = "1900/1903", "1900"


def write_maps(folder: Path, days: int, cells: tuple[int, int] = (4, 8), together: int = 1) -> None:
    """
    Write a catalogue of one entry of daily maps, if it is not there yet.

    Parameters
    ----------
    folder : pathlib.Path
        Where it appears when it is complete.
    days : int
        Number of maps, from 1900 on.
    cells : tuple of int
        Latitudes and longitudes of a map.
    together : int
        Maps in a chunk.
    """
    if folder.exists():
        return
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
    unfinished.mkdir(parents=True)
    coords = {"time": np.datetime64("1900-01-01", "ns") + np.arange(days) * np.timedelta64(1, "D")}
    ds = xr.Dataset(
        {"sst": (("time", "lat", "lon"), np.random.default_rng(11).random((days, *cells), dtype="f4"))},
        coords | {"lat": np.arange(cells[0]) / 2, "lon": np.arange(cells[1]) / 2},
    )
    ds["sst"].attrs = {"units": "K", "standard_name": "sea_surface_temperature"}
    ds["lat"].attrs, ds["lon"].attrs = {"units": "degrees_north"}, {"units": "degrees_east"}
    ds.to_netcdf(unfinished / "maps.nc")
    plan = storage.plan_ingest(
        [unfinished / "maps.nc"], unfinished / "maps", chunk_bytes=4 * math.prod(cells) * together
    )
    overlay = catalog.Overlay(title="maps", license="CC0-1.0")
    entry = catalog.draft_entry(storage.write_repository(plan), overlay, name="maps")
    catalog.register_entry(unfinished / "catalog.yaml", entry)
    unfinished.rename(folder)


def _cpu_s() -> float:
    """CPU seconds of this process and of the children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _run(folder: Path, maps: Path, period: str) -> tuple[float, int]:
    """CPU seconds and partitions of a job of one map a partition, on processes of this machine."""
    document = {
        "schema": "oceandata.job/1",
        "name": f"maps-{period.replace('/', '-')}",
        "input": {"catalog": str(maps / "catalog.yaml"), "entry": "maps", "time": period, "blocks": {"time": 1}},
        "routine": "mean",
        "output": f"maps-{period.replace('/', '-')}.nc",
        "resources": {"partition_s": 1e-6, "workers": 2},
    }
    path = folder / f"{document['name']}.yaml"
    path.write_text(yaml.safe_dump(document), "utf-8")
    before = _cpu_s()
    report = run_job(load_job(path), scheduler="local", canary=False)
    if report.code:
        raise OceanDataError(report.message)
    return _cpu_s() - before, report.partitions


def _graph(maps: Path, period: str) -> tuple[float, int]:
    """CPU seconds and maps of the same as one graph, on processes of this machine."""
    import distributed

    before = _cpu_s()
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,  # type: ignore[no-untyped-call]
        distributed.Client(cluster),  # type: ignore[no-untyped-call]
    ):
        found = catalog.open_catalog(maps / "catalog.yaml").open("maps", time=period, chunks={"time": 1})["sst"]
        dask.compute(analysis.mean(found))  # type: ignore[attr-defined,no-untyped-call]
    return _cpu_s() - before, found.sizes["time"]


def do_nothing(folder: str, units: Sequence[Unit], seconds: float) -> list[dict[str, Any]]:  # noqa: ARG001
    """
    Partitions without work.

    Parameters
    ----------
    folder : str
        Of the run.
    units : sequence of Unit
        The partitions.
    seconds : float
        How long each says it took; short ones are carried together.

    Returns
    -------
    list of dict
        Their records for the ledger.
    """
    return [{"done": list(unit), "s": seconds, "peak": 0, "nbytes": 0, "sha256": "", "reads": {}} for unit in units]


def _carried(count: int) -> float:
    """CPU seconds to carry partitions without work to two processes, with the watchdog, and to note that they ended."""
    before = _cpu_s()
    with (
        tempfile.TemporaryDirectory() as folder,
        open_runner("local", Path(folder), 2) as runner,
        open_log(Path(folder), Share()) as journal,
    ):
        Window(Resources(workers=2), Ledger([count]), journal, runner, Stop()).run(0, Share(), None)
    return _cpu_s() - before


@contextlib.contextmanager
def cost_of_carrying(seconds: str) -> Iterator[Callable[[], tuple[str, float]]]:
    """
    CPU of carrying a partition to a worker and of its ledger line, whatever the partition does.

    Parameters
    ----------
    seconds : str
        How long each partition says it took: those of a second are carried one by one, short ones by ten.

    Yields
    ------
    callable
        Carries many and few; tells the CPU of one more, in ms and in seconds.
    """
    runners.run_units = functools.partial(do_nothing, seconds=float(seconds))  # type: ignore[attr-defined]

    def call() -> tuple[str, float]:
        many, few = 3000, 500
        each = (_carried(many) - _carried(few)) / (many - few)
        return f"{1e3 * each:.2f} ms of CPU a partition", each

    yield call


@contextlib.contextmanager
def cost_of_partitions(maps: str) -> Iterator[Callable[[], str]]:
    """
    CPU of a partition, its ledger line and its file, with all watchdogs on.

    Parameters
    ----------
    maps : str
        From `write_maps`.

    Yields
    ------
    callable
        Runs many partitions and few, and the same as graphs; tells the milliseconds of CPU of one more.
    """
    with tempfile.TemporaryDirectory() as folder:

        def call() -> str:
            ours = [_run(Path(folder), Path(maps), period) for period in (_MANY, _FEW)]
            graph = [_graph(Path(maps), period) for period in (_MANY, _FEW)]
            each = [1e3 * (many[0] - few[0]) / (many[1] - few[1]) for many, few in (ours, graph)]
            return f"{each[0]:.2f} ms CPU a partition of {ours[0][1]:,}; {each[1]:.2f} ms a block of one Dask graph"

        yield call


def _trial(name: str, text: str, *arguments: object, prepare: Callable[[], None], wall_s: float | None = None) -> Trial:
    """A row whose call is in a module of its own process."""
    argv = (sys.executable, "-P", str(_HERE / "alone.py"), *map(str, arguments))
    return Trial(name, text, Program("oceandata", argv, (), ("oceandata-exchange",)), Limits(wall_s=wall_s), prepare)


def _nothing() -> None:
    """For rows without an input."""


def _costs(folder: Path) -> list[Trial]:
    """CPU of partitions."""
    maps = folder / "batch-tiny-maps"
    return [
        _trial(
            "carrying a partition",
            "3000 partitions without work to two processes, watched and noted; seconds of the call are the CPU of one",
            *("batch", "cost_of_carrying", 1),
            prepare=_nothing,
            wall_s=0.0035,
        ),
        _trial(
            "carrying a short partition",
            "the same, partitions that say they took no time, which are carried by ten",
            *("batch", "cost_of_carrying", 0),
            prepare=_nothing,
            wall_s=0.0006,
        ),
        _trial(
            "cost of a partition",
            "mean of 1461 tiny maps in partitions of three, on two processes, next to one Dask graph",
            *("batch", "cost_of_partitions", maps),
            prepare=lambda: write_maps(maps, 1461),
        ),
    ]


def _memories(folder: Path) -> list[Trial]:
    """Memory of the scheduler and of workers."""

    def worker(days: int) -> Trial:
        maps = folder / f"batch-maps-{days}"
        return _trial(
            f"worker memory of {days:,} days",
            f"trend of {days:,} x 90 x 90 float32 as a job on two processes",
            *("batch_memory", "memory_of_job", maps),
            prepare=lambda: write_maps(maps, days, (90, 90), 366),
        )

    few, many = 1_000, 100_000
    scheduler = _trial(
        "scheduler memory",
        f"{few:,} partitions without work, then {many:,}; goal 40 MB more",
        *("batch_memory", "memory_of_scheduler", few, many),
        prepare=_nothing,
    )
    return [scheduler, *(worker(days) for days in (732, 7_320, 73_200))]


def _endings(folder: Path) -> list[Trial]:
    """What the end of a run costs."""
    place = folder / "references-10000"
    rows: list[tuple[str, str, tuple[object, ...]]] = [
        (
            "end: ledger of 100,000 partitions",
            "read what 100,000 partitions of one chunk noted",
            ("read_lines", 100_000, 1),
        ),
        (
            "end: ledger of 1,000,000 chunks",
            "read what 10,000 partitions of 100 chunks noted",
            ("read_lines", 10_000, 100),
        ),
        (
            "end: lineage of 1,000,000 chunks",
            "what a result of a million chunks is made of",
            ("trace_references", place),
        ),
        ("end: merge 2,000 states", "merge the states of 2,000 partitions in their order", ("merge_states", 2_000)),
    ]
    return [
        _trial(
            name,
            text,
            *("finishing", *arguments),
            prepare=functools.partial(write_references, place, 10_000) if place in arguments else _nothing,
        )
        for name, text, arguments in rows
    ]


def _peers(peer_python: Path, folder: Path) -> list[Work]:
    """The same mean as one Dask graph and by Cubed."""
    years, plain = folder / "years-2190", folder / "plain-2190"
    stores = {"ours": folder / "repository-2190", "peer": plain}
    results = {side: folder / f"job-{side}.npy" for side in ("ours", "graph", "cubed")}

    def program(side: str, python: str, name: str, packages: tuple[str, ...]) -> Program:
        argv = (python, "-P", str(_HERE / "job_peers.py"), side, str(plain), str(results[side]))
        return Program(name, argv, (), packages)

    def work(side: str, name: str, packages: tuple[str, ...], whole: float) -> Work:
        return Work(
            name=f"job beside {name}",
            text="mean of 2190 x 180 x 360 float32 over time from plain Zarr, whole programs, two processes",
            ours=program("ours", sys.executable, "oceandata run", ("oceandata-exchange",)),
            peer=program(side, str(peer_python), name, packages),
            goal=Goal(whole=whole),
            prepare=lambda: prepare_read(stores, years, peer_python),
            agree=lambda: check_means(results["ours"], results[side]),
        )

    return [
        work("graph", "one Dask graph", ("xarray", "dask", "zarr"), 1.25),
        work("cubed", "Cubed", ("cubed", "zarr"), 1.0),
    ]


def works(peer_python: Path, folder: Path) -> list[Work | Trial]:
    """
    Rows of this area.

    Parameters
    ----------
    peer_python : pathlib.Path
        Interpreter of the peers.
    folder : pathlib.Path
        Cache folder; about 4 GB.

    Returns
    -------
    list of Work or Trial
        Nothing was run.
    """
    return [*_costs(folder), *_memories(folder), *_endings(folder), *_peers(peer_python, folder)]
