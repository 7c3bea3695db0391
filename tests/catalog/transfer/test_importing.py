"""Imports of whole files: every fault at once, faulty rows given back, curated fields kept, nothing lost."""

import csv
import json
from pathlib import Path

import pytest

from oceandata.catalog import open_catalog, register_entry
from oceandata.catalog.transfer import export_entries, import_entries
from oceandata.catalog.transfer.tables import read_table, write_table
from oceandata.entities import Asset, Entry, Extent, Variable
from oceandata.errors import DocumentError, InputError, NotFoundError

ZH = ["数据集编号", "数据集名称", "要素", "单位", "空间范围", "时间范围", "数据地址", "数据格式", "数据量", "安全级别"]
GOOD = [
    *(
        "bohai_sst",
        "渤海海表温度",
        "sst；sss",
        "℃；psu",
        "117°Ｅ～123°E，37°N～41°N",
        "２００９年１月至２０１０年１２月",
    ),
    *("https://data.example.org/bohai.zarr", "Zarr", "１．５ ＧＢ", "一般"),
]
BAD = ["Bad Id", "", "水温、盐度", "℃", "渤海", "1993年至今", "", "", "many", "秘密"]


def sheet(path: Path, rows: list[list[str]], *, headers: list[str] = ZH, encoding: str = "gb18030") -> Path:
    with path.open("w", encoding=encoding, newline="") as stream:
        csv.writer(stream).writerows([headers, *rows])
    return path


def test_a_sheet_of_staff_in_gb18030(tmp_path: Path) -> None:
    report = import_entries(tmp_path / "catalog.yaml", sheet(tmp_path / "s.csv", [GOOD]))
    assert report.counts == {"created": 1, "updated": 0, "unchanged": 0, "refused": 0}
    assert report.written
    assert report.form == "CSV, GB18030"
    entry = open_catalog(tmp_path / "catalog.yaml")["bohai_sst"]
    assert entry == Entry.from_json(
        {
            "id": "bohai_sst",
            "title": "渤海海表温度",
            "title_zh": "渤海海表温度",
            "license": "NOASSERTION",
            "extent": {"bbox": [117, 37, 123, 41], "time": ["2009-01-01T00:00:00Z", "2010-12-31T23:59:59Z"]},
            "variables": {"sst": {"units": "℃"}, "sss": {"units": "psu"}},
            "assets": {
                "data": {
                    "href": "https://data.example.org/bohai.zarr",
                    "type": "application/vnd+zarr",
                    "group": "",
                    "stored_bytes": 1_500_000_000,
                }
            },
            "grade": "general",
        }
    )
    assert report.outcomes[0].notes == (
        "title in English is missing; the Chinese one stands in.",
        "the licence is unknown (NOASSERTION).",
    )


def test_every_fault_of_every_row_is_told_and_good_rows_are_imported(tmp_path: Path) -> None:
    secret = [*GOOD]
    secret[0], secret[6] = "other", "https://u:pass@data.example.org/x.zarr"
    path = sheet(tmp_path / "s.csv", [BAD, GOOD, GOOD, secret])
    report = import_entries(tmp_path / "catalog.yaml", path)
    assert [outcome.action for outcome in report.outcomes] == ["refused", "created", "refused", "refused"]
    assert [outcome.place for outcome in report.outcomes] == ["row 2", "row 3", "row 4", "row 5"]
    assert [fault.field for fault in report.outcomes[0].faults] == [
        *("variables.*.units", "extent.bbox", "extent.time", "assets.*.stored_bytes", "grade", "id", "title"),
        "assets.*.href",
    ]
    assert report.outcomes[0].faults[-3].message.endswith("For example 'bad_id'.")
    assert report.outcomes[2].faults[0].message.startswith("id 'bohai_sst' stands in row 3 already")
    assert any("secret" in fault.message for fault in report.outcomes[3].faults)
    assert list(open_catalog(tmp_path / "catalog.yaml")) == ["bohai_sst"]
    shown = json.loads(json.dumps(report.to_json()))["outcomes"][0]["faults"]
    assert {"field": "grade", "column": "安全级别"}.items() <= shown[4].items()


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_faulty_rows_come_back_with_reasons_and_can_be_mended(tmp_path: Path, suffix: str) -> None:
    catalog, back = tmp_path / "catalog.yaml", tmp_path / f"back{suffix}"
    wrong = [*GOOD]
    wrong[0], wrong[1], wrong[4] = "hs", "=2+2 有效波高", "渤海"
    import_entries(catalog, sheet(tmp_path / "s.csv", [GOOD, wrong]), faults_path=back)
    table = read_table(back, len)
    assert table.headers == (*ZH, "问题 faults")
    (row,) = table.rows
    assert row.cells[1] == "'=2+2 有效波高"
    assert "'渤海' is no box" in str(row.cells[-1])
    cells = [*row.cells]
    cells[4] = GOOD[4]
    mended = write_table(
        tmp_path / f"mended{suffix}", table.headers, [[str(cell)[1:] if cell is cells[1] else cell for cell in cells]]
    )
    report = import_entries(catalog, mended, faults_path=tmp_path / f"none{suffix}")
    assert report.counts["created"] == 1
    assert open_catalog(catalog)["hs"].title_zh == "=2+2 有效波高"
    assert not report.faults_path
    assert not (tmp_path / f"none{suffix}").exists()


