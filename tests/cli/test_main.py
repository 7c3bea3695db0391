"""Whatever goes wrong is one clear sentence on the error output, a non-zero exit code, and nothing left behind."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import netCDF4
import pytest

from oceandata.cli.main import COMMANDS, cli

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_help_lists_every_command(run: Run) -> None:
    done = run("--help")
    assert done.returncode == 0
    assert all(f" {name} {text}" in " ".join(done.stdout.split()) for name, (_, text) in COMMANDS.items())
    assert run("-h").stdout == done.stdout


def test_version(run: Run) -> None:
    import oceandata

    assert oceandata.__version__ in run("--version").stdout


def test_every_command_loads() -> None:
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        assert command.name == name
    assert cli.get_command(context, "demonstrate") is None


@pytest.mark.parametrize(
    "words",
    [
        ("demonstrate",),
        ("inspect",),
        ("ingest", "a.nc"),
        ("catalog", "find"),
        ("verify", "x", "--sampel", "3"),
        ("verify", "x", "--sample", "0"),
        ("ingest", "a.nc", "--into", "x", "--chunk-bytes", "0"),
        ("layout", "x", "--chunk-bytes", "-1"),
        ("layout", "x", "--memory-bytes", "-1"),
        (),
    ],
)
def test_a_line_that_cannot_be_understood_exits_with_2(run: Run, words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert "Usage: oceandata" in done.stderr
    assert done.stdout == ""


@pytest.fixture
def table(tmp_path: Path, ostia_file: Path, demo: Any) -> dict[str, list[object]]:
    """The bad input of the issue: what to call, and the words that must be in the answer."""
    page = tmp_path / "page.nc"
    page.write_text("<!DOCTYPE html><html><body>404 Not Found</body></html>")
    foreign = tmp_path / "foreign.yaml"
    foreign.write_text(demo.catalog.read_text(encoding="utf-8").replace("oceandata.readers:OceanZarr", "os:system"))
    empty = tmp_path / "empty.nc"
    with netCDF4.Dataset(empty, "w") as file:
        file.title = "nothing else"
    held = shutil.copytree(demo.folder / "ostia_sst_monthly", tmp_path / "held")
    at = ["--catalog", demo.catalog]
    return {
        "a missing file": ["ingest", tmp_path / "missing.nc", "--into", tmp_path / "new", "there is no file"],
        "a page": ["ingest", page, "--into", tmp_path / "new", "HTML"],
        "an unknown variable": [
            "ingest",
            ostia_file,
            "--into",
            tmp_path / "new",
            "--variables",
            "salinity",
            "salinity",
        ],
        "swapped corners": ["catalog", "search", *at, "--bbox", -120, 5, -170, -5, "Swap the two"],
        "an unknown reader": ["catalog", "list", "--catalog", foreign, "os:system"],
        "an existing repository": ["ingest", ostia_file, "--into", held, "holds a dataset already"],
        "a broken catalogue for a search": ["catalog", "search", "sst", "--catalog", foreign, "os:system"],
        "no catalogue": ["catalog", "list", "--catalog", tmp_path / "none.yaml", "none.yaml"],
        "an unknown entry": ["catalog", "show", "ostia", *at, "There is: 'ostia_sst_monthly'"],
        "no repository": ["verify", tmp_path / "none", "there is no repository"],
        "an unknown revision": ["verify", held, "--revision", "r9", "'r1'"],
        "no result": ["lineage", tmp_path / "none.nc", "there is no file"],
        "a result of others": ["lineage", ostia_file, "carries no lineage"],
        "an unknown routine": ["compute", "climatologie", "x", *at, "--dry-run", "Close: 'climatology'"],
        "a file without variables": ["ingest", empty, "--into", tmp_path / "new", "has no variable, need at least one"],
        "a folder": ["ingest", held, "--into", tmp_path / "new", "is a folder, need NetCDF files"],
        "a place below a file": ["ingest", ostia_file, "--into", page / "new", f"cannot write to {page}"],
        "a dry run into a repository": ["ingest", ostia_file, "--into", held, "--dry-run", "holds a dataset already"],
        "a dry run into a folder": ["ingest", ostia_file, "--into", tmp_path, "--dry-run", "is not a repository"],
        "an unknown scheme": ["ingest", ostia_file, "--into", "gs://bucket/x", "'gs'"],
    }


BAD = [
    "a missing file",
    "a page",
    "an unknown variable",
    "swapped corners",
    "an unknown reader",
    "an existing repository",
    "a broken catalogue for a search",
    "no catalogue",
    "an unknown entry",
    "no repository",
    "an unknown revision",
    "no result",
    "a result of others",
    "an unknown routine",
    "a file without variables",
    "a folder",
    "a place below a file",
    "a dry run into a repository",
    "a dry run into a folder",
    "an unknown scheme",
]


def _state(folder: Path) -> dict[str, int]:
    return {
        str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"
    }


@pytest.mark.parametrize("case", BAD)
def test_bad_input(run: Run, table: dict[str, list[object]], tmp_path: Path, case: str) -> None:
    *words, expected = table[case]
    before = _state(tmp_path)
    done = run(*words)
    assert done.returncode == 1
    assert str(expected) in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    first, *others = done.stderr.strip().splitlines()
    assert first.partition(":")[0].isidentifier()
    assert not others or case in ("an unknown reader", "a broken catalogue for a search")
    assert _state(tmp_path) == before
    assert not (tmp_path / "new").exists()


def test_the_table_is_whole(table: dict[str, list[object]]) -> None:
    assert list(table) == BAD


def test_exit_codes_of_a_process(shell: Run, tmp_path: Path) -> None:
    (tmp_path / "page.nc").write_text("<html>404</html>")
    done = shell("ingest", "page.nc", "--into", "new")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "new").exists()
    assert shell("inspect", "page.nc").returncode == 1
    assert shell("nonsense").returncode == 2
    assert shell("doctor").returncode == 0


def test_what_the_system_refuses_is_one_sentence_too(run: Run, demo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from oceandata import trade

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "mean.nc")

    monkeypatch.setattr(trade, "write_result", full)
    done = run("compute", "area_mean", "ostia_sst_monthly", "--catalog", demo.catalog, "--to", "mean.nc")
    assert done.returncode == 1
    assert done.stderr.strip() == "OSError: [Errno 28] No space left on device: 'mean.nc'"


def test_stopping_by_hand(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from oceandata import storage

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(storage, "verify_revision", stopped)
    done = run("verify", "x")
    assert done.returncode == 130
    assert "the same command continues" in done.stderr


def test_a_closed_pipe_is_no_traceback(demo: Any) -> None:
    code = "from oceandata.cli import main; main()"
    words = [
        sys.executable,
        "-c",
        code,
        "catalog",
        "show",
        "ostia_sst_monthly",
        "--json",
        "--catalog",
        str(demo.catalog),
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert "Traceback" not in running.stderr.read()
    assert running.returncode == 1
