"""
Revisions of a product: what changed, what is pinned, and the way back from the data to the product.

A snapshot of a repository never changes, nor do its commit metadata: the product and the number of its revision
cannot be written into a commit that is there already. They go into a commit of their own on the branch ``trade`` of
the repository, whose metadata name the newest pin and whose group ``_trade`` lists all of them. Tags and ``main`` stay
as they are: a tag is a revision of the dataset and nothing else.
"""

import dataclasses
import math
import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from oceandata import _html
from oceandata.errors import OceanDataError, OceanDataWarning
from oceandata.storage import RevisionDiff, RevisionSummary, describe_revision, diff_revisions, open_repository
from oceandata.storage.commits import commit_session
from oceandata.storage.stores import commit_lock
from oceandata.trade.registry.pinning import next_revision_number, pin_revision

if TYPE_CHECKING:
    import icechunk

    from oceandata.trade.registry.records import PinnedRevision
    from oceandata.trade.registry.registry import Registry

__all__ = ["RevisionPlan", "RevisionReport", "find_pins", "pinned_columns", "plan_product_revision", "revise_product"]

_BRANCH = "trade"
_GROUP = "_trade"

#: Names of what is kept of a pin inside the repository.
_PIN = ("product", "revision", "tag", "snapshot", "layout", "content_root")


@dataclasses.dataclass(frozen=True)
class RevisionPlan:
    """
    What a revision of a product would pin.

    Attributes
    ----------
    product : str
        Identifier of the product.
    number : int
        Number of the revision.
    summary : RevisionSummary
        The state of the data.
    previous : int or None
        Number of the revision it was compared with; None for the first.
    difference : RevisionDiff or None
        What changed since; None for the first, and where the data moved to another repository.
    is_pinned : bool
        True if the registry has it already and only the link in the repository is missing.
    change : str
        What is new, in words.
    records : int or None
        Number of records by the rule of the product; None if it has none, or its variables differ.
    record_unit : str
        What one record is.
    """

    product: str
    number: int
    summary: RevisionSummary
    previous: int | None
    difference: RevisionDiff | None
    is_pinned: bool
    change: str
    records: int | None
    record_unit: str

    def facts(self) -> list[tuple[str, object]]:
        """
        Names and values for people.

        Returns
        -------
        list of (str, object)
            The same in terminals and notebooks.
        """
        summary = self.summary
        facts: list[tuple[str, object]] = [
            ("product", self.product),
            ("revision", self.number),
            ("repository", summary.url),
            ("tag", summary.revision),
            ("snapshot", summary.snapshot),
            ("content root", summary.content_root),
            ("stored", _html.human_bytes(summary.stored_bytes)),
            ("chunks", summary.chunks),
            ("records", "unknown" if self.records is None else f"{self.records:,} ({self.record_unit})"),
        ]
        if self.previous is None:
            return [*facts, ("change", "the first revision")]
        if self.difference is None:
            return [*facts, ("change", f"cannot be compared with revision {self.previous}: another repository")]
        changes = str(self.difference).splitlines()[1:]
        return [*facts, *((f"since {self.previous}", line.strip()) for line in changes)]

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "product": self.product,
            "revision": self.number,
            "pinned": pinned_columns(self),
            "previous": self.previous,
            "is_pinned": self.is_pinned,
        }

    def __str__(self) -> str:
        return "\n".join(f"{name:<14}{value}" for name, value in self.facts())

    def _repr_html_(self) -> str:
        return _html.facts(self.facts(), title="Revision")


@dataclasses.dataclass(frozen=True)
class RevisionReport:
    """
    What was pinned.

    Attributes
    ----------
    plan : RevisionPlan
        What it was.
    event : int or None
        Number of the event; None if the registry had the revision already.
    linked : bool
        True if the repository names the product; False if it could not be written, which was told as a warning.
    """

    plan: RevisionPlan
    event: int | None
    linked: bool

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return self.plan.to_json() | {"event": self.event, "linked": self.linked}

    def __str__(self) -> str:
        linked = "yes" if self.linked else "NO: run the same command again"
        return f"{self.plan}\n{'event':<14}{self.event or 'none, it was there'}\n{'linked back':<14}{linked}"


