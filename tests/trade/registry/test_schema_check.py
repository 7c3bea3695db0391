"""Triggers, tables and versions that somebody removed, replaced or added are named by the audit, on both engines."""

from typing import Any

import pytest

from oceandata.errors import AccessError, CorruptionError
from oceandata.trade import registry as reg
from oceandata.trade.registry.migrations import SCHEMA_VERSION, statements
from oceandata.trade.registry.registry import Registry
from oceandata.trade.registry.tables import TABLES
from tests.trade.registry.steps import Raw, listed

SQLITE = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("url", ["postgresql"], indirect=True)

MISSING = "{} is missing: find out who removed it, and make it again as a new registry has it (oceandata trade init)"
ALTERED = (
    "{} is not as this program made it: find out who altered it or switched it off, "
    "and make it again as a new registry has it (oceandata trade init)"
)
FOREIGN = "{} is not of this program: find out who added it and what for, and remove it"

_FUNCTION = "LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"


def _faults(registry: Registry) -> list[str]:
    report = reg.audit_registry(registry)
    assert report.is_whole == (not report.faults)
    return list(map(str, report.faults))


def _made(raw: Raw, kind: str) -> list[str]:
    """Statements that make all triggers, or all indexes."""
    every = [one for version in range(1, SCHEMA_VERSION + 1) for one in statements(raw.dialect, version)]
    return [one for one in every if one.startswith(f"CREATE {kind} ")]


def test_each_trigger_that_is_gone_is_named(registry: Registry, document: dict[str, Any], raw: Raw) -> None:
    listed(registry, document)
    triggers = _made(raw, "TRIGGER")
    assert len(triggers) == (9 if raw.is_sqlite else 8)
    for statement in triggers:
        name = statement.split()[2]
        table = name.split("_")[0]
        raw.drop_trigger(name, table)
        assert _faults(registry) == [MISSING.format(f"trigger {name} on {table}")]
        raw(statement)
        assert _faults(registry) == []


def test_each_index_that_is_gone_is_named(registry: Registry, raw: Raw) -> None:
    indexes = [*_made(raw, "INDEX"), *_made(raw, "UNIQUE INDEX")]
    assert len(indexes) == 8
    for statement in indexes:
        name, _, table = statement.partition(" INDEX ")[2].split()[:3]
        raw(f"DROP INDEX {name}")
        assert _faults(registry) == [MISSING.format(f"index {name} on {table}")]
        raw(statement)
    assert _faults(registry) == []


_WEAK = "CREATE TRIGGER {} WHEN OLD.seq < 0 BEGIN SELECT RAISE(ABORT, 'refused'); END"
_LOCKED = (
    "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = replace(sql, 'NOT NULL', '') WHERE name = 'parties'"
)


@SQLITE
@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        (
            "DROP TRIGGER events_update; " + _WEAK.format("events_update BEFORE UPDATE ON events"),
            ALTERED.format("trigger events_update on events"),
        ),
        (
            "CREATE TRIGGER spy AFTER INSERT ON EVENTS BEGIN DELETE FROM listings; END",
            FOREIGN.format("trigger spy on EVENTS"),
        ),
        ("CREATE UNIQUE INDEX one ON orders (buyer)", FOREIGN.format("index one on orders")),
        ("ALTER TABLE products ADD COLUMN secret TEXT", ALTERED.format("table products")),
        (_LOCKED, ALTERED.format("table parties")),
    ],
)
def test_what_was_altered_in_a_file(registry: Registry, raw: Raw, changes: str, fault: str) -> None:
    raw.connection.executescript(changes)
    assert _faults(registry) == [fault]


@POSTGRESQL
@pytest.mark.parametrize(
    ("change", "faults"),
    [
        (
            f"CREATE OR REPLACE FUNCTION oceandata_refuse() RETURNS trigger {_FUNCTION}",
            [ALTERED.format("function oceandata_refuse")],
        ),
        ("ALTER FUNCTION oceandata_append() SECURITY DEFINER", [ALTERED.format("function oceandata_append")]),
        (
            "CREATE OR REPLACE TRIGGER events_change BEFORE DELETE ON events FOR EACH ROW "
            "EXECUTE FUNCTION oceandata_refuse('events are never changed')",
            [ALTERED.format("trigger events_change on events")],
        ),
        ("ALTER TABLE events DISABLE TRIGGER events_change", [ALTERED.format("trigger events_change on events")]),
        (
            "ALTER TABLE offers DISABLE TRIGGER ALL",
            [
                ALTERED.format(part)
                for part in (
                    *("constraint listings_product_offer_fkey on listings", "constraint offers_product_fkey on offers"),
                    *("constraint orders_product_offer_fkey on orders", "trigger offers_change on offers"),
                    "trigger offers_truncate on offers",
                )
            ],
        ),
        (
            "CREATE TRIGGER spy BEFORE UPDATE ON products FOR EACH ROW "
            "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            [FOREIGN.format("trigger spy on products")],
        ),
        (
            "CREATE RULE silent AS ON UPDATE TO products DO INSTEAD NOTHING",
            [FOREIGN.format("rule silent on products")],
        ),
        ("CREATE POLICY narrow ON orders USING (false)", [FOREIGN.format("policy narrow on orders")]),
        ("ALTER TABLE orders ENABLE ROW LEVEL SECURITY", [ALTERED.format("table orders")]),
        ("CREATE UNIQUE INDEX one ON orders (buyer)", [FOREIGN.format("index one on orders")]),
        ("ALTER TABLE orders ADD CHECK (version < 5)", [FOREIGN.format("constraint orders_version_check on orders")]),
        ("ALTER TABLE products ADD COLUMN secret TEXT", [ALTERED.format("table products")]),
        ("ALTER TABLE products ALTER COLUMN state DROP NOT NULL", [ALTERED.format("table products")]),
        ('ALTER TABLE products ALTER COLUMN id TYPE TEXT COLLATE pg_catalog."default"', None),
        (
            "ALTER TABLE revisions DROP CONSTRAINT revisions_product_fkey",
            [MISSING.format("constraint revisions_product_fkey on revisions")],
        ),
    ],
)
def test_what_was_altered_in_a_server(registry: Registry, raw: Raw, change: str, faults: list[str] | None) -> None:
    raw(change)
    found = _faults(registry)
    assert sorted(found) == faults if faults else ALTERED.format("table products") in found


