"""History: revisions listed and opened as of a time; garbage collected, and never what someone still needs."""

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

from oceandata import storage
from oceandata.errors import InputError, NotFoundError, OceanDataWarning
from oceandata.storage import history, layout_writing
from oceandata.storage.leases import writer_lease
from oceandata.storage.stores import create_repository
from oceandata.storage.writing import BranchWriter

_SERIES: dict[str, Any] = {"access": "series", "chunk_bytes": 100_000, "memory_bytes": 18_500_000}

_WRITER = """
import sys
from oceandata import storage
from oceandata.storage import layout_writing
from oceandata.storage.writing import BranchWriter
write = BranchWriter.write
def waiting(self, step, values):
    write(self, step, values)
    if step.name == "thetao":
        print("written", flush=True)
        sys.stdin.readline()
BranchWriter.write = waiting
storage.write_layout(storage.plan_layout(sys.argv[1], access="series", chunk_bytes=100_000, memory_bytes=18_500_000))
print("published", flush=True)
"""


@pytest.fixture
def sst(ostia_revision: storage.RevisionSummary, tmp_path: Path) -> Path:
    """The real repository, to write to."""
    return shutil.copytree(ostia_revision.url, tmp_path / "sst")


@pytest.fixture
def cube(cube_revision: storage.RevisionSummary, tmp_path: Path) -> Path:
    """The generated repository, to write to."""
    return shutil.copytree(cube_revision.url, tmp_path / "cube")


def test_revisions_that_were_lost_are_told(sst: Path) -> None:
    repository = storage.open_repository(sst)
    for tag in ("r2", "r3", "r5"):
        repository.create_tag(tag, repository.lookup_branch("main"))
    (sst / "refs" / "tag.r2" / "ref.json").write_bytes(b"")
    (sst / "refs" / "tag.r3" / "ref.json").write_text('{"snapshot": "0000000000000000000G"}')
    with pytest.warns(OceanDataWarning) as told:
        records = storage.list_revisions(sst)
    assert [one.revision for one in records] == ["r1", "r5"]
    first, second, third = (str(one.message) for one in told)
    assert first.startswith(f"refs/tag.r2/ref.json of {sst} cannot be read")
    assert second.startswith(f"refs/tag.r3/ref.json of {sst} points to a snapshot that is not there")
    assert third.startswith(f"revision r4 of {sst} is missing")


def _aged(url: Path, days: float = 30) -> None:
    """Let everything that is stored now be some days old, as far as the disk knows."""
    then = (datetime.now(UTC) - timedelta(days=days)).timestamp()
    for folder in ("chunks", "manifests", "snapshots", "transactions"):
        for path in (url / folder).glob("*"):
            os.utime(path, (then, then))


