"""
Regridding of arrays block by block: whole maps in one task, or the shares of blocks of maps, merged.

Where a block holds whole maps, a block of the result comes from one block, so that whatever streams (a climatology of
regridded maps) inlines it. Where maps are cut into blocks, each block gives the sums over its own cells for the target
cells that they touch, and those small sums are added; no block of values waits for another.
"""

import dataclasses
import itertools
import math
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
from dask.base import tokenize
from dask.delayed import delayed
from dask.layers import ArraySliceDep

from oceandata.analysis.regrid_operators import AxisOperator
from oceandata.errors import MemoryBudgetError
from oceandata.options import get_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]

__all__ = ["PointOperator", "Rule", "Separable", "regrid_points", "regrid_separable"]

# Share of the memory budget that one task may take: some run at the same time.
_TASK_SHARE = 8


@dataclasses.dataclass(frozen=True, eq=False)
class Rule:
    """
    What missing values do.

    Attributes
    ----------
    skipna : bool
        Leave missing values out, and divide by the weight of the others; else they make the target missing.
    least : numpy.ndarray, shape of the target, or float
        Weight of valid cells that a target needs; used with `skipna`.
    """

    skipna: bool
    least: "FloatArray | float"

    def finish(self, sums: "FloatArray", shares: "FloatArray") -> "FloatArray":
        """Means from sums, in place."""
        enough = shares >= self.least
        np.divide(sums, shares, out=sums, where=enough)
        sums[~enough] = np.nan
        return sums


def _native(maps: "npt.NDArray[Any]") -> "npt.NDArray[Any]":
    """Values in one of the two forms the loops are compiled for: contiguous float32 or float64."""
    wanted = np.float32 if maps.dtype.kind == "f" and maps.dtype.itemsize <= 4 else np.float64
    return np.ascontiguousarray(maps, dtype=wanted)


