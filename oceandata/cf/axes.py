"""
Which coordinate is longitude, latitude, the vertical and time; cell edges; longitudes on one turn.

What a coordinate says about itself (CF attributes, units, decoded times) comes before what it is called.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from oceandata.cf._tables import fold
from oceandata.cf.units import find_unit
from oceandata.errors import InputError, NotFoundError

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "axis_roles",
    "bounds_of",
    "find_axis",
    "is_decoded_time",
    "midpoint_bounds",
    "require_axis",
    "wrap_longitude",
]

_AXES = {"X": "longitude", "Y": "latitude", "Z": "vertical", "T": "time"}

_STANDARD_NAMES = {
    "X": re.compile("longitude"),
    "Y": re.compile("latitude"),
    "Z": re.compile(
        r"depth|depth_below_geoid|altitude|height(_above_(mean_sea_level|geoid|reference_ellipsoid))?"
        r"|sea_water_pressure(_due_to_sea_water)?|air_pressure|model_level_number"
        r"|(ocean|atmosphere)_.*_coordinate(_g[12])?"
    ),
    "T": re.compile("time"),
}

_DIRECTION_UNITS = {"X": "degrees_east", "Y": "degrees_north"}

_SINCE = re.compile(r"\s*[a-z_ ]+\s+since\s", re.IGNORECASE)

#: Names that stand for an axis when nothing else speaks against it; compared without case.
_NAMES = {
    "X": re.compile(
        r"lon|lons|longitude|nav_lon|glam[tuvf]|[tuv]lon|[tuv]long|lon_(rho|u|v|psi)|geolon(_[tuvc])?"
        r"|x[tu]|x[tu]_ocean|coadsx|xaxlevitr|etopo\d+x|lon[0-9]+|经度"
    ),
    "Y": re.compile(
        r"lat|lats|latitude|nav_lat|gphi[tuvf]|[tuv]lat|lat_(rho|u|v|psi)|geolat(_[tuvc])?"
        r"|y[tu]|y[tu]_ocean|coadsy|yaxlevitr|etopo\d+y|lat[0-9]+|纬度"
    ),
    "Z": re.compile(
        r"depth|depths|depth[tuvw]|z|lev|level|levels|plev|pres|pressure|st_ocean|sw_ocean|z_[tlwi]|z[tlu]"
        r"|gdep[tw]|olevel|s_(rho|w)|zaxlevitr|深度"
    ),
    "T": re.compile(r"time|times|t|time_(counter|centered|instant)|ocean_time|juld|date|datetime|时间|日期"),
}


def _text(variable: Any, key: str) -> str:
    """Attribute of a variable as text, also if decoding moved it to the encoding; empty if absent."""
    return str(variable.attrs.get(key, variable.encoding.get(key, ""))).strip()


def is_decoded_time(coord: "xr.DataArray | xr.Variable") -> bool:
    """
    Whether the values are instants (NumPy or cftime), not numbers.

    An array of objects is judged by its first element, which is read for it. An empty array of objects is not
    decoded time.

    Parameters
    ----------
    coord : xarray.DataArray or xarray.Variable
        Any array.

    Returns
    -------
    bool
        True for ``datetime64`` of any unit and for cftime objects.
    """
    if np.issubdtype(coord.dtype, np.datetime64):
        return True
    if coord.dtype != object or coord.size == 0:
        return False
    first = np.asarray(coord[(0,) * coord.ndim].values).item()
    return type(first).__module__.split(".")[0] == "cftime"


def _means(variable: Any, axis: str) -> bool:
    """Whether values, units or attributes say that a variable holds this axis."""
    standard_name = fold(_text(variable, "standard_name"))
    if standard_name:  # another standard name speaks against whatever units or values say
        return _STANDARD_NAMES[axis].fullmatch(standard_name) is not None
    if axis == "T":
        return is_decoded_time(variable) or _SINCE.match(_text(variable, "units")) is not None
    unit = find_unit(_text(variable, "units"))
    if axis == "Z":
        upright = fold(_text(variable, "positive")) in ("up", "down")
        pressure = unit is not None and unit.quantity == "pressure" and variable.ndim == 1
        return upright or pressure or _marked(variable, axis)
    return unit is not None and unit.symbol == _DIRECTION_UNITS[axis]


def _marked(variable: Any, axis: str) -> bool:
    """Whether an attribute marks the variable as this axis."""
    return axis in (_text(variable, "axis").upper(), _text(variable, "cartesian_axis").upper())


def _named(name: str, variable: Any, axis: str) -> bool:
    """Whether the name stands for this axis and neither units nor standard name speak against it."""
    if _NAMES[axis].fullmatch(fold(name)) is None or _text(variable, "standard_name"):
        return False
    units = _text(variable, "units")
    unit = find_unit(units)
    if not units or axis == "T":
        return True
    if axis == "Z":
        return unit is None or unit.quantity in ("length", "pressure", "ratio")
    return unit is not None and unit.symbol == "degrees"


def _rank(name: str, variable: Any, axis: str) -> tuple[int, ...] | None:
    """Place of a coordinate among the candidates of an axis, the smallest wins; None if it is none."""
    if _means(variable, axis):
        nominal = axis in "XY" and "nominal" in fold(_text(variable, "long_name"))
        grade = 2 if nominal else 0
    elif _named(name, variable, axis):
        grade = 1
    elif _marked(variable, axis):
        grade = 2
    else:
        return None
    if axis == "Z" and variable.ndim > 1:
        grade += 3
    shape = 0 if variable.dims == (name,) else variable.ndim
    unmarked = int(not (_marked(variable, axis) or _text(variable, "standard_name")))
    strange = int(axis == "T" and _NAMES[axis].fullmatch(fold(name)) is None)  # Argo: JULD, not JULD_LOCATION
    return int(variable.ndim == 0), grade, shape, unmarked, strange


def _edge_names(variables: Any) -> set[str]:
    """Names that other variables give as their bounds or edges."""
    return {_text(variable, key) for variable in variables.values() for key in ("bounds", "edges", "climatology")}


def _candidates(obj: "xr.Dataset | xr.DataArray", axis: str) -> list[str]:
    """Names of the best candidates of an axis; more than one if they are equals."""
    edges = _edge_names(obj.coords)
    ranks = {
        str(name): rank
        for name, coord in obj.coords.items()
        if str(name) not in edges and (rank := _rank(str(name), coord.variable, axis)) is not None
    }
    if not ranks:
        ranks = _stray_candidates(obj, axis)
    best = min(ranks.values(), default=None)
    return [name for name, rank in ranks.items() if rank == best]


def _stray_candidates(obj: "xr.Dataset | xr.DataArray", axis: str) -> dict[str, tuple[int, ...]]:
    """Ranks of data variables that mark themselves as coordinates (Argo, many profile files)."""
    ranks: dict[str, tuple[int, ...]] = {}
    for name in getattr(obj, "data_vars", ()):
        variable = obj.variables[name]
        standard_name = fold(_text(variable, "standard_name"))
        marked = _marked(variable, axis) or standard_name in ("longitude", "latitude", "depth", "time")
        rank = _rank(str(name), variable, axis) if marked else None
        if rank is not None:
            ranks[str(name)] = rank
    return ranks


def find_axis(obj: "xr.Dataset | xr.DataArray", axis: str) -> str | None:
    """
    Name of the coordinate that holds longitude, latitude, the vertical or time.

    On a curvilinear grid the two-dimensional longitude or latitude is returned, rather than an index or a nominal
    longitude along a dimension. Otherwise a coordinate that is a dimension wins over one along another dimension
    (``obj[name].dims`` says which), and that over a scalar. A dataset's data variables are looked at only if no
    coordinate fits and only if they mark themselves, as in Argo files. The unit is not checked: the vertical may be
    in m, dbar or a sigma coordinate, and an axis marked ``X`` may be a projection's.

    Parameters
    ----------
    obj : xarray.Dataset or xarray.DataArray
        What to look in. Only metadata is read.
    axis : {"X", "Y", "Z", "T"}
        Longitude, latitude, vertical, time.

    Returns
    -------
    str or None
        Name of the coordinate, None if there is none.

    Raises
    ------
    InputError
        If `axis` is none of the four letters, or if several coordinates are equally good.

    Notes
    -----
    Evidence, best first: (1) ``standard_name``; without one ``units`` (``degrees_east``, a pressure, ``days since``),
    decoded times, ``positive`` and, for the vertical, ``axis``; (2) a known name, unless its unit speaks against it;
    (3) the attribute ``axis`` or ``cartesian_axis`` alone.

    References
    ----------
    CF conventions 1.11, chapter 4, coordinate types.

    Examples
    --------
    >>> import xarray as xr
    >>> grid = xr.Dataset(coords={"COADSX": ("COADSX", [21.0, 23.0], {"units": "DEGREES_EAST"})})
    >>> find_axis(grid, "X")
    'COADSX'
    """
    if axis not in _AXES:
        msg = f"axis is {axis!r}, need 'X' (longitude), 'Y' (latitude), 'Z' (vertical) or 'T' (time)."
        raise InputError(msg)
    names = _candidates(obj, axis)
    if len(names) > 1:
        shown = ", ".join(map(repr, sorted(names)))
        msg = (
            f"several coordinates may be the {_AXES[axis]} axis: {shown}; need one. "
            "Select the variable you mean, or drop the coordinates you do not."
        )
        raise InputError(msg)
    return names[0] if names else None


def require_axis(obj: "xr.Dataset | xr.DataArray", axis: str) -> str:
    """
    Name of the coordinate that holds an axis, which must be there.

    Parameters
    ----------
    obj : xarray.Dataset or xarray.DataArray
        What to look in. Only metadata is read.
    axis : {"X", "Y", "Z", "T"}
        Longitude, latitude, vertical, time.

    Returns
    -------
    str
        Name of the coordinate, found as `find_axis` does.

    Raises
    ------
    InputError
        If `axis` is none of the four letters, or if several coordinates are equally good.
    NotFoundError
        If there is none; the message lists the coordinates and dimensions there are.
    """
    name = find_axis(obj, axis)
    if name is None:
        coords = ", ".join(repr(str(coord)) for coord in obj.coords) or "none"
        msg = (
            f"no {_AXES[axis]} axis: got coordinates {coords} on dimensions {tuple(map(str, obj.sizes))}, need one "
            f"with axis={axis!r}, a standard_name or telling units. Set it: obj[name].attrs['axis'] = {axis!r}."
        )
        raise NotFoundError(msg)
    return name


def bounds_of(obj: "xr.Dataset | xr.DataArray", coord_name: str) -> npt.NDArray[Any] | None:
    """
    Cell edges that the file itself gives for a one-dimensional coordinate.

    None if the coordinate names no bounds, or if the variable it names is not there: always so in a DataArray, which
    lacks their second dimension, so pass the dataset. A scalar coordinate counts as one of length 1.

    Parameters
    ----------
    obj : xarray.Dataset or xarray.DataArray
        What holds the coordinate.
    coord_name : str
        Name of the coordinate.

    Returns
    -------
    numpy.ndarray, shape (n, 2), or None
        Edges of each cell in the coordinate's unit, read into memory.

    Raises
    ------
    InputError
        If the coordinate has two dimensions, or if the bounds do not fit it in shape or kind.

    Notes
    -----
    CF's ``bounds`` has two edges a cell; the older ``edges`` of COARDS files has n + 1 shared ones.
    """
    coord = obj[coord_name]
    if coord.ndim > 1:
        msg = f"{coord_name!r} has {coord.ndim} dimensions, need one: corners of a curvilinear grid are no cell edges."
        raise InputError(msg)
    variables = getattr(obj, "variables", {})
    for key, shape in (("bounds", (coord.size, 2)), ("edges", (coord.size + 1,))):
        name = _text(coord, key)
        if name not in variables:
            continue
        bounds = np.asarray(_decoded_as(coord, variables[name]).values)
        if bounds.shape == (2,) and coord.ndim == 0:
            bounds = bounds.reshape(1, 2)
        if bounds.shape != shape or bounds.dtype.kind != coord.dtype.kind:
            msg = (
                f"bounds {name!r} of {coord_name!r} are {bounds.dtype} of shape {bounds.shape}, need {coord.dtype} of "
                f"shape {shape}. Mend them or leave them out: ds.drop_vars({name!r})."
            )
            raise InputError(msg)
        return bounds if key == "bounds" else np.stack([bounds[:-1], bounds[1:]], axis=1)
    return None


def _decoded_as(coord: Any, bounds: Any) -> Any:
    """Bounds decoded with the units of their time coordinate, which they inherit (GFDL writes ``days`` on them)."""
    units, own = str(coord.encoding.get("units", "")), _text(bounds, "units")
    inherits = own in ("", units, units.split(" since ")[0])
    if not units or not inherits or bounds.dtype.kind not in "iuf" or not is_decoded_time(coord):
        return bounds
    import xarray as xr

    raw = xr.Variable(
        bounds.dims, bounds.values, {"units": units, "calendar": coord.encoding.get("calendar", "standard")}
    )
    return xr.decode_cf(xr.Dataset({"bounds": raw}))["bounds"]


def axis_roles(ds: "xr.Dataset", dims: Sequence[str]) -> tuple[str, ...]:
    """
    Meaning of dimensions.

    The rows of a curvilinear grid count as Y, its columns as X. An axis that is ambiguous gives no meaning.

    Parameters
    ----------
    ds : xarray.Dataset
        Dataset with the coordinates.
    dims : sequence of str
        Names of dimensions.

    Returns
    -------
    tuple of str
        ``"X"``, ``"Y"``, ``"Z"``, ``"T"`` or an empty string for each.
    """
    meaning: dict[str, str] = {}
    for axis in "XYZT":
        try:
            name = find_axis(ds, axis)
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


def midpoint_bounds(values: npt.ArrayLike, *, limits: tuple[float, float] | None = None) -> npt.NDArray[Any]:
    """
    Cell edges half-way between neighbouring centres.

    The first and last cells are symmetric about their centres. Neighbours share their edge exactly.

    Parameters
    ----------
    values : array_like, shape (n,)
        Cell centres, increasing or decreasing, at least two; numbers or ``datetime64``.
    limits : tuple of float or None
        Smallest and largest edge possible, in the unit of `values`: (-90, 90) for latitude, (0, inf) for depth.

    Returns
    -------
    numpy.ndarray, shape (n, 2)
        Edges in the order of the centres; float64 for numbers.

    Raises
    ------
    InputError
        If the centres are fewer than two, not finite, or neither increasing nor decreasing.

    Examples
    --------
    >>> midpoint_bounds([-90.0, -89.0, -87.0], limits=(-90, 90)).tolist()
    [[-90.0, -89.5], [-89.5, -88.0], [-88.0, -86.0]]
    """
    centres = np.asarray(values)
    if centres.dtype.kind != "M":
        centres = centres.astype(np.float64)
    if centres.ndim != 1 or centres.size < 2:
        msg = f"cell centres have shape {centres.shape}, need (n,) with n of 2 or more to tell a cell's width."
        raise InputError(msg)
    steps = np.diff(centres)
    zero = np.zeros((), steps.dtype)
    if not (np.all(steps > zero) or np.all(steps < zero)) or not np.all(np.isfinite(centres)):
        msg = (
            f"cell centres from {centres[0]} to {centres[-1]} are not finite and strictly increasing or decreasing. "
            "Sort them, and bring longitudes onto one turn with cf.wrap_longitude."
        )
        raise InputError(msg)
    inner = centres[:-1] + steps / 2
    edges = np.concatenate([[centres[0] - steps[0] / 2], inner, [centres[-1] + steps[-1] / 2]])
    if limits is not None:
        edges = np.clip(edges, *limits)
    return np.stack([edges[:-1], edges[1:]], axis=1)


def wrap_longitude(values: npt.ArrayLike, west: float) -> npt.NDArray[np.float64]:
    """
    Longitudes on the turn that begins at a given one.

    Values already on that turn are returned unchanged, bit for bit. NaN stays NaN.

    Parameters
    ----------
    values : array_like
        Longitudes, degrees; any number of turns.
    west : float
        Where the turn begins, degrees.

    Returns
    -------
    numpy.ndarray of float64
        The same meridians in [west, west + 360).

    Examples
    --------
    >>> wrap_longitude([190.0, 379.5, -180.0], -180.0).tolist()
    [-170.0, 19.5, -180.0]
    """
    longitudes = np.asarray(values, dtype=np.float64)
    wrapped = west + (longitudes - west) % 360.0
    wrapped = np.where(wrapped >= west + 360.0, west, wrapped)  # a tiny negative distance rounds up to a full turn
    return np.where((longitudes >= west) & (longitudes < west + 360.0), longitudes, wrapped)
