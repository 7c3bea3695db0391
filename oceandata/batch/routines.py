"""Routines that can be a step of a job, what they take, and what several of them in one pass make."""

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

import xarray as xr

from oceandata import analysis
from oceandata.analysis.heatwaves.events import HeatwaveEvents
from oceandata.analysis.routines import result_types
from oceandata.catalog.positions import Location
from oceandata.errors import CorruptionError, InputError, closest

__all__ = ["argument_faults", "job_routines", "joined", "makes_table"]

# The routine that makes several results, and what it takes in a job, which keeps states itself.
_SEVERAL, _OF_SEVERAL = "statistics", ("routines",)


def job_routines() -> list[str]:
    """
    Routines of `oceandata.analysis` that can be a step of a job.

    Returns
    -------
    list of str
        Those that make arrays, datasets or tables of events of one variable, and `statistics`.

    Examples
    --------
    >>> "climatology" in job_routines(), "plan" in job_routines()
    (True, False)
    """
    lazy = {xr.DataArray, xr.Dataset, HeatwaveEvents}
    return [name for name in analysis.__all__ if name == _SEVERAL or result_types(getattr(analysis, name)) <= lazy]


def joined(results: Mapping[str, xr.DataArray | xr.Dataset]) -> xr.Dataset:
    """
    Results of several routines as one dataset.

    Parameters
    ----------
    results : mapping of str to xarray.DataArray or xarray.Dataset
        By label, as `oceandata.analysis.statistics` gives them.

    Returns
    -------
    xarray.Dataset
        An array is called by its label, a variable of a dataset by the label and its name.

    Raises
    ------
    InputError
        If a label is no name of a variable, or two results have other labels along a dimension of the same name.
    """
    parts = []
    for label, one in results.items():
        if not re.fullmatch(r"[A-Za-z]\w*", label, re.ASCII):
            msg = f"{label!r} is no name of a variable, need letters, digits and underscores. Choose another label."
            raise InputError(msg)
        names = {} if isinstance(one, xr.DataArray) else {name: f"{label}_{name}" for name in one.data_vars}
        parts.append(one.to_dataset(name=label) if isinstance(one, xr.DataArray) else one.rename(names))
    try:
        return xr.merge(parts, join="exact", compat="equals", combine_attrs="drop_conflicts")
    except (ValueError, CorruptionError) as error:  # labels that are not computed yet cannot be compared
        msg = f"the results do not fit into one dataset ({error}). Compute them in several jobs."
        raise InputError(msg) from error


def makes_table(name: str) -> bool:
    """Whether a routine makes a table of events, which no job can write."""
    return HeatwaveEvents in result_types(getattr(analysis, name))


def argument_faults(routine: str, arguments: Mapping[str, Any]) -> Iterator[tuple[Location, str]]:
    """
    What is wrong with the arguments of a routine.

    Parameters
    ----------
    routine : str
        Name of one that there is.
    arguments : mapping of str to object
        All but the first.

    Yields
    ------
    tuple
        Place in the step, and message.
    """
    parameters = list(inspect.signature(getattr(analysis, routine)).parameters.values())[1:]
    known = [one.name for one in parameters if one.kind != one.VAR_KEYWORD]
    known = [*_OF_SEVERAL] if routine == _SEVERAL else known
    parameters = [one for one in parameters if one.name in known or one.kind == one.VAR_KEYWORD]
    is_open = len(known) < len(parameters)
    for name in arguments:
        if name not in known and not is_open:
            yield ("arguments", name), f"{routine} has no argument {name!r}. {closest(name, known)}"
    missing = [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    for name in missing:
        if name not in arguments:
            yield ("arguments",), f"{routine} needs the argument {name!r}. Add it to arguments."
