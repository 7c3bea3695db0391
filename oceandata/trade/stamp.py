"""Results on disk with their lineage inside: computed, metered and written in one go, read again from the file."""

import dataclasses
import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import xarray as xr

from oceandata.atomic import replacing
from oceandata.errors import InputError
from oceandata.storage.damages import name_undecodable
from oceandata.trade.delivered import with_taken
from oceandata.trade.lineage import Lineage, lineage
from oceandata.trade.meter import Usage, metering, usage_of
from oceandata.trade.recording import current_recording, new_run, note_output
from oceandata.trade.reopened import STAMP, check_parquet, csv_description, read_stamp

__all__ = ["STAMP", "Stamped", "check_parquet", "csv_description", "read_stamp", "stamp_attributes", "write_result"]


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


def stamp_attributes(plan: Lineage, usage: Usage, run: dict[str, Any] | None = None) -> dict[str, str]:
    """
    Global attributes that say what a file was made of.

    Parameters
    ----------
    plan : Lineage
        Its inputs.
    usage : Usage
        What was served for it.
    run : dict, optional
        The run that made it, as `Recording.run` says it; that of the open recording by default.

    Returns
    -------
    dict of str to str
        Conventions, licences and attributions where they are known, and lineage and usage as JSON.
    """
    origins = [*(one.origin for one in plan.planned), *plan.unpinned]
    licences = sorted({one.licence for one in origins if one.licence})
    credits = sorted({one.attribution for one in origins if one.attribution})
    recorded = current_recording()
    run = run or (recorded.run if recorded else None)
    served = usage.to_json() | ({"run": run} if run else {})
    stamp = json.dumps(plan.published().to_json() | {"usage": served}, ensure_ascii=False, allow_nan=False)
    facts = {"Conventions": "CF-1.11", "license": "; ".join(licences), "acknowledgement": "\n".join(credits)}
    return {**{key: value for key, value in facts.items() if value}, STAMP: stamp}


def write_result(
    result: xr.DataArray | xr.Dataset,
    path: str | os.PathLike[str],
    *,
    progress: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Stamped:
    """
    Compute a result and write it as NetCDF with its lineage inside.

    The file appears whole or not at all. What was already in memory is unattributed in the lineage, unless a
    `recording` is open: then it is made of what was read in it by then.

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
    plan = with_taken(lineage(result), result)
    places = {one.origin.repository for one in plan.planned}
    with name_undecodable(places), metering(plan) as usage, progress():
        computed = _named(result).compute()
    recorded = current_recording()
    if recorded is not None:  # what is in memory was served before
        usage = usage_of(plan, recorded.reads)
    stamped = computed.assign_attrs(stamp_attributes(plan, usage, None if recorded else new_run()))
    with replacing(path) as beside:
        stamped.to_netcdf(beside, engine="netcdf4")
    note_output(path)
    return Stamped(computed, path, plan, usage)