def test_the_cell_at_fault_is_marked_in_a_workbook(tmp_path: Path) -> None:
    import openpyxl

    wrong = [*GOOD]
    wrong[5] = "spring"
    import_entries(tmp_path / "c.yaml", sheet(tmp_path / "s.csv", [wrong]), faults_path=tmp_path / "back.xlsx")
    marked = [cell for cell in openpyxl.load_workbook(tmp_path / "back.xlsx").active[2] if cell.comment]
    assert [cell.value for cell in marked] == ["spring"]
    assert "is no date" in marked[0].comment.text


def test_a_dry_run_writes_no_catalogue_but_gives_the_faulty_rows_back(tmp_path: Path) -> None:
    path = sheet(tmp_path / "s.csv", [GOOD, BAD])
    report = import_entries(tmp_path / "catalog.yaml", path, dry_run=True, faults_path=tmp_path / "back.csv")
    assert (report.counts["created"], report.written) == (1, False)
    assert not (tmp_path / "catalog.yaml").exists()
    assert (tmp_path / "back.csv").exists()


def curated() -> Entry:
    return Entry(
        id="bohai_sst",
        title="Bohai SST, curated",
        license="CC-BY-4.0",
        extent=Extent(),
        variables={"sst": Variable(units="degC")},
        assets={"maps": Asset(href="https://data.example.org/bohai.zarr", type="application/vnd+zarr", group="g")},
        history="made by hand",
    )


