"""
Files that together make one dataset: their common schema, their order along time, and the reading of boxes from them.

Values are read as stored in the files: packed integers stay packed, so nothing is rounded on the way. Only the time
axis and its bounds are rewritten, to whole seconds since 1970 in their own calendar.
"""

import dataclasses
import functools
import itertools
import math
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata import cf
from oceandata.errors import InputError, NotFoundError, SchemaMismatch, closest
from oceandata.storage.chunks import cut_range
from oceandata.storage.soundness.opening import open_sound, small_chunk_caches
from oceandata.storage.source_times import time_notes

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

__all__ = ["DECODING", "FileSpan", "SourceVariable", "Sources", "open_sources"]

#: Attributes without which stored numbers mean something else: they must agree in all files.
DECODING = ("units", "scale_factor", "add_offset", "_FillValue", "missing_value", "_Unsigned", "positive", "calendar")

# Attributes of a time axis that hold for the numbers of the file, not for seconds since 1970.
_TIME_NUMBERS = {"units", "calendar", "_FillValue", "missing_value", "scale_factor", "add_offset", "_Unsigned"}
_TIME_NUMBERS |= {"valid_min", "valid_max", "valid_range", "actual_range"}

_PIECE_BYTES = 16_000_000  # of a file, read at once into a step


@dataclasses.dataclass(frozen=True)
class FileSpan:
    """A file and the time steps it holds, ``start`` to ``stop`` of the whole dataset."""

    path: Path
    nbytes: int
    modified_ns: int
    start: int
    stop: int

    def check_unchanged(self) -> None:
        """
        Check that the file still is the one that was opened.

        Raises
        ------
        InputError
            If its size or time of change differs, or it is gone.
        """
        try:
            found = self.path.stat()
        except OSError as error:
            msg = f"{self.path} went away while it was ingested. Bring it back and run again; nothing was published."
            raise InputError(msg) from error
        if (found.st_size, found.st_mtime_ns) != (self.nbytes, self.modified_ns):
            msg = f"{self.path} changed while it was ingested. Run the ingest again; nothing was published."
            raise InputError(msg)


@dataclasses.dataclass(frozen=True)
class SourceVariable:
    """A variable as the files hold it; `appended` if it runs along time."""

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: "np.dtype[Any]"
    attributes: dict[str, Any]
    roles: tuple[str, ...]
    appended: bool
    is_coordinate: bool


@dataclasses.dataclass(frozen=True)
class Sources:
    """
    Files opened as one dataset.

    Attributes
    ----------
    files : tuple of FileSpan
        In time order.
    time_dim : str
        Name of the time dimension, empty if the files have none.
    variables : dict of str to SourceVariable
        Everything that will be stored.
    fixed : dict of str to numpy.ndarray
        Values of the small variables (coordinates, bounds, everything along time alone), already joined.
    attributes : dict
        Global attributes of the first file.
    notes : tuple of str
        What was decided on the way, for people.
    """

    files: tuple[FileSpan, ...]
    time_dim: str
    variables: dict[str, SourceVariable]
    fixed: dict[str, "npt.NDArray[Any]"]
    attributes: dict[str, Any]
    notes: tuple[str, ...]

    def read(self, name: str, box: Sequence[slice]) -> "npt.NDArray[Any]":
        """
        Values of a box, from as many files as it takes.

        Parameters
        ----------
        name : str
            A variable.
        box : sequence of slice
            Start and stop along each dimension.

        Returns
        -------
        numpy.ndarray
            As stored in the files.

        Raises
        ------
        InputError
            If a file changed since it was opened.
        """
        if name in self.fixed:
            return self.fixed[name][tuple(box)]
        variable = self.variables[name]
        if not variable.appended:
            return _same(self.files[0])[name].isel(dict(zip(variable.dims, box, strict=True))).to_numpy()
        times, rest = box[0], dict(zip(variable.dims[1:], box[1:], strict=True))
        values = np.empty([part.stop - part.start for part in box], variable.dtype)
        for file in self.files:
            start, stop = max(times.start, file.start), min(times.stop, file.stop)
            if start < stop:
                array = _same(file)[name].transpose(*variable.dims).isel(rest)
                stored = dict(array.encoding.get("preferred_chunks", {})).get(variable.dims[0], 1)
                longest = _PIECE_BYTES // max(1, array.nbytes // array.shape[0])
                for piece in cut_range(start - file.start, stop - file.start, stored, longest):
                    at = file.start - times.start
                    values[piece.start + at : piece.stop + at] = array[piece].to_numpy()
        return values


