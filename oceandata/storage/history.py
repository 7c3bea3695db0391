"""
History of a repository: its revisions, what changed between two of them, and what may be thrown away.

Everything is told from commit metadata and recorded leaves; no data are read.
"""

import dataclasses
import os
import re
import warnings
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from oceandata import _html
from oceandata.errors import InputError, OceanDataWarning
from oceandata.storage.leases import drop_stale_leases, find_leases, has_leases
from oceandata.storage.refs import find_tag_gaps, find_unreadable_refs, tag_path
from oceandata.storage.revisions import layouts_of
from oceandata.storage.stores import commit_lock, open_repository

if TYPE_CHECKING:
    import icechunk

__all__ = ["GarbageReport", "RevisionRecord", "collect_garbage", "list_revisions"]

# A writer's clock and that of the disk may differ by so much.
_CLOCK = timedelta(minutes=1)

# Without leases nothing younger than this is removed.
_YOUNGEST_REMOTE = timedelta(days=7)

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclasses.dataclass(frozen=True)
class RevisionRecord:
    """
    One revision in the history of a repository.

    Attributes
    ----------
    revision, snapshot : str
        Tag, and the snapshot that it points to for ever.
    published_at : datetime
        When it was committed, UTC.
    message : str
        Of the commit.
    content_root : str
        Root of the primary layout.
    layouts : dict of str to str
        Content root of each layout by name, the primary first.
    files : int
        Number of files that it was made from.
    """

    revision: str
    snapshot: str
    published_at: datetime
    message: str
    content_root: str
    layouts: dict[str, str]
    files: int

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return dataclasses.asdict(self) | {"published_at": self.published_at.isoformat()}


def list_revisions(url: str | os.PathLike[str]) -> list[RevisionRecord]:
    """
    Revisions of a repository.

    Parameters
    ----------
    url : str or path
        The repository.

    Returns
    -------
    list of RevisionRecord
        The oldest first; empty if nothing was published yet.

    Raises
    ------
    NotFoundError
        If there is no repository.

    Warns
    -----
    OceanDataWarning
        If the file of a tag or branch of a local repository cannot be read, or a number is missing among r1, r2, …:
        revisions may be lost.
    """
    repository = open_repository(url)
    damaged = find_unreadable_refs(url)
    for ref, fault in damaged.items():
        msg = f"{ref} of {os.fspath(url)} {fault}. A revision may be lost: restore the file from a copy."
        warnings.warn(msg, OceanDataWarning, stacklevel=2)
    tags = repository.list_tags()
    for tag in find_tag_gaps(tags, damaged=damaged):
        msg = f"revision {tag} of {os.fspath(url)} is missing among its tags. It may be lost: look for a copy."
        warnings.warn(msg, OceanDataWarning, stacklevel=2)
    records = [_record(repository, tag) for tag in tags if tag_path(tag) not in damaged]
    return sorted(records, key=lambda record: (record.published_at, record.revision))


def _record(repository: "icechunk.Repository", tag: str) -> RevisionRecord:
    snapshot = repository.lookup_tag(tag)
    found = repository.lookup_snapshot(snapshot)
    facts = {key.removeprefix("oceandata."): value for key, value in dict(found.metadata).items()}
    return RevisionRecord(
        revision=tag,
        snapshot=snapshot,
        published_at=found.written_at,
        message=found.message,
        content_root=str(facts.get("content_root", "")),
        layouts={name: layout["content_root"] for name, layout in layouts_of(facts).items()},
        files=len(facts.get("sources", [])),
    )


@dataclasses.dataclass(frozen=True)
class GarbageReport:
    """
    What garbage collection removed, or would remove.

    Attributes
    ----------
    url : str
        The repository.
    cutoff : datetime
        Only what is older was looked at, UTC.
    held_by : str
        Writer whose lease moved the cut-off back; empty if none did.
    expired : int
        Untagged intermediate commits that were dropped from the history.
    chunks, manifests, snapshots, nbytes : int
        Objects that nothing refers to any more, and their bytes.
    dry_run : bool
        True if nothing was removed; what only expired commits refer to is then not counted.
    """

    url: str
    cutoff: datetime
    held_by: str
    expired: int
    chunks: int
    manifests: int
    snapshots: int
    nbytes: int
    dry_run: bool

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return dataclasses.asdict(self) | {"cutoff": self.cutoff.isoformat()}

    def facts(self) -> list[tuple[str, object]]:
        """
        Names and values for people.

        Returns
        -------
        list of (str, object)
            The same in terminals and notebooks.
        """
        at_least = "at least " if self.dry_run and self.expired else ""
        return [
            ("repository", self.url),
            ("older than", f"{self.cutoff:%Y-%m-%d %H:%M:%S} UTC"),
            *([("held back by", self.held_by)] if self.held_by else []),
            ("commits expired", self.expired),
            ("chunks", f"{at_least}{self.chunks}"),
            ("bytes", f"{at_least}{_html.human_bytes(self.nbytes)}"),
        ]

    def __str__(self) -> str:
        verb = "would be removed" if self.dry_run else "removed"
        return "\n".join([*(f"{name:<18}{value}" for name, value in self.facts()), verb])

    def _repr_html_(self) -> str:
        return _html.facts(self.facts(), title="Would be removed" if self.dry_run else "Removed")


