"""Words of people: English from the beginning of a word, Chinese with or without spaces, aliases of conventions."""

import pytest

from oceandata.catalog import Catalog
from oceandata.catalog.words import (
    canonical_with,
    names_of_word,
    pieces_of_run,
    query_words,
    said_by_vocabulary,
    text_words,
)
from oceandata.cf import vocabulary
from oceandata.entities import Entry
from oceandata.errors import InputError


def _hits(entry: Entry, text: str) -> bool:
    return len(Catalog({entry.id: entry}).search(text=text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "OSTIA",
        "monthly temperature",
        "temper",
        "pacific",
        "El Niño",
        "EL NIÑO",
        "tos",
        "sst",
        "met office",
        "the temperature of the tropics",
        "海表温度",
        "海温 太平洋",
        "太平洋海温",
        "太平洋的海温",
        "厄尔尼诺",
        "ＯＳＴＩＡ海表温度",
        "英国气象局",
        "sea_surface_temperature",
        "sea-surface",
        "海",
    ],
)
def test_hits(ostia: Entry, text: str) -> None:
    assert _hits(ostia, text)


@pytest.mark.parametrize(
    "text",
    ["salinity", "temperature salinity", "emperature", "盐度", "海表盐度", "太平洋盐度", "大西洋", "ti", "argo", "盐"],
)
def test_misses(ostia: Entry, text: str) -> None:
    assert not _hits(ostia, text)


def test_a_title_counts_for_more_than_a_summary(ostia: Entry) -> None:
    """The ids are against it: by name the other one would come first."""
    other = ostia.model_copy(update={"id": "a", "title": "Another analysis", "summary": "monthly"})
    both = Catalog({"a": other, ostia.id: ostia})
    assert list(both.search(text="monthly")) == [ostia.id, "a"]
    assert list(both.search(text="analysis")) == ["a", ostia.id]


def test_a_run_as_it_stands_counts_for_more_than_its_pieces(ostia: Entry) -> None:
    bare = {"title_zh": "", "summary_zh": "", "keywords_zh": (), "providers": (), "variables": {}}
    cut = ostia.model_copy(update={**bare, "id": "a", "summary_zh": "海温，太平洋"})
    whole = ostia.model_copy(update={**bare, "id": "b", "summary_zh": "在太平洋海温"})
    assert list(Catalog({"a": cut, "b": whole}).search(text="太平洋海温")) == ["b", "a"]


def test_vocabulary_words_find_what_the_document_does_not_say(ostia: Entry) -> None:
    assert "tos" not in str(ostia.to_json()).split()
    variable = ostia.variables["surface_temperature"].model_copy(update={"canonical_name": "", "standard_name": ""})
    unknown = ostia.model_copy(update={"variables": {"field7": variable}})
    assert not _hits(unknown, "tos")
    assert _hits(ostia, "tos")


def test_text_without_words() -> None:
    assert query_words("") == query_words("  ") == ()
    assert query_words("to the") == ("to", "the")
    with pytest.raises(InputError, match="holds no word"):
        query_words("！！ --")


@pytest.mark.parametrize(
    ("run", "ways"),
    [
        ("海", []),
        ("海温", [("海温",)]),
        ("太平洋", [("太平洋",)]),
        ("东海水温", [("东海", "水温")]),
        ("水的温度", [("水的", "温度")]),
        ("太平洋的海", [("太平", "洋的海"), ("太平洋", "的海")]),
        ("东海的水温", [("东海", "的水温"), ("东海", "水温"), ("东海的", "水温")]),
    ],
)
def test_pieces(run: str, ways: list[tuple[str, ...]]) -> None:
    assert pieces_of_run(run) == ways


def test_a_long_run_is_cut_in_some_ways_only() -> None:
    for length, count in ((100, 64), (101, 1), (5000, 1)):
        ways = pieces_of_run("海" * length)
        assert len(ways) == count
        assert {"".join(way) for way in ways} == {"海" * length}
        assert {len(piece) for way in ways for piece in way} <= {2, 3}


def test_the_vocabulary_says_every_word_of_its_terms() -> None:
    for term in vocabulary():
        for word in text_words(term.canonical_name, *term.names, *term.zh, *term.words):
            assert word in said_by_vocabulary(term.canonical_name)
            assert term.canonical_name in canonical_with(word, part=False)
    assert canonical_with("temperatur", part=False) == ()
    assert "sea_water_temperature" in canonical_with("temperatur", part=True)


def test_a_canonical_name_stands_for_itself() -> None:
    for term in vocabulary():
        assert names_of_word(term.canonical_name) == {term.canonical_name}


def test_words_and_aliases_stand_for_their_quantity() -> None:
    for term in vocabulary():
        canonical = {other.canonical_name for other in vocabulary()}
        for word in (*term.names, *term.zh, *term.words):
            if word not in canonical:
                assert term.canonical_name in names_of_word(word)
