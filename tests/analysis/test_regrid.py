"""Regridding against CDO, hand calculations and what must not change: constants, integrals, chunks."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from dask.base import optimize
from hypothesis import given
from hypothesis import strategies as st

from oceandata.analysis import area_mean, cell_areas, climatology, regrid
from oceandata.analysis.grids import read_grid, regular_grid
from oceandata.errors import InputError, MemoryBudgetError, NotFoundError, OceanDataWarning
from oceandata.graph import read_plan
from oceandata.options import set_options
from oceandata.storage import open_dataset

METHODS = ["bilinear", "conservative", "conservative_normed", "nearest"]


def _grid(lat: Any, lon: Any) -> xr.Dataset:
    coords = {
        "lat": ("lat", np.asarray(lat, float), {"units": "degrees_north"}),
        "lon": ("lon", np.asarray(lon, float), {"units": "degrees_east"}),
    }
    return xr.Dataset(coords=coords)


def _globe(
    step: float, *, west: float = 0.0, north_first: bool = False, seed: int = 0, gaps: float = 0.0
) -> xr.DataArray:
    """Random values on a global grid; NaN in a share of the cells."""
    lat, lon = np.arange(-90 + step / 2, 90, step), west + np.arange(step / 2, 360, step)
    rng = np.random.default_rng(seed)
    values = rng.normal(10, 3, (lat.size, lon.size))
    values[rng.random(values.shape) < gaps] = np.nan
    grid = _grid(lat[::-1] if north_first else lat, lon)
    return xr.DataArray(values, grid.coords, ["lat", "lon"], name="sst", attrs={"units": "degC", "long_name": "SST"})


def _integral(field: xr.DataArray) -> float:
    return float((field * cell_areas(field)).sum())


def test_bilinear_by_hand() -> None:
    field = xr.DataArray([[0.0, 10.0], [100.0, 110.0]], _grid([0, 10], [350, 360]).coords, ["lat", "lon"])
    result = regrid(field, _grid([2.5, 10, 11], [-10, -7.5, 0, 1]))
    np.testing.assert_allclose(result[0], [25, 27.5, 35, np.nan])
    np.testing.assert_allclose(result[1], [100, 102.5, 110, np.nan])
    assert result[2].isnull().all()


def test_conservative_by_hand() -> None:
    field = xr.DataArray([[1.0, 5.0], [3.0, 7.0]], _grid([-45, 45], [90, 270]).coords, ["lat", "lon"])
    dataset = _grid([15], [180, 0])
    dataset["lat_bnds"] = (("lat", "bnds"), [[-30.0, 90.0]])
    dataset["lon_bnds"] = (("lon", "bnds"), [[90.0, 270.0], [-90.0, 90.0]])
    dataset.lat.attrs["bounds"], dataset.lon.attrs["bounds"] = "lat_bnds", "lon_bnds"
    south = (1 + 5) / 2 / 3  # sin 30 of the height of the cell lies in the south
    north = (3 + 7) / 2 * 2 / 3
    np.testing.assert_allclose(regrid(field, dataset, "conservative"), [[south + north] * 2])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("west", "north_first"), [(0.0, False), (-180.0, True), (20.0, False)])
@pytest.mark.parametrize("target", ["3x2", "7.5x7.5", (0.75, 1.5)])
def test_a_constant_stays_constant(method: Any, west: float, north_first: bool, target: Any) -> None:
    field = xr.full_like(_globe(2.5, west=west, north_first=north_first), 7.1)
    for options in ({}, {"skipna": True}):
        np.testing.assert_allclose(regrid(field, target, method, **options), 7.1, rtol=1e-14)


@pytest.mark.parametrize(("west", "north_first"), [(0.0, False), (-180.0, True), (20.0, True), (0.3, False)])
@pytest.mark.parametrize("target", ["4x4", "0.9x0.8", (7.2, 22.5)])
def test_conservative_keeps_the_integral(west: float, north_first: bool, target: Any) -> None:
    field = _globe(1, west=west, north_first=north_first)
    for method in ("conservative", "conservative_normed"):
        assert _integral(regrid(field, target, method)) == pytest.approx(_integral(field), rel=1e-12)


def test_conservative_keeps_the_integral_over_valid_cells() -> None:
    field = _globe(1, gaps=0.4)
    result = regrid(field, "7.2x5", "conservative", skipna=True)
    share = regrid(field.notnull().astype(float), result, "conservative")
    assert _integral(result * share) == pytest.approx(_integral(field), rel=1e-12)


def test_missing_values_follow_the_rules_of_xesmf() -> None:
    field = _globe(1)
    field[88:92, 0:4] = np.nan
    cells = {"lat": [-2, 2], "lon": [2, 6]}
    target = _grid(*cells.values())
    any_missing = regrid(field, target, "conservative")
    np.testing.assert_array_equal(any_missing.isnull(), [[True, False], [True, False]])
    half = regrid(field, target, "conservative", skipna=True, na_thres=0.49)
    np.testing.assert_array_equal(half.isnull(), [[True, False], [True, False]])
    more = regrid(field, target, "conservative", skipna=True, na_thres=0.51)
    assert more.notnull().all()
    areas = cell_areas(field)[86:88, 0:4]
    expected = float((field[86:88, 0:4] * areas).sum() / areas.sum())
    assert float(more[0, 0]) == pytest.approx(expected, rel=1e-12)
    none = regrid(field, target, "conservative", skipna=True, na_thres=0)
    np.testing.assert_array_equal(none.isnull(), any_missing.isnull())


def test_a_missing_neighbour_of_weight_zero_is_not_looked_at() -> None:
    field = _globe(1)
    field[40, 50] = np.nan
    for method in METHODS:
        same = regrid(field, field, method)  # type: ignore[arg-type]
        np.testing.assert_array_equal(same.isnull(), field.isnull())
        np.testing.assert_allclose(same, field, rtol=1e-14)
    narrow = field.assign_coords(lat=field.lat.astype("f4") + np.float32(1e-5), lon=field.lon.astype("f4"))
    narrow.lat.attrs, narrow.lon.attrs = field.lat.attrs, field.lon.attrs
    np.testing.assert_array_equal(regrid(narrow, field, "conservative").isnull(), field.isnull())
    np.testing.assert_allclose(regrid(xr.full_like(narrow, 7.0), field, "conservative"), 7.0, rtol=1e-14)


def test_parts_of_cells_beyond_the_source() -> None:
    field = xr.full_like(_globe(1), 6.0).sel(lon=slice(0, 90), lat=slice(0, 90))
    target = _grid([10.0, 14.0], [89.0, 93.0])  # cells 8..12, 12..16 N; 87..91, 91..95 E: one third of the first
    dataset = target.assign(lon_bnds=(("lon", "bnds"), [[88.0, 91.0], [91.0, 95.0]]))
    dataset.lon.attrs["bounds"] = "lon_bnds"
    plain = regrid(field, dataset, "conservative")
    normed = regrid(field, dataset, "conservative_normed")
    np.testing.assert_allclose(plain, [[4, np.nan]] * 2)
    np.testing.assert_allclose(normed, [[6, np.nan]] * 2)
    assert regrid(field, target, "nearest").isnull().values.tolist() == [[False, True]] * 2


@pytest.mark.parametrize("method", METHODS)
def test_a_meridian_that_is_there_twice_counts_once(method: Any) -> None:
    field = _globe(10)
    twice = xr.concat([field, field.isel(lon=[0]).assign_coords(lon=[365.0])], "lon")
    twice.lon.attrs = field.lon.attrs
    np.testing.assert_allclose(regrid(twice, "4x3", method), regrid(field, "4x3", method), rtol=1e-13)


def test_longitudes_may_jump_and_be_on_any_turn() -> None:
    field = _globe(2)
    jumping = field.assign_coords(lon=(field.lon + 180) % 360 - 180)
    jumping.lon.attrs = field.lon.attrs
    target = _grid([-10, 10], [-179, -1, 359, 361.5, 540])
    for method in METHODS:
        np.testing.assert_allclose(regrid(jumping, target, method), regrid(field, target, method))  # type: ignore[arg-type]
    seam = regrid(field, _grid([1.0], [0.0, 360.0]))
    np.testing.assert_allclose(seam, [[(field[45, 0] + field[45, -1]) / 2] * 2])
    assert regrid(field, _grid([1.0], [0.0, 9.0]), periodic=False).isnull().values.tolist() == [[True, False]]


def test_poleward_of_the_last_row_it_counts_on_globes_only() -> None:
    field = _globe(10)
    near = _grid([-90, -87, 87, 90], [5.0])
    np.testing.assert_allclose(regrid(field, near)[:, 0], field.isel(lat=[0, 0, -1, -1], lon=0))
    belt = regrid(field.isel(lat=slice(1, -1)), _grid([-90, -77, 0, 77, 90], [5.0]))
    assert belt[:, 0].isnull().values.tolist() == [True, True, False, True, True]


@st.composite
def cut(draw: st.DrawFn, size: int) -> tuple[int, ...]:
    """Any way to cut a dimension."""
    cuts = draw(st.sets(st.integers(1, size - 1), max_size=4))
    return tuple(int(n) for n in np.diff([0, *sorted(cuts), size]))


@given(
    st.tuples(cut(4), cut(12), cut(24)),
    st.permutations(["time", "lat", "lon"]),
    st.sampled_from(METHODS),
    st.booleans(),
    st.sampled_from(["f4", "f8", ">f4", "i2"]),
)
def test_chunks_change_nothing(chunks: Any, order: Any, method: Any, skipna: bool, dtype: str) -> None:
    rng = np.random.default_rng(len(order[0]))
    values = rng.normal(300, 5, (4, 12, 24))
    if dtype != "i2":
        values[rng.random(values.shape) < 0.2] = np.nan
    field = xr.DataArray(values.astype(dtype), _globe(15).coords, ["time", "lat", "lon"], name="sst")
    lazy = field.chunk(dict(zip(field.dims, chunks, strict=True))).transpose(*order)
    expected = regrid(field.transpose(*order), "20x18", method, skipna=skipna)
    result = regrid(lazy, "20x18", method, skipna=skipna)
    assert isinstance(result.data, da.Array)
    assert result.dims == expected.dims == tuple(order)
    assert result.chunksizes["time"] == chunks[0]
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12 * 300)
    assert expected.dtype == np.float64


def test_whole_maps_stream_through_what_follows() -> None:
    rng = np.random.default_rng(1)
    time = np.arange("2001-01", "2005-01", dtype="datetime64[M]").astype("datetime64[ns]")
    field = xr.DataArray(
        rng.normal(size=(48, 18, 36)), {"time": time} | dict(_globe(10).coords), ["time", "lat", "lon"]
    )
    expected = climatology(regrid(field, "20x20", "conservative"))
    whole = climatology(regrid(field.chunk(time=1), "20x20", "conservative"))
    assert len(dict(optimize(whole)[0].__dask_graph__())) < 120  # one task streams several maps
    np.testing.assert_allclose(whole, expected, atol=1e-12)
    parts = climatology(regrid(field.chunk(time=7, lat=5, lon=11), "20x20", "conservative"))
    np.testing.assert_allclose(parts, expected, atol=1e-12)


def test_graphs_stay_symbolic() -> None:
    for chunks in ((1, 9, 18), (1, 18, 36)):
        huge = xr.DataArray(da.zeros((10**6, 18, 36), chunks=chunks), _globe(10).coords, ["time", "lat", "lon"])
        result = regrid(huge, "20x20")
        own = [layer for name, layer in result.data.dask.layers.items() if name.startswith("regrid")]
        assert own
        assert not any(type(layer).__name__ == "MaterializedLayer" for layer in own)


def test_every_chunk_and_no_other_is_read(ostia_repository: Path) -> None:
    sst = open_dataset(ostia_repository, chunks={})["surface_temperature"]
    for method in METHODS:
        found = read_plan(regrid(sst, "5x5", method))  # type: ignore[arg-type]
        assert [(one.path.split("/")[-1], len(one.chunks)) for one in found.arrays] == [("surface_temperature", 5)]
        assert not found.unattributed
    cut_maps = sst.chunk(longitude=100)
    inside = regrid(cut_maps, _grid([-2.0, 0.0, 2.0], [10.0, 12.0]))
    assert read_plan(inside).arrays[0].region[2].stop <= 100
    np.testing.assert_allclose(inside, regrid(sst, inside), atol=1e-10)


def test_attributes() -> None:
    field = _globe(2).assign_coords(depth=5.0)
    field.attrs |= {
        "cell_measures": "area: areacello",
        "cell_methods": "time: mean",
        "history": "made",
        "long_name_zh": "海温",
    }
    result = regrid(field, (4, 4), "conservative_normed", skipna=True)
    assert result.attrs["units"] == "degC"
    assert result.attrs["long_name_zh"] == "海温"
    assert result.attrs["cell_methods"] == "time: mean area: mean"
    assert result.attrs["regrid_method"] == "conservative_normed"
    assert result.attrs["regrid_source_grid"] == read_grid(field).fingerprint()
    assert "cell_measures" not in result.attrs
    first, last = result.attrs["history"].splitlines()
    assert first == "made"
    assert "regrid((4, 4), method='conservative_normed', skipna=True) of 'sst'" in last
    assert float(result.depth) == 5.0
    assert result.lat.attrs["units"] == "degrees_north"
    assert regrid(field, (4, 4)).attrs["cell_methods"] == "time: mean"


def test_a_dataset_with_bounds_of_its_own() -> None:
    dataset = _globe(10).to_dataset()
    edges = np.linspace(-1, 1, 19)
    uneven = np.degrees(np.arcsin(edges))  # rows of equal area
    dataset = dataset.assign_coords(lat=("lat", (uneven[:-1] + uneven[1:]) / 2, dict(dataset.lat.attrs)))
    dataset["lat_bnds"] = (("lat", "bnds"), np.stack([uneven[:-1], uneven[1:]], axis=1))
    dataset.lat.attrs["bounds"] = "lat_bnds"
    dataset["mean"] = dataset.sst.mean()
    result = regrid(dataset, "90x90", "conservative")
    assert set(result.data_vars) == {"sst", "mean", "lat_bnds", "lon_bnds"}
    mean = float((result.sst * cell_areas(result.sst)).sum() / cell_areas(result.sst).sum())
    assert mean == pytest.approx(float(dataset.sst.mean()), rel=1e-12)
    assert result.lat_bnds.values.tolist() == [[-90, 0], [0, 90]]
    assert result.lat.attrs["bounds"] == "lat_bnds"
    assert "bounds" not in regrid(dataset.sst, "90x90").lat.attrs
    again = regrid(result, "90x90", "conservative")
    np.testing.assert_allclose(again.sst, result.sst, rtol=1e-14)


def test_nearest_is_the_nearest_along_each_axis() -> None:
    field = _globe(5)
    target = _grid([-89, -3, 0.1, 33, 89.9], [-179.9, -0.1, 0.1, 2.4, 357.6])
    result = regrid(field, target, "nearest")
    lat = [int(np.argmin(np.abs(field.lat.to_numpy() - one))) for one in target.lat.to_numpy()]
    lon = [int(np.argmin(np.abs((field.lon.to_numpy() - one + 180) % 360 - 180))) for one in target.lon.to_numpy()]
    np.testing.assert_array_equal(result, field.to_numpy()[np.ix_(lat, lon)])


def test_what_cannot_be_done_is_refused() -> None:
    field = _globe(10)
    with pytest.raises(InputError, match="no method 'bilinaer'"):
        regrid(field, "1x1", "bilinaer")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="dlon is 7 degrees"):
        regrid(field, "7x5")
    with pytest.raises(InputError, match="target is 5"):
        regrid(field, 5)
    with pytest.raises(InputError, match="na_thres is 2"):
        regrid(field, "5x5", skipna=True, na_thres=2)
    with pytest.raises(InputError, match=r"na_thres is 0.5 without skipna"):
        regrid(field, "5x5", na_thres=0.5)
    with pytest.raises(NotFoundError, match="no latitude axis"):
        regrid(field.drop_vars("lat"), "5x5")
    with pytest.raises(InputError, match="no bounds"):
        regrid(field.isel(lat=[3]), "5x5", "conservative")
    metres = field.assign_coords(lat=field.lat * 1e5)
    metres.lat.attrs["units"] = "degrees_north"
    with pytest.raises(InputError, match="need degrees within 90"):
        regrid(metres, "5x5")
    with pytest.raises(InputError, match="takes numbers"):
        regrid(field.astype(str), "5x5")
    with pytest.warns(OceanDataWarning, match="no cell of the target"):
        assert regrid(field.isel(lat=slice(0, 2)), _grid([50.0], [5.0])).isnull().all()


def test_maps_that_do_not_fit_are_refused_with_a_chunking_that_does() -> None:
    field = xr.DataArray(da.zeros((400, 18, 36), chunks=(400, 18, 36)), _globe(10).coords, ["time", "lat", "lon"])
    with set_options(memory_bytes=8 * 20_000_000):
        with pytest.raises(MemoryBudgetError, match=r"obj.chunk\({'time': (\d+)}\)") as caught:
            regrid(field, "1x1")
        steps = int(str(caught.value).split("'time': ")[1].split("}")[0])
        assert regrid(field.chunk(time=steps), "1x1").shape == (400, 180, 360)
        with pytest.raises(MemoryBudgetError, match="'time'"):
            regrid(field.chunk(time=steps * 2), "1x1")


def test_regular_grids_fill_the_globe() -> None:
    grid = regular_grid(2.5, 0.3, west=-180)
    assert grid.shape == (600, 144)
    assert grid.lon_cells[0, 0] == -180
    assert grid.lat_cells[-1, 1] == 90
    assert grid.is_periodic()


@pytest.mark.parametrize(
    ("method", "options", "expected"),
    [("conservative", {"skipna": True}, 18.079286), ("bilinear", {}, 18.115480)],
)
def test_levitus_against_recorded_answers_of_cdo(
    shared_data: Path, method: Any, options: dict[str, bool], expected: float
) -> None:
    path = shared_data / "ferret-datasets" / "levitus_climatology.cdf"
    with xr.open_dataset(path, decode_times=False) as dataset:
        surface = dataset["TEMP"].isel(ZAXLEVITR=0).load()
    result = regrid(surface, _grid(np.arange(-89, 90, 2), np.arange(0, 360, 2)), method, **options)
    assert float(area_mean(result)) == pytest.approx(expected, abs=1e-3)  # CDO's areas have edges of great circles


def test_oisst_against_recorded_answers_of_cdo(shared_data: Path) -> None:
    answer = json.loads((shared_data / "REFERENCE_cdo.json").read_text())["results"]["oisst_20211025_zonmean_remap"]
    expected = np.array([np.nan if value == -999 else value for value in answer["values"]])
    with xr.open_dataset(shared_data / "oisst" / "oisst-avhrr-v02r01.20211025.nc") as dataset:
        sst = dataset["sst"].load()
    target = _grid(np.arange(-85, 90, 10), np.arange(0, 360, 10))
    zonal = regrid(sst, target, "conservative", skipna=True).mean("lon").squeeze()
    np.testing.assert_allclose(zonal, expected, atol=1e-4)


@pytest.mark.skipif(shutil.which("cdo") is None, reason="needs the program cdo")
def test_cdo_cell_by_cell(tmp_path: Path, ostia_file: Path) -> None:
    with xr.open_dataset(ostia_file) as dataset:
        belt = dataset["surface_temperature"].isel(time=0).reset_coords(drop=True).load().astype("f8")
    belt.encoding.clear()
    # grids of which no centre lies on a row or column of another: there CDO lets a missing neighbour of weight 0 count
    globe = _globe(2.4, west=0.3, gaps=0.3, seed=5).rename("surface_temperature")
    commands = {"bilinear": "remapbil", "conservative_normed": "remapcon"}
    for number, (source, grid) in enumerate([(belt, "r74x50"), (globe, "r72x36"), (globe, "r200x90")]):
        path = tmp_path / f"{number}.nc"
        source.to_dataset(name="surface_temperature").to_netcdf(path)
        for method, operator in commands.items():
            out = tmp_path / f"{number}-{operator}.nc"
            command = ["cdo", "-s", "-b", "F64", f"{operator},{grid}", str(path), str(out)]
            subprocess.run(command, check=True, env=os.environ | {"REMAP_EXTRAPOLATE": "off"})
            with xr.open_dataset(out) as answer:
                expected = answer["surface_temperature"].load()
            conservative = method != "bilinear"
            result = regrid(source, expected, method, skipna=conservative)  # type: ignore[arg-type]
            inside = np.abs(expected.lat) < 80  # towards the poles CDO turns to a mean of four neighbours
            result, expected = result.where(inside, drop=True), expected.where(inside, drop=True)
            assert int(expected.notnull().sum()) > 50
            np.testing.assert_array_equal(result.isnull(), expected.isnull(), err_msg=f"{number} {method}")
            tolerance = 1e-9
            np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance, err_msg=f"{number} {method}")
