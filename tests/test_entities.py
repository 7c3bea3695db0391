"""Documents: JSON there and back, every fault at once, and what cannot be is refused."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from oceandata import entities
from oceandata.documents import Document
from oceandata.entities import (
    RESERVED_NAMES,
    Asset,
    Entry,
    Extent,
    GradeDecision,
    Origin,
    Provider,
    SourceFile,
    TradeLink,
    Variable,
)
from oceandata.errors import DocumentError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WORD = TEXT.filter(str.strip)
COUNT = st.integers(0, 10**18)
NAME = st.from_regex(r"\A[a-z][a-z0-9_]{0,20}\Z").filter(lambda name: name not in RESERVED_NAMES)
INSTANT = st.datetimes(
    datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))])
)
DEPTH = st.floats(-100, 11_000)
LONGITUDE = st.floats(-180, 360)


def _optional(strategy):
    return st.none() | strategy


EXTENTS = st.builds(
    Extent,
    bbox=_optional(
        st.tuples(LONGITUDE, st.floats(-90, 0), LONGITUDE, st.floats(0, 90)),
    ),
    time=_optional(st.tuples(INSTANT, INSTANT).map(sorted).map(tuple)),
    depth_m=_optional(st.tuples(DEPTH, DEPTH).map(sorted).map(tuple)),
    time_resolution=st.sampled_from(["", "P1M"]),
)
SHAPES = st.lists(st.integers(0, 10**6), max_size=4)
VARIABLES = SHAPES.flatmap(
    lambda shape: st.builds(
        Variable,
        dimensions=st.just(tuple(f"d{n}" for n in range(len(shape)))),
        shape=st.just(tuple(shape)),
        chunks=st.just(tuple(max(1, size) for size in shape)),
        dtype=st.sampled_from(["float32", "int16"]),
        units=TEXT,
        long_name_zh=TEXT,
        nbytes=COUNT,
    )
)
KNOWN = _optional(COUNT)
SIZES = {"stored_bytes": KNOWN, "decoded_bytes": KNOWN, "chunks": KNOWN}
ASSETS = st.one_of(
    st.builds(Asset, href=WORD, revision=WORD, snapshot=WORD, content_root=TEXT, **SIZES),
    st.builds(Asset, href=WORD, type=st.just("application/vnd+zarr"), group=TEXT, **SIZES),
    st.builds(Asset, href=WORD, type=st.just("application/x-netcdf"), files=st.just(("1.nc", "b/2.nc")), **SIZES),
)
DECISIONS = st.builds(GradeDecision, by=WORD, on=st.dates(), note=TEXT)
LINKS = st.one_of(
    st.builds(TradeLink, product=WORD, revision=st.integers(1, 99), document=TEXT, listing_url=TEXT),
    st.builds(TradeLink, product=WORD, revision=st.integers(1, 99), example=st.just(True)),
)
SOURCES = st.builds(SourceFile, name=WORD, nbytes=COUNT, sha256=st.from_regex(r"\A[0-9a-f]{64}\Z"))
ORIGINS = st.builds(Origin, repository=TEXT, revision=TEXT, product=TEXT, product_revision=_optional(COUNT))
PROVIDERS = st.builds(Provider, name=WORD, name_zh=TEXT, roles=st.just(()) | st.just(("producer", "host")))
ENTRIES = st.builds(
    Entry,
    id=NAME,
    title=WORD,
    title_zh=TEXT,
    keywords=st.lists(TEXT, max_size=2).map(tuple),
    license=WORD,
    providers=st.lists(PROVIDERS, max_size=2).map(tuple),
    extent=EXTENTS,
    variables=st.dictionaries(TEXT, VARIABLES, max_size=2),
    assets=st.dictionaries(TEXT, ASSETS, min_size=1, max_size=2),
    derived_from=st.lists(SOURCES, max_size=2).map(tuple),
    created=_optional(INSTANT),
    trade=_optional(LINKS),
    doi=st.sampled_from(["", "10.5670/oceanog.2018.205"]),
    grade=st.sampled_from(["", "general", "important", "core"]),
    grade_decision=_optional(DECISIONS),
    status=st.sampled_from(["", "alive", "not verified"]),
    verified=_optional(INSTANT),
    source_page_read=_optional(st.dates()),
)


@given(st.one_of(EXTENTS, VARIABLES, ASSETS, LINKS, SOURCES, ORIGINS, PROVIDERS, DECISIONS, ENTRIES))
def test_json_there_and_back(document):
    written = document.to_json()
    assert type(document).from_json(json.loads(json.dumps(written, allow_nan=False))) == document


def test_every_document_is_tried_above():
    found = {one for one in vars(entities).values() if isinstance(one, type) and issubclass(one, Document)}
    assert found == {Document, Extent, Variable, Asset, TradeLink, SourceFile, Origin, Provider, GradeDecision, Entry}


def _entry(**changes):
    asset = {"href": "a", "revision": "r1", "snapshot": "s", "stored_bytes": 1, "decoded_bytes": 1, "chunks": 1}
    whole = {"id": "sst", "title": "SST", "license": "CC-BY-4.0", "extent": {}, "variables": {}, "assets": {"m": asset}}
    return whole | changes


def test_a_scalar_and_an_extent_that_says_nothing_come_back():
    scalar = {"dimensions": (), "shape": (), "chunks": (), "dtype": "int32", "nbytes": 4}
    entry = Entry.from_json(_entry(variables={"crs": scalar}))
    written = entry.to_json()
    assert written["extent"] == {}
    assert written["variables"] == {"crs": {"dimensions": [], "shape": [], "chunks": [], "dtype": "int32", "nbytes": 4}}
    assert Entry.from_json(written) == entry


def test_all_faults_are_listed_with_their_place():
    with pytest.raises(DocumentError) as caught:
        Entry.from_json(_entry(id="Bad Id", colour="red", assets={"m": {"href": "a"}}), where="sst.yaml")
    lines = str(caught.value).splitlines()
    assert lines[0] == "sst.yaml has 3 faults:"
    assert {line.split(":")[0].strip() for line in lines[1:]} >= {
        "id",
        "colour",
        "assets.m",
    }


def test_documents_are_frozen():
    with pytest.raises(ValidationError):
        Extent().bbox = (0, 0, 1, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"bbox": (0, 10, 1, 0)},
        {"bbox": (0, -91, 1, 0)},
        {"bbox": (-181, 0, 1, 0)},
        {"bbox": (math.nan, 0, 1, 0)},
        {"bbox": (0, math.nan, 1, 0)},
        {"depth_m": (math.nan, 1)},
        {"depth_m": (0, math.inf)},
        {"depth_m": (100, 0)},
        {"time": ("2001-01-01T00:00:00Z", "2000-01-01T00:00:00Z")},
        {"time": ("2001-01-01", "2000-01-01T00:00:00Z")},
        {"time": ("2000-01-01T08:00:00+08:00", "1999-12-31T23:59:59Z")},
    ],
)
def test_impossible_extents_are_refused(wrong):
    with pytest.raises(DocumentError):
        Extent.from_json(wrong)


def test_instants_without_a_zone_are_utc():
    extent = Extent.from_json({"time": ["2000-01-01T00:00:00", "2000-01-01T08:00:00+08:00"]})
    assert extent.time == (datetime(2000, 1, 1, tzinfo=UTC),) * 2
    assert extent.to_json()["time"] == ["2000-01-01T00:00:00Z"] * 2


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_names_of_a_catalogue_are_no_entries(name):
    with pytest.raises(DocumentError, match="Intake"):
        Entry.from_json(_entry(id=name))


def test_an_entry_without_a_place_is_refused():
    with pytest.raises(DocumentError, match="at least one place"):
        Entry.from_json(_entry(assets={}))


def test_an_example_has_no_listing():
    with pytest.raises(DocumentError, match="no listing"):
        TradeLink.from_json({"product": "p", "revision": 1, "example": True, "listing_url": "https://example.org"})
    assert "not listed" in TradeLink(product="p", revision=1).status
    assert "not listed on any" in TradeLink(product="p", revision=1, example=True).status
    assert TradeLink(product="p", revision=1, listing_url="u").status == "listed at u"


def test_origin_is_named_by_the_most_telling_thing_known():
    assert Origin(repository="/r").name == "/r"
    assert Origin(repository="/r", entry="e").name == "e"
    assert Origin(repository="/r", entry="e", product="p").name == "p"
