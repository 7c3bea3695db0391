"""
What can be known: plain functions, xarray in, lazy xarray out.

Sums are in float64 whatever the input, results do not depend on chunking (to 1e-12 of the largest value), and a
routine that is mergeable streams blocks through a bounded number of tasks.
"""

from oceandata.analysis.area import area_mean, cell_areas
from oceandata.analysis.climatology import anomaly, climatology
from oceandata.analysis.coarsen import coarsen
from oceandata.analysis.distributions import histogram, quantile
from oceandata.analysis.eof import eof
from oceandata.analysis.heatwaves import (
    detect_heatwaves,
    heatwave_categories,
    heatwave_climatology,
    write_heatwaves,
    yearly_heatwaves,
)
from oceandata.analysis.indices import index, index_events, running_mean
from oceandata.analysis.masks import basin_mask, land_mask
from oceandata.analysis.moments import extremes, integral, mean, variance
from oceandata.analysis.planning import plan
from oceandata.analysis.regrid import regrid
from oceandata.analysis.statistics import statistics
from oceandata.analysis.trends import detrend, harmonic_fit, trend

__all__ = [
    "anomaly",
    "area_mean",
    "basin_mask",
    "cell_areas",
    "climatology",
    "coarsen",
    "detect_heatwaves",
    "detrend",
    "eof",
    "extremes",
    "harmonic_fit",
    "heatwave_categories",
    "heatwave_climatology",
    "histogram",
    "index",
    "index_events",
    "integral",
    "land_mask",
    "mean",
    "plan",
    "quantile",
    "regrid",
    "running_mean",
    "statistics",
    "trend",
    "variance",
    "write_heatwaves",
    "yearly_heatwaves",
]
