"""Panels of modes, and an index with its events: the numbers in them are those of the analysis."""

from pathlib import Path

import dask.array as da
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from oceandata.analysis import eof, index_events
from oceandata.errors import InputError
from oceandata.options import set_options
from oceandata.plot import has_cjk_font, plot_eof, plot_index, write_picture


@pytest.fixture(scope="module")
def modes(anomaly: xr.DataArray) -> xr.Dataset:
    """Three modes of the belt from 140°E to 80°W, on a grid of 4 x 34 cells."""
    pacific = anomaly.sel(longitude=slice(140, 280)).coarsen(longitude=5, latitude=4, boundary="trim")
    return eof(pacific.mean(keep_attrs=True), 3, min_valid=0.9)


@pytest.fixture(scope="module")
def nino34(anomaly: xr.DataArray) -> xr.DataArray:
    return anomaly.sel(longitude=slice(190, 240)).mean(("latitude", "longitude"), keep_attrs=True)


def _axes(figure: Figure) -> dict[str, Axes]:
    return {str(ax.get_label()): ax for ax in figure.axes}


def _mesh(ax: Axes) -> QuadMesh:
    return next(artist for artist in ax.collections if isinstance(artist, QuadMesh))


def test_panel_shows_patterns_series_and_shares(modes: xr.Dataset, tmp_path: Path) -> None:
    axes = _axes(plot_eof(modes))
    assert {f"{kind} {n}" for kind in ("map", "series") for n in (1, 2, 3)} < set(axes)
    reach = float(np.abs(modes["eof"]).max())
    for number in range(3):
        on_map, below = axes[f"map {number + 1}"], axes[f"series {number + 1}"]
        drawn = _mesh(on_map).get_array().filled(np.nan)
        np.testing.assert_allclose(drawn, modes["eof"][number])
        assert _mesh(on_map).get_clim() == pytest.approx((-reach, reach))
        assert _mesh(on_map).cmap.name == "balance"
        share = float(modes["explained_variance"][number]) * 100
        error = share * (2 / modes.sizes["time"]) ** 0.5
        letter = "abc"[number]
        assert on_map.get_title(loc="left") == f"({letter}) mode {number + 1}: {share:.1f} ± {error:.1f} %"
        line = next(one for one in below.lines if len(one.get_xdata()) == modes.sizes["time"])
        np.testing.assert_allclose(np.asarray(line.get_ydata(), float), modes["pc"][number])
    figure = axes["map 1"].figure
    assert figure.get_suptitle() == "pattern of sea surface temperature anomaly"
    assert _mesh(axes["map 1"]).colorbar.ax.get_xlabel() == "K"
    write_picture(figure, tmp_path / "modes.png")
    assert plt.imread(tmp_path / "modes.png").std() > 0.1


def test_maps_lie_above_their_series_and_do_not_overlap(modes: xr.Dataset) -> None:
    figure = plot_eof(modes.isel(mode=slice(0, 2)))
    figure.canvas.draw()
    axes = _axes(figure)
    boxes = {name: ax.get_window_extent() for name, ax in axes.items() if name}
    for number in (1, 2):
        assert boxes[f"map {number}"].y0 > boxes[f"series {number}"].y1
        assert boxes[f"map {number}"].x0 < boxes[f"series {number}"].x1
    # a belt takes the whole width
    assert boxes["map 1"].width > 0.7 * figure.bbox.width


def test_modes_of_a_square_stand_side_by_side() -> None:
    time = np.arange("2000-01", "2003-01", dtype="M8[M]").astype("M8[ns]")
    coords = {
        "time": time,
        "lat": ("lat", np.arange(-10.0, 11, 4), {"units": "degrees_north"}),
        "lon": ("lon", np.arange(170.0, 191, 4), {"units": "degrees_east"}),
    }
    values = np.random.default_rng(2).normal(size=(36, 6, 6))
    found = eof(xr.DataArray(values, coords, ("time", "lat", "lon"), name="ssh", attrs={"units": "m"}), 3)
    figure = plot_eof(found)
    figure.canvas.draw()
    axes = _axes(figure)
    tops = [axes[f"map {number}"].get_window_extent().y1 for number in (1, 2, 3)]
    assert max(tops) - min(tops) < 1
    assert _mesh(axes["map 1"]).colorbar.ax.get_xlabel() == "m"