def _abandoned_layout(url: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a layout, committed step by step and then given up."""
    write, count = BranchWriter.write, iter(range(10**6))

    def stopping(self: BranchWriter, step: Any, values: Any) -> None:
        if step.name == "thetao" and next(count) == 3:
            raise KeyboardInterrupt
        write(self, step, values)

    with monkeypatch.context() as changed:
        changed.setattr(BranchWriter, "write", stopping)
        changed.setattr(layout_writing, "_COMMIT_BYTES", 1)
        plan = storage.plan_layout(url, **_SERIES)
        with pytest.raises(KeyboardInterrupt):
            storage.write_layout(plan)


def _stored(url: Path) -> set[str]:
    return {path.name for path in (url / "chunks").iterdir()}


def test_revisions_in_order(sst: Path, ostia_revision: storage.RevisionSummary) -> None:
    storage.write_layout(storage.plan_layout(sst, access="series"))
    storage.write_layout(storage.plan_layout(sst, access="balanced"))
    first, second, third = storage.list_revisions(sst)
    assert [one.revision for one in (first, second, third)] == ["r1", "r2", "r3"]
    assert first.published_at < second.published_at < third.published_at
    assert (first.snapshot, first.content_root) == (ostia_revision.snapshot, ostia_revision.content_root)
    assert first.layouts == {"maps": ostia_revision.content_root}
    assert list(third.layouts) == ["maps", "balanced", "series"]
    assert first.files == 1
    assert third.to_json()["published_at"] == third.published_at.isoformat()


def test_no_revision_yet_and_no_repository(tmp_path: Path) -> None:
    create_repository(tmp_path / "new")
    assert storage.list_revisions(tmp_path / "new") == []
    with pytest.raises(NotFoundError, match="there is no repository"):
        storage.list_revisions(tmp_path / "none")
    with pytest.raises(NotFoundError, match=r"no revision was published by .*; none is yet"):
        storage.open_dataset(tmp_path / "new", as_of="2026-11-01")


def test_open_as_of_a_time(sst: Path) -> None:
    storage.write_layout(storage.plan_layout(sst, access="series"))
    first, second = storage.list_revisions(sst)
    between = first.published_at + (second.published_at - first.published_at) / 2
    for instant, revision in (
        (between, "r1"),
        (first.published_at, "r1"),
        (second.published_at, "r2"),
        (between.replace(tzinfo=None).isoformat(), "r1"),
        (f"{between.astimezone().isoformat()}", "r1"),
        ("2999-01-01", "r2"),
    ):
        opened = storage.open_dataset(sst, as_of=instant)
        name = opened["surface_temperature"]
        store = storage.list_revisions(sst)[["r1", "r2"].index(revision)]
        assert opened.identical(storage.open_dataset(sst, revision=revision))
        assert _snapshot_of(name) == store.snapshot
    with pytest.raises(NotFoundError, match=r"the first, r1, is of 20"):
        storage.open_dataset(sst, as_of=first.published_at - timedelta(microseconds=1))


def _snapshot_of(array: xr.DataArray) -> str:
    """Snapshot that a lazy array reads from."""
    from oceandata import trade

    return trade.lineage(array).planned[0].origin.snapshot


def test_as_of_is_refused_if_it_is_no_instant_or_not_alone(sst: Path) -> None:
    with pytest.raises(InputError, match="as_of is 'yesterday', need an instant"):
        storage.open_dataset(sst, as_of="yesterday")
    with pytest.raises(InputError, match="need one of them"):
        storage.open_dataset(sst, as_of="2999-01-01", revision="r1")


@pytest.mark.parametrize(
    ("text", "seconds"), [("7d", 604_800), ("1.5h", 5_400), ("0s", 0), ("2w", 1_209_600), ("3m", 180)]
)
def test_durations(text: str, seconds: float) -> None:
    assert history._duration_of(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "7", "d", "-7d", "7 days", "week", timedelta(days=-1)])
def test_what_is_no_duration(sst: Path, text: str) -> None:
    with pytest.raises(InputError, match="older_than is"):
        storage.collect_garbage(sst, older_than=text)


def test_every_revision_stays(sst: Path) -> None:
    for access in ("series", "balanced"):
        storage.write_layout(storage.plan_layout(sst, access=access, chunk_bytes=50_000))
    before = [storage.describe_revision(sst, revision=one.revision) for one in storage.list_revisions(sst)]
    _aged(sst)
    time.sleep(1.1)  # the cut-off is a second before now
    report = storage.collect_garbage(sst, older_than="0s")
    assert report.expired > 0
    assert (report.chunks, report.held_by) == (0, "")
    after = [storage.describe_revision(sst, revision=one.revision) for one in storage.list_revisions(sst)]
    assert after == before
    for revision in ("r1", "r2", "r3"):
        assert storage.verify_revision(sst, revision=revision).is_sound
    assert storage.collect_garbage(sst, older_than="0s").expired == 0
    storage.write_layout(storage.plan_layout(sst, access="maps", name="again", chunk_bytes=50_000))
    assert storage.verify_revision(sst).is_sound


def test_an_abandoned_branch_goes_when_it_is_old(cube: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _stored(cube)
    _abandoned_layout(cube, monkeypatch)
    left = _stored(cube) - whole
    assert left
    _aged(cube)
    storage.collect_garbage(cube, older_than="1d")
    assert _stored(cube) == whole | left
    assert storage.abandon_ingest(cube)
    assert storage.collect_garbage(cube, older_than="60d").chunks == 0
    told = storage.collect_garbage(cube, older_than="7d", dry_run=True)
    assert told.dry_run
    assert _stored(cube) >= whole
    removed = storage.collect_garbage(cube, older_than="7d")
    assert removed.chunks == told.chunks > 0
    assert removed.nbytes > 10_000
    assert _stored(cube) == whole
    assert storage.verify_revision(cube).is_sound


def test_unfinished_work_continues_after_a_collection(cube: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _abandoned_layout(cube, monkeypatch)
    _aged(cube)
    time.sleep(1.1)
    assert storage.collect_garbage(cube, older_than="0s").expired > 0
    plan = storage.plan_layout(cube, **_SERIES)
    assert f"layout-{plan.job}" in storage.open_repository(cube).list_branches()
    storage.write_layout(plan)
    assert storage.verify_revision(cube).is_sound
    assert [one.revision for one in storage.list_revisions(cube)] == ["r1", "r2"]


def test_a_running_writer_loses_nothing(cube: Path) -> None:
    """Collected while another process has written chunks that it has not committed yet, old as the disk may say."""
    whole = _stored(cube)
    running = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(cube)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert running.stdin is not None
    assert running.stdout is not None
    try:
        assert running.stdout.readline() == "written\n"
        uncommitted = _stored(cube) - whole
        assert uncommitted
        report = storage.collect_garbage(cube, older_than="0s")
        assert report.held_by.startswith(f"process {running.pid} on ")
        assert report.chunks == 0
        assert _stored(cube) == whole | uncommitted
        running.stdin.write("\n" * 1000)
        running.stdin.close()
        assert running.stdout.read().endswith("published\n")
    finally:
        running.kill()
        running.wait()
    assert storage.verify_revision(cube).is_sound
    assert [one.revision for one in storage.list_revisions(cube)] == ["r1", "r2"]


def test_a_killed_writer_holds_nothing_back(cube: Path) -> None:
    whole = _stored(cube)
    running = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(cube)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "written\n"
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    uncommitted = _stored(cube) - whole
    _aged(cube)
    report = storage.collect_garbage(cube, older_than="1d")
    assert report.held_by == ""
    assert report.chunks >= 1
    assert len(_stored(cube) & uncommitted) < len(uncommitted)
    assert not list((cube / "leases").glob("*.json"))
    storage.write_layout(storage.plan_layout(cube, **_SERIES))
    assert storage.verify_revision(cube).is_sound


def test_a_lease_moves_the_cut_off_back_and_no_further(sst: Path) -> None:
    with writer_lease(sst) as held:
        report = storage.collect_garbage(sst, older_than="0s", dry_run=True)
        assert report.cutoff == held.lease.started_at - timedelta(minutes=1)
        older = storage.collect_garbage(sst, older_than="7d", dry_run=True)
        assert older.held_by == ""
        assert older.cutoff < held.lease.started_at - timedelta(days=6)
    assert "held back by" in str(report)
    assert "held back by" not in str(older)
    assert "<table" in report._repr_html_()


def test_an_object_store_spares_a_week() -> None:
    remote = "s3://bucket/sst"
    with pytest.raises(InputError, match=r"need 7d or more: writers .* cannot be seen"):
        history._cutoff(remote, timedelta(days=6))
    cutoff, held_by = history._cutoff(remote, timedelta(days=7))
    assert held_by == ""
    assert abs(datetime.now(UTC) - timedelta(days=7) - cutoff) < timedelta(minutes=1)
