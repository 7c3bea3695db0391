"""Commands on repositories: what they print, and how they end."""

import json
import shutil
from pathlib import Path

import pytest

from oceandata import storage


@pytest.fixture
def sst(ostia_repository: Path, tmp_path: Path) -> Path:
    return shutil.copytree(ostia_repository, tmp_path / "sst")


def test_layout_history_diff_and_export(run, sst: Path, tmp_path: Path) -> None:
    planned = run("layout", sst, "--chunk-bytes", 50_000, "--dry-run")
    assert planned.returncode == 0
    assert "is read once to write and once more to compare" in planned.stdout
    assert "Nothing was written" in planned.stdout
    assert json.loads(run("layout", sst, "--dry-run", "--json").stdout)["times_read"] == 1.0
    written = run("layout", sst, "--chunk-bytes", 50_000, "--json")
    assert json.loads(written.stdout)["revision"] == "r2"
    again = run("layout", sst)
    assert again.returncode == 1
    assert again.stderr.startswith("RepositoryExistsError: revision r2 of")

    listed = run("history", sst)
    assert "maps, series" in listed.stdout
    assert listed.stdout.endswith("2 revisions\n")
    assert [one["revision"] for one in json.loads(run("history", sst, "--json").stdout)] == ["r1", "r2"]

    same, other = run("diff", sst, "r2"), run("diff", sst, "r1", "r2")
    assert (same.returncode, other.returncode) == (0, 3)
    assert "no difference" in same.stdout
    assert "layout 'series' was added" in other.stdout
    assert json.loads(run("diff", sst, "r1", "--json").stdout)["layouts_added"] == ["series"]
    assert run("diff", sst, "r7").returncode == 1

    told = run("export", sst, tmp_path / "out.zarr", "--layout", "series", "--dry-run")
    assert "are free there; nothing was written" in told.stdout
    assert not (tmp_path / "out.zarr").exists()
    exported = json.loads(run("export", sst, tmp_path / "out.zarr", "--layout", "series", "--json").stdout)
    assert exported["is_sound"]
    assert exported["content_root"] == storage.describe_revision(sst, layout="series").content_root
    assert run("export", sst, tmp_path / "out.zarr").returncode == 1


def test_gc(run, sst: Path) -> None:
    told = run("gc", sst, "--older-than", "0s", "--dry-run")
    assert told.returncode == 0
    assert told.stdout.endswith("would be removed\n")
    assert json.loads(run("gc", sst, "--older-than", "7d", "--json").stdout)["chunks"] == 0
    assert "need a number and one of s, m, h, d, w" in run("gc", sst, "--older-than", "week").stderr
    assert run("gc", sst).returncode == 2
    assert "nothing was unfinished" in run("layout", sst, "--abandon").stdout
