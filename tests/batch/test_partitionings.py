"""However a job is cut, carried and timed, its result is the same: to the bits for one plan, to rounding for others."""

import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from oceandata import catalog
from oceandata.batch import Share, ledger, load_job, read_status, run_job
from tests.batch.conftest import Holding, Make, opened, plain, same_bits

#: Largest difference of sums in another order, of the largest value; what the routines state for float64.
_ROUNDING = 1e-12


@settings(max_examples=8)
@given(
    routine=st.sampled_from([("mean", {"dim": "time"}), ("climatology", {}), ("trend", {}), ("area_mean", {})]),
    steps=st.integers(1, 48),
    rows=st.integers(2, 18),
    seconds=st.sampled_from([1e-6, 1e-4, 60.0]),
    shares=st.integers(1, 3),
)
def test_another_partitioning_agrees(
    holding: Holding, routine: tuple[str, dict[str, Any]], steps: int, rows: int, seconds: float, shares: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        document = {
            "schema": "oceandata.job/1",
            "name": "cut",
            "input": {"catalog": str(holding.catalog), "entry": "sst", "blocks": {"time": steps, "lat": rows}},
            "routine": routine[0],
            "arguments": routine[1],
            "output": "cut.nc",
            "resources": {"partition_s": seconds, "workers": 1},
        }
        path = Path(folder) / "cut.yaml"
        path.write_text(yaml.safe_dump(document))
        job = load_job(path)
        for number in range(shares if shares > 1 else 0):
            assert run_job(job, share=Share(number, shares), canary=False).code in (0, 75)
        assert run_job(job, canary=False).code == 0
        found = opened(job)
        expected = plain(job, catalog.open_catalog(holding.catalog).open("sst")["sst"])
    for name, array in expected.data_vars.items():
        one, two = found[name].to_numpy(), array.to_numpy()
        scale = np.nanmax(np.abs(two)) if two.dtype.kind == "f" else 1
        np.testing.assert_allclose(one, two, rtol=_ROUNDING, atol=_ROUNDING * scale)


@pytest.mark.parametrize("skew", [-10 * 86_400, 10 * 86_400], ids=["behind", "ahead"])
def test_clocks_that_differ_change_nothing(make_job: Make, monkeypatch: pytest.MonkeyPatch, skew: int) -> None:
    whole, job = make_job("whole"), make_job("skewed")
    assert run_job(whole, canary=False).code == 0
    with monkeypatch.context() as other:
        other.setattr(ledger, "time", SimpleNamespace(time=lambda: time.time() + skew))
        first = run_job(job, share=Share(0, 2), canary=False)
    status = read_status(job.run_folder)
    assert 0 < status.done == first.done < first.partitions
    told = status.to_json()
    assert all(value >= 0 for value in told.values() if isinstance(value, int | float))
    second = run_job(job, canary=False)
    assert (second.code, second.fresh) == (0, second.partitions - first.done)
    assert same_bits(opened(whole), opened(job))
