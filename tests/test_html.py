"""Tables, cards and footprints as HTML: escaped, well-formed, and drawn where they belong."""

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from oceandata._html import (
    eastward_degrees,
    facts,
    footprint,
    human_bytes,
    latitude_text,
    longitude_text,
    read_land_rings,
    require_box,
    rings_from_topology,
    table,
    turned_rings,
)

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert('x')</script> & \"more\""


def _boxes(svg: str) -> list[tuple[float, float, float, float]]:
    """West, south, east, north of each rectangle of a footprint."""
    root = ET.fromstring(svg)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    unit = width / 360
    assert height == 180 * unit
    sides = []
    for rect in root.findall(f"{SVG}g/{SVG}rect"):
        x, y, wide, high = (float(rect.attrib[key]) / unit for key in ("x", "y", "width", "height"))
        sides.append((x - 180, 90 - y - high, x - 180 + wide, 90 - y))
    return sides


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_920_000, "1.9 MB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (50 * 10**15, "50.0 PB"),
        (3 * 10**21, "3000.0 EB"),
    ],
)
def test_bytes_in_decimal_units(nbytes: int, text: str) -> None:
    assert human_bytes(nbytes) == text


def test_negative_bytes_are_refused() -> None:
    with pytest.raises(ValueError, match="negative: got -1"):
        human_bytes(-1)


def test_table_escapes_every_text() -> None:
    html = table([[HOSTILE, 3], [None, True]], headers=[HOSTILE, "n"], caption=HOSTILE)
    root = ET.fromstring(html)
    assert [cell.text for cell in root.iter("td")] == [HOSTILE, "3", "–", "True"]
    assert [cell.text for cell in root.iter("th")] == [HOSTILE, "n"]
    assert root.findtext("caption") == HOSTILE
    assert "<script" not in html


def test_table_sets_numbers_to_the_right() -> None:
    cells = list(ET.fromstring(table([["text", 3, 2.5, True]])).iter("td"))
    assert ["text-align:right" in cell.attrib["style"] for cell in cells] == [False, True, True, False]


def test_table_of_uneven_rows_is_refused() -> None:
    with pytest.raises(ValueError, match=r"differ in length: got \[1, 2\]"):
        table([["a"], ["b", "c"]])
    with pytest.raises(ValueError, match=r"got \[1, 2\]"):
        table([["a"]], headers=["x", "y"])


def test_empty_table_has_its_headers() -> None:
    root = ET.fromstring(table([], headers=["name"]))
    assert [cell.text for cell in root.iter("th")] == ["name"]
    assert not list(root.iter("td"))


def test_facts_escape_every_text_and_follow_the_page_colours() -> None:
    html = facts([(HOSTILE, HOSTILE), ("海表温度", None)], title=HOSTILE, note=HOSTILE)
    root = ET.fromstring(html)
    assert [cell.text for cell in root.iter("th")] == [HOSTILE, "海表温度"]
    assert [cell.text for cell in root.iter("td")] == [HOSTILE, "–"]
    assert [block.text for block in root.findall("div")] == [HOSTILE, HOSTILE]
    assert "<script" not in html
    assert not re.search(r"(?<!-)\bcolor:(?!inherit)|background:(?!transparent)|url\(|class=", html)


def test_footprint_draws_a_box_where_it_is() -> None:
    assert _boxes(footprint((-20, 30, 10, 60))) == [(-20, 30, 10, 60)]


@pytest.mark.parametrize("box", [(150, -5, -150, 5), (150, -5, 210, 5)])
def test_footprint_splits_a_box_at_the_date_line(box: tuple[float, float, float, float]) -> None:
    assert _boxes(footprint(box)) == [(150, -5, 180, 5), (-180, -5, -150, 5)]


@pytest.mark.parametrize("box", [(0, -90, 360, 90), (-180, -90, 180, 90)])
def test_footprint_round_the_globe_is_one_box(box: tuple[float, float, float, float]) -> None:
    assert _boxes(footprint(box)) == [(-180, -90, 180, 90)]


def test_footprint_of_a_mooring_can_be_seen() -> None:
    assert _boxes(footprint((10, 45, 10, 45))) == [(8, 43, 12, 47)]
    assert _boxes(footprint((180, 89, 180, 89))) == [(178, 87, 180, 90), (-180, 87, -178, 90)]


def test_footprint_of_several_boxes_names_them() -> None:
    svg = footprint([(-20, 30, 10, 60), (150, -5, -150, 5), (0, -10, 360, 0)])
    assert len(_boxes(svg)) == 4
    title = ET.fromstring(svg).findtext(f"{SVG}title")
    assert title == "20°W to 10°E, 30°N to 60°N; 150°E to 150°W, 5°S to 5°N; all longitudes, 10°S to 0°"


def test_footprint_without_boxes_is_the_land() -> None:
    svg = footprint([])
    assert _boxes(svg) == []
    assert ET.fromstring(svg).findtext(f"{SVG}title") == "world map"


def test_footprint_refuses_a_box_it_cannot_draw() -> None:
    for box in [(0, 10, 20, -10), (0, 0, 20, 91), (0, float("nan"), 1, 1), (0, 0, 20), (-400, 0, 1, 1)]:
        with pytest.raises(ValueError, match="need \\(west, south, east, north\\)"):
            footprint([box])  # type: ignore[list-item]


def test_require_box_returns_the_numbers() -> None:
    assert require_box([150, -5, -150, 5]) == (150.0, -5.0, -150.0, 5.0)
    with pytest.raises(ValueError, match="box is 7"):
        require_box(7)  # type: ignore[arg-type]


