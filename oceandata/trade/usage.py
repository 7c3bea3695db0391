"""
Usage reports: what was served by product, revision and variable, as recordings, jobs and stamped files tell it.

One row is what one run was served of one variable. Its id follows from run, product, revision and variable alone, so
that posting a row twice, or the row of a run and that of a file it wrote, is one posting. Bytes are those that stores
served, as counted by whoever computed: a client's own account, complete or not, and it says which.
"""

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from oceandata import _html
from oceandata.entities import Origin
from oceandata.errors import DocumentError, NotFoundError, OceanDataError
from oceandata.options import get_options
from oceandata.storage.segments import ENDING, SegmentReader
from oceandata.storage.stores import repository_exists
from oceandata.trade.answers import said, said_each
from oceandata.trade.inputs import Input, Lineage, published_origin
from oceandata.trade.recording import Recording
from oceandata.trade.reopened import read_stamp
from oceandata.trade.stamp import Stamped

__all__ = ["UsageReport", "UsageRow", "usage_report"]

_SCHEME = "oceandata-usage-1"

# What a job tells when it is finished, in the folder of its run; what its runs before were served lies below.
_JOB, _LOG = "report.json", "ledger-*.log"
_BEFORE = "earlier-*"

# Keys of chunks: of Zarr 3 below a "c", of Zarr 2 with dots; metadata are neither.
_CHUNK_KEY = re.compile(r"(?P<array>.+?)/(?:c(?P<third>(?:/\d+)*)|(?P<second>\d+(?:\.\d+)*))")


@dataclasses.dataclass(frozen=True)
class UsageRow:
    """
    What one run was served of one variable.

    Attributes
    ----------
    id : str
        The same whenever the same usage is reported.
    run, purpose : str
        Of the recording; the purpose is empty where it is unknown.
    origin : Origin
        Product, revision, entry and snapshot.
    variable : str
        Native name.
    unique_bytes, gross_bytes : int
        Stored bytes, each chunk once, and as often as it was served.
    unique_chunks, gross_chunks : int or None
        The same in chunks; None where it was not written down.
    records : int or None
        Records of the product; None as long as the product does not define how chunks make records.
    started, ended : datetime or None
        Period in UTC, None where it is unknown.
    complete : bool
        False if something may be missing.
    """

    id: str
    run: str
    purpose: str
    origin: Origin
    variable: str
    unique_bytes: int
    gross_bytes: int
    unique_chunks: int | None
    gross_chunks: int | None
    records: int | None
    started: datetime | None
    ended: datetime | None
    complete: bool

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        document: dict[str, Any] = dataclasses.asdict(self) | {"origin": self.origin.to_json()}
        return document | {name: one.isoformat() if (one := document[name]) else None for name in ("started", "ended")}


