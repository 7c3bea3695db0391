"""Many processes that commit to one local repository: nobody's work is lost, with the lock and without."""

import subprocess
import sys

import numpy as np
import pytest
import zarr

from oceandata.errors import OceanDataError, RepositoryExistsError
from oceandata.storage import open_repository, plan_ingest, verify_revision, write_repository
from oceandata.storage.commits import commit_session, find_lost, repeat_commit
from oceandata.storage.stores import commit_lock, create_repository

# Commits `count` changes of its own to one branch, and looks in the end whether all are still there.
_WRITER = """
import contextlib, sys, time
import zarr
from oceandata.errors import RepositoryExistsError
from oceandata.storage import commits, stores

url, number, count, locked = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "locked"
if not locked:
    import fcntl
    fcntl.flock = lambda *_: None
repository = stores.open_repository(url)
print("ready", flush=True)
sys.stdin.readline()
first, refused = [], 0
while len(first) < count:
    try:
        with stores.commit_lock(url):
            session = repository.writable_session("work")
            zarr.open_array(session.store, path="a", mode="r+")[number * count + len(first)] = 1
            first.append(commits.commit_session(repository, session, f"{number}: {len(first)}", {"writer": number}))
    except RepositoryExistsError:
        refused += 1
snapshots, repeated, calm = list(first), 0, 0
while calm < 10 and not locked:
    lost = commits.find_lost(repository, "work", snapshots)
    calm = 0 if lost else calm + 1
    for snapshot in lost:
        snapshots[snapshots.index(snapshot)] = commits.repeat_commit(repository, "work", snapshot)
        repeated += 1
    time.sleep(0.1)
print(refused, repeated, *first, flush=True)
"""


def _repository(url, size):
    repository = create_repository(url)
    session = repository.writable_session("main")
    zarr.create_array(session.store, name="a", shape=(size,), chunks=(1,), dtype="i4", fill_value=0)
    session.commit("empty")
    repository.create_branch("work", repository.lookup_branch("main"))
    return repository


