"""The table on disk: every row and column, in parts, in any calendar, and nothing half written."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from oceandata.analysis import detect_heatwaves, heatwave_climatology, write_heatwaves
from oceandata.analysis.heatwaves import HeatwaveEvents, writing
from oceandata.errors import InputError, MissingExtraError, RepositoryExistsError
from oceandata.options import set_options
from tests.analysis.heatwaves.series import cells


def _events(calendar: str = "standard", shape: tuple[int, int] = (4, 3)) -> HeatwaveEvents:
    sst = cells(shape=shape, calendar=calendar).chunk(time=400, lat=1, lon=1)
    with set_options(memory_bytes=40_000):
        return detect_heatwaves(sst, heatwave_climatology(sst))


@pytest.mark.parametrize("calendar", ["standard", "noleap", "360_day"])
def test_zarr_holds_the_whole_table(tmp_path: Path, calendar: str) -> None:
    events = _events(calendar)
    assert events.parts.size > 4
    table = events.compute()
    path = write_heatwaves(events, tmp_path / "events.zarr")
    with xr.open_zarr(path, consolidated=False) as stored:
        for name in table.variables:
            np.testing.assert_array_equal(stored[name], table[name])
        assert stored["intensity_max"].attrs["units"] == "K"
        assert stored.attrs["references"] == table.attrs["references"]
    assert [one.name for one in tmp_path.iterdir()] == ["events.zarr"]


@pytest.mark.parametrize("calendar", ["standard", "360_day"])
def test_parquet_holds_the_whole_table(tmp_path: Path, calendar: str) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    events = _events(calendar)
    table = events.compute()
    path = write_heatwaves(events, tmp_path / "events.parquet")
    stored = parquet.ParquetFile(path)
    assert stored.num_row_groups > 1
    assert stored.schema_arrow.metadata[b"units of intensity_max"] == b"K"
    columns = stored.read().to_pydict()
    assert set(columns) == set(table.variables)
    for name, column in columns.items():
        values = table[name].values
        if calendar == "360_day" and name.startswith("date_"):
            assert column == [one.isoformat() for one in values]
        else:
            np.testing.assert_array_equal(np.array(column, values.dtype), values)


@pytest.mark.parametrize("ending", ["zarr", "parquet"])
def test_no_events_make_an_empty_table(tmp_path: Path, ending: str) -> None:
    sst = cells().chunk(lat=1)
    events = detect_heatwaves(sst, heatwave_climatology(sst), min_duration=366)
    path = write_heatwaves(events, tmp_path / f"events.{ending}")
    if ending == "zarr":
        with xr.open_zarr(path, consolidated=False) as stored:
            assert stored.sizes["obs"] == 0
    else:
        parquet = pytest.importorskip("pyarrow.parquet")
        assert parquet.read_table(path).num_rows == 0


def test_nothing_is_overwritten_and_nothing_half_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = _events()
    (tmp_path / "there.zarr").mkdir()
    with pytest.raises(RepositoryExistsError, match="is there already"):
        write_heatwaves(events, tmp_path / "there.zarr")
    with pytest.raises(InputError, match=r"need \.parquet or \.zarr"):
        write_heatwaves(events, tmp_path / "events.csv")

    def fail(*_args: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(writing._Zarr, "append", fail)
    with pytest.raises(OSError, match="no space left"):
        write_heatwaves(events, tmp_path / "events.zarr")
    assert [one.name for one in tmp_path.iterdir()] == ["there.zarr"]


def test_parquet_without_pyarrow_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="Parquet needs pyarrow"):
        write_heatwaves(_events(shape=(1, 1)), tmp_path / "events.parquet")
