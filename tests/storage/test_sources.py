"""Files as one dataset: joined in time whatever their order, and refused with every difference named."""

import itertools
import os
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from oceandata.errors import InputError, NotFoundError, SchemaMismatch, UnsoundFileError
from oceandata.storage import sources as module
from oceandata.storage.soundness.opening import small_chunk_caches
from oceandata.storage.sources import open_sources

NEXT_MONTH = "days since 2000-02-01"


def _times(sources) -> np.ndarray:
    return sources.fixed["time"].astype("M8[s]")


def test_files_are_joined_in_time_order(ocean_file):
    paths = [ocean_file(f"{month}.nc", time_units=f"days since 2000-0{month}-01") for month in (1, 2, 3)]
    expected = np.concatenate([np.arange(f"2000-0{m}-01", f"2000-0{m}-05", dtype="M8[D]") for m in (1, 2, 3)])
    for order in itertools.permutations(paths):
        sources = open_sources(order)
        assert [file.path for file in sources.files] == paths
        assert [(file.start, file.stop) for file in sources.files] == [(0, 4), (4, 8), (8, 12)]
        assert (_times(sources) == expected).all()
        assert sources.variables["sst"].shape == (12, 3, 5)


def test_boxes_across_files_are_those_of_the_files(ocean_file, ostia_parts, ostia_file):
    sources = open_sources(ostia_parts)
    with netCDF4.Dataset(ostia_file) as ds:
        ds.set_auto_maskandscale(False)
        raw = ds["surface_temperature"][:]
    for times in (slice(0, 54), slice(8, 10), slice(5, 30), slice(53, 54)):
        box = (times, slice(3, 7), slice(0, 100))
        assert np.array_equal(sources.read("surface_temperature", box), raw[box])


def test_every_difference_of_every_file_in_one_error(ocean_file):
    paths = [
        ocean_file("a.nc"),
        ocean_file("b.nc", time_units=NEXT_MONTH, lat=(-11, 0, 10), units="K", scale_factor=0.5),
        ocean_file("c.nc", time_units="days since 2000-03-01", dtype="f8"),
        ocean_file("d.nc", time_units="days since 2000-04-01", lat=(-11, 0)),
        ocean_file("e.nc", time_units="days since 2000-05-01", fill=np.float32(-999)),
    ]
    with pytest.raises(SchemaMismatch) as caught:
        open_sources(paths)
    text = str(caught.value)
    for part in ("b.nc", "units of 'sst' is 'K'", "scale_factor", "values of 'lat'", "c.nc", "float64", "d.nc"):
        assert part in text
    for part in ("dimension 'lat' of 'sst' has 2, need 3", "e.nc", "_FillValue of 'sst' is -999.0, need None"):
        assert part in text
    assert "time" not in text.replace("('time', 'lat', 'lon')", "")


def _extra(ds):
    ds.createVariable("ice", "f4", ("time", "lat"))[:] = 1


def test_an_extra_variable_is_refused_in_either_order_but_may_be_left_out(ocean_file):
    paths = [ocean_file("a.nc"), ocean_file("b.nc", time_units=NEXT_MONTH, change=_extra)]
    for order in (paths, paths[::-1]):
        with pytest.raises(SchemaMismatch, match="'ice' is"):
            open_sources(order)
        assert "ice" not in open_sources(order, variables=["sst"]).variables


def test_fixed_variables_with_missing_values_are_equal_to_themselves(ocean_file):
    def mask(ds):
        ds.createVariable("mask", "f4", ("lat", "lon"))[:] = np.nan

    paths = [ocean_file("a.nc", change=mask), ocean_file("b.nc", time_units=NEXT_MONTH, change=mask)]
    assert open_sources(paths).variables["mask"].shape == (3, 5)


@pytest.mark.parametrize("calendars", [("noleap", "360_day"), ("standard", "noleap"), ("", "360_day")])
def test_calendars_that_differ_are_refused(ocean_file, calendars):
    paths = [ocean_file(f"{n}.nc", calendar=c, time_units=f"days since 200{n}-01-01") for n, c in enumerate(calendars)]
    with pytest.raises(SchemaMismatch, match="calendar of 'time'"):
        open_sources(paths)


