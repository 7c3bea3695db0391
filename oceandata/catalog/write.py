"""Writing catalogue files: whole or not at all, one writer at a time, the same content in the same order."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from oceandata.catalog.catalog import open_catalog
from oceandata.catalog.envelope import CATALOG_DIR, catalog_document
from oceandata.catalog.loader import read_catalog
from oceandata.entities import Entry
from oceandata.errors import InputError, NotFoundError

__all__ = ["MOST_ENTRIES", "register_entry"]

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
    with _locked(path.parent):
        return _register(path, entry, replace=replace)


def _register(path: Path, entry: Entry, *, replace: bool) -> Entry:
    """Read, add, write; under the lock."""
    entries: dict[str, Entry] = {}
    aliases: dict[str, str] = {}
    metadata: dict[str, Any] = {}
    if path.exists():
        present = open_catalog(path)
        entries, metadata = dict(present), present.metadata
        aliases = read_catalog(path)[0].aliases
    portable = _portable(entry, path.parent)
    if entries.get(entry.id) == portable:
        return portable
    if entry.id in entries and not replace:
        msg = (
            f"{path} has an entry {entry.id!r} already. Give replace=True (--replace) to take its place, or choose "
            "another id."
        )
        raise InputError(msg)
    if entry.id not in entries and entry.id in aliases:
        msg = f"{path} has an alias {entry.id!r} (for {aliases[entry.id]!r}) already. Choose another id."
        raise InputError(msg)
    entries[entry.id] = portable
    if len(entries) > MOST_ENTRIES:
        msg = (
            f"{path} would hold {len(entries)} entries, need {MOST_ENTRIES} at most in one YAML file. "
            "Put the entry into another catalogue file; larger collections belong in the bulk form."
        )
        raise InputError(msg)
    _write(path, catalog_document(entries, aliases=aliases, metadata=metadata))
    return portable


def _portable(entry: Entry, folder: Path) -> Entry:
    """Entry whose repositories inside the folder stand relative to it."""
    assets = {
        name: asset.model_copy(update={"href": _portable_href(asset.href, folder)})
        for name, asset in entry.assets.items()
    }
    return entry.model_copy(update={"assets": assets})


def _portable_href(href: str, folder: Path) -> str:
    """Place of a repository, relative to the folder if it is inside; a relative path is one from here."""
    if href.startswith(CATALOG_DIR):
        return href
    if href.startswith("file://"):
        from oceandata.storage.urls import local_path

        href = str(local_path(href))
    elif "://" in href:
        return href
    place = Path(href).resolve()
    if place != folder and place.is_relative_to(folder):
        return f"{CATALOG_DIR}/{PurePosixPath(place.relative_to(folder).as_posix())}"
    return place.as_posix()


def _write(path: Path, document: dict[str, Any]) -> None:
    """Write beside the file, see that it opens, then take its place."""
    text = _HEADER + yaml.dump(document, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if path.exists():
            shutil.copymode(path, beside)
        _require_readable(beside, path)
        os.replace(beside, path)  # noqa: PTH105
    finally:
        beside.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # a folder cannot be synced on every system
        _sync_folder(path.parent)


def _require_readable(beside: Path, path: Path) -> None:
    """Refuse to put in place what the loader would refuse to open."""
    _, faults = read_catalog(beside)
    if faults:
        reasons = "\n".join(f"  {fault.message}" for fault in faults)
        msg = f"the entry cannot be written to {path}, which would not open again:\n{reasons}"
        raise InputError(msg)


def _sync_folder(folder: Path) -> None:
    """Make a change of names last."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One writer at a time in a folder; the lock goes with the process that holds it."""
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
