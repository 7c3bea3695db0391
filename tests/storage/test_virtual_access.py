"""Which files a virtual repository may read, and what is said of those that changed."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr

from oceandata import storage
from oceandata.errors import CorruptionError, InputError
from oceandata.options import set_options
from oceandata.storage import verify_revision
from oceandata.storage.stores import open_repository
from tests.storage.virtual_files import (
    LAT,
    LON,
    STEPS,
    each_alone,
    facts_of,
    fixture_archive,
    fixture_series,
    same,
    write,
)

__all__ = ["fixture_archive", "fixture_series"]  # fixtures

pytestmark = [
    # the chunks of netCDF-4 files are compressed as HDF5 does it, which Zarr finds worth a warning each time
    pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr:zarr.errors.ZarrUserWarning"),
]


def _same_size(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


def _kept_time(path: Path) -> None:
    before = path.stat()
    _same_size(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_same_size, "has changed: its SHA-256 is"),
        (_kept_time, "has changed: its SHA-256 is"),
        (lambda path: path.write_bytes(path.read_bytes()[:-50]), "has changed: it is"),
        (lambda path: path.unlink(), "is gone"),
    ],
    ids=["rewritten", "rewritten with its old time", "truncated", "deleted"],
)
def test_a_changed_source_is_named(archive, change, said):
    url, files = archive
    assert verify_revision(url).is_sound
    change(files[1])
    report = verify_revision(url)
    assert not report.is_sound
    source = report.damages[0]
    assert (source.key, source.where) == (str(files[1]), "source file of virtual references")
    assert said in str(source)
    assert any(damage.key.startswith("maps/sst/c/") and "2000-01" in damage.where for damage in report.damages[1:])
    assert {damage.key for damage in report.damages if not damage.variable} == {str(files[1])}
    quick = verify_revision(url, sample=1)
    if "SHA" not in said:
        assert str(files[1]) in {damage.key for damage in quick.damages}


def test_a_changed_source_is_never_read_as_if_it_were_not(archive):
    url, files = archive
    _same_size(files[1])
    with pytest.raises(Exception, match="has changed"):
        storage.open_dataset(url).sst.compute()
    assert storage.open_dataset(url).sst[0].compute().shape == (LAT, LON)  # the other files are read


def test_only_the_folder_beside_the_repository_is_read_unless_allowed(archive, tmp_path):
    url, files = archive
    elsewhere = tmp_path / "downloads"
    elsewhere.mkdir()
    shutil.move(url, elsewhere / "repository")
    moved = elsewhere / "repository"
    need = each_alone(files, "sst")
    for act in (storage.open_dataset, verify_revision, storage.open_store):
        with pytest.raises(InputError, match=r"which this session does not allow") as caught:
            act(moved)
        assert f"'file://{files[0].parent}/'" in str(caught.value)
        assert "OCEANDATA_VIRTUAL_PREFIXES" in str(caught.value)
    with set_options(virtual_prefixes=(str(files[0].parent) + "x",)), pytest.raises(InputError, match="not allow"):
        storage.open_dataset(moved)
    assert storage.describe_revision(moved).variables["sst"].units == "degC"  # needs no file
    with set_options(virtual_prefixes=(str(files[0].parent),)):
        assert same(storage.open_dataset(moved).sst, need)


def test_prefixes_from_the_environment(monkeypatch):
    from oceandata.options import _from_environment

    monkeypatch.setenv("OCEANDATA_VIRTUAL_PREFIXES", os.pathsep.join(["/archive/sst", "/archive/ssh"]))
    assert _from_environment().virtual_prefixes == ("/archive/sst", "/archive/ssh")
    with pytest.raises(InputError, match="virtual_prefixes is '/archive', need a tuple"):
        set_options(virtual_prefixes="/archive")


@pytest.mark.parametrize("location", ["file://{folder}/../secret", "file://{folder}/%2e%2e/secret", "file://{secret}"])
def test_a_forged_reference_reads_nothing_outside_its_folder(archive, tmp_path, location):
    import icechunk

    url, files = archive
    (tmp_path / "secret").write_bytes(b"secret" * 1000)
    repository = open_repository(url)
    session = repository.writable_session("main")
    target = location.format(folder=files[0].parent, secret=tmp_path / "secret")
    spec = icechunk.VirtualChunkSpec(index=[0, 0, 0], location=target, offset=0, length=4 * LAT * LON)
    session.store.set_virtual_refs("/maps/sst", [spec], validate_containers=False)
    old = dict(repository.lookup_snapshot(repository.lookup_branch("main")).metadata)
    snapshot = session.commit("forged", metadata=old)
    ds = storage.open_dataset(url, snapshot=snapshot)
    with pytest.raises(CorruptionError, match=r"chunk maps/sst/c/0/0/0 of .* cannot be read") as refused:
        ds.sst[0].compute()
    assert isinstance(refused.value.__cause__, icechunk.IcechunkError)
    assert same(ds.sst[1], each_alone(files, "sst")[1])


def test_what_is_recorded(archive):
    url, files = archive
    facts = facts_of(url)
    assert facts["virtual"] is True
    assert [source["name"] for source in facts["sources"]] == ["0.nc", "1.nc", "2.nc"]
    assert {source["prefix"] for source in facts["sources"]} == {f"file://{files[0].parent}/"}
    assert facts["group"] == facts["access"] == "maps"
    assert facts["content_root"].startswith("sha256:")
    time = zarr.open_array(storage.open_store(url), path="maps/time", mode="r")
    assert time.dtype == np.int64
    assert dict(time.attrs)["units"] == "seconds since 1970-01-01"


def test_names_of_files_and_folders_may_hold_anything(series, tmp_path):
    folder = tmp_path / "海 温#1%20?"
    folder.mkdir()
    path = series("a b#%41é.nc", kind="NETCDF3_CLASSIC", folder=folder)
    (folder / "link.nc").symlink_to(path)
    for number, name in enumerate((path, folder / "link.nc")):
        url = tmp_path / f"repository {number}"
        write([name], url)
        assert same(storage.open_dataset(url).sst, each_alone([path], "sst"))
        assert verify_revision(url).is_sound


def test_a_cluster_reads_what_this_session_allowed(archive, tmp_path):
    from distributed import Client, LocalCluster

    url, files = archive
    moved = tmp_path / "away" / "repository"
    moved.parent.mkdir()
    shutil.move(url, moved)
    with set_options(virtual_prefixes=(str(files[0].parent),)):
        sst = storage.open_dataset(moved, chunks={"time": 4}).sst
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster),
        storage.counted_reads() as reads,
    ):
        assert same(sst.compute(), each_alone(files, "sst"))
    assert sum(read.key.startswith("maps/sst/c/") for read in reads.counts) == 3 * STEPS
