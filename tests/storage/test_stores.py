"""From URLs to repositories: made whole or not at all, opened by name, and committed to by one process at a time."""

import fcntl
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from oceandata.entities import Origin
from oceandata.errors import InputError, NotFoundError, RepositoryExistsError
from oceandata.storage import stores
from oceandata.storage.stores import (
    commit_lock,
    create_repository,
    local_path,
    lookup_revision,
    open_repository,
    open_store,
    repository_exists,
)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("/a/b", "/a/b"),
        ("file:///a/sst%20monthly", "/a/sst monthly"),
        ("file://localhost/a", "/a"),
        ("/a/100%20", "/a/100%20"),
        ("/a/海温#1?x", "/a/海温#1?x"),
        (Path("/a/b"), "/a/b"),
    ],
)
def test_local_paths(url, path):
    assert local_path(url) == Path(path)


def test_relative_paths_and_home(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    assert local_path("a/b") == tmp_path / "a" / "b"
    assert local_path("~/b") == Path("/home/me/b")


@pytest.mark.parametrize("url", ["s3://bucket/a", "https://example.org/a", "file://elsewhere/a"])
def test_other_schemes_are_refused(url):
    with pytest.raises(InputError, match="need a local path"):
        local_path(url)


def test_create_makes_folders_on_the_way_and_nothing_beside(tmp_path):
    url = tmp_path / "a" / "b" / "sst"
    repository = create_repository(url)
    assert repository_exists(url)
    assert list(repository.list_branches()) == ["main"]
    assert [path.name for path in url.parent.iterdir()] == ["sst"]


def test_an_empty_folder_may_be_there(tmp_path):
    create_repository(tmp_path)
    assert repository_exists(tmp_path)


def test_what_is_there_is_left_alone(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    create_repository(tmp_path / "repository")
    before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    for name, kind in (("folder", "not a repository"), ("file", "not a repository"), ("repository", "a repository")):
        with pytest.raises(RepositoryExistsError, match=kind):
            create_repository(tmp_path / name)
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before


def test_a_failure_on_the_way_leaves_nothing(tmp_path, monkeypatch):
    def broken(self: Path, target: Path) -> None:
        raise OSError("no space")

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(OSError, match="no space"):
        create_repository(tmp_path / "sst")
    assert list(tmp_path.iterdir()) == []


def test_a_kill_while_it_is_made_leaves_the_place_free(tmp_path):
    code = """
        import os, pathlib, signal, sys
        pathlib.Path.rename = lambda self, target: os.kill(os.getpid(), signal.SIGKILL)
        from oceandata.storage.stores import create_repository
        create_repository(sys.argv[1])
    """
    url = tmp_path / "sst"
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(url)], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not url.exists()
    create_repository(url)
    assert repository_exists(url)


def test_two_at_once_one_wins(tmp_path, monkeypatch):
    """Another process makes the repository between the look and the move."""
    rename = Path.rename

    def late(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        create_repository(target)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", late)
    with pytest.raises(RepositoryExistsError, match="another process"):
        create_repository(tmp_path / "sst")
    assert [path.name for path in tmp_path.iterdir()] == ["sst"]
    assert repository_exists(tmp_path / "sst")


def test_a_missing_repository_is_answered_with_the_nearest(tmp_path):
    create_repository(tmp_path / "ostia")
    with pytest.raises(NotFoundError, match="'ostia'"):
        open_repository(tmp_path / "ostja")
    assert not repository_exists(tmp_path / "ostja")
    with pytest.raises(NotFoundError, match="no repository"):
        open_store(tmp_path / "none" / "below")


def test_revisions_by_tag_and_snapshot(ostia_revision):
    repository = open_repository(ostia_revision.url)
    whole = ("r1", ostia_revision.snapshot)
    assert lookup_revision(repository) == whole
    assert lookup_revision(repository, "r1") == whole
    assert lookup_revision(repository, "r1", ostia_revision.snapshot) == whole
    assert lookup_revision(repository, snapshot=ostia_revision.snapshot) == whole
    first = list(repository.ancestry(branch="main"))[-1].id
    assert lookup_revision(repository, snapshot=first) == ("", first)
    with pytest.raises(NotFoundError, match="'r1'"):
        lookup_revision(repository, "r2")
    with pytest.raises(NotFoundError, match="do not belong together"):
        lookup_revision(repository, "r1", first)


def test_a_store_is_read_only_and_knows_where_it_is_from(ostia_revision):
    origin = Origin(repository="", entry="sst", product="p", licence="CC-BY-4.0")
    store = open_store(f"file://{ostia_revision.url}", origin=origin)
    assert store.read_only
    assert store.origin == origin.model_copy(
        update={"repository": ostia_revision.url, "revision": "r1", "snapshot": ostia_revision.snapshot}
    )


def test_the_lock_keeps_other_processes_out_and_goes_with_a_killed_one(tmp_path):
    code = """
        import sys, time
        from oceandata.storage.stores import commit_lock
        with commit_lock(sys.argv[1]):
            print("held", flush=True)
            time.sleep(60)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        with (tmp_path / "commit.lock").open("a") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        holder.kill()
    with commit_lock(tmp_path), (tmp_path / "commit.lock").open("a") as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with (tmp_path / "commit.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert stores.__all__ == sorted(stores.__all__)
