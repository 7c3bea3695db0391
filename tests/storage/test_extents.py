"""Where, when and how deep: grids by their edges, points as they are."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from oceandata.storage.extents import extent_of
from oceandata.storage.files import open_file


def _points(lon: list[float], lat: list[float], **more: Any) -> xr.Dataset:
    return xr.Dataset(
        coords={
            "lon": ("obs", lon, {"standard_name": "longitude"}),
            "lat": ("obs", lat, {"standard_name": "latitude"}),
            **more,
        }
    )


@pytest.mark.parametrize(
    ("lon", "lat", "bbox"),
    [
        ([5.0, 3.0, 4.0], [1.0, 3.0, 2.0], (3, 1, 5, 3)),
        ([179.0, -179.0, 178.0], [0.0, 1.0, 2.0], (178, 0, -179, 2)),
        ([359.0, 1.0, 2.0], [0.0, 1.0, 2.0], (-1, 0, 2, 2)),
        ([5.0, 99999.0, 3.0], [1.0, 99999.0, 3.0], (3, 1, 5, 3)),
        ([np.nan, 3.0], [np.nan, 3.0], (3, 3, 3, 3)),
        (list(np.arange(0.0, 720, 2) % 360), list(np.zeros(360)), (-180, 0, 180, 0)),
    ],
    ids=["unsorted", "date line", "Greenwich", "undeclared fill", "missing", "all around"],
)
def test_points(lon: list[float], lat: list[float], bbox: tuple[float, ...]) -> None:
    assert extent_of(_points(lon, lat)).bbox == pytest.approx(bbox)


def test_nothing_on_the_globe_is_unknown() -> None:
    assert extent_of(_points([9e9, 9e9], [9e9, 9e9])).bbox is None
    assert extent_of(xr.Dataset()).bbox is None


def test_a_grid_reaches_to_its_edges(ostia_file: Path) -> None:
    with open_file(ostia_file) as ds:
        extent = extent_of(ds)
    assert extent.bbox == pytest.approx((-180, -5.278, 180, 4.722), abs=1e-3)
    assert extent.time == (datetime(2006, 4, 16, tzinfo=UTC), datetime(2010, 9, 16, tzinfo=UTC))
    assert extent.time_resolution == "P1M"


def test_times_of_points_may_be_unsorted_and_missing() -> None:
    times = np.array(["2001-01-05", "NaT", "2000-03-01"], "M8[us]")
    extent = extent_of(_points([1.0, 2, 3], [1.0, 2, 3], time=("obs", times, {"standard_name": "time"})))
    assert extent.time == (datetime(2000, 3, 1, tzinfo=UTC), datetime(2001, 1, 5, tzinfo=UTC))
    assert extent.time_resolution == ""


def test_depths_of_points_leave_out_what_is_missing() -> None:
    depth = ("obs", [5.0, np.nan, 2.0], {"standard_name": "depth", "units": "m", "positive": "down"})
    assert extent_of(_points([1.0, 2, 3], [1.0, 2, 3], z=depth)).depth_m == (2, 5)


def test_a_large_curvilinear_grid_is_known_by_its_border(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oceandata.storage.extents._READ_BYTES", 100)
    lat, lon = np.meshgrid(np.linspace(10, 20, 11), np.linspace(30, 50, 21), indexing="ij")
    about = {"lat": {"standard_name": "latitude"}, "lon": {"standard_name": "longitude"}}
    ds = xr.Dataset(coords={"lat": (("y", "x"), lat, about["lat"]), "lon": (("y", "x"), lon, about["lon"])})
    assert extent_of(ds).bbox == pytest.approx((30, 10, 50, 20))
