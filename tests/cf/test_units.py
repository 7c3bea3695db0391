"""Spellings, checks and conversions of units."""

import re

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from oceandata import cf
from oceandata.cf.units import _key, _spellings
from oceandata.errors import UnitsError


def quantity(values: object, units: str | None, **attrs: object) -> xr.DataArray:
    return xr.DataArray(values, dims="x", name="q", attrs=attrs | ({} if units is None else {"units": units}))


def convertible() -> list[tuple[str, str]]:
    """All pairs of different units of one quantity."""
    units = {(unit.symbol, unit.quantity) for unit in _spellings().values() if unit.quantity != "practical salinity"}
    return sorted((a, b) for a, qa in units for b, qb in units if a != b and qa == qb)


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("DEG C", "degC"),
        ("degrees C", "degC"),
        ("℃", "degC"),
        ("摄氏度", "degC"),
        ("kelvin", "K"),
        ("PPT", "1e-3"),
        ("psu", "1e-3"),
        ("‰", "1e-3"),
        ("0.001", "1e-3"),
        ("1", "1"),
        ("G/KG", "g kg-1"),
        ("METERS", "m"),
        ("M/S", "m s-1"),
        ("m s⁻¹", "m s-1"),
        ("m·s^-1", "m s-1"),
        ("meter s-1", "m s-1"),
        ("meters-1", "m-1"),
        ("ｍ／ｓ", "m s-1"),
        ("节", "knot"),
        ("MB", "hPa"),
        ("百帕", "hPa"),
        ("decibar", "dbar"),
        ("Degrees_North", "degrees_north"),
        ("㎎／Ｌ", "mg L-1"),
        ("µmol/L", "umol L-1"),
        ("μmol/kg", "umol kg-1"),
        ("W/m²", "W m-2"),
    ],
)
def test_spellings(text: str, symbol: str) -> None:
    assert cf.parse_units(text) == symbol
    assert cf.parse_units(symbol) == symbol


@pytest.mark.parametrize(
    "text", ["", "none", "count", "meter_s-1", "dB", "mPa", "degrees_west", "days since 1970-01-01"]
)
def test_unknown_spellings_are_refused(text: str) -> None:
    with pytest.raises(UnitsError, match=f"unit {text!r} is not in the table"):
        cf.parse_units(text)


def test_unknown_names_the_nearest() -> None:
    with pytest.raises(UnitsError, match="'decibar'"):
        cf.parse_units("decibr")


def test_table_has_one_meaning_per_spelling() -> None:
    table = _spellings()
    assert all(unit.factor > 0 for unit in table.values())
    assert {_key("meters-1")} == {
        key for key in map(_key, table) if len({unit for text, unit in table.items() if _key(text) == key}) > 1
    }


@pytest.mark.parametrize(
    ("value", "units", "to", "expected"),
    [
        (0.0, "degC", "K", 273.15),
        (293.15, "K", "degC", 20.0),
        (212.0, "degF", "degC", 100.0),
        (250.0, "cm", "m", 2.5),
        (1.0, "dbar", "Pa", 1e4),
        (1013.25, "hPa", "dbar", 10.1325),
        (35.0, "1e-3", "1", 0.035),
        (35.0, "g kg-1", "1e-3", 35.0),
        (3600.0, "kn", "m s-1", 1852.0),
        (1.0, "mg/L", "kg m-3", 1e-3),
        (1.0, "mg m-3", "ug/L", 1.0),
        (1.0, "umol/L", "mmol m-3", 1.0),
        (1.0, "Sv", "m3 s-1", 1e6),
        (50.0, "%", "1", 0.5),
        (180.0, "degrees", "radian", np.pi),
    ],
)
def test_conversion_by_hand(value: float, units: str, to: str, expected: float) -> None:
    converted = cf.convert_units(quantity([value], units, long_name="kept"), to)
    np.testing.assert_allclose(converted.values, [expected], rtol=1e-13)
    assert converted.attrs == {"long_name": "kept", "units": cf.parse_units(to)}


