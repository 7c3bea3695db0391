"""
The work branch: boxes of whole chunks are written and committed on it, and released when everything is right.

Ingest and layouts share it. ``main`` and the tag move once, in `publish`; a reader sees a whole revision or none of it.
"""

import dataclasses
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata.errors import RepositoryExistsError
from oceandata.storage.commits import commit_session, find_lost
from oceandata.storage.integrity import HashingStore
from oceandata.storage.layout import ArrayPlan, create_layout, open_written, write_leaves
from oceandata.storage.leases import HeldLease, has_leases
from oceandata.storage.stores import commit_lock, local_path

if TYPE_CHECKING:
    import icechunk

__all__ = [
    "CONCURRENCY",
    "BranchWriter",
    "Step",
    "next_revision",
    "publish",
    "release_branch",
    "release_whole",
    "scratch_folder",
    "whole_commit",
]

#: Chunks that are encoded or decoded at once; each is held twice.
CONCURRENCY = 4


@dataclasses.dataclass(frozen=True)
class Step:
    """A box of whole chunks of one array."""

    name: str
    box: tuple[slice, ...]
    nbytes: int


class BranchWriter:
    """
    Writes steps in a session of a work branch and commits them.

    Parameters
    ----------
    repository : icechunk.Repository
        The repository.
    url : str or path
        Where it is.
    branch : str
        The work branch.
    group : str
        Layout that is written.
    arrays : sequence of ArrayPlan
        Its arrays.
    job : str
        Digest of the work, kept in each commit.
    total : int
        Number of steps in all.
    lease : HeldLease
        Checked before each commit.
    """

    def __init__(
        self,
        repository: "icechunk.Repository",
        url: str | os.PathLike[str],
        branch: str,
        *,
        group: str,
        arrays: Sequence[ArrayPlan],
        job: str,
        total: int,
        lease: HeldLease,
    ) -> None:
        self.repository, self.url, self.branch, self.group = repository, url, branch, group
        self.arrays = {array.name: array for array in arrays}
        self.job, self.total, self.lease = job, total, lease
        self.pending = 0
        self.committed: list[str] = []
        self._begin()

    def _begin(self) -> None:
        self.session = self.repository.writable_session(self.branch)
        self.store = HashingStore(self.session.store, self.group)
        self.pending = 0

    def create(self, attributes: dict[str, Any]) -> None:
        """
        Make the empty layout and commit it.

        Parameters
        ----------
        attributes : dict
            Global attributes.
        """
        create_layout(self.session.store, self.group, list(self.arrays.values()), attributes)
        self.commit(0)

    def write(self, step: Step, values: "np.ndarray[Any, Any]") -> None:
        """
        Write one step and its leaves.

        Parameters
        ----------
        step : Step
            Which box of which array.
        values : numpy.ndarray
            Shaped like the box.
        """
        plan = self.arrays[step.name]
        array = open_written(self.store, self.group, plan)
        array[step.box] = values.astype(plan.dtype, copy=False)
        write_leaves(self.session.store, self.group, plan, step.box, self.store.written)
        self.pending += step.nbytes

    def commit(self, steps: int) -> str:
        """
        Commit what is pending.

        Parameters
        ----------
        steps : int
            Number of steps done.

        Returns
        -------
        str
            The snapshot.
        """
        metadata = {"oceandata.job": self.job, "oceandata.steps": steps}
        kind = self.branch.partition("-")[0]
        with commit_lock(self.url):
            self.lease.check_held()
            message = f"{kind}: {steps} of {self.total} steps"
            snapshot = commit_session(self.repository, self.session, message, metadata)
        self.committed.append(snapshot)
        self._begin()
        return snapshot


