"""Leases: who writes is known while it writes, and not a moment longer than needed."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from oceandata import storage
from oceandata.errors import OceanDataError, RepositoryExistsError
from oceandata.storage import abandon_ingest, leases
from oceandata.storage.leases import HeldLease, Lease, drop_stale_leases, find_leases, has_leases, writer_lease
from oceandata.storage.stores import create_repository

_WRITER = """
import sys, time
from oceandata.storage.leases import writer_lease
with writer_lease(sys.argv[1]):
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def url(tmp_path: Path) -> Path:
    create_repository(tmp_path / "sst")
    return tmp_path / "sst"


def _writer(url: Path) -> "subprocess.Popen[str]":
    running = subprocess.Popen([sys.executable, "-c", _WRITER, str(url)], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert running.stdout.readline() == "writing\n"
    return running


def test_a_lease_is_there_while_its_writer_writes(url: Path) -> None:
    assert find_leases(url) == []
    with writer_lease(url) as held:
        (lease,) = find_leases(url)
        assert lease == held.lease
        assert lease.pid == os.getpid()
        assert abs(lease.started_at - datetime.now(UTC)) < timedelta(seconds=10)
        assert lease.expires_at - lease.renewed_at == timedelta(minutes=10)
    assert find_leases(url) == []
    assert list((url / "leases").iterdir()) == []


def test_a_lease_ends_with_an_error_too(url: Path) -> None:
    with pytest.raises(ZeroDivisionError), writer_lease(url):
        1 / 0  # noqa: B018
    assert find_leases(url) == []


def test_it_is_renewed_and_keeps_its_start(url: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT_S", 0.02)
    with writer_lease(url):
        (first,) = find_leases(url)
        deadline = time.monotonic() + 60
        while find_leases(url)[0].renewed_at == first.renewed_at:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        (later,) = find_leases(url)
    assert later.started_at == first.started_at
    assert later.expires_at > first.expires_at


def test_a_killed_writer_holds_nothing(url: Path) -> None:
    running = _writer(url)
    try:
        assert [lease.pid for lease in find_leases(url)] == [running.pid]
        with pytest.raises(RepositoryExistsError, match=f"is being written by process {running.pid} on"):
            abandon_ingest(url)
    finally:
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
    assert len(list((url / "leases").glob("*.json"))) == 1
    assert find_leases(url) == []
    assert abandon_ingest(url) == []
    drop_stale_leases(url)
    assert list((url / "leases").glob("*.json")) == []


def _put(url: Path, lease: Lease) -> None:
    (url / "leases").mkdir(exist_ok=True)
    (url / "leases" / f"{lease.id}.json").write_text(json.dumps(lease.to_json()), "utf-8")


def test_elsewhere_only_time_tells(url: Path) -> None:
    """The process number of another system says nothing; its lease runs out ten minutes after it was last renewed."""
    now = datetime.now(UTC)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    elsewhere = Lease("a", "node7", "another boot", gone.pid, now, now, now + timedelta(minutes=10))
    _put(url, elsewhere)
    assert find_leases(url) == [elsewhere]
    assert not elsewhere.is_live(now + timedelta(minutes=10))
    drop_stale_leases(url)
    assert find_leases(url) == [elsewhere]
    _put(url, dataclasses.replace(elsewhere, expires_at=now))
    assert find_leases(url) == []


def test_the_oldest_comes_first(url: Path) -> None:
    now = datetime.now(UTC)
    for number, name in enumerate("cab"):
        start = now - timedelta(minutes=number)
        _put(url, Lease(name, "node", "other", 1, start, now, now + timedelta(minutes=10)))
    assert [lease.id for lease in find_leases(url)] == ["b", "a", "c"]


def test_what_is_not_understood_holds_for_ten_minutes(url: Path) -> None:
    (url / "leases").mkdir()
    torn = url / "leases" / "torn.json"
    torn.write_text('{"id": ', "utf-8")
    assert [lease.id for lease in find_leases(url)] == ["torn"]
    long_ago = time.time() - 601
    os.utime(torn, (long_ago, long_ago))
    assert find_leases(url) == []


def test_a_writer_that_was_halted_too_long_may_not_commit(url: Path) -> None:
    with writer_lease(url) as held:
        held.check_held()
        held.lease = dataclasses.replace(held.lease, expires_at=datetime.now(UTC))
        with pytest.raises(OceanDataError, match=r"halted for more than 10 minutes.*Nothing was published"):
            held.check_held()


def test_object_stores_have_none() -> None:
    assert not has_leases("s3://bucket/sst")
    assert has_leases("file:///data/sst")
    assert find_leases("s3://bucket/sst") == []
    held = HeldLease("s3://bucket/sst")
    held.begin()
    held.check_held()
    held.release()


def test_every_writer_holds_one(ostia_parts: list[Path], tmp_path: Path) -> None:
    url = tmp_path / "ostia"
    seen: list[int] = []

    def look(*_: int) -> None:
        seen.append(len(find_leases(url)))

    storage.write_repository(storage.plan_ingest(ostia_parts[:1], url), on_progress=look)
    ingested = len(seen)
    storage.write_layout(storage.plan_layout(url, access="series"), on_progress=look)
    written = len(seen)
    storage.write_append(storage.plan_append(ostia_parts[1:2], url), on_progress=look)
    assert 0 < ingested < written < len(seen)
    assert set(seen) == {1}
    assert find_leases(url) == []
