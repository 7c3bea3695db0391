"""Area means against hand calculations, published values, and CDO."""

import json
import math
import shutil
import subprocess
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from oceandata.analysis import area_mean, cell_areas, mean
from oceandata.errors import InputError, OceanDataWarning, RegionError

RADIUS_M = 6_371_000.0


def _field(values: Any, lat: Any, lon: Any, **attributes: Any) -> xr.DataArray:
    """Array on a latitude-longitude grid; one value fills it."""
    shape = (len(lat), len(lon))
    array = xr.DataArray(
        np.broadcast_to(np.asarray(values, float), shape).copy(),
        {"lat": np.asarray(lat, float), "lon": np.asarray(lon, float)},
        ["lat", "lon"],
        name="sst",
        attrs={"units": "degC"} | attributes,
    )
    array.lat.attrs["units"], array.lon.attrs["units"] = "degrees_north", "degrees_east"
    return array


def _longitudes(lon0: float, step: float = 10.0) -> xr.DataArray:
    """Global field whose value is the longitude of the cell's centre on 0..360, cells of `step` degrees."""
    lon = lon0 + step / 2 + step * np.arange(int(360 / step))
    return _field(lon % 360, [-15.0, -5.0, 5.0, 15.0], lon)


def _box_area(west: float, south: float, east: float, north: float) -> float:
    band = math.sin(math.radians(north)) - math.sin(math.radians(south))
    return RADIUS_M**2 * math.radians(east - west) * band


def test_areas_of_one_degree_cells_fill_the_sphere() -> None:
    globe = _field(0, np.arange(-89.5, 90), np.arange(20.5, 380))
    assert float(cell_areas(globe).sum()) == pytest.approx(5.10064471909788e14, rel=1e-12)


def test_area_of_cells_at_the_poles_is_that_of_their_half() -> None:
    globe = _field(0, np.arange(-90, 91, 2), np.arange(0, 360, 2))
    areas = cell_areas(globe)
    assert float(areas.sum()) == pytest.approx(4 * math.pi * RADIUS_M**2, rel=1e-12)
    assert float(areas[0, 0]) == pytest.approx(_box_area(0, -90, 2, -89), rel=1e-9)


@pytest.mark.parametrize(
    "box", [(0, -90, 360, 90), (3, -7.5, 19, 12), (170, -10, -170, 10), (-5, -1, 5, 1), (350, -20, 370, 20)]
)
@pytest.mark.parametrize("lon0", [0.0, -180.0, 20.0])
def test_area_inside_a_region_is_that_of_the_box(lon0: float, box: tuple[float, float, float, float]) -> None:
    globe = _field(0, np.arange(-89.5, 90), lon0 + np.arange(0.5, 360))
    west, south, east, north = box
    width = (east - west) % 360 or 360
    assert float(cell_areas(globe, region=box).sum()) == pytest.approx(_box_area(0, south, width, north), rel=1e-9)


def test_declared_bounds_of_a_dataset_are_used() -> None:
    dataset = _field(0, [0.0, 10.0], [0.0, 10.0]).to_dataset()
    dataset["lat_bnds"] = (("lat", "bnds"), [[-1.0, 4.0], [4.0, 20.0]])
    dataset.lat.attrs["bounds"] = "lat_bnds"
    areas = cell_areas(dataset)  # type: ignore[arg-type]
    assert float(areas[1, 0]) == pytest.approx(_box_area(0, 4, 10, 20), rel=1e-12)


def test_levitus_surface_temperature(shared_data: Path) -> None:
    path = shared_data / "ferret-datasets" / "levitus_climatology.cdf"
    with xr.open_dataset(path, decode_times=False) as dataset:
        surface = dataset["TEMP"].isel(ZAXLEVITR=0).load()
    assert float(area_mean(surface)) == pytest.approx(18.103284, abs=1e-6)
    around = area_mean(surface, region=(350, -10, 15, 10))  # 20.5..379.5 holds 350..15 beyond its own seam
    chosen = surface.sel(YAXLEVITR=slice(-10, 10))
    chosen = chosen.isel(XAXLEVITR=(chosen.XAXLEVITR.to_numpy() - 350) % 360 < 25)
    weight = np.cos(np.radians(chosen.YAXLEVITR))
    assert float(around) == pytest.approx(float(chosen.weighted(weight).mean()), rel=1e-12)


