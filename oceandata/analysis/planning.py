"""What a lazy result will cost: pattern, bytes, tasks and memory, before it runs."""

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dask
import numpy as np

from oceandata import _html
from oceandata.analysis.columns import Gather
from oceandata.analysis.streaming import FAN_IN, Fused
from oceandata.graph import ArrayRead, Streamed, read_plan
from oceandata.options import get_options

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ArrayCost", "Plan", "plan"]

#: What a process holds before it computes: Python, xarray, Dask and the buffers of a store.
BASE_BYTES = 300_000_000


@dataclasses.dataclass(frozen=True)
class ArrayCost:
    """
    What is read of one stored array.

    Attributes
    ----------
    name : str
        Where it is: repository or store, and path.
    chunks : int
        Different stored chunks.
    decoded_bytes : int
        Their size in memory.
    reads : float
        How often each is read, on average.
    """

    name: str
    chunks: int
    decoded_bytes: int
    reads: float


@dataclasses.dataclass(frozen=True)
class Plan:
    """
    What a lazy result will cost.

    Attributes
    ----------
    pattern : str
        ``mergeable`` (one pass, states merged), ``column`` (whole columns gathered), both, or ``blocks`` (ordinary
        Dask tasks, block by block).
    tasks : int
        Tasks of the optimised graph.
    streaming_tasks : int
        Those that stream blocks inside; their number does not grow with that of the blocks.
    arrays : tuple of ArrayCost
        What is read, by stored array.
    unattributed : tuple of str
        Inputs whose source is unknown.
    peak_bytes : int
        Memory of the process at its height, with `threads` threads; what ordinary tasks hold besides is not known.
    threads : int
        Threads that were counted with.
    memory_bytes : int
        The budget (option ``memory_bytes``).
    """

    pattern: str
    tasks: int
    streaming_tasks: int
    arrays: tuple[ArrayCost, ...]
    unattributed: tuple[str, ...]
    peak_bytes: int
    threads: int
    memory_bytes: int

    @property
    def decoded_bytes(self) -> int:
        """Size in memory of everything that is read, each chunk once."""
        return sum(one.decoded_bytes for one in self.arrays)

    @property
    def read_bytes(self) -> int:
        """The same, each chunk as often as it is read."""
        return round(sum(one.decoded_bytes * one.reads for one in self.arrays))

    def _rows(self) -> list[tuple[str, str]]:
        ordinary = self.tasks - self.streaming_tasks
        rows = [
            ("pattern", self.pattern),
            ("tasks", f"{self.tasks} ({self.streaming_tasks} stream blocks, {ordinary} ordinary)"),
            (
                "to read",
                f"{_html.human_bytes(self.decoded_bytes)} decoded, {sum(a.chunks for a in self.arrays)} chunks",
            ),
            ("read in all", f"{_html.human_bytes(self.read_bytes)}{self._again()}"),
            ("peak memory", f"{_html.human_bytes(self.peak_bytes)} with {self.threads} threads"),
        ]
        return [*rows, *(("unattributed", one) for one in self.unattributed)]

    def _again(self) -> str:
        often = [one for one in self.arrays if one.reads > 1]
        return (
            f" ({', '.join(f'{one.name} {one.reads:.3g} times' for one in often)})" if often else " (each chunk once)"
        )

    def __str__(self) -> str:
        return "\n".join(f"{name:<13}{text}" for name, text in self._rows())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return _html.table(self._rows(), headers=("", ""), caption="plan")


def plan(*results: "xr.DataArray | xr.Dataset | Any") -> Plan:
    """
    What lazy results will cost when they are computed together.

    Nothing is read or computed. The graph is optimised as Dask will optimise it.

    Parameters
    ----------
    *results : xarray.DataArray, xarray.Dataset or Dask collection
        What would be computed; several share what they have in common.

    Returns
    -------
    Plan
        Pattern, tasks, what is read and how often, and peak memory.

    Notes
    -----
    Peak memory is 300 MB, the state of one streaming task for each thread and one that is merged, those of finished
    partitions that wait for the others of their merge, two decoded blocks a thread, and the results. A chunk that
    several tasks ask for counts as read by each.

    Examples
    --------
    >>> import xarray as xr
    >>> from oceandata.analysis import mean
    >>> print(plan(mean(xr.DataArray([1.0, 2.0], dims=["time"]).chunk(time=1))).pattern)
    mergeable
    """
    reading = read_plan(*results)
    threads = dask.system.CPU_COUNT
    block = max((8 * one.block_values for one in reading.streams), default=_largest_block(results))
    held = sum(int(getattr(one, "nbytes", 0)) for one in results)
    gathers = [one for one in reading.streams if isinstance(one.fold, Gather)]
    kinds = ["column"] * bool(gathers) + ["mergeable"] * (len(gathers) < len(reading.streams))
    return Plan(
        pattern=" and ".join(sorted(kinds, reverse=True)) or "blocks",
        tasks=reading.tasks,
        streaming_tasks=len(reading.streams),
        arrays=tuple(_cost(one) for one in reading.arrays),
        unattributed=reading.unattributed,
        peak_bytes=BASE_BYTES + _live_bytes(reading.streams, threads) + 2 * block * threads + held,
        threads=threads,
        memory_bytes=get_options().memory_bytes,
    )


def _largest_block(results: tuple[Any, ...]) -> int:
    """Bytes of the largest block of any result that is computed block by block."""
    sizes = [0]
    for result in results:
        parts = result.data_vars.values() if hasattr(result, "data_vars") else [result]
        for part in parts:
            values = getattr(part, "data", part)
            if hasattr(values, "chunks") and values.chunks:
                sizes.append(math.prod(max(lengths, default=0) for lengths in values.chunks) * values.dtype.itemsize)
    return max(sizes)


def _live_bytes(streams: "Sequence[Streamed]", threads: int) -> int:
    """Bytes of the states that are there at once: one a thread, one that is merged, and those that wait for a merge."""
    state = max((_state_bytes(one) for one in streams), default=0)
    folded = [one for one in streams if not isinstance(one.fold, Gather)]
    levels = math.ceil(math.log(max(1, len(folded)), FAN_IN))
    waiting = min((FAN_IN - 1) * levels, max(0, len(folded) - threads))
    return state * (threads + 1 + waiting)


def _state_bytes(stream: Streamed) -> int:
    """Bytes of the state of one streaming task."""
    region = [part.stop - part.start for part in stream.region]
    if isinstance(stream.fold, Gather):
        tile = math.prod(part.stop - part.start for part in stream.fold.tile)
        return int(tile * region[stream.fold.axis] * np.dtype(stream.fold.dtype).itemsize)
    members = stream.fold.members if isinstance(stream.fold, Fused) else ()
    kept = (math.prod(size for dim, size in enumerate(region) if dim not in member.reduced) for member in members)
    return sum(8 * member.state_values * cells for member, cells in zip(members, kept, strict=True))


def _cost(read: ArrayRead) -> ArrayCost:
    """What is read of one stored array."""
    grain = read.array.shards or read.array.chunks
    shape = read.array.shape
    values = sum(
        math.prod(min(size - at * step, step) for at, step, size in zip(chunk, grain, shape, strict=True))
        for chunk in read.chunks
    )
    origin = getattr(read.store, "origin", None)
    place = origin.name if origin is not None else str(read.store)
    name = f"{place}/{read.path}"
    return ArrayCost(name, len(read.chunks), values * read.array.dtype.itemsize, read.asked / max(1, len(read.chunks)))
