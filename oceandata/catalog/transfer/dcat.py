"""DCAT 3: an entry as a dataset, a catalogue of them, and their check against our SHACL shape."""

import importlib.util
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from oceandata.catalog.licences import KNOWN_LICENCES
from oceandata.catalog.release import public_fields
from oceandata.entities import Entry
from oceandata.errors import DocumentError, MissingExtraError

__all__ = ["DCAT_CONTEXT", "catalog_to_dcat", "check_dcat", "entry_to_dcat"]

#: Prefixes of every term; the document needs nothing from the web.
DCAT_CONTEXT = {
    "adms": "http://www.w3.org/ns/adms#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "geo": "http://www.opengis.net/ont/geosparql#",
    "od": "urn:oceandata:terms:",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "prov": "http://www.w3.org/ns/prov#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "schema": "https://schema.org/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}

_DURATION = re.compile(r"P(?=.)(\d+Y)?(\d+M)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?")
_SPDX = "http://spdx.org/licenses/"


def entry_to_dcat(entry: Entry) -> dict[str, Any]:
    """
    DCAT dataset of an entry, as a JSON-LD node.

    Only public fields go in (`oceandata.catalog.release.public_fields`). The node uses the prefixes of `DCAT_CONTEXT`
    and has no context of its own, so that it can stand in a catalogue (`catalog_to_dcat`) and be extended; its ``@id``
    is the DOI, or a name made of the entry's id.

    Parameters
    ----------
    entry : Entry
        The dataset.

    Returns
    -------
    dict
        JSON types; a new dict that the caller may extend.

    Raises
    ------
    DocumentError
        If the entry may not be released.
    """
    public = public_fields(entry)
    licence = _licence(public["license"])
    node: dict[str, Any] = {
        "@id": f"https://doi.org/{public['doi']}" if "doi" in public else f"urn:oceandata:entry:{public['id']}",
        "@type": "dcat:Dataset",
        "dct:identifier": public["id"],
        "dct:title": _texts(public, "title"),
        "dct:description": _texts(public, "summary") or _texts(public, "title"),
        "dcat:keyword": _keywords(public),
        **licence,
        **_agents(public.get("providers", [])),
        "dct:spatial": _location(public["extent"]),
        **_time(public["extent"]),
        "dct:bibliographicCitation": public.get("citation"),
        "dct:created": _instant(public["created"]) if "created" in public else None,
        "dcat:version": next((one["revision"] for one in public["assets"].values() if one.get("revision")), None),
        "dcat:landingPage": _page(public["source_page"]) if "source_page" in public else None,
        "od:attribution": public.get("attribution"),
        "od:processingLevel": public.get("processing_level"),
        "schema:variableMeasured": [_variable(name, one) for name, one in public["variables"].items()],
        "dcat:distribution": [_distribution(name, one, licence) for name, one in public["assets"].items()],
    }
    return {key: value for key, value in node.items() if value not in (None, [], {})}


def _text(value: str, language: str) -> dict[str, str]:
    """Text in a language."""
    return {"@value": value, "@language": language}


def _texts(public: Mapping[str, Any], field: str) -> list[dict[str, str]]:
    """Text of a field in both languages."""
    named = {"en": public.get(field), "zh-Hans": public.get(f"{field}_zh")}
    if named["en"] == named["zh-Hans"]:  # a Chinese title that stands in for the English one
        del named["en"]
    return [_text(value, language) for language, value in named.items() if value]


def _keywords(public: Mapping[str, Any]) -> list[dict[str, str]]:
    words = [("en", word) for word in public.get("keywords", [])]
    words += [("zh-Hans", word) for word in public.get("keywords_zh", [])]
    return [_text(word, language) for language, word in words]


def _licence(expression: str) -> dict[str, Any]:
    """Licence by its address in the SPDX list if it is one of it; else by its name; nothing if it is unknown."""
    if expression == "NOASSERTION":
        return {}
    if expression in KNOWN_LICENCES:
        return {"dct:license": {"@id": f"{_SPDX}{expression}"}}
    return {"dct:license": {"@type": "dct:LicenseDocument", "dct:identifier": expression}}


def _agent(provider: Mapping[str, Any]) -> dict[str, Any]:
    """A provider."""
    names = _texts({"name": provider["name"], "name_zh": provider.get("name_zh")}, "name")
    agent: dict[str, Any] = {"@type": "foaf:Agent", "foaf:name": names}
    if "url" in provider:
        agent["foaf:homepage"] = {"@id": provider["url"]}
    return agent


def _agents(providers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Who made, processed and licenses the dataset; whoever hosts or licenses it publishes it, else the first."""
    by_role: dict[str, list[Mapping[str, Any]]] = {}
    for provider in providers:
        for role in provider.get("roles", ()):
            by_role.setdefault(role, []).append(provider)
    publishers = by_role.get("host") or by_role.get("licensor") or list(providers[:1])
    agents = {
        "dct:creator": by_role.get("producer", []),
        "dct:publisher": publishers[:1],
        "dct:rightsHolder": by_role.get("licensor", []),
        "dct:contributor": by_role.get("processor", []),
    }
    return {term: [_agent(one) for one in found] for term, found in agents.items()}


def _ring(west: float, south: float, east: float, north: float) -> str:
    """Rectangle in the words of WKT."""
    corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
    return "((" + ", ".join(f"{lon!r} {lat!r}" for lon, lat in corners) + "))"


def _location(extent: Mapping[str, Any]) -> dict[str, Any]:
    """Box, parted at the date line, and depth range; empty if both are unknown."""
    location: dict[str, Any] = {}
    if "bbox" in extent:
        rings = [_ring(*box) for box in _boxes(*extent["bbox"])]
        wkt = f"POLYGON {rings[0]}" if len(rings) == 1 else f"MULTIPOLYGON ({', '.join(rings)})"
        location["dcat:bbox"] = {"@type": "geo:wktLiteral", "@value": wkt}
    if "depth_m" in extent:
        for term, depth in zip(("od:topDepth", "od:bottomDepth"), extent["depth_m"], strict=True):
            location[term] = _decimal(depth)
    return {"@type": "dct:Location", **location} if location else {}


def _boxes(west: float, south: float, east: float, north: float) -> list[tuple[float, float, float, float]]:
    """Boxes in longitudes from -180 to 180 that together are one box."""
    if east - west >= 360:
        return [(-180.0, south, 180.0, north)]
    east = east if east >= west else east + 360
    turn = 360 if west >= 180 else 0
    west, east = west - turn, east - turn
    if east <= 180:
        return [(west, south, east, north)]
    return [(west, south, 180.0, north), (-180.0, south, east - 360, north)]


def _decimal(number: float) -> dict[str, str]:
    return {"@type": "xsd:double", "@value": repr(float(number))}


def _instant(text: str) -> dict[str, str]:
    return {"@type": "xsd:dateTime", "@value": text}


def _time(extent: Mapping[str, Any]) -> dict[str, Any]:
    """Period and step."""
    found: dict[str, Any] = {}
    if "time" in extent:
        begin, end = extent["time"]
        period = {"@type": "dct:PeriodOfTime", "dcat:startDate": _instant(begin), "dcat:endDate": _instant(end)}
        found["dct:temporal"] = period
    if _DURATION.fullmatch(extent.get("time_resolution", "")):
        found["dcat:temporalResolution"] = {"@type": "xsd:duration", "@value": extent["time_resolution"]}
    return found


def _page(url: str) -> dict[str, str]:
    return {"@id": url, "@type": "foaf:Document"}


def _variable(name: str, variable: Mapping[str, Any]) -> dict[str, Any]:
    """One variable."""
    described = {
        "@type": "schema:PropertyValue",
        "schema:name": name,
        "schema:description": _texts(variable, "long_name"),
        "schema:unitText": variable.get("units"),
        "schema:propertyID": variable.get("canonical_name") or variable.get("standard_name"),
    }
    return {key: value for key, value in described.items() if value}


def _distribution(name: str, asset: Mapping[str, Any], licence: Mapping[str, Any]) -> dict[str, Any]:
    """One layout; a single NetCDF file can be downloaded as it is."""
    single = asset["type"] == "application/x-netcdf" and not asset.get("files")
    described: dict[str, Any] = {
        "@type": "dcat:Distribution",
        "dct:title": name,
        "dcat:accessURL": {"@id": asset["href"]},
        "dct:format": asset["type"],
        "od:contentRoot": asset.get("content_root"),
        **licence,
    }
    if single:
        described["dcat:downloadURL"] = {"@id": asset["href"]}
    if "stored_bytes" in asset:
        described["dcat:byteSize"] = {"@type": "xsd:nonNegativeInteger", "@value": str(asset["stored_bytes"])}
    return {key: value for key, value in described.items() if value}


def catalog_to_dcat(
    datasets: Sequence[Mapping[str, Any]], *, name: str, title: str, description: str = ""
) -> dict[str, Any]:
    """
    DCAT catalogue of datasets, as a JSON-LD document.

    Parameters
    ----------
    datasets : sequence of mapping
        As `entry_to_dcat` gives them, perhaps extended.
    name, title, description : str
        What the catalogue says of itself; without a description the title stands in.

    Returns
    -------
    dict
        The document, with its context.
    """
    return {
        "@context": DCAT_CONTEXT,
        "@id": f"urn:oceandata:catalog:{name}",
        "@type": "dcat:Catalog",
        "dct:title": title,
        "dct:description": description or title,
        "dcat:dataset": list(datasets),
    }


def check_dcat(document: Mapping[str, Any]) -> None:
    """
    Check a DCAT catalogue against the shape that ships, ``catalogs/schema/dcat-shapes.ttl``.

    Parameters
    ----------
    document : mapping
        As `catalog_to_dcat` gives it.

    Raises
    ------
    DocumentError
        If the document does not conform; every reason is listed.
    MissingExtraError
        If rdflib or pyshacl is not installed.
    """
    if importlib.util.find_spec("rdflib") is None or importlib.util.find_spec("pyshacl") is None:
        msg = "checking DCAT needs rdflib and pyshacl. Run pip install 'oceandata-exchange[share]'."
        raise MissingExtraError(msg)
    from importlib.resources import files

    import pyshacl
    import rdflib

    shapes = (files("oceandata._catalogs") / "schema" / "dcat-shapes.ttl").read_text(encoding="utf-8")
    graph = rdflib.Graph().parse(data=json.dumps(document), format="json-ld")
    rules = rdflib.Graph().parse(data=shapes, format="turtle")
    conforms, results, _ = pyshacl.validate(graph, shacl_graph=rules)
    if conforms:
        return
    shacl = rdflib.Namespace("http://www.w3.org/ns/shacl#")
    reasons = sorted(
        {
            f"  {results.value(one, shacl.focusNode)}: {results.value(one, shacl.resultMessage)}"
            for one in results.subjects(rdflib.RDF.type, shacl.ValidationResult)
        }
    )
    msg = "\n".join(["the DCAT document does not conform:", *reasons])
    raise DocumentError(msg)
