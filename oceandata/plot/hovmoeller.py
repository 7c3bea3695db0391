"""Hovmöller diagrams: a field on time and longitude, or on time and latitude."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from oceandata import cf
from oceandata._html import latitude_text, longitude_text
from oceandata.errors import InputError
from oceandata.plot.maps import _MISSING_GREY, _check_degrees, _colour_scale, _contiguous, _edges
from oceandata.plot.series import draw_time_axis, instants_of
from oceandata.plot.style import (
    check_drawable,
    drawable_text,
    figure_style,
    quantity_text,
    require_pyplot,
    scale_label,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

__all__ = ["plot_hovmoeller"]

Array = npt.NDArray[Any]
Masked = np.ma.MaskedArray[Any, Any]

#: A step longer than this many usual ones is a gap in time, and is drawn as one.
_GAP_STEPS = 1.6


@figure_style()
def plot_hovmoeller(
    field: "xr.DataArray",
    *,
    ax: "Axes | None" = None,
    title: str = "",
    cmap: "str | Colormap | None" = None,
    centre: float | None = None,
    colorbar: bool = True,
) -> "Axes":
    """
    Hovmöller diagram: time running down against longitude, or to the right against latitude.

    Longitudes may follow any convention and cross the date line, as on a map. Values that are missing are grey, and so
    is a gap in time: no cell is stretched across it. Dates of calendars that matplotlib does not know become years
    with decimals, and the axis says so.

    Parameters
    ----------
    field : xarray.DataArray, shape (time, lon) or (time, lat), in any order
        What to draw, such as a mean over latitudes; all of it is read. Times increase.
    ax : matplotlib.axes.Axes or None
        Where to draw; None makes a figure.
    title : str
        Text above; empty takes ``long_name``, ``standard_name`` or the name, as does a Chinese title if no font has
        Chinese characters.
    cmap : str, Colormap or None
        Colour map; None chooses one by quantity, from cmocean if it is installed.
    centre : float or None
        Value at the middle of the colour scale, in units of `field`; None means zero for anomalies, trends and other
        signed quantities, and no middle for the rest.
    colorbar : bool
        Draw the colour bar, with units.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; longitudes in degrees east, contiguous, so 200 may stand for 160°W; time in matplotlib's days or in
        years.

    Raises
    ------
    InputError
        If `field` is not a two-dimensional array of numbers on time and longitude or latitude, its times do not
        increase, it is too large for a picture, or has no value at all.
    NotFoundError
        If it has no time.
    MissingExtraError
        If matplotlib is not installed.

    References
    ----------
    Hovmöller 1949, Tellus 1(2), 62-66, doi 10.3402/tellusa.v1i2.8498.
    """
    plt = require_pyplot()
    check_drawable(field, 2)
    time = field[cf.require_axis(field, "T")]
    space, is_longitude = _space_of(field, time)
    values = np.ma.masked_invalid(field.transpose(*time.dims, *space.dims).to_numpy().astype("float64"))
    if values.count() == 0:
        msg = f"{field.name or 'field'} has no value in {values.shape} cells. Choose another period or region."
        raise InputError(msg)
    degrees = space.to_numpy().astype("float64")
    if is_longitude:
        order, degrees = _contiguous(degrees)
        values = values[:, order]
    instants, time_label = instants_of(time)
    time_edges, values = _time_cells(time, instants, values)
    space_edges = _edges(degrees, None if is_longitude else (-90, 90))
    drawn_title = drawable_text(title) or quantity_text(field)
    if ax is None:
        size = (4.6, 5.6) if is_longitude else (7.0, 3.2)
        _, ax = plt.subplots(figsize=size, layout="constrained")
    colours, limits = _colour_scale(field, values, cmap, centre)
    ax.set_facecolor(_MISSING_GREY)
    x, y, cells = (space_edges, time_edges, values) if is_longitude else (time_edges, space_edges, values.T)
    mesh = ax.pcolormesh(x, y, cells, cmap=colours, vmin=limits[0], vmax=limits[1], rasterized=True)
    _draw_axes(ax, x, y, is_longitude=is_longitude)
    draw_time_axis(ax, instants, time_label, axis="y" if is_longitude else "x")
    ax.set_title(drawn_title)
    if colorbar:
        bar = ax.figure.colorbar(mesh, ax=ax, aspect=30, pad=0.02)
        bar.outline.set_linewidth(0.4)
        bar.set_label(scale_label(field, drawn_title))
    return ax


def _space_of(field: "xr.DataArray", time: "xr.DataArray") -> "tuple[xr.DataArray, bool]":
    """Coordinate of the dimension beside time, and whether it is longitude."""
    for axis in ("X", "Y"):
        name = cf.find_axis(field, axis)
        if (
            name is not None
            and time.ndim == 1
            and field[name].dims
            and {*field[name].dims, *time.dims} == {*field.dims}
        ):
            _check_degrees(field[name])
            return field[name], axis == "X"
    msg = (
        f"{field.name or 'field'} has dimensions {field.dims}, need time and longitude, or time and latitude. "
        "Select or average over the others."
    )
    raise InputError(msg)


def _time_cells(time: "xr.DataArray", instants: Array, values: Masked) -> tuple[Array, Masked]:
    """Edges of the steps as matplotlib counts them, and the values with a missing row for each gap in time."""
    from matplotlib.dates import date2num

    is_date = instants.dtype.kind == "M"
    numbers = np.asarray(date2num(instants) if is_date else instants, "float64")  # type: ignore[no-untyped-call]
    steps = np.diff(numbers)
    if numbers.size < 2 or not (steps > 0).all():
        msg = f"time {time.name!r} needs two steps or more, each later than the one before. Use field.sortby('time')."
        raise InputError(msg)
    usual = float(np.median(steps))
    is_gap = steps > _GAP_STEPS * usual
    ends = numbers[:-1] + np.where(is_gap, usual, steps) / 2
    first, last = (min(step, usual) / 2 for step in (steps[0], steps[-1]))
    edges = np.concatenate([[numbers[0] - first], ends, [numbers[-1] + last]])
    after = np.flatnonzero(is_gap) + 1
    edges = np.insert(edges, after + 1, numbers[after] - usual / 2)
    mask = np.insert(np.ma.getmaskarray(values), after, True, axis=0)
    return edges, np.ma.MaskedArray(np.insert(values.data, after, 0.0, axis=0), mask)


def _draw_axes(ax: "Axes", x: Array, y: Array, *, is_longitude: bool) -> None:
    """Limits, time downwards beside longitude, and degrees."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    ax.set_xlim(x[0], x[-1])
    ax.set_ylim(*((y.max(), y.min()) if is_longitude else (y.min(), y.max())))
    space_axis, steps = (ax.xaxis, [1, 2, 3, 5, 6, 10]) if is_longitude else (ax.yaxis, [1, 2, 3, 4, 5, 6, 10])
    degree_text = longitude_text if is_longitude else latitude_text
    space_axis.set_major_locator(MaxNLocator(6, steps=steps))
    space_axis.set_major_formatter(FuncFormatter(lambda degrees, _: degree_text(degrees)))
