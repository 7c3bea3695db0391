"""Chunks that meet a selection, against counting every cell."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from oceandata.trade.delivery.selecting import array_box, array_boxes, chunk_ranges

_RUNS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 15)), max_size=5)


def _ranges(runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Runs of positions in order, none touching another."""
    taken = sorted({at for start, length in runs for at in range(start, start + length)})
    found: list[tuple[int, int]] = []
    for at in taken:
        if found and found[-1][1] == at:
            found[-1] = (found[-1][0], at + 1)
        else:
            found.append((at, at + 1))
    return found


@given(_RUNS, st.integers(1, 9))
def test_exactly_the_chunks_with_a_cell_in_them(runs, chunk):
    taken = _ranges(runs)
    wanted = {at // chunk for a, b in taken for at in range(a, b)}
    found = chunk_ranges(taken, chunk)
    assert [at for a, b in found for at in range(a, b)] == sorted(wanted)
    assert all(a[1] < b[0] for a, b in itertools.pairwise(found))


def _document(dims: tuple[str, ...], shape: tuple[int, ...], chunks: tuple[int, ...], **attributes: str) -> dict:
    grid = {"configuration": {"chunk_shape": list(chunks)}, "name": "regular"}
    return {"shape": list(shape), "chunk_grid": grid, "dimension_names": list(dims), "attributes": attributes}


def test_positions_and_cells_of_a_box():
    box = array_box("sst", _document(("y", "x"), (7, 10), (3, 4)), {"x": [(0, 1), (9, 10)]}, is_coordinate=False)
    assert box.ranges == (((0, 3),), ((0, 1), (2, 3)))
    assert box.count == 6
    assert list(box.positions()) == [(0, 0), (0, 2), (1, 0), (1, 2), (2, 0), (2, 2)]
    assert {dim: rows.tolist() for dim, rows in box.cells().items()} == {
        "y": [0, 1, 2, 3, 4, 5, 6],
        "x": [0, 1, 2, 3, 8, 9],
    }


def test_coordinates_travel_with_their_variables():
    documents = {
        "sst": _document(("time", "x"), (9, 4), (3, 2), grid_mapping="crs"),
        "ice": _document(("z",), (5,), (5,)),
        "z": _document(("z",), (5,), (1,)),
        "time": _document(("time",), (9,), (3,), bounds="time_bnds"),
        "time_bnds": _document(("time", "nv"), (9, 2), (3, 2)),
        "crs": _document((), (), ()),
    }
    boxes = {box.name: box for box in array_boxes(documents, ["sst"], {"time": [(4, 5)]})}
    assert set(boxes) == {"sst", "time", "time_bnds", "crs"}
    assert boxes["sst"].ranges == (((1, 2),), ((0, 2),))
    assert boxes["time"].ranges == (((0, 3),),)  # whole, so that the dataset opens
    assert boxes["time_bnds"].ranges == (((1, 2),), ((0, 1),))
    assert [name for name, box in boxes.items() if not box.is_coordinate] == ["sst"]
    assert list(boxes["crs"].positions()) == [()]
