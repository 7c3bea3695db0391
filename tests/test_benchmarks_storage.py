"""The storage benchmarks on small inputs: both sides agree, limits are judged, repositories of references are real."""

import json
import sys
from pathlib import Path

import icechunk
import numpy as np
import pytest
import xarray as xr

from benchmarks import alone, full_read, ingest, moving, references, soundness, storage
from benchmarks.agreement import check_means
from benchmarks.limits import Limits, Runs, Trial, run_trial
from benchmarks.report import row_from_runs, table, write_row
from benchmarks.work import Program
from oceandata import storage as library
from oceandata.errors import OceanDataError
from oceandata.options import set_options

# xarray writes consolidated metadata by default, and Zarr says that the format does not know them yet.
pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata:zarr.errors.ZarrUserWarning")

# It stays for as many samples of its memory as a slow machine needs to take one.
STAYING = "import time; time.sleep(0.5); "
TOLD = STAYING + 'print(\'words\'); print(\'{"cpu_s": 1, "wall_s": 2, "before_mb": 0.5, "found": "3 files"}\')'


def trial(code: str = TOLD, limits: Limits | None = None) -> Trial:
    return Trial(
        "name", "text", Program("ours", (sys.executable, "-c", code)), limits or Limits(), prepare=lambda: None
    )


def runs(**changes: float) -> Runs:
    keys = ("cpu_s", "wall_s", "peak_mb", "call_cpu_s", "call_wall_s", "growth_mb")
    first = dict.fromkeys(keys, 1.0)
    return Runs([first, first, first | changes], "3 files", "ours 1", 0.25)


@pytest.fixture(scope="module")
def years(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """45 maps in three files, whose joints are no ends of chunks."""
    folder = tmp_path_factory.mktemp("years") / "files"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moving, "_YEAR", 20)
        moving.write_years(folder, 45)
    return folder


