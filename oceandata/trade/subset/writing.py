"""A planned subset as a file: read, resumed, assembled, and put in its place whole."""

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oceandata._html import human_bytes
from oceandata.errors import InputError
from oceandata.storage.damages import name_undecodable
from oceandata.trade.lineage import Lineage
from oceandata.trade.meter import Usage, usage_of
from oceandata.trade.recording import note_output
from oceandata.trade.stamp import csv_description
from oceandata.trade.subset.arrays import write_netcdf, write_zarr
from oceandata.trade.subset.description import described, global_attributes, history_line, packings
from oceandata.trade.subset.fetching import fetch, staged_arrays
from oceandata.trade.subset.plan import SubsetPlan, check_free
from oceandata.trade.subset.staging import Staging, open_staging
from oceandata.trade.subset.tables import csv_metadata, write_csv, write_parquet

if TYPE_CHECKING:
    import xarray as xr

    from oceandata.trade.subset.staging import StagedArray

__all__ = ["SubsetReport", "write_subset"]

Progress = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]


@dataclasses.dataclass(frozen=True)
class SubsetReport:
    """
    A subset that was written.

    Attributes
    ----------
    path : pathlib.Path
        The file or folder.
    nbytes : int
        What it takes on the disk.
    values : int
        Values of all data variables.
    rows, rows_left_out : int or None
        Of a table: rows written, and rows without which it is because every variable is missing there; None for
        NetCDF and Zarr.
    unpacked : tuple of str
        Variables that the source stores packed, in a way that cannot give back each value: written as they are.
    resumed_pieces : int
        Blocks that an interrupted run had read before.
    lineage : Lineage
        What it was made of.
    usage : Usage
        What was served for it, in all runs.
    """

    path: Path
    nbytes: int
    values: int
    rows: int | None
    rows_left_out: int | None
    unpacked: tuple[str, ...]
    resumed_pieces: int
    lineage: Lineage
    usage: Usage

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        plain = {"path": str(self.path), "nbytes": self.nbytes, "values": self.values, "rows": self.rows}
        return plain | {
            "rows_left_out": self.rows_left_out,
            "unpacked": list(self.unpacked),
            "resumed_pieces": self.resumed_pieces,
            "lineage": self.lineage.to_json(),
            "usage": self.usage.to_json(),
        }

    def facts(self) -> list[tuple[str, str]]:
        """
        Names and values for people.

        Returns
        -------
        list of (str, str)
            The same facts in terminals and notebooks.
        """
        facts = [("written", f"{self.path}, {human_bytes(self.nbytes)}"), ("values", str(self.values))]
        if self.rows is not None:
            facts.append(("rows", f"{self.rows}; {self.rows_left_out} left out, where every variable is missing"))
        if self.unpacked:
            facts.append(("unpacked", f"{', '.join(self.unpacked)}: packing again would round"))
        if self.resumed_pieces:
            facts.append(("resumed", f"{self.resumed_pieces} blocks had been read before"))
        unique, gross = human_bytes(self.usage.unique_bytes), human_bytes(self.usage.gross_bytes)
        return [*facts, ("served", f"{unique} of data, each chunk once; {gross} in all")]

    def __str__(self) -> str:
        return "\n".join(f"{name:<12}{value}" for name, value in self.facts())


@contextmanager
def _silent(label: str) -> Iterator[Callable[[int, int], None]]:  # noqa: ARG001
    """No progress bar."""
    yield lambda done, whole: None  # noqa: ARG005


def _asked(plan: SubsetPlan) -> str:
    """The request in one line."""
    given = dataclasses.asdict(plan.request)
    words = [f"{name}={value}" for name, value in given.items() if value and name != "entry"]
    return " ".join(words) or "all of it"


def _final(plan: SubsetPlan, staging: Staging, usage: Usage) -> "xr.Dataset":
    """The selection with the attributes and the encoding it will be written with."""
    suffix = plan.target.suffix
    kept = {name: one for name, one in packings(plan.dataset, suffix).items() if name not in staging.unpacked}
    history = history_line(plan.entry, plan.lineage, _asked(plan))
    attributes = global_attributes(plan.dataset, plan.entry, plan.lineage, usage, history)
    return described(plan.dataset, kept, attributes, suffix)


def _assemble(plan: SubsetPlan, staging: Staging, usage: Usage, progress: Progress) -> tuple[int, int] | None:
    """Write the draft of the file from what was read; rows written and left out, if it is a table."""
    whole = sum(int(plan.dataset[name].nbytes) for name in staged_arrays(plan.dataset, staging))
    final = _final(plan, staging, usage)
    with progress("write") as moved:
        done = 0

        def advance(nbytes: int) -> None:
            nonlocal done
            done += nbytes
            moved(min(done, whole), whole)

        return _written(final, plan.dataset, staged_arrays(plan.dataset, staging, advance), staging)


