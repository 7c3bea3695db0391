"""Sheets as rows of cells: CSV in any encoding that staff use, and Excel; written so that no cell is a formula."""

import csv
import dataclasses
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oceandata.atomic import replacing
from oceandata.catalog.transfer.cells import Cell, guard_formula
from oceandata.errors import DocumentError, InputError, MissingExtraError, NotFoundError, closest

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

__all__ = ["Row", "Table", "read_table", "require_sheet_path", "write_table"]

#: Rows from the top among which the header is looked for; staff put a title above it.
_HEADER_WITHIN = 10

#: Most characters that one cell of Excel holds.
_LONGEST_CELL = 32_767

_SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm")

#: Signs that Excel cannot hold.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


@dataclasses.dataclass(frozen=True)
class Row:
    """
    One row of a sheet.

    Attributes
    ----------
    number : int
        Its number as a spreadsheet shows it; the first is 1.
    cells : tuple
        As many as there are headers.
    """

    number: int
    cells: tuple[Cell, ...]


@dataclasses.dataclass(frozen=True)
class Table:
    """
    A sheet that was read.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    headers : tuple of str
        Names of the columns.
    rows : tuple of Row
        Rows that hold anything.
    form : str
        What was understood of the file, for people: ``CSV, GB18030``.
    notes : tuple of str
        What was done that one may not expect.
    """

    path: Path
    headers: tuple[str, ...]
    rows: tuple[Row, ...]
    form: str
    notes: tuple[str, ...] = ()


#: How many of the cells of a row are names of columns that are known.
Known = Callable[[Sequence[str]], int]


def require_sheet_path(path: str | Path) -> Path:
    """
    Path of a sheet by its suffix.

    Parameters
    ----------
    path : str or pathlib.Path
        Where a sheet is or shall be.

    Returns
    -------
    pathlib.Path
        The path.

    Raises
    ------
    InputError
        If it ends neither in ``.csv`` nor in ``.xlsx``.
    """
    path = Path(path)
    if path.suffix.lower() not in _SUFFIXES:
        msg = f"{path.name} ends in {path.suffix!r}, need .csv or .xlsx. Save it as one of them."
        raise InputError(msg)
    return path


def read_table(path: str | Path, known: Known) -> Table:
    """
    Read a sheet.

    The header is the row, of the first ten, in which most columns are known. CSV may be UTF-8, UTF-16 or GB18030, with
    commas, semicolons or tabs. Of a workbook the first sheet with a header is taken; a cell that was merged over
    several rows counts for each of them.

    Parameters
    ----------
    path : str or pathlib.Path
        A ``.csv``, ``.tsv`` or ``.xlsx`` file.
    known : callable
        Takes the texts of a row, gives how many of them are names of columns.

    Returns
    -------
    Table
        Its rows.

    Raises
    ------
    NotFoundError
        If there is no such file.
    DocumentError
        If it cannot be read, or no row of it is a header.
    MissingExtraError
        If a workbook is given and openpyxl is not installed.
    """
    path = require_sheet_path(path)
    if not path.is_file():
        there = sorted(file.name for file in path.parent.glob("*.*")) if path.parent.is_dir() else []
        msg = f"no sheet at {path}. {closest(path.name, there)}".rstrip()
        raise NotFoundError(msg)
    if path.suffix.lower() in (".xlsx", ".xlsm"):
        return _read_workbook(path, known)
    return _read_csv(path, known)


def _header_at(rows: Sequence[Sequence[Cell]], known: Known) -> tuple[int, int]:
    """Position of the header and how many of its columns are known."""
    counts = [known([_text(cell) for cell in row]) for row in rows[:_HEADER_WITHIN]]
    best = max(counts, default=0)
    return (counts.index(best), best) if best else (-1, 0)


def _text(cell: Cell) -> str:
    """Cell as text."""
    return "" if cell is None else str(cell).strip()


def _no_header(path: Path, rows: Sequence[Sequence[Cell]]) -> DocumentError:
    """What to say where no row is a header."""
    first = next((row for row in rows if any(_text(cell) for cell in row)), [])
    shown = ", ".join(repr(_text(cell)) for cell in first if _text(cell))[:200]
    msg = (
        f"{path} has no row of column names among its first {_HEADER_WITHIN}: it begins with {shown or 'nothing'}. "
        "Use names such as id, title, 数据集名称, 变量; 'oceandata catalog template --for sheet' writes a sheet with "
        "them, and --columns names your own."
    )
    return DocumentError(msg)


