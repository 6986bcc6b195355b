"""The log determinant of the Jacobian (E9): its moments by enumeration of sign matrices, and what its checks refute."""

from __future__ import annotations

import numpy as np
import pytest
from sign_matrices import CASES, increments

from theory_check.catalogue.determinant import determinant
from theory_check.claims import PROFILES
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