def test_footprint_takes_land_that_is_given() -> None:
    svg = footprint([], land=[((-20, 0), (20, 0), (20, 40), (-20, 40), (-20, 0))])
    path = ET.fromstring(svg).find(f"{SVG}path")
    assert path is not None
    assert path.attrib["d"] == "M320,180l80,0 0,-80 -80,0 0,80z"
    assert path.attrib["fill"] == "currentColor"


def test_land_across_the_date_line_shows_on_both_sides() -> None:
    svg = footprint([], land=[((160, 0), (190, 0), (190, 20), (160, 20), (160, 0))])
    path = ET.fromstring(svg).find(f"{SVG}path")
    assert path is not None
    west, east = re.findall(r"M(-?\d+,\d+)l([^z]*)z", path.attrib["d"])
    assert east == ("680,180", "60,0 0,-40 -60,0 0,40")
    assert west == ("-40,180", "60,0 0,-40 -60,0")  # z draws the side that is off the map


def _land_at(longitude: float, latitude: float) -> bool:
    """Whether the drawn path covers a point, by the even-odd rule it is filled with."""
    path = ET.fromstring(footprint([])).find(f"{SVG}path")
    assert path is not None
    x, y = (longitude + 180) * 2, (90 - latitude) * 2
    inside = False
    for start, steps in re.findall(r"M(-?\d+,-?\d+)l([^z]*)z", path.attrib["d"]):
        at = tuple(map(int, start.split(",")))
        corners = [at]
        for step in steps.split():
            right, down = map(int, step.split(","))
            at = (at[0] + right, at[1] + down)
            corners.append(at)
        for (x0, y0), (x1, y1) in pairwise([*corners, corners[0]]):
            if (y0 > y) != (y1 > y) and x < x0 + (y - y0) / (y1 - y0) * (x1 - x0):
                inside = not inside
    return inside


@pytest.mark.parametrize(
    ("place", "longitude", "latitude", "is_land"),
    [
        ("Tibet", 90, 33, True),
        ("Amazon", -60, -5, True),
        ("Chukotka, east of the date line", -175.3, 66.7, True),
        ("Siberia, west of it", 170.3, 66.7, True),
        ("South Pole", 0.3, -89.3, True),
        ("Pacific", -150.3, 0.3, False),
        ("Caspian Sea, a hole", 50.8, 42.3, False),
        ("Southern Ocean", 100.3, -60.3, False),
        ("North Pole", 0.3, 89.3, False),
    ],
)
def test_shipped_land_is_where_land_is(place: str, longitude: float, latitude: float, is_land: bool) -> None:
    assert _land_at(longitude, latitude) is is_land, place


def test_footprint_is_small_enough_for_a_list() -> None:
    assert len(footprint((0, 0, 10, 10))) < 20_000


def test_land_rings_run_on_without_a_jump() -> None:
    rings = read_land_rings()
    assert len(rings) == 126  # 125 polygons, one of them with a hole
    for ring in rings:
        assert max(abs(after[0] - before[0]) for before, after in pairwise(ring)) < 180
    open_rings = [ring for ring in rings if ring[0] != ring[-1]]
    assert len(open_rings) == 1  # Antarctica circles the pole
    assert abs(open_rings[0][-1][0] - open_rings[0][0][0]) == 360
    assert max(latitude for _, latitude in open_rings[0]) < -60


def test_topology_decodes_by_hand() -> None:
    topology = {
        "transform": {"scale": [2, 0.5], "translate": [100, -10]},
        "arcs": [[[0, 0], [30, 20]], [[0, 0], [45, 0], [-15, 20]]],
        "objects": {
            "land": {
                "type": "GeometryCollection",
                "geometries": [{"type": "Polygon", "arcs": [[1, ~0]]}, {"type": "Point", "coordinates": [1, 1]}],
            }
        },
    }
    assert rings_from_topology(topology) == (((100, -10), (190, -10), (160, 0), (100, -10)),)


def test_topology_unwraps_at_the_date_line() -> None:
    topology = {
        "transform": {"scale": [1, 1], "translate": [-180, 0]},
        "arcs": [[[355, 0], [-350, 0], [0, 5], [350, 0], [0, -5]]],
        "objects": {"land": {"type": "MultiPolygon", "arcs": [[[0]]]}},
    }
    assert rings_from_topology(topology) == (((175, 0), (185, 0), (185, 5), (175, 5), (175, 0)),)


def test_turned_rings_show_in_any_window() -> None:
    ring = ((175.0, 0.0), (185.0, 0.0), (185.0, 5.0))
    assert [part[0][0] for part in turned_rings(ring, -180, 180)] == [-185, 175]
    assert [part[0][0] for part in turned_rings(ring, 0, 360)] == [175]
    assert turned_rings(ring, 0, 90) == []


@pytest.mark.parametrize(
    ("west", "east", "degrees"),
    [(150, -150, 60), (150, 210, 60), (-180, 180, 360), (0, 360, 360), (10, 10, 0), (350, 10, 20), (-10, 350, 360)],
)
def test_eastward_degrees(west: float, east: float, degrees: float) -> None:
    assert eastward_degrees(west, east) == degrees


def test_degrees_in_words() -> None:
    assert [longitude_text(x) for x in (0, 360, 180, -180, 190, -0.25, 359.75)] == [
        *("0°", "0°", "180°", "180°", "170°W", "0.25°W", "0.25°W")
    ]
    assert [latitude_text(y) for y in (0, -5, 12.5)] == ["0°", "5°S", "12.5°N"]
