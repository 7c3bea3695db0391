"""The Intake v2 form around an entry: which keys a catalogue file has, and how the reader is called."""

from collections.abc import Mapping
from typing import Any

from oceandata.entities import Asset, Entry, Origin
from oceandata.errors import NotFoundError, closest

__all__ = [
    "CATALOG_DIR",
    "ENTRY_KEYS",
    "INDEX_ENTRY",
    "INDEX_NAME",
    "OUTPUT_INSTANCE",
    "READERS",
    "READER_ARGUMENTS",
    "TOP_KEYS",
    "catalog_document",
    "entry_document",
    "reader_arguments",
    "require_asset",
]

#: Stands for the folder of the catalogue file; the one template that is accepted.
CATALOG_DIR = "{CATALOG_DIR}"

#: Readers that a catalogue may name; anything else would be code from a file.
READERS = ("oceandata.readers:OceanZarr",)

#: Arguments of the reader that a catalogue may set.
READER_ARGUMENTS = ("url", "group", "revision", "snapshot", "origin", "type", "files")

#: What the reader gives, in Intake's words.
OUTPUT_INSTANCE = "xarray:Dataset"

#: Name of the entry behind which the bulk entries stand, and the one form that it has.
INDEX_NAME = "all"
INDEX_ENTRY: dict[str, Any] = {
    "reader": "oceandata.readers:IndexReader",
    "kwargs": {"path": f"{CATALOG_DIR}/index.sqlite"},
    "output_instance": "intake.readers.entry:Catalog",
    "metadata": {},
    "user_parameters": {},
}

#: Keys at the top of a catalogue file; Intake fails without any of them.
TOP_KEYS = ("version", "metadata", "aliases", "user_parameters", "data", "entries")

#: Keys of one entry; Intake fails without any of them.
ENTRY_KEYS = ("reader", "kwargs", "output_instance", "metadata", "user_parameters")


def require_asset(entry: Entry, layout: str = "") -> Asset:
    """
    Layout of an entry by name.

    Parameters
    ----------
    entry : Entry
        The dataset.
    layout : str
        Name of the layout; empty for the first, which is the one that is opened by default.

    Returns
    -------
    Asset
        Where that layout is stored.

    Raises
    ------
    NotFoundError
        If the entry has no layout of that name.
    """
    if not layout:
        return next(iter(entry.assets.values()))
    if layout not in entry.assets:
        msg = f"entry {entry.id!r} has no layout {layout!r}. {closest(layout, list(entry.assets))}"
        raise NotFoundError(msg)
    return entry.assets[layout]


def reader_arguments(entry: Entry, layout: str = "") -> dict[str, Any]:
    """
    Arguments of the reader for one layout of an entry.

    They follow from the entry alone, so that the same dataset opens through Intake and through `Catalog.open`, and
    says in both cases which product it is and what it owes.

    Parameters
    ----------
    entry : Entry
        The dataset.
    layout : str
        Name of the layout; empty for the first.

    Returns
    -------
    dict
        ``url`` and ``origin``: what `Origin` says beyond the place. Of a repository also ``group``, ``revision`` and
        ``snapshot``; of plain Zarr ``type`` and ``group``; of NetCDF ``type``, and ``files`` where there are several.

    Raises
    ------
    NotFoundError
        If the entry has no layout of that name.
    """
    asset = require_asset(entry, layout)
    if asset.type == "application/vnd+icechunk":
        place: dict[str, Any] = {"group": asset.group, "revision": asset.revision, "snapshot": asset.snapshot}
    elif asset.type == "application/vnd+zarr":
        place = {"type": asset.type, "group": asset.group}
    else:
        place = {"type": asset.type, "files": list(asset.files)} if asset.files else {"type": asset.type}
    return {"url": asset.href, **place, "origin": _origin(entry)}


def _origin(entry: Entry) -> dict[str, Any]:
    """Fields of `Origin` that an entry knows; the place is the reader's to fill in."""
    origin = Origin(
        repository="",
        entry=entry.id,
        product=entry.trade.product if entry.trade else "",
        product_revision=entry.trade.revision if entry.trade else None,
        licence=entry.license,
        attribution=entry.attribution,
        example=entry.trade.example if entry.trade else False,
    )
    place = ("repository", "group", "revision", "snapshot")
    return {field: value for field, value in origin.to_json().items() if field not in place}


def entry_document(entry: Entry) -> dict[str, Any]:
    """
    Intake form of one entry.

    Parameters
    ----------
    entry : Entry
        The dataset.

    Returns
    -------
    dict
        JSON types; the entry itself stands under ``metadata``, ``entry``.
    """
    return {
        "reader": READERS[0],
        "kwargs": reader_arguments(entry),
        "output_instance": OUTPUT_INSTANCE,
        "metadata": {"entry": entry.to_json()},
        "user_parameters": {},
    }


def catalog_document(
    entries: Mapping[str, Entry], *, aliases: Mapping[str, str], metadata: Mapping[str, Any], bulk: bool = False
) -> dict[str, Any]:
    """
    Intake form of a catalogue, in one order whatever the order of what is given.

    Parameters
    ----------
    entries : mapping of str to Entry
        The datasets by id.
    aliases : mapping of str to str
        Further names and the ids they stand for; each id is added as a name of itself, which Intake needs to list it.
    metadata : mapping
        What the file says of itself.
    bulk : bool
        Whether there are bulk entries beside the file: they stand behind one entry, ``all``.

    Returns
    -------
    dict
        JSON types.
    """
    forms = {name: entry_document(entries[name]) for name in entries} | ({INDEX_NAME: INDEX_ENTRY} if bulk else {})
    names = {**aliases, **{name: name for name in forms}}
    return {
        "version": 2,
        "metadata": dict(metadata),
        "aliases": {name: names[name] for name in sorted(names)},
        "user_parameters": {},
        "data": {},
        "entries": {name: forms[name] for name in sorted(forms)},
    }
