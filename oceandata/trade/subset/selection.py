"""What is asked of an entry, opened; the nearest cell is named, or taken, where a box holds none."""

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata import cf
from oceandata.errors import NotFoundError, OceanDataError, RegionError

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

    from oceandata.catalog import Catalog

__all__ = ["Request", "open_request"]


@dataclasses.dataclass(frozen=True)
class Request:
    """
    What is asked of an entry.

    Attributes
    ----------
    entry : str
        Name or alias in the catalogue.
    bbox : tuple of float or None
        West, south, east, north in degrees.
    time : str or None
        Period such as ``"2009-06/2010-05"``, both ends included.
    depth : tuple of float or None
        Top and bottom in m, positive down.
    variables : tuple of str
        Names; empty for all.
    revision : str
        Tag; empty for the entry's own.
    nearest : bool
        Take the nearest cell or level where the box or the depths hold none.
    """

    entry: str
    bbox: tuple[float, ...] | None = None
    time: str | None = None
    depth: tuple[float, ...] | None = None
    variables: tuple[str, ...] = ()
    revision: str = ""
    nearest: bool = False

    def selection(self) -> dict[str, Any]:
        """As `Catalog.open` takes it."""
        given: dict[str, Any] = {
            "region": self.bbox,
            "time": self.time,
            "depth": self.depth,
            "variables": list(self.variables) or None,
            "revision": self.revision or None,
        }
        return {name: value for name, value in given.items() if value is not None}


def _nearest_range(
    values: "npt.NDArray[np.float64]", low: float, high: float, turn: float = 0.0
) -> "tuple[float, float] | None":
    """
    Range as it is if a value lies inside, else that of the nearest value; None if that is farther than its neighbours.

    With a `turn` the values are longitudes.
    """
    if turn:
        ahead = (values - low) % turn
        beyond = np.minimum(ahead - (high - low), turn - ahead)
    else:
        beyond = np.maximum(low - values, values - high)
    if beyond.min() <= 0:
        return low, high
    at = int(np.argmin(beyond))
    steps = np.diff(np.sort(values), prepend=-np.inf, append=np.inf)
    beside = steps[(rank := int((values < values[at]).sum())) : rank + 2]
    step = max(beside[np.isfinite(beside)], default=np.inf)
    return (float(values[at]), float(values[at])) if beyond[at] <= step else None


def _nearest_box(ds: "xr.Dataset", bbox: Sequence[float]) -> tuple[float, ...]:
    """Box with the nearest cell centre in place of an axis on which none lies inside; as it is if none is near."""
    west, south, east, north = bbox
    y, x = cf.require_axis(ds, "Y"), cf.require_axis(ds, "X")
    if south > north or ds[y].ndim != 1 or ds[x].ndim != 1 or ds[y].dims == ds[x].dims:
        return tuple(bbox)
    lat, lon = (ds[name].to_numpy().astype(np.float64) for name in (y, x))
    width = (east - west) % 360 or (360.0 if east != west else 0.0)
    rows = _nearest_range(lat, south, north)
    columns = _nearest_range(lon, west, west + width, 360.0)
    if rows is None or columns is None:
        return tuple(bbox)
    if columns == (west, west + width):
        columns = west, east
    return columns[0], rows[0], columns[1], rows[1]


def _nearest_depth(ds: "xr.Dataset", depth: Sequence[float]) -> tuple[float, ...]:
    """Depths with the nearest level in their place if none lies between them; as they are if none is near."""
    name = cf.require_axis(ds, "Z")
    values = np.atleast_1d(cf.convert_units(ds[name].astype("float64"), "m").to_numpy())
    up = str(ds[name].attrs.get("positive", "")).lower() == "up" or values.max() <= 0
    top, bottom = depth
    if top > bottom:
        return top, bottom
    return _nearest_range(-values if up else values, top, bottom) or (top, bottom)


def _nearest_request(catalog: "Catalog", request: Request) -> Request:
    """Request with the nearest cell and level where none lies inside."""
    wider = dataclasses.replace(request, bbox=None, depth=None)
    ds = catalog.open(request.entry, chunks=None, **wider.selection())
    return dataclasses.replace(
        request,
        bbox=None if request.bbox is None else _nearest_box(ds, request.bbox),
        depth=None if request.depth is None else _nearest_depth(ds, request.depth),
    )


