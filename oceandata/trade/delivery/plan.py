"""What a delivery will be, told before a byte is copied."""

import dataclasses
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from oceandata import cf
from oceandata._html import human_bytes
from oceandata.errors import CorruptionError, InputError, NotFoundError, RepositoryExistsError
from oceandata.storage.integrity import ABSENT
from oceandata.storage.layout import Layout, layout_root, read_layout
from oceandata.storage.opening import open_dataset, stored_ranges
from oceandata.storage.revisions import data_names
from oceandata.storage.stores import lookup_revision, open_repository
from oceandata.storage.virtual_access import read_session
from oceandata.trade.delivery.grants import Grant, check_cells, check_variables
from oceandata.trade.delivery.selecting import ArrayBox, array_boxes
from oceandata.trade.subset import Request, SubsetPlan, plan_subset
from oceandata.trade.subset.staging import Staging, work_digest

if TYPE_CHECKING:
    import xarray as xr
    from zarr.abc.store import Store

    from oceandata.catalog import Catalog

__all__ = ["DeliveryPlan", "check_limit", "plan_clipped", "plan_delivery", "planned_subset"]


@dataclasses.dataclass(frozen=True)
class DeliveryPlan:
    """
    A delivery that can be written; nothing was written to make it.

    Attributes
    ----------
    grant : Grant
        The entitlement, the product and the revision.
    target : pathlib.Path
        Folder that will be made.
    mode : str
        ``whole-chunk`` or ``clipped``.
    repository : str
        Where the revision is.
    asked : dict
        The selection in JSON types, with what the entitlement adds.
    variables : tuple of str
        Native names.
    cells : dict of str to tuple of (int, int)
        Positions that meet the selection, by dimension; empty if it is clipped.
    boxes : tuple of ArrayBox
        Chunks of each array; empty if it is clipped.
    layout : Layout or None
        Documents and leaves of the revision; None if it is clipped.
    store : zarr.abc.store.Store or None
        Where the chunks are; None if it is clipped.
    subset : SubsetPlan or None
        What will be cut out, if it is clipped.
    catalog : Catalog or None
        Of the entry that is cut, if it is clipped.
    suffix : str
        ``.zarr`` or ``.nc``.
    stored_bytes : int
        Of the chunks that will be copied; of a clipped delivery about what it will take.
    free_bytes : int
        Free on the disk of the target.
    digest : str
        Of the work: equal plans continue each other.
    """

    grant: Grant
    target: Path
    mode: Literal["whole-chunk", "clipped"]
    repository: str
    asked: dict[str, Any]
    variables: tuple[str, ...]
    cells: dict[str, tuple[tuple[int, int], ...]]
    boxes: tuple[ArrayBox, ...]
    layout: Layout | None
    store: "Store | None"
    subset: SubsetPlan | None
    catalog: "Catalog | None"
    suffix: str
    stored_bytes: int
    free_bytes: int
    digest: str

    @property
    def chunks(self) -> int:
        """Chunks that are stored."""
        return sum(_stored(self.layout, box)[0] for box in self.boxes) if self.layout else 0

    @property
    def chunks_absent(self) -> int:
        """Chunks that are not stored because every value is missing."""
        return sum(box.count for box in self.boxes) - self.chunks

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        revision = self.grant.revision
        return {
            "entitlement": self.grant.entitlement.id,
            "product": self.grant.product.id,
            "revision": revision.number,
            "tag": revision.tag,
            "snapshot": revision.snapshot,
            "content_root": revision.content_root,
            "mode": self.mode,
            "target": str(self.target),
            "asked": self.asked,
            "variables": list(self.variables),
            "cells": {dim: [list(part) for part in ranges] for dim, ranges in self.cells.items()},
            "chunks": self.chunks,
            "chunks_absent": self.chunks_absent,
            "stored_bytes": self.stored_bytes,
            "free_bytes": self.free_bytes,
        }

    def facts(self) -> list[tuple[str, str]]:
        """
        Names and values for people.

        Returns
        -------
        list of (str, str)
            The same facts in terminals and notebooks.
        """
        revision, held = self.grant.revision, human_bytes(self.stored_bytes)
        whole = f"{self.chunks} stored chunks byte for byte, {self.chunks_absent} absent ones, {held}"
        return [
            ("entitlement", self.grant.entitlement.id),
            ("product", f"{self.grant.product.id}, revision {revision.number} ({revision.tag})"),
            ("content root", revision.content_root),
            ("asked", ", ".join(f"{name} {value}" for name, value in self.asked.items()) or "all of it"),
            ("variables", ", ".join(self.variables)),
            ("mode", "whole chunks, proven" if self.mode == "whole-chunk" else "clipped, attested by the signature"),
            ("to write", whole if self.mode == "whole-chunk" else f"about {held}"),
            ("to", str(self.target)),
            ("free disk", human_bytes(self.free_bytes)),
        ]

    def __str__(self) -> str:
        return "\n".join(f"{name:<14}{value}" for name, value in self.facts())

    def _repr_html_(self) -> str:
        from oceandata import _html

        return _html.facts(self.facts(), title="Delivery")


