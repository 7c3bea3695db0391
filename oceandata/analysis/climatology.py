"""Climatology of months, seasons or days, and anomaly that keeps the chunks."""

import dataclasses
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import xarray as xr
from dask.layers import ArraySliceDep

from oceandata import cf
from oceandata.analysis.accumulators import GroupedMoments
from oceandata.analysis.calendar_groups import FREQUENCIES, LEAP_DAY, Grouping, group_steps
from oceandata.analysis.labels import appended_methods, described, difference_attributes, require_array, require_times
from oceandata.analysis.routines import Request, Steps, streamed
from oceandata.errors import InputError, NotFoundError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["anomaly", "check_base", "climatology", "in_period"]


def in_period(times: xr.DataArray, period: tuple[str, str] | None) -> "npt.NDArray[np.bool_]":
    """
    Steps inside a period, ends included; xarray's own partial dates (``"1991"`` is the whole year).

    Parameters
    ----------
    times : xarray.DataArray, shape (n,)
        Decoded times, increasing.
    period : tuple of str or None
        First and last date; None for all.

    Returns
    -------
    numpy.ndarray of bool
        True for the steps inside.

    Raises
    ------
    InputError
        If the period is no pair of dates.
    NotFoundError
        If no step lies inside.
    """
    if period is None:
        return np.ones(times.size, bool)
    numbered = xr.DataArray(np.arange(times.size), {times.dims[0]: times.to_numpy()}, [times.dims[0]])
    try:
        first, last = period
        chosen = numbered.sel({times.dims[0]: slice(str(first), str(last))}).to_numpy()
    except (ValueError, KeyError, TypeError) as error:
        msg = f"period is {period!r}, need two dates such as ('1991', '2020'), and times that increase."
        raise InputError(msg) from error
    if chosen.size == 0:
        span = f"{times.to_numpy()[0]} to {times.to_numpy()[-1]}"
        msg = f"no time step lies in the period {period[0]} to {period[1]}; the data run from {span}."
        raise NotFoundError(msg)
    inside = np.zeros(times.size, bool)
    inside[chosen] = True
    return inside


def _day(value: Any) -> str:
    return str(value)[:10]


def _check_smoothing(freq: str, window: int, smooth: int | str | None, harmonics: int) -> None:
    """Refuse what does not go together."""
    if isinstance(window, bool) or not isinstance(window, int) or window < 1 or window % 2 == 0:
        msg = f"window is {window!r}, need an odd number of days, such as 11."
        raise InputError(msg)
    odd = isinstance(smooth, int) and not isinstance(smooth, bool) and smooth >= 1 and smooth % 2 == 1
    if not (smooth is None or smooth == "harmonic" or odd):
        msg = f"smooth is {smooth!r}, need an odd number of days such as 31, 'harmonic', or None."
        raise InputError(msg)
    if freq != "dayofyear" and (window > 1 or smooth is not None):
        msg = f"window and smooth are for freq='dayofyear', got freq={freq!r}."
        raise InputError(msg)
    if not 1 <= harmonics <= 60:
        msg = f"harmonics is {harmonics!r}, need 1 to 60 cycles a year."
        raise InputError(msg)


