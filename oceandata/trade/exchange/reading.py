"""Reading what an exchange hands out: a sheet or JSON into rows, faulty ones given back, the sound ones kept."""

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from oceandata.atomic import write_text
from oceandata.catalog.transfer.cells import Cell, unguard_formula
from oceandata.catalog.transfer.columns import Language
from oceandata.catalog.transfer.tables import Row, Table, read_table, write_table
from oceandata.errors import DocumentError, InputError, NotFoundError, closest
from oceandata.trade.exchange.columns import FAULTS, ColumnMap, load_column_map, shipped_column_map
from oceandata.trade.exchange.rows import ExchangeRow, FieldFault, ReadRow, read_row, row_cells

__all__ = ["ExchangeExport", "RefusedRow", "changes_of", "read_export", "write_export", "write_refused"]

_JSON = (".json", ".jsonl")


@dataclasses.dataclass(frozen=True)
class RefusedRow:
    """A row with faults: where it stands, its position in the sheet, what is wrong, and what could be read of it."""

    place: str
    index: int
    faults: tuple[FieldFault, ...]
    row: ExchangeRow


@dataclasses.dataclass(frozen=True)
class ExchangeExport:
    """
    An export of an exchange as it was read.

    Attributes
    ----------
    source : str
        Name of the file.
    form : str
        What was understood of it: ``CSV, GB18030``.
    sha256 : str
        Digest of the file.
    as_of : date
        The day it tells of.
    rows : tuple of ExchangeRow
        Sound rows.
    refused : tuple of RefusedRow
        Rows with faults; they take no part in a comparison.
    notes : tuple of str
        What was converted, and what was not understood.
    extra_columns : tuple of str
        Names of columns that are kept as they are.
    table : Table
        The sheet itself.
    fields : tuple of str
        Field of each of its columns; empty for those that are not understood.
    exchange : str
        The one exchange that it is of, as whoever read it, the column map, or a kept export says; empty if nobody does.
    """

    source: str
    form: str
    sha256: str
    as_of: date
    rows: tuple[ExchangeRow, ...]
    refused: tuple[RefusedRow, ...]
    notes: tuple[str, ...]
    extra_columns: tuple[str, ...]
    table: Table
    fields: tuple[str, ...]
    exchange: str = ""

    @property
    def listings(self) -> tuple[ExchangeRow, ...]:
        """Rows of listings."""
        return tuple(row for row in self.rows if not row.order)

    @property
    def orders(self) -> tuple[ExchangeRow, ...]:
        """Rows of orders."""
        return tuple(row for row in self.rows if row.order)

    def to_json(self) -> dict[str, Any]:
        """JSON form of what was read; rows as they would be kept."""
        return {
            "source": self.source,
            "form": self.form,
            "sha256": self.sha256,
            "as_of": self.as_of.isoformat(),
            "exchange": self.exchange,
            "rows": [row.said() for row in self.rows],
            "refused": [
                {"place": one.place, "faults": [dataclasses.asdict(fault) for fault in one.faults]}
                for one in self.refused
            ],
            "notes": list(self.notes),
            "extra_columns": list(self.extra_columns),
        }


def read_export(
    path: str | Path, *, column_map: str | Path | None = None, as_of: date | None = None, exchange: str = ""
) -> ExchangeExport:
    """
    Read an export of an exchange.

    A row with an order number is an order, any other row a listing. Rows that say the same exchange, zone and code
    twice are refused from the second on.

    Parameters
    ----------
    path : str or pathlib.Path
        A ``.csv``, ``.xlsx``, ``.json`` (a list of objects, or an object that holds one) or ``.jsonl`` file.
    column_map : str or pathlib.Path or None
        One's own names and words (`load_column_map`); those that ship by default.
    as_of : date or None
        The day the export tells of; by default what a kept export says, else the day of the file.
    exchange : str
        Which exchange, where the export has no column for it; listings that are gone are told only where it is known.

    Returns
    -------
    ExchangeExport
        Sound and refused rows; nothing was written.

    Raises
    ------
    NotFoundError
        If there is no such file.
    DocumentError
        If it cannot be read at all.
    InputError
        If two columns are of one field.
    MissingExtraError
        If a workbook is given and openpyxl is not installed.

    Notes
    -----
    The whole file is in memory, about 3 kB a row.
    """
    path = Path(path)
    columns = load_column_map(column_map) if column_map else shipped_column_map()
    if exchange:
        columns = dataclasses.replace(columns, defaults={**columns.defaults, "exchange": exchange})
    table, said = _read_json(path) if path.suffix.lower() in _JSON else (read_table(path, columns.count), {})
    if said.get("exchange") and not exchange:
        columns = dataclasses.replace(columns, defaults={**columns.defaults, "exchange": said["exchange"]})
    fields = columns.fields(table.headers)
    unknown = tuple(header for header, field in zip(table.headers, fields, strict=True) if header and not field)
    found = _read_rows(table, fields, columns, path.name)
    notes = [*table.notes]
    if unknown:
        notes.append(f"columns that are not understood are kept as they are: {', '.join(unknown)}.")
    notes += _counted(note for one in found for note in one.notes)
    notes += _float_note(table, fields)
    day = as_of or (date.fromisoformat(said["as_of"]) if said.get("as_of") else None)
    if day is None:
        day = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC).date()
        notes.append(f"as of {day}, the day of the file: the export itself does not say.")
    return ExchangeExport(
        source=path.name,
        form=table.form,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        as_of=day,
        rows=tuple(one.row for one in found if not one.faults),
        refused=tuple(RefusedRow(one.row.place, i, one.faults, one.row) for i, one in enumerate(found) if one.faults),
        notes=tuple(notes),
        extra_columns=unknown,
        table=table,
        fields=tuple(fields),
        exchange=columns.defaults.get("exchange", ""),
    )


