"""
Mergeable statistics: small arrays of sufficient statistics in float64, filled block by block, merged in any grouping.

An accumulator is a `Fold`: ``begin`` a state for a region of the array, ``add`` each block at its place. States of
partitions that cover the same cells are merged with ``merge`` (associative, commutative up to rounding) and turned
into arrays by ``result``. NaN is never counted.
"""

import dataclasses
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from oceandata.graph import Fold

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "Accumulator",
    "CellWeights",
    "Extremes",
    "GroupedMoments",
    "Output",
    "State",
    "WeightedMoments",
    "WeightedSum",
]

#: Sufficient statistics by name.
State = dict[str, "npt.NDArray[np.float64]"]


@dataclasses.dataclass(frozen=True)
class Output:
    """Shape of a result: leading dimensions of its own, then the kept dimensions of the array."""

    name: str
    leading: tuple[int, ...] = ()


class CellWeights(Protocol):
    """Weights of the reduced cells, from which a region is cut; an array is one."""

    def __getitem__(self, region: tuple[slice, ...], /) -> "npt.NDArray[np.float64]":
        """Weights of the cells of a region of the reduced dimensions."""


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

    def own(self, region: tuple[slice, ...]) -> tuple[Any, ...]:
        """What the state of a region depends on beside the values: equal for equal states."""


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
    weights : numpy.ndarray or CellWeights
        One weight for each cell of the reduced dimensions, in their order; zero leaves a cell out.
    """

    reduced: tuple[int, ...]
    weights: "npt.NDArray[np.float64] | CellWeights"

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
        """Add a block."""
        if not block.size:
            return
        from oceandata.analysis.sum_kernels import add_columns, loop_rows, sum_rows

        kept = _kept(block.ndim, self.reduced)
        weights = np.ascontiguousarray(self.weights[tuple(region[dim] for dim in self.reduced)], np.float64).ravel()
        cells = block.size // weights.size
        total, valid_weight = np.zeros(cells), np.zeros(cells)
        if kept and self.reduced == tuple(range(len(self.reduced))):
            add_columns(loop_rows(block.reshape(weights.size, cells)), weights, total, valid_weight)
        else:
            rows = np.moveaxis(block, self.reduced, range(len(kept), block.ndim)).reshape(cells, weights.size)
            sum_rows(loop_rows(rows), weights, total, valid_weight)
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

    def own(self, region: tuple[slice, ...]) -> tuple[Any, ...]:
        """Weights of the region."""
        return (self.reduced, np.asarray(self.weights[tuple(region[dim] for dim in self.reduced)]))


@dataclasses.dataclass(frozen=True, eq=False)
class WeightedMoments:
    """
    Weight, mean and weighted sum of squared deviations of the valid values.

    Attributes
    ----------
    reduced : tuple of int
        Dimensions to reduce.
    weights : numpy.ndarray or CellWeights
        One weight for each cell of the reduced dimensions, in their order; zero leaves a cell out.

    References
    ----------
    Chan, Golub and LeVeque 1983, The American Statistician 37, eq. (2.1), with weights in place of counts.
    """

    reduced: tuple[int, ...]
    weights: "npt.NDArray[np.float64] | CellWeights"

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Weight, number of valid values, mean and M2."""
        return tuple(Output(name) for name in ("count", "mean", "M2", "values"))

    @property
    def state_values(self) -> int:
        """Four."""
        return 4

    def begin(self, region: tuple[slice, ...]) -> State:
        """Zeros for the kept cells of a region."""
        shape = [region[dim].stop - region[dim].start for dim in _kept(len(region), self.reduced)]
        return {name: np.zeros(shape) for name in ("count", "mean", "M2", "values")}

    def add(
        self, state: State, block: "npt.NDArray[Any]", region: tuple[slice, ...], within: tuple[slice, ...]
    ) -> None:
        """Add a block."""
        if not block.size:
            return
        from oceandata.analysis.sum_kernels import loop_rows

        kept = _kept(block.ndim, self.reduced)
        weights = np.ascontiguousarray(self.weights[tuple(region[dim] for dim in self.reduced)], np.float64).ravel()
        rows = loop_rows(np.moveaxis(block, self.reduced, range(len(self.reduced))).reshape(weights.size, -1))
        place: tuple[Any, ...] = (..., *(within[dim] for dim in kept))
        names = ("values", "mean", "M2", "count")
        _add_moments({name: state[name][place] for name in names}, rows, np.arange(weights.size), weights)

    def merge(self, first: State, second: State) -> State:
        """Chan's formula in every cell."""
        return _chan(first, second) | {"values": first["values"] + second["values"]}

    def result(self, state: State) -> State:
        """Weight, mean, M2 and number of values; the mean of no value is NaN."""
        empty = state["count"] == 0
        return state | {name: np.where(empty, np.nan, state[name]) for name in ("mean", "M2")}

    def own(self, region: tuple[slice, ...]) -> tuple[Any, ...]:
        """Weights of the region."""
        return (self.reduced, np.asarray(self.weights[tuple(region[dim] for dim in self.reduced)]))


