"""
What keeps files from following a repository: pure comparisons of what is stored with what is offered.

Every rule stands for an ordinary append that would damage a store without a word: another unit, another packing, other
latitudes, doubled or disordered times.
"""

import base64
import bisect
import dataclasses
import itertools
import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata import cf
from oceandata.errors import SchemaMismatch
from oceandata.storage.layout import ArrayPlan
from oceandata.storage.source_times import STEP_TOLERANCE
from oceandata.storage.sources import DECODING, SourceVariable

if TYPE_CHECKING:
    import numpy.typing as npt
    import xarray as xr
    import zarr

__all__ = [
    "Placement",
    "StepDifferences",
    "Tally",
    "array_differences",
    "find_break",
    "place_times",
    "schema_differences",
    "stored_plan",
]


def stored_plan(name: str, array: "zarr.Array[Any]") -> ArrayPlan:
    """
    How an array of a layout is stored, in the form it was planned in.

    Parameters
    ----------
    name : str
        Its name.
    array : zarr.Array
        The stored array.

    Returns
    -------
    ArrayPlan
        A floating ``_FillValue`` is a number again; without a declared missing value `fill_value` is None.
    """
    attributes = dict(array.attrs)
    fill = attributes.get("_FillValue")
    if isinstance(fill, str) and array.dtype.kind == "f":
        attributes["_FillValue"] = struct.unpack("<d", base64.standard_b64decode(fill))[0]
    declared = array.dtype.kind == "f" or "_FillValue" in attributes or "missing_value" in attributes
    return ArrayPlan(
        name=name,
        dims=tuple(str(dim) for dim in getattr(array.metadata, "dimension_names", None) or ()),
        shape=tuple(array.shape),
        chunks=tuple(array.chunks),
        dtype=np.dtype(array.dtype).newbyteorder("=").str,
        fill_value=np.asarray(array.fill_value).item() if declared else None,
        attributes=attributes,
        is_coordinate=False,
    )


def _attribute(value: object) -> object:
    """Attribute in a form that compares: NaN is equal to NaN, and to its text."""
    return "nan" if isinstance(value, float) and np.isnan(value) else value


def _variable_differences(stored: ArrayPlan, offered: SourceVariable, time_dim: str) -> list[str]:
    name = stored.name
    dtype = offered.dtype.newbyteorder("=").str
    if stored.dims != offered.dims or stored.dtype != dtype:
        return [f"{name!r} is {offered.dims} {np.dtype(dtype)}, need {stored.dims} {np.dtype(stored.dtype)}"]
    found = [
        f"dimension {dim!r} of {name!r} has {size}, need {need}"
        for dim, size, need in zip(stored.dims, offered.shape, stored.shape, strict=True)
        if dim != time_dim and size != need
    ]
    for key in DECODING:
        need, given = (_attribute(attributes.get(key)) for attributes in (stored.attributes, offered.attributes))
        if need != given:
            found.append(f"attribute {key} of {name!r} is {given!r}, need {need!r}")
    return found


def schema_differences(
    stored: Mapping[str, ArrayPlan], offered: Mapping[str, SourceVariable], time_dim: str
) -> list[str]:
    """
    What keeps variables from being those of a layout, values aside.

    Parameters
    ----------
    stored : mapping of str to ArrayPlan
        Arrays of the layout.
    offered : mapping of str to SourceVariable
        Variables of the files.
    time_dim : str
        Dimension that may have another length.

    Returns
    -------
    list of str
        One sentence a difference; empty if they fit.
    """
    found = [f"variable {name!r} is missing" for name in stored if name not in offered]
    found += [f"variable {name!r} is one too many" for name in offered if name not in stored]
    for name in stored:
        if name in offered:
            found += _variable_differences(stored[name], offered[name], time_dim)
    return found


