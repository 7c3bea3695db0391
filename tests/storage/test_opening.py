"""A revision as a lazy dataset: what was selected, in whole storage chunks, equal to the file."""

import itertools
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from oceandata.errors import InputError, NotFoundError, RegionError, UnitsError
from oceandata.options import set_options
from oceandata.storage import open_dataset, plan_ingest, write_repository

DEPTHS = (0.5, 10.0, 25.0, 50.0, 100.0)
LONGITUDES = tuple(np.arange(2.5, 360.0, 5.0))


def _write_cube(path: Path, *, level_units: str = "m", calendar: str = "standard") -> Path:
    """Twelve months, five levels, half the globe: every value names its place."""
    shape = (12, 5, 9, 72)
    with netCDF4.Dataset(path, "w") as ds:
        for dim, size in zip(("time", "lev", "lat", "lon"), shape, strict=True):
            ds.createDimension(dim, size)
        for name, units, values in (
            ("time", "days since 2001-01-01", np.arange(12) * 30.0 + 15),
            ("lev", level_units, DEPTHS),
            ("lat", "degrees_north", np.arange(-20, 25, 5.0)),
            ("lon", "degrees_east", LONGITUDES),
        ):
            axis = ds.createVariable(name, "f8", (name,))
            axis.units = units
            axis[:] = values
        ds["time"].calendar = calendar
        ds["lev"].setncatts({"positive": "down", "axis": "Z"})
        for name, standard_name, first in (
            ("thetao", "sea_water_potential_temperature", 0),
            ("so", "sea_water_salinity", 9),
        ):
            variable = ds.createVariable(name, "f4", ("time", "lev", "lat", "lon"))
            variable.setncatts({"units": "degC" if name == "thetao" else "1e-3", "standard_name": standard_name})
            variable[:] = first + np.arange(np.prod(shape)).reshape(shape)
    return path


