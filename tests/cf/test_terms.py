"""Which variable a name stands for."""

import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from oceandata import cf
from oceandata.cf._tables import fold
from oceandata.errors import InputError, NotFoundError


def holding(**standard_names: str) -> xr.Dataset:
    """Dataset of variables with these standard names; an empty one is left out."""
    return xr.Dataset(
        {name: ("x", np.zeros(2), {"standard_name": text} if text else {}) for name, text in standard_names.items()}
    )


def test_vocabulary_is_whole() -> None:
    terms = cf.vocabulary()
    names = [term.canonical_name for term in terms]
    assert 60 <= len(terms) == len(set(names))
    for term in terms:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", term.canonical_name)
        assert cf.parse_units(term.units) == term.units
        assert not term.broader or term.broader in names
        assert all(fold(name) == name for name in term.names)
        assert all(re.search("[\u4e00-\u9fff]", word) for word in term.zh)
        assert all(word.isascii() for word in term.words)
    aliases = [alias for term in terms for alias in term.names]
    assert len(aliases) == len(set(aliases)), "an alias in two rows decides nothing"
    assert cf.vocabulary() is terms


def test_all_spellings_of_temperature_meet() -> None:
    meeting = [
        cf.canonical_names("thetao", {}),
        cf.canonical_names("votemper", {}),
        cf.canonical_names("TEMP", {}),
        cf.canonical_names("水温", {}),
        tuple(cf.match_words("南海水温")),
    ]
    assert set.intersection(*map(set, meeting)) == {"sea_water_temperature"}


@pytest.mark.parametrize(
    ("name", "attrs", "expected"),
    [
        ("a", {"standard_name": "sea_surface_temperature"}, ("sea_surface_temperature",)),
        ("a", {"standard_name": "air_temperature", "canonical_name": "sst"}, ("sea_surface_temperature",)),
        ("a", {"standard_name": "SST"}, ("sea_surface_temperature",)),
        ("u", {}, ("eastward_sea_water_velocity",)),
        ("u", {"standard_name": "eastward_wind"}, ("eastward_wind",)),
        ("u", {"standard_name": "sea_ice_x_velocity"}, ("sea_ice_x_velocity",)),
        ("temp", {"standard_name": "sea_water_temperature status_flag"}, ()),
        ("TEMP_QC", {}, ()),
        ("mlotst", {}, ("ocean_mixed_layer_thickness_defined_by_sigma_theta", "ocean_mixed_layer_thickness")),
    ],
)
def test_canonical_names(name: str, attrs: dict[str, str], expected: tuple[str, ...]) -> None:
    assert cf.canonical_names(name, attrs) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("黄海海表温度", {"sea_surface_temperature"}),
        ("海表温度 水温", {"sea_surface_temperature", "sea_water_temperature"}),
        ("绝对盐度", {"sea_water_absolute_salinity"}),
        ("Daily SEA SURFACE TEMPERATURE, 0.25 deg", {"sea_surface_temperature"}),
        ("ＳＳＴ数据", {"sea_surface_temperature"}),
        ("sub-surface temperatures", set()),
        ("assistant", set()),
        ("chlorophyll-a", {"mass_concentration_of_chlorophyll_a_in_sea_water"}),
        ("sea_water_potential_temperature", {"sea_water_potential_temperature"}),
        ("go to the u and so on", set()),
        ("so", {"sea_water_salinity"}),
        ("uo", {"eastward_sea_water_velocity"}),
        ("pH of the bay", {"sea_water_ph_reported_on_total_scale"}),
        ("水深", {"depth", "sea_floor_depth_below_mean_sea_level"}),
        ("", set()),
    ],
)
def test_match_words(text: str, expected: set[str]) -> None:
    assert cf.match_words(text) == expected


def test_order_of_evidence() -> None:
    ds = holding(tos="air_temperature", b="sea_surface_temperature", sst="")
    assert cf.find_variables(ds, "tos") == ["tos"]  # the exact native name, whatever it says it is
    assert cf.find_variables(ds, "sea_surface_temperature") == ["b"]  # standard name before alias
    assert cf.find_variables(ds.drop_vars("b"), "海表温度") == ["sst"]
    ds["tos"].attrs["canonical_name"] = "sea_surface_temperature"
    assert cf.find_variables(ds, "sea_surface_temperature") == ["tos"]  # the curator before both


def test_the_exact_quantity_before_a_narrower_one() -> None:
    assert cf.find_variables(holding(PTEMP="", TEMP=""), "水温") == ["TEMP"]
    assert cf.find_variables(holding(PTEMP=""), "水温") == ["PTEMP"]
    assert cf.find_variables(holding(TEMP="sea_water_temperature"), "votemper") == []  # in situ is not potential


def test_ambiguity_and_absence() -> None:
    ds = holding(TEMP="sea_water_temperature", TEMP_ADJUSTED="sea_water_temperature", so="")
    with pytest.raises(InputError, match="'水温' may be any of 'TEMP', 'TEMP_ADJUSTED', need one"):
        cf.require_variable(ds, "水温")
    with pytest.raises(NotFoundError, match=re.escape("'sea_water_temprature'") + ".*Close: 'sea_water_temperature'"):
        cf.require_variable(ds, "sea_water_temprature")
    with pytest.raises(NotFoundError, match="There are no data variables"):
        cf.require_variable(xr.Dataset(), "sst")
    assert cf.require_variable(ds, "salinity") == "so"


def test_coordinates_answer_last() -> None:
    ds = xr.Dataset({"t": ("lev", [1.0])}, coords={"lev": ("lev", [5.0], {"standard_name": "depth"})})
    assert cf.require_variable(ds, "深度") == "lev"


def test_real_files(ostia_file: Path, shared_data: Path) -> None:
    import iris_sample_data

    with xr.open_dataset(Path(iris_sample_data.path) / "orca2_votemper.nc", decode_times=False) as ds:
        assert cf.require_variable(ds, "thetao") == cf.require_variable(ds, "位温") == "votemper"
    with xr.open_dataset(ostia_file) as ds:
        assert cf.find_variables(ds, "海表温度") == []  # surface_temperature: it takes a curator to say it is the sea's
        ds["surface_temperature"].attrs["canonical_name"] = "sea_surface_temperature"
        assert cf.require_variable(ds, "海表温度") == "surface_temperature"
    with xr.open_dataset(shared_data / "ferret-datasets/levitus_climatology.cdf") as ds:
        assert (cf.require_variable(ds, "水温"), cf.require_variable(ds, "盐度")) == ("TEMP", "SALT")
    with xr.open_dataset(shared_data / "ferret-datasets/coads_climatology.cdf", decode_times=False) as ds:
        assert cf.require_variable(ds, "sea_surface_temperature") == "SST"
        assert cf.require_variable(ds, "风速") == "WSPD"
    with xr.open_dataset(shared_data / "argopy-data/dac/nmdis/2901623/2901623_prof.nc") as ds:
        assert cf.find_variables(ds, "盐度") == ["PSAL", "PSAL_ADJUSTED"]
