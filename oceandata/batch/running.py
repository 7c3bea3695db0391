"""
Running a job: a bounded window of partitions on a runner, a ledger of what is done, and an end that says why.

Whatever dies, what the ledger says stays done, and the same command continues.
"""

import dataclasses
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from oceandata import _html
from oceandata.batch.begun import RunChangedError, check_input, checked_plan, find_newer, has_moved
from oceandata.batch.files import file_digest, remove_run, require_own_folder, write_json
from oceandata.batch.finisher import Finished, finish_run, published_attributes, report_file
from oceandata.batch.job import Job
from oceandata.batch.ledger import Ledger, Share, Unit, held_run, open_log, read_ledger
from oceandata.batch.outputs import begin_repository, check_target
from oceandata.batch.owed import keep_records
from oceandata.batch.plan import PlanRefusedError, RunPlan, inputs_of, lineage_of, plan_job
from oceandata.batch.runners import open_runner
from oceandata.batch.status import damaged_units, missing_units
from oceandata.batch.taken import reused_rows
from oceandata.batch.updates import find_update, open_earlier, settle, update_folder, write_update
from oceandata.batch.window import Ended, Progress, Stop, Window, first_line, is_fatal
from oceandata.batch.work import open_input
from oceandata.batch.worker import Opened, begin_metering, open_run, plan_file, read_plan_file, write_plan_file
from oceandata.errors import (
    CorruptionError,
    InputError,
    OceanDataError,
    RepositoryExistsError,
    UnreachableError,
)
from oceandata.journal import Journal
from oceandata.storage.leases import Lease
from oceandata.storage.revisions import describe_revision
from oceandata.storage.stores import local_path, repository_exists

__all__ = ["CODES", "RunReport", "Stop", "code_of", "run_job"]

#: Exit codes by how a run ended.
CODES = {
    "done": 0,
    "failed": 1,
    "bad job": 2,
    "refused": 3,
    "lost": 4,
    "storage": 5,
    "held": 6,
    "drained": 75,
    "interrupted": 130,
}

# What a run has written stays safe from garbage collection for so long after it was last seen.
_KEPT_DAYS = 7


@dataclasses.dataclass(frozen=True)
class RunReport:
    """
    How a run ended.

    Attributes
    ----------
    how : str
        A key of `CODES`.
    message : str
        One sentence.
    folder : pathlib.Path
        Of the run.
    partitions, done, fresh : int
        Partitions in all, done in all, and done by this run.
    failures : dict of str to str
        What partitions failed with, by their name.
    finished : Finished or None
        The result, if it is whole now.
    reused : tuple of dict
        Inputs that were read by earlier runs, whose states were taken over; `oceandata.batch.Update.reused`.
    anew : str
        Why states of the run before it were not taken over, beside the change of the input; empty if nothing was lost.
    """

    how: str
    message: str
    folder: Path
    partitions: int
    done: int
    fresh: int
    failures: dict[str, str]
    finished: Finished | None = None
    reused: tuple[dict[str, Any], ...] = ()
    anew: str = ""

    @property
    def code(self) -> int:
        """Exit code."""
        return CODES[self.how]

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        names = ("how", "message", "partitions", "done", "fresh", "failures")
        document: dict[str, Any] = {"code": self.code, "run": str(self.folder)}
        document |= {name: getattr(self, name) for name in names} | {"reused": list(self.reused)}
        document |= {"anew": self.anew}
        if self.finished is not None:
            own = self.finished
            document |= {"target": own.target, "digest": own.digest, "revision": own.revision}
            document |= {"lineage": own.lineage.to_json(), "usage": own.usage.to_json()}
        return document

    def facts(self) -> list[tuple[str, str]]:
        """
        Names and values for people.

        Returns
        -------
        list of (str, str)
            The same in terminals and notebooks.
        """
        rows = [("run", str(self.folder)), ("ended", self.message)]
        rows.append(("partitions", f"{self.done} of {self.partitions} done, {self.fresh} by this run"))
        rows += reused_rows(self.reused)
        rows += [("read anew", self.anew)] if self.anew else []
        rows += [(f"failed {name}", said) for name, said in self.failures.items()]
        if self.finished is not None:
            own = self.finished
            rows.append(("result", f"{own.target} {own.revision}".strip()))
            rows.append(("digest", own.digest))
            served = "exactly the planned chunks" if own.usage.matches else "other chunks than planned"
            rows.append(("served", f"{served}; unique {_html.human_bytes(own.usage.unique_bytes)}"))
        return rows

    def __str__(self) -> str:
        return "\n".join(f"{name:<12}{text}" for name, text in self.facts())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return _html.facts(self.facts(), title="run")


