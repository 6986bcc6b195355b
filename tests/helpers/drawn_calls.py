"""Calls of public functions as Hypothesis draws them: most arguments ordinary, some extreme, few of another type."""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from drawn_commands import ACTIVATIONS, BRANCHES, INPUTS, ODD, WEIGHTS
from hypothesis import strategies as st

import theory_check as tc

INTEGERS = (
    0,
    1,
    2,
    3,
    5,
    10,
    17,
    64,
    100,
    1000,
    10**6,
    10**9,
    10**18,
    10**30,
    -1,
    -(10**9),
    True,
    np.int64(7),
    np.uint8(255),
)
FLOATS = (
    0.0, -0.0, 0.5, 1.0, 2.0, 0.05, 1e-3, 1e-6, 0.99, 0.3, -1.0, 10.0, 1e3, 1e6, 1e-12, 1e-300, 5e-324, 1e300,
    1.7e308, -1e300,
    math.nan, math.inf, -math.inf, math.nextafter(1.0, 0.0), math.nextafter(0.0, 1.0), 1, 0, np.float64(0.25),
    np.float32(0.1),
)  # fmt: skip
#: For arguments that are probabilities, margins and the like: a call reaches what comes after their checks.
PLAIN = (0.5, 0.05, 1e-3, 0.9, 0.1, 0.25, 1e-6, 1.0, 2.0)
_RANDOM = np.random.default_rng(0)
ARRAYS = (
    _RANDOM.normal(size=50), _RANDOM.normal(size=500), _RANDOM.uniform(size=64), _RANDOM.exponential(size=40),
    np.arange(1.0, 20.0),
    _RANDOM.normal(size=(50, 3)), _RANDOM.normal(size=(40, 16)), np.ones(30), np.zeros(30), np.array([1.0]),
    np.array([1.0, 2.0]),
    np.array([]), np.array([math.nan, 1.0]), np.array([math.inf, 1.0]), np.array([1e308] * 20),
    np.array([5e-324] * 20),
    np.array([1e308, -1e308] * 10), np.array([[1.0]]), np.array(1.0), np.zeros((0, 3)), np.zeros((3, 0)), [1, 2, 3,
    4], (0.5, 0.1),
    np.array([1, 0, 1, 1] * 10), np.array([True, False] * 10), np.array(["a", "b"]), np.array([1j, 2.0]), range(10),
    np.linspace(0.0, 1.0, 33), np.cumsum(_RANDOM.normal(size=(3, 65)), axis=1), np.array([1e-300, 1e300] * 8),
    2.0 ** np.arange(1, 9),
)  # fmt: skip
PAIRS = ((0.0, 1.0), (1.0, 0.0), (0.5, 0.5), (-math.inf, math.inf), (math.nan, 1.0), (0.0, math.inf), (-1.0, 2.0),
    (1,), (), (1e308, 1.7e308),
         (0.0, 5e-324), 0.5)  # fmt: skip
#: Functions of whatever they are given: how many arguments there are is for mypy.
FUNCTIONS = (
    lambda *_: 1.0,
    lambda *_: math.nan,
    lambda *_: -1e300,
    lambda x, *_: x,
    lambda x, *_: 0.5 * x,
    lambda *_: None,
)
OTHERS = (
    None,
    {},
    [],
    (),
    set(),
    object(),
    "text",
    b"bytes",
    1j,
    math,
    int,
    (1, 2),
    [[]],
    {"a": 1},
    np.array([object()]),
    ...,
)
SPELLED = {
    "branch": BRANCHES, "activation": ACTIVATIONS, "weights": WEIGHTS, "process": WEIGHTS, "input": INPUTS,
    "inner": WEIGHTS,
    "kernel": ("auto", "dense", "reduced", "stored"), "profile": ("quick", "standard", "nightly"), "path": WEIGHTS,
    "optimiser": ("adam", "momentum", "gradient-descent"), "method": ("normal", "exact", "bootstrap"),
    "alternative": ("two-sided", "less", "greater"), "side": ("two-sided", "less", "greater", "lower", "upper"),
}  # fmt: skip

#: What runs claims takes minutes, and what reads and writes files is attacked by commands.
LEFT_OUT = frozenset({"verify", "all_claims", "load_claims", "read_sample", "write_sample", "temporary_additions"})


