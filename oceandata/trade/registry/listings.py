"""Steps of a product on exchanges, from the first listing to the archive."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from oceandata.errors import InputError, NotFoundError, RepositoryExistsError
from oceandata.trade.registry.documents import ExchangeProfile, Place
from oceandata.trade.registry.lifecycle import require_words, state_of_listings
from oceandata.trade.registry.rules import listing_faults

if TYPE_CHECKING:
    from oceandata.trade.registry.acts import Act
    from oceandata.trade.registry.records import Event
    from oceandata.trade.registry.registry import Registry

__all__ = ["archive", "delist", "list_product", "resume_listing", "suspend_listing"]

Row = dict[str, Any]

#: What a listing must say besides an offer and a revision.
_MOVING = ("offer", "revision", "url", "url_verified_at", "url_verified_by")


def list_product(
    registry: "Registry",
    product: str,
    place: Place | Mapping[str, Any],
    *,
    actor: str,
    offer: int | None = None,
    revision: int | None = None,
    profile: ExchangeProfile | None = None,
    version: int | None = None,
) -> "Event":
    """
    List a product on an exchange, or bring a listing to a newer offer or revision.

    Parameters
    ----------
    registry : Registry
        Where.
    product : str
        Identifier of the product.
    place : Place or mapping
        Exchange, zone, code, and the page that somebody has read. A listing of the same code is brought up to date.
    actor : str
        Who does it.
    offer, revision : int or None
        What is listed; the newest offer and the newest revision that is not revoked by default.
    profile : ExchangeProfile or None
        What the exchange asks for; a certificate by default.
    version : int or None
        Version of the product that the actor saw; None if it does not matter.

    Returns
    -------
    Event
        What was done; its detail has the number of the listing.

    Raises
    ------
    DocumentError
        If the place has faults.
    InputError
        If the product may not be listed; every reason is told.
    RepositoryExistsError
        If another product has the code, or nothing would change.
    """
    given = place.to_json() if isinstance(place, Place) else dict(place)
    spot = Place.from_json(given, where="the listing").to_json()
    with registry.act("list", actor=actor, product=product, version=version) as act:
        row = act.step()
        pinned, offered = _chosen_revision(act, revision), _chosen_offer(act, offer)
        url = spot.get("url", "")
        _check_rules(act, row, spot["exchange"], pinned, offered, profile=profile or ExchangeProfile(), url=url)
        assert pinned is not None
        assert offered is not None
        listing = _placed(act, spot, offer=offered["version"], revision=pinned["number"])
        act.put("listings", listing)
        act.detail |= {name: listing[name] for name in ("number", "exchange", "zone", "code", "offer", "revision")}
        act.move(row)
    return act.event


def _check_rules(
    act: "Act", row: Row, exchange: str, pinned: Row | None, offered: Row | None, *, profile: ExchangeProfile, url: str
) -> None:
    """Refuse with every reason why the product may not be on sale there."""
    faults = listing_faults(
        json.loads(row["document"]),
        profile=profile,
        revision=pinned,
        offer=offered,
        certificates=act.rows("registrations", product=row["id"]),
        url=url,
        today=act.at[:10],
    )
    if faults:
        reasons = [f"  {fault}" for fault in faults]
        msg = "\n".join([f"product {row['id']!r} may not be listed on {exchange}:", *reasons])
        raise InputError(msg)


def _chosen_revision(act: "Act", number: int | None) -> Row | None:
    """Revision by its number, or the newest that was not revoked."""
    if number is not None:
        found = act.row("revisions", product=act.product, number=number)
        if found is None:
            msg = f"product {act.product!r} has no revision {number}."
            raise NotFoundError(msg)
        return found
    there = [one for one in act.rows("revisions", product=act.product) if one["revoked_at"] is None]
    return there[-1] if there else None


def _chosen_offer(act: "Act", number: int | None) -> Row | None:
    """Offer by its version, or the newest."""
    wanted = act.next_number("offers", "version") - 1 if number is None else number
    found = act.row("offers", product=act.product, version=wanted)
    if found is None and number is not None:
        msg = f"product {act.product!r} has no offer {number}."
        raise NotFoundError(msg)
    return found


def _placed(act: "Act", spot: Row, *, offer: int, revision: int) -> Row:
    """Row of a new listing, or of the one with this code brought up to date."""
    place = {"exchange": spot["exchange"], "zone": spot.get("zone", ""), "code": spot["code"]}
    page: Row = {}
    if spot.get("url"):
        page = {
            "url": spot["url"],
            "url_verified_by": spot["url_verified_by"],
            "url_verified_at": spot.get("url_verified_at", act.at),
        }
    there = [one for one in act.rows("listings", **place) if one["state"] != "delisted"]
    if there and there[0]["product"] != act.product:
        msg = f"code {place['code']!r} on {place['exchange']} belongs to product {there[0]['product']!r}."
        raise RepositoryExistsError(msg)
    if not there:
        made: Row = {"product": act.product, "number": act.next_number("listings", "number"), "state": "listed"}
        return made | place | page | {"offer": offer, "revision": revision, "listed_at": act.at, "listed_by": act.actor}
    old = there[0]
    if old["state"] == "suspended":
        msg = f"listing {old['number']} of product {act.product!r} is suspended. Resume it first."
        raise InputError(msg)
    new = old | page | {"offer": offer, "revision": revision}
    if all(new[name] == old[name] for name in _MOVING if name != "url_verified_at"):
        msg = f"product {act.product!r} is listed so already (listing {old['number']}). Nothing was changed."
        raise RepositoryExistsError(msg)
    return new | {"changed_at": act.at, "changed_by": act.actor}


def _end(
    registry: "Registry", product: str, *, act: str, to: str, listing: int | None, actor: str, reason: str,
    version: int | None,
) -> "Event":  # fmt: skip
    """Bring a listing to another state, and the product to what its listings then say."""
    before = {"suspend": ("listed",), "resume": ("suspended",), "delist": ("listed", "suspended")}[act]
    reason = require_words(reason, "reason")
    with registry.act(act, actor=actor, product=product, version=version) as step:
        row = step.step()
        all_of_them = step.rows("listings", product=product)
        fitting = [one for one in all_of_them if one["state"] in before and listing in (None, one["number"])]
        if len(fitting) != 1:
            raise InputError(_which(product, act, before, all_of_them, listing))
        (chosen,) = fitting
        if act == "resume":
            pinned = _chosen_revision(step, chosen["revision"])
            offered = _chosen_offer(step, chosen["offer"])
            _check_rules(step, row, chosen["exchange"], pinned, offered, profile=ExchangeProfile(requires=()), url="")
        after = chosen | {"state": to, "changed_at": step.at, "changed_by": step.actor, "reason": reason}
        step.put("listings", after)
        step.detail |= {"number": chosen["number"], "reason": reason}
        others = [one["state"] for one in all_of_them if one is not chosen]
        step.move(row, state=state_of_listings([*others, to]))
    return step.event


def _which(product: str, act: str, before: tuple[str, ...], listings: list[Row], wanted: int | None) -> str:
    """Why the listing that is meant cannot be told, or may not be taken."""
    told = ", ".join(f"{one['number']} ({one['exchange']}, {one['state']})" for one in listings) or "none"
    if wanted is None and sum(one["state"] in before for one in listings) > 1:
        return f"product {product!r} has several listings, name the one to {act}: {told}."
    which = f"listing {wanted}" if wanted is not None else "listing"
    return f"product {product!r} has no {which} to {act}, it must be {' or '.join(before)}; there is: {told}."


def suspend_listing(
    registry: "Registry",
    product: str,
    *,
    actor: str,
    reason: str,
    listing: int | None = None,
    version: int | None = None,
) -> "Event":
    """
    Take a listing off sale for a time; entitlements stay.

    Parameters
    ----------
    registry : Registry
        Where.
    product : str
        Identifier of the product.
    actor : str
        Who does it.
    reason : str
        Why.
    listing : int or None
        Its number; may be left out if only one can be meant.
    version : int or None
        Version of the product that the actor saw; None if it does not matter.

    Returns
    -------
    Event
        What was done.

    Raises
    ------
    InputError
        If there is no such listing, or several could be meant.
    """
    return _end(
        registry, product, act="suspend", to="suspended", listing=listing, actor=actor, reason=reason, version=version
    )


def resume_listing(
    registry: "Registry",
    product: str,
    *,
    actor: str,
    reason: str,
    listing: int | None = None,
    version: int | None = None,
) -> "Event":
    """
    Put a suspended listing on sale again.

    Parameters
    ----------
    registry : Registry
        Where.
    product : str
        Identifier of the product.
    actor : str
        Who does it.
    reason : str
        Why.
    listing : int or None
        Its number; may be left out if only one can be meant.
    version : int or None
        Version of the product that the actor saw; None if it does not matter.

    Returns
    -------
    Event
        What was done.

    Raises
    ------
    InputError
        If there is no such listing, or several could be meant.
    """
    return _end(
        registry, product, act="resume", to="listed", listing=listing, actor=actor, reason=reason, version=version
    )


def delist(
    registry: "Registry",
    product: str,
    *,
    actor: str,
    reason: str,
    listing: int | None = None,
    version: int | None = None,
) -> "Event":
    """
    End a listing; the product is delisted when its last one ends. Entitlements stay.

    Parameters
    ----------
    registry : Registry
        Where.
    product : str
        Identifier of the product.
    actor : str
        Who does it.
    reason : str
        Why.
    listing : int or None
        Its number; may be left out if only one can be meant.
    version : int or None
        Version of the product that the actor saw; None if it does not matter.

    Returns
    -------
    Event
        What was done.

    Raises
    ------
    InputError
        If there is no such listing, or several could be meant.
    """
    return _end(
        registry, product, act="delist", to="delisted", listing=listing, actor=actor, reason=reason, version=version
    )


def archive(registry: "Registry", product: str, *, actor: str, reason: str, version: int | None = None) -> "Event":
    """
    Close a delisted product for good; it stays readable.

    Parameters
    ----------
    registry : Registry
        Where.
    product : str
        Identifier of the product.
    actor : str
        Who does it.
    reason : str
        Why.
    version : int or None
        Version that the actor saw; None if it does not matter.

    Returns
    -------
    Event
        What was done.

    Raises
    ------
    InputError
        If it is not delisted.
    """
    reason = require_words(reason, "reason")
    with registry.act("archive", actor=actor, product=product, version=version) as act:
        act.detail["reason"] = reason
        act.move(act.step())
    return act.event
