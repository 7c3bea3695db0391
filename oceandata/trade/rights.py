"""
What a result owes and what may be done with it: attribution, and whether it may be listed again.

Nothing is permitted that is not named, and what is not known is undetermined: undetermined never lists.
"""

import dataclasses
import re
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from oceandata import _html
from oceandata.catalog.licences import licence_alternatives, licence_identifiers, unknown_licences
from oceandata.entities import Origin
from oceandata.errors import InputError
from oceandata.options import get_options
from oceandata.trade.answers import said, said_each
from oceandata.trade.lineage import Lineage
from oceandata.trade.made_of import made_of
from oceandata.trade.permits import Action, Answer, Permission, day_of, permission_of
from oceandata.trade.product import GRADES, Product
from oceandata.trade.shelf import find_products
from oceandata.trade.standing import Standing, read_standings

if TYPE_CHECKING:
    from oceandata.trade.registry.registry import Registry

__all__ = ["Decision", "InputDecision", "OwedDuty", "attribution", "can_relist"]

#: What listing a result that was made of a product takes.
_NEEDED: tuple[Action, ...] = ("relist-derived", "distribute", "sell")

_UNKNOWN = "its source is unknown: open it by its entry, or open and compute inside trade.recording"

_WORDS = {
    "en": {
        "title": "Made of:",
        "licence": "licence",
        "revision": "revision",
        "unknown": "attribution unknown: ask the provider",
        "source": "Of unknown source",
        "none": "Nothing is known of what this was made of.",
        "stop": ". ",
    },
    "zh": {
        "title": "本成果使用了：",
        "licence": "许可",
        "revision": "版本",
        "unknown": "署名未知：请询问数据提供方",
        "source": "来源不明",
        "none": "不知道本成果由何而来。",
        "stop": "。",
    },
}


@dataclasses.dataclass(frozen=True)
class InputDecision:
    """
    What holds for one product that a result was made of.

    Attributes
    ----------
    product : str
        Identifier, or what stands for it: the entry, the repository, or the description of an unknown source.
    answer : str
        ``permitted``, ``denied`` or ``undetermined``.
    reasons : tuple of str
        Why; empty if it is permitted.
    grade : str
        Its grade; empty if nobody decided, or it is not known.
    """

    product: str
    answer: Answer
    reasons: tuple[str, ...] = ()
    grade: str = ""


@dataclasses.dataclass(frozen=True)
class OwedDuty:
    """Something that must be done for a product, and how: text to show, licence to share, time to delete."""

    duty: str
    product: str
    detail: str = ""


@dataclasses.dataclass(frozen=True)
class Decision:
    """
    Whether a result may be listed on an exchange.

    Attributes
    ----------
    answer : str
        ``permitted`` only if every input permits it; ``denied`` if one denies it; else ``undetermined``, which never
        lists.
    inputs : tuple of InputDecision
        One for each product and each unknown source.
    duties : tuple of OwedDuty
        What must be done; complete only if the answer is permitted.
    grade : str
        The highest grade of the inputs, which the result has until a person decides otherwise; empty if it is unknown.
    at : date
        The day for which it holds.
    source : str
        Who says what is permitted: the product documents, or a registry.
    """

    answer: Answer
    inputs: tuple[InputDecision, ...]
    duties: tuple[OwedDuty, ...]
    grade: str
    at: date
    source: str = "product documents"

    def __bool__(self) -> bool:
        return self.answer == "permitted"

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return dataclasses.asdict(self) | {"at": self.at.isoformat()}

    def facts(self, language: str = "en") -> list[tuple[str, str]]:
        """
        Names and values for people.

        Parameters
        ----------
        language : {"en", "zh"}
            Of the words.

        Returns
        -------
        list of (str, str)
            The same facts in terminals and notebooks.
        """
        told = [("may be listed", self.answer), ("grade", self.grade or "unknown"), ("on", self.at.isoformat())]
        told.append(("as told by", self.source))
        facts = [(said(name, language), said(value, language)) for name, value in told]
        facts += [(said(one.product, language), said_each((one.answer, *one.reasons), language)) for one in self.inputs]
        colon = "：" if language == "zh" else ": "
        return facts + [
            (said(f"duty: {one.duty}", language), colon.join(filter(None, (one.product, one.detail))))
            for one in self.duties
        ]

    def __str__(self) -> str:
        facts = self.facts()
        width = max(len(name) for name, _ in facts) + 2
        return "\n".join(f"{name:<{width}}{value}" for name, value in facts)

    def _repr_html_(self) -> str:
        language = get_options().language
        title = "可否上架？" if language == "zh" else "May this be listed?"
        return _html.facts(self.facts(language), title=title)


