"""Marine heatwaves the plain way: one cell, loops, NumPy; written from the definition, not from our kernels."""

import math
from typing import Any

import numpy as np
import xarray as xr


def key_of(month: int, day: int, calendar: str) -> int:
    """Day of a year with 29 February, or of 360 days."""
    if calendar == "360_day":
        return (month - 1) * 30 + day
    return [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335][month - 1] + day


def plain_climatology(
    series: np.ndarray, times: xr.DataArray, base: np.ndarray, *, pctile: float = 90, half: int = 5, width: int = 31
) -> tuple[dict[int, float], dict[int, float]]:
    """Mean and threshold by key; `base` tells the steps in the base period. Steps must be complete."""
    calendar = times.dt.calendar
    keys = np.array([key_of(m, d, calendar) for m, d in zip(times.dt.month.values, times.dt.day.values, strict=True)])
    labels = list(range(1, 361 if calendar == "360_day" else 367))
    labels = [label for label in labels if not (calendar == "noleap" and label == 60)]
    has_leap = calendar in ("standard", "proleptic_gregorian")
    seas, thresh = {}, {}
    for label in labels:
        if label == 60 and has_leap:
            continue
        steps = {int(m) + offset for m in np.flatnonzero(base & (keys == label)) for offset in range(-half, half + 1)}
        pool = series[[step for step in sorted(steps) if 0 <= step < len(series)]]
        pool = pool[~np.isnan(pool)]
        seas[label] = math.fsum(pool) / len(pool) if len(pool) else np.nan
        thresh[label] = np.percentile(pool, pctile) if len(pool) else np.nan
    if has_leap:
        for year in (seas, thresh):
            year[60] = (year[59] + year[61]) / 2
    return tuple(
        {label: _around(year, labels, at, width) for at, label in enumerate(labels)} for year in (seas, thresh)
    )


def _around(year: dict[int, float], labels: list[int], at: int, width: int) -> float:
    around = [year[labels[(at + offset) % len(labels)]] for offset in range(-(width // 2), width // 2 + 1)]
    return math.fsum(around) / width if not any(map(math.isnan, around)) else np.nan


def plain_events(
    series: np.ndarray, seas: np.ndarray, thresh: np.ndarray, *, min_duration: int = 5, max_gap: int = 2
) -> list[dict[str, Any]]:
    """Events of one series with climatology and threshold of each step; heat only."""
    with np.errstate(invalid="ignore"):
        above = series > thresh
    runs, start = [], None
    for step in range(len(series) + 1):
        if step < len(series) and above[step]:
            start = step if start is None else start
        elif start is not None:
            runs.append((start, step - 1))
            start = None
    runs = [run for run in runs if run[1] - run[0] + 1 >= min_duration]
    joined: list[tuple[int, int]] = []
    for run in runs:
        if joined and run[0] - joined[-1][1] - 1 <= max_gap:
            joined[-1] = (joined[-1][0], run[1])
        else:
            joined.append(run)
    return [_described(series, seas, thresh, *run) for run in joined]


def _described(series: np.ndarray, seas: np.ndarray, thresh: np.ndarray, start: int, end: int) -> dict[str, Any]:
    filled = np.where(np.isnan(series), seas, series)
    part = slice(start, end + 1)
    anomaly = filled - seas
    peak = start + int(np.nanargmax(np.where(np.isnan(series), np.nan, anomaly)[part]))
    event: dict[str, Any] = {"start": start, "peak": peak, "end": end, "duration": end - start + 1}
    for suffix, values in (("", anomaly), ("_rel_thresh", filled - thresh), ("_abs", filled)):
        event |= {
            f"intensity_max{suffix}": values[peak],
            f"intensity_mean{suffix}": values[part].mean(),
            f"intensity_var{suffix}": values[part].std(),
            f"intensity_cumulative{suffix}": math.fsum(values[part]),
        }
    kinds = [
        min(4, math.floor(1 + (value - high) / (high - mean))) if value > high > mean else 0
        for value, mean, high in zip(series[part], seas[part], thresh[part], strict=True)
    ]
    event |= {f"days_{name}": kinds.count(n) for n, name in enumerate(("moderate", "strong", "severe", "extreme"), 1)}
    event |= {"category": max(kinds), "days_missing": int(np.isnan(series[part]).sum())}
    before = (anomaly[start] + anomaly[start - 1]) / 2 if start else anomaly[start]
    after = (anomaly[end] + anomaly[end + 1]) / 2 if end + 1 < len(series) else anomaly[end]
    days = peak - start + 0.5 if start else max(1, peak - start)
    event["rate_onset"] = (anomaly[peak] - before) / days
    days = end - peak + 0.5 if end + 1 < len(series) else max(1, end - peak)
    event["rate_decline"] = (anomaly[peak] - after) / days
    return event
