"""
Numbered versions of the schema, each a list of statements that never changes once it was released.

The same text serves SQLite and PostgreSQL: ``{text}``, ``{integer}`` and ``{table}`` stand for what they spell
differently. Texts sort by code point on both. What must never change is guarded by triggers, so that no other client
changes it either; who removes a trigger first is found by the audit.
"""

from typing import TYPE_CHECKING, Any

from oceandata.errors import InputError
from oceandata.trade.registry.chain import GENESIS

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["SCHEMA_VERSION", "migrate", "statements"]

_TABLES_1 = (
    """CREATE TABLE settings (name {text} NOT NULL, value {text} NOT NULL, PRIMARY KEY (name)){table}""",
    """CREATE TABLE products (
        id {text} NOT NULL, state {text} NOT NULL, version {integer} NOT NULL, title {text} NOT NULL,
        title_zh {text} NOT NULL, provider {text} NOT NULL, theme {text} NOT NULL, grade {text} NOT NULL,
        declared_bytes {integer}, declared_chunks {integer}, document {text} NOT NULL, submitted_by {text},
        reviewed_by {text}, publicity {text},
        created_at {text} NOT NULL, updated_at {text} NOT NULL, PRIMARY KEY (id)){table}""",
    "CREATE INDEX products_by_state ON products (state, id)",
    "CREATE INDEX products_by_provider ON products (provider, id)",
    """CREATE TABLE revisions (
        product {text} NOT NULL REFERENCES products (id), number {integer} NOT NULL, repository {text} NOT NULL,
        layout {text} NOT NULL, tag {text} NOT NULL, snapshot {text} NOT NULL, content_root {text} NOT NULL,
        stored_bytes {integer} NOT NULL, decoded_bytes {integer}, chunks {integer} NOT NULL, records {integer},
        record_unit {text} NOT NULL, change {text} NOT NULL, difference {text}, recorded_at {text} NOT NULL,
        recorded_by {text} NOT NULL, finalized_at {text}, finalized_by {text}, revoked_at {text}, revoked_by {text},
        reason {text}, PRIMARY KEY (product, number)){table}""",
    "CREATE INDEX revisions_by_root ON revisions (content_root)",
    """CREATE TABLE registrations (
        scheme {text} NOT NULL, authority {text} NOT NULL, number {text} NOT NULL,
        product {text} NOT NULL REFERENCES products (id), issued_on {text} NOT NULL, expires_on {text},
        verify_url {text}, scan_sha256 {text}, covers_revision {integer}, publicity {text},
        recorded_at {text} NOT NULL, recorded_by {text} NOT NULL, PRIMARY KEY (scheme, authority, number)){table}""",
    "CREATE INDEX registrations_by_product ON registrations (product)",
    """CREATE TABLE offers (
        product {text} NOT NULL REFERENCES products (id), version {integer} NOT NULL, model {text} NOT NULL,
        currency {text}, amount_minor {integer}, amount_scale {integer}, terms {text} NOT NULL, valid_from {text},
        valid_to {text}, recorded_at {text} NOT NULL, recorded_by {text} NOT NULL,
        PRIMARY KEY (product, version)){table}""",
    """CREATE TABLE listings (
        product {text} NOT NULL REFERENCES products (id), number {integer} NOT NULL, exchange {text} NOT NULL,
        zone {text} NOT NULL, code {text} NOT NULL, url {text}, url_verified_at {text}, url_verified_by {text},
        offer {integer} NOT NULL, revision {integer} NOT NULL, state {text} NOT NULL, listed_at {text} NOT NULL,
        listed_by {text} NOT NULL, changed_at {text}, changed_by {text}, reason {text},
        FOREIGN KEY (product, offer) REFERENCES offers (product, version),
        FOREIGN KEY (product, revision) REFERENCES revisions (product, number),
        PRIMARY KEY (product, number)){table}""",
    "CREATE UNIQUE INDEX listings_by_code ON listings (exchange, zone, code) WHERE state <> 'delisted'",
    """CREATE TABLE events (
        seq {integer} NOT NULL PRIMARY KEY, at {text} NOT NULL, actor {text} NOT NULL, act {text} NOT NULL,
        product {text}, detail {text} NOT NULL, rows {text} NOT NULL, before_hash {text} NOT NULL,
        after_hash {text} NOT NULL, prev_hash {text} NOT NULL, hash {text} NOT NULL){rowid}""",
    "CREATE INDEX events_by_product ON events (product, seq)",
)

