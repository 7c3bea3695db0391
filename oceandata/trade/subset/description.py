"""What a subset says of itself: global attributes, and how each variable is stored."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

import oceandata
from oceandata import cf
from oceandata.storage.revisions import extent_of
from oceandata.trade.lineage import Lineage
from oceandata.trade.meter import Usage
from oceandata.trade.stamp import stamp_attributes

if TYPE_CHECKING:
    import xarray as xr

    from oceandata.entities import Entry

__all__ = ["FORMATS", "described", "global_attributes", "history_line", "packings"]

#: Endings of the files that can be written.
FORMATS = (".nc", ".zarr", ".csv", ".parquet")

_PACKING = ("dtype", "scale_factor", "add_offset", "_FillValue", "missing_value", "_Unsigned")
_RELATED = ("bounds", "climatology", "grid_mapping", "cell_measures", "formula_terms", "geometry")

# Attributes that hold for the whole dataset, or for the numbers of its files, and not for a part of it.
_OF_THE_WHOLE = ("geospatial_", "time_coverage_", "NCO", "tracking_id", "uuid", "layout", "date_modified")
_VALID = ("valid_min", "valid_max", "valid_range")
_FLAGS = ("flag_values", "flag_masks")


def packings(ds: "xr.Dataset", suffix: str) -> dict[str, dict[str, Any]]:
    """
    How variables that the source stores packed would be packed again.

    Parameters
    ----------
    ds : xarray.Dataset
        As it was opened.
    suffix : str
        Ending of the file that will be written.

    Returns
    -------
    dict of str to dict
        Type of the packed numbers and the attributes by which they are read. Tables have no packed numbers, and what
        has no number for missing values is not packed again.
    """
    if suffix not in (".nc", ".zarr"):
        return {}
    found = {}
    for name, variable in ds.variables.items():
        encoding = {key: variable.encoding[key] for key in _PACKING if key in variable.encoding}
        kinds = variable.dtype.kind, np.dtype(encoding.get("dtype", variable.dtype)).kind
        if "_FillValue" in encoding:
            encoding.pop("missing_value", None)  # read both, write one
        if kinds in (("f", "i"), ("f", "u")) and {"_FillValue", "missing_value"} & set(encoding):
            # the attributes of Zarr are JSON, which knows one kind of number with a fraction
            known = {key: _number(value) if suffix == ".zarr" else value for key, value in encoding.items()}
            found[str(name)] = known | {"dtype": np.dtype(encoding["dtype"]).newbyteorder("=")}
    return found


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, np.floating) else value


def _storage(variable: "xr.Variable", packing: dict[str, Any] | None, *, is_coordinate: bool) -> dict[str, Any]:
    """Encoding of a variable: its packing if that is kept, or the values as they are."""
    old = variable.encoding
    encoding: dict[str, Any] = {key: old[key] for key in _RELATED if key in old}
    if packing is not None:
        return encoding | packing
    if variable.dtype.kind == "f":
        fill = None if {"scale_factor", "add_offset"} & set(old) else old.get("_FillValue")
        usual = None if is_coordinate and fill is None else np.nan
        encoding["_FillValue"] = usual if fill is None else variable.dtype.type(fill)
    elif variable.dtype.kind in "mM":
        encoding |= {key: old[key] for key in ("units", "calendar", "dtype", "_FillValue") if key in old}
    elif "_FillValue" in old:
        encoding["_FillValue"] = old["_FillValue"]
    return encoding


def _time_storage(coord: "xr.DataArray") -> dict[str, Any]:
    """Whole seconds since 1970 in the calendar of a time axis, or microseconds if it has fractions of a second."""
    unit = "seconds"
    if coord.dtype.kind == "M":
        values = coord.to_numpy()
        unit = "seconds" if (values == values.astype("M8[s]")).all() else "microseconds"
    elif any(value.microsecond for value in coord.to_numpy().flat):
        unit = "microseconds"
    return {"units": f"{unit} since 1970-01-01", "calendar": cf.calendar_of(coord), "dtype": "int64"}


def _times(ds: "xr.Dataset") -> dict[str, dict[str, Any]]:
    """Encoding of the time axis and of its bounds."""
    name = cf.find_axis(ds, "T")
    if name is None or not cf.is_decoded_time(ds[name]) or bool(ds[name].isnull().any()):
        return {}
    storage = _time_storage(ds[name])
    edges = [ds[name].attrs.get(key, ds[name].encoding.get(key, "")) for key in ("bounds", "climatology")]
    edge = next((one for one in edges if one in ds.variables and cf.is_decoded_time(ds[one])), "")
    if not edge:
        return {name: storage}
    finer = min(storage["units"], _time_storage(ds[edge])["units"])  # "microseconds" sorts before "seconds"
    return {name: storage | {"units": finer}, edge: storage | {"units": finer}}


def described(
    ds: "xr.Dataset", kept: dict[str, dict[str, Any]], attributes: dict[str, Any], suffix: str
) -> "xr.Dataset":
    """
    Dataset as it will be written: attributes that hold for the part, and how each variable is stored.

    Parameters
    ----------
    ds : xarray.Dataset
        The selection.
    kept : dict of str to dict
        Packing of the variables that stay packed.
    attributes : dict
        Global attributes.
    suffix : str
        Ending of the file.

    Returns
    -------
    xarray.Dataset
        A shallow copy.
    """
    times = _times(ds)
    found = ds.copy(deep=False)
    for key, variable in ds.variables.items():
        name = str(key)
        storage = _storage(variable, kept.get(name), is_coordinate=name in ds.coords)
        if name in times:
            storage = {key: storage[key] for key in _RELATED if key in storage} | times[name]
        found[name].encoding = storage
        found[name].attrs = _attributes(variable, np.dtype(storage.get("dtype", variable.dtype)), name in kept, suffix)
    found.attrs = {str(key): _value(value, suffix) for key, value in attributes.items()}
    found.encoding = {}
    return found


def _attributes(variable: "xr.Variable", stored: "np.dtype[Any]", packed: bool, suffix: str) -> dict[str, Any]:
    """Attributes of a variable that hold for the part, those that speak of stored numbers in the type of these."""
    was_packed = bool({"scale_factor", "add_offset"} & set(variable.encoding))
    dropped = {"actual_range", *(_VALID if was_packed and not packed else ())}
    attributes = {str(key): _value(value, suffix) for key, value in variable.attrs.items() if key not in dropped}
    for key in (*_VALID, *_FLAGS):
        if suffix == ".nc" and stored.kind in "iuf" and np.asarray(attributes.get(key, "")).dtype.kind in "iuf":
            attributes[key] = np.asarray(attributes[key]).astype(stored)
    return attributes


def _value(value: Any, suffix: str) -> Any:
    """Value of an attribute that the format can hold; what it cannot hold as text."""
    if suffix != ".nc":
        return value
    if isinstance(value, bool | np.bool_):
        return int(value)
    parts = value if isinstance(value, list | tuple) else []
    mixed = len({isinstance(one, str) for one in parts}) > 1
    nested = any(one is None or isinstance(one, dict | list | tuple | bool) for one in parts)
    return (
        json.dumps(value, ensure_ascii=False) if value is None or isinstance(value, dict) or mixed or nested else value
    )


def history_line(entry: "Entry", lineage: Lineage, asked: str) -> str:
    """
    Line for the attribute ``history``.

    Parameters
    ----------
    entry : Entry
        Of the dataset.
    lineage : Lineage
        What is read.
    asked : str
        What was asked for.

    Returns
    -------
    str
        Date, version of this package, entry, revision and the request.
    """
    origins = {(one.origin.revision, one.origin.snapshot) for one in lineage.planned}
    state = ", ".join(f"revision {revision or 'untagged'} (snapshot {snapshot})" for revision, snapshot in origins)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{now} oceandata {oceandata.__version__}: subset of {entry.id}, {state or 'no revision'}: {asked}"


def _coverage(ds: "xr.Dataset") -> dict[str, Any]:
    """ACDD's attributes on where, when and how deep."""
    extent = extent_of(ds)
    found: dict[str, Any] = {}
    if extent.bbox is not None:
        west, south, east, north = extent.bbox
        found |= {"geospatial_lon_min": west, "geospatial_lon_max": east}
        found |= {"geospatial_lat_min": south, "geospatial_lat_max": north}
    if extent.depth_m is not None:
        found |= {"geospatial_vertical_min": extent.depth_m[0], "geospatial_vertical_max": extent.depth_m[1]}
        found |= {"geospatial_vertical_units": "m", "geospatial_vertical_positive": "down"}
    if extent.time is not None:
        first, last = (one.strftime("%Y-%m-%dT%H:%M:%SZ") for one in extent.time)
        found |= {"time_coverage_start": first, "time_coverage_end": last}
        found |= {"time_coverage_resolution": extent.time_resolution} if extent.time_resolution else {}
    return found


