"""Parties, orders and entitlements: imported as others tell of them, never merged in silence."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from oceandata.errors import InputError, NotFoundError, RepositoryExistsError
from oceandata.trade.registry.canonical import canonical_json, digest
from oceandata.trade.registry.documents import Entitlement, KnownParty, Order
from oceandata.trade.registry.lifecycle import require_words
from oceandata.trade.registry.money import to_minor_units

if TYPE_CHECKING:
    from oceandata.trade.registry.acts import Act
    from oceandata.trade.registry.records import Event
    from oceandata.trade.registry.registry import Registry

__all__ = ["import_entitlement", "import_order", "import_party", "revoke_entitlement"]

Row = dict[str, Any]

#: States of an order in their order; it may also be terminated.
_STATES = ("requested", "offered", "accepted", "agreed", "verified", "finalized", "terminated")

#: What an order never changes: only its state, its contract and further remarks may move on.
_FIXED = ("product", "offer", "listing", "buyer", "currency", "amount_minor")


def _party_row(act: "Act", party: Row) -> Row:
    document = canonical_json(party)
    row = {"id": party["id"], "name": party.get("en", ""), "name_zh": party.get("zh", ""), "document": document}
    old = act.row("parties", id=party["id"])
    if old is not None and old["document"] == document:
        return old
    made = {"uscc": party.get("uscc"), "version": 1 if old is None else old["version"] + 1}
    return row | made | {"recorded_at": act.at, "recorded_by": act.actor}


def import_party(registry: "Registry", party: KnownParty | Mapping[str, Any], *, actor: str) -> "Event":
    """
    Put down a firm, an institute or a person; one that is known is brought up to date.

    Parameters
    ----------
    registry : Registry
        Where.
    party : KnownParty or mapping
        The document.
    actor : str
        Who does it.

    Returns
    -------
    Event
        What was done.

    Raises
    ------
    DocumentError
        If the document has faults.
    """
    given = party.to_json() if isinstance(party, KnownParty) else dict(party)
    said = KnownParty.from_json(given, where="the party").to_json()
    with registry.act("import-party", actor=actor) as act:
        act.detail = {"party": said["id"]}
        act.put("parties", _party_row(act, said))
    return act.event


def import_order(
    registry: "Registry", order: Order | Mapping[str, Any], *, actor: str, source_sha256: str = ""
) -> "Event":
    """
    Put down an order; one that is known may only move on in its state.

    Parameters
    ----------
    registry : Registry
        Where.
    order : Order or mapping
        The document.
    actor : str
        Who does it.
    source_sha256 : str
        Digest of the file it came in; of the document itself by default.

    Returns
    -------
    Event
        What was done; its detail says whether the order was created or updated.

    Raises
    ------
    DocumentError
        If the document has faults.
    NotFoundError
        If the product, the offer, the listing or the buyer is unknown.
    RepositoryExistsError
        If the order is known as it is, or would say something else than before.
    """
    given = order.to_json() if isinstance(order, Order) else dict(order)
    document = Order.from_json(given, where="the order")
    said = document.to_json()
    with registry.act("import-order", actor=actor, product=document.product) as act:
        act.require_product()
        _check_known(act, document)
        row = _order_row(act, document) | {
            "document": canonical_json(said),
            "source_sha256": source_sha256 or digest(said),
        }
        old = act.row("orders", id=document.id)
        if old is not None:
            _check_same_order(old, row)
        row |= {"version": 1 if old is None else old["version"] + 1}
        act.put("orders", row | {"recorded_at": act.at, "recorded_by": act.actor})
        act.detail = {"order": document.id, "state": ["" if old is None else old["state"], document.state]}
    return act.event


def _check_known(act: "Act", order: Order) -> None:
    """Refuse an order of an offer or a listing that there is not."""
    if act.row("offers", product=order.product, version=order.offer) is None:
        msg = f"order {order.id!r} is of offer {order.offer} of product {order.product!r}, which there is not."
        raise NotFoundError(msg)
    if order.listing is not None and act.row("listings", product=order.product, number=order.listing) is None:
        msg = f"order {order.id!r} is of listing {order.listing} of product {order.product!r}, which there is not."
        raise NotFoundError(msg)


def _order_row(act: "Act", order: Order) -> Row:
    """Columns of an order; a buyer that comes with it is put down too."""
    if isinstance(order.buyer, KnownParty):
        buyer = order.buyer.id
        party = _party_row(act, order.buyer.to_json())
        if party != act.row("parties", id=buyer):
            act.put("parties", party)
    else:
        buyer = order.buyer
        if act.row("parties", id=buyer) is None:
            msg = f"the buyer of order {order.id!r} is {buyer!r}, whom the registry does not know. Write name and id."
            raise NotFoundError(msg)
    amount = to_minor_units(order.amount, order.currency)[0] if order.amount else None
    return {
        "id": order.id,
        "product": order.product,
        "offer": order.offer,
        "listing": order.listing,
        "buyer": buyer,
        "contract": order.contract,
        "currency": order.currency or None,
        "amount_minor": amount,
        "state": order.state,
    }


def _check_same_order(old: Row, new: Row) -> None:
    """Refuse an order that says something else than before, or nothing new."""
    if old["document"] == new["document"]:
        msg = f"order {old['id']!r} is known as it is. Nothing was changed."
        raise RepositoryExistsError(msg)
    other = [name for name in _FIXED if old[name] != new[name]]
    if other:
        told = ", ".join(f"{name} was {old[name]}, is {new[name]}" for name in other)
        msg = f"order {old['id']!r} says something else than before: {told}. Ask the exchange; nothing was changed."
        raise RepositoryExistsError(msg)
    if old["state"] in ("finalized", "terminated") and old["state"] != new["state"]:
        msg = f"order {old['id']!r} was {old['state']} and cannot be {new['state']}. Ask the exchange."
        raise RepositoryExistsError(msg)
    if new["state"] != "terminated" and _STATES.index(new["state"]) < _STATES.index(old["state"]):
        msg = f"order {old['id']!r} is {old['state']} and cannot go back to {new['state']}. Ask the exchange."
        raise RepositoryExistsError(msg)


def import_entitlement(
    registry: "Registry", entitlement: Entitlement | Mapping[str, Any], *, actor: str, source_sha256: str = ""
) -> "Event":
    """
    Put down what a buyer may do.

    Parameters
    ----------
    registry : Registry
        Where.
    entitlement : Entitlement or mapping
        The document.
    actor : str
        Who does it.
    source_sha256 : str
        Digest of the file it came in; of the document itself by default.

    Returns
    -------
    Event
        What was done.

    Raises
    ------
    DocumentError
        If the document has faults.
    NotFoundError
        If the order is unknown.
    InputError
        If the order was terminated.
    RepositoryExistsError
        If there is an entitlement of that identifier: it is revoked, and another one imported.
    """
    given = entitlement.to_json() if isinstance(entitlement, Entitlement) else dict(entitlement)
    document = Entitlement.from_json(given, where="the entitlement")
    said = document.to_json()
    with registry.act("import-entitlement", actor=actor) as act:
        order = act.row("orders", id=document.order)
        if order is None:
            msg = f"entitlement {document.id!r} is of order {document.order!r}, which there is not. Import it first."
            raise NotFoundError(msg)
        if order["state"] == "terminated":
            msg = f"entitlement {document.id!r} is of order {document.order!r}, which was terminated."
            raise InputError(msg)
        if act.row("entitlements", id=document.id) is not None:
            msg = f"there is an entitlement {document.id!r} already. Revoke it, and import the new one by another name."
            raise RepositoryExistsError(msg)
        act.product = order["product"]
        act.put(
            "entitlements",
            {
                "id": document.id,
                "order_id": document.order,
                "product": order["product"],
                "mode": document.mode,
                "starts": said["starts"],
                "ends": said.get("ends"),
                "document": canonical_json(said),
                "source_sha256": source_sha256 or digest(said),
                "recorded_at": act.at,
                "recorded_by": act.actor,
            },
        )
        act.detail = {"entitlement": document.id, "order": document.order}
    return act.event


def revoke_entitlement(registry: "Registry", entitlement: str, *, actor: str, reason: str) -> "Event":
    """
    Revoke an entitlement; nothing is delivered under it any more.

    Parameters
    ----------
    registry : Registry
        Where.
    entitlement : str
        Its identifier.
    actor : str
        Who does it.
    reason : str
        Why.

    Returns
    -------
    Event
        What was done.

    Raises
    ------
    NotFoundError
        If there is none.
    InputError
        If it was revoked already, or no reason is given.
    """
    reason = require_words(reason, "reason")
    with registry.act("revoke-entitlement", actor=actor) as act:
        row = act.row("entitlements", id=entitlement)
        if row is None:
            msg = f"the registry has no entitlement {entitlement!r}."
            raise NotFoundError(msg)
        if row["revoked_at"] is not None:
            msg = f"entitlement {entitlement!r} was revoked on {row['revoked_at'][:10]} already."
            raise InputError(msg)
        act.product = row["product"]
        act.detail = {"entitlement": entitlement, "reason": reason}
        act.put("entitlements", row | {"revoked_at": act.at, "revoked_by": act.actor, "reason": reason})
    return act.event
