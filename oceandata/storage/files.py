"""
NetCDF files that stay where they are, one or many, as one lazy dataset.

Each file is mended by the stated repairs and decoded by its own attributes before it is joined to the others, so that
files which differ in packing or in the origin of their times still give the right values.
"""

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from oceandata import cf
from oceandata.errors import InputError, NotFoundError, OceanDataError, SchemaMismatch, closest
from oceandata.storage.joining import FilePart, join_files
from oceandata.storage.selection import Chunks, Region, chosen, in_blocks, selected, with_small_coordinates
from oceandata.storage.soundness.header import quiet
from oceandata.storage.soundness.opening import open_sound, small_chunk_caches
from oceandata.storage.urls import local_path, url_scheme

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["open_file", "open_files"]

# What files have in common is compared up to this size; of larger arrays that of the first file is taken.
_COMPARED_BYTES = 16_000_000

# Coordinates that differ by less than this part of their step are the same, written with other rounding.
_SNAP = 1e-3


class _Asked(NamedTuple):
    """What to open of the files."""

    region: Region | None
    time: "str | Sequence[str] | None"
    depth: Sequence[float] | None
    names: list[str] | None
    chunks: Chunks


class _Piece(NamedTuple):
    """One file: its dataset, and its times where it is one of several."""

    path: Path
    ds: xr.Dataset
    times: "npt.NDArray[Any] | None" = None


def open_file(path: str | os.PathLike[str]) -> xr.Dataset:
    """
    Open one NetCDF file lazily, mended and decoded.

    Times are to the microsecond, because nanoseconds end in 2262.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    xarray.Dataset
        Lazy and without Dask; bounds and grid mappings are coordinates. Repairs stand in the attribute ``history``.

    Raises
    ------
    NotFoundError
        If there is no such file.
    UnsoundFileError
        If it has an error that is not mended, or cannot be decoded.
    """
    with small_chunk_caches():
        raw = open_sound(path)
    with quiet():  # times that need nanoseconds get them, with a warning
        ds = xr.decode_cf(raw, decode_coords="all", decode_times=xr.coders.CFDatetimeCoder(time_unit="us"))
        for variable in ds.variables.values():
            if variable.dtype.kind in "MO" and "units" in variable.encoding and variable.nbytes <= _COMPARED_BYTES:
                variable.load()
    return _with_places(ds)


def _with_places(ds: xr.Dataset) -> xr.Dataset:
    """Dataset whose positions and times are coordinates, also where the file does not say so (Argo)."""
    for axis in "XYT":
        try:
            name = cf.find_axis(ds, axis)
        except InputError:
            continue
        if name is not None and name in ds.data_vars:
            ds = ds.set_coords(name)
    return ds


def _paths(url: str | os.PathLike[str], files: Sequence[str]) -> list[Path]:
    """The file itself, or the files below a folder; all of them must be there."""
    if url_scheme(url) != "file":
        msg = f"NetCDF at {url_scheme(url)}:// cannot be opened in place, need files on this machine. Fetch them first."
        raise InputError(msg)
    place = local_path(url)
    paths = [place / name for name in files] if files else [place]
    for path in paths:
        if not path.is_file():
            near = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
            msg = f"there is no file {path}. {closest(path.name, sorted(near))}".rstrip()
            raise NotFoundError(msg)
    return paths


def open_files(
    url: str | os.PathLike[str],
    files: Sequence[str] = (),
    *,
    region: Region | None = None,
    time: "str | Sequence[str] | None" = None,
    depth: Sequence[float] | None = None,
    variables: Sequence[str] | str | None = None,
    chunks: Chunks = "auto",
) -> xr.Dataset:
    """
    Open NetCDF files as one lazy dataset.

    Files of the same variables are joined along time, in time order; files of other variables on the same coordinates
    are merged. Headers and coordinates are read, data are not; of files outside the period only the header is. What
    does not run along time and differs from file to file (a date of creation) becomes one value a time step. Profiles
    of unequal length are filled up with missing values.

    Parameters
    ----------
    url : str or path
        The file, or the folder of `files`.
    files : sequence of str
        Paths relative to the folder; empty for the file `url`.
    region, time, depth, variables, chunks : object
        As `oceandata.storage.open_dataset` takes them.

    Returns
    -------
    xarray.Dataset
        Lazy, decoded by CF; bounds and grid mappings are coordinates.

    Raises
    ------
    NotFoundError
        If a file or a variable is not there, or nothing lies in the period.
    UnsoundFileError
        If a file is not what it claims to be.
    SchemaMismatch
        If the files are not one dataset: they overlap in time, or their coordinates, units or calendars differ.
    RegionError, UnitsError, InputError
        As `oceandata.storage.open_dataset` raises them.

    Notes
    -----
    About 15 ms a file. Arrays that do not run along time are compared up to 16 MB; larger ones are the first file's.
    """
    pieces = [_Piece(path, open_file(path)) for path in _paths(url, files)]
    groups: dict[tuple[str, ...], list[_Piece]] = {}
    for piece in pieces:
        groups.setdefault(tuple(sorted(map(str, piece.ds.data_vars))), []).append(piece)
    asked = _Asked(region, time, depth, _names(groups, variables), chunks)
    parts = [
        _series(group, asked)
        for names, group in groups.items()
        if asked.names is None or not set(names).isdisjoint(asked.names)
    ]
    return parts[0] if len(parts) == 1 else _merged(parts)


