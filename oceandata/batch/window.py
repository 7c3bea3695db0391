"""
The window: some partitions in flight, those that failed tried again, and reasons to end.

A partition that dies with its worker is tried again alone, because the death may be the fault of another. A full disk
ends the run at once, and so do partitions that all fail alike.
"""

import errno
import math
import re
import time
from collections import deque
from collections.abc import Callable, Iterator

from oceandata.batch.job import Resources
from oceandata.batch.ledger import Ledger, Share, Unit
from oceandata.batch.runners import Outcome, Runner
from oceandata.errors import CorruptionError, InputError, MemoryBudgetError, UnreachableError
from oceandata.journal import Journal

__all__ = ["Ended", "Progress", "Stop", "Window", "first_line", "is_fatal"]

# Nothing of a disk that says one of these will go better at the next try.
_FATAL = {errno.ENOSPC, errno.EROFS, errno.EDQUOT}

# Errors that come again whatever is tried.
_CERTAIN = (InputError, CorruptionError, MemoryBudgetError, ImportError)

# So many partitions that fail alike, before any is done, are not the fault of the partitions.
_ALIKE = 3

_WIDEST = 1024

# Partitions in flight for each worker: as many as last a second, so that short ones are handed out and fetched in
# groups, within limits; so few of long ones that a run which is asked to stop soon does. A third are carried as one.
_AHEAD = (3, 32)
_AHEAD_S = 1.0
_POLL_S = 0.5

# So many times as long as the longest that ended: then a partition hangs.
_HANGING = 20
_WATCH_S = 2.0

Progress = Callable[[int, int], None]


class Ended(Exception):
    """A run ends before all is done."""

    def __init__(self, *, how: str, why: str) -> None:
        super().__init__(how, why)
        self.how, self.why = how, why


class Stop:
    """
    Asks a run to end.

    Attributes
    ----------
    how : str
        Empty, ``drained`` or ``interrupted``: no more partitions are begun, those begun are waited for.
    now : bool
        Do not wait for those either.
    """

    def __init__(self) -> None:
        self.how, self.now = "", False

    def drain(self) -> None:
        """Begin no more partitions; the same command continues later."""
        self.how = self.how or "drained"

    def interrupt(self) -> None:
        """Begin no more partitions; the second time do not wait either."""
        self.now = bool(self.how)
        self.how = "interrupted"


def is_fatal(error: BaseException | None) -> bool:
    """
    Tell whether an error, or one that it came from, says that a disk takes no more.

    Parameters
    ----------
    error : Exception or None
        The error.

    Returns
    -------
    bool
        True for a full or read-only disk.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FATAL:
            return True
        if "No space left on device" in str(error) or "Free disk space" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def first_line(error: BaseException | None) -> str:
    """Kind of an error and the first line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"


