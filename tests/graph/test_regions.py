"""Regions as sets of positions: narrowed, cut and counted like NumPy does it on the positions themselves."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oceandata.graph.regions import Region, Unknown, chosen, count_values, dimension_runs, line_of, narrowed, within

SIZE = 12
slices = st.builds(
    slice,
    st.none() | st.integers(-SIZE - 2, SIZE + 2),
    st.none() | st.integers(-SIZE - 2, SIZE + 2),
    st.none() | st.integers(-4, 4).filter(bool),
)
lists = st.lists(st.integers(-SIZE, SIZE - 1), max_size=6)
masks = st.lists(st.booleans(), min_size=SIZE, max_size=SIZE)
parts = slices | lists | masks
lines = st.builds(range, st.integers(0, 5), st.integers(0, SIZE), st.integers(1, 3)) | st.builds(
    lambda places: tuple(sorted(places)), st.sets(st.integers(0, SIZE - 1), max_size=5)
)


def _taken(part: slice | list[int] | list[bool]) -> list[int]:
    if isinstance(part, slice):
        return np.arange(SIZE)[part].tolist()
    return np.arange(SIZE)[np.asarray(part, dtype=None if part else np.int64)].tolist()


@given(part=parts)
def test_a_line_is_what_numpy_takes(part: Any) -> None:
    assert list(line_of(part, SIZE) or ()) == sorted(set(_taken(part)))


@given(part=parts, need=lines)
def test_chosen_places_are_those_of_the_index_in_its_own_order(part: Any, need: range | tuple[int, ...]) -> None:
    taken = _taken(part)
    assert list(chosen(part, SIZE, need) or ()) == sorted({taken[place] for place in need if place < len(taken)})
    assert chosen(part, SIZE, None) == line_of(part, SIZE)


@given(outer=lines, inner=lines)
def test_narrowing_takes_places_among_positions(outer: range | tuple[int, ...], inner: range | tuple[int, ...]) -> None:
    assert list(narrowed(outer, inner) or ()) == [outer[place] for place in inner if place < len(outer)]
    assert narrowed(None, inner) == inner
    assert narrowed(outer, None) == outer


@given(line=lines, start=st.integers(0, SIZE), size=st.integers(0, SIZE))
def test_a_piece_counts_from_its_own_beginning(line: range | tuple[int, ...], start: int, size: int) -> None:
    assert list(within(line, start, size) or ()) == [place - start for place in line if start <= place < start + size]
    assert within(None, start, size) is None


@pytest.mark.parametrize("part", [slice(None, None, -2), slice(-3, None), [-1]])
def test_what_depends_on_an_unknown_length_is_unknown(part: Any) -> None:
    with pytest.raises(Unknown):
        line_of(part, None)
    assert line_of(slice(2, None, 3), None) == range(2, 2**63 - 1, 3)
    assert line_of(slice(None), None) is None


@given(regions=st.lists(st.tuples(lines, lines, lines), max_size=6))
def test_a_union_counts_each_value_once(regions: list[Region]) -> None:
    held = np.zeros((SIZE, SIZE, SIZE), bool)
    for region in regions:
        held[np.ix_(*(np.asarray(line, dtype=np.int64) for line in region))] = True
    assert count_values(regions) == held.sum()
    for axis in range(3):
        runs = dimension_runs(regions, axis)
        places = [place for start, stop in runs for place in range(start, stop)]
        assert places == sorted({place for region in regions for place in region[axis]})
        assert all(after[0] > before[1] for before, after in itertools.pairwise(runs))


def test_a_single_number_counts_once() -> None:
    assert count_values([()]) == 1
    assert count_values([(range(2), ()), (range(1, 3), ())]) == 0
    assert count_values([]) == 0


def test_a_grid_of_blocks_is_counted_without_listing_its_values() -> None:
    side = 10**9
    blocks = [(range(i * side, (i + 1) * side), range(j * side, (j + 1) * side)) for i in range(60) for j in range(60)]
    assert count_values(blocks) == (60 * side) ** 2
