"""Error rates by simulation, held against a promised rate with a false alarm of 1e-6."""

from __future__ import annotations

import zlib

import numpy as np
from scipy import stats

# Chance that a correct method fails a check here, for the fixed seeds as drawn once.
FALSE_ALARM = 1e-6


def generator(name):
    return np.random.Generator(np.random.Philox(key=zlib.crc32(name.encode())))


def assert_rate_at_most(rate, hits):
    # The count is below this quantile with probability 1 - FALSE_ALARM even if the rate is attained.
    assert sum(hits) <= stats.binom.isf(FALSE_ALARM, len(hits), rate)


def assert_rate_at_least(rate, hits):
    assert sum(hits) >= stats.binom.ppf(FALSE_ALARM, len(hits), rate)
