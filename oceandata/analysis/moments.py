"""Mean, integral, variance and extremes over any dimensions, weighted as the cells are."""

from collections.abc import Hashable, Sequence
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr

from oceandata import cf
from oceandata.analysis.accumulators import Extremes, WeightedMoments, WeightedSum
from oceandata.analysis.area import on_grid
from oceandata.analysis.labels import appended_methods, described, difference_attributes, require_array
from oceandata.analysis.outer import OuterWeights
from oceandata.analysis.routines import Request, Steps, streamed
from oceandata.analysis.weights import cell_weights, outer_weights
from oceandata.errors import InputError, closest

__all__ = ["extremes", "integral", "kept_labels", "mean", "over_methods", "reduced_dims", "variance"]

Dims = Hashable | Sequence[Hashable] | None
Weights = str | xr.DataArray | Sequence[xr.DataArray] | None

#: What a plain number of a field keeps when values of it are averaged.
_NAMES = ("units", "units_metadata", "standard_name", "long_name", "long_name_zh")


def reduced_dims(obj: xr.DataArray, dim: Dims) -> tuple[Hashable, ...]:
    """
    Dimensions to reduce, in the order of the data.

    Parameters
    ----------
    obj : xarray.DataArray
        The variable.
    dim : str or sequence of str, optional
        Names of dimensions, or the letters T, Z, Y, X for those of an axis; all by default.

    Returns
    -------
    tuple of hashable
        Each once.

    Raises
    ------
    InputError
        If there is no such dimension.
    """
    if dim is None:
        return obj.dims
    asked = [dim] if isinstance(dim, str) or not isinstance(dim, Sequence) else list(dim)
    found: list[Hashable] = []
    for name in asked:
        if name in obj.dims:
            found.append(name)
            continue
        axis = cf.find_axis(obj, str(name)) if str(name) in ("T", "Z", "Y", "X") else None
        if axis is None:
            msg = f"{obj.name!r} has no dimension {name!r}. {closest(str(name), [str(one) for one in obj.dims])}"
            raise InputError(msg)
        found += [one for one in obj[axis].dims if one in obj.dims]
    return tuple(one for one in obj.dims if one in found)


def _factors(obj: xr.DataArray, dims: Sequence[Hashable], weights: Weights) -> list[xr.DataArray]:
    """Factors of the weights from what was given."""
    if weights is None:
        return []
    if isinstance(weights, str):
        if weights != "auto":
            msg = f"weights is {weights!r}, need 'auto' (areas, thickness), None (all equal) or arrays of weights."
            raise InputError(msg)
        return cell_weights(obj, dims)
    given = [weights] if isinstance(weights, xr.DataArray) else list(weights)
    for factor in given:
        on_grid(factor, obj, "weights")
        stray = [dim for dim in factor.dims if dim not in dims]
        if stray:
            msg = f"weights run along {stray[0]!r}, which is not reduced; need some of {tuple(dims)}."
            raise InputError(msg)
        if bool((factor < 0).any()):
            msg = "weights hold negative values, need zero or more."
            raise InputError(msg)
    names = [dim for factor in given for dim in factor.dims]
    if len(names) != len(set(names)):
        msg = f"two of the weights run along the same dimension ({names}): multiply them first."
        raise InputError(msg)
    return given


def _prepared(
    obj: xr.DataArray, dim: Dims, weights: Weights, routine: str
) -> tuple[xr.DataArray, tuple[Hashable, ...], tuple[int, ...], OuterWeights]:
    """The array, what is reduced, and its weights."""
    obj = require_array(obj, routine)
    dims = reduced_dims(obj, dim)
    if not dims:
        msg = f"{routine} needs a dimension to reduce, {obj.name!r} has none."
        raise InputError(msg)
    axes = tuple(int(obj.get_axis_num(one)) for one in dims)
    return obj, dims, axes, outer_weights(obj, dims, _factors(obj, dims, weights))


def kept_labels(obj: xr.DataArray, dims: Sequence[Hashable]) -> tuple[dict[Any, Any], list[Hashable]]:
    """
    Coordinates and dimensions that stay when some are reduced.

    Parameters
    ----------
    obj : xarray.DataArray
        The variable.
    dims : sequence of hashable
        What is reduced.

    Returns
    -------
    dict, list
        Coordinates by name, and dimensions.
    """
    coords = {name: c for name, c in obj.coords.items() if not set(c.dims) & set(dims)}
    return coords, [one for one in obj.dims if one not in dims]


