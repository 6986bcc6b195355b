from __future__ import annotations

import itertools
import math
import zlib
from dataclasses import astuple

import numpy as np
import pytest
from decimal_textbook import bet_path
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from theory_check.foundation.errors import SpecificationError
from theory_check.inference.betting import (
    FRACTIONS,
    bounded_mean_evidence,
    bounded_mean_interval,
    bounded_mean_sequence,
    nonnegative_mean_evidence,
    nonnegative_mean_interval,
)

# Chance that a correct method fails a check here, for the fixed seeds as drawn once.
FALSE_ALARM = 1e-6

# Capitals round by a few times 2^-53 an observation; these samples have fewer than 500.
ROUNDING = 1e-12

unit_samples = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=40)
levels = st.floats(1e-9, 0.5)


def generator(name):
    return np.random.Generator(np.random.Philox(key=zlib.crc32(name.encode())))


def test_the_evidence_is_the_average_capital_of_the_fractions():
    values = np.array([0.2, 3.0, 0.0, 1.7])
    capitals = [np.cumprod(1.0 + c * (values / 0.8 - 1.0)) for c in FRACTIONS]
    found = nonnegative_mean_evidence(values, 0.8)
    np.testing.assert_allclose(np.exp(found.log_evidence), np.mean(capitals, axis=0), rtol=ROUNDING)


@pytest.mark.parametrize("mean", [0.1, 0.5, 0.85])
def test_evidence_has_mean_one_under_the_hypothesis(mean):
    # All 2^9 outcomes of nine Bernoulli variables, and three values with the same mean: no simulation.
    for points, chances in (
        (np.array([0.0, 1.0]), np.array([1.0 - mean, mean])),
        (np.array([0.0, mean, 1.0]), np.array([0.5 * (1.0 - mean), 0.5, 0.5 * mean])),
    ):
        total = np.zeros(6)
        for outcome in itertools.product(range(points.size), repeat=6):
            chance = math.prod(chances[list(outcome)])
            total += chance * np.exp(bounded_mean_evidence(points[list(outcome)], mean).log_evidence)
        # 729 terms of rounding 2^-53.
        np.testing.assert_allclose(total, 1.0, rtol=ROUNDING)


def test_evidence_against_an_upper_bound_has_mean_below_one_if_the_mean_is_lower():
    total = 0.0
    for outcome in itertools.product((0.0, 1.0), repeat=6):
        count = sum(outcome)
        total += 0.2**count * 0.8 ** (6 - count) * math.exp(nonnegative_mean_evidence(outcome, 0.3).final)
    assert total < 1.0


def test_the_chance_of_ever_crossing_is_at_most_the_level_by_enumeration():
    alpha, mean = 0.2, 0.3
    crossed = 0.0
    for outcome in itertools.product((0.0, 1.0), repeat=12):
        count = sum(outcome)
        if bounded_mean_evidence(outcome, mean).crossing(alpha) is not None:
            crossed += mean**count * (1.0 - mean) ** (12 - count)
    assert 0.0 < crossed <= alpha


def test_ville_agrees_on_a_constant_bet():
    ville = pytest.importorskip("ville")
    values = generator("ville").beta(2.0, 3.0, 100)
    # At a tiny level its bets are all cut at half the largest one, the first of our fractions.
    test = ville.BettingTest(0.4, alpha=1e-300, c=0.5)
    test.fit(values)
    up = np.log1p(0.5 * (values / 0.4 - 1.0)).cumsum()
    down = np.log1p(0.5 * ((1.0 - values) / 0.6 - 1.0)).cumsum()
    np.testing.assert_allclose(test.log_e_values_, np.logaddexp(up, down) - math.log(2.0), rtol=1e-9)
    ours = bounded_mean_evidence(values, 0.4).log_evidence
    # One of 20 equal shares follows the same bets.
    assert (ours >= test.log_e_values_ - math.log(20.0) - ROUNDING).all()


def test_ville_finds_intervals_of_a_similar_width():
    ville = pytest.importorskip("ville")
    values = generator("ville interval").beta(2.0, 3.0, 2000)
    other = ville.BettingCS(alpha=0.01, grid=4000)
    other.fit(values)
    found = bounded_mean_sequence(values, alpha=0.01).last
    low, high = other.interval()
    assert found.contains(0.4)
    assert low <= 0.4 <= high
    # Both cost about ln(1/alpha) and a few units more: 2 ln(20) of ours, its grid of 4000 and truncation.
    assert 0.5 < (found.upper - found.lower) / (high - low) < 2.0


@given(unit_samples, st.floats(0.01, 0.99), levels)
def test_the_interval_is_the_set_of_means_without_evidence(values, mean, alpha):
    interval = bounded_mean_interval(values, alpha=alpha)
    log_evidence = bounded_mean_evidence(values, mean).final
    if not interval.contains(mean):
        assert log_evidence >= -math.log(alpha) - ROUNDING
    # Inside, one capital is below 2/alpha and the other at most 1. The ends may be a ten-thousandth too wide.
    slack = 1e-3 * (interval.upper - interval.lower)
    if interval.lower + slack <= mean <= interval.upper - slack:
        assert log_evidence <= math.log(1.0 / alpha + 0.5) + ROUNDING


