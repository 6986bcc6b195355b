r"""Samples that grow until a statement about them is decided.

A *sampler* is a function of a NumPy generator and a number, ``sampler(rng, n)``, that returns n independent values with
one law, as ``np.random.Generator.random(rng, n)`` does. Of the level alpha of a statement the interval has 8/10; 1/10
has the pilot sample that limits variances; 1/10 have the tests of what the judgement believes: that the values are
independent, and that a stated bound on their variance or range holds. The looks share all but the pilot's.

With a plan the sample grows through the looks of :func:`theory_check.inference.design.planned_looks` up to the size for
which a true statement is supported with probability 1 - miss. Without one it doubles until it is decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from theory_check.foundation.arrays import FloatArray, check_array
from theory_check.foundation.errors import SpecificationError
from theory_check.inference import Interval, design, judge, neighbour_test
from theory_check.inference.verdicts import Verdict
from theory_check.pytest_plugin.moments import Pilot
from theory_check.pytest_plugin.statements import Samples, Statement

Sampler = Callable[[np.random.Generator, int], Any]

#: Parts of the level: of the pilot sample, of the tests of what is believed, and of the interval.
_PILOT, _BELIEFS, _INTERVAL = 0.1, 0.1, 0.8

#: No assertion draws more values than these: with a plan, without one.
LARGEST_PLAN, LARGEST_SAMPLE = 10**8, 2**22

#: First look without a plan.
_FIRST = 256

#: Of so few values no dependence is seen at the levels in question: 2/C(24, 12) is 7e-7.
_FEWEST = 48


class Stream:
    """The values that a sampler draws from one generator, as many as are asked for.

    Examples
    --------
    >>> stream = Stream(np.random.Generator.random, np.random.default_rng(1))
    >>> first = stream.first(3)
    >>> bool((stream.first(5)[:3] == first).all()), len(stream.first(2))
    (True, 2)
    """

    def __init__(self, sampler: Sampler, rng: np.random.Generator, columns: int | None = None) -> None:
        self._sampler, self._rng, self._columns = sampler, rng, columns
        self._values = np.empty((0,) if columns is None else (0, columns))

    def first(self, count: int) -> FloatArray:
        """Return the first values; those that were not drawn before are drawn now."""
        __tracebackhide__ = True
        if len(self._values) < count:
            self._values = np.concatenate([self._values, self.fresh(count - len(self._values))])
        return self._values[:count]

    def fresh(self, count: int) -> FloatArray:
        """Return values that no other call returns; errors name the sampler."""
        __tracebackhide__ = True
        name = name_of(self._sampler)
        try:
            drawn = self._sampler(self._rng, count)
        except Exception as error:
            error.add_note(f"{name} was called as a sampler, {name}(rng, {count})")
            raise
        values = check_array(f"what {name}(rng, {count}) returns", drawn)
        shape = (count,) if self._columns is None else (count, self._columns)
        if values.shape != shape:
            raise SpecificationError(f"{name}(rng, {count}) must return an array of shape {shape}, not {values.shape}")
        if bad := values.size - int(np.count_nonzero(np.isfinite(values))):
            raise SpecificationError(f"{bad} of {values.size} values of {name}(rng, {count}) are NaN or infinite")
        return values


def name_of(function: object) -> str:
    """Return the name of a function, or of what a partial call wraps.

    Examples
    --------
    >>> name_of(partial(pow, 2.0)), name_of(print)
    ('pow', 'print')
    """
    while isinstance(function, partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__)).replace("<lambda>", "the sampler")


@dataclass(frozen=True)
class Outcome:
    """What a statement came to, at the look that decided.

    Attributes
    ----------
    statement : Statement
    verdict : str
    interval : Interval, optional
        None where a hypothesis is violated.
    observations : int
        Values of each sampler.
    reason : str
        The violated hypothesis.
    admitted : dict of str to (str, Interval)
        Wrong values and laws that the sample does not refute: the quantity in words and the interval that admits them.
    """

    statement: Statement
    verdict: Verdict
    interval: Interval | None
    observations: int
    reason: str = ""
    admitted: Mapping[str, tuple[str, Interval]] = field(default_factory=dict)


def decide(
    stated: Callable[[Pilot], Statement],
    streams: Sequence[Stream],
    *,
    alpha: float,
    miss: float,
    wrong: Mapping[str, object] | None = None,
) -> Outcome:
    """Judge a statement on growing samples until it is decided, and wrong values and laws with it.

    Parameters
    ----------
    stated : callable
        The statement, from a pilot sample.
    streams : sequence of Stream
        One for each sampler.
    alpha, miss : float
        Level of all looks together; probability, at most, that a true statement is not supported by a planned sample.
    wrong : mapping of str to float or law, optional
        Values and laws that must be refuted, exactly; at the level of the interval, which they do not spend again.

    Returns
    -------
    Outcome

    Raises
    ------
    SpecificationError
        If a plan needs more values than :data:`LARGEST_PLAN`, or a wrong value lies within the margin.

    Examples
    --------
    >>> from theory_check.pytest_plugin.moments import mean
    >>> from theory_check.pytest_plugin.statements import Tolerance
    >>> stated = mean("u", 0.5, Tolerance(0.05), support=(0.0, 1.0))
    >>> stream = Stream(np.random.Generator.random, np.random.default_rng(1))
    >>> found = decide(lambda pilot: stated, [stream], alpha=1e-6, miss=1e-6, wrong={"high": 0.6})
    >>> found.verdict, found.observations < 10_000, found.admitted
    ('supported', True, {})
    """
    __tracebackhide__ = True
    statement = stated(Pilot(streams[0].fresh, _PILOT * alpha))
    variants = {name: _variant(statement, name, value) for name, value in (wrong or {}).items()}
    tolerance = statement.tolerance
    looks = _looks(statement, alpha, miss)
    while True:
        count, share, is_last = next(looks)
        samples = []
        for stream in streams:
            samples.append(stream.first(count))  # noqa: PERF401 - a comprehension is a frame in tracebacks of samplers
        if reason := _violation(statement, samples, _BELIEFS * alpha * share):
            return Outcome(statement, "inapplicable", None, count, reason)
        level = _INTERVAL * alpha * share
        found = statement.interval(samples, level)
        verdict = judge(found, target=statement.target, margin=tolerance.margin, remainder=tolerance.remainder,
                        exact=tolerance.exact)  # fmt: skip
        judged = {name: variant.interval(samples, level) for name, variant in variants.items()}
        admitted = {
            name: (variants[name].what, one) for name, one in judged.items() if not one.disjoint(*variants[name].target)
        }
        if is_last or verdict == "refuted" or (verdict == "supported" and not admitted):
            return Outcome(statement, verdict, found, count, admitted=admitted)


def _looks(statement: Statement, alpha: float, miss: float) -> Iterator[tuple[int, float, bool]]:
    """Yield sample sizes, shares of the level, and whether a look is the last."""
    if statement.size is None:
        for count, level in design.open_looks(_FIRST, LARGEST_SAMPLE, alpha=alpha):
            yield count, level / alpha, count == LARGEST_SAMPLE
        return
    # The last of several looks has half of the level.
    planned = statement.size(_INTERVAL * alpha / 2.0, miss)
    if planned > LARGEST_PLAN:
        raise SpecificationError(
            f"{statement.what} needs {planned:,} values for its margin of {statement.tolerance.margin:g}, an assertion "
            f"draws up to {LARGEST_PLAN:,}: widen the margin"
        )
    looks = design.planned_looks(planned)
    for count, share in zip(looks, design.look_shares(len(looks)), strict=True):
        yield count, share, count == planned


def _violation(statement: Statement, samples: Samples, level: float) -> str:
    """Return the hypothesis that the samples contradict; nothing if they contradict none."""
    tests = [belief for sample in samples for belief in statement.beliefs(sample)]
    for sample in samples:
        if len(sample) >= _FEWEST:
            values = sample.reshape(len(sample), -1)[:, 0]
            tests.append(("values that are drawn one after the other depend on each other",
                          neighbour_test(values).p_value))  # fmt: skip
    return next((what for what, p_value in tests if p_value <= level / len(tests)), "")


def _variant(statement: Statement, name: str, value: object) -> Statement:
    if statement.variant is None:
        raise SpecificationError(f"the wrong variant {name!r} must be a sampler, got {value!r}")
    variant = statement.variant(value)
    (low, high), (lower, upper) = statement.room, variant.target
    if variant.what == statement.what and low <= upper and lower <= high:
        raise SpecificationError(
            f"the wrong value {name!r}, {value!r}, lies within the margin of {statement.what}: no sample that supports "
            "the statement refutes it"
        )
    return variant
