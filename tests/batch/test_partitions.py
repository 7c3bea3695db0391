"""Partitions by number: each unit in exactly one of them, however many there are."""

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from oceandata.batch.partitions import Grid, chunks_touched, plan_steps

SHAPES = st.lists(st.integers(1, 7), min_size=1, max_size=3)


@given(SHAPES, st.data())
def test_every_unit_is_in_one_partition(shape: list[int], data: st.DataObject) -> None:
    steps = [data.draw(st.integers(1, size)) for size in shape]
    grid = Grid(tuple(shape), tuple(steps))
    seen = []
    for number in range(grid.count):
        assert grid.number(grid.place(number)) == number
        box = grid.box(number)
        cells = [()]
        for lo, hi in box:
            cells = [(*cell, at) for cell in cells for at in range(lo, hi)]
        seen += cells
    assert len(seen) == len(set(seen)) == math.prod(shape)
    assert Grid.from_json(grid.to_json()) == grid


def test_a_grid_without_dimensions_is_one_partition() -> None:
    assert Grid((), ()).count == 1
    assert Grid((), ()).box(0) == ()


def test_a_grid_of_fifty_petabytes_is_numbers() -> None:
    grid = Grid((36500, 10, 18, 36), (25, 1, 1, 1))
    assert grid.count == 1460 * 10 * 18 * 36
    assert grid.box(grid.count - 1) == ((36475, 36500), (9, 10), (17, 18), (35, 36))


@given(SHAPES, st.integers(1, 1000), st.integers(1, 10_000))
def test_steps_fit_the_grid_and_the_work(shape: list[int], unit: int, partition: int) -> None:
    steps = plan_steps(shape, unit_bytes=unit, partition_bytes=partition)
    assert all(1 <= step <= size for step, size in zip(steps, shape, strict=True))
    assert math.prod(steps) * unit <= max(unit, partition)
    assert Grid(tuple(shape), steps).count >= min(8, math.prod(shape)) // 2


def test_partitions_grow_along_what_is_reduced_and_states_find_room() -> None:
    assert plan_steps((1000, 10, 10), unit_bytes=10, partition_bytes=2000, reduced={0}) == (200, 1, 1)
    kept = plan_steps(
        (1, 64, 64),
        unit_bytes=10,
        partition_bytes=10_000,
        reduced={0},
        state_bytes=lambda steps: 100 * math.prod(steps[1:]),
        room_bytes=1600,
    )
    assert 100 * math.prod(kept[1:]) <= 1600


def test_a_state_is_shared_by_enough_units() -> None:
    steps = plan_steps(
        (1000, 4), unit_bytes=100, partition_bytes=1, reduced={0}, state_bytes=lambda steps: 100 * steps[1]
    )
    assert steps == (20, 1)  # a twentieth of what is read


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(1, 7), st.integers(0, 5))
def test_chunks_are_counted_as_a_list_of_them_would(sizes: list[int], chunk: int, start: int) -> None:
    edges = [start]
    for size in sizes:
        edges.append(edges[-1] + size)
    touched = [{at // chunk for at in range(lo, hi)} for lo, hi in itertools.pairwise(edges)]
    assert chunks_touched(edges, chunk) == (len(set().union(*touched)), sum(map(len, touched)))
