"""The trade benchmarks on small inputs: both products are found, metering is right, and counting can be taken out."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import metering, moving, trade
from benchmarks.limits import Trial
from benchmarks.work import Work
from oceandata.errors import OceanDataError
from oceandata.storage import CountingStore, counted_reads


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmarks") / "pair"
    trade.write_pair(folder, 40)
    return folder


@pytest.mark.parametrize("made", ["arithmetic", "slices", "anomaly"])
@pytest.mark.filterwarnings("ignore")
def test_lineage_of_each_result(pair: Path, made: str) -> None:
    with trade.trace(str(pair), made) as call:
        assert call().endswith(" tasks, 80 chunks")


def test_one_product_is_an_error(pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(trade._RESULTS, "alone", ("one product", lambda *pair: pair[0].mean()))
    with trade.trace(str(pair), "alone") as call, pytest.raises(OceanDataError, match="need both"):
        call()


def test_what_is_there_is_not_written_again(pair: Path) -> None:
    before = (pair / "first").stat().st_mtime_ns
    trade.write_pair(pair, 3)
    assert (pair / "first").stat().st_mtime_ns == before


def test_metering_on_and_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(moving, "_YEAR", 10)
    moving.write_years(tmp_path / "years", 20)
    moving.write_ingested(tmp_path / "repository", tmp_path / "years")
    counting = CountingStore._count
    with counted_reads() as reads:
        metering.main("off", str(tmp_path / "repository"), str(tmp_path / "off.npy"), "1")
    assert reads.counts == {}
    assert CountingStore._count is counting
    metering.main("on", str(tmp_path / "repository"), str(tmp_path / "on.npy"), "2")
    assert set(json.loads(capsys.readouterr().out.splitlines()[-1])) == {"cpu_s", "wall_s"}
    np.testing.assert_allclose(np.load(tmp_path / "on.npy"), np.load(tmp_path / "off.npy"), rtol=1e-12)


def test_rows(tmp_path: Path) -> None:
    rows = trade.works(Path(sys.executable), tmp_path)
    assert [type(row) for row in rows] == [Trial, Trial, Trial, Work]
    assert all(row.limits.wall_s == 2.0 for row in rows if isinstance(row, Trial))
    (work,) = [row for row in rows if isinstance(row, Work)]
    assert work.goal.warm == 1.03
    assert list(tmp_path.iterdir()) == []
