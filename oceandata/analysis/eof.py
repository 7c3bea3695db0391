"""Empirical orthogonal functions: modes of variability from the products of steps, summed over tiles of cells."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import xarray as xr
from dask.base import is_dask_collection
from dask.delayed import delayed

from oceandata import cf
from oceandata.analysis.area import cell_areas, declared_areas, on_grid
from oceandata.analysis.columns import ColumnOutput, map_columns
from oceandata.analysis.labels import described, difference_attributes, require_array, require_times, separated
from oceandata.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["eof"]

# Steps up to which all products of steps are formed.
_MOST_STEPS = 5000

# Random directions beyond the modes asked for, and passes that sharpen them.
_OVERSAMPLES = 10
_ITERATIONS = 3

# Sums joined by one task.
_FAN_IN = 8


@dataclasses.dataclass(frozen=True)
class _Rules:
    """How the cells of a tile become rows: which are used, and how they are scaled."""

    min_valid: float
    standardize: bool

    def rows(
        self, columns: "npt.NDArray[Any]", weights: "npt.NDArray[np.float64]"
    ) -> "tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]":
        """Anomalies of the cells that are used, what they are multiplied with, and which these are."""
        values = columns.reshape(-1, columns.shape[-1])
        valid = ~np.isnan(values)
        flat = weights.reshape(-1)
        used = (valid.mean(axis=1) >= self.min_valid) & valid.any(axis=1) & (flat > 0)
        rows, there = values[used].astype(np.float64), valid[used]
        count = there.sum(axis=1)
        rows -= (np.where(there, rows, 0.0).sum(axis=1) / count)[:, None]
        rows[~there] = 0.0
        scale = np.sqrt(flat[used])
        if self.standardize:
            spread = np.sqrt((rows**2).sum(axis=1) / np.maximum(count - 1, 1))
            scale = np.where(spread > 0, scale / np.where(spread > 0, spread, 1.0), 0.0)
        return rows, scale, used


@dataclasses.dataclass(frozen=True)
class _Product:
    """Product of the steps of a tile with themselves, or with directions in time that are given."""

    rules: _Rules

    def __call__(
        self,
        columns: "npt.NDArray[Any]",
        tile: tuple[slice, ...],  # noqa: ARG002
        weights: "npt.NDArray[np.float64]",
        *directions: "npt.NDArray[np.float64]",
    ) -> dict[str, Any]:
        rows, scale, _ = self.rules.rows(columns, weights)
        rows *= scale[:, None]
        product = rows.T @ (rows @ directions[0] if directions else rows)
        return {"product": (product, float(np.einsum("ij,ij->", rows, rows)), len(rows))}


@dataclasses.dataclass(frozen=True)
class _Pattern:
    """Regression of a tile on the series of the modes, and its extremes."""

    rules: _Rules

    def __call__(
        self,
        columns: "npt.NDArray[Any]",
        tile: tuple[slice, ...],  # noqa: ARG002
        weights: "npt.NDArray[np.float64]",
        series: "npt.NDArray[np.float64]",
    ) -> dict[str, Any]:
        rows, scale, used = self.rules.rows(columns, weights)
        pattern = np.full((series.shape[1], used.size), np.nan)
        pattern[:, used] = (rows @ series / (len(series) - 1)).T
        marked = np.abs(pattern[:, used]) * (scale > 0)
        largest = np.zeros((2, series.shape[1]))
        if used.any():
            at = marked.argmax(axis=1)
            largest = np.stack([np.take_along_axis(pattern[:, used], at[:, None], 1)[:, 0], marked.max(axis=1)])
        return {"eof": pattern.reshape(len(pattern), *columns.shape[:-1]), "largest": largest}


def _add(*parts: tuple[Any, ...]) -> tuple[Any, ...]:
    """Element-wise sum of tuples, in the order given."""
    total = list(parts[0])
    for part in parts[1:]:
        total = [one + other for one, other in zip(total, part, strict=True)]
    return tuple(total)


def _first(cell: Any) -> Any:
    """Object in an array of one."""
    return cell.flat[0]


def _called(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function, later if an argument is not there yet."""
    if any(is_dask_collection(arg) for arg in args):
        return delayed(function, pure=True, traverse=False)(*args)
    return function(*args)


