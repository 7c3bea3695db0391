"""Histograms that merge, and quantiles: exact over whole columns, or from a histogram with a stated bound."""

import dataclasses
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import xarray as xr

from oceandata.analysis.accumulators import Output, State
from oceandata.analysis.columns import ColumnOutput, map_columns
from oceandata.analysis.labels import appended_methods, described, require_array
from oceandata.analysis.moments import kept_labels, over_methods, reduced_dims
from oceandata.analysis.routines import Request, Steps, run_together, streamed
from oceandata.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Counts", "histogram", "quantile"]

Dims = Hashable | Sequence[Hashable] | None

_NAMES = ("units", "units_metadata", "standard_name", "long_name", "long_name_zh")


@dataclasses.dataclass(frozen=True, eq=False)
class Counts:
    """
    Number of values in each bin, below the first and above the last.

    Attributes
    ----------
    reduced : tuple of int
        Dimensions to reduce.
    edges : numpy.ndarray, shape (bins + 1,)
        Ascending; a value on an edge belongs to the bin above, on the last edge to the bin below.
    """

    reduced: tuple[int, ...]
    edges: "npt.NDArray[np.float64]"

    @property
    def bins(self) -> int:
        """Bins between the edges."""
        return len(self.edges) - 1

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Counts, those outside among them: below first, above last."""
        return (Output("counts", (self.bins + 2,)),)

    @property
    def state_values(self) -> int:
        """One for each bin."""
        return self.bins + 2

    def begin(self, region: tuple[slice, ...]) -> State:
        """Zeros for the kept cells of a region."""
        cells = [part.stop - part.start for dim, part in enumerate(region) if dim not in self.reduced]
        return {"counts": np.zeros([self.bins + 2, *cells])}

    def add(
        self,
        state: State,
        block: "npt.NDArray[Any]",
        region: tuple[slice, ...],  # noqa: ARG002
        within: tuple[slice, ...],
    ) -> None:
        """Count a block."""
        kept = [dim for dim in range(block.ndim) if dim not in self.reduced]
        shape = tuple(block.shape[dim] for dim in kept)
        rows = np.moveaxis(block, self.reduced, range(len(self.reduced))).reshape(-1, int(np.prod(shape, dtype=int)))
        if not rows.size:
            return
        from oceandata.analysis.sum_kernels import add_counts, loop_rows

        place: tuple[Any, ...] = tuple(within[dim] for dim in kept)
        counts = np.zeros((self.bins + 2, rows.shape[1]), np.int64)
        add_counts(loop_rows(rows), self.edges, self._scale(), counts)
        state["counts"][(slice(None), *place)] += counts.reshape(self.bins + 2, *shape)

    def _scale(self) -> float:
        """Bins in a unit if all are as wide, else zero."""
        steps = np.diff(self.edges)
        return float(1 / steps[0]) if np.allclose(steps, steps[0], rtol=1e-6, atol=0.0) else 0.0

    def merge(self, first: State, second: State) -> State:
        """Counts add up."""
        return {"counts": first["counts"] + second["counts"]}

    def result(self, state: State) -> State:
        """The counts as they are."""
        return state

    def own(self, region: tuple[slice, ...]) -> tuple[Any, ...]:  # noqa: ARG002
        """The edges."""
        return (self.reduced, self.edges)


def _edges(bins: "Sequence[float] | npt.NDArray[Any]") -> "npt.NDArray[np.float64]":
    """Edges of bins, if they can be used."""
    edges = np.asarray(bins, np.float64)
    if edges.ndim != 1 or edges.size < 2 or not np.isfinite(edges).all() or not (np.diff(edges) > 0).all():
        msg = f"bins are {bins!r:.80}, need two or more ascending finite edges, such as numpy.arange(-2, 35, 0.1)."
        raise InputError(msg)
    return edges


@streamed
def histogram(obj: xr.DataArray, bins: "Sequence[float] | npt.NDArray[Any]", dim: Dims = None) -> Steps[xr.DataArray]:
    """
    Number of values in each bin, over any dimensions.

    Missing values are not counted; values outside the edges are counted apart, never clipped or lost.

    Parameters
    ----------
    obj : xarray.DataArray, shape (...)
        Any chunking.
    bins : sequence of float
        Ascending edges; a value on an edge belongs to the bin above, one on the last edge to the last bin.
    dim : str or sequence of str, optional
        Dimensions to count over; all by default.

    Returns
    -------
    xarray.DataArray, shape (bin, kept dimensions)
        Counts in float64, lazy if `obj` is lazy, with the coordinates ``bin_low`` and ``bin_high`` in the units of
        `obj` and the centre as ``bin``; ``below`` and ``above`` (kept dimensions) count what lies outside.

    Raises
    ------
    InputError
        If the edges do not ascend, or there is no such dimension.

    Notes
    -----
    One pass; a task holds ``8 (bins + 2)`` bytes for each kept cell, and one block.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> found = histogram(xr.DataArray([0.0, 1.0, 1.5, 2.0, 9.0, np.nan], dims=["time"]), [0, 1, 2])
    >>> found.values.tolist(), int(found.above)
    ([1.0, 3.0], 1)
    """
    obj, edges = require_array(obj, "histogram"), _edges(bins)
    dims = reduced_dims(obj, dim)
    axes = tuple(int(obj.get_axis_num(one)) for one in dims)
    found = yield Request(obj.data, Counts(axes, edges))
    counts = found["counts"]
    coords, kept = kept_labels(obj, dims)
    units = {"units": obj.attrs["units"]} if "units" in obj.attrs else {}
    coords["bin"] = ("bin", (edges[1:] + edges[:-1]) / 2, units | {"long_name": "centre of the bin"})
    coords["bin_low"] = ("bin", edges[:-1], units | {"long_name": "lower edge of the bin"})
    coords["bin_high"] = ("bin", edges[1:], units | {"long_name": "upper edge of the bin"})
    coords["below"] = (kept, counts[0], {"units": "1", "long_name": "values below the first edge"})
    coords["above"] = (kept, counts[-1], {"units": "1", "long_name": "values above the last edge"})
    result = xr.DataArray(counts[1:-1], coords, ["bin", *kept], name=obj.name)
    title = obj.attrs.get("long_name") or obj.attrs.get("standard_name") or obj.name
    labels = {"long_name": f"number of values of {title}", "units": "1"}
    labels["long_name_zh"] = f"{obj.attrs.get('long_name_zh') or title}的频数"
    return described(result, obj, f"histogram(bins={len(edges) - 1}, dim={[str(one) for one in dims]})", **labels)


@dataclasses.dataclass(frozen=True)
class _Exact:
    """Quantiles of each column from its valid values (linear interpolation, type 7)."""

    q: tuple[float, ...]
    min_count: int

    def __call__(self, columns: "npt.NDArray[Any]", tile: tuple[slice, ...]) -> dict[str, Any]:  # noqa: ARG002
        flat = np.sort(columns.reshape(-1, columns.shape[-1]), axis=1)  # missing values come last
        count = (~np.isnan(flat)).sum(axis=1)
        found = np.full((len(self.q), len(flat)), np.nan)
        enough = np.flatnonzero(count >= max(1, self.min_count))
        for row, share in enumerate(self.q):
            place = share * (count[enough] - 1)
            low = np.floor(place).astype(np.int64)
            high = np.minimum(low + 1, count[enough] - 1)
            below, above = (flat[enough, at].astype(np.float64) for at in (low, high))
            found[row, enough] = below + (above - below) * (place - low)
        return {"quantile": found.reshape(len(self.q), *columns.shape[:-1])}


@dataclasses.dataclass(frozen=True, eq=False)
class _FromCounts:
    """Quantiles from counts: between two order statistics, each as far into its bin as its rank there."""

    q: tuple[float, ...]
    edges: "npt.NDArray[np.float64]"
    min_count: int

    def __call__(self, counts: "npt.NDArray[np.float64]") -> "npt.NDArray[np.float64]":
        flat = counts.reshape(len(counts), -1)
        upto = np.cumsum(flat, axis=0)
        enough = np.flatnonzero(upto[-1] >= max(1, self.min_count))
        found = np.full((len(self.q), flat.shape[1]), np.nan)
        for row, share in enumerate(self.q):
            rank = share * (upto[-1, enough] - 1)
            low = np.floor(rank)
            below = self._ranked(flat[:, enough], upto[:, enough], low)
            above = self._ranked(flat[:, enough], upto[:, enough], np.ceil(rank))
            found[row, enough] = below + (above - below) * (rank - low)
        return found.reshape(len(self.q), *counts.shape[1:])

    def _ranked(
        self, flat: "npt.NDArray[np.float64]", upto: "npt.NDArray[np.float64]", rank: "npt.NDArray[np.float64]"
    ) -> "npt.NDArray[np.float64]":
        """Value of a rank in each column; NaN outside the edges."""
        at = (upto <= rank).sum(axis=0)
        cells = np.flatnonzero((at > 0) & (at < len(flat) - 1))
        own = at[cells]
        part = (rank[cells] - upto[own - 1, cells] + 0.5) / flat[own, cells]
        values = np.full(rank.shape, np.nan)
        values[cells] = self.edges[own - 1] + (self.edges[own] - self.edges[own - 1]) * part
        return values


def _shares(q: "float | Sequence[float]") -> tuple[float, ...]:
    """Shares between 0 and 1."""
    shares = tuple(float(one) for one in np.atleast_1d(q))
    if not shares or not all(0 <= one <= 1 for one in shares):
        msg = f"q is {q!r}, need shares between 0 and 1, such as 0.9 (not 90)."
        raise InputError(msg)
    return shares


def quantile(
    obj: xr.DataArray,
    q: "float | Sequence[float]",
    dim: Hashable = "time",
    *,
    bins: "Sequence[float] | npt.NDArray[Any] | None" = None,
    min_count: int = 1,
) -> xr.DataArray:
    """
    Quantiles along a dimension: exact, or from a histogram with a bound.

    Missing values are left out. Without `bins` columns are gathered whole and sorted: exact, whatever the chunks. With
    `bins` one pass counts, in any chunking and over any number of steps, and the result is off by less than its bin is
    wide; a quantile that lies outside the bins is NaN.

    Parameters
    ----------
    obj : xarray.DataArray, shape (...)
        Any chunking; exact quantiles are read fastest from a layout for time series.
    q : float or sequence of float
        Shares between 0 and 1.
    dim : str
        Dimension along which to take them.
    bins : sequence of float, optional
        Ascending edges, such as ``numpy.arange(-2, 40, 0.01)``.
    min_count : int
        Valid values a cell must have.

    Returns
    -------
    xarray.DataArray, shape (quantile, kept dimensions)
        In float64 and the units of `obj`, lazy if `obj` is lazy. The attribute ``quantile_error`` states the bound:
        the width of the widest bin, zero for exact ones.

    Raises
    ------
    InputError
        If a share, an edge or the dimension cannot be used.
    MemoryBudgetError
        If a column of blocks does not fit the memory.

    Notes
    -----
    Exact: linear interpolation between order statistics (type 7 of Hyndman and Fan); a task holds the columns of its
    tile twice. From bins: a task holds ``8 (bins + 2)`` bytes for each cell of its partition, and one block.

    References
    ----------
    Hyndman and Fan 1996, The American Statistician 50, definition 7.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> series = xr.DataArray(np.arange(11.0), dims=["time"])
    >>> quantile(series, [0.5, 0.95]).values.tolist()
    [5.0, 9.5]
    """
    obj, shares = require_array(obj, "quantile"), _shares(q)
    dims = reduced_dims(obj, dim)
    if len(dims) != 1:
        msg = f"dim is {dim!r}, need one dimension: quantiles are taken along one."
        raise InputError(msg)
    axis = int(obj.get_axis_num(dims[0]))
    if bins is None:
        outputs = [ColumnOutput("quantile", (len(shares),))]
        values = map_columns(obj.data, _Exact(shares, min_count), axis, outputs, name=repr(obj.name))["quantile"]
        error = 0.0
    else:
        edges = _edges(bins)
        counts = run_together([_counts(obj, axis, edges)])[0]
        values, error = _from_counts(counts, _FromCounts(shares, edges, min_count)), float(np.diff(edges).max())
    coords, kept = kept_labels(obj, dims)
    coords["quantile"] = ("quantile", list(shares), {"units": "1", "long_name": "share of values below"})
    result = xr.DataArray(values, coords, ["quantile", *kept], name=obj.name)
    attributes = {key: obj.attrs[key] for key in _NAMES if key in obj.attrs}
    attributes |= {"cell_methods": appended_methods(obj.attrs, f"{over_methods(obj, dims)} quantile")}
    call = f"quantile(q={shares}, dim={str(dims[0])!r}, bins={'None' if bins is None else len(np.asarray(bins)) - 1})"
    return described(result, obj, call, **attributes, quantile_error=error)


def _counts(obj: xr.DataArray, axis: int, edges: "npt.NDArray[np.float64]") -> Steps[Any]:
    found = yield Request(obj.data, Counts((axis,), edges))
    return found["counts"]


def _from_counts(counts: Any, function: _FromCounts) -> Any:
    """Quantiles of counts, block by block."""
    if not isinstance(counts, da.Array):
        return function(counts)
    return da.map_blocks(function, counts, chunks=((len(function.q),), *counts.chunks[1:]), dtype=np.float64)
