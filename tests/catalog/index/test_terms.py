"""What the text index keeps of an entry: each word once, nothing the vocabulary says anyway, marks that are no word."""

from collections.abc import Callable

import pytest

from oceandata.catalog import Catalog
from oceandata.catalog.index.terms import FACETS, entry_terms, in_title, mark
from oceandata.catalog.words import text_words
from oceandata.entities import Entry

Make = Callable[..., Entry]


def _tokens(entry: Entry) -> set[str]:
    tokens = entry_terms(entry).tokens.split(" ")
    assert len(tokens) == len(set(tokens))
    return set(tokens)


def test_words_and_marks(make: Make) -> None:
    tokens = _tokens(make(1, title="Sea ice", title_zh="海冰", keywords=("Ｉce cover",), processing_level="L4"))
    assert {"sea", "ice", "cover", "海冰", "冰", "l4", "entry"} - tokens == {"entry"}
    assert {in_title("ice"), in_title("海冰"), mark("keyword", "ice cover"), mark("traded", "False")} <= tokens
    assert in_title("cover") not in tokens
    assert "keyword" not in " ".join(tokens)


def test_marks_are_tokens_of_their_own() -> None:
    marks = {mark(kind, value) for kind in FACETS for value in ("L4", "l5", "a b", "a-b", "a_b", "a b c", "渤海")}
    assert len(marks) == 7 * len(FACETS)
    assert mark("keyword", " Ａ B") == mark("keyword", "a b")
    assert all(not text_words(one)[:1] or " " not in one for one in marks)
    assert not any(ord(sign) < 128 and not sign.isalnum() for one in marks for sign in one)


def test_what_the_vocabulary_says_is_not_repeated(make: Make) -> None:
    said = {"standard_name": "sea_water_temperature", "long_name": "sea water temperature", "long_name_zh": "水温"}
    tokens = _tokens(make(1, variables={"TEMP": said}))
    assert not {"sea", "water", "temperature", "temp", "水温"} & tokens
    assert mark("variable", "sea_water_temperature") in tokens
    for text in ("sea", "temp", "temperat", "水温", "海水温度"):
        assert len(Catalog({"e001": make(1, variables={"TEMP": said})}).search(text=text)) == 1, text


@pytest.mark.parametrize("word", ["per", "emperature", "ater"])
def test_a_part_of_a_word_of_the_vocabulary_is_a_word_of_its_own(make: Make, word: str) -> None:
    entry = make(1, variables={"TEMP": {"standard_name": "sea_water_temperature", "long_name": word}})
    assert len(Catalog({"e001": entry}).search(text=word)) == 1
    bare = make(1, variables={"TEMP": {"standard_name": "sea_water_temperature"}})
    assert len(Catalog({"e001": bare}).search(text=word)) == 0


def test_facets(make: Make) -> None:
    providers = [{"name": "A", "name_zh": "甲"}, {"name": "B"}]
    entry = make(1, license="MIT OR CC0-1.0", keywords=("SST", "sst"), providers=providers, variables={"thetao": {}})
    assert set(entry_terms(entry).facets.items()) == {
        (("variable", "sea_water_potential_temperature"), "sea_water_potential_temperature"),
        (("variable", "sea_water_temperature"), "sea_water_temperature"),
        (("keyword", "sst"), "SST"),
        (("licence", "mit"), "MIT"),
        (("licence", "cc0-1.0"), "CC0-1.0"),
        (("provider", "a"), "A"),
        (("provider", "b"), "B"),
        (("traded", "false"), "False"),
    }