@dataclasses.dataclass(frozen=True)
class UsageReport:
    """
    Rows of usage.

    Attributes
    ----------
    rows : tuple of UsageRow
        By run, product and variable.
    missing : tuple of str
        What may be missing, in words; the sums are then incomplete.
    """

    rows: tuple[UsageRow, ...]
    missing: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """True if nothing is missing."""
        return not self.missing and all(row.complete for row in self.rows)

    @property
    def unique_bytes(self) -> int:
        """Stored bytes, each chunk of each run once."""
        return sum(row.unique_bytes for row in self.rows)

    @property
    def gross_bytes(self) -> int:
        """Stored bytes, as often as they were served."""
        return sum(row.gross_bytes for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        sums = {"unique_bytes": self.unique_bytes, "gross_bytes": self.gross_bytes, "complete": self.complete}
        rows = [row.to_json() for row in self.rows]
        return {"scheme": _SCHEME, "source": "client", **sums, "missing": list(self.missing), "rows": rows}

    @staticmethod
    def headers(language: str = "en") -> tuple[str, ...]:
        """
        Names of the columns of `table`.

        Parameters
        ----------
        language : {"en", "zh"}
            Of the names.

        Returns
        -------
        tuple of str
            Nine.
        """
        return tuple(said(name, language) for name in HEADERS)

    def table(self, language: str = "en") -> list[tuple[str, ...]]:
        """
        Rows for people: product, revision, variable, chunks, unique, gross, purpose, period, complete.

        Parameters
        ----------
        language : {"en", "zh"}
            Of the words.

        Returns
        -------
        list of tuple of str
            One for each row, and one for the sum.
        """
        unknown, yes, no, total = (said(word, language) for word in ("unknown", "yes", "no", "in all"))
        rows = [
            (
                row.origin.name or unknown,
                _revision_text(row.origin, unknown),
                row.variable,
                unknown if row.unique_chunks is None else str(row.unique_chunks),
                _html.human_bytes(row.unique_bytes),
                _html.human_bytes(row.gross_bytes),
                row.purpose or unknown,
                _period_text(row, language),
                yes if row.complete else no,
            )
            for row in self.rows
        ]
        sums = (_html.human_bytes(self.unique_bytes), _html.human_bytes(self.gross_bytes))
        return [*rows, (total, "", "", "", *sums, "", "", yes if self.complete else no)]

    def __str__(self) -> str:
        lines = [", ".join(part for part in row if part) for row in self.table()]
        return "\n".join([*lines, *(f"missing: {text}" for text in self.missing)])

    def _repr_html_(self) -> str:
        language = get_options().language
        caption = said_each(self.missing, language) if self.missing else said("nothing is missing", language)
        return _html.table(self.table(language), headers=self.headers(language), caption=caption)


#: Names of the columns of `UsageReport.table`.
HEADERS = ("product", "revision", "variable", "chunks", "unique", "gross", "purpose", "period", "complete")


def _revision_text(origin: Origin, unknown: str) -> str:
    number = f"{origin.product_revision}, " if origin.product_revision is not None else ""
    return f"{number}{origin.revision or origin.snapshot or unknown}"


def _period_text(row: UsageRow, language: str) -> str:
    first, last = (f"{at:%Y-%m-%d %H:%M}" if at else said("unknown", language) for at in (row.started, row.ended))
    return f"{first} {'至' if language == 'zh' else 'to'} {last}"


@dataclasses.dataclass
class _Run:
    """What is known of one run, from all its processes."""

    id: str
    purpose: str = ""
    started: list[datetime] = dataclasses.field(default_factory=list)
    ended: list[datetime | None] = dataclasses.field(default_factory=list)
    served: dict[str, dict[tuple[str, str], tuple[int, int]]] = dataclasses.field(default_factory=dict)
    coordinates: set[tuple[str, str]] = dataclasses.field(default_factory=set)
    missing: list[str] = dataclasses.field(default_factory=list)

    def describe(self, run: Mapping[str, Any]) -> None:
        """Take purpose and period of one process into account."""
        self.purpose = self.purpose or str(run.get("purpose", ""))
        self.started += [_instant(run["started"])] if run.get("started") else []

    def add(self, origin: str, key: str, byte_range: str, times: int, nbytes: int) -> None:
        """Take one read into account."""
        counts = self.served.setdefault(origin, {})
        before, _ = counts.get((key, byte_range), (0, 0))
        counts[key, byte_range] = (before + times, nbytes)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def usage_report(*sources: "str | os.PathLike[str] | Recording | Stamped") -> UsageReport:
    """
    What was served, by run, product, revision and variable.

    Parameters
    ----------
    *sources : path, Recording or Stamped
        Folders that recordings were kept in, folders of the runs of jobs or of several of them, files with a lineage,
        and what `recording` and `write_result` give. What is told twice counts once.

    Returns
    -------
    UsageReport
        Data only: coordinates and metadata are not metered.

    Raises
    ------
    NotFoundError
        If there is no such file or folder, or it has no record of usage.
    DocumentError
        If a record cannot be read.
    """
    rows: dict[str, UsageRow] = {}
    missing: list[str] = []
    for source in sources:
        found, faults = _rows_of(source)
        missing += faults
        for row in found:
            before = rows.get(row.id)
            if before is None or (row.complete, row.gross_bytes) > (before.complete, before.gross_bytes):
                rows[row.id] = row
    order = sorted(rows.values(), key=lambda row: (row.run, row.origin.name, row.variable))
    return UsageReport(tuple(order), tuple(dict.fromkeys(missing)))


def _rows_of(source: Any) -> tuple[list[UsageRow], list[str]]:
    """Rows of one source, and what is missing of it."""
    if isinstance(source, Recording):
        run = _Run(source.id, source.purpose, [source.started], [source.ended])
        reads = source.reads
        for origin, counts in reads.sources.items():
            for read, (times, nbytes) in counts.items():
                run.add(origin.model_dump_json(), read.key, read.byte_range, times, nbytes)
        run.coordinates = _coordinates(source.lineage)
        run.missing = list(reads.missing)
        return _rows_of_run(run), run.missing
    if isinstance(source, Stamped):
        return _rows_of_file(source.path)
    path = Path(source)
    if path.is_dir() and path.suffix != ".zarr":
        return _rows_of_folder(path)
    return _rows_of_file(path)


def _coordinates(made_of: Lineage) -> set[tuple[str, str]]:
    return {(one.origin.snapshot, f"{one.origin.group}/{one.variable}") for one in made_of.inputs if one.is_coordinate}


def _rows_of_folder(folder: Path) -> tuple[list[UsageRow], list[str]]:
    """Rows of all runs that were kept in a folder, and of jobs that were finished there."""
    runs: dict[str, _Run] = {}
    segments, documents = sorted(folder.glob(f"*{ENDING}")), sorted(folder.glob("*.run.json"))
    names = ("", "*/", f"*/{_BEFORE}/")
    jobs = [path for name in names for path in sorted(folder.glob(f"{name}{_JOB}"))]
    begun = {path.parent: path for name in names for path in sorted(folder.glob(f"{name}{_LOG}"))}
    if not segments and not documents and not jobs and not begun:
        if repository_exists(folder):
            msg = (
                f"{folder} is a repository, which does not tell what was served. Name the folder of the run, runs/NAME."
            )
        else:
            msg = f"{folder} holds no record of a run. Keep one with recording(purpose=..., folder=...)."
        raise NotFoundError(msg)
    for path in segments:
        reader = SegmentReader(path)
        served = reader.poll()
        about = reader.about.get("run", {})
        run = runs.setdefault(str(about.get("id", path.stem)), _Run(str(about.get("id", path.stem))))
        run.describe(about)
        run.missing += [f"{fault} ({path.name})" for fault in reader.faults]
        run.missing += [] if reader.is_over else [f"process {reader.process} goes on ({path.name})"]
        run.ended += [None] * (path.with_suffix(".run.json") not in documents)
        for one in served:
            run.add(one.origin, one.key, one.byte_range, 1, one.nbytes)
    for path in documents:
        _describe_run(path, runs)
    rows = [row for run in runs.values() for row in _rows_of_run(run)]
    faults = [fault for run in runs.values() for fault in run.missing]
    for path in jobs:
        found, missing = _rows_of_job(path)
        rows, faults = rows + found, faults + missing
    cut = [path for path in begun if path / _JOB not in jobs]
    return rows, faults + [f"the run {path} is not finished: what it was served is told at its end" for path in cut]


def _rows_of_job(path: Path) -> tuple[list[UsageRow], list[str]]:
    """Rows of a job, from what it told when it was finished."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        run = {"id": report.get("run") or report["job"], "purpose": report["purpose"]}
        inputs, usage = Lineage.from_json(report["lineage"]).planned, report["usage"]
        missing = [f"{one} ({path.parent.name})" for one in usage["missing"]]
        return [_row_of_stamp(one, inputs, run, not missing) for one in usage["inputs"]], missing
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        msg = f"{path} cannot be read: {error!r}. Run the job again."
        raise DocumentError(msg) from error


def _describe_run(path: Path, runs: dict[str, _Run]) -> None:
    """Take what a run says of itself at its end into account."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        run = runs.setdefault(document["id"], _Run(document["id"]))
        run.describe(document)
        run.ended.append(_instant(document["ended"]) if document["ended"] else None)
        run.coordinates |= _coordinates(Lineage.from_json(document["lineage"]))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        msg = f"{path} cannot be read: {error!r}. Remove it, or restore it from a copy; the reads beside it stay."
        raise DocumentError(msg) from error


def _usage_id(run: str, origin: Origin, group: str, variable: str) -> str:
    """Digest that tells usages apart; where a repository lies is no part of it."""
    place = origin.product or origin.entry or origin.repository
    parts = [_SCHEME, run, place, origin.product_revision, origin.snapshot, group, variable]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()


def _rows_of_run(run: _Run) -> list[UsageRow]:
    """Rows of a run that was recorded."""
    known = [one for one in run.ended if one is not None]
    ended = max(known) if known and len(known) == len(run.ended) else None
    rows = []
    for origin, counts in _by_product(run.served):
        coordinates = run.coordinates | _stored_coordinates(origin, run)
        for array, parts in _by_array(counts).items():
            if (origin.snapshot, array) in coordinates:
                continue
            group, _, variable = array.rpartition("/")
            chunks: dict[str, int] = {}
            for (key, _), (times, _) in parts.items():
                chunks[key] = max(chunks.get(key, 0), times)
            rows.append(
                UsageRow(
                    id=_usage_id(run.id, origin, group, variable),
                    run=run.id,
                    purpose=run.purpose,
                    origin=published_origin(origin).model_copy(update={"group": group}),
                    variable=variable,
                    unique_bytes=sum(nbytes for _, nbytes in parts.values()),
                    gross_bytes=sum(times * nbytes for times, nbytes in parts.values()),
                    unique_chunks=len(chunks),
                    gross_chunks=sum(chunks.values()),
                    records=None,
                    started=min(run.started) if run.started else None,
                    ended=ended,
                    complete=not run.missing,
                )
            )
    return rows


def _by_product(
    served: Mapping[str, Mapping[tuple[str, str], tuple[int, int]]],
) -> list[tuple[Origin, dict[tuple[str, str], tuple[int, int]]]]:
    """Reads by origin; what was opened without a product counts to the product that has the same bytes."""
    origins = [(Origin.model_validate_json(text), text) for text in served]
    found: list[tuple[Origin, dict[tuple[str, str], tuple[int, int]]]] = []
    for origin, text in sorted(origins, key=lambda one: (not one[0].product, one[1])):
        same = next((counts for known, counts in found if not origin.product and _same_bytes(known, origin)), None)
        if same is None:
            same = {}
            found.append((origin, same))
        for place, (times, nbytes) in served[text].items():
            same[place] = (same.get(place, (0, 0))[0] + times, nbytes)
    return found


def _same_bytes(one: Origin, other: Origin) -> bool:
    return (one.repository, one.snapshot) == (other.repository, other.snapshot)


def _by_array(
    counts: Mapping[tuple[str, str], tuple[int, int]],
) -> dict[str, dict[tuple[str, str], tuple[int, int]]]:
    """Reads of chunks by the path of their array."""
    found: dict[str, dict[tuple[str, str], tuple[int, int]]] = {}
    for (key, byte_range), count in counts.items():
        match = _CHUNK_KEY.fullmatch(key)
        if match and not byte_range.startswith("SuffixByteRequest"):  # the index of a shard is metadata
            found.setdefault(match["array"], {})[key, byte_range] = count
    return found


def _stored_coordinates(origin: Origin, run: _Run) -> set[tuple[str, str]]:
    """Coordinates of a dataset, looked up where the run did not come to write them down."""
    from oceandata.trade.served import coordinate_paths

    if any(snapshot == origin.snapshot for snapshot, _ in run.coordinates):
        return set()
    try:
        return {(origin.snapshot, path) for path in coordinate_paths(origin)}
    except OceanDataError:
        return set()


def _rows_of_file(path: Path) -> tuple[list[UsageRow], list[str]]:
    """Rows of a file with a lineage."""
    made_of, usage = read_stamp(path)
    run = usage.get("run", {})
    text = json.dumps([made_of.to_json(), usage], sort_keys=True, ensure_ascii=False)
    run_id = str(run.get("id") or f"file-{hashlib.sha256(text.encode()).hexdigest()[:32]}")
    missing = [f"{one} ({path.name})" for one in usage.get("missing", [])]
    try:
        rows = [_row_of_stamp(one, made_of.planned, run | {"id": run_id}, not missing) for one in usage["inputs"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        msg = f"the usage in {path} cannot be read: {error!r}. Compute the result again."
        raise DocumentError(msg) from error
    return rows, missing


def _row_of_stamp(told: Mapping[str, Any], inputs: Sequence[Input], run: Mapping[str, Any], complete: bool) -> UsageRow:
    """Row of one input that a file tells of."""
    place = (told["product"], told["snapshot"], told["variable"])
    found = [one for one in inputs if (one.origin.product, one.origin.snapshot, one.variable) == place]
    origin = _told_origin(told, found)
    return UsageRow(
        id=_usage_id(run["id"], origin, origin.group, told["variable"]),
        run=run["id"],
        purpose=str(run.get("purpose", "")),
        origin=published_origin(origin),
        variable=told["variable"],
        unique_bytes=told["unique_bytes"],
        gross_bytes=told["gross_bytes"],
        unique_chunks=told.get("chunks_served"),
        gross_chunks=None,
        records=None,
        started=_instant(run["started"]) if run.get("started") else None,
        ended=_instant(run["ended"]) if run.get("ended") else None,
        complete=complete,
    )


def _told_origin(told: Mapping[str, Any], found: Iterable[Input]) -> Origin:
    """Origin as the lineage has it, else as the usage tells it."""
    for one in found:
        if not one.through:
            return one.origin
    return Origin(repository=told["repository"], product=told["product"], snapshot=told["snapshot"])
