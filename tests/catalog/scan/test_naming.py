"""Ids that are the same at each scan, and never taken."""

import itertools

import pytest

from oceandata.catalog.scan.naming import common_stem, entry_ids
from oceandata.entities import RESERVED_NAMES


@pytest.mark.parametrize(
    ("paths", "stem"),
    [
        (["/d/woa18_decav_t01_04.nc", "/d/woa18_decav_t02_04.nc"], "woa18_decav_04"),
        (["/d/R13857_001.nc", "/d/R13857_002.nc"], "R13857"),
        (["/d/file001.nc", "/d/file002.nc"], "file"),
        (["/oisst/20240101.nc", "/oisst/20240102.nc"], "oisst"),
        (["/d/2000/sst.nc", "/d/2001/sst.nc"], "sst"),
        (["/d/a.b.nc"], "a.b"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_names_have_in_common(paths: list[str], stem: str) -> None:
    assert common_stem(paths) == stem


def test_the_order_does_not_matter() -> None:
    datasets = [("tos", ["/a/x/tos.nc"]), ("tos", ["/a/y/tos.nc"]), ("2SST", ["/a/2SST.nc"]), ("水温", ["/a/水温.nc"])]
    found = {
        tuple(sorted(zip([p[0] for _, p in order], entry_ids(order), strict=True)))
        for order in itertools.permutations(datasets)
    }
    assert len(found) == 1
    ids = dict(next(iter(found)))
    assert (ids["/a/x/tos.nc"], ids["/a/y/tos.nc"], ids["/a/2SST.nc"]) == ("x_tos", "y_tos", "d_2sst")
    assert ids["/a/水温.nc"].startswith("dataset_")


def test_taken_and_reserved_ids_are_not_given() -> None:
    (one,) = entry_ids([("sst", ["/holdings/daily/sst.nc"])], taken={"sst"})
    assert one == "daily_sst"
    (two,) = entry_ids([("items", ["/holdings/items.nc"])])
    assert two not in RESERVED_NAMES
    three = entry_ids([("a", ["/x/a.nc"]), ("a", ["/x/a.cdf"])])
    assert len(set(three)) == 2


def test_long_names_stay_ids() -> None:
    (one,) = entry_ids([("x" * 300, ["/d/x.nc"])])
    assert len(one) <= 120
