"""Building the index of bulk files, whole or only what changed since."""

import dataclasses
import heapq
import os
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter
from pathlib import Path

from oceandata.catalog.faults import Fault
from oceandata.catalog.index.build import Prepared, build_index
from oceandata.catalog.index.files import FOLDER, FileState, bulk_files, digest_of, file_state
from oceandata.catalog.index.lines import BulkLine, Faults, MemberPlace, lines_of
from oceandata.catalog.index.preparing import prepared_lines
from oceandata.catalog.index.state import CHANGES, INDEX, OpenedIndex, changed_files, open_any, states_text
from oceandata.errors import DocumentError

__all__ = ["IndexReport", "index_bulk"]

#: Changed entries up to which a second index is worth it: this many, or one in twenty.
_FEW_CHANGES = 20_000
_CACHE_KB = 400_000

Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class IndexReport:
    """
    What was done to an index.

    Attributes
    ----------
    entries : int
        Number of bulk entries.
    changed, removed : int
        Entries that the second index holds, and entries of the first that count no more; all of them and 0 if it was
        built whole.
    action : str
        ``"built"``, ``"updated"`` or ``"nothing"``.
    """

    entries: int
    changed: int
    removed: int
    action: str


def index_bulk(
    folder: Path, *, taken: Mapping[str, str] | None = None, progress: Progress | None = None, whole: bool = False
) -> IndexReport:
    """
    Build the index of the bulk files of a folder, or bring it up to date.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of the catalogue file.
    taken : mapping of str to str, optional
        Names that bulk entries must not have, and what has them.
    progress : callable, optional
        Told the bytes read and the bytes to read.
    whole : bool
        Build all of it anew.

    Returns
    -------
    IndexReport
        What was done.

    Raises
    ------
    DocumentError
        If an entry cannot be used; faults are listed with file and line, and the index stays as it was.
    CorruptionError
        If a bulk file is no gzip file.

    Notes
    -----
    Files that did not change since the first index was built are not read. A second index takes up to 20,000 changed
    entries, or one in twenty; with more, all is built anew.
    """
    names = taken or {}
    if not whole and (folder / INDEX).is_file():
        try:
            opened = open_any(folder)
        except DocumentError:  # of another version
            return _build(folder, names, progress)
        try:
            report = _update(folder, opened, names, progress)
        finally:
            opened.close()
        if report is not None:
            return report
    return _build(folder, names, progress)


def _free_lines(
    lines: Iterable[BulkLine], paths: Mapping[int, Path], faults: Faults, taken: Mapping[str, str]
) -> Iterator[BulkLine]:
    """Lines whose names nobody else has; a name that is there twice is a fault."""
    before: BulkLine | None = None
    for line in lines:
        path = paths[line.file]
        if before is not None and before.name == line.name:
            where = f"{paths[before.file].name}:{before.number}"
            faults.add(Fault(str(path), line.number, f"entry {line.name!r} is in {where} too. Remove one of them."))
        elif line.name in taken:
            faults.add(Fault(str(path), line.number, f"entry {line.name!r} is {taken[line.name]} too. Remove one."))
        else:
            yield line
        before = line


class _Meter:
    """Adds up what was read."""

    def __init__(self, paths: Iterable[Path], progress: Progress | None) -> None:
        self.total = sum(path.stat().st_size for path in paths)
        self.done = 0
        self.progress = progress

    def __call__(self, nbytes: int) -> None:
        self.done += nbytes
        if self.progress is not None:
            self.progress(self.done, self.total)


def _build(folder: Path, taken: Mapping[str, str], progress: Progress | None) -> IndexReport:
    """Read every bulk file and put a new index in place."""
    paths = dict(enumerate(bulk_files(folder)))
    faults, members = Faults(folder), list[MemberPlace]()
    states: list[FileState | None] = [file_state(path) for path in paths.values()]
    meter = _Meter(paths.values(), progress)
    files = [lines_of(path, file, faults, members=members, progress=meter) for file, path in paths.items()]
    merged = heapq.merge(*files, key=attrgetter("name"))
    meta = {"key": uuid.uuid4().hex, "files": states_text(states)}
    lines = _free_lines(merged, paths, faults, taken)
    count = _write(folder / INDEX, prepared_lines(lines, paths, faults), faults, meta, members)
    (folder / CHANGES).unlink(missing_ok=True)
    return IndexReport(count, count, 0, "built")


