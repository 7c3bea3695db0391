"""The command that writes a part of a dataset."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xarray as xr

Run = Callable[..., subprocess.CompletedProcess[str]]
NAME = "ostia_sst_monthly"
NINO = ("--bbox", -170, -5, -120, 5, "--time", "2009/2010")


@pytest.fixture
def subset(run: Run, demo: Any) -> Run:
    """Call ``oceandata subset`` on the demonstration's catalogue."""

    def called(*words: object) -> subprocess.CompletedProcess[str]:
        return run("subset", NAME, "--catalog", demo.catalog, *words)

    return called


def test_what_a_scientist_types_first(subset: Run, demo: Any, tmp_path: Path) -> None:
    from oceandata.catalog import open_catalog

    done = subset(*NINO, "--to", "nino.nc")
    assert done.returncode == 0, done.stderr
    assert "example:ostia-sst-monthly: surface_temperature" in done.stdout
    wanted = open_catalog(demo.catalog).open(NAME, region=(-170, -5, -120, 5), time="2009/2010")
    with xr.open_dataset("nino.nc") as ds:
        xr.testing.assert_equal(
            ds["surface_temperature"].drop_vars("forecast_period"),
            wanted["surface_temperature"].drop_vars(
                ["forecast_period", "forecast_reference_time", "latitude_longitude"], errors="ignore"
            ),
        )
        assert ds.attrs["license"] == "LicenseRef-OGL-UK"
    assert [one.name for one in tmp_path.iterdir()] == ["nino.nc"]


def test_a_dry_run_writes_nothing(subset: Run, tmp_path: Path) -> None:
    done = subset(*NINO, "--to", "nino.nc", "--dry-run")
    assert done.returncode == 0, done.stderr
    for said in ("time 21, latitude 18, longitude 61 [K]", "2 stored chunks, 360.1 kB", "LicenseRef-OGL-UK", "Donlon"):
        assert said in done.stdout
    document = json.loads(subset(*NINO, "--to", "nino.nc", "--dry-run", "--json").stdout)
    assert document["values"] == 21 * 18 * 61
    assert document["product"] == "example:ostia-sst-monthly"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.zarr", "a.csv", "a.parquet"])
def test_other_kinds_of_file(subset: Run, run: Run, tmp_path: Path, name: str) -> None:
    done = subset(*NINO, "--variables", "海表温度", "--to", name, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["usage"]["matches_plan"] is True
    assert document["rows"] == (None if name == "a.zarr" else 21 * 18 * 61)
    shown = run("lineage", name)
    assert (shown.returncode, "licence     LicenseRef-OGL-UK" in shown.stdout) == (0, True)
    if name == "a.csv":
        assert len(pd.read_csv(name)) == 21 * 18 * 61


def test_a_point(subset: Run) -> None:
    point = ("--bbox", -140.2, 0.1, -140.2, 0.1, "--to", "point.csv")
    refused = subset(*point)
    assert refused.returncode == 1
    assert "The nearest is at 220 E" in refused.stderr
    done = subset(*point, "--nearest")
    assert done.returncode == 0, done.stderr
    assert len(pd.read_csv("point.csv")) == 54


def test_replacing_and_discarding(subset: Run, tmp_path: Path) -> None:
    assert subset(*NINO, "--to", "a.nc").returncode == 0
    again = subset(*NINO, "--to", "a.nc")
    assert (again.returncode, "--overwrite" in again.stderr) == (1, True)
    assert subset("--time", "2009", "--to", "a.nc", "--overwrite").returncode == 0
    with xr.open_dataset("a.nc") as ds:
        assert ds.sizes["time"] == 12
    from oceandata.journal import Journal

    with Journal(tmp_path / ".b.nc.partial" / "journal.log") as journal:
        journal.append({"work": "of another request", "request": {}})
    refused = subset(*NINO, "--to", "b.nc")
    assert (refused.returncode, "--discard" in refused.stderr) == (1, True)
    assert subset(*NINO, "--to", "b.nc", "--discard").returncode == 0
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.nc", "b.nc"]


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        ((), 2, "--to"),
        (("--to", "a.xls"), 1, "need one of .nc, .zarr, .csv, .parquet"),
        (("--to", "none/a.nc"), 1, "Create it first"),
        (("--to", "a.nc", "--bbox", 1, 2, 3), 2, "--bbox"),
        (("--to", "a.nc", "--bbox", 0, 50, 10, 60), 1, "the dataset covers"),
        (("--to", "a.nc", "--depth", "surface"), 1, "such as 0/700"),
        (("--to", "a.nc", "--depth", "0/700"), 1, "no vertical axis"),
        (("--to", "a.nc", "--time", "1999"), 1, "no time step lies in"),
        (("--to", "a.nc", "--variables", "salinity"), 1, "salinity"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_bad_calls_leave_nothing(
    subset: Run, tmp_path: Path, words: tuple[object, ...], code: int, expected: str
) -> None:
    done = subset(*words)
    assert (done.returncode, expected in done.stderr) == (code, True), done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []
