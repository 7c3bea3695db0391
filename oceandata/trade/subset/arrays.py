"""NetCDF and Zarr, written box by box from what was read."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import numpy as np

from oceandata.trade.subset.boxes import blocks_of_boxes, merged_chunks, output_chunks
from oceandata.trade.subset.staging import StagedArray

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["write_netcdf", "write_zarr"]

# Values of one box, decoded: what one thread holds, three times over.
_BOX_BYTES = 16_000_000
# Shuffled bytes at the lowest level are within a few per cent of the highest, and several times faster.
_COMPRESSION = {"zlib": True, "complevel": 1, "shuffle": True}


def _stored_chunks(variable: "xr.Variable") -> tuple[int, ...]:
    """Chunks of the source, or the blocks it was opened in if it has none."""
    stored = variable.encoding.get("chunks") or variable.encoding.get("chunksizes")
    blocks = tuple(max(lengths) for lengths in variable.chunks or ())
    return tuple(stored) if stored and len(stored) == variable.ndim else blocks


def _staged(
    ds: "xr.Dataset", source: "xr.Dataset", arrays: dict[str, StagedArray]
) -> "tuple[xr.Dataset, dict[str, tuple[int, ...]]]":
    """Dataset whose arrays are read from files, in boxes of whole output chunks; and these chunks."""
    import dask.array as da

    chunks: dict[str, tuple[int, ...]] = {}
    for name, array in arrays.items():
        itemsize = np.dtype(ds[name].encoding.get("dtype", array.dtype)).itemsize
        chunks[name] = output_chunks(array.shape, _stored_chunks(source[name].variable), itemsize)
        lengths = merged_chunks(array.shape, chunks[name], array.dtype.itemsize, _BOX_BYTES)
        grid = blocks_of_boxes(array.shape, lengths)
        lazy = da.from_array(
            array,
            chunks=grid,
            name=f"subset-{array.index}-{id(array)}",
            asarray=True,
            meta=np.empty((0,) * array.ndim, array.dtype),
        )
        variable = ds[name].variable.copy(deep=False, data=lazy)
        ds = ds.assign_coords({name: variable}) if name in ds.coords else ds.assign({name: variable})
    return ds, chunks


def write_netcdf(ds: "xr.Dataset", source: "xr.Dataset", arrays: dict[str, StagedArray], path: Path) -> None:
    """
    Write NetCDF-4, compressed and in chunks.

    Parameters
    ----------
    ds : xarray.Dataset
        As it will be written (`oceandata.trade.subset.description.described`).
    source : xarray.Dataset
        As it was opened, for its chunks.
    arrays : dict of str to StagedArray
        What was read.
    path : pathlib.Path
        The file to make.

    Notes
    -----
    Memory: a few boxes of 16 MB, or of one chunk if that is larger, and a chunk of the file.
    """
    staged, chunks = _staged(ds, source, arrays)
    encoding: dict[str, Any] = {name: {"chunksizes": chunks[name], **_COMPRESSION} for name in arrays}
    with dask.config.set(scheduler="synchronous"):
        staged.to_netcdf(path, engine="netcdf4", format="NETCDF4", encoding=_joined(staged, encoding))


def _joined(ds: "xr.Dataset", more: dict[str, Any]) -> dict[str, Any]:
    """Encoding of each variable with what the format adds."""
    return {name: dict(ds[name].encoding) | added for name, added in more.items()}


def write_zarr(ds: "xr.Dataset", source: "xr.Dataset", arrays: dict[str, StagedArray], path: Path) -> None:
    """
    Write plain Zarr version 3, with its metadata consolidated.

    Parameters
    ----------
    ds, source : xarray.Dataset
        As it will be written, and as it was opened.
    arrays : dict of str to StagedArray
        What was read.
    path : pathlib.Path
        The folder to make.

    Notes
    -----
    Memory: a few boxes of 16 MB, or of one chunk if that is larger.
    """
    from zarr.codecs import ZstdCodec

    staged, chunks = _staged(ds, source, arrays)
    codec = ZstdCodec(level=3, checksum=True)
    encoding: dict[str, Any] = {name: {"chunks": chunks[name], "compressors": [codec]} for name in arrays}
    with dask.config.set(scheduler="synchronous"):
        staged.to_zarr(
            path,
            mode="w",
            zarr_format=3,
            consolidated=False,
            write_empty_chunks=True,
            encoding=_joined(staged, encoding),
        )
    _consolidate(path)


def _consolidate(folder: Path) -> None:
    """Put the metadata of all arrays into that of the group, for readers that want one request."""
    top = folder / "zarr.json"
    arrays = {one.parent.name: json.loads(one.read_text("utf-8")) for one in sorted(folder.glob("*/zarr.json"))}
    group = json.loads(top.read_text("utf-8"))
    group["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": arrays}
    top.write_text(json.dumps(group, indent=2, ensure_ascii=False), "utf-8")
