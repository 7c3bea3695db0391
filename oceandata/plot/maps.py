"""Maps of a field on latitude and longitude."""

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from oceandata import cf
from oceandata._html import (
    BBox,
    eastward_degrees,
    latitude_text,
    longitude_text,
    read_land_rings,
    require_box,
    turned_rings,
)
from oceandata.cf.units import find_unit
from oceandata.errors import InputError, OceanDataWarning, RegionError
from oceandata.plot.style import (
    check_drawable,
    drawable_label,
    drawable_text,
    figure_style,
    quantity_text,
    require_pyplot,
    scale_label,
    words,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.colors import Colormap


__all__ = ["plot_map"]

Array = npt.NDArray[Any]
Masked = np.ma.MaskedArray[Any, Any]

#: Colour of cells without a value; no colour map chosen below contains it.
_MISSING_GREY = "#b4b4b4"
#: Widest and tallest map, width over height; a belt or a strip beyond it is stretched to stay readable.
_SHAPE_LIMITS = (1 / 3, 8.0)

#: Words of a name -> colour map (cmocean, else matplotlib) and whether it has a middle; the first that fits counts.
_COLOURS: tuple[tuple[str, str, str, bool], ...] = (
    (r"standard deviation|variance|uncertainty|error", "amp", "Reds", False),
    (r"anomal\w*|departure|difference|bias|trend|tendency", "balance", "RdBu_r", True),
    (r"(east|north|up)ward|sea surface height|sea level", "balance", "RdBu_r", True),
    (r"depth|thickness|bathymetry", "deep", "YlGnBu", False),
    (r"temperature", "thermal", "inferno", False),
    (r"salinity", "haline", "viridis", False),
    (r"speed", "speed", "YlGn", False),
    (r"density", "dense", "PuBu", False),
    (r"chlorophyll", "algae", "Greens", False),
    (r"ice", "ice", "Blues_r", False),
    (r"wave", "amp", "Reds", False),
)


@figure_style()
def plot_map(
    field: "xr.DataArray",
    *,
    ax: "Axes | None" = None,
    title: str = "",
    cmap: "str | Colormap | None" = None,
    centre: float | None = None,
    colorbar: bool = True,
    boxes: "Mapping[str, BBox] | Sequence[BBox]" = (),
) -> "Axes":
    """
    Map of a field on latitude and longitude, with coastlines and the note that it is not an official map.

    Longitudes may run 0 to 360, -180 to 180, or across the date line: the map is cut where the data are not, and a
    field that goes round the globe is cut where it is stored so. Cells without a value are grey. One degree of
    longitude is as wide as it is at the middle latitude; only a map more than 8 times as wide as high (or 3 times as
    high as wide) is stretched, to stay readable.

    Parameters
    ----------
    field : xarray.DataArray, shape (lat, lon) or (lon, lat)
        What to draw; all of it is read. Its coordinates are one-dimensional, in degrees.
    ax : matplotlib.axes.Axes or None
        Where to draw; None makes a figure.
    title : str
        Text above; empty takes ``long_name``, ``standard_name`` or the name, as does a Chinese title if no font has
        Chinese characters.
    cmap : str, Colormap or None
        Colour map; None chooses one by quantity, from cmocean if it is installed.
    centre : float or None
        Value at the middle of the colour scale, in units of `field`; its limits lie equally far on both sides. None
        means zero for anomalies, trends and other signed quantities, and no middle for the rest.
    colorbar : bool
        Draw the colour bar, with units.
    boxes : dict of str to tuple, or sequence of tuple
        Regions to outline, west, south, east, north in degrees; west above east crosses the date line. The keys of a
        dict are written beside them.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; longitudes in degrees east, contiguous, so 200 may stand for 160°W.

    Raises
    ------
    InputError
        If `field` is not a two-dimensional array of numbers on latitude and longitude, is too large for a picture,
        or has no value at all.
    RegionError
        If a box is not four numbers in order.
    MissingExtraError
        If matplotlib is not installed.

    Notes
    -----
    Takes about 110 bytes a cell while it draws.
    """
    plt = require_pyplot()
    check_drawable(field, 2)
    x_edges, y_edges, values = _cells(field)
    drawn_title = drawable_text(title) or quantity_text(field)
    if ax is None:
        _, ax = plt.subplots(figsize=_figure_size(x_edges, y_edges, with_bar=colorbar), layout="constrained")
    colours, limits = _colour_scale(field, values, cmap, centre)
    mesh = ax.pcolormesh(x_edges, y_edges, values, cmap=colours, vmin=limits[0], vmax=limits[1], rasterized=True)
    _draw_ground(ax, x_edges, y_edges)
    _draw_boxes(ax, boxes)
    ax.set_title(drawn_title)
    if colorbar:
        _draw_colorbar(ax, mesh, scale_label(field, drawn_title))
    return ax


def _cells(field: "xr.DataArray") -> tuple[Array, Array, Masked]:
    """Edges of the cells in degrees, and the values on them; nothing is read before the axes are known to be right."""
    x_name, y_name = cf.require_axis(field, "X"), cf.require_axis(field, "Y")
    longitude, latitude = field[x_name], field[y_name]
    for coord in (longitude, latitude):
        _check_degrees(coord)
    order, x = _contiguous(longitude.to_numpy().astype("float64"))
    x_edges = _edges(x)
    y_edges = _edges(latitude.to_numpy().astype("float64"), (-90, 90))
    values = np.ma.masked_invalid(field.transpose(*latitude.dims, *longitude.dims).to_numpy()[:, order])
    if values.count() == 0:
        msg = f"{field.name or 'field'} has no value in {values.shape} cells. Choose another time or region."
        raise InputError(msg)
    return x_edges, y_edges, values


def _check_degrees(coord: "xr.DataArray") -> None:
    """Refuse a coordinate that is not one line of points in degrees."""
    unit = find_unit(str(coord.attrs.get("units", "")))
    if unit is not None and not unit.symbol.startswith("degree"):
        msg = f"{coord.name!r} is in {unit.symbol!r}, a map needs degrees. Select or compute longitude and latitude."
        raise InputError(msg)
    if coord.ndim != 1 or coord.size < 2:
        msg = f"{coord.name!r} has shape {coord.shape}, a map needs (n,) with n of 2 or more. Regrid, or take more."
        raise InputError(msg)


def _contiguous(longitudes: Array) -> tuple[Array, Array]:
    """Order of the longitudes going east from their largest gap, and their values without a jump; repeats are left."""
    turned, order = np.unique(np.round(longitudes, 4) % 360, return_index=True)
    gaps = np.diff(turned, prepend=turned[-1] - 360)
    start = int(np.argmin(longitudes[order]))
    if gaps[start] < gaps.max() - 1e-3:
        start = int(np.argmax(gaps))
    turned, order = np.roll(turned, -start), np.roll(order, -start)
    turned[len(turned) - start :] += 360
    middle = (turned[0] + turned[-1]) / 2
    return order, turned - 360 * math.ceil((middle - 180.001) / 360)


def _edges(centres: Array, limits: tuple[float, float] | None = None) -> Array:
    """One edge more than there are cells."""
    bounds = cf.midpoint_bounds(centres, limits=limits)
    return np.append(bounds[:, 0], bounds[-1, 1])


def _shape(x_edges: Array, y_edges: Array) -> float:
    """Width over height of the map as drawn."""
    west, east, south, north = x_edges.min(), x_edges.max(), y_edges.min(), y_edges.max()
    true = (east - west) * math.cos(math.radians((south + north) / 2)) / (north - south)
    return float(min(max(true, _SHAPE_LIMITS[0]), _SHAPE_LIMITS[1]))


def _figure_size(x_edges: Array, y_edges: Array, *, with_bar: bool) -> tuple[float, float]:
    """Inches that the map fills without empty margins."""
    shape = _shape(x_edges, y_edges)
    width = min(6.5, 4.5 * shape)
    beside, beneath = (0.0, 0.55) if shape > 2 else (0.9, 0.0)
    return max(width + 0.6 + beside * with_bar, 3.6), width / shape + 0.5 + beneath * with_bar


def _colour_scale(
    field: "xr.DataArray", values: Masked, cmap: "str | Colormap | None", centre: float | None
) -> "tuple[str | Colormap, tuple[float, float]]":
    """Colour map and limits."""
    ours, theirs, has_middle = _colours_of(field)
    if centre is not None and not has_middle:
        ours, theirs = "balance", "RdBu_r"
    low, high = float(values.min()), float(values.max())
    if centre is not None or has_middle:
        middle = centre or 0.0
        reach = max(abs(low - middle), abs(high - middle)) or 1.0
        low, high = middle - reach, middle + reach
    return cmap or _ocean_colours(ours) or theirs, (low, high)


def _ocean_colours(name: str) -> "Colormap | None":
    """Colour map of cmocean, None if it is not installed."""
    with warnings.catch_warnings():
        # cmocean 4.0.3 builds its maps in a way that matplotlib 3.11 warns of
        warnings.simplefilter("ignore")
        try:
            import cmocean
        except ImportError:
            return None
    colours: Colormap = cmocean.cm.cmap_d[name]
    return colours


def _colours_of(field: "xr.DataArray") -> tuple[str, str, bool]:
    """Colour map by the words of the names, else by the units."""
    names = (field.attrs.get("standard_name"), field.attrs.get("long_name"), field.name)
    words = " ".join(str(name) for name in names if name).replace("_", " ").lower()
    unit = find_unit(str(field.attrs.get("units", "")))
    for text in (words, "temperature" if unit and unit.quantity == "temperature" else ""):
        for pattern, ours, theirs, has_middle in _COLOURS:
            if re.search(rf"\b({pattern})\b", text):
                return ours, theirs, has_middle
    return "matter_r", "viridis", False


def _draw_ground(ax: "Axes", x_edges: Array, y_edges: Array) -> None:
    """Grey beneath the data, coastline above, limits, proportions and ticks in degrees."""
    from matplotlib.collections import LineCollection
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    west, east, south, north = x_edges.min(), x_edges.max(), y_edges.min(), y_edges.max()
    lines = [ring for whole in read_land_rings() for ring in turned_rings(whole, west, east)]
    ax.set_facecolor(_MISSING_GREY)
    ax.add_collection(LineCollection(lines, colors="0.15", linewidths=0.6, label="coastline"), autolim=False)
    ax.set_xlim(west, east)
    ax.set_ylim(south, north)
    shape = _shape(x_edges, y_edges)
    ax.set_aspect((east - west) / (north - south) / shape)
    room = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    columns, rows = min(room.width, room.height * shape) / 0.7, min(room.height, room.width / shape) / 0.2
    ax.xaxis.set_major_locator(MaxNLocator(min(max(int(columns), 2), 7), steps=[1, 2, 3, 5, 6, 10]))
    ax.yaxis.set_major_locator(MaxNLocator(min(max(int(rows), 2), 6), steps=[1, 2, 3, 4, 5, 6, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda degrees, _: longitude_text(degrees)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda degrees, _: latitude_text(degrees)))
    _draw_note(ax)


def _draw_note(ax: "Axes") -> None:
    """What the map is not: land is drawn, boundaries and names are not."""
    from matplotlib.offsetbox import AnchoredText
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=1, foreground="white", alpha=0.7)]
    prop = {"fontsize": 4.5, "color": "0.25", "path_effects": halo}
    text = words("not an official map", "非官方地图")
    ax.add_artist(AnchoredText(text, loc="lower right", pad=0, borderpad=0.3, frameon=False, prop=prop))