@dataclasses.dataclass(frozen=True)
class _Smooth:
    """Smooths a climatology of days round the year; 29 February is first set between its neighbours."""

    width: int
    harmonics: int

    def __call__(self, daily: "npt.NDArray[np.float64]") -> "npt.NDArray[np.float64]":
        days = daily.copy()
        if len(days) > LEAP_DAY + 300:
            days[LEAP_DAY - 1] = (days[LEAP_DAY - 2] + days[LEAP_DAY]) / 2
        if self.harmonics:
            angle = 2 * np.pi * np.arange(len(days)) / len(days)
            columns = [np.ones_like(angle)]
            for cycles in range(1, self.harmonics + 1):
                columns += [np.sqrt(2) * np.cos(cycles * angle), np.sqrt(2) * np.sin(cycles * angle)]
            basis = np.stack(columns, axis=1)
            return np.tensordot(basis, np.tensordot(basis.T / len(days), days, axes=1), axes=1)
        half = self.width // 2
        ring = np.concatenate([days[-half:], days, days[:half]]) if half else days
        total = np.cumsum(np.concatenate([np.zeros_like(ring[:1]), ring]), axis=0)
        smooth = (total[self.width :] - total[: -self.width]) / self.width
        if np.isnan(days).any():  # a sum over missing values never ends: cells with gaps go the long way
            stacked = np.stack([ring[start : start + len(days)] for start in range(self.width)])
            smooth = stacked.mean(axis=0)
        return np.asarray(smooth, np.float64)


def _smoothed(values: Any, smooth: int | str | None, harmonics: int) -> Any:
    """Climatology of days as smooth as asked."""
    if smooth is None:
        return values
    function = _Smooth(0, harmonics) if smooth == "harmonic" else _Smooth(int(smooth), 0)
    return da.map_blocks(function, values, dtype=np.float64) if isinstance(values, da.Array) else function(values)


