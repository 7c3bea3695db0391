"""Calling the command: in this process, or in one of its own as a shell does."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Call `oceandata.cli.main` as the console script does, in an empty folder; what it printed and its exit code."""
    from oceandata.cli import main

    monkeypatch.chdir(tmp_path)
    for name in ("OCEANDATA_CATALOG",):
        monkeypatch.delenv(name, raising=False)

    def called(*words: object) -> subprocess.CompletedProcess[str]:
        arguments = [str(word) for word in words]
        monkeypatch.setattr(sys, "argv", ["oceandata", *arguments])
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
        out, err = capfd.readouterr()
        return subprocess.CompletedProcess(arguments, code, out, err)

    return called


@pytest.fixture
def shell(tmp_path: Path) -> Run:
    """Call the command in a process of its own."""

    def called(*words: object) -> subprocess.CompletedProcess[str]:
        code = "from oceandata.cli import main; main()"
        command = [sys.executable, "-c", code, *map(str, words)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return called
