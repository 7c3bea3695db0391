"""
Reading whole chunks straight to where they are wanted.

Zarr decodes every chunk into memory of its own, one thread hop for each codec, and copies it into the result. Where a
chunk is wanted whole it can be decompressed in its place; everything else is left to Zarr's own pipeline.
"""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from zarr.codecs import BytesCodec, ZstdCodec
from zarr.core.codec_pipeline import BatchedCodecPipeline, fill_value_or_default
from zarr.core.common import concurrent_map
from zarr.core.config import config

from oceandata.graph import zarr_array_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["DirectPipeline", "read_directly"]


class DirectPipeline(BatchedCodecPipeline):
    """Zarr's pipeline, except that chunks of plain or Zstandard bytes are decoded where they are wanted."""

    @property
    def is_direct(self) -> bool:
        """Whether chunks are little-endian bytes, plain or compressed with Zstandard alone."""
        stored = self.array_bytes_codec
        endian: Any = getattr(stored, "endian", None)  # an enum up to Zarr 3.1, text from then on
        plain = isinstance(stored, BytesCodec) and getattr(endian, "value", endian) in ("little", None)
        compressed = len(self.bytes_bytes_codecs) <= 1 and all(
            isinstance(codec, ZstdCodec) for codec in self.bytes_bytes_codecs
        )
        return plain and compressed and not self.array_array_codecs

    async def read_batch(self, batch_info: "Iterable[Any]", out: Any, drop_axes: tuple[int, ...] = ()) -> Any:
        """Fetch a batch of chunks, and decode them in one thread; tells which were there, as Zarr 3.2 and later ask."""
        batch = list(batch_info)
        target = out.as_ndarray_like()
        if not self.is_direct or drop_axes or not isinstance(target, np.ndarray) or target.dtype.kind not in "biuf":
            return await super().read_batch(batch, out, drop_axes)
        stored = await concurrent_map(
            [(getter, spec.prototype) for getter, spec, *_ in batch],
            lambda getter, prototype: getter.get(prototype),
            config.get("async.concurrency"),
        )
        await asyncio.to_thread(self._place, stored, batch, target)
        return tuple({"status": "missing" if buffer is None else "present"} for buffer in stored)

    def _place(self, stored: "Iterable[Any]", batch: list[Any], target: np.ndarray) -> None:
        """Decode each chunk into its place."""
        for buffer, (_, spec, chosen, place, *_) in zip(stored, batch, strict=True):
            if buffer is None:
                target[place] = fill_value_or_default(spec)
                continue
            part = target[place] if place != () else target
            if self._is_whole(spec, chosen, part):
                self._decode(buffer, part.reshape(-1))
                continue
            chunk = np.empty(spec.shape, target.dtype)
            self._decode(buffer, chunk.reshape(-1))
            target[place] = chunk[chosen]

    @staticmethod
    def _is_whole(spec: Any, chosen: Any, part: Any) -> bool:
        """Whether all of a chunk is wanted, in order, in memory without gaps."""
        if not isinstance(part, np.ndarray) or part.shape != tuple(spec.shape) or not part.flags.c_contiguous:
            return False
        slices = chosen if isinstance(chosen, tuple) else (chosen,)
        return all(isinstance(one, slice) and one.step in (None, 1) for one in slices)

    def _decode(self, buffer: Any, into: np.ndarray) -> None:
        """Decode one chunk into memory of its size."""
        encoded = buffer.as_array_like()
        if self.bytes_bytes_codecs:
            codec: Any = self.bytes_bytes_codecs[0]
            codec._zstd_codec.decode(encoded, out=into.view(np.uint8))
            return
        into[...] = np.frombuffer(encoded, into.dtype)


def read_directly(ds: "xr.Dataset") -> "xr.Dataset":
    """
    Let the lazy variables of a dataset be read by `DirectPipeline`.

    Parameters
    ----------
    ds : xarray.Dataset
        Just opened from Zarr, not yet chunked.

    Returns
    -------
    xarray.Dataset
        The same object; variables that are not read from Zarr are left as they are.
    """
    for variable in ds.variables.values():
        array = zarr_array_of(variable._data)
        pipeline = getattr(getattr(array, "_async_array", None), "codec_pipeline", None)
        if array is not None and type(pipeline) is BatchedCodecPipeline:
            direct = DirectPipeline.from_codecs(pipeline, batch_size=pipeline.batch_size)
            object.__setattr__(array._async_array, "codec_pipeline", direct)
    return ds