@dataclasses.dataclass(frozen=True, eq=False)
class Separable:
    """
    Regridding between rectilinear grids: an operator of the rows and one of the columns.

    Attributes
    ----------
    rows, columns : AxisOperator
        Weights along latitude and longitude.
    rule : Rule
        What missing values do.
    inside : numpy.ndarray of bool, shape of the source, or None
        Cells that count; the others are missing whatever they hold.
    """

    rows: AxisOperator
    columns: AxisOperator
    rule: Rule
    inside: "npt.NDArray[np.bool_] | None" = None

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the target."""
        return self.rows.targets, self.columns.targets

    def sums(self, block: "npt.NDArray[Any]") -> "tuple[FloatArray, FloatArray | None]":
        """Weighted sums, and weights of valid cells where missing ones are skipped; shape (..., rows, columns)."""
        from oceandata.analysis.regrid_kernels import plain_sums, weighted_sums

        maps = _native(block).reshape(-1, *block.shape[-2:])
        if self.inside is not None:
            maps = np.where(self.inside, maps, maps.dtype.type(np.nan))
        sums = np.empty((len(maps), *self.shape))
        shape = (*block.shape[:-2], *self.shape)
        if not self.rule.skipna:
            plain_sums(maps, *self.rows.arrays, *self.columns.arrays, sums)
            return sums.reshape(shape), None
        shares = np.empty_like(sums)
        weighted_sums(maps, *self.rows.arrays, *self.columns.arrays, sums, shares)
        return sums.reshape(shape), shares.reshape(shape)

    def finish(self, sums: "FloatArray", shares: "FloatArray | None") -> "FloatArray":
        """Values of the target; NaN where nothing lies."""
        if shares is not None:
            return self.rule.finish(sums, shares)
        sums[..., np.diff(self.rows.starts) == 0, :] = np.nan
        sums[..., np.diff(self.columns.starts) == 0] = np.nan
        return sums

    def __call__(self, block: "npt.NDArray[Any]") -> "FloatArray":
        """Regrid a block of whole maps."""
        return self.finish(*self.sums(block))


@dataclasses.dataclass(frozen=True, eq=False)
class _Share:
    """Sums over the cells of a block of a map, stacked along the rows: sums, then weights if those are needed."""

    separable: Separable

    def __call__(self, block: "npt.NDArray[Any]", place: tuple[slice, slice]) -> "FloatArray":
        own = self.separable
        _, rows = own.rows.part(place[0].start, place[0].stop)
        _, columns = own.columns.part(place[1].start, place[1].stop)
        inside = None if own.inside is None else own.inside[place]
        sums, shares = dataclasses.replace(own, rows=rows, columns=columns, inside=inside).sums(block)
        return sums if shares is None else np.concatenate([sums, shares], axis=-2)


@dataclasses.dataclass(frozen=True, eq=False)
class _Merge:
    """Add the sums of the blocks of maps, in the order of the blocks."""

    separable: Separable
    chunks: tuple[tuple[int, ...], tuple[int, ...]]

    def __call__(self, blocks: "list[list[FloatArray]]") -> "FloatArray":
        own, skipna = self.separable, self.separable.rule.skipna
        touched = [
            [operator.part(lo, hi)[0] for lo, hi in _ranges(sizes)]
            for operator, sizes in zip((own.rows, own.columns), self.chunks, strict=True)
        ]
        shape = (*blocks[0][0].shape[:-2], *own.shape)
        sums = np.zeros(shape)
        shares = np.zeros(shape) if skipna else None
        for band, rows in zip(blocks, touched[0], strict=True):
            for block, columns in zip(band, touched[1], strict=True):
                cells = _cells(rows, columns)
                sums[cells] += block[..., : rows.size, :]
                if shares is not None:
                    shares[cells] += block[..., rows.size :, :]
        return own.finish(sums, shares)


def _ranges(sizes: "Sequence[int]") -> list[tuple[int, int]]:
    edges = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    return list(itertools.pairwise(edges))


def _cells(rows: "IntArray", columns: "IntArray") -> Any:
    """Index of the cells in some rows and columns; slices where they are neighbours, which is much faster."""
    runs = [
        slice(int(one[0]), int(one[-1]) + 1) if one.size and one[-1] - one[0] == one.size - 1 else one
        for one in (rows, columns)
    ]
    if all(isinstance(run, slice) for run in runs):
        return (..., *runs)
    return (..., rows[:, None], columns)


def _check_memory(array: da.Array, source_cells: int, target_cells: int, leading: "Sequence[object]") -> None:
    """Refuse blocks whose maps on the target are too large for one task."""
    steps = math.prod(max(sizes) for sizes in array.chunks[: len(leading)])
    need = steps * (source_cells * array.dtype.itemsize + 2 * 8 * target_cells)
    budget = get_options().memory_bytes // _TASK_SHARE
    if need <= budget:
        return
    fitting = max(1, steps * budget // need)
    way = "Choose a smaller target, or raise the option memory_bytes."
    if leading and need // steps <= budget:
        dim = max(range(len(leading)), key=lambda at: max(array.chunks[at]))
        size = max(1, max(array.chunks[dim]) * fitting // steps)
        way = f"Chunk it smaller, obj.chunk({{{leading[dim]!r}: {size}}}), or raise the option memory_bytes."
    msg = (
        f"regridding takes {need / 1e9:.2g} GB in one task ({steps} maps of {source_cells} cells to {target_cells}), "
        f"the budget of one is {budget / 1e9:.2g} GB. {way}"
    )
    raise MemoryBudgetError(msg)


def regrid_separable(
    array: "da.Array | npt.NDArray[Any]", separable: Separable, leading: "Sequence[object]"
) -> "da.Array | FloatArray":
    """
    Regrid an array between rectilinear grids.

    Parameters
    ----------
    array : dask.array.Array or numpy.ndarray, shape (..., ny, nx)
        Values.
    separable : Separable
        Operators and rule.
    leading : sequence of str
        Names of the dimensions before the last two, for messages.

    Returns
    -------
    dask.array.Array or numpy.ndarray, shape (..., rows, columns)
        Float64, lazy if `array` is; each block holds whole maps, chunks before the last two dimensions are kept.

    Raises
    ------
    MemoryBudgetError
        If the maps of one block take more than an eighth of the option ``memory_bytes``.
    """
    if not isinstance(array, da.Array):
        return separable(np.asarray(array))
    first, second = (max(sizes) for sizes in array.chunks[-2:])
    _check_memory(array, first * second, math.prod(separable.shape), leading)
    index = tuple(range(array.ndim))
    meta = np.empty((0,) * array.ndim)
    y, x = index[-2:]
    if array.numblocks[-2:] == (1, 1):
        sizes = {y: separable.shape[0], x: separable.shape[1]}
        return _blockwise(separable, index, array, index, adjust_chunks=sizes, meta=meta)
    chunks = array.chunks[-2:]
    stacked = 2 if separable.rule.skipna else 1
    touched = [
        tuple(operator.part(lo, hi)[0].size for lo, hi in _ranges(sizes))
        for operator, sizes in zip((separable.rows, separable.columns), chunks, strict=True)
    ]
    shares = _blockwise(
        _Share(separable),
        index,
        array,
        index,
        ArraySliceDep(chunks),
        (y, x),
        adjust_chunks={y: tuple(stacked * size for size in touched[0]), x: touched[1]},
        meta=meta,
    )
    result = (*index[:-2], array.ndim, array.ndim + 1)
    sizes = {array.ndim: separable.shape[0], array.ndim + 1: separable.shape[1]}
    return _blockwise(_Merge(separable, chunks), result, shares, index, new_axes=sizes, concatenate=False, meta=meta)


def _blockwise(function: Any, index: tuple[int, ...], *arguments: Any, meta: Any, **options: Any) -> da.Array:
    """Dask's blockwise in float64, nothing realigned."""
    name = f"regrid-{tokenize(function, *(getattr(one, 'name', one) for one in arguments), options)}"
    made: da.Array = da.blockwise(
        function, index, *arguments, name=name, dtype=np.float64, meta=meta, align_arrays=False, **options
    )
    return made


