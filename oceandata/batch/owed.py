"""What runs were served before an update, or before they were thrown away: it is owed whatever follows."""

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from oceandata.batch.files import write_json
from oceandata.batch.ledger import Ledger, ledger_files, read_ledger
from oceandata.batch.plan import RunPlan
from oceandata.batch.worker import plan_file, read_plan_file
from oceandata.entities import Extent, Origin
from oceandata.errors import CorruptionError
from oceandata.trade.inputs import Input, Lineage
from oceandata.trade.meter import usage_of

__all__ = ["keep_records", "run_id"]


def run_id(folder: Path, digest: str) -> str:
    """
    Name of a run, which no run before it in the same folder has.

    Parameters
    ----------
    folder : pathlib.Path
        Of the runs.
    digest : str
        Of the job.

    Returns
    -------
    str
        The digest, and for an update the number of runs before it.
    """
    return _numbered(digest, _before(folder))


def _before(folder: Path) -> int:
    """Number of runs before the one in a folder."""
    return sum(1 for _ in folder.glob("earlier-*"))


def _numbered(digest: str, before: int) -> str:
    return f"{digest}-{before}" if before else digest


def keep_records(folder: Path, beside: Path) -> None:
    """
    Keep what a run was served, as it told at its end; of one that was cut, what its logs say, and the logs.

    Parameters
    ----------
    folder : pathlib.Path
        Of the run.
    beside : pathlib.Path
        Where ``earlier-1``, ``earlier-2``, … are to be: the folder itself, or one that takes its place.
    """
    report, logs = folder / "report.json", ledger_files(folder)
    if not logs and not report.exists():
        return
    number = _before(folder)
    kept = beside / f"earlier-{number + 1}"
    kept.mkdir()
    told = _told(report)
    if told is None:
        for path in [plan_file(folder), *logs]:
            shutil.copyfile(path, kept / path.name)
        with suppress(CorruptionError):  # then usage names it as not finished
            plan = read_plan_file(folder)
            told = _report_of(plan, read_ledger(folder, [phase.grid.count for phase in plan.phases]), number)
    if told is not None:
        write_json(kept / report.name, told)


def _told(report: Path) -> dict[str, Any] | None:
    """What a finished run told; None if it did not, or what is there is damaged."""
    try:
        document = json.loads(report.read_text("utf-8"))
        return document if {"job", "purpose", "lineage", "usage"} <= set(document) else None
    except (FileNotFoundError, TypeError, ValueError):
        return None


def _report_of(plan: RunPlan, ledger: Ledger, before: int) -> dict[str, Any]:
    """What an unfinished run was served, in the form of finished runs; of its lineage only chunks that were served."""
    lineage = Lineage(tuple(_served(one, ledger) for one in plan.inputs))
    return {
        "job": plan.job.digest,
        "run": _numbered(plan.job.digest, before),
        "name": plan.job.name,
        "code": plan.code,
        "partitions": plan.partitions,
        "runs": len(ledger.begun),
        "purpose": plan.job.purpose,
        "entitlement": plan.job.entitlement,
        "lineage": lineage.to_json(),
        "usage": usage_of(lineage, ledger.reads).to_json(),
        "reused": plan.update.reused(ledger.taken.values()) if plan.update else [],
    }


def _served(one: dict[str, Any], ledger: Ledger) -> Input:
    """An input of a plan with the chunks that were served of it."""
    origin = Origin(**{name: one[name] for name in Origin.model_fields if one.get(name) is not None})
    prefix = f"{origin.group}/{one['variable']}/c"
    sizes: dict[tuple[int, ...], int] = {}
    for read, (_, nbytes) in ledger.reads.counts.items():
        is_own = (read.repository, read.snapshot) == (origin.repository, origin.snapshot)
        if is_own and (read.key == prefix or read.key.startswith(prefix + "/")):
            at = tuple(int(number) for number in read.key.removeprefix(prefix).split("/") if number)
            sizes[at] = sizes.get(at, 0) + nbytes
    return Input(origin, str(one["variable"]), tuple(sorted(sizes)), sum(sizes.values()), Extent(), ())
