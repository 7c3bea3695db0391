"""
Units: an exact table of spellings, checks at the border, and lazy conversion.

Nothing is parsed from parts: a spelling is in ``catalogs/vocab/units.yaml`` or it is an error, so that ``degrees C``
never becomes an angle.
"""

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from oceandata.cf._tables import fold, load_table
from oceandata.errors import UnitsError, closest

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Unit", "convert_units", "find_unit", "parse_units", "require_units"]

_PRACTICAL = "practical salinity"
_PRACTICAL_NAME = "sea_water_practical_salinity"
#: Attributes that hold numbers in the unit of the values.
_NUMBERS_IN_UNIT = ("actual_range", "valid_max", "valid_min", "valid_range")


@dataclass(frozen=True)
class Unit:
    """
    A unit and its place in its quantity.

    Attributes
    ----------
    symbol : str
        How oceandata writes it (UDUNITS).
    quantity : str
        What it measures; only units of one quantity convert into each other.
    factor, offset : float
        The number in the base unit of the quantity is ``factor * number + offset``.
    """

    symbol: str
    quantity: str
    factor: float
    offset: float = 0.0


def _key(text: str) -> str:
    """Spelling without what usually does not count: blanks, underscores and the signs of powers and products."""
    return re.sub(r"[\s_^*·]", "", fold(text))


@cache
def _spellings() -> dict[str, Unit]:
    """Units by each spelling as written in the table, folded."""
    table: dict[str, Unit] = {}
    for row in load_table("units.yaml"):
        unit = Unit(row["symbol"], row["quantity"], float(row["factor"]), float(row.get("offset", 0.0)))
        for spelling in ([] if unit.quantity == _PRACTICAL else [unit.symbol]) + row["names"]:
            known = table.setdefault(fold(spelling), unit)
            if known != unit:
                msg = f"units.yaml: {spelling!r} stands for {known.symbol!r} and {unit.symbol!r}, need one of them."
                raise UnitsError(msg)
    return table


@cache
def _keys() -> dict[str, Unit | None]:
    """Units by the key of each spelling; None where two units share one (``meters-1`` and ``meter s-1``)."""
    keys: dict[str, Unit | None] = {}
    for spelling, unit in _spellings().items():
        key = _key(spelling)
        keys[key] = unit if keys.get(key, unit) == unit else None
    return keys


def find_unit(text: str) -> Unit | None:
    """
    Unit that a text spells, if the table knows it.

    Parameters
    ----------
    text : str
        Any spelling, such as ``"Deg C"``.

    Returns
    -------
    Unit or None
        None for an unknown spelling and for an empty text.
    """
    return _spellings().get(fold(text)) or _keys().get(_key(text))


def parse_units(text: str) -> str:
    """
    Symbol of the unit that a text spells.

    Case, blanks and full-width forms do not matter. ``psu`` gives ``1e-3``, as in the CF table.

    Parameters
    ----------
    text : str
        A spelling in English, Chinese or UDUNITS notation.

    Returns
    -------
    str
        UDUNITS symbol.

    Raises
    ------
    UnitsError
        If the spelling is not in the table; the message names the nearest ones.

    Examples
    --------
    >>> parse_units("DEG C"), parse_units("ｍ／ｓ"), parse_units("摄氏度")
    ('degC', 'm s-1', 'degC')
    """
    return _require_unit(text).symbol


def _require_unit(text: str) -> Unit:
    """Unit that a text spells, or an error with the nearest spellings."""
    unit = find_unit(text)
    if unit is None:
        near = closest(text, list(_spellings()))
        msg = f"unit {text!r} is not in the table of units. {near} Pass units= with a known one."
        raise UnitsError(msg)
    return unit


def _title(da: "xr.DataArray") -> str:
    """How to call an array in a message."""
    return repr(str(da.name)) if da.name is not None else "the array"


def _unit_of(da: "xr.DataArray", units: str | None) -> Unit:
    """Unit of an array; numbers on the Practical Salinity Scale are told from a mass ratio."""
    text = units if units is not None else str(da.attrs.get("units", "")).strip()
    if not text:
        msg = f"{_title(da)} has no units, need them to be sure. Pass units=, or set attrs['units']."
        raise UnitsError(msg)
    unit = _require_unit(text)
    names = {fold(str(da.attrs.get(key, ""))) for key in ("standard_name", "canonical_name")}
    if unit.symbol in ("1", "1e-3") and _PRACTICAL_NAME in names:
        return Unit(unit.symbol, _PRACTICAL, 1.0)
    return unit


