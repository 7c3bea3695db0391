"""Entries where their catalogue keeps them."""

from pathlib import Path

from oceandata.catalog import open_catalog, register_entry
from oceandata.catalog.scan import run_scan
from oceandata.catalog.scan.writing import read_present, write_found


def test_what_there_is_by_its_place(holdings: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "c.yaml"
    assert not read_present(catalog).exists
    report = run_scan([holdings / "run"], catalog)
    run_scan([holdings / "sst"], catalog, into="bulk")
    present = read_present(catalog)
    assert (list(present.in_yaml), list(present.in_bulk)) == (["run"], ["sst"])
    assert present.in_yaml["run"] == report.entries[0]


def test_an_entry_stays_where_it_is(holdings: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "c.yaml"
    run_scan([holdings / "run"], catalog)
    run_scan([holdings / "sst"], catalog, into="bulk")
    present = read_present(catalog)
    changed = [
        entry.model_copy(update={"title_zh": "\u6d77"})
        for entry in (*present.in_yaml.values(), *present.in_bulk.values())
    ]
    assert write_found(catalog, changed, present, into="auto") == "yaml"
    after = read_present(catalog)
    assert (list(after.in_yaml), list(after.in_bulk)) == (["run"], ["sst"])
    assert {entry.title_zh for entry in open_catalog(catalog).values()} == {"\u6d77"}
    assert register_entry(catalog, after.in_yaml["run"], replace=True) == after.in_yaml["run"]
