"""What open_sound mends, value by value."""

import runpy
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray

from oceandata.errors import NotFoundError, UnsoundFileError
from oceandata.storage.soundness import open_sound

CORPUS = runpy.run_path(str(Path(__file__).with_name("corpus.py")))
FAULTS, write_clean3, write_clean4 = CORPUS["FAULTS"], CORPUS["write_clean3"], CORPUS["write_clean4"]


def opened(name, folder):
    return open_sound(FAULTS[name][0](folder))


def test_sound_file_is_not_decoded_and_not_touched(tmp_path):
    def pack(dataset):
        packed = dataset.createVariable("packed", "i2", ("lat",), fill_value=np.int16(-1))
        packed.set_auto_maskandscale(False)
        packed.scale_factor, packed.coordinates = 0.5, "lat"
        packed[:] = [-1, 2, 3, 4]

    with open_sound(write_clean4(tmp_path, pack)) as dataset:
        assert dataset["packed"].values.tolist() == [-1, 2, 3, 4]
        assert dataset["packed"].attrs["_FillValue"] == -1
        assert dataset["time"].dtype == np.float64
        assert dataset["sst"].values[0, 0, 0] == -9999
        assert "history" not in dataset.attrs


def test_months_become_exact_seconds_with_their_bounds(tmp_path):
    def months(dataset):
        dataset["time"].units, dataset["time"].climatology = "months since 1955-01-01 00:00:00", "ends"
        dataset["time"][:] = [0.5, 1.5, 2.5, 3.5, 372.5]
        dataset.createDimension("two", 2)
        dataset.createVariable("ends", "f4", ("time", "two"))[:] = [[n, n + 1] for n in (0, 1, 2, 3, 372)]

    with open_sound(write_clean3(tmp_path, months)) as dataset:
        assert dataset["time"].dtype == np.int64
        assert dataset["time"].attrs["original_units"] == "months since 1955-01-01 00:00:00"
        decoded = xarray.decode_cf(dataset)
    expected = ["1955-01-16T12", "1955-02-15", "1955-03-16T12", "1955-04-16", "1986-01-16T12"]
    assert (decoded["time"].values == np.array(expected, dtype="datetime64[ns]")).all()
    ends = decoded["ends"].values
    assert (ends[-1] == np.array(["1986-01-01", "1986-02-01"], dtype="datetime64[ns]")).all()


def test_odd_months_stay_numbers(tmp_path):
    with opened("months-odd", tmp_path) as dataset:
        assert dataset["time"].values.tolist() == [0, 0.3, 0.6, 0.9, 1.2]
        assert "units" not in dataset["time"].attrs


def test_months_of_another_calendar_stay_numbers(tmp_path):
    def months(dataset):
        dataset["time"].units, dataset["time"].calendar = "months since 1955-01-01", "noleap"

    with open_sound(write_clean3(tmp_path, months)) as dataset:
        assert dataset["time"].values.tolist() == [0, 1, 2, 3, 4]
        assert dataset["time"].attrs["original_units"] == "months since 1955-01-01"


def test_climatology_of_year_zero_has_no_date(tmp_path):
    with opened("year-zero", tmp_path) as dataset:
        attributes = xarray.decode_cf(dataset)["time"].attrs
    assert attributes["original_units"] == "days since 0000-01-01 00:00:00"
    assert attributes["climatological"] == "true"


def test_real_dates_counted_from_year_zero_are_no_climatology(tmp_path):
    def counted(dataset):
        dataset["time"].units = "days since 0000-01-01"
        dataset["time"][:] = 732133 + np.arange(5)

    with open_sound(write_clean3(tmp_path, counted)) as dataset:
        assert "climatological" not in dataset["time"].attrs


def test_undeclared_fill_in_time_decodes_to_missing(tmp_path):
    with opened("time-fill", tmp_path) as dataset:
        decoded = xarray.decode_cf(dataset)["time"].values
    assert np.isnat(decoded).tolist() == [False, False, False, False, True]


def test_gbk_attribute_is_read_and_its_bytes_kept(tmp_path):
    with opened("gbk", tmp_path) as dataset:
        attributes = dataset["sst"].attrs
        assert attributes["source"] == "观测资料"
        assert bytes.fromhex(attributes["source_raw_hex"]).decode("gb18030") == "观测资料"


@pytest.mark.parametrize(("name", "text"), [("latin", "in °C yy"), ("twice", "20 °C")])
def test_western_attributes(name, text, tmp_path):
    with opened(name, tmp_path) as dataset:
        assert dataset["sst"].attrs["note"] == text


def test_clash_and_slash_are_renamed_and_keep_their_values(tmp_path):
    with opened("clash", tmp_path) as dataset:
        assert "depth" not in dataset.variables
        assert dataset.sizes["depth"] == 3
        assert dataset["depth_coordinate"].values.tolist() == np.arange(12).reshape(4, 3).tolist()
    with opened("slash", tmp_path) as dataset:
        assert dataset["long_ago"].values.tolist() == [1, 2, 3, 4]


def test_reference_to_a_renamed_variable_follows(tmp_path):
    def refer(dataset):
        dataset.createDimension("depth", 3)
        dataset.createVariable("depth", "f4", ("lat", "depth"))[:] = 1.0
        dataset["sst"].coordinates = "depth lat"

    with open_sound(write_clean3(tmp_path, refer)) as dataset:
        assert dataset["sst"].attrs["coordinates"] == "depth_coordinate lat"


def test_fill_value_of_another_type_masks_after_repair(tmp_path):
    def fill(dataset):
        salt = dataset.createVariable("salt", "f4", ("lat",), fill_value=False)
        salt.setncattr("missing_value", np.float64(1e20))
        salt[:] = [35, 1e20, 35, 35]

    path = write_clean3(tmp_path, fill)
    with open_sound(path) as dataset:
        assert dataset["salt"].attrs["missing_value"].dtype == np.float32
        assert xarray.decode_cf(dataset)["salt"].isnull().values.tolist() == [False, True, False, False]


def test_scale_as_text_is_read_as_a_number(tmp_path):
    with opened("scale-text", tmp_path) as dataset:
        assert dataset["sst"].attrs["scale_factor"] == 0.01
        assert float(xarray.decode_cf(dataset)["sst"][1, 1, 1]) == pytest.approx(0.15, abs=0.02)


def test_refusal_names_the_first_error_and_the_count(tmp_path):
    def two(dataset):
        dataset["sst"].scale_factor = "none"
        dataset["lat"].add_offset = "none"

    with pytest.raises(UnsoundFileError, match=r"2 errors without a repair; first scale-text"):
        open_sound(write_clean3(tmp_path, two))


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(NotFoundError, match="no file"):
        open_sound(tmp_path / "absent.nc")
    with pytest.raises(UnsoundFileError, match="folder"):
        open_sound(tmp_path)


def test_truncated_netcdf3_is_refused_though_the_library_opens_it(tmp_path):
    path = FAULTS["cut3-end"][0](tmp_path)
    with netCDF4.Dataset(path) as dataset:
        assert dataset["sst"].shape == (5, 4, 6)
    with pytest.raises(UnsoundFileError, match="truncated"):
        open_sound(path)
