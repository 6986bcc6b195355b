"""Laws of the errors of estimates, in units of a scale over the root of the sample size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist


@dataclass(frozen=True)
class Normal:
    """The absolute value of a standard normal number."""

    def tail(self, x: float) -> float:
        """Return the probability of more than x."""
        return math.erfc(max(x, 0.0) / math.sqrt(2.0))

    def quantile(self, probability: float) -> float:
        """Return what is exceeded with a probability."""
        return -NormalDist().inv_cdf(probability / 2.0)


@dataclass(frozen=True)
class Kolmogorov:
    """The limit law of sqrt(n) sup |F_n - F|."""

    def tail(self, x: float) -> float:
        """Return the probability of more than x, by Kolmogorov's series; below 0.3 it is 1 to five digits."""
        if x < 0.3:
            return 1.0
        return 2.0 * math.fsum((1.0 if k % 2 else -1.0) * math.exp(-2.0 * (k * x) ** 2) for k in range(1, 12))

    def quantile(self, probability: float) -> float:
        """Return what is exceeded with a probability, at most 0.1: by the first term, within 1e-4 of it."""
        return math.sqrt(math.log(2.0 / probability) / 2.0)
