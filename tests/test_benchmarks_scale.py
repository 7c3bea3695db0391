"""The store of fifty petabytes, small: plain Zarr reads it, jobs run on it, and the tables say what was measured."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from benchmarks import batch, finishing, scale
from benchmarks.batch_memory import memory_of_job
from benchmarks.petabytes import CENTURY, Extent, chunk_values, write_store
from benchmarks.report import BEGIN, END, read_rows, write_between
from benchmarks.scale_tables import tables
from oceandata.errors import NotFoundError, OceanDataError

ROOT = Path(__file__).parents[1]
SMALL = Extent((8, 4, 60, 120), (2, 2, 10, 10))
PART = (slice(2, 6), slice(0, 2), slice(10, 40), slice(20, 80))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scale") / "store"
    write_store(folder, SMALL)
    return folder


def test_plain_zarr_reads_every_chunk(store: Path) -> None:
    field: Any = zarr.open_group(store / "big.zarr", mode="r")["thetao"]
    values = field[...]
    assert field.shape == SMALL.shape
    kinds = {(time, 0, 0, lon): chunk_values(SMALL, (time, 0, 0, lon)) for time in range(2) for lon in range(4)}
    assert len({chunk.tobytes() for chunk in kinds.values()}) == 8
    for place in np.ndindex(*SMALL.counts):
        box = tuple(slice(at * size, (at + 1) * size) for at, size in zip(place, SMALL.chunks, strict=True))
        kind = tuple(at % many for at, many in zip(place, SMALL.kinds, strict=True))
        np.testing.assert_array_equal(values[box], kinds[kind])
    assert len(list((store / "kinds").glob("chunk-*"))) == 8


def test_values_are_temperatures_with_land() -> None:
    values = chunk_values(Extent(SMALL.shape, (2, 2, 40, 500)), (1, 0, 0, 2))
    assert 5 < np.nanmin(values) < np.nanmax(values) < 36
    assert 0.1 < np.isnan(values).mean() < 0.5


def test_a_century_is_fifty_petabytes_and_its_sample_meets_all_places() -> None:
    assert CENTURY.nbytes > 50e15
    assert CENTURY.together * CENTURY.chunk_bytes >= 256e6
    counts = [*CENTURY.counts[:3], CENTURY.counts[3] // CENTURY.together]
    run = np.arange(scale.STRIDE // 2, math.prod(counts), scale.STRIDE)
    assert len(run) >= 1000
    met = [len(set(dim.tolist())) for dim in np.unravel_index(run, counts)]
    assert met == [len(run), *counts[1:]]


def test_one_partition_of_seven(store: Path) -> None:
    found = scale.run_sample(store, SMALL, 7, "threads")
    assert found["of"] == [4, 2, 6, 3]
    assert (found["partitions"], found["run"], found["requests"]) == (144, 21, 84)
    assert found["decoded_bytes"] == 84 * SMALL.chunk_bytes
    assert 0 < found["served_bytes"] < found["decoded_bytes"]


def test_chunks_that_are_served_twice_are_an_error() -> None:
    def record(times: int) -> dict[str, Any]:
        return {"reads": {"big.zarr ": {"lat/c/0": [3, 9], "thetao/c/0/0/0/0": [1, 5], "thetao/c/0/0/0/1": [times, 7]}}}

    assert sum(nbytes for _, nbytes in scale._chunk_reads([record(1)], 2).values()) == 12
    for records in ([record(2)], [record(1), record(1)]):
        with pytest.raises(OceanDataError, match="need 2 each, once"):
            scale._chunk_reads(records, 2)


def test_a_part_runs_to_its_end(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = scale.run_to_the_end(store, SMALL, PART, "threads")
    assert found["decoded_bytes"] == 4 * 4 * 2 * 30 * 60
    assert found["difference"] < 1e-11
    by_hand = scale._means_by_hand
    monkeypatch.setattr(scale, "_means_by_hand", lambda *given: by_hand(*given) + 1e-6)
    with pytest.raises(OceanDataError, match="need 1e-09 at most"):
        scale.run_to_the_end(store, SMALL, PART, "threads")


def test_sizes(tmp_path: Path) -> None:
    found = scale.reference_sizes(tmp_path / "references", 20)
    assert found["references"] == 2000
    assert found["chunks"] > 32 * 2000  # the leaves are there
    own = scale.stored_chunk_sizes(300)
    assert own["manifests"] > 12 * 300  # random names do not compress


def test_ends_of_runs(tmp_path: Path) -> None:
    with finishing.read_lines("20", "3") as call:
        assert call().endswith(" bytes a partition")
    with finishing.merge_states("3") as call:
        three = call()
    with finishing.merge_states("6") as call:
        six = call()
    sums = [float(text.split(",")[0].split()[1]) for text in (three, six)]
    assert sums[1] == pytest.approx(2 * sums[0], rel=1e-4)


@pytest.mark.hard
def test_a_job_within_its_plan_that_reads_each_chunk_once(tmp_path: Path) -> None:
    batch.write_maps(tmp_path / "maps", 60, (6, 8), 10)
    with memory_of_job(str(tmp_path / "maps")) as call:
        assert call().endswith(" partitions, each chunk read once")


def test_rows_of_the_area(tmp_path: Path) -> None:
    names = [row.name for row in batch.works(Path("python"), tmp_path)]
    assert len(names) == len(set(names)) == 13
    assert list(tmp_path.iterdir()) == []


def test_tables_follow_from_the_numbers() -> None:
    measured = json.loads((ROOT / "benchmarks/results/scale/measured.json").read_text("utf-8"))
    rows = read_rows(ROOT / "benchmarks" / "results")
    made = tables(measured, rows)
    document = (ROOT / "docs" / "scale.md").read_text("utf-8")
    assert f"{BEGIN}\n{made}\n{END}" in document
    sample = measured["sample"]["found"]
    hours = sample["cpu_s"] / sample["decoded_bytes"] * CENTURY.nbytes / 3600
    assert f"| 100 | {hours:,.0f} |" in made
    assert sample["run"] >= 1000
    sample["cpu_s"] *= 2
    assert f"| 100 | {2 * hours:,.0f} |" in tables(measured, rows)
    with pytest.raises(NotFoundError, match="Measure it: python -m benchmarks --work 'carrying a partition'"):
        tables(measured, [row for row in rows if row["work"] != "carrying a partition"])


def test_results_name_no_machine() -> None:
    text = (ROOT / "benchmarks/results/scale/measured.json").read_text("utf-8")
    assert str(Path.home()) not in text
    assert str(ROOT) not in text


def test_command_refuses(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCEANDATA_BENCH_DIR", str(tmp_path))
    monkeypatch.setattr(scale, "CENTURY", SMALL)
    monkeypatch.setattr(scale, "_MEASURED", tmp_path / "measured.json")
    assert scale.main(["measure", "--only", "sampel"]) == 2
    assert "no part 'sampel'. Close: 'sample'" in capsys.readouterr().err


def test_text_between_markers(tmp_path: Path) -> None:
    document = tmp_path / "doc.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_between(document, "new")
    assert document.read_text() == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
