"""The area ``batch``: what a partition costs beside its work, next to the same work as one Dask graph."""

import contextlib
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask
import numpy as np
import xarray as xr
import yaml

from benchmarks.limits import Limits, Trial
from benchmarks.work import Program
from oceandata import analysis, catalog, storage
from oceandata.batch import Resources, Share, Stop, load_job, run_job, runners
from oceandata.batch.ledger import Ledger, Unit, open_log
from oceandata.batch.runners import open_runner
from oceandata.batch.window import Window
from oceandata.errors import OceanDataError

__all__ = ["cost_of_carrying", "cost_of_partitions", "do_nothing", "works", "write_maps"]

_HERE = Path(__file__).parent

# Partitions of the run that is measured, and of the one whose cost is taken off: starting and ending costs the same.
_MANY, _FEW = "1990/1993", "1990"


def write_maps(folder: Path, days: int) -> None:
    """
    Write a catalogue of one entry whose chunks are tiny maps, if it is not there yet.

    Parameters
    ----------
    folder : pathlib.Path
        Where it appears when it is complete.
    days : int
        Number of maps, from 1990 on.
    """
    if folder.exists():
        return
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
    unfinished.mkdir(parents=True)
    coords = {"time": np.datetime64("1990-01-01", "ns") + np.arange(days) * np.timedelta64(1, "D")}
    ds = xr.Dataset(
        {"sst": (("time", "lat", "lon"), np.random.default_rng(11).random((days, 4, 8), dtype="f4"))},
        coords | {"lat": np.arange(4.0), "lon": np.arange(8.0)},
    )
    ds["sst"].attrs = {"units": "K", "standard_name": "sea_surface_temperature"}
    ds["lat"].attrs, ds["lon"].attrs = {"units": "degrees_north"}, {"units": "degrees_east"}
    ds.to_netcdf(unfinished / "maps.nc")
    plan = storage.plan_ingest([unfinished / "maps.nc"], unfinished / "maps", chunk_bytes=4 * 8 * 4)
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


def do_nothing(folder: str, unit: Unit) -> dict[str, Any]:  # noqa: ARG001
    """
    A partition without work.

    Parameters
    ----------
    folder : str
        Of the run.
    unit : tuple of int
        The partition.

    Returns
    -------
    dict
        Its record for the ledger.
    """
    return {"done": list(unit), "s": 0.0, "peak": 0, "nbytes": 0, "sha256": "", "reads": {}}


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
def cost_of_carrying() -> Iterator[Callable[[], str]]:
    """
    CPU of carrying a partition to a worker and of its ledger line, whatever the partition does.

    Yields
    ------
    callable
        Carries many and few; tells the milliseconds of CPU of one more.
    """
    runners.run_unit = do_nothing  # type: ignore[attr-defined]

    def call() -> str:
        many, few = 3000, 500
        each = 1e3 * (_carried(many) - _carried(few)) / (many - few)
        return f"{each:.2f} ms CPU a partition of {many:,}"

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


def works(peer_python: Path, folder: Path) -> list[Trial]:  # noqa: ARG001
    """
    Rows of this area.

    Parameters
    ----------
    peer_python : pathlib.Path
        Interpreter of the peers; not needed here.
    folder : pathlib.Path
        Cache folder.

    Returns
    -------
    list of Trial
        Nothing was run.
    """
    maps = folder / "batch-maps"
    script = (sys.executable, "-P", str(_HERE / "alone.py"), "batch")
    return [
        Trial(
            name="carrying a partition",
            text="3000 partitions without work to two processes, watched and noted; goal 3.5 ms of CPU each",
            program=Program("oceandata", (*script, "cost_of_carrying"), packages=("oceandata-exchange",)),
            limits=Limits(),
            prepare=lambda: None,
        ),
        Trial(
            name="cost of a partition",
            text="mean of 1461 tiny maps in partitions of three, on two processes, next to one Dask graph",
            program=Program("oceandata", (*script, "cost_of_partitions", str(maps)), packages=("oceandata-exchange",)),
            limits=Limits(),
            prepare=lambda: write_maps(maps, 1461),
        ),
    ]
