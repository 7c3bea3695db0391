"""What one revision of a repository holds: read from metadata and the recorded leaves, never from the data."""

import dataclasses
import math
import os
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import xarray as xr

from oceandata.entities import Extent, SourceFile, Variable
from oceandata.errors import InputError, NotFoundError, closest
from oceandata.storage.extents import extent_of
from oceandata.storage.layout import Layout, read_layout
from oceandata.storage.stores import canonical_url, lookup_revision, open_repository
from oceandata.storage.virtual_packing import decoded_document

if TYPE_CHECKING:
    import icechunk
    from zarr.abc.store import Store

__all__ = [
    "RevisionSummary",
    "commit_facts",
    "data_names",
    "describe_revision",
    "extent_of",
    "layouts_of",
    "open_layout",
    "require_layout",
    "revision_as_of",
]


# What is told of a source; the folder of one that stays in place is not.
_SOURCE = ("name", "nbytes", "sha256")


@dataclasses.dataclass(frozen=True)
class RevisionSummary:
    """
    Everything an entry must know of a revision.

    Attributes
    ----------
    url : str
        Where the repository is.
    group, access : str
        The layout and what its chunks were made for.
    revision, snapshot, content_root : str
        Tag, snapshot id and root digest.
    stored_bytes, decoded_bytes, chunks : int
        Size of the data arrays (coordinates not counted).
    variables : dict of str to Variable
        Data variables by native name.
    extent : Extent
        Where, when and how deep.
    attributes : dict
        Global attributes of the dataset (ACDD).
    sources : tuple of SourceFile
        Files it was made from.
    created : datetime
        When the revision was committed, UTC.
    """

    url: str
    group: str
    access: str
    revision: str
    snapshot: str
    content_root: str
    stored_bytes: int
    decoded_bytes: int
    chunks: int
    variables: dict[str, Variable]
    extent: Extent
    attributes: dict[str, object]
    sources: tuple[SourceFile, ...]
    created: datetime


def commit_facts(repository: "icechunk.Repository", snapshot: str) -> dict[str, Any]:
    """
    What was recorded when a snapshot was committed.

    Parameters
    ----------
    repository : icechunk.Repository
        The repository.
    snapshot : str
        Snapshot id.

    Returns
    -------
    dict
        Commit metadata without the ``oceandata.`` prefix, with ``written_at``.
    """
    info = repository.lookup_snapshot(snapshot)
    facts = {key.removeprefix("oceandata."): value for key, value in dict(info.metadata).items()}
    return facts | {"written_at": info.written_at}


def layouts_of(facts: dict[str, Any]) -> dict[str, dict[str, str]]:
    """
    Layouts that a revision holds.

    Revisions written before there were several layouts name only one.

    Parameters
    ----------
    facts : dict
        From `commit_facts`.

    Returns
    -------
    dict of str to dict
        ``access`` and ``content_root`` of each layout by name, the primary first; empty if nothing is published.
    """
    if "group" not in facts:
        return {}
    primary = {str(facts["group"]): {"access": str(facts["access"]), "content_root": str(facts["content_root"])}}
    return primary | {str(name): dict(layout) for name, layout in sorted(dict(facts.get("layouts", {})).items())}


def require_layout(facts: dict[str, Any], layout: str, where: str) -> str:
    """
    Name of a layout of a revision.

    Parameters
    ----------
    facts : dict
        From `commit_facts`.
    layout : str
        A name; empty for the primary.
    where : str
        What to call the revision in an error.

    Returns
    -------
    str
        The name.

    Raises
    ------
    NotFoundError
        If the revision has no such layout, or nothing was published yet.
    """
    layouts = layouts_of(facts)
    if not layouts:
        msg = f"{where} has no published revision yet. Finish its ingest first."
        raise NotFoundError(msg)
    if layout and layout not in layouts:
        msg = f"{where} has no layout {layout!r} in this revision. {closest(layout, list(layouts))}"
        raise NotFoundError(msg)
    return layout or next(iter(layouts))


def revision_as_of(repository: "icechunk.Repository", as_of: "str | datetime") -> str:
    """
    Newest revision that was published at or before an instant.

    Parameters
    ----------
    repository : icechunk.Repository
        The repository.
    as_of : str or datetime
        ISO 8601, UTC if it names no zone: ``"2026-11-01T12:00"``; a date alone is its first instant.

    Returns
    -------
    str
        The tag.

    Raises
    ------
    InputError
        If `as_of` is no instant.
    NotFoundError
        If nothing was published by then.
    """
    try:
        instant = as_of if isinstance(as_of, datetime) else datetime.fromisoformat(as_of)
    except (TypeError, ValueError) as error:
        msg = f"as_of is {as_of!r}, need an instant such as '2026-11-01' or '2026-11-01T12:00Z'."
        raise InputError(msg) from error
    instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    published = sorted(
        (repository.lookup_snapshot(repository.lookup_tag(tag)).written_at, tag) for tag in repository.list_tags()
    )
    before = [tag for written_at, tag in published if written_at <= instant]
    if not before:
        first = (
            f"the first, {published[0][1]}, is of {published[0][0]:%Y-%m-%d %H:%M:%S}" if published else "none is yet"
        )
        msg = f"no revision was published by {instant:%Y-%m-%d %H:%M:%S} UTC; {first}."
        raise NotFoundError(msg)
    return before[-1]


