"""Metering is exact wherever chunks are read: threads, processes, workers that die, tasks that are tried again."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from oceandata import analysis
from oceandata.trade import Usage, lineage, metering


def _assert_exact(usage: Usage, planned: Any) -> None:
    assert usage.matches
    for one, plan in zip(usage.inputs, planned.planned, strict=True):
        assert one.served == one.planned == plan.keys
        assert one.unique_bytes == plan.stored_bytes
        assert one.gross_bytes >= one.unique_bytes


MAKE = {
    "arithmetic": lambda a, b: (a - b).mean("time"),
    "rechunk": lambda a, b: (a.chunk(time=7, longitude=100) - b.chunk(time=54, longitude=50)).max("time"),
    "streamed": lambda a, b: analysis.area_mean(a - b),
}


@pytest.mark.parametrize("how", MAKE)
@pytest.mark.parametrize("workers", [1, 4])
def test_threads(sst: xr.DataArray, other: xr.DataArray, how: str, workers: int) -> None:
    result = MAKE[how](sst, other)
    planned = lineage(result)
    with metering(planned) as usage:
        result.compute(scheduler="threads", num_workers=workers)
    _assert_exact(usage, planned)
    assert (usage.processes, usage.complete) == (1, True)


def test_processes(sst: xr.DataArray, other: xr.DataArray) -> None:
    result = (sst - other).mean("time")
    planned = lineage(result)
    with metering(planned) as usage:
        result.compute(scheduler="processes", num_workers=2)
    _assert_exact(usage, planned)
    assert usage.unique_bytes == usage.gross_bytes
    assert 1 <= usage.processes <= 2
    assert usage.missing == ()


def _cluster(workers: int) -> Iterator[Any]:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", silence_logs=50
        ) as local,
        Client(local) as client,
    ):
        yield client


@pytest.fixture(
    scope="module",
    params=[pytest.param(1, marks=pytest.mark.hard), 2, *(pytest.param(n, marks=pytest.mark.hard) for n in (3, 4))],
)
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    yield from _cluster(request.param)


@pytest.mark.parametrize("how", MAKE)
def test_workers(client: Any, sst: xr.DataArray, other: xr.DataArray, how: str) -> None:
    result = MAKE[how](sst, other)
    planned = lineage(result)
    with metering(planned) as usage:
        computed = result.compute()
    _assert_exact(usage, planned)
    assert usage.complete
    assert 1 <= usage.processes <= len(client.scheduler_info()["workers"])
    np.testing.assert_allclose(computed, result.compute(scheduler="synchronous"), rtol=1e-5)


def test_a_task_that_is_tried_again(client: Any, sst: xr.DataArray, tmp_path: Path) -> None:
    marks = str(tmp_path)

    def fail_once(block: Any) -> Any:
        mark = Path(marks) / f"{float(block.flat[0])}"
        if not mark.exists():
            mark.touch()
            raise ZeroDivisionError
        return block

    flaky = sst.copy(data=sst.data.map_blocks(fail_once, meta=sst.data._meta))
    planned = lineage(flaky)
    with metering(planned) as usage:
        flaky.compute(retries=5)
    _assert_exact(usage, planned)
    assert usage.complete
    assert usage.gross_bytes == 2 * usage.unique_bytes


def test_a_killed_worker_is_named_and_what_it_served_stays_counted(
    client: Any, sst: xr.DataArray, tmp_path: Path
) -> None:
    mark = tmp_path / "killed"

    def kill_once(block: Any) -> Any:
        if block.shape[0] == 10 and not mark.exists():  # the last chunk
            mark.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return block

    fatal = sst.copy(data=sst.data.map_blocks(kill_once, meta=sst.data._meta))
    planned = lineage(fatal)
    with metering(planned) as usage:
        computed = fatal.mean("time").compute()
    _assert_exact(usage, planned)
    assert usage.gross_bytes > usage.unique_bytes
    assert not usage.complete
    (named,) = usage.missing
    assert f":{mark.read_text()} died" in named
    assert usage.to_json()["complete"] is False
    assert ("incomplete", named, "", "") in usage.rows()
    np.testing.assert_allclose(computed, sst.mean("time").compute(scheduler="synchronous"), rtol=1e-5)
    with metering(lineage(sst)) as later:
        sst.mean().compute()
    assert later.complete
    assert later.matches


def test_a_cluster_that_closes_meanwhile_is_complete(sst: xr.DataArray) -> None:
    planned = lineage(sst)
    with metering(planned) as usage:
        for _ in _cluster(1):
            sst.mean().compute()
    _assert_exact(usage, planned)
    assert usage.missing == ()
