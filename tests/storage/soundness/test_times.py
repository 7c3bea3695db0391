"""Seconds from months against NumPy's own calendar."""

import numpy as np
import pytest

from oceandata.storage.soundness.times import seconds_from_months


def seconds(text):
    return int(np.datetime64(text, "s").astype(np.int64))


@pytest.mark.parametrize(
    ("value", "origin", "months", "expected"),
    [
        (0, "1955-01-01", 1, "1955-01-01"),
        (372.5, "1955-01-01 00:00:00", 1, "1986-01-16T12:00:00"),
        (1.5, "2000-01-01T00:00:00Z", 1, "2000-02-15T12:00:00"),
        (1.5, "2001-01-01 00:00:0.0", 1, "2001-02-15"),
        (-1, "1970-01", 1, "1969-12-01"),
        (-0.5, "1970-01-01", 1, "1969-12-16T12:00:00"),
        (14, "1986-11-01 UTC", 1, "1988-01-01"),
        (10, "1950-01-01", 12, "1960-01-01"),
    ],
)
def test_exact(value, origin, months, expected):
    assert seconds_from_months(np.array([value], dtype=float), origin, months).tolist() == [seconds(expected)]


@pytest.mark.parametrize(
    ("value", "origin", "months"),
    [
        (0.25, "1955-01-01", 1),
        (0.5, "1955-01-01", 12),
        (1, "1955-01-15", 1),
        (1, "1955-01-01 06:00:00", 1),
        (1, "1955-01-01 00:00:00 +08:00", 1),
        (1, "1955-13-01", 1),
        (1, "1500-01-01", 1),
        (np.nan, "1955-01-01", 1),
        (1e300, "1955-01-01", 1),
        (1, "January 1955", 1),
    ],
)
def test_ambiguous(value, origin, months):
    assert seconds_from_months(np.array([value], dtype=float), origin, months) is None
