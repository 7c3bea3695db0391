"""
The ledger of a run: which partitions are done, the only thing that resuming reads.

Each runner appends to a log of its own (`oceandata.journal`), a line a partition, after its result is on the disk. All
logs together are the ledger. A lock that the system lets go of when a process dies, and a lease with a heartbeat for
other machines, keep two runners from doing the same.
"""

import dataclasses
import math
import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import oceandata
from oceandata.errors import CorruptionError, RepositoryExistsError
from oceandata.journal import Journal, read_journal
from oceandata.storage.counting import Read, Reads
from oceandata.storage.leases import find_leases, writer_lease

__all__ = [
    "TAKEN",
    "Ledger",
    "RunHeldError",
    "Share",
    "Unit",
    "held_run",
    "ledger_files",
    "open_log",
    "read_ledger",
    "reads_record",
    "recorded_digests",
]

#: A partition: the number of its phase, and its own within it.
Unit = tuple[int, int]

#: Log of what an update took over from an earlier run, before any runner began.
TAKEN = "ledger-taken.log"


class RunHeldError(RepositoryExistsError):
    """Another runner works on the same run."""


@dataclasses.dataclass(frozen=True)
class Share:
    """
    Every `of`-th partition, from `index` on; all of them by default.

    Attributes
    ----------
    index, of : int
        Which, and how many shares there are.
    """

    index: int = 0
    of: int = 1

    @property
    def label(self) -> str:
        """Name of the log."""
        return "all" if self.of == 1 else f"{self.index}-{self.of}"

    def __contains__(self, number: int) -> bool:
        return number % self.of == self.index


def ledger_files(folder: Path) -> list[Path]:
    """Logs of the runners of a run, after what was taken over before they began."""
    return sorted(folder.glob("ledger-*.log"), key=lambda path: (path.name != TAKEN, path.name))


class Ledger:
    """
    What the logs of a run say.

    Parameters
    ----------
    counts : sequence of int
        Partitions of each phase.
    """

    def __init__(self, counts: Sequence[int]) -> None:
        self.counts = tuple(counts)
        self.done = [bytearray(count) for count in counts]
        self.attempts: dict[Unit, int] = {}
        self.failures: dict[Unit, str] = {}
        self.seconds: list[float] = []
        self.peak_bytes = 0
        self.files: dict[Unit, tuple[int, str]] = {}
        self.covers: dict[Unit, str] = {}
        self.taken: dict[Unit, str] = {}
        self.reads = Reads()
        self.begun: list[dict[str, Any]] = []
        self.ended: dict[str, Any] = {}
        self.since_begin = 0

    def take(self, record: dict[str, Any]) -> None:
        """Take one line into account."""
        if "done" in record:
            self._take_done(record)
        elif "failed" in record:
            phase, number = self._unit(record["failed"])
            self.attempts[(phase, number)] = int(record["attempt"])
            if record.get("given_up"):
                self.failures[(phase, number)] = str(record["error"])
            self._count(record.get("reads", {}))
        elif "undone" in record:
            phase, number = self._unit(record["undone"])
            self.done[phase][number] = 0
            self.taken.pop((phase, number), None)
        elif "begin" in record:
            _number(record.get("at", 0))
            self.begun.append(record)
            self.failures.clear()
            self.since_begin = 0
            self.ended = {}
        elif "end" in record:
            self.ended = record

    def _take_done(self, record: dict[str, Any]) -> None:
        """A partition that was worked on, or taken over from a run that read the snapshot ``from``."""
        phase, number = unit = self._unit(record["done"])
        self.done[phase][number] = 1
        self.failures.pop(unit, None)
        self.files[unit] = (int(record["nbytes"]), str(record["sha256"]))
        self.covers[unit] = str(record.get("covers", ""))
        if "from" in record:
            self.taken[unit] = str(record["from"])
            return
        self.taken.pop(unit, None)
        self.since_begin += 1
        self.seconds.append(_number(record["s"]))
        self.peak_bytes = max(self.peak_bytes, int(record.get("peak", 0)))
        self._count(record["reads"])

    def _unit(self, value: Any) -> Unit:
        """A partition that there is."""
        phase, number = value
        if type(phase) is not int or type(number) is not int:
            msg = f"{value!r} is no partition"
            raise TypeError(msg)
        if not (0 <= phase < len(self.counts) and 0 <= number < self.counts[phase]):
            msg = f"there is no partition {value!r}"
            raise ValueError(msg)
        return phase, number

    def _count(self, reads: dict[str, Any]) -> None:
        for place, keys in reads.items():
            repository, _, snapshot = place.rpartition(" ")
            for key, (times, nbytes) in keys.items():
                name, _, byte_range = key.partition(" ")
                read = Read(repository, snapshot, name, byte_range)
                self.reads.counts[read] = (self.reads.counts.get(read, (0, 0))[0] + int(times), int(nbytes))

    def is_done(self, unit: Unit) -> bool:
        """Whether a partition is done."""
        return bool(self.done[unit[0]][unit[1]])

    def done_in(self, phase: int) -> int:
        """Partitions of a phase that are done."""
        return self.done[phase].count(1)

    def left(self, phase: int, share: Share) -> Iterator[Unit]:
        """Partitions of a phase that are to do, in order."""
        done = self.done[phase]
        for number in range(share.index, self.counts[phase], share.of):
            if not done[number]:
                yield phase, number

    @property
    def is_whole(self) -> bool:
        """Whether all partitions are done."""
        return all(self.done_in(phase) == count for phase, count in enumerate(self.counts))


