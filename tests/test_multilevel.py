from __future__ import annotations

import math
import zlib
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import optimize, stats

from theory_check.errors import SpecificationError
from theory_check.euler_maruyama import EulerMaruyama
from theory_check.kernels import LANES
from theory_check.multilevel import LevelSampler, allocate, brownian_levels, multilevel_estimate
from theory_check.networks import Branch, Network, Scaling
from theory_check.runner import run_cells
from theory_check.theory.coupled_moments import coupled_moments
from theory_check.theory.limits import lognormal_limit
from theory_check.theory.multiplier import Multiplier

WIDTH = 16
COARSEST = Network(Branch("linear"), WIDTH, 2, Scaling.power(0.5))


def noise(name, level, first, count):
    """Standard normal numbers that depend on their place alone."""
    drawn = np.random.Generator(np.random.Philox(key=zlib.crc32(f"{name} {level}".encode()))).standard_normal(4000)
    return drawn[first : first + count]


def toy(name="toy", levels=5, bias=0.25):
    """f_l = 3 + X - bias 2^-l + 2^(-l/2) Y of standard normal X, Y: variances 2^-l to scale, weak order 1."""

    def draw(level, first, count):
        common = 3.0 + noise(name, level, first, count)
        split = noise(name, level + 100, first, count) * 2.0 ** (-level / 2)
        fine = common - bias * 2.0**-level + split
        return fine, common - bias * 2.0 ** (1 - level) if level else np.zeros(count)

    return LevelSampler(draw, tuple(2.0**level for level in range(levels)), 2.0 ** (levels - 1))


@pytest.mark.parametrize("eps", [0.1, 0.003])
def test_the_allocation_is_the_cheapest(eps):
    variances, costs = [2.0, 0.3, 0.1], [1.0, 3.0, 8.0]
    sizes = np.array(allocate(variances, costs, eps))
    cheapest = optimize.minimize(
        lambda logs: np.log(np.exp(logs) @ costs),
        np.log(sizes) + np.array([0.3, -0.3, 0.2]),
        constraints={"type": "eq", "fun": lambda logs: np.log(np.sum(variances / np.exp(logs)) / eps**2)},
    )
    # Sizes are rounded up by less than one.
    assert np.all(sizes - np.exp(cheapest.x) < 1 + 1e-3 * sizes)
    assert np.all(np.exp(cheapest.x) - sizes < 1e-3 * sizes)
    assert np.sum(variances / sizes) <= eps**2
    assert allocate([1e-9, 1.0], [1.0, 1.0], 1.0) == (2, 2)


def test_the_estimate_is_made_of_its_levels():
    sampler, pilot = toy(), 100
    result = multilevel_estimate(sampler, standard_error=0.1, alpha=0.01, pilot=pilot)
    known = [np.var(np.subtract(*sampler.draw(level, 0, pilot)), ddof=1) for level in range(5)]
    sizes = allocate(known, sampler.costs, 0.1)
    values = [np.subtract(*sampler.draw(level, pilot, size)) for level, size in enumerate(sizes)]
    assert [level.replicates for level in result.levels] == list(sizes)
    assert result.estimate == pytest.approx(sum(v.mean() for v in values))
    assert result.standard_error == pytest.approx(math.sqrt(sum(v.var(ddof=1) / v.size for v in values)))
    radius = stats.norm.isf(0.0025) * result.standard_error
    assert result.statistical.upper == pytest.approx(result.estimate + radius)
    assert result.statistical.lower == pytest.approx(result.estimate - radius)
    assert "asymptotic" in result.statistical.method
    # The last level takes its share of half of alpha.
    last = abs(values[-1].mean()) + stats.norm.isf(0.0005) * math.sqrt(values[-1].var(ddof=1) / sizes[-1])
    assert result.bias == pytest.approx(last)
    assert result.interval.upper == pytest.approx(result.statistical.upper + result.bias)
    assert (result.interval.level, result.statistical.level) == (0.01, 0.005)
    assert result.cost == pytest.approx(sum(c * (n + pilot) for c, n in zip(sampler.costs, sizes, strict=True)))
    plain = np.var(sampler.draw(4, pilot, sizes[-1])[0], ddof=1) / result.standard_error**2 * sampler.plain_cost
    assert result.plain_cost == pytest.approx(plain)
    assert result.saving == pytest.approx(plain / result.cost)


def test_a_higher_weak_order_leaves_less_bias():
    first, second = (multilevel_estimate(toy(), standard_error=0.1, alpha=0.01, weak_order=w) for w in (1, 2))
    assert second.bias == pytest.approx(first.bias / 3)


def test_proved_variances_keep_their_level():
    bounds = [2.0, *(2.0**-level for level in range(1, 5))]
    alpha, missed, asymptotic = 0.1, [], []
    for repetition in range(200):
        sampler = toy(f"repetition {repetition}")
        result = multilevel_estimate(sampler, standard_error=0.2, alpha=alpha, variance_bounds=bounds)
        assert result.statistical.method == "Catoni, summed over levels"
        # Levels have at least four times the values at which Catoni's interval is finite: half widths of about the
        # root of a third of each variance at most, together 1.9.
        assert result.statistical.upper - result.statistical.lower < 5.0
        missed.append(not result.interval.contains(3.0))
        asymptotic.append(not multilevel_estimate(sampler, standard_error=0.2, alpha=alpha).interval.contains(3.0))
    # The count is below this quantile with probability 1 - 1e-6 even if the level is attained.
    for hits in (missed, asymptotic):
        assert sum(hits) <= stats.binom.isf(1e-6, len(hits), alpha)


