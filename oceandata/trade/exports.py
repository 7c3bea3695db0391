"""What was made of what, in the words of others: a COMPLETE event of OpenLineage for a written result."""

import os
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import oceandata
from oceandata.trade.inputs import Input, Lineage
from oceandata.trade.stamp import read_stamp

__all__ = ["lineage_event"]

_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_VERSION = f"{_SPEC}/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet"
_READ = f"{_SPEC}/facets/1-0-0/InputStatisticsInputDatasetFacet.json#/$defs/InputStatisticsInputDatasetFacet"
_WRITTEN = f"{_SPEC}/facets/1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet"

#: Of the facet with what a run owes, which OpenLineage does not name.
_TRADE_USE = "urn:oceandata:facets:tradeUse:1"

_RUNS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:oceandata:runs")


def lineage_event(
    path: str | os.PathLike[str], *, job: str = "oceandata", at: datetime | None = None
) -> dict[str, Any]:
    """
    Event of OpenLineage that tells what a written result was made of.

    The same file gives the same event: its run is named after what is stamped on it. No path of this machine goes in.

    Parameters
    ----------
    path : path
        What `oceandata.trade.write_result` or `write_subset` made.
    job : str
        What the work is called.
    at : datetime, optional
        When it was finished; when the file was written by default.

    Returns
    -------
    dict
        JSON types, as version 2-0-2 of the specification has a ``RunEvent``. The facet ``oceandata_tradeUse`` of an
        input has product, revision, licence, attribution and bytes; that of the run has what is of unknown source.

    Raises
    ------
    NotFoundError
        If there is no such file, or it carries no lineage.
    InputError
        If it cannot be read.

    References
    ----------
    OpenLineage specification, version 2-0-2.
    """
    path = Path(path)
    made_of, usage = read_stamp(path)
    done = at or datetime.fromtimestamp(path.stat().st_mtime, UTC)
    named = repr((path.name, made_of.to_json(), dict(usage)))
    return {
        "eventType": "COMPLETE",
        "eventTime": done.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "producer": _producer(),
        "schemaURL": _EVENT,
        "run": {"runId": str(uuid.uuid5(_RUNS, named)), "facets": _run_facets(made_of, usage)},
        "job": {"namespace": "oceandata", "name": job, "facets": {}},
        "inputs": [_input(inputs) for inputs in _by_dataset(made_of)],
        "outputs": [
            {
                "namespace": "oceandata",
                "name": path.name,
                "facets": {},
                "outputFacets": {"outputStatistics": _facet(_WRITTEN, {"size": _size(path)})},
            }
        ],
    }


def _producer() -> str:
    return f"urn:oceandata:{oceandata.__version__}"


def _facet(schema: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"_producer": _producer(), "_schemaURL": schema, **fields}


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return (
        path.stat().st_size if path.is_file() else sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
    )


def _run_facets(made_of: Lineage, usage: Mapping[str, Any]) -> dict[str, Any]:
    """What was served in all, and what is of unknown source."""
    counted = {name: usage[name] for name in ("unique_bytes", "gross_bytes", "complete") if name in usage}
    return {
        "oceandata_tradeUse": _facet(_TRADE_USE, counted | {"unattributed": list(made_of.unattributed)}),
    }


def _by_dataset(made_of: Lineage) -> list[list[Input]]:
    """Inputs that are data, those of one state of one dataset together."""
    found: dict[tuple[str, str, str], list[Input]] = {}
    for one in made_of.planned:
        found.setdefault((one.origin.name, one.origin.snapshot, one.origin.group), []).append(one)
    return [found[key] for key in sorted(found)]


def _input(inputs: list[Input]) -> dict[str, Any]:
    """One dataset that was read."""
    origin = inputs[0].origin
    stored, chunks = sum(one.stored_bytes for one in inputs), sum(len(one.chunks) for one in inputs)
    use: dict[str, Any] = {
        "product": origin.product,
        "productRevision": origin.product_revision,
        "entry": origin.entry,
        "licence": origin.licence,
        "attribution": origin.attribution,
        "layout": origin.group,
        "variables": sorted(one.variable for one in inputs),
        "chunks": chunks,
        "storedBytes": stored,
    }
    version = origin.revision or origin.snapshot
    return {
        "namespace": "oceandata",
        "name": origin.product or origin.entry or "unnamed",
        "facets": {
            "version": _facet(_VERSION, {"datasetVersion": f"{version} {origin.snapshot}".strip()}),
            "oceandata_tradeUse": _facet(
                _TRADE_USE, {name: value for name, value in use.items() if value not in (None, "")}
            ),
        },
        "inputFacets": {"inputStatistics": _facet(_READ, {"size": stored, "fileCount": chunks})},
    }
