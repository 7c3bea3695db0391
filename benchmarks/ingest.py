"""
The programs of the row "ingest": ours and plain xarray, the same files and the same values.

Run as a script by either environment, so nothing but the standard library is imported at the top::

    python -P benchmarks/ingest.py ours|peer FOLDER OUT

Ours checks the files, hashes them and every chunk, and reads all back before it publishes. The peer only writes, in the
same chunks and with the same codec.
"""

import sys
from pathlib import Path

__all__ = ["main", "ours", "peer"]

_CHUNKS = (15, 180, 360)


def ours(files: list[Path], out: str) -> None:
    """
    Write a repository with oceandata.

    Parameters
    ----------
    files : list of pathlib.Path
        NetCDF files, in order.
    out : str
        Path of the new repository.
    """
    from oceandata.storage import plan_ingest, write_repository

    write_repository(plan_ingest(files, out))


def peer(files: list[Path], out: str) -> None:
    """
    Write plain Zarr with xarray and Dask's threads.

    A year is no whole number of chunks: xarray refuses to write until the blocks fit the chunks.

    Parameters
    ----------
    files : list of pathlib.Path
        NetCDF files, in order.
    out : str
        Path of the new store.
    """
    import xarray as xr
    from zarr.codecs import ZstdCodec

    encoding = {"sst": {"chunks": _CHUNKS, "compressors": [ZstdCodec(level=3, checksum=True)]}}
    with xr.open_mfdataset(files, chunks={"time": _CHUNKS[0]}) as ds:
        even = ds.chunk({"time": _CHUNKS[0]})
        even["sst"].encoding = {}
        even.to_zarr(out, zarr_format=3, encoding=encoding)


def main(side: str, folder: str, out: str) -> None:
    """
    Run one side.

    Parameters
    ----------
    side : {"ours", "peer"}
        Which program.
    folder : str
        Folder of the NetCDF files.
    out : str
        What to write; nothing is there yet.
    """
    {"ours": ours, "peer": peer}[side](sorted(Path(folder).glob("*.nc")), out)


if __name__ == "__main__":
    main(*sys.argv[1:])
