"""Entries in lines of JSON."""

from pathlib import Path

import pytest

from oceandata.catalog.scan import run_scan
from oceandata.catalog.scan.writing import bulk_path, read_bulk
from oceandata.errors import InputError


def test_the_same_entries_are_the_same_bytes(holdings: Path, tmp_path: Path) -> None:
    report = run_scan([holdings], tmp_path / "c.yaml", into="bulk")
    path = bulk_path(tmp_path / "c.yaml")
    before = path.read_bytes()
    assert list(read_bulk(tmp_path / "c.yaml").values()) == list(report.entries)
    path.unlink()
    run_scan([holdings], tmp_path / "d.yaml", into="bulk")
    assert path.read_bytes() == before


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    path = bulk_path(tmp_path / "c.yaml")
    assert read_bulk(tmp_path / "c.yaml") == {}
    path.parent.mkdir()
    path.write_bytes(b"no gzip")
    with pytest.raises(InputError, match="is damaged"):
        read_bulk(tmp_path / "c.yaml")
