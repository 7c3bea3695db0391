"""
Place, period and depth as whole numbers, and the comparisons that a question makes of them.

Degrees are kept to a millionth (a tenth of a metre), instants to the minute, depths to the centimetre: fine enough to
search by, and exact in every comparison. Boxes are cut at the date line, so that a comparison is one of numbers.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from oceandata.catalog.extents import Box, DepthRange, Period, utc
from oceandata.entities import Extent

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "COLUMNS",
    "Conditions",
    "conditions",
    "extent_bounds",
    "meets",
    "sql_of",
    "tree_boxes",
    "tree_queries",
    "unpacked",
]

#: Limits of an entry, in order: longitude of both pieces of its box, latitude, minutes since 1970, centimetres.
COLUMNS = ("west", "east", "west_2", "east_2", "south", "north", "begin", "ending", "top", "bottom")

#: All of them must hold; of each any one alternative, of which every comparison (column, sign, number).
Conditions = tuple[tuple[tuple[tuple[str, str, int], ...], ...], ...]

_HALF_TURN, _TURN = 180_000_000, 360_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
#: Largest number of minutes and centimetres: twice as much still is a number of 32 bits, and less than `_UNKNOWN`.
_MOST = 2**30 - 2
#: Where an R*Tree keeps what is not known: beyond whatever is asked for.
_UNKNOWN = (2**31 - 2, 2**31 - 1)


def _clamped(number: int) -> int:
    """Number within what is kept."""
    return max(-_MOST, min(_MOST, number))


def _minutes(moment: datetime) -> int:
    """Whole minutes since 1970."""
    return _clamped((utc(moment) - _EPOCH) // _MINUTE)


def _centimetres(depth_m: float) -> int:
    return _clamped(round(max(-1e9, min(1e9, depth_m)) * 100))


def _millionths(degrees: float) -> int:
    return round(degrees * 1_000_000)


def _longitudes(west: float, east: float) -> list[tuple[int, int]]:
    """Pieces of a range of longitudes between -180 and 180 degrees."""
    first, last = _millionths(west), _millionths(east)
    width = _TURN if last - first >= _TURN else (last - first) % _TURN
    if width == _TURN:
        return [(-_HALF_TURN, _HALF_TURN)]
    first = (first + _HALF_TURN) % _TURN - _HALF_TURN
    if first + width <= _HALF_TURN:
        return [(first, first + width)]
    return [(first, _HALF_TURN), (-_HALF_TURN, first + width - _TURN)]


def _asked_longitudes(west: float, east: float) -> list[tuple[int, int]]:
    """The same, and the date line's other side where a piece touches it."""
    pieces = _longitudes(west, east)
    if len(pieces) == 1 and pieces[0] != (-_HALF_TURN, _HALF_TURN):
        first, last = pieces[0]
        if first == -_HALF_TURN:
            pieces.append((_HALF_TURN, _HALF_TURN))
        if last == _HALF_TURN:
            pieces.append((-_HALF_TURN, -_HALF_TURN))
    return pieces


def extent_bounds(extent: Extent) -> tuple[int | None, ...]:
    """
    Limits of an extent.

    Parameters
    ----------
    extent : Extent
        Where, when and how deep.

    Returns
    -------
    tuple of int or None
        One number for each of `COLUMNS`; None for what is unknown, and for the second piece of a box that is whole.

    Examples
    --------
    >>> extent_bounds(Extent(bbox=(170, -5, -170, 5), depth_m=(0, 10)))[:6]
    (170000000, 180000000, -180000000, -170000000, -5000000, 5000000)
    """
    sides: list[int | None] = [None] * 6
    if extent.bbox is not None:
        west, south, east, north = extent.bbox
        pieces = [side for piece in _longitudes(west, east) for side in piece]
        sides = [*pieces, *(None,) * (4 - len(pieces)), _millionths(south), _millionths(north)]
    period = tuple(map(_minutes, extent.time)) if extent.time is not None else (None, None)
    depth = tuple(map(_centimetres, extent.depth_m)) if extent.depth_m is not None else (None, None)
    return (*sides, *period, *depth)