def _stored(layout: Layout, box: ArrayBox) -> tuple[int, int]:
    """Number and bytes of the stored chunks of a box."""
    sizes = layout.leaves[box.name].stored_bytes
    taken = [np.concatenate([np.arange(a, b) for a, b in part] or [np.arange(0)]) for part in box.ranges]
    found = sizes[np.ix_(*taken)] if taken else sizes
    found = found[found != ABSENT]
    return int(found.size), int(found.sum())


def _asked(
    grant: Grant,
    bbox: Sequence[float] | None,
    time: str | None,
    depth: Sequence[float] | None,
    variables: Sequence[str] | str,
) -> dict[str, Any]:
    """Selection in JSON types: what was asked, else what the entitlement allows."""
    scope = grant.scope
    names = [variables] if isinstance(variables, str) else list(variables)
    period = "/".join(f"{one:%Y-%m-%dT%H:%M:%S}" for one in scope.time) if scope.time else None
    asked = {
        "bbox": list(bbox) if bbox is not None else list(scope.bbox) if scope.bbox else None,
        "time": time if time is not None else period,
        "depth": list(depth) if depth is not None else list(scope.depth_m) if scope.depth_m else None,
        "variables": names or list(scope.variables) or None,
    }
    return {name: value for name, value in asked.items() if value is not None}


def _target(target: str | os.PathLike[str], digest: str) -> Path:
    """Folder to make; refused if anything is there, unless an unfinished run has just put it there."""
    path = Path(target).absolute()
    if not path.parent.is_dir():
        msg = f"folder {path.parent} does not exist. Create it first."
        raise NotFoundError(msg)
    staging = Staging(path)
    if (path.exists() or path.is_symlink()) and not (staging.load() == digest and staging.published):
        msg = f"{path} exists already. Choose another place, or remove it first."
        raise RepositoryExistsError(msg)
    return path


def _digest(grant: Grant, target: Path, asked: Mapping[str, Any], mode: str, suffix: str) -> str:
    """Of everything that decides what the package holds."""
    return work_digest(
        {
            "entitlement": grant.entitlement.to_json(),
            "product": grant.product.to_json(),
            "revision": grant.revision.to_json(),
            "purpose": grant.purpose,
            "name": target.name,
            "asked": dict(asked),
            "mode": mode,
            "suffix": suffix,
        }
    )


def check_limit(grant: Grant, nbytes: int) -> None:
    """
    Refuse more bytes than an entitlement allows.

    Parameters
    ----------
    grant : Grant
        What is granted.
    nbytes : int
        What would be delivered.

    Raises
    ------
    InputError
        If it is more than its limit ``bytes``.
    """
    limit = grant.entitlement.limits.get("bytes")
    if limit is not None and nbytes > limit:
        msg = (
            f"the delivery takes {nbytes:,} bytes, and entitlement {grant.entitlement.id!r} allows {limit:,}. "
            "Ask for less."
        )
        raise InputError(msg)


