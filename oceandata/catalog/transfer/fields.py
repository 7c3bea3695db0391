"""
An entry's document as flat fields, and back: the form in which a sheet, a merge and a report speak of it.

``{"extent": {"bbox": [0, 1, 2, 3]}}`` is ``{("extent", "bbox", 0): 0, …}``; variables keep their names, layouts and
providers count from 0, and a layout's name is its field ``name``.
"""

from collections.abc import Mapping
from typing import Any

__all__ = ["Field", "Fields", "field_label", "flatten", "number_of", "unflatten"]

#: Place of a value in an entry's document.
Field = tuple[str | int, ...]

#: Values by place.
Fields = dict[Field, Any]

_PAIRS = ("bbox", "time", "depth_m")


def flatten(document: Mapping[str, Any]) -> Fields:
    """
    Fields of an entry's document.

    Parameters
    ----------
    document : mapping
        In the form of `Entry.to_json`; it may be a part of one.

    Returns
    -------
    dict of tuple to object
        Values by place; lists of words are one value. A variable stands by itself too (value True), so that one of
        which nothing is known is not lost.
    """
    fields: Fields = {}
    for key, value in document.items():
        if key == "extent":
            fields |= _flat_extent(value)
        elif key == "variables":
            for name, variable in value.items():
                fields[key, name] = True
                fields |= {(key, name, field): inner for field, inner in variable.items()}
        elif key == "assets":
            for i, (name, asset) in enumerate(value.items()):
                fields[key, i, "name"] = name
                fields |= {(key, i, field): inner for field, inner in asset.items()}
        elif key == "providers":
            fields |= {(key, i, field): inner for i, one in enumerate(value) for field, inner in one.items()}
        elif isinstance(value, Mapping):
            fields |= {(key, field): inner for field, inner in value.items()}
        else:
            fields[key,] = value
    return fields


def _flat_extent(extent: Mapping[str, Any]) -> Fields:
    """Fields of an extent: each number and instant by itself."""
    fields: Fields = {}
    for key, value in extent.items():
        if key in _PAIRS:
            fields |= {("extent", key, i): inner for i, inner in enumerate(value or ())}
        else:
            fields["extent", key] = value
    return fields


def number_of(fields: Mapping[Field, Any], key: str) -> int:
    """Number of layouts or providers in flat fields."""
    return max((int(place[1]) for place in fields if place[0] == key), default=-1) + 1


def unflatten(fields: Mapping[Field, Any]) -> dict[str, Any]:
    """
    Document of flat fields.

    Parameters
    ----------
    fields : mapping of tuple to object
        Values by place.

    Returns
    -------
    dict
        In the form of `Entry.to_json`. A box, period or depth range that lacks an end has None there.
    """
    document: dict[str, Any] = {"extent": {}, "variables": {}}
    document["assets"] = [{} for _ in range(number_of(fields, "assets"))]
    document["providers"] = [{} for _ in range(number_of(fields, "providers"))]
    for place, value in fields.items():
        _put(document, place, value)
    assets = document["assets"]
    document["assets"] = {one.pop("name", f"layout {i}"): one for i, one in enumerate(assets)}
    if not document["providers"]:
        del document["providers"]
    return document


def _put(document: dict[str, Any], place: Field, value: Any) -> None:
    """Set one value."""
    match place:
        case ("extent", str() as key, int() as i):
            document["extent"].setdefault(key, [None] * (4 if key == "bbox" else 2))[i] = value
        case ("variables", str() as name):
            document["variables"].setdefault(name, {})
        case ("variables", str() as name, str() as field):
            document["variables"].setdefault(name, {})[field] = value
        case ("assets" | "providers" as key, int() as i, str() as field):
            document[key][i][field] = value
        case (str() as key, str() as field):
            document.setdefault(key, {})[field] = value
        case (str() as key,):
            document[key] = value


def field_label(place: Field) -> str:
    """
    Field of a column that a place belongs to.

    Parameters
    ----------
    place : tuple of str or int
        Place of a value, in flat fields or in a document.

    Returns
    -------
    str
        As `oceandata.catalog.transfer.columns.Column.field` spells it.

    Examples
    --------
    >>> field_label(("variables", "sst", "units")), field_label(("extent", "bbox", 2)), field_label(("title",))
    ('variables.*.units', 'extent.bbox.2', 'title')
    """
    if place[0] == "variables" and len(place) < 3:
        return "variables"
    if place[0] in ("variables", "assets", "providers"):
        place = (place[0], "*", *place[2:3])
    return ".".join(map(str, place[:3]))
