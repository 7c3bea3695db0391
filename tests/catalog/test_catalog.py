"""A catalogue of several datasets: found by place, time, depth, variable and words, and shown."""

import pickle
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from oceandata.catalog import Catalog, open_catalog, register_entry
from oceandata.catalog.search import SORTS
from oceandata.entities import Entry, Extent, Provider, Variable
from oceandata.errors import InputError, NotFoundError, RegionError
from oceandata.options import set_options


def _variable(**attributes: Any) -> Variable:
    shape = {"dimensions": ("time",), "shape": (1,), "chunks": (1,), "dtype": "float32", "nbytes": 4}
    return Variable(**shape, **attributes)


@pytest.fixture(scope="module")
def catalog(ostia: Entry) -> Catalog:
    """The real entry and two more: an ocean model of the North Pacific across the date line, and a bare float."""
    asset = ostia.assets["maps"]
    model = ostia.model_copy(
        update={
            "id": "north_pacific_model",
            "title": "North Pacific reanalysis",
            "title_zh": "北太平洋再分析",
            "summary": "Temperature and salinity from a model.",
            "summary_zh": "",
            "keywords": ("reanalysis", "Pacific"),
            "keywords_zh": ("再分析", "太平洋"),
            "license": "CC-BY-4.0 AND LicenseRef-Model",
            "providers": (Provider(name="A Centre", name_zh="某中心"),),
            "processing_level": "",
            "extent": Extent(
                bbox=(150, 20, -130, 60),
                time=(datetime(2000, 1, 1, tzinfo=UTC), datetime(2008, 12, 31, tzinfo=UTC)),
                depth_m=(0, 5000),
            ),
            "variables": {
                "thetao": _variable(units="degC"),
                "so": _variable(units="1e-3", standard_name="sea_water_salinity"),
            },
            "assets": {"maps": asset.model_copy(update={"stored_bytes": 9_000_000_000, "href": "s3://b/model"})},
            "trade": None,
        }
    )
    bare = ostia.model_copy(
        update={
            "id": "bare",
            "title": "A float",
            "title_zh": "",
            "summary": "",
            "summary_zh": "",
            "keywords": (),
            "keywords_zh": (),
            "license": "CC0-1.0",
            "providers": (),
            "processing_level": "",
            "extent": Extent(),
            "variables": {"x": _variable()},
            "assets": {"maps": asset.model_copy(update={"stored_bytes": 5})},
            "trade": None,
        }
    )
    aliases = {"sst": ostia.id, ostia.id: ostia.id}
    return Catalog({entry.id: entry for entry in (bare, model, ostia)}, aliases=aliases)