def conditions(bbox: Box | None, period: Period | None, depth_m: DepthRange | None) -> Conditions:
    """
    Comparisons that find what meets a box, a period and a range of depths.

    Parameters
    ----------
    bbox : tuple of float or None
        West, south, east, north in degrees.
    period : tuple of datetime or None
        First and last instant.
    depth_m : tuple of float or None
        Top and bottom in m.

    Returns
    -------
    Conditions
        Empty if nothing is asked. What is not known meets no comparison.
    """
    found: list[tuple[tuple[tuple[str, str, int], ...], ...]] = []
    if bbox is not None:
        west, south, east, north = bbox
        found.append(((("south", "<=", _millionths(north)), ("north", ">=", _millionths(south))),))
        found.append(
            tuple(
                ((f"west{piece}", "<=", last), (f"east{piece}", ">=", first))
                for first, last in _asked_longitudes(west, east)
                for piece in ("", "_2")
            )
        )
    if period is not None:
        found.append(((("begin", "<=", _minutes(period[1])), ("ending", ">=", _minutes(period[0]))),))
    if depth_m is not None:
        found.append(((("top", "<=", _centimetres(depth_m[1])), ("bottom", ">=", _centimetres(depth_m[0]))),))
    return tuple(found)


def sql_of(asked: Conditions) -> str:
    """
    Conditions in SQL, on the table ``entry``.

    Parameters
    ----------
    asked : Conditions
        From `conditions`, not empty.

    Returns
    -------
    str
        An expression; it holds nothing but names of columns and numbers.
    """
    return " AND ".join(
        "("
        + " OR ".join(" AND ".join(f"entry.{name} {sign} {number}" for name, sign, number in one) for one in any_of)
        + ")"
        for any_of in asked
    )


def meets(
    asked: Conditions, columns: "Mapping[str, np.ndarray[tuple[int], np.dtype[np.int32]]]"
) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """
    Conditions on whole columns.

    Parameters
    ----------
    asked : Conditions
        From `conditions`, not empty.
    columns : mapping of str to numpy.ndarray
        Columns by name, in which what is unknown has its low end above its high end.

    Returns
    -------
    numpy.ndarray of bool
        True where all are met.
    """
    import numpy as np

    held: Any = None
    for any_of in asked:
        here: Any = None
        for one in any_of:
            both: Any = None
            for name, sign, number in one:
                met = columns[name] <= number if sign == "<=" else columns[name] >= number
                both = met if both is None else both & met
            here = both if here is None else here | both
        held = here if held is None else held & here
    return np.asarray(held)


def unpacked(content: bytes) -> "dict[str, np.ndarray[tuple[int], np.dtype[np.int32]]]":
    """
    Columns that stand one after the other.

    Parameters
    ----------
    content : bytes
        Numbers of 32 bits, as many of each of `COLUMNS`.

    Returns
    -------
    dict of str to numpy.ndarray
        By name; nothing is copied.
    """
    import numpy as np

    table = np.frombuffer(content, dtype=np.int32).reshape(len(COLUMNS), -1)
    return dict(zip(COLUMNS, table, strict=True))


def tree_boxes(bounds: Sequence[int | None]) -> list[tuple[int, ...]]:
    """
    What an R*Tree keeps of an entry.

    Every number is doubled, the high ends plus one: no side has the length zero, by which the tree could not tell
    small from large.

    Parameters
    ----------
    bounds : sequence of int or None
        From `extent_bounds`.

    Returns
    -------
    list of tuple of int
        Low and high of longitude, latitude, time and depth: one box, two if it crosses the date line, none if
        nothing is known.
    """
    west, east, west_2, east_2, south, north, begin, ending, top, bottom = bounds
    if west is None and begin is None and top is None:
        return []
    rest = [*_sides(south, north), *_sides(begin, ending), *_sides(top, bottom)]
    pieces = [(west, east)] if west_2 is None else [(west, east), (west_2, east_2)]
    return [(*_sides(*piece), *rest) for piece in pieces]


def _sides(low: int | None, high: int | None) -> tuple[int, int]:
    """Doubled ends, or the place of what is unknown."""
    return _UNKNOWN if low is None or high is None else (2 * low, 2 * high + 1)


def tree_queries(asked: Conditions) -> list[str]:
    """
    Constraints on an R*Tree, each for one SELECT; what any of them finds meets the conditions.

    Parameters
    ----------
    asked : Conditions
        From `conditions`, not empty.

    Returns
    -------
    list of str
        Expressions on ``west``, ``east``, ``south`` ….
    """
    shared: list[str] = []
    pieces: list[str] = []
    for any_of in asked:
        alternatives = [
            " AND ".join(f"{name} {sign} {2 * number}" for name, sign, number in one)
            for one in any_of
            if not one[0][0].endswith("_2")
        ]
        if any_of[0][0][0] == "west":
            pieces = alternatives
        else:
            shared += alternatives
    return [" AND ".join([*shared, piece]) for piece in pieces] or [" AND ".join(shared)]