def test_lazy_modes_and_chinese(modes: xr.Dataset) -> None:
    with set_options(language="zh"):
        axes = _axes(plot_eof(modes.chunk().isel(mode=[1])))
    assert ("第2模态" in axes["map 1"].get_title(loc="left")) == has_cjk_font()
    assert ("mode 2" in axes["map 1"].get_title(loc="left")) == (not has_cjk_font())


def test_what_is_no_panel_is_refused(modes: xr.Dataset) -> None:
    with pytest.raises(InputError, match="modes lacks pc, eigenvalue"):
        plot_eof(modes.drop_vars(["pc", "eigenvalue"]))
    with pytest.raises(InputError, match="modes lacks eof"):
        plot_eof(modes["eof"])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="13 modes are to be drawn, need 12 at most"):
        plot_eof(xr.concat([modes.isel(mode=[0])] * 13, "mode"))
    with pytest.raises(InputError, match="has 2 dimensions"):
        plot_eof(modes.isel(latitude=0, drop=True))
    with pytest.raises(InputError, match=r"has 3 values|'latitude' has shape"):
        plot_eof(modes.isel(latitude=[0]))


def test_patterns_too_large_for_a_picture_are_refused_unread(modes: xr.Dataset) -> None:
    def fail(block: np.ndarray) -> np.ndarray:
        raise AssertionError

    values = da.zeros((3, 4000, 4000), chunks=(3, 1000, 1000)).map_blocks(fail, meta=np.zeros((0, 0, 0)))
    large = modes.drop_dims(["latitude", "longitude"]).assign(eof=(("mode", "lat", "lon"), values))
    with pytest.raises(InputError, match="48,000,000 values"):
        plot_eof(large)


def _spans(ax: Axes) -> list[tuple[float, float]]:
    return [(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches if isinstance(p, Rectangle)]


def test_index_with_its_events(nino34: xr.DataArray, tmp_path: Path) -> None:
    events = index_events(nino34)
    assert events.sizes["event"] >= 2
    ax = plot_index(nino34, events, title="Niño 3.4")
    assert ax.get_ylabel() == "sea surface temperature anomaly (K)"
    spans = _spans(ax)
    starts, ends = (mdates.date2num(events[name].to_numpy()) for name in ("start", "end"))
    assert len(spans) == events.sizes["event"]
    for (left, right), start, end in zip(spans, starts, ends, strict=True):
        assert start - 16 <= left <= start
        assert end <= right <= end + 16
    colours = [tuple(patch.get_facecolor()[:3]) for patch in ax.patches]
    for (red, _, blue), sign in zip(colours, events["sign"].to_numpy(), strict=True):
        assert (red > blue) == (sign > 0)
    peaks = [text.get_text() for text in ax.texts]
    assert peaks == [f"{peak:+.1f}".replace("-", "−") for peak in events["peak"].to_numpy()]
    assert [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == "--"] == [-0.5, 0.5]
    write_picture(ax, tmp_path / "index.png")
    assert plt.imread(tmp_path / "index.png").std() > 0.1


def test_index_without_events_and_of_another_calendar(nino34: xr.DataArray) -> None:
    none = index_events(nino34, threshold=50.0)
    assert not _spans(plot_index(nino34, none))
    other = nino34.assign_coords(
        time=xr.date_range("2001-01-30", periods=54, freq="30D", calendar="360_day", use_cftime=True)
    )
    ax = plot_index(other, index_events(other))
    assert len(_spans(ax)) == index_events(nino34).sizes["event"]
    assert 2000.9 < _spans(ax)[0][0] < 2006


def test_events_of_another_series_are_refused(nino34: xr.DataArray) -> None:
    events = index_events(nino34)
    with pytest.raises(InputError, match="at a time that the series does not have"):
        plot_index(nino34.isel(time=slice(-3, None)), events)
    with pytest.raises(InputError, match="events lacks columns or its threshold"):
        plot_index(nino34, events.drop_vars("peak"))
    with pytest.raises(InputError, match="has no value"):
        plot_index(nino34 * np.nan, events)
    with pytest.raises(InputError, match="has 2 dimensions"):
        plot_index(nino34.expand_dims("member"), events)
