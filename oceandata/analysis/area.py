"""Area-weighted mean and integral over a region of the sphere."""

import dataclasses
import itertools
import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import xarray as xr

from oceandata import cf
from oceandata.analysis.accumulators import WeightedSum
from oceandata.analysis.labels import appended_methods, described, require_array
from oceandata.analysis.outer import OuterWeights
from oceandata.analysis.routines import Answer, Request, Steps, streamed
from oceandata.errors import InputError, OceanDataWarning, RegionError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["EARTH_RADIUS_M", "Region", "area_factors", "area_mean", "cell_areas", "declared_areas", "on_grid"]

#: Radius of the sphere on which areas are computed, m (that of gsw.distance).
EARTH_RADIUS_M = 6_371_000.0

#: West, south, east, north in degrees; west above east crosses the date line.
Region = tuple[float, float, float, float]


def _check_region(region: Region) -> Region:
    """Region as floats, if it is one."""
    try:
        west, south, east, north = (float(edge) for edge in region)
    except (TypeError, ValueError):
        msg = f"region is {region!r}, need four numbers: west, south, east, north in degrees."
        raise RegionError(msg) from None
    if not -90 <= south < north <= 90:
        hint = " The corners may be swapped." if south > north else ""
        msg = f"region has south {south:g} and north {north:g}, need -90 <= south < north <= 90.{hint}"
        raise RegionError(msg)
    if not (-360 <= west <= 360 and -360 <= east <= 720) or west == east:
        msg = f"region has west {west:g} and east {east:g}, need two different longitudes in degrees."
        raise RegionError(msg)
    return west, south, east, north


def _cell_bounds(obj: xr.DataArray | xr.Dataset, axis: str) -> "npt.NDArray[np.float64]":
    """Edges of the cells along a horizontal axis: declared bounds, else half-way between centres."""
    name = cf.require_axis(obj, axis)
    if obj[name].ndim != 1:
        msg = (
            f"coordinate {name!r} has {obj[name].ndim} dimensions: cell areas cannot be told from the centres of a "
            "curvilinear grid. Pass weights= with the cell areas (such as areacello)."
        )
        raise InputError(msg)
    declared = cf.bounds_of(obj, name)
    if declared is not None:
        return np.sort(declared.astype(np.float64), axis=1)
    limits = (-90.0, 90.0) if axis == "Y" else None
    values = obj[name].to_numpy().astype(np.float64)
    if values.size < 2:
        msg = (
            f"coordinate {name!r} has {values.size} value and no bounds: the width of its cell is unknown. "
            "Pass weights=."
        )
        raise InputError(msg)
    return np.sort(cf.midpoint_bounds(values, limits=limits), axis=1)


def _sine_widths(bounds: "npt.NDArray[np.float64]", south: float, north: float) -> "npt.NDArray[np.float64]":
    """Differences of the sine of latitude of the parts of cells inside south to north."""
    clipped = np.sin(np.radians(np.clip(bounds, south, north)))
    return np.asarray(clipped[:, 1] - clipped[:, 0], np.float64)


def _longitude_widths(bounds: "npt.NDArray[np.float64]", west: float, east: float) -> "npt.NDArray[np.float64]":
    """Widths in radians of the parts of cells inside west to east, whichever turn they are counted in."""
    width = (east - west) % 360 or 360.0
    west_edges = cf.wrap_longitude(bounds[:, 0], west)
    east_edges = west_edges + (bounds[:, 1] - bounds[:, 0])
    first = np.clip(east_edges, west, west + width) - np.clip(west_edges, west, west + width)
    again = np.clip(east_edges - 360, west, west + width) - west
    return np.asarray(np.radians(first + np.clip(again, 0, None)), np.float64)


def cell_areas(obj: xr.DataArray | xr.Dataset, *, region: Region | None = None) -> xr.DataArray:
    """
    Exact areas of the cells of a latitude-longitude grid on the sphere, or of their parts inside a region.

    Cells cut by the edge of the region count by the part inside. Declared CF bounds are used, else edges half-way
    between centres.

    Parameters
    ----------
    obj : xarray.DataArray or xarray.Dataset
        Anything on the grid, with one-dimensional latitude and longitude in degrees. Only a Dataset can hold bounds.
    region : tuple of float, optional
        West, south, east, north in degrees; may cross the date line.

    Returns
    -------
    xarray.DataArray, shape (latitude, longitude)
        Areas in m2, in memory; zero for cells outside the region.

    Raises
    ------
    InputError
        If the grid is curvilinear.
    RegionError
        If the region is no box.

    Notes
    -----
    ``A = R**2 * dlon * (sin(north) - sin(south))`` with R = 6,371,000 m.

    Examples
    --------
    >>> import xarray as xr
    >>> globe = xr.DataArray(0.0, {"lat": [-45.0, 45.0], "lon": [90.0, 270.0]}, ["lat", "lon"])
    >>> globe.lat.attrs["units"], globe.lon.attrs["units"] = "degrees_north", "degrees_east"
    >>> f"{float(cell_areas(globe).sum()):.6e}"
    '5.100645e+14'
    """
    heights, widths = area_factors(obj, region=region)
    areas = (heights * widths).rename("cell_area")
    areas.attrs = {"units": "m2", "standard_name": "cell_area", "earth_radius": EARTH_RADIUS_M}
    return areas


