"""Each fault of the generated corpus yields its code and nothing else; sound files yield nothing."""

import json
import runpy
import warnings
from pathlib import Path

import pytest
import xarray

from oceandata.errors import UnsoundFileError
from oceandata.storage.soundness import inspect_file, open_sound

CORPUS = runpy.run_path(str(Path(__file__).with_name("corpus.py")))
CLEAN, FAULTS, DEEP_FAULTS = CORPUS["CLEAN"], CORPUS["FAULTS"], CORPUS["DEEP_FAULTS"]
ALL = {name: (*case, False) for name, case in FAULTS.items()} | {
    name: (*case, True) for name, case in DEEP_FAULTS.items()
}


@pytest.mark.parametrize("name", ALL)
def test_fault_yields_exactly_its_code(name, tmp_path):
    write, code, deep = ALL[name]
    report = inspect_file(write(tmp_path), deep=deep)
    assert {finding.code for finding in report.findings} == {code}, report.findings
    for finding in report.findings:
        assert finding.message.count(".") >= 1, "a message says what is wrong and what to do"
        assert finding.message.endswith((".", "?")), finding.message
    json.dumps(report.to_json(), allow_nan=False)


@pytest.mark.parametrize("name", CLEAN)
@pytest.mark.parametrize("deep", [False, True])
def test_sound_file_yields_nothing(name, deep, tmp_path):
    report = inspect_file(CLEAN[name](tmp_path), deep=deep)
    assert report.findings == ()
    assert report.severity == ""
    assert report.variables["sst"].shape == (5, 4, 6)


@pytest.mark.parametrize("name", ALL)
def test_file_opens_exactly_if_its_errors_have_repairs(name, tmp_path):
    write = ALL[name][0]
    path = write(tmp_path)
    report = inspect_file(path)
    fatal = [finding for finding in report.findings if finding.severity == "error" and not finding.repair]
    if fatal:
        with pytest.raises(UnsoundFileError, match=fatal[0].code):
            open_sound(path)
        return
    with open_sound(path) as dataset:
        repairs = [finding.repair for finding in report.findings if finding.repair]
        assert all(repair in dataset.attrs["history"] for repair in repairs)
        assert bool(repairs) == ("history" in dataset.attrs)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", xarray.SerializationWarning)  # far years and two fill values are allowed
            xarray.decode_cf(dataset)


def test_default_inspection_does_not_read_values(tmp_path):
    for write, _ in DEEP_FAULTS.values():
        folder = tmp_path / write(tmp_path).stem
        folder.mkdir(exist_ok=True)
        assert inspect_file(write(folder)).findings == ()
