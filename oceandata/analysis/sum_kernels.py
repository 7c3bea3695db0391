"""Compiled loops of the mergeable sums; imported inside tasks only."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata.analysis.compiled import compiled

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Rows = npt.NDArray[Any]

__all__ = ["add_columns", "add_counts", "add_moments", "centre_columns", "loop_rows", "sum_rows", "take_out_gaps"]

#: Values of a row that are summed at a time.
_PART = 512


def loop_rows(rows: "Rows") -> "Rows":
    """
    Rows as the loops take them: float32 or float64, one row after the other in memory.

    Parameters
    ----------
    rows : numpy.ndarray, shape (rows, cells)
        Any numbers.

    Returns
    -------
    numpy.ndarray, shape (rows, cells)
        The same, where they are so already.
    """
    kind = np.float32 if rows.dtype.kind == "f" and rows.dtype.itemsize <= 4 else np.float64
    return np.ascontiguousarray(rows, dtype=kind)


@compiled
def add_columns(rows: "Rows", weights: "Floats", total: "Floats", weight: "Floats") -> None:
    """
    Add the weighted sum and the weight of the valid values of each column.

    Parameters
    ----------
    rows : numpy.ndarray, shape (rows, cells)
        Values.
    weights : numpy.ndarray, shape (rows,)
        Zero leaves a row out.
    total, weight : numpy.ndarray, shape (cells,)
        Added to.
    """
    for t in range(rows.shape[0]):
        own = weights[t]
        if own == 0.0:
            continue
        for c in range(rows.shape[1]):
            value = np.float64(rows[t, c])
            valid = not np.isnan(value)
            total[c] += own * value if valid else 0.0
            weight[c] += own if valid else 0.0


@partial(compiled, reassociate=True)
def _sum_part(row: "Rows", weights: "Floats") -> tuple[float, float]:
    """Weighted sum and weight of the valid values of a part of a row."""
    total, weight = 0.0, 0.0
    for c in range(row.size):
        value, own = np.float64(row[c]), weights[c]
        valid = not np.isnan(value) and own != 0.0
        total += own * value if valid else 0.0
        weight += own if valid else 0.0
    return total, weight


@compiled
def sum_rows(rows: "Rows", weights: "Floats", total: "Floats", weight: "Floats") -> None:
    """
    Weighted sum and weight of the valid values of each row, part by part so that no digits are lost in long rows.

    Parameters
    ----------
    rows : numpy.ndarray, shape (rows, cells)
        Values.
    weights : numpy.ndarray, shape (cells,)
        Zero leaves a cell out.
    total, weight : numpy.ndarray, shape (rows,)
        Zeros, which become the sums.
    """
    for t in range(rows.shape[0]):
        for start in range(0, rows.shape[1], _PART):
            summed, own = _sum_part(rows[t, start : start + _PART], weights[start : start + _PART])
            total[t] += summed
            weight[t] += own


@compiled
def add_moments(
    rows: "Rows",
    chosen: "Integers",
    weights: "Floats",
    count: "Floats",
    mean: "Floats",
    square: "Floats",
    weight: "Floats",
) -> None:
    """
    Add some rows to the weight, mean and squared deviations of each column.

    Deviations are summed from the mean so far, or from the first valid value: a member of the sample, so that no more
    digits are lost than the sample has values.

    Parameters
    ----------
    rows : numpy.ndarray, shape (rows, cells)
        Values.
    chosen : numpy.ndarray of int, shape (n,)
        Numbers of the rows to add.
    weights : numpy.ndarray, shape (n,)
        Weight of each; zero leaves it out.
    count, mean, square, weight : numpy.ndarray, shape (cells,)
        Number of values, mean, weighted sum of squared deviations and sum of weights; changed in place.
    """
    cells = rows.shape[1]
    reference = np.empty(cells)
    for c in range(cells):
        reference[c] = mean[c] if weight[c] > 0.0 else np.nan
    first, second, added, values = np.zeros(cells), np.zeros(cells), np.zeros(cells), np.zeros(cells)
    for n in range(chosen.size):
        t, own = chosen[n], weights[n]
        if own == 0.0:
            continue
        for c in range(cells):
            value = np.float64(rows[t, c])
            start = reference[c]
            start = value if np.isnan(start) else start
            reference[c] = start
            valid = not np.isnan(value)
            deviation = value - start if valid else 0.0
            values[c] += 1.0 if valid else 0.0
            added[c] += own if valid else 0.0
            first[c] += own * deviation
            second[c] += own * deviation * deviation
    for c in range(cells):
        if added[c] > 0.0:
            weight[c] += added[c]
            count[c] += values[c]
            mean[c] = reference[c] + first[c] / weight[c]
            square[c] += max(second[c] - first[c] * first[c] / weight[c], 0.0)


@compiled
def add_counts(rows: "Rows", edges: "Floats", scale: float, counts: "Integers") -> None:
    """
    Add to the number of values in each bin, below the first and above the last.

    Parameters
    ----------
    rows : numpy.ndarray, shape (rows, cells)
        Values.
    edges : numpy.ndarray, shape (bins + 1,)
        Ascending.
    scale : float
        Bins in a unit if all are as wide; zero if they are not.
    counts : numpy.ndarray of int, shape (bins + 2, cells) or (bins + 2, 1)
        Of each column, or of all together; below first, above last; changed in place.
    """
    bins = edges.size - 1
    apart = 1 if counts.shape[1] > 1 else 0
    for t in range(rows.shape[0]):
        for c in range(rows.shape[1]):
            value = np.float64(rows[t, c])
            if not edges[0] <= value <= edges[bins]:
                if value < edges[0]:
                    counts[0, c * apart] += 1
                elif value > edges[bins]:
                    counts[bins + 1, c * apart] += 1
                continue
            if scale > 0.0:  # and then set right by one where rounding took the wrong side of an edge
                place = min(int((value - edges[0]) * scale), bins - 1)
                if value < edges[place]:
                    place -= 1
                elif place < bins - 1 and value >= edges[place + 1]:
                    place += 1
            else:
                place, left = 0, bins
                while left > 1:
                    half = left // 2
                    place += half * (value >= edges[place + half])
                    left -= half
            counts[place + 1, c * apart] += 1


@compiled
def centre_columns(
    rows: "Rows",
    reference: "Floats",
    values: "Floats",
    count: "Floats",
    square: "Floats",
    lagged: "Floats",
    pairs: "Floats",
) -> None:
    """
    Values from the reference of their column, and their sums.

    Parameters
    ----------
    rows : numpy.ndarray, shape (rows, cells)
        Consecutive steps.
    reference : numpy.ndarray, shape (cells,)
        NaN where none is known yet, which then becomes the first valid value.
    values : numpy.ndarray, shape (rows, cells)
        Written: differences from the reference, zero where a value is missing.
    count, square, lagged, pairs : numpy.ndarray, shape (cells,)
        Number of valid values, their squares, products of neighbouring steps, and number of these; added to.
    """
    cells = rows.shape[1]
    before = np.zeros(cells)
    for t in range(rows.shape[0]):
        for c in range(cells):
            value = np.float64(rows[t, c])
            start = reference[c]
            start = value if np.isnan(start) else start
            reference[c] = start
            valid = not np.isnan(value)
            difference = value - start if valid else 0.0
            here = 1.0 if valid else 0.0
            values[t, c] = difference
            count[c] += here
            square[c] += difference * difference
            pairs[c] += here * before[c]
            before[c] = here
        if t > 0:
            for c in range(cells):
                lagged[c] += values[t, c] * values[t - 1, c]


@compiled
def take_out_gaps(
    rows: "Rows", values: "Floats", count: "Floats", design: "Floats", parts: "Floats", sums: "Floats", lag_xy: "Floats"
) -> None:
    """
    Take missing steps out of the sums of columns that have some valid values.

    Parameters
    ----------
    rows : numpy.ndarray, shape (rows, cells)
        Consecutive steps.
    values : numpy.ndarray, shape (rows, cells)
        From `centre_columns`.
    count : numpy.ndarray, shape (cells,)
        Valid values of each column.
    design : numpy.ndarray, shape (rows, k)
        Regressors of each step.
    parts : numpy.ndarray, shape (2, rows, n)
        What a missing step takes with it: if the next one is missing too, which takes the pair of both, and if not.
    sums : numpy.ndarray, shape (cells, n)
        Sums over all steps; changed in place.
    lag_xy : numpy.ndarray, shape (cells, k)
        Sums of regressors and values of neighbouring steps; changed in place.
    """
    steps, cells = rows.shape
    for t in range(steps):
        for c in range(cells):
            if not np.isnan(rows[t, c]) or count[c] == 0.0:
                continue
            last = 1 if t + 1 < steps and not np.isnan(rows[t + 1, c]) else 0
            for j in range(parts.shape[2]):
                sums[c, j] -= parts[last, t, j]
            beside = values[t - 1, c] if t > 0 else 0.0
            beside += values[t + 1, c] if t + 1 < steps else 0.0
            for j in range(design.shape[1]):
                lag_xy[c, j] -= design[t, j] * beside