def _duration_of(text: str | timedelta) -> timedelta:
    """Duration of a text such as ``"7d"``; zero or more."""
    if isinstance(text, timedelta):
        if text < timedelta(0):
            msg = f"older_than is {text}, need zero or more."
            raise InputError(msg)
        return text
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", str(text).strip())
    if found is None:
        msg = f"older_than is {text!r}, need a number and one of s, m, h, d, w, such as '7d'."
        raise InputError(msg)
    return timedelta(**{_UNITS[found[2]]: float(found[1])})


def _cutoff(url: str | os.PathLike[str], older_than: timedelta) -> tuple[datetime, str]:
    """Instant before which objects may go, and the writer that moved it back."""
    if not has_leases(url) and older_than < _YOUNGEST_REMOTE:
        msg = (
            f"older_than is {older_than}, need 7d or more: writers of a repository in an object store cannot be seen "
            "from here, and what they have not committed yet looks like garbage."
        )
        raise InputError(msg)
    wanted = datetime.now(UTC) - older_than - timedelta(seconds=1)
    leases = find_leases(url)
    if leases and leases[0].started_at - _CLOCK < wanted:
        return leases[0].started_at - _CLOCK, str(leases[0])
    return wanted, ""


def _expirable(repository: "icechunk.Repository", cutoff: datetime) -> set[str]:
    """Commits that no tag and no branch points to, but for the first, and that are older than the cut-off."""
    tips = {repository.lookup_branch(branch) for branch in repository.list_branches()}
    tips |= {repository.lookup_tag(tag) for tag in repository.list_tags()}
    found = {commit.id: commit for tip in tips for commit in repository.ancestry(snapshot_id=tip)}
    return {key for key, commit in found.items() if key not in tips and commit.parent_id and commit.written_at < cutoff}


def collect_garbage(
    url: str | os.PathLike[str], *, older_than: str | timedelta, dry_run: bool = False
) -> GarbageReport:
    """
    Remove what no revision and no unfinished work refers to.

    Intermediate commits that are neither tagged nor the newest of a branch are dropped from the history; then chunks
    and metadata that nothing refers to are removed. Tagged revisions stay for ever. What is younger than a running
    writer's lease stays too, whatever is asked for, and so does all work that an interrupted ingest has committed,
    until it is abandoned.

    Parameters
    ----------
    url : str or path
        The repository.
    older_than : str or timedelta
        Only what is older goes: ``"7d"``, ``"12h"``.
    dry_run : bool
        Only tell what would go.

    Returns
    -------
    GarbageReport
        What went, or would go.

    Raises
    ------
    NotFoundError
        If there is no repository.
    InputError
        If `older_than` is no duration, or less than seven days for a repository in an object store, where writers
        cannot be seen.

    Notes
    -----
    Commits wait meanwhile. Readers of an untagged commit lose it.
    """
    age = _duration_of(older_than)
    repository = open_repository(url)
    with commit_lock(url):
        cutoff, held_by = _cutoff(url, age)
        expired = _expirable(repository, cutoff)
        if expired and not dry_run:
            repository.expire_snapshots(cutoff)
            repository = open_repository(url)
        removed = repository.garbage_collect(cutoff, dry_run=dry_run)
        if not dry_run:
            drop_stale_leases(url)
    return GarbageReport(
        url=os.fspath(url),
        cutoff=cutoff,
        held_by=held_by,
        expired=len(expired),
        chunks=removed.chunks_deleted,
        manifests=removed.manifests_deleted,
        snapshots=removed.snapshots_deleted,
        nbytes=removed.bytes_deleted,
        dry_run=dry_run,
    )
