"""Entries as DCAT 3: parsed as JSON-LD, conforming to our shape, with nothing internal."""

import json
from typing import Any

import pytest

from oceandata.catalog.transfer import catalog_to_dcat, check_dcat, entry_to_dcat
from oceandata.entities import Entry, Extent
from oceandata.errors import DocumentError

rdflib = pytest.importorskip("rdflib")
# rdflib's own parser of JSON-LD uses a class that rdflib has deprecated
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
DCAT = "http://www.w3.org/ns/dcat#"
DCT = "http://purl.org/dc/terms/"


def graph_of(*nodes: dict[str, Any]) -> Any:
    document = catalog_to_dcat(nodes, name="ocean", title="Ocean")
    check_dcat(document)
    return rdflib.Graph().parse(data=json.dumps(document), format="json-ld")


def test_a_dataset_conforms_and_says_what_the_entry_says(entry: Entry) -> None:
    node = entry_to_dcat(entry)
    graph = graph_of(node)
    dataset = rdflib.URIRef("https://doi.org/10.1234/abc")

    def values(term: str) -> set[str]:
        return {str(value) for value in graph.objects(dataset, rdflib.URIRef(term))}

    assert {(str(t), t.language) for t in graph.objects(dataset, rdflib.URIRef(DCT + "title"))} == {
        (entry.title, "en"),
        (entry.title_zh, "zh-Hans"),
    }
    assert values(DCT + "license") == {"http://spdx.org/licenses/CC-BY-4.0"}
    assert values(DCAT + "keyword") == {"heat, ocean", "Pacific", "热含量、海洋"}
    assert values(DCT + "identifier") == {"pacific_heat"}
    assert values(DCAT + "version") == {"r3"}
    assert {str(url) for url in graph.objects(None, rdflib.URIRef(DCAT + "accessURL"))} == {
        asset.href for name, asset in entry.assets.items() if name != "inside"
    }
    assert [int(size) for size in graph.objects(None, rdflib.URIRef(DCAT + "byteSize"))] == [12_345_678_901_234_567]
    assert not any("holdings" in str(term) for triple in graph for term in triple)
    assert len(list(graph.objects(dataset, rdflib.URIRef("https://schema.org/variableMeasured")))) == 3


def test_every_term_of_the_document_is_a_term(entry: Entry) -> None:
    """JSON-LD drops what it cannot name, in silence: each key has a known prefix, or is a keyword."""
    document = catalog_to_dcat([entry_to_dcat(entry)], name="ocean", title="Ocean")
    prefixes = set(document["@context"])

    def keys(value: Any) -> set[str]:
        if isinstance(value, dict):
            return set(value) | set().union(*map(keys, value.values()))
        return set().union(*map(keys, value)) if isinstance(value, list) else set()

    body = {key: value for key, value in document.items() if key != "@context"}
    assert {key for key in keys(body) if not key.startswith("@") and key.partition(":")[0] not in prefixes} == set()


@pytest.mark.parametrize(
    ("bbox", "wkt"),
    [
        ((117.0, 37.0, 123.0, 41.0), "POLYGON ((117.0 37.0, 123.0 37.0, 123.0 41.0, 117.0 41.0, 117.0 37.0))"),
        ((0.0, -90.0, 360.0, 90.0), "POLYGON ((-180.0 -90.0, 180.0 -90.0, 180.0 90.0, -180.0 90.0, -180.0 -90.0))"),
        ((190.0, 0.0, 240.0, 5.0), "POLYGON ((-170.0 0.0, -120.0 0.0, -120.0 5.0, -170.0 5.0, -170.0 0.0))"),
        (
            (170.0, 0.0, -170.0, 5.0),
            "MULTIPOLYGON (((170.0 0.0, 180.0 0.0, 180.0 5.0, 170.0 5.0, 170.0 0.0)), "
            "((-180.0 0.0, -170.0 0.0, -170.0 5.0, -180.0 5.0, -180.0 0.0)))",
        ),
    ],
)
def test_boxes_in_wkt(entry: Entry, bbox: tuple[float, ...], wkt: str) -> None:
    node = entry_to_dcat(entry.model_copy(update={"extent": Extent(bbox=bbox)}))
    assert node["dct:spatial"]["dcat:bbox"]["@value"] == wkt
    graph_of(node)


def test_what_is_unknown_is_left_out(entry: Entry) -> None:
    bare = Entry(
        id="bare",
        title="只有中文",
        title_zh="只有中文",
        license="NOASSERTION",
        extent=Extent(time_resolution="irregular"),
        variables={},
        assets={"inside": entry.assets["inside"]},
        grade="general",
    )
    node = entry_to_dcat(bare)
    graph_of(node)
    assert set(node) == {"@id", "@type", "dct:identifier", "dct:title", "dct:description"}
    assert node["dct:title"] == [{"@value": "只有中文", "@language": "zh-Hans"}]
    assert node["@id"] == "urn:oceandata:entry:bare"


def test_a_licence_that_spdx_does_not_list_keeps_its_name(entry: Entry) -> None:
    node = entry_to_dcat(entry.model_copy(update={"license": "LicenseRef-OGL-UK"}))
    assert node["dct:license"]["dct:identifier"] == "LicenseRef-OGL-UK"
    graph_of(node)


def test_an_offer_can_be_added(entry: Entry) -> None:
    node = {**entry_to_dcat(entry), "odrl:hasPolicy": {"@id": "urn:example:offer", "@type": "odrl:Offer"}}
    graph = graph_of(node)
    assert (None, None, rdflib.URIRef("http://www.w3.org/ns/odrl/2/Offer")) in graph


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dct:title": []}, "needs titles with a language"),
        ({"dct:title": "plain"}, "needs titles with a language"),
        ({"dct:identifier": "Not An Id"}, "needs one identifier"),
        ({"dct:publisher": {"@type": "foaf:Agent"}}, "an agent needs a name"),
        (
            {"dct:creator": {"@type": "foaf:Agent", "foaf:name": "x", "foaf:mbox": {"@id": "mailto:a@b.cn"}}},
            "no e-mail",
        ),
        ({"dct:temporal": {"@type": "dct:PeriodOfTime"}}, "a period has"),
        ({"dct:spatial": {"@type": "dct:Location", "dcat:bbox": "1,2,3,4"}}, "polygon in WKT"),
        ({"dcat:distribution": {"@type": "dcat:Distribution", "dct:format": "x"}}, "needs an address"),
        (
            {
                "dcat:distribution": {
                    "@type": "dcat:Distribution",
                    "dct:format": "x",
                    "dcat:accessURL": {"@id": "file:///x"},
                }
            },
            "needs an address that others can reach",
        ),
    ],
)
def test_the_shape_refuses(entry: Entry, change: dict[str, Any], reason: str) -> None:
    with pytest.raises(DocumentError, match=reason):
        graph_of({**entry_to_dcat(entry), **change})


def test_an_empty_catalogue_is_refused() -> None:
    with pytest.raises(DocumentError, match="needs datasets"):
        check_dcat(catalog_to_dcat([], name="ocean", title="Ocean"))


def test_an_entry_that_may_not_be_released_is_refused(entry: Entry) -> None:
    with pytest.raises(DocumentError, match="grade is 'core'"):
        entry_to_dcat(entry.model_copy(update={"grade": "core"}))
