"""
The plan of a job: partitions, bytes, memory, time, products and licences, known before anything is paid.

A job that cannot fit is refused here, with what would fit. The plan is kept with the run: resuming uses it as it is,
because other partitions would give other last bits.
"""

import dataclasses
import hashlib
import math
import shutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import oceandata
from oceandata import _html
from oceandata.analysis.planning import BASE_BYTES
from oceandata.batch.canary import Measured, measure
from oceandata.batch.costs import LISTED_BLOCKS, Choice, PhasePlan, memory_of, phase_plan
from oceandata.batch.job import Job
from oceandata.batch.outputs import check_target, result_bytes
from oceandata.batch.taken import Update
from oceandata.batch.work import Family, Work, open_work
from oceandata.errors import MemoryBudgetError
from oceandata.graph import zarr_array_of
from oceandata.storage import CountingStore

if TYPE_CHECKING:
    from oceandata.trade import Lineage

__all__ = ["PlanRefusedError", "RunPlan", "code_digest", "inputs_of", "lineage_of", "open_planned", "plan_job"]

#: Form of the file in which a plan is kept.
FORM = "oceandata.run/1"

# Decoded bytes a second and worker where nothing was measured.
_RATE = 100_000_000


class PlanRefusedError(MemoryBudgetError):
    """A job that does not fit; the message says what would."""


@dataclasses.dataclass(frozen=True)
class RunPlan:
    """
    What a job will do and cost.

    Attributes
    ----------
    job : Job
        The document.
    phases : tuple of PhasePlan
        In order; each needs those before it.
    inputs : tuple of dict
        Product, entry, revision, snapshot, variable, chunks, stored bytes (None if unknown) and licence of each input.
    unattributed : tuple of str
        Inputs of unknown source.
    rate : float
        Decoded bytes a second and worker.
    is_measured : bool
        Whether a partition was tried, or the rate and the memory are assumed.
    peak_bytes : int
        Memory of one worker at its height.
    memory_bytes : int
        Memory of one worker that there is.
    needed_bytes, free_bytes : int
        What will be written to the disk of the run and the result at most, and what is free there.
    code : str
        Digest of the code that computes.
    update : Update or None
        What is taken over from an earlier run.
    """

    job: Job
    phases: tuple[PhasePlan, ...]
    inputs: tuple[dict[str, Any], ...]
    unattributed: tuple[str, ...]
    rate: float
    is_measured: bool
    peak_bytes: int
    memory_bytes: int
    needed_bytes: int
    free_bytes: int
    code: str
    update: Update | None = None

    @property
    def partitions(self) -> int:
        """Partitions of all phases."""
        return sum(phase.grid.count for phase in self.phases)

    @property
    def unique_bytes(self) -> int:
        """Decoded bytes to read, each chunk once in each phase."""
        return sum(phase.unique_bytes for phase in self.phases)

    @property
    def gross_bytes(self) -> int:
        """Decoded bytes to read, each chunk as often as it is read."""
        return sum(phase.gross_bytes for phase in self.phases)

    @property
    def read_bytes(self) -> int:
        """Decoded bytes to read, without those of the states that are taken over."""
        return self.gross_bytes - (self.update.saved_bytes if self.update else 0)

    @property
    def seconds(self) -> float:
        """Expected time with the workers of the job."""
        workers = self.job.resources.workers
        taken = self.update.taken if self.update else (0,) * len(self.phases)
        left = [(phase, phase.grid.count - done) for phase, done in zip(self.phases, taken, strict=True)]
        return sum(math.ceil(count / workers) * phase.partition_bytes / self.rate for phase, count in left)

    @property
    def grids(self) -> dict[str, tuple[int, ...]]:
        """Units of a partition of each phase."""
        return {phase.label: phase.grid.steps for phase in self.phases}

    def faults(self) -> list[str]:
        """Reasons to refuse, with what would fit; empty if the job fits."""
        found = []
        if self.peak_bytes > self.memory_bytes:
            found.append(
                f"a worker would hold {_html.human_bytes(self.peak_bytes)}, it has "
                f"{_html.human_bytes(self.memory_bytes)}. Give workers more (resources.memory), run fewer "
                f"(resources.workers), or open the data in smaller blocks (input.blocks, or a layout with smaller "
                "chunks along what is kept: oceandata layout)."
            )
        if self.needed_bytes > self.free_bytes:
            found.append(
                f"states and result take up to {_html.human_bytes(self.needed_bytes)}, free are "
                f"{_html.human_bytes(self.free_bytes)} at {self.job.folder}. Free space, or put run and output on "
                "another disk."
            )
        return found

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        names = ("unattributed", "rate", "is_measured", "peak_bytes", "memory_bytes", "needed_bytes", "free_bytes")
        return {
            "form": FORM,
            "work": self.job.work(),
            "job": self.job.digest,
            "phases": [phase.to_json() for phase in self.phases],
            "inputs": list(self.inputs),
            **{name: getattr(self, name) for name in names},
            "partitions": self.partitions,
            "unique_bytes": self.unique_bytes,
            "gross_bytes": self.gross_bytes,
            "read_bytes": self.read_bytes,
            "seconds": round(self.seconds, 1),
            "code": self.code,
            "update": self.update.to_json() if self.update else None,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any], job: Job) -> "RunPlan":
        """Plan of a job from the JSON form."""
        names = ("rate", "is_measured", "peak_bytes", "memory_bytes", "needed_bytes", "free_bytes", "code")
        return cls(
            job=job,
            phases=tuple(PhasePlan.from_json(phase) for phase in document["phases"]),
            inputs=tuple(document["inputs"]),
            unattributed=tuple(document["unattributed"]),
            update=Update.from_json(document["update"]) if document.get("update") else None,
            **{name: document[name] for name in names},
        )

    def facts(self) -> list[tuple[str, str]]:
        """
        Names and values for people.

        Returns
        -------
        list of (str, str)
            The same in terminals and notebooks.
        """
        how = "measured" if self.is_measured else "assumed, not measured"
        rows = [("job", f"{self.job.name} ({self.job.digest})")]
        for phase in self.phases:
            cut = " x ".join(map(str, phase.grid.counts)) or "1"
            rows.append((phase.label, f"{phase.grid.count} partitions ({cut}), {phase.pattern}"))
        for one in self.inputs:
            stored = (
                "size unknown" if one["stored_bytes"] is None else f"{_html.human_bytes(one['stored_bytes'])} stored"
            )
            product = one["product"] or "no product"
            rows.append((f"reads {one['variable']}", f"{product}, {one['revision']}, {one['chunks']} chunks, {stored}"))
            rows.append(("licence", one["licence"] or "unknown"))
        rows += [("unattributed", one) for one in self.unattributed]
        again = self.gross_bytes / self.unique_bytes if self.unique_bytes else 1.0
        often = "each chunk once" if again <= 1 else f"{again:.3g} times each chunk"
        return [
            *rows,
            *([("update", self._said(self.update))] if self.update else []),
            ("to read", f"{_html.human_bytes(self.read_bytes)} decoded, {often}"),
            ("to write", f"up to {_html.human_bytes(self.needed_bytes)}, {_html.human_bytes(self.free_bytes)} free"),
            (
                "memory",
                f"{_html.human_bytes(self.peak_bytes)} a worker of {_html.human_bytes(self.memory_bytes)}, {how}",
            ),
            ("time", f"{_duration(self.seconds)} with {self.job.resources.workers} workers, {how}"),
            *([("purpose", self.job.purpose)] if self.job.purpose else []),
            *([("entitlement", self.job.entitlement)] if self.job.entitlement else []),
        ]

    def _said(self, update: Update) -> str:
        """What is taken over, in a sentence."""
        states = sum(phase.grid.count for phase in self.phases if phase.pattern == "mergeable")
        found = f"{sum(update.taken)} of {states} partitions unchanged since the run of {update.since}: reads "
        found += f"{_html.human_bytes(self.read_bytes)} of {_html.human_bytes(self.gross_bytes)}"
        return f"{found} ({update.why})" if update.why else found

    def __str__(self) -> str:
        width = max(len(name) for name, _ in self.facts()) + 2
        lines = [f"{name:<{width}}{text}" for name, text in self.facts()]
        return "\n".join([*lines, *(f"{'refused':<{width}}{fault}" for fault in self.faults())])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return _html.facts([*self.facts(), *(("refused", fault) for fault in self.faults())], title="plan")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