def test_the_ends_of_a_sequence_in_decimal_arithmetic():
    values, alpha = np.random.Generator(np.random.Philox(key=7)).beta(2.0, 3.0, 60), 1e-3
    needed = math.log(2.0 / alpha)
    for n in (10, 30, 60):
        mean, lower, upper, *_ = astuple(bounded_mean_sequence(values[:n], alpha=alpha, times=[n]).last)
        for sample, centre, price in ((values, mean, lower), (1.0 - values, 1.0 - mean, 1.0 - upper)):
            assert bet_path(sample[:n], price, FRACTIONS)[-1] >= needed - ROUNDING
            # Ends are a ten-thousandth of the distance off at most: a thousandth nearer, a mean is no longer rejected.
            assert bet_path(sample[:n], price + 1e-3 * (centre - price), FRACTIONS)[-1] < needed


@given(unit_samples, levels, levels)
def test_intervals_are_nested_in_the_level(values, one, other):
    strict, loose = sorted((one, other))
    wide, narrow = bounded_mean_interval(values, alpha=strict), bounded_mean_interval(values, alpha=loose)
    # Each end is exact to a ten-thousandth of a width.
    slack = 1e-3 * (wide.upper - wide.lower)
    assert wide.lower <= narrow.lower + slack
    assert narrow.upper <= wide.upper + slack
    assert narrow.lower <= narrow.estimate <= narrow.upper


@given(unit_samples, st.floats(-50.0, 50.0), st.floats(0.1, 100.0), levels)
def test_intervals_move_with_the_support(values, shift, width, alpha):
    plain = bounded_mean_interval(values, alpha=alpha)
    support = (shift, shift + width)
    moved = bounded_mean_interval(np.clip(shift + width * np.array(values), *support), support=support, alpha=alpha)
    # Ten-thousandths of a width, and the rounding of the shift.
    slack = width * (1e-3 * (plain.upper - plain.lower) + 1e-9)
    assert moved.lower == pytest.approx(shift + width * plain.lower, abs=slack)
    assert moved.upper == pytest.approx(shift + width * plain.upper, abs=slack)


@given(unit_samples, levels)
def test_intervals_are_mirrored_with_the_values(values, alpha):
    plain, mirrored = (bounded_mean_interval(v, alpha=alpha) for v in (values, 1.0 - np.array(values)))
    slack = 1e-3 * (plain.upper - plain.lower) + 1e-12
    assert mirrored.lower == pytest.approx(1.0 - plain.upper, abs=slack)
    assert mirrored.upper == pytest.approx(1.0 - plain.lower, abs=slack)


@given(unit_samples, st.floats(0.01, 5.0), st.floats(0.01, 5.0))
def test_evidence_against_a_bound_decreases_in_the_bound(values, one, other):
    low, high = sorted((one, other))
    path_low, path_high = (nonnegative_mean_evidence(values, m).log_evidence for m in (low, high))
    assert (path_low >= path_high - ROUNDING).all()


@given(unit_samples, st.floats(0.01, 5.0), st.sampled_from([2.0**-70, 2.0**40]))
def test_evidence_does_not_depend_on_the_unit(values, bound, unit):
    # A power of two changes no digit.
    plain = nonnegative_mean_evidence(values, bound).log_evidence
    scaled = nonnegative_mean_evidence(np.array(values) * unit, bound * unit).log_evidence
    np.testing.assert_allclose(scaled, plain, rtol=ROUNDING, atol=ROUNDING)


def test_sequences_are_running_intersections_that_shrink():
    values = generator("sequence").random(3000)
    sequence = bounded_mean_sequence(values, alpha=0.01)
    assert sequence.observations[-1] == 3000
    assert (np.diff(sequence.lower) >= 0.0).all()
    assert (np.diff(sequence.upper) <= 0.0).all()
    at_end = bounded_mean_interval(values, alpha=0.01)
    assert sequence.last.lower >= at_end.lower
    assert sequence.last.upper <= at_end.upper
    # The width falls about like the square root of the number of observations.
    widths = sequence.upper - sequence.lower
    assert widths[-1] < widths[sequence.observations == 100 if 100 in sequence.observations else 10] / 3.0


laws = {
    "bernoulli": (lambda g, n: (g.random(n) < 0.1) * 1.0, 0.1, 0.2),
    "uniform": (lambda g, n: g.random(n), 0.5, 0.4),
    "ties": (lambda g, n: np.round(4.0 * g.random(n)) / 4.0, 0.5, 0.6),
    "rare": (lambda g, n: (g.random(n) < 0.005) * 1.0, 0.005, 0.05),
}


