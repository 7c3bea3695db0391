"""
Compiled loops over columns: climatology, threshold, events. Imported inside tasks, because numba takes a second.

Each column is worked on in float64, on its own and in an order that depends on its days only, so tiles and chunks do
not change a bit of the results.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from oceandata.analysis.compiled import compiled

__all__ = ["FLOATS", "INTEGERS", "climatologies", "find_events", "mark_days"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Values = npt.NDArray[np.floating]

#: Columns of whole numbers of an event.
INTEGERS = (
    *("row", "start", "peak", "end", "days_moderate", "days_strong", "days_severe", "days_extreme"),
    *("category", "days_missing", "days_without_category"),
)

#: Columns of an event in K, K day or K per day.
FLOATS = (
    *("intensity_max", "intensity_mean", "intensity_var", "intensity_cumulative"),
    *("intensity_max_rel_thresh", "intensity_mean_rel_thresh", "intensity_var_rel_thresh"),
    *("intensity_cumulative_rel_thresh", "intensity_max_abs", "intensity_mean_abs", "intensity_var_abs"),
    *("intensity_cumulative_abs", "rate_onset", "rate_decline"),
)

_ROWS = 64


@compiled
def _fill_gaps(series: Floats, longest: int) -> None:
    """Fill gaps of at most so many days on the line between their neighbours; those at the ends have only one."""
    last = -1
    for day in range(len(series)):
        if np.isnan(series[day]):
            continue
        gap = day - last - 1
        if last >= 0 and 0 < gap <= longest:
            step = (series[day] - series[last]) / (gap + 1)
            for inner in range(1, gap + 1):
                series[last + inner] = series[last] + step * inner
        last = day


@compiled
def _read(column: Values, steps: Integers, series: Floats) -> int:
    """Lay a column out over all days; returns the number of values."""
    series[:] = np.nan
    count = 0
    for number in range(len(steps)):
        value = np.float64(column[number])
        if not np.isnan(value):
            series[steps[number]] = value
            count += 1
    return count


@compiled
def _slope(series: Floats) -> float:
    """Slope of the line of least squares, per day."""
    count, days, values = 0, 0.0, 0.0
    for day in range(len(series)):
        if not np.isnan(series[day]):
            count += 1
            days += day
            values += series[day]
    if count < 2:
        return 0.0
    middle, mean = days / count, values / count
    spread, together = 0.0, 0.0
    for day in range(len(series)):
        if not np.isnan(series[day]):
            spread += (day - middle) ** 2
            together += (day - middle) * (series[day] - mean)
    return together / spread


@compiled
def _sort(values: Floats, start: int, count: int) -> None:
    """Sort a few values in place."""
    if count > 48:
        values[start : start + count].sort()
        return
    for number in range(start + 1, start + count):
        value = values[number]
        place = number
        while place > start and values[place - 1] > value:
            values[place] = values[place - 1]
            place -= 1
        values[place] = value


@compiled
def _lowest_above(values: Floats, splits: Integers, ends: Integers, pool: Integers) -> int:
    """Group whose first value above its split is the smallest, -1 if no group has one."""
    best, lowest = -1, np.inf
    for group in pool:
        if splits[group] < ends[group] and (best < 0 or values[splits[group]] < lowest):
            best, lowest = group, values[splits[group]]
    return best


@compiled
def _highest_below(values: Floats, splits: Integers, starts: Integers, pool: Integers) -> int:
    """Group whose last value below its split is the largest, -1 if no group has one."""
    best, highest = -1, -np.inf
    for group in pool:
        if splits[group] > starts[group] and (best < 0 or values[splits[group] - 1] > highest):
            best, highest = group, values[splits[group] - 1]
    return best


@compiled
def _quantile(
    values: Floats, splits: Integers, starts: Integers, ends: Integers, pool: Integers, count: int, share: float
) -> tuple[float, float]:
    """
    Quantile of sorted groups together, on the line between the two nearest ranks, and the value that splits them.

    `splits` cuts each group in two, so that no value above a cut is smaller than one below; cuts are moved one value
    at a time until the right number lies above.
    """
    place = (count - 1) * share
    below = min(int(np.floor(place)), count - 1)
    above = 0
    for group in pool:
        above += ends[group] - splits[group]
    for _ in range(above - (count - 1 - below)):
        splits[_lowest_above(values, splits, ends, pool)] += 1
    for _ in range((count - 1 - below) - above):
        splits[_highest_below(values, splits, starts, pool)] -= 1
    group = _highest_below(values, splits, starts, pool)
    low = values[splits[group] - 1]
    if below == count - 1:
        return low, low
    group = _lowest_above(values, splits, ends, pool)
    high = values[splits[group]]
    weight = place - below
    # the formula that NumPy takes, which is exact at both ends
    if weight >= 0.5:
        return high - (high - low) * (1 - weight), low
    return low + (high - low) * weight, low


@compiled
def _sorted_groups(series: Floats, pools: tuple[Integers, ...], reference: float) -> tuple[Floats, Integers, Floats]:
    """Values of each group in order, where they end, and the sums of their differences from a reference."""
    group_starts, members = pools[0], pools[1]
    values, ends, sums = np.empty(len(members)), group_starts[:-1].copy(), np.zeros(len(group_starts) - 1)
    for group in range(len(ends)):
        for member in range(group_starts[group], group_starts[group + 1]):
            value = series[members[member]]
            if not np.isnan(value):
                values[ends[group]] = value
                sums[group] += value - reference
                ends[group] += 1
        _sort(values, group_starts[group], ends[group] - group_starts[group])
    return values, ends, sums


@compiled
def _pool(
    series: Floats, pools: tuple[Integers, ...], reference: float, share: float, seas: Floats, thresh: Floats
) -> None:
    """
    Mean and quantile of what each key pools; NaN where it pools nothing.

    Neighbouring keys share most of their groups, which keep their splits.
    """
    starts, _, key_starts, groups = pools
    values, ends, sums = _sorted_groups(series, pools, reference)
    splits, last_key = ends.copy(), np.full(len(ends), -1)
    pivot, before = np.inf, -1
    for key in range(len(key_starts) - 1):
        pool = groups[key_starts[key] : key_starts[key + 1]]
        total, together = 0, 0.0
        for group in pool:
            total += ends[group] - starts[group]
            together += sums[group]
            if last_key[group] != before or before < 0:
                splits[group] = ends[group]
                while splits[group] > starts[group] and values[splits[group] - 1] > pivot:
                    splits[group] -= 1
            last_key[group] = key
        if total == 0:
            seas[key], thresh[key] = np.nan, np.nan
            continue
        before = key
        seas[key] = reference + together / total
        thresh[key], pivot = _quantile(values, splits, starts, ends, pool, total, share)


@compiled
def _fill_leap(year: Floats, leap: int, own: bool, reference: float) -> None:
    """29 February from its neighbours, with its own value if that counts and is there."""
    before, after = year[leap - 1] - reference, year[leap + 1] - reference
    if own and not np.isnan(year[leap]):
        year[leap] = reference + (before + (year[leap] - reference) + after) / 3
    else:
        year[leap] = reference + (before + after) / 2


@compiled
def _smooth(year: Floats, half: int, reference: float, out: Floats, column: int) -> None:
    """Circular running mean, as differences from a reference so that a constant stays exactly the same."""
    count = len(year)
    around = np.empty(count + 2 * half)
    for key in range(count + 2 * half):
        around[key] = year[(key - half) % count] - reference
    for key in range(count):
        total = 0.0
        for offset in range(2 * half + 1):
            total += around[key + offset]
        out[key, column] = reference + total / (2 * half + 1)


@compiled
def climatologies(
    columns: Values,
    steps: Integers,
    days: int,
    pools: tuple[Integers, ...],
    settings: tuple[float, int, int, int, bool, bool, float],
) -> tuple[Floats, Floats, Floats]:
    """
    Climatology, threshold and trend of each column.

    Parameters
    ----------
    columns : numpy.ndarray, shape (column, step)
        Values, NaN where missing.
    steps : numpy.ndarray of int, shape (step,)
        Day of each step.
    days : int
        Number of days.
    pools : tuple of numpy.ndarray
        Fields of `Pools`.
    settings : tuple
        Quantile (0 to 1), half width of the running mean, longest gap to fill, place of 29 February or -1, whether it
        has a window of its own, whether to take the trend off, and the day at which the trend is zero.

    Returns
    -------
    tuple of numpy.ndarray
        Mean and quantile of each key, shape (key, column), and trend per day; NaN where there is no value.
    """
    share, half, longest, leap, own, detrended, middle = settings
    keys = len(pools[2]) - 1
    seas, thresh = np.full((keys, len(columns)), np.nan), np.full((keys, len(columns)), np.nan)
    trend = np.full(len(columns), np.nan)
    series, mean, high = np.empty(days), np.empty(keys), np.empty(keys)
    for column in range(len(columns)):
        if _read(columns[column], steps, series) == 0:
            continue
        trend[column] = 0.0
        if detrended:
            trend[column] = _slope(series)
            for day in range(days):
                series[day] -= trend[column] * (day - middle)
        if longest > 0:
            _fill_gaps(series, longest)
        first = 0
        while np.isnan(series[first]):
            first += 1
        reference = series[first]
        _pool(series, pools, reference, share, mean, high)
        if leap >= 0:
            _fill_leap(mean, leap, own, reference)
            _fill_leap(high, leap, own, reference)
        _smooth(mean, half, reference, seas, column)
        _smooth(high, half, reference, thresh, column)
    return seas, thresh, trend


@compiled
def _runs(series: Floats, thresh: Floats, min_duration: int, max_gap: int, starts: Integers, ends: Integers) -> int:
    """First and last days of runs above the threshold that last, joined across short gaps; returns their number."""
    count, run = 0, 0
    for day in range(len(series) + 1):
        if day < len(series) and series[day] > thresh[day]:
            run += 1
            continue
        if run >= min_duration:
            start = day - run
            if count and start - ends[count - 1] - 1 <= max_gap:
                ends[count - 1] = day - 1
            else:
                starts[count], ends[count] = start, day - 1
                count += 1
        run = 0
    return count


@compiled
def _category(value: float, seas: float, thresh: float) -> int:
    """Category of a day: 0 not above the threshold or without category, 1 to 4."""
    if not value > thresh or not thresh > seas:
        return 0
    return int(min(4.0, np.floor(1 + (value - thresh) / (thresh - seas))))


@compiled
def _moments(values: Floats, start: int, end: int, peak: int, out: Floats, place: int) -> None:
    """Value at the peak, mean, spread about it, and sum of the days of an event."""
    count, total = end - start + 1, 0.0
    for day in range(start, end + 1):
        total += values[day]
    mean, squares = total / count, 0.0
    for day in range(start, end + 1):
        squares += (values[day] - mean) ** 2
    out[place] = values[peak]
    out[place + 1] = mean
    out[place + 2] = np.sqrt(squares / count)
    out[place + 3] = total


@compiled
def _rates(anomaly: Floats, start: int, end: int, peak: int, out: Floats) -> None:
    """
    Rates of onset and decline.

    An event begins half a day before its first day, and ends half a day after its last; at the ends of the record
    there is no such half, and a peak there takes one day.
    """
    if start > 0:
        out[12] = (anomaly[peak] - 0.5 * (anomaly[start] + anomaly[start - 1])) / (peak - start + 0.5)
    else:
        out[12] = (anomaly[peak] - anomaly[start]) / max(1, peak - start)
    if end < len(anomaly) - 1:
        out[13] = (anomaly[peak] - 0.5 * (anomaly[end] + anomaly[end + 1])) / (end - peak + 0.5)
    else:
        out[13] = (anomaly[peak] - anomaly[end]) / max(1, end - peak)


@compiled
def _describe(
    start: int, end: int, series: Floats, years: Floats, filled: Floats, integers: npt.NDArray[np.int32], floats: Floats
) -> None:
    """Write one event's columns; `years` holds climatology and threshold of each day, `filled` what is measured."""
    peak = start
    integers[:] = 0
    for day in range(start, end + 1):
        if np.isnan(series[day]):
            integers[9] += 1
            continue
        if filled[0, day] > filled[0, peak]:
            peak = day
        kind = _category(series[day], years[0, day], years[1, day])
        if kind:
            integers[3 + kind] += 1
        elif not years[1, day] > years[0, day]:
            integers[10] += 1
        integers[8] = max(integers[8], kind)
    integers[1], integers[2], integers[3] = start, peak, end
    for kind in range(3):
        _moments(filled[kind], start, end, peak, floats, 4 * kind)
    _rates(filled[0], start, end, peak, floats)


