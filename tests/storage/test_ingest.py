"""Ingest: what comes out is what went in, and a killed one ends where an undisturbed one does."""

import base64
import os
import random
import struct
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import cftime
import netCDF4
import numpy as np
import pytest
import xarray as xr
import zarr

from oceandata.errors import InputError, NotFoundError, RepositoryExistsError, SchemaMismatch, UnsoundFileError
from oceandata.storage import abandon_ingest, describe_revision, ingest, open_repository, plan_ingest, write_repository
from oceandata.storage.manifests import with_split_manifests
from oceandata.storage.stores import open_store

GROUP = "maps"


def _stored(url: Any, group: str = GROUP) -> zarr.Group:
    return zarr.open_group(open_store(url, group=group), path=group, mode="r")


def _attribute(value: Any) -> Any:
    """Attribute of a file in the JSON types it is stored as."""
    value = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


def _check_lossless(path: Path, url: Any, group: str = GROUP) -> None:
    """Every raw number and every attribute of a file, against netCDF4 with nothing decoded."""
    stored = _stored(url, group)
    with netCDF4.Dataset(path) as ds:
        ds.set_auto_maskandscale(False)
        assert {name: _attribute(ds.getncattr(name)) for name in ds.ncattrs()} == dict(stored.attrs)
        assert set(ds.variables) == set(stored.array_keys())
        times = (
            {name for name in ds.variables if name == "time" or name == getattr(ds["time"], "bounds", "")}
            if ("time" in ds.variables)
            else set()
        )
        for name, variable in ds.variables.items():
            array = stored[name]
            assert (array.metadata.dimension_names or ()) == variable.dimensions
            if name in times:
                _check_times(ds, name, array)
                continue
            raw = variable[...]
            assert array.dtype == raw.dtype.newbyteorder("="), name
            assert np.array_equal(array[...], np.asarray(raw), equal_nan=raw.dtype.kind == "f"), name
            attributes = dict(array.attrs)
            if "_FillValue" in attributes and raw.dtype.kind == "f":
                attributes["_FillValue"] = struct.unpack("<d", base64.b64decode(attributes["_FillValue"]))[0]
            expected = {key: _attribute(variable.getncattr(key)) for key in variable.ncattrs()}
            assert attributes.keys() == expected.keys()
            assert all(attributes[key] == one or attributes[key] != attributes[key] for key, one in expected.items())


def _check_times(ds: netCDF4.Dataset, name: str, array: Any) -> None:
    """Rewritten times mean the same instants in the same calendar."""
    axis = ds["time"]
    calendar = getattr(axis, "calendar", "standard")
    before = cftime.num2date(ds[name][...], axis.units, calendar)
    after = cftime.num2date(array[...], "seconds since 1970-01-01", calendar)
    assert array.dtype == np.int64
    assert abs(np.vectorize(lambda gap: gap.total_seconds())(before - after)).max() <= 0.5


def test_the_real_file_is_stored_without_loss(ostia_revision, ostia_file):
    _check_lossless(ostia_file, ostia_revision.url)


def test_the_real_file_decodes_to_the_same(ostia_revision, ostia_file):
    with (
        xr.open_dataset(ostia_file) as before,
        xr.open_dataset(open_store(ostia_revision.url), engine="zarr", group=GROUP, consolidated=False) as after,
    ):
        xr.testing.assert_equal(before["surface_temperature"].drop_attrs(), after["surface_temperature"].drop_attrs())
        assert before.attrs == after.attrs


def test_many_files_in_any_order_have_the_root_of_one(ostia_parts, ostia_revision, tmp_path):
    rng = random.Random(7)
    for number in range(3):
        paths = rng.sample(ostia_parts, 6)
        summary = write_repository(plan_ingest(paths, tmp_path / str(number), chunk_bytes=100_000))
        assert summary.content_root == ostia_revision.content_root
        assert [source.name for source in summary.sources] == [part.name for part in ostia_parts]


@pytest.mark.parametrize("access", ["maps", "series", "balanced"])
def test_each_access_holds_the_same_numbers(ostia_file, tmp_path, access):
    plan = plan_ingest([ostia_file], tmp_path / "r", access=access, chunk_bytes=60_000)
    summary = write_repository(plan)
    assert (summary.group, summary.access) == (access, access)
    _check_lossless(ostia_file, tmp_path / "r", access)


