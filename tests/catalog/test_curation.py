"""A draft is filled from the data, and marked where a person must decide."""

import shutil
from pathlib import Path

import pytest
import xarray as xr

from oceandata.catalog import check_catalog, decide, new_draft, register_entry
from oceandata.catalog.curation import require_draft
from oceandata.entities import Entry
from oceandata.errors import DocumentError, InputError, NotFoundError, RepositoryExistsError

NAME = "surface_temperature"


@pytest.fixture
def file(tmp_path: Path, ostia_file: Path) -> Path:
    """The real file, below the folder of the catalogue."""
    return Path(shutil.copy(ostia_file, tmp_path / "ostia.nc"))


def test_what_the_data_say_is_filled_in(file: Path) -> None:
    draft = new_draft([file], name="sst", catalog_path=file.parent / "c.yaml")
    assert draft.path == file.parent / "drafts" / "sst.yaml"
    document = draft.located.value
    assert document["assets"]["netcdf"]["href"] == "{CATALOG_DIR}/ostia.nc"
    assert document["extent"]["time_resolution"] == "P1M"
    assert document["variables"][NAME]["shape"] == [54, 18, 432]
    assert document["license"] == "NOASSERTION"
    assert set(draft.marks) == {("title",), ("title_zh",), ("license",), ("grade",)}
    assert [fault.message for fault in draft.faults] == ["title: String should have at least 1 character, got ''."]


def test_attributes_of_the_data_are_taken_and_told(tmp_path: Path, ostia_file: Path) -> None:
    path = tmp_path / "sst.nc"
    with xr.open_dataset(ostia_file, decode_times=False) as ds:
        ds[NAME].attrs.pop("standard_name")
        ds[NAME].attrs["units"] = "degrees_elsius"
        said = {
            "title": "Sea temperature",
            "license": "ask  us first",
            "institution": "Met Office",
            "summary": "unknown",
        }
        ds.rename({NAME: "sst"}).assign_attrs(said, keywords="a, b").to_netcdf(path)
    draft = new_draft([path], name="sst", catalog_path=tmp_path / "c.yaml")
    document = draft.located.value
    assert (document["title"], document["summary"], document["keywords"]) == ("Sea temperature", "", ["a", "b"])
    assert document["providers"] == [{"name": "Met Office", "roles": ["producer"]}]
    assert "'ask us first'" in draft.marks[("license",)]
    assert ("title",) not in draft.marks
    assert document["variables"]["sst"]["canonical_name"] == "sea_surface_temperature"
    assert "confidence 0.50: the name 'sst'" in draft.marks[("variables", "sst", "canonical_name")]
    assert "'degrees_elsius' is not known, proposed with" in draft.marks[("variables", "sst", "units")]
    assert document["variables"]["sst"]["units"] == "degC"
    assert document["variables"]["sst"]["long_name_zh"]


def test_an_spdx_licence_needs_no_decision(tmp_path: Path, ostia_file: Path) -> None:
    path = tmp_path / "sst.nc"
    with xr.open_dataset(ostia_file, decode_times=False) as ds:
        ds.assign_attrs(license="CC-BY-4.0").to_netcdf(path)
    draft = new_draft([path], name="sst", catalog_path=tmp_path / "c.yaml")
    assert draft.located.value["license"] == "CC-BY-4.0"
    assert ("license",) not in draft.marks


def test_a_licence_in_words_is_proposed_and_marked(tmp_path: Path, ostia_file: Path) -> None:
    path = tmp_path / "sst.nc"
    with xr.open_dataset(ostia_file, decode_times=False) as ds:
        ds.assign_attrs(license="Creative Commons CC BY 4.0, see the site").to_netcdf(path)
    draft = new_draft([path], name="sst", catalog_path=tmp_path / "c.yaml")
    assert draft.located.value["license"] == "CC-BY-4.0"
    assert "CC BY 4.0" in draft.marks[("license",)]


def test_a_repository_is_drafted_with_its_layouts(tmp_path: Path, ostia_repository: Path) -> None:
    draft = new_draft([ostia_repository], name="sst", catalog_path=tmp_path / "c.yaml")
    assert draft.located.value["assets"]["maps"]["href"] == str(ostia_repository)
    assert draft.located.value["derived_from"][0]["name"] == "ostia_monthly.nc"
    done = decide(draft.path, {"title": "SST", "title_zh": "海表温度", "license": "LicenseRef-OGL-UK"})
    assert [fault for fault in check_catalog(done.path, level=3) if fault.severity == "error"] == []


