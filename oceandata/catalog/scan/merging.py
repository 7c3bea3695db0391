"""What a person said of an entry stays, whatever a scan finds: three versions of a document become one."""

from collections.abc import Mapping
from typing import Any

from oceandata.catalog.scan.drafting import NO_LICENCE
from oceandata.entities import Entry

__all__ = ["merged_entry"]

#: Fields that are facts of the stored bytes: always those of the last scan.
_FACTS = frozenset({"schema_version", "id", "assets", "derived_from", "created", "history"})
_VARIABLE_FACTS = frozenset({"dimensions", "shape", "chunks", "dtype", "nbytes"})


def merged_entry(fresh: Entry, present: Entry, scanned: Mapping[str, Any] | None) -> Entry:
    """
    Entry as found now, with everything that a person said of it.

    What stands in the catalogue otherwise than the last scan wrote it was said by a person, and stays. Where no scan
    is remembered, all that the catalogue says counts as said by a person. Places, sizes, shapes and the period are
    always those found; a variable that is gone is gone.

    Parameters
    ----------
    fresh : Entry
        As found now.
    present : Entry
        As the catalogue has it.
    scanned : mapping or None
        JSON form of what the last scan wrote; None if it is not known.

    Returns
    -------
    Entry
        With the id of the present one.
    """
    new, old = fresh.to_json(), present.to_json()
    base: Mapping[str, Any] = {} if scanned is None else scanned
    if old.get("license") == NO_LICENCE:  # nobody said that
        base = {**base, "license": NO_LICENCE}
    merged: dict[str, Any] = {}
    for key in [*new, *(key for key in old if key not in new)]:
        if key in _FACTS:
            chosen = new.get(key)
        elif key == "extent":
            chosen = _extent(new.get(key, {}), old.get(key, {}), base.get(key))
        elif key == "variables":
            chosen = _variables(new.get(key, {}), old.get(key, {}), base.get(key, {}))
        else:
            chosen = _kept(key, new, old, base)
        if chosen is not None:
            merged[key] = chosen
    return Entry.from_json({**merged, "id": present.id}, where=f"entry {present.id!r}")


def _kept(key: str, new: Mapping[str, Any], old: Mapping[str, Any], base: Mapping[str, Any]) -> Any:
    """Value of a field: the person's where it differs from what a scan wrote, else the one found now."""
    return old.get(key) if old.get(key) != base.get(key) else new.get(key)


def _extent(new: Mapping[str, Any], old: Mapping[str, Any], base: Mapping[str, Any] | None) -> dict[str, Any]:
    """Extent: what is found wins, but where a person changed what a scan wrote, or the files say nothing."""
    merged = {}
    for key in {**new, **old}:
        changed = base is not None and old.get(key) != base.get(key) and key not in ("time", "time_resolution")
        value = old.get(key) if changed else new.get(key, old.get(key))
        if value is not None:
            merged[key] = value
    return merged


def _variables(new: Mapping[str, Any], old: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Variables there are now, with what a person said of them."""
    merged = {}
    for name, variable in new.items():
        before, scanned = old.get(name, {}), base.get(name, {})
        said = {key: _kept(key, variable, before, scanned) for key in {**variable, **before}}
        facts = {key: variable.get(key) for key in _VARIABLE_FACTS}
        chosen = {**said, **facts} if name in old else dict(variable)
        merged[name] = {key: value for key, value in chosen.items() if value is not None}
    return merged