def over_methods(obj: xr.DataArray, dims: Sequence[Hashable]) -> str:
    """
    Dimensions as CF's cell methods name them: ``area:`` for both horizontal ones.

    Parameters
    ----------
    obj : xarray.DataArray
        The variable.
    dims : sequence of hashable
        What is reduced.

    Returns
    -------
    str
        Names, each with a colon.
    """
    roles = {one: axis for axis in "TZYX" for name in [cf.find_axis(obj, axis)] if name for one in obj[name].dims}
    area = {roles.get(one) for one in dims} >= {"Y", "X"}
    names = ["area:"] if area else []
    words = {"T": "time:"}
    names += [words.get(roles.get(one, ""), f"{one}:") for one in dims if not (area and roles.get(one) in ("Y", "X"))]
    return " ".join(names)


def _call(routine: str, dims: Sequence[Hashable], weights: Weights, extra: str = "") -> str:
    said = weights if isinstance(weights, str | None) else "given"
    return f"{routine}(dim={[str(one) for one in dims]}, weights={said!r}{extra})"


def _enough(weight: Any, whole: float, min_weight: float) -> Any:
    """Where the valid values weigh enough."""
    if not 0 <= min_weight <= 1:
        msg = f"min_weight is {min_weight!r}, need a share between 0 and 1."
        raise InputError(msg)
    return (weight > 0) & (weight >= min_weight * whole * (1 - 1e-12))


def _where(condition: Any, values: Any) -> Any:
    """Values where a condition holds, NaN elsewhere; lazy if they are."""
    return (da if isinstance(values, da.Array) else np).where(condition, values, np.nan)


@streamed
def mean(
    obj: xr.DataArray, dim: Dims = None, *, weights: Weights = "auto", min_weight: float = 0.0
) -> Steps[xr.DataArray]:
    """
    Weighted mean over any dimensions.

    Cells count by their area over the horizontal and by their thickness over the vertical; along time every step
    counts the same. Missing values take their weight with them: land stays NaN, and so does a cell whose valid values
    weigh less than `min_weight`.

    Parameters
    ----------
    obj : xarray.DataArray, shape (...)
        Any chunking, any order of dimensions.
    dim : str or sequence of str, optional
        Dimensions to average over; the letters ``"T"``, ``"Z"``, ``"Y"``, ``"X"`` stand for the dimensions of these
        axes. All by default.
    weights : {"auto", None} or xarray.DataArray or sequence of these
        ``"auto"`` for areas (``cell_measures``, bounds, then midpoints) and thickness, None for equal weights, or
        arrays along different ones of the dimensions.
    min_weight : float
        Least share of the weight of all cells that must hold valid values.

    Returns
    -------
    xarray.DataArray, shape (kept dimensions)
        Mean in float64, in the units of `obj`; lazy if `obj` is lazy.

    Raises
    ------
    InputError
        If there is no such dimension, the grid is curvilinear and no areas are known, or weights do not fit.

    See Also
    --------
    area_mean : Mean over a region, which counts cells at its edge by the part inside.

    Notes
    -----
    ``sum(w x) / sum(w)`` over valid values, in float64, in one pass. A task holds two numbers for each kept cell, and
    one block.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> sst = xr.DataArray([[1.0, np.nan], [3.0, np.nan]], dims=["time", "x"])
    >>> mean(sst, "time").values.tolist()
    [2.0, nan]
    """
    obj, dims, axes, cells = _prepared(obj, dim, weights, "mean")
    sums = yield Request(obj.data, WeightedSum(axes, cells))
    weight = sums["weight"]
    xp = da if isinstance(weight, da.Array) else np
    values = sums["weighted_sum"] / xp.where(weight > 0, weight, 1.0)
    coords, kept = kept_labels(obj, dims)
    result = xr.DataArray(_where(_enough(weight, cells.total, min_weight), values), coords, kept, name=obj.name)
    attributes = {key: obj.attrs[key] for key in _NAMES if key in obj.attrs}
    attributes["cell_methods"] = appended_methods(obj.attrs, f"{over_methods(obj, dims)} mean")
    return described(result, obj, _call("mean", dims, weights, f", min_weight={min_weight:g}"), **attributes)


