"""
Lines of bulk files made ready for the tables, where there are many by several processes.

Reading and checking an entry takes more than writing it: processes of their own do it while this one writes. They are
started as scripts, so that it does not matter what the calling program looks like.
"""

import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

from oceandata.catalog.index.build import Prepared, prepare
from oceandata.catalog.index.lines import BulkLine, Faults, source_of
from oceandata.errors import OceanDataError

__all__ = ["main", "prepared_lines"]

_BATCH = 1000
#: Lines from which it is worth while to start processes, and how many at most.
_MANY, _WORKERS = 20_000, 4
_PROGRAM = f"import sys; from {__name__} import main; main(sys.stdin.buffer, sys.stdout.buffer)"


def _prepare(lines: Iterable[BulkLine], paths: Mapping[int, Path], faults: Faults) -> list[Prepared]:
    """Sound lines made ready."""
    sources = (source_of(line, paths[line.file], faults) for line in lines)
    return prepare(source for source in sources if source is not None)


class _Worker:
    """A process that makes lines ready, one batch at a time."""

    def __init__(self, paths: Mapping[int, Path], folder: Path) -> None:
        command = [sys.executable, "-c", _PROGRAM]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        # in a session of its own an interruption reaches it through this process, which ends it
        self.process = subprocess.Popen(command, env=environment, start_new_session=True, **pipes)
        self.send((dict(paths), folder))

    def send(self, work: Any) -> None:
        """Give it something to do."""
        assert self.process.stdin is not None
        try:
            pickle.dump(work, self.process.stdin, pickle.HIGHEST_PROTOCOL)
            self.process.stdin.flush()
        except OSError as error:
            raise self._gone() from error

    def result(self, faults: Faults) -> list[Prepared]:
        """What it made of the last batch."""
        assert self.process.stdout is not None
        try:
            ready, found, count = pickle.load(self.process.stdout)  # noqa: S301 - written by our own process
        except EOFError as error:
            raise self._gone() from error
        faults.take(found, count)
        return list(ready)

    def _gone(self) -> OceanDataError:
        return OceanDataError(f"a process that reads entries ended with status {self.process.wait()}. Run it again.")

    def end(self) -> None:
        """Let it go; what it has not finished is lost."""
        self.process.kill()
        self.process.communicate()


def _in_workers(
    batches: Iterator[list[BulkLine]], paths: Mapping[int, Path], faults: Faults
) -> Iterator[list[Prepared]]:
    """Batches made ready by processes, in order; each has one at a time."""
    workers = [_Worker(paths, faults.folder) for _ in range(min(_WORKERS, os.cpu_count() or 1))]
    busy: deque[_Worker] = deque()
    try:
        for number, batch in enumerate(batches):
            ready = None
            if len(busy) < len(workers):
                worker = workers[number]
            else:
                worker = busy.popleft()
                ready = worker.result(faults)
            worker.send(batch)
            busy.append(worker)
            if ready is not None:
                yield ready
        while busy:
            yield busy.popleft().result(faults)
    finally:
        for worker in workers:
            worker.end()


def prepared_lines(lines: Iterable[BulkLine], paths: Mapping[int, Path], faults: Faults) -> Iterator[list[Prepared]]:
    """
    Lines of bulk files made ready for the tables.

    Parameters
    ----------
    lines : iterable of BulkLine
        In the order of names, each name once.
    paths : mapping of int to pathlib.Path
        Bulk files by number.
    faults : Faults
        Told what is wrong with lines; these are left out.

    Yields
    ------
    list of Prepared
        Some at a time, in the same order.

    Raises
    ------
    OceanDataError
        If a process ends that should not.
    """
    remaining = iter(lines)
    first = list(islice(remaining, _MANY))
    everything = chain(first, remaining)
    batches = iter(lambda: list(islice(everything, _BATCH)), [])
    if len(first) < _MANY:
        for batch in batches:
            yield _prepare(batch, paths, faults)
    else:
        yield from _in_workers(batches, paths, faults)


def main(source: BinaryIO, target: BinaryIO) -> None:
    """
    Make batches ready until there are no more.

    Parameters
    ----------
    source, target : binary file
        Pickles: first the bulk files and the folder, then lines; each batch is answered.
    """
    paths, folder = pickle.load(source)  # noqa: S301 - written by our own process
    while True:
        try:
            batch = pickle.load(source)  # noqa: S301
        except EOFError:
            return
        faults = Faults(folder)
        ready = _prepare(batch, paths, faults)
        pickle.dump((ready, faults.found, faults.count), target, pickle.HIGHEST_PROTOCOL)
        target.flush()
