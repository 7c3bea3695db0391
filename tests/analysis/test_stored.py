"""Stored accumulators: what was appended or corrected is read, the rest is not, and the numbers are the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
import xarray as xr

from oceandata import trade
from oceandata.analysis import plan, statistics, stored
from oceandata.errors import InputError
from oceandata.graph import box_reads, cut
from oceandata.storage import layout, open_dataset, open_store, plan_append, plan_ingest, write_append, write_repository

ASKED: dict[str, dict[str, Any]] = {
    "mean": {"dim": "time"},
    "climatology": {},
    "trend": {"harmonics": (1,)},
    "area_mean": {},
    "histogram": {"bins": [270, 290, 295, 300, 310], "dim": "time"},
    "extremes": {"dim": "time"},
    "variance": {"dim": "time"},
}


def _write(path: Path, start: int, count: int, *, changed: int = -1) -> Path:
    """Months of a field in a file; one of them with other values."""
    random = np.random.default_rng(7)
    values = random.normal(293, 3, (600, 6, 8)).astype("f4")[start : start + count]
    values[:, :2, :2] = np.nan
    if changed >= 0:
        values[changed - start] += 1
    coords = {
        "time": (np.datetime64("1980-01", "M") + np.arange(start, start + count)).astype("datetime64[ns]"),
        "lat": ("lat", np.arange(-25.0, 35, 10), {"units": "degrees_north", "standard_name": "latitude"}),
        "lon": ("lon", np.arange(5.0, 85, 10), {"units": "degrees_east", "standard_name": "longitude"}),
    }
    attributes = {"units": "K", "standard_name": "sea_surface_temperature"}
    field = xr.DataArray(values, coords, ["time", "lat", "lon"], attrs=attributes)
    file = path / f"{start}-{count}-{changed}.nc"
    field.to_dataset(name="sst").to_netcdf(file, encoding={"time": {"units": "days since 1970-01-01"}})
    return file


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    # one map a chunk, so that 160 months make 160 chunks
    write_repository(plan_ingest([_write(tmp_path, 0, 160)], tmp_path / "r", chunk_bytes=200))
    return tmp_path / "r"


@pytest.fixture
def compute(tmp_path: Path) -> Callable[..., Any]:
    def computed(url: Path, **options: Any) -> tuple[dict[str, Any], int, int]:
        """Results, chunks of data that were served, and chunks they are made of."""
        sst = open_dataset(url, chunks={"time": 2, "lat": -1, "lon": -1})["sst"]
        lazy = statistics(sst, ASKED, store=tmp_path / "states", **options)
        made_of = trade.lineage(*lazy.values())
        expected = plan(*lazy.values())
        with trade.metering(made_of) as usage:
            found = dask.compute(lazy, scheduler="threads")[0]
        assert not any(one.extra for one in usage.inputs)
        served = sum(len(one.served) for one in usage.inputs if one.variable == "sst")
        assert sum(round(one.chunks * one.reads) for one in expected.arrays) == served
        return found, served, sum(len(one.chunks) for one in made_of.planned if one.variable == "sst")

    return computed


def _assert_same(found: dict[str, Any], url: Path) -> None:
    plain = dask.compute(statistics(open_dataset(url)["sst"], ASKED), scheduler="sync")[0]
    for label, expected in plain.items():
        xr.testing.assert_allclose(found[label], expected, rtol=1e-9, atol=1e-9)


def test_an_append_reads_only_what_is_new(repository: Path, compute: Any, tmp_path: Path) -> None:
    found, served, made_of = compute(repository)
    assert served == made_of == 160
    _assert_same(found, repository)
    again, served, made_of = compute(repository)
    assert (served, made_of) == (0, 160)
    xr.testing.assert_identical(again["mean"].drop_attrs(), found["mean"].drop_attrs())
    write_append(plan_append([_write(tmp_path, 160, 8)], repository))
    found, served, made_of = compute(repository)
    assert made_of == 168
    assert served == 8
    _assert_same(found, repository)


def test_a_corrected_range_is_read_alone(repository: Path, compute: Any, tmp_path: Path) -> None:
    compute(repository)
    corrected = _write(tmp_path, 37, 1, changed=37)
    write_append(plan_append([corrected], repository, replace=("1983-02", "1983-02"), change="reprocessing"))
    found, served, made_of = compute(repository)
    assert made_of == 160
    assert served == 16  # the partition that holds it: eight blocks of two months
    _assert_same(found, repository)


def test_other_arguments_are_other_states(repository: Path, tmp_path: Path) -> None:
    sst = open_dataset(repository)["sst"]
    one = statistics(sst, {"histogram": {"bins": [280, 290]}}, store=tmp_path / "states")["histogram"].compute()
    other = statistics(sst, {"histogram": {"bins": [290, 300]}}, store=tmp_path / "states")["histogram"].compute()
    assert one.values.tolist() != other.values.tolist()


def test_steps_after_opening_need_a_name(repository: Path, tmp_path: Path) -> None:
    celsius = open_dataset(repository)["sst"] - 273.15
    with pytest.raises(InputError, match="Give the steps a name"):
        statistics(celsius, ["mean"], store=tmp_path / "states")
    found = statistics(celsius, ["mean"], store=tmp_path / "states", steps="degC")["mean"].compute()
    kelvin = statistics(celsius + 273.15, ["mean"], store=tmp_path / "states", steps="K again")["mean"].compute()
    assert float(kelvin - found) == pytest.approx(273.15, abs=1e-4)


def test_data_that_nothing_vouches_for_are_refused(tmp_path: Path) -> None:
    values = xr.DataArray(np.zeros(10), dims=["time"], name="t").chunk(time=5)
    with pytest.raises(InputError, match="do not come from a repository"):
        statistics(values, ["mean"], store=tmp_path / "states")


def test_a_state_that_was_half_written_is_not_there(repository: Path, compute: Any, tmp_path: Path) -> None:
    compute(repository)
    states = sorted((tmp_path / "states").iterdir())
    assert not any(one.name.startswith(".") for one in states)
    (tmp_path / "states" / ".half.abc").mkdir()
    found, served, _ = compute(repository)
    assert served == 0
    _assert_same(found, repository)


def test_kept_leaves_are_those_of_their_snapshot(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leaves are read once a snapshot and array; a corrected month differs in its own chunk only."""
    month = ("1983-01-01", "1983-01-01")
    write_append(plan_append([_write(tmp_path, 36, 1, changed=36)], repository, replace=month))
    looked: list[str] = []
    read_layout = layout.read_layout

    def counted(store: Any, group: str, *, names: list[str]) -> layout.Layout:
        looked.append(group)
        return read_layout(store, group, names=names)

    monkeypatch.setattr(layout, "read_layout", counted)

    def digests(revision: str) -> list[Any]:
        sst = open_dataset(repository, revision=revision, chunks={"time": 2, "lat": -1, "lon": -1})["sst"]
        recipe = cut(sst.data)
        boxes = [((number, number + 1), (0, 1), (0, 1)) for number in range(30)]
        return [stored._chunk_digests(read) for box in boxes for read in box_reads(recipe, box)]

    stored._recorded.cache_clear()
    found = {revision: digests(revision) for revision in ("r1", "r2", "r1")}
    assert len(looked) == 2
    for revision, kept in found.items():
        recorded = read_layout(open_store(repository, revision=revision).uncounted, "maps").leaves["sst"].digests
        assert all(
            np.array_equal(leaves[:, None, None], recorded[2 * number : 2 * number + 2])
            for number, (_, _, leaves) in enumerate(kept)
        )
    changed = [not np.array_equal(one[2], other[2]) for one, other in zip(found["r1"], found["r2"], strict=True)]
    assert [number for number, differs in enumerate(changed) if differs] == [18]
