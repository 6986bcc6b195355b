"""The rates of the singular values (E20): by enumeration of sign matrices, and their order from the margins."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from one_layer_laws import a_layer
from sign_matrices import CASES, increments

from theory_check.catalogue.lyapunov_spectrum import lyapunov_spectrum
from theory_check.claims import PROFILES
from theory_check.claims.observables import LOG_DETERMINANT, column
from theory_check.claims.planning import plan_claim
from theory_check.experiments.spelling import network
from theory_check.simulation.runner import simulate
from theory_check.theory.limits import singular_value_rates


def checks(name):
    return [planned.check for planned in plan_claim(lyapunov_spectrum, PROFILES[name])]


@pytest.mark.parametrize(("branch", "width", "kappa"), CASES)
def test_rates_of_the_singular_values_by_enumeration(branch, width, kappa):
    """Mean logarithm of the diagonal of R in (I + a X) Q = Q' R, averaged over signs, which also permutes the axes."""
    a = 1e-3
    X = increments(branch, width)
    diagonal = np.abs(np.diagonal(np.linalg.qr(np.eye(width) + a * X, mode="r"), axis1=1, axis2=2))
    kind = "linear" if branch == "linear" else "res-3"
    rates = singular_value_rates(a_layer(width, kind))
    # The next order is a^2 times a fourth moment, at most 100, and rounding is 1e-16/a^2.
    np.testing.assert_allclose(np.log(diagonal).mean(axis=0) / a**2, rates, rtol=0.0, atol=1e-4)
    assert rates.sum() == pytest.approx(-kappa / 2.0)


def test_the_order_of_the_rates_follows_from_the_margins():
    for branch in ("linear", "res-3"):
        found = [c for c in checks("quick") if c.name.startswith(f"{branch}-")]
        assert len(found) == 4
        for upper, lower in itertools.pairwise(found):
            assert upper.target[0] - upper.margin > lower.target[0] + lower.margin
        assert {"equal rates", "kappa of the other branch"} <= {v.name for v in found[-1].variants}
    assert all("symmetric" in " ".join(v.name for v in check.variants) for check in checks("standard"))


def test_components_are_picked_and_scaled():
    deep = network("linear", "uniform", width=3, depth=5, beta=0.25, jacobian=True)
    assert deep.kernel == "dense"
    sample = simulate(deep, 4, 2)
    singular = sample.column("log_singular_values")
    np.testing.assert_array_equal((0.5 * column("log_singular_values")[1])([sample]), 0.5 * singular[:, 1])
    # Both come from the same triangles: rounding of sums of three.
    np.testing.assert_allclose(LOG_DETERMINANT([sample]), singular.sum(axis=1), atol=1e-10)
