"""How many values of a stored variable a result is made of: what is delivered, whatever was read for it."""

import dataclasses
import math
from typing import Any

import numpy as np

from oceandata.errors import DocumentError

__all__ = ["Taken"]


@dataclasses.dataclass(frozen=True)
class Taken:
    """
    Values of one variable that a result is made of.

    Attributes
    ----------
    values : int
        Number of values, each once.
    dtype : str
        Type in which they are published (stored).
    runs : tuple of (str, tuple of (int, int))
        Positions along each dimension, by its name: stretches from and to (excluded).
    rounded : bool
        True if a selection above a computation could not be followed, so that whole blocks count.
    """

    values: int
    dtype: str
    runs: tuple[tuple[str, tuple[tuple[int, int], ...]], ...] = ()
    rounded: bool = False

    @property
    def itemsize(self) -> int | None:
        """Bytes of one value; None for texts of any length."""
        try:
            dtype = np.dtype(self.dtype)
        except TypeError:
            return None
        return dtype.itemsize if dtype.kind in "biufcmMSUV" else None

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of positions along each dimension."""
        return tuple(sum(to - start for start, to in stretches) for _, stretches in self.runs)

    @property
    def delivered_bytes(self) -> int | None:
        """Bytes of the values in their published type; None if the type has no fixed size."""
        return None if self.itemsize is None else self.values * self.itemsize

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        runs = {name: [list(run) for run in runs] for name, runs in self.runs}
        return {"values": self.values, "dtype": self.dtype, "runs": runs} | ({"rounded": True} if self.rounded else {})

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Taken":
        """Taken values from their JSON form."""
        values, dtype, rounded = document["values"], document["dtype"], document.get("rounded", False)
        if type(values) is not int or values < 0:
            msg = f"number of values taken is {values!r}, need a whole number, zero or more."
            raise DocumentError(msg)
        if not isinstance(dtype, str) or not _is_type(dtype):
            msg = f"type of the values taken is {dtype!r}, need that of a stored array such as 'float32'."
            raise DocumentError(msg)
        if type(rounded) is not bool:
            msg = f"rounded is {rounded!r}, need true or false."
            raise DocumentError(msg)
        runs = document["runs"]
        if not isinstance(runs, dict) or not all(_are_runs(one) for one in runs.values()):
            msg = f"positions taken are {runs!r}, need for each dimension stretches [from, to], to not before from."
            raise DocumentError(msg)
        taken = tuple((name, tuple((run[0], run[1]) for run in stretches)) for name, stretches in runs.items())
        found = cls(values, dtype, taken, rounded)
        if taken and values > math.prod(found.sizes):
            msg = f"number of values taken is {values}, but there are {' x '.join(map(str, found.sizes))} positions."
            raise DocumentError(msg)
        return found


def _is_type(text: str) -> bool:
    """Whether a text names a type, one of a size of its own if NumPy knows it; texts of any length have none."""
    try:
        return np.dtype(text).itemsize > 0
    except TypeError:
        return text.isidentifier()  # "string"


def _are_runs(stretches: Any) -> bool:
    """Whether these are stretches of positions."""
    return isinstance(stretches, list) and all(
        isinstance(run, list) and len(run) == 2 and all(type(n) is int for n in run) and 0 <= run[0] <= run[1]
        for run in stretches
    )
