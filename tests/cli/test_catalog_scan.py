"""`oceandata catalog scan`: table, JSON, dry run and exit codes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from oceandata.catalog import open_catalog

Run = Callable[..., "object"]


@pytest.fixture
def folder(tmp_path: Path, ostia_file: Path) -> Path:
    """One real file, and one that is none."""
    place = tmp_path / "holdings"
    place.mkdir()
    shutil.copy(ostia_file, place / "ostia_monthly.nc")
    (place / "notes.txt").write_text("words", encoding="utf-8")
    return place


def test_scan_prints_tables_and_writes(run: Run, folder: Path) -> None:
    done = run("catalog", "scan", folder, "--catalog", "c.yaml")
    assert done.returncode == 0, done.stderr
    for words in ("ostia_monthly", "NOASSERTION", "notes.txt", "The file is text", "1 (1 new, 0 changed)"):
        assert words in done.stdout
    assert open_catalog("c.yaml").open("ostia_monthly", time="2009").sizes["time"] == 12
    again = run("catalog", "scan", folder, "--catalog", "c.yaml")
    assert "0 now, 1 known from an earlier scan" in again.stdout


def test_a_dry_run_as_json(run: Run, folder: Path) -> None:
    done = run("catalog", "scan", folder, "--catalog", "c.yaml", "--dry-run", "--json")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert [entry["id"] for entry in document["entries"]] == ["ostia_monthly"]
    assert not Path("c.yaml").exists()


def test_exit_codes(run: Run, folder: Path, tmp_path: Path) -> None:
    (folder / "ostia_monthly.nc").unlink()
    nothing = run("catalog", "scan", folder, "--catalog", "c.yaml")
    assert nothing.returncode == 1
    assert "notes.txt" in nothing.stdout
    missing = run("catalog", "scan", tmp_path / "holding", "--catalog", "c.yaml")
    assert missing.returncode == 1
    assert "Close: 'holdings'" in missing.stderr
    assert run("catalog", "scan").returncode == 2
