"""An array in pieces, one a file, gives what one array would."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from oceandata.errors import InputError, NotFoundError
from oceandata.storage.joining import FilePart, FileSeries, join_files


def _series(lengths: list[int], axis: int = 0) -> tuple[FileSeries, np.ndarray]:
    whole = np.arange(sum(lengths) * 6.0).reshape(sum(lengths), 3, 2)
    whole = np.moveaxis(whole, 0, axis)
    dims = ["x", "y"]
    dims.insert(axis, "t")
    edges = np.cumsum([0, *lengths])
    pieces = [xr.Variable(dims, np.take(whole, range(lo, hi), axis)) for lo, hi in itertools.pairwise(edges)]
    return FileSeries(pieces, axis, whole.shape), whole


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    "part", [(), 3, -1, slice(2, 7), slice(None, None, 3), slice(6, 1, -2), np.array([5, 0, 7]), slice(4, 4)], ids=str
)
def test_any_index_is_that_of_one_array(axis: int, part: object) -> None:
    series, whole = _series([3, 1, 4], axis)
    key = (slice(None),) * axis + ((part,) if part != () else ()) if not isinstance(part, np.ndarray) else ()
    if isinstance(part, np.ndarray):
        key = (*(slice(None),) * axis, part)
    np.testing.assert_array_equal(series[key], whole[key])


def test_only_the_files_that_are_asked_for_are_read() -> None:
    class Broken:
        shape, dtype = (2,), np.dtype("f8")

        def __getitem__(self, key: object) -> None:
            pytest.fail("this file holds nothing of what was asked for")

    series = FileSeries([xr.Variable("t", [1.0, 2.0]), Broken()], 0, (4,))  # type: ignore[list-item]
    assert series[0:2].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("values", "filled"),
    [
        (np.float32([1, 2]), np.nan),
        (np.int16([1, 2]), np.nan),
        (np.array(["2000-01-01", "2000-01-02"], "M8[us]"), np.datetime64("NaT", "us")),
        (np.array([b"a", b"b"]), b""),
    ],
    ids=["float", "whole numbers", "times", "text"],
)
def test_short_profiles_are_filled_up_with_missing_values(values: np.ndarray, filled: object) -> None:
    short, long = xr.Variable(("p", "z"), values[None, :1]), xr.Variable(("p", "z"), values[None, :])
    series = FileSeries([short, long], 0, (2, 2))
    whole = series[()]
    assert whole.dtype.kind == ("f" if values.dtype.kind == "i" else values.dtype.kind)
    np.testing.assert_array_equal(whole[0], np.array([values[0], filled], whole.dtype))
    np.testing.assert_array_equal(whole[1], values.astype(whole.dtype))


def _parts(tmp_path: Path, lengths: list[int]) -> list[FilePart]:
    parts = []
    start = 0
    for number, length in enumerate(lengths):
        path = tmp_path / f"{number}.nc"
        path.write_bytes(b"")
        ds = xr.Dataset(
            {"a": ("t", np.arange(start, start + length, dtype="f8"))}, {"t": np.arange(start, start + length)}
        )
        lazy = ds.copy()
        lazy["a"] = ("t", ds["a"].to_numpy())
        parts.append(FilePart(lazy, {"t": np.arange(length)}, path))
        start += length
    return parts


def test_what_is_in_memory_stays_there(tmp_path: Path) -> None:
    joined = join_files(_parts(tmp_path, [2, 3]), "t", "auto")
    assert joined["a"].chunks is None
    assert joined["a"].to_numpy().tolist() == [0, 1, 2, 3, 4]
    assert joined.indexes["t"].tolist() == [0, 1, 2, 3, 4]


def test_chunks_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no dimension 'tt'"):
        join_files(_parts(tmp_path, [2, 3]), "t", {"tt": 1})
    with pytest.raises(InputError, match="need 'auto'"):
        join_files(_parts(tmp_path, [2, 3]), "t", "large")
