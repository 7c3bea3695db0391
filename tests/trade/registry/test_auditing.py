"""Who may remove triggers may change anything: the audit says where, and an anchor finds a chain computed anew."""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from oceandata.errors import CorruptionError, DocumentError
from oceandata.trade import registry as reg
from oceandata.trade.registry.auditing import Anchor
from oceandata.trade.registry.chain import event_hash
from oceandata.trade.registry.migrations import statements
from oceandata.trade.registry.registry import Registry
from tests.trade.registry.steps import Raw, listed


@pytest.fixture
def product(registry: Registry, document: dict[str, Any]) -> str:
    return listed(registry, document)


@contextlib.contextmanager
def _unguarded(raw: Raw, *tables: str) -> Iterator[None]:
    """Without the triggers on some tables, which are put back afterwards: nothing of it is seen in the schema."""
    names = {
        "events": ("events_update", "events_delete") if raw.is_sqlite else ("events_change",),
        "offers": ("offers_update", "offers_delete") if raw.is_sqlite else ("offers_change",),
        "revisions": ("revisions_update", "revisions_delete"),
    }
    dropped = [(name, table) for table in tables for name in names[table]]
    for name, table in dropped:
        raw.drop_trigger(name, table)
    yield
    for name, _ in dropped:
        raw(next(one for one in statements(raw.dialect, 1) if one.startswith(f"CREATE TRIGGER {name} ")))


def _messages(registry: Registry, **given: Any) -> list[str]:
    report = reg.audit_registry(registry, **given)
    assert report.is_whole == (not report.faults)
    return list(map(str, report.faults))


def test_a_whole_registry(registry: Registry, product: str) -> None:
    report = reg.audit_registry(registry)
    assert report.is_whole
    assert (report.events, report.rows) == (9, 5)
    assert report.head == registry.head().hash
    assert str(report).splitlines()[-1].split() == ["verdict", "whole"]
    assert report.to_json()["is_whole"] is True


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'Nobody'",
        "at = '2020-01-01T00:00:00.000000Z'",
        "detail = '{}'",
        "product = NULL",
        "rows = '{}'",
        "rows = 'no JSON'",
        "before_hash = 'x'",
        "hash = prev_hash",
    ],
)
def test_the_first_altered_event_is_named(registry: Registry, product: str, raw: Raw, change: str) -> None:
    with _unguarded(raw, "events"):
        raw(f"UPDATE events SET {change} WHERE seq = 4")
    assert _messages(registry)[0].startswith("event 4: altered: its content does not have its hash")


def test_an_event_that_is_gone(registry: Registry, product: str, raw: Raw) -> None:
    with _unguarded(raw, "events"):
        raw("DELETE FROM events WHERE seq = 5")
    assert _messages(registry)[0] == "event 6: event 5 is missing before it"


def test_an_altered_event_with_a_fitting_hash(registry: Registry, product: str, raw: Raw) -> None:
    """Its own hash fits again; the event after it does not follow."""
    with _unguarded(raw, "events"):
        event = next(one for one in registry.events() if one.seq == 4)
        row = {**event.to_json(), "actor": "Nobody"}
        row |= {"detail": json.dumps(event.detail, separators=(",", ":"), sort_keys=True, ensure_ascii=False)}
        row |= {"rows": json.dumps(event.rows, separators=(",", ":"), sort_keys=True, ensure_ascii=False)}
        raw(f"UPDATE events SET actor = 'Nobody', hash = '{event_hash(registry.id, row)}' WHERE seq = 4")
    assert _messages(registry) == ["event 5: altered, or the one before it: it follows an event of another hash"]


def _computed_anew(registry: Registry, raw: Raw) -> None:
    """Another actor in event 4, and every hash from there on computed again."""
    columns = ("seq", "at", "actor", "act", "product", "detail", "rows", "before_hash", "after_hash")
    rows = raw(f"SELECT {', '.join(columns)} FROM events ORDER BY seq")
    previous = reg_genesis = "0" * 64
    for values in rows:
        row = dict(zip(columns, values, strict=True))
        row |= {"actor": "Nobody" if row["seq"] == 4 else row["actor"], "prev_hash": previous}
        previous = event_hash(registry.id, row)
        raw(
            f"UPDATE events SET actor = '{row['actor']}', prev_hash = '{row['prev_hash']}', hash = '{previous}' "
            f"WHERE seq = {row['seq']}"
        )
    assert reg_genesis != previous


