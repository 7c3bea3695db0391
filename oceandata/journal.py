"""
Append-only log of JSON records, one a line: the one way oceandata remembers progress.

A line is ``<crc32 as 8 hex digits> <JSON>`` and a line feed, written by one system call to a file opened for appending,
so that lines of several threads never mix. What a crash or a full disk left of the last line is cut when the log is
opened again; a damaged line in the middle is an error, because records after it would be believed.
"""

import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from oceandata.errors import CorruptionError

__all__ = ["Journal", "read_journal", "tail_journal"]


def _line(record: dict[str, Any]) -> bytes:
    body = json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


def _parse(line: bytes) -> dict[str, Any] | None:
    """Record of a line, or None if the line is damaged."""
    try:
        if int(line[:8], 16) != zlib.crc32(line[9:]) or line[8:9] != b" ":
            return None
        record = json.loads(line[9:])
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _records(content: bytes, path: Path) -> tuple[list[dict[str, Any]], int]:
    """Whole records and the number of bytes they take."""
    records: list[dict[str, Any]] = []
    good = 0
    lines = content.split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        record = _parse(line)
        if record is None:
            if number == len(lines) - 1 and not lines[-1]:
                break
            msg = (
                f"line {number} of {path} is damaged and {len(lines) - 1 - number} lines follow it. "
                "Restore the file from a copy, or remove it to begin again."
            )
            raise CorruptionError(msg)
        records.append(record)
        good += len(line) + 1
    return records, good


def read_journal(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """
    Records of a log, without opening it for writing.

    A torn last line is left out; a missing file has no records.

    Parameters
    ----------
    path : path
        The log file.

    Returns
    -------
    list of dict
        Records in the order they were appended.

    Raises
    ------
    CorruptionError
        If a line other than the last is damaged.
    """
    path = Path(path)
    return _records(path.read_bytes(), path)[0] if path.exists() else []


def tail_journal(path: str | os.PathLike[str], start: int) -> tuple[list[dict[str, Any]], int]:
    """
    Records that were added to a log since it was last looked at, while another process may go on writing.

    Parameters
    ----------
    path : path
        The log file; a missing one has no records.
    start : int
        Bytes that were read before, 0 at first.

    Returns
    -------
    tuple
        The new records, and the bytes that were read by now; a torn last line is left for the next time.

    Raises
    ------
    CorruptionError
        If a line other than the last is damaged.
    """
    path = Path(path)
    if not path.exists():
        return [], start
    with path.open("rb") as file:
        file.seek(start)
        records, good = _records(file.read(), path)
    return records, start + good


class Journal:
    """
    A log open for appending.

    Parameters
    ----------
    path : path
        The log file; made with its folder if missing. A torn last line is cut.
    sync : bool
        Wait for the disk after each record: needed where the record promises that work is done.

    Raises
    ------
    CorruptionError
        If a line other than the last is damaged.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Journal(f"{folder}/run.log") as journal:
    ...         journal.append({"partition": 3})
    ...     read_journal(f"{folder}/run.log")
    [{'partition': 3}]
    """

    def __init__(self, path: str | os.PathLike[str], *, sync: bool = False) -> None:
        self.path = Path(path)
        self.sync = sync
        self._torn = False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            self._earlier, good = _records(self.path.read_bytes(), self.path)
            os.ftruncate(self._descriptor, good)
        except BaseException:
            os.close(self._descriptor)
            raise

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Records that were there when the log was opened."""
        return iter(self._earlier)

    def append(self, record: dict[str, Any]) -> None:
        """
        Add one record.

        Parameters
        ----------
        record : dict
            JSON types only; NaN is refused.

        Raises
        ------
        OSError
            If the record does not fit on the disk. Later records are refused too, so that the torn one stays last.
        """
        if self._torn:
            msg = f"the last record of {self.path} did not fit on the disk. Free disk space, then open the log again."
            raise OSError(msg)
        line = _line(record)
        written = os.write(self._descriptor, line)
        if written != len(line):
            self._torn = True
            msg = f"only {written} of {len(line)} bytes of a record fitted into {self.path}. Free disk space."
            raise OSError(msg)
        if self.sync:
            os.fsync(self._descriptor)

    @contextmanager
    def together(self) -> Iterator[None]:
        """
        Wait for the disk once for all records that are appended inside the block, when it ends.

        Yields
        ------
        None
            Nothing may be told of these records to others before the block has ended.
        """
        sync, self.sync = self.sync, False
        try:
            yield
        finally:
            self.sync = sync
            if sync:
                os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file; appending afterwards fails."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
