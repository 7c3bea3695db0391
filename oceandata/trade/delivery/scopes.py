"""The scope of an entitlement held against the data of its product, before the entitlement is put down."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from oceandata import cf
from oceandata.errors import InputError, OceanDataError, closest
from oceandata.trade.registry.lifecycle import LARGEST_PAGE

if TYPE_CHECKING:
    import xarray as xr

    from oceandata.entities import Extent
    from oceandata.trade.registry.documents import Entitlement, Scope
    from oceandata.trade.registry.records import PinnedRevision
    from oceandata.trade.registry.registry import Registry

__all__ = ["check_scope"]


@dataclasses.dataclass(frozen=True)
class _Held:
    """What a revision holds."""

    number: int
    names: tuple[str, ...]
    extent: "Extent"
    cell_deg: tuple[float, float]
    step: timedelta


def check_scope(registry: "Registry", entitlement: "Entitlement") -> tuple[str, ...]:
    """
    Check that the scope of an entitlement lies within its product.

    Held against the newest final revision that the scope allows: variables are there, the box is inside the coverage
    to a cell, the period begins inside to a step, and ends inside unless later revisions are allowed too.

    Parameters
    ----------
    registry : Registry
        Has the order and its product.
    entitlement : Entitlement
        The document; of an order that the registry does not know, nothing is checked.

    Returns
    -------
    tuple of str
        What is worth knowing and no fault, in sentences: a period that later revisions must fill, data that could not
        be looked at.

    Raises
    ------
    InputError
        If anything lies outside; every fault is one sentence.

    Notes
    -----
    Reads metadata and coordinates.
    """
    product, scope = _product(registry, entitlement.order), entitlement.scope
    if not product:
        return ()
    pinned = [one for one in registry.revisions(product, limit=LARGEST_PAGE) if one.is_final]
    first, last = scope.first_revision or 1, scope.last_revision
    allowed = [one for one in pinned if one.number >= first and (last is None or one.number <= last)]
    if not allowed:
        there = ", ".join(str(one.number) for one in reversed(pinned)) or "none"
        asked = f"from {first} on" if last is None else f"{first} to {last}"
        said = f"product {product!r} has no final revision {asked}; there is: {there}."
        if last is not None:
            raise InputError(_refusal(entitlement, product, [said]))
        return (said,)
    try:
        held = _held(max(allowed, key=lambda one: one.number))
    except (OceanDataError, OSError) as error:
        return (f"the scope was not held against the data, which cannot be read: {error}",)
    faults = [*_outside_variables(scope, held), *_outside_box(scope, held), *_outside_axes(scope, held)]
    if faults:
        raise InputError(_refusal(entitlement, product, faults))
    return tuple(_later(scope, held))


def _refusal(entitlement: "Entitlement", product: str, faults: list[str]) -> str:
    lines = [f"  {fault}" for fault in faults]
    return "\n".join([f"the scope of entitlement {entitlement.id!r} does not fit product {product!r}:", *lines])


def _product(registry: "Registry", order: str) -> str:
    """Product of an order; empty if there is no such order."""
    last = ""
    while page := registry.orders(after=last, limit=LARGEST_PAGE):
        found = next((one.product for one in page if one.id == order), "")
        if found:
            return found
        last = page[-1].id
    return ""


def _held(revision: "PinnedRevision") -> _Held:
    """Variables and extent of a revision, and the size of its cells."""
    from oceandata.storage.extents import extent_of
    from oceandata.storage.opening import open_dataset

    with open_dataset(revision.repository, snapshot=revision.snapshot, group=revision.layout, chunks=None) as ds:
        extent = extent_of(ds)
        cells = _cell(ds, "X"), _cell(ds, "Y")
        return _Held(revision.number, tuple(map(str, ds.data_vars)), extent, cells, _step(ds))


def _step(ds: "xr.Dataset") -> timedelta:
    """Longest step between two times; zero where they are no dates of NumPy."""
    name = cf.find_axis(ds, "T")
    times = ds[name].to_numpy().ravel() if name is not None else None
    if times is None or times.size < 2 or times.dtype.kind != "M":
        return timedelta(0)
    return timedelta(seconds=int((times[1:] - times[:-1]).max().astype("timedelta64[s]").astype("int64")))


def _cell(ds: "xr.Dataset", axis: str) -> float:
    """Largest distance of two cells along an axis, in degrees; zero where there is no such axis."""
    name = cf.find_axis(ds, axis)
    values = ds[name].to_numpy().astype("float64") if name is not None and ds[name].ndim == 1 else None
    return 0.0 if values is None or values.size < 2 else float(abs(values[1:] - values[:-1]).max())


def _outside_variables(scope: "Scope", held: _Held) -> Iterator[str]:
    for name in scope.variables:
        if name not in held.names:
            near = closest(name, list(held.names))
            yield f"variable {name!r} is not in revision {held.number}. {near}".strip()


def _outside_box(scope: "Scope", held: _Held) -> Iterator[str]:
    """Sides on which a box reaches beyond the coverage by more than a cell."""
    if scope.bbox is None:
        return
    if held.extent.bbox is None:
        yield f"bbox limits revision {held.number}, which has no places: leave bbox out."
        return
    (west, south, east, north), there = scope.bbox, held.extent.bbox
    if min(west, east) < -360 or max(west, east) > 720 or east - west > 360:
        yield f"bbox goes from {west:g} to {east:g} degrees east, need longitudes that span 360 degrees at most."
        return
    beyond = {"south": there[1] - south, "north": north - there[3]}
    ends = {"west": there[0], "south": there[1], "east": there[2], "north": there[3]}
    width = (there[2] - there[0]) % 360 or 360.0
    if width < 360 - held.cell_deg[0]:
        offset = (west - there[0] + 180) % 360 - 180
        asked = (east - west) % 360 or (360.0 if east != west else 0.0)
        beyond |= {"west": -offset, "east": offset + asked - width}
    for side, degrees in beyond.items():
        if degrees > held.cell_deg[side in ("south", "north")] + 1e-6:
            end = ends[side]
            yield (
                f"bbox reaches {degrees:.3g} degrees too far {side}: revision {held.number} ends at {end:.4g}. Correct "
                "it, or leave bbox out for all of it."
            )


def _outside_axes(scope: "Scope", held: _Held) -> Iterator[str]:
    """Times and depths that the product does not have."""
    period, depths = held.extent.time, held.extent.depth_m
    if scope.time is not None and period is None:
        yield f"time limits revision {held.number}, which has no dates: leave time out."
    elif scope.time is not None and period is not None:
        if scope.time[0] < period[0] - held.step:
            yield f"time begins on {scope.time[0]:%Y-%m-%d}: revision {held.number} begins on {period[0]:%Y-%m-%d}."
        if scope.time[1] > period[1] + held.step and scope.last_revision is not None:
            yield f"time ends on {scope.time[1]:%Y-%m-%d}: revision {held.number} ends on {period[1]:%Y-%m-%d}."
    if scope.depth_m is not None and depths is None:
        yield f"depth_m limits revision {held.number}, which has no depths: leave depth_m out."
    elif scope.depth_m and depths and (scope.depth_m[1] < depths[0] or scope.depth_m[0] > depths[1]):
        asked = f"{scope.depth_m[0]:g} to {scope.depth_m[1]:g} m"
        yield f"depth_m is {asked}: revision {held.number} has {depths[0]:g} to {depths[1]:g} m."


def _later(scope: "Scope", held: _Held) -> Iterator[str]:
    """A period that only later revisions can fill."""
    period = held.extent.time
    if scope.time is not None and period is not None and scope.time[1] > period[1] + held.step:
        yield (
            f"time ends on {scope.time[1]:%Y-%m-%d}, revision {held.number} on {period[1]:%Y-%m-%d}: what is later "
            "comes with later revisions."
        )
