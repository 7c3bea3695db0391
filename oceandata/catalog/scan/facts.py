"""What one file, or one group of a Zarr store, says of itself: read once, kept, enough to draft entries."""

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from oceandata import cf
from oceandata.documents import Document
from oceandata.entities import Extent, Variable

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["PlaceFacts", "TimeSpan", "describe_dataset"]

# Small values that belong to a whole file are compared between files by a digest.
_FIXED_BYTES = 4096

# Attributes longer than this are no facts about the data but a log.
_TEXT_LENGTH = 4000


class TimeSpan(Document):
    """
    The steps of a time axis along one dimension.

    Attributes
    ----------
    name, dimension : str
        Names of the coordinate and of its dimension, which is empty if the time is one value.
    kind : str
        Calendar, or what numbers without dates say of themselves; only times of one kind can be compared.
    first, last : float
        First and last in order of time, in seconds since 1970 of its calendar, or as the numbers they are.
    count : int
        Number of steps.
    step : float
        Smallest distance of the first two and of the last two steps, 0 if there is one only.
    is_axis : bool
        Whether it labels its dimension, as on a grid; points and profiles only carry it along.
    """

    name: str
    dimension: str = ""
    kind: str = ""
    first: float
    last: float
    count: int
    step: float = 0.0
    is_axis: bool = False


class PlaceFacts(Document):
    """
    What one file, or one group of a Zarr store, says of itself.

    Attributes
    ----------
    path : str
        Absolute path of the file, or place of the store.
    group : str
        Group of a Zarr store.
    nbytes : int or None
        Size of the file.
    ends : str
        Digest of the size and the first and last bytes of the file; empty for a store.
    sizes : dict of str to int
        Lengths of the dimensions.
    variables : dict of str to Variable
        Data variables.
    hints : dict of str to str
        Misspelt units by variable (attributes such as ``Unit``).
    attributes : dict of str to str
        Global attributes that are text.
    extent : Extent
        Where, when and how deep.
    time : TimeSpan or None
        The time axis.
    schema_digest, grid_digest : str
        Digest of names, dimensions and units of all variables; and of the coordinates that do not run along time.
    fixed : dict of str to str
        Digests of small data variables that do not run along time.
    repaired : tuple of str
        What was mended to open it.
    """

    path: str
    group: str = ""
    nbytes: int | None = None
    ends: str = ""
    sizes: dict[str, int]
    variables: dict[str, Variable]
    hints: dict[str, str] = Field(default_factory=dict)
    attributes: dict[str, str] = Field(default_factory=dict)
    extent: Extent
    time: TimeSpan | None = None
    schema_digest: str
    grid_digest: str
    fixed: dict[str, str] = Field(default_factory=dict)
    repaired: tuple[str, ...] = ()


def describe_dataset(
    ds: "xr.Dataset", path: str, *, group: str = "", nbytes: int | None = None, ends: str = ""
) -> PlaceFacts:
    """
    Facts of a dataset; coordinates and small values are read, data are not.

    Parameters
    ----------
    ds : xarray.Dataset
        Decoded, lazy.
    path, group, nbytes, ends : object
        As `PlaceFacts` has them.

    Returns
    -------
    PlaceFacts
        What can be known without reading data.
    """
    from oceandata.catalog.contents import stored_variables
    from oceandata.storage.extents import extent_of

    time = _time_span(ds)
    along = time.dimension if time else ""
    hints = {str(key): _hint(array) for key, array in ds.variables.items()}
    attributes = {str(key): value[:_TEXT_LENGTH] for key, value in ds.attrs.items() if isinstance(value, str)}
    history = attributes.get("history", "").splitlines()
    return PlaceFacts(
        path=path,
        group=group,
        nbytes=nbytes,
        ends=ends,
        sizes={str(dim): int(size) for dim, size in ds.sizes.items()},
        variables=stored_variables(ds),
        hints={key: text for key, text in hints.items() if text},
        attributes=attributes,
        extent=extent_of(ds),
        time=time,
        schema_digest=_schema_digest(ds),
        grid_digest=_digest([_grid_facts(ds[key], along) for key in sorted(map(str, ds.coords))]),
        fixed={
            str(key): _digest([str(array.dtype), _plain_values(array)])
            for key, array in ds.data_vars.items()
            if along not in array.dims and array.ndim < 2 and array.nbytes <= _FIXED_BYTES
        },
        repaired=tuple(line for line in history if line.startswith("oceandata open_sound:")),
    )


