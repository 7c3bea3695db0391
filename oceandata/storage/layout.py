"""One layout of a dataset inside a repository: its arrays, its leaves, and reading both back."""

import base64
import dataclasses
import json
import math
import struct
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from zarr.codecs import ZstdCodec
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

from oceandata.errors import AccessError, CorruptionError, UnreachableError
from oceandata.storage.chunks import chunk_count
from oceandata.storage.integrity import ABSENT, INTEGRITY_GROUP, chunk_key, chunk_leaf, content_root, digest_rows

if TYPE_CHECKING:
    import numpy.typing as npt
    from zarr.abc.store import Store

__all__ = [
    "ArrayPlan",
    "Layout",
    "Leaves",
    "check_read_back",
    "create_layout",
    "create_leaves",
    "damaged_chunks",
    "layout_root",
    "open_written",
    "read_layout",
    "stored_attributes",
    "write_leaves",
]


@dataclasses.dataclass(frozen=True)
class ArrayPlan:
    """How one array is stored."""

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: str
    fill_value: int | float | bool | None
    attributes: dict[str, Any]
    is_coordinate: bool

    @property
    def grid(self) -> tuple[int, ...]:
        """Number of chunks along each dimension."""
        return chunk_count(self.shape, self.chunks)

    @property
    def nbytes(self) -> int:
        """Decoded bytes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclasses.dataclass(frozen=True)
class Leaves:
    """Leaf digests and stored sizes of an array's chunks, shaped like its chunk grid."""

    digests: "npt.NDArray[np.uint8]"
    stored_bytes: "npt.NDArray[np.int64]"

    @property
    def total_bytes(self) -> int:
        """Stored bytes of all chunks that are stored."""
        return int(self.stored_bytes[self.stored_bytes != ABSENT].sum())


@dataclasses.dataclass(frozen=True)
class Layout:
    """Metadata documents and leaves of one layout; documents by path, the group itself under ``""``."""

    group: str
    documents: dict[str, dict[str, Any]]
    leaves: dict[str, Leaves]


def stored_attributes(plan: ArrayPlan) -> dict[str, Any]:
    """Attributes in the form xarray reads from Zarr v3: a floating ``_FillValue`` is base64."""
    attributes = dict(plan.attributes)
    if "_FillValue" in attributes:
        value = attributes["_FillValue"]
        floating = np.dtype(plan.dtype).kind == "f"
        attributes["_FillValue"] = (
            base64.standard_b64encode(struct.pack("<d", float(value))).decode() if floating else int(value)
        )
    return attributes


def _create_array(group: zarr.Group, plan: ArrayPlan) -> None:
    """One array with a checksum codec; without a declared fill value every chunk is stored."""
    empty = plan.fill_value is None
    zero = np.zeros((), plan.dtype)[()]
    group.create_array(
        plan.name,
        shape=plan.shape,
        chunks=tuple(max(1, size) for size in plan.chunks),
        dtype=plan.dtype,
        fill_value=zero if empty else np.asarray(plan.fill_value).astype(plan.dtype)[()],
        compressors=[ZstdCodec(level=3, checksum=True)],
        attributes=stored_attributes(plan),
        dimension_names=plan.dims,
        config={"write_empty_chunks": empty},
    )


def create_layout(store: "Store", group: str, plans: Sequence[ArrayPlan], attributes: dict[str, Any]) -> None:
    """
    Make the group and all arrays of a layout, and the arrays for their leaves.

    Parameters
    ----------
    store : zarr.abc.store.Store
        Writable store at the root of the repository.
    group : str
        Name of the layout.
    plans : sequence of ArrayPlan
        Its arrays.
    attributes : dict
        Global attributes.
    """
    top = zarr.open_group(store, mode="a")
    layout = top.create_group(group, attributes=attributes)
    top.require_group(INTEGRITY_GROUP).create_group(group, attributes={"scheme": "od-leaf-1"})
    for plan in plans:
        _create_array(layout, plan)
        create_leaves(store, group, plan)


def create_leaves(store: "Store", group: str, plan: ArrayPlan) -> None:
    """Empty arrays for the leaves of one array."""
    one = zarr.open_group(store, path=f"{INTEGRITY_GROUP}/{group}", mode="r+").create_group(plan.name)
    rows = _leaf_chunks(plan.grid)
    one.create_array("leaf", shape=(*plan.grid, 32), chunks=(*rows, 32), dtype="u1", fill_value=0, compressors=None)
    one.create_array("stored_bytes", shape=plan.grid, chunks=rows, dtype="i8", fill_value=ABSENT)


