"""Regridding: bilinear, conservative and nearest; lazy, and with nothing beyond NumPy, SciPy and Numba."""

import dataclasses
import warnings
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import xarray as xr

from oceandata.analysis.grids import Grid, read_grid, target_grid
from oceandata.analysis.labels import appended_methods, described
from oceandata.analysis.regrid_blocks import PointOperator, Rule, Separable, regrid_points, regrid_separable
from oceandata.analysis.regrid_operators import AxisOperator, linear_operator, nearest_operator, overlap_operator
from oceandata.analysis.regrid_points import Points, bilinear_points, nearest_points
from oceandata.errors import InputError, OceanDataWarning, closest

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Method", "regrid"]

#: Names of the methods, in the words of xESMF.
Method = Literal["bilinear", "conservative", "conservative_normed", "nearest"]

Gridded = TypeVar("Gridded", xr.DataArray, xr.Dataset)

_METHODS = ["bilinear", "conservative", "conservative_normed", "nearest"]

# Attributes that speak of the source grid and would be wrong on another.
_OF_THE_GRID = frozenset(
    {"cell_measures", "grid_mapping", "coordinates", "ancillary_variables", "mesh", "location", "actual_range"}
)

# A share of valid cells within this of none or of all is none or all (xESMF's rule).
_MARGIN = 1e-6


@dataclasses.dataclass(frozen=True, eq=False)
class _Plan:
    """How to get from one grid to another, and the part of the source that is needed."""

    source: Grid
    target: Grid
    operator: Separable | PointOperator
    part: dict[str, slice]


def _columns(source: Grid, target: Grid, method: str, periodic: bool) -> AxisOperator:
    """Weights along longitude; columns that repeat the first ones are left out."""
    count, tolerance = source.columns, max(source.tolerance_degrees, target.tolerance_degrees)
    centres = source.lon[:count]
    if method == "bilinear":
        found = linear_operator(centres, target.lon, period=360.0, periodic=periodic, tolerance=tolerance)
    elif method == "nearest":
        cells = source.lon_cells[:count]
        found = nearest_operator(centres, cells, target.lon, period=360.0, periodic=periodic, tolerance=tolerance)
    else:
        cells = source.lon_cells[:count]
        found = overlap_operator(cells, target.lon_cells, on_sphere=False, period=360.0, tolerance=tolerance)
    return dataclasses.replace(found, size=source.lon.size)


def _rows(source: Grid, target: Grid, method: str) -> AxisOperator:
    """Weights along latitude."""
    tolerance = max(source.tolerance_degrees, target.tolerance_degrees)
    if method == "bilinear":
        return linear_operator(source.lat, target.lat, reach=_reach(source), tolerance=tolerance)
    if method == "nearest":
        return nearest_operator(source.lat, source.lat_cells, target.lat, tolerance=tolerance)
    return overlap_operator(source.lat_cells, target.lat_cells, on_sphere=True, period=None, tolerance=tolerance)


def _reach(source: Grid) -> tuple[float, float] | None:
    """Latitudes up to which the outermost rows count: the poles, where their cells touch them."""
    if source.lat.size < 2:
        return None
    south, north = float(source.lat_cells.min()), float(source.lat_cells.max())
    low = -90.0 if south < -90 + source.tolerance_degrees else float(source.lat.min())
    high = 90.0 if north > 90 - source.tolerance_degrees else float(source.lat.max())
    return low, high


def _separable(source: Grid, target: Grid, method: str, periodic: bool, rule: Rule) -> _Plan:
    """Plan between rectilinear grids, of the rows and columns that are needed only."""
    rows, columns = _rows(source, target, method), _columns(source, target, method, periodic)
    if method == "conservative_normed":
        rows, columns = rows.normalised(), columns.normalised()
    part: dict[str, slice] = {}
    operators = []
    for dim, operator in zip(source.dims, (rows, columns), strict=True):
        lo, hi = operator.span()
        part[dim] = slice(lo, hi)
        operators.append(dataclasses.replace(operator, sources=operator.sources - lo, size=hi - lo))
    return _Plan(source, target, Separable(operators[0], operators[1], rule), part)


