"""Degenerate input to every public function of fixed sample size: a clear error, or the vacuous answer that is right.

One table each for samples, vectors, counts and plans. A function that is missing from all of them fails the first test.
"""

from __future__ import annotations

import inspect
import math
import time

import numpy as np
import pytest
from scipy import stats

from theory_check.foundation.errors import SpecificationError
from theory_check.inference import design, equivalence, gaussian, goodness_of_fit, intervals, kolmogorov, rates
from theory_check.inference.design.search import LARGEST_SAMPLE, LARGEST_WIDTH
from theory_check.inference.intervals import Interval
from theory_check.inference.significance import Test

ALPHA = 0.01
COMPONENT = Interval(1.0, 0.9, 1.1, 1e-3, "test")

#: Functions of one sample, and of a level where there is one.
SAMPLES = {
    "quantile_interval": lambda x, alpha=ALPHA: intervals.quantile_interval(x, 0.5, alpha=alpha),
    "quantile_spread_interval": lambda x, alpha=ALPHA: intervals.quantile_spread_interval(x, 0.2, 0.8, alpha=alpha),
    "mean_interval": lambda x, alpha=ALPHA: intervals.mean_interval(x, variance_bound=1.0, alpha=alpha),
    "kolmogorov_interval": lambda x, alpha=ALPHA: intervals.kolmogorov_interval(x, stats.norm.cdf, alpha=alpha),
    "kolmogorov_statistic": lambda x: kolmogorov.kolmogorov_statistic(x, stats.norm.cdf),
    "predicted_probabilities": lambda x: kolmogorov.predicted_probabilities(x, stats.norm.cdf),
    "variance_interval": lambda x, alpha=ALPHA: gaussian.variance_interval(x, alpha=alpha),
    "variance_test": lambda x: gaussian.variance_test(x, 1.0),
    "quantile_test": lambda x: equivalence.quantile_test(x, 0.5, 0.0),
    "kolmogorov_test": lambda x: goodness_of_fit.kolmogorov_test(x, stats.norm.cdf),
    "cramer_von_mises_test": lambda x: goodness_of_fit.cramer_von_mises_test(x, stats.norm.cdf),
    "anderson_darling_test": lambda x: goodness_of_fit.anderson_darling_test(x, stats.norm.cdf),
    "chi_square_test": lambda x: goodness_of_fit.chi_square_test(x, [0.5, 1.5], [0.5, 0.5]),
    "slope_weights": lambda x: rates.slope_weights(x),
    "slope_interval": lambda x, alpha=ALPHA: rates.slope_interval(x, [COMPONENT, COMPONENT], alpha=alpha),
    "rate": lambda x, alpha=ALPHA: rates.rate(x, [COMPONENT, COMPONENT], alpha=alpha),
    "error_intervals": lambda x, alpha=ALPHA: rates.error_intervals([x], variance_bounds=[1.0], alpha=alpha)[0],
}
VECTORS = {
    name: getattr(gaussian, name)
    for name in ("scale_test", "norms_test", "mean_vector_test", "covariance_test", "check_vectors")
}
#: Functions of k successes in n trials.
COUNTS = {
    "proportion_interval": lambda k, n, alpha=ALPHA: intervals.proportion_interval(k, n, alpha=alpha),
    "proportion_test": lambda k, n: equivalence.proportion_test(k, n, 0.5),
    "equivalence_test": lambda k, n: equivalence.equivalence_test(k, n, (0.2, 0.8)),
}
SIZES = {"log_sizes": [0.0, 1.0], "errors": [2.0, 1.0], "variance_bounds": [1.0, 1.0]}
LEVELS = {"alpha": 0.01, "miss": 0.01}
POWER = {"alpha": 0.01, "power": 0.9}
#: Complete arguments of every plan.
PLANS = {
    "kolmogorov_detection_size": {"deviation": 0.1, **LEVELS},
    "kolmogorov_margin": {"observations": 10, **LEVELS},
    "kolmogorov_resolution": {"observations": 10, **POWER},
    "kolmogorov_sample_size": {"margin": 0.1, **LEVELS},
    "law_distance_margin": {"observations": 10, **LEVELS},
    "law_distance_sample_size": {"margin": 0.1, **LEVELS},
    "cramer_von_mises_resolution": {"observations": 10, **POWER},
    "cramer_von_mises_sample_size": {"deviation": 0.1, **LEVELS},
    "anderson_darling_resolution": {"observations": 10, **POWER},
    "anderson_darling_sample_size": {"deviation": 0.1, **LEVELS},
    "proportion_sample_size": {"target": (0.5, 0.5), "margin": 0.1, **LEVELS},
    "proportion_margin": {"target": (0.5, 0.5), "trials": 10, **LEVELS},
    "proportion_resolution": {"target": (0.5, 0.5), "trials": 10, **POWER},
    "proportion_test_sample_size": {"null": 0.5, "truth": 0.6, **LEVELS},
    "proportion_test_resolution": {"null": 0.5, "trials": 10, **POWER},
    "equivalence_sample_size": {"bounds": (0.4, 0.6), "truth": 0.5, **LEVELS},
    "equivalence_margin": {"truth": 0.5, "trials": 10, **LEVELS},
    "quantile_sample_size": {"probability": 0.5, "cdf_low": 0.4, "cdf_high": 0.6, **LEVELS},
    "quantile_margin": {"probability": 0.5, "observations": 10, **LEVELS},
    "quantile_resolution": {"probability": 0.5, "observations": 10, **POWER},
    "quantile_spread_sample_size": {
        "lower_probability": 0.2,
        "upper_probability": 0.8,
        "lower_cdf": (0.1, 0.3),
        "upper_cdf": (0.7, 0.9),
        **LEVELS,
    },
    "quantile_spread_margin": {"lower_probability": 0.2, "upper_probability": 0.8, "observations": 10, **LEVELS},
    "quantile_spread_resolution": {"lower_probability": 0.2, "upper_probability": 0.8, "observations": 10, **POWER},
    "mean_margin": {"variance_bound": 1.0, "observations": 10, **LEVELS},
    "mean_sample_size": {"variance_bound": 1.0, "margin": 0.1, **LEVELS},
    "mean_resolution": {"variance_bound": 1.0, "observations": 10, **POWER},
    "variance_margin": {"degrees": 10, **LEVELS},
    "variance_sample_size": {"margin": 0.1, **LEVELS},
    "variance_resolution": {"degrees": 10, **POWER},
    "mean_vector_resolution": {"width": 3, "observations": 10, **POWER},
    "mean_vector_sample_size": {"width": 3, "deviation": 0.5, **LEVELS},
    "covariance_resolution": {"width": 3, "observations": 10, **POWER},
    "covariance_sample_size": {"width": 3, "correlation": 0.5, **LEVELS},
    "slope_margin": {"log_sizes": [0.0, 1.0], "component_margin": 0.1},
    "slope_component_margin": {"log_sizes": [0.0, 1.0], "margin": 0.1},
    "rate_margin": {**SIZES, "observations": 10, **LEVELS},
    "rate_sample_size": {**SIZES, "margin": 0.1, **LEVELS},
    "bounded_mean_margin": {"truth": 0.5, "observations": 100, **LEVELS},
    "bounded_mean_resolution": {"mean": 0.5, "observations": 100, **POWER},
    "bounded_mean_sample_size": {"truth": 0.5, "margin": 0.1, **LEVELS},
    "nonnegative_mean_resolution": {"bound": 1.0, "observations": 100, "variance_bound": 1.0, **POWER},
    "nonnegative_mean_sample_size": {"bound": 1.0, "mean": 2.0, "variance_bound": 1.0, **LEVELS},
    "mean_sequence_margin": {"variance_bound": 1.0, "observations": 100, **LEVELS},
    "mean_sequence_resolution": {"variance_bound": 1.0, "observations": 100, **POWER},
    "mean_sequence_sample_size": {"variance_bound": 1.0, "margin": 0.1, **LEVELS},
    "nights_to_refute": {"log_evidence": [2.0, -1.0], "probabilities": [0.5, 0.5], **LEVELS},
}
#: Values that no argument of that name accepts.
REFUSED = {
    "alpha": (0.0, 1.0, -0.1, math.nan, "small", None),
    "miss": (0.0, 1.0, math.nan),
    "power": (0.0, 1.0, math.nan),
    "observations": (0, -1, 2.5),
    "trials": (0, 2.5),
    "degrees": (0, 2.5),
    "width": (0, 2.5),
    "margin": (-1.0, math.nan, math.inf),
    "deviation": (0.0, -1.0, math.nan),
    "correlation": (0.0, 1.0, math.nan),
    "component_margin": (-1.0, math.nan),
    "variance_bound": (0.0, -1.0, math.nan, math.inf),
    "variance_bounds": ([1.0], [1.0, 0.0], [1.0, math.nan]),
    "errors": ([1.0], [1.0, -1.0], [1.0, math.nan]),
    "log_evidence": ([1.0], [-2.0, 1.0], [], [math.nan, 1.0]),
    "probabilities": ([1.0], [0.5, 0.6], [1.5, -0.5], [math.nan, 0.5]),
    "log_sizes": ([1.0, 1.0], [], [0.0, math.nan], [[0.0, 1.0]]),
    "probability": (0.0, 1.0, math.nan),
    "lower_probability": (0.0, 1.0, math.nan),
    "upper_probability": (0.0, 1.0, math.nan),
    "cdf_low": (0.5, -0.1, math.nan),
    "cdf_high": (0.5, 1.1, math.nan),
    "null": (-0.1, 1.1, math.nan),
    "truth": (-0.1, 1.1, math.nan),
    "target": ((0.0, 2.0), (0.6, 0.4), 0.5, (math.nan, 0.5)),
    "bounds": ((0.0, 2.0), (0.6, 0.4), 0.5, (0.6, 0.7)),
}


