"""Maps: what is drawn, where, in which colours, on both sides of the date line."""

import sys
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.colors import to_rgb
from matplotlib.offsetbox import AnchoredText
from matplotlib.patches import Rectangle

from oceandata.errors import InputError, MissingExtraError, NotFoundError, OceanDataWarning, RegionError
from oceandata.plot import plot_map
from oceandata.plot.maps import _COLOURS, _MISSING_GREY, _ocean_colours


def _mesh(ax: Axes) -> QuadMesh:
    return next(artist for artist in ax.collections if isinstance(artist, QuadMesh))


def _coast(ax: Axes) -> LineCollection:
    return next(artist for artist in ax.collections if isinstance(artist, LineCollection))


def _rectangles(ax: Axes) -> list[tuple[float, float, float, float]]:
    """West, south, east, north of the boxes."""
    boxes = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    return [(b.get_x(), b.get_y(), b.get_x() + b.get_width(), b.get_y() + b.get_height()) for b in boxes]


def _labels(ax: Axes) -> tuple[list[str], list[str]]:
    ax.figure.canvas.draw()
    return (
        [text.get_text() for text in ax.get_xticklabels()],
        [text.get_text() for text in ax.get_yticklabels()],
    )


def _field(longitudes: np.ndarray, latitudes: np.ndarray, **attrs: str) -> xr.DataArray:
    """Field whose value is its longitude on 0 to 360."""
    values = np.broadcast_to(longitudes % 360, (latitudes.size, longitudes.size))
    coords = {
        "lat": ("lat", latitudes, {"units": "degrees_north"}),
        "lon": ("lon", longitudes, {"units": "degrees_east"}),
    }
    return xr.DataArray(values.astype("float64"), coords, ("lat", "lon"), attrs=attrs)


def test_global_belt(sst: xr.DataArray, tmp_path: Path) -> None:
    field = sst.isel(time=0)
    ax = plot_map(field)
    assert ax.get_xlim() == pytest.approx((-0.4167, 359.5833), abs=1e-3)
    assert ax.get_ylim() == pytest.approx((-5.2778, 4.7222), abs=1e-3)
    assert ax.get_title() == "surface temperature"
    mesh = _mesh(ax)
    assert mesh.get_array().shape == (18, 432)
    assert mesh.get_clim() == pytest.approx((float(field.min()), float(field.max())))
    assert mesh.colorbar.ax.get_xlabel() == "K"
    ax.figure.savefig(tmp_path / "belt.png")
    assert plt.imread(tmp_path / "belt.png").std() > 0.1


def test_missing_cells_are_masked_and_grey(sst: xr.DataArray) -> None:
    field = sst.isel(time=0)
    n_missing = int(field.isnull().sum())
    assert n_missing > 1000
    ax = plot_map(field, colorbar=False)
    assert np.ma.count_masked(_mesh(ax).get_array()) == n_missing
    ax.figure.canvas.draw()
    pixels = np.asarray(ax.figure.canvas.buffer_rgba())[..., :3]
    column, row = ax.transData.transform((25.0, 0.1))  # central Africa
    drawn = pixels[pixels.shape[0] - 1 - int(row), int(column)] / 255
    assert drawn == pytest.approx(np.array(to_rgb(_MISSING_GREY)), abs=0.01)


def test_grey_is_no_colour_of_any_scale() -> None:
    grey = np.array(to_rgb(_MISSING_GREY))
    for _, ours, theirs, _ in (*_COLOURS, ("", "matter_r", "viridis", False)):
        for cmap in (_ocean_colours(ours), plt.get_cmap(theirs)):
            distance = np.abs(cmap(np.linspace(0, 1, 256))[:, :3] - grey).max(axis=1)
            assert distance.min() > 0.06, (ours, theirs)


def test_values_are_drawn_at_their_longitudes(sst: xr.DataArray) -> None:
    field = sst.isel(time=0)
    here = plot_map(field)
    west = field.assign_coords(longitude=(field.longitude + 180) % 360 - 180)  # 0..179, -180..-1 as it is stored
    there = plot_map(west)
    assert there.get_xlim() == pytest.approx((-180.4167, 179.5833), abs=1e-3)
    values, moved = _mesh(here).get_array(), _mesh(there).get_array()
    np.testing.assert_array_equal(moved[:, :216].filled(-1), values[:, 216:].filled(-1))
    np.testing.assert_array_equal(moved[:, 216:].filled(-1), values[:, :216].filled(-1))