@functools.lru_cache(maxsize=8)
def _opened(state: tuple[Path, int, int]) -> "xr.Dataset":
    """Undecoded dataset of a file, kept open while it is worked on; a changed file is another state."""
    with small_chunk_caches():
        return open_sound(state[0])


def _raw(path: Path) -> "xr.Dataset":
    found = path.stat()
    return _opened((path, found.st_mtime_ns, found.st_size))


def _same(file: FileSpan) -> "xr.Dataset":
    """Undecoded dataset of a file that is still the one that was opened."""
    file.check_unchanged()
    return _opened((file.path, file.modified_ns, file.nbytes))


def _plain(value: object) -> Any:
    """Attribute value in JSON types; NaN and infinities, which JSON lacks, as text."""
    if isinstance(value, np.ndarray):
        return [_plain(part) for part in value.tolist()]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _time_dim(ds: "xr.Dataset") -> str:
    """Dimension of the time axis, empty if there is none."""
    name = cf.find_axis(ds, "T")
    return str(ds[name].dims[0]) if name is not None and ds[name].ndim == 1 else ""


def _edges_name(ds: "xr.Dataset", time_name: str) -> str:
    """Name of the bounds (or climatological bounds) of the time axis, empty if it has none."""
    attributes = ds[time_name].attrs
    names = [str(attributes.get(key, "")) for key in ("bounds", "climatology")]
    return next((name for name in names if name in ds.variables), "")


def _decoded_times(ds: "xr.Dataset", time_name: str, name: str) -> "xr.DataArray":
    """Decoded times of the axis or of its bounds, which inherit units and calendar that they do not give."""
    import xarray as xr

    inherited = {key: value for key, value in ds[time_name].attrs.items() if key in ("units", "calendar")}
    numbers = ds[name].variable.load().copy(deep=False)
    numbers.attrs = inherited | {
        key: value for key, value in numbers.attrs.items() if key not in ("bounds", "climatology")
    }
    coder = xr.coders.CFDatetimeCoder(time_unit="us")  # nanoseconds would end in 2262
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xr.SerializationWarning)
        return xr.decode_cf(xr.Dataset({"_times": numbers}), decode_coords=False, decode_times=coder)["_times"]


def _time_values(ds: "xr.Dataset", time_name: str) -> "tuple[npt.NDArray[np.int64], str] | None":
    """Time axis as whole seconds since 1970 and its calendar, None if it is no calendar time."""
    if " since " not in str(ds[time_name].attrs.get("units", "")):
        return None
    decoded = _decoded_times(ds, time_name, time_name)
    return cf.time_seconds(decoded), cf.calendar_of(decoded)


def _rewritten_times(ds: "xr.Dataset", time_name: str) -> dict[str, tuple["npt.NDArray[np.int64]", dict[str, Any]]]:
    """Rewritten time axis and its bounds, with their attributes, by name."""
    axis = _time_values(ds, time_name)
    if axis is None:
        return {}
    kept = {key: _plain(value) for key, value in ds[time_name].attrs.items() if key not in _TIME_NUMBERS}
    rewritten = {time_name: (axis[0], kept | {"units": "seconds since 1970-01-01", "calendar": axis[1]})}
    edges = _edges_name(ds, time_name)
    if edges:
        own = {key: _plain(value) for key, value in ds[edges].attrs.items() if key not in _TIME_NUMBERS}
        rewritten[edges] = (cf.time_seconds(_decoded_times(ds, time_name, edges)), own)
    return rewritten