def _advice(asked: Request, near: Request) -> str:
    """Sentence that names the nearest cell and level."""
    found = []
    if near.bbox is not None and asked.bbox is not None and near.bbox != asked.bbox:
        ends = zip(near.bbox, asked.bbox, ("E", "N", "E", "N"), strict=True)
        found += list(dict.fromkeys(f"{value:g} {letter}" for value, given, letter in ends if value != given))
    if near.depth is not None and near.depth != asked.depth:
        found.append(f"{near.depth[0]:g} m")
    if not found:
        return ""
    return f" The nearest is at {', '.join(found)}: take it with nearest=True (--nearest), or ask for more."


def open_request(catalog: "Catalog", request: Request) -> "xr.Dataset":
    """
    Open what is asked of an entry as a lazy dataset.

    Parameters
    ----------
    catalog : Catalog
        The catalogue.
    request : Request
        What is asked.

    Returns
    -------
    xarray.Dataset
        As `Catalog.open` gives it, with the edges of cells that were turned around the date line turned too.

    Raises
    ------
    NotFoundError, RegionError
        If nothing lies in the box, the period or the depths; the nearest cell or level is named if it is not farther
        than a step of the grid.
    InputError
        If the coordinates are curvilinear, or an argument cannot be used.
    """
    if request.nearest and (request.bbox is not None or request.depth is not None):
        with contextlib.suppress(TypeError, ValueError):  # what is wrong with the call, opening says best
            request = _nearest_request(catalog, request)
    try:
        ds = catalog.open(request.entry, **request.selection())
    except (RegionError, NotFoundError) as error:
        advice = "" if request.nearest else _found_advice(catalog, request)
        if not advice:
            raise
        msg = f"{error}{advice}"
        raise type(error)(msg) from error
    return _with_turned_edges(_with_edges(ds, catalog, request))


def _found_advice(catalog: "Catalog", request: Request) -> str:
    """Advice on the nearest cells, empty if there is none to give."""
    try:
        return _advice(request, _nearest_request(catalog, request))
    except (OceanDataError, TypeError, ValueError):
        return ""


def _edges_of(ds: "xr.Dataset", name: str, coord: "xr.Variable") -> str:
    """Name of the edges of a coordinate, by what it says or, where turning lost that, by their usual name."""
    said = [str(coord.attrs.get(key, coord.encoding.get(key, ""))) for key in ("bounds", "climatology")]
    return next((one for one in (*said, f"{name}_bnds", f"{name}_bounds") if one in ds.variables), "")


def _with_edges(ds: "xr.Dataset", catalog: "Catalog", request: Request) -> "xr.Dataset":
    """Dataset with the edges of its coordinates, which choosing variables loses: no variable has their dimension."""
    if not request.variables:
        return ds
    whole = catalog.open(request.entry, chunks=None, **dataclasses.replace(request, variables=()).selection())
    edges = {_edges_of(whole, str(name), whole[name].variable) for name in ds.coords} - {""}
    return ds.assign_coords({name: whole[name].variable for name in sorted(edges) if name not in ds.variables})


def _with_turned_edges(ds: "xr.Dataset") -> "xr.Dataset":
    """Dataset in which the edges of the longitudes lie on the same turn as their centres."""
    x = cf.find_axis(ds, "X")
    if x is None or ds[x].ndim != 1:
        return ds
    name = _edges_of(ds, x, ds[x].variable)
    if not name or ds[name].ndim != 2 or ds[name].dtype.kind not in "fiu":
        return ds
    edges, centres = ds[name].to_numpy(), ds[x].to_numpy()
    turns = np.round((edges.mean(axis=1) - centres) / 360)
    if turns.any():
        ds = ds.assign_coords({name: ds[name].copy(data=edges - (360 * turns[:, None]).astype(edges.dtype))})
    if "bounds" not in ds[x].attrs:
        ds[x].encoding["bounds"] = name
    return ds
