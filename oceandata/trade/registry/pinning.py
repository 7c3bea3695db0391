"""Revisions in the registry: made final once they were compared with their repository, and revoked with a reason."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from oceandata.errors import InputError, NotFoundError, RepositoryExistsError
from oceandata.trade.registry.canonical import canonical_json
from oceandata.trade.registry.documents import PinnedState
from oceandata.trade.registry.lifecycle import require_words

if TYPE_CHECKING:
    from oceandata.trade.registry.acts import Act
    from oceandata.trade.registry.records import Event
    from oceandata.trade.registry.registry import Registry

__all__ = ["next_revision_number", "pin_revision", "revoke_revision"]

Row = dict[str, Any]

#: Fewest and most characters of the reason of a revocation.
_REASON = (10, 512)


def pin_revision(
    registry: "Registry",
    product: str,
    pinned: PinnedState | Mapping[str, Any],
    *,
    actor: str,
    version: int | None = None,
) -> "Event":
    """
    Make a revision final: the snapshot as it was found in the repository.

    A revision that the product document brought is completed if it pins the same; anything else becomes the next
    revision. `oceandata.trade.revise.revise_product` reads the repository and calls this.

    Parameters
    ----------
    registry : Registry
        Where.
    product : str
        Identifier of the product.
    pinned : PinnedState or mapping
        What was found; the fields of `oceandata.trade.registry.documents.PinnedState`.
    actor : str
        Who does it.
    version : int or None
        Version of the product that the actor saw; None if it does not matter.

    Returns
    -------
    Event
        What was done; its detail has the number of the revision.

    Raises
    ------
    DocumentError
        If the state has faults: no tag or snapshot, a content root or a size that is none; all are told.
    RepositoryExistsError
        If the snapshot is pinned already, nothing changed since the revision before, or what was revoked would come
        back.
    InputError
        If a revision that the document brought waits and pins something else.
    """
    given = pinned.to_json() if isinstance(pinned, PinnedState) else dict(pinned)
    columns = PinnedState.from_json(given, where=f"the revision of product {product!r}").to_json()
    with registry.act("revise", actor=actor, product=product, version=version) as act:
        row = act.step()
        there = act.rows("revisions", product=product)
        number = next_revision_number(product, there, columns)
        difference = columns.get("difference")
        columns |= {"difference": None if difference is None else canonical_json(difference)}
        made = {"product": product, "number": number, "recorded_at": act.at, "recorded_by": act.actor}
        final = {"finalized_at": act.at, "finalized_by": act.actor}
        earlier = next((one for one in there if one["number"] == number), None)
        if earlier is not None:
            made |= {"recorded_at": earlier["recorded_at"], "recorded_by": earlier["recorded_by"]}
            columns["change"] = columns["change"] or earlier["change"]
        act.put("revisions", columns | made | final)
        act.detail |= {"revision": number} | {name: columns[name] for name in ("tag", "snapshot", "content_root")}
        act.move(row)
    return act.event


def next_revision_number(product: str, there: list[Row], pinned: Mapping[str, Any]) -> int:
    """
    Number that a snapshot gets, or the reason why it gets none.

    Parameters
    ----------
    product : str
        Identifier of the product.
    there : list of dict
        Revisions of the product, in order.
    pinned : mapping
        See `pin_revision`.

    Returns
    -------
    int
        Of a revision that the document brought and nobody finalised, or the next one.

    Raises
    ------
    RepositoryExistsError
        If the snapshot or its content is pinned already.
    InputError
        If revisions that the document brought must be finalised first, or pin other content.
    """
    for one in there:
        same = (one["content_root"], one["layout"]) == (pinned["content_root"], pinned["layout"])
        if one["revoked_at"] is not None and same:
            msg = (
                f"its content is that of revision {one['number']} of product {product!r}, which was revoked: "
                f"{one['reason']}. Correct the data first."
            )
            raise RepositoryExistsError(msg)
        if one["finalized_at"] is not None and one["snapshot"] == pinned["snapshot"] and same:
            msg = f"snapshot {pinned['snapshot']} is revision {one['number']} of product {product!r} already."
            raise RepositoryExistsError(msg)
    waiting = [one for one in there if one["finalized_at"] is None]
    if waiting:
        return _completed(product, waiting[0], pinned)
    valid = [one for one in there if one["revoked_at"] is None]
    if valid and valid[-1]["content_root"] == pinned["content_root"]:
        msg = (
            f"nothing changed since revision {valid[-1]['number']} of product {product!r}: the content root is the "
            f"same, {pinned['content_root']}."
        )
        raise RepositoryExistsError(msg)
    return len(there) + 1


def _completed(product: str, waiting: Row, pinned: Mapping[str, Any]) -> int:
    """Number of the revision that waits, if it is the one that was found."""
    names = ("tag", "snapshot", "content_root", "layout")
    other = [name for name in names if waiting[name] != pinned[name]]
    if other:
        told = ", ".join(f"{name} {waiting[name]}, found {pinned[name]}" for name in other)
        msg = (
            f"revision {waiting['number']} of product {product!r} is not final and pins something else: {told}. "
            "Finalise it first with its own tag, or correct the product document."
        )
        raise InputError(msg)
    return int(waiting["number"])


def revoke_revision(
    registry: "Registry", product: str, number: int, *, actor: str, reason: str, version: int | None = None
) -> "Event":
    """
    Revoke a final revision; it stays readable, and is never offered again.

    Parameters
    ----------
    registry : Registry
        Where.
    product : str
        Identifier of the product.
    number : int
        Of the revision.
    actor : str
        Who does it.
    reason : str
        Why, in 10 to 512 characters.
    version : int or None
        Version of the product that the actor saw; None if it does not matter.

    Returns
    -------
    Event
        What was done.

    Raises
    ------
    NotFoundError
        If there is no such revision.
    InputError
        If the reason is too short or too long, or the revision is not final, revoked already, or on sale.
    """
    reason = require_words(reason, "reason", limits=_REASON)
    with registry.act("revoke-revision", actor=actor, product=product, version=version) as act:
        row = act.step()
        revision = act.row("revisions", product=product, number=number)
        _check_revocable(act, revision, number)
        assert revision is not None
        act.put("revisions", revision | {"revoked_at": act.at, "revoked_by": act.actor, "reason": reason})
        act.detail |= {"revision": number, "reason": reason}
        act.move(row)
    return act.event


def _check_revocable(act: "Act", revision: Row | None, number: int) -> None:
    """Refuse what is not there, not final, revoked, or on sale."""
    if revision is None:
        msg = f"product {act.product!r} has no revision {number}."
        raise NotFoundError(msg)
    if revision["finalized_at"] is None or revision["revoked_at"] is not None:
        state = "is not final" if revision["finalized_at"] is None else f"was revoked on {revision['revoked_at'][:10]}"
        msg = f"revision {number} of product {act.product!r} {state}, so it cannot be revoked."
        raise InputError(msg)
    on_sale = [one for one in act.rows("listings", product=act.product, state="listed") if one["revision"] == number]
    if on_sale:
        told = ", ".join(f"{one['number']} on {one['exchange']}" for one in on_sale)
        msg = (
            f"revision {number} of product {act.product!r} is on sale (listing {told}). "
            "Suspend the listing, or list a newer revision in its place, then revoke."
        )
        raise InputError(msg)
