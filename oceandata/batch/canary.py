"""
The canary: a few blocks tried in a process of their own, to learn speed and memory before the rest is begun.

It also finds what would fail every partition: code that does not import, data that cannot be read.
"""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from oceandata.analysis.streaming import Fused
from oceandata.batch.costs import family_reads
from oceandata.batch.job import Job
from oceandata.batch.states import Stage
from oceandata.batch.work import Family, open_work
from oceandata.errors import OceanDataError
from oceandata.graph import stream

__all__ = ["Measured", "measure", "peak_memory", "reset_peak"]

# Time to spend on measured blocks, after the first, in s.
_SECONDS = 2.0
_MOST_UNITS = 16


@dataclasses.dataclass(frozen=True)
class Measured:
    """
    What a canary learned.

    Attributes
    ----------
    rate : float
        Decoded bytes a second.
    peak_bytes, base_bytes : int
        Memory at its height, and before the first block.
    """

    rate: float
    peak_bytes: int
    base_bytes: int


def measure(job: Job) -> Measured:
    """
    Try some units of the first phase of a job in another process.

    Parameters
    ----------
    job : Job
        The job.

    Returns
    -------
    Measured
        Speed and memory.

    Raises
    ------
    OceanDataError
        If the try fails; the message holds its own.
    """
    request = {"job": job.to_json(), "folder": str(job.folder)}
    with tempfile.TemporaryDirectory(prefix="oceandata-canary-") as folder:
        path = Path(folder) / "request.json"
        path.write_text(json.dumps(request), "utf-8")
        command = [sys.executable, "-m", "oceandata.batch.canary", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        answer = Path(folder) / "answer.json"
        if done.returncode or not answer.exists():
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            msg = f"a first partition was tried and failed: {last} Nothing was begun."
            raise OceanDataError(msg)
        return Measured(**json.loads(answer.read_text("utf-8")))


def peak_memory() -> int:
    """Memory of this process at its height since `reset_peak`, in bytes; 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def reset_peak() -> None:
    """Begin to measure the height of memory anew; nothing where the system cannot."""
    try:
        Path("/proc/self/clear_refs").write_text("5", "ascii")
    except OSError:
        return


def _try(phase: Stage | Family, number: int) -> int:
    """Work on one unit without writing it; its decoded bytes."""
    if isinstance(phase, Stage):
        box = phase.grid.box(number)
        needs = phase.recipe.needs(box)
        stream(phase.recipe, Fused(phase.accumulators), box, needs, *phase._outer(needs))
        return phase.block_bytes
    phase.compute(number)
    return max(family_reads(phase, number), phase.unit_bytes)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    """Try units from the middle of a phase on."""
    job = Job.from_json(request["job"]).placed(Path(request["folder"]))
    ones: Callable[[Stage | Family], tuple[int, ...]] = lambda phase: (1,) * len(phase.grid.shape)  # noqa: E731
    phase = open_work(job, choose_stage=ones, choose_family=ones).phases[0]
    reset_peak()
    base = peak_memory()
    first = phase.grid.count // 2
    nbytes = _try(phase, first)
    begun, done = time.perf_counter(), 0
    for number in range(first, min(first + _MOST_UNITS, phase.grid.count)):
        done += _try(phase, number)
        if time.perf_counter() - begun > _SECONDS:
            break
    seconds = time.perf_counter() - begun
    return {"rate": max(nbytes, done) / max(seconds, 1e-3), "peak_bytes": peak_memory(), "base_bytes": base}


def _main(path: Path) -> None:
    answer = _answer(json.loads(path.read_text("utf-8")))
    beside = path.with_name("answer.new")
    beside.write_text(json.dumps(answer), "utf-8")
    os.replace(beside, path.with_name("answer.json"))  # noqa: PTH105


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
