"""Bulk entries: any number of them in files beside the catalogue file, behind one entry and one index."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from oceandata.catalog.envelope import catalog_document
from oceandata.catalog.index.files import FOLDER, SUFFIX, bulk_files, line_of, read_lines, write_lines
from oceandata.catalog.index.lines import BulkLine, Faults, name_of, source_of
from oceandata.catalog.index.state import open_any
from oceandata.catalog.index.update import IndexReport, index_bulk
from oceandata.catalog.loader import CatalogFile, require_catalog
from oceandata.catalog.positions import Located
from oceandata.catalog.write import locked_folder, portable_entry, write_catalog
from oceandata.entities import Entry
from oceandata.errors import InputError, NotFoundError

__all__ = ["index_catalog", "move_entries", "register_entries"]

#: Entries of one bulk file; a change writes the files anew that it touches.
_MOST_LINES = 10_000

Progress = Callable[[int, int], None]


def _require_folder(catalog_path: str | Path) -> Path:
    """Whole path of a catalogue file whose folder exists."""
    path = Path(catalog_path)
    if not path.parent.is_dir():
        msg = f"folder {path.parent} of the catalogue does not exist. Create it first."
        raise NotFoundError(msg)
    return path.resolve()


def _read(path: Path) -> CatalogFile:
    """The catalogue file, empty if there is none yet."""
    if path.exists():
        return require_catalog(path)
    return CatalogFile(path, {}, {}, {}, Located(str(path), None, {}, ()))


def _write_head(path: Path, file: CatalogFile, entries: Mapping[str, Entry]) -> None:
    """Write the catalogue file with some of its entries, and the one of the bulk entries."""
    aliases = {name: target for name, target in file.aliases.items() if target in entries}
    write_catalog(path, catalog_document(entries, aliases=aliases, metadata=file.metadata, bulk=True))


def _taken(file: CatalogFile) -> dict[str, str]:
    """Names that bulk entries must not have."""
    entries = dict.fromkeys(file.entries, f"in {file.path.name}")
    return {**dict.fromkeys(file.aliases, f"an alias in {file.path.name}"), **entries}


def index_catalog(catalog_path: str | Path, *, whole: bool = False, progress: Progress | None = None) -> IndexReport:
    """
    Build the index of a catalogue's bulk entries, or bring it up to date.

    Bulk entries are the files ``entries/*.jsonl.gz`` beside the catalogue file: one entry a line of JSON, in the order
    of names. The catalogue file is given the entry ``all``, behind which they stand, if it does not have it.

    Parameters
    ----------
    catalog_path : str or pathlib.Path
        The YAML file, created if there are bulk entries beside it.
    whole : bool
        Build all of the index anew.
    progress : callable, optional
        Told the bytes read and the bytes to read.

    Returns
    -------
    IndexReport
        What was done.

    Raises
    ------
    NotFoundError
        If there are no bulk entries.
    DocumentError
        If the file or an entry cannot be used; faults are listed with file and line, and the index stays as it was.
    CorruptionError
        If a bulk file is no gzip file.

    Notes
    -----
    A million entries take about two minutes and 800 MB of memory; a thousand changed ones a second. The index is
    derived: it belongs on the disk of whoever searches, not under version control.
    """
    path = _require_folder(catalog_path)
    with locked_folder(path.parent):
        file = _read(path)
        if not bulk_files(path.parent) and not file.bulk:
            msg = (
                f"there are no bulk entries ({FOLDER}/*{SUFFIX}) beside {path}, so there is nothing to index: a "
                "catalogue file without them needs no index. Move its entries there with --move."
            )
            raise NotFoundError(msg)
        report = index_bulk(path.parent, taken=_taken(file), whole=whole, progress=progress)
        if not file.bulk:
            _write_head(path, file, file.entries)
        return report


def register_entries(
    catalog_path: str | Path, entries: Iterable[Entry], *, replace: bool = False, progress: Progress | None = None
) -> IndexReport:
    """
    Put any number of entries into the bulk files beside a catalogue file, and into their index.

    Parameters
    ----------
    catalog_path : str or pathlib.Path
        The YAML file, created if need be; its folder must exist.
    entries : iterable of Entry
        The datasets. A repository inside the file's folder is written relative to it, so that both can move.
    replace : bool
        Take the place of entries of the same id.

    progress : callable, optional
        Told the bytes read and the bytes to read for the index.

    Returns
    -------
    IndexReport
        What was done to the index; entries that are there already, equal in all, are left as they are.

    Raises
    ------
    NotFoundError
        If the folder does not exist.
    DocumentError
        If the catalogue file, an entry or a bulk file has faults; nothing is written.
    InputError
        If a name is taken and `replace` is not set.

    Notes
    -----
    Each file changes whole or not at all. If the work is cut short between two files, the index is older than the
    files, which opening the catalogue tells; registering the same entries again finishes it.
    """
    path = _require_folder(catalog_path)
    with locked_folder(path.parent):
        file = _read(path)
        report = _register(path, file, entries, _taken(file), replace=replace, progress=progress)
        if not file.bulk:
            _write_head(path, file, file.entries)
        return report


def move_entries(catalog_path: str | Path, *, progress: Progress | None = None) -> IndexReport:
    """
    Move the entries of a catalogue file into bulk files; those that have an alias stay.

    Parameters
    ----------
    catalog_path : str or pathlib.Path
        The YAML file.
    progress : callable, optional
        Told the bytes read and the bytes to read for the index.

    Returns
    -------
    IndexReport
        What was done to the index.

    Raises
    ------
    NotFoundError
        If there is no such file.
    DocumentError
        If the file, or a bulk file, has faults; nothing is written.
    """
    path = _require_folder(catalog_path)
    with locked_folder(path.parent):
        file = require_catalog(path)
        aliased = {target for name, target in file.aliases.items() if name != target}
        stay = {name: entry for name, entry in file.entries.items() if name in aliased}
        moved = [entry for name, entry in file.entries.items() if name not in aliased]
        taken = {name: where for name, where in _taken(file).items() if name in stay or name not in file.entries}
        report = _register(path, file, moved, taken, replace=True, progress=progress)
        _write_head(path, file, stay)
        return report


def _register(
    path: Path,
    file: CatalogFile,
    entries: Iterable[Entry],
    taken: Mapping[str, str],
    *,
    replace: bool,
    progress: Progress | None,
) -> IndexReport:
    """Write entries into the bulk files where they belong; under the lock."""
    lines = _checked_lines(path, entries)
    for name in lines:
        if name in taken:
            msg = f"{name!r} is {taken[name]} already. Choose another id, or remove it there."
            raise InputError(msg)
    folder = path.parent / FOLDER
    if bulk_files(path.parent):
        index_bulk(path.parent, taken=_taken(file))
    folder.mkdir(exist_ok=True)
    for name, added in _by_file(path.parent, lines).items():
        _rewrite(folder, name, added, path, replace=replace)
    return index_bulk(path.parent, taken=taken, progress=progress)


def _checked_lines(path: Path, entries: Iterable[Entry]) -> dict[str, bytes]:
    """Lines of entries by name, none of which a catalogue file could not hold."""
    faults = Faults(path.parent)
    lines: dict[str, bytes] = {}
    for number, entry in enumerate(entries, 1):
        line = line_of(portable_entry(entry, path.parent))
        if entry.id in lines and lines[entry.id] != line:
            msg = f"two of the entries are called {entry.id!r}, need each name once. Give one of them another id."
            raise InputError(msg)
        source_of(BulkLine(0, number, entry.id, line), path, faults)
        lines[entry.id] = line
    faults.require_none()
    return lines


def _by_file(folder: Path, lines: Mapping[str, bytes]) -> dict[str, dict[str, bytes]]:
    """Lines by the bulk file they belong into: the one that has the name, or those around it; else a new one."""
    files = [path.name for path in bulk_files(folder)]
    if not files:
        first = min(lines, default="")
        return {f"{first}{SUFFIX}": dict(lines)} if lines else {}
    opened = open_any(folder)
    try:
        known = [state.name if state else "" for state in opened.states]
        firsts: dict[str, str] = {}
        for segment in opened.segments:
            found = segment.ask("SELECT file, min(first) FROM member GROUP BY file")
            firsts |= {known[file]: first for file, first in found if known[file]}
        order = sorted((first, name) for name, first in firsts.items())
        found_files: dict[str, dict[str, bytes]] = {}
        for name, line in lines.items():
            rows = ((segment, segment.row_of(name)) for segment in opened.segments)
            held = next((known[segment.source_of(row)[0]] for segment, row in rows if row is not None), "")
            place = bisect_right(order, (name, "\U0010ffff"))
            file = held or (order[max(0, place - 1)][1] if order else files[0])
            found_files.setdefault(file, {})[name] = line
        return found_files
    finally:
        opened.close()


def _rewrite(folder: Path, name: str, added: Mapping[str, bytes], catalog: Path, *, replace: bool) -> None:
    """Write a bulk file with more lines; a file that grows too long is cut into several."""
    path = folder / name
    lines = {name_of(line): line for line in read_lines(path)} if path.exists() else {}
    changed = [one for one, line in added.items() if lines.get(one, line) != line]
    if changed and not replace:
        msg = (
            f"{catalog} has an entry {changed[0]!r} already, with other content (and {len(changed) - 1} more such). "
            "Give replace=True (--replace) to take their place, or choose other ids."
        )
        raise InputError(msg)
    if all(lines.get(one) == line for one, line in added.items()):
        return
    lines |= added
    names = sorted(lines)
    parts = -(-len(names) // _MOST_LINES)
    length = -(-len(names) // parts)
    for begin in range(0, len(names), length):
        part = names[begin : begin + length]
        write_lines(_new_name(folder, part) if begin else path, [lines[one] for one in part])


def _new_name(folder: Path, names: Sequence[str]) -> Path:
    """A bulk file that is not there yet, called after its first entry."""
    path, number = folder / f"{names[0]}{SUFFIX}", 1
    while path.exists():
        number += 1
        path = folder / f"{names[0]}-{number}{SUFFIX}"
    return path
