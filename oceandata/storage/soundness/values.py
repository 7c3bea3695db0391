"""What a sample of the values says against the attributes: undeclared missing values, impossible quantities."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from oceandata.storage.soundness.coordinates import horizontal_role
from oceandata.storage.soundness.header import READ_CHUNK_BYTES, Fault, VariableHeader, fault, numeric
from oceandata.storage.soundness.quantities import PLAUSIBLE, families_of
from oceandata.storage.soundness.times import MISSING_VALUES, is_time

__all__ = ["check_values"]

#: Missing for certain where they occur, because nothing in the ocean has such a value.
_CERTAIN = tuple(float(np.float32(value)) for value in MISSING_VALUES if abs(value) >= 1e20)
#: Missing if they stand far from all other values.
_LIKELY = (-9999.0, -999.0, -99999.0, 9999.0, 99999.0, 999999.0, -32767.0, -32768.0, -2147483647.0, -2147483648.0)


def check_values(variable: VariableHeader) -> Iterator[Fault]:
    """
    Faults that only values show, from a sample of up to `SAMPLED_CHUNKS` chunks.

    Parameters
    ----------
    variable : VariableHeader
        Any variable.

    Yields
    ------
    Fault
        Each fault.
    """
    if not variable.is_numeric or not variable.size or is_time(variable) or "grid_mapping_name" in variable.attributes:
        return
    if not variable.readable:
        message = f"Values of {variable.name!r} were not sampled: one chunk decodes to {variable.chunk_bytes:,} bytes,"
        yield fault(
            "note", "not-sampled", variable.name, f"{message} need at most {READ_CHUNK_BYTES:,}. Chunk it finer."
        )
        return
    n_values, n_outside, low, high = 0, 0, np.inf, -np.inf
    missing: dict[float, int] = {}
    limits = _limits(variable)
    others: list[tuple[float, float]] = []
    for sample in variable.samples():
        physical = numeric(variable, sample).ravel()
        with np.errstate(invalid="ignore"):
            stored = sample.astype(np.float64).ravel()
        known = np.isfinite(physical)
        candidates = _candidates(stored[known])
        for value, count in candidates.items():
            missing[value] = missing.get(value, 0) + count
        kept = known & ~np.isin(stored, list(candidates))
        if kept.any():
            others.append((float(stored[kept].min()), float(stored[kept].max())))
            low, high = min(low, float(physical[kept].min())), max(high, float(physical[kept].max()))
            n_values += int(kept.sum())
            n_outside += int(((physical[kept] < limits[0]) | (physical[kept] > limits[1])).sum())
    yield from _undeclared(variable, missing, others)
    if n_outside:
        yield _implausible(variable, n_outside, n_values, (low, high), limits)


def _candidates(stored: NDArray[np.float64]) -> dict[float, int]:
    """Values that may stand for missing, and how often they occur."""
    found = {}
    for value in (*_CERTAIN, *_LIKELY):
        same = np.isclose(stored, value, rtol=1e-6, atol=0.0) if abs(value) >= 1e20 else stored == value
        if same.any():
            found[float(stored[same][0])] = int(same.sum())
    return found


def _undeclared(
    variable: VariableHeader, missing: dict[float, int], others: list[tuple[float, float]]
) -> Iterator[Fault]:
    """Values that stand for missing and are not declared."""
    if horizontal_role(variable) and variable.is_axis:
        return
    low = min((one[0] for one in others), default=0.0)
    high = max((one[1] for one in others), default=0.0)
    for value, count in missing.items():
        distance = max(low - value, value - high)
        certain = abs(value) >= 1e20
        if certain or distance > max(high - low, abs(value) / 2):
            message = f"{count} sampled values of {variable.name!r} are {value:g}, which neither _FillValue nor"
            message = f"{message} missing_value declares, so that they count as values. Declare it."
            yield fault("warning", "fill-missing", variable.name, message)
            return


def _limits(variable: VariableHeader) -> tuple[float, float]:
    """Plausible range in the units of a variable; without bounds if the table or the units do not tell."""
    allowed = PLAUSIBLE.get(variable.text("standard_name"))
    scaling = families_of(variable.text("units")).get(allowed.family) if allowed else None
    if allowed is None or scaling is None:
        return (-np.inf, np.inf)
    scale, offset = scaling
    return ((allowed.low - offset) / scale, (allowed.high - offset) / scale)


def _implausible(
    variable: VariableHeader, n_outside: int, n_values: int, found: tuple[float, float], limits: tuple[float, float]
) -> Fault:
    units = variable.text("units")
    message = (
        f"{n_outside} of {n_values} sampled values of {variable.name!r} are outside {limits[0]:g} to {limits[1]:g}"
        f" {units} ({found[0]:g} to {found[1]:g}), which {variable.text('standard_name')} cannot be."
        " Check the units, the scale and the missing values."
    )
    return fault("warning", "values-implausible", variable.name, message)
