"""Boxes, partial dates and depth ranges as people write them."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from oceandata.catalog.extents import parse_box, parse_depth, parse_period
from oceandata.errors import RegionError


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


def test_depths() -> None:
    assert parse_depth(5) == (5, 5)
    assert parse_depth((0, 700)) == (0, 700)
    with pytest.raises(RegionError, match="top 700 m below its bottom 0 m"):
        parse_depth((700, 0))
    with pytest.raises(RegionError, match="need 2 finite numbers"):
        parse_depth((1, 2, 3))
