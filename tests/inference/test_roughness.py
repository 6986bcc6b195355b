"""Roughness of paths: against paths whose covariance is exact, and against fractional noise, with and without drift."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import toeplitz
from simulated_rates import assert_rate_at_least, assert_rate_at_most, generator

from theory_check.foundation.errors import SpecificationError
from theory_check.inference import quantile_interval
from theory_check.inference.roughness import (
    drifted_index,
    hurst_index,
    hurst_interval,
    quadratic_variations,
    variation_index,
    whittle_index,
)
from theory_check.inference.verdicts import judge

LENGTH = 1000
INDICES = {
    "first order": partial(hurst_index, order=1),
    "second order": hurst_index,
    "first order, four lags": partial(hurst_index, order=1, lags=(1, 2, 4, 8)),
    "second order, four lags": partial(hurst_index, lags=(1, 2, 4, 8)),
    "Whittle": whittle_index,
    "Whittle, low frequencies": partial(whittle_index, band=(0.0, 0.15)),
}


def correlations(hurst, length):
    """The definition, half a second difference of n^2H; cancellation does not matter at these lengths."""
    n = np.arange(length, dtype=float)
    power = 2.0 * hurst
    return ((n + 1) ** power - 2 * n**power + np.abs(n - 1) ** power) / 2


def fractional_paths(hurst, count, rng):
    """Davies and Harte: the circulant of 2 n, whose eigenvalues are positive for fractional noise."""
    rho = correlations(hurst, LENGTH + 1)
    eigenvalues = np.fft.fft(np.concatenate([rho, rho[-2:0:-1]])).real
    noise = rng.standard_normal((2, count, eigenvalues.size))
    return np.fft.fft(np.sqrt(eigenvalues / eigenvalues.size) * (noise[0] + 1j * noise[1]))[:, :LENGTH].real


def exact_paths(hurst, length):
    """Paths whose pooled second moments are those of fractional noise: columns of a root, with both signs."""
    root = math.sqrt(length) * np.linalg.cholesky(toeplitz(correlations(hurst, length))).T
    return np.concatenate([root, -root])


@pytest.mark.parametrize("hurst", [0.05, 0.3, 0.5, 0.7, 0.95])
def test_paths_of_exact_covariance_have_their_index_by_every_method(hurst):
    paths = 3.0 * exact_paths(hurst, 200)
    for lags in ((1, 2), (1, 2, 3, 8)):
        for order, factor in ((1, 1.0), (2, 4.0 - 4.0**hurst)):
            # Second moments are exact up to rounding, and so is every mean of them.
            expected = [9.0 * factor * lag ** (2 * hurst) for lag in lags]
            assert quadratic_variations(paths, order=order, lags=lags) == pytest.approx(expected, rel=1e-9)
            assert hurst_index(paths, order=order, lags=lags) == pytest.approx(hurst, abs=1e-9)
    for band in ((0.0, 1.0), (0.0, 0.15), (0.5, 1.0)):
        # log is concave: the mean periodogram minimises at its own index; 1e-5 is the step of the search.
        assert whittle_index(paths, band=band) == pytest.approx(hurst, abs=1e-5)


@settings(max_examples=50)
@given(st.integers(1, 2), st.integers(1, 5), st.integers(11, 30), st.integers(0, 2**32 - 1))
def test_variations_are_those_of_the_definition(order, lag, length, seed):
    noise = np.random.default_rng(seed).standard_normal((2, 3, length))
    squares = []
    for path in noise.reshape(6, length):
        b = [sum(path[:k]) for k in range(length + 1)]
        for k in range(length + 1 - order * lag):
            first = b[k + lag] - b[k]
            squares.append((first if order == 1 else b[k + 2 * lag] - b[k + lag] - first) ** 2)
    # Sums in another order.
    assert quadratic_variations(noise, order=order, lags=(lag,))[0] == pytest.approx(np.mean(squares), rel=1e-9)


@pytest.mark.parametrize("drift", [0.0, 0.3, 1.0, 3.0])
@pytest.mark.parametrize("hurst", [0.1, 0.5, 0.9])
def test_a_drift_fools_the_first_order_as_predicted_and_not_the_second(hurst, drift):
    paths = exact_paths(hurst, 300)
    # A constant drift: signs cancel all products with the noise.
    assert hurst_index(paths + drift, order=1) == pytest.approx(drifted_index(hurst, drift), abs=1e-9)
    assert hurst_index(paths + drift) == pytest.approx(hurst, abs=1e-9)
    # One that turns round once, of the same mean square: steps of 2 pi tau / n add (2 pi tau / n)^2 at lag 1 and 16
    # times as much at lag 2; half of log2 of that against a variation of at least 4 - 2^1.8 = .52.
    turning = math.sqrt(2.0) * drift * np.sin(2 * np.pi * (np.arange(300) + 0.5) / 300)
    bound = 16.0 * (2 * np.pi * drift / 300) ** 2 / 0.52 / (2 * math.log(2.0))
    assert abs(hurst_index(paths + turning) - hurst) <= bound + 1e-9
    if drift > 0.0:
        assert hurst_index(paths + turning, order=1) - hurst > 0.6 * (drifted_index(hurst, drift) - hurst) > 0.005


@pytest.mark.statistical
@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("hurst", [0.05, 0.5, 0.95])
def test_a_thousand_steps_are_off_by_two_hundredths_at_most_in_the_median(hurst, name, evidence):
    # Estimates from one path deviate by .02 (Whittle), .05 (variations), .07 (75 frequencies). Level 1e-6 is 4.9
    # deviations of a median, 1.25 s / sqrt(n): half widths of .005 to .009, with a deviation of .002 and room for bias.
    pooled, count = (16, 160) if name.endswith("frequencies") else (4, 160 if name == "Whittle" else 400)
    rng = np.random.Generator(np.random.Philox(evidence.seed))
    estimates = [
        INDICES[name](paths) for paths in fractional_paths(hurst, count * pooled, rng).reshape(count, pooled, -1)
    ]
    found = quantile_interval(estimates, 0.5, alpha=evidence.level)
    evidence.supports(found, target=(hurst, hurst), margin=0.02)
    evidence.refutes(found, target=(hurst + 0.05, hurst + 0.05), margin=0.02)


@pytest.mark.parametrize("name", ["first order", "second order, four lags", "Whittle"])
@pytest.mark.parametrize("hurst", [0.05, 0.5, 0.95])
def test_intervals_over_networks_cover_the_index_as_often_as_promised(hurst, name):
    rng = generator(f"coverage {hurst} {name}")
    trials = 40 if name == "Whittle" else 150
    found = [
        hurst_interval(list(fractional_paths(hurst, 33, rng).reshape(11, 3, -1)), alpha=0.1, index=INDICES[name])
        for _ in range(trials)
    ]
    assert_rate_at_most(0.1, [not i.lower <= hurst <= i.upper for i in found])
    # The same intervals about an index that is off by .1 hardly ever hold it.
    assert_rate_at_least(0.9, [not i.lower <= hurst + 0.1 <= i.upper for i in found])


def test_too_few_networks_have_no_interval():
    networks = [np.random.default_rng(seed).standard_normal(50) for seed in range(3)]
    assert judge(hurst_interval(networks, alpha=1e-3), target=(0.5, 0.5), margin=0.1) == "inconclusive"


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: hurst_index(np.ones(10)), "variations must be positive"),
        (lambda: hurst_index([1.0, np.nan, 2.0]), "noise must be finite"),
        (lambda: hurst_index([1.0]), "at least two steps"),
        (lambda: hurst_index(np.ones((3, 0))), "at least two steps"),
        (lambda: quadratic_variations(np.ones(10), order=3), "order"),
        (lambda: quadratic_variations(np.ones(10), order=2, lags=(6,)), "lag of order 2"),
        (lambda: variation_index([1.0, 2.0], (2, 2)), "two different sizes"),
        (lambda: whittle_index(np.ones(10)), "constant"),
        (lambda: whittle_index(np.arange(10.0), band=(0.0, 0.3)), "frequencies"),
        (lambda: whittle_index(np.arange(10.0), band=(0.0, 1.5)), "band"),
    ],
)
def test_bad_paths_are_refused(call, text):
    with pytest.raises(SpecificationError, match=text):
        call()
