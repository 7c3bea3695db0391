"""Progress bars: counts that arrive at the whole, on the error output only, and silent where nobody looks."""

import contextlib
import io
import re

import dask.array
import numpy as np
import pytest
from rich.console import Console

from oceandata import progress
from oceandata.options import set_options


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a person would see: every console is a terminal that writes here."""
    seen = io.StringIO()

    def console(**given: object) -> Console:
        assert given == {"stderr": True}
        return Console(file=seen, force_terminal=True, width=100)

    monkeypatch.setattr("rich.console.Console", console)
    return seen


def _last_count(terminal: io.StringIO) -> tuple[int, int]:
    """Done and whole as they were drawn last."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue())
    done, whole = re.findall(r"(\d+)/(\d+)", plain)[-1]
    return int(done), int(whole)


def test_bytes_are_shown(terminal: io.StringIO) -> None:
    with progress.byte_bar("ingest") as moved:
        moved(500_000, 2_000_000)
        moved(2_000_000, 2_000_000)
    assert "ingest" in terminal.getvalue()
    assert "2.0/2.0 MB" in terminal.getvalue()


def test_tasks_are_counted(terminal: io.StringIO) -> None:
    with progress.task_bar("mean"):
        assert dask.array.ones((40,), chunks=10).map_blocks(np.sqrt).sum().compute(scheduler="threads") == 40
    assert "mean" in terminal.getvalue()
    done, whole = _last_count(terminal)
    assert done == whole > 4


def test_two_computations_are_counted_one_after_the_other(terminal: io.StringIO) -> None:
    with progress.task_bar():
        for size in (40, 80):
            dask.array.ones((size,), chunks=10).sum().compute(scheduler="synchronous")
    done, whole = _last_count(terminal)
    assert done == whole > 8


def test_switched_off(terminal: io.StringIO) -> None:
    with set_options(progress=False):
        with progress.byte_bar("ingest") as moved:
            moved(1, 2)
        with progress.task_bar():
            dask.array.ones((4,), chunks=2).sum().compute(scheduler="synchronous")
    assert terminal.getvalue() == ""


def test_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.byte_bar("ingest") as moved:
        moved(1, 2)
    with progress.task_bar():
        assert dask.array.ones((4,), chunks=2).sum().compute(scheduler="synchronous") == 4
    assert capsys.readouterr() == ("", "")


def test_an_error_ends_the_bar(terminal: io.StringIO) -> None:
    from dask.callbacks import Callback

    before = set(Callback.active)
    with contextlib.suppress(ZeroDivisionError), progress.task_bar():
        raise ZeroDivisionError
    with contextlib.suppress(ZeroDivisionError), progress.byte_bar("x"):
        raise ZeroDivisionError
    assert set(Callback.active) == before
