"""Which chunks of which stored array are taken: indices, laid over the grid of chunks and gathered by array."""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata.graph.hidden import carried

if TYPE_CHECKING:
    import numpy.typing as npt
    import zarr

__all__ = [
    "ARGUMENT_VALUES",
    "ArrayRead",
    "Collector",
    "FileRead",
    "composed",
    "lazy_chain",
    "lazy_layer",
    "store_identity",
    "zarr_array_of",
]

#: Up to so many values in memory, all of a graph together and equal ones once, are arguments (weights, keys, scalars),
#: not an input that needs a source.
ARGUMENT_VALUES = 16

Spans = tuple[tuple[int, int], ...]


@dataclasses.dataclass
class ArrayRead:
    """
    The part of one stored array that will be read.

    Attributes
    ----------
    array : zarr.Array
        The array, with its store.
    path : str
        Its path inside the store.
    chunks : set of tuple of int
        Positions in the chunk grid.
    region : tuple of slice
        Smallest box that holds everything read.
    asked : int
        How often a task asks for a chunk: more than there are chunks where some are read again.
    """

    array: "zarr.Array[Any]"
    path: str
    chunks: set[tuple[int, ...]]
    region: tuple[slice, ...]
    asked: int

    @property
    def store(self) -> Any:
        """Store that serves the bytes."""
        return self.array.store


@dataclasses.dataclass(frozen=True, order=True)
class FileRead:
    """
    A file that xarray opened and from which values will be read.

    Attributes
    ----------
    path : str
        Where it is.
    described : str
        What is taken of it, as among the unattributed inputs.
    """

    path: str
    described: str


def _files_of(wrapped: Any) -> Iterator[str]:
    """Paths of the files below xarray's lazy wrappers; none if they are not known."""
    for layer in lazy_chain(wrapped):
        path = getattr(getattr(layer, "datastore", None), "_filename", None)
        if path:
            yield str(path)
        for piece in getattr(layer, "pieces", ()):  # a series of files
            yield from _files_of(getattr(piece, "_data", None))


def lazy_chain(wrapped: Any) -> Iterator[Any]:
    """
    An array-like and what it wraps, outermost first.

    Parameters
    ----------
    wrapped : object
        Values of a variable.

    Yields
    ------
    object
        One layer after the other.
    """
    seen = 0
    while wrapped is not None and seen < 30:
        yield wrapped
        innermost = isinstance(wrapped, np.ndarray) or type(wrapped).__module__.split(".")[0] == "pandas"
        wrapped = None if innermost else getattr(wrapped, "array", None)
        seen += 1


def zarr_array_of(wrapped: Any) -> "zarr.Array[Any] | None":
    """
    Zarr array below xarray's lazy wrappers.

    Parameters
    ----------
    wrapped : object
        Values of a variable, before they are chunked.

    Returns
    -------
    zarr.Array or None
        None if something else is there.
    """
    import zarr

    for layer in lazy_chain(wrapped):
        if isinstance(layer, zarr.Array):
            return layer
        if hasattr(layer, "get_array") and type(layer).__name__ == "ZarrArrayWrapper":
            found = layer.get_array()
            return found if isinstance(found, zarr.Array) else None
    return None


def store_identity(store: Any) -> tuple[str, ...]:
    """
    Equal for stores that serve the same bytes.

    Parameters
    ----------
    store : object
        A store of Zarr.

    Returns
    -------
    tuple of str
        What the store says of itself.
    """
    tokenize = getattr(store, "__dask_tokenize__", None)
    return tuple(tokenize()) if callable(tokenize) else (type(store).__name__, str(store))


def lazy_layer(wrapped: Any) -> Any:
    """
    Layer of xarray that remembers what was selected before an array was chunked.

    Parameters
    ----------
    wrapped : object
        Values of a variable, before they are chunked.

    Returns
    -------
    object or None
        None if there is none.
    """
    from xarray.core.indexing import LazilyIndexedArray, LazilyVectorizedIndexedArray

    kinds = (LazilyIndexedArray, LazilyVectorizedIndexedArray)
    return next((layer for layer in lazy_chain(wrapped) if isinstance(layer, kinds)), None)


