"""
Compiled loops of regridding: weighted sums over the cells of maps.

One pass over the values as they are stored, sums in float64. On one-degree maps to four degrees a pass takes 0.7 ns a
value; the same with `scipy.sparse`, or with dense matrices and BLAS, takes more than twenty times that, for the copies
they need to widen the values and to split off the missing ones.
"""

from typing import Any

import numpy as np

from oceandata.analysis.compiled import compiled

__all__ = ["plain_point_sums", "plain_sums", "point_sums", "weighted_sums"]


@compiled
def weighted_sums(
    maps: Any,
    y_starts: Any,
    y_sources: Any,
    y_weights: Any,
    x_starts: Any,
    x_sources: Any,
    x_weights: Any,
    sums: Any,
    shares: Any,
) -> None:
    """
    Sums of ``wy * wx * value`` over valid cells, and of their weights.

    Parameters
    ----------
    maps : numpy.ndarray, shape (n, ny, nx)
        Values, NaN where missing.
    y_starts, y_sources, y_weights : numpy.ndarray
        Operator of the rows.
    x_starts, x_sources, x_weights : numpy.ndarray
        Operator of the columns.
    sums, shares : numpy.ndarray of float64, shape (n, targets of y, targets of x)
        Where the results go.
    """
    columns = maps.shape[2]
    row_sums, row_shares = np.empty(columns), np.empty(columns)
    for number in range(maps.shape[0]):
        for y in range(y_starts.size - 1):
            row_sums[:] = 0.0
            row_shares[:] = 0.0
            for entry in range(y_starts[y], y_starts[y + 1]):
                weight, row = y_weights[entry], maps[number, y_sources[entry]]
                for column in range(columns):
                    valid = row[column] == row[column]
                    row_sums[column] += weight * row[column] if valid else 0.0
                    row_shares[column] += weight if valid else 0.0
            for x in range(x_starts.size - 1):
                total, share = 0.0, 0.0
                for entry in range(x_starts[x], x_starts[x + 1]):
                    total += x_weights[entry] * row_sums[x_sources[entry]]
                    share += x_weights[entry] * row_shares[x_sources[entry]]
                sums[number, y, x] = total
                shares[number, y, x] = share


@compiled
def plain_sums(
    maps: Any,
    y_starts: Any,
    y_sources: Any,
    y_weights: Any,
    x_starts: Any,
    x_sources: Any,
    x_weights: Any,
    sums: Any,
) -> None:
    """
    Sums of ``wy * wx * value``; a missing value makes them missing.

    Parameters
    ----------
    maps : numpy.ndarray, shape (n, ny, nx)
        Values, NaN where missing.
    y_starts, y_sources, y_weights : numpy.ndarray
        Operator of the rows.
    x_starts, x_sources, x_weights : numpy.ndarray
        Operator of the columns.
    sums : numpy.ndarray of float64, shape (n, targets of y, targets of x)
        Where the results go.
    """
    columns = maps.shape[2]
    row_sums = np.empty(columns)
    for number in range(maps.shape[0]):
        for y in range(y_starts.size - 1):
            row_sums[:] = 0.0
            for entry in range(y_starts[y], y_starts[y + 1]):
                weight, row = y_weights[entry], maps[number, y_sources[entry]]
                for column in range(columns):
                    row_sums[column] += weight * row[column]
            for x in range(x_starts.size - 1):
                total = 0.0
                for entry in range(x_starts[x], x_starts[x + 1]):
                    total += x_weights[entry] * row_sums[x_sources[entry]]
                sums[number, y, x] = total


@compiled
def point_sums(maps: Any, sources: Any, weights: Any, sums: Any, shares: Any) -> None:
    """
    Sums of ``w * value`` over the valid ones of a few cells a target, and of their weights.

    Parameters
    ----------
    maps : numpy.ndarray, shape (n, cells)
        Values, NaN where missing.
    sources, weights : numpy.ndarray, shape (targets, k)
        Cells of each target, and their weights; an entry of weight zero is not looked at.
    sums, shares : numpy.ndarray of float64, shape (n, targets)
        Where the results go.
    """
    for number in range(maps.shape[0]):
        for target in range(sources.shape[0]):
            total, share = 0.0, 0.0
            for entry in range(sources.shape[1]):
                weight, value = weights[target, entry], maps[number, sources[target, entry]]
                if weight != 0.0 and value == value:
                    total += weight * value
                    share += weight
            sums[number, target] = total
            shares[number, target] = share


@compiled
def plain_point_sums(maps: Any, sources: Any, weights: Any, sums: Any) -> None:
    """
    Sums of ``w * value`` over a few cells a target; a missing value makes them missing.

    Parameters
    ----------
    maps : numpy.ndarray, shape (n, cells)
        Values, NaN where missing.
    sources, weights : numpy.ndarray, shape (targets, k)
        Cells of each target, and their weights; an entry of weight zero is not looked at.
    sums : numpy.ndarray of float64, shape (n, targets)
        Where the results go.
    """
    for number in range(maps.shape[0]):
        for target in range(sources.shape[0]):
            total = 0.0
            for entry in range(sources.shape[1]):
                if weights[target, entry] != 0.0:
                    total += weights[target, entry] * maps[number, sources[target, entry]]
            sums[number, target] = total
