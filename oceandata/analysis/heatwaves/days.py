"""Days of a record in its own calendar: gaps made visible, keys of the year, and what each key's window pools."""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata import cf
from oceandata.analysis.climatology import in_period
from oceandata.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

__all__ = ["Days", "Pools", "base_of", "days_of", "pools_of"]

_DAY_S = 86_400

# Days before each month in a year with 29 February.
_BEFORE = np.array([0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335])

#: Calendars in which 29 February comes in some years only: its key is made from its neighbours.
_LEAP = ("standard", "gregorian", "proleptic_gregorian", "julian")

_FEB_29 = 60


@dataclasses.dataclass(frozen=True, eq=False)
class Days:
    """
    Every day from the first step to the last, also those the record leaves out.

    Attributes
    ----------
    steps : numpy.ndarray of int
        Day of each step of the record.
    keys : numpy.ndarray of int
        For each day the place of its key in `labels`.
    labels : numpy.ndarray of int
        Keys of the year: day of a year with 29 February (1 to 366; 60 is left out where no year has it), or of
        360 days.
    years : numpy.ndarray of int
        Year of each day.
    leap : int
        Place of 29 February in `labels` if only some years have it, else -1.
    calendar : str
        CF name.
    first : int
        The first day, in days since 1970-01-01 of this calendar.
    """

    steps: "npt.NDArray[np.int64]"
    keys: "npt.NDArray[np.int64]"
    labels: "npt.NDArray[np.int64]"
    years: "npt.NDArray[np.int64]"
    leap: int
    calendar: str
    first: int

    @property
    def count(self) -> int:
        """Number of days."""
        return len(self.keys)


@dataclasses.dataclass(frozen=True, eq=False)
class Pools:
    """
    Days that the window of each key pools, as a union of groups that several keys share.

    Attributes
    ----------
    group_starts, members : numpy.ndarray of int
        Days of group g are ``members[group_starts[g]:group_starts[g + 1]]``.
    key_starts, groups : numpy.ndarray of int
        Groups of key k are ``groups[key_starts[k]:key_starts[k + 1]]``.
    """

    group_starts: "npt.NDArray[np.int64]"
    members: "npt.NDArray[np.int64]"
    key_starts: "npt.NDArray[np.int64]"
    groups: "npt.NDArray[np.int64]"


def _numbers(times: "xr.DataArray") -> "npt.NDArray[np.int64]":
    """Days since 1970-01-01 of each step."""
    days = cf.time_seconds(times) // _DAY_S
    steps = np.diff(days)
    if np.any(steps < 0):
        msg = (
            f"time {times.name!r} does not increase throughout, need days in order. Sort it: ds.sortby({times.name!r})."
        )
        raise InputError(msg)
    if np.any(steps == 0):
        twice = times.to_numpy()[1:][steps == 0][0]
        msg = (
            f"time {times.name!r} has more than one step on the day of {twice}, need one a day. "
            f"Take daily means first: ds.resample({times.name}='D').mean()."
        )
        raise InputError(msg)
    if days[-1] - days[0] + 1 > 2 * len(days):
        msg = (
            f"time {times.name!r} has {len(days)} steps in {days[-1] - days[0] + 1} days, need daily values. "
            "Marine heatwaves are not defined on weekly or monthly means."
        )
        raise InputError(msg)
    return np.asarray(days, np.int64)


def _dates(times: "xr.DataArray", first: int, last: int) -> "tuple[npt.NDArray[np.int64], ...]":
    """Year, month and day of all days from first to last."""
    numbers = np.arange(first, last + 1)
    if times.dtype.kind == "M":
        dates = numbers.astype("M8[D]")
        months = dates.astype("M8[M]")
        years = dates.astype("M8[Y]").astype(np.int64) + 1970
        return years, months.astype(np.int64) % 12 + 1, (dates - months.astype("M8[D]")).astype(np.int64) + 1
    import cftime

    example = times.to_numpy().flat[0]
    made: Any = cftime.num2date(
        numbers, "days since 1970-01-01", calendar=example.calendar, has_year_zero=example.has_year_zero
    )
    return tuple(np.array([getattr(date, part) for date in made], np.int64) for part in ("year", "month", "day"))


