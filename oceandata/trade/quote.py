"""
What a result will cost, before a byte of it is read.

Per-gigabyte prices are on delivered bytes: values of the selected labels times the itemsize of the published type, in
units of 1e9 bytes. What is stored, read or transferred depends on chunks, layout and codec; it is shown as cost and is
never a price. A price that is not known is unknown, not zero.
"""

import dataclasses
import os
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from oceandata import _html
from oceandata.errors import InputError
from oceandata.options import get_options
from oceandata.trade.answers import said
from oceandata.trade.lineage import Input, Lineage
from oceandata.trade.made_of import made_of
from oceandata.trade.money import minor_units
from oceandata.trade.offers import UNITS, PricePlan, offer_at, price_of
from oceandata.trade.permits import day_of
from oceandata.trade.product import Product
from oceandata.trade.records import count_records
from oceandata.trade.shelf import find_products
from oceandata.trade.standing import Standing, read_standings

if TYPE_CHECKING:
    from oceandata.trade.registry.registry import Registry

__all__ = ["GIGABYTE", "Quote", "QuoteLine", "QuotePart", "quote"]

#: Bytes of a gigabyte in prices.
GIGABYTE = 1_000_000_000

#: Names of the columns of `Quote.rows`.
_HEADERS = {
    "en": ("product, variable", "quantity", "plan", "price", "to read (cost)"),
    "zh": ("产品、变量", "数量", "计费方式", "价格", "需读取（成本）"),
}

_DOCUMENT = "product document"

#: What stands before another way to pay, and before a way that would be there if the product were on sale.
_OTHERWISE = {"en": ("or ", "if it were: "), "zh": ("或 ", "若在售：")}

_IN_GRAPH = "how much is taken cannot be told from the graph"
_IN_STAMP = "its lineage does not say how many values were taken: they were not counted when it was written"

_ROUNDING = (
    "each product's price is rounded once, half up, to the minor unit of its currency; 1 GB is 1,000,000,000 bytes "
    "delivered, values x itemsize of the published type"
)


@dataclasses.dataclass(frozen=True)
class QuotePart:
    """
    What is delivered of one variable of one revision.

    Attributes
    ----------
    variable, revision : str
        Native name, and the revision of the data.
    values, delivered_bytes : int or None
        Values of the selection and their bytes in the published type; None if they were not counted.
    dtype : str
        The published type; empty if unknown.
    stored_bytes : int
        Stored bytes of the chunks to be read: cost, never price.
    rounded : bool
        True if a selection above a computation could not be followed, so that whole blocks count.
    """

    variable: str
    revision: str
    values: int | None
    delivered_bytes: int | None
    dtype: str
    stored_bytes: int
    rounded: bool = False


@dataclasses.dataclass(frozen=True)
class QuoteLine:
    """
    The price of one product.

    Attributes
    ----------
    product, title : str
        Identifier and title; the title is empty if no document was found.
    offer : int or None
        Version of the offer; None if there is none.
    plan : PricePlan or None
        The way to pay that is quoted.
    quantity : decimal.Decimal or None
        In the unit of the plan, exact; None if it prices none, or it is unknown.
    amount : decimal.Decimal or None
        Rounded; None if the price is not known.
    currency : str
        ISO 4217 code; empty if nothing is to be paid, or the price is not known.
    reason : str
        Why the price is not known; empty if it is.
    others : tuple of (PricePlan, str)
        Other ways to pay in the same offer, and what each would cost; all ways of a product that is not on sale.
    parts : tuple of QuotePart
        By variable and revision.
    source : str
        Who says the price: the product document, or a registry, and where the product is listed; empty if nobody does.
    """

    product: str
    title: str
    offer: int | None
    plan: PricePlan | None
    quantity: Decimal | None
    amount: Decimal | None
    currency: str
    reason: str
    others: tuple[tuple[PricePlan, str], ...]
    parts: tuple[QuotePart, ...]
    source: str = ""

    @property
    def unit(self) -> str:
        """Unit of the quantity, empty if the plan prices none."""
        return UNITS.get(self.plan.model, "") if self.plan else ""

    @property
    def price(self) -> str:
        """Amount with its currency, ``free``, or why it is unknown."""
        if self.amount is None:
            return f"unknown: {self.reason}"
        return f"{self.currency} {self.amount}" if self.currency else "free"

    def to_json(self) -> dict[str, Any]:
        """JSON form; amounts and quantities are decimal text."""
        return dataclasses.asdict(self) | {
            "plan": self.plan.to_json() if self.plan else None,
            "quantity": None if self.quantity is None else f"{self.quantity:f}",
            "unit": self.unit,
            "amount": None if self.amount is None else f"{self.amount:f}",
            "others": [{"plan": str(plan), "price": price} for plan, price in self.others],
            "parts": [dataclasses.asdict(part) for part in self.parts],
        }


