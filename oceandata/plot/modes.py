"""Modes of variability: patterns with their series, and an index with its events."""

import math
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from oceandata.analysis.labels import require_times
from oceandata.errors import InputError
from oceandata.plot.maps import _cells, _shape, plot_map
from oceandata.plot.series import COOL, LABEL_CHARACTERS, WARM, draw_time_axis, fill_about_zero, instants_of
from oceandata.plot.style import (
    check_drawable,
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
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

__all__ = ["plot_eof", "plot_index"]

Array = npt.NDArray[Any]

_MOST_MODES = 12
_WIDTH_IN = 7.2
_SERIES_HEIGHT_IN = 1.15


@figure_style()
def plot_eof(modes: "xr.Dataset", *, title: str = "", cmap: "str | Colormap | None" = None) -> "Figure":
    """
    Panel of empirical orthogonal functions: each pattern as a map, its series below.

    All maps share one colour scale about zero, so that what two modes amount to can be compared. Above each stands the
    share of variance it explains, with the sampling error of North et al.; modes whose shares differ by no more than
    that may be mixtures of each other.

    Parameters
    ----------
    modes : xarray.Dataset
        From `oceandata.analysis.eof` of a field on latitude and longitude; computed here if it is lazy. Select fewer
        with ``.isel(mode=slice(0, 3))``.
    title : str
        Text above; empty takes the name of the patterns.
    cmap : str, Colormap or None
        Colour map of the patterns; None takes one with a middle.

    Returns
    -------
    matplotlib.figure.Figure
        The figure; maps are the axes labelled ``map 1`` and so on, series ``series 1`` and so on.

    Raises
    ------
    InputError
        If the dataset lacks what `oceandata.analysis.eof` gives, has more than 12 modes, its patterns are not on
        latitude and longitude, or are too large for a picture.
    MissingExtraError
        If matplotlib is not installed.

    Notes
    -----
    Patterns are in units of the field for one standard deviation of their series.

    References
    ----------
    North, Bell, Cahalan and Moeng 1982, Mon. Wea. Rev. 110, 699-706, eq. (24).
    """
    plt = require_pyplot()
    modes = _computed_modes(modes)
    count = modes.sizes["mode"]
    patterns = [modes["eof"].isel(mode=number, drop=True) for number in range(count)]
    x_edges, y_edges, _ = _cells(patterns[0])
    shape = _shape(x_edges, y_edges)
    # two or three side by side, whichever leaves less empty; a belt takes the whole width
    columns = 1 if shape > 3.5 else min(count, min((2, 3), key=lambda beside: (-count % beside, beside)))
    rows = math.ceil(count / columns)
    map_height = min(_WIDTH_IN / columns / shape, 4.0)
    size = (_WIDTH_IN, rows * (map_height + _SERIES_HEIGHT_IN + 0.5) + 0.9)
    figure: Figure = plt.figure(figsize=size, layout="constrained")
    grid = figure.add_gridspec(2 * rows, columns, height_ratios=[map_height, _SERIES_HEIGHT_IN] * rows)
    maps = []
    for number, pattern in enumerate(patterns):
        row, column = divmod(number, columns)
        on_map = figure.add_subplot(grid[2 * row, column], label=f"map {number + 1}")
        plot_map(pattern, ax=on_map, cmap=cmap, centre=0.0, colorbar=False)
        on_map.set_title(_share_text(modes, number), loc="left", fontsize=9, fontweight="normal")
        on_map.set_title("")
        below = figure.add_subplot(grid[2 * row + 1, column], label=f"series {number + 1}")
        _draw_score(below, modes["pc"].isel(mode=number, drop=True), with_label=column == 0)
        maps.append(on_map)
    drawn_title = drawable_text(title) or quantity_text(modes["eof"])
    _draw_shared_scale(figure, maps, scale_label(modes["eof"], drawn_title))
    figure.suptitle(drawn_title, fontsize=10, fontweight="bold")
    return figure


def _computed_modes(modes: "xr.Dataset") -> "xr.Dataset":
    """What is drawn, in memory; refused before it is computed if it cannot be drawn."""
    needed = ("eof", "pc", "eigenvalue", "north_error", "explained_variance")
    missing = [name for name in needed if name not in getattr(modes, "data_vars", ())]
    if missing or modes["eof"].dims[:1] != ("mode",):
        msg = f"modes lacks {', '.join(missing) or 'the dimension mode'}, need what oceandata.analysis.eof returns."
        raise InputError(msg)
    if modes.sizes["mode"] > _MOST_MODES:
        msg = f"{modes.sizes['mode']} modes are to be drawn, need {_MOST_MODES} at most. Use .isel(mode=slice(0, 4))."
        raise InputError(msg)
    check_drawable(modes["eof"], 3)
    check_drawable(modes["pc"], 2)
    return modes[list(needed)].compute()


def _share_text(modes: "xr.Dataset", number: int) -> str:
    """Letter, number and share of variance of a mode, with its sampling error."""
    share = 100 * float(modes["explained_variance"][number])
    error = share * float(modes["north_error"][number] / modes["eigenvalue"][number])
    name = modes["mode"].to_numpy()[number] if "mode" in modes.coords else number + 1
    letter = chr(ord("a") + number)
    digits = 1 if error >= 0.1 else 2
    shares = f"{share:.{digits}f} ± {error:.{digits}f} %"
    return words(f"({letter}) mode {name}: {shares}", f"({letter}) 第{name}模态：{shares}")


def _draw_score(ax: "Axes", series: "xr.DataArray", *, with_label: bool) -> None:
    """Standardised series of a mode, red above and blue below zero."""
    instants, time_label = instants_of(require_times(series))
    values = np.ma.masked_invalid(series.to_numpy().astype("float64"))
    fill_about_zero(ax, instants, values)
    ax.plot(instants, values, color="0.15", linewidth=0.7)
    ax.margins(x=0.01)
    draw_time_axis(ax, instants, time_label)
    ax.spines[["top", "right"]].set_visible(False)
    if with_label:
        ax.set_ylabel(words("standard\ndeviations", "标准差"))


def _draw_shared_scale(figure: "Figure", maps: "list[Axes]", label: str) -> None:
    """One colour scale about zero for all maps, its bar beneath them."""
    meshes = [one.collections[0] for one in maps]
    reach = max(max(map(abs, mesh.get_clim())) for mesh in meshes)
    for mesh in meshes:
        mesh.set_clim(-reach, reach)
    bar = figure.colorbar(meshes[0], ax=figure.axes, location="bottom", shrink=0.5, aspect=40, pad=0.02)
    bar.outline.set_linewidth(0.4)
    bar.set_label(label)


@figure_style()
def plot_index(series: "xr.DataArray", events: "xr.Dataset", *, ax: "Axes | None" = None, title: str = "") -> "Axes":
    """
    Climate index with its events: red above and blue below zero, each event shaded and its peak written.

    Missing values leave gaps. Dashed lines mark the threshold that the events were found with.

    Parameters
    ----------
    series : xarray.DataArray, shape (time,)
        An index, such as ``index(sst, "oni").oni``; all of it is read.
    events : xarray.Dataset, shape (event,)
        From `oceandata.analysis.index_events` of this series.
    ax : matplotlib.axes.Axes or None
        Where to draw; None makes a figure.
    title : str
        Text above; empty takes ``long_name``, ``standard_name`` or the name.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, time in matplotlib dates or in years.

    Raises
    ------
    InputError
        If `series` is not a one-dimensional array of numbers in time, has no value, or the events are not from
        `oceandata.analysis.index_events` or not those of this series.
    MissingExtraError
        If matplotlib is not installed.
    """
    plt = require_pyplot()
    check_drawable(series, 1)
    time = require_times(series)
    spans = _spans(time, events)
    instants, time_label = instants_of(time)
    values = np.ma.masked_invalid(series.to_numpy().astype("float64"))
    if values.count() == 0:
        msg = f"{series.name or 'series'} has no value at {values.size} times. Choose another period or region."
        raise InputError(msg)
    drawn_title = drawable_text(title) or quantity_text(series)
    if ax is None:
        _, ax = plt.subplots(figsize=(7.0, 2.8), layout="constrained")
    fill_about_zero(ax, instants, values)
    ax.plot(instants, values, color="0.15", linewidth=0.8)
    _draw_events(ax, instants, spans, events)
    threshold = float(events.attrs["threshold"])
    for level in (-threshold, threshold):
        ax.axhline(level, color="0.3", linewidth=0.6, linestyle="--")
    ax.margins(x=0.01, y=0.12)
    draw_time_axis(ax, instants, time_label)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_ylabel(textwrap.fill(scale_label(series, drawn_title), LABEL_CHARACTERS))
    ax.set_title(drawn_title)
    return ax


def _spans(time: "xr.DataArray", events: "xr.Dataset") -> list[tuple[int, int, int]]:
    """First, last and peak step of each event."""
    columns = ("start", "end", "peak_time")
    needed = {*columns, "peak", "sign"}
    if not needed <= set(getattr(events, "data_vars", ())) or "threshold" not in events.attrs:
        msg = "events lacks columns or its threshold, need what oceandata.analysis.index_events returns."
        raise InputError(msg)
    steps = {instant: step for step, instant in enumerate(time.to_numpy().tolist())}
    try:
        found = [[steps[one] for one in events[name].to_numpy().astype(time.dtype).tolist()] for name in columns]
    except KeyError as error:
        msg = "an event begins, peaks or ends at a time that the series does not have, need the events of this series."
        raise InputError(msg) from error
    return list(zip(*found, strict=True))


def _draw_events(ax: "Axes", instants: Array, spans: list[tuple[int, int, int]], events: "xr.Dataset") -> None:
    """Spans from half a step before an event to half a step after it, the value at each peak."""
    last = len(instants) - 1
    for (start, end, peak), height, sign in zip(spans, events["peak"].values, events["sign"].values, strict=True):
        before = instants[start] - (instants[start] - instants[max(start - 1, 0)]) / 2
        after = instants[end] + (instants[min(end + 1, last)] - instants[end]) / 2
        ax.axvspan(before, after, color=WARM if sign > 0 else COOL, alpha=0.13, linewidth=0, zorder=0)
        text = f"{height:+.1f}".replace("-", "−")
        side = "bottom" if sign > 0 else "top"
        ax.annotate(
            text,
            (instants[peak], height),
            (0, 2 * sign),
            textcoords="offset points",
            fontsize=6.5,
            ha="center",
            va=side,
        )
