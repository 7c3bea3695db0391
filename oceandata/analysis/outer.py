"""Weights that are products of smaller ones, cut out like an array and never whole in memory."""

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["OuterWeights"]


@dataclasses.dataclass(frozen=True, eq=False)
class OuterWeights:
    """
    Weights over several dimensions that are a product of smaller ones; cut out like an array.

    Attributes
    ----------
    factors : tuple of (tuple of int, numpy.ndarray)
        Positions that a factor runs along, ascending, and its values.
    ndim : int
        Number of dimensions of the product.
    """

    factors: "tuple[tuple[tuple[int, ...], npt.NDArray[np.float64]], ...]"
    ndim: int

    def __getitem__(self, region: tuple[slice, ...]) -> "npt.NDArray[np.float64]":
        product = np.ones((1,) * self.ndim)
        for places, values in self.factors:
            part = values[tuple(region[place] for place in places)]
            product = product * part.reshape(
                [part.shape[places.index(d)] if d in places else 1 for d in range(self.ndim)]
            )
        return np.broadcast_to(product, [part.stop - part.start for part in region])

    @property
    def total(self) -> float:
        """Sum of all weights along the dimensions of the factors."""
        return math.prod(float(values.sum()) for _, values in self.factors)