def _read_rows(table: Table, fields: Sequence[str], columns: ColumnMap, source: str) -> list[ReadRow]:
    """Every row of a sheet; of rows with the same key the first is sound."""
    units = {field: columns.unit(header) for header, field in zip(table.headers, fields, strict=True) if field}
    found, first = [], dict[tuple[str, ...], str]()
    for row in table.rows:
        cells: dict[str, Cell] = {}
        extra: dict[str, Cell] = {}
        for header, field, cell in zip(table.headers, fields, row.cells, strict=True):
            if field and field != FAULTS:
                cells[field] = unguard_formula(cell) if isinstance(cell, str) else cell
            elif header and not field:
                extra[header] = cell
        place = f"row {row.number}"
        one = read_row(cells, columns, place=place, units=units, extra=extra, source=source)
        before = first.setdefault(one.row.key, place)
        if before != place and one.row.name:
            message = f"{one.row.name!r} stands in {before} already. Keep one of the two rows."
            one = dataclasses.replace(one, faults=(*one.faults, FieldFault(_key_field(one.row), message)))
        found.append(one)
    return found


def _key_field(row: ExchangeRow) -> str:
    return "order" if row.order else "code" if row.code else "certificate"


def _counted(notes: Iterable[str]) -> list[str]:
    """Notes of rows, by field: the first of them, and how many more."""
    by_field: dict[str, list[str]] = {}
    for note in notes:
        field, _, text = note.partition(": ")
        by_field.setdefault(field, []).append(text)
    return [
        f"{field}: {texts[0]}" + (f" (and {len(texts) - 1} more)" if len(texts) > 1 else "")
        for field, texts in by_field.items()
    ]


def _float_note(table: Table, fields: Sequence[str]) -> list[str]:
    """What to say of prices that a spreadsheet keeps as binary fractions."""
    if "amount" not in fields:
        return []
    at = fields.index("amount")
    count = sum(isinstance(row.cells[at], float) for row in table.rows)
    return [f"amount: {count} cells are numbers of a spreadsheet, taken as they are shown."] if count else []


def _read_json(path: Path) -> tuple[Table, dict[str, str]]:
    """Table of JSON, and the day and the exchange that it says it tells of."""
    if not path.is_file():
        there = sorted(file.name for file in path.parent.glob("*.json*")) if path.parent.is_dir() else []
        msg = f"no file at {path}. {closest(path.name, there)}".rstrip()
        raise NotFoundError(msg)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        text = path.read_bytes().decode("gb18030", errors="replace")
    try:
        if path.suffix.lower() == ".jsonl":
            document: Any = [json.loads(line, parse_float=str) for line in text.splitlines() if line.strip()]
        else:
            document = json.loads(text, parse_float=str)
    except (ValueError, RecursionError) as error:
        msg = f"{path} is no JSON: {error}. Check the file."
        raise DocumentError(msg) from error
    named = document if isinstance(document, dict) else {}
    said = {name: named[name] for name in ("as_of", "exchange") if isinstance(named.get(name), str)}
    objects = _objects(path, document)
    headers = tuple(dict.fromkeys(str(key) for one in objects for key in one))
    rows = tuple(
        Row(number, tuple(_json_cell(one.get(header)) for header in headers))
        for number, one in enumerate(objects, start=1)
    )
    return Table(path, headers, rows, "JSON"), said


