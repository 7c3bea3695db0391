"""Questions to a catalogue: which entries meet all that was asked, best first."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from oceandata.catalog.extents import (
    Box,
    DepthRange,
    Period,
    boxes_meet,
    depths_meet,
    parse_box,
    parse_depth,
    parse_period,
    periods_meet,
    utc,
)
from oceandata.catalog.licences import licence_identifiers
from oceandata.catalog.words import EntryWords, fold, names_of_word, query_words, variable_names
from oceandata.entities import Entry
from oceandata.errors import InputError, closest

__all__ = ["SORTS", "Question", "matching", "question"]

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

    def meets_extent(self, entry: Entry) -> bool:
        """
        Whether place, period and depth meet.

        An entry that does not know one of them does not meet a question about it.

        Parameters
        ----------
        entry : Entry
            The dataset.

        Returns
        -------
        bool
            True if nothing of the three was asked.
        """
        here = entry.extent
        if self.bbox is not None and (here.bbox is None or not boxes_meet(here.bbox, self.bbox)):
            return False
        if self.period is not None and (here.time is None or not periods_meet(here.time, self.period)):
            return False
        return self.depth_m is None or (here.depth_m is not None and depths_meet(here.depth_m, self.depth_m))

    def meets_variables(self, entry: Entry) -> bool:
        """
        Whether the variable and the standard name that were asked for are there.

        Parameters
        ----------
        entry : Entry
            The dataset.

        Returns
        -------
        bool
            True if neither was asked.
        """
        if self.names and not any(self.names & variable_names(*pair) for pair in entry.variables.items()):
            return False
        standard = {fold(name) for v in entry.variables.values() for name in (v.standard_name, v.canonical_name)}
        return not self.standard_name or self.standard_name in standard

    def meets_terms(self, entry: Entry) -> bool:
        """
        Whether keyword, licence, provider, processing level and trade are as asked.

        Parameters
        ----------
        entry : Entry
            The dataset.

        Returns
        -------
        bool
            True if none of them was asked.
        """
        providers = [name for provider in entry.providers for name in (provider.name, provider.name_zh)]
        texts = (
            (self.keyword, (*entry.keywords, *entry.keywords_zh)),
            (self.licence, (entry.license, *licence_identifiers(entry.license))),
            (self.provider, providers),
            (self.processing_level, (entry.processing_level,)),
        )
        if any(asked and asked not in map(fold, there) for asked, there in texts):
            return False
        return self.traded is None or self.traded == (entry.trade is not None)


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
    text: str,
    bbox: Sequence[float] | None,
    time: object,
    depth: float | Sequence[float] | None,
    variable: str | None,
    standard_name: str | None,
    keyword: str | None,
    licence: str | None,
    provider: str | None,
    processing_level: str | None,
    traded: bool | None,
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


#: What each order compares; the smallest comes first.
_KEYS: dict[str, Callable[[Entry], Any]] = {
    "name": lambda entry: entry.id,
    "title": lambda entry: fold(entry.title),
    "size": lambda entry: -(entry.stored_bytes or 0),
    "period": lambda entry: -utc(entry.extent.time[1]).timestamp() if entry.extent.time else float("inf"),
}


def matching(
    entries: Iterable[Entry], asked: Question, *, words: Callable[[Entry], EntryWords], limit: int | None, sort: str
) -> list[Entry]:
    """
    Entries that meet a question, in order.

    Parameters
    ----------
    entries : iterable of Entry
        What there is.
    asked : Question
        What they must meet.
    words : callable
        Gives the words of an entry.
    limit : int or None
        Number of entries to give at most.
    sort : str
        One of `SORTS`.

    Returns
    -------
    list of Entry
        Best first by ``"relevance"`` (in the given order without words), by ``"name"`` or ``"title"``, largest first
        by ``"size"``, latest end first by ``"period"`` with unknown ones last; equals stand in the given order.

    Raises
    ------
    InputError
        If `limit` or `sort` cannot be used.
    """
    _check_order(limit, sort)
    scored: list[tuple[int, Entry]] = []
    for entry in entries:
        if not (asked.meets_extent(entry) and asked.meets_terms(entry) and asked.meets_variables(entry)):
            continue
        score = words(entry).score(asked.words) if asked.words else 1
        if score:
            scored.append((score, entry))
    if sort == "relevance":
        scored.sort(key=lambda pair: -pair[0])
    found = [entry for _, entry in scored]
    if sort in _KEYS:
        found.sort(key=_KEYS[sort])
    return found[:limit]


def _check_order(limit: int | None, sort: str) -> None:
    """Refuse a limit or an order that cannot be used."""
    if sort not in SORTS:
        msg = f"sort is {sort!r}, need one of {', '.join(map(repr, SORTS))}. {closest(str(sort), list(SORTS))}"
        raise InputError(msg)
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        msg = f"limit is {limit!r}, need a whole number above zero. Leave it out for all entries."
        raise InputError(msg)
