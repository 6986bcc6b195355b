"""Means that light tails make easy: one layer given the past, and bounded functions of log R (parts of E1 and E2).

At beta < 1/2 the mean of R is carried by rare paths, and an average of R says nothing about it. Two replacements.

One-layer identity. Given the past, E[||h_{k+1}||^2 / ||h_k||^2] = 1 + kappa a^2 in every layer, with a conditional
variance of at most that of the Gaussian multiplier (kurtosis at most 3; head of ``theory.moments``). The L ratios of a
network less their mean are martingale differences, so that Catoni's interval holds for all n L of them together, and by
the tower property E R is the product of the layers' means. The deeper the network, the more values it gives.

Bounded functions. E cos(t log R) is the real part of the characteristic function, known exactly at finite depth for
Gaussian weights, and so is its variance, (1 + E cos(2 t log R))/2 - (E cos(t log R))^2 <= 1.
"""

from __future__ import annotations

import math

from theory_check.claims import observables as of
from theory_check.claims.claim import Check, Profile, Variant
from theory_check.claims.estimators import MeanEstimator
from theory_check.claims.networks import (
    BRANCHES,
    COMBINATIONS,
    cell,
    dominated_layer,
    finite_depth_law,
    label,
    one_layer,
)
from theory_check.experiments.cell import Cell, KernelName
from theory_check.networks.branches import BranchName
from theory_check.theory.depth_law import log_norm_ratio_characteristic
from theory_check.theory.moments import multiplier_variance

_EXACT = "the prediction is exact at this depth and width; the margin is the resolution that the profile pays for"

#: Deep in the explosion regime: E R^2 / (E R)^2 is 1600 (linear) and 52 (res-3).
_EXPLOSION = (10, 400, 0.25)
_CRITICAL = (20, 100, 0.5)


def _growth_check(network: Cell, relative: float, profile: Profile) -> Check:
    multiplier, a, depth = dominated_layer(network)
    kappa, d = multiplier.kappa, multiplier.width
    margin = relative * math.sqrt(profile.precision) * kappa
    other = 0.5 if multiplier.kind == "linear" else 1.0
    wrong = {
        f"kappa is {other:g}, that of the other branch": other,
        "growth by a instead of a^2": kappa / a,
        "the drift of the logarithm, kappa (1 - 2/d)": kappa * (1.0 - 2.0 / d),
        "no growth": 0.0,
    }
    return Check(
        name=f"{label(network)}-beta{network.network.scaling.beta:g}-layer",
        experiments=(network,),
        quantity="$a^{-2}\\,\\mathbb{E}[\\Vert h_{k+1}\\Vert^2/\\Vert h_k\\Vert^2 - 1\\mid h_k]$, all layers",
        estimator=MeanEstimator(
            of.LayerGrowth(a * a), multiplier_variance(multiplier, a) / a**4, values_per_replicate=depth
        ),
        target=(kappa, kappa),
        margin=margin,
        margin_reason=_EXACT,
        exact=True,
        variants=tuple(
            Variant(name, (value, value)) for name, value in wrong.items() if abs(value - kappa) > 2.0 * margin
        ),
    )


def _layered(branch: BranchName, law: str, width: int, depth: int, beta: float) -> Cell:
    return cell(branch, law, width, depth, beta, recorded_depths=tuple(range(depth + 1)))


def layer_means(profile: Profile) -> tuple[Check, ...]:
    """Return the checks of the one-layer identity, at the critical scaling and deep in the explosion regime."""
    critical = [_growth_check(_layered(branch, "uniform", *_CRITICAL), 0.1, profile) for branch in BRANCHES]
    deep = [_growth_check(_layered(branch, law, *_EXPLOSION), 0.08, profile) for branch, law in COMBINATIONS]
    return (*critical, *deep)


def characteristic_check(network: Cell, kernel: KernelName, profile: Profile) -> Check:
    """Return the check of E cos(t log R), t the inverse of the mean of log R, for Gaussian weights."""
    multiplier, a, depth = one_layer(network)
    t = 1.0 / finite_depth_law(multiplier, a, depth).mean
    target = log_norm_ratio_characteristic(multiplier, a, depth, frequency=t).real
    double = log_norm_ratio_characteristic(multiplier, a, depth, frequency=2.0 * t).real
    # The limit law's value is exp(-t^2 variance / 2) cos(t mean); here with a mean without width correction or of the
    # other branch, whatever is far enough.
    damping = math.exp(-0.5 * t * t * 4.0 * multiplier.kappa / multiplier.width)
    wrong = {
        "no width correction: drift kappa": damping * math.cos(t * multiplier.kappa),
        "drift of the other branch's kappa": damping * math.cos(0.5 if multiplier.kind == "linear" else 2.0),
        "log R does not fluctuate": math.cos(1.0),
    }
    margin = 0.06 * profile.precision
    return Check(
        name=f"{label(network)}-depth{depth}-{kernel}-cosine",
        experiments=(network,),
        quantity=f"$\\mathbb{{E}}\\cos({t:.4g}\\,\\log R)$",
        estimator=MeanEstimator(of.Cosine("log_norm_ratio", t), 0.5 * (1.0 + double) - target**2),
        target=(target, target),
        margin=margin,
        margin_reason=_EXACT,
        exact=True,
        variants=tuple(
            Variant(name, (value, value)) for name, value in wrong.items() if abs(value - target) > 2.0 * margin
        ),
    )
