"""Entries into the catalogue: its YAML file while it is small, else the bulk files beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from oceandata.catalog.bulk import register_entries
from oceandata.catalog.catalog import open_catalog
from oceandata.catalog.loader import require_catalog
from oceandata.catalog.write import MOST_ENTRIES, put_entries
from oceandata.entities import Entry

__all__ = ["Present", "read_present", "write_found"]


class Present(NamedTuple):
    """
    What a catalogue holds before a scan.

    Attributes
    ----------
    in_yaml, in_bulk : dict of str to Entry
        Entries of the YAML file, and of the bulk files beside it.
    aliases : frozenset of str
        Further names that are taken.
    exists : bool
        Whether there is a catalogue at all.
    """

    in_yaml: dict[str, Entry]
    in_bulk: dict[str, Entry]
    aliases: frozenset[str]
    exists: bool


def read_present(catalog_path: Path) -> Present:
    """
    Everything a catalogue holds.

    Parameters
    ----------
    catalog_path : pathlib.Path
        The YAML file.

    Returns
    -------
    Present
        Empty if there is no such file.

    Raises
    ------
    DocumentError
        If it has faults, or the index of its bulk entries is older than these.
    NotFoundError
        If it has bulk entries without an index.
    """
    if not catalog_path.exists():
        return Present({}, {}, frozenset(), exists=False)
    file = require_catalog(catalog_path)
    in_bulk = {}
    if file.bulk:
        in_bulk = {name: entry for name, entry in open_catalog(catalog_path).items() if name not in file.entries}
    return Present(dict(file.entries), in_bulk, frozenset(file.aliases), exists=True)


def write_found(catalog_path: Path, entries: Sequence[Entry], present: Present, *, into: str) -> str:
    """
    Write entries where their catalogue keeps them, new ones where there is room.

    Parameters
    ----------
    catalog_path : pathlib.Path
        The YAML file.
    entries : sequence of Entry
        New and changed entries.
    present : Present
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
        If the files cannot be written.
    """
    new = {entry.id for entry in entries} - set(present.in_yaml) - set(present.in_bulk)
    kind = "yaml" if into == "auto" and len(present.in_yaml) + len(new) <= MOST_ENTRIES else "bulk"
    to_yaml = [entry for entry in entries if entry.id in present.in_yaml or (kind == "yaml" and entry.id in new)]
    chosen = {entry.id for entry in to_yaml}
    to_bulk = [entry for entry in entries if entry.id not in chosen]
    if to_bulk:
        register_entries(catalog_path, to_bulk, replace=True)
    if to_yaml:
        put_entries(catalog_path, to_yaml)
    return kind