def _run_writers(url, processes, count, lock):
    """Refused, repeated and acknowledged commits of writers that begin together."""
    command = [sys.executable, "-c", _WRITER, str(url)]
    writers = [
        subprocess.Popen(
            [*command, str(number), str(count), lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for number in range(processes)
    ]
    try:
        for writer in writers:
            assert writer.stdout.readline() == "ready\n"
        for writer in writers:
            writer.stdin.write("go\n")
            writer.stdin.flush()
        results = [writer.communicate(timeout=240)[0].split() for writer in writers]
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    assert all(writer.returncode == 0 for writer in writers)
    acknowledged = [snapshot for _, _, *snapshots in results for snapshot in snapshots]
    return sum(int(r[0]) for r in results), sum(int(r[1]) for r in results), acknowledged


def _values(repository):
    return np.asarray(zarr.open_array(repository.readonly_session("work").store, path="a", mode="r")[:])


def _check_locked(tmp_path, processes, count):
    repository = _repository(tmp_path / "r", processes * count)
    refused, repeated, acknowledged = _run_writers(tmp_path / "r", processes, count, "locked")
    assert (refused, repeated) == (0, 0)
    assert len(set(acknowledged)) == processes * count
    assert find_lost(repository, "work", acknowledged) == []
    assert len(list(repository.ancestry(branch="work"))) == processes * count + 2
    assert _values(repository).all()


def test_commits_under_the_lock(tmp_path):
    _check_locked(tmp_path, 4, 6)


@pytest.mark.hard
def test_240_commits_of_eight_processes(tmp_path):
    _check_locked(tmp_path, 8, 30)


@pytest.mark.hard
def test_without_a_lock_lost_commits_are_found_and_repeated(tmp_path):
    repository = _repository(tmp_path / "r", 240)
    refused, _, acknowledged = _run_writers(tmp_path / "r", 8, 30, "unlocked")
    assert refused or find_lost(repository, "work", acknowledged), "the processes never met: this proved nothing"
    assert _values(repository).all()


def _lost(repository, index, value=1, other=2):
    """A commit that another one, from the same state, took the place of; a file system can do so."""
    base = repository.lookup_branch("work")
    session = repository.writable_session("work")
    zarr.open_array(session.store, path="a", mode="r+")[index] = value
    snapshot = session.commit("lost", metadata={"writer": "first"})
    repository.reset_branch("work", base)
    session = repository.writable_session("work")
    zarr.open_array(session.store, path="a", mode="r+")[other] = 5
    session.commit("taken")
    return snapshot


def test_a_lost_commit_is_repeated_on_top(tmp_path):
    repository = _repository(tmp_path / "r", 4)
    snapshot = _lost(repository, 1)
    assert find_lost(repository, "work", [snapshot]) == [snapshot]
    again = repeat_commit(repository, "work", snapshot)
    assert again != snapshot
    assert _values(repository).tolist() == [0, 1, 5, 0]
    tip = next(iter(repository.ancestry(branch="work")))
    assert (tip.id, tip.message, tip.metadata["writer"]) == (again, "lost", "first")
    assert repeat_commit(repository, "work", again) == again


def test_a_lost_new_array_is_repeated(tmp_path):
    repository = _repository(tmp_path / "r", 4)
    base = repository.lookup_branch("work")
    session = repository.writable_session("work")
    zarr.open_group(session.store).create_array("deep/b", shape=(3,), chunks=(2,), dtype="f4", fill_value=0)[:] = 7
    zarr.open_array(session.store, path="a", mode="r+").resize((6,))
    snapshot = session.commit("lost")
    repository.reset_branch("work", base)
    repeat_commit(repository, "work", snapshot)
    store = repository.readonly_session("work").store
    assert np.asarray(zarr.open_array(store, path="deep/b", mode="r")[:]).tolist() == [7, 7, 7]
    assert zarr.open_array(store, path="a", mode="r").shape == (6,)


def test_two_commits_of_the_same_chunk_are_not_mixed(tmp_path):
    repository = _repository(tmp_path / "r", 4)
    snapshot = _lost(repository, 2, value=1, other=2)
    with pytest.raises(RepositoryExistsError, match="a/c/2"):
        repeat_commit(repository, "work", snapshot)
    assert _values(repository).tolist() == [0, 0, 5, 0]


def test_a_branch_that_moved_on_is_told(tmp_path):
    repository = _repository(tmp_path / "r", 4)
    sessions = [repository.writable_session("work") for _ in range(2)]
    for number, session in enumerate(sessions):
        zarr.open_array(session.store, path="a", mode="r+")[number] = 1
    commit_session(repository, sessions[0], "one", {})
    with pytest.raises(RepositoryExistsError, match="another process committed to the branch 'work'"):
        commit_session(repository, sessions[1], "two", {})


def test_a_commit_that_is_lost_again_and_again(tmp_path, monkeypatch):
    repository = _repository(tmp_path / "r", 4)
    monkeypatch.setattr("oceandata.storage.commits._REPEATS", 3)
    base = repository.lookup_branch("work")

    def undone(repository, branch, snapshots):
        repository.reset_branch(branch, base)
        return snapshots

    monkeypatch.setattr("oceandata.storage.commits.find_lost", undone)
    session = repository.writable_session("work")
    zarr.open_array(session.store, path="a", mode="r+")[0] = 1
    with pytest.raises(OceanDataError, match="lost 3 times"):
        commit_session(repository, session, "one", {})


def test_a_lost_commit_whose_work_is_there_already(tmp_path):
    repository = _repository(tmp_path / "r", 4)
    snapshot = _lost(repository, 2, value=5)
    tip = repository.lookup_branch("work")
    assert repeat_commit(repository, "work", snapshot) == repository.lookup_branch("work") == tip


def test_the_lock_is_let_go_when_its_holder_dies(tmp_path):
    _repository(tmp_path / "r", 1)
    code = (
        "import sys, time; from oceandata.storage import stores\n"
        "with stores.commit_lock(sys.argv[1]):\n    print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "r")], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.communicate()
    with commit_lock(tmp_path / "r"):
        pass


_APPENDER = """
import sys
from oceandata.errors import OceanDataError
from oceandata.storage import plan_append, write_append

url, path = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
while True:
    try:
        write_append(plan_append([path], url))
        break
    except OceanDataError as error:
        print(type(error).__name__, flush=True)
"""


def test_two_appends_of_the_same_file_at_once(ocean_file, tmp_path):
    write_repository(plan_ingest([ocean_file("a.nc")], tmp_path / "r"))
    path = ocean_file("b.nc", times=[4, 5], values=1)
    command = [sys.executable, "-c", _APPENDER, str(tmp_path / "r"), str(path)]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        for one in both:
            assert one.stdout.readline() == "ready\n"
        for one in both:
            one.stdin.write("go\n")
            one.stdin.flush()
        said = [one.communicate(timeout=240)[0].split() for one in both]
    finally:
        for one in both:
            one.kill()
            one.communicate()
    assert [one.returncode for one in both] == [0, 0]
    assert {word for words in said for word in words} <= {"RepositoryExistsError"}
    assert sorted(open_repository(tmp_path / "r").list_tags()) == ["r1", "r2"]
    report = verify_revision(tmp_path / "r")
    assert (report.is_sound, report.revision) == (True, "r2")
