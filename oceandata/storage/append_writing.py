"""
Carrying out an append: arrays and leaves grow on a work branch, what was written is read back, a tag names the result.

All layouts of the repository get the same steps in the same revision. A killed run continues with its next step; the
revision before it stays as it is.
"""

import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

import oceandata
from oceandata.errors import CorruptionError, InputError, RepositoryExistsError
from oceandata.storage.append import AppendPlan, Move
from oceandata.storage.commits import full_disk_named
from oceandata.storage.ingest import file_sha256
from oceandata.storage.integrity import INTEGRITY_GROUP, chunk_key
from oceandata.storage.layout import ArrayPlan, Layout, damaged_chunks, layout_root, read_layout
from oceandata.storage.leases import HeldLease, writer_lease
from oceandata.storage.revisions import RevisionSummary, commit_facts, describe_revision, layouts_of
from oceandata.storage.stores import commit_lock, lookup_revision, open_repository, sole_writer
from oceandata.storage.writing import BranchWriter, next_revision, publish, release_branch, release_whole, whole_commit

if TYPE_CHECKING:
    import icechunk
    from zarr.abc.store import Store

__all__ = ["write_append"]

# A commit is made after this many decoded bytes were written.
_COMMIT_BYTES = 1_000_000_000

Progress = Callable[[int, int], None]


def _branch(plan: AppendPlan) -> str:
    return f"append-{plan.job}"


def _finish_releases(repository: "icechunk.Repository", url: str) -> None:
    """Release what other runs committed whole and tagged, but were killed before `main` moved or the branch went."""
    with commit_lock(url):
        for branch in sorted(repository.list_branches()):
            kind, _, job = branch.partition("-")
            snapshot = whole_commit(repository, branch, job) if kind in ("append", "layout") else ""
            tags = {repository.lookup_tag(tag): tag for tag in repository.list_tags()} if snapshot else {}
            if snapshot in tags:
                release_branch(repository, branch, snapshot, tags[snapshot])


def _check_base(repository: "icechunk.Repository", plan: AppendPlan) -> None:
    """Refuse a plan that was made for another state of the repository."""
    now = repository.lookup_branch("main")
    if now != plan.base:
        tag, _ = lookup_revision(repository, snapshot=now)
        msg = (
            f"{plan.url} moved on from {plan.base_revision or plan.base} to {tag or now} since the append was planned. "
            "Nothing was changed: run it again, and it will find what is stored by now."
        )
        raise RepositoryExistsError(msg)


def _begun(repository: "icechunk.Repository", plan: AppendPlan) -> int:
    """Number of steps already committed on the work branch, -1 if it was just made."""
    branch = _branch(plan)
    if branch not in repository.list_branches():
        repository.create_branch(branch, plan.base)
        return -1
    metadata = dict(next(iter(repository.ancestry(branch=branch))).metadata)
    return int(metadata["oceandata.steps"]) if metadata.get("oceandata.job") == plan.job else -1


def _grow(store: "Store", plan: AppendPlan) -> None:
    """Give every array along time, and the arrays of its leaves, its new length."""
    for group, arrays in plan.layouts.items():
        for array in plan.growing(arrays):
            zarr.open_array(store, path=f"{group}/{array.name}", mode="r+").resize(array.shape)
            path = f"{INTEGRITY_GROUP}/{group}/{array.name}"
            zarr.open_array(store, path=f"{path}/leaf", mode="r+").resize((*array.grid, 32))
            zarr.open_array(store, path=f"{path}/stored_bytes", mode="r+").resize(array.grid)


def _check_chunks(store: "Store", layout: Layout, plan: AppendPlan, arrays: Iterable[ArrayPlan], advice: str) -> None:
    """Refuse if a chunk that the append touches is not what its leaf says."""
    for array in arrays:
        grid = layout.leaves[array.name].stored_bytes.shape
        touched = (position for position in plan.changed_chunks(array) if position[0] < grid[0])
        for position, kind in damaged_chunks(store, layout, array.name, touched):
            msg = f"chunk {layout.group}/{chunk_key(array.name, position)} {kind}. Nothing was published: {advice}."
            raise CorruptionError(msg)


