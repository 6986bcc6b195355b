"""Plans of the catalogue's claims, made once in a process: many tests look at the same ones and change none."""

from __future__ import annotations

from functools import cache

from theory_check.catalogue.regimes import all_claims
from theory_check.claims.claim import PROFILES
from theory_check.claims.planning import plan_claim

CLAIMS = {claim.id: claim for claim in all_claims()}


@cache
def plan_of(id, profile="quick"):
    """The planned checks of the claim of that id."""
    return plan_claim(CLAIMS[id], PROFILES[profile])


def plans(profile="quick"):
    """The planned checks of all claims."""
    return [planned for id in CLAIMS for planned in plan_of(id, profile)]
