"""
A job as a Slurm array: every task runs its own share with its own small scheduler, and a last job makes the result.

What is submitted are scripts in the folder of the run, which anybody may read and submit by hand. They know nothing of
progress: that stands in the ledger.
"""

import dataclasses
import json
import math
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from oceandata.batch.files import write_json
from oceandata.batch.finisher import report_file
from oceandata.batch.job import Job, load_job
from oceandata.batch.ledger import RunHeldError, Share
from oceandata.batch.plan import PlanRefusedError, plan_job
from oceandata.batch.running import RunReport, run_job
from oceandata.batch.slurm_scripts import Allocation, finisher_script, job_name, share_script
from oceandata.batch.status import read_status
from oceandata.batch.updates import plan_update
from oceandata.batch.window import Stop
from oceandata.batch.worker import plan_file
from oceandata.errors import InputError, OceanDataError, UnreachableError

__all__ = ["Submission", "find_live_jobs", "submit_job"]

# Part of the memory of a task that its partitions may have; the rest is for the scheduler and for what it runs in.
_OF_MEMORY = 0.9

# Seconds in which Slurm answers, also when its controller is busy.
_ANSWER_S = 120


@dataclasses.dataclass(frozen=True)
class Submission:
    """
    What was submitted, or would be.

    Attributes
    ----------
    job : pathlib.Path
        The document.
    folder : pathlib.Path
        Of the run.
    scripts : dict of pathlib.Path to str
        Text of each script.
    arrays : tuple of str
        Ids of the arrays, one after the other; empty if nothing was submitted.
    finisher : str
        Id of the job that makes the result; empty if nothing was submitted.
    shares, rounds : int
        Tasks of an array, and arrays: one for each phase that is not yet done.
    message : str
        One sentence.
    """

    job: Path
    folder: Path
    scripts: dict[Path, str]
    arrays: tuple[str, ...]
    finisher: str
    shares: int
    rounds: int
    message: str

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        document = dataclasses.asdict(self) | {"job": str(self.job), "folder": str(self.folder)}
        return document | {"scripts": {str(path): text for path, text in self.scripts.items()}}

    def facts(self) -> list[tuple[str, str]]:
        """
        Names and values for people.

        Returns
        -------
        list of (str, str)
            Ids, and what to type next.
        """
        rows = [("run", str(self.folder)), ("ended" if not self.finisher else "submitted", self.message)]
        rows += [(f"array {number}", f"{one} ({self.shares} shares)") for number, one in enumerate(self.arrays, 1)]
        if self.finisher:
            rows += [("finisher", self.finisher), ("look", f"oceandata status {shlex.quote(str(self.job))}")]
            rows.append(("stop", f"scancel {' '.join([*self.arrays, self.finisher])}"))
        return rows


