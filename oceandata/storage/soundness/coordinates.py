"""Latitudes, longitudes and axes: whether their values can be places on the globe, in an order one can select by."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from oceandata.storage.soundness.header import Fault, VariableHeader, fault, numeric
from oceandata.storage.soundness.times import is_time

__all__ = ["check_coordinate", "horizontal_role"]

_LATITUDE_UNITS = frozenset({"degrees_north", "degree_north", "degree_n", "degrees_n", "degreen", "degreesn"})
_LONGITUDE_UNITS = frozenset({"degrees_east", "degree_east", "degree_e", "degrees_e", "degreee", "degreese"})
#: Rounding of single precision, and the half cell by which nominal longitudes exceed their circle, in degrees.
_ROUNDING_DEG = 1e-3


def horizontal_role(variable: VariableHeader) -> str:
    """
    Whether a variable holds latitudes or longitudes.

    Parameters
    ----------
    variable : VariableHeader
        Any variable.

    Returns
    -------
    str
        ``"latitude"``, ``"longitude"``, or empty if neither its standard name nor its units say so.
    """
    standard_name = variable.text("standard_name").lower()
    if standard_name:
        return standard_name if standard_name in ("latitude", "longitude") else ""
    units = variable.text("units").lower()
    return "latitude" if units in _LATITUDE_UNITS else "longitude" if units in _LONGITUDE_UNITS else ""


def check_coordinate(variable: VariableHeader) -> Iterator[Fault]:
    """
    Faults of a latitude, longitude or axis.

    Parameters
    ----------
    variable : VariableHeader
        Any variable; time axes are left to `check_time`.

    Yields
    ------
    Fault
        Each fault; none has a repair, because which value is meant is not known.
    """
    role = horizontal_role(variable)
    if is_time(variable) or not (role or variable.is_axis):
        return
    values = variable.leading()
    if values is None:
        return
    physical = numeric(variable, values)
    known = physical[np.isfinite(physical)]
    if variable.is_axis:
        yield from _axis(variable, physical, sortable=bool(role))
    if known.size and role == "latitude" and not _is_degrees_wrong(variable):
        yield from _latitudes(variable, known)
    if known.size and role == "longitude" and not _is_degrees_wrong(variable):
        yield from _longitudes(variable, known)


def _is_degrees_wrong(variable: VariableHeader) -> bool:
    """Whether a position is in another unit than degrees, such as radian."""
    units = variable.text("units").lower()
    return bool(units) and not units.startswith("deg")


def _axis(variable: VariableHeader, physical: NDArray[np.float64], *, sortable: bool) -> Iterator[Fault]:
    """Missing values of any axis; repeated and unsorted ones of a horizontal one."""
    missing = int((~np.isfinite(physical)).sum())
    if missing:
        message = f"{missing} of {physical.size} values of the axis {variable.name!r} are missing. Drop these points."
        yield fault("warning", "coordinate-missing", variable.name, message)
        return
    steps = np.diff(physical)
    if not sortable or not steps.size:
        return
    if (steps == 0).any():
        message = (
            f"{int((steps == 0).sum())} values of the axis {variable.name!r} repeat the one before. Keep one each."
        )
        yield fault("warning", "coordinate-duplicates", variable.name, message)
    elif not ((steps > 0).all() or (steps < 0).all()):
        message = f"The axis {variable.name!r} neither rises nor falls throughout. Sort the dataset by it."
        yield fault("warning", "coordinate-unsorted", variable.name, message)


def _latitudes(variable: VariableHeader, known: NDArray[np.float64]) -> Iterator[Fault]:
    outside = int((np.abs(known) > 90 + _ROUNDING_DEG).sum())
    if outside:
        worst = known[np.argmax(np.abs(known))]
        message = f"{outside} of {known.size} latitudes {variable.name!r} are outside -90 to 90, such as {worst:g}."
        yield fault("warning", "latitude-range", variable.name, f"{message} Declare missing ones, correct the others.")


def _longitudes(variable: VariableHeader, known: NDArray[np.float64]) -> Iterator[Fault]:
    low, high = float(known.min()), float(known.max())
    near, far = _ROUNDING_DEG, 180 + _ROUNDING_DEG
    if (low >= -far and high <= far) or (low >= -near and high <= 360 + near):
        return
    span = f"Longitudes {variable.name!r} run from {low:g} to {high:g}"
    if low < -360 - near or high > 720 + near:
        message = f"{span}, need -180 to 180 or 0 to 360. Declare missing ones, correct the others."
        yield fault("warning", "longitude-range", variable.name, message)
        return
    steps = np.diff(known) if variable.is_axis else np.zeros(0)
    in_order = (steps > 0).all() or (steps < 0).all()
    scattered = len(variable.shape) == 1 and not variable.is_axis
    if high - low > 360 + near or not in_order or (scattered and low < 0 < 180 < high):
        message = f"{span} and mix -180 to 180 with 0 to 360. Bring them to one of them."
        yield fault("warning", "longitude-mixed", variable.name, message)
    else:
        message = f"{span}, outside both -180 to 180 and 0 to 360. Bring them to one of them before selecting."
        yield fault("note", "longitude-beyond", variable.name, message)