def _pinned_layout(grant: Grant, repository: str) -> "tuple[Store, Layout]":
    """Store and recorded leaves of the pinned snapshot, whose root is the published one."""
    revision = grant.revision
    opened = open_repository(repository)
    _, snapshot = lookup_revision(opened, snapshot=revision.snapshot)
    store = read_session(opened, snapshot, repository).store
    layout = read_layout(store, revision.group)
    found = layout_root(layout)
    if found != revision.content_root:
        msg = (
            f"{repository}, snapshot {snapshot}, has the content root {found}, but revision {revision.number} of "
            f"{grant.product.id!r} was published with {revision.content_root}. Nothing is delivered."
        )
        raise CorruptionError(msg)
    return store, layout


def _variables(grant: Grant, ds: "xr.Dataset", layout: Layout, asked: Mapping[str, Any]) -> tuple[str, ...]:
    """Native names of the data variables that are asked for, none outside of the entitlement."""
    held = data_names({name: document for name, document in layout.documents.items() if name})
    names = [cf.require_variable(ds, name) for name in asked["variables"]] if "variables" in asked else held
    check_variables(grant, names)
    return tuple(dict.fromkeys(names))


def plan_delivery(
    grant: Grant,
    target: str | os.PathLike[str],
    *,
    bbox: Sequence[float] | None = None,
    time: str | None = None,
    depth: Sequence[float] | None = None,
    variables: Sequence[str] | str = (),
    repository: str | os.PathLike[str] = "",
) -> DeliveryPlan:
    """
    Plan a delivery of whole chunks: the stored chunks that meet a selection, byte for byte.

    What is not asked for is as wide as the entitlement. A chunk reaches beyond the selection; if it reaches beyond the
    entitlement too, nothing is delivered whole: the sides and distances are named, and what to do.

    Parameters
    ----------
    grant : Grant
        From `read_grant`.
    target : str or path
        Folder to make, where nothing is yet.
    bbox : sequence of float, optional
        West, south, east, north in degrees.
    time : str, optional
        Period, both ends included.
    depth : sequence of float, optional
        Top and bottom in m, positive down.
    variables : sequence of str or str
        By native name, CF standard name, alias or Chinese word; all by default.
    repository : str or path
        Where the data are, if not where the revision says.

    Returns
    -------
    DeliveryPlan
        For `write_delivery`.

    Raises
    ------
    InputError
        If something is outside of the entitlement, or an argument cannot be used.
    NotFoundError, RegionError
        If nothing lies in the selection, or a name is not there.
    RepositoryExistsError
        If the target exists.
    CorruptionError
        If the repository does not hold what was published.

    Notes
    -----
    Memory: about 100 bytes a chunk of the layout.
    """
    place = os.fspath(repository) or grant.revision.repository
    asked = _asked(grant, bbox, time, depth, variables)
    digest = _digest(grant, Path(target).absolute(), asked, "whole-chunk", ".zarr")
    path = _target(target, digest)
    store, layout = _pinned_layout(grant, place)
    where: dict[str, Any] = {"snapshot": grant.revision.snapshot, "group": grant.revision.group}
    ds = open_dataset(place, chunks=None, **where)
    names = _variables(grant, ds, layout, asked)
    limits: dict[str, Any] = {"region": asked.get("bbox"), "time": asked.get("time"), "depth": asked.get("depth")}
    cells = stored_ranges(place, variables=list(names), **where, **limits)
    documents = {name: document for name, document in layout.documents.items() if name}
    boxes = array_boxes(documents, names, cells)
    chosen = {dim: [np.arange(a, b) for a, b in parts] for dim, parts in cells.items() if parts}
    check_cells(grant, ds, {dim: np.concatenate(parts) for dim, parts in chosen.items()})
    for box in boxes:
        if not box.is_coordinate:
            check_cells(grant, ds, box.cells(), whole_chunks=True)
    stored_bytes = sum(_stored(layout, box)[1] for box in boxes)
    check_limit(grant, stored_bytes)
    return DeliveryPlan(
        grant=grant,
        target=path,
        mode="whole-chunk",
        repository=place,
        asked=asked,
        variables=names,
        cells={dim: parts for dim, parts in cells.items() if parts},
        boxes=boxes,
        layout=layout,
        store=store,
        subset=None,
        catalog=None,
        suffix=".zarr",
        stored_bytes=stored_bytes,
        free_bytes=shutil.disk_usage(path.parent).free,
        digest=digest,
    )


