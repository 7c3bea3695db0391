"""Bringing results up to date: the bits of a run from scratch, what changed is read, nothing altered is believed."""

import contextlib
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

from oceandata import catalog, storage
from oceandata.batch import (
    Job,
    RunChangedError,
    RunPlan,
    RunReport,
    Share,
    coverage,
    finisher,
    load_job,
    outputs,
    partitions,
    plan_job,
    plan_update,
    read_status,
    run_job,
    running,
    updates,
)
from oceandata.batch.worker import read_plan_file
from oceandata.entities import Asset
from oceandata.errors import CorruptionError, InputError, RepositoryExistsError
from tests.batch.conftest import Holding, Write, make_holding, opened, same_bits, write_months

STEPS = 120

# Partitions whose states hold after a year was appended.
STATES = 5


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten years, a map a chunk, to be copied."""
    folder = tmp_path_factory.mktemp("pristine")
    make_holding(folder, STEPS)
    return folder


@pytest.fixture
def own(pristine: Path, tmp_path: Path) -> Holding:
    """A holding that a test may change."""
    folder = shutil.copytree(pristine, tmp_path / "holding")
    path = folder / "catalog.yaml"
    path.write_text(path.read_text().replace(str(pristine), str(folder)))
    return Holding(path, folder / "sst")


Change = Callable[[Holding], None]


def grown(own: Holding, *, months: int = 12) -> None:
    """A year is appended."""
    start = own.open().sizes["time"]
    file = write_months(own.catalog.parent / f"from-{start}.nc", months, start=start)
    storage.write_append(storage.plan_append([file], own.repository))
    catalog.update_entry(own.catalog, "sst")


def corrected(own: Holding) -> None:
    """One month in the middle gets other values."""
    file = own.catalog.parent / "more.nc"
    with xr.open_dataset(write_months(file, 1, start=50)) as ds:
        better = (ds.load() + 1).assign_attrs(ds.attrs)
        better["sst"].attrs = ds["sst"].attrs
    file.unlink()
    better.to_netcdf(file, encoding={"time": {"units": "days since 1970-01-01"}})
    month = str(better["time"].values[0])[:10]
    storage.write_append(storage.plan_append([file], own.repository, replace=(month, month)))
    catalog.update_entry(own.catalog, "sst")


def rewritten(own: Holding, change: Callable[[xr.Dataset], xr.Dataset], **options: Any) -> None:
    """The repository is made anew of changed files, at the same place."""
    file = own.catalog.parent / "other.nc"
    with xr.open_dataset(own.catalog.parent / "sst.nc") as ds:
        change(ds.load()).to_netcdf(file, encoding={"time": {"units": "days since 1970-01-01"}})
    shutil.rmtree(own.repository)
    storage.write_repository(storage.plan_ingest([file], own.repository, **({"chunk_bytes": 2000} | options)))
    catalog.update_entry(own.catalog, "sst")


def same(own: Holding) -> None:
    """The same values in a new snapshot."""
    rewritten(own, lambda ds: ds)


def moved(own: Holding) -> None:
    """Other latitudes, the same values."""
    rewritten(own, lambda ds: ds.assign_coords(lat=ds["lat"] + 0.25))


def rechunked(own: Holding) -> None:
    """Two maps a chunk."""
    rewritten(own, lambda ds: ds, chunk_bytes=4000)


Make = Callable[..., Job]


@pytest.fixture
def make(write_job: Write, own: Holding) -> Make:
    """A job on the holding of this test, of blocks of two years."""

    def made(name: str = "job", **changes: Any) -> Job:
        given = {"catalog": str(own.catalog), "entry": "sst", "blocks": {"time": 24, "lat": 18, "lon": 24}}
        given |= changes.pop("input", {})
        return load_job(write_job(name, of=own, **({"routine": "climatology", "input": given} | changes)))

    return made


def from_scratch(job: Job, plan: RunPlan, monkeypatch: pytest.MonkeyPatch) -> xr.Dataset:
    """The result of a new run with the partitions of a plan."""
    with monkeypatch.context() as patch:
        patch.setattr(running, "plan_job", partial(plan_job, like=plan))
        report = run_job(job, canary=False)
    assert (report.code, report.reused) == (0, ())
    assert read_plan_file(job.run_folder).grids == plan.grids
    return opened(job)


def taken(report: RunReport) -> int:
    return sum(one["partitions"] for one in report.reused)


def chunks_read(report: RunReport) -> int:
    assert report.finished is not None
    assert report.finished.usage.matches
    return sum(len(one.served) for one in report.finished.usage.inputs)


def told_of(job: Job) -> dict[str, Any]:
    """The record of a finished run."""
    found: dict[str, Any] = json.loads((job.run_folder / "report.json").read_text())
    return found


@pytest.fixture(autouse=True)
def small_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many partitions as a large holding has, however large their states are beside what they are made of."""
    monkeypatch.setattr(partitions, "_STATE_SHARE", 1e9)


