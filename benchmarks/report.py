"""The rows that were measured, as JSON, and the table of the documentation that is made of them."""

import dataclasses
import json
import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import Pairs
from benchmarks.limits import Runs, Trial
from benchmarks.work import Work
from oceandata.errors import OceanDataError

__all__ = [
    "BEGIN",
    "END",
    "bench_folder",
    "read_rows",
    "row_from_pairs",
    "row_from_runs",
    "table",
    "write_between",
    "write_row",
    "write_table",
]

#: Seconds below which a third digit says something.
_SMALL_S = 0.1

#: Comments between which the table is written.
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def _summary(name: str, version: str, runs: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Median, smallest and largest of each number."""
    summary: dict[str, Any] = {"name": name, "version": version}
    for key in runs[0]:
        values = [run[key] for run in runs]
        middle = {"median": statistics.median(values), "min": min(values), "max": max(values)}
        summary[key] = {which: round(value, 3) for which, value in middle.items()}
    return summary


def _ratios(pairs: Pairs, key: str) -> list[float] | None:
    """Median, smallest and largest ratio of the pairs; None if a side has no such number."""
    if key not in pairs.ours[0] or key not in pairs.peer[0]:
        return None
    found = [one[key] / max(other[key], 1e-6) for one, other in zip(pairs.ours, pairs.peer, strict=True)]
    return [round(value, 3) for value in (statistics.median(found), min(found), max(found))]


def row_from_pairs(work: Work, pairs: Pairs) -> dict[str, Any]:
    """
    Make a row: medians, ratios of CPU seconds pair by pair, and whether the goals are met.

    A goal for the second call is missed if a side has no second call.

    Parameters
    ----------
    work : Work
        What was compared.
    pairs : Pairs
        Its measurements.

    Returns
    -------
    dict
        The row, of JSON types; nothing in it names the machine or its folders.

    Notes
    -----
    ``ratio`` is the median of ours / peer over the pairs, ``spread`` the smallest and largest of them.
    """
    whole, warm = _ratios(pairs, "cpu_s"), _ratios(pairs, "warm_cpu_s")
    assert whole is not None
    met = whole[0] <= work.goal.whole
    if work.goal.warm is not None:
        met = met and warm is not None and warm[0] <= work.goal.warm
    return {
        "work": work.name,
        "text": work.text,
        "ours": _summary(work.ours.name, pairs.ours_version, pairs.ours),
        "peer": _summary(work.peer.name, pairs.peer_version, pairs.peer),
        "ratio": whole[0],
        "spread": whole[1:],
        "warm_ratio": warm[0] if warm else None,
        "warm_spread": warm[1:] if warm else None,
        "goal": dataclasses.asdict(work.goal),
        "met": met,
        "difference": pairs.difference,
        "runs": len(pairs.ours),
        "machine": _machine() | {"load_before": round(pairs.load, 1)},
    }


def row_from_runs(trial: Trial, runs: Runs) -> dict[str, Any]:
    """
    Make a row without a peer: medians, and whether the limits are kept.

    Parameters
    ----------
    trial : Trial
        What was measured.
    runs : Runs
        Its measurements.

    Returns
    -------
    dict
        The row, of JSON types; ``met`` is None if nothing was promised. Nothing in it names the machine or its folders.

    Notes
    -----
    Medians are compared with the limits of time, the largest of all runs with those of memory.
    """
    ours = _summary(trial.program.name, runs.version, runs.taken)
    limits = dataclasses.asdict(trial.limits)
    compared = {"wall_s": ("call_wall_s", "median"), "peak_mb": ("peak_mb", "max"), "growth_mb": ("growth_mb", "max")}
    kept = [ours[key][which] <= limits[name] for name, (key, which) in compared.items() if limits[name] is not None]
    return {
        "work": trial.name,
        "text": trial.text,
        "ours": ours,
        "limits": limits,
        "met": all(kept) if kept else None,
        "found": runs.found,
        "runs": len(runs.taken),
        "machine": _machine() | {"load_before": round(runs.load, 1)},
    }


def _machine() -> dict[str, Any]:
    """What ran it, without its name."""
    system = f"{platform.system()} {platform.machine()}"
    return {"cpus": os.cpu_count(), "python": platform.python_version(), "os": system}


def write_row(row: dict[str, Any], file: Path) -> None:
    """
    Put a row into a file of results, in the place of the earlier one of the same work.

    Parameters
    ----------
    row : dict
        From `row_from_pairs`.
    file : pathlib.Path
        JSON list; made if it is not there.
    """
    rows = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    kept = [other for other in rows if other["work"] != row["work"]]
    text = json.dumps(sorted([*kept, row], key=lambda each: str(each["work"])), indent=2, ensure_ascii=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{text}\n", encoding="utf-8")


def _cells(row: dict[str, Any]) -> list[str]:
    """One line of the table."""

    def pair(key: str, digits: int) -> str:
        both = [row[side].get(key) for side in ("ours", "peer")]
        return " / ".join(f"{one['median']:.{digits}f}" if one else "–" for one in both)

    def ratio(key: str, spread: str, goal: float | None) -> str:
        if row[key] is None:
            return "–"
        low, high = row[spread]
        promise = f", goal {goal:g}" if goal is not None else ""
        return f"{row[key]:.2f} ({low:.2f}–{high:.2f}{promise})"

    return [
        f"{row['work']}: {row['text']}",
        f"{row['peer']['name']} ({row['peer']['version']})" if row["peer"]["version"] else row["peer"]["name"],
        pair("wall_s", 1),
        pair("cpu_s", 2),
        ratio("ratio", "spread", row["goal"]["whole"]),
        pair("warm_cpu_s", 2),
        ratio("warm_ratio", "warm_spread", row["goal"]["warm"]),
        pair("peak_mb", 0),
        "yes" if row["met"] else "**no**",
        str(row["difference"]),
        f"{row['runs']} pairs, {row['machine']['cpus']} CPUs, load {row['machine']['load_before']}",
    ]


def _alone_cells(row: dict[str, Any]) -> list[str]:
    """One line of the table of rows without a peer."""

    def cell(key: str, digits: int, limit: float | None = None) -> str:
        one = row["ours"][key]
        if digits and one["max"] < _SMALL_S:
            digits = 3
        promise = f", limit {limit:g}" if limit is not None else ""
        return f"{one['median']:.{digits}f} ({one['min']:.{digits}f}–{one['max']:.{digits}f}{promise})"

    return [
        f"{row['work']}: {row['text']}",
        cell("call_wall_s", 2, row["limits"]["wall_s"]),
        cell("call_cpu_s", 2),
        cell("wall_s", 2),
        cell("peak_mb", 0, row["limits"]["peak_mb"]),
        cell("growth_mb", 0, row["limits"]["growth_mb"]),
        {True: "yes", False: "**no**", None: "reported"}[row["met"]],
        str(row["found"]),
        f"{row['runs']} runs, {row['machine']['cpus']} CPUs, load {row['machine']['load_before']}",
    ]


def _markdown(head: list[str], lines: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *lines])


def bench_folder() -> Path:
    """
    Folder in which fields are kept.

    Returns
    -------
    pathlib.Path
        The one that OCEANDATA_BENCH_DIR names, or ``~/.cache/oceandata-bench``.
    """
    return Path(os.environ.get("OCEANDATA_BENCH_DIR") or Path.home() / ".cache" / "oceandata-bench").expanduser()


def read_rows(results: Path) -> list[dict[str, Any]]:
    """
    All rows that were measured.

    Parameters
    ----------
    results : pathlib.Path
        Folder of the JSON files.

    Returns
    -------
    list of dict
        In order of file and name.
    """
    return [row for file in sorted(results.glob("*.json")) for row in json.loads(file.read_text(encoding="utf-8"))]


def table(results: Path) -> str:
    """
    All results as Markdown tables: rows with a peer, then those without.

    Parameters
    ----------
    results : pathlib.Path
        Folder of the JSON files.

    Returns
    -------
    str
        Headings and one line for each row, in order of file and name; a table without rows is left out.
    """
    head = [
        "work",
        "peer",
        "wall s, ours / peer",
        "CPU s, ours / peer",
        "ratio",
        "warm CPU s, ours / peer",
        "warm ratio",
        "peak MB, ours / peer",
        "goals met",
        "results differ by",
        "measured",
    ]
    alone = ["work", "wall s of the call", "CPU s of the call", "wall s of the program", "peak MB"]
    alone += ["peak MB beyond what was resident before", "limits kept", "found", "measured"]
    rows = read_rows(results)
    paired = [_cells(row) for row in rows if "peer" in row]
    single = [_alone_cells(row) for row in rows if "peer" not in row]
    tables = [_markdown(names, lines) for names, lines in ((head, paired), (alone, single)) if lines]
    return "\n\n".join(tables)


def write_table(results: Path, document: Path) -> None:
    """
    Write the table of all results between the two marker comments of a document.

    Parameters
    ----------
    results : pathlib.Path
        Folder of the JSON files.
    document : pathlib.Path
        Markdown file with both markers; the text around them stays.

    Raises
    ------
    OceanDataError
        If the markers are not there, once each and in order.
    """
    write_between(document, table(results))


def write_between(document: Path, tables: str) -> None:
    """
    Write text between the two marker comments of a document.

    Parameters
    ----------
    document : pathlib.Path
        Markdown file with both markers; the text around them stays.
    tables : str
        What stands between them.

    Raises
    ------
    OceanDataError
        If the markers are not there, once each and in order.
    """
    text = document.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in before:
        msg = f"{document.name} has no place for the table, need the lines {BEGIN} and {END} once each."
        raise OceanDataError(msg)
    document.write_text(f"{before}{BEGIN}\n{tables}\n{END}{after}", encoding="utf-8")
