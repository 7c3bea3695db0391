"""Lines of bulk files: in order, sound, and nothing that a catalogue file could not hold; every fault with its line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oceandata.catalog import index_catalog
from oceandata.catalog.index.files import line_of, write_lines
from oceandata.catalog.index.lines import BulkLine, Faults, name_of, source_of
from oceandata.entities import Entry
from oceandata.errors import DocumentError

Make = Callable[..., Entry]


def test_the_name_is_read_whatever_the_order_of_keys(make: Make) -> None:
    assert name_of(line_of(make(7))) == "e007"
    assert name_of(b'{"title": "x", "id": "other"}') == "other"
    for line in (b"[]", b"{", b"{}", b'{"id": 3}', b"\xff"):
        assert name_of(line) == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"title": "{{ cycler.__init__ }}"}, "holds a template"),
        ({"summary": "{func(os:getcwd)}"}, "holds a template"),
        ({"title": "data(x)"}, "holds a template"),
        ({"summary": "https://user:word@host/"}, "looks like a secret"),
        ({"summary": "AKIA0123456789ABCDEF"}, "looks like a secret"),
        ({"summary": "https://host/?X-Amz-Signature=abc"}, "looks like a secret"),
        ({"variables": {"api_key": {}}}, "looks like a secret"),
        ({"title": "red \x1b[31m"}, "steers a terminal"),
        ({"title": "turned \u202e"}, "steers a terminal"),
        ({"title": "one byte \x9b"}, "steers a terminal"),
        ({"href": "{CATALOG_DIR}/../other"}, "leads out of the folder"),
        ({"href": "{CATALOG_DIR}/a/{env(HOME)}"}, "holds a template"),
        ({"href": "{HOME}/a"}, "braces are accepted only"),
        ({"href": "github://a:b@c/d"}, "scheme 'github' is not accepted"),
        ({"href": "http://example.org/a.zarr"}, "serves this machine only"),
        ({"extent": {"bbox": [0, 10, 1, -10]}}, "need -90 <= south <= north <= 90"),
        ({"licence": "MIT"}, "unknown key 'licence'. Close: 'license'"),
    ],
    ids=str,
)
def test_what_is_refused(tmp_path: Path, make: Make, change: dict[str, Any], words: str) -> None:
    """The same as in a catalogue file, with the line of the bulk file; there is no index then."""
    document = make(5).to_json()
    if "href" in change:
        document["assets"]["maps"]["href"] = change["href"]
    else:
        document |= change
    (tmp_path / "entries").mkdir()
    lines = [line_of(make(1)), json.dumps(document, ensure_ascii=False).encode(), line_of(make(9))]
    write_lines(tmp_path / "entries" / "a.jsonl.gz", lines)
    with pytest.raises(DocumentError, match=r"a\.jsonl\.gz:2: ") as raised:
        index_catalog(tmp_path / "catalog.yaml")
    assert words in str(raised.value)
    assert not (tmp_path / "index.sqlite").exists()
    assert not (tmp_path / "catalog.yaml").exists()


def test_harmless_texts_pass(tmp_path: Path, make: Make) -> None:
    title = "An author's token? 100 % of {x} … a@b \\ ok"
    entry = make(5, title=title, assets={"maps": {"href": "{CATALOG_DIR}/a b/c", "type": "application/vnd+zarr"}})
    faults = Faults(tmp_path)
    source = source_of(BulkLine(0, 1, entry.id, line_of(entry)), tmp_path / "a.jsonl.gz", faults)
    faults.require_none()
    assert source is not None
    assert source.entry == entry


def test_all_faults_at_once_and_not_too_many(tmp_path: Path, make: Make) -> None:
    faulty = [line_of(make(number)).replace(b'"license"', b'"licence"') for number in range(30)]
    (tmp_path / "entries").mkdir()
    write_lines(tmp_path / "entries" / "a.jsonl.gz", faulty)
    with pytest.raises(DocumentError, match="and 40 more") as raised:
        index_catalog(tmp_path / "catalog.yaml")
    assert str(raised.value).count("\n  ") == 21


@pytest.mark.parametrize(("numbers", "line"), [((1, 3, 2), 3), ((1, 1), 2), ((2, 1), 2)])
def test_lines_stand_in_order(tmp_path: Path, make: Make, numbers: tuple[int, ...], line: int) -> None:
    (tmp_path / "entries").mkdir()
    write_lines(tmp_path / "entries" / "a.jsonl.gz", [line_of(make(number)) for number in numbers])
    with pytest.raises(DocumentError, match=rf"a\.jsonl\.gz:{line}: .*need the order of names"):
        index_catalog(tmp_path / "catalog.yaml")


def test_a_name_is_there_once(tmp_path: Path, make: Make) -> None:
    (tmp_path / "entries").mkdir()
    for name in ("a", "b"):
        write_lines(tmp_path / "entries" / f"{name}.jsonl.gz", [line_of(make(4))])
    with pytest.raises(DocumentError, match=r"b\.jsonl\.gz:1: entry 'e004' is in a\.jsonl\.gz:1 too"):
        index_catalog(tmp_path / "catalog.yaml")