def publish(
    writer: BranchWriter, message: str, facts: dict[str, Any], *, base: str, tags: Iterable[str], revision: str
) -> None:
    """
    Commit with the facts of the revision, move main and tag, drop the work branch.

    Parameters
    ----------
    writer : BranchWriter
        Everything is written and was read back.
    message : str
        Of the commit.
    facts : dict
        Commit metadata.
    base : str
        Snapshot that ``main`` points to.
    tags : iterable of str
        Tags that there are.
    revision : str
        Tag to give.

    Raises
    ------
    RepositoryExistsError
        If another process published meanwhile; nothing is changed.
    """
    repository = writer.repository
    with commit_lock(writer.url):
        writer.lease.check_held()
        if repository.lookup_branch("main") != base or set(repository.list_tags()) != set(tags):
            msg = f"{writer.url} was published by another process meanwhile. Nothing was changed."
            raise RepositoryExistsError(msg)
        snapshot = commit_session(repository, writer.session, message, facts)
        lost = find_lost(repository, writer.branch, writer.committed)
        if lost:
            msg = (
                f"{len(lost)} commits to {writer.branch!r} were lost after they were made: another process writes to "
                f"{writer.url} and the lock does not hold there. Nothing was published: run again, one at a time."
            )
            raise RepositoryExistsError(msg)
        release_branch(repository, writer.branch, snapshot, revision)


def release_branch(repository: "icechunk.Repository", branch: str, snapshot: str, revision: str) -> str:
    """
    Tag, main and work branch of a whole commit, whichever of them a killed run left undone.

    Parameters
    ----------
    repository : icechunk.Repository
        The repository.
    branch : str
        The work branch.
    snapshot : str
        Its whole commit.
    revision : str
        Tag to give if the snapshot has none yet.

    Returns
    -------
    str
        The tag.
    """
    tags = [tag for tag in sorted(repository.list_tags()) if repository.lookup_tag(tag) == snapshot]
    if not tags:
        repository.create_tag(revision, snapshot)
    main = repository.lookup_branch("main")
    behind = (known.id for known in repository.ancestry(snapshot_id=snapshot))
    if main != snapshot and main in behind:  # what was published later stays the newest
        repository.reset_branch("main", snapshot)
    if branch in repository.list_branches():  # another run of the same work may have released it meanwhile
        repository.delete_branch(branch)
    return tags[0] if tags else revision


def scratch_folder(url: str | os.PathLike[str], job: str) -> Path:
    """
    Folder for what a job keeps between its passes, so that a killed run finds it again.

    Parameters
    ----------
    url : str or path
        The repository.
    job : str
        Digest of the work.

    Returns
    -------
    pathlib.Path
        Inside a local repository; in the folder for temporary files if the repository is in an object store.
    """
    if has_leases(url):
        return local_path(url) / "scratch" / job
    return Path(tempfile.gettempdir()) / f"oceandata-layout-{job}"


def whole_commit(repository: "icechunk.Repository", branch: str, job: str) -> str:
    """
    Snapshot of a work branch that was committed whole but perhaps not released.

    Parameters
    ----------
    repository : icechunk.Repository
        The repository.
    branch : str
        The work branch.
    job : str
        Digest of the work: a branch that has not begun still shows the revision it starts from.

    Returns
    -------
    str
        Snapshot id; empty if there is none.
    """
    if branch not in repository.list_branches():
        return ""
    tip = next(iter(repository.ancestry(branch=branch)))
    facts = dict(tip.metadata)
    return str(tip.id) if "oceandata.content_root" in facts and facts.get("oceandata.job") == job else ""


def next_revision(tags: Iterable[str]) -> str:
    """
    Name of the next revision: one above the highest ``r<number>`` there is.

    Parameters
    ----------
    tags : iterable of str
        Names that are taken.

    Returns
    -------
    str
        Such as ``"r2"``.

    Examples
    --------
    >>> next_revision(["r1", "r3", "final"])
    'r4'
    """
    numbers = [int(found[1]) for tag in tags if (found := re.fullmatch(r"r(\d+)", tag))]
    return f"r{max(numbers, default=0) + 1}"


def release_whole(repository: "icechunk.Repository", url: str, branch: str, job: str, revision: str = "") -> str:
    """
    Release what an earlier run of the same work committed whole but left unreleased.

    Parameters
    ----------
    repository : icechunk.Repository
        The repository.
    url : str
        Where it is.
    branch, job : str
        The work branch and its job.
    revision : str
        Tag to give if the commit has none yet; the next free one by default.

    Returns
    -------
    str
        The tag; empty if there is nothing to release.
    """
    with commit_lock(url):  # another run of the same work may be releasing it
        whole = whole_commit(repository, branch, job)
        if not whole:
            return ""
        return release_branch(repository, branch, whole, revision or next_revision(repository.list_tags()))
