"""CSV and Parquet: one row for each cell, written some thousand rows at a time."""

import csv
import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata import cf
from oceandata.errors import InputError
from oceandata.trade.subset.boxes import cut_boxes, row_blocks
from oceandata.trade.subset.staging import StagedArray

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa
    import xarray as xr

__all__ = ["Column", "check_table", "csv_metadata", "table_columns", "write_csv", "write_parquet"]

_ROWS = 200_000

Values = dict[str, "npt.NDArray[Any]"]


@dataclasses.dataclass(frozen=True)
class Column:
    """
    A column of a table.

    Attributes
    ----------
    name : str
        Of the variable, coordinate or dimension.
    dims : tuple of str
        Dimensions of the variable.
    units : str
        Unit of the values; empty for times and where the source has none.
    is_data : bool
        True for data variables, False for what tells where a row lies.
    """

    name: str
    dims: tuple[str, ...]
    units: str
    is_data: bool

    @property
    def title(self) -> str:
        """Name with the unit."""
        return f"{self.name} ({self.units})" if self.units else self.name


def check_table(ds: "xr.Dataset") -> None:
    """
    Check that all variables of a dataset fit one table.

    Parameters
    ----------
    ds : xarray.Dataset
        The selection.

    Raises
    ------
    InputError
        If variables have different dimensions: repeating the values of one along those of another would invent rows.
    """
    dims = {str(name): tuple(map(str, array.dims)) for name, array in ds.data_vars.items()}
    first = next(iter(dims.values()), ())
    odd = next((name for name, own in dims.items() if set(own) != set(first)), "")
    if odd:
        msg = (
            f"variables {next(iter(dims))!r} {first} and {odd!r} {dims[odd]} have different dimensions, and a table "
            "has one row for each cell. Choose with variables= (--variables), or write .nc or .zarr."
        )
        raise InputError(msg)


def _is_column(ds: "xr.Dataset", name: str, dims: Sequence[str]) -> bool:
    """Whether a coordinate tells where a row lies: no edges, no grid mapping."""
    coord = ds[name]
    axes = [cf.find_axis(ds, axis) for axis in "XYZT"]
    return set(coord.dims) <= set(dims) and (coord.ndim > 0 or name in axes)


def table_columns(ds: "xr.Dataset") -> list[Column]:
    """
    Columns of the table of a dataset: where, when and how deep first, then the variables.

    Parameters
    ----------
    ds : xarray.Dataset
        The selection; all its variables have the same dimensions.

    Returns
    -------
    list of Column
        A dimension without a coordinate gives the position along it.
    """
    dims = _row_dims(ds)
    others = [str(name) for name in ds.coords if str(name) not in dims and _is_column(ds, str(name), dims)]
    columns = []
    for name in [*dims, *others, *map(str, ds.data_vars)]:
        own = tuple(map(str, ds[name].dims)) if name in ds.variables else (name,)
        known = name in ds.variables and not cf.is_decoded_time(ds[name])
        units = str(ds[name].attrs.get("units", "")) if known else ""
        columns.append(Column(name, own, "" if units == "1" else units, name in ds.data_vars))
    return columns


def _row_dims(ds: "xr.Dataset") -> list[str]:
    """Dimensions of the variables, in the order of the first."""
    return [str(dim) for dim in next(iter(ds.data_vars.values())).dims]


def _texts(values: "npt.NDArray[Any]") -> "npt.NDArray[Any]":
    """
    Values as text, missing ones empty.

    Numbers with as many digits as it takes to read the same ones again; times as people and spreadsheets write them, in
    their own calendar.
    """
    if values.dtype.kind == "M":
        whole = bool((values == values.astype("M8[s]"))[~np.isnat(values)].all())
        found = np.char.replace(np.datetime_as_string(values, unit="s" if whole else "us"), "T", " ")
    elif values.dtype == object:
        found = np.array([_text(value) for value in values.flat], dtype=object).reshape(values.shape)
    else:
        found = values.astype(str)
    return np.where(_missing(values), "", found).astype(object)


def _text(value: Any) -> str:
    """A time of another calendar, or what else is no number."""
    return value.strftime("%Y-%m-%d %H:%M:%S") if hasattr(value, "calendar") else str(value)


def _read(ds: "xr.Dataset", arrays: dict[str, StagedArray], column: Column, box: dict[str, slice]) -> Any:
    """Values of a column in a box, with the column's own dimensions."""
    if column.name not in ds.variables:
        part = box[column.name]
        return np.arange(part.start, part.stop)
    own = tuple(box[dim] for dim in column.dims)
    if column.name in arrays:
        return arrays[column.name][own]
    return ds[column.name].to_numpy()[own]


def _missing(values: "npt.NDArray[Any]") -> "npt.NDArray[np.bool_]":
    if values.dtype.kind in "fcmM":
        return np.asarray(np.isnat(values) if values.dtype.kind in "mM" else np.isnan(values))
    return np.zeros(values.shape, bool)


def _spread(values: "npt.NDArray[Any]", own: Sequence[str], dims: Sequence[str], shape: Sequence[int]) -> Any:
    """Values of some dimensions for each row of a box."""
    order = [own.index(dim) for dim in dims if dim in own]
    sizes = [size if dim in own else 1 for dim, size in zip(dims, shape, strict=True)]
    return np.broadcast_to(values.transpose(order).reshape(sizes), shape).reshape(-1)