@cache
def code_digest() -> str:
    """
    Digest of the code that computes: results of other code are never mixed.

    Returns
    -------
    str
        Sixteen hexadecimal digits.
    """
    top = Path(oceandata.__file__).parent
    found = hashlib.sha256()
    for folder in ("analysis", "graph", "cf"):
        for path in sorted((top / folder).rglob("*.py")):
            found.update(f"{path.relative_to(top).as_posix()}\n".encode() + path.read_bytes())
    return found.hexdigest()[:16]


def inputs_of(work: Work) -> tuple[tuple[dict[str, Any], ...], tuple[str, ...]]:
    """
    What a job reads, by product, and what of it has no known source; very many chunks are not looked at one by one.

    Parameters
    ----------
    work : Work
        Of the job.

    Returns
    -------
    tuple
        One dictionary an input, as a plan keeps it, and words for the rest.
    """
    arrays = [stage.array for stage in work.stages]
    lazies = [family.result[name].data for family in work.families for name in family.names]
    if sum(math.prod(array.numblocks) for array in [*arrays, *lazies]) > LISTED_BLOCKS:
        return _unlisted_inputs(work), ()
    found = lineage_of(work)
    return tuple(
        {
            "product": one.origin.product,
            "product_revision": one.origin.product_revision,
            "entry": one.origin.entry,
            "repository": one.origin.repository,
            "group": one.origin.group,
            "revision": one.origin.revision,
            "snapshot": one.origin.snapshot,
            "variable": one.variable,
            "chunks": len(one.chunks),
            "stored_bytes": one.stored_bytes,
            "licence": one.origin.licence,
            "attribution": one.origin.attribution,
        }
        for one in found.planned
    ), found.unattributed


