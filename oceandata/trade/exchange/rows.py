"""One row of an exchange's export: a listing or an order, read from cells and written as cells again."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

from oceandata.catalog.transfer.cells import Cell, is_blank, plain, unguard_formula
from oceandata.errors import InputError
from oceandata.trade.exchange.columns import ColumnMap
from oceandata.trade.exchange.values import (
    parse_amount,
    parse_day,
    parse_records,
    parse_revision,
    parse_uscc,
    parse_volume,
    parse_word,
)

__all__ = ["ExchangeRow", "FieldFault", "ReadRow", "read_row", "row_cells"]

#: Fields that are text as it stands.
_TEXTS = (
    *("exchange", "zone", "code", "title", "provider", "certificate", "record_unit", "url"),
    *("order", "buyer", "contract"),
)


@dataclasses.dataclass(frozen=True)
class ExchangeRow:
    """
    What an exchange says of one listing, or of one order.

    Attributes
    ----------
    place : str
        Where it stands: ``row 3``.
    exchange, zone, code, title, provider, uscc, certificate : str
        Empty where the export does not say.
    expires_on : str
        Day on which the certificate ends, ISO 8601.
    model, amount, currency : str
        Way to pay and price of one unit, in major units.
    state : str
        ``listed``, ``suspended``, ``delisted``, or empty.
    revision, nbytes, records : int or None
        None where the export does not say.
    record_unit, content_root, url : str
        As they are written.
    order, buyer, contract, order_state : str
        Of an order; empty in the row of a listing.
    extra : dict of str to str
        Cells of columns that are not understood, by their names.
    source : str
        Name of the file; as-of day and digest stand in the export.
    """

    place: str
    exchange: str = ""
    zone: str = ""
    code: str = ""
    title: str = ""
    provider: str = ""
    uscc: str = ""
    certificate: str = ""
    expires_on: str = ""
    model: str = ""
    amount: str = ""
    currency: str = ""
    state: str = ""
    revision: int | None = None
    nbytes: int | None = None
    records: int | None = None
    record_unit: str = ""
    content_root: str = ""
    url: str = ""
    order: str = ""
    buyer: str = ""
    contract: str = ""
    order_state: str = ""
    extra: Mapping[str, str] = dataclasses.field(default_factory=dict)
    source: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What tells rows apart: the order, else exchange, zone and code, else the certificate."""
        if self.order:
            return ("order", self.exchange, self.order)
        if self.code:
            return ("listing", self.exchange, self.zone, self.code)
        return ("certificate", self.exchange, self.certificate)

    @property
    def name(self) -> str:
        """What to call it in a report."""
        return self.order or self.code or self.certificate

    def said(self) -> dict[str, Any]:
        """What the row says, without where it stands; equal for equal rows of two exports."""
        skipped = ("place", "source")
        return {name: value for name, value in dataclasses.asdict(self).items() if name not in skipped and value}


@dataclasses.dataclass(frozen=True)
class FieldFault:
    """What is wrong with a field of a row."""

    field: str
    message: str


@dataclasses.dataclass(frozen=True)
class ReadRow:
    """A row as far as it could be read, its faults, and what was converted."""

    row: ExchangeRow
    faults: tuple[FieldFault, ...] = ()
    notes: tuple[str, ...] = ()


@dataclasses.dataclass
class _Reader:
    """Collects fields, faults and notes of one row."""

    columns: ColumnMap
    cells: Mapping[str, Cell]
    units: Mapping[str, str]
    fields: dict[str, Any] = dataclasses.field(default_factory=dict)
    faults: list[FieldFault] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)

    def take(self, field: str, read: Callable[[Cell], Mapping[str, Any]]) -> None:
        """Read a cell that says something; a fault is kept."""
        cell = self.cells.get(field)
        if is_blank(cell):
            return
        try:
            found = dict(read(cell))
        except InputError as error:
            self.faults.append(FieldFault(field, str(error)))
            return
        note = found.pop("note", "")
        if note:
            self.notes.append(f"{field}: {note}")
        self.fields |= {name: value for name, value in found.items() if value is not None}

    def amount(self, cell: Cell) -> Mapping[str, Any]:
        """Price, in the unit of the cell, of the column, or of the map's defaults."""
        unit = self.units.get("amount", "") or self.columns.defaults.get("amount_unit", "")
        return parse_amount(
            cell, self.columns.words["currencies"], unit=unit, currency=self.fields.get("currency", "")
        )._asdict()

    def revision(self, cell: Cell) -> Mapping[str, Any]:
        """Number of the revision; another kind of name is told and not compared."""
        number = parse_revision(cell)
        said = "" if number is not None else f"{plain(cell)!r} is no number of a revision and is not compared"
        return {"revision": number, "note": said}

    def day(self, cell: Cell) -> Mapping[str, Any]:
        """Day as ISO 8601."""
        found = parse_day(cell)
        return {"expires_on": found.isoformat() if found else ""}

    def volume(self, cell: Cell) -> Mapping[str, Any]:
        """Bytes and records."""
        return parse_volume(cell, unit=self.units.get("volume", ""))._asdict()

    def records(self, cell: Cell) -> Mapping[str, Any]:
        """Number of records; the column of its own wins over that of the volume."""
        found = parse_records(cell, unit=self.units.get("records", ""))
        return {"records": found.records, "note": found.note}

    def word(self, field: str, part: str) -> None:
        """Value of a word."""
        self.take(field, lambda cell: {field: parse_word(cell, self.columns.words[part], part)})


