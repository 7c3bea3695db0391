"""Opening a file lazily with nothing decoded, after stated repairs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from oceandata.errors import UnsoundFileError
from oceandata.storage.soundness.header import quiet
from oceandata.storage.soundness.inspection import examine

if TYPE_CHECKING:
    import xarray

__all__ = ["open_sound", "small_chunk_caches"]

# Decoded chunks that the netCDF library keeps of each variable, in bytes, instead of its own 64 MB.
_CACHE_BYTES = 1_000_000


@contextmanager
def small_chunk_caches() -> Iterator[None]:
    """
    Let files that are opened in the block keep few decoded chunks in memory.

    The netCDF library keeps 64 MB of each variable until its file is closed: many open files would hold gigabytes of
    what is read only once. The setting of the library is put back afterwards.

    Yields
    ------
    None
        Open files inside the block.
    """
    import netCDF4

    before = netCDF4.get_chunk_cache()
    netCDF4.set_chunk_cache(_CACHE_BYTES, *before[1:])
    try:
        yield
    finally:
        netCDF4.set_chunk_cache(*before)


def open_sound(path: str | os.PathLike[str]) -> "xarray.Dataset":
    """
    Open a file lazily, nothing decoded, with the repairs its report states.

    Packed values stay packed, missing ones stay numbers, times stay numbers with units; `xarray.decode_cf` decodes
    the result without an exception. Only the root group is opened.

    Parameters
    ----------
    path : str or path-like
        A netCDF file, or the folder of a Zarr store.

    Returns
    -------
    xarray.Dataset
        Lazy. Every repair stands in the attribute ``history``.

    Raises
    ------
    NotFoundError
        If there is no such file.
    UnsoundFileError
        If it has an error that is not mended, or is a folder that is no Zarr store.
    """
    import xarray

    report, faults = examine(path)
    fatal = [one for one in report.findings if one.severity == "error" and not one.repair]
    if fatal:
        count = "1 error" if len(fatal) == 1 else f"{len(fatal)} errors"
        msg = f"{report.path!r} is not sound, {count} without a repair; first {fatal[0].code}: {fatal[0].message}"
        raise UnsoundFileError(msg)
    dataset: xarray.Dataset
    with quiet():
        if report.file_format == "zarr":
            dataset = xarray.open_zarr(report.path, chunks=None, decode_cf=False)
        else:
            dataset = xarray.open_dataset(report.path, engine="netcdf4", decode_cf=False)
    done = []
    for one in faults:
        if one.mend is not None:
            dataset = one.mend(dataset)
            done.append(f"oceandata open_sound: {one.finding.where}: {one.finding.code}: {one.finding.repair}")
    if done:
        dataset.attrs["history"] = "\n".join([*filter(None, [str(dataset.attrs.get("history", ""))]), *done])
    return dataset
