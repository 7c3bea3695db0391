"""How many records of a product a result is made of, counted from labels where the product has a rule for it."""

import math
from collections.abc import Iterable, Sequence

from oceandata.trade.lineage import Input
from oceandata.trade.taken import Taken

__all__ = ["count_records"]

Run = tuple[int, int]


def count_records(inputs: Iterable[Input], dimensions: Sequence[str]) -> int | None:
    """
    Records that inputs of one product take.

    A record is a position along the dimensions of the rule: a step of ``time`` for a daily grid, all variables of it
    together. Variables that lack such a dimension (a mask of land) hold no records.

    Parameters
    ----------
    inputs : iterable of Input
        What is taken of the product.
    dimensions : sequence of str
        The rule of the product.

    Returns
    -------
    int or None
        None if there is no rule, no variable has its dimensions, or the positions cannot be told: of a rule with
        several dimensions, if a variable is not taken as a box or the variables are taken differently.
    """
    found: dict[tuple[str, str], list[Taken]] = {}
    for one in inputs:
        if one.taken is None:
            return None
        if dimensions and set(dimensions) <= {name for name, _ in one.taken.runs}:
            found.setdefault((one.origin.repository, one.origin.snapshot), []).append(one.taken)
    counts = [_counted(taken, dimensions) for taken in found.values()]
    return None if not counts or None in counts else sum(count for count in counts if count is not None)


def _counted(taken: Sequence[Taken], dimensions: Sequence[str]) -> int | None:
    """Records of one revision."""
    lines = [dict(one.runs) for one in taken]
    if len(dimensions) == 1:
        return _length(_joined(run for line in lines for run in line[dimensions[0]]))
    boxes = {tuple(line[name] for name in dimensions) for line in lines}
    whole = all(one.values == math.prod(_length(runs) for _, runs in one.runs) for one in taken)
    return math.prod(map(_length, next(iter(boxes)))) if len(boxes) == 1 and whole else None


def _joined(runs: Iterable[Run]) -> list[Run]:
    joined: list[Run] = []
    for start, stop in sorted(runs):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined


def _length(runs: Iterable[Run]) -> int:
    return sum(stop - start for start, stop in runs)
