"""The window: many short partitions in flight, few long ones; one wait for the disk a group; nothing is listed."""

import os
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from oceandata import trade
from oceandata.batch import Resources, Share, Stop, plan, run_job
from oceandata.batch.ledger import Ledger, read_ledger
from oceandata.batch.runners import Outcome
from oceandata.batch.window import Window
from oceandata.batch.worker import run_units
from oceandata.journal import Journal
from tests.batch.conftest import Make


class Recorder:
    """Does partitions at once, as many as it is given, and notes how many that were."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.width = seconds, 2
        self.groups: list[int] = []
        self.packs: list[int] = []
        self.ended: deque[list[Outcome]] = deque()

    def submit(self, units: Any, pack: int = 1) -> None:
        self.groups.append(len(units))
        self.packs.append(pack)
        record = {"s": self.seconds, "peak": 0, "nbytes": 0, "sha256": "", "reads": {}}
        self.ended.append([Outcome(unit, record=record | {"done": list(unit)}) for unit, _ in units])

    def outcomes(self, timeout: float) -> list[Outcome]:
        assert timeout > 0
        return self.ended.popleft() if self.ended else []

    def check_alive(self, limit: float) -> None:
        """It always is."""


@pytest.mark.parametrize(("seconds", "widest", "pack"), [(0.0, 64, 10), (0.1, 20, 3), (60.0, 6, 1)])
def test_short_partitions_are_handed_out_in_larger_groups(
    seconds: float, widest: int, pack: int, tmp_path: Path
) -> None:
    runner, ledger = Recorder(seconds), Ledger([200])
    with Journal(tmp_path / "ledger-all.log") as journal:
        Window(Resources(), ledger, journal, runner, Stop()).run(0, Share(), None)
    assert ledger.is_whole
    assert runner.groups[0] == 6  # nothing is known before the first have ended
    assert max(runner.groups) == widest
    assert (runner.packs[0], max(runner.packs)) == (1, pack)


def test_every_worker_gets_some_of_few(tmp_path: Path) -> None:
    runner = Recorder(0.0)
    with Journal(tmp_path / "ledger-all.log") as journal:
        Window(Resources(in_flight=5), Ledger([50]), journal, runner, Stop()).run(0, Share(), None)
    assert max(runner.packs) == 2


def test_the_error_of_one_of_several_is_its_own(make_job: Make) -> None:
    job = make_job()
    assert run_job(job, share=Share(0, 1000), canary=False).done >= 1
    folder = str(job.run_folder)
    done, lost, again = run_units(folder, [(0, 1), (9, 0), (0, 2)])
    assert isinstance(lost, Exception)
    assert [done["done"], again["done"]] == [[0, 1], [0, 2]]  # type: ignore[index]
    with pytest.raises(type(lost)):
        run_units(folder, [(9, 0)])


def test_the_disk_is_waited_for_once_a_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[int] = []
    path, fsync = tmp_path / "ledger-all.log", os.fsync

    def noted(descriptor: int) -> None:
        waited.append(len(path.read_bytes().splitlines()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    runner = Recorder(0.0)
    with Journal(path, sync=True) as journal:
        Window(Resources(in_flight=4), Ledger([10]), journal, runner, Stop()).run(0, Share(), None)
    assert waited == [4, 8, 10]  # all lines of a group are there when it is waited for
    assert read_ledger(tmp_path, [10]).is_whole


def test_a_group_that_ends_the_run_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[int] = []
    monkeypatch.setattr(os, "fsync", waited.append)
    with Journal(tmp_path / "log", sync=True) as journal:

        def append_two() -> None:
            with journal.together():
                journal.append({"done": 1})
                assert waited == []
                journal.append({"done": float("nan")})

        with pytest.raises(ValueError, match="not JSON compliant"):
            append_two()
        assert len(waited) == 1
        journal.append({"done": 2})
        assert len(waited) == 2


def test_a_run_begins_without_a_list_of_very_many_chunks(make_job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        msg = "all chunks are listed"
        raise AssertionError(msg)

    monkeypatch.setattr(plan, "LISTED_BLOCKS", 1)
    monkeypatch.setattr(trade, "lineage", refused)
    report = run_job(make_job(), share=Share(0, 2), canary=False)
    assert report.how == "drained"
    assert report.fresh > 1
