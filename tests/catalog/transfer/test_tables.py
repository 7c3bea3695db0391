"""Sheets in the forms that staff send, and sheets that spreadsheets open without harm."""

import csv
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from oceandata.catalog.transfer.cells import Cell
from oceandata.catalog.transfer.tables import Table, read_table, write_table
from oceandata.errors import DocumentError, InputError, MissingExtraError, NotFoundError

HEADERS = ["编号", "名称", "单位"]
ROWS = [["sst", "水温：渤海湾", "℃"], ["so", "盐度，逐日", "psu"]]


def known(texts: Sequence[str]) -> int:
    return sum(text in (*HEADERS, "id") for text in texts)


def content(table: Table) -> list[list[Cell]]:
    return [list(table.headers), *(list(row.cells) for row in table.rows)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_in_every_encoding_and_delimiter(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = tmp_path / "sheet.csv"
    with path.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows([HEADERS, *ROWS])
    table = read_table(path, known)
    assert content(table) == [HEADERS, *ROWS]
    assert ("GB18030" in table.form) == (encoding == "gb18030")


def test_text_that_is_valid_in_both_encodings_is_read_in_the_one_that_knows_the_columns(tmp_path: Path) -> None:
    """The bytes of 站位 in GBK are valid UTF-8."""
    path = tmp_path / "sheet.csv"
    path.write_bytes("站位,id\n1,2\n".encode("gb18030"))
    path.read_bytes().decode("utf-8")
    table = read_table(path, lambda texts: sum(text in ("站位", "id") for text in texts))
    assert table.headers == ("站位", "id")


def test_utf8_wins_where_the_columns_do_not_tell(tmp_path: Path) -> None:
    """UTF-8 of many Chinese words is valid GB18030 of other words."""
    path = tmp_path / "sheet.csv"
    path.write_text("id,title\nsst,水温\n", encoding="utf-8")
    path.read_bytes().decode("gb18030")
    assert read_table(path, known).rows[0].cells == ("sst", "水温")


def test_a_title_above_the_header_and_blank_rows_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text("数据目录\n\n编号,名称,单位\nsst,水温,℃,spare\n,,\nso\n", encoding="utf-8")
    table = read_table(path, known)
    assert [(row.number, row.cells) for row in table.rows] == [(4, ("sst", "水温", "℃")), (6, ("so", None, None))]
    assert table.notes == ("1 rows hold cells right of the last column name; they are not read.",)


def test_a_sheet_without_known_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sheet.csv"
    path.write_text("颜色,形状\n红,圆\n", encoding="utf-8")
    with pytest.raises(DocumentError, match=r"no row of column names .* begins with '颜色', '形状'"):
        read_table(path, known)


@pytest.mark.parametrize("damage", [b"\xff\xff\x00\x81", b'"id\nx'])
def test_a_file_that_is_no_csv_is_refused(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "sheet.csv"
    path.write_bytes(damage)
    with pytest.raises(DocumentError):
        read_table(path, known)


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "sheet.csv").touch()
    with pytest.raises(NotFoundError, match=r"Close: 'sheet\.csv'"):
        read_table(tmp_path / "shet.csv", known)
    with pytest.raises(InputError, match=r"need \.csv or \.xlsx"):
        read_table(tmp_path / "sheet.doc", known)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_what_is_written_is_read_again(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"sheet{suffix}"
    rows: list[list[Cell]] = [
        ["=1+1", 0.1 + 0.2, 12_345_678_901_234_567],
        ["多行\n文字", -1.5, "1e-3"],
        ["'=x", None, 'a;b,c\t"d"'],
    ]
    write_table(path, HEADERS, rows)
    table = read_table(path, known)
    read = [[None if cell == "" else cell for cell in row.cells] for row in table.rows]
    assert read[0] == ["'=1+1", "0.30000000000000004", "12345678901234567"]
    assert read[1] == ["多行\n文字", "-1.5" if suffix == ".csv" else -1.5, "1e-3"]
    assert read[2] == ["''=x", None, 'a;b,c\t"d"']


def test_no_cell_of_a_workbook_is_a_formula(tmp_path: Path) -> None:
    import openpyxl

    path = write_table(tmp_path / "sheet.xlsx", ["=A1", "名称"], [["=HYPERLINK(1)", "+1+cmd"]])
    cells = [cell for row in openpyxl.load_workbook(path).active.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} == {"s"}
    assert cells[2].value == "'=HYPERLINK(1)"


def test_a_workbook_of_staff(tmp_path: Path) -> None:
    """A cover sheet, a title row, dates as dates, a provider merged over two rows."""
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["封面"])
    sheet = book.create_sheet("目录")
    for row in [["数据目录"], HEADERS, ["sst", "甲所", datetime(2009, 1, 5)], ["so", None, 3]]:
        sheet.append(row)
    sheet.merge_cells("B3:B4")
    book.create_sheet("旧").append(HEADERS)
    book.save(tmp_path / "sheet.xlsx")
    table = read_table(tmp_path / "sheet.xlsx", known)
    assert content(table)[1:] == [["sst", "甲所", datetime(2009, 1, 5)], ["so", "甲所", 3]]
    assert table.notes == ("only the sheet '目录' is read, not '旧'.",)


def test_formulas_that_were_never_computed_are_told(tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    for row in [HEADERS, ["sst", "=A2", "℃"]]:
        book.active.append(row)
    book.save(tmp_path / "sheet.xlsx")
    with pytest.raises(DocumentError, match="formulas without their values, in B2"):
        read_table(tmp_path / "sheet.xlsx", known)


def test_a_damaged_workbook_is_told(tmp_path: Path) -> None:
    (tmp_path / "sheet.xlsx").write_bytes(b"PK\x03\x04 not a workbook")
    with pytest.raises(DocumentError, match="cannot be read as an Excel workbook"):
        read_table(tmp_path / "sheet.xlsx", known)


def test_what_excel_cannot_hold_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cell A2 would hold 40000 characters"):
        write_table(tmp_path / "sheet.xlsx", HEADERS, [["x" * 40_000]])
    with pytest.raises(InputError, match=r"the sign '\\x07'"):
        write_table(tmp_path / "sheet.xlsx", HEADERS, [["\x07"]])
    assert not list(tmp_path.iterdir())
    write_table(tmp_path / "sheet.csv", HEADERS, [["x" * 400_000]])
    assert len(str(read_table(tmp_path / "sheet.csv", known).rows[0].cells[0])) == 400_000


def test_the_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(MissingExtraError, match=r"oceandata-exchange\[sheet\]"):
        write_table(tmp_path / "sheet.xlsx", HEADERS, [])
