"""Memory of jobs: of the scheduler whatever the number of partitions, of workers whatever the length of the record."""

import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from benchmarks.batch import do_nothing
from oceandata.batch import Resources, Share, Stop, load_job, plan_job, run_job, runners
from oceandata.batch.ledger import Ledger, open_log
from oceandata.batch.runners import open_runner
from oceandata.batch.window import Window
from oceandata.errors import OceanDataError

__all__ = ["memory_of_job", "memory_of_scheduler"]

_ROOT = Path(__file__).parents[1]

# As the runner sets them in a cluster of its own.
_SETTINGS = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_SATURATION": "1.0"}


@contextlib.contextmanager
def _cluster(folder: Path) -> Iterator[tuple[str, int]]:
    """Address of a scheduler in a process of its own with two workers, and the number of that process."""
    file = folder / "scheduler.json"
    environment = os.environ | _SETTINGS | {"PYTHONPATH": str(_ROOT)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}

    def started(what: str, *options: str) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "distributed.cli." + what, "--no-dashboard", *options]
        return subprocess.Popen(argv, **quiet)  # type: ignore[call-overload,no-any-return]

    running = [started("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))]
    try:
        while not file.exists():
            if running[0].poll() is not None:
                msg = f"the scheduler ended with status {running[0].returncode}."
                raise OceanDataError(msg)
            time.sleep(0.05)
        options = (
            "--scheduler-file",
            str(file),
            "--nthreads",
            "1",
            "--nworkers",
            "2",
            "--local-directory",
            str(folder),
        )
        running.append(started("dask_worker", *options))
        yield str(json.loads(file.read_text("utf-8"))["address"]), running[0].pid
    finally:
        for one in reversed(running):
            one.send_signal(signal.SIGTERM)
            one.wait()


def _peak_mb(process: int) -> float:
    """Largest resident memory of a process so far, MB."""
    status = Path(f"/proc/{process}/status").read_text("ascii")
    return 1024e-6 * int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def _carry(address: str, count: int) -> None:
    """Partitions without work, to the workers of a scheduler."""
    with (
        tempfile.TemporaryDirectory() as folder,
        open_runner(address, Path(folder), 2) as runner,
        open_log(Path(folder), Share()) as journal,
    ):
        ledger = Ledger([count])
        Window(Resources(workers=2), ledger, journal, runner, Stop()).run(0, Share(), None)
        if not ledger.is_whole:
            msg = f"{ledger.done_in(0)} partitions were carried, need {count}."
            raise OceanDataError(msg)


@contextlib.contextmanager
def memory_of_scheduler(few: str, many: str) -> Iterator[Callable[[], str]]:
    """
    Memory of a scheduler in a process of its own, and of the runner, after few partitions and after many.

    Parameters
    ----------
    few, many : str
        How many.

    Yields
    ------
    callable
        Carries them; tells both heights of both.
    """
    runners.run_units = functools.partial(do_nothing, seconds=0.0)  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as folder, _cluster(Path(folder)) as (address, process):

        def call() -> str:
            heights = []
            for count in (int(few), int(many)):
                _carry(address, count)
                heights.append((_peak_mb(process), _peak_mb(os.getpid())))
            told = ("scheduler", "runner with its ledger")
            each = [f"{name} {one:.0f}, then {two:.0f} MB" for name, one, two in zip(told, *heights, strict=True)]
            return "; ".join(each)

        yield call


@contextlib.contextmanager
def memory_of_job(maps: str) -> Iterator[Callable[[], str]]:
    """
    Memory of workers on a record, beside the plan; and how often they read each chunk.

    Parameters
    ----------
    maps : str
        From `benchmarks.batch.write_maps`.

    Yields
    ------
    callable
        Plans and runs a trend on two processes; tells the share of the planned memory that was taken at most. An
        OceanDataError if other chunks were read than planned, or one of them twice.
    """
    with tempfile.TemporaryDirectory() as folder:
        document = {
            "schema": "oceandata.job/1",
            "name": "trend",
            "input": {"catalog": str(Path(maps) / "catalog.yaml"), "entry": "maps"},
            "routine": "trend",
            "output": "trend.nc",
            "resources": {"workers": 2},
        }
        path = Path(folder) / "trend.yaml"
        path.write_text(yaml.safe_dump(document), "utf-8")

        def call() -> str:
            job = load_job(path)
            planned = plan_job(job)
            report = run_job(job, scheduler="local")
            if report.finished is None:
                raise OceanDataError(report.message)
            taken = json.loads((job.run_folder / "report.json").read_text("utf-8"))["peak_bytes"]
            usage = report.finished.usage
            if not usage.matches or usage.gross_bytes != usage.unique_bytes:
                msg = f"{usage.gross_bytes} bytes were served of {usage.unique_bytes} that are there, need each once."
                raise OceanDataError(msg)
            share = f"{taken / planned.peak_bytes:.2f} of the planned {planned.peak_bytes / 1e6:.0f} MB"
            return f"{share}, {report.partitions} partitions, each chunk read once"

        yield call