def test_what_is_refused():
    with pytest.raises(SpecificationError, match="two levels or more"):
        LevelSampler(toy().draw, (1.0,), 1.0)
    with pytest.raises(SpecificationError, match="got 2 variance bounds for 5 levels"):
        multilevel_estimate(toy(), standard_error=0.1, alpha=0.1, variance_bounds=[1.0, 1.0])
    with pytest.raises(SpecificationError, match="number of levels"):
        brownian_levels(COARSEST, 1, log_ratio, seed=1)


def log_ratio(columns):
    return columns["log_norm_ratio"]


def test_levels_of_networks():
    sampler = brownian_levels(COARSEST, 3, log_ratio, seed=9, threads=2)
    for level, depth in ((1, 2), (2, 4)):
        pair = EulerMaruyama(network=replace(COARSEST, depth=depth), doublings=1, replicates=3 * LANES)
        expected = run_cells([pair], 9)[pair].values["log_norm_ratio"]
        fine, coarse = sampler.draw(level, 50, 70)
        np.testing.assert_array_equal(fine, expected[50:120, 1])
        np.testing.assert_array_equal(coarse, expected[50:120, 0])
    fine, coarse = sampler.draw(0, 0, 5)
    single = EulerMaruyama(network=COARSEST, doublings=0, replicates=5)
    np.testing.assert_array_equal(fine, run_cells([single], 9)[single].values["log_norm_ratio"][:, 0])
    assert not coarse.any()
    # The calls at both ends cost each level the same; what depends on depth at most doubles, but for rounding.
    for shallow, deep in pairwise(sampler.costs):
        assert shallow < deep <= 2.0 * shallow + 1.0
    assert sampler.plain_cost < sampler.costs[-1]


@pytest.mark.statistical
def test_the_mean_norm_ratio_in_the_limit_is_e(evidence):
    """Proved variances: E R^(J) = (1 + 1/L_J)^L_J, and e with the bias."""
    depths = [2 << level for level in range(7)]
    bounds = [coupled_moments(WIDTH, 2, 2).coarse_norm_ratio[1]]
    bounds += [coupled_moments(WIDTH, depth, 2 * depth).norm_ratio_difference[1] for depth in depths[:-1]]
    sampler = brownian_levels(COARSEST, 7, lambda c: np.exp(c["log_norm_ratio"]), seed=evidence.seed)
    result = multilevel_estimate(sampler, standard_error=0.01, alpha=evidence.level / 2, variance_bounds=bounds)
    finest = (1 + 1 / depths[-1]) ** depths[-1]
    evidence.admits(result.statistical, target=(finest, finest))
    evidence.admits(result.interval, target=(math.e, math.e))
    # Neither the coarsest network nor the limit of another branch: E R = 9/4 at depth 2, sqrt e for res-3.
    for wrong in (2.25, math.exp(0.5)):
        evidence.refutes(result.interval, target=(wrong, wrong), exact=True)


@pytest.mark.statistical
def test_limits_of_the_log_ratio(evidence):
    """E log R = 1 - 2/d and, by the normal limit, E cos(log R) = e^(-2/d) cos(1 - 2/d); intervals are asymptotic."""
    # The limit; without Ito's correction; of res-3, which has half its drift and variance.
    limit, *wrong = [(1 - 2 / WIDTH, 4 / WIDTH), (1.0, 4 / WIDTH), (0.5 - 1 / WIDTH, 2 / WIDTH)]
    law = lognormal_limit(Multiplier(WIDTH))
    assert (law.mean, law.variance) == limit
    cases = [
        (log_ratio, lambda mean, _: mean),
        (lambda columns: np.cos(log_ratio(columns)), lambda mean, variance: math.exp(-variance / 2) * math.cos(mean)),
    ]
    for observable, expectation in cases:
        sampler = brownian_levels(COARSEST, 6, observable, seed=evidence.seed)
        result = multilevel_estimate(sampler, standard_error=0.004, alpha=evidence.level / 2)
        truth = expectation(*limit)
        evidence.admits(result.interval, target=(truth, truth))
        for law in wrong:
            value = expectation(*law)
            evidence.refutes(result.interval, target=(value, value), exact=True)
        # A third of the accuracy wanted is lost at most: the pilot's variances are within a factor of 2.
        assert result.standard_error < 1.5 * 0.004


def test_the_saving_grows_with_the_depth():
    """Equal standard errors of the finest level: the more levels, the larger the part of the work on coarse ones."""
    savings = []
    for levels in (3, 6, 9):
        sampler = brownian_levels(COARSEST, levels, log_ratio, seed=4)
        savings.append(multilevel_estimate(sampler, standard_error=0.01, alpha=1e-3, pilot=128).saving)
    assert savings[0] < savings[1] < savings[2]
    # Variances V_l = V/L_l, with V about 0.24 against a variance of 4/d = 0.25 of a plain value, costs C L_l: the work
    # of nine levels is (sqrt(0.15 x 2) + 8 sqrt(0.24 x 1.1))^2 = 22 against 0.25 x 512 = 128, less the pilots.
    assert savings[2] > 3
