"""Statements about means and orders, which rest on bounds of variances: stated ones, or limits from a pilot sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from theory_check.foundation.arguments import check_positive
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.inference import (
    Interval,
    bounded_mean_interval,
    design,
    error_intervals,
    mean_interval,
    pilot_size,
    rate,
    variance_bound_test,
    variance_limit,
)
from theory_check.inference.rates import slope_weights
from theory_check.inference.validation import check_range
from theory_check.pytest_plugin.statements import Belief, Range, Samples, Statement, Tolerance, certain, point


@dataclass(frozen=True)
class Pilot:
    """A sample that is drawn before the one that is judged, to limit variances.

    Attributes
    ----------
    draw : callable
        Of the number of values.
    level : float
        Probability, at most, that a limit is wrong.
    """

    draw: Callable[[int], FloatArray]
    level: float

    def variances(self, kurtosis_bound: float, columns: int = 1) -> list[float]:
        """Return a limit of the variance of each column, all of them right with probability 1 - level.

        Equal values have the limit 0; any positive number bounds their variance, and 10^-18 of a square of theirs is
        below the spacing of floats.
        """
        share = self.level / columns
        values = self.draw(pilot_size(kurtosis_bound=kurtosis_bound, alpha=share)).reshape(-1, columns)
        return [
            max(variance_limit(v, kurtosis_bound=kurtosis_bound, alpha=share), (1e-9 * abs(float(v[0]))) ** 2, 1e-200)
            for v in values.T
        ]


def mean(
    of: str,
    target: object,
    tolerance: Tolerance,
    *,
    variance_bound: float | None = None,
    support: Range | None = None,
    kurtosis_bound: float | None = None,
    pilot: Pilot | None = None,
) -> Statement:
    """State a mean, under one bound: on the variance, the range or the kurtosis of the values.

    Parameters
    ----------
    of : str
        What is drawn.
    target : float or (float, float)
    tolerance : Tolerance
    variance_bound : float, optional
    support : (float, float), optional
        Smallest and largest value.
    kurtosis_bound : float, optional
        Of E (x - mu)^4 over the squared variance; a pilot sample then limits the variance.
    pilot : Pilot, optional
        Needed with a bound on the kurtosis.

    Returns
    -------
    Statement

    Raises
    ------
    SpecificationError
        Unless one bound is given.

    Examples
    --------
    >>> mean("u", 0.5, Tolerance(0.05), variance_bound=1 / 12).size(1e-6, 1e-6)
    3892
    """
    if sum(bound is not None for bound in (variance_bound, support, kurtosis_bound)) != 1:
        raise SpecificationError(
            "a mean needs one of variance_bound=, support=(lowest, highest) and kurtosis_bound=: without a bound no "
            "finite sample supports it"
        )
    span, margin, what = point("target", target), tolerance.margin, f"the mean of {of}"
    if support is not None:
        low, high = check_range("support", support)
        # Planning needs a mean within the support. If it is an end, all values are that end, which is so with
        # probability (1 - 1e-9)^n > miss for the mean that is planned with: its promise holds for them.
        inset = 1e-9 * (high - low)
        centre = min(max(sum(span) / 2.0, low + inset), high - inset)
        return Statement(
            what, span, tolerance,
            lambda samples, alpha: bounded_mean_interval(samples[0], support=(low, high), alpha=alpha),
            lambda alpha, miss: design.bounded_mean_sample_size(
                centre, margin=margin, alpha=alpha, miss=miss, support=(low, high)
            ),
            lambda x: [certain(f"values lie outside of the stated support [{low:g}, {high:g}]",
                                bool(low <= x.min() and x.max() <= high))],
            lambda other: mean(of, other, tolerance, support=(low, high)),
        )  # fmt: skip
    (v,), proven = _bounds(None if variance_bound is None else [variance_bound], kurtosis_bound, pilot, 1)
    return Statement(
        what, span, tolerance,
        lambda samples, alpha: mean_interval(samples[0], variance_bound=v, alpha=alpha),
        lambda alpha, miss: design.mean_sample_size(variance_bound=v, margin=margin, alpha=alpha, miss=miss),
        lambda x: () if proven else _variance_beliefs(x[:, None], [v]),
        lambda other: mean(of, other, tolerance, variance_bound=v),
    )  # fmt: skip


def _bounds(
    given: Sequence[float] | None, kurtosis_bound: float | None, pilot: Pilot | None, columns: int
) -> tuple[list[float], bool]:
    """Return bounds of the variances, and whether a pilot sample proves them."""
    if given is not None:
        return [check_positive("variance bound", bound) for bound in given], False
    if kurtosis_bound is None or pilot is None:
        raise SpecificationError("kurtosis_bound needs a pilot sample")
    return pilot.variances(kurtosis_bound, columns), True


def _variance_beliefs(sample: FloatArray, bounds: Sequence[float]) -> list[Belief]:
    tests = [(bound, variance_bound_test(column, bound)) for column, bound in zip(sample.T, bounds, strict=True)]
    return [
        (f"the variance exceeds the stated bound {bound:.4g}, it is about {test.statistic:.4g}", test.p_value)
        for bound, test in tests
    ]


def order(
    of: str,
    target: object,
    tolerance: Tolerance,
    *,
    sizes: Sequence[float],
    variance_bounds: Sequence[float] | None = None,
    kurtosis_bound: float | None = None,
    pilot: Pilot | None = None,
) -> Statement:
    """State the order of mean errors at several sizes: the slope of log error on log size.

    Parameters
    ----------
    of : str
        What is drawn: n rows with an error for each size.
    target : float or (float, float)
    tolerance : Tolerance
    sizes : sequence of float
    variance_bounds : sequence of float, optional
        Of an error at each size.
    kurtosis_bound : float, optional
        Of the errors; a pilot sample then limits the variances.
    pilot : Pilot, optional
        Needed with a bound on the kurtosis.

    Returns
    -------
    Statement

    Raises
    ------
    SpecificationError
        Unless one kind of bound is given, or if the sizes are not two or more positive numbers.

    Examples
    --------
    >>> slope = order("errors", 1.0, Tolerance(0.1), sizes=[0.1, 0.2], variance_bounds=[1e-4, 4e-4])
    >>> round(slope.interval([np.tile([0.1, 0.2], (10_000, 1))], 1e-6).estimate, 9)
    1.0
    """
    if (variance_bounds is None) == (kurtosis_bound is None):
        raise SpecificationError("an order needs one of variance_bounds=, one for each size, and kurtosis_bound=")
    points = [check_positive("sizes", size) for size in sizes]
    slope_weights(np.log(points))
    variances, proven = _bounds(variance_bounds, kurtosis_bound, pilot, len(points))
    if len(variances) != len(points):
        raise SpecificationError(f"variance_bounds needs one for each of {len(points)} sizes, got {len(variances)}")

    def interval(samples: Samples, alpha: float) -> Interval:
        parts = error_intervals(list(samples[0].T), variance_bounds=variances, alpha=alpha)
        return rate(points, parts, alpha=alpha).interval

    return Statement(
        f"the order of {of}", point("target", target), tolerance, interval,
        beliefs=lambda x: () if proven else _variance_beliefs(x, variances),
        variant=partial(order, of, tolerance=tolerance, sizes=points, variance_bounds=variances),
    )  # fmt: skip
