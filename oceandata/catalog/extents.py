"""Boxes, periods and depth ranges as people write them."""

import calendar
import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from oceandata.errors import RegionError

__all__ = [
    "Box",
    "DepthRange",
    "Period",
    "parse_box",
    "parse_depth",
    "parse_period",
    "utc",
]

#: West, south, east, north in degrees; west above east crosses the date line.
Box = tuple[float, float, float, float]

#: First and last instant, UTC, both included.
Period = tuple[datetime, datetime]

#: Top and bottom in m, positive down.
DepthRange = tuple[float, float]

_EVER = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
_INSTANT = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d{1,2})(-(?P<day>\d{1,2})"
    r"([T ](?P<hour>\d{2}):(?P<minute>\d{2})(:(?P<second>\d{2})(\.(?P<fraction>\d+))?)?"
    r"\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?)?)?)?",
    re.IGNORECASE,
)


def _numbers(values: object, count: int, what: str) -> list[float]:
    """The values as finite numbers."""
    try:
        numbers = [float(value) for value in values]  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        numbers = []
    if isinstance(values, str) or len(numbers) != count or not all(map(math.isfinite, numbers)):
        msg = f"{what}: got {values!r:.80}, need {count} finite numbers."
        raise RegionError(msg)
    return numbers


def parse_box(bbox: Sequence[float]) -> Box:
    """
    Box from four numbers.

    Parameters
    ----------
    bbox : sequence of float
        West, south, east, north in degrees, longitudes as -180 to 180 or 0 to 360. West above east means that the box
        crosses the date line (or the Greenwich meridian, with 0 to 360).

    Returns
    -------
    tuple of float
        The same four numbers.

    Raises
    ------
    RegionError
        If there are not four numbers, south lies above north or a number is no longitude or latitude.

    Examples
    --------
    >>> parse_box([150, -10, -150, 10])
    (150.0, -10.0, -150.0, 10.0)
    """
    west, south, east, north = _numbers(bbox, 4, "bbox is west, south, east, north in degrees")
    if south > north:
        msg = f"bbox has south {south:g} above north {north:g}, need west, south, east, north. Swap the two."
        raise RegionError(msg)
    if south < -90 or north > 90:
        msg = f"bbox latitudes are {south:g} to {north:g}, need -90 to 90. The order is west, south, east, north."
        raise RegionError(msg)
    if not (-180 <= west <= 360 and -180 <= east <= 360):
        msg = f"bbox longitudes are {west:g} to {east:g}, need -180 to 360. The order is west, south, east, north."
        raise RegionError(msg)
    return west, south, east, north


def utc(moment: datetime) -> datetime:
    """
    Same instant in UTC.

    Parameters
    ----------
    moment : datetime
        An instant; without a zone it is taken as UTC.

    Returns
    -------
    datetime
        With the zone UTC.
    """
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _span(text: str, given: object) -> Period:
    """First and last instant of a date that may be partial."""
    found = _INSTANT.fullmatch(text.strip())
    if found is None:
        msg = (
            f"time {given!r:.80} is not understood: got {text!r:.40}, need a year, month, day or instant "
            "('2009', '2009-06', '2009-06-15', '2009-06-15T12:00Z'), or two of them with '/' between."
        )
        raise RegionError(msg)
    parts = found.groupdict()
    year, month, day = int(parts["year"]), int(parts["month"] or 1), int(parts["day"] or 1)
    try:
        hour, minute, second = (int(parts[unit] or 0) for unit in ("hour", "minute", "second"))
        first = datetime(year, month, day, hour, minute, second)
    except ValueError as error:
        msg = f"time {given!r:.80} is not a date of the calendar: {error}. Correct it."
        raise RegionError(msg) from error
    last = first
    if parts["hour"] is None:
        if parts["month"] is None:
            last = last.replace(month=12, day=31)
        elif parts["day"] is None:
            last = last.replace(day=calendar.monthrange(year, month)[1])
        last = last.replace(hour=23, minute=59, second=59, microsecond=999_999)
        return utc(first), utc(last)
    first = first.replace(microsecond=int((parts["fraction"] or "0")[:6].ljust(6, "0")))
    first = _zoned(first, parts["zone"] or "Z")
    return first, first


def _zoned(moment: datetime, zone: str) -> datetime:
    """Instant in UTC from a local time and its zone."""
    if zone.upper() in ("Z", "UTC"):
        return utc(moment)
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return utc(moment - offset if zone[0] == "+" else moment + offset)


def _end(value: object, given: object) -> Period | None:
    """First and last instant of one end of a period; None if it is open."""
    if value is None or (isinstance(value, str) and value.strip() in ("", "..")):
        return None
    if isinstance(value, datetime):
        return utc(value), utc(value)
    if isinstance(value, date):
        return _span(value.isoformat(), given)
    return _span(str(value), given)


def parse_period(time: object) -> Period:
    """
    Period from what a person writes.

    A date without its smaller parts is the whole of it: ``"2009"`` is all of that year. Times without a zone are UTC.

    Parameters
    ----------
    time : str, date, datetime, numpy.datetime64 or pair of these
        A year, month, day or instant; two of them as ``"2009/2010-06"`` or a pair. An end that is ``".."``, empty or
        None is open.

    Returns
    -------
    tuple of datetime
        First and last instant, UTC, both included.

    Raises
    ------
    RegionError
        If it is no date, or the period ends before it begins.

    Examples
    --------
    >>> [str(moment) for moment in parse_period("2009/2010-06")]
    ['2009-01-01 00:00:00+00:00', '2010-06-30 23:59:59.999999+00:00']
    """
    ends: Sequence[object]
    if isinstance(time, str):
        ends = time.split("/") if "/" in time else (time, time)
    elif isinstance(time, tuple | list):
        ends = time
    else:
        ends = (time, time)
    if len(ends) != 2:
        msg = f"time {time!r:.80} has {len(ends)} parts, need one date or two (begin and end)."
        raise RegionError(msg)
    first, last = _end(ends[0], time), _end(ends[1], time)
    if first is None and last is None:
        msg = f"time {time!r:.80} names no date, need at least one end. Leave time out to search all periods."
        raise RegionError(msg)
    period = (first[0] if first else _EVER[0], last[1] if last else _EVER[1])
    if period[0] > period[1]:
        msg = f"time begins {ends[0]} after it ends {ends[1]}, need the earlier one first. Swap the two."
        raise RegionError(msg)
    return period


def parse_depth(depth: float | Sequence[float]) -> DepthRange:
    """
    Depth range from a depth or two.

    Parameters
    ----------
    depth : float or sequence of float
        One depth, or top and bottom, in m, positive down.

    Returns
    -------
    tuple of float
        Top and bottom, m.

    Raises
    ------
    RegionError
        If there are not one or two numbers, or the top lies below the bottom.

    Examples
    --------
    >>> parse_depth(100), parse_depth((0, 700))
    ((100.0, 100.0), (0.0, 700.0))
    """
    pair = (depth, depth) if isinstance(depth, int | float) else depth
    top, bottom = _numbers(pair, 2, "depth is top and bottom in m, positive down")
    if top > bottom:
        msg = f"depth has its top {top:g} m below its bottom {bottom:g} m, need top, bottom, positive down. Swap them."
        raise RegionError(msg)
    return top, bottom
