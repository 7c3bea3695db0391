"""Time axes: whether their units can be decoded, whether their dates can be true, and how to mend those that cannot."""

import dataclasses
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oceandata.errors import closest
from oceandata.storage.soundness.header import Fault, FileHeader, Mend, VariableHeader, fault, numeric, quiet

if TYPE_CHECKING:
    import xarray

__all__ = ["MISSING_VALUES", "check_time", "is_time", "lookalike_units", "seconds_from_months"]

#: Numbers that writers use for "missing", and the defaults of the netCDF library.
MISSING_VALUES = (9.969209968386869e36, 1e20, 1e30, 1e34, -1e34, 1e35, 1e36, 1e37, -2147483647, -9223372036854775806)

_UNITS = re.compile(r"\s*(?P<unit>\S.*?)\s+since\s+(?P<origin>\S.*?)\s*$", re.IGNORECASE | re.DOTALL)
_ORIGIN = re.compile(r"(\d{1,4})-(\d{1,2})(?:-(\d{1,2}))?(?:[tT ]\s*([\d:.]+))?\s*(?:[zZ]|UTC|[+-]?0+(?::?0+)?)?$")
_MONTHS = ("month", "months", "calendar month", "calendar months")
_YEARS = ("year", "years", "calendar year", "calendar years")
_UNIT_NAMES = ["days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"]
_CALENDARS = [
    "standard",
    "gregorian",
    "proleptic_gregorian",
    "julian",
    "noleap",
    "365_day",
    "360_day",
    "all_leap",
    "366_day",
]
_REAL_CALENDARS = ("standard", "gregorian", "proleptic_gregorian")
_YEARS_BELIEVED = (1500, 2500)
_DAYS = {"day": 1.0, "hour": 1 / 24, "minute": 1 / 1440, "second": 1 / 86400}
#: Names of times that say nothing of themselves, and the misspellings of `units` that are looked for.
_TIME_NAMES = ("time", "times", "time_counter", "time_centered", "time_instant", "ocean_time")
_LOOKALIKES = ("unit", "units", "uints")
_NUMERIC_REPAIR = "the values stay numbers without a date; the units move to the attribute original_units"


@dataclasses.dataclass(frozen=True)
class _TimeUnits:
    """The parts of the units of a time variable."""

    text: str
    unit: str
    origin: str
    calendar: str

    @property
    def months(self) -> int:
        """Months in one unit; 0 if the unit has a fixed length."""
        return 1 if self.unit in _MONTHS else 12 if self.unit in _YEARS else 0


def is_time(variable: VariableHeader) -> bool:
    """
    Whether the units of a variable are those of time since an origin.

    Parameters
    ----------
    variable : VariableHeader
        Any variable.

    Returns
    -------
    bool
        True also if the units cannot be understood further.
    """
    return " since " in f" {variable.text('units').lower()} "


def check_time(variable: VariableHeader, header: FileHeader) -> Iterator[Fault]:
    """
    Faults of one time variable.

    Parameters
    ----------
    variable : VariableHeader
        Any variable; only one with units ``<unit> since <origin>``, or a time without any, is looked at.
    header : FileHeader
        The file it is in.

    Yields
    ------
    Fault
        Each fault, with its repair if it has one.
    """
    if not is_time(variable):
        yield from _units_missing(variable, header)
        return
    if _is_bounds_of_months(variable, header):
        return
    units = _time_units(variable)
    declared = _declared_fault(variable, units, header)
    if declared is not None:
        yield declared
        return
    values = variable.leading()
    if values is None:
        return
    physical = numeric(variable, values)
    known = physical[~np.isnan(physical)]
    reason, years = _decoded_years(known, units)
    if reason:
        yield _out_of_range(variable, units, known, reason)
        return
    if known.size and not _is_climatology(variable, units):
        yield from _implausible_years(variable, years)
    if variable.is_axis:
        yield from _order(variable, physical)


def lookalike_units(variable: VariableHeader) -> tuple[str, str]:
    """
    Attribute that probably was meant to be ``units``.

    Parameters
    ----------
    variable : VariableHeader
        Any variable.

    Returns
    -------
    tuple of str
        Name and text of an attribute such as ``Unit`` or ``UNITS``; both empty if there is none.
    """
    for name in variable.attributes:
        if name != "units" and name.lower() in _LOOKALIKES and variable.text(name):
            return name, variable.text(name)
    return "", ""


