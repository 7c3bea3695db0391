"""Events in daily series: where and when, how strong, and of which category each day is."""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from oceandata.analysis.columns import ColumnOutput, map_columns
from oceandata.analysis.heatwaves.climatology import REFERENCE, whole_number
from oceandata.analysis.heatwaves.days import Days, days_of
from oceandata.analysis.heatwaves.events import HeatwaveEvents, Record, Table
from oceandata.analysis.labels import described, require_array, require_times
from oceandata.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["MISSING", "detect_heatwaves", "heatwave_categories"]

#: Written in a map of categories where there is no value.
MISSING = 255


@dataclasses.dataclass(frozen=True, eq=False)
class _Detection:
    """Column function of events and of categories; climatology, threshold and, if there is one, trend are beside."""

    days: Days
    settings: tuple[int, int, int, float, float]
    shape: tuple[int, ...]
    daily: bool

    def __call__(
        self, columns: "npt.NDArray[Any]", tile: tuple[slice, ...], *beside: "npt.NDArray[np.float64]"
    ) -> dict[str, Any]:
        from oceandata.analysis.heatwaves import kernels
        from oceandata.analysis.heatwaves.counting import count_values

        shape = columns.shape[:-1]
        rows = columns.reshape(-1, columns.shape[-1])
        # copies, because arrays that came from another process cannot be written to, which would compile anew
        seas, thresh = (np.array(one, np.float64).reshape(len(self.days.labels), -1) for one in beside[:2])
        trend = np.array(beside[2], np.float64).ravel() if len(beside) > 2 else np.zeros(len(rows))
        days, fields = (self.days.steps, self.days.keys), (seas, thresh, trend)
        if self.daily:
            marks = kernels.mark_days(rows, days, fields, self.settings, MISSING)
            return {"category": marks.reshape(-1, *shape)}
        integers, floats = kernels.find_events(rows, days, fields, self.settings)
        numbers = dict(zip(kernels.INTEGERS, integers.T, strict=True)) | dict(
            zip(kernels.FLOATS, floats.T, strict=True)
        )
        row = numbers.pop("row")
        inside = np.unravel_index(row, shape) if shape else ()
        place = [part.start + index for part, index in zip(tile, inside, strict=True)]
        cell = np.ravel_multi_index(place, self.shape) if place else row
        years = self.days.years[self.days.steps] - self.days.years[0]
        valid = count_values(rows, years, int(self.days.years[-1] - self.days.years[0]) + 1)
        table = Table(tile, {"cell": cell.astype(np.int64), **{k: v.copy() for k, v in numbers.items()}})
        return {"events": table, "valid_days": valid.reshape(-1, *shape)}


def _check_cold(clim: xr.Dataset, cold: bool) -> None:
    """A percentile on the wrong side is a mistake, not a choice."""
    pctile = clim.attrs.get("pctile")
    if pctile is not None and cold != (pctile < 50):
        need = "below 50, such as 10, for cold spells" if cold else "above 50, such as 90, for heatwaves"
        msg = (
            f"the threshold is the percentile {pctile:g}, need one {need}. Call heatwave_climatology(sst, pctile=...)."
        )
        raise InputError(msg)


def _fields(sst: xr.DataArray, times: xr.DataArray, days: Days, clim: xr.Dataset) -> list[Any]:
    """Climatology, threshold and trend on exactly the cells and days of the data."""
    if not isinstance(clim, xr.Dataset) or not {"seas", "thresh"} <= set(clim.data_vars):
        msg = "clim has no variables seas and thresh, need the dataset that heatwave_climatology returns."
        raise InputError(msg)
    labels = clim["dayofyear"].to_numpy() if "dayofyear" in clim.coords else np.zeros(0)
    if not np.array_equal(labels, days.labels):
        msg = (
            f"the climatology has {labels.size} days of the year, need the {days.labels.size} of the calendar "
            f"{days.calendar} of the data."
        )
        raise InputError(msg)
    space = [dim for dim in sst.dims if dim != times.dims[0]]
    found = []
    for name in ("seas", "thresh", "trend"):
        if name in clim:
            found.append(_on_cells(clim[name], sst, space, name))
    units = [str(one.attrs.get("units", "")) for one in (sst, clim["seas"])]
    if all(units) and units[0] != units[1]:
        msg = f"the climatology is in {units[1]!r}, the data in {units[0]!r}: need the same units."
        raise InputError(msg)
    return found