def area_factors(obj: xr.DataArray | xr.Dataset, *, region: Region | None = None) -> tuple[xr.DataArray, xr.DataArray]:
    """
    The two factors of `cell_areas`: a grid of a billion cells has some ten thousand of each.

    Parameters
    ----------
    obj : xarray.DataArray or xarray.Dataset
        Anything on the grid.
    region : tuple of float, optional
        West, south, east, north in degrees.

    Returns
    -------
    tuple of xarray.DataArray, shapes (latitude,) and (longitude,)
        Heights and widths in m as if at the equator.

    Raises
    ------
    InputError
        If the grid is curvilinear.
    RegionError
        If the region is no box.
    """
    west, south, east, north = _check_region(region) if region is not None else (0.0, -90.0, 360.0, 90.0)
    y, x = cf.require_axis(obj, "Y"), cf.require_axis(obj, "X")
    heights = _sine_widths(_cell_bounds(obj, "Y"), south, north)
    bounds = _cell_bounds(obj, "X")
    widths = np.radians(bounds[:, 1] - bounds[:, 0]) if region is None else _longitude_widths(bounds, west, east)
    return (
        xr.DataArray(EARTH_RADIUS_M * heights, {y: obj[y].variable}, [str(obj[y].dims[0])]),
        xr.DataArray(EARTH_RADIUS_M * widths, {x: obj[x].variable}, [str(obj[x].dims[0])]),
    )


def declared_areas(obj: xr.DataArray) -> xr.DataArray | None:
    """
    Areas that a variable names in ``cell_measures``, if they are among its coordinates.

    Parameters
    ----------
    obj : xarray.DataArray
        The variable.

    Returns
    -------
    xarray.DataArray or None
        None if none are named, or not there.
    """
    words = str(obj.attrs.get("cell_measures", "")).split()
    for key, name in itertools.pairwise(words):
        if key == "area:" and name in obj.coords:
            areas: xr.DataArray = obj.coords[name].reset_coords(drop=True)
            return areas
    return None


@dataclasses.dataclass(frozen=True)
class _Weights:
    """Factors of the weights over the horizontal dimensions, and how much of the region asked for they cover."""

    factors: tuple[xr.DataArray, ...]
    asked: float
    covered: float
    covered_region: Region | None


def _box_area(region: Region) -> float:
    west, south, east, north = region
    width = (east - west) % 360 or 360.0
    return EARTH_RADIUS_M**2 * math.radians(width) * (math.sin(math.radians(north)) - math.sin(math.radians(south)))


def _covered_region(obj: xr.DataArray, region: Region) -> Region:
    """The part of a region that cells cover, as a box."""
    west, south, east, north = region
    lat, lon = _cell_bounds(obj, "Y"), _cell_bounds(obj, "X")
    rows, columns = _sine_widths(lat, south, north) > 0, _longitude_widths(lon, west, east) > 0
    south_edge, north_edge = max(south, float(lat[rows].min())), min(north, float(lat[rows].max()))
    width = (east - west) % 360 or 360.0
    starts = cf.wrap_longitude(lon[columns, 0], west)
    stops = starts + (lon[columns, 1] - lon[columns, 0])
    straddles = bool((stops > west + 360).any())
    west_edge = west if straddles else float(starts.min())
    return west_edge, south_edge, float(min(stops.max(), west + width)), north_edge


def on_grid(field: xr.DataArray, obj: xr.DataArray, what: str) -> xr.DataArray:
    """
    Weights or mask, if they lie on exactly the cells of the data.

    Parameters
    ----------
    field : xarray.DataArray
        The weights or the mask.
    obj : xarray.DataArray
        The data.
    what : str
        What the field is, for the error.

    Returns
    -------
    xarray.DataArray
        The field.

    Raises
    ------
    InputError
        If dimensions, sizes or coordinates differ.
    """
    stray = [dim for dim in field.dims if dim not in obj.dims]
    if stray or not field.dims:
        msg = f"{what} has dimensions {field.dims}, need some of those of the data, {obj.dims}."
        raise InputError(msg)
    for dim in field.dims:
        if field.sizes[dim] != obj.sizes[dim]:
            msg = f"{what} has {field.sizes[dim]} cells along {dim!r}, the data {obj.sizes[dim]}: need the same grid."
            raise InputError(msg)
        if dim in obj.coords and dim in field.coords and not np.array_equal(obj[dim], field[dim]):
            msg = f"{what} lies on other {dim!r} values than the data, need the same grid in the same order."
            raise InputError(msg)
    return field


