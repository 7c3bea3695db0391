"""Steps of a product up to its registration: added, reviewed by a second person, publicized."""

import unicodedata
from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from oceandata.errors import InputError, RepositoryExistsError
from oceandata.trade.product import Product
from oceandata.trade.registry.canonical import canonical_json
from oceandata.trade.registry.facts import columns_of
from oceandata.trade.registry.lifecycle import require_words
from oceandata.trade.registry.offers import offer_row
from oceandata.trade.registry.publicity import open_objections, publicity_of

if TYPE_CHECKING:
    from oceandata.trade.registry.acts import Act
    from oceandata.trade.registry.records import Event
    from oceandata.trade.registry.registry import Registry

__all__ = [
    "add_product",
    "approve",
    "object_to",
    "publicize",
    "replace_product",
    "return_product",
    "settle_objection",
    "submit",
]

Row = dict[str, Any]

_LONGEST_PUBLICITY = 365

#: What tells a revision from another.
_PINNED = ("snapshot", "content_root", "stored_bytes", "chunks")


def _columns(document: Product | Mapping[str, Any], theme: str) -> tuple[Product, dict[str, Any]]:
    """The validated document, and the columns of its product."""
    given = document.to_json() if isinstance(document, Product) else dict(document)
    product = Product.from_json(given, where=f"product {given.get('id')!r:.200}")
    return product, columns_of(product, theme) | {"document": canonical_json(product.to_json())}


def _record_parts(act: "Act", product: Product) -> None:
    """
    Put down the revisions and offers that a document brings.

    Revisions are not final. What was put down before stays as it is: a document that says something else is refused.
    """
    made = {"product": product.id, "recorded_at": act.at, "recorded_by": act.actor}
    for offer in product.offers:
        columns = offer_row(offer)
        there = act.row("offers", product=product.id, version=offer.version)
        if there is None:
            act.put("offers", columns | made)
        elif there["terms"] != columns["terms"]:
            msg = f"offer {offer.version} of product {product.id!r} was made and is never changed. Add a new version."
            raise InputError(msg)
    for one in product.revisions:
        said = one.to_json()
        columns = {name: said[name] for name in ("number", "repository", "tag", *_PINNED)}
        columns |= {"layout": one.group, "change": one.change, "record_unit": product.record_unit}
        there = act.row("revisions", product=product.id, number=one.number)
        if there is None or there["finalized_at"] is None:
            act.put("revisions", columns | made)
        elif any(there[name] != said[name] for name in _PINNED):
            pins = f"pins snapshot {there['snapshot']}, not {one.snapshot}"
            msg = f"revision {one.number} of product {product.id!r} is final and {pins}. Leave it as it is."
            raise InputError(msg)


def add_product(registry: "Registry", document: Product | Mapping[str, Any], *, actor: str, theme: str = "") -> "Event":
    """
    Add a product as a draft.

    Revisions in the document are put down, but they are not final before `oceandata.trade.revise.revise_product` has
    compared them with their repository. Its offers are put down for good.

    Parameters
    ----------
    registry : Registry
        Where.
    document : Product or mapping
        A product document, or its JSON form.
    actor : str
        Who does it.
    theme : str
        Under which the institution counts it; empty if unknown.

    Returns
    -------
    Event
        What was done.

    Raises
    ------
    DocumentError
        If the document has faults; all are listed.
    RepositoryExistsError
        If there is a product with its identifier.
    """
    product, columns = _columns(document, theme)
    with registry.act("add", actor=actor, product=product.id) as act:
        if act.row("products", id=product.id) is not None:
            msg = (
                f"the registry has a product {product.id!r} already. While it is a draft, replace its document with "
                "replace_product() or 'oceandata trade add --version N'."
            )
            raise RepositoryExistsError(msg)
        row = columns | {"state": "draft", "version": 1, "created_at": act.at, "updated_at": act.at}
        act.detail = {"state": ["", "draft"], "version": 1}
        act.put("products", row)
        _record_parts(act, product)
    return act.event