def _on_cells(field: xr.DataArray, sst: xr.DataArray, space: list[Any], name: str) -> Any:
    leading = [] if name == "trend" else ["dayofyear"]
    if set(field.dims) != {*leading, *space}:
        msg = f"{name} of the climatology has dimensions {field.dims}, need {(*leading, *space)}."
        raise InputError(msg)
    for dim in space:
        if field.sizes[dim] != sst.sizes[dim]:
            msg = f"{name} has {field.sizes[dim]} cells along {dim!r}, the data {sst.sizes[dim]}: need the same grid."
            raise InputError(msg)
        if dim in sst.coords and dim in field.coords and not np.array_equal(sst[dim], field[dim]):
            msg = f"the climatology lies on other {dim!r} values than the data, need the same grid."
            raise InputError(msg)
    return field.transpose(*leading, *space).data


@dataclasses.dataclass(frozen=True)
class _Call:
    """What detection and categories share: checked arguments."""

    times: xr.DataArray
    days: Days
    beside: list[Any]
    settings: tuple[int, int, int, float, float]
    text: str


def _prepared(
    sst: xr.DataArray, clim: xr.Dataset, routine: str, min_duration: int, max_gap: int, max_pad: int | None, cold: bool
) -> _Call:
    times = require_times(sst)
    duration = whole_number("min_duration", min_duration, 1, 366)
    gap = whole_number("max_gap", max_gap, 0, 366)
    pad = 0 if max_pad is None else whole_number("max_pad", max_pad, 0, 366)
    days = days_of(times)
    beside = _fields(sst, times, days, clim)
    _check_cold(clim, cold)
    middle = 0.0
    if "trend" in clim:
        if "zero_day" not in clim["trend"].attrs:
            msg = "the trend of the climatology has no attribute zero_day, so its level is unknown. Compute it again."
            raise InputError(msg)
        middle = float(clim["trend"].attrs["zero_day"]) - days.first
    text = f"{routine}(clim, min_duration={duration}, max_gap={gap}, max_pad={max_pad}, cold={cold})"
    return _Call(times, days, beside, (duration, gap, pad, -1.0 if cold else 1.0, middle), text)


def detect_heatwaves(
    sst: xr.DataArray,
    clim: xr.Dataset,
    *,
    min_duration: int = 5,
    max_gap: int = 2,
    max_pad: int | None = None,
    cold: bool = False,
) -> HeatwaveEvents:
    """
    Marine heatwaves, or cold spells, of every cell: a table with one row an event.

    A day is above the threshold if its value is greater. Runs of `min_duration` days or more are events; events with
    at most `max_gap` days between them are one, and shorter runs never count. A missing day is not above the
    threshold, and in the statistics of an event it counts as the climatology. Where the threshold is not above the
    climatology (under ice) a day has no category: it counts in ``days_without_category``, and an event of only such
    days has category 0. A cell without any value has no events.

    Parameters
    ----------
    sst : xarray.DataArray, shape (..., time, ...)
        Daily values in any chunking; never changed.
    clim : xarray.Dataset
        From `heatwave_climatology`, computed or not; with ``pctile=10`` or so for cold spells.
    min_duration : int
        Shortest run that is an event, days.
    max_gap : int
        Longest gap between two events that makes them one, days.
    max_pad : int, optional
        Longest gap in the data that is filled first, on the line between its neighbours; none is by default.
    cold : bool
        Cold spells: below the threshold, intensities negative.

    Returns
    -------
    HeatwaveEvents
        Lazy if `sst` or `clim` is; ``compute()`` gives the table.

    Raises
    ------
    InputError
        If an argument is impossible, or the climatology is not on the cells, days or units of the data.
    MemoryBudgetError
        If whole columns do not fit the memory; the message names what would.

    Warns
    -----
    OceanDataWarning
        If each byte has to be read more than once.

    Notes
    -----
    Intensity is the value less the climatology; ``_rel_thresh`` less the threshold, ``_abs`` the value itself.
    ``mean``, ``var`` (standard deviation, divisor n) and ``cumulative`` run over all days of the event; ``max`` is the
    value at the peak, the day of greatest intensity. Category: largest whole part, over its days, of
    ``1 + (value - thresh) / (thresh - seas)``, 4 at most. Rates run from half a day before the event to the peak, and
    from there to half a day after its end; at an end of the record there is no half day, and a peak there takes one.

    Computed together with a lazy climatology of the same data, each tile is read once for both. A task holds the
    columns of a tile, one block, and its events.

    References
    ----------
    Hobday et al. 2016, Progress in Oceanography 141, 227-238, tables 2 and 3; Hobday et al. 2018, Oceanography 31(2).

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> time = np.arange("2001-01-01", "2005-01-01", dtype="M8[D]").astype("M8[ns]")
    >>> sst = xr.DataArray(np.full(len(time), 15.0), {"time": time}, ["time"], name="sst")
    >>> sst[200:208] += 2
    >>> from oceandata.analysis import heatwave_climatology
    >>> table = detect_heatwaves(sst, heatwave_climatology(sst)).compute()
    >>> table.duration.values.tolist(), str(table.date_start.values[0])[:10]
    ([8], '2001-07-20')
    """
    sst = require_array(sst, "detect_heatwaves")
    call = _prepared(sst, clim, "detect_heatwaves", min_duration, max_gap, max_pad, cold)
    space = [dim for dim in sst.dims if dim != call.times.dims[0]]
    shape = tuple(sst.sizes[dim] for dim in space)
    years = int(call.days.years[-1] - call.days.years[0]) + 1
    outputs = [ColumnOutput("events", table=True), ColumnOutput("valid_days", (years,), "i4")]
    function = _Detection(call.days, call.settings, shape, daily=False)
    axis = int(sst.get_axis_num(call.times.dims[0]))
    made = map_columns(sst.data, function, axis, outputs, beside=call.beside, name=str(sst.name))
    record = Record.of(sst, call.times, call.days, call.text, cold=cold)
    return HeatwaveEvents(made["events"], made["valid_days"], record)


