"""What to try when a search found nothing: the nearest word that an entry has."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from oceandata.catalog.found import Found
from oceandata.catalog.index.parts import Part
from oceandata.catalog.index.segment import Segment
from oceandata.catalog.search import question
from oceandata.catalog.words import query_words, said_by_vocabulary, text_words

__all__ = ["hint"]

_ASK_LESS = "nothing fits all that was asked: try fewer words, or a wider box, period or depth."


def _known(segment: Segment, word: str) -> Iterator[str]:
    """Words of an index among which one that was misspelt may be."""
    yield from segment.words(word[0])
    for facet, key, shown in segment.values():
        if facet in ("variable", "standard_name"):
            yield from said_by_vocabulary(key)
        yield from text_words(shown)


def hint(parts: Sequence[Part], text: str) -> str:
    """
    What to try when no entry fits a question.

    Parameters
    ----------
    parts : sequence of Part
        What was searched.
    text : str
        What a person typed.

    Returns
    -------
    str
        The first word that no entry has, with the nearest that one has; if every word is somewhere or none is near,
        the advice to ask for less.
    """
    for word in query_words(text) if text.strip() else ():
        if Found(tuple(parts), (question(text=word),)):
            continue
        known = {other for part in parts for segment in part.segments() for other in _known(segment, word)}
        near = get_close_matches(word, sorted(known), n=1)
        if near:
            return f"no entry has the word {word!r}. Close: {near[0]!r}."
    return _ASK_LESS
