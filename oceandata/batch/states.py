"""
Stages: what a chain of routines streams, partition by partition, each into a state in a file.

While a job is built, every routine that asks for accumulators (`oceandata.analysis.streaming.accumulate_all`) gets lazy
arrays that load and merge states instead, wherever in the chain it stands. States of a tile are merged in the order of
their partitions, so that the same plan gives the same bits, whatever died or ran where.
"""

import dataclasses
import hashlib
import itertools
import math
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
from dask.array.optimization import optimize
from dask.local import get_sync
from dask.typing import Key

from oceandata.analysis.accumulators import Accumulator, Output, State
from oceandata.analysis.streaming import Fused
from oceandata.batch.files import numbered_file, write_arrays
from oceandata.batch.ledger import recorded_digests
from oceandata.batch.partitions import Grid
from oceandata.errors import CorruptionError
from oceandata.graph import Recipe, cut, stream

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Stage", "Stages", "StateFiles", "state_bytes"]

# Merged states of so many tiles are kept for the outputs that are made of them.
_KEPT_TILES = 4

#: Chooses the units of a partition for a stage.
Chooser = Callable[["Stage"], tuple[int, ...]]


def state_bytes(sizes: Sequence[int], accumulators: Sequence[Accumulator]) -> int:
    """
    Size of the states of a region.

    Parameters
    ----------
    sizes : sequence of int
        Values along each dimension.
    accumulators : sequence of Accumulator
        What is accumulated.

    Returns
    -------
    int
        Bytes.
    """
    total = 0
    for one in accumulators:
        kept = math.prod(size for dim, size in enumerate(sizes) if dim not in one.reduced)
        total += 8 * one.state_values * kept
    return total


@dataclasses.dataclass(frozen=True, eq=False)
class StateFiles:
    """
    States of the partitions of a stage, in files.

    Attributes
    ----------
    folder : pathlib.Path
        Of the stage.
    accumulators : tuple of Accumulator
        In the order of their states.
    number : int
        Of the stage, which is its phase in the ledger.
    """

    folder: Path
    accumulators: tuple[Accumulator, ...]
    number: int = 0
    _digests: dict[int, str] = dataclasses.field(default_factory=dict)
    _merged: "OrderedDict[tuple[int, tuple[int, ...]], State]" = dataclasses.field(default_factory=OrderedDict)
    _lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    def write(self, number: int, states: tuple[State, ...]) -> tuple[int, str]:
        """Write the states of a partition and wait for the disk; bytes and SHA-256 of the file."""
        arrays = {f"{at}.{name}": values for at, state in enumerate(states) for name, values in state.items()}
        return write_arrays(numbered_file(self.folder, number, ".npz"), arrays)

    def read(self, number: int, member: int) -> State:
        """State of one accumulator; `CorruptionError` if the file is missing, or not the one that was recorded."""
        path = numbered_file(self.folder, number, ".npz")
        prefix = f"{member}."
        try:
            with path.open("rb") as file:
                self._check(number, hashlib.file_digest(file, "sha256").hexdigest())
                file.seek(0)
                with np.load(file, allow_pickle=False) as stored:
                    return {name.removeprefix(prefix): stored[name] for name in stored.files if name.startswith(prefix)}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            msg = (
                f"the state of partition {number} in {path} cannot be read ({error}). Run the job again: it is redone."
            )
            raise CorruptionError(msg) from error

    def _check(self, number: int, digest: str) -> None:
        """Compare a digest with the ledger, which is read again where it said something else, or nothing, before."""
        with self._lock:
            if self._digests.get(number) != digest:
                self._digests.update(recorded_digests(self.folder.parent, self.number))
            if self._digests.get(number) != digest:
                msg = "its SHA-256 is not the one in the ledger"
                raise ValueError(msg)

    def merged(self, grid: Grid, member: int, tile: tuple[int, ...]) -> State:
        """State of a tile of the kept dimensions, merged over the partitions of the reduced ones in their order."""
        with self._lock:
            found = self._merged.get((member, tile))
        if found is not None:
            return found
        accumulator = self.accumulators[member]
        kept = iter(tile)
        ranges = [range(n) if dim in accumulator.reduced else [next(kept)] for dim, n in enumerate(grid.counts)]
        state: State | None = None
        for place in itertools.product(*ranges):
            part = self.read(grid.number(place), member)
            state = part if state is None else accumulator.merge(state, part)
        assert state is not None
        with self._lock:
            self._merged[(member, tile)] = state
            while len(self._merged) > _KEPT_TILES:
                self._merged.popitem(last=False)
        return state


@dataclasses.dataclass(frozen=True, eq=False)
class _Loader:
    """What the blocks of a lazy output are made with."""

    files: StateFiles
    grid: Grid
    member: int
    output: Output