@pytest.mark.parametrize(
    ("answer", "file", "name", "region"),
    [
        ("ersst_fldmean", "ersst/sst.mnmean.nc", "sst", None),
        ("coads_sst_fldmean_12mon", "ferret-datasets/coads_climatology.cdf", "SST", None),
        ("levitus_SALT_fldmean_by_level", "ferret-datasets/levitus_climatology.cdf", "SALT", None),
        ("oisst_20211025_sst_fldmean", "oisst/oisst-avhrr-v02r01.20211025.nc", "sst", None),
    ],
)
def test_cdo_where_it_made_its_own_corners(
    shared_data: Path, answer: str, file: str, name: str, region: tuple[float, ...] | None
) -> None:
    expected = json.loads((shared_data / "REFERENCE_cdo.json").read_text())["results"][answer]["values"]
    with xr.open_dataset(shared_data / file, decode_times=False) as dataset:
        means = area_mean(dataset[name].load(), region=region)
    np.testing.assert_allclose(means.to_numpy().ravel(), expected, atol=2e-3)


@pytest.mark.skipif(shutil.which("cdo") is None, reason="needs the program cdo")
def test_cdo_with_the_same_cell_areas(tmp_path: Path, ostia_file: Path) -> None:
    with xr.open_dataset(ostia_file) as dataset:
        sst = dataset["surface_temperature"].isel(time=slice(0, 5)).reset_coords(drop=True).load().astype("f8")
    areas = cell_areas(sst).rename("areacello")
    sst.encoding.clear()
    sst.to_dataset(name="sst").to_netcdf(tmp_path / "sst.nc")
    areas.to_dataset().to_netcdf(tmp_path / "areas.nc")
    command = ["cdo", "-s", "-b", "F64", "-outputf,%.12g,1", "-fldmean", f"-setgridarea,{tmp_path / 'areas.nc'}"]
    run = subprocess.run([*command, str(tmp_path / "sst.nc")], capture_output=True, text=True, check=True)
    expected = [float(line) for line in run.stdout.split()]
    np.testing.assert_allclose(area_mean(sst), expected, rtol=0, atol=1e-6)
    declared = sst.assign_coords(areacello=areas)
    declared.attrs["cell_measures"] = "area: areacello"
    np.testing.assert_array_equal(area_mean(declared), area_mean(sst, weights=areas))


def test_cells_cut_by_the_edge_count_by_the_part_inside() -> None:
    field = _longitudes(0.0)
    mean = area_mean(field, region=(8, -5, 24, 5))  # 2 of cell 0..10, 10 of 10..20, 4 of 20..30
    assert float(mean) == pytest.approx((2 * 5 + 10 * 15 + 4 * 25) / 16, rel=1e-12)
    rows = _field([[0.0] * 36, [1.0] * 36, [2.0] * 36, [4.0] * 36], [-15, -5, 5, 15], np.arange(5, 360, 10))
    low, high = _box_area(0, 0, 10, 10), _box_area(0, 10, 10, 12)
    assert float(area_mean(rows, region=(0, 0, 90, 12))) == pytest.approx(
        (2 * low + 4 * high) / (low + high), rel=1e-12
    )


@pytest.mark.parametrize("lon0", [0.0, -180.0, 20.0, 175.0])
@pytest.mark.parametrize("turn", [0, 360, -360])
def test_box_over_the_seam_on_any_turn(lon0: float, turn: int) -> None:
    field = _longitudes(lon0, 5.0).assign_coords(lon=lambda old: old.lon + turn)
    field.lon.attrs["units"] = "degrees_east"
    signed = field.copy(data=np.where(field > 180, field - 360, field))
    for date_line in [(170, -5, -170, 5), (170, -5, 190, 5), (-190, -5, -170, 5)]:
        assert float(area_mean(field, region=date_line)) == pytest.approx(180, rel=1e-12)
    for greenwich in [(-10, -5, 12, 5), (350, -5, 12, 5), (350, -5, 372, 5)]:  # four whole cells and 2 of 10..15
        assert float(area_mean(signed, region=greenwich)) == pytest.approx(2 * 12.5 / 22, rel=1e-12)


def test_latitude_may_run_either_way() -> None:
    field = _longitudes(0.0) + xr.DataArray([0.0, 1.0, 2.0, 3.0], dims="lat")
    field.lat.attrs["units"] = "degrees_north"
    box = (20, -12, 70, 3)
    assert float(area_mean(field[::-1], region=box)) == pytest.approx(float(area_mean(field, region=box)), rel=1e-14)


