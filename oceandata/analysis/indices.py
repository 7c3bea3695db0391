"""Climate indices from sea-surface temperature: the Niño boxes."""

import bisect

import xarray as xr

from oceandata import cf
from oceandata.analysis.area import Region, area_mean
from oceandata.analysis.climatology import anomaly, check_base, climatology
from oceandata.analysis.labels import require_array, require_times
from oceandata.errors import InputError, closest

__all__ = ["NINO_BOXES", "index", "running_mean"]

#: West, south, east, north of the Niño regions, degrees.
NINO_BOXES: dict[str, Region] = {
    "nino12": (-90.0, -10.0, -80.0, 0.0),
    "nino3": (-150.0, -5.0, -90.0, 5.0),
    "nino34": (-170.0, -5.0, -120.0, 5.0),
    "nino4": (160.0, -5.0, -150.0, 5.0),
}

# A base of 30 years is what an Oceanic Niño Index is defined on; a shorter one is said not to be one.
_BASE_YEARS = 30


def running_mean(series: xr.DataArray, steps: int = 3) -> xr.DataArray:
    """
    Centred mean of an odd number of neighbouring steps.

    The first and last steps, which lack neighbours, are NaN, and so is a step with a missing neighbour. Neighbours are
    the next steps in the series, so that one with dates must have equal steps.

    Parameters
    ----------
    series : xarray.DataArray, shape (time,)
        A series in time order.
    steps : int
        Odd number of steps.

    Returns
    -------
    xarray.DataArray, shape (time,)
        Lazy if the series is lazy.

    Raises
    ------
    InputError
        If `steps` is not odd, or the argument is no series, or its dates do not follow at equal steps.

    Examples
    --------
    >>> import xarray as xr
    >>> running_mean(xr.DataArray([1.0, 2.0, 6.0], dims="time")).values.tolist()
    [nan, 3.0, nan]
    """
    if steps < 1 or steps % 2 == 0:
        msg = f"steps is {steps}, need an odd number such as 3."
        raise InputError(msg)
    if series.ndim != 1:
        msg = f"running_mean takes a series, got dimensions {series.dims}."
        raise InputError(msg)
    dim, half = series.dims[0], steps // 2
    if half and dim in series.coords and cf.is_decoded_time(series[dim]):
        _check_regular(series[dim])
    total = series
    for shift in range(1, half + 1):
        total = total + series.shift({dim: shift}) + series.shift({dim: -shift})
    result = total / steps
    result.attrs = dict(series.attrs)
    return result


def _check_regular(times: xr.DataArray) -> None:
    """Refuse dates that do not follow at equal steps, with the first that does not."""
    if times.size < 3 or cf.infer_resolution(times):
        return
    lengths = range(2, times.size + 1)
    place = 1 + bisect.bisect_left(lengths, True, key=lambda length: not cf.infer_resolution(times[:length]))
    last, first = (str(time)[:16] for time in times.values[place - 1 : place + 1])
    usual = cf.infer_resolution(times[:place]) or "no regular length"
    msg = (
        f"a running mean needs equal steps, got steps of {usual} until {last} and then {first}: it would average "
        f"across the break. Put missing steps in as NaN first: series.reindex({times.name}=all_times)."
    )
    raise InputError(msg)


def index(
    sst: xr.DataArray,
    name: str = "nino34",
    *,
    period: tuple[str, str] | None = None,
    min_weight: float = 0.5,
) -> xr.Dataset:
    """
    Niño index: area mean over a box, as the difference from its monthly climatology.

    The area mean is taken first, so that every value of the box is read once; where the same cells are valid at all
    steps this equals the area mean of the anomalies. The base period is stated, and an index on less than 30 years
    says that it is no Oceanic Niño Index.

    Parameters
    ----------
    sst : xarray.DataArray, shape (time, latitude, longitude)
        Monthly sea-surface temperature in K or degC, any chunking.
    name : {"nino12", "nino3", "nino34", "nino4"}
        Which box.
    period : tuple of str, optional
        Base period of the climatology; the whole record by default.
    min_weight : float
        Least share of the box that must hold valid values.

    Returns
    -------
    xarray.Dataset
        The index by its name, and ``<name>_3m``, its three-month running mean; K, shape (time,), lazy if `sst` is.

    Raises
    ------
    InputError
        If the index is unknown, the series is not monthly, or the only step of a month is its base.
    UnitsError
        If `sst` is no temperature.
    RegionError
        If the grid covers less of the box than `min_weight`.

    References
    ----------
    Trenberth 1997, Bulletin of the American Meteorological Society 78, 2771-2777.

    Examples
    --------
    >>> sorted(NINO_BOXES)
    ['nino12', 'nino3', 'nino34', 'nino4']
    """
    sst = require_array(sst, "index")
    if name not in NINO_BOXES:
        msg = f"there is no index {name!r}. {closest(name, sorted(NINO_BOXES))}"
        raise InputError(msg)
    cf.require_units(sst, "temperature")
    times = require_times(sst)
    resolution = cf.infer_resolution(times)
    if resolution != "P1M":
        msg = f"{name} needs monthly steps, got {resolution or 'irregular steps'}. Take monthly means first."
        raise InputError(msg)
    series = area_mean(sst, region=NINO_BOXES[name], min_weight=min_weight)
    base = climatology(series, period=period)
    check_base(base, cf.month_of(times))
    monthly = anomaly(series, base)
    years = _period_years(base.attrs["base_period"])
    note = "" if years >= _BASE_YEARS else f"base period of {years:.1f} years: not an Oceanic Niño Index (ONI)"
    for key in ("region_asked", "region_covered", "region_covered_fraction"):
        if key in series.attrs:
            monthly.attrs[key] = series.attrs[key]
    monthly.attrs |= {"long_name": f"{_title(name)} index", "long_name_zh": f"{_title(name)}指数"}
    if note:
        monthly.attrs["comment"] = note
    smooth = running_mean(monthly)
    smooth.attrs["long_name"] += ", three-month running mean"
    smooth.attrs["long_name_zh"] += "（三个月滑动平均）"
    return xr.Dataset({name: monthly, f"{name}_3m": smooth}, attrs={"title": monthly.attrs["long_name"]})


def _period_years(base_period: str) -> float:
    """Length of a base period of monthly steps, in years."""
    first, last = (tuple(int(part) for part in day.split("-")[:2]) for day in base_period.split("/"))
    return ((last[0] - first[0]) * 12 + last[1] - first[1] + 1) / 12


def _title(name: str) -> str:
    digits = name.removeprefix("nino")
    return "Niño " + {"12": "1+2", "34": "3.4"}.get(digits, digits)