@pytest.mark.parametrize("step_bytes", [1, 150_000, 10**9])
def test_the_root_does_not_depend_on_the_steps(ostia_file, ostia_revision, tmp_path, monkeypatch, step_bytes):
    monkeypatch.setattr(ingest, "_STEP_BYTES", step_bytes)
    monkeypatch.setattr(ingest, "_COMMIT_BYTES", step_bytes)
    seen = []
    plan = plan_ingest([ostia_file], tmp_path / "r", chunk_bytes=100_000)
    summary = write_repository(plan, on_progress=lambda done, total: seen.append((done, total)))
    assert summary.content_root == ostia_revision.content_root
    assert seen[-1] == (plan.decoded_bytes, plan.decoded_bytes)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len(seen) == len(plan.steps)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", ">i2", "i4", "i8", "u8", "f4", "f8", ">f4"])
def test_every_type_is_stored_as_it_is(ocean_file, tmp_path, dtype):
    limits = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else np.finfo(dtype)
    values = np.random.default_rng(1).integers(0, 100, (4, 3, 5)).astype(dtype)
    values.flat[:3] = limits.min, limits.max, 0
    path = ocean_file("a.nc", dtype=dtype, values=values)
    write_repository(plan_ingest([path], tmp_path / "r", chunk_bytes=40))
    _check_lossless(path, tmp_path / "r")


@pytest.mark.parametrize(
    ("dtype", "fill"),
    [
        ("i2", -32768),
        ("i8", -9223372036854775806),
        ("u8", 18446744073709551614),
        ("f4", 1e20),
        ("f8", np.nan),
        ("f4", 0),
    ],
)
def test_packed_and_missing_values_stay_what_they_are(ocean_file, tmp_path, dtype, fill):
    values = np.full((4, 3, 5), fill, dtype)
    values[1, 1, 1] = 5
    path = ocean_file("a.nc", dtype=dtype, fill=np.dtype(dtype).type(fill), values=values, scale_factor=0.25)
    write_repository(plan_ingest([path], tmp_path / "r", chunk_bytes=15 * np.dtype(dtype).itemsize))
    _check_lossless(path, tmp_path / "r")
    with (
        xr.open_dataset(path) as before,
        xr.open_dataset(open_store(tmp_path / "r"), engine="zarr", group=GROUP, consolidated=False) as after,
    ):
        assert np.array_equal(before["sst"], after["sst"], equal_nan=True)
        assert int(after["sst"].notnull().sum()) == 1


@pytest.mark.parametrize("missing", [np.float32("nan"), 1e20, 1.5])
def test_a_missing_value_that_the_type_cannot_hold_hides_nothing(ocean_file, tmp_path, missing):
    path = ocean_file("a.nc", dtype="i2", values=np.zeros((4, 3, 5), "i2"), missing_value=missing)
    plan = plan_ingest([path], tmp_path / "r")
    assert next(array for array in plan.arrays if array.name == "sst").fill_value is None
    write_repository(plan)
    assert np.array_equal(_stored(tmp_path / "r")["sst"][...], np.zeros((4, 3, 5)))


def test_negative_zero_is_kept(ocean_file, tmp_path):
    path = ocean_file("a.nc", fill=np.float32(0), values=np.full((4, 3, 5), -0.0))
    write_repository(plan_ingest([path], tmp_path / "r"))
    assert np.signbit(_stored(tmp_path / "r")["sst"][...]).all()


REAL = {
    "packed": "oisst/oisst-avhrr-v02r01.20211025.nc",
    "no time axis": "ferret-datasets/levitus_climatology.cdf",
    "noleap, after 2262": "mini-esgf-data/**/zostoga_Omon_bcc-csm1-1_*_210001-230012.nc",
    "360_day, time bounds": "mini-esgf-data/**/zostoga_Omon_HadGEM2-ES_*_222203-229912.nc",
    "curvilinear": "mini-esgf-data/**/tos_Omon_FGOALS-f3-L_*.nc",
}


@pytest.mark.parametrize("pattern", REAL.values(), ids=REAL.keys())
def test_real_files_are_stored_without_loss(shared_data, tmp_path, pattern):
    (path,) = shared_data.glob(pattern)
    write_repository(plan_ingest([path], tmp_path / "r"))
    _check_lossless(path, tmp_path / "r")


