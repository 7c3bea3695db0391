"""Accumulators: states merge in any grouping, gaps are never counted, cells without weight do not matter."""

import itertools
from typing import Any

import numpy as np
import pytest

from oceandata.analysis.accumulators import Accumulator, GroupedMoments, State, WeightedSum


def _state(fold: Accumulator, values: np.ndarray, lo: int, hi: int) -> State:
    """State of the rows from lo to hi of an array reduced along its first dimension."""
    region = (slice(lo, hi), slice(0, values.shape[1]))
    state = fold.begin(region)
    fold.add(state, values[lo:hi], region, (slice(0, hi - lo), region[1]))
    return state


@pytest.fixture
def values() -> np.ndarray:
    rng = np.random.default_rng(2)
    values = rng.normal(1e4, 1e-2, (60, 5))
    values[rng.random(values.shape) < 0.3] = np.nan
    values[:, 4] = np.nan
    return values


@pytest.mark.parametrize(
    "fold",
    [
        WeightedSum((0,), np.linspace(0, 3, 60)),
        GroupedMoments(0, np.arange(60) % 12, 12),
        GroupedMoments(0, np.zeros(60, int), 1),
    ],
    ids=["sum", "months", "one group"],
)
def test_merge_is_associative_and_commutative(fold: Accumulator, values: np.ndarray) -> None:
    parts = [_state(fold, values, lo, hi) for lo, hi in itertools.pairwise([0, 1, 17, 40, 60])]
    whole = fold.result(_state(fold, values, 0, 60))
    left = fold.merge(fold.merge(fold.merge(*parts[:2]), parts[2]), parts[3])
    right = fold.merge(parts[3], fold.merge(fold.merge(parts[2], parts[1]), parts[0]))
    for merged in (left, right):
        for name, result in fold.result(merged).items():
            scale = {"M2": 1e-2**2 * 60, "count": 0, "weight": 60}.get(name, 1e4 * 90)
            np.testing.assert_allclose(
                result, whole[name], rtol=0, atol=1e-9 * scale if name == "M2" else 1e-12 * scale
            )


def test_moments_are_those_of_numpy(values: np.ndarray) -> None:
    result = GroupedMoments(0, np.zeros(60, int), 1).result(
        _state(GroupedMoments(0, np.zeros(60, int), 1), values, 0, 60)
    )
    np.testing.assert_array_equal(result["count"][0], np.isfinite(values).sum(axis=0))
    np.testing.assert_allclose(result["mean"][0, :4], np.nanmean(values[:, :4], axis=0), rtol=1e-15)
    variance = result["M2"][0, :4] / result["count"][0, :4]
    np.testing.assert_allclose(variance, np.nanvar(values[:, :4], axis=0), rtol=1e-9)
    assert np.isnan(result["mean"][0, 4])
    assert np.isnan(result["M2"][0, 4])


def test_positions_without_a_group_are_left_out() -> None:
    fold = GroupedMoments(0, np.array([0, -1, 1, -1]), 2)
    values = np.array([[1.0], [np.inf], [3.0], [np.inf]])
    assert fold.result(_state(fold, values, 0, 4))["mean"].ravel().tolist() == [1, 3]


def test_empty_state_changes_nothing(values: np.ndarray) -> None:
    fold = GroupedMoments(0, np.zeros(60, int), 1)
    state, nothing = _state(fold, values, 0, 60), fold.begin((slice(0, 60), slice(0, 5)))
    for merged in (fold.merge(state, nothing), fold.merge(nothing, state)):
        for name in state:
            np.testing.assert_array_equal(merged[name], state[name])


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_cells_without_weight_do_not_matter(bad: float) -> None:
    fold = WeightedSum((0,), np.array([1.0, 0.0, 2.0]))
    state = _state(fold, np.array([[3.0], [bad], [5.0]]), 0, 3)
    assert state["weighted_sum"].tolist() == [13.0]
    assert state["weight"].tolist() == [3.0]


@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "u1", ">f4", "?"])
def test_any_number_type(dtype: str) -> None:
    values: Any = np.array([[1, 0], [1, 1], [0, 1]]).astype(dtype)
    assert _state(WeightedSum((0,), np.ones(3)), values, 0, 3)["weighted_sum"].tolist() == [2, 2]
    fold = GroupedMoments(0, np.zeros(3, int), 1)
    np.testing.assert_allclose(_state(fold, values, 0, 3)["M2"], [[2 / 3, 2 / 3]], rtol=1e-15)


def test_long_rows_are_worked_in_strips() -> None:
    """More values than one strip holds, the gaps in the second strip only."""
    values = np.ones((3, 300_000))
    values[2, 299_999] = np.nan
    fold = WeightedSum((1,), np.ones(300_000))
    state = fold.begin((slice(0, 3), slice(0, 300_000)))
    whole = (slice(0, 3), slice(0, 300_000))
    fold.add(state, values, whole, whole)
    assert state["weight"].tolist() == [300_000, 300_000, 299_999]
    assert state["weighted_sum"].tolist() == [300_000, 300_000, 299_999]
    moments = GroupedMoments(0, np.zeros(3, int), 1)
    counts = _state(moments, values, 0, 3)["count"][0]
    assert counts[299_998:].tolist() == [3, 2]
    assert counts.sum() == 899_999


def test_weights_follow_their_order_of_dimensions() -> None:
    values = np.arange(24.0).reshape(2, 3, 4)
    weights = np.arange(12.0).reshape(3, 4)
    fold = WeightedSum((1, 2), weights)
    region = tuple(slice(0, size) for size in values.shape)
    state = fold.begin(region)
    for lo, hi in ((0, 1), (1, 4)):
        part = (region[0], region[1], slice(lo, hi))
        fold.add(state, values[part], part, part)
    np.testing.assert_allclose(state["weighted_sum"], np.einsum("tyx,yx->t", values, weights), rtol=1e-15)
