"""Progress bars for long work: shown on a terminal or in a notebook, silent elsewhere and when switched off."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from oceandata.options import get_options

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["byte_bar", "count_bar", "task_bar"]


def _progress(*, of_bytes: bool) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    shown = get_options().progress and (console.is_terminal or console.is_jupyter)
    count = DownloadColumn() if of_bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description:<24}"), BarColumn(), count, TimeElapsedColumn())
    return Progress(*columns, console=console, disable=not shown)


@contextmanager
def byte_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """
    Bar that a routine moves with the amount done and the whole.

    Parameters
    ----------
    label : str
        What is being done.

    Yields
    ------
    callable
        Takes the amount done and the whole.
    """
    with _progress(of_bytes=True) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def count_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """
    Bar that a routine moves with the number of things done and of all.

    Parameters
    ----------
    label : str
        What is being done.

    Yields
    ------
    callable
        Takes the number done and the whole.
    """
    with _progress(of_bytes=False) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def task_bar(label: str = "compute") -> Iterator[None]:
    """
    Bar that counts the Dask tasks computed in this process inside a ``with`` block.

    Work on a distributed cluster is not seen here: its dashboard shows it.

    Parameters
    ----------
    label : str
        What is being computed.

    Yields
    ------
    None
        Nothing.
    """
    from dask.callbacks import Callback

    with _progress(of_bytes=False) as progress:
        task = progress.add_task(label, total=None)

        def begun(_: Any, state: dict[str, Any]) -> None:
            whole = sum(len(state[name]) for name in ("ready", "waiting", "running"))
            progress.update(task, total=whole, completed=0)

        def finished(*_: Any) -> None:
            progress.advance(task)

        with Callback(start_state=begun, posttask=finished):
            yield