def test_curated_fields_are_kept_and_differences_reported(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.yaml"
    register_entry(catalog, curated())
    row = [*GOOD]
    row[2], row[3] = "sst；sss", "℃；psu"
    report = import_entries(catalog, sheet(tmp_path / "s.csv", [[*row, "Sheet title"]], headers=[*ZH, "title"]))
    (outcome,) = report.outcomes
    assert outcome.action == "updated"
    assert {(d.field, d.present, d.offered) for d in outcome.differences} == {
        ("title", "Bohai SST, curated", "Sheet title"),
        ("variables.sst.units", "degC", "℃"),
        ("variables.sss", None, True),
        ("variables.sss.units", None, "psu"),
    }
    kept = open_catalog(catalog)["bohai_sst"]
    assert (kept.title, kept.license, kept.history) == ("Bohai SST, curated", "CC-BY-4.0", "made by hand")
    assert list(kept.variables) == ["sst"]
    assert kept.title_zh == "渤海海表温度"  # was empty, is filled
    assert kept.extent.bbox == (117, 37, 123, 41)
    assert kept.assets["maps"].group == "g"
    assert kept.assets["maps"].stored_bytes == 1_500_000_000
    again = import_entries(catalog, tmp_path / "s.csv")
    assert again.counts == {"created": 0, "updated": 0, "unchanged": 1, "refused": 0}
    assert not again.written


def test_replace_lets_the_sheet_win_but_an_empty_cell_takes_nothing_away(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.yaml"
    register_entry(catalog, curated())
    report = import_entries(catalog, sheet(tmp_path / "s.csv", [GOOD]), replace=True)
    replaced = open_catalog(catalog)["bohai_sst"]
    assert list(replaced.variables) == ["sst", "sss"]
    assert replaced.variables["sst"].units == "℃"
    assert (replaced.title, replaced.license, replaced.history) == ("Bohai SST, curated", "CC-BY-4.0", "made by hand")
    assert len(report.outcomes[0].differences) == 3


def test_a_store_inside_the_folder_is_the_same_place_however_it_is_written(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.yaml"
    row = [*GOOD]
    row[6] = "data/bohai.zarr"
    import_entries(catalog, sheet(tmp_path / "s.csv", [row]))
    assert open_catalog(catalog)["bohai_sst"].assets["data"].href == "{CATALOG_DIR}/data/bohai.zarr"
    assert import_entries(catalog, tmp_path / "s.csv").counts["unchanged"] == 1


def test_2000_rows_go_out_and_come_back_without_loss(tmp_path: Path, entry: Entry) -> None:
    """The sheet that is exported is read again as the same public documents."""
    slim = entry.model_copy(
        update={"assets": {"files": entry.assets["files"]}, "variables": {"ohc": entry.variables["ohc"]}}
    )
    whole = [
        slim.model_copy(update={"id": f"e{i}", "title": f"数据集 {i}", "summary": "=" * (i % 3) + "x;"})
        for i in range(2000)
    ]
    export_entries(whole, tmp_path / "s.csv", vocabulary="sheet", language="zh")
    report = import_entries(tmp_path / "catalog.yaml", tmp_path / "s.csv")
    assert report.counts == {"created": 2000, "updated": 0, "unchanged": 0, "refused": 0}
    assert [outcome.entry for outcome in report.outcomes] == whole
    catalog = open_catalog(tmp_path / "catalog.yaml")
    assert [catalog[one.id] for one in whole] == whole
    again = import_entries(tmp_path / "catalog.yaml", tmp_path / "s.csv")
    assert again.counts["unchanged"] == 2000
    assert not again.written


def test_a_workbook_goes_out_and_comes_back_without_loss(tmp_path: Path, entry: Entry) -> None:
    assets = {name: asset for name, asset in entry.assets.items() if name != "inside"}
    public = entry.model_copy(update={"assets": assets})
    export_entries([public], tmp_path / "s.xlsx", vocabulary="sheet")
    (outcome,) = import_entries(tmp_path / "catalog.yaml", tmp_path / "s.xlsx").outcomes
    assert outcome.entry == public
    assert open_catalog(tmp_path / "catalog.yaml")["pacific_heat"] == public


def test_unknown_columns_are_told_and_own_names_are_taken(tmp_path: Path) -> None:
    path = sheet(tmp_path / "s.csv", [[*GOOD, "备注"]], headers=[*ZH, "作品简述"])
    report = import_entries(tmp_path / "c.yaml", path, dry_run=True)
    assert report.notes == ("columns that are not understood are not imported: 作品简述. --columns can name them.",)
    (tmp_path / "map.yaml").write_text("summary_zh: 作品简述\n", encoding="utf-8")
    report = import_entries(tmp_path / "c.yaml", path, dry_run=True, column_map=tmp_path / "map.yaml")
    assert report.notes == ()
    assert report.outcomes[0].entry is not None
    assert report.outcomes[0].entry.summary_zh == "备注"


def test_a_box_in_part_is_a_fault(tmp_path: Path) -> None:
    headers = ["id", "title", "address", "west", "east", "north", "start"]
    row = ["sst", "SST", "https://a.example.org/x.zarr", "10", "20", "95", "2009"]
    (outcome,) = import_entries(tmp_path / "c.yaml", sheet(tmp_path / "s.csv", [row], headers=headers)).outcomes
    assert {fault.field: fault.message for fault in outcome.faults} == {
        "extent.bbox.1": "south missing. Fill all of west, south, east, north.",
        "extent.time.1": "end missing. Fill all of start, end.",
    }


def test_a_faulty_extent_is_at_its_column(tmp_path: Path) -> None:
    row = [*GOOD]
    row[4] = "117°E-123°E, 37°N-99°N"
    (outcome,) = import_entries(tmp_path / "c.yaml", sheet(tmp_path / "s.csv", [row])).outcomes
    (fault,) = outcome.faults
    assert fault.field == "extent.bbox.0"
    assert "bbox latitudes are 37.0 to 99.0" in fault.message


def test_more_entries_than_a_file_holds_go_into_bulk_files(tmp_path: Path) -> None:
    catalog = tmp_path / "c.yaml"
    import_entries(catalog, sheet(tmp_path / "s.csv", [GOOD]))
    rows = [[f"d{i}", *GOOD[1:]] for i in range(200)]
    import_entries(catalog, sheet(tmp_path / "s.csv", rows))
    assert len(open_catalog(catalog)) == 201
    assert f"\n  {GOOD[0]}:" in catalog.read_text(encoding="utf-8")
    assert "\n  d7:" not in catalog.read_text(encoding="utf-8")
    rows[7][ZH.index("数据集名称")] = "另一个"
    report = import_entries(catalog, sheet(tmp_path / "s.csv", rows), replace=True)
    assert report.counts == {"created": 0, "updated": 1, "unchanged": 199, "refused": 0}
    assert open_catalog(catalog)["d7"].title_zh == "另一个"


def test_the_source_is_not_written_over(tmp_path: Path) -> None:
    path = sheet(tmp_path / "s.csv", [BAD])
    with pytest.raises(InputError, match="written over the source"):
        import_entries(tmp_path / "c.yaml", path, faults_path=tmp_path / "." / "s.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [("{}", "neither STAC"), ("[1]", "neither STAC"), ("{", "is no JSON"), ("[" * 10**5, "is no JSON")],
)
def test_json_of_another_kind_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    with pytest.raises(DocumentError, match=message):
        import_entries(tmp_path / "c.yaml", tmp_path / "x.json")


def test_a_missing_source_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "collection.json").touch()
    with pytest.raises(NotFoundError, match=r"Close: 'collection\.json'"):
        import_entries(tmp_path / "c.yaml", tmp_path / "colection.json")
