"""Hypotheses of a judgement that its own samples contradict: independence of replicates, and stated variance bounds.

A level holds under these hypotheses. Where a sample contradicts one, the point has the verdict ``inapplicable``,
whatever its interval says. All tests of a look share a hundredth of the level of the look: a sample that obeys the
hypotheses is called inapplicable with that probability at most, which costs no power.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from theory_check.claims.estimators import Estimator
from theory_check.experiments.cell import Cell
from theory_check.experiments.experiment import Sample
from theory_check.foundation.arrays import FloatArray
from theory_check.inference.dependence import concordance_test, neighbour_test, repetitions

#: Part of the level that the tests of hypotheses take.
SHARE = 0.01

#: Of so few pairs none could be told dependent at the levels in question: 2/C(24, 12) is 7e-7.
_FEWEST_PAIRS = 24

#: A displacement that did not happen has the logarithm -infinity.
_LARGEST = 1e300

#: Repetitions by rounding: n^2/2 pairs of values that agree in 40 bits are fewer up to 10^6 replicates.
_FEWEST_REPETITIONS = 8


def violation(estimator: Estimator, samples: Sequence[Sample[Any]], level: float, *, believed: bool) -> str:
    """Return which hypothesis the samples contradict, in a few words; nothing if they contradict none.

    Parameters
    ----------
    estimator : Estimator
    samples : sequence of Sample
    level : float
        Of the look.
    believed : bool
        Whether the hypotheses of the estimator are somebody's belief, to be tested too; those of the catalogue are
        proven.

    Returns
    -------
    str
    """
    distinct = list({sample.experiment.identity: sample for sample in samples if sample.values}.values())
    tests = list(_dependence(distinct))
    share = SHARE * level / (len(tests) + 1)
    for what, p_value in tests:
        if p_value <= share:
            return f"{what} (p = {p_value:.1g})"
    for sample in distinct:
        repeated = repetitions(_looked_at(sample)) if _is_continuous(sample) else 0
        if repeated >= _FEWEST_REPETITIONS:
            return f"{repeated} of {sample.replicates} replicates repeat another one"
    return estimator.violated(samples, share) if believed else ""


def _dependence(samples: Sequence[Sample[Any]]) -> Iterator[tuple[str, float]]:
    for sample in samples:
        values = _finite(sample)
        for distance in sorted({1, sample.experiment.block_size}):
            if values.size // (2 * distance) * distance >= _FEWEST_PAIRS:
                found = neighbour_test(values, distance)
                yield f"replicates {distance} apart depend on each other", found.p_value
    for first, second in combinations(samples, 2):
        if first.replicates == second.replicates >= _FEWEST_PAIRS:
            found = concordance_test(_finite(first), _finite(second))
            yield "experiments depend on each other", found.p_value


def _looked_at(sample: Sample[Any]) -> FloatArray:
    """Return one number per replicate: of the norm ratio if there is one, else of the first column; none without."""
    if not sample.values:
        return np.empty(0)
    column = sample.values.get("log_norm_ratio", next(iter(sample.values.values())))
    return np.asarray(column, dtype=np.float64).reshape(len(column), -1)[:, 0]


def _finite(sample: Sample[Any]) -> FloatArray:
    return np.clip(np.nan_to_num(_looked_at(sample)), -_LARGEST, _LARGEST)


def _is_continuous(sample: Sample[Any]) -> bool:
    """Tell whether the values are norm ratios with a density but for an atom at 1: those of normal weights."""
    experiment = sample.experiment
    return "log_norm_ratio" in sample.values and isinstance(experiment, Cell) and experiment.weights.definition.gaussian
