"""What one dataset says of itself."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from oceandata.catalog.scan.facts import PlaceFacts, describe_dataset
from oceandata.storage.files import open_file


def test_a_real_file(ostia_file: Path) -> None:
    with open_file(ostia_file) as ds:
        facts = describe_dataset(ds, "/d/ostia.nc", nbytes=5, ends="x")
    assert facts.time is not None
    assert (facts.time.name, facts.time.count, facts.time.is_axis) == ("time", 54, True)
    assert facts.time.first == np.datetime64("2006-04-16", "s").astype(int)
    assert facts.extent.time_resolution == "P1M"
    assert facts.variables["surface_temperature"].shape == (54, 18, 432)
    assert PlaceFacts.from_json(facts.to_json()) == facts


def _ds(**changes: object) -> xr.Dataset:
    given = {"lat": [0.0, 1.0], "units": "K", "name": "sst"} | changes
    return xr.Dataset(
        {given["name"]: (("t", "lat"), np.zeros((1, 2)), {"units": given["units"]})},
        {"t": [np.datetime64("2000-01-01", "ns")], "lat": given["lat"]},
    )


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({}, ""),
        ({"lat": [0.0, 2.0]}, "grid"),
        ({"lat": [1e-9, 1.0]}, "grid"),
        ({"units": "degC"}, "schema"),
        ({"name": "x"}, "schema"),
    ],
    ids=["same", "grid", "noise about zero", "units", "names"],
)
def test_digests_tell_what_must_agree(changes: dict[str, object], differs: str) -> None:
    one, other = describe_dataset(_ds(), "a"), describe_dataset(_ds(**changes), "b")
    assert (one.schema_digest != other.schema_digest) == (differs == "schema")
    assert (one.grid_digest != other.grid_digest) == (differs == "grid")


def test_misspelt_units_and_values_of_a_file() -> None:
    ds = _ds().assign(made=((), 5), long=("x", np.zeros(10_000)))
    ds["sst"].attrs = {"Unit": " K "}
    facts = describe_dataset(ds, "a")
    assert facts.hints == {"sst": "K"}
    assert list(facts.fixed) == ["made"]


def test_times_that_cannot_be_ordered_are_none() -> None:
    missing = _ds().assign_coords(t=[np.datetime64("NaT", "ns")])
    assert describe_dataset(missing, "a").time is None
    both = xr.Dataset(coords={"time": (("x", "y"), np.zeros((2, 2), "M8[ns]"))})
    assert describe_dataset(both, "a").time is None