def test_tables_of_others_are_theirs(registry: Registry, raw: Raw) -> None:
    raw("CREATE TABLE notes (word TEXT)")
    raw("CREATE INDEX notes_by_word ON notes (word)")
    assert _faults(registry) == []


@pytest.mark.parametrize(
    ("change", "words", "read"),
    [
        ("ALTER TABLE listings RENAME TO hidden", MISSING.format("table listings"), False),
        ("ALTER TABLE events RENAME COLUMN actor TO who", ALTERED.format("table events"), False),
        ("DROP TABLE entitlements", MISSING.format("table entitlements"), False),
        ("ALTER TABLE events ADD COLUMN remark TEXT", ALTERED.format("table events"), True),
    ],
)
def test_tables_that_cannot_be_read(registry: Registry, raw: Raw, change: str, words: str, read: bool) -> None:
    """The report tells of the tables also where events and rows cannot be compared any more."""
    raw(change)
    found = _faults(registry)
    assert words in found
    assert found[0].startswith("events and rows cannot be read as the tables are now: ") != read


def test_a_table_that_is_gone_is_named_once(registry: Registry, raw: Raw) -> None:
    raw("DROP TABLE entitlements")
    assert _faults(registry)[1:] == [MISSING.format("table entitlements")]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE settings SET value = '1' WHERE name = 'schema'", "1"),
        ("UPDATE settings SET value = '0' WHERE name = 'schema'", "0"),
        ("DELETE FROM settings WHERE name = 'schema'", "None"),
    ],
)
def test_a_version_that_is_not_that_of_the_tables(
    registry: Registry, raw: Raw, url: str, change: str, told: str
) -> None:
    raw(change)
    said = told if told == "None" else f"'{told}'"
    assert _faults(registry) == [
        f"the settings say schema version {said}, and it is 2: find out who altered it, and write 2 there again"
    ]
    with pytest.raises(CorruptionError, match=r"its settings say schema version [01], and it holds .*parties"):
        reg.open_registry(url)
    assert len(raw("SELECT * FROM settings")) == (1 if told == "None" else 2)


@POSTGRESQL
def test_who_may_only_read_may_audit(registry: Registry, raw: Raw, url: str, document: dict[str, Any]) -> None:
    """Without the right to make temporary tables the audit says so; it leaves none behind."""
    listed(registry, document)
    (name,) = raw("SELECT current_database()")[0]
    raw(f"CREATE ROLE reader_{name} LOGIN")
    raw(f"GRANT SELECT ON {', '.join(TABLES)} TO reader_{name}")
    try:
        with reg.open_registry(url.replace("keeper@", f"reader_{name}@")) as reader:
            assert reg.audit_registry(reader).is_whole
            assert raw("SELECT relname FROM pg_class WHERE relpersistence = 't'") == []
            raw(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")
            with pytest.raises(AccessError, match="permission denied to create temporary tables"):
                reg.audit_registry(reader)
    finally:
        raw(f"DROP OWNED BY reader_{name}")
        raw(f"DROP ROLE reader_{name}")


def test_many_faults_are_counted(registry: Registry, raw: Raw) -> None:
    """Faults of the schema do not hide those of events, nor the other way round."""
    for number in range(25):
        raw(f"CREATE INDEX extra_{number:02} ON orders (buyer)")
    report = reg.audit_registry(registry)
    assert (len(report.faults), report.more_faults) == (20, 5)
    raw("UPDATE settings SET value = 'other' WHERE name = 'id'")
    registry.id = "other"
    report = reg.audit_registry(registry)
    assert (len(report.faults), report.more_faults) == (22, 5)
    assert [one.seq for one in report.faults][:3] == [1, 1, None]