def _moments_of(
    obj: xr.DataArray, axis: int, groups: Grouping, inside: "npt.NDArray[np.bool_]", window: int
) -> Request:
    """Request for the moments of each group inside the base period."""
    codes = np.where(inside, groups.codes, -1).astype(np.int64)
    count = np.bincount(codes[codes >= 0], minlength=len(groups.labels))
    # The circle of days leaves out 29 February where the calendar, or the record, has none.
    circle = tuple(int(one) for one in np.flatnonzero(count)) if window > 1 else ()
    return Request(obj.data, GroupedMoments(axis, codes, len(groups.labels), groups.days, window // 2, circle))


@streamed
def climatology(
    obj: xr.DataArray,
    *,
    freq: str = "month",
    period: tuple[str, str] | None = None,
    window: int = 1,
    smooth: int | str | None = None,
    harmonics: int = 3,
    min_count: int = 1,
    spread: bool = False,
) -> Steps[xr.DataArray]:
    """
    Mean of each month, season or day over the years, cell by cell.

    Months and days are those of the data's own calendar. Missing values are not counted: land stays NaN, and so does a
    group with fewer than `min_count` valid values. A month that does not occur in the data is NaN. December belongs to
    the winter of the next year, seasons cut by the ends of the record are left out, and months count in a season by
    their days. Days have 366 keys, 29 February its own.

    Parameters
    ----------
    obj : xarray.DataArray, shape (..., time, ...)
        Any chunking; times decoded, standard or cftime calendar.
    freq : {"month", "season", "dayofyear"}
        What to average over the years.
    period : tuple of str, optional
        First and last date of the base period, both included (``("1991", "2020")``); the whole record by default.
    window : int
        Days round each day that are pooled with it, an odd number.
    smooth : int or "harmonic", optional
        Odd width in days of a running mean round the year, or the mean and first `harmonics` cycles of the year.
        29 February is set between its neighbours before.
    harmonics : int
        Cycles a year that ``smooth="harmonic"`` keeps.
    min_count : int
        Valid values a group must have, with those of its window.
    spread : bool
        Return the standard deviation about the mean of the group (divisor n - 1) instead of the mean.

    Returns
    -------
    xarray.DataArray, shape (month or season or dayofyear, ...)
        In float64 and the units of `obj`, lazy if `obj` is lazy. ``month`` runs from 1 to 12, ``season`` from DJF to
        SON, ``dayofyear`` from 1 to 366 (360 in that calendar); the coordinate ``steps`` counts the time steps of each
        group in the period; the attribute ``base_period`` states the first and last step used.

    Raises
    ------
    NotFoundError
        If there is no time, or no step in the period.
    InputError
        If time was not decoded, or arguments do not go together.

    Notes
    -----
    Count, mean and sum of squared deviations of each group and cell are merged block by block (Chan's formula), in one
    pass. A task holds 288 bytes for each cell of its partition by months, 96 by seasons, 8784 by days, and one block.

    References
    ----------
    Chan, Golub and LeVeque 1983, The American Statistician 37, eq. (2.1).

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> time = np.arange("2001-01", "2003-01", dtype="datetime64[M]").astype("datetime64[ns]")
    >>> sst = xr.DataArray(np.tile(np.arange(1.0, 13.0), 2), {"time": time}, ["time"], name="sst")
    >>> climatology(sst).values.tolist() == list(range(1, 13))
    True
    """
    obj = require_array(obj, "climatology")
    times = require_times(obj)
    _check_smoothing(freq, window, smooth, harmonics)
    groups = group_steps(times, freq)
    inside = in_period(times, period)
    axis = int(obj.get_axis_num(times.dims[0]))
    request = _moments_of(obj, axis, groups, inside, window)
    moments = yield request
    values = _finished(moments, min_count, spread=spread)
    used = inside & (groups.codes >= 0)
    result = _labelled(obj, times, groups, _smoothed(values, smooth, harmonics), used)
    kept = {
        k: obj.attrs[k]
        for k in ("units", "units_metadata", "standard_name", "long_name", "long_name_zh")
        if k in obj.attrs
    }
    if spread:
        kept |= {key: value for key, value in difference_attributes(obj.attrs).items() if key != "long_name"}
        kept.pop("standard_name", None)
    over = "standard_deviation" if spread else "mean"
    kept["cell_methods"] = appended_methods(obj.attrs, f"time: mean within years time: {over} over years")
    if used.any():
        steps = times.to_numpy()[used]
        kept["base_period"] = f"{_day(steps[0])}/{_day(steps[-1])}"
    kept["calendar"] = cf.calendar_of(times)
    call = f"climatology(freq={freq!r}, period={period}, window={window}, smooth={smooth!r}, min_count={min_count})"
    return described(result, obj, call, **kept)


def _finished(moments: dict[str, Any], min_count: int, *, spread: bool) -> Any:
    """Mean or standard deviation of each group with enough values, NaN elsewhere."""
    xp = da if isinstance(moments["count"], da.Array) else np
    enough = moments["count"] >= (max(min_count, 2) if spread else max(min_count, 1))
    values = moments["mean"]
    if spread:
        freedom = xp.where(enough, moments["count"] - 1, 1.0)
        if "weight" in moments:
            freedom = freedom * moments["weight"] / xp.where(enough, moments["count"], 1.0)
        values = xp.sqrt(moments["M2"] / xp.where(enough, freedom, 1.0))
    return xp.where(enough, values, np.nan)


def _labelled(
    obj: xr.DataArray, times: xr.DataArray, groups: Grouping, values: Any, used: "npt.NDArray[np.bool_]"
) -> xr.DataArray:
    """Climatology with its coordinates."""
    dims = [groups.dim, *(dim for dim in obj.dims if dim != times.dims[0])]
    coords: dict[Any, Any] = {n: c for n, c in obj.coords.items() if times.dims[0] not in c.dims}
    coords[groups.dim] = (groups.dim, groups.labels, groups.attributes)
    steps = np.bincount(groups.codes[used], minlength=len(groups.labels))
    coords["steps"] = (groups.dim, steps, {"long_name": "time steps used"})
    return xr.DataArray(values, coords, dims, name=obj.name)


@dataclasses.dataclass(frozen=True, eq=False)
class _Subtract:
    """Subtracts from each step the field of its month."""

    axis: int
    rows: "npt.NDArray[np.int64]"
    spread: bool = False

    def __call__(
        self, block: "npt.NDArray[Any]", region: tuple[slice, ...], *fields: "npt.NDArray[np.float64]"
    ) -> "npt.NDArray[np.float64]":
        rows = self.rows[region[0]]
        steps = np.moveaxis(block.astype(np.float64), self.axis, 0)
        result = steps - fields[0][rows]
        if len(fields) > 1:
            with np.errstate(divide="ignore", invalid="ignore"):
                result = np.where(fields[1][rows] > 0, result / fields[1][rows], np.nan)
        return np.moveaxis(result, 0, self.axis)


def _gathered(obj: xr.DataArray, times: xr.DataArray, fields: list[xr.DataArray], rows: "npt.NDArray[np.int64]") -> Any:
    """Anomaly in the chunks of `obj`, one block from one block."""
    axis = int(obj.get_axis_num(times.dims[0]))
    subtract = _Subtract(axis, rows)
    if not isinstance(obj.data, da.Array):
        return subtract(obj.to_numpy(), (slice(0, times.size),), *(field.to_numpy() for field in fields))
    index = tuple(range(obj.ndim))
    space = tuple(dim for dim in index if dim != axis)
    chunks = [(fields[0].shape[0],), *(obj.data.chunks[dim] for dim in space)]
    arguments: list[Any] = [obj.data, index, ArraySliceDep((obj.data.chunks[axis],)), (axis,)]
    for field in fields:
        values = field.data if isinstance(field.data, da.Array) else da.from_array(field.to_numpy())
        arguments += [values.rechunk(chunks), (obj.ndim, *space)]
    return da.blockwise(
        subtract,
        index,
        *arguments,
        dtype=np.float64,
        meta=np.empty((0,) * obj.ndim),
        concatenate=True,
        align_arrays=False,
    )


def check_base(clim: xr.DataArray, months: "npt.NDArray[np.int64]") -> None:
    """
    Refuse a month whose only step is its whole base: its anomaly would be zero by construction.

    Parameters
    ----------
    clim : xarray.DataArray
        From `climatology`.
    months : numpy.ndarray of int
        Month of each step whose anomaly is wanted.

    Raises
    ------
    InputError
        If a month occurs once in the base period and nowhere else.
    """
    steps = dict(zip(clim["month"].to_numpy().tolist(), clim["steps"].to_numpy().tolist(), strict=True))
    scarce = [month for month in sorted(set(months.tolist())) if steps.get(month, 0) == 1 == (months == month).sum()]
    if scarce:
        msg = (
            f"the only step of month {scarce[0]} is its base (base period {clim.attrs.get('base_period', '')}): its "
            "anomaly would be zero by construction. Take the base from a longer record, and select the steps you want "
            "from the result."
        )
        raise InputError(msg)


def anomaly(
    obj: xr.DataArray,
    clim: xr.DataArray | None = None,
    *,
    period: tuple[str, str] | None = None,
    spread: xr.DataArray | None = None,
) -> xr.DataArray:
    """
    Difference of each step from the climatology of its month, season or day.

    Blocks are kept: nothing is shuffled or rechunked. Missing values stay missing, and a step whose month has no
    climatology is NaN.

    Parameters
    ----------
    obj : xarray.DataArray, shape (..., time, ...)
        Any chunking; times decoded.
    clim : xarray.DataArray, shape (month or season or dayofyear, ...), optional
        From `climatology`; by default the monthly one of `obj`, which reads `obj` twice when computed.
    period : tuple of str, optional
        Base period of the default climatology; the whole record by default.
    spread : xarray.DataArray, shape of `clim`, optional
        From ``climatology(..., spread=True)``: anomalies are divided by it (standardised, no unit).

    Returns
    -------
    xarray.DataArray, shape of `obj`
        In float64, lazy if `obj` is lazy. Anomalies of temperature are in K, as differences.

    Raises
    ------
    InputError
        If the climatology is not on the grid of `obj`, or lacks a month.

    Notes
    -----
    ``x(t) - clim(month(t))``. A task holds one block and the climatology of its cells.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> time = np.arange("2001-01", "2003-01", dtype="datetime64[M]").astype("datetime64[ns]")
    >>> sst = xr.DataArray(np.repeat([1.0, 3.0], 12), {"time": time}, ["time"], name="sst")
    >>> anomaly(sst).values[[0, 12]].tolist()
    [-1.0, 1.0]
    """
    obj = require_array(obj, "anomaly")
    times = require_times(obj)
    if clim is None:
        clim = climatology(obj, period=period)
        check_base(clim, cf.month_of(times))
    elif period is not None:
        msg = "both clim and period are given, need one of them: a climatology has its own base period."
        raise InputError(msg)
    freq = next((name for name in FREQUENCIES if name in clim.dims), "month")
    space = [dim for dim in obj.dims if dim != times.dims[0]]
    fields = [_on_grid(field, obj, freq, space) for field in (clim, spread) if field is not None]
    if any(not np.array_equal(field[freq], fields[0][freq]) for field in fields):
        msg = f"the spread has other {freq}s than the climatology, need the same in the same order."
        raise InputError(msg)
    rows = _rows(times, freq, fields[0])
    result = xr.DataArray(_gathered(obj, times, fields, rows), obj.coords, obj.dims, name=obj.name)
    kept = difference_attributes(obj.attrs)
    if spread is not None:
        kept = {key: value for key, value in kept.items() if key not in ("units", "units_metadata")} | {"units": "1"}
    long_name = obj.attrs.get("long_name") or str(obj.attrs.get("standard_name", obj.name)).replace("_", " ")
    kept["long_name"] = f"{long_name} anomaly"
    if "long_name_zh" in obj.attrs:
        kept["long_name_zh"] = f"{obj.attrs['long_name_zh']}距平"
    if "base_period" in clim.attrs:
        kept["base_period"] = clim.attrs["base_period"]
    return described(result, obj, "anomaly(clim)" if spread is None else "anomaly(clim, spread)", **kept)


def _rows(times: xr.DataArray, freq: str, clim: xr.DataArray) -> "npt.NDArray[np.int64]":
    """Row of the climatology that each step is compared with."""
    groups = group_steps(times, freq)
    codes = cf.month_of(times) % 12 // 3 if freq == "season" else groups.codes
    stored = clim[freq].to_numpy().tolist()
    place = {label: row for row, label in enumerate(stored)}
    asked = sorted(set(codes.tolist()))
    missing = [groups.labels[code] for code in asked if groups.labels[code].item() not in place]
    if missing:
        msg = (
            f"the climatology lacks {freq} {missing[0]}, need every {freq} of the data. "
            "Compute it from a longer record."
        )
        raise InputError(msg)
    table = {code: place[groups.labels[code].item()] for code in asked}
    return np.array([table[code] for code in codes.tolist()], np.int64)


def _on_grid(field: xr.DataArray, obj: xr.DataArray, freq: str, space: list[Any]) -> xr.DataArray:
    """Climatology with its dimensions in the order of the data, on exactly the same cells."""
    if set(field.dims) != {freq, *space}:
        msg = f"the climatology has dimensions {field.dims}, need {freq} and {tuple(space)}."
        raise InputError(msg)
    if freq not in field.coords:
        msg = (
            f"the climatology has no coordinate {freq}, so its groups are unknown: need their labels, such as 1 to 12."
        )
        raise InputError(msg)
    for dim in space:
        if field.sizes[dim] != obj.sizes[dim]:
            msg = (
                f"the climatology has {field.sizes[dim]} cells along {dim!r}, "
                f"the data {obj.sizes[dim]}: need the same grid."
            )
            raise InputError(msg)
        if dim in obj.coords and dim in field.coords and not np.array_equal(obj[dim], field[dim]):
            msg = f"the climatology lies on other {dim!r} values than the data, need the same grid."
            raise InputError(msg)
    return field.transpose(freq, *space)