def _unequal(stored: "npt.NDArray[Any]", offered: "npt.NDArray[Any]") -> "npt.NDArray[np.bool_]":
    """Where values differ; NaN is equal to NaN."""
    unequal: npt.NDArray[np.bool_] = stored != offered
    if stored.dtype.kind == "f":
        unequal &= ~(np.isnan(stored) & np.isnan(offered))
    return unequal


def array_differences(name: str, stored: "npt.NDArray[Any]", offered: "npt.NDArray[Any]") -> str:
    """
    Sentence on values that must be equal and are not.

    Nothing is taken for noise: a coordinate that is off by the last bit would still not be found by its label.

    Parameters
    ----------
    name : str
        The variable.
    stored, offered : numpy.ndarray
        Of one shape.

    Returns
    -------
    str
        With the largest difference and the first place; empty if all are equal.

    Examples
    --------
    >>> array_differences("lat", np.array([0.0, 10.0]), np.array([0.0, 10.25]))
    "2 values of 'lat' were compared, 1 differ, by up to 0.25; the first, at [1], is 10.25, need 10.0"
    """
    unequal = _unequal(stored, offered)
    if not unequal.any():
        return ""
    at = tuple(int(part) for part in np.argwhere(unequal)[0])
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(offered.astype("f8") - stored.astype("f8"))[unequal]
    by = f", by up to {np.nanmax(apart):g}" if np.isfinite(apart).any() else ""
    return (
        f"{stored.size} values of {name!r} were compared, {int(unequal.sum())} differ{by}; "
        f"the first, at {list(at)}, is {offered[at]}, need {stored[at]}"
    )


@dataclasses.dataclass(frozen=True)
class Placement:
    """
    Where the steps of files stand in a repository.

    Attributes
    ----------
    runs : tuple of (int, int, int)
        Steps that are stored already: first step of the files, first step stored, number of steps; each run is
        contiguous in both.
    new : int
        First step of the files that comes after all that is stored.
    """

    runs: tuple[tuple[int, int, int], ...]
    new: int


def place_times(stored: "npt.NDArray[Any]", offered: "npt.NDArray[Any]", labels: Sequence[str]) -> Placement:
    """
    Find which steps of files are stored already and which are new.

    Parameters
    ----------
    stored, offered : numpy.ndarray, shape (n,) and (m,)
        Increasing times in the same numbers.
    labels : sequence of str
        The offered times for people; the last is that of the last stored time.

    Returns
    -------
    Placement
        The steps that are stored already, and the first new one.

    Raises
    ------
    SchemaMismatch
        If a step lies before the first stored one, or between two of them: only the end can grow.

    Examples
    --------
    >>> place_times(np.array([0, 10, 20]), np.array([10, 20, 30]), ["10", "20", "30", "20"])
    Placement(runs=((0, 1, 2),), new=2)
    """
    new = int(np.searchsorted(offered, stored[-1], side="right"))
    places = np.searchsorted(stored, offered[:new])
    strange = np.flatnonzero(stored[places] != offered[:new])
    if strange.size:
        first = int(strange[0])
        where = "before the first stored step" if places[first] == 0 else "between two stored steps"
        msg = (
            f"{strange.size} steps of the files lie {where} or are otherwise not among those stored; the first is "
            f"{labels[first]}, the last stored step is {labels[-1]}. A repository grows at its end only: ingest the "
            "whole series, with these steps in it, into a new repository."
        )
        raise SchemaMismatch(msg)
    cuts = [0, *(np.flatnonzero(np.diff(places) != 1) + 1), new] if new else []
    runs = tuple((int(lo), int(places[lo]), int(hi - lo)) for lo, hi in itertools.pairwise(cuts))
    return Placement(runs, new)


