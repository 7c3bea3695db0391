"""
Regions of arrays as positions along each dimension: narrowed, joined and counted, each value once.

A region is an outer product: what it takes along one dimension does not depend on the others. The order of positions
plays no part; where an index takes them in another order, `chosen` knows it.
"""

import math
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Line", "Region", "Unknown", "chosen", "count_values", "dimension_runs", "line_of", "narrowed", "within"]

#: Positions along one dimension, rising; None stands for all of them.
Line = range | tuple[int, ...] | None
#: Positions along each dimension of an array.
Region = tuple[range | tuple[int, ...], ...]


class Unknown(Exception):
    """What is asked cannot be told without computing."""


def line_of(part: Any, size: int | None) -> Line:
    """
    Positions that one part of an index takes of a dimension.

    Parameters
    ----------
    part : slice, int or sequence
        Part of an index; a sequence holds positions, or says of each position whether it is taken.
    size : int or None
        Length of the dimension; None if it is not known, which often does not matter.

    Returns
    -------
    Line
        Rising, each position once.

    Raises
    ------
    Unknown
        If they depend on a length that is not known.

    Examples
    --------
    >>> line_of(slice(None, None, -2), 5), line_of([4, 1, 1], None)
    (range(0, 6, 2), (1, 4))
    """
    if isinstance(part, slice):
        return _line_of_slice(part, size)
    return tuple(np.unique(_places(part, size)).tolist())


def _places(part: Any, size: int | None) -> "npt.NDArray[np.int64]":
    """Positions that a sequence takes, in its order; it holds them, or says of each position whether it is taken."""
    values = np.atleast_1d(np.asarray(part))
    values = np.flatnonzero(values) if values.dtype == bool else values.astype(np.int64)
    if (values < 0).any():
        if size is None:
            raise Unknown
        values = np.where(values < 0, values + size, values)
    return values


def _line_of_slice(part: slice, size: int | None) -> Line:
    if size is not None:
        line = range(*part.indices(size))
        return line if line.step > 0 else line[::-1]
    if part == slice(None):
        return None
    step = 1 if part.step is None else part.step
    start, stop = part.start or 0, sys.maxsize if part.stop is None else part.stop
    if step < 1 or start < 0 or stop < 0:
        raise Unknown
    return range(start, stop, step)


def narrowed(outer: Line, inner: Line) -> Line:
    """
    Of the positions of one line those that stand at the places of another.

    Parameters
    ----------
    outer : Line
        Positions.
    inner : Line
        Places among them.

    Returns
    -------
    Line
        Some of the positions; places beyond the last are left out.

    Examples
    --------
    >>> narrowed(range(10, 20, 2), range(1, 9))
    range(12, 20, 2)
    """
    if inner is None:
        return outer
    if outer is None:
        return inner
    if isinstance(inner, range):
        return outer[inner.start : inner.stop : inner.step]
    return tuple(outer[place] for place in inner if place < len(outer))


def within(line: Line, start: int, size: int) -> Line:
    """
    Places of a line that lie in a piece of the dimension.

    Parameters
    ----------
    line : Line
        Positions.
    start, size : int
        Where the piece begins, and its length.

    Returns
    -------
    Line
        Counted from the beginning of the piece.

    Examples
    --------
    >>> within(range(1, 20, 3), 6, 5), within((2, 8), 6, 5)
    (range(1, 5, 3), (2,))
    """
    if line is None:
        return None
    if isinstance(line, range):
        skipped = max(0, -((line.start - start) // line.step))
        return range(line.start - start + skipped * line.step, min(line.stop - start, size), line.step)
    return tuple(place - start for place in line if start <= place < start + size)


def chosen(part: Any, size: int | None, need: Line) -> Line:
    """
    Positions that one part of an index takes at some of its places.

    Parameters
    ----------
    part : slice, int or sequence
        Part of an index, in its own order.
    size : int or None
        Length of the dimension, if it is known.
    need : Line
        Places of what the index gives.

    Returns
    -------
    Line
        Rising, each position once.

    Raises
    ------
    Unknown
        If they depend on a length that is not known.

    Examples
    --------
    >>> chosen([7, 3, 5], None, (0, 1)), chosen(slice(None, None, -1), 10, range(0, 2))
    ((3, 7), (8, 9))
    """
    line = line_of(part, size)
    if need is None or line is None:
        return narrowed(line, need)
    if isinstance(part, slice):
        if part.step is None or part.step > 0:
            return narrowed(line, need)
        last = len(line) - 1
        return tuple(sorted(line[last - place] for place in need if place <= last))
    values = _places(part, size)
    return tuple(np.unique(values[[place for place in need if place < values.size]]).tolist())


def _runs(line: range | tuple[int, ...]) -> list[tuple[int, int]]:
    """Stretches of consecutive positions, from and to (excluded)."""
    if isinstance(line, range) and line.step == 1:
        return [(line.start, line.stop)] if len(line) else []
    values = np.asarray(line, dtype=np.int64)
    if not values.size:
        return []
    breaks = np.flatnonzero(np.diff(values) > 1)
    starts, ends = values[[0, *(breaks + 1)]], values[[*breaks, -1]] + 1
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def dimension_runs(regions: Iterable[Region], axis: int) -> tuple[tuple[int, int], ...]:
    """
    Positions along one dimension that any region takes.

    Parameters
    ----------
    regions : iterable of Region
        Positions along each dimension.
    axis : int
        Number of the dimension.

    Returns
    -------
    tuple of (int, int)
        Stretches of consecutive positions, from and to (excluded), in order.

    Examples
    --------
    >>> dimension_runs([(range(3, 6),), (range(5, 9),), ((20,),)], 0)
    ((3, 9), (20, 21))
    """
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(run for line in {region[axis] for region in regions} for run in _runs(line)):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return tuple(joined)


def count_values(regions: Iterable[Region]) -> int:
    """
    Number of values in regions, each value once.

    Parameters
    ----------
    regions : iterable of Region
        Positions along each dimension; they may overlap.

    Returns
    -------
    int
        Size of their union.

    Notes
    -----
    One dimension after the other: stretches in which the same regions lie count alike, so that a grid of blocks is
    counted once a dimension. Memory and time grow with the number of regions, not with their size.

    Examples
    --------
    >>> count_values([(range(0, 4), range(0, 4)), (range(2, 6), range(2, 6))])
    28
    """
    return _union(frozenset(regions))


def _union(regions: frozenset[Region]) -> int:
    if len(regions) < 2:
        return sum(math.prod(map(len, region)) for region in regions)
    if not min(map(len, regions)):
        return 1
    ends: dict[int, tuple[list[Region], list[Region]]] = {}
    for region in regions:
        for start, stop in _runs(region[0]):
            ends.setdefault(start, ([], []))[0].append(region[1:])
            ends.setdefault(stop, ([], []))[1].append(region[1:])
    lengths: dict[frozenset[Region], int] = {}
    held: dict[Region, int] = {}
    last = 0
    for place in sorted(ends):
        if held:
            inside = frozenset(held)
            lengths[inside] = lengths.get(inside, 0) + place - last
        begun, ended = ends[place]
        for rest in begun:
            held[rest] = held.get(rest, 0) + 1
        for rest in ended:
            held[rest] -= 1
            if not held[rest]:
                del held[rest]
        last = place
    return sum(length * _union(inside) for inside, length in lengths.items())