@contextmanager
def _planning(folder: Path) -> Iterator[None]:
    """One runner plans, the others wait for it."""
    import fcntl

    with (folder / "plan.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _begin(job: Job, folder: Path, share: Share, *, canary: bool, update: bool) -> RunPlan:
    """Plan of the run, made and kept if there is none; where it is not finished, everything that partitions need."""
    with _planning(folder):
        settle(folder)
        _forget_lost(job, folder, update=update)
        if update:
            _bring_up_to_date(job, folder, share)
        plan = checked_plan(folder, job, is_finished=report_file(folder).exists())
        if plan is None:
            plan = _fitting(plan_job(job, canary=canary))
            write_plan_file(folder, plan)
        elif plan.job.to_json() != read_plan_file(folder).job.to_json():
            write_plan_file(folder, plan)  # resources or purpose of this run
        if not report_file(folder).exists():
            check_input(plan, open_input(job))
            opened = open_run(folder)
            _check_inputs(opened)
            check_target(opened.work)
            if not job.is_file:
                begin_repository(opened.work, published_attributes(opened.work, lineage_of(opened.work)))
    return plan


def _fitting(plan: RunPlan) -> RunPlan:
    """A plan that can be run."""
    faults = plan.faults()
    if faults:
        raise PlanRefusedError(" ".join(faults))
    return plan


def _bring_up_to_date(job: Job, folder: Path, share: Share) -> None:
    """Put a run on the input of now in the place of the one before, with the states that still hold."""
    is_finished = report_file(folder).exists()
    earlier = open_earlier(job, is_finished=is_finished)
    if earlier is None or not earlier.is_behind(job):
        return
    if share.of > 1 and not is_finished:
        msg = (
            f"the run in {folder} is not finished and its input or code changed: runners of other shares may work on "
            "it. Let one runner bring it up to date: oceandata run --update, without --share."
        )
        raise RunChangedError(msg)
    plan, states = find_update(job, earlier)
    write_update(folder, _fitting(plan), states)


def _check_inputs(opened: Opened) -> None:
    """Refuse an input that is not the one that was planned."""
    planned = {(one["repository"], one["variable"]): one["snapshot"] for one in opened.plan.inputs}
    for one in inputs_of(opened.work)[0]:
        before = planned.get((one["repository"], one["variable"]))
        if before is not None and before != one["snapshot"]:
            name = one["product"] or one["entry"] or one["repository"]
            msg = (
                f"input {name} is at snapshot {one['snapshot']} now, the run was begun with {before}. "
                "Name the revision in the job (input.revision), or throw away what was done: discard=True (--discard)."
            )
            raise RunChangedError(msg)


def _keep_from_garbage(job: Job) -> None:
    """Say in the repository of the result that work for it is unfinished, also while no process runs."""
    if job.is_file or "://" in job.target:
        return
    folder = local_path(job.target) / "leases"
    folder.mkdir(exist_ok=True)
    path = folder / f"run-{job.digest}.json"
    now = datetime.now(UTC)
    started = now
    if path.exists():
        started = Lease.from_json(json.loads(path.read_text("utf-8"))).started_at
    lease = Lease(path.stem, f"job {job.name}", "", 0, started, now, now + timedelta(days=_KEPT_DAYS))
    write_json(path, lease.to_json())


def _let_go(job: Job) -> None:
    """The result is whole: nothing of it is unfinished."""
    if not job.is_file and "://" not in job.target:
        (local_path(job.target) / "leases" / f"run-{job.digest}.json").unlink(missing_ok=True)


def _redo(units: list[Unit], ledger: Ledger, journal: Journal) -> None:
    """Do again what is said to be done and is not there, or damaged."""
    for unit in units:
        record = {"undone": list(unit)}
        journal.append(record)
        ledger.take(record)


def _forget_lost(job: Job, folder: Path, *, update: bool) -> None:
    """Begin anew where the result of a finished run was deleted; refuse one that is another now."""
    path = report_file(folder)
    if not path.exists() or checked_plan(folder, job, is_finished=True, update=update) is None:
        return
    try:
        report = json.loads(path.read_text("utf-8"))
        digest, revision = str(report["digest"]), str(report["revision"])
    except (LookupError, TypeError, ValueError) as error:
        msg = f"{path} is damaged. Throw away what was done: discard=True (--discard)."
        raise CorruptionError(msg) from error
    if not (Path(job.target).is_file() if job.is_file else repository_exists(job.target)):
        path.unlink()
        return
    found = f"sha256:{file_digest(Path(job.target))}" if job.is_file else ""
    if not job.is_file:
        found = describe_revision(job.target, revision=revision).content_root
    if found != digest:
        msg = (
            f"{job.target} is not the result of this run any more: got {found}, need {digest}. Remove it, and the same "
            "command makes it again; or choose another output."
        )
        raise CorruptionError(msg)


def _check_discard(job: Job) -> None:
    """Refuse to throw away what no run of this job made."""
    folder = job.run_folder
    kept = [] if not folder.is_dir() else [one for one in folder.iterdir() if one.name != "leases"]
    if all(path.suffix == ".lock" for path in kept):
        return
    begun = read_plan_file(folder).job if plan_file(folder).exists() else None
    if begun is None or begun.name != job.name or begun.run_folder.resolve() != folder.resolve():
        msg = f"{folder} is not the folder of a run of {job.name}: nothing is thrown away. Choose another folder: run."
        raise RunChangedError(msg)


def _work_through(opened: Opened, ledger: Ledger, loop: Window, share: Share, on_progress: Progress | None) -> None:
    """All phases in order."""
    for phase in range(len(ledger.counts)):
        loop.run(phase, share, on_progress)
        if loop.failed:
            count = len(loop.failed)
            unit, said = next(iter(loop.failed.items()))
            name = f"{opened.work.phases[unit[0]].label}, partition {unit[1]}"
            raise Ended(how="failed", why=f"{count} partition{'s' * (count > 1)} failed; {name}: {said}")
        if ledger.done_in(phase) < ledger.counts[phase]:
            others = read_ledger(opened.plan.job.run_folder, ledger.counts)
            ledger.done = others.done
            if ledger.done_in(phase) < ledger.counts[phase] and phase + 1 < len(ledger.counts):
                raise Ended(
                    how="drained", why=f"its share of {opened.work.phases[phase].label} is done, other shares are not"
                )


def run_job(
    job: Job,
    *,
    scheduler: str = "threads",
    share: Share | None = None,
    canary: bool = True,
    discard: bool = False,
    update: bool = False,
    stop: Stop | None = None,
    on_progress: Progress | None = None,
) -> RunReport:
    """
    Run a job, or go on with it.

    What an earlier run of the same job has done is not done again. A finished job is left as it is, unless its result
    shall follow its input.

    Parameters
    ----------
    job : Job
        The document.
    scheduler : str
        ``threads``, ``local`` (processes of this machine) or the address of a Dask scheduler whose workers see the
        folder of the run and the data at the same place.
    share : Share, optional
        A part of the partitions, for several runners side by side; the result is then made by a run of the whole.
    canary : bool
        Try some blocks first, to learn speed and memory, where no plan was made yet.
    discard : bool
        Begin anew, whatever was done; what was served for it stays told in ``earlier-N``.
    update : bool
        Bring the result up to date if the input is at another revision now: states that were merged of chunks, labels
        and encoding that did not change are taken over, the rest is read. Everything is computed anew if the code is
        another, or nothing of the job merges; the report says so. What is up to date is left alone.
    stop : Stop, optional
        Asks the run to end, from a signal or another thread.
    on_progress : callable, optional
        Called with the partitions done and all of them.

    Returns
    -------
    RunReport
        How it ended; `RunReport.code` for a shell.

    Raises
    ------
    RunHeldError
        If another runner works on it.
    RunChangedError
        If the job, its input or the code is not that of the run that was begun; with `update` if the job is another.
    InputError
        If both `discard` and `update` are asked for, or `update` of an input that has no revisions.
    PlanRefusedError
        If it does not fit; nothing is begun.
    """
    if discard and update:
        msg = "an update takes over what discard throws away. Leave one of the two out."
        raise InputError(msg)
    share = share or Share()
    require_own_folder(job.run_folder)
    if discard:
        _check_discard(job)
    try:
        with held_run(job.run_folder, share):
            begin_metering()
            if discard:
                shutil.rmtree(update_folder(job.run_folder), ignore_errors=True)
                keep_records(job.run_folder, job.run_folder)
                remove_run(job.run_folder)
            return _held(job, scheduler, share, stop or Stop(), on_progress, canary=canary, update=update)
    except Exception as error:
        if not is_fatal(error):
            raise
        return RunReport("storage", f"{job.name} ended: {_full(error)}", job.run_folder, 0, 0, 0, {})


def _full(error: BaseException) -> str:
    """What to say of a disk that takes no more."""
    return f"the disk takes no more ({first_line(error)}). Free space; the same command continues."


def _left_alone(plan: RunPlan) -> RunReport:
    """What to say of a run that is finished."""
    job, total = plan.job, plan.partitions
    source = open_input(job)
    now, newer = has_moved(plan, source), find_newer(job, source)
    message = f"{job.name} is finished already: {job.target}."
    if now:
        message += f" Its input is at {now} now: bring it up to date with update=True (--update)."
    if newer:
        message += f" The repository of its input is at {newer}, its entry is not: oceandata catalog update."
    return RunReport("done", message, job.run_folder, total, total, 0, {})


def _held(
    job: Job, scheduler: str, share: Share, stop: Stop, on_progress: Progress | None, *, canary: bool, update: bool
) -> RunReport:
    """Begin a run that nobody else holds, or go on with it."""
    folder = job.run_folder
    plan = _begin(job, folder, share, canary=canary, update=update)
    if report_file(folder).exists():
        return _left_alone(plan)
    opened, counts = open_run(folder), [phase.grid.count for phase in plan.phases]
    _keep_from_garbage(job)
    with open_log(folder, share) as journal:
        ledger = read_ledger(folder, counts)
        _redo(missing_units(opened.work, ledger), ledger, journal)
        _redo([unit for unit in damaged_units(opened.work, ledger) if unit[1] in share], ledger, journal)
        report = _run(opened, ledger, journal, scheduler, share, stop, on_progress)
        if report.how != "storage":
            journal.append({"end": report.code, "how": report.how, "message": report.message})
    return report


def _run(
    opened: Opened,
    ledger: Ledger,
    journal: Journal,
    scheduler: str,
    share: Share,
    stop: Stop,
    on_progress: Progress | None,
) -> RunReport:
    """Work on partitions and make the result; how that ended."""
    job, folder = opened.plan.job, opened.plan.job.run_folder
    total = sum(ledger.counts)
    how, message, finished, fresh = "done", "", None, 0
    failures: dict[str, str] = {}
    try:
        if not ledger.is_whole:
            with open_runner(scheduler, folder, job.resources.workers) as runner:
                loop = Window(job.resources, ledger, journal, runner, stop)
                try:
                    _work_through(opened, ledger, loop, share, on_progress)
                finally:
                    fresh = loop.fresh
                    failures = {f"{unit[0]}-{unit[1]}": said for unit, said in loop.failed.items()}
        if share.of == 1:
            finished = finish_run(opened.plan, opened.work, ledger)
            _let_go(job)
            message = f"{job.name} is finished: {finished.target}."
        else:
            message = f"share {share.index + 1} of {share.of} is done. Make the result: oceandata run --finish."
    except Ended as ended:
        how, message = ended.how, f"{job.name} ended: {ended.why}. The same command continues."
        if any(said.startswith(CorruptionError.__name__) for said in failures.values()):
            _redo(damaged_units(opened.work, ledger), ledger, journal)
    except CorruptionError as error:
        damaged = damaged_units(opened.work, ledger)
        if not damaged:
            raise
        _redo(damaged, ledger, journal)
        how, message = "failed", f"{first_line(error)} {len(damaged)} partitions are redone by the same command."
    except Exception as error:
        if not is_fatal(error):
            raise
        how, message = "storage", f"{job.name} ended: {_full(error)}"
    done = sum(map(ledger.done_in, range(len(ledger.counts))))
    update = opened.plan.update
    taken = tuple(update.reused(ledger.taken.values())) if update else ()
    return RunReport(how, message, folder, total, done, fresh, failures, finished, taken, update.why if update else "")


def code_of(error: OceanDataError) -> int:
    """
    Exit code for an error that was raised before anything was run.

    Parameters
    ----------
    error : OceanDataError
        The error.

    Returns
    -------
    int
        One of `CODES`.
    """
    if isinstance(error, PlanRefusedError):
        return CODES["refused"]
    if isinstance(error, RepositoryExistsError):
        return CODES["held"]
    if isinstance(error, InputError | LookupError):
        return CODES["bad job"]
    return CODES["lost"] if isinstance(error, UnreachableError) else 1
