"""Drift: catalogue, registry and the exchange's last export compared; nothing is merged, every difference is told."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oceandata import _html
from oceandata.atomic import write_text
from oceandata.catalog.transfer.columns import Language
from oceandata.catalog.transfer.tables import write_table
from oceandata.errors import InputError
from oceandata.options import get_options
from oceandata.trade.exchange.catalog_rules import catalog_differences, unlinked
from oceandata.trade.exchange.columns import folded
from oceandata.trade.exchange.data_rules import data_differences
from oceandata.trade.exchange.differences import Difference, Stated, command
from oceandata.trade.exchange.listing_rules import ListedPair, listing_differences, order_differences
from oceandata.trade.exchange.matching import Match, Matcher
from oceandata.trade.exchange.pages import html_page
from oceandata.trade.exchange.reading import ExchangeExport
from oceandata.trade.exchange.registry_rules import certificate_differences, entitlement_differences, listing_lags
from oceandata.trade.exchange.sides import CatalogSide, RegistrySide, read_catalog_side, read_registry_side
from oceandata.trade.exchange.words import told

if TYPE_CHECKING:
    from oceandata.catalog import Catalog
    from oceandata.trade.registry.registry import Registry

__all__ = ["DriftReport", "find_drift", "write_drift"]

_HEADERS = {
    "en": ("severity", "kind", "product", "name", "field", "one says", "value", "other says", "value there", "command"),
    "zh": ("严重程度", "类型", "产品", "名称", "字段", "来源一", "值一", "来源二", "值二", "处理命令"),
}


_UNNAMED = "does not say of which exchange it is, so listings that it lacks were not looked for: name it (--exchange)"


@dataclasses.dataclass(frozen=True)
class DriftReport:
    """
    What the sources do not agree on.

    Attributes
    ----------
    differences : tuple of Difference
        Errors first, then by product.
    compared : tuple of str
        What was compared, with the day of each.
    unchecked : tuple of str
        What could not be compared; that is not the same as right.
    """

    differences: tuple[Difference, ...]
    compared: tuple[str, ...]
    unchecked: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        """True if nothing differs and everything that was asked for could be checked."""
        return not self.differences and not self.unchecked

    @property
    def kinds(self) -> dict[str, int]:
        """Number of differences of each kind that there is."""
        kinds = [one.kind for one in self.differences]
        return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "compared": list(self.compared),
            "unchecked": list(self.unchecked),
            "counts": self.kinds,
            "differences": [one.to_json() for one in self.differences],
        }

    def rows(self, language: str = "en") -> list[tuple[str, ...]]:
        """
        Rows for a table.

        Parameters
        ----------
        language : {"en", "zh"}
            Of the words.

        Returns
        -------
        list of tuple of str
            One for each difference, under `headers`.
        """
        return [one.row(language) for one in self.differences]

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
            Ten.
        """
        return _HEADERS["zh" if language == "zh" else "en"]

    def to_html(self, language: str = "en") -> str:
        """
        Table for a page.

        Parameters
        ----------
        language : {"en", "zh"}
            Of the words.

        Returns
        -------
        str
            An HTML fragment; every text in it is escaped.
        """
        titles = {"en": ("Drift", "compared", "not checked"), "zh": ("差异", "已比较", "未检查")}
        title, compared, unchecked = titles["zh" if language == "zh" else "en"]
        head = _html.facts(
            [(compared, told(one, language)) for one in self.compared]
            + [(unchecked, told(one, language)) for one in self.unchecked],
            title=f"{title}: {len(self.differences)}",
        )
        return head + _html.table(self.rows(language), headers=self.headers(language))

    def _repr_html_(self) -> str:
        return self.to_html(get_options().language)


