"""Events of OpenLineage: what was read for a written result, in the form of the specification."""

import json
import os
import re
import uuid
from datetime import UTC, datetime

import pytest
import xarray as xr

from oceandata.errors import NotFoundError
from oceandata.trade import read_stamp, write_result
from oceandata.trade.exports import lineage_event


@pytest.fixture
def written(sst, other, tmp_path):
    """A mean of two products, on the disk."""
    result = (sst.isel(time=slice(0, 12)).mean("time") + other.isel(time=0)).rename("both")
    return write_result(result, tmp_path / "both.nc")


def test_an_event_has_what_the_specification_asks_for(written):
    event = lineage_event(written.path, job="both")
    assert set(event) == {"eventType", "eventTime", "producer", "schemaURL", "run", "job", "inputs", "outputs"}
    assert event["eventType"] == "COMPLETE"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["eventTime"])
    assert event["schemaURL"] == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
    uuid.UUID(event["run"]["runId"])
    assert (event["job"]["namespace"], event["job"]["name"]) == ("oceandata", "both")
    facets = [event["run"]["facets"], *(one["facets"] for one in event["inputs"])]
    facets += [one["inputFacets"] for one in event["inputs"]] + [one["outputFacets"] for one in event["outputs"]]
    for facet in (one for several in facets for one in several.values()):
        assert facet["_producer"] == event["producer"]
        assert ":" in facet["_schemaURL"]
    json.dumps(event, allow_nan=False)


def test_inputs_are_those_of_the_lineage(written):
    event = lineage_event(written.path)
    found = {one["name"]: one for one in event["inputs"]}
    assert set(found) == {"example:first", "example:second"}
    for planned in written.lineage.planned:
        one = found[planned.origin.product]
        assert one["inputFacets"]["inputStatistics"]["size"] == planned.stored_bytes
        assert one["inputFacets"]["inputStatistics"]["fileCount"] == len(planned.chunks)
        assert planned.origin.snapshot in one["facets"]["version"]["datasetVersion"]
        assert one["facets"]["oceandata_tradeUse"]["licence"] == planned.origin.licence
    assert found["example:first"]["facets"]["oceandata_tradeUse"]["productRevision"] == 1
    assert "productRevision" not in found["example:second"]["facets"]["oceandata_tradeUse"]
    use = event["run"]["facets"]["oceandata_tradeUse"]
    assert use["unique_bytes"] == written.usage.unique_bytes
    assert use["unattributed"] == []
    assert event["outputs"][0]["outputFacets"]["outputStatistics"]["size"] == written.path.stat().st_size


def test_what_is_of_unknown_source_is_told(sst, tmp_path):
    known = xr.DataArray([1.0] * sst.sizes["longitude"], dims="longitude")
    written = write_result((sst.isel(time=0) + known).rename("sum"), tmp_path / "sum.nc")
    told = lineage_event(written.path)["run"]["facets"]["oceandata_tradeUse"]["unattributed"]
    assert told == list(written.lineage.unattributed) != []


def test_the_same_file_gives_the_same_event(written):
    os.utime(written.path, (1_700_000_000, 1_700_000_000))
    event = lineage_event(written.path)
    assert event == lineage_event(written.path)
    assert event["eventTime"] == "2023-11-14T22:13:20Z"
    later = lineage_event(written.path, at=datetime(2026, 1, 1, tzinfo=UTC))
    assert later["eventTime"] == "2026-01-01T00:00:00Z"
    assert later["run"]["runId"] == event["run"]["runId"]


def test_no_path_of_this_machine_leaves_it(written, tmp_path):
    assert str(tmp_path) not in json.dumps(lineage_event(written.path))
    assert str(written.path.parent) not in json.dumps(lineage_event(written.path))
    assert read_stamp(written.path)[0].planned


def test_a_file_without_lineage(tmp_path):
    xr.Dataset({"a": 1}).to_netcdf(tmp_path / "plain.nc")
    with pytest.raises(NotFoundError, match="carries no lineage"):
        lineage_event(tmp_path / "plain.nc")
