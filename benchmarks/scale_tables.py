"""The tables of docs/scale.md: what was measured on parts, and what follows for the whole."""

import re
from collections.abc import Sequence
from typing import Any

from benchmarks.petabytes import CENTURY
from oceandata.errors import NotFoundError

__all__ = ["tables"]

_CORES = (100, 1_000, 10_000)

#: Work of a partition that a job aims at, s.
_PARTITION_S = 60.0


def _row(rows: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    """A row that was measured."""
    found = next((row for row in rows if row["work"] == name), None)
    if found is None:
        msg = f"there is no row {name!r}. Measure it: python -m benchmarks --work {name!r}."
        raise NotFoundError(msg)
    return found


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, ["---"] * len(head), *lines])


def _bytes(count: float) -> str:
    unit = next(
        ((size, name) for size, name in ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB")) if count >= size), None
    )
    return f"{count / unit[0]:.3g} {unit[1]}" if unit else f"{count / 1e3:.3g} kB"


def _span(seconds: float) -> str:
    size, name = next((one for one in ((86_400, "days"), (3_600, "h"), (60, "min")) if seconds >= 2 * one[0]), (1, "s"))
    return f"{seconds / size:.3g} {name}"


def _core_seconds(sample: dict[str, Any]) -> float:
    """CPU seconds of the whole, at what the sample took for a byte."""
    return float(sample["cpu_s"] / sample["decoded_bytes"] * CENTURY.nbytes)


def _sample_lines(measured: dict[str, Any]) -> list[list[str]]:
    sample, end = measured["sample"]["found"], measured["end"]["found"]
    places = ", ".join(f"{met} of {count}" for met, count in zip(sample["places"], sample["of"], strict=True))
    rate = sample["decoded_bytes"] / sample["cpu_s"]
    share = sample["peak_bytes"] / sample["planned_peak_bytes"]
    return [
        [
            "the store",
            f"{_bytes(CENTURY.nbytes)} decoded in {sample['chunks']:,} chunks of {_bytes(CENTURY.chunk_bytes)}",
        ],
        ["plan of the whole", f"{sample['partitions']:,} partitions in {sample['plan_s']:.2f} s"],
        ["partitions run", f"{sample['run']:,}, each of {_bytes(sample['partition_bytes'])} decoded"],
        ["different places along time, depth, latitude, longitude", places],
        ["decoded", f"{_bytes(sample['decoded_bytes'])} from {_bytes(sample['served_bytes'])} that were served"],
        ["requests", f"{sample['requests']:,}: each chunk once"],
        ["CPU, of everything", f"{_span(sample['cpu_s'])}, {_bytes(rate)} a core and second"],
        [
            "wall time, two workers",
            f"{_span(sample['wall_s'])}, load before {measured['sample']['machine']['load_before']}",
        ],
        ["a partition", f"median {sample['seconds_50']:.2f} s, 95% {sample['seconds_95']:.2f} s"],
        ["memory of a worker", f"{_bytes(sample['peak_bytes'])}, {share:.2f} of the plan"],
        [
            "ledger",
            f"{sample['ledger_bytes']:.0f} bytes a partition of four chunks; a state is {sample['state_bytes']} bytes",
        ],
        [
            "a part run to its end",
            f"{end['partitions']} partitions, {_bytes(end['decoded_bytes'])}; "
            f"differs from plain Zarr and NumPy by {end['difference']:.1e} degC",
        ],
    ]


def _wall_lines(measured: dict[str, Any], rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    sample = measured["sample"]["found"]
    whole = _core_seconds(sample)
    stored = sample["served_bytes"] / sample["requests"]
    carried = _row(rows, "carrying a partition")["ours"]["call_wall_s"]["median"]
    lines = []
    for cores in _CORES:
        wall, pace = whole / cores, cores / _PARTITION_S
        lines.append(
            [
                f"{cores:,}",
                f"{whole / 3600:,.0f}",
                _span(wall),
                f"{sample['chunks'] / wall:,.0f}",
                f"{_bytes(sample['chunks'] * stored / wall)}",
                f"{pace:,.1f}",
                f"{pace * carried:.2f}",
            ]
        )
    return lines


def _size_lines(measured: dict[str, Any], rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    chunks, sample = measured["sample"]["found"]["chunks"], measured["sample"]["found"]
    references, stored = measured["references"]["found"], measured["stored"]["found"]
    index = float(re.findall(r"([\d,]+) MB", _row(rows, "index 1,000,000 entries")["found"])[0].replace(",", ""))
    noted = float(_row(rows, "end: ledger of 1,000,000 chunks")["found"].split()[0]) / 100
    lines = []
    for name, key in (
        ("manifests of references into files", "manifests"),
        ("leaf lists", "chunks"),
        ("transactions", "transactions"),
    ):
        each = [one[key] / one["references"] for one in references]
        how = " and ".join(f"{size:.1f} at {one['references']:,}" for size, one in zip(each, references, strict=True))
        lines.append([name, f"{how} bytes a chunk", _bytes(each[-1] * chunks)])
    own = stored["manifests"] / stored["references"]
    lines.insert(
        1, ["manifests of stored chunks", f"{own:.1f} bytes a chunk at {stored['references']:,}", _bytes(own * chunks)]
    )
    many = sample["partitions"] * sample["ledger_bytes"]
    few = noted * chunks
    lines.append(["ledgers, partitions of 60 s", f"{noted:.0f} bytes a chunk", _bytes(few)])
    lines.append(
        ["ledgers, partitions of four chunks", f"{sample['ledger_bytes']:.0f} bytes a partition", _bytes(many)]
    )
    lines.append(["index of the catalogue", "a million entries, whatever their size", _bytes(index * 1e6)])
    return lines


def _end_lines(measured: dict[str, Any], rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    sample = measured["sample"]["found"]
    chunks, partitions = sample["chunks"], _core_seconds(sample) / _PARTITION_S
    kinds = [
        ("ledger read, for its chunks", "end: ledger of 1,000,000 chunks", 1e6, chunks),
        ("ledger read, for its partitions", "end: ledger of 100,000 partitions", 1e5, partitions),
        ("what the result is made of", "end: lineage of 1,000,000 chunks", 1e6, chunks),
        ("states merged by one process", "end: merge 2,000 states", 2e3, partitions),
        ("verify the leaf lists", "verify 10,000,000 references", 1e7, chunks),
        ("append one map", "append 10,000,000 references", 1e7, chunks),
        ("collect garbage", "collect 10,000,000 references", 1e7, chunks),
    ]
    lines = []
    for name, work, count, whole in kinds:
        ours = _row(rows, work)["ours"]
        seconds, grown = ours["call_cpu_s"]["median"], ours["growth_mb"]["median"] * 1e6
        grows = "flat" if name.startswith("states") else _bytes(grown / count * whole)
        lines.append([name, f"{seconds:.2f} s, {_bytes(grown)} at {count:,.0f}", _span(seconds / count * whole), grows])
    return lines


def tables(measured: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    """
    All tables.

    Parameters
    ----------
    measured : dict
        As `benchmarks.scale` keeps it.
    rows : sequence of dict
        Rows of the benchmarks.

    Returns
    -------
    str
        Markdown with headings.

    Raises
    ------
    NotFoundError
        If a row was not measured yet; the message says how to.
    """
    head = ["cores", "core-hours", "wall time", "requests a second", "from the store a second"]
    head += ["partitions of 60 s a second", "cores that carry them"]
    parts = {
        "### Measured": _markdown(["what", "found"], _sample_lines(measured)),
        "### Work of the whole": _markdown(head, _wall_lines(measured, rows)),
        "### Sizes of the whole": _markdown(["what", "measured", "whole"], _size_lines(measured, rows)),
        "### The end of the whole": _markdown(
            ["what one process does", "measured", "CPU for the whole", "memory for the whole"],
            _end_lines(measured, rows),
        ),
    }
    return "\n\n".join(f"{title}\n{text}" for title, text in parts.items())
