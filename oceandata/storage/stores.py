"""
From a URL to a repository or a store.

A repository is an Icechunk repository in a local directory or under a prefix of an object store (``s3://``). Commits
to a local repository are made one at a time under a lock beside it, because Icechunk loses concurrent commits on a
file system; an object store refuses the later of two by itself. Plain Zarr is read only, here and over ``https://``.
"""

import contextlib
import errno
import functools
import math
import os
import shutil
import threading
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from oceandata.entities import Origin
from oceandata.errors import InputError, MissingExtraError, NotFoundError, RepositoryExistsError, closest
from oceandata.storage.counting import CountingStore
from oceandata.storage.credentials import Profile, read_profile, require_keys
from oceandata.storage.plain import is_plain_zarr, open_zarr_store, web_server
from oceandata.storage.remote import Guarded, Server, check_answers, run_bounded
from oceandata.storage.urls import bucket_place, canonical_url, local_path, url_scheme
from oceandata.storage.virtual_access import read_session

if TYPE_CHECKING:
    import icechunk
    from zarr.abc.store import Store

__all__ = [
    "canonical_url",
    "check_free",
    "commit_lock",
    "create_repository",
    "local_path",
    "lookup_revision",
    "open_repository",
    "open_store",
    "repository_exists",
    "sole_writer",
]


def _icechunk() -> Any:
    import icechunk

    icechunk.set_logs_filter("error")
    return icechunk


def _settings(profile: Profile) -> Any:
    """Icechunk's settings with the profile's number of tries."""
    library = _icechunk()
    retries = library.StorageRetriesSettings(max_tries=profile.tries, initial_backoff_ms=100, max_backoff_ms=2000)
    return library.RepositoryConfig(storage=library.StorageSettings(retries=retries))


def _s3_storage(url: str | os.PathLike[str]) -> tuple[Any, Any, Server]:
    """Icechunk's storage and settings for an object store, and the server to wait for."""
    place, profile = bucket_place(url), read_profile(url)
    keys = require_keys(profile)
    library = _icechunk()
    access: dict[str, Any] = {"from_env": True}
    if profile.anonymous:
        access = {"anonymous": True}
    elif keys is not None:
        access = {"access_key_id": keys.access, "secret_access_key": keys.secret}
    storage = library.s3_storage(
        bucket=place.bucket,
        prefix=place.prefix or None,
        region=profile.signing_region,
        endpoint_url=None if profile.is_aws else profile.server,
        allow_http=profile.server.startswith("http://"),
        force_path_style=profile.has_bucket_in_path,
        network_stream_timeout_seconds=math.ceil(profile.timeout_s),
        **access,
    )
    sign = f"{profile.server}/{place.bucket}"
    return storage, _settings(profile), Server(canonical_url(url), sign, profile.advice, profile.timeout_s)


def _web_storage(url: str | os.PathLike[str]) -> tuple[Any, Any, Server]:
    """Icechunk's storage for a repository on a web server."""
    library = _icechunk()
    server = web_server(url)
    if not hasattr(library, "http_storage"):
        msg = (
            f"{server.url} is on the web, and reading a repository from there needs Icechunk 2 (Python 3.12 or later): "
            f"got {library.__version__}. Use a later Python, or ask for its s3:// URL or a plain Zarr export."
        )
        raise MissingExtraError(msg)
    options = {"allow_http": "true"} if server.url.startswith("http://") else {}
    return library.http_storage(server.url, opts=options), _settings(Profile()), server


