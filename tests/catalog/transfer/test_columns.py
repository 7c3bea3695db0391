"""Names of columns in two languages, and one's own."""

from pathlib import Path

import pytest

from oceandata.catalog.transfer.columns import column_names, columns, find_fields, load_column_map
from oceandata.catalog.transfer.fields import field_label
from oceandata.catalog.transfer.rows import read_cells
from oceandata.entities import Asset, Entry, Extent, GradeDecision, Provider, TradeLink, Variable
from oceandata.errors import DocumentError, InputError


def test_every_field_that_a_sheet_can_hold_has_a_column() -> None:
    """What an entry can say and no column shows is named here; a new field must be decided on."""
    documents = {"extent": Extent, "variables.*": Variable, "providers.*": Provider, "assets.*": Asset}
    documents |= {"trade": TradeLink, "grade_decision": GradeDecision}
    wanted = {name for name in Entry.model_fields if name not in ("extent", "providers", "assets", "trade")}
    wanted |= {f"{place}.{name}" for place, model in documents.items() for name in model.model_fields}
    shown = set(columns())
    missing = {field for field in wanted if field not in shown and f"{field}.0" not in shown}
    assert missing == {"schema_version", "history", "derived_from", "grade_decision", "trade.document"}


def test_every_name_leads_to_its_field_and_every_kind_can_be_read() -> None:
    for field, column in columns().items():
        for name in (*column.en, *column.zh):
            assert find_fields([name]) == [field], name
        read_cells({field: "1"})
    assert len(column_names()) > 300


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("数据集名称", "title_zh"),
        ("西边界（°）", "extent.bbox.0"),
        ("  Standard_Name ", "variables.*.standard_name"),
        ("ＬＩＣＥＮＣＥ", "license"),
        ("数据量(GB)", "assets.*.stored_bytes"),
        ("时间范围\n(period)", "extent.time"),
        ("单位/units", "variables.*.units"),
        ("问题 faults", "faults"),
        ("联系人", ""),
        ("", ""),
    ],
)
def test_headers(header: str, field: str) -> None:
    assert find_fields([header]) == [field]


def test_two_columns_of_one_field_are_refused() -> None:
    with pytest.raises(InputError, match=r"'名称', '数据集名称' \(title_zh\)"):
        find_fields(["名称", "id", "数据集名称"])


def test_own_names_win(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text("title_zh: [作品名]\nkeywords_zh: 单位\n", encoding="utf-8")
    assert find_fields(["作品名", "单位", "变量"], load_column_map(path)) == ["title_zh", "keywords_zh", "variables"]


def test_every_fault_of_a_map_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text("tittle: [a]\nid: [b, 3]\nsummary: b\n", encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        load_column_map(path)
    text = str(caught.value)
    assert "map.yaml:1: there is no field 'tittle'. Close: 'title'" in text
    assert "map.yaml:2: id has the name 3, need text" in text
    assert "map.yaml:3: 'b' stands for 'id' and 'summary'" in text


def test_an_empty_map_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text("[]\n", encoding="utf-8")
    with pytest.raises(DocumentError, match="no mapping"):
        load_column_map(path)


def test_places_of_documents_belong_to_columns() -> None:
    for place in [("assets", "maps", "href"), ("assets", 0, "chunk_shapes", "sst", 1), ("providers", 1, "roles", 0)]:
        assert field_label(place) in columns()