@pytest.mark.parametrize(
    "longitudes",
    [
        np.arange(151.0, 210.0, 2),
        np.concatenate([np.arange(151.0, 180.0, 2), np.arange(-179.0, -150.0, 2)]),
        np.concatenate([np.arange(-179.0, -150.0, 2), np.arange(151.0, 180.0, 2)]),
        np.arange(209.0, 150.0, -2),
    ],
    ids=["0 to 360", "as selected", "sorted", "descending"],
)
def test_box_across_the_date_line_is_contiguous(longitudes: np.ndarray) -> None:
    ax = plot_map(_field(longitudes, np.arange(-9.0, 10.0, 2)))
    assert ax.get_xlim() == (150, 210)
    np.testing.assert_array_equal(_mesh(ax).get_array()[0], np.arange(151.0, 210.0, 2))
    assert {"160°E", "180°", "160°W"} < set(_labels(ax)[0])


def test_real_pacific_across_the_date_line(sst: xr.DataArray) -> None:
    east = plot_map(sst.isel(time=0).sel(longitude=slice(190, 240)))
    assert east.get_xlim() == pytest.approx((-170.4167, -119.5833), abs=1e-3)
    across = plot_map(sst.isel(time=0).sel(longitude=slice(150, 210)))
    assert across.get_xlim() == pytest.approx((149.5833, 210.4167), abs=1e-3)


def test_box_across_greenwich_is_contiguous() -> None:
    longitudes = np.concatenate([np.arange(0.5, 10.0), np.arange(350.5, 360.0)])
    ax = plot_map(_field(longitudes, np.arange(50.0, 60.0)))
    assert ax.get_xlim() == (-10, 10)
    assert _mesh(ax).get_array()[0, 0] == 350.5


def test_repeated_meridian_is_drawn_once() -> None:
    ax = plot_map(_field(np.arange(0.0, 361.0, 10), np.arange(-80.0, 81.0, 10)))
    assert ax.get_xlim() == (-5, 355)


def test_descending_latitude_and_transposed_dimensions_change_nothing(sst: xr.DataArray) -> None:
    field = sst.isel(time=0)
    expected = plot_map(field)
    flipped = plot_map(field.isel(latitude=slice(None, None, -1)).transpose())
    assert flipped.get_ylim() == expected.get_ylim()
    np.testing.assert_array_equal(_mesh(flipped).get_array()[::-1].filled(-1), _mesh(expected).get_array().filled(-1))


def test_edges_stop_at_the_poles() -> None:
    ax = plot_map(_field(np.arange(0.0, 360.0, 10), np.arange(-90.0, 91.0, 10)))
    assert ax.get_ylim() == (-90, 90)


def test_lazy_field_is_drawn(sst: xr.DataArray) -> None:
    ax = plot_map(sst.isel(time=0).chunk({"longitude": 100}))
    assert _mesh(ax).get_array().count() == int(sst.isel(time=0).count())


@pytest.mark.parametrize(
    ("south", "north", "west", "east", "aspect"),
    [
        (-60, 60, 0, 360, 1.0),
        (50, 70, 0, 40, 2.0),  # a degree of longitude at 60° is half as wide
        (-5, 5, 0, 360, 360 / 10 / 8),  # stretched to 8 : 1
        (-60, 60, 0, 10, 10 / 120 * 3),  # and to 1 : 3
    ],
)
def test_proportions(south: float, north: float, west: float, east: float, aspect: float) -> None:
    ax = plot_map(_field(np.arange(west + 0.5, east), np.arange(south + 0.5, north)))
    assert ax.get_aspect() == pytest.approx(aspect)


def test_coastline_shows_what_the_map_shows() -> None:
    whole = plot_map(_field(np.arange(-179.5, 180), np.arange(-89.5, 90)))
    segments = _coast(whole).get_segments()
    assert len(segments) == 126 + 2  # Eurasia and Wrangel Island cross the edge and show on both sides
    assert sum(s[:, 0].min() < -181 and s[:, 0].max() > -179.9 for s in segments) == 2
    assert sum(s[:, 0].min() < 179.9 and s[:, 0].max() > 180.1 for s in segments) == 2
    pacific = _coast(plot_map(_field(np.arange(150.5, 290), np.arange(-59.5, 60)))).get_segments()
    inside = [s for s in pacific if ((s[:, 0] > -210) & (s[:, 0] < -70)).any()]
    assert len(inside) > 50
    new_zealand = [s for s in pacific if abs(s[:, 0].mean() - 170.5 + 360) < 2 and abs(s[:, 1].mean() + 44) < 2]
    assert len(new_zealand) == 1