def replace_product(
    registry: "Registry",
    document: Product | Mapping[str, Any],
    *,
    actor: str,
    version: int,
    theme: str | None = None,
) -> "Event":
    """
    Put another document in place of a draft's.

    Parameters
    ----------
    registry : Registry
        Where.
    document : Product or mapping
        The whole new document. Revisions and offers that it brings are put down; those that are final stay.
    actor : str
        Who does it.
    version : int
        Version of the product that the document was made from: somebody else's edit is never overwritten.
    theme : str or None
        Under which the institution counts it; as before by default.

    Returns
    -------
    Event
        What was done.

    Raises
    ------
    DocumentError
        If the document has faults; all are listed.
    InputError
        If the product is no draft, or the document changes an offer or a final revision.
    RepositoryExistsError
        If somebody changed it since.
    """
    product, columns = _columns(document, theme or "")
    with registry.act("replace", actor=actor, product=product.id, version=version) as act:
        row = act.step()
        if theme is None:
            del columns["theme"]
        act.move(row, **{name: value for name, value in columns.items() if name != "id"})
        _record_parts(act, product)
    return act.event


def submit(registry: "Registry", product: str, *, actor: str, version: int | None = None) -> "Event":
    """
    Hand a draft in for review by a second person.

    Parameters
    ----------
    registry : Registry
        Where.
    product : str
        Identifier of the product.
    actor : str
        Who does it; the review is for somebody else.
    version : int or None
        Version that the actor saw; None if it does not matter.

    Returns
    -------
    Event
        What was done.

    Raises
    ------
    InputError
        If it is no draft.
    """
    with registry.act("submit", actor=actor, product=product, version=version) as act:
        act.move(act.step(), submitted_by=act.actor, reviewed_by=None, publicity=None)
    return act.event


def return_product(
    registry: "Registry", product: str, *, actor: str, reason: str, version: int | None = None
) -> "Event":
    """
    Send a product back to draft.

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
        If no reason is given, or a listing must be ended first.
    """
    reason = require_words(reason, "reason")
    with registry.act("return", actor=actor, product=product, version=version) as act:
        act.detail["reason"] = reason
        act.move(act.step(), submitted_by=None, reviewed_by=None, publicity=None)
    return act.event


def approve(registry: "Registry", product: str, *, actor: str, version: int | None = None) -> "Event":
    """
    Approve what other people wrote and submitted.

    Whoever added the document or replaced it since the product was last registered wrote it, and so did the last one
    who did before that if nobody has since.

    Parameters
    ----------
    registry : Registry
        Where.
    product : str
        Identifier of the product.
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
    InputError
        If the actor wrote or submitted it, or it is not in review, or approved already.
    """
    with registry.act("approve", actor=actor, product=product, version=version) as act:
        row = act.step()
        _check_second_person(act, row)
        if row["reviewed_by"]:
            msg = f"product {product!r} was approved by {row['reviewed_by']} already. Publicize it next."
            raise InputError(msg)
        act.move(row, reviewed_by=act.actor)
    return act.event


def _check_second_person(act: "Act", row: Row) -> None:
    """Refuse who submitted the draft or wrote on it."""
    did = {"submitted": [row["submitted_by"]], "wrote on": [one["actor"] for one in _writings(act)]}
    for what, persons in did.items():
        if any(_same_person(person, act.actor) for person in persons):
            msg = f"{act.actor} {what} product {act.product!r}, and a second person must approve it. Ask somebody else."
            raise InputError(msg)


def _writings(act: "Act") -> list[Row]:
    """Events that made the document in review: those since the last registration, or the last one there was."""
    made = act.rows("events", product=act.product, act="add") + act.rows("events", product=act.product, act="replace")
    registered = act.rows("events", product=act.product, act="register")
    since = registered[-1]["seq"] if registered else 0
    return [one for one in made if one["seq"] > since] or made[-1:]


