"""
What a state covers, as one digest: the chunks by their recorded leaves, their encoding, the labels, the blocks.

Two partitions of equal coverage have states that are equal to the last bit, whatever revision they are read from.
"""

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import numpy as np
from dask.local import get_sync

from oceandata.analysis.stored import StateStore
from oceandata.batch.states import Stage
from oceandata.batch.work import Work
from oceandata.errors import OceanDataError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["coverage"]

# Another form covers nothing that this one does.
_FORM = "oceandata.coverage/1"


def coverage(work: Work, stage: Stage, number: int) -> str:
    """
    What the state of a partition is made of.

    Parameters
    ----------
    work : Work
        Of the job.
    stage : Stage
        One of its stages.
    number : int
        Of the partition.

    Returns
    -------
    str
        64 hexadecimal digits. Empty if nothing tells: the stage streams what was made of the input, not the input as it
        was opened, or the input is in no repository.

    Notes
    -----
    Metadata, labels and recorded leaves are read, data are not.
    """
    if stage.array.name != getattr(work.source.data, "name", ""):
        return ""
    box = stage.grid.box(number)
    try:
        chunks = StateStore(Path()).fold(stage.recipe, box, stage.accumulators).path.name
    except (OceanDataError, LookupError, OSError, ValueError):
        return ""
    blocks = [sizes[first:last] for sizes, (first, last) in zip(stage.array.chunks, box, strict=True)]
    found = hashlib.sha256(repr((_FORM, _libraries(), chunks, blocks, stage.array.dtype.str)).encode())
    region = dict(zip(work.source.dims, stage.recipe.region(box), strict=True))
    for part in _labels(work.source.isel(region)):
        found.update(part)
    return found.hexdigest()


@cache
def _libraries() -> tuple[str, ...]:
    """Versions of what computes beside our own code, of which the plan has a digest."""
    return tuple(version(name) for name in ("numpy", "numba"))


def _labels(part: "xr.DataArray") -> Iterator[bytes]:
    """Names, units and values of the coordinates of a part of the input."""
    for name, coord in sorted(part.coords.items(), key=lambda found: str(found[0])):
        (made,) = dask.base.compute(coord.variable.data, scheduler=get_sync)
        values: Any = np.asarray(made)
        head = (str(name), coord.dims, values.dtype.str, values.shape, str(coord.attrs.get("units", "")))
        yield repr(head).encode()
        yield repr(values.tolist()).encode() if values.dtype.kind == "O" else np.ascontiguousarray(values).tobytes()
