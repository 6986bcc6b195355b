"""The catalogue: every regime, in the order of the report. A new regime is added here and nowhere else."""

from __future__ import annotations

from theory_check.catalogue.contrasts import CONTRASTS
from theory_check.catalogue.critical import CONTINUUM
from theory_check.catalogue.diffusion import DIFFUSION
from theory_check.catalogue.explosion import EXPLOSION
from theory_check.catalogue.gradients import GRADIENTS
from theory_check.catalogue.identity import IDENTITY
from theory_check.catalogue.jacobians import JACOBIANS
from theory_check.catalogue.moments import MOMENTS
from theory_check.catalogue.orders import ORDERS
from theory_check.catalogue.rough import ROUGH
from theory_check.catalogue.schedules import SCHEDULES
from theory_check.catalogue.several_inputs import SEVERAL_INPUTS
from theory_check.catalogue.smooth_weights import SMOOTH
from theory_check.claims.claim import Claim, Regime

REGIMES: tuple[Regime, ...] = (
    MOMENTS,
    IDENTITY,
    DIFFUSION,
    EXPLOSION,
    GRADIENTS,
    JACOBIANS,
    SEVERAL_INPUTS,
    SCHEDULES,
    ROUGH,
    SMOOTH,
    CONTINUUM,
    ORDERS,
    CONTRASTS,
)


def all_claims() -> tuple[Claim, ...]:
    """Return all claims in the order of the report."""
    return tuple(claim for regime in REGIMES for claim in regime.claims)
