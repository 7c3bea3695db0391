"""Runners killed at any moment: what was done stays done, and the result has the bits of a run that was left alone."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from oceandata.batch import Stop, load_job, read_status, run_job
from oceandata.batch.ledger import ledger_files
from tests.batch.chaos import DRIVER
from tests.batch.conftest import Make, Write, opened, same_bits

SEEDS = [pytest.param(seed, marks=[pytest.mark.hard] if seed > 1 else []) for seed in range(30)]
RESOURCES = {"partition_s": 1e-6, "workers": 2, "in_flight": 4}


def lines(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in ledger_files(folder)) if folder.exists() else 0


def start(driver: Path, job: Path, chaos: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"CHAOS": str(chaos), "CHAOS_SLEEP": "0.01"}
    command = [sys.executable, str(driver), str(job), "threads"]
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_runner_goes_on(seed: int, write_job: Write, make_job: Make, tmp_path: Path) -> None:
    dice = random.Random(seed)
    output = dice.choice(["killed", "killed.nc"])
    alone = make_job("alone", routine="anomaly", output=output.replace("killed", "alone"), resources=RESOURCES)
    assert run_job(alone, canary=False).code == 0
    path = write_job("killed", routine="anomaly", output=output, resources=RESOURCES)
    job = load_job(path)
    driver, chaos = tmp_path / "driver.py", tmp_path / "chaos"
    driver.write_text(DRIVER)
    chaos.mkdir()
    kills, code = 0, -1
    while code and kills < 4:
        process = start(driver, path, chaos)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        wanted, deadline = lines(job.run_folder) + dice.randint(1, 30), time.monotonic() + 60
        while process.poll() is None and lines(job.run_folder) < wanted and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(dice.random() * 0.02)
        process.send_signal(signal.SIGKILL)
        _, said = process.communicate()
        code = process.returncode
        assert code in (0, -signal.SIGKILL), said
        kills += code != 0
        if code:
            assert read_status(job.run_folder).how in ("waiting", "finished")
    report = run_job(job, canary=False)
    assert report.code == 0
    assert same_bits(opened(alone), opened(job))
    again = sum(path.stat().st_size - 1 for path in chaos.glob("count-*"))
    assert again <= kills * RESOURCES["in_flight"]


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.hard
@pytest.mark.parametrize("room", [0, 4_096, 20_000, 60_000, 150_000])
def test_a_full_disk_loses_nothing(room: int, write_job: Write, make_job: Make, tiny_disk: Path) -> None:
    alone = make_job("alone", routine="anomaly", output="alone", resources=RESOURCES)
    run_job(alone, canary=False)
    path = write_job("full", routine="anomaly", output=str(tiny_disk / "out"), run=str(tiny_disk / "run"))
    job = load_job(path)
    stop = Stop()
    report = run_job(job, canary=False, stop=stop, on_progress=lambda *_: stop.drain())
    assert report.code == 75
    disk = os.statvfs(tiny_disk)
    ballast = tiny_disk / "ballast"
    ballast.write_bytes(bytes(max(0, disk.f_bavail * disk.f_frsize - room)))
    report = run_job(job, canary=False)
    assert report.code == 5, report
    done = read_status(job.run_folder).done
    ballast.unlink()
    report = run_job(job, canary=False)
    assert report.code == 0
    assert report.fresh == report.partitions - done
    assert same_bits(opened(alone), opened(job))


def test_sigterm_drains(write_job: Write, tmp_path: Path) -> None:
    path = write_job("drained", resources=RESOURCES)
    job = load_job(path)
    command = [sys.executable, "-c", "from oceandata.cli import main; main()", "run", str(path), "--no-canary"]
    chaos = tmp_path / "chaos"
    chaos.mkdir()
    from tests.batch.chaos import SITE

    (chaos / "sitecustomize.py").write_text(SITE)
    environment = os.environ | {"CHAOS": str(chaos), "CHAOS_SLEEP": "0.2", "PYTHONPATH": str(chaos)}
    process = subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while lines(job.run_folder) < 3 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.terminate()
    said, wrong = process.communicate()
    assert process.returncode == 75, wrong
    assert "asked to stop" in said
    assert read_status(job.run_folder).how == "drained"
    begun = sum(path.stat().st_size for path in chaos.glob("count-*"))
    assert begun == read_status(job.run_folder).done
    assert run_job(job, canary=False).code == 0
