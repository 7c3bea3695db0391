"""Commands on catalogues, and what the shell completes."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.shell_completion import ShellComplete

from oceandata.cli.catalog import COMMANDS
from oceandata.cli.main import cli

Run = Callable[..., subprocess.CompletedProcess[str]]
NAME = "ostia_sst_monthly"


@pytest.fixture
def at(demo: Any) -> list[object]:
    """The option that names the demonstration's catalogue."""
    return ["--catalog", demo.catalog]


def test_list(run: Run, at: list[object]) -> None:
    done = run("catalog", "list", *at)
    assert done.returncode == 0
    assert NAME in done.stdout
    assert "月平均海表温度" in done.stdout
    assert "example, not" in done.stdout
    assert done.stdout.endswith("\n1 entry\n")
    (entry,) = json.loads(run("catalog", "list", "--json", *at).stdout)
    assert entry["id"] == NAME


def test_the_catalogue_of_the_environment(run: Run, demo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCEANDATA_CATALOG", str(demo.catalog))
    assert NAME in run("catalog", "list").stdout


def test_show(run: Run, at: list[object]) -> None:
    shown = run("catalog", "show", NAME, *at).stdout
    for words in ("标题", "W -180 S -5.2", "2006-04-16 to 2010-09-16 P1M", "Donlon", "sha256:", "revision 1: example"):
        assert words in shown
    document = json.loads(run("catalog", "show", NAME, "--json", *at).stdout)
    assert document["trade"] == {"product": "example:ostia-sst-monthly", "revision": 1, "example": True}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("海表温度",), True),
        (("sea", "surface", "temperature"), True),
        (("盐度",), False),
        (("--bbox", -170, -5, -120, 5), True),
        (("--bbox", -20, 70, 20, 80), False),
        (("--time", "2009/2010"), True),
        (("--time", "1999"), False),
        (("--variable", "tos"), True),
        (("--licence", "LicenseRef-OGL-UK"), True),
        (("--provider", "英国气象局"), True),
        (("--traded",), True),
        (("--not-traded",), False),
        (("--depth", 0, 10), False),
    ],
    ids=str,
)
def test_search(run: Run, at: list[object], words: tuple[object, ...], found: bool) -> None:
    done = run("catalog", "search", *words, *at, "--json")
    assert done.returncode == 0, done.stderr
    assert [entry["id"] for entry in json.loads(done.stdout)] == [NAME] * found


def test_check(run: Run, at: list[object], demo: Any, tmp_path: Path) -> None:
    done = run("catalog", "check", *at)
    assert done.returncode == 0
    assert re.search(r"^0 errors, \d+ warnings?$", done.stdout, re.MULTILINE)
    broken = tmp_path / "broken.yaml"
    broken.write_text(demo.catalog.read_text(encoding="utf-8").replace("license:", "licence:"), encoding="utf-8")
    done = run("catalog", "check", "--catalog", broken)
    assert done.returncode == 1
    assert "broken.yaml:" in done.stdout
    assert "unknown key 'licence'. Close: 'license'" in done.stdout
    assert "\n2 errors, 0 warnings\n" in done.stdout
    faults = json.loads(run("catalog", "check", "--json", "--catalog", broken).stdout)
    assert "error" in {fault["severity"] for fault in faults}


def test_the_command_that_an_error_names_works(run: Run, tmp_path: Path) -> None:
    evil = tmp_path / "evil one.yaml"
    evil.write_text("version: 3\n", encoding="utf-8")
    told = run("catalog", "list", "--catalog", evil)
    assert told.returncode == 1
    command = re.search(r"Mend them; '(.*)' lists them again", told.stderr)
    assert command is not None
    program, *words = shlex.split(command[1])
    again = run(*words)
    assert program == "oceandata"
    assert again.returncode == 1
    assert "version is 3, need 2" in again.stdout


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("monthly", "temprature"), "'temprature'. Close: 'temperature'."),
        (("海表温渡",), "Close: '海表温度'."),
        (("--variable", "surface_temprature"), "Close: 'temperature'."),
        (("temperature", "--time", "1999"), "try fewer words"),
    ],
)
def test_a_search_that_finds_nothing_says_what_to_try(
    run: Run, at: list[object], words: tuple[object, ...], hint: str
) -> None:
    done = run("catalog", "search", *words, *at)
    told, count = done.stdout.splitlines()
    assert hint in told
    assert count == "0 entries"
    assert json.loads(run("catalog", "search", *words, *at, "--json").stdout) == []


