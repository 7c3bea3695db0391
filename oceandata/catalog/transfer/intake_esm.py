"""Catalogues of intake-esm datastores into candidates: the JSON description and its table of files or stores."""

import csv
import gzip
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from oceandata.catalog.transfer.candidates import Candidate, common_folder, entry_name
from oceandata.catalog.transfer.fields import Fields
from oceandata.catalog.transfer.rows import CellFault
from oceandata.catalog.transfer.spans import parse_period_text
from oceandata.errors import DocumentError, InputError, NotFoundError

__all__ = ["read_esm"]

_FORMATS = {
    "zarr": "application/vnd+zarr",
    "zarr2": "application/vnd+zarr",
    "zarr3": "application/vnd+zarr",
    "netcdf": "application/x-netcdf",
}

#: Columns of periods, as CMIP and its kin write them: ``185001-201412``.
_PERIODS = ("time_range", "temporal_subset", "date_range", "time_period")

_Rows = list[dict[str, str]]


def read_esm(path: Path, document: Mapping[str, Any]) -> tuple[list[Candidate], list[str]]:
    """
    Candidates of an intake-esm datastore.

    Rows that agree in the columns ``groupby_attrs`` are one dataset. Stores or files of single variables that
    intake-esm would join are datasets of their own, because they are opened one by one here.

    Parameters
    ----------
    path : pathlib.Path
        The ``.json`` of the datastore; a table named in it lies beside it, or at a local path.
    document : mapping
        What the file holds.

    Returns
    -------
    list of Candidate
        In the order of the table.
    list of str
        What was done that one may not expect.

    Raises
    ------
    NotFoundError
        If the table is not there.
    DocumentError
        If the description or the table cannot be used.
    """
    rows = _rows(path, document)
    assets, control = _mapping(document.get("assets")), _mapping(document.get("aggregation_control"))
    column, variable = str(assets.get("column_name", "")), str(control.get("variable_column_name", ""))
    keys = [str(name) for name in control.get("groupby_attrs") or [column]]
    missing = [name for name in (column, *keys) if rows and name not in rows[0]]
    if not column or missing:
        there = ", ".join(rows[0]) if rows else "no rows"
        msg = f"{path} names the columns {missing or [column]}, but the table has {there}. Correct it."
        raise DocumentError(msg)
    candidates = []
    for group in _grouped(rows, keys).values():
        parts = _parted(group, variable)
        for names, members in parts.items():
            alone = names if len(parts) > 1 else ()
            candidates.append(_candidate(path, document, keys, names, members, alone))
    apart = sum(bool(candidate.notes) for candidate in candidates)
    notes = [f"{apart} datasets are one variable of a group each: they are opened one by one here."] if apart else []
    return candidates, notes


def _mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def _rows(path: Path, document: Mapping[str, Any]) -> _Rows:
    """Rows of the table, in the description or in a file beside it."""
    inside = document.get("catalog_dict")
    if isinstance(inside, list):
        return [{str(key): _cell(value) for key, value in row.items()} for row in inside if isinstance(row, dict)]
    named = document.get("catalog_file")
    if not isinstance(named, str) or ("://" in named and not named.startswith("file://")):
        msg = f"{path} names the table {named!r:.120}, need a local .csv or .csv.gz. Fetch it, and put it beside."
        raise DocumentError(msg)
    place = path.parent / named.removeprefix("file://")
    if not place.is_file():
        msg = f"the table {named} of {path} is not at {place}. Put it there."
        raise NotFoundError(msg)
    content = place.read_bytes()
    try:
        text = (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content).decode("utf-8-sig")
        return [
            {key: value or "" for key, value in row.items() if key}
            for row in csv.DictReader(io.StringIO(text, newline=""), strict=True)
        ]
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        msg = f"the table {place} cannot be read: {error}. Check the file."
        raise DocumentError(msg) from error


def _cell(value: Any) -> str:
    """Cell of a row that stands in the description."""
    return "" if value is None else json.dumps(value) if isinstance(value, list) else str(value)


def _grouped(rows: _Rows, keys: Sequence[str]) -> dict[tuple[str, ...], _Rows]:
    """Rows by their values in some columns, in the order of the table."""
    groups: dict[tuple[str, ...], _Rows] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(key, "") for key in keys), []).append(row)
    return groups


