"""Days, keys and pools against lists made one by one."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from oceandata.analysis.heatwaves.days import base_of, days_of, pools_of
from tests.analysis.heatwaves.plain import key_of


def _record(calendar: str, start: str = "1999-11-20", count: int = 900) -> xr.DataArray:
    times = xr.date_range(start, periods=count, calendar=calendar, unit="s")
    return xr.DataArray(np.zeros(count), {"time": times}, ["time"])["time"]


@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day", "all_leap", "julian"])
def test_keys_are_month_and_day_also_of_days_left_out(calendar: str) -> None:
    whole = _record(calendar)
    kept = np.delete(np.arange(whole.size), [5, 6, 7, 101, 102, 600])
    days = days_of(whole[kept])
    expected = [key_of(m, d, calendar) for m, d in zip(whole.dt.month.values, whole.dt.day.values, strict=True)]
    assert days.labels[days.keys].tolist() == expected
    assert days.years.tolist() == whole.dt.year.values.tolist()
    assert days.steps.tolist() == kept.tolist()
    assert (days.leap >= 0) == (calendar in ("standard", "julian"))


@settings(max_examples=40)
@given(
    calendar=st.sampled_from(["standard", "noleap", "360_day"]),
    half=st.integers(0, 8),
    years=st.sampled_from([(1999, 2002), (2000, 2000), (2000, 2001), (2001, 2001)]),
    beyond=st.booleans(),
    leap=st.booleans(),
)
def test_pools_are_the_windows(calendar: str, half: int, years: tuple[int, int], beyond: bool, leap: bool) -> None:
    times = _record(calendar)
    days = days_of(times)
    base = base_of(days, times, years)
    assert base.tolist() == [years[0] <= year <= years[1] for year in days.years]
    pools = pools_of(days, base, half, beyond=beyond, leap=leap)
    for key in range(len(days.labels)):
        middles = np.flatnonzero(base & (days.keys == key)) if leap or key != days.leap else []
        window = {int(m) + offset for m in middles for offset in range(-half, half + 1)}
        expected = [day for day in sorted(window) if 0 <= day < days.count and (beyond or base[day])]
        groups = pools.groups[pools.key_starts[key] : pools.key_starts[key + 1]]
        found = [pools.members[pools.group_starts[group] : pools.group_starts[group + 1]] for group in groups]
        assert sorted(np.concatenate([[], *found]).astype(int).tolist()) == expected
