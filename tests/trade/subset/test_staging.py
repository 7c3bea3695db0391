"""Blocks in files: any box is read back, the log tells what is whole, nothing is shared by mistake."""

import itertools
import json

import numpy as np
import pytest

from oceandata.errors import InputError, RepositoryExistsError
from oceandata.storage.counting import Read, Reads
from oceandata.trade.subset.boxes import cut_boxes
from oceandata.trade.subset.staging import StagedArray, Staging, open_staging, staging_folder, work_digest

BLOCKS = ((2, 3, 1), (4, 1))


@pytest.fixture
def staged(tmp_path):
    """An array of 6 x 5 in six blocks, and its values."""
    values = np.arange(30, dtype="f4").reshape(6, 5)
    array = StagedArray(tmp_path, 0, BLOCKS, "f4")
    for number, box in enumerate(cut_boxes(BLOCKS)):
        array.write(number, values[box])
    return array, values


def test_every_box_is_read_back(staged):
    array, values = staged
    edges = [(lo, hi) for lo, hi in itertools.combinations(range(7), 2)]
    for (top, bottom), (left, right) in itertools.product(edges, [(0, 5), (3, 5), (4, 5), (0, 1), (1, 4)]):
        np.testing.assert_array_equal(array[top:bottom, left:right], values[top:bottom, left:right])
    np.testing.assert_array_equal(array[:, :], values)


def test_what_is_read_is_counted(staged):
    array, _ = staged
    told = []
    array.on_read = told.append
    array[1:3, :]
    assert told == [2 * 5 * 4]


def test_a_block_is_whole_or_not(staged):
    array, _ = staged
    assert all(array.is_whole(number) for number in range(6))
    for number, content in ((0, b""), (1, array.path(1).read_bytes()[:-1]), (2, b"x" * 200)):
        array.path(number).write_bytes(content)
        assert not array.is_whole(number)
    array.path(3).unlink()
    assert not array.is_whole(3)
    np.save(array.path(4), np.zeros((1, 4), "f8"))
    np.save(array.path(5), np.zeros((2, 1), "f4"))
    assert not array.is_whole(4)
    assert not array.is_whole(5)


def test_blocks_of_the_other_byte_order_are_whole(tmp_path):
    array = StagedArray(tmp_path, 0, ((3,),), ">f4")
    array.write(0, np.array([1, 2, 3], ">f4"))
    assert array.is_whole(0)
    np.testing.assert_array_equal(array[(slice(0, 3),)], [1, 2, 3])


def test_the_log_tells_what_is_there(tmp_path):
    target = tmp_path / "out.nc"
    read = Read("repository", "snapshot", "maps/sst/c/0", "")
    with open_staging(target, "d") as staging:
        staging.begin("d", {"entry": "sst"})
        staging.append([("sst", 0)], set(), Reads({read: (1, 10)}))
        staging.append([("sst", 2)], {"sst"}, Reads({read: (2, 10)}))
    again = Staging(target)
    assert again.load() == "d"
    assert again.done == {("sst", 0), ("sst", 2)}
    assert again.unpacked == {"sst"}
    assert again.reads.counts == {read: (3, 10)}
    assert again.reads.processes == 1
    assert not again.published


def test_nothing_read_leaves_nothing(tmp_path):
    def failing() -> None:
        with open_staging(tmp_path / "out.nc", "d") as staging:
            staging.begin("d", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert list(tmp_path.iterdir()) == []


def test_other_work_is_refused_or_discarded(tmp_path):
    target = tmp_path / "out.zarr"
    with open_staging(target, "first") as staging:
        staging.begin("first", {})
        staging.append([("sst", 0)], set(), Reads())
        (staging.folder / "draft.zarr").mkdir()
    with pytest.raises(RepositoryExistsError, match="left unfinished"), open_staging(target, "second"):
        pass
    assert Staging(target).load() == "first"
    with open_staging(target, "second", discard=True) as staging:
        assert staging.done == set()
        assert [one.name for one in staging.folder.iterdir()] == ["lock"]


def test_a_place_that_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write to"), open_staging(tmp_path / "file" / "out.nc", "d"):
        pass


def test_the_folder_is_hidden_beside_the_target(tmp_path):
    assert staging_folder(tmp_path / "out.nc") == tmp_path / ".out.nc.partial"
    assert work_digest({"a": 1, "b": [2]}) == work_digest(json.loads('{"b": [2], "a": 1}'))
    assert work_digest({"a": 1}) != work_digest({"a": 2})