def data_names(documents: dict[str, dict[str, Any]]) -> list[str]:
    """
    Names of the data variables among the arrays of a layout.

    Coordinates, bounds, grid mappings and scalars are not data.

    Parameters
    ----------
    documents : dict of str to dict
        ``zarr.json`` of each array, by name.

    Returns
    -------
    list of str
        Sorted.
    """
    named: set[str] = set()
    for document in documents.values():
        attributes = document.get("attributes", {})
        for key in ("bounds", "coordinates", "grid_mapping", "climatology", "cell_measures"):
            named.update(str(attributes.get(key, "")).split())
    found = []
    for name, document in documents.items():
        dims = document.get("dimension_names") or ()
        if name and dims and name not in dims and name not in named:
            found.append(name)
    return sorted(found)


def _variable(document: dict[str, Any]) -> Variable:
    attributes = document.get("attributes", {})
    shape = tuple(document["shape"])
    kind = np.dtype(document["data_type"])
    return Variable(
        dimensions=tuple(document["dimension_names"]),
        shape=shape,
        chunks=tuple(document["chunk_grid"]["configuration"]["chunk_shape"]),
        dtype=str(document["data_type"]),
        units=str(attributes.get("units", "")),
        standard_name=str(attributes.get("standard_name", "")),
        long_name=str(attributes.get("long_name", "")),
        long_name_zh=str(attributes.get("long_name_zh", "")),
        cell_methods=str(attributes.get("cell_methods", "")),
        nbytes=math.prod(shape) * kind.itemsize,
    )


def _sizes(layout: Layout, names: list[str]) -> tuple[int, int]:
    """Stored bytes and number of chunks of some arrays."""
    leaves = [layout.leaves[name] for name in names]
    return sum(one.total_bytes for one in leaves), sum(one.stored_bytes.size for one in leaves)


def open_layout(store: "Store", group: str) -> xr.Dataset:
    """
    Decoded dataset of a layout, without Dask.

    Times are to the microsecond, because nanoseconds end in 2262.

    Parameters
    ----------
    store : zarr.abc.store.Store
        Store at the root of the repository.
    group : str
        Name of the layout.

    Returns
    -------
    xarray.Dataset
        Lazy.
    """
    times = xr.coders.CFDatetimeCoder(time_unit="us")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xr.SerializationWarning)
        return xr.open_dataset(
            cast("Any", store), engine="zarr", group=group, consolidated=False, chunks=None, decode_times=times
        )


def describe_revision(url: str | os.PathLike[str], *, revision: str = "", layout: str = "") -> RevisionSummary:
    """
    Describe a revision of a repository, as one of its layouts stores it.

    Metadata, coordinates and recorded leaves are read, data are not.

    Parameters
    ----------
    url : str or path
        The repository.
    revision : str
        A tag; the newest revision by default.
    layout : str
        Name of a layout; the primary by default.

    Returns
    -------
    RevisionSummary
        What an entry needs to know.

    Raises
    ------
    NotFoundError
        If there is no repository, no such revision or layout, or nothing was published yet.
    """
    repository = open_repository(url)
    tag, snapshot = lookup_revision(repository, revision)
    facts = commit_facts(repository, snapshot)
    group = require_layout(facts, layout, f"{canonical_url(url)} {tag}".strip())
    store = repository.readonly_session(snapshot_id=snapshot).store
    recorded = read_layout(store, group)
    arrays = {name: document for name, document in recorded.documents.items() if name}
    names = data_names(arrays)
    with warnings.catch_warnings(), open_layout(store, group) as ds:
        warnings.simplefilter("ignore", xr.SerializationWarning)
        extent, attributes = extent_of(ds), {str(key): value for key, value in ds.attrs.items()}
    decoded = [decoded_document(name, arrays[name]) for name in names]
    variables = {name: _variable(document) for name, document in decoded}
    stored_bytes, chunks = _sizes(recorded, names)
    chosen = layouts_of(facts)[group]
    return RevisionSummary(
        url=canonical_url(url),
        group=group,
        access=chosen["access"],
        revision=tag,
        snapshot=snapshot,
        content_root=chosen["content_root"],
        stored_bytes=stored_bytes,
        decoded_bytes=sum(variable.nbytes or 0 for variable in variables.values()),
        chunks=chunks,
        variables=variables,
        extent=extent,
        attributes=attributes,
        sources=tuple(SourceFile(**{key: source[key] for key in _SOURCE}) for source in facts["sources"]),
        created=facts["written_at"],
    )
