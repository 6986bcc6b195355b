"""Simulated error rates: false rejections of true values at most the level, support and detection as planned."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from simulated_rates import assert_rate_at_least, assert_rate_at_most, generator

from theory_check.inference import design
from theory_check.inference.intervals import (
    kolmogorov_interval,
    mean_interval,
    proportion_interval,
    quantile_interval,
    quantile_spread_interval,
)

# Laws with a finite variance: sampler, mean, variance, law. Pareto with index 2.5 has no third moment; the rare law
# is 0 but for one value in 200, the kind of law for which normal intervals fail.
laws = {
    "lognormal": (lambda g, n: g.lognormal(0, 1, n), math.exp(0.5), (math.e - 1) * math.e, stats.lognorm(1)),
    "bernoulli": (lambda g, n: (g.random(n) < 0.1) * 1.0, 0.1, 0.09, stats.bernoulli(0.1)),
    "uniform": (lambda g, n: g.random(n), 0.5, 1 / 12, stats.uniform()),
    "pareto": (lambda g, n: 1 + g.pareto(2.5, n), 5 / 3, 2.5 / (1.5**2 * 0.5), stats.pareto(2.5)),
    "rare": (lambda g, n: (g.random(n) < 0.005) * 200.0, 1.0, 199.0, stats.bernoulli(0.005)),
}
continuous = ["lognormal", "uniform", "pareto"]


def quantile_of(law, p):
    # scipy's Bernoulli is the rare law up to its scale.
    return float(laws[law][3].ppf(p)) * (200.0 if law == "rare" else 1.0)


@pytest.mark.parametrize("law", laws)
@pytest.mark.parametrize("size", [30, 300])
def test_a_true_mean_is_rarely_missed(law, size):
    draw, mean, variance, _ = laws[law]
    g = generator(f"mean {law} {size}")
    missed = [not mean_interval(draw(g, size), variance_bound=variance, alpha=0.1).contains(mean) for _ in range(1000)]
    assert_rate_at_most(0.1, missed)


@pytest.mark.parametrize("law", laws)
def test_the_planned_sample_supports_and_resolves_a_mean(law):
    draw, mean, variance, _ = laws[law]
    alpha, miss = 0.01, 0.2
    g = generator(f"mean plan {law}")
    margin = 0.3 * math.sqrt(variance)
    size = design.mean_sample_size(variance_bound=variance, margin=margin, alpha=alpha, miss=miss)
    deviation = design.mean_resolution(variance_bound=variance, observations=size, alpha=alpha, power=0.9)
    found = [mean_interval(draw(g, size), variance_bound=variance, alpha=alpha) for _ in range(1000)]
    assert_rate_at_least(1 - miss, [i.inside(mean - margin, mean + margin) for i in found])
    assert_rate_at_least(0.9, [i.lower > mean - deviation for i in found])
    assert_rate_at_least(0.9, [i.upper < mean + deviation for i in found])


def test_the_plan_for_a_mean_is_not_wasteful():
    draw, mean, variance, _ = laws["uniform"]
    alpha, miss, size = 0.01, 0.2, 2000
    g = generator("mean waste")
    margin = design.mean_margin(variance_bound=variance, observations=size, alpha=alpha, miss=miss)
    half = 0.5 * margin
    found = [mean_interval(draw(g, size), variance_bound=variance, alpha=alpha) for _ in range(200)]
    # Even the half width alone exceeds half of the planned margin.
    assert not any(i.inside(mean - half, mean + half) for i in found)


@pytest.mark.parametrize("law", laws)
@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9, 0.95])
def test_a_true_quantile_is_rarely_missed(law, probability):
    draw = laws[law][0]
    truth = quantile_of(law, probability)
    g = generator(f"quantile {law} {probability}")
    missed = [not quantile_interval(draw(g, 60), probability, alpha=0.1).contains(truth) for _ in range(1000)]
    # scipy puts the 0.9-quantile of a law with P(0) = 0.9 at 0; every value in [0, 1] is one, and all are covered.
    assert_rate_at_most(0.1, missed)


@pytest.mark.parametrize("law", laws)
def test_a_true_spread_is_rarely_missed(law):
    draw = laws[law][0]
    truth = quantile_of(law, 0.75) - quantile_of(law, 0.25)
    g = generator(f"spread {law}")
    missed = [not quantile_spread_interval(draw(g, 80), 0.25, 0.75, alpha=0.1).contains(truth) for _ in range(1000)]
    assert_rate_at_most(0.1, missed)


@pytest.mark.parametrize("law", continuous)
@pytest.mark.parametrize("probability", [0.25, 0.5])
def test_the_planned_sample_supports_and_resolves_a_quantile(law, probability):
    draw, known = laws[law][0], laws[law][3]
    alpha, miss = 0.01, 0.2
    q = quantile_of(law, probability)
    # About a tenth of the probability on each side of the quantile.
    margin = 0.1 / known.pdf(q)
    size = design.quantile_sample_size(
        probability, cdf_low=known.cdf(q - margin), cdf_high=known.cdf(q + margin), alpha=alpha, miss=miss
    )
    low, high = design.quantile_resolution(probability, observations=size, alpha=alpha, power=0.9)
    g = generator(f"quantile plan {law} {probability}")
    found = [quantile_interval(draw(g, size), probability, alpha=alpha) for _ in range(1000)]
    assert_rate_at_least(1 - miss, [i.inside(q - margin, q + margin) for i in found])
    assert_rate_at_least(0.9, [i.lower > known.ppf(low) for i in found])
    assert_rate_at_least(0.9, [i.upper < known.ppf(high) for i in found])


@pytest.mark.parametrize("law", continuous)
def test_the_planned_sample_supports_and_resolves_a_spread(law):
    draw, known = laws[law][0], laws[law][3]
    alpha, miss, size = 0.01, 0.2, 600
    q_low, q_high = quantile_of(law, 0.25), quantile_of(law, 0.75)
    spread = q_high - q_low
    (a, b), (c, d) = design.quantile_spread_margin(0.25, 0.75, observations=size, alpha=alpha, miss=miss)
    wider, narrower = known.ppf(d) - known.ppf(a) - spread, spread - known.ppf(c) + known.ppf(b)
    g = generator(f"spread plan {law}")
    found = [quantile_spread_interval(draw(g, size), 0.25, 0.75, alpha=alpha) for _ in range(500)]
    assert_rate_at_least(1 - miss, [i.inside(spread - narrower, spread + wider) for i in found])
    (a, b), (c, d) = design.quantile_spread_resolution(0.25, 0.75, observations=size, alpha=alpha, power=0.9)
    assert_rate_at_least(0.9, [i.lower > known.ppf(c) - known.ppf(b) for i in found])
    assert_rate_at_least(0.9, [i.upper < known.ppf(d) - known.ppf(a) for i in found])


@pytest.mark.parametrize("truth", [0.002, 0.1, 0.5, 0.97])
def test_a_true_proportion_is_rarely_missed(truth):
    counts = generator(f"proportion {truth}").binomial(150, truth, 2000)
    missed = [not proportion_interval(int(k), 150, alpha=0.1).contains(truth) for k in counts]
    assert_rate_at_most(0.1, missed)


@pytest.mark.parametrize("law", continuous)
def test_a_true_law_is_rarely_missed_and_supported_as_planned(law):
    draw, known = laws[law][0], laws[law][3]
    alpha, miss, margin = 0.1, 0.2, 0.15
    size = design.kolmogorov_sample_size(margin=margin, alpha=alpha, miss=miss)
    g = generator(f"law {law}")
    found = [kolmogorov_interval(draw(g, size), known.cdf, alpha=alpha) for _ in range(600)]
    assert_rate_at_most(alpha, [not i.contains(0.0) for i in found])
    # For a continuous law the level is exact, not only an upper bound.
    assert_rate_at_least(alpha, [not i.contains(0.0) for i in found])
    assert_rate_at_least(1 - miss, [i.inside(0.0, margin) for i in found])


def test_a_known_distance_is_rarely_missed():
    # x - x^2 is largest at 1/2: squares of uniform numbers are 1/4 away from uniform.
    g = generator("distance squares")
    found = [kolmogorov_interval(g.random(100) ** 2, lambda x: x, alpha=0.1) for _ in range(1000)]
    assert_rate_at_most(0.1, [not i.contains(0.25) for i in found])


def test_the_distance_of_a_law_with_atoms_is_rarely_missed():
    # Rounded down to eighths: F jumps to 1/8 at 0, where the uniform law has 0.
    g = generator("distance atoms")
    found = [kolmogorov_interval(np.floor(8 * g.random(100)) / 8, lambda x: x, alpha=0.1) for _ in range(1000)]
    assert_rate_at_most(0.1, [not i.contains(0.125) for i in found])


@pytest.mark.parametrize("size", [50, 500])
def test_the_resolution_of_a_distance_is_detected(size):
    alpha = 0.01
    deviation = design.kolmogorov_resolution(observations=size, alpha=alpha, power=0.9)
    g = generator(f"distance power {size}")
    # The hardest case: laws that differ mainly at one point, where the variance of F_n is largest. The mass of the
    # uniform law just above it is moved onto it, so that F exceeds x by the deviation there and F = 1/2.
    point = 0.5 - deviation

    def draw():
        values = g.random(size)
        values[(values > point) & (values <= 0.5)] = point
        return values

    found = [kolmogorov_interval(draw(), lambda x: x, alpha=alpha) for _ in range(1000)]
    assert_rate_at_least(0.9, [i.lower > 0.0 for i in found])
