"""STAC into candidates: collections, items and trees of them, read from local files as plain JSON."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from oceandata.catalog.transfer.candidates import Candidate, common_folder, entry_name
from oceandata.catalog.transfer.fields import Fields
from oceandata.catalog.transfer.rows import CellFault
from oceandata.catalog.transfer.spans import parse_moment
from oceandata.errors import InputError

__all__ = ["MEDIA_TYPES", "read_stac"]

#: Media types of assets that can be opened, as STAC catalogues write them, without parameters.
MEDIA_TYPES = {
    "application/vnd+zarr": "application/vnd+zarr",
    "application/vnd.zarr": "application/vnd+zarr",
    "application/x-zarr": "application/vnd+zarr",
    "application/zarr": "application/vnd+zarr",
    "application/vnd+icechunk": "application/vnd+icechunk",
    "application/vnd.icechunk": "application/vnd+icechunk",
    "application/x-icechunk": "application/vnd+icechunk",
    "application/x-netcdf": "application/x-netcdf",
    "application/netcdf": "application/x-netcdf",
    "application/x-netcdf4": "application/x-netcdf",
}
_SUFFIXES = {".zarr": "application/vnd+zarr", ".icechunk": "application/vnd+icechunk"}
_SUFFIXES |= {".nc": "application/x-netcdf", ".nc4": "application/x-netcdf"}

#: Documents of one tree that are read.
_MOST = 100_000

_ROLES = frozenset({"producer", "licensor", "processor", "host"})
#: Licences that earlier versions of STAC wrote where none is known.
_NO_LICENCE = frozenset({"", "other", "proprietary", "various"})


def read_stac(path: Path, document: Mapping[str, Any]) -> tuple[list[Candidate], list[str]]:
    """
    Candidates of a STAC document and of the local files it links to.

    A collection whose own assets can be opened is one dataset. Otherwise each item with such assets is one; items of a
    collection that hold one NetCDF file each, of the same variables, are together one dataset in order of time.

    Parameters
    ----------
    path : pathlib.Path
        Its file; only files in its folder and below are followed.
    document : mapping
        What the file holds.

    Returns
    -------
    list of Candidate
        In the order of the links.
    list of str
        What was left out.
    """
    notes: list[str] = []
    candidates: list[Candidate] = []
    for place, one, collection, items in _tree(path, document, notes):
        assets = _assets(one, place)
        if one.get("type") == "Catalog":
            continue
        if assets or not items:
            candidates.append(_candidate(place, one, collection, assets))
        else:
            candidates += _of_items(place, one, items)
    return candidates, notes


#: File, document, the collection it belongs to, and the items it links to.
_Node = tuple[Path, Mapping[str, Any], Mapping[str, Any], list[tuple[Path, Mapping[str, Any]]]]


def _tree(path: Path, document: Mapping[str, Any], notes: list[str]) -> Iterator[_Node]:
    """Catalogues, collections and items that stand by themselves, each once, in the order of the links."""
    top = path.resolve().parent
    queue: list[tuple[Path, Mapping[str, Any]]] = [(path.resolve(), document)]
    seen = {path.resolve()}
    while queue and len(seen) <= _MOST:
        place, one = queue.pop(0)
        linked = list(_linked(place, one, top, seen, notes))
        items = [pair for pair in linked if pair[1].get("type") == "Feature"]
        queue = [pair for pair in linked if pair[1].get("type") != "Feature"] + queue
        if one.get("type") == "Collection":
            yield place, one, one, items
        else:
            if one.get("type") == "Feature":
                yield place, one, {}, []
            for where, item in items:
                yield where, item, {}, []
    if queue:
        notes.append(f"more than {_MOST} documents are linked; the rest was not read. Import parts of the tree.")


def _linked(
    place: Path, document: Mapping[str, Any], top: Path, seen: set[Path], notes: list[str]
) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Documents that a document links to as its children and items."""
    for link in _listed(document.get("links")):
        if link.get("rel") not in ("child", "item"):
            continue
        href = str(link.get("href", ""))
        target = (place.parent / unquote(href)).resolve()
        if "://" in href or not target.is_relative_to(top):
            notes.append(f"{place.name} links to {href!r:.120}, which is no file below {top}; it was not read.")
            continue
        if target in seen:
            continue
        seen.add(target)
        try:
            linked = json.loads(target.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, RecursionError) as error:
            notes.append(f"{place.name} links to {href!r:.120}, which cannot be read: {error}.")
            continue
        if isinstance(linked, dict) and linked.get("type") in ("Catalog", "Collection", "Feature"):
            yield target, linked
        else:
            notes.append(f"{target.name} is no STAC catalogue, collection or item; it was left out.")