def _text(cell: Cell) -> str:
    """Cell as text; a whole number without decimals."""
    return plain(cell) if isinstance(cell, float) else unguard_formula("" if cell is None else str(cell)).strip()


def read_row(
    cells: Mapping[str, Cell],
    columns: ColumnMap,
    *,
    place: str,
    units: Mapping[str, str],
    extra: Mapping[str, Cell],
    source: str,
) -> ReadRow:
    """
    Read one row; every fault of it is found at once.

    Parameters
    ----------
    cells : mapping of str to cell
        By field.
    columns : ColumnMap
        Words and defaults.
    place : str
        Where it stands.
    units : mapping of str to str
        Units in the names of the columns, by field.
    extra : mapping of str to cell
        Cells of columns that are not understood.
    source : str
        Name of the file.

    Returns
    -------
    ReadRow
        With what could be read; a cell with a fault counts as empty.
    """
    reader = _Reader(columns, cells, units)
    fields = reader.fields
    fields |= {name: columns.defaults[name] for name in ("exchange", "zone") if columns.defaults.get(name)}
    for name in _TEXTS:
        fields |= {name: _text(cells.get(name))} if _text(cells.get(name)) else {}
    if not is_blank(cells.get("amount")) and columns.defaults.get("currency"):
        fields["currency"] = columns.defaults["currency"]
    reader.word("currency", "currencies")
    reader.word("model", "models")
    reader.word("state", "states")
    reader.word("order_state", "order_states")
    reader.take("uscc", lambda cell: {"uscc": parse_uscc(cell)})
    reader.take("amount", reader.amount)
    reader.take("expires_on", reader.day)
    reader.take("revision", reader.revision)
    reader.take("volume", reader.volume)
    reader.take("records", reader.records)
    reader.take("content_root", lambda cell: {"content_root": _root(cell)})
    rest = {name: _text(cell) for name, cell in extra.items() if _text(cell)}
    row = ExchangeRow(place=place, source=source, extra=rest, **fields)
    if not (row.code or row.order or row.certificate):
        message = "the row names neither a code nor a certificate nor an order. Fill in one of them."
        reader.faults.append(FieldFault("code", message))
    return ReadRow(row, tuple(reader.faults), tuple(reader.notes))


def _root(cell: Cell) -> str:
    text = plain(cell).casefold()
    text = text if text.startswith("sha256:") else f"sha256:{text}"
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", text):
        msg = f"{plain(cell)!r:.60} is no SHA-256 digest. Write its 64 hexadecimal digits."
        raise InputError(msg)
    return text


def row_cells(row: ExchangeRow) -> dict[str, Cell]:
    """
    Cells of a row by field, which `read_row` reads as the same row.

    Parameters
    ----------
    row : ExchangeRow
        The row.

    Returns
    -------
    dict of str to cell
        Without fields that say nothing; what is not understood stands under its own name.
    """
    cells: dict[str, Cell] = {name: getattr(row, name) for name in _TEXTS if getattr(row, name)}
    for name in ("uscc", "expires_on", "model", "amount", "currency", "state", "order_state", "content_root"):
        cells |= {name: getattr(row, name)} if getattr(row, name) else {}
    if row.revision is not None:
        cells["revision"] = str(row.revision)
    if row.nbytes is not None:
        cells["volume"] = f"{row.nbytes} B"
    if row.records is not None:
        cells["records"] = str(row.records)
    return cells