def _pointwise(source: Grid, target: Grid, method: str, periodic: bool | None, rule: Rule) -> _Plan:
    """Plan where one of the grids is not rectilinear."""
    if method == "nearest":
        points = nearest_points(source, target)
    elif not source.rectilinear:
        points = bilinear_points(source, target, periodic=periodic)
    else:
        points = _between_axes(source, target, source.is_periodic() if periodic is None else periodic)
    operator = PointOperator(points.sources, points.weights, len(source.dims), target.shape, rule)
    return _Plan(source, target, operator, {})


def _between_axes(source: Grid, target: Grid, periodic: bool) -> Points:
    """Bilinear weights of points on a rectilinear grid: products of those along both axes."""
    there = np.isfinite(target.lat) & np.isfinite(target.lon)
    flat = dataclasses.replace(target, lat=target.lat[there], lon=target.lon[there])
    pairs = [_padded(_rows(source, flat, "bilinear")), _padded(_columns(source, flat, "bilinear", periodic))]
    found, weights = np.zeros((there.size, 4), np.int64), np.zeros((there.size, 4))
    cells = pairs[0][0][:, :, None] * source.lon.size + pairs[1][0][:, None, :]
    shares = pairs[0][1][:, :, None] * pairs[1][1][:, None, :]
    found[there.ravel()], weights[there.ravel()] = cells.reshape(-1, 4), shares.reshape(-1, 4)
    return Points(found, weights)


def _padded(operator: AxisOperator) -> "tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]":
    """An operator of at most two entries a target as arrays with two columns."""
    sources, weights = np.zeros((operator.targets, 2), np.int64), np.zeros((operator.targets, 2))
    counts = np.diff(operator.starts)
    rows = np.repeat(np.arange(operator.targets), counts)
    columns = np.arange(rows.size) - np.repeat(operator.starts[:-1], counts)
    sources[rows, columns], weights[rows, columns] = operator.sources, operator.weights
    return sources, weights


def _plan(source: Grid, target: Grid, method: str, periodic: bool | None, rule: Rule) -> _Plan:
    """Plan by a method, refused where the method cannot do it."""
    if source.rectilinear and target.rectilinear:
        joined = source.is_periodic() if periodic is None else periodic
        return _separable(source, target, method, joined, rule)
    if method.startswith("conservative"):
        which = "source" if not source.rectilinear else "target"
        msg = (
            f"method {method!r} needs latitude and longitude as axes on both sides, got a curvilinear {which}. "
            "Use method='bilinear' or 'nearest'; for means over areas area_mean(obj, weights=cell areas) is exact "
            "without regridding, and for maps 'cdo remapcon' uses the corners of the cells."
        )
        raise InputError(msg)
    return _pointwise(source, target, method, periodic, rule)


def _rule(skipna: bool, na_thres: float) -> Rule:
    if not 0 <= na_thres <= 1:
        msg = f"na_thres is {na_thres!r}, need a share between 0 and 1."
        raise InputError(msg)
    if na_thres != 1 and not skipna:
        msg = f"na_thres is {na_thres:g} without skipna: any missing value counts. Pass skipna=True."
        raise InputError(msg)
    return Rule(skipna, min(max(1 - na_thres, _MARGIN), 1 - _MARGIN))


