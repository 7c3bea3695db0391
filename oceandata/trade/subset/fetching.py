"""Reading: the blocks of a selection into files beside the target, a few at a time."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from oceandata.errors import InputError
from oceandata.storage import counted_reads
from oceandata.trade.subset.staging import Piece, StagedArray, Staging

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["fetch", "is_packable", "staged_arrays", "streamed_names"]

_THREADS = 2
_BATCH = 4

# What was read in so many seconds is recorded at once: a kill loses no more.
_CHECKPOINT_S = 2.0


def streamed_names(ds: xr.Dataset) -> list[str]:
    """
    Variables that are read block by block; the others are small and are held in memory.

    Parameters
    ----------
    ds : xarray.Dataset
        Lazy.

    Returns
    -------
    list of str
        Names of data variables and coordinates, sorted: their order in a dataset differs from one process to another.
    """
    return sorted(
        str(name)
        for name, variable in ds.variables.items()
        if variable.chunks is not None and variable.ndim and variable.dtype.kind in "biufcmM"
    )


def staged_arrays(
    ds: xr.Dataset, staging: Staging, on_read: Callable[[int], None] | None = None
) -> dict[str, StagedArray]:
    """
    Arrays whose blocks are those of a dataset.

    Parameters
    ----------
    ds : xarray.Dataset
        Lazy.
    staging : Staging
        Where the blocks are.
    on_read : callable, optional
        Called with the bytes of each box that is read.

    Returns
    -------
    dict of str to StagedArray
        By the name of the variable.
    """
    names = streamed_names(ds)
    return {
        name: StagedArray(staging.folder, index, ds[name].chunks or (), ds[name].dtype, on_read)
        for index, name in enumerate(names)
    }


def is_packable(values: "npt.NDArray[Any]", encoding: dict[str, Any]) -> bool:
    """
    Tell whether packed numbers give back the very values.

    Parameters
    ----------
    values : numpy.ndarray
        Decoded values.
    encoding : dict
        Type of the packed numbers and the attributes by which they are read: scale, offset, and the number that stands
        for missing values.

    Returns
    -------
    bool
        True if packing and reading again changes no value and no type.

    Notes
    -----
    Takes about five times the memory of the values.

    Examples
    --------
    >>> halves = {"dtype": "int16", "scale_factor": 0.5, "_FillValue": -1}
    >>> is_packable(np.array([0.5, 1.0]), halves), is_packable(np.array([0.5, 0.7]), halves)
    (True, False)
    """
    dims = [f"d{axis}" for axis in range(values.ndim)]
    with np.errstate(all="ignore"):
        packed = xr.conventions.encode_cf_variable(xr.Variable(dims, values, {}, dict(encoding)), name="values")
        again = xr.conventions.decode_cf_variable("values", packed, decode_times=False).to_numpy()
    return again.dtype == values.dtype and np.array_equal(again, values, equal_nan=True)


class _Reader:
    """Reads one block after the other."""

    def __init__(self, ds: xr.Dataset, arrays: dict[str, StagedArray], packings: dict[str, dict[str, Any]]) -> None:
        self.ds, self.arrays, self.packings = ds, arrays, packings

    def read(self, piece: Piece) -> tuple[int, bool]:
        """Read one block into its file; its bytes, and whether its packing can hold it."""
        name, number = piece
        array = self.arrays[name]
        lazy: Any = self.ds[name].data
        block = lazy.blocks[array.position(number)]
        values = np.asarray(block.compute(scheduler="synchronous"))
        packs = name not in self.packings or is_packable(values, self.packings[name])
        try:
            array.write(number, values)
        except OSError as error:
            msg = f"cannot write to {array.folder}: {error.strerror}. Free disk space: the same request continues."
            raise InputError(msg) from error
        return values.nbytes, packs


def fetch(
    ds: xr.Dataset,
    staging: Staging,
    packings: dict[str, dict[str, Any]],
    on_progress: Callable[[int, int], None],
) -> None:
    """
    Read what is not there yet.

    Parameters
    ----------
    ds : xarray.Dataset
        Lazy.
    staging : Staging
        Where the blocks go.
    packings : dict of str to dict
        Packing of the variables that may be written packed.
    on_progress : callable
        Called with the bytes that are there and those of all.

    Raises
    ------
    InputError
        If the disk is full; what was read before is kept.

    Notes
    -----
    Two threads: memory is that of two blocks, as stored and as decoded, with what packing them takes.
    """
    arrays = staged_arrays(ds, staging)
    whole = sum(int(ds[name].nbytes) for name in arrays)
    pieces = [(name, number) for name, array in arrays.items() for number in range(math.prod(array.grid))]
    todo = deque(one for one in pieces if one not in staging.done or not arrays[one[0]].is_whole(one[1]))
    there = whole - sum(_nbytes(arrays[name], number) for name, number in todo)
    on_progress(there, whole)
    reader = _Reader(ds, arrays, packings)
    while todo:
        done: list[Piece] = []
        unpacked: set[str] = set()
        try:
            with counted_reads() as reads:
                for nbytes in _batches(reader, todo, done, unpacked):
                    there += nbytes
                    on_progress(there, whole)
        finally:
            if done:
                staging.append(done, unpacked, reads)


def _nbytes(array: StagedArray, number: int) -> int:
    return math.prod(array.lengths(number)) * array.dtype.itemsize


def _batches(reader: _Reader, todo: "deque[Piece]", done: list[Piece], unpacked: set[str]) -> Iterator[int]:
    """Read for some seconds; gives the bytes of each block."""
    until = time.monotonic() + _CHECKPOINT_S
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="subset") as threads:
        while todo and (not done or time.monotonic() < until):
            batch = [todo.popleft() for _ in range(min(_BATCH, len(todo)))]
            for piece, (nbytes, packs) in zip(batch, threads.map(reader.read, batch), strict=True):
                done.append(piece)
                if not packs:
                    unpacked.add(piece[0])
                yield nbytes