@dataclasses.dataclass(frozen=True)
class Quote:
    """
    What a result will cost.

    Attributes
    ----------
    lines : tuple of QuoteLine
        By product.
    at : date
        The day whose offers are quoted.
    unattributed : tuple of str
        Inputs of unknown source, whose price is unknown.
    """

    lines: tuple[QuoteLine, ...]
    at: date
    unattributed: tuple[str, ...] = ()

    @property
    def totals(self) -> dict[str, Decimal]:
        """Sum of the known prices by currency."""
        sums: dict[str, Decimal] = {}
        for line in self.lines:
            if line.amount is not None and line.currency:
                sums[line.currency] = (
                    sums.get(line.currency, Decimal(0).scaleb(-minor_units(line.currency))) + line.amount
                )
        return dict(sorted(sums.items()))

    @property
    def complete(self) -> bool:
        """True if there is something to price, and every price and every source is known."""
        return bool(self.lines) and not self.unattributed and all(line.amount is not None for line in self.lines)

    @property
    def stored_bytes(self) -> int:
        """Stored bytes of all chunks to be read: cost, never price."""
        return sum(part.stored_bytes for line in self.lines for part in line.parts)

    def to_json(self) -> dict[str, Any]:
        """JSON form; amounts and quantities are decimal text."""
        return {
            "at": self.at.isoformat(),
            "lines": [line.to_json() for line in self.lines],
            "totals": {currency: f"{amount:f}" for currency, amount in self.totals.items()},
            "complete": self.complete,
            "unattributed": list(self.unattributed),
            "stored_bytes": self.stored_bytes,
            "rounding": _ROUNDING,
        }

    @staticmethod
    def headers(language: str = "en") -> tuple[str, ...]:
        """
        Names of the columns of `rows`.

        Parameters
        ----------
        language : {"en", "zh"}
            Of the names.

        Returns
        -------
        tuple of str
            Five.
        """
        return _HEADERS["zh" if language == "zh" else "en"]

    def rows(self, language: str = "en") -> list[tuple[str, ...]]:
        """
        Rows for a table: product or variable, quantity, plan, price, bytes to read.

        Parameters
        ----------
        language : {"en", "zh"}
            Of the words.

        Returns
        -------
        list of tuple of str
            For each product its price, then one row a variable; then the totals.
        """
        rows: list[tuple[str, ...]] = []
        for line in self.lines:
            rows += _line_rows(line, language)
        rows += [(f"unknown source: {text}", "", "", "unknown", "") for text in self.unattributed]
        label = "total" if self.complete else "total of what is known"
        rows += [(label, "", "", f"{currency} {amount}", "") for currency, amount in self.totals.items()]
        if not self.totals:
            rows.append((label, "", "", "nothing to pay" if self.complete else "unknown", ""))
        return [tuple(said(cell, language) for cell in row) for row in rows]

    def notes(self, language: str = "en") -> list[str]:
        """
        How it was rounded, who says the prices, and what may be counted too high.

        Parameters
        ----------
        language : {"en", "zh"}
            Of the words.

        Returns
        -------
        list of str
            Sentences.
        """
        notes = [f"On {self.at}: {_ROUNDING}."]
        notes += [f"The offer of {line.product} is that of its {line.source}." for line in self.lines if line.source]
        blurred = sorted({part.variable for line in self.lines for part in line.parts if part.rounded})
        if blurred:
            names = ", ".join(blurred)
            notes.append(f"Of {names} whole blocks count, because it is computed before it is selected: select first.")
        if not self.complete:
            notes.append("The total is not complete: a price that is not known is not zero.")
        return [said(note, language) for note in notes]

    def __str__(self) -> str:
        rows = self.rows()
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*lines, *self.notes()])

    def _repr_html_(self) -> str:
        language = get_options().language
        caption = " ".join(self.notes(language))
        return _html.table(self.rows(language), headers=self.headers(language), caption=caption)


