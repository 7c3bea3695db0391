"""Where products stand in a registry now: on sale or not, under which offers, and which revisions were revoked."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from oceandata.errors import NotFoundError
from oceandata.trade.offers import Offer
from oceandata.trade.product import Product
from oceandata.trade.registry.lifecycle import LARGEST_PAGE

if TYPE_CHECKING:
    from oceandata.trade.registry.records import Listing
    from oceandata.trade.registry.registry import Registry

__all__ = ["Standing", "read_standings"]


@dataclasses.dataclass(frozen=True)
class Standing:
    """
    What a registry says of a product now.

    Attributes
    ----------
    product : Product
        Its document, with every final revision and every offer of the registry.
    state : str
        One of `oceandata.trade.registry.STATES`.
    where : str
        The registry.
    listings : tuple of Listing
        Its places on exchanges, in order.
    revoked : dict of int to str
        Revisions that were revoked: when, and why.
    """

    product: Product
    state: str
    where: str
    listings: "tuple[Listing, ...]"
    revoked: Mapping[int, str]

    @property
    def on_sale(self) -> "tuple[Listing, ...]":
        """Listings under which it can be bought."""
        return tuple(one for one in self.listings if one.state == "listed")

    @property
    def offers(self) -> tuple[Offer, ...]:
        """Offers under which it can be bought; all that were made of a product that is not on sale."""
        listed = {one.offer for one in self.on_sale}
        return tuple(one for one in self.product.offers if not listed or one.version in listed)

    @property
    def source(self) -> str:
        """One clause: the registry, and where the product is listed."""
        places = [f"{one.exchange} ({one.code}) under offer {one.offer}" for one in self.on_sale]
        return f"registry {self.where}, {self.state}" + (f" on {', '.join(places)}" if places else "")

    @property
    def off_sale(self) -> str:
        """Why nobody can buy it now; empty if it is on sale."""
        if self.on_sale:
            return ""
        told = [one.reason for one in self.listings if one.state == self.state and one.reason]
        return f"it is not on sale, {self.state}" + (f": {told[-1]}" if told else "")

    def withdrawn(self, numbers: Iterable[int | None]) -> str:
        """
        What was revoked of some revisions.

        Parameters
        ----------
        numbers : iterable of int or None
            Numbers of revisions; None for data that are no revision.

        Returns
        -------
        str
            One clause on the first of them; empty if none was revoked.
        """
        first = min((one for one in numbers if one in self.revoked), key=lambda one: one or 0, default=None)
        return "" if first is None else f"revision {first} was revoked on {self.revoked[first]}"


def read_standings(registry: "Registry", ids: Iterable[str]) -> dict[str, Standing]:
    """
    What a registry says of products now.

    Parameters
    ----------
    registry : Registry
        Open.
    ids : iterable of str
        Which products.

    Returns
    -------
    dict of str to Standing
        Without products that the registry does not hold.
    """
    from oceandata.trade.registry.current import product_document

    found = {}
    for name in sorted({one for one in ids if one}):
        try:
            record = registry.product(name)
        except NotFoundError:
            continue
        pinned = registry.revisions(name, limit=LARGEST_PAGE)
        found[name] = Standing(
            product=product_document(registry, name),
            state=record.state,
            where=registry.url,
            listings=tuple(registry.listings(name, limit=LARGEST_PAGE)),
            revoked={one.number: f"{one.revoked_at[:10]}: {one.reason}" for one in pinned if one.revoked_at},
        )
    return found
