"""Jobs on a real Slurm of one node: the plain result, whatever is cancelled, stopped or submitted twice."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner

from oceandata.batch import Job, load_job, read_status
from oceandata.batch.slurm import find_live_jobs, submit_job
from oceandata.batch.slurm_scripts import Allocation
from oceandata.cli import cli
from oceandata.errors import UnreachableError
from tests.batch.conftest import Holding, Write, opened, plain
from tests.batch.slurm_node import (
    DAEMONS,
    FEW,
    ONE,
    SCRIPT,
    SMALL,
    Slurm,
    ask,
    counted,
    done_in,
    holding_slurm,
    lives,
    submit,
    wait_until,
)


@pytest.fixture(scope="session")
def started() -> Iterator[Slurm]:
    """Each process of a parallel run has one of its own; the folder is short, because sockets have short names."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    if not all(shutil.which(name, path=path) for name in (*DAEMONS, "sbatch", "squeue")):
        pytest.skip("Slurm is not installed")
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    with holding_slurm(folder) as slurm:
        yield slurm
    shutil.rmtree(folder)


@pytest.fixture
def slurm(started: Slurm, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slurm]:
    """An empty queue, before and after."""
    monkeypatch.setenv("SLURM_CONF", str(started.folder / "slurm.conf"))
    yield started
    left = ask("squeue", "-h", "-o", "%F").split()
    if left:
        ask("scancel", *left)
        wait_until(is_empty, "no job is left")


def is_empty() -> bool:
    return not ask("squeue", "-h")


def logs(job: Job) -> str:
    """What the tasks of a run said."""
    paths = sorted((job.run_folder / "slurm").glob("*.log"))
    return "\n".join(f"{path.name}:\n{path.read_text()}" for path in paths)


def assert_plain(job: Job, holding: Holding) -> None:
    """The result is there, and that of a notebook."""
    assert Path(job.target).exists(), logs(job)
    found, expected = opened(job), plain(job, holding.open())
    assert set(found.data_vars) == set(expected.data_vars)
    for name in expected.data_vars:
        scale = float(np.nanmax(np.abs(expected[name].astype("f8"))))
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-12 * scale)


@pytest.fixture
def write_small(write_job: Write, holding: Holding) -> Write:
    """Write a job of few partitions."""
    source = {"catalog": str(holding.catalog), "entry": "sst", "blocks": FEW}
    return lambda **changes: write_job(**({"input": source, "routine": "mean", "resources": ONE} | changes))


@pytest.mark.hard
def test_an_array_and_its_finisher_make_the_plain_result(slurm: Slurm, write_job: Write, holding: Holding) -> None:
    path = write_job(routine="climatology", output="here", resources=ONE)
    job = load_job(path)
    arguments = ["--slurm", "--shares", "3", "--cpus", "2", "--walltime", "00:30:00", "--memory", "2GB"]
    done = CliRunner().invoke(cli, ["submit", str(path), *arguments])
    assert done.exit_code == 0, done.output
    first, second, last = find_live_jobs(job.run_folder)
    wait_until(is_empty, "all jobs end")
    assert_plain(job, holding)
    ended = [one for one in slurm.ended() if one["Name"] == "oceandata-job"][-7:]
    assert {one["JobState"] for one in ended} == {"COMPLETED"}
    names = {path.name for path in (job.run_folder / "slurm").glob("*.log")}
    shares = {f"share-{array}_{task}.log" for array in (first, second) for task in (1, 2, 3)}
    assert names == shares | {f"finisher-{last}.log"}