@pytest.mark.parametrize("units", ["days since 2000-01-04", "days since 2000-01-01", "hours since 2000-01-02"])
def test_overlapping_files_are_named(ocean_file, units):
    paths = [ocean_file("a.nc"), ocean_file("b.nc", time_units=units)]
    with pytest.raises(SchemaMismatch, match=r"(a|b)\.nc begins before (a|b)\.nc ends"):
        open_sources(paths)


def test_times_that_do_not_increase_are_refused(ocean_file):
    for times in ([0, 2, 1, 3], [0, 1, 1, 2]):
        with pytest.raises((SchemaMismatch, UnsoundFileError)):
            open_sources([ocean_file("a.nc", times=times)])


@pytest.mark.parametrize("unit", ["seconds", "minutes", "hours", "days"])
def test_time_is_rewritten_exactly_from_any_unit(ocean_file, unit):
    path = ocean_file("a.nc", times=[0, 1, 2, 1000], time_units=f"{unit} since 1850-01-01 06:00:00")
    with xr.open_dataset(path) as ds:
        assert (_times(open_sources([path])) == ds["time"].to_numpy()).all()


def test_packed_times_are_unpacked_and_lose_their_old_ranges(ocean_file):
    def pack(ds):
        ds["time"].setncatts({"scale_factor": 2.0, "actual_range": np.asarray([0.0, 6.0]), "missing_value": 1e20})
        ds["time"].setncatts({"axis": "T", "delta": np.float32(2), "long_name": "time"})

    sources = open_sources([ocean_file("a.nc", change=pack)])
    assert (_times(sources) == np.arange("2000-01-01", "2000-01-09", 2, dtype="M8[D]")).all()
    assert sources.variables["time"].attributes == {
        "standard_name": "time",
        "axis": "T",
        "delta": 2.0,
        "long_name": "time",
        "units": "seconds since 1970-01-01",
        "calendar": "proleptic_gregorian",
    }


@pytest.mark.parametrize("kind", ["bounds", "climatology"])
@pytest.mark.parametrize("own_units", [False, True])
def test_bounds_follow_their_axis(ocean_file, kind, own_units):
    def edges(ds):
        ds.createDimension("nv", 2)
        numbers = ds["time"][:]
        bounds = ds.createVariable("edges", "f8", ("time", "nv"))
        bounds[:] = np.stack([numbers, numbers + 1], axis=1)
        ds["time"].setncattr(kind, "edges")
        if own_units:
            bounds.units = ds["time"].units

    paths = [ocean_file("a.nc", change=edges), ocean_file("b.nc", change=edges, time_units=NEXT_MONTH)]
    sources = open_sources(paths, variables=["sst"])
    times = sources.fixed["time"]
    assert np.array_equal(sources.fixed["edges"], np.stack([times, times + 86400], axis=1))
    assert "units" not in sources.variables["edges"].attributes
    assert sources.variables["time"].attributes[kind] == "edges"


def test_rounding_of_parts_of_a_second_is_said(ocean_file):
    exact = open_sources([ocean_file("a.nc", times=[0, 1 / 3, 0.5, 2])])
    assert "rounded" not in " ".join(exact.notes)
    rough = open_sources([ocean_file("b.nc", times=[0.4, 1.4], time_units="seconds since 2000-01-01")])
    assert "rounded by up to 0.400 s" in " ".join(rough.notes)


def test_nothing_along_a_dimension_is_refused(ocean_file):
    with pytest.raises(SchemaMismatch, match="no time step"):
        open_sources([ocean_file("a.nc"), ocean_file("b.nc", times=[])])
    with pytest.raises(SchemaMismatch, match="'lat' of length zero"):
        open_sources([ocean_file("c.nc", lat=())])


def test_files_without_time_cannot_be_joined(shared_data):
    path = shared_data / "ferret-datasets" / "levitus_climatology.cdf"
    assert open_sources([path]).time_dim == ""
    with pytest.raises(SchemaMismatch, match="without a time axis"):
        open_sources([path, path])


