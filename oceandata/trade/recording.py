"""
Recordings: what really happened while code ran, also where it computed in between and went on in memory.

A graph tells what a lazy result will be made of. Once values are in memory nothing tells what they were made of, except
what was read before they were there. A recording notes everything that stores serve inside a ``with`` block; within it,
values in memory are made of what was read by then.
"""

import dataclasses
import importlib.metadata
import json
import os
import platform
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from oceandata import _html
from oceandata.atomic import write_text
from oceandata.entities import Origin
from oceandata.errors import InputError, NotFoundError
from oceandata.graph import ArrayRead
from oceandata.storage import CountingStore
from oceandata.storage.counting import Counter, Reads, open_counter
from oceandata.storage.segments import ENDING, SegmentWriter, process_name
from oceandata.trade.inputs import Lineage
from oceandata.trade.lineage import MadeInMemory, lineage_of_reads, standing_for_memory
from oceandata.trade.meter import Usage, usage_of
from oceandata.trade.served import served_arrays

__all__ = ["Output", "Recording", "current_recording", "new_run", "note_output", "recording"]

_SCHEME = "oceandata-run-1"

#: Distributions whose versions decide what an analysis computes.
_SOFTWARE = ("oceandata-exchange", "dask", "icechunk", "numpy", "xarray", "zarr")


@dataclasses.dataclass(frozen=True)
class Output:
    """
    A file that was written within a recording.

    Attributes
    ----------
    name : str
        Of the file or folder.
    sha256 : str
        Of a file's bytes; empty for a folder.
    nbytes : int
        Its size.
    """

    name: str
    sha256: str
    nbytes: int