def test_missing_values_take_their_weight_with_them() -> None:
    field = _field([[1.0, np.nan], [3.0, 5.0]], [-30, 30], [90, 270])
    assert float(area_mean(field)) == pytest.approx(3.0, rel=1e-14)
    mask = xr.DataArray([[True, True], [False, True]], dims=["lat", "lon"])
    assert float(area_mean(field, mask=mask)) == pytest.approx(3.0, rel=1e-14)
    assert float(area_mean(field, mask=mask.transpose(), region=(180, -60, 360, 60))) == pytest.approx(5.0, rel=1e-14)
    assert float(area_mean(field, weights=xr.DataArray([[1, 9], [1, 2]], dims=["lat", "lon"]))) == pytest.approx(3.5)


def test_step_without_valid_values_is_missing_and_others_are_not() -> None:
    field = xr.concat([_field(2.0, [-30, 30], [90, 270]), _field(np.nan, [-30, 30], [90, 270])], "time")
    assert area_mean(field).to_numpy().tolist() == pytest.approx([2.0, np.nan], nan_ok=True)


def test_least_weight() -> None:
    first, half = _field(2.0, [-30, 30], [90, 270]), _field([[2.0, np.nan], [2.0, np.nan]], [-30, 30], [90, 270])
    field = xr.concat([first, half], "time")
    assert np.isnan(area_mean(field, min_weight=0.51)).to_numpy().tolist() == [False, True]
    assert np.isnan(area_mean(field, min_weight=0.5)).to_numpy().tolist() == [False, False]
    assert not np.isnan(area_mean(first, min_weight=1.0))
    with pytest.raises(InputError, match=r"min_weight is 1\.5"):
        area_mean(field, min_weight=1.5)


def test_region_beyond_the_data_is_said_with_both_boxes() -> None:
    field = _field(1.0, [-4, -2, 0, 2], np.arange(1, 360, 2))
    with pytest.warns(OceanDataWarning, match=r"asked for is 170W-120W 5S-5N; .* cover 170W-120W 5S-3N, 80\.\d% of it"):
        mean = area_mean(field, region=(-170, -5, -120, 5))
    assert mean.attrs["region_asked"] == [-170, -5, -120, 5]
    assert mean.attrs["region_covered"] == pytest.approx([-170, -5, -120, 3])
    assert mean.attrs["region_covered_fraction"] == pytest.approx(0.8, abs=2e-3)
    with pytest.raises(RegionError, match=r"170W-120W 5S-5N; .* 5S-3N, 80.*need at least 90\.0%"):
        area_mean(field, region=(-170, -5, -120, 5), min_weight=0.9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert area_mean(field, region=(-170, -5, -120, 3)).attrs["region_covered_fraction"] == 1


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ((0, 10, 20, -10), "corners may be swapped"),
        ((0, -91, 20, 10), "need -90 <= south < north <= 90"),
        ((5, 0, 5, 10), "need two different longitudes"),
        ((0, float("nan"), 5, 10), "need -90 <= south"),
        (("W", 0, 5, 10), "need four numbers"),
        ((0, 1, 2), "need four numbers"),
        ((40, 40, 50, 50), "no cell of the data lies in 40E-50E 40N-50N"),
    ],
)
def test_refused_regions(region: Any, message: str) -> None:
    with pytest.raises(RegionError, match=message):
        area_mean(_longitudes(0.0), region=region)


def test_refused_arguments() -> None:
    field = _longitudes(0.0)
    with pytest.raises(InputError, match=r"takes one variable, got a Dataset with sst.*Choose one: ds\[name\]"):
        area_mean(field.to_dataset())  # type: ignore[arg-type]
    with pytest.raises(InputError, match="takes numbers"):
        area_mean(field.astype(str))
    with pytest.raises(InputError, match="cannot be joined"):
        area_mean(field, region=(0, 0, 10, 10), weights=cell_areas(field))
    with pytest.raises(RegionError, match="no cell of the data lies in the mask"):
        area_mean(field, mask=field < -1)
    with pytest.raises(InputError, match="width of its cell is unknown"):
        area_mean(field.isel(lat=[0]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda areas: areas[::-1], "other 'lat' values"),
        (lambda areas: areas.assign_coords(lon=areas.lon - 360), "other 'lon' values"),
        (lambda areas: areas[:2], "2 cells along 'lat', the data 4"),
        (lambda areas: areas.drop_vars("lat")[:2], "2 cells along 'lat', the data 4"),
        (lambda areas: areas.rename(lat="y"), "has dimensions"),
    ],
    ids=["flipped", "other turn", "half", "half without names", "other dimension"],
)
def test_weights_and_masks_of_another_grid_are_refused(change: Any, message: str) -> None:
    field = _longitudes(0.0)
    with pytest.raises(InputError, match=message):
        area_mean(field, weights=change(cell_areas(field)))
    with pytest.raises(InputError, match=message):
        area_mean(field, mask=change(cell_areas(field) > 0))


