"""
Layouts of a dataset: planning a further one within a memory budget, and choosing the cheaper one to read.

A layout holds the same values in other chunks. The plan says how often each stored byte will be read;
`oceandata.storage.layout_writing` carries it out.
"""

import base64
import dataclasses
import hashlib
import json
import math
import os
import re
import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from oceandata import cf
from oceandata._html import human_bytes
from oceandata.entities import Asset, Variable
from oceandata.errors import InputError, MemoryBudgetError, RepositoryExistsError
from oceandata.options import get_options
from oceandata.storage.chunks import DEFAULT_CHUNK_BYTES, chunk_count, plan_chunks
from oceandata.storage.layout import ArrayPlan, read_layout
from oceandata.storage.rechunk import Passes, boxes, plan_passes
from oceandata.storage.revisions import commit_facts, data_names, layouts_of, open_layout, require_layout
from oceandata.storage.stores import lookup_revision, open_repository
from oceandata.storage.virtual_access import read_session
from oceandata.storage.writing import CONCURRENCY, Step

if TYPE_CHECKING:
    from zarr.abc.store import Store

__all__ = ["LayoutChoice", "LayoutCost", "LayoutPlan", "cheaper_layout", "plan_layout"]

# A step holds about this many decoded bytes if memory allows.
_STEP_BYTES = 128_000_000

# Memory that compression, threads and the repository take, whatever is moved.
_RESERVE_BYTES = 16_000_000

# Chunks above this size the C library keeps for the threads that freed them: up to twice the bytes in work and some
# more, measured with chunks of 2 to 16 MB. Smaller ones it gives back.
_KEPT_FROM_BYTES = 1_000_000
_KEPT_RESERVE_BYTES = 40_000_000

# What a chunk costs beside its bytes, in bytes.
_CHUNK_OVERHEAD_BYTES = 100_000


