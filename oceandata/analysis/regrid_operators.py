"""Weights along one axis: which cells of the source make a cell of the target, and with what share."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from oceandata.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]

__all__ = ["AxisOperator", "linear_operator", "nearest_operator", "operator_from_entries", "overlap_operator"]


@dataclasses.dataclass(frozen=True, eq=False)
class AxisOperator:
    """
    A sparse matrix from the cells of one axis to those of another, row by row.

    Attributes
    ----------
    starts : numpy.ndarray of int64, shape (targets + 1,)
        Where the entries of each target begin.
    sources : numpy.ndarray of int64
        Number of the source cell of each entry.
    weights : numpy.ndarray of float64
        Its weight, never zero.
    size : int
        Number of source cells.
    """

    starts: "IntArray"
    sources: "IntArray"
    weights: "FloatArray"
    size: int

    @property
    def arrays(self) -> "tuple[IntArray, IntArray, FloatArray]":
        """The three arrays, as the loops take them."""
        return self.starts, self.sources, self.weights

    @property
    def targets(self) -> int:
        """Number of target cells."""
        return self.starts.size - 1

    def row_sums(self) -> "FloatArray":
        """Sum of the weights of each target cell; zero where it has no source."""
        rows = np.repeat(np.arange(self.targets), np.diff(self.starts))
        return np.bincount(rows, self.weights, self.targets).astype(np.float64)

    def normalised(self) -> "AxisOperator":
        """The same with weights that sum to one for every target cell that has a source."""
        sums = np.repeat(self.row_sums(), np.diff(self.starts))
        return dataclasses.replace(self, weights=self.weights / sums)

    def span(self) -> tuple[int, int]:
        """Range of source cells that have a weight, from and to (excluded)."""
        if not self.sources.size:
            return 0, 1
        return int(self.sources.min()), int(self.sources.max()) + 1

    def part(self, lo: int, hi: int) -> "tuple[IntArray, AxisOperator]":
        """
        Share of some source cells.

        Parameters
        ----------
        lo, hi : int
            Range of source cells, `hi` excluded.

        Returns
        -------
        tuple
            Numbers of the target cells that take any of them, and the operator from them to those.
        """
        rows = np.repeat(np.arange(self.targets), np.diff(self.starts))
        inside = (self.sources >= lo) & (self.sources < hi)
        touched, place = np.unique(rows[inside], return_inverse=True)
        counts = np.bincount(place, minlength=touched.size)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return touched, AxisOperator(starts, self.sources[inside] - lo, self.weights[inside], hi - lo)


def operator_from_entries(
    rows: "IntArray", sources: "IntArray", weights: "FloatArray", shape: tuple[int, int]
) -> AxisOperator:
    """
    Operator with given entries; those of weight zero are left out, so that they pass no missing value on.

    Parameters
    ----------
    rows, sources : numpy.ndarray of int
        Target and source cell of each entry.
    weights : numpy.ndarray of float64
        Its weight.
    shape : tuple of int
        Number of target cells and of source cells.

    Returns
    -------
    AxisOperator
        The operator.
    """
    kept = weights != 0
    rows, sources, weights = rows[kept], sources[kept], weights[kept]
    order = np.lexsort((sources, rows))
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=shape[0]))]).astype(np.int64)
    return AxisOperator(starts, sources[order].astype(np.int64), weights[order].astype(np.float64), shape[1])


def _snapped(edges: "FloatArray", onto: "FloatArray", tolerance: float) -> "FloatArray":
    """Edges moved onto the nearest of some sorted others where they differ by rounding only."""
    after = np.clip(np.searchsorted(onto, edges), 1, onto.size - 1)
    near = np.where(edges - onto[after - 1] < onto[after] - edges, onto[after - 1], onto[after])
    return np.where(np.abs(edges - near) <= tolerance, near, edges)


def _sine(degrees: "FloatArray") -> "FloatArray":
    return np.asarray(np.sin(np.radians(degrees)), np.float64)


def _turns(source: "FloatArray", target: "FloatArray", period: float | None) -> "Sequence[float]":
    """Turns by which target cells have to be moved to meet the source."""
    if period is None:
        return (0.0,)
    first = int(np.floor((source.min() - target.max()) / period))
    last = int(np.ceil((source.max() - target.min()) / period))
    return [period * turn for turn in range(first, last + 1)]


def overlap_operator(
    source: "FloatArray", target: "FloatArray", *, on_sphere: bool, period: float | None, tolerance: float
) -> AxisOperator:
    """
    Share of each target cell that lies in each source cell.

    Parameters
    ----------
    source, target : numpy.ndarray, shape (n, 2)
        Edges of the cells, degrees, smaller edge first. Source cells in order, either way, without overlap.
    on_sphere : bool
        Measure along latitude, by differences of the sine; else in degrees.
    period : float or None
        360 for longitude.
    tolerance : float
        Edges closer than this are one, degrees.

    Returns
    -------
    AxisOperator
        Rows sum to one where the source covers the whole cell.

    Raises
    ------
    InputError
        If source cells overlap, or a target cell has no width.
    """
    count = len(source)
    backwards = count > 1 and source[0, 0] > source[-1, 0]
    ordered = source[::-1] if backwards else source
    west, east = ordered[:, 0], ordered[:, 1]
    if np.any(west[1:] < east[:-1] - 1e-3 * (east - west)[1:]) or np.any(east <= west):
        msg = "cells of the source overlap or have no width, need bounds that follow one another. Mend or drop them."
        raise InputError(msg)
    edges = np.unique(ordered)
    rows, columns, parts = [], [], []
    measure = _sine if on_sphere else np.asarray
    turns = _turns(source, target, period)
    moved = [
        np.stack([_snapped(target[:, side] + turn, edges, tolerance) for side in (0, 1)], axis=1) for turn in turns
    ]
    sizes = measure(moved[0][:, 1]) - measure(moved[0][:, 0])
    if np.any(sizes <= 0):
        msg = "a cell of the target has no width, need bounds with two different edges."
        raise InputError(msg)
    for cells in moved:
        first = np.searchsorted(east, cells[:, 0], side="right")
        last = np.searchsorted(west, cells[:, 1], side="left")
        lengths = np.maximum(last - first, 0)
        row = np.repeat(np.arange(len(target)), lengths)
        column = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths) + np.repeat(first, lengths)
        upper, lower = np.minimum(cells[row, 1], east[column]), np.maximum(cells[row, 0], west[column])
        parts.append((measure(upper) - measure(lower)) / sizes[row] * (upper - lower > tolerance))
        rows.append(row)
        columns.append(count - 1 - column if backwards else column)
    return operator_from_entries(
        np.concatenate(rows), np.concatenate(columns), np.concatenate(parts), (len(target), count)
    )


def _ascending(centres: "FloatArray") -> "tuple[FloatArray, IntArray]":
    order = np.argsort(centres, kind="stable")
    return centres[order], order


def _on_turn(targets: "FloatArray", west: float, period: float | None, tolerance: float) -> "FloatArray":
    """Targets on the turn of the source; one that falls short of its first centre by rounding is on it."""
    if period is None:
        return targets
    offset = (targets - west) % period
    offset = np.where(offset > period - tolerance, 0.0, offset)
    return np.asarray(west + offset, np.float64)


def linear_operator(
    source: "FloatArray",
    target: "FloatArray",
    *,
    period: float | None = None,
    periodic: bool = False,
    reach: tuple[float, float] | None = None,
    tolerance: float = 0.0,
) -> AxisOperator:
    """
    Linear interpolation between neighbouring centres.

    A target beyond the outermost centres has no source, but for `periodic` and `reach`.

    Parameters
    ----------
    source, target : numpy.ndarray, shape (n,)
        Centres, degrees; source in order, either way.
    period : float or None
        360 for longitude.
    periodic : bool
        The last centre is a neighbour of the first.
    reach : tuple of float or None
        Lowest and highest target that takes the value of the outermost centre as it is.
    tolerance : float
        A target closer than this to a centre is on it, degrees.

    Returns
    -------
    AxisOperator
        At most two entries a target, positive, with sum one.
    """
    centres, order = _ascending(source)
    wanted = _on_turn(target, float(centres[0]), period, tolerance)
    if periodic and period is not None:
        centres, order = np.append(centres, centres[0] + period), np.append(order, order[0])
    if reach is not None:
        low, high = (wanted < centres[0]) & (wanted >= reach[0]), (wanted > centres[-1]) & (wanted <= reach[1])
        wanted = np.where(low, centres[0], np.where(high, centres[-1], wanted))
    if centres.size == 1:
        centres, order = np.append(centres, np.inf), np.append(order, order[0])
    left = np.clip(np.searchsorted(centres, wanted, side="right") - 1, 0, centres.size - 2)
    gap = centres[left + 1] - centres[left]
    share = np.where(np.isfinite(gap), (wanted - centres[left]) / gap, 0.0)
    near = np.where(
        wanted - centres[left] <= tolerance, 0.0, np.where(centres[left + 1] - wanted <= tolerance, 1.0, share)
    )
    inside = (wanted >= centres[0] - tolerance) & (wanted <= centres[-1] + tolerance)
    if not np.isfinite(centres[-1]):
        inside = np.abs(wanted - centres[0]) <= tolerance
    rows = np.flatnonzero(inside)
    share, left = near[inside], left[inside]
    return operator_from_entries(
        np.concatenate([rows, rows]),
        np.concatenate([order[left], order[left + 1]]),
        np.concatenate([1 - share, share]),
        (target.size, source.size),
    )


def nearest_operator(
    source: "FloatArray",
    cells: "FloatArray",
    target: "FloatArray",
    *,
    period: float | None = None,
    periodic: bool = False,
    tolerance: float = 0.0,
) -> AxisOperator:
    """
    The nearest centre of each target, if it lies in the cells of the source.

    Half-way between two centres the southern or western one is taken.

    Parameters
    ----------
    source : numpy.ndarray, shape (n,)
        Centres, degrees, in order either way.
    cells : numpy.ndarray, shape (n, 2)
        Their edges.
    target : numpy.ndarray, shape (m,)
        Centres wanted.
    period : float or None
        360 for longitude.
    periodic : bool
        The last centre is a neighbour of the first, and every target lies in some cell.
    tolerance : float
        A difference of distances within this is none, degrees.

    Returns
    -------
    AxisOperator
        One entry a target, or none.
    """
    centres, order = _ascending(source)
    low, high = float(cells.min()), float(cells.max())
    wanted = _on_turn(target, float(centres[0]) if periodic else low, period, tolerance)
    if periodic and period is not None:
        centres, order = np.append(centres, centres[0] + period), np.append(order, order[0])
    middles = (centres[:-1] + centres[1:]) / 2
    place = np.searchsorted(middles + tolerance, wanted, side="left")
    inside = (wanted >= low - tolerance) & (wanted <= high + tolerance) | periodic
    rows = np.flatnonzero(inside)
    return operator_from_entries(rows, order[place[inside]], np.ones(rows.size), (target.size, source.size))
