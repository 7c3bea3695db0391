"""
Routines as generators: they ask for accumulators and are answered, so that several are answered in one pass.

A mergeable routine is written as a generator that yields a `Request` and is sent the `Answer`; `streamed` makes the
plain function of it that users call. `run_together` drives many at once: requests over the same array share their
streaming tasks, and equal ones their states.
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, get_args

import dask.array as da
from dask.base import tokenize

from oceandata.analysis.accumulators import Accumulator
from oceandata.analysis.streaming import States, accumulate_all

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Answer", "Request", "Steps", "result_types", "run_together", "steps_of", "streamed"]

P = ParamSpec("P")
R = TypeVar("R")

#: Outputs of an accumulator by name.
Answer = dict[str, Any]


@dataclasses.dataclass(frozen=True, eq=False)
class Request:
    """
    What a routine needs to know of an array.

    Attributes
    ----------
    array : dask.array.Array or numpy.ndarray
        The values.
    accumulator : Accumulator
        What to accumulate.
    """

    array: "da.Array | npt.NDArray[np.generic]"
    accumulator: Accumulator


#: What the body of a mergeable routine is.
Steps = Generator[Request, Answer, R]


def streamed(body: Callable[P, Steps[R]]) -> Callable[P, R]:
    """
    Plain function of a routine written as a generator.

    Parameters
    ----------
    body : callable
        Yields requests, is sent answers, returns the result.

    Returns
    -------
    callable
        With the same name, arguments and docstring; returns the result.
    """

    @functools.wraps(body)
    def routine(*args: P.args, **kwargs: P.kwargs) -> R:
        """Answer the requests of one call."""
        return run_together([body(*args, **kwargs)])[0]

    signature = inspect.signature(body)
    result = get_args(signature.return_annotation)[-1]
    routine.__signature__ = signature.replace(return_annotation=result)  # type: ignore[attr-defined]
    routine.__annotations__ = {**body.__annotations__, "return": result}
    return routine


def steps_of(routine: Callable[..., Any]) -> Callable[..., Steps[Any]] | None:
    """
    Body of a mergeable routine.

    Parameters
    ----------
    routine : callable
        A routine of `oceandata.analysis`.

    Returns
    -------
    callable or None
        The generator function; None if the routine cannot be fused with others.
    """
    body = inspect.unwrap(routine)
    return body if body is not routine and inspect.isgeneratorfunction(body) else None


def run_together(bodies: Sequence[Steps[R]], *, states: States | None = None) -> list[R]:
    """
    Drive routines side by side; requests over one array are answered by one pass.

    Parameters
    ----------
    bodies : sequence of generator
        Begun by nobody else.
    states : States, optional
        Where states are kept, from one run to the next.

    Returns
    -------
    list
        Their results, in order.
    """
    results: dict[int, R] = {}
    answers: dict[int, Answer | None] = dict.fromkeys(range(len(bodies)))
    while answers:
        asked: dict[Any, list[tuple[int, Request]]] = {}
        for number, answer in answers.items():
            try:
                request = bodies[number].send(answer)  # type: ignore[arg-type]
            except StopIteration as done:
                results[number] = done.value
                continue
            asked.setdefault(_identity(request.array), []).append((number, request))
        answers = {}
        for group in asked.values():
            tokens = {number: tokenize(request.accumulator) for number, request in group}
            wanted = {tokens[number]: request.accumulator for number, request in group}
            outputs = accumulate_all(group[0][1].array, list(wanted.values()), states=states)
            found = dict(zip(wanted, outputs, strict=True))
            answers |= {number: found[token] for number, token in tokens.items()}
    return [results[number] for number in range(len(bodies))]


def _identity(array: Any) -> Any:
    """What two requests over the same values have in common."""
    return array.name if isinstance(array, da.Array) else (id(array), array.__array_interface__["data"][0], array.shape)


def result_types(routine: Callable[..., Any]) -> set[type]:
    """
    Types that a routine may return.

    Parameters
    ----------
    routine : callable
        With an annotation of what it returns: a type, a union, or a type variable with constraints.

    Returns
    -------
    set of type
        Each of them.
    """
    made = inspect.signature(routine).return_annotation
    return {*(get_args(made) or getattr(made, "__constraints__", None) or [made])}
