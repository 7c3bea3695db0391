"""Trends, detrending and harmonic fits along time, cell by cell, with the gaps of each cell."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import xarray as xr
from dask.layers import ArraySliceDep

from oceandata import cf
from oceandata.analysis.labels import described, difference_attributes, require_array, require_times, separated
from oceandata.analysis.regression import Regression
from oceandata.analysis.routines import Request, Steps, streamed
from oceandata.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["TIDES", "detrend", "harmonic_fit", "trend"]

#: Speeds of tidal constituents, degrees an hour (Doodson 1921; National Ocean Service tables).
TIDES = {
    "M2": 28.9841042,
    "S2": 30.0,
    "N2": 28.4397295,
    "K2": 30.0821373,
    "K1": 15.0410686,
    "O1": 13.9430356,
    "P1": 14.9589314,
    "Q1": 13.3986609,
}

# Days of a mean year by calendar.
_YEAR_DAYS = {
    "noleap": 365.0,
    "365_day": 365.0,
    "all_leap": 366.0,
    "366_day": 366.0,
    "360_day": 360.0,
    "julian": 365.25,
}
_GREGORIAN_YEAR_DAYS = 365.2425

_PER = {"year": 1.0, "decade": 10.0, "century": 100.0}


@dataclasses.dataclass(frozen=True, eq=False)
class _Clock:
    """Times as numbers: days from the middle of the record, and the half-length of the record in days."""

    days: "npt.NDArray[np.float64]"
    half: float
    year_days: float

    def design(self, order: int, periods_days: Sequence[float]) -> "npt.NDArray[np.float64]":
        """Regressors of each step: powers of time from -1 to 1, then cosine and sine of each period."""
        scaled = self.days / self.half
        columns = [scaled**power for power in range(order + 1)]
        for period in periods_days:
            angle = 2 * np.pi * self.days / period
            columns += [np.cos(angle), np.sin(angle)]
        return np.stack(columns, axis=1)


def _clock(obj: xr.DataArray) -> tuple[_Clock, xr.DataArray]:
    """Times of an array as numbers, and its coordinate; they must increase."""
    times = require_times(obj)
    seconds = cf.time_seconds(times)
    days = seconds / 86_400
    if not (np.diff(days) > 0).all():
        msg = (
            f"times of {obj.name!r} do not increase, need each step later than the one before. Use obj.sortby('time')."
        )
        raise InputError(msg)
    year = _YEAR_DAYS.get(cf.calendar_of(times), _GREGORIAN_YEAR_DAYS)
    middle, half = _reference(float(days[0]), float(days[-1]))
    return _Clock(days - middle, half, year), times


def _reference(first: float, last: float) -> tuple[float, float]:
    """Middle and half-length for a record, days, that stay as they are while it grows by less than a quarter."""
    half = 2.0 ** math.ceil(math.log2(max((last - first) / 2, 1.0)))
    return round((first + last) / 2 / (half / 2)) * (half / 2), half


def _check_order(order: int, harmonics: Sequence[int]) -> None:
    if order not in (0, 1, 2, 3):
        msg = f"order is {order!r}, need 0 to 3."
        raise InputError(msg)
    if any(not isinstance(one, int | np.integer) or one < 1 for one in harmonics) or len(set(harmonics)) < len(
        harmonics
    ):
        msg = f"harmonics is {harmonics!r}, need whole cycles a year such as (1, 2), each once."
        raise InputError(msg)


def _fit(obj: xr.DataArray, clock: _Clock, times: xr.DataArray, order: int, periods: Sequence[float]) -> Request:
    axis = int(obj.get_axis_num(times.dims[0]))
    return Request(obj.data, Regression(axis, clock.design(order, periods)))


def _kept(obj: xr.DataArray, times: xr.DataArray) -> tuple[dict[Any, Any], list[Any]]:
    """Coordinates and dimensions that stay when time goes."""
    time = times.dims[0]
    return {n: c for n, c in obj.coords.items() if time not in c.dims}, [d for d in obj.dims if d != time]


def _significance(found: dict[str, Any], row: int, k: int) -> dict[str, Any]:
    """Standard error and p-value of one coefficient, with the effective number of values."""
    xp = da if isinstance(found["count"], da.Array) else np
    r1 = xp.clip(found["autocorrelation"], 0.0, 1 - 1e-12)
    effective = found["count"] * (1 - r1) / (1 + r1)
    freedom = xp.where(effective > k, effective - k, np.nan)
    error = xp.sqrt(found["residual"] / freedom * found["inverse"][row])
    arguments = (found["coefficients"][row], error, freedom)
    tail = _p_value(*arguments) if xp is np else da.map_blocks(_p_value, *arguments, dtype=np.float64)
    return {"stderr": error, "p_value": tail, "n_eff": effective, "r1": found["autocorrelation"]}


def _p_value(
    estimate: "npt.NDArray[np.float64]", error: "npt.NDArray[np.float64]", freedom: "npt.NDArray[np.float64]"
) -> "npt.NDArray[np.float64]":
    """Two-sided p-value of Student's t; an error of zero leaves no doubt."""
    from scipy.special import stdtr

    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(2 * stdtr(freedom, -np.abs(estimate / error)), np.float64)


