"""What a catalogue holds before a scan, in its YAML file and in the bulk files beside it."""

from pathlib import Path
from typing import NamedTuple

from oceandata.catalog.catalog import open_catalog
from oceandata.catalog.loader import require_catalog
from oceandata.entities import Entry

__all__ = ["Present", "read_present"]


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
