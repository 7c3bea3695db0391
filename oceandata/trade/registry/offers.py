"""What a product needs before it is listed: certificates of its registration, and an offer."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from oceandata.errors import InputError, RepositoryExistsError
from oceandata.trade.offers import Offer
from oceandata.trade.registry.canonical import canonical_json
from oceandata.trade.registry.documents import CertificateDocument
from oceandata.trade.registry.money import to_minor_units
from oceandata.trade.registry.publicity import open_objections, publicity_of

if TYPE_CHECKING:
    from oceandata.trade.registry.records import Event
    from oceandata.trade.registry.registry import Registry

__all__ = ["add_offer", "offer_row", "register_certificate"]

Row = dict[str, Any]


def register_certificate(
    registry: "Registry",
    product: str,
    certificate: CertificateDocument | Mapping[str, Any],
    *,
    actor: str,
    version: int | None = None,
) -> "Event":
    """
    Attach a registration certificate; the first one ends the publicity.

    Parameters
    ----------
    registry : Registry
        Where.
    product : str
        Identifier of the product.
    certificate : CertificateDocument or mapping
        What is printed on it.
    actor : str
        Who does it.
    version : int or None
        Version that the actor saw; None if it does not matter.

    Returns
    -------
    Event
        What was done.

    Raises
    ------
    DocumentError
        If the certificate has faults.
    InputError
        If the publicity is not over, an objection is open, or the state of the product does not allow it.
    RepositoryExistsError
        If a product has a certificate of this authority and number.
    """
    given = certificate.to_json() if isinstance(certificate, CertificateDocument) else dict(certificate)
    said = CertificateDocument.from_json(given, where="the certificate").to_json()
    with registry.act("register", actor=actor, product=product, version=version) as act:
        row = act.step()
        _check_publicity(row, act.at[:10])
        key = {name: said[name] for name in ("scheme", "authority", "number")}
        there = act.row("registrations", **key)
        if there is not None:
            msg = f"certificate {key['number']} of {key['authority']} is registered for {there['product']!r} already."
            raise RepositoryExistsError(msg)
        made = {"product": product, "publicity": row["publicity"], "recorded_at": act.at, "recorded_by": act.actor}
        act.put("registrations", {**said, **made})
        act.detail |= key
        act.move(row, state="registered" if row["state"] == "publicity" else row["state"])
    return act.event


def _check_publicity(row: Row, today: str) -> None:
    """Refuse before the publicity is over and its objections are settled."""
    if row["state"] != "publicity":
        return
    publicity = publicity_of(row)
    still = open_objections(publicity)
    if still:
        one = f"objection {still[0]} is" if len(still) == 1 else f"objections {', '.join(map(str, still))} are"
        msg = f"{one} open against product {row['id']!r}. Settle what is open, or return the product to draft."
        raise InputError(msg)
    if publicity["to"] >= today:
        msg = f"the publicity of product {row['id']!r} lasts until {publicity['to']}. Register it the day after."
        raise InputError(msg)


def add_offer(
    registry: "Registry", product: str, offer: Offer | Mapping[str, Any], *, actor: str, version: int | None = None
) -> "Event":
    """
    Add a new version of the offer of a product; earlier versions stay for the orders made under them.

    Parameters
    ----------
    registry : Registry
        Where.
    product : str
        Identifier of the product.
    offer : Offer or mapping
        The terms. A mapping may leave out ``version``: it is the next one.
    actor : str
        Who does it.
    version : int or None
        Version of the product that the actor saw; None if it does not matter.

    Returns
    -------
    Event
        What was done; its detail has the version of the offer.

    Raises
    ------
    DocumentError
        If the terms have faults.
    InputError
        If they are those of the newest offer, or name another version than the next.
    """
    given = offer.to_json() if isinstance(offer, Offer) else dict(offer)
    with registry.act("offer", actor=actor, product=product, version=version) as act:
        row = act.step()
        number = act.next_number("offers", "version")
        said = Offer.from_json({"version": number} | given, where="the offer")
        if said.version != number:
            msg = f"the offer has version {said.version}, but the next of product {product!r} is {number}."
            raise InputError(msg)
        earlier = act.row("offers", product=product, version=number - 1)
        if earlier is not None and json.loads(earlier["terms"]) | {"version": number} == said.to_json():
            msg = f"the terms are those of offer {number - 1} of product {product!r}. Nothing was added."
            raise InputError(msg)
        act.put("offers", offer_row(said) | {"product": product, "recorded_at": act.at, "recorded_by": act.actor})
        act.detail["offer"] = number
        act.move(row)
    return act.event


def offer_row(offer: Offer) -> Row:
    """
    Columns of an offer; the price is that of its first plan, if it has only one.

    Parameters
    ----------
    offer : Offer
        The terms.

    Returns
    -------
    dict
        Without the product and who recorded it.
    """
    plan = offer.plans[0]
    columns: Row = {"version": offer.version, "model": plan.model, "terms": canonical_json(offer.to_json())}
    columns |= {"valid_from": offer.valid_from.isoformat(), "currency": plan.currency or None}
    if offer.valid_to is not None:
        columns["valid_to"] = offer.valid_to.isoformat()
    if plan.amount:
        number, scale = to_minor_units(plan.amount, plan.currency, unit_price=True)
        columns |= {"amount_minor": number, "amount_scale": scale}
    return columns
