"""
Commits that are looked at again: a file system may lose one of two that are made at once.

`oceandata.storage.stores.commit_lock` lets only one process commit at a time. Where a lock does not hold (some network
file systems) Icechunk acknowledges commits that another process then overwrites. Such a commit is still in the store,
only no branch leads to it: it is found by the ancestry of the branch, and repeated from there.
"""

import os
import random
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

from oceandata.errors import OceanDataError, RepositoryExistsError
from oceandata.storage.stores import local_path

if TYPE_CHECKING:
    import icechunk
    from zarr.core.buffer import Buffer

__all__ = ["commit_session", "find_lost", "full_disk_named", "repeat_commit"]

# A commit that was lost so often is not the fault of chance.
_REPEATS = 20


def find_lost(repository: "icechunk.Repository", branch: str, snapshots: Sequence[str]) -> list[str]:
    """
    Snapshots that were committed to a branch and that the branch does not lead to.

    Parameters
    ----------
    repository : icechunk.Repository
        The repository.
    branch : str
        Its branch.
    snapshots : sequence of str
        Snapshot ids, as `commit_session` returned them.

    Returns
    -------
    list of str
        Those that were lost, in the order given; usually empty.
    """
    left = set(snapshots)
    for known in repository.ancestry(branch=branch):
        if not left:
            break
        left.discard(known.id)
    return [snapshot for snapshot in snapshots if snapshot in left]


def commit_session(
    repository: "icechunk.Repository", session: "icechunk.Session", message: str, metadata: dict[str, Any]
) -> str:
    """
    Commit a session and check that its branch leads to the commit; one that was lost is repeated.

    Parameters
    ----------
    repository : icechunk.Repository
        The repository.
    session : icechunk.Session
        With changes, on a branch.
    message : str
        Of the commit.
    metadata : dict
        Of the commit.

    Returns
    -------
    str
        The snapshot.

    Raises
    ------
    RepositoryExistsError
        If the branch moved on since the session began, or the commit that took the place of ours changed the same.
    OceanDataError
        If the commit was lost again and again.
    """
    import icechunk

    branch = str(session.branch)
    try:
        snapshot: str = session.commit(message, metadata=metadata)
    except icechunk.ConflictError as error:
        msg = (
            f"another process committed to the branch {branch!r} meanwhile. "
            "Wait until it ends, then run again: what both had to do is done."
        )
        raise RepositoryExistsError(msg) from error
    return repeat_commit(repository, branch, snapshot)


def repeat_commit(repository: "icechunk.Repository", branch: str, snapshot: str) -> str:
    """
    Put a lost commit on top of its branch; one that is not lost stays as it is.

    Parameters
    ----------
    repository : icechunk.Repository
        The repository.
    branch : str
        Its branch.
    snapshot : str
        What was committed to it.

    Returns
    -------
    str
        `snapshot`, or the one that now holds its changes.

    Raises
    ------
    RepositoryExistsError
        If the branch has other content where the lost commit changed something.
    OceanDataError
        If the commit was lost again and again.
    """
    import icechunk

    for attempt in range(_REPEATS):
        if not find_lost(repository, branch, [snapshot]):
            return snapshot
        time.sleep(random.uniform(0, min(1.0, 0.01 * 2**attempt)))  # so that those who collided do not again
        session = repository.writable_session(branch)
        lost = repository.lookup_snapshot(snapshot)
        _copy_changes(repository, lost, session)
        if not session.has_uncommitted_changes:  # the commit that took its place holds the same
            return str(session.snapshot_id)
        try:
            snapshot = session.commit(lost.message, metadata=dict(lost.metadata))
        except icechunk.ConflictError:
            continue
    msg = (
        f"a commit to {branch!r} was lost {_REPEATS} times: other processes overwrite it, so the lock does not hold on "
        "this file system. Nothing was published: let one process write at a time."
    )
    raise OceanDataError(msg)


def _changed_keys(difference: "icechunk.Diff") -> set[str]:
    """Keys of the objects that differ between two snapshots."""
    nodes = difference.new_groups | difference.new_arrays | difference.updated_groups | difference.updated_arrays
    keys = {f"{path.strip('/')}/zarr.json".lstrip("/") for path in nodes}
    for path, chunks in difference.updated_chunks.items():
        keys |= {"/".join((path.strip("/"), "c", *map(str, chunk))) for chunk in chunks}
    return keys


def _object(session: "icechunk.Session", key: str) -> "Buffer | None":
    found: Buffer | None = sync(session.store.get(key, default_buffer_prototype()))
    return found


def _copy_changes(
    repository: "icechunk.Repository", lost: "icechunk.SnapshotInfo", session: "icechunk.Session"
) -> None:
    """Bring what a lost commit changed into a session on the branch that lost it."""
    ours = repository.diff(from_snapshot_id=lost.parent_id, to_snapshot_id=lost.id)
    tip, fork = session.snapshot_id, _fork_point(repository, lost, session.snapshot_id)
    theirs = set() if fork == tip else _changed_keys(repository.diff(from_snapshot_id=fork, to_snapshot_id=tip))
    source = repository.readonly_session(snapshot_id=lost.id)
    for key in sorted(_changed_keys(ours), key=lambda key: (not key.endswith("zarr.json"), key)):
        wanted, found = _object(source, key), _object(session, key)
        same = (wanted and wanted.to_bytes()) == (found and found.to_bytes())
        if key in theirs and not same:
            msg = (
                f"another process changed {key} of the branch {session.branch!r} at the same time. "
                "Nothing was published: let one process write at a time, and run again."
            )
            raise RepositoryExistsError(msg)
        if wanted is not None and not same:
            sync(session.store.set(key, wanted))
        elif wanted is None and found is not None:
            sync(session.store.delete(key))


def _fork_point(repository: "icechunk.Repository", lost: "icechunk.SnapshotInfo", tip: str) -> str:
    """Newest snapshot that both the lost commit and the branch lead to."""
    behind = {known.id for known in repository.ancestry(snapshot_id=lost.id)}
    return str(next(known.id for known in repository.ancestry(snapshot_id=tip) if known.id in behind))


def _is_full(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, says that a disk is full."""
    while error is not None:
        if "No space left on device" in str(error) or "StorageFull" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def full_disk_named(url: str | os.PathLike[str]) -> Iterator[None]:
    """
    Say of a disk that filled up while a repository was written which one it is.

    Parameters
    ----------
    url : str or path
        The repository.

    Yields
    ------
    None
        Write inside the block.

    Raises
    ------
    OceanDataError
        If the disk is full.
    """
    try:
        yield
    except Exception as error:
        if not _is_full(error):
            raise
        path = local_path(url)
        free = shutil.disk_usage(path).free
        msg = (
            f"the disk of {path} is full: {free:,} bytes are free. Nothing was published and earlier revisions are "
            "whole. Free space on it, then run the same again: it continues."
        )
        raise OceanDataError(msg) from error