def _write(
    path: Path,
    batches: Iterable[list[Prepared]],
    faults: Faults,
    meta: Mapping[str, str],
    members: list[MemberPlace],
    gone: Iterable[int] = (),
) -> int:
    """Build an index beside its place, without holes, and put it there if there were no faults."""
    rough, beside = path.with_name(f".{path.name}.rough"), path.with_name(f".{path.name}.new")
    for leftover in (rough, beside):
        leftover.unlink(missing_ok=True)
    connection = sqlite3.connect(rough)
    try:
        for setting in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE_KB}"):
            connection.execute(f"PRAGMA {setting}")
        count = build_index(connection, batches, meta=meta)
        faults.require_none()
        connection.executemany("INSERT INTO member VALUES (?, ?, ?, ?)", members)
        connection.executemany("INSERT INTO gone VALUES (?)", ((row,) for row in gone))
        connection.commit()
        connection.execute("VACUUM INTO ?", (str(beside),))
        _sync(beside)
        os.replace(beside, path)  # noqa: PTH105
    finally:
        connection.close()
        for leftover in (rough, beside):
            leftover.unlink(missing_ok=True)
    return count


def _sync(path: Path) -> None:
    """Make a file last."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _update(
    folder: Path, opened: OpenedIndex, taken: Mapping[str, str], progress: Progress | None
) -> IndexReport | None:
    """Put an index of what changed beside the first one; None if that is not worth it."""
    base = opened.segments[0]
    if not any(changed_files(folder, opened.states)):
        return IndexReport(sum(map(len, opened.segments)), 0, 0, "nothing")
    states, paths, removed = _numbered_files(folder, opened)
    faults, members = Faults(folder), list[MemberPlace]()
    known = _known(opened, [*paths, *removed])
    meter = _Meter(paths.values(), progress)
    fresh: list[BulkLine] = []
    most = max(_FEW_CHANGES, base.last // 20)
    for number, path in paths.items():
        for line in lines_of(path, number, faults, members=members, progress=meter):
            _, digest = known.get((number, line.name), (0, None))
            if digest is not None and digest == digest_of(line.line):
                del known[number, line.name]
            elif len(fresh) <= most:
                fresh.append(line)
    if len(fresh) > most or len(known) > most:
        return None
    gone = frozenset(row for row, _ in known.values())
    held = {line.name: "in a bulk file that did not change" for line in fresh if _stays(opened, line.name, gone)}
    fresh.sort(key=attrgetter("name"))
    meta = {"base": opened.key, "files": states_text(states)}
    lines = _free_lines(fresh, paths, faults, {**held, **taken})
    count = _write(folder / CHANGES, prepared_lines(lines, paths, faults), faults, meta, members, gone)
    return IndexReport(base.last - len(gone) + count, count, len(gone), "updated")


def _numbered_files(folder: Path, opened: OpenedIndex) -> tuple[list[FileState | None], dict[int, Path], list[int]]:
    """States of all bulk files by number, those that are not as the first index has them, and those that are gone."""
    changed, removed = changed_files(folder, opened.base_states)
    numbers = {state.name: number for number, state in enumerate(opened.base_states) if state}
    states = [state if state and state.name not in removed else None for state in opened.base_states]
    paths: dict[int, Path] = {}
    for name in changed:
        number = numbers.setdefault(name, len(states))
        states += [None] * (number + 1 - len(states))
        paths[number] = folder / FOLDER / name
        states[number] = file_state(paths[number])
    return states, paths, [numbers[name] for name in removed]


def _known(opened: OpenedIndex, files: list[int]) -> dict[tuple[int, str], tuple[int, int]]:
    """Row and digest of each entry of some files in the first index, by file and name."""
    listed = ",".join(map(str, files))
    query = f"SELECT file, id, row, digest FROM entry WHERE file IN ({listed})"
    return {(file, name): (row, digest) for file, name, row, digest in opened.segments[0].ask(query)}


def _stays(opened: OpenedIndex, name: str, gone: frozenset[int]) -> bool:
    """Whether the first index has a name in a row that counts on."""
    row = opened.segments[0].any_row_of(name)
    return row is not None and row not in gone
