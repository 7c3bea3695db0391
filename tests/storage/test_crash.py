"""Killed at any moment, a full disk, a flipped bit: old revisions stay whole, a rerun completes, nothing is silent."""

import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from oceandata.errors import OceanDataError, RepositoryExistsError
from oceandata.storage import (
    describe_revision,
    open_dataset,
    open_repository,
    plan_append,
    plan_ingest,
    verify_revision,
    write_append,
    write_repository,
)
from oceandata.storage.stores import repository_exists

SEEDS = [pytest.param(seed, marks=[pytest.mark.hard] if seed > 1 else []) for seed in range(30)]

# Small steps, a commit after each, so that there is much to interrupt.
_SMALL = """
from oceandata.storage import append_writing, ingest
assert ingest._STEP_BYTES == 48_000_000
ingest._STEP_BYTES = ingest._COMMIT_BYTES = append_writing._COMMIT_BYTES = 100_000
"""

_DRIVER = (
    """
import sys
from oceandata.storage import plan_append, plan_ingest, write_append, write_repository
"""
    + _SMALL
    + """
work, url, *paths = sys.argv[1:]
if work == "ingest":
    plan, write = plan_ingest(paths, url, chunk_bytes=100_000), write_repository
else:
    replace = ("2006", "2010") if work == "replace" else None
    plan, write = plan_append(paths, url, replace=replace), write_append
print("ready", flush=True)
sys.stdin.readline()
write(plan)
print("done", flush=True)
"""
)

_COMMITTER = """
import sys
import zarr
from oceandata.storage import commits, stores

repository = stores.open_repository(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for number in range(1000):
    with stores.commit_lock(sys.argv[1]):
        session = repository.writable_session("work")
        zarr.open_array(session.store, path="a", mode="r+")[number] = number + 1
        print(commits.commit_session(repository, session, "one more", {}), flush=True)
"""


@pytest.fixture
def small_steps(monkeypatch):
    for name in ("ingest._STEP_BYTES", "ingest._COMMIT_BYTES", "append_writing._COMMIT_BYTES"):
        monkeypatch.setattr(f"oceandata.storage.{name}", 100_000)


def _do(work, url, paths):
    """The same work as in the driver, in this process, as a person would run it again."""
    if work == "ingest":
        try:
            return write_repository(plan_ingest(paths, url, chunk_bytes=100_000))
        except RepositoryExistsError:  # it was published before it was killed
            return describe_revision(url, revision="r1")
    return write_append(plan_append(paths, url, replace=("2006", "2010") if work == "replace" else None))


@pytest.fixture(scope="session")
def better_part(ostia_parts, tmp_path_factory):
    """The first part with other values in most of its months."""
    import netCDF4

    path = tmp_path_factory.mktemp("better") / ostia_parts[0].name
    shutil.copy(ostia_parts[0], path)
    with netCDF4.Dataset(path, "a") as ds:
        sst = ds["surface_temperature"]
        sst.set_auto_maskandscale(False)
        values = sst[:]
        values[2:, 3, 4] += 0.5
        sst[:] = values
    return path


@pytest.fixture(scope="session")
def undisturbed(ostia_parts, better_part, tmp_path_factory):
    """What each work starts from and is given, the root that it ends with, and the seconds it takes."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("oceandata.storage.ingest._STEP_BYTES", 100_000)
        write_repository(plan_ingest(ostia_parts[:2], folder / "first", chunk_bytes=100_000))
        given = {"ingest": ostia_parts[:3], "append": ostia_parts[2:5], "replace": [better_part]}
        found = {}
        for work, paths in given.items():
            url = folder / work
            if work != "ingest":
                shutil.copytree(folder / "first", url)
            began = time.monotonic()
            summary = _do(work, url, paths)
            found[work] = (folder / "first", paths, summary.content_root, time.monotonic() - began)
    return found


def _killed(code, arguments, delay_s):
    """Output of a process that was killed so long after it began its work."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        time.sleep(delay_s)
    finally:
        process.kill()
        said = process.communicate()[0]
    return said.split()


def _check_whole(url, work, root):
    """After a kill: the revision before is whole, and so is the new one if it is there."""
    if not repository_exists(url):
        assert work == "ingest"
        return
    tags = set(open_repository(url).list_tags())
    last = "r1" if work == "ingest" else "r2"
    assert tags <= {"r1", last}
    for tag in tags:
        report = verify_revision(url, revision=tag)
        assert report.is_sound
        assert tag != last or report.content_root == root
    if work != "ingest":
        assert open_dataset(url, revision="r1").sizes["time"] == 18
    if last not in tags and work != "ingest":
        assert describe_revision(url).revision == "r1"


