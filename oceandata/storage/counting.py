"""
The counting store: every byte that a Zarr store serves is counted where it is served.

In the process that opened the store reads are counted in memory. A store that was sent to another process (a Dask
worker), or is used in a fork, appends each read to a segment of that process in the session's folder, one system call a
read, so that a killed worker loses nothing it had served. Store bytes are counted, not network bytes: what a library
below the store reads again or ahead is not seen. Workers on another computer must see the session's folder, which lies
where temporary files go (``TMPDIR``); one that does not warns that its reads are not counted.
"""

import atexit
import os
import shutil
import tempfile
import threading
import uuid
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from zarr.storage import WrapperStore

from oceandata.entities import Origin
from oceandata.errors import OceanDataWarning
from oceandata.storage.damages import name_unreadable
from oceandata.storage.segments import ENDING, SegmentReader, SegmentWriter, ServedObject, process_name

if TYPE_CHECKING:
    from zarr.abc.store import ByteRequest, Store
    from zarr.core.buffer import Buffer, BufferPrototype

__all__ = ["Counter", "CountingStore", "Read", "Reads", "counted_reads", "open_counter"]


class Read(NamedTuple):
    """What was asked of a store: repository, snapshot, key and byte range (empty for a whole object)."""

    repository: str
    snapshot: str
    key: str
    byte_range: str


Counts = dict[Read, tuple[int, int]]


@dataclass
class Reads:
    """
    Reads counted in a ``with`` block.

    Attributes
    ----------
    counts : dict of Read to (times, bytes)
        How often each object was served, and its size; filled when the block ends.
    processes : int
        Number of processes that served anything.
    sources : dict of Origin to dict of Read to (times, bytes)
        The same by the origin through which it was opened.
    missing : tuple of str
        What may be missing from the counts, in words that name the process; empty if nothing is.
    """

    counts: Counts = field(default_factory=dict)
    processes: int = 0
    sources: dict[Origin, Counts] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


class Counter:
    """
    Counts what is served as long as it is open.

    Parameters
    ----------
    writer : SegmentWriter, optional
        Also keeps each read on the disk.
    """

    def __init__(self, writer: SegmentWriter | None = None) -> None:
        self._served: dict[tuple[str, str, str], tuple[int, int]] = {}
        self._processes: set[str] = set()
        self._missing: list[str] = []
        self._writer = writer

    def add(self, served: ServedObject, process: str) -> None:
        """Count one read."""
        place = served[:3]
        times, _ = self._served.get(place, (0, 0))
        self._served[place] = (times + 1, served.nbytes)
        self._processes.add(process)
        if self._writer is not None:
            self._writer.add(served)

    def note_missing(self, fault: str) -> None:
        """Note what is missing, in words."""
        self._missing.append(fault)
        if self._writer is not None:
            self._writer.note_fault(fault)

    def reads(self) -> Reads:
        """What was counted by now."""
        with _session.lock:
            _session.poll()
            served, processes, missing = dict(self._served), len(self._processes), tuple(self._missing)
        return self._told(served, processes, missing)

    def take(self) -> Reads:
        """What was counted since it was last taken: what other threads read meanwhile counts once, now or next time."""
        with _session.lock:
            _session.poll()
            served, processes, missing = self._served, len(self._processes), tuple(self._missing)
            self._served, self._processes, self._missing = {}, set(), []
        return self._told(served, processes, missing)

    @staticmethod
    def _told(served: dict[tuple[str, str, str], tuple[int, int]], processes: int, missing: tuple[str, ...]) -> Reads:
        """Counts by read and by origin."""
        found = Reads(processes=processes, missing=missing)
        origins = {text: Origin.model_validate_json(text) for text in {place[0] for place in served}}
        for (text, key, byte_range), (times, nbytes) in served.items():
            origin = origins[text]
            read = Read(origin.repository, origin.snapshot, key, byte_range)
            found.sources.setdefault(origin, {})[read] = (times, nbytes)
            found.counts[read] = (found.counts.get(read, (0, 0))[0] + times, nbytes)
        return found


class _Session:
    """The counters that are open in this process, and the folder in which other processes log their reads."""

    def __init__(self, parent_folder: str = "") -> None:
        self.token = uuid.uuid4().hex
        self.lock = threading.RLock()
        self.counters: list[Counter] = []
        self.parent_folder = parent_folder
        self._folder: Path | None = None
        self._writers: dict[str, SegmentWriter | None] = {}
        self._readers: dict[Path, SegmentReader] = {}

    def folder(self) -> Path:
        with self.lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="oceandata-reads-"))
                atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
            return self._folder

    def count(self, served: ServedObject, folder: str) -> None:
        folder = folder or self.parent_folder
        with self.lock:
            for counter in self.counters:
                counter.add(served, "")
            is_home = not folder or (self._folder is not None and folder == str(self._folder))
            writer = None if is_home else self._writer(folder)
        if writer is not None:
            writer.add(served)

    def _writer(self, folder: str) -> SegmentWriter | None:
        """Segment of this process in the folder of another, None if this computer does not have that folder."""
        if folder not in self._writers:
            self._writers[folder] = None
            if Path(folder).is_dir():
                writer = SegmentWriter(Path(folder) / f"{os.getpid()}-{self.token}{ENDING}")
                self._writers[folder] = writer
                atexit.register(writer.close)
                Finalize(None, writer.close, exitpriority=1)  # a fork runs no functions of atexit
            else:
                msg = (
                    f"what process {process_name()} reads is not counted: the folder {folder} of the session is not on "
                    "this computer. Set TMPDIR of the session to a folder that all computers see."
                )
                warnings.warn(msg, OceanDataWarning, stacklevel=2)
        return self._writers[folder]

    def poll(self) -> None:
        """Count what other processes logged since this was last called."""
        for path in sorted(self._folder.glob(f"*{ENDING}")) if self._folder else []:
            reader = self._readers.setdefault(path, SegmentReader(path))
            known = len(reader.faults)
            for served in reader.poll():
                for counter in self.counters:
                    counter.add(served, path.name)
            for fault in reader.faults[known:]:
                for counter in self.counters:
                    counter.note_missing(fault)

    @contextmanager
    def counting(self, counter: Counter) -> Iterator[None]:
        with self.lock:
            self.poll()
            self.counters.append(counter)
        try:
            yield
        finally:
            with self.lock:
                self.poll()
                self.counters.remove(counter)