ROUTINES: dict[str, dict[str, Any]] = {
    "climatology": {},
    "trend": {},
    "statistics": {"routines": ["climatology", "area_mean", "extremes"]},
    "area_mean": {},
    "histogram": {"bins": [280, 290, 295, 300], "dim": "time"},
}
CASES = [
    ("climatology", "out.nc", grown),
    ("climatology", "out", corrected),
    ("area_mean", "out", grown),
    ("statistics", "out", grown),
    ("histogram", "out.nc", corrected),
    ("trend", "out.nc", corrected),
]


@pytest.mark.parametrize(("routine", "output", "change"), CASES)
def test_an_update_has_the_bits_of_a_run_from_scratch(
    routine: str, output: str, change: Change, own: Holding, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make(routine=routine, arguments=ROUTINES[routine], output=output)
    assert run_job(job, canary=False).code == 0
    before = opened(job)
    change(own)
    told = plan_update(job)
    assert told.update is not None
    report = run_job(job, update=True)
    assert report.code == 0, report
    assert taken(report) == sum(told.update.taken) > 0
    assert 0 < chunks_read(report) < STEPS / 2
    assert 0 < told.read_bytes < told.gross_bytes / 2
    whole = make("whole", routine=routine, arguments=ROUTINES[routine], output=f"whole{output[3:]}")
    expected = from_scratch(whole, read_plan_file(job.run_folder), monkeypatch)
    assert same_bits(opened(job), expected)
    assert not same_bits(opened(job), before)


def test_the_same_values_in_a_new_snapshot_are_not_read(own: Holding, make: Make) -> None:
    job = make(output="out")
    run_job(job, canary=False)
    before = opened(job)
    same(own)
    assert plan_update(job).read_bytes == 0
    report = run_job(job, update=True)
    assert (report.code, chunks_read(report)) == (0, 0)
    assert same_bits(opened(job), before)


@pytest.mark.parametrize("change", [moved, rechunked])
def test_other_labels_or_chunks_mean_other_states(
    change: Change, own: Holding, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make()
    run_job(job, canary=False)
    change(own)
    told = plan_update(job)
    assert told.update is not None
    assert sum(told.update.taken) == 0
    assert told.read_bytes == told.gross_bytes
    report = run_job(job, update=True)
    assert (report.code, report.reused) == (0, ())
    expected = from_scratch(make("whole"), read_plan_file(job.run_folder), monkeypatch)
    assert same_bits(opened(job), expected)


def test_every_night_reads_only_what_is_new(own: Holding, make: Make) -> None:
    """Three revisions of the input, three of the result; what was read from which is told, and whom it is owed."""
    job = make(output="out")
    first = run_job(job, canary=False, update=True)
    assert (first.code, first.reused, chunks_read(first)) == (0, (), STEPS)
    again = run_job(job, update=True)
    assert (again.code, again.fresh) == (0, 0)
    assert again.message == f"job is finished already: {job.target}."
    for night in (2, 3):
        grown(own, months=24)
        idle = run_job(job)
        assert idle.fresh == 0
        assert f"Its input is at r{night} now: bring it up to date with update=True" in idle.message
        report = run_job(job, update=True)
        assert report.code == 0, report
        assert chunks_read(report) == 24
    assert report.finished is not None
    assert [one.origin.revision for one in report.finished.lineage.planned] == ["r3"]
    assert len(report.finished.lineage.planned[0].chunks) == STEPS + 48
    assert [(one["revision"], one["licence"]) for one in report.reused] == [("r2", "CC-BY-4.0"), ("r1", "CC-BY-4.0")]
    assert [one["entry"] for one in report.reused] == ["sst", "sst"]
    assert taken(report) == report.partitions - report.fresh
    assert told_of(job)["reused"] == list(report.reused)
    owed = [json.loads(path.read_text())["usage"]["inputs"] for path in sorted(job.run_folder.rglob("report.json"))]
    assert [(one["revision"], one["chunks_served"]) for (one,) in owed] == [("r1", STEPS), ("r2", 24), ("r3", 24)]
    assert read_status(job.run_folder).reused == report.reused
    assert "partitions as read from sst r1 (CC-BY-4.0)" in str(read_status(job.run_folder))
    assert "partitions as read from sst r2 (CC-BY-4.0)" in str(report)
    assert sorted(storage.open_repository(job.target).list_tags()) == ["r1", "r2", "r3"]
    assert list(storage.open_repository(job.target).list_branches()) == ["main"]
    assert all(storage.verify_revision(job.target, revision=tag).is_sound for tag in ("r1", "r2", "r3"))


def test_a_plan_says_what_is_unchanged_and_changes_nothing(own: Holding, make: Make) -> None:
    job = make()
    assert plan_update(job, canary=False).update is None
    run_job(job, canary=False)
    grown(own)
    before = {path: path.read_bytes() for path in job.run_folder.rglob("*") if path.is_file()}
    with storage.counted_reads() as reads:
        plan = plan_update(job)
    assert not [read for read in reads.counts if "/sst/c/" in read.key and not read.key.startswith("_")]
    assert (
        f"{STATES} of {STATES + 1} partitions unchanged since the run of r1: reads 20.7 kB of "
        in dict(plan.facts())["update"]
    )
    assert plan.seconds < plan_job(job, like=plan).seconds
    assert {path: path.read_bytes() for path in job.run_folder.rglob("*") if path.is_file()} == before
    assert RunPlan.from_json(json.loads(json.dumps(plan.to_json())), job) == plan


def test_partitions_are_cut_as_before_whatever_there_is_to_work_with(
    own: Holding, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make()
    run_job(job, canary=False)
    before = read_plan_file(job.run_folder).phases[0].grid.steps
    grown(own)
    monkeypatch.setattr(partitions, "_LEAST_PARTITIONS", 1)
    richer = job.with_resources(partition_s=60.0)
    assert plan_job(richer, canary=False).phases[0].grid.steps != before
    assert plan_update(richer).phases[0].grid.steps == before


def test_another_revision_may_be_named(own: Holding, make: Make) -> None:
    job = make(input={"revision": "r1"})
    run_job(job, canary=False)
    grown(own)
    newer = make(input={"revision": "r2"})
    with pytest.raises(RunChangedError, match=r'input.revision was "r1" and is "r2".*--update'):
        run_job(newer, canary=False)
    report = run_job(newer, update=True)
    assert (report.code, chunks_read(report)) == (0, 12)
    assert run_job(newer).fresh == 0


def test_an_update_is_of_the_same_work(own: Holding, make: Make) -> None:
    run_job(make(), canary=False)
    grown(own)
    before = Path(make().target).read_bytes()
    for changes in ({"input": {"time": "1980/1989"}}, {"input": {"region": [0, -20, 100, 20]}}, {"routine": "mean"}):
        with pytest.raises(RunChangedError, match="was begun with another job"):
            run_job(make(**changes), update=True)
        with pytest.raises(RunChangedError, match="was begun with another job"):
            plan_update(make(**changes))
    with pytest.raises(InputError, match="Leave one of the two out"):
        run_job(make(), update=True, discard=True)
    assert Path(make().target).read_bytes() == before


def test_a_trend_of_a_longer_period_is_computed_anew_and_says_so(own: Holding, make: Make) -> None:
    """Its states count time from the middle of the whole period."""
    job = make(routine="trend")
    run_job(job, canary=False)
    grown(own)
    said = dict(plan_update(job).facts())["update"]
    assert said.startswith("0 of 6 partitions unchanged")
    assert "no chunks, labels, weights and encoding of a partition are those of that run" in said


def test_other_code_computes_anew_and_says_so(own: Holding, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make()
    run_job(job, canary=False)
    path = job.run_folder / "plan.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"code": "0123456789abcdef"}))
    assert "finished already" in run_job(job, update=True).message  # nothing is computed, so nothing is mixed
    grown(own)
    assert "computed by other code, 0123456789abcdef, now" in dict(plan_update(job).facts())["update"]
    report = run_job(job, update=True)
    assert (report.code, report.reused, chunks_read(report)) == (0, (), STEPS + 12)


def test_other_libraries_mean_other_states(own: Holding, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make()
    run_job(job, canary=False)
    grown(own)
    monkeypatch.setattr(coverage, "_libraries", lambda: ("another numpy", "another numba"))
    update = plan_update(job).update
    assert update is not None
    assert sum(update.taken) == 0


def test_what_does_not_merge_is_computed_whole_and_says_so(own: Holding, make: Make) -> None:
    job = make(routine="coarsen", arguments={"factor": {"lat": 2, "lon": 2}})
    run_job(job, canary=False)
    grown(own)
    assert "nothing of it is made of states that merge" in dict(plan_update(job).facts())["update"]
    report = run_job(job, update=True)
    assert (report.code, report.reused, chunks_read(report)) == (0, (), STEPS + 12)
    assert opened(job).sizes["time"] == STEPS + 12


def test_what_was_made_of_other_results_is_read_anew(own: Holding, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The states of the climatology hold, those of the mean of what is left of it do not."""
    steps = [
        {"routine": "climatology", "name": "clim"},
        {"routine": "anomaly", "of": "input", "arguments": {"clim": {"result": "clim"}}},
        {"routine": "mean", "arguments": {"dim": "lon"}},
    ]
    job = make(routine=None, steps=steps)
    run_job(job, canary=False)
    assert {path.name for path in job.run_folder.glob("states-*")} == {"states-0"}
    grown(own)
    report = run_job(job, update=True)
    assert (report.code, chunks_read(report)) == (0, STEPS + 12)
    update = read_plan_file(job.run_folder).update
    assert update is not None
    assert update.taken[0] == STATES
    assert update.taken[1] == 0
    expected = from_scratch(make("whole", routine=None, steps=steps), read_plan_file(job.run_folder), monkeypatch)
    assert same_bits(opened(job), expected)


def test_nothing_tells_what_covers_a_part_that_a_routine_cuts_itself(own: Holding, make: Make) -> None:
    job = make(routine="area_mean", arguments={"region": [10, -10, 100, 20]})
    run_job(job, canary=False)
    assert not list(job.run_folder.glob("states-*"))
    grown(own)
    report = run_job(job, update=True)
    assert (report.code, report.reused, chunks_read(report)) == (0, (), STEPS + 12)


def test_an_input_without_revisions_is_refused(own: Holding, make: Make) -> None:
    file = Asset(href="{CATALOG_DIR}/sst.nc", type="application/x-netcdf", group="")
    entry = catalog.open_catalog(own.catalog)["sst"]
    catalog.register_entry(own.catalog, entry.model_copy(update={"id": "plain", "assets": {"maps": file}}))
    job = make(input={"entry": "plain", "blocks": {"time": 12}})
    run_job(job, canary=False)
    with pytest.raises(InputError, match="the input 'plain' has no revisions, so nothing tells what changed"):
        run_job(job, update=True)


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [Path.unlink, flipped])
def test_altered_states_are_read_anew_and_told(
    harm: Callable[[Path], None], own: Holding, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make()
    run_job(job, canary=False)
    states = sorted((job.run_folder / "states-0").rglob("*.npz"))
    harm(states[0])
    grown(own)
    assert "1 state of that run is missing or damaged" in dict(plan_update(job).facts())["update"]
    report = run_job(job, update=True)
    assert report.code == 0
    assert taken(report) == len(states) - 1
    expected = from_scratch(make("whole"), read_plan_file(job.run_folder), monkeypatch)
    assert same_bits(opened(job), expected)


def test_states_altered_after_they_were_taken_over_are_read_anew(
    own: Holding, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make()
    run_job(job, canary=False)
    grown(own)
    original = updates.settle

    def tampered(folder: Path) -> None:
        original(folder)
        if (folder / "ledger-taken.log").exists():
            flipped(min((folder / "states-0").rglob("*.npz")))

    with monkeypatch.context() as patch:
        patch.setattr(updates, "settle", tampered)
        report = run_job(job, update=True)
    assert report.code == 0
    assert taken(report) == STATES - 1
    assert chunks_read(report) == 12 + 24
    expected = from_scratch(make("whole"), read_plan_file(job.run_folder), monkeypatch)
    assert same_bits(opened(job), expected)


@pytest.mark.parametrize("name", ["plan.json", "ledger-all.log", "report.json"])
def test_a_damaged_run_is_one_sentence(name: str, own: Holding, make: Make) -> None:
    job = make()
    run_job(job, canary=False)
    grown(own)
    path = job.run_folder / name
    path.write_bytes(b"{" + path.read_bytes()[5:])
    with pytest.raises(CorruptionError, match=name):
        run_job(job, update=True)


class Cut(Exception):
    """The process ends here."""


def tree(folder: Path) -> dict[str, bytes]:
    """Files of a run; the digest of each is in its ledger."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_update_that_is_cut_anywhere_leaves_the_old_run_or_the_new_one(
    own: Holding, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every linking, renaming and removing of a file is the last one, once."""
    job = make()
    run_job(job, canary=False)
    grown(own)
    folder, kept = job.run_folder, job.run_folder.parent / "kept"
    old = tree(shutil.copytree(folder, kept))
    earlier = updates.open_earlier(job, is_finished=True)
    assert earlier is not None
    plan, states = updates.find_update(job, earlier)
    updates.write_update(folder, plan, states)
    new = tree(folder)
    assert set(new) & set(old) < set(old)
    left = [0]

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def called(*given: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Cut
            return original(*given, **named)

        return called

    seen = []
    for last in range(8 * STATES):
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        left[0] = last
        with monkeypatch.context() as patch, contextlib.suppress(Cut):
            for place, name in ((updates, "_link"), (Path, "replace"), (Path, "unlink"), (shutil, "rmtree")):
                patch.setattr(place, name, counted(getattr(place, name)))
            updates.write_update(folder, plan, states)
        with monkeypatch.context() as patch, contextlib.suppress(Cut):  # and cut once more while that is ended
            left[0] = last // 2
            patch.setattr(Path, "replace", counted(Path.replace))
            patch.setattr(Path, "unlink", counted(Path.unlink))
            updates.settle(folder)
        updates.settle(folder)
        found = tree(folder)
        assert found in (old, new), last
        seen.append(found == new)
    assert seen == sorted(seen)
    assert seen.count(False) > STATES
    assert seen.count(True) > STATES
    report = run_job(job, update=True)
    assert (report.code, taken(report)) == (0, STATES)


def test_a_cut_update_is_ended_by_the_next_command(own: Holding, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make()
    run_job(job, canary=False)
    grown(own)
    with monkeypatch.context() as patch, contextlib.suppress(Cut):
        patch.setattr(updates, "settle", lambda _: (_ for _ in ()).throw(Cut))
        run_job(job, update=True)
    assert updates.update_folder(job.run_folder).exists()
    report = run_job(job)
    assert (report.code, taken(report), chunks_read(report)) == (0, STATES, 12)
    assert not updates.update_folder(job.run_folder).exists()


def test_an_unfinished_run_is_brought_up_to_date_by_one_runner(
    own: Holding, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The input moves on every night, also when the run of last night was killed."""
    job = make()
    assert run_job(job, canary=False, share=Share(0, 2)).code == 75
    done = len(list((job.run_folder / "states-0").rglob("*.npz")))
    grown(own)
    with pytest.raises(RunChangedError, match=r"the run was begun with .*--update"):
        run_job(job)
    with pytest.raises(RunChangedError, match="runners of other shares may work on it"):
        run_job(job, share=Share(0, 2), update=True)
    report = run_job(job, update=True)
    assert (report.code, taken(report)) == (0, done)
    expected = from_scratch(make("whole"), read_plan_file(job.run_folder), monkeypatch)
    assert same_bits(opened(job), expected)


def test_shares_update_a_finished_run(own: Holding, make: Make) -> None:
    job = make(output="out")
    run_job(job, canary=False)
    grown(own)
    reports = [run_job(job, share=Share(number, 2), update=True) for number in (0, 1)]
    assert [report.code for report in reports] == [75, 0]
    report = run_job(job, update=True)
    assert (report.code, taken(report)) == (0, STATES)
    assert report.finished is not None
    assert report.finished.revision == "r2"


def test_a_result_that_somebody_changed_is_spared(own: Holding, make: Make) -> None:
    job = make(output="out")
    run_job(job, canary=False)
    storage.write_layout(storage.plan_layout(job.target, access="series", chunk_bytes=50_000))
    grown(own)
    with pytest.raises(RepositoryExistsError, match="holds a dataset already"):
        run_job(job, update=True)
    assert read_status(job.run_folder).how == "finished"
    assert sorted(storage.open_repository(job.target).list_tags()) == ["r1", "r2"]


def test_a_cut_end_of_an_update_is_neither_lost_nor_made_twice(
    own: Holding, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make(output="out")
    run_job(job, canary=False)
    grown(own)
    with monkeypatch.context() as patch:
        patch.setattr(finisher, "_report", lambda *_: (_ for _ in ()).throw(ConnectionError("cut here")))
        with pytest.raises(ConnectionError):
            run_job(job, update=True)
    report = run_job(job, update=True)
    assert (report.code, report.fresh) == (0, 0)
    assert sorted(storage.open_repository(job.target).list_tags()) == ["r1", "r2"]


def test_the_repository_of_a_cut_beginning_is_made_anew(
    own: Holding, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut after the branch was made of the result before: its labels are not those of the new one."""
    job = make(output="out", routine="area_mean")
    run_job(job, canary=False)
    grown(own)
    with monkeypatch.context() as patch:
        patch.setattr(outputs, "open_writer", lambda *_: (_ for _ in ()).throw(ConnectionError("cut here")))
        with pytest.raises(ConnectionError):
            run_job(job, update=True)
    assert run_job(job, update=True).code == 0
    assert opened(job).sizes["time"] == STEPS + 12
