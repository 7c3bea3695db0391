"""One thread for linear algebra while a task is inside, and what was set before afterwards."""

import threading

import numpy as np
from threadpoolctl import threadpool_info

from oceandata.graph import one_blas_thread


def _threads() -> set[int]:
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


def test_it_is_limited_inside_and_as_before_outside() -> None:
    np.eye(2) @ np.eye(2)
    before = _threads()
    with one_blas_thread():
        assert _threads() <= {1}
        with one_blas_thread():
            assert _threads() <= {1}
        assert _threads() <= {1}
    assert _threads() == before


def test_the_last_task_that_leaves_sets_it_back() -> None:
    before = _threads()
    inside, leave = threading.Event(), threading.Event()

    def task() -> None:
        with one_blas_thread():
            inside.set()
            leave.wait(30)

    other = threading.Thread(target=task)
    other.start()
    assert inside.wait(30)
    with one_blas_thread():
        pass
    assert _threads() <= {1}
    leave.set()
    other.join()
    assert _threads() == before
