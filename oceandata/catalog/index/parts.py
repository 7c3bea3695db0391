"""What a catalogue is made of: entries in memory, indexed at the first search, and bulk files with their index."""

import heapq
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from oceandata.catalog.index.build import Source, build_index, prepare
from oceandata.catalog.index.files import FOLDER, digest_of, read_lines, read_member
from oceandata.catalog.index.lines import name_of
from oceandata.catalog.index.segment import Segment
from oceandata.catalog.index.state import open_segments
from oceandata.entities import Entry
from oceandata.errors import CorruptionError

__all__ = ["BulkPart", "MemoryPart", "Part"]

#: Members of bulk files that are kept: entries that stand together are read one after the other.
_KEPT_MEMBERS = 8


class Part(Protocol):
    """Entries that are searched together."""

    def __len__(self) -> int: ...

    def segments(self) -> list[Segment]:
        """Indexes of the entries; one entry is in one of them."""

    def entry(self, segment: int, row: int, name: str) -> Entry:
        """Entry of a name, which is in a row of the index of a number."""

    def locate(self, name: str) -> tuple[int, int] | None:
        """Number of the index and row of a name; None if there is none."""

    def listed(self) -> Iterator[tuple[int, int, str]]:
        """Number of the index, row and name of every entry."""

    def names(self, *, first: str = "", limit: int) -> list[str]:
        """Some names in order, from one on."""

    def near(self, name: str) -> list[str]:
        """Names among which one that was misspelt may be."""


class MemoryPart:
    """
    Entries in memory.

    Parameters
    ----------
    entries : mapping of str to Entry
        By name.
    """

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self.entries = dict(entries)
        self._segment: Segment | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.entries)

    def __getstate__(self) -> dict[str, Entry]:
        return self.entries

    def __setstate__(self, entries: dict[str, Entry]) -> None:
        self.__init__(entries)  # type: ignore[misc]

    def segments(self) -> list[Segment]:
        """The index, made now if nobody searched before."""
        with self._lock:
            if self._segment is None:
                connection = sqlite3.connect(":memory:", check_same_thread=False)
                build_index(connection, [prepare(Source(self.entries[name]) for name in sorted(self.entries))])
                self._segment = Segment(connection)
        return [self._segment]

    def entry(self, segment: int, row: int, name: str) -> Entry:  # noqa: ARG002
        """Entry of a name."""
        return self.entries[name]

    def locate(self, name: str) -> tuple[int, int] | None:
        """Whether there is a name; the row does not matter."""
        return (0, 0) if name in self.entries else None

    def listed(self) -> Iterator[tuple[int, int, str]]:
        """Every name, in the order in which it was given."""
        return ((0, 0, name) for name in self.entries)

    def names(self, *, first: str = "", limit: int) -> list[str]:
        """Some names in order."""
        return sorted(name for name in self.entries if name >= first)[:limit]

    def near(self, name: str) -> list[str]:  # noqa: ARG002
        """All names."""
        return list(self.entries)


class BulkPart:
    """
    Entries of bulk files, by the index beside the catalogue file.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the catalogue file.
    catalog : str
        Name of the catalogue file, for messages.

    Raises
    ------
    NotFoundError
        If there is no index.
    DocumentError
        If the index is not that of the bulk files as they are.
    """

    def __init__(self, folder: Path, *, catalog: str = "") -> None:
        self.folder = folder
        self._segments, self._files = open_segments(folder, catalog=catalog)
        self._lines: dict[tuple[int, int], list[bytes]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._segments))

    def __getstate__(self) -> Path:
        return self.folder

    def __setstate__(self, folder: Path) -> None:
        self.__init__(folder)  # type: ignore[misc]

    def segments(self) -> list[Segment]:
        """The index of all files, and that of what changed since."""
        return self._segments

    def entry(self, segment: int, row: int, name: str) -> Entry:
        """
        Entry of a name, which is in a row of the index of a number.

        Parameters
        ----------
        segment, row : int
            Number of the index, and row in it.
        name : str
            Id of the entry.

        Returns
        -------
        Entry
            As the bulk file has it.

        Raises
        ------
        CorruptionError
            If the bulk file does not hold what was indexed.
        """
        file, digest = self._segments[segment].source_of(row)
        path = self.folder / FOLDER / self._files[file]
        # where the file was replaced meanwhile, the line may stand elsewhere in it
        for lines in (self._member(file, name), read_lines(path) if path.exists() else ()):
            for line in lines:
                if name_of(line) == name and digest_of(line) == digest:
                    return Entry.model_validate_json(line)
        msg = (
            f"{path} does not hold entry {name!r} as it was indexed: the file was "
            "changed meanwhile. Open the catalogue again; if that does not help, run 'oceandata catalog index'."
        )
        raise CorruptionError(msg)

    def _member(self, file: int, name: str) -> list[bytes]:
        """Lines among which a name is; those that were read last are kept."""
        places = (one.member_of(file, name) for one in reversed(self._segments))
        place = next(filter(None, places), None)
        if place is None:
            return []
        found = self._lines.get((file, place[0]))
        if found is None:
            try:
                with (self.folder / FOLDER / self._files[file]).open("rb") as stream:
                    found = read_member(stream, *place)
            except OSError:
                return []
            kept = list(self._lines.items())[1 - _KEPT_MEMBERS :]
            self._lines = {**dict(kept), (file, place[0]): found}
        return found

    def locate(self, name: str) -> tuple[int, int] | None:
        """Number of the index and row of a name."""
        rows = ((number, one.row_of(name)) for number, one in enumerate(self._segments))
        return next(((number, row) for number, row in rows if row is not None), None)

    def listed(self) -> Iterator[tuple[int, int, str]]:
        """Every entry, in the order of names."""
        pages = [self._numbered(number) for number in range(len(self._segments))]
        return ((number, row, name) for name, number, row in heapq.merge(*pages))

    def _numbered(self, number: int) -> Iterator[tuple[str, int, int]]:
        """Names, number and rows of one index."""
        return ((name, number, row) for row, name in self._segments[number].pages())

    def names(self, *, first: str = "", limit: int) -> list[str]:
        """Some names in order."""
        return sorted(name for one in self._segments for name in one.names(first=first, limit=limit))[:limit]

    def near(self, name: str) -> list[str]:
        """Names that stand near where this one would."""
        return [
            there
            for one in self._segments
            for there in (*one.names(before=name, limit=100), *one.names(first=name, limit=100))
        ]
