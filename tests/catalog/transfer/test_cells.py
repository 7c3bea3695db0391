"""Texts, numbers, sizes and lists in cells, and formulas that must not be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oceandata.catalog.transfer.cells import (
    guard_formula,
    is_blank,
    join_inner,
    join_list,
    parse_bytes,
    parse_count,
    parse_number,
    plain,
    split_inner,
    split_list,
    unguard_formula,
)
from oceandata.errors import InputError

WORDS = st.text(alphabet="ab水;；,，、\\\n|'=+-@ ", max_size=8).map(str.strip)


@given(st.lists(WORDS, min_size=1, max_size=5).filter(any))
def test_a_cell_of_several_values_gives_them_again(values: list[str]) -> None:
    assert split_list(join_list(values), count=len(values)) == values


@given(st.lists(WORDS.filter(bool), max_size=5))
def test_a_cell_of_words_gives_them_again(values: list[str]) -> None:
    assert split_list(join_list(values)) == values
    assert split_inner(join_inner(values)) == values


@given(st.text())
def test_the_guard_is_taken_away_again_and_no_formula_is_left(text: str) -> None:
    guarded = guard_formula(text)
    assert unguard_formula(guarded) == text
    if guarded[:1] in ("=", "@", "＝", "＋", "－", "＠", "\t", "\r"):
        pytest.fail(f"{guarded!r} begins a formula")


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@SUM(A1)", "＝1+1", "-"])
def test_formulas_are_guarded(text: str) -> None:
    assert guard_formula(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-12.5", "+5", "-1e-3", "sst", "a=b"])
def test_numbers_and_words_are_not(text: str) -> None:
    assert guard_formula(text) == text


def test_chinese_punctuation_parts_values() -> None:
    assert split_list("水温；盐度") == ["水温", "盐度"]
    assert split_list("水温，盐度、海流\n潮位") == ["水温", "盐度", "海流", "潮位"]
    assert split_list("℃，psu", count=2) == ["℃", "psu"]


def test_a_missing_value_is_told() -> None:
    with pytest.raises(InputError, match="'degC; m' is 2 of 3: write one value for each"):
        split_list("degC; m", count=3)


@pytest.mark.parametrize(
    ("cell", "number"), [("１２０．５", 120.5), ("1,234.5", 1234.5), ("－３", -3.0), (7, 7.0), ("1e3", 1000.0)]
)
def test_numbers(cell: str | int, number: float) -> None:
    assert parse_number(cell) == number


@pytest.mark.parametrize("cell", ["", ".", "1,23", "twelve", "1.2.3", "nan", "inf", True, "1e999", "120°"])
def test_what_is_no_number(cell: str | bool) -> None:
    with pytest.raises(InputError, match="is no number"):
        parse_number(cell)


@pytest.mark.parametrize(
    ("cell", "size"),
    [("12", 12), ("1.5 GB", 1_500_000_000), ("２ＧｉＢ", 2 * 1024**3), ("3 字节", 3), ("1,024", 1024), (5.0, 5)],
)
def test_sizes(cell: str | float, size: int) -> None:
    assert parse_bytes(cell) == size


@pytest.mark.parametrize("cell", ["big", "-3", "1.5.2 GB", "3 parsecs"])
def test_what_is_no_size(cell: str) -> None:
    with pytest.raises(InputError, match="is no size"):
        parse_bytes(cell)


def test_counts() -> None:
    assert parse_count("１２") == 12
    with pytest.raises(InputError, match=r"'1\.5' is no whole number"):
        parse_count("1.5")


def test_what_says_nothing() -> None:
    assert all(map(is_blank, [None, "", "　", "—", "无", "N/A", "/"]))
    assert not any(map(is_blank, ["0", 0, "无 数据", False]))


def test_large_whole_numbers_keep_their_digits() -> None:
    assert plain(20090105.0) == "20090105"
    assert plain(0.1 + 0.2) == "0.30000000000000004"
