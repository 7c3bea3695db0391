"""The registry: what staff decided on products, read by pages and changed by steps."""

import contextlib
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

import sqlalchemy as sa

from oceandata.errors import InputError, NotFoundError, closest
from oceandata.trade.registry.acts import Act
from oceandata.trade.registry.engines import reading, shown_url, writing
from oceandata.trade.registry.lifecycle import LARGEST_PAGE, STATES
from oceandata.trade.registry.records import (
    Certificate,
    EntitlementRecord,
    Event,
    Listing,
    OfferVersion,
    OrderRecord,
    PinnedRevision,
    ProductRecord,
    _Record,
)
from oceandata.trade.registry.tables import TABLES, Head, read_head

__all__ = ["PAGE", "Registry"]

#: Rows of a page.
PAGE = 50

_Kind = TypeVar("_Kind", bound=_Record)


class Registry:
    """
    An open registry; get one from `oceandata.trade.registry.open_registry`.

    Lists come by pages: the next page begins after the last key of the one before, so that every page costs the same.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Connected to a database that holds a registry.
    identifier : str
        Of the registry.
    dry_run : bool
        Steps are checked and told, and then undone.

    Attributes
    ----------
    id : str
        Identifier that the chain of events is bound to.
    """

    def __init__(self, engine: sa.Engine, identifier: str, *, dry_run: bool = False) -> None:
        self.engine = engine
        self.id = identifier
        self.dry_run = dry_run

    @property
    def url(self) -> str:
        """Where it is, without a password."""
        url = self.engine.url
        return str(url.database) if url.get_backend_name() == "sqlite" else shown_url(url.render_as_string())

    def __repr__(self) -> str:
        return f"<Registry {self.url}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextlib.contextmanager
    def act(self, act: str, *, actor: str, product: str | None = None, version: int | None = None) -> Iterator[Act]:
        """
        Make one step: every row that the block writes, and one event, or nothing at all.

        Parameters
        ----------
        act : str
            What is done.
        actor : str
            Who does it.
        product : str or None
            Product it concerns.
        version : int or None
            Version of the product that the actor saw; None if it does not matter.

        Yields
        ------
        Act
            Its ``event`` is there after the block.
        """
        with writing(self.engine) as connection:
            step = Act(connection, registry=self.id, act=act, actor=actor, product=product, version=version)
            yield step
            step.finish()
            transaction = connection.get_transaction()
            if self.dry_run and transaction is not None:
                transaction.rollback()

    def _page(self, kind: type[_Kind], chosen: "sa.Select[Any]", limit: int) -> list[_Kind]:
        if isinstance(limit, bool) or not 1 <= limit <= LARGEST_PAGE:
            msg = f"limit is {limit}, need 1 to {LARGEST_PAGE:,} rows a page."
            raise InputError(msg)
        with reading(self.engine) as connection:
            return [kind.from_row(dict(row)) for row in connection.execute(chosen.limit(limit)).mappings()]

    def product(self, product: str) -> ProductRecord:
        """
        One product with its document.

        Parameters
        ----------
        product : str
            Its identifier.

        Returns
        -------
        ProductRecord
            As it is now.

        Raises
        ------
        NotFoundError
            If there is none; the nearest are named.
        """
        table = TABLES["products"]
        found = self._page(ProductRecord, sa.select(table).where(table.c.id == product), 1)
        if not found:
            with reading(self.engine) as connection:
                known = list(connection.execute(sa.select(table.c.id)).scalars())
            msg = f"the registry has no product {product!r}. {closest(product, known)}".rstrip()
            raise NotFoundError(msg)
        return found[0]

    def products(
        self, *, state: str = "", provider: str = "", theme: str = "", after: str = "", limit: int = PAGE
    ) -> list[ProductRecord]:
        """
        A page of products in the order of their identifiers, without their documents.

        Parameters
        ----------
        state, provider, theme : str
            Only these; all if empty.
        after : str
            Last identifier of the page before.
        limit : int
            Rows of the page.

        Returns
        -------
        list of ProductRecord
            Empty after the last page.
        """
        if state and state not in STATES:
            msg = f"there is no state {state!r}. {closest(state, list(STATES))}"
            raise InputError(msg)
        table = TABLES["products"]
        columns = [column for column in table.columns if column.name != "document"]
        wanted = {name: value for name, value in (("state", state), ("provider", provider), ("theme", theme)) if value}
        chosen = sa.select(*columns).filter_by(**wanted).where(table.c.id > after).order_by(table.c.id)
        return self._page(ProductRecord, chosen, limit)

    def revisions(self, product: str, *, before: int | None = None, limit: int = PAGE) -> list[PinnedRevision]:
        """
        A page of the revisions of a product, the newest first.

        Parameters
        ----------
        product : str
            Its identifier.
        before : int or None
            Smallest number of the page before.
        limit : int
            Rows of the page.

        Returns
        -------
        list of PinnedRevision
            Empty after the last page.
        """
        table = TABLES["revisions"]
        chosen = sa.select(table).where(table.c.product == product).order_by(table.c.number.desc())
        return self._page(PinnedRevision, chosen if before is None else chosen.where(table.c.number < before), limit)

    def registrations(self, product: str) -> list[Certificate]:
        """Certificates of a product, the oldest first."""
        table = TABLES["registrations"]
        chosen = sa.select(table).where(table.c.product == product)
        return self._page(Certificate, chosen.order_by(table.c.issued_on, table.c.number), LARGEST_PAGE)

    def offers(self, product: str, *, before: int | None = None, limit: int = PAGE) -> list[OfferVersion]:
        """
        A page of the offers of a product, the newest first.

        Parameters
        ----------
        product : str
            Its identifier.
        before : int or None
            Smallest version of the page before.
        limit : int
            Rows of the page.

        Returns
        -------
        list of OfferVersion
            Empty after the last page.
        """
        table = TABLES["offers"]
        chosen = sa.select(table).where(table.c.product == product).order_by(table.c.version.desc())
        return self._page(OfferVersion, chosen if before is None else chosen.where(table.c.version < before), limit)

    def listings(self, product: str = "", *, after: tuple[str, int] = ("", 0), limit: int = PAGE) -> list[Listing]:
        """
        A page of listings, in the order of product and number.

        Parameters
        ----------
        product : str
            Only of this product; of all if empty.
        after : tuple of str and int
            Product and number of the last listing of the page before.
        limit : int
            Rows of the page.

        Returns
        -------
        list of Listing
            Empty after the last page.
        """
        table = TABLES["listings"]
        key = (table.c.product, table.c.number)
        chosen = sa.select(table).where(sa.tuple_(*key) > sa.tuple_(*after)).order_by(*key)
        return self._page(Listing, chosen.where(table.c.product == product) if product else chosen, limit)

    def orders(self, product: str = "", *, after: str = "", limit: int = PAGE) -> list[OrderRecord]:
        """
        A page of orders, in the order of their identifiers.

        Parameters
        ----------
        product : str
            Only of this product; of all if empty.
        after : str
            Last identifier of the page before.
        limit : int
            Rows of the page.

        Returns
        -------
        list of OrderRecord
            Empty after the last page.
        """
        table = TABLES["orders"]
        wanted = {"product": product} if product else {}
        return self._page(
            OrderRecord, sa.select(table).filter_by(**wanted).where(table.c.id > after).order_by(table.c.id), limit
        )

    def entitlements(self, product: str = "", *, after: str = "", limit: int = PAGE) -> list[EntitlementRecord]:
        """
        A page of entitlements, in the order of their identifiers.

        Parameters
        ----------
        product : str
            Only of this product; of all if empty.
        after : str
            Last identifier of the page before.
        limit : int
            Rows of the page.

        Returns
        -------
        list of EntitlementRecord
            Empty after the last page.
        """
        table = TABLES["entitlements"]
        wanted = {"product": product} if product else {}
        return self._page(
            EntitlementRecord,
            sa.select(table).filter_by(**wanted).where(table.c.id > after).order_by(table.c.id),
            limit,
        )

    def entitlement(self, entitlement: str) -> EntitlementRecord:
        """
        One entitlement.

        Parameters
        ----------
        entitlement : str
            Its identifier.

        Returns
        -------
        EntitlementRecord
            As it is now; look at ``revoked_at``.

        Raises
        ------
        NotFoundError
            If there is none; the nearest are named.
        """
        table = TABLES["entitlements"]
        found = self._page(EntitlementRecord, sa.select(table).where(table.c.id == entitlement), 1)
        if not found:
            with reading(self.engine) as connection:
                known = list(connection.execute(sa.select(table.c.id)).scalars())
            msg = f"the registry has no entitlement {entitlement!r}. {closest(entitlement, known)}".rstrip()
            raise NotFoundError(msg)
        return found[0]

    def events(self, product: str = "", *, before: int | None = None, limit: int = PAGE) -> list[Event]:
        """
        A page of events, the newest first.

        Parameters
        ----------
        product : str
            Only of this product; all if empty.
        before : int or None
            Smallest number of the page before.
        limit : int
            Rows of the page.

        Returns
        -------
        list of Event
            Empty after the last page.
        """
        table = TABLES["events"]
        chosen = sa.select(table).order_by(table.c.seq.desc())
        if product:
            chosen = chosen.where(table.c.product == product)
        return self._page(Event, chosen if before is None else chosen.where(table.c.seq < before), limit)

    def head(self) -> Head:
        """Number, hash and time of the newest event."""
        with reading(self.engine) as connection:
            return read_head(connection)
