"""Cutting arrays: every value once, whole chunks, blocks within their size."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oceandata.trade.subset.boxes import blocks_of_boxes, cut_boxes, merged_chunks, output_chunks, row_blocks

SHAPES = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 5)), min_size=1, max_size=4)


@given(SHAPES)
def test_boxes_hold_every_value_once(pairs):
    shape, lengths = zip(*pairs, strict=True)
    taken = np.zeros(shape, int)
    for box in cut_boxes(blocks_of_boxes(shape, lengths)):
        taken[box] += 1
    assert (taken == 1).all()


@given(SHAPES, st.integers(1, 5000))
def test_blocks_are_whole_chunks_within_their_size(pairs, budget):
    shape, chunks = zip(*pairs, strict=True)
    block = merged_chunks(shape, chunks, 4, budget)
    chunk = [min(pair) for pair in pairs]
    assert math.prod(block) * 4 <= max(budget, math.prod(chunk) * 4)
    assert all(b == size or b % c == 0 for b, size, c in zip(block, shape, chunk, strict=True))


def test_blocks_grow_from_the_last_dimension():
    assert merged_chunks([100, 20, 20], [1, 10, 10], 4, 800) == (1, 10, 20)
    assert merged_chunks([100, 20, 20], [1, 10, 10], 4, 1_000_000) == (100, 20, 20)
    assert merged_chunks([100, 20, 20], [7, 30, 30], 4, 1) == (7, 20, 20)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(1, 200))
def test_blocks_of_rows_are_in_the_order_of_rows(shape, rows):
    numbers = np.arange(math.prod(shape)).reshape(shape)
    blocks = [numbers[box].ravel() for box in cut_boxes(row_blocks(shape, rows))]
    assert (np.concatenate(blocks) == numbers.ravel()).all()
    assert max(map(len, blocks)) <= rows


@pytest.mark.parametrize(
    ("shape", "stored", "expected"),
    [
        ((54, 18, 432), (12, 18, 432), (24, 18, 432)),
        ((4, 5), (100, 100), (4, 5)),
        ((1000, 720, 1440), (1, 720, 1440), (1, 360, 1440)),
        ((8000, 100, 100), (8000, 50, 50), (250, 50, 50)),
        ((9000, 1, 1), (1, 1, 1), (9000, 1, 1)),
    ],
)
def test_output_chunks_are_neither_tiny_nor_large(shape, stored, expected):
    assert output_chunks(shape, stored, 4) == expected
