"""
HTML for notebook views, made of plain values: tables, cards of facts, footprints on a world map.

All text is escaped; colours follow the page (``currentColor``), so that a view reads well on light and dark ground.
The coastline that ships with the catalogues is read here, because views and maps both draw it.
"""

import json
import math
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from itertools import pairwise
from typing import Any

__all__ = [
    "BBox",
    "Ring",
    "eastward_degrees",
    "facts",
    "footprint",
    "human_bytes",
    "latitude_text",
    "longitude_text",
    "read_land_rings",
    "require_box",
    "rings_from_topology",
    "table",
    "turned_rings",
]

#: West, south, east, north in degrees; west above east crosses the date line.
BBox = tuple[float, float, float, float]
#: Points (longitude, latitude) of one outline.
Ring = tuple[tuple[float, float], ...]

_WIDTH_PX = 280
_UNITS_PER_DEGREE = 2
_SMALLEST_STEP = 2
_SMALLEST_BOX_DEGREES = 4.0
_BOX_COLOUR = "#e4572e"
_CELL = "text-align:left;vertical-align:top;padding:2px 10px 2px 0;white-space:pre-line"
_NUMBER = "text-align:right;vertical-align:top;padding:2px 10px 2px 0;font-variant-numeric:tabular-nums"
_QUIET = "color:inherit;opacity:.7;font-size:90%"


def human_bytes(nbytes: int) -> str:
    """
    Size in decimal units, as people read it.

    Below a thousand the bytes are given as they are; above, one decimal is kept.

    Parameters
    ----------
    nbytes : int
        Number of bytes.

    Returns
    -------
    str
        Number and unit, powers of 1000.

    Raises
    ------
    ValueError
        If the number is negative.

    Examples
    --------
    >>> human_bytes(1_920_000)
    '1.9 MB'
    >>> human_bytes(999_999)
    '1.0 MB'
    """
    if nbytes < 0:
        msg = f"a size in bytes cannot be negative: got {nbytes}."
        raise ValueError(msg)
    if nbytes < 1000:
        return f"{nbytes} B"
    size = float(nbytes)
    units = ("kB", "MB", "GB", "TB", "PB", "EB")
    for unit in units:
        size /= 1000
        if size < 999.95 or unit == units[-1]:
            break
    return f"{size:.1f} {unit}"


def table(rows: Iterable[Sequence[object]], *, headers: Sequence[str] | None = None, caption: str = "") -> str:
    """
    Rows as an HTML table.

    Numbers stand to the right, text to the left; None shows as a dash. No rows give a table with its headers only.

    Parameters
    ----------
    rows : iterable of sequence
        Cells of each row.
    headers : sequence of str or None
        Names of the columns.
    caption : str
        Text above the table.

    Returns
    -------
    str
        A ``<table>`` element; every text in it is escaped.

    Raises
    ------
    ValueError
        If rows and headers differ in length.
    """
    lines = [tuple(row) for row in rows]
    lengths = {len(line) for line in lines} | ({len(headers)} if headers is not None else set())
    if len(lengths) > 1:
        msg = (
            f"rows of a table differ in length: got {sorted(lengths)} cells, need one length. Fill the gaps with None."
        )
        raise ValueError(msg)
    head = ""
    if headers is not None:
        cells = "".join(f'<th scope="col" style="{_CELL}">{escape(name)}</th>' for name in headers)
        head = f"<thead><tr>{cells}</tr></thead>"
    body = "".join("<tr>" + "".join(map(_cell, line)) + "</tr>" for line in lines)
    above = f'<caption style="{_CELL}">{escape(caption)}</caption>' if caption else ""
    return f'<table style="border-collapse:collapse">{above}{head}<tbody>{body}</tbody></table>'


