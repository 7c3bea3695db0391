"""Pages, dry runs, what no client may change, and writers at once: the same on SQLite and on PostgreSQL."""

import contextlib
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from oceandata.errors import InputError, NotFoundError, RepositoryExistsError
from oceandata.trade import registry as reg
from oceandata.trade.registry.registry import Registry
from tests.trade.registry.steps import Raw, listed


def test_pages_follow_the_key(registry: Registry, document: dict[str, Any]) -> None:
    names = ["b", "a", "C", "海", "é", "a:1", "Z"]
    for number, name in enumerate(names):
        provider = "Even" if number % 2 == 0 else "Odd"
        reg.add_product(registry, document | {"id": name, "provider": {"en": provider}}, actor="Qian Er")
    seen: list[str] = []
    while page := registry.products(after=seen[-1] if seen else "", limit=3):
        seen += [one.id for one in page]
    assert seen == sorted(names)
    assert [one.id for one in registry.products(provider="Even")] == sorted(names[::2])
    assert registry.products(limit=1)[0].document is None
    reg.submit(registry, "C", actor="Qian Er")
    assert [one.id for one in registry.products(state="in_review")] == ["C"]
    assert registry.products(theme="waves") == []
    events: list[int] = []
    while found := registry.events(before=events[-1] if events else None, limit=4):
        events += [one.seq for one in found]
    assert events == list(range(9, 0, -1))
    with pytest.raises(InputError, match=r"no state 'in_revew'. Close: 'in_review'"):
        registry.products(state="in_revew")
    for limit in (0, 10_001, True):
        with pytest.raises(InputError, match="need 1 to 10,000"):
            registry.events(limit=limit)


def test_a_dry_run_leaves_nothing(url: str, registry: Registry, document: dict[str, Any]) -> None:
    before = registry.head()
    with reg.open_registry(url, dry_run=True) as dry:
        event = reg.add_product(dry, document, actor="Qian Er")
        assert (event.seq, event.detail["state"]) == (2, ["", "draft"])
        with pytest.raises(NotFoundError):
            reg.submit(dry, "qd:sst", actor="Qian Er")
    assert registry.head() == before
    assert registry.products() == []


_REFUSED = [
    ("UPDATE events SET actor = 'X' WHERE seq = 2", "events are never changed"),
    ("DELETE FROM events WHERE seq = 2", "events are never changed"),
    (
        "INSERT INTO events (seq, at, actor, act, detail, rows, before_hash, after_hash, prev_hash, hash) "
        "VALUES (999, 'x', 'x', 'x', '{}', '{}', '', '', '', '')",
        "only appended",
    ),
    ("UPDATE offers SET amount_minor = 1", "terms of an offer"),
    ("UPDATE offers SET terms = '{}'", "terms of an offer"),
    ("DELETE FROM offers", "terms of an offer"),
    ("UPDATE revisions SET content_root = 'sha256:ff'", "finalised revision"),
    ("UPDATE revisions SET number = 7", "finalised revision"),
    ("UPDATE revisions SET finalized_at = NULL", "finalised revision"),
    ("UPDATE revisions SET records = 5", "finalised revision"),
    ("DELETE FROM revisions", "finalised revision"),
]
_ONLY_SQLITE = [
    ("INSERT OR REPLACE INTO revisions SELECT * FROM revisions", "finalised revision"),
    ("INSERT OR REPLACE INTO offers SELECT * FROM offers", "terms of an offer"),
    ("INSERT OR REPLACE INTO events SELECT * FROM events WHERE seq = 2", "only appended"),
    ("UPDATE OR REPLACE events SET seq = 1 WHERE seq = 2", "events are never changed"),
]
_ONLY_POSTGRESQL = [
    ("TRUNCATE events", "events are never changed"),
    ("TRUNCATE offers CASCADE", "terms of an offer"),
    ("TRUNCATE revisions CASCADE", "finalised revision"),
]


def test_no_client_changes_what_is_final(registry: Registry, document: dict[str, Any], raw: Raw) -> None:
    product = listed(registry, document)
    for statement, words in _REFUSED + (_ONLY_SQLITE if raw.is_sqlite else _ONLY_POSTGRESQL):
        with pytest.raises(raw.error, match=words):
            raw(statement)
    assert reg.audit_registry(registry).is_whole
    reg.suspend_listing(registry, product, actor="Li Si", reason="a sensor was broken")
    reg.revoke_revision(registry, product, 1, actor="Li Si", reason="a sensor was broken")
    for change in ("reason = 'nothing happened'", "revoked_at = NULL, revoked_by = NULL, reason = NULL"):
        with pytest.raises(raw.error, match="finalised revision"):
            raw(f"UPDATE revisions SET {change}")


