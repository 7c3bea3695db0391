"""
Mergeable statistics: small arrays of sufficient statistics in float64, filled block by block, merged in any grouping.

An accumulator is a `Fold`: ``begin`` a state for a region of the array, ``add`` each block at its place. States of
partitions that cover the same cells are merged with ``merge`` (associative, commutative up to rounding) and turned
into arrays by ``result``. NaN is never counted.
"""

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from oceandata.graph import Fold

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Accumulator", "GroupedMoments", "Output", "State", "WeightedSum"]

#: Sufficient statistics by name.
State = dict[str, "npt.NDArray[np.float64]"]

# Values widened to float64 at a time: 2 MB, so that the work stays in the processor's cache.
_STRIP_VALUES = 262_144


@dataclasses.dataclass(frozen=True)
class Output:
    """Shape of a result: leading dimensions of its own, then the kept dimensions of the array."""

    name: str
    leading: tuple[int, ...] = ()


class Accumulator(Fold, Protocol):
    """A fold whose states merge."""

    @property
    def reduced(self) -> tuple[int, ...]:
        """Dimensions of the array that are reduced."""

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Results, with their own dimensions."""

    @property
    def state_values(self) -> int:
        """Values of the state for each kept cell."""

    def merge(self, first: State, second: State) -> State:
        """State of both parts."""

    def result(self, state: State) -> State:
        """Results by name."""


def _kept(ndim: int, reduced: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(dim for dim in range(ndim) if dim not in reduced)


@dataclasses.dataclass(frozen=True, eq=False)
class WeightedSum:
    """
    Weighted sum of valid values, and the sum of their weights.

    Attributes
    ----------
    reduced : tuple of int
        Dimensions to sum over.
    weights : numpy.ndarray
        One weight for each cell of the reduced dimensions, in their order; zero leaves a cell out.
    """

    reduced: tuple[int, ...]
    weights: "npt.NDArray[np.float64]"

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Sum of weight times value, and sum of weight, over valid values."""
        return (Output("weighted_sum"), Output("weight"))

    @property
    def state_values(self) -> int:
        """Two."""
        return 2

    def begin(self, region: tuple[slice, ...]) -> State:
        """Zeros for the kept cells of a region."""
        shape = [region[dim].stop - region[dim].start for dim in _kept(len(region), self.reduced)]
        return {"weighted_sum": np.zeros(shape), "weight": np.zeros(shape)}

    def add(
        self, state: State, block: "npt.NDArray[Any]", region: tuple[slice, ...], within: tuple[slice, ...]
    ) -> None:
        """Add a block, a strip of rows at a time."""
        if not block.size:
            return
        kept = _kept(block.ndim, self.reduced)
        weights = np.ascontiguousarray(self.weights[tuple(region[dim] for dim in self.reduced)]).ravel()
        rows = np.moveaxis(block, self.reduced, range(len(kept), block.ndim)).reshape(-1, weights.size)
        total, valid_weight = _weighted_rows(rows, weights)
        place = tuple(within[dim] for dim in kept)
        shape = tuple(block.shape[dim] for dim in kept)
        state["weighted_sum"][place] += total.reshape(shape)
        state["weight"][place] += valid_weight.reshape(shape)

    def merge(self, first: State, second: State) -> State:
        """Sums add up."""
        return {name: first[name] + second[name] for name in first}

    def result(self, state: State) -> State:
        """The two sums as they are."""
        return state


