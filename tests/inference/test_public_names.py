"""The package's front door: every name is there, and its example is what the code does."""

from __future__ import annotations

import doctest

from theory_check import inference


def test_every_name_is_exported_and_documented():
    assert sorted(inference.__all__) == list(inference.__all__)
    for name in inference.__all__:
        assert getattr(inference, name).__doc__


def test_the_example_of_the_docstring_runs():
    results = doctest.testmod(inference)
    assert results.attempted > 0
    assert results.failed == 0
