from __future__ import annotations

import itertools
import math
import zlib
from dataclasses import astuple

import numpy as np
import pytest
from decimal_textbook import tilt_path
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from theory_check.foundation.errors import SpecificationError
from theory_check.inference.catoni import HORIZONS, mean_evidence, mean_sequence, mean_tilts
from theory_check.inference.intervals import mean_interval

# Chance that a correct method fails a check here, for the fixed seeds as drawn once.
FALSE_ALARM = 1e-6

# Capitals round by a few times 2^-53 an observation; these samples have fewer than 2000.
ROUNDING = 1e-11

samples = st.lists(st.floats(-10.0, 10.0), min_size=1, max_size=40)
levels = st.floats(1e-9, 0.5)


def generator(name):
    return np.random.Generator(np.random.Philox(key=zlib.crc32(name.encode())))


@pytest.mark.parametrize("planned", [None, 4, 100])
def test_evidence_has_mean_at_most_one_under_the_hypothesis(planned):
    # All outcomes of a skewed law with mean 0 and variance 1: values 3 and -1/3 with probabilities 1/10 and 9/10.
    total, wrong = np.zeros(8), 0.0
    for outcome in itertools.product((3.0, -1.0 / 3.0), repeat=8):
        chance = 0.1 ** outcome.count(3.0) * 0.9 ** (8 - outcome.count(3.0))
        total += chance * np.exp(
            mean_evidence(outcome, 0.0, variance_bound=1.0, alpha=0.05, observations=planned).log_evidence
        )
        wrong += chance * math.exp(mean_evidence(outcome, -0.6, variance_bound=1.0, alpha=0.05, observations=8).final)
    assert (total <= 1.0).all()
    # The bound on the variance is attained, so little is given away; a wrong mean breaks it.
    assert total[0] > 0.9 or planned == 4
    assert wrong > 1.0


@given(samples, st.floats(-12.0, 12.0), levels)
def test_the_planned_interval_is_the_set_of_means_without_evidence(values, mean, alpha):
    n = 50
    sample = np.resize(np.array(values), n)
    interval = mean_interval(sample, variance_bound=4.0, alpha=alpha)
    if not math.isfinite(interval.lower):
        return
    log_evidence = mean_evidence(sample, mean, variance_bound=4.0, alpha=alpha, observations=n).final
    if interval.contains(mean):
        # One capital is below 2/alpha, and the product of both is at most 1.
        assert log_evidence <= math.log(1.0 / alpha + 0.5) + ROUNDING
    elif min(abs(mean - interval.lower), abs(mean - interval.upper)) > 1e-6:  # ends are known to 1e-9 of their scale
        assert log_evidence >= -math.log(alpha) - ROUNDING


def test_the_sequence_ends_with_the_planned_interval():
    values = generator("planned").standard_t(5.0, 2000)
    alpha, v = 1e-3, 5.0 / 3.0
    sequence = mean_sequence(values, variance_bound=v, alpha=alpha, observations=2000, times=[2000])
    interval = mean_interval(values, variance_bound=v, alpha=alpha)
    # Ends of the sequence are on the safe side by a ten-thousandth of a width.
    slack = 1e-3 * (interval.upper - interval.lower)
    assert interval.lower - slack <= sequence.last.lower <= interval.lower
    assert interval.upper <= sequence.last.upper <= interval.upper + slack


@given(samples, st.floats(-30.0, 30.0), levels)
def test_a_mean_outside_the_sequence_has_met_its_level(values, mean, alpha):
    sequence = mean_sequence(values, variance_bound=1.0, alpha=alpha, times=np.arange(1, len(values) + 1))
    if not sequence.lower[-1] <= mean <= sequence.upper[-1]:
        evidence = mean_evidence(values, mean, variance_bound=1.0, alpha=alpha)
        assert evidence.peak >= -math.log(alpha) - ROUNDING
        assert evidence.p_value <= alpha * (1.0 + ROUNDING)


