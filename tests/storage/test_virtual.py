"""Virtual references to real archives: equal to what xarray reads, written at once, resumable."""

import json
import os

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

from oceandata import storage
from oceandata.errors import CorruptionError, InputError, NotFoundError
from oceandata.storage import plan_virtual, verify_revision, virtual_arrays, write_virtual
from oceandata.storage.stores import open_repository
from tests.storage.virtual_files import (
    each_alone,
    fixture_allowed,
    fixture_archive,
    fixture_extra,
    fixture_series,
    same,
    write,
)

__all__ = [
    "fixture_allowed",
    "fixture_archive",
    "fixture_extra",
    "fixture_series",
]  # fixtures

pytestmark = [
    # the chunks of netCDF-4 files are compressed as HDF5 does it, which Zarr finds worth a warning each time
    pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr:zarr.errors.ZarrUserWarning"),
    pytest.mark.filterwarnings("ignore:Variable.s. referenced in cell_measures:UserWarning"),
]


def test_daily_files_with_records_equal_xarray(allowed, tmp_path):
    files = sorted((allowed / "parcels-data" / "GlobCurrent_example_data").glob("*.nc"))
    url = tmp_path / "currents"
    summary = write(files, url)
    assert len(summary.sources) == 59
    ds = storage.open_dataset(url)
    for name in ("eastward_eulerian_current_velocity", "northward_eulerian_current_velocity"):
        need = each_alone(files, name)
        assert need.shape == (59, 41, 81)
        assert same(ds[name], need)
    assert verify_revision(url).is_sound
    copied = sum(file.stat().st_size for file in (url / "chunks").iterdir())
    assert copied < 0.05 * sum(file.stat().st_size for file in files)


@pytest.mark.usefixtures("extra")
def test_sea_ice_in_33_files(allowed, tmp_path):
    pattern = "mini-esgf-data/badc/cmip6/data/CMIP6/CMIP/MPI-M/**/SImon/siconc/**/*.nc"
    files = sorted(allowed.glob(pattern))
    assert len(files) == 33
    url = tmp_path / "ice"
    summary = write(files, url, variables=["siconc"])
    need = each_alone(files, "siconc")
    ds = storage.open_dataset(url)
    assert same(ds.siconc, need)
    assert np.isfinite(need).any()
    assert ds.time.size == 1980
    assert summary.variables["siconc"].units == "%"
    with storage.counted_reads() as reads:
        storage.open_dataset(url).siconc.isel(time=slice(100, 103)).compute()
    keys = {read.key for read in reads.counts if read.key.startswith("maps/siconc/c/")}
    assert keys == {f"maps/siconc/c/{step}/0/0" for step in (100, 101, 102)}


class _Killed(Exception):
    pass


def test_a_killed_run_continues_with_the_same_root(archive, tmp_path, monkeypatch):
    from oceandata.storage import ingest

    whole, files = archive
    url = tmp_path / "again"
    monkeypatch.setattr(ingest, "_COMMIT_BYTES", 1)
    plan = plan_virtual(files, url)
    seen: list[int] = []

    def stop(done: int, total: int) -> None:
        seen.append(done)
        if len(seen) == len(plan.steps) - 1:
            raise _Killed

    with pytest.raises(_Killed):
        write_virtual(plan, on_progress=stop)
    with pytest.raises(NotFoundError):
        storage.describe_revision(url)
    rest: list[int] = []
    summary = write_virtual(plan_virtual(files, url), on_progress=lambda done, _: rest.append(done))
    assert len(rest) < len(plan.steps)
    assert summary.content_root == storage.describe_revision(whole).content_root
    assert same(storage.open_dataset(url).sst, each_alone(files, "sst"))


def test_a_file_that_changes_before_it_is_published(archive, tmp_path):
    _, files = archive
    plan = plan_virtual(files, tmp_path / "again")
    os.utime(files[2])
    with pytest.raises(InputError, match=r"2\.nc changed while it was ingested"):
        write_virtual(plan)
    with pytest.raises(NotFoundError):
        storage.describe_revision(tmp_path / "again")


def test_references_that_decode_to_other_numbers_are_not_published(archive, tmp_path, monkeypatch):
    _, files = archive
    read = virtual_arrays.read_stored

    def shifted(path, names):
        found = read(path, names)
        found["sst"].places[:, -2] -= 4
        return found

    monkeypatch.setattr(virtual_arrays, "read_stored", shifted)
    with pytest.raises(CorruptionError, match="decodes to other numbers through its reference"):
        write(files, tmp_path / "again")
    assert not open_repository(tmp_path / "again").list_tags()


def test_values_and_leaves_are_those_of_an_ingest_where_both_store_them(archive, tmp_path):
    url, files = archive
    copied = tmp_path / "copied"
    storage.write_repository(storage.plan_ingest(files, copied))
    one, two = storage.open_dataset(url), storage.open_dataset(copied)
    xr.testing.assert_identical(one.compute(), two.compute())


def test_command(archive, tmp_path):
    from oceandata.cli.files import ingest, verify

    _, files = archive
    url = tmp_path / "by-command"
    given = [*map(str, files), "--into", str(url), "--virtual"]
    planned = CliRunner().invoke(ingest, [*given, "--dry-run"])
    assert planned.exit_code == 0, planned.output
    assert "would refer to" in planned.output
    assert "readers must allow" in planned.output
    assert not url.exists()
    refused = CliRunner().invoke(ingest, [*given, "--chunk-bytes", "1000"])
    assert refused.exit_code == 2
    assert "--virtual keeps the chunks of the files" in refused.output
    done = CliRunner().invoke(ingest, [*given, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["variables"] == "sst"
    files[0].unlink()
    checked = CliRunner().invoke(verify, [str(url)])
    assert checked.exit_code == 1
    assert f"damaged: {files[0]}: is gone" in checked.output
