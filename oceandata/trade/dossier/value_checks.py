"""Checks on values, all from one streamed pass over each variable: what is missing, what cannot be."""

import dataclasses
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata import cf
from oceandata.errors import InputError
from oceandata.trade.dossier.report import Check

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Sample", "check_values", "drawn"]


@dataclasses.dataclass(frozen=True)
class Sample:
    """
    Which part of a variable is looked at.

    Attributes
    ----------
    fraction : float
        Share of the stored chunks along time, above 0 up to 1.
    seed : int
        Of the draw.
    """

    fraction: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.fraction <= 1 or self.seed < 0:
            msg = f"fraction is {self.fraction} and seed {self.seed}, need 0 < fraction <= 1 and a seed from 0."
            raise InputError(msg)


def drawn(da: "xr.DataArray", sample: Sample) -> "tuple[xr.DataArray, str]":
    """
    Part of a variable that a sample takes, in whole stored chunks along time.

    Parameters
    ----------
    da : xarray.DataArray
        In Dask blocks of its stored chunks.
    sample : Sample
        Share and seed.

    Returns
    -------
    xarray.DataArray
        The part, lazy; all of it without a time axis.
    str
        What was taken, in words.

    Notes
    -----
    The chunks are those that ``numpy.random.default_rng(seed).choice`` draws without repetition.
    """
    axis = cf.find_axis(da, "T")
    if sample.fraction == 1 or axis is None or axis not in da.dims or da.chunks is None:
        return da, "all"
    lengths = da.chunks[int(da.get_axis_num(axis))]
    count = max(1, math.ceil(sample.fraction * len(lengths)))
    chosen = np.sort(np.random.default_rng(sample.seed).choice(len(lengths), count, replace=False))
    starts = np.concatenate([[0], np.cumsum(lengths)])
    steps = np.concatenate([np.arange(starts[one], starts[one + 1]) for one in chosen])
    said = f"{count} of {len(lengths)} chunks along {axis}, seed {sample.seed}"
    return da.isel({axis: steps}), said


def _range_of(da: "xr.DataArray") -> tuple[float, float, str] | None:
    """Range of what a variable can be, in its own unit, and the standard name that says so."""
    from oceandata.storage.soundness.quantities import PLAUSIBLE, families_of

    names = [name for name in cf.canonical_names(str(da.name), da.attrs) if name in PLAUSIBLE]
    families = families_of(str(da.attrs.get("units", "")))
    if not names or PLAUSIBLE[names[0]].family not in families:
        return None
    allowed = PLAUSIBLE[names[0]]
    scale, offset = families[allowed.family]
    low, high = (allowed.low - offset) / scale, (allowed.high - offset) / scale
    return low, high, names[0]


def check_values(da: "xr.DataArray", sample: Sample) -> Iterator[Check]:
    """
    Completeness and plausibility of one variable, from one pass.

    Parameters
    ----------
    da : xarray.DataArray
        In Dask blocks.
    sample : Sample
        Which part.

    Yields
    ------
    Check
        ``non-missing``: valid values over all steps of the cells that are ever valid, which are the sea;
        ``plausible-range``: values inside what the CF standard name allows.

    Notes
    -----
    Both come from `oceandata.analysis.statistics`: each byte is read once, memory does not grow with time.
    """
    part, said = drawn(da, sample)
    name, limits = str(da.name), _range_of(da)
    try:
        numbers = _numbers(part, limits)
    except Exception as error:  # damaged bytes may fail in any codec: the values are then unknown, and it says so
        reason = f"{name} cannot be read ({type(error).__name__})"
        yield Check("completeness", "non-missing/1", None, "valid values", reason, name, said)
        yield Check("accuracy", "plausible-range/1", None, "values in range", reason, name, said)
        return
    yield _non_missing(part, numbers, said)
    yield _plausible(part, numbers, limits, said)


def _numbers(part: "xr.DataArray", limits: tuple[float, float, str] | None) -> dict[str, Any]:
    """Counts of one pass."""
    from dask.base import compute

    from oceandata.analysis import statistics

    if part.dtype.kind not in "fiu":
        return {}
    axis = cf.find_axis(part, "T")
    over = [axis] if axis in part.dims else list(part.dims)
    asked: dict[str, dict[str, Any]] = {"extremes": {"dim": over}}
    if limits is not None:
        asked["histogram"] = {"bins": list(limits[:2]), "dim": list(part.dims)}
    results = statistics(part, asked)
    count = results["extremes"]["count"]
    wanted: dict[str, Any] = {"valid": count.sum(), "cells": (count > 0).sum()}
    wanted |= {"low": results["extremes"]["minimum"].min(), "high": results["extremes"]["maximum"].max()}
    if limits is not None:
        histogram = results["histogram"]
        wanted |= {"inside": histogram.sum(), "below": histogram["below"], "above": histogram["above"]}
    (computed,) = compute(wanted)
    found: dict[str, Any] = {key: int(value) for key, value in computed.items() if key not in ("low", "high")}
    for key in ("low", "high"):
        value = float(computed[key])
        found[key] = value if math.isfinite(value) else None
    steps = part.sizes[axis] if axis in part.dims else 1
    return found | {"steps": int(steps), "values": int(part.size)}


def _non_missing(part: "xr.DataArray", numbers: dict[str, Any], said: str) -> Check:
    method, name = "non-missing/1", str(part.name)
    reason = ""
    if not numbers:
        reason = f"{name} holds {part.dtype}, no numbers"
    elif numbers["steps"] < 2:
        reason = f"{name} has a single step, so that nobody knows which cells are sea"
    elif not numbers["valid"]:
        reason = f"{name} has no valid value at all"
    if reason:
        return Check("completeness", method, None, "valid values", reason, name, said, numbers)
    possible = numbers["cells"] * numbers["steps"]
    metric = f"{numbers['valid']:,} of {possible:,} values in the {numbers['cells']:,} cells that are ever valid"
    return Check("completeness", method, numbers["valid"] / possible, metric, "", name, said, numbers)


def _plausible(
    part: "xr.DataArray", numbers: dict[str, Any], limits: tuple[float, float, str] | None, said: str
) -> Check:
    method, name = "plausible-range/1", str(part.name)
    reason = ""
    if not numbers or not numbers["valid"]:
        reason = f"{name} has no numbers to look at"
    elif limits is None:
        reason = f"{name} has no standard name and unit with a known range"
    if reason or limits is None:
        return Check("accuracy", method, None, "values in range", reason, name, said)
    low, high, standard = limits
    units = part.attrs.get("units", "")
    metric = f"{numbers['inside']:,} of {numbers['valid']:,} values within {low:g} to {high:g} {units} ({standard})"
    found = numbers | {"range": [low, high], "standard_name": standard}
    return Check("accuracy", method, numbers["inside"] / numbers["valid"], metric, "", name, said, found)
