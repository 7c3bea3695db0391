"""What the catalogue says of products, held against the registry."""

from collections.abc import Iterator
from typing import Any

from oceandata.entities import Asset, Entry
from oceandata.trade.exchange.columns import folded
from oceandata.trade.exchange.differences import Difference, Severity, command
from oceandata.trade.exchange.listing_rules import drifts, plans_text
from oceandata.trade.exchange.sides import CatalogSide, KnownProduct, RegistrySide
from oceandata.trade.offers import Offer
from oceandata.trade.product import Product
from oceandata.trade.registry.lifecycle import STEPS

__all__ = ["catalog_differences", "unlinked"]

#: States in which a product is on sale or may be.
_SETTLED = ("registered", "listed", "suspended")


def unlinked(catalog: CatalogSide, registry: RegistrySide) -> Iterator[Difference]:
    """
    Products that only one of the two knows.

    Examples that no registry holds are left out, and so are products in the registry that are not registered yet.

    Parameters
    ----------
    catalog, registry : CatalogSide, RegistrySide
        Both.

    Yields
    ------
    Difference
        One for each.
    """
    for product, entries in catalog.entries.items():
        for name, entry in entries if product not in registry.products else ():
            link = entry.trade
            if link is None or link.example:
                continue
            line = command("trade", "add", link.document or "PRODUCT.yaml", "--actor", "NAME")
            said, other = catalog.says(f"entry {name}, revision {link.revision}"), registry.says(None)
            yield Difference("only-in-catalogue", product, name, "product", said, other, "error", line)
    for product, known in registry.products.items():
        if product in catalog.entries or known.record.state not in _SETTLED or known.document.get("example"):
            continue
        entry_name = str(known.document.get("entry", ""))
        line = command("trade", "relink", product, "--catalog", catalog.where)
        said, other = registry.says(f"{known.record.state}, entry {entry_name}"), catalog.says(None)
        yield Difference("only-in-registry", product, entry_name, "product", said, other, "warning", line)


def catalog_differences(
    name: str, entry: Entry, known: KnownProduct, catalog: CatalogSide, registry: RegistrySide, *, tolerance: float
) -> Iterator[Difference]:
    """
    Everything that an entry, the product document beside it and the registry do not agree on.

    Parameters
    ----------
    name : str
        Of the entry.
    entry : Entry
        Linked to the product.
    known : KnownProduct
        The product.
    catalog, registry : CatalogSide, RegistrySide
        Where both stand.
    tolerance : float
        Share by which sizes may differ.

    Yields
    ------
    Difference
        Link, fields, pinned data, price.
    """
    one = _Pair(name, entry, known, catalog, registry)
    yield from one.link()
    yield from one.fields()
    yield from one.pinned(tolerance)
    document = catalog.documents.get(known.record.id)
    if document is not None:
        yield from one.document(document)


