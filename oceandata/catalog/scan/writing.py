"""Entries into the catalogue: its YAML file while it is small, else lines of JSON beside it."""

import gzip
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from oceandata.catalog.write import MOST_ENTRIES, portable_entry, put_entries
from oceandata.entities import Entry
from oceandata.errors import InputError, NotFoundError

__all__ = ["bulk_path", "read_bulk", "write_found"]


def bulk_path(catalog_path: Path) -> Path:
    """
    Where the entries of a large scan are written.

    Parameters
    ----------
    catalog_path : pathlib.Path
        The YAML file.

    Returns
    -------
    pathlib.Path
        ``entries/scan.jsonl.gz`` beside it.
    """
    return catalog_path.parent / "entries" / "scan.jsonl.gz"


def read_bulk(catalog_path: Path) -> dict[str, Entry]:
    """
    Entries that earlier scans wrote as lines of JSON.

    Parameters
    ----------
    catalog_path : pathlib.Path
        The YAML file.

    Returns
    -------
    dict of str to Entry
        By id; empty if there are none.

    Raises
    ------
    DocumentError
        If a line is no entry.
    InputError
        If the file is damaged.
    """
    path = bulk_path(catalog_path)
    if not path.exists():
        return {}
    try:
        lines = gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()
        documents = [json.loads(line) for line in lines]
    except (OSError, EOFError, ValueError) as error:
        msg = f"{path} is damaged ({error}). Restore it from a copy, or remove it and scan again."
        raise InputError(msg) from error
    entries = [Entry.from_json(one, where=f"{path} line {number}") for number, one in enumerate(documents, 1)]
    return {entry.id: entry for entry in entries}


def _write_bulk(catalog_path: Path, entries: Iterable[Entry]) -> None:
    """Write all lines, in order of ids, whole or not at all; equal entries give equal bytes."""
    path = bulk_path(catalog_path)
    path.parent.mkdir(parents=True, exist_ok=True)
    ordered = sorted(entries, key=lambda entry: entry.id)
    lines = [json.dumps(entry.to_json(), ensure_ascii=False, sort_keys=True) + "\n" for entry in ordered]
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as stream:
            stream.write(gzip.compress("".join(lines).encode("utf-8"), mtime=0))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, path)  # noqa: PTH105
    finally:
        beside.unlink(missing_ok=True)


def write_found(
    catalog_path: Path,
    entries: Sequence[Entry],
    *,
    in_yaml: Mapping[str, Entry],
    in_bulk: Mapping[str, Entry],
    into: str,
) -> str:
    """
    Write entries where their catalogue keeps them, new ones where there is room.

    Parameters
    ----------
    catalog_path : pathlib.Path
        The YAML file.
    entries : sequence of Entry
        New and changed entries.
    in_yaml, in_bulk : mapping of str to Entry
        What is in the catalogue already.
    into : {"auto", "bulk"}
        Whether new entries may go into the YAML file.

    Returns
    -------
    str
        ``"yaml"`` or ``"bulk"``: where new entries went.

    Raises
    ------
    InputError, NotFoundError, DocumentError
        If the files cannot be written; nothing of them changes then.
    """
    if not catalog_path.parent.is_dir():
        msg = f"folder {catalog_path.parent} of the catalogue does not exist. Create it first."
        raise NotFoundError(msg)
    new = {entry.id for entry in entries} - set(in_yaml) - set(in_bulk)
    kind = "yaml" if into == "auto" and len(in_yaml) + len(new) <= MOST_ENTRIES else "bulk"
    to_yaml = [entry for entry in entries if entry.id in in_yaml or (kind == "yaml" and entry.id in new)]
    chosen = {entry.id for entry in to_yaml}
    to_bulk = [portable_entry(entry, catalog_path.parent) for entry in entries if entry.id not in chosen]
    if to_bulk:
        _write_bulk(catalog_path, {**in_bulk, **{entry.id: entry for entry in to_bulk}}.values())
    if to_yaml or not catalog_path.exists():
        put_entries(catalog_path, to_yaml)
    return kind
