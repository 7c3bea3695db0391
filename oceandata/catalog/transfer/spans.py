"""
Where, when and how deep, as people write it into cells in English and Chinese.

What can be read in two ways is an error that says how to write it.
"""

import re
from datetime import date, datetime, timedelta

from oceandata.catalog.extents import parse_period
from oceandata.catalog.transfer.cells import NUMBER, Cell, parse_number, plain
from oceandata.errors import InputError, RegionError

__all__ = [
    "parse_box_text",
    "parse_degrees",
    "parse_depth_text",
    "parse_moment",
    "parse_period_text",
    "parse_resolution",
]

_DATE = re.compile(
    r"(?P<year>\d{4})(?:\s*[-/.年]\s*(?P<month>\d{1,2})(?:\s*[-/.月]\s*(?P<day>\d{1,2})\s*[日号]?|\s*月)?|\s*年)?"
    r"(?:[T\s]*(?P<hour>\d{1,2})(?:\s*[:时点]\s*(?P<minute>\d{1,2})?\s*分?(?:\s*:?\s*(?P<second>\d{1,2})"
    r"(?P<fraction>\.\d+)?\s*秒?)?)\s*(?P<zone>Z|UTC|GMT|北京时间?|[+-]\d{2}:?\d{2})?)?",
    re.IGNORECASE,
)
_COMPACT = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})?")

#: Serial days of spreadsheets that are taken as dates: May 1927 to January 2119.
_SERIALS = (10_000, 80_000)

_MARKS = {"东经": "E", "西经": "W", "北纬": "N", "南纬": "S", "E": "E", "W": "W", "N": "N", "S": "S"}
_ANGLE = (
    r"(?P<{0}sign>(?<![\d°度分秒'\"EWNSewns])[+-])?\s*(?P<{0}degrees>\d+(?:\.\d+)?)\s*[°度]?"
    r"(?:(?<=[°度])\s*(?P<{0}minutes>\d+(?:\.\d+)?)\s*['分](?:\s*(?P<{0}seconds>\d+(?:\.\d+)?)\s*(?:''|\"|秒))?)?"
)
_COORDINATE = re.compile(
    rf"(?P<before>东经|西经|北纬|南纬|[EWNS])\s*{_ANGLE.format('a')}|{_ANGLE.format('b')}\s*(?P<after>[EWNS])?",
    re.IGNORECASE,
)
_STEPS = {"年": "P{}Y", "月": "P{}M", "日": "P{}D", "天": "P{}D", "小时": "PT{}H", "时": "PT{}H", "分钟": "PT{}M"}
_STEPS |= {"year": "P{}Y", "month": "P{}M", "day": "P{}D", "hour": "PT{}H", "h": "PT{}H", "min": "PT{}M"}
_STEPS |= {"minute": "PT{}M", "d": "P{}D", "周": "P7D", "week": "P7D"}
_RATES = {"yearly": "P1Y", "annual": "P1Y", "monthly": "P1M", "weekly": "P7D", "daily": "P1D", "hourly": "PT1H"}


def _angle(found: re.Match[str], mark: str) -> float:
    """Degrees of a coordinate; west and south are negative."""
    part = "a" if found["adegrees"] else "b"
    minutes, seconds = float(found[f"{part}minutes"] or 0), float(found[f"{part}seconds"] or 0)
    if minutes >= 60 or seconds >= 60:
        msg = f"{found[0].strip()!r:.60} has 60 minutes or seconds or more. Check the coordinate."
        raise InputError(msg)
    value = float(found[f"{part}degrees"]) + minutes / 60 + seconds / 3600
    if found[f"{part}sign"] == "-" and mark:
        msg = f"{found[0].strip()!r:.60} has a sign and a hemisphere, need one of them."
        raise InputError(msg)
    return -value if found[f"{part}sign"] == "-" or mark in ("W", "S") else value


def parse_degrees(cell: Cell, *, marks: str) -> float:
    """
    Longitude or latitude in a cell.

    Parameters
    ----------
    cell : str, int, float, bool, date or None
        ``-120.5``, ``"120°30′W"``, ``"东经120度18分"``, ``"E120"``.
    marks : str
        Letters it may bear: ``"EW"`` for a longitude, ``"NS"`` for a latitude.

    Returns
    -------
    float
        Degrees, positive to the east and north.

    Raises
    ------
    InputError
        If it is no coordinate of this kind.

    Examples
    --------
    >>> parse_degrees("西经120度30分", marks="EW"), parse_degrees("４１°Ｎ", marks="NS")
    (-120.5, 41.0)
    """
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return parse_number(cell)
    text = plain(cell)
    found = _COORDINATE.fullmatch(text)
    mark = _MARKS[(found["before"] or found["after"]).upper()] if found and (found["before"] or found["after"]) else ""
    if found is None or (mark and mark not in marks):
        what = (
            "longitude, such as 120.5, 120°30′E or 东经120度30分"
            if "E" in marks
            else "latitude, such as 41.5 or 41°30′N"
        )
        msg = f"{text!r:.60} is no {what}."
        raise InputError(msg)
    return _angle(found, mark)


