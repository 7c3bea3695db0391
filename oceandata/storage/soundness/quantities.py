"""Units that a standard name may have, and values that sea water can have: a small table, generous on purpose."""

import dataclasses

__all__ = ["FAMILIES", "PLAUSIBLE", "Plausible", "families_of", "normal_unit"]

#: Quantity -> unit -> (scale, offset) to the unit that comes first.
FAMILIES: dict[str, dict[str, tuple[float, float]]] = {
    "temperature": {
        **dict.fromkeys(
            ("degc", "celsius", "degree_celsius", "degrees_celsius", "deg_c", "degs_c", "°c", "c"), (1.0, 0.0)
        ),
        **dict.fromkeys(("degrees_c", "degree_c", "degree celsius", "degrees celsius", "deg c", "℃"), (1.0, 0.0)),
        **dict.fromkeys(("k", "kelvin", "degk", "deg_k", "degree_k", "degrees_k"), (1.0, -273.15)),
        **dict.fromkeys(("degf", "fahrenheit", "degree_fahrenheit"), (5 / 9, -160 / 9)),
    },
    "salinity": {
        **dict.fromkeys(("1", "psu", "pss", "pss-78", "pss78", "1e-3", "0.001", "10-3", "ppt", "‰"), (1.0, 0.0)),
        **dict.fromkeys(("g/kg", "g kg-1", "practical salinity units"), (1.0, 0.0)),
    },
    "length": {
        **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), (1.0, 0.0)),
        **dict.fromkeys(("cm", "centimeter", "centimeters", "centimetre", "centimetres"), (0.01, 0.0)),
        **dict.fromkeys(("km", "kilometer", "kilometers"), (1000.0, 0.0)),
        "mm": (0.001, 0.0),
    },
    "pressure": {
        **dict.fromkeys(("dbar", "decibar", "decibars", "dbars"), (1.0, 0.0)),
        **dict.fromkeys(("pa", "pascal"), (1e-4, 0.0)),
        **dict.fromkeys(("hpa", "mbar", "millibar"), (0.01, 0.0)),
        "kpa": (0.1, 0.0),
        "bar": (10.0, 0.0),
    },
    "speed": {
        **dict.fromkeys(("m s-1", "m/s", "m.s-1", "m*s-1", "meter/sec", "meters/second", "m/sec", "ms-1"), (1.0, 0.0)),
        **dict.fromkeys(("meter second-1", "meters second-1", "metre second-1", "meter/second"), (1.0, 0.0)),
        **dict.fromkeys(("cm s-1", "cm/s", "cm/sec"), (0.01, 0.0)),
        **dict.fromkeys(("knot", "knots", "kn", "kt"), (0.514444, 0.0)),
    },
    "density": {
        **dict.fromkeys(("kg m-3", "kg/m3", "kg.m-3"), (1.0, 0.0)),
        **dict.fromkeys(("g cm-3", "g/cm3"), (1000.0, 0.0)),
    },
    "fraction": {"1": (1.0, 0.0), **dict.fromkeys(("%", "percent"), (0.01, 0.0))},
    "time": {
        **dict.fromkeys(("s", "sec", "second", "seconds"), (1.0, 0.0)),
        **dict.fromkeys(("h", "hours"), (3600.0, 0.0)),
    },
    "angle": dict.fromkeys(
        ("degree", "degrees", "degrees_true", "degree_true", "degrees_north", "degrees_east"), (1.0, 0.0)
    ),
    "amount per volume": {
        **dict.fromkeys(("mmol m-3", "umol l-1", "umol/l", "mmol/m3"), (1.0, 0.0)),
        **dict.fromkeys(("mol m-3", "mol/m3"), (1000.0, 0.0)),
    },
    "amount per mass": dict.fromkeys(("umol kg-1", "umol/kg", "micromole/kg", "micromol/kg", "µmol/kg"), (1.0, 0.0)),
    "mass per volume": {
        **dict.fromkeys(("mg m-3", "mg/m3", "ug l-1", "ug/l"), (1.0, 0.0)),
        **dict.fromkeys(("mg l-1", "mg/l", "g m-3", "g/m3"), (1e3, 0.0)),
        **dict.fromkeys(("kg m-3", "kg/m3"), (1e6, 0.0)),
    },
    "conductivity": {
        **dict.fromkeys(("s m-1", "s/m", "siemens/m"), (1.0, 0.0)),
        **dict.fromkeys(("ms cm-1", "ms/cm", "mhos/m"), (0.1, 0.0)),
    },
}


