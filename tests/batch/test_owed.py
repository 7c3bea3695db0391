"""What runs before an update were served: owed and told, also of runs that were cut."""

import json
from pathlib import Path
from typing import Any

import pytest

from oceandata import catalog, storage
from oceandata.batch import Job, Share, load_job, partitions, run_job
from oceandata.trade.answers import said
from oceandata.trade.usage import usage_report
from tests.batch.conftest import Holding, Write, make_holding, write_months

STEPS = 24


@pytest.fixture(autouse=True)
def small_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many partitions as a large holding has."""
    monkeypatch.setattr(partitions, "_STATE_SHARE", 1e9)


@pytest.fixture
def own(tmp_path: Path) -> Holding:
    """Two years, a map a chunk."""
    folder = tmp_path / "holding"
    folder.mkdir()
    return make_holding(folder, STEPS)


def a_job(write_job: Write, own: Holding, **changes: Any) -> Job:
    given = {"catalog": str(own.catalog), "entry": "sst", "blocks": {"time": 6, "lat": 18, "lon": 24}} | changes
    return load_job(write_job(of=own, routine="area_mean", input=given))


def grown(own: Holding) -> None:
    """Half a year is appended; the entry does not follow."""
    start = storage.open_dataset(own.repository).sizes["time"]
    file = write_months(own.catalog.parent / f"from-{start}.nc", 6, start=start)
    storage.write_append(storage.plan_append([file], own.repository))


def followed(own: Holding) -> None:
    grown(own)
    catalog.update_entry(own.catalog, "sst")


def chunks_told(*sources: Path) -> list[tuple[str, int | None]]:
    return sorted((row.origin.revision, row.unique_chunks) for row in usage_report(*sources).rows)


def test_all_runs_in_a_folder_of_runs_are_told(own: Holding, write_job: Write) -> None:
    job = a_job(write_job, own)
    run_job(job, canary=False)
    followed(own)
    run_job(job, update=True)
    told = [("r1", STEPS), ("r2", 6)]
    assert chunks_told(job.run_folder) == told
    assert chunks_told(job.run_folder.parent) == told
    assert chunks_told(job.run_folder.parent, job.run_folder, Path(job.target)) == told
    assert usage_report(job.run_folder.parent).complete


def test_what_a_cut_run_was_served_is_told_after_the_update(own: Holding, write_job: Write) -> None:
    job = a_job(write_job, own)
    assert run_job(job, canary=False, share=Share(0, 2)).code == 75
    cut = usage_report(job.run_folder)
    assert cut.rows == ()
    (why,) = cut.missing
    assert why == f"the run {job.run_folder} is not finished: what it was served is told at its end"
    assert "尚未完成" in said(why, "zh")
    followed(own)
    report = run_job(job, update=True)
    assert report.code == 0
    assert chunks_told(job.run_folder.parent) == [("r1", STEPS // 2), ("r2", STEPS // 2 + 6)]
    first = json.loads((job.run_folder / "earlier-1" / "report.json").read_text())
    (one,) = first["usage"]["inputs"]
    assert (one["entry"], one["chunks_served"], first["usage"]["complete"]) == ("sst", STEPS // 2, True)
    assert first["lineage"]["inputs"][0]["origin"]["licence"] == "CC-BY-4.0"
    assert one["gross_bytes"] == one["unique_bytes"] > 0


def test_the_same_revision_read_twice_is_owed_twice(own: Holding, write_job: Write) -> None:
    """Back to a revision after the states of it are gone: two runs, not one that is told twice."""
    followed(own)
    newer, older = a_job(write_job, own), a_job(write_job, own, revision="r1")
    run_job(newer, canary=False)
    assert run_job(older, update=True).code == 0
    assert run_job(a_job(write_job, own), update=True).code == 0
    assert chunks_told(newer.run_folder.parent) == [("r2", 6), ("r2", STEPS + 6)]
    assert len({row.run for row in usage_report(newer.run_folder).rows}) == 2


def test_a_run_says_why_nothing_was_taken_over(own: Holding, write_job: Write) -> None:
    job = a_job(write_job, own)
    run_job(job, canary=False)
    path = job.run_folder / "plan.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"code": "0123456789abcdef"}))
    followed(own)
    report = run_job(job, update=True)
    assert report.anew.startswith("that run was computed by other code, 0123456789abcdef, now ")
    assert report.anew in str(report)
    assert report.to_json()["anew"] == report.anew


def test_an_entry_behind_its_repository_is_told(own: Holding, write_job: Write) -> None:
    job = a_job(write_job, own)
    plain = run_job(job, canary=False, update=True)
    assert (plain.anew, "read anew" in str(plain)) == ("", False)
    grown(own)
    idle = run_job(job, update=True)
    assert idle.fresh == 0
    assert "repository of its input is at r2, its entry is not: oceandata catalog update" in idle.message
    named = a_job(write_job, own, revision="r1")
    assert "repository" not in run_job(named, update=True).message
    catalog.update_entry(own.catalog, "sst")
    assert "repository" not in run_job(job, update=True).message


@pytest.mark.parametrize("harm", ["", "report.json", "ledger-all.log"])
def test_what_was_thrown_away_is_owed(harm: str, own: Holding, write_job: Write) -> None:
    job = a_job(write_job, own)
    run_job(job, canary=False)
    if harm:
        (job.run_folder / harm).write_text("{}\n{}\n")
    if harm == "ledger-all.log":
        (job.run_folder / "report.json").unlink()
    assert run_job(job, canary=False, discard=True).code == 0
    told = usage_report(job.run_folder.parent)
    expected = [STEPS] if harm == "ledger-all.log" else [STEPS, STEPS]
    assert [row.unique_chunks for row in told.rows] == expected
    assert told.complete is (harm != "ledger-all.log")
    assert [path.name for path in job.run_folder.glob("earlier-*")] == ["earlier-1"]


def test_nothing_is_kept_of_a_run_that_was_only_planned(own: Holding, write_job: Write) -> None:
    job = a_job(write_job, own)
    assert run_job(job, canary=False, discard=True).code == 0
    assert not list(job.run_folder.glob("earlier-*"))
    assert chunks_told(job.run_folder) == [("r1", STEPS)]
