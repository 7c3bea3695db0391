"""Refs: a tag that Icechunk leaves out is found by its file."""

import shutil
from pathlib import Path

import pytest

from oceandata.storage import open_repository
from oceandata.storage.refs import find_tag_gaps, find_unreadable_refs, tag_path


@pytest.fixture
def copy(ostia_repository: Path, tmp_path: Path) -> Path:
    """The repository with a second tag, to be damaged."""
    copied = Path(shutil.copytree(ostia_repository, tmp_path / "copy"))
    repository = open_repository(copied)
    repository.create_tag("r2", repository.lookup_branch("main"))
    return copied


def test_sound_refs_and_deleted_ones(copy: Path) -> None:
    assert find_unreadable_refs(copy) == {}
    open_repository(copy).delete_tag("r2")
    (copy / tag_path("r2")).write_bytes(b"")
    assert find_unreadable_refs(copy) == {}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "empty, cut short or overwritten"),
        (b'{"snapshot":"M7MC', "empty, cut short or overwritten"),
        (b"\x00" * 35, "empty, cut short or overwritten"),
        (b'{"snap": 1}', "empty, cut short or overwritten"),
        (b'{"snapshot": 7}', "points to a snapshot that is not there"),
        (b'{"snapshot": "0000000000000000000G"}', "points to a snapshot that is not there"),
    ],
    ids=["empty", "cut short", "zeros", "another document", "a number", "no such snapshot"],
)
def test_a_damaged_ref_is_named(copy: Path, content: bytes, fault: str) -> None:
    assert (copy / tag_path("r2")).is_file()
    (copy / tag_path("r2")).write_bytes(content)
    (found,) = find_unreadable_refs(copy).items()
    assert found[0] == tag_path("r2")
    assert fault in found[1]


def test_a_branch_is_looked_at_too(copy: Path) -> None:
    (copy / "refs" / "branch.main" / "ref.json").write_bytes(b"{")
    assert list(find_unreadable_refs(copy)) == ["refs/branch.main/ref.json"]


def test_an_object_store_is_not_looked_at() -> None:
    assert find_unreadable_refs("s3://ocean/sst") == {}


def test_gaps() -> None:
    assert find_tag_gaps([]) == find_tag_gaps(["r1", "r2"]) == find_tag_gaps(["2026-10", "final", "r01"]) == []
    assert find_tag_gaps(["r5", "r2"]) == ["r1", "r3", "r4"]
    assert find_tag_gaps(["r1", "r4"], damaged=[tag_path("r3"), "refs/branch.main/ref.json"]) == ["r2"]
    assert find_tag_gaps(["r1"], damaged=[tag_path("r3")]) == ["r2"]
