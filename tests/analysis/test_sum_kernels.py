"""Compiled sums against NumPy, value by value."""

import math

import numpy as np
import pytest

from oceandata.analysis.sum_kernels import (
    add_columns,
    add_counts,
    add_moments,
    centre_columns,
    loop_rows,
    sum_rows,
    take_out_gaps,
)


@pytest.fixture(params=[np.float32, np.float64])
def rows(request: pytest.FixtureRequest) -> np.ndarray:
    """Steps of cells with gaps; the first cell is land, the second has no gap."""
    rng = np.random.default_rng(4)
    values = np.round(280 + 5 * rng.standard_normal((40, 7)), 2).astype(request.param)
    values[rng.random(values.shape) < 0.3] = np.nan
    values[:, 0], values[:, 1] = np.nan, 281.5
    return values


@pytest.fixture
def weights(rows: np.ndarray) -> np.ndarray:
    """One for each step; some are zero."""
    found = np.random.default_rng(5).random(len(rows))
    found[::6] = 0.0
    return found


def test_rows_are_floats_in_order() -> None:
    whole = np.arange(12, dtype=">i2").reshape(3, 4)
    assert loop_rows(whole.T).dtype == np.float64
    assert loop_rows(whole.T).flags.c_contiguous
    assert loop_rows(whole.astype("f2")).dtype == np.float32
    kept = whole.astype("f4")
    assert loop_rows(kept) is kept
    np.testing.assert_array_equal(loop_rows(whole.astype(">f4")), whole)


def test_sums_of_columns_and_of_rows(rows: np.ndarray, weights: np.ndarray) -> None:
    wide, valid = rows.astype(np.float64), ~np.isnan(rows)
    expected = [math.fsum(weights[valid[:, c]] * wide[valid[:, c], c]) for c in range(7)]
    by_column, by_row = np.zeros((2, 7)), np.zeros((2, 7))
    add_columns(rows, weights, *by_column)
    sum_rows(loop_rows(rows.T), weights, *by_row)
    for total, weight in (by_column, by_row):
        np.testing.assert_allclose(total, expected, rtol=1e-14)
        np.testing.assert_allclose(weight, weights @ valid, rtol=1e-14)


def test_long_rows_lose_no_digits() -> None:
    row = np.full((1, 200_000), 290.1, np.float32)
    weights, sums = np.random.default_rng(0).random(row.size), np.zeros((2, 1))
    sum_rows(row, weights, *sums)
    assert sums[0, 0] / sums[1, 0] == pytest.approx(float(np.float32(290.1)), rel=1e-15)


def test_moments_in_any_order_of_blocks(rows: np.ndarray, weights: np.ndarray) -> None:
    wide = np.where(weights[:, None] > 0, rows.astype(np.float64), np.nan)
    for cuts in ([40], [1, 40], [13, 14, 40]):
        count, mean, square, weight = np.zeros((4, 7))
        for start, stop in zip([0, *cuts], cuts, strict=False):
            add_moments(rows, np.arange(start, stop), weights[start:stop], count, mean, square, weight)
        valid = ~np.isnan(wide)
        assert count.tolist() == valid.sum(axis=0).tolist()
        np.testing.assert_allclose(weight, weights @ valid, rtol=1e-13)
        for c in range(1, 7):
            own, values = weights[valid[:, c]], wide[valid[:, c], c]
            expected = math.fsum(own * values) / math.fsum(own)
            assert mean[c] == pytest.approx(expected, rel=1e-14)
            assert square[c] == pytest.approx(math.fsum(own * (values - expected) ** 2), rel=1e-11, abs=1e-20)


def test_an_infinite_value_is_not_taken_for_a_gap() -> None:
    count, mean, square, weight = np.zeros((4, 1))
    add_moments(np.array([[np.inf], [1.0]]), np.arange(2), np.ones(2), count, mean, square, weight)
    assert count[0] == 2
    assert not np.isfinite(mean[0])