def _all_revisions(registry: "Registry", product: str) -> "list[PinnedRevision]":
    """Every revision of a product, the oldest first."""
    found: list[PinnedRevision] = []
    while page := registry.revisions(product, before=found[-1].number if found else None, limit=1000):
        found += page
    return found[::-1]


def pinned_columns(plan: RevisionPlan) -> dict[str, Any]:
    """
    What the registry keeps of a plan.

    Parameters
    ----------
    plan : RevisionPlan
        From `plan_product_revision`.

    Returns
    -------
    dict
        As `oceandata.trade.registry.pin_revision` takes it.
    """
    summary = plan.summary
    return {
        "repository": summary.url,
        "layout": summary.group,
        "tag": summary.revision,
        "snapshot": summary.snapshot,
        "content_root": summary.content_root,
        "stored_bytes": summary.stored_bytes,
        "decoded_bytes": summary.decoded_bytes,
        "chunks": summary.chunks,
        "records": plan.records,
        "record_unit": plan.record_unit,
        "change": plan.change,
        "difference": None if plan.difference is None else plan.difference.to_json(),
    }


def plan_product_revision(
    registry: "Registry",
    product: str,
    repository: str | os.PathLike[str],
    *,
    revision: str = "",
    layout: str = "",
    change: str = "",
) -> RevisionPlan:
    """
    Tell what a revision of a product would pin, and what changed since the one before.

    Parameters
    ----------
    registry : Registry
        Where the product is.
    product : str
        Its identifier.
    repository : str or path
        The data.
    revision : str
        A tag; the newest by default.
    layout : str
        Name of a layout; the primary by default.
    change : str
        What is new, in words.

    Returns
    -------
    RevisionPlan
        Nothing was written.

    Raises
    ------
    NotFoundError
        If there is no such product, repository or revision.
    RepositoryExistsError
        If the snapshot is pinned already and linked, nothing changed, or what was revoked would come back.
    InputError
        If a revision that the product document brought waits to be made final.

    Notes
    -----
    Reads metadata, coordinates and recorded digests; no data. Records are the positions along the dimensions that the
    product counts, of the variables that have all of them.
    """
    document = registry.product(product).document or {}
    summary = describe_revision(repository, revision=revision, layout=layout)
    there = _all_revisions(registry, product)
    known = [one for one in there if one.finalized_at and _same(one, summary)]
    if known and not _is_linked(summary, product, known[0].number):
        number, is_pinned = known[0].number, True
    else:
        rows = [dataclasses.asdict(one) for one in there]
        pinned = {"layout": summary.group, "tag": summary.revision, "snapshot": summary.snapshot}
        number = next_revision_number(product, rows, pinned | {"content_root": summary.content_root})
        is_pinned = False
    valid = [one for one in there if one.number < number and one.revoked_at is None]
    return RevisionPlan(
        product=product,
        number=number,
        summary=summary,
        previous=valid[-1].number if valid else None,
        difference=_difference(valid[-1], summary) if valid else None,
        is_pinned=is_pinned,
        change=change,
        records=_count_records(summary, document.get("record_dimensions") or ()),
        record_unit=document.get("record_unit") or "",
    )


def _count_records(summary: RevisionSummary, dimensions: Sequence[str]) -> int | None:
    """Positions along the dimensions of the product's rule; None if there is no rule, or variables differ."""
    shapes = [dict(zip(one.dimensions or (), one.shape or (), strict=True)) for one in summary.variables.values()]
    counts = {math.prod(shape[name] for name in dimensions) for shape in shapes if set(dimensions) <= set(shape)}
    return counts.pop() if dimensions and len(counts) == 1 else None


def _same(one: "PinnedRevision", summary: RevisionSummary) -> bool:
    return (one.snapshot, one.layout, one.content_root) == (summary.snapshot, summary.group, summary.content_root)


def _difference(before: "PinnedRevision", summary: RevisionSummary) -> RevisionDiff | None:
    """What changed since a revision of the same repository and layout; None if it cannot be told."""
    if (before.repository, before.layout) != (summary.url, summary.group):
        return None
    return diff_revisions(summary.url, before.tag, summary.revision, layout=summary.group)


