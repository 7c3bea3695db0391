"""
Times in any calendar as whole seconds, months and steps.

Only decoded times are taken: NumPy ``datetime64`` of any unit, or cftime objects.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from oceandata.cf.axes import is_decoded_time
from oceandata.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["calendar_of", "infer_resolution", "month_of", "time_seconds"]

_EPOCH = "seconds since 1970-01-01 00:00:00"
_MID_MONTH = (13, 18)  # days that the middle of a month can fall on, as files write it


def _check_decoded(coord: "xr.DataArray") -> None:
    """Refuse what is not decoded time."""
    if not is_decoded_time(coord):
        units = coord.attrs.get("units", "no units")
        msg = (
            f"{coord.name!r} holds {coord.dtype} ({units}), need decoded times. Open the file with decode_times=True, "
            "or call xarray.decode_cf."
        )
        raise InputError(msg)


def _check_complete(coord: "xr.DataArray") -> None:
    """Refuse what is not decoded time, and missing times."""
    _check_decoded(coord)
    missing = int(coord.isnull().sum())
    if missing:
        msg = f"{missing} of {coord.size} times in {coord.name!r} are missing, need all. Leave those records out first."
        raise InputError(msg)


def time_seconds(coord: "xr.DataArray") -> npt.NDArray[np.int64]:
    """
    Seconds since 1970-01-01 00:00 in the coordinate's own calendar.

    Fractions are rounded to the nearest second, so that a time decoded from fractional days is the one meant.
    Seconds of different calendars must not be compared: see `calendar_of`.

    Parameters
    ----------
    coord : xarray.DataArray
        Decoded times of any shape; read into memory.

    Returns
    -------
    numpy.ndarray of int64
        Seconds, same shape; negative before 1970.

    Raises
    ------
    InputError
        If the values are not decoded times, or if some are missing.

    Examples
    --------
    >>> import xarray as xr
    >>> time_seconds(xr.DataArray(np.array(["1970-01-02", "1969-12-31"], "M8[ns]"), dims="time")).tolist()
    [86400, -86400]
    """
    _check_complete(coord)
    values = coord.values
    if np.issubdtype(values.dtype, np.datetime64):
        return _whole_seconds(values)
    import cftime

    first = values.flat[0]
    numbers: Any = cftime.date2num(values, _EPOCH, calendar=first.calendar, has_year_zero=first.has_year_zero)
    seconds: npt.NDArray[np.int64] = np.rint(numbers).astype(np.int64)
    return seconds


def _whole_seconds(values: npt.NDArray[np.datetime64]) -> npt.NDArray[np.int64]:
    """Seconds of NumPy times, to the nearest; integers throughout."""
    seconds = values.astype("M8[s]")
    if np.datetime_data(values.dtype)[0] not in ("ms", "us", "ns"):
        return seconds.astype(np.int64)
    later = (values - seconds) >= np.timedelta64(500, "ms")
    whole: npt.NDArray[np.int64] = seconds.astype(np.int64) + later
    return whole


def calendar_of(coord: "xr.DataArray") -> str:
    """
    Calendar of a time coordinate.

    Numbers that have ``units`` but were not decoded answer by their attribute ``calendar``, which is ``standard`` if
    absent.

    Parameters
    ----------
    coord : xarray.DataArray
        Decoded times, or numbers with the attributes of CF times.

    Returns
    -------
    str
        CF name, such as ``proleptic_gregorian`` (all of NumPy's times), ``noleap``, ``360_day``.

    Raises
    ------
    InputError
        If the coordinate holds no times.
    """
    if not is_decoded_time(coord) and " since " in str(coord.attrs.get("units", "")):
        return str(coord.attrs.get("calendar", "standard")).lower()
    _check_decoded(coord)
    return str(coord.dt.calendar)


def month_of(coord: "xr.DataArray") -> npt.NDArray[np.int64]:
    """
    Month of each time, in its own calendar.

    Parameters
    ----------
    coord : xarray.DataArray
        Decoded times of any shape.

    Returns
    -------
    numpy.ndarray of int64
        1 to 12, same shape.

    Raises
    ------
    InputError
        If the values are not decoded times, or if some are missing.
    """
    _check_complete(coord)
    return np.asarray(coord.dt.month.values, dtype=np.int64)


def infer_resolution(coord: "xr.DataArray") -> str:
    """
    Step between times as an ISO 8601 duration, if it is the same throughout.

    Calendar months count as equal steps if every time has the same day and hour, or the last day, or a day in the
    middle of its month. Fewer than two times, times that do not increase and unequal steps give an empty string;
    so do composites that start anew each year.

    Parameters
    ----------
    coord : xarray.DataArray, shape (n,)
        Decoded times.

    Returns
    -------
    str
        ``P1Y``, ``P1M``, ``P3M``, ``P7D``, ``P1D``, ``PT6H``, ``PT30M``, ``PT10S``, …, or ``""``.

    Raises
    ------
    InputError
        If the values are not decoded times, or if some are missing.

    Examples
    --------
    >>> import xarray as xr
    >>> infer_resolution(xr.DataArray(np.array(["2024-01-01", "2024-02-01", "2024-03-01"], "M8[D]"), dims="time"))
    'P1M'
    """
    _check_complete(coord)
    if coord.size < 2:
        return ""
    seconds = time_seconds(coord)
    steps = np.diff(seconds)
    if coord.ndim != 1 or np.any(steps <= 0):
        return ""
    months = _month_step(coord, seconds)
    if months:
        return f"P{months}M" if months % 12 else f"P{months // 12}Y"
    if np.any(steps != steps[0]):
        return ""
    for length, form in ((86400, "P{}D"), (3600, "PT{}H"), (60, "PT{}M")):
        if steps[0] % length == 0:
            return form.format(steps[0] // length)
    return f"PT{steps[0]}S"


def _month_step(coord: "xr.DataArray", seconds: npt.NDArray[np.int64]) -> int:
    """Whole months from each time to the next if all are equal, else 0."""
    months = np.asarray(coord.dt.year.values) * 12 + np.asarray(coord.dt.month.values)
    steps = np.diff(months)
    if steps[0] < 1 or np.any(steps != steps[0]):
        return 0
    day = np.asarray(coord.dt.day.values)
    same = np.all(day == day[0]) and np.all(seconds % 86400 == seconds[0] % 86400)
    middle = np.all((day >= _MID_MONTH[0]) & (day <= _MID_MONTH[1]))
    last = np.all(day == np.asarray(coord.dt.days_in_month.values))
    return int(steps[0]) if same or middle or last else 0
