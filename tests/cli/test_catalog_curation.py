"""The way of those who look after a catalogue: new, edit, check, publish."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
DECIDED = ("--set", "title=Sea-surface temperature", "--set", "title_zh=海表温度", "--set", "license=LicenseRef-OGL-UK")


@pytest.fixture
def file(tmp_path: Path, ostia_file: Path) -> Path:
    """The real file in the folder that commands run in."""
    return Path(shutil.copy(ostia_file, tmp_path / "ostia.nc"))


def test_from_a_file_to_a_published_entry(run: Run, file: Path) -> None:
    done = run("catalog", "new", "ostia.nc", "--entry", "sst")
    assert done.returncode == 0, done.stderr
    assert "drafts/sst.yaml:4: decide: title:" in done.stdout
    assert done.stdout.endswith("4 left to decide\n")
    done = run("catalog", "edit", "sst", *DECIDED)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("1 left to decide\n")
    assert "warning: left to decide: grade" in done.stdout
    assert run("catalog", "check", "drafts/sst.yaml", "--open").returncode == 0
    done = run("catalog", "publish", "sst", "--to", "public.yaml", "--grade", "general", "--decided-by", "Li Si")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^grade +general$", done.stdout, re.MULTILINE)
    (entry,) = json.loads(run("catalog", "list", "--json", "--catalog", "public.yaml").stdout)
    assert entry["assets"]["netcdf"]["href"] == "{CATALOG_DIR}/ostia.nc"
    done = run("catalog", "check", "public.yaml", "--level", "4", "--lang", "zh")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^错误 0 个，警告 \d+ 个$", done.stdout, re.MULTILINE)
    (entry,) = json.loads(run("catalog", "list", "--json", "--catalog", "public.yaml").stdout)
    assert entry["status"] == "alive"
    assert entry["verified"]


def test_a_dry_run_writes_nothing(run: Run, file: Path) -> None:
    done = run("catalog", "new", file, "--entry", "sst", "--dry-run", "--json")
    assert json.loads(done.stdout)["variables"] == "surface_temperature"
    assert "nothing" in run("catalog", "new", file, "--entry", "sst", "--dry-run").stdout
    assert not (file.parent / "drafts").exists()


def test_json_of_drafts(run: Run, file: Path) -> None:
    told = json.loads(run("catalog", "new", file, "--entry", "sst", "--json").stdout)
    assert set(told["decide"]) == {"title", "title_zh", "license", "grade"}
    done = run("catalog", "edit", "sst", "--set", "title=x", "--json")
    told = json.loads(done.stdout)
    assert Path(told["draft"]).name == "sst.yaml"
    assert all(fault["severity"] == "warning" for fault in told["faults"])


def test_the_editor_is_opened_and_every_fault_is_told(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("catalog", "new", file, "--entry", "sst")
    editor = file.parent / "editor.py"
    editor.write_text(
        "import pathlib, sys\n"
        "path = pathlib.Path(sys.argv[1])\n"
        "path.write_text(path.read_text('utf-8').replace('license: NOASSERTION', 'licence: x'), 'utf-8')\n",
        "utf-8",
    )
    monkeypatch.setenv("VISUAL", f'"{sys.executable}" "{editor}"' if os.name == "nt" else f"{sys.executable} {editor}")
    done = run("catalog", "edit", "sst", "--lang", "zh")
    assert done.returncode == 1
    assert re.search(r"sst\.yaml:5: 错误: title：不能为空", done.stdout)
    assert re.search(r"sst\.yaml:13: 错误: licence：未知的键 'licence'。相近：'license'", done.stdout)
    assert "错误: license：缺少此字段。" in done.stdout


def test_publishing_is_refused_with_every_reason(run: Run, file: Path) -> None:
    run("catalog", "new", file, "--entry", "sst")
    words = ("catalog", "publish", "sst", "--to", "public.yaml", "--grade", "general", "--decided-by", "Li Si")
    done = run(*words)
    assert done.returncode == 1
    assert "left to decide: title in Chinese" in done.stderr
    assert "nobody knows what is allowed" not in done.stdout
    assert not (file.parent / "public.yaml").exists()
    assert run("catalog", "publish", "sst", "--to", "public.yaml", "--grade", "secret").returncode == 2
    assert run("catalog", "publish", "sst", "--to", "public.yaml", "--grade", "general").returncode == 2


def test_a_decision_needs_a_value(run: Run, file: Path) -> None:
    run("catalog", "new", file, "--entry", "sst")
    done = run("catalog", "edit", "sst", "--set", "license")
    assert done.returncode == 2
    assert "need FIELD=VALUE" in done.stderr


def test_dead_places_are_errors_and_only_asked_places_change(run: Run, file: Path) -> None:
    run("catalog", "new", file, "--entry", "sst")
    run("catalog", "edit", "sst", *DECIDED)
    run("catalog", "publish", "sst", "--to", "public.yaml", "--grade", "general", "--decided-by", "Li Si")
    file.unlink()
    before = (file.parent / "public.yaml").read_text("utf-8")
    done = run("catalog", "check", "public.yaml", "--alive", "--dry-run")
    assert done.returncode == 1
    assert re.search(r"public\.yaml:\d+: error: sst: assets\.netcdf is dead: 1 of 1 files are not there", done.stdout)
    assert (file.parent / "public.yaml").read_text("utf-8") == before
    done = run("catalog", "check", "public.yaml", "--alive", "--lang", "zh")
    assert "assets.netcdf 已失效" in done.stdout
    (entry,) = json.loads(run("catalog", "list", "--json", "--catalog", "public.yaml").stdout)
    assert entry["status"] == "dead"


def test_the_language_of_the_session(run: Run, tmp_path: Path) -> None:
    from oceandata import set_options

    (tmp_path / "c.yaml").write_text("version: 1\n", "utf-8")
    with set_options(language="zh"):
        done = run("catalog", "check", "c.yaml")
    assert "c.yaml:1: 错误: version 为 1，需要 2（Intake 2 的格式）。" in done.stdout
    assert done.returncode == 1


def test_names_of_drafts_are_completed(file: Path, run: Run) -> None:
    import click

    from oceandata.cli.catalog_curation import complete_draft, edit

    for name in ("sst", "sea_level"):
        run("catalog", "new", file, "--entry", name)
    context = click.Context(edit, info_name="edit")
    context.params = {"path": file.parent / "c.yaml"}
    assert complete_draft(context, edit.params[0], "s") == ["sea_level", "sst"]
    assert complete_draft(context, edit.params[0], "ss") == ["sst"]