@settings(max_examples=300)
@given(pair=st.sampled_from(convertible()), values=hnp.arrays(np.float64, 3, elements=st.floats(-1e4, 1e4)))
def test_there_and_back(pair: tuple[str, str], values: np.ndarray) -> None:
    units, to = pair
    back = cf.convert_units(cf.convert_units(quantity(values, units), to), units)
    np.testing.assert_allclose(back.values, values, rtol=1e-12, atol=1e-9)


def test_conversion_is_lazy_keeps_float32_and_leaves_the_input() -> None:
    sst = quantity(
        np.array([20.0, np.nan], np.float32), "degC", valid_min=-2.0, standard_name="sea_surface_temperature"
    )
    before = dict(sst.attrs)
    lazy = cf.convert_units(sst.chunk(x=1), "K")
    assert lazy.chunks == ((1, 1),)
    assert lazy.dtype == np.float32
    assert "valid_min" not in lazy.attrs  # it was a number in degC
    np.testing.assert_allclose(lazy.values, [293.15, np.nan], rtol=1e-6)
    assert sst.attrs == before
    same = cf.convert_units(sst, "Celsius")
    assert same.attrs == before
    same.attrs["units"] = "changed"
    assert sst.attrs == before


@pytest.mark.parametrize(
    "attrs",
    [
        {"units_metadata": "temperature: difference"},
        {"standard_name": "sea_surface_temperature_anomaly"},
        {"cell_methods": "time: standard_deviation"},
        {"cell_methods": "time: range"},
    ],
)
def test_a_temperature_difference_keeps_its_zero(attrs: dict[str, str]) -> None:
    assert cf.convert_units(quantity([1.5], "K", **attrs), "degC").item() == 1.5
    np.testing.assert_allclose(cf.convert_units(quantity([9.0], "degF", **attrs), "K").values, [5.0])


def test_on_scale_says_so() -> None:
    anomaly = quantity([0.0], "degC", standard_name="x_anomaly", units_metadata="temperature: on_scale")
    assert cf.convert_units(anomaly, "K").item() == 273.15


def test_practical_salinity_keeps_its_numbers() -> None:
    for salinity in (quantity([35.0], "psu"), quantity([35.0], "1e-3", standard_name="sea_water_practical_salinity")):
        converted = cf.convert_units(salinity, "1")
        assert (converted.item(), converted.attrs["units"]) == (35.0, "1")
        assert cf.require_units(salinity, "practical salinity") == "1e-3"
        assert cf.require_units(salinity, "1") == "1e-3"
        with pytest.raises(UnitsError, match=r"in '1e-3' \(practical salinity\), cannot become 'g kg-1'"):
            cf.convert_units(salinity, "g kg-1")
        with pytest.raises(UnitsError, match="need 'g kg-1'"):
            cf.require_units(salinity, "g kg-1")


@pytest.mark.parametrize(
    ("units", "to"), [("K", "m"), ("dbar", "m"), ("umol/L", "umol/kg"), ("degrees_east", "degrees_north")]
)
def test_other_quantities_are_refused(units: str, to: str) -> None:
    with pytest.raises(UnitsError, match="they measure different things"):
        cf.convert_units(quantity([1.0], units), to)


def test_require_units() -> None:
    assert cf.require_units(quantity([1.0], "Deg C"), "temperature") == "degC"
    assert cf.require_units(quantity([1.0], "Deg C"), "degC") == "degC"
    assert cf.require_units(quantity([1.0], "g/kg"), "1e-3") == "g kg-1"
    assert cf.require_units(quantity([1.0], "PPT"), "practical_salinity") == "1e-3"
    assert cf.require_units(quantity([1.0], None), "temperature", units="K") == "K"
    assert cf.require_units(quantity([1.0], "wrong"), "temperature", units="K") == "K"
    with pytest.raises(UnitsError, match=r"'q' has no units, need them to be sure\. Pass units="):
        cf.require_units(quantity([1.0], None), "temperature")
    with pytest.raises(UnitsError, match=re.escape("Convert it with cf.convert_units(…, 'degC')")):
        cf.require_units(quantity([1.0], "K"), "degC")
    with pytest.raises(UnitsError, match="need a unit of pressure"):
        cf.require_units(quantity([1.0], "m"), "pressure")
    with pytest.raises(UnitsError, match=r"need 'm'.*Check the variable"):
        cf.require_units(quantity([1.0], "K"), "m")
