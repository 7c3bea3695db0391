"""Where, when and how deep a dataset lies: cells of a grid by their edges, points as they are."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from oceandata import cf
from oceandata.entities import Extent
from oceandata.errors import UnitsError

__all__ = ["extent_of"]

# Of coordinates larger than this only the borders are read: those of a curvilinear grid hold its extremes.
_READ_BYTES = 16_000_000

# Points that leave no wider gap lie all around the globe.
_GAP_DEG = 5.0


def _instant(value: Any) -> datetime:
    """UTC instant of a datetime64 or cftime value; days a real calendar lacks are moved to the month's end."""
    if isinstance(value, np.datetime64):
        return datetime.fromtimestamp(int(value.astype("datetime64[s]").astype("int64")), UTC)
    for day in range(value.day, value.day - 4, -1):
        try:
            return datetime(value.year, value.month, day, value.hour, value.minute, value.second, tzinfo=UTC)
        except ValueError:
            continue
    msg = f"{value} is no date"
    raise ValueError(msg)


def _axis(ds: xr.Dataset, axis: str) -> xr.DataArray | None:
    """Coordinate of an axis; None if there is none, it is empty, or several are equally good."""
    try:
        name = cf.find_axis(ds, axis)
    except ValueError:
        return None
    return ds[name] if name is not None and ds[name].size else None


def _values(coord: xr.DataArray) -> npt.NDArray[Any]:
    """Values of a coordinate; of a very large one its borders, and nothing of a very long list of points."""
    if coord.nbytes <= _READ_BYTES:
        return coord.to_numpy()
    if coord.ndim < 2:
        return coord[[0, -1]].to_numpy() if coord.dims == (coord.name,) else np.zeros(0, coord.dtype)
    ends = [coord.isel({dim: place}).to_numpy().ravel() for dim in coord.dims[-2:] for place in (0, -1)]
    return np.concatenate(ends)


def _period(times: xr.DataArray) -> tuple[datetime, datetime] | None:
    """First and last instant, None if Python has no such date (the year 0 of a climatology)."""
    values = _values(times).ravel()
    known = values[~xr.DataArray(values).isnull().to_numpy()]
    if not known.size:
        return None
    try:
        return _instant(known.min()), _instant(known.max())
    except (ValueError, OverflowError, TypeError):
        return None


def _resolution(times: xr.DataArray) -> str:
    """Step between times; empty if it is not the same throughout, or some are missing."""
    if times.ndim != 1 or times.nbytes > _READ_BYTES or bool(times.isnull().any()):
        return ""
    return cf.infer_resolution(times)


def _depths(ds: xr.Dataset) -> tuple[float, float] | None:
    """Top and bottom in m, positive down; None for heights above the surface and what is no length."""
    coord = _axis(ds, "Z")
    if coord is None or coord.dtype.kind not in "iuf":
        return None
    try:
        levels = xr.DataArray(_values(coord).astype("float64"), attrs=coord.attrs, name=coord.name)
        values = cf.convert_units(levels, "m").to_numpy().ravel()
    except UnitsError:
        return None
    values = values[np.isfinite(values)] if coord.dims != (coord.name,) else values
    if not values.size or not np.isfinite(values).all():
        return None
    up = str(coord.attrs.get("positive", "")).lower() == "up" or coord.attrs.get("standard_name") == "height"
    if up or values.max() <= 0:
        values = 0.0 - values
    if values.max() < 0:
        return None
    return float(values.min()), float(values.max())


def _is_rotated(coord: xr.DataArray) -> bool:
    """Whether a horizontal coordinate is that of a map projection or a rotated pole."""
    if str(coord.attrs.get("standard_name", "")).startswith(("grid_", "projection_")):
        return True
    return "deg" not in str(coord.attrs.get("units", "deg")).lower()


def _degrees(coord: xr.DataArray | None, axis: str, *, points: bool) -> tuple[npt.NDArray[np.float64], bool] | None:
    """Outer cell edges of a regular axis (True), or all places that can be on the globe (False)."""
    if coord is None or coord.dtype.kind not in "iuf" or _is_rotated(coord):
        return None
    values = _values(coord).astype("float64").ravel()
    steps = np.diff(values)
    if coord.ndim == 1 and not points and values.size > 1 and bool(np.all(steps > 0) or np.all(steps < 0)):
        cells = cf.midpoint_bounds(values)
        return np.array([cells.min(), cells.max()]), True
    limit = 90.001 if axis == "Y" else 720.0
    known = values[np.abs(values) <= limit]
    return (known, False) if known.size else None


def _bbox(ds: xr.Dataset) -> tuple[float, float, float, float] | None:
    """West, south, east, north of the cells; the whole circle is -180 to 180."""
    lon, lat = _axis(ds, "X"), _axis(ds, "Y")
    points = lon is not None and lat is not None and lon.dims == lat.dims
    x, y = _degrees(lon, "X", points=points), _degrees(lat, "Y", points=points)
    if x is None or y is None:
        return None
    south, north = max(-90.0, float(y[0].min())), min(90.0, float(y[0].max()))
    if south > north:
        return None
    west, east = float(x[0].min()), float(x[0].max())
    if not x[1] and east > west:
        west, east = _arc(x[0])
        return west, south, east, north
    if east - west > 360 - 1e-3 or not (-540 <= west <= east <= 720):
        return -180.0, south, 180.0, north
    west, east = ((edge + 180) % 360 - 180 for edge in (west, east))
    return west, south, (180.0 if east == -180 else east), north


def _arc(longitudes: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Ends of the shortest arc that holds all points, from west to east, also across the date line."""
    turned = np.unique((longitudes + 180) % 360 - 180)
    gaps = np.diff(np.append(turned, turned[0] + 360))
    widest = int(np.argmax(gaps))
    if gaps[widest] < _GAP_DEG:
        return -180.0, 180.0
    return float(turned[(widest + 1) % turned.size]), float(turned[widest])


def extent_of(ds: xr.Dataset) -> Extent:
    """
    Where, when and how deep the cells or points of a decoded dataset lie.

    Points that cannot be on the globe are left out of account; so are coordinates of a map projection.

    Parameters
    ----------
    ds : xarray.Dataset
        Its coordinates are read, whole up to 16 MB, of larger grids the borders.

    Returns
    -------
    Extent
        What is unknown is None.
    """
    time: tuple[datetime, datetime] | None = None
    resolution = ""
    times = _axis(ds, "T")
    if times is not None and times.dtype.kind in "MO" and cf.is_decoded_time(times):
        time = _period(times)
        resolution = _resolution(times)
    return Extent(bbox=_bbox(ds), time=time, depth_m=_depths(ds), time_resolution=resolution)
