"""Plans: what is told is what happens, nothing is read to make one, and what does not fit is refused."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from oceandata import storage
from oceandata.batch import PlanRefusedError, plan_job, run_job
from oceandata.batch.plan import RunPlan
from oceandata.batch.worker import read_plan_file
from tests.batch.conftest import Holding, Make


def test_a_plan_reads_no_data(make_job: Make) -> None:
    job = make_job()
    with storage.counted_reads() as reads:
        plan = plan_job(job, canary=False)
    assert not [read for read in reads.counts if "/sst/c/" in read.key and not read.key.startswith("_")]
    assert not job.run_folder.exists()
    assert not plan.is_measured
    assert plan.faults() == []


def test_bytes_and_chunks_are_those_that_are_served(make_job: Make, holding: Holding) -> None:
    job = make_job(input={"catalog": str(holding.catalog), "entry": "sst", "blocks": {"time": 6, "lat": 18, "lon": 24}})
    plan = plan_job(job, canary=False)
    assert [phase.label.split()[0] for phase in plan.phases] == ["states", "result"]
    assert plan.phases[0].pattern == "mergeable"
    assert plan.unique_bytes == plan.gross_bytes == 48 * 18 * 24 * 4
    assert plan.inputs[0]["chunks"] == 48
    assert plan.inputs[0]["licence"] == "CC-BY-4.0"
    report = run_job(job, canary=False)
    assert report.finished is not None
    assert report.finished.usage.unique_bytes == plan.inputs[0]["stored_bytes"]


def test_blocks_that_cut_chunks_are_told_as_read_again(make_job: Make) -> None:
    plan = plan_job(make_job(), canary=False)  # a chunk is a map, a block a quarter of one
    assert plan.gross_bytes == 4 * plan.unique_bytes
    assert "4 times each chunk" in str(plan)


def test_routines_that_need_everything_are_not_cut(make_job: Make) -> None:
    plan = plan_job(make_job(routine="eof", arguments={"n_modes": 2}), canary=False)
    assert [phase.grid.count for phase in plan.phases] == [1]


def test_too_little_memory_is_refused_with_what_would_do(make_job: Make) -> None:
    job = make_job(resources={"memory": "1 MB"})
    plan = plan_job(job, canary=False)
    assert "smaller blocks" in plan.faults()[0]
    with pytest.raises(PlanRefusedError, match="a worker would hold"):
        run_job(job, canary=False)
    assert not (job.run_folder / "plan.json").exists()


def test_too_little_disk_is_refused(make_job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oceandata.batch.plan._free", lambda _: 10)
    job = make_job()
    with pytest.raises(PlanRefusedError, match="free are 10 B"):
        run_job(job, canary=False)


def test_a_plan_survives_its_file(make_job: Make) -> None:
    job = make_job()
    plan = plan_job(job, canary=False)
    assert RunPlan.from_json(json.loads(json.dumps(plan.to_json())), job) == plan
    run_job(job, canary=False)
    assert read_plan_file(job.run_folder).grids == plan.grids
    assert dict(plan.facts())["job"] == f"job ({job.digest})"


def test_the_canary_measures_and_finds_what_fails(make_job: Make, holding: Holding) -> None:
    plan = plan_job(make_job(resources={"partition_s": 30}))
    assert plan.is_measured
    assert plan.rate > 0
    assert plan.peak_bytes > 50_000_000  # a process with xarray in it


@pytest.mark.hard
def test_fifty_petabytes_are_planned_in_seconds(tmp_path: Path) -> None:
    """Metadata only: 120 million chunks, none of which is listed."""
    program = Path(__file__).with_name("petabytes.py")
    done = subprocess.run([sys.executable, program, tmp_path], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert told["unique_bytes"] > 50e15
    assert told["partitions"] > 100_000
    assert told["seconds"] < 5
    assert told["grown_bytes"] < 500_000_000
