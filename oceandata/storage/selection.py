"""
Parts of a dataset: by place, period, depth and name on lazy arrays, then in blocks of whole storage chunks.

Selecting comes before chunking, so that the graph only ever knows the blocks of what was selected: a billion chunks
cannot be listed in a Dask graph, but a thousand of them can be chosen from a billion in no time.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
import xarray as xr

from oceandata import cf
from oceandata.errors import InputError, NotFoundError, RegionError, UnitsError, closest
from oceandata.options import get_options

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "Chunks",
    "Region",
    "block_sizes",
    "check_chunks",
    "chosen",
    "in_blocks",
    "selected",
    "with_small_coordinates",
]

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


def _indexer(rows: "npt.NDArray[np.int64]") -> "slice | npt.NDArray[np.int64]":
    """Positions as a slice if they follow each other, which keeps the selection cheap."""
    contiguous = rows.size and rows[-1] - rows[0] + 1 == rows.size
    return slice(int(rows[0]), int(rows[-1]) + 1) if contiguous else rows


def _numbered_times(ds: xr.Dataset, name: str) -> xr.DataArray:
    """Positions of the time steps by their times, in order of time; steps without a time are left out."""
    if ds[name].ndim > 1:
        msg = f"time {name!r} has {ds[name].ndim} dimensions, need one to select a period. Use .where() on it."
        raise InputError(msg)
    times = ds[name].reset_coords(drop=True)
    if times.size and not cf.is_decoded_time(times):
        msg = f"time {name!r} holds numbers without dates, so that no period can be selected. Use .isel() on it."
        raise InputError(msg)
    times = times if times.ndim else times.expand_dims(name)
    dim = times.dims[0]
    known = np.flatnonzero(times.notnull().to_numpy())
    numbered = xr.DataArray(known, {dim: times.to_numpy()[known]}, [dim])
    return numbered if numbered.indexes[dim].is_monotonic_increasing else numbered.sortby(dim)


def _select_time(ds: xr.Dataset, time: "str | Sequence[str]") -> xr.Dataset:
    name = cf.require_axis(ds, "T")
    first, last = _period(time)
    numbered = _numbered_times(ds, name)
    dim = numbered.dims[0]
    try:
        rows = np.sort(numbered.sel({dim: slice(first, last)}).to_numpy())
    except (ValueError, KeyError, TypeError) as error:
        msg = f"time is {time!r}, need dates such as '2009' or '2009-06-15'."
        raise InputError(msg) from error
    if rows.size == 0:
        values = numbered[dim].to_numpy()
        span = (
            f"the dataset runs from {str(values[0])[:19]} to {str(values[-1])[:19]}" if values.size else "it has none"
        )
        msg = f"no time step lies in {first or '..'} to {last or '..'}; {span}."
        raise NotFoundError(msg)
    return ds.isel({dim: _indexer(rows)}) if ds[name].ndim else ds


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
    return ds.isel(dict.fromkeys(ds[name].dims, _indexer(rows)))


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
    if ds[y].dims == ds[x].dims:
        return _select_points(ds, (west, south, east, north), lat, lon, str(ds[y].dims[0]))
    rows = np.flatnonzero((lat >= south) & (lat <= north))
    turned = cf.wrap_longitude(lon, west)
    columns = np.flatnonzero(turned - west <= _width(west, east))
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


def _width(west: float, east: float) -> float:
    """Degrees from west to east; all of them if the two are one meridian written in two ways."""
    return (east - west) % 360 or (360.0 if east != west else 0.0)


def _select_points(
    ds: xr.Dataset,
    box: tuple[float, float, float, float],
    lat: "npt.NDArray[np.float64]",
    lon: "npt.NDArray[np.float64]",
    dim: str,
) -> xr.Dataset:
    """Points of a trajectory or of stations that lie in a box."""
    west, south, east, north = box
    inside = cf.wrap_longitude(lon, west) - west <= _width(west, east)
    points = np.flatnonzero(inside & (lat >= south) & (lat <= north))
    if points.size == 0:
        msg = f"none of {lat.size} points lies in {west:g} to {east:g} E, {south:g} to {north:g} N."
        raise RegionError(msg)
    return ds.isel({dim: _indexer(points)})


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


def _numbered(ds: xr.Dataset) -> xr.Dataset:
    return ds.assign_coords({f"_{dim}": (dim, np.arange(size)) for dim, size in ds.sizes.items()})


def _storage_chunks(array: xr.Variable, *, cut: bool) -> Sequence[int]:
    """Chunks of an array as it is stored; what lies in one piece may be cut anywhere, if it is to be cut at all."""
    for key in ("shards", "chunks", "chunksizes"):
        stored = array.encoding.get(key)
        if stored and len(stored) == array.ndim:
            return cast("Sequence[int]", stored)
    return (1,) * array.ndim if cut else array.shape


def check_chunks(chunks: Chunks, dims: Sequence[str]) -> None:
    """
    Refuse what says no block lengths.

    Parameters
    ----------
    chunks : {"auto"} or dict
        As `oceandata.storage.open_dataset` takes it.
    dims : sequence of str
        Dimensions there are.

    Raises
    ------
    NotFoundError
        If `chunks` names a dimension that is not there.
    InputError
        If it cannot be used otherwise.
    """
    if isinstance(chunks, Mapping):
        unknown = [str(name) for name in chunks if name not in dims]
        if unknown:
            msg = f"there is no dimension {unknown[0]!r} to chunk. {closest(unknown[0], list(dims))}"
            raise NotFoundError(msg)
    elif chunks != "auto":
        msg = f"chunks is {chunks!r}, need 'auto', {{}}, a mapping of dimensions to block lengths, or None."
        raise InputError(msg)


def block_sizes(
    array: xr.Variable, taken: "Sequence[npt.NDArray[np.int64]]", chunks: Chunks
) -> "list[int | tuple[int, ...]]":
    """
    Block lengths of one array along each dimension.

    Parameters
    ----------
    array : xarray.Variable
        Its encoding names its storage chunks.
    taken : sequence of numpy.ndarray
        Stored positions along each dimension.
    chunks : {"auto"} or dict
        Known to be in order (`check_chunks`).

    Returns
    -------
    list of int or tuple of int
        Lengths that end where storage chunks end, or the one that was given.
    """
    budget = get_options().block_bytes if chunks == "auto" else 0
    given = chunks if isinstance(chunks, Mapping) else {}
    stored = _storage_chunks(array, cut=bool(budget))
    itemsize = np.dtype(array.dtype).itemsize
    block = _merged(array.shape, stored, itemsize, max(budget, 1)) if budget else list(stored)
    return [
        given.get(str(dim)) or _boundaries(positions, max(1, length))
        for dim, positions, length in zip(array.dims, taken, block, strict=True)
    ]


def in_blocks(ds: xr.Dataset, taken: "dict[str, npt.NDArray[np.int64]]", chunks: Chunks) -> xr.Dataset:
    """
    Dataset in Dask blocks of whole storage chunks.

    Parameters
    ----------
    ds : xarray.Dataset
        Lazy, without Dask; the encoding of each variable names its storage chunks.
    taken : dict of str to numpy.ndarray
        Stored positions along each dimension, from `selected`.
    chunks : {"auto", None} or dict
        As `oceandata.storage.open_dataset` takes it.

    Returns
    -------
    xarray.Dataset
        Data variables, and coordinates that are not in memory, backed by Dask.

    Raises
    ------
    NotFoundError
        If `chunks` names a dimension that is not there.
    InputError
        If it cannot be used otherwise.
    """
    if chunks is None:
        return ds
    check_chunks(chunks, [str(dim) for dim in ds.dims])
    arrays = {}
    for name in [*ds.data_vars, *(name for name in ds.coords if ds[name].size and not ds[name].variable._in_memory)]:
        array = ds[name].variable
        if array.ndim:
            sizes = block_sizes(array, [taken[str(dim)] for dim in array.dims], chunks)
            arrays[name] = array.chunk(dict(zip(array.dims, sizes, strict=True)))
    return ds.assign({name: arrays[name] for name in arrays if name in ds.data_vars}).assign_coords(
        {name: arrays[name] for name in arrays if name in ds.coords}
    )


def chosen(ds: xr.Dataset, variables: Sequence[str] | str | None) -> xr.Dataset:
    """
    Some variables of a dataset, with their coordinates.

    Parameters
    ----------
    ds : xarray.Dataset
        Any dataset.
    variables : sequence of str or str, or None
        By native name, CF standard name, alias or Chinese word; None for all.

    Returns
    -------
    xarray.Dataset
        The same object for None.

    Raises
    ------
    NotFoundError, InputError
        If none, or more than one, answers to a name.
    """
    if variables is None:
        return ds
    names = [variables] if isinstance(variables, str) else variables
    return ds[[cf.require_variable(ds, name) for name in names]]


def with_small_coordinates(ds: xr.Dataset) -> xr.Dataset:
    """
    Dataset whose coordinates are read into memory, but for large ones.

    Parameters
    ----------
    ds : xarray.Dataset
        Lazy; changed in place.

    Returns
    -------
    xarray.Dataset
        The same object.
    """
    for name in list(ds.coords):
        if ds[name].nbytes <= _COORDINATE_BYTES:
            ds[name].load()
    return ds


def selected(
    whole: xr.Dataset, region: Region | None, time: "str | Sequence[str] | None", depth: Sequence[float] | None
) -> "tuple[xr.Dataset, dict[str, npt.NDArray[np.int64]]]":
    """
    Part of a dataset, and the stored positions that it takes along each dimension.

    Parameters
    ----------
    whole : xarray.Dataset
        Decoded; only coordinates are read.
    region, time, depth : object
        As `oceandata.storage.open_dataset` takes them; None for everything.

    Returns
    -------
    tuple of xarray.Dataset and dict
        The part, and positions by dimension.

    Raises
    ------
    RegionError, NotFoundError
        If nothing lies there, or an axis is missing.
    InputError, UnitsError
        If a range cannot be used, or not on these axes.
    """
    part = _numbered(whole)
    if region is not None:
        part = _select_region(part, region)
    if time is not None:
        part = _select_time(part, time)
    if depth is not None:
        part = _select_depth(part, depth)
    taken = {str(dim): part[f"_{dim}"].to_numpy() for dim in whole.dims}
    return part.drop_vars([f"_{dim}" for dim in whole.dims]), taken
