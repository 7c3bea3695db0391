"""What a revision says of itself: from metadata and coordinates alone, and never a guess."""

from datetime import UTC, datetime

import numpy as np
import pytest
import xarray as xr

from oceandata.errors import NotFoundError
from oceandata.storage import counted_reads, describe_revision, open_repository, plan_ingest, write_repository
from oceandata.storage.revisions import commit_facts, data_names, extent_of
from oceandata.storage.stores import create_repository


def test_the_real_file(ostia_revision, ostia_file):
    found = describe_revision(ostia_revision.url, revision="r1")
    assert found == ostia_revision
    assert describe_revision(ostia_revision.url) == ostia_revision
    sst = found.variables["surface_temperature"]
    assert (sst.shape, sst.units, sst.dtype) == ((54, 18, 432), "K", "float32")
    assert sst.nbytes == 54 * 18 * 432 * 4
    assert found.extent.time == (datetime(2006, 4, 16, tzinfo=UTC), datetime(2010, 9, 16, tzinfo=UTC))
    assert found.extent.time_resolution == "P1M"
    assert found.sources[0].nbytes == ostia_file.stat().st_size
    assert 0 < found.stored_bytes < found.decoded_bytes


def test_nothing_published_yet_and_no_such_revision(tmp_path, ostia_revision):
    create_repository(tmp_path / "empty")
    with pytest.raises(NotFoundError, match="no published revision"):
        describe_revision(tmp_path / "empty")
    with pytest.raises(NotFoundError, match="'r1'"):
        describe_revision(ostia_revision.url, revision="r9")
    with pytest.raises(NotFoundError, match="no repository"):
        describe_revision(tmp_path / "none")


def test_facts_of_the_commit(ostia_revision):
    facts = commit_facts(open_repository(ostia_revision.url), ostia_revision.snapshot)
    assert facts["content_root"] == ostia_revision.content_root
    assert facts["written_at"] == ostia_revision.created


def test_product_ids_are_kept_and_cannot_replace_what_was_measured(ocean_file, tmp_path):
    metadata = {"product": "p-1", "content_root": "sha256:forged", "steps": "0"}
    summary = write_repository(plan_ingest([ocean_file("a.nc")], tmp_path / "r", metadata=metadata))
    facts = commit_facts(open_repository(tmp_path / "r"), summary.snapshot)
    assert facts["product"] == "p-1"
    assert facts["content_root"] == summary.content_root != "sha256:forged"


def test_data_are_not_read(ostia_revision):
    with counted_reads() as reads:
        describe_revision(ostia_revision.url)
    assert not [read for read in reads.counts if "surface_temperature/c/" in read.key]


def test_coordinates_bounds_and_scalars_are_no_data():
    def document(dims, **attributes):
        return {"dimension_names": dims, "attributes": attributes}

    documents = {
        "sst": document(["time", "y", "x"], coordinates="lat lon", grid_mapping="crs"),
        "lat": document(["y", "x"]),
        "lon": document(["y", "x"]),
        "time": document(["time"], bounds="time_bnds"),
        "time_bnds": document(["time", "nv"]),
        "crs": document([]),
        "ice": document(["time", "y", "x"]),
    }
    assert data_names(documents) == ["ice", "sst"]


def _grid(lon, lat=(-10.0, 0.0, 10.0), **more):
    ds = xr.Dataset(coords={"lon": ("lon", np.asarray(lon, "f8")), "lat": ("lat", np.asarray(lat, "f8"))})
    ds["lon"].attrs = {"units": "degrees_east", "standard_name": "longitude"}
    ds["lat"].attrs = {"units": "degrees_north", "standard_name": "latitude"}
    return ds.assign_coords(more)


@pytest.mark.parametrize(
    ("lon", "west_east"),
    [
        (np.arange(0.5, 360), (-180, 180)),
        (np.arange(-179.5, 180), (-180, 180)),
        (np.arange(100.0, 131, 10), (95, 135)),
        (np.arange(330.0, 391, 10), (-35, 35)),
        (np.arange(170.0, 201, 10), (165, -155)),
        (np.arange(185.0, 360, 10), (-180, 0)),
    ],
)
def test_boxes(lon, west_east):
    assert extent_of(_grid(lon)).bbox == (west_east[0], -15.0, west_east[1], 15.0)


def test_box_of_descending_latitudes_ends_at_the_pole():
    assert extent_of(_grid([0, 10], lat=[90, 80, 70])).bbox == (-5.0, 65.0, 15.0, 90.0)


@pytest.mark.parametrize("name", ["projection_y_coordinate", "grid_latitude"])
def test_projected_and_rotated_grids_have_no_box(name):
    ds = _grid([0, 10], lat=[5000, 6000] if name.startswith("p") else [1, 2])
    ds["lat"].attrs = {"standard_name": name, "axis": "Y", "units": "m" if name.startswith("p") else "degrees"}
    assert extent_of(ds).bbox is None


@pytest.mark.parametrize(
    ("values", "attributes", "depths"),
    [
        ([0, 100], {"units": "m", "positive": "down", "standard_name": "depth"}, (0, 100)),
        ([-100, -5], {"units": "m", "positive": "up", "standard_name": "depth"}, (5, 100)),
        ([-100, -5], {"units": "m", "standard_name": "depth"}, (5, 100)),
        ([50, 1000], {"units": "cm", "positive": "down", "standard_name": "depth"}, (0.5, 10)),
        ([2, 10], {"units": "m", "positive": "up", "standard_name": "height"}, None),
        ([2, 10], {"units": "m", "standard_name": "height"}, None),
        ([2, 10], {"units": "dbar", "positive": "down", "standard_name": "sea_water_pressure"}, None),
        ([2, np.nan], {"units": "m", "positive": "down", "standard_name": "depth"}, None),
    ],
)
def test_depths(values, attributes, depths):
    level = xr.DataArray(np.asarray(values, "f8"), dims="level", attrs=attributes | {"axis": "Z"})
    assert extent_of(_grid([0, 10], level=level)).depth_m == depths


@pytest.mark.parametrize(
    ("units", "calendar", "first"),
    [
        ("days since 2000-01-01", "standard", datetime(2000, 1, 1, tzinfo=UTC)),
        ("days since 2000-02-29", "360_day", datetime(2000, 2, 29, tzinfo=UTC)),
        ("days since 2001-02-30", "360_day", datetime(2001, 2, 28, tzinfo=UTC)),
        ("days since 2400-01-01", "noleap", datetime(2400, 1, 1, tzinfo=UTC)),
        ("days since 2400-01-01", "standard", datetime(2400, 1, 1, tzinfo=UTC)),
    ],
)
def test_times_in_any_calendar(ocean_file, tmp_path, units, calendar, first):
    summary = write_repository(plan_ingest([ocean_file("a.nc", time_units=units, calendar=calendar)], tmp_path / "r"))
    assert summary.extent.time[0] == first
    assert summary.extent.time_resolution == "P1D"
