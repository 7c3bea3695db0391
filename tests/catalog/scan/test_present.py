"""What a catalogue holds before a scan."""

from pathlib import Path

from oceandata.catalog.scan import run_scan
from oceandata.catalog.scan.present import read_present


def test_what_there_is_by_its_place(holdings: Path, tmp_path: Path) -> None:
    catalog = tmp_path / "c.yaml"
    assert not read_present(catalog).exists
    report = run_scan([holdings / "run"], catalog)
    run_scan([holdings / "sst"], catalog, into="bulk")
    present = read_present(catalog)
    assert (list(present.in_yaml), list(present.in_bulk)) == (["run"], ["sst"])
    assert present.in_yaml["run"] == report.entries[0]