def lineage_of(work: Work, *, taken: bool = False) -> "Lineage":
    """
    Lineage of a job: of all that it streams, and of all that its result is made of beside.

    Parameters
    ----------
    work : Work
        Of the job.
    taken : bool
        Also count the values that are taken of each input, for quotes of the result, unless there are very many blocks.

    Returns
    -------
    Lineage
        Metadata and recorded leaves are read, data are not.
    """
    from oceandata import trade
    from oceandata.trade.delivered import with_taken

    arrays = [stage.array for stage in work.stages]
    lazies = [family.result[name].data for family in work.families for name in family.names]
    found = trade.lineage(*arrays, *lazies)
    few = sum(math.prod(array.numblocks) for array in [*arrays, *lazies]) <= LISTED_BLOCKS
    return with_taken(found, *arrays, *lazies) if taken and few else found


def _unlisted_inputs(work: Work) -> tuple[dict[str, Any], ...]:
    """What is read of so many chunks that they are not looked at one by one."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for stage in work.stages:
        for wrapped, region in stage.recipe.reads(tuple((0, count) for count in stage.grid.shape)) or ():
            array = zarr_array_of(wrapped)
            if array is None or not isinstance(array.store, CountingStore):
                continue
            origin = array.store.origin
            pieces = zip(region, array.shards or array.chunks, strict=False)
            found[(origin.repository, array.path)] = {
                **origin.to_json(),
                "product": origin.product,
                "revision": origin.revision,
                "snapshot": origin.snapshot,
                "licence": origin.licence,
                "variable": array.path.rpartition("/")[2],
                "chunks": math.prod(-(-(part.stop - part.start) // step) for part, step in pieces),
                "stored_bytes": None,
            }
    return tuple(found.values())


def _draft(job: Job, rate: float, steps: dict[str, tuple[int, ...]]) -> tuple[Work, list[PhasePlan], bool]:
    """Work, its phases, and whether a first partition can be tried without doing all of them."""
    choice = Choice(job, rate, steps)
    work = open_work(job, choose_stage=choice.stage, choose_family=choice.family)
    return work, [phase_plan(phase, choice) for phase in work.phases], bool(work.stages) or not choice.is_undivided


def plan_job(job: Job, *, canary: bool = True, like: RunPlan | None = None) -> RunPlan:
    """
    Plan a job.

    Parameters
    ----------
    job : Job
        The document.
    canary : bool
        Try a few blocks in a process of their own, to learn the speed and the memory; else both are assumed and
        nothing but metadata is read.
    like : RunPlan, optional
        Plan of an earlier run of the same job, of which the partitions of states are cut alike, and the speed and the
        memory are believed: nothing is tried.

    Returns
    -------
    RunPlan
        For `run_job`, or to print. Ask `RunPlan.faults` whether it fits.

    Raises
    ------
    NotFoundError, RegionError, InputError
        If what the job names is not there, or an argument is wrong.
    RepositoryExistsError
        If something else is where the result shall be.
    """
    steps = like.grids if like else {}
    work, phases, is_divided = _draft(job, like.rate if like else _RATE, steps)
    check_target(work)
    measured: Measured | None = None
    if like is not None:
        held = max((phase.held_bytes for phase in like.phases), default=0)
        measured = Measured(like.rate, like.peak_bytes, max(BASE_BYTES, like.peak_bytes - held))
    elif canary and phases and is_divided:
        measured = measure(job)
        work, phases, _ = _draft(job, measured.rate, steps)
    inputs, unattributed = inputs_of(work)
    held = max((phase.held_bytes for phase in phases), default=0)
    base = measured.peak_bytes if measured else BASE_BYTES
    written = sum(phase.written_bytes for phase in phases) + result_bytes(work) * job.is_file
    return RunPlan(
        job=job,
        phases=tuple(phases),
        inputs=inputs,
        unattributed=unattributed,
        rate=measured.rate if measured else float(_RATE),
        is_measured=like.is_measured if like else measured is not None,
        peak_bytes=max(base, (measured.base_bytes if measured else BASE_BYTES) + held),
        memory_bytes=memory_of(job),
        needed_bytes=written,
        free_bytes=_free(job),
        code=code_digest(),
    )


def _free(job: Job) -> int:
    """Free bytes where the run and the result are put."""
    places = [job.run_folder, *([] if "://" in job.target else [Path(job.target)])]
    found = []
    for place in places:
        there = next(folder for folder in (place, *place.parents) if folder.exists())
        found.append(shutil.disk_usage(there).free)
    return min(found)


def open_planned(plan: RunPlan) -> Work:
    """
    Work of a plan, with the partitions of the plan.

    Parameters
    ----------
    plan : RunPlan
        As it was made, or kept with a run.

    Returns
    -------
    Work
        The same in every process.
    """
    grids = plan.grids

    def family(one: Family) -> tuple[int, ...]:
        """Shape of the grid of a family."""
        # one that is not recorded was joined with others, as a single partition
        steps = tuple(grids.get(one.label, ()))
        return steps if len(steps) == len(one.grid.shape) else one.grid.shape

    return open_work(plan.job, choose_stage=lambda stage: grids[stage.label], choose_family=family)