def _check_kept(repository: "icechunk.Repository", plan: AppendPlan) -> None:
    """Check the stored chunks that will be written anew, so that no damage is taken over into the new revision."""
    store = repository.readonly_session(snapshot_id=plan.base).store
    for group, arrays in plan.layouts.items():
        growing = plan.growing(arrays)
        layout = read_layout(store, group, names=[array.name for array in growing])
        _check_chunks(store, layout, plan, growing, "restore the repository from a copy before appending to it")


class _Work:
    """The steps of a plan, layout by layout, from wherever an earlier run ended."""

    def __init__(self, repository: "icechunk.Repository", plan: AppendPlan, lease: HeldLease) -> None:
        self.repository, self.plan, self.lease = repository, plan, lease
        self.moves = plan.moves
        self.writer = self._writer(self.moves[0].group)

    def _writer(self, group: str) -> BranchWriter:
        return BranchWriter(
            self.repository,
            self.plan.url,
            _branch(self.plan),
            group=group,
            arrays=self.plan.layouts[group],
            job=self.plan.job,
            total=len(self.moves),
            lease=self.lease,
        )

    def _read(self, move: Move) -> "np.ndarray[Any, Any]":
        time, *rest = move.step.box
        box = (slice(time.start + move.shift, time.stop + move.shift), *rest)
        return self.plan.sources.read(move.step.name, box)

    def write(self, done: int, on_progress: Progress | None) -> None:
        """Write the steps that are left, reading the next while one is written."""
        total = sum(move.step.nbytes for move in self.moves)
        written = sum(move.step.nbytes for move in self.moves[:done])
        left = self.moves[done:]
        with ThreadPoolExecutor(1, thread_name_prefix="append-read") as reader:
            ahead = reader.submit(self._read, left[0]) if left else None
            for number, move in enumerate(left, done):
                assert ahead is not None
                values = ahead.result()
                if number + 1 < len(self.moves):
                    ahead = reader.submit(self._read, self.moves[number + 1])
                if move.group != self.writer.group:
                    if self.writer.session.has_uncommitted_changes:
                        self.writer.commit(number)
                    self.writer = self._writer(move.group)
                self.writer.write(move.step, values)
                written += move.step.nbytes
                if self.writer.pending >= _COMMIT_BYTES and number + 1 < len(self.moves):
                    self.writer.commit(number + 1)
                if on_progress is not None:
                    on_progress(written, total)

    def check_written(self) -> dict[str, str]:
        """Read back what was written and the time axis; content root of each layout."""
        store, roots = self.writer.session.store, {}
        for group, arrays in self.plan.layouts.items():
            layout = read_layout(store, group)
            _check_chunks(store, layout, self.plan, self.plan.growing(arrays), "check the disk, then run again")
            times = np.asarray(zarr.open_array(store, path=f"{group}/{self.plan.time}", mode="r")[...])
            if not np.array_equal(times, self.plan.times) or not (np.diff(times) > 0).all():
                msg = f"the time axis of {group!r} read back is not the one written. Nothing was published: run again."
                raise CorruptionError(msg)
            roots[group] = layout_root(layout)
        return roots


def _facts(repository: "icechunk.Repository", plan: AppendPlan, roots: dict[str, str]) -> dict[str, Any]:
    """Facts of the revision before, with what changed."""
    before = dict(repository.lookup_snapshot(plan.base).metadata)
    layouts = layouts_of(commit_facts(repository, plan.base))
    files = [{"name": f.path.name, "nbytes": f.nbytes, "sha256": file_sha256(f)} for f in plan.sources.files]
    earlier = list(before.get("oceandata.sources", []))
    known = {source.get("sha256") for source in earlier}
    return before | {
        "oceandata.version": oceandata.__version__,
        "oceandata.content_root": roots[next(iter(layouts))],
        "oceandata.layouts": {name: facts | {"content_root": roots[name]} for name, facts in layouts.items()},
        "oceandata.sources": [*earlier, *(file for file in files if file["sha256"] not in known)],
        "oceandata.change": plan.change,
        "oceandata.previous": plan.base_revision,
        "oceandata.steps_added": plan.added.count,
        "oceandata.steps_replaced": sum(run.count for run in plan.replaced),
        "oceandata.differences": [
            {"variable": one.variable, "steps": len(one.steps), "values": one.values, "largest": one.largest}
            | {"units": one.units}
            for one in plan.differences
        ],
        "oceandata.job": plan.job,
        "oceandata.steps": len(plan.moves),
    }


