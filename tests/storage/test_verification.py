"""Verification finds every changed bit and every missing chunk, and says what each held."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from oceandata.errors import InputError, NotFoundError
from oceandata.storage import describe_revision, open_repository, verify_revision
from oceandata.storage.integrity import INTEGRITY_GROUP, chunk_key, chunk_leaf
from oceandata.storage.verification import Damage, VerifyReport

NAME = "surface_temperature"


@pytest.fixture
def copy(ostia_repository: Path, tmp_path: Path) -> Path:
    """The repository, to be damaged."""
    return Path(shutil.copytree(ostia_repository, tmp_path / "copy"))


def _chunk_files(repository: Path) -> list[Path]:
    """Files that hold data chunks, smallest first; the chunks of 11 steps come before the last, which has 10."""
    files = sorted((repository / "chunks").iterdir(), key=lambda path: path.stat().st_size)
    return [path for path in files if path.stat().st_size > 100_000]


def _tampered(repository: Path, change: Callable[[zarr.Group], None]) -> None:
    """A commit that says of itself what the revision's commit says, made by someone with write access."""
    opened = open_repository(repository)
    snapshot = opened.lookup_branch("main")
    metadata = dict(opened.lookup_snapshot(snapshot).metadata)
    session = opened.writable_session("main")
    change(zarr.open_group(session.store, mode="a"))
    session.commit("nothing to see here", metadata=metadata)


def _rewrite_steps(group: zarr.Group) -> None:
    array = group[f"maps/{NAME}"]
    assert isinstance(array, zarr.Array)
    array[20:23] = np.asarray(array[20:23]) + 1


def test_a_sound_repository(ostia_repository: Path) -> None:
    seen: list[tuple[int, int]] = []
    report = verify_revision(ostia_repository, on_progress=lambda done, total: seen.append((done, total)))
    summary = describe_revision(ostia_repository)
    assert report.is_sound
    assert report.damages == ()
    assert report.checked == report.chunks > summary.chunks == 5
    assert (report.revision, report.snapshot) == ("r1", summary.snapshot)
    assert report.content_root == report.recomputed_root == summary.content_root
    assert seen[-1] == (report.chunks, report.chunks)
    assert report.repository == str(ostia_repository)


@pytest.mark.parametrize("at", [0, -1, 50_000])
def test_one_changed_bit_is_found_and_named(copy: Path, at: int) -> None:
    path = _chunk_files(copy)[-1]
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    report = verify_revision(copy)
    assert not report.is_sound
    assert [damage.kind for damage in report.damages] == ["differs from what was written"]
    (damage,) = report.damages
    assert damage.variable == NAME
    assert damage.key.startswith(f"maps/{NAME}/c/")
    number = int(damage.key.split("/")[3])
    start = np.datetime64("2006-04")
    first, last = (start + np.timedelta64(step, "M") for step in (11 * number, min(11 * number + 10, 53)))
    assert f"time {first}-16 to {last}-16" in str(damage)
    assert "longitude 0 to 431" in str(damage)
    assert report.recomputed_root is None
    assert report.layouts == {"maps": (report.content_root, None)}
    document = json.loads(json.dumps(report.to_json()))
    assert document["content_root"] == report.content_root
    assert (document["recomputed_root"], document["layouts"]["maps"][1]) == (None, None)


def test_all_damages_are_found(copy: Path) -> None:
    files = _chunk_files(copy)
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:-1])
    files[2].write_bytes(b"")
    report = verify_revision(copy)
    assert len(report.damages) == 3
    assert len({damage.key for damage in report.damages}) == 3
    assert report.recomputed_root is None
    assert report.checked == report.chunks


def test_a_chunk_that_a_later_commit_changed(copy: Path) -> None:
    _tampered(copy, _rewrite_steps)
    report = verify_revision(copy)
    assert [damage.key for damage in report.damages] == [f"maps/{NAME}/c/1/0/0", f"maps/{NAME}/c/2/0/0"]
    assert report.revision == ""
    assert verify_revision(copy, revision="r1").is_sound


def test_a_chunk_that_a_later_commit_dropped(copy: Path) -> None:
    def drop(group: zarr.Group) -> None:
        from zarr.core.sync import sync

        sync(group.store.delete(f"maps/{NAME}/c/3/0/0"))

    _tampered(copy, drop)
    assert [(one.key, one.kind) for one in verify_revision(copy).damages] == [(f"maps/{NAME}/c/3/0/0", "missing")]