def global_attributes(ds: "xr.Dataset", entry: "Entry", lineage: Lineage, usage: Usage, history: str) -> dict[str, Any]:
    """
    Global attributes of a subset: the dataset's own, the catalogue's, coverage, lineage and usage.

    Parameters
    ----------
    ds : xarray.Dataset
        The selection, with the attributes it was opened with.
    entry : Entry
        Of the dataset.
    lineage : Lineage
        What was read.
    usage : Usage
        What was served for it.
    history : str
        Line to add to the history.

    Returns
    -------
    dict
        Names of ACDD where it has one.
    """
    own = {key: value for key, value in ds.attrs.items() if not str(key).startswith(_OF_THE_WHOLE)}
    stamp = stamp_attributes(lineage, usage)
    said = {
        "title": entry.title,
        "title_zh": entry.title_zh,
        "summary": entry.summary,
        "summary_zh": entry.summary_zh,
        "keywords": ", ".join(entry.keywords),
        "license": entry.license,
        "acknowledgement": entry.attribution,
        "citation": entry.citation,
        "doi": entry.doi,
        "processing_level": entry.processing_level,
        "id": entry.id,
        "entry": entry.id,
        "product": entry.trade.product if entry.trade else "",
        "product_version": ", ".join(sorted({one.origin.revision for one in lineage.planned if one.origin.revision})),
        "history": f"{own.get('history', '')}\n{history}".strip(),
        "date_created": history.split(" ", 1)[0],
        "Conventions": "CF-1.11, ACDD-1.3",
    }
    said = {key: value for key, value in said.items() if value}
    return own | {key: value for key, value in stamp.items() if key not in said} | said | _coverage(ds)
