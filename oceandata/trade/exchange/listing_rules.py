"""What an exchange says of a listing or an order, held against the registry; only what both say is compared."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from oceandata.trade.exchange.columns import folded
from oceandata.trade.exchange.differences import Difference, Severity, Stated, command
from oceandata.trade.exchange.rows import ExchangeRow
from oceandata.trade.exchange.sides import KnownProduct, RegistrySide
from oceandata.trade.registry.money import amount_text
from oceandata.trade.registry.records import Listing, OfferVersion, OrderRecord

__all__ = ["ListedPair", "drifts", "listing_differences", "order_differences", "plans_text", "price_text"]


def drifts(declared: int, measured: int, tolerance: float) -> bool:
    """
    Whether two sizes are further apart than a share of the larger.

    Parameters
    ----------
    declared, measured : int
        The sizes.
    tolerance : float
        Share that is still the same.

    Returns
    -------
    bool
        False for two zeros.

    Examples
    --------
    >>> drifts(100, 104, 0.05), drifts(100, 110, 0.05)
    (False, True)
    """
    return abs(declared - measured) > tolerance * max(declared, measured)


def price_text(offer: OfferVersion) -> str:
    """
    Price of an offer as text.

    Parameters
    ----------
    offer : OfferVersion
        Of the registry.

    Returns
    -------
    str
        Every plan, such as ``"per-gb 0.80 CNY"``.
    """
    return plans_text(offer.terms["plans"])


def plans_text(plans: Iterable[Mapping[str, Any]], *, whole: bool = False) -> str:
    """
    Ways to pay as text.

    Parameters
    ----------
    plans : iterable of mapping
        Plans in their JSON form.
    whole : bool
        With everything that a plan says, not just its price.

    Returns
    -------
    str
        Every plan, such as ``"per-gb 0.80 CNY"``.
    """
    priced = ("model", "amount", "tiers", "currency")
    told = []
    for plan in plans:
        words = [plan["model"], plan.get("amount", "tiers" if plan.get("tiers") else ""), plan.get("currency", "")]
        words += [
            f"{name}={value}" for name, value in plan.items() if whole and (name not in priced or name == "tiers")
        ]
        told.append(" ".join(filter(None, words)))
    return "; ".join(told)


@dataclasses.dataclass(frozen=True)
class ListedPair:
    """
    A row of an export and the listing that it is.

    Attributes
    ----------
    row : ExchangeRow
        What the exchange says.
    as_of : str
        Day of the export.
    known : KnownProduct
        The product.
    listing : Listing
        What the registry says.
    registry : RegistrySide
        Where.
    tolerance : float
        Share by which sizes may differ.
    """

    row: ExchangeRow
    as_of: str
    known: KnownProduct
    listing: Listing
    registry: RegistrySide
    tolerance: float

    @property
    def product(self) -> str:
        """Identifier."""
        return self.known.record.id

    @property
    def place(self) -> tuple[str, ...]:
        """Options that name the listing to `trade list`."""
        zone = ("--zone", self.listing.zone) if self.listing.zone else ()
        return ("--exchange", self.listing.exchange, *zone, "--code", self.listing.code)

    def differs(
        self, kind: str, field: str, ours: object, theirs: object, mend: str, severity: Severity = "warning"
    ) -> Difference:
        """A difference between the registry and the row."""
        stated = Stated("exchange", str(theirs), f"{self.row.source}, {self.row.place}", self.as_of)
        return Difference(kind, self.product, self.row.name, field, self.registry.says(ours), stated, severity, mend)


def _listed(*words: object) -> str:
    return command("trade", "list", *words, "--actor", "NAME")


def listing_differences(pair: ListedPair) -> Iterator[Difference]:
    """
    Everything that a row and its listing do not agree on.

    Parameters
    ----------
    pair : ListedPair
        Both.

    Yields
    ------
    Difference
        In the order of state, price, revision, fields, size.
    """
    yield from _state(pair)
    if pair.listing.state not in ("listed", "suspended"):
        return
    yield from _price(pair)
    yield from _revision(pair)
    yield from _names(pair)
    yield from _place(pair)
    yield from _certificate(pair)
    yield from _size(pair)


def _state(pair: ListedPair) -> Iterator[Difference]:
    theirs, ours = pair.row.state, pair.listing.state
    if not theirs or theirs == ours:
        return
    number = ("--listing", pair.listing.number, "--reason", "REASON", "--actor", "NAME")
    if theirs == "delisted":
        mend = command("trade", "delist", pair.product, *number)
    elif theirs == "suspended" and ours == "listed":
        mend = command("trade", "suspend", pair.product, *number)
    elif ours == "suspended":
        mend = command("trade", "suspend", pair.product, "--lift", *number)
    else:
        mend = _listed(pair.product, *pair.place)
    yield pair.differs("state-differs", "state", ours, theirs, mend, "error")


def _same_price(plan: Mapping[str, Any], row: ExchangeRow) -> bool:
    """Whether a plan is what a row says; what the row leaves open fits."""
    if row.model and row.model != plan["model"]:
        return False
    if not row.amount:
        return True
    if plan["model"] == "free":
        return Decimal(row.amount) == 0
    if not plan.get("amount"):
        return bool(plan.get("tiers"))
    return Decimal(row.amount) == Decimal(plan["amount"]) and row.currency == plan["currency"]


def _price(pair: ListedPair) -> Iterator[Difference]:
    offer, row = pair.known.offer(pair.listing.offer), pair.row
    if offer is None or not (row.model or row.amount):
        return
    if not any(_same_price(plan, row) for plan in offer.terms["plans"]):
        theirs = " ".join(filter(None, (row.model, row.amount, row.currency)))
        mend = command("trade", "offer", pair.product, "OFFER.yaml", "--actor", "NAME")
        yield pair.differs("price-differs", "price", price_text(offer), theirs, mend, "error")


def _revision(pair: ListedPair) -> Iterator[Difference]:
    row, ours = pair.row, pair.known.revision(pair.listing.revision)
    if row.revision is not None and row.revision != pair.listing.revision:
        mend = _listed(pair.product, *pair.place, "--revision", row.revision)
        yield pair.differs("revision-behind", "revision", pair.listing.revision, row.revision, mend)
    elif row.content_root and ours is not None and row.content_root != ours.content_root:
        mend = command("trade", "status", pair.product)
        yield pair.differs("data-changed", "content_root", ours.content_root, row.content_root, mend, "error")


def _names(pair: ListedPair) -> Iterator[Difference]:
    """Title, provider and unit of records, in either language."""
    document, row = pair.known.document, pair.row
    provider, title = document.get("provider") or {}, document.get("title") or {}
    checked = [
        ("title", row.title, [title.get("zh"), title.get("en")]),
        ("provider", row.provider, [provider.get("zh"), provider.get("en")]),
        ("uscc", row.uscc, [provider.get("uscc")]),
        ("record_unit", row.record_unit, [document.get("record_unit")]),
    ]
    for field, theirs, ours in checked:
        said = [one for one in ours if one]
        if theirs and said and folded(theirs) not in map(folded, said):
            mend = command("trade", "status", pair.product)
            yield pair.differs("field-differs", field, " / ".join(said), theirs, mend)


def _place(pair: ListedPair) -> Iterator[Difference]:
    """Code, zone and page."""
    row, listing = pair.row, pair.listing
    if row.code and folded(row.code) != folded(listing.code):
        mend = _listed(pair.product, "--exchange", listing.exchange, "--code", row.code)
        yield pair.differs("field-differs", "code", listing.code, row.code, mend)
    if row.zone and listing.zone and folded(row.zone) != folded(listing.zone):
        mend = _listed(pair.product, "--exchange", listing.exchange, "--zone", row.zone, "--code", listing.code)
        yield pair.differs("field-differs", "zone", listing.zone, row.zone, mend)
    if row.url and listing.url and row.url != listing.url:
        mend = _listed(pair.product, *pair.place, "--url", row.url, "--url-verified-by", "NAME")
        yield pair.differs("field-differs", "url", listing.url, row.url, mend)


def _certificate(pair: ListedPair) -> Iterator[Difference]:
    row, known = pair.row, pair.known.certificates
    if not row.certificate or not known:
        return
    same = [one for one in known if folded(one.number) == folded(row.certificate)]
    issued = ("--authority", "AUTHORITY", "--issued-on", "YYYY-MM-DD", "--actor", "NAME")
    if not same:
        mend = command("trade", "register", pair.product, "--scheme", known[-1].scheme, "--number", row.certificate,
                       *issued)  # fmt: skip
        numbers = ", ".join(one.number for one in known)
        yield pair.differs("field-differs", "certificate", numbers, row.certificate, mend)
    elif row.expires_on and same[0].expires_on and row.expires_on != same[0].expires_on:
        mend = command("trade", "status", pair.product)
        yield pair.differs("field-differs", "expires_on", same[0].expires_on, row.expires_on, mend)


def _size(pair: ListedPair) -> Iterator[Difference]:
    """Bytes against those stored or decoded, records against those counted in the same unit."""
    row, ours = pair.row, pair.known.revision(pair.listing.revision)
    if ours is None or (row.revision is not None and row.revision != ours.number):
        return
    mend = command("trade", "status", pair.product)
    sizes = {"stored": ours.stored_bytes, "decoded": ours.decoded_bytes}
    known = {name: size for name, size in sizes.items() if size is not None}
    if row.nbytes is not None and all(drifts(row.nbytes, size, pair.tolerance) for size in known.values()):
        said = ", ".join(f"{size:,} bytes {name}" for name, size in known.items())
        yield pair.differs("volume-drift", "volume", said, f"{row.nbytes:,} bytes", mend)
    one_unit = not row.record_unit or folded(row.record_unit) == folded(ours.record_unit)
    both = row.records is not None and ours.records is not None and one_unit
    if both and drifts(row.records or 0, ours.records or 0, pair.tolerance):
        said = f"{ours.records:,} {ours.record_unit}".strip()
        yield pair.differs("volume-drift", "records", said, f"{row.records:,}", mend)


def order_differences(row: ExchangeRow, as_of: str, order: OrderRecord, registry: RegistrySide) -> Iterator[Difference]:
    """
    What an exchange and the registry do not agree on in an order.

    Parameters
    ----------
    row : ExchangeRow
        Of an order.
    as_of : str
        Day of the export.
    order : OrderRecord
        What the registry says.
    registry : RegistrySide
        Where.

    Yields
    ------
    Difference
        State, amount, contract.
    """
    stated = f"{row.source}, {row.place}"
    mend = command("trade", "import-order", "ORDER.yaml", "--actor", "NAME")

    def differs(kind: str, field: str, ours: str, theirs: str) -> Difference:
        """One difference of the order."""
        other = Stated("exchange", theirs, stated, as_of)
        return Difference(kind, order.product, order.id, field, registry.says(ours), other, "error", mend)

    if row.order_state and row.order_state != order.state:
        yield differs("state-differs", "order_state", order.state, row.order_state)
    if row.amount and order.amount_minor is not None and order.currency:
        ours = amount_text(order.amount_minor, order.currency)
        if Decimal(row.amount) != Decimal(ours.split()[0]) or row.currency != order.currency:
            yield differs("price-differs", "amount", ours, f"{row.amount} {row.currency}")
    if row.contract and order.contract and folded(row.contract) != folded(order.contract):
        yield differs("field-differs", "contract", order.contract, row.contract)
