"""Entries as a sheet, and the empty sheet that staff fill in."""

from collections.abc import Sequence
from pathlib import Path

from oceandata.catalog.release import public_fields
from oceandata.catalog.transfer.cells import Cell
from oceandata.catalog.transfer.columns import Language, columns
from oceandata.catalog.transfer.rows import entry_cells
from oceandata.catalog.transfer.tables import write_table
from oceandata.entities import Entry

__all__ = ["entry_to_cells", "write_sheet", "write_sheet_template"]


def entry_to_cells(entry: Entry) -> dict[str, Cell]:
    """
    Row of a sheet of an entry.

    Only public fields go in (`oceandata.catalog.release.public_fields`).

    Parameters
    ----------
    entry : Entry
        The dataset.

    Returns
    -------
    dict of str to object
        Cells by the field of their column; a new dict that the caller may extend.

    Raises
    ------
    DocumentError
        If the entry may not be released.
    """
    return entry_cells(public_fields(entry))


def write_sheet(path: str | Path, rows: Sequence[dict[str, Cell]], *, language: Language = "en") -> Path:
    """
    Write rows of entries as a sheet that `import_entries` reads again.

    Parameters
    ----------
    path : str or pathlib.Path
        A ``.csv`` or ``.xlsx`` file; one that is there is replaced.
    rows : sequence of dict
        As `entry_to_cells` gives them.
    language : str
        ``"en"`` or ``"zh"``, of the names of the columns.

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
    used = [column for field, column in columns().items() if any(field in row for row in rows)]
    headers = [column.header(language) for column in used]
    return write_table(path, headers, [[row.get(column.field) for column in used] for row in rows])


def write_sheet_template(path: str | Path, *, language: Language = "en") -> Path:
    """
    Write an empty sheet with the columns that most datasets need.

    Parameters
    ----------
    path : str or pathlib.Path
        A ``.csv`` or ``.xlsx`` file; one that is there is replaced. A workbook has a second sheet that explains the
        columns.
    language : str
        ``"en"`` or ``"zh"``, of the names of the columns.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        If the suffix is another.
    MissingExtraError
        If a workbook is asked for and openpyxl is not installed.
    """
    shown = [column for column in columns().values() if column.template]
    guide = [["列名", "column", "说明", "what to write"]]
    guide += [[column.zh[0], column.en[0], column.note_zh, column.note] for column in shown]
    return write_table(path, [column.header(language) for column in shown], [], guide=guide)
