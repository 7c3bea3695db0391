"""A cluster of processes: the same bits as threads, whatever dies in it."""

import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from oceandata.batch import run_job, runners, window
from oceandata.errors import InputError, UnreachableError
from tests.batch.conftest import Make, opened, same_bits

SOME = {"partition_s": 1e-6, "workers": 2, "in_flight": 3}


def counted(folder: Path) -> Counter[str]:
    return Counter({path.name.removeprefix("count-"): path.stat().st_size for path in folder.glob("count-*")})


def test_a_worker_that_is_killed_costs_nothing_but_time(make_job: Make, chaos: Path) -> None:
    threads = make_job("threads", routine="climatology", output="threads", resources=SOME)
    assert run_job(threads, canary=False).code == 0
    job = make_job("processes", routine="climatology", output="processes", resources=SOME)
    (chaos / "kill-0-2").touch()
    report = run_job(job, scheduler="local", canary=False)
    assert report.code == 0
    assert report.finished is not None
    assert report.finished.usage.matches
    done = counted(chaos)
    assert done["0-2"] >= 2
    assert sum(times - 1 for times in done.values()) <= SOME["in_flight"]
    assert same_bits(opened(threads), opened(job))


def test_a_read_that_hangs_is_made_by_another_worker(
    make_job: Make, chaos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "_HANGING", 1)
    threads = make_job("threads", routine="climatology", output="threads", resources=SOME)
    assert run_job(threads, canary=False).code == 0
    job = make_job("processes", routine="climatology", output="processes", resources=SOME | {"hang_s": 3})
    (chaos / "hang-0-3").touch()
    report = run_job(job, scheduler="local", canary=False)
    assert report.code == 0, report
    assert report.finished is not None
    assert report.finished.usage.matches
    assert counted(chaos)["0-3"] == 2
    assert same_bits(opened(threads), opened(job))


@pytest.mark.hard
def test_a_read_that_always_hangs_is_given_up(make_job: Make, chaos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "_HANGING", 1)
    job = make_job(routine="climatology", output="out", resources=SOME | {"hang_s": 3, "attempts": 2})
    (chaos / "hang-0-3").write_text("always")
    report = run_job(job, scheduler="local", canary=False)
    assert report.code == 1
    assert list(report.failures) == ["0-3"]
    assert "did not end within" in report.failures["0-3"]


@pytest.mark.hard
def test_a_partition_that_always_kills_fails_alone(make_job: Make, chaos: Path) -> None:
    job = make_job(routine="climatology", output="out", resources=SOME)
    (chaos / "always-0-3").touch()
    report = run_job(job, scheduler="local", canary=False)
    assert report.code == 1
    assert list(report.failures) == ["0-3"]
    assert "KilledWorker" in report.failures["0-3"]
    done = counted(chaos)
    assert 2 <= done["0-3"] <= 4  # alone the second time: Dask itself tries each time once more
    (chaos / "always-0-3").unlink()
    assert run_job(job, scheduler="local", canary=False).code == 0
    assert {name for name in counted(chaos) - done if name.startswith("0-")} == {"0-3"}


def test_a_scheduler_that_is_none_or_away_is_named(make_job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "_ANSWER_S", 1.0)
    with pytest.raises(InputError, match="need 'threads', 'local' or an address"):
        run_job(make_job(), scheduler="processes", canary=False)
    with pytest.raises(UnreachableError, match="no scheduler answers"):
        run_job(make_job(), scheduler="tcp://127.0.0.1:9", canary=False)


def kill_after(process: "subprocess.Popen[bytes]", folder: Path, lines: int) -> None:
    """Kill a process when a ledger has some lines."""
    while sum(path.read_bytes().count(b"\n") for path in folder.glob("ledger-*.log")) < lines:
        if process.poll() is not None:
            return
        time.sleep(0.02)
    process.kill()


@pytest.mark.hard
def test_a_scheduler_that_dies_ends_the_run(make_job: Make, chaos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAOS_SLEEP", "1")
    address = "tcp://127.0.0.1:28786"
    commands = (
        ["dask_scheduler", "--host", "127.0.0.1", "--port", "28786", "--no-dashboard"],
        ["dask_worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny", "--death-timeout", "60"],
    )
    begun = [subprocess.Popen([sys.executable, "-m", f"distributed.cli.{name}", *more]) for name, *more in commands]
    job = make_job(resources=SOME)
    killer = threading.Thread(target=kill_after, args=(begun[0], job.run_folder, 3))
    killer.start()
    try:
        report = run_job(job, scheduler=address, canary=False)
        assert report.code == 4, report
        assert 2 <= report.done < report.partitions
    finally:
        for process in begun:
            process.kill()
            process.wait()
        killer.join()
    assert run_job(job, canary=False).code == 0


def test_processes_that_do_not_start_are_one_sentence(make_job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(**_: object) -> None:
        msg = "Nanny failed to start."
        raise RuntimeError(msg)

    monkeypatch.setattr("distributed.LocalCluster", dead)
    job = make_job(resources=SOME)
    with pytest.raises(UnreachableError, match=r"2 worker processes of this machine did not start: Nanny failed"):
        run_job(job, scheduler="local", canary=False)
    assert run_job(job, canary=False).code == 0
