"""
The index of bulk files as it is on disk: opened, or found to be stale.

An index file is never changed in place, only replaced whole: whoever has it open reads on in peace. What changed since
it was built stands in a second, small index, with the rows of the first that count no more.
"""

import contextlib
import dataclasses
import json
import shlex
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from oceandata.catalog.index.files import FOLDER, FileState, bulk_files, file_state
from oceandata.catalog.index.segment import Segment
from oceandata.catalog.index.tables import open_index
from oceandata.errors import DocumentError, NotFoundError

__all__ = ["CHANGES", "INDEX", "OpenedIndex", "changed_files", "open_any", "open_segments", "states_text"]

#: The index of all bulk files, and that of what changed since.
INDEX, CHANGES = "index.sqlite", "index-changes.sqlite"


@dataclasses.dataclass(frozen=True)
class OpenedIndex:
    """
    Both indexes as they are on disk.

    Attributes
    ----------
    segments : list of Segment
        The index of all files, then that of what changed since, if any.
    states, base_states : list of FileState or None
        Bulk files by number, when the later of them and when the first was made; None for one that was gone.
    key : str
        What tells one first index from another.
    """

    segments: list[Segment]
    states: list[FileState | None]
    base_states: list[FileState | None]
    key: str

    def close(self) -> None:
        """Give the files back."""
        for segment in self.segments:
            segment.close()


def _states(meta: Mapping[str, str]) -> list[FileState | None]:
    """States of bulk files by number."""
    return [FileState(**state) if state else None for state in json.loads(meta["files"])]


def states_text(states: list[FileState | None]) -> str:
    """
    States of bulk files as an index keeps them.

    Parameters
    ----------
    states : list of FileState or None
        By number.

    Returns
    -------
    str
        JSON.
    """
    return json.dumps([dataclasses.asdict(state) if state else None for state in states])


def open_any(folder: Path) -> OpenedIndex:
    """
    Open both indexes, whatever the bulk files are now.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the catalogue file; it has an index.

    Returns
    -------
    OpenedIndex
        A second index that belongs to another first one is left out.

    Raises
    ------
    DocumentError
        If the index is none, or of another version.
    """
    connection, meta = open_index(folder / INDEX)
    states = base_states = _states(meta)
    with contextlib.suppress(DocumentError, sqlite3.DatabaseError, FileNotFoundError):
        if (folder / CHANGES).is_file():
            later, changes = open_index(folder / CHANGES)
            if changes["base"] == meta["key"]:
                gone = [row for (row,) in later.execute("SELECT row FROM gone ORDER BY row")]
                segments = [Segment(connection, gone=gone), Segment(later)]
                return OpenedIndex(segments, _states(changes), base_states, meta["key"])
            later.close()
    return OpenedIndex([Segment(connection)], states, base_states, meta["key"])


def changed_files(folder: Path, states: list[FileState | None]) -> tuple[list[str], list[str]]:
    """
    Bulk files that are not as they were recorded.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the catalogue file.
    states : list of FileState or None
        As recorded.

    Returns
    -------
    list of str
        Names of those that changed or are new. A file of the same size and time is taken to be the same.
    list of str
        Names of those that are there no more.
    """
    recorded = {state.name: state for state in states if state is not None}
    changed = []
    for path in bulk_files(folder):
        state, there = recorded.pop(path.name, None), path.stat()
        if (
            state is None
            or state.nbytes != there.st_size
            or (state.modified_ns != there.st_mtime_ns and file_state(path).sha256 != state.sha256)
        ):
            changed.append(path.name)
    return changed, sorted(recorded)


def _command(folder: Path, catalog: str) -> str:
    return f"oceandata catalog index --catalog {shlex.quote(str(folder / (catalog or 'FILE.yaml')))}"


def open_segments(folder: Path, *, catalog: str = "") -> tuple[list[Segment], list[str]]:
    """
    Indexes of the bulk files of a folder.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the catalogue file.
    catalog : str
        Name of the catalogue file, for messages.

    Returns
    -------
    list of Segment
        The index of all files, then that of what changed since, if any.
    list of str
        Names of the bulk files by number.

    Raises
    ------
    NotFoundError
        If there is no index.
    DocumentError
        If the index is not that of the files as they are.
    """
    command = _command(folder, catalog)
    if not (folder / INDEX).is_file():
        msg = f"the bulk entries in {folder / FOLDER} have no index yet. Build it with '{command}'."
        raise NotFoundError(msg)
    opened = open_any(folder)
    changed, removed = changed_files(folder, opened.states)
    if changed or removed:
        opened.close()
        name, *others = [*changed, *removed]
        more = f" and {len(others)} more" if others else ""
        msg = f"{FOLDER}/{name}{more} changed after {folder / INDEX} was built. Bring it up to date with '{command}'."
        raise DocumentError(msg)
    return opened.segments, [state.name if state else "" for state in opened.states]