def reads_record(reads: Reads) -> dict[str, dict[str, list[int]]]:
    """What was served, as it is written into the ledger."""
    found: dict[str, dict[str, list[int]]] = {}
    for read, (times, nbytes) in reads.counts.items():
        key = f"{read.key} {read.byte_range}" if read.byte_range else read.key
        found.setdefault(f"{read.repository} {read.snapshot}", {})[key] = [times, nbytes]
    return found


def read_ledger(folder: Path, counts: Sequence[int]) -> Ledger:
    """
    What the logs of a run say.

    Parameters
    ----------
    folder : pathlib.Path
        Of the run.
    counts : sequence of int
        Partitions of each phase.

    Returns
    -------
    Ledger
        A torn last line of a log is left out.

    Raises
    ------
    CorruptionError
        If a line that is not the last is damaged, or one says what no run of this plan says.
    """
    ledger = Ledger(counts)
    processes = 0
    for path in ledger_files(folder):
        for number, record in enumerate(read_journal(path), 1):
            try:
                ledger.take(record)
            except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
                raise CorruptionError(_strange_line(path, number, error)) from error
            processes += "begin" in record
    ledger.reads.processes = processes
    return ledger


def _number(value: Any) -> float:
    """A finite number."""
    found = float(value)
    if not math.isfinite(found):
        msg = f"{value!r} is no finite number"
        raise ValueError(msg)
    return found


def _strange_line(path: Path, number: int, error: Exception) -> str:
    return (
        f"line {number} of {path} is none of a run of this plan ({type(error).__name__}: {error}). Throw away what was "
        "done: discard=True (--discard)."
    )


def recorded_digests(folder: Path, phase: int) -> dict[int, str]:
    """
    What the logs of a run say of the files of a phase.

    Parameters
    ----------
    folder : pathlib.Path
        Of the run.
    phase : int
        Its number.

    Returns
    -------
    dict of int to str
        SHA-256 by partition; the last that was recorded.
    """
    records = (record for path in ledger_files(folder) for record in read_journal(path) if "done" in record)
    return {int(record["done"][1]): str(record["sha256"]) for record in records if record["done"][0] == phase}


@contextmanager
def open_log(folder: Path, share: Share) -> Iterator[Journal]:
    """Log of a runner, which waits for the disk after each line."""
    with Journal(folder / f"ledger-{share.label}.log", sync=True) as journal:
        epoch = sum("begin" in record for record in journal)
        journal.append(
            {
                "begin": epoch,
                "at": round(time.time(), 3),
                "host": platform.node(),
                "pid": os.getpid(),
                "oceandata": oceandata.__version__,
                "python": platform.python_version(),
            }
        )
        yield journal


def _flock(file: IO[Any], *, shared: bool) -> bool:
    """Whether a lock was got at once; a system without such locks relies on the lease."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def held_run(folder: Path, share: Share) -> Iterator[None]:
    """
    Hold a run, or a share of it.

    Parameters
    ----------
    folder : pathlib.Path
        Of the run.
    share : Share
        Different shares may be held at once.

    Yields
    ------
    None
        Work inside the block.

    Raises
    ------
    RunHeldError
        If another runner holds it; the message says which.
    """
    folder.mkdir(parents=True, exist_ok=True)
    whole = share.of == 1
    with (folder / "run.lock").open("a") as lock, (folder / f"run-{share.label}.lock").open("a") as own:
        if not _flock(lock, shared=not whole) or not _flock(own, shared=False):
            raise RunHeldError(_held_message(folder))
        # a lease of a process on another machine counts where locks of files do not reach
        others = [lease for lease in find_leases(folder) if lease.host != platform.node()] if whole else []
        if others:
            raise RunHeldError(_held_message(folder))
        with writer_lease(folder):
            yield


def _held_message(folder: Path) -> str:
    holders = find_leases(folder)
    who = str(holders[0]) if holders else "another process"
    return f"the run in {folder} is held by {who}. Wait for it, or end that process: then its work is taken over."
