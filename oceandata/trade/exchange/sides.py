"""What is compared: the catalogue and the registry as they are at one moment, read whole, changed never."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oceandata.entities import Entry
from oceandata.trade.exchange.columns import folded
from oceandata.trade.exchange.differences import Stated
from oceandata.trade.registry.records import (
    Certificate,
    EntitlementRecord,
    Listing,
    OfferVersion,
    OrderRecord,
    PinnedRevision,
    ProductRecord,
)

if TYPE_CHECKING:
    from oceandata.catalog import Catalog
    from oceandata.trade.product import Product
    from oceandata.trade.registry.registry import Registry

__all__ = ["ACTIVE", "CatalogSide", "KnownProduct", "RegistrySide", "read_catalog_side", "read_registry_side"]

#: States of a listing that an exchange shows.
ACTIVE = ("listed", "suspended")


@dataclasses.dataclass(frozen=True)
class CatalogSide:
    """
    Entries that are linked to products.

    Attributes
    ----------
    where, as_of : str
        The file, and its day.
    entries : dict of str to tuple of (str, Entry)
        Name and entry of each product.
    documents : dict of str to Product
        Product documents beside the catalogue.
    """

    where: str
    as_of: str
    entries: Mapping[str, tuple[tuple[str, Entry], ...]]
    documents: "Mapping[str, Product]"

    def says(self, value: object) -> Stated:
        """A value of the catalogue."""
        return Stated("catalogue", None if value is None else str(value), self.where, self.as_of)


@dataclasses.dataclass(frozen=True)
class KnownProduct:
    """A product of the registry with all that belongs to it, the oldest first."""

    record: ProductRecord
    revisions: tuple[PinnedRevision, ...]
    offers: tuple[OfferVersion, ...]
    certificates: tuple[Certificate, ...]
    listings: tuple[Listing, ...]

    @property
    def document(self) -> Mapping[str, Any]:
        """The product document."""
        return self.record.document or {}

    @property
    def newest(self) -> PinnedRevision | None:
        """Newest revision that is final and not revoked."""
        return next((one for one in reversed(self.revisions) if one.is_final), None)

    @property
    def active(self) -> tuple[Listing, ...]:
        """Listings that an exchange should show."""
        return tuple(one for one in self.listings if one.state in ACTIVE)

    def revision(self, number: int) -> PinnedRevision | None:
        """Revision by its number."""
        return next((one for one in self.revisions if one.number == number), None)

    def offer(self, version: int) -> OfferVersion | None:
        """Offer by its version."""
        return next((one for one in self.offers if one.version == version), None)


@dataclasses.dataclass(frozen=True)
class RegistrySide:
    """
    Everything the registry holds.

    Attributes
    ----------
    where, as_of : str
        Place, and day of the newest event.
    products : dict of str to KnownProduct
        By identifier.
    orders : dict of str to OrderRecord
        By identifier.
    entitlements : tuple of EntitlementRecord
        In order.
    """

    where: str
    as_of: str
    products: Mapping[str, KnownProduct]
    orders: Mapping[str, OrderRecord]
    entitlements: tuple[EntitlementRecord, ...]

    def says(self, value: object) -> Stated:
        """A value of the registry."""
        return Stated("registry", None if value is None else str(value), self.where, self.as_of)

    def by_certificate(self) -> dict[str, set[str]]:
        """Products of each number of a certificate, folded."""
        found: dict[str, set[str]] = defaultdict(set)
        for product, known in self.products.items():
            for one in known.certificates:
                found[folded(one.number)].add(product)
        return found

    def by_code(self) -> dict[str, list[Listing]]:
        """Listings of each code, folded; those that ended come last."""
        found: dict[str, list[Listing]] = defaultdict(list)
        for known in self.products.values():
            for one in known.listings:
                found[folded(one.code)].append(one)
        return {code: sorted(ones, key=lambda one: one.state not in ACTIVE) for code, ones in found.items()}


def read_catalog_side(catalog: "Catalog") -> CatalogSide:
    """
    What a catalogue says of products.

    Parameters
    ----------
    catalog : Catalog
        With the file it was read from.

    Returns
    -------
    CatalogSide
        Only entries that are linked to a product.

    Raises
    ------
    DocumentError
        If a product document beside the catalogue has faults.
    InputError
        If two documents have the same identifier.
    """
    from oceandata.trade.shelf import find_products

    linked: dict[str, list[tuple[str, Entry]]] = defaultdict(list)
    for name, entry in catalog.items():
        if entry.trade is not None:
            linked[entry.trade.product].append((name, entry))
    path = getattr(catalog, "path", None)
    day, where = datetime.now(UTC).date(), "catalogue in memory"
    documents: dict[str, Product] = {}
    if isinstance(path, Path):
        where, day = str(path), datetime.fromtimestamp(path.stat().st_mtime, tz=UTC).date()
        documents = find_products(catalog, linked)
    return CatalogSide(where, day.isoformat(), {one: tuple(found) for one, found in linked.items()}, documents)


def _grouped(records: Iterable[Any]) -> dict[str, list[Any]]:
    """Records by their product."""
    found: dict[str, list[Any]] = defaultdict(list)
    for one in records:
        found[one.product].append(one)
    return found


def read_registry_side(registry: "Registry") -> RegistrySide:
    """
    Everything a registry holds, in one transaction.

    Parameters
    ----------
    registry : Registry
        Open.

    Returns
    -------
    RegistrySide
        About 10 kB for each product.
    """
    import sqlalchemy as sa

    from oceandata.trade.registry.engines import reading
    from oceandata.trade.registry.tables import KEYS, TABLES, read_head

    kinds: dict[str, Any] = {
        "products": ProductRecord,
        "revisions": PinnedRevision,
        "offers": OfferVersion,
        "registrations": Certificate,
        "listings": Listing,
        "orders": OrderRecord,
        "entitlements": EntitlementRecord,
    }
    found: dict[str, list[Any]] = {}
    with reading(registry.engine) as connection:
        head = read_head(connection)
        for name, kind in kinds.items():
            chosen = sa.select(TABLES[name]).order_by(*(TABLES[name].c[key] for key in KEYS[name]))
            found[name] = [kind.from_row(dict(row)) for row in connection.execute(chosen).mappings()]
    parts = [_grouped(found[name]) for name in ("revisions", "offers", "registrations", "listings")]
    products = {
        one.id: KnownProduct(one, *(tuple(part.get(one.id, ())) for part in parts)) for one in found["products"]
    }
    orders = {one.id: one for one in found["orders"]}
    return RegistrySide(registry.url, head.at[:10], products, orders, tuple(found["entitlements"]))
