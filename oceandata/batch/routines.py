"""Routines that can be a step of a job, and what they take."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import xarray as xr

from oceandata import analysis
from oceandata.analysis.heatwaves.events import HeatwaveEvents
from oceandata.analysis.routines import result_types
from oceandata.catalog.positions import Location
from oceandata.errors import closest

__all__ = ["argument_faults", "job_routines", "makes_table"]


def job_routines() -> list[str]:
    """
    Routines of `oceandata.analysis` that can be a step of a job.

    Returns
    -------
    list of str
        Those that make arrays, datasets or tables of events of one variable.

    Examples
    --------
    >>> "climatology" in job_routines(), "plan" in job_routines()
    (True, False)
    """
    lazy = {xr.DataArray, xr.Dataset, HeatwaveEvents}
    return [name for name in analysis.__all__ if result_types(getattr(analysis, name)) <= lazy]


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
    is_open = len(known) < len(parameters)
    for name in arguments:
        if name not in known and not is_open:
            yield ("arguments", name), f"{routine} has no argument {name!r}. {closest(name, known)}"
    missing = [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    for name in missing:
        if name not in arguments:
            yield ("arguments",), f"{routine} needs the argument {name!r}. Add it to arguments."