def test_33_real_slices_with_a_text_coordinate(shared_data, tmp_path):
    paths = sorted(shared_data.glob("mini-esgf-data/**/siconc_SImon_MPI-ESM1-2-HR_*.nc"))
    assert len(paths) == 33
    summary = write_repository(plan_ingest(paths[::-1], tmp_path / "r", variables=["siconc"]))
    stored = _stored(tmp_path / "r")
    step = 0
    for path in paths:
        with netCDF4.Dataset(path) as ds:
            ds.set_auto_maskandscale(False)
            raw = ds["siconc"][...]
        assert np.array_equal(stored["siconc"][step : step + len(raw)], raw)
        step += len(raw)
    assert summary.variables["siconc"].shape[0] == step


def test_a_plan_writes_nothing_and_is_json(ocean_file, tmp_path):
    import json

    plan = plan_ingest([ocean_file("a.nc")], tmp_path / "r")
    assert json.loads(json.dumps(plan.to_json()))["job"] == plan.job
    assert [path.name for path in tmp_path.iterdir()] == ["a.nc"]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"paths": ["none.nc"]}, NotFoundError),
        ({"paths": ["page.nc"]}, UnsoundFileError),
        ({"variables": ["tos"]}, NotFoundError),
        ({"access": "rows"}, InputError),
        ({"chunk_bytes": 0}, InputError),
        ({"paths": ["a.nc", "a.nc"]}, SchemaMismatch),
    ],
)
def test_a_refused_ingest_leaves_nothing_behind(ocean_file, tmp_path, wrong, error):
    ocean_file("a.nc")
    (tmp_path / "page.nc").write_text("<html>sign in</html>")
    paths = [tmp_path / name for name in wrong.pop("paths", ["a.nc"])]
    before = sorted(tmp_path.iterdir())
    with pytest.raises(error):
        write_repository(plan_ingest(paths, tmp_path / "r", **wrong))
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("revision", ["", "a/b", "../x", " r1"])
def test_a_revision_that_is_no_tag_is_refused_before_anything_is_written(ocean_file, tmp_path, revision):
    with pytest.raises(InputError, match="revision is"):
        write_repository(plan_ingest([ocean_file("a.nc")], tmp_path / "r"), revision=revision)
    assert not (tmp_path / "r").exists()


def test_a_place_that_is_taken_is_left_alone(ocean_file, tmp_path):
    plan = plan_ingest([ocean_file("a.nc")], tmp_path / "r")
    write_repository(plan)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("mine")
    other = ocean_file("b.nc")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    for place in ("r", "folder"):
        with pytest.raises(RepositoryExistsError, match="holds"):
            write_repository(plan_ingest([other], tmp_path / place))
    with pytest.raises(RepositoryExistsError, match="holds a dataset already"):
        write_repository(plan)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("change", ["touched", "rewritten", "gone"])
def test_a_file_that_changes_meanwhile_is_not_published(ocean_file, tmp_path, change):
    path = ocean_file("a.nc")
    plan = plan_ingest([path], tmp_path / "r")

    def disturb(done: int, total: int) -> None:
        if done != total:
            return
        if change == "touched":
            os.utime(path, ns=(1, 1))
        elif change == "rewritten":
            ocean_file("a.nc", lat=(1, 2))
        else:
            path.unlink()

    with pytest.raises(InputError, match="nothing was published"):
        write_repository(plan, on_progress=disturb)
    with pytest.raises(NotFoundError, match="no published revision"):
        describe_revision(tmp_path / "r")
    assert list(open_repository(tmp_path / "r").list_tags()) == []


class _Stopped(Exception):
    """Stands for the end of the process."""


