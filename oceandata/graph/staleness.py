"""The error for what Dask or xarray have changed inside."""

from importlib.metadata import version

from oceandata.errors import OceanDataError

__all__ = ["stale"]


def stale(what: str, expected: str) -> OceanDataError:
    """
    Error for an internal that is no longer what it was.

    Parameters
    ----------
    what : str
        Which.
    expected : str
        What it was.

    Returns
    -------
    OceanDataError
        To be raised.
    """
    have = ", ".join(f"{name} {version(name)}" for name in ("dask", "xarray", "zarr"))
    msg = (
        f"{what} is not as oceandata knows it ({have}): need {expected}. What a result is made of cannot be told. "
        "Update oceandata, or install the versions that its setup.cfg names."
    )
    return OceanDataError(msg)
