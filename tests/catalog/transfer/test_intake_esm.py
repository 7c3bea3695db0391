"""intake-esm datastores: groups of rows as datasets."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from oceandata.catalog import open_catalog
from oceandata.catalog.transfer import ImportReport, import_entries
from oceandata.errors import DocumentError, NotFoundError

COLUMNS = ["source_id", "experiment_id", "variable_id", "time_range", "path"]
DESCRIPTION: dict[str, Any] = {
    "esmcat_version": "0.1.0",
    "id": "cmip",
    "description": "A sample of CMIP6",
    "catalog_file": "table.csv",
    "attributes": [{"column_name": name} for name in COLUMNS[:3]],
    "assets": {"column_name": "path", "format": "netcdf"},
    "aggregation_control": {
        "variable_column_name": "variable_id",
        "groupby_attrs": ["source_id", "experiment_id"],
        "aggregations": [{"type": "union", "attribute_name": "variable_id"}],
    },
}


def imported(folder: Path, rows: list[list[str]], *, packed: bool = False, **change: Any) -> ImportReport:
    text = "\n".join(",".join(f'"{cell}"' for cell in row) for row in [COLUMNS, *rows])
    (folder / "table.csv").write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    (folder / "esm.json").write_text(json.dumps({**DESCRIPTION, **change}), encoding="utf-8")
    return import_entries(folder / "catalog.yaml", folder / "esm.json")


@pytest.mark.parametrize("packed", [False, True])
def test_files_of_a_group_are_one_dataset_in_order_of_time(tmp_path: Path, packed: bool) -> None:
    rows = [
        ["CESM2", "historical", "tos", f"{a}-{b}", f"CESM2/tos_{a}.nc"] for a, b in ((200001, 201412), (185001, 199912))
    ]
    report = imported(tmp_path, rows, packed=packed)
    assert (report.form, report.counts["created"]) == ("intake-esm", 1)
    entry = open_catalog(tmp_path / "catalog.yaml")["cesm2_historical"]
    assert entry.title == "CESM2.historical"
    assert entry.keywords == ("CESM2", "historical")
    assert list(entry.variables) == ["tos"]
    assert entry.assets["data"].href == "{CATALOG_DIR}/CESM2"
    assert entry.assets["data"].files == ("tos_185001.nc", "tos_200001.nc")
    assert entry.extent.time is not None
    assert [f"{end:%Y-%m-%d}" for end in entry.extent.time] == ["1850-01-01", "2014-12-31"]


def test_variables_in_stores_of_their_own_are_datasets_of_their_own(tmp_path: Path) -> None:
    rows = [["CESM2", "ssp585", name, "", f"gs://cmip6/CESM2/{name}.zarr"] for name in ("tos", "sos")]
    report = imported(tmp_path, rows, assets={"column_name": "path", "format": "zarr3"})
    assert [outcome.name for outcome in report.outcomes] == ["cesm2_ssp585_tos", "cesm2_ssp585_sos"]
    assert report.notes == ("2 datasets are one variable of a group each: they are opened one by one here.",)


def test_lists_of_variables_as_python_writes_them(tmp_path: Path) -> None:
    report = imported(tmp_path, [["MOM6", "om4", "['thetao', 'so']", "", "https://a.example.org/om4.nc"]])
    assert report.counts["created"] == 1
    assert list(open_catalog(tmp_path / "catalog.yaml")["mom6_om4"].variables) == ["thetao", "so"]


def test_a_table_inside_the_description_and_a_format_by_row(tmp_path: Path) -> None:
    rows = [{"source_id": "A", "experiment_id": 1, "kind": "zarr2", "path": "https://a.example.org/a.zarr"}]
    rows += [{**rows[0], "source_id": "B", "kind": "reference"}]
    change = {
        "catalog_file": None,
        "catalog_dict": rows,
        "assets": {"column_name": "path", "format_column_name": "kind"},
    }
    report = imported(tmp_path, [], **change)
    assert [outcome.action for outcome in report.outcomes] == ["created", "refused"]
    assert "the format is 'reference', need one of zarr" in report.outcomes[1].faults[0].message


def test_several_stores_of_one_dataset_are_a_fault(tmp_path: Path) -> None:
    rows = [["A", "x", "tos", "", f"https://a.example.org/{i}.zarr"] for i in range(2)]
    report = imported(tmp_path, rows, assets={"column_name": "path", "format": "zarr"})
    assert "2 stores are one dataset by groupby_attrs, need one" in report.outcomes[0].faults[0].message


def test_faulty_datasets_come_back_as_a_sheet_that_can_be_imported(tmp_path: Path) -> None:
    imported(
        tmp_path,
        [["A", "x", "tos", "", "https://a.example.org/a.grib"]],
        assets={"column_name": "path", "format": "grib"},
    )
    back = tmp_path / "back.csv"
    import_entries(tmp_path / "c.yaml", tmp_path / "esm.json", faults_path=back)
    with back.open(encoding="utf-8-sig", newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert row["id"] == "a_x"
    assert "the format is 'grib'" in row["faults"]
    assert import_entries(tmp_path / "c.yaml", back).outcomes[0].name == "a_x"


def test_columns_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"names the columns \['uri'\], but the table has source_id"):
        imported(tmp_path, [["A", "x", "tos", "", "a.nc"]], assets={"column_name": "uri"})


def test_a_table_that_is_elsewhere_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"table other\.csv"):
        imported(tmp_path, [], catalog_file="other.csv")
    with pytest.raises(DocumentError, match=r"need a local \.csv"):
        imported(tmp_path, [], catalog_file="https://a.example.org/table.csv")


def test_a_damaged_table_is_told(tmp_path: Path) -> None:
    imported(tmp_path, [])
    (tmp_path / "table.csv").write_bytes(b"\x1f\x8b damaged")
    with pytest.raises(DocumentError, match="cannot be read"):
        import_entries(tmp_path / "c.yaml", tmp_path / "esm.json")
