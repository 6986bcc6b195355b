"""Critical exponents at finite depth: the sweeps that measure them and the recursion that predicts them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

from theory_check.claims.claim import Profile, Variant
from theory_check.claims.laws import Normal
from theory_check.experiments.sweep import Sweep
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.weights import Weights
from theory_check.theory.estimates import Estimate
from theory_check.theory.gradient_recursion import log_gradient_displacement
from theory_check.theory.infinite_width import WideBranch, limiting_exponent, wide_network

RES3 = Branch()

#: Inputs that share a draw of the weights; with eight betas they fill the columns of a product.
_INPUTS = 8

#: The shallower of two depths is this many times shallower.
RATIO = 16

#: Depth of networks whose gradient is measured: not that of the others, which would otherwise carry theirs as well.
GRADIENT_DEPTH = 240


def fractional(hurst: float) -> Weights:
    """Return weights that are fractional noise."""
    return Weights("fgn", (("hurst", hurst),))


def size(profile: Profile) -> tuple[int, int]:
    """Return width and depth: 20 and 250, from the standard profile on the paper's 40 and 1000."""
    return (20, 250) if profile.depth == 1 else (40, 1000)


def precision(profile: Profile) -> float:
    """Return the factor of margins; none shrinks beyond the standard profile, as the share of the width would not."""
    return max(profile.precision, 0.4)


def sweep(
    branch: Branch,
    weights: Weights,
    width: int,
    depth: int,
    betas: tuple[float, ...],
    *,
    gradients: bool = False,
    inputs: int = _INPUTS,
) -> Sweep:
    """Return a sweep with one replicate, a placeholder for the planner."""
    return Sweep(
        branch=branch, weights=weights, width=width, depth=depth, betas=betas,
        input=Input("gaussian", inputs), gradients=gradients,
    )  # fmt: skip


def grid(centre: float, step: float) -> tuple[float, ...]:
    """Return eight betas, multiples of a step, with ``centre`` in the middle interval."""
    first = math.floor(centre / step) - 3
    return tuple(round((first + i) * step, 9) for i in range(8))


def wide(branch: Branch) -> WideBranch:
    """Return the branch of the infinite-width recursion."""
    return WideBranch(branch.name, branch.activation.negative_slope or 0.0)


@cache
def contour(branch: Branch, weights: Weights, depth: int) -> float:
    """Return the beta at which E D = 1 at infinite width."""
    return _root(lambda beta: _log_displacement(branch, weights, beta, depth))


@cache
def stationary(branch: Branch, weights: Weights, depth: int) -> float:
    """Return the beta at which E D at infinite width is the same at this depth and at a sixteenth of it."""

    def growth(beta: float) -> float:
        deep, shallow = (_log_displacement(branch, weights, beta, n) for n in (depth, depth // RATIO))
        return deep - shallow

    return _root(growth)


@cache
def gradient_contour(hurst: float, depth: int, width: float) -> float:
    """Return the beta at which E D* = 1 to leading order in the width (res-3)."""
    memory = fractional(hurst).autocovariance(depth)
    return _root(lambda beta: log_gradient_displacement(WideBranch(), memory, beta, depth, width=width))


@cache
def limit(hurst: float, depth: int) -> Estimate:
    """Return the critical exponent, extrapolated from depths up to this one."""
    return limiting_exponent(WideBranch(), hurst, tuple(depth // n for n in (16, 8, 4, 2, 1)))


def _log_displacement(branch: Branch, weights: Weights, beta: float, depth: int) -> float:
    network = wide_network(wide(branch), weights.autocovariance(depth), depth**-beta, depth)
    return float(network.log_displacement[-1])


def _root(function: Callable[[float], float]) -> float:
    from scipy.optimize import brentq

    return float(brentq(function, 0.2, 1.2, xtol=1e-5))


def spread_law(target: float, spread: float, width: int, depth: int) -> Normal:
    """Return the law of a crossing for planning, from its standard deviation at width 20 and depth 250.

    log D fluctuates as d^(-1/2); that of a given depth depends on beta as log L.
    """
    factor = math.sqrt(20.0 / width) * math.log(250.0) / math.log(depth)
    return Normal(target, (spread * factor) ** 2)


#: Why the margins are what they are.
WIDE_REASON = (
    "the prediction is exact at this depth for infinite width; medians at finite width are off by a few thousandths, "
    "in the part of the margin left for it"
)

#: Name of the wrong variant that says it.
INDEPENDENT = "1/2, as for independent weights"


def at(name: str, value: float) -> tuple[Variant, ...]:
    """Return one wrong variant, of another value."""
    return (Variant(name, (value, value)),)
