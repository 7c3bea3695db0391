"""
Bringing a run up to date: what the run before it made of chunks that did not change is taken over, the rest is read.

The new run is put together in a folder beside the files of the old one and then takes its place, the plan last. Cut at
any moment, there is a whole old run or a whole new one, and the next command ends what was begun.
"""

import dataclasses
import math
import os
import shutil
from pathlib import Path
from typing import Any

from oceandata.batch.begun import checked_plan, has_moved
from oceandata.batch.coverage import coverage
from oceandata.batch.files import file_digest, numbered_file, remove_run
from oceandata.batch.job import Job
from oceandata.batch.ledger import TAKEN, Ledger, Unit, read_ledger
from oceandata.batch.owed import keep_records
from oceandata.batch.plan import RunPlan, code_digest, open_planned, plan_job
from oceandata.batch.taken import Update
from oceandata.batch.work import Work, open_input, source_origin
from oceandata.batch.worker import plan_file, read_plan_file, write_plan_file
from oceandata.errors import InputError
from oceandata.journal import Journal

__all__ = ["Earlier", "find_update", "open_earlier", "plan_update", "settle", "update_folder", "write_update"]


@dataclasses.dataclass(frozen=True)
class Earlier:
    """
    The run that an update begins from.

    Attributes
    ----------
    plan : RunPlan
        With the job of now.
    begun : dict
        Work of its job, as it was begun.
    ledger : Ledger
        What is done of it.
    is_finished : bool
        Whether its result was made.
    """

    plan: RunPlan
    begun: dict[str, Any]
    ledger: Ledger
    is_finished: bool

    def is_behind(self, job: Job) -> bool:
        """Tell whether the input, or what an unfinished run is computed with, is another now."""
        source = open_input(job)
        origin = source_origin(source)
        if origin is None or not origin.snapshot:
            msg = (
                f"the input {job.input.entry!r} has no revisions, so nothing tells what changed. Compute it anew: "
                "discard=True (--discard), or ingest it into a repository."
            )
            raise InputError(msg)
        other_code = not self.is_finished and self.plan.code != code_digest()
        return bool(has_moved(self.plan, source)) or self.begun != job.work() or other_code

    @property
    def revision(self) -> str:
        """Revision of its input."""
        one: dict[str, Any] = next(iter(self.plan.inputs), {})
        return str(one.get("revision") or one.get("snapshot") or "an input without revisions")

    @property
    def snapshot(self) -> str:
        """Snapshot of its input."""
        one: dict[str, Any] = next(iter(self.plan.inputs), {})
        return str(one.get("snapshot", ""))


@dataclasses.dataclass(frozen=True)
class _State:
    """State of an earlier run that holds for a partition of a new one, and its line in the ledger."""

    path: Path
    record: dict[str, Any]


def update_folder(folder: Path) -> Path:
    """
    Folder in which a new run is put together.

    Parameters
    ----------
    folder : pathlib.Path
        Of the run.

    Returns
    -------
    pathlib.Path
        In it; there only while an update is prepared.
    """
    return folder / ".oceandata-update"


def open_earlier(job: Job, *, is_finished: bool) -> Earlier | None:
    """
    The run of a job that was begun before, on whichever revision of its input.

    Parameters
    ----------
    job : Job
        What is asked for now.
    is_finished : bool
        Whether its result was made.

    Returns
    -------
    Earlier or None
        None if nothing was begun.

    Raises
    ------
    RunChangedError
        If more than the revision differs.
    CorruptionError
        If its plan or ledger is damaged.
    """
    plan = checked_plan(job.run_folder, job, is_finished=is_finished, update=True)
    if plan is None:
        return None
    ledger = read_ledger(job.run_folder, [phase.grid.count for phase in plan.phases])
    return Earlier(plan, read_plan_file(job.run_folder).job.work(), ledger, is_finished)


def _found(work: Work, earlier: Earlier, folder: Path) -> tuple[dict[Unit, _State], int]:
    """States that hold for partitions of a new run, compared with their digests; and how many are no longer right."""
    known = {covers: unit for unit, covers in earlier.ledger.covers.items() if covers and earlier.ledger.is_done(unit)}
    found: dict[Unit, _State] = {}
    damaged = 0
    for stage in work.stages if known else ():
        for number in range(stage.grid.count):
            covers = coverage(work, stage, number)
            unit = known.get(covers)
            if unit is None:
                continue
            nbytes, digest = earlier.ledger.files[unit]
            path = numbered_file(folder / f"states-{unit[0]}", unit[1], ".npz")
            if file_digest(path) != digest:
                damaged += 1
                continue
            record = {"done": [stage.number, number], "s": 0, "nbytes": nbytes, "sha256": digest, "reads": {}}
            read = earlier.ledger.taken.get(unit, earlier.snapshot)
            found[(stage.number, number)] = _State(path, record | {"covers": covers, "from": read})
    return found, damaged