def find_drift(
    registry: "Registry",
    *,
    catalog: "Catalog | None" = None,
    exports: Sequence[ExchangeExport] = (),
    today: date | None = None,
    expiring_days: int = 30,
    tolerance: float = 0.05,
    check_data: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
) -> DriftReport:
    """
    Compare catalogue, registry and exports of exchanges; nothing is changed.

    A row of an export belongs to a listing by its code, else by the number of a certificate; provider and title only
    suggest a product. Only what both sides say is compared; a row with faults is told as not checked, and what it is of
    is not absent. A listing of the registry that an export lacks is told
    for exchanges that the exports name, in a column or by `read_export`; an export that names none is told as not
    checked for that.

    Parameters
    ----------
    registry : Registry
        Open.
    catalog : Catalog or None
        Entries that are linked to products; not compared if None.
    exports : sequence of ExchangeExport
        The last export of each exchange, whole: listings, orders, or both (`read_export`).
    today : date or None
        Day for certificates and offers; today (UTC) by default.
    expiring_days : int
        How many days before its end a certificate is told.
    tolerance : float
        Share by which sizes may differ, 0 to 1.
    check_data : bool
        Also read metadata of each product's repository.
    on_progress : callable or None
        Called with products done and of all.

    Returns
    -------
    DriftReport
        Without differences if all agree.

    Raises
    ------
    InputError
        If the tolerance or the number of days makes no sense.
    DocumentError
        If a product document beside the catalogue has faults.

    Notes
    -----
    The registry is read in one transaction. Of repositories only metadata are read.
    """
    if not 0 <= tolerance < 1 or expiring_days < 0:
        msg = f"tolerance is {tolerance} and expiring_days {expiring_days}, need 0 <= tolerance < 1 and days from 0."
        raise InputError(msg)
    day = today or datetime.now(UTC).date()
    ours = read_registry_side(registry)
    compared = [f"registry {ours.where}, {len(ours.products)} products, as of {ours.as_of}"]
    compared += [] if check_data else ["the data were not looked at, as asked"]
    compared += [] if catalog is not None else ["no catalogue was given"]
    compared += [] if exports else ["no export of an exchange was given"]
    found: list[Difference] = []
    if catalog is not None:
        theirs = read_catalog_side(catalog)
        compared.append(f"catalogue {theirs.where}, {len(theirs.entries)} products, as of {theirs.as_of}")
        found += _against_catalog(theirs, ours, tolerance)
    refused = []
    for export in exports:
        compared.append(f"export {export.source}, {len(export.rows)} rows, as of {export.as_of}")
        refused += [f"{export.source}, {one.place}: {one.faults[0].message}" for one in export.refused]
        refused += [] if _names_exchange(export) else [f"{export.source} {_UNNAMED}"]
    found += _against_exports(exports, ours, tolerance)
    inside, unchecked = _inside(ours, day, expiring_days, check_data=check_data, on_progress=on_progress)
    order = sorted([*found, *inside], key=lambda one: (one.severity != "error", one.product, one.kind, one.name))
    return DriftReport(tuple(order), tuple(compared), (*refused, *unchecked))


def _inside(
    registry: RegistrySide,
    today: date,
    expiring_days: int,
    *,
    check_data: bool,
    on_progress: Callable[[int, int], None] | None,
) -> tuple[list[Difference], list[str]]:
    """What does not fit inside the registry, and between it and the data."""
    found: list[Difference] = []
    unchecked: list[str] = []
    for number, known in enumerate(registry.products.values(), start=1):
        found += listing_lags(known, registry, today)
        found += certificate_differences(known, registry, today, expiring_days)
        if check_data:
            differences, missed = data_differences(known, registry, today.isoformat())
            found += differences
            unchecked += missed
        if on_progress is not None:
            on_progress(number, len(registry.products))
    return [*found, *entitlement_differences(registry, today.isoformat())], unchecked


def _against_catalog(catalog: CatalogSide, registry: RegistrySide, tolerance: float) -> Iterator[Difference]:
    yield from unlinked(catalog, registry)
    for product, entries in catalog.entries.items():
        known = registry.products.get(product)
        for name, entry in entries if known is not None else ():
            assert known is not None
            yield from catalog_differences(name, entry, known, catalog, registry, tolerance=tolerance)


def _against_exports(
    exports: Sequence[ExchangeExport], registry: RegistrySide, tolerance: float
) -> Iterator[Difference]:
    matcher, seen = Matcher(registry), set[tuple[str, int]]()
    covered = {folded(one.exchange) for one in exports if one.exchange}
    covered |= {folded(row.exchange) for one in exports for row in one.listings if row.exchange}
    days = {one.source: one.as_of.isoformat() for one in exports}
    matches = [matcher.find(row) for export in exports for row in export.listings]
    by_code = sorted(matches, key=lambda one: one.listing is None or folded(one.listing.code) != folded(one.row.code))
    for match in by_code:
        as_of = days[match.row.source]
        place = (match.product, match.listing.number) if match.listing else None
        if match.listing is None or place is None or place in seen:
            yield from _only_there(match, as_of, registry)
            continue
        seen.add(place)
        known = registry.products[match.product]
        yield from listing_differences(ListedPair(match.row, as_of, known, match.listing, registry, tolerance))
    for match in (matcher.find(one.row) for export in exports for one in export.refused if not one.row.order):
        seen |= {(match.product, match.listing.number)} if match.listing else set()
    yield from _only_here(registry, covered, seen, max(days.values(), default=""), exports)
    yield from _orders(exports, registry)