def _masked(areas: xr.DataArray, mask: xr.DataArray) -> xr.DataArray:
    """Areas where a mask is true, zero elsewhere."""
    if set(mask.dims) - set(areas.dims):
        msg = f"the mask has dimensions {mask.dims}, need some of {areas.dims}. For a mask in time use obj.where(mask)."
        raise InputError(msg)
    if mask.dtype.kind not in "biu":
        msg = f"the mask holds {mask.dtype} values, need True and False. Pass a comparison such as mask > 0."
        raise InputError(msg)
    return areas.where(mask.astype(bool).drop_vars(list(mask.coords)), 0.0).transpose(*areas.dims)


def _weights(obj: xr.DataArray, region: Region | None, weights: Any, mask: xr.DataArray | None) -> _Weights:
    """Weights from what was given, declared or computed, in that order."""
    declared = weights if weights is not None else declared_areas(obj)
    box = None
    if declared is not None:
        declared = on_grid(declared, obj, "weights")
        if region is not None:
            msg = "region= and cell areas given as weights= cannot be joined. Select the region first, or pass mask=."
            raise InputError(msg)
        factors: tuple[xr.DataArray, ...] = (declared.astype(np.float64),)
    else:
        factors = area_factors(obj, region=region)
    covered = _total(factors)
    if region is not None and covered > 0:
        box = _covered_region(obj, region)
    asked = covered if region is None else _box_area(region)
    if mask is not None:
        whole = factors[0] if len(factors) == 1 else factors[0] * factors[1]
        factors = (_masked(whole, on_grid(mask, obj, "the mask")),)
        asked = covered = _total(factors)
    return _Weights(tuple(one.fillna(0.0).clip(min=0.0) for one in factors), asked, covered, box)


def _total(factors: Sequence[xr.DataArray]) -> float:
    """Sum of the product of factors."""
    return math.prod(float(one.sum()) for one in factors)


def _text(region: Region) -> str:
    """Region for people."""
    west, south, east, north = region

    def meridian(value: float) -> str:
        wrapped = (value + 180) % 360 - 180
        return f"{abs(wrapped):.4g}{'W' if wrapped < 0 else 'E'}"

    def parallel(value: float) -> str:
        return f"{abs(value):.4g}{'S' if value < 0 else 'N'}"

    return f"{meridian(west)}-{meridian(east)} {parallel(south)}-{parallel(north)}"


def _check_cover(found: _Weights, region: Region | None, min_weight: float) -> float:
    """Share of the region that cells cover; too little is an error, less than all a warning."""
    if found.asked <= 0 or found.covered <= 0:
        place = _text(region) if region else "the mask"
        msg = f"no cell of the data lies in {place}. Choose another region."
        raise RegionError(msg)
    share = min(1.0, found.covered / found.asked)
    if region is None or found.covered_region is None or share > 1 - 1e-6:
        return share
    text = f"the region asked for is {_text(region)}; the data cover {_text(found.covered_region)}, {share:.1%} of it"
    if share < min_weight:
        msg = f"{text}, need at least {min_weight:.1%} (min_weight). Choose a smaller region or another dataset."
        raise RegionError(msg)
    warnings.warn(f"{text}.", OceanDataWarning, stacklevel=5)  # the caller of the routine
    return share


