"""Opened and compared: what agrees is silent, each contradiction is told at its place."""

from pathlib import Path
from typing import Any

import pytest

from oceandata.catalog import draft_entry
from oceandata.catalog.comparison import find_differences
from oceandata.catalog.entries import Overlay
from oceandata.entities import Entry
from oceandata.errors import UnreachableError
from oceandata.storage import describe_revision

NAME = "surface_temperature"


@pytest.fixture
def entry(ostia_repository: Path, overlay: Overlay) -> Entry:
    return draft_entry(describe_revision(ostia_repository), overlay, name="sst")


def _changed(entry: Entry, *path: str, value: Any) -> Entry:
    document = here = entry.to_json()
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = value
    return Entry.from_json(document)


def test_a_true_record_has_no_differences(entry: Entry) -> None:
    assert find_differences(entry, str) == []


@pytest.mark.parametrize(
    ("path", "value", "there"),
    [
        (("variables", NAME, "shape"), [54, 18, 431], "(54, 18, 432)"),
        (("variables", NAME, "dimensions"), ["time", "lat", "lon"], "('time', 'latitude', 'longitude')"),
        (("variables", NAME, "dtype"), "float64", "float32"),
        (("variables", NAME, "units"), "degC", "K"),
        (("variables", NAME, "standard_name"), "sea_surface_temperature", "surface_temperature"),
        (("extent", "bbox"), [-180, -6, 180, 4.72222900390625], "-5.27"),
        (("extent", "time"), ["2006-04-16T00:00:00Z", "2010-10-16T00:00:00Z"], "2010-09-16"),
        (("extent", "depth_m"), [0.0, 10.0], "have ."),
        (("extent", "time_resolution"), "P1D", "P1M"),
        (("assets", "maps", "content_root"), "sha256:" + "0" * 64, "sha256:"),
        (("assets", "maps", "stored_bytes"), 1, "9"),
        (("assets", "maps", "chunks"), 54, "5"),
        (("assets", "maps", "chunk_shapes", NAME), [1, 18, 432], "(11, 18, 432)"),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, tuple) else "",
)
def test_a_contradiction_is_an_error_at_its_place(entry: Entry, path: tuple[str, ...], value: Any, there: str) -> None:
    ((place, message, severity),) = find_differences(_changed(entry, *path, value=value), str)
    assert place == path
    assert severity == "error"
    assert there in message
    assert message.startswith(".".join(path))


def test_what_the_record_leaves_open_is_not_compared(entry: Entry) -> None:
    document = entry.to_json()
    document["extent"] = {}
    document["variables"][NAME] = {}
    for key in ("content_root", "stored_bytes", "decoded_bytes", "chunks", "chunk_shapes"):
        del document["assets"]["maps"][key]
    assert find_differences(Entry.from_json(document), str) == []


def test_a_variable_more_or_less(entry: Entry) -> None:
    document = entry.to_json()
    document["variables"] = {"surface_temperatur": document["variables"][NAME]}
    document["assets"]["maps"]["chunk_shapes"] = {}
    found = find_differences(Entry.from_json(document), str)
    assert [(place, severity) for place, _, severity in found] == [
        (("variables", "surface_temperatur"), "error"),
        (("variables",), "warning"),
    ]
    assert "Close: 'surface_temperature'" in found[0][1]


def test_one_dead_layout_does_not_keep_the_other_from_being_compared(entry: Entry, tmp_path: Path) -> None:
    document = entry.to_json()
    gone = document["assets"]["maps"] | {"href": str(tmp_path / "gone")}
    document["assets"] = {"gone": gone, "maps": document["assets"]["maps"] | {"chunks": 54}}
    found = find_differences(Entry.from_json(document), str)
    assert [(place, severity) for place, _, severity in found] == [
        (("assets", "gone", "href"), "error"),
        (("assets", "maps", "chunks"), "error"),
    ]
    assert "cannot be opened: there is no repository" in found[0][1]


def test_a_server_out_of_reach_is_no_fault_of_the_entry(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    from oceandata.catalog import comparison

    def unreachable(*_: Any) -> None:
        msg = "it does not answer"
        raise UnreachableError(msg)

    monkeypatch.setattr(comparison, "asset_contents", unreachable)
    ((place, message, severity),) = find_differences(entry, str)
    assert (place, severity) == (("assets", "maps", "href"), "warning")
    assert message == "assets.maps is not verified: it does not answer"