def _leaf_chunks(grid: tuple[int, ...]) -> tuple[int, ...]:
    """Chunks for the leaves: whole rows of the grid along its first dimension, about 100,000 leaves each."""
    if not grid:
        return ()
    row = math.prod(grid[1:])
    return (max(1, min(grid[0], 100_000 // max(1, row))), *grid[1:])


def open_written(store: "Store", group: str, plan: ArrayPlan) -> "zarr.Array[Any]":
    """Array of a layout, for writing; without a declared fill value every chunk is stored."""
    array = zarr.open_array(store, path=f"{group}/{plan.name}", mode="r+")
    return array.with_config({"write_empty_chunks": plan.fill_value is None})


def write_leaves(
    store: "Store", group: str, plan: ArrayPlan, box: Sequence[slice], written: dict[str, tuple[bytes, int]]
) -> None:
    """Store the leaves of a box of whole chunks; what was not written is recorded as absent."""
    grid_box = tuple(
        slice(part.start // chunk, math.ceil(part.stop / chunk)) for part, chunk in zip(box, plan.chunks, strict=True)
    )
    shape = tuple(part.stop - part.start for part in grid_box)
    digests = np.zeros((*shape, 32), np.uint8)
    sizes = np.full(shape, ABSENT, np.int64)
    for position in np.ndindex(*shape):
        key = chunk_key(plan.name, [part.start + at for part, at in zip(grid_box, position, strict=True)])
        leaf, nbytes = written.pop(key, (chunk_leaf(key, None), ABSENT))
        digests[position] = np.frombuffer(leaf, np.uint8)
        sizes[position] = nbytes
    path = f"{INTEGRITY_GROUP}/{group}/{plan.name}"
    zarr.open_array(store, path=f"{path}/leaf", mode="r+")[grid_box] = digests
    zarr.open_array(store, path=f"{path}/stored_bytes", mode="r+")[grid_box] = sizes


def _document(store: "Store", path: str) -> dict[str, Any]:
    """Content of a ``zarr.json``."""
    key = f"{path}/zarr.json"
    buffer = sync(store.get(key, default_buffer_prototype()))
    if buffer is None:
        msg = f"the metadata {key} is missing from the repository. Restore the repository, or open an earlier revision."
        raise CorruptionError(msg)
    document: dict[str, Any] = json.loads(buffer.to_bytes())
    return document


def read_layout(store: "Store", group: str, *, names: Sequence[str] | None = None) -> Layout:
    """
    Metadata and recorded leaves of a layout; the data are not read.

    Parameters
    ----------
    store : zarr.abc.store.Store
        Store at the root of the repository.
    group : str
        Name of the layout.
    names : sequence of str, optional
        Arrays to take; all by default.

    Returns
    -------
    Layout
        40 bytes a chunk.
    """
    top = zarr.open_group(store, path=group, mode="r")
    wanted = sorted(top.array_keys()) if names is None else list(names)
    documents = {"": _document(store, group)}
    leaves = {}
    for name in wanted:
        documents[name] = _document(store, f"{group}/{name}")
        path = f"{INTEGRITY_GROUP}/{group}/{name}"
        digests = zarr.open_array(store, path=f"{path}/leaf", mode="r")[...]
        sizes = zarr.open_array(store, path=f"{path}/stored_bytes", mode="r")[...]
        leaves[name] = Leaves(np.asarray(digests, np.uint8), np.asarray(sizes, np.int64))
    return Layout(group, documents, leaves)


def layout_root(layout: Layout) -> str:
    """
    Content root of a layout from its recorded leaves.

    Parameters
    ----------
    layout : Layout
        All its arrays.

    Returns
    -------
    str
        ``"sha256:"`` and 64 hexadecimal digits.
    """
    return content_root(layout.documents, {name: digest_rows(leaves.digests) for name, leaves in layout.leaves.items()})


def damaged_chunks(
    store: "Store", layout: Layout, name: str, positions: Iterator[tuple[int, ...]]
) -> Iterator[tuple[tuple[int, ...], str]]:
    """
    Chunks of an array whose stored bytes are not those of their leaf.

    Parameters
    ----------
    store : zarr.abc.store.Store
        Store at the root of the repository.
    layout : Layout
        Leaves to compare with.
    name : str
        The array.
    positions : iterator of tuple of int
        Places in its chunk grid.

    Yields
    ------
    tuple
        Position, and what is wrong in a word or two.
    """
    leaves = layout.leaves[name]
    for position in positions:
        key = chunk_key(name, position)
        try:
            buffer = sync(store.get(f"{layout.group}/{key}", default_buffer_prototype()))
        except (AccessError, UnreachableError):
            raise  # a server that is away says nothing about what it stores
        except Exception as error:  # whatever a store raises for an object it lost, the chunk is gone
            yield position, f"cannot be read ({type(error).__name__})"
            continue
        stored = None if buffer is None else buffer.to_bytes()
        if chunk_leaf(key, stored) != leaves.digests[position].tobytes():
            yield position, "missing" if stored is None else "differs from what was written"


def check_read_back(store: "Store", layout: Layout) -> None:
    """
    Read every stored chunk and compare it with its leaf.

    Parameters
    ----------
    store : zarr.abc.store.Store
        Store at the root of the repository.
    layout : Layout
        Leaves to compare with.

    Raises
    ------
    CorruptionError
        If any chunk differs; the first is named.
    """
    damaged = []
    for name, leaves in layout.leaves.items():
        found = damaged_chunks(store, layout, name, np.ndindex(*leaves.stored_bytes.shape))
        damaged += [(name, *one) for one in found]
    if damaged:
        name, position, kind = damaged[0]
        msg = (
            f"{len(damaged)} chunks read back differ from what was written; first: {chunk_key(name, position)} {kind}. "
            "Nothing was published: check the disk, then run again."
        )
        raise CorruptionError(msg)