def _units_missing(variable: VariableHeader, header: FileHeader) -> Iterator[Fault]:
    """Warning of a time without units, whose numbers are no dates; nothing is guessed, so there is no repair."""
    if variable.text("units") or not variable.is_numeric or not variable.size:
        return
    if any(is_time(other) and other.dimensions == variable.dimensions for other in header.variables.values()):
        return  # another variable dates the same steps
    name, text = lookalike_units(variable)
    declared = variable.text("standard_name") == "time" or variable.text("axis").upper() == "T"
    named = len(variable.shape) <= 1 and variable.name.rpartition("/")[2].lower() in _TIME_NAMES
    if not (declared or named or " since " in text.lower()):
        return
    near = f"; its attribute {name} = {text!r} is not read" if name else ""
    advice = f"Rename {name} to units." if name else "Write them, such as 'days since 1970-01-01'."
    message = f"Time {variable.name!r} has no attribute units{near}, so that its values are no dates. {advice}"
    yield fault("warning", "time-units-missing", variable.name, message)


def _time_units(variable: VariableHeader) -> _TimeUnits:
    text = variable.text("units")
    match = _UNITS.match(text)
    calendar = variable.text("calendar").lower() or "standard"
    if match is None:
        return _TimeUnits(text, "", "", calendar)
    return _TimeUnits(text, " ".join(match["unit"].lower().split()), match["origin"], calendar)


def _declared_fault(variable: VariableHeader, units: _TimeUnits, header: FileHeader) -> Fault | None:
    """What is wrong by the attributes alone."""
    where = f"{variable.name}:units"
    if not variable.is_numeric:
        message = f"Time {variable.name!r} has units {units.text!r} but its values are of type {variable.type_name}."
        return _numeric_fault("time-undecodable", where, f"{message} Give it numbers.", variable)
    if units.months and units.calendar != "360_day":
        return _months_fault(variable, units, header)
    reason, _ = _decoded_years(np.array([0.0]), units)
    if not reason:
        return None
    if units.calendar not in _CALENDARS:
        message = f"Calendar {units.calendar!r} of {variable.name!r} is unknown. {closest(units.calendar, _CALENDARS)}"
        return _numeric_fault("time-calendar-unknown", f"{variable.name}:calendar", message, variable)
    if re.match(r"0+-", units.origin):
        return _year_zero_fault(variable, units)
    return _numeric_fault("time-undecodable", where, _undecodable(variable, units), variable)


def _undecodable(variable: VariableHeader, units: _TimeUnits) -> str:
    """Message on units that do not follow the grammar."""
    start = f"Units {units.text!r} of {variable.name!r} cannot be decoded:"
    if not units.unit:
        return f"{start} they are not of the form '<unit> since <date>'. Correct them."
    known, _ = _decoded_years(np.array([0.0]), dataclasses.replace(units, text=f"{units.unit} since 1970-01-01"))
    if known:
        return f"{start} the unit {units.unit!r} is unknown. {closest(units.unit, _UNIT_NAMES)}"
    return f"{start} the origin {units.origin!r} is no date of calendar {units.calendar!r}. Write it as YYYY-MM-DD."


def _numeric_fault(code: str, where: str, message: str, variable: VariableHeader) -> Fault:
    """Fault whose repair leaves numbers without a date."""
    return fault("error", code, where, message, repair=_NUMERIC_REPAIR, mend=_without_date(variable.name))


def _year_zero_fault(variable: VariableHeader, units: _TimeUnits) -> Fault:
    """Fault of an origin in the year 0: a climatology, or a real date in a calendar that is not told."""
    values = variable.leading()
    last = float(np.nanmax(np.abs(numeric(variable, values)))) if values is not None else 0.0
    days = last * _DAYS.get(units.unit.rstrip("s"), np.inf)
    climatological = _is_climatology(variable, units) or days < 2 * 366
    what = (
        "it is a climatology without real years"
        if climatological
        else "how days were counted back to it is not told, so that the dates are uncertain by some days"
    )
    return fault(
        "error",
        "time-year-zero",
        f"{variable.name}:units",
        f"The origin of {units.text!r} of {variable.name!r} is the year 0: {what}. Use an origin in a real year.",
        repair=_NUMERIC_REPAIR + (", and climatological = 'true' is set" if climatological else ""),
        mend=_without_date(variable.name, climatological=climatological),
    )


def _is_climatology(variable: VariableHeader, units: _TimeUnits) -> bool:
    """Whether the years of a time variable are not meant as years, or are those of a model or of the far past."""
    model = units.calendar not in _REAL_CALENDARS
    return model or "climatology" in variable.attributes or "modulo" in variable.attributes


def _without_date(name: str, *, climatological: bool = False) -> Mend:
    """Mend that moves the units of a time variable out of the way."""

    def mend(dataset: "xarray.Dataset") -> "xarray.Dataset":
        attributes = dataset.variables[name].attrs
        attributes["original_units"] = attributes.pop("units")
        if climatological:
            attributes["climatological"] = "true"
        return dataset

    return mend