def _ask(name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of Slurm."""
    path = shutil.which(name)
    if path is None:
        msg = f"there is no {name} here. Submit where Slurm's commands are, or write the scripts only: --dry-run."
        raise UnreachableError(msg)
    try:
        return subprocess.run([path, *arguments], capture_output=True, text=True, check=False, timeout=_ANSWER_S)
    except subprocess.TimeoutExpired as error:
        msg = f"{name} did not answer in {_ANSWER_S} s. Try again when Slurm's controller does."
        raise UnreachableError(msg) from error


def _submission_file(folder: Path) -> Path:
    """File that holds the ids of what was submitted."""
    return folder / "slurm" / "submitted.json"


def find_live_jobs(folder: Path) -> list[str]:
    """
    Ids of what was submitted for a run and still waits or runs.

    Parameters
    ----------
    folder : pathlib.Path
        Of the run.

    Returns
    -------
    list of str
        Empty if nothing was submitted, or all of it has ended.

    Raises
    ------
    UnreachableError
        If Slurm does not answer: what lives is then unknown.
    """
    path = _submission_file(folder)
    if not path.exists():
        return []
    known = json.loads(path.read_text("utf-8"))
    asked = _ask("squeue", "-h", "-j", ",".join(known["ids"]), "-o", "%F %j %t")
    if asked.returncode:
        if "Invalid job id" in asked.stderr:
            return []
        msg = f"squeue does not tell whether the run is submitted already: {asked.stderr.strip()}. Try again later."
        raise UnreachableError(msg)
    # numbers begin anew some day: another job of the same number has another name
    rows = [line.split() for line in asked.stdout.splitlines()]
    live = {row[0] for row in rows if len(row) == 3 and row[1] == known["name"] and row[2] != "CG"}
    return [one for one in known["ids"] if one in live]


@contextmanager
def _submitting(folder: Path) -> Iterator[None]:
    """One submission of a run at a time."""
    import fcntl

    (folder / "slurm").mkdir(parents=True, exist_ok=True)
    with (folder / "submit.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = f"another process submits the run in {folder} right now. Look at it: oceandata status."
            raise RunHeldError(msg) from None
        yield


def _live_or_refused(folder: Path, *, again: bool) -> list[str]:
    """What is in the queue already, refused unless it is wanted again."""
    live = find_live_jobs(folder)
    if live and not again:
        msg = (
            f"the run in {folder} is submitted already, Slurm's jobs {', '.join(live)} wait or run. Let them end, "
            f"cancel them (scancel {' '.join(live)}), or submit a second time: again=True (--again)."
        )
        raise RunHeldError(msg)
    return live


def _left(job: Job) -> list[int]:
    """Partitions of each phase that is not yet done."""
    return [count for _, done, count in read_status(job.run_folder).phases if done < count]


def _planned_left(job: Job, *, update: bool) -> list[int]:
    """Partitions of each phase of a run that is not begun, or brought up to date, by a plan of metadata."""
    plan = plan_update(job, canary=False) if update else plan_job(job, canary=False)
    faults = plan.faults()
    if faults:
        raise PlanRefusedError(" ".join(faults))
    taken = plan.update.taken if plan.update else (0,) * len(plan.phases)
    return [phase.grid.count - done for phase, done in zip(plan.phases, taken, strict=True) if done < phase.grid.count]


def _with_allocation(job: Job, allocation: Allocation) -> Job:
    """The job with what a task gets."""
    memory = int(_OF_MEMORY * allocation.memory_bytes / allocation.cpus)
    return job.with_resources(workers=allocation.cpus, memory=memory)


def _begin(job: Job, allocation: Allocation, *, canary: bool, update: bool) -> RunReport:
    """Plan and check the run as its first share would, without working on a partition."""
    stop = Stop()
    stop.drain()
    share = Share(0, max(2, allocation.shares))
    report = run_job(_with_allocation(job, allocation), share=share, canary=canary, update=update, stop=stop)
    if report.how not in ("done", "drained"):
        raise OceanDataError(report.message)
    return report


def _sbatch(script: Path, after: str) -> str:
    """Submit a script, after another job has ended if one is named; its id."""
    dependency = [f"--dependency=afterany:{after}"] if after else []
    asked = _ask("sbatch", "--parsable", *dependency, str(script))
    found = re.match(r"\d+", asked.stdout)
    if asked.returncode or found is None:
        said = " ".join(asked.stderr.split()) or f"exit code {asked.returncode}"
        msg = (
            f"Slurm took no job: {said}. Look at the queue, the account and the limits: sinfo, scontrol show partition."
        )
        raise InputError(msg)
    return found[0]


def _submit_all(scripts: Sequence[Path], known: dict[str, Any], file: Path) -> list[str]:
    """Submit scripts, each to follow the one before, and note their ids in a file; all or nothing."""
    ids: list[str] = []
    try:
        for script in scripts:
            ids.append(_sbatch(script, ids[-1] if ids else ""))
            write_json(file, known | {"ids": [*known["ids"], *ids]})
    except BaseException:
        if ids:
            _ask("scancel", *ids)
        raise
    return ids


def _rounds(left: Sequence[int]) -> int:
    """Arrays that are worth their while: phases of one partition at the end are left to the finisher."""
    divided = [number for number, count in enumerate(left, 1) if count > 1]
    return divided[-1] if divided else 0


def submit_job(
    path: str | os.PathLike[str],
    allocation: Allocation,
    *,
    scheduler: str = "local",
    canary: bool = True,
    update: bool = False,
    again: bool = False,
    dry_run: bool = False,
) -> Submission:
    """
    Submit a job to Slurm: an array of shares for each phase that is left, and one job after them for the result.

    The run is planned here, with the memory of a task, so that what cannot fit is refused before it waits in a queue.
    What was done before is not done again.

    Parameters
    ----------
    path : path
        The document of the job; tasks must see it, its data and the folder of the run at the same place.
    allocation : Allocation
        What to ask for.
    scheduler : str
        What a task works with: ``local`` (processes) or ``threads``.
    canary : bool
        Try some blocks first, on this machine, where no plan was made yet.
    update : bool
        Bring a result up to date whose input is at another revision now, as `run_job` does.
    again : bool
        Submit also if what was submitted before still waits or runs.
    dry_run : bool
        Write and submit nothing.

    Returns
    -------
    Submission
        Ids and scripts; without ids if the job is finished.

    Raises
    ------
    InputError
        If a value holds what a script must not, or Slurm does not take it.
    UnreachableError
        If there is no Slurm, or it does not answer.
    RunHeldError
        If the run is submitted already.
    PlanRefusedError
        If the job does not fit into what is asked for.
    """
    if scheduler not in ("local", "threads"):
        msg = f"scheduler of a task is {scheduler!r}, need 'local' or 'threads'."
        raise InputError(msg)
    path = Path(path).absolute()
    job = load_job(path)
    folder = job.run_folder
    if report_file(folder).exists() and not update:
        return _finished(path, job, f"{job.name} is finished already: {job.target}.")
    if dry_run:
        own = _with_allocation(job, allocation)
        is_begun = plan_file(folder).exists() and not update
        left = _left(own) if is_begun else _planned_left(own, update=update)
        return _submission(path, job, allocation, scheduler, left)
    _ask("sbatch", "--version")  # before anything is made
    with _submitting(folder):
        live = _live_or_refused(folder, again=again)
        if not (live and plan_file(folder).exists()):
            begun = _begin(job, allocation, canary=canary, update=update)
            if report_file(folder).exists():
                return _finished(path, job, begun.message)
        planned = _submission(path, job, allocation, scheduler, _left(job))
        for script, text in planned.scripts.items():
            script.write_text(text, "utf-8")
        share, finisher = planned.scripts
        known = {"name": job_name(job.name), "ids": live}
        *arrays, last = _submit_all([*[share] * planned.rounds, finisher], known, _submission_file(folder))
    message = f"{len(arrays)} array{'s' * (len(arrays) != 1)} and what makes the result of them."
    return dataclasses.replace(planned, arrays=tuple(arrays), finisher=last, message=message)


def _finished(path: Path, job: Job, message: str) -> Submission:
    """Nothing to submit."""
    return Submission(path, job.run_folder, {}, (), "", 0, 0, message)


def _submission(path: Path, job: Job, allocation: Allocation, scheduler: str, left: Sequence[int]) -> Submission:
    """What would be submitted."""
    shares = min(allocation.shares, max(left, default=1))
    own = dataclasses.replace(allocation, shares=shares)
    folder = job.run_folder / "slurm"
    scripts = {
        folder / "share.sh": share_script(path, job, own, scheduler=scheduler),
        folder / "finisher.sh": finisher_script(path, job, own, scheduler=scheduler),
    }
    rounds = _rounds(left)
    tasks = math.prod((shares, rounds))
    message = f"nothing was submitted; {tasks} tasks in {rounds} array{'s' * (rounds != 1)} would be, and a finisher."
    return Submission(path, job.run_folder, scripts, (), "", shares, rounds, message)
