"""How values are distributed: a histogram, quantiles, and the mean of each month or day with its spread."""

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from oceandata import cf
from oceandata._html import latitude_text, longitude_text
from oceandata.errors import InputError
from oceandata.plot.maps import _contiguous
from oceandata.plot.series import LABEL_CHARACTERS, draw_time_axis, instants_of
from oceandata.plot.style import (
    check_drawable,
    drawable_text,
    figure_style,
    quantity_text,
    require_pyplot,
    scale_label,
    units_text,
    words,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["plot_climatology", "plot_histogram", "plot_quantiles"]

Array = npt.NDArray[Any]

_BLUE = "#2b6cb0"
_MONTHS = ("J", "F", "M", "A", "M", "J", "J", "A", "S", "O", "N", "D")
_YEAR = ("month", "season", "dayofyear")


@figure_style()
def plot_histogram(
    counts: "xr.DataArray", *, quantiles: "xr.DataArray | None" = None, ax: "Axes | None" = None, title: str = ""
) -> "Axes":
    """
    Histogram: share of the values in each bin, per unit, so that bins of different width compare.

    Values outside the bins count in the whole, and how many they are is written beside it.

    Parameters
    ----------
    counts : xarray.DataArray, shape (bin,)
        From `oceandata.analysis.histogram` over all dimensions; computed here if it is lazy.
    quantiles : xarray.DataArray, shape (quantile,), optional
        From `oceandata.analysis.quantile` of the same values, marked with lines.
    ax : matplotlib.axes.Axes or None
        Where to draw; None makes a figure.
    title : str
        Text above; empty takes the quantity.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; shares in percent per unit.

    Raises
    ------
    InputError
        If `counts` or `quantiles` is not what the routines return for one distribution, or no value was counted.
    MissingExtraError
        If matplotlib is not installed.
    """
    plt = require_pyplot()
    check_drawable(counts, 1)
    missing = {"bin", "bin_low", "bin_high", "below", "above"} - set(counts.coords)
    if missing:
        msg = f"the histogram lacks {', '.join(sorted(missing))}, need what oceandata.analysis.histogram returns."
        raise InputError(msg)
    counts = counts.compute()
    outside = np.array([float(counts[name]) for name in ("below", "above")])
    values = counts.to_numpy().astype("float64")
    total = values.sum() + outside.sum()
    if not total > 0:
        msg = f"{counts.name or 'the histogram'} counts no value in {values.size} bins. Choose other data."
        raise InputError(msg)
    edges = np.append(counts["bin_low"].to_numpy(), counts["bin_high"].to_numpy()[-1])
    if ax is None:
        _, ax = plt.subplots(figsize=(5.0, 3.2), layout="constrained")
    shares = 100 * values / total / np.diff(edges)
    ax.stairs(shares, edges, fill=True, color=_tint(0.5))
    ax.stairs(shares, edges, color=_BLUE, linewidth=0.9)
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(0, 1.05 * shares.max() or 1.0)
    if quantiles is not None:
        _mark_quantiles(ax, quantiles)
    ax.spines[["top", "right"]].set_visible(False)
    unit = units_text(counts["bin"])
    bare = unit in ("1", "units not given")
    ax.set_xlabel("\n".join(filter(None, ["" if unit == "1" else unit, _outside_text(outside / total, edges)])))
    ax.set_ylabel(words(f"share of values (% per {'unit' if bare else unit})", f"比例（% / {'1' if bare else unit}）"))
    ax.set_title(drawable_text(title) or _counted_quantity(counts))
    return ax


def _counted_quantity(counts: "xr.DataArray") -> str:
    """What was counted, without the words that say that it was."""
    return quantity_text(counts).removeprefix("number of values of ").removesuffix("的频数")


def _tint(share: float) -> tuple[float, ...]:
    """The blue of the lines, mixed with white."""
    from matplotlib.colors import to_rgb

    return tuple(1 - share * (1 - part) for part in to_rgb(_BLUE))


def _mark_quantiles(ax: "Axes", quantiles: "xr.DataArray") -> None:
    """A line at each quantile, its share beside it; the axis is made to hold them all."""
    check_drawable(quantiles, 1)
    if quantiles.dims != ("quantile",) or "quantile" not in quantiles.coords:
        msg = f"quantiles have dimensions {quantiles.dims}, need ('quantile',) with their shares as the coordinate."
        raise InputError(msg)
    low, high = ax.get_xlim()
    values = quantiles.to_numpy().astype("float64")
    known = values[np.isfinite(values)]
    ax.set_xlim(min([low, *known]), max([high, *known]))
    ax.set_ylim(0, 1.12 * ax.get_ylim()[1])
    for share, value in zip(quantiles["quantile"].values, values, strict=True):
        if np.isfinite(value):
            ax.axvline(value, color="0.2", linewidth=0.8, linestyle="--")
            text = f"{100 * share:g} %"
            across = ax.get_xaxis_transform()
            kwargs: dict[str, Any] = {"textcoords": "offset points", "fontsize": 7, "rotation": 90}
            ax.annotate(text, (value, 1), (-2, 0), xycoords=across, ha="right", va="top", **kwargs)


def _outside_text(shares: Array, edges: Array) -> str:
    """How much lies outside the bins, empty if nothing does."""
    texts = [
        words(f"{100 * share:.2g} % {english} {edge:g}", f"{100 * share:.2g} % {chinese} {edge:g}")
        for share, edge, english, chinese in zip(
            shares, edges[[0, -1]], ("below", "above"), ("低于", "高于"), strict=True
        )
        if share > 0
    ]
    return words("not shown: ", "未显示：") + words(", ", "，").join(texts).replace("-", "−") if texts else ""


@figure_style()
def plot_quantiles(quantiles: "xr.DataArray", *, ax: "Axes | None" = None, title: str = "") -> "Axes":
    """
    Quantiles along one dimension as a fan: bands between those that belong together, and the median.

    Quantiles that leave the same share below and above, such as 0.1 and 0.9, bound a band; any other is a thin line.
    Missing values leave gaps.

    Parameters
    ----------
    quantiles : xarray.DataArray, shape (quantile, time) or with another dimension instead of time
        From `oceandata.analysis.quantile`; all of it is read. The other dimension may be a time, latitude, longitude,
        ``month``, ``season``, ``dayofyear`` or any numbers.
    ax : matplotlib.axes.Axes or None
        Where to draw; None makes a figure.
    title : str
        Text above; empty takes ``long_name``, ``standard_name`` or the name.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, with a legend.

    Raises
    ------
    InputError
        If there is no dimension ``quantile`` with its shares beside one other, or no value.
    MissingExtraError
        If matplotlib is not installed.
    """
    plt = require_pyplot()
    check_drawable(quantiles, 2)
    if "quantile" not in quantiles.dims or "quantile" not in quantiles.coords:
        msg = f"quantiles have dimensions {quantiles.dims}, need 'quantile' with its shares as coordinate and another."
        raise InputError(msg)
    rows = quantiles.sortby("quantile").transpose("quantile", ...).compute()
    _check_any(rows)
    dim = str(rows.dims[1])
    drawn_title = drawable_text(title) or quantity_text(quantiles)
    if ax is None:
        _, ax = plt.subplots(figsize=(7.0, 3.0), layout="constrained")
    order, places = _draw_places(ax, rows, dim)
    shares, values = rows["quantile"].to_numpy(), rows.to_numpy()[:, order]
    bands, lines = _paired(shares)
    for number, (low, high) in enumerate(bands):
        label = f"{100 * shares[low]:g}–{100 * shares[high]:g} %"
        tint = _tint(0.22 + 0.5 * number / len(bands))
        ax.fill_between(places, values[low], values[high], color=tint, linewidth=0, label=label)
    for row in lines:
        is_median = abs(shares[row] - 0.5) < 1e-9
        label = words("median", "中位数") if is_median else f"{100 * shares[row]:g} %"
        width, style = (1.2, "-") if is_median else (0.8, "--")
        ax.plot(places, values[row], color="#173e6b", linewidth=width, linestyle=style, label=label)
    _finish(ax, rows, drawn_title)
    ax.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


def _paired(shares: Array) -> tuple[list[tuple[int, int]], list[int]]:
    """Rows that bound a band, outermost first, and rows that have no counterpart."""
    bands, lines = [], []
    for row, share in enumerate(shares):
        partner = int(np.abs(shares - (1 - share)).argmin())
        if partner == row or abs(shares[partner] - (1 - share)) > 1e-9:
            lines.append(row)
        elif row < partner:
            bands.append((row, partner))
    return bands, lines


@figure_style()
def plot_climatology(
    clim: "xr.DataArray", *, spread: "xr.DataArray | None" = None, ax: "Axes | None" = None, title: str = ""
) -> "Axes":
    """
    Mean of each month, season or day of the year, with a band of its spread.

    Months and days without a value leave gaps.

    Parameters
    ----------
    clim : xarray.DataArray, shape (month,), (season,) or (dayofyear,)
        From `oceandata.analysis.climatology` at one place or of one series; all of it is read.
    spread : xarray.DataArray, shape of `clim`, optional
        From ``climatology(..., spread=True)``: the band is one standard deviation to both sides.
    ax : matplotlib.axes.Axes or None
        Where to draw; None makes a figure.
    title : str
        Text above; empty takes ``long_name``, ``standard_name`` or the name.

    Returns
    -------
    matplotlib.axes.Axes
        The axes; with a band also a legend.

    Raises
    ------
    InputError
        If `clim` is not one curve over the year, has no value, or the spread belongs to other months or days.
    MissingExtraError
        If matplotlib is not installed.
    """
    plt = require_pyplot()
    check_drawable(clim, 1)
    dim = str(clim.dims[0])
    if dim not in _YEAR or dim not in clim.coords:
        msg = f"the climatology runs over {dim!r}, need {', '.join(_YEAR)} as oceandata.analysis.climatology gives it."
        raise InputError(msg)
    clim = clim.compute()
    _check_any(clim)
    drawn_title = drawable_text(title) or quantity_text(clim)
    if ax is None:
        _, ax = plt.subplots(figsize=(5.0, 3.0), layout="constrained")
    _, places = _draw_places(ax, clim, dim)
    values = clim.to_numpy()
    if spread is not None:
        check_drawable(spread, 1)
        if spread.dims != clim.dims or dim not in spread.coords or not np.array_equal(spread[dim], clim[dim]):
            msg = f"the spread is not on the same {dim} as the climatology, need both from the same data."
            raise InputError(msg)
        half = spread.to_numpy()
        label = words("± 1 standard deviation", "± 1 个标准差")
        ax.fill_between(places, values - half, values + half, color=_tint(0.3), linewidth=0, label=label)
    marker = "" if dim == "dayofyear" else "o"
    ax.plot(places, values, color="#173e6b", linewidth=1.3, marker=marker, markersize=3.5, label=words("mean", "平均"))
    _finish(ax, clim, drawn_title)
    if spread is not None:
        ax.legend(fontsize=7, frameon=False)
    return ax


def _check_any(array: "xr.DataArray") -> None:
    if not bool(array.notnull().any()):
        msg = f"{array.name or 'the array'} has no value in {array.shape} places. Choose another place or period."
        raise InputError(msg)


def _finish(ax: "Axes", array: "xr.DataArray", title: str) -> None:
    """Frame, grid, label and title."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_ylabel(textwrap.fill(scale_label(array, title), LABEL_CHARACTERS))
    ax.set_title(title)


def _draw_places(ax: "Axes", array: "xr.DataArray", dim: str) -> tuple[Array, Array]:
    """Draw the axis of a dimension; the order of its values along it, and their places."""
    from matplotlib.ticker import FuncFormatter

    if dim in _YEAR:
        return _draw_year(ax, array, dim)
    as_stored = np.arange(array.sizes[dim])
    if cf.find_axis(array, "T") == dim:
        instants, label = instants_of(array[dim])
        draw_time_axis(ax, instants, label)
        ax.margins(x=0.01)
        return as_stored, instants
    places = array[dim].to_numpy() if dim in array.coords else as_stored
    if places.dtype.kind not in "iuf":
        msg = f"{dim!r} holds {places.dtype}, need numbers or times along the axis."
        raise InputError(msg)
    order = as_stored
    texts = {cf.find_axis(array, "X"): longitude_text, cf.find_axis(array, "Y"): latitude_text}
    if dim in texts:
        if texts[dim] is longitude_text:
            order, places = _contiguous(places.astype("float64"))
        write = texts[dim]
        ax.xaxis.set_major_formatter(FuncFormatter(lambda degrees, _: write(degrees)))
    elif dim in array.coords:
        ax.set_xlabel(scale_label(array[dim], ""))
    ax.margins(x=0.01)
    return order, places


def _draw_year(ax: "Axes", array: "xr.DataArray", dim: str) -> tuple[Array, Array]:
    """Months, seasons or days of a year along the axis."""
    labels = array[dim].to_numpy()
    places = np.arange(len(labels)) if dim == "season" else labels
    months = [words(letter, f"{number}月") for number, letter in enumerate(_MONTHS, 1)]
    if dim == "season":
        ax.set_xticks(places, [str(label) for label in labels])
        ax.set_xlim(-0.4, len(labels) - 0.6)
    elif dim == "month":
        ax.set_xticks(np.arange(1, 13), months)
        ax.set_xlim(0.6, 12.4)
    else:
        is_even = array.attrs.get("calendar") == "360_day"
        lengths = [30] * 12 if is_even else [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        starts = np.cumsum([1, *lengths])
        ax.set_xticks(starts, [""] * 13)
        ax.set_xticks((starts[:-1] + starts[1:]) / 2, months, minor=True)
        ax.tick_params(axis="x", which="minor", length=0, labelsize=8)
        ax.set_xlim(1, starts[-1])
    return np.arange(len(labels)), places