def _storable(ds: "xr.Dataset", names: Sequence[str], wanted: Sequence[str], path: Path) -> list[str]:
    """Names without the text variables that came along with the wanted ones; refused if one was asked for."""
    text = [name for name in names if ds[name].dtype.kind not in "biuf"]
    refused = [name for name in text if name in wanted or not wanted]
    if refused:
        msg = (
            f"variable {refused[0]!r} of {path.name} holds {ds[refused[0]].dtype} values, need numbers or booleans. "
            "Name the variables to store and leave this one out."
        )
        raise SchemaMismatch(msg)
    return [name for name in names if name not in text]


def _check_sizes(ds: "xr.Dataset", names: Sequence[str], time_dim: str, path: Path) -> None:
    """Refuse a file in which nothing is stored, or nothing along some dimension."""
    empty = [str(dim) for name in names if name in ds.variables for dim in ds[name].dims if ds.sizes[dim] == 0]
    if names and not empty:
        return
    what = f"a dimension {empty[0]!r} of length zero" if empty else "no variable"
    what = "no time step" if empty[:1] == [time_dim] else what
    msg = f"{path.name} has {what}, need at least one. Leave the file out, or name the variables to store."
    raise SchemaMismatch(msg)


def _chosen(ds: "xr.Dataset", wanted: Sequence[str] | None, time_name: str) -> list[str]:
    """Names to store: the wanted variables with time, coordinates, bounds and grid mappings, or everything."""
    if wanted is None:
        return [str(name) for name in ds.variables]
    missing = [name for name in wanted if name not in ds.variables]
    if missing:
        msg = f"there is no variable {missing[0]!r} in the file. {closest(missing[0], [str(v) for v in ds.data_vars])}"
        raise NotFoundError(msg)
    kept: list[str] = []
    queue = [*wanted, *([time_name] if time_name else [])]
    while queue:
        name = queue.pop(0)
        if name in kept or name not in ds.variables:
            continue
        kept.append(name)
        attributes = ds[name].attrs
        queue += [str(dim) for dim in ds[name].dims]
        for key in ("bounds", "coordinates", "grid_mapping", "ancillary_variables", "climatology"):
            queue += str(attributes.get(key, "")).split()
    return kept


def _variable_differences(
    a: "xr.DataArray", b: "xr.DataArray", time_dim: str, *, agree: Sequence[str] | None
) -> list[str]:
    """What keeps a variable of two files from being one; None for numbers that will be rewritten, however encoded."""
    name = str(a.name)
    if a.dims != b.dims or (a.dtype != b.dtype and agree is not None):
        return [f"{name!r} is {b.dims} {b.dtype}, need {a.dims} {a.dtype}"]
    sizes = [d for d in a.dims if d != time_dim and a.sizes[d] != b.sizes[d]]
    found = [f"dimension {d!r} of {name!r} has {b.sizes[d]}, need {a.sizes[d]}" for d in sizes]
    for key in agree or ():
        one, two = _plain(a.attrs.get(key)), _plain(b.attrs.get(key))
        if one != two:
            found.append(f"attribute {key} of {name!r} is {two!r}, need {one!r}")
    if not sizes and time_dim not in a.dims:
        one, two = a.to_numpy(), b.to_numpy()
        if not np.array_equal(one, two, equal_nan=one.dtype.kind == "f"):
            found.append(f"the values of {name!r} differ")
    return found