def _names(groups: Mapping[tuple[str, ...], list[_Piece]], variables: Sequence[str] | str | None) -> list[str] | None:
    """Native names of the wanted variables, which may be in different files; None for all."""
    if variables is None:
        return None
    first = {name: group[0].ds[name].attrs for names, group in groups.items() for name in names}
    described = xr.Dataset({name: ((), 0, attrs) for name, attrs in first.items()})
    return [str(name) for name in chosen(described, variables).data_vars]


def _wanted(ds: xr.Dataset, names: list[str] | None) -> xr.Dataset:
    return ds if names is None else ds[[name for name in names if name in ds.data_vars]]


def _series(group: list[_Piece], asked: _Asked) -> xr.Dataset:
    """Files of the same variables as one dataset."""
    if len(group) == 1:
        part, positions = selected(_wanted(group[0].ds, asked.names), asked.region, asked.time, asked.depth)
        return in_blocks(with_small_coordinates(part), positions, asked.chunks)
    name, ordered = _ordered(group)
    dim = str((ordered[0].ds[name].dims or (name,))[0])
    rows = _rows(ordered, name, dim, asked.time)
    parts: list[FilePart] = []
    refusals: list[OceanDataError] = []
    for piece, taken in zip(ordered, rows, strict=True):
        if not taken.size:
            continue
        try:
            parts.append(_part(piece, dim, taken, asked))
        except (InputError, NotFoundError) as error:
            refusals.append(error)
    if not parts:
        raise refusals[0]
    if refusals and name in ordered[0].ds.indexes:
        raise refusals[0]
    return join_files(_checked(parts, dim), dim, asked.chunks)


def _ordered(group: list[_Piece]) -> tuple[str, list[_Piece]]:
    """Name of the time axis, and the files in its order; refused if they overlap in time."""
    first = group[0]
    name = cf.find_axis(first.ds, "T")
    if name is None:
        msg = f"{len(group)} files without a time axis cannot be joined, such as {first.path.name}. Name one of them."
        raise SchemaMismatch(msg)
    timed = [_timed(piece, name, first) for piece in group]
    timed.sort(key=lambda piece: (piece[1], str(piece[0].path)))
    for (before, _, last), (after, begin, _) in itertools.pairwise(timed):
        if begin <= last:
            msg = f"{after.path.name} begins before {before.path.name} ends, need files that do not overlap in time."
            raise SchemaMismatch(msg)
    return name, [piece for piece, _, _ in timed]


def _timed(piece: _Piece, name: str, first: _Piece) -> tuple[_Piece, Any, Any]:
    """File with its times, and the first and last of them."""
    if name not in piece.ds.variables or piece.ds[name].dims != first.ds[name].dims or piece.ds[name].ndim > 1:
        msg = f"{piece.path.name} does not have the time axis {name!r} that {first.path.name} has, along one dimension."
        raise SchemaMismatch(msg)
    times = piece.ds[name]
    kinds = [_kind_of_time(one[name]) for one in (piece.ds, first.ds)]
    if kinds[0] != kinds[1]:
        msg = f"times {name!r} of {piece.path.name} are {kinds[0]}, need {kinds[1]} as in {first.path.name}."
        raise SchemaMismatch(msg)
    values = np.atleast_1d(times.to_numpy())
    known = values[np.atleast_1d(times.notnull().to_numpy())]
    if not known.size:
        msg = f"all times {name!r} of {piece.path.name} are missing, so that its place among the files is not known."
        raise SchemaMismatch(msg)
    return piece._replace(times=values), known.min(), known.max()


def _kind_of_time(times: xr.DataArray) -> str:
    """Calendar of times; of numbers that are no dates what they say of themselves, by which they can be compared."""
    if cf.is_decoded_time(times):
        return f"of the calendar {cf.calendar_of(times)!r}"
    if times.dtype.kind not in "iuf":
        return f"{times.dtype} values"
    said = {key: str(text) for key, text in times.attrs.items() if "unit" in key.lower() or key == "calendar"}
    return f"numbers with {said}"


