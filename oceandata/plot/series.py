"""Time series."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from oceandata import cf
from oceandata.errors import InputError
from oceandata.plot.style import (
    check_drawable,
    drawable_label,
    drawable_text,
    figure_style,
    quantity_text,
    require_pyplot,
    scale_label,
)

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["COOL", "LABEL_CHARACTERS", "WARM", "draw_time_axis", "fill_about_zero", "instants_of", "plot_series"]

Array = npt.NDArray[Any]
Masked = np.ma.MaskedArray[Any, Any]

LABEL_CHARACTERS = 36
WARM, COOL = "#c8352b", "#2b6cb0"


@figure_style()
def plot_series(
    series: "xr.DataArray",
    *,
    ax: "Axes | None" = None,
    title: str = "",
    fill_anomaly: bool = False,
    events: "Sequence[tuple[Any, ...]] | None" = None,
    thresholds: Sequence[float] = (),
) -> "Axes":
    """
    Time series as a line.

    Missing values leave gaps. Dates of any calendar are drawn: as dates if all of them exist in the ordinary
    calendar, otherwise (30 February) as years with decimals, and the axis says so.

    Parameters
    ----------
    series : xarray.DataArray, shape (time,)
        What to draw; all of it is read.
    ax : matplotlib.axes.Axes or None
        Where to draw; None makes a figure.
    title : str
        Text above; empty takes ``long_name``, ``standard_name`` or the name, as does a Chinese title if no font has
        Chinese characters.
    fill_anomaly : bool
        Fill red above and blue below zero.
    events : sequence of tuple or None
        Spans to shade: start, end and, if wanted, a label. Instants are dates, ISO 8601 text, or numbers on an axis of
        numbers.
    thresholds : sequence of float
        Levels to mark with a dashed line, in units of `series`.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, time in matplotlib dates or in years.

    Raises
    ------
    InputError
        If `series` is not a one-dimensional array of numbers in time, has no value, or an event cannot be placed.
    MissingExtraError
        If matplotlib is not installed.
    """
    plt = require_pyplot()
    check_drawable(series, 1)
    time = series[cf.require_axis(series, "T")]
    instants, time_label = instants_of(time)
    values = np.ma.masked_invalid(series.to_numpy().astype("float64"))
    if values.count() == 0:
        msg = f"{series.name or 'series'} has no value at {values.size} times. Choose another period or region."
        raise InputError(msg)
    drawn_title = drawable_text(title) or quantity_text(series)
    if ax is None:
        _, ax = plt.subplots(figsize=(7.0, 2.8), layout="constrained")
    if fill_anomaly:
        fill_about_zero(ax, instants, values)
    ax.plot(instants, values, color="0.15", linewidth=0.9, marker="." if values.count() == 1 else "")
    ax.margins(x=0.01)
    _draw_marks(ax, instants, events or (), thresholds)
    draw_time_axis(ax, instants, time_label)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_ylabel(textwrap.fill(scale_label(series, drawn_title), LABEL_CHARACTERS))
    ax.set_title(drawn_title)
    return ax


def instants_of(time: "xr.DataArray") -> tuple[Array, str]:
    """
    Places on the time axis and what to write under it; dates need no word.

    Parameters
    ----------
    time : xarray.DataArray, shape (n,)
        Times of any calendar, or numbers.

    Returns
    -------
    numpy.ndarray, str
        Values that matplotlib places, and the label of their axis.
    """
    values = time.to_numpy()
    if values.dtype.kind == "M":
        return values, ""
    if values.dtype.kind in "iuf":
        return values, " ".join(filter(None, [quantity_text(time), time.attrs.get("units")]))
    if not all(hasattr(value, "calendar") for value in values):
        msg = f"time {time.name!r} holds {values.dtype}, need dates or numbers. Decode it: xarray.decode_cf(ds)"
        raise InputError(msg)
    try:
        return np.array([_ordinary_date(value) for value in values]), ""
    except ValueError:
        return np.array([_decimal_year(value) for value in values]), f"year ({values[0].calendar} calendar)"


def _ordinary_date(value: Any) -> np.datetime64:
    """Date as numpy has it; ValueError if the ordinary calendar, years 1 to 9999, has no such day."""
    if not 1 <= getattr(value, "year", 1) <= 9999:
        msg = f"year {value.year} is not between 1 and 9999"
        raise ValueError(msg)
    date = np.datetime64(value.isoformat() if hasattr(value, "isoformat") else value, "us")
    if np.isnat(date):
        msg = f"{value!r} is no date"
        raise ValueError(msg)
    return date


def _decimal_year(date: Any) -> float:
    """Year and the part of it that has passed, in the date's own calendar."""
    last = date.replace(month=12, day=30 if date.calendar == "360_day" else 31)
    hours = date.hour + date.minute / 60 + date.second / 3600
    return float(date.year + (date.dayofyr - 1 + hours / 24) / last.dayofyr)


