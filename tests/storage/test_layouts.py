"""Layouts: the same values in other chunks, within a memory budget, read as often as the plan says."""

import itertools
import math
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from oceandata import catalog, storage
from oceandata.entities import Asset, Origin, Variable
from oceandata.errors import CorruptionError, InputError, MemoryBudgetError, NotFoundError, RepositoryExistsError
from oceandata.storage import layout_writing, writing
from oceandata.storage.layout_writing import value_digest
from oceandata.storage.opening import stored_ranges
from oceandata.storage.rechunk import boxes
from oceandata.storage.writing import BranchWriter

ROOT = Path(__file__).parents[2]

# Reads all of a layout in time order with little memory: through an intermediate store.
_TIGHT = {"access": "series", "chunk_bytes": 100_000, "memory_bytes": 18_500_000}

_CHILD = """
import sys
from oceandata import storage
from oceandata.storage import layout_writing
layout_writing._COMMIT_BYTES = 1_000_000
plan = storage.plan_layout(sys.argv[1], access="series", chunk_bytes=100_000, memory_bytes=int(sys.argv[2]))
storage.write_layout(plan, on_progress=lambda done, total: print(done, total, flush=True))
"""

_MEMORY_CHILD = """
import resource, sys
from oceandata import storage
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
settings = dict(access="series", memory_bytes=int(sys.argv[3]), chunk_bytes=int(sys.argv[4]))
storage.write_layout(storage.plan_layout(sys.argv[1], **settings))
plan = storage.plan_layout(sys.argv[2], **settings)
before = peak()
storage.write_layout(plan)
print(plan.decoded_bytes, plan.peak_bytes, peak() - before)
"""


@pytest.fixture
def sst(ostia_revision: storage.RevisionSummary, tmp_path: Path) -> Path:
    """The real repository, to write to."""
    return shutil.copytree(ostia_revision.url, tmp_path / "sst")


@pytest.fixture
def cube(cube_revision: storage.RevisionSummary, tmp_path: Path) -> Path:
    """The generated repository, to write to."""
    return shutil.copytree(cube_revision.url, tmp_path / "cube")


def _same_values(url: Path, *layouts: str) -> None:
    first, *others = (storage.open_dataset(url, group=name, chunks=None).load() for name in layouts)
    for other in others:
        xr.testing.assert_identical(first, other)


def test_a_series_layout_beside_the_maps(sst: Path, ostia_revision: storage.RevisionSummary, ostia_file: Path) -> None:
    plan = storage.plan_layout(sst, access="series", chunk_bytes=50_000)
    assert storage.list_revisions(sst)[-1].revision == "r1"
    moved: list[tuple[int, int]] = []
    written = storage.write_layout(plan, on_progress=lambda done, total: moved.append((done, total)))
    assert (written.revision, written.group, written.access) == ("r2", "series", "series")
    assert written.variables["surface_temperature"].chunks == (54, 9, 24)
    assert written.extent == ostia_revision.extent
    assert written.sources == ostia_revision.sources
    assert moved[-1] == (plan.decoded_bytes * 3, plan.decoded_bytes * 3)
    assert moved == sorted(moved)
    _same_values(sst, "maps", "series")
    raw = xr.open_dataset(ostia_file, decode_times=False)["surface_temperature"]
    series = storage.open_dataset(sst, group="series")["surface_temperature"]
    np.testing.assert_array_equal(series, raw)
    assert storage.open_repository(sst).list_branches() == {"main"}


def test_the_first_layout_stays_as_it_was(sst: Path, ostia_revision: storage.RevisionSummary) -> None:
    storage.write_layout(storage.plan_layout(sst, access="series"))
    maps = storage.describe_revision(sst)
    assert (maps.revision, maps.group) == ("r2", "maps")
    assert maps.content_root == ostia_revision.content_root
    assert maps.variables == ostia_revision.variables
    assert storage.describe_revision(sst, revision="r1") == ostia_revision.__class__(
        **(vars(ostia_revision) | {"url": str(sst)})
    )
    assert list(storage.list_revisions(sst)[1].layouts) == ["maps", "series"]
    with pytest.raises(NotFoundError, match=r"no layout 'serie'.*Close: 'series'"):
        storage.describe_revision(sst, layout="serie")


