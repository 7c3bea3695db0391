"""Results on disk with their lineage inside: computed, metered and written in one go, read again from the file."""

import dataclasses
import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import xarray as xr

from oceandata.errors import DocumentError, InputError, NotFoundError
from oceandata.storage.damages import name_undecodable
from oceandata.trade.lineage import Lineage, lineage
from oceandata.trade.meter import Usage, metering

__all__ = ["STAMP", "Stamped", "read_stamp", "write_result"]

#: Global attribute that holds the lineage.
STAMP = "oceandata_lineage"


@dataclasses.dataclass(frozen=True)
class Stamped:
    """A written result: the values in memory, where they are, what they were made of and what was served."""

    result: xr.Dataset
    path: Path
    lineage: Lineage
    usage: Usage


def _named(result: xr.DataArray | xr.Dataset) -> xr.Dataset:
    if isinstance(result, xr.Dataset):
        return result
    return result.to_dataset(name=result.name or "result")


def _stamped(result: xr.Dataset, plan: Lineage, usage: Usage) -> xr.Dataset:
    """Result with its lineage, licences and attributions as global attributes."""
    licences = sorted({one.origin.licence for one in plan.planned if one.origin.licence})
    credits = sorted({one.origin.attribution for one in plan.planned if one.origin.attribution})
    stamp = json.dumps(plan.to_json() | {"usage": usage.to_json()}, ensure_ascii=False, allow_nan=False)
    facts = {"Conventions": "CF-1.11", "license": "; ".join(licences), "acknowledgement": "\n".join(credits)}
    return result.assign_attrs({**{key: value for key, value in facts.items() if value}, STAMP: stamp})


def write_result(
    result: xr.DataArray | xr.Dataset,
    path: str | os.PathLike[str],
    *,
    progress: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Stamped:
    """
    Compute a result and write it as NetCDF with its lineage inside.

    The file appears whole or not at all. What was already in memory is unattributed in the lineage.

    Parameters
    ----------
    result : xarray.DataArray or xarray.Dataset
        Lazy or not.
    path : path
        A file ending in ``.nc``; an existing one is replaced.
    progress : callable
        Gives a context manager in which to compute, such as a progress bar.

    Returns
    -------
    Stamped
        Values, path, lineage and usage.

    Raises
    ------
    InputError
        If the path does not end in ``.nc`` or its folder does not exist.
    CorruptionError
        If a stored chunk cannot be read or decoded; nothing is written.
    """
    path = Path(path)
    if path.suffix != ".nc" or path.is_dir() or not path.parent.is_dir():
        msg = f"cannot write {path}: need a file name ending in .nc in a folder that exists."
        raise InputError(msg)
    plan = lineage(result)
    places = {one.origin.repository for one in plan.planned}
    with name_undecodable(places), metering(plan) as usage, progress():
        computed = _named(result).compute()
    stamped = _stamped(computed, plan, usage)
    draft = path.with_name(f".{path.stem}.{os.getpid()}.nc")
    try:
        stamped.to_netcdf(draft, engine="netcdf4")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return Stamped(computed, path, plan, usage)


def read_stamp(path: str | os.PathLike[str]) -> tuple[Lineage, dict[str, Any]]:
    """
    Lineage and usage stamped on a file.

    Parameters
    ----------
    path : path
        A NetCDF file that `write_result` made.

    Returns
    -------
    tuple
        The lineage, and the usage in its JSON form.

    Raises
    ------
    NotFoundError
        If there is no such file, or it carries no lineage.
    InputError
        If the file is no NetCDF, or its lineage cannot be read: it was changed, or a later version wrote it.
    """
    path = Path(path)
    if not path.is_file():
        msg = f"there is no file {path}."
        raise NotFoundError(msg)
    import netCDF4

    try:
        with netCDF4.Dataset(path) as file:
            text = getattr(file, STAMP, "")
    except OSError as error:
        msg = f"{path} is no NetCDF file: {error}"
        raise InputError(msg) from error
    if not text:
        msg = f"{path} carries no lineage: it was not written by oceandata (attribute {STAMP} is missing)."
        raise NotFoundError(msg)
    try:
        document = json.loads(text)
        return Lineage.from_json(document), document.get("usage", {})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"the lineage in {path} (attribute {STAMP}) cannot be read: {error!r}. Compute the result again."
        raise DocumentError(msg) from error