@compiled
def _measured(series: Floats, years: Floats, added: float, middle: float, filled: Floats) -> None:
    """Anomaly, difference from the threshold and value of each day, a missing one taken as the climatology."""
    for day in range(len(series)):
        value = years[0, day] if np.isnan(series[day]) else series[day]
        filled[0, day] = value - years[0, day]
        filled[1, day] = value - years[1, day]
        filled[2, day] = value + added * (day - middle)


@compiled
def _grown(rows: Any) -> Any:
    """The same rows with room for as many again."""
    larger = np.empty((2 * len(rows), rows.shape[1]), rows.dtype)
    larger[: len(rows)] = rows
    return larger


@compiled
def _prepare(
    column: Values,
    number: int,
    days: tuple[Integers, Integers],
    fields: tuple[Floats, Floats, Floats],
    settings: tuple[int, int, int, float, float],
    series: Floats,
    years: Floats,
) -> bool:
    """Series without its trend, climatology and threshold of each day, all turned over for cold; False on land."""
    _, _, longest, sign, middle = settings
    steps, keys = days
    if _read(column, steps, series) == 0:
        return False
    trend = fields[2][number]
    for day in range(len(series)):
        series[day] = sign * (series[day] - trend * (day - middle))
        years[0, day] = sign * fields[0][keys[day], number]
        years[1, day] = sign * fields[1][keys[day], number]
    if longest > 0:
        _fill_gaps(series, longest)
    return True