def _differences(
    first: "xr.Dataset",
    other: "xr.Dataset",
    names: Sequence[str],
    time_name: str,
    *,
    whole: bool,
    agree: Sequence[str],
) -> list[str]:
    """What keeps two files from being one dataset; `whole` if all variables are wanted, so that none may be extra."""
    time_dim = str(first[time_name].dims[0]) if time_name else ""
    found = [f"variable {name!r} is missing" for name in names if name not in other.variables]
    if whole:
        found += [f"variable {name!r} is one too many" for name in other.variables if name not in names]
    both = [name for name in names if name in other.variables]
    rewritten: set[str] = set()
    if time_name in both and all(" since " in str(ds[time_name].attrs.get("units", "")) for ds in (first, other)):
        rewritten = {time_name, _edges_name(first, time_name)}
        calendars = [cf.calendar_of(_decoded_times(ds, time_name, time_name)) for ds in (first, other)]
        if calendars[0] != calendars[1]:
            found.append(f"the calendar of {time_name!r} is {calendars[1]}, need {calendars[0]}")
    for name in both:
        found += _variable_differences(first[name], other[name], time_dim, agree=None if name in rewritten else agree)
    return found


def _check_fit(
    opened: "list[tuple[Path, xr.Dataset]]", names: Sequence[str], time_name: str, *, whole: bool, agree: Sequence[str]
) -> None:
    """Refuse files that are not one dataset, with every difference of every file."""
    (reference, first), *others = opened
    lines = []
    for path, other in others:
        found = _differences(first, other, names, time_name, whole=whole, agree=agree)
        lines += [f"{path.name} does not fit {reference.name}:", *(f"  {line}" for line in found)] if found else []
    if lines:
        raise SchemaMismatch("\n".join(lines))


def _ordered_times(files: "list[tuple[Path, xr.Dataset]]", time_name: str) -> "list[tuple[Path, xr.Dataset]]":
    """Files by their first time; overlapping or unordered times are refused."""
    spans = []
    for path, ds in files:
        rewritten = _time_values(ds, time_name)
        values = rewritten[0] if rewritten else ds[time_name].to_numpy()
        if not (np.diff(values) > 0).all():
            at = int(np.argmax(np.diff(values) <= 0)) + 1
            msg = (
                f"times of {path.name} do not increase at step {at} of {values.size}. "
                "Sort the file, or drop the doubles."
            )
            raise SchemaMismatch(msg)
        spans.append((values[0], values[-1], path, ds))
    spans.sort(key=lambda span: (span[0], str(span[2])))
    for (_, last, before, _), (first, _, after, _) in itertools.pairwise(spans):
        if first <= last:
            msg = f"{after.name} begins before {before.name} ends, need files that do not overlap in time."
            raise SchemaMismatch(msg)
    return [(path, ds) for _, _, path, ds in spans]


def _variable(ds: "xr.Dataset", name: str, time_dim: str, length: int) -> SourceVariable:
    array = ds[name]
    dims = tuple(str(dim) for dim in array.dims)
    if time_dim in dims:
        dims = (time_dim, *(dim for dim in dims if dim != time_dim))
    shape = tuple(length if dim == time_dim else int(array.sizes[dim]) for dim in dims)
    attributes = {str(key): _plain(value) for key, value in array.attrs.items()}
    named = {word for other in ds.variables for word in str(ds[other].attrs.get("coordinates", "")).split()}
    auxiliary = name in dims or name in named or len(dims) < 2
    return SourceVariable(
        name, dims, shape, array.dtype, attributes, cf.axis_roles(ds, dims), time_dim in dims, is_coordinate=auxiliary
    )


def _fixed_values(
    ordered: "list[tuple[Path, xr.Dataset]]", variables: dict[str, SourceVariable], time_name: str
) -> dict[str, "npt.NDArray[Any]"]:
    """Values of the small variables, joined along time; the time axis and its bounds rewritten."""
    fixed: dict[str, npt.NDArray[Any]] = {}
    for name, variable in variables.items():
        if not variable.is_coordinate and not (
            variable.appended and len(variable.dims) <= 2 and variable.shape[-1] <= 4
        ):
            continue
        if not variable.appended:
            fixed[name] = ordered[0][1][name].to_numpy()
            continue
        fixed[name] = np.concatenate([ds[name].transpose(*variable.dims).to_numpy() for _, ds in ordered])
    if time_name:
        pieces = [_rewritten_times(ds, time_name) for _, ds in ordered]
        for name in pieces[0]:
            fixed[name] = np.concatenate([piece[name][0] for piece in pieces])
            attributes = pieces[0][name][1]
            variables[name] = dataclasses.replace(variables[name], dtype=np.dtype("int64"), attributes=attributes)
    return fixed