def test_the_ends_of_a_sequence_in_decimal_arithmetic():
    values, alpha, variance = np.random.Generator(np.random.Philox(key=7)).standard_normal(60), 1e-3, 1.0
    needed = math.log(2.0 / alpha)
    tilts = mean_tilts(variance_bound=variance, alpha=alpha, observations=None)
    for n in (20, 40, 60):
        sequence = mean_sequence(values[:n], variance_bound=variance, alpha=alpha, times=[n])
        centre, lower, upper, *_ = astuple(sequence.last)
        for sample, mean, end in ((values, centre, lower), (-values, -centre, -upper)):
            assert tilt_path(sample[:n], end, variance, tilts)[-1] >= needed - ROUNDING
            # Ends are a ten-thousandth of a width off at most: a thousandth nearer, a mean is no longer rejected.
            assert tilt_path(sample[:n], end + 1e-3 * (mean - end), variance, tilts)[-1] < needed


@given(samples, st.floats(-5.0, 5.0), st.floats(-50.0, 50.0), st.floats(0.1, 50.0))
def test_evidence_moves_with_shift_and_scale(values, mean, shift, scale):
    sample = np.array(values)
    plain = mean_evidence(sample, mean, variance_bound=2.0, alpha=0.01).log_evidence
    moved = mean_evidence(
        shift + scale * sample, shift + scale * mean, variance_bound=2.0 * scale**2, alpha=0.01
    ).log_evidence
    # The shift costs up to 2^-53 (50 + 500) / 0.1 of a value, times a tilt of at most 2 and 40 observations.
    np.testing.assert_allclose(moved, plain, rtol=1e-9, atol=1e-9)


@given(samples, st.floats(-5.0, 5.0))
def test_evidence_is_mirrored_with_the_values(values, mean):
    plain = mean_evidence(values, mean, variance_bound=2.0, alpha=0.01).log_evidence
    mirrored = mean_evidence(-np.array(values), -mean, variance_bound=2.0, alpha=0.01).log_evidence
    np.testing.assert_allclose(mirrored, plain, rtol=ROUNDING, atol=ROUNDING)


def test_sequences_are_running_intersections_that_shrink_at_every_scale():
    values = generator("sequence").normal(size=20000)
    sequence = mean_sequence(values, variance_bound=1.0, alpha=0.01)
    assert (np.diff(sequence.lower) >= 0.0).all()
    assert (np.diff(sequence.upper) <= 0.0).all()
    assert sequence.last.contains(0.0)
    widths = (sequence.upper - sequence.lower) * np.sqrt(sequence.observations)
    # In units of a standard error the width stays between twice the normal one and three times that.
    late = sequence.observations >= 64
    assert (widths[late] < 6.0 * 2.0 * stats.norm.isf(0.005)).all()
    assert (widths[late] > 2.0 * stats.norm.isf(0.005)).all()


laws = {
    "lognormal": (lambda g, n: g.lognormal(0.0, 1.0, n), math.exp(0.5), (math.e - 1.0) * math.e),
    "pareto": (lambda g, n: 1.0 + g.pareto(2.5, n), 5.0 / 3.0, 2.5 / (1.5**2 * 0.5)),
    "rare": (lambda g, n: (g.random(n) < 0.005) * 200.0, 1.0, 199.0),
    "uniform": (lambda g, n: g.random(n), 0.5, 1.0 / 12.0),
}


@pytest.mark.parametrize("planned", [None, 400])
@pytest.mark.parametrize("law", laws)
def test_a_true_mean_is_rarely_ever_rejected_and_a_false_one_often(law, planned):
    draw, mean, variance = laws[law]
    g = generator(f"ever {law} {planned}")
    alpha, runs = 0.1, 1500

    def crossings(hypothesis):
        return sum(
            mean_evidence(values, hypothesis, variance_bound=variance, alpha=alpha, observations=planned).crossing(
                alpha
            )
            is not None
            for values in sample
        )

    sample = [draw(g, 400) for _ in range(runs)]
    most = stats.binom.isf(FALSE_ALARM, runs, alpha)
    assert crossings(mean) <= most
    # Eight standard errors away: every method of this kind sees it.
    assert crossings(mean - 0.4 * math.sqrt(variance)) > most


