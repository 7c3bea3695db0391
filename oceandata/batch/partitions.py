"""
Partitions by number: which units of a grid the work of one of them is, without a list of them.

Pure: whole numbers in, whole numbers out. Units are blocks of an array that is streamed, or pieces of whole chunks of
a result that is written.
"""

import dataclasses
import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

__all__ = ["Grid", "chunks_touched", "plan_steps"]

# So many partitions are made, where there are as many units, however little work they are: several workers share them.
_LEAST_PARTITIONS = 8

# A state is written and read again: it should be a small part of what was read for it.
_STATE_SHARE = 0.05


@dataclasses.dataclass(frozen=True)
class Grid:
    """
    Partitions of a grid of units.

    Attributes
    ----------
    shape : tuple of int
        Units along each dimension.
    steps : tuple of int
        Units of a partition along each dimension; the last of a row may have fewer.

    Examples
    --------
    >>> grid = Grid((5, 4), (2, 4))
    >>> grid.count, grid.box(2)
    (3, ((4, 5), (0, 4)))
    """

    shape: tuple[int, ...]
    steps: tuple[int, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """Partitions along each dimension."""
        return tuple(-(-size // step) for size, step in zip(self.shape, self.steps, strict=True))

    @property
    def count(self) -> int:
        """Number of partitions."""
        return math.prod(self.counts)

    def place(self, number: int) -> tuple[int, ...]:
        """Place of a partition along each dimension, the last fastest."""
        place: list[int] = []
        for count in reversed(self.counts):
            number, at = divmod(number, count)
            place.append(at)
        return tuple(reversed(place))

    def number(self, place: Sequence[int]) -> int:
        """Number of a partition by its place."""
        number = 0
        for at, count in zip(place, self.counts, strict=True):
            number = number * count + at
        return number

    def box(self, number: int) -> tuple[tuple[int, int], ...]:
        """Units of a partition, from and to (excluded) along each dimension."""
        found = zip(self.place(number), self.steps, self.shape, strict=True)
        return tuple((at * step, min((at + 1) * step, size)) for at, step, size in found)

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return {"shape": list(self.shape), "steps": list(self.steps)}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Grid":
        """Grid from its JSON form."""
        return cls(tuple(document["shape"]), tuple(document["steps"]))


def plan_steps(
    shape: Sequence[int],
    *,
    unit_bytes: int,
    partition_bytes: int,
    reduced: Collection[int] = (),
    state_bytes: Callable[[Sequence[int]], int] = lambda _: 0,
    room_bytes: int = 0,
) -> tuple[int, ...]:
    """
    Units of a partition along each dimension.

    Partitions grow along the reduced dimensions first, because a state does not grow along them, then along the others
    as long as the state finds room.

    Parameters
    ----------
    shape : sequence of int
        Units along each dimension.
    unit_bytes, partition_bytes : int
        Decoded bytes of a unit, and of a partition to aim at.
    reduced : collection of int
        Dimensions that are reduced.
    state_bytes : callable
        Size of the state of a partition of so many units along each dimension.
    room_bytes : int
        What a state may take; 0 for no limit.

    Returns
    -------
    tuple of int
        At least one along each dimension.

    Examples
    --------
    >>> plan_steps((100, 4, 4), unit_bytes=10, partition_bytes=200, reduced={0})
    (20, 1, 1)
    """
    units = max(1, math.prod(shape))
    wanted = max(1, min(partition_bytes // max(1, unit_bytes), units // _LEAST_PARTITIONS))
    steps = [1] * len(shape)
    if reduced:
        # one state a unit may be too much to write: as many units share one as it takes
        share = math.ceil(state_bytes(steps) / max(1.0, _STATE_SHARE * unit_bytes))
        wanted = max(wanted, min(share, math.prod(shape[dim] for dim in reduced)))
    order = sorted(range(len(shape)), key=lambda dim: (dim not in reduced, -dim))
    for dim in order:
        steps[dim] = max(1, min(shape[dim], wanted // math.prod(steps)))
        while dim not in reduced and room_bytes and steps[dim] > 1 and state_bytes(steps) > room_bytes:
            steps[dim] = -(-steps[dim] // 2)
        if dim not in reduced and shape[dim]:
            steps[dim] = -(-shape[dim] // -(-shape[dim] // steps[dim]))  # about equal
    return tuple(steps)


def chunks_touched(edges: Sequence[int], chunk: int) -> tuple[int, int]:
    """
    Stored chunks along one dimension that ranges touch: different ones, and with those that several ranges touch.

    Parameters
    ----------
    edges : sequence of int
        Where the ranges begin, and the end of the last, in values.
    chunk : int
        Length of a chunk.

    Returns
    -------
    tuple of int
        Different chunks, and the sum over the ranges.

    Examples
    --------
    >>> chunks_touched([0, 6, 12], 4)
    (3, 4)
    """
    at = np.asarray(edges, np.int64)
    starts, stops = at[:-1], at[1:]
    kept = stops > starts
    if not kept.any():
        return 0, 0
    first, last = starts[kept] // chunk, (stops[kept] - 1) // chunk
    return int(last[-1] - first[0] + 1), int((last - first + 1).sum())