def _rows(
    ds: "xr.Dataset", arrays: dict[str, StagedArray], columns: Sequence[Column], *, as_text: bool
) -> Iterator[tuple[Values, int]]:
    """Columns of some rows at a time, and the number of rows left out because every variable is missing."""
    dims = _row_dims(ds)
    for box in cut_boxes(row_blocks([ds.sizes[dim] for dim in dims], _ROWS)):
        yield _part(ds, arrays, columns, dict(zip(dims, box, strict=True)), as_text=as_text)


def _part(
    ds: "xr.Dataset", arrays: dict[str, StagedArray], columns: Sequence[Column], box: dict[str, slice], *, as_text: bool
) -> tuple[Values, int]:
    """Columns of one box."""
    shape = [part.stop - part.start for part in box.values()]
    found: Values = {}
    kept = np.zeros(int(np.prod(shape)), bool)
    for column in columns:
        values = np.asarray(_read(ds, arrays, column, box))
        if column.is_data:
            kept |= ~_missing(_spread(values, column.dims, list(box), shape))
        elif as_text or values.dtype == object:  # before it is repeated for each row
            values = _texts(values)
        found[column.name] = _spread(values, column.dims, list(box), shape)
    rows = {name: values[kept] for name, values in found.items()}
    if as_text:
        rows |= {column.name: _texts(rows[column.name]) for column in columns if column.is_data}
    return rows, int(kept.size - kept.sum())


def write_csv(ds: "xr.Dataset", arrays: dict[str, StagedArray], path: Path) -> tuple[int, int]:
    """
    Write CSV in UTF-8 with a byte order mark, without which spreadsheets on Chinese Windows take it for GBK.

    The first row has the names with their units; times are UTC, such as ``2009-06-15 12:00:00``. Numbers are written
    with as many digits as it takes to read the same ones again; missing values are empty.

    Parameters
    ----------
    ds : xarray.Dataset
        The selection with its global attributes, which go into a file beside it (`csv_metadata`).
    arrays : dict of str to StagedArray
        What was read.
    path : pathlib.Path
        The file to make.

    Returns
    -------
    tuple of int
        Rows written, and rows left out because every variable is missing.
    """
    columns = table_columns(ds)
    written = left_out = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([column.title for column in columns])
        for part, absent in _rows(ds, arrays, columns, as_text=True):
            rows.writerows(zip(*part.values(), strict=True))
            written, left_out = written + len(next(iter(part.values()))), left_out + absent
    return written, left_out


def csv_metadata(ds: "xr.Dataset", name: str) -> dict[str, Any]:
    """
    Description of a CSV file, as the W3C's recommendation on tabular data wants it.

    Parameters
    ----------
    ds : xarray.Dataset
        The selection with its global attributes.
    name : str
        Of the CSV file.

    Returns
    -------
    dict
        JSON types; the global attributes stand under ``notes``.
    """
    columns = [{"titles": one.title, "name": one.name, "datatype": _datatype(ds, one)} for one in table_columns(ds)]
    return {
        "@context": "http://www.w3.org/ns/csvw",
        "url": name,
        "dc:title": ds.attrs.get("title", ""),
        "dc:license": ds.attrs.get("license", ""),
        "tableSchema": {"columns": columns},
        "notes": [ds.attrs],
    }


def _datatype(ds: "xr.Dataset", column: Column) -> Any:
    """Type of a column in the recommendation's words."""
    if column.name not in ds.variables:
        return "integer"
    if cf.is_decoded_time(ds[column.name]):
        return {"base": "dateTime", "format": "yyyy-MM-dd HH:mm:ss"}
    kind = ds[column.name].dtype.kind
    return {"f": "number", "i": "integer", "u": "integer", "b": "boolean"}.get(kind, "string")


def write_parquet(ds: "xr.Dataset", arrays: dict[str, StagedArray], path: Path) -> tuple[int, int]:
    """
    Write Parquet, one group of rows after the other.

    Units and names are in the metadata of the columns, global attributes in those of the file; times are UTC.

    Parameters
    ----------
    ds : xarray.Dataset
        The selection with its global attributes.
    arrays : dict of str to StagedArray
        What was read.
    path : pathlib.Path
        The file to make.

    Returns
    -------
    tuple of int
        Rows written, and rows left out because every variable is missing.
    """
    import pyarrow as pa
    import pyarrow.parquet

    columns = table_columns(ds)
    schema = _schema(ds, columns)
    written = left_out = 0
    with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for part, absent in _rows(ds, arrays, columns, as_text=False):
            rows = len(next(iter(part.values())))
            arrow = [
                pa.array(part[one.name], from_pandas=True).cast(field.type)
                for one, field in zip(columns, schema, strict=True)
            ]
            if rows:
                writer.write_table(pa.Table.from_arrays(arrow, schema=schema))
            written, left_out = written + rows, left_out + absent
    return written, left_out


def _schema(ds: "xr.Dataset", columns: Sequence[Column]) -> "pa.Schema":
    """Types and metadata of the columns and of the file."""
    import pyarrow as pa

    fields = []
    for column in columns:
        attrs = ds[column.name].attrs if column.name in ds.variables else {}
        texts = {str(key): value if isinstance(value, str) else str(value) for key, value in attrs.items()}
        fields.append(pa.field(column.name, _arrow_type(ds, column), metadata=texts))
    said = {key: value if isinstance(value, str) else json.dumps(value, default=str) for key, value in ds.attrs.items()}
    return pa.schema(fields, metadata=said)


def _arrow_type(ds: "xr.Dataset", column: Column) -> Any:
    import pyarrow as pa

    if column.name not in ds.variables:
        return pa.int64()
    dtype = ds[column.name].dtype
    if dtype.kind == "M":
        return pa.timestamp("us", tz="UTC")
    return pa.string() if dtype.kind in "OUS" else pa.from_numpy_dtype(dtype)
