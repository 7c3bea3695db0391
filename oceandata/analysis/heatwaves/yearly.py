"""Events by year on the grid: how many, how long, how strong."""

import dataclasses
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import xarray as xr

from oceandata.analysis.heatwaves.climatology import REFERENCE
from oceandata.analysis.heatwaves.days import Days
from oceandata.analysis.heatwaves.events import HeatwaveEvents, Table
from oceandata.analysis.labels import described, difference_attributes
from oceandata.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["yearly_heatwaves"]

# Sums over the events of a year, then what is divided by their number, then the greatest and the days.

_AVERAGED = ("duration", "intensity_max", "intensity_mean", "intensity_var", "rate_onset", "rate_decline")

#: English and Chinese names, and units in terms of the difference: "" none, "d" days, "K" difference.
_LABELS = {
    "count": ("number of events", "事件次数", "1"),
    "days": ("days in events", "事件天数", "d"),
    "duration": ("mean duration of events", "平均持续时间", "d"),
    "intensity_max": ("mean intensity at the peaks", "平均峰值强度", "K"),
    "intensity_max_max": ("greatest intensity", "最大强度", "K"),
    "intensity_mean": ("mean of the mean intensities", "平均强度", "K"),
    "intensity_var": ("mean standard deviation of intensity", "平均强度标准差", "K"),
    "rate_onset": ("mean rate of onset", "平均发展速率", "K d-1"),
    "rate_decline": ("mean rate of decline", "平均衰减速率", "K d-1"),
    "intensity_cumulative": ("cumulative intensity of all events", "累积强度之和", "K d"),
    "days_moderate": ("days of category I, moderate", "I级（中等）天数", "d"),
    "days_strong": ("days of category II, strong", "II级（强）天数", "d"),
    "days_severe": ("days of category III, severe", "III级（严重）天数", "d"),
    "days_extreme": ("days of category IV, extreme", "IV级（极端）天数", "d"),
}


@dataclasses.dataclass(frozen=True, eq=False)
class _Years:
    """Fields by year of one tile."""

    years: "npt.NDArray[np.int64]"
    firsts: "npt.NDArray[np.int64]"
    lengths: "npt.NDArray[np.int64]"
    shape: tuple[int, ...]
    min_weight: float
    cold: bool

    def __call__(self, parts: "npt.NDArray[Any]", valid: "npt.NDArray[np.int32]") -> "npt.NDArray[np.float64]":
        table: Table = parts.flat[0]
        columns = table.columns
        tile = valid.shape[1:]
        cells = valid[0].size
        index = np.unravel_index(columns["cell"], self.shape) if self.shape else ()
        local = [one - part.start for one, part in zip(index, table.tile, strict=True)]
        row = np.ravel_multi_index(local, tile) if tile else columns["cell"]
        year = np.searchsorted(self.firsts, columns["start"], side="right") - 1
        place = year * cells + row
        size = len(self.years) * cells
        made = self._fields(columns, place, size)
        made["days"] = self._days(columns, row, cells)
        flat = valid.reshape(len(self.years), -1)
        seen = (flat >= self.min_weight * self.lengths[:, None]) & flat.any(axis=0)
        fields = [np.where(seen, made[name].reshape(len(self.years), cells), np.nan) for name in _LABELS]
        return np.stack(fields).reshape(len(_LABELS), len(self.years), *tile)

    def _fields(
        self, columns: "dict[str, npt.NDArray[Any]]", place: "npt.NDArray[np.int64]", size: int
    ) -> "dict[str, npt.NDArray[np.float64]]":
        """What counts in the year of an event's first day."""
        count = np.bincount(place, np.ones(len(place)), minlength=size)
        duration = columns["end"] - columns["start"] + 1
        made: dict[str, Any] = {"count": count}
        for name in _LABELS:
            values = duration if name == "duration" else columns.get(name)
            if values is not None:
                made[name] = np.bincount(place, values.astype(np.float64), minlength=size)
        with np.errstate(invalid="ignore"):
            made |= {name: made[name] / count for name in _AVERAGED}
        greatest = np.full(size, np.inf if self.cold else -np.inf)
        (np.minimum if self.cold else np.maximum).at(greatest, place, columns["intensity_max"])
        made["intensity_max_max"] = np.where(count > 0, greatest, np.nan)
        return made

    def _days(
        self, columns: "dict[str, npt.NDArray[Any]]", row: "npt.NDArray[np.int64]", cells: int
    ) -> "npt.NDArray[np.float64]":
        """Days of events that lie in each year, also of events that began the year before."""
        total = np.zeros(len(self.years) * cells)
        edges = np.append(self.firsts, np.iinfo(np.int64).max)
        for number in range(len(self.years)):
            lo = np.maximum(columns["start"], edges[number])
            days = np.minimum(columns["end"], edges[number + 1] - 1) - lo + 1
            met = days > 0
            total += np.bincount(number * cells + row[met], days[met], minlength=total.size)
        return total


