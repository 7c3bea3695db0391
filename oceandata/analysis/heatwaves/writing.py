"""The table of events on disk, written part by part, so that it may be larger than memory."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import xarray as xr

from oceandata.analysis.heatwaves.events import HeatwaveEvents
from oceandata.errors import InputError, MissingExtraError, RepositoryExistsError

__all__ = ["write_heatwaves"]

# Rows of a chunk of each column: a megabyte at most.
_CHUNK_ROWS = 100_000


class _Zarr:
    """One array a column, appended to."""

    def __init__(self, path: Path) -> None:
        self.path, self.begun = path, False

    def append(self, table: xr.Dataset) -> None:
        """Write the rows of a table after those before."""
        if self.begun:
            table.to_zarr(self.path, append_dim="obs", consolidated=False)
            return
        columns = [name for name, one in table.variables.items() if one.dims == ("obs",)]
        encoding: dict[Any, dict[str, Any]] = {name: {"chunks": (_CHUNK_ROWS,)} for name in columns}
        for name in ("date_start", "date_peak", "date_end"):
            calendar = table.attrs["calendar"]
            encoding[name] |= {"units": "seconds since 1970-01-01", "calendar": calendar, "dtype": "i8"}
        table.to_zarr(self.path, mode="w-", encoding=encoding, consolidated=False, zarr_format=3)
        self.begun = True

    def close(self) -> None:
        """Nothing is left open."""


class _Parquet:
    """One file, a group of rows for each table."""

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            msg = "Parquet needs pyarrow. Install the extra: pip install 'oceandata-exchange[table]', or write a .zarr."
            raise MissingExtraError(msg) from error
        self.path, self.arrow = path, pyarrow
        self.writer: Any = None

    def append(self, table: xr.Dataset) -> None:
        """Write the rows of a table after those before; dates of calendars of their own are ISO 8601 text."""
        columns = {}
        for name in (*table.coords, *table.data_vars):
            if table[name].dims == ("obs",):
                values = table[name].to_numpy()
                is_text = values.dtype == object
                columns[str(name)] = np.array([one.isoformat() for one in values], str) if is_text else values
        rows = self.arrow.table(columns)
        if self.writer is None:
            units = {
                f"units of {name}": one.attrs["units"] for name, one in table.variables.items() if "units" in one.attrs
            }
            notes = {str(key): str(value) for key, value in (table.attrs | units).items()}
            self.schema = rows.schema.with_metadata(notes)
            self.writer = self.arrow.parquet.ParquetWriter(self.path, self.schema)
        self.writer.write_table(rows.cast(self.schema))

    def close(self) -> None:
        """Write the end of the file."""
        if self.writer is not None:
            self.writer.close()


_WRITERS: dict[str, type[_Zarr] | type[_Parquet]] = {".zarr": _Zarr, ".parquet": _Parquet}


def _tables(events: HeatwaveEvents) -> Iterator[xr.Dataset]:
    """Tables of some tiles at a time, two a thread; one without rows if there are no events at all."""
    parts = events.parts.ravel()
    step = 2 * dask.system.CPU_COUNT
    written = 0
    for first in range(0, parts.size, step):
        some = parts[first : first + step]
        tables = [part.columns for part in (some.compute() if isinstance(some, da.Array) else some)]
        joined = events.record.dataset({name: np.concatenate([one[name] for one in tables]) for name in tables[0]})
        is_last = first + step >= parts.size
        if joined.sizes["obs"] or (is_last and not written):
            written += 1
            yield joined


def write_heatwaves(events: HeatwaveEvents, path: "str | os.PathLike[str]") -> Path:
    """
    Write the table of events, one row an event, without holding more than a few tiles of it.

    Rows are in order of cell and day within each group of tiles. What was written before an error is removed.

    Parameters
    ----------
    events : HeatwaveEvents
        From `detect_heatwaves`; computed here, a few tiles at a time.
    path : path
        File that ends in ``.parquet``, or folder that ends in ``.zarr``; nothing may be there yet.

    Returns
    -------
    pathlib.Path
        What was written.

    Raises
    ------
    InputError
        If the ending is another.
    RepositoryExistsError
        If something is there.
    MissingExtraError
        If Parquet is asked for and pyarrow is not installed.

    Notes
    -----
    Dates of calendars that Parquet does not know are written as ISO 8601 text; Zarr keeps the calendar.
    """
    place = Path(path)
    if place.suffix not in _WRITERS:
        msg = f"{place.name!r} ends in {place.suffix!r}, need .parquet or .zarr."
        raise InputError(msg)
    if place.exists():
        msg = f"{place} is there already and is left as it is. Choose another path, or remove it first."
        raise RepositoryExistsError(msg)
    unfinished = place.with_name(f".{place.name}.unfinished")
    _remove(unfinished)
    writer = _WRITERS[place.suffix](unfinished)
    try:
        for table in _tables(events):
            writer.append(table)
        writer.close()
        unfinished.rename(place)
    finally:
        _remove(unfinished)
    return place


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