@streamed
def integral(
    obj: xr.DataArray, dim: Dims = None, *, weights: Weights = "auto", min_weight: float = 0.0
) -> Steps[xr.DataArray]:
    """
    Integral over the horizontal, the vertical or both.

    Only valid values are summed: what is missing adds nothing, and the coordinate ``valid_share`` tells how much of
    the area or volume is valid. Land stays NaN.

    Parameters
    ----------
    obj : xarray.DataArray, shape (...)
        Any chunking, any order of dimensions.
    dim : str or sequence of str, optional
        Both horizontal dimensions, the vertical one, or all three; by default those that `obj` has.
    weights : {"auto"} or xarray.DataArray or sequence of these
        ``"auto"`` for areas in m2 and thickness in m (``cell_measures``, bounds, then midpoints), or arrays of these.
    min_weight : float
        Least share of the area or volume that must hold valid values.

    Returns
    -------
    xarray.DataArray, shape (kept dimensions)
        In float64; lazy if `obj` is lazy. Units are those of `obj` times m, m2 or m3, absent if `obj` has none.

    Raises
    ------
    InputError
        If a dimension is no horizontal or vertical one, or only one of the horizontal ones is given.

    Notes
    -----
    ``sum(w x)`` over valid values, in float64, in one pass.

    Examples
    --------
    >>> import xarray as xr
    >>> t = xr.DataArray([1.0, 2.0, 3.0], {"depth": [0.0, 10.0, 30.0]}, ["depth"], attrs={"units": "degC"})
    >>> t.depth.attrs.update(units="m", positive="down")
    >>> total = integral(t, "depth")
    >>> float(total), total.attrs["units"]
    (95.0, 'degC m')
    """
    obj = require_array(obj, "integral")
    found = {axis: cf.find_axis(obj, axis) for axis in "ZYX"}
    spatial = [one for name in found.values() if name for one in obj[name].dims if one in obj.dims]
    obj, dims, axes, cells = _prepared(obj, spatial if dim is None else dim, weights, "integral")
    power = _power(obj, dims, weights)
    sums = yield Request(obj.data, WeightedSum(axes, cells))
    weight = sums["weight"]
    coords, kept = kept_labels(obj, dims)
    share = xr.Variable(kept, weight / cells.total, {"units": "1", "long_name": "share that is valid"})
    values = _where(_enough(weight, cells.total, min_weight), sums["weighted_sum"])
    result = xr.DataArray(values, coords | {"valid_share": share}, kept, name=obj.name)
    attributes = {key: obj.attrs[key] for key in ("long_name", "long_name_zh") if key in obj.attrs}
    if obj.attrs.get("units"):
        attributes["units"] = f"{obj.attrs['units']} m{power if power > 1 else ''}".removeprefix("1 ")
    attributes["cell_methods"] = appended_methods(obj.attrs, f"{over_methods(obj, dims)} sum")
    return described(result, obj, _call("integral", dims, weights, f", min_weight={min_weight:g}"), **attributes)


def _power(obj: xr.DataArray, dims: Sequence[Hashable], weights: Weights) -> int:
    """Power of the metre in the units of the integral."""
    if weights is None:
        msg = "weights is None, need areas or thickness: an integral without them is a sum. Use obj.sum()."
        raise InputError(msg)
    axes = {axis: set(obj[name].dims) if name else set() for axis in "ZYX" for name in [cf.find_axis(obj, axis)]}
    horizontal = (axes["Y"] | axes["X"]) & set(obj.dims)
    stray = [one for one in dims if one not in horizontal | axes["Z"]]
    if stray:
        msg = f"{stray[0]!r} is neither horizontal nor vertical: an integral over it has no unit of length. Use mean()."
        raise InputError(msg)
    over_area = bool(set(dims) & horizontal)
    if over_area and not horizontal <= set(dims):
        msg = f"an integral over {tuple(dims)} needs both horizontal dimensions, {tuple(sorted(map(str, horizontal)))}."
        raise InputError(msg)
    return 2 * over_area + bool(set(dims) & axes["Z"])