def _same(unit: Unit, needed: Unit) -> bool:
    """Whether numbers in two units are the same numbers."""
    if unit.quantity == _PRACTICAL:
        return needed.symbol in ("1", "1e-3")
    return (unit.quantity, unit.factor, unit.offset) == (needed.quantity, needed.factor, needed.offset)


def require_units(da: "xr.DataArray", family_or_unit: str, *, units: str | None = None) -> str:
    """
    Unit of an array, which must be of a quantity or be one unit.

    Units that are another spelling of the needed one pass (``g kg-1`` and ``1e-3``). Practical salinity may be
    written ``1``, ``1e-3`` or ``psu``, always with the same numbers; it is no mass ratio, so ``g kg-1`` is refused.

    Parameters
    ----------
    da : xarray.DataArray
        The array. Its values are not read.
    family_or_unit : str
        A quantity (``"temperature"``, ``"pressure"``, ``"practical salinity"``) or a unit (``"degC"``).
    units : str or None
        The unit, where the array says nothing or something wrong.

    Returns
    -------
    str
        UDUNITS symbol of the array's unit.

    Raises
    ------
    UnitsError
        If the unit is missing, unknown, of another quantity, or not the needed one.
    """
    unit = _unit_of(da, units)
    family = family_or_unit.replace("_", " ")
    if family in {known.quantity for known in _spellings().values()}:
        scale = family == _PRACTICAL and unit.quantity == "ratio" and unit.symbol in ("1", "1e-3")
        if unit.quantity == family or scale:
            return unit.symbol
        msg = f"{_title(da)} is in {unit.symbol!r} ({unit.quantity}), need a unit of {family}. Check the variable."
        raise UnitsError(msg)
    needed = _require_unit(family_or_unit)
    if _same(unit, needed):
        return unit.symbol
    convertible = unit.quantity == needed.quantity
    advice = f"Convert it with cf.convert_units(…, {needed.symbol!r})." if convertible else "Check the variable."
    msg = f"{_title(da)} is in {unit.symbol!r} ({unit.quantity}), need {needed.symbol!r} ({needed.quantity}). {advice}"
    raise UnitsError(msg)


def _is_difference(da: "xr.DataArray") -> bool:
    """Whether an array of temperatures holds differences, which have no zero point."""
    metadata = fold(str(da.attrs.get("units_metadata", "")))
    if metadata:
        return "difference" in metadata
    standard_name = fold(str(da.attrs.get("standard_name", "")))
    spread = re.search(r"standard_deviation|\brange\b", str(da.attrs.get("cell_methods", "")))
    return standard_name.endswith("_anomaly") or spread is not None


def convert_units(da: "xr.DataArray", to: str) -> "xr.DataArray":
    """
    Array in another unit of the same quantity.

    A temperature difference (``units_metadata: "temperature: difference"``, a standard name that ends in
    ``_anomaly``, a standard deviation or range by ``cell_methods``) is scaled without moving its zero. A number on
    the Practical Salinity Scale keeps its value. Attributes that hold numbers in the old unit (``valid_min``,
    ``actual_range``, …) are left out of the result; the others stay.

    Parameters
    ----------
    da : xarray.DataArray
        Array with the attribute ``units``.
    to : str
        Unit to convert to, any known spelling.

    Returns
    -------
    xarray.DataArray
        New array with ``units`` set to the symbol of `to`. Lazy if the input is lazy; floats keep their dtype.

    Raises
    ------
    UnitsError
        If a unit is missing or unknown, or if the two measure different quantities.

    Notes
    -----
    ``(factor * x + offset - offset_to) / factor_to``; one elementwise pass, at most three blocks of memory a task.

    Examples
    --------
    >>> import xarray as xr
    >>> sst = xr.DataArray([273.15], attrs={"units": "kelvin"}, name="sst")
    >>> convert_units(sst, "℃").item()
    0.0
    """
    unit, needed = _unit_of(da, None), _require_unit(to)
    same = _same(unit, needed)
    if not same and unit.quantity != needed.quantity:
        msg = (
            f"{_title(da)} is in {unit.symbol!r} ({unit.quantity}), cannot become {needed.symbol!r} "
            f"({needed.quantity}): they measure different things. Check the variable and its units."
        )
        raise UnitsError(msg)
    converted = da.copy(deep=False)
    if not same:
        scale = unit.factor / needed.factor
        shift = 0.0 if _is_difference(da) else (unit.offset - needed.offset) / needed.factor
        converted = converted * scale if scale != 1.0 else converted
        converted = converted + shift if shift != 0.0 else converted
        dropped = {"units", *_NUMBERS_IN_UNIT}
        converted.attrs = {key: value for key, value in da.attrs.items() if key not in dropped}
    converted.attrs["units"] = needed.symbol
    return converted
