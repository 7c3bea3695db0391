"""Compiled count of values; imported inside tasks, because numba takes a second."""

import numpy as np
import numpy.typing as npt

from oceandata.analysis.compiled import compiled

__all__ = ["count_values"]

Integers = npt.NDArray[np.int64]
Values = npt.NDArray[np.floating]


@compiled
def count_values(columns: Values, groups: Integers, number: int) -> npt.NDArray[np.int32]:
    """
    Number of values of each column in groups of steps.

    Parameters
    ----------
    columns : numpy.ndarray, shape (column, step)
        Values, NaN where missing.
    groups : numpy.ndarray of int, shape (step,)
        Group of each step.
    number : int
        Number of groups.

    Returns
    -------
    numpy.ndarray of int32, shape (group, column)
        Counts.
    """
    counts = np.zeros((number, len(columns)), np.int32)
    for column in range(len(columns)):
        for step in range(len(groups)):
            if not np.isnan(columns[column, step]):
                counts[groups[step], column] += 1
    return counts
