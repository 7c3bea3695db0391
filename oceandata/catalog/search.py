"""Questions to a catalogue, checked and folded."""

import dataclasses
from collections.abc import Sequence

from oceandata.catalog.extents import Box, DepthRange, Period, parse_box, parse_depth, parse_period
from oceandata.catalog.words import fold, names_of_word, query_words
from oceandata.errors import InputError, closest

__all__ = ["SORTS", "Question", "check_order", "question"]

#: Orders of a result.
SORTS = ("relevance", "name", "title", "size", "period")


@dataclasses.dataclass(frozen=True)
class Question:
    """
    What an entry must meet; a field that is empty or None asks nothing.

    Attributes
    ----------
    words : tuple of str
        Folded words, each of which must hit.
    bbox, period, depth_m : tuple or None
        Where, when and how deep.
    names : frozenset of str
        Folded names, one of which a variable must answer to.
    standard_name, keyword, licence, provider, processing_level : str
        Folded texts that must be equal to the entry's.
    traded : bool or None
        Whether there is a link to a product.
    """

    words: tuple[str, ...]
    bbox: Box | None
    period: Period | None
    depth_m: DepthRange | None
    names: frozenset[str]
    standard_name: str
    keyword: str
    licence: str
    provider: str
    processing_level: str
    traded: bool | None


def _text(name: str, value: str | None) -> str:
    """Folded text of a filter, empty if it is not set."""
    if value is None:
        return ""
    if not isinstance(value, str) or not value.strip():
        msg = f"{name} is {value!r:.80}, need text. Leave it out to ask nothing about it."
        raise InputError(msg)
    return fold(value)


def question(
    *,
    text: str = "",
    bbox: Sequence[float] | None = None,
    time: object = None,
    depth: float | Sequence[float] | None = None,
    variable: str | None = None,
    standard_name: str | None = None,
    keyword: str | None = None,
    licence: str | None = None,
    provider: str | None = None,
    processing_level: str | None = None,
    traded: bool | None = None,
) -> Question:
    """
    Question from the arguments of `Catalog.search`.

    Parameters
    ----------
    text, bbox, time, depth, variable, standard_name, keyword, licence, provider, processing_level, traded : object
        As `Catalog.search` takes them.

    Returns
    -------
    Question
        Checked and folded.

    Raises
    ------
    RegionError
        If a box, period or depth range cannot be used.
    InputError
        If another argument cannot be used.
    """
    if not isinstance(text, str):
        msg = f"text is {text!r:.80}, need words."
        raise InputError(msg)
    if traded is not None and not isinstance(traded, bool):
        msg = f"traded is {traded!r:.80}, need True, False or None."
        raise InputError(msg)
    return Question(
        words=query_words(text),
        bbox=None if bbox is None else parse_box(bbox),
        period=None if time is None else parse_period(time),
        depth_m=None if depth is None else parse_depth(depth),
        names=names_of_word(variable) if _text("variable", variable) and variable else frozenset(),
        standard_name=_text("standard_name", standard_name),
        keyword=_text("keyword", keyword),
        licence=_text("licence", licence),
        provider=_text("provider", provider),
        processing_level=_text("processing_level", processing_level),
        traded=traded,
    )


def check_order(limit: int | None, sort: str) -> None:
    """
    Refuse a limit or an order that cannot be used.

    Parameters
    ----------
    limit : int or None
        Number of entries to give at most.
    sort : str
        One of `SORTS`.

    Raises
    ------
    InputError
        If there is no such order, or the limit is no number above zero.
    """
    if sort not in SORTS:
        msg = f"sort is {sort!r}, need one of {', '.join(map(repr, SORTS))}. {closest(str(sort), list(SORTS))}"
        raise InputError(msg)
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        msg = f"limit is {limit!r}, need a whole number above zero. Leave it out for all entries."
        raise InputError(msg)
