"""Words of people: English from the beginning of a word, Chinese with or without spaces, aliases of conventions."""

import pytest

from oceandata.catalog.words import entry_words, names_of_word, query_words
from oceandata.cf import vocabulary
from oceandata.entities import Entry
from oceandata.errors import InputError


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
    ],
)
def test_hits(ostia: Entry, text: str) -> None:
    assert entry_words(ostia).score(query_words(text)) > 0


@pytest.mark.parametrize(
    "text",
    ["salinity", "temperature salinity", "emperature", "盐度", "海表盐度", "太平洋盐度", "大西洋", "ti", "argo"],
)
def test_misses(ostia: Entry, text: str) -> None:
    assert entry_words(ostia).score(query_words(text)) == 0


def test_a_title_counts_for_more_than_a_summary(ostia: Entry) -> None:
    words = entry_words(ostia)
    title, summary = (words.score(query_words(text)) for text in ("monthly", "analysis"))
    assert title > summary > 0


def test_vocabulary_words_find_what_the_document_does_not_say(ostia: Entry) -> None:
    assert "tos" not in str(ostia.to_json()).split()
    variable = ostia.variables["surface_temperature"].model_copy(update={"canonical_name": "", "standard_name": ""})
    unknown = ostia.model_copy(update={"variables": {"field7": variable}})
    assert entry_words(unknown).score(("tos",)) == 0
    assert entry_words(ostia).score(("tos",)) > 0


def test_text_without_words() -> None:
    assert query_words("") == query_words("  ") == ()
    assert query_words("to the") == ("to", "the")
    with pytest.raises(InputError, match="holds no word"):
        query_words("！！ --")


def test_a_canonical_name_stands_for_itself() -> None:
    for term in vocabulary():
        assert names_of_word(term.canonical_name) == {term.canonical_name}


def test_words_and_aliases_stand_for_their_quantity() -> None:
    for term in vocabulary():
        canonical = {other.canonical_name for other in vocabulary()}
        for word in (*term.names, *term.zh, *term.words):
            if word not in canonical:
                assert term.canonical_name in names_of_word(word)
