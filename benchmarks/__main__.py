"""
Measure oceandata against named peers, side by side.

Writes benchmarks/results/AREA.json and the table in docs/performance.md. Peers live in an environment of their own,
.bench-venv, which is made from benchmarks/requirements-peers.txt when it is missing or our versions have changed.
Fields are kept in ~/.cache/oceandata-bench, or in the folder that OCEANDATA_BENCH_DIR names.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks import analysis, batch, catalog, heatwaves, registry, regrid, storage, trade
from benchmarks.harness import run_pairs
from benchmarks.limits import Trial, run_trial
from benchmarks.report import bench_folder, row_from_pairs, row_from_runs, write_row, write_table
from benchmarks.work import Work
from oceandata.errors import InputError, OceanDataError, closest

__all__ = ["chosen", "main", "require_peers"]

_ROOT = Path(__file__).parents[1]
_RESULTS = _ROOT / "benchmarks" / "results"
_DOCUMENT = _ROOT / "docs" / "performance.md"
_PEERS = _ROOT / ".bench-venv"
_PEER_PYTHON = _PEERS / "bin" / "python"

#: What makes the rows of each area.
_AREAS: dict[str, Callable[[Path, Path], Sequence[Work | Trial]]] = {
    "analysis": analysis.works,
    "batch": batch.works,
    "catalog": catalog.works,
    "heatwaves": heatwaves.works,
    "registry": registry.works,
    "regrid": regrid.works,
    "storage": storage.works,
    "trade": trade.works,
}


def _our_versions() -> str:
    """Every distribution of our environment but ourselves, as constraints for pip."""
    found = {f"{one.name}=={one.version}" for one in metadata.distributions() if not one.name.startswith("oceandata")}
    return "".join(f"{line}\n" for line in sorted(found))


def require_peers() -> Path:
    """
    Make the peers' environment if it is missing or was made for other versions.

    Returns
    -------
    pathlib.Path
        Its interpreter.

    Raises
    ------
    OceanDataError
        If pip cannot install the peers.
    """
    requirements = _ROOT / "benchmarks" / "requirements-peers.txt"
    constraints, stamp = _PEERS / "constraints.txt", _PEERS / "installed.txt"
    wanted = _our_versions()
    state = wanted + requirements.read_text(encoding="utf-8")
    if stamp.exists() and stamp.read_text(encoding="utf-8") == state:
        return _PEER_PYTHON
    print("making .bench-venv for the peers …", flush=True)
    pip = [str(_PEER_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(_PEERS)], check=True)
        constraints.write_text(wanted, encoding="utf-8")
        subprocess.run([*pip, "--constraint", str(constraints), "--requirement", str(requirements)], check=True)
    except subprocess.CalledProcessError as error:
        msg = f"the peers could not be installed: pip or venv ended with status {error.returncode}. Is there a network?"
        raise OceanDataError(msg) from error
    stamp.write_text(state, encoding="utf-8")
    return _PEER_PYTHON


def chosen(areas: Sequence[str], work: str, folder: Path) -> list[tuple[str, Work | Trial]]:
    """
    Rows that were asked for, with their areas.

    Parameters
    ----------
    areas : sequence of str
        Names of areas; all if empty.
    work : str
        Name of one row; all if empty.
    folder : pathlib.Path
        Cache folder.

    Returns
    -------
    list of (str, Work or Trial)
        In the order of areas and rows; nothing was run.

    Raises
    ------
    InputError
        If there is no such area or row.
    """
    for area in areas:
        if area not in _AREAS:
            msg = f"there is no area {area!r}. {closest(area, sorted(_AREAS))}"
            raise InputError(msg)
    rows = [(area, row) for area in areas or _AREAS for row in _AREAS[area](_PEER_PYTHON, folder)]
    found = [(area, row) for area, row in rows if work in ("", row.name)]
    if not found:
        msg = f"there is no row {work!r}. {closest(work, [row.name for _, row in rows])}"
        raise InputError(msg)
    return found


def _against(row: Work | Trial) -> str:
    return f"{row.name} against {row.peer.name}" if isinstance(row, Work) else f"{row.name}, without a peer"


def _measured(row: Work | Trial, runs: int) -> dict[str, Any]:
    """Measure a row and say in a line how it went."""
    if isinstance(row, Trial):
        found = row_from_runs(row, run_trial(row, runs))
        used = {key: found["ours"][key]["median"] for key in ("call_wall_s", "call_cpu_s", "peak_mb", "growth_mb")}
        print("  " + ", ".join(f"{key} {value}" for key, value in used.items()), end=": ")
    else:
        found = row_from_pairs(row, run_pairs(row, runs))
        warm = f", warm {found['warm_ratio']}" if found["warm_ratio"] is not None else ""
        print(f"  CPU ratio {found['ratio']} {found['spread']}{warm}", end=": ")
    print({True: "goals met", False: "goals MISSED", None: "nothing was promised"}[found["met"]])
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("area", nargs="*", help=f"one of {', '.join(sorted(_AREAS))}; all by default")
    parser.add_argument("--runs", type=int, default=5, help="pairs, or runs without a peer, for each row (5)")
    parser.add_argument("--work", default="", metavar="NAME", help="this row only")
    parser.add_argument("--list", action="store_true", help="print the rows and measure nothing")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """
    Measure what was asked for.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        Zero, also if a goal is missed; 2 if something failed.
    """
    given = _parser().parse_args(argv)
    folder = bench_folder()
    try:
        if given.runs < 1:
            msg = f"--runs is {given.runs}, need at least 1."
            raise InputError(msg)
        rows = chosen(given.area, given.work, folder)
        if given.list:
            print("\n".join(f"{area}: {_against(row)} – {row.text}" for area, row in rows))
            return 0
        require_peers()
        folder.mkdir(parents=True, exist_ok=True)
        for area, row in rows:
            print(f"{area}: {_against(row)}, {given.runs} times …", flush=True)
            write_row(_measured(row, given.runs), _RESULTS / f"{area}.json")
            write_table(_RESULTS, _DOCUMENT)
    except OceanDataError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
