"""What the repositories hold now, held against what the registry pinned."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from oceandata.errors import OceanDataError
from oceandata.trade.exchange.differences import Difference, Severity, Stated, command
from oceandata.trade.exchange.sides import KnownProduct, RegistrySide

if TYPE_CHECKING:
    import icechunk

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
    Reads tags and what was recorded at commits, whatever the size of the data; `oceandata verify` reads the data.
    """
    import icechunk

    wanted = {listing.revision for listing in known.active}
    pinned = [one for one in known.revisions if one.number in wanted and one.is_final]
    if known.newest is not None and known.newest not in pinned:
        pinned.append(known.newest)
    differences: list[Difference] = []
    unchecked: list[str] = []
    for one in pinned:
        try:
            differences += _one_revision(one, known, registry, today)
        except (OceanDataError, OSError, icechunk.IcechunkError) as error:
            reason = str(error).strip().splitlines()[0]
            unchecked.append(f"{known.record.id}: revision {one.number} was not checked: {reason}")
    return differences, unchecked


def _one_revision(
    one: "PinnedRevision", known: KnownProduct, registry: RegistrySide, today: str
) -> Iterator[Difference]:
    """Differences of one pinned revision; the newest is also held against the head of its repository."""
    from oceandata.storage.stores import lookup_revision, open_repository

    repository = open_repository(one.repository)
    ours = _state(one.tag, one.snapshot, one.content_root)
    if one.tag not in set(repository.list_tags()):
        yield _differs(one, registry, ours, None, today, "error")
        return
    _, snapshot = lookup_revision(repository, one.tag)
    root = _root(repository, snapshot, one.layout)
    if (snapshot, root) != (one.snapshot, one.content_root):
        yield _differs(one, registry, ours, _state(one.tag, snapshot, root), today, "error")
    elif one == known.newest:
        tag, head = lookup_revision(repository)
        root = _root(repository, head, one.layout)
        roots = {other.content_root for other in known.revisions if other.layout == one.layout}
        if root not in roots:
            yield _differs(one, registry, ours, _state(tag or "no tag", head, root), today, "warning")


def _root(repository: "icechunk.Repository", snapshot: str, layout: str) -> str:
    """Content root that was recorded for a layout; empty if the snapshot does not have it."""
    from oceandata.storage.revisions import commit_facts, layouts_of

    return layouts_of(commit_facts(repository, snapshot)).get(layout, {}).get("content_root", "")


def _state(tag: str, snapshot: str, root: str) -> str:
    return f"{tag}, snapshot {snapshot}, {root or 'no such layout'}"


def _differs(
    one: "PinnedRevision", registry: RegistrySide, ours: str, found: str | None, today: str, severity: Severity
) -> Difference:
    mend = command("trade", "revise", one.product, "--repository", one.repository, "--actor", "NAME")
    if severity == "error":
        mend = command("trade", "revoke-revision", one.product, one.number, "--reason", "REASON", "--actor", "NAME")
    there = Stated("data", found, one.repository, today)
    name = f"revision {one.number}"
    return Difference("data-changed", one.product, name, "content_root", registry.says(ours), there, severity, mend)
