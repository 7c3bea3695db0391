"""A row of a sheet as fields of an entry, an entry as a row, and back without loss."""

import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oceandata.catalog.transfer.cells import is_blank
from oceandata.catalog.transfer.fields import flatten, unflatten
from oceandata.catalog.transfer.rows import entry_cells, read_cells
from oceandata.entities import Asset, Entry, Extent, Provider, Variable

TEXT = st.text(
    alphabet=st.one_of(
        st.sampled_from(";；,，、\\'=+-@\n/ "), st.characters(codec="utf-8", exclude_categories=("C", "Z"))
    ),
    max_size=20,
).map(str.strip)
WORD = TEXT.filter(bool)
SIZE = st.integers(0, 10**18)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """Entries with any public field that an entry can have."""
    south, north = sorted(draw(st.tuples(*[st.floats(-90, 90)] * 2)))
    moments = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))
    depths = sorted(draw(st.tuples(*[st.floats(-100, 11000)] * 2)))
    names = draw(st.lists(WORD, unique=True, max_size=3))
    variables = {}
    for name in names:
        rank = draw(st.integers(0, 3))
        dims = st.lists(WORD, min_size=rank, max_size=rank).map(tuple)
        shape = st.lists(SIZE, min_size=rank, max_size=rank).map(tuple)
        variables[name] = Variable(
            dimensions=draw(st.none() | dims.filter(lambda d: d != ("()",))),
            shape=draw(st.none() | shape),
            units=draw(TEXT),
            long_name=draw(TEXT),
            standard_name=draw(TEXT),
            nbytes=draw(st.none() | SIZE),
        )
    providers = draw(st.lists(st.builds(Provider, name=WORD, name_zh=TEXT, url=TEXT), max_size=3))
    hrefs = draw(st.lists(WORD, min_size=1, max_size=3))
    zarr = [
        Asset(
            href=href,
            type="application/vnd+zarr",
            group=draw(TEXT.filter(lambda t: t != "/")),
            stored_bytes=draw(st.none() | SIZE),
        )
        for href in hrefs
    ]
    layouts = draw(st.lists(WORD, min_size=len(zarr), max_size=len(zarr), unique=True))
    return Entry(
        id=draw(st.text(string.ascii_lowercase, min_size=1, max_size=8).map("e_".__add__)),
        title=draw(WORD),
        title_zh=draw(TEXT),
        summary=draw(TEXT),
        keywords=tuple(draw(st.lists(WORD, max_size=3))),
        license=draw(WORD.filter(lambda text: not is_blank(text))),  # '无' says that it is unknown
        providers=tuple(providers),
        extent=Extent(
            bbox=(draw(st.floats(-180, 360)), south, draw(st.floats(-180, 360)), north),
            time=tuple(sorted(draw(st.tuples(moments, moments)))),
            depth_m=(depths[0], depths[1]),
        ),
        variables=variables,
        assets=dict(zip(layouts, zarr, strict=True)),
        grade=draw(st.sampled_from(["", "general", "important", "core"])),
    )


@given(entries())
def test_an_entry_is_read_again_from_its_row(entry: Entry) -> None:
    document = entry.to_json()
    row = read_cells(entry_cells(document))
    assert row.faults == []
    assert Entry.from_json(unflatten(row.fields)) == entry


@given(entries())
def test_flat_fields_are_the_document(entry: Entry) -> None:
    assert Entry.from_json(unflatten(flatten(entry.to_json()))) == entry


def test_the_richest_entry_is_read_again_from_its_row(entry: Entry) -> None:
    row = read_cells(entry_cells(entry.to_json()))
    assert row.faults == []
    assert Entry.from_json(unflatten(row.fields)) == entry


def test_every_fault_of_a_row_is_told_by_column() -> None:
    row = read_cells(
        {
            "extent.bbox.0": "far",
            "extent.time": "1993年至今",
            "variables": "水温、盐度",
            "variables.*.units": "℃",
            "assets.*.stored_bytes": "3 GB",
            "grade": "秘密",
            "title": "#REF!",
            "extent.depth_m": "—",
        }
    )
    found = {fault.field: fault.message for fault in row.faults}
    assert set(found) == {
        *("extent.bbox.0", "extent.time", "variables.*.units", "assets.*.stored_bytes", "grade", "title")
    }
    assert "the column 'address' is empty" in found["assets.*.stored_bytes"]
    assert "'秘密' is no grade" in found["grade"]
    assert "error of the spreadsheet" in found["title"]


@pytest.mark.parametrize(
    ("cell", "names"),
    [("水温/盐度", ["水温", "盐度"]), ("thetao; so", ["thetao", "so"]), ("group/sst", ["group/sst"]), ("T", ["T"])],
)
def test_several_variables_in_one_cell(cell: str, names: list[str]) -> None:
    assert [place[1] for place in read_cells({"variables": cell}).fields] == names


def test_a_name_with_a_slash_is_read_again_as_one() -> None:
    variables = {"温/盐": Variable()}
    cells = entry_cells({"variables": {name: one.to_json() for name, one in variables.items()}})
    assert list(read_cells(cells).fields) == [("variables", "温/盐")]


def test_a_variable_that_stands_twice_is_a_fault() -> None:
    (fault,) = read_cells({"variables": "sst; sst"}).faults
    assert fault.message == "sst stands twice. Name each variable once."


def test_several_providers() -> None:
    fields = read_cells({"providers.*.name": "甲所、乙所"}).fields
    assert [fields["providers", i, "name"] for i in range(2)] == ["甲所", "乙所"]
    assert len(read_cells({"providers.*.name": "Institute, Ocean"}).fields) == 1


def test_numbers_of_a_workbook_are_read_as_text_where_text_is_meant() -> None:
    fields = read_cells({"processing_level": 4.0, "variables": "sss", "variables.*.units": 0.001}).fields
    assert fields["processing_level",] == "4"
    assert fields["variables", "sss", "units"] == "0.001"


def test_words_for_formats_and_grades() -> None:
    fields = read_cells({"assets.*.href": "a", "assets.*.type": "NetCDF-4", "grade": "一般数据"}).fields
    assert fields["assets", 0, "type"] == "application/x-netcdf"
    assert fields["grade",] == "general"
