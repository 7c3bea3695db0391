"""Maps of flags: each value in its own colour, beside its meaning."""

from pathlib import Path

import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex

from oceandata.analysis import basin_mask, heatwave_categories, heatwave_climatology, land_mask
from oceandata.errors import InputError
from oceandata.options import set_options
from oceandata.plot import has_cjk_font, plot_categories, write_picture
from tests.analysis.heatwaves.series import cells


def _mesh(ax: Axes) -> QuadMesh:
    return next(artist for artist in ax.collections if isinstance(artist, QuadMesh))


def _legend(ax: Axes) -> list[str]:
    bar = _mesh(ax).colorbar.ax
    return [text.get_text() for text in (*bar.get_yticklabels(), *bar.get_xticklabels()) if text.get_text()]


def _drawn_colour(ax: Axes, row: int, column: int) -> str:
    mesh = _mesh(ax)
    return str(to_hex(mesh.cmap(mesh.norm(mesh.get_array()))[row, column]))


@pytest.fixture(scope="module")
def east_china() -> xr.DataArray:
    """Seas from 105°E to 135°E, 20°N to 42°N in cells of a degree, -1 on land."""
    grid = xr.Dataset(
        coords={
            "lat": ("lat", np.arange(20.5, 42), {"units": "degrees_north"}),
            "lon": ("lon", np.arange(105.5, 135), {"units": "degrees_east"}),
        }
    )
    mask = basin_mask(grid)
    return mask.where(~land_mask(grid), -1).astype("int8").assign_attrs(mask.attrs)


def test_basins_have_their_names(east_china: xr.DataArray, tmp_path: Path) -> None:
    ax = plot_categories(east_china)
    meanings = dict(zip(east_china.flag_values, east_china.flag_meanings.split(), strict=True))
    present = [flag for flag in sorted(meanings) if bool((east_china == flag).any())]
    assert {"yellow_sea", "bohai_sea"} <= {meanings[flag] for flag in present}
    assert _legend(ax) == [meanings[flag].replace("_", " ") for flag in present]
    kinds = _mesh(ax).get_array()
    for number, flag in enumerate(present):
        np.testing.assert_array_equal((kinds == number).filled(False), east_china == flag)
    np.testing.assert_array_equal(np.ma.getmaskarray(kinds), east_china == -1)
    assert len({_drawn_colour(ax, *place) for place in zip(*np.nonzero(~kinds.mask), strict=True)}) == len(present)
    write_picture(ax, tmp_path / "basins.png")
    assert plt.imread(tmp_path / "basins.png").std() > 0.1


def test_names_are_chinese_if_asked_for_and_possible(east_china: xr.DataArray) -> None:
    with set_options(language="zh"):
        legend = _legend(plot_categories(east_china))
    assert ("黄海" in legend) == has_cjk_font()
    assert ("yellow sea" in legend) == (not has_cjk_font())


@pytest.mark.parametrize("cold", [False, True])
def test_categories_of_a_day(cold: bool) -> None:
    sst = cells(shape=(4, 5))
    sst[:, 0, 0] = np.nan
    clim = heatwave_climatology(sst, pctile=10 if cold else 90)
    daily = heatwave_categories(sst, clim, cold=cold)
    day = daily.isel(time=int((daily == 1).sum(("lat", "lon")).argmax("time")))
    assert int((day == 1).sum()) > 0
    ax = plot_categories(day, title="2002")
    assert _legend(ax) == ["none", "moderate", "strong", "severe", "extreme"]
    assert np.ma.getmaskarray(_mesh(ax).get_array())[0, 0]
    np.testing.assert_array_equal(_mesh(ax).get_array().filled(255), day)
    row, column = (int(places[0]) for places in np.nonzero(day.to_numpy() == 1))
    assert _drawn_colour(ax, row, column) == ("#b7e3ea" if cold else "#ffc866")
    assert ax.get_title() == "2002"


def test_order_of_flags_and_sides_of_the_date_line_do_not_matter() -> None:
    values = np.array([[7, 7, 1], [1, 7, 3]], "int8")
    coords = {
        "lat": ("lat", [-1.0, 1.0], {"units": "degrees_north"}),
        "lon": ("lon", [-179.0, 177.0, 179.0], {"units": "degrees_east"}),
    }
    attrs = {"flag_values": np.array([7, 1], "int8"), "flag_meanings": "bad good"}
    ax = plot_categories(xr.DataArray(values, coords, ("lat", "lon"), name="quality", attrs=attrs))
    assert _legend(ax) == ["good", "bad"]
    # west of the date line first; 3 is no flag
    np.testing.assert_array_equal(_mesh(ax).get_array().filled(9), [[1, 0, 1], [1, 9, 0]])


def test_what_has_no_flags_is_refused(east_china: xr.DataArray) -> None:
    with pytest.raises(InputError, match=r"0 flag_values and 0 flag_meanings.*Amounts are drawn with plot_map"):
        plot_categories(east_china.drop_attrs())
    with pytest.raises(InputError, match="need as many of one"):
        plot_categories(east_china.assign_attrs(flag_meanings="one two"))
    with pytest.raises(InputError, match=r"none of its .* flags in"):
        plot_categories(xr.full_like(east_china, -1))
    with pytest.raises(InputError, match="has 3 dimensions"):
        plot_categories(east_china.expand_dims("time"))
    with pytest.raises(InputError, match="flags occur, 18 can be told apart"):
        plot_categories(basin_mask("5x5"))

    def fail(block: np.ndarray) -> np.ndarray:
        raise AssertionError

    values = da.zeros((4000, 4000), chunks=1000).map_blocks(fail, meta=np.zeros((0, 0)))
    with pytest.raises(InputError, match="16,000,000 values"):
        plot_categories(xr.DataArray(values, dims=("lat", "lon"), attrs=east_china.attrs))