def _names_exchange(export: ExchangeExport) -> bool:
    """Whether it is known of which exchange an export of listings is."""
    return bool(export.exchange or (export.rows and all(row.exchange for row in export.listings)))


def _only_there(match: Match, as_of: str, registry: RegistrySide) -> Iterator[Difference]:
    """A row that has no listing; one that the exchange ended itself is nothing to tell."""
    row = match.row
    if row.state == "delisted":
        return
    stated = Stated("exchange", row.title or row.name, f"{row.source}, {row.place}", as_of)
    maybe = match.product or match.suggestion
    place = ("--exchange", row.exchange or "EXCHANGE", "--code", row.code or "CODE", "--actor", "NAME")
    line = (
        command("trade", "list", maybe, *place) if maybe else command("trade", "add", "PRODUCT.yaml", "--actor", "NAME")
    )
    nothing = registry.says(None)
    yield Difference(
        "only-on-exchange", match.product, row.name, "listing", stated, nothing, "error", line, match.suggestion
    )


def _only_here(
    registry: RegistrySide, covered: set[str], seen: set[tuple[str, int]], as_of: str, exports: Sequence[ExchangeExport]
) -> Iterator[Difference]:
    """Listings that the exports of their exchange do not have."""
    where = ", ".join(one.source for one in exports)
    for product, known in registry.products.items():
        for listing in known.active:
            if folded(listing.exchange) not in covered or (product, listing.number) in seen:
                continue
            said = registry.says(f"{listing.state} on {' '.join(filter(None, (listing.exchange, listing.zone)))}")
            line = command("trade", "delist", product, "--listing", listing.number, "--reason", "REASON",
                           "--actor", "NAME")  # fmt: skip
            other = Stated("exchange", None, where, as_of)
            yield Difference("only-in-registry", product, listing.code, "listing", said, other, "warning", line)


def _orders(exports: Sequence[ExchangeExport], registry: RegistrySide) -> Iterator[Difference]:
    """Orders that one side does not know, and what they do not agree on."""
    line = command("trade", "import-order", "ORDER.yaml", "--actor", "NAME")
    seen, covered = set[str](), set[str]()
    days = [one.as_of.isoformat() for one in exports if one.orders]
    for export in exports:
        seen |= {one.row.order for one in export.refused if one.row.order}
        for row in export.orders:
            covered.add(folded(row.exchange))
            order = registry.orders.get(row.order)
            if order is not None:
                seen.add(order.id)
                yield from order_differences(row, export.as_of.isoformat(), order, registry)
                continue
            stated = Stated("exchange", row.order_state or "there", f"{row.source}, {row.place}", str(export.as_of))
            yield Difference("orphan-order", "", row.order, "order", stated, registry.says(None), "error", line)
    for order in registry.orders.values():
        known = registry.products.get(order.product)
        listing = next((one for one in known.listings if one.number == order.listing), None) if known else None
        told = listing is not None and (folded(listing.exchange) in covered or "" in covered)
        if order.id in seen or order.state == "terminated" or not told:
            continue
        nothing = Stated("exchange", None, ", ".join(one.source for one in exports if one.orders), max(days))
        yield Difference("orphan-order", order.product, order.id, "order", registry.says(order.state), nothing,
                         "warning", line)  # fmt: skip


def write_drift(path: str | Path, report: DriftReport, *, language: Language = "en") -> Path:
    """
    Write a report for staff: a sheet or a page.

    Parameters
    ----------
    path : str or pathlib.Path
        A ``.csv``, ``.xlsx`` or ``.html`` file; one that is there is replaced. No cell can be taken for a formula.
    report : DriftReport
        From `find_drift`.
    language : {"en", "zh"}
        Of the words.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    InputError
        If the suffix is another.
    MissingExtraError
        If a workbook is asked for and openpyxl is not installed.
    """
    path = Path(path)
    if path.suffix.lower() != ".html":
        return write_table(path, report.headers(language), report.rows(language))
    return write_text(path, html_page(report.to_html(language), language))