def _digest(facts: Any) -> str:
    """Short digest of JSON types."""
    text = json.dumps(facts, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:24]


def _hint(array: "xr.Variable") -> str:
    """Text of an attribute that probably was meant to be ``units``; empty if there is none, or units are there."""
    if array.attrs.get("units") or array.encoding.get("units"):
        return ""
    named = (value for key, value in array.attrs.items() if str(key).lower() in ("unit", "units", "uints"))
    return next((str(value).strip() for value in named if str(value).strip()), "")


def _plain_values(array: "xr.DataArray") -> list[str]:
    return [str(value) for value in np.atleast_1d(array.to_numpy()).ravel().tolist()]


def _schema_digest(ds: "xr.Dataset") -> str:
    """Digest of what files must have in common to be one dataset."""
    rows = []
    for key, array in ds.variables.items():
        text = array.dtype.kind in "SU" or (array.dtype.kind == "O" and "units" not in array.encoding)
        units = str(array.attrs.get("units", ""))
        rows.append([str(key), [str(dim) for dim in array.dims], units, "text" if text else "numbers"])
    return _digest(sorted(rows))


def _grid_facts(coord: "xr.DataArray", along: str) -> list[Any]:
    """Name, shape and ends of a coordinate that does not run along time; of others the name only."""
    if along in coord.dims or coord.name == along:
        return [str(coord.name)]
    corner: Any = coord[(0,) * coord.ndim] if coord.size else coord
    far: Any = coord[(-1,) * coord.ndim] if coord.size else coord
    ends = [_rounded(one.to_numpy()) for one in (corner, far)] if coord.size else []
    return [str(coord.name), list(coord.shape), ends]


def _rounded(value: Any) -> str:
    """Number to six digits, so that other rounding does not matter; anything else as text."""
    return f"{float(value):.6g}" if np.asarray(value).dtype.kind in "iuf" else str(value)


def _time_span(ds: "xr.Dataset") -> TimeSpan | None:
    """Time axis of a dataset; None without one, or if its steps cannot be put into an order."""
    try:
        name = cf.find_axis(ds, "T")
    except ValueError:
        return None
    if name is None or ds[name].ndim > 1 or not ds[name].size:
        return None
    times = ds[name]
    decoded = cf.is_decoded_time(times)
    values = np.atleast_1d(times.to_numpy())[np.atleast_1d(times.notnull().to_numpy())]
    if not values.size or (not decoded and values.dtype.kind not in "iuf"):
        return None
    numbers = _seconds(values) if decoded else values.astype(np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size:
        return None
    steps = np.abs(np.diff(numbers[[0, 1, -2, -1]])[[0, 2]]) if numbers.size > 1 else np.zeros(1)
    said = {key: str(text) for key, text in times.attrs.items() if "unit" in key.lower() or key == "calendar"}
    return TimeSpan(
        name=name,
        dimension=str(times.dims[0]) if times.ndim else "",
        kind=cf.calendar_of(times) if decoded else f"numbers {said}",
        first=float(numbers.min()),
        last=float(numbers.max()),
        count=int(np.atleast_1d(times.to_numpy()).size),
        step=float(steps.min()),
        is_axis=times.dims == (name,) or times.ndim == 0,
    )


def _seconds(values: Any) -> Any:
    """Seconds since 1970 of times that are all known."""
    import xarray as xr

    return cf.time_seconds(xr.DataArray(values, dims="time")).astype(np.float64)
