"""Factors against the matrices they stand for, and the two known mistakes of circulant embedding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg

from theory_check.networks.covariance_factors import (
    TRUNCATION,
    candidate_layers,
    circulant_spectrum,
    embedding_size,
    low_rank_factor,
)
from theory_check.networks.covariances import MATERN, PERIODIC, RBF, fractional_noise


def toeplitz_covariance(correlations):
    return lambda layers, pivot: correlations[np.abs(layers - pivot)]


@given(st.floats(-2.0, 2.0), st.integers(1, 300))
def test_low_rank_factors_give_the_covariance_back(power, depth):
    correlations = RBF.values({"length": 10.0**power}, 1.0 / depth, depth)
    covariance = toeplitz_covariance(correlations)
    factor = low_rank_factor(covariance, np.ones(depth), depth)
    rows = factor.rows(covariance, np.arange(depth))
    assert len(factor.pivots) == len(set(factor.pivots)) <= depth
    # A semidefinite residual is largest on its diagonal; the factorisation adds a rounding for each step.
    np.testing.assert_allclose(
        rows @ rows.T, linalg.toeplitz(correlations), atol=TRUNCATION + 4 * (len(factor.pivots) + 1) * 2.0**-53
    )


def rounded_otherwise(correlations, rng):
    """The covariance as another machine may compute it: each entry off by a rounding."""
    noise = rng.standard_normal((len(correlations), len(correlations)))
    matrix = linalg.toeplitz(correlations) * (1.0 + 2.0**-52 * (noise + noise.T) / 2.0)
    return lambda layers, pivot: matrix[layers, pivot]


def largest_jump(kernel, parameters, depth):
    """How far paths of the same random numbers move when the covariance is rounded otherwise."""
    rng, correlations = np.random.default_rng(20261126), kernel.values(parameters, 1.0 / depth, depth)
    normals, layers, paths = rng.standard_normal(depth), np.arange(depth), []
    for _ in range(6):
        covariance = rounded_otherwise(correlations, rng)
        factor = low_rank_factor(covariance, np.ones(depth), depth)
        paths.append(factor.rows(covariance, layers) @ normals[: len(factor.pivots)])
    return float(np.max(np.abs(np.array(paths) - paths[0])))


@pytest.mark.parametrize("depth", [16, 64])
@pytest.mark.parametrize(
    ("kernel", "parameters"),
    [
        (RBF, {"length": 0.1}), (RBF, {"length": 0.5}), (PERIODIC, {"length": 0.5, "period": 1.0}),
        (MATERN, {"nu": 5.0, "length": 0.3}),
    ],
)  # fmt: skip
def test_paths_do_not_jump_where_roundings_differ(kernel, parameters, depth, monkeypatch):
    # Pivots are undecided where roundings, 2^-52, are a sixty-fourth of the residual: its root is 1.2e-7, and a few of
    # them add up.
    assert largest_jump(kernel, parameters, depth) <= 1e-5
    # The largest residual itself is one of several that are equal but for roundings.
    monkeypatch.setattr("theory_check.networks.covariance_factors._TIE", 0.0)
    if kernel is not MATERN and (kernel is PERIODIC or parameters["length"] == 0.5):
        assert largest_jump(kernel, parameters, depth) > 1e-2


def test_a_factor_of_few_candidates_holds_in_between():
    depth = 30_000
    correlations = RBF.values({"length": 0.1}, 1.0 / depth, depth)
    covariance = toeplitz_covariance(correlations)
    factor = low_rank_factor(covariance, np.ones(depth), 100)
    layers = np.arange(0, depth, 77)
    rows = factor.rows(covariance, layers)
    assert len(factor.pivots) < 40
    # Four times the tolerance between candidates, and the roundings.
    np.testing.assert_allclose(rows @ rows.T, correlations[np.abs(layers[:, None] - layers)], atol=5 * TRUNCATION)


def test_factors_that_do_not_suffice_are_not_returned(monkeypatch):
    # White noise has full rank; then a process that varies between the candidates, more than they see.
    assert low_rank_factor(toeplitz_covariance(np.eye(1, 50)[0]), np.ones(50), 49) is None
    assert low_rank_factor(toeplitz_covariance(np.eye(1, 50)[0]), np.ones(50), 50) is not None
    depth = 10_000
    alternating = (np.arange(depth) % 2 == 0).astype(np.float64)  # even and odd layers are two independent values

    def hidden(layers, pivot):
        return alternating[np.abs(layers - pivot)]

    assert len(low_rank_factor(hidden, np.ones(depth), 5).pivots) == 2
    fine = RBF.values({"length": 0.01}, 1.0 / 300, 300)
    assert low_rank_factor(toeplitz_covariance(fine), np.ones(300), 300) is not None
    monkeypatch.setattr("theory_check.networks.covariance_factors.CANDIDATES", 20)
    assert low_rank_factor(toeplitz_covariance(fine), np.ones(300), 300) is None


@given(st.integers(1, 10**7))
def test_candidates_are_layers_in_order(depth):
    layers = candidate_layers(depth)
    assert layers[0] == 0
    assert layers[-1] == depth - 1
    assert np.all(np.diff(layers) > 0)
    assert len(layers) <= 2048


@given(st.floats(0.001, 0.999), st.integers(1, 200))
def test_fractional_noise_embeds_at_every_hurst_index_and_length(hurst, m):
    """No eigenvalue is negative: Dietrich and Newsam (1997) for H >= 1/2 (convex), Craigmile (2003) for H < 1/2."""
    correlations = fractional_noise(hurst, m + 1)
    eigenvalues = circulant_spectrum(correlations)
    matrix = linalg.circulant(np.concatenate([correlations, correlations[-2:0:-1]]))
    # Roundings of the transform and of the eigenvalue solver, relative to the largest eigenvalue.
    scale = 100 * 2.0**-53 * eigenvalues.max()
    np.testing.assert_allclose(np.sort(eigenvalues), np.linalg.eigvalsh(matrix), atol=2 * m * scale)
    np.testing.assert_allclose(np.fft.ifft(eigenvalues).real[: m + 1], correlations, atol=scale)


@given(st.integers(1, 10**6))
def test_embeddings_reach_the_last_layer(depth):
    assert max(depth - 1, 1) <= embedding_size(depth) <= 2 * depth


def test_a_negative_eigenvalue_is_seen():
    # Correlations 1, 0.9, 0 are no covariance: 1 - 2 (0.9) cos has a negative value.
    assert circulant_spectrum(np.array([1.0, 0.9, 0.0])) is None
    assert circulant_spectrum(np.array([1.0, 0.4, 0.0])) is not None


@pytest.mark.parametrize(("hurst", "variance"), [(0.8, 1.0503), (0.97, 1.6408)])
def test_eigenvalue_0_in_the_place_of_eigenvalue_n(hurst, variance):
    """Davies-Harte with 1000 for the half length: the variance is the mean eigenvalue."""
    eigenvalues = circulant_spectrum(fractional_noise(hurst, 1001))
    assert eigenvalues.mean() == pytest.approx(1.0, abs=1e-12)
    eigenvalues[1000] = eigenvalues[0]
    # Given to four decimals.
    assert eigenvalues.mean() == pytest.approx(variance, abs=5e-5)


@pytest.mark.parametrize(("hurst", "least", "variance"), [(0.8, 0.3433, 1.0), (0.97, -0.5504, 1.2123)])
def test_an_extra_zero_in_the_row(hurst, least, variance):
    """The row r(0), .., r(N - 1), 0, r(N - 1), .., r(1): harmless, or a negative eigenvalue set to 0."""
    r = fractional_noise(hurst, 1000)
    eigenvalues = np.fft.fft(np.concatenate([r, [0.0], r[:0:-1]])).real
    # Given to four decimals.
    assert eigenvalues.min() == pytest.approx(least, abs=5e-5)
    assert np.maximum(eigenvalues, 0.0).mean() == pytest.approx(variance, abs=5e-5)
    assert (circulant_spectrum(np.concatenate([r, [0.0]])) is None) == (least < 0)