def _publish(work: _Work, tags: Iterable[str], revision: str) -> None:
    """Read back, commit with the content roots, move main and tag, drop the work branch."""
    plan, repository = work.plan, work.repository
    for file in plan.sources.files:
        file.check_unchanged()
    facts = _facts(repository, plan, work.check_written())
    replaced = sum(run.count for run in plan.replaced)
    message = f"revision {revision}: {plan.change}, {plan.added.count} steps added, {replaced} replaced"
    try:
        publish(work.writer, message, facts, base=plan.base, tags=tags, revision=revision)
    except RepositoryExistsError:
        if repository.lookup_branch("main") != plan.base:  # this work can never be published: the next plan is another
            with commit_lock(plan.url):  # who published the same work meanwhile has dropped its branch
                if _branch(plan) in repository.list_branches():
                    repository.delete_branch(_branch(plan))
        _check_base(repository, plan)
        raise


def _revision_name(revision: str, tags: Iterable[str]) -> str:
    revision = revision or next_revision(tags)
    if not re.fullmatch(r"\w[\w.-]*", revision):
        msg = f"revision is {revision!r}, need letters, digits, '.', '_' and '-', such as 'r2'."
        raise InputError(msg)
    if revision in tags:
        msg = f"there is a revision {revision!r} already, need a new name: a revision never changes."
        raise RepositoryExistsError(msg)
    return revision


def write_append(plan: AppendPlan, *, revision: str = "", on_progress: Progress | None = None) -> RevisionSummary:
    """
    Write a planned append and publish it as a new revision of the repository.

    A plan in which everything is stored already changes nothing and gives no tag. A run that was killed continues when
    the same files are planned and written again; earlier revisions stay as they are in any case.

    Parameters
    ----------
    plan : AppendPlan
        From `plan_append`.
    revision : str
        Tag to give; the next free ``r<number>`` by default.
    on_progress : callable, optional
        Called with bytes written and bytes in all after each step.

    Returns
    -------
    RevisionSummary
        The newest revision, for the catalogue.

    Raises
    ------
    RepositoryExistsError
        If the repository moved on since the plan was made, or `revision` is taken; nothing is published.
    InputError
        If `revision` is no name for a tag, or a file changed since the plan was made; nothing is published.
    CorruptionError
        If a stored chunk that is written anew is damaged, or what was read back is not what was written; nothing is
        published.
    OceanDataError
        If the disk is full; the message names it.

    Notes
    -----
    Chunks that lie partly in old and new steps are read, completed and written anew; all others stay. Memory is about
    two steps (160 MB) and the leaves (40 bytes a chunk). The content root is computed anew from the recorded leaves:
    about 0.6 s and 100 MB for a million chunks, none of which is read.
    """
    repository = open_repository(plan.url)
    branch = _branch(plan)
    released = release_whole(repository, plan.url, branch, plan.job, revision)
    if released:
        return describe_revision(plan.url, revision=released)
    _finish_releases(repository, plan.url)
    _check_base(repository, plan)
    if plan.is_empty:
        return describe_revision(plan.url, revision=plan.base_revision)
    tags = sorted(repository.list_tags())
    revision = _revision_name(revision, tags)
    with full_disk_named(plan.url), sole_writer(plan.url, _branch(plan)), writer_lease(plan.url) as lease:
        done = _begun(repository, plan)
        if done < 0:
            _check_kept(repository, plan)
        work = _Work(repository, plan, lease)
        if done < 0:
            done = 0
            if plan.added.count:
                _grow(work.writer.session.store, plan)
                work.writer.commit(0)
        work.write(done, on_progress)
        _publish(work, tags, revision)
    return describe_revision(plan.url, revision=revision)