def _output_block(loader: _Loader, block_id: tuple[int, ...] = ()) -> "npt.NDArray[np.float64]":
    """One block of an output: a tile."""
    tile = block_id[len(loader.output.leading) :]
    state = loader.files.merged(loader.grid, loader.member, tile)
    return np.asarray(loader.files.accumulators[loader.member].result(state)[loader.output.name])


class Stage:
    """
    One array that is streamed, and what it is streamed into.

    Parameters
    ----------
    number : int
        Place among the stages of the job.
    array : dask.array.Array
        The values.
    accumulators : tuple of Accumulator
        What they are streamed into.
    folder : pathlib.Path
        Where the states are.
    """

    def __init__(self, number: int, array: da.Array, accumulators: tuple[Accumulator, ...], folder: Path) -> None:
        self.number, self.array, self.accumulators = number, array, accumulators
        self.recipe: Recipe = cut(array)
        self.files = StateFiles(folder / f"states-{number}", accumulators, number)
        self.grid = Grid(self.recipe.numblocks, self.recipe.numblocks)

    @property
    def label(self) -> str:
        """What the stage is called in plans."""
        return f"states {self.number}"

    @property
    def reduced(self) -> set[int]:
        """Dimensions that every accumulator reduces."""
        return set.intersection(*(set(one.reduced) for one in self.accumulators))

    @property
    def block_bytes(self) -> int:
        """Decoded bytes of the largest block."""
        largest = math.prod(max(sizes, default=0) for sizes in self.array.chunks)
        return int(largest * self.array.dtype.itemsize)

    def state_bytes(self, steps: Sequence[int]) -> int:
        """Size of the state of a partition of so many blocks."""
        largest = (max(sizes, default=0) for sizes in self.array.chunks)
        sizes = [min(size * step, whole) for size, step, whole in zip(largest, steps, self.array.shape, strict=True)]
        return state_bytes(sizes, self.accumulators)

    def run(self, number: int) -> tuple[int, str]:
        """Stream one partition into its state and write it; bytes and SHA-256 of the file."""
        box = self.grid.box(number)
        needs = self.recipe.needs(box)
        states = stream(self.recipe, Fused(self.accumulators), box, needs, *self._outer(needs))
        return self.files.write(number, states)

    def _outer(self, keys: list[Key]) -> list[Any]:
        """Values that blocks need from outside their recipe, made by ordinary tasks in this thread."""
        if not keys:
            return []
        graph = optimize(self.array.dask, list(keys))
        return list(get_sync(graph, list(keys)))

    def outputs(self) -> "list[dict[str, da.Array | npt.NDArray[np.float64]]]":
        """Lazy outputs of each accumulator; to compute them all partitions must be done."""
        return [
            {output.name: self._output(member, output) for output in accumulator.outputs}
            for member, accumulator in enumerate(self.accumulators)
        ]

    def _output(self, member: int, output: Output) -> da.Array:
        """One output, a block a tile; symbolic, whatever the number of tiles."""
        accumulator = self.accumulators[member]
        kept = [dim for dim in range(self.array.ndim) if dim not in accumulator.reduced]
        chunks = [*((size,) for size in output.leading), *(self._tiles(dim) for dim in kept)]
        made: da.Array = da.map_blocks(
            _output_block,
            _Loader(self.files, self.grid, member, output),
            dtype=np.float64,
            chunks=tuple(chunks),
            meta=np.empty((0,) * len(chunks)),
            name=f"stage{self.number}-{member}-{output.name}-{self.array.name}",
        )
        return made

    def _tiles(self, dim: int) -> tuple[int, ...]:
        """Sizes of the partitions along a dimension, in values."""
        edges = np.concatenate([[0], np.cumsum(self.array.chunks[dim])]).astype(np.int64)
        cuts = [*range(0, self.grid.shape[dim], self.grid.steps[dim]), self.grid.shape[dim]]
        return tuple(int(size) for size in np.diff(edges[cuts]))


class Stages:
    """
    The stages of a job, in the order in which its routines ask for them (`oceandata.analysis.streaming.Deferral`).

    Parameters
    ----------
    folder : pathlib.Path
        Of the run.
    choose : callable
        Gives the blocks of a partition along each dimension, for each stage.
    """

    def __init__(self, folder: Path, choose: Chooser) -> None:
        self.folder, self.choose = folder, choose
        self.stages: list[Stage] = []

    def results(
        self, array: da.Array, accumulators: tuple[Accumulator, ...]
    ) -> "list[dict[str, da.Array | npt.NDArray[np.float64]]]":
        """Lazy outputs of a new stage."""
        stage = Stage(len(self.stages), array, accumulators, self.folder)
        stage.grid = Grid(stage.recipe.numblocks, self.choose(stage))
        self.stages.append(stage)
        return stage.outputs()
