"""Rows without a peer: one program, and absolute limits that were promised."""

import dataclasses
import json
import os
from collections.abc import Callable

from benchmarks.harness import measure, package_versions
from benchmarks.work import Program
from oceandata.errors import OceanDataError

__all__ = ["Limits", "Runs", "Trial", "run_trial"]

_NUMBERS = ("cpu_s", "wall_s", "before_mb")


@dataclasses.dataclass(frozen=True)
class Limits:
    """
    What was promised; None for what is only reported.

    Attributes
    ----------
    wall_s : float, optional
        Wall seconds of the call, without starting Python and importing.
    peak_mb : float, optional
        Largest resident memory of the whole program, MB.
    growth_mb : float, optional
        How much of it the call added to what was resident before, MB.
    """

    wall_s: float | None = None
    peak_mb: float | None = None
    growth_mb: float | None = None


@dataclasses.dataclass(frozen=True)
class Trial:
    """
    One row without a peer.

    Attributes
    ----------
    name, text : str
        Short name, and what is done to what.
    program : Program
        Runs ``benchmarks/alone.py``.
    limits : Limits
        What was promised.
    prepare : callable
        Makes the input if it is not there yet; not measured.
    """

    name: str
    text: str
    program: Program
    limits: Limits
    prepare: Callable[[], None]


@dataclasses.dataclass(frozen=True)
class Runs:
    """Measurements of a program in order, what its last call told, its versions, and the load before."""

    taken: list[dict[str, float]]
    found: str
    version: str
    load: float


def run_trial(trial: Trial, runs: int) -> Runs:
    """
    Measure a program that checks its own result, after one unmeasured run.

    Parameters
    ----------
    trial : Trial
        What to measure.
    runs : int
        How often, at least once.

    Returns
    -------
    Runs
        Of each run ``cpu_s`` and ``wall_s`` of the whole program, ``call_cpu_s`` and ``call_wall_s`` of the call,
        ``peak_mb`` of the program and ``growth_mb`` of the call.

    Raises
    ------
    OceanDataError
        If the program fails, or its last line is not what ``benchmarks/alone.py`` prints.
    """
    trial.prepare()
    argv = trial.program.argv
    measure(argv)
    load, taken, found = os.getloadavg()[0], [], ""
    for _ in range(runs):
        used = measure(argv)
        try:
            told = json.loads(used.output.splitlines()[-1])
            cpu, wall, before = (float(told[key]) for key in _NUMBERS)
            found = str(told["found"])
        except (LookupError, ValueError, TypeError) as error:
            msg = f"the last line of {' '.join(argv)} is {used.output[-80:]!r}, need what benchmarks/alone.py prints."
            raise OceanDataError(msg) from error
        whole = {"cpu_s": used.cpu_s, "wall_s": used.wall_s, "peak_mb": used.peak_mb}
        taken.append(whole | {"call_cpu_s": cpu, "call_wall_s": wall, "growth_mb": max(0.0, used.peak_mb - before)})
    return Runs(taken, found, package_versions(trial.program), load)