def _saved_bytes(work: Work, plan: RunPlan, states: dict[Unit, _State]) -> int:
    """Decoded bytes of the partitions whose states are taken over."""
    saved = 0.0
    for stage, phase in zip(work.stages, plan.phases, strict=False):
        regions = (stage.recipe.region(stage.grid.box(number)) for at, number in states if at == stage.number)
        values = sum(math.prod(part.stop - part.start for part in region) for region in regions)
        saved += phase.gross_bytes * values / max(1, math.prod(stage.array.shape))
    return round(saved)


def find_update(job: Job, earlier: Earlier) -> tuple[RunPlan, dict[Unit, _State]]:
    """
    Plan a run that takes over what the one before it streamed of chunks that did not change.

    Parameters
    ----------
    job : Job
        What is asked for now.
    earlier : Earlier
        The run before.

    Returns
    -------
    tuple
        The plan, and the states that are taken over by partition.

    Notes
    -----
    The states are read and compared with their digests, of the data only metadata and recorded leaves.
    """
    plan = plan_job(job, like=earlier.plan)
    work = open_planned(plan)
    states: dict[Unit, _State] = {}
    if not work.stages:
        why = "nothing of it is made of states that merge, so it is computed whole"
    elif earlier.plan.code != plan.code:
        why = f"that run was computed by other code, {earlier.plan.code}, now {plan.code}"
    else:
        states, damaged = _found(work, earlier, job.run_folder)
        why = "" if states else "no chunks, labels, weights and encoding of a partition are those of that run"
        count = "1 state of that run is" if damaged == 1 else f"{damaged} states of that run are"
        why = f"{count} missing or damaged" if damaged else why
    inputs = (*(earlier.plan.update.sources if earlier.plan.update else ()), *earlier.plan.inputs)
    read = {str(state.record["from"]) for state in states.values()}
    sources = {one["snapshot"]: one for one in reversed(inputs) if one["snapshot"] in read}
    update = Update(
        since=earlier.revision,
        taken=tuple(sum(at == phase for at, _ in states) for phase in range(len(plan.phases))),
        saved_bytes=_saved_bytes(work, plan, states),
        why=why,
        sources=tuple(sources.values()),
    )
    return dataclasses.replace(plan, update=update), states


def plan_update(job: Job, *, canary: bool = True) -> RunPlan:
    """
    Plan a job as ``run_job(..., update=True)`` would begin it; nothing is changed.

    Parameters
    ----------
    job : Job
        The document.
    canary : bool
        Try a few blocks, if there is no run to begin from.

    Returns
    -------
    RunPlan
        With what is taken over from the run before; as `plan_job` makes it if there is none.

    Raises
    ------
    RunChangedError
        If the run before is of another job, not only of another revision of its input.
    """
    settled = not update_folder(job.run_folder).is_dir()
    earlier = open_earlier(job, is_finished=True) if settled else None
    return plan_job(job, canary=canary) if earlier is None else find_update(job, earlier)[0]


def write_update(folder: Path, plan: RunPlan, states: dict[Unit, _State]) -> None:
    """
    Put a new run in the place of the one before it, with the states that it takes over.

    Parameters
    ----------
    folder : pathlib.Path
        Of both.
    plan : RunPlan
        Of the new run.
    states : dict
        From `find_update`.
    """
    beside = update_folder(folder)
    with Journal(beside / TAKEN) as journal:
        for (phase, number), state in states.items():
            path = numbered_file(beside / f"states-{phase}", number, ".npz")
            path.parent.mkdir(parents=True, exist_ok=True)
            _link(state.path, path)
            journal.append(state.record)
        journal.sync = True
        journal.append({"taken": len(states)})
    keep_records(folder, beside)
    write_plan_file(beside, plan)
    settle(folder)


def _link(path: Path, other: Path) -> None:
    """The same file under another name; a copy where the file system has no such names."""
    try:
        os.link(path, other)
    except OSError:
        shutil.copyfile(path, other)


def settle(folder: Path) -> None:
    """
    End an update that was begun, if it was cut: forward if the new run is whole, else back.

    Parameters
    ----------
    folder : pathlib.Path
        Of a run that nobody works on.
    """
    beside = update_folder(folder)
    if not beside.is_dir():
        return
    if plan_file(beside).exists():
        if plan_file(folder).exists():
            remove_run(folder)  # its plan goes last: while it is there, nothing was moved
        for path in sorted(beside.rglob("*"), key=lambda path: path == plan_file(beside)):
            if path.is_file():
                target = folder / path.relative_to(beside)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
    shutil.rmtree(beside)