@pytest.fixture(scope="module")
def cube(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A file, and a repository of it whose chunks cut time and longitude."""
    folder = tmp_path_factory.mktemp("cube")
    file = _write_cube(folder / "cube.nc")
    url = str(folder / "repository")
    write_repository(plan_ingest([file], url, access="balanced", chunk_bytes=3_000))
    return file, url


def _open(url: str, **selection: Any) -> xr.Dataset:
    return open_dataset(url, group="balanced", **selection)


def _edges(array: Any) -> list[list[int]]:
    return [np.cumsum((0, *lengths)).tolist() for lengths in array.chunks]


def test_the_cube_is_cut_in_time_and_longitude(cube: tuple[Path, str]) -> None:
    stored = _open(cube[1], chunks=None)["so"].encoding["chunks"]
    assert (stored[0] < 12, stored[-1] < 72 // 3) == (True, True)


def test_values_equal_the_file(ostia_repository: Path, ostia_file: Path) -> None:
    opened = open_dataset(ostia_repository)
    with xr.open_dataset(ostia_file) as raw:
        for name in ("surface_temperature", "latitude", "longitude"):
            np.testing.assert_array_equal(opened[name], raw[name])
        assert list(opened.time.dt.strftime("%Y-%m").values) == list(raw.time.dt.strftime("%Y-%m").values)


def test_opening_and_selecting_read_no_data(ostia_repository: Path) -> None:
    from oceandata.storage import counted_reads

    with counted_reads() as reads:
        ds = open_dataset(ostia_repository, region=(170, -5, -120, 5), time="2009")
        assert ds["surface_temperature"].chunks is not None
    assert reads.counts
    assert not [read.key for read in reads.counts if "/surface_temperature/c" in read.key]


@pytest.mark.parametrize(
    ("region", "longitudes"),
    [
        ((10, -90, 30, 90), [12.5, 17.5, 22.5, 27.5]),
        ((-12, -90, 8, 90), [-7.5, -2.5, 2.5, 7.5]),
        ((348, -90, 8, 90), [352.5, 357.5, 362.5, 367.5]),
        ((172, -90, -172, 90), [172.5, 177.5, 182.5, 187.5]),
        ((-180, -90, 180, 90), LONGITUDES),
        ((0, -90, 360, 90), LONGITUDES),
        ((52.5, -90, 52.5, 90), [52.5]),
    ],
    ids=["inside", "across Greenwich", "the same from 348", "date line", "whole turn", "whole turn from 0", "a line"],
)
def test_regions_run_from_west_to_east(cube: tuple[Path, str], region: Any, longitudes: Any) -> None:
    ds = _open(cube[1], region=region)
    turned = (ds.lon.to_numpy() - longitudes[0]) % 360 + longitudes[0]
    np.testing.assert_allclose(turned, longitudes)
    if len(longitudes) < 72:
        assert (np.diff(ds.lon) > 0).all()
    with xr.open_dataset(cube[0]) as raw:
        expected = raw["so"].isel(lon=[round((one % 360 - 2.5) / 5) for one in longitudes])
        np.testing.assert_array_equal(ds["so"], expected)


def test_a_region_takes_the_cells_whose_centres_lie_inside(cube: tuple[Path, str]) -> None:
    assert _open(cube[1], region=(0, -10, 20, 4.9)).lat.values.tolist() == [-10, -5, 0]
    assert _open(cube[1], region=(0, -10, 20, 5)).lat.values.tolist() == [-10, -5, 0, 5]


@pytest.mark.parametrize(
    ("region", "words"),
    [
        ((0, 10, 20, -10), "corners may be swapped"),
        ((0, -100, 20, 10), "need -90"),
        ((0, 10, 20), "four numbers"),
        ("Bohai", "four numbers"),
        ((0, 60, 20, 80), "covers 2.5 to 357.5 E, -20 to 20 N"),
        ((3, -5, 6, 5), "no cell centre"),
    ],
)
def test_impossible_regions_are_refused(cube: tuple[Path, str], region: Any, words: str) -> None:
    with pytest.raises(RegionError, match=words):
        _open(cube[1], region=region)


@pytest.mark.parametrize(
    ("time", "first", "last", "steps"),
    [
        ("2009", "2009-01", "2009-12", 12),
        ("2009-06", "2009-06", "2009-06", 1),
        ("2009-06/2010-02", "2009-06", "2010-02", 9),
        (("2009-06", "2010-02"), "2009-06", "2010-02", 9),
        (["2009-06-01", "2010"], "2009-06", "2010-09", 16),
        ("../2006", "2006-04", "2006-12", 9),
        ("2010-05/..", "2010-05", "2010-09", 5),
        (("2010-05", None), "2010-05", "2010-09", 5),
        ("1900/2100", "2006-04", "2010-09", 54),
    ],
)
def test_periods(ostia_repository: Path, time: Any, first: str, last: str, steps: int) -> None:
    found = open_dataset(ostia_repository, time=time).time.dt.strftime("%Y-%m").values
    assert (found[0], found[-1], len(found)) == (first, last, steps)


@pytest.mark.parametrize("time", ["2009-13", "soon", "2009/2010/2011", (), ("2009",) * 3, 2009])
def test_impossible_periods_are_refused(ostia_repository: Path, time: Any) -> None:
    with pytest.raises(InputError, match="need"):
        open_dataset(ostia_repository, time=time)


def test_a_period_without_steps_names_what_there_is(ostia_repository: Path) -> None:
    with pytest.raises(NotFoundError, match=r"runs from 2006-04-16.* to 2010-09-16"):
        open_dataset(ostia_repository, time="1999")


def test_periods_in_another_calendar(tmp_path: Path) -> None:
    file = _write_cube(tmp_path / "model.nc", calendar="360_day")
    write_repository(plan_ingest([file], tmp_path / "repository"))
    found = open_dataset(tmp_path / "repository", time="2001-02/2001-04").time.values
    assert [(one.month, one.day) for one in found] == [(2, 16), (3, 16), (4, 16)]


@pytest.mark.parametrize(
    ("depth", "levels"), [((0, 30), [0.5, 10, 25]), ((10, 10), [10]), ((20, 1e4), [25, 50, 100]), ([0.5, 1], [0.5])]
)
def test_depths(cube: tuple[Path, str], depth: Any, levels: list[float]) -> None:
    ds = _open(cube[1], depth=depth)
    assert ds.lev.values.tolist() == levels
    with xr.open_dataset(cube[0]) as raw:
        np.testing.assert_array_equal(ds["thetao"], raw["thetao"].sel(lev=levels))


def test_depths_are_in_metres_whatever_the_coordinate(tmp_path: Path) -> None:
    file = _write_cube(tmp_path / "km.nc", level_units="km")
    write_repository(plan_ingest([file], tmp_path / "km"))
    assert open_dataset(tmp_path / "km", depth=(9_000, 30_000)).lev.values.tolist() == [10, 25]


@pytest.mark.parametrize("units", ["dbar", "1", "level"])
def test_levels_that_are_no_depths_are_not_guessed(tmp_path: Path, units: str) -> None:
    file = _write_cube(tmp_path / "levels.nc", level_units=units)
    write_repository(plan_ingest([file], tmp_path / "levels"))
    with pytest.raises(UnitsError, match="no depth in m"):
        open_dataset(tmp_path / "levels", depth=(0, 30))


def test_impossible_depths_are_refused(cube: tuple[Path, str]) -> None:
    with pytest.raises(NotFoundError, match=r"has 0\.5 to 100 m"):
        _open(cube[1], depth=(200, 300))
    for depth in (5, (0, 1, 2), ("top", "bottom")):
        with pytest.raises(InputError, match="two numbers"):
            _open(cube[1], depth=depth)


def test_a_surface_field_has_no_depths(ostia_repository: Path) -> None:
    with pytest.raises(NotFoundError, match="vertical"):
        open_dataset(ostia_repository, depth=(0, 10))


@pytest.mark.parametrize("name", ["so", "sea_water_salinity", "盐度"])
def test_variables_by_name_and_word(cube: tuple[Path, str], name: str) -> None:
    assert list(_open(cube[1], variables=[name]).data_vars) == ["so"]
    assert list(_open(cube[1], variables=name).data_vars) == ["so"]
    assert set(_open(cube[1], variables=[name, "thetao"]).data_vars) == {"so", "thetao"}


def test_unknown_names_are_answered_with_the_nearest(cube: tuple[Path, str], tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"answers to 'thetaoo'.*Close: 'thetao'"):
        _open(cube[1], variables=["thetaoo"])
    with pytest.raises(NotFoundError, match="no layout 'maps'"):
        open_dataset(cube[1], group="maps")
    with pytest.raises(NotFoundError, match=r"no revision 'r9'.*'r1'"):
        _open(cube[1], revision="r9")
    with pytest.raises(NotFoundError, match=r"no repository at .*Close: 'repository'"):
        _open(cube[1].replace("repository", "repositry"))
    with pytest.raises(NotFoundError, match=r"no dimension 'latt' to chunk\. Close: 'lat'"):
        _open(cube[1], chunks={"latt": 3})
    with pytest.raises(InputError, match="chunks is 'all'"):
        _open(cube[1], chunks="all")


def test_chunks_as_stored_as_told_and_not_at_all(cube: tuple[Path, str]) -> None:
    stored = _open(cube[1], chunks=None)["so"]
    assert stored.chunks is None
    assert not stored.variable._in_memory
    as_stored = _open(cube[1], chunks={})["so"]
    assert [lengths[0] for lengths in as_stored.chunks] == list(stored.encoding["chunks"])
    told = _open(cube[1], chunks={"time": 5, "lon": -1})["so"]
    assert told.chunksizes["time"] == (5, 5, 2)
    assert told.chunksizes["lon"] == (72,)
    assert told.chunksizes["lat"] == as_stored.chunksizes["lat"]


@pytest.mark.parametrize("block_bytes", [1, 3_000, 10_000, 50_000, 10**9])
def test_blocks_are_whole_chunks_up_to_the_option(cube: tuple[Path, str], block_bytes: int) -> None:
    with set_options(block_bytes=block_bytes):
        array = _open(cube[1])["so"]
    stored = array.encoding["chunks"]
    largest = np.prod(array.data.chunksize) * 4
    assert largest <= max(block_bytes, np.prod(stored) * 4)
    assert largest * 2 > min(block_bytes, array.nbytes) or largest == np.prod(stored) * 4
    for edges, chunk, size in zip(_edges(array), stored, array.shape, strict=True):
        assert all(edge % chunk == 0 or edge == size for edge in edges)


_PICK = st.tuples(st.integers(0, 71), st.integers(0, 71))


@settings(max_examples=30, deadline=None)
@given(lon=_PICK, rows=_PICK, months=_PICK, block_bytes=st.sampled_from([1, 5_000, 20_000, 10**9]))
def test_no_stored_chunk_lies_in_two_blocks(cube, lon, rows, months, block_bytes) -> None:
    """Whatever is selected, also across the seam: blocks end where storage chunks end, and values are the file's."""
    (south, north), (first, last) = (sorted(n % 9 for n in rows), sorted(n % 12 for n in months))
    west, east = (LONGITUDES[n] for n in lon)
    region = (west, -20 + 5 * south, east, -20 + 5 * north)
    with xr.open_dataset(cube[0]) as raw:
        days = [str(day)[:10] for day in raw.time.values[[first, last]]]
        columns = [n % 72 for n in range(lon[0], lon[1] + 1 + 72 * (lon[1] < lon[0]))]
        columns = columns if len(columns) < 72 else list(range(72))
        expected = raw["so"].isel(time=slice(first, last + 1), lat=slice(south, north + 1), lon=columns).load()
    with set_options(block_bytes=block_bytes):
        array = _open(cube[1], region=region, time=tuple(days))["so"]
    np.testing.assert_array_equal(array, expected)
    taken = (range(first, last + 1), range(5), range(south, north + 1), columns)
    for places, edges, chunk in zip(taken, _edges(array), array.encoding["chunks"], strict=True):
        owners: dict[tuple[int, int], set[int]] = {}
        for block, (lo, hi) in enumerate(itertools.pairwise(edges)):
            for at in range(lo, hi):
                turn = sum(places[n] < places[n - 1] for n in range(1, at + 1))
                owners.setdefault((turn, places[at] // chunk), set()).add(block)
        assert all(len(blocks) == 1 for blocks in owners.values())


def test_all_of_a_selection_is_read_once(cube: tuple[Path, str]) -> None:
    from oceandata.storage import counted_reads

    with set_options(block_bytes=1):
        array = _open(cube[1], region=(300, -20, 100, 20))["so"]
    with counted_reads() as reads:
        array.compute()
    served = {read.key: times for read, (times, _) in reads.counts.items() if "/so/c" in read.key}
    assert served
    assert set(served.values()) == {1}


def test_the_primary_layout_is_opened_whatever_its_name(tmp_path: Path, ostia_file: Path) -> None:
    plan = plan_ingest([ostia_file], tmp_path / "series", access="series", chunk_bytes=400_000)
    write_repository(plan)
    ds = open_dataset(tmp_path / "series", chunks={})
    assert ds["surface_temperature"].chunks[0] == (54,)
    assert len(ds["surface_temperature"].chunks[2]) > 1
