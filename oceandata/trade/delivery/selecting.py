"""Which stored chunks meet a selection."""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata.storage.chunks import chunk_count
from oceandata.storage.revisions import data_names

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ArrayBox", "array_box", "array_boxes", "chunk_ranges"]

#: Half-open ranges of positions that follow each other.
Ranges = tuple[tuple[int, int], ...]


@dataclasses.dataclass(frozen=True)
class ArrayBox:
    """
    Chunks of one array that are delivered.

    Attributes
    ----------
    name : str
        The array.
    dims : tuple of str
        Names of its dimensions.
    shape, chunks, grid : tuple of int
        Size of the array and of a chunk, and number of chunks, along each dimension.
    ranges : tuple of Ranges
        Chunks taken along each dimension.
    is_coordinate : bool
        True for what says where the values lie.
    """

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    grid: tuple[int, ...]
    ranges: tuple[Ranges, ...]
    is_coordinate: bool

    @property
    def count(self) -> int:
        """Number of chunks, stored or not."""
        return math.prod(sum(stop - start for start, stop in part) for part in self.ranges)

    def positions(self) -> Iterator[tuple[int, ...]]:
        """Places in the chunk grid, last dimension fastest."""
        return itertools.product(
            *(itertools.chain.from_iterable(itertools.starmap(range, part)) for part in self.ranges)
        )

    def cells(self) -> dict[str, "npt.NDArray[np.int64]"]:
        """Positions of all values in these chunks, by dimension."""
        return {
            dim: np.concatenate([np.arange(a * chunk, min(b * chunk, size)) for a, b in part] or [np.arange(0)])
            for dim, size, chunk, part in zip(self.dims, self.shape, self.chunks, self.ranges, strict=True)
        }


def chunk_ranges(taken: Sequence[tuple[int, int]], chunk: int) -> Ranges:
    """
    Chunks that hold any of some positions.

    Parameters
    ----------
    taken : sequence of (int, int)
        Half-open ranges of positions, in order.
    chunk : int
        Length of a chunk.

    Returns
    -------
    Ranges
        In order; what touches is one range.

    Examples
    --------
    >>> chunk_ranges([(0, 3), (4, 6), (20, 21)], 5)
    ((0, 2), (4, 5))
    """
    merged: list[tuple[int, int]] = []
    for start, stop in taken:
        first, last = start // chunk, math.ceil(stop / chunk)
        if merged and first <= merged[-1][1]:
            first, last = merged[-1][0], max(last, merged.pop()[1])
        merged.append((first, last))
    return tuple(merged)


def array_boxes(
    documents: Mapping[str, Mapping[str, Any]],
    variables: Sequence[str],
    taken: Mapping[str, Sequence[tuple[int, int]]],
) -> tuple[ArrayBox, ...]:
    """
    Chunks of all arrays that a selection needs.

    Parameters
    ----------
    documents : mapping of str to mapping
        ``zarr.json`` of each array of the layout.
    variables : sequence of str
        Data variables, by native name.
    taken : mapping of str to sequence of (int, int)
        Positions by dimension, half-open; all of a dimension that is not named.

    Returns
    -------
    tuple of ArrayBox
        The variables, and the coordinates, edges and grid mappings that lie on their dimensions, by name. A coordinate
        of one dimension of its own name is taken whole: without all of it the dataset could not be opened.
    """
    dims = {dim for name in variables for dim in documents[name]["dimension_names"]}
    data = set(data_names(dict(documents)))  # type: ignore[arg-type]
    found = []
    for name in sorted(documents):
        document = documents[name]
        own = tuple(document.get("dimension_names") or ())
        if name in variables or (name not in data and _belongs(own, dims)):
            found.append(array_box(name, document, taken, is_coordinate=name not in data))
    return tuple(found)


def array_box(
    name: str, document: Mapping[str, Any], taken: Mapping[str, Sequence[tuple[int, int]]], *, is_coordinate: bool
) -> ArrayBox:
    """
    Chunks of one array that a selection needs.

    Parameters
    ----------
    name : str
        The array.
    document : mapping
        Its ``zarr.json``.
    taken : mapping of str to sequence of (int, int)
        Positions by dimension, half-open; all of a dimension that is not named.
    is_coordinate : bool
        True for what says where the values lie.

    Returns
    -------
    ArrayBox
        All chunks of a coordinate of one dimension of its own name; of the others those that are met.
    """
    dims = tuple(document.get("dimension_names") or ())
    shape = tuple(document["shape"])
    chunks = tuple(document["chunk_grid"]["configuration"]["chunk_shape"])
    grid = chunk_count(shape, chunks)
    ranges = tuple(
        ((0, count),) if dims == (name,) or dim not in taken else chunk_ranges(taken[dim], chunk)
        for dim, chunk, count in zip(dims, chunks, grid, strict=True)
    )
    return ArrayBox(name, dims, shape, chunks, grid, ranges, is_coordinate)


def _belongs(own: tuple[str, ...], dims: set[str]) -> bool:
    """Whether a coordinate says something of these dimensions; edges have one more, which is nobody's."""
    return not own or own[0] in dims
