"""A scan of a thousand real files that nobody here wrote: each is in an entry that opens, or told with its reason."""

import re
from pathlib import Path

import pytest

from oceandata.catalog import open_catalog
from oceandata.catalog.scan import ScanReport, run_scan
from oceandata.entities import Entry

# Not openable without a repair that would be a guess, or nothing in it to open: with the code of the reason.
KNOWN = {
    "compliance-checker/bad_data_type.nc": "unsound",
    "compliance-checker/examples/lateral_search_example.nc": "no-variables",
    "compliance-checker/non-comp/badname.netcdf": "no-variables",
    "compliance-checker/trajectory.zarr": "metadata-missing",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def report(shared_data: Path, folder: Path) -> ScanReport:
    return run_scan([shared_data], folder / "catalog.yaml")


def test_every_file_is_in_an_entry_or_has_a_reason(report: ScanReport, shared_data: Path) -> None:
    top = shared_data.resolve()
    told = {reject.path for reject in report.rejects}
    for path in top.rglob("*"):
        if path.is_file():
            above = {str(path), *map(str, path.parents)}
            assert (str(path) in report.files) != bool(above & told), path
    assert all(reject.reason.endswith((".", ")")) for reject in report.rejects)


def test_every_openable_file_is_in_an_entry(report: ScanReport, shared_data: Path) -> None:
    """`OPENCHECK.txt` lists what NetCDF there is; what xarray cannot open by itself is mended, or told."""
    top = shared_data.resolve()
    lines = (shared_data / "OPENCHECK.txt").read_text(encoding="utf-8").splitlines()
    names = [match[1] for line in lines if (match := re.match(r"\s*[\d.]+MB\s+\S+\s+(.*?)\s+\|", line))]
    assert len(names) > 680
    reasons = {reject.path.removeprefix(f"{top}/"): reject.code for reject in report.rejects}
    left = {name: reasons[name] for name in names if str(top / name) not in report.files}
    assert left == {name: code for name, code in KNOWN.items() if name in names}
    assert reasons["marEx/sst_gridded.zarr.zip"] == "zipped-zarr"


def test_files_of_one_dataset_are_one_entry(report: ScanReport, shared_data: Path) -> None:
    counts = {
        entry.id: (len(asset.files), entry.extent.time_resolution)
        for entry in report.entries
        for asset in entry.assets.values()
        if asset.files
    }
    assert counts["siconc_simon_mpi_esm1_2_hr_historical_r1i1p1f1_gn"] == (33, "P1M")
    assert counts["siconc_simon_gfdl_esm4_historical_r1i1p1f1_gn"] == (2, "P1M")
    assert counts["zostoga_omon_hadgem2_es_rcp45_r1i1p1"] == (3, "P1M")
    assert counts["woa18_decav_04"] == (12, "P1M")
    assert counts["globcurrent_l4_cureul_hs_alt_sum_v02_0_fv01_0"] == (59, "")
    assert (counts["r13857"], counts["d2902696"], counts["r2901623"]) == ((140, ""), (51, ""), (30, ""))


@pytest.mark.filterwarnings("ignore:Duplicate dimension names present:UserWarning")
def test_every_entry_opens_as_it_is_described(report: ScanReport, folder: Path) -> None:
    catalog = open_catalog(folder / "catalog.yaml")
    assert sorted(catalog) == [entry.id for entry in report.entries]
    for name, entry in catalog.items():
        ds = catalog.open(name)
        assert ds.attrs["entry"] == name
        assert ds.attrs["license"] == entry.license
        for native, variable in entry.variables.items():
            assert (ds[native].dims, ds[native].shape) == (variable.dimensions, variable.shape), (name, native)
        numbers = (array for array in ds.data_vars.values() if array.dtype.kind in "fiu" and 0 < array.size < 10**6)
        array = next(numbers, None)
        if array is not None:
            array[(0,) * array.ndim].load()
        ds.close()


def test_a_rescan_reads_nothing_and_changes_nothing(report: ScanReport, shared_data: Path, folder: Path) -> None:
    before = {path: path.read_bytes() for path in (folder / "entries").iterdir()}
    again = run_scan([shared_data], folder / "catalog.yaml")
    assert (again.read, again.recalled) == (0, report.read)
    assert again.entries == report.entries
    assert (again.added, again.changed, again.into) == ((), (), "")
    assert {path: path.read_bytes() for path in (folder / "entries").iterdir()} == before


def test_what_is_proposed_is_told_with_its_reason(report: ScanReport) -> None:
    assert all(0 < one.confidence < 1 and one.reason for one in report.proposals)
    named = {(one.entry, one.variable, one.field): one for one in report.proposals}
    licences = [one.value for one in report.proposals if one.field == "license"]
    assert {"CC-BY-SA-4.0", "CC-BY-NC-SA-4.0"} <= set(licences)
    time_gap = [gap for gap in report.gaps if gap.entry.startswith("globcurrent")]
    assert "extent.time" in {gap.field for gap in time_gap}
    assert named


def test_entries_say_nothing_that_the_files_do_not(report: ScanReport) -> None:
    by_id: dict[str, Entry] = {entry.id: entry for entry in report.entries}
    ersst = by_id[next(name for path, name in report.files.items() if "/ersst/" in path)]
    assert ersst.extent.time is not None
    assert (f"{ersst.extent.time[0]:%Y-%m}", ersst.extent.time_resolution) == ("2010-01", "P1M")
    assert all(not variable.canonical_name for entry in by_id.values() for variable in entry.variables.values())
