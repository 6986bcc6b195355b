"""Each procedure against a plain loop over an independent implementation: the controls are what they say they are."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from scipy import stats

from theory_check.calibration import classical
from theory_check.calibration.known_laws import bernoulli, lognormal, normal
from theory_check.inference.intervals import proportion_interval


def samples(law, name, repetitions=40, observations=30):
    generator = np.random.Generator(np.random.Philox(key=zlib.crc32(name.encode())))
    return law.draw(generator, (repetitions, observations))


def assert_same(found, expected):
    np.testing.assert_array_equal(found, expected)
    # Both answers occur, so that the comparison means something.
    assert 0 < np.sum(expected) < len(expected)


@pytest.mark.parametrize("law", [normal(), lognormal(2.0)], ids=lambda law: law.name)
def test_t_test(law):
    x = samples(law, "t")
    for hypothesis, level in ((law, 0.3), (law.shifted(0.3), 0.1)):
        expected = stats.ttest_1samp(x, hypothesis.mean, axis=1).pvalue < level
        assert_same(classical.t_test(x, hypothesis, level), expected)


def test_z_test():
    from statsmodels.stats.weightstats import ztest

    law = lognormal(1.0)
    x = samples(law, "z")
    expected = [ztest(row, value=law.mean)[1] < 0.2 for row in x]
    assert_same(classical.z_test(x, law, 0.2), expected)


def test_wald_test():
    from statsmodels.stats.proportion import proportion_confint

    law = bernoulli(0.1)
    x = samples(law, "wald")
    ends = [proportion_confint(int(row.sum()), row.size, 0.2, method="normal") for row in x]
    # statsmodels cuts the interval at 0, where it is a point.
    expected = [not (low <= law.mean <= high) for low, high in ends]
    assert_same(classical.wald_test(x, law, 0.2), expected)


def test_bootstrap_test():
    law = lognormal(2.0)
    x = samples(law, "bootstrap")
    weights = classical._resampling_weights(x.shape[1])
    # Multinomial counts over n: a resample takes n values with replacement.
    counts = weights * x.shape[1]
    # A division by n and a product with it, on counts below a hundred; sums of a thousand of them.
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-9)
    np.testing.assert_allclose(counts.sum(axis=0), x.shape[1], rtol=1e-12)
    expected = []
    for row in x:
        means = [np.repeat(row, np.round(chosen).astype(int)).mean() for chosen in counts.T]
        low, high = np.quantile(means, [0.1, 0.9])
        expected.append(not low <= law.mean <= high)
    assert_same(classical.bootstrap_test(x, law, 0.2), expected)


def test_peeking_t_test():
    law = normal()
    x = samples(law, "peek t")
    looks = range(classical.FIRST_LOOK, x.shape[1] + 1)
    expected = [any(stats.ttest_1samp(row[:n], law.mean).pvalue < 0.1 for n in looks) for row in x]
    assert_same(classical.peeking_t_test(x, law, 0.1), expected)


def test_peeking_binomial_test():
    law = bernoulli(0.3)
    x = samples(law, "peek p")
    looks = range(classical.FIRST_LOOK, x.shape[1] + 1)
    expected = [
        any(not proportion_interval(int(row[:n].sum()), n, alpha=0.1).contains(law.mean) for n in looks) for row in x
    ]
    assert_same(classical.peeking_binomial_test(x, law, 0.1), expected)
