"""How a claim is spelled, planned and judged: checks, estimators, observables.

No statement of the catalogue enters; it is written in these words as a user's own claims are.
"""

from __future__ import annotations

from theory_check.claims.checks import (
    EXACT,
    EXACT_AT_DEPTHS,
    IDENTITY,
    LIMIT,
    PROVEN,
    Basis,
    Check,
    check,
)
from theory_check.claims.claim import PROFILES, Claim, Illustration, Profile, Regime, claim
from theory_check.claims.estimators import (
    CriticalPoint,
    Distance,
    Mean,
    Order,
    Probability,
    Quantile,
    Slope,
    Spread,
    crossing,
    median,
)
from theory_check.findings.run import Correction
from theory_check.foundation.laws import LogNormal, Normal, ScaledChiSquare

__all__ = [
    "EXACT",
    "EXACT_AT_DEPTHS",
    "IDENTITY",
    "LIMIT",
    "PROFILES",
    "PROVEN",
    "Basis",
    "Check",
    "Claim",
    "Correction",
    "CriticalPoint",
    "Distance",
    "Illustration",
    "LogNormal",
    "Mean",
    "Normal",
    "Order",
    "Probability",
    "Profile",
    "Quantile",
    "Regime",
    "ScaledChiSquare",
    "Slope",
    "Spread",
    "check",
    "claim",
    "crossing",
    "median",
]