def test_every_layout_is_verified(sst: Path) -> None:
    storage.write_layout(storage.plan_layout(sst, access="series", chunk_bytes=50_000))
    sound = storage.verify_revision(sst)
    assert sound.is_sound
    assert set(sound.layouts) == {"maps", "series"}
    assert sound.checked == sound.chunks > storage.verify_revision(sst, revision="r1").chunks
    chunks = sorted((sst / "chunks").iterdir(), key=lambda path: path.stat().st_mtime)
    content = bytearray(chunks[-1].read_bytes())
    content[len(content) // 2] ^= 1
    chunks[-1].write_bytes(content)
    damaged = storage.verify_revision(sst)
    assert not damaged.is_sound
    assert [damage.key.split("/")[0] for damage in damaged.damages] == ["series"]


def test_a_rechunk_of_the_same_kind_needs_a_name(sst: Path) -> None:
    with pytest.raises(RepositoryExistsError, match="has a layout 'maps' already"):
        storage.plan_layout(sst, access="maps", chunk_bytes=20_000)
    written = storage.write_layout(storage.plan_layout(sst, access="maps", name="small", chunk_bytes=20_000))
    assert (written.group, written.access) == ("small", "maps")
    assert written.variables["surface_temperature"].chunks == (1, 18, 216)
    _same_values(sst, "maps", "small")
    with pytest.raises(InputError, match="need lower case"):
        storage.plan_layout(sst, access="maps", name="Small one")
    with pytest.raises(InputError, match="access is 'rows'"):
        storage.plan_layout(sst, access="rows")


@pytest.mark.parametrize("memory_bytes", [18_500_000, 24_000_000, 500_000_000])
def test_each_byte_is_read_as_often_as_the_plan_says(
    cube: Path, memory_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks that are served while the layout is written and compared, weighed by their size."""
    plan = storage.plan_layout(cube, access="series", chunk_bytes=100_000, memory_bytes=memory_bytes)
    assert plan.peak_bytes <= memory_bytes
    real = layout_writing.read_session

    def counting(*arguments: Any) -> Any:
        return SimpleNamespace(store=storage.CountingStore(real(*arguments).store, Origin(repository="cube")))

    monkeypatch.setattr(layout_writing, "read_session", counting)
    with storage.counted_reads() as reads:
        storage.write_layout(plan)
    array = next(one for one in plan.arrays if one.name == "thetao")
    stored = plan.stored_chunks["thetao"]
    decoded = 0
    for read, (times, _) in reads.counts.items():
        if "/thetao/c/" in read.key:
            position = [int(at) for at in read.key.split("/c/")[1].split("/")]
            sides = zip(position, stored, array.shape, strict=True)
            decoded += times * 4 * math.prod(min((at + 1) * c, n) - at * c for at, c, n in sides)
    assert decoded / array.nbytes == pytest.approx(plan.passes["thetao"].reads + 1)
    assert bool(plan.passes["thetao"].between) == (memory_bytes < 20_000_000)
    monkeypatch.undo()
    _same_values(cube, "maps", "series")


@pytest.fixture(scope="module")
def series_root(cube_revision: storage.RevisionSummary, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Content root of the series of the generated repository, written directly and without a break."""
    url = shutil.copytree(cube_revision.url, tmp_path_factory.mktemp("whole") / "cube")
    return storage.write_layout(storage.plan_layout(url, **(_TIGHT | {"memory_bytes": 10**9}))).content_root


def test_the_way_does_not_change_the_bytes(cube: Path, series_root: str) -> None:
    """Directly or through an intermediate store: the same content root."""
    tight, ample = storage.plan_layout(cube, **_TIGHT), storage.plan_layout(cube, **(_TIGHT | {"memory_bytes": 10**9}))
    assert tight.passes["thetao"].between
    assert not ample.passes["thetao"].between
    assert "through an intermediate store" in str(tight)
    assert "directly" in str(ample)
    assert storage.write_layout(tight).content_root == series_root
    assert not list((cube / "scratch").iterdir())


def test_too_little_memory_names_what_is_needed(cube: Path) -> None:
    with pytest.raises(MemoryBudgetError, match=r"Give memory_bytes=(\d+) or more") as caught:
        storage.plan_layout(cube, access="series", memory_bytes=1_000_000)
    needed = int(str(caught.value).split("memory_bytes=")[1].split()[0])
    assert storage.plan_layout(cube, access="series", memory_bytes=needed).peak_bytes <= needed


_OF_4_MB = pytest.param(600, 4_000_000, 200_000_000, marks=pytest.mark.hard)


@pytest.mark.parametrize(
    ("times", "chunk_bytes", "budget"), [*((times, 500_000, 26_000_000) for times in (30, 60, 120)), _OF_4_MB]
)
def test_memory_stays_within_the_budget(
    ocean_cube: Callable[..., Path], tmp_path: Path, times: int, chunk_bytes: int, budget: int
) -> None:
    """Peak memory of the process, above that of a small run before, at three sizes: up to twice the budget."""
    urls = []
    for name, steps in (("small", 10), ("large", times)):
        file = ocean_cube(tmp_path / f"{name}.nc", steps, lats=180, lons=180)
        urls.append(storage.write_repository(storage.plan_ingest([file], tmp_path / name, chunk_bytes=chunk_bytes)).url)
    command = [sys.executable, "-c", _MEMORY_CHILD, *urls, str(budget), str(chunk_bytes)]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    decoded_bytes, planned_bytes, more_bytes = map(int, found.split())
    assert decoded_bytes > times * 500_000
    assert planned_bytes <= budget
    assert more_bytes <= planned_bytes


def _killed(url: Path, seed: int) -> None:
    """Write the layout in another process, and kill that process at some moment."""
    running = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(url), str(_TIGHT["memory_bytes"])], stdout=subprocess.PIPE, text=True
    )
    assert running.stdout is not None
    moment = random.Random(seed).uniform(0.02, 0.98)
    for line in running.stdout:
        done, total = map(int, line.split())
        if done > moment * total:
            break
    os.kill(running.pid, signal.SIGKILL)
    running.stdout.close()
    running.wait()