def _objects(path: Path, document: Any) -> list[dict[str, Any]]:
    """The one list of objects in a document."""
    lists = [document] if isinstance(document, list) else []
    if isinstance(document, dict):
        lists = [value for value in document.values() if isinstance(value, list) and _are_objects(value)]
    if isinstance(document, dict) and document.get("rows") == [] and "sha256" in document:
        return []  # a kept export of which no row was sound
    if len(lists) != 1 or not _are_objects(lists[0]):
        msg = f"{path} holds {len(lists)} lists of objects, need one: a list of rows, or an object that holds one."
        raise DocumentError(msg)
    return list(lists[0])


def _are_objects(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(one, dict) for one in values)


def _json_cell(value: Any) -> Cell:
    """Value as a cell; what is nested stays as JSON text."""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value  # type: ignore[no-any-return]  # text, number, bool or None


def write_export(path: str | Path, export: ExchangeExport, *, language: Language = "en") -> Path:
    """
    Keep the sound rows of an export, in a form that `read_export` reads as the same rows.

    No cell can be taken for a formula. JSON also keeps the day, the name and the digest of the source.

    Parameters
    ----------
    path : str or pathlib.Path
        A ``.csv``, ``.xlsx`` or ``.json`` file; one that is there is replaced.
    export : ExchangeExport
        From `read_export`.
    language : {"en", "zh"}
        Of the names of the columns.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        If the suffix is another, or a text does not fit into a cell of Excel.
    MissingExtraError
        If a workbook is asked for and openpyxl is not installed.
    """
    path, labels = Path(path), shipped_column_map().labels
    cells = [row_cells(row) for row in export.rows]
    used = [field for field in labels if any(field in one for one in cells)]
    extra = list(dict.fromkeys(name for row in export.rows for name in row.extra))
    if path.suffix.lower() == ".json":
        rows = [one | dict(row.extra) for one, row in zip(cells, export.rows, strict=True)]
        document: dict[str, Any] = {"source": export.source, "sha256": export.sha256}
        document |= {"as_of": export.as_of.isoformat(), "exchange": export.exchange, "rows": rows}
        return write_text(path, json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    at = 1 if language == "zh" else 0
    headers = [*(labels[field][at] for field in used), *extra]
    return write_table(
        path,
        headers,
        [
            [*(one.get(field) for field in used), *(row.extra.get(name) for name in extra)]
            for one, row in zip(cells, export.rows, strict=True)
        ],
    )


def write_refused(path: str | Path, export: ExchangeExport) -> Path:
    """
    Give faulty rows back: a copy of them as they came, with the reasons, to be mended and read again.

    Parameters
    ----------
    path : str or pathlib.Path
        A ``.csv`` or ``.xlsx`` file; in a workbook the faulty cells are marked.
    export : ExchangeExport
        From `read_export`.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        If it would be written over the source, or the suffix is another.
    MissingExtraError
        If a workbook is asked for and openpyxl is not installed.
    """
    path, table = Path(path), export.table
    if path.resolve() == table.path.resolve():
        msg = f"the faulty rows would be written over the source {path}. Choose another file."
        raise InputError(msg)
    kept = [i for i, field in enumerate(export.fields) if field != FAULTS]
    fields = [export.fields[i] for i in kept]
    marked: dict[tuple[int, int], str] = {}
    rows: list[list[Cell]] = []
    for number, one in enumerate(export.refused):
        cells = [table.rows[one.index].cells[i] for i in kept]
        rows.append([unguard_formula(cell) if isinstance(cell, str) else cell for cell in cells])
        rows[-1].append("\n".join(fault.message for fault in one.faults))
        for fault in one.faults:
            if fault.field in fields:
                at = (number, fields.index(fault.field))
                marked[at] = "\n".join(filter(None, [marked.get(at, ""), fault.message]))
    chinese = shipped_column_map().labels[FAULTS][1]
    reasons = f"{chinese} {FAULTS}" if any(not one.isascii() for one in table.headers) else FAULTS
    return write_table(path, [*(table.headers[i] for i in kept), reasons], rows, marked=marked)


def changes_of(before: ExchangeExport | None, after: ExchangeExport) -> dict[str, int]:
    """
    What an export changes of the one that was kept before.

    Parameters
    ----------
    before : ExchangeExport or None
        The kept one; None if there is none.
    after : ExchangeExport
        The new one.

    Returns
    -------
    dict of str to int
        Rows ``created``, ``updated``, ``unchanged``, ``gone`` and ``refused``.
    """
    old: Mapping[tuple[str, ...], dict[str, Any]] = {row.key: row.said() for row in before.rows} if before else {}
    counts = Counter(
        "created" if row.key not in old else "unchanged" if old[row.key] == row.said() else "updated"
        for row in after.rows
    )
    gone = set(old) - {row.key for row in after.rows}
    found = {name: counts[name] for name in ("created", "updated", "unchanged")}
    return found | {"gone": len(gone), "refused": len(after.refused)}
