"""Horizontal grids: which one an object lies on, which one is wanted, and where the edges of its cells are."""

import dataclasses
import hashlib
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from oceandata import cf
from oceandata.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]

__all__ = ["Grid", "read_grid", "regular_grid", "target_grid"]

#: Edges and centres closer than this are one, degrees: rounding of float64 arithmetic, and of stored float32.
_TOLERANCE_DEGREES = {"d": 1e-9, "f": 1e-4}

#: What NetCDF writes where nothing was written; grids of models leave it on land, often undeclared.
_NEVER_WRITTEN = 9.0e36

_SIZES = re.compile(r"\s*([0-9.]+)\s*(?:[x×]\s*([0-9.]+))?\s*", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, eq=False)
class Grid:
    """
    A horizontal grid.

    Attributes
    ----------
    dims : tuple of str
        Dimensions of its cells: latitude and longitude, or those both coordinates share.
    lat, lon : numpy.ndarray
        Centres in degrees: one axis each on a rectilinear grid (longitudes run on without a jump), else both of the
        grid's shape. Missing centres are NaN.
    lat_bounds, lon_bounds : numpy.ndarray, shape (n, 2), or None
        Declared edges of the cells of a rectilinear grid, smaller edge first.
    variables : dict of str to xarray.Variable
        Coordinates, and declared bounds, of whatever is put on the grid.
    rectilinear : bool
        Whether latitude and longitude are axes of their own.
    tolerance_degrees : float
        Distance within which two edges or two centres are the same.
    """

    dims: tuple[str, ...]
    lat: "FloatArray"
    lon: "FloatArray"
    lat_bounds: "FloatArray | None"
    lon_bounds: "FloatArray | None"
    variables: dict[str, xr.Variable]
    rectilinear: bool
    tolerance_degrees: float

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of cells along each dimension."""
        return (self.lat.size, self.lon.size) if self.rectilinear else self.lat.shape

    @property
    def lat_cells(self) -> "FloatArray":
        """Edges of the cells along latitude, shape (n, 2), smaller edge first."""
        return _cells(self.lat, self.lat_bounds, "latitude")

    @property
    def lon_cells(self) -> "FloatArray":
        """Edges of the cells along longitude, shape (n, 2), smaller edge first."""
        return _cells(self.lon, self.lon_bounds, "longitude")

    @property
    def columns(self) -> int:
        """Number of columns before they repeat: files with both 0 and 360 hold one meridian twice."""
        turned = np.abs(self.lon - self.lon[0]) > 360 - max(self.tolerance_degrees, 1e-6)
        return int(np.argmax(turned)) if turned.any() else self.lon.size

    def coordinates(self) -> dict[str, xr.Variable]:
        """Coordinates for an array on the grid, which cannot hold bounds and so does not name them."""
        found = {}
        for name, variable in self.variables.items():
            if set(variable.dims) <= set(self.dims):
                attributes = {key: value for key, value in variable.attrs.items() if key != "bounds"}
                found[name] = xr.Variable(variable.dims, variable.to_numpy(), attributes)
        return found

    def is_periodic(self) -> bool:
        """Whether the columns go round the globe: what is missing of a turn is less than a tenth of a cell."""
        if self.columns < self.lon.size:
            return True
        if self.lon.size < 2:
            return False
        cells = self.lon_cells
        width = float(cells.max() - cells.min())
        return width > 360 - 0.1 * width / self.lon.size

    def fingerprint(self) -> str:
        """Short hash of the centres, to tell whether two grids are the same."""
        content = hashlib.sha256()
        for values in (self.lat, self.lon):
            content.update(np.ascontiguousarray(values, "<f8").tobytes())
        return content.hexdigest()[:16]


def _cells(centres: "FloatArray", declared: "FloatArray | None", axis: str) -> "FloatArray":
    """Declared edges, else edges half-way between centres."""
    if declared is not None:
        return declared
    if centres.ndim != 1 or centres.size < 2:
        msg = (
            f"the {axis} axis has {centres.size} value and no bounds, so the width of its cell is unknown: need bounds."
        )
        raise InputError(msg)
    limits = (-90.0, 90.0) if axis == "latitude" else None
    return np.sort(cf.midpoint_bounds(centres, limits=limits), axis=1)


def _running(longitudes: "FloatArray") -> "FloatArray":
    """Longitudes without the jump of a turn between neighbours."""
    if longitudes.size < 2:
        return longitudes
    steps = np.diff(longitudes)
    turns = np.round(np.where(np.abs(steps) > 180, steps, 0.0) / 360)
    return np.asarray(longitudes - 360 * np.concatenate([[0], np.cumsum(turns)]), np.float64)


def _check_axis(values: "FloatArray", name: str) -> None:
    steps = np.diff(values)
    if not np.all(np.isfinite(values)) or not (np.all(steps > 0) or np.all(steps < 0)):
        msg = f"coordinate {name!r} is not finite and strictly increasing or decreasing, need that. Sort it: sortby."
        raise InputError(msg)


def _degrees(coordinate: xr.DataArray) -> "FloatArray":
    """Values of a coordinate in float64, NaN where nothing was written."""
    if coordinate.dtype.kind not in "iuf":
        msg = f"coordinate {coordinate.name!r} holds {coordinate.dtype} values, need degrees."
        raise InputError(msg)
    values = coordinate.to_numpy().astype(np.float64)
    return np.where(np.abs(values) < _NEVER_WRITTEN, values, np.nan)


def _check_degrees(lat: xr.DataArray, lon: xr.DataArray) -> None:
    """Refuse metres of a projection and radians said to be so."""
    for coordinate, limit in ((lat, 90.0), (lon, 720.0)):
        units = str(coordinate.attrs.get("units", "")).lower()
        largest = float(np.nanmax(np.abs(_degrees(coordinate)), initial=0.0))
        if largest > limit + 1e-3 or units.startswith("rad") or units in ("m", "km"):
            msg = (
                f"coordinate {coordinate.name!r} holds {units or 'values'} up to {largest:g}, need degrees within "
                f"{limit:g}. Give the longitude and latitude of the cells as coordinates."
            )
            raise InputError(msg)


def _tolerance(*coordinates: xr.DataArray) -> float:
    narrow = any(coordinate.dtype.itemsize < 8 and coordinate.dtype.kind == "f" for coordinate in coordinates)
    return _TOLERANCE_DEGREES["f" if narrow else "d"]


def _declared(obj: xr.DataArray | xr.Dataset, name: str, centres: "FloatArray") -> "FloatArray | None":
    """Declared bounds on the turn of their centres, smaller edge first."""
    found = cf.bounds_of(obj, name)
    if found is None:
        return None
    bounds = found.astype(np.float64)
    if centres.size > 1:
        bounds = bounds - 360 * np.round((bounds - centres[:, None]) / 360)
    return np.asarray(np.sort(bounds, axis=1), np.float64)


def _kept_variables(obj: xr.DataArray | xr.Dataset, names: tuple[str, str]) -> dict[str, xr.Variable]:
    """Coordinates of the grid with the bounds they name."""
    kept: dict[str, xr.Variable] = {}
    for name in names:
        variable = obj[name].variable.copy(deep=False)
        bounds = str(variable.attrs.get("bounds", variable.encoding.get("bounds", "")))
        if bounds and bounds in getattr(obj, "variables", {}):
            kept[bounds] = obj[bounds].variable
        elif "bounds" in variable.attrs:
            variable.attrs = {key: value for key, value in variable.attrs.items() if key != "bounds"}
        kept[name] = variable
    return kept


def read_grid(obj: xr.DataArray | xr.Dataset, *, ordered: bool = True) -> Grid:
    """
    The horizontal grid an object lies on.

    Latitude and longitude are found by CF metadata. Longitudes may be on any turn and jump once.

    Parameters
    ----------
    obj : xarray.DataArray or xarray.Dataset
        Anything with latitude and longitude in degrees. Only a Dataset can hold bounds.
    ordered : bool
        Refuse axes that neither increase nor decrease; a list of places to interpolate to may be in any order.

    Returns
    -------
    Grid
        Its coordinates, read into memory.

    Raises
    ------
    InputError
        If the coordinates are no degrees, no dimensions, or an axis is not monotonic.
    NotFoundError
        If there is no latitude or longitude.
    """
    y, x = cf.require_axis(obj, "Y"), cf.require_axis(obj, "X")
    lat, lon = obj[y], obj[x]
    _check_degrees(lat, lon)
    variables = _kept_variables(obj, (y, x))
    tolerance = _tolerance(lat, lon)
    lat_values, lon_values = _degrees(lat), _degrees(lon)
    if lat.ndim == lon.ndim == 1 and lat.dims != lon.dims:
        if ordered:
            lon_values = _running(lon_values)
            _check_axis(lat_values, y)
            _check_axis(lon_values, x)
        bounds = _declared(obj, y, lat_values), _declared(obj, x, lon_values)
        dims = (str(lat.dims[0]), str(lon.dims[0]))
        return Grid(dims, lat_values, lon_values, *bounds, variables, True, tolerance)
    if lat.ndim == 0 or set(lat.dims) != set(lon.dims) or lat.ndim > 2:
        msg = (
            f"latitude {y!r} has dimensions {lat.dims} and longitude {x!r} has {lon.dims}: need one dimension each, "
            "or the same one or two for both. A single point needs a dimension: expand_dims."
        )
        raise InputError(msg)
    lon_values = _degrees(lon.transpose(*lat.dims))
    missing = ~(np.isfinite(lat_values) & np.isfinite(lon_values))
    lat_values, lon_values = np.where(missing, np.nan, lat_values), np.where(missing, np.nan, lon_values)
    shared = tuple(str(dim) for dim in lat.dims)
    return Grid(shared, lat_values, lon_values, None, None, variables, False, tolerance)


def regular_grid(dlon: float, dlat: float, *, west: float = 0.0) -> Grid:
    """
    Global grid of equal steps in longitude and latitude.

    Cells begin at the South Pole and at `west`, with declared bounds.

    Parameters
    ----------
    dlon, dlat : float
        Width and height of a cell, degrees; whole fractions of 360 and 180.
    west : float
        Western edge of the first cell, degrees.

    Returns
    -------
    Grid
        With coordinates ``lat`` and ``lon``.

    Raises
    ------
    InputError
        If the steps do not fill the globe.

    Examples
    --------
    >>> regular_grid(2, 1).shape
    (180, 180)
    """
    counts = []
    for step, whole, what in ((dlat, 180.0, "dlat"), (dlon, 360.0, "dlon")):
        count = round(whole / step) if step > 0 else 0
        if count < 1 or abs(count * step - whole) > 1e-6 * whole:
            msg = f"{what} is {step:g} degrees, need a step that fills {whole:g} degrees such as 0.25, 1 or 2.5."
            raise InputError(msg)
        counts.append(count)
    edges = {"lat": np.linspace(-90.0, 90.0, counts[0] + 1), "lon": west + np.linspace(0.0, 360.0, counts[1] + 1)}
    variables: dict[str, xr.Variable] = {}
    bounds: dict[str, Any] = {}
    for name, (long_name, unit) in {"lat": ("latitude", "north"), "lon": ("longitude", "east")}.items():
        bounds[name] = np.stack([edges[name][:-1], edges[name][1:]], axis=1)
        attributes = {"standard_name": long_name, "long_name": long_name, "units": f"degrees_{unit}"}
        attributes |= {"axis": "Y" if name == "lat" else "X", "bounds": f"{name}_bnds"}
        variables[f"{name}_bnds"] = xr.Variable((name, "bnds"), bounds[name])
        variables[name] = xr.Variable((name,), bounds[name].mean(axis=1), attributes)
    lat, lon = variables["lat"].to_numpy(), variables["lon"].to_numpy()
    return Grid(("lat", "lon"), lat, lon, bounds["lat"], bounds["lon"], variables, True, _TOLERANCE_DEGREES["d"])


def target_grid(target: Any, source: Grid) -> Grid:
    """
    The grid that a user names.

    Parameters
    ----------
    target : xarray object, tuple of float, or str
        Anything with latitude and longitude; ``(dlon, dlat)`` in degrees, or text such as ``"1x1"``, for a global grid
        whose longitudes begin at 180 W if those of `source` do, else at Greenwich.
    source : Grid
        Where the values come from.

    Returns
    -------
    Grid
        The grid.

    Raises
    ------
    InputError
        If it is none of these.
    """
    if isinstance(target, xr.Dataset | xr.DataArray):
        return read_grid(target, ordered=False)
    steps: tuple[float, ...] | None = None
    if isinstance(target, str):
        match = _SIZES.fullmatch(target)
        if match:
            steps = float(match[1]), float(match[2] or match[1])
    elif isinstance(target, tuple | list) and len(target) == 2:
        steps = tuple(float(step) for step in target)
    if steps is None:
        msg = (
            f"target is {target!r}, need an object with latitude and longitude, (dlon, dlat) in degrees, "
            "or text such as '1x1'."
        )
        raise InputError(msg)
    west = -180.0 if float(np.nanmin(source.lon)) < -0.5 * steps[0] else 0.0
    return regular_grid(steps[0], steps[1], west=west)
