"""What is usual on each day of the year, and the threshold beyond which it is a heatwave or a cold spell."""

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from oceandata.analysis.columns import ColumnOutput, map_columns
from oceandata.analysis.heatwaves.days import Days, Pools, base_of, days_of, pools_of
from oceandata.analysis.labels import described, difference_attributes, require_array, require_times
from oceandata.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["REFERENCE", "heatwave_climatology", "whole_number"]

#: What the definitions are taken from.
REFERENCE = (
    "Hobday et al. 2016, Progress in Oceanography 141, 227-238, doi:10.1016/j.pocean.2015.12.014; "
    "Hobday et al. 2018, Oceanography 31(2), 162-173, doi:10.5670/oceanog.2018.205"
)


@dataclasses.dataclass(frozen=True, eq=False)
class _Climatology:
    """Column function of the climatology."""

    days: Days
    pools: Pools
    settings: tuple[float, int, int, int, bool, bool, float]

    def __call__(self, columns: "npt.NDArray[Any]", _tile: tuple[slice, ...]) -> dict[str, Any]:
        from oceandata.analysis.heatwaves.kernels import climatologies

        shape = columns.shape[:-1]
        rows = columns.reshape(-1, columns.shape[-1])
        pools = (self.pools.group_starts, self.pools.members, self.pools.key_starts, self.pools.groups)
        seas, thresh, trend = climatologies(rows, self.days.steps, self.days.count, pools, self.settings)
        keys = len(self.days.labels)
        return {
            "seas": seas.reshape(keys, *shape),
            "thresh": thresh.reshape(keys, *shape),
            "trend": trend.reshape(shape),
        }