@streamed
def trend(
    obj: xr.DataArray, *, order: int = 1, harmonics: Sequence[int] = (), per: str = "decade"
) -> Steps[xr.Dataset]:
    """
    Linear trend of each cell, with standard error and significance.

    Every cell is fitted to its own valid steps: gaps are neither filled nor ignored. Land, and cells whose steps do
    not determine the fit, are NaN. Harmonics of the year are fitted at the same time, so that an uneven sampling of the
    seasons does not look like a trend.

    Parameters
    ----------
    obj : xarray.DataArray, shape (..., time, ...)
        Any chunking; times decoded and increasing, standard or cftime calendar.
    order : int
        Power of time up to which is fitted, 1 to 3; above 1 the slope is that at its attribute ``slope_time``.
    harmonics : sequence of int
        Cycles a year to fit with it, such as ``(1, 2)``.
    per : {"decade", "year", "century"}
        Time in the unit of the slope.

    Returns
    -------
    xarray.Dataset, shape (kept dimensions)
        ``slope`` and ``stderr`` in units of `obj` a decade, ``p_value``, ``r1`` (lag-1 autocorrelation of the
        residuals), ``n_eff`` (effective number of values) and ``count``; float64, lazy if `obj` is lazy. ``stderr`` and
        ``p_value`` are NaN where too few effective values remain.

    Raises
    ------
    InputError
        If times do not increase, or an argument cannot be used.

    Notes
    -----
    Least squares of ``y = sum(b_j x_j) + e`` from the products of regressors and values, merged block by block, one
    pass. ``n_eff = n (1 - r1) / (1 + r1)`` with ``r1`` not below zero; ``stderr**2 = SSE / (n_eff - k) (X'X)^-1``. A
    task holds ``2 k**2 + 2 k + 7`` numbers for each cell of its partition (k regressors), and one block. Neighbouring
    steps count as neighbours also across chunks; steps are taken as evenly spaced for ``r1``.

    References
    ----------
    Santer et al. 2000, J. Geophys. Res. 105(D6), eq. (4) to (6), doi 10.1029/1999JD901105.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> time = np.arange("2000", "2020", dtype="datetime64[Y]").astype("datetime64[ns]")
    >>> years = (time - time[0]) / np.timedelta64(1, "D") / 365.2425
    >>> sst = xr.DataArray(10 + 0.02 * years, {"time": time}, ["time"], name="sst", attrs={"units": "degC"})
    >>> found = trend(sst)
    >>> round(float(found.slope), 9), found.slope.attrs["units"]
    (0.2, 'K decade-1')
    """
    obj = require_array(obj, "trend")
    _check_order(order, harmonics)
    if order < 1 or per not in _PER:
        msg = f"order is {order!r} and per is {per!r}, need an order of 1 to 3 and one of {', '.join(_PER)}."
        raise InputError(msg)
    clock, times = _clock(obj)
    periods = [clock.year_days / one for one in harmonics]
    found = yield _fit(obj, clock, times, order, periods)
    scale = clock.year_days * _PER[per] / clock.half
    k = order + 1 + 2 * len(periods)
    values = {"slope": found["coefficients"][1] * scale} | _significance(found, 1, k)
    values = {**values, "stderr": values["stderr"] * scale, "count": found["count"]}
    coords, dims = _kept(obj, times)
    call = f"trend(order={order}, harmonics={tuple(harmonics)})"
    span = f"{str(times.to_numpy()[0])[:10]}/{str(times.to_numpy()[-1])[:10]}"
    named = {name: xr.DataArray(values[name], coords, dims, name=name) for name in _TREND_NAMES}
    for name, array in named.items():
        at = str(_time_of(clock, times))[:10] if order > 1 and name == "slope" else ""
        described(array, obj, call, **_trend_attributes(obj, name, per), period=span, slope_time=at)
    return separated(xr.Dataset(named))


def _time_of(clock: _Clock, times: xr.DataArray) -> Any:
    """Step nearest to where the numbers of a clock are zero."""
    return times.to_numpy()[int(np.abs(clock.days).argmin())]


