"""YAML that is not accepted, and the line of everything that is."""

from pathlib import Path

import pytest

from oceandata.catalog.positions import read_yaml


def _read(tmp_path: Path, text: str | bytes):  # type: ignore[no-untyped-def]
    path = tmp_path / "document.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_yaml(path)


def test_values_and_lines(tmp_path: Path) -> None:
    located = _read(tmp_path, "a: 1\nb:\n  - x\n  - {c: 2.5, d: null}\n海: 温\n")
    assert located.value == {"a": 1, "b": ["x", {"c": 2.5, "d": None}], "海": "温"}
    assert located.faults == ()
    assert [located.line(place) for place in (("a",), ("b", 0), ("b", 1, "d"), ("海",))] == [1, 3, 4, 5]
    assert located.line(("b", 1, "nothing", "there")) == 4
    assert located.line(("elsewhere",)) == 1


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "'a' stands twice, first in line 1"),
        ("a: &x 1\nb: *x\n", 1, "anchors and aliases are not accepted"),
        ("a: 1\nb: *x\n", 2, "anchors and aliases are not accepted"),
        ("a: !!python/object/apply:os.system ['true']\n", 1, "tags are not accepted"),
        ("a:\n  <<: {b: 1}\n", 2, "is read as merge"),
        ("on: 1\n", 1, "is read as bool, need text"),
        ("2009: 1\n", 1, "is read as int, need text"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("? [a]\n: 1\n", 1, "a key must be plain text"),
        ("&x a: 1\n", 1, "anchors and aliases are not accepted"),
        ("", 1, "the file is empty"),
        ("a: [1\nb: 2\n", 2, "not YAML"),
        ("a: 2009-02-30\n", 1, "cannot be read"),
        ("a: '\x01'\n", 1, "not YAML"),
        (b"a: 1\nb: '\xff'\n", 2, "0xff is not UTF-8"),
        ("[" * 100_000, 1, "nested deeper than"),
        ("a: " + "{b: " * 1000, 1, "nested deeper than"),
    ],
    ids=lambda value: None if isinstance(value, int) else str(value)[:24].encode("unicode_escape").decode(),
)
def test_refused(tmp_path: Path, text: str | bytes, line: int, words: str) -> None:
    faults = _read(tmp_path, text).faults
    assert [(fault.line, fault.severity) for fault in faults] == [(line, "error")]
    assert words in faults[0].message


def test_reading_goes_on_after_a_fault_it_can_pass(tmp_path: Path) -> None:
    located = _read(tmp_path, "a: 1\na: [1, {a: 2}]\non: 3\nb: 4\n")
    assert [fault.line for fault in located.faults] == [2, 3]
    assert located.value == {"a": 1, "on": 3, "b": 4}
