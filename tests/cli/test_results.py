"""Commands on results: compute, and the lineage of a file."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

Run = Callable[..., subprocess.CompletedProcess[str]]
NAME = "ostia_sst_monthly"


@pytest.fixture
def compute(run: Run, demo: Any) -> Run:
    """Call ``oceandata compute`` on the demonstration's catalogue."""

    def called(routine: str, *words: object) -> subprocess.CompletedProcess[str]:
        return run("compute", routine, NAME, "--catalog", demo.catalog, *words)

    return called


def test_an_index(compute: Run, demo: Any) -> None:
    done = compute("index", "--to", "nino34.nc")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("warning: the region asked for is")
    assert "example:ostia-sst-monthly, revision 1 (example, not listed on any exchange)" in done.stdout
    with xr.open_dataset("nino34.nc") as ours, xr.open_dataset(demo.written["series"]) as theirs:
        xr.testing.assert_equal(ours, theirs)


def test_arguments_a_region_and_a_period(compute: Run) -> None:
    done = compute("area_mean", "--arg", "region=[-170, -5, -120, 4.7]", "--time", "2009", "--to", "box.nc")
    assert done.returncode == 0, done.stderr
    with xr.open_dataset("box.nc") as ds:
        assert ds["surface_temperature"].sizes == {"time": 12}
    done = compute("area_mean", "--region", -170, -5, -120, 4.7, "--variable", "海表温度", "--to", "cells.nc")
    assert done.returncode == 0, done.stderr
    with xr.open_dataset("cells.nc") as ds:
        assert ds["surface_temperature"].sizes == {"time": 54}


def test_a_dry_run_reads_and_writes_nothing(compute: Run, tmp_path: Path) -> None:
    from oceandata.storage import counted_reads

    with counted_reads() as reads:
        done = compute("climatology", "--dry-run", "--to", "x.nc", "--plot", "x.png")
        document = json.loads(compute("climatology", "--dry-run", "--json").stdout)
    assert "chunks      5," in done.stdout
    assert document["inputs"][0]["chunks"] == ["0/0/0", "1/0/0", "2/0/0", "3/0/0", "4/0/0"]
    assert not [read for read in reads.counts if "surface_temperature/c" in read.key]
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_the_result(compute: Run) -> None:
    assert compute("anomaly", "--select", "time=2009-12", "--to", "one.nc").returncode == 0
    with xr.open_dataset("one.nc") as ds:
        assert ds["surface_temperature"].sizes["time"] == 1
        assert float(ds["surface_temperature"].max()) == pytest.approx(2.31, abs=0.01)
    assert compute("climatology", "--select", "month=12", "--to", "december.nc").returncode == 0
    alone = compute("anomaly", "--time", "2009-12", "--to", "zero.nc")
    assert (alone.returncode, "zero by construction" in alone.stderr) == (1, True)
    beyond = compute("climatology", "--select", "month=13", "--to", "x.nc")
    assert (beyond.returncode, "it runs from 1 to 12" in beyond.stderr) == (1, True)


def test_json(compute: Run, tmp_path: Path) -> None:
    document = json.loads(compute("climatology", "--to", "c.nc", "--json").stdout)
    assert document["path"] == "c.nc"
    assert document["usage"]["matches_plan"] is True
    assert document["lineage"]["unattributed"] == []
    assert (tmp_path / "c.nc").is_file()


@pytest.mark.parametrize(
    ("words", "files"),
    [
        (("area_mean", "--plot", "mean.png"), ["mean.nc", "mean.png"]),
        (("area_mean", "--plot", "mean.png", "--to", "other.nc"), ["mean.png", "other.nc"]),
        (("anomaly", "--select", "time=2009-12", "--plot", "map.png"), ["map.nc", "map.png"]),
    ],
    ids=["series", "both names", "map"],
)
def test_pictures(compute: Run, tmp_path: Path, words: tuple[str, ...], files: list[str]) -> None:
    done = compute(*words)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == files
    for path in tmp_path.glob("*.png"):
        assert path.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (("climatology",), 2, "nowhere to put the result"),
        (("climatology", "--to", "x.txt"), 1, "ending in .nc"),
        (("climatology", "--to", "none/x.nc"), 1, "in a folder that exists"),
        (("climatology", "--plot", "x.png"), 1, "need a series or a map"),
        (("area_mean", "--plot", "x.nc"), 1, "ending in .png"),
        (("area_mean", "--arg", "regions=[0, 0, 1, 1]", "--dry-run"), 1, "Close: 'region'"),
        (("area_mean", "--arg", "region=[0, 0", "--dry-run"), 1, "is no YAML"),
        (("area_mean", "--arg", "region=[0, 5, 10, -5]", "--dry-run"), 1, "swapped"),
        (("area_mean", "--arg", "region", "--dry-run"), 1, "need name=value"),
        (("cell_areas", "--variable", "salinity", "--dry-run"), 1, "salinity"),
        (("area_mean", "--time", "1999", "--dry-run"), 1, "no time step lies in"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_bad_calls_compute_nothing(
    compute: Run, tmp_path: Path, words: tuple[str, ...], code: int, expected: str
) -> None:
    done = compute(*words)
    assert (done.returncode, expected in done.stderr) == (code, True), done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_routine_that_needs_more_says_so(compute: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from oceandata import analysis

    def masked(obj: xr.DataArray, mask: xr.DataArray) -> xr.DataArray:
        return obj.where(mask)

    monkeypatch.setattr(analysis, "area_mean", masked)
    done = compute("area_mean", "--dry-run")
    assert done.returncode == 1
    assert "masked needs mask. Give --arg mask=VALUE." in done.stderr


def test_the_lineage_of_a_file(run: Run, demo: Any) -> None:
    done = run("lineage", demo.written["series"])
    assert done.returncode == 0
    assert "licence     LicenseRef-OGL-UK" in done.stdout
    assert "served: 928" in done.stdout
    document = json.loads(run("lineage", demo.written["series"], "--json").stdout)
    assert document["scheme"] == "oceandata-lineage-1"
    assert document["usage"]["matches_plan"]


def test_a_result_of_unknown_source_exits_with_3(run: Run, tmp_path: Path) -> None:
    from oceandata.trade import write_result

    write_result(xr.DataArray([1.0, 2.0], dims="time"), tmp_path / "x.nc")
    done = run("lineage", "x.nc")
    assert done.returncode == 3
    assert "unattributed" in done.stdout