def _marked(text: str) -> list[tuple[float, str]]:
    """Coordinates of a text with their hemispheres; one of two may bear the letter for both."""
    found = list(_COORDINATE.finditer(text))
    before = [_MARKS[match["before"].upper()] if match["before"] else "" for match in found]
    after = [_MARKS[match["after"].upper()] if match["after"] else "" for match in found]
    marked = []
    for i, match in enumerate(found):
        mark = before[i] or after[i]
        if not mark and i + 1 < len(found):
            mark = after[i + 1]
        if not mark and i:
            mark = before[i - 1]
        marked.append((_angle(match, mark), mark))
    return marked


def parse_box_text(cell: Cell) -> tuple[float, float, float, float]:
    """
    Box in one cell.

    Parameters
    ----------
    cell : str, int, float, bool, date or None
        ``"117°E-123°E, 37°N-41°N"``, ``"东经117度至123度，北纬37度至41度"``, or west, south, east, north as four
        numbers with commas or blanks between.

    Returns
    -------
    tuple of float
        West, south, east, north in degrees.

    Raises
    ------
    InputError
        If it is no box, or could be two.

    Examples
    --------
    >>> parse_box_text("117～123°E，37～41°N")
    (117.0, 37.0, 123.0, 41.0)
    """
    text = plain(cell)
    advice = "Write it as 117°E-123°E, 37°N-41°N, or as west, south, east, north."
    parts = [part for part in re.split(r"[\s,;、\[\]()]+", text) if part]
    if len(parts) == 4 and all(NUMBER.fullmatch(part) and any(map(str.isdigit, part)) for part in parts):
        west, south, east, north = map(float, parts)
        return west, south, east, north
    marked = _marked(text)
    longitudes = [value for value, mark in marked if mark in ("E", "W")]
    latitudes = sorted(value for value, mark in marked if mark in ("N", "S"))
    rest = re.sub(r"[\s,;、~至到:()\[\]-]|经度|纬度|longitude|latitude|lon|lat|to", "", _COORDINATE.sub("", text))
    if len(longitudes) != 2 or len(latitudes) != 2 or len(marked) != 4 or rest:
        msg = f"{text!r:.80} is no box. {advice}"
        raise InputError(msg)
    return longitudes[0], latitudes[0], longitudes[1], latitudes[1]


def _range_parts(text: str) -> list[str]:
    """Two ends of a range of numbers."""
    found = re.fullmatch(
        r"\s*([+-]?[\d.,]+\s*(?:m|米)?)\s*(?:-|~|至|到|to|/|,|;)+\s*([+-]?[\d.,]+\s*(?:m|米)?)\s*", text
    )
    return [found[1], found[2]] if found else [text]


def parse_depth_text(cell: Cell) -> tuple[float, float]:
    """
    Depth range in one cell.

    Parameters
    ----------
    cell : str, int, float, bool, date or None
        ``"0-700 m"``, ``"0～2000米"``, or one depth; m, positive down.

    Returns
    -------
    tuple of float
        Top and bottom in m.

    Raises
    ------
    InputError
        If it is no depth range.
    """
    parts = [parse_number(part, unit="m|米") for part in _range_parts(plain(cell))]
    return parts[0], parts[-1]


def _serial_date(number: float) -> str:
    """Date of a spreadsheet's serial day, since 1899-12-30."""
    moment = datetime(1899, 12, 30) + timedelta(days=number)
    moment = (moment + timedelta(microseconds=500_000)).replace(microsecond=0)
    return moment.date().isoformat() if moment.hour == moment.minute == moment.second == 0 else f"{moment.isoformat()}Z"


def _iso(cell: Cell) -> str:
    """Date of a cell in ISO 8601, as partial as it was written."""
    if isinstance(cell, datetime):
        midnight = (cell.hour, cell.minute, cell.second, cell.microsecond) == (0, 0, 0, 0)
        return cell.date().isoformat() if midnight and cell.tzinfo is None else cell.isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    text = plain(cell)
    if re.fullmatch(r"\d{5}(\.\d+)?", text, re.ASCII) and _SERIALS[0] <= float(text) <= _SERIALS[1]:
        return _serial_date(float(text))
    found = _COMPACT.fullmatch(text) or _DATE.fullmatch(text)
    if found is None:
        msg = f"{text!r:.60} is no date. Write 2009-01-05, 2009-01, 2009年1月5日 or 2009-01-05T12:00Z."
        raise InputError(msg)
    parts = found.groupdict()
    iso = "-".join(parts[unit].zfill(2) for unit in ("year", "month", "day") if parts.get(unit))
    if not parts.get("hour"):
        return iso
    zone = (parts["zone"] or "Z").upper()
    zone = "+08:00" if "北京" in zone else "Z" if zone in ("UTC", "GMT") else zone
    minute, second = (parts["minute"] or "00").zfill(2), (parts["second"] or "00").zfill(2)
    return f"{iso}T{parts['hour'].zfill(2)}:{minute}:{second}{parts['fraction'] or ''}{zone}"


def parse_moment(cell: Cell, *, last: bool = False) -> str:
    """
    Instant in a cell.

    Parameters
    ----------
    cell : str, int, float, bool, date or None
        ``"2009年1月"``, ``"2009/1/5"``, ``"20090105"``, a date, a serial day of a spreadsheet (``39814``), or an
        instant; without a zone it is UTC.
    last : bool
        Take the last second of a year, month or day instead of the first.

    Returns
    -------
    str
        ISO 8601 in UTC, ending in ``Z``.

    Raises
    ------
    InputError
        If it is no date.

    Examples
    --------
    >>> parse_moment("２００９年１月"), parse_moment("2009/2", last=True), parse_moment(39814)
    ('2009-01-01T00:00:00Z', '2009-02-28T23:59:59Z', '2009-01-01T00:00:00Z')
    """
    iso = _iso(cell)
    try:
        moment = parse_period((iso, iso))[1 if last else 0]
    except RegionError as error:
        msg = f"{plain(cell)!r:.60} is no date of the calendar. Correct it."
        raise InputError(msg) from error
    if "T" not in iso:
        moment = moment.replace(microsecond=0)
    return moment.isoformat().replace("+00:00", "Z")


def _period_ends(text: str) -> list[tuple[str, str]]:
    """Ways to part a text into two dates; strong separators first."""
    for separator in ("至", "到", "~", " to ", "--", " - ", " / "):
        if separator in text:
            first, _, last = text.partition(separator)
            return [(first.strip(), last.strip())]
    ways = []
    for found in re.finditer(r"[-/]", text):
        ends = text[: found.start()].strip(), text[found.end() :].strip()
        if all(_DATE.fullmatch(end) or _COMPACT.fullmatch(end) for end in ends):
            ways.append(ends)
    return ways


def parse_period_text(cell: Cell) -> tuple[str, str]:
    """
    Period in one cell.

    Parameters
    ----------
    cell : str, int, float, bool, date or None
        ``"2009年1月至2010年12月"``, ``"2009/1/5-2010/3/4"``, ``"2009-01/2010-12"``, ``"2009-2010"``, or one date,
        which is the whole of it.

    Returns
    -------
    tuple of str
        First and last instant, ISO 8601 in UTC.

    Raises
    ------
    InputError
        If it is no period, has an open end, or could be two.

    Examples
    --------
    >>> parse_period_text("2009年－2010年6月")
    ('2009-01-01T00:00:00Z', '2010-06-30T23:59:59Z')
    """
    text = plain(cell)
    if re.search(r"今|present|now|\.\.", text, re.IGNORECASE):
        msg = f"{text!r:.60} has an open end. Write the last date there is data for."
        raise InputError(msg)
    if not isinstance(cell, date) and not _DATE.fullmatch(text):
        ways = _period_ends(text)
        if len(ways) == 1:
            return parse_moment(ways[0][0]), parse_moment(ways[0][1], last=True)
        if ways:
            msg = f"{text!r:.60} can be read in {len(ways)} ways. Write it as 2009-01-05/2010-03-04."
            raise InputError(msg)
    return parse_moment(cell), parse_moment(cell, last=True)


def parse_resolution(cell: Cell) -> str:
    """
    Step between times in a cell, as an ISO 8601 duration where it is one.

    Parameters
    ----------
    cell : str, int, float, bool, date or None
        ``"P1M"``, ``"逐月"``, ``"3小时"``, ``"daily"``.

    Returns
    -------
    str
        The duration; any other text as it is.

    Examples
    --------
    >>> parse_resolution("逐日"), parse_resolution("6 小时"), parse_resolution("monthly")
    ('P1D', 'PT6H', 'P1M')
    """
    text = plain(cell)
    if text.casefold() in _RATES:
        return _RATES[text.casefold()]
    found = re.fullmatch(r"(?:逐|每)?\s*(\d*)\s*(?:个)?\s*(\D+?)(?:均|平均)?s?", text.casefold())
    if found and found[2] in _STEPS and ("{}" in _STEPS[found[2]] or found[1] in ("", "1")):
        return _STEPS[found[2]].format(found[1] or 1)
    return str(cell).strip()
