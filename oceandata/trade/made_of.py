"""What anything that can be asked about is made of: lazy objects, plans, written files."""

import os
from pathlib import Path
from typing import Any

from oceandata.trade.delivered import with_taken
from oceandata.trade.lineage import Lineage, lineage
from oceandata.trade.stamp import read_stamp

__all__ = ["made_of"]


def made_of(thing: Any, *, taken: bool = False) -> Lineage:
    """
    Lineage of whatever knows one.

    Parameters
    ----------
    thing : Lineage, xarray object, Dask collection, path, or an object with a lineage
        A result, lazy or written, or what `plan_subset` and `write_result` give.
    taken : bool
        Also count the values that a lazy object takes.

    Returns
    -------
    Lineage
        What it is made of. Values in memory are unattributed.

    Raises
    ------
    NotFoundError
        If it is a path without a file, or a file without a lineage.
    InputError
        If a file cannot be read.
    """
    if isinstance(thing, Lineage):
        return thing
    if isinstance(thing, str | os.PathLike):
        return read_stamp(Path(thing))[0]
    known = getattr(thing, "lineage", None)
    if isinstance(known, Lineage):
        return known
    return with_taken(lineage(thing), thing) if taken else lineage(thing)
