"""A marine heatwave or cold spell as it is drawn in the literature: temperature, climatology, threshold, categories."""

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from oceandata.analysis.heatwaves.days import days_of
from oceandata.analysis.labels import require_times
from oceandata.errors import InputError
from oceandata.plot.series import draw_time_axis, instants_of
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

__all__ = ["plot_heatwave"]

Array = npt.NDArray[Any]

#: English and Chinese name and colour of each category, for heat and for cold.
_CATEGORIES = (
    ("moderate", "中等（I级）", "#ffc866", "#b7e3ea"),
    ("strong", "强（II级）", "#ff6900", "#6fa8c4"),
    ("severe", "严重（III级）", "#9e0000", "#3f6590"),
    ("extreme", "极端（IV级）", "#2d0000", "#10173a"),
)
LABEL_CHARACTERS = 36


@figure_style()
def plot_heatwave(
    sst: "xr.DataArray",
    clim: "xr.Dataset",
    *,
    events: "xr.Dataset | None" = None,
    ax: "Axes | None" = None,
    title: str = "",
) -> "Axes":
    """
    Temperature of one place with its climatology and threshold, and what lies beyond shaded by category.

    The shading between the threshold and the temperature changes at each multiple of the difference between threshold
    and climatology. With `events` only the days of these are shaded, and each peak is marked. Cold spells are drawn
    if the threshold is a percentile below 50. Missing values leave gaps.

    Parameters
    ----------
    sst : xarray.DataArray, shape (time,)
        Daily temperature of the days to draw; all of it is read.
    clim : xarray.Dataset, shape (dayofyear,)
        From `oceandata.analysis.heatwave_climatology`, at the same place.
    events : xarray.Dataset, optional
        Table of the events of this place, as ``detect_heatwaves(...).compute()`` gives it.
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
        If `sst` is not one daily series with a value, or the climatology is that of more than one place or of
        another calendar.
    MissingExtraError
        If matplotlib is not installed.

    Notes
    -----
    Labels are Chinese with ``set_options(language="zh")``, if a font has the characters.

    References
    ----------
    Hobday et al. 2018, Oceanography 31(2), 162-173, figures 2 and 3.
    """
    plt = require_pyplot()
    check_drawable(sst, 1)
    time = require_times(sst)
    values = np.ma.masked_invalid(sst.to_numpy().astype("float64"))
    if values.count() == 0:
        msg = f"{sst.name or 'series'} has no value at {values.size} times. Choose another period or place."
        raise InputError(msg)
    seas, thresh = _levels(time, clim)
    instants, time_label = instants_of(time)
    drawn_title = drawable_text(title) or quantity_text(sst)
    if ax is None:
        _, ax = plt.subplots(figsize=(7.0, 3.2), layout="constrained")
    is_cold = float(clim.attrs.get("pctile", 90)) < 50
    shaded = np.ones(values.size, bool) if events is None else _in_events(time.to_numpy(), events)
    _shade(ax, instants, values, (seas, thresh), shaded, is_cold)
    ax.plot(instants, seas, color="0.45", linewidth=1.0, label=words("climatology", "气候平均"))
    ax.plot(instants, thresh, color="#2a7f62", linewidth=1.0, label=words("threshold", "阈值"))
    ax.plot(instants, values, color="0.05", linewidth=1.1, label=words("temperature", "海温"))
    if events is not None:
        _mark_peaks(ax, instants, values, time.to_numpy(), events)
    ax.margins(x=0.01)
    draw_time_axis(ax, instants, time_label)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_ylabel(textwrap.fill(scale_label(sst, drawn_title), LABEL_CHARACTERS))
    ax.set_title(drawn_title)
    ax.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


def _levels(time: "xr.DataArray", clim: "xr.Dataset") -> tuple[Array, Array]:
    """Climatology and threshold of each step."""
    missing = {"seas", "thresh"} - set(clim.data_vars)
    if missing or clim["seas"].dims != ("dayofyear",):
        shape = "no " + " and ".join(sorted(missing)) if missing else f"dimensions {clim['seas'].dims}"
        msg = f"the climatology has {shape}, need seas and thresh of one place: clim.sel(...) as for the temperature."
        raise InputError(msg)
    days = days_of(time)
    if not np.array_equal(clim["dayofyear"], days.labels):
        msg = (
            f"the climatology has {clim.sizes['dayofyear']} days of the year, need the {len(days.labels)} of the "
            f"calendar {days.calendar} of the temperature."
        )
        raise InputError(msg)
    keys = days.keys[days.steps]
    seas, thresh = (clim[name].to_numpy()[keys] for name in ("seas", "thresh"))
    if "trend" in clim:
        zero_day = float(clim["trend"].attrs["zero_day"])
        offset = float(clim["trend"]) * (days.first + days.steps - zero_day)
        seas, thresh = seas + offset, thresh + offset
    return seas, thresh


def _in_events(times: Array, events: "xr.Dataset") -> npt.NDArray[np.bool_]:
    """Steps that lie in an event."""
    inside = np.zeros(len(times), bool)
    for start, end in zip(events["date_start"].to_numpy(), events["date_end"].to_numpy(), strict=True):
        inside |= (times >= start) & (times <= end)
    return inside


def _shade(
    ax: "Axes",
    instants: Array,
    values: "np.ma.MaskedArray[Any, Any]",
    levels: tuple[Array, Array],
    shaded: npt.NDArray[np.bool_],
    is_cold: bool,
) -> None:
    """Fill between threshold and temperature, a colour for each multiple of their distance from the climatology."""
    seas, thresh = levels
    # a day beyond the event on each side, where the line crosses the threshold
    shaded = shaded | np.roll(shaded, 1) | np.roll(shaded, -1)
    sign = -1 if is_cold else 1
    for number, (english, chinese, warm, cold) in enumerate(_CATEGORIES):
        lower = thresh + number * (thresh - seas)
        upper = lower + (thresh - seas)
        top = values if number == len(_CATEGORIES) - 1 else sign * np.ma.minimum(sign * values, sign * upper)
        where = shaded & np.ma.filled(sign * values >= sign * lower, False)
        with_crossings = where | np.roll(where, 1) | np.roll(where, -1)
        top = sign * np.ma.maximum(sign * top, sign * lower)
        label = words(english, chinese) if where.any() else "_"
        color = cold if is_cold else warm
        ax.fill_between(instants, lower, top, where=with_crossings & shaded, color=color, linewidth=0, label=label)


def _mark_peaks(
    ax: "Axes", instants: Array, values: "np.ma.MaskedArray[Any, Any]", times: Array, events: "xr.Dataset"
) -> None:
    """A dot at each peak that is drawn."""
    at = np.isin(times, events["date_peak"].to_numpy())
    ax.plot(instants[at], values[at], "o", color="0.05", markersize=3.5, label=words("peak", "峰值"))