def _cells(table: Any) -> list[Any]:
    """Objects of a table of tiles, in order."""
    if isinstance(table, da.Array):
        return [_called(_first, cell) for cell in table.to_delayed().ravel()]
    return list(table.ravel())


def _joined(parts: list[Any], join: Callable[..., Any]) -> Any:
    """Join parts in a tree fixed by their order."""
    while len(parts) > 1:
        parts = [_called(join, *parts[at : at + _FAN_IN]) for at in range(0, len(parts), _FAN_IN)]
    return parts[0]


def _weights(
    obj: xr.DataArray, space: Sequence[Any], weights: "str | xr.DataArray | None"
) -> "npt.NDArray[np.float64]":
    """Weight of each cell, in the order of the data without time; their sum is one where they are areas."""
    shape = [obj.sizes[dim] for dim in space]
    if weights is None:
        return np.ones(shape)
    if isinstance(weights, xr.DataArray):
        field = on_grid(weights, obj, "weights").astype(np.float64)
    elif weights == "area":
        areas = declared_areas(obj)
        field = cell_areas(obj) if areas is None else areas.astype(np.float64)
        field = field / float(field.sum())
    elif weights == "coslat":
        latitude = obj[cf.require_axis(obj, "Y")].astype(np.float64)
        field = latitude.copy(data=np.cos(np.radians(latitude.to_numpy())).clip(min=0.0))
    else:
        msg = f"weights is {weights!r}, need 'area', 'coslat', None or an array of weights."
        raise InputError(msg)
    like = xr.DataArray(np.ones(shape), dims=list(space))
    whole = (field.drop_vars(list(field.coords)) * like).transpose(*space)
    return np.ascontiguousarray(np.nan_to_num(whole.to_numpy(), nan=0.0))


def _check(found: tuple[Any, float, int]) -> tuple[Any, float]:
    """Refuse a field without any cell to use."""
    product, total, cells = found
    if cells == 0:
        msg = "no cell has values at enough steps. Fill or select the data, or lower min_valid."
        raise InputError(msg)
    if total <= 0:
        msg = "no cell varies in time, so there are no modes."
        raise InputError(msg)
    return product, total


def _gram_modes(found: tuple[Any, float, int], modes: int) -> "tuple[npt.NDArray[np.float64], ...]":
    """Series of unit length, variances and total variance from the products of steps."""
    from scipy.linalg import eigh

    product, total = _check(found)
    steps = len(product)
    values, vectors = eigh(product, subset_by_index=(steps - modes, steps - 1))
    return _ordered(values, vectors, total, steps)


def _ordered(values: Any, vectors: Any, total: float, steps: int) -> "tuple[npt.NDArray[np.float64], ...]":
    """Largest first, as series of unit variance, variances and the total."""
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    series = vectors - vectors.mean(axis=0)
    return series * np.sqrt(steps - 1), values / (steps - 1), np.array(total / (steps - 1))


def _orthogonal(found: tuple[Any, float, int]) -> "npt.NDArray[np.float64]":
    """Orthonormal directions of a product."""
    return np.linalg.qr(_check(found)[0])[0]


def _random_modes(
    found: tuple[Any, float, int], directions: "npt.NDArray[np.float64]", modes: int
) -> "tuple[npt.NDArray[np.float64], ...]":
    """The same from products with orthonormal directions (Rayleigh and Ritz)."""
    product, total = _check(found)
    small = directions.T @ product
    values, vectors = np.linalg.eigh((small + small.T) / 2)
    return _ordered(values[-modes:], directions @ vectors[:, -modes:], total, len(directions))


def _larger(*parts: "npt.NDArray[np.float64]") -> "npt.NDArray[np.float64]":
    """Of several tiles the value of each mode that is largest in size, and its size."""
    stacked = np.stack(parts)
    chosen = stacked[:, 1].argmax(axis=0)
    return np.asarray(np.take_along_axis(stacked, chosen[None, None], 0)[0], np.float64)


def _signed(largest: "npt.NDArray[np.float64]") -> "npt.NDArray[np.float64]":
    """Sign that makes the largest value of each mode positive."""
    return np.where(largest[0] < 0, -1.0, 1.0)