@streamed
def variance(
    obj: xr.DataArray, dim: Dims = None, *, weights: Weights = "auto", ddof: int = 0, min_weight: float = 0.0
) -> Steps[xr.DataArray]:
    """
    Weighted variance over any dimensions.

    Parameters
    ----------
    obj : xarray.DataArray, shape (...)
        Any chunking, any order of dimensions.
    dim : str or sequence of str, optional
        Dimensions to reduce, as `mean` takes them.
    weights : {"auto", None} or xarray.DataArray or sequence of these
        As `mean` takes them.
    ddof : int
        Taken off the number of valid values: 0 for the variance of the values as they are, 1 for an unbiased estimate,
        which needs equal weights.
    min_weight : float
        Least share of the weight of all cells that must hold valid values.

    Returns
    -------
    xarray.DataArray, shape (kept dimensions)
        In float64 and the square of the units of `obj`; lazy if `obj` is lazy. NaN where there are no more than `ddof`
        valid values.

    Raises
    ------
    InputError
        As `mean`, and if `ddof` is not 0 with unequal weights.

    Notes
    -----
    ``sum(w (x - mean)**2) / sum(w)``, merged block by block after Chan, Golub and LeVeque (1983), eq. (2.1): it loses
    no digits where the mean is large. One pass; a task holds four numbers for each kept cell, and one block.

    References
    ----------
    Chan, Golub and LeVeque 1983, The American Statistician 37, eq. (2.1).

    Examples
    --------
    >>> import xarray as xr
    >>> float(variance(xr.DataArray([1.0, 2.0, 3.0, 4.0], dims=["time"])))
    1.25
    """
    obj, dims, axes, cells = _prepared(obj, dim, weights, "variance")
    equal = all((values == values.ravel()[0]).all() for _, values in cells.factors if values.size)
    if ddof not in (0, 1) or (ddof and not equal):
        msg = f"ddof is {ddof!r}, need 0, or 1 with equal weights (weights=None)."
        raise InputError(msg)
    moments = yield Request(obj.data, WeightedMoments(axes, cells))
    count, weight = moments["values"], moments["count"]
    xp = da if isinstance(weight, da.Array) else np
    enough = _enough(weight, cells.total, min_weight) & (count > ddof)
    spread = moments["M2"] / xp.where(enough, weight, 1.0)
    if ddof:
        spread = spread * (count / xp.where(enough, count - ddof, 1.0))
    coords, kept = kept_labels(obj, dims)
    result = xr.DataArray(_where(enough, spread), coords, kept, name=obj.name)
    attributes = {key: obj.attrs[key] for key in ("long_name", "long_name_zh") if key in obj.attrs}
    units = str(difference_attributes(obj.attrs).get("units", ""))
    if units:
        attributes["units"] = "1" if units == "1" else f"{units}2" if units.isalpha() else f"({units})2"
    attributes["cell_methods"] = appended_methods(obj.attrs, f"{over_methods(obj, dims)} variance")
    return described(result, obj, _call("variance", dims, weights, f", ddof={ddof}"), **attributes)


@streamed
def extremes(obj: xr.DataArray, dim: Dims = None) -> Steps[xr.Dataset]:
    """
    Smallest and largest value over any dimensions.

    Parameters
    ----------
    obj : xarray.DataArray, shape (...)
        Any chunking, any order of dimensions.
    dim : str or sequence of str, optional
        Dimensions to reduce, as `mean` takes them.

    Returns
    -------
    xarray.Dataset
        ``minimum``, ``maximum`` and ``count`` (valid values) with the kept dimensions, in float64; lazy if `obj` is
        lazy. The extremes of no value are NaN.

    Raises
    ------
    InputError
        If there is no such dimension.

    Notes
    -----
    One pass; a task holds three numbers for each kept cell, and one block.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> found = extremes(xr.DataArray([1.0, np.nan, 3.0], dims=["time"]))
    >>> float(found.minimum), float(found.maximum), int(found["count"])
    (1.0, 3.0, 2)
    """
    obj, dims, axes, _ = _prepared(obj, dim, None, "extremes")
    found = yield Request(obj.data, Extremes(axes))
    coords, kept = kept_labels(obj, dims)
    attributes = {key: obj.attrs[key] for key in _NAMES if key in obj.attrs}
    results = {}
    for name in ("minimum", "maximum", "count"):
        one = xr.DataArray(found[name], coords, kept, name=name)
        own: dict[str, Any] = {"units": "1", "long_name": "number of valid values", "long_name_zh": "有效值个数"}
        if name != "count":
            own = attributes | {"cell_methods": appended_methods(obj.attrs, f"{over_methods(obj, dims)} {name}")}
        results[name] = described(one, obj, f"extremes(dim={[str(d) for d in dims]})", **own)
    return xr.Dataset(results)