def _applied(obj: xr.DataArray, plan: _Plan, call: str, method: str) -> xr.DataArray:
    """One variable on the target, with its labels."""
    if obj.dtype.kind not in "biuf":
        msg = f"regrid takes numbers, got {obj.dtype} values in {obj.name!r}. Drop that variable."
        raise InputError(msg)
    dims = plan.source.dims
    part = {dim: piece for dim, piece in plan.part.items() if piece != slice(0, obj.sizes[dim])}
    leading = [dim for dim in obj.dims if dim not in dims]
    values = obj.isel(part).transpose(*leading, *dims).data
    operator = plan.operator
    if isinstance(operator, Separable):
        made: Any = regrid_separable(values, operator, leading)
    else:
        made = regrid_points(values, operator, leading)
    coords = {name: c.variable for name, c in obj.coords.items() if not set(c.dims) & set(dims)}
    result = xr.DataArray(made, coords | plan.target.coordinates(), [*leading, *plan.target.dims], name=obj.name)
    if len(dims) == len(plan.target.dims):
        renamed = dict(zip(dims, plan.target.dims, strict=True))
        result = result.transpose(*(renamed.get(str(dim), dim) for dim in obj.dims))
    kept = {key: value for key, value in obj.attrs.items() if key not in _OF_THE_GRID}
    if method.startswith("conservative"):
        kept["cell_methods"] = appended_methods(obj.attrs, "area: mean")
    kept |= {"regrid_method": method, "regrid_source_grid": plan.source.fingerprint()}
    return described(result, obj, call, **kept)


def _call(target: Any, method: str, periodic: bool | None, skipna: bool, na_thres: float) -> str:
    """The call, as one would write it again."""
    shown = repr(target) if isinstance(target, str | tuple | list) else "grid"
    options = f", periodic={periodic}" if periodic is not None else ""
    options += ", skipna=True" if skipna else ""
    options += f", na_thres={na_thres:g}" if na_thres != 1 else ""
    return f"regrid({shown}, method={method!r}{options})"


def regrid(
    obj: Gridded,
    target: Any,
    method: Method = "bilinear",
    *,
    periodic: bool | None = None,
    skipna: bool = False,
    na_thres: float = 1.0,
) -> Gridded:
    """
    Values on another horizontal grid.

    Bilinear and nearest take values at the centres of the target. A target beyond the outermost centres of the source
    (bilinear) or outside its cells (nearest) is NaN; poleward of the last row of a globe that row counts. Conservative
    takes the mean over each target cell by exact areas on the sphere, so that the integral is kept; where the source
    covers part of a cell, ``conservative`` counts the rest as nothing and ``conservative_normed`` leaves it out. Cells
    may lie on any turn of longitude, cross the seam, and run north or south.

    Parameters
    ----------
    obj : xarray.DataArray or xarray.Dataset, shape (..., latitude, longitude)
        Any chunking, any order of dimensions. Of a Dataset, every variable on the grid, with the declared bounds of its
        cells; those of a DataArray lie half-way between centres. Curvilinear grids: bilinear and nearest only.
    target : xarray.DataArray, xarray.Dataset, tuple or str
        Anything with latitude and longitude; ``(dlon, dlat)`` in degrees, or text such as ``"1x1"``, for a global grid.
    method : {"bilinear", "conservative", "conservative_normed", "nearest"}
        How.
    periodic : bool, optional
        Whether the last column of the source is followed by the first; told from the coordinates by default.
    skipna : bool
        Leave missing values out and divide by the weight of the others; by default a target to which any missing value
        contributes is missing.
    na_thres : float
        With `skipna`, the largest share of missing values (by weight) that a target may have: 0 allows none, 1 asks for
        any valid value.

    Returns
    -------
    xarray.DataArray or xarray.Dataset, shape (..., target)
        In float64, lazy if `obj` is. Attributes are kept, but for those that speak of the grid; ``regrid_method`` and
        ``regrid_source_grid``, a hash of the source's coordinates, are added.

    Raises
    ------
    InputError
        If there is no such method, or it cannot do these grids.
    NotFoundError
        If `obj` or `target` has no latitude or longitude.
    MemoryBudgetError
        If the maps of one block do not fit.

    Notes
    -----
    Between rectilinear grids ``y = Wlat x Wlon'`` with two small sparse operators; with `skipna`
    ``(Wlat (x where valid) Wlon') / (Wlat valid Wlon')``. The chunks of all other dimensions are kept. Blocks that hold
    whole maps give one block each; where maps are cut into blocks each gives its sums over the target cells it touches,
    and these are added; nothing is rechunked. A task holds one block, its maps on the target and, with `skipna`, their
    weights. Only the rows and columns that the target needs are read.

    The nearest centre of a rectilinear source is the nearest along each axis; on the sphere, another may be nearer by a
    little towards the poles. Curvilinear sources are searched with a tree of points in three dimensions; bilinear
    inverts the map of the quadrilateral of centres around the target. Conservative from curvilinear grids is refused.

    References
    ----------
    Jones 1999, Monthly Weather Review 127, 2204-2210 (conservative remapping).

    Examples
    --------
    >>> import xarray as xr
    >>> sst = xr.DataArray([[10.0, 20.0]], {"lat": [0.0], "lon": [90.0, 270.0]}, ["lat", "lon"])
    >>> sst.lat.attrs["units"], sst.lon.attrs["units"] = "degrees_north", "degrees_east"
    >>> points = xr.Dataset({}, {"lat": [0.0], "lon": [180.0, 225.0]})
    >>> regrid(sst, points).values.tolist()
    [[15.0, 17.5]]
    """
    if method not in _METHODS:
        msg = f"there is no method {method!r}. {closest(str(method), _METHODS)}"
        raise InputError(msg)
    rule = _rule(skipna, na_thres)
    source = read_grid(obj)
    plan = _plan(source, target_grid(target, source), method, periodic, rule)
    _check_cover(plan)
    call = _call(target, method, periodic, skipna, na_thres)
    if isinstance(obj, xr.DataArray):
        _require_dims(obj, source)
        return _applied(obj, plan, call, method)
    return _applied_to_all(obj, plan, call, method)


