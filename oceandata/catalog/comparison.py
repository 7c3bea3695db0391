"""Whether data still are what their entry says: opened as users open them, compared field by field."""

from collections.abc import Callable
from typing import Literal

from oceandata.catalog.contents import Contents, asset_contents
from oceandata.catalog.positions import Location
from oceandata.entities import Asset, Entry, Extent, Variable
from oceandata.errors import OceanDataError, UnreachableError, closest

__all__ = ["Difference", "find_differences"]

#: Location inside the entry, a sentence, and how grave it is.
Difference = tuple[Location, str, Literal["error", "warning"]]

#: Degrees by which two boxes may differ and be the same.
_SAME_DEGREES = 0.01

_VARIABLE_FIELDS = ("dimensions", "shape", "chunks", "dtype", "units", "standard_name")
_ASSET_FIELDS = ("revision", "snapshot", "content_root", "stored_bytes", "decoded_bytes", "chunks")


def find_differences(entry: Entry, located: Callable[[str], str]) -> list[Difference]:
    """
    Open every layout of an entry and compare it with the record.

    Metadata and coordinates are read, data are not: whether the bytes are whole, `oceandata.storage.verify_revision`
    tells. What the record leaves open is not compared. A layout that cannot be opened does not keep the others from
    being compared; a server that cannot be reached from here is no fault of the entry, and a warning.

    Parameters
    ----------
    entry : Entry
        The dataset.
    located : callable
        Gives the place of an ``href``, with the folder of the catalogue filled in.

    Returns
    -------
    list of tuple
        Location inside the entry, a sentence and its severity; empty if all agrees.
    """
    found: list[Difference] = []
    for number, (name, asset) in enumerate(entry.assets.items()):
        place: Location = ("assets", name)
        try:
            contents = asset_contents(asset, located(asset.href))
        except UnreachableError as error:
            found.append(((*place, "href"), f"assets.{name} is not verified: {error}", "warning"))
            continue
        except (OceanDataError, OSError, ValueError, KeyError, TypeError, ImportError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            found.append(((*place, "href"), f"assets.{name} cannot be opened: {reason}", "error"))
            continue
        found += _asset_differences(name, asset, contents)
        found += _variable_differences(name, asset, entry.variables, contents.variables, first=number == 0)
        if number == 0:
            found += _extent_differences(entry.extent, contents.extent)
    return found


def _differs(place: Location, there: object, here: object) -> list[Difference]:
    """Difference of one field; none where the record leaves it open."""
    if there in (None, "", ()) or there == here:
        return []
    return [(place, f"{'.'.join(map(str, place))} is {there}, but the data have {here}.", "error")]


def _asset_differences(name: str, asset: Asset, contents: Contents) -> list[Difference]:
    """Sizes, revision and content root of a layout."""
    (opened,) = contents.assets.values()
    found: list[Difference] = []
    for field in _ASSET_FIELDS:
        if getattr(opened, field) not in (None, ""):
            found += _differs(("assets", name, field), getattr(asset, field), getattr(opened, field))
    for variable, chunks in asset.chunk_shapes.items():
        there = contents.variables.get(variable)
        if there is not None and there.chunks is not None:
            found += _differs(("assets", name, "chunk_shapes", variable), chunks, there.chunks)
    return found


def _variable_differences(
    layout: str, asset: Asset, recorded: dict[str, Variable], stored: dict[str, Variable], *, first: bool
) -> list[Difference]:
    """Variables that are missing, more, or other than recorded; the chunks of the record are those of one layout."""
    found: list[Difference] = []
    for name, variable in recorded.items():
        if name not in stored:
            near = closest(name, list(stored))
            message = f"variables.{name} is not in layout {layout!r} of the data. {near}".rstrip()
            found.append((("variables", name), message, "error"))
            continue
        for field in _VARIABLE_FIELDS:
            if field == "chunks" and (not first or stored[name].chunks is None or name in asset.chunk_shapes):
                continue
            found += _differs(("variables", name, field), getattr(variable, field), getattr(stored[name], field))
    for name in stored:
        if first and name not in recorded:
            message = f"the data hold {name!r}, which the entry does not describe. Add it to variables."
            found.append((("variables",), message, "warning"))
    return found


def _extent_differences(there: Extent, here: Extent) -> list[Difference]:
    """Box, period, depth and step."""
    found: list[Difference] = []
    boxes = (there.bbox, here.bbox)
    if boxes[0] is not None and (
        boxes[1] is None or any(abs(a - b) > _SAME_DEGREES for a, b in zip(boxes[0], boxes[1], strict=True))
    ):
        found += _differs(("extent", "bbox"), there.bbox, here.bbox)
    for field in ("time", "depth_m"):
        found += _differs(("extent", field), _shown(getattr(there, field)), _shown(getattr(here, field)))
    return found + _differs(("extent", "time_resolution"), there.time_resolution, here.time_resolution)


def _shown(pair: tuple[object, object] | None) -> str:
    """Two ends as text; empty if unknown."""
    if pair is None:
        return ""
    first, last = (format(end, "g") if isinstance(end, float) else str(end) for end in pair)
    return f"{first} to {last}"