def _array(value: Any, shape: tuple[int, ...]) -> Any:
    """Array of a value that may not be there yet."""
    return da.from_delayed(value, shape, dtype=np.float64) if is_dask_collection(value) else np.asarray(value)


def _item(found: tuple[Any, ...], number: int) -> Any:
    return found[number]


def _modes(obj: xr.DataArray, axis: int, field: Any, rules: _Rules, modes: int, method: str, seed: int) -> Any:
    """Series, variances and total variance, lazy if the data are lazy."""
    steps = obj.shape[axis]
    outputs = [ColumnOutput("product", table=True)]

    def product(*directions: Any) -> Any:
        made = map_columns(
            obj.data, _Product(rules), axis, outputs, beside=[field], shared=directions, name=repr(obj.name)
        )
        return _joined(_cells(made["product"]), _add)

    if method == "gram":
        return _called(_gram_modes, product(), modes)
    width = min(steps - 1, modes + _OVERSAMPLES)
    start = np.random.default_rng(seed).standard_normal((steps, width))
    directions: Any = np.linalg.qr(start - start.mean(axis=0))[0]
    for _ in range(_ITERATIONS):
        directions = _array(_called(_orthogonal, product(directions)), (steps, width))
    return _called(_random_modes, product(directions), directions, modes)


def _check_arguments(n_modes: int, steps: int, method: str, min_valid: float) -> None:
    """Refuse arguments that cannot be used."""
    if isinstance(n_modes, bool) or not isinstance(n_modes, int | np.integer) or not 1 <= n_modes < steps:
        msg = f"n_modes is {n_modes!r}, need 1 to {steps - 1} for {steps} steps."
        raise InputError(msg)
    if method not in ("auto", "gram", "randomized"):
        msg = f"method is {method!r}, need 'auto', 'gram' or 'randomized'."
        raise InputError(msg)
    if not 0 < min_valid <= 1:
        msg = f"min_valid is {min_valid!r}, need a share above 0 and up to 1."
        raise InputError(msg)


_TITLES = {
    "eof": ("pattern of {}", "{}的空间模态"),
    "pc": ("standardised series of {}", "{}的标准化时间系数"),
    "eigenvalue": ("variance explained by the mode", "模态解释的方差"),
    "north_error": ("sampling error of the eigenvalue", "特征值的抽样误差"),
    "explained_variance": ("share of variance explained by the mode", "模态解释的方差比例"),
}


def _dataset(
    obj: xr.DataArray, times: xr.DataArray, space: Sequence[Any], values: dict[str, Any], call: str
) -> xr.Dataset:
    """Modes with their coordinates and attributes."""
    time = times.dims[0]
    dims = {"eof": ["mode", *space], "pc": ["mode", time]}
    modes = values["eigenvalue"].shape[0]
    mode = xr.Variable("mode", np.arange(1, modes + 1), {"long_name": "mode", "long_name_zh": "模态"})
    title = obj.attrs.get("long_name") or obj.attrs.get("standard_name") or obj.name
    units = str(difference_attributes(obj.attrs).get("units", ""))
    arrays = {}
    for name, value in values.items():
        own = dims.get(name, ["mode"])
        coords: dict[Any, Any] = {key: one for key, one in obj.coords.items() if set(one.dims) <= set(own) and one.dims}
        array = xr.DataArray(value, coords | {"mode": mode}, own, name=name)
        english, chinese = _TITLES[name]
        attributes = {"long_name": english.format(title)}
        attributes["long_name_zh"] = chinese.format(obj.attrs.get("long_name_zh") or title)
        if name in ("eof", "pc", "explained_variance"):
            attributes["units"] = units if name == "eof" else "1"
        arrays[name] = described(array, obj, call, **attributes)
    return separated(xr.Dataset(arrays))


