"""Killed at any moment: no file, or the whole one; the same request continues and ends the same."""

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from oceandata import set_options
from oceandata.catalog import open_catalog
from oceandata.trade import plan_subset, read_stamp, write_subset

SEEDS = [pytest.param(seed, marks=[pytest.mark.hard] if seed > 1 else []) for seed in range(20)]

_DRIVER = """
import sys
from oceandata import set_options
from oceandata.catalog import open_catalog
from oceandata.trade import plan_subset, write_subset
from oceandata.trade.subset import fetching

fetching._CHECKPOINT_S = 0
set_options(block_bytes=1)
plan = plan_subset(open_catalog(sys.argv[1]), "ocean", sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
write_subset(plan)
print("done", flush=True)
"""


def _plan(catalog: Path, target: Path):
    """The plan of the driver."""
    with set_options(block_bytes=1):
        return plan_subset(open_catalog(catalog), "ocean", target)


def _killed(catalog: Path, target: Path, delay_s: float) -> bool:
    """Whether the driver had finished when it was killed so long after it began."""
    command = [sys.executable, "-c", _DRIVER, str(catalog), str(target)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        time.sleep(delay_s)
    finally:
        process.kill()
        said = process.communicate()[0]
    return "done" in said


@pytest.fixture(scope="module")
def undisturbed(ocean, tmp_path_factory):
    """Seconds that an undisturbed run takes, and the values it ends with."""
    target = tmp_path_factory.mktemp("undisturbed") / "out.nc"
    plan = _plan(ocean.path, target)
    began = time.monotonic()
    report = write_subset(plan)
    with xr.open_dataset(target) as ds:
        return time.monotonic() - began, ds.load(), report


@pytest.mark.parametrize("name", ["out.nc", "out.zarr"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_killed_run_continues_and_ends_the_same(ocean, undisturbed, tmp_path, seed, name):
    takes_s, wanted, report = undisturbed
    delays = random.Random(seed)
    target = tmp_path / name
    for _ in range(2):
        if target.exists():
            break
        finished = _killed(ocean.path, target, delays.uniform(0, 1.2 * takes_s))
        assert target.exists() or not finished
    if target.exists() and not list(tmp_path.glob(".*.partial/journal.log")):
        usage = read_stamp(target)[1]
        shutil.rmtree(tmp_path / f".{name}.partial", ignore_errors=True)  # nothing but an empty folder can be left
    else:  # a run that died before it tidied up is finished by the same request too
        usage = write_subset(_plan(ocean.path, target)).usage.to_json()
    opened = xr.open_zarr(target) if name == "out.zarr" else xr.open_dataset(target)
    with opened as found:
        assert set(found.variables) == set(wanted.variables)
        for one in wanted.variables:
            np.testing.assert_array_equal(found[one].values, wanted[one].values)
            assert found[one].dtype == wanted[one].dtype
    assert [one.name for one in tmp_path.iterdir()] == [name]
    assert usage["matches_plan"]
    assert usage["unique_bytes"] == report.usage.unique_bytes