def _require_dims(obj: xr.DataArray, source: Grid) -> None:
    missing = [dim for dim in source.dims if dim not in obj.dims]
    if missing:
        msg = f"{obj.name!r} has dimensions {obj.dims}, need those of its grid, {source.dims}."
        raise InputError(msg)


def _applied_to_all(obj: xr.Dataset, plan: _Plan, call: str, method: str) -> xr.Dataset:
    """Every variable of a dataset that lies on its grid; variables along a part of the grid (bounds) are left out."""
    dims, results = set(plan.source.dims), {}
    edges = set(plan.source.variables)
    for name, array in obj.data_vars.items():
        if dims <= set(array.dims) and name not in edges:
            results[name] = _applied(array, plan, call, method)
        elif not dims & set(array.dims):
            results[name] = array
    if not any(array.attrs.get("regrid_method") for array in results.values()):
        msg = f"the dataset has no variable on {plan.source.dims}, need one. Pass the variable, or its dataset."
        raise InputError(msg)
    bounds = {name: c for name, c in plan.target.variables.items() if not set(c.dims) <= set(plan.target.dims)}
    made = xr.Dataset(results | bounds, attrs=obj.attrs)
    for name, variable in plan.target.variables.items():
        made[name].attrs = dict(variable.attrs)
    return made


def _check_cover(plan: _Plan) -> None:
    """Say if the source gives nothing to any target."""
    operator = plan.operator
    if isinstance(operator, Separable):
        empty = not (operator.rows.sources.size and operator.columns.sources.size)
    else:
        empty = not operator.weights.any()
    if empty:
        source, target = (
            f"{np.nanmin(grid.lat):g}..{np.nanmax(grid.lat):g} N, {np.nanmin(grid.lon):g}..{np.nanmax(grid.lon):g} E"
            for grid in (plan.source, plan.target)
        )
        warnings.warn(
            f"no cell of the target ({target}) lies on the source ({source}): the result is missing everywhere.",
            OceanDataWarning,
            stacklevel=3,
        )