def _now() -> datetime:
    """The instant, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def _software() -> dict[str, str]:
    """Versions of Python and of what computes, without what is not installed."""
    found = {"python": platform.python_version()}
    for name in _SOFTWARE:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@dataclasses.dataclass
class Recording:
    """
    What happened inside a `recording` block; may be asked at any time.

    Attributes
    ----------
    id : str
        Tells runs apart; equal for the processes of one run.
    purpose : str
        What the data were read for, in the words of the licence: research, operations.
    started : datetime
        UTC.
    ended : datetime or None
        None while it goes on.
    software : dict of str to str
        Versions.
    outputs : list of Output
        Files that were written with their lineage.
    """

    id: str
    purpose: str
    started: datetime
    ended: datetime | None = None
    software: dict[str, str] = dataclasses.field(default_factory=_software)
    outputs: list[Output] = dataclasses.field(default_factory=list)
    _counter: Counter = dataclasses.field(default_factory=Counter, repr=False)
    _settled: Lineage | None = dataclasses.field(default=None, repr=False)

    @property
    def reads(self) -> Reads:
        """What stores served by now."""
        return self._counter.reads()

    @property
    def opened(self) -> list[Origin]:
        """What was opened and served anything, in order of the names."""
        return sorted(self.reads.sources, key=lambda origin: (origin.name, origin.snapshot, origin.group))

    @property
    def lineage(self) -> Lineage:
        """What was read by now, as the lineage of whatever is made of all of it."""
        if self._settled is not None:
            return self._settled
        return lineage_of_reads(served_arrays(self.reads))

    @property
    def usage(self) -> Usage:
        """What was served by now, by product, revision and variable."""
        return usage_of(self.lineage, self.reads)

    @property
    def complete(self) -> bool:
        """False if a process died, so that something it was served may be missing."""
        return not self.reads.missing

    @property
    def run(self) -> dict[str, Any]:
        """What a written file says of the run that made it."""
        ended = self.ended.isoformat() if self.ended else None
        started = self.started.isoformat()
        return {"id": self.id, "purpose": self.purpose, "started": started, "ended": ended, "software": self.software}

    def note_output(self, path: str | os.PathLike[str]) -> None:
        """
        Note a file that was written.

        Parameters
        ----------
        path : path
            The file or folder; the writers of this package note theirs.
        """
        self.outputs.append(_output(Path(path)))

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        usage, made_of = self.usage, self.lineage.published()
        document = {"scheme": _SCHEME, **self.run, "process": process_name(), "lineage": made_of.to_json()}
        return document | {"usage": usage.to_json(), "outputs": [dataclasses.asdict(one) for one in self.outputs]}

    def __str__(self) -> str:
        return "\n".join(f"{name:<12}{value}" for name, value in self.facts())

    def facts(self) -> list[tuple[str, str]]:
        """
        Names and values for people.

        Returns
        -------
        list of (str, str)
            The same facts in terminals and notebooks.
        """
        usage = self.usage
        ended = f"{self.ended:%Y-%m-%d %H:%M:%S}" if self.ended else "goes on"
        facts = [
            ("run", self.id),
            ("purpose", self.purpose),
            ("time", f"{self.started:%Y-%m-%d %H:%M:%S} to {ended} UTC"),
        ]
        facts += [
            ("read", f"{what}: {chunks}; unique {unique}, gross {gross}")
            for what, chunks, unique, gross in usage.rows()
        ]
        facts += [("written", one.name) for one in self.outputs]
        return [*facts, ("complete", "yes" if self.complete else "no")]

    def _repr_html_(self) -> str:
        return _html.facts(self.facts(), title="Recording")


def _output(path: Path) -> Output:
    import hashlib

    if path.is_dir():
        return Output(path.name, "", sum(one.stat().st_size for one in path.rglob("*") if one.is_file()))
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return Output(path.name, digest.hexdigest(), path.stat().st_size)


_open: list[Recording] = []


def note_output(path: str | os.PathLike[str]) -> None:
    """
    Note a file that was written, in every recording that is open.

    Parameters
    ----------
    path : path
        The file or folder.
    """
    for own in _open:
        own.note_output(path)


def new_run(purpose: str = "") -> dict[str, Any]:
    """
    What a written file says of the run that made it, where nothing was recorded.

    Parameters
    ----------
    purpose : str
        Empty for unknown.

    Returns
    -------
    dict
        As `Recording.run`.
    """
    now = _now()
    return Recording(uuid.uuid4().hex, purpose, now, now).run


def current_recording() -> Recording | None:
    """
    Innermost recording that is open in this process.

    Returns
    -------
    Recording or None
        None outside of any.
    """
    return _open[-1] if _open else None


@contextmanager
def recording(*, purpose: str, folder: str | os.PathLike[str] | None = None, run: str = "") -> Iterator[Recording]:
    """
    Record what is opened, read and written inside a ``with`` block.

    Also code that computes in between and goes on in memory: within the block, `lineage` and the writers take values in
    memory for made of what was read by then. What other means read (a file opened by a library of its own) is not seen.
    Recordings may be nested: each counts all that is inside.

    Parameters
    ----------
    purpose : str
        What the data are read for: research, teaching, operations.
    folder : path, optional
        Where to keep the record, in a folder that is there: the reads as they happen, which a kill does not lose, and
        at the end a document. Several processes may share it; `usage_report` adds them up.
    run : str
        Number or name of the run, to be shared by its processes; a new one by default.

    Yields
    ------
    Recording
        Tells at any time what happened by then.

    Raises
    ------
    InputError
        If the purpose is empty.
    NotFoundError
        If the folder is not there.

    Examples
    --------
    >>> with recording(purpose="research") as run:
    ...     pass
    >>> run.lineage.inputs, run.complete
    ((), True)
    """
    if not purpose.strip():
        msg = "the purpose is empty, need words such as 'research'. Licences are granted for purposes."
        raise InputError(msg)
    where = None if folder is None else Path(folder)
    if where is not None and not where.is_dir():
        msg = f"there is no folder {where}. Create it first."
        raise NotFoundError(msg)
    own = Recording(run or uuid.uuid4().hex, purpose.strip(), _now())
    stem = None if where is None else where / f"{own.started:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:12]}"
    try:
        with ExitStack() as stack:
            own._counter = stack.enter_context(open_counter(_writer(own, stem, stack)))
            stack.enter_context(standing_for_memory(lambda: _made(own)))
            stack.callback(_open.remove, own)
            _open.append(own)
            yield own
    finally:
        own.ended = _now()
        own._settled = lineage_of_reads(served_arrays(own.reads))
        if stem is not None:
            document = json.dumps(own.to_json(), ensure_ascii=False, indent=1, allow_nan=False)
            write_text(stem.with_suffix(".run.json"), document)


def _writer(own: Recording, stem: Path | None, stack: ExitStack) -> SegmentWriter | None:
    """Log of the reads, in a folder if there is one."""
    if stem is None:
        return None
    writer = SegmentWriter(stem.with_suffix(ENDING), {"run": own.run})
    stack.callback(writer.close)
    return writer


def _made(own: Recording) -> MadeInMemory:
    """What values in memory are made of."""
    arrays: list[ArrayRead] = served_arrays(own.reads)
    pinned = [one for one in arrays if isinstance(one.store, CountingStore)]
    return MadeInMemory(f"run {own.id} ({own.purpose})", pinned, Lineage(()))
