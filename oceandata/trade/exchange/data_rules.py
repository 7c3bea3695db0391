"""What the repositories hold now, held against what the registry pinned."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from oceandata.errors import OceanDataError
from oceandata.trade.exchange.differences import Difference, Severity, Stated, command
from oceandata.trade.exchange.sides import KnownProduct, RegistrySide

if TYPE_CHECKING:
    from oceandata.storage import RevisionSummary
    from oceandata.trade.registry.records import PinnedRevision

__all__ = ["data_differences"]


def data_differences(known: KnownProduct, registry: RegistrySide, today: str) -> tuple[list[Difference], list[str]]:
    """
    Whether the data of a product are still those that were pinned, and whether newer ones wait for a revision.

    Parameters
    ----------
    known : KnownProduct
        The product.
    registry : RegistrySide
        Where.
    today : str
        Day on which the repositories are read.

    Returns
    -------
    list of Difference
        An error where a tag leads to other data than were pinned.
    list of str
        Repositories that could not be read: not checked, which is not the same as right.

    Notes
    -----
    Reads metadata of each repository and what was recorded at its commits; no data. `oceandata repo verify` reads
    them all.
    """
    wanted = {listing.revision for listing in known.active}
    pinned = [one for one in known.revisions if one.number in wanted and one.is_final]
    if known.newest is not None and known.newest not in pinned:
        pinned.append(known.newest)
    differences: list[Difference] = []
    unchecked: list[str] = []
    for one in pinned:
        try:
            differences += _one_revision(one, known, registry, today)
        except (OceanDataError, OSError) as error:
            unchecked.append(f"{known.record.id}: revision {one.number} was not checked: {error}")
    return differences, unchecked


def _one_revision(
    one: "PinnedRevision", known: KnownProduct, registry: RegistrySide, today: str
) -> Iterator[Difference]:
    """Differences of one pinned revision; the newest is also held against the head of its repository."""
    from oceandata.storage.revisions import describe_revision
    from oceandata.storage.stores import open_repository

    repository = open_repository(one.repository)
    ours = f"{one.tag}, snapshot {one.snapshot}, {one.content_root}"
    if one.tag not in set(repository.list_tags()):
        yield _differs(one, registry, ours, None, today, "error")
        return
    found = describe_revision(one.repository, revision=one.tag, layout=one.layout)
    if (found.snapshot, found.content_root) != (one.snapshot, one.content_root):
        yield _differs(one, registry, ours, _state(found), today, "error")
    elif one == known.newest:
        head = describe_revision(one.repository, layout=one.layout)
        roots = {other.content_root for other in known.revisions if other.layout == one.layout}
        if head.content_root not in roots:
            yield _differs(one, registry, ours, _state(head), today, "warning")


def _state(summary: "RevisionSummary") -> str:
    return f"{summary.revision or 'no tag'}, snapshot {summary.snapshot}, {summary.content_root}"


def _differs(
    one: "PinnedRevision", registry: RegistrySide, ours: str, found: str | None, today: str, severity: Severity
) -> Difference:
    mend = command("trade", "revise", one.product, "--repository", one.repository, "--actor", "NAME")
    if severity == "error":
        mend = command("trade", "revoke-revision", one.product, one.number, "--reason", "REASON", "--actor", "NAME")
    there = Stated("data", found, one.repository, today)
    name = f"revision {one.number}"
    return Difference("data-changed", one.product, name, "content_root", registry.says(ours), there, severity, mend)
