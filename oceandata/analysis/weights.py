"""Weights of cells along any dimensions: areas over the horizontal, thickness over the vertical, one elsewhere."""

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from oceandata import cf
from oceandata.analysis.area import area_factors, declared_areas, on_grid
from oceandata.analysis.outer import OuterWeights
from oceandata.errors import InputError, UnitsError

__all__ = ["cell_weights", "layer_thickness", "outer_weights"]


def layer_thickness(obj: xr.DataArray | xr.Dataset) -> xr.DataArray:
    """
    Thickness of the layers of a vertical axis.

    Declared CF bounds are used, else edges half-way between levels: the first layer begins at the surface if its upper
    edge would lie above it, and the last is as far below its level as above it.

    Parameters
    ----------
    obj : xarray.DataArray or xarray.Dataset
        Anything with a one-dimensional depth or height in a unit of length. Only a Dataset can hold bounds.

    Returns
    -------
    xarray.DataArray, shape (level,)
        Thickness in m, in memory.

    Raises
    ------
    InputError
        If the levels differ from column to column, or there is one level without bounds.
    UnitsError
        If the axis is no length (sigma or density levels, pressure).

    Examples
    --------
    >>> import xarray as xr
    >>> t = xr.DataArray([1.0, 2.0, 3.0], {"depth": [0.0, 10.0, 30.0]}, ["depth"])
    >>> t.depth.attrs.update(units="m", positive="down")
    >>> layer_thickness(t).values.tolist()
    [5.0, 15.0, 20.0]
    """
    name = cf.require_axis(obj, "Z")
    axis = obj[name]
    if axis.ndim != 1:
        msg = f"vertical axis {name!r} runs along {axis.dims}: thickness differs between columns. Pass weights=."
        raise InputError(msg)
    try:
        levels = cf.convert_units(axis.astype("float64"), "m").to_numpy()
        scale = float(cf.convert_units(xr.DataArray(1.0, attrs={"units": axis.attrs.get("units", "")}), "m"))
    except UnitsError as error:
        msg = f"vertical axis {name!r} is no length in m: {error} Pass weights= with the thickness."
        raise UnitsError(msg) from error
    declared = cf.bounds_of(obj, name)
    if declared is not None:
        edges = declared.astype(np.float64) * scale
    elif levels.size < 2:
        msg = f"vertical axis {name!r} has {levels.size} level and no bounds: its thickness is unknown. Pass weights=."
        raise InputError(msg)
    else:
        surface = bool((levels >= 0).all() or (levels <= 0).all())
        middle = np.abs(levels) if surface else levels
        edges = cf.midpoint_bounds(middle, limits=(0.0, math.inf) if surface else None)
    widths = np.abs(edges[:, 1] - edges[:, 0])
    result = xr.DataArray(widths, {name: axis.variable}, axis.dims, name="cell_thickness")
    result.attrs = {"units": "m", "standard_name": "cell_thickness"}
    return result


def cell_weights(obj: xr.DataArray, dims: Sequence[Hashable]) -> list[xr.DataArray]:
    """
    Weights that cells have by themselves along some dimensions.

    Over both horizontal dimensions it is the area, over one of them the width of the cells along it; over the vertical
    the thickness; elsewhere (time, members) every value counts the same.

    Parameters
    ----------
    obj : xarray.DataArray
        The variable.
    dims : sequence of hashable
        Dimensions to weight over.

    Returns
    -------
    list of xarray.DataArray
        Factors along different dimensions; empty if all count the same.

    Raises
    ------
    InputError
        If the grid is curvilinear and no areas are known, or the thickness of layers is unknown.
    """
    factors: list[xr.DataArray] = []
    horizontal = {dim for axis in "YX" for name in _axes(obj, axis) for dim in obj[name].dims}
    asked = [dim for dim in dims if dim in horizontal]
    if asked:
        factors += _horizontal(obj, asked)
    vertical = {dim for name in _axes(obj, "Z") for dim in obj[name].dims}
    if any(dim in vertical for dim in dims):
        factors.append(layer_thickness(obj))
    return factors


def _horizontal(obj: xr.DataArray, asked: Sequence[Hashable]) -> list[xr.DataArray]:
    """Areas over both horizontal dimensions, widths along one of them."""
    areas = declared_areas(obj)
    if areas is None:
        return [factor for factor in area_factors(obj) if factor.dims[0] in asked]
    areas = on_grid(areas, obj, "cell_measures").astype(np.float64)
    if set(areas.dims) <= set(asked):
        return [areas]
    if all(obj[name].ndim == 1 for axis in "YX" for name in _axes(obj, axis)):
        return [areas.sum([dim for dim in areas.dims if dim not in asked])]
    msg = f"cells of a curvilinear grid have no widths along {asked[0]!r} alone. Average over {areas.dims}."
    raise InputError(msg)


def _axes(obj: xr.DataArray, axis: str) -> list[str]:
    """Name of the coordinate of an axis, if there is one."""
    name = cf.find_axis(obj, axis)
    return [] if name is None else [name]


def outer_weights(obj: xr.DataArray, dims: Sequence[Hashable], factors: Sequence[xr.DataArray]) -> OuterWeights:
    """
    Product of factors over the reduced dimensions, in the order of the data.

    Parameters
    ----------
    obj : xarray.DataArray
        The variable.
    dims : sequence of hashable
        Dimensions that are reduced, in the order of `obj`.
    factors : sequence of xarray.DataArray
        Each along some of `dims`; a dimension without one weighs one.

    Returns
    -------
    OuterWeights
        One weight for each cell of `dims`.
    """
    places: list[tuple[tuple[int, ...], Any]] = []
    for factor in factors:
        ordered = factor.transpose(*(dim for dim in dims if dim in factor.dims))
        values = np.nan_to_num(ordered.to_numpy().astype(np.float64), nan=0.0)
        places.append((tuple(list(dims).index(dim) for dim in ordered.dims), values))
    covered = {place for each, _ in places for place in each}
    places += [((at,), np.ones(obj.sizes[dim])) for at, dim in enumerate(dims) if at not in covered]
    return OuterWeights(tuple(places), len(dims))
