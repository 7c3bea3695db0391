"""Entries where their catalogue keeps them: its YAML file while it is small, else the bulk files beside it."""

from collections.abc import Sequence
from pathlib import Path

from oceandata.catalog.bulk import register_entries
from oceandata.catalog.catalog import open_catalog
from oceandata.catalog.loader import require_catalog
from oceandata.catalog.write import MOST_ENTRIES, put_entries
from oceandata.entities import Entry

__all__ = ["place_entries"]


def place_entries(catalog_path: str | Path, entries: Sequence[Entry], *, into: str = "auto") -> str:
    """
    Write entries where their catalogue keeps them, new ones where there is room.

    Parameters
    ----------
    catalog_path : str or pathlib.Path
        The YAML file, created if need be; its folder must exist.
    entries : sequence of Entry
        New and changed entries; each takes the place of the one of its id.
    into : {"auto", "bulk"}
        Whether new entries may go into the YAML file, which they do while it has room for all of them.

    Returns
    -------
    str
        ``"yaml"`` or ``"bulk"``: where new entries went.

    Raises
    ------
    InputError, NotFoundError, DocumentError
        If the files cannot be written.
    """
    path = Path(catalog_path)
    in_yaml, in_bulk = _held(path, [entry.id for entry in entries])
    new = {entry.id for entry in entries} - in_yaml - in_bulk
    kind = "yaml" if into == "auto" and len(in_yaml) + len(new) <= MOST_ENTRIES else "bulk"
    to_yaml = [entry for entry in entries if entry.id in in_yaml or (kind == "yaml" and entry.id in new)]
    chosen = {entry.id for entry in to_yaml}
    to_bulk = [entry for entry in entries if entry.id not in chosen]
    if to_bulk:
        register_entries(path, to_bulk, replace=True)
    if to_yaml:
        put_entries(path, to_yaml)
    return kind


def _held(path: Path, names: Sequence[str]) -> tuple[set[str], set[str]]:
    """All names of the YAML file, and those of some that stand in the bulk files."""
    if not path.exists():
        return set(), set()
    file = require_catalog(path)
    in_yaml = set(file.entries)
    if not file.bulk:
        return in_yaml, set()
    catalog = open_catalog(path)
    return in_yaml, {name for name in names if name not in in_yaml and name in catalog}
