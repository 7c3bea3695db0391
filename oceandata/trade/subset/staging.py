"""
What a run has read, kept beside the target until the file is whole, so that a killed run continues.

Each block of values is a file of its own, and a log tells which are whole and what was served for them. The values are
those that the dataset opens with; how they are stored in the end is decided when all are there.
"""

import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from oceandata.errors import InputError, RepositoryExistsError
from oceandata.journal import Journal, read_journal
from oceandata.storage.counting import Read, Reads

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Piece", "StagedArray", "Staging", "open_staging", "staging_folder", "work_digest"]

#: A block of a variable: its name and the number of the block, counted with the last dimension fastest.
Piece = tuple[str, int]


def staging_folder(target: Path) -> Path:
    """
    Folder in which a run keeps what it has read.

    Parameters
    ----------
    target : pathlib.Path
        What will be written.

    Returns
    -------
    pathlib.Path
        Beside the target, so that the finished file is only renamed.
    """
    return target.with_name(f".{target.name}.partial")


def work_digest(work: dict[str, Any]) -> str:
    """
    Digest of a piece of work: equal digests may share what was read.

    Parameters
    ----------
    work : dict
        JSON types.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return hashlib.sha256(json.dumps(work, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


class StagedArray:
    """
    An array whose blocks lie in files.

    Parameters
    ----------
    folder : pathlib.Path
        Where the files are.
    index : int
        Number of the variable, in the names of the files.
    blocks : sequence of sequence of int
        Lengths of the blocks along each dimension.
    dtype : numpy.dtype
        Type of the values.
    on_read : callable, optional
        Called with the bytes of each box that is read.
    """

    def __init__(
        self,
        folder: Path,
        index: int,
        blocks: Sequence[Sequence[int]],
        dtype: "npt.DTypeLike",
        on_read: Callable[[int], None] | None = None,
    ) -> None:
        self.folder, self.index, self.dtype = folder, index, np.dtype(dtype).newbyteorder("=")
        self.edges = [np.cumsum([0, *lengths]) for lengths in blocks]
        self.shape = tuple(int(edge[-1]) for edge in self.edges)
        self.ndim = len(self.shape)
        self.grid = tuple(len(lengths) for lengths in blocks)
        self.on_read = on_read

    def path(self, number: int) -> Path:
        """File of a block."""
        return self.folder / f"{self.index}-{number}.npy"

    def write(self, number: int, values: "npt.NDArray[Any]") -> None:
        """
        Write a block, and wait for the disk.

        Parameters
        ----------
        number : int
            Of the block.
        values : numpy.ndarray
            Its values.
        """
        with self.path(number).open("wb") as file:
            np.save(file, np.ascontiguousarray(values, self.dtype), allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())

    def is_whole(self, number: int) -> bool:
        """Whether the file of a block is there, with all its values."""
        try:
            found = np.load(self.path(number), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return False
        return bool(found.shape == self.lengths(number) and found.dtype == self.dtype)

    def lengths(self, number: int) -> tuple[int, ...]:
        """Shape of a block."""
        return tuple(int(edge[at + 1] - edge[at]) for edge, at in zip(self.edges, self.position(number), strict=True))

    def position(self, number: int) -> tuple[int, ...]:
        """Position of a block in the grid."""
        return tuple(int(at) for at in np.unravel_index(number, self.grid))

    def __getitem__(self, key: Any) -> "npt.NDArray[Any]":
        """Values of a box given by slices, from as many files as it takes."""
        box = [slice(*part.indices(size)[:2]) for part, size in zip(key, self.shape, strict=True)]
        values = np.empty([part.stop - part.start for part in box], self.dtype)
        ranges = [
            range(int(np.searchsorted(edge, part.start, "right")) - 1, int(np.searchsorted(edge, part.stop, "left")))
            for edge, part in zip(self.edges, box, strict=True)
        ]
        for position in itertools.product(*ranges):
            starts = [int(edge[at]) for edge, at in zip(self.edges, position, strict=True)]
            stops = [int(edge[at + 1]) for edge, at in zip(self.edges, position, strict=True)]
            common = [
                (max(part.start, lo), min(part.stop, hi)) for part, lo, hi in zip(box, starts, stops, strict=True)
            ]
            inner = tuple(slice(lo - start, hi - start) for (lo, hi), start in zip(common, starts, strict=True))
            outer = tuple(slice(lo - part.start, hi - part.start) for (lo, hi), part in zip(common, box, strict=True))
            number = int(np.ravel_multi_index(position, self.grid))
            values[outer] = np.load(self.path(number), mmap_mode="r", allow_pickle=False)[inner]
        if self.on_read is not None:
            self.on_read(values.nbytes)
        return values


class Staging:
    """
    Folder of the blocks of a run and the log of what is whole.

    Parameters
    ----------
    target : pathlib.Path
        What will be written.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.folder = staging_folder(target)
        self.draft = self.folder / f"draft{target.suffix}"
        self.done: set[Piece] = set()
        self.unpacked: set[str] = set()
        self.reads = Reads()
        self.assembled = False
        self.rows: tuple[int, int] | None = None

    @property
    def log(self) -> Path:
        """The log."""
        return self.folder / "journal.log"

    @property
    def published(self) -> bool:
        """True if an earlier run finished the file and died before it tidied up."""
        return self.assembled and self.target.exists() and not self.draft.exists()

    def load(self) -> str:
        """
        Read the log of an earlier run.

        Returns
        -------
        str
            Digest of its work, empty if there is none.
        """
        digest = ""
        for record in read_journal(self.log):
            if "work" in record:
                digest = digest or record["work"]
                self.reads.processes += 1
            if "assembled" in record:
                self.assembled = True
                self.rows = None if record["assembled"] is None else (record["assembled"][0], record["assembled"][1])
            self.done |= {(name, number) for name, number in record.get("pieces", [])}
            self.unpacked |= set(record.get("unpacked", []))
            for *read, times, nbytes in record.get("reads", []):
                self._count(Read(*read), times, nbytes)
        return digest

    def _count(self, read: Read, times: int, nbytes: int) -> None:
        before, _ = self.reads.counts.get(read, (0, 0))
        self.reads.counts[read] = (before + times, nbytes)

    def note(self, record: dict[str, Any]) -> None:
        """Add a record to the log, and wait for the disk."""
        with Journal(self.log, sync=True) as journal:
            journal.append(record)

    def begin(self, digest: str, request: dict[str, Any]) -> None:
        """Record that a run begins."""
        self.note({"work": digest, "request": request})
        self.reads.processes += 1

    def append(self, pieces: Sequence[Piece], unpacked: set[str], reads: Reads) -> None:
        """
        Record blocks that are whole, and what was served for them.

        Parameters
        ----------
        pieces : sequence of (str, int)
            The blocks.
        unpacked : set of str
            Variables with values that their packing cannot hold.
        reads : Reads
            What was served.
        """
        served = [[*read, times, nbytes] for read, (times, nbytes) in reads.counts.items()]
        self.note({"pieces": [list(piece) for piece in pieces], "unpacked": sorted(unpacked), "reads": served})
        self.done |= set(pieces)
        self.unpacked |= unpacked
        for read, (times, nbytes) in reads.counts.items():
            self._count(read, times, nbytes)

    def remove(self) -> None:
        """Remove the folder with all that is in it, the log last: as long as it is there, it tells what was done."""
        _empty(self.folder, but={"lock", self.log.name})
        shutil.rmtree(self.folder, ignore_errors=True)


