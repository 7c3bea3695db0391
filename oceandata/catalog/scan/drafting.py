"""Entries of what was found: what the data say, and no more."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from oceandata import cf
from oceandata._html import eastward_degrees
from oceandata.catalog.faults import Fault
from oceandata.catalog.licences import unknown_licences
from oceandata.catalog.positions import Located
from oceandata.catalog.safety import text_faults
from oceandata.catalog.scan.facts import PlaceFacts
from oceandata.catalog.scan.grouping import Grouped
from oceandata.catalog.scan.naming import common_stem
from oceandata.entities import Asset, Entry, Extent, Variable

__all__ = ["NO_LICENCE", "dataset_name", "draft_found", "licence_text", "safe_text", "stated"]

#: SPDX's own word for a licence that is not known.
NO_LICENCE = "NOASSERTION"

_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")
_SAYS_NOTHING = frozenset({"", "unknown", "none", "n/a", "not available", "-", "free text"})
_DOI = re.compile(r"\b(10\.\d{4,9}/[^\s\"'<>]+)")
_MOST_KEYWORDS = 50
_WHOLE_CIRCLE_DEG = 355.0


def safe_text(text: str) -> str:
    """
    Text of a file as it may stand in a catalogue.

    Signs that steer a terminal become blanks; a text with a template or what looks like a secret is left out.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        The text, or an empty one.
    """
    plain = _STEERING.sub(" ", text).strip()
    faults: list[Fault] = text_faults(Located("", [plain], {}, ()))
    return "" if faults else plain


def stated(attributes: Mapping[str, Any], *names: str) -> str:
    """
    First of some attributes that says something; case does not matter.

    Parameters
    ----------
    attributes : mapping
        Global attributes.
    *names : str
        Names in lower case, the best first.

    Returns
    -------
    str
        Safe text, or an empty one.
    """
    folded = {str(key).lower(): value for key, value in attributes.items() if isinstance(value, str)}
    for name in names:
        text = safe_text(folded.get(name, ""))
        if text.casefold() not in _SAYS_NOTHING:
            return text
    return ""


def licence_text(attributes: Mapping[str, Any]) -> str:
    """
    What a file says of its licence, in whatever words.

    Parameters
    ----------
    attributes : mapping
        Global attributes.

    Returns
    -------
    str
        Empty if it says nothing.
    """
    return stated(attributes, "license", "licence", "license_url", "distribution_statement", "copyright")


def dataset_name(grouped: Grouped) -> str:
    """
    Name of a dataset from those of its files.

    Parameters
    ----------
    grouped : Grouped
        The files.

    Returns
    -------
    str
        What the names have in common; of a group in a store the store's name and the group's.
    """
    if grouped.first.ends or len(grouped.files) > 1:
        return common_stem([facts.path for facts in grouped.files])
    stem = PurePath(grouped.first.path.partition("?")[0]).name.removesuffix(".zarr")
    return "_".join(part for part in (stem, grouped.first.group.replace("/", "_")) if part)


def draft_found(grouped: Grouped, name: str) -> Entry:
    """
    Entry of a dataset that was found.

    Parameters
    ----------
    grouped : Grouped
        The files, or the group of a store.
    name : str
        Id of the entry.

    Returns
    -------
    Entry
        With the licence ``NOASSERTION`` if the file names none that is an SPDX expression.

    Raises
    ------
    DocumentError
        If what the files say makes no entry.
    """
    attributes = grouped.first.attributes
    licence = stated(attributes, "license", "licence")
    institution = stated(attributes, "institution", "creator_institution", "publisher_institution")
    doi = _DOI.search(stated(attributes, "doi", "id", "identifier_product_doi", "reference", "references"))
    keywords = dict.fromkeys(word.strip() for word in re.split("[,;]", stated(attributes, "keywords")))
    key, asset = _asset(grouped)
    document = {
        "id": name,
        "title": stated(attributes, "title") or dataset_name(grouped).replace("_", " "),
        "summary": stated(attributes, "summary", "abstract", "description", "comment"),
        "keywords": [word for word in keywords if word][:_MOST_KEYWORDS],
        "license": licence if licence and not unknown_licences(licence) else NO_LICENCE,
        "attribution": _without_braces(stated(attributes, "acknowledgement", "acknowledgment")),
        "citation": stated(attributes, "citation"),
        "providers": [{"name": institution, "roles": ["producer"]}] if institution else [],
        "processing_level": stated(attributes, "processing_level"),
        "doi": doi[1].rstrip(".,;)") if doi else "",
        "history": stated(attributes, "history"),
        "extent": _extent(grouped).to_json(),
        "variables": {key: one.model_dump(mode="json") for key, one in _variables(grouped).items()},
        "assets": {key: asset.model_dump(mode="json")},
    }
    return Entry.from_json(document, where=f"entry {name!r}")


def _without_braces(text: str) -> str:
    """Text that may be an argument of the reader, in which braces would be a template; else an empty one."""
    return "" if "{" in text or "}" in text else text


def _asset(grouped: Grouped) -> tuple[str, Asset]:
    """Where a dataset is, and how the asset is called."""
    first = grouped.first
    variables = _variables(grouped)
    shapes = {key: one.chunks for key, one in variables.items() if one.chunks}
    decoded = [one.nbytes for one in variables.values()]
    total = None if None in decoded else sum(size for size in decoded if size is not None)
    if not first.ends:
        asset = Asset(
            href=first.path, type="application/vnd+zarr", group=first.group, decoded_bytes=total, chunk_shapes=shapes
        )
        return "zarr", asset
    paths = [facts.path for facts in grouped.files]
    folder = PurePath(os.path.commonpath([PurePath(path).parent for path in paths]))
    below = tuple(PurePath(path).relative_to(folder).as_posix() for path in paths)
    asset = Asset(
        href=PurePath(paths[0]).as_posix() if len(paths) == 1 else folder.as_posix(),
        type="application/x-netcdf",
        files=() if len(paths) == 1 else below,
        group="",
        stored_bytes=sum(facts.nbytes or 0 for facts in grouped.files),
        decoded_bytes=total,
        chunk_shapes=shapes,
    )
    return "netcdf", asset


def _variables(grouped: Grouped) -> dict[str, Variable]:
    """Variables of all files, as the files joined have them."""
    found: dict[str, Variable] = {}
    for names, members in _by_variables(grouped.files).items():
        found |= {name: _joined(name, members) for name in names}
    return found


def _by_variables(files: Sequence[PlaceFacts]) -> dict[tuple[str, ...], list[PlaceFacts]]:
    """Files by the variables they hold."""
    members: dict[tuple[str, ...], list[PlaceFacts]] = {}
    for facts in files:
        members.setdefault(tuple(facts.variables), []).append(facts)
    return members


def _joined(name: str, members: list[PlaceFacts]) -> Variable:
    """One variable of files that follow each other in time."""
    first = members[0].variables[name]
    if len(members) == 1:
        return _safe(first)
    time = members[0].time
    along = (time.dimension or time.name) if time else ""
    shapes = [facts.variables[name].shape or () for facts in members]
    dims, longest = first.dimensions or (), [max(sizes) for sizes in zip(*shapes, strict=True)]
    if along in dims:
        axis = dims.index(along)
        longest[axis] = sum(shape[axis] for shape in shapes)
    elif (time and not time.dimension) or len({facts.fixed.get(name) for facts in members}) > 1:
        dims, longest = (along, *dims), [sum(facts.time.count if facts.time else 1 for facts in members), *longest]
    size = first.nbytes // _count(first.shape or ()) if first.nbytes else None
    nbytes = None if size is None else size * _count(longest)
    changes = {"dimensions": dims, "shape": tuple(longest), "chunks": None, "nbytes": nbytes}
    return _safe(first.model_copy(update=changes))


def _count(shape: Sequence[int]) -> int:
    total = 1
    for size in shape:
        total *= size
    return max(total, 1)


def _safe(variable: Variable) -> Variable:
    """Variable whose texts may stand in a catalogue."""
    fields = ("units", "standard_name", "long_name", "long_name_zh", "cell_methods")
    return variable.model_copy(update={field: safe_text(getattr(variable, field)) for field in fields})


def _extent(grouped: Grouped) -> Extent:
    """Where, when and how deep all files lie."""
    extents = [facts.extent for facts in grouped.files]
    times = [extent.time for extent in extents if extent.time is not None]
    depths = [extent.depth_m for extent in extents if extent.depth_m is not None]
    return Extent(
        bbox=_box([extent.bbox for extent in extents if extent.bbox is not None]),
        time=(min(time[0] for time in times), max(time[1] for time in times)) if times else None,
        depth_m=(min(depth[0] for depth in depths), max(depth[1] for depth in depths)) if depths else None,
        time_resolution=_resolution(grouped),
    )


def _resolution(grouped: Grouped) -> str:
    """Step of time through all files; of files of one step each, the step from file to file."""
    steps = {facts.extent.time_resolution for facts in grouped.files}
    if len(grouped.files) == 1 or len(steps) > 1 or grouped.notes:
        return steps.pop() if len(grouped.files) == 1 else ""
    members = next(iter(_by_variables(grouped.files).values()))
    spans = [facts.time for facts in members if facts.time]
    single = all(span.count == 1 and span.kind in ("standard", "gregorian", "proleptic_gregorian") for span in spans)
    if steps != {""} or not single:
        return steps.pop()
    import numpy as np
    import xarray as xr

    return cf.infer_resolution(xr.DataArray(np.array([int(span.first) for span in spans], "M8[s]"), dims="time"))


def _box(boxes: Sequence[tuple[float, float, float, float]]) -> tuple[float, float, float, float] | None:
    """Smallest box that holds all boxes, across the date line where that is the shorter way."""
    if len(set(boxes)) < 2:
        return boxes[0] if boxes else None
    south, north = min(box[1] for box in boxes), max(box[3] for box in boxes)
    reaches = [
        (max((box[0] - start) % 360 + eastward_degrees(box[0], box[2]) for box in boxes), start)
        for start in sorted({box[0] for box in boxes})
    ]
    reach, west = min(reaches)
    if reach >= _WHOLE_CIRCLE_DEG:
        return -180.0, south, 180.0, north
    east = (west + reach + 180) % 360 - 180
    return west, south, (180.0 if east == -180 else east), north
