"""Parts of points and profiles, and of axes that are not in order; grids are tested with repositories."""

import numpy as np
import pytest
import xarray as xr

from oceandata.errors import InputError, NotFoundError, RegionError
from oceandata.storage.selection import in_blocks, selected


@pytest.fixture
def track() -> xr.Dataset:
    """A ship that crosses the date line, with its times out of order."""
    days = np.array(["2000-01-01", "2000-01-03", "2000-01-02", "NaT", "2000-01-05"], "M8[ns]")
    return xr.Dataset(
        {"temp": ("obs", np.arange(5.0))},
        {
            "lon": ("obs", [178.0, 179, -179, -178, 170], {"standard_name": "longitude"}),
            "lat": ("obs", [0.0, 1, 2, 3, 4], {"standard_name": "latitude"}),
            "depth": ("obs", [5.0, 1, 9, 2, 4], {"standard_name": "depth", "units": "m", "positive": "down"}),
            "time": ("obs", days, {"standard_name": "time"}),
        },
    )


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        ({"region": (177, -5, -178.5, 1.5)}, [0, 1]),
        ({"region": (177, 0.5, -178, 5)}, [1, 2, 3]),
        ({"time": "2000-01-02/2000-01-03"}, [1, 2]),
        ({"time": "2000-01-03/.."}, [1, 4]),
        ({"depth": (1, 3)}, [1, 3]),
        ({"region": (177, -5, -177, 5), "time": "2000", "depth": (4, 6)}, [0]),
    ],
)
def test_points_are_chosen_one_by_one(track: xr.Dataset, asked: dict[str, object], left: list[int]) -> None:
    given = {"region": None, "time": None, "depth": None} | asked
    part, taken = selected(track, **given)  # type: ignore[arg-type]
    assert part["temp"].to_numpy().tolist() == left
    assert taken["obs"].tolist() == left
    assert in_blocks(part, taken, "auto")["temp"].to_numpy().tolist() == left


def test_no_point_there(track: xr.Dataset) -> None:
    with pytest.raises(RegionError, match="none of 5 points lies in"):
        selected(track, (0, 0, 10, 10), None, None)
    with pytest.raises(NotFoundError, match="the dataset runs from 2000-01-01"):
        selected(track, None, "1999", None)


def test_times_that_fall_are_selected_too() -> None:
    ds = xr.Dataset({"a": ("time", [1, 2, 3])}, {"time": np.array(["2002", "2001", "2000"], "M8[ns]")})
    assert selected(ds, None, "2000/2001", None)[0]["a"].to_numpy().tolist() == [2, 3]


def test_times_without_dates_or_in_two_dimensions() -> None:
    numbers = xr.Dataset(coords={"time": [1.0, 2.0]})
    with pytest.raises(InputError, match="numbers without dates"):
        selected(numbers, None, "2000", None)
    plane = xr.Dataset(coords={"time": (("x", "y"), np.zeros((2, 2), "M8[ns]"))})
    with pytest.raises(InputError, match="has 2 dimensions"):
        selected(plane, None, "2000", None)


def test_one_instant_is_in_its_period_or_not() -> None:
    ds = xr.Dataset({"a": ("x", [1, 2])}, {"time": np.datetime64("2000-05-01", "ns")})
    assert selected(ds, None, "2000-05", None)[0].sizes["x"] == 2
    with pytest.raises(NotFoundError, match="no time step"):
        selected(ds, None, "2001", None)