def plan_clipped(
    grant: Grant,
    target: str | os.PathLike[str],
    *,
    catalog: "Catalog",
    bbox: Sequence[float] | None = None,
    time: str | None = None,
    depth: Sequence[float] | None = None,
    variables: Sequence[str] | str = (),
    suffix: Literal[".nc", ".zarr"] = ".nc",
) -> DeliveryPlan:
    """
    Plan a delivery of just the selected cells, which are encoded anew.

    No audit path leads from such a file to the content root: the signature alone vouches for it.

    Parameters
    ----------
    grant : Grant
        From `read_grant`.
    target : str or path
        Folder to make, where nothing is yet.
    catalog : Catalog
        Has the entry of the product, at the revision that is delivered.
    bbox, time, depth, variables : object
        As `plan_delivery` takes them.
    suffix : {".nc", ".zarr"}
        NetCDF or Zarr.

    Returns
    -------
    DeliveryPlan
        For `write_delivery`.

    Raises
    ------
    InputError
        If something is outside of the entitlement, the entry opens another revision, or an argument cannot be used.
    NotFoundError, RegionError
        If nothing lies in the selection, or a name is not there.
    RepositoryExistsError
        If the target exists.
    """
    asked = _asked(grant, bbox, time, depth, variables)
    digest = _digest(grant, Path(target).absolute(), asked, "clipped", suffix)
    path = _target(target, digest)
    subset = planned_subset(grant, catalog, path.with_name(f".{path.name}-clipped{suffix}"), asked)
    names = tuple(str(name) for name in subset.dataset.data_vars)
    check_variables(grant, list(names))
    check_cells(grant, subset.dataset, {})
    return DeliveryPlan(
        grant=grant,
        target=path,
        mode="clipped",
        repository=grant.revision.repository,
        asked=asked,
        variables=names,
        cells={},
        boxes=(),
        layout=None,
        store=None,
        subset=subset,
        catalog=catalog,
        suffix=suffix,
        stored_bytes=subset.estimated_bytes,
        free_bytes=shutil.disk_usage(path.parent).free,
        digest=digest,
    )


def planned_subset(grant: Grant, catalog: "Catalog", place: Path, asked: Mapping[str, Any]) -> SubsetPlan:
    """
    Subset of the entry of a product, at the revision that is delivered.

    Parameters
    ----------
    grant : Grant
        What is granted.
    catalog : Catalog
        Has the entry.
    place : pathlib.Path
        File or folder to make.
    asked : mapping
        ``bbox``, ``time``, ``depth`` and ``variables``, where they are limited.

    Returns
    -------
    SubsetPlan
        For `oceandata.trade.write_subset`.

    Raises
    ------
    InputError
        If the entry opens another revision.
    """
    revision = grant.revision
    wanted = Request(
        entry=grant.product.entry,
        bbox=tuple(asked["bbox"]) if "bbox" in asked else None,
        time=asked.get("time"),
        depth=tuple(asked["depth"]) if "depth" in asked else None,
        variables=tuple(asked.get("variables", ())),
        revision=revision.tag,
    )
    given = {field.name: getattr(wanted, field.name) for field in dataclasses.fields(Request)}
    subset = plan_subset(catalog, given.pop("entry"), place, **given)
    opened = {one.origin.snapshot for one in subset.lineage.inputs}
    if opened - {revision.snapshot} or subset.lineage.unattributed or not opened:
        found = ", ".join(sorted(opened)) or "data of unknown source"
        msg = (
            f"entry {grant.product.entry!r} of the catalogue opens snapshot {found}, but revision {revision.number} of "
            f"{grant.product.id!r} is {revision.snapshot}. Name the catalogue of this revision."
        )
        raise InputError(msg)
    return subset