def test_a_draft_is_not_overwritten(file: Path) -> None:
    catalog = file.parent / "c.yaml"
    draft = new_draft([file], name="sst", catalog_path=catalog)
    decide(draft.path, {"title": "mine"})
    with pytest.raises(RepositoryExistsError, match="there is a draft"):
        new_draft([file], name="sst", catalog_path=catalog)
    assert require_draft(catalog, "sst").located.value["title"] == "mine"
    assert new_draft([file], name="sst", catalog_path=catalog, replace=True).located.value["title"] == ""
    with pytest.raises(InputError, match="does not exist"):
        new_draft([file], name="sst", catalog_path=file.parent / "nowhere" / "c.yaml")


def test_deciding_takes_out_the_mark_and_keeps_the_others(file: Path) -> None:
    draft = new_draft([file], name="sst", catalog_path=file.parent / "c.yaml")
    done = decide(
        draft.path,
        {
            "title": "a: b # c",
            "license": "CC-BY-4.0",
            "keywords": "[sea, '海']",
            f"variables.{NAME}.canonical_name": "sea_surface_temperature",
        },
    )
    assert set(done.marks) == {("title_zh",), ("grade",)}
    assert done.faults == ()
    assert done.entry is not None
    assert (done.entry.title, done.entry.license, done.entry.keywords) == ("a: b # c", "CC-BY-4.0", ("sea", "海"))
    assert done.entry.variables[NAME].canonical_name == "sea_surface_temperature"
    assert done.entry.variables[NAME].shape == (54, 18, 432)


def test_an_empty_value_takes_out_what_is_no_text(file: Path) -> None:
    draft = new_draft([file], name="sst", catalog_path=file.parent / "c.yaml")
    decided = {"title": "x", "summary": "y", "extent.depth_m": "[0, 10]"}
    entry = decide(draft.path, decided).entry
    assert entry is not None
    assert (entry.summary, entry.extent.depth_m) == ("y", (0.0, 10.0))
    done = decide(draft.path, {"summary": "", "extent.depth_m": ""})
    assert done.entry is not None
    assert (done.entry.summary, done.entry.extent.depth_m) == ("", None)
    assert done.located.value["summary"] == ""
    assert "depth_m" not in done.located.value["extent"]


def test_decisions_that_cannot_be(file: Path) -> None:
    draft = new_draft([file], name="sst", catalog_path=file.parent / "c.yaml")
    before = draft.path.read_text("utf-8")
    with pytest.raises(InputError, match="Close: 'surface_temperature'"):
        decide(draft.path, {"variables.surface_temperatur.units": "K"})
    with pytest.raises(InputError, match="no field 'title' to set"):
        decide(draft.path, {"title.en": "x"})
    with pytest.raises(DocumentError, match="cannot be read as YAML"):
        decide(draft.path, {"keywords": "[a"})
    assert draft.path.read_text("utf-8") == before
    draft.path.write_text("a: 1\na: 2\n", "utf-8")
    with pytest.raises(DocumentError, match="nothing was set"):
        decide(draft.path, {"title": "x"})


def test_a_registered_entry_can_be_drafted_again(tmp_path: Path, ostia: Entry) -> None:
    register_entry(tmp_path / "c.yaml", ostia)
    draft = require_draft(tmp_path / "c.yaml", ostia.id)
    assert draft.entry == ostia
    assert set(draft.marks) == {("grade",)}
    with pytest.raises(NotFoundError, match="no draft"):
        require_draft(tmp_path / "c.yaml", "other")


def test_what_a_registered_entry_does_not_say_is_left_to_decide(tmp_path: Path, ostia: Entry) -> None:
    document = ostia.to_json() | {"license": "NOASSERTION", "grade": "general"}
    del document["title_zh"]
    document["variables"] = {"sst": {"units": "K", "shape": [1]}, "x": {"standard_name": "sea_ice_area_fraction"}}
    document["assets"]["maps"]["chunk_shapes"] = {}
    register_entry(tmp_path / "c.yaml", Entry.from_json(document))
    draft = require_draft(tmp_path / "c.yaml", ostia.id)
    assert set(draft.marks) == {
        ("title_zh",),
        ("license",),
        ("variables", "sst", "canonical_name"),
        ("variables", "x", "units"),
    }
    assert draft.entry is not None
    assert draft.entry.variables["sst"].canonical_name == "sea_surface_temperature"
    assert draft.entry.variables["x"].units == "1"
    assert draft.entry.title == ostia.title
    assert draft.entry.assets == Entry.from_json(document).assets
