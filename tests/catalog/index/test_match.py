"""Questions in the language of the text index: whatever is asked, it is an expression that SQLite understands."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oceandata.catalog.index.match import plan_search
from oceandata.catalog.index.tables import create_tables
from oceandata.catalog.search import question
from oceandata.errors import InputError


@pytest.fixture(scope="module")
def tables() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    create_tables(connection)
    return connection


@given(text=st.text(max_size=20), keyword=st.text(max_size=20))
def test_any_text_is_asked_without_an_error(tables: sqlite3.Connection, text: str, keyword: str) -> None:
    """Quotes, operators of FTS5, signs of every plane: they are words or nothing."""
    try:
        plan = plan_search((question(text=text, keyword=keyword or None, variable=keyword or None),))
    except InputError:
        return
    for rank in plan.ranks:
        if rank:
            assert tables.execute("SELECT rowid FROM words WHERE words MATCH ?", (rank,)).fetchall() == []


@pytest.mark.parametrize("text", ['" OR "', "a NOT b", "title: x", "NEAR(a b)", "a*", "^a", "{a} : b", "'; DROP TABLE"])
def test_operators_are_words(tables: sqlite3.Connection, text: str) -> None:
    plan = plan_search((question(text=text),))
    assert tables.execute("SELECT rowid FROM words WHERE words MATCH ?", (plan.match,)).fetchall() == []


def test_a_long_run_is_asked_too(tables: sqlite3.Connection) -> None:
    plan = plan_search((question(text="渤海水温盐度" * 50 + " " + "海" * 200),))
    assert tables.execute("SELECT rowid FROM words WHERE words MATCH ?", (plan.match,)).fetchall() == []


def test_nothing_asked_is_nothing() -> None:
    plan = plan_search((question(),))
    assert (plan.match, plan.ranks, plan.asked) == ("", ("",), ())
    both = plan_search((question(text="sea"), question(time="2009")))
    assert both.ranks == (both.match,)
    assert len(both.asked) == 1
    assert len(plan_search((question(time="2009"), question(text="东海水温"))).ranks) == 3
