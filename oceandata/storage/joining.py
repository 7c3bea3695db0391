"""
Parts of many files as one dataset: one Dask array a variable, whatever the number of files.

A block may hold the steps of many small files, or a part of one large file; profiles of unequal length are filled up
with missing values when they are read.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from oceandata.errors import SchemaMismatch
from oceandata.options import get_options
from oceandata.storage.selection import Chunks, block_sizes, check_chunks

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["FilePart", "FileSeries", "join_files"]

# What tells how numbers were packed: kept for writing only where all files agree in it.
_PACKING = ("dtype", "scale_factor", "add_offset", "_FillValue", "missing_value", "units", "calendar", "_Unsigned")


class FilePart(NamedTuple):
    """
    What is taken of one file.

    Attributes
    ----------
    ds : xarray.Dataset
        Lazy, without Dask; small coordinates are in memory.
    taken : dict of str to numpy.ndarray
        Stored positions along each dimension.
    path : pathlib.Path
        The file.
    stacked : frozenset of str
        Variables that do not run along time but differ from file to file.
    """

    ds: xr.Dataset
    taken: "dict[str, npt.NDArray[np.int64]]"
    path: Path
    stacked: frozenset[str] = frozenset()


class FileSeries:
    """
    An array in pieces, one a file, that reads what is asked of it.

    Parameters
    ----------
    pieces : sequence of xarray.Variable
        Lazy, in order, with equal dimensions.
    axis : int
        Along which they follow each other.
    shape : tuple of int
        Of the whole; shorter pieces are filled up with missing values along the other dimensions.
    """

    def __init__(self, pieces: Sequence[xr.Variable], axis: int, shape: tuple[int, ...]) -> None:
        self.pieces, self.axis, self.shape = tuple(pieces), axis, shape
        self.ndim = len(shape)
        self.edges = np.cumsum([0, *(piece.shape[axis] for piece in pieces)])
        others = [tuple(n for dim, n in enumerate(one) if dim != axis) for one in (shape, *(p.shape for p in pieces))]
        self.dtype, self.fill = _missing(pieces, filled=any(other != others[0] for other in others[1:]))

    def __getitem__(self, key: Any) -> "npt.NDArray[Any]":
        """Values at a position along each dimension: whole numbers, slices, or one list."""
        key = key if isinstance(key, tuple) else (key,)
        key = (*key, *(slice(None),) * (self.ndim - len(key)))
        wanted = [np.atleast_1d(np.arange(size)[part]) for size, part in zip(self.shape, key, strict=True)]
        values = np.full([positions.size for positions in wanted], self.fill, self.dtype)
        for number in np.unique(np.searchsorted(self.edges, wanted[self.axis], side="right") - 1):
            self._read(int(number), wanted, values)
        dropped = tuple(dim for dim, part in enumerate(key) if isinstance(part, int | np.integer))
        return values.squeeze(dropped) if dropped else values

    def _read(self, number: int, wanted: "list[npt.NDArray[np.int64]]", values: "npt.NDArray[Any]") -> None:
        """Put what is wanted of one file into its place."""
        piece = self.pieces[number]
        places, local = [], []
        for dim, positions in enumerate(wanted):
            begin = int(self.edges[number]) if dim == self.axis else 0
            inside = np.flatnonzero((positions >= begin) & (positions < begin + piece.shape[dim]))
            places.append(inside)
            local.append(_as_slice(positions[inside] - begin))
        values[np.ix_(*places)] = piece[tuple(local)].to_numpy()


def _as_slice(positions: "npt.NDArray[np.int64]") -> "slice | npt.NDArray[np.int64]":
    """Positions as a slice if they follow each other."""
    contiguous = positions.size and bool((np.diff(positions) == 1).all())
    return slice(int(positions[0]), int(positions[-1]) + 1) if contiguous else positions


def _missing(pieces: Sequence[xr.Variable], *, filled: bool) -> "tuple[np.dtype[Any], Any]":
    """Type that holds the values of all pieces, and what stands where a piece has none."""
    dtypes = {piece.dtype for piece in pieces}
    kinds = {dtype.kind for dtype in dtypes}
    dtype = np.dtype(object) if "O" in kinds else np.result_type(*dtypes)
    if dtype.kind in "iub" and filled:
        dtype = np.result_type(dtype, np.float32)
    empty: dict[str, Any] = {
        "f": np.nan,
        "c": np.nan,
        "M": np.datetime64("NaT", "ns"),
        "m": np.timedelta64("NaT", "ns"),
    }
    return dtype, empty.get(dtype.kind, {"S": b"", "U": "", "O": b""}.get(dtype.kind, 0))


def join_files(parts: Sequence[FilePart], dim: str, chunks: Chunks) -> xr.Dataset:
    """
    Parts of files as one dataset.

    Parameters
    ----------
    parts : sequence of FilePart
        In order; equal in variables, and in coordinates that do not run along `dim`.
    dim : str
        Dimension along which they follow each other; where files lack it, each is one step.
    chunks : {"auto", None} or dict
        As `oceandata.storage.open_dataset` takes it; None counts as ``"auto"``, because many files cannot be one
        array without Dask.

    Returns
    -------
    xarray.Dataset
        Data variables, and coordinates that are not in memory, backed by Dask.

    Raises
    ------
    NotFoundError, InputError
        If `chunks` cannot be used.
    SchemaMismatch
        If a coordinate that labels its dimension differs in length.
    """
    chunks = "auto" if chunks is None else chunks
    first = parts[0].ds
    check_chunks(chunks, list(dict.fromkeys([*map(str, first.dims), dim])))
    for part in parts[1:]:
        for name in first.indexes:
            if name != dim and part.ds.sizes[name] != first.sizes[name]:
                msg = f"{part.path.name} has {part.ds.sizes[name]} of {name!r}, need {first.sizes[name]} as before it."
                raise SchemaMismatch(msg)
    token = _token(parts, dim)
    variables = {str(name): _joined(parts, str(name), dim, chunks, token) for name in first.variables}
    coords = {str(name): variables.pop(str(name)) for name in first.coords}
    return xr.Dataset(variables, coords, first.attrs)


def _token(parts: Sequence[FilePart], dim: str) -> str:
    """Name of the files as they are now and of what is taken of them, for the tasks that read them."""
    from dask.base import tokenize

    states = [(str(part.path), part.path.stat().st_size, part.path.stat().st_mtime_ns) for part in parts]
    return str(tokenize(states, [sorted(part.taken.items()) for part in parts], dim))


def _is_once(part: FilePart, name: str, dim: str) -> bool:
    """Whether a variable is the same in all files; where each file is one step, only coordinates are."""
    once = name not in part.stacked and name != dim and dim not in part.ds.variables[name].dims
    return once and (dim in part.ds.dims or name in part.ds.coords)


def _joined(parts: Sequence[FilePart], name: str, dim: str, chunks: Chunks, token: str) -> xr.Variable:
    """One variable of all files."""
    first = parts[0].ds.variables[name]
    if _is_once(parts[0], name, dim):
        return _in_blocks(first, parts[0], chunks)
    pieces = [_along(part.ds.variables[name], dim, part.ds.sizes.get(dim, 1)) for part in parts]
    dims = pieces[0].dims
    axis = dims.index(dim)
    shape = [max(sizes) for sizes in zip(*(piece.shape for piece in pieces), strict=True)]
    shape[axis] = sum(piece.shape[axis] for piece in pieces)
    series = FileSeries(pieces, axis, tuple(shape))
    if name == dim or all(piece._in_memory for piece in pieces):
        return xr.Variable(dims, series[()], first.attrs, _packing(pieces))
    import dask.array
    from dask.base import tokenize

    lengths = _lengths(series, parts, dims, chunks)
    array = dask.array.from_array(
        series,
        lengths,
        name=f"{name}-{tokenize(token, name, lengths)}",
        lock=False,
        fancy=False,
        meta=np.empty((0,) * series.ndim, series.dtype),
    )
    return xr.Variable(dims, array, first.attrs, _packing(pieces))


def _in_blocks(variable: xr.Variable, part: FilePart, chunks: Chunks) -> xr.Variable:
    """Variable of the first file, which all others have too."""
    if variable._in_memory or not variable.ndim:
        return variable.copy(deep=False)
    sizes = block_sizes(variable, [part.taken[str(dim)] for dim in variable.dims], chunks)
    return variable.chunk(dict(zip(variable.dims, sizes, strict=True)))


def _along(variable: xr.Variable, dim: str, count: int) -> xr.Variable:
    """Variable that runs along a dimension: one that does not has the same values at each of its steps."""
    if dim in variable.dims:
        return variable
    return _Repeated(variable, dim, count)  # type: ignore[return-value]


class _Repeated:
    """A variable that has the same values at each step of a file, lazily."""

    def __init__(self, variable: xr.Variable, dim: str, count: int) -> None:
        self.variable, self.count = variable, count
        self.dims = (dim, *variable.dims)
        self.shape = (count, *variable.shape)
        self.ndim = len(self.shape)
        self.dtype, self.encoding, self._in_memory = variable.dtype, variable.encoding, variable._in_memory

    def __getitem__(self, key: tuple[Any, ...]) -> xr.Variable:
        """Part of it."""
        steps = np.arange(self.count)[key[0]].size
        return xr.Variable(self.dims, np.stack([self.variable[key[1:]].to_numpy()] * steps))


def _packing(pieces: Sequence[xr.Variable]) -> dict[str, Any]:
    """How all files packed the variable, if they agree; else nothing, so that it is written as it is."""
    said = [{key: piece.encoding[key] for key in _PACKING if key in piece.encoding} for piece in pieces]
    return said[0] if all(str(one) == str(said[0]) for one in said) else {}


def _lengths(series: FileSeries, parts: Sequence[FilePart], dims: Sequence[Any], chunks: Chunks) -> tuple[Any, ...]:
    """Block lengths: as in the first file where files are large, many files in one block where they are small."""
    axis = series.axis
    found: list[Any] = []
    own = _own_lengths(series, parts, chunks)
    for number in range(series.ndim):
        if number != axis:
            whole = own[0][number] if isinstance(own[0][number], int) else sum(own[0][number])
            found.append(own[0][number] if whole == series.shape[number] else series.shape[number])
    along: Any = [length for sizes in own for length in sizes[axis]]
    if chunks == "auto":
        widest = [one if isinstance(one, int) else max(one) for one in found]
        step = max(1, math.prod(widest) * series.dtype.itemsize)
        along = _gathered(along, max(1, get_options().block_bytes // step))
    elif isinstance(chunks, dict) and chunks.get(str(dims[axis])):
        along = chunks[str(dims[axis])]
    found.insert(axis, along if isinstance(along, int) else tuple(along))
    return tuple(found)


def _own_lengths(series: FileSeries, parts: Sequence[FilePart], chunks: Chunks) -> list[list[Any]]:
    """Block lengths of each file by itself."""
    found: list[list[Any]] = []
    for piece, part in zip(series.pieces, parts, strict=True):
        taken = [part.taken.get(str(dim), np.arange(size)) for dim, size in zip(piece.dims, piece.shape, strict=True)]
        sizes = block_sizes(piece, taken, chunks)
        along = sizes[series.axis]
        sizes[series.axis] = (piece.shape[series.axis],) if isinstance(along, int) else along
        found.append(list(sizes))
    return found


def _gathered(lengths: Sequence[int], most: int) -> list[int]:
    """Lengths that follow each other, together up to a number of steps."""
    gathered: list[int] = []
    for length in lengths:
        if gathered and gathered[-1] + length <= most:
            gathered[-1] += length
        else:
            gathered.append(length)
    return gathered
