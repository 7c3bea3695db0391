"""
Offers and permitted uses in the words of others: ODRL and schema.org, as nodes that a DCAT dataset is extended with.

`catalogs/schema/odrl-profile.ttl` is the profile: two actions that ODRL does not name, `od:trainModel` (included in
`odrl:use`) and `od:relistDerived` (included in `odrl:distribute`). What is both permitted and prohibited is prohibited,
and what a product does not name is prohibited by name.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from oceandata.entities import Entry
from oceandata.errors import DocumentError
from oceandata.trade.offers import Offer, PricePlan, offer_at
from oceandata.trade.permits import Permit
from oceandata.trade.product import Product
from oceandata.trade.shelf import find_products

__all__ = ["ODRL_ACTIONS", "PROFILE", "offer_nodes", "policy_node", "with_trade"]

#: Name of the profile.
PROFILE = "urn:oceandata:terms:odrl-profile"

#: Actions of the table of permitted uses, and their terms.
ODRL_ACTIONS = {
    "read": "odrl:read",
    "derive": "odrl:derive",
    "aggregate": "odrl:aggregate",
    "present": "odrl:present",
    "reproduce": "odrl:reproduce",
    "distribute": "odrl:distribute",
    "relist-derived": "od:relistDerived",
    "train-model": "od:trainModel",
    "archive": "odrl:archive",
    "sell": "odrl:sell",
}

_DUTIES = {
    "attribute": "odrl:attribute",
    "compensate": "odrl:compensate",
    "inform": "odrl:inform",
    "delete-after": "odrl:delete",
    "share-terms": "odrl:nextPolicy",
}

_DAYS_A_WEEK = 7


def policy_node(product: Product, *, target: str) -> dict[str, Any]:
    """
    Permitted uses of a product as an ODRL offer.

    Parameters
    ----------
    product : Product
        The document.
    target : str
        Name of what may be used: the IRI of the dataset.

    Returns
    -------
    dict
        A JSON-LD node with the prefixes of `oceandata.catalog.transfer.dcat.DCAT_CONTEXT`. What the provider decides
        case by case is permitted once consent was obtained; what is not named is prohibited by name, because in ODRL a
        permission to distribute would hold for what is included in it too.

    Raises
    ------
    DocumentError
        If the product is graded core, or its table permits nothing and prohibits nothing.
    """
    if product.grade == "core":
        msg = f"product {product.id!r} is graded core, and offers of it are not published."
        raise DocumentError(msg)
    if not product.permits:
        msg = f"product {product.id!r} names no permitted use, so there is no policy to publish. Write its permits."
        raise DocumentError(msg)
    name = f"urn:oceandata:policy:{_urn(product.id)}"
    permitted = [_permission(product, one, target, name) for one in product.permits if one.allowed != "no"]
    granted = {one.action for one in product.permits if one.allowed != "no"}
    prohibited = [
        _rule("odrl:Prohibition", action, target) | {"odrl:assigner": _assigner(product)}
        for action in ODRL_ACTIONS
        if action not in granted
    ]
    node: dict[str, Any] = {
        "@id": name,
        "@type": "odrl:Offer",
        "odrl:profile": {"@id": PROFILE},
        "odrl:conflict": {"@id": "odrl:prohibit"},
        "odrl:permission": permitted,
        "odrl:prohibition": prohibited,
    }
    return {key: value for key, value in node.items() if value}


def _urn(identifier: str) -> str:
    """Identifier as part of an IRI."""
    return "".join(
        one if one.isascii() and (one.isalnum() or one in "-._:") else "".join(f"%{byte:02X}" for byte in one.encode())
        for one in identifier
    )


def _words(en: str, zh: str) -> list[dict[str, str]]:
    return [{"@value": text, "@language": code} for code, text in (("en", en), ("zh-Hans", zh)) if text]


def _assigner(product: Product) -> dict[str, Any]:
    """The provider; how to reach a person there is not told."""
    provider = product.provider
    node = {"@type": ["odrl:Party", "foaf:Agent"], "foaf:name": _words(provider.en, provider.zh)}
    return node | ({"dct:identifier": provider.uscc} if provider.uscc else {})


def _rule(kind: str, action: str, target: str) -> dict[str, Any]:
    return {"@type": kind, "odrl:target": {"@id": target}, "odrl:action": {"@id": ODRL_ACTIONS[action]}}


def _permission(product: Product, permit: Permit, target: str, policy: str) -> dict[str, Any]:
    """One row of the table."""
    constraints = []
    if permit.purposes:
        operator = "odrl:eq" if len(permit.purposes) == 1 else "odrl:isAnyOf"
        constraints.append(_constraint("odrl:purpose", operator, list(permit.purposes)))
    if permit.until is not None:
        last = {"@type": "xsd:date", "@value": permit.until.isoformat()}
        constraints.append(_constraint("odrl:dateTime", "odrl:lteq", last))
    duties = [_duty(product, permit, duty, policy) for duty in permit.duties]
    if permit.allowed == "ask":
        duties.append({"@type": "odrl:Duty", "odrl:action": {"@id": "odrl:obtainConsent"}})
    node = _rule("odrl:Permission", permit.action, target) | {
        "odrl:assigner": _assigner(product),
        "odrl:constraint": constraints,
        "odrl:duty": duties,
        "dct:description": permit.note,
    }
    return {key: value for key, value in node.items() if value}


def _constraint(operand: str, operator: str, right: Any) -> dict[str, Any]:
    return {
        "@type": "odrl:Constraint",
        "odrl:leftOperand": {"@id": operand},
        "odrl:operator": {"@id": operator},
        "odrl:rightOperand": right,
    }


def _duty(product: Product, permit: Permit, duty: str, policy: str) -> dict[str, Any]:
    """Something that must be done in return."""
    node: dict[str, Any] = {"@type": "odrl:Duty", "odrl:action": {"@id": _DUTIES[duty]}}
    if duty == "attribute":
        node["od:attribution"] = _words(product.attribution.en, product.attribution.zh)
    elif duty == "share-terms":
        node["odrl:target"] = {"@id": policy}
    elif duty == "delete-after":
        after = {"@type": "xsd:duration", "@value": _without_weeks(permit.delete_after)}
        node["odrl:constraint"] = [_constraint("odrl:elapsedTime", "odrl:lteq", after)]
    return node


def _without_weeks(duration: str) -> str:
    """Duration as XML Schema writes it, which has no weeks."""
    found = re.search(r"(\d+)W(?:(\d+)D)?", duration)
    if found is None:
        return duration
    days = int(found[1]) * _DAYS_A_WEEK + int(found[2] or 0)
    return duration.replace(found[0], f"{days}D")


def offer_nodes(offer: Offer) -> list[dict[str, Any]]:
    """
    Ways to pay, as offers of schema.org.

    Parameters
    ----------
    offer : Offer
        A version of what is asked for a product.

    Returns
    -------
    list of dict
        One node a plan, with the prefixes of `oceandata.catalog.transfer.dcat.DCAT_CONTEXT`; amounts as decimals, none
        where the price is on request.
    """
    return [_plan(offer, plan) for plan in offer.plans]


def _decimal(amount: str) -> dict[str, str]:
    return {"@type": "xsd:decimal", "@value": amount}


def _plan(offer: Offer, plan: PricePlan) -> dict[str, Any]:
    node: dict[str, Any] = {
        "@type": "schema:Offer",
        "schema:name": plan.name or plan.model,
        "od:priceModel": plan.model,
        "od:offerVersion": offer.version,
        "schema:validFrom": {"@type": "xsd:date", "@value": offer.valid_from.isoformat()},
        "schema:validThrough": {"@type": "xsd:date", "@value": offer.valid_to.isoformat()} if offer.valid_to else None,
        "schema:description": plan.note,
        "schema:priceSpecification": [],
    }
    if plan.model == "free":
        node["schema:price"] = _decimal("0")
    elif plan.currency:
        node["schema:priceSpecification"] = _specifications(plan)
    return {key: value for key, value in node.items() if value not in (None, "", [])}


def _specifications(plan: PricePlan) -> list[dict[str, Any]]:
    """Price of a unit, or of each stretch of the quantity."""
    from oceandata.trade.offers import UNITS

    shared = {
        "@type": "schema:UnitPriceSpecification",
        "schema:priceCurrency": plan.currency,
        "schema:unitText": UNITS.get(plan.model, plan.period),
        "schema:valueAddedTaxIncluded": {"included": True, "excluded": False}.get(plan.tax),
        "od:freeQuota": _decimal(plan.free_quota) if plan.free_quota else None,
        "schema:minPrice": _decimal(plan.minimum) if plan.minimum else None,
        "schema:maxPrice": _decimal(plan.cap) if plan.cap else None,
    }
    shared = {key: value for key, value in shared.items() if value not in (None, "")}
    if not plan.tiers:
        return [shared | {"schema:price": _decimal(plan.amount)}]
    return [
        shared | {"schema:price": _decimal(tier.amount)} | ({"od:upTo": _decimal(tier.up_to)} if tier.up_to else {})
        for tier in plan.tiers
    ]


def with_trade(products: Any, *, at: date | None = None) -> Callable[[Entry, Mapping[str, Any]], dict[str, Any]]:
    """
    Hook that puts policy, offers and revision of an entry's product on its DCAT node.

    Parameters
    ----------
    products : object
        Where product documents are, as `oceandata.trade.shelf.find_products` takes them.
    at : date, optional
        Day for which the offer is taken; today by default.

    Returns
    -------
    callable
        For ``extend`` of `oceandata.catalog.transfer.export_entries`; takes an entry and its node, gives the extended
        node. A `DocumentError` if the entry names a product that has no document, no policy or another licence.
    """
    day = at or date.today()

    def extend(entry: Entry, node: Mapping[str, Any]) -> dict[str, Any]:
        """Add policy and offers to the node of an entry."""
        if entry.trade is None:
            return dict(node)
        product = find_products(products, [entry.trade.product]).get(entry.trade.product)
        if product is None:
            msg = f"{entry.id!r} belongs to product {entry.trade.product!r}, of which no document was found."
            raise DocumentError(msg)
        return dict(node) | _trade_terms(entry, product, str(node["@id"]), day)

    return extend


def _trade_terms(entry: Entry, product: Product, target: str, day: date) -> dict[str, Any]:
    """What a dataset has because it is a product."""
    if product.licence != entry.license:
        msg = f"{entry.id!r} has the licence {entry.license}, and its product {product.id!r} {product.licence}."
        raise DocumentError(msg)
    assert entry.trade is not None
    offer = offer_at(product.offers, day)
    page = {"@id": product.listing_url} if product.listing_url else None
    nodes = [one | ({"schema:url": page} if page else {}) for one in offer_nodes(offer)] if offer else []
    terms: dict[str, Any] = {
        "od:product": product.id,
        "od:productRevision": entry.trade.revision,
        "od:productStatus": entry.trade.status,
        "odrl:hasPolicy": policy_node(product, target=target),
        "schema:offers": nodes,
    }
    return {key: value for key, value in terms.items() if value not in (None, [])}
