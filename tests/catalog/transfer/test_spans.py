"""Places, periods and depths as staff write them; what can be read in two ways is refused."""

from datetime import date, datetime

import pytest

from oceandata.catalog.transfer.spans import (
    parse_box_text,
    parse_degrees,
    parse_depth_text,
    parse_moment,
    parse_period_text,
    parse_resolution,
)
from oceandata.errors import InputError


@pytest.mark.parametrize(
    ("cell", "degrees"),
    [
        ("120°E", 120),
        ("东经120度", 120),
        ("西经１２０度３０分", -120.5),
        ("E120.25", 120.25),
        ("120°18′36″W", -120.31),
        ("-120.5", -120.5),
        ("−120.5", -120.5),
        (200, 200),
        ("120º", 120),
    ],
)
def test_longitudes(cell: str | int, degrees: float) -> None:
    assert parse_degrees(cell, marks="EW") == pytest.approx(degrees, abs=1e-12)


def test_latitudes() -> None:
    assert parse_degrees("南纬5度18分", marks="NS") == pytest.approx(-5.3, abs=1e-12)
    assert parse_degrees("41.5Ｎ", marks="NS") == 41.5


@pytest.mark.parametrize("cell", ["41N", "北纬41度", "渤海", "", "120°E 37°N", "-120°W", "120°75′E"])
def test_what_is_no_longitude(cell: str) -> None:
    with pytest.raises(InputError):
        parse_degrees(cell, marks="EW")


@pytest.mark.parametrize(
    "cell",
    [
        "117°E-123°E, 37°N-41°N",
        "117-123°E，37-41°N",
        "37°N～41°N；117°E～123°E",
        "东经117度至123度，北纬37度至41度",
        "E117-E123 N37-N41",
        "经度：117°E～123°E；纬度：37°N～41°N",
        "117E to 123E, 41N to 37N",
        "117 37 123 41",
        "[117, 37, 123, 41]",
    ],
)
def test_boxes(cell: str) -> None:
    assert parse_box_text(cell) == (117, 37, 123, 41)


def test_a_box_over_the_date_line_keeps_its_west() -> None:
    assert parse_box_text("170°E-170°W, 10°S-10°N") == (170, -10, -170, 10)
    assert parse_box_text("-10, -20, 30, 40") == (-10, -20, 30, 40)


@pytest.mark.parametrize(
    "cell", ["渤海", "100-150, 0-60", "117°E-123°E", "117 37 123", "渤海 117-123E 37-41N", "1-2E, 3-4E"]
)
def test_what_is_no_box(cell: str) -> None:
    with pytest.raises(InputError, match="is no box"):
        parse_box_text(cell)


def test_depths() -> None:
    assert parse_depth_text("0～2000米") == (0, 2000)
    assert parse_depth_text("0-700 m") == (0, 700)
    assert parse_depth_text("-5 - 10") == (-5, 10)
    assert parse_depth_text(5) == (5, 5)
    with pytest.raises(InputError, match="'表层' is no number"):
        parse_depth_text("表层")


@pytest.mark.parametrize(
    ("cell", "first", "last"),
    [
        ("2009年1月", "2009-01-01T00:00:00Z", "2009-01-31T23:59:59Z"),
        ("2009/1/5", "2009-01-05T00:00:00Z", "2009-01-05T23:59:59Z"),
        ("２００９．２", "2009-02-01T00:00:00Z", "2009-02-28T23:59:59Z"),
        ("20090105", "2009-01-05T00:00:00Z", "2009-01-05T23:59:59Z"),
        (200901, "2009-01-01T00:00:00Z", "2009-01-31T23:59:59Z"),
        (2009, "2009-01-01T00:00:00Z", "2009-12-31T23:59:59Z"),
        (39814, "2009-01-01T00:00:00Z", "2009-01-01T23:59:59Z"),
        ("39814.5", "2009-01-01T12:00:00Z", "2009-01-01T12:00:00Z"),
        (datetime(2009, 1, 5), "2009-01-05T00:00:00Z", "2009-01-05T23:59:59Z"),
        (datetime(2009, 1, 5, 6), "2009-01-05T06:00:00Z", "2009-01-05T06:00:00Z"),
        (date(2009, 1, 5), "2009-01-05T00:00:00Z", "2009-01-05T23:59:59Z"),
        ("2009年1月5日 14时", "2009-01-05T14:00:00Z", "2009-01-05T14:00:00Z"),
        ("2009-01-05 08:00 北京时", "2009-01-05T00:00:00Z", "2009-01-05T00:00:00Z"),
        ("2009-01-05T08:00:00+08:00", "2009-01-05T00:00:00Z", "2009-01-05T00:00:00Z"),
        ("2009-01-05T08:00:00.123456Z", "2009-01-05T08:00:00.123456Z", "2009-01-05T08:00:00.123456Z"),
    ],
)
def test_dates(cell: str | int | date, first: str, last: str) -> None:
    assert parse_moment(cell) == first
    assert parse_moment(cell, last=True) == last


@pytest.mark.parametrize(
    "cell", ["1/5/2009", "2009-13", "2009-02-30", "spring 2009", "123", "99999", "2009-01-05T25:00"]
)
def test_what_is_no_date(cell: str) -> None:
    with pytest.raises(InputError, match="is no date"):
        parse_moment(cell)


@pytest.mark.parametrize(
    "cell",
    [
        *("2009年1月至2010年12月", "2009年1月-2010年12月", "2009/1/1-2010/12/31", "2009-01-01-2010-12-31"),
        *("2009-01/2010-12", "2009.01-2010.12", "200901-201012", "20090101—20101231", "2009～2010", "2009-2010"),
        *("2009-01-01T00:00:00Z/2010-12", "2009年 到 2010年"),
    ],
)
def test_periods(cell: str) -> None:
    assert parse_period_text(cell) == ("2009-01-01T00:00:00Z", "2010-12-31T23:59:59Z")


def test_a_single_date_is_the_whole_of_it() -> None:
    assert parse_period_text("2009-10") == ("2009-10-01T00:00:00Z", "2009-10-31T23:59:59Z")


@pytest.mark.parametrize("cell", ["1993年至今", "1993-present", "2009/.."])
def test_an_open_end_is_refused(cell: str) -> None:
    with pytest.raises(InputError, match="has an open end"):
        parse_period_text(cell)


def test_steps() -> None:
    words = ["逐日", "每月", "月平均", "3小时", "8天", "daily", "1 month", "周", "P3M", "irregular"]
    assert [parse_resolution(word) for word in words] == [
        *("P1D", "P1M", "P1M", "PT3H", "P8D", "P1D", "P1M", "P7D", "P3M", "irregular")
    ]
