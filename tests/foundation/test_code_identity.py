"""Functions are told by what they compute: code and constants, not names, layout or comments."""

from __future__ import annotations

import functools
import math
import types
from dataclasses import dataclass

import numpy as np
import pytest

from theory_check.foundation.code_identity import code_identity, value_identity
from theory_check.foundation.errors import SpecificationError

FACTOR = 2.0
TABLE = np.arange(3.0)


def scaled(x):
    """Scale."""
    return FACTOR * x


def renamed(x: float) -> float:
    # Another name, a comment, an annotation, no docstring.
    return FACTOR * x


def edited(x):
    return FACTOR * x + 0.0


def looked_up(i):
    return TABLE[i]


def calls(x):
    return scaled(x)


def factorial(n):
    return 1 if n == 0 else n * factorial(n - 1)


@dataclass(frozen=True)
class Point:
    place: float
    function: object


def closing_over(constant):
    return lambda x: x + constant


def test_names_layout_comments_and_docstrings_are_left_out():
    assert code_identity(scaled) == code_identity(renamed)
    assert code_identity(lambda x: x + 1) == code_identity(lambda x:   x +   1)  # fmt: skip


def test_the_code_counts():
    assert code_identity(scaled) != code_identity(edited)
    assert code_identity(lambda x: x + 1) != code_identity(lambda x: x + 2)
    first, second = (lambda x: x < 0.5), (lambda x: x < 0.25)
    assert code_identity(first) != code_identity(second)


def inside(x):
    return sorted(x, key=lambda y: FACTOR * y)


def test_constants_count(monkeypatch):
    readers = (scaled, looked_up, calls, inside)
    before = [code_identity(reader) for reader in readers]
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    monkeypatch.setitem(globals(), "TABLE", np.arange(4.0))
    after = [code_identity(reader) for reader in readers]
    assert all(a != b for a, b in zip(after, before, strict=True))
    assert code_identity(closing_over(1.0)) != code_identity(closing_over(2.0))
    assert code_identity(functools.partial(math.pow, 2.0)) != code_identity(functools.partial(math.pow, 3.0))


def test_constants_and_functions_of_a_module_of_ones_own_count():
    own = types.ModuleType("own")
    own.__file__, own.factor, own.scaled = "/somewhere/own.py", 2.0, scaled

    space = {**globals(), "own": own}
    reader = types.FunctionType(compile("lambda x: own.factor * own.scaled(x)", "<made>", "eval").co_consts[0], space)
    before = code_identity(reader)
    assert code_identity(reader) == before
    own.factor = 3.0
    assert code_identity(reader) != before
    own.factor, own.scaled = 2.0, edited
    assert code_identity(reader) != before


def test_values_of_dataclasses_count():
    before = Point(1.0, scaled)
    assert value_identity(before) == value_identity(Point(1.0, renamed))
    assert value_identity(before) != value_identity(Point(1.0, edited))
    assert value_identity(before) != value_identity(Point(2.0, scaled))


def test_functions_without_source_are_told_by_their_compiled_code():
    def made(text):
        space = {}
        exec(text, space)
        return space["f"]

    assert code_identity(made("def f(x): return x + 1")) == code_identity(made("def f(x): return x + 1"))
    assert code_identity(made("def f(x): return x + 1")) != code_identity(made("def f(x): return x + 2"))


def test_recursion_and_library_functions_have_an_identity():
    assert code_identity(factorial) == code_identity(factorial)
    assert code_identity(np.exp) != code_identity(np.log)
    assert code_identity(math.exp) != code_identity(math.log)


def test_what_cannot_be_told_is_refused():
    opaque = object()
    with pytest.raises(SpecificationError, match="whose value cannot be told"):
        code_identity(lambda x: (x, opaque))