def test_leaves_that_were_changed_with_the_data_do_not_fit_the_root(copy: Path) -> None:
    """Who changes data and leaves alike is found out by the root."""

    def forge(group: zarr.Group) -> None:
        from zarr.core.buffer import default_buffer_prototype
        from zarr.core.sync import sync

        _rewrite_steps(group)
        for number in (1, 2):
            key = chunk_key(NAME, [number, 0, 0])
            buffer = sync(group.store.get(f"maps/{key}", default_buffer_prototype()))
            assert buffer is not None
            leaf: Any = group[f"{INTEGRITY_GROUP}/maps/{NAME}/leaf"]
            leaf[number, 0, 0] = np.frombuffer(chunk_leaf(key, buffer.to_bytes()), np.uint8)

    _tampered(copy, forge)
    report = verify_revision(copy)
    assert report.damages == ()
    assert report.content_root != report.recomputed_root
    assert not report.is_sound


def test_metadata_that_were_changed_do_not_fit_the_root(copy: Path) -> None:
    def rename(group: zarr.Group) -> None:
        group[f"maps/{NAME}"].attrs["units"] = "degC"

    _tampered(copy, rename)
    report = verify_revision(copy)
    assert (report.damages, report.is_sound) == ((), False)


def test_a_damaged_coordinate_is_found_without_labels(copy: Path) -> None:
    def drop(group: zarr.Group) -> None:
        from zarr.core.sync import sync

        sync(group.store.delete("maps/time/c/0"))

    _tampered(copy, drop)
    report = verify_revision(copy)
    assert [damage.variable for damage in report.damages] == ["time"]


def test_a_sample_is_spread_evenly(ostia_repository: Path, copy: Path) -> None:
    whole = verify_revision(ostia_repository)
    few = verify_revision(ostia_repository, sample=8)
    assert few.is_sound
    assert few.checked < few.chunks == whole.chunks
    assert verify_revision(ostia_repository, sample=10**6).checked == whole.chunks
    for path in _chunk_files(copy):
        path.unlink()
    assert not verify_revision(copy, sample=1).is_sound


@pytest.mark.parametrize("sample", [0, -3])
def test_an_impossible_sample_is_refused(ostia_repository: Path, sample: int) -> None:
    with pytest.raises(InputError, match="at least 1 chunk"):
        verify_revision(ostia_repository, sample=sample)


def test_only_the_damaged_layout_has_no_root(copy: Path) -> None:
    from oceandata.storage import plan_layout, write_layout

    kept = set((copy / "chunks").iterdir())
    write_layout(plan_layout(copy, access="series", chunk_bytes=50_000))
    added = set((copy / "chunks").iterdir()) - kept
    max(added, key=lambda path: path.stat().st_size).unlink()
    report = verify_revision(copy)
    assert report.layouts["series"][1] is None
    assert report.layouts["maps"] == (report.content_root, report.content_root)
    assert report.recomputed_root == report.content_root
    assert not report.is_sound


def test_data_and_coordinates_are_counted_apart(ostia_repository: Path) -> None:
    whole = verify_revision(ostia_repository)
    assert (whole.checked_data, whole.data_chunks) == (5, 5)
    few = verify_revision(ostia_repository, sample=5)
    assert (few.checked_data, few.data_chunks) == (2, 5)
    assert few.checked - few.checked_data == whole.chunks - whole.data_chunks


def test_a_tag_that_cannot_be_read_is_a_damage_and_a_gap_is_a_note(copy: Path) -> None:
    repository = open_repository(copy)
    for tag in ("r2", "r4"):
        repository.create_tag(tag, repository.lookup_branch("main"))
    gap = verify_revision(copy, revision="r1")
    assert gap.is_sound
    assert gap.notes == ("revision r3 is missing among the tags",)
    (copy / "refs" / "tag.r2" / "ref.json").write_bytes(b"")
    report = verify_revision(copy, revision="r1")
    assert [damage.key for damage in report.damages] == ["refs/tag.r2/ref.json"]
    assert not report.is_sound
    assert report.notes == gap.notes
    assert report.recomputed_root == report.content_root  # every chunk was read and agrees


def test_what_is_not_there(ostia_repository: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no repository at"):
        verify_revision(tmp_path / "none")
    with pytest.raises(NotFoundError, match="no revision 'r7'"):
        verify_revision(ostia_repository, revision="r7")


def test_the_report_as_json() -> None:
    report = VerifyReport("sst", "r1", "S", "sha256:a", "sha256:a", 2, 2, ())
    assert report.is_sound
    document = json.loads(json.dumps(report.to_json()))
    assert document["is_sound"] is True
    damaged = dataclasses.replace(report, damages=(Damage("sst", "maps/sst/c/0", "missing", "sst, time 0 to 9"),))
    assert damaged.to_json()["is_sound"] is False
    assert damaged.to_json()["damages"][0]["key"] == "maps/sst/c/0"
    assert str(damaged.damages[0]) == "maps/sst/c/0: missing; sst, time 0 to 9"