def _same_person(one: str | None, other: str) -> bool:
    """Names are compared without case, width of letters and blanks."""
    return one is not None and _plain(one) == _plain(other)


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def publicize(
    registry: "Registry",
    product: str,
    *,
    actor: str,
    days: int,
    starts: date | None = None,
    version: int | None = None,
) -> "Event":
    """
    Put down when an approved product is open to objections.

    A publicity is still to come when it is put down, or begins that day: one that is over was open to nobody.

    Parameters
    ----------
    registry : Registry
        Where.
    product : str
        Identifier of the product.
    actor : str
        Who does it.
    days : int
        Length of the publicity, 1 to 365 whole days.
    starts : datetime.date or None
        Its first day, UTC; today by default.
    version : int or None
        Version that the actor saw; None if it does not matter.

    Returns
    -------
    Event
        What was done.

    Raises
    ------
    InputError
        If it was not approved, or the period is none, or begins before today.
    """
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= _LONGEST_PUBLICITY:
        msg = f"the publicity lasts {days} days, need a whole number from 1 to {_LONGEST_PUBLICITY}."
        raise InputError(msg)
    with registry.act("publicize", actor=actor, product=product, version=version) as act:
        row = act.step()
        if not row["reviewed_by"]:
            msg = f"product {product!r} is in review and nobody approved it. Approve it first."
            raise InputError(msg)
        today = date.fromisoformat(act.at[:10])
        first = starts or today
        if first < today:
            msg = f"the publicity of product {product!r} begins on {first}, need today, {today} (UTC), or a later day."
            raise InputError(msg)
        last = first + timedelta(days=days - 1)
        period: dict[str, Any] = {"from": first.isoformat(), "to": last.isoformat(), "objections": []}
        act.detail |= {"from": period["from"], "to": period["to"]}
        act.move(row, publicity=canonical_json(period))
    return act.event


def object_to(
    registry: "Registry", product: str, *, actor: str, by: str, text: str, version: int | None = None
) -> "Event":
    """
    Put down an objection that came in during the publicity.

    Parameters
    ----------
    registry : Registry
        Where.
    product : str
        Identifier of the product.
    actor : str
        Who puts it down.
    by : str
        Who objects.
    text : str
        What they say.
    version : int or None
        Version that the actor saw; None if it does not matter.

    Returns
    -------
    Event
        What was done; its detail has the number of the objection.

    Raises
    ------
    InputError
        If the product is not in publicity.
    """
    by, text = require_words(by, "name of who objects", limits=(1, 200)), require_words(text, "objection")
    with registry.act("object", actor=actor, product=product, version=version) as act:
        row = act.step()
        publicity = publicity_of(row)
        number = len(publicity["objections"]) + 1
        publicity["objections"].append({"number": number, "by": by, "text": text, "at": act.at})
        act.detail |= {"objection": number, "by": by}
        act.move(row, publicity=canonical_json(publicity))
    return act.event


def settle_objection(
    registry: "Registry", product: str, number: int, *, actor: str, reason: str, version: int | None = None
) -> "Event":
    """
    Put down how an objection was settled.

    Parameters
    ----------
    registry : Registry
        Where.
    product : str
        Identifier of the product.
    number : int
        Of the objection.
    actor : str
        Who settled it.
    reason : str
        How, and why it does not stand in the way any more.
    version : int or None
        Version that the actor saw; None if it does not matter.

    Returns
    -------
    Event
        What was done.

    Raises
    ------
    InputError
        If there is no such open objection.
    """
    reason = require_words(reason, "reason")
    with registry.act("settle", actor=actor, product=product, version=version) as act:
        row = act.step()
        publicity = publicity_of(row)
        still = [one for one in publicity["objections"] if one["number"] == number and "settled_by" not in one]
        if not still:
            open_ones = ", ".join(map(str, open_objections(publicity))) or "none"
            msg = f"product {product!r} has no open objection {number}; open are: {open_ones}."
            raise InputError(msg)
        still[0].update(settled_by=act.actor, settled_at=act.at, settlement=reason)
        act.detail |= {"objection": number, "reason": reason}
        act.move(row, publicity=canonical_json(publicity))
    return act.event
