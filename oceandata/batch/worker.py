"""
One partition, in whatever process: the work is built from the files of the run and kept, so that little is sent.

A partition computes the same bits wherever and however often it runs. Its result is on the disk before its record
leaves.
"""

import dataclasses
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from oceandata.batch.canary import peak_memory
from oceandata.batch.coverage import coverage
from oceandata.batch.files import write_json
from oceandata.batch.job import Job
from oceandata.batch.ledger import Unit, reads_record
from oceandata.batch.outputs import write_block
from oceandata.batch.plan import RunPlan, open_planned
from oceandata.batch.states import Stage
from oceandata.batch.work import Work
from oceandata.errors import CorruptionError, DocumentError, OceanDataError
from oceandata.storage.counting import Counter, open_counter
from oceandata.storage.damages import name_undecodable

__all__ = [
    "Opened",
    "begin_metering",
    "open_run",
    "plan_file",
    "read_plan_file",
    "run_unit",
    "run_units",
    "write_plan_file",
]

# Runs whose work a process keeps.
_KEPT_RUNS = 2


def plan_file(folder: Path) -> Path:
    """File in which the plan of a run is kept."""
    return folder / "plan.json"


def read_plan_file(folder: Path) -> RunPlan:
    """Plan that a run is kept with."""
    try:
        document = json.loads(plan_file(folder).read_text("utf-8"))
        job = Job.from_json(document["document"]).placed(Path(document["folder"]))
        return RunPlan.from_json(document, job)
    except (AttributeError, DocumentError, LookupError, TypeError, ValueError) as error:
        raise CorruptionError(_damaged_plan(folder)) from error


def write_plan_file(folder: Path, plan: RunPlan) -> None:
    """Keep a plan with its run."""
    document = {"document": plan.job.to_json(), "folder": str(plan.job.folder), **plan.to_json()}
    write_json(plan_file(folder), document)


def _damaged_plan(folder: Path) -> str:
    return f"the plan {plan_file(folder)} of a run is damaged. Remove that folder, or choose another: run."


def _open_work(folder: Path, plan: RunPlan) -> Work:
    """Work of a plan that fits it."""
    try:
        work = open_planned(plan)
    except LookupError as error:
        if isinstance(error, OceanDataError):
            raise
        raise CorruptionError(_damaged_plan(folder)) from error
    made = [(phase.label, phase.grid.count) for phase in work.phases]
    if made != [(phase.label, phase.grid.count) for phase in plan.phases]:
        raise CorruptionError(_damaged_plan(folder))
    return work


@dataclasses.dataclass(frozen=True, eq=False)
class Opened:
    """The work of a run, built in this process."""

    plan: RunPlan
    work: Work


class _Opener:
    """Builds the work of a run once in a process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.kept: OrderedDict[tuple[str, int], Opened] = OrderedDict()

    def open(self, folder: Path) -> Opened:
        key = (str(folder), plan_file(folder).stat().st_mtime_ns)
        with self.lock:
            if key not in self.kept:
                plan = read_plan_file(folder)
                self.kept[key] = Opened(plan, _open_work(folder, plan))
                while len(self.kept) > _KEPT_RUNS:
                    self.kept.popitem(last=False)
            return self.kept[key]


class _Meter:
    """What this process was served since it was last asked."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.stack = ExitStack()
        self.counter: Counter | None = None

    def begin(self) -> None:
        with self.lock:
            if self.counter is None:
                self.counter = self.stack.enter_context(open_counter())

    def take(self) -> dict[str, Any]:
        assert self.counter is not None
        return reads_record(self.counter.take())


_opener = _Opener()
_meter = _Meter()


def begin_metering() -> None:
    """Count what this process is served from now on; the first partition that it does brings it to the ledger."""
    _meter.begin()


def open_run(folder: Path) -> Opened:
    """
    Work of a run, built once in this process.

    Parameters
    ----------
    folder : pathlib.Path
        Of the run.

    Returns
    -------
    Opened
        Plan and work.
    """
    return _opener.open(folder)


def run_unit(folder: str, unit: Unit) -> dict[str, Any]:
    """
    Work on one partition; its result is on the disk when this returns.

    Parameters
    ----------
    folder : str
        Of the run, seen from this process.
    unit : tuple of int
        The partition.

    Returns
    -------
    dict
        Its record for the ledger.

    Raises
    ------
    CorruptionError
        If a chunk of the input, or a state, cannot be read.
    """
    _meter.begin()
    begun = time.perf_counter()
    opened = open_run(Path(folder))
    phase = opened.work.phases[unit[0]]
    places = {str(one["repository"]) for one in opened.plan.inputs}
    covers = {}
    with name_undecodable(places):
        if isinstance(phase, Stage):
            nbytes, digest = phase.run(unit[1])
            covers = {"covers": coverage(opened.work, phase, unit[1])}
        else:
            nbytes, digest = write_block(opened.work, phase, unit[1])
    return {
        "done": list(unit),
        "s": round(time.perf_counter() - begun, 4),
        "peak": peak_memory(),
        "nbytes": nbytes,
        "sha256": digest,
        "reads": _meter.take(),
        **covers,
    }


def run_units(folder: str, units: Sequence[Unit]) -> list[dict[str, Any] | Exception]:
    """
    Work on several partitions, one after the other.

    Parameters
    ----------
    folder : str
        Of the run, seen from this process.
    units : sequence of Unit
        The partitions.

    Returns
    -------
    list of dict or Exception
        For each its record for the ledger, or what it failed with; the error of one alone is raised.
    """
    if len(units) == 1:
        return [run_unit(folder, units[0])]
    found: list[dict[str, Any] | Exception] = []
    for unit in units:
        try:
            found.append(run_unit(folder, unit))
        except Exception as error:  # whatever a routine raises belongs to its partition
            found.append(error)
    return found
