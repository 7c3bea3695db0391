"""
A revision as a lazy dataset: metadata first, then the selection, then blocks of whole storage chunks.

Selecting comes before chunking, so that the graph only ever knows the blocks of what was selected: a billion chunks
cannot be listed in a Dask graph, but a thousand of them can be chosen from a billion in no time.
"""

import itertools
import math
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import xarray as xr

from oceandata import cf
from oceandata.entities import Origin
from oceandata.errors import InputError, NotFoundError, RegionError, UnitsError, closest
from oceandata.options import get_options
from oceandata.storage.counting import CountingStore
from oceandata.storage.damages import name_undecodable
from oceandata.storage.plain import has_consolidated
from oceandata.storage.revisions import revision_as_of
from oceandata.storage.stores import open_repository, open_store
from oceandata.storage.virtual_packing import decode_packed

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["open_dataset", "stored_ranges"]

Region = Sequence[float]
Chunks = Mapping[str, int] | str | None

# Coordinates up to this size are read when a dataset is opened, larger ones stay lazy.
_COORDINATE_BYTES = 16_000_000


def _period(time: "str | Sequence[str]") -> tuple[str | None, str | None]:
    """First and last date of a period: ``"A/B"``, one partial date for all of it, or a pair."""
    parts = time.split("/") if isinstance(time, str) else list(time) if isinstance(time, Sequence) else []
    if len(parts) == 1:
        parts = [parts[0], parts[0]]
    if len(parts) != 2:
        msg = f"time is {time!r}, need one date or two: 'A/B' or ('A', 'B'), such as '2009' or '2009-06/2010-05'."
        raise InputError(msg)
    first, last = (None if part in ("", "..", None) else str(part) for part in parts)
    return first, last


def _select_time(ds: xr.Dataset, time: "str | Sequence[str]") -> xr.Dataset:
    name = cf.require_axis(ds, "T")
    first, last = _period(time)
    dim = ds[name].dims[0]
    numbered = xr.DataArray(np.arange(ds[name].size), {dim: ds[name].to_numpy()}, [dim])
    try:
        rows = numbered.sel({dim: slice(first, last)}).to_numpy()
    except (ValueError, KeyError, TypeError) as error:
        msg = f"time is {time!r}, need dates such as '2009' or '2009-06-15'."
        raise InputError(msg) from error
    if rows.size == 0:
        values = ds[name].to_numpy()
        msg = (
            f"no time step lies in {first or '..'} to {last or '..'}; "
            f"the dataset runs from {str(values[0])[:19]} to {str(values[-1])[:19]}."
        )
        raise NotFoundError(msg)
    return ds.isel({dim: slice(int(rows[0]), int(rows[-1]) + 1)})


def _select_depth(ds: xr.Dataset, depth: Sequence[float]) -> xr.Dataset:
    name = cf.require_axis(ds, "Z")
    try:
        top, bottom = (float(value) for value in depth)
    except (TypeError, ValueError):
        msg = f"depth is {depth!r}, need two numbers: top and bottom in m, positive down."
        raise InputError(msg) from None
    values = _depths_m(ds, name)
    rows = np.flatnonzero((values >= top) & (values <= bottom))
    if rows.size == 0:
        msg = f"no level lies between {top:g} and {bottom:g} m; the dataset has {values.min():g} to {values.max():g} m."
        raise NotFoundError(msg)
    return ds.isel({dim: slice(int(rows[0]), int(rows[-1]) + 1) for dim in ds[name].dims})


def _depths_m(ds: xr.Dataset, name: str) -> "npt.NDArray[np.float64]":
    """Depths of the levels in m, positive down, whatever unit and direction the coordinate has."""
    if ds[name].ndim > 1:
        msg = f"coordinate {name!r} differs from column to column: a depth range is no range of levels. Use .isel()."
        raise InputError(msg)
    try:
        values = np.atleast_1d(cf.convert_units(ds[name].astype("float64"), "m").to_numpy())
    except UnitsError as error:
        msg = f"coordinate {name!r} is no depth in m: {error} Select levels by index with .isel()."
        raise UnitsError(msg) from error
    up = str(ds[name].attrs.get("positive", "")).lower() == "up"
    return -values if up or values.max() <= 0 else values


def _select_region(ds: xr.Dataset, region: Region) -> xr.Dataset:
    """Cells whose centres lie in a box, from west to east also across the seam of the longitudes."""
    try:
        west, south, east, north = (float(edge) for edge in region)
    except (TypeError, ValueError):
        msg = f"region is {region!r}, need four numbers: west, south, east, north in degrees."
        raise RegionError(msg) from None
    if not -90 <= south <= north <= 90:
        hint = " The corners may be swapped." if south > north else ""
        msg = f"region has south {south:g} and north {north:g}, need -90 <= south <= north <= 90.{hint}"
        raise RegionError(msg)
    y, x = cf.require_axis(ds, "Y"), cf.require_axis(ds, "X")
    if ds[y].ndim != 1 or ds[x].ndim != 1:
        msg = (
            f"coordinates {y!r} and {x!r} are curvilinear: a box of degrees is no box of cells. "
            "Select by index with .isel()."
        )
        raise InputError(msg)
    lat, lon = (ds[name].to_numpy().astype(np.float64) for name in (y, x))
    rows = np.flatnonzero((lat >= south) & (lat <= north))
    width = (east - west) % 360 or (360.0 if east != west else 0.0)
    turned = cf.wrap_longitude(lon, west)
    columns = np.flatnonzero(turned - west <= width)
    if rows.size == 0 or columns.size == 0:
        msg = (
            f"no cell centre lies in {west:g} to {east:g} E, {south:g} to {north:g} N; the dataset covers "
            f"{lon.min():g} to {lon.max():g} E, {lat.min():g} to {lat.max():g} N."
        )
        raise RegionError(msg)
    ds = ds.isel({ds[y].dims[0]: slice(int(rows[0]), int(rows[-1]) + 1)})
    dim = ds[x].dims[0]
    if columns[-1] - columns[0] + 1 == columns.size:
        return ds.isel({dim: slice(int(columns[0]), int(columns[-1]) + 1)})
    columns = columns[np.argsort(turned[columns], kind="stable")]
    attributes = ds[x].attrs
    part = ds.isel({dim: columns})
    return part.assign_coords({x: (dim, turned[columns].astype(ds[x].dtype), attributes)})


