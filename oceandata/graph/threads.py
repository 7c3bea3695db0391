"""One thread for linear algebra inside each task: tasks are what runs in parallel."""

import contextlib
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

__all__ = ["one_blas_thread"]

_lock = threading.Lock()
_inside = 0
_limited: Any = None


@cache
def _controller() -> Any:
    """Linear algebra libraries of this process."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """
    Let linear algebra use one thread while any task is inside.

    Products of the small and flat arrays of accumulators cost many times more when a library splits them among threads
    that wait for each other. What was set before is set again when the last task leaves.

    Yields
    ------
    None
        Work inside the block.
    """
    global _inside, _limited
    with _lock:
        if _inside == 0:
            _limited = _controller().limit(limits=1, user_api="blas")
            _limited.__enter__()
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _limited.__exit__(None, None, None)
                _limited = None
