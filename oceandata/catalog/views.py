"""Views of entries: counts, a table, text and HTML."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from oceandata._html import footprint, human_bytes, table
from oceandata.catalog.extents import utc
from oceandata.catalog.licences import licence_identifiers
from oceandata.catalog.words import quantities
from oceandata.entities import Entry
from oceandata.options import get_options

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["count_facets", "entries_frame", "entries_html", "entries_text"]

_SHOWN = 20
_UNKNOWN = "unknown"
_COLUMNS = [
    *("title", "title_zh", "variables", "begin", "end", "time_resolution", "west", "south", "east", "north"),
    *("top_m", "bottom_m", "stored_bytes", "decoded_bytes", "licence", "providers", "trade"),
]


def count_facets(entries: Iterable[Entry]) -> dict[str, dict[str | bool, int]]:
    """
    Number of entries by the values one can search for.

    Parameters
    ----------
    entries : iterable of Entry
        The datasets.

    Returns
    -------
    dict of str to dict
        Counts by facet and value, most frequent first, then by name.
    """
    counters: dict[str, Counter[str | bool]] = {}
    for entry in entries:
        for facet, values in _facet_values(entry).items():
            counters.setdefault(facet, Counter()).update({value for value in values if value != ""})
    return {
        facet: dict(sorted(counter.items(), key=lambda pair: (-pair[1], str(pair[0]))))
        for facet, counter in counters.items()
    }


def _facet_values(entry: Entry) -> dict[str, Collection[str | bool]]:
    """Values of one entry by facet."""
    variables = entry.variables
    return {
        "variable": [quantity for pair in variables.items() for quantity in quantities(*pair)],
        "standard_name": [name for v in variables.values() for name in (v.standard_name, v.canonical_name)],
        "keyword": [*entry.keywords, *entry.keywords_zh],
        "licence": licence_identifiers(entry.license),
        "provider": [provider.name for provider in entry.providers],
        "processing_level": [entry.processing_level],
        "traded": [entry.trade is not None],
    }


def entries_frame(entries: Mapping[str, Entry]) -> "pd.DataFrame":
    """
    Entries as a table.

    Parameters
    ----------
    entries : mapping of str to Entry
        The datasets by id.

    Returns
    -------
    pandas.DataFrame
        One row an entry; what is unknown is missing.
    """
    import pandas as pd

    rows = {name: _row(entry) for name, entry in entries.items()}
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


def _count(entries: Mapping[str, Entry], where: str) -> str:
    """Number of entries and where they are."""
    return f"{len(entries)} entr{'y' if len(entries) == 1 else 'ies'} of {where}"


def entries_text(entries: Mapping[str, Entry], where: str) -> str:
    """
    Short list of entries as text.

    Parameters
    ----------
    entries : mapping of str to Entry
        The datasets by id.
    where : str
        What to call the catalogue.

    Returns
    -------
    str
        One line an entry, twenty at most, and a line on how many more there are.
    """
    shown = list(entries.items())[:_SHOWN]
    width = max((len(name) for name, _ in shown), default=0)
    lines = [f"  {name:{width}}  {_title(entry)} ({_period(entry)}, {_size(entry)})" for name, entry in shown]
    if len(entries) > _SHOWN:
        lines.append(f"  … and {len(entries) - _SHOWN} more: search, or to_frame().")
    return "\n".join([_count(entries, where), *lines])


def entries_html(entries: Mapping[str, Entry], where: str) -> str:
    """
    Short list of entries as HTML, with a map of where they are.

    Parameters
    ----------
    entries : mapping of str to Entry
        The datasets by id.
    where : str
        What to call the catalogue.

    Returns
    -------
    str
        Table of twenty entries at most and one map of their boxes; all text is escaped.
    """
    shown = list(entries.items())[:_SHOWN]
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
    caption = _count(entries, where)
    if len(entries) > _SHOWN:
        caption += f"; the first {_SHOWN} are shown"
    headers = ("id", "title", "variables", "period", "stored", "licence", "trade")
    boxes = [entry.extent.bbox for _, entry in shown if entry.extent.bbox is not None]
    drawn = footprint(boxes) if boxes else ""
    return f"<div>{table(rows, headers=headers, caption=caption)}{drawn}</div>"
