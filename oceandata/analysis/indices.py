"""Climate indices from sea-surface temperature: Niño boxes, ONI, dipole, Atlantic and Pacific modes; their events."""

import bisect

import numpy as np
import xarray as xr

from oceandata import cf
from oceandata.analysis.area import Region, area_mean, cell_areas
from oceandata.analysis.climatology import anomaly, check_base, climatology
from oceandata.analysis.eof import eof
from oceandata.analysis.labels import require_array, require_times, separated
from oceandata.errors import InputError, closest

__all__ = ["INDICES", "NINO_BOXES", "index", "index_events", "running_mean"]

#: West, south, east, north of the Niño regions, degrees.
NINO_BOXES: dict[str, Region] = {
    "nino12": (-90.0, -10.0, -80.0, 0.0),
    "nino3": (-150.0, -5.0, -90.0, 5.0),
    "nino34": (-170.0, -5.0, -120.0, 5.0),
    "nino4": (160.0, -5.0, -150.0, 5.0),
}

# Differences of two box means: the first less the second.
_DIFFERENCES: dict[str, tuple[Region, Region]] = {
    "dmi": ((50.0, -10.0, 70.0, 10.0), (90.0, -10.0, 110.0, 0.0)),
    "amo": ((-80.0, 0.0, 0.0, 60.0), (-180.0, -60.0, 180.0, 60.0)),
}

#: Every index, with its name for people in English and Chinese, and its source.
INDICES: dict[str, tuple[str, str, str]] = {
    "nino12": ("Niño 1+2", "Niño 1+2", "Trenberth 1997"),
    "nino3": ("Niño 3", "Niño 3", "Trenberth 1997"),
    "nino34": ("Niño 3.4", "Niño 3.4", "Trenberth 1997"),
    "nino4": ("Niño 4", "Niño 4", "Trenberth 1997"),
    "oni": ("Oceanic Niño", "海洋尼诺", "Climate Prediction Center, ONI version 5"),
    "dmi": ("Dipole Mode", "印度洋偶极子", "Saji et al. 1999"),
    "amo": ("Atlantic Multidecadal Oscillation", "大西洋多年代际振荡", "Trenberth and Shea 2006"),
    "pdo": ("Pacific Decadal Oscillation", "太平洋年代际振荡", "Mantua et al. 1997"),
}

