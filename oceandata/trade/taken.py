"""How many values of a stored variable a result is made of: what is delivered, whatever was read for it."""

import dataclasses
from typing import Any

import numpy as np

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
        runs = ((name, tuple((run[0], run[1]) for run in runs)) for name, runs in document["runs"].items())
        return cls(document["values"], document["dtype"], tuple(runs), document.get("rounded", False))
