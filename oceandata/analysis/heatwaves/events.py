"""The table of events: lazy, one part for each tile, never a cube of cells and events."""

import dataclasses
import datetime
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import xarray as xr

from oceandata.analysis.heatwaves.climatology import REFERENCE
from oceandata.analysis.heatwaves.days import Days
from oceandata.analysis.labels import described, difference_attributes

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["HeatwaveEvents", "Record", "Table"]

_CATEGORIES = ("moderate", "strong", "severe", "extreme")

#: English and Chinese names of the columns.
_NAMES = {
    "date_start": ("first day", "开始日期"),
    "date_peak": ("day of greatest intensity", "峰值日期"),
    "date_end": ("last day", "结束日期"),
    "duration": ("duration", "持续时间"),
    "category": ("category", "等级"),
    "days_moderate": ("days of category I, moderate", "I级（中等）天数"),
    "days_strong": ("days of category II, strong", "II级（强）天数"),
    "days_severe": ("days of category III, severe", "III级（严重）天数"),
    "days_extreme": ("days of category IV, extreme", "IV级（极端）天数"),
    "days_missing": ("days without a value", "缺测天数"),
    "days_without_category": ("days whose threshold is not above the climatology", "阈值不高于气候平均的天数"),
    "rate_onset": ("rate of onset", "发展速率"),
    "rate_decline": ("rate of decline", "衰减速率"),
}
_STATISTICS = {
    "max": ("intensity at the peak", "峰值强度"),
    "mean": ("mean intensity", "平均强度"),
    "var": ("standard deviation of intensity", "强度标准差"),
    "cumulative": ("cumulative intensity", "累积强度"),
}
_AGAINST = {"": ("", ""), "_rel_thresh": (" above the threshold", "（相对阈值）"), "_abs": (", absolute", "（绝对值）")}


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """
    Events of one tile.

    Attributes
    ----------
    tile : tuple of slice
        Its place in the dimensions other than time.
    columns : dict of str to numpy.ndarray
        ``cell`` numbers the cells of the whole grid, last dimension fastest; ``start``, ``peak`` and ``end`` number
        the days of the record.
    """

    tile: tuple[slice, ...]
    columns: "dict[str, npt.NDArray[Any]]"


@dataclasses.dataclass(frozen=True, eq=False)
class Record:
    """
    What the events are events of.

    Attributes
    ----------
    source : xarray.DataArray
        The first step of the data, for its coordinates, names and attributes.
    days : Days
        Its days.
    start : object
        Its first time.
    call, history : str
        The call that found the events, and with when and of what.
    cold : bool
        Cold spells instead of heatwaves.
    """

    source: xr.DataArray
    days: Days
    start: Any
    call: str
    history: str
    cold: bool

    @classmethod
    def of(cls, sst: xr.DataArray, times: xr.DataArray, days: Days, call: str, *, cold: bool) -> "Record":
        """Record of some data."""
        time = times.dims[0]
        coords = {name: one for name, one in sst.coords.items() if time not in one.dims}
        space = [dim for dim in sst.dims if dim != time]
        # the grid without its values: one zero, seen from every cell
        grid = np.broadcast_to(np.float64(0), [sst.sizes[dim] for dim in space])
        source = xr.DataArray(grid, coords, space, name=sst.name, attrs=sst.attrs)
        history = described(xr.DataArray(0), sst, call).attrs["history"]
        return cls(source, days, times.to_numpy()[0], call, history, cold)

    def dates(self, numbers: "npt.NDArray[np.integer]") -> "npt.NDArray[Any]":
        """Times of some days, at the hour of the first step."""
        if isinstance(self.start, np.datetime64):
            return np.asarray(self.start + numbers.astype("m8[D]"))
        return np.array([self.start + datetime.timedelta(days=int(number)) for number in numbers], object)

    def dataset(self, table: "Mapping[str, npt.NDArray[Any]]") -> xr.Dataset:
        """
        Events as a dataset with one row an event, in order of cell and day.

        Parameters
        ----------
        table : mapping of str to numpy.ndarray
            Columns of a `Table`.

        Returns
        -------
        xarray.Dataset, dimension (obs)
            The columns with their attributes, and the coordinates of the cells.
        """
        order = np.lexsort((table["start"], table["cell"]))
        columns = {name: column[order] for name, column in table.items()}
        first, peak, last = (columns.pop(name) for name in ("start", "peak", "end"))
        cell = columns.pop("cell")
        made: dict[str, Any] = {
            f"date_{n}": self.dates(d) for n, d in (("start", first), ("peak", peak), ("end", last))
        }
        made["duration"] = (last - first + 1).astype(np.int32)
        made["category"] = columns.pop("category").astype(np.uint8)
        made |= columns
        ds = xr.Dataset({name: ("obs", column) for name, column in made.items()}, coords=self._cells(cell))
        for name in made:
            ds[name].attrs = self._attributes(name)
        ds.attrs = {"title": "Marine cold spells" if self.cold else "Marine heatwaves", "Conventions": "CF-1.11"}
        ds.attrs |= {"history": self.history, "references": REFERENCE, "calendar": self.days.calendar}
        return ds

    def _cells(self, cell: "npt.NDArray[np.int64]") -> dict[Hashable, Any]:
        """Number of the cell, and its coordinates; the index along a dimension that has none."""
        dims = self.source.dims
        index = dict(zip(dims, np.unravel_index(cell, self.source.shape) if dims else (), strict=True))
        attrs = {"long_name": "cell number, last dimension fastest", "long_name_zh": "网格序号"}
        coords: dict[Hashable, Any] = {"cell": ("obs", cell, attrs)}
        for dim, places in index.items():
            coords[dim] = ("obs", places)
        for name, one in self.source.coords.items():
            values = one.to_numpy()
            coords[name] = ("obs", values[tuple(index[dim] for dim in one.dims)], one.attrs) if one.dims else one
        return coords

    def _attributes(self, name: str) -> dict[str, Any]:
        """Names and units of a column."""
        if name.startswith("date_"):
            return dict(zip(("long_name", "long_name_zh"), _NAMES[name], strict=True))
        units = str(self.source.attrs.get("units", ""))
        difference = str(difference_attributes(self.source.attrs).get("units", ""))
        if name.startswith("intensity_"):
            _, statistic, *rest = name.split("_", 2)
            against = f"_{rest[0]}" if rest else ""
            names = [one + two for one, two in zip(_STATISTICS[statistic], _AGAINST[against], strict=True)]
            unit = units if against == "_abs" and statistic != "var" else difference
            unit = f"{unit} d" if unit and statistic == "cumulative" else unit
        else:
            names = list(_NAMES[name])
            unit = (f"{difference} d-1" if difference else "") if name.startswith("rate_") else "d"
        found: dict[str, Any] = {"long_name": names[0], "long_name_zh": names[1]}
        if name == "category":
            flags = " ".join(("none", *_CATEGORIES))
            return found | {"flag_values": np.arange(5, dtype=np.uint8), "flag_meanings": flags}
        return found | ({"units": unit} if unit else {})


