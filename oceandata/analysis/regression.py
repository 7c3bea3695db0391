"""Least squares along time, cell by cell, from sums that merge: gaps of each cell counted rightly, in one pass."""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from oceandata.analysis.accumulators import Output, State
from oceandata.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Regression"]

# Values widened to float64 at a time.
_STRIP_VALUES = 262_144

# Regressors that valid steps cannot tell apart: smallest against largest eigenvalue of their products.
_RANK = 1e-12


@dataclasses.dataclass(frozen=True, eq=False)
class Regression:
    """
    Normal equations of each cell, and what its residuals' lag-1 autocorrelation needs.

    Values are taken from a reference of their own cell (its first valid value), so that no digits are lost where the
    mean is large; merging moves one reference to the other exactly.

    Attributes
    ----------
    dim : int
        Dimension of time.
    design : numpy.ndarray, shape (steps, k)
        Regressors of each step; the first column is one.

    References
    ----------
    Santer et al. 2000, J. Geophys. Res. 105, eq. (4) to (6): effective sample size from lag-1 autocorrelation.
    """

    dim: int
    design: "npt.NDArray[np.float64]"

    @property
    def reduced(self) -> tuple[int, ...]:
        """Time."""
        return (self.dim,)

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Coefficients, their variance for residuals of variance one, and what the residuals are like."""
        k = self.design.shape[1]
        own = [Output("coefficients", (k,)), Output("inverse", (k,))]
        return (*own, *(Output(name) for name in ("count", "residual", "autocorrelation")))

    @property
    def state_values(self) -> int:
        """Products of regressors, of regressors and values, both also for neighbouring steps, and six numbers."""
        k = int(self.design.shape[1])
        return 2 * k * k + 2 * k + 7

    def begin(self, region: tuple[slice, ...]) -> State:
        """Zeros for the kept cells of a region, and no neighbours yet."""
        k = self.design.shape[1]
        cells = [part.stop - part.start for dim, part in enumerate(region) if dim != self.dim]
        state = {name: np.zeros([*lead, *cells]) for name, lead in _leads(k).items()}
        state["first"] = np.full(cells, np.nan)
        state["last"] = np.full(cells, np.nan)
        state["reference"] = np.full(cells, np.nan)
        state["span"] = np.array([region[self.dim].start, region[self.dim].start], np.float64)
        return state

    def add(
        self, state: State, block: "npt.NDArray[Any]", region: tuple[slice, ...], within: tuple[slice, ...]
    ) -> None:
        """Add a block, a strip of cells at a time; blocks of the same cells come in the order of time."""
        rows = np.moveaxis(block, self.dim, 0)
        if not rows.size:
            return
        place: tuple[Any, ...] = tuple(part for dim, part in enumerate(within) if dim != self.dim)
        start, stop = region[self.dim].start, region[self.dim].stop
        begun, flat = within[self.dim].start > 0, rows.reshape(len(rows), -1)
        names = [name for name in state if name != "span"]
        own = {name: state[name][(..., *place)] for name in names}
        cells = {
            name: values.reshape((*values.shape[: values.ndim - rows.ndim + 1], -1)) for name, values in own.items()
        }
        step, steps = max(1, _STRIP_VALUES // len(rows)), _Steps(self.design, start, stop)
        for at in range(0, flat.shape[1], step):
            part = {name: values[..., at : at + step] for name, values in cells.items()}
            _add_strip(part, flat[:, at : at + step], steps, begun=begun)
        for name, values in cells.items():
            state[name][(..., *place)] = values.reshape(own[name].shape)
        state["span"] = np.array([min(state["span"][0], start), max(state["span"][1], stop)])

    def _joined(self, first: State, second: State, border: int) -> State:
        """States of two stretches of time, the second beginning at step `border` where the first ends."""
        reference = np.where(np.isnan(first["reference"]), second["reference"], first["reference"])
        one, other = (
            first,
            _moved(second, reference),
        )  # a cell that takes the second's reference has no sums in the first
        merged = {name: one[name] + other[name] for name in _leads(self.design.shape[1])}
        before, after = self.design[border - 1], self.design[border]
        left, right = one["last"], other["first"]
        pair = ~(np.isnan(left) | np.isnan(right))
        a, b = np.where(pair, left - reference, 0.0), np.where(pair, right - reference, 0.0)
        merged["pairs"] += pair
        merged["lag_yy"] += a * b
        column = (slice(None), *(None,) * pair.ndim)
        merged["lag_xy"] += before[column] * b + after[column] * a
        merged["lag_xx"] += np.outer(before, after)[(slice(None), *column)] * pair
        return merged | {"first": one["first"], "last": other["last"], "reference": reference}

    def merge(self, first: State, second: State) -> State:
        """State of both stretches, which must follow each other in time."""
        early, late = sorted((first, second), key=lambda state: float(state["span"][0]))
        if early["span"][1] != late["span"][0]:
            msg = (
                f"steps {early['span'].tolist()} and {late['span'].tolist()} do not follow each other, "
                "need neighbouring stretches of time: merge them in their order."
            )
            raise InputError(msg)
        own = [{name: values for name, values in state.items() if name != "span"} for state in (early, late)]
        merged = self._joined(own[0], own[1], int(late["span"][0]))
        return merged | {"span": np.array([early["span"][0], late["span"][1]])}

    def result(self, state: State) -> State:
        """
        Coefficients and residuals of the cells whose valid steps determine them; the others are NaN.
        """
        k = self.design.shape[1]
        cells = state["count"].shape
        flat = {
            name: values.reshape(*values.shape[: len(lead)], -1)
            for name, lead in _leads(k).items()
            for values in [state[name]]
        }
        reference = np.nan_to_num(state["reference"].reshape(-1))
        solved = _solved(flat, k)
        solved["coefficients"][0] += reference
        return {name: values.reshape((*values.shape[:-1], *cells)) for name, values in solved.items()}

    def own(self, region: tuple[slice, ...]) -> tuple[Any, ...]:
        """Regressors of the steps of the region."""
        return (self.dim, self.design[region[self.dim]], region[self.dim].start)


def _leads(k: int) -> dict[str, tuple[int, ...]]:
    """Sums of a state, and their own dimensions."""
    square, line, number = (k, k), (k,), ()
    leads: dict[str, tuple[int, ...]] = {"xx": square, "xy": line, "yy": number, "count": number}
    return leads | {"lag_xx": square, "lag_xy": line, "lag_yy": number, "pairs": number}


class _Steps:
    """
    What the regressors of a block's steps give for every strip of its cells.

    ``x`` and those of the step before; ``doubled``: ``x`` beside the sum of both neighbours' regressors; ``parts``: the
    products that a missing step takes with it, its own with those of the pair before it, and of both pairs.
    """

    def __init__(self, design: "npt.NDArray[np.float64]", start: int, stop: int) -> None:
        x = np.ascontiguousarray(design[start:stop])
        neighbours = np.zeros_like(x)
        neighbours[1:] = x[:-1]
        neighbours[:-1] += x[1:]
        self.x, self.before = x, design[start - 1]
        self.doubled = np.concatenate([x, neighbours], axis=1)
        own = (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)
        pairs, after = np.zeros((2, *own.shape))
        pairs[1:] = (x[:-1, :, None] * x[1:, None, :]).reshape(len(x) - 1, own.shape[1])
        after[:-1] = pairs[1:]
        self.parts = np.stack([np.concatenate([own, pairs], axis=1), np.concatenate([own, pairs + after], axis=1)])
        self.total = self.parts[0].sum(axis=0)


def _add_strip(own: State, strip: "npt.NDArray[Any]", steps: _Steps, *, begun: bool) -> None:
    """Add consecutive steps of a strip of cells to its sums, in place."""
    from oceandata.analysis.sum_kernels import centre_columns, loop_rows, take_out_gaps

    rows, k = loop_rows(strip), steps.x.shape[1]
    values = np.empty(rows.shape)
    reference = own["reference"].copy()
    count, square, lagged, pairs = np.zeros((4, rows.shape[1]))
    centre_columns(rows, reference, values, count, square, lagged, pairs)
    own["reference"][...] = reference
    if begun:
        _add_border(own, values[0], ~np.isnan(rows[0]), steps.before, steps.x[0])
    else:
        own["first"][...] = rows[0]
    own["last"][...] = rows[-1]
    for name, added in (("count", count), ("yy", square), ("lag_yy", lagged), ("pairs", pairs)):
        own[name] += added
    some = count > 0
    sums = steps.doubled.T @ values
    own["xy"] += sums[:k]
    products = np.outer(some, steps.total)
    lag_xy = np.ascontiguousarray(sums[k:].T)
    if (count[some] < len(rows)).any():
        take_out_gaps(rows, values, count, steps.x, steps.parts, products, lag_xy)
    own["xx"] += products[:, : k * k].T.reshape(k, k, -1)
    own["lag_xx"] += products[:, k * k :].T.reshape(k, k, -1)
    own["lag_xy"] += lag_xy.T


def _add_border(
    own: State,
    values: "npt.NDArray[np.float64]",
    valid: "npt.NDArray[np.bool_]",
    before: "npt.NDArray[np.float64]",
    after: "npt.NDArray[np.float64]",
) -> None:
    """Pair of the last step so far and the first one now."""
    pair = valid & ~np.isnan(own["last"])
    left = np.where(pair, own["last"] - np.nan_to_num(own["reference"]), 0.0)
    right = np.where(pair, values, 0.0)
    own["pairs"] += pair
    own["lag_yy"] += left * right
    own["lag_xy"] += before[:, None] * right + after[:, None] * left
    own["lag_xx"] += np.outer(before, after)[:, :, None] * pair


def _moved(state: State, reference: "npt.NDArray[np.float64]") -> State:
    """The same sums of values taken from another reference."""
    shift = np.where(np.isnan(state["reference"]), 0.0, state["reference"] - reference)
    moved = dict(state)
    moved["yy"] = state["yy"] + 2 * shift * state["xy"][0] + shift**2 * state["count"]
    moved["xy"] = state["xy"] + shift * state["xx"][0]
    moved["lag_yy"] = state["lag_yy"] + shift * state["lag_xy"][0] + shift**2 * state["pairs"]
    moved["lag_xy"] = state["lag_xy"] + shift * (state["lag_xx"][0] + state["lag_xx"][:, 0])
    return moved


def _solved(flat: State, k: int) -> State:
    """Solution of the normal equations of each cell."""
    cells = flat["count"].size
    found: State = {name: np.full((k, cells), np.nan) for name in ("coefficients", "inverse")}
    found |= {"residual": np.full(cells, np.nan), "autocorrelation": np.full(cells, np.nan), "count": flat["count"]}
    products = np.moveaxis(flat["xx"], -1, 0)
    usable = np.flatnonzero(flat["count"] >= k)
    scale = np.linalg.eigvalsh(products[usable])
    usable = usable[scale[:, 0] > _RANK * scale[:, -1]]
    if not usable.size:
        return found
    inverse = np.linalg.inv(products[usable])
    b = np.einsum("cij,jc->ic", inverse, flat["xy"][:, usable])
    residual = np.maximum(flat["yy"][usable] - np.einsum("ic,ic->c", b, flat["xy"][:, usable]), 0.0)
    lagged = flat["lag_yy"][usable] - np.einsum("ic,ic->c", b, flat["lag_xy"][:, usable])
    lagged += np.einsum("ic,ijc,jc->c", b, flat["lag_xx"][:, :, usable], b)
    found["coefficients"][:, usable] = b
    found["inverse"][:, usable] = np.einsum("cii->ic", inverse)
    found["residual"][usable] = residual
    share = flat["pairs"][usable] / np.maximum(flat["count"][usable], 1)
    size = residual * share
    floor = 1e-20 * flat["yy"][usable]
    found["autocorrelation"][usable] = np.where(size > floor, lagged / np.where(size > 0, size, 1.0), 0.0)
    return found