def _rows(
    ordered: list[_Piece], name: str, dim: str, time: "str | Sequence[str] | None"
) -> "Iterator[npt.NDArray[np.int64]]":
    """Time steps of each file that lie in a period."""
    lengths = [0 if piece.times is None else piece.times.size for piece in ordered]
    edges = np.cumsum([0, *lengths])
    chosen_rows = np.arange(edges[-1])
    if time is not None:
        values = np.concatenate([piece.times for piece in ordered if piece.times is not None])
        axis = xr.Dataset(coords={name: (dim, values, {"standard_name": "time"})})
        chosen_rows = selected(axis, None, time, None)[1][dim]
    for start, stop in itertools.pairwise(edges):
        yield chosen_rows[(chosen_rows >= start) & (chosen_rows < stop)] - start


def _part(piece: _Piece, dim: str, rows: "npt.NDArray[np.int64]", asked: _Asked) -> FilePart:
    """What is asked of one file."""
    part, taken = selected(_wanted(piece.ds, asked.names), asked.region, None, asked.depth)
    if dim in taken:
        kept = np.flatnonzero(np.isin(taken[dim], rows))
        if kept.size < taken[dim].size:
            part, taken = part.isel({dim: kept}), {**taken, dim: taken[dim][kept]}
    return FilePart(with_small_coordinates(part), taken, piece.path)


def _checked(parts: list[FilePart], dim: str) -> list[FilePart]:
    """Files after what they have in common was compared, with the coordinates of the first."""
    first = parts[0]
    stacked = {name for part in parts[1:] for name in _differing(first, part, dim)}
    indexes = [name for name in first.ds.indexes if name != dim]
    return [
        part._replace(ds=part.ds.assign_coords({name: first.ds[name] for name in indexes}), stacked=frozenset(stacked))
        for part in parts
    ]


def _differing(first: FilePart, other: FilePart, dim: str) -> Iterator[str]:
    """Names of what differs between two files though it does not run along time; what must not differ is refused."""
    if set(first.ds.variables) != set(other.ds.variables):
        names = ", ".join(sorted(map(str, set(first.ds.variables) ^ set(other.ds.variables))))
        msg = f"{other.path.name} and {first.path.name} differ in variables: {names}. Name the variables to open."
        raise SchemaMismatch(msg)
    for key, one in first.ds.variables.items():
        name, two = str(key), other.ds.variables[key]
        units = one.attrs.get("units"), two.attrs.get("units")
        if one.dims != two.dims or units[0] != units[1]:
            msg = (
                f"{name!r} of {other.path.name} is {two.dims} in {units[1]!r}, need {one.dims} in {units[0]!r} "
                f"as in {first.path.name}."
            )
            raise SchemaMismatch(msg)
        if dim in one.dims or max(one.nbytes, two.nbytes) > _COMPARED_BYTES or _is_same(one, two):
            continue
        if name in first.ds.indexes or one.ndim > 1:
            msg = f"the values of {name!r} differ between {other.path.name} and {first.path.name}, need the same."
            raise SchemaMismatch(msg)
        yield name


def _is_same(one: xr.Variable, two: xr.Variable) -> bool:
    """Whether two arrays hold the same values, apart from rounding that is small beside their steps."""
    if one.shape != two.shape:
        return False
    a, b = one.to_numpy(), two.to_numpy()
    if a.dtype.kind not in "fiu" or b.dtype.kind not in "fiu":
        return bool(np.all((a == b) | ((a != a) & (b != b))))  # NaT is not itself
    steps = np.abs(np.diff(a.astype(np.float64), axis=-1)) if a.ndim and a.shape[-1] > 1 else np.zeros(1)
    known = steps[np.isfinite(steps) & (steps > 0)]
    return bool(np.allclose(a, b, rtol=0.0, atol=_SNAP * known.min() if known.size else 0.0, equal_nan=True))


def _merged(parts: list[xr.Dataset]) -> xr.Dataset:
    """Datasets of different variables on the same coordinates as one."""
    first = parts[0]
    for other in parts[1:]:
        for name in set(first.coords) & set(other.coords):
            one, two = first[name].variable, other[name].variable
            if one.dims != two.dims or (one.nbytes <= _COMPARED_BYTES and not _is_same(one, two)):
                msg = f"the files have other values of the coordinate {str(name)!r}, need the same in all of them."
                raise SchemaMismatch(msg)
    snapped = [
        part.assign_coords({name: first[name] for name in part.indexes if name in first.indexes}) for part in parts
    ]
    merged: xr.Dataset = xr.merge(snapped, join="exact", compat="override", combine_attrs="override")
    return merged
