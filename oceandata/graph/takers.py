"""Functions of tasks whose whole numbers say where values lie or which group they are in, and are no values."""

import contextlib
import importlib
import operator
from types import BuiltinFunctionType, FunctionType
from typing import Any

from dask.array.chunk import getitem

__all__ = [
    "concatenate_shaped",
    "concatenate_shuffled",
    "function_of_dask",
    "group_count",
    "holds_positions",
    "is_grouping",
    "merge_points",
    "take_points",
    "take_shuffled",
]


def function_of_dask(place: str) -> Any:
    """
    A function of Dask that is not public.

    Parameters
    ----------
    place : str
        Module below ``dask.array`` and name, with a colon between.

    Returns
    -------
    callable or None
        None if it is gone: then its blocks count whole, its positions as values, and both are said.
    """
    module, _, name = place.partition(":")
    with contextlib.suppress(ImportError):
        return getattr(importlib.import_module(f"dask.array.{module}"), name, None)
    return None


take_shuffled = function_of_dask("_shuffle:_getitem")
concatenate_shuffled = function_of_dask("_shuffle:concatenate_arrays")
concatenate_shaped = function_of_dask("core:concatenate_shaped")
take_points = function_of_dask("core:_vindex_slice_and_transpose")
merge_points = function_of_dask("core:_vindex_merge")

#: Functions that take and put together by position, and the argument in which the positions stand.
_POSITIONAL = {
    function: argument
    for function, argument in {
        getitem: 1,
        operator.getitem: 1,
        take_shuffled: 1,
        concatenate_shuffled: 1,
        take_points: 1,
        merge_points: 0,
    }.items()
    if function is not None
}


def _innermost(function: Any) -> Any:
    """The function that is given the arguments, below partial ones and chains of several."""
    for _ in range(20):
        inner = getattr(function, "func", None) or getattr(function, "first", None)
        if inner is None or isinstance(function, FunctionType):
            break
        function = inner
    return function


def holds_positions(function: Any, argument: int) -> bool:
    """
    Tell whether whole numbers and masks in an argument of a function are positions or numbers of groups.

    Parameters
    ----------
    function : callable
        Of a task.
    argument : int
        Place of the argument.

    Returns
    -------
    bool
        True for Dask's functions that take by position, and for the groups that flox is given, its second argument
        (the first of `_zip`).
    """
    if isinstance(function, FunctionType | BuiltinFunctionType) and function in _POSITIONAL:
        return argument == _POSITIONAL[function]
    inner = _innermost(function)
    if not str(getattr(inner, "__module__", "")).startswith("flox."):
        return False
    return argument == (0 if getattr(inner, "__name__", "") == "_zip" else 1)


def is_grouping(function: Any) -> bool:
    """
    Tell whether a function is one of flox that reduces the last dimension of its blocks to groups.

    Parameters
    ----------
    function : callable
        Of a task.

    Returns
    -------
    bool
        False for its cumulative functions.
    """
    inner = _innermost(function)
    return str(getattr(inner, "__module__", "")) in ("flox.core", "flox.dask")


def group_count(function: Any) -> int | None:
    """
    Number of groups that a function of flox makes, None if it says none.

    Parameters
    ----------
    function : callable
        For which `is_grouping` is true.

    Returns
    -------
    int or None
        Length of the last dimension of its result.
    """
    known = getattr(function, "keywords", {})
    found = next((known[key] for key in ("unique_groups", "expected_groups") if known.get(key) is not None), None)
    return None if found is None else len(found)