@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(seed, marks=pytest.mark.hard) for seed in range(3, 13))])
def test_a_killed_run_continues_and_equals(cube: Path, seed: int, series_root: str) -> None:
    _killed(cube, seed)
    if len(storage.list_revisions(cube)) == 1:
        plan = storage.plan_layout(cube, **_TIGHT)
        assert storage.open_repository(cube).list_branches() - {"main"} <= {f"layout-{plan.job}"}
        storage.write_layout(plan)
    assert storage.describe_revision(cube, layout="series").content_root == series_root
    assert [record.revision for record in storage.list_revisions(cube)] == ["r1", "r2"]
    assert storage.verify_revision(cube).is_sound
    assert storage.open_repository(cube).list_branches() == {"main"}
    assert not list((cube / "scratch").iterdir())
    _same_values(cube, "maps", "series")


def test_a_run_that_continues_does_not_begin_again(cube: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout_writing, "_COMMIT_BYTES", 1_000_000)
    plan = storage.plan_layout(cube, **_TIGHT)
    written: list[int] = []
    write = BranchWriter.write

    def stopping(self: BranchWriter, step: Any, values: Any) -> None:
        if len(written) == len(plan.steps) // 2:
            raise KeyboardInterrupt
        written.append(1)
        write(self, step, values)

    monkeypatch.setattr(BranchWriter, "write", stopping)
    with pytest.raises(KeyboardInterrupt):
        storage.write_layout(plan)
    first = len(written)
    written.clear()
    monkeypatch.setattr(BranchWriter, "write", lambda *given: (written.append(1), write(*given))[1])
    storage.write_layout(storage.plan_layout(cube, **_TIGHT))
    assert len(plan.steps) - first <= len(written) < len(plan.steps)
    assert first + len(written) - len(plan.steps) <= 12
    assert storage.verify_revision(cube).is_sound