@compiled
def find_events(
    columns: Values,
    days: tuple[Integers, Integers],
    fields: tuple[Floats, Floats, Floats],
    settings: tuple[int, int, int, float, float],
) -> tuple[npt.NDArray[np.int32], Floats]:
    """
    Events of each column.

    Parameters
    ----------
    columns : numpy.ndarray, shape (column, step)
        Values, NaN where missing.
    days : tuple of numpy.ndarray of int
        Day of each step, and key of each day.
    fields : tuple of numpy.ndarray
        Climatology and threshold, shape (key, column), and trend per day.
    settings : tuple
        Shortest duration, longest gap within an event, longest gap to fill, 1 (heat) or -1 (cold), and the day at
        which the trend is zero.

    Returns
    -------
    tuple of numpy.ndarray
        Columns `INTEGERS` and `FLOATS` of the events, in order of column and day.
    """
    min_duration, max_gap, _, sign, middle = settings
    count, found = len(days[1]), 0
    integers, floats = np.empty((_ROWS, 11), np.int32), np.empty((_ROWS, 14))
    series, years, filled = np.empty(count), np.empty((2, count)), np.empty((3, count))
    starts, ends = np.empty(count, np.int64), np.empty(count, np.int64)
    for column in range(len(columns)):
        if not _prepare(columns[column], column, days, fields, settings, series, years):
            continue
        events = _runs(series, years[1], min_duration, max_gap, starts, ends)
        if events:
            _measured(series, years, sign * fields[2][column], middle, filled)
        for event in range(events):
            if found == len(integers):
                integers, floats = _grown(integers), _grown(floats)
            _describe(starts[event], ends[event], series, years, filled, integers[found], floats[found])
            integers[found, 0] = column
            for place in range(12):
                if place % 4 != 2:
                    floats[found, place] *= sign
            found += 1
    return integers[:found].copy(), floats[:found].copy()