def _line_rows(line: QuoteLine, language: str) -> list[tuple[str, ...]]:
    """Price of a product, the other ways to pay, and its variables."""
    unit = line.plan.unit(language) if line.plan else ""
    quantity = "" if line.quantity is None else f"{line.quantity.normalize():f} {unit}"
    name = f"{line.product}, offer {line.offer}" if line.offer else line.product
    rows: list[tuple[str, ...]] = [(name, quantity, line.plan.said(language) if line.plan else "", line.price, "")]
    rows += [
        ("", "", f"{_OTHERWISE[language][line.plan is None]}{plan.said(language)}", price, "")
        for plan, price in line.others
    ]
    return rows + [_part_row(part) for part in line.parts]


def _part_row(part: QuotePart) -> tuple[str, ...]:
    if part.values is None:
        delivered = "values unknown"
    elif part.delivered_bytes is None:
        delivered = f"{part.values} values of {part.dtype}, of no fixed size"
    else:
        delivered = f"{part.values} values x {part.dtype} = {part.delivered_bytes} bytes"
    return (
        f"  {part.variable}, revision {part.revision}",
        delivered,
        "",
        "",
        f"{_html.human_bytes(part.stored_bytes)} stored",
    )


def quote(thing: Any, *, products: Any = None, registry: "Registry | None" = None, at: date | None = None) -> Quote:
    """
    Price of a result or a selection, before a byte is read.

    The price is that of the selected labels: it does not depend on Dask's chunks, the layout, the codec, retries or
    the number of workers, as long as the selection stands below what is computed, or can be followed through it (else
    the quote says that whole blocks count). A quote counts as one query of each product.

    Parameters
    ----------
    thing : xarray object, Lineage, path or plan
        A lazy result or selection, a written one, or what `plan_subset` gives. Values in memory have no price that is
        known.
    products : object
        Where product documents are, as `oceandata.trade.shelf.find_products` takes them.
    registry : Registry, optional
        Take the offer that is listed, and whether the product is on sale, from there; product documents are not asked.
    at : date, optional
        The day whose offers are quoted; today by default. Whether a product is on sale is that of now.

    Returns
    -------
    Quote
        A line for each product, with its variables; totals by currency.

    Raises
    ------
    DocumentError
        If the document of one of the products has faults.
    InputError
        If it is nothing that has a price, `at` is no day, or `products` or a file cannot be read.

    Notes
    -----
    Reads coordinates and metadata, no data. Some 50 microseconds a task of the graph.
    """
    _check_priced(thing)
    plan, day = made_of(thing, taken=True), day_of(at)
    inputs: dict[str, list[Input]] = {}
    for one in plan.planned:
        if not plan.explains(one.origin):
            inputs.setdefault(one.origin.product, []).append(one)
    standings = {} if registry is None else read_standings(registry, inputs)
    known = find_products(products, inputs) if registry is None else {n: one.product for n, one in standings.items()}
    asked = _Asked(
        at=day,
        missing="no product document was found" if registry is None else "the registry does not hold it",
        uncounted=_IN_STAMP if isinstance(thing, str | os.PathLike) else _IN_GRAPH,
    )
    lines = tuple(_line(name, known.get(name), standings.get(name), inputs[name], asked) for name in sorted(inputs))
    return Quote(lines, day, plan.unattributed)


