from __future__ import annotations

import math
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from theory_check.foundation.errors import SpecificationError
from theory_check.inference import design
from theory_check.inference.betting import bounded_mean_evidence, bounded_mean_interval, nonnegative_mean_evidence
from theory_check.inference.catoni import mean_evidence, mean_sequence
from theory_check.inference.design import betting

# Chance that a correct plan fails a check here, for the fixed seeds as drawn once.
FALSE_ALARM = 1e-6
RUNS = 500


def generator(name):
    return np.random.Generator(np.random.Philox(key=zlib.crc32(name.encode())))


def assert_rate_at_least(rate, hits):
    assert len(hits) == RUNS
    assert sum(hits) >= stats.binom.ppf(FALSE_ALARM, RUNS, rate)


def assert_rate_below(rate, hits):
    assert sum(hits) < stats.binom.ppf(FALSE_ALARM, RUNS, rate)


# Laws on [0, 1] with their variance: the hardest for their mean, an easy one, one with atoms.
bounded = {
    "bernoulli": (lambda g, n, m: (g.random(n) < m) * 1.0, lambda m: m * (1.0 - m)),
    "beta": (lambda g, n, m: g.beta(4.0 * m, 4.0 * (1.0 - m), n), lambda m: m * (1.0 - m) / 5.0),
    "binomial": (lambda g, n, m: g.binomial(4, m, n) / 4.0, lambda m: m * (1.0 - m) / 4.0),
}


