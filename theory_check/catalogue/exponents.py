"""The trichotomy of independent weights as exponents: slopes against log depth, and where they change sign (P3, P5-E7).

Means of D and D* are exact at every depth, for every symmetric law, and so is the slope of their logarithm; the law of
log R and log R* is exact for Gaussian weights, and with it the slope of the logarithm of its median. Networks of
different depths share no random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from theory_check.claims.claim import Check, Profile, Variant
from theory_check.claims.estimators import SlopeEstimator
from theory_check.claims.laws import Normal
from theory_check.claims.localisation import BracketEstimator
from theory_check.claims.networks import cell, dominated_layer, finite_depth_law, label, one_layer
from theory_check.claims.observables import Column
from theory_check.claims.rates import AcrossDepths, PairedGrowth, RateEstimator
from theory_check.networks.branches import BranchName
from theory_check.theory import moments
from theory_check.theory.multiplier import Multiplier

CRITICAL = 0.5
_WIDTH = 20
_EXACT = (
    "the prediction is exact at these depths and this width; the margin is the resolution that the profile pays for"
)


def _deeper(weights: str, profile: Profile) -> int:
    """Factor on depths: Gaussian networks are cheap; the others are checked where they start at every profile."""
    return profile.depth if weights == "gaussian" else 1


def _value(name: str, value: float, target: float, margin: float) -> tuple[Variant, ...]:
    """Return a value as a variant if it is far enough from the target to be refuted."""
    return (Variant(name, (value, value)),) if abs(value - target) > 2.2 * margin else ()


def displacement_exponent(
    profile: Profile, branch: BranchName, weights: str, beta: float, *, gradient: bool = False
) -> Check:
    """Slope of log E D, or of log E D*, on log L, between two depths."""
    depths = tuple(n * _deeper(weights, profile) for n in (32, 512))
    cells = tuple(cell(branch, weights, _WIDTH, depth, beta, gradients=gradient) for depth in depths)
    layers = [dominated_layer(c) for c in cells]
    means = tuple(moments.mean_displacement(*layer) for layer in layers)
    slope = math.log(means[1] / means[0]) / math.log(depths[1] / depths[0])
    margin = 0.1 * profile.precision
    symbol, column = ("D^*", "log_gradient_displacement") if gradient else ("D", "log_displacement")
    return Check(
        name=f"{label(cells[0])}-beta{beta:g}-{'gradient-' if gradient else ''}exponent",
        experiments=cells,
        quantity=f"slope of $\\log\\mathbb{{E}}\\,{symbol}$ on $\\log L$: $1-2\\beta = {1.0 - 2.0 * beta:g}$ in the "
        f"limit, twice the exponent of $\\sqrt{{{symbol}}}$",
        estimator=RateEstimator(
            AcrossDepths(column, 2.0), depths, means, tuple(moments.displacement_variance(*layer) for layer in layers)
        ),
        target=(slope, slope),
        margin=margin,
        margin_reason=_EXACT,
        exact=True,
        variants=(
            *_value("it does not depend on the depth", 0.0, slope, margin),
            *_value("exponent -2 beta, as of a single layer", -2.0 * beta, slope, margin),
            *_value("exponent 2 - 2 beta: layers add up aligned, as smooth ones do", 2.0 - 2.0 * beta, slope, margin),
        ),
    )


def growth_exponent(profile: Profile, branch: BranchName, beta: float, *, gradient: bool = False) -> Check:
    """Slope of the logarithm of the median of log R, or of log R*, on log L, between two depths; Gaussian weights."""
    depths = tuple(n * profile.depth for n in (25, 400))
    cells = tuple(cell(branch, "gaussian", _WIDTH, depth, beta, gradients=gradient) for depth in depths)
    laws = tuple(finite_depth_law(*one_layer(c)) for c in cells)
    # The law is known up to its error, and its median up to that error over the density, that is between quantiles.
    ends = [[math.log(float(law.quantile(0.5 + side * law.error))) for side in (-1.0, 1.0)] for law in laws]
    step = math.log(depths[1] / depths[0])
    low, high = (ends[1][0] - ends[0][1]) / step, (ends[1][1] - ends[0][0]) / step
    margin = 0.05 * profile.precision
    symbol, column = ("R^*", "log_gradient_ratio") if gradient else ("R", "log_norm_ratio")
    return Check(
        name=f"{label(cells[0])}-beta{beta:g}-{'gradient-' if gradient else ''}exponent",
        experiments=cells,
        quantity=f"slope of the logarithm of the median of $\\log {symbol}$ on $\\log L$: "
        f"$1-2\\beta = {1.0 - 2.0 * beta:g}$ in the limit",
        estimator=SlopeEstimator(Column(column), depths, laws),
        target=(low, high),
        margin=margin,
        margin_reason=_EXACT,
        exact=True,
        variants=(
            *_value("log R does not depend on the depth", 0.0, low, margin),
            *_value("exponent 1 - beta, as for smooth weights", 1.0 - beta, low, margin),
            *_value("exponent 1/2 - beta, that of its deviations", 0.5 - beta, low, margin),
        ),
    )


@dataclass(frozen=True)
class _GrowthLaws:
    """Law, as if D were lognormal, of log sqrt(D) at one depth less that of another network at a smaller depth."""

    multiplier: Multiplier
    coarse: int
    fine: int

    def __call__(self, beta: float) -> Normal:
        mean = variance = 0.0
        for sign, depth in ((-1.0, self.coarse), (1.0, self.fine)):
            layer = (self.multiplier, float(depth) ** -beta, depth)
            growth = moments.log_norm_ratio_moment(*layer)
            # log(e^x - 1), for large x without leaving double precision.
            first = growth + math.log(-math.expm1(-growth))
            spread = moments.log_displacement_second_moment(*layer) - 2.0 * first
            mean += sign * 0.5 * (first - 0.5 * spread)
            variance += 0.25 * spread
        return Normal(mean, variance)


def mean_crossing(layer: Multiplier, coarse: int, fine: int) -> float:
    """Return the beta at which E D is the same at both depths: 1/2 + O(1/coarse)."""
    from scipy.optimize import brentq

    def growth(beta: float) -> float:
        first, second = (moments.mean_displacement(layer, float(n) ** -beta, n) for n in (coarse, fine))
        return second - first

    return float(brentq(growth, 0.4, 0.6, xtol=1e-12))


def critical_exponent(profile: Profile, branch: BranchName, weights: str, *, gradient: bool = False) -> Check:
    """Locate the beta at which the displacement neither shrinks nor grows from a depth to sixteen times that depth."""
    # Two cells for each exponent, eight in all: no deeper at night than by day.
    coarse = 64 * min(_deeper(weights, profile), 4)
    depths = (coarse, 16 * coarse)
    margin = 0.05 * profile.precision
    betas = tuple(CRITICAL + step * margin for step in (-1.3, -0.7, 0.7, 1.3))
    cells = tuple(cell(branch, weights, _WIDTH, depth, beta, gradients=gradient) for beta in betas for depth in depths)
    multiplier = dominated_layer(cells[0])[0]
    symbol, column = ("D^*", "log_gradient_displacement") if gradient else ("D", "log_displacement")
    return Check(
        name=f"{label(cells[0])}-{'gradient-' if gradient else ''}critical",
        experiments=cells,
        quantity=f"the $\\beta$ at which the median of $\\log {symbol}$ is the same at depths $L$ and $16L$",
        estimator=BracketEstimator(PairedGrowth(column), betas, _GrowthLaws(multiplier, *depths)),
        target=(CRITICAL, CRITICAL),
        margin=margin,
        margin_reason=f"means cross at {mean_crossing(multiplier, *depths):.4f} for these depths, by their exact "
        "values; the nearest exponents that are tried are much farther from 1/2",
        variants=(
            Variant("critical exponent 1, as for smooth weights", (1.0, 1.0)),
            Variant("critical exponent 1/4", (0.25, 0.25)),
        ),
    )


def exponent_checks(
    profile: Profile, branch: BranchName, weights: str, betas: Sequence[float], *, gradient: bool = False
) -> list[Check]:
    """Return :func:`displacement_exponent` at several beta."""
    return [displacement_exponent(profile, branch, weights, beta, gradient=gradient) for beta in betas]