@dataclasses.dataclass(frozen=True, eq=False)
class PointOperator:
    """
    Regridding to or from a grid that is not rectilinear: a few cells of the source for each target.

    Attributes
    ----------
    sources : numpy.ndarray of int64, shape (targets, k)
        Cells of the source, flattened.
    weights : numpy.ndarray of float64, shape (targets, k)
        Their weights; all zero where a target has no source.
    source_dims : int
        Number of dimensions of the source grid.
    shape : tuple of int
        Shape of the target.
    rule : Rule
        What missing values do.
    """

    sources: "IntArray"
    weights: "FloatArray"
    source_dims: int
    shape: tuple[int, ...]
    rule: Rule

    def __call__(self, block: "npt.NDArray[Any]") -> "FloatArray":
        """Regrid a block of whole maps."""
        from oceandata.analysis.regrid_kernels import plain_point_sums, point_sums

        leading = block.shape[: block.ndim - self.source_dims]
        maps = _native(block).reshape(math.prod(leading), -1)
        sums = np.empty((len(maps), len(self.sources)))
        if self.rule.skipna:
            shares = np.empty_like(sums)
            point_sums(maps, self.sources, self.weights, sums, shares)
            self.rule.finish(sums, shares)
        else:
            plain_point_sums(maps, self.sources, self.weights, sums)
            sums[:, ~self.weights.any(axis=1)] = np.nan
        return sums.reshape(*leading, *self.shape)


def _on_points(block: Any, operator: PointOperator) -> "FloatArray":
    """Regrid the blocks of whole maps: joined by Dask, or nested in lists along contracted dimensions."""
    return operator(np.asarray(block))


def regrid_points(
    array: "da.Array | npt.NDArray[Any]", operator: PointOperator, leading: "Sequence[object]"
) -> "da.Array | FloatArray":
    """
    Regrid an array by a few cells for each target.

    Parameters
    ----------
    array : dask.array.Array or numpy.ndarray, shape (..., source grid)
        Values.
    operator : PointOperator
        Cells, weights and rule.
    leading : sequence of str
        Names of the dimensions before those of the grid, for messages.

    Returns
    -------
    dask.array.Array or numpy.ndarray, shape (..., target)
        Float64, lazy if `array` is. A task holds the whole maps of one block of the leading dimensions, joined if they
        are cut into blocks.

    Raises
    ------
    MemoryBudgetError
        If those maps take more than an eighth of the option ``memory_bytes``.
    """
    if not isinstance(array, da.Array):
        return operator(np.asarray(array))
    count, source = array.ndim - operator.source_dims, math.prod(array.shape[array.ndim - operator.source_dims :])
    _check_memory(array, source, len(operator.sources), leading)
    index = tuple(range(array.ndim))
    shared = delayed(operator, pure=True, traverse=False)
    single = all(len(sizes) == 1 for sizes in array.chunks[count:])
    meta = np.empty((0,) * (count + len(operator.shape)))
    if single and len(operator.shape) == operator.source_dims:
        sizes = dict(zip(index[count:], operator.shape, strict=True))
        return _blockwise(_on_points, index, array, index, shared, None, adjust_chunks=sizes, meta=meta)
    fresh = tuple(range(array.ndim, array.ndim + len(operator.shape)))
    return _blockwise(
        _on_points,
        (*index[:count], *fresh),
        array,
        index,
        shared,
        None,
        new_axes=dict(zip(fresh, operator.shape, strict=True)),
        concatenate=True,
        meta=meta,
    )
