"""What is there, by its bytes."""

import os
import zipfile
from pathlib import Path

import netCDF4
import pytest

from oceandata.catalog.scan.walking import Place, Reject, ends_digest, walk
from oceandata.errors import NotFoundError


def _found(*roots: Path) -> dict[str, str]:
    return {Path(one.path).name: one.kind if isinstance(one, Place) else one.code for one in walk(roots)}


def test_names_do_not_matter_bytes_do(tmp_path: Path) -> None:
    for name, form in (("a.txt", "NETCDF3_CLASSIC"), ("b", "NETCDF4")):
        with netCDF4.Dataset(tmp_path / name, "w", format=form) as ds:
            ds.createDimension("x", 1)
    (tmp_path / "c.nc").write_text("words", encoding="utf-8")
    (tmp_path / "d.nc").write_bytes(b"")
    assert _found(tmp_path) == {"a.txt": "netcdf", "b": "netcdf", "c.nc": "not-netcdf-text", "d.nc": "not-netcdf-empty"}


def test_stores_are_one_place(tmp_path: Path) -> None:
    for folder, name in (("v3", "zarr.json"), ("v2", ".zgroup"), ("old", ".zmetadata")):
        (tmp_path / folder / "sst").mkdir(parents=True)
        (tmp_path / folder / name).write_text("{}", encoding="utf-8")
        (tmp_path / folder / "sst" / "0.0").write_bytes(b"x")
    for folder in ("repo/refs", "repo/snapshots", "gone.zarr/sst", ".hidden", "plain/refs"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "plain" / "refs" / "x.txt").write_text("words", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "plain")
    assert _found(tmp_path) == {
        "v3": "zarr",
        "v2": "zarr",
        "old": "zarr",
        "repo": "icechunk",
        "gone.zarr": "metadata-missing",
        ".hidden": "hidden",
        "link": "link",
        "x.txt": "not-netcdf-text",
    }


def test_a_zarr_store_in_an_archive_is_named(tmp_path: Path) -> None:
    for name, member in (("a.zip", "sst.zarr/.zgroup"), ("b.zip", "readme")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(member, "{}")
    assert _found(tmp_path) == {"a.zip": "zipped-zarr", "b.zip": "not-netcdf-zip"}


def test_names_that_cannot_be_written_down(tmp_path: Path) -> None:
    (tmp_path / "{x}.nc").write_bytes(b"CDF\x01")
    odd = os.fsencode(tmp_path) + b"/\xb5.nc"
    try:
        Path(os.fsdecode(odd)).write_bytes(b"CDF\x01")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    codes = {one.path.removeprefix(f"{tmp_path}/"): one.code for one in walk([tmp_path]) if isinstance(one, Reject)}
    assert codes == {"{x}.nc": "name-braces", "\\xb5.nc": "name-not-utf8"}


def test_each_place_once_and_in_order(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").write_text("words", encoding="utf-8")
    paths = [one.path for one in walk([tmp_path / "b", tmp_path, tmp_path / "a" / "x.txt"])]
    assert [path.removeprefix(f"{tmp_path.resolve()}/") for path in paths] == ["b/x.txt", "a/x.txt"]
    assert [one.path for one in walk([tmp_path], ignored=[tmp_path.resolve() / "a" / "x.txt"])] == [paths[0]]
    with pytest.raises(NotFoundError, match="there is no file or folder"):
        list(walk([tmp_path / "c"]))


def test_copies_have_one_digest(tmp_path: Path) -> None:
    for name, content in (("a", b"x" * 9000), ("b", b"x" * 9000), ("c", b"x" * 9001), ("d", b"x" * 8999 + b"y")):
        (tmp_path / name).write_bytes(content)
    digests = [ends_digest(str(tmp_path / name)) for name in "abcd"]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3
