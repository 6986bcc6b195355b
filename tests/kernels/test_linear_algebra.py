from __future__ import annotations

import pytest

from theory_check.kernels.linear_algebra import loaded_libraries, one_thread


@pytest.fixture
def several_threads():
    """Every library at two threads, and what it was afterwards."""
    libraries = loaded_libraries()
    before = [library.get() for library in libraries]
    for library in libraries:
        library.put(2)
    yield libraries
    for library, threads in zip(libraries, before, strict=True):
        library.put(threads)


def test_a_library_is_found_and_counts_its_threads(several_threads):
    assert several_threads
    assert [library.get() for library in several_threads] == [2] * len(several_threads)


def test_libraries_are_held_to_one_thread_until_the_last_block_ends(several_threads):
    def threads():
        return {library.get() for library in several_threads}

    with one_thread():
        assert threads() == {1}
        with one_thread():
            assert threads() == {1}
        assert threads() == {1}
    assert threads() == {2}
    with pytest.raises(ZeroDivisionError), one_thread():
        _ = 1 / 0
    assert threads() == {2}