@compiled
def mark_days(
    columns: Values,
    days: tuple[Integers, Integers],
    fields: tuple[Floats, Floats, Floats],
    settings: tuple[int, int, int, float, float],
    missing: int,
) -> npt.NDArray[np.uint8]:
    """
    Category of each step of each column.

    Parameters
    ----------
    columns, days, fields, settings : object
        As of `find_events`.
    missing : int
        What is written where there is no value.

    Returns
    -------
    numpy.ndarray of uint8, shape (step, column)
        0 outside events.
    """
    count, steps = len(days[1]), days[0]
    series, years, kinds = np.empty(count), np.empty((2, count)), np.empty(count, np.uint8)
    starts, ends = np.empty(count, np.int64), np.empty(count, np.int64)
    marks = np.full((len(steps), len(columns)), np.uint8(missing))
    for column in range(len(columns)):
        if not _prepare(columns[column], column, days, fields, settings, series, years):
            continue
        kinds[:] = 0
        for event in range(_runs(series, years[1], settings[0], settings[1], starts, ends)):
            for day in range(starts[event], ends[event] + 1):
                kinds[day] = _category(series[day], years[0, day], years[1, day])
        for number in range(len(steps)):
            if not np.isnan(series[steps[number]]):
                marks[number, column] = kinds[steps[number]]
    return marks
