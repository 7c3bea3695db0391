"""A report for people and for programs."""

import json
from pathlib import Path

from oceandata.catalog.scan import run_scan


def test_a_report_in_three_forms(holdings: Path, tmp_path: Path) -> None:
    (holdings / "<b>.txt").write_text("words", encoding="utf-8")
    report = run_scan([holdings], tmp_path / "c.yaml")
    document = json.loads(json.dumps(report.to_json()))
    assert [entry["id"] for entry in document["entries"]] == ["run", "sst", "temp"]
    assert document["rejects"][0]["code"] == "not-netcdf-text"
    assert document["proposals"][0]["confidence"] > 0
    assert "3 (3 new, 0 changed)" in str(report)
    assert "6 in entries, 2 not" in str(report)
    html = report._repr_html_()
    assert "sst" in html
    assert "&lt;b&gt;.txt" in html
    assert "<b>.txt" not in html
