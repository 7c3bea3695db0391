"""Commands that find entries in a catalogue of many, and the command that indexes them."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from oceandata.catalog import open_catalog, register_entries, register_entry
from oceandata.catalog.search import SORTS
from oceandata.cli.catalog_search import search
from oceandata.entities import Asset, Entry, Extent, Provider, Variable

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A catalogue file with one entry, and two hundred bulk entries beside it."""

    def entry(number: int) -> Entry:
        return Entry(
            id=f"e{number:03d}",
            title=f"Bohai {number}",
            title_zh="渤海水温",
            keywords=("SST",) if number % 2 else ("salt",),
            license="MIT" if number % 4 else "CC0-1.0",
            processing_level="L4" if number < 50 else "",
            providers=(Provider(name="A Centre"),),
            extent=Extent(bbox=(120, 38, 121, 39), depth_m=(0, number)),
            variables={"thetao": Variable(standard_name="sea_water_potential_temperature")},
            assets={"maps": Asset(href=f"s3://b/{number}", type="application/vnd+zarr", stored_bytes=number)},
        )

    register_entries(tmp_path / "catalog.yaml", map(entry, range(200)))
    register_entry(tmp_path / "catalog.yaml", entry(999))
    return tmp_path / "catalog.yaml"


def _names(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    return [entry["id"] for entry in json.loads(done.stdout)]


def test_a_table_shows_a_hundred(run: Run, many: Path) -> None:
    lines = run("catalog", "list").stdout.splitlines()
    assert lines[-1] == "201 entries, the first 100 are shown; --limit shows more"
    assert len(lines) == 102
    assert lines[1].startswith("e999")
    assert run("catalog", "list", "--limit", 3).stdout.splitlines()[-1].startswith("201 entries, the first 3 ")
    assert len(_names(run("catalog", "list", "--json"))) == 201
    assert _names(run("catalog", "list", "--json", "--limit", 2)) == ["e999", "e000"]
    found = run("catalog", "search", "渤海", "水温").stdout.splitlines()
    assert found[-1] == "201 entries, the first 100 are shown; --limit shows more"
    assert run("catalog", "search", "Bohai", "--limit", 500).stdout.splitlines()[-1] == "201 entries"


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (("--standard-name", "sea_water_potential_temperature"), 201),
        (("--keyword", "sst"), 101),
        (("--processing-level", "l4", "--licence", "CC0-1.0"), 13),
        (("--depth", 150, 5000), 51),
        (("--provider", "A Centre", "--not-traded"), 201),
        (("--variable", "水温", "--keyword", "salt", "--bbox", 121, 39, 130, 40), 100),
        (("--keyword", "ss"), 0),
    ],
    ids=str,
)
def test_every_question(run: Run, many: Path, words: tuple[object, ...], count: int) -> None:
    assert len(_names(run("catalog", "search", *words, "--json"))) == count


def test_orders(run: Run, many: Path) -> None:
    assert _names(run("catalog", "search", "--sort", "size", "--limit", 2, "--json")) == ["e999", "e199"]
    assert _names(run("catalog", "search", "--sort", "title", "--limit", 2, "--json")) == ["e000", "e001"]
    (option,) = (one for one in search.params if one.name == "sort")
    assert tuple(option.type.choices) == SORTS  # type: ignore[attr-defined]


def test_facets(run: Run, many: Path) -> None:
    facets = json.loads(run("catalog", "search", "bohai", "--depth", 190, 200, "--facets", "--json").stdout)
    assert facets["entries"] == 11
    assert facets["facets"]["keyword"] == {"SST": 6, "salt": 5}
    assert facets["facets"]["traded"] == {"False": 11}
    table = run("catalog", "search", "--facets").stdout
    assert table.splitlines()[-1] == "201 entries"
    assert "processing_level" in table


def test_index(run: Run, many: Path) -> None:
    assert run("catalog", "index").stdout == "200 entries; the index is up to date\n"
    assert run("catalog", "index", "--whole").stdout == "200 entries; the index was built anew\n"
    (many.parent / "index.sqlite").unlink()
    told = run("catalog", "list")
    assert told.returncode == 1
    assert f"oceandata catalog index --catalog {many}" in told.stderr
    report = json.loads(run("catalog", "index", "--catalog", many, "--json").stdout)
    assert report == {"entries": 200, "changed": 200, "removed": 0, "action": "built"}
    assert run("catalog", "index", "--move").stdout == "201 entries; 1 added or changed, 0 replaced or gone\n"
    assert list(open_catalog(many))[-1] == "e999"


def test_nothing_to_index(run: Run, demo: object) -> None:
    done = run("catalog", "index", "--catalog", "none.yaml")
    assert done.returncode == 1
    assert "no bulk entries" in done.stderr
