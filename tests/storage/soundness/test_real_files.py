"""Every real netCDF file: no crash, a named fault wherever a default open fails, and repairs that work."""

import re
import time
import warnings

import pytest
import xarray

from oceandata.storage.soundness import inspect_paths, open_sound

LIMIT_S = 60


@pytest.fixture(scope="module")
def listed(shared_data):
    """Path of each listed file, and whether opening it with xarray's defaults fails."""
    listed = {}
    for line in (shared_data / "OPENCHECK.txt").read_text().splitlines():
        match = re.match(r"\s*[\d.]+MB\s+\S+\s+(.*?)\s+\| ?(.*)", line)
        listed[str(shared_data / match[1])] = match[2].startswith("XRERR")
    return listed


@pytest.fixture(scope="module")
def reports(listed):
    began = time.process_time()  # of this process, so that other work on the computer does not count
    shallow = inspect_paths(listed)
    deep = inspect_paths(listed, deep=True)
    assert time.process_time() - began < LIMIT_S
    return shallow, deep


def test_no_inspection_breaks_down(reports, listed):
    for some in reports:
        assert len(some) == len(listed) > 600
        assert [report.path for report in some if any(one.code == "unreadable" for one in report.findings)] == []


def test_every_file_that_fails_to_open_has_a_named_error(reports, listed):
    silent = [report.path for report in reports[0] if listed[report.path] and report.severity != "error"]
    assert silent == []
    assert sum(listed.values()) == 42


def test_files_that_open_have_no_error(reports, listed):
    wrong = {report.path: report.findings[0].code for report in reports[0] if report.severity == "error"}
    extra = {path.rpartition("/")[2]: code for path, code in wrong.items() if not listed[path]}
    assert extra == {"bad_data_type.nc": "scale-text"}  # add_offset is the text "c": opens, but fails when read


def test_missing_units_are_told_where_they_matter(reports):
    found = {"time-units-missing": {}, "units-missing": {}}
    for report in reports[0]:
        for one in report.findings:
            if one.code in found:
                found[one.code][report.path.rpartition("/")[2]] = one
    times, others = ({name for name in some if "GLOBCURRENT" not in name} for some in found.values())
    assert times == {
        "a1478.nc",
        "bad_data_type.nc",
        "bad_missing_data.nc",
        "bad_region.nc",
        "err600_upcase.nc",
        "lowercaseTime.nc",
        "modulo_lon_time.nc",
    }
    assert others == {"barents.nc", "sst_ndjfm_anom.nc"}
    drifting = [name for name in found["units-missing"] if "GLOBCURRENT" in name]
    assert len(drifting) == 59
    for name in drifting:
        assert (
            "'time' has no attribute units; its attribute Unit = 'days since"
            in found["time-units-missing"][name].message
        )
        assert "'eastward_eulerian_current_velocity' (Unit = 'm s-1')" in found["units-missing"][name].message


def test_deep_finds_all_that_the_header_shows(reports):
    for shallow, deep in zip(*reports, strict=True):
        assert set(shallow.findings) <= set(deep.findings), shallow.path


def test_repaired_files_open_and_decode(reports):
    repaired = [report for report in reports[0] if any(one.repair for one in report.findings)]
    openable = [one for one in repaired if all(f.repair for f in one.findings if f.severity == "error")]
    assert len(openable) >= 41
    for report in openable:
        with open_sound(report.path) as dataset, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of xarray, on what it decodes
            xarray.decode_cf(dataset)
            assert "oceandata open_sound" in dataset.attrs["history"], report.path