OSTIA, MODEL, BARE = "ostia_sst_monthly", "north_pacific_model", "bare"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, {OSTIA, MODEL, BARE}),
        ({"bbox": (-170, -5, -120, 5)}, {OSTIA}),
        ({"bbox": (190, -5, 240, 5)}, {OSTIA}),
        ({"bbox": (170, 0, -170, 30)}, {OSTIA, MODEL}),
        ({"bbox": (-150, 30, -140, 40)}, {MODEL}),
        ({"bbox": (-125, 30, 145, 40)}, set()),
        ({"bbox": (0, 80, 360, 90)}, set()),
        ({"time": "2009"}, {OSTIA}),
        ({"time": "2006-03"}, {MODEL}),
        ({"time": "../2005"}, {MODEL}),
        ({"time": ("2008-12-31", None)}, {OSTIA, MODEL}),
        ({"time": "2011"}, set()),
        ({"depth": 100}, {MODEL}),
        ({"depth": (5001, 6000)}, set()),
        ({"variable": "surface_temperature"}, {OSTIA}),
        ({"variable": "sea_surface_temperature"}, {OSTIA}),
        ({"variable": "tos"}, {OSTIA}),
        ({"variable": "海表温度"}, {OSTIA}),
        ({"variable": "votemper"}, {MODEL}),
        ({"variable": "水温"}, {MODEL}),
        ({"variable": "盐度"}, {MODEL}),
        ({"variable": "x"}, {BARE}),
        ({"variable": "nothing_known"}, set()),
        ({"standard_name": "surface_temperature"}, {OSTIA}),
        ({"standard_name": "sea_water_salinity"}, {MODEL}),
        ({"standard_name": "so"}, set()),
        ({"keyword": "pacific"}, {OSTIA, MODEL}),
        ({"keyword": "太平洋"}, {OSTIA, MODEL}),
        ({"keyword": "pac"}, set()),
        ({"licence": "LicenseRef-OGL-UK"}, {OSTIA}),
        ({"licence": "cc-by-4.0"}, {MODEL}),
        ({"provider": "Met Office"}, {OSTIA}),
        ({"provider": "某中心"}, {MODEL}),
        ({"processing_level": "l4"}, {OSTIA}),
        ({"traded": True}, {OSTIA}),
        ({"traded": False}, {MODEL, BARE}),
        ({"text": "太平洋 盐度"}, {MODEL}),
        ({"text": "pacific temperature"}, {OSTIA, MODEL}),
        ({"text": "pacific", "time": "2009", "bbox": (180, -10, 280, 10), "variable": "sst"}, {OSTIA}),
        ({"text": "pacific", "time": "2011"}, set()),
    ],
)
def test_search(catalog: Catalog, asked: dict[str, Any], found: set[str]) -> None:
    assert set(catalog.search(**asked)) == found


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"bbox": (0, 10, 20, -10)}, RegionError, "south 10 above north -10"),
        ({"time": "2010/2009"}, RegionError, "begins 2010 after it ends 2009"),
        ({"depth": (10, 0)}, RegionError, "top 10 m below its bottom 0 m"),
        ({"text": "？"}, InputError, "holds no word"),
        ({"text": None}, InputError, "need words"),
        ({"variable": ""}, InputError, "variable is ''"),
        ({"licence": 3}, InputError, "licence is 3"),
        ({"traded": "yes"}, InputError, "need True, False or None"),
        ({"limit": 0}, InputError, "need a whole number above zero"),
        ({"sort": "sizes"}, InputError, "Close: 'size'"),
    ],
)
def test_questions_that_cannot_be_asked(
    catalog: Catalog, asked: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        catalog.search(**asked)


def test_orders_and_limit(catalog: Catalog) -> None:
    orders = {sort: list(catalog.search(sort=sort)) for sort in SORTS}
    assert orders == {
        "relevance": [BARE, MODEL, OSTIA],
        "name": [BARE, MODEL, OSTIA],
        "title": [BARE, OSTIA, MODEL],
        "size": [MODEL, OSTIA, BARE],
        "period": [OSTIA, MODEL, BARE],
    }
    assert list(catalog.search(sort="size", limit=2)) == [MODEL, OSTIA]
    assert list(catalog.search(text="pacific monthly")) == [OSTIA]
    assert list(catalog.search(text="temperature")) == [OSTIA, MODEL]  # in the title of one, the summary of the other


def test_a_result_is_a_catalogue(catalog: Catalog) -> None:
    found = catalog.search(variable="sst").search(time="2009")
    assert isinstance(found, Catalog)
    assert list(found) == [OSTIA]
    assert found["sst"].id == OSTIA
    assert "sst" in found
    assert len(catalog) == 3
    assert list(pickle.loads(pickle.dumps(found)).search(text="海温")) == [OSTIA]


def test_mapping(catalog: Catalog) -> None:
    assert dict(catalog)[MODEL] is catalog[MODEL]
    assert catalog["sst"] is catalog[OSTIA]
    assert MODEL in catalog
    assert "sst" in catalog
    assert "no" not in catalog
    assert catalog.get("no") is None
    assert catalog.get("sst") is catalog[OSTIA]
    assert catalog._ipython_key_completions_() == [BARE, MODEL, OSTIA, "sst"]
    with pytest.raises(NotFoundError, match="Close: 'ostia_sst_monthly'"):
        catalog["ostia_sst_montly"]


def test_every_facet_finds_as_many_as_it_counts(catalog: Catalog) -> None:
    facets = catalog.facets()
    assert facets["traded"] == {False: 2, True: 1}
    assert facets["keyword"]["太平洋"] == 2
    assert facets["variable"]["sea_surface_temperature"] == 1
    assert facets["variable"]["sea_water_temperature"] == 1  # the wider quantity of thetao
    for facet, values in facets.items():
        for value, count in values.items():
            assert len(catalog.search(**{facet: value})) == count, (facet, value)
    assert Catalog({}).facets() == {}


def test_frame(catalog: Catalog) -> None:
    frame = catalog.to_frame()
    assert list(frame.index) == list(catalog)
    assert frame.loc[OSTIA, "begin"] == pd.Timestamp("2006-04-16", tz="UTC")
    assert frame.loc[MODEL, ["west", "east", "bottom_m"]].tolist() == [150, -130, 5000]
    assert frame.loc[BARE, ["begin", "west", "trade"]].isna().all()
    assert frame.loc[OSTIA, "trade"] == "example, not listed on any exchange"
    assert list(Catalog({}).to_frame().columns) == list(frame.columns)


def test_views(catalog: Catalog) -> None:
    assert "ostia_sst_monthly" in repr(catalog)
    assert "2006-04-16 to 2010-09-16, 1.7 MB" in repr(catalog)
    assert "unknown" in repr(catalog.search(variable="x"))
    html = catalog._repr_html_()
    assert "example, not listed on any exchange" in html
    assert "LicenseRef-OGL-UK" in html
    assert html.count("<svg") == 1
    assert "<svg" not in catalog.search(variable="x")._repr_html_()
    with set_options(language="zh"):
        assert "月平均海表温度" in catalog._repr_html_()
    assert repr(Catalog({})) == "0 entries of the catalogue"


def test_views_escape_what_a_file_says(catalog: Catalog) -> None:
    entry = catalog[BARE].model_copy(update={"title": "<script>alert(1)</script>"})
    html = Catalog({"bare": entry})._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_long_list_is_cut(catalog: Catalog) -> None:
    many = Catalog({f"e{number}": catalog[BARE].model_copy(update={"id": f"e{number}"}) for number in range(25)})
    assert "and 5 more" in repr(many)
    assert many._repr_html_().count("<tr>") == 21
    assert "the first 20 are shown" in many._repr_html_()


def test_opening_refuses_what_it_cannot_find(tmp_path: Path, ostia: Entry) -> None:
    asset = ostia.assets["maps"].model_copy(update={"href": str(tmp_path / "sst")})
    register_entry(tmp_path / "c.yaml", ostia.model_copy(update={"assets": {"maps": asset}}))
    catalog = open_catalog(tmp_path / "c.yaml")
    with pytest.raises(NotFoundError, match="no layout 'map'"):
        catalog.open(OSTIA, layout="map")
    with pytest.raises(InputError, match="has no file"):
        Catalog(dict(catalog)).open(OSTIA)


def test_importing_the_catalogue_stays_light() -> None:
    code = (
        "import sys, oceandata.catalog\n"
        "heavy = {'xarray', 'dask', 'zarr', 'matplotlib', 'pandas', 'intake'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_entry_is_short_and_says_how_it_is_opened(ostia: Entry) -> None:
    assert str(ostia) == repr(ostia)
    assert repr(ostia) == (
        "<Entry ostia_sst_monthly: Monthly sea-surface temperature (OSTIA, tropical belt), "
        "2006-04-16 to 2010-09-16; variables: surface_temperature>"
    )
    many = ostia.model_copy(
        update={"variables": dict.fromkeys(map(str, range(30)), next(iter(ostia.variables.values())))}
    )
    assert repr(many).endswith("variables: 0, 1, 2, 3, 4, 5, 6, 7, … and 22 more>")
    for verb in ("open", "read", "to_dask", "discover"):
        with pytest.raises(AttributeError, match=r"catalog\.open\('ostia_sst_monthly'\)"):
            getattr(ostia, verb)
    assert not hasattr(ostia, "titel")
    assert pickle.loads(pickle.dumps(ostia)) == ostia