def _written(
    final: "xr.Dataset", source: "xr.Dataset", arrays: "dict[str, StagedArray]", staging: Staging
) -> tuple[int, int] | None:
    """Rows written and left out, if it is a table."""
    draft = staging.draft
    if draft.suffix == ".nc":
        draft.unlink(missing_ok=True)
        write_netcdf(final, source, arrays, draft)
        return None
    if draft.suffix == ".zarr":
        write_zarr(final, source, arrays, draft)
        return None
    if draft.suffix == ".parquet":
        return write_parquet(final, arrays, draft)
    rows = write_csv(final, arrays, draft)
    document = json.dumps(csv_metadata(final, staging.target.name), ensure_ascii=False, indent=2, default=_plain)
    csv_description(draft).write_text(document, encoding="utf-8")
    return rows


def _plain(value: Any) -> Any:
    """An attribute that NumPy made, in JSON types."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _publish(plan: SubsetPlan, staging: Staging) -> None:
    """Put the draft in its place; what it replaces goes with the folder."""
    if not plan.overwrite:
        check_free(plan.target, overwrite=False)
    elif plan.target.is_dir():
        plan.target.rename(staging.folder / "replaced")
    if plan.target.suffix == ".csv":
        csv_description(staging.draft).replace(csv_description(plan.target))
    staging.draft.replace(plan.target)


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())


def write_subset(plan: SubsetPlan, *, progress: Progress = _silent, discard: bool = False) -> SubsetReport:
    """
    Write a planned subset.

    The file appears whole or not at all. What is read is kept beside it until then, in a hidden folder
    ``.<name>.partial``: the same plan continues after an interruption, and reads nothing twice. Variables that the
    source stores packed, with a number for missing values, stay packed if that gives back each value, bit for bit. In
    tables, cells in which every variable is missing are left out.

    Parameters
    ----------
    plan : SubsetPlan
        From `plan_subset`.
    progress : callable
        Takes a label and gives a context manager such as `oceandata.progress.byte_bar`.
    discard : bool
        Remove what another, unfinished request left at the same place, and begin anew.

    Returns
    -------
    SubsetReport
        What was written, with lineage and usage.

    Raises
    ------
    InputError
        If the disk has not enough room, or nothing can be written there; what was read is kept.
    RepositoryExistsError
        If the target exists by now, another process writes it, or another request was left unfinished.
    CorruptionError
        If a stored chunk cannot be read or decoded; what was read before is kept.

    Notes
    -----
    Memory is that of a few blocks (`options.block_bytes`, or one stored chunk if that is larger), whatever the size of
    the request, and some hundred bytes for each stored chunk that is read. On the disk the decoded values take their
    room until the file is whole.
    """
    with open_staging(plan.target, plan.digest, discard=discard) as staging:
        resumed = len(staging.done)
        rows = staging.rows if staging.published else _made(plan, staging, progress)
        report = SubsetReport(
            path=plan.target,
            nbytes=_size(plan.target),
            values=plan.values,
            rows=None if rows is None else rows[0],
            rows_left_out=None if rows is None else rows[1],
            unpacked=tuple(sorted(staging.unpacked)),
            resumed_pieces=resumed,
            lineage=plan.lineage,
            usage=usage_of(plan.lineage, staging.reads),
        )
        staging.remove()
    note_output(plan.target)
    return report


def _made(plan: SubsetPlan, staging: Staging, progress: Progress) -> tuple[int, int] | None:
    """Read what is missing, assemble the file and put it in its place; its rows, if it is a table."""
    _check_room(plan, staging)
    staging.begin(plan.digest, dataclasses.asdict(plan.request))
    places = {one.origin.repository for one in plan.lineage.planned}
    with name_undecodable(places), progress("read") as moved:
        fetch(plan.dataset, staging, packings(plan.dataset, plan.target.suffix), moved)
    try:
        rows = _assemble(plan, staging, usage_of(plan.lineage, staging.reads), progress)
        staging.note({"assembled": rows})
        _publish(plan, staging)
    except OSError as error:
        if error.errno is None:
            raise
        msg = f"cannot write {plan.target}: {error.strerror}. What was read is kept: the same request continues."
        raise InputError(msg) from error
    return rows


def _check_room(plan: SubsetPlan, staging: Staging) -> None:
    """Refuse what the disk has no room for."""
    there = _size(staging.folder)
    free = shutil.disk_usage(plan.target.parent).free
    if plan.needed_bytes > free + there:
        msg = (
            f"the subset takes up to {human_bytes(plan.needed_bytes)} on the way, but {human_bytes(free)} are free at "
            f"{plan.target.parent}. Free disk space, choose another place, or ask for less."
        )
        raise InputError(msg)
