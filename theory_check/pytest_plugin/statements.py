"""Statements of sampler assertions: a quantity, its value, what counts as agreement, and how samples are judged.

A statement knows the interval of its quantity and, where no law has to be known for it, the sample size that supports a
true statement. Quantiles and orders have no size: their samples grow until they are decided.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from theory_check.foundation.arguments import check_nonnegative, check_number, check_positive, check_unit
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.errors import SpecificationError
from theory_check.inference import (
    Interval,
    design,
    kolmogorov_interval,
    law_distance_interval,
    proportion_interval,
    quantile_interval,
)
from theory_check.inference.validation import check_probability, check_range

Range = tuple[float, float]
Samples = Sequence[FloatArray]

#: A hypothesis in words, and the p-value of a test of it.
Belief = tuple[str, float]


@dataclass(frozen=True)
class Tolerance:
    """What counts as agreement.

    Attributes
    ----------
    margin : float
        Deviation that still counts.
    remainder : float
        Proven error of the target.
    exact : bool
        Whether an interval that misses the target refutes, within the margin too.
    """

    margin: float
    remainder: float = 0.0
    exact: bool = False

    def __post_init__(self) -> None:
        check_positive("margin", self.margin)
        if check_nonnegative("remainder", self.remainder) and self.exact:
            raise SpecificationError(f"an exact statement has remainder 0, got {self.remainder!r}")


@dataclass(frozen=True)
class Statement:
    """What samples are said to have.

    Attributes
    ----------
    what : str
        The quantity in words, with the names of the samplers.
    target : (float, float)
        Stated lower and upper value.
    tolerance : Tolerance
    interval : callable
        Of the samples and a level.
    size : callable, optional
        Sample size for a level and a miss rate; without it the sample doubles until it is decided.
    beliefs : callable
        From a sample to the hypotheses of the interval.
    variant : callable, optional
        The statement that another value or law makes of this one.
    """

    what: str
    target: Range
    tolerance: Tolerance
    interval: Callable[[Samples, float], Interval]
    size: Callable[[float, float], int] | None = None
    beliefs: Callable[[FloatArray], Sequence[Belief]] = lambda _: ()
    variant: Callable[[Any], Statement] | None = None

    @property
    def room(self) -> Range:
        """The target, widened by margin and remainder."""
        reach = self.tolerance.margin + self.tolerance.remainder
        return self.target[0] - reach, self.target[1] + reach


def certain(what: str, holds: bool) -> Belief:
    """Return a hypothesis that a sample obeys or not, without chance.

    Examples
    --------
    >>> certain("values are whole", False)
    ('values are whole', 0.0)
    """
    return what, 1.0 if holds else 0.0


def point(what: str, value: object) -> Range:
    """Return a target as a pair: a number, or a pair (lower, upper).

    Examples
    --------
    >>> point("target", 0.5), point("target", (0, 1))
    ((0.5, 0.5), (0.0, 1.0))
    """
    if isinstance(value, (tuple, list)):
        return check_range(what, tuple(value))
    number = check_number(what, value)  # type: ignore[arg-type]  # which refuses all but numbers
    return number, number


def probability(of: str, target: object, tolerance: Tolerance) -> Statement:
    """State the probability of an event that is drawn as true or false.

    Parameters
    ----------
    of : str
        What is drawn.
    target : float or (float, float)
    tolerance : Tolerance

    Returns
    -------
    Statement

    Examples
    --------
    >>> probability("heads", 0.5, Tolerance(0.1)).interval([np.tile([0.0, 1.0], 1000)], 1e-3).estimate
    0.5
    """
    low, high = (check_unit("target", end) for end in point("target", target))
    return Statement(
        f"the probability of {of}", (low, high), tolerance,
        lambda samples, alpha: proportion_interval(int(samples[0].sum()), samples[0].size, alpha=alpha),
        lambda alpha, miss: design.proportion_sample_size(
            (low, high), margin=tolerance.margin, alpha=alpha, miss=miss, truth=(low + high) / 2.0
        ),
        lambda x: [certain("values are neither true (1) nor false (0)", bool(np.isin(x, (0.0, 1.0)).all()))],
        lambda other: probability(of, other, tolerance),
    )  # fmt: skip


def quantile(of: str, target: object, tolerance: Tolerance, *, probability: float) -> Statement:
    """State a quantile.

    Parameters
    ----------
    of : str
        What is drawn.
    target : float or (float, float)
    tolerance : Tolerance
    probability : float
        1/2 for the median.

    Returns
    -------
    Statement

    Examples
    --------
    >>> quantile("u", 50.0, Tolerance(20.0), probability=0.5).interval([np.arange(101.0)], 1e-3).estimate
    50.0
    """
    p = check_probability("probability", probability)
    return Statement(
        f"the {p:g}-quantile of {of}", point("target", target), tolerance,
        lambda samples, alpha: quantile_interval(samples[0], p, alpha=alpha),
        variant=lambda other: quantile(of, other, tolerance, probability=p),
    )  # fmt: skip


def law(of: str, predicted: object, tolerance: Tolerance, *, which: str = "its law") -> Statement:
    """State a law, up to a Kolmogorov distance.

    Parameters
    ----------
    of : str
        What is drawn.
    predicted : callable, or object with a method ``cdf``
        The distribution function; it may jump.
    tolerance : Tolerance
        Of the distance between distribution functions.
    which : str
        The law in words.

    Returns
    -------
    Statement

    Raises
    ------
    SpecificationError
        If there is no distribution function.

    Examples
    --------
    >>> law("u", lambda x: np.clip(x, 0.0, 1.0), Tolerance(0.05)).interval([np.array([0.5])], 0.1).estimate
    0.5
    """
    cdf = getattr(predicted, "cdf", predicted)
    if not callable(cdf):
        raise SpecificationError(f"a law is an object with a method cdf, or a distribution function, not {predicted!r}")
    return Statement(
        f"the distance of {of} from {which}", (0.0, 0.0), tolerance,
        lambda samples, alpha: kolmogorov_interval(samples[0], cdf, alpha=alpha),
        lambda alpha, miss: design.kolmogorov_sample_size(margin=tolerance.margin, alpha=alpha, miss=miss),
        variant=lambda other: law(of, other, tolerance, which="another law"),
    )  # fmt: skip


def same_law(first: str, second: str, tolerance: Tolerance) -> Statement:
    """State that the values of two samplers have one law, up to a Kolmogorov distance.

    Parameters
    ----------
    first, second : str
        What is drawn.
    tolerance : Tolerance
        Of the distance between distribution functions.

    Returns
    -------
    Statement

    Examples
    --------
    >>> pair = same_law("u", "v", Tolerance(0.2))
    >>> [pair.interval([np.arange(5.0), np.arange(k, 5.0 + k)], 1e-6).estimate for k in (0.0, 5.0)]
    [0.0, 1.0]
    """
    return Statement(
        f"the distance of the laws of {first} and {second}", (0.0, 0.0), tolerance,
        lambda samples, alpha: law_distance_interval(*samples, alpha=alpha),
        lambda alpha, miss: design.law_distance_sample_size(margin=tolerance.margin, alpha=alpha, miss=miss),
    )  # fmt: skip
