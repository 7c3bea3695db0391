"""What stores served, as parts of their arrays: keys of objects turned back into chunks."""

from collections.abc import Iterable
from typing import Any

from oceandata.entities import Origin
from oceandata.graph import ArrayRead
from oceandata.storage import CountingStore, open_store
from oceandata.storage.counting import Read, Reads
from oceandata.storage.revisions import data_names

__all__ = ["coordinate_paths", "served_arrays"]


def served_arrays(reads: Reads) -> list[ArrayRead]:
    """
    Parts of arrays that were served.

    Parameters
    ----------
    reads : Reads
        What was counted.

    Returns
    -------
    list of ArrayRead
        One for each array and origin, with its chunks; metadata belong to none.

    Raises
    ------
    NotFoundError
        If a repository is gone by now.
    """
    return [read for origin, counts in reads.sources.items() for read in _arrays_of(origin, counts)]


def _arrays_of(origin: Origin, counts: Iterable[Read]) -> list[ArrayRead]:
    """Arrays of one origin."""
    import zarr

    keys = {read.key for read in counts if "/c" in read.key or "." in read.key}
    if not keys:
        return []
    store = _reopened(origin)
    found = []
    group: Any = zarr.open_group(store.uncounted, path=origin.group or None, mode="r")
    for name, plain in group.arrays():
        path = "/".join(part for part in (origin.group, name) if part)
        chunks = set(_chunks(path, plain, keys))
        if chunks:
            array: Any = zarr.open_array(store, path=path, mode="r")
            found.append(ArrayRead(array, path, chunks, _region(array, chunks), len(chunks)))
    return found


def _reopened(origin: Origin) -> CountingStore:
    """Store of an origin, with all that the origin says."""
    if origin.snapshot:
        return open_store(origin.repository, snapshot=origin.snapshot, group=origin.group, origin=origin)
    return open_store(origin.repository, group=origin.group, origin=origin, plain=True)


def _chunks(path: str, array: Any, keys: set[str]) -> "Iterable[tuple[int, ...]]":
    """Chunks of an array among the keys of objects."""
    whole = f"{path}/{array.metadata.encode_chunk_key((0,) * array.ndim)}"
    encoding: Any = getattr(array.metadata, "chunk_key_encoding", None)
    separator = str(encoding.separator if encoding else array.metadata.dimension_separator)
    prefix = whole if array.ndim == 0 else whole[: -len(separator.join("0" * array.ndim))]
    for key in keys:
        if array.ndim == 0:
            if key == whole:
                yield ()
        elif key.startswith(prefix):
            parts = key[len(prefix) :].split(separator)
            if len(parts) == array.ndim and all(part.isdigit() for part in parts):
                yield tuple(map(int, parts))


def _region(array: Any, chunks: set[tuple[int, ...]]) -> tuple[slice, ...]:
    """Smallest box of whole chunks that holds all of them."""
    grain = array.shards or array.chunks
    found = []
    for axis, (size, step) in enumerate(zip(array.shape, grain, strict=True)):
        numbers = [chunk[axis] for chunk in chunks]
        found.append(slice(min(numbers) * step, min(size, (max(numbers) + 1) * step)))
    return tuple(found)


def coordinate_paths(origin: Origin) -> set[str]:
    """
    Paths of the arrays of a dataset that are no data.

    Parameters
    ----------
    origin : Origin
        Of the dataset.

    Returns
    -------
    set of str
        Paths in the store.

    Raises
    ------
    NotFoundError
        If the repository is not there.
    """
    import zarr

    group: Any = zarr.open_group(_reopened(origin).uncounted, path=origin.group or None, mode="r")
    arrays = dict(group.arrays())
    documents = {
        name: {"attributes": dict(one.attrs), "dimension_names": getattr(one.metadata, "dimension_names", None)}
        for name, one in arrays.items()
    }
    data = set(data_names(documents))
    return {"/".join(part for part in (origin.group, name) if part) for name in arrays if name not in data}