def test_anomaly_is_centred_on_zero(anomaly: xr.DataArray) -> None:
    field = anomaly.isel(time=20)
    mesh = _mesh(plot_map(field))
    reach = float(abs(field).max())
    assert mesh.get_clim() == pytest.approx((-reach, reach))
    assert float(field.min()) == pytest.approx(-reach)  # this month is a La Niña
    assert mesh.cmap.name == "balance"


def test_centre_moves_the_scale(sst: xr.DataArray) -> None:
    field = sst.isel(time=0)
    mesh = _mesh(plot_map(field, centre=301.0))
    low, high = mesh.get_clim()
    assert (low + high) / 2 == pytest.approx(301.0)
    assert low == pytest.approx(float(field.min()))
    assert mesh.cmap.name == "balance"
    assert _mesh(plot_map(field, centre=301.0, cmap="coolwarm")).cmap.name == "coolwarm"


@pytest.mark.parametrize(
    ("attrs", "cmap", "fallback"),
    [
        ({"standard_name": "sea_surface_temperature", "units": "K"}, "thermal", "inferno"),
        ({"units": "degC"}, "thermal", "inferno"),
        ({"long_name": "Sea Surface Temperature Anomalies", "units": "degC"}, "balance", "RdBu_r"),
        ({"standard_name": "sea_water_practical_salinity", "units": "1"}, "haline", "viridis"),
        ({"standard_name": "eastward_sea_water_velocity", "units": "m s-1"}, "balance", "RdBu_r"),
        ({"standard_name": "wind_speed", "units": "m s-1"}, "speed", "YlGn"),
        ({"standard_name": "ocean_mixed_layer_thickness_defined_by_temperature", "units": "m"}, "deep", "YlGnBu"),
        ({"standard_name": "sea_ice_area_fraction", "units": "1"}, "ice", "Blues_r"),
        ({"long_name": "device number", "units": "1"}, "matter_r", "viridis"),
        ({}, "matter_r", "viridis"),
    ],
)
def test_colours_follow_the_quantity(
    attrs: dict[str, str], cmap: str, fallback: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = _field(np.arange(0.0, 10.0), np.arange(0.0, 10.0), **attrs)
    assert _mesh(plot_map(field)).cmap.name == cmap
    monkeypatch.setitem(sys.modules, "cmocean", None)
    assert _mesh(plot_map(field)).cmap.name == fallback


def test_boxes_stand_where_they_are(sst: xr.DataArray) -> None:
    boxes = {"Niño 3.4": (-170, -4, -120, 4), "Atlantic": (-20, -3, 10, 3), "west": (150, -2, -150, 2)}
    ax = plot_map(sst.isel(time=0), boxes=boxes)
    assert _rectangles(ax) == [
        (190, -4, 240, 4),
        (-20, -3, 10, 3),  # cut by the edge of the map: drawn on both sides
        (340, -3, 370, 3),
        (150, -2, 210, 2),
    ]
    assert [text.get_text() for text in ax.texts] == ["Niño 3.4", "Atlantic", "Atlantic", "west"]


def test_boxes_without_names(sst: xr.DataArray) -> None:
    ax = plot_map(sst.isel(time=0).sel(longitude=slice(150, 210)), boxes=[(-170, -4, -120, 4)])
    assert _rectangles(ax) == [(190, -4, 240, 4)]
    assert [text.get_text() for text in ax.texts] == [""]


def test_box_outside_the_map_is_said(sst: xr.DataArray) -> None:
    field = sst.isel(time=0).sel(longitude=slice(150, 210))
    with pytest.warns(OceanDataWarning, match="box Atlantic lies outside the map") as caught:
        ax = plot_map(field, boxes={"Atlantic": (-60, -4, -20, 4)})
    assert caught[0].filename == __file__
    assert _rectangles(ax) == []
    with pytest.warns(OceanDataWarning, match="outside the map"):
        plot_map(field, boxes=[(160, 30, 200, 40)])


def test_box_that_is_none_is_refused(sst: xr.DataArray) -> None:
    with pytest.raises(RegionError, match=r"box is -170, need \(west, south, east, north\)"):
        plot_map(sst.isel(time=0), boxes=(-170, -5, -120, 5))  # type: ignore[arg-type]


def test_ticks_are_degrees_with_hemispheres(sst: xr.DataArray) -> None:
    x, y = _labels(plot_map(sst.isel(time=0)))
    assert {"60°E", "180°", "60°W"} <= set(x)
    assert "4°S" in y
    assert "0°" in y


def test_wide_map_has_its_colour_bar_beneath(sst: xr.DataArray) -> None:
    wide = _mesh(plot_map(sst.isel(time=0), title="April 2006")).colorbar
    assert wide.orientation == "horizontal"
    assert wide.ax.get_xlabel() == "surface temperature (K)"
    square = _mesh(plot_map(_field(np.arange(10.0), np.arange(10.0)))).colorbar
    assert square.orientation == "vertical"
    assert square.ax.get_ylabel() == "units not given"
    assert _mesh(plot_map(sst.isel(time=0), colorbar=False)).colorbar is None


def test_given_axes_are_used(sst: xr.DataArray) -> None:
    _, axes = plt.subplots(1, 2)
    assert plot_map(sst.isel(time=0), ax=axes[1]) is axes[1]
    assert not axes[0].collections
    assert len(plt.get_fignums()) == 1


def test_ticks_of_a_narrow_map_do_not_overlap() -> None:
    ax = plot_map(_field(np.arange(200.5, 206), np.arange(-59.5, 60)))
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.get_xticklabels() if text.get_text()]
    left, right = ax.get_window_extent().x0 - 1, ax.get_window_extent().x1 + 1
    shown = sorted((box for box in boxes if left <= (box.x0 + box.x1) / 2 <= right), key=lambda box: box.x0)
    assert len(shown) >= 2
    assert all(first.x1 < second.x0 for first, second in pairwise(shown))