_TREND_NAMES = {
    "slope": ("trend of {}", "{}的变化趋势"),
    "stderr": ("standard error of the trend", "趋势的标准误差"),
    "p_value": ("two-sided p-value of the trend", "趋势的双侧p值"),
    "r1": ("lag-1 autocorrelation of the residuals", "残差的一阶自相关"),
    "n_eff": ("effective number of values", "有效样本数"),
    "count": ("number of valid values", "有效值个数"),
}


def _trend_attributes(obj: xr.DataArray, name: str, per: str) -> dict[str, Any]:
    """Attributes of one variable of a trend."""
    english, chinese = _TREND_NAMES[name]
    title = obj.attrs.get("long_name") or obj.attrs.get("standard_name") or obj.name
    attributes: dict[str, Any] = {"long_name": english.format(title), "units": "1"}
    attributes["long_name_zh"] = chinese.format(obj.attrs.get("long_name_zh") or title)
    if name in ("slope", "stderr"):
        units = difference_attributes(obj.attrs).get("units", "")
        attributes["units"] = f"{units} {per}-1" if units else ""
        attributes["references"] = "Santer et al. 2000, doi:10.1029/1999JD901105"
    return attributes


@dataclasses.dataclass(frozen=True, eq=False)
class _Subtract:
    """Subtracts the fitted columns from each step of a block."""

    axis: int
    design: "npt.NDArray[np.float64]"

    def __call__(
        self, block: "npt.NDArray[Any]", region: tuple[slice, ...], fitted: "npt.NDArray[np.float64]"
    ) -> "npt.NDArray[np.float64]":
        steps = np.moveaxis(block.astype(np.float64), self.axis, 0)
        return np.moveaxis(steps - np.tensordot(self.design[region[0]], fitted, axes=1), 0, self.axis)


def detrend(
    obj: xr.DataArray, *, order: int = 1, harmonics: Sequence[int] = (), keep_mean: bool = False
) -> xr.DataArray:
    """
    Values without their trend.

    Blocks are kept: nothing is shuffled or rechunked. Missing values stay missing, and cells whose steps do not
    determine the fit are NaN.

    Parameters
    ----------
    obj : xarray.DataArray, shape (..., time, ...)
        Any chunking; times decoded and increasing.
    order : int
        Power of time up to which is removed, 0 to 3.
    harmonics : sequence of int
        Cycles a year that are removed with it.
    keep_mean : bool
        Leave the constant: the level near the middle of the record.

    Returns
    -------
    xarray.DataArray, shape of `obj`
        In float64 and the units of `obj` (of a difference unless `keep_mean`); lazy if `obj` is lazy.

    Raises
    ------
    InputError
        If times do not increase, or an argument cannot be used.

    Notes
    -----
    ``y - sum(b_j x_j)`` with the coefficients of `trend`; `obj` is read twice when computed. A task of the second pass
    holds one block and the coefficients of its cells.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> time = np.arange("2000-01-01", "2000-01-11", dtype="datetime64[D]").astype("datetime64[ns]")
    >>> ramp = xr.DataArray(np.arange(10.0), {"time": time}, ["time"], name="ramp")
    >>> float(abs(detrend(ramp)).max()) < 1e-12
    True
    """
    obj = require_array(obj, "detrend")
    _check_order(order, harmonics)
    clock, times = _clock(obj)
    periods = [clock.year_days / one for one in harmonics]
    fitted = _coefficients(obj, clock, times, order, periods)
    design = clock.design(order, periods)
    if keep_mean:
        fitted, design = fitted[1:], design[:, 1:]
    axis = int(obj.get_axis_num(times.dims[0]))
    subtract = _Subtract(axis, design)
    result = obj.copy(deep=False, data=_without(obj, subtract, fitted, axis))
    result.encoding = {}  # how the source was packed says nothing of the result
    kept = {key: obj.attrs[key] for key in ("units", "long_name", "long_name_zh") if key in obj.attrs}
    attributes = kept if keep_mean else difference_attributes(obj.attrs)
    return described(result, obj, f"detrend(order={order}, harmonics={tuple(harmonics)})", **attributes)


@streamed
def _coefficients(
    obj: xr.DataArray, clock: _Clock, times: xr.DataArray, order: int, periods: Sequence[float]
) -> Steps[Any]:
    """Coefficients of the fit, regressors first."""
    found = yield _fit(obj, clock, times, order, periods)
    return found["coefficients"]