@dataclasses.dataclass(frozen=True, eq=False)
class HeatwaveEvents:
    """
    Events of every cell, not computed yet if they come of lazy data.

    A Dask collection: ``dask.compute(events, other)`` reads what both need once. `compute` gives the table, an
    xarray.Dataset with one row an event; `oceandata.analysis.yearly_heatwaves` counts them by year on the grid and
    `oceandata.analysis.write_heatwaves` writes them part by part.

    Attributes
    ----------
    parts : dask.array.Array or numpy.ndarray of object
        A `Table` for each tile.
    valid_days : dask.array.Array or numpy.ndarray, shape (year, ...)
        Number of days with a value.
    record : Record
        What the events are events of.
    """

    parts: Any
    valid_days: Any
    record: Record

    def compute(self, **kwargs: Any) -> xr.Dataset:
        """
        The table of events, in memory.

        Parameters
        ----------
        **kwargs : object
            For ``dask.compute``.

        Returns
        -------
        xarray.Dataset, dimension (obs)
            One row an event, in order of cell and day: dates, duration, category, intensities, rates, and the
            coordinates of its cell.
        """
        parts = self.parts.compute(**kwargs) if isinstance(self.parts, da.Array) else self.parts
        return self._joined(parts)

    def _joined(self, parts: "npt.NDArray[Any]") -> xr.Dataset:
        tables = [part.columns for part in parts.ravel()]
        return self.record.dataset({name: np.concatenate([one[name] for one in tables]) for name in tables[0]})

    def __dask_graph__(self) -> Any:
        return self.parts.__dask_graph__() if isinstance(self.parts, da.Array) else None

    def __dask_keys__(self) -> list[Any]:
        return list(self.parts.__dask_keys__())

    def __dask_layers__(self) -> tuple[str, ...]:
        return tuple(self.parts.__dask_layers__())

    def __dask_tokenize__(self) -> Any:
        from dask.base import normalize_token

        return type(self).__name__, normalize_token(self.parts)

    __dask_optimize__ = staticmethod(da.Array.__dask_optimize__)
    __dask_scheduler__ = staticmethod(da.Array.__dask_scheduler__)

    def __dask_postcompute__(self) -> tuple[Callable[..., xr.Dataset], tuple[Any, ...]]:
        finalize, arguments = self.parts.__dask_postcompute__()
        return _finished, (self, finalize, arguments)

    def __dask_postpersist__(self) -> tuple[Callable[..., "HeatwaveEvents"], tuple[Any, ...]]:
        rebuild, arguments = self.parts.__dask_postpersist__()
        return _rebuilt, (self, rebuild, arguments)


def _finished(results: Any, events: HeatwaveEvents, finalize: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    return events._joined(np.asarray(finalize(results, *arguments)))


def _rebuilt(
    graph: Any,
    events: HeatwaveEvents,
    rebuild: Callable[..., Any],
    arguments: tuple[Any, ...],
    *,
    rename: dict[str, str] | None = None,
) -> HeatwaveEvents:
    return dataclasses.replace(events, parts=rebuild(graph, *arguments, rename=rename))