def _cell(value: object) -> str:
    """One ``<td>``; only true numbers stand to the right."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f'<td style="{_NUMBER if is_number else _CELL}">{"–" if value is None else escape(str(value))}</td>'


def facts(pairs: Iterable[tuple[str, object]], *, title: str = "", note: str = "") -> str:
    """
    Card of facts: what is known under a title, one line each.

    A value of None shows as a dash; leave a pair out to say nothing about it.

    Parameters
    ----------
    pairs : iterable of (str, object)
        Name and value of each fact.
    title : str
        Text above the card.
    note : str
        Text beneath it.

    Returns
    -------
    str
        A ``<div>`` element; every text in it is escaped.
    """
    rows = "".join(
        f'<tr><th scope="row" style="{_CELL};font-weight:normal;opacity:.7">{escape(name)}</th>'
        f'<td style="{_CELL}">{"–" if value is None else escape(str(value))}</td></tr>'
        for name, value in pairs
    )
    above = f'<div style="font-weight:600;margin-bottom:4px">{escape(title)}</div>' if title else ""
    below = f'<div style="{_QUIET};margin-top:4px">{escape(note)}</div>' if note else ""
    body = f'<table style="border-collapse:collapse;background:transparent"><tbody>{rows}</tbody></table>'
    return f'<div style="color:inherit;background:transparent">{above}{body}{below}</div>'


def footprint(boxes: BBox | Sequence[BBox], *, land: Sequence[Ring] | None = None) -> str:
    """
    World map with one or more boxes on it, as inline SVG.

    Equirectangular, 180°W to 180°E. A box that crosses the date line is drawn in two pieces; one smaller than a few
    pixels, a single mooring for example, is drawn as large as can be seen. An empty list gives the land alone.

    Parameters
    ----------
    boxes : tuple of float, or sequence of them
        West, south, east, north in degrees, longitudes -180 to 360; west above east crosses the date line.
    land : sequence of rings or None
        Outlines as points (longitude, latitude); None draws the coastline that ships with the catalogues.

    Returns
    -------
    str
        An ``<svg>`` element, 280 pixels wide; its title gives the boxes in words.

    Raises
    ------
    ValueError
        If a box cannot be drawn (`require_box`).
    """
    listed: Sequence[Any] = boxes
    if listed and not isinstance(listed[0], Sequence):
        listed = [boxes]
    checked = [require_box(box) for box in listed]
    outline = _shipped_land_path() if land is None else _path(land)
    title = escape("; ".join(map(_box_in_words, checked)) or "world map")
    pieces = "".join(_rectangle(piece) for box in checked for piece in _pieces(box))
    height_px = _WIDTH_PX // 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{_WIDTH_PX}" height="{height_px}" '
        f'viewBox="0 0 {360 * _UNITS_PER_DEGREE} {180 * _UNITS_PER_DEGREE}" style="background:transparent">'
        f"<title>{title}</title>"
        f'<path d="{outline}" fill="currentColor" fill-opacity=".28" fill-rule="evenodd"/>'
        '<rect width="100%" height="100%" fill="none" stroke="currentColor" stroke-opacity=".4" stroke-width="2"/>'
        f'<g fill="{_BOX_COLOUR}" fill-opacity=".3" stroke="{_BOX_COLOUR}" stroke-width="4">{pieces}</g></svg>'
    )


def eastward_degrees(west: float, east: float) -> float:
    """
    Degrees of longitude from west to east, going east.

    Parameters
    ----------
    west, east : float
        Longitudes in degrees, in any convention.

    Returns
    -------
    float
        Between 0 and 360; 360 if `east` is a full turn or more above `west`, 0 if both are one meridian.

    Examples
    --------
    >>> eastward_degrees(150, -150)
    60
    >>> eastward_degrees(-180, 180)
    360
    """
    return 360 if east - west >= 360 else (east - west) % 360


def require_box(box: Sequence[float]) -> BBox:
    """
    A box that can be drawn.

    Parameters
    ----------
    box : sequence of float
        West, south, east, north in degrees.

    Returns
    -------
    tuple of float
        The same four numbers.

    Raises
    ------
    ValueError
        If there are not four numbers with -90 <= south <= north <= 90 and longitudes -180 to 360.
    """
    try:
        west, south, east, north = map(float, box)
    except (TypeError, ValueError):
        west = south = east = north = math.nan
    if not (-90 <= south <= north <= 90 and -180 <= west <= 360 and -180 <= east <= 360):
        need = "(west, south, east, north) in degrees with -90 <= south <= north <= 90, longitudes -180 to 360"
        msg = f"box is {box!r}, need {need}."
        raise ValueError(msg)
    return west, south, east, north


def _box_in_words(box: BBox) -> str:
    """Sides of a box with their hemispheres."""
    west, south, east, north = box
    around = eastward_degrees(west, east) == 360
    longitudes = "all longitudes" if around else f"{longitude_text(west)} to {longitude_text(east)}"
    return f"{longitudes}, {latitude_text(south)} to {latitude_text(north)}"


def longitude_text(degrees: float) -> str:
    """
    Longitude with the letter of its hemisphere; Greenwich and the date line have none.

    Parameters
    ----------
    degrees : float
        Degrees east, in any convention.

    Returns
    -------
    str
        Text such as ``170°W``.

    Examples
    --------
    >>> longitude_text(190), longitude_text(-180)
    ('170°W', '180°')
    """
    turned = (degrees + 180) % 360 - 180
    return f"{abs(turned):.6g}°" + ("" if turned in (0, -180) else "E" if turned > 0 else "W")


def latitude_text(degrees: float) -> str:
    """
    Latitude with the letter of its hemisphere; the equator has none.

    Parameters
    ----------
    degrees : float
        Degrees north.

    Returns
    -------
    str
        Text such as ``5°S``.

    Examples
    --------
    >>> latitude_text(-5)
    '5°S'
    """
    return f"{abs(degrees):.6g}°" + ("" if degrees == 0 else "N" if degrees > 0 else "S")


def _pieces(box: BBox) -> list[BBox]:
    """Box cut at the date line, longitudes -180 to 180, large enough to be seen."""
    west, south, east, north = box
    width = eastward_degrees(west, east)
    if width >= 360:
        return [(-180, south, 180, north)]
    missing = max(0.0, _SMALLEST_BOX_DEGREES - width) / 2
    west, width = (west - missing + 180) % 360 - 180, width + 2 * missing
    missing = max(0.0, _SMALLEST_BOX_DEGREES - (north - south)) / 2
    south, north = max(-90, south - missing), min(90, north + missing)
    if west + width <= 180:
        return [(west, south, west + width, north)]
    return [(west, south, 180, north), (-180, south, west + width - 360, north)]


def _rectangle(piece: BBox) -> str:
    """``<rect>`` of a box between 180°W and 180°E."""
    west, south, east, north = (side * _UNITS_PER_DEGREE for side in piece)
    left, top = west + 180 * _UNITS_PER_DEGREE, 90 * _UNITS_PER_DEGREE - north
    return f'<rect x="{left:g}" y="{top:g}" width="{east - west:g}" height="{north - south:g}"/>'


def rings_from_topology(topology: dict[str, Any], name: str = "land") -> tuple[Ring, ...]:
    """
    Outlines of an object of a TopoJSON topology.

    Longitudes run on without a jump: a ring that crosses the date line leaves -180 to 180, and one that circles a
    pole ends 360 degrees from where it began.

    Parameters
    ----------
    topology : dict
        A TopoJSON document with quantized arcs.
    name : str
        Object to take.

    Returns
    -------
    tuple of rings
        Points (longitude, latitude) in degrees; outer rings and holes alike, last point equal to the first.

    References
    ----------
    Bostock and Metcalf 2017, The TopoJSON Format Specification, sections 2.1.2 and 2.1.3.
    """
    (x_scale, y_scale), (x_origin, y_origin) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs: list[list[tuple[float, float]]] = []
    for steps in topology["arcs"]:
        column = row = 0
        arc = []
        for step in steps:
            column, row = column + step[0], row + step[1]
            arc.append((column * x_scale + x_origin, row * y_scale + y_origin))
        arcs.append(arc)
    return tuple(_unwrapped(_joined(arcs, numbers)) for numbers in _arc_numbers(topology["objects"][name]))


def _arc_numbers(geometry: dict[str, Any]) -> list[list[int]]:
    """Arcs of each ring of a geometry; lines and points have no rings."""
    match geometry["type"]:
        case "GeometryCollection":
            return [ring for member in geometry["geometries"] for ring in _arc_numbers(member)]
        case "MultiPolygon":
            return [ring for polygon in geometry["arcs"] for ring in polygon]
        case "Polygon":
            return list(geometry["arcs"])
        case _:
            return []


def _joined(arcs: list[list[tuple[float, float]]], numbers: list[int]) -> list[tuple[float, float]]:
    """Arcs one after another, their shared ends once; a negative number is an arc backwards."""
    points: list[tuple[float, float]] = []
    for number in numbers:
        arc = arcs[number] if number >= 0 else arcs[~number][::-1]
        points.extend(arc[1:] if points else arc)
    return points


def _unwrapped(points: list[tuple[float, float]]) -> Ring:
    """Points with every step of longitude at most half a turn."""
    turned = [points[0]]
    turns = 0
    for (before, _), (after, latitude) in pairwise(points):
        turns += (before - after > 180) - (after - before > 180)
        turned.append((after + 360 * turns, latitude))
    return tuple(turned)


@cache
def read_land_rings() -> tuple[Ring, ...]:
    """
    Coastlines of the world that ship with the catalogues (Natural Earth 1:110 million), read once.

    Returns
    -------
    tuple of rings
        Points (longitude, latitude) in degrees, as `rings_from_topology` gives them.
    """
    topology = (files("oceandata._catalogs") / "geo/land-110m.json").read_text("utf-8")
    return rings_from_topology(json.loads(topology))


@cache
def _shipped_land_path() -> str:
    return _path(read_land_rings())


def _path(rings: Iterable[Ring]) -> str:
    """SVG path of outlines on the world map, rounded to its units; what leaves it on one side enters on the other."""
    parts: list[str] = []
    for ring in rings:
        ends = [ring[0][0], ring[-1][0]]
        if abs(ends[0] - ends[1]) > 180:
            pole = math.copysign(90.0, sum(latitude for _, latitude in ring))
            ring = (*ring, (ends[1], pole), (ends[0], pole))
        parts.extend(_subpath(turned) for turned in turned_rings(ring, -180, 180))
    return "".join(parts)


def turned_rings(ring: Ring, west: float, east: float) -> list[Ring]:
    """
    Outline as often as it shows between two meridians.

    Parameters
    ----------
    ring : ring
        Points (longitude, latitude) in degrees.
    west, east : float
        Sides of the map in degrees, `east` above `west`, both between -540 and 540.

    Returns
    -------
    list of rings
        The outline moved by whole turns, each reaching into the map; empty if none does.
    """
    longitudes = [longitude for longitude, _ in ring]
    turns = [t for t in (-720, -360, 0, 360, 720) if min(longitudes) + t < east and max(longitudes) + t > west]
    return [tuple((longitude + turn, latitude) for longitude, latitude in ring) for turn in turns]


def _subpath(ring: Ring) -> str:
    """One closed outline in whole units with relative steps; empty if it is too small to have an area."""
    points = [
        (round((longitude + 180) * _UNITS_PER_DEGREE), round((90 - latitude) * _UNITS_PER_DEGREE))
        for longitude, latitude in _near_map(ring)
    ]
    kept = points[:1]
    for point in points:
        if max(abs(point[0] - kept[-1][0]), abs(point[1] - kept[-1][1])) >= _SMALLEST_STEP:
            kept.append(point)
    if len(kept) < 3:
        return ""
    lines = " ".join(f"{after[0] - before[0]},{after[1] - before[1]}" for before, after in pairwise(kept))
    return f"M{kept[0][0]},{kept[0][1]}l{lines}z"


def _near_map(ring: Ring) -> Ring:
    """Points of an outline on the map, and those just outside that lines run to."""
    inside = [-180 <= longitude <= 180 for longitude, _ in ring]
    last = len(ring) - 1
    return tuple(point for place, point in enumerate(ring) if any(inside[max(0, place - 1) : min(last, place + 1) + 1]))
