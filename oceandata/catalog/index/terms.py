"""
What a text index keeps of an entry: its words, marks of what it can be asked for exactly, and facets.

A run of Chinese characters is kept as its pairs of characters and the last one; a piece of it is there if its pairs
are. What the vocabulary says of a variable is not repeated in every entry: the quantity is marked, and a question is
widened to the quantities of its words.
"""

from functools import lru_cache
from typing import NamedTuple

from oceandata.catalog.licences import licence_identifiers
from oceandata.catalog.words import (
    fold,
    is_chinese,
    names_of_word,
    quantities,
    said_by_vocabulary,
    text_words,
    variable_names,
)
from oceandata.entities import Entry, Provider, Variable

__all__ = ["FACETS", "EntryTerms", "Facet", "chinese_pairs", "entry_terms", "in_title", "mark"]

#: What one can count by; each is an argument of a search.
FACETS = ("variable", "standard_name", "keyword", "licence", "provider", "processing_level", "traded")

#: One letter for each kind of mark.
_LETTERS = dict(zip(FACETS, "vsklpet", strict=True))

#: A facet and the folded value of it.
Facet = tuple[str, str]

#: Signs of ASCII that would end a token stand for themselves in a private range.
_SIGNS = {ord(sign): 0xE100 + ord(sign) for sign in map(chr, range(128)) if not sign.isalnum()}
_SIGNS |= {ord(sign): 0xE100 + ord(sign) for sign in map(chr, range(65, 91))}
_KEPT = 16_384


class EntryTerms(NamedTuple):
    """
    What is kept of one entry.

    Attributes
    ----------
    tokens : str
        Words and marks, each once, with blanks between.
    facets : dict of Facet to str
        What it is counted under, and how that is shown.
    """

    tokens: str
    facets: dict[Facet, str]


def mark(kind: str, value: str) -> str:
    """
    Token that no word is: one for each kind and folded value.

    Parameters
    ----------
    kind : str
        One of `FACETS`.
    value : str
        Any text; it is folded.

    Returns
    -------
    str
        One token of the index.
    """
    return f"\ue000{_LETTERS[kind]}{fold(value).translate(_SIGNS)}"


def in_title(token: str) -> str:
    """
    The token that says that a word stands in the title.

    Parameters
    ----------
    token : str
        A word, or a token of `chinese_pairs`.

    Returns
    -------
    str
        Another token of the index.
    """
    return f"\ue001{token}"


def chinese_pairs(run: str) -> list[str]:
    """
    Tokens of a run of Chinese characters.

    Parameters
    ----------
    run : str
        The characters.

    Returns
    -------
    list of str
        Every two that stand together, and the last one alone.

    Examples
    --------
    >>> chinese_pairs("太平洋")
    ['太平', '平洋', '洋']
    """
    return [*(run[place : place + 2] for place in range(len(run) - 1)), run[-1]]


@lru_cache(maxsize=4 * _KEPT)
def _word_tokens(word: str) -> tuple[str, ...]:
    """Tokens of a word."""
    return tuple(chinese_pairs(word)) if is_chinese(word) else (word,)


def _tokens(words: list[str]) -> list[str]:
    """Tokens of words."""
    return [token for word in words for token in _word_tokens(word)]


#: What one variable, keyword or provider adds: tokens and facets.
_Part = tuple[tuple[str, ...], dict[Facet, str]]


def _unsaid(words: list[str], known: tuple[str, ...]) -> list[str]:
    """Words that the vocabulary does not say of the quantities anyway, each once."""
    said = [said_by_vocabulary(name) for name in known]
    return [
        word
        for word in dict.fromkeys(words)
        if not any(word in one or (is_chinese(word) and any(word in other for other in one)) for one in said)
    ]


@lru_cache(maxsize=_KEPT)
def _variable_part(name: str, standard_name: str, canonical_name: str, long_name: str, long_name_zh: str) -> _Part:
    """A variable: words of its own, marks of the names it answers to."""
    variable = Variable(
        standard_name=standard_name, canonical_name=canonical_name, long_name=long_name, long_name_zh=long_name_zh
    )
    answers = variable_names(name, variable)
    wide = quantities(name, variable)
    known = tuple(fold(one) for one in wide)
    texts = [name, standard_name, canonical_name, long_name, long_name_zh]
    texts += [one for one in wide if not said_by_vocabulary(fold(one))]
    own = _unsaid(text_words(*texts), tuple(one for one in answers if said_by_vocabulary(one)))
    # an alias stands for its quantity: who asks for it asks for the quantity as well
    needed = [one for one in sorted(answers) if one in known or not (names_of_word(one) - {one}) & set(known)]
    standard = list(dict.fromkeys(fold(one) for one in (standard_name, canonical_name) if one))
    shown = {fold(one): one for one in (canonical_name, standard_name) if one}
    tokens = (
        *_tokens(own),
        *(mark("variable", one) for one in needed),
        *(mark("standard_name", one) for one in standard),
    )
    facets: dict[Facet, str] = {("variable", fold(one)): one for one in wide}
    return tokens, facets | {("standard_name", one): shown[one] for one in standard}


@lru_cache(maxsize=_KEPT)
def _keyword_part(keyword: str) -> _Part:
    """A keyword: its words, and itself."""
    return (*_tokens(text_words(keyword)), mark("keyword", keyword)), {("keyword", fold(keyword)): keyword}


@lru_cache(maxsize=_KEPT)
def _provider_part(provider: Provider) -> _Part:
    """A provider: words of its names, and each name."""
    names = [name for name in (provider.name, provider.name_zh) if name]
    marks = [mark("provider", name) for name in names]
    return (*_tokens(text_words(*names)), *marks), {("provider", fold(provider.name)): provider.name}


@lru_cache(maxsize=_KEPT)
def _rest_part(licence: str, level: str, traded: bool) -> _Part:
    """Licence, processing level and trade: words of the level, and each value."""
    identifiers = licence_identifiers(licence)
    tokens = [*_tokens(text_words(level)), *(mark("licence", one) for one in (licence, *identifiers))]
    tokens.append(mark("traded", str(traded)))
    facets: dict[Facet, str] = {("licence", fold(one)): one for one in identifiers}
    facets["traded", fold(str(traded))] = str(traded)
    if fold(level):
        tokens.append(mark("processing_level", level))
        facets["processing_level", fold(level)] = level
    return tuple(tokens), facets


def entry_terms(entry: Entry) -> EntryTerms:
    """
    What a text index keeps of an entry.

    Parameters
    ----------
    entry : Entry
        The dataset.

    Returns
    -------
    EntryTerms
        Tokens and facets.
    """
    parts = [
        _variable_part(name, one.standard_name, one.canonical_name, one.long_name, one.long_name_zh)
        for name, one in entry.variables.items()
    ]
    parts += [_keyword_part(keyword) for keyword in (*entry.keywords, *entry.keywords_zh) if fold(keyword)]
    parts += [_provider_part(provider) for provider in entry.providers]
    parts.append(_rest_part(entry.license, entry.processing_level, entry.trade is not None))
    title = _tokens(text_words(entry.title, entry.title_zh, entry.id))
    tokens = {*title, *map(in_title, title), *_tokens(text_words(entry.summary, entry.summary_zh))}
    facets: dict[Facet, str] = {}
    for added, counted in reversed(parts):
        tokens.update(added)
        facets.update(counted)
    return EntryTerms(" ".join(tokens), facets)
