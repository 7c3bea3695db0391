"""
Segments: what one process was served, in a log of its own, so that many of them together are one account.

A segment begins with a record of the process, goes on with one record a read, and ends with the number of records and
their SHA-256. It is written as reads happen, so that a killed process loses nothing that it had recorded; its segment
has no end, and whoever reads it is told so. As long as a process lives it holds a lock on its segment.
"""

import hashlib
import json
import os
import platform
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

from oceandata.errors import CorruptionError
from oceandata.journal import Journal, tail_journal

__all__ = ["ENDING", "SegmentReader", "SegmentWriter", "ServedObject", "process_name"]

_SCHEME = "oceandata-reads-1"

#: Ending of the files.
ENDING = ".reads"


class ServedObject(NamedTuple):
    """One read: origin in its JSON form, key, byte range (empty for a whole object) and number of bytes."""

    origin: str
    key: str
    byte_range: str
    nbytes: int


def process_name() -> str:
    """Name of this process: computer and number."""
    return f"{platform.node() or 'unknown'}:{os.getpid()}"


def _digest_line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _locked(path: Path) -> IO[Any] | None:
    """The file, locked for as long as it is open; None where the system has no such locks, or another holds it."""
    try:
        import fcntl
    except ImportError:
        return None
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def _is_held(path: Path) -> bool:
    """Whether the process that writes a segment still lives; True where the system cannot tell."""
    try:
        import fcntl
    except ImportError:
        return True
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


class SegmentWriter:
    """
    A segment that this process writes.

    Parameters
    ----------
    path : pathlib.Path
        A file that is not there yet, in a folder that is.
    about : dict, optional
        What is known of the run, in JSON types.
    """

    def __init__(self, path: Path, about: dict[str, Any] | None = None) -> None:
        self._journal = Journal(path)
        self._lock = _locked(path)
        self._guard = threading.Lock()
        self._digest = hashlib.sha256()
        self._count = 0
        self._origins: dict[str, int] = {}
        self._closed = False
        started = datetime.now(UTC).isoformat(timespec="seconds")
        self._append({"scheme": _SCHEME, "process": process_name(), "started": started} | (about or {}))

    def _append(self, record: dict[str, Any]) -> None:
        self._journal.append(record)
        self._digest.update(_digest_line(record))
        self._count += 1

    def add(self, served: ServedObject) -> None:
        """Record one read; a kill of this process does not lose it any more when this returns."""
        with self._guard:
            if self._closed:
                return
            number = self._origins.get(served.origin)
            if number is None:
                number = self._origins[served.origin] = len(self._origins)
                self._append({"origin": number, "document": served.origin})
            record = {"o": number, "k": served.key, "b": served.nbytes}
            self._append(record | {"r": served.byte_range} if served.byte_range else record)

    def note_fault(self, fault: str) -> None:
        """Record that something is missing, in words."""
        with self._guard:
            if not self._closed:
                self._append({"fault": fault})

    def close(self) -> None:
        """End the segment; what is read later is not recorded."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            self._journal.append({"count": self._count, "sha256": self._digest.hexdigest()})
            self._journal.close()
            if self._lock is not None:
                self._lock.close()


class SegmentReader:
    """
    A segment that another process writes, or wrote.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Attributes
    ----------
    process : str
        Who writes it.
    about : dict
        Its first record: process, start and what is known of the run.
    faults : list of str
        What may be missing, in words.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.process = path.stem
        self.about: dict[str, Any] = {}
        self.faults: list[str] = []
        self._start = 0
        self._count = 0
        self._digest = hashlib.sha256()
        self._origins: dict[int, str] = {}
        self._over = False

    @property
    def is_over(self) -> bool:
        """True if the segment has its end, or no process that would go on with it."""
        return self._over

    def poll(self) -> list[ServedObject]:
        """Reads that were recorded since this was last called."""
        if self._over:
            return []
        held = _is_held(self.path)  # before reading: who lives now may die later, but not write earlier
        try:
            records, self._start = tail_journal(self.path, self._start)
        except CorruptionError as error:
            self._end(f"the log of process {self.process} is damaged: {error}")
            return []
        served = [one for one in map(self._take, records) if one is not None]
        if not held and not self._over:
            self._end(f"process {self.process} died: what it was served last may be missing")
        return served

    def _end(self, fault: str = "") -> None:
        self._over = True
        if fault:
            self.faults.append(fault)

    def _take(self, record: dict[str, Any]) -> ServedObject | None:
        """Take one record into account."""
        if "sha256" in record:
            whole = record == {"count": self._count, "sha256": self._digest.hexdigest()}
            self._end("" if whole else f"records are missing from the log of process {self.process}")
            return None
        if self._count == 0 and record.get("scheme") != _SCHEME:
            self._end(f"{self.path.name} is no log of reads as this version writes it ({_SCHEME})")
        self._count += 1
        self._digest.update(_digest_line(record))
        if "k" in record and record.get("o") in self._origins:
            return ServedObject(self._origins[record["o"]], record["k"], record.get("r", ""), record["b"])
        if "document" in record:
            self._origins[record["origin"]] = record["document"]
        elif "fault" in record:
            self.faults.append(record["fault"])
        elif "scheme" in record:
            self.about = record
            self.process = str(record.get("process", self.process))
        return None
