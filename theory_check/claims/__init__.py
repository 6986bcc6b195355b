"""Spelling, planning and judging of claims: checks, estimators, observables.

No statement of the catalogue enters; it is written in these words as a user's own claims are.
"""

from __future__ import annotations

from theory_check.claims.checks import EXACT, EXACT_AT_DEPTHS, IDENTITY, LIMIT, PROVEN, Basis, Check, check
from theory_check.claims.claim import PROFILES, Claim, Illustration, Profile, Regime, claim
from theory_check.claims.domains import Domain, Hypothesis
from theory_check.claims.estimators.critical_point import CriticalPoint, crossing
from theory_check.claims.estimators.distance import Distance
from theory_check.claims.estimators.mean import Mean
from theory_check.claims.estimators.order import Order, Slope
from theory_check.claims.estimators.probability import Probability
from theory_check.claims.estimators.quantiles import Quantile, Spread, median
from theory_check.findings.run import Correction
from theory_check.foundation.laws import LogNormal, Normal, ScaledChiSquare

__all__ = [
    "EXACT", "EXACT_AT_DEPTHS", "IDENTITY", "LIMIT", "PROFILES", "PROVEN", "Basis", "Check", "Claim", "Correction",
    "CriticalPoint", "Distance", "Domain", "Hypothesis", "Illustration", "LogNormal", "Mean", "Normal", "Order",
    "Probability", "Profile",
    "Quantile", "Regime", "ScaledChiSquare", "Slope", "Spread", "check", "claim", "crossing", "median",
]  # fmt: skip