def _names(cell: str) -> tuple[str, ...]:
    """Variables of a cell: one name, or a list as Python or JSON writes it."""
    if cell.startswith(("[", "(", "{")):
        return tuple(dict.fromkeys(re.findall(r"""["']([^"']+)["']""", cell)))
    return (cell,) if cell else ()


def _parted(rows: _Rows, variable: str) -> dict[tuple[str, ...], _Rows]:
    """Rows of a group by their variables; all together if the table does not tell these."""
    parts: dict[tuple[str, ...], _Rows] = {}
    for row in rows:
        parts.setdefault(_names(row.get(variable, "")), []).append(row)
    return parts


def _candidate(
    path: Path,
    document: Mapping[str, Any],
    keys: Sequence[str],
    variables: Sequence[str],
    rows: _Rows,
    alone: Sequence[str],
) -> Candidate:
    """One dataset of rows that belong together; alone are the variables that tell it from others of its group."""
    values = [rows[0].get(key, "") for key in keys]
    title = ".".join(filter(None, [*values, *alone]))
    fields: Fields = {("id",): entry_name(title), ("title",): title}
    description = document.get("description")
    if isinstance(description, str) and description.strip():
        fields["summary",] = description.strip()
    words = list(dict.fromkeys(value for value in values if value and "/" not in value))
    if words:
        fields["keywords",] = words
    fields |= {("variables", name): True for name in variables}
    candidate = Candidate(f"{title} ({len(rows)} rows)", fields)
    if alone:
        candidate.notes.append(f"{', '.join(alone)} is a dataset of its own.")
    column = str(document["assets"]["column_name"])
    ordered = sorted(rows, key=lambda row: (_period_text(row), row[column]))
    _set_period(candidate, ordered)
    _set_asset(candidate, document, path, ordered)
    return candidate


def _period_text(row: Mapping[str, str]) -> str:
    """Period of a row as it is written; empty if it has none."""
    return next((row[name] for name in _PERIODS if row.get(name)), "")


def _set_period(candidate: Candidate, rows: _Rows) -> None:
    """Period from the first to the last of rows, if each says its own."""
    texts = [_period_text(row) for row in rows]
    try:
        periods = [parse_period_text(text) for text in texts if text]
    except InputError as error:
        candidate.notes.append(f"the period is unknown: {error}")
        return
    if periods and len(periods) == len(rows):
        candidate.fields["extent", "time", 0] = min(begin for begin, _ in periods)
        candidate.fields["extent", "time", 1] = max(end for _, end in periods)


def _formats(document: Mapping[str, Any], rows: Iterable[Mapping[str, str]]) -> set[str]:
    """Formats of rows, in words of intake-esm."""
    assets = document["assets"]
    column = assets.get("format_column_name")
    if column:
        return {row.get(column, "").casefold() for row in rows}
    return {str(assets.get("format", "")).casefold()}


def _set_asset(candidate: Candidate, document: Mapping[str, Any], path: Path, rows: _Rows) -> None:
    """Where the dataset is stored: one store, or NetCDF files of one folder."""
    formats = _formats(document, rows)
    media = {_FORMATS.get(one, "") for one in formats}
    if len(media) > 1 or "" in media:
        message = f"the format is {', '.join(map(repr, sorted(formats)))}, need one of {', '.join(_FORMATS)}."
        candidate.faults.append(CellFault("assets.*.type", message))
        return
    fields, kind = candidate.fields, media.pop()
    column = str(document["assets"]["column_name"])
    places = list(dict.fromkeys(_place(row[column], path) for row in rows))
    fields["assets", 0, "type"] = kind
    if len(places) == 1:
        fields["assets", 0, "href"] = places[0]
        return
    folder, files = common_folder(places) if kind == "application/x-netcdf" else ("", [])
    if folder:
        fields["assets", 0, "href"], fields["assets", 0, "files"] = folder, files
        return
    what = "stores" if kind == "application/vnd+zarr" else "files without a folder in common"
    message = f"{len(places)} {what} are one dataset by groupby_attrs, need one. Add the column that tells them apart."
    candidate.faults.append(CellFault("assets.*.href", message))


def _place(text: str, path: Path) -> str:
    """Place of a row; one relative to the datastore is made whole."""
    text = text.removeprefix("file://")
    return text if "://" in text or text.startswith("/") else (path.parent / text).as_posix()