def _remote_storage(url: str | os.PathLike[str]) -> tuple[Any, Any, Server]:
    return _s3_storage(url) if url_scheme(url) == "s3" else _web_storage(url)


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

    Raises
    ------
    UnreachableError, AccessError, NotFoundError
        If a server does not answer, refuses the keys, or has no such bucket.
    """
    if url_scheme(url) != "file":
        storage, _, server = _remote_storage(url)
        check_answers(server)
        return run_bounded(server, lambda: bool(_icechunk().Repository.exists(storage)))
    path = local_path(url)
    if not path.is_dir():
        return False
    icechunk = _icechunk()
    return bool(icechunk.Repository.exists(icechunk.local_filesystem_storage(str(path))))


def _create_remote(url: str | os.PathLike[str]) -> "icechunk.Repository":
    if url_scheme(url) != "s3":
        msg = f"{canonical_url(url)} can only be read, need a local path or s3://bucket/prefix to write to."
        raise InputError(msg)
    if repository_exists(url):
        msg = f"{canonical_url(url)} holds a repository already. Choose another prefix, or remove it first."
        raise RepositoryExistsError(msg)
    library = _icechunk()
    storage, _, server = _s3_storage(url)
    older = {"spec_version": library.SpecVersion.v1} if hasattr(library, "SpecVersion") else {}
    try:
        run_bounded(server, lambda: library.Repository.create(storage, **older))
    except library.IcechunkError as error:
        if "clean" not in str(error):
            raise
        msg = f"{server.url} holds something that is not a repository. Choose another prefix, or remove it first."
        raise RepositoryExistsError(msg) from error
    return open_repository(url)


def _open_remote(url: str | os.PathLike[str]) -> Guarded:
    storage, config, server = _remote_storage(url)
    if not repository_exists(url):
        msg = f"there is no repository at {server.url}. Check bucket and prefix."
        raise NotFoundError(msg)
    repository = run_bounded(server, lambda: _icechunk().Repository.open(storage, config=config))
    return Guarded(repository, server, _reopened)


_reopening = threading.Lock()


@functools.lru_cache(maxsize=64)
def _kept_open(url: str, snapshot: str) -> "tuple[Store, Server]":
    repository = _open_remote(url)
    store = cast("Any", repository.readonly_session(snapshot_id=snapshot).store)
    return cast("tuple[Store, Server]", store.opened)


def _reopened(url: str, snapshot: str) -> "tuple[Store, Server]":
    """Store that another process had open, opened here once with the keys of this machine."""
    with _reopening:
        return _kept_open(url, snapshot)


def check_free(url: str | os.PathLike[str]) -> None:
    """
    Check that a local place is free for a new repository.

    Parameters
    ----------
    url : str or path
        Where the repository will be; in an object store nothing is looked at.

    Raises
    ------
    RepositoryExistsError
        If anything is there already; an empty folder is nothing.
    """
    if url_scheme(url) != "file":
        return
    path = local_path(url)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        kind = "a repository" if repository_exists(url) else "something that is not a repository"
        msg = f"{path} holds {kind} already. Choose another place, or remove it first."
        raise RepositoryExistsError(msg)


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
    InputError
        If nothing can be written there.
    UnreachableError, AccessError, NotFoundError
        If a server does not answer, refuses the keys, or has no such bucket.
    """
    if url_scheme(url) != "file":
        return _create_remote(url)
    check_free(url)
    path = local_path(url)
    library = _icechunk()
    # Made beside its place and moved there whole: a process killed meanwhile leaves the place free for a rerun.
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        msg = f"cannot write to {path.parent}: {error.strerror}. Choose another place."
        raise InputError(msg) from error
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
    UnreachableError, AccessError
        If a server does not answer, or refuses the keys.
    MissingExtraError
        If it is on the web, and this Icechunk cannot read from there.
    """
    if url_scheme(url) != "file":
        return cast("icechunk.Repository", _open_remote(url))
    path = local_path(url)
    if not repository_exists(url):
        near = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        msg = f"there is no repository at {path}. {closest(path.name, sorted(near))}"
        raise NotFoundError(msg)
    library = _icechunk()
    repository: icechunk.Repository = library.Repository.open(library.local_filesystem_storage(str(path)))
    return repository


def _tags(repository: "icechunk.Repository", wanted: str) -> dict[str, str]:
    """Snapshots by tag; only the wanted one where a web server lists nothing."""
    if not getattr(repository, "is_on_the_web", False):
        return {tag: repository.lookup_tag(tag) for tag in sorted(repository.list_tags())}
    try:
        return {wanted: repository.lookup_tag(wanted)} if wanted else {}
    except _icechunk().IcechunkError:
        return {}


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
    tags = _tags(repository, revision)
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
    group: str = "",
    origin: Origin | None = None,
    plain: bool = False,
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
        Layout that will be read, recorded in the origin; empty for the primary one.
    origin : Origin, optional
        What is known of the product; repository, revision and snapshot are filled in here.
    plain : bool
        Known to be plain Zarr, whose group is taken as given (empty for the top one); otherwise it is looked at, but
        for ``s3://``, which is taken for a repository.

    Returns
    -------
    CountingStore
        Read-only.

    Raises
    ------
    NotFoundError
        If the repository, revision or snapshot is not there.
    UnreachableError, AccessError
        If a server does not answer, or refuses the keys.
    """
    if plain or _is_plain(url):
        if revision or snapshot:
            msg = (
                f"{canonical_url(url)} is plain Zarr, which has no revisions, but {revision or snapshot} was asked for."
            )
            raise NotFoundError(msg)
        return open_zarr_store(url, group=group if plain else group or "maps", origin=origin)
    repository = open_repository(url)
    tag, found = lookup_revision(repository, revision, snapshot)
    known = origin or Origin(repository="")
    group = group or str(dict(repository.lookup_snapshot(found).metadata).get("oceandata.group", "maps"))
    place = {"repository": canonical_url(url), "group": group, "revision": tag, "snapshot": found}
    session = read_session(repository, found, url)
    return CountingStore(session.store, known.model_copy(update=place))


def _is_plain(url: str | os.PathLike[str]) -> bool:
    """Whether a URL is plain Zarr; on the web whatever is not a repository that can be read from there."""
    scheme = url_scheme(url)
    if scheme == "file":
        return is_plain_zarr(local_path(url))
    return scheme != "s3" and not (hasattr(_icechunk(), "http_storage") and repository_exists(url))


@contextlib.contextmanager
def commit_lock(url: str | os.PathLike[str]) -> Iterator[None]:
    """
    Hold the lock under which commits to a local repository are made, one process at a time.

    The lock is released by the operating system when a process dies. An object store needs no lock: it writes a
    branch only if nobody else did meanwhile, so that the later of two commits fails.

    Parameters
    ----------
    url : str or path
        The repository.

    Yields
    ------
    None
        Nothing; leave the block to release the lock.
    """
    if url_scheme(url) == "s3":
        yield
        return
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


@contextlib.contextmanager
def sole_writer(url: str | os.PathLike[str], work: str) -> Iterator[None]:
    """
    Refuse to do the same work in a repository twice at once.

    The operating system lets go when a process dies. On an object store nothing is refused: there the commits
    themselves conflict.

    Parameters
    ----------
    url : str or path
        The repository.
    work : str
        Name of the work's branch.

    Yields
    ------
    None
        Nothing; leave the block to let go.

    Raises
    ------
    RepositoryExistsError
        If another process does this work now.
    """
    if url_scheme(url) != "file":
        yield
        return
    import fcntl

    path = local_path(url) / f"{work}.lock"
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = path.exists() and path.stat().st_ino == os.fstat(lock.fileno()).st_ino
        except BlockingIOError:
            held = False
        if not held:
            msg = f"another process does the same work in {path.parent} now ({work}). Wait for it; nothing was changed."
            raise RepositoryExistsError(msg)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
