"""What a search found: asked of every index that a catalogue has, one entry after the other, only as far as needed."""

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from oceandata.catalog.index.counts import Rows, all_hits, count_facets, rows_by_rank
from oceandata.catalog.index.match import Plan, plan_search
from oceandata.catalog.index.parts import MemoryPart, Part
from oceandata.catalog.index.segment import Segment
from oceandata.catalog.index.terms import FACETS
from oceandata.catalog.search import Question
from oceandata.catalog.words import fold
from oceandata.entities import Entry

__all__ = ["Found", "Place"]

#: Entries of a result that are looked for at once; beyond them all are.
_AT_ONCE = 1000


@dataclass(frozen=True, order=True)
class Place:
    """
    Where an entry that was found stands.

    Attributes
    ----------
    key : int or str
        What it is sorted by; equals are sorted by name.
    name : str
        Its id.
    part, segment, row : int
        Number of the part of the catalogue, of the index of that part, and row.
    """

    key: int | str
    name: str
    part: int
    segment: int
    row: int


class Found:
    """
    Entries that meet questions, in order.

    Parameters
    ----------
    parts : tuple of Part
        What the catalogue is made of.
    questions : tuple of Question
        All of which must be met; the last one decides on the ranks.
    limit : int or None
        Number of entries at most.
    sort : str
        One of `oceandata.catalog.search.SORTS`.
    """

    def __init__(
        self,
        parts: tuple[Part, ...],
        questions: tuple[Question, ...] = (),
        *,
        limit: int | None = None,
        sort: str = "relevance",
    ) -> None:
        self.parts = parts
        self.questions = questions
        self.limit = limit
        self.sort = sort

    def __getstate__(self) -> tuple[tuple[Part, ...], tuple[Question, ...], int | None, str]:
        return self.parts, self.questions, self.limit, self.sort

    def __setstate__(self, state: tuple[tuple[Part, ...], tuple[Question, ...], int | None, str]) -> None:
        self.parts, self.questions, self.limit, self.sort = state

    @cached_property
    def plan(self) -> Plan:
        """What the indexes are asked."""
        plan = plan_search(self.questions)
        return plan if self.sort == "relevance" else replace(plan, ranks=(plan.match,))

    @cached_property
    def _limited(self) -> list[Place]:
        """All places of a limited result."""
        return self.first(self.limit or 0)

    @cached_property
    def _ranked(self) -> list[list[Rows]]:
        """Rows of every index by rank; four bytes an entry."""
        return [rows_by_rank(segment, self.plan) for _, _, segment in self._segments()]

    def _segments(self) -> Iterator[tuple[int, int, Segment]]:
        """Every index that holds something, with its numbers."""
        for number, part in enumerate(self.parts):
            for which, segment in enumerate(part.segments() if len(part) else ()):
                yield number, which, segment

    def first(self, count: int) -> list[Place]:
        """
        The first places.

        Parameters
        ----------
        count : int
            How many at most.

        Returns
        -------
        list of Place
            Fewer only if there are no more.
        """
        if self.limit is not None:
            count = min(count, self.limit)
        if not self.questions:
            return list(islice(self._listed(), count))
        if self.sort not in ("relevance", "name") or count > _AT_ONCE:
            return list(islice(self._stream(), count))
        places = [
            Place(hit.rank, hit.name, number, which, hit.row)
            for number, which, segment in self._segments()
            for hit in segment.first(self.plan, count)
        ]
        return sorted(places)[:count]

    def _stream(self) -> Iterator[Place]:
        """Every place, without regard to the limit, merged from the indexes."""
        segments = list(self._segments())
        return heapq.merge(*(self._places(*numbered, alone=len(segments) == 1) for numbered in segments))

    def _places(self, number: int, which: int, segment: Segment, *, alone: bool) -> Iterator[Place]:
        """Places of one index; where there are several, titles are compared and not their ranks in each."""
        for hit in all_hits(segment, self.plan, self.sort):
            place = Place(hit.rank, hit.name, number, which, hit.row)
            if self.sort == "title" and not alone:
                place = replace(place, key=fold(self.entry(place).title))
            yield place

    def __iter__(self) -> Iterator[Place]:
        if self.limit is not None:
            return iter(self._limited)
        return self._stream() if self.questions else self._listed()

    def _listed(self) -> Iterator[Place]:
        """Every entry there is: those of a file as they stand there, those of bulk files by name."""
        for number, part in enumerate(self.parts):
            for which, row, name in part.listed():
                yield Place(0, name, number, which, row)

    def __len__(self) -> int:
        if self.limit is not None:
            return len(self._limited)
        if not self.questions:
            return sum(map(len, self.parts))
        return sum(rows.size for ranked in self._ranked for rows in ranked)

    def __bool__(self) -> bool:
        return bool(self.first(1))

    def search(self, asked: Question, *, limit: int | None, sort: str) -> "Found":
        """
        What is found among what was found.

        Parameters
        ----------
        asked : Question
            What must be met as well.
        limit : int or None
            Number of entries at most.
        sort : str
            One of `oceandata.catalog.search.SORTS`.

        Returns
        -------
        Found
            Nothing is looked for, unless this result is limited.
        """
        if self.limit is None:
            return Found(self.parts, (*self.questions, asked), limit=limit, sort=sort)
        return self._few().search(asked, limit=limit, sort=sort)

    def _few(self) -> "Found":
        """A limited result as a collection of its own."""
        return Found((MemoryPart({place.name: self.entry(place) for place in self._limited}),))

    def head(self, limit: int) -> "Found":
        """The same, with so many entries at most."""
        least = limit if self.limit is None else min(limit, self.limit)
        return Found(self.parts, self.questions, limit=least, sort=self.sort)

    def names(self, beginning: str, limit: int) -> list[str]:
        """Some names that begin so, in order."""
        if self.questions:
            return sorted(place.name for place in self.first(limit) if place.name.startswith(beginning))
        found = [name for part in self.parts for name in part.names(first=beginning, limit=limit)]
        return sorted(name for name in found if name.startswith(beginning))[:limit]

    def near(self, name: str) -> list[str]:
        """Names among which one that was misspelt may be."""
        if self.questions:
            return [place.name for place in self.first(_AT_ONCE)]
        return [near for part in self.parts for near in part.near(name)]

    def entry(self, place: Place) -> Entry:
        """Entry of a place."""
        return self.parts[place.part].entry(place.segment, place.row, place.name)

    def find(self, name: str) -> Entry | None:
        """
        Entry of a name, if it was found.

        Parameters
        ----------
        name : str
            An id.

        Returns
        -------
        Entry or None
            None if there is no such entry, or it does not meet the questions.
        """
        place = self._place_of(name)
        return None if place is None else self.entry(place)

    def has(self, name: str) -> bool:
        """Whether an entry of that name was found."""
        return self._place_of(name) is not None

    def _place_of(self, name: str) -> Place | None:
        """Place of a name, if it was found."""
        if self.limit is not None:
            return next((place for place in self._limited if place.name == name), None)
        if not self.questions:
            located = ((number, part.locate(name)) for number, part in enumerate(self.parts))
            return next((Place(0, name, number, *here) for number, here in located if here), None)
        for number, which, segment in self._segments():
            row = segment.row_of(name)
            if row is not None and segment.meets(self.plan, row):
                return Place(0, name, number, which, row)
        return None

    def facets(self) -> dict[str, dict[str | bool, int]]:
        """
        Number of entries by the values one can search for.

        Returns
        -------
        dict of str to dict
            Counts by facet and value, most frequent first, then by name; a facet without values is left out.
        """
        if self.limit is not None:
            return self._few().facets()
        total: Counter[tuple[str, str]] = Counter()
        shown: dict[tuple[str, str], str] = {}
        for (_, _, segment), ranked in zip(self._segments(), self._ranked, strict=True):
            for (facet, key, value), count in count_facets(segment, ranked).items():
                total[facet, key] += count
                shown.setdefault((facet, key), value)
        found: dict[str, dict[str | bool, int]] = {facet: {} for facet in FACETS}
        for pair in sorted(total, key=lambda pair: (-total[pair], shown[pair])):
            value = shown[pair]
            found[pair[0]][value == "True" if pair[0] == "traded" else value] = total[pair]
        return {facet: values for facet, values in found.items() if values}
