"""Export: plain Zarr version 3 with the stored bytes of a revision, whole or not at all."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from oceandata import storage
from oceandata.errors import CorruptionError, InputError, NotFoundError, RepositoryExistsError
from oceandata.storage import export
from oceandata.storage.integrity import canonical_metadata, content_root

_OTHER_READER = """
import sys
import xarray, zarr
ds = xarray.open_zarr(sys.argv[1], consolidated=sys.argv[2] == "consolidated")
print(float(ds["surface_temperature"].astype("f8").sum()), ds.sizes["time"], *sorted(ds.variables))
assert not [name for name in sys.modules if name.startswith(("oceandata", "icechunk"))]
"""


def _other_reader(path: Path, kind: str) -> list[str]:
    """What xarray alone says of a folder, in a process that has loaded neither this package nor Icechunk."""
    command = [sys.executable, "-W", "ignore", "-c", _OTHER_READER, str(path), kind]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("kind", ["consolidated", "plain"])
def test_another_reader_opens_it(ostia_revision: storage.RevisionSummary, tmp_path: Path, kind: str) -> None:
    storage.export_revision(ostia_revision.url, tmp_path / "sst.zarr")
    ours = storage.open_dataset(ostia_revision.url)
    total, times, *names = _other_reader(tmp_path / "sst.zarr", kind)
    assert float(total) == float(ours["surface_temperature"].astype("f8").sum())
    assert int(times) == 54
    assert names == sorted(map(str, ours.variables))
    with xr.open_zarr(tmp_path / "sst.zarr", decode_coords="all") as exported:
        xr.testing.assert_identical(exported.load(), ours.load())


def test_the_root_is_that_of_the_revision(ostia_revision: storage.RevisionSummary, tmp_path: Path) -> None:
    moved: list[tuple[int, int]] = []
    report = storage.export_revision(
        ostia_revision.url, tmp_path / "sst.zarr", on_progress=lambda done, total: moved.append((done, total))
    )
    assert report.is_sound
    assert report.recomputed_root == ostia_revision.content_root
    assert report.path == str(tmp_path / "sst.zarr")
    assert moved[-1] == (report.stored_bytes, report.stored_bytes)
    files = [path for path in (tmp_path / "sst.zarr").rglob("*") if path.is_file() and path.name != "zarr.json"]
    assert (report.chunks, report.stored_bytes) == (len(files), sum(path.stat().st_size for path in files))
    assert [path.name for path in tmp_path.iterdir()] == ["sst.zarr"]


def test_the_same_bytes_and_not_encoded_anew(ostia_revision: storage.RevisionSummary, tmp_path: Path) -> None:
    storage.export_revision(ostia_revision.url, tmp_path / "sst.zarr")
    store = storage.open_store(ostia_revision.url)
    from zarr.core.buffer import default_buffer_prototype
    from zarr.core.sync import sync

    for path in (tmp_path / "sst.zarr").rglob("*"):
        if path.is_file() and path.name != "zarr.json":
            key = "maps/" + path.relative_to(tmp_path / "sst.zarr").as_posix()
            stored = sync(store.get(key, default_buffer_prototype()))
            assert stored is not None
            assert stored.to_bytes() == path.read_bytes()


def test_consolidated_metadata_does_not_change_the_root(
    ostia_revision: storage.RevisionSummary, tmp_path: Path
) -> None:
    storage.export_revision(ostia_revision.url, tmp_path / "sst.zarr")
    path = tmp_path / "sst.zarr" / "zarr.json"
    document = json.loads(path.read_text())
    assert set(document["consolidated_metadata"]["metadata"]) >= {"surface_temperature", "time"}
    path.write_text(json.dumps({key: value for key, value in document.items() if key != "consolidated_metadata"}))
    assert storage.verify_export(tmp_path / "sst.zarr", ostia_revision.content_root).is_sound
    assert canonical_metadata(document) == canonical_metadata(json.loads(path.read_text()))


def test_a_layout_of_a_revision(ostia_revision: storage.RevisionSummary, tmp_path: Path) -> None:
    url = shutil.copytree(ostia_revision.url, tmp_path / "repository")
    series = storage.write_layout(storage.plan_layout(url, access="series", chunk_bytes=50_000))
    report = storage.export_revision(url, tmp_path / "series.zarr", layout="series")
    assert report.recomputed_root == series.content_root
    assert storage.export_revision(url, tmp_path / "r1.zarr", revision="r1").content_root == ostia_revision.content_root
    with pytest.raises(NotFoundError, match="no layout 'series' in this revision"):
        storage.export_revision(url, tmp_path / "none.zarr", revision="r1", layout="series")
    with pytest.raises(NotFoundError, match=r"no revision 'r9'"):
        storage.export_revision(url, tmp_path / "none.zarr", revision="r9")
    assert not (tmp_path / "none.zarr").exists()


def test_what_is_not_stored_stays_so(tmp_path: Path, ocean_file) -> None:
    """Chunks of missing values only have no file, and the root counts that."""
    values = np.arange(60, dtype="f4").reshape(4, 3, 5)
    values[2:] = -9.0
    file = ocean_file("gaps.nc", values=values, fill=np.float32(-9))
    made = storage.write_repository(storage.plan_ingest([file], tmp_path / "r", chunk_bytes=60))
    report = storage.export_revision(made.url, tmp_path / "gaps.zarr")
    assert report.recomputed_root == made.content_root
    stored = {path.name for path in (tmp_path / "gaps.zarr" / "sst" / "c").iterdir()}
    assert stored == {"0", "1"}
    group = zarr.open_group(tmp_path / "gaps.zarr", mode="r")
    np.testing.assert_array_equal(group["sst"][...], values)
    (tmp_path / "gaps.zarr" / "sst" / "c" / "2" / "0").mkdir(parents=True)
    (tmp_path / "gaps.zarr" / "sst" / "c" / "2" / "0" / "0").write_bytes(b"invented")
    assert not storage.verify_export(tmp_path / "gaps.zarr", made.content_root).is_sound


def _changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: _changed(folder / "surface_temperature" / "c" / "7" / "0" / "0"),
        lambda folder: (folder / "surface_temperature" / "c" / "7" / "0" / "0").unlink(),
        lambda folder: shutil.rmtree(folder / "time"),
        lambda folder: (folder / "zarr.json").write_text(
            (folder / "zarr.json").read_text().replace("CF-1.5", "CF-1.6")
        ),
        lambda folder: shutil.copytree(folder / "time", folder / "time2"),
    ],
    ids=["a bit", "a chunk", "a variable", "an attribute", "one too many"],
)
def test_damage_is_seen_without_the_repository(ostia_revision: storage.RevisionSummary, tmp_path: Path, damage) -> None:
    storage.export_revision(ostia_revision.url, tmp_path / "sst.zarr")
    damage(tmp_path / "sst.zarr")
    report = storage.verify_export(tmp_path / "sst.zarr", ostia_revision.content_root)
    assert not report.is_sound
    assert "DIFFERS" in str(report)


def test_unreadable_metadata_and_a_missing_folder(ostia_revision: storage.RevisionSummary, tmp_path: Path) -> None:
    storage.export_revision(ostia_revision.url, tmp_path / "sst.zarr")
    with pytest.raises(NotFoundError, match=r"no Zarr group at .*sst\.zar\. Close: 'sst\.zarr'"):
        storage.verify_export(tmp_path / "sst.zar", ostia_revision.content_root)
    (tmp_path / "sst.zarr" / "time" / "zarr.json").write_text("{")
    with pytest.raises(CorruptionError, match="is no JSON"):
        storage.verify_export(tmp_path / "sst.zarr", ostia_revision.content_root)


def test_nothing_there_is_touched(ostia_revision: storage.RevisionSummary, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for target in (tmp_path / "mine", tmp_path):
        with pytest.raises(RepositoryExistsError, match="exists already"):
            storage.export_revision(ostia_revision.url, target)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(RepositoryExistsError, match="exists already"):
        storage.plan_export(ostia_revision.url, tmp_path / "link")
    with pytest.raises(NotFoundError, match="does not exist"):
        storage.export_revision(ostia_revision.url, tmp_path / "no" / "sst.zarr")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "mine"]


def test_a_damaged_repository_exports_nothing(ostia_revision: storage.RevisionSummary, tmp_path: Path) -> None:
    url = shutil.copytree(ostia_revision.url, tmp_path / "repository")
    largest = max((url / "chunks").iterdir(), key=lambda path: path.stat().st_size)
    _changed(largest)
    with pytest.raises(CorruptionError, match=r"differs from what was written\. Nothing was exported"):
        storage.export_revision(url, tmp_path / "sst.zarr")
    assert [path.name for path in tmp_path.iterdir()] == ["repository"]


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_bytes(b"")], ids=["gone", "cut short"])
def test_a_chunk_that_cannot_be_read_is_named(ostia_revision: storage.RevisionSummary, tmp_path: Path, change) -> None:
    url = shutil.copytree(ostia_revision.url, tmp_path / "repository")
    change(max((url / "chunks").iterdir(), key=lambda path: path.stat().st_size))
    with pytest.raises(CorruptionError) as found:
        storage.export_revision(url, tmp_path / "sst.zarr")
    (line,) = str(found.value).splitlines()
    assert line.startswith("chunk maps/surface_temperature/c/")
    assert line.endswith(f"Run 'oceandata verify {url}'.")
    assert [path.name for path in tmp_path.iterdir()] == ["repository"]


def test_leaves_that_cannot_be_decoded_are_told(ostia_revision: storage.RevisionSummary, tmp_path: Path) -> None:
    from zarr.core.buffer import default_buffer_prototype
    from zarr.core.sync import sync

    url = shutil.copytree(ostia_revision.url, tmp_path / "repository")
    repository = storage.open_repository(url)
    facts = dict(repository.lookup_snapshot(ostia_revision.snapshot).metadata)
    session = repository.writable_session("main")
    prototype, key = default_buffer_prototype(), "_integrity/maps/surface_temperature/leaf/c/0/0/0/0"
    stored = sync(session.store.get(key, prototype))
    assert stored is not None
    sync(session.store.set(key, prototype.buffer.from_bytes(stored.to_bytes()[:-1])))
    session.commit("damaged", metadata=facts)
    with pytest.raises(CorruptionError, match=r"a chunk of .* cannot be decoded: .* Run 'oceandata verify"):
        storage.export_revision(url, tmp_path / "sst.zarr")


def test_a_place_that_cannot_be_written_to(ostia_revision: storage.RevisionSummary, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot write to .*: File name too long\. Choose another place"):
        storage.export_revision(ostia_revision.url, tmp_path / ("x" * 250))
    assert list(tmp_path.iterdir()) == []


def test_a_bad_copy_is_not_put_in_place(
    ostia_revision: storage.RevisionSummary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that does not keep what it is given."""
    copy = export._copy

    def spoiling(*arguments) -> None:
        copy(*arguments)
        _changed(arguments[2] / "surface_temperature" / "c" / "0" / "0" / "0")

    monkeypatch.setattr(export, "_copy", spoiling)
    with pytest.raises(CorruptionError, match=r"has the root .* need"):
        storage.export_revision(ostia_revision.url, tmp_path / "sst.zarr")
    assert list(tmp_path.iterdir()) == []


