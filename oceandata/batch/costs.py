"""What the phases of a job read, hold and write, and how they are cut; by arithmetic where chunks are many."""

import dataclasses
import math
import os
from typing import Any

from oceandata.batch.job import Job
from oceandata.batch.partitions import Grid, chunks_touched, plan_steps
from oceandata.batch.states import Stage
from oceandata.batch.work import Family, Phase
from oceandata.graph import ArrayRead, find_reads, zarr_array_of

__all__ = ["LISTED_BLOCKS", "Choice", "PhasePlan", "family_reads", "memory_of", "phase_plan"]

#: Arrays of more blocks are not looked at block by block.
LISTED_BLOCKS = 200_000


@dataclasses.dataclass(frozen=True)
class PhasePlan:
    """
    What one phase of a job does.

    Attributes
    ----------
    label, pattern : str
        Name, and ``mergeable`` or ``blocks``.
    grid : Grid
        Its partitions.
    unique_bytes, gross_bytes : int
        Decoded bytes that are read, each stored chunk once, and as often as partitions read it.
    written_bytes : int
        Bytes of states, or of the result.
    held_bytes : int
        What a partition holds at its height, beside the libraries.
    """

    label: str
    pattern: str
    grid: Grid
    unique_bytes: int
    gross_bytes: int
    written_bytes: int
    held_bytes: int

    @property
    def partition_bytes(self) -> int:
        """Decoded bytes that a partition reads."""
        return max(self.gross_bytes, self.written_bytes) // max(1, self.grid.count)

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return dataclasses.asdict(self) | {"grid": self.grid.to_json(), "partitions": self.grid.count}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "PhasePlan":
        """Plan of a phase from its JSON form."""
        rest = {key: value for key, value in document.items() if key not in ("grid", "partitions")}
        return cls(grid=Grid.from_json(document["grid"]), **rest)


def memory_of(job: Job) -> int:
    """
    Memory of one worker.

    Parameters
    ----------
    job : Job
        The job.

    Returns
    -------
    int
        Bytes: as the job says, else an equal share of four fifths of that of this machine.
    """
    if job.resources.memory is not None:
        return job.resources.memory
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(0.8 * total / job.resources.workers)