def eof(
    obj: xr.DataArray,
    n_modes: int = 10,
    *,
    weights: "str | xr.DataArray | None" = "area",
    standardize: bool = False,
    method: str = "auto",
    min_valid: float = 1.0,
    random_state: int = 0,
) -> xr.Dataset:
    """
    Empirical orthogonal functions of a field: patterns, their series, and the variance they explain.

    The mean in time of each cell is removed; remove the season before (`anomaly`). Cells without values at enough
    steps (land) are left out; gaps of the others count as no anomaly. The sign of a mode makes its largest value
    positive.

    Parameters
    ----------
    obj : xarray.DataArray, shape (..., time, ...)
        Any chunking; a layout for time series is read fastest.
    n_modes : int
        Number of modes, less than the number of steps.
    weights : {"area", "coslat", None} or xarray.DataArray
        What the variance of a cell counts: its share of the area, the cosine of its latitude, the same for all, or
        what is given.
    standardize : bool
        Divide each cell by its standard deviation first, so that modes explain correlation.
    method : {"auto", "gram", "randomized"}
        All products of steps (exact), or random directions sharpened by three more passes; ``"auto"`` takes the first
        up to 5,000 steps.
    min_valid : float
        Least share of steps at which a cell must have a value.
    random_state : int
        Seed of the random directions; the same seed gives the same modes.

    Returns
    -------
    xarray.Dataset
        ``eof`` (mode, ...) in the units of `obj` for one standard deviation of the series, ``pc`` (mode, time) of unit
        variance, ``eigenvalue`` (mode) in units of the weighted variance, its ``north_error``, and
        ``explained_variance`` (mode) as a share; lazy if `obj` is lazy.

    Raises
    ------
    InputError
        If there are fewer steps than modes, no cell to use, or an argument cannot be used.
    MemoryBudgetError
        If a column of blocks does not fit the memory.

    Notes
    -----
    ``G = sum over cells of w x x'``, eigenvalues ``l`` of ``G / (T - 1)``; series are its eigenvectors, patterns the
    regression of the anomalies on these. ``"gram"`` reads `obj` twice and holds ``8 T**2`` bytes a task,
    ``"randomized"`` reads it five times and holds ``8 T (n_modes + 10)``. The error is ``l sqrt(2 / T)``, for
    independent steps: with correlated ones it is larger.

    References
    ----------
    North, Bell, Cahalan and Moeng 1982, Mon. Wea. Rev. 110, eq. (24); Halko, Martinsson and Tropp 2011, SIAM Review
    53, algorithm 4.4.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> time = np.arange("2000-01", "2002-01", dtype="datetime64[M]").astype("datetime64[ns]")
    >>> wave = np.cos(np.arange(24) * np.pi / 6)
    >>> field = xr.DataArray(wave[:, None] * [3.0, 4.0], {"time": time}, ["time", "x"], name="ssh")
    >>> found = eof(field, 1, weights=None)
    >>> round(float(found.explained_variance[0]), 6), found.eof.values.round(6).tolist()
    (1.0, [[2.166945, 2.88926]])
    """
    obj = require_array(obj, "eof")
    times = require_times(obj)
    axis = int(obj.get_axis_num(times.dims[0]))
    steps = obj.shape[axis]
    _check_arguments(n_modes, steps, method, min_valid)
    if method == "auto":
        method = "gram" if steps <= _MOST_STEPS else "randomized"
    space = [dim for dim in obj.dims if dim != times.dims[0]]
    if not space:
        msg = f"{obj.name!r} has no dimension beside time, need cells to find patterns over."
        raise InputError(msg)
    field, rules = _weights(obj, space, weights), _Rules(min_valid, standardize)
    found = _modes(obj, axis, field, rules, n_modes, method, random_state)
    series = _array(_called(_item, found, 0), (steps, n_modes))
    outputs = [ColumnOutput("eof", (n_modes,)), ColumnOutput("largest", table=True)]
    made = map_columns(obj.data, _Pattern(rules), axis, outputs, beside=[field], shared=[series], name=repr(obj.name))
    sign = _array(_called(_signed, _joined(_cells(made["largest"]), _larger)), (n_modes,))
    variance, total = _array(_called(_item, found, 1), (n_modes,)), _array(_called(_item, found, 2), ())
    values = {
        "eof": made["eof"] * sign.reshape(-1, *(1,) * len(space)),
        "pc": (series * sign).T,
        "eigenvalue": variance,
        "north_error": variance * np.sqrt(2 / steps),
        "explained_variance": variance / total,
    }
    said = weights if isinstance(weights, str | None) else "given"
    call = f"eof(n_modes={n_modes}, weights={said!r}, standardize={standardize}, method={method!r})"
    return _dataset(obj, times, space, values, call)