def attribution(thing: Any, *, lang: Literal["en", "zh", ""] = "", products: Any = None) -> str:
    """
    Text that names everyone a result owes its data to, each text once.

    Parameters
    ----------
    thing : xarray object, Lineage, path or plan
        A result, lazy or written.
    lang : {"en", "zh"}
        Language; that of the session by default. A text that exists in the other language only is given in that.
    products : object
        Where product documents are, as `oceandata.trade.shelf.find_products` takes them; without one the text that
        travelled with the data is given.

    Returns
    -------
    str
        One line for each text, with products, revisions and licences; what is unknown is named too.

    Raises
    ------
    InputError
        If there is no such language, or a document or file cannot be read.
    """
    language = lang or get_options().language
    if language not in _WORDS:
        msg = f"lang is {lang!r}, need 'en' or 'zh'."
        raise InputError(msg)
    plan, words = made_of(thing), _WORDS[language]
    origins = _origins(plan)
    known = find_products(products, (one.product for one in origins))
    lines: dict[str, list[str]] = {}
    for origin in origins:
        product = known.get(origin.product)
        text = product.attribution.said(language) if product else origin.attribution
        licence = (product.licence if product else origin.licence) or "NOASSERTION"
        number = f" {words['revision']} {origin.product_revision}" if origin.product_revision else ""
        named = f"{origin.name}{number}, {words['licence']} {licence}"
        lines.setdefault(text.rstrip(" .。") or words["unknown"], []).append(named)
    told = [f"{text} ({'; '.join(dict.fromkeys(names))})" for text, names in lines.items()]
    told += [f"{words['source']}: {text}" for text in plan.unattributed]
    return "\n".join([words["title"], *(f"- {line}" for line in told)]) if told else words["none"]


def _origins(plan: Lineage) -> list[Origin]:
    """Origins of the inputs, each product, revision and text once; coordinates and files are owed too."""
    seen: dict[tuple[Any, ...], Origin] = {}
    owed = [one.origin for one in plan.inputs if not plan.explains(one.origin)]
    for origin in [*owed, *plan.unpinned]:
        seen.setdefault((origin.name, origin.product_revision, origin.licence, origin.snapshot), origin)
    return [seen[key] for key in sorted(seen, key=str)]


def can_relist(
    thing: Any,
    *,
    products: Any = None,
    registry: "Registry | None" = None,
    purpose: str = "",
    at: date | None = None,
) -> Decision:
    """
    Whether a result may be listed on an exchange, with the reason for every input.

    Denied if an input is graded core, or does not permit all of ``relist-derived``, ``distribute`` and ``sell`` (what
    is not named is not permitted). Undetermined if the provider must be asked, a right has expired, or anything is not
    known: a source, the product document, the revision, the licence, the grade. By a registry it is undetermined too
    if the revision was revoked, or the product is neither registered nor listed there. A mean over the whole input is
    still derived from it.

    Parameters
    ----------
    thing : xarray object, Lineage, path or plan
        A result, lazy or written.
    products : object
        Where product documents are, as `oceandata.trade.shelf.find_products` takes them.
    registry : Registry, optional
        Take products and where they stand from there; product documents are not asked.
    purpose : str
        What for, where products are permitted for some purposes.
    at : date, optional
        The day; today by default.

    Returns
    -------
    Decision
        True in a condition only if it is permitted.

    Raises
    ------
    DocumentError
        If the document of one of the products has faults.
    InputError
        If `products` or a file cannot be read.
    """
    plan, day = made_of(thing), day_of(at)
    ids = {one.origin.product for one in plan.inputs}
    standings = {} if registry is None else read_standings(registry, ids)
    known = find_products(products, ids) if registry is None else {n: one.product for n, one in standings.items()}
    missing = "no product document was found" if registry is None else "the registry does not hold it"
    decided: list[InputDecision] = []
    duties: dict[OwedDuty, None] = {}
    for origin in _origins(plan):
        product = known.get(origin.product)
        if product is None:
            reason = missing if origin.product else "it belongs to no product"
            decided.append(InputDecision(origin.name, "undetermined", (reason,)))
            continue
        permissions = [permission_of(product.permits, one, at=day, purpose=purpose) for one in _NEEDED]
        decided.append(_decided(origin, product, permissions, standings.get(origin.product)))
        duties |= dict.fromkeys(_owed(product, permissions))
    decided += [InputDecision(text, "undetermined", (_UNKNOWN,)) for text in plan.unattributed]
    grade = _highest([one.grade for one in decided])
    decided += _conflicts(duties)
    source = "product documents" if registry is None else f"registry {registry.url}"
    return Decision(_together(decided), tuple(decided), tuple(duties), grade, day, source)