def test_masks_that_are_no_masks_are_refused() -> None:
    field = _longitudes(0.0)
    with pytest.raises(InputError, match="holds float64 values, need True and False"):
        area_mean(field, mask=field.where(field > 100))
    steps = field.expand_dims(time=3)
    with pytest.raises(InputError, match=r"obj\.where\(mask\)"):
        area_mean(steps, mask=steps > 100)


def test_curvilinear_grid_needs_weights() -> None:
    coords = {name: (("y", "x"), np.arange(6.0).reshape(2, 3), {"units": f"degrees_{way}"})
              for name, way in (("lat", "north"), ("lon", "east"))}  # fmt: skip
    field = xr.DataArray([[1.0, 2.0, 3.0], [4.0, 5.0, np.nan]], coords, ["y", "x"], name="tos")
    with pytest.raises(InputError, match="Pass weights= with the cell areas"):
        area_mean(field)
    areas = xr.DataArray([[1.0, 1.0, 2.0], [2.0, 4.0, np.nan]], dims=["y", "x"])
    assert float(area_mean(field, weights=areas)) == pytest.approx((1 + 2 + 6 + 8 + 20) / 10)
    declared = field.assign_coords(areacello=areas)
    declared.attrs["cell_measures"] = "volume: volcello area: areacello"
    assert float(area_mean(declared)) == pytest.approx(3.7)


def test_any_order_of_dimensions_and_any_number_type() -> None:
    steps = xr.concat([_longitudes(0.0), 2 * _longitudes(0.0)], "time")
    expected = [180.0, 360.0]
    for order in (("time", "lat", "lon"), ("lon", "time", "lat"), ("lat", "lon", "time")):
        np.testing.assert_allclose(area_mean(steps.transpose(*order)), expected, rtol=1e-14)
        np.testing.assert_allclose(area_mean(steps.transpose(*order).chunk(lat=3, lon=7)), expected, rtol=1e-14)
    whole = area_mean(steps.astype("int16"))
    assert whole.dtype == np.float64
    np.testing.assert_allclose(whole, expected, rtol=1e-14)
    assert float(area_mean(steps.isel(time=0) > 90)) == pytest.approx(0.75, rel=1e-12)


def test_single_precision_is_summed_in_double() -> None:
    lat = np.linspace(-89.5, 89.5, 180)
    field = _field(290.1, lat, np.arange(0.5, 360)).astype("float32")
    assert float(area_mean(field)) == pytest.approx(float(np.float32(290.1)), rel=1e-14)


def test_attributes_say_what_was_done() -> None:
    field = _longitudes(0.0).assign_attrs(
        standard_name="sea_surface_temperature", cell_methods="time: mean", history="x"
    )
    mean = area_mean(field, region=(0, -10, 90, 10))
    assert mean.attrs["units"] == "degC"
    assert mean.attrs["standard_name"] == "sea_surface_temperature"
    assert mean.attrs["cell_methods"] == "time: mean area: mean where sea"
    assert mean.attrs["history"].startswith("x\n")
    assert "area_mean(region=(0.0, -10.0, 90.0, 10.0)" in mean.attrs["history"]
    assert mean.name == "sst"


def test_a_grid_of_kilometres_needs_no_map_of_its_areas() -> None:
    lat, lon = np.linspace(-89.995, 89.995, 18_000), np.linspace(0.005, 359.995, 36_000)
    field = xr.DataArray(da.ones((18_000, 36_000), chunks=4_000), {"lat": lat, "lon": lon}, ["lat", "lon"], name="sst")
    field["lat"].attrs["units"], field["lon"].attrs["units"] = "degrees_north", "degrees_east"
    tracemalloc.start()
    found = area_mean(field, region=(-170.0, -5.0, -120.0, 5.0))
    everywhere = mean(field)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50e6  # a map of areas would take 5 GB
    assert found.shape == everywhere.shape == ()