def _stop_at(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """End the next ingest just before a call of the repository."""

    class Repository:
        def __init__(self, repository: Any) -> None:
            self.repository = repository

        def __getattr__(self, wanted: str) -> Any:
            if wanted == name:
                raise _Stopped
            return getattr(self.repository, wanted)

    monkeypatch.setattr(ingest, "with_split_manifests", lambda *given: Repository(with_split_manifests(*given)))


@pytest.mark.parametrize("call", ["writable_session", "create_tag", "reset_branch", "delete_branch"])
@pytest.mark.parametrize("abandoned", [False, True])
def test_stopped_between_any_two_acts_of_publishing(ocean_file, tmp_path, monkeypatch, call, abandoned):
    plan = plan_ingest([ocean_file("a.nc")], tmp_path / "r")
    root = write_repository(plan_ingest([tmp_path / "a.nc"], tmp_path / "undisturbed")).content_root
    _stop_at(monkeypatch, call)
    with pytest.raises(_Stopped):
        write_repository(plan)
    monkeypatch.undo()
    tagged = call in ("reset_branch", "delete_branch")
    if abandoned:
        assert bool(abandon_ingest(tmp_path / "r")) != tagged
        if tagged:
            assert describe_revision(tmp_path / "r").content_root == root
            return
    summary = write_repository(plan, revision="r1" if tagged else "r2")
    assert (summary.content_root, summary.revision) == (root, "r1" if tagged else "r2")
    assert describe_revision(tmp_path / "r") == summary
    assert list(open_repository(tmp_path / "r").list_branches()) == ["main"]


def _unfinished(plan: Any) -> None:
    """An ingest that is ended after its last step, before it is published."""

    def stop(done: int, total: int) -> None:
        if done == total:
            raise _Stopped

    with pytest.raises(_Stopped):
        write_repository(plan, on_progress=stop)


def test_other_files_onto_an_unfinished_ingest_are_refused_until_it_is_abandoned(ocean_file, tmp_path, monkeypatch):
    url = tmp_path / "r"
    plan = plan_ingest([ocean_file("a.nc")], url)
    other = plan_ingest([ocean_file("b.nc", values=np.ones((4, 3, 5)))], url)
    _unfinished(plan)
    for changed in (other, plan_ingest([tmp_path / "a.nc"], url, chunk_bytes=40)):
        with pytest.raises(RepositoryExistsError, match="unfinished ingest of other files"):
            write_repository(changed)
    monkeypatch.setattr(ingest, "_STEP_BYTES", 1)
    with pytest.raises(RepositoryExistsError, match="other files or settings"):
        write_repository(plan)
    monkeypatch.undo()
    assert len(abandon_ingest(url)) == 1
    assert abandon_ingest(url) == []
    write_repository(other)
    assert (_stored(url)["sst"][...] == 1).all()


DRIVER = """
    import sys
    from oceandata.storage import ingest
    ingest._STEP_BYTES, ingest._COMMIT_BYTES = 20_000, 60_000
    plan = ingest.plan_ingest([sys.argv[1]], sys.argv[2], chunk_bytes=20_000)
    print("ready", len(plan.steps), flush=True)
    print(ingest.write_repository(plan, on_progress=lambda *seen: print("step", flush=True)).content_root, flush=True)
"""


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.hard) for seed in range(2, 10))])
def test_killed_at_random_moments_it_ends_like_an_undisturbed_run(ocean_file, tmp_path, seed):
    rng = random.Random(seed)
    shape = (60, 40, 5)
    values = np.random.default_rng(seed).integers(0, 5, shape)
    path = ocean_file("a.nc", times=list(range(60)), lat=tuple(range(40)), values=values, dtype="f8", fill=-9.0)
    undisturbed = write_repository(plan_ingest([path], tmp_path / "undisturbed", chunk_bytes=20_000))
    url = tmp_path / "r"
    command = [sys.executable, "-c", textwrap.dedent(DRIVER), str(path), str(url)]
    killed = 0
    for _ in range(2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
            steps = int(driver.stdout.readline().split()[1])
            for _ in range(rng.randrange(steps + 1)):
                driver.stdout.readline()
            time.sleep(rng.uniform(0, 0.02))
            driver.kill()
        killed += driver.returncode == -9
        if url.exists():
            tags = list(open_repository(url).list_tags())
            if not tags:
                with pytest.raises(NotFoundError, match="no published revision"):
                    describe_revision(url)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if "holds a dataset already" not in done.stderr:
        assert done.returncode == 0, done.stderr
    assert killed, "the driver was never killed"
    summary = describe_revision(url)
    assert summary.content_root == undisturbed.content_root
    assert list(open_repository(url).list_branches()) == ["main"]
    _check_lossless(path, url)