def _place(value: Any, instants: Array) -> Any:
    """An instant on the axis of these instants."""
    try:
        if instants.dtype.kind == "M":
            return _ordinary_date(value)
        return _decimal_year(value) if hasattr(value, "calendar") else float(value)
    except (TypeError, ValueError) as error:
        kind = "dates" if instants.dtype.kind == "M" else "numbers or dates of the calendar of the series"
        msg = f"event at {value!r} has no place on the time axis, need {kind}."
        raise InputError(msg) from error


def fill_about_zero(ax: "Axes", instants: Array, values: Masked) -> None:
    """
    Red above zero, blue below, meeting where the line crosses.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    instants, values : numpy.ndarray
        The curve.
    """
    ax.fill_between(instants, values, 0, where=values > 0, interpolate=True, color=WARM, alpha=0.75, linewidth=0)
    ax.fill_between(instants, values, 0, where=values < 0, interpolate=True, color=COOL, alpha=0.75, linewidth=0)
    ax.axhline(0, color="0.4", linewidth=0.6)


def _draw_marks(ax: "Axes", instants: Array, events: Sequence[tuple[Any, ...]], thresholds: Sequence[float]) -> None:
    """Shaded spans with labels at two heights in turn, dashed levels with their value on the right."""
    from matplotlib.transforms import ScaledTranslation

    beside = ax.get_xaxis_transform() + ScaledTranslation(3 / 72, 0, ax.figure.dpi_scale_trans)
    for number, event in enumerate(events):
        if len(event) not in (2, 3):
            msg = f"event is {event!r}, need (start, end) or (start, end, label)."
            raise InputError(msg)
        start, end = (_place(instant, instants) for instant in event[:2])
        ax.axvspan(start, end, color="#e8c268", alpha=0.45, linewidth=0.8, zorder=0)
        label = drawable_label(str(event[2])) if len(event) == 3 else ""
        height = 0.97 - 0.1 * (number % 2)
        ax.text(start, height, label, va="top", fontsize=7, transform=beside)
    for level in thresholds:
        ax.axhline(level, color="0.3", linewidth=0.7, linestyle="--")
        text = f"{level:g}".replace("-", "−")
        ax.text(1.005, level, text, va="center", fontsize=7, transform=ax.get_yaxis_transform())


def draw_time_axis(ax: "Axes", instants: Array, label: str, *, axis: Literal["x", "y"] = "x") -> None:
    """
    Few and short dates, or plain numbers with a label.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where.
    instants : numpy.ndarray
        From `instants_of`.
    label : str
        Label of the axis.
    axis : {"x", "y"}
        Which axis time runs along.
    """
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    drawn = ax.xaxis if axis == "x" else ax.yaxis
    if instants.dtype.kind == "M":
        locator = AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
        drawn.set_major_locator(locator)
        drawn.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    else:
        ax.ticklabel_format(axis=axis, useOffset=False)
        drawn.set_label_text(label)
