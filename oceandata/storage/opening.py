"""A revision, or plain Zarr, as a lazy dataset: metadata first, then the selection, then blocks of storage chunks."""

import os
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import xarray as xr

from oceandata.entities import Origin
from oceandata.errors import InputError, NotFoundError
from oceandata.storage.counting import CountingStore
from oceandata.storage.damages import name_undecodable
from oceandata.storage.plain import has_consolidated
from oceandata.storage.reading import read_directly
from oceandata.storage.revisions import revision_as_of
from oceandata.storage.selection import Chunks, Region, chosen, in_blocks, selected, with_small_coordinates
from oceandata.storage.stores import open_repository, open_store
from oceandata.storage.virtual_packing import decode_packed

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["open_dataset", "stored_ranges"]


def _opened(store: CountingStore) -> xr.Dataset:
    """Layout of a store, lazily and without Dask."""
    group = store.origin.group
    try:
        ds = xr.open_dataset(
            cast("Any", store),
            engine="zarr",
            group=group or None,
            consolidated=has_consolidated(store),
            chunks=None,
            decode_coords="all",
        )
    except (FileNotFoundError, KeyError) as error:
        msg = f"there is no layout {group!r} in {store.origin.repository}, revision {store.origin.revision or 'main'}."
        raise NotFoundError(msg) from error
    return decode_packed(read_directly(ds))


def stored_ranges(
    url: str | os.PathLike[str],
    *,
    revision: str = "",
    snapshot: str = "",
    group: str = "",
    region: Region | None = None,
    time: "str | Sequence[str] | None" = None,
    depth: Sequence[float] | None = None,
    variables: Sequence[str] | str | None = None,
) -> dict[str, tuple[tuple[int, int], ...]]:
    """
    Positions that a selection takes of the stored arrays.

    Parameters
    ----------
    url : str or path
        The repository.
    revision, snapshot, group : str
        Which state, and which layout: all layouts have the same positions.
    region, time, depth, variables : object
        As `open_dataset` takes them.

    Returns
    -------
    dict of str to tuple of (int, int)
        Ranges (start, stop) along each dimension, in stored order; two where a region lies across the seam.
    """
    store = open_store(url, revision=revision, snapshot=snapshot, group=group)
    _, taken = selected(chosen(_opened(store), variables), region, time, depth)
    return {dim: _ranges(np.sort(positions)) for dim, positions in taken.items()}


def _ranges(positions: "npt.NDArray[np.int64]") -> tuple[tuple[int, int], ...]:
    """Runs of whole numbers that follow each other."""
    if not positions.size:
        return ()
    breaks = np.flatnonzero(np.diff(positions) > 1)
    starts, stops = positions[[0, *(breaks + 1)]], positions[[*breaks, -1]] + 1
    return tuple((int(start), int(stop)) for start, stop in zip(starts, stops, strict=True))


def open_dataset(
    url: str | os.PathLike[str],
    *,
    revision: str = "",
    snapshot: str = "",
    as_of: str | datetime = "",
    group: str = "",
    origin: Origin | None = None,
    region: Region | None = None,
    time: "str | Sequence[str] | None" = None,
    depth: Sequence[float] | None = None,
    variables: Sequence[str] | str | None = None,
    chunks: Chunks = "auto",
    plain: bool = False,
) -> xr.Dataset:
    """
    Open a revision of a repository, or plain Zarr, as a lazy dataset.

    Metadata and small coordinates are read, data are not. Bytes that are read later are counted, and carry their
    origin into lineage.

    Parameters
    ----------
    url : str or path
        The repository.
    revision, snapshot : str
        Which state; the newest by default.
    as_of : str or datetime
        Instant in UTC, such as ``"2026-11-01"``: the newest revision that was published at or before it.
    group : str
        Which layout; the primary one by default.
    origin : Origin, optional
        Entry and product of the dataset.
    region : sequence of float, optional
        West, south, east, north in degrees: cells whose centres lie inside, west to east, also across the seam of the
        longitudes or the date line; a region that holds all longitudes leaves them as they are stored.
    time : str or pair of str, optional
        Period, both ends included: ``"2009"``, ``"2009-06/2010-05"``, ``("2009-06", "2010-05")``.
    depth : pair of float, optional
        Top and bottom in m, positive down.
    variables : sequence of str or str, optional
        By native name, CF standard name, alias or Chinese word; one may be given as text.
    chunks : {"auto", None} or dict
        ``"auto"`` merges whole storage chunks up to `options.block_bytes`; ``{}`` takes storage chunks as they are; a
        mapping is obeyed; None leaves xarray's own lazy arrays without Dask.
    plain : bool
        Known to be plain Zarr, as `oceandata.storage.open_store` takes it; `group` is its group.

    Returns
    -------
    xarray.Dataset
        Lazy, decoded by CF; bounds and grid mappings are coordinates.

    Raises
    ------
    NotFoundError
        If the repository, revision, layout or a variable is not there, or nothing lies in the period.
    RegionError
        If the region is no box, or holds no cell.
    UnitsError
        If a depth range is asked of levels that are no depths (pressure, sigma).
    InputError
        If a period, depth range, instant or `chunks` cannot be used as given.
    CorruptionError
        If metadata or a coordinate cannot be read or decoded.
    """
    if as_of:
        if revision or snapshot:
            msg = f"as_of is {as_of!r} and {revision or snapshot!r} is named too, need one of them."
            raise InputError(msg)
        revision = revision_as_of(open_repository(url), as_of)
    store = open_store(url, revision=revision, snapshot=snapshot, group=group, origin=origin, plain=plain)
    with name_undecodable([store.origin.repository]):
        part, taken = selected(chosen(_opened(store), variables), region, time, depth)
        with_small_coordinates(part)
    return in_blocks(part, taken, chunks)
