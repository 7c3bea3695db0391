"""Several statistics of one variable in one pass."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from oceandata import analysis
from oceandata.analysis.labels import require_array
from oceandata.analysis.routines import Steps, run_together, steps_of
from oceandata.analysis.stored import StateStore
from oceandata.errors import InputError, closest

__all__ = ["mergeable_routines", "statistics"]


def mergeable_routines() -> list[str]:
    """
    Routines that `statistics` can fuse.

    Returns
    -------
    list of str
        Their names, in order.

    Examples
    --------
    >>> "climatology" in mergeable_routines()
    True
    """
    return [name for name in analysis.__all__ if steps_of(getattr(analysis, name)) is not None]


def _asked(routines: "Iterable[str] | Mapping[str, Mapping[str, Any]]") -> dict[str, dict[str, Any]]:
    """Arguments of each routine by the label of its result."""
    if isinstance(routines, str):
        return {routines: {}}
    if isinstance(routines, Mapping):
        return {label: dict(arguments or {}) for label, arguments in routines.items()}
    return {name: {} for name in routines}


def _body(label: str, arguments: dict[str, Any]) -> Callable[..., Steps[Any]]:
    """Body of the routine that a label asks for."""
    name = arguments.pop("routine", label)
    known = mergeable_routines()
    body = steps_of(getattr(analysis, name)) if name in known else None
    if body is None:
        reason = "is not mergeable: it needs more than one pass" if name in analysis.__all__ else "is no routine"
        msg = f"{name!r} {reason}. Mergeable ones are {', '.join(known)}. {closest(str(name), known)}".rstrip()
        raise InputError(msg)
    return body


def statistics(
    obj: xr.DataArray,
    routines: "Iterable[str] | Mapping[str, Mapping[str, Any]]",
    *,
    store: str | os.PathLike[str] | None = None,
    steps: str = "",
) -> dict[str, xr.DataArray | xr.Dataset]:
    """
    Several statistics of one variable, every byte read once for all of them.

    Parameters
    ----------
    obj : xarray.DataArray, shape (...)
        Any chunking; your own steps before (arithmetic, ``where``, ``map_blocks``) are streamed with it.
    routines : sequence of str, or mapping of str to mapping
        Names of mergeable routines, or the arguments of each by the label of its result. The argument ``routine`` names
        the routine where the label is another: ``{"nino34": {"routine": "area_mean", "region": (-170, -5, -120, 5)}}``.
    store : str or path, optional
        Folder in which the states of partitions are kept under the digests of the chunks they were made of. The next
        call reads only what is new: the steps that were appended, or the partition that holds a corrected range.
    steps : str
        Name of what you did with the data after opening, needed with `store` if you did something; another name
        whenever that changes.

    Returns
    -------
    dict of str to xarray.DataArray or xarray.Dataset
        What each routine returns, by label; lazy if `obj` is lazy. Compute them together: ``dask.compute(results)``.

    Raises
    ------
    InputError
        If there is no such routine, it is not mergeable, or its arguments are wrong; with `store` if the data do not
        come from a repository.

    Notes
    -----
    Routines that ask for the same array share their streaming tasks. One that works on a part of it only (an
    `area_mean` over a region) reads that part by itself. A task holds the states of all routines, and one block.

    Examples
    --------
    >>> import dask, numpy as np, xarray as xr
    >>> sst = xr.DataArray(np.arange(4.0), dims=["time"], name="sst").chunk(time=2)
    >>> found = dask.compute(statistics(sst, ["mean", "extremes"]))[0]
    >>> float(found["mean"]), float(found["extremes"].maximum)
    (1.5, 3.0)
    """
    obj = require_array(obj, "statistics")
    asked = _asked(routines)
    if not asked:
        msg = f"routines is empty, need some of {', '.join(mergeable_routines())}."
        raise InputError(msg)
    bodies = []
    for label, arguments in asked.items():
        body = _body(label, arguments)
        try:
            bodies.append(body(obj, **arguments))
        except TypeError as error:
            msg = f"{label!r}: {error}. See help(oceandata.analysis.{body.__name__})."
            raise InputError(msg) from error
    states = None if store is None else StateStore(Path(store).absolute(), steps)
    if states is not None:
        states.path.mkdir(parents=True, exist_ok=True)
    return dict(zip(asked, run_together(bodies, states=states), strict=True))
