"""Folders of runs that somebody changed, copied or made: named, redone or refused, never believed."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oceandata.batch import Job, RunChangedError, Share, files, finisher, load_job, outputs, run_job, runners, running
from oceandata.batch.worker import read_plan_file
from oceandata.errors import CorruptionError, DocumentError, OceanDataError, RepositoryExistsError
from oceandata.journal import Journal
from tests.batch.conftest import Holding, Make, Write, opened, same_bits


def half_done(job: Job) -> Path:
    """Do one share of two; the folder of the states."""
    assert run_job(job, canary=False, share=Share(0, 2)).code == 75
    return job.run_folder / "states-0" / "00000"


def changed(states: Path) -> None:
    """Other numbers in a file of the same size."""
    path = states / "0.npz"
    size = path.stat().st_size
    with np.load(path) as stored:
        values = {name: array * 2 if array.dtype.kind == "f" else array for name, array in stored.items()}
    np.savez(path, **values)
    assert path.stat().st_size == size


def swapped(states: Path) -> None:
    """The files of two partitions, each under the name of the other."""
    one, other = (states / name for name in ("0.npz", "2.npz"))
    contents = one.read_bytes(), other.read_bytes()
    other.write_bytes(contents[0])
    one.write_bytes(contents[1])


@pytest.mark.parametrize("tamper", [changed, swapped])
def test_changed_states_are_done_again(tamper: Callable[[Path], None], make_job: Make) -> None:
    whole, job = make_job("whole"), make_job()
    assert run_job(whole, canary=False).code == 0
    tamper(half_done(job))
    assert run_job(job, canary=False).code == 0
    assert same_bits(opened(whole), opened(job))


def test_a_state_is_compared_when_it_is_read(make_job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changed while the run goes on, after the files were looked at."""
    whole, job = make_job("whole"), make_job()
    assert run_job(whole, canary=False).code == 0
    states = half_done(job)
    original = runners.open_runner

    def tampered(*given: Any) -> Any:
        changed(states)
        return original(*given)

    with monkeypatch.context() as patch:
        patch.setattr(running, "open_runner", tampered)
        report = run_job(job, canary=False)
    assert report.code == 1
    assert "SHA-256 is not the one in the ledger" in report.message
    assert not Path(job.target).exists()
    assert run_job(job, canary=False).code == 0
    assert same_bits(opened(whole), opened(job))