def test_what_a_cancelled_task_did_is_not_done_again(
    slurm: Slurm, write_small: Write, holding: Holding, chaos: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = write_small(routine="anomaly", run=str(tmp_path / "a run 海 100%"))
    job = load_job(path)
    monkeypatch.setenv("CHAOS_SLEEP", "1")
    done = submit(path, "--shares", "2")
    assert done.exit_code == 0, done.output
    first, second, finisher = find_live_jobs(job.run_folder)
    assert f"scancel {first} {second} {finisher}" in done.output
    assert f"oceandata status {path}" in done.output
    twice = submit(path, "--shares", "2")
    assert twice.exit_code == 6
    assert "submitted already" in twice.output
    assert find_live_jobs(job.run_folder) == [first, second, finisher]
    wait_until(lambda: done_in(job.run_folder / "ledger-1-2.log") >= 1 or is_empty(), "the second share did something")
    ask("scancel", f"{first}_2", second, finisher)
    wait_until(is_empty, "the other share ends")
    status = read_status(job.run_folder)
    assert 3 <= status.done < status.partitions == 12, logs(job)
    before = counted(chaos)
    recorded = {name for name in before if f'"done":[{name.replace("-", ",")}]' in ledgers(job)}
    assert len(recorded) == status.done
    monkeypatch.setenv("CHAOS_SLEEP", "0")
    assert submit(path, "--shares", "2").exit_code == 0
    wait_until(is_empty, "all jobs end")
    assert_plain(job, holding)
    after = counted(chaos)
    assert {name: after[name] for name in recorded} == {name: before[name] for name in recorded}
    assert "finished already" in submit(path, "--shares", "2").output
    assert is_empty()


def ledgers(job: Job) -> str:
    return "".join(path.read_text() for path in job.run_folder.glob("ledger-*.log"))


def test_a_task_drains_at_the_signal_and_queues_again(
    slurm: Slurm, write_small: Write, holding: Holding, chaos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_small()
    job = load_job(path)
    monkeypatch.setenv("CHAOS_SLEEP", "1")
    submitted = submit_job(path, Allocation(**SMALL, requeue=True), scheduler="threads", canary=False)
    (array,) = submitted.arrays
    ask("scancel", submitted.finisher)  # with one share the array makes the result itself
    wait_until(lambda: done_in(job.run_folder / "ledger-all.log") >= 1 or is_empty(), "something is done")
    ask("scancel", "--signal=USR1", "--batch", f"{array}_1")
    log = job.run_folder / "slurm" / f"share-{array}_1.log"
    wait_until(lambda: (log.exists() and "goes on when Slurm" in log.read_text()) or is_empty(), "the task drains")
    assert "it was asked to stop" in log.read_text()
    assert 1 <= read_status(job.run_folder).done < 9
    wait_until(lambda: "Restarts=1" in ask("scontrol", "show", "job", f"{array}_1"), "the task queues again")
    wait_until(is_empty, "all jobs end")
    assert_plain(job, holding)
    assert set(counted(chaos).values()) == {1}


@pytest.mark.hard
def test_a_walltime_is_met_by_draining(
    slurm: Slurm, write_job: Write, holding: Holding, chaos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_job(routine="mean", resources=ONE)
    job = load_job(path)
    monkeypatch.setenv("CHAOS_SLEEP", "2.5")
    allocation = Allocation(walltime="00:01:00", memory="1GB", requeue=True, drain_s=20)
    (array,) = submit_job(path, allocation, canary=False).arrays
    log = job.run_folder / "slurm" / f"share-{array}_1.log"
    wait_until(lambda: is_empty() or (log.exists() and "goes on when Slurm" in log.read_text()), "the task drains")
    assert 1 <= read_status(job.run_folder).done < 32, logs(job)
    wait_until(is_empty, "all jobs end", 600)
    assert_plain(job, holding)
    assert set(counted(chaos).values()) == {1}
    assert "TIMEOUT" not in {one["JobState"] for one in slurm.ended() if one.get("ArrayJobId") == array}


@pytest.mark.hard
def test_a_node_that_goes_down_costs_what_was_begun(
    slurm: Slurm, write_job: Write, holding: Holding, chaos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_job(routine="mean", resources=ONE)
    job = load_job(path)
    monkeypatch.setenv("CHAOS_SLEEP", "0.4")
    assert submit(path, "--shares", "2", "--requeue").exit_code == 0
    node = ask("sinfo", "-h", "-o", "%n")
    wait_until(lambda: read_status(job.run_folder).done >= 4, "something is done")
    ask("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    wait_until(lambda: not ask("squeue", "-h", "-t", "running"), "no task runs")
    before = read_status(job.run_folder).done
    assert before < 32
    ask("scontrol", "update", f"nodename={node}", "state=resume")
    wait_until(is_empty, "all jobs end", 600)
    assert_plain(job, holding)
    again = [times for name, times in counted(chaos).items() if times > 1]
    assert sum(times - 1 for times in again) <= 2 * ONE["in_flight"]


@pytest.mark.hard
def test_a_drained_node_ends_its_tasks_and_the_rest_waits(
    slurm: Slurm, write_job: Write, holding: Holding, chaos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_job(routine="mean", resources=ONE)
    job = load_job(path)
    assert submit(path, "--shares", "2").exit_code == 0
    node = ask("sinfo", "-h", "-o", "%n")
    wait_until(lambda: bool(ask("squeue", "-h", "-t", "running")), "a task runs")
    ask("scontrol", "update", f"nodename={node}", "state=drain", "reason=test")
    wait_until(lambda: not ask("squeue", "-h", "-t", "running"), "what runs has ended")
    assert not Path(job.target).exists()
    ask("scontrol", "update", f"nodename={node}", "state=resume")
    wait_until(is_empty, "all jobs end", 600)
    assert_plain(job, holding)
    assert set(counted(chaos).values()) == {1}


class Queue(NamedTuple):
    """What stands for Slurm's commands: it takes jobs up to a number, and notes what it is asked."""

    asked: Path
    live: Path

    def lines(self, name: str) -> list[str]:
        return [line for line in self.asked.read_text().splitlines() if line.startswith(name)]


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Queue:
    folder = tmp_path / "bin"
    folder.mkdir()
    asked, live = folder / "asked", folder / "live"
    answers = {
        "sbatch": 'case "$*" in --version) exit 0;; esac; n=$(grep -c "^sbatch --pars" "$asked"); '
        '[ "$n" -gt 2 ] && { echo "sbatch: error: too many jobs" >&2; exit 1; }; echo "$n;cluster"',
        "squeue": 'cat "$live" 2>/dev/null',
        "scancel": "",
    }
    for name, answer in answers.items():
        text = f"#!/bin/bash\nasked='{asked}' live='{live}'\necho {name} \"$@\" >> \"$asked\"\n{answer}\nexit 0\n"
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return Queue(asked, live)


def test_all_is_submitted_or_nothing(queue: Queue, write_job: Write) -> None:
    path = write_job(routine="climatology", resources=ONE)
    done = submit(path, "--shares", "2")
    assert done.exit_code == 2
    assert "too many jobs" in done.output
    first, second, third = queue.lines("sbatch --parsable")
    assert "--dependency" not in first
    assert "--dependency=afterany:1 " in second
    assert "--dependency=afterany:2 " in third
    assert queue.lines("scancel") == ["scancel 1 2"]


def test_a_second_submission_has_to_be_asked_for(queue: Queue, write_job: Write) -> None:
    path = write_job(routine="mean", resources=ONE)
    folder = load_job(path).run_folder
    assert submit(path, "--shares", "2").exit_code == 0
    queue.live.write_text("1 oceandata-job PD\n2 oceandata-job CG\n3 oceandata-job R\n")
    assert find_live_jobs(folder) == ["1"]  # the second is ending, the third was not submitted for this run
    assert submit(path, "--shares", "2").exit_code == 6
    queue.asked.write_text("")
    assert submit(path, "--shares", "2", "--again").exit_code == 0
    assert json.loads((folder / "slurm" / "submitted.json").read_text())["ids"] == ["1", "1", "2"]
    queue.live.unlink()
    with (folder / "submit.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = submit(path, "--shares", "2")
    assert done.exit_code == 6
    assert "submits the run" in done.output


def test_a_queue_that_slurm_does_not_know_is_told_and_nothing_stays(slurm: Slurm, write_job: Write) -> None:
    path = write_job(routine="mean", resources=ONE)
    done = submit(path, "--queue", "none")
    assert done.exit_code == 2
    assert "invalid partition" in done.output
    assert is_empty()


def test_a_controller_that_is_away_is_no_reason_to_submit_twice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "slurm").mkdir()
    (tmp_path / "slurm" / "submitted.json").write_text('{"name": "oceandata-job", "ids": ["1", "2"]}')
    squeue = tmp_path / "squeue"
    squeue.write_text("#!/bin/sh\necho 'slurm_load_jobs error: Unable to contact slurm controller' >&2\nexit 1\n")
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnreachableError, match="squeue does not tell"):
        find_live_jobs(tmp_path)


def test_numbers_of_other_jobs_are_not_ours(slurm: Slurm, tmp_path: Path) -> None:
    (tmp_path / "slurm").mkdir()
    for ids in ('"999999"', '"999998", "999999"'):
        (tmp_path / "slurm" / "submitted.json").write_text(f'{{"name": "oceandata-job", "ids": [{ids}]}}')
        assert find_live_jobs(tmp_path) == []
    other = ask("sbatch", "--parsable", "--hold", f"--output={tmp_path}/o", "--job-name=other", "--wrap", "true")
    (tmp_path / "slurm" / "submitted.json").write_text(f'{{"name": "oceandata-job", "ids": ["{other}"]}}')
    assert find_live_jobs(tmp_path) == []
    (tmp_path / "slurm" / "submitted.json").write_text(f'{{"name": "other", "ids": ["{other}"]}}')
    assert find_live_jobs(tmp_path) == [other]


def test_slurm_does_not_outlive_who_holds_it(started: Slurm) -> None:
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    program = (
        "import subprocess, sys, time; p = subprocess.Popen([sys.executable, *sys.argv[1:]], stdin=subprocess.PIPE, "
        "start_new_session=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", program, str(SCRIPT), "hold", str(folder), "--cpus", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().startswith(b"export")
        pids = Slurm(folder).daemons
        assert all(map(lives, pids))
        holder.kill()
    wait_until(lambda: not any(map(lives, pids)), "the daemons end")
    assert all(map(lives, started.daemons))
    shutil.rmtree(folder)
