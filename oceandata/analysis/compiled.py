"""Compiling loops with numba; only modules that are imported inside tasks may import this, for numba takes a second."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

__all__ = ["compiled"]

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(function: Kernel, *, reassociate: bool = False) -> Kernel:
    """
    Compile a loop at its first call, and keep the machine code on disk where that can be written to.

    The code kept is made anew when the file of `function` changes, not when a file changes that holds another compiled
    function it calls: keep these in one file.

    Parameters
    ----------
    function : callable
        A loop over NumPy arrays; releases the interpreter lock while it runs.
    reassociate : bool
        Let sums be taken in another order, so that one running sum becomes several side by side.

    Returns
    -------
    callable
        The same, compiled.
    """
    make: Any = numba.njit
    asked: dict[str, Any] = {"nogil": True, "fastmath": {"reassoc"} if reassociate else False}
    try:
        made: Kernel = make(cache=True, **asked)(function)
    except RuntimeError:  # no folder for the cache
        made = make(**asked)(function)
    return made
