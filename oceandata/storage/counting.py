"""
The counting store: every byte that a Zarr store serves is counted where it is served.

In the process that opened the store reads are counted in memory. A store that was sent to another process (a Dask
worker) appends each read to a log of that process in the session's folder, one system call a read, so that a killed
worker loses nothing it had served. Store bytes are counted, not network bytes: what a library below the store reads
again or ahead is not seen.
"""

import atexit
import os
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from zarr.storage import WrapperStore

from oceandata.entities import Origin
from oceandata.journal import Journal, read_journal
from oceandata.storage.damages import name_unreadable

if TYPE_CHECKING:
    from zarr.abc.store import ByteRequest, Store
    from zarr.core.buffer import Buffer, BufferPrototype

__all__ = ["CountingStore", "Read", "Reads", "counted_reads"]


class Read(NamedTuple):
    """What was asked of a store: repository, snapshot, key and byte range (empty for a whole object)."""

    repository: str
    snapshot: str
    key: str
    byte_range: str


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
    """

    counts: dict[Read, tuple[int, int]] = field(default_factory=dict)
    processes: int = 0


class _Session:
    """This process's counters and the folder in which other processes log theirs."""

    def __init__(self) -> None:
        self.token = uuid.uuid4().hex
        self.lock = threading.Lock()
        self.counts: dict[Read, tuple[int, int]] = {}
        self._folder: Path | None = None
        self._journals: dict[str, Journal] = {}

    def folder(self) -> Path:
        with self.lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="oceandata-reads-"))
                atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
            return self._folder

    def count(self, read: Read, nbytes: int, folder: str) -> None:
        with self.lock:
            if not folder:
                times, _ = self.counts.get(read, (0, 0))
                self.counts[read] = (times + 1, nbytes)
                return
            if folder not in self._journals:
                self._journals[folder] = Journal(Path(folder) / f"{os.getpid()}-{self.token}.log")
            self._journals[folder].append({"read": list(read), "nbytes": nbytes})

    def totals(self) -> tuple[dict[Read, tuple[int, int]], dict[str, int]]:
        """All counts of this session, and the number of records by process."""
        with self.lock:
            totals = dict(self.counts)
            own = sum(times for times, _ in totals.values())
            folder = self._folder
        by_process = {"": own}
        for path in sorted(folder.glob("*.log")) if folder else []:
            records = read_journal(path)
            by_process[path.name] = len(records)
            for record in records:
                read = Read(*record["read"])
                totals[read] = (totals.get(read, (0, 0))[0] + 1, record["nbytes"])
        return totals, by_process


_session = _Session()


@contextmanager
def counted_reads() -> Iterator[Reads]:
    """
    Count what stores serve inside a ``with`` block, in this process and in workers on this machine.

    All reads of the session are counted, whichever thread or Dask task asks for them; work that goes on in the
    background belongs to every block that is open meanwhile.

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
    before, records_before = _session.totals()
    reads = Reads()
    try:
        yield reads
    finally:
        after, records_after = _session.totals()
        for read, (times, nbytes) in after.items():
            more = times - before.get(read, (0, 0))[0]
            if more:
                reads.counts[read] = (more, nbytes)
        reads.processes = sum(count > records_before.get(process, 0) for process, count in records_after.items())


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
        self._folder = "" if state["_home"] == _session.token else state["_folder"]

    def __dask_tokenize__(self) -> tuple[str, ...]:
        # the whole origin: what was opened as a product must not be taken for the same bytes opened without one
        return ("CountingStore", self.origin.model_dump_json())

    def __repr__(self) -> str:
        return f"CountingStore({self.origin.name}, {self._store})"

    def _count(self, key: str, byte_range: "ByteRequest | None", buffer: "Buffer | None") -> None:
        if buffer is not None:
            read = Read(self.origin.repository, self.origin.snapshot, key, _range_text(byte_range))
            _session.count(read, len(buffer), self._folder)

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