def open_sources(
    paths: Sequence[str | os.PathLike[str]],
    *,
    variables: Sequence[str] | None = None,
    must_agree: Sequence[str] = DECODING,
) -> Sources:
    """
    Open files as one dataset: one schema, combined along time.

    Files are ordered by their first time step. Headers and coordinates are read, data are not.

    Parameters
    ----------
    paths : sequence of path
        At least one NetCDF file.
    variables : sequence of str, optional
        Data variables to take, with the coordinates and bounds they name, but those that hold text; everything by
        default.
    must_agree : sequence of str
        Attributes of the variables in which the files must not differ.

    Returns
    -------
    Sources
        The files, their schema and their small variables.

    Raises
    ------
    NotFoundError
        If a file or a wanted variable is missing.
    UnsoundFileError
        If a file is not what it claims to be.
    SchemaMismatch
        If the files do not fit together (every difference is named), nothing is stored in them or along a dimension,
        or a variable holds text.
    InputError
        If a folder is given, such as a Zarr store.
    """
    if not paths:
        msg = "no files were given, need at least one."
        raise NotFoundError(msg)
    resolved = [Path(path).absolute() for path in paths]
    opened = []
    for path in resolved:
        if not path.exists():
            near = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
            msg = f"there is no file {path}. {closest(path.name, sorted(near))}"
            raise NotFoundError(msg)
        if path.is_dir():
            msg = f"{path} is a folder, need NetCDF files: only those can be ingested. Name the files in it."
            raise InputError(msg)
        opened.append((path, _raw(path)))
    first = opened[0][1]
    time_dim = _time_dim(first)
    time_name = cf.require_axis(first, "T") if time_dim else ""
    names = _chosen(first, variables, time_name)
    for path, ds in opened:
        _check_sizes(ds, names, time_dim, path)
    _check_fit(opened, names, time_name, whole=variables is None, agree=must_agree)
    stored = _storable(first, names, variables or (), resolved[0])
    left_out = [f"{name}: left out, it holds text" for name in names if name not in stored]
    sources = _joined(opened, stored, time_dim, time_name)
    return dataclasses.replace(sources, notes=(*sources.notes, *left_out))


def _time_notes(ordered: "list[tuple[Path, xr.Dataset]]", name: str) -> list[str]:
    """Notes on the time axis of all files."""
    units = str(ordered[0][1][name].attrs.get("units", ""))
    pieces = [_decoded_times(ds, name, name) if " since " in units else ds[name] for _, ds in ordered]
    return time_notes(name, units, pieces)


def _joined(opened: "list[tuple[Path, xr.Dataset]]", names: list[str], time_dim: str, time_name: str) -> Sources:
    """Sources of files that are known to fit."""
    if len(opened) > 1 and not time_dim:
        msg = f"{len(opened)} files without a time axis cannot be joined, need one file or a time axis."
        raise SchemaMismatch(msg)
    ordered = _ordered_times(opened, time_name) if time_dim else opened
    first = ordered[0][1]
    spans, start = [], 0
    for path, ds in ordered:
        stop = start + (int(ds.sizes[time_dim]) if time_dim else 0)
        found = path.stat()
        spans.append(FileSpan(path, found.st_size, found.st_mtime_ns, start, stop))
        start = stop
    found_variables = {name: _variable(first, name, time_dim, start) for name in names}
    fixed = _fixed_values(ordered, found_variables, time_name)
    notes = [
        f"{name}: time first" for name, v in found_variables.items() if v.dims != tuple(map(str, first[name].dims))
    ]
    notes += _time_notes(ordered, time_name) if time_name else []
    attributes = {str(key): _plain(value) for key, value in first.attrs.items()}
    return Sources(tuple(spans), time_dim, found_variables, fixed, attributes, tuple(notes))