class Window:
    """
    What is in flight, what is to be tried again, and when to end.

    Parameters
    ----------
    resources : Resources
        Attempts, time, and partitions in flight.
    ledger : Ledger
        What is done.
    journal : Journal
        Where it is noted.
    runner : Runner
        Who works.
    stop : Stop
        Asks to end.

    Attributes
    ----------
    fresh : int
        Partitions that this run did.
    failed : dict of Unit to str
        Partitions that were given up, and why.
    """

    def __init__(self, resources: Resources, ledger: Ledger, journal: Journal, runner: Runner, stop: Stop) -> None:
        self.resources, self.ledger, self.journal, self.runner, self.stop = resources, ledger, journal, runner, stop
        self.begun = time.monotonic()
        self.watched = 0.0
        self.fresh = 0
        self.seconds: list[float] = []
        self.in_flight: dict[Unit, int] = {}
        self.again: deque[tuple[Unit, int]] = deque()
        self.quarantine: deque[tuple[Unit, int]] = deque()
        self.alike: dict[str, set[Unit]] = {}
        self.failed: dict[Unit, str] = {}

    def run(self, phase: int, share: Share, on_progress: Progress | None) -> None:
        """
        Work on what is left of a phase.

        Parameters
        ----------
        phase : int
            Its number.
        share : Share
            Which of its partitions.
        on_progress : callable, optional
            Called with the partitions done and all of them.

        Raises
        ------
        Ended
            If the run has to end before.
        """
        todo = self.ledger.left(phase, share)
        left = True
        while True:
            if not self._is_closing():
                left = self._refill(todo)
            if not self.in_flight:
                break
            ended = self.runner.outcomes(_POLL_S)
            if ended:
                with self.journal.together():
                    for outcome in ended:
                        self._take(outcome)
            if ended and on_progress is not None:
                on_progress(sum(map(self.ledger.done_in, range(len(self.ledger.counts)))), sum(self.ledger.counts))
            if self.stop.now:
                break
            self._watch()
        if self._is_closing() and (left or self.again or self.quarantine or self.in_flight):
            raise Ended(
                how=self.stop.how or "drained", why="it was asked to stop" if self.stop.how else "its time is over"
            )

    def _is_closing(self) -> bool:
        """Whether no more partitions are begun: asked to, or none would end in time."""
        if self.stop.how:
            return True
        limit = self.resources.walltime_s
        if not limit:
            return False
        longest = sorted(self.seconds)[math.ceil(0.95 * len(self.seconds)) - 1] if self.seconds else 0.0
        return time.monotonic() - self.begun + longest > limit

    def _refill(self, todo: Iterator[Unit]) -> bool:
        """Hand out partitions up to the window, in groups; whether there may be more."""
        window = min(_WIDEST, self.resources.in_flight or self._ahead() * max(1, self.runner.width))
        room = window - len(self.in_flight)
        if self.in_flight and room < max(1, window // 4):
            return True
        group: list[tuple[Unit, int]] = []
        while len(group) < room and self.again:
            group.append(self.again.popleft())
        while len(group) < room:
            unit = next(todo, None)
            if unit is None:
                break
            group.append((unit, 1))
        if not group and not self.in_flight and self.quarantine:
            group = [self.quarantine.popleft()]  # alone, so that nothing else dies with it
        if group:
            self.in_flight |= dict(group)
            self.runner.submit(group, max(1, min(self._ahead() // _AHEAD[0], len(group) // max(1, self.runner.width))))
        return len(group) >= room

    def _ahead(self) -> int:
        """Partitions in flight for each worker, by what the last ones took."""
        least, most = _AHEAD
        last = self.seconds[-most:]
        if not last:
            return least
        return max(least, min(most, int(_AHEAD_S * len(last) / max(sum(last), 1e-3))))

    def _take(self, outcome: Outcome) -> None:
        attempt = self.in_flight.pop(outcome.unit, 1)
        if outcome.record is not None:
            self.journal.append(outcome.record)
            self.ledger.take(outcome.record)
            self.seconds.append(float(outcome.record["s"]))
            self.fresh += 1
            return
        error = outcome.error
        if is_fatal(error):
            raise Ended(how="storage", why=first_line(error)) from error
        certain = isinstance(error, _CERTAIN) or isinstance(error.__cause__ if error else None, _CERTAIN)
        given_up = certain or attempt >= (
            min(2, self.resources.attempts) if outcome.killed else self.resources.attempts
        )
        said = first_line(error)
        record = {"failed": list(outcome.unit), "attempt": attempt, "error": said, "given_up": given_up}
        self.journal.append(record)
        self.ledger.take(record)
        if given_up:
            self.failed[outcome.unit] = said
        elif outcome.killed:
            self.quarantine.append((outcome.unit, attempt + 1))
        else:
            self.again.append((outcome.unit, attempt + 1))
        self._compare(outcome.unit, said, error)

    def _compare(self, unit: Unit, said: str, error: BaseException | None) -> None:
        """End the run where everything fails alike."""
        units = self.alike.setdefault(re.sub(r"\d+", "#", said), set())
        units.add(unit)
        if not self.fresh and len(units) >= _ALIKE:
            raise Ended(how="failed", why=f"the first {len(units)} partitions failed alike: {said}") from error

    def _patience(self) -> float:
        """Seconds after which a partition hangs: far longer than any that ended; for ever as long as none has."""
        if not self.seconds or not self.resources.hang_s:
            return math.inf
        return max(self.resources.hang_s, _HANGING * max(self.seconds))

    def _watch(self) -> None:
        now = time.monotonic()
        if now - self.watched < _WATCH_S:
            return
        self.watched = now
        try:
            self.runner.check_alive(self._patience())
        except UnreachableError as error:
            raise Ended(how="lost", why=str(error)) from error