def public(module):
    return {
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    }


def test_every_public_function_is_in_a_table():
    listed = {*SAMPLES, *VECTORS, *COUNTS}
    # Functions of numbers or of intervals alone; ranks are those of the quantile interval.
    listed |= {"quantile_ranks", "magnitude", "combine_tails", "cramer_von_mises_tail", "anderson_darling_tail"}
    # A sum over a sample that is checked already, shared with the evidence.
    listed |= {"influence"}
    # Functions of a sample size and a level or a distance.
    listed |= {"kolmogorov_tail", "kolmogorov_radius", "planning_radius"}
    # A function of sizes alone, for planning.
    listed |= {"slope_variance"}
    found = set().union(*map(public, (intervals, kolmogorov, equivalence, goodness_of_fit, gaussian, rates)))
    assert found == listed
    # How a planned sample is looked at: shares and numbers of replicates, no plans.
    assert set(PLANS) | {"planned_looks", "look_shares", "open_looks"} == set(design.__all__)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize(
    "sample",
    [[], [math.nan, 1.0], [math.inf, 1.0], [[1.0, 2.0], [3.0, 4.0]], "text", [1.0, "x"], 3.0, None],
    ids=["empty", "nan", "infinite", "two-dimensional", "text", "mixed", "scalar", "none"],
)
def test_what_is_no_sample_is_refused(name, sample):
    with pytest.raises(SpecificationError):
        SAMPLES[name](sample)