def _check_priced(thing: Any) -> None:
    """Refuse what is made of nothing that could be asked about."""
    from dask.base import is_dask_collection

    known = hasattr(thing, "lineage") or hasattr(thing, "shape") or hasattr(thing, "data_vars")
    if not (known or isinstance(thing, Lineage | str | os.PathLike) or is_dask_collection(thing)):
        msg = f"a {type(thing).__name__} has no price, need a lazy xarray object, a lineage, a written file or a plan."
        raise InputError(msg)


@dataclasses.dataclass(frozen=True)
class _Asked:
    """What holds for every line: the day, and what to say where something is not known."""

    at: date
    missing: str
    uncounted: str


def _line(
    name: str, product: Product | None, standing: Standing | None, inputs: Sequence[Input], asked: _Asked
) -> QuoteLine:
    parts = tuple(_part(one) for one in inputs)
    if product is None:
        reason = asked.missing if name else "it belongs to no product"
        shown = name or ", ".join(sorted({one.origin.name for one in inputs}))
        return QuoteLine(shown, "", None, None, None, None, "", reason, (), parts)
    title = product.title.said(get_options().language)
    offer = offer_at(standing.offers if standing else product.offers, asked.at)
    source = standing.source if standing else _DOCUMENT
    if offer is None:
        reason = f"no offer is valid on {asked.at}"
        return QuoteLine(name, title, None, None, None, None, "", reason, (), parts, source)
    prices = tuple((plan, _price_text(plan, product, inputs, asked)) for plan in offer.plans)
    numbers = [one.origin.product_revision for one in inputs]
    barred = (standing.withdrawn(numbers) or standing.off_sale) if standing else ""
    if barred:
        return QuoteLine(name, title, offer.version, None, None, None, "", barred, prices, parts, source)
    first = offer.plans[0]
    quantity = _quantity(first, product, inputs)
    amount = price_of(first, quantity)
    return QuoteLine(
        product=name,
        title=title,
        offer=offer.version,
        plan=first,
        quantity=quantity,
        amount=amount,
        currency=first.currency if amount is not None else "",
        reason="" if amount is not None else _why(first, product, asked),
        others=prices[1:],
        parts=parts,
        source=source,
    )


def _part(one: Input) -> QuotePart:
    taken = one.taken
    return QuotePart(
        variable=one.variable,
        revision=one.origin.revision or one.origin.snapshot,
        values=taken.values if taken else None,
        delivered_bytes=taken.delivered_bytes if taken else None,
        dtype=taken.dtype if taken else "",
        stored_bytes=one.stored_bytes,
        rounded=bool(taken and taken.rounded),
    )


def _quantity(plan: PricePlan, product: Product, inputs: Sequence[Input]) -> Decimal | None:
    """Quantity that a plan prices; None if it prices none, or it is unknown."""
    if plan.model == "per-query":
        return Decimal(1)
    if plan.model == "per-record":
        records = count_records(inputs, product.record_dimensions)
        return None if records is None else Decimal(records)
    if plan.model == "per-gb":
        sizes = [one.taken.delivered_bytes if one.taken else None for one in inputs]
        return None if None in sizes else Decimal(sum(size for size in sizes if size is not None)).scaleb(-9)
    return None


def _why(plan: PricePlan, product: Product, asked: _Asked) -> str:
    if plan.model == "on-request":
        return f"ask {product.provider.said(get_options().language)}"
    if plan.model == "per-record" and not product.record_dimensions:
        return "the product has no rule to count its records"
    return asked.uncounted


def _price_text(plan: PricePlan, product: Product, inputs: Sequence[Input], asked: _Asked) -> str:
    amount = price_of(plan, _quantity(plan, product, inputs))
    if amount is None:
        return f"unknown: {_why(plan, product, asked)}"
    return f"{plan.currency} {amount}" if plan.currency else "free"