def test_only_an_anchor_finds_a_chain_computed_anew(registry: Registry, product: str, raw: Raw) -> None:
    anchor = reg.anchor_of(registry)
    reg.suspend_listing(registry, product, actor="Li Si", reason="a sensor drifted")
    assert reg.audit_registry(registry, anchor=anchor).anchored
    with _unguarded(raw, "events"):
        _computed_anew(registry, raw)
    assert _messages(registry) == []
    (message,) = _messages(registry, anchor=anchor)
    assert message == f"event 9: the chain does not lead to the anchor {anchor.sha256}: it was computed anew, or cut"


def test_an_anchor_finds_a_chain_cut_short(registry: Registry, product: str, raw: Raw) -> None:
    anchor = reg.anchor_of(registry)
    with _unguarded(raw, "events"):
        raw("DELETE FROM events WHERE seq = 9")
    assert "does not lead to the anchor" in _messages(registry, anchor=anchor)[-1]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE products SET state = 'draft'", "row qd:sst of products was changed without an event"),
        ("UPDATE offers SET amount_minor = 1", "row qd:sst/1 of offers was changed without an event"),
        ("UPDATE revisions SET content_root = 'sha256:ff'", "row qd:sst/1 of revisions was changed without an event"),
        ("DELETE FROM listings", "row qd:sst/1 of listings was written by an event, but is gone"),
        (
            "INSERT INTO parties VALUES ('x', 'X', '', NULL, '{}', 1, '2026', 'X')",
            "row x of parties is there, but no event wrote it",
        ),
    ],
)
def test_rows_that_no_event_explains(registry: Registry, product: str, raw: Raw, statement: str, words: str) -> None:
    with _unguarded(raw, "offers", "revisions"):
        raw(statement)
    assert _messages(registry) == [words]


def test_events_of_another_registry_do_not_fit(registry: Registry, product: str, raw: Raw) -> None:
    raw("UPDATE settings SET value = 'another' WHERE name = 'id'")
    registry.id = "another"
    report = reg.audit_registry(registry)
    assert str(report.faults[0]) == "event 1: it does not begin the chain of registry another"
    assert len(report.faults) + report.more_faults == 10


def test_many_faults_are_counted(registry: Registry, document: dict[str, Any], raw: Raw) -> None:
    for number in range(25):
        reg.add_product(registry, document | {"id": f"p{number:02}"}, actor="Qian Er")
    raw("UPDATE products SET state = 'listed'")
    report = reg.audit_registry(registry)
    assert (len(report.faults), report.more_faults) == (20, 5)
    assert str(report).splitlines()[-2:] == ["fault     and 5 more", "verdict   ALTERED"]


def test_an_anchor_is_what_anyone_can_compute(registry: Registry, product: str, raw: Raw) -> None:
    anchor = reg.anchor_of(registry)
    (stored,) = raw("SELECT * FROM events WHERE seq = 9")
    names = ("seq", "at", "actor", "act", "product", "detail", "rows", "before_hash", "after_hash", "prev_hash")
    said = {"format": "od-event-1", "registry": registry.id, **dict(zip(names, stored, strict=False))}
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert anchor.sha256 == hashlib.sha256(text.encode()).hexdigest() == stored[-1]
    assert anchor.sm3 == hashlib.new("sm3", text.encode()).hexdigest()
    assert Anchor.from_json(json.loads(json.dumps(anchor.to_json()))) == anchor
    for wrong in ({}, anchor.to_json() | {"seq": "9"}, anchor.to_json() | {"sha256": None}):
        with pytest.raises(DocumentError, match="this is no anchor"):
            Anchor.from_json(wrong)


@pytest.mark.parametrize("change", ["detail = 'x'", "detail = '[]'", 'rows = \'{"x":"y"}\''])
def test_events_that_cannot_be_read_are_faults(registry: Registry, product: str, raw: Raw, change: str) -> None:
    with _unguarded(raw, "events"):
        raw(f"UPDATE events SET {change} WHERE seq = 1")
    assert any(message.startswith("event 1: altered") for message in _messages(registry))


def test_a_schema_that_is_no_number(registry: Registry, raw: Raw, url: str) -> None:
    raw("UPDATE settings SET value = 'abc' WHERE name = 'schema'")
    with pytest.raises(CorruptionError, match="its schema version is 'abc'"):
        reg.open_registry(url)