# Where the first mode of the North Pacific is looked for, and the corner whose warmth makes it positive.
_PDO_REGION: Region = (110.0, 20.0, -100.0, 70.0)
_PDO_WARM: Region = (-140.0, 30.0, -110.0, 60.0)

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
    Climate index from monthly sea-surface temperature.

    Niño boxes: area mean as the difference from its monthly climatology. ``"oni"``: the three-month mean of Niño 3.4
    on centred bases of 30 years that step by five. ``"dmi"``: western less eastern Indian Ocean. ``"amo"``: North
    Atlantic less 60 S to 60 N. ``"pdo"``: series of the first mode of the North Pacific north of 20 N, the mean of the
    whole field removed, unit variance, positive when the northeast is warm. Area means are taken first, so that every
    value of a box is read once; where the same cells are valid at all steps this equals the mean of the anomalies. The
    base period is stated, and a Niño index on less than 30 years says that it is no Oceanic Niño Index.

    Parameters
    ----------
    sst : xarray.DataArray, shape (time, latitude, longitude)
        Monthly sea-surface temperature in K or degC, any chunking.
    name : {"nino12", "nino3", "nino34", "nino4", "oni", "dmi", "amo", "pdo"}
        Which index.
    period : tuple of str, optional
        Base period of the climatology; the whole record by default. Not for ``"oni"``, which has its own.
    min_weight : float
        Least share of a box that must hold valid values.

    Returns
    -------
    xarray.Dataset
        The index by its name, in K (``"pdo"``: 1), and ``<name>_3m``, its three-month running mean, shape (time,); of
        ``"pdo"`` also ``pdo_pattern`` (latitude, longitude) in K; lazy if `sst` is.

    Raises
    ------
    InputError
        If the index is unknown, the series is not monthly, the only step of a month is its base, or the record is
        shorter than 30 years for ``"oni"``.
    UnitsError
        If `sst` is no temperature.
    RegionError
        If the grid covers less of a box than `min_weight`.

    References
    ----------
    Trenberth 1997, Bulletin of the American Meteorological Society 78, 2771-2777; Saji et al. 1999, Nature 401,
    360-363; Trenberth and Shea 2006, Geophys. Res. Lett. 33, L12704; Mantua et al. 1997, Bulletin of the American
    Meteorological Society 78, 1069-1079.

    Examples
    --------
    >>> sorted(INDICES)
    ['amo', 'dmi', 'nino12', 'nino3', 'nino34', 'nino4', 'oni', 'pdo']
    """
    sst = require_array(sst, "index")
    if name not in INDICES:
        msg = f"there is no index {name!r}. {closest(name, sorted(INDICES))}"
        raise InputError(msg)
    cf.require_units(sst, "temperature")
    times = require_times(sst)
    resolution = cf.infer_resolution(times)
    if resolution != "P1M":
        msg = f"{name} needs monthly steps, got {resolution or 'irregular steps'}. Take monthly means first."
        raise InputError(msg)
    if name == "pdo":
        return _pacific(sst, period)
    if name == "oni":
        return _oceanic_nino(sst, period, min_weight)
    monthly = _box_index(sst, name, period, min_weight)
    smooth = running_mean(monthly)
    smooth.attrs["long_name"] += ", three-month running mean"
    smooth.attrs["long_name_zh"] += "（三个月滑动平均）"
    return separated(xr.Dataset({name: monthly, f"{name}_3m": smooth}, attrs={"title": monthly.attrs["long_name"]}))


def _titles(name: str) -> dict[str, str]:
    """Names and source of an index."""
    english, chinese, source = INDICES[name]
    return {"long_name": f"{english} index", "long_name_zh": f"{chinese}指数", "references": source}


def _based(series: xr.DataArray, period: tuple[str, str] | None) -> xr.DataArray:
    """Anomaly of a monthly series."""
    base = climatology(series, period=period)
    check_base(base, cf.month_of(require_times(series)))
    return anomaly(series, base)


def _box_index(sst: xr.DataArray, name: str, period: tuple[str, str] | None, min_weight: float) -> xr.DataArray:
    """Anomaly of the mean over a box, or of the difference of two."""
    boxes = (NINO_BOXES[name],) if name in NINO_BOXES else _DIFFERENCES[name]
    means = [area_mean(sst, region=box, min_weight=min_weight) for box in boxes]
    monthly = _based(means[0], period)
    if len(means) > 1:
        monthly = monthly.copy(data=monthly.data - _based(means[1], period).data)
        monthly.attrs["region_subtracted"] = means[1].attrs["region_asked"]
    for key in ("region_asked", "region_covered", "region_covered_fraction"):
        if key in means[0].attrs:
            monthly.attrs[key] = means[0].attrs[key]
    monthly.attrs |= _titles(name)
    years = _period_years(monthly.attrs["base_period"])
    if name in NINO_BOXES and years < _BASE_YEARS:
        monthly.attrs["comment"] = f"base period of {years:.1f} years: not an Oceanic Niño Index (ONI)"
    return monthly


def _oceanic_nino(sst: xr.DataArray, period: tuple[str, str] | None, min_weight: float) -> xr.Dataset:
    """Three-month mean of Niño 3.4 on centred bases of 30 years, new every five."""
    if period is not None:
        msg = f"period is {period!r}, but the Oceanic Niño Index has its own bases. Leave it out, or take 'nino34'."
        raise InputError(msg)
    series = area_mean(sst, region=NINO_BOXES["nino34"], min_weight=min_weight)
    times = require_times(series)
    years = np.asarray(times.dt.year.values)
    months = np.asarray(times.dt.month.values)
    # whole years only make a base
    first, last = int(years[0] + (months[0] > 1)), int(years[-1] - (months[-1] < 12))
    if last - first + 1 < _BASE_YEARS:
        msg = f"the record has {max(0, last - first + 1)} whole years, need {_BASE_YEARS} for 'oni'. Take 'nino34'."
        raise InputError(msg)
    parts = []
    for block in range(int(years[0]) // 5 * 5 + 1 - 5 * (years[0] % 5 == 0), int(years[-1]) + 1, 5):
        rows = np.flatnonzero((years >= block) & (years < block + 5))
        if rows.size:
            begin = min(max(block - 15, first), last - _BASE_YEARS + 1)
            base = climatology(series, period=(f"{begin:04d}", f"{begin + _BASE_YEARS - 1:04d}"))
            parts.append(anomaly(series.isel({times.dims[0]: slice(int(rows[0]), int(rows[-1]) + 1)}), base))
    monthly = xr.concat(parts, times.dims[0], coords="minimal", compat="override", combine_attrs="override")
    monthly.attrs = {key: value for key, value in monthly.attrs.items() if key != "base_period"} | _titles("oni")
    monthly.attrs["comment"] = (
        "centred base periods of 30 years, new every five years; the last one for the latest years"
    )
    smooth = running_mean(monthly)
    smooth.attrs["long_name"] += ", three-month running mean"
    smooth.attrs["long_name_zh"] += "（三个月滑动平均）"
    return separated(xr.Dataset({"oni": smooth, "oni_monthly": monthly}, attrs={"title": smooth.attrs["long_name"]}))


def _pacific(sst: xr.DataArray, period: tuple[str, str] | None) -> xr.Dataset:
    """First mode of the North Pacific."""
    anomalies = _based(sst, period)
    attributes = dict(anomalies.attrs)
    residual = anomalies - area_mean(anomalies)
    residual.attrs, residual.name = attributes, "sst"
    inside = cell_areas(sst, region=_PDO_REGION)
    found = eof(residual, 1, weights=inside / float(inside.sum()), min_valid=0.9)
    pattern = found["eof"].isel(mode=0, drop=True)
    corner = cell_areas(sst, region=_PDO_WARM)
    sign = 1.0 - 2.0 * ((pattern * corner).sum() < 0)
    series = (found["pc"].isel(mode=0, drop=True) * sign).rename("pdo")
    series.attrs = {"units": "1", **_titles("pdo")} | {key: attributes[key] for key in ("base_period", "history")}
    pattern = (pattern * sign).rename("pdo_pattern")
    pattern.attrs = {"units": "K", "units_metadata": "temperature: difference", **_titles("pdo")}
    share = found["explained_variance"].isel(mode=0, drop=True).rename("explained_variance")
    share.attrs = dict(found["explained_variance"].attrs)
    smooth = running_mean(series).rename("pdo_3m")
    smooth.attrs["long_name"] += ", three-month running mean"
    smooth.attrs["long_name_zh"] += "（三个月滑动平均）"
    arrays = {"pdo": series, "pdo_3m": smooth, "pdo_pattern": pattern, "explained_variance": share}
    return separated(xr.Dataset(arrays, attrs={"title": series.attrs["long_name"]}))


def index_events(series: xr.DataArray, *, threshold: float = 0.5, min_steps: int = 5) -> xr.Dataset:
    """
    Events of an index: stretches of steps beyond a threshold, of either sign.

    A missing step ends an event. With the defaults and an Oceanic Niño Index these are El Niño and La Niña as the
    Climate Prediction Center counts them. The thresholds of GB/T 33666-2017 are not among the defaults: give them.

    Parameters
    ----------
    series : xarray.DataArray, shape (time,)
        An index, such as ``index(sst, "oni").oni``.
    threshold : float
        Size from which a step counts, in the units of the series; a step at the threshold counts.
    min_steps : int
        Consecutive steps that make an event.

    Returns
    -------
    xarray.Dataset, shape (event,)
        ``start``, ``end``, ``peak_time``, ``peak`` (largest in size), ``steps`` and ``sign`` (1 or -1); in memory.

    Raises
    ------
    InputError
        If it is no series in time, or an argument is not above zero.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> time = np.arange("2000-01", "2001-01", dtype="datetime64[M]").astype("datetime64[ns]")
    >>> oni = xr.DataArray([0, .5, .6, .9, .7, .5, .1, -.6, -.6, 0, 0, 0], {"time": time}, ["time"])
    >>> found = index_events(oni)
    >>> found.peak.values.tolist(), found.steps.values.tolist(), str(found.start.values[0])[:7]
    ([0.9], [5], '2000-02')
    """
    times = require_times(series)
    if series.ndim != 1 or not threshold > 0 or min_steps < 1:
        msg = (
            f"index_events takes a series, a threshold and a number of steps above zero, got dimensions {series.dims}, "
            f"{threshold!r} and {min_steps!r}."
        )
        raise InputError(msg)
    values = series.to_numpy().astype(np.float64)
    rows: list[tuple[int, int, int, int]] = []
    for sign in (1, -1):
        beyond = sign * values >= threshold
        edges = np.flatnonzero(np.diff(np.concatenate([[0], beyond.view(np.int8), [0]])))
        for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            if stop - start >= min_steps:
                rows.append((start, stop - 1, start + int((sign * values[start:stop]).argmax()), sign))
    rows.sort()
    begun, ended, peaks, signs = np.array(rows, np.int64).reshape(-1, 4).T
    when = times.to_numpy()
    found = {"start": when[begun], "end": when[ended], "peak_time": when[peaks], "peak": values[peaks]}
    found |= {"steps": ended - begun + 1, "sign": signs}
    events = xr.Dataset({name: ("event", one) for name, one in found.items()})
    events["peak"].attrs = {key: series.attrs[key] for key in ("units", "long_name") if key in series.attrs}
    events.attrs = {"threshold": threshold, "min_steps": min_steps, "title": f"events of {series.name}"}
    return events


def _period_years(base_period: str) -> float:
    """Length of a base period of monthly steps, in years."""
    first, last = (tuple(int(part) for part in day.split("-")[:2]) for day in base_period.split("/"))
    return ((last[0] - first[0]) * 12 + last[1] - first[1] + 1) / 12
