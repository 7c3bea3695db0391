"""
Running a job: a bounded window of partitions on a runner, a ledger of what is done, and an end that says why.

Whatever dies, what the ledger says stays done, and the same command continues.
"""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from oceandata import _html
from oceandata.batch.files import file_digest, remove_parts, require_own_folder, write_json
from oceandata.batch.finisher import Finished, finish_run, published_attributes, report_file
from oceandata.batch.job import Job, differences
from oceandata.batch.ledger import Ledger, Share, Unit, held_run, open_log, read_ledger
from oceandata.batch.outputs import begin_repository, check_target
from oceandata.batch.plan import PlanRefusedError, RunPlan, code_digest, lineage_of, plan_job
from oceandata.batch.runners import open_runner
from oceandata.batch.status import damaged_units, missing_units
from oceandata.batch.window import Ended, Progress, Stop, Window, first_line, is_fatal
from oceandata.batch.worker import Opened, begin_metering, open_run, plan_file, read_plan_file
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

__all__ = ["CODES", "RunChangedError", "RunReport", "Stop", "code_of", "run_job"]

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

# Files of a run, but for those of partitions and runners; the plan goes last.
_OWN = ("report.json", "session.fork", "session.new", "plan.json")

# What a run has written stays safe from garbage collection for so long after it was last seen.
_KEPT_DAYS = 7


class RunChangedError(RepositoryExistsError):
    """The job, its input or the code is not that of the run that was begun."""


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
    """

    how: str
    message: str
    folder: Path
    partitions: int
    done: int
    fresh: int
    failures: dict[str, str]
    finished: Finished | None = None

    @property
    def code(self) -> int:
        """Exit code."""
        return CODES[self.how]

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        names = ("how", "message", "partitions", "done", "fresh", "failures")
        document: dict[str, Any] = {"code": self.code, "run": str(self.folder)}
        document |= {name: getattr(self, name) for name in names}
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


def _checked_plan(folder: Path, job: Job) -> RunPlan | None:
    """Plan that the run was begun with, if it is of the same work and code; None if nothing was begun."""
    if not plan_file(folder).exists():
        return None
    begun = read_plan_file(folder)
    if begun.job.folder.resolve() != job.folder.resolve():
        msg = (
            f"the run in {folder} was begun by a job in {begun.job.folder}, this one is in {job.folder}: a copy does "
            "not go on. Run the job there, or remove the copied folder of the run."
        )
        raise RunChangedError(msg)
    changed = differences(begun.job.work(), job.work())
    if changed:
        msg = (
            f"the run in {folder} was begun with another job: {'; '.join(changed)}. Give the job another name, or "
            "throw away what was done: discard=True (--discard)."
        )
        raise RunChangedError(msg)
    if begun.code != code_digest() and not report_file(folder).exists():
        msg = (
            f"the run in {folder} was begun with other code ({begun.code}, now {code_digest()}): its parts do not fit "
            "together with what would be computed now. Finish it with that version of oceandata, or throw away what "
            "was done: discard=True (--discard)."
        )
        raise RunChangedError(msg)
    return dataclasses.replace(begun, job=job)


def _write_plan(folder: Path, plan: RunPlan) -> None:
    document = {"document": plan.job.to_json(), "folder": str(plan.job.folder), **plan.to_json()}
    write_json(plan_file(folder), document)


@contextmanager
def _planning(folder: Path) -> Iterator[None]:
    """One runner plans, the others wait for it."""
    import fcntl

    with (folder / "plan.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _begin(job: Job, folder: Path, *, canary: bool) -> Opened:
    """Plan of the run, made and kept if there is none; and its work."""
    with _planning(folder):
        _forget_lost(job, folder)
        plan = _checked_plan(folder, job)
        if plan is None:
            plan = plan_job(job, canary=canary)
            faults = plan.faults()
            if faults:
                raise PlanRefusedError(" ".join(faults))
            _write_plan(folder, plan)
        elif plan.job.to_json() != read_plan_file(folder).job.to_json():
            _write_plan(folder, plan)  # resources or purpose of this run
        opened = open_run(folder)
        if not report_file(folder).exists():
            _check_inputs(opened)
            check_target(opened.work)
            if not job.is_file:
                begin_repository(opened.work, published_attributes(opened.work, lineage_of(opened.work)))
    return opened


def _check_inputs(opened: Opened) -> None:
    """Refuse an input that is not the one that was planned."""
    planned = {(one["repository"], one["variable"]): one["snapshot"] for one in opened.plan.inputs}
    for one in lineage_of(opened.work).planned:
        before = planned.get((one.origin.repository, one.variable))
        if before is not None and before != one.origin.snapshot:
            msg = (
                f"input {one.origin.name} is at snapshot {one.origin.snapshot} now, the run was begun with {before}. "
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


def _forget_lost(job: Job, folder: Path) -> None:
    """Begin anew where the result of a finished run was deleted; refuse one that is another now."""
    path = report_file(folder)
    if not path.exists() or not plan_file(folder).exists() or _checked_plan(folder, job) is None:
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


def _discard(folder: Path) -> None:
    """Throw away what was done: what a run makes itself, and nothing else that lies there."""
    remove_parts(folder)
    for path in [*folder.glob("ledger-*.log"), *(folder / name for name in _OWN)]:
        if path.is_file():
            path.unlink()


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
    stop: Stop | None = None,
    on_progress: Progress | None = None,
) -> RunReport:
    """
    Run a job, or go on with it.

    What an earlier run of the same job has done is not done again. A finished job is left as it is.

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
        Begin anew, whatever was done.
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
        If the job, its input or the code is not that of the run that was begun.
    PlanRefusedError
        If it does not fit; nothing is begun.
    """
    share = share or Share()
    require_own_folder(job.run_folder)
    if discard:
        _check_discard(job)
    try:
        with held_run(job.run_folder, share):
            begin_metering()
            if discard:
                _discard(job.run_folder)
            return _held(job, scheduler, share, stop or Stop(), on_progress, canary=canary)
    except Exception as error:
        if not is_fatal(error):
            raise
        return RunReport("storage", f"{job.name} ended: {_full(error)}", job.run_folder, 0, 0, 0, {})


def _full(error: BaseException) -> str:
    """What to say of a disk that takes no more."""
    return f"the disk takes no more ({first_line(error)}). Free space; the same command continues."


def _held(
    job: Job, scheduler: str, share: Share, stop: Stop, on_progress: Progress | None, *, canary: bool
) -> RunReport:
    """Begin a run that nobody else holds, or go on with it."""
    folder = job.run_folder
    opened = _begin(job, folder, canary=canary)
    counts = [phase.grid.count for phase in opened.plan.phases]
    if report_file(folder).exists():
        total = sum(counts)
        return RunReport("done", f"{job.name} is finished already: {job.target}.", folder, total, total, 0, {})
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
    return RunReport(how, message, folder, total, done, fresh, failures, finished)


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