@pytest.mark.parametrize("law", bounded)
@pytest.mark.parametrize("truth", [0.1, 0.5])
def test_the_planned_sample_supports_a_bounded_mean(law, truth):
    draw, variance = bounded[law]
    alpha, miss, margin = 0.01, 0.2, 0.06
    size = design.bounded_mean_sample_size(truth, margin=margin, alpha=alpha, miss=miss, variance_bound=variance(truth))
    g = generator(f"support {law} {truth}")
    found = [bounded_mean_interval(draw(g, size, truth), alpha=alpha) for _ in range(RUNS)]
    assert_rate_at_least(1.0 - miss, [i.inside(truth - margin, truth + margin) for i in found])
    # The plan is not wasteful: an eighth of the sample does not do.
    few = [bounded_mean_interval(draw(g, size // 8, truth), alpha=alpha) for _ in range(RUNS)]
    assert_rate_below(1.0 - miss, [i.inside(truth - margin, truth + margin) for i in few])


@pytest.mark.parametrize("law", bounded)
@pytest.mark.parametrize("mean", [0.02, 0.3])
def test_the_resolution_of_a_bounded_mean_is_detected(law, mean):
    draw = bounded[law][0]
    alpha, power, size = 0.01, 0.9, 400
    deviation = design.bounded_mean_resolution(mean, observations=size, alpha=alpha, power=power)
    g = generator(f"detect {law} {mean}")
    for truth in (mean + deviation, max(mean - deviation, 0.0)):
        if truth == 0.0:
            continue  # a side with too little room promises nothing
        hits = [bounded_mean_evidence(draw(g, size, truth), mean).crossing(alpha) is not None for _ in range(RUNS)]
        assert_rate_at_least(power, hits)


def test_a_lognormal_excess_is_detected_as_planned():
    sigma, alpha, miss = 1.0, 0.01, 0.1
    bound, truth = 1.0, 1.5
    variance = truth**2 * math.expm1(sigma**2)
    size = design.nonnegative_mean_sample_size(bound, mean=truth, variance_bound=variance, alpha=alpha, miss=miss)
    g = generator("lognormal plan")
    hits = [
        nonnegative_mean_evidence(g.lognormal(math.log(truth) - sigma**2 / 2, sigma, size), bound).crossing(alpha)
        is not None
        for _ in range(RUNS)
    ]
    assert_rate_at_least(1.0 - miss, hits)
    excess = design.nonnegative_mean_resolution(
        bound, observations=size, variance_bound=variance, alpha=alpha, power=1.0 - miss
    )
    assert excess <= truth - bound


def test_the_hardest_law_of_a_given_mean_and_variance_is_the_one_of_the_plan():
    # Moments E f^-s over laws on a grid of 61 points with the same mean and variance, by linear programming.
    from scipy.optimize import linprog

    price, truth, variance, n = 1.0, 1.4, 0.9, 200
    points = np.linspace(0.0, 12.0, 61)
    found = betting._log_miss(price, truth, variance, n, 0.0)
    best = math.inf
    for c in betting.FRACTIONS[:6]:
        for s in betting._POWERS:
            worst = linprog(
                -((1.0 - c + c * points / price) ** -s),
                A_eq=[np.ones(61), points],
                b_eq=[1.0, truth],
                A_ub=[points**2],
                b_ub=[truth**2 + variance],
            )
            best = min(best, s * math.log(20.0) + n * math.log(-worst.fun))
    # The grid holds no point exactly at the worst place, so its bound is slightly smaller; solver tolerance 1e-7.
    assert best <= found + 1e-6
    assert best == pytest.approx(found, abs=0.05)


def test_the_planned_sequence_supports_and_resolves_a_mean():
    alpha, miss, variance = 0.01, 0.2, (math.e - 1.0) * math.e
    margin = 0.5 * math.sqrt(variance)
    size = design.mean_sequence_sample_size(variance_bound=variance, margin=margin, alpha=alpha, miss=miss)
    mean = math.exp(0.5)
    g = generator("sequence plan")
    samples = [g.lognormal(0.0, 1.0, size) for _ in range(RUNS)]
    found = [mean_sequence(values, variance_bound=variance, alpha=alpha, times=[size]).last for values in samples]
    assert_rate_at_least(1.0 - miss, [i.inside(mean - margin, mean + margin) for i in found])
    deviation = design.mean_sequence_resolution(variance_bound=variance, observations=size, alpha=alpha, power=0.9)
    for wrong in (mean - deviation, mean + deviation):
        hits = [
            mean_evidence(values, wrong, variance_bound=variance, alpha=alpha).crossing(alpha) is not None
            for values in samples
        ]
        assert_rate_at_least(0.9, hits)


def test_planning_the_number_of_observations_pays():
    arguments = {"variance_bound": 1.0, "alpha": 1e-3, "miss": 1e-2}
    for n in (300, 10**4, 10**6):
        planned = design.mean_margin(observations=n, **arguments)
        unplanned = design.mean_sequence_margin(observations=n, **arguments)
        assert planned < unplanned < 1.5 * planned


@given(st.floats(0.02, 0.98), st.integers(10, 10**6), st.floats(1e-6, 0.3), st.floats(1e-6, 0.3))
def test_margins_and_sample_sizes_invert_each_other(truth, n, alpha, miss):
    margin = design.bounded_mean_margin(truth, observations=n, alpha=alpha, miss=miss)
    if margin == math.inf or (truth - margin < 0.0 and truth + margin > 1.0):
        return
    size = design.bounded_mean_sample_size(truth, margin=margin, alpha=alpha, miss=miss)
    # Margins are found to 1e-13 of their range.
    assert size <= n
    # Free ends make the needed size jump where one leaves the unit interval; elsewhere one observation less fails.
    if truth - 1.001 * margin > 0.0 and truth + 1.001 * margin < 1.0 and n > 20:
        smaller = design.bounded_mean_sample_size(truth, margin=1.001 * margin, alpha=alpha, miss=miss)
        assert smaller <= size


@given(st.integers(20, 10**6), st.floats(1e-6, 0.3), st.floats(0.5, 0.999))
def test_resolutions_shrink_with_the_sample(n, alpha, power):
    def both(size):
        return (
            design.bounded_mean_resolution(0.3, observations=size, alpha=alpha, power=power),
            design.mean_sequence_resolution(variance_bound=2.0, observations=size, alpha=alpha, power=power),
            design.nonnegative_mean_resolution(2.0, observations=size, variance_bound=3.0, alpha=alpha, power=power),
        )

    for coarse, fine in zip(both(n), both(2 * n), strict=True):
        # Each is found to 1e-13 of its range, up to 4000.
        assert fine <= coarse + 1e-9


def test_units_do_not_matter():
    plain = design.bounded_mean_margin(0.3, observations=500, alpha=0.01, miss=0.1, variance_bound=0.1)
    moved = design.bounded_mean_margin(
        13.0, observations=500, alpha=0.01, miss=0.1, support=(10.0, 20.0), variance_bound=10.0
    )
    # One rounding in the conversion to the unit interval.
    assert moved == pytest.approx(10.0 * plain, rel=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: design.nonnegative_mean_sample_size(2.0, mean=1.0, variance_bound=1.0, alpha=0.1, miss=0.1),
            "mean must be larger than bound",
        ),
        (
            lambda: design.bounded_mean_sample_size(0.5, margin=0.6, alpha=0.1, miss=0.1),
            "nothing to check",
        ),
        (lambda: design.bounded_mean_sample_size(1.5, margin=0.1, alpha=0.1, miss=0.1), "strictly between 0 and 1"),
        (
            lambda: design.bounded_mean_margin(0.5, observations=10, alpha=0.1, miss=0.1, support=(1.0, 0.0)),
            "support must be a pair with lower <= upper",
        ),
        (
            lambda: design.mean_sequence_margin(variance_bound=-1.0, observations=10, alpha=0.1, miss=0.1),
            "variance_bound must be positive",
        ),
    ],
)
def test_wrong_input_is_one_line_that_teaches(call, message):
    with pytest.raises(SpecificationError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("exponent", [-530, -100, 100, 500])
def test_the_margin_of_a_sequence_has_the_unit_of_the_values(exponent):
    plan = {"observations": 10**6, "alpha": 0.05, "miss": 0.01}
    # Powers of two and their squares change no digit.
    scaled = design.mean_sequence_margin(variance_bound=0.75 * 4.0**exponent, **plan)
    assert scaled == 2.0**exponent * design.mean_sequence_margin(variance_bound=0.75, **plan)


def test_a_bound_that_no_mean_can_pass_has_no_resolution():
    assert design.nonnegative_mean_resolution(1.7e308, observations=10, variance_bound=0.99, alpha=0.99) == math.inf