def test_missing_files_and_variables_are_answered_with_the_nearest(ocean_file, tmp_path):
    path = ocean_file("ostia.nc")
    with pytest.raises(NotFoundError, match=r"'ostia\.nc'"):
        open_sources([tmp_path / "ostja.nc"])
    with pytest.raises(NotFoundError, match="'sst'"):
        open_sources([path], variables=["sts"])
    with pytest.raises(NotFoundError, match="at least one"):
        open_sources([])


def test_a_page_is_no_file(tmp_path):
    (tmp_path / "a.nc").write_text("<!DOCTYPE html><html><body>Please sign in</body></html>")
    with pytest.raises(UnsoundFileError, match="HTML"):
        open_sources([tmp_path / "a.nc"])


def _station(ds):
    ds.createVariable("station", str, ("lat",))[:] = np.asarray(["a", "b", "c"], object)
    ds["sst"].coordinates = "station"


def test_text_is_refused_unless_it_only_came_along(ocean_file):
    path = ocean_file("a.nc", change=_station)
    for wanted in (None, ["sst", "station"]):
        with pytest.raises(SchemaMismatch, match="'station'"):
            open_sources([path], variables=wanted)
    sources = open_sources([path], variables=["sst"])
    assert "station" not in sources.variables
    assert "station: left out, it holds text" in sources.notes


def test_a_changed_or_lost_file_is_not_read(ocean_file):
    path = ocean_file("a.nc")
    sources = open_sources([path])
    box = (slice(0, 4), slice(0, 3), slice(0, 5))
    sources.read("sst", box)
    os.utime(path, ns=(0, 0))
    with pytest.raises(InputError, match="changed"):
        sources.read("sst", box)
    path.unlink()
    with pytest.raises(InputError, match="went away"):
        sources.read("sst", box)


def test_time_comes_first_and_nothing_else_moves(tmp_path):
    path = tmp_path / "a.nc"
    values = np.arange(24.0).reshape(3, 2, 4)
    xr.Dataset(
        {"sst": (("lat", "time", "lon"), values)}, coords={"time": np.arange("2000-01-01", "2000-01-03", dtype="M8[D]")}
    ).to_netcdf(path)
    sources = open_sources([path])
    assert sources.variables["sst"].dims == ("time", "lat", "lon")
    whole = tuple(slice(0, size) for size in (2, 3, 4))
    assert np.array_equal(sources.read("sst", whole), values.transpose(1, 0, 2))
    assert "sst: time first" in sources.notes


def test_files_that_stay_open_keep_few_chunks(ostia_file: Path) -> None:
    before = netCDF4.get_chunk_cache()
    with small_chunk_caches(), netCDF4.Dataset(ostia_file) as file:
        assert file["surface_temperature"].get_var_chunk_cache()[0] == 1_000_000
    assert netCDF4.get_chunk_cache() == before
    with pytest.raises(KeyError), small_chunk_caches():
        raise KeyError
    assert netCDF4.get_chunk_cache() == before


def test_values_are_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the length of the pieces, and where files join, the values are those of the files."""
    paths, values = [], np.arange(14 * 3, dtype="f4").reshape(14, 3)
    for number, part in enumerate((slice(0, 9), slice(9, 14))):
        paths.append(tmp_path / f"{number}.nc")
        ds = xr.Dataset(
            {"sst": (("time", "lat"), values[part], {"units": "degC"})},
            {
                "time": ("time", np.arange(14)[part], {"units": "days since 2000-01-01", "standard_name": "time"}),
                "lat": ("lat", [1.0, 2.0, 3.0], {"units": "degrees_north"}),
            },
        )
        ds.to_netcdf(paths[-1], encoding={"sst": {"chunksizes": (2, 3)}})
    sources = open_sources(paths)
    for piece_bytes in (1, 12, 36, 60, 1000):
        monkeypatch.setattr(module, "_PIECE_BYTES", piece_bytes)
        for start, stop in itertools.combinations(range(15), 2):
            box = (slice(start, stop), slice(1, 3))
            np.testing.assert_array_equal(sources.read("sst", box), values[box])
