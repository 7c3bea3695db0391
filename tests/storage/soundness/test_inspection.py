"""Reports on one file and on many."""

import json
import os
import pickle
import runpy
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from oceandata.errors import NotFoundError, UnsoundFileError
from oceandata.storage.soundness import inspect_file, inspect_paths
from oceandata.storage.soundness.header import Finding, fault

CORPUS = runpy.run_path(str(Path(__file__).with_name("corpus.py")))
FAULTS, write_clean3, write_clean4 = CORPUS["FAULTS"], CORPUS["write_clean3"], CORPUS["write_clean4"]


@pytest.mark.parametrize(("write", "form"), [(write_clean3, "netCDF-3 classic"), (write_clean4, "netCDF-4/HDF5")])
def test_both_readers_tell_the_same(write, form, tmp_path):
    report = inspect_file(write(tmp_path))
    assert report.file_format == form
    assert report.dimensions == {"time": 5, "lat": 4, "lon": 6}
    sst = report.variables["sst"]
    assert (sst.dimensions, sst.shape, sst.dtype) == (("time", "lat", "lon"), (5, 4, 6), "float32")
    assert (sst.units, sst.standard_name) == ("degC", "sea_surface_temperature")


def test_missing_path_and_plain_folder(tmp_path):
    with pytest.raises(NotFoundError, match="no file"):
        inspect_file(tmp_path / "absent.nc")
    with pytest.raises(UnsoundFileError, match="no Zarr store"):
        inspect_file(tmp_path)
    with pytest.raises(NotFoundError, match="no file or folder"):
        inspect_paths([tmp_path / "absent.nc"])


def test_broken_link_is_a_finding(tmp_path):
    (tmp_path / "link.nc").symlink_to(tmp_path / "absent.nc")
    assert inspect_file(tmp_path / "link.nc").findings[0].code == "unreadable"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_file_without_permission(tmp_path):
    path = write_clean3(tmp_path)
    path.chmod(0)
    assert inspect_file(path).findings[0].code == "no-permission"


def test_folder_is_walked_and_stores_are_not_entered(tmp_path):
    (tmp_path / "b").mkdir()
    write_clean3(tmp_path / "b", name="two.NC")
    write_clean4(tmp_path, name="one.nc4")
    (tmp_path / "notes.txt").write_text("no")
    CORPUS["CLEAN"]["zarr-3"](tmp_path)
    (tmp_path / "clean4.nc").unlink()
    seen = []
    reports = inspect_paths([tmp_path, tmp_path / "notes.txt"], on_done=seen.append)
    names = [Path(report.path).name for report in reports]
    assert names == ["two.NC", "clean3.zarr", "one.nc4", "notes.txt"]
    assert seen == reports
    assert [report.severity for report in reports] == ["", "", "", "error"]


def test_one_bad_file_does_not_stop_the_others(tmp_path):
    for name in ("html", "cut4-half", "header3"):
        FAULTS[name][0](tmp_path)
    write_clean3(tmp_path)
    reports = {Path(report.path).name: report.severity for report in inspect_paths([tmp_path])}
    assert reports["clean3.nc"] == ""
    assert sorted(set(reports.values())) == ["", "error"]


def test_report_is_json_and_pickles(tmp_path):
    path = FAULTS["file-name"][0](tmp_path)
    report = inspect_file(path, deep=True)
    text = json.dumps(report.to_json(), ensure_ascii=False).encode("utf-8")
    assert json.loads(text)["severity"] == "error"
    assert "海温.nc" in report.findings[0].message
    assert pickle.loads(pickle.dumps(report)) == report
    assert report.variables["sst"].shape == (5, 4, 6), "the content is inspected although the name is not UTF-8"


def test_findings_are_worst_first(tmp_path):
    def change(dataset):
        dataset["lon"][:] = [60, 120, 180, 240, 300, 380]
        dataset["sst"].units, dataset["sst"].scale_factor = "m", "none"

    findings = inspect_file(write_clean3(tmp_path, change)).findings
    assert [finding.severity for finding in findings] == ["error", "warning", "note"]


def test_repair_in_a_group_is_not_promised(tmp_path):
    def change(dataset):
        time = dataset.createGroup("inner").createVariable("start", "f8", ("time",))
        time.units = "months since 1990-01-01"
        time[:] = range(5)

    months = [one for one in inspect_file(write_clean4(tmp_path, change)).findings if one.code == "time-months-since"]
    assert months == [Finding("warning", "time-months-since", "inner/start:units", months[0].message, "")]


def test_fault_without_mend_for_its_repair_is_refused():
    with pytest.raises(ValueError, match="need both or none"):
        fault("error", "x", "", "Wrong.", repair="mended")


def test_memory_is_bounded_on_a_long_axis(tmp_path):
    def long(dataset):
        dataset.createDimension("obs", 20_000_000)
        where = dataset.createVariable("obs", "f8", ("obs",), fill_value=False)
        where[-1] = 1.0

    path = write_clean3(tmp_path, long)
    tracemalloc.start()
    try:
        inspect_file(path, deep=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 120e6 < 20_000_000 * 8


def test_sample_reaches_the_last_chunk(tmp_path):
    def last(dataset):
        dataset.createDimension("n", 100)
        salt = dataset.createVariable("salt", "f4", ("n",), zlib=True, chunksizes=(10,), fill_value=False)
        salt[:] = np.where(np.arange(100) < 95, 35, 1e20)

    assert [one.code for one in inspect_file(write_clean4(tmp_path, last), deep=True).findings] == ["fill-missing"]


def test_chunk_too_large_for_memory_is_an_error_and_an_empty_giant_a_warning(tmp_path):
    assert inspect_file(FAULTS["bomb"][0](tmp_path)).severity == "error"
    assert inspect_file(FAULTS["giant"][0](tmp_path)).severity == "warning"