def _listed(value: Any) -> list[Mapping[str, Any]]:
    """Mappings of a list, if it is one."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def _words(value: Any) -> str:
    """The value if it is text, else an empty one."""
    return value.strip() if isinstance(value, str) else ""


def _media_type(asset: Mapping[str, Any]) -> str:
    """Type of an asset that can be opened; empty for thumbnails and the like."""
    stated = _words(asset.get("type")).partition(";")[0].strip().lower()
    if stated in MEDIA_TYPES:
        return MEDIA_TYPES[stated]
    if stated in ("", "application/octet-stream"):
        return _SUFFIXES.get(Path(_words(asset.get("href")).rstrip("/")).suffix.lower(), "")
    return ""


def _assets(document: Mapping[str, Any], place: Path) -> list[dict[str, Any]]:
    """Layouts of a document: its assets that can be opened."""
    found = []
    for name, asset in _mapping(document.get("assets")).items():
        asset = _mapping(asset)
        media = _media_type(asset)
        if not media or not _words(asset.get("href")):
            continue
        layout: dict[str, Any] = {"name": name, "href": _whole(_words(asset["href"]), place), "type": media}
        if isinstance(asset.get("file:size"), int):
            layout["stored_bytes"] = asset["file:size"]
        group = _mapping(asset.get("xarray:open_kwargs")).get("group")
        if isinstance(group, str):
            layout["group"] = group
        layout |= {key: value for key, value in _mapping(asset.get("oceandata:layout")).items() if key not in layout}
        found.append(layout)
    return found


def _whole(href: str, place: Path) -> str:
    """Place of an asset; one relative to its document is made whole."""
    if "://" in href or href.startswith(("/", "{")):
        return href
    return (place.parent / unquote(href)).as_posix()


def _candidate(
    place: Path, document: Mapping[str, Any], collection: Mapping[str, Any], assets: Sequence[Mapping[str, Any]]
) -> Candidate:
    """What one collection or item says."""
    properties = _mapping(document.get("properties"))
    said = {**collection, **document, **properties}
    fields: Fields = {}
    identifier = _words(document.get("id"))
    fields["id",] = entry_name(identifier)
    fields |= {(field,): _words(said.get(key)) for field, key in _TEXT_FIELDS.items() if _words(said.get(key))}
    fields.setdefault(("title",), identifier)
    level = _processing_level(said)
    if level:
        fields.setdefault(("processing_level",), level)
    licence = _words(said.get("oceandata:license")) or _words(said.get("license"))
    if licence not in _NO_LICENCE:
        fields["license",] = licence
    for field, key in (("keywords", "keywords"), ("keywords_zh", "oceandata:keywords_zh")):
        words = (
            [_words(word) for word in said.get(key) or [] if _words(word)] if isinstance(said.get(key), list) else []
        )
        if words:
            fields[field,] = words
    fields |= _extent(document, said)
    fields |= _variables(said)
    for i, provider in enumerate(_listed(said.get("providers"))):
        fields |= _provider(i, provider)
    for i, asset in enumerate(assets):
        fields |= {("assets", i, field): value for field, value in asset.items()}
    candidate = Candidate(place.name if not identifier else f"{identifier} ({place.name})", fields)
    if not assets:
        there = ", ".join(_mapping(document.get("assets"))) or "none"
        message = f"no asset is Zarr, Icechunk or NetCDF (assets: {there}). Leave the document out."
        candidate.faults.append(CellFault("assets.*.href", message))
    if identifier and entry_name(identifier) != identifier:
        candidate.notes.append(f"id {identifier!r} was written as {entry_name(identifier)!r}.")
    if ("extent", "time", 0) not in fields:
        candidate.notes.append("the period is unknown, or has an open end.")
    return candidate


_TEXT_FIELDS = {
    "title": "title",
    "title_zh": "oceandata:title_zh",
    "summary": "description",
    "summary_zh": "oceandata:summary_zh",
    "citation": "sci:citation",
    "doi": "sci:doi",
    "processing_level": "oceandata:processing_level",
    "attribution": "attribution",
}


def _processing_level(said: Mapping[str, Any]) -> str:
    """Level of processing, of an item or of the providers of a collection, if there is one."""
    levels = {_words(one.get("processing:level")) for one in [said, *_listed(said.get("providers"))]} - {""}
    return levels.pop() if len(levels) == 1 else ""


def _extent(document: Mapping[str, Any], said: Mapping[str, Any]) -> Fields:
    """Box, period, depth range and step of a collection or an item."""
    extent = _mapping(document.get("extent"))
    boxes = _mapping(extent.get("spatial")).get("bbox") or [document.get("bbox")]
    intervals = _mapping(extent.get("temporal")).get("interval") or [_interval(said)]
    fields: Fields = {}
    box = boxes[0] if isinstance(boxes, list) and boxes and isinstance(boxes[0], list) else []
    if len(box) in (4, 6):
        flat = box if len(box) == 4 else [box[0], box[1], box[3], box[4]]
        fields |= {("extent", "bbox", i): value for i, value in enumerate(flat)}
    period = intervals[0] if isinstance(intervals, list) and intervals and isinstance(intervals[0], list) else []
    if len(period) == 2 and all(isinstance(end, str) for end in period):
        fields |= {("extent", "time", i): _instant(end) for i, end in enumerate(period)}
    for dimension in _mapping(said.get("cube:dimensions")).values():
        dimension = _mapping(dimension)
        ends = dimension.get("extent")
        if dimension.get("axis") == "z" and isinstance(ends, list) and len(ends) == 2 and None not in ends:
            fields |= {("extent", "depth_m", i): end for i, end in enumerate(ends) if dimension.get("unit") == "m"}
        if dimension.get("type") == "temporal" and _words(dimension.get("step")):
            fields["extent", "time_resolution"] = _words(dimension["step"])
    return fields


def _instant(text: str) -> str:
    """Instant as entries write it; as it is if it is none."""
    try:
        return parse_moment(text)
    except InputError:
        return text


def _interval(said: Mapping[str, Any]) -> list[Any]:
    """Period of an item."""
    begin = said.get("start_datetime") or said.get("datetime")
    return [begin, said.get("end_datetime") or begin]


def _variables(said: Mapping[str, Any]) -> Fields:
    """Variables of the datacube."""
    fields: Fields = {}
    dimensions = _mapping(said.get("cube:dimensions"))
    for name, variable in {
        **_mapping(said.get("cube:variables")),
        **_mapping(said.get("oceandata:variables")),
    }.items():
        variable = _mapping(variable)
        if name in dimensions or variable.get("type") == "auxiliary":
            continue
        fields["variables", name] = True
        long_name = _words(variable.get("long_name")) or _words(variable.get("description"))
        texts = {
            "units": variable.get("unit") or variable.get("units"),
            "dtype": variable.get("data_type"),
            "long_name": long_name,
            **{key: variable.get(key) for key in ("standard_name", "canonical_name", "long_name_zh", "cell_methods")},
        }
        fields |= {("variables", name, key): _words(text) for key, text in texts.items() if _words(text)}
        for field, key in (("dimensions", "dimensions"), ("shape", "shape"), ("chunks", "chunks")):
            if isinstance(variable.get(key), list):
                fields["variables", name, field] = variable[key]
        if isinstance(variable.get("nbytes"), int):
            fields["variables", name, "nbytes"] = variable["nbytes"]
    return fields


def _provider(i: int, provider: Mapping[str, Any]) -> Fields:
    """Fields of one provider; roles that STAC does not know are left out."""
    fields: Fields = {("providers", i, "name"): _words(provider.get("name"))}
    roles = provider.get("roles")
    known = [role for role in roles if role in _ROLES] if isinstance(roles, list) else []
    if known:
        fields["providers", i, "roles"] = known
    for field, key in (("url", "url"), ("name_zh", "oceandata:name_zh")):
        if _words(provider.get(key)):
            fields["providers", i, field] = _words(provider[key])
    return fields


def _of_items(
    place: Path, collection: Mapping[str, Any], items: Sequence[tuple[Path, Mapping[str, Any]]]
) -> list[Candidate]:
    """Candidates of the items of a collection: one dataset if each holds one NetCDF file of the same variables."""
    inherited = {
        key: value for key, value in collection.items() if key not in ("id", "type", "links", "assets", "title")
    }
    alone = [_candidate(where, item, inherited, _assets(item, where)) for where, item in items]
    whole = _whole_dataset(place, collection, items)
    return alone if whole is None else [whole]


def _whole_dataset(
    place: Path, collection: Mapping[str, Any], items: Sequence[tuple[Path, Mapping[str, Any]]]
) -> Candidate | None:
    """One dataset of all items, if they are files of one kind; None if they are not."""
    if len(items) < 2:
        return None
    files: list[tuple[str, str]] = []
    kinds = set()
    for where, item in items:
        assets = _assets(item, where)
        if len(assets) != 1 or assets[0]["type"] != "application/x-netcdf":
            return None
        begin = _interval(_mapping(item.get("properties")))[0]
        variables = _mapping(_mapping(item.get("properties")).get("cube:variables"))
        kinds.add((assets[0]["name"], tuple(variables)))
        files.append((str(begin or ""), assets[0]["href"]))
    folder, below = common_folder([href for _, href in sorted(files)])
    if len(kinds) > 1 or not folder:
        return None
    layout = {"name": kinds.pop()[0], "href": folder, "type": "application/x-netcdf", "files": below}
    said = {**_mapping(items[0][1].get("properties")), **collection}
    cube: dict[str, Any] = {key: said[key] for key in ("cube:variables", "cube:dimensions") if key in said}
    candidate = _candidate(place, {**cube, **collection}, collection, [layout])
    candidate.notes.append(f"{len(below)} items are taken as the files of one dataset.")
    return candidate
