"""What an entry says that cannot be right, or that nobody can use: units, CF names, licence, place, period, depth."""

import re
from datetime import UTC, datetime

from oceandata import cf
from oceandata.catalog.licences import licence_identifiers, unknown_licences
from oceandata.catalog.positions import Location
from oceandata.cf.units import find_unit
from oceandata.entities import Entry, Extent, Variable
from oceandata.errors import UnitsError, closest

__all__ = ["find_doubts"]

#: A CF standard name, and the modifiers that may follow it.
_STANDARD_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_MODIFIERS = ("detection_minimum", "number_of_observations", "standard_error", "status_flag")

#: ISO 8601 durations, as periods between steps.
_DURATION = re.compile(r"P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?")

#: Ocean data are not older, and projections do not reach further.
_YEARS = (1600, 2500)

#: The deepest trench is 10,935 m; what floats may be some metres above the surface.
_DEPTHS_M = (-100.0, 12_000.0)

#: Units that practical salinity may have; the same numbers in each.
_SALINITY = {"ratio", "practical salinity"}


def find_doubts(entry: Entry) -> list[tuple[Location, str]]:
    """
    Everything an entry says that cannot stand.

    What an entry does not say is no doubt but a gap (`oceandata.catalog.gaps`).

    Parameters
    ----------
    entry : Entry
        The dataset.

    Returns
    -------
    list of tuple
        Location inside the entry, and a sentence; empty if all is plausible.
    """
    found: list[tuple[Location, str]] = []
    unknown = unknown_licences(entry.license)
    if unknown:
        names = ", ".join(map(repr, unknown))
        message = f"license names {names}, no known SPDX identifier: correct it, or write LicenseRef-NAME."
        found.append((("license",), message))
    if "NOASSERTION" in licence_identifiers(entry.license):
        found.append((("license",), "license is NOASSERTION: nobody knows what is allowed. Ask the provider."))
    for name, variable in entry.variables.items():
        found += _unit_doubts(name, variable)
        found += _name_doubts(name, variable)
    found += _place_doubts(entry.extent) + _period_doubts(entry.extent) + _depth_doubts(entry.extent)
    for layout, asset in entry.assets.items():
        for name in asset.chunk_shapes:
            if name not in entry.variables:
                message = f"assets.{layout} has chunks of {name!r}, which is no variable of the entry. Correct it."
                found.append((("assets", layout, "chunk_shapes", name), message))
    return found


def _unit_doubts(name: str, variable: Variable) -> list[tuple[Location, str]]:
    """Units that CF does not know, or that are of another quantity than the name."""
    if not variable.units:
        return []
    place: Location = ("variables", name, "units")
    try:
        cf.parse_units(variable.units)
    except UnitsError as error:
        return [(place, f"variables.{name}: {error}")]
    unit = find_unit(variable.units)
    meant = variable.canonical_name or variable.standard_name
    term = next((one for one in cf.vocabulary() if one.canonical_name == meant), None)
    usual = find_unit(term.units) if term is not None else None
    if unit is None or usual is None or unit.quantity == usual.quantity or {unit.quantity, usual.quantity} <= _SALINITY:
        return []
    message = f"variables.{name}.units is {variable.units!r}, but {meant} is measured in {usual.symbol!r}. Correct one."
    return [(place, message)]


def _name_doubts(name: str, variable: Variable) -> list[tuple[Location, str]]:
    """Standard names that have no form of CF, or differ from a known one by a letter or two."""
    found: list[tuple[Location, str]] = []
    known = [term.canonical_name for term in cf.vocabulary()]
    for field in ("standard_name", "canonical_name"):
        stated = getattr(variable, field)
        base, _, modifier = stated.partition(" ")
        if not stated or base in known:
            continue
        place: Location = ("variables", name, field)
        if not _STANDARD_NAME.fullmatch(base) or (modifier and modifier not in _MODIFIERS):
            message = (
                f"variables.{name}.{field} is {stated!r:.60}, which has no form of a CF standard name. Correct it."
            )
            found.append((place, message))
        elif near := _mistyped(base, known):
            message = f"variables.{name}.{field} is {stated!r:.60}, which may be mistyped. {near}"
            found.append((place, message))
    return found


def _mistyped(name: str, known: list[str]) -> str:
    """Nearest known names, if one is so near that the name may be mistyped."""
    near = [one for one in known if abs(len(one) - len(name)) <= 2 and _is_near(one, name)]
    return closest(name, near) if near else ""


def _is_near(one: str, other: str) -> bool:
    """Whether two names differ by one letter more, less, changed or swapped."""
    if sorted(one) == sorted(other):
        return True
    begin = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return (
        one[begin + 1 :] == other[begin + 1 :] or one[begin:] == other[begin + 1 :] or one[begin + 1 :] == other[begin:]
    )


def _place_doubts(extent: Extent) -> list[tuple[Location, str]]:
    """A box that is the point where unknown positions end up."""
    if extent.bbox is not None and set(extent.bbox) == {0.0}:
        return [(("extent", "bbox"), "extent.bbox is the point 0° N 0° E: positions were missing. Correct it.")]
    return []


def _period_doubts(extent: Extent) -> list[tuple[Location, str]]:
    """Periods no dataset has, and steps that are no durations."""
    found: list[tuple[Location, str]] = []
    if extent.time is not None:
        first, last = extent.time
        if first.year < _YEARS[0] or last.year > _YEARS[1]:
            message = f"extent.time is {first.date()} to {last.date()}, need years {_YEARS[0]} to {_YEARS[1]}."
            found.append((("extent", "time"), f"{message} Is the calendar or the unit wrong?"))
        elif first == last == datetime(1970, 1, 1, tzinfo=UTC):
            message = "extent.time is 1970-01-01 alone, where missing times end up. Correct it."
            found.append((("extent", "time"), message))
    step = extent.time_resolution
    if step and not _DURATION.fullmatch(step):
        message = f"extent.time_resolution is {step!r:.40}, need an ISO 8601 duration such as P1D, PT6H or P1M."
        found.append((("extent", "time_resolution"), message))
    return found


def _depth_doubts(extent: Extent) -> list[tuple[Location, str]]:
    """Depths no ocean has."""
    if extent.depth_m is None or _DEPTHS_M[0] <= extent.depth_m[0] <= extent.depth_m[1] <= _DEPTHS_M[1]:
        return []
    top, bottom = extent.depth_m
    message = f"extent.depth_m is {top:g} to {bottom:g} m, need {_DEPTHS_M[0]:g} to {_DEPTHS_M[1]:g}. Is it in m?"
    return [(("extent", "depth_m"), message)]
