"""Opening a file lazily with nothing decoded, after stated repairs."""

import os
from typing import TYPE_CHECKING

from oceandata.errors import UnsoundFileError
from oceandata.storage.soundness.header import quiet
from oceandata.storage.soundness.inspection import examine

if TYPE_CHECKING:
    import xarray

__all__ = ["open_sound"]


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
