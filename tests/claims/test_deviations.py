"""Laws of errors against those of SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from theory_check.claims.estimators.deviations import Kolmogorov, Normal

LAWS = {"normal": (Normal(), stats.halfnorm), "kolmogorov": (Kolmogorov(), stats.kstwobign)}


@pytest.mark.parametrize("name", LAWS)
def test_tails_and_quantiles_are_those_of_scipy(name):
    law, expected = LAWS[name]
    points = np.linspace(0.0, 5.0, 101)
    # Below 0.3 Kolmogorov's tail is 1 to 1e-5.
    np.testing.assert_allclose([law.tail(x) for x in points], expected.sf(points), rtol=1e-9, atol=1e-5)
    for probability in (0.1, 1e-3, 1e-7):
        # The first term of the series alone: within 1e-4 of the probability, less of its quantile.
        assert law.quantile(probability) == pytest.approx(expected.isf(probability), rel=1e-4)
    assert law.tail(-1.0) == 1.0
