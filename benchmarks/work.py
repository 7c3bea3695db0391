"""What a row of the benchmarks is: two programs that do the same work, and what was promised."""

import dataclasses
from collections.abc import Callable

__all__ = ["Goal", "Program", "Work"]


@dataclasses.dataclass(frozen=True)
class Program:
    """
    One side of a comparison.

    Attributes
    ----------
    name : str
        For the table.
    argv : tuple of str
        Command of a whole run.
    warm_argv : tuple of str
        Command whose last line of output is a JSON object with ``cpu_s`` and ``wall_s`` of its second call; empty for a
        program that cannot be called twice.
    packages : tuple of str
        Distributions of the interpreter ``argv[0]`` whose versions belong in the row.
    """

    name: str
    argv: tuple[str, ...]
    warm_argv: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Goal:
    """Largest ratios of CPU seconds, ours by the peer's: of the whole program, and of the second call."""

    whole: float
    warm: float | None = None


def _nothing() -> None:
    """For programs that leave nothing behind."""


@dataclasses.dataclass(frozen=True)
class Work:
    """
    One row: two programs that must agree.

    Attributes
    ----------
    name, text : str
        Short name, and what is computed on what.
    ours, peer : Program
        The two sides.
    goal : Goal
        What was promised.
    prepare : callable
        Makes the input if it is not there yet; not measured.
    agree : callable
        Called when both sides have run: the difference of their results in words, or an error.
    clear : callable
        Removes what the programs wrote, before each measured run and at the end; not measured. Nothing by default.
    """

    name: str
    text: str
    ours: Program
    peer: Program
    goal: Goal
    prepare: Callable[[], None]
    agree: Callable[[], str]
    clear: Callable[[], None] = _nothing