def test_an_understated_variance_is_caught():
    # The bound matters: with a hundredth of the variance a true mean is rejected far more often than promised.
    g = generator("understated")
    runs, alpha = 500, 0.01
    ever = sum(
        mean_evidence(g.normal(size=400), 0.0, variance_bound=0.01, alpha=alpha, observations=400).crossing(alpha)
        is not None
        for _ in range(runs)
    )
    assert ever > stats.binom.isf(FALSE_ALARM, runs, alpha)


def test_dependent_observations_with_bounded_conditional_variance_keep_the_level():
    # The sign of a step depends on nothing, its size on the whole past: a martingale.
    g = generator("martingale")
    runs, alpha, n = 1000, 0.1, 200
    ever = 0
    for _ in range(runs):
        signs = g.choice([-1.0, 1.0], n)
        heads = np.concatenate([[0.0], np.cumsum(signs)[:-1]])
        steps = signs * np.where(heads > 0.0, 1.0, 0.2)
        path = mean_evidence(steps, 0.0, variance_bound=1.0, alpha=alpha)
        ever += path.crossing(alpha) is not None
    assert ever <= stats.binom.isf(FALSE_ALARM, runs, alpha)


def test_the_largest_bound_has_the_ends_of_any_other_in_its_unit():
    values = [0.0, 1.0] * 10
    ends = {bound: mean_sequence(values, variance_bound=bound, alpha=1e-6).last for bound in (1e280, 1.7e308)}
    small, large = (end.upper / math.sqrt(bound) for bound, end in ends.items())
    # A root is found to 1e-4 of its first guess, which is at most twice the root.
    assert large == pytest.approx(small, rel=4e-4)


def test_horizons_cover_small_and_large_samples():
    assert HORIZONS[0] <= 16
    assert HORIZONS[-1] >= 1e7


@pytest.mark.parametrize("values", [[3.0], [3.0] * 200, [1e300, -1e300], [0.0, 1e-300]])
def test_degenerate_samples_have_finite_sequences_around_them(values):
    sequence = mean_sequence(values, variance_bound=1.0, alpha=0.01)
    assert (sequence.lower <= sequence.estimates).all() or max(values) > 1e200
    assert np.isfinite(mean_evidence(values, 0.0, variance_bound=1.0, alpha=0.01).log_evidence).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_evidence([], 0.0, variance_bound=1.0, alpha=0.1), "values is empty"),
        (lambda: mean_evidence([math.nan], 0.0, variance_bound=1.0, alpha=0.1), "must be finite"),
        (lambda: mean_evidence([1.0], 0.0, variance_bound=0.0, alpha=0.1), "variance_bound must be positive"),
        (lambda: mean_evidence([1.0], 0.0, variance_bound=math.inf, alpha=0.1), "variance_bound must be positive"),
        (lambda: mean_evidence([1.0], math.nan, variance_bound=1.0, alpha=0.1), "mean must be a real number"),
        (lambda: mean_evidence([1.0], 0.0, variance_bound=1.0, alpha=1.0), "strictly between 0 and 1"),
        (
            lambda: mean_sequence([1.0], variance_bound=1.0, alpha=0.1, observations=0),
            "observations must be at least 1",
        ),
        (lambda: mean_sequence([1.0], variance_bound=1.0, alpha=0.1, times=[2]), "times must increase"),
    ],
)
def test_wrong_input_is_one_line_that_teaches(call, message):
    with pytest.raises(SpecificationError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
