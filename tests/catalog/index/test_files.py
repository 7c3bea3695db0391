"""Bulk files: gzip that any tool reads, the same bytes for the same entries, one member read without the others."""

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from oceandata.catalog.index.files import (
    digest_of,
    file_state,
    line_of,
    read_lines,
    read_member,
    read_members,
    write_lines,
)
from oceandata.entities import Entry
from oceandata.errors import CorruptionError

Make = Callable[..., Entry]


@pytest.fixture
def lines(make: Make) -> list[bytes]:
    return [line_of(make(number, title="海 " * (number + 1))) for number in range(100)]


def test_what_is_written_is_gzip_and_reads_back(tmp_path: Path, lines: list[bytes]) -> None:
    path = tmp_path / "a.jsonl.gz"
    write_lines(path, iter(lines))
    assert gzip.decompress(path.read_bytes()) == b"".join(line + b"\n" for line in lines)
    assert list(read_lines(path)) == lines
    assert Entry.model_validate_json(lines[3]).title == "海 海 海 海"
    again = tmp_path / "b.jsonl.gz"
    write_lines(again, lines)
    assert again.read_bytes() == path.read_bytes()
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_one_member_is_read_alone(tmp_path: Path, lines: list[bytes]) -> None:
    path = tmp_path / "a.jsonl.gz"
    write_lines(path, lines)
    members = list(read_members(path))
    assert len(members) == 4
    assert sum(member.nbytes for member in members) == path.stat().st_size
    with path.open("rb") as stream:
        assert read_member(stream, members[2].begin, members[2].nbytes) == lines[64:96]
        assert read_member(stream, members[2].begin + 1, members[2].nbytes) == []


def test_gzip_of_another_tool_is_read(tmp_path: Path, lines: list[bytes]) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join(lines[:50]) + b"\n") + gzip.compress(b"\n".join(lines[50:])))
    assert list(read_lines(path)) == lines
    write_lines(path, [])
    assert list(read_lines(path)) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not gzip", "is no gzip file"),
        (gzip.compress(b"a\n" * 99)[:-9], "ends in the middle"),
        (gzip.compress(b"a\nb") + gzip.compress(b"c\n"), "in two members"),
        (gzip.compress(b"a\n") + b"rest of another download", "is no gzip file"),
    ],
    ids=["other", "short", "cut", "rest"],
)
def test_what_is_no_whole_file(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(CorruptionError, match=words):
        list(read_lines(path))


def test_states_and_digests_tell_contents_apart(tmp_path: Path, lines: list[bytes]) -> None:
    path = tmp_path / "a.jsonl.gz"
    write_lines(path, lines)
    state = file_state(path)
    assert state.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert state.nbytes == path.stat().st_size
    assert len({digest_of(line) for line in lines}) == 100
    assert digest_of(lines[0]) < 2**48
