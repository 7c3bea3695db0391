"""What a person should know of the time axis of files: how it is stored, whether it has dates, where it has gaps."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata import cf

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

__all__ = ["STEP_TOLERANCE", "time_label", "time_notes"]

#: Share of a step by which steps in plain numbers may differ and still count as equal: single precision rounds them.
STEP_TOLERANCE = 1e-3


def time_label(time: Any) -> str:
    """
    Label of a time for people.

    Parameters
    ----------
    time : numpy.datetime64, cftime.datetime or number
        One value of a time axis.

    Returns
    -------
    str
        To the minute, only the day at midnight; a number as it is.

    Examples
    --------
    >>> time_label(np.datetime64("2000-01-31T00:00:00"))
    '2000-01-31'
    """
    text = str(time).replace("T", " ")[:16]
    return text.removesuffix(" 00:00")


def time_notes(name: str, units: str, pieces: "Sequence[xr.DataArray]") -> list[str]:
    """
    Notes on a time axis that files make together.

    Parameters
    ----------
    name, units : str
        Name of the axis, and its units in the first file.
    pieces : sequence of xarray.DataArray, shape (n,)
        Times of each file, increasing throughout; decoded, or the numbers of the files if they are no dates.

    Returns
    -------
    list of str
        How it is stored; and the first gap, if its steps are equal but for gaps.
    """
    import xarray as xr

    times = xr.DataArray(np.concatenate([piece.to_numpy() for piece in pieces]), dims="time", name=name)
    if cf.is_decoded_time(times):
        note = f"{name}: rewritten as whole seconds since 1970-01-01, {units!r} before"
        rounded_s = _rounded_s(times)
        notes = [f"{note}; rounded by up to {rounded_s:.3f} s" if rounded_s > 1e-3 else note]
    else:
        notes = [f"{name}: no calendar units, stored as plain numbers; the entry will have no period"]
    step, gaps = _gaps(times)
    if gaps:
        last, first = (time_label(time) for time in times.values[gaps[0] : gaps[0] + 2])
        notes.append(f"{name}: steps are {step} but for gaps ({len(gaps)}); at the first, {first} follows {last}")
    return notes


def _rounded_s(times: "xr.DataArray") -> float:
    """Largest part of a second, in s, by which whole seconds differ from the times."""
    values = times.to_numpy()
    if values.dtype.kind == "M":
        parts = (values - values.astype("M8[s]")) / np.timedelta64(1, "s")
    else:
        parts = np.asarray([value.microsecond / 1e6 for value in values.flat])
    return float(np.minimum(parts, 1 - parts).max())


def _gaps(times: "xr.DataArray") -> tuple[str, list[int]]:
    """Step of an axis that is regular but for gaps, and the last time before each; empty if it is none."""
    if times.size < 4:
        return "", []
    if not cf.is_decoded_time(times):
        numbers = times.to_numpy().astype("f8")
        wide = _wide_steps(numbers)
        return (f"{np.median(np.diff(numbers)):g}", wide) if wide else ("", [])
    if cf.infer_resolution(times):
        return "", []
    months = np.asarray(times.dt.year.values) * 12 + np.asarray(times.dt.month.values)
    for numbers, is_calendar in ((months, True), (cf.time_seconds(times), False)):
        wide = _wide_steps(numbers)
        pieces = np.split(np.arange(times.size), np.asarray(wide, int) + 1)
        found = {cf.infer_resolution(times[piece]) for piece in pieces if piece.size > 1}
        step = found.pop()
        if wide and not found and step and is_calendar == (step[-1] in "MY" and "T" not in step):
            return step, wide
    return "", []


def _wide_steps(numbers: "npt.NDArray[Any]") -> list[int]:
    """Places before the steps that are longer than the usual one; empty if most are not usual or some are shorter."""
    steps = np.diff(numbers)
    usual = np.median(steps)
    same = np.isclose(steps, usual, rtol=STEP_TOLERANCE, atol=0)
    if usual <= 0 or same.mean() <= 0.5 or (steps[~same] < usual).any():
        return []
    return [int(place) for place in np.flatnonzero(~same)]
