"""Entries say what files say."""

from typing import Any

import pytest

from oceandata.catalog.scan.drafting import _box, draft_found, safe_text, stated
from oceandata.catalog.scan.facts import PlaceFacts, TimeSpan
from oceandata.catalog.scan.grouping import Grouped
from oceandata.entities import Extent, Variable


def _facts(number: int = 0, **changes: Any) -> PlaceFacts:
    span = TimeSpan(
        name="time", dimension="time", kind="standard", first=number * 86400.0, last=number * 86400.0, count=1
    )
    fields: dict[str, Any] = {
        "path": f"/holdings/sst_{number}.nc",
        "nbytes": 10,
        "ends": str(number),
        "sizes": {"time": 1, "lat": 3},
        "variables": {
            "sst": Variable(dimensions=("time", "lat"), shape=(1, 3), chunks=(1, 3), dtype="float32", nbytes=12),
            "made": Variable(dimensions=(), shape=(), dtype="float64", nbytes=8),
        },
        "fixed": {"made": str(number)},
        "extent": Extent(bbox=(0, 0, 10, 10)),
        "time": span,
        "schema_digest": "s",
        "grid_digest": "g",
    }
    return PlaceFacts(**(fields | changes))


def test_files_joined_are_as_they_open() -> None:
    entry = draft_found(Grouped((_facts(0), _facts(1), _facts(2))), "sst")
    assert entry.variables["sst"].shape == (3, 3)
    assert entry.variables["sst"].nbytes == 36
    assert entry.variables["sst"].chunks is None
    assert (entry.variables["made"].dimensions, entry.variables["made"].shape) == (("time",), (3,))
    (asset,) = entry.assets.values()
    assert (asset.href, asset.files) == ("/holdings", ("sst_0.nc", "sst_1.nc", "sst_2.nc"))
    assert (asset.stored_bytes, asset.decoded_bytes) == (30, 36 + 24)
    assert entry.extent.time_resolution == "P1D"
    same = draft_found(Grouped((_facts(0), _facts(1, fixed={"made": "0"}))), "sst")
    assert same.variables["made"].shape == ()


def test_texts_of_the_file() -> None:
    attributes = {
        "title": "A title",
        "Comment": "c",
        "license": "CC-BY-4.0",
        "institution": "unknown",
        "references": "see doi:10.1234/abc.5, page 3",
        "keywords": "a, b;a",
    }
    entry = draft_found(Grouped((_facts(attributes=attributes),)), "sst")
    assert (entry.title, entry.summary, entry.license, entry.doi) == ("A title", "c", "CC-BY-4.0", "10.1234/abc.5")
    assert (entry.keywords, entry.providers) == (("a", "b"), ())
    bare = draft_found(Grouped((_facts(),)), "sst")
    assert (bare.title, bare.license) == ("sst 0", "NOASSERTION")


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain 海", "plain 海"),
        ("a\x1b[2Jb", "a [2Jb"),
        ("{{ x }}", ""),
        ("ftp://me:pw@host/x", ""),
        ("x {y}", "x {y}"),
    ],
)
def test_texts_that_a_catalogue_would_refuse(text: str, safe: str) -> None:
    assert safe_text(text) == safe
    assert stated({"TITLE": text}, "title") == safe


@pytest.mark.parametrize(
    ("boxes", "whole"),
    [
        ([(0, 0, 10, 5), (5, -5, 20, 1)], (0, -5, 20, 5)),
        ([(170, 0, 180, 5), (-180, 0, -170, 5)], (170, 0, -170, 5)),
        ([(-180, -90, 180, 90), (0, 0, 10, 5)], (-180, -90, 180, 90)),
        ([(-180, 0, 0, 1), (0, 0, 180, 1)], (-180, 0, 180, 1)),
        ([(1, 2, 3, 4)], (1, 2, 3, 4)),
        ([], None),
    ],
    ids=["beside", "date line", "globe", "halves", "one", "none"],
)
def test_one_box_for_all(boxes: list[tuple[float, float, float, float]], whole: object) -> None:
    assert _box(boxes) == whole
