"""What is asked is opened; what no cell answers to names the nearest."""

import numpy as np
import pytest

from oceandata.errors import NotFoundError, RegionError
from oceandata.trade.subset.selection import Request, open_request


def test_a_request_opens_what_the_catalogue_opens(ocean):
    request = Request("ocean", (-40, -20, 40, 20), "2020-01-02/2020-01-04", (5, 200), ("thetao",))
    ds = open_request(ocean, request)
    theirs = ocean.open(
        "ocean", region=(-40, -20, 40, 20), time="2020-01-02/2020-01-04", depth=(5, 200), variables=["thetao"]
    )
    assert dict(ds.sizes) == {"time": 3, "depth": 2, "lat": 5, "lon": 8, "bnds": 2}
    np.testing.assert_array_equal(ds["thetao"], theirs["thetao"])


def test_edges_turn_with_their_centres(ocean):
    ds = open_request(ocean, Request("ocean", (-40, -20, 40, 20), variables=("zos",)))
    assert ds["lon"].values.tolist() == [-35, -25, -15, -5, 5, 15, 25, 35]
    np.testing.assert_array_equal(ds["lon_bnds"], ds["lon"].values[:, None] + [-5, 5])
    stays = open_request(ocean, Request("ocean", (-170, -20, -120, 20), variables=("zos",)))
    assert stays["lon"].values.tolist() == [195, 205, 215, 225, 235]
    np.testing.assert_array_equal(stays["lon_bnds"], stays["lon"].values[:, None] + [-5, 5])


@pytest.mark.parametrize(
    ("asked", "error", "named"),
    [
        (
            {"bbox": (121, 3, 121, 3)},
            RegionError,
            "The nearest is at 125 E, 0 N: take it with nearest=True (--nearest)",
        ),
        ({"bbox": (-1, -80, -1, 80)}, RegionError, "The nearest is at 355 E:"),
        ({"bbox": (0, 3, 360, 4)}, RegionError, "The nearest is at 0 N:"),
        ({"depth": (11.0, 12.0)}, NotFoundError, "The nearest is at 10 m:"),
        ({"bbox": (121, 3, 121, 3), "depth": (11.0, 12.0)}, RegionError, "The nearest is at 125 E, 0 N, 10 m:"),
    ],
)
def test_nothing_there_names_what_is_near(ocean, asked, error, named):
    with pytest.raises(error, match=r"(?i)no (cell|level)") as caught:
        open_request(ocean, Request("ocean", **asked))
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "sizes"),
    [
        ({"bbox": (121, 3, 121, 3)}, {"lat": 1, "lon": 1}),
        ({"bbox": (121, -80, 121, 80)}, {"lat": 17, "lon": 1}),
        ({"bbox": (-1, -15, -1, 15)}, {"lat": 3, "lon": 1}),
        ({"bbox": (-180, -15, 180, 15)}, {"lat": 3, "lon": 36}),
        ({"depth": (11.0, 12.0)}, {"depth": 1}),
        ({"depth": (11.0, 120.0)}, {"depth": 1}),
    ],
)
def test_the_nearest_is_taken_where_nothing_lies_inside(ocean, asked, sizes):
    ds = open_request(ocean, Request("ocean", **asked, nearest=True))
    assert {dim: ds.sizes[dim] for dim in sizes} == sizes


def test_the_nearest_is_the_nearest(ocean):
    ds = open_request(ocean, Request("ocean", (121, 6, 121, 6), depth=(60.0, 60.0), nearest=True))
    assert (ds["lon"].item(), ds["lat"].item(), ds["depth"].item()) == (125.0, 10.0, 100.0)
    assert open_request(ocean, Request("ocean", (-1, 6, -1, 6), nearest=True))["lon"].item() == 355.0


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"bbox": (10, 85, 20, 90)}, None),
        ({"depth": (5000.0, 6000.0)}, NotFoundError),
        ({"time": "1999"}, NotFoundError),
        ({"bbox": (10, 20, 20, 10)}, RegionError),
        ({"bbox": (10, 20, 20)}, RegionError),
        ({"variables": ("salinity",)}, NotFoundError),
    ],
)
def test_what_is_far_is_not_offered(ocean, asked, error):
    if error is None:  # half a step beyond the last row
        with pytest.raises(RegionError, match="The nearest is at 80 N"):
            open_request(ocean, Request("ocean", **asked))
        return
    for nearest in (False, True):
        with pytest.raises(error) as caught:
            open_request(ocean, Request("ocean", **asked, nearest=nearest))
        assert "nearest" not in str(caught.value)