def _together(decided: list[InputDecision]) -> Answer:
    answers = {one.answer for one in decided}
    if "denied" in answers:
        return "denied"
    return "permitted" if answers == {"permitted"} else "undetermined"


def _decided(
    origin: Origin, product: Product, permissions: list[Permission], standing: Standing | None
) -> InputDecision:
    """What holds for one product, with all reasons."""
    denied = [one.reason for one in permissions if one.answer == "denied"]
    denied += _prohibited(product)
    unclear = [one.reason for one in permissions if one.answer == "undetermined"]
    unclear += _unclear(origin, product)
    unclear += _unsettled(origin, standing) if standing else ()
    answer: Answer = "denied" if denied else "undetermined" if unclear else "permitted"
    return InputDecision(origin.name, answer, tuple(dict.fromkeys((*denied, *unclear))), product.grade)


def _prohibited(product: Product) -> Iterator[str]:
    if product.grade == "core":
        yield "its grade is core, which is never listed"
    ways = licence_alternatives(product.licence)
    forbidden = [set().union(*(_forbids(name) for name in way)) for way in ways or ()]
    if forbidden and all(forbidden):
        for what in sorted(set().union(*forbidden)):
            yield f"the licence {product.licence} forbids {what}"


def _forbids(name: str) -> set[str]:
    """What a licence forbids of what listing takes, by its name."""
    parts = re.split(r"[-.]", name.upper())
    found = {"commercial use"} if any(one in ("NC", "NCGL") or "NONCOMMERCIAL" in one for one in parts) else set()
    return found | ({"what is derived from it"} if "ND" in parts or "NODERIVATIVES" in parts else set())


def _unclear(origin: Origin, product: Product) -> Iterator[str]:
    if (
        licence_alternatives(product.licence) is None
        or unknown_licences(product.licence)
        or "NOASSERTION" in licence_identifiers(product.licence)
    ):
        yield f"the licence {product.licence!r} is not understood"
    elif origin.licence and origin.licence != product.licence:
        yield f"the data say licence {origin.licence}, the product {product.licence}"
    if not product.grade:
        yield "nobody has decided on its grade"
    number = origin.product_revision
    pinned = next((one for one in product.revisions if one.number == number), None)
    if pinned is None:
        yield f"revision {number} is not in its document" if number else "the data are no revision of it"
    elif pinned.snapshot != origin.snapshot:
        yield f"the data are snapshot {origin.snapshot}, but revision {number} is {pinned.snapshot}"


def _unsettled(origin: Origin, standing: Standing) -> Iterator[str]:
    """What a registry says against it."""
    revoked = standing.withdrawn([origin.product_revision])
    if revoked:
        yield revoked
    if standing.state not in ("registered", "listed"):
        yield standing.off_sale


def _owed(product: Product, permissions: list[Permission]) -> Iterator[OwedDuty]:
    """Duties of the rows that permit something."""
    language = get_options().language
    details = {"attribute": product.attribution.said(language), "share-terms": product.licence}
    details |= {"compensate": product.provider.said(language), "inform": product.provider.said(language)}
    for one in permissions:
        for duty in one.permit.duties if one.permit else ():
            after = one.permit.delete_after if one.permit and duty == "delete-after" else ""
            yield OwedDuty(duty, product.id, after or details.get(duty, ""))


def _conflicts(duties: dict[OwedDuty, None]) -> list[InputDecision]:
    """Two products that both want their own terms kept."""
    terms = {one.detail: one.product for one in duties if one.duty == "share-terms"}
    if len(terms) < 2:
        return []
    reason = f"both want their own terms kept: {' and '.join(terms)}"
    return [InputDecision(" and ".join(terms.values()), "undetermined", (reason,))]


def _highest(grades: list[str]) -> str:
    """The highest grade; empty if one is unknown, unless another is the highest there is."""
    if GRADES[-1] in grades:
        return GRADES[-1]
    return "" if not grades or "" in grades else max(grades, key=GRADES.index)
