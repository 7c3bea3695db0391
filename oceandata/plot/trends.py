"""Maps of trends, with what is not significant under dots."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from oceandata._html import BBox
from oceandata.errors import InputError
from oceandata.plot.maps import _cells, plot_map
from oceandata.plot.style import check_drawable, figure_style, require_pyplot, scale_label, words

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

__all__ = ["plot_trend"]

Array = npt.NDArray[Any]

#: Least distance of two dots.
_DOT_IN = 0.05


@figure_style()
def plot_trend(
    found: "xr.Dataset",
    *,
    alpha: float = 0.05,
    ax: "Axes | None" = None,
    title: str = "",
    cmap: "str | Colormap | None" = None,
    boxes: "Mapping[str, BBox] | Sequence[BBox]" = (),
) -> "Axes":
    """
    Map of a trend, with dots where it is not significant.

    Dots stand where the p-value is `alpha` or more, and where it is not known because too few effective values remain.
    Where cells are smaller than the distance of two dots, a dot stands for a block of cells most of which are so.

    Parameters
    ----------
    found : xarray.Dataset
        From `oceandata.analysis.trend` of a field on latitude and longitude; computed here if it is lazy.
    alpha : float
        Level of significance, above 0 and below 1.
    ax : matplotlib.axes.Axes or None
        Where to draw; None makes a figure.
    title : str
        Text above; empty takes the name of the trend.
    cmap : str, Colormap or None
        Colour map; None takes one with a middle, which is zero.
    boxes : dict of str to tuple, or sequence of tuple
        Regions to outline, as for `plot_map`.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, as `plot_map` gives them; the dots are its last line.

    Raises
    ------
    InputError
        If the dataset lacks slope and p-value on latitude and longitude, is too large for a picture, has no value, or
        `alpha` is no level.
    RegionError
        If a box is not four numbers in order.
    MissingExtraError
        If matplotlib is not installed.

    Notes
    -----
    Each cell is tested for itself: of cells without any trend the part `alpha` is left without dots by chance (Wilks
    2016, Bulletin of the American Meteorological Society 97, 2263-2273).
    """
    require_pyplot()
    if not isinstance(alpha, float) or not 0 < alpha < 1:
        msg = f"alpha is {alpha!r}, need a level above 0 and below 1, such as 0.05."
        raise InputError(msg)
    missing = [name for name in ("slope", "p_value") if name not in getattr(found, "data_vars", ())]
    if missing or found["slope"].dims != found["p_value"].dims:
        lack = f"lacks {' and '.join(missing)}" if missing else "has slope and p_value on different dimensions"
        msg = f"the trend {lack}, need what oceandata.analysis.trend returns."
        raise InputError(msg)
    for name in ("slope", "p_value"):
        check_drawable(found[name], 2)
    found = found[["slope", "p_value"]].compute()
    ax = plot_map(found["slope"], ax=ax, title=title, cmap=cmap, centre=0.0, boxes=boxes)
    # a slope whose p-value is not known is not significant
    p_value = found["p_value"].fillna(1.0).where(found["slope"].notnull())
    _draw_dots(ax, *_cells(p_value), alpha)
    meaning = words(f"dots: p ≥ {alpha:g}", f"圆点：p ≥ {alpha:g}")
    bar = next(artist.colorbar for artist in ax.collections if artist.colorbar is not None)
    bar.set_label(f"{scale_label(found['slope'], ax.get_title())} · {meaning}")
    return ax


def _draw_dots(
    ax: "Axes", x_edges: Array, y_edges: Array, p_value: "np.ma.MaskedArray[Any, Any]", alpha: float
) -> None:
    """A dot in the middle of each cell, or block of small cells, that is not significant."""
    room = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    per_cell = (room.width / (x_edges.size - 1), room.height / (y_edges.size - 1))
    (x_starts, x), (y_starts, y) = (
        _blocks(edges, max(1, math.ceil(_DOT_IN / size)))
        for edges, size in zip((x_edges, y_edges), per_cell, strict=True)
    )
    valid = _summed(~np.ma.getmaskarray(p_value), y_starts, x_starts)
    dotted = _summed(np.ma.filled(p_value >= alpha, False), y_starts, x_starts)
    rows, columns = np.nonzero((2 * dotted > valid) & (valid > 0))
    ax.plot(x[columns], y[rows], ".", color="0.1", markersize=2.0, markeredgewidth=0)


def _blocks(edges: Array, cells: int) -> tuple[Array, Array]:
    """First cell of each block of so many cells, and the middles of the blocks."""
    starts = np.arange(0, edges.size - 1, cells)
    ends = np.minimum(starts + cells, edges.size - 1)
    return starts, (edges[starts] + edges[ends]) / 2


def _summed(cells: Array, rows: Array, columns: Array) -> Array:
    """Number of cells that are true in each block."""
    return np.add.reduceat(np.add.reduceat(cells.astype(np.int64), rows, axis=0), columns, axis=1)