def find_break(before: "xr.DataArray", after: "xr.DataArray") -> tuple[str, int] | None:
    """
    Where new times leave the step that all stored times have.

    Fewer than three stored times, and those with unequal steps, have no step to leave.

    Parameters
    ----------
    before, after : xarray.DataArray, shape (n,) and (m,)
        Increasing times without the new ones and with them; decoded, or plain numbers if they are no dates.

    Returns
    -------
    tuple of str and int, or None
        The step, and the place in `after` of the first time that does not follow at it; None if all do.

    Examples
    --------
    >>> import xarray as xr
    >>> days = xr.DataArray([1.0, 2.0, 3.0, 4.0, 9.0], dims="time")
    >>> find_break(days[:3], days)
    ('1', 4)
    """
    known = before.size
    if known < 3 or after.size == known:
        return None
    if cf.is_decoded_time(before):
        usual = cf.infer_resolution(before)
        if not usual or cf.infer_resolution(after) == usual:
            return None
        lengths = range(known + 1, after.size + 1)
        return usual, known + bisect.bisect_left(
            lengths, True, key=lambda length: cf.infer_resolution(after[:length]) != usual
        )
    steps = np.diff(after.to_numpy().astype("f8"))
    same = np.isclose(steps, steps[0], rtol=STEP_TOLERANCE, atol=0)
    if not same[: known - 1].all() or same.all():
        return None
    return f"{steps[0]:g}", int(np.argmin(same)) + 1


@dataclasses.dataclass(frozen=True)
class StepDifferences:
    """
    How a variable of files differs from what is stored for the same times.

    Attributes
    ----------
    variable, units : str
        The variable and the unit of `largest`.
    steps : tuple of int
        Stored steps with a difference.
    values, first_values : int
        Number of values that differ, and of those in the first of the steps.
    largest : float or None
        Largest difference, unpacked; None if no two numbers could be compared, because one of each pair is missing.
    """

    variable: str
    units: str
    steps: tuple[int, ...]
    values: int
    first_values: int
    largest: float | None


class Tally:
    """
    Counts how a variable differs, block by block.

    Parameters
    ----------
    plan : ArrayPlan
        The stored array, time first.
    """

    def __init__(self, plan: ArrayPlan) -> None:
        self.plan = plan
        self.counts: dict[int, int] = {}
        self.largest: float | None = None

    def add(self, start: int, stored: "npt.NDArray[Any]", offered: "npt.NDArray[Any]") -> None:
        """
        Count one block.

        Parameters
        ----------
        start : int
            Stored step at which it begins.
        stored, offered : numpy.ndarray
            Values as stored, of one shape, time first.
        """
        unequal = _unequal(stored, offered)
        counts = unequal.reshape(unequal.shape[0], -1).sum(axis=1)
        for at in np.flatnonzero(counts):
            step = start + int(at)
            self.counts[step] = self.counts.get(step, 0) + int(counts[at])
        if unequal.any():
            self._widen(stored[unequal], offered[unequal])

    def _widen(self, stored: "npt.NDArray[Any]", offered: "npt.NDArray[Any]") -> None:
        """Take the largest difference among pairs in which neither is missing."""
        attributes = self.plan.attributes
        if str(attributes.get("_Unsigned", "")).lower() == "true" and stored.dtype.kind == "i":
            stored, offered = (part.view(f"u{part.dtype.itemsize}") for part in (stored, offered))
        known = np.ones(stored.shape, bool)
        for part in (stored, offered):
            for key in ("_FillValue", "missing_value"):
                if key in attributes:
                    known &= ~np.isin(part, np.asarray(attributes[key], "f8").astype(part.dtype))
            known &= np.isfinite(part)
        if known.any():
            apart = np.abs(offered[known].astype("f8") - stored[known].astype("f8")).max()
            apart *= abs(float(attributes.get("scale_factor", 1.0)))
            self.largest = max(self.largest or 0.0, float(apart))

    def result(self) -> StepDifferences | None:
        """
        What was counted.

        Returns
        -------
        StepDifferences or None
            None if nothing differs.
        """
        steps = tuple(sorted(self.counts))
        if not steps:
            return None
        units = str(self.plan.attributes.get("units", ""))
        total = sum(self.counts.values())
        return StepDifferences(self.plan.name, units, steps, total, self.counts[steps[0]], self.largest)