def test_two_editors_of_one_product(url: str, registry: Registry, document: dict[str, Any]) -> None:
    reg.add_product(registry, document, actor="Qian Er")
    with reg.open_registry(url) as other:
        mine, theirs = registry.product("qd:sst"), other.product("qd:sst")
        reg.replace_product(other, document | {"entry": "waves"}, actor="Sun San", version=theirs.version)
        with pytest.raises(RepositoryExistsError, match="somebody changed it meanwhile"):
            reg.replace_product(registry, document | {"entry": "tides"}, actor="Qian Er", version=mine.version)
    assert (registry.product("qd:sst").document or {})["entry"] == "waves"


_EDITOR = """
import json, sys
from oceandata.errors import RepositoryExistsError
from oceandata.trade import registry as reg
url, actor = sys.argv[1:]
with reg.open_registry(url) as registry:
    for line in sys.stdin:
        seen = registry.product("qd:sst")
        print("seen", seen.version, flush=True)
        sys.stdin.readline()
        try:
            reg.replace_product(registry, json.loads(line), actor=actor, version=seen.version)
            print("won", flush=True)
        except RepositoryExistsError as error:
            print(f"lost: {error}", flush=True)
"""


def test_processes_that_edit_one_product_at_once(url: str, registry: Registry, document: dict[str, Any]) -> None:
    """Both saw the same version before either wrote: each time one wins, and the other is told and writes nothing."""
    reg.add_product(registry, document, actor="Qian Er")
    actors, outcomes = ("Sun San", "Li Si"), []
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with contextlib.ExitStack() as stack:
        commands = [(sys.executable, "-c", _EDITOR, url, actor) for actor in actors]
        editors = [stack.enter_context(subprocess.Popen(command, **pipes)) for command in commands]
        for turn in range(1, 6):
            for actor, editor in zip(actors, editors, strict=True):
                print(json.dumps(document | {"entry": f"{actor} {turn}"}), file=editor.stdin, flush=True)
            assert [editor.stdout.readline() for editor in editors] == [f"seen {turn}\n"] * 2
            for editor in editors:
                print("now", file=editor.stdin, flush=True)
            said = [editor.stdout.readline() for editor in editors]
            winner = said.index("won\n")
            assert f"is at version {turn + 1}, but you saw version {turn}" in said[1 - winner]
            record = registry.product("qd:sst")
            assert (record.version, (record.document or {})["entry"]) == (turn + 1, f"{actors[winner]} {turn}")
            outcomes.append(actors[winner])
    assert [editor.returncode for editor in editors] == [0, 0]
    assert [event.actor for event in reversed(registry.events())] == ["Zhao Yi", "Qian Er", *outcomes]
    assert reg.audit_registry(registry).is_whole


def test_writers_at_once_make_one_chain(url: str, registry: Registry, document: dict[str, Any]) -> None:
    """Four writers with connections of their own: all events are there, in one line; of equal edits one wins."""
    reg.add_product(registry, document, actor="Qian Er")
    begin, writers, rounds = threading.Barrier(4), 4, 6

    def write(number: int) -> tuple[int, int]:
        won = lost = 0
        with reg.open_registry(url) as mine:
            begin.wait(timeout=60)
            for turn in range(rounds):
                reg.add_product(mine, document | {"id": f"w{number}:{turn}"}, actor=f"Writer {number}")
                seen = mine.product("qd:sst").version
                begin.wait(timeout=60)
                try:
                    reg.replace_product(mine, document, actor=f"Writer {number}", version=seen)
                    won += 1
                except RepositoryExistsError:
                    lost += 1
                begin.wait(timeout=60)
        return won, lost

    with ThreadPoolExecutor(writers) as pool:
        outcomes = list(pool.map(write, range(writers)))
    won = sum(one for one, _ in outcomes)
    assert won + sum(lost for _, lost in outcomes) == writers * rounds
    assert won == rounds
    report = reg.audit_registry(registry)
    assert report.is_whole
    assert report.events == 2 + writers * rounds + won
    assert len(registry.products(limit=100)) == 1 + writers * rounds
