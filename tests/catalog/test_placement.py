"""Entries where their catalogue keeps them."""

from pathlib import Path

import pytest

from oceandata.catalog import open_catalog, register_entries, register_entry
from oceandata.catalog.loader import require_catalog
from oceandata.catalog.placement import place_entries
from oceandata.entities import Entry


def named(entry: Entry, *names: str) -> list[Entry]:
    return [entry.model_copy(update={"id": name}) for name in names]


def in_yaml(catalog: Path) -> list[str]:
    return sorted(require_catalog(catalog).entries)


def test_an_entry_stays_where_it_is(ostia: Entry, tmp_path: Path) -> None:
    catalog = tmp_path / "c.yaml"
    register_entry(catalog, *named(ostia, "run"))
    register_entries(catalog, named(ostia, "sst"))
    changed = [one.model_copy(update={"title_zh": "\u6d77"}) for one in named(ostia, "run", "sst")]
    assert place_entries(catalog, changed) == "yaml"
    assert in_yaml(catalog) == ["run"]
    found = open_catalog(catalog)
    assert sorted(found) == ["run", "sst"]
    assert {one.title_zh for one in found.values()} == {"\u6d77"}


@pytest.mark.parametrize(("into", "most", "expected"), [("auto", 3, "yaml"), ("auto", 2, "bulk"), ("bulk", 3, "bulk")])
def test_new_entries_go_where_there_is_room_for_all(
    into: str, most: int, expected: str, ostia: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oceandata.catalog.placement.MOST_ENTRIES", most)
    catalog = tmp_path / "c.yaml"
    register_entry(catalog, *named(ostia, "run"))
    assert place_entries(catalog, named(ostia, "run", "sst", "salt"), into=into) == expected
    assert in_yaml(catalog) == (["run", "salt", "sst"] if expected == "yaml" else ["run"])
    assert sorted(open_catalog(catalog)) == ["run", "salt", "sst"]


def test_a_catalogue_is_made_where_there_is_none(ostia: Entry, tmp_path: Path) -> None:
    assert place_entries(tmp_path / "new.yaml", named(ostia, "run")) == "yaml"
    assert list(open_catalog(tmp_path / "new.yaml")) == ["run"]
