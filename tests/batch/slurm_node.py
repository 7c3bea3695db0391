"""Slurm of one node for as long as a test needs it, and what tests of its jobs share."""

import contextlib
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from click.testing import CliRunner, Result

from oceandata.cli import cli

SCRIPT = Path(__file__).parents[2] / "scripts" / "slurm"
DAEMONS = ("munged", "slurmctld", "slurmd")
SMALL = {"walltime": "00:30:00", "memory": "1GB"}
ONE = {"partition_s": 1e-6, "workers": 1, "in_flight": 2}

#: Blocks of which the mean has 8 partitions, and the anomaly 4 and 8: few, because every task begins a Python.
FEW = {"time": 24, "lat": 9, "lon": 12}

#: Seconds in which a slow machine does what is waited for.
PATIENCE_S = 240


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.1)


def ask(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


class Slurm(NamedTuple):
    """One that runs: its folder."""

    folder: Path

    @property
    def daemons(self) -> list[int]:
        return [int((self.folder / f"{name}.pid").read_text()) for name in DAEMONS]

    def ended(self) -> list[dict[str, str]]:
        """What Slurm wrote of jobs that ended."""
        path = self.folder / "log" / "jobs.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        return [dict(re.findall(r"(\w+)=(\S*)", line)) for line in lines]


@contextlib.contextmanager
def holding_slurm(folder: Path) -> Iterator[Slurm]:
    """Slurm in a folder for as long as this process lives, and not longer than the block."""
    with (folder / "said").open("wb") as said:
        command = [sys.executable, str(SCRIPT), "hold", str(folder), "--cpus", "4"]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, start_new_session=True
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith(b"export"), (folder / "said").read_text()
        yield Slurm(folder)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()


def counted(folder: Path) -> dict[str, int]:
    return {path.name.removeprefix("count-"): path.stat().st_size for path in folder.glob("count-*")}


def done_in(path: Path) -> int:
    return path.read_bytes().count(b'"done":') if path.exists() else 0


def submit(path: Path, *more: str) -> Result:
    """The command, with what a small task needs."""
    fixed = ["--slurm", "--walltime", "00:30:00", "--memory", "1GB", "--no-canary", "--scheduler", "threads"]
    return CliRunner().invoke(cli, ["submit", str(path), *fixed, *more])


def lives(pid: int) -> bool:
    """Whether a process is there and not only waits to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