def _locked(lock: IO[Any]) -> bool:
    """Whether the file could be locked; where the system has no such locks nothing is refused."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _held(lock: IO[Any], path: Path) -> bool:
    """Whether the lock is ours, and not of a folder that another run removed meanwhile."""
    try:
        return _locked(lock) and (os.name == "nt" or path.stat().st_ino == os.fstat(lock.fileno()).st_ino)
    except FileNotFoundError:
        return False


@contextmanager
def open_staging(target: Path, digest: str, *, discard: bool = False) -> Iterator[Staging]:
    """
    Staging of a target, with what an earlier run of the same work left in it.

    Parameters
    ----------
    target : pathlib.Path
        What will be written.
    digest : str
        Of the work.
    discard : bool
        Begin anew, whatever is there.

    Yields
    ------
    Staging
        Held by this process alone. Removed at the end if nothing was read.

    Raises
    ------
    RepositoryExistsError
        If another process writes the same target now, or other work was left unfinished.
    InputError
        If the folder of the target cannot be written to.
    """
    folder = staging_folder(target)
    try:
        folder.mkdir(exist_ok=True)
        lock = (folder / "lock").open("a")
    except OSError as error:
        msg = f"cannot write to {folder.parent}: {error.strerror}. Choose another place."
        raise InputError(msg) from error
    with lock:
        if not _held(lock, folder / "lock"):
            msg = f"another process writes {target} now. Wait for it, or choose another name."
            raise RepositoryExistsError(msg)
        staging = Staging(target)
        if discard:
            _empty(folder, but={"lock"})
        found = staging.load()
        if found not in ("", digest):
            msg = (
                f"another request for {target} was left unfinished in {folder}. Repeat that one to finish it, "
                "choose another name, or remove what it has read: discard=True (--discard)."
            )
            raise RepositoryExistsError(msg)
        try:
            yield staging
        finally:
            if not staging.done and folder.exists():
                staging.remove()


def _empty(folder: Path, *, but: set[str]) -> None:
    """Remove all but some of what is in a folder."""
    for path in folder.iterdir():
        if path.name not in but:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
