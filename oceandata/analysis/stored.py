"""
Stored accumulators: the states of partitions on disk, each under the digest of the chunks it was made of.

When data were appended, only partitions with new chunks are read; when a range was corrected, only those that hold it.
"""

import dataclasses
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata.analysis.accumulators import Accumulator, State
from oceandata.analysis.streaming import Fused
from oceandata.errors import InputError
from oceandata.graph import ArrayRead, Box, Recipe, box_reads

if TYPE_CHECKING:
    import dask.array as da
    import numpy.typing as npt
    from zarr.abc.store import Store

__all__ = ["Kept", "StateStore"]

#: Form of the states; another form is computed anew.
_FORM = "oceandata states 1"

# Arrays of snapshots whose recorded leaves a process keeps: 32 bytes a chunk, which a read of them takes anyway.
_ARRAYS = 2

# Blocks along a reduced dimension that share one state.
_BLOCKS = 8


def _digest(*parts: Any) -> str:
    """Digest of plain values and arrays."""
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            found.update(f"{part.dtype.str}{part.shape}".encode())
            found.update(np.ascontiguousarray(part).tobytes())
        elif isinstance(part, tuple | list):
            found.update(_digest(*part).encode())
        else:
            found.update(repr(part).encode())
        found.update(b"\0")
    return found.hexdigest()


@dataclasses.dataclass(frozen=True)
class StateStore:
    """
    A folder of states.

    Attributes
    ----------
    path : pathlib.Path
        The folder; made when the first state is saved.
    steps : str
        Name of what was done with the data after opening; another name means other states. Empty for nothing.
    """

    path: Path
    steps: str = ""

    def ranges(self, numblocks: Sequence[int], reduced: Sequence[set[int]]) -> list[list[tuple[int, int]]]:
        """
        Partitions that stay as they are when blocks are appended.

        Parameters
        ----------
        numblocks : sequence of int
            Blocks along each dimension.
        reduced : sequence of set of int
            Dimensions that each accumulator reduces.

        Returns
        -------
        list of list of (int, int)
            From and to (excluded) along each dimension.
        """
        cut = set.union(*reduced)
        sizes = [_BLOCKS if dim in cut else max(1, count) for dim, count in enumerate(numblocks)]
        return [
            [(start, min(start + size, count)) for start in range(0, max(1, count), size)]
            for count, size in zip(numblocks, sizes, strict=True)
        ]

    def require_plain(self, array: "da.Array") -> None:
        """
        Refuse an array of which the chunks do not tell the values.

        Parameters
        ----------
        array : dask.array.Array
            What is streamed.

        Raises
        ------
        InputError
            If something was done after opening and the steps have no name.
        """
        layers = [name for name in array.dask.layers if not name.startswith("original-")]
        if len(layers) > 1 and not self.steps:
            msg = (
                "the data were changed after opening, and what is stored does not tell how. Give the steps a name, "
                "such as statistics(..., store=..., steps='degC v1'), and another one when they change."
            )
            raise InputError(msg)

    def fold(self, recipe: Recipe, box: Box, accumulators: tuple[Accumulator, ...]) -> "Kept":
        """
        Accumulators that find the states of a box of blocks where they are, and keep them where they are not.

        Parameters
        ----------
        recipe : Recipe
            Of the array.
        box : Box
            Block numbers.
        accumulators : sequence of Accumulator
            Whose states.

        Returns
        -------
        Kept
            With a folder named by the digest of the chunks, the accumulators and the steps.

        Raises
        ------
        InputError
            If the box reads something else than chunks of a repository.
        """
        reads = box_reads(recipe, box)
        region = recipe.region(box)
        chunks = [_chunk_digests(read) for read in reads]
        if not chunks or recipe.needs(box):
            msg = (
                "some of the data do not come from a repository, so nothing tells whether a stored state still holds. "
                "Ingest them first, or leave out store=."
            )
            raise InputError(msg)
        start = tuple((part.start, part.stop) for part in region)
        own = [(type(one).__name__, *one.own(region)) for one in accumulators]
        return Kept(accumulators, self.path / _digest(_FORM, self.steps, start, chunks, own))


def _chunk_digests(read: ArrayRead) -> tuple[Any, ...]:
    """Leaf digests of the chunks that are read, and how they are decoded."""
    from oceandata.storage.counting import CountingStore

    if not isinstance(read.store, CountingStore) or not read.store.origin.snapshot:
        msg = (
            f"{read.path!r} is not read from a repository, so nothing tells whether a stored state still holds. "
            "Ingest the data first, or leave out store=."
        )
        raise InputError(msg)
    origin, path = read.store.origin, read.path.strip("/")
    leaves, decoding = _recorded(_Recorded(origin.repository, origin.snapshot, path, read.store.uncounted))
    positions = sorted(read.chunks)
    extent = tuple((part.start, part.stop) for part in read.region)
    return (decoding, extent, np.stack([leaves[at] for at in positions]))


@dataclasses.dataclass(frozen=True)
class _Recorded:
    """An array of a snapshot, which never changes."""

    repository: str
    snapshot: str
    path: str
    store: "Store" = dataclasses.field(compare=False, repr=False)


@lru_cache(maxsize=_ARRAYS)
def _recorded(array: _Recorded) -> "tuple[npt.NDArray[np.uint8], str]":
    """Recorded leaves of all chunks of an array, and how they are decoded."""
    from oceandata.storage.layout import read_layout

    group, _, name = array.path.rpartition("/")
    layout = read_layout(array.store, group, names=[name])
    document = layout.documents[name]
    decoding = {key: document[key] for key in sorted(document) if key not in ("shape", "attributes")}
    attributes = {key: document["attributes"][key] for key in sorted(document["attributes"]) if key in _DECODING}
    leaves = layout.leaves[name].digests
    leaves.flags.writeable = False
    return leaves, json.dumps([decoding, attributes], sort_keys=True)


#: Attributes that say what stored numbers mean.
_DECODING = ("scale_factor", "add_offset", "_FillValue", "missing_value", "_Unsigned", "units")


@dataclasses.dataclass(frozen=True, eq=False)
class Kept(Fused):
    """
    Accumulators whose states of one box of blocks are kept on disk.

    Attributes
    ----------
    path : pathlib.Path
        A folder, there or not.
    """

    path: Path = Path()

    def kept(self) -> tuple[State, ...] | None:
        """States that are there already; None if they are not."""
        import zarr

        if not self.path.is_dir():
            return None
        group = zarr.open_group(self.path, mode="r")
        return tuple(
            {name: np.asarray(array[...], np.float64) for name, array in group[str(number)].arrays()}  # type: ignore[union-attr]
            for number in range(len(self.members))
        )

    def keep(self, state: tuple[State, ...]) -> None:
        """Save the states, whole or not at all; where another process was faster, its states stay."""
        import zarr

        beside = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex}")
        try:
            group = zarr.open_group(beside, mode="w")
            for number, own in enumerate(state):
                part = group.create_group(str(number))
                for name, array in own.items():
                    part.create_array(name, data=np.asarray(array, np.float64))
            os.replace(beside, self.path)  # noqa: PTH105
        except OSError:
            if not self.path.is_dir():
                raise
        finally:
            shutil.rmtree(beside, ignore_errors=True)
