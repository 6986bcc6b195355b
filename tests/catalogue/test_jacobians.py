"""Jacobians: moments behind E9 and E20 by enumeration of sign matrices, and what the checks tell apart."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from theory_check.catalogue.jacobians import JACOBIANS
from theory_check.claims import observables as of
from theory_check.claims.claim import PROFILES
from theory_check.claims.laws import Mirrored
from theory_check.claims.networks import cell
from theory_check.simulation.cell import simulate
from theory_check.theory.limits import singular_value_rates
from theory_check.theory.multiplier import Multiplier

QUICK = PROFILES["quick"]
CLAIMS = {claim.id: claim for claim in JACOBIANS.claims}
E9, E16, E20 = (CLAIMS[name].checks(QUICK) for name in ("E9", "E16", "E20"))


def sign_matrices(width: int) -> Iterator[np.ndarray]:
    for signs in itertools.product((-1.0, 1.0), repeat=width * width):
        yield np.array(signs).reshape(width, width) / np.sqrt(width)


def increments(branch: str, width: int) -> np.ndarray:
    """All values of X in J = I + a X, equally likely, for random signs."""
    if branch == "linear":
        return np.array(list(sign_matrices(width)))
    slopes = [np.array(s) for s in itertools.product((0.0, 1.0), repeat=width)]
    return np.array([v * s @ w for v in sign_matrices(width) for s in slopes for w in sign_matrices(width)])


CASES = [("linear", 2, 1.0), ("linear", 3, 1.0), ("res-3", 2, 0.5)]


@pytest.mark.parametrize(("branch", "width", "kappa"), CASES)
def test_drift_and_variance_of_the_log_determinant_by_enumeration(branch, width, kappa):
    X = increments(branch, width)
    trace = np.trace(X, axis1=1, axis2=2)
    square = np.trace(X @ X, axis1=1, axis2=2)
    # Averages of numbers up to 10: rounding.
    assert trace.mean() == pytest.approx(0.0, abs=1e-12)
    assert trace.var() == pytest.approx(kappa, rel=1e-12)
    assert -square.mean() / 2.0 == pytest.approx(-kappa / 2.0, rel=1e-12)
    check = next(c for c in E9 if c.name.startswith(branch))
    assert (check.estimator.law.mean, check.estimator.law.variance) == (-kappa / 2.0, kappa)


@pytest.mark.parametrize(("branch", "width", "kappa"), CASES)
def test_rates_of_the_singular_values_by_enumeration(branch, width, kappa):
    """Mean logarithm of the diagonal of R in (I + a X) Q = Q' R, averaged over signs, which also permutes the axes."""
    a = 1e-3
    X = increments(branch, width)
    diagonal = np.abs(np.diagonal(np.linalg.qr(np.eye(width) + a * X, mode="r"), axis1=1, axis2=2))
    kind = "linear" if branch == "linear" else "res-3"
    rates = singular_value_rates(Multiplier(width, kind))
    # The next order is a^2 times a fourth moment, at most 100, and rounding is 1e-16/a^2.
    np.testing.assert_allclose(np.log(diagonal).mean(axis=0) / a**2, rates, rtol=0.0, atol=1e-4)
    assert rates.sum() == pytest.approx(-kappa / 2.0)


def test_the_order_of_the_rates_follows_from_the_margins():
    for branch in ("linear", "res-3"):
        checks = [c for c in E20 if c.name.startswith(f"{branch}-gaussian")]
        assert len(checks) == 4
        for upper, lower in itertools.pairwise(checks):
            assert upper.target[0] - upper.margin > lower.target[0] + lower.margin
        assert {"equal rates", "kappa of the other branch"} <= {v.name for v in checks[-1].variants}
    finer = CLAIMS["E20"].checks(PROFILES["standard"])
    assert all("symmetric" in " ".join(v.name for v in check.variants) for check in finer)


def test_components_are_picked_and_scaled():
    network = cell("linear", "uniform", 3, 5, 0.25, jacobian=True)
    assert network.kernel == "dense"
    sample = simulate(network, 4, 2)
    singular = sample.column("log_singular_values")
    np.testing.assert_array_equal(of.Component("log_singular_values", 1, 0.5)([sample]), 0.5 * singular[:, 1])
    # Both come from the same triangles: rounding of sums of three.
    np.testing.assert_allclose(of.LOG_DETERMINANT([sample]), singular.sum(axis=1), atol=1e-10)


def test_gradient_laws_are_checked_on_every_weight_and_told_from_their_mirror():
    laws = [c for c in E16 if c.name.endswith("-law")]
    assert {c.experiments[0].network.branch.name for c in laws} == {"linear", "res-3"}
    assert any(c.experiments[0].network.branch.activation.name == "leaky" for c in laws)
    for check in E16:
        assert check.exact
        assert check.experiments[0].kernel == "dense"
        assert check.experiments[0].gradients
    for check in laws:
        assert any(isinstance(v.estimator.law, Mirrored) for v in check.variants)


@pytest.mark.statistical
def test_without_a_branch_of_its_own_the_determinant_of_the_other_is_refuted(evidence):
    """Determinants of res-3 networks against the law of linear ones, 0.23 apart; the radius is below 0.04."""
    linear = next(c for c in E9 if c.name == "linear-gaussian-d4-determinant")
    network = cell("res-3", "gaussian", 4, 32, 0.5, jacobian=True)
    sample = simulate(network, 4096, evidence.seed)
    interval = linear.estimator.interval([sample], evidence.level)
    evidence.refutes(interval, target=(0.0, 0.0), margin=linear.margin)
