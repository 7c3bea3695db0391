"""Catalogues over an index: from many threads, in another process, never all at once."""

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oceandata.catalog import Catalog, open_catalog
from oceandata.catalog.index.parts import BulkPart
from oceandata.catalog.index.segment import Segment
from oceandata.entities import Entry
from oceandata.errors import NotFoundError

Make = Callable[..., Entry]


def test_mapping(bulk: Path, make: Make) -> None:
    catalog = open_catalog(bulk)
    assert len(catalog) == 100
    assert list(catalog) == [f"e{number:03d}" for number in range(100)]
    assert catalog["e042"] == make(42)
    assert list(catalog.values()) == [make(number) for number in range(100)]
    assert "e042" in catalog
    assert "e100" not in catalog
    assert 3 not in catalog
    assert catalog.get("e100") is None
    with pytest.raises(NotFoundError, match=r"no entry 'e1000' in .*\(100 entries\)\. Close: "):
        catalog["e1000"]
    with pytest.raises(NotFoundError, match="no entry 3"):
        catalog[3]  # type: ignore[index]


def test_names_are_offered_by_their_beginning(bulk: Path) -> None:
    catalog = open_catalog(bulk)
    assert catalog.names("e09") == [f"e09{digit}" for digit in range(10)]
    assert catalog.names("e0", limit=3) == ["e000", "e001", "e002"]
    assert catalog.names("f") == []
    assert catalog.search(text="entry").names("e01", limit=100)[:2] == ["e010", "e011"]


def test_typing_its_name_reads_a_screenful(bulk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Jupyter asks of the last line of a cell, and while one types, reads twenty entries of a hundred."""
    catalog = open_catalog(bulk)
    read: list[str] = []
    entry = BulkPart.entry

    def counted(part: BulkPart, segment: int, row: int, name: str) -> Entry:
        read.append(name)
        return entry(part, segment, row, name)

    monkeypatch.setattr(BulkPart, "entry", counted)
    by_size, by_title = (catalog.search(bbox=(0, 0, 360, 1), sort=sort) for sort in ("size", "title"))
    for shown in (catalog, catalog.search(text="entry"), by_size, by_title):
        read.clear()
        assert "and 80 more" in repr(shown)
        assert "the first 20 are shown" in shown._repr_html_()
        shown._ipython_key_completions_()
        assert len(shown) == 100
        assert sum(shown.facets()["licence"].values()) == 100
        assert len(read) == 40
    catalog.search(text="entry").search(variable="thetao")
    assert len(read) == 40


def test_pickles_without_its_handles(bulk: Path, make: Make) -> None:
    catalog = open_catalog(bulk)
    for one in (catalog, catalog.search(text="entry 7"), catalog.search(bbox=(5, 0, 6, 1), limit=2)):
        list(one)
        again = pickle.loads(pickle.dumps(one))
        assert list(again) == list(one)
        assert again.path == one.path
        name = next(iter(one))
        assert again[name] == one[name]
    memory = Catalog({"e001": make(1)})
    list(memory.search(text="entry"))
    assert list(pickle.loads(pickle.dumps(memory)).search(text="entry")) == ["e001"]


def test_threads_share_a_catalogue(bulk: Path) -> None:
    catalog = open_catalog(bulk)

    def ask(number: int) -> tuple[str, int, str]:
        found = catalog.search(bbox=(number + 0.5, 0.5, number + 0.5, 0.5), text="entry")
        return next(iter(found)), len(catalog.search(variable="thetao")), catalog[f"e{number:03d}"].title

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, [*range(100)] * 2))
    assert answers == [(f"e{number:03d}", 100, f"Entry {number}") for number in [*range(100)] * 2]


def test_an_index_of_nothing() -> None:
    empty = Catalog({})
    assert list(empty.search(text="a", bbox=(0, 0, 1, 1))) == list(empty.search(sort="size")) == []
    assert empty.facets() == {}
    assert len(empty.search(traded=True)) == 0
    assert (
        empty.hint(text="sea") == "nothing fits all that was asked: try fewer words, or a wider box, period or depth."
    )
    assert isinstance(empty._parts[0].segments()[0], Segment)
