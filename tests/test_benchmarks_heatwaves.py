"""The programs of the row "heatwaves" on a small field, and what makes their results agree."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from benchmarks import fields, heatwaves
from oceandata.errors import OceanDataError


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four years of a few cells, a third of them land, in both formats."""

    def maps(days: int, block: int) -> Iterator[tuple[int, np.ndarray]]:
        noise = np.random.default_rng(1).normal(size=(days + 8, 10, 20))
        values = np.sum([noise[lag : lag + days] for lag in range(9)], axis=0).astype("f4")
        values[:, :2] = np.nan
        for start in range(0, days, block):
            yield start, values[start : start + block]

    folder = tmp_path_factory.mktemp("bench") / "field"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fields, "daily_maps", maps)
        patch.setattr(heatwaves, "_DAYS", 1461)
        patch.setattr(heatwaves, "_LATS", slice(0, 10))
        patch.setattr(heatwaves, "_LONS", slice(0, 20))
        heatwaves.write_fields(folder)
        heatwaves.write_fields(folder)
    return folder


def test_both_formats_hold_the_same_values(field: Path) -> None:
    from oceandata.storage import open_dataset

    with xr.open_dataset(field / "sst.nc") as peer:
        np.testing.assert_array_equal(open_dataset(field / "sst")["sst"], peer["sst"])
        gaps = peer["sst"][:, 2:].isnull()
        assert gaps.any()
        assert not gaps.all("time").any()


def test_our_program_and_the_comparison(field: Path, tmp_path: Path, capsys: Any) -> None:
    heatwaves.main("ours", str(field), str(tmp_path / "ours"), "2")
    used = json.loads(capsys.readouterr().out)
    assert set(used) == {"cpu_s", "wall_s"}
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(tmp_path / "ours" / "events.parquet")
    assert table.num_rows > 50
    durations = table["duration"].to_numpy()
    for change, agrees in ((0, True), (5, False)):
        folder = tmp_path / f"peer-{change}"
        folder.mkdir()
        theirs = xr.Dataset({"duration": ("event", durations[: len(durations) - change])})
        theirs.to_netcdf(folder / "peer_events.nc")
        if agrees:
            assert heatwaves.check_events(tmp_path / "ours", folder).startswith(f"{len(durations)} events")
        else:
            with pytest.raises(OceanDataError, match="the events differ"):
                heatwaves.check_events(tmp_path / "ours", folder)


def test_the_row_names_both_programs(tmp_path: Path) -> None:
    (work,) = heatwaves.works(Path("peer-python"), tmp_path)
    assert work.peer.argv[0] == "peer-python"
    assert work.goal.warm == 0.3
    assert not list(tmp_path.iterdir())