def revise_product(registry: "Registry", plan: RevisionPlan, *, actor: str) -> RevisionReport:
    """
    Pin a revision: final in the registry, and named in the repository.

    Parameters
    ----------
    registry : Registry
        Where.
    plan : RevisionPlan
        From `plan_product_revision`.
    actor : str
        Who does it.

    Returns
    -------
    RevisionReport
        What was done.

    Raises
    ------
    RepositoryExistsError
        If somebody pinned another revision meanwhile.
    InputError
        If the product is delisted or archived.

    Warns
    -----
    OceanDataWarning
        If the repository cannot be written: the revision is pinned, and only the way back from the data is missing.
    """
    seq = None
    if not plan.is_pinned:
        event = pin_revision(registry, plan.product, pinned_columns(plan), actor=actor)
        seq, number = event.seq, int(event.detail["revision"])
        plan = dataclasses.replace(plan, number=number)
    if registry.dry_run:
        return RevisionReport(plan, seq, linked=False)
    return RevisionReport(plan, seq, linked=_link(plan))


def _link(plan: RevisionPlan) -> bool:
    """Name the product in the repository; a failure is only told."""
    summary = plan.summary
    values = (
        plan.product,
        plan.number,
        summary.revision,
        summary.snapshot,
        summary.group,
        summary.content_root,
    )
    try:
        _write_pin(summary, dict(zip(_PIN, values, strict=True)))
    except (OceanDataError, OSError) as error:
        msg = (
            f"revision {plan.number} of {plan.product!r} is pinned, but {summary.url} could not be told: {error} "
            "Run the same again when it can be written."
        )
        warnings.warn(msg, OceanDataWarning, stacklevel=3)
        return False
    return True


def _write_pin(summary: RevisionSummary, pin: dict[str, Any]) -> None:
    """Commit a pin to the branch of pins."""
    import icechunk
    import zarr

    repository = open_repository(summary.url)
    try:
        with commit_lock(summary.url):
            if _BRANCH not in repository.list_branches():
                repository.create_branch(_BRANCH, summary.snapshot)
            session = repository.writable_session(_BRANCH)
            group = zarr.open_group(session.store, mode="a", path=_GROUP)
            pins: Any = group.attrs.get("pins", [])
            if pin in pins:
                return
            group.attrs["pins"] = [*pins, pin]
            metadata = {f"oceandata.{name}": value for name, value in pin.items()}
            commit_session(repository, session, f"revision {pin['revision']} of {pin['product']}", metadata)
    except icechunk.IcechunkError as error:
        msg = f"{summary.url} refuses the commit: {str(error).strip().splitlines()[0]}."
        raise OceanDataError(msg) from error


def _pins(repository: "icechunk.Repository") -> list[dict[str, Any]]:
    import zarr

    if getattr(repository, "is_on_the_web", False) or _BRANCH not in repository.list_branches():
        return []
    store = repository.readonly_session(branch=_BRANCH).store
    pins: Any = zarr.open_group(store, mode="r", path=_GROUP).attrs["pins"]
    return [dict(pin) for pin in pins]


def _is_linked(summary: RevisionSummary, product: str, number: int) -> bool:
    pins = _pins(open_repository(summary.url))
    return any((pin["product"], pin["revision"]) == (product, number) for pin in pins)


def find_pins(repository: str | os.PathLike[str], *, snapshot: str = "") -> list[dict[str, Any]]:
    """
    Products whose revisions pin a repository: the way back from the data.

    Parameters
    ----------
    repository : str or path
        The data.
    snapshot : str
        Only pins of this snapshot; all if empty.

    Returns
    -------
    list of dict
        ``product``, ``revision``, ``tag``, ``snapshot``, ``layout`` and ``content_root``, the oldest first; empty if no
        product does, and where the repository is read from a web server, which lists nothing.

    Raises
    ------
    NotFoundError
        If there is no repository.
    """
    return [pin for pin in _pins(open_repository(repository)) if snapshot in ("", pin["snapshot"])]