@pytest.mark.parametrize("name", [n for n, f in SAMPLES.items() if "alpha" in inspect.signature(f).parameters])
@pytest.mark.parametrize("alpha", REFUSED["alpha"])
def test_what_is_no_level_is_refused(name, alpha):
    with pytest.raises(SpecificationError, match="alpha"):
        SAMPLES[name]([0.5, 1.5], alpha=alpha)


#: What one value, a constant sample and ties give: an error that says so, or a test of the answer.
def vacuous(answer):
    return (answer.lower, answer.upper) == (-math.inf, math.inf)


def probable(answer):
    return isinstance(answer, Test) and 0.0 <= answer.p_value <= 1.0


def covers_half(answer):
    return answer.contains(0.5)


ONE = {
    "quantile_interval": vacuous,
    "quantile_spread_interval": lambda a: (a.lower, a.upper) == (0.0, math.inf),
    "mean_interval": vacuous,
    "kolmogorov_interval": lambda a: a.contains(0.0),
    "kolmogorov_statistic": lambda a: 0.5 <= a[0] <= 1.0 and a[1] == 1,
    "predicted_probabilities": lambda a: a.shape == (1,),
    "variance_interval": "at least two values",
    "variance_test": "at least two values",
    "quantile_test": lambda a: a.p_value == 1.0,
    "kolmogorov_test": probable,
    "cramer_von_mises_test": probable,
    "anderson_darling_test": probable,
    "chi_square_test": "two cells",
    "slope_weights": "two different sizes",
    "slope_interval": "two different sizes",
    "rate": "one interval per size",
    "error_intervals": vacuous,
}
CONSTANT = ONE | {
    "quantile_interval": lambda a: (a.lower, a.upper) == (0.5, 0.5),
    "quantile_spread_interval": lambda a: a.lower == 0.0 <= a.upper,
    "mean_interval": covers_half,
    "kolmogorov_statistic": lambda a: a[1] == 40,
    "kolmogorov_interval": lambda a: a.lower > 0.0,
    "predicted_probabilities": lambda a: len(set(a.tolist())) == 1,
    "variance_interval": lambda a: (a.lower, a.upper) == (0.0, 0.0),
    "variance_test": lambda a: a.p_value == 0.0,
    "quantile_test": lambda a: a.p_value < 1e-9,
    "kolmogorov_test": lambda a: a.p_value < 1e-9,
    "cramer_von_mises_test": "39 of 40 values repeat",
    "anderson_darling_test": "39 of 40 values repeat",
    "chi_square_test": lambda a: a.p_value < 1e-9,
    "rate": "different",
    "error_intervals": covers_half,
}


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize(("sample", "answers"), [([0.5], ONE), ([0.5] * 40, CONSTANT)], ids=["one", "constant"])
def test_one_value_and_a_constant_sample(name, sample, answers):
    expected = answers[name]
    if isinstance(expected, str):
        with pytest.raises(SpecificationError, match=expected):
            SAMPLES[name](sample)
    else:
        assert expected(SAMPLES[name](sample))