def _decoded_years(values: NDArray[np.float64], units: _TimeUnits) -> tuple[str, tuple[int, int]]:
    """Why the earliest and latest values cannot be decoded, or their years."""
    import cftime

    if not values.size:
        return "", (0, 0)
    ends = [float(np.min(values)), float(np.max(values))]
    with quiet():
        try:
            first, last = (cftime.num2date(end, units.text, calendar=units.calendar) for end in ends)
        except (ValueError, OverflowError, TypeError, KeyError, AttributeError) as error:
            years = _years_by_xarray(ends, units)
            return ("", years) if years else (str(error) or type(error).__name__, (0, 0))
    return "", (int(first.year), int(last.year))


def _years_by_xarray(ends: list[float], units: _TimeUnits) -> tuple[int, int] | None:
    """Years of two times that xarray decodes by its own ways, such as ``1-jan-1970``; None if it does not."""
    import xarray

    attributes = {"units": units.text, "calendar": units.calendar}
    try:
        decoded = xarray.decode_cf(xarray.Dataset({"time": ("time", ends, attributes)}))
        first, last = decoded["time"].dt.year.values.tolist()
    except (ValueError, OverflowError, TypeError, AttributeError):
        return None
    return int(first), int(last)


def _out_of_range(variable: VariableHeader, units: _TimeUnits, known: NDArray[np.float64], reason: str) -> Fault:
    """Fault of values that no date can be made of: undeclared missing ones, or nonsense."""
    dtype = variable.dtype
    for missing in MISSING_VALUES if dtype is not None else ():
        with np.errstate(over="ignore", invalid="ignore"):
            stored = np.array([missing]).astype(dtype)
        found = known == float(stored[0])
        if not found.any() or {"_FillValue", "missing_value"} & set(variable.attributes):
            continue
        if not _decoded_years(known[~found], units)[0]:
            n_found = int(found.sum())
            message = (
                f"{n_found} of {known.size} times of {variable.name!r} are {stored[0]!s}, which no _FillValue declares."
            )
            return fault(
                "error",
                "time-fill-value",
                variable.name,
                f"{message} Declare it.",
                repair=f"_FillValue = {stored[0]!s} is declared, so that they decode to missing times",
                mend=_with_fill(variable.name, stored[0]),
            )
    first, last = float(np.min(known)), float(np.max(known))
    message = f"Times of {variable.name!r} reach from {first:g} to {last:g} {units.text}, which are no dates"
    message = f"{message} ({reason[:80]}). Check the values and the units."
    return _numeric_fault("time-out-of-range", variable.name, message, variable)


def _with_fill(name: str, value: Any) -> Mend:
    """Mend that declares the fill value of a time variable."""

    def mend(dataset: "xarray.Dataset") -> "xarray.Dataset":
        dataset.variables[name].attrs["_FillValue"] = value
        return dataset

    return mend


def _implausible_years(variable: VariableHeader, years: tuple[int, int]) -> Iterator[Fault]:
    low, high = _YEARS_BELIEVED
    if years[0] < low or years[1] > high:
        message = f"Times of {variable.name!r} are in the years {years[0]} to {years[1]}, need {low} to {high}."
        yield fault("warning", "time-implausible", variable.name, f"{message} Check the values and the units.")


def _order(variable: VariableHeader, physical: NDArray[np.float64]) -> Iterator[Fault]:
    """Missing, repeated and unsorted values of a time axis."""
    missing = int(np.isnan(physical).sum())
    if missing:
        message = (
            f"{missing} of {physical.size} values of the time axis {variable.name!r} are missing. Drop these steps."
        )
        yield fault("warning", "time-missing", variable.name, message)
    known = physical[~np.isnan(physical)]
    repeated = known.size - np.unique(known).size
    if repeated:
        message = f"{repeated} of {known.size} times of {variable.name!r} occur more than once. Keep one step of each."
        yield fault("warning", "time-duplicates", variable.name, message)
    backward = int((np.diff(known) < 0).sum())
    if backward:
        message = f"The time axis {variable.name!r} goes back {backward} times. Sort the dataset by it."
        yield fault("warning", "time-unsorted", variable.name, message)


# --- months and years --------------------------------------------------------------------------------------------