_TABLES_2 = (
    """CREATE TABLE parties (
        id {text} NOT NULL, name {text} NOT NULL, name_zh {text} NOT NULL, uscc {text}, document {text} NOT NULL,
        version {integer} NOT NULL, recorded_at {text} NOT NULL, recorded_by {text} NOT NULL,
        PRIMARY KEY (id)){table}""",
    """CREATE TABLE orders (
        id {text} NOT NULL, product {text} NOT NULL, offer {integer} NOT NULL, listing {integer},
        buyer {text} NOT NULL REFERENCES parties (id), contract {text} NOT NULL, currency {text},
        amount_minor {integer}, state {text} NOT NULL, document {text} NOT NULL, source_sha256 {text} NOT NULL,
        version {integer} NOT NULL, recorded_at {text} NOT NULL, recorded_by {text} NOT NULL,
        FOREIGN KEY (product, offer) REFERENCES offers (product, version), PRIMARY KEY (id)){table}""",
    "CREATE INDEX orders_by_product ON orders (product, id)",
    """CREATE TABLE entitlements (
        id {text} NOT NULL, order_id {text} NOT NULL REFERENCES orders (id),
        product {text} NOT NULL REFERENCES products (id), mode {text} NOT NULL, starts {text} NOT NULL, ends {text},
        document {text} NOT NULL, source_sha256 {text} NOT NULL, recorded_at {text} NOT NULL,
        recorded_by {text} NOT NULL, revoked_at {text}, revoked_by {text}, reason {text}, PRIMARY KEY (id)){table}""",
    "CREATE INDEX entitlements_by_product ON entitlements (product, id)",
)

# All but the three columns of a revocation.
_PINNED = (
    *("product", "number", "repository", "layout", "tag", "snapshot", "content_root", "stored_bytes"),
    *("decoded_bytes", "chunks", "records", "record_unit", "change", "difference", "recorded_at", "recorded_by"),
    *("finalized_at", "finalized_by"),
)

_FINAL = "a finalised revision is never changed"
_OFFER = "the terms of an offer are never changed"
_EVENT = "events are never changed"
_CHAIN = "events are only appended, each after the one before it"

_NOT_NEXT = (
    "NEW.seq <> COALESCE((SELECT MAX(seq) FROM events), 0) + 1 OR NEW.prev_hash <> "
    f"COALESCE((SELECT hash FROM events ORDER BY seq DESC LIMIT 1), '{GENESIS}')"
)


def _changes(differ: str) -> str:
    """Condition: a finalised revision would change in more than its first revocation."""
    pinned = " OR ".join(f"NEW.{column} {differ} OLD.{column}" for column in _PINNED)
    once = " OR ".join(f"NEW.{column} {differ} OLD.{column}" for column in ("revoked_at", "revoked_by", "reason"))
    return f"OLD.finalized_at IS NOT NULL AND ({pinned} OR (OLD.revoked_at IS NOT NULL AND ({once})))"


def _sqlite_guards() -> list[str]:
    """
    Triggers of SQLite.

    INSERT OR REPLACE removes the old row without asking triggers on deletion: the insertion itself is refused.
    """

    def guard(name: str, event: str, table: str, condition: str, message: str) -> str:
        when = f" WHEN {condition}" if condition else ""
        act = f"SELECT RAISE(ABORT, 'refused: {message}')"
        return f"CREATE TRIGGER {name} BEFORE {event} ON {table}{when} BEGIN {act}; END"

    def there(table: str, key: str) -> str:
        return f"EXISTS (SELECT 1 FROM {table} WHERE product = NEW.product AND {key} = NEW.{key})"

    return [
        guard("events_update", "UPDATE", "events", "", _EVENT),
        guard("events_delete", "DELETE", "events", "", _EVENT),
        guard("events_insert", "INSERT", "events", _NOT_NEXT, _CHAIN),
        guard("offers_update", "UPDATE", "offers", "", _OFFER),
        guard("offers_delete", "DELETE", "offers", "", _OFFER),
        guard("offers_insert", "INSERT", "offers", there("offers", "version"), _OFFER),
        guard("revisions_update", "UPDATE", "revisions", _changes("IS NOT"), _FINAL),
        guard("revisions_delete", "DELETE", "revisions", "OLD.finalized_at IS NOT NULL", _FINAL),
        guard("revisions_insert", "INSERT", "revisions", there("revisions", "number"), _FINAL),
    ]