_session = _Session()


def _before_fork() -> None:
    if _session.counters:
        _session.folder()


def _after_fork() -> None:
    """A fork counts for its parent, in a segment of its own."""
    global _session
    known = _session._folder
    _session = _Session(parent_folder=str(known) if known and _session.counters else "")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)


@contextmanager
def counted_reads(writer: SegmentWriter | None = None) -> Iterator[Reads]:
    """
    Count what stores serve inside a ``with`` block, in this process and in workers on this machine.

    All reads of the session are counted, whichever thread or Dask task asks for them; work that goes on in the
    background belongs to every block that is open meanwhile.

    Parameters
    ----------
    writer : SegmentWriter, optional
        Also keeps each read on the disk.

    Yields
    ------
    Reads
        Empty until the block ends.

    Examples
    --------
    >>> with counted_reads() as reads:
    ...     pass
    >>> reads.counts
    {}
    """
    reads = Reads()
    counter = Counter(writer)
    try:
        with _session.counting(counter):
            yield reads
    finally:
        found = counter.reads()
        reads.counts, reads.processes = found.counts, found.processes
        reads.sources, reads.missing = found.sources, found.missing


@contextmanager
def open_counter(writer: SegmentWriter | None = None) -> Iterator[Counter]:
    """
    Count as `counted_reads` does, and tell what was counted while the block is still open.

    Parameters
    ----------
    writer : SegmentWriter, optional
        Also keeps each read on the disk.

    Yields
    ------
    Counter
        Its ``reads()`` are those by now.
    """
    counter = Counter(writer)
    with _session.counting(counter):
        yield counter


def _range_text(byte_range: "ByteRequest | None") -> str:
    """Text form of a byte range, equal for equal ranges."""
    return "" if byte_range is None else repr(byte_range)


class CountingStore(WrapperStore["Store"]):
    """
    A Zarr store that counts what it serves and knows where its bytes come from.

    Parameters
    ----------
    store : zarr.abc.store.Store
        The store that holds the bytes.
    origin : Origin
        Repository, revision and product of the bytes.
    """

    def __init__(self, store: "Store", origin: Origin) -> None:
        super().__init__(store)
        self.origin = origin
        self._said = origin.model_dump_json()
        self._folder = ""

    @property
    def uncounted(self) -> "Store":
        """The store below, for looking up what is not part of a result."""
        return self._store

    def _with_store(self, store: "Store") -> "CountingStore":
        other = type(self)(store, self.origin)
        other._folder = self._folder
        return other

    def __getstate__(self) -> dict[str, Any]:
        folder = self._folder or str(_session.folder())
        home = "" if self._folder else _session.token
        return {"_store": self._store, "origin": self.origin, "_folder": folder, "_home": home}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._store = state["_store"]
        self.origin = state["origin"]
        self._said = self.origin.model_dump_json()
        self._folder = "" if state["_home"] == _session.token else state["_folder"]

    def __dask_tokenize__(self) -> tuple[str, ...]:
        # the whole origin: what was opened as a product must not be taken for the same bytes opened without one
        return ("CountingStore", self._said)

    def __repr__(self) -> str:
        return f"CountingStore({self.origin.name}, {self._store})"

    def _count(self, key: str, byte_range: "ByteRequest | None", buffer: "Buffer | None") -> None:
        if buffer is not None:
            _session.count(ServedObject(self._said, key, _range_text(byte_range), len(buffer)), self._folder)

    async def get(
        self, key: str, prototype: "BufferPrototype", byte_range: "ByteRequest | None" = None
    ) -> "Buffer | None":
        """Bytes of an object, counted."""
        with name_unreadable(key, self.origin.repository):
            buffer = await self._store.get(key, prototype, byte_range)
        self._count(key, byte_range, buffer)
        return buffer

    async def get_partial_values(
        self, prototype: "BufferPrototype", key_ranges: "Iterable[tuple[str, ByteRequest | None]]"
    ) -> "list[Buffer | None]":
        """Bytes of several ranges, each counted."""
        wanted = list(key_ranges)
        keys = " or ".join(dict.fromkeys(key for key, _ in wanted))
        with name_unreadable(keys, self.origin.repository):
            buffers = await self._store.get_partial_values(prototype, wanted)
        for (key, byte_range), buffer in zip(wanted, buffers, strict=True):
            self._count(key, byte_range, buffer)
        return buffers
