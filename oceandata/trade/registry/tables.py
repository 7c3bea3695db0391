"""The tables as SQLAlchemy sees them; `oceandata.trade.registry.migrations` makes them."""

from collections.abc import Mapping
from typing import NamedTuple

import sqlalchemy as sa

from oceandata.trade.registry.canonical import canonical_json
from oceandata.trade.registry.chain import GENESIS

__all__ = ["KEYS", "TABLES", "Head", "read_head", "table_key"]

_LAYOUT = {
    "parties": ("id*", "name", "name_zh", "uscc", "document", "version#", "recorded_at", "recorded_by"),
    "products": (
        *("id*", "state", "version#", "title", "title_zh", "provider", "theme", "grade"),
        *(
            "declared_bytes#",
            "declared_chunks#",
            "document",
            "submitted_by",
            "reviewed_by",
            "publicity",
            "created_at",
            "updated_at",
        ),
    ),
    "revisions": (
        *("product*", "number*#", "repository", "layout", "tag", "snapshot", "content_root"),
        *("stored_bytes#", "decoded_bytes#", "chunks#", "records#", "record_unit", "change", "difference"),
        *("recorded_at", "recorded_by", "finalized_at", "finalized_by", "revoked_at", "revoked_by", "reason"),
    ),
    "registrations": (
        *("scheme*", "authority*", "number*", "product", "issued_on", "expires_on", "verify_url", "scan_sha256"),
        *("covers_revision#", "publicity", "recorded_at", "recorded_by"),
    ),
    "offers": (
        *("product*", "version*#", "model", "currency", "amount_minor#", "amount_scale#", "terms"),
        *("valid_from", "valid_to", "recorded_at", "recorded_by"),
    ),
    "listings": (
        *("product*", "number*#", "exchange", "zone", "code", "url", "url_verified_at", "url_verified_by"),
        *("offer#", "revision#", "state", "listed_at", "listed_by", "changed_at", "changed_by", "reason"),
    ),
    "orders": (
        *("id*", "product", "offer#", "listing#", "buyer", "contract", "currency", "amount_minor#", "state"),
        *("document", "source_sha256", "version#", "recorded_at", "recorded_by"),
    ),
    "entitlements": (
        *("id*", "order_id", "product", "mode", "starts", "ends", "document", "source_sha256"),
        *("recorded_at", "recorded_by", "revoked_at", "revoked_by", "reason"),
    ),
    "events": (
        *("seq*#", "at", "actor", "act", "product", "detail", "rows"),
        *("before_hash", "after_hash", "prev_hash", "hash"),
    ),
    "settings": ("name*", "value"),
}

_METADATA = sa.MetaData()


def _column(text: str) -> "sa.Column[object]":
    """Column of its short form: ``*`` belongs to the key, ``#`` is a whole number."""
    kind = sa.BigInteger() if "#" in text else sa.Text()
    return sa.Column(text.strip("*#"), kind, primary_key="*" in text)


#: Every table by its name.
TABLES = {name: sa.Table(name, _METADATA, *map(_column, columns)) for name, columns in _LAYOUT.items()}

#: Names of the columns that make the key of each table.
KEYS = {name: tuple(column.name for column in table.primary_key) for name, table in TABLES.items()}


def table_key(name: str, row: Mapping[str, object]) -> str:
    """
    Name of a row in an event: its table and its key.

    Parameters
    ----------
    name : str
        The table.
    row : mapping
        At least the columns of the key.

    Returns
    -------
    str
        Such as ``'["offers","qd:sst",2]'``; no two rows share one.
    """
    return canonical_json([name, *(row[key] for key in KEYS[name])])


class Head(NamedTuple):
    """The newest event: its number, its hash, and when it was; zero, the genesis hash and nothing if there is none."""

    seq: int
    hash: str
    at: str


def read_head(connection: sa.Connection) -> Head:
    """
    Newest event.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction.

    Returns
    -------
    Head
        Of an empty chain the genesis.
    """
    events = TABLES["events"]
    chosen = sa.select(events.c.seq, events.c.hash, events.c.at).order_by(events.c.seq.desc()).limit(1)
    found = connection.execute(chosen).one_or_none()
    return Head(0, GENESIS, "") if found is None else Head(*found)