@dataclasses.dataclass(frozen=True)
class Plausible:
    """
    What a standard name allows.

    Attributes
    ----------
    family : str
        Its quantity, a key of `FAMILIES`.
    low, high : float
        Range of possible values, in the first unit of that family.
    """

    family: str
    low: float
    high: float


_TEMPERATURE = Plausible("temperature", -5.0, 50.0)
_HEIGHT = Plausible("length", -120.0, 120.0)
_VELOCITY = Plausible("speed", -15.0, 15.0)

#: Standard name -> what it allows.
PLAUSIBLE: dict[str, Plausible] = {
    "depth": Plausible("length", -9000.0, 12000.0),
    "eastward_sea_water_velocity": _VELOCITY,
    "mass_concentration_of_chlorophyll_a_in_sea_water": Plausible("mass per volume", -1.0, 2000.0),
    "mass_concentration_of_chlorophyll_in_sea_water": Plausible("mass per volume", -1.0, 2000.0),
    "mole_concentration_of_dissolved_molecular_oxygen_in_sea_water": Plausible("amount per volume", -10.0, 1000.0),
    "moles_of_oxygen_per_unit_mass_in_sea_water": Plausible("amount per mass", -10.0, 1000.0),
    "northward_sea_water_velocity": _VELOCITY,
    "ocean_mixed_layer_thickness": Plausible("length", 0.0, 7000.0),
    "sea_floor_depth_below_geoid": Plausible("length", -9000.0, 12000.0),
    "sea_ice_area_fraction": Plausible("fraction", -0.01, 1.01),
    "sea_ice_thickness": Plausible("length", 0.0, 60.0),
    "sea_surface_foundation_temperature": _TEMPERATURE,
    "sea_surface_height_above_geoid": _HEIGHT,
    "sea_surface_height_above_reference_ellipsoid": _HEIGHT,
    "sea_surface_height_above_sea_level": _HEIGHT,
    "sea_surface_salinity": Plausible("salinity", -0.5, 60.0),
    "sea_surface_skin_temperature": _TEMPERATURE,
    "sea_surface_subskin_temperature": _TEMPERATURE,
    "sea_surface_temperature": _TEMPERATURE,
    "sea_surface_wave_significant_height": Plausible("length", 0.0, 40.0),
    "sea_water_absolute_salinity": Plausible("salinity", -0.5, 60.0),
    "sea_water_conservative_temperature": _TEMPERATURE,
    "sea_water_density": Plausible("density", 900.0, 1200.0),
    "sea_water_electrical_conductivity": Plausible("conductivity", -0.1, 10.0),
    "sea_water_potential_temperature": _TEMPERATURE,
    "sea_water_practical_salinity": Plausible("salinity", -0.5, 60.0),
    "sea_water_pressure": Plausible("pressure", -20.0, 13000.0),
    "sea_water_salinity": Plausible("salinity", -0.5, 60.0),
    "sea_water_speed": Plausible("speed", 0.0, 15.0),
    "sea_water_temperature": _TEMPERATURE,
    "speed_of_sound_in_sea_water": Plausible("speed", 1300.0, 1800.0),
}


def normal_unit(unit: str) -> str:
    """
    Unit in the spelling of the table.

    Parameters
    ----------
    unit : str
        As an attribute has it.

    Returns
    -------
    str
        Lower case, single spaces, no ``^`` and ``**``.

    Examples
    --------
    >>> normal_unit(" m  s^-1 ")
    'm s-1'
    """
    return " ".join(unit.lower().replace("**", "").replace("^", "").split())


def families_of(unit: str) -> dict[str, tuple[float, float]]:
    """
    Quantities that a unit measures.

    Parameters
    ----------
    unit : str
        As an attribute has it.

    Returns
    -------
    dict of str to tuple of float
        Quantity to scale and offset; empty if the unit is not in the table, which says nothing about it.

    Examples
    --------
    >>> families_of("kelvin")
    {'temperature': (1.0, -273.15)}
    """
    normal = normal_unit(unit)
    return {family: units[normal] for family, units in FAMILIES.items() if normal in units}
