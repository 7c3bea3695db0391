"""
Files that together make one dataset: their common schema, their order along time, and the reading of boxes from them.

Values are read as stored in the files: packed integers stay packed, so nothing is rounded on the way. Only the time
axis is rewritten, to whole seconds (or milliseconds) since 1970 in its own calendar.
"""

import dataclasses
import functools
import itertools
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata import cf
from oceandata.errors import NotFoundError, SchemaMismatch, closest
from oceandata.storage.soundness import open_sound

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr

__all__ = ["FileSpan", "SourceVariable", "Sources", "open_sources"]

# Attributes without which stored numbers mean something else: they must agree in all files.
_DECODING = ("units", "scale_factor", "add_offset", "_FillValue", "missing_value", "_Unsigned", "positive", "calendar")


@dataclasses.dataclass(frozen=True)
class FileSpan:
    """A file and the time steps it holds, ``start`` to ``stop`` of the whole dataset."""

    path: Path
    nbytes: int
    modified_ns: int
    start: int
    stop: int


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
        """
        if name in self.fixed:
            return self.fixed[name][tuple(box)]
        variable = self.variables[name]
        if not variable.appended:
            return _raw(self.files[0].path)[name].isel(dict(zip(variable.dims, box, strict=True))).to_numpy()
        times, rest = box[0], dict(zip(variable.dims[1:], box[1:], strict=True))
        parts = []
        for file in self.files:
            start, stop = max(times.start, file.start), min(times.stop, file.stop)
            if start < stop:
                within = slice(start - file.start, stop - file.start)
                array = _raw(file.path)[name].transpose(*variable.dims)
                parts.append(array.isel({variable.dims[0]: within, **rest}).to_numpy())
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=0)


@functools.lru_cache(maxsize=64)
def _opened(state: tuple[Path, int, int]) -> "xr.Dataset":
    """Undecoded dataset of a file, kept open while it is worked on; a changed file is another state."""
    return open_sound(state[0])


def _raw(path: Path) -> "xr.Dataset":
    found = path.stat()
    return _opened((path, found.st_mtime_ns, found.st_size))


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
    if name is None or ds[name].ndim != 1:
        return ""
    return str(ds[name].dims[0])


def _roles(ds: "xr.Dataset", dims: Sequence[str]) -> tuple[str, ...]:
    """Meaning of each dimension: X, Y, Z, T or empty."""
    meaning: dict[str, str] = {}
    for axis in "XYZT":
        try:
            name = cf.find_axis(ds, axis)
        except ValueError:
            continue
        if name is None:
            continue
        along = [str(dim) for dim in ds[name].dims]
        if len(along) == 1:
            meaning.setdefault(along[0], axis)
        elif len(along) == 2:
            meaning.setdefault(along[-1 if axis == "X" else 0], axis)
    return tuple(meaning.get(dim, "") for dim in dims)


def _time_values(ds: "xr.Dataset", name: str) -> "tuple[npt.NDArray[np.int64], dict[str, Any]] | None":
    """Time axis (or its bounds) as whole seconds since 1970 with its attributes, None if it is no calendar time."""
    import xarray as xr

    attributes = ds[name].attrs
    if " since " not in str(attributes.get("units", "")):
        return None
    bounds = str(attributes.get("bounds", ""))
    decoded = xr.decode_cf(ds[[name, *([bounds] if bounds in ds.variables else [])]].load(), decode_coords=False)
    calendar = cf.calendar_of(decoded[name])
    kept = {key: value for key, value in attributes.items() if key not in ("units", "calendar", "_FillValue")}
    kept |= {"units": "seconds since 1970-01-01", "calendar": calendar}
    return cf.time_seconds(decoded[name]), kept


def _encoded_times(ds: "xr.Dataset", time_name: str) -> dict[str, tuple["npt.NDArray[np.int64]", dict[str, Any]]]:
    """Rewritten time axis and its bounds, by name."""
    import xarray as xr

    axis = _time_values(ds, time_name)
    if axis is None:
        return {}
    rewritten = {time_name: axis}
    bounds = str(ds[time_name].attrs.get("bounds", ""))
    if bounds in ds.variables:
        decoded = xr.decode_cf(ds[[time_name, bounds]].load(), decode_coords=False)
        rewritten[bounds] = (cf.time_seconds(decoded[bounds]), {})
    return rewritten


def _check_storable(name: str, dtype: "np.dtype[Any]", path: Path) -> None:
    if dtype.kind not in "biuf":
        msg = (
            f"variable {name!r} of {path.name} holds {dtype} values, need numbers or booleans. "
            "Name the variables to store and leave this one out."
        )
        raise SchemaMismatch(msg)


def _chosen(ds: "xr.Dataset", wanted: Sequence[str] | None) -> list[str]:
    """Names to store: the wanted variables with their coordinates, bounds and grid mappings, or everything."""
    if wanted is None:
        return [str(name) for name in ds.variables]
    missing = [name for name in wanted if name not in ds.variables]
    if missing:
        msg = f"there is no variable {missing[0]!r} in the file. {closest(missing[0], [str(v) for v in ds.data_vars])}"
        raise NotFoundError(msg)
    kept: list[str] = []
    queue = list(wanted)
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


def _differences(first: "xr.Dataset", other: "xr.Dataset", names: Sequence[str], time_dim: str) -> list[str]:
    """What keeps two files from being one dataset."""
    found = [f"variable {name!r} is missing" for name in names if name not in other.variables]
    for name in names:
        if name not in other.variables:
            continue
        a, b = first[name], other[name]
        if a.dims != b.dims or a.dtype != b.dtype:
            found.append(f"{name!r} is {b.dims} {b.dtype}, need {a.dims} {a.dtype}")
            continue
        sizes = [d for d in a.dims if d != time_dim and a.sizes[d] != b.sizes[d]]
        found += [f"dimension {d!r} of {name!r} has {b.sizes[d]}, need {a.sizes[d]}" for d in sizes]
        if time_dim in a.dims and name == time_dim:
            continue
        for key in _DECODING:
            one, two = _plain(a.attrs.get(key)), _plain(b.attrs.get(key))
            if one != two:
                found.append(f"attribute {key} of {name!r} is {two!r}, need {one!r}")
        if not sizes and time_dim not in a.dims and not np.array_equal(a.to_numpy(), b.to_numpy(), equal_nan=False):
            found.append(f"the values of {name!r} differ")
    return found


def _ordered_times(files: "list[tuple[Path, xr.Dataset]]", time_name: str) -> "list[tuple[Path, xr.Dataset]]":
    """Files by their first time; overlapping or unordered times are refused."""
    spans = []
    for path, ds in files:
        rewritten = _time_values(ds, time_name)
        values = rewritten[0] if rewritten else ds[time_name].to_numpy()
        if values.size == 0:
            msg = f"{path.name} has no time step. Leave it out."
            raise SchemaMismatch(msg)
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
        name, dims, shape, array.dtype, attributes, _roles(ds, dims), time_dim in dims, is_coordinate=auxiliary
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
        pieces = [_encoded_times(ds, time_name) for _, ds in ordered]
        for name in pieces[0]:
            fixed[name] = np.concatenate([piece[name][0] for piece in pieces])
            attributes = pieces[0][name][1]
            variables[name] = dataclasses.replace(variables[name], dtype=np.dtype("int64"), attributes=attributes)
    return fixed


def open_sources(paths: Sequence[str | os.PathLike[str]], *, variables: Sequence[str] | None = None) -> Sources:
    """
    Open files as one dataset: one schema, combined along time.

    Files are ordered by their first time step. Headers and coordinates are read, data are not.

    Parameters
    ----------
    paths : sequence of path
        At least one NetCDF file.
    variables : sequence of str, optional
        Data variables to take, with the coordinates and bounds they name; everything by default.

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
        If the files do not fit together; every difference is named.
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
        opened.append((path, _raw(path)))
    first = opened[0][1]
    time_dim = _time_dim(first)
    names = _chosen(first, variables)
    time_name = cf.require_axis(first, "T") if time_dim else ""
    if time_name and time_name not in names:
        names.append(time_name)
    for path, other in opened[1:]:
        differences = _differences(first, other, names, time_dim)
        if differences:
            msg = "\n".join([f"{path.name} does not fit {resolved[0].name}:", *(f"  {line}" for line in differences)])
            raise SchemaMismatch(msg)
    return _joined(opened, names, time_dim, time_name)


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
    found_variables = {}
    for name in names:
        _check_storable(name, first[name].dtype, ordered[0][0])
        found_variables[name] = _variable(first, name, time_dim, start)
    fixed = _fixed_values(ordered, found_variables, time_name)
    notes = [
        f"{name}: time first" for name, v in found_variables.items() if v.dims != tuple(map(str, first[name].dims))
    ]
    if time_name in fixed:
        notes.append(
            f"{time_name}: rewritten as whole seconds since 1970-01-01, {first[time_name].attrs.get('units')!r} before"
        )
    attributes = {str(key): _plain(value) for key, value in first.attrs.items()}
    return Sources(tuple(spans), time_dim, found_variables, fixed, attributes, tuple(notes))
