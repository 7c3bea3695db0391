"""
Lineage: what a result was or will be made of, read off its task graph, never off attributes.

Arithmetic, ``merge`` and ``concat`` drop or mix attributes, and with them the licence of an input; the graph cannot
lose an input, because the result needs it. Sizes come from the leaves recorded with the revision: nothing is read. A
file that carries a lineage is made of what its lineage says.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from oceandata.entities import Origin
from oceandata.errors import InputError, NotFoundError
from oceandata.graph import ArrayRead, FileRead, find_reads
from oceandata.graph.collector import ARGUMENT_VALUES, store_identity
from oceandata.storage import CountingStore
from oceandata.storage.known import known_origins
from oceandata.storage.layout import read_layout
from oceandata.storage.revisions import commit_facts, data_names, extent_of
from oceandata.storage.stores import open_repository
from oceandata.storage.urls import url_scheme
from oceandata.trade.inputs import Input, Lineage, revision_name
from oceandata.trade.reopened import STAMP, read_stamp, stamp_of_revision

__all__ = ["Input", "Lineage", "MadeInMemory", "lineage", "lineage_of_reads", "standing_for_memory"]


class MadeInMemory(NamedTuple):
    """What values in memory are made of, as a recording knows it: what was read, what of it is of unknown source."""

    name: str
    arrays: Sequence[ArrayRead]
    lineage: Lineage


# The recordings that are open, innermost last: each tells what it has read by now.
_recordings: list[Callable[[], MadeInMemory]] = []


@contextmanager
def standing_for_memory(made: Callable[[], MadeInMemory]) -> Iterator[None]:
    """
    Let a recording stand for values in memory, in every lineage that is asked for meanwhile.

    Parameters
    ----------
    made : callable
        Tells what was read by now.

    Yields
    ------
    None
        The block.
    """
    _recordings.append(made)
    try:
        yield
    finally:
        _recordings.remove(made)


def _input(read: ArrayRead, store: CountingStore) -> Input:
    """Input of one stored array that a counting store serves."""
    group, _, name = read.path.strip("/").partition("/")
    below: Any = store.uncounted
    leaves = read_layout(below, group, names=[name]).leaves[name]
    sizes = [int(leaves.stored_bytes[position]) for position in read.chunks]
    with xr.open_dataset(below, engine="zarr", group=group, consolidated=False, chunks=None, decode_coords="all") as ds:
        dims = ds[name].dims
        part = ds[[name]].isel(dict(zip(dims, read.region, strict=True)))
        extent = extent_of(part)
    return Input(
        origin=store.origin.model_copy(update={"group": group}),
        variable=name,
        chunks=tuple(sorted(read.chunks)),
        stored_bytes=sum(size for size in sizes if size > 0),
        extent=extent,
        shape=tuple(part.stop - part.start for part in read.region),
        is_coordinate=name not in _data_variables(below, group),
    )


def _by_product(reads: Sequence[ArrayRead]) -> list[ArrayRead]:
    """Reads of known stores; what was opened without a product counts to the product that has the same bytes."""
    found: dict[tuple[str, ...], ArrayRead] = {}
    known = [read for read in reads if isinstance(read.store, CountingStore) and read.store.origin.snapshot]
    for read in sorted(known, key=lambda read: not read.store.origin.product):
        origin = read.store.origin
        place = (origin.repository, origin.snapshot, read.path)
        same = next((key for key in found if key[:3] == place and not origin.product), (*place, origin.product))
        found[same] = _joined(found[same], read) if same in found else read
    return list(found.values())


def _joined(one: ArrayRead, other: ArrayRead) -> ArrayRead:
    """Two reads of one array as one."""
    region = tuple(
        slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one.region, other.region, strict=True)
    )
    return dataclasses.replace(one, chunks=one.chunks | other.chunks, region=region)


def _data_variables(store: Any, group: str) -> set[str]:
    import zarr

    arrays = dict(zarr.open_group(store, path=group, mode="r").arrays())
    documents = {
        name: {"attributes": dict(array.attrs), "dimension_names": array.metadata.dimension_names}  # type: ignore[union-attr]
        for name, array in arrays.items()
    }
    return set(data_names(documents))


def lineage(*results: Any) -> Lineage:
    """
    What results were or will be made of.

    Parameters
    ----------
    *results : xarray.DataArray, xarray.Dataset or Dask collection
        Lazy objects that would be computed together.

    Returns
    -------
    Lineage
        Product, revision, variable, region, chunks, stored bytes, licence and attribution of every input, also of those
        that came through files with a lineage of their own. Inputs that were computed, persisted or opened by other
        means are listed as unattributed, never left out; within a `recording` values in memory are made of what was
        read in it by then.

    Raises
    ------
    OceanDataError
        If Dask or xarray are inside not what the graph is known to be made of.

    Notes
    -----
    Reads the recorded leaves and coordinates of the sources, not data. About 5 µs for each task that Dask has written
    out, and nothing for layers of one task a block.
    """
    parts = [part for result in results for part in _parts(result)]
    reading = find_reads(*parts)
    unattributed = set(reading.unattributed) | {_described(part) for part in parts if _is_computed(part)}
    arrays, before = list(reading.arrays), Lineage(())
    recorded: tuple[str, ...] = ()
    unattributed |= set(_labels_of_unknown_source(results, arrays))
    memory = {text for text in unattributed if _is_memory(text)}
    if memory and _recordings:
        name, more, before = _recordings[-1]()
        if more or before.inputs:
            arrays += more
            recorded = tuple(f"{text}: made of what was read in {name}" for text in sorted(memory))
            unattributed -= memory
    found = lineage_of_reads(arrays, reading.files, unattributed)
    return dataclasses.replace(_together([found, before]), recorded=tuple(sorted({*recorded, *before.recorded})))


def lineage_of_reads(
    arrays: Iterable[ArrayRead], files: Iterable[FileRead] = (), unattributed: Iterable[str] = ()
) -> Lineage:
    """
    Lineage of what was read, or will be.

    Parameters
    ----------
    arrays : iterable of ArrayRead
        Parts of stored arrays.
    files : iterable of FileRead
        Files below unattributed inputs.
    unattributed : iterable of str
        Inputs whose source is unknown.

    Returns
    -------
    Lineage
        Of all of it.
    """
    reads, texts, parts = list(arrays), set(unattributed), []
    for read in reads:
        path, origins, text = _unpinned(read)
        parts += [_without_revision(text, [path], origins)] if text else []
    for described in sorted({one.described for one in files}):
        paths = sorted({one.path for one in files if one.described == described})
        parts.append(_without_revision(described, paths, [one for path in paths for one in known_origins(path)]))
        texts.discard(described)
    parts += _results_before(reads)
    inputs = [_input(read, read.store) for read in _by_product(reads)]
    inputs.sort(key=lambda one: (one.is_coordinate, one.origin.name, one.variable))
    return _together([Lineage(tuple(inputs), tuple(texts)), *parts])


def _without_revision(text: str, paths: Sequence[str], origins: Sequence[Origin]) -> Lineage:
    """What is known of an input that records no revision: the lineage in its files, and what the catalogue says."""
    stamps = [_stamped(path) for path in paths]
    through = _together([one for one in stamps if one])
    explained = bool(stamps) and all(stamps)
    own = tuple(one for one in origins if not explained or _is_another(one, through))
    return _together([through, Lineage((), () if explained and not own else (text,), own)])


def _unpinned(read: ArrayRead) -> tuple[str, list[Origin], str]:
    """Folder of an array that has no revision, what is known of it, and what to call it; no words if it has one."""
    store: Any = read.store
    if not isinstance(store, CountingStore):
        folder = getattr(store, "root", "")
        return str(folder), [], f"array {read.path!r} of a store that was not opened through oceandata"
    if store.origin.snapshot:
        return "", [], ""
    place = store.origin.repository
    named = [store.origin] if store.origin.product or store.origin.entry else []
    called = store.origin.name if named else Path(place).name if url_scheme(place) == "file" else place
    return place, named, f"array {read.path!r} of the plain Zarr {called}, which records no revision"


def _is_another(origin: Origin, stamped: Lineage) -> bool:
    """Whether a file with a lineage is a product of its own beside those it was made of."""
    return bool(origin.product) and origin.product not in {one.origin.product for one in stamped.inputs}


def _results_before(reads: Iterable[ArrayRead]) -> list[Lineage]:
    """Lineages of the revisions that are no product but a result, as their stamps tell."""
    found: dict[tuple[str, ...], Lineage | None] = {}
    for read in reads:
        store: Any = read.store
        if isinstance(store, CountingStore) and store.origin.snapshot and not store.origin.product:
            place = (*store_identity(store), read.path.strip("/").rpartition("/")[0])
            if place not in found:
                found[place] = _stamped_revision(store, place[-1])
    return [one for one in found.values() if one is not None]


def _stamped_revision(store: CountingStore, group: str) -> Lineage | None:
    """Lineage that a revision carries, None if it has none that can be read."""
    import zarr

    origin = store.origin.model_copy(update={"group": group})
    text = str(zarr.open_group(store.uncounted, path=group, mode="r").attrs.get(STAMP, ""))
    if not text:
        return None
    facts = commit_facts(open_repository(origin.repository), origin.snapshot)
    return _through(revision_name(origin), lambda: stamp_of_revision(text, facts, origin.name))


def _stamped(path: str) -> Lineage | None:
    """Lineage that a local file or folder carries, None if it has none that can be read."""
    return _through(Path(path).name, lambda: read_stamp(path))


def _through(name: str, read: Callable[[], tuple[Lineage, Any]]) -> Lineage | None:
    """Lineage of what came through a result before, None if it cannot be read."""
    try:
        found, _ = read()
    except (NotFoundError, InputError):
        return None
    inputs = tuple(dataclasses.replace(one, through=one.through or name) for one in found.inputs)
    return dataclasses.replace(found, inputs=inputs)


def _together(parts: Sequence[Lineage]) -> Lineage:
    """Several lineages as one, equal inputs once."""
    return Lineage(
        inputs=tuple(dict.fromkeys(one for part in parts for one in part.inputs)),
        unattributed=tuple(sorted({text for part in parts for text in part.unattributed})),
        unpinned=tuple(dict.fromkeys(one for part in parts for one in part.unpinned)),
        recorded=tuple(sorted({text for part in parts for text in part.recorded})),
    )


def _is_memory(text: str) -> bool:
    """Whether what is unattributed are values that were computed before."""
    return text.startswith("array in memory") or text.endswith("in the memory of a cluster")


def _is_computed(part: Any) -> bool:
    """Whether a result holds values already, however few; a grid mapping (one whole number or text) is none."""
    values = part.variable._data if isinstance(part, xr.DataArray) else part
    return isinstance(values, np.ndarray) and (values.ndim > 0 or values.dtype.kind in "fc")


def _described(part: Any) -> str:
    return f"array in memory {tuple(part.shape)} {part.dtype}"


def _labels_of_unknown_source(results: Sequence[Any], reads: Sequence[ArrayRead]) -> Iterator[str]:
    """
    Coordinates in memory that may hold another product, unless all their values are those of a stored coordinate.

    Looked at are numbers along two dimensions or more and decimal numbers along one, without those of an index.
    """
    stored: dict[tuple[str, ...], Any] = {}
    for result in results:
        if not isinstance(result, xr.Dataset | xr.DataArray):
            continue
        for name, coord in result.coords.items():
            values = coord.variable._data
            if name in result.indexes or not isinstance(values, np.ndarray) or values.size <= ARGUMENT_VALUES:
                continue
            if values.dtype.kind not in ("fciu" if values.ndim > 1 else "fc"):
                continue
            if not any(
                np.isin(values[values == values], one).all() for one in _stored(str(name), values, reads, stored)
            ):
                yield f"{_described(values)}, coordinate {name!r}"


def _stored(name: str, values: Any, reads: Sequence[ArrayRead], known: dict[tuple[str, ...], Any]) -> Iterator[Any]:
    """Values of the stored coordinates of a name, in the groups that are read."""
    for read in reads:
        store: Any = read.store
        if not isinstance(store, CountingStore):
            continue
        group = read.path.strip("/").rpartition("/")[0]
        place = (*store_identity(store), group, name)
        if place not in known:
            below: Any = store.uncounted
            options: Any = {"engine": "zarr", "consolidated": False, "chunks": None, "decode_coords": "all"}
            with xr.open_dataset(below, group=group, **options) as ds:
                known[place] = ds.coords[name].values if name in ds.coords else np.zeros(0, values.dtype)
        yield known[place]


def _parts(result: Any) -> list[Any]:
    """Variables of a result without the labels that are in memory: those are no inputs."""
    if isinstance(result, xr.Dataset):
        return [part for name in result.data_vars for part in _parts(result[name])]
    if isinstance(result, xr.DataArray):
        labels = [name for name, coord in result.coords.items() if isinstance(coord.variable._data, np.ndarray)]
        return [result.drop_vars([*labels, *result.indexes], errors="ignore")]
    return [result]
