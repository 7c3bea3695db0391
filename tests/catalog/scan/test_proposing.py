"""Proposals with a reason, and gaps."""

import pytest

from oceandata.catalog.scan.drafting import NO_LICENCE
from oceandata.catalog.scan.proposing import find_gaps, find_proposals
from oceandata.entities import Asset, Entry, Extent, Variable


def _entry(licence: str = "CC-BY-4.0", **variables: Variable) -> Entry:
    asset = Asset(href="/d/a.nc", type="application/x-netcdf", group="")
    return Entry(id="a", title="A", license=licence, extent=Extent(), variables=variables, assets={"netcdf": asset})


def _variable(**fields: str) -> Variable:
    return Variable(dimensions=("time",), shape=(3,), dtype="float32", **fields)


@pytest.mark.parametrize(
    ("name", "fields", "value", "confidence"),
    [
        (
            "votemper",
            {"long_name": "sea water potential temperature", "units": "degC"},
            "sea_water_potential_temperature",
            0.95,
        ),
        ("votemper", {"units": "degC"}, "sea_water_potential_temperature", 0.75),
        ("votemper", {}, "sea_water_potential_temperature", 0.5),
        ("xyz", {"long_name": "sea surface salinity", "units": "psu"}, "sea_surface_salinity", 0.65),
        ("xyz", {"long_name": "海表温度"}, "sea_surface_temperature", 0.4),
    ],
)
def test_names_with_more_signs_are_surer(name: str, fields: dict[str, str], value: str, confidence: float) -> None:
    found = find_proposals(_entry(**{name: _variable(**fields)}), hints={}, licence_text="")
    one = next(proposal for proposal in found if proposal.field == "canonical_name")
    assert (one.variable, one.value, one.confidence) == (name, value, confidence)
    for sign in (name if confidence != 0.4 else "海表温度", *fields.values()):
        assert sign in one.reason or sign not in fields.values() or name == "xyz"


def test_a_name_that_the_units_speak_against_is_not_proposed() -> None:
    found = find_proposals(_entry(votemper=_variable(units="m s-1")), hints={}, licence_text="")
    assert found == []


def test_a_variable_that_has_a_name_gets_none() -> None:
    named = _variable(standard_name="sea_water_temperature", units="degC")
    assert find_proposals(_entry(votemper=named), hints={}, licence_text="") == []


def test_units() -> None:
    variables = {
        "sst": _variable(standard_name="sea_surface_temperature"),
        "u": _variable(standard_name="x"),
        "t": _variable(standard_name="sea_water_temperature", units="degres C"),
    }
    found = {one.variable: one for one in find_proposals(_entry(**variables), hints={"u": "m/s"}, licence_text="")}
    assert (found["sst"].value, found["sst"].confidence) == ("degC", 0.3)
    assert (found["u"].value, found["u"].confidence) == ("m s-1", 0.9)
    assert (found["t"].value, found["t"].confidence) == ("degC", 0.4)


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        ("https://creativecommons.org/licenses/by/4.0/", "CC-BY-4.0"),
        ("Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International", "CC-BY-NC-SA-4.0"),
        ("licensed under CC BY-NC 4.0", "CC-BY-NC-4.0"),
        ("These data may be used freely", ""),
        ("Creative Commons Attribution 9.9", ""),
    ],
)
def test_licences_in_words(text: str, licence: str) -> None:
    found = find_proposals(_entry(NO_LICENCE), hints={}, licence_text=text)
    assert [one.value for one in found] == ([licence] if licence else [])
    assert find_proposals(_entry("MIT"), hints={}, licence_text=text) == []


def test_gaps() -> None:
    flag = Variable(dimensions=("time",), shape=(3,), dtype="int8")
    entry = _entry(NO_LICENCE, sst=_variable(), flag=flag)
    fields = [gap.field for gap in find_gaps(entry, licence_text="free", has_title=False)]
    assert fields == [
        "title",
        "license",
        "extent.bbox",
        "extent.time",
        "variables.sst.units",
        "variables.sst.standard_name",
    ]
    whole = _entry(sst=_variable(units="K", standard_name="sea_surface_temperature"))
    assert [gap.field for gap in find_gaps(whole, licence_text="", has_title=True)] == ["extent.bbox", "extent.time"]
