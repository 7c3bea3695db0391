"""The geometry of rechunking: reads are counted as a walk over all boxes and chunks counts them."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oceandata.storage.rechunk import box_for, boxes, grown, plan_passes, times_read

_DIM = st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
_DIMS = st.lists(_DIM, min_size=1, max_size=3)


def _walked(shape, stored, box) -> float:
    """Values decoded when every box decodes every chunk that it touches, one by one."""
    total = 0
    for part in boxes(shape, box):
        ranges = [range(p.start // c, (p.stop - 1) // c + 1) for p, c in zip(part, stored, strict=True)]
        for position in itertools.product(*ranges):
            total += math.prod(min((at + 1) * c, n) - at * c for at, c, n in zip(position, stored, shape, strict=True))
    return total / math.prod(shape)


@given(_DIMS)
def test_reads_are_those_of_a_walk(dims) -> None:
    shape, stored, box = zip(*dims, strict=True)
    assert times_read(shape, stored, box) == pytest.approx(_walked(shape, stored, box))


@given(_DIMS)
def test_boxes_cover_everything_once(dims) -> None:
    shape, _, box = zip(*dims, strict=True)
    seen = [place for part in boxes(shape, box) for place in itertools.product(*(range(p.start, p.stop) for p in part))]
    assert sorted(seen) == list(itertools.product(*map(range, shape)))


@settings(max_examples=60)
@given(_DIMS, st.integers(1, 5_000))
def test_a_box_is_whole_new_chunks_and_fits(dims, room) -> None:
    shape, stored, unit = zip(*dims, strict=True)
    box = box_for(shape, stored, unit, room)
    for length, size, one in zip(box, shape, unit, strict=True):
        assert length == size or length % one == 0
    smallest = math.prod(min(size, one) for size, one in zip(shape, unit, strict=True))
    assert math.prod(box) <= max(room, smallest)


def test_the_box_reads_least_of_all_that_fit() -> None:
    shape, stored, unit, room = (24, 12, 18), (2, 12, 9), (24, 2, 3), 24 * 12 * 6
    lengths = [sorted({min(n, k * u) for k in range(1, n // u + 2)}) for n, u in zip(shape, unit, strict=True)]
    fitting = [box for box in itertools.product(*lengths) if math.prod(box) <= room]
    least = min(times_read(shape, stored, box) for box in fitting)
    assert times_read(shape, stored, box_for(shape, stored, unit, room)) == least


def test_enough_memory_reads_once_and_directly() -> None:
    passes = plan_passes((7305, 180, 360), (15, 180, 360), (7305, 11, 12), room=10**9, at_ease=10**7)
    assert (passes.reads, passes.between) == (1.0, ())


def test_an_intermediate_store_only_where_it_is_clearly_better() -> None:
    shape, stored, unit = (7305, 180, 360), (15, 180, 360), (7305, 11, 12)
    for room in (2_000_000, 8_000_000, 64_000_000, 200_000_000, 474_000_000):
        passes = plan_passes(shape, stored, unit, room=room, at_ease=room)
        direct = times_read(shape, stored, box_for(shape, stored, unit, room))
        if passes.between:
            assert direct > 2 * (passes.reads + 1 + passes.between_reads)
            assert math.prod(passes.slab) <= room / 2
            assert 8 * math.prod(passes.between) <= room / 2
            for slab, between, size in zip(passes.slab, passes.between, shape, strict=True):
                assert slab == size or slab % between == 0  # no chunk of the store between is written by two slabs
        else:
            assert passes.reads == direct
        assert math.prod(passes.box) <= room
    assert plan_passes(shape, stored, unit, room=8_000_000, at_ease=1).between
    assert not plan_passes(shape, stored, unit, room=200_000_000, at_ease=1).between


def test_growing_stays_in_its_room() -> None:
    assert grown((100, 20, 30), (10, 20, 30), (10, 20, 30), 25_000, (2, 1, 0)) == (40, 20, 30)
    assert grown((100, 20, 30), (10, 20, 30), (10, 20, 30), 1, (2, 1, 0)) == (10, 20, 30)
    assert grown((), (), (), 10, ()) == ()
