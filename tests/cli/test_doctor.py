"""What is here and what is wrong, and the command that runs the demonstration."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_versions_and_options(run: Run) -> None:
    import importlib.metadata

    done = run("doctor")
    assert done.returncode == 0, done.stderr
    document = json.loads(run("doctor", "--json").stdout)
    assert document["faults"] == []
    for name in ("xarray", "dask", "zarr", "icechunk"):
        assert document[name] == importlib.metadata.version(name)
        assert f"{name} " in done.stdout
    assert document["option block_bytes"] == 16_000_000
    assert document["memory"].endswith("B")


def test_what_is_wrong(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from oceandata.cli import doctor

    present = {"oceandata": "0.7"}

    def version(name: str) -> str:
        if name == "zarr":
            raise doctor.metadata.PackageNotFoundError(name)
        return present.get(name, "1")

    monkeypatch.setattr(doctor.metadata, "version", version)
    done = run("doctor")
    assert done.returncode == 1
    assert "fault: another distribution called 'oceandata' is installed" in done.stderr
    assert "fault: zarr is not installed: pip install zarr." in done.stderr
    assert len(json.loads(run("doctor", "--json").stdout)["faults"]) == 2


def test_the_demonstration(run: Run, tmp_path: Path) -> None:
    done = run("demo", "--to", "first look")
    assert done.returncode == 0, done.stderr
    assert "5. Saved" in done.stdout
    assert "El Niño: +1.61 K" in done.stdout
    lines = [line.strip() for line in done.stdout.rpartition("What to type next")[2].splitlines() if line.strip()]
    assert len(lines) == 4
    import shlex

    for line in lines:
        again = run(*shlex.split(line)[1:])
        assert again.returncode == 0, (line, again.stderr)
    assert (tmp_path / "mean.png").is_file()


def test_the_demonstration_refuses_what_is_not_its_own(run: Run, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("ten years")
    done = run("demo", "--to", tmp_path)
    assert done.returncode == 1
    assert "was not made by the demonstration" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "ten years"