@pytest.mark.parametrize("work", ["ingest", "append", "replace"])
@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_a_random_moment(work, seed, undisturbed, tmp_path, small_steps):
    first, paths, root, duration_s = undisturbed[work]
    url = tmp_path / "r"
    if work != "ingest":
        shutil.copytree(first, url)
    delay_s = random.Random(f"{work} {seed}").uniform(0, 3 * duration_s)
    _killed(_DRIVER, [work, url, *paths], delay_s)
    _check_whole(url, work, root)
    summary = _do(work, url, paths)
    assert summary.content_root == root
    assert summary.revision == ("r1" if work == "ingest" else "r2")
    repository = open_repository(url)
    assert set(repository.list_branches()) == {"main"}
    times = open_dataset(url).time.values
    assert (np.diff(times) > np.timedelta64(0, "s")).all()
    assert times.size == {"ingest": 27, "append": 45, "replace": 18}[work]
    assert verify_revision(url).is_sound
    assert work == "ingest" or verify_revision(url, revision="r1").is_sound


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_while_committing(seed, tmp_path):
    """What was acknowledged is there, and the next process commits on."""
    import zarr

    from oceandata.storage.commits import commit_session, find_lost
    from oceandata.storage.stores import commit_lock, create_repository

    repository = create_repository(tmp_path / "r")
    session = repository.writable_session("main")
    zarr.create_array(session.store, name="a", shape=(1001,), chunks=(1,), dtype="i4", fill_value=0)
    session.commit("empty")
    repository.create_branch("work", repository.lookup_branch("main"))
    said = _killed(_COMMITTER, [tmp_path / "r"], random.Random(seed).uniform(0, 0.6))
    acknowledged = [word for word in said if len(word) == 20]
    assert find_lost(repository, "work", acknowledged) == []
    values = np.asarray(zarr.open_array(repository.readonly_session("work").store, path="a", mode="r")[:])
    count = int((values > 0).sum())
    assert len(acknowledged) <= count <= len(acknowledged) + 1
    assert (values[:count] == np.arange(count) + 1).all()
    with commit_lock(tmp_path / "r"):
        session = repository.writable_session("work")
        zarr.open_array(session.store, path="a", mode="r+")[1000] = 1
        commit_session(repository, session, "after", {})


@pytest.fixture
def tiny_disk(tmp_path):
    """A disk of 3 MB in memory; only an administrator may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("there is no command to mount a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("work", ["append", "replace"])
@pytest.mark.parametrize("room", [20_000, 90_000, 200_000])
def test_a_full_disk(work, room, undisturbed, tiny_disk, small_steps):
    first, paths, root, _ = undisturbed[work]
    url = tiny_disk / "r"
    shutil.copytree(first, url)
    ballast = tiny_disk / "ballast"
    room = min(room, 60_000) if work == "replace" else room
    ballast.write_bytes(bytes(os.statvfs(tiny_disk).f_bavail * os.statvfs(tiny_disk).f_frsize - room))
    with pytest.raises(OceanDataError, match=r"the disk of .* is full: .* bytes are free") as caught:
        _do(work, url, paths)
    assert str(url) in str(caught.value)
    assert set(open_repository(url).list_tags()) == {"r1"}
    ballast.unlink()
    assert describe_revision(url).revision == "r1"
    assert verify_revision(url).is_sound
    assert _do(work, url, paths).content_root == root
    assert verify_revision(url).is_sound


def _flipped(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << (bit % 8)
    path.write_bytes(content)


def _flips(url, folder, seed, count):
    """Flip one random bit after the other, each mended before the next."""
    random_number = random.Random(f"{folder} {seed}")
    files = sorted(path for path in (url / folder).rglob("*") if path.is_file())
    for _ in range(count):
        path = random_number.choice(files)
        bit = random_number.randrange(8 * path.stat().st_size)
        _flipped(path, bit)
        yield path, bit
        _flipped(path, bit)


@pytest.mark.parametrize(("seed", "count"), [(0, 8), pytest.param(1, 80, marks=pytest.mark.hard)])
def test_every_flipped_bit_of_the_data_is_named(seed, count, undisturbed, tmp_path):
    shutil.copytree(undisturbed["append"][0], tmp_path / "r")
    for path, bit in _flips(tmp_path / "r", "chunks", seed, count):
        report = verify_revision(tmp_path / "r")
        assert not report.is_sound, (path.name, bit)
        assert report.damages or report.content_root != report.recomputed_root
    assert verify_revision(tmp_path / "r").is_sound


@pytest.mark.parametrize("folder", ["manifests", "snapshots", "refs"])
@pytest.mark.parametrize(("seed", "count"), [(0, 8), pytest.param(1, 80, marks=pytest.mark.hard)])
def test_a_flipped_bit_of_the_metadata_never_changes_a_value(folder, seed, count, undisturbed, tmp_path):
    """Some bits mean nothing (spare bytes, other snapshots): then all values and attributes are what they were."""
    shutil.copytree(undisturbed["append"][0], tmp_path / "r")
    before = open_dataset(tmp_path / "r", revision="r1", chunks=None).load()
    noticed = 0
    for path, bit in _flips(tmp_path / "r", folder, seed, count):
        try:
            sound = verify_revision(tmp_path / "r", revision="r1").is_sound
        except OceanDataError:
            sound = False
        noticed += not sound
        if sound:
            after = open_dataset(tmp_path / "r", revision="r1", chunks=None).load()
            assert after.identical(before), (path.name, bit)
    assert noticed
    assert verify_revision(tmp_path / "r").is_sound
