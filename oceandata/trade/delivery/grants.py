"""What an entitlement grants: which revision of which product, to whom it still holds, and which cells lie outside."""

import dataclasses
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata import cf
from oceandata.errors import InputError, NotFoundError, OceanDataError
from oceandata.trade.product import Product, ProductRevision, load_product
from oceandata.trade.registry.lifecycle import LARGEST_PAGE

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

    from oceandata.trade.registry.documents import Entitlement, Scope
    from oceandata.trade.registry.registry import Registry

__all__ = ["Grant", "check_cells", "check_variables", "read_grant"]

# Coordinates are stored in single precision: a cell on the edge of a box is inside.
_EDGE_DEG = 1e-5
_EDGE_M = 1e-3


@dataclasses.dataclass(frozen=True)
class Grant:
    """
    An entitlement that holds now, and the revision that is delivered under it.

    Attributes
    ----------
    entitlement : Entitlement
        The document.
    product : Product
        Its product.
    revision : ProductRevision
        The pinned data.
    purpose : str
        What it is delivered for; empty if nobody asks.
    """

    entitlement: "Entitlement"
    product: Product
    revision: ProductRevision
    purpose: str

    @property
    def scope(self) -> "Scope":
        """Part of the product that may be delivered."""
        return self.entitlement.scope


def _refuse(entitlement: "Entitlement", why: str) -> None:
    msg = f"entitlement {entitlement.id!r} {why}. Nothing is delivered."
    raise InputError(msg)


def _document(given: "Entitlement | Mapping[str, Any]") -> "Entitlement":
    from oceandata.trade.registry.documents import Entitlement

    return given if isinstance(given, Entitlement) else Entitlement.from_json(dict(given), where="the entitlement")


def read_grant(
    entitlement: "str | Entitlement | Mapping[str, Any]",
    *,
    registry: "Registry | None" = None,
    product: "Product | str | Path | None" = None,
    revision: int | None = None,
    purpose: str = "",
    at: datetime | None = None,
) -> Grant:
    """
    Read an entitlement and check that something may be delivered under it now.

    Parameters
    ----------
    entitlement : str, Entitlement or mapping
        Its identifier in the registry; or its document, together with `product`.
    registry : Registry, optional
        Where it is.
    product : Product or path, optional
        The product, for an entitlement that no registry holds.
    revision : int, optional
        Number of the revision; the newest that the entitlement allows by default.
    purpose : str
        What it is delivered for.
    at : datetime, optional
        Now by default.

    Returns
    -------
    Grant
        With the product and the revision.

    Raises
    ------
    NotFoundError
        If there is no such entitlement or revision.
    InputError
        If it does not hold: revoked, not yet or no longer valid, of another mode, for another purpose, not for this
        revision; or the revision is not final, or was revoked.
    DocumentError
        If a document has faults.
    """
    if isinstance(entitlement, str) and registry is not None:
        record = registry.entitlement(entitlement)
        document = _document(record.document)
        if record.revoked_at is not None:
            _refuse(document, f"was revoked on {record.revoked_at[:10]}: {record.reason}")
        _check_order(registry, document, record.product)
        sold, revoked = _from_registry(registry, record.product)
    elif not isinstance(entitlement, str) and product is not None:
        document = _document(entitlement)
        sold = product if isinstance(product, Product) else load_product(product)
        revoked = {}
    else:
        msg = "an entitlement is named in a registry, or given as a document together with its product; got neither."
        raise InputError(msg)
    _check_holds(document, _moment(at), purpose)
    return Grant(document, sold, _revision(document, sold, revoked, revision), purpose)


def _moment(at: datetime | None) -> datetime:
    """The moment that is asked about, now by default."""
    if at is not None and (not isinstance(at, datetime) or at.tzinfo is None):
        msg = f"at is {at!r}, need a datetime with a time zone such as datetime.now(UTC)."
        raise InputError(msg)
    return at or datetime.now(UTC)


def _check_order(registry: "Registry", document: "Entitlement", product: str) -> None:
    """Refuse what was ordered and terminated."""
    last = ""
    while page := registry.orders(product, after=last, limit=LARGEST_PAGE):
        order = next((one for one in page if one.id == document.order), None)
        if order is not None and order.state == "terminated":
            _refuse(document, f"is of order {order.id!r}, which was terminated")
        last = page[-1].id


def _from_registry(registry: "Registry", product: str) -> tuple[Product, dict[int, str]]:
    """Product with its final revisions, and why some of them were revoked."""
    from oceandata.trade.registry.current import product_document

    pinned = registry.revisions(product, limit=LARGEST_PAGE)
    return product_document(registry, product), {
        one.number: f"{one.revoked_at[:10]}: {one.reason}" for one in pinned if one.revoked_at is not None
    }


