"""Running and going on: the values of plain lazy xarray, whatever stops the run, and never twice the same work."""

import json
import threading
import warnings
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from oceandata import storage, trade
from oceandata.batch import RunChangedError, RunHeldError, Share, Stop, load_job, plan_job, run_job, runners
from oceandata.batch.ledger import held_run, read_ledger
from oceandata.batch.worker import read_plan_file, run_unit
from oceandata.errors import CorruptionError, DocumentError, InputError, RepositoryExistsError
from tests.batch.conftest import Holding, Make, Write, make_holding, opened, plain, same_bits

Unit = tuple[int, int]


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> "Worked":
    return Worked(monkeypatch)


def nothing(unit: Unit) -> None:
    """Let a partition be."""


def drained(stop: Stop, unit: Unit) -> None:
    """Ask to stop while a partition is worked on."""
    stop.drain()


class Worked:
    """Counts how often each partition is worked on, and does something before."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.counts: Counter[Unit] = Counter()
        self.before: Callable[[Unit], None] = nothing
        self.lock = threading.Lock()

        def run(folder: str, unit: Unit) -> dict[str, Any]:
            with self.lock:
                self.counts[unit] += 1
            self.before(unit)
            return run_unit(folder, unit)

        monkeypatch.setattr(runners, "run_unit", run)


ROUTINES: dict[str, dict[str, Any]] = {
    "mean": {"dim": "time"},
    "climatology": {},
    "trend": {},
    "area_mean": {},
    "anomaly": {},
    "detrend": {},
    "eof": {"n_modes": 2},
    "histogram": {"bins": [280, 290, 295, 300], "dim": "time"},
    "quantile": {"q": 0.9, "dim": "time"},
    "coarsen": {"factor": {"lat": 2, "lon": 2}},
    "land_mask": {},
}


@pytest.mark.parametrize("routine", ROUTINES)
@pytest.mark.parametrize("kind", ["file", "repository"])
def test_a_run_makes_what_a_notebook_makes(routine: str, kind: str, make_job: Make, holding: Holding) -> None:
    job = make_job(routine=routine, arguments=ROUTINES[routine], output="out.nc" if kind == "file" else "out")
    report = run_job(job, canary=False)
    assert report.code == 0, report
    found, expected = opened(job), plain(job, holding.open())
    for name in expected.data_vars:
        assert found[name].dims == expected[name].dims
        scale = float(np.nanmax(np.abs(expected[name].astype("f8")))) or 1.0
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-12 * scale)
    assert set(found.coords) == set(expected.coords)


def test_the_result_names_its_inputs_and_what_was_served(make_job: Make) -> None:
    job = make_job(routine="climatology", output="clim.nc")
    report = run_job(job, canary=False)
    assert report.finished is not None
    assert report.finished.usage.matches
    lineage, usage = trade.read_stamp(job.target)
    assert [one.origin.entry for one in lineage.planned] == ["sst"]
    assert len(lineage.planned[0].chunks) == 48
    assert usage["matches_plan"]
    assert usage["unique_bytes"] == lineage.stored_bytes


def test_a_repository_is_published_once_and_verifies(make_job: Make) -> None:
    job = make_job(routine="anomaly", output="out")
    report = run_job(job, canary=False)
    assert report.finished is not None
    assert report.finished.revision == "r1"
    assert storage.verify_revision(job.target).is_sound
    repository = storage.open_repository(job.target)
    assert list(repository.list_branches()) == ["main"]
    assert repository.lookup_branch("main") == repository.lookup_tag("r1")
    assert storage.open_dataset(job.target).attrs["license"] == "CC-BY-4.0"


def test_a_chain_hands_results_on(make_job: Make, holding: Holding, tmp_path: Path) -> None:
    steps = [
        {"routine": "climatology", "name": "clim"},
        {"routine": "anomaly", "of": "input", "arguments": {"clim": {"result": "clim"}}},
        {"routine": "mean", "arguments": {"dim": "lon"}},
    ]
    job = make_job(routine=None, steps=steps)
    assert run_job(job, canary=False).code == 0
    from oceandata import analysis

    sst = holding.open()
    expected = analysis.mean(analysis.anomaly(sst, analysis.climatology(sst)), dim="lon").compute()
    found = opened(job)
    np.testing.assert_allclose(found[str(expected.name)], expected, rtol=0, atol=1e-11)


def test_several_statistics_are_one_pass(make_job: Make, holding: Holding) -> None:
    asked = {"mean": {"dim": "time"}, "minmax": {"routine": "extremes"}, "area_mean": {}}
    job = make_job(routine="statistics", arguments={"routines": asked})
    plan = plan_job(job, canary=False)
    assert [phase.pattern for phase in plan.phases].count("mergeable") == 1
    assert run_job(job, canary=False).code == 0
    from oceandata import analysis

    expected = analysis.statistics(holding.open(), asked)
    found = opened(job)
    assert set(found.data_vars) == {"mean", "minmax_minimum", "minmax_maximum", "minmax_count", "area_mean"}
    for name in ("mean", "area_mean"):
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-10)
    assert float(found["minmax_maximum"]) == float(expected["minmax"]["maximum"])


@pytest.mark.parametrize(
    ("routines", "message"),
    [
        ({"a/b": {"routine": "mean"}}, "'a/b' is no name of a variable"),
        (["climatology", "eof"], "'eof' is not mergeable"),
        (
            {
                name: {"routine": "histogram", "bins": [280, top], "dim": "time"}
                for name, top in (("a", 290), ("b", 300))
            },
            "do not fit into one dataset",
        ),
        (
            {
                name: {"routine": "histogram", "bins": [280, 290], "dim": dim}
                for name, dim in (("a", "time"), ("b", "lat"))
            },
            "do not fit into one dataset",
        ),
    ],
    ids=["label", "routine", "bins", "dims"],
)
def test_statistics_that_no_dataset_holds_are_refused(routines: Any, message: str, make_job: Make) -> None:
    job = make_job(routine="statistics", arguments={"routines": routines})
    with pytest.raises(InputError, match=message):
        run_job(job, canary=False)


def test_a_job_keeps_its_states_itself(make_job: Make) -> None:
    with pytest.raises(DocumentError, match="statistics has no argument 'store'"):
        make_job(routine="statistics", arguments={"routines": ["mean"], "store": "states"})
    with pytest.raises(DocumentError, match="statistics needs the argument 'routines'"):
        make_job(routine="statistics")


def test_a_finished_run_is_left_alone(make_job: Make, worked: Worked) -> None:
    job = make_job()
    assert run_job(job, canary=False).code == 0
    before, written = dict(worked.counts), Path(job.target).stat().st_mtime_ns
    report = run_job(job, canary=False)
    assert (report.code, report.fresh) == (0, 0)
    assert "finished already" in report.message
    assert dict(worked.counts) == before
    assert Path(job.target).stat().st_mtime_ns == written


def test_a_changed_job_is_refused_with_the_difference(write_job: Write) -> None:
    run_job(load_job(write_job(routine="trend", arguments={"harmonics": [1]})), canary=False)
    with pytest.raises(RunChangedError, match=r"steps.0.arguments.harmonics was \[1\] and is \[1, 2\]"):
        run_job(load_job(write_job(routine="trend", arguments={"harmonics": [1, 2]})), canary=False)
    again = run_job(load_job(write_job(routine="mean")), canary=False, discard=True)
    assert again.code == 0


def test_other_code_is_refused_while_a_run_is_unfinished(
    make_job: Make, worked: Worked, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job()
    worked.before = lambda unit: (_ for _ in ()).throw(ValueError("stop here")) if unit == (0, 1) else None
    assert run_job(job, canary=False).code == 1
    with monkeypatch.context() as patch:
        patch.setattr("oceandata.batch.begun.code_digest", lambda: "another")
        with pytest.raises(RunChangedError, match="begun with other code"):
            run_job(job, canary=False)
    worked.before = nothing
    assert run_job(job, canary=False).code == 0
    monkeypatch.setattr("oceandata.batch.begun.code_digest", lambda: "another")
    assert run_job(job, canary=False).code == 0  # finished: nothing is computed


def test_other_resources_are_no_other_job(write_job: Write, worked: Worked) -> None:
    worked.before = lambda unit: (_ for _ in ()).throw(ValueError("boom")) if unit == (0, 1) else None
    resources = {"partition_s": 1e-6, "workers": 1, "attempts": 1}
    assert run_job(load_job(write_job(resources=resources)), canary=False).code == 1
    worked.before = nothing
    assert run_job(load_job(write_job(resources=resources | {"workers": 2, "partition_s": 9})), canary=False).code == 0


def test_stopped_and_gone_on_gives_the_same_bits(make_job: Make, worked: Worked) -> None:
    whole = make_job("whole", routine="trend", output="whole")
    run_job(whole, canary=False)
    worked.counts.clear()
    resources = {"partition_s": 1e-6, "workers": 1, "in_flight": 1}
    stopped = make_job("stopped", routine="trend", output="stopped", resources=resources)
    reports = []
    for _ in range(99):
        stop = Stop()
        worked.before = partial(drained, stop)
        reports.append(run_job(stopped, canary=False, stop=stop))
        if reports[-1].code == 0:
            break
    assert [report.code for report in reports[:-1]] == [75] * (len(reports) - 1)
    assert len(reports) > 3
    assert reports[-1].code == 0
    assert set(worked.counts.values()) == {1}
    assert same_bits(opened(whole), opened(stopped))


def test_a_partition_that_fails_is_tried_again_and_the_others_are_done(make_job: Make, worked: Worked) -> None:
    def poisoned(unit: Unit) -> None:
        if unit == (0, 3):
            msg = "no such thing"
            raise ValueError(msg)

    worked.before = poisoned
    job = make_job()
    report = run_job(job, canary=False)
    assert report.code == 1
    assert worked.counts[(0, 3)] == 3
    assert list(report.failures) == ["0-3"]
    assert "states 0, partition 3: ValueError: no such thing" in report.message
    assert not Path(job.target).exists()
    first = dict(worked.counts)
    worked.before = nothing
    assert run_job(job, canary=False).code == 0
    again = {unit for unit, times in worked.counts.items() if times > first.get(unit, 0) and unit[0] == 0}
    assert again == {(0, 3)}


def test_a_passing_fault_costs_one_more_try(make_job: Make, worked: Worked) -> None:
    def once(unit: Unit) -> None:
        if worked.counts[unit] == 1 and unit[1] % 3 == 1:
            msg = "lost connection"
            raise ConnectionError(msg)

    worked.before = once
    assert run_job(make_job(), canary=False).code == 0
    assert worked.counts[(0, 1)] == 2
    assert worked.counts[(0, 2)] == 1


def test_what_fails_alike_ends_the_run_at_once(make_job: Make, worked: Worked) -> None:
    def all_fail(unit: Unit) -> None:
        msg = f"cannot find the library for {unit[1]}"
        raise RuntimeError(msg)

    worked.before = all_fail
    report = run_job(make_job(), canary=False)
    assert report.code == 1
    assert "failed alike" in report.message
    assert sum(worked.counts.values()) < 12


def test_a_full_disk_ends_the_run_and_it_goes_on(make_job: Make, worked: Worked) -> None:
    import errno

    def full(unit: Unit) -> None:
        if unit[1] == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    worked.before = full
    job = make_job()
    report = run_job(job, canary=False)
    assert report.code == 5
    assert worked.counts[(0, 2)] == 1
    worked.before = nothing
    assert run_job(job, canary=False).code == 0


def test_time_that_is_over_drains(make_job: Make, worked: Worked) -> None:
    job = make_job(resources={"partition_s": 1e-6, "workers": 1, "in_flight": 1, "walltime_s": 1e-9})
    report = run_job(job, canary=False)
    assert report.code == 75
    assert "time is over" in report.message
    assert not worked.counts


def test_a_second_runner_is_refused(make_job: Make) -> None:
    job = make_job()
    with held_run(job.run_folder, Share()), pytest.raises(RunHeldError, match="is held by process"):
        run_job(job, canary=False)
    with held_run(job.run_folder, Share(0, 2)):
        with pytest.raises(RunHeldError):
            run_job(job, canary=False)
        with pytest.raises(RunHeldError):
            run_job(job, canary=False, share=Share(0, 2))
        assert run_job(job, canary=False, share=Share(1, 2)).code in (0, 75)


def test_shares_are_put_together(make_job: Make, worked: Worked) -> None:
    whole = make_job("whole", output="whole")
    run_job(whole, canary=False)
    worked.counts.clear()
    job = make_job("shared", output="shared")
    codes = [run_job(job, canary=False, share=Share(n, 3)).code for n in (2, 0, 1)]
    assert codes == [75, 75, 0]  # the first two wait for the others' states
    plan = read_plan_file(job.run_folder)
    ledger = read_ledger(job.run_folder, [phase.grid.count for phase in plan.phases])
    assert ledger.done_in(0) == ledger.counts[0]
    assert run_job(job, canary=False).code == 0
    assert set(worked.counts.values()) == {1}
    assert same_bits(opened(whole), opened(job))


def test_results_that_were_lost_or_damaged_are_made_again(make_job: Make, worked: Worked) -> None:
    job = make_job()
    worked.before = lambda unit: (_ for _ in ()).throw(ValueError("stop here")) if unit[0] == 1 else None
    assert run_job(job, canary=False).code == 1
    states = sorted((job.run_folder / "states-0").rglob("*.npz"))
    states[0].unlink()
    content = bytearray(states[1].read_bytes())
    content[len(content) // 2] ^= 1
    states[1].write_bytes(content)
    worked.counts.clear()
    worked.before = nothing
    report = run_job(job, canary=False)
    assert report.code == 0
    assert worked.counts[(0, int(states[0].stem))] == 1
    assert worked.counts[(0, int(states[1].stem))] == 1
    other = make_job("other", output="other.nc")
    run_job(other, canary=False)
    assert same_bits(opened(job), opened(other))


def test_a_damaged_chunk_of_the_input_fails_its_partition(tmp_path: Path, write_job: Write) -> None:
    own = make_holding(tmp_path)
    chunks = sorted((own.repository / "chunks").iterdir(), key=lambda path: path.stat().st_size)
    if not chunks:
        pytest.fail("the repository keeps its chunks elsewhere")
    for path in chunks:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)
    report = run_job(load_job(write_job(of=own)), canary=False)
    assert report.code == 1
    assert "cannot be decoded" in report.message or "cannot be read" in report.message


def test_an_input_that_moved_on_is_refused(make_job: Make, worked: Worked) -> None:
    worked.before = lambda unit: (_ for _ in ()).throw(ValueError("stop here")) if unit == (0, 0) else None
    job = make_job()
    assert run_job(job, canary=False).code == 1
    path = job.run_folder / "plan.json"
    plan = json.loads(path.read_text())
    plan["inputs"][0]["snapshot"] = "ANOTHER"
    path.write_text(json.dumps(plan))
    with pytest.raises(RunChangedError, match="the run was begun with ANOTHER"):
        run_job(job, canary=False)


def test_a_place_that_is_taken_is_refused(make_job: Make, holding: Holding) -> None:
    job = make_job(output=str(holding.repository))
    with pytest.raises(RepositoryExistsError, match="holds a dataset already"):
        run_job(job, canary=False)
    assert not (job.run_folder / "plan.json").exists()


def test_a_killed_end_is_finished(make_job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut between the last commit and the report: the revision is neither lost nor made twice."""
    from oceandata.batch import finisher

    def stop(*_: Any) -> None:
        msg = "cut here"
        raise CorruptionError(msg)

    job = make_job(output="out")
    with monkeypatch.context() as patch:
        patch.setattr(finisher, "_report", stop)
        with pytest.raises(CorruptionError, match="cut here"):
            run_job(job, canary=False)
    report = run_job(job, canary=False)
    assert report.code == 0
    assert report.fresh == 0
    assert list(storage.open_repository(job.target).list_tags()) == ["r1"]
    told = json.loads((job.run_folder / "report.json").read_text())
    assert told["partitions"] == report.partitions


def test_garbage_collection_spares_a_run_that_nobody_works_on(make_job: Make, worked: Worked) -> None:
    job = make_job(routine="anomaly", output="out")
    worked.before = lambda unit: (_ for _ in ()).throw(ValueError("stop here")) if unit == (1, 9) else None
    assert run_job(job, canary=False).code == 1
    removed = storage.collect_garbage(job.target, older_than="0s")
    assert removed.chunks == 0
    assert "job" in removed.held_by
    worked.before = nothing
    assert run_job(job, canary=False).code == 0
    assert storage.verify_revision(job.target).is_sound
    assert not list((Path(job.target) / "leases").glob("run-*"))


def test_warnings_of_a_routine_are_its_own(make_job: Make) -> None:
    job = make_job(routine="mean", arguments={"dim": "time"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run_job(job, canary=False).code == 0
    assert isinstance(opened(job), xr.Dataset)