def _lengths(days: Days, years: "npt.NDArray[np.int64]") -> "npt.NDArray[np.int64]":
    """Days of whole years of the calendar."""
    if days.calendar == "360_day":
        return np.full(len(years), 360)
    if days.calendar in ("noleap", "365_day"):
        return np.full(len(years), 365)
    if days.calendar in ("all_leap", "366_day"):
        return np.full(len(years), 366)
    leap = years % 4 == 0
    if days.calendar != "julian":
        leap &= (years % 100 != 0) | (years % 400 == 0)
    return np.where(leap, 366, 365)


def yearly_heatwaves(events: HeatwaveEvents, *, min_weight: float = 0.8) -> xr.Dataset:
    """
    Number, days and strength of events in each calendar year and cell.

    An event counts in the year of its first day, with all its length, intensity and days of category; ``days`` alone
    are those that lie in the year. A year without events has 0 of them, and NaN for their means. A year in which a cell
    has too few values is NaN throughout, as is land.

    Parameters
    ----------
    events : HeatwaveEvents
        From `detect_heatwaves`.
    min_weight : float
        Part of the days of the whole year that must have values, 0 to 1.

    Returns
    -------
    xarray.Dataset, shape (year, ...)
        ``count``, ``days``, ``duration``, ``intensity_max``, … in float64; lazy if the events are.

    Raises
    ------
    InputError
        If `min_weight` is not between 0 and 1.

    Notes
    -----
    A task holds the events and the fields of one tile.

    References
    ----------
    Hobday et al. 2016, Progress in Oceanography 141, 227-238, section 3.
    """
    if not 0 <= min_weight <= 1:
        msg = f"min_weight is {min_weight!r}, need a part from 0 to 1."
        raise InputError(msg)
    record, days = events.record, events.record.days
    years = np.arange(days.years[0], days.years[-1] + 1)
    firsts = np.searchsorted(days.years, years)
    shape = record.source.shape
    function = _Years(years, firsts, _lengths(days, years), shape, float(min_weight), record.cold)
    fields = _fields(events, function)
    coords: dict[Any, Any] = dict(record.source.coords)
    coords["year"] = ("year", years, {"long_name": "year", "long_name_zh": "年"})
    difference = str(difference_attributes(record.source.attrs).get("units", ""))
    variables = {}
    for number, (name, (english, chinese, kind)) in enumerate(_LABELS.items()):
        array = xr.DataArray(fields[number], coords, ["year", *record.source.dims])
        unit = kind if "K" not in kind else (kind.replace("K", difference) if difference else "")
        labels = {"long_name": english, "long_name_zh": chinese, "units": unit, "references": REFERENCE}
        call = f"yearly_heatwaves(events, min_weight={min_weight}) after {record.call}"
        variables[name] = described(array, record.source, call, calendar=days.calendar, **labels)
    return xr.Dataset(variables)


def _fields(events: HeatwaveEvents, function: _Years) -> Any:
    """All fields, stacked; lazy if the events are, one block a tile."""
    if not isinstance(events.parts, da.Array):
        made = np.empty((len(_LABELS), *events.valid_days.shape))
        for part in events.parts.ravel():
            cell = np.empty(1, object)
            cell[0] = part
            made[(..., *part.tile)] = function(cell, np.asarray(events.valid_days[(slice(None), *part.tile)]))
        return made
    space = tuple(range(2, 2 + events.parts.ndim))
    return da.blockwise(
        function,
        (0, 1, *space),
        events.parts,
        space,
        events.valid_days,
        (1, *space),
        dtype=np.float64,
        new_axes={0: len(_LABELS)},
        adjust_chunks=dict(zip(space, events.valid_days.chunks[1:], strict=True)),
        meta=np.empty((0,) * (2 + len(space))),
        align_arrays=False,
        concatenate=True,
    )
