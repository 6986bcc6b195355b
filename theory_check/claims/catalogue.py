"""The catalogue: every regime, in the order of the report. A new regime is added here and nowhere else."""

from __future__ import annotations

from theory_check.claims.contrasts import CONTRASTS
from theory_check.claims.critical import CONTINUUM
from theory_check.claims.diffusion import DIFFUSION
from theory_check.claims.explosion import EXPLOSION
from theory_check.claims.gradients import GRADIENTS
from theory_check.claims.identity import IDENTITY
from theory_check.claims.jacobians import JACOBIANS
from theory_check.claims.model import Claim, Regime
from theory_check.claims.moments import MOMENTS
from theory_check.claims.orders import ORDERS
from theory_check.claims.rough import ROUGH
from theory_check.claims.schedules import SCHEDULES
from theory_check.claims.several_inputs import SEVERAL_INPUTS
from theory_check.claims.smooth_weights import SMOOTH

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