class Evil:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def test_nothing_of_a_run_is_unpickled(make_job: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job, trace = make_job(output="out"), tmp_path / "trace"
    with monkeypatch.context() as patch:
        patch.setattr(running, "finish_run", lambda *_: (_ for _ in ()).throw(ConnectionError("cut here")))
        with pytest.raises(ConnectionError):
            run_job(job, canary=False)
    evil = np.frombuffer(pickle.dumps(Evil(trace)), np.uint8)
    with pytest.raises(CorruptionError, match="fork of the session"):
        outputs.fork_of({"leaves": np.frombuffer(b"{}", np.uint8), "fork": evil})
    path = min(job.run_folder.glob("result-*/*/*.npz"))
    with np.load(path) as stored:
        leaves = stored["leaves"]
    nbytes, digest = files.write_arrays(path, {"fork": evil, "leaves": leaves})
    plan = read_plan_file(job.run_folder)
    with Journal(job.run_folder / "ledger-zz.log") as log:
        place = {"done": [len(plan.phases) - 1, int(path.stem)], "s": 1, "reads": {}}
        log.append(place | {"nbytes": nbytes, "sha256": digest})
    with suppress(OceanDataError):
        run_job(job, canary=False)
    assert not trace.exists()


def test_a_folder_of_another_user_is_refused(make_job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job()
    half_done(job)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(RepositoryExistsError, match="need a folder of a run that is your own"):
        run_job(job, canary=False)


def test_a_folder_that_everybody_may_write_into_is_refused(make_job: Make) -> None:
    job = make_job()
    half_done(job)
    job.run_folder.chmod(0o777)
    with pytest.raises(RepositoryExistsError, match="may be written by everybody"):
        run_job(job, canary=False)


def test_discarding_spares_what_no_run_made(write_job: Write, tmp_path: Path) -> None:
    folder = tmp_path / "thesis"
    (folder / "result-2024").mkdir(parents=True)
    for name in ("thesis.txt", "result-2024/a.txt"):
        (folder / name).write_text("years")
    with pytest.raises(RunChangedError, match="nothing is thrown away"):
        run_job(load_job(write_job(run="thesis")), canary=False, discard=True)
    assert {path.name for path in folder.iterdir()} == {"thesis.txt", "result-2024"}
    assert run_job(load_job(write_job(run="thesis")), canary=False).code == 0
    for routine in ("mean", "trend"):
        job = load_job(write_job(run="thesis", routine=routine))
        assert run_job(job, canary=False, discard=True).code == 0
    assert (folder / "thesis.txt").read_text() == "years"
    assert (folder / "result-2024" / "a.txt").read_text() == "years"
    with pytest.raises(RunChangedError, match="nothing is thrown away"):
        run_job(load_job(write_job("other", run="thesis")), canary=False, discard=True)


def test_discarding_spares_the_job_beside_it(write_job: Write, tmp_path: Path) -> None:
    path = write_job(run=".")
    for discard in (False, True):
        assert run_job(load_job(path), canary=False, discard=discard).code == 0
    assert path.exists()


@pytest.mark.parametrize("output", ["out.nc", "out"])
def test_a_deleted_result_is_made_again(output: str, make_job: Make) -> None:
    job = make_job(output=output)
    assert run_job(job, canary=False).code == 0
    before = opened(job)
    Path(job.target).unlink() if job.is_file else shutil.rmtree(job.target)
    report = run_job(job, canary=False)
    assert report.code == 0
    assert 0 < report.fresh < report.partitions  # its states are there still
    assert same_bits(before, opened(job))


def test_a_replaced_result_is_named_and_kept(make_job: Make) -> None:
    job = make_job()
    assert run_job(job, canary=False).code == 0
    Path(job.target).write_text("my own")
    with pytest.raises(CorruptionError, match="is not the result of this run any more"):
        run_job(job, canary=False)
    with pytest.raises(RepositoryExistsError, match="is not what this run made"):
        run_job(job, canary=False, discard=True)
    assert Path(job.target).read_text() == "my own"


def test_a_file_that_the_run_did_not_make_is_spared(make_job: Make, holding: Holding) -> None:
    source = holding.catalog.parent / "sst.nc"
    before = source.read_bytes()
    with pytest.raises(RepositoryExistsError, match="is not what this run made"):
        run_job(make_job(output=str(source)), canary=False)
    assert source.read_bytes() == before


def test_a_file_that_was_made_before_the_run_was_cut_is_its_own(
    make_job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job()
    with monkeypatch.context() as patch:
        patch.setattr(finisher, "_report", lambda *_: (_ for _ in ()).throw(ConnectionError("cut here")))
        with pytest.raises(ConnectionError):
            run_job(job, canary=False)
    assert Path(job.target).exists()
    assert run_job(job, canary=False).code == 0


def test_a_copied_folder_does_not_write_into_the_first(write_job: Write, tmp_path: Path) -> None:
    path = write_job()
    job = load_job(path)
    half_done(job)
    copied = tmp_path / "copied"
    shutil.copytree(tmp_path / "runs", copied / "runs")
    shutil.copy(path, copied)
    with pytest.raises(RunChangedError, match="a copy does not go on"):
        run_job(load_job(copied / path.name), canary=False)
    assert not Path(job.target).exists()


@pytest.mark.parametrize("content", ["{", "{}", "[]", "phases"])
def test_a_damaged_plan_is_one_sentence(content: str, make_job: Make) -> None:
    job = make_job()
    half_done(job)
    path = job.run_folder / "plan.json"
    if content == "phases":
        content = json.dumps(json.loads(path.read_text()) | {"phases": []})
    path.write_text(content)
    with pytest.raises(CorruptionError, match=r"plan.json of a run is damaged"):
        run_job(job, canary=False)


@pytest.mark.parametrize(
    "changes",
    [
        {"resources": {"memory": "9" * 400 + " GB"}},
        {"output": "a\0.nc"},
        {"run": "a\0"},
        {"run": "job.yaml"},
        {"run": "job.yaml/deep"},
        {"blocks": -7},
    ],
    ids=str,
)
def test_what_no_job_may_say_is_one_fault(changes: dict[str, Any], write_job: Write, holding: Holding) -> None:
    if "blocks" in changes:
        blocks = {"time": changes["blocks"]}
        changes = {"input": {"catalog": str(holding.catalog), "entry": "sst", "blocks": blocks}}
    with pytest.raises(DocumentError, match="has 1 fault"):
        load_job(write_job(**changes))