@pytest.fixture(scope="module")
def both(years: Path) -> dict[str, Path]:
    """What both sides of the row "ingest" write."""
    outs = {side: years.parent / side for side in ("ours", "peer")}
    for side, out in outs.items():
        ingest.main(side, str(years), str(out))
    return outs


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Repository of 2000 references."""
    place = tmp_path_factory.mktemp("references") / "repository"
    references.write_references(place, 20)
    return place


def test_both_ingests_write_the_values_of_the_files(years: Path, both: dict[str, Path]) -> None:
    assert [path.name for path in sorted(years.iterdir())] == ["000.nc", "001.nc", "002.nc"]
    assert storage.check_equal(both["ours"], both["peer"]) == "equal"
    stored = library.open_dataset(both["ours"])["sst"]
    with xr.open_mfdataset(sorted(years.glob("*.nc"))) as ds:
        np.testing.assert_array_equal(stored.to_numpy(), ds["sst"].to_numpy())
    assert 0.3 < np.isnan(stored[0].to_numpy()).mean() < 0.34


def test_both_sides_store_alike(both: dict[str, Path]) -> None:
    ours = json.loads(_document(both["ours"], "maps/sst"))
    peer = json.loads((both["peer"] / "sst" / "zarr.json").read_bytes())
    for key in ("chunk_grid", "codecs", "data_type", "shape"):
        assert ours[key] == peer[key], key


def _document(repository: Path, name: str) -> bytes:
    from zarr.core.buffer import default_buffer_prototype
    from zarr.core.sync import sync

    found = sync(library.open_store(repository).get(f"{name}/zarr.json", default_buffer_prototype()))
    assert found is not None
    return found.to_bytes()


def test_ingests_that_differ_are_an_error(both: dict[str, Path], tmp_path: Path) -> None:
    with xr.open_zarr(both["peer"]) as ds:
        changed = ds.load()
    changed["sst"][39, 90, np.flatnonzero(~np.isnan(changed["sst"][39, 90]))[0]] += 0.01
    for array in changed.variables.values():
        array.encoding = {}
    changed.to_zarr(tmp_path / "changed")
    with pytest.raises(OceanDataError, match="values of 'sst' differ"):
        storage.check_equal(both["ours"], tmp_path / "changed")
    changed.isel(time=slice(30)).to_zarr(tmp_path / "short")
    with pytest.raises(OceanDataError, match="different datasets"):
        storage.check_equal(both["ours"], tmp_path / "short")


def test_all_readers_take_the_mean_of_everything(
    both: dict[str, Path], years: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outs = {side: tmp_path / f"{side}.npy" for side in ("ours", "defaults", "peer")}
    for side, out in outs.items():
        full_read.main(side, str(both["peer" if side == "peer" else "ours"]), str(out), "2")
        assert set(json.loads(capsys.readouterr().out)) == {"cpu_s", "wall_s"}
    assert check_means(outs["ours"], outs["peer"]).endswith(" K")
    assert check_means(outs["defaults"], outs["peer"]).endswith(" K")
    with xr.open_mfdataset(sorted(years.glob("*.nc"))) as ds:
        by_hand = np.nanmean(ds["sst"].to_numpy().astype("float64"))
    np.testing.assert_allclose(np.load(outs["ours"]), by_hand, rtol=0, atol=1e-12)


def test_memory_rows_write_and_leave_nothing(
    years: Path, both: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(years.parent.iterdir())
    alone.main("moving", "ingest_files", str(years))
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"cpu_s", "wall_s", "before_mb", "found"}
    assert told["found"] == "12 MB, 3 chunks"
    alone.main("moving", "rechunk", str(both["ours"]), "200000000")
    assert json.loads(capsys.readouterr().out)["found"].startswith("12 MB, ")
    assert sorted(years.parent.iterdir()) == before
    assert [one.revision for one in library.list_revisions(both["ours"])] == ["r1"]


def test_references_are_a_sound_repository_with_split_manifests(many: Path) -> None:
    with set_options(virtual_prefixes=(str(many.parent),)):
        report = library.verify_revision(many)
        values = library.open_dataset(many)["flags"].to_numpy()
    assert report.is_sound
    assert report.checked == report.chunks == 2003
    np.testing.assert_array_equal(values.reshape(20, 100), np.tile(np.arange(100), (20, 1)))
    splitting = library.open_repository(many).config.manifest.splitting
    of_flags = [sizes for condition, sizes in splitting.split_sizes if "^/maps/flags$" in str(condition)]
    assert str(of_flags) == str([[(icechunk.ManifestSplitDimCondition.Axis(0), 1000)]])  # they are never equal


@pytest.mark.parametrize(
    ("function", "found"),
    [
        ("open_step", "100 chunks read"),
        ("append_step", "revision r2 of 2,100 chunks"),
        ("verify_leaves", "2,003 leaves, 4 chunks read"),
        ("collect", "9 commits and "),
    ],
)
def test_work_on_references(many: Path, function: str, found: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_size for path in many.rglob("*") if path.is_file()}
    alone.main("references", function, str(many), *(["20"] if function != "collect" else []))
    assert json.loads(capsys.readouterr().out)["found"].startswith(found)
    assert {path: path.stat().st_size for path in many.rglob("*") if path.is_file()} == before


def test_references_that_are_not_right_fail_their_row(many: Path) -> None:
    with pytest.raises(ValueError, match="is not sound"), references.verify_leaves(str(many), "21") as call:
        call()


@pytest.mark.parametrize("depth", ["headers", "values"])
def test_inspection_of_a_dozen_kinds(depth: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundness.write_files(tmp_path / "files", 24)
    assert len({path.name.partition("-")[2] for path in (tmp_path / "files").iterdir()}) == 12
    alone.main("soundness", "inspect_all", str(tmp_path / "files"), depth)
    assert json.loads(capsys.readouterr().out)["found"] == "24 files, 8 with errors"
    (tmp_path / "files" / "00001-chunked.nc").write_bytes(b"")
    with (
        pytest.raises(ValueError, match=r"00001-chunked\.nc is found to be error"),
        soundness.inspect_all(str(tmp_path / "files"), depth) as call,
    ):
        call()


def test_trial_measures_program_and_call() -> None:
    taken = run_trial(trial(), 2)
    assert taken.found == "3 files"
    assert [(run["call_cpu_s"], run["call_wall_s"]) for run in taken.taken] == [(1.0, 2.0)] * 2
    for run in taken.taken:
        assert 0 < run["growth_mb"] == pytest.approx(run["peak_mb"] - 0.5)
        assert run["wall_s"] > 0


@pytest.mark.parametrize("code", ["pass", "print('{}')", 'print(\'{"cpu_s": 1, "wall_s": 2, "before_mb": 3}\')'])
def test_trial_that_tells_nothing_is_an_error(code: str) -> None:
    with pytest.raises(OceanDataError, match=r"need what benchmarks/alone\.py prints"):
        run_trial(trial(code), 1)


@pytest.mark.parametrize(
    ("limits", "met"),
    [
        (Limits(), None),
        (Limits(wall_s=1.0), True),  # the median counts
        (Limits(wall_s=0.9), False),
        (Limits(peak_mb=8.9), False),  # the largest counts
        (Limits(peak_mb=9.0), True),
        (Limits(wall_s=1.0, growth_mb=8.0), False),
    ],
)
def test_limits_are_kept_together(limits: Limits, met: bool | None) -> None:
    row = row_from_runs(trial(limits=limits), runs(call_wall_s=9.0, peak_mb=9.0, growth_mb=9.0))
    assert row["met"] is met
    json.dumps(row)


def test_rows_without_a_peer_have_their_own_table(tmp_path: Path) -> None:
    row = row_from_runs(trial(limits=Limits(wall_s=2, peak_mb=300)), runs(peak_mb=9.0))
    write_row(row, tmp_path / "area.json")
    write_row(row | {"work": "other", "met": None, "limits": dict.fromkeys(row["limits"])}, tmp_path / "area.json")
    head, _, *lines = table(tmp_path).splitlines()
    assert head.startswith("| work | wall s of the call |")
    assert len(lines) == 2
    assert lines[0].startswith("| name: text | 1.00 (1.00–1.00, limit 2) | 1.00 (1.00–1.00) | 1.00 (1.00–1.00) |")
    assert "| 1 (1–9, limit 300) | 1 (1–1) | yes | 3 files | 3 runs, " in lines[0]
    assert "| reported | 3 files |" in lines[1]


def test_inputs_are_made_once(years: Path, many: Path) -> None:
    before = {path: path.stat().st_mtime_ns for place in (years, many) for path in place.rglob("*")}
    moving.write_years(years, 45)
    references.write_references(many, 20)
    assert {path: path.stat().st_mtime_ns for place in (years, many) for path in place.rglob("*")} == before