def days_of(times: "xr.DataArray") -> Days:
    """
    Days of a record.

    Parameters
    ----------
    times : xarray.DataArray, shape (time,)
        Decoded, increasing, one step a day at most; the hour is not looked at. Days left out are gaps.

    Returns
    -------
    Days
        In the record's own calendar.

    Raises
    ------
    InputError
        If the steps are not in order, not daily, or more than one a day.
    """
    numbers = _numbers(times)
    years, months, days = _dates(times, int(numbers[0]), int(numbers[-1]))
    calendar = cf.calendar_of(times)
    if calendar == "360_day":
        keys, labels = (months - 1) * 30 + days, np.arange(1, 361)
    else:
        keys, labels = _BEFORE[months - 1] + days, np.arange(1, 367)
        if calendar in ("noleap", "365_day"):
            labels = labels[labels != _FEB_29]
    places = np.searchsorted(labels, keys)
    leap = int(np.searchsorted(labels, _FEB_29)) if calendar in _LEAP else -1
    return Days(
        numbers - numbers[0], places.astype(np.int64), labels.astype(np.int64), years, leap, calendar, int(numbers[0])
    )


def base_of(days: Days, times: "xr.DataArray", period: tuple[Any, Any] | None) -> "npt.NDArray[np.bool_]":
    """
    Days of the base period.

    Parameters
    ----------
    days : Days
        Of `times`.
    times : xarray.DataArray
        The record.
    period : tuple of int or str, or None
        First and last year or date, both included; None is the whole record.

    Returns
    -------
    numpy.ndarray of bool
        One for each day.

    Raises
    ------
    InputError
        If the period is not one.
    NotFoundError
        If no step lies in it.
    """
    dates: Any = tuple(map(_date, period)) if isinstance(period, tuple | list) else period
    inside = days.steps[in_period(times, dates)]
    base = np.zeros(days.count, bool)
    base[inside[0] : inside[-1] + 1] = True
    return base


def _date(value: Any) -> str:
    """A year as four digits, anything else as it is written."""
    return f"{value:04d}" if isinstance(value, int | np.integer) else str(value)


def pools_of(
    days: Days, base: "npt.NDArray[np.bool_]", half_width: int, *, beyond: bool = True, leap: bool = False
) -> Pools:
    """
    What the window of each key pools.

    Parameters
    ----------
    days : Days
        All days.
    base : numpy.ndarray of bool
        Days of the base period: the middles of windows.
    half_width : int
        Days on each side.
    beyond : bool
        Windows at the ends of the period take days outside it, as far as there are any.
    leap : bool
        29 February has a window of its own, of the years that have it.

    Returns
    -------
    Pools
        A key that does not occur has no groups.

    Notes
    -----
    Days that are in the windows of the same keys form a group; a group is sorted once for all its keys.
    """
    middles = base if leap or days.leap < 0 else base & (days.keys != days.leap)
    padded = np.full(days.count + 2 * half_width, -1, np.int16)
    padded[half_width : half_width + days.count] = np.where(middles, days.keys, -1)
    seen = np.lib.stride_tricks.sliding_window_view(padded, 2 * half_width + 1)
    used = np.flatnonzero((seen >= 0).any(axis=1) & (True if beyond else base))
    patterns, group = np.unique(seen[used], axis=0, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=len(patterns)))])
    pairs = np.unique([(key, number) for number, row in enumerate(patterns) for key in row[row >= 0]], axis=0)
    counts = np.bincount(pairs[:, 0], minlength=len(days.labels))
    key_starts = np.concatenate([[0], np.cumsum(counts)])
    return Pools(*(np.asarray(part, np.int64) for part in (starts, used[order], key_starts, pairs[:, 1])))