def whole_number(name: str, value: Any, low: int, high: int) -> int:
    """
    Check an argument that must be a whole number.

    Parameters
    ----------
    name : str
        For the error.
    value : object
        The argument.
    low, high : int
        Limits, both allowed.

    Returns
    -------
    int
        The value.

    Raises
    ------
    InputError
        If it is no whole number within the limits.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        msg = f"{name} is {value!r}, need a whole number of days from {low} to {high}."
        raise InputError(msg)
    return int(value)


def _check_words(**given: tuple[str, tuple[str, ...]]) -> None:
    for name, (value, allowed) in given.items():
        if value not in allowed:
            msg = f"{name} is {value!r}, need {' or '.join(map(repr, allowed))}."
            raise InputError(msg)


def heatwave_climatology(
    sst: xr.DataArray,
    *,
    period: tuple[int | str, int | str] | None = None,
    pctile: float = 90,
    window_half_width: int = 5,
    smooth_width: int = 31,
    window_edges: Literal["data", "period"] = "data",
    feb29: Literal["two", "three"] = "two",
    max_pad: int | None = None,
    baseline: Literal["fixed", "detrended"] = "fixed",
) -> xr.Dataset:
    """
    Climatological mean and threshold of each day of the year, for marine heatwaves and cold spells.

    Missing values, and days that the time axis leaves out, are not counted; a cell without any value (land) stays NaN,
    and so does a day whose window, or whose running mean, holds a day without any.

    Parameters
    ----------
    sst : xarray.DataArray, shape (..., time, ...)
        Daily values in any calendar and any chunking; days may be missing.
    period : tuple of int or str, optional
        First and last year (or date) of the base period, both included; the whole record by default.
    pctile : float
        Percentile of the threshold: 90 for heatwaves, 10 for cold spells.
    window_half_width : int
        Days on each side of a day that are pooled with it.
    smooth_width : int
        Width of the circular running mean over the days of the year, odd; 1 for none.
    window_edges : {"data", "period"}
        Whether windows at the ends of the base period take the days beyond it, where there are any.
    feb29 : {"two", "three"}
        29 February is the mean of its two neighbours, or of these and the days that the leap years pool for it.
    max_pad : int, optional
        Longest gap that is filled first, on the line between its neighbours; none is by default.
    baseline : {"fixed", "detrended"}
        Whether each cell's linear trend over the whole record is taken off first, so that the middle of the base
        period keeps its level. `detect_heatwaves` then does the same.

    Returns
    -------
    xarray.Dataset
        ``seas`` and ``thresh``, shape (dayofyear, ...), in float64 and the units of `sst`; with a detrended baseline
        also ``trend``, shape (...). Lazy if `sst` is lazy. ``dayofyear`` counts the days of a year that has
        29 February (60 is left out in calendars without), or of 360 days.

    Raises
    ------
    InputError
        If an argument is impossible or the record is not daily.
    NotFoundError
        If there is no time, or no step in the period.
    MemoryBudgetError
        If whole columns do not fit the memory; the message names what would.

    Warns
    -----
    OceanDataWarning
        If each byte has to be read more than once.

    Notes
    -----
    Of the ``2 * window_half_width + 1`` steps around each day of the base period: mean, and percentile on the line
    between the two nearest ranks; then the running mean. A task holds the columns of a tile, one block, and 5.9 kB for
    each cell of the tile.

    References
    ----------
    Hobday et al. 2016, Progress in Oceanography 141, 227-238, section 2 and table 2.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> time = np.arange("2001-01-01", "2005-01-01", dtype="M8[D]").astype("M8[ns]")
    >>> sst = xr.DataArray(np.full(len(time), 15.0), {"time": time}, ["time"], name="sst")
    >>> clim = heatwave_climatology(sst)
    >>> float(clim.thresh.min()), clim.sizes["dayofyear"]
    (15.0, 366)
    """
    sst = require_array(sst, "heatwave_climatology")
    times = require_times(sst)
    _check_words(
        window_edges=(window_edges, ("data", "period")),
        feb29=(feb29, ("two", "three")),
        baseline=(baseline, ("fixed", "detrended")),
    )
    if isinstance(pctile, bool) or not isinstance(pctile, int | float | np.number) or not 0 < pctile < 100:
        msg = f"pctile is {pctile!r}, need a percentile above 0 and below 100, such as 90."
        raise InputError(msg)
    half = whole_number("window_half_width", window_half_width, 0, 182)
    if whole_number("smooth_width", smooth_width, 1, 359) % 2 == 0:
        msg = f"smooth_width is {smooth_width}, need an odd number of days, so that the mean is centred."
        raise InputError(msg)
    pad = 0 if max_pad is None else whole_number("max_pad", max_pad, 0, 366)
    days = days_of(times)
    base = base_of(days, times, period)
    used = np.flatnonzero(base)
    own_window = feb29 == "three"
    pools = pools_of(days, base, half, beyond=window_edges == "data", leap=own_window)
    middle = float(used[0] + used[-1]) / 2
    settings = (float(pctile) / 100, smooth_width // 2, pad, days.leap, own_window, baseline == "detrended", middle)
    keys = (len(days.labels),)
    outputs = [ColumnOutput("seas", keys), ColumnOutput("thresh", keys), ColumnOutput("trend")]
    axis = int(sst.get_axis_num(times.dims[0]))
    made = map_columns(sst.data, _Climatology(days, pools, settings), axis, outputs, name=str(sst.name))
    inside = times.to_numpy()[base[days.steps]]
    call = (
        f"heatwave_climatology(period={period}, pctile={pctile}, window_half_width={half}, "
        f"smooth_width={smooth_width}, window_edges={window_edges!r}, feb29={feb29!r}, max_pad={max_pad}, "
        f"baseline={baseline!r})"
    )
    result = _labelled(sst, times, days, made, call, f"{str(inside[0])[:10]}/{str(inside[-1])[:10]}")
    if baseline == "detrended":
        result["trend"].attrs["zero_day"] = days.first + middle
        result["trend"].attrs["zero_day_units"] = f"days since 1970-01-01 in calendar {days.calendar}"
    else:
        result = result.drop_vars("trend")
    return result.assign_attrs(pctile=float(pctile), baseline=baseline)


def _labelled(
    sst: xr.DataArray, times: xr.DataArray, days: Days, made: dict[str, Any], call: str, period: str
) -> xr.Dataset:
    """Dataset of the results, with names in both languages."""
    time = times.dims[0]
    space = [dim for dim in sst.dims if dim != time]
    coords: dict[Any, Any] = {name: one for name, one in sst.coords.items() if time not in one.dims}
    coords["dayofyear"] = ("dayofyear", days.labels, {"long_name": "day of year", "long_name_zh": "年内日序"})
    of_level = {key: sst.attrs[key] for key in ("units", "units_metadata", "standard_name") if key in sst.attrs}
    units = difference_attributes(sst.attrs).get("units", "")
    names = {
        "seas": ("climatological mean", "气候平均值", of_level),
        "thresh": ("threshold", "阈值", of_level),
        "trend": ("linear trend", "线性趋势", {"units": f"{units} d-1"} if units else {}),
    }
    variables = {}
    for name, (english, chinese, attributes) in names.items():
        dims = space if name == "trend" else ["dayofyear", *space]
        array = xr.DataArray(made[name], {k: c for k, c in coords.items() if k != "dayofyear" or name != "trend"}, dims)
        labels = {"long_name": english, "long_name_zh": chinese, "references": REFERENCE}
        variables[name] = described(
            array, sst, call, base_period=period, calendar=days.calendar, **attributes, **labels
        )
    return xr.Dataset(variables)