class _Pair:
    """An entry and its product."""

    def __init__(
        self, name: str, entry: Entry, known: KnownProduct, catalog: CatalogSide, registry: RegistrySide
    ) -> None:
        self.name, self.entry, self.known = name, entry, known
        self.catalog, self.registry = catalog, registry

    @property
    def product(self) -> str:
        return self.known.record.id

    def differs(
        self, kind: str, field: str, there: object, here: object, line: str, severity: Severity = "warning"
    ) -> Difference:
        """A difference between the catalogue (first) and the registry."""
        said, other = self.catalog.says(there), self.registry.says(here)
        return Difference(kind, self.product, self.name, field, said, other, severity, line)

    def edit(self, field: str, value: object) -> str:
        """Command that sets a field of the entry."""
        return command("catalog", "edit", self.name, "--catalog", self.catalog.where, "--set", f"{field}={value}")

    @property
    def relink(self) -> str:
        """Command that links both ways."""
        return command("trade", "relink", self.product, "--catalog", self.catalog.where)

    def link(self) -> Iterator[Difference]:
        """Revision and page that the entry names."""
        link, newest = self.entry.trade, self.known.newest
        assert link is not None
        linked = self.known.revision(link.revision)
        revise = command("trade", "revise", self.product, "--repository", "REPOSITORY", "--actor", "NAME")
        if linked is not None and linked.revoked_at is not None:
            here, line = (newest.number, self.relink) if newest else (f"{link.revision} (revoked)", revise)
            yield self.differs("revision-behind", "trade.revision", link.revision, here, line, "error")
        elif newest is not None and link.revision < newest.number:
            yield self.differs("revision-behind", "trade.revision", link.revision, newest.number, self.relink)
        elif linked is None:
            last = self.known.revisions[-1].number if self.known.revisions else None
            yield self.differs("revision-behind", "trade.revision", link.revision, last, revise)
        yield from self.page("trade.listing_url", link.listing_url)
        if link.example and self.known.active:
            listing = self.known.active[0]
            number = ("--listing", listing.number, "--reason", "REASON", "--actor", "NAME")
            line = command("trade", "delist", self.product, *number)
            there = "an example, which no exchange lists"
            here = f"{listing.state} on {listing.exchange}"
            yield self.differs("state-differs", "trade.example", there, here, line, "error")

    def page(self, field: str, there: str) -> Iterator[Difference]:
        """Page of the product on an exchange, as an entry or a document names it."""
        urls = [one.url for one in self.known.active if one.url]
        if there and not self.known.active:
            state = self.known.record.state
            yield self.differs("state-differs", field, there, state, self.relink, "error")
        elif urls and there not in urls:
            yield self.differs("field-differs", field, there or None, urls[0], self.relink)

    def fields(self) -> Iterator[Difference]:
        """Licence, grade, and the entry that the product names."""
        document = self.known.document
        licence, grade = str(document.get("licence", "")), self.known.record.grade
        if licence and folded(licence) != folded(self.entry.license):
            line = self.edit("license", licence)
            yield self.differs("field-differs", "license", self.entry.license, licence, line, "error")
        if grade and self.entry.grade and grade != self.entry.grade:
            line = command("trade", "status", self.product)
            yield self.differs("field-differs", "grade", self.entry.grade, grade, line, "error")
        entry = str(document.get("entry", ""))
        if entry and entry not in (self.name, self.entry.id):
            line = command("trade", "status", self.product)
            yield self.differs("field-differs", "entry", self.name, entry, line)

    def pinned(self, tolerance: float) -> Iterator[Difference]:
        """Snapshot, content root and size of the layout that the linked revision pins."""
        link = self.entry.trade
        revision = self.known.revision(link.revision) if link else None
        asset = next((one for one in self.entry.assets.values() if revision and one.group == revision.layout), None)
        if revision is None or asset is None or asset.type != "application/vnd+icechunk":
            return
        ours = f"snapshot {revision.snapshot}, {revision.content_root}"
        if not _same_data(asset, revision.snapshot, revision.content_root):
            line = self.relink
            theirs = f"snapshot {asset.snapshot}, {asset.content_root or 'no content root'}"
            yield self.differs("data-changed", "snapshot", theirs, ours, line, "error")
        elif asset.stored_bytes is not None and drifts(asset.stored_bytes, revision.stored_bytes, tolerance):
            line = command("catalog", "update", self.name, "--catalog", self.catalog.where)
            theirs, ours = f"{asset.stored_bytes:,} bytes", f"{revision.stored_bytes:,} bytes stored"
            yield self.differs("volume-drift", "stored_bytes", theirs, ours, line)

    def document(self, document: Product) -> Iterator[Difference]:
        """Names, licence, grade and price of the product document beside the catalogue."""
        there, here = document.to_json(), self.known.document
        state, line = self.known.record.state, command("trade", "status", self.product)
        if state == "draft":
            line = command("trade", "add", "PRODUCT.yaml", "--version", self.known.record.version, "--actor", "NAME")
        elif state in STEPS["return"][0]:
            line = command("trade", "return", self.product, "--reason", "REASON", "--actor", "NAME")
        for field in ("title", "provider", "licence", "grade", "record_unit"):
            if there.get(field) != here.get(field):
                yield self.differs("field-differs", field, _words(there.get(field)), _words(here.get(field)), line)
        yield from self.page("listing_url", document.listing_url)
        offers = self.known.offers
        if document.offers and offers and _plans(document.offers[-1]) != offers[-1].terms["plans"]:
            mend = command("trade", "offer", self.product, "OFFER.yaml", "--actor", "NAME")
            sides = _plans(document.offers[-1]), offers[-1].terms["plans"]
            theirs, ours = map(plans_text, sides)
            if theirs == ours:
                theirs, ours = (plans_text(one, whole=True) for one in sides)
            yield self.differs("price-differs", "offers", theirs, ours, mend)


def _plans(offer: Offer) -> list[dict[str, Any]]:
    plans: list[dict[str, Any]] = offer.to_json()["plans"]
    return plans


def _words(value: object) -> str | None:
    """Text of a field; of words in two languages both."""
    if isinstance(value, dict):
        return " / ".join(str(one) for one in value.values())
    return None if value in (None, "") else str(value)


def _same_data(asset: Asset, snapshot: str, root: str) -> bool:
    """Whether a layout holds what was pinned: the same values, or the very snapshot where no root is known."""
    return asset.content_root == root if asset.content_root else asset.snapshot == snapshot