def test_a_plan_writes_nothing_and_a_full_disk_is_told_before(
    ostia_revision: storage.RevisionSummary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = storage.plan_export(ostia_revision.url, tmp_path / "sst.zarr")
    assert list(tmp_path.iterdir()) == []
    written = storage.export_revision(ostia_revision.url, tmp_path / "other.zarr")
    assert (plan.chunks, plan.stored_bytes) == (written.chunks, written.stored_bytes)
    assert plan.content_root == ostia_revision.content_root
    assert abs(plan.free_bytes - os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize) < 10**9
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(InputError, match=r"takes .* but 1\.0 kB are free"):
        storage.export_revision(ostia_revision.url, tmp_path / "sst.zarr")
    assert json.loads(json.dumps(dataclasses.asdict(plan))) == plan.to_json()


def test_a_larger_one(cube_revision: storage.RevisionSummary, tmp_path: Path) -> None:
    report = storage.export_revision(cube_revision.url, tmp_path / "cube.zarr")
    assert report.recomputed_root == cube_revision.content_root
    with xr.open_zarr(tmp_path / "cube.zarr") as exported:
        xr.testing.assert_equal(exported["thetao"].load(), storage.open_dataset(cube_revision.url)["thetao"].load())
    documents = {"": json.loads((tmp_path / "cube.zarr" / "zarr.json").read_text())}
    assert content_root(documents, {}) != report.recomputed_root
