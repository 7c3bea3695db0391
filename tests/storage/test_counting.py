"""The counting store: every chunk served is counted once, in whichever thread or process, and a kill loses none."""

import os
import pickle
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import xarray as xr
import zarr
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

from oceandata.entities import Origin
from oceandata.storage import CountingStore, counted_reads, open_store
from oceandata.storage import counting as counting_module
from oceandata.storage.layout import read_layout

ARRAY = "maps/surface_temperature"
CHUNKS = 18


@pytest.fixture
def store(ostia_revision) -> CountingStore:
    return open_store(ostia_revision.url)


def _chunk_counts(reads) -> dict[str, int]:
    """How often each chunk of the field was served."""
    return {read.key: times for read, (times, _) in reads.counts.items() if read.key.startswith(f"{ARRAY}/c/")}


def _once_each() -> dict[str, int]:
    return {f"{ARRAY}/c/{number}/0/0": 1 for number in range(CHUNKS)}


def test_counts_equal_chunks_and_bytes_equal_stored_bytes(store, ostia_revision):
    with counted_reads() as reads:
        assert reads.counts == {}
        zarr.open_array(store, path=ARRAY, mode="r")[...]
    assert _chunk_counts(reads) == _once_each()
    counted = sum(nbytes for read, (_, nbytes) in reads.counts.items() if "/c/" in read.key)
    assert counted == read_layout(store, "maps").leaves["surface_temperature"].total_bytes > 500_000
    assert reads.processes == 1
    assert {read.snapshot for read in reads.counts} == {ostia_revision.snapshot}
    assert {read.repository for read in reads.counts} == {ostia_revision.url}


def test_only_what_is_needed_is_counted(store):
    array = zarr.open_array(store, path=ARRAY, mode="r")
    with counted_reads() as reads:
        array[4:7]
    assert _chunk_counts(reads) == {f"{ARRAY}/c/1/0/0": 1, f"{ARRAY}/c/2/0/0": 1}


def test_nothing_is_counted_for_what_is_not_there(store):
    with counted_reads() as reads:
        assert sync(store.get(f"{ARRAY}/c/99/0/0", default_buffer_prototype())) is None
    assert reads.counts == {}
    assert reads.processes == 0


@pytest.mark.parametrize(
    ("byte_range", "nbytes"),
    [(RangeByteRequest(3, 10), 7), (SuffixByteRequest(5), 5), (OffsetByteRequest(0), None)],
    ids=["range", "suffix", "offset"],
)
def test_parts_of_an_object_are_counted_apart(store, byte_range, nbytes):
    key = f"{ARRAY}/c/0/0/0"
    with counted_reads() as reads:
        for _ in range(2):
            part = sync(store.get(key, default_buffer_prototype(), byte_range))
        whole = sync(store.get(key, default_buffer_prototype()))
        both = sync(store.get_partial_values(default_buffer_prototype(), [(key, byte_range), (key, None)]))
    assert [one.to_bytes() for one in both] == [part.to_bytes(), whole.to_bytes()]
    by_range = {bool(read.byte_range): counted for read, counted in reads.counts.items()}
    assert by_range == {True: (3, nbytes or len(whole)), False: (2, len(whole))}


def test_nested_blocks_count_each_for_itself(store):
    array = zarr.open_array(store, path=ARRAY, mode="r")
    with counted_reads() as outer:
        array[0:3]
        with counted_reads() as inner:
            array[0:6]
        array[6:9]
    assert _chunk_counts(inner) == {f"{ARRAY}/c/{number}/0/0": 1 for number in range(2)}
    assert _chunk_counts(outer) == {f"{ARRAY}/c/0/0/0": 2, f"{ARRAY}/c/1/0/0": 1, f"{ARRAY}/c/2/0/0": 1}


def test_a_block_that_fails_has_counted(store):
    array = zarr.open_array(store, path=ARRAY, mode="r")
    with pytest.raises(IndexError), counted_reads() as reads:
        assert array[0].shape == array[99].shape
    assert _chunk_counts(reads) == {f"{ARRAY}/c/0/0/0": 1}


def test_threads_lose_no_count(store):
    array = zarr.open_array(store, path=ARRAY, mode="r")
    barrier = threading.Barrier(8)

    def read_all(_: int) -> None:
        barrier.wait()
        array[...]

    with counted_reads() as reads, ThreadPoolExecutor(8) as pool:
        list(pool.map(read_all, range(8)))
    assert _chunk_counts(reads) == dict.fromkeys(_once_each(), 8)


def test_what_is_taken_while_threads_read_is_neither_lost_nor_counted_twice(store):
    array = zarr.open_array(store, path=ARRAY, mode="r")
    taken: dict[str, int] = {}
    with counting_module.open_counter() as counter, ThreadPoolExecutor(4) as pool:
        running = [pool.submit(array.__getitem__, ...) for _ in range(8)]
        while True:
            ended = all(one.done() for one in running)
            for key, times in _chunk_counts(counter.take()).items():
                taken[key] = taken.get(key, 0) + times
            if ended:
                break
        assert counter.take().counts == {}
    assert taken == dict.fromkeys(_once_each(), 8)


