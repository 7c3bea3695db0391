"""The planner: bounds it promises, and what each access is for."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oceandata.errors import InputError
from oceandata.storage.chunks import ACCESS, chunk_count, cut_range, even_chunk, plan_chunks

SIZES = st.one_of(st.integers(0, 3), st.integers(0, 20_000))


@st.composite
def arrays(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Shape and roles of an array of up to five dimensions."""
    shape = tuple(draw(st.lists(SIZES, max_size=5)))
    return shape, tuple(draw(st.sampled_from(["X", "Y", "Z", "T", ""])) for _ in shape)


@given(arrays(), st.sampled_from([1, 2, 4, 8]), st.sampled_from(ACCESS), st.integers(1, 50_000_000))
def test_chunk_fits_the_target_and_the_array(array, itemsize, access, target):
    shape, roles = array
    chunks = plan_chunks(shape, roles, itemsize, access=access, target_bytes=target)
    assert len(chunks) == len(shape)
    assert all(1 <= chunk <= max(1, size) for chunk, size in zip(chunks, shape, strict=True))
    assert math.prod(chunks) * itemsize <= max(target, itemsize)


@given(arrays(), st.sampled_from(ACCESS), st.integers(1, 50_000_000))
def test_chunks_along_a_dimension_are_as_equal_as_can_be(array, access, target):
    shape, roles = array
    for size, chunk in zip(shape, plan_chunks(shape, roles, 4, access=access, target_bytes=target), strict=True):
        if size:
            assert chunk == math.ceil(size / math.ceil(size / chunk))


@given(st.integers(1, 10_000), st.integers(1, 20_000))
def test_even_chunk_makes_no_more_chunks_than_the_limit(size, limit):
    chunk = even_chunk(size, limit)
    assert chunk <= limit
    assert math.ceil(size / chunk) == math.ceil(size / min(size, limit))
    assert size - chunk * (math.ceil(size / chunk) - 1) > 0


def test_length_zero_and_no_dimension():
    assert even_chunk(0, 10) == 1
    assert plan_chunks((0, 180, 360), "TYX", 4)[0] == 1
    assert plan_chunks((), "", 8) == ()
    assert chunk_count((), ()) == ()
    assert chunk_count((0, 7), (1, 3)) == (0, 3)


def test_maps_keep_the_map_whole_and_cut_time():
    chunks = plan_chunks((7305, 30, 180, 360), "TZYX", 4, access="maps", target_bytes=1_000_000)
    assert chunks[2:] == (180, 360)
    assert chunks[0] == 1


def test_series_keep_time_whole_and_cut_the_map():
    chunks = plan_chunks((7305, 180, 360), "TYX", 4, access="series", target_bytes=1_000_000)
    assert chunks[0] == 7305
    assert max(chunks[1:]) < 10


def test_order_of_the_dimensions_does_not_matter():
    maps = plan_chunks((360, 7305, 180), "XTY", 4, access="maps", target_bytes=1_000_000)
    assert (maps[0], maps[2]) == (360, 180)


def test_bounds_stay_whole_in_every_access():
    for access in ACCESS:
        assert plan_chunks((7305, 2), ("T", ""), 8, access=access, target_bytes=1_000)[1] == 2


@pytest.mark.parametrize("shape", [(7305, 180, 360), (1000, 721, 1440), (14600, 90, 90)])
def test_balanced_makes_a_map_and_a_series_cost_about_the_same(shape):
    grid = chunk_count(shape, plan_chunks(shape, "TYX", 4, access="balanced", target_bytes=4_000_000))
    series, one_map = grid[0], grid[1] * grid[2]
    assert max(series, one_map) <= 3 * min(series, one_map)


@pytest.mark.parametrize(
    "arguments",
    [
        {"shape": (3,), "roles": "T", "itemsize": 4, "access": "rows"},
        {"shape": (-1,), "roles": "T", "itemsize": 4},
        {"shape": (3, 4), "roles": "T", "itemsize": 4},
        {"shape": (3,), "roles": "T", "itemsize": 0},
        {"shape": (3,), "roles": "T", "itemsize": 4, "target_bytes": 0},
    ],
)
def test_impossible_wishes_are_refused(arguments):
    with pytest.raises(InputError, match="need"):
        plan_chunks(**arguments)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 20), st.integers(0, 60))
def test_pieces_cover_a_range_and_cut_no_chunk(start: int, length: int, chunk: int, longest: int) -> None:
    pieces = list(cut_range(start, start + length, chunk, longest))
    assert [at for piece in pieces for at in range(piece.start, piece.stop)] == list(range(start, start + length))
    assert all(piece.stop % chunk == 0 for piece in pieces[:-1])
    assert all(piece.stop - piece.start <= max(longest, chunk) for piece in pieces)
