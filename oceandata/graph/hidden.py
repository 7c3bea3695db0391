"""Values that a task carries where its arguments do not show them, and functions that make values of their own."""

import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

__all__ = ["carried", "makes_values"]

# Packages whose functions take no values from anywhere but their arguments, unless their name says that they read.
_KNOWN = ("dask.array.", "dask.utils", "dask._task_spec", "dask.blockwise", "dask.layers", "oceandata.", "xarray.core.")
_KNOWN_PACKAGES = ("dask", "numpy", "oceandata", "pandas", "scipy", "xarray", "zarr")
_READS = ("open", "read", "load", "imread", "from_")
_NUMPY = ("arange", "array", "asarray", "broadcast", "empty", "eye", "full", "identity", "linspace", "ones", "zeros")
_PLAIN = (str, bytes, int, slice, range, type, types.ModuleType, types.BuiltinFunctionType, np.dtype, np.ufunc)


def _package(thing: Any) -> str:
    return str(getattr(thing, "__module__", None) or "").partition(".")[0]


def _names(code: types.CodeType) -> Iterator[str]:
    """Global names that a function uses, also in functions inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _of_function(function: types.FunctionType) -> Iterator[Any]:
    """What a function holds: closure, defaults, and arrays among the globals of code that is not a library's."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not yet filled
            continue
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    if _package(function) not in _KNOWN_PACKAGES:
        for name in set(_names(function.__code__)):
            found = function.__globals__.get(name)
            if isinstance(found, np.ndarray) or _package(type(found)) == "xarray":
                yield found


def _of_xarray(thing: Any) -> Iterator[Any]:
    """Arrays of an object of xarray, without its labels."""
    if hasattr(thing, "data_vars"):
        yield from (array.variable._data for array in thing.data_vars.values())
    elif hasattr(thing, "variable"):
        yield thing.variable._data
    elif type(thing).__name__ == "Variable":
        yield thing._data


def _inside(thing: Any) -> Iterator[Any]:
    """What a container, a function or an object of xarray holds."""
    if isinstance(thing, list | tuple | set | frozenset):
        yield from thing
    elif isinstance(thing, dict):
        yield from thing.values()
    elif isinstance(thing, np.ndarray):
        yield from thing.flat if thing.dtype == object else ()
    else:
        yield from _of_object(thing)


def _of_object(thing: Any) -> Iterator[Any]:
    """What a task, a function or any other object holds."""
    if type(thing).__module__ == "dask._task_spec":
        yield from (getattr(thing, name, None) for name in ("value", "args", "kwargs"))
    elif isinstance(thing, functools.partial):
        yield from (thing.func, thing.args, thing.keywords)
    elif isinstance(thing, types.FunctionType):
        yield from _of_function(thing)
    elif isinstance(thing, types.MethodType):
        yield from (thing.__func__, thing.__self__)
    elif isinstance(thing, np.vectorize):
        yield thing.pyfunc
    elif _package(type(thing)) == "xarray":
        yield from _of_xarray(thing)
    elif callable(thing) and _package(type(thing)) not in _KNOWN_PACKAGES:
        yield from getattr(thing, "__dict__", {}).values()


def carried(thing: Any, seen: dict[int, Any]) -> Iterator[Any]:
    """
    Arrays and numbers inside an argument or a function, however deep.

    Parameters
    ----------
    thing : object
        An argument of a task, or its function.
    seen : dict
        What was looked at before, by its identity; it is not looked at again.

    Yields
    ------
    numpy.ndarray, float or complex
        What was found, also in closures, defaults, partial functions and containers.
    """
    queue = [thing]
    while queue:
        one = queue.pop()
        if one is None or isinstance(one, _PLAIN):
            continue
        if isinstance(one, float | complex | np.number):
            yield one
            continue
        if id(one) in seen:
            continue
        seen[id(one)] = one
        if isinstance(one, np.ndarray) and one.dtype != object:
            yield one
        else:
            queue.extend(_inside(one))


def makes_values(function: Callable[..., Any]) -> bool:
    """
    Tell whether a function that is given no array may take values from anywhere.

    Parameters
    ----------
    function : callable
        Of a task without inputs.

    Returns
    -------
    bool
        False for what Dask, xarray and this package make blocks with (zeros, ranges), and for types.
    """
    while isinstance(function, functools.partial):
        if any(callable(one) and makes_values(one) for one in (*function.args, *function.keywords.values())):
            return True
        function = function.func
    module = str(getattr(function, "__module__", None) or type(function).__module__)
    name = str(getattr(function, "__name__", ""))
    if name.startswith(_READS):
        return True
    if isinstance(function, type) and module in ("builtins", "numpy"):
        return False
    if module.startswith("numpy"):
        return not name.startswith(_NUMPY)
    return module not in ("_operator", "operator") and not f"{module}.".startswith(_KNOWN)
