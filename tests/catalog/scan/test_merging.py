"""A person's words win over a scan, a scan over what an earlier scan wrote."""

from typing import Any

from oceandata.catalog.scan.merging import merged_entry
from oceandata.entities import Asset, Entry, Extent, Variable


def _entry(**changes: Any) -> Entry:
    fields: dict[str, Any] = {
        "id": "a",
        "title": "Old",
        "license": "NOASSERTION",
        "extent": Extent(bbox=(0, 0, 1, 1)),
        "variables": {"sst": Variable(dimensions=("t",), shape=(3,), dtype="f4")},
        "assets": {"netcdf": Asset(href="/d/a.nc", type="application/x-netcdf", group="")},
    }
    return Entry(**(fields | changes))


def test_what_nobody_changed_follows_the_files() -> None:
    old = _entry()
    fresh = _entry(title="New", license="MIT", extent=Extent(bbox=(0, 0, 2, 2)))
    assert merged_entry(fresh, old, old.to_json()) == fresh


def test_what_a_person_changed_stays() -> None:
    scanned = _entry()
    present = _entry(title="Mine", title_zh="我的", license="MIT", extent=Extent(bbox=(0, 0, 9, 9)))
    fresh = _entry(title="New", extent=Extent(bbox=(0, 0, 2, 2)), summary="s")
    merged = merged_entry(fresh, present, scanned.to_json())
    assert (merged.title, merged.title_zh, merged.license, merged.summary) == ("Mine", "我的", "MIT", "s")
    assert merged.extent.bbox == (0, 0, 9, 9)


def test_what_a_person_took_away_stays_away() -> None:
    scanned = _entry(summary="wrong")
    assert merged_entry(scanned, _entry(), scanned.to_json()).summary == ""


def test_without_a_memory_the_catalogue_wins_but_for_facts() -> None:
    present = _entry(title="Mine", keywords=("x",))
    fresh = _entry(
        title="New",
        license="MIT",
        extent=Extent(bbox=(0, 0, 2, 2)),
        variables={"sst": Variable(dimensions=("t",), shape=(5,), dtype="f4", units="K")},
    )
    merged = merged_entry(fresh, present, None)
    assert (merged.title, merged.keywords, merged.license) == ("Mine", ("x",), "MIT")
    assert merged.extent.bbox == (0, 0, 2, 2)
    assert merged.variables["sst"].shape == (5,)
    assert merged.variables["sst"].units == "K"


def test_variables_come_and_go_with_the_files() -> None:
    named = Variable(dimensions=("t",), shape=(3,), dtype="f4", canonical_name="sea_surface_temperature")
    scanned = _entry()
    present = _entry(variables={"sst": named, "gone": named})
    fresh = _entry(variables={"sst": Variable(dimensions=("t",), shape=(4,), dtype="f4"), "new": named})
    merged = merged_entry(fresh, present, scanned.to_json())
    assert list(merged.variables) == ["sst", "new"]
    assert merged.variables["sst"] == named.model_copy(update={"shape": (4,)})
