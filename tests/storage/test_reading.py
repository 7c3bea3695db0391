"""Chunks decoded in their place: the same values as Zarr's own pipeline, whatever is asked for."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

from oceandata.graph import zarr_array_of
from oceandata.storage import open_dataset
from oceandata.storage.reading import DirectPipeline, read_directly

VALUES = np.random.default_rng(1).normal(size=(7, 9, 11))


def _opened(path: Path, compressors: Any, dtype: str, **options: Any) -> tuple[xr.Variable, np.ndarray]:
    """A variable read directly, and its values."""
    values = (VALUES * 100).astype(dtype)
    group = zarr.open_group(path, mode="w")
    array = group.create_array(
        "v",
        shape=values.shape,
        chunks=(3, 4, 5),
        dtype=dtype,
        compressors=compressors,
        fill_value=0,
        dimension_names=["t", "y", "x"],
        **options,
    )
    array[...] = values
    array[3:6, 4:8, 5:10] = 0  # a chunk that is not stored
    values[3:6, 4:8, 5:10] = 0
    ds = xr.open_dataset(path, engine="zarr", chunks=None, consolidated=False, mask_and_scale=False)
    return read_directly(ds)["v"].variable, values


def _taken(size: int) -> st.SearchStrategy[Any]:
    """Part of a dimension; xarray itself fails on an empty slice that steps backwards."""
    some = st.slices(size).filter(lambda part: len(range(*part.indices(size))) > 0)
    return some | st.integers(0, size - 1)


SLICES = st.tuples(*map(_taken, VALUES.shape))


@settings(max_examples=40, deadline=None)
@given(index=SLICES, dtype=st.sampled_from(["f4", "f8", "i2", "u1"]), packed=st.booleans())
def test_any_part_has_the_values_of_numpy(tmp_path_factory: Any, index: Any, dtype: str, packed: bool) -> None:
    path = tmp_path_factory.mktemp("direct")
    variable, values = _opened(path, [ZstdCodec(level=3, checksum=True)] if packed else None, dtype)
    array = zarr_array_of(variable._data)
    assert array is not None
    assert type(array._async_array.codec_pipeline) is DirectPipeline
    assert array._async_array.codec_pipeline.is_direct
    np.testing.assert_array_equal(variable[index].values, values[index])


@pytest.mark.parametrize(
    "options",
    [
        {"compressors": [GzipCodec()]},
        {"compressors": [BloscCodec(typesize=4), ZstdCodec()]},
        {"compressors": [ZstdCodec()], "shards": (6, 8, 10)},
        {"compressors": [ZstdCodec()], "serializer": zarr.codecs.BytesCodec(endian="big")},
    ],
    ids=["gzip", "two", "shards", "big"],
)
def test_what_is_not_plain_goes_through_zarr(tmp_path: Path, options: dict[str, Any]) -> None:
    compressors = options.pop("compressors")
    variable, values = _opened(tmp_path, compressors, "f4", **options)
    array = zarr_array_of(variable._data)
    assert array is not None
    assert not array._async_array.codec_pipeline.is_direct
    np.testing.assert_array_equal(variable.values, values)


def test_it_travels_to_other_processes(tmp_path: Path) -> None:
    variable, values = _opened(tmp_path, [ZstdCodec()], "f4")
    there = pickle.loads(pickle.dumps(variable))
    np.testing.assert_array_equal(there.values, values)


def test_repositories_are_read_directly(ostia_repository: Path) -> None:
    ds = open_dataset(ostia_repository, chunks=None)
    array = zarr_array_of(ds["surface_temperature"].variable._data)
    assert array is not None
    assert array._async_array.codec_pipeline.is_direct


def test_a_damaged_chunk_is_still_noticed(tmp_path: Path) -> None:
    variable, _ = _opened(tmp_path, [ZstdCodec(level=3, checksum=True)], "f4")
    chunk = tmp_path / "v" / "c" / "0" / "0" / "0"
    damaged = bytearray(chunk.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    chunk.write_bytes(damaged)
    with pytest.raises(RuntimeError):
        _ = variable[:3, :4, :5].values