def _postgresql_guards() -> list[str]:
    """Functions and triggers of PostgreSQL; emptying a whole table is refused too."""
    refuse = (
        "CREATE FUNCTION oceandata_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION USING MESSAGE = 'refused: ' || TG_ARGV[0]; END $$"
    )
    append = (
        "CREATE FUNCTION oceandata_append() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF {_NOT_NEXT} THEN RAISE EXCEPTION 'refused: {_CHAIN}'; END IF; RETURN NEW; END $$"
    )
    made = [refuse, append]
    for table, message in (("events", _EVENT), ("offers", _OFFER)):
        made.append(
            f"CREATE TRIGGER {table}_change BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION oceandata_refuse('{message}')"
        )
    for table, message in (("events", _EVENT), ("offers", _OFFER), ("revisions", _FINAL)):
        made.append(
            f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION oceandata_refuse('{message}')"
        )
    for event, condition in (("UPDATE", _changes("IS DISTINCT FROM")), ("DELETE", "OLD.finalized_at IS NOT NULL")):
        made.append(
            f"CREATE TRIGGER revisions_{event.lower()} BEFORE {event} ON revisions FOR EACH ROW WHEN ({condition}) "
            f"EXECUTE FUNCTION oceandata_refuse('{_FINAL}')"
        )
    made.append("CREATE TRIGGER events_insert BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION oceandata_append()")
    return made


_WORDS = {
    "sqlite": {"text": "TEXT", "integer": "INTEGER", "table": " STRICT, WITHOUT ROWID", "rowid": " STRICT"},
    "postgresql": {"text": 'TEXT COLLATE "C"', "integer": "BIGINT", "table": "", "rowid": ""},
}

#: Version of the schema that this program writes.
SCHEMA_VERSION = 2


def statements(dialect: str, version: int) -> list[str]:
    """
    What makes one version of the schema out of the one before it.

    Parameters
    ----------
    dialect : str
        ``"sqlite"`` or ``"postgresql"``.
    version : int
        From 1 to `SCHEMA_VERSION`.

    Returns
    -------
    list of str
        SQL, in order.
    """
    tables = (_TABLES_1, _TABLES_2)[version - 1]
    made = [text.format(**_WORDS[dialect]) for text in tables]
    if version == 1:
        made += _sqlite_guards() if dialect == "sqlite" else _postgresql_guards()
    return made


def migrate(connection: "sa.Connection", version: int, *, to: int = SCHEMA_VERSION) -> int:
    """
    Bring a registry to a version of the schema, inside the transaction of the caller.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        In a transaction that writes.
    version : int
        What the registry has; 0 for an empty one.
    to : int
        What it shall have.

    Returns
    -------
    int
        The version it has now.

    Raises
    ------
    InputError
        If the registry is newer than this program.
    """
    if version > SCHEMA_VERSION:
        msg = (
            f"the registry has schema version {version}, this program knows up to {SCHEMA_VERSION}. "
            "Install a newer oceandata-exchange; nothing was changed."
        )
        raise InputError(msg)
    for number in range(version + 1, to + 1):
        for statement in statements(connection.dialect.name, number):
            connection.exec_driver_sql(statement)
        _keep(connection, number)
    return max(version, to)


def _keep(connection: "sa.Connection", number: int) -> None:
    """Write down the version that the schema has."""
    import sqlalchemy as sa

    arguments: dict[str, Any] = {"value": str(number)}
    if number == 1:
        connection.execute(sa.text("INSERT INTO settings (name, value) VALUES ('schema', :value)"), arguments)
    else:
        connection.execute(sa.text("UPDATE settings SET value = :value WHERE name = 'schema'"), arguments)
