"""
From a URL to a repository or a store: the only module that knows URL schemes.

A repository is an Icechunk repository in a local directory (a plain path or ``file://``). Commits to a local
repository are made one at a time under a lock beside it, because Icechunk loses concurrent commits on a file system.
"""

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from oceandata.entities import Origin
from oceandata.errors import InputError, MissingExtraError, NotFoundError, RepositoryExistsError, closest
from oceandata.storage.counting import CountingStore

if TYPE_CHECKING:
    import icechunk

__all__ = [
    "commit_lock",
    "create_repository",
    "local_path",
    "lookup_revision",
    "open_repository",
    "open_store",
    "repository_exists",
]


def local_path(url: str | os.PathLike[str]) -> Path:
    """
    Local path of a URL.

    Parameters
    ----------
    url : str or path
        A plain path, or a ``file://`` URL.

    Returns
    -------
    pathlib.Path
        Absolute path.

    Raises
    ------
    InputError
        If the URL has another scheme.

    Examples
    --------
    >>> local_path("file:///data/sst%20monthly").as_posix()
    '/data/sst monthly'
    """
    text = os.fspath(url)
    parts = urlsplit(text)
    if parts.scheme in ("", "file") and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path) if parts.scheme else text).expanduser().absolute()
    msg = f"the store URL {text!r} has the scheme {parts.scheme!r}, need a local path or file://."
    raise InputError(msg)


def _icechunk() -> Any:
    import icechunk

    icechunk.set_logs_filter("error")
    return icechunk


def repository_exists(url: str | os.PathLike[str]) -> bool:
    """
    Tell whether a repository is there.

    Parameters
    ----------
    url : str or path
        Where to look.

    Returns
    -------
    bool
        True if an Icechunk repository can be opened there.
    """
    path = local_path(url)
    if not path.is_dir():
        return False
    icechunk = _icechunk()
    return bool(icechunk.Repository.exists(icechunk.local_filesystem_storage(str(path))))


def create_repository(url: str | os.PathLike[str]) -> "icechunk.Repository":
    """
    Make an empty repository.

    Parameters
    ----------
    url : str or path
        A place where nothing is yet, or an empty folder.

    Returns
    -------
    icechunk.Repository
        With the branch ``main`` at an empty snapshot.

    Raises
    ------
    RepositoryExistsError
        If anything is there already.
    """
    path = local_path(url)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        kind = "a repository" if repository_exists(url) else "something that is not a repository"
        msg = f"{path} holds {kind} already. Choose another place, or remove it first."
        raise RepositoryExistsError(msg)
    library = _icechunk()
    # Made beside its place and moved there whole: a process killed meanwhile leaves the place free for a rerun.
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        storage = library.local_filesystem_storage(str(partial))
        older = {"spec_version": library.SpecVersion.v1} if hasattr(library, "SpecVersion") else {}
        library.Repository.create(storage, **older)
        partial.rename(path)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            msg = f"{path} was made by another process meanwhile. Choose another place, or run again."
            raise RepositoryExistsError(msg) from error
        raise
    return open_repository(url)


def open_repository(url: str | os.PathLike[str]) -> "icechunk.Repository":
    """
    Open a repository.

    Parameters
    ----------
    url : str or path
        Where it is.

    Returns
    -------
    icechunk.Repository
        The repository; nothing but its configuration was read.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    path = local_path(url)
    if not repository_exists(url):
        near = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        msg = f"there is no repository at {path}. {closest(path.name, sorted(near))}"
        raise NotFoundError(msg)
    library = _icechunk()
    repository: icechunk.Repository = library.Repository.open(library.local_filesystem_storage(str(path)))
    return repository


def lookup_revision(repository: "icechunk.Repository", revision: str = "", snapshot: str = "") -> tuple[str, str]:
    """
    Tag and snapshot that a name means.

    Parameters
    ----------
    repository : icechunk.Repository
        The repository.
    revision : str
        A tag; empty for the newest revision on ``main``.
    snapshot : str
        A snapshot id, instead of a tag.

    Returns
    -------
    tuple of str
        The tag (empty if none points to the snapshot) and the snapshot id.

    Raises
    ------
    NotFoundError
        If there is no such tag, or `revision` and `snapshot` disagree.
    """
    tags = {tag: repository.lookup_tag(tag) for tag in sorted(repository.list_tags())}
    if revision:
        if revision not in tags:
            msg = f"there is no revision {revision!r}. {closest(revision, sorted(tags))}"
            raise NotFoundError(msg)
        if snapshot and snapshot != tags[revision]:
            msg = (
                f"revision {revision!r} is snapshot {tags[revision]}, but {snapshot} was asked for. "
                "The catalogue and the repository do not belong together."
            )
            raise NotFoundError(msg)
        return revision, tags[revision]
    snapshot = snapshot or repository.lookup_branch("main")
    return next((tag for tag, tagged in tags.items() if tagged == snapshot), ""), snapshot


def open_store(
    url: str | os.PathLike[str],
    *,
    revision: str = "",
    snapshot: str = "",
    group: str = "maps",
    origin: Origin | None = None,
) -> CountingStore:
    """
    Open one revision of a repository as a read-only Zarr store that counts what it serves.

    Parameters
    ----------
    url : str or path
        The repository.
    revision, snapshot : str
        Which state to open; the newest on ``main`` if neither is given.
    group : str
        Layout that will be read; recorded in the origin.
    origin : Origin, optional
        What is known of the product; repository, revision and snapshot are filled in here.

    Returns
    -------
    CountingStore
        Read-only.

    Raises
    ------
    NotFoundError
        If the repository, revision or snapshot is not there.
    """
    repository = open_repository(url)
    tag, found = lookup_revision(repository, revision, snapshot)
    known = origin or Origin(repository="")
    place = {"repository": str(local_path(url)), "group": group, "revision": tag, "snapshot": found}
    session = repository.readonly_session(snapshot_id=found)
    return CountingStore(session.store, known.model_copy(update=place))


@contextlib.contextmanager
def commit_lock(url: str | os.PathLike[str]) -> Iterator[None]:
    """
    Hold the lock under which commits to a local repository are made, one process at a time.

    The lock is released by the operating system when a process dies.

    Parameters
    ----------
    url : str or path
        The repository.

    Yields
    ------
    None
        Nothing; leave the block to release the lock.
    """
    try:
        import fcntl
    except ImportError as error:
        msg = "writing to a repository needs Linux or macOS: this system has no file locks (fcntl)."
        raise MissingExtraError(msg) from error
    with (local_path(url) / "commit.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)