def heatwave_categories(
    sst: xr.DataArray,
    clim: xr.Dataset,
    *,
    min_duration: int = 5,
    max_gap: int = 2,
    max_pad: int | None = None,
    cold: bool = False,
) -> xr.DataArray:
    """
    Category of each day and cell: 0 outside events, 1 moderate, 2 strong, 3 severe, 4 extreme.

    Days of an event that are not above the threshold (its gaps) are 0, as are days whose threshold is not above the
    climatology. A missing value is 255, also on land.

    Parameters
    ----------
    sst, clim, min_duration, max_gap, max_pad, cold : object
        As of `detect_heatwaves`.

    Returns
    -------
    xarray.DataArray, shape of `sst`
        In uint8, in the chunks of `sst`, lazy if `sst` or `clim` is.

    Raises
    ------
    InputError
        If an argument is impossible, or the climatology is not on the cells, days or units of the data.
    MemoryBudgetError
        If whole columns do not fit the memory; the message names what would.

    Notes
    -----
    A task holds the columns of a tile and their categories; the blocks are cut from these.

    References
    ----------
    Hobday et al. 2018, Oceanography 31(2), 162-173, figure 2.
    """
    sst = require_array(sst, "heatwave_categories")
    call = _prepared(sst, clim, "heatwave_categories", min_duration, max_gap, max_pad, cold)
    time = call.times.dims[0]
    axis = int(sst.get_axis_num(time))
    shape = tuple(sst.sizes[dim] for dim in sst.dims if dim != time)
    function = _Detection(call.days, call.settings, shape, daily=True)
    outputs = [ColumnOutput("category", (sst.sizes[time],), "u1")]
    made = map_columns(sst.data, function, axis, outputs, beside=call.beside, name=str(sst.name))["category"]
    values: Any = np.moveaxis(made, 0, axis)  # type: ignore[type-var]
    if sst.chunks is not None:
        values = values.rechunk(sst.chunks)
    kind = ("marine cold spell", "海洋寒潮") if cold else ("marine heatwave", "海洋热浪")
    result = xr.DataArray(values, sst.coords, sst.dims, name="category")
    result.encoding["_FillValue"] = np.uint8(MISSING)
    return described(
        result,
        sst,
        call.text,
        long_name=f"{kind[0]} category",
        long_name_zh=f"{kind[1]}等级",
        flag_meanings="none moderate strong severe extreme",
        references=REFERENCE,
    ).assign_attrs(flag_values=np.arange(5, dtype=np.uint8), valid_range=np.array([0, 4], np.uint8))
