"""
Who works on partitions: threads of this process, or the workers of a Dask cluster. Both take a few at a time.

Dask carries partitions; it keeps no progress. Its own retries are off, because a partition that kills its worker must
be told from those that were only near.
"""

import asyncio
import dataclasses
import math
import queue
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from oceandata.batch.ledger import Unit
from oceandata.batch.worker import run_unit, run_units
from oceandata.errors import InputError, UnreachableError

__all__ = ["Outcome", "Runner", "open_runner"]

# Seconds without any worker after which a cluster counts as lost.
_NO_WORKER_S = 60.0

# Seconds in which a scheduler answers.
_ANSWER_S = 10.0

# Seconds for which the number of workers is believed: to ask costs as much as to hand out a partition.
_LOOK_S = 1.0

# Seconds to wait for a record of a hundred bytes.
_RESULT_S = 30.0

# Dask's settings: a worker gets no more than it runs, and a second death of a partition's worker ends the partition.
# Nobody looks at the profiles that workers take a hundred times a second, and nothing waits at them to be stolen.
_CLUSTER = {
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.allowed-failures": 1,
    "distributed.scheduler.work-stealing": False,
    "distributed.worker.profile.enabled": False,
}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """
    How the work on a partition ended.

    Attributes
    ----------
    unit : tuple of int
        The partition.
    record : dict or None
        Its record for the ledger, if it is done.
    error : Exception or None
        What it failed with, if it is not.
    killed : bool
        True if its worker died.
    """

    unit: Unit
    record: dict[str, Any] | None = None
    error: BaseException | None = None
    killed: bool = False


class Runner(Protocol):
    """Works on partitions."""

    @property
    def width(self) -> int:
        """Partitions that are worked on at a time."""

    def submit(self, units: Sequence[tuple[Unit, int]], pack: int = 1) -> None:
        """Begin partitions, each with the number of its attempt; up to `pack` may be carried as one."""

    def outcomes(self, timeout: float) -> list[Outcome]:
        """Those that ended meanwhile; waits for one, but not longer than `timeout` seconds."""

    def check_alive(self, limit: float) -> None:
        """Raise `UnreachableError` if nobody works any more; free workers that hang longer than `limit` seconds."""


class _Drained:
    """A queue of which everything that is there is taken at once."""

    def __init__(self) -> None:
        self.queue: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def take(self, timeout: float) -> list[Any]:
        found = []
        with suppress(queue.Empty):
            found.append(self.queue.get(timeout=timeout))
            while True:
                found.append(self.queue.get_nowait())
        return found