@cache
def functions() -> dict[str, Callable[..., Any]]:
    """Return the public functions and classes by name."""
    found: dict[str, Callable[..., Any]] = {}
    for prefix, room in (
        ("", tc), ("inference.", tc.inference), ("design.", tc.inference.design), ("observables.", tc.observables),
        ("strategies.", tc.strategies), ("pictures.", tc.pictures),
    ):  # fmt: skip
        own = [name for name, value in vars(room).items() if getattr(value, "__module__", "") == room.__name__]
        for name in getattr(room, "__all__", own):
            value = getattr(room, name)
            ours = not name.startswith("_") and str(getattr(value, "__module__", "")).startswith("theory_check")
            error = isinstance(value, type) and issubclass(value, Exception)
            protocol = getattr(value, "_is_protocol", False)
            if (
                callable(value)
                and ours
                and not error
                and not protocol
                and name not in LEFT_OUT
                and hasattr(value, "__name__")
            ):
                found[prefix + name] = value
    return found


@cache
def _objects() -> tuple[Any, ...]:
    cell = tc.network("linear", width=3, depth=4)
    return (
        cell, tc.network("res-1", "uniform", width=4, depth=3, beta=1.0), tc.simulate(cell, 20, 1), cell.network,
        cell.weights, cell.input,
        cell.network.scaling, cell.network.branch, tc.Normal(0.0, 1.0), tc.LogNormal(tc.Normal(0.0, 1.0)),
        tc.ScaledChiSquare(3, 1.0), tc.EXACT,
        tc.observables.LOG_NORM_RATIO, tc.Mean(tc.observables.LOG_NORM_RATIO, 1.0), tc.PROFILES["quick"],
        tc.Slope(tc.observables.LOG_NORM_RATIO, (2, 4, 8), (tc.Normal(0.0, 1.0),) * 3),
    )  # fmt: skip


def _fitting(parameter: inspect.Parameter) -> st.SearchStrategy[Any] | None:
    """Return what draws arguments of the type of a parameter; None for a type of which nothing is at hand."""
    kind = str(parameter.annotation)
    pools: list[st.SearchStrategy[Any]] = []
    if "Callable" in kind:
        pools.append(st.sampled_from(FUNCTIONS))
        kind = kind.partition("Callable")[0]
    if "Array" in kind or "Sequence[float]" in kind or "Iterable[float]" in kind:
        one_by_one = "Sequence" in kind or "Iterable" in kind
        pools.append(st.sampled_from([array for array in ARRAYS if np.ndim(array) or not one_by_one]))
    if "tuple[float, float]" in kind or kind == "Range":
        pools.append(st.sampled_from(PAIRS))
    outer, inner = kind, 1
    while inner:
        outer, inner = re.subn(r"\[[^\[\]]*\]", "", outer)
    if re.search(r"\bfloat\b", outer) or "SupportsFloat" in kind:
        pools += [st.sampled_from(PLAIN), st.sampled_from(PLAIN), st.sampled_from(FLOATS)]
    if re.search(r"\bint\b", outer) or "SupportsIndex" in kind:
        pools += [st.integers(1, 300), st.sampled_from(INTEGERS)]
    if "bool" in kind:
        pools.append(st.booleans())
    if re.search(r"\bstr\b", outer):
        pools.append(st.sampled_from(SPELLED.get(parameter.name, ODD)))
    for value in _objects():
        if re.search(rf"\b{type(value).__name__}\b", outer) or (kind == "Law" and hasattr(value, "cdf")):
            pools += [st.just(value)] * 3
    if pools and "None" in kind:
        pools.append(st.none())
    return st.one_of(pools) if pools else None


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any], bool]:
    """Draw the name of a function, its arguments, and whether all are of the types that it says."""
    name = draw(st.sampled_from(sorted(functions())))
    arguments, fitting = {}, True
    for parameter in inspect.signature(functions()[name]).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.default is not parameter.empty and draw(st.booleans()):
            continue
        fit = _fitting(parameter)
        if fit is not None and draw(st.integers(0, 24)):
            arguments[parameter.name] = draw(fit)
        else:
            arguments[parameter.name], fitting = draw(st.sampled_from((*OTHERS, *_objects()))), False
    return name, arguments, fitting


def call(name: str, arguments: dict[str, Any]) -> Any:
    """Call a function."""
    return functions()[name](**arguments)


def numbers(value: Any, depth: int = 4) -> Iterator[float]:
    """Yield the numbers of a result: its own, those of its fields and of what it holds."""
    if isinstance(value, (float, np.floating)):
        yield float(value)
    elif isinstance(value, np.ndarray) and value.dtype.kind == "f":
        yield from value.ravel()[:1000].tolist()
    elif depth and dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from numbers(getattr(value, field.name, None), depth - 1)
    elif depth and isinstance(value, (tuple, list)):
        for part in value[:1000]:
            yield from numbers(part, depth - 1)
