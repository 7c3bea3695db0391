"""The chain of events: each holds the hash of the one before it, so that none can change without all after it."""

import hashlib
from collections.abc import Mapping
from typing import Any

from oceandata.trade.registry.canonical import canonical_json, digest

__all__ = ["EVENT_FORMAT", "GENESIS", "event_hash", "event_text", "row_digest"]

#: Name of the form that is hashed.
EVENT_FORMAT = "od-event-1"

#: What the first event names as the hash before it.
GENESIS = "0" * 64


def event_text(registry: str, row: Mapping[str, Any]) -> str:
    """
    What is hashed of an event.

    Parameters
    ----------
    registry : str
        Identifier of the registry: an event of another one does not fit in.
    row : mapping
        Columns of the event as they are stored, with or without ``hash``.

    Returns
    -------
    str
        Canonical JSON.
    """
    said = {name: value for name, value in row.items() if name != "hash"}
    return canonical_json({"format": EVENT_FORMAT, "registry": registry, **said})


def event_hash(registry: str, row: Mapping[str, Any]) -> str:
    """
    Hash of an event.

    Parameters
    ----------
    registry : str
        Identifier of the registry.
    row : mapping
        See `event_text`.

    Returns
    -------
    str
        SHA-256, 64 hexadecimal digits.
    """
    return hashlib.sha256(event_text(registry, row).encode()).hexdigest()


def row_digest(row: Mapping[str, Any]) -> str:
    """
    Digest of a row.

    Columns without a value do not count, so that a later schema may have more of them.

    Parameters
    ----------
    row : mapping
        Columns as they are stored.

    Returns
    -------
    str
        SHA-256, 64 hexadecimal digits.
    """
    return digest({name: value for name, value in row.items() if value is not None})
