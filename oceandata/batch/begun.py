"""What a run was begun with, compared with what is asked for now; nothing is changed here."""

import dataclasses
from contextlib import suppress
from pathlib import Path
from typing import Any

import xarray as xr

from oceandata.batch.job import Job, differences
from oceandata.batch.plan import RunPlan, code_digest
from oceandata.batch.work import source_origin
from oceandata.batch.worker import plan_file, read_plan_file
from oceandata.errors import OceanDataError, RepositoryExistsError
from oceandata.storage.stores import lookup_revision, open_repository

__all__ = ["RunChangedError", "check_input", "checked_plan", "find_newer", "has_moved"]


class RunChangedError(RepositoryExistsError):
    """The job, its input or the code is not that of the run that was begun."""


def _work(job: Job, *, update: bool) -> dict[str, Any]:
    """What a result depends on; of an update without the revision of its input."""
    work = job.work()
    return work | {"input": work["input"] | {"revision": ""}} if update else work


def checked_plan(folder: Path, job: Job, *, is_finished: bool, update: bool = False) -> RunPlan | None:
    """
    Plan that a run was begun with, if it is of the same work and code.

    Parameters
    ----------
    folder : pathlib.Path
        Of the run.
    job : Job
        What is asked for now.
    is_finished : bool
        Whether nothing is left to compute: then the code may be another.
    update : bool
        The revision of the input and the code may be others.

    Returns
    -------
    RunPlan or None
        With the job of now; None if nothing was begun.

    Raises
    ------
    RunChangedError
        If something differs; the message names it.
    """
    if not plan_file(folder).exists():
        return None
    begun = read_plan_file(folder)
    if begun.job.folder.resolve() != job.folder.resolve():
        msg = (
            f"the run in {folder} was begun by a job in {begun.job.folder}, this one is in {job.folder}: a copy does "
            "not go on. Run the job there, or remove the copied folder of the run."
        )
        raise RunChangedError(msg)
    changed = differences(_work(begun.job, update=update), _work(job, update=update))
    if changed:
        only = [] if update else differences(_work(begun.job, update=True), _work(job, update=True))
        how = "bring it up to date: update=True (--update), " if not update and not only else ""
        msg = (
            f"the run in {folder} was begun with another job: {'; '.join(changed)}. Give the job another name, {how}or "
            "throw away what was done: discard=True (--discard)."
        )
        raise RunChangedError(msg)
    if begun.code != code_digest() and not is_finished and not update:
        msg = (
            f"the run in {folder} was begun with other code ({begun.code}, now {code_digest()}): its parts do not fit "
            "together with what would be computed now. Finish it with that version of oceandata, or throw away what "
            "was done: discard=True (--discard)."
        )
        raise RunChangedError(msg)
    return dataclasses.replace(begun, job=job)


def has_moved(plan: RunPlan, source: xr.DataArray) -> str:
    """
    Tell whether the input is another than the one that was planned.

    Parameters
    ----------
    plan : RunPlan
        Of a run.
    source : xarray.DataArray
        The input as it opens now.

    Returns
    -------
    str
        Revision, or snapshot, that the input is at now; empty if it is the planned one, or has no revisions.
    """
    origin = source_origin(source)
    if origin is None or not origin.snapshot or origin.snapshot in {one["snapshot"] for one in plan.inputs}:
        return ""
    return origin.revision or origin.snapshot


def find_newer(job: Job, source: xr.DataArray) -> str:
    """
    Newest revision of the repository of an input, where the entry that names the input is behind it.

    Parameters
    ----------
    job : Job
        The document.
    source : xarray.DataArray
        Its input as it opens now.

    Returns
    -------
    str
        Empty if the entry is at the newest, the job names a revision itself, or the repository cannot be asked.
    """
    origin = source_origin(source)
    if origin is None or not origin.revision or job.input.revision:
        return ""
    with suppress(OceanDataError):
        newest, _ = lookup_revision(open_repository(origin.repository), "")
        return newest if newest != origin.revision else ""
    return ""


def check_input(plan: RunPlan, source: xr.DataArray) -> None:
    """
    Refuse an input that is not the one that was planned.

    Parameters
    ----------
    plan : RunPlan
        Of a run that is not finished.
    source : xarray.DataArray
        The input as it opens now.

    Raises
    ------
    RunChangedError
        If it is at another snapshot.
    """
    if plan.inputs and has_moved(plan, source):
        origin, before = source_origin(source), plan.inputs[0]["snapshot"]
        assert origin is not None
        msg = (
            f"input {origin.name} is at snapshot {origin.snapshot} now, the run was begun with {before}. Name the "
            "revision in the job (input.revision), bring the run up to date: update=True (--update), or throw away "
            "what was done: discard=True (--discard)."
        )
        raise RunChangedError(msg)