@dataclasses.dataclass
class Choice:
    """
    Chooses the partitions of each phase.

    Attributes
    ----------
    job : Job
        The job.
    rate : float
        Decoded bytes a second and worker.
    steps : dict of str to tuple of int
        Units of a partition by phase, where they were chosen before.
    read_bytes : dict of str to (int, int)
        Decoded bytes that each family reads, unique and gross.
    is_undivided : bool
        True if a family was left whole, because each part of it would read nearly everything.
    """

    job: Job
    rate: float
    steps: dict[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    read_bytes: dict[str, tuple[int, int]] = dataclasses.field(default_factory=dict)
    is_undivided: bool = False

    @property
    def partition_bytes(self) -> int:
        """Decoded bytes of a partition to aim at."""
        return int(self.rate * self.job.resources.partition_s)

    def stage(self, stage: Stage) -> tuple[int, ...]:
        """Blocks of a partition of a stage; as many as before, because other partitions have other states."""
        before = self.steps.get(stage.label, ())
        if len(before) == len(stage.grid.shape):
            return tuple(before)
        return plan_steps(
            stage.grid.shape,
            unit_bytes=stage.block_bytes,
            partition_bytes=self.partition_bytes,
            reduced=stage.reduced,
            state_bytes=stage.state_bytes,
            room_bytes=memory_of(self.job) // 4,
        )

    def family(self, family: Family) -> tuple[int, ...]:
        """Units of a partition of the result; all of them if each would read nearly everything."""
        whole = family_reads(family, None)
        read = max(whole // max(1, math.prod(family.grid.shape)), family.unit_bytes)
        steps = plan_steps(
            family.grid.shape,
            unit_bytes=read,
            partition_bytes=self.partition_bytes,
            state_bytes=lambda steps: math.prod(steps) * family.unit_bytes,
            room_bytes=memory_of(self.job) // 4,
        )
        grid = Grid(family.grid.shape, steps)
        if grid.count > 1 and whole:
            one = family_reads(dataclasses.replace(family, grid=grid), grid.count // 2)
            if one * 2 > whole:
                steps, one, self.is_undivided = family.grid.shape, whole, True
            self.read_bytes[family.label] = (whole, one * Grid(family.grid.shape, steps).count)
        else:
            self.read_bytes[family.label] = (whole, whole)
        return steps


def family_reads(family: Family, number: int | None) -> int:
    """
    Decoded bytes of the stored chunks that a partition of a family reads itself.

    Parameters
    ----------
    family : Family
        Variables of the result.
    number : int or None
        The partition; None for all of the family.

    Returns
    -------
    int
        Bytes, each chunk once; of very many blocks the size of the result.
    """
    arrays = [family.result[name].data for name in family.names] if number is None else [*family.lazy(number).values()]
    if sum(math.prod(array.numblocks) for array in arrays) > LISTED_BLOCKS:
        return sum(int(array.nbytes) for array in arrays)
    return sum(_decoded(read) for read in find_reads(*arrays).arrays)


def _decoded(read: ArrayRead) -> int:
    """Decoded bytes of chunks."""
    grain = read.array.shards or read.array.chunks
    whole = zip(read.array.shape, grain, strict=True)
    sizes = [(size, step) for size, step in whole]
    values = sum(
        math.prod(min(size - at * step, step) for at, (size, step) in zip(chunk, sizes, strict=True))
        for chunk in read.chunks
    )
    return int(values * read.array.dtype.itemsize)


def _stage_reads(stage: Stage) -> tuple[int, int]:
    """Decoded bytes that a stage reads: unique, and with what several partitions read."""
    box = tuple((0, count) for count in stage.grid.shape)
    reads = stage.recipe.reads(box)
    if reads is None:
        found = sum(_decoded(read) for read in find_reads(stage.array).arrays)
        return found, found
    unique = gross = 0
    for wrapped, region in reads:
        array = zarr_array_of(wrapped)
        if array is None or len(region) != stage.array.ndim:
            continue
        once, all_ = _touched(stage, region, array.shards or array.chunks if array.ndim == len(region) else None)
        unique += once * array.dtype.itemsize
        gross += all_ * array.dtype.itemsize
    return unique, gross


def _touched(stage: Stage, region: tuple[slice, ...], chunks: tuple[int, ...] | None) -> tuple[int, int]:
    """Values of the chunks that partitions touch, by arithmetic on each dimension."""
    once = all_ = 1.0
    for dim, part in enumerate(region):
        sizes = stage.array.chunks[dim]
        edges = [0]
        step = stage.grid.steps[dim]
        for first in range(0, len(sizes), step):
            edges.append(edges[-1] + sum(sizes[first : first + step]))
        chunk = chunks[dim] if chunks else 1
        unique, touched = chunks_touched([part.start + edge for edge in edges], chunk)
        values = part.stop - part.start
        once *= values
        all_ *= values * touched / max(1, unique)
    return round(once), round(all_)


def phase_plan(phase: Phase, choice: Choice) -> PhasePlan:
    """
    What a phase does.

    Parameters
    ----------
    phase : Stage or Family
        With its grid.
    choice : Choice
        That chose it.

    Returns
    -------
    PhasePlan
        Bytes read, held and written.
    """
    if isinstance(phase, Stage):
        unique, gross = _stage_reads(phase)
        state = phase.state_bytes(phase.grid.steps)
        held = 2 * state + 3 * phase.block_bytes
        return PhasePlan(phase.label, "mergeable", phase.grid, unique, gross, state * phase.grid.count, held)
    unique, gross = choice.read_bytes.get(phase.label) or (family_reads(phase, None),) * 2
    written = sum(int(phase.result[name].nbytes) for name in phase.names)
    held = 3 * phase.unit_bytes * math.prod(phase.grid.steps)
    return PhasePlan(phase.label, "blocks", phase.grid, unique, gross, written, held)