def _without(obj: xr.DataArray, subtract: _Subtract, fitted: Any, axis: int) -> Any:
    """What `subtract` leaves of each block, one block from one block."""
    if not isinstance(obj.data, da.Array):
        return subtract(obj.to_numpy(), (slice(0, obj.shape[axis]),), np.asarray(fitted))
    index = tuple(range(obj.ndim))
    space = tuple(dim for dim in index if dim != axis)
    chunks = [(fitted.shape[0],), *(obj.data.chunks[dim] for dim in space)]
    return da.blockwise(
        subtract,
        index,
        *(obj.data, index, ArraySliceDep((obj.data.chunks[axis],)), (axis,)),
        *(fitted.rechunk(chunks), (obj.ndim, *space)),
        dtype=np.float64,
        meta=np.empty((0,) * obj.ndim),
        concatenate=True,
        align_arrays=False,
    )


@streamed
def harmonic_fit(
    obj: xr.DataArray, periods: "Mapping[str, float] | Sequence[str] | Sequence[float]", *, order: int = 1
) -> Steps[xr.Dataset]:
    """
    Amplitude and phase of given periods in each cell.

    Every cell is fitted to its own valid steps. Periods that the record cannot tell apart, or steps too few, give NaN.

    Parameters
    ----------
    obj : xarray.DataArray, shape (..., time, ...)
        Any chunking; times decoded and increasing.
    periods : sequence of str or float, or mapping of str to float
        Names of tidal constituents (`TIDES`), periods in days, or names with periods in days.
    order : int
        Power of time up to which is fitted with them, 0 to 3.

    Returns
    -------
    xarray.Dataset, shape (harmonic, kept dimensions)
        ``amplitude`` in the units of `obj` and ``phase`` in degrees, with the coordinate ``period`` in days; float64,
        lazy if `obj` is lazy.

    Raises
    ------
    InputError
        If a constituent is unknown, a period is no positive number, or times do not increase.

    Notes
    -----
    ``A cos(2 pi t / P - phase)`` with t counted from 1970-01-01T00:00 (of the data's own calendar): the phase is that
    of the maximum. No nodal corrections. The memory is that of `trend`.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> time = np.arange("2000-01-01", "2000-03-01", dtype="datetime64[h]").astype("datetime64[ns]")
    >>> hours = (time - np.datetime64("1970-01-01", "ns")) / np.timedelta64(1, "h")
    >>> level = xr.DataArray(2 * np.cos(np.radians(28.9841042 * hours - 40)), {"time": time}, ["time"])
    >>> found = harmonic_fit(level, ["M2", "S2"])
    >>> [round(float(found[name][0]), 6) for name in ("amplitude", "phase")]
    [2.0, 40.0]
    """
    obj = require_array(obj, "harmonic_fit")
    _check_order(order, ())
    named = _periods(periods)
    clock, times = _clock(obj)
    found = yield _fit(obj, clock, times, order, list(named.values()))
    start = order + 1
    cosine, sine = found["coefficients"][start::2], found["coefficients"][start + 1 :: 2]
    coords, dims = _kept(obj, times)
    middle = cf.time_seconds(times)[0] / 86_400 - clock.days[0]
    turn = np.array([360 * ((middle / period) % 1) for period in named.values()])
    xp = da if isinstance(cosine, da.Array) else np
    phase = (xp.degrees(xp.arctan2(sine, cosine)) + turn.reshape(-1, *(1,) * len(dims))) % 360
    coords["harmonic"] = ("harmonic", list(named))
    coords["period"] = (
        "harmonic",
        list(named.values()),
        {"units": "days", "long_name": "period", "long_name_zh": "周期"},
    )
    values = {"amplitude": xp.hypot(cosine, sine), "phase": phase}
    arrays = {name: xr.DataArray(one, coords, ["harmonic", *dims], name=name) for name, one in values.items()}
    call = f"harmonic_fit(periods={list(named)}, order={order})"
    units = difference_attributes(obj.attrs).get("units", "")
    described(arrays["amplitude"], obj, call, units=units, long_name="amplitude", long_name_zh="振幅")
    described(arrays["phase"], obj, call, units="degree", long_name="phase of the maximum", long_name_zh="位相")
    return separated(xr.Dataset(arrays))


def _periods(periods: "Mapping[str, float] | Sequence[str] | Sequence[float]") -> dict[str, float]:
    """Periods in days by name."""
    if isinstance(periods, Mapping):
        named = {str(name): float(period) for name, period in periods.items()}
    else:
        given: list[Any] = [periods] if isinstance(periods, str) else list(periods)
        unknown = [one for one in given if isinstance(one, str) and one not in TIDES]
        if unknown:
            msg = f"constituent {unknown[0]!r} is unknown, need some of {', '.join(TIDES)}, or periods in days."
            raise InputError(msg)
        named = {str(one): 15.0 / TIDES[one] if isinstance(one, str) else float(one) for one in given}
    if not named or any(not (np.isfinite(period) and period > 0) for period in named.values()):
        msg = f"periods are {list(named.values())}, need at least one, each a number of days above zero."
        raise InputError(msg)
    return named