def _check_holds(document: "Entitlement", now: datetime, purpose: str) -> None:
    """Refuse what is not for delivery, not valid now, or not for this purpose."""
    if document.mode != "deliver":
        _refuse(document, f"is to {document.mode}, not to deliver")
    if now < document.starts:
        _refuse(document, f"starts on {document.starts:%Y-%m-%d %H:%M} UTC, which is not yet")
    if document.ends is not None and now >= document.ends:
        _refuse(document, f"ended on {document.ends:%Y-%m-%d %H:%M} UTC")
    if document.purposes and purpose not in document.purposes:
        got = f"not for {purpose!r}" if purpose else "and no purpose was named (purpose=, --purpose)"
        _refuse(document, f"is for {' or '.join(map(repr, document.purposes))}, {got}")


def _revision(
    document: "Entitlement", product: Product, revoked: Mapping[int, str], number: int | None
) -> ProductRevision:
    """The revision asked for, or the newest that may be delivered."""
    scope = document.scope
    first, last = scope.first_revision or 1, scope.last_revision
    named = {one.number: one for one in product.revisions}
    if number is not None:
        if number < first or (last is not None and number > last):
            _refuse(document, f"allows revisions {first} to {last or 'the newest'}, not {number}")
        if number in revoked:
            _refuse(document, f"cannot be served: revision {number} was revoked on {revoked[number]}")
        if number not in named:
            msg = f"product {product.id!r} has no final revision {number}."
            raise NotFoundError(msg)
        return named[number]
    allowed = [n for n in named if n >= first and (last is None or n <= last) and n not in revoked]
    if not allowed:
        why = "all were revoked or none is final" if named else "none is final"
        msg = f"product {product.id!r} has no revision {first} to {last or 'the newest'} to deliver: {why}."
        raise NotFoundError(msg)
    return named[max(allowed)]


def check_variables(grant: Grant, names: list[str]) -> None:
    """
    Refuse variables that the entitlement does not name.

    Parameters
    ----------
    grant : Grant
        What is granted.
    names : list of str
        Native names of what would be delivered.

    Raises
    ------
    InputError
        If one is outside.
    """
    allowed = grant.scope.variables
    outside = [name for name in names if allowed and name not in allowed]
    if outside:
        _refuse(grant.entitlement, f"allows the variables {', '.join(allowed)}, not {', '.join(outside)}")


def check_cells(
    grant: Grant, ds: "xr.Dataset", taken: "Mapping[str, npt.NDArray[np.int64]]", *, whole_chunks: bool = False
) -> None:
    """
    Refuse cells outside of the box, the period or the depths of an entitlement.

    Parameters
    ----------
    grant : Grant
        What is granted.
    ds : xarray.Dataset
        Decoded; its coordinates are read.
    taken : mapping of str to numpy.ndarray
        Positions that would be delivered, by dimension; all of a dimension that is not named.
    whole_chunks : bool
        True if these are all cells of the chunks that hold the selection, which could be cut.

    Raises
    ------
    InputError
        If the centre of a cell is outside, or the dataset has no axis to judge it by; it names each side, by how much,
        and the scope that would hold it.
    """
    beyond = _Beyond()
    for check in (_check_box, _check_time, _check_depth):
        check(grant, ds, taken, beyond)
    if not beyond.sides:
        return
    what = "the chunks that hold the selection reach" if whole_chunks else "the selection reaches"
    clip = (
        "Deliver just the cells, which only the signature vouches for: clip=True (--clip); or" if whole_chunks else ""
    )
    less = clip or "Ask for less, or"
    scope = ", ".join(f"{name} {list(limits)}" for name, limits in beyond.needed.items())
    msg = (
        f"{what} beyond entitlement {grant.entitlement.id!r}: {' and '.join(beyond.sides)}. {less} import an "
        f"entitlement whose scope has {scope}."
    )
    raise InputError(msg)


@dataclasses.dataclass
class _Beyond:
    """Sides on which cells lie outside of an entitlement, and the limits that would hold them."""

    sides: list[str] = dataclasses.field(default_factory=list)
    needed: dict[str, tuple[Any, ...]] = dataclasses.field(default_factory=dict)


def _down(value: float) -> float:
    """Number for people, not above."""
    return math.floor(value * 1e4) / 1e4