def _pieces(used: "npt.NDArray[np.bool_]") -> list[slice]:
    """Contiguous runs of used cells."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], used.view(np.int8), [0]])))
    return [slice(int(lo), int(hi)) for lo, hi in zip(edges[::2], edges[1::2], strict=True)]


def _used(factors: Sequence[xr.DataArray]) -> "dict[Any, npt.NDArray[np.bool_]]":
    """For each dimension the positions where any cell has a weight."""
    return {
        dim: (one != 0).any([other for other in one.dims if other != dim]).to_numpy()
        for one in factors
        for dim in one.dims
    }


def _sums(obj: xr.DataArray, factors: Sequence[xr.DataArray]) -> Steps[Answer]:
    """Weighted sum and valid weight over the dimensions of the weights, reading only cells with a weight."""
    used = _used(factors)
    dims = list(used)
    rows = np.flatnonzero(used[dims[0]])
    selections: list[dict[Any, slice]] = [{dims[0]: slice(int(rows[0]), int(rows[-1]) + 1)}]
    if len(dims) == 2:
        columns = _pieces(used[dims[1]])
        wide = columns if len(columns) <= 2 else [slice(columns[0].start, columns[-1].stop)]
        selections = [selections[0] | {dims[1]: piece} for piece in wide]
    total: dict[str, Any] = {}
    for selection in selections:
        whole = all(obj.sizes[dim] == piece.stop - piece.start for dim, piece in selection.items())
        part = (obj if whole else obj.isel(selection)).transpose(..., *dims)
        cut = [one.isel({dim: selection[dim] for dim in one.dims if dim in selection}) for one in factors]
        weights = OuterWeights(tuple((tuple(map(dims.index, one.dims)), one.to_numpy()) for one in cut), len(dims))
        sums = yield Request(part.data, WeightedSum(tuple(range(part.ndim - len(dims), part.ndim)), weights))
        total = {name: total[name] + sums[name] for name in sums} if total else dict(sums)
    return total


@streamed
def area_mean(
    obj: xr.DataArray,
    *,
    region: Region | None = None,
    mask: xr.DataArray | None = None,
    weights: xr.DataArray | None = None,
    min_weight: float = 0.0,
) -> Steps[xr.DataArray]:
    """
    Mean over the horizontal, weighted by exact cell areas.

    Cells at the edge of the region count by the part inside. Missing values (land or gaps) take their weight with
    them; a step without any valid value gives NaN. A region that reaches beyond the data is used as far as the data go,
    with a warning that names both boxes.

    Parameters
    ----------
    obj : xarray.DataArray, shape (..., latitude, longitude)
        Any chunking, any order of dimensions.
    region : tuple of float, optional
        West, south, east, north in degrees; may cross the date line. Everything by default.
    mask : xarray.DataArray of bool, shape (latitude, longitude), optional
        True where cells count; `min_weight` then refers to the area inside the mask.
    weights : xarray.DataArray, shape of the horizontal dimensions, optional
        Cell areas; needed for curvilinear grids. By default the areas named in ``cell_measures`` if they are among the
        coordinates, else exact areas with edges half-way between centres. Where the dataset declares cell bounds, pass
        ``weights=cell_areas(ds)``.
    min_weight : float
        Least share of the region's area that must hold valid values; steps with less are NaN, and a region of which the
        grid itself covers less is an error.

    Returns
    -------
    xarray.DataArray, shape (...)
        Mean in float64, in the units of `obj`; lazy if `obj` is lazy. Attributes state the region as asked and as
        covered.

    Raises
    ------
    RegionError
        If the region is no box, or the grid covers less of it than `min_weight`.
    InputError
        If the grid is curvilinear and no areas are known, or weights or mask lie on another grid.

    Notes
    -----
    ``sum(A x) / sum(A)`` over valid cells, ``A = R**2 dlon (sin north - sin south)``, sums in float64. Only blocks
    that touch the region are read, each once; a task holds one block and two numbers for each kept cell.

    Examples
    --------
    >>> import xarray as xr
    >>> sst = xr.DataArray([[10.0, 10.0], [20.0, 20.0]], {"lat": [-30.0, 30.0], "lon": [90.0, 270.0]}, ["lat", "lon"])
    >>> sst.lat.attrs["units"], sst.lon.attrs["units"] = "degrees_north", "degrees_east"
    >>> round(float(area_mean(sst)), 6)
    15.0
    """
    obj = require_array(obj, "area_mean")
    if not 0 <= min_weight <= 1:
        msg = f"min_weight is {min_weight!r}, need a share between 0 and 1."
        raise InputError(msg)
    asked = _check_region(region) if region is not None else None
    found = _weights(obj, asked, weights, mask)
    share = _check_cover(found, asked, min_weight)
    sums = yield from _sums(obj, found.factors)
    horizontal = {dim for one in found.factors for dim in one.dims}
    weight = sums["weight"]
    enough = (weight > 0) & (weight >= min_weight * found.asked * (1 - 1e-12))
    xp = da if isinstance(weight, da.Array) else np
    values = xp.where(enough, sums["weighted_sum"] / xp.where(enough, weight, 1.0), np.nan)
    dims = [dim for dim in obj.dims if dim not in horizontal]
    coords = {name: c for name, c in obj.coords.items() if not set(c.dims) & horizontal}
    result = xr.DataArray(values, coords, dims, name=obj.name)
    kept = {
        key: obj.attrs[key]
        for key in ("units", "units_metadata", "standard_name", "long_name", "long_name_zh")
        if key in obj.attrs
    }
    kept["cell_methods"] = appended_methods(obj.attrs, "area: mean" + (" where sea" if mask is None else ""))
    if asked is not None:
        kept |= {"region_asked": list(asked), "region_covered": list(found.covered_region or asked)}
        kept["region_covered_fraction"] = share
    call = f"area_mean(region={asked}, min_weight={min_weight:g})"
    return described(result, obj, call, **kept)