@dataclasses.dataclass(frozen=True)
class LayoutPlan:
    """
    What writing a layout will do; nothing was written to make it.

    Attributes
    ----------
    url : str
        The repository.
    revision, snapshot : str
        The newest revision, which the new one follows.
    source : str
        Layout that is read.
    name, access : str
        The new layout and what its chunks are made for.
    arrays : tuple of ArrayPlan
        What will be stored, coordinates first.
    stored_chunks : dict of str to tuple of int
        Chunks of each array in the layout that is read.
    passes : dict of str to Passes
        How each array is moved.
    memory_bytes : int
        Budget for values and chunks in work.
    """

    url: str
    revision: str
    snapshot: str
    source: str
    name: str
    access: str
    arrays: tuple[ArrayPlan, ...]
    stored_chunks: dict[str, tuple[int, ...]]
    passes: dict[str, Passes]
    memory_bytes: int

    @property
    def steps(self) -> tuple[Step, ...]:
        """The work, in order."""
        return tuple(
            Step(array.name, box, _nbytes(array, box))
            for array in self.arrays
            for box in boxes(array.shape, self.passes[array.name].box)
        )

    @property
    def decoded_bytes(self) -> int:
        """Decoded bytes of the layout."""
        return sum(array.nbytes for array in self.arrays)

    @property
    def between_bytes(self) -> int:
        """Decoded bytes of what goes through an intermediate store; it takes at most about as much disk."""
        return sum(array.nbytes for array in self.arrays if self.passes[array.name].between)

    @property
    def read_bytes(self) -> int:
        """Decoded bytes that are read of the old layout while writing; comparing reads it once more."""
        return round(sum(array.nbytes * self.passes[array.name].reads for array in self.arrays))

    @property
    def times_read(self) -> float:
        """How often each byte of the old layout is read while writing, on average."""
        return self.read_bytes / self.decoded_bytes if self.decoded_bytes else 1.0

    @property
    def peak_bytes(self) -> int:
        """Largest memory that values and chunks in work will take, with what the C library keeps of freed chunks."""
        peaks = []
        for array in self.arrays:
            one = self.passes[array.name]
            largest = max(math.prod(one.box), math.prod(one.slab or (1,))) * int(np.dtype(array.dtype).itemsize)
            peaks.append(largest + _work_bytes(array, self.stored_chunks[array.name], one.between))
        return max(peaks, default=0)

    @property
    def job(self) -> str:
        """Digest of source and settings: equal for a rerun."""
        arrays = [dataclasses.asdict(array) for array in self.arrays]
        passes = {name: dataclasses.asdict(one) for name, one in self.passes.items()}
        text = json.dumps([self.snapshot, self.source, self.name, arrays, passes], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """
        The plan for a person or a script.

        Returns
        -------
        dict
            Only JSON types.
        """
        plain = ("url", "revision", "snapshot", "source", "name", "access", "memory_bytes", "job", "decoded_bytes")
        counted = ("between_bytes", "read_bytes", "times_read", "peak_bytes")
        return {key: getattr(self, key) for key in plain + counted} | {
            "steps": len(self.steps),
            "arrays": [
                {"name": a.name, "dims": a.dims, "shape": a.shape, "dtype": a.dtype, "nbytes": a.nbytes}
                | {"stored_chunks": self.stored_chunks[a.name], "chunks": a.chunks}
                | dataclasses.asdict(self.passes[a.name])
                for a in self.arrays
            ],
        }

    def __str__(self) -> str:
        way = (
            f"through an intermediate store of up to {human_bytes(self.between_bytes)}, because reading directly would "
            "move more than twice as much"
            if self.between_bytes
            else "directly, without an intermediate store"
        )
        return (
            f"layout {self.name!r} of {self.url} ({human_bytes(self.decoded_bytes)} decoded) from {self.source!r}, "
            f"{way}. Each byte of {self.source!r} is read {_times(self.times_read)} to write and once more to "
            f"compare; the new layout is read twice to check it. {len(self.steps)} steps, "
            f"{human_bytes(self.peak_bytes)} of memory beside the libraries."
        )


def _times(number: float) -> str:
    return "once" if number == 1 else f"{number:.3g} times on average"


def _nbytes(array: ArrayPlan, box: Sequence[slice]) -> int:
    values: int = math.prod(part.stop - part.start for part in box)
    return values * int(np.dtype(array.dtype).itemsize)


def _work_bytes(array: ArrayPlan, stored_chunks: Sequence[int], between: Sequence[int] = ()) -> int:
    """Memory of the chunks that are encoded or decoded at once, and of what the libraries hold or keep beside."""
    largest = max(math.prod(array.chunks), math.prod(stored_chunks), math.prod(between))
    chunk_bytes = largest * int(np.dtype(array.dtype).itemsize)
    held = 2 * CONCURRENCY * chunk_bytes + _RESERVE_BYTES
    return held if chunk_bytes <= _KEPT_FROM_BYTES else held + 4 * CONCURRENCY * chunk_bytes + _KEPT_RESERVE_BYTES


def _attributes(document: dict[str, Any]) -> dict[str, Any]:
    """Attributes of a stored array with a floating ``_FillValue`` as a number again."""
    attributes = dict(document.get("attributes", {}))
    fill = attributes.get("_FillValue")
    if isinstance(fill, str):
        attributes["_FillValue"] = struct.unpack("<d", base64.standard_b64decode(fill))[0]
    return attributes


def _chunks(document: dict[str, Any]) -> tuple[int, ...]:
    return tuple(document["chunk_grid"]["configuration"]["chunk_shape"])


def _array_plan(name: str, array: "zarr.Array[Any]", document: dict[str, Any], chunks: tuple[int, ...]) -> ArrayPlan:
    """The same array in other chunks; where no missing value is declared every chunk is stored."""
    attributes = _attributes(document)
    declared = array.dtype.kind == "f" or "_FillValue" in attributes or "missing_value" in attributes
    return ArrayPlan(
        name=name,
        dims=tuple(document.get("dimension_names") or ()),
        shape=tuple(array.shape),
        chunks=chunks,
        dtype=np.dtype(array.dtype).newbyteorder("=").str,
        fill_value=np.asarray(array.fill_value).item() if declared else None,
        attributes=attributes,
        is_coordinate=False,
    )


def _planned_arrays(
    store: "Store", source: str, access: str, chunk_bytes: int
) -> dict[str, tuple[ArrayPlan, tuple[int, ...]]]:
    """Arrays of the new layout and the chunks of the old one; only data get other chunks."""
    recorded = read_layout(store, source)
    documents = {name: document for name, document in recorded.documents.items() if name}
    names = data_names(documents)
    group = zarr.open_group(store, path=source, mode="r")
    planned = {}
    with open_layout(store, source) as ds:
        for name in sorted(documents, key=lambda name: (name in names, name)):
            array: Any = group[name]
            stored = _chunks(documents[name])
            chunks = stored
            if name in names:
                roles = cf.axis_roles(ds, documents[name]["dimension_names"])
                chunks = plan_chunks(array.shape, roles, array.dtype.itemsize, access=access, target_bytes=chunk_bytes)
            planned[name] = (_array_plan(name, array, documents[name], chunks), stored)
    return planned


def _least_bytes(array: ArrayPlan, stored: tuple[int, ...]) -> int:
    """Memory without which an array cannot be moved: one chunk, and those in work."""
    itemsize = int(np.dtype(array.dtype).itemsize)
    return max(math.prod(array.chunks), math.prod(stored)) * itemsize + _work_bytes(array, stored)


def _check_budget(planned: dict[str, tuple[ArrayPlan, tuple[int, ...]]], memory_bytes: int) -> None:
    """Refuse a budget that is too small for any array."""
    needed, name = max((_least_bytes(*one), name) for name, one in planned.items())
    if needed > memory_bytes:
        array, stored = planned[name]
        msg = (
            f"moving {name!r} from chunks {stored} to {array.chunks} takes {human_bytes(needed)} of memory, the "
            f"budget is {human_bytes(memory_bytes)}. Give memory_bytes={needed} or more, or smaller chunks."
        )
        raise MemoryBudgetError(msg)


def _passes(array: ArrayPlan, stored: tuple[int, ...], memory_bytes: int) -> Passes:
    """How an array is moved within the budget."""
    itemsize = np.dtype(array.dtype).itemsize
    room = (memory_bytes - _work_bytes(array, stored)) // itemsize
    return plan_passes(array.shape, stored, array.chunks, room=room, at_ease=_STEP_BYTES // itemsize)


def plan_layout(
    url: str | os.PathLike[str],
    *,
    access: str,
    chunk_bytes: int = DEFAULT_CHUNK_BYTES,
    name: str = "",
    memory_bytes: int | None = None,
) -> LayoutPlan:
    """
    Decide how the newest revision gets a further layout, without writing anything.

    Arrays are moved in boxes of whole new chunks. If boxes that cut no old chunk fit the memory, each stored byte is
    read once; else it is read as often as the plan says, or goes through an intermediate store in the repository's
    folder where that halves the bytes moved.

    Parameters
    ----------
    url : str or path
        The repository.
    access : {"maps", "series", "balanced"}
        What the chunks are made for.
    chunk_bytes : int
        Decoded size of a chunk not to exceed.
    name : str
        Name of the layout; `access` by default. Needed to have the same kind in other chunks.
    memory_bytes : int, optional
        Budget for values and chunks in work, a quarter of `options.memory_bytes` by default. At least 160 MB with
        chunks of 4 MB, some tens of MB with chunks of 1 MB.

    Returns
    -------
    LayoutPlan
        For `write_layout`, or to print.

    Raises
    ------
    NotFoundError
        If there is no repository, or nothing was published yet.
    RepositoryExistsError
        If the newest revision has a layout of that name.
    MemoryBudgetError
        If not even one chunk fits the budget.
    InputError
        If `access`, `chunk_bytes` or `name` cannot be used.
    """
    group = name or access
    if not re.fullmatch(r"[a-z][a-z0-9_]*", group):
        msg = f"the name of the layout is {group!r}, need lower case, digits and underscores, such as 'series'."
        raise InputError(msg)
    repository = open_repository(url)
    tag, snapshot = lookup_revision(repository)
    facts = commit_facts(repository, snapshot)
    source = require_layout(facts, "", os.fspath(url))
    if group in layouts_of(facts):
        msg = f"revision {tag} of {os.fspath(url)} has a layout {group!r} already. Give the new one another name."
        raise RepositoryExistsError(msg)
    store = read_session(repository, snapshot, url).store
    planned = _planned_arrays(store, source, access, chunk_bytes)
    budget = get_options().memory_bytes // 4 if memory_bytes is None else memory_bytes
    _check_budget(planned, budget)
    return LayoutPlan(
        url=os.fspath(url),
        revision=tag,
        snapshot=snapshot,
        source=source,
        name=group,
        access=access,
        arrays=tuple(array for array, _ in planned.values()),
        stored_chunks={name: stored for name, (_, stored) in planned.items()},
        passes={name: _passes(array, stored, budget) for name, (array, stored) in planned.items()},
        memory_bytes=budget,
    )


@dataclasses.dataclass(frozen=True)
class LayoutCost:
    """What a selection touches in one layout: chunks, and about how many stored bytes."""

    chunks: int
    stored_bytes: int

    @property
    def weight(self) -> int:
        """Bytes, with each chunk counted as some more for finding and opening it."""
        return self.stored_bytes + _CHUNK_OVERHEAD_BYTES * self.chunks

    def __str__(self) -> str:
        return f"{self.chunks} chunk{'s' if self.chunks != 1 else ''}, about {human_bytes(self.stored_bytes)}"


@dataclasses.dataclass(frozen=True)
class LayoutChoice:
    """
    The layout that is cheaper to read, and why.

    Attributes
    ----------
    name : str
        The layout.
    costs : dict of str to LayoutCost
        What the selection touches in each layout; empty if that cannot be told.
    reason : str
        One sentence.
    """

    name: str
    costs: dict[str, LayoutCost]
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


def cheaper_layout(
    assets: Mapping[str, Asset],
    variables: Mapping[str, Variable],
    selection: Mapping[str, Sequence[tuple[int, int]]],
) -> LayoutChoice:
    """
    Choose the layout in which a selection touches the fewest bytes.

    The first layout is taken if all cost the same, or if the entry does not say the chunks of every layout. Pure: no
    store is opened.

    Parameters
    ----------
    assets : mapping of str to Asset
        Layouts by name, the primary first.
    variables : mapping of str to Variable
        Data variables that will be read.
    selection : mapping of str to sequence of (int, int)
        Ranges of positions (start, stop) along each dimension; dimensions that are not named are read whole.

    Returns
    -------
    LayoutChoice
        Name, costs and reason.

    Raises
    ------
    InputError
        If there is no layout.

    Notes
    -----
    Stored bytes are estimated from the average chunk of a layout. Each chunk counts as 100 kB more, for finding and
    opening it.
    """
    if not assets:
        msg = "assets is empty, need at least one layout. Register the entry again."
        raise InputError(msg)
    first = next(iter(assets))
    silent = [name for name, asset in assets.items() if not set(variables) <= set(asset.chunk_shapes)]
    shapeless = [name for name, variable in variables.items() if variable.shape is None]
    if len(assets) == 1 or silent or shapeless:
        reason = "the only layout"
        if len(assets) > 1:
            reason = (
                f"layout {silent[0]!r} does not say its chunks" if silent else f"no shape of {shapeless[0]!r} is known"
            )
        return LayoutChoice(first, {}, reason)
    costs = {name: _cost(asset, variables, selection) for name, asset in assets.items()}
    best = min(costs, key=lambda name: costs[name].weight)
    others = ", ".join(f"{name} {cost}" for name, cost in costs.items() if name != best)
    return LayoutChoice(best, costs, f"{costs[best]}, against {others}")


def _cost(
    asset: Asset, variables: Mapping[str, Variable], selection: Mapping[str, Sequence[tuple[int, int]]]
) -> LayoutCost:
    """Chunks and stored bytes of a selection in one layout."""
    touched, nbytes = 0, 0.0
    for name, variable in variables.items():
        shape, chunks = variable.shape or (), asset.chunk_shapes[name]
        whole = math.prod(chunk_count(shape, chunks))
        along = [
            _chunks_along(selection.get(dim, ((0, size),)), chunk)
            for dim, size, chunk in zip(variable.dimensions or (), shape, chunks, strict=True)
        ]
        touched += math.prod(along)
        share = (variable.nbytes or 0) / asset.decoded_bytes if asset.decoded_bytes else 0.0
        stored = (asset.stored_bytes or 0) * share
        nbytes += stored * math.prod(along) / whole if whole else 0.0
    return LayoutCost(touched, round(nbytes))


def _chunks_along(ranges: Sequence[tuple[int, int]], chunk: int) -> int:
    """Number of chunks that some ranges of positions touch; a chunk that two ranges share counts once."""
    touched = 0
    last = -1
    for start, stop in sorted(ranges):
        if stop > start:
            first, end = max(start // chunk, last + 1), (stop - 1) // chunk
            touched += max(0, end - first + 1)
            last = max(last, end)
    return touched