def _check_box(grant: Grant, ds: "xr.Dataset", taken: "Mapping[str, npt.NDArray[np.int64]]", beyond: _Beyond) -> None:
    """Sides of the box on which cells lie outside."""
    if grant.scope.bbox is None:
        return
    west, south, east, north = grant.scope.bbox
    lat, lon = _values(grant, ds, "Y", taken), _values(grant, ds, "X", taken)
    width = (east - west) % 360 or (360.0 if east != west else 0.0)
    past = (lon - west + _EDGE_DEG) % 360 - _EDGE_DEG
    out = past[past > width + _EDGE_DEG]
    eastward = out - width <= 360 - out
    ends = {
        "south": (south - lat.min(), lat.min(), south),
        "north": (lat.max() - north, lat.max(), north),
        "west": ((360 - out[~eastward]).max(initial=0.0), west - (360 - out[~eastward]).max(initial=0.0), west),
        "east": ((out[eastward] - width).max(initial=0.0), east + (out[eastward] - width).max(initial=0.0), east),
    }
    told = [
        f"{by:.3g} degrees {side} (to {end:.6g}, allowed is {limit:g})"
        for side, (by, end, limit) in ends.items()
        if by > _EDGE_DEG
    ]
    if told:
        beyond.sides += told
        wide = {side: end if by > 0 else limit for side, (by, end, limit) in ends.items()}
        beyond.needed["bbox"] = (
            _down(wide["west"]), _down(wide["south"]), -_down(-wide["east"]), -_down(-wide["north"]),
        )  # fmt: skip


def _check_time(grant: Grant, ds: "xr.Dataset", taken: "Mapping[str, npt.NDArray[np.int64]]", beyond: _Beyond) -> None:
    """Ends of the period beyond which cells lie."""
    period = grant.scope.time
    if period is None:
        return
    from oceandata.storage.extents import extent_of

    name = _axis(grant, ds, "T")
    found = extent_of(_part(ds[[name]], taken)).time
    if found is None:
        _refuse(grant.entitlement, "is limited in time, but the times of the dataset are no dates")
        return
    ends = (
        ("earlier", period[0] - found[0], found[0], period[0]),
        ("later", found[1] - period[1], found[1], period[1]),
    )
    told = [
        f"{by / timedelta(days=1):.3g} days {side} ({end:%Y-%m-%dT%H:%M:%S}, allowed is {limit:%Y-%m-%dT%H:%M:%S})"
        for side, by, end, limit in ends
        if by > timedelta(0)
    ]
    if told:
        beyond.sides += told
        wide = min(found[0], period[0]), max(found[1], period[1])
        beyond.needed["time"] = tuple(f"{one:%Y-%m-%dT%H:%M:%SZ}" for one in wide)


def _check_depth(grant: Grant, ds: "xr.Dataset", taken: "Mapping[str, npt.NDArray[np.int64]]", beyond: _Beyond) -> None:
    """Depths above or below which cells lie."""
    depths = grant.scope.depth_m
    if depths is None:
        return
    from oceandata.storage.extents import extent_of

    name = _axis(grant, ds, "Z")
    found = extent_of(_part(ds[[name]], taken)).depth_m
    if found is None:
        _refuse(grant.entitlement, "is limited in depth, but the levels of the dataset are no depths")
        return
    ends = (("above", depths[0] - found[0], found[0], depths[0]), ("below", found[1] - depths[1], found[1], depths[1]))
    told = [
        f"{by:.3g} m {side} (to {end:g} m, allowed is {limit:g} m)" for side, by, end, limit in ends if by > _EDGE_M
    ]
    if told:
        beyond.sides += told
        beyond.needed["depth_m"] = min(_down(found[0]), depths[0]), max(-_down(-found[1]), depths[1])


def _axis(grant: Grant, ds: "xr.Dataset", axis: str) -> str:
    """Name of the coordinate of an axis that an entitlement limits."""
    try:
        return cf.require_axis(ds, axis)
    except (OceanDataError, LookupError, ValueError) as error:
        msg = f"entitlement {grant.entitlement.id!r} has limits that cannot be checked on this dataset: {error}"
        raise InputError(msg) from error


def _part(ds: "xr.Dataset", taken: "Mapping[str, npt.NDArray[np.int64]]") -> "xr.Dataset":
    return ds.isel({dim: taken[str(dim)] for dim in ds.dims if str(dim) in taken})


def _values(
    grant: Grant, ds: "xr.Dataset", axis: str, taken: "Mapping[str, npt.NDArray[np.int64]]"
) -> "npt.NDArray[np.float64]":
    """Centres of the cells along an axis, of those that would be delivered."""
    values = _part(ds[[_axis(grant, ds, axis)]], taken)[_axis(grant, ds, axis)].to_numpy().astype(np.float64).ravel()
    if not np.isfinite(values).all() or not values.size:
        _refuse(grant.entitlement, "is limited to a box, but places of the dataset are unknown")
    return values
