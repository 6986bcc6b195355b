"""The sign of the pairing under the paper's loss, by draws of its input, output layer and target."""

from __future__ import annotations

import numpy as np
import pytest

from theory_check.inference.intervals import proportion_interval
from theory_check.theory.paper_loss import SQUARED_INPUT, positive_pairing


def test_the_squared_observations_have_their_mean_and_variance():
    x = (np.arange(10**5) + 0.5) / 10**5
    # The rule of middles errs by h^2.
    assert SQUARED_INPUT.mean == pytest.approx(np.mean(x**2), abs=1e-9)
    assert SQUARED_INPUT.variance == pytest.approx(np.var(x**2) / 64, abs=1e-9)


@pytest.mark.parametrize(("width", "log_ratio"), [(40, 0.0), (40, 2.0), (10, 0.5)])
def test_the_probability_is_that_of_the_definition(width, log_ratio):
    """x, A, B and y drawn as the paper does; the network itself multiplies the norm by a given factor."""
    g = np.random.Generator(np.random.Philox(key=[width, 5]))
    n = 8_000
    x = g.random((n, 64, 1))
    a = g.uniform(-1.0, 1.0, (n, width, 64)) * np.sqrt(3.0 / 64)
    output = g.uniform(-1.0, 1.0, (n, 1, width)) * np.sqrt(3.0 / width)
    u = (output @ (a @ x))[:, 0, 0] * np.exp(0.5 * log_ratio)
    positive = (u - g.random(n)) * u > 0.0
    found = positive_pairing(width, np.array([log_ratio]))
    interval = proportion_interval(int(positive.sum()), n, alpha=1e-6)
    # The kurtosis of the row: 1e-3 at width 40, and in inverse proportion to it.
    room = 1e-3 * 40 / width
    assert interval.lower - room <= found <= interval.upper + room
    assert positive_pairing(width, np.array([log_ratio]), second_moment=1.0) > found + 0.02


def test_a_mixture_over_growth_is_its_mean():
    parts = [positive_pairing(40, np.array([log])) for log in (-1.0, 1.0)]
    # Sums of numbers below 1.
    assert positive_pairing(40, np.array([-1.0, 1.0])) == pytest.approx(np.mean(parts), rel=1e-13)
