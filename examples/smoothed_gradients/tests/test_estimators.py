"""Statistical tests of the estimators, with the assertions and the strategies of theory_check."""

from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, norm
from smoothed_gradients import antithetic, pathwise, score

import theory_check.strategies  # noqa: F401  (from_type draws activations once it is imported)
from theory_check import Activation

pytestmark = pytest.mark.statistical


def relu(x):
    return np.maximum(x, 0.0)


def step(x):
    return (x > 0.0).astype(float)


@pytest.mark.parametrize("estimator", [score, antithetic], ids=lambda one: one.__name__)
def test_the_gradient_of_smoothed_relu_is_the_normal_distribution_function(evidence, estimator):
    def halved(rng, n):
        return 0.5 * estimator(rng, n, f=relu, m=0.5, s=0.5)

    sampler = partial(estimator, f=relu, m=0.5, s=0.5)
    wrong = {"no noise": 1.0, "half": halved}
    evidence.mean(sampler, norm.cdf(1.0), margin=0.05, variance_bound=3.0, wrong=wrong)


def test_the_pathwise_derivative_is_an_event(evidence):
    sampler = partial(pathwise, derivative=step, m=0.5, s=0.5)
    evidence.probability(sampler, norm.cdf(1.0), margin=0.02, wrong={"other sign": norm.cdf(-1.0)})


def test_antithetic_values_at_the_kink_are_half_a_chi_square(evidence):
    # (relu(s z) - relu(-s z)) z / (2 s) = z^2 / 2.
    wrong = {"one-sided": partial(score, f=relu, m=0.0, s=2.0), "two degrees": chi2(df=2, scale=0.5)}
    evidence.law(partial(antithetic, f=relu, m=0.0, s=2.0), chi2(df=1, scale=0.5), margin=0.03, wrong=wrong)
    evidence.quantile(
        partial(antithetic, f=relu, m=0.0, s=2.0), chi2(df=1, scale=0.5).median(), probability=0.5, margin=0.03
    )


def test_scores_of_relu_have_one_law_on_every_scale(evidence):
    wrong = {"noise alone scaled": partial(score, f=relu, m=0.4, s=3.0)}
    one, other = (partial(score, f=relu, m=0.4 * c, s=1.0 * c) for c in (1.0, 3.0))
    evidence.same_law(one, other, margin=0.04, exact=True, wrong=wrong)


def test_smoothing_biases_the_slope_of_tanh_by_the_square_of_the_noise(evidence):
    scales = np.array([0.1, 0.05, 0.025])

    def bias(rng, n):
        # 1 - f'(s z) = tanh(s z)^2, at most (s z)^2: variance at most 3 s^4.
        return np.tanh(scales * rng.standard_normal((n, 1))) ** 2

    wrong = {"first order": 1.0}
    evidence.order(bias, 2.0, sizes=scales, margin=0.1, variance_bounds=3.0 * scales**4, wrong=wrong)


def functions(activation):
    """An activation as a function of arrays, its derivative, its Lipschitz constant, and E f'(m + s Z)."""
    slope = activation.negative_slope
    if slope is None:  # tanh
        nodes, weights = np.polynomial.hermite_e.hermegauss(200)

        def derivative(x):
            return np.cosh(np.clip(x, -300.0, 300.0)) ** -2

        return np.tanh, derivative, 1.0, lambda m, s: derivative(m + s * nodes) @ weights / weights.sum()
    return (
        lambda x: np.where(x > 0.0, x, slope * x),
        lambda x: np.where(x > 0.0, 1.0, slope),
        max(1.0, abs(slope)),
        lambda m, s: slope + (1.0 - slope) * norm.cdf(m / s),
    )


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, derandomize=True)
@given(st.from_type(Activation), st.sampled_from([0.0, 0.5, -1.0]), st.sampled_from([0.5, 1.0]))
def test_all_estimators_agree_for_all_activations(evidence, activation, m, s):
    f, derivative, steepest, mean = functions(activation)
    with evidence.share(activation, m, s, examples=6) as example:
        target = mean(m, s)
        for estimator in (score, antithetic):
            sampler = partial(estimator, f=f, m=m, s=s)
            wrong = {"upside down": partial(estimator, f=lambda x: -f(x), m=m, s=s)} if abs(target) > 0.3 else {}
            example.mean(sampler, target, margin=0.2, variance_bound=3.0 * steepest**2, wrong=wrong)
        ends = (-steepest, steepest)
        example.mean(partial(pathwise, derivative=derivative, m=m, s=s), target, margin=0.1, support=ends)
