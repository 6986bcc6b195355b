"""The limit of a scalar network with tanh: another scheme, its own networks, and Ito against Stratonovich."""

from __future__ import annotations

import numpy as np
import pytest

from theory_check.foundation.errors import SpecificationError
from theory_check.theory.scalar_diffusion import ERROR, log_squared_ratio, stratonovich_law, tanh_diffusion_law

LAW = tanh_diffusion_law(1.0)
X = np.linspace(-6.0, 2.5, 400)


def test_halving_steps_and_grid_changes_less_than_the_error():
    finer = tanh_diffusion_law(1.0, steps=256, spacing=0.01)
    assert np.max(np.abs(LAW.cdf(X) - finer.cdf(X))) < ERROR
    p = np.array([0.01, 0.5, 0.99])
    # One table, there and back.
    np.testing.assert_allclose(LAW.cdf(LAW.quantile(p)), p, atol=1e-12)


def euler_law(steps):
    """The density of Y carried by Euler's scheme for dY = dB + b(Y) dt: no theorem of Girsanov."""
    y, spacing = np.linspace(np.log(np.sinh(1.0)) - 8.0, np.log(np.sinh(1.0)) + 8.0, 1601, retstep=True)
    moved = y - 0.5 / steps / (1.0 + np.exp(2.0 * y))
    kernel = np.exp(-0.5 * steps * (y[:, None] - moved) ** 2) * spacing * np.sqrt(steps / (2.0 * np.pi))
    density = np.zeros(1601)
    density[800] = 1.0
    for _ in range(steps):
        density = kernel @ density
    return np.interp(X, log_squared_ratio(y + 0.5 * spacing, 1.0), np.cumsum(density))


def test_eulers_scheme_for_the_drift_tends_to_the_law():
    first, second = euler_law(32), euler_law(64)
    # Order 1; extrapolated, what is left is of order 1/64^2, times a constant of order 1.
    np.testing.assert_allclose(2.0 * second - first, LAW.cdf(X), atol=5e-4)


@pytest.mark.statistical
def test_networks_have_the_law_of_ito_and_not_of_stratonovich(evidence):
    depth = 128

    def log_squared_ratios(rng, n):
        h = np.ones(n)
        for _ in range(depth):
            h += rng.standard_normal(n) / np.sqrt(depth) * np.tanh(h)
        return 2.0 * np.log(np.abs(h))

    # Of order 1/L: 0.003 at this depth.
    evidence.law(log_squared_ratios, LAW, margin=0.03, remainder=0.006, wrong={"Stratonovich's": stratonovich_law(1.0)})


def test_starts_are_checked():
    with pytest.raises(SpecificationError, match="start"):
        tanh_diffusion_law(0.0)