def _table(path: Path, rows: Sequence[Sequence[Cell]], known: Known, form: str, notes: Sequence[str]) -> Table:
    """Table of all rows of a sheet."""
    at, count = _header_at(rows, known)
    if not count:
        raise _no_header(path, rows)
    headers = [_text(cell) for cell in rows[at]]
    while headers and not headers[-1]:
        headers.pop()
    width, body, spare = len(headers), [], 0
    for number, row in enumerate(rows[at + 1 :], start=at + 2):
        if any(_text(cell) for cell in row):
            body.append(Row(number, tuple(row[:width]) + (None,) * (width - len(row))))
            spare += any(_text(cell) for cell in row[width:])
    notes = [*notes]
    if spare:
        notes.append(f"{spare} rows hold cells right of the last column name; they are not read.")
    return Table(path, tuple(headers), tuple(body), form, tuple(notes))


@contextmanager
def _long_cells() -> Iterator[None]:
    """CSV cells of any length, inside a ``with`` block."""
    before = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _decoded(content: bytes) -> list[tuple[str, str]]:
    """Encodings that a content may be in, the likelier first, and its text in each."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        names = ["utf-16"]
    elif content.startswith(b"\xef\xbb\xbf"):
        names = ["utf-8-sig"]
    else:
        names = ["utf-8", "gb18030"]
    texts = []
    for name in names:
        with suppress(UnicodeDecodeError):
            texts.append((name, content.decode(name)))
    return texts


def _read_csv(path: Path, known: Known) -> Table:
    """Table of a CSV file: the encoding and the delimiter are those in which most column names are known."""
    best: tuple[int, str, list[list[str]]] | None = None
    for encoding, text in _decoded(path.read_bytes()):
        for delimiter in (",", "\t", ";"):
            try:
                with _long_cells():
                    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
            except csv.Error:
                continue
            count = _header_at(rows, known)[1]
            if best is None or count > best[0]:
                name = "GB18030" if encoding == "gb18030" else encoding.upper().removesuffix("-SIG")
                best = count, name, rows
    if best is None:
        msg = f"{path} is no CSV in UTF-8, UTF-16 or GB18030. Open it in a spreadsheet and save it as CSV UTF-8."
        raise DocumentError(msg)
    return _table(path, best[2], known, f"CSV, {best[1]}", ())


def _require_openpyxl() -> Any:
    try:
        import openpyxl
    except ImportError as error:
        msg = (
            "Excel sheets need openpyxl, which is not installed. Run pip install 'oceandata-exchange[sheet]', or save "
            "the sheet as CSV."
        )
        raise MissingExtraError(msg) from error
    return openpyxl


def _read_workbook(path: Path, known: Known) -> Table:
    """Table of the first sheet of a workbook that has a header."""
    openpyxl = _require_openpyxl()
    try:
        book = openpyxl.load_workbook(path, data_only=True)
    except Exception as error:  # a damaged workbook fails in many ways inside zipfile and the XML parser
        msg = f"{path} cannot be read as an Excel workbook ({error}). Open it in a spreadsheet and save it again."
        raise DocumentError(msg) from error
    sheets = [(sheet, _sheet_rows(sheet)) for sheet in book.worksheets if sheet.sheet_state == "visible"]
    counts = [_header_at(rows, known)[1] for _, rows in sheets]
    if not any(counts):
        raise _no_header(path, sheets[0][1] if sheets else [])
    at = next(i for i, count in enumerate(counts) if count)
    sheet, rows = sheets[at]
    others = [other.title for i, (other, _) in enumerate(sheets) if counts[i] and i != at]
    notes = [f"only the sheet {sheet.title!r} is read, not {', '.join(map(repr, others))}."] if others else []
    lost = _formulas_without_value(path, sheet.title, rows)
    if lost:
        msg = (
            f"{path} holds formulas without their values, in {', '.join(lost[:10])}. Open it in a spreadsheet, and "
            "save it again, or paste the values."
        )
        raise DocumentError(msg)
    return _table(path, rows, known, f"Excel, sheet {sheet.title!r}", notes)


def _sheet_rows(sheet: "Worksheet") -> list[list[Cell]]:
    """Cells of a sheet; what is merged over rows counts for each."""
    rows: list[list[Any]] = [list(row) for row in sheet.iter_rows(values_only=True)]
    for merged in sheet.merged_cells.ranges:
        left, top, _, bottom = merged.bounds
        for number in range(top, min(bottom, len(rows))):
            rows[number][left - 1] = rows[top - 1][left - 1]
    return rows


def _formulas_without_value(path: Path, title: str, rows: list[list[Cell]]) -> list[str]:
    """Cells whose formula was never computed by a spreadsheet."""
    from zipfile import ZipFile

    with ZipFile(path) as packed:
        names = [name for name in packed.namelist() if name.startswith("xl/worksheets/")]
        if not any(re.search(rb"<f[ >/]", packed.read(name)) for name in names):
            return []
    sheet = _require_openpyxl().load_workbook(path)[title]
    return [
        cell.coordinate
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "f" and rows[cell.row - 1][cell.column - 1] is None
    ]


def write_table(
    path: str | Path,
    headers: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    marked: Mapping[tuple[int, int], str] | None = None,
    guide: Sequence[Sequence[str]] = (),
) -> Path:
    """
    Write a sheet, whole or not at all.

    CSV is UTF-8 with a mark that Excel needs. No cell can be taken for a formula.

    Parameters
    ----------
    path : str or pathlib.Path
        A ``.csv`` or ``.xlsx`` file; one that is there is replaced.
    headers : sequence of str
        Names of the columns.
    rows : sequence of sequence
        Cells of each row.
    marked : mapping of tuple to str or None
        Remarks on cells by position of row and column, shown in a workbook.
    guide : sequence of sequence of str
        Rows of a second sheet of a workbook that explains the first.

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
    path = require_sheet_path(path)
    with replacing(path) as beside:
        if path.suffix.lower() in (".xlsx", ".xlsm"):
            _write_workbook(beside, headers, rows, marked or {}, guide)
        else:
            _write_csv(beside, headers, rows, "\t" if path.suffix.lower() == ".tsv" else ",")
    return path


