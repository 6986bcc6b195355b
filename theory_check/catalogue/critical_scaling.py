"""The critical scaling beta = 1/2: the displacement neither vanishes nor explodes (P3)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from theory_check.catalogue.admissible_laws import ADMISSIBLE, capped, gaussian_layer, network_of
from theory_check.catalogue.exponents import critical_exponent
from theory_check.claims import Basis, Check, Domain, LogNormal, Normal, Probability, Profile, check, claim
from theory_check.claims.domains import CRITICAL, DOMINATED, LAYERS
from theory_check.claims.networks import COMBINATIONS, dominated_layer, label
from theory_check.claims.observables import DISPLACEMENT, between
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network
from theory_check.networks.branches import BranchName
from theory_check.theory import moments
from theory_check.theory.limits import lognormal_limit

#: Networks whose critical exponent is located: two depths at each of four exponents.
_LOCATED: tuple[tuple[BranchName, str], ...] = (
    ("linear", "gaussian"),
    ("res-3", "gaussian"),
    ("linear", "uniform"),
    ("res-3", "rademacher"),
)

ABOVE, BELOW = "explosion: D above its upper bound", "identity: D below its lower bound"


def chebyshev_check(deep: Cell, precision: float, delta: float = 0.05) -> Check:
    """Bound D on both sides by its exact mean and variance."""
    layer = dominated_layer(deep)
    mean, variance = moments.mean_displacement(*layer), moments.displacement_variance(*layer)
    lower, upper = (mean + sign * math.sqrt(variance / delta) for sign in (-1.0, 1.0))
    # One network in ten lies on either side of these, by the lognormal law of the same mean and variance.
    left, right = _central(mean, variance, 0.1)
    return check(
        label(deep), deep, rf"$\mathbb{{P}}({lower:.3g} \leq D \leq {upper:.3g})$",
        Probability(between(DISPLACEMENT, lower, upper), truth=0.985, exact=True), (1.0 - delta, 1.0),
        margin=0.03 * precision,
        basis=Basis(
            "the bounds are exact at this depth; the margin is the resolution that the profile pays for", exact=True
        ),
        wrong={
            ABOVE: between(DISPLACEMENT, lower=upper),
            BELOW: between(DISPLACEMENT, upper=lower),
            f"the same probability for {left:.3g} <= D <= {right:.3g}, which one network in five leaves":
                between(DISPLACEMENT, left, right),
        },
    )  # fmt: skip


def _central(mean: float, variance: float, tail: float) -> tuple[float, float]:
    """Return the ends that the lognormal law of this mean and variance leaves on either side with a probability."""
    left, right = LogNormal.of_moments(mean, variance).quantile(np.array([tail, 1.0 - tail]))
    return float(left), float(right)


DOMAIN = Domain.of_cells(
    lambda deep, precision: (chebyshev_check(deep, precision),), (*LAYERS, CRITICAL, DOMINATED), depths=(1, 256)
)


@claim(
    "P3",
    domain=DOMAIN,
    quick_precision=2.0,
    title="Non-trivial limit at the critical scaling",
    formula=r"\mathbb{P}(c_\delta \leq D \leq C_\delta) \geq 1-\delta",
    source="@marion2025",
    derivation="Bounds from the exact mean and variance of D at this depth by Chebyshev's inequality, E D +- "
    "sd(D)/sqrt(delta); the Gaussian variance bounds that of every law of kurtosis at most 3. For other laws Markov's "
    "inequality bounds D from above, and from below D < eps^2 would force R near 1, where the limit law puts little. "
    "The critical exponent: at beta = 1/2 the law of D is that of E4 at depths L and 16 L, up to O(1/L); below, the "
    "median of log D grows with the depth, above, it decreases, and its signs at exponents on either side bracket the "
    "zero.",
    hypotheses="Symmetric independent weights of kurtosis at most 3, or of finite variance with the wider bounds; "
    "orthogonal weights; linear or res-3 branch.",
)
def critical_scaling(profile: Profile) -> Iterator[Check]:
    r"""At $\beta = 1/2$ the displacement stays between two positive bounds with probability at least $1-\delta$, and
    1/2 is the only exponent at which it neither vanishes nor explodes.
    """
    for branch, law in COMBINATIONS:
        # Wide enough for Chebyshev's lower bound to be positive.
        yield chebyshev_check(network(branch, law, width=128, depth=100 * profile.depth), profile.precision)
    for branch, law in _LOCATED:
        yield critical_exponent(profile, branch, law)
    for admissible in ADMISSIBLE:
        yield bounded(network_of(admissible, capped(profile)), capped(profile))


#: Share of networks that the bounds for any law may leave out.
DELTA = 0.1


def bounded(deep: Cell, profile: Profile) -> Check:
    """Check that a displacement lies between two positive bounds, for any law that E1 and E4 hold for.

    Each bound has half of delta. Above, Markov's inequality bounds D by its mean (1 + kappa a^2)^L - 1. Below, D <
    eps^2 forces R into ((1 - eps)^2, (1 + eps)^2), where the lognormal limit puts little.
    """
    multiplier, a, depth = gaussian_layer(deep)
    skewed = multiplier.has_inner and not deep.weights.is_symmetric
    # Where W is skewed, kappa depends on the direction but is below 1, that of the linear branch.
    largest_kappa = 1.0 if skewed else multiplier.kappa
    upper = math.expm1(depth * math.log1p(largest_kappa * a * a)) / (DELTA / 2.0)
    lower = _least_move(lognormal_limit(multiplier)) ** 2
    left, right = _central(moments.mean_displacement(multiplier, a, depth),
                           moments.displacement_variance(multiplier, a, depth), 0.25)  # fmt: skip
    return check(
        f"{label(deep)}-bounded", deep, rf"$\mathbb{{P}}({lower:.2g} \leq D \leq {upper:.3g})$",
        Probability(between(DISPLACEMENT, lower, upper), truth=0.99), (1.0 - DELTA, 1.0),
        margin=0.06 * profile.precision,
        basis=Basis(
            "Markov's bound above is exact, the bound below that of the limit law; both are far from tight, and the "
            "margin is the resolution that the profile pays for"
        ),
        wrong={
            ABOVE: between(DISPLACEMENT, lower=upper),
            BELOW: between(DISPLACEMENT, upper=lower),
            f"the same probability for {left:.3g} <= D <= {right:.3g}, which one Gaussian network in two leaves":
                between(DISPLACEMENT, left, right),
        },
    )  # fmt: skip


def _least_move(limit: Normal) -> float:
    """Return the eps for which the limit law of log R puts half of delta between 2 log(1 - eps) and 2 log(1 + eps)."""
    from scipy.optimize import brentq

    def excess(eps: float) -> float:
        low, high = limit.cdf([2.0 * math.log1p(-eps), 2.0 * math.log1p(eps)])
        return float(high - low) - DELTA / 2.0

    return float(brentq(excess, 1e-6, 0.9))
