"""Boxes on a circle, partial dates, depth ranges; each against a second, plainer way to decide."""

from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oceandata.catalog.extents import (
    boxes_meet,
    depths_meet,
    parse_box,
    parse_depth,
    parse_period,
    periods_meet,
)
from oceandata.errors import RegionError

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
    assert boxes_meet((west, 0, east, 1), (other_west, 0, other_east, 1)) == counted


@given(degrees, degrees, degrees, degrees)
def test_meeting_is_mutual_and_ignores_the_convention(a: int, b: int, c: int, d: int) -> None:
    one, other = (a, -5, b, 5), (c, -5, d, 5)
    assert boxes_meet(one, other) == boxes_meet(other, one)
    if a >= 0 and b >= a:
        assert boxes_meet(one, other) == boxes_meet((a - 360, -5, b - 360, 5), other)


def test_latitudes_must_meet_too() -> None:
    assert boxes_meet((0, 0, 10, 10), (0, 10, 10, 20))
    assert not boxes_meet((0, 0, 10, 10), (0, 10.1, 10, 20))


@pytest.mark.parametrize(
    ("bbox", "words"),
    [
        ((0, 10, 20, -10), "south 10 above north -10"),
        ((0, -95, 20, 0), "latitudes are -95 to 0"),
        ((0, 0, 400, 1), "longitudes are 0 to 400"),
        ((0, 0, 1), "need 4 finite numbers"),
        ((0, 0, float("nan"), 1), "need 4 finite numbers"),
        ("0,0,1,1", "need 4 finite numbers"),
    ],
)
def test_impossible_boxes_are_refused(bbox: object, words: str) -> None:
    with pytest.raises(RegionError, match=words):
        parse_box(bbox)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2009", "2009-01-01T00:00:00", "2009-12-31T23:59:59.999999"),
        ("2008-02", "2008-02-01T00:00:00", "2008-02-29T23:59:59.999999"),
        ("2009-06-15", "2009-06-15T00:00:00", "2009-06-15T23:59:59.999999"),
        ("2009-06-15T12:30Z", "2009-06-15T12:30:00", "2009-06-15T12:30:00"),
        ("2009-06-15T08:00+08:00", "2009-06-15T00:00:00", "2009-06-15T00:00:00"),
        ("2009-06-14T21:30:00.5-02:30", "2009-06-15T00:00:00.500000", "2009-06-15T00:00:00.500000"),
        ("2009/2010-06", "2009-01-01T00:00:00", "2010-06-30T23:59:59.999999"),
    ],
)
def test_a_partial_date_is_the_whole_of_it(text: str, first: str, last: str) -> None:
    assert parse_period(text) == tuple(datetime.fromisoformat(end).replace(tzinfo=UTC) for end in (first, last))


def test_dates_of_several_kinds_mean_the_same() -> None:
    day = parse_period("2009-06-15")
    assert parse_period(date(2009, 6, 15)) == day
    assert parse_period(np.datetime64("2009-06-15")) == day
    assert parse_period((np.datetime64("2009-06-15"), "2009-06-15")) == day
    noon = datetime(2009, 6, 15, 12, tzinfo=UTC)
    assert parse_period(noon) == parse_period("2009-06-15T12:00:00Z") == (noon, noon)
    assert parse_period(np.datetime64("2009-06-15T12:00", "ns")) == (noon, noon)


def test_an_end_can_be_open() -> None:
    before = parse_period("../2010")
    assert before[0].year == 1
    assert before[1].year == 2010
    assert parse_period(("2009", None))[1].year == 9999
    with pytest.raises(RegionError, match="names no date"):
        parse_period("../..")


@pytest.mark.parametrize(
    ("time", "words"),
    [
        ("2010/2009", "begins 2010 after it ends 2009"),
        ("2009-02-30", "not a date of the calendar"),
        ("last year", "not understood"),
        ("2009/2010/2011", "has 3 parts"),
        (20090615, "not understood"),
    ],
)
def test_impossible_periods_are_refused(time: object, words: str) -> None:
    with pytest.raises(RegionError, match=words):
        parse_period(time)


def test_periods_meet_at_their_ends_and_without_a_zone() -> None:
    naive = (datetime(2009, 1, 1), datetime(2009, 2, 1))
    assert periods_meet(naive, parse_period("2009-02-01"))
    assert not periods_meet(naive, parse_period("2009-02-02"))


def test_depths() -> None:
    assert parse_depth(5) == (5, 5)
    assert depths_meet((0, 10), parse_depth(10))
    assert not depths_meet((0, 10), parse_depth((10.5, 20)))
    with pytest.raises(RegionError, match="top 700 m below its bottom 0 m"):
        parse_depth((700, 0))
    with pytest.raises(RegionError, match="need 2 finite numbers"):
        parse_depth((1, 2, 3))