def _safe(cell: Cell) -> Cell:
    """Cell that is no formula; a number that a spreadsheet would round is text."""
    if isinstance(cell, str):
        return guard_formula(cell.replace("\r\n", "\n").replace("\r", "\n"))
    if isinstance(cell, float) and float(f"{cell:.15g}") != cell:
        return repr(cell)
    return str(cell) if isinstance(cell, int) and abs(cell) >= 10**15 else cell


def _dated(cell: Cell) -> Cell:
    """Cell of a workbook that holds a day, as the day without its midnight."""
    if isinstance(cell, datetime) and cell.tzinfo is None and cell.time() == datetime.min.time():
        return cell.date().isoformat()
    return cell


def _write_csv(path: Path, headers: Sequence[str], rows: Sequence[Sequence[Cell]], delimiter: str) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        for row in (headers, *rows):
            writer.writerow(["" if cell is None else _safe(_dated(cell)) for cell in row])


def _write_workbook(
    path: Path,
    headers: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    marked: Mapping[tuple[int, int], str],
    guide: Sequence[Sequence[str]],
) -> None:
    openpyxl = _require_openpyxl()
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "datasets"
    for number, row in enumerate((headers, *rows), start=1):
        for column, cell in enumerate(row, start=1):
            if cell is not None and cell != "":
                _set(sheet.cell(number, column), cell)
    _style(sheet, headers, marked)
    if guide:
        second = book.create_sheet("guide")
        for number, texts in enumerate(guide, start=1):
            for column, text in enumerate(texts, start=1):
                _set(second.cell(number, column), text)
        for letter, width in zip("ABCD", (30, 30, 70, 70), strict=True):
            second.column_dimensions[letter].width = width
    book.save(path)


def _set(target: Any, cell: Cell) -> None:
    """Put a value into a cell of a workbook; text is text, whatever it begins with."""
    value = _safe(cell)
    if isinstance(value, str):
        illegal = _ILLEGAL.search(value)
        if len(value) > _LONGEST_CELL or illegal:
            reason = f"the sign {illegal[0]!a}" if illegal else f"{len(value)} characters, {_LONGEST_CELL} at most"
            msg = f"cell {target.coordinate} would hold {reason}, which Excel cannot keep. Write a .csv instead."
            raise InputError(msg)
        target.value = value
        target.data_type = "s"
        target.number_format = "@"
    else:
        target.value = value


def _style(sheet: "Worksheet", headers: Sequence[str], marked: Mapping[tuple[int, int], str]) -> None:
    """Header that stays in view, columns one can read, remarks on cells."""
    from openpyxl.comments import Comment
    from openpyxl.styles import Font, PatternFill
    from openpyxl.utils import get_column_letter

    for column, header in enumerate(headers, start=1):
        sheet.cell(1, column).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(column)].width = max(12, min(40, 2 * len(header) + 2))
    sheet.freeze_panes = "A2"
    for (row, column), remark in marked.items():
        cell = sheet.cell(row + 2, column + 1)
        cell.fill = PatternFill("solid", start_color="FFFFC7CE")
        cell.comment = Comment(remark, "oceandata")
