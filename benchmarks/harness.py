"""Run two programs in turn, and measure both."""

import dataclasses
import json
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Sequence

import psutil  # type: ignore[import-untyped]

from benchmarks.work import Program, Work
from oceandata.errors import OceanDataError

__all__ = ["Pairs", "Usage", "measure", "package_versions", "run_pairs"]

_POLL_S = 0.02


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Measurements of both sides in order, their versions, how far the results differ, and the load before."""

    ours: list[dict[str, float]]
    peer: list[dict[str, float]]
    ours_version: str
    peer_version: str
    difference: str
    load: float


@dataclasses.dataclass(frozen=True)
class Usage:
    """CPU seconds of a program and its children, wall seconds, peak memory in MB (1e6 bytes), and what it printed."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    output: str


def _resident_bytes(root: psutil.Process) -> int:
    """Resident memory of a program and its descendants now; what ended meanwhile counts as nothing."""
    total = 0
    try:
        for process in [root, *root.children(recursive=True)]:
            total += process.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total


def measure(argv: Sequence[str]) -> Usage:
    """
    Run a program to its end and measure it.

    Parameters
    ----------
    argv : sequence of str
        The command.

    Returns
    -------
    Usage
        CPU is user and system time of the program and all descendants it waited for.

    Raises
    ------
    OceanDataError
        If the program fails; the message holds the end of what it wrote.

    Notes
    -----
    Memory is the sum of resident sets asked every 20 ms: a shorter peak is missed, shared pages count once for each
    program of the tree. Nothing else may run as a child of this one meanwhile.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        child = subprocess.Popen(argv, stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        root, peak = psutil.Process(child.pid), 0
        while child.poll() is None:
            peak = max(peak, _resident_bytes(root))
            time.sleep(_POLL_S)
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        out.seek(0)
        err.seek(0)
        if child.returncode != 0:
            lines = err.read().decode(errors="replace").splitlines()[-5:]
            msg = "\n".join([f"a program ended with status {child.returncode}: {' '.join(argv)}", *lines])
            raise OceanDataError(msg)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Usage(cpu, wall, peak / 1e6, out.read().decode())


def _warm(argv: Sequence[str]) -> dict[str, float]:
    """Seconds of the second call, as the program printed them."""
    output = measure(argv).output
    try:
        found = json.loads(output.splitlines()[-1])
        return {"warm_cpu_s": float(found["cpu_s"]), "warm_wall_s": float(found["wall_s"])}
    except (LookupError, ValueError, TypeError) as error:
        msg = f"the last line of {' '.join(argv)} is {output[-80:]!r}, need JSON with cpu_s and wall_s."
        raise OceanDataError(msg) from error


def package_versions(program: Program) -> str:
    """
    Versions of a program's packages in its own environment.

    Parameters
    ----------
    program : Program
        Its interpreter is asked.

    Returns
    -------
    str
        Names and versions; empty if no packages are named.
    """
    if not program.packages:
        return ""
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    found = measure([program.argv[0], "-c", code, *program.packages]).output.split()
    return ", ".join(f"{name} {number}" for name, number in zip(program.packages, found, strict=True))


def run_pairs(work: Work, runs: int) -> Pairs:
    """
    Measure both sides in turn.

    Each side runs once unmeasured and the results are compared; then the sides alternate: whole programs first, second
    calls after.

    Parameters
    ----------
    work : Work
        What to compare.
    runs : int
        Number of pairs, at least one.

    Returns
    -------
    Pairs
        All measurements.

    Raises
    ------
    OceanDataError
        If a program fails, or the results disagree.
    """
    work.prepare()
    sides = (work.ours, work.peer)
    work.clear()
    for side in sides:
        measure(side.argv)
    difference = work.agree()
    load = os.getloadavg()[0]
    taken: tuple[list[dict[str, float]], list[dict[str, float]]] = ([], [])
    for _ in range(runs):
        for side, found in zip(sides, taken, strict=True):
            work.clear()
            used = measure(side.argv)
            found.append({"cpu_s": used.cpu_s, "wall_s": used.wall_s, "peak_mb": used.peak_mb})
    for number in range(runs):
        for side, found in zip(sides, taken, strict=True):
            if side.warm_argv:
                work.clear()
                found[number] |= _warm(side.warm_argv)
    work.clear()
    return Pairs(*taken, package_versions(work.ours), package_versions(work.peer), difference, load)