def _draw_boxes(ax: "Axes", boxes: Mapping[str, BBox] | Sequence[BBox]) -> None:
    """Outline of each box wherever the map shows it, its label above or, at the upper edge, inside."""
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import AbstractPathEffect, withStroke

    halo: list[AbstractPathEffect] = [withStroke(linewidth=2, foreground="white")]
    left, right = ax.get_xlim()
    bottom, top = ax.get_ylim()
    named = list(boxes.items()) if isinstance(boxes, Mapping) else [("", box) for box in boxes]
    for name, box in named:
        try:
            west, south, east, north = require_box(box)
        except ValueError as error:
            raise RegionError(str(error)) from error
        width = eastward_degrees(west, east)
        turns = [turn for turn in (-720, -360, 0, 360, 720) if west + turn < right and west + width + turn > left]
        if not turns or south >= top or north <= bottom:
            msg = f"box {name or box} lies outside the map and is not drawn."
            warnings.warn(msg, OceanDataWarning, stacklevel=4)
            continue
        is_high = north > top - 0.08 * (top - bottom)
        for turn in turns:
            corner = (west + turn, south)
            ax.add_patch(Rectangle(corner, width, north - south, fill=False, edgecolor="black", linewidth=1.2))
            at = (max(west + turn, left), min(north, top))
            shift, side = ((3, -3), "top") if is_high else ((1, 2), "bottom")
            text = ax.annotate(drawable_label(name), at, shift, textcoords="offset points", va=side, fontsize=8)
            text.set_path_effects(halo)


def _draw_colorbar(ax: "Axes", mesh: "QuadMesh", label: str) -> None:
    """Colour bar beneath a wide map, else on its right."""
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    shape = (right - left) / (top - bottom) / float(ax.get_aspect())
    where: dict[str, Any] = (
        {"location": "bottom", "shrink": 0.6, "aspect": 35, "pad": 0.03}
        if shape > 2
        else {"location": "right", "aspect": 25, "pad": 0.02}
    )
    bar = ax.figure.colorbar(mesh, ax=ax, **where)
    bar.outline.set_linewidth(0.4)
    bar.set_label(label)
