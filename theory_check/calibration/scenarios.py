"""Scenarios of a calibration: a method with its promises, and the cases in which they are put to the test.

A *case* is a law to sample from, a hypothesis, and a procedure that turns samples into rejections. A method lists cases
with a true hypothesis, builds cases with a hypothesis that is wrong by as much as its design function promises to
detect, and lists negative controls: cases in which a rate that is promised is known to be exceeded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory_check.calibration.known_laws import Law
from theory_check.findings.calibration import Sense
from theory_check.foundation.arrays import FloatArray

BoolArray = NDArray[np.bool_]

#: ``reject(samples, hypothesis, level)``: which rows of the samples (one per repetition) contradict the hypothesis. It
#: asks the law for what the method knows of it: the mean, a quantile, the distribution function. It can be pickled.
Reject = Callable[[FloatArray, Law, float], BoolArray]


@dataclass(frozen=True)
class Case:
    """A law, a hypothesis and a procedure.

    Attributes
    ----------
    law : Law
        Where the samples come from.
    observations : int
        Size of each sample.
    reject : callable
    hypothesis : Law, optional
        What the procedure takes for true; default: the law of the samples.
    deviation : str
        How the hypothesis is wrong, in a few words; empty if it is true.
    procedure : str
        What is applied, in a few words, where it is not simply the method.
    sense : {"at most", "at least", "exactly"}
    monitored : bool
        Whether the procedure rejects if the evidence suffices after any number of observations.
    levels : tuple of float
        Default: the levels of the profile.
    most_repetitions : float
        Bound on the repetitions of an expensive case.
    near : bool
        Whether the rate of a control is so near the promise that it needs as many samples as a true hypothesis.
    """

    law: Law
    observations: int
    reject: Reject
    _: KW_ONLY
    hypothesis: Law | None = None
    deviation: str = ""
    procedure: str = ""
    sense: Sense = "at most"
    monitored: bool = False
    levels: tuple[float, ...] = ()
    most_repetitions: float = math.inf
    near: bool = False


@dataclass(frozen=True, kw_only=True)
class Method:
    """A method of the inference layer, as a calibration sees it.

    Attributes
    ----------
    name, title : str
        On the command line, and in words.
    function : str
        The public function, by its place in the package.
    promise : str
        What it promises, and under which condition, in Markdown.
    timed : Case or None
        Judged once more on a single sample of a million observations; None if an observation is a whole run.
    nulls : tuple of Case
        Cases with a true hypothesis.
    controls : tuple of Case
        Negative controls; each names its procedure.
    plant : callable, optional
        ``plant(level, power)`` returns cases whose hypothesis is wrong by the deviation that the design function
        promises to detect with this power.
    shortage : int
        One in so many of the planned observations is left in the control of the design function. Half of the sample
        breaks the promise of a sharp design; a design that rests on inequalities needs a greater lack.
    """

    name: str
    title: str
    function: str
    promise: str
    timed: Case | None
    nulls: tuple[Case, ...]
    controls: tuple[Case, ...]
    plant: Callable[[float, float], Iterable[Case]] | None = None
    shortage: int = 2


def control(procedure: str, law: Law, observations: int, reject: Reject, **options: Any) -> Case:
    """Return a negative control at level 0.05, unless the options say otherwise: a procedure that breaks its promise.

    Parameters
    ----------
    procedure : str
        What is applied, in a few words.
    law : Law
    observations : int
    reject : callable
    **options
        Other fields of the case.

    Returns
    -------
    Case
    """
    return Case(law, observations, reject, **{"procedure": procedure, "levels": (0.05,)} | options)


def stated_mean(law: Law, deviation: float, observations: int, reject: Reject, **options: Any) -> Case:
    """Return a case whose hypothesis is the law with a mean that is off by a deviation.

    Parameters
    ----------
    law : Law
    deviation : float
    observations : int
    reject : callable
    **options
        Other fields of the case.

    Returns
    -------
    Case
    """
    words = f"stated mean {'+' if deviation > 0 else '-'} {abs(deviation):.3g}"
    return Case(law, observations, reject, hypothesis=law.shifted(deviation), deviation=words, **options)


def each(samples: FloatArray, decide: Callable[[FloatArray], bool]) -> BoolArray:
    """Return the decision on every row."""
    return np.fromiter((decide(row) for row in samples), dtype=np.bool_, count=len(samples))
