"""
All entries of one index that meet a plan: how many, in which order, with which facets.

The numbers of some thousand rows stand together and are compared at once: a million entries take a tenth of a second,
in memory of a few megabytes.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from oceandata.catalog.index.bounds import Conditions, meets, unpacked
from oceandata.catalog.index.match import Plan
from oceandata.catalog.index.segment import Hit, Segment
from oceandata.catalog.index.tables import BLOCK_ROWS

__all__ = ["Rows", "all_hits", "count_facets", "rows_by_rank"]

#: Numbers of rows.
Rows = np.ndarray[tuple[int], np.dtype[np.int32]]

_PAGE = 500
#: Table and column of what each order sorts by, and whether the largest comes first.
_SORTED_BY = {"size": ("block", "nbytes", -1), "period": ("block", "bounds", -1), "title": ("title", "ranks", 1)}


def _blocks(segment: Segment, table: str, column: str) -> Iterator[tuple[int, bytes]]:
    """First row and content of each block, read one by one."""
    for number in range(-(-segment.last // BLOCK_ROWS)):
        ((content,),) = segment.ask(f"SELECT {column} FROM {table} WHERE number = ?", number)
        yield number * BLOCK_ROWS + 1, content


def _matching(segment: Segment, match: str) -> Rows:
    """Rows whose texts match."""
    with segment.streamed("SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid", match) as found:
        return np.fromiter((row for (row,) in found), dtype=np.int32)


def _held(segment: Segment, asked: Conditions) -> Any:
    """For each row and the one before the first, whether it is there and meets the conditions."""
    held = np.ones(segment.last + 1, dtype=bool)
    if asked:
        for first, content in _blocks(segment, "block", "bounds"):
            met = meets(asked, unpacked(content))
            held[first : first + met.size] = met
    held[[0, *segment.gone]] = False
    return held


def rows_by_rank(segment: Segment, plan: Plan) -> list[Rows]:
    """
    Rows that meet a plan.

    Parameters
    ----------
    segment : Segment
        The index.
    plan : Plan
        From `plan_search`.

    Returns
    -------
    list of numpy.ndarray
        Rows in order for each rank, the best first; no row twice.
    """
    held = _held(segment, plan.asked)
    found = []
    for match in plan.ranks:
        rows = _matching(segment, match) if match else np.arange(1, segment.last + 1, dtype=np.int32)
        rows = rows[held[rows]]
        held[rows] = False
        found.append(rows)
    return found


def count_facets(segment: Segment, ranked: Sequence[Rows]) -> dict[tuple[str, str, str], int]:
    """
    Number of rows by the values one can search for.

    Parameters
    ----------
    segment : Segment
        The index.
    ranked : sequence of numpy.ndarray
        From `rows_by_rank`.

    Returns
    -------
    dict of tuple to int
        By facet, folded value and value as it is shown.
    """
    values = segment.values()
    wanted = np.zeros(segment.last + 1, dtype=bool)
    for rows in ranked:
        wanted[rows] = True
    total = np.zeros(len(values), dtype=np.int64)
    for first in range(1, segment.last + 1, BLOCK_ROWS):
        here = wanted[first : first + BLOCK_ROWS]
        if not here.any():
            continue
        ((counts, codes),) = segment.ask("SELECT counts, codes FROM block WHERE number = ?", first // BLOCK_ROWS)
        each = np.frombuffer(counts, dtype=np.uint32)
        small = len(codes) == 2 * int(each.sum(dtype=np.int64))
        code = np.frombuffer(codes, dtype=np.uint16 if small else np.uint32)
        chosen = code if here.all() else code[np.repeat(here, each)]
        total += np.bincount(chosen, minlength=len(values))
    return {facet: int(count) for facet, count in zip(values, total, strict=True) if count}


def _sort_keys(segment: Segment, sort: str) -> Any:
    """For each row what it is sorted by: the smallest comes first, what is unknown last."""
    table, column, sign = _SORTED_BY[sort]
    parts = [np.zeros(1, dtype=np.int64)]
    for _, content in _blocks(segment, table, column):
        if sort == "period":
            numbers: Any = unpacked(content)["ending"]
        else:
            numbers = np.frombuffer(content, dtype=np.int64 if sort == "size" else np.int32)
        parts.append(sign * numbers.astype(np.int64))
    return np.concatenate(parts)


def all_hits(segment: Segment, plan: Plan, sort: str) -> Iterator[Hit]:
    """
    Every entry that meets a plan.

    Parameters
    ----------
    segment : Segment
        The index.
    plan : Plan
        From `plan_search`.
    sort : str
        One of `oceandata.catalog.search.SORTS`.

    Yields
    ------
    Hit
        In order; equals by name. The rank is what they are sorted by.
    """
    ranked = rows_by_rank(segment, plan)
    rows = np.concatenate(ranked)
    if sort in _SORTED_BY:
        keys = _sort_keys(segment, sort)[rows]
    elif sort == "relevance":
        keys = np.repeat(np.arange(len(ranked)), [each.size for each in ranked])
    else:
        keys = np.zeros(rows.size, dtype=np.int64)
    order = np.lexsort((rows, keys))
    rows, keys = rows[order], keys[order]
    for begin in range(0, rows.size, _PAGE):
        page = rows[begin : begin + _PAGE].tolist()
        names = dict(segment.ask(f"SELECT row, id FROM entry WHERE row IN ({','.join(map(str, page))})"))
        for row, key in zip(page, keys[begin : begin + _PAGE].tolist(), strict=True):
            yield Hit(key, names[row], row)
