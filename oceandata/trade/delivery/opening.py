"""Open a package as xarray: just the cells that were delivered."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata.errors import OceanDataError
from oceandata.trade.delivery.manifest import STORE_NAME, Manifest, read_manifest

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["check_labels", "open_delivery"]


def open_delivery(path: str | os.PathLike[str]) -> "xr.Dataset":
    """
    Open the delivered cells of a package as a lazy dataset; nothing is verified.

    Parameters
    ----------
    path : path
        The package.

    Returns
    -------
    xarray.Dataset
        The cells that meet the selection. Cells outside of it, which whole chunks hold too, are left out; so is what
        was not delivered, and would read as missing.

    Raises
    ------
    NotFoundError
        If there is no such folder.
    DocumentError
        If it holds no manifest, or one that cannot be read.
    """
    import xarray as xr

    from oceandata.storage import open_dataset

    manifest, folder = read_manifest(path), Path(path)
    if manifest.mode == "whole-chunk":
        from oceandata.storage.selection import in_blocks

        ds = open_dataset(folder / STORE_NAME, chunks=None, plain=True)
        taken = {
            str(dim): np.concatenate([np.arange(a, b) for a, b in manifest.selection.cells[str(dim)]])
            if str(dim) in manifest.selection.cells
            else np.arange(size)
            for dim, size in ds.sizes.items()
        }
        part = ds[list(manifest.selection.variables)].isel(
            {dim: _indexer(rows) for dim, rows in taken.items() if dim in manifest.selection.cells}
        )
        return in_blocks(part, {str(dim): taken[str(dim)] for dim in part.dims}, "auto")
    if (folder / "data.nc").is_file():
        return xr.open_dataset(folder / "data.nc", chunks={}, decode_coords="all")
    return xr.open_dataset(folder / STORE_NAME, engine="zarr", chunks={}, decode_coords="all")


def _indexer(rows: "np.typing.NDArray[np.int64]") -> "slice | np.typing.NDArray[np.int64]":
    """Positions as a slice if they follow each other."""
    if rows.size and rows[-1] - rows[0] + 1 == rows.size:
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


def _asked_variables(folder: Path, asked: dict[str, Any]) -> list[str] | None:
    """Native names of the variables that were asked for; None if none were named."""
    if "variables" not in asked:
        return None
    from oceandata import cf
    from oceandata.storage import open_dataset

    with open_dataset(folder / STORE_NAME, chunks=None, plain=True) as ds:
        return [cf.require_variable(ds, name) for name in asked["variables"]]


def check_labels(folder: Path, manifest: Manifest) -> str:
    """
    Open whole chunks, and resolve what was asked for once more, from the coordinates in the package.

    Parameters
    ----------
    folder : pathlib.Path
        A package whose files were proved.
    manifest : Manifest
        What it says.

    Returns
    -------
    str
        What is wrong; empty if the cells are those of the box, the period and the depths that were asked for.
    """
    from oceandata.storage.opening import stored_ranges

    selection = manifest.selection
    limits: dict[str, Any] = {"region": selection.asked.get("bbox"), "time": selection.asked.get("time")}
    try:
        names = _asked_variables(folder, selection.asked)
        found = stored_ranges(
            folder / STORE_NAME,
            variables=list(selection.variables),
            depth=selection.asked.get("depth"),
            **limits,
        )
    except (OceanDataError, OSError, ValueError, KeyError, TypeError) as error:
        return f"{STORE_NAME} does not open with what was asked for: {error}"
    if names is not None and set(names) != set(selection.variables):
        return f"the variables are {', '.join(selection.variables)}, but what was asked for are {', '.join(names)}"
    if {dim: parts for dim, parts in found.items() if parts} != selection.cells:
        return f"the cells are {selection.cells}, but what was asked for are {found}"
    return ""
