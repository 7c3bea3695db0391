"""What a subset says of itself, and how values are stored."""

import netCDF4
import numpy as np
import pytest
import xarray as xr

from oceandata.trade.subset.description import described, packings


def _time(values, **attributes) -> xr.Dataset:
    ds = xr.Dataset(coords={"time": ("time", values, {"axis": "T"} | attributes)})
    return ds.assign(a=("time", np.zeros(len(values))))


@pytest.mark.parametrize(
    ("values", "units"),
    [
        (["2020-01-01T00:00:00", "2020-01-01T12:00:01"], "seconds since 1970-01-01"),
        (["2020-01-01T00:00:00", "2020-01-01T12:00:00.5"], "microseconds since 1970-01-01"),
    ],
)
def test_time_is_whole_numbers(values, units):
    found = described(_time(np.array(values, "M8[ns]")), {}, {}, ".nc")["time"].encoding
    assert (found["units"], found["dtype"], found["calendar"]) == (units, "int64", "proleptic_gregorian")


def test_edges_of_time_are_in_the_unit_of_time():
    ds = _time(np.array(["2020-01-01T12", "2020-01-02T12"], "M8[ns]"), bounds="edges")
    edges = np.array([["2020-01-01T00:00:00.25", "2020-01-02"], ["2020-01-02", "2020-01-03"]], "M8[ns]")
    found = described(ds.assign_coords(edges=(("time", "two"), edges)), {}, {}, ".nc")
    assert found["time"].encoding["units"] == found["edges"].encoding["units"] == "microseconds since 1970-01-01"


def test_times_that_are_missing_keep_the_way_they_were_stored():
    ds = _time(np.array(["2020-01-01", "NaT"], "M8[ns]"))
    ds["time"].encoding = {"units": "days since 2000-01-01", "dtype": np.dtype("f8")}
    assert described(ds, {}, {}, ".nc")["time"].encoding["units"] == "days since 2000-01-01"


def test_attributes_that_netcdf_cannot_hold_become_text(tmp_path):
    said = {"flag": True, "nothing": None, "tree": {"a": [1, None]}, "mixed": [1, "a"], "row": [1, 2], "text": "海"}
    ds = xr.Dataset({"a": ("x", [1.0, 2.0], dict(said))})
    described(ds, {}, dict(said), ".nc").to_netcdf(tmp_path / "a.nc")
    with netCDF4.Dataset(tmp_path / "a.nc") as file:
        for holder in (file, file["a"]):
            assert holder.flag == 1
            assert (holder.nothing, holder.tree, holder.mixed) == ("null", '{"a": [1, null]}', '[1, "a"]')
            assert holder.row.tolist() == [1, 2]
            assert holder.text == "海"
    assert described(ds, {}, said, ".zarr").attrs == said


def test_missing_values_have_a_number_in_data_and_none_in_coordinates():
    ds = xr.Dataset({"a": ("x", np.zeros(2, "f4"))}, {"x": [0.0, 1.0]})
    found = described(ds, {}, {}, ".nc")
    assert np.isnan(found["a"].encoding["_FillValue"])
    assert found["x"].encoding["_FillValue"] is None


def test_what_is_packed_in_floats_or_not_at_all_is_written_as_it_is():
    ds = xr.Dataset({"a": ("x", np.zeros(2)), "b": ("x", np.zeros(2)), "c": ("x", np.zeros(2, "i4"))})
    ds["a"].encoding = {"dtype": np.dtype("f4"), "scale_factor": 2.0, "_FillValue": np.float32(9)}
    ds["b"].encoding = {"dtype": np.dtype("i2"), "scale_factor": np.float32(2.0), "_FillValue": np.int16(9)}
    ds["b"].encoding["missing_value"] = np.int16(8)
    ds["d"] = ds["b"].copy()
    ds["d"].encoding = {"dtype": np.dtype("i2"), "scale_factor": np.float32(2.0)}
    ds["c"].encoding = {"dtype": np.dtype("i4")}
    assert list(packings(ds, ".nc")) == ["b"]
    assert "missing_value" not in packings(ds, ".nc")["b"]
    assert isinstance(packings(ds, ".nc")["b"]["scale_factor"], np.float32)
    assert type(packings(ds, ".zarr")["b"]["scale_factor"]) is float
    assert packings(ds, ".csv") == {}
    found = described(ds, {}, {}, ".nc")
    assert np.isnan(found["a"].encoding["_FillValue"])
    assert "scale_factor" not in found["a"].encoding