def test_what_is_no_map_is_refused(sst: xr.DataArray) -> None:
    with pytest.raises(InputError, match=r"has 3 dimensions .* need 2\. .*isel\(time=0\)"):
        plot_map(sst)
    with pytest.raises(InputError, match=r"cannot draw a Dataset: need a DataArray"):
        plot_map(sst.to_dataset(name="sst"))  # type: ignore[arg-type]
    with pytest.raises(NotFoundError, match="no latitude axis"):
        plot_map(sst.isel(latitude=0, drop=True))
    with pytest.raises(InputError, match="'latitude' has shape"):
        plot_map(sst.isel(latitude=0))
    with pytest.raises(InputError, match="has type datetime64"):
        plot_map(xr.zeros_like(sst.isel(time=0), dtype="datetime64[ns]"))
    with pytest.raises(InputError, match=r"has no value in \(18, 432\) cells"):
        plot_map(sst.isel(time=0) * np.nan)


def test_projected_coordinates_are_refused() -> None:
    field = _field(np.arange(10.0), np.arange(10.0))
    field["lon"].attrs = {"units": "km", "axis": "X"}
    with pytest.raises(InputError, match="'lon' is in 'km', a map needs degrees"):
        plot_map(field)


def test_a_field_too_large_for_a_picture_is_refused_unread() -> None:
    import dask.array as da

    def fail(block: np.ndarray) -> np.ndarray:
        raise AssertionError

    shape = (9000, 18000)
    values = da.zeros(shape, chunks=1000).map_blocks(fail, meta=np.zeros((0, 0)))
    coords = {"lat": np.linspace(-89, 89, shape[0]), "lon": np.linspace(0, 359, shape[1])}
    with pytest.raises(InputError, match=r"162,000,000 values.*\.coarsen\(lat=5, lon=5, boundary='trim'\)"):
        plot_map(xr.DataArray(values, coords, ("lat", "lon"), name="sst"))


def test_constant_field_is_drawn() -> None:
    field = _field(np.arange(10.0), np.arange(10.0)) * 0
    for attrs in ({}, {"long_name": "anomaly"}):
        plot_map(field.assign_attrs(attrs)).figure.canvas.draw()


def test_missing_matplotlib_names_the_extra(sst: xr.DataArray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'oceandata-exchange\[plot\]'"):
        plot_map(sst.isel(time=0))


def test_map_says_that_it_is_not_official(sst: xr.DataArray) -> None:
    ax = plot_map(sst.isel(time=0))
    notes = [artist.txt.get_text() for artist in ax.artists if isinstance(artist, AnchoredText)]
    assert notes == ["not an official map"]


def test_global_daily_quarter_degree(shared_data: Path) -> None:
    with xr.open_dataset(shared_data / "oisst" / "oisst-avhrr-v02r01.20211025.nc") as ds:
        ax = plot_map(ds["sst"].isel(time=0, zlev=0))
    assert ax.get_xlim() == (0, 360)
    assert ax.get_ylim() == (-90, 90)
    assert _mesh(ax).colorbar.ax.get_ylabel() == "°C"
