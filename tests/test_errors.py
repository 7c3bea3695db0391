"""Every error pickles, is a builtin, and prints its line breaks."""

import builtins
import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oceandata import errors
from oceandata.errors import OceanDataError, closest

CLASSES = [getattr(errors, name) for name in errors.__all__ if isinstance(getattr(errors, name), type)]
RAISED = [one for one in CLASSES if issubclass(one, OceanDataError)]


def test_all_classes_are_public():
    found = [name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, Exception)]
    assert sorted(found) == sorted(one.__name__ for one in CLASSES)
    assert errors.__all__ == sorted(errors.__all__)


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("arguments", [(), ("first line\n  second line",), ("two", "arguments")])
def test_pickles_and_prints(kind, arguments):
    error = kind(*arguments)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(error, protocol))
        assert type(again) is kind
        assert (again.args, str(again)) == (error.args, str(error))
    assert copy.copy(error).args == arguments


@pytest.mark.parametrize("kind", CLASSES)
def test_travels_from_a_dask_worker(kind):
    """Importing distributed makes tblib pickle every error, with its traceback, causes and notes."""
    from tblib import pickling_support

    error = kind("first line\n  second line")
    error.__cause__ = OSError(28, "no space")
    error.chunk = (0, 1)
    rebuild, arguments, *state = pickling_support.pickle_exception(error)
    again = rebuild(*arguments)
    if state:
        again.__dict__.update(state[0] or {})
    assert type(again) is kind
    assert (str(again), again.chunk, again.__cause__) == (str(error), (0, 1), error.__cause__)


@pytest.mark.parametrize("kind", RAISED)
def test_prints_line_breaks(kind):
    assert str(kind("first line\n  second line")) == "first line\n  second line"
    assert str(kind("one", "two")) == "one\ntwo"


@pytest.mark.parametrize("kind", [one for one in RAISED if one is not OceanDataError])
def test_is_a_builtin_and_stands_in_the_tree(kind):
    assert [one for one in kind.__mro__ if one.__module__ == "builtins" and one.__name__ not in _ROOTS], kind
    assert kind.__name__ in errors.__doc__
    assert kind.__doc__


_ROOTS = ("Exception", "BaseException", "object")


def test_the_tree_names_the_builtins_that_are_bases():
    for kind in RAISED:
        for name in (line for line in errors.__doc__.splitlines() if f" {kind.__name__} (" in line):
            builtin = name.split("(")[1].split(")")[0]
            assert issubclass(kind, getattr(builtins, builtin))


def test_closest():
    assert closest("SST", ["sst", "salinity"]) == "Close: 'sst'."
    assert closest("zz", []) == ""
    assert closest("zz", ["a", "b"]) == "There is: 'a', 'b'."
    assert closest("zz", [f"name{n}" for n in range(9)]).endswith("(9 in all).")


@given(st.text(), st.lists(st.text(), max_size=10))
def test_closest_names_candidates_only(name, candidates):
    sentence = closest(name, candidates)
    assert bool(sentence) == bool(candidates)
    assert not sentence or any(repr(candidate) in sentence for candidate in candidates)
