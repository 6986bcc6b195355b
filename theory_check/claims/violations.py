"""Hypotheses of a judgement that samples contradict: independent replicates, variance bounds, what added laws state.

A level holds under these hypotheses, and a theorem under those of the laws of its weights. Where a sample contradicts
one, the point has the verdict ``inapplicable``, whatever its interval says. All tests of a look share a hundredth of
the level of the look: a sample that obeys the hypotheses is called inapplicable with that probability at most, which
costs no power. A variance bound that is believed, not proven, is tested at 1e-5: to doubt a right bound once in a
hundred thousand looks is better than to refute a theorem by a wrong one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np

from theory_check.claims.estimators import Estimator, Mean
from theory_check.experiments.cell import Cell
from theory_check.experiments.experiment import Sample
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.streams import stream_key
from theory_check.inference.betting import nonnegative_mean_evidence
from theory_check.inference.dependence import concordance_test, neighbour_test, repetitions
from theory_check.inference.symmetry import symmetry_test
from theory_check.networks.weight_laws import Transform, WeightLaw
from theory_check.networks.weights import WEIGHTS

#: Part of the level that the tests of hypotheses take.
SHARE = 0.01

#: Level, at least, at which a look tests a believed variance bound. That of a look is so small that a bound twenty
#: times too low would pass the first look of a small plan, and refute a true statement.
_BELIEF = 1e-5

#: Of so few pairs none could be told dependent at the levels in question: 2/C(24, 12) is 7e-7.
_FEWEST_PAIRS = 24

#: A displacement that did not happen has the logarithm -infinity.
_LARGEST = 1e300

#: Entries of an added law that are looked at: a variance larger by a tenth is seen at level 1e-12.
_ENTRIES = 2**14

#: Squares of entries are numbers, and the bound of a law of entries that are all 0 is positive.
_LARGEST_ENTRY, _LEAST_VARIANCE = 1e150, 1e-12

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
    if believed and isinstance(estimator, Mean) and (heavy := _without_variance(estimator, distinct)):
        return heavy
    tests = [*_dependence(distinct), *(_added_laws(distinct) if believed else ())]
    share = SHARE * level / (len(tests) + 1)
    for what, p_value in tests:
        if p_value <= share:
            return f"{what} (p = {p_value:.1g})"
    for sample in distinct:
        repeated = repetitions(_looked_at(sample)) if _is_continuous(sample) else 0
        if repeated >= _FEWEST_REPETITIONS:
            return f"{repeated} of {sample.replicates} replicates repeat another one"
    return estimator.violated(samples, max(share, _BELIEF)) if believed else ""


def _without_variance(estimator: Mean, samples: Sequence[Sample[Any]]) -> str:
    """Return that values have no variance where the moments of the weights say so; samples do not show it reliably.

    Squared norms are sums of products of two entries of each layer. If the kurtosis of the entries is infinite so is
    the mean of R^2, and if their variance is, the mean of R: then f(R), which grows as R^g, has no variance for g from
    1, or from 1/2, on. The power g is that of the values of the same sample with R larger by e^100.
    """
    for sample in samples:
        if not isinstance(sample.experiment, Cell) or math.isfinite(sample.experiment.weights.kurtosis):
            continue
        raised = {
            name: column + (50.0 if "displacement" in name else 100.0) if name.startswith("log_") else column
            for name, column in sample.values.items()
        }
        larger = [replace(other, values=raised) if other is sample else other for other in samples]
        with np.errstate(all="ignore"):
            before, after = (float(np.max(np.abs(estimator.observable(part)))) for part in (samples, larger))
            power = math.log(after / before) / 100.0 if 0.0 < before < after else 0.0
        if power > (0.9 if math.isfinite(sample.experiment.weights.entry_variance) else 0.4):
            return f"{sample.experiment.weights} weights have entries of infinite kurtosis: the values have no variance"
    return ""


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


def _added_laws(samples: Sequence[Sample[Any]]) -> Iterator[tuple[str, float]]:
    """Test what an added law says of its entries at these parameters, on entries drawn for this purpose alone."""
    cells = [(sample.experiment.weights, sample.seed) for sample in samples if isinstance(sample.experiment, Cell)]
    for weights, seed in dict.fromkeys(cells):
        law = weights.definition
        if not isinstance(law, WeightLaw) or law.transform is None or WEIGHTS.identity(law.name) is None:
            continue
        entries = _entries(law.transform, tuple(weights.constants.tolist()), *stream_key(seed, f"entries of {weights}"))
        if weights.is_symmetric:
            yield f"{weights} weights are not symmetric", symmetry_test(entries).p_value
        variance = weights.entry_variance / weights.gain
        if math.isfinite(variance):
            found = nonnegative_mean_evidence(entries**2, max(variance, _LEAST_VARIANCE))
            yield f"{weights} weights have a variance above {variance:.4g}", found.p_value


@lru_cache(maxsize=8)
def _entries(transform: Transform, constants: tuple[float, ...], *key: int) -> FloatArray:
    numbers = np.random.Generator(np.random.Philox(key=np.array(key, np.uint64))).random((_ENTRIES, 2))
    drawn = np.array([float(transform(1.0 - u, 1.0 - v, constants)) for u, v in numbers.tolist()])
    return np.asarray(np.clip(np.nan_to_num(drawn), -_LARGEST_ENTRY, _LARGEST_ENTRY))


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