def _merged(sizes: Sequence[int], stored: Sequence[int], itemsize: int, block_bytes: int) -> list[int]:
    """Whole storage chunks merged up to a block, last dimension first."""
    block = [min(chunk, size) for chunk, size in zip(stored, sizes, strict=True)]
    room = block_bytes / max(1, math.prod(block) * itemsize)
    for dim in reversed(range(len(block))):
        count = math.ceil(sizes[dim] / stored[dim])
        merged = max(1, min(count, int(room)))
        block[dim] = stored[dim] * merged
        room = room / merged if merged == count else 1.0
    return block


def _boundaries(taken: "npt.NDArray[np.int64]", block: int) -> tuple[int, ...]:
    """Block lengths of a selection, so that blocks end where merged storage chunks end, and at a seam."""
    edges = [0, *(np.flatnonzero(np.diff(taken // block)) + 1), taken.size]
    return tuple(int(hi - lo) for lo, hi in itertools.pairwise(edges))


def _taken(whole: xr.Dataset, part: xr.Dataset) -> "dict[str, npt.NDArray[np.int64]]":
    """Stored positions along each dimension that a selection takes; numbered dimensions are carried along."""
    return {str(dim): part[f"_{dim}"].to_numpy() for dim in whole.dims}


def _numbered(ds: xr.Dataset) -> xr.Dataset:
    return ds.assign_coords({f"_{dim}": (dim, np.arange(size)) for dim, size in ds.sizes.items()})


def _blocks(ds: xr.Dataset, taken: "dict[str, npt.NDArray[np.int64]]", chunks: Chunks) -> xr.Dataset:
    """Dataset in Dask blocks."""
    if chunks is None:
        return ds
    if isinstance(chunks, Mapping) and chunks:
        unknown = [name for name in chunks if name not in ds.dims]
        if unknown:
            msg = (
                f"there is no dimension {unknown[0]!r} to chunk. {closest(str(unknown[0]), [str(d) for d in ds.dims])}"
            )
            raise NotFoundError(msg)
    elif chunks not in ("auto", {}):
        msg = f"chunks is {chunks!r}, need 'auto', {{}}, a mapping of dimensions to block lengths, or None."
        raise InputError(msg)
    budget = get_options().block_bytes if chunks == "auto" else 0
    given = dict(chunks) if isinstance(chunks, Mapping) else {}
    arrays = {}
    for name in [*ds.data_vars, *(name for name in ds.coords if ds[name].size and not ds[name].variable._in_memory)]:
        array = ds[name].variable
        if array.ndim == 0:
            continue
        stored = array.encoding.get("shards") or array.encoding.get("chunks") or array.shape
        itemsize = np.dtype(array.dtype).itemsize
        block = _merged(array.shape, stored, itemsize, max(budget, 1)) if budget else list(stored)
        sizes = [
            given.get(str(dim)) or _boundaries(taken[str(dim)], max(1, length))
            for dim, length in zip(array.dims, block, strict=True)
        ]
        arrays[name] = array.chunk(dict(zip(array.dims, sizes, strict=True)))
    return ds.assign({name: arrays[name] for name in arrays if name in ds.data_vars}).assign_coords(
        {name: arrays[name] for name in arrays if name in ds.coords}
    )


def _chosen(ds: xr.Dataset, variables: Sequence[str] | str | None) -> xr.Dataset:
    if variables is None:
        return ds
    names = [variables] if isinstance(variables, str) else variables
    return ds[[cf.require_variable(ds, name) for name in names]]


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
    return decode_packed(ds)


def _selected(
    whole: xr.Dataset, region: Region | None, time: "str | Sequence[str] | None", depth: Sequence[float] | None
) -> "tuple[xr.Dataset, dict[str, npt.NDArray[np.int64]]]":
    """Part of a dataset, and the stored positions that it takes along each dimension."""
    part = _numbered(whole)
    if region is not None:
        part = _select_region(part, region)
    if time is not None:
        part = _select_time(part, time)
    if depth is not None:
        part = _select_depth(part, depth)
    taken = _taken(whole, part)
    return part.drop_vars([f"_{dim}" for dim in whole.dims]), taken


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
    _, taken = _selected(_chosen(_opened(store), variables), region, time, depth)
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
) -> xr.Dataset:
    """
    Open a revision of a repository as a lazy dataset.

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
    store = open_store(url, revision=revision, snapshot=snapshot, group=group, origin=origin)
    with name_undecodable([store.origin.repository]):
        part, taken = _selected(_chosen(_opened(store), variables), region, time, depth)
        for name in list(part.coords):
            if part[name].nbytes <= _COORDINATE_BYTES:
                part[name].load()
    return _blocks(part, taken, chunks)
