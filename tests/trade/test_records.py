"""Records are counted from labels by the product's rule, and unknown without one."""

from typing import Any

import pytest

from oceandata.entities import Extent, Origin
from oceandata.trade import Input
from oceandata.trade.records import count_records
from oceandata.trade.taken import Taken


def _input(snapshot: str = "S1", values: int | None = None, **runs: Any) -> Input:
    told = tuple((name, tuple(stretches)) for name, stretches in runs.items())
    size = 1
    for _, stretches in told:
        size *= sum(stop - start for start, stop in stretches)
    taken = Taken(size if values is None else values, "float32", told)
    return Input(Origin(repository="r", snapshot=snapshot), "x", (), 0, Extent(), (), taken=taken)


def test_positions_of_all_variables_together() -> None:
    winter, summer = _input(time=[(0, 5), (8, 9)], x=[(0, 3)]), _input(time=[(3, 8)], x=[(0, 9)])
    assert count_records([winter], ["time"]) == 6
    assert count_records([winter, summer], ["time"]) == 9
    assert count_records([winter, _input(x=[(0, 9)])], ["time"]) == 6


def test_revisions_have_records_of_their_own() -> None:
    assert count_records([_input("S1", time=[(0, 5)]), _input("S2", time=[(0, 5)])], ["time"]) == 10


def test_a_rule_of_several_dimensions_needs_boxes() -> None:
    box = _input(time=[(0, 5)], x=[(0, 2), (4, 6)])
    assert count_records([box, box], ["time", "x"]) == 20
    assert count_records([box, _input(time=[(0, 4)], x=[(0, 2)])], ["time", "x"]) is None
    assert count_records([_input(values=7, time=[(0, 5)], x=[(0, 2)])], ["time", "x"]) is None
    assert count_records([_input(values=7, time=[(0, 5)], x=[(0, 2)])], ["time"]) == 5


def test_without_a_rule_or_a_count_it_is_unknown() -> None:
    assert count_records([_input(time=[(0, 5)])], []) is None
    assert count_records([_input(time=[(0, 5)])], ["profile"]) is None
    assert count_records([], ["time"]) is None
    uncounted = Input(Origin(repository="r"), "x", (), 0, Extent(), ())
    assert count_records([uncounted], ["time"]) is None


@pytest.mark.parametrize(
    ("dtype", "nbytes"), [("float32", 40), ("int16", 20), ("datetime64[ns]", 80), ("<U5", 200), ("object", None)]
)
def test_delivered_bytes_are_those_of_the_published_type(dtype: str, nbytes: int | None) -> None:
    assert Taken(10, dtype).delivered_bytes == nbytes
    assert Taken(10, "StringDType()").delivered_bytes is None


def test_taken_survives_json() -> None:
    for one in (Taken(6, "float32", (("time", ((0, 5), (8, 9))),)), Taken(0, "int8", (("x", ()),), rounded=True)):
        assert Taken.from_json(one.to_json()) == one
        whole = Input(Origin(repository="r"), "x", ((0,),), 1, Extent(), (1,), taken=one)
        assert Input.from_json(whole.to_json()) == whole
