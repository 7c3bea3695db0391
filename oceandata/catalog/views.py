"""Views of entries: a table, text and HTML."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from oceandata._html import footprint, human_bytes, table
from oceandata.catalog.extents import utc
from oceandata.entities import Entry
from oceandata.options import get_options

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SHOWN", "entries_frame", "entries_html", "entries_text"]

#: Entries that a view shows.
SHOWN = 20

_UNKNOWN = "unknown"
_COLUMNS = [
    *("title", "title_zh", "variables", "begin", "end", "time_resolution", "west", "south", "east", "north"),
    *("top_m", "bottom_m", "stored_bytes", "decoded_bytes", "licence", "providers", "trade"),
]


def entries_frame(entries: Iterable[tuple[str, Entry]]) -> "pd.DataFrame":
    """
    Entries as a table.

    Parameters
    ----------
    entries : iterable of tuple
        Names and entries.

    Returns
    -------
    pandas.DataFrame
        One row an entry; what is unknown is missing.
    """
    import pandas as pd

    rows = {name: _row(entry) for name, entry in entries}
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=_COLUMNS)
    frame.index.name = "id"
    for column in ("begin", "end"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame


def _row(entry: Entry) -> list[Any]:
    """Cells of one entry."""
    here = entry.extent
    begin, end = here.time or (None, None)
    return [
        entry.title,
        entry.title_zh or None,
        ", ".join(entry.variables),
        begin,
        end,
        here.time_resolution or None,
        *(here.bbox or (None,) * 4),
        *(here.depth_m or (None,) * 2),
        entry.stored_bytes,
        entry.decoded_bytes,
        entry.license,
        ", ".join(provider.name for provider in entry.providers) or None,
        entry.trade.status if entry.trade else None,
    ]


def _day(moment: datetime) -> str:
    """Date of an instant, UTC."""
    return utc(moment).date().isoformat()


def _period(entry: Entry) -> str:
    """First and last day."""
    if entry.extent.time is None:
        return _UNKNOWN
    first, last = entry.extent.time
    return f"{_day(first)} to {_day(last)}"


def _size(entry: Entry) -> str:
    """Bytes as stored, all layouts."""
    return _UNKNOWN if entry.stored_bytes is None else human_bytes(entry.stored_bytes)


def _title(entry: Entry) -> str:
    """Title in the language of the session, if there is one."""
    return (get_options().language == "zh" and entry.title_zh) or entry.title


def _count(count: int, where: str) -> str:
    """Number of entries and where they are."""
    return f"{count:,} entr{'y' if count == 1 else 'ies'} of {where}"


def entries_text(shown: Sequence[tuple[str, Entry]], count: int, where: str) -> str:
    """
    Short list of entries as text.

    Parameters
    ----------
    shown : sequence of tuple
        Names and entries, the first `SHOWN` of them.
    count : int
        How many there are.
    where : str
        What to call the catalogue.

    Returns
    -------
    str
        One line an entry, one line each, and a line on how many more there are.
    """
    width = max((len(name) for name, _ in shown), default=0)
    lines = [f"  {name:{width}}  {_title(entry)} ({_period(entry)}, {_size(entry)})" for name, entry in shown]
    if count > len(shown):
        lines.append(f"  … and {count - len(shown):,} more: search, or to_frame().")
    return "\n".join([_count(count, where), *lines])


def entries_html(shown: Sequence[tuple[str, Entry]], count: int, where: str) -> str:
    """
    Short list of entries as HTML, with a map of where they are.

    Parameters
    ----------
    shown : sequence of tuple
        Names and entries, the first `SHOWN` of them.
    count : int
        How many there are.
    where : str
        What to call the catalogue.

    Returns
    -------
    str
        Table of twenty entries at most and one map of their boxes; all text is escaped.
    """
    rows = [
        (
            name,
            _title(entry),
            ", ".join(entry.variables),
            _period(entry),
            _size(entry),
            entry.license,
            entry.trade.status if entry.trade else "no product",
        )
        for name, entry in shown
    ]
    caption = _count(count, where)
    if count > len(shown):
        caption += f"; the first {len(shown)} are shown"
    headers = ("id", "title", "variables", "period", "stored", "licence", "trade")
    boxes = [entry.extent.bbox for _, entry in shown if entry.extent.bbox is not None]
    drawn = footprint(boxes) if boxes else ""
    return f"<div>{table(rows, headers=headers, caption=caption)}{drawn}</div>"