@dataclasses.dataclass(frozen=True, eq=False)
class Extremes:
    """
    Smallest and largest valid value, and how many there are.

    Attributes
    ----------
    reduced : tuple of int
        Dimensions to reduce.
    """

    reduced: tuple[int, ...]

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Minimum, maximum and number of valid values."""
        return tuple(Output(name) for name in ("minimum", "maximum", "count"))

    @property
    def state_values(self) -> int:
        """Three."""
        return 3

    def begin(self, region: tuple[slice, ...]) -> State:
        """Infinities and zero for the kept cells of a region."""
        shape = [region[dim].stop - region[dim].start for dim in _kept(len(region), self.reduced)]
        return {"minimum": np.full(shape, np.inf), "maximum": np.full(shape, -np.inf), "count": np.zeros(shape)}

    def add(
        self,
        state: State,
        block: "npt.NDArray[Any]",
        region: tuple[slice, ...],  # noqa: ARG002
        within: tuple[slice, ...],
    ) -> None:
        """Add a block."""
        place = tuple(within[dim] for dim in _kept(block.ndim, self.reduced))
        values = block if block.dtype.kind == "f" else block.astype(np.float64)
        part: State = {
            "minimum": np.fmin.reduce(values, axis=self.reduced, initial=np.inf).astype(np.float64),
            "maximum": np.fmax.reduce(values, axis=self.reduced, initial=-np.inf).astype(np.float64),
            "count": np.count_nonzero(~np.isnan(values), axis=self.reduced).astype(np.float64),
        }
        for name, merged in self.merge({name: state[name][place] for name in state}, part).items():
            state[name][place] = merged

    def merge(self, first: State, second: State) -> State:
        """The smaller, the larger, and the sum."""
        return {
            "minimum": np.minimum(first["minimum"], second["minimum"]),
            "maximum": np.maximum(first["maximum"], second["maximum"]),
            "count": first["count"] + second["count"],
        }

    def result(self, state: State) -> State:
        """The extremes of no value are NaN."""
        empty = state["count"] == 0
        return state | {name: np.where(empty, np.nan, state[name]) for name in ("minimum", "maximum")}

    def own(self, region: tuple[slice, ...]) -> tuple[Any, ...]:  # noqa: ARG002
        """Only what is reduced."""
        return (self.reduced,)


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
    weights : numpy.ndarray, optional
        Weight of each position; all count the same by default.
    neighbours : int
        Groups on each side, in a circle, that are pooled with each in the result.
    circle : tuple of int
        Groups that make up the circle; all by default.

    References
    ----------
    Chan, Golub and LeVeque 1983, The American Statistician 37, eq. (2.1).
    """

    dim: int
    codes: "npt.NDArray[np.int64]"
    groups: int
    weights: "npt.NDArray[np.float64] | None" = None
    neighbours: int = 0
    circle: tuple[int, ...] = ()

    @property
    def _names(self) -> tuple[str, ...]:
        return ("count", "mean", "M2") if self.weights is None else ("count", "mean", "M2", "weight")

    @property
    def reduced(self) -> tuple[int, ...]:
        """The one dimension."""
        return (self.dim,)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Count, mean, M2 and weight, if there are weights; each with the groups first."""
        return tuple(Output(name, (self.groups,)) for name in self._names)

    @property
    def state_values(self) -> int:
        """Three or four for each group."""
        return len(self._names) * self.groups

    def begin(self, region: tuple[slice, ...]) -> State:
        """Zeros for the kept cells of a region."""
        shape = [self.groups, *(region[d].stop - region[d].start for d in _kept(len(region), self.reduced))]
        return {name: np.zeros(shape) for name in self._names}

    def add(
        self, state: State, block: "npt.NDArray[Any]", region: tuple[slice, ...], within: tuple[slice, ...]
    ) -> None:
        """Add a block, group by group."""
        if not block.size:
            return
        from oceandata.analysis.sum_kernels import loop_rows

        codes, start = self.codes[region[self.dim]], region[self.dim].start
        rows = loop_rows(np.moveaxis(block, self.dim, 0).reshape(len(codes), -1))
        place = tuple(within[dim] for dim in _kept(block.ndim, self.reduced))
        for group in np.unique(codes[codes >= 0]):
            chosen = np.flatnonzero(codes == group)
            weights = np.ones(chosen.size) if self.weights is None else self.weights[start + chosen]
            target: Any = (int(group), ..., *place)
            _add_moments({name: state[name][target] for name in self._names}, rows, chosen, weights)

    def merge(self, first: State, second: State) -> State:
        """Chan's formula in every cell and group."""
        if self.weights is None:
            return _chan(first, second)
        parts = [{"count": one["weight"], "mean": one["mean"], "M2": one["M2"]} for one in (first, second)]
        merged = _chan(*parts)
        return {**merged, "count": first["count"] + second["count"], "weight": merged["count"]}

    def _pooled(self, state: State) -> State:
        """Each group of the circle with its neighbours; groups outside it as they are."""
        circle = np.array(self.circle or range(self.groups))
        own = {name: values[circle] for name, values in state.items()}
        pooled = own
        for shift in range(1, self.neighbours + 1):
            for turn in (shift, -shift):
                pooled = self.merge(pooled, {name: np.roll(values, turn, axis=0) for name, values in own.items()})
        found = {name: values.copy() for name, values in state.items()}
        for name, values in pooled.items():
            found[name][circle] = values
        return found

    def result(self, state: State) -> State:
        """Count, mean and M2, with the neighbours; the mean of no value is NaN."""
        found = self._pooled(state) if self.neighbours else state
        empty = found["count"] == 0
        return found | {name: np.where(empty, np.nan, found[name]) for name in ("mean", "M2")}

    def own(self, region: tuple[slice, ...]) -> tuple[Any, ...]:
        """Groups and weights of the steps of the region."""
        steps = region[self.dim]
        return (self.dim, self.groups, self.codes[steps], None if self.weights is None else self.weights[steps])


def _add_moments(
    part: State, rows: "npt.NDArray[Any]", chosen: "npt.NDArray[np.int64]", weights: "npt.NDArray[np.float64]"
) -> None:
    """Add some rows, fit for loops, to views of a state: number of values, mean, M2, and their sum of weights."""
    from oceandata.analysis.sum_kernels import add_moments

    sums = [np.ascontiguousarray(values).ravel() for values in part.values()]
    count, mean, square, weight = sums if len(sums) == 4 else (*sums, sums[0].copy())
    add_moments(rows, chosen, np.ascontiguousarray(weights, np.float64), count, mean, square, weight)
    for view, values in zip(part.values(), (count, mean, square, weight), strict=False):
        view[...] = values.reshape(view.shape)


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
