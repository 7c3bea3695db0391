"""Steps of a time axis by calendar month, season or day of the year, in any calendar."""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata import cf
from oceandata.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

__all__ = ["FREQUENCIES", "LEAP_DAY", "Grouping", "group_steps"]

#: What steps may be grouped by.
FREQUENCIES = ("month", "season", "dayofyear")

#: Key of 29 February.
LEAP_DAY = 60

_SEASONS = ("DJF", "MAM", "JJA", "SON")
_LONG_NAMES = {
    "month": ("calendar month", "月份"),
    "season": ("season", "季节"),
    "dayofyear": ("day of a year with 29 February", "年内日序（含2月29日）"),
}

# Days before each month of a leap year.
_BEFORE = np.concatenate([[0], np.cumsum([31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30])])


@dataclasses.dataclass(frozen=True, eq=False)
class Grouping:
    """
    Groups of steps.

    Attributes
    ----------
    dim : str
        What they are called: ``month``, ``season``, ``dayofyear``.
    labels : numpy.ndarray
        Label of each group, in the order of the year.
    codes : numpy.ndarray of int
        Group of each step; -1 for a step of no group.
    days : numpy.ndarray or None
        Days that each step stands for, where these differ inside a group and are known.
    """

    dim: str
    labels: "npt.NDArray[Any]"
    codes: "npt.NDArray[np.int64]"
    days: "npt.NDArray[np.float64] | None" = None

    @property
    def attributes(self) -> dict[str, str]:
        """Attributes of the coordinate."""
        english, chinese = _LONG_NAMES[self.dim]
        return {"long_name": english, "long_name_zh": chinese}


def group_steps(times: "xr.DataArray", freq: str) -> Grouping:
    """
    Group of each step of a time axis.

    Days are told apart by month and day: 1 March has the same key in every year, 29 February one of its own, which a
    calendar without it never fills. December belongs to the winter of the next year; a season that is cut by the
    begin or end of the record belongs to no group.

    Parameters
    ----------
    times : xarray.DataArray, shape (n,)
        Decoded times, increasing.
    freq : {"month", "season", "dayofyear"}
        What to group by.

    Returns
    -------
    Grouping
        One group for each month, season or day of a leap year (of 360 days in that calendar).

    Raises
    ------
    InputError
        If `freq` is something else.

    Examples
    --------
    >>> import xarray as xr
    >>> days = xr.DataArray(np.array(["2023-03-01", "2024-02-29", "2024-03-01"], "M8[ns]"), dims="time")
    >>> group_steps(days, "dayofyear").codes.tolist()
    [60, 59, 60]
    """
    if freq not in FREQUENCIES:
        msg = f"freq is {freq!r}, need one of {', '.join(map(repr, FREQUENCIES))}."
        raise InputError(msg)
    months = cf.month_of(times)
    if freq == "month":
        return Grouping("month", np.arange(1, 13), months - 1)
    if freq == "season":
        monthly = cf.infer_resolution(times) == "P1M"
        days = np.asarray(times.dt.days_in_month.values, np.float64) if monthly else None
        return Grouping("season", np.array(_SEASONS), _seasons(times, months), days)
    day = np.asarray(times.dt.day.values, np.int64)
    if cf.calendar_of(times) == "360_day":
        return Grouping("dayofyear", np.arange(1, 361), (months - 1) * 30 + day - 1)
    return Grouping("dayofyear", np.arange(1, 367), _BEFORE[months - 1] + day - 1)


def _seasons(times: "xr.DataArray", months: "npt.NDArray[np.int64]") -> "npt.NDArray[np.int64]":
    """Season of each step; -1 in a season that the record begins or ends in the middle of."""
    codes = months % 12 // 3
    if not codes.size:
        return codes
    year = np.asarray(times.dt.year.values, np.int64) + (months == 12)
    season = year * 4 + codes
    codes = codes.copy()
    if months[0] % 3 != 0:
        codes[season == season[0]] = -1
    if months[-1] % 3 != 2:
        codes[season == season[-1]] = -1
    return codes
