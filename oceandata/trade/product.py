"""Product documents: what is sold, by whom, under which licence, and which state of the data each revision pins."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import yaml
from pydantic import Field, model_validator

from oceandata import _html
from oceandata.atomic import write_text
from oceandata.catalog.faults import Fault, fault_report
from oceandata.catalog.loader import document_faults
from oceandata.catalog.positions import read_yaml
from oceandata.documents import Document, Text
from oceandata.entities import GradeDecision, TradeLink
from oceandata.errors import DocumentError, NotFoundError
from oceandata.options import get_options
from oceandata.trade.offers import Offer
from oceandata.trade.parties import Party, Words
from oceandata.trade.permits import Permit
from oceandata.trade.quality import Quality

if TYPE_CHECKING:
    from oceandata.storage import RevisionSummary

__all__ = [
    "GRADES",
    "Party",
    "Product",
    "ProductRevision",
    "Words",
    "draft_revision",
    "load_product",
    "product_schema",
    "read_product",
    "write_product",
]

#: Classification grades after GB/T 43697-2024, from the lowest.
GRADES = ("general", "important", "core")


class ProductRevision(Document):
    """
    An immutable state of a product.

    Attributes
    ----------
    number : int
        1, 2, 3 and so on.
    repository, group, tag, snapshot, content_root : str
        The pinned data.
    stored_bytes, chunks : int
        Their size.
    change : str
        What is new.
    quality : Quality or None
        What was measured of it; None if nothing was.
    """

    number: int = Field(ge=1)
    repository: Text
    group: Text
    tag: Text
    snapshot: Text
    content_root: Text
    stored_bytes: int = Field(ge=0)
    chunks: int = Field(ge=0)
    change: str = ""
    quality: Quality | None = None


class Product(Document):
    """
    What the exchange sells.

    Attributes
    ----------
    schema_version : int
        Version of this document's form.
    id : str
        Identifier of the product.
    title, summary, attribution : Words
        In English and Chinese.
    provider : Party
        Who provides it.
    licence : str
        SPDX expression, or ``LicenseRef-NAME``.
    permits : tuple of Permit
        Permitted uses, one row an action; an action that has no row is not permitted.
    offers : tuple of Offer
        In order of their versions.
    grade : str
        Classification after GB/T 43697-2024: ``general``, ``important`` or ``core``; empty if nobody decided.
    grade_decision : GradeDecision or None
        Who decided on the grade.
    record_unit : str
        What one record is: a daily grid, a profile, a value.
    record_dimensions : tuple of str
        Dimensions whose positions are counted as records, such as ``time`` for a daily grid; empty if there is no rule.
    entry : str
        Name in the catalogue.
    revisions : tuple of ProductRevision
        In order of their numbers.
    example : bool
        True for a product that no exchange lists.
    listing_url : str
        Page on the exchange that a person has read; never made up.
    """

    schema_version: Literal[1] = 1
    id: Text
    title: Words
    summary: Words | None = None
    provider: Party
    licence: Text
    attribution: Words
    permits: tuple[Permit, ...] = ()
    offers: tuple[Offer, ...] = ()
    grade: Literal["", "general", "important", "core"] = ""
    grade_decision: GradeDecision | None = None
    record_unit: Text
    record_dimensions: tuple[Text, ...] = ()
    entry: Text
    revisions: tuple[ProductRevision, ...] = ()
    example: bool = False
    listing_url: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        numbers = [revision.number for revision in self.revisions]
        if numbers != list(range(1, len(numbers) + 1)):
            msg = f"revisions are numbered {numbers}, need 1, 2, 3 and so on"
            raise ValueError(msg)
        versions = [offer.version for offer in self.offers]
        if versions != list(range(1, len(versions) + 1)):
            msg = f"offers have the versions {versions}, need 1, 2, 3 and so on"
            raise ValueError(msg)
        twice = _first_twice(permit.action for permit in self.permits)
        if twice:
            msg = f"permits name the action {twice!r} twice, need one row an action"
            raise ValueError(msg)
        if bool(self.grade) != (self.grade_decision is not None):
            what = "who decided" if self.grade else "the grade"
            msg = f"grade is {self.grade!r}, but {what} is missing: a grade is decided by a person, by name"
            raise ValueError(msg)
        if self.example and self.listing_url:
            msg = f"an example product has no listing, but listing_url is {self.listing_url!r}"
            raise ValueError(msg)
        return self

    @property
    def link(self) -> TradeLink:
        """Link for the catalogue's entry, to the newest revision; a `DocumentError` if there is none."""
        number = len(self.revisions)
        if not number:
            msg = f"product {self.id!r} has no revision to link to. Pin one first with draft_revision()."
            raise DocumentError(msg)
        return TradeLink(product=self.id, revision=number, example=self.example, listing_url=self.listing_url)

    def facts(self) -> list[tuple[str, str]]:
        """
        Names and values for people.

        Returns
        -------
        list of (str, str)
            The same facts in terminals and notebooks; what is not known says so.
        """
        facts = [("product", self.id), ("title", _both(self.title)), ("provider", _both(self.provider))]
        if self.provider.uscc:
            facts.append(("uscc", self.provider.uscc))
        decision = self.grade_decision
        decided = f"{self.grade}, decided by {decision.by} on {decision.on}" if decision else "not decided"
        facts += [("licence", self.licence), ("attribution", _both(self.attribution)), ("grade", decided)]
        rule = (
            f"counted along {', '.join(self.record_dimensions)}" if self.record_dimensions else "no rule to count them"
        )
        facts.append(("record", f"{self.record_unit}, {rule}"))
        facts += [(f"may {permit.action}", _permit_text(permit)) for permit in self.permits]
        facts.append(("other uses", "not permitted"))
        for offer in self.offers:
            plans = "; ".join(map(str, offer.plans))
            facts.append(
                (f"offer {offer.version}", f"{offer.valid_from} to {offer.valid_to or 'further notice'}: {plans}")
            )
        facts += [] if self.offers else [("offers", "none")]
        for one in self.revisions:
            facts.append((f"revision {one.number}", f"{one.tag}, snapshot {one.snapshot}, {one.content_root}"))
        if self.revisions:
            rows = (self.revisions[-1].quality or Quality()).rows()
            facts += [(f"{name} {chinese}", f"{score} {how}".strip()) for name, chinese, score, how in rows]
        status = "example, not listed on any exchange" if self.example else self.listing_url or "no listing recorded"
        return [*facts, ("status", status)]

    def __str__(self) -> str:
        facts = self.facts()
        width = max(len(name) for name, _ in facts) + 2
        return "\n".join(f"{name:<{width}}{value}" for name, value in facts)

    def _repr_html_(self) -> str:
        return _html.facts(self.facts(), title=self.title.said(get_options().language))