@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.parametrize(
    "vectors",
    [[], [1.0, 2.0], np.empty((0, 3)), np.empty((3, 0)), np.ones((2, 2, 2)), [[1.0], [math.nan]], [[math.inf]], "text"],
    ids=["empty", "flat", "none", "no coordinate", "three-dimensional", "nan", "infinite", "text"],
)
def test_what_are_no_vectors_is_refused(name, vectors):
    with pytest.raises(SpecificationError, match="vectors"):
        VECTORS[name](vectors)


@pytest.mark.parametrize("name", [name for name in VECTORS if name.endswith("_test")])
def test_one_vector_of_one_coordinate_is_tested(name):
    assert 0.0 < VECTORS[name]([[0.7]]).p_value <= 1.0


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize(("k", "n"), [(0, 0), (3, 2), (-1, 2), (1.0, 2), (1, 2.5), (None, 2)])
def test_impossible_counts_are_refused(name, k, n):
    with pytest.raises(SpecificationError):
        COUNTS[name](k, n)


@pytest.mark.parametrize("k", [0, 1])
def test_one_trial_says_little(k):
    assert COUNTS["proportion_interval"](k, 1).contains(0.5)
    assert COUNTS["proportion_test"](k, 1).p_value == 1.0
    # At least 0.8 if the truth is at one of the bounds.
    assert COUNTS["equivalence_test"](k, 1).p_value == pytest.approx(1.0)


@pytest.mark.parametrize("alpha", REFUSED["alpha"])
def test_a_count_needs_a_level(alpha):
    with pytest.raises(SpecificationError, match="alpha"):
        COUNTS["proportion_interval"](1, 2, alpha=alpha)


@pytest.mark.parametrize("name", [n for n, plan in PLANS.items() if not {"observations", "trials"}.isdisjoint(plan)])
def test_planning_ends_soon_at_the_largest_sample(name):
    counted = "observations" if "observations" in PLANS[name] else "trials"
    for level in (1e-299, 0.5, 1.0 - 2.0**-53):
        started = time.process_time()
        arguments = PLANS[name] | {counted: LARGEST_SAMPLE} | ({"alpha": level} if "alpha" in PLANS[name] else {})
        assert not np.any(np.isnan(getattr(design, name)(**arguments)))
        assert time.process_time() - started < 1.0
    with pytest.raises(SpecificationError, match=f"{counted} must be at most 1e"):
        getattr(design, name)(**(arguments | {counted: LARGEST_SAMPLE + 1}))


@pytest.mark.parametrize("probability", [1e-9, 1e-6, 1.0 - 1e-6, 1.0 - 2.0**-53])
def test_margins_of_quantiles_near_the_ends_are_found_soon(probability):
    started = time.process_time()
    low, high = design.quantile_margin(probability, observations=10**6, alpha=0.9, miss=0.1)
    assert low <= probability <= high
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize("width", [1, 3, LARGEST_WIDTH])
@pytest.mark.parametrize("power", [1e-300, 0.5, 1.0 - 2.0**-53])
def test_a_power_below_the_level_needs_no_deviation(width, power):
    found = [design.mean_vector_resolution(width, observations=9, alpha=a, power=power) for a in (1e-300, 0.01, 0.75)]
    assert found == sorted(found, reverse=True)
    assert math.isfinite(found[0])
    assert (found[-1] == 0.0) == (power <= 0.75)


@pytest.mark.parametrize("name", PLANS)
def test_a_complete_plan_is_a_number(name):
    answer = getattr(design, name)(**PLANS[name])
    assert not np.any(np.isnan(answer))


@pytest.mark.parametrize(("name", "argument"), [(n, a) for n, arguments in PLANS.items() for a in arguments])
def test_every_argument_of_every_plan_is_checked(name, argument):
    # The cdf values of a spread are checked as those of a quantile.
    refused = REFUSED.get(argument, ((0.3, 0.1),))
    for value in refused:
        with pytest.raises(SpecificationError):
            getattr(design, name)(**(PLANS[name] | {argument: value}))
