"""Every search against a reading of every entry: in memory, behind an index, and behind an index that was updated."""

import itertools
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oceandata.catalog import Catalog, open_catalog, register_entries, register_entry
from oceandata.catalog.extents import parse_period
from oceandata.catalog.licences import licence_identifiers
from oceandata.catalog.search import SORTS, question
from oceandata.catalog.words import (
    fold,
    is_chinese,
    names_of_word,
    pieces_of_run,
    quantities,
    query_words,
    said_by_vocabulary,
    text_words,
    variable_names,
)
from oceandata.entities import Entry, Extent, Provider, TradeLink, Variable
from oceandata.errors import InputError

# -- entries from few values, so that they meet ------------------------------------------------------------------------

_WEST = st.integers(-36, 72).map(lambda number: number * 5.0)
_LATITUDES = st.lists(st.integers(-9, 9).map(lambda number: number * 10.0), min_size=2, max_size=2).map(sorted)
_BOXES = st.tuples(_WEST, _LATITUDES, _WEST).map(lambda box: (box[0], box[1][0], box[2], box[1][1]))
_DAYS = st.lists(st.integers(0, 40_000), min_size=2, max_size=2).map(sorted)
_PERIODS = _DAYS.map(lambda days: tuple(datetime(1900, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in days))
_DEPTHS = st.lists(st.sampled_from([0.0, 0.5, 10.0, 100.0, 5000.0]), min_size=2, max_size=2).map(sorted).map(tuple)
_ENGLISH = ["sea temperature", "Temperatures of the sea", "salt", "an L4 analysis", "Ärmelkanal", "sst", "so"]
_CHINESE = ["渤海水温", "东海盐度", "太平洋的海温", "水", "太平", "海表", "平洋", ""]
_WORDS = ["sea", "temp", "temperature", "of", "so", "sst", "own", "e1", "l4", "centre", "analysis", "a"]
_WORDS += ["水温", "海温", "太平洋海温", "水", "渤海的水温", "自有", "位温", "盐"]
_KEYWORDS = ["SST", "sst", "Pacific", "ocean-colour", "a b"]
_LICENCES = ["CC-BY-4.0", "CC0-1.0 OR CC-BY-4.0", "LicenseRef-X"]
_VARIABLES = {
    "thetao": Variable(),
    "x": Variable(),
    "TEMP": Variable(standard_name="sea_water_temperature"),
    "votemper": Variable(long_name="potential temperature", long_name_zh="海水位温"),
    "f1": Variable(canonical_name="sea_surface_temperature", standard_name="surface_temperature"),
    "f2": Variable(standard_name="sea_water_salinity", long_name_zh="盐度"),
    "f3": Variable(standard_name="own_quantity_of_a_centre", long_name="Own quantity", long_name_zh="自有量"),
    "f4": Variable(standard_name="sea_water_temperature status_flag"),
}


def _entry(number: int, **fields: Any) -> Entry:
    asset = {"href": f"s3://b/{number}", "type": "application/vnd+zarr", "stored_bytes": fields.pop("nbytes")}
    return Entry(id=f"e{number}", assets={"maps": asset}, **fields)


_FIELDS = {
    "title": st.sampled_from(_ENGLISH),
    "title_zh": st.sampled_from(_CHINESE),
    "summary": st.sampled_from(["", *_ENGLISH]),
    "summary_zh": st.sampled_from(_CHINESE),
    "keywords": st.lists(st.sampled_from(_KEYWORDS), max_size=2, unique=True).map(tuple),
    "keywords_zh": st.lists(st.sampled_from(["太平洋", "水温"]), max_size=1).map(tuple),
    "license": st.sampled_from(_LICENCES),
    "providers": st.sampled_from([(), (Provider(name="A Centre", name_zh="某中心"),), (Provider(name="海洋所"),)]),
    "processing_level": st.sampled_from(["", "L4", "l4", "L2"]),
    "extent": st.builds(Extent, bbox=st.none() | _BOXES, time=st.none() | _PERIODS, depth_m=st.none() | _DEPTHS),
    "variables": st.lists(st.sampled_from(sorted(_VARIABLES)), max_size=3, unique=True).map(
        lambda names: {name: _VARIABLES[name] for name in names}
    ),
    "trade": st.sampled_from([None, TradeLink(product="p", revision=1)]),
    "nbytes": st.sampled_from([None, 1, 5, 2**40]),
}
_ENTRIES = st.lists(st.fixed_dictionaries(_FIELDS), max_size=8).map(
    lambda many: {f"e{number}": _entry(number, **fields) for number, fields in enumerate(many)}
)
_QUESTIONS = st.fixed_dictionaries(
    {},
    optional={
        "text": st.lists(
            st.sampled_from(_WORDS),
            min_size=1,
            max_size=2,
        ).map(" ".join),
        "bbox": _BOXES,
        "time": st.sampled_from(["1950", "1920/1960", "../1910", "2000-01/..", "1900-01-01"]) | _PERIODS,
        "depth": st.sampled_from([0, 5, 100, (0.5, 10), (200, 9000)]),
        "variable": st.sampled_from(["thetao", "tos", "水温", "sea_water_temperature", "X", "f3", "盐度", "海水位温"]),
        "standard_name": st.sampled_from(["sea_water_temperature", "sea_surface_temperature", "thetao"]),
        "keyword": st.sampled_from(["sst", "pacific", "水温", "a b", "a"]),
        "licence": st.sampled_from(["cc-by-4.0", "CC0-1.0", "CC0-1.0 OR CC-BY-4.0"]),
        "provider": st.sampled_from(["a centre", "某中心", "海洋所", "centre"]),
        "processing_level": st.sampled_from(["L4", "l2"]),
        "traded": st.booleans(),
    },
)

# -- what it means, entry by entry -------------------------------------------------------------------------------------


def _meets(asked: dict[str, Any], entry: Entry) -> bool:
    """Whether an entry meets a question, by looking at it."""
    q, here = question(**asked), entry.extent
    if q.bbox is not None and (here.bbox is None or not _boxes_meet(here.bbox, q.bbox)):
        return False
    if q.period is not None and (here.time is None or here.time[0] > q.period[1] or here.time[1] < q.period[0]):
        return False
    if q.depth_m is not None and (
        here.depth_m is None or here.depth_m[0] > q.depth_m[1] or here.depth_m[1] < q.depth_m[0]
    ):
        return False
    variables = entry.variables.items()
    if q.names and not any(q.names & variable_names(*pair) for pair in variables):
        return False
    standard = {fold(name) for _, v in variables for name in (v.standard_name, v.canonical_name)}
    texts = (
        (q.standard_name, standard),
        (q.keyword, map(fold, (*entry.keywords, *entry.keywords_zh))),
        (q.licence, map(fold, (entry.license, *licence_identifiers(entry.license)))),
        (q.provider, (fold(name) for one in entry.providers for name in (one.name, one.name_zh))),
        (q.processing_level, [fold(entry.processing_level)]),
    )
    if any(wanted and wanted not in there for wanted, there in texts):
        return False
    return q.traded in (None, entry.trade is not None) and all(_has_word(entry, word) for word in q.words)


def _longitudes(west: float, east: float) -> set[float]:
    """Every fifth degree of a range of longitudes, 180 and -180 being one, and the middles between them."""
    width = 360 if east - west >= 360 else (east - west) % 360
    return {(west + step / 2 * 5) % 360 for step in range(int(width / 2.5) + 1)}


def _boxes_meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    if one[1] > other[3] or other[1] > one[3]:
        return False
    return bool(_longitudes(one[0], one[2]) & _longitudes(other[0], other[2]))


def _said(entry: Entry) -> tuple[list[str], list[str]]:
    """Words of the entry's texts, and those of the vocabulary."""
    texts = [entry.title, entry.title_zh, entry.id, entry.summary, entry.summary_zh, entry.processing_level]
    texts += [*entry.keywords, *entry.keywords_zh]
    texts += [name for one in entry.providers for name in (one.name, one.name_zh)]
    vocabulary: list[str] = []
    for name, v in entry.variables.items():
        texts += [name, v.long_name, v.long_name_zh, v.standard_name, v.canonical_name, *quantities(name, v)]
        vocabulary += [word for known in variable_names(name, v) for word in said_by_vocabulary(known)]
    return text_words(*texts), vocabulary


def _has_word(entry: Entry, word: str) -> bool:
    texts, vocabulary = _said(entry)
    if not is_chinese(word):
        return any(other == word or (len(word) > 2 and other.startswith(word)) for other in (*texts, *vocabulary))
    pairs = {run[place : place + 2] for run in texts for place in range(len(run) - 1)}

    def there(piece: str) -> bool:
        together = (piece[place : place + 2] for place in range(len(piece) - 1))
        return any(piece in run for run in vocabulary) or (len(piece) > 1 and all(pair in pairs for pair in together))

    if len(word) == 1:
        return any(word in run for run in (*texts, *vocabulary))
    return any(all(map(there, way)) for way in pieces_of_run(word))


_KEYS: dict[str, Any] = {
    "name": lambda entry: entry.id,
    "title": lambda entry: (fold(entry.title), entry.id),
    "size": lambda entry: (-(entry.stored_bytes or 0), entry.id),
    "period": lambda entry: (-entry.extent.time[1].timestamp() if entry.extent.time else float("inf"), entry.id),
}


def _folded(catalog: Catalog) -> dict[str, dict[Any, int]]:
    """Facets by folded value: a value is shown as the first entry of a whole catalogue spells it."""
    return {
        facet: {fold(str(value)): count for value, count in values.items()}
        for facet, values in catalog.facets().items()
    }


def _counted(entries: Iterable[Entry]) -> dict[str, dict[Any, int]]:
    """Facets by folded value, counted entry by entry."""
    counters: dict[str, Counter[str]] = {}
    for entry in entries:
        variables = entry.variables.items()
        values = {
            "variable": [quantity for pair in variables for quantity in quantities(*pair)],
            "standard_name": [name for _, v in variables for name in (v.standard_name, v.canonical_name)],
            "keyword": [*entry.keywords, *entry.keywords_zh],
            "licence": licence_identifiers(entry.license),
            "provider": [one.name for one in entry.providers],
            "processing_level": [entry.processing_level],
            "traded": [str(entry.trade is not None)],
        }
        for facet, said in values.items():
            counters.setdefault(facet, Counter()).update({fold(value) for value in said if value})
    return {facet: dict(counter) for facet, counter in counters.items() if counter}


def _check(catalog: Catalog, entries: dict[str, Entry], asked: dict[str, Any]) -> None:
    """A search finds what it means, in every order, counted and limited."""
    expected = {name for name, entry in entries.items() if _meets(asked, entry)}
    found = catalog.search(**asked)
    assert set(found) == expected
    assert len(found) == len(list(found)) == len(expected)
    assert bool(found) == bool(expected)
    for name in entries:
        assert (name in found) == (name in expected)
    for sort, key in _KEYS.items():
        ordered = [entry.id for entry in sorted((entries[name] for name in expected), key=key)]
        assert list(catalog.search(**asked, sort=sort)) == ordered, sort
        assert list(catalog.search(**asked, sort=sort, limit=2)) == ordered[:2], sort
    assert list(catalog.search(**asked, limit=2)) == list(found)[:2]
    facets = _folded(found)
    assert facets == _folded(catalog.search(**asked, limit=1000)) == _counted(entries[name] for name in expected)


@settings(max_examples=60)
@given(entries=_ENTRIES, asked=_QUESTIONS)
def test_in_memory(entries: dict[str, Entry], asked: dict[str, Any]) -> None:
    _check(Catalog(entries), entries, asked)


@settings(max_examples=40)
@given(entries=_ENTRIES, first=_QUESTIONS, second=_QUESTIONS)
def test_searching_what_was_found(entries: dict[str, Entry], first: dict[str, Any], second: dict[str, Any]) -> None:
    expected = {name for name, entry in entries.items() if _meets(first, entry) and _meets(second, entry)}
    assert set(Catalog(entries).search(**first).search(**second)) == expected
    assert set(Catalog(entries).search(**first, limit=100).search(**second)) == expected


@pytest.fixture(scope="module")
def drawn() -> dict[str, Entry]:
    """Some hundred entries: every value of every field above, combined as they come."""
    values = {
        "title": _ENGLISH,
        "title_zh": _CHINESE,
        "summary_zh": _CHINESE[::-1],
        "keywords": [(), ("SST", "Pacific"), ("sst",), ("a b",)],
        "license": _LICENCES,
        "providers": [(), (Provider(name="A Centre", name_zh="某中心"),)],
        "processing_level": ["", "L4", "l4"],
        "extent": [
            Extent(),
            Extent(bbox=(170, -10, -170, 10), time=(datetime(1950, 1, 1), datetime(1955, 1, 1))),
            Extent(bbox=(-180, -90, 180, 90), depth_m=(0, 5000)),
            Extent(bbox=(175, 0, 180, 5), time=(datetime(2000, 1, 1), datetime(2001, 1, 1)), depth_m=(0, 0.5)),
            Extent(bbox=(0, -20, 360, 20)),
        ],
        "variables": [{name: _VARIABLES[name]} for name in _VARIABLES] + [{}],
        "trade": [None, TradeLink(product="p", revision=1)],
        "nbytes": [None, 7, 2**50],
    }
    cycles = {field: itertools.cycle(many) for field, many in values.items()}
    made = [_entry(number, **{field: next(cycle) for field, cycle in cycles.items()}) for number in range(300)]
    return {entry.id: entry for entry in made}


@pytest.fixture(scope="module")
def updated(drawn: dict[str, Entry], tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The same entries in a catalogue file, in bulk files and their index, and in the index of what changed since."""
    path = tmp_path_factory.mktemp("bulk") / "catalog.yaml"
    entries = list(drawn.values())
    old = [entry.model_copy(update={"title": "old", "trade": None}) for entry in entries[50:80]]
    register_entries(path, [*entries[80:200], *old])
    register_entries(path, entries[50:290], replace=True)
    for entry in (*entries[:3], *entries[290:292]):
        register_entry(path, entry)
    catalog = open_catalog(path)
    assert {"index.sqlite", "index-changes.sqlite"} < {file.name for file in path.parent.iterdir()}
    return catalog


@settings(max_examples=60)
@given(asked=_QUESTIONS)
def test_behind_an_index_that_was_updated(updated: Catalog, drawn: dict[str, Entry], asked: dict[str, Any]) -> None:
    _check(updated, {name: drawn[name] for name in updated}, asked)


def test_the_updated_index_holds_what_it_should(updated: Catalog, drawn: dict[str, Entry]) -> None:
    names = [f"e{number}" for number in (*range(3), *range(50, 292))]
    assert sorted(updated) == sorted(names)
    assert len(updated) == len(names)
    assert all(updated[name] == drawn[name] for name in names)
    assert not updated.search(text="old")
    assert "e3" not in updated


def test_narrow_and_wide_boxes_are_asked_in_other_ways_with_one_answer(
    drawn: dict[str, Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """How many are in the box decides how SQLite is asked; here each way is taken for the same questions."""
    from oceandata.catalog.index import segment

    catalog = Catalog(drawn)
    asked = {"bbox": (160, -30, -160, 30), "time": "1950/2000", "text": "sea"}
    answers = []
    for narrow, few, some, frequent in (
        (0, 0, 0, 0),
        (999, 0, 0, 0),
        (999, 999, 0, 0),
        (999, 0, 999, 0),
        (999, 0, 999, 9),
    ):
        for name, value in (("_NARROW", narrow), ("_FEW", few), ("_SOME", some), ("_FREQUENT", frequent)):
            monkeypatch.setattr(segment, name, value)
        found = [list(catalog.search(**{key: asked[key] for key in keys}, limit=9)) for keys in (asked, ("bbox",))]
        answers.append(found)
    assert all(answer == answers[0] for answer in answers)
    assert len(answers[0][0]) == 9


def test_facets_count_a_value_once_an_entry_whatever_its_spelling() -> None:
    twice = _entry(0, title="a", license="MIT", extent=Extent(), variables={}, keywords=("SST", "sst"), nbytes=1)
    other = _entry(1, title="a", license="MIT", extent=Extent(), variables={}, keywords=("ＳＳＴ",), nbytes=1)
    facets = Catalog({"e0": twice, "e1": other}).facets()
    assert facets["keyword"] == {"SST": 2}
    assert Counter(facets["traded"]) == {False: 2}


def test_every_order_is_tested() -> None:
    assert set(SORTS) == {*_KEYS, "relevance"}


def test_a_question_is_checked_when_it_is_asked() -> None:
    assert question(text="Sea").words == query_words("sea")
    assert question(variable="votemper").names == names_of_word("votemper")
    assert question(time="2009").period == parse_period("2009")
    with pytest.raises(InputError, match="need one of 'relevance'"):
        Catalog({}).search(sort="relevanc")
