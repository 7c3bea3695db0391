"""
Geometry of rechunking: which boxes to move so that every stored byte is read few times within a memory budget.

Pure: whole numbers in, whole numbers out. A box is written once, in whole chunks of the new layout; every old chunk
that it touches is decoded for it. Along one dimension an old chunk is therefore read once, and once more for each edge
between boxes that cuts it; the dimensions multiply.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

__all__ = ["Passes", "box_for", "boxes", "grown", "plan_passes", "times_read"]

# An intermediate store must at least halve the bytes moved, for it takes space and one more way to fail.
_CLEARLY_BETTER = 2.0


@dataclasses.dataclass(frozen=True)
class Passes:
    """
    How an array is moved into other chunks.

    Attributes
    ----------
    box : tuple of int
        Values that are written at once, in whole new chunks.
    reads : float
        How often each stored value is decoded in all.
    slab, between : tuple of int
        Values that are moved at once into an intermediate store, and its chunks; empty if there is none.
    between_reads : float
        How often each value of the intermediate store is decoded; 0 without one.
    """

    box: tuple[int, ...]
    reads: float
    slab: tuple[int, ...] = ()
    between: tuple[int, ...] = ()
    between_reads: float = 0.0


def boxes(shape: Sequence[int], box: Sequence[int]) -> Iterator[tuple[slice, ...]]:
    """
    Boxes of a size that cover an array.

    Parameters
    ----------
    shape, box : sequence of int
        Size of the array and of a box along each dimension; the last box of a row may be shorter.

    Yields
    ------
    tuple of slice
        In storage order.
    """
    ranges = [range(0, size, max(1, length)) for size, length in zip(shape, box, strict=True)]
    for starts in itertools.product(*ranges):
        yield tuple(
            slice(start, min(start + length, size)) for start, length, size in zip(starts, box, shape, strict=True)
        )


def times_read(shape: Sequence[int], stored: Sequence[int], box: Sequence[int]) -> float:
    """
    How often each stored value is decoded on average when an array is read box by box.

    Parameters
    ----------
    shape, stored, box : sequence of int
        Size of the array, of its chunks and of the boxes along each dimension.

    Returns
    -------
    float
        1 if no box cuts a chunk.

    Examples
    --------
    >>> times_read((12, 100), (1, 100), (12, 50))
    2.0
    >>> times_read((10,), (4,), (6,))
    1.4
    """
    return math.prod(_read_along(size, chunk, part) for size, chunk, part in zip(shape, stored, box, strict=True))


def _read_along(size: int, chunk: int, part: int) -> float:
    """How often the values along one dimension are read."""
    edges = np.arange(part, size, part, dtype=np.int64)
    starts = edges // chunk * chunk
    again = np.minimum(starts + chunk, size) - starts
    return float(size + again[edges != starts].sum()) / size if size else 1.0


def _lengths(size: int, chunk: int, unit: int) -> list[tuple[int, float]]:
    """Lengths of boxes worth considering along one dimension, each longer one with fewer reads."""
    count = math.ceil(size / unit)
    aligned = math.lcm(chunk, unit) // unit
    tries = {1, count, *(math.ceil(count / parts) for parts in range(1, 65))}
    tries |= {min(count, aligned * 2**power) for power in range(40)} | {min(count, 2**power) for power in range(40)}
    found: list[tuple[int, float]] = []
    for number in sorted(tries):
        length = min(size, number * unit)
        reads = _read_along(size, chunk, length)
        if not found or reads < found[-1][1]:
            found.append((length, reads))
    return found


def box_for(shape: Sequence[int], stored: Sequence[int], unit: Sequence[int], room: int) -> tuple[int, ...]:
    """
    Box of whole new chunks that reads old chunks the fewest times.

    Parameters
    ----------
    shape, stored, unit : sequence of int
        Size of the array, of an old and of a new chunk along each dimension.
    room : int
        Values that a box may hold; one new chunk is taken even if it holds more.

    Returns
    -------
    tuple of int
        Length along each dimension; the smallest box of those with as few reads.
    """
    best: list[tuple[int, float, tuple[int, ...]]] = [(1, 1.0, ())]
    smallest = [min(size, one) for size, one in zip(shape, unit, strict=True)]
    for dim, (size, chunk, one) in enumerate(zip(shape, stored, unit, strict=True)):
        rest = math.prod(smallest[dim + 1 :])
        combined = sorted(
            (volume * length, reads * again, (*box, length))
            for volume, reads, box in best
            for length, again in _lengths(size, max(1, chunk), max(1, one))
            if volume * length * rest <= max(room, math.prod(smallest))
        )
        best = []
        for candidate in combined:
            if not best or candidate[1] < best[-1][1]:
                best.append(candidate)
    return best[-1][2]


def grown(
    shape: Sequence[int], unit: Sequence[int], start: Sequence[int], room: int, order: Sequence[int]
) -> tuple[int, ...]:
    """
    Box grown in whole units along one dimension after the other until the room is used.

    Parameters
    ----------
    shape, unit, start : sequence of int
        Size of the array, of a unit and of the box to begin with.
    room : int
        Values that the box may hold.
    order : sequence of int
        Dimensions in the order in which to grow.

    Returns
    -------
    tuple of int
        Length along each dimension.
    """
    box = [min(size, length) for size, length in zip(shape, start, strict=True)]
    for dim in order:
        others = max(1, math.prod(box) // max(1, box[dim]))
        length = room // others // max(1, unit[dim]) * unit[dim]
        box[dim] = min(shape[dim], max(box[dim], length))
        if box[dim] < shape[dim]:
            break
    return tuple(box)


def plan_passes(shape: Sequence[int], stored: Sequence[int], unit: Sequence[int], *, room: int, at_ease: int) -> Passes:
    """
    Decide how an array is moved: directly, or through an intermediate store if that is clearly better.

    An intermediate store is taken if it halves the bytes moved: what is read, and the one time more that all is
    written and read again.

    Parameters
    ----------
    shape, stored, unit : sequence of int
        Size of the array, of an old and of a new chunk along each dimension.
    room : int
        Values that may be held at once.
    at_ease : int
        Values up to which a box is made larger than it need be, so that there are fewer steps.

    Returns
    -------
    Passes
        Boxes and reads.
    """
    last_first = list(reversed(range(len(shape))))
    box = box_for(shape, stored, unit, room)
    reads = times_read(shape, stored, box)
    larger = grown(shape, box, box, min(room, at_ease), last_first)
    if times_read(shape, stored, larger) <= reads:
        box = larger
    direct = Passes(box, reads)
    if max(math.prod(stored), math.prod(unit)) > room // 2:
        return direct
    through = _through(shape, stored, unit, room // 2)
    return through if reads > _CLEARLY_BETTER * (through.reads + 1 + through.between_reads) else direct


def _through(shape: Sequence[int], stored: Sequence[int], unit: Sequence[int], room: int) -> Passes:
    """
    Two passes: slabs of old chunks into chunks that lie inside both slabs and boxes, and these into boxes.

    The chunks between are small enough that eight of them take no more room than a slab.
    """
    longer = sorted(range(len(shape)), key=lambda dim: stored[dim] / max(1, unit[dim]))
    slab = list(grown(shape, stored, stored, room, longer))
    box = grown(shape, unit, unit, room, longer[::-1])
    between = [min(one, other) for one, other in zip(slab, box, strict=True)]
    while math.prod(between) > max(1, room // 8):
        dim = between.index(max(between))
        between[dim] = math.ceil(between[dim] / 2)
    for dim, size in enumerate(shape):
        if slab[dim] < size:
            slab[dim] = slab[dim] // between[dim] * between[dim]
    return Passes(box, times_read(shape, stored, slab), tuple(slab), tuple(between), times_read(shape, between, box))
