"""Which product and listing a row of an export is: by code, then by certificate; by name only as a suggestion."""

import dataclasses

from oceandata.trade.exchange.columns import folded
from oceandata.trade.exchange.rows import ExchangeRow
from oceandata.trade.exchange.sides import ACTIVE, RegistrySide
from oceandata.trade.registry.records import Listing

__all__ = ["Match", "Matcher"]


@dataclasses.dataclass(frozen=True)
class Match:
    """
    What a row was found to be.

    Attributes
    ----------
    row : ExchangeRow
        The row.
    product : str
        Empty if it was not found.
    listing : Listing or None
        None if the product has no listing there.
    suggestion : str
        Product of the same provider and name, where nothing better was found.
    """

    row: ExchangeRow
    product: str = ""
    listing: Listing | None = None
    suggestion: str = ""


class Matcher:
    """
    Finds rows of exports in a registry.

    Parameters
    ----------
    registry : RegistrySide
        What is searched.
    """

    def __init__(self, registry: RegistrySide) -> None:
        self._registry = registry
        self._by_code = registry.by_code()
        self._by_certificate = registry.by_certificate()
        self._by_name: dict[tuple[str, str], set[str]] = {}
        for product, known in registry.products.items():
            uscc = str((known.document.get("provider") or {}).get("uscc", ""))
            for title in (known.record.title, known.record.title_zh):
                if uscc and title:
                    self._by_name.setdefault((uscc, folded(title)), set()).add(product)

    def find(self, row: ExchangeRow) -> Match:
        """
        Product and listing of a row.

        Parameters
        ----------
        row : ExchangeRow
            Of a listing.

        Returns
        -------
        Match
            Empty if several products could be meant.
        """
        listing = self._listing(row)
        if listing is not None:
            return Match(row, listing.product, listing)
        products = self._by_certificate.get(folded(row.certificate), set()) if row.certificate else set()
        if len(products) == 1:
            (product,) = products
            return Match(row, product, self._only_listing(product, row))
        named = self._by_name.get((row.uscc, folded(row.title)), set()) if row.uscc and row.title else set()
        return Match(row, suggestion=next(iter(named)) if len(named) == 1 else "")

    def _listing(self, row: ExchangeRow) -> Listing | None:
        """Listing with the code of a row; of several the one in its zone, or the only product's that is not ended."""
        there = [
            one
            for one in (self._by_code.get(folded(row.code), []) if row.code else [])
            if not row.exchange or folded(one.exchange) == folded(row.exchange)
        ]
        in_zone = [one for one in there if folded(one.zone) == folded(row.zone)]
        chosen = in_zone or there
        active = [one for one in chosen if one.state in ACTIVE] or chosen[:1]
        return active[0] if len({one.product for one in active}) == 1 else None

    def _only_listing(self, product: str, row: ExchangeRow) -> Listing | None:
        """The one active listing of a product on the exchange of a row."""
        there = [
            one
            for one in self._registry.products[product].active
            if not row.exchange or folded(one.exchange) == folded(row.exchange)
        ]
        return there[0] if len(there) == 1 else None
