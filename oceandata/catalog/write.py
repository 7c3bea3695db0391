"""Writing catalogue files: whole or not at all, one writer at a time, the same content in the same order."""

import contextlib
import os
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from oceandata.atomic import replacing
from oceandata.catalog.envelope import CATALOG_DIR, catalog_document
from oceandata.catalog.index.parts import BulkPart
from oceandata.catalog.loader import read_catalog, require_catalog
from oceandata.entities import Entry
from oceandata.errors import InputError, NotFoundError

__all__ = [
    "MOST_ENTRIES",
    "locked_folder",
    "portable_entry",
    "put_entries",
    "register_entry",
    "write_catalog",
]

#: Entries of one YAML file; Intake reads the file twice, with a slow parser.
MOST_ENTRIES = 200

_HEADER = "# Catalogue of ocean datasets (Intake 2). Written by oceandata: comments are not kept, fields are.\n"


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes values out where they recur: the loader takes no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def register_entry(catalog_path: str | Path, entry: Entry, *, replace: bool = False) -> Entry:
    """
    Put an entry into a catalogue file, creating the file if need be.

    Other entries, aliases and the file's metadata are kept. The file changes whole or not at all, whatever dies, and
    entries come in one order, so that its history can be read line by line. Registering what is there already, equal
    in all, leaves the file as it is.

    Parameters
    ----------
    catalog_path : str or pathlib.Path
        The YAML file; its folder must exist.
    entry : Entry
        The dataset. A repository inside the file's folder is written relative to it, so that both can move.
    replace : bool
        Take the place of an entry of the same id.

    Returns
    -------
    Entry
        The entry as written.

    Raises
    ------
    NotFoundError
        If the folder does not exist.
    DocumentError
        If the file has faults; it is left as it is.
    InputError
        If an entry or alias of that name is there and `replace` is not set, the file is full, or its reader would
        refuse the entry.

    Notes
    -----
    Writers wait for each other through a lock on the folder. Windows has no such lock: write from one process there.
    """
    path = Path(catalog_path)
    if not path.parent.is_dir():
        msg = f"folder {path.parent} of the catalogue does not exist. Create it first."
        raise NotFoundError(msg)
    path = path.resolve()
    with locked_folder(path.parent):
        return _register(path, entry, replace=replace)


def put_entries(catalog_path: str | Path, entries: Sequence[Entry]) -> list[Entry]:
    """
    Put many entries into a catalogue file at once, in the place of those of the same id.

    Parameters
    ----------
    catalog_path : str or pathlib.Path
        The YAML file, created if need be; its folder must exist.
    entries : sequence of Entry
        The datasets, written as `register_entry` writes one.

    Returns
    -------
    list of Entry
        The entries as written, in the same order.

    Raises
    ------
    NotFoundError
        If the folder does not exist.
    DocumentError
        If the file has faults; it is left as it is.
    InputError
        If an alias has the name of an entry, the file would be too full, or it would not open again.
    """
    path = Path(catalog_path)
    if not path.parent.is_dir():
        msg = f"folder {path.parent} of the catalogue does not exist. Create it first."
        raise NotFoundError(msg)
    path = path.resolve()
    with locked_folder(path.parent):
        return _put(path, entries, replace=True)


def _register(path: Path, entry: Entry, *, replace: bool) -> Entry:
    """Read, add, write one entry; under the lock."""
    (portable,) = _put(path, [entry], replace=replace)
    return portable


def _put(path: Path, added: Sequence[Entry], *, replace: bool) -> list[Entry]:
    """Read, add, write; under the lock."""
    entries: dict[str, Entry] = {}
    aliases: dict[str, str] = {}
    metadata: dict[str, Any] = {}
    bulk = False
    if path.exists():
        present = require_catalog(path)
        entries, aliases, metadata, bulk = dict(present.entries), present.aliases, present.metadata, present.bulk
    portables = [portable_entry(entry, path.parent) for entry in added]
    if path.exists() and all(entries.get(portable.id) == portable for portable in portables):
        return portables
    held = BulkPart(path.parent, catalog=path.name) if bulk else None
    for portable in portables:
        if held is not None and held.locate(portable.id):
            msg = f"{portable.id!r} is a bulk entry beside {path}. Choose another id, or use register_entries()."
            raise InputError(msg)
        _check_free(portable, entries, aliases, path, replace=replace)
        entries[portable.id] = portable
    if len(entries) > MOST_ENTRIES:
        msg = (
            f"{path} would hold {len(entries)} entries, need {MOST_ENTRIES} at most in one YAML file. "
            "Put the entry into another catalogue file, or move these into bulk files with "
            f"'oceandata catalog index --move --catalog {shlex.quote(str(path))}'."
        )
        raise InputError(msg)
    write_catalog(path, catalog_document(entries, aliases=aliases, metadata=metadata, bulk=bulk))
    return portables


def _check_free(
    entry: Entry, entries: Mapping[str, Entry], aliases: Mapping[str, str], path: Path, *, replace: bool
) -> None:
    """Refuse an id that is taken."""
    if entry.id in entries and entries[entry.id] != entry and not replace:
        msg = (
            f"{path} has an entry {entry.id!r} already. Give replace=True (--replace) to take its place, or choose "
            "another id."
        )
        raise InputError(msg)
    if entry.id not in entries and entry.id in aliases:
        msg = f"{path} has an alias {entry.id!r} (for {aliases[entry.id]!r}) already. Choose another id."
        raise InputError(msg)


def portable_entry(entry: Entry, folder: Path) -> Entry:
    """
    Entry whose places inside a folder stand relative to it.

    Parameters
    ----------
    entry : Entry
        The dataset.
    folder : pathlib.Path
        Folder of the catalogue file.

    Returns
    -------
    Entry
        Places outside the folder are whole paths.
    """
    assets = {
        name: asset.model_copy(update={"href": _portable_href(asset.href, folder)})
        for name, asset in entry.assets.items()
    }
    return entry.model_copy(update={"assets": assets})


def _portable_href(href: str, folder: Path) -> str:
    """Place of a dataset, relative to the folder if it is inside; a relative path is one from here."""
    if href.startswith(CATALOG_DIR):
        return href
    if href.startswith("file://"):
        from oceandata.storage.urls import local_path

        href = str(local_path(href))
    elif "://" in href:
        return href
    place = Path(href).resolve()
    if place.is_relative_to(folder):
        return f"{CATALOG_DIR}/{PurePosixPath(place.relative_to(folder).as_posix())}"
    return place.as_posix()


def write_catalog(path: Path, document: dict[str, Any]) -> None:
    """
    Write a catalogue file, whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
        The YAML file.
    document : dict
        From `catalog_document`.

    Raises
    ------
    InputError
        If it would not open again.
    """
    text = _HEADER + yaml.dump(document, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)
    with replacing(path, sync=True) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")
        if path.exists():
            shutil.copymode(path, beside)
        _require_readable(beside, path)


def _require_readable(beside: Path, path: Path) -> None:
    """Refuse to put in place what the loader would refuse to open."""
    _, faults = read_catalog(beside)
    if faults:
        reasons = "\n".join(f"  {fault.message}" for fault in faults)
        msg = f"the entry cannot be written to {path}, which would not open again:\n{reasons}"
        raise InputError(msg)


@contextlib.contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """
    Let one writer at a time into a folder; the lock goes with the process that holds it.

    Parameters
    ----------
    folder : pathlib.Path
        Folder of catalogue files.

    Yields
    ------
    None
        Windows has no such lock.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
