"""Histograms and quantiles: NumPy's own answers, any chunking, and the bound that is stated."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from oceandata.analysis import histogram, quantile, statistics
from oceandata.errors import InputError

VALUES = st.lists(st.floats(-5, 5, width=32) | st.sampled_from([np.nan, 0.0, 1.0, 2.0]), min_size=24, max_size=24)
CUTS = st.tuples(st.integers(1, 12), st.integers(1, 2))


def _field(values: list[float]) -> xr.DataArray:
    array = np.array(values, np.float32).reshape(12, 2)
    return xr.DataArray(array, dims=["time", "x"], name="sst", attrs={"units": "degC"})


EDGES = st.sampled_from([np.array([-2.0, 0.0, 1.0, 1.5, 2.0]), np.array([-2.0, -1, 0, 1, 2]), np.linspace(-2, 2, 41)])


@given(values=VALUES, cuts=CUTS, edges=EDGES)
def test_counts_are_those_of_numpy(values: list[float], cuts: tuple[int, int], edges: np.ndarray) -> None:
    field = _field(values)
    for array in (field, field.chunk(time=cuts[0], x=cuts[1])):
        found = histogram(array, edges).compute(scheduler="sync")
        valid = field.values[~np.isnan(field.values)]
        np.testing.assert_array_equal(found, np.histogram(valid, edges)[0])
        assert int(found.below) == (valid < -2).sum()
        assert int(found.above) == (valid > 2).sum()
        each = histogram(array, edges, "time").compute(scheduler="sync")
        assert each.dims == ("bin", "x")
        np.testing.assert_array_equal(each.sum("x"), found)
        np.testing.assert_array_equal(each.below.sum("x"), found.below)


@given(values=VALUES, cuts=CUTS, q=st.lists(st.floats(0, 1), min_size=1, max_size=3))
def test_exact_quantiles_are_those_of_numpy(values: list[float], cuts: tuple[int, int], q: list[float]) -> None:
    field = _field(values)
    for array in (field, field.chunk(time=cuts[0], x=cuts[1])):
        found = quantile(array, q).compute(scheduler="sync")
        for cell in range(2):
            own = field.values[:, cell].astype(float)
            own = own[~np.isnan(own)]
            expected = np.quantile(own, q) if own.size else np.full(len(q), np.nan)
            np.testing.assert_allclose(found[:, cell], expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=60)
@given(values=VALUES, cuts=CUTS, q=st.floats(0, 1), width=st.sampled_from([0.01, 0.3, 2.0]))
def test_binned_quantiles_keep_their_bound(values: list[float], cuts: tuple[int, int], q: float, width: float) -> None:
    field = _field(values)
    found = quantile(field.chunk(time=cuts[0], x=cuts[1]), q, bins=np.arange(-6, 6 + width, width))
    assert found.attrs["quantile_error"] == pytest.approx(width, rel=1e-9)
    exact = quantile(field, q)
    assert np.array_equal(np.isnan(found), np.isnan(exact))
    assert float(np.nanmax(abs(found - exact), initial=0.0)) <= width * (1 + 1e-9)


def test_a_quantile_outside_the_bins_is_unknown() -> None:
    series = xr.DataArray(np.arange(100.0), dims=["time"])
    found = quantile(series, [0.01, 0.5, 0.99], bins=np.arange(10, 91.0))
    assert np.isnan(found.values).tolist() == [True, False, True]


def test_histograms_fuse_and_tell_their_units() -> None:
    field = _field(list(range(24))).chunk(time=5)
    found = statistics(field, {"histogram": {"bins": [0, 10, 30]}, "mean": {"dim": "time"}})["histogram"]
    assert found.values.tolist() == [10, 14]
    assert found.bin.attrs["units"] == "degC"
    assert found.bin_low.values.tolist() == [0, 10]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda sst: histogram(sst, [1.0]), "two or more ascending"),
        (lambda sst: histogram(sst, [1.0, 1.0]), "ascending finite edges"),
        (lambda sst: quantile(sst, 90), "such as 0.9"),
        (lambda sst: quantile(sst, 0.5, ["time", "x"]), "need one dimension"),
        (lambda sst: quantile(sst, 0.5, "tme"), "no dimension 'tme'"),
    ],
)
def test_what_cannot_be_is_refused(call: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        call(_field([0.0] * 24))


def test_integers_are_counted_too() -> None:
    field = xr.DataArray(np.array([1, 2, 2, 7], np.int16), dims=["time"])
    assert histogram(field, [0, 2, 4]).values.tolist() == [1, 2]
    assert float(quantile(field, 0.5)[0]) == 2