def test_a_run_killed_before_its_first_commit(sst: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its branch still shows the steps of the ingest that it starts from."""
    plan = storage.plan_layout(sst, access="series")
    with monkeypatch.context() as changed:
        changed.setattr(BranchWriter, "create", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            storage.write_layout(plan)
    assert storage.open_repository(sst).list_branches() == {"main", f"layout-{plan.job}"}
    storage.write_layout(storage.plan_layout(sst, access="series"))
    _same_values(sst, "maps", "series")


def test_a_run_killed_before_its_tag_is_released(sst: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "release_branch", killed)
    with pytest.raises(KeyboardInterrupt):
        storage.write_layout(storage.plan_layout(sst, access="series"))
    monkeypatch.undo()
    assert storage.describe_revision(sst).revision == "r1"
    assert storage.write_layout(storage.plan_layout(sst, access="series")).revision == "r2"
    assert storage.open_repository(sst).list_branches() == {"main"}


@pytest.mark.parametrize("name", ["surface_temperature", "longitude"])
def test_a_wrong_value_is_not_published(sst: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One value that changed in memory, before its chunk was hashed: only comparing the layouts can tell."""
    write = BranchWriter.write

    def flipped(self: BranchWriter, step: Any, values: Any) -> None:
        if step.name == name:
            values = values.copy()
            values.reshape(-1)[-1] += 1
        write(self, step, values)

    monkeypatch.setattr(BranchWriter, "write", flipped)
    with pytest.raises(CorruptionError, match=f"the values of '{name}' differ"):
        storage.write_layout(storage.plan_layout(sst, access="series"))
    assert [record.revision for record in storage.list_revisions(sst)] == ["r1"]
    assert storage.abandon_ingest(sst)


def test_a_revision_published_meanwhile_is_respected(sst: Path) -> None:
    plan = storage.plan_layout(sst, access="series")
    storage.write_layout(storage.plan_layout(sst, access="balanced"))
    with pytest.raises(RepositoryExistsError, match=r"published by another process.*Plan the layout again"):
        storage.write_layout(plan)
    storage.write_layout(storage.plan_layout(sst, access="series"))
    assert list(storage.list_revisions(sst)[-1].layouts) == ["maps", "balanced", "series"]
    _same_values(sst, "maps", "balanced", "series")


def test_the_digest_adds_up_over_any_boxes() -> None:
    values = np.random.default_rng(1).normal(size=(7, 5, 6)).astype("f4")
    whole = value_digest(values, tuple(slice(0, n) for n in values.shape), values.shape)
    for size in itertools.product((1, 3, 7), (2, 5), (4, 6)):
        parts = sum(value_digest(values[box], box, values.shape) for box in boxes(values.shape, size))
        assert parts % 2**64 == whole


def test_the_digest_tells_values_and_places_apart() -> None:
    shape = (300, 400)
    values = np.arange(120_000, dtype="f8").reshape(shape)
    box = (slice(0, 300), slice(0, 400))
    digest = value_digest(values, box, shape)
    for change in (
        lambda a: a.__setitem__((299, 399), 1.0),
        lambda a: a.__setitem__((0, slice(None)), a[0, ::-1].copy()),
    ):
        other = values.copy()
        change(other)
        assert value_digest(other, box, shape) != digest
    assert value_digest(values, (slice(1, 301), slice(0, 400)), (301, 400)) != digest
    scalar = np.asarray(-2147483647, "i4")
    assert value_digest(scalar, (), ()) != value_digest(scalar + 1, (), ())


def test_equal_values_have_equal_digests() -> None:
    payload = np.frombuffer(np.asarray([0x7FC00001], "u4").tobytes(), "f4")
    box, shape = (slice(0, 1),), (1,)
    assert value_digest(payload, box, shape) == value_digest(np.asarray([np.nan], "f4"), box, shape)
    assert value_digest(np.asarray([-0.0]), box, shape) == value_digest(np.asarray([0.0]), box, shape)
    truth = np.asarray([True, False])
    assert value_digest(truth, (slice(0, 2),), (2,)) != value_digest(~truth, (slice(0, 2),), (2,))


@pytest.fixture
def entry_catalog(sst: Path, tmp_path: Path) -> catalog.Catalog:
    """A catalogue whose one entry has two layouts."""
    series = storage.write_layout(storage.plan_layout(sst, access="series", chunk_bytes=50_000))
    overlay = catalog.load_overlay(ROOT / "catalogs" / "overlays" / "ostia_sst_monthly.yaml")
    entry = catalog.draft_entry(storage.describe_revision(sst), overlay, name="sst", layouts=[series])
    catalog.register_entry(tmp_path / "c.yaml", entry)
    return catalog.open_catalog(tmp_path / "c.yaml")


@pytest.mark.parametrize(
    ("selection", "layout"),
    [
        ({"region": (-170, -1, -168, 1)}, "series"),
        ({"time": "2009-05"}, "maps"),
        ({"region": (350, -5, 10, 5)}, "series"),
        ({"region": (350, -5, 10, 5), "time": "2009-05"}, "maps"),
        ({}, "maps"),
    ],
)
def test_a_catalogue_opens_the_cheaper_layout(
    entry_catalog: catalog.Catalog, selection: dict[str, Any], layout: str
) -> None:
    """What it costs in each layout is what reading serves, chunk by chunk."""
    opened = entry_catalog.open("sst", **selection)
    assert opened.attrs["layout"] == layout
    entry = entry_catalog["sst"]
    ranges = stored_ranges(entry_catalog.located(entry.assets["maps"].href), **selection)
    choice = storage.cheaper_layout(entry.assets, entry.variables, ranges)
    assert choice.name == layout
    for name, cost in choice.costs.items():
        with storage.counted_reads() as reads:
            loaded = entry_catalog.open("sst", layout=name, **selection).load()
        served = {
            read.key: nbytes for read, (_, nbytes) in reads.counts.items() if "surface_temperature/c/" in read.key
        }
        assert cost.chunks - 2 <= len(served) <= cost.chunks  # two chunks of the series are all land: not stored
        assert cost.stored_bytes == pytest.approx(sum(served.values()), rel=0.3)
        xr.testing.assert_equal(loaded, opened.load())


def test_a_layout_that_is_named_is_opened(entry_catalog: catalog.Catalog) -> None:
    opened = entry_catalog.open("sst", layout="maps", region=(-170, -1, -168, 1))
    assert opened.attrs["layout"] == "maps"
    assert entry_catalog.open("sst", revision="r1", region=(-170, -1, -168, 1)).attrs["layout"] == "maps"


def _asset(access: str, chunks: tuple[int, ...] | None) -> Asset:
    shapes = {} if chunks is None else {"v": chunks}
    sizes = {"stored_bytes": 4_000_000, "decoded_bytes": 8_000_000, "chunks": 1}
    return Asset(href="r", group=access, access=access, revision="r1", snapshot="s", chunk_shapes=shapes, **sizes)


def test_the_choice_says_why_and_knows_when_it_cannot_tell() -> None:
    variables = {
        "v": Variable(dimensions=("time", "x"), shape=(100, 10_000), chunks=(1, 10_000), dtype="f8", nbytes=8_000_000)
    }
    assets = {"maps": _asset("maps", (1, 10_000)), "series": _asset("series", (100, 100))}
    choice = storage.cheaper_layout(assets, variables, {"x": ((0, 5),)})
    assert str(choice) == "series: 1 chunk, about 40.0 kB, against maps 100 chunks, about 4.0 MB"
    assert storage.cheaper_layout(assets, variables, {"time": ((3, 4),)}).name == "maps"
    assert storage.cheaper_layout(assets, variables, {"x": ((50, 60), (90, 120), (0, 0))}).costs["series"].chunks == 2
    assert storage.cheaper_layout(assets, variables, {}).costs["maps"].stored_bytes == 4_000_000
    silent = storage.cheaper_layout({**assets, "series": _asset("series", None)}, variables, {"x": ((0, 5),)})
    assert (silent.name, silent.reason) == ("maps", "layout 'series' does not say its chunks")
    with pytest.raises(InputError, match="assets is empty"):
        storage.cheaper_layout({}, variables, {})
