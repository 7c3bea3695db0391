"""What of a stored array lies in a part of an opened one: selections made at opening, looked through."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata.graph.collector import lazy_chain, store_identity, zarr_array_of
from oceandata.graph.regions import Line, Region, chosen, line_of

if TYPE_CHECKING:
    import zarr

__all__ = ["Selected", "Sources"]


@dataclasses.dataclass
class Selected:
    """
    The values of one stored array that a result is made of.

    Attributes
    ----------
    array : zarr.Array
        The array, with its store.
    path : str
        Its path inside the store.
    regions : set of Region
        Positions along each dimension; regions may overlap.
    rounded : bool
        True if a selection could not be followed through a computation, so that whole blocks count.
    """

    array: "zarr.Array[Any]"
    path: str
    regions: set[Region] = dataclasses.field(default_factory=set)
    rounded: bool = False


class Sources:
    """Opened arrays, and what of the stored ones below them is needed."""

    def __init__(self) -> None:
        self.found: dict[tuple[Any, str], Selected] = {}
        self._openings: dict[int, tuple[Any, ...]] = {}

    def take(self, wrapped: Any, index: Any, need: tuple[Line, ...] | None = None, *, rounded: bool = False) -> None:
        """
        Record that a part of an opened array is needed.

        Parameters
        ----------
        wrapped : object
            The array as xarray wraps it, or a Zarr array; others are passed over.
        index : tuple
            The block that a task takes of it.
        need : tuple of Line, optional
            Positions in that block; all of it by default.
        rounded : bool
            Whether less may be needed.
        """
        array, place, key, points, _ = self._opening(wrapped)
        if array is None:
            return
        index = index if isinstance(index, tuple) else (index,)
        wanted = iter(need or ())
        lines = []
        for part, size in zip(index, wrapped.shape, strict=True):
            dropped = isinstance(part, int | np.integer)
            lines.append(line_of(part, size) if dropped or need is None else chosen(part, size, next(wanted)))
        selected = self.found.setdefault(place, Selected(array, array.path))
        selected.regions.update(_point_regions(key, lines) if points else [_stored_region(key, lines)])
        selected.rounded |= rounded

    def _opening(self, wrapped: Any) -> tuple[Any, ...]:
        """Stored array below an opened one, what was selected of it at opening, and whether that is points."""
        if id(wrapped) not in self._openings:
            array = zarr_array_of(wrapped)
            key, points = _opened(wrapped, array) if array is not None else ((), False)
            place = (store_identity(array.store), array.path) if array is not None else None
            self._openings[id(wrapped)] = (array, place, key, points, wrapped)
        return self._openings[id(wrapped)]


def _opened(wrapped: Any, array: Any) -> tuple[tuple[Any, ...], bool]:
    """What was selected at opening: of each stored dimension a number, a range or positions; or arrays of points."""
    from xarray.core.indexing import LazilyIndexedArray, LazilyVectorizedIndexedArray, VectorizedIndexer

    kinds = (LazilyIndexedArray, LazilyVectorizedIndexedArray)
    lazy = next((layer for layer in lazy_chain(wrapped) if isinstance(layer, kinds)), None)
    if lazy is None:
        return tuple(map(range, array.shape)), False
    key = tuple(lazy.key.tuple)
    if isinstance(lazy.key, VectorizedIndexer):
        return tuple(np.asarray(part) for part in key), True
    return tuple(_opened_part(part, size) for part, size in zip(key, array.shape, strict=True)), False


def _opened_part(part: Any, size: int) -> Any:
    if isinstance(part, int | np.integer):
        return int(part) % size
    if isinstance(part, slice):
        return range(*part.indices(size))
    values = np.asarray(part)
    return np.flatnonzero(values) if values.dtype == bool else values.astype(np.int64) % size


def _stored_region(key: Sequence[Any], lines: Sequence[Line]) -> Region:
    """Positions in the stored array of positions in the opened one."""
    own = iter(lines)
    region: list[range | tuple[int, ...]] = []
    for part in key:
        if isinstance(part, int):
            region.append(range(part, part + 1))
            continue
        line = next(own)
        if isinstance(part, range) and isinstance(line, range):
            stretch = part[line.start : line.stop : line.step]
            region.append(stretch if stretch.step > 0 else stretch[::-1])
        else:
            region.append(tuple(sorted({int(part[place]) for place in line or ()})))
    return tuple(region)


def _point_regions(key: Sequence[Any], lines: Sequence[Line]) -> Iterator[Region]:
    """Regions of arrays that broadcast to points, or to a transposed box."""
    places = [np.asarray(line, dtype=np.int64) for line in lines]
    taken = [part[np.ix_(*places)] for part in np.broadcast_arrays(*key)]
    axes = [axis for part in key for axis in range(part.ndim) if part.shape[axis] > 1]
    if len(set(axes)) == len(axes):
        yield tuple(tuple(np.unique(part).tolist()) for part in taken)
        return
    for row in np.unique(np.stack([part.ravel() for part in taken], axis=-1), axis=0).tolist():
        yield tuple((place,) for place in row)
