"""Whether both sides of a row found the same: without it no row is written."""

from pathlib import Path

import numpy as np
import xarray as xr

from oceandata.errors import OceanDataError

__all__ = ["check_means", "check_operator", "check_results"]

#: Largest difference allowed between the two means, K: both sum 44,000 values of about 20 degC in float64.
_TOLERANCE_K = 1e-9

# The same of everyday statistics, relative to the largest value.
_RELATIVE = 1e-6


def check_means(first: Path, second: Path) -> str:
    """
    Compare the results of both sides.

    Parameters
    ----------
    first, second : pathlib.Path
        The ``.npy`` files of ours and the peer.

    Returns
    -------
    str
        The largest difference, for the row.

    Raises
    ------
    OceanDataError
        If they differ by more than 1e-9 K anywhere, or in shape, or hold NaN.
    """
    one, two = np.load(first), np.load(second)
    if one.shape != two.shape:
        msg = f"the means differ in shape: ours {one.shape}, peer {two.shape}. No row was written."
        raise OceanDataError(msg)
    largest = float(np.abs(one - two.astype(np.float64)).max())
    if not largest <= _TOLERANCE_K:
        msg = f"the means differ by {largest:.3g} K, need {_TOLERANCE_K:g} K at most. No row was written."
        raise OceanDataError(msg)
    return f"{largest:.1e} K"


def check_results(first: Path, second: Path) -> str:
    """
    Compare several results of both sides.

    Parameters
    ----------
    first, second : pathlib.Path
        The ``.npz`` files of ours and the peer.

    Returns
    -------
    str
        The largest difference, relative to the largest value of each result.

    Raises
    ------
    OceanDataError
        If a result is missing, or differs by more than 1e-6 of its largest value, or in what is missing.
    """
    one, two = np.load(first), np.load(second)
    largest = 0.0
    for name in sorted({*one.files, *two.files}):
        ours, theirs = one[name], np.asarray(two[name], np.float64)
        same = ours.shape == theirs.shape and np.array_equal(np.isnan(ours), np.isnan(theirs))
        scale = float(np.nanmax(np.abs(theirs)))
        apart = float(np.nanmax(np.abs(ours - theirs))) / scale if same else float("inf")
        if not apart <= _RELATIVE:
            msg = f"{name} differs by {apart:.3g} of its largest value, need {_RELATIVE:g} at most. No row was written."
            raise OceanDataError(msg)
        largest = max(largest, apart)
    return f"{largest:.1e} of the largest value"


def check_operator(first: Path, second: Path) -> str:
    """
    Compare our result with the NetCDF file of an operator.

    Parameters
    ----------
    first : pathlib.Path
        The ``.npz`` file of ours.
    second : pathlib.Path
        The file of the operator.

    Returns
    -------
    str
        The largest difference, K.

    Raises
    ------
    OceanDataError
        If they differ by more than 1e-4 K anywhere, or in shape, or in what is missing.
    """
    found = np.load(first)
    one = found[next(name for name in found.files if name != "spread")]
    with xr.open_dataset(second, decode_times=False) as dataset:
        two = dataset["sst"].to_numpy().reshape(one.shape).astype(np.float64)
    largest = float(np.nanmax(np.abs(one - two)))
    if not largest <= 1e-4 or (np.isnan(one) != np.isnan(two)).any():
        msg = f"the results differ by {largest:.3g} K, need 1e-4 K at most. No row was written."
        raise OceanDataError(msg)
    return f"{largest:.1e} K"
