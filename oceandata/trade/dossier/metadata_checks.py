"""Checks on metadata and coordinates: CF, order and gaps of coordinates, age of the newest step."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata import cf
from oceandata.cf.units import find_unit
from oceandata.errors import InputError
from oceandata.trade.dossier.report import Check

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

__all__ = ["conventions", "coordinate_order", "parse_lag", "time_gaps", "timeliness"]

_STANDARD_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*( [a-z_]+)?")
_LAG = re.compile(r"P(?=.)(?:(\d+)W)?(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?)?")


def conventions(ds: "xr.Dataset", names: list[str]) -> Iterator[Check]:
    """
    Whether each data variable says what it is in the terms of CF.

    Parameters
    ----------
    ds : xarray.Dataset
        Decoded.
    names : list of str
        Data variables.

    Yields
    ------
    Check
        One a variable: units that are known, a standard name, units that fit it, and axes that are recognised.
    """
    from oceandata.storage.soundness.quantities import PLAUSIBLE, families_of

    for name in names:
        attrs = ds[name].attrs
        units, standard = str(attrs.get("units", "")), str(attrs.get("standard_name", ""))
        facts = {
            "units are known": bool(units) and (find_unit(units) is not None or bool(families_of(units))),
            "a standard name": _STANDARD_NAME.fullmatch(standard) is not None,
            "a long name": bool(str(attrs.get("long_name", "")).strip()) or bool(standard),
            "axes are recognised": all(role for role in cf.axis_roles(ds, [str(dim) for dim in ds[name].dims])),
        }
        allowed = PLAUSIBLE.get(standard)
        if allowed is not None and units and families_of(units):
            facts["units fit the standard name"] = allowed.family in families_of(units)
        missed = [fact for fact, holds in facts.items() if not holds]
        score = 1 - len(missed) / len(facts)
        metric = f"{len(facts) - len(missed)} of {len(facts)} CF facts" + (
            f"; not: {', '.join(missed)}" if missed else ""
        )
        found = {"facts": facts, "units": units, "standard_name": standard}
        yield Check("normativity", "cf-facts/1", score, metric, variable=name, found=found)


def _numbers(coord: "xr.DataArray") -> "npt.NDArray[np.float64]":
    """Values of a coordinate as numbers; times as seconds, missing ones as NaN."""
    if cf.is_decoded_time(coord):
        missing = coord.isnull().to_numpy()
        numbers = np.full(coord.shape, np.nan)
        if not missing.all():
            numbers[~missing] = cf.time_seconds(coord[~missing] if missing.any() else coord)
        return numbers
    return np.asarray(coord.to_numpy(), np.float64)


def coordinate_order(ds: "xr.Dataset") -> Iterator[Check]:
    """
    Whether coordinates of axes go one way, without steps that stand twice.

    Parameters
    ----------
    ds : xarray.Dataset
        Decoded.

    Yields
    ------
    Check
        One for each coordinate along its own dimension: the share of steps that go on in the direction of most.
    """
    for name in (str(dim) for dim in ds.dims if dim in ds.coords):
        coord = ds[name]
        if coord.ndim != 1 or (coord.dtype.kind not in "iufM" and not cf.is_decoded_time(coord)):
            continue
        numbers = _numbers(coord)
        steps = np.diff(numbers)
        forward, backward = int((steps > 0).sum()), int((steps < 0).sum())
        known = numbers[np.isfinite(numbers)]
        twice = int(known.size - np.unique(known).size)
        missing = int(numbers.size - known.size)
        good = max(forward, backward)
        score = good / steps.size if steps.size else float(missing == 0)
        metric = f"{good} of {steps.size} steps go one way; {twice} values stand twice, {missing} are missing"
        found = {"steps": int(steps.size), "one_way": good, "twice": twice, "missing": missing}
        yield Check("consistency", "coordinate-order/1", score, metric, variable=name, found=found)


def time_gaps(ds: "xr.Dataset") -> Iterator[Check]:
    """
    Steps that are missing between the first and the last.

    Parameters
    ----------
    ds : xarray.Dataset
        Decoded.

    Yields
    ------
    Check
        None without a time axis; no score where most steps have no common length.
    """
    name = cf.find_axis(ds, "T")
    if name is None or ds[name].ndim != 1 or ds[name].size < 3:
        return
    numbers = np.unique(_numbers(ds[name])[np.isfinite(_numbers(ds[name]))])
    counts = _steps(numbers)
    method, metric = "gaps/1", ""
    if counts is None:
        reason = "most steps in time have no common length, so that nobody knows how many there should be"
        yield Check("completeness", method, None, "missing steps", reason, variable=name)
        return
    unit, gaps = counts
    expected = int(numbers.size + gaps.sum())
    metric = (
        f"{numbers.size} of {expected} steps of {unit} between the first and the last; {int((gaps > 0).sum())} gaps"
    )
    found = {"present": int(numbers.size), "expected": expected, "gaps": int((gaps > 0).sum()), "step": unit}
    yield Check("completeness", method, numbers.size / expected, metric, variable=name, found=found)


def _steps(numbers: "npt.NDArray[np.float64]") -> "tuple[str, npt.NDArray[np.int64]] | None":
    """Length of a step, and how many are missing after each one; None if most differ."""
    steps = np.diff(numbers)
    months = np.rint(steps / (365.2425 * 86400 / 12)).astype(np.int64)
    day = 86400.0
    if np.median(steps) >= 27.5 * day:
        unit = int(np.median(months))
        near = np.abs(steps - months * 365.2425 * day / 12) <= 4 * day
        if unit < 1 or not near.all() or np.any(months % unit):
            return None
        return f"P{unit}M", np.maximum(months // unit - 1, 0)
    values, often = np.unique(steps, return_counts=True)
    step = float(values[often.argmax()])
    times = np.rint(steps / step).astype(np.int64)
    if often.max() * 2 <= steps.size or np.any(np.abs(steps - times * step) > 0.01 * step):
        return None
    return f"{step:g} s", np.maximum(times - 1, 0)


def parse_lag(text: str) -> timedelta:
    """
    Promised lag of a duration.

    Parameters
    ----------
    text : str
        ISO 8601 with weeks, days, hours and minutes: ``P2D``, ``PT6H``.

    Returns
    -------
    datetime.timedelta
        Its length.

    Raises
    ------
    InputError
        If it is no such duration.

    Examples
    --------
    >>> parse_lag("P1DT6H")
    datetime.timedelta(days=1, seconds=21600)
    """
    found = _LAG.fullmatch(text)
    if found is None or not any(found.groups()):
        msg = f"lag is {text!r}, need an ISO 8601 duration of weeks, days, hours or minutes, such as P2D or PT6H."
        raise InputError(msg)
    weeks, days, hours, minutes = (int(part or 0) for part in found.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)


def timeliness(ds: "xr.Dataset", lag: str, at: datetime) -> Check:
    """
    Age of the newest step against the lag that was promised.

    Parameters
    ----------
    ds : xarray.Dataset
        Decoded.
    lag : str
        ISO 8601 duration; empty if nothing was promised.
    at : datetime
        When the age is taken, UTC.

    Returns
    -------
    Check
        1 within the lag, else the lag divided by the age; no score without a promise or a time axis.
    """
    name, found = cf.find_axis(ds, "T"), dict[str, Any]()
    reason = "" if lag else "nobody promised how soon data come: give the lag"
    seconds = np.array([]) if name is None else _numbers(ds[name])
    seconds = seconds[np.isfinite(seconds)]
    if (
        name is None
        or not seconds.size
        or cf.calendar_of(ds[name]) not in ("standard", "gregorian", "proleptic_gregorian")
    ):
        reason = "there is no time axis in the civil calendar"
    if reason:
        return Check("timeliness", "newest-step/1", None, "age of the newest step", reason, variable=name or "")
    newest = datetime.fromtimestamp(float(seconds.max()), tz=UTC)
    age, promised = at - newest, parse_lag(lag)
    score = 1.0 if age <= promised else promised / age
    found = {"newest": newest.isoformat(), "at": at.isoformat(), "promised": lag}
    metric = f"newest step {newest:%Y-%m-%d %H:%M} UTC, {age.total_seconds() / 86400:.1f} days old; promised {lag}"
    return Check("timeliness", "newest-step/1", score, metric, variable=str(name), found=found)
