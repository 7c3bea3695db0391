"""Monthly climatology and anomaly that keep the chunks."""

import dataclasses
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import xarray as xr
from dask.layers import ArraySliceDep

from oceandata import cf
from oceandata.analysis.accumulators import GroupedMoments
from oceandata.analysis.labels import appended_methods, described, difference_attributes, require_array, require_times
from oceandata.analysis.routines import Request, Steps, streamed
from oceandata.errors import InputError, NotFoundError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["anomaly", "check_base", "climatology"]


def _in_period(times: xr.DataArray, period: tuple[str, str] | None) -> "npt.NDArray[np.bool_]":
    """Steps inside a period, ends included; xarray's own partial dates (``"1991"`` is the whole year)."""
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


@streamed
def climatology(
    obj: xr.DataArray, *, period: tuple[str, str] | None = None, min_count: int = 1, spread: bool = False
) -> Steps[xr.DataArray]:
    """
    Mean of each calendar month over the years, cell by cell.

    Months are those of the data's own calendar. Missing values are not counted: land stays NaN, and so does a month
    with fewer than `min_count` valid values. A month that does not occur in the data is NaN.

    Parameters
    ----------
    obj : xarray.DataArray, shape (..., time, ...)
        Any chunking; times decoded, standard or cftime calendar.
    period : tuple of str, optional
        First and last date of the base period, both included (``("1991", "2020")``); the whole record by default.
    min_count : int
        Valid values a month must have.
    spread : bool
        Return the standard deviation about the monthly mean (divisor n - 1) instead of the mean.

    Returns
    -------
    xarray.DataArray, shape (month, ...)
        In float64 and the units of `obj`, lazy if `obj` is lazy. ``month`` runs from 1 to 12; the coordinate
        ``steps`` counts the time steps of each month in the period; the attribute ``base_period`` states the first
        and last step used.

    Raises
    ------
    NotFoundError
        If there is no time, or no step in the period.
    InputError
        If time was not decoded.

    Notes
    -----
    Count, mean and sum of squared deviations of each month and cell are merged block by block (Chan's formula), in one
    pass. A task holds 288 bytes for each cell of its partition, and one block.

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
    inside = _in_period(times, period)
    months = cf.month_of(times)
    codes = np.where(inside, months - 1, -1).astype(np.int64)
    axis = obj.get_axis_num(times.dims[0])
    moments = yield Request(obj.data, GroupedMoments(int(axis), codes, 12))
    xp = da if isinstance(moments["count"], da.Array) else np
    needed = max(min_count, 2) if spread else max(min_count, 1)
    enough = moments["count"] >= needed
    values = moments["mean"]
    if spread:
        values = xp.sqrt(moments["M2"] / xp.where(enough, moments["count"] - 1, 1.0))
    dims = ["month", *(dim for dim in obj.dims if dim != times.dims[0])]
    coords: dict[Any, Any] = {n: c for n, c in obj.coords.items() if times.dims[0] not in c.dims}
    coords["month"] = ("month", np.arange(1, 13), {"long_name": "calendar month", "long_name_zh": "月份"})
    coords["steps"] = ("month", np.bincount(codes[codes >= 0], minlength=12), {"long_name": "time steps used"})
    result = xr.DataArray(xp.where(enough, values, np.nan), coords, dims, name=obj.name)
    used = times.to_numpy()[inside]
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
    kept |= {"base_period": f"{_day(used[0])}/{_day(used[-1])}", "calendar": cf.calendar_of(times)}
    return described(result, obj, f"climatology(period={period}, min_count={min_count})", **kept)


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
    chunks = [(fields[0].sizes["month"],), *(obj.data.chunks[dim] for dim in space)]
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
    Difference of each step from the climatology of its month.

    Blocks are kept: nothing is shuffled or rechunked. Missing values stay missing, and a step whose month has no
    climatology is NaN.

    Parameters
    ----------
    obj : xarray.DataArray, shape (..., time, ...)
        Any chunking; times decoded.
    clim : xarray.DataArray, shape (month, ...), optional
        From `climatology`; by default that of `obj`, which reads `obj` twice when computed.
    period : tuple of str, optional
        Base period of the default climatology; the whole record by default.
    spread : xarray.DataArray, shape (month, ...), optional
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
    months = cf.month_of(times)
    if clim is None:
        clim = climatology(obj, period=period)
        check_base(clim, months)
    elif period is not None:
        msg = "both clim and period are given, need one of them: a climatology has its own base period."
        raise InputError(msg)
    fields = [field for field in (clim, spread) if field is not None]
    space = [dim for dim in obj.dims if dim != times.dims[0]]
    fields = [_on_grid(field, obj, space) for field in fields]
    if any(not np.array_equal(field["month"], fields[0]["month"]) for field in fields):
        msg = "the spread has other months than the climatology, need the same in the same order."
        raise InputError(msg)
    stored = [int(month) for month in fields[0]["month"].to_numpy()]
    missing = sorted(set(months.tolist()) - set(stored))
    if missing:
        msg = (
            f"the climatology lacks month {missing[0]}, need every month of the data. Compute it from a longer record."
        )
        raise InputError(msg)
    rows = np.array([stored.index(month) for month in months.tolist()], np.int64)
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


def _on_grid(field: xr.DataArray, obj: xr.DataArray, space: list[Any]) -> xr.DataArray:
    """Climatology with its dimensions in the order of the data, on exactly the same cells."""
    if set(field.dims) != {"month", *space}:
        msg = f"the climatology has dimensions {field.dims}, need month and {tuple(space)}."
        raise InputError(msg)
    if "month" not in field.coords:
        msg = "the climatology has no coordinate month, so its months are unknown: need the numbers 1 to 12."
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
    return field.transpose("month", *space)
