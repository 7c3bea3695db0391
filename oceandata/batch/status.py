"""How far a run is, and whether what it says is done is really there; nothing is changed by looking."""

import dataclasses
import time
from collections import Counter
from pathlib import Path
from typing import Any

from oceandata import _html
from oceandata.batch.files import file_digest, numbered_file
from oceandata.batch.finisher import report_file
from oceandata.batch.ledger import Ledger, Unit, ledger_files, read_ledger
from oceandata.batch.outputs import block_file
from oceandata.batch.plan import open_planned
from oceandata.batch.states import Stage
from oceandata.batch.taken import reused_rows
from oceandata.batch.work import Work
from oceandata.batch.worker import plan_file, read_plan_file
from oceandata.errors import NotFoundError
from oceandata.storage.leases import find_leases

__all__ = ["RunStatus", "damaged_units", "missing_units", "read_status", "unit_file"]


@dataclasses.dataclass(frozen=True)
class RunStatus:
    """
    How far a run is.

    Attributes
    ----------
    folder : pathlib.Path
        Of the run.
    name, digest : str
        Of the job.
    how : str
        ``running``, ``finished``, ``waiting`` (nobody works on it), or how the last runner ended.
    message : str
        Of the last runner; empty if none ended.
    phases : tuple of (str, int, int)
        Label, partitions done, and all of them.
    left_s : float or None
        Time left at the pace of the last partitions; None if unknown.
    rate : float or None
        Decoded bytes a second; None if unknown.
    failures : dict of str to int
        Partitions given up, by cause.
    damaged : tuple of str or None
        Partitions whose files are not what was recorded; None if nobody looked.
    holders : tuple of str
        Runners that work on it.
    reused : tuple of dict
        Inputs that were read by earlier runs, whose states were taken over; `oceandata.batch.Update.reused`.
    """

    folder: Path
    name: str
    digest: str
    how: str
    message: str
    phases: tuple[tuple[str, int, int], ...]
    left_s: float | None
    rate: float | None
    failures: dict[str, int]
    damaged: tuple[str, ...] | None
    holders: tuple[str, ...]
    reused: tuple[dict[str, Any], ...] = ()

    @property
    def done(self) -> int:
        """Partitions done."""
        return sum(done for _, done, _ in self.phases)

    @property
    def partitions(self) -> int:
        """All partitions."""
        return sum(count for _, _, count in self.phases)

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        document = dataclasses.asdict(self) | {"folder": str(self.folder), "done": self.done}
        phases = [{"label": label, "done": done, "partitions": count} for label, done, count in self.phases]
        return document | {"partitions": self.partitions, "phases": phases}

    def facts(self) -> list[tuple[str, str]]:
        """
        Names and values for people.

        Returns
        -------
        list of (str, str)
            The same in terminals and notebooks.
        """
        rows = [("run", str(self.folder)), ("job", f"{self.name} ({self.digest})"), ("state", self.how)]
        rows += [(label, f"{done} of {count} partitions") for label, done, count in self.phases]
        rows += reused_rows(self.reused)
        if self.left_s is not None:
            rows.append(("time left", f"{self.left_s:.0f} s"))
        if self.rate is not None:
            rows.append(("pace", f"{_html.human_bytes(round(self.rate))}/s decoded"))
        rows += [("held by", one) for one in self.holders]
        rows += [("failed", f"{count} x {cause}") for cause, count in self.failures.items()]
        if self.damaged is not None:
            rows.append(
                ("verified", f"{len(self.damaged)} damaged: {', '.join(self.damaged)}" if self.damaged else "whole")
            )
        return [*rows, *([("last", self.message)] if self.message else [])]

    def __str__(self) -> str:
        width = max(len(name) for name, _ in self.facts()) + 2
        return "\n".join(f"{name:<{width}}{text}" for name, text in self.facts())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return _html.facts(self.facts(), title="run")


