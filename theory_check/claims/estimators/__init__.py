"""Estimators: from the samples of a check to an interval, and from a margin to a number of replicates.

An estimator joins an observable with one method of ``inference`` and with what that method needs to be planned. A new
one is a frozen value derived from :class:`Estimator`, exported here.
"""

from __future__ import annotations

from theory_check.claims.estimators.critical_point import CriticalPoint, crossing
from theory_check.claims.estimators.distance import Distance
from theory_check.claims.estimators.estimator import Estimator, Range, SidedEvidence
from theory_check.claims.estimators.mean import Mean
from theory_check.claims.estimators.order import Order, Slope
from theory_check.claims.estimators.probability import Probability
from theory_check.claims.estimators.quantiles import Quantile, Spread, median

__all__ = [
    "CriticalPoint", "Distance", "Estimator", "Mean", "Order", "Probability", "Quantile", "Range", "SidedEvidence",
    "Slope", "Spread", "crossing", "median",
]  # fmt: skip
