"""Exports of exchanges as staff get them: encodings, units, dates, faulty rows given back, nothing lost."""

import dataclasses
import json
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from oceandata.errors import DocumentError, InputError, NotFoundError
from oceandata.trade.exchange import changes_of, load_column_map, read_export, write_export, write_refused
from oceandata.trade.exchange.columns import shipped_column_map

DAY = date(2026, 11, 1)
HEADERS = (
    "交易所,专区,产品编号,产品名称,提供方,统一社会信用代码,登记证书编号,证书有效期至,计费方式,"
    "单价（万元）,币种,状态,版本,数据规模,记录单位,行业"
)
ROW = (
    "第一交易所,海洋,MD-1,日平均海表温度,第二研究所,91350100M000100Y43,P-1,２０２４年８月１日,按次,１．２,人民币,在售,第２版,"
    "95亿条/1.2TB,条,水产"
)


def _csv(tmp_path: Path, *lines: str, encoding: str = "utf-8", name: str = "导出.csv") -> Path:
    path = tmp_path / name
    path.write_bytes("\r\n".join(lines).encode(encoding))
    return path


def _rows(export: Any) -> list[dict[str, Any]]:
    return [row.said() for row in export.rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_sheet_of_staff(tmp_path: Path, encoding: str) -> None:
    export = read_export(_csv(tmp_path, "上架产品清单", HEADERS, ROW, encoding=encoding), as_of=DAY)
    assert export.refused == ()
    (row,) = export.rows
    assert (row.exchange, row.zone, row.code, row.title) == ("第一交易所", "海洋", "MD-1", "日平均海表温度")
    assert (row.uscc, row.certificate, row.expires_on) == ("91350100M000100Y43", "P-1", "2024-08-01")
    assert (row.model, row.amount, row.currency) == ("per-query", "12000", "CNY")
    assert (row.state, row.revision) == ("listed", 2)
    assert (row.records, row.nbytes) == (9_500_000_000, 1_200_000_000_000)
    assert row.extra == {"行业": "水产"}
    assert export.extra_columns == ("行业",)
    notes = "\n".join(export.notes)
    assert "行业" in notes
    assert "12000 CNY" in notes
    assert "9,500,000,000 records" in notes
    assert export.as_of == DAY


@pytest.mark.parametrize(
    ("header", "cell", "said"),
    [
        ("单价", "0.80元/GB", ("0.8", "CNY")),
        ("单价（元）", "0.80", ("0.8", "CNY")),
        ("单价（元）", "1.2万元", ("12000", "CNY")),
        ("单价(万元/年)", "１，２００", ("12000000", "CNY")),
        ("单价", "￥99.90", ("99.9", "CNY")),
        ("单价（元）", "1.2万", ("12000", "CNY")),
        ("单价", "3亿元", ("300000000", "CNY")),
        ("price", "10 USD", ("10", "USD")),
    ],
)
def test_amounts(tmp_path: Path, header: str, cell: str, said: tuple[str, str]) -> None:
    export = read_export(_csv(tmp_path, f"产品编号;{header}", f"A;{cell}"), as_of=DAY)
    assert export.refused == ()
    assert (export.rows[0].amount, export.rows[0].currency) == said


@pytest.mark.parametrize(
    ("header", "cell", "field", "said"),
    [
        ("单价", "0.80", "amount", "no unit"),
        ("单价", "12 金币", "amount", "the unit '金币' is unknown"),
        ("单价（元）", "面议", "amount", "is no amount"),
        ("单价（万元）", "1.2万", "amount", "times 万 too"),
        ("单价（元）", "-5", "amount", "is no amount"),
        ("数据规模", "12", "volume", "no unit"),
        ("数据规模", "很多", "volume", "is no size"),
        ("记录数", "1.5", "records", "no number of records"),
        ("状态", "神秘", "state", "under states"),
        ("计费方式", "以物易物", "model", "under models"),
        ("统一社会信用代码", "91350100M000100Y44", "uscc", "check character"),
        ("证书有效期至", "2024年8月", "expires_on", "is no day"),
        ("内容根", "abc", "content_root", "no SHA-256"),
    ],
)
def test_cells_with_faults(tmp_path: Path, header: str, cell: str, field: str, said: str) -> None:
    export = read_export(_csv(tmp_path, f"产品编号,{header}", f"A,{cell}"), as_of=DAY)
    assert export.rows == ()
    ((fault,),) = [one.faults for one in export.refused]
    assert fault.field == field
    assert said in fault.message


@pytest.mark.parametrize("written", ["2024年8月1日", "2024/8/1", "2024-08-01", "20240801", "２０２４／８／１"])
def test_days(tmp_path: Path, written: str) -> None:
    export = read_export(_csv(tmp_path, "产品编号,证书有效期至", f"A,{written}"), as_of=DAY)
    assert export.rows[0].expires_on == "2024-08-01"


def test_a_certificate_for_ever_and_a_name_of_a_revision(tmp_path: Path) -> None:
    export = read_export(_csv(tmp_path, "产品编号,证书有效期至,版本", "A,长期,2024.1"), as_of=DAY)
    assert (export.rows[0].expires_on, export.rows[0].revision) == ("", None)
    assert any("is not compared" in note for note in export.notes)


def test_rows_without_a_key_and_rows_twice(tmp_path: Path) -> None:
    export = read_export(_csv(tmp_path, "产品编号,产品名称", "A,one", ",two", "A,three"), as_of=DAY)
    assert [row.title for row in export.rows] == ["one"]
    assert [one.place for one in export.refused] == ["row 3", "row 4"]
    assert "stands in row 2 already" in export.refused[1].faults[0].message


def test_faulty_rows_come_back_with_reasons_and_can_be_mended(tmp_path: Path) -> None:
    source = _csv(tmp_path, "产品编号,单价,备注", "A,0.80,'=1+1", "B,0.9元,x", encoding="gb18030")
    export = read_export(source, as_of=DAY)
    back = write_refused(tmp_path / "待修改.xlsx", export)
    sheet = openpyxl.load_workbook(back).active
    assert [cell.value for cell in sheet[1]] == ["产品编号", "单价", "备注", "错误原因 faults"]
    assert sheet["A2"].value == "A"
    assert "no unit" in sheet["D2"].value
    assert "no unit" in sheet["B2"].comment.text
    assert sheet["C2"].data_type == "s"
    sheet["B2"].value = "0.80元"
    sheet.parent.save(back)
    again = read_export(back, as_of=DAY)
    assert again.refused == ()
    assert (again.rows[0].amount, again.rows[0].extra) == ("0.8", {"备注": "=1+1"})
    with pytest.raises(InputError, match="over the source"):
        write_refused(source, export)


def _many(path: Path) -> Path:
    """2,000 rows with every field and signs that sheets trip over."""
    rows = []
    for number in range(2_000):
        rows.append(
            {
                "exchange": "第一交易所" if number % 2 else "Second",
                "zone": ["", "海洋专区"][number % 2],
                "code": f"00{number}",
                "title": ["=HYPERLINK(1)", "+1 型", "-日产品", "@海", "'引", '海表温度，"日"', "a\nb"][number % 7],
                "provider": "第二研究所",
                "uscc": "91350100M000100Y43",
                "certificate": f"P-{number}",
                "expires_on": "2027-01-31",
                "model": "per-gb",
                "amount": f"{number}.{number % 100:02d}1",
                "currency": "CNY",
                "state": ["listed", "suspended", "delisted"][number % 3],
                "revision": 1 + number % 5,
                "volume": f"{10**15 + number} B",
                "records": 9_500_000_000 + number,
                "record_unit": "条",
                "content_root": "sha256:" + f"{number:064x}",
                "url": "https://example.org/a?b=1",
                "编号二": f"00{number}",
                "备注": "=cmd|' /C calc'!A0",
            }
        )
    for number in range(10):
        rows.append(
            {"order": f"O-{number}", "buyer": "farm", "contract": "C", "order_state": "agreed", "amount": "1元"}
        )
    path.write_text(json.dumps({"as_of": "2026-10-31", "rows": rows}, ensure_ascii=False), encoding="utf-8")
    return path


@pytest.mark.parametrize(("suffix", "language"), [(".xlsx", "zh"), (".csv", "en"), (".json", "en")])
def test_two_thousand_rows_and_back(tmp_path: Path, suffix: str, language: Any) -> None:
    first = read_export(_many(tmp_path / "first.json"))
    assert (len(first.listings), len(first.orders), first.refused) == (2_000, 10, ())
    assert first.as_of == date(2026, 10, 31)
    kept = write_export(tmp_path / f"kept{suffix}", first, language=language)
    again = read_export(kept, as_of=first.as_of)
    assert again.refused == ()
    assert _rows(again) == _rows(first)
    assert changes_of(first, again) == {"created": 0, "updated": 0, "unchanged": 2_010, "gone": 0, "refused": 0}


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    first = read_export(_many(tmp_path / "first.json"))
    small = dataclasses.replace(first, rows=first.rows[:20])
    sheet = openpyxl.load_workbook(write_export(tmp_path / "kept.xlsx", small)).active
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
    assert not any(str(cell.value).startswith(("=", "+", "@")) for row in sheet.iter_rows() for cell in row)
    text = write_export(tmp_path / "kept.csv", small).read_text(encoding="utf-8-sig")
    assert '"=' not in text
    assert '"\'=HYPERLINK(1)"' in text


def test_what_a_new_export_changes(tmp_path: Path) -> None:
    before = read_export(_csv(tmp_path, "产品编号,状态", "A,在售", "B,在售", "C,在售"), as_of=DAY)
    after = read_export(_csv(tmp_path, "产品编号,状态", "A,在售", "B,下架", "D,在售", "E,神秘"), as_of=DAY)
    assert changes_of(before, after) == {"created": 1, "updated": 1, "unchanged": 1, "gone": 1, "refused": 1}
    assert changes_of(None, after)["created"] == 3


def test_own_names_and_words(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "columns: {code: [货号], amount: [牌价]}\nstates: {listed: [亮灯]}\n"
        "defaults: {exchange: 本所, amount_unit: 万元}\n",
        encoding="utf-8",
    )
    export = read_export(_csv(tmp_path, "货号,牌价,状态", "A,1.5,亮灯"), column_map=own, as_of=DAY)
    row = export.rows[0]
    assert (row.exchange, row.code, row.amount, row.state) == ("本所", "A", "15000", "listed")


def test_the_map_that_ships_is_a_map_of_ones_own() -> None:
    shipped = Path(str(files("oceandata._catalogs"))) / "exchange" / "columns.yaml"
    assert load_column_map(shipped) == shipped_column_map()


def test_every_fault_of_an_own_map_with_its_line(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("columns:\n  cod: [货号]\n  title: [名, 3]\n  zone: [名]\nstate: {}\n", encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        load_column_map(own)
    told = str(caught.value)
    for said in ("own.yaml:2: columns has no 'cod'", "3", "'名' stands for 'title' and 'zone'", "no part 'state'"):
        assert said in told


def test_json_of_several_forms(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"产品编号": "A", "单价": "0.10元", "更多": {"a": 1}}]', encoding="utf-8")
    assert read_export(path, as_of=DAY).rows[0].extra == {"更多": '{"a": 1}'}
    path.write_text('[{"产品编号": "A", "单价（元）": 0.1}]', encoding="utf-8")
    assert read_export(path, as_of=DAY).rows[0].amount == "0.1"
    lines = tmp_path / "a.jsonl"
    lines.write_text('{"code": "A"}\n{"code": "B"}\n', encoding="utf-8")
    assert [row.code for row in read_export(lines, as_of=DAY).rows] == ["A", "B"]
    path.write_text('{"a": [{"code": "A"}], "b": [{"code": "B"}]}', encoding="utf-8")
    with pytest.raises(DocumentError, match="2 lists of objects, need one"):
        read_export(path, as_of=DAY)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(DocumentError, match="no JSON"):
        read_export(path, as_of=DAY)
    with pytest.raises(NotFoundError, match="no file at"):
        read_export(tmp_path / "missing.json")


def test_prices_that_a_spreadsheet_keeps_as_numbers(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["产品编号", "单价（元）", "证书有效期至"])
    book.active.append(["A", 0.1 + 0.2, date(2027, 1, 31)])
    book.save(tmp_path / "a.xlsx")
    export = read_export(tmp_path / "a.xlsx")
    assert (export.rows[0].amount, export.rows[0].expires_on) in {
        ("0.3", "2027-01-31"),
        ("0.30000000000000004", "2027-01-31"),
    }
    assert any("numbers of a spreadsheet" in note for note in export.notes)
    assert any("the day of the file" in note for note in export.notes)