def unit_file(work: Work, unit: Unit) -> Path:
    """
    File in which the result of a partition waits.

    Parameters
    ----------
    work : Work
        Of the run.
    unit : Unit
        The partition.

    Returns
    -------
    pathlib.Path
        There or not.
    """
    phase = work.phases[unit[0]]
    if isinstance(phase, Stage):
        return numbered_file(phase.files.folder, unit[1], ".npz")
    return block_file(work, phase, unit[1])


def missing_units(work: Work, ledger: Ledger) -> list[Unit]:
    """
    Partitions that are said to be done and whose files are not there, or of another size.

    Parameters
    ----------
    work : Work
        Of the run.
    ledger : Ledger
        What is said.

    Returns
    -------
    list of Unit
        In order.
    """
    found = []
    for unit, (nbytes, _) in sorted(ledger.files.items()):
        path = unit_file(work, unit)
        if ledger.is_done(unit) and (not path.is_file() or path.stat().st_size != nbytes):
            found.append(unit)
    return found


def damaged_units(work: Work, ledger: Ledger) -> list[Unit]:
    """
    Partitions that are said to be done and whose files are not what was recorded; all of them are read.

    Parameters
    ----------
    work : Work
        Of the run.
    ledger : Ledger
        What is said.

    Returns
    -------
    list of Unit
        In order.
    """
    said = sorted(ledger.files.items())
    return [unit for unit, (_, digest) in said if ledger.is_done(unit) and file_digest(unit_file(work, unit)) != digest]


def read_status(folder: Path, *, verify: bool = False) -> RunStatus:
    """
    Tell how far a run is.

    Parameters
    ----------
    folder : pathlib.Path
        Of the run.
    verify : bool
        Read what waits, and compare it with what was recorded.

    Returns
    -------
    RunStatus
        Nothing is changed; damaged partitions are redone by running the job again.

    Raises
    ------
    NotFoundError
        If no run was begun there.
    CorruptionError
        If the ledger is damaged.
    """
    if not plan_file(folder).exists():
        msg = f"no run was begun in {folder}. Begin one: oceandata run JOB.yaml."
        raise NotFoundError(msg)
    plan = read_plan_file(folder)
    counts = [phase.grid.count for phase in plan.phases]
    ledger = read_ledger(folder, counts)
    finished = report_file(folder).exists()
    holders = tuple(map(str, find_leases(folder)))
    left, rate = _pace(folder, ledger, sum(phase.partition_bytes for phase in plan.phases) / max(1, len(plan.phases)))
    damaged: tuple[str, ...] | None = None
    if verify and not finished:
        damaged = tuple(f"{phase}-{number}" for phase, number in damaged_units(open_planned(plan), ledger))
    how = "finished" if finished else "running" if holders else str(ledger.ended.get("how", "waiting"))
    return RunStatus(
        folder=folder,
        name=plan.job.name,
        digest=plan.job.digest,
        how=how,
        message=str(ledger.ended.get("message", "")),
        phases=tuple((phase.label, ledger.done_in(at), counts[at]) for at, phase in enumerate(plan.phases)),
        left_s=None if finished else left,
        rate=rate if holders else None,
        failures=dict(Counter(ledger.failures.values())),
        damaged=damaged,
        holders=holders,
        reused=tuple(plan.update.reused(ledger.taken.values())) if plan.update else (),
    )


def _pace(folder: Path, ledger: Ledger, partition_bytes: float) -> tuple[float | None, float | None]:
    """Time left, and decoded bytes a second, at the pace since the runners began."""
    begun = [record["at"] for record in ledger.begun if "at" in record]
    fresh = ledger.since_begin
    if not begun or not fresh:
        return None, None
    newest = max((path.stat().st_mtime for path in ledger_files(folder)), default=time.time())
    seconds = max(1e-3, newest - begun[-1])
    left = sum(ledger.counts) - sum(map(ledger.done_in, range(len(ledger.counts))))
    return left * seconds / fresh, fresh * partition_bytes / seconds