@pytest.mark.parametrize("law", laws)
def test_a_true_mean_is_rarely_ever_rejected_and_a_false_one_often(law):
    draw, mean, wrong = laws[law]
    g = generator(f"ever {law}")
    alpha, runs = 0.1, 2000
    samples = [draw(g, 400) for _ in range(runs)]
    ever = sum(bounded_mean_evidence(values, mean).crossing(alpha) is not None for values in samples)
    assert ever <= stats.binom.isf(FALSE_ALARM, runs, alpha)
    # A wrong mean does not pass for a true one.
    detected = sum(bounded_mean_evidence(values, wrong).crossing(alpha) is not None for values in samples)
    assert detected > stats.binom.isf(FALSE_ALARM, runs, alpha)


def test_a_lognormal_mean_is_rarely_ever_rejected():
    g = generator("lognormal ever")
    sigma, alpha, runs = 2.0, 0.05, 2000
    mean = math.exp(sigma * sigma / 2.0)
    ever = sum(
        nonnegative_mean_evidence(g.lognormal(0.0, sigma, 500), mean).crossing(alpha) is not None for _ in range(runs)
    )
    assert ever <= stats.binom.isf(FALSE_ALARM, runs, alpha)


def test_degenerate_samples_have_vacuous_or_one_sided_intervals():
    zeros = bounded_mean_interval(np.zeros(10), alpha=0.01)
    assert zeros.lower == 0.0
    assert 0.5 < zeros.upper < 1.0
    single = bounded_mean_interval([0.5], alpha=0.01)
    assert 0.0 < single.lower < 1e-3
    constant = bounded_mean_interval(np.full(10**4, 0.25), alpha=1e-3)
    # Nothing fluctuates: only the division of the capital and the largest fraction limit the width.
    assert constant.contains(0.25)
    assert constant.upper - constant.lower < 1e-2
    assert nonnegative_mean_interval(np.zeros(5), alpha=0.1).lower == 0.0
    assert nonnegative_mean_interval([1.0, 2.0], alpha=0.1).upper == math.inf
    assert bounded_mean_evidence([0.0, 0.5, 0.0], 0.0).log_evidence.tolist() == pytest.approx(
        [-math.log(2.0), math.inf, math.inf], abs=1.0
    )


@pytest.mark.parametrize(
    ("values", "alpha"),
    [([1.0], 1e-3), ([1.0] + [0.0] * 19, 1e-4), ([1.0, 1.0, 0.0, 1.0], 1e-9), ([1e-200], 1e-6)],
)
def test_a_lower_end_far_below_the_average_is_found_in_its_own_scale(values, alpha):
    lower = bounded_mean_interval(values, alpha=alpha).lower
    assert lower > 0.0
    needed = math.log(2.0 / alpha)
    # The capital of the side that decides; the end is below its root by at most a ten-thousandth.
    assert nonnegative_mean_evidence(values, lower).final >= needed - ROUNDING
    assert nonnegative_mean_evidence(values, 1.001 * lower).final < needed


def test_a_huge_value_leaves_the_lower_end_of_an_unbounded_mean_where_it_was():
    # The evidence against small means comes from a thousand ones, whatever the outlier does to the average.
    assert nonnegative_mean_interval([1.0] * 1000, alpha=1e-6).lower > 0.9
    assert nonnegative_mean_interval([1.0] * 1000 + [1e9], alpha=1e-6).lower > 0.9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bounded_mean_interval([], alpha=0.1), "values is empty"),
        (lambda: bounded_mean_interval([0.5, math.nan], alpha=0.1), "must be finite"),
        (lambda: bounded_mean_interval([0.5, 1.5], alpha=0.1), "must lie in the support"),
        (lambda: bounded_mean_interval([0.5], support=(1.0, 1.0), alpha=0.1), "support must be a finite interval"),
        (lambda: bounded_mean_interval([0.5], support=(0.0, math.inf), alpha=0.1), "support must be a finite interval"),
        (lambda: bounded_mean_interval([0.5], alpha=0.0), "strictly between 0 and 1"),
        (lambda: bounded_mean_interval([0.5], alpha=1.0), "strictly between 0 and 1"),
        (lambda: bounded_mean_evidence([0.5], 2.0), "mean must lie in the support"),
        (lambda: nonnegative_mean_evidence([-1.0], 1.0), "must not be negative"),
        (lambda: nonnegative_mean_evidence([1.0], 0.0), "bound must be positive"),
        (lambda: bounded_mean_sequence([0.5, 0.5], alpha=0.1, times=[2, 1]), "times must increase"),
        (lambda: bounded_mean_sequence([0.5, 0.5], alpha=0.1, times=[0.5]), "whole numbers"),
    ],
)
def test_wrong_input_is_one_line_that_teaches(call, message):
    with pytest.raises(SpecificationError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("exponent", [-900, 900])
def test_the_interval_of_a_nonnegative_mean_has_the_unit_of_the_values(exponent):
    values = np.array([0.5, 1.5, 0.0, 2.0] * 50)
    plain, scaled = (nonnegative_mean_interval(2.0**e * values, alpha=0.01) for e in (0, exponent))
    # The prices are exponentials of a root found in one scale; only their product with the average is rounded.
    assert scaled.lower == pytest.approx(2.0**exponent * plain.lower, rel=4 * np.finfo(float).eps, abs=0.0)
