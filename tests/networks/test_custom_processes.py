from __future__ import annotations

import numpy as np
import pytest

from theory_check.foundation.errors import SpecificationError
from theory_check.networks.custom_processes import CovarianceProcess, PathFunction

BROWNIAN = CovarianceProcess(name="brownian", covariance=np.minimum)
RAMP = PathFunction(name="ramp", function=lambda t: t[:, None, None] * np.eye(3))


def test_covariances_of_scalars_and_constants_broadcast():
    one = CovarianceProcess(name="one", covariance=lambda s, t: 1.0)
    assert one.evaluate(np.zeros((2, 1)), np.zeros(3)).tolist() == np.ones((2, 3)).tolist()
    one.check(50)


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        (lambda s, t: s - t, "covariance bad is not symmetric"),
        (lambda s, t: np.where(s == t, 1.0, -0.5), "covariance bad is not positive semidefinite: eigenvalue -"),
        (lambda s, t: np.where(s == t, 0.0, 1.0), "covariance bad is not positive semidefinite: eigenvalue -"),
        (lambda s, t: np.full(np.broadcast_shapes(s.shape, t.shape), np.nan), "not finite"),
        (lambda s, t: np.zeros(7), "does not return one number for each pair of times"),
    ],
)
def test_functions_that_are_no_covariance(covariance, message):
    with pytest.raises(SpecificationError, match=message):
        CovarianceProcess(name="bad", covariance=covariance).check(20)


def test_path_functions_are_checked():
    assert RAMP.evaluate(np.array([0.0, 0.5]), (3, 3)).shape == (2, 3, 3)
    with pytest.raises(
        SpecificationError, match=r"path function ramp returns shape \(2, 3, 3\); it must be \(2, 4, 4\)"
    ):
        RAMP.evaluate(np.array([0.0, 0.5]), (4, 4))
    bad = PathFunction(name="bad", function=lambda t: np.full((len(t), 1, 1), np.inf))
    with pytest.raises(SpecificationError, match="path function bad has values that are not finite"):
        bad.evaluate(np.array([0.0]), (1, 1))
