"""The commands plan, run and status: what they print, and the exit codes that a scheduler of jobs acts on."""

import json
from pathlib import Path

import pytest
import yaml

from oceandata import storage
from oceandata.batch.ledger import Share, held_run
from oceandata.catalog import update_entry
from tests.batch.conftest import SMALL, make_holding, write_months
from tests.cli.conftest import Run


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_holding(tmp_path_factory.mktemp("holding"), steps=12).catalog


@pytest.fixture
def job(catalog: Path, tmp_path: Path) -> Path:
    document = {
        "schema": "oceandata.job/1",
        "name": "warm",
        "input": {"catalog": str(catalog), "entry": "sst"},
        "routine": "climatology",
        "output": "warm.nc",
        "resources": SMALL,
        "purpose": "a lecture",
    }
    path = tmp_path / "warm.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def test_from_plan_to_report(run: Run, job: Path) -> None:
    planned = run("plan", job, "--no-canary")
    assert planned.returncode == 0
    for part in ("partitions", "CC-BY-4.0", "12 chunks", "a lecture", "assumed, not measured"):
        assert part in planned.stdout
    assert run("status", job).returncode == 2
    done = run("run", job, "--no-canary", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["usage"]["matches_plan"]
    assert report["digest"].startswith("sha256:")
    again = run("run", job)
    assert again.returncode == 0
    assert "finished already" in again.stdout
    state = json.loads(run("status", job, "--json").stdout)
    assert state["how"] == "finished"
    assert state["done"] == state["partitions"] == report["partitions"]
    assert "finished" in run("status", job.parent / "runs" / "warm").stdout
    assert "surface" not in run("lineage", report["target"]).stderr


def test_a_result_follows_its_input(run: Run, job: Path, tmp_path: Path) -> None:
    own = make_holding(tmp_path, steps=12)
    document = yaml.safe_load(job.read_text())
    document["input"] = {"catalog": str(own.catalog), "entry": "sst", "blocks": {"time": 6}}
    job.write_text(yaml.safe_dump(document))
    assert run("run", job, "--no-canary", "--update").returncode == 0
    assert "finished already" in run("run", job, "--update").stdout
    more = write_months(tmp_path / "more.nc", 6, start=12)
    storage.write_append(storage.plan_append([more], own.repository))
    update_entry(own.catalog, "sst")
    planned = json.loads(run("plan", job, "--update", "--json").stdout)
    assert planned["update"]["since"] == "r1"
    assert 0 < planned["read_bytes"] < planned["gross_bytes"] / 2
    assert "unchanged since the run of r1: reads" in run("plan", job, "--update").stdout
    assert "Its input is at r2 now" in run("run", job).stdout
    done = run("run", job, "--update", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [(one["revision"], one["partitions"]) for one in report["reused"]] == [
        ("r1", sum(planned["update"]["taken"]))
    ]
    assert report["usage"]["inputs"][0]["chunks_served"] == 6
    assert "as read from sst r1 (CC-BY-4.0)" in run("status", job).stdout
    assert run("run", job, "--update", "--discard").returncode == 2


def test_faults_of_a_job_are_code_2(run: Run, job: Path) -> None:
    job.write_text(job.read_text().replace("climatology", "climatolgy"))
    for command in ("plan", "run"):
        refused = run(command, job)
        assert refused.returncode == 2
        assert "Close: 'climatology'" in refused.stderr
    told = json.loads(run("run", job, "--json").stdout)
    assert (told["code"], told["error"]) == (2, "DocumentError")


def test_what_does_not_fit_is_code_3(run: Run, job: Path) -> None:
    document = yaml.safe_load(job.read_text())
    document["resources"] = {"memory": "1 MB"}
    job.write_text(yaml.safe_dump(document))
    planned = run("plan", job, "--no-canary")
    assert planned.returncode == 3
    assert "smaller blocks" in planned.stdout
    assert run("run", job, "--no-canary").returncode == 3


def test_a_run_that_is_held_or_changed_is_code_6(run: Run, job: Path) -> None:
    folder = job.parent / "runs" / "warm"
    with held_run(folder, Share()):
        held = run("run", job, "--no-canary")
    assert held.returncode == 6
    assert "RunHeldError" in held.stderr
    assert run("run", job, "--no-canary", "--share", "1/2").returncode in (0, 75)
    job.write_text(job.read_text().replace("climatology", "mean"))
    assert run("run", job, "--no-canary").returncode == 6
    assert run("run", job, "--no-canary", "--discard").returncode == 0


def test_shares_and_finish(run: Run, job: Path) -> None:
    codes = [run("run", job, "--no-canary", "--share", f"{n}/2").returncode for n in (1, 2)]
    assert codes[-1] == 0
    assert not (job.parent / "warm.nc").exists()
    assert run("run", job, "--finish").returncode == 0
    assert (job.parent / "warm.nc").exists()


def test_words_that_make_no_sense_are_usage_errors(run: Run, job: Path) -> None:
    for share in ("3/2", "0/2", "a/b", "2"):
        assert run("run", job, "--share", share).returncode == 2
    assert run("run", job, "--share", "1/2", "--finish").returncode == 2
    assert run("run", job, "--no-canary", "--scheduler", "cluster").returncode == 2


def test_time_that_is_over_is_code_75(run: Run, job: Path) -> None:
    assert run("run", job, "--no-canary", "--walltime", "0.000001").returncode == 75
    state = run("status", job)
    assert "drained" in state.stdout
    assert run("status", job, "--verify").returncode == 0
