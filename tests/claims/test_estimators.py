"""The evidence of every estimator, for values with a known quantity: rarely large at the edge of a true null."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from theory_check.claims import (
    Distance,
    LogNormal,
    Mean,
    Normal,
    Order,
    Probability,
    Quantile,
    Slope,
    Spread,
    check,
)
from theory_check.experiments.spelling import network
from theory_check.foundation.laws import Tilted
from theory_check.inference.rates import slope_variance
from theory_check.inference.verdicts import judge

SIZE = 400
DEPTHS = (10, 100, 1000)
NORMAL = Normal(0.0, 1.0)


def values_of(samples):
    return samples[0]


# Estimator, true value, and a draw of the values of one night: one array for each experiment.
kinds = {
    "mean": (Mean(values_of, 1.0), 0.3, lambda g: [0.3 + g.standard_normal(SIZE)]),
    "proportion": (Probability(values_of), 0.3, lambda g: [(g.random(SIZE) < 0.3) * 1.0]),
    "quantile": (
        Quantile(values_of, 0.75, NORMAL),
        float(stats.norm.ppf(0.75)),
        lambda g: [g.standard_normal(SIZE)],
    ),
    "spread": (
        Spread(values_of, (0.25, 0.75), NORMAL),
        2.0 * float(stats.norm.ppf(0.75)),
        lambda g: [g.standard_normal(SIZE)],
    ),
    # Tilted by 0.1, a law is at that distance.
    "distance": (
        Distance(values_of, NORMAL),
        0.1,
        lambda g: [Tilted(NORMAL, 0.1).quantile(g.random(SIZE))],
    ),
    "no distance": (Distance(values_of, NORMAL), 0.0, lambda g: [g.standard_normal(SIZE)]),
    "slope": (
        Slope(values_of, DEPTHS, tuple(LogNormal(Normal(0.5 * math.log(depth), 0.04)) for depth in DEPTHS)),
        0.5,
        lambda g: [np.exp(0.2 * g.standard_normal(SIZE)) * math.sqrt(depth) for depth in DEPTHS],
    ),
    # Errors depth^(-1/2), of a fifth of their mean as deviation.
    "rate": (
        Order(values_of, DEPTHS, tuple(d**-0.5 for d in DEPTHS), tuple(0.04 / d for d in DEPTHS)),
        -0.5,
        lambda g: [(1.0 + 0.2 * g.standard_normal((SIZE, 1))) * np.array(DEPTHS) ** -0.5],
    ),
}


def nights(kind, runs):
    g = np.random.Generator(np.random.Philox(key=zlib.crc32(kind.encode())))
    return [kinds[kind][2](g) for _ in range(runs)]


@pytest.mark.parametrize("kind", kinds)
def test_a_true_null_has_little_evidence_against_it_and_a_wrong_one_much(kind):
    estimator, truth, _ = kinds[kind]
    level, runs = 0.05, 150
    samples = nights(kind, runs)
    nulls = [(truth, truth), (truth, truth + 1.0), (-math.inf, truth), (truth, math.inf)]
    # 1e-6 is the chance that a valid e-value fails here.
    most = stats.binom.isf(1e-6, runs, level)
    for null in nulls:
        large = [estimator.log_evidence(sample, null, level) >= -math.log(level) for sample in samples]
        assert sum(large) <= most, null
    # Intervals at level 1e-5 exclude a null this far away with probability 99%; 1e-5 is worth more than 20.
    deviation = estimator.resolution((truth, truth), SIZE, 1e-5)
    far = (truth + deviation, truth + 2.0 * deviation)
    large = [estimator.log_evidence(sample, far, level) >= -math.log(level) for sample in samples]
    assert sum(large) > 0.9 * runs


@pytest.mark.parametrize("gain", [0.2, 3.0])
@pytest.mark.parametrize("kind", kinds)
def test_evidence_on_either_side_is_rarely_large_at_the_truth_and_large_far_away(kind, gain):
    estimator, truth, _ = kinds[kind]
    level, runs = 0.05, 150
    deviation = estimator.resolution((truth, truth), SIZE, 1e-5)
    grid = np.array([truth - deviation, truth, truth + deviation])
    found = np.array([estimator.sided_evidence(sample, grid, gain) for sample in nights(kind, runs)])
    assert found.shape == (runs, 2, 3)
    most = stats.binom.isf(1e-6, runs, level)
    below, above = found[:, 0], found[:, 1]
    # "At most x" is true at the truth and beyond, "at least x" at the truth and before.
    for true in (below[:, 1], below[:, 2], above[:, 0], above[:, 1]):
        assert (true >= -math.log(level)).sum() <= most
    # False statements, off by what one night resolves, gain evidence on average.
    assert above[:, 2].mean() > 0.2
    assert truth - deviation < estimator.bounds[0] or below[:, 0].mean() > 0.2


@pytest.mark.parametrize("kind", kinds)
def test_evidence_agrees_with_the_interval(kind):
    estimator, truth, _ = kinds[kind]
    level = 1e-3
    for sample in nights(kind, 5):
        interval = estimator.interval(sample, level)
        # Within the interval no e-value reaches 1/level: each is a test that the interval inverts, or a weaker one.
        inside = (interval.lower, interval.upper)
        assert estimator.log_evidence(sample, inside, level) < -math.log(level)
        assert estimator.bounds[0] <= truth <= estimator.bounds[1]


def test_the_evidence_of_a_sample_does_not_depend_on_its_order():
    for kind, (estimator, truth, _) in kinds.items():
        sample = nights(kind, 1)[0]
        turned = [column[::-1].copy() for column in sample]
        null = (truth + 0.1, truth + 0.2)
        # Sums in another order.
        first, second = (estimator.log_evidence(s, null, 0.01) for s in (sample, turned))
        assert first == pytest.approx(second, abs=1e-10)


@pytest.mark.parametrize("degrees", [1.0, 5.0])
def test_the_planned_variance_is_that_of_independent_chi_square_errors(degrees):
    g = np.random.Generator(np.random.Philox(11))
    runs, depths = 40000, (8, 16, 32, 64)
    squares = stats.chi2.rvs(degrees, size=(runs, 4), random_state=g)
    slopes = np.polyfit(np.log(depths), 0.5 * np.log(squares).T, 1)[0]
    # Relative standard error of a variance: sqrt((kurtosis - 1)/runs), with a kurtosis of at most 9, that of one
    # logarithm of chi-square of one degree being 7; five of them.
    assert np.var(slopes) == pytest.approx(slope_variance(depths, degrees), rel=5.0 * math.sqrt(8.0 / runs))


@dataclass(frozen=True)
class Poisson:
    """A law with atoms."""

    mean: float

    def cdf(self, x):
        return stats.poisson(self.mean).cdf(x)

    def quantile(self, p):
        return stats.poisson(self.mean).ppf(p)


def test_a_true_claim_on_a_law_with_atoms_is_supported_and_its_variants_are_refuted():
    """Planned by its margin: a true law is supported, tilted ones and another mean are refuted."""
    margin, alpha, miss = 0.05, 1e-5, 1e-6
    claimed = check("count", network(width=2, depth=1), "law", Distance(values_of, Poisson(3.0)), margin=margin)
    replicates = claimed.estimator.replicates((0.0, 0.0), margin, alpha, miss)
    values = stats.poisson(3.0).rvs(size=replicates, random_state=np.random.default_rng(3)).astype(float)
    verdict = judge(claimed.estimator.interval([values], alpha), target=(0.0, 0.0), margin=margin, exact=True)
    assert verdict == "supported"
    wrong = (*(variant.estimator for variant in claimed.displaced), Distance(values_of, Poisson(3.6)))
    for estimator in wrong:
        assert judge(estimator.interval([values], alpha), target=(0.0, 0.0), margin=margin, exact=True) == "refuted"
        assert estimator.log_evidence([values], (0.0, 0.0), alpha) > math.log(1.0 / alpha)
    assert claimed.estimator.log_evidence([values], (0.0, 0.0), alpha) < 0.0
