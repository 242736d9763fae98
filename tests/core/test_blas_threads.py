"""BLAS has the number of threads it was given, whichever thread gives it, and its own number afterwards."""

import subprocess
import sys
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from koubai.core.blas_threads import BlasLibrary, Bounds, blas_threads, libraries

np.ones((2, 2)) @ np.ones((2, 2))  # NumPy's BLAS is there


def counts():
    """The numbers of threads as another library reads them."""
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def in_thread(function):
    """What a function returns in a thread of its own."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join(30)
    return found[0]


def bounded(count):
    with blas_threads(count):
        return counts()


def test_a_bound_holds_in_any_thread():
    before = counts()
    assert bounded(1) == {1}
    assert in_thread(lambda: bounded(1)) == {1}
    assert in_thread(lambda: bounded(2)) == {2}
    assert bounded(2) == {2}
    assert counts() == before


def test_a_bound_holds_in_any_thread_where_another_has_set_one_by_threadpoolctl():
    with threadpool_limits(2, "blas"):
        assert in_thread(lambda: bounded(1)) == {1}
        assert counts() == {2}
    limits = threadpool_limits(2, "blas")
    assert in_thread(lambda: bounded(1)) == {1}
    limits.restore_original_limits()


def test_the_smallest_bound_holds_and_the_number_before_comes_back():
    before = counts()
    inside, release = threading.Event(), threading.Event()

    def other():
        with blas_threads(1):
            inside.set()
            assert release.wait(30)

    thread = threading.Thread(target=other)
    with blas_threads(2):
        assert counts() == {2}
        with blas_threads(3):
            assert counts() == {2}
        thread.start()
        assert inside.wait(30)
        assert counts() == {1}
        assert in_thread(counts) == {1}
    assert counts() == {1}, "the other one is still inside"
    release.set()
    thread.join(30)
    assert counts() == before


def test_an_error_inside_ends_the_bound():
    before = counts()
    with pytest.raises(ZeroDivisionError), blas_threads(1):
        _ = 1 / 0
    assert counts() == before


def test_a_library_that_comes_later_is_bounded_too():
    script = """
import numpy as np
from threadpoolctl import threadpool_info
from koubai.core.blas_threads import blas_threads

def counts():
    return sorted(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")

with blas_threads(3):
    few = counts()
    import scipy.linalg.blas
    before = counts()
    with blas_threads(3):
        inside = counts()
print(len(few), len(inside), set(few + inside) == {3}, 3 in counts())
"""
    said = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": ":".join(sys.path)},
    ).stdout.split()
    assert said[2:] == ["True", "False"], said


# -------------------------------------------------------------------------- a number for each thread


class Ours(threading.local):
    count = 8


def test_a_number_for_each_thread_is_bounded_in_each():
    ours = Ours()
    bounds = Bounds(
        lambda: (
            BlasLibrary("x", "x", lambda: ours.count, lambda n: setattr(ours, "count", n), of_thread=True),
        )
    )

    def work():
        with bounds.hold(2):
            inside = ours.count
        return inside, ours.count

    with bounds.hold(1):
        assert ours.count == 1
        assert in_thread(work) == (2, 8)
        with bounds.hold(3):
            assert ours.count == 1
    assert ours.count == 8


def test_a_forked_child_keeps_the_bounds_of_its_own_thread_only():
    count = [8]
    bounds = Bounds(lambda: (BlasLibrary("x", "x", lambda: count[0], lambda n: count.__setitem__(0, n)),))
    inside, release = threading.Event(), threading.Event()

    def other():
        with bounds.hold(1):
            inside.set()
            assert release.wait(30)

    thread = threading.Thread(target=other)
    with bounds.hold(2):
        thread.start()
        assert inside.wait(30)
        assert count == [1]
        bounds.forked()
        with bounds.hold(3):
            assert count == [2]
    assert count == [8]
    release.set()
    thread.join(30)


def test_libraries_are_named():
    assert libraries()
    for library in libraries():
        assert library.title.split()[0] in {"openblas", "mkl", "blis", "flexiblas"}