CHILD = """
    import pickle, sys, zarr
    from pathlib import Path
    store = pickle.loads(Path(sys.argv[1]).read_bytes())
    if len(sys.argv) > 4:
        store = store.with_read_only(True)
    zarr.open_array(store, path=sys.argv[2], mode="r")[int(sys.argv[3])]
    Path(sys.argv[1]).write_bytes(pickle.dumps(store))
"""


def _read_elsewhere(pickled: Path, month: int, *more: str) -> None:
    """Read one month in another process, which pickles its store again."""
    command = [sys.executable, "-c", textwrap.dedent(CHILD), str(pickled), ARRAY, str(month), *more]
    subprocess.run(command, check=True, timeout=120)


def test_pickled_twice_through_other_processes_and_back(store, tmp_path):
    pickled = tmp_path / "store.pickle"
    pickled.write_bytes(pickle.dumps(store))
    with counted_reads() as reads:
        _read_elsewhere(pickled, 0)
        _read_elsewhere(pickled, 3, "read-only")
        back = pickle.loads(pickled.read_bytes())
        zarr.open_array(back, path=ARRAY, mode="r")[6]
    assert _chunk_counts(reads) == {f"{ARRAY}/c/{number}/0/0": 1 for number in range(3)}
    assert back.origin == store.origin
    assert reads.processes == 3


def test_pickled_within_a_process_is_counted_in_memory(store):
    again = pickle.loads(pickle.dumps(store))
    assert again.origin == store.origin
    with counted_reads() as reads:
        zarr.open_array(again, path=ARRAY, mode="r")[0]
    assert _chunk_counts(reads) == {f"{ARRAY}/c/0/0/0": 1}
    assert reads.processes == 1


def test_tokens_of_equal_stores_are_equal(store, ostia_revision):
    from dask.tokenize import tokenize

    assert tokenize(store) == tokenize(open_store(ostia_revision.url)) == tokenize(pickle.loads(pickle.dumps(store)))
    other = CountingStore(store.uncounted, Origin(repository="elsewhere"))
    assert tokenize(other) != tokenize(store)


@pytest.fixture(scope="module")
def client():
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=2, processes=True, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster) as client,
    ):
        yield client


def test_workers_of_a_cluster_are_counted(store, ostia_revision, client):
    ds = xr.open_dataset(store, engine="zarr", group="maps", consolidated=False, chunks={})
    with counted_reads() as reads:
        ds["surface_temperature"].mean().compute()
    assert _chunk_counts(reads) == _once_each()
    assert reads.processes >= 2


def test_a_killed_worker_loses_nothing_it_served(store, client):
    """One worker serves half of the chunks and is killed inside its task; the other serves the rest."""

    def read(pickled: bytes, months: list[int], killed: bool) -> None:
        import os
        import pickle
        import signal

        import zarr

        array = zarr.open_array(pickle.loads(pickled), path="maps/surface_temperature", mode="r")
        for month in months:
            array[month]
        if killed:
            os.kill(os.getpid(), signal.SIGKILL)

    pickled = pickle.dumps(store)
    first, second = client.scheduler_info()["workers"]
    months = [3 * number for number in range(CHUNKS)]
    with counted_reads() as reads:
        lost = client.submit(read, pickled, months[: CHUNKS // 2], True, workers=[first], pure=False)
        deadline = time.monotonic() + 60
        while first in client.scheduler_info()["workers"]:
            assert time.monotonic() < deadline, "the worker was not killed"
            time.sleep(0.05)
        lost.cancel()
        client.submit(read, pickled, months[CHUNKS // 2 :], False, workers=[second], pure=False).result()
    assert _chunk_counts(reads) == _once_each()
    assert reads.processes == 2


def test_logs_of_other_processes_go_when_the_session_ends(ostia_revision, tmp_path):
    code = """
        import pickle, sys
        from oceandata.storage import open_store
        pickle.dumps(open_store(sys.argv[1]))
        from oceandata.storage import counting
        print(counting._session.folder())
    """
    command = [sys.executable, "-c", textwrap.dedent(code), ostia_revision.url]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"TMPDIR": str(tmp_path)}
    )
    assert Path(done.stdout.strip()).parent == tmp_path
    assert list(tmp_path.iterdir()) == []
    assert counting_module.__all__ == sorted(counting_module.__all__)


FORK = """
    import multiprocessing, sys
    import zarr
    from oceandata.storage import counted_reads
    from oceandata.storage.plain import open_zarr_store

    array = zarr.open_array(open_zarr_store(sys.argv[1]), path="x", mode="r")
    with counted_reads() as reads:
        child = multiprocessing.get_context("fork").Process(target=array.__getitem__, args=(slice(0, 4),))
        child.start()
        child.join()
        array[2:6]
    print(sorted((read.key, times) for read, (times, _) in reads.counts.items()), reads.processes, reads.missing)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no forks")
def test_a_fork_is_counted_for_its_parent(tmp_path):
    group = zarr.create_group(tmp_path / "plain.zarr")
    group.create_array("x", shape=(8,), chunks=(2,), dtype="i4")[:] = 1
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(FORK), str(tmp_path / "plain.zarr")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[('x/c/0', 1), ('x/c/1', 2), ('x/c/2', 1)] 2 ()"
