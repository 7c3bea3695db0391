"""
What the end of a run costs: its ledger read, its states merged, what it was made of looked up.

Nothing here runs a partition. The lines of the ledger and the files of the states are those that partitions leave.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.petabytes import Extent, write_job, write_store
from oceandata.batch.ledger import Share, open_log, read_ledger
from oceandata.batch.work import open_work
from oceandata.journal import Journal
from oceandata.options import set_options

__all__ = ["merge_states", "read_lines", "trace_references"]

# Chunks of eight values: nothing of them is read but once.
_SMALL = Extent((4, 2, 8, 16), (2, 1, 2, 2), together=1)

_DIGEST = "6b9cda13386e87169ec54a103e5923e1ef7976a4c2d8b0f5a1e3c97d64820b5f"


def _line(number: int, digest: str, nbytes: int, chunks: int) -> dict[str, Any]:
    """What a partition is recorded with."""
    keys = {
        f"thetao/c/{number // 1500}/{number // 50 % 30}/{number % 50}/{at}": [1, 31_172_728] for at in range(chunks)
    }
    reads = {"/holdings/big.zarr ": keys}
    return {
        "done": [0, number],
        "s": 0.4821,
        "peak": 544804864,
        "nbytes": nbytes,
        "sha256": digest,
        "reads": reads,
    }


@contextlib.contextmanager
def read_lines(partitions: str, chunks: str) -> Iterator[Callable[[], str]]:
    """
    Read the ledger of a run that read each chunk once.

    Parameters
    ----------
    partitions : str
        How many are done.
    chunks : str
        That each of them was served.

    Yields
    ------
    callable
        Reads it; tells its size.

    Raises
    ------
    ValueError
        By the call, if the ledger says anything else.
    """
    count, each = int(partitions), int(chunks)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger-all.log"
        with Journal(path) as journal:
            for number in range(count):
                journal.append(_line(number, _DIGEST, 546, each))

        def call() -> str:
            ledger = read_ledger(Path(folder), [count])
            if not ledger.is_whole:
                msg = f"{ledger.done_in(0)} partitions are done, need {count}."
                raise ValueError(msg)
            return f"{path.stat().st_size / count:.0f} bytes a partition"

        yield call


@contextlib.contextmanager
def trace_references(place: str) -> Iterator[Callable[[], str]]:
    """
    Lineage of a whole repository of many chunks, as the end of a run asks for it.

    Parameters
    ----------
    place : str
        From `benchmarks.references.write_references`.

    Yields
    ------
    callable
        Asks; tells the chunks.
    """
    from oceandata.storage import open_dataset
    from oceandata.trade import lineage

    with set_options(virtual_prefixes=(str(Path(place).parent),)):

        def call() -> str:
            found = lineage(open_dataset(place)["flags"])
            return f"{sum(len(one.chunks) for one in found.planned):,} chunks"

        yield call


@contextlib.contextmanager
def merge_states(states: str) -> Iterator[Callable[[], str]]:
    """
    Merge the states of many partitions in their order.

    Parameters
    ----------
    states : str
        How many.

    Yields
    ------
    callable
        Merges them; tells what they hold together.
    """
    from oceandata.batch import load_job
    from oceandata.batch.partitions import Grid
    from oceandata.graph import stream

    count = int(states)
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        write_store(top / "store", _SMALL)
        job = load_job(write_job(top, top / "store", _SMALL))
        work = open_work(job, choose_stage=lambda stage: stage.grid.shape, choose_family=lambda one: one.grid.shape)
        (stage,) = work.stages
        made = stream(stage.recipe, _fused(stage.accumulators), stage.grid.box(0), [])
        job.run_folder.mkdir(parents=True)
        with open_log(job.run_folder, Share()) as journal:
            journal.sync = False  # nothing of this is kept
            for number in range(count):
                nbytes, digest = stage.files.write(number, made)
                journal.append(_line(number, digest, nbytes, 1))
        grid = Grid((count, 1, 1, 1), (1, 1, 1, 1))

        def call() -> str:
            merged = stage.accumulators[0].result(stage.files.merged(grid, 0, ()))
            return ", ".join(f"{name} {float(values):.6g}" for name, values in merged.items())

        yield call


def _fused(accumulators: Any) -> Any:
    from oceandata.analysis.streaming import Fused

    return Fused(accumulators)
