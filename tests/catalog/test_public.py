"""The catalogue of public stores: each address was read on a page that the entry names; nothing claims to be tried."""

from datetime import date
from importlib.resources import as_file, files
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from oceandata.catalog import Catalog, check_catalog, open_catalog
from oceandata.catalog.licences import unknown_licences
from oceandata.catalog.release import is_public_url

PATH = Path(__file__).parents[2] / "catalogs" / "public.yaml"


@pytest.fixture(scope="module")
def public() -> Catalog:
    with as_file(files("oceandata._catalogs") / "public.yaml") as path:
        return open_catalog(path)


def test_it_ships_and_holds_entries(public: Catalog) -> None:
    assert 5 <= len(public) <= 30
    assert public.search(text="海表温度")
    assert public.search(variable="sst", time="2010", bbox=(-170, -5, -120, 5))


def test_plain_intake_opens_it(public: Catalog) -> None:
    import intake

    catalog = intake.open_catalog(str(PATH))
    assert sorted(catalog) == sorted(public)
    for name in catalog:
        assert catalog.entries[name].kwargs["url"] == public[name].assets["zarr"].href


def test_every_entry_says_where_its_address_was_read_and_that_it_was_not_tried(public: Catalog) -> None:
    for name, entry in public.items():
        assert urlsplit(entry.source_page).scheme == "https", name
        assert urlsplit(entry.source_page).netloc, name
        assert entry.source_page_read is not None, name
        assert date(2026, 1, 1) <= entry.source_page_read, name
        tried = entry.status in ("alive", "dead") and entry.verified is not None
        assert tried or (entry.status == "not verified" and entry.verified is None), name


def test_every_place_is_public_plain_zarr(public: Catalog) -> None:
    places = [asset for entry in public.values() for asset in entry.assets.values()]
    assert all(asset.type == "application/vnd+zarr" and is_public_url(asset.href) for asset in places)
    assert len({asset.href for asset in places}) == len(places)


def test_every_licence_is_known_or_said_to_be_unknown_with_a_word_on_it(public: Catalog) -> None:
    for name, entry in public.items():
        assert not unknown_licences(entry.license), name
        if entry.license == "NOASSERTION":
            assert "licence" in entry.summary, name
            assert "许可" in entry.summary_zh, name


def test_titles_are_in_two_languages_and_values_are_plausible(public: Catalog) -> None:
    assert all(entry.title_zh and entry.summary and entry.summary_zh and entry.keywords_zh for entry in public.values())
    faults = check_catalog(PATH)
    assert [fault for fault in faults if fault.severity == "error"] == []
    allowed = ("is missing: give", "is NOASSERTION", "has no units", "has no standard name", "bbox is unknown")
    assert [str(fault) for fault in faults if not any(words in fault.message for words in allowed)] == []
