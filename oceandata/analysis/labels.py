"""Names, attributes and histories of results; the few things every routine does with labels."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import oceandata
from oceandata import cf
from oceandata.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["appended_methods", "described", "difference_attributes", "require_array", "require_times", "separated"]


def require_array(obj: "xr.DataArray", routine: str) -> "xr.DataArray":
    """
    Check that a routine got a variable.

    Parameters
    ----------
    obj : xarray.DataArray
        The argument.
    routine : str
        Name for the error.

    Returns
    -------
    xarray.DataArray
        The same.

    Raises
    ------
    InputError
        If it is a Dataset, or holds no numbers.
    """
    import xarray as xr

    if isinstance(obj, xr.Dataset):
        msg = (
            f"{routine} takes one variable, got a Dataset with {', '.join(map(str, obj.data_vars))}. "
            "Choose one: ds[name]."
        )
        raise InputError(msg)
    if obj.dtype.kind not in "biuf":
        msg = f"{routine} takes numbers, got {obj.dtype} values in {obj.name!r}."
        raise InputError(msg)
    return obj


def require_times(obj: "xr.DataArray") -> "xr.DataArray":
    """
    Time coordinate of a variable, decoded, one-dimensional and a dimension.

    Parameters
    ----------
    obj : xarray.DataArray
        A variable with time.

    Returns
    -------
    xarray.DataArray
        The coordinate.

    Raises
    ------
    NotFoundError
        If there is no time.
    InputError
        If time was not decoded or cannot be, because its units are missing, is no dimension, or has no step.
    """
    name = cf.require_axis(obj, "T")
    coordinate = obj[name]
    if not cf.is_decoded_time(coordinate):
        raise InputError(_undated(coordinate))
    if coordinate.ndim != 1 or coordinate.dims[0] not in obj.dims or coordinate.size == 0:
        msg = (
            f"time coordinate {name!r} runs along {coordinate.dims} with {coordinate.size} values, "
            f"need one dimension of {obj.dims} with at least one."
        )
        raise InputError(msg)
    return coordinate


def _undated(coordinate: "xr.DataArray") -> str:
    """Message on a time coordinate without dates: units that decoding needs, or decoding itself."""
    start = f"time coordinate {coordinate.name!r} holds {coordinate.dtype} values"
    units = str(coordinate.attrs.get("units", ""))
    if " since " in units.lower() or coordinate.dtype.kind not in "iuf":
        return f"{start}, need dates. Open the dataset with decode_times=True."
    near = [f"{key} = {value!r}" for key, value in coordinate.attrs.items() if str(key).lower() in ("unit", "units")]
    given = f"with {near[0]}" if near else "without units"
    return (
        f"{start} {given}, need dates: the attribute units must be '<unit> since <date>'. If you know them, set "
        f"ds[{coordinate.name!r}].attrs['units'] and call xarray.decode_cf(ds)."
    )


def appended_methods(attributes: dict[str, Any], method: str) -> str:
    """CF ``cell_methods`` with one more method after those that were there."""
    return f"{attributes.get('cell_methods', '')} {method}".strip()


def difference_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    """
    Attributes of a difference from a reference: no standard name, and K for temperatures.

    Parameters
    ----------
    attributes : dict
        Attributes of the quantity.

    Returns
    -------
    dict
        Attributes of the difference; ``units_metadata`` says that a temperature is a difference (CF 1.11, 3.1.2).
    """
    kept: dict[str, Any] = {
        key: attributes[key] for key in ("long_name", "long_name_zh", "cell_methods", "units") if key in attributes
    }
    if "standard_name" in attributes:
        kept["anomaly_of"] = attributes["standard_name"]
    units = str(attributes.get("units", ""))
    if units and cf.parse_units(units) in ("K", "degC"):
        kept |= {"units": "K", "units_metadata": "temperature: difference"}
    return kept


def described(result: "xr.DataArray", source: "xr.DataArray", call: str, **attributes: Any) -> "xr.DataArray":
    """
    Result with its attributes, and a line of history after that of its source.

    Parameters
    ----------
    result, source : xarray.DataArray
        What was made, and of what.
    call : str
        The call, as one would write it again.
    **attributes : object
        More attributes; empty ones are left out.

    Returns
    -------
    xarray.DataArray
        The same object, with attributes.
    """
    line = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} oceandata {oceandata.__version__}: {call} of {source.name!r}"
    earlier = str(source.attrs.get("history", ""))
    silent = {key for key, value in attributes.items() if value is None or (isinstance(value, str) and not value)}
    result.attrs = {key: value for key, value in attributes.items() if key not in silent}
    result.attrs["history"] = f"{earlier}\n{line}".strip()
    return result


def _same(block: Any) -> Any:
    return block


def separated(results: "xr.Dataset") -> "xr.Dataset":
    """
    Results of which none is an intermediate of another, for Dask.

    ``dask.compute(dataset)`` of Dask 2026.8 loses a variable that another variable of the same dataset was made from by
    blockwise steps: fusing drops its key. A step that does nothing after each keeps them apart, at no cost.

    Parameters
    ----------
    results : xarray.Dataset
        Lazy or not.

    Returns
    -------
    xarray.Dataset
        The same values, attributes and blocks.
    """
    import dask.array as da

    def apart(array: "xr.DataArray") -> "xr.DataArray":
        """The same after a step that does nothing."""
        values = array.data
        return (
            array.copy(data=da.map_blocks(_same, values, dtype=values.dtype)) if isinstance(values, da.Array) else array
        )

    return results.assign({name: apart(array) for name, array in results.data_vars.items()})