def test_show_names_the_folder_and_no_unknown_attribution(run: Run, demo: Any, tmp_path: Path) -> None:
    shown = run("catalog", "show", NAME, "--catalog", demo.catalog).stdout
    assert "CATALOG_DIR" not in shown
    assert str(demo.folder.resolve()) in shown
    assert "\nattribution " in shown
    text = demo.catalog.read_text(encoding="utf-8")
    attribution = json.loads(run("catalog", "show", NAME, "--json", "--catalog", demo.catalog).stdout)["attribution"]
    silent = tmp_path / "silent.yaml"
    document = yaml.safe_load(text)
    entry = document["entries"][NAME]
    assert entry["kwargs"]["origin"]["attribution"] == attribution
    entry["kwargs"]["origin"]["attribution"] = entry["metadata"]["entry"]["attribution"] = "unknown"
    silent.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    shown = run("catalog", "show", NAME, "--catalog", silent)
    assert shown.returncode == 0, shown.stderr
    assert "attribution" not in shown.stdout


def test_register_and_update(run: Run, ostia_repository: Path, tmp_path: Path) -> None:
    """The way of an archive: register what is there, add a layout, bring the entry up to it."""
    url = shutil.copytree(ostia_repository, tmp_path / "sst")
    printed = run("catalog", "template").stdout
    overlay = tmp_path / "overlay.yaml"
    filled = printed.replace('title: ""', "title: Sea surface temperature", 1)
    overlay.write_text(filled.replace('license: ""', "license: LicenseRef-OGL-UK"), encoding="utf-8")
    words = ("catalog", "register", url, "--entry", "sst", "--overlay", overlay, "--catalog", tmp_path / "c.yaml")
    done = run(*words)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^revision +r1$", done.stdout, re.MULTILINE)
    assert "Sea surface temperature" in run("catalog", "show", "sst", "--catalog", tmp_path / "c.yaml").stdout

    written = run("layout", url, "--chunk-bytes", 50_000)
    assert "oceandata catalog update ENTRY --catalog FILE" in written.stdout
    assert run(*words).returncode == 1  # the entry is there, and its repository has changed
    done = run("catalog", "update", "sst", "--catalog", tmp_path / "c.yaml", "--json")
    assert done.returncode == 0, done.stderr
    entry = json.loads(done.stdout)
    assert list(entry["assets"]) == ["maps", "series"]
    assert {asset["revision"] for asset in entry["assets"].values()} == {"r2"}
    assert (entry["title"], entry["license"]) == ("Sea surface temperature", "LicenseRef-OGL-UK")
    overlay.write_text("tilte: x\n", encoding="utf-8")
    refused = run(*words, "--replace")
    assert refused.returncode == 1
    assert "overlay.yaml:1: tilte: unknown key 'tilte'. Close: 'title'" in refused.stderr


@pytest.mark.parametrize("command", [("catalog", "register"), ("ingest",)])
def test_help_names_the_keys_of_an_overlay(run: Run, command: tuple[str, ...]) -> None:
    told = " ".join(run(*command, "--help").stdout.split())
    assert "title, title_zh, license, attribution, keywords, variables" in told
    assert "oceandata catalog template" in told


def _completed(*words: str) -> list[str]:
    *before, incomplete = words
    complete = ShellComplete(cli, {}, "oceandata", "_OCEANDATA_COMPLETE")
    return [one.value for one in complete.get_completions(list(before), incomplete)]


def test_commands_are_completed() -> None:
    assert _completed("in") == ["inspect", "ingest"]
    assert _completed("catalog", "sh") == ["show"]
    assert "--dry-run" in _completed("compute", "--d")


def test_entries_are_completed(demo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = str(demo.catalog)
    assert _completed("catalog", "show", "--catalog", catalog, "os") == [NAME]
    assert _completed("catalog", "show", "--catalog", catalog, "x") == []
    assert _completed("compute", "index", "--catalog", catalog, "") == [NAME]
    assert _completed("catalog", "show", "--catalog", str(tmp_path / "none.yaml"), "") == []
    monkeypatch.chdir(demo.folder)
    assert _completed("catalog", "show", "") == [NAME]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "catalog.yaml").write_text("version: 3")
    assert _completed("catalog", "show", "") == []
    monkeypatch.setenv("OCEANDATA_CATALOG", catalog)
    assert _completed("catalog", "show", "") == [NAME]


def test_routines_are_completed() -> None:
    from oceandata import analysis

    assert _completed("compute", "cli") == ["climatology"]
    assert {"mean", "trend", "index", "regrid"} <= set(_completed("compute", "")) <= set(analysis.__all__)
    assert not {"plan", "statistics"} & set(_completed("compute", ""))


def test_completion_as_bash_asks_for_it(demo: Any) -> None:
    words = f"oceandata catalog show --catalog {demo.catalog} os"
    environment = os.environ | {"_OCEANDATA_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "5"}
    command = [sys.executable, "-c", "from oceandata.cli import main; main()"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == f"plain,{NAME}\n"


def test_groups_are_groups() -> None:
    context = click.Context(cli)
    group = cli.get_command(context, "catalog")
    assert isinstance(group, click.Group)
    assert group.list_commands(context) == list(COMMANDS)
    assert all(isinstance(group.get_command(context, name), click.Command) for name in COMMANDS)