def composed(wrapped: Any, index: tuple[Any, ...]) -> tuple[tuple[Any, ...], bool]:
    """
    Index into the stored array: what was selected at opening, then what the task takes of it.

    Parameters
    ----------
    wrapped : object
        What the task takes a part of.
    index : tuple
        Which part.

    Returns
    -------
    tuple
        The index, and whether its parts are arrays that broadcast to points: so after a selection of points, or a
        transposition, at opening.
    """
    from xarray.core.indexing import BasicIndexer, OuterIndexer, VectorizedIndexer

    key = tuple(part for part in index if part is not None)
    lazy = lazy_layer(wrapped)
    if lazy is None:
        return key, False
    if len(key) == lazy.ndim:
        basic = all(isinstance(part, int | np.integer | slice) for part in key)
        lazy = lazy[BasicIndexer(key)] if basic else lazy.oindex[OuterIndexer(tuple(_outer(part) for part in key))]
    return tuple(lazy.key.tuple), isinstance(lazy.key, VectorizedIndexer)


def _outer(part: Any) -> Any:
    return np.asarray(part) if isinstance(part, list) else part


def _chunk_numbers(part: Any, size: int, chunk: int) -> "npt.NDArray[np.int64]":
    """Numbers of the chunks that one part of an index touches."""
    if isinstance(part, int | np.integer):
        return np.array([(int(part) % size) // chunk])
    if isinstance(part, slice):
        chosen = range(*part.indices(size))
        if not chosen:
            return np.zeros(0, np.int64)
        if abs(chosen.step) <= chunk:
            lo, hi = sorted((chosen[0], chosen[-1]))
            return np.arange(lo // chunk, hi // chunk + 1)
        return np.unique(np.asarray(chosen) // chunk)
    values = np.asarray(part)
    values = np.flatnonzero(values) if values.dtype == bool else values
    return np.unique((values.astype(np.int64) % size) // chunk)


def _chunk_grid(
    key: tuple[Any, ...], points: bool, shape: Sequence[int], grain: Sequence[int]
) -> "npt.NDArray[np.int64]":
    """Positions of the chunks that an index touches, one a row."""
    axes = [axis for part in key if points for axis, size in enumerate(part.shape) if size > 1]
    if points and len(axes) != len(set(axes)):
        numbers = [(part.astype(np.int64) % size) // chunk for part, size, chunk in zip(key, shape, grain, strict=True)]
        return np.unique(np.stack(np.broadcast_arrays(*numbers), axis=-1).reshape(-1, len(numbers)), axis=0)
    numbers = [_chunk_numbers(part, size, chunk) for part, size, chunk in zip(key, shape, grain, strict=True)]
    if not numbers:
        return np.zeros((1, 0), np.int64)
    return np.stack(np.meshgrid(*numbers, indexing="ij"), axis=-1).reshape(-1, len(numbers))


def _extent(part: Any, size: int) -> slice:
    """Smallest range that holds what one part of an index takes."""
    if isinstance(part, slice):
        chosen = range(*part.indices(size))
        if not chosen:
            return slice(0, 0)
        lo, hi = sorted((chosen[0], chosen[-1]))
        return slice(lo, hi + 1)
    values = np.atleast_1d(np.asarray(part))
    values = np.flatnonzero(values) if values.dtype == bool else values.astype(np.int64) % size
    return slice(int(values.min()), int(values.max()) + 1) if values.size else slice(0, 0)


def _run(part: Any) -> tuple[int, int] | None:
    """Range of a plain slice or of one position, None for anything else."""
    if type(part) is slice:
        plain = part.step in (None, 1) and part.start is not None and part.stop is not None
        return (part.start, part.stop) if plain and 0 <= part.start < part.stop else None
    return (part, part + 1) if type(part) is int and part >= 0 else None


class _Source:
    """One array-like that tasks take parts of, and how a plain index into it maps to the stored array."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped  # kept, so that its id stays its own
        self.array = zarr_array_of(wrapped)
        if self.array is None:
            return
        self.lazy = lazy_layer(wrapped)
        self.shape: tuple[int, ...] = tuple(self.array.shape)
        self.grain: tuple[int, ...] = tuple(self.array.shards or self.array.chunks)
        self.place = (store_identity(self.array.store), self.array.path)
        self._base = self._plain_base()

    def _plain_base(self) -> list[tuple[int, int | None]] | None:
        """Of each stored axis its start and, where it was left out, its one position; None where that is not plain."""
        if self.lazy is None:
            return [(0, None)] * len(self.shape)
        base: list[tuple[int, int | None]] = []
        for part, size in zip(self.lazy.key.tuple, self.shape, strict=True):
            if isinstance(part, int | np.integer):
                base.append((0, int(part) % size))
            elif isinstance(part, slice) and part.indices(size)[2] == 1:
                base.append((part.indices(size)[0], None))
            else:
                return None
        return base

    def spans(self, index: tuple[Any, ...]) -> Spans | None:
        """Ranges of the stored array, one an axis, that a plain index takes; None if it is not plain."""
        if self._base is None:
            return None
        parts = iter(index)
        found = []
        for start, fixed in self._base:
            if fixed is not None:
                found.append((fixed, fixed + 1))
                continue
            run = _run(next(parts, None))
            if run is None:
                return None
            found.append((start + run[0], start + run[1]))
        inside = all(hi <= size for (_, hi), size in zip(found, self.shape, strict=True))
        return tuple(found) if inside and next(parts, None) is None else None


class _Gathered:
    """What was gathered of one stored array."""

    def __init__(self, array: Any) -> None:
        self.array = array
        self.chunks: set[tuple[int, ...]] = set()
        self.asked = 0
        self.low: list[int] | None = None
        self.high: list[int] = []

    def widen(self, extents: Sequence[tuple[int, int]]) -> None:
        """Let the region hold these ranges too."""
        if self.low is None:
            self.low, self.high = [lo for lo, _ in extents], [hi for _, hi in extents]
            return
        for axis, (lo, hi) in enumerate(extents):
            if lo < self.low[axis]:
                self.low[axis] = lo
            if hi > self.high[axis]:
                self.high[axis] = hi

    def read(self) -> ArrayRead:
        """The same as a record."""
        nothing = [0] * len(self.array.shape)
        low, high = (nothing, nothing) if self.low is None else (self.low, self.high)
        region = tuple(slice(lo, hi) for lo, hi in zip(low, high, strict=True))
        return ArrayRead(self.array, self.array.path, self.chunks, region, self.asked)


class Collector:
    """
    Gathers reads by stored array, and what cannot be attributed.

    Attributes
    ----------
    unattributed : set of str
        Inputs whose source is unknown, described for people.
    files : set of FileRead
        Files below unattributed inputs.
    asks : bool
        Whether what is taken now is also asked of the store.
    """

    def __init__(self) -> None:
        self.unattributed: set[str] = set()
        self.files: set[FileRead] = set()
        self.asks = True
        self._gathered: dict[tuple[tuple[str, ...], str], _Gathered] = {}
        self._sources: dict[int, _Source] = {}
        self._searched: dict[int, Any] = {}
        self._small: set[tuple[Any, ...]] = set()
        self._small_values = 0

    def reads(self) -> tuple[ArrayRead, ...]:
        """What was gathered, in order of path and store."""
        return tuple(self._gathered[place].read() for place in sorted(self._gathered, key=lambda place: place[::-1]))

    def has_taken(self, wrapped: Any) -> bool:
        """Tell whether any part of an array-like was taken."""
        return id(wrapped) in self._sources

    def is_in_one_chunk(self, wrapped: Any, index: tuple[Any, ...]) -> bool:
        """Tell whether a plain index lies in one chunk."""
        source = self._source(wrapped)
        spans = source.spans(index) if source.array is not None else None
        return spans is not None and all(
            lo // step == (hi - 1) // step for (lo, hi), step in zip(spans, source.grain, strict=True)
        )

    def _source(self, wrapped: Any) -> _Source:
        found = self._sources.get(id(wrapped))
        if found is None:
            found = self._sources[id(wrapped)] = _Source(wrapped)
        return found

    def take(self, wrapped: Any, index: Any) -> None:
        """Record that a task takes `index` of an array-like."""
        source = self._source(wrapped)
        if source.array is None:
            self.hold(wrapped)
            return
        index = index if isinstance(index, tuple) else (index,)
        spans = source.spans(index)
        if spans is None:
            self._take_any(source, index)
            return
        ranges = [range(lo // step, (hi - 1) // step + 1) for (lo, hi), step in zip(spans, source.grain, strict=True)]
        gathered = self._of(source)
        gathered.chunks.update(itertools.product(*ranges))
        gathered.asked += math.prod(map(len, ranges)) * self.asks
        gathered.widen(spans)

    def take_blocks(self, wrapped: Any, edges: Sequence[Sequence[int]]) -> None:
        """Record that tasks take an array-like block by block, all of it, where blocks lie between `edges`."""
        source = self._source(wrapped)
        blocks = [[slice(int(lo), int(hi)) for lo, hi in itertools.pairwise(along)] for along in edges]
        whole = tuple(slice(int(along[0]), int(along[-1])) for along in edges)
        spans = source.spans(whole) if source.array is not None else None
        if source.array is None or spans is None:
            for index in itertools.product(*blocks):
                self.take(wrapped, index)
            return
        gathered, asks, ranges = self._of(source), 1, []
        lengths = iter(blocks)
        for (start, stop), step, (_, fixed) in zip(spans, source.grain, source._base or (), strict=True):
            ranges.append(range(start // step, (stop - 1) // step + 1))
            if fixed is None:
                first = start
                parts = [(first + one.start, first + one.stop) for one in next(lengths)]
                asks *= sum((hi - 1) // step - lo // step + 1 for lo, hi in parts if hi > lo)
        gathered.chunks.update(itertools.product(*ranges))
        gathered.asked += asks * self.asks
        gathered.widen(spans)

    def _take_any(self, source: _Source, index: tuple[Any, ...]) -> None:
        """Record an index of any kind."""
        key, points = composed(source.wrapped, index)
        key = key + (slice(None),) * (len(source.shape) - len(key))
        extents = [_extent(part, size) for part, size in zip(key, source.shape, strict=True)]
        grid = _chunk_grid(key, points, source.shape, source.grain)
        gathered = self._of(source)
        gathered.chunks.update(tuple(int(n) for n in row) for row in grid)
        gathered.asked += len(grid) * self.asks
        if len(grid):
            gathered.widen([(one.start, one.stop) for one in extents])

    def _of(self, source: _Source) -> _Gathered:
        found = self._gathered.get(source.place)
        if found is None:
            found = self._gathered[source.place] = _Gathered(source.array)
        return found

    def hold(self, value: Any) -> None:
        """Record values whose source is unknown."""
        shape = getattr(value, "shape", None)
        if shape is None:
            return
        if math.prod(map(int, shape)) > ARGUMENT_VALUES:
            self.report(value)
        elif isinstance(value, np.ndarray) and value.dtype.kind not in "Oiu":  # whole numbers: positions
            self._count(value)

    def search(self, thing: Any, *, positions: bool = False) -> None:
        """Record the values of unknown source that a function or an argument carries; positions are none."""
        for value in carried(thing, {} if positions else self._searched):
            if isinstance(value, np.ndarray):
                if not (positions and value.dtype.kind in "iub"):
                    self.hold(value)
            else:
                self.hold(np.asarray(value))

    def _count(self, value: Any) -> None:
        """Count few values: too many of them together are an input too."""
        content = (value.dtype.str, value.shape, value.tobytes())
        if content in self._small:
            return
        self._small.add(content)
        self._small_values += value.size
        if self._small_values > ARGUMENT_VALUES:
            self.unattributed.add(f"array in memory, in small pieces of more than {ARGUMENT_VALUES} values together")

    def report(self, value: Any) -> None:
        """Describe values whose source is unknown."""
        innermost = list(lazy_chain(value))[-1]
        kind = "array in memory" if isinstance(innermost, np.ndarray) else type(innermost).__name__
        described = f"{kind} {tuple(value.shape)} {getattr(value, 'dtype', '')}".strip()
        self.unattributed.add(described)
        self.files |= {FileRead(path, described) for path in _files_of(value)}
