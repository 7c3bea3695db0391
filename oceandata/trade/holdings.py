"""What an institution holds: declared beside measured, by provider and theme, told by the registry without the data."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from oceandata import _html

if TYPE_CHECKING:
    from oceandata.trade.registry.registry import Registry

__all__ = ["By", "Holding", "Holdings", "holdings"]

#: What holdings are rolled up by.
By = Literal["provider", "theme", "product"]

_UNKNOWN = "unknown"
_HEADERS = ("products", "bytes declared", "bytes measured", "chunks declared", "chunks measured", "records")


@dataclasses.dataclass(frozen=True)
class Holding:
    """
    Size of one product, or of all products of a provider or a theme.

    A sum is that of the products that say it; how many do not stands in ``unmeasured`` and ``undeclared``, and a sum
    of none is None, never zero.

    Attributes
    ----------
    name : str
        The product, the provider or the theme; ``"unknown"`` where a product names no theme.
    products : int
        How many.
    declared_bytes, declared_chunks : int or None
        As the product documents say of their newest revisions.
    measured_bytes, measured_chunks : int or None
        Of the newest final revisions, from recorded digests; the same content in two products counts once.
    measured_records : dict of str to int
        By the unit of a record: units are never added up. A product document says how records are counted, never how
        many there are, so that there is no declared number.
    undeclared, unmeasured : int
        Products that declare no bytes, and that have no final revision.
    """

    name: str
    products: int
    declared_bytes: int | None
    measured_bytes: int | None
    declared_chunks: int | None
    measured_chunks: int | None
    measured_records: dict[str, int]
    undeclared: int
    unmeasured: int

    def to_json(self) -> dict[str, Any]:
        """JSON form; what is unknown is null."""
        return dataclasses.asdict(self)

    def row(self) -> tuple[object, ...]:
        """
        Cells in a table.

        Returns
        -------
        tuple
            Name, number of products, bytes, chunks, records; ``unknown`` where it is.
        """
        return (
            self.name,
            self.products,
            _amount(self.declared_bytes, self.undeclared, of_bytes=True),
            _amount(self.measured_bytes, self.unmeasured, of_bytes=True),
            _amount(self.declared_chunks, 0, of_bytes=False),
            _amount(self.measured_chunks, self.unmeasured, of_bytes=False),
            _records(self.measured_records),
        )


@dataclasses.dataclass(frozen=True)
class Holdings:
    """
    Holdings by provider, theme or product.

    Attributes
    ----------
    by : str
        ``provider``, ``theme`` or ``product``.
    groups : tuple of Holding
        One for each, by name.
    total : Holding
        Of all products.
    """

    by: str
    groups: tuple[Holding, ...]
    total: Holding

    @property
    def headers(self) -> tuple[str, ...]:
        """Names of the columns of the rows."""
        return (self.by, *_HEADERS)

    def rows(self) -> list[tuple[object, ...]]:
        """
        Groups and the total as rows of a table.

        Returns
        -------
        list of tuple
            The total last.
        """
        return [*(group.row() for group in self.groups), self.total.row()]

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return {"by": self.by, "groups": [group.to_json() for group in self.groups], "total": self.total.to_json()}

    def __str__(self) -> str:
        return "\n".join("  ".join(str(cell) for cell in row) for row in [self.headers, *self.rows()])

    def _repr_html_(self) -> str:
        return _html.table(self.rows(), headers=self.headers, caption="Holdings")


def _amount(number: int | None, missing: int, *, of_bytes: bool) -> str:
    if number is None:
        return _UNKNOWN
    shown = _html.human_bytes(number) if of_bytes else f"{number:,}"
    return f"{shown} (without {missing} unknown)" if missing else shown


def _records(measured: dict[str, int]) -> str:
    """Records of each unit in words."""
    return ", ".join(f"{number:,} {unit}" for unit, number in sorted(measured.items())) or _UNKNOWN


#: Columns of what a product says.
_SAID = ("id", "provider", "theme", "declared_bytes", "declared_chunks")


@dataclasses.dataclass(frozen=True)
class _Size:
    """What is known of one product."""

    product: str
    provider: str
    theme: str
    declared_bytes: int | None
    declared_chunks: int | None
    content_root: str | None
    stored_bytes: int | None
    chunks: int | None
    records: int | None
    record_unit: str | None


def _sizes(registry: "Registry") -> Iterator[_Size]:
    """Every product with its newest revision that is final and not revoked."""
    import sqlalchemy as sa

    from oceandata.trade.registry.engines import reading
    from oceandata.trade.registry.tables import TABLES

    products, revisions = TABLES["products"], TABLES["revisions"]
    final = sa.and_(revisions.c.finalized_at.is_not(None), revisions.c.revoked_at.is_(None))
    newest = sa.select(revisions.c.product, sa.func.max(revisions.c.number).label("number")).where(final)
    last = newest.group_by(revisions.c.product).subquery()
    measured = ("content_root", "stored_bytes", "chunks", "records", "record_unit")
    chosen = (
        sa.select(
            *(products.c[name] for name in _SAID),
            *(revisions.c[name] for name in measured),
        )
        .select_from(products)
        .outerjoin(last, last.c.product == products.c.id)
        .outerjoin(revisions, sa.and_(revisions.c.product == products.c.id, revisions.c.number == last.c.number))
        .order_by(products.c.id)
    )
    with reading(registry.engine) as connection:
        for row in connection.execute(chosen):
            yield _Size(row[0], row[1], row[2] or _UNKNOWN, *row[3:])


def _sum(numbers: Iterable[int | None]) -> int | None:
    """Sum of what is known, None if nothing is."""
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _rolled(name: str, sizes: list[_Size]) -> Holding:
    """Sum of several products; data that two of them share count once."""
    once = {size.content_root: size for size in sizes if size.content_root is not None}
    counted: dict[str, int] = defaultdict(int)
    for size in once.values():
        if size.records is not None and size.record_unit:
            counted[size.record_unit] += size.records
    return Holding(
        name=name,
        products=len(sizes),
        declared_bytes=_sum(size.declared_bytes for size in sizes),
        measured_bytes=_sum(size.stored_bytes for size in once.values()),
        declared_chunks=_sum(size.declared_chunks for size in sizes),
        measured_chunks=_sum(size.chunks for size in once.values()),
        measured_records=dict(counted),
        undeclared=sum(size.declared_bytes is None for size in sizes),
        unmeasured=sum(size.content_root is None for size in sizes),
    )


def holdings(registry: "Registry", *, by: By = "provider") -> Holdings:
    """
    Size of all products, rolled up by provider or theme, or one by one.

    Parameters
    ----------
    registry : Registry
        Which.
    by : str
        ``"provider"``, ``"theme"`` or ``"product"``.

    Returns
    -------
    Holdings
        No data and no repository was opened.
    """
    groups: dict[str, list[_Size]] = defaultdict(list)
    for size in _sizes(registry):
        groups[getattr(size, by)].append(size)
    rolled = tuple(_rolled(name, sizes) for name, sizes in sorted(groups.items()))
    everything = [size for sizes in groups.values() for size in sizes]
    return Holdings(by, rolled, _rolled("total", everything))