def _first_twice(names: Iterable[str]) -> str:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return ""


def _both(words: Words) -> str:
    """English and Chinese, what there is."""
    return " / ".join(filter(None, (words.en, words.zh)))


def _permit_text(permit: Permit) -> str:
    words = [{"yes": "yes", "no": "no", "ask": "ask the provider"}[permit.allowed]]
    words += [f"for {' or '.join(permit.purposes)}"] if permit.purposes else []
    words += [f"duty: {duty}{f' ({permit.delete_after})' * (duty == 'delete-after')}" for duty in permit.duties]
    words += [f"until {permit.until}"] if permit.until else []
    return ", ".join(words)


def product_schema() -> dict[str, Any]:
    """
    JSON Schema of the form that product documents have now.

    ``catalogs/schema/product-1.json`` is this, written out; a test keeps the two in step.

    Returns
    -------
    dict
        A schema of draft 2020-12.
    """
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Product.model_json_schema()}


def draft_revision(product: Product, summary: "RevisionSummary", *, change: str = "") -> Product:
    """
    Product with one more revision, pinned to what was written.

    Parameters
    ----------
    product : Product
        As it was.
    summary : RevisionSummary
        The state of the data.
    change : str
        What is new.

    Returns
    -------
    Product
        A new document; the old one is unchanged.
    """
    revision = ProductRevision(
        number=len(product.revisions) + 1,
        repository=summary.url,
        group=summary.group,
        tag=summary.revision,
        snapshot=summary.snapshot,
        content_root=summary.content_root,
        stored_bytes=summary.stored_bytes,
        chunks=summary.chunks,
        change=change,
    )
    return product.model_copy(update={"revisions": (*product.revisions, revision)})


def read_product(path: str | os.PathLike[str]) -> tuple[Product | None, list[Fault]]:
    """
    Read a product document and everything that is wrong with its form.

    Parameters
    ----------
    path : path
        A YAML file.

    Returns
    -------
    Product or None
        The document; None if there is a fault.
    list of Fault
        All errors, by line.

    Raises
    ------
    NotFoundError
        If there is no such file.
    """
    path = Path(path)
    if not path.is_file():
        msg = f"there is no product document {path}."
        raise NotFoundError(msg)
    located = read_yaml(path)
    faults = list(located.faults)
    if not isinstance(located.value, dict):
        kind = type(located.value).__name__
        faults = faults or [located.fault((), f"the file holds a {kind}, need the fields of a product.")]
        return None, faults
    product = None
    try:
        product = Product.from_json(located.value, where=str(path))
    except DocumentError as error:
        faults += document_faults(located, (), error, Product)
    return (None if faults else product), sorted(set(faults))


def load_product(path: str | os.PathLike[str]) -> Product:
    """
    Read a product document.

    Parameters
    ----------
    path : path
        A YAML file.

    Returns
    -------
    Product
        The validated document.

    Raises
    ------
    NotFoundError
        If there is no such file.
    DocumentError
        If it is no YAML, or has faults; all are listed with their lines.
    """
    product, faults = read_product(path)
    if product is None:
        raise DocumentError(fault_report(str(path), faults))
    return product


def write_product(product: Product, path: str | os.PathLike[str]) -> None:
    """
    Write a product document, whole or not at all.

    Parameters
    ----------
    product : Product
        The document.
    path : path
        Where; an existing file is replaced.
    """
    write_text(Path(path), yaml.safe_dump(product.to_json(), allow_unicode=True, sort_keys=False, width=110))