class _Threads:
    """Threads of this process."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.width = str(folder), count
        self.ended = _Drained()
        self.pool = ThreadPoolExecutor(count, thread_name_prefix="partition")

    def submit(self, units: Sequence[tuple[Unit, int]], pack: int = 1) -> None:  # noqa: ARG002 - nothing is carried
        for unit, _ in units:
            self.pool.submit(self._run, unit)

    def _run(self, unit: Unit) -> None:
        try:
            self.ended.queue.put(Outcome(unit, record=run_unit(self.folder, unit)))
        except BaseException as error:  # whatever a routine raises belongs to its partition
            self.ended.queue.put(Outcome(unit, error=error))

    def outcomes(self, timeout: float) -> list[Outcome]:
        return self.ended.take(timeout)

    def check_alive(self, limit: float) -> None:
        """Threads live as long as their process, and no thread that hangs can be freed."""


class _Cluster:
    """Workers of a Dask cluster."""

    def __init__(self, client: Any, folder: Path) -> None:
        self.client, self.folder = client, str(folder)
        self.ended = _Drained()
        self.seen = time.monotonic()
        self.looked, self.threads = -math.inf, 0
        self.futures: dict[str, tuple[list[Unit], Any]] = {}
        self.begun: dict[str, float] = {}
        self.stuck: dict[str, UnreachableError] = {}

    @property
    def width(self) -> int:
        """Threads of all workers there were within a second, at least one."""
        if time.monotonic() - self.looked > _LOOK_S:
            self.threads = self._threads()
        return max(1, self.threads)

    def submit(self, units: Sequence[tuple[Unit, int]], pack: int = 1) -> None:
        first = [unit for unit, attempt in units if attempt == 1]
        packs = [first[at : at + pack] for at in range(0, len(first), pack)]
        packs += [[unit] for unit, attempt in units if attempt > 1]  # alone, so that it fails for itself
        keys = ["partition-{}-{}-{}".format(*one[0], time.monotonic_ns()) for one in packs]
        futures = self.client.map(
            run_units, [self.folder] * len(packs), packs, key=keys, pure=False, retries=0, batch_size=len(packs)
        )
        for key, one, future in zip(keys, packs, futures, strict=True):
            self.futures[key] = (one, future)
            future.add_done_callback(lambda done: self.ended.queue.put(done.key))

    def outcomes(self, timeout: float) -> list[Outcome]:
        keys = [key for key in dict.fromkeys(self.ended.take(timeout)) if key in self.futures]
        found = [
            Outcome(unit, error=error)
            for key in keys
            if (error := self.stuck.pop(key, None)) is not None
            for unit in self.futures.pop(key)[0]
        ]
        ended = [self.futures.pop(key) for key in keys if key in self.futures]
        made = self._results([future for _, future in ended])
        for _, future in ended:
            future.release()
        for (units, _), results in zip(ended, made, strict=True):
            each = [results] * len(units) if isinstance(results, BaseException) else results
            found += [self._outcome(unit, result) for unit, result in zip(units, each, strict=True)]
        return found

    def _results(self, futures: list[Any]) -> list[Any]:
        """Records of packs that ended, or the error of a whole pack."""
        if not futures:
            return []
        try:
            return list(self.client.sync(self._fetched, futures, callback_timeout=3 * _RESULT_S))
        except Exception as error:  # of the connection: each partition learns of it
            return [error] * len(futures)

    async def _fetched(self, futures: list[Any]) -> list[Any]:
        """Records of all in one question; those that gave none are asked one by one."""
        found: dict[str, Any] = {}
        with suppress(asyncio.TimeoutError):
            asked = self.client.gather({one.key: one for one in futures}, errors="skip")
            found = await asyncio.wait_for(asked, _RESULT_S)
        left = [one for one in futures if found.get(one.key) is None]
        each = (asyncio.wait_for(one, _RESULT_S) for one in left)
        found |= zip([one.key for one in left], await asyncio.gather(*each, return_exceptions=True), strict=True)
        return [found[one.key] for one in futures]

    def _outcome(self, unit: Unit, result: Any) -> Outcome:
        """Record or error of a partition; one whose result died with its worker after it ended is tried again."""
        import distributed
        from distributed.scheduler import KilledWorker

        gone = (TimeoutError, distributed.TimeoutError, distributed.CancelledError, asyncio.CancelledError)
        if not isinstance(result, BaseException):
            return Outcome(unit, record=result)
        if isinstance(result, gone):
            lost = UnreachableError(f"its result was lost with its worker ({type(result).__name__}).")
            return Outcome(unit, error=lost)
        return Outcome(unit, error=result, killed=isinstance(result, KilledWorker))

    def _threads(self) -> int:
        """Threads of all workers there are now."""
        self.looked = time.monotonic()
        workers = self.client.scheduler_info(n_workers=-1)["workers"].values()
        return sum(int(worker["nthreads"]) for worker in workers)

    def check_alive(self, limit: float) -> None:
        status = self.client.status
        if status != "running":
            msg = f"the scheduler is gone (client {status}). What is done is kept: run again when it is back."
            raise UnreachableError(msg)
        now = time.monotonic()
        self.threads = self._threads()
        if self.threads:
            self.seen = now
            self._free(now, limit)
        elif now - self.seen > _NO_WORKER_S:
            msg = f"the cluster has had no worker for {_NO_WORKER_S:.0f} s. What is done is kept: run again."
            raise UnreachableError(msg)

    def _free(self, now: float, limit: float) -> None:
        """Start workers anew that have worked on the same partitions for too long."""
        working = {key: worker for worker, keys in self.client.processing().items() for key in keys}
        self.begun = {key: self.begun.get(key, now) for key in working if key in self.futures}
        late = [key for key, begun in self.begun.items() if now - begun > limit]
        if not late:
            return
        said = f"it did not end within {limit:.0f} s, so its worker was started anew."
        for key in late:
            self.stuck[key] = UnreachableError(said)
            self.futures[key][1].cancel()
            self.ended.queue.put(key)
        try:
            self.client.restart_workers(sorted({working[key] for key in late}), timeout=_NO_WORKER_S)
        except Exception as error:  # workers without a nanny, and those that do not come back
            msg = f"a worker hangs and cannot be started anew ({type(error).__name__}). End it, and run again."
            raise UnreachableError(msg) from error


@contextmanager
def _threads(folder: Path, count: int) -> Iterator[Runner]:
    threads = _Threads(folder, count)
    try:
        yield threads
    finally:
        threads.pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _client(address: str, count: int) -> Iterator[Any]:
    """Client of a cluster of this machine, made here, or of one at an address."""
    import dask
    import distributed

    Client: Any = distributed.Client
    LocalCluster: Any = distributed.LocalCluster

    if address != "local":
        try:
            client = Client(address, timeout=_ANSWER_S, set_as_default=False)
        except (OSError, ValueError) as error:
            msg = f"no scheduler answers at {address!r}: {error}. Give its address, such as tcp://host:8786."
            raise UnreachableError(msg) from error
        with client:
            client.run_on_scheduler(_blame_once)
            yield client
        return
    with dask.config.set(_CLUSTER):
        try:
            made = LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address="127.0.0.1:0")
        except (OSError, RuntimeError) as error:
            msg = f"{count} worker processes of this machine did not start: {error}. Start fewer (--workers), or again."
            raise UnreachableError(msg) from error
        with made as cluster, Client(cluster, set_as_default=False) as client:
            yield client


def _blame_once(dask_scheduler: Any = None) -> None:
    """Let the scheduler at an address end a partition at the second death of its worker."""
    dask_scheduler.allowed_failures = 1


@contextmanager
def open_runner(scheduler: str, folder: Path, count: int) -> Iterator[Runner]:
    """
    Open what works on partitions.

    Parameters
    ----------
    scheduler : str
        ``threads``, ``local`` (a cluster of processes on this machine, made here) or the address of a scheduler.
    folder : pathlib.Path
        Of the run; workers must see it at the same place.
    count : int
        Threads, or processes.

    Yields
    ------
    Runner
        Closed when the block ends.

    Raises
    ------
    InputError
        If `scheduler` is none of these.
    UnreachableError
        If no scheduler answers.
    """
    if scheduler == "threads":
        with _threads(folder, count) as runner:
            yield runner
    elif scheduler == "local" or "://" in scheduler:
        with _client(scheduler, count) as client:
            yield _Cluster(client, folder)
    else:
        msg = f"scheduler is {scheduler!r}, need 'threads', 'local' or an address such as tcp://host:8786."
        raise InputError(msg)