@pytest.mark.parametrize("edges", [np.arange(260.0, 300.0, 0.5), np.array([270.0, 280.0, 280.5, 281.5, 281.51, 290.0])])
def test_counts_are_those_of_numpy(edges: np.ndarray, rows: np.ndarray) -> None:
    even = np.allclose(np.diff(edges), edges[1] - edges[0])
    apart, together = (np.zeros((len(edges) + 1, cells), np.int64) for cells in (7, 1))
    scale = 1 / (edges[1] - edges[0]) if even else 0.0
    add_counts(rows, edges, scale, apart)
    add_counts(rows, edges, scale, together)
    valid = rows[~np.isnan(rows)].astype(np.float64)
    assert together[1:-1, 0].tolist() == np.histogram(valid, edges)[0].tolist()
    assert (together[0, 0], together[-1, 0]) == ((valid < edges[0]).sum(), (valid > edges[-1]).sum())
    assert apart.sum(axis=1).tolist() == together[:, 0].tolist()
    column = rows[:, 3][~np.isnan(rows[:, 3])].astype(np.float64)
    assert apart[1:-1, 3].tolist() == np.histogram(column, edges)[0].tolist()


def test_every_edge_belongs_to_the_bin_above_and_the_last_to_the_last() -> None:
    edges = np.arange(-2.0, 40.0, 0.1)
    found = np.zeros((len(edges) + 1, 1), np.int64)
    add_counts(edges.reshape(-1, 1), edges, 1 / (edges[1] - edges[0]), found)
    assert found[:, 0].tolist() == [0, *[1] * (len(edges) - 2), 2, 0]


def test_products_of_valid_steps_and_pairs(rows: np.ndarray) -> None:
    steps, k = len(rows), 3
    design = np.stack([np.ones(steps), np.linspace(-1, 1, steps), np.cos(np.arange(steps))], axis=1)
    reference, values, sums = np.full(7, np.nan), np.empty(rows.shape), np.zeros((4, 7))
    centre_columns(rows, reference, values, *sums)
    valid = ~np.isnan(rows)
    pairs = valid[1:] & valid[:-1]
    centred = np.where(valid, rows - np.nan_to_num(reference), 0.0)
    np.testing.assert_allclose(values, centred)
    expected = [
        valid.sum(axis=0),
        (centred**2).sum(axis=0),
        (centred[1:] * centred[:-1]).sum(axis=0),
        pairs.sum(axis=0),
    ]
    np.testing.assert_allclose(sums, expected)

    products = np.einsum("ti,tj->tij", design, design)
    lagged = np.concatenate([np.zeros((1, k, k)), np.einsum("ti,tj->tij", design[:-1], design[1:])])
    some = sums[0] > 0
    whole = np.concatenate([products, lagged], axis=1).reshape(steps, -1)
    sums_of_products = np.outer(some, whole.sum(axis=0))
    beside = np.zeros_like(design)
    beside[1:] = design[:-1]
    beside[:-1] += design[1:]
    lag_xy = centred.T @ beside
    next_pair = np.concatenate([np.zeros_like(products), lagged], axis=1).reshape(steps, -1)
    with_next = whole.copy()
    with_next[:-1] += next_pair[1:]
    take_out_gaps(rows, values, sums[0], design, np.stack([whole, with_next]), sums_of_products, lag_xy)
    xx, lag_xx = np.split(sums_of_products, 2, axis=1)
    np.testing.assert_allclose(xx, np.einsum("tij,tc->cij", products, valid).reshape(7, -1), atol=1e-12)
    np.testing.assert_allclose(lag_xx, np.einsum("tij,tc->cij", lagged[1:], pairs).reshape(7, -1), atol=1e-12)
    both = np.where(pairs, centred[1:], 0.0).T @ design[:-1] + np.where(pairs, centred[:-1], 0.0).T @ design[1:]
    np.testing.assert_allclose(lag_xy, both, atol=1e-11)
