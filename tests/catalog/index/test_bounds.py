"""Numbers of extents: places to a millionth of a degree, the date line, what is unknown."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oceandata.catalog.index.bounds import COLUMNS, conditions, extent_bounds, meets, sql_of, tree_boxes, tree_queries
from oceandata.entities import Extent

_LOW, _HIGH = 2**31 - 1, -(2**31)


def _meets(extent: Extent, **asked: object) -> bool:
    """Whether one extent meets a question, compared as blocks are."""
    question = {"bbox": None, "period": None, "depth_m": None} | asked
    columns = {}
    for name, bound in zip(COLUMNS, extent_bounds(extent), strict=True):
        unknown = _HIGH if name.startswith(("east", "north", "ending", "bottom")) else _LOW
        columns[name] = np.array([unknown if bound is None else bound], dtype=np.int32)
    return bool(meets(conditions(**question), columns)[0])  # type: ignore[arg-type]


def _boxes_meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return _meets(Extent(bbox=one), bbox=other)


degrees = st.integers(-180, 360)


def _meridians(west: int, east: int) -> set[int]:
    """Every whole meridian from west to east, 0 to 359."""
    length = 360 if east - west >= 360 else (east - west) % 360
    return {(west + step) % 360 for step in range(length + 1)}


@given(degrees, degrees, degrees, degrees)
@example(190, 240, -170, -120)
@example(170, -170, -160, 160)
@example(0, 360, -180, -180)
@example(-180, 180, 0, 0)
def test_longitudes_meet_as_counted_by_meridian(west: int, east: int, other_west: int, other_east: int) -> None:
    counted = bool(_meridians(west, east) & _meridians(other_west, other_east))
    assert _boxes_meet((west, 0, east, 1), (other_west, 0, other_east, 1)) == counted


@given(degrees, degrees, degrees, degrees)
def test_meeting_is_mutual_and_ignores_the_convention(a: int, b: int, c: int, d: int) -> None:
    one, other = (a, -5, b, 5), (c, -5, d, 5)
    assert _boxes_meet(one, other) == _boxes_meet(other, one)
    if 180 <= a <= b:
        assert _boxes_meet(one, other) == _boxes_meet((a - 360, -5, b - 360, 5), other)


@pytest.mark.parametrize(
    ("box", "asked", "met"),
    [
        ((170, 0, -170, 1), (180, 0, 180, 1), True),
        ((170, 0, 180, 1), (-180, 0, -175, 1), True),
        ((-180, 0, -175, 1), (170, 0, 180, 1), True),
        ((170, 0, 179.9, 1), (-180, 0, -175, 1), False),
        ((350, 0, 10, 1), (-5, 0, -1, 1), True),
        ((0, 0, 360, 1), (123, 0, 124, 1), True),
        ((200, 0, 210, 1), (-160, 0, -159, 1), True),
        ((200, 0, 210, 1), (-165, 0, -160.1, 1), False),
        ((10, 0, 20, 1), (20, 1, 30, 2), True),
        ((10, 0, 20, 1), (20.000002, 1, 30, 2), False),
        ((10, 0, 20, 1), (20, 1.000002, 30, 2), False),
        ((10, 0, 10, 0), (-350 + 360, 0, 10, 0), True),
    ],
)
def test_boxes(box: tuple[float, ...], asked: tuple[float, ...], met: bool) -> None:
    assert _meets(Extent(bbox=box), bbox=asked) == met
    assert _meets(Extent(bbox=asked), bbox=box) == met


def test_what_is_unknown_meets_nothing() -> None:
    always = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC))
    for asked in ({"bbox": (-180, -90, 180, 90)}, {"period": always}, {"depth_m": (-1e300, 1e300)}):
        assert not _meets(Extent(), **asked)
    assert _meets(Extent(depth_m=(1e200, 1e300)), depth_m=(1e250, 1e300))
    assert _meets(Extent(time=always), period=always)


def test_times_are_compared_to_the_minute_and_depths_to_the_centimetre() -> None:
    one = Extent(time=(datetime(2000, 1, 1), datetime(2000, 1, 2)), depth_m=(0, 1))
    assert _meets(one, period=(datetime(2000, 1, 2, 0, 0, 30), datetime(2001, 1, 1)))
    assert not _meets(one, period=(datetime(2000, 1, 2, 0, 1), datetime(2001, 1, 1)))
    assert _meets(one, depth_m=(1.004, 2))
    assert not _meets(one, depth_m=(1.01, 2))


def test_the_tree_and_sql_ask_the_same() -> None:
    """An R*Tree keeps what it does not know where nothing is asked for, and boxes that cross the date line twice."""
    assert tree_boxes(extent_bounds(Extent())) == []
    crossing, *rest = tree_boxes(extent_bounds(Extent(bbox=(170, 0, -170, 1)))), ()
    assert len(crossing) == 2
    assert not any(rest)
    for low, high in zip(crossing[0][::2], crossing[0][1::2], strict=True):
        assert -(2**31) <= low < high <= 2**31 - 1
    (point,) = tree_boxes(extent_bounds(Extent(bbox=(5, 5, 5, 5), depth_m=(0, 0))))
    assert all(low < high for low, high in zip(point[::2], point[1::2], strict=True))
    asked = conditions((170, 0, 180, 1), None, (0, 1))
    assert len(tree_queries(asked)) == 2
    assert sql_of(asked).count("entry.west_2") == 2
    assert tree_queries(conditions(None, None, (0, 1))) == ["top <= 200 AND bottom >= 0"]
