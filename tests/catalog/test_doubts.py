"""What cannot stand is doubted, at its place; what is merely unusual is not."""

from typing import Any

import pytest

from oceandata.catalog.doubts import find_doubts
from oceandata.entities import Entry


def _changed(entry: Entry, **changes: Any) -> Entry:
    return Entry.from_json(entry.to_json() | changes)


def _variable(entry: Entry, **changes: Any) -> Entry:
    variable = entry.to_json()["variables"]["surface_temperature"] | changes
    return _changed(entry, variables={"surface_temperature": variable})


def test_a_real_entry_is_not_doubted(ostia: Entry) -> None:
    assert find_doubts(ostia) == []


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        ({"license": "CC-BY"}, ("license",), "names 'CC-BY', no known SPDX identifier"),
        ({"license": "NOASSERTION"}, ("license",), "nobody knows what is allowed"),
        ({"extent": {"bbox": [0, 0, 0, 0]}}, ("extent", "bbox"), "positions were missing"),
        (
            {"extent": {"time": ["0001-01-01", "0001-12-31"]}},
            ("extent", "time"),
            "0001-01-01 to 0001-12-31, need years",
        ),
        ({"extent": {"time": ["1970-01-01", "1970-01-01"]}}, ("extent", "time"), "missing times end up"),
        ({"extent": {"time_resolution": "monthly"}}, ("extent", "time_resolution"), "need an ISO 8601 duration"),
        ({"extent": {"time_resolution": "P"}}, ("extent", "time_resolution"), "need an ISO 8601 duration"),
        ({"extent": {"depth_m": [0, 550000]}}, ("extent", "depth_m"), "0 to 550000 m, need -100 to 12000"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_stand(ostia: Entry, changes: dict[str, Any], place: tuple[str, ...], words: str) -> None:
    ((where, message),) = find_doubts(_changed(ostia, **changes))
    assert where == place
    assert words in message


@pytest.mark.parametrize(
    "extent",
    [
        {"time": ["1850-01-01", "2300-12-31"], "time_resolution": "P1M"},
        {"time": ["1970-01-01", "1970-01-02"], "time_resolution": "PT0.5S"},
        {"depth_m": [-2.0, 10935.0], "time_resolution": "P1DT12H"},
        {"bbox": [0, 0, 1, 1], "time_resolution": "P8D"},
    ],
)
def test_what_is_unusual_stands(ostia: Entry, extent: dict[str, Any]) -> None:
    assert find_doubts(_changed(ostia, extent=extent)) == []


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"units": "degrees_elsius"}, "units", "is not in the table of units"),
        ({"units": "m"}, "units", "is 'm', but sea_surface_temperature is measured in 'degC'"),
        ({"standard_name": "Sea Surface Temp"}, "standard_name", "no form of a CF standard name"),
        ({"standard_name": "sea_water_temperature error"}, "standard_name", ""),
        ({"canonical_name": "sea_surface_temprature"}, "canonical_name", "Close: 'sea_surface_temperature'"),
        ({"canonical_name": "sea_surface_temepratur"}, "canonical_name", ""),
        ({"canonical_name": "sea_surface_temeprature"}, "canonical_name", "Close: 'sea_surface_temperature'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_units_and_names_of_variables(ostia: Entry, changes: dict[str, Any], field: str, words: str) -> None:
    found = find_doubts(_variable(ostia, **changes))
    if not words:
        assert not [message for _, message in found if "Close" in message]
        return
    assert [where for where, _ in found] == [("variables", "surface_temperature", field)]
    assert words in found[0][1]


@pytest.mark.parametrize(
    ("name", "units"),
    [
        ("sea_water_practical_salinity", "1e-3"),
        ("sea_water_practical_salinity", "psu"),
        ("sea_water_salinity", "1"),
        ("sea_water_temperature", "K"),
        ("sea_water_temperature status_flag", ""),
        ("mass_concentration_of_something_nobody_lists", "mg m-3"),
    ],
)
def test_sound_names_and_units_stand(ostia: Entry, name: str, units: str) -> None:
    assert find_doubts(_variable(ostia, standard_name=name, canonical_name="", units=units)) == []


def test_chunks_of_a_variable_that_is_not_there(ostia: Entry) -> None:
    asset = ostia.to_json()["assets"]["maps"] | {"chunk_shapes": {"sst": [1, 2, 3]}}
    ((where, message),) = find_doubts(_changed(ostia, assets={"maps": asset}))
    assert where == ("assets", "maps", "chunk_shapes", "sst")
    assert "'sst', which is no variable" in message