def seconds_from_months(values: NDArray[np.float64], origin: str, months: int) -> NDArray[np.int64] | None:
    """
    Seconds since 1970-01-01 of a number of calendar months or years since an origin.

    The rule, by what climatologies mean: ``n`` months are the first instant of the n-th month after the origin, and
    ``n + 0.5`` months the middle of that month. Anything else has no exact meaning.

    Parameters
    ----------
    values : numpy.ndarray
        Months or years since the origin.
    origin : str
        ``YYYY-MM[-DD]`` with an optional time and zone.
    months : {1, 12}
        Months in one unit; of years only whole numbers are exact.

    Returns
    -------
    numpy.ndarray of int64 or None
        None unless the origin is the first instant of a month (UTC) and all values are whole, or halves of months,
        and the dates are in the Gregorian calendar (from November 1582).

    Examples
    --------
    >>> seconds_from_months(np.array([0.0, 0.5, 1.0]), "1970-01-01", 1) / 86400
    array([ 0. , 15.5, 31. ])
    >>> seconds_from_months(np.array([0.3]), "1970-01-01", 1) is None
    True
    """
    match = _ORIGIN.match(origin)
    if match is None or int(match[3] or 1) != 1 or re.search("[1-9]", match[4] or "") or not 1 <= int(match[2]) <= 12:
        return None
    parts = values * (2 if months == 1 else 1)
    if not np.isfinite(parts).all() or (np.abs(parts) > 1e5).any() or (parts != np.rint(parts)).any():
        return None
    first = np.datetime64(f"{int(match[1]):04d}-{int(match[2]):02d}", "M")
    begin = first + np.floor(values * months).astype(np.int64).astype("timedelta64[M]")
    if values.size and begin.min() < np.datetime64("1582-11", "M"):
        return None
    seconds: NDArray[np.int64] = begin.astype("datetime64[s]").astype(np.int64)
    length = (begin + np.timedelta64(1, "M")).astype("datetime64[s]").astype(np.int64) - seconds
    is_middle = values * months != np.floor(values * months)
    return np.where(is_middle, seconds + length // 2, seconds)


def _bounds_name(variable: VariableHeader) -> str:
    """Name of the bounds of a time variable, in the header's spelling; empty if it has none."""
    name = variable.text("bounds") or variable.text("climatology")
    return f"{variable.group}/{name}" if name and variable.group else name


def _is_bounds_of_months(variable: VariableHeader, header: FileHeader) -> bool:
    """Whether a variable is mended together with the months that it bounds."""
    return any(
        _bounds_name(parent) == variable.name and is_time(parent) and _time_units(parent).months
        for parent in header.variables.values()
        if parent is not variable
    )


def _months_fault(variable: VariableHeader, units: _TimeUnits, header: FileHeader) -> Fault:
    """Fault of months or years as units, which have no fixed length."""
    code = "time-months-since" if units.months == 1 else "time-years-since"
    where = f"{variable.name}:units"
    message = f"Units {units.text!r} of {variable.name!r} have no fixed length. Write days or seconds since a date."
    converted = {variable.name: _seconds(variable, units)}
    bounds = header.variables.get(_bounds_name(variable))
    if bounds is not None:
        converted[bounds.name] = _seconds(bounds, units)
    if any(one is None for one in converted.values()):
        return _numeric_group_fault(code, where, message, list(converted))
    repair = "read as calendar months, n the beginning and n + 0.5 the middle of one, in seconds since 1970-01-01"
    return fault("error", code, where, message, repair=repair, mend=_with_seconds(converted, units))


def _numeric_group_fault(code: str, where: str, message: str, names: list[str]) -> Fault:
    """Fault whose repair leaves a time variable and its bounds as numbers."""

    def mend(dataset: "xarray.Dataset") -> "xarray.Dataset":
        for name in names:
            if "units" in dataset.variables[name].attrs:
                dataset = _without_date(name)(dataset)
        return dataset

    return fault("error", code, where, message, repair=_NUMERIC_REPAIR, mend=mend)


def _seconds(variable: VariableHeader, units: _TimeUnits) -> NDArray[np.int64] | None:
    """Exact seconds of a variable in months or years, None if there are none."""
    values = variable.leading()
    if values is None or values.size < variable.size or units.calendar not in _REAL_CALENDARS:
        return None
    return seconds_from_months(numeric(variable, values), units.origin, units.months)


def _with_seconds(converted: dict[str, NDArray[np.int64] | None], units: _TimeUnits) -> Mend:
    """Mend that replaces values in months by seconds."""

    def mend(dataset: "xarray.Dataset") -> "xarray.Dataset":
        for name, seconds in converted.items():
            dropped = ("units", "_FillValue", "missing_value", "scale_factor", "add_offset")
            attributes = {key: value for key, value in dataset[name].attrs.items() if key not in dropped}
            attributes.update(units="seconds since 1970-01-01", calendar=units.calendar, original_units=units.text)
            dataset = dataset.assign({name: (dataset[name].dims, seconds, attributes)})
        return dataset

    return mend
