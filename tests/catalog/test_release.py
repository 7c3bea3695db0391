"""What may leave the house: the grade, the allow-list of fields, and texts that hold what is internal."""

import json
from datetime import date

import pytest

from oceandata.catalog.release import (
    PUBLIC_FIELDS,
    is_public_url,
    public_fields,
    release_faults,
    require_releasable,
)
from oceandata.entities import Asset, Entry, Extent, GradeDecision, Provider, SourceFile, TradeLink, Variable
from oceandata.errors import DocumentError

PUBLIC = Asset(href="https://data.example.org/sst.zarr", type="application/vnd+zarr", group="")
INTERNAL = Asset(href="/data/holdings/sst", revision="r1", snapshot="1CECHNKREP0F1RSTCMT0")


def entry(**fields: object) -> Entry:
    document = {
        "id": "sst",
        "title": "Sea-surface temperature",
        "license": "CC-BY-4.0",
        "extent": Extent(),
        "variables": {"sst": Variable(units="degC")},
        "assets": {"maps": INTERNAL, "public": PUBLIC},
        "grade": "general",
        **fields,
    }
    return Entry(**document)  # type: ignore[arg-type]


DECISION = GradeDecision(by="李四", on=date(2026, 1, 5))


@pytest.mark.parametrize("grade", ["", "important", "core"])
def test_a_grade_that_nobody_decided_on_keeps_an_entry_in_the_house(grade: str) -> None:
    with pytest.raises(DocumentError, match=f"grade is {repr(grade) if grade else 'absent'}, need 'general'"):
        require_releasable(entry(grade=grade))
    with pytest.raises(DocumentError, match="named person"):
        public_fields(entry(grade=grade))
    released = entry(grade=grade, grade_decision=DECISION)
    assert require_releasable(released) is released


def test_a_general_entry_may_leave() -> None:
    assert release_faults(entry()) == []


def test_only_listed_fields_leave() -> None:
    whole = entry(
        title_zh="海表温度",
        history="2026: ncks /gpfs/li/in.nc out.nc",
        derived_from=[SourceFile(name="/data1/raw/in.nc", nbytes=3, sha256="ab" * 32)],
        providers=[Provider(name="Met Office", url="http://intranet/met"), Provider(name="我方", url="https://a.org")],
        trade=TradeLink(product="P1", revision=1, document="products/p1.yaml", example=True),
        grade_decision=DECISION,
        source_page="file:///srv/page.html",
    )
    public = public_fields(whole)
    assert set(public) <= set(PUBLIC_FIELDS)
    assert public["assets"] == {"public": PUBLIC.to_json()}
    assert public["providers"] == [{"name": "Met Office"}, {"name": "我方", "url": "https://a.org"}]
    assert public["trade"] == {"product": "P1", "revision": 1, "example": True}
    text = json.dumps(public, ensure_ascii=False)
    for leak in ("gpfs", "data1", "intranet", "products", "李四", "srv", INTERNAL.snapshot):
        assert leak not in text, leak


def test_a_field_that_is_added_later_stays_until_it_is_listed() -> None:
    """Every field of an entry is either public or deliberately not."""
    assert set(Entry.model_fields) - set(PUBLIC_FIELDS) == {"history", "derived_from", "grade_decision"}


def test_all_assets_internal_leaves_an_empty_list() -> None:
    assert public_fields(entry(assets={"maps": INTERNAL}))["assets"] == {}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("write to li.si@qn.example.cn", "an e-mail address"),
        ("联系ｌｉ＠ｑｎ．ｃｎ", "an e-mail address"),
        ("see file:///data/x", "an internal address"),
        ("served by http://nas01/sst", "an internal address"),
        ("on 192.168.3.4", "an internal address"),
        ("原始数据存于/home/li/raw", "a path"),
        ("from /gpfs/ocean/sst/2020", "a path"),
        (r"from C:\data\sst", "a path"),
        (r"from \\nas\share\sst", "a path"),
        ("{CATALOG_DIR}/sst", "a path"),
    ],
)
@pytest.mark.parametrize("field", ["summary", "citation"])
def test_a_text_that_holds_what_is_internal_is_refused(field: str, text: str, what: str) -> None:
    (fault,) = release_faults(entry(**{field: text}))
    assert fault[0] == (field,)
    assert f"{field} holds {what}" in fault[1]


@pytest.mark.parametrize(
    "text",
    [
        "温度/盐度/T/S 剖面, m/s and/or kg/m2",
        "Remote Sensing of Environment 116, 140-158, doi:10.1016/j.rse.2010.10.017",
        "see https://www.metoffice.gov.uk/home/data/x. Version 1.2.3.4 of 2009/1/5",
        "s3://bucket/home/sst",
    ],
)
def test_ordinary_text_passes(text: str) -> None:
    assert release_faults(entry(summary=text)) == []


def test_every_reason_is_listed_at_once() -> None:
    with pytest.raises(DocumentError) as caught:
        require_releasable(entry(grade="core", summary="a@b.cn", keywords=["/data/x/y"]))
    assert len(str(caught.value).splitlines()) == 4
    assert "keywords.0 holds a path" in str(caught.value)


def test_names_of_variables_are_looked_at_too() -> None:
    (fault,) = release_faults(entry(variables={"li@qn.cn": Variable()}))
    assert "variables.li@qn.cn holds an e-mail" in fault[1]


@pytest.mark.parametrize(
    "url",
    [
        *("/data/x", "file:///x", "{CATALOG_DIR}/x", "http://nas/x", "http://localhost/x", "https://a.local/x"),
        *("http://10.1.2.3/x", "http://[::1]/x", "http://127.1/x", "http://2130706433/x", "https://u:p@a.org/x"),
        *("s3://bucket/x?profile=qdex", "http://a.org:port/x", "", "https://", "http://[::1/x", "gopher://a.org"),
    ],
)
def test_internal_places_are_not_public(url: str) -> None:
    assert not is_public_url(url)


@pytest.mark.parametrize("url", ["https://a.org/x", "http://8.8.8.8/x", "s3://bucket/x", "HTTPS://A.ORG:8443/x"])
def test_public_places_are(url: str) -> None:
    assert is_public_url(url)
