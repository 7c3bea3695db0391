"""Coarser grids of whole blocks of cells, by area."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from oceandata.analysis.grids import Grid, read_grid
from oceandata.analysis.labels import appended_methods, described, require_array
from oceandata.analysis.regrid_blocks import Rule, Separable, regrid_separable
from oceandata.analysis.regrid_operators import AxisOperator, operator_from_entries
from oceandata.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["coarsen"]


def _factors(obj: xr.DataArray, grid: Grid, factor: Mapping[Any, int]) -> tuple[int, int]:
    """Cells that are joined along latitude and longitude."""
    if not grid.rectilinear:
        msg = (
            "coarsen needs latitude and longitude as axes, got a curvilinear grid, whose cell areas are not known. "
            "Use xarray's coarsen on obj * areas and on areas.where(obj.notnull()), and divide."
        )
        raise InputError(msg)
    if not factor or set(factor) - set(grid.dims):
        msg = f"factor names {list(factor)}, need one or both of the horizontal dimensions {list(grid.dims)}."
        raise InputError(msg)
    for dim, count in factor.items():
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
            msg = f"factor of {dim!r} is {count!r}, need a whole number above zero."
            raise InputError(msg)
        if obj.sizes[dim] % count:
            whole = obj.sizes[dim] // count * count
            msg = (
                f"{obj.sizes[dim]} cells along {dim!r} cannot be joined by {count} without a rest. Leave some out, "
                f"obj.isel({dim}=slice(0, {whole})), or use regrid(obj, target, 'conservative_normed', skipna=True)."
            )
            raise InputError(msg)
    first, second = (int(factor.get(dim, 1)) for dim in grid.dims)
    return first, second


def _joined(cells: "npt.NDArray[np.float64]", sizes: "npt.NDArray[np.float64]", count: int) -> AxisOperator:
    """Means over `count` neighbouring cells, weighted by their sizes."""
    numbers = np.arange(len(cells))
    whole = sizes.reshape(-1, count).sum(axis=1)
    return operator_from_entries(numbers // count, numbers, sizes / whole[numbers // count], (whole.size, len(cells)))


def _coordinate(variable: xr.Variable, cells: "npt.NDArray[np.float64]", count: int) -> xr.Variable:
    """Middles of the joined cells."""
    if count == 1:
        return variable
    edges = cells.reshape(-1, count * 2)
    attributes = {key: value for key, value in variable.attrs.items() if key not in ("bounds", "valid_range")}
    return xr.Variable(variable.dims, (edges.min(axis=1) + edges.max(axis=1)) / 2, attributes)


def _inside(mask: xr.DataArray | None, obj: xr.DataArray, grid: Grid) -> "npt.NDArray[np.bool_] | None":
    """Values of a mask, if it lies on the cells of the variable."""
    if mask is None:
        return None
    if set(mask.dims) != set(grid.dims) or mask.dtype.kind not in "biu":
        msg = f"the mask holds {mask.dtype} values along {mask.dims}, need True and False along {grid.dims}."
        raise InputError(msg)
    for dim in grid.dims:
        same = mask.sizes[dim] == obj.sizes[dim]
        if same and dim in mask.coords and dim in obj.coords:
            same = np.array_equal(mask[dim], obj[dim])
        if not same:
            msg = f"the mask lies on other {dim!r} values than the variable, need the same grid in the same order."
            raise InputError(msg)
    return np.asarray(mask.transpose(*grid.dims).to_numpy(), bool)


def coarsen(
    obj: xr.DataArray, factor: Mapping[Any, int], *, mask: xr.DataArray | None = None, min_weight: float = 0.0
) -> xr.DataArray:
    """
    Area-weighted means over blocks of neighbouring cells.

    Missing values take their area with them. Without a mask land and gaps are alike: a coarse cell without any valid
    value is NaN. With one, cells outside it never count, coarse cells without any cell inside are land, and the share
    of valid area asked for is that of the area inside; the coordinate ``sea_fraction`` tells land (0) from gaps.

    Parameters
    ----------
    obj : xarray.DataArray, shape (..., latitude, longitude)
        Any chunking, any order of dimensions; latitude and longitude as axes.
    factor : mapping
        Number of cells that are joined, for one or both horizontal dimensions: ``{"lat": 4, "lon": 4}``.
    mask : xarray.DataArray of bool, shape (latitude, longitude), optional
        True where there is sea.
    min_weight : float
        Least share of the area of a coarse cell, of its part inside the mask if there is one, that must hold valid
        values; those with less are NaN.

    Returns
    -------
    xarray.DataArray, shape (..., latitude / factor, longitude / factor)
        In float64 and the units of `obj`, lazy if `obj` is lazy; coordinates are the middles of the joined cells.

    Raises
    ------
    InputError
        If a factor does not divide its dimension, the grid is curvilinear, or the mask does not fit.
    MemoryBudgetError
        If the maps of one block do not fit.

    Notes
    -----
    ``sum(A x) / sum(A)`` over valid cells of a block, ``A`` the exact area on the sphere, sums in float64. Chunks need
    not follow the blocks: see `regrid`, of which this is the special case of cells that nest.

    Examples
    --------
    >>> import xarray as xr
    >>> field = xr.DataArray([[1.0, 3.0], [1.0, 3.0]], {"lat": [-1.0, 1.0], "lon": [0.0, 2.0]}, ["lat", "lon"])
    >>> coarsen(field, {"lat": 2, "lon": 2}).round(12).values.tolist()
    [[2.0]]
    """
    obj = require_array(obj, "coarsen")
    if not 0 <= min_weight <= 1:
        msg = f"min_weight is {min_weight!r}, need a share between 0 and 1."
        raise InputError(msg)
    grid = read_grid(obj)
    counts = _factors(obj, grid, factor)
    heights = np.diff(np.sin(np.radians(grid.lat_cells)), axis=1)[:, 0]
    operators = (
        _joined(grid.lat_cells, heights, counts[0]),
        _joined(grid.lon_cells, np.diff(grid.lon_cells, axis=1)[:, 0], counts[1]),
    )
    inside = _inside(mask, obj, grid)
    cells = np.ones(grid.shape) if inside is None else inside.astype(np.float64)
    sea, _ = Separable(*operators, Rule(False, 0.0)).sums(cells)
    least = np.where(sea > 1e-12, np.maximum(min_weight * sea * (1 - 1e-12), 1e-12), np.inf)
    leading = [dim for dim in obj.dims if dim not in grid.dims]
    values = obj.transpose(*leading, *grid.dims).data
    made: Any = regrid_separable(values, Separable(*operators, Rule(True, least), inside), leading)
    coords = {name: c.variable for name, c in obj.coords.items() if not set(c.dims) & set(grid.dims)}
    for name, variable in grid.variables.items():
        along = 0 if variable.dims == grid.dims[:1] else 1
        coords[name] = _coordinate(variable, (grid.lat_cells, grid.lon_cells)[along], counts[along])
    if mask is not None:
        long_name = {"long_name": "share of the area that is sea", "long_name_zh": "海洋面积占比", "units": "1"}
        coords["sea_fraction"] = xr.Variable(grid.dims, sea, long_name)
    result = xr.DataArray(made, coords, [*leading, *grid.dims], name=obj.name).transpose(*obj.dims)
    kept = {key: value for key, value in obj.attrs.items() if key not in ("cell_measures", "ancillary_variables")}
    kept["cell_methods"] = appended_methods(obj.attrs, "area: mean" + (" where sea" if mask is not None else ""))
    joined = {dim: int(count) for dim, count in factor.items()}
    call = f"coarsen({joined}{', mask' if mask is not None else ''}, min_weight={min_weight:g})"
    return described(result, obj, call, **kept)
