"""The log determinant of the Jacobian (E9): its moments by enumeration of sign matrices, and what its checks refute."""

from __future__ import annotations

import numpy as np
import pytest
from sign_matrices import CASES, increments

from theory_check.catalogue.determinant import determinant
from theory_check.claims import PROFILES
from theory_check.claims.planning import plan_claim
from theory_check.experiments.cell import Sample
from theory_check.experiments.spelling import network
from theory_check.simulation.runner import simulate

E9 = determinant.checks(PROFILES["quick"])


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


@pytest.mark.statistical
def test_without_a_branch_of_its_own_the_determinant_of_the_other_is_refuted(evidence):
    """Determinants of res-3 networks against the law of linear ones, 0.23 apart; the radius is below 0.04."""
    linear = next(c for c in E9 if c.name == "linear-gaussian-d4-determinant")
    deep = network("res-3", width=4, depth=32, jacobian=True)
    sample = simulate(deep, 4096, evidence.seed)
    interval = linear.estimator.interval([sample], evidence.level)
    evidence.refutes(interval, target=(0.0, 0.0), margin=linear.margin)


def images(width, depth, count, seed):
    """Return log ||h_L|| of res-3 networks, and log singular values at their own slopes and at the layer before's."""
    generator = np.random.default_rng(seed)
    a = 1.0 / np.sqrt(depth)
    outer, inner = (generator.uniform(-1.0, 1.0, (depth, count, width, width)) * np.sqrt(3 / width) for _ in range(2))
    state = np.tile(np.eye(width)[0], (count, 1))
    slopes = []
    for V, W in zip(outer, inner, strict=True):
        entering = np.einsum("nij,nj->ni", W, state)
        slopes.append(entering > 0.0)
        state = state + a * np.einsum("nij,nj->ni", V, np.maximum(entering, 0.0))

    def values(slopes):
        jacobian = np.tile(np.eye(width), (count, 1, 1))
        for V, D, W in zip(outer, slopes, inner, strict=True):
            jacobian = jacobian + a * (V * D[:, None, :]) @ W @ jacobian
        return np.log(np.linalg.svd(jacobian, compute_uv=False))

    return np.log(np.linalg.norm(state, axis=1)), values(slopes), values([slopes[-1], *slopes[:-1]])


@pytest.mark.parametrize(("name", "at_most"), [("res-3-uniform-d4-image", 0.95), ("res-3-uniform-d1-image", 0.05)])
def test_an_output_is_the_image_of_its_input_and_not_at_the_slopes_of_another_layer(name, at_most):
    check = next(c.check for c in plan_claim(determinant, PROFILES["quick"]) if c.check.name == name)
    shape = check.experiments[0].network
    log_norm, own, others = images(shape.width, shape.depth, 500, 3)

    def held(log_values):
        columns = {"log_norm_ratio": 2.0 * log_norm, "log_singular_values": log_values}
        return check.estimator.observable([Sample(check.experiments[0], 0, columns, 0.0)]).mean()

    assert held(own) == 1.0
    # 0.9 and 2^-7 by larger samples, of which 500 are off by four deviations at most.
    assert held(others) < at_most