def _weighted_rows(
    rows: "npt.NDArray[Any]", weights: "npt.NDArray[np.float64]"
) -> "tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]":
    """Weighted sum and valid weight of each row, a strip of rows at a time in one reused buffer."""
    total, valid_weight = np.empty(len(rows)), np.empty(len(rows))
    step = max(1, min(len(rows), _STRIP_VALUES // max(1, weights.size)))
    buffer = np.empty((step, weights.size))
    unused = weights == 0
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        strip, place = buffer[: len(part)], slice(start, start + len(part))
        missing = np.isnan(part)
        missing |= unused
        np.copyto(strip, part)
        np.copyto(strip, 0.0, where=missing)
        total[place] = strip @ weights
        if (missing == missing[0]).all():
            valid_weight[place] = weights[~missing[0]].sum()
        else:
            np.copyto(strip, ~missing)
            valid_weight[place] = strip @ weights
    return total, valid_weight


@dataclasses.dataclass(frozen=True, eq=False)
class GroupedMoments:
    """
    Count, mean and sum of squared deviations of each cell in each group along one dimension.

    Attributes
    ----------
    dim : int
        Dimension to reduce.
    codes : numpy.ndarray of int
        Group of each position along it; negative leaves a position out.
    groups : int
        Number of groups.

    References
    ----------
    Chan, Golub and LeVeque 1983, The American Statistician 37, eq. (2.1).
    """

    dim: int
    codes: "npt.NDArray[np.int64]"
    groups: int

    @property
    def reduced(self) -> tuple[int, ...]:
        """The one dimension."""
        return (self.dim,)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Count, mean and M2, each with the groups first."""
        return tuple(Output(name, (self.groups,)) for name in ("count", "mean", "M2"))

    @property
    def state_values(self) -> int:
        """Three for each group."""
        return 3 * self.groups

    def begin(self, region: tuple[slice, ...]) -> State:
        """Zeros for the kept cells of a region."""
        shape = [self.groups, *(region[d].stop - region[d].start for d in _kept(len(region), self.reduced))]
        return {name: np.zeros(shape) for name in ("count", "mean", "M2")}

    def add(
        self, state: State, block: "npt.NDArray[Any]", region: tuple[slice, ...], within: tuple[slice, ...]
    ) -> None:
        """Add a block, group by group."""
        codes = self.codes[region[self.dim]]
        rows = np.moveaxis(block, self.dim, 0)
        place = tuple(within[dim] for dim in _kept(block.ndim, self.reduced))
        for group in np.unique(codes[codes >= 0]):
            part = _moments(rows[codes == group])
            target: Any = (int(group), *place)
            merged = _chan({name: state[name][target] for name in state}, part)
            for name, values in merged.items():
                state[name][target] = values

    def merge(self, first: State, second: State) -> State:
        """Chan's formula in every cell and group."""
        return _chan(first, second)

    def result(self, state: State) -> State:
        """Count, mean and M2; the mean of no value is NaN."""
        empty = state["count"] == 0
        return {
            "count": state["count"],
            "mean": np.where(empty, np.nan, state["mean"]),
            "M2": np.where(empty, np.nan, state["M2"]),
        }


def _moments(rows: "npt.NDArray[Any]") -> State:
    """Count, mean and M2 along the first dimension, in two passes over a block in float64."""
    cells = math.prod(rows.shape[1:])
    flat = rows.reshape(len(rows), cells)
    parts = {name: np.empty(cells) for name in ("count", "mean", "M2")}
    step = max(1, _STRIP_VALUES // max(1, len(rows)))
    for start in range(0, cells, step):
        strip = flat[:, start : start + step].astype(np.float64)
        valid = ~np.isnan(strip)
        count = valid.sum(axis=0)
        mean = np.where(valid, strip, 0.0).sum(axis=0) / np.maximum(count, 1)
        strip -= mean
        strip[~valid] = 0.0
        parts["count"][start : start + step] = count
        parts["mean"][start : start + step] = mean
        parts["M2"][start : start + step] = np.einsum("ij,ij->j", strip, strip)
    return {name: values.reshape(rows.shape[1:]) for name, values in parts.items()}


def _chan(first: State, second: State) -> State:
    """Moments of two samples together."""
    count = first["count"] + second["count"]
    share = second["count"] / np.maximum(count, 1)
    delta = second["mean"] - first["mean"]
    return {
        "count": count,
        "mean": first["mean"] + delta * share,
        "M2": first["M2"] + second["M2"] + delta * delta * first["count"] * share,
    }
