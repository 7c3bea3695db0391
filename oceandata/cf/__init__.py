"""Axes, variables, units and times by CF metadata; nobody else reads attributes."""

from oceandata.cf.axes import (
    axis_roles,
    bounds_of,
    find_axis,
    is_decoded_time,
    midpoint_bounds,
    require_axis,
    wrap_longitude,
)
from oceandata.cf.terms import Term, canonical_names, find_variables, match_words, require_variable, vocabulary
from oceandata.cf.times import calendar_of, infer_resolution, month_of, time_seconds
from oceandata.cf.units import convert_units, parse_units, require_units

__all__ = [
    "Term",
    "axis_roles",
    "bounds_of",
    "calendar_of",
    "canonical_names",
    "convert_units",
    "find_axis",
    "find_variables",
    "infer_resolution",
    "is_decoded_time",
    "match_words",
    "midpoint_bounds",
    "month_of",
    "parse_units",
    "require_axis",
    "require_units",
    "require_variable",
    "time_seconds",
    "vocabulary",
    "wrap_longitude",
]
