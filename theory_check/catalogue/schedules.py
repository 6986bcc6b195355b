"""Scaling factors that differ from layer to layer: what only their squares decide, and where that ends (E11)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from theory_check.claims import observables as of
from theory_check.claims.claim import Check, Claim, Correction, Illustration, Profile, Regime, Variant
from theory_check.claims.estimators import DistanceEstimator, MeanEstimator
from theory_check.claims.laws import Normal
from theory_check.claims.networks import (
    BRANCHES,
    COMBINATIONS,
    cell,
    check_dominated,
    distance_from_normal,
    finite_depth_law,
    label,
    layer_law,
)
from theory_check.experiments.cell import Cell, Sample
from theory_check.experiments.experiment import Experiment
from theory_check.findings.pictures import Curve, HistogramPanel, Picture
from theory_check.networks.branches import BranchName
from theory_check.networks.scalings import Scaling
from theory_check.theory import moments
from theory_check.theory.limits import lognormal_limit

_WIDTH = 20

_ANY_SCHEDULE = "lognormal, as if no layer mattered by itself"

#: Sum of the squared scaling factors of every schedule here: not 1, so that the sum can be seen to matter.
_TOTAL = 1.5


def _waves(depth: int) -> tuple[float, ...]:
    """Eight equal blocks of layers, up and down, the largest factor twice the smallest: max a_k -> 0."""
    squares = np.repeat(np.array([1.0, 3.0, 2.0, 4.0, 1.0, 2.0, 4.0, 3.0]), depth // 8)
    return tuple(np.sqrt(_TOTAL * squares / squares.sum()).tolist())


def _decreasing(depth: int) -> tuple[float, ...]:
    """a_k^2 proportional to 1/(k log^2(k + 1)), summable: the first layers keep a fixed share however deep."""
    k = np.arange(1.0, depth + 1.0)
    squares = 1.0 / (k * np.log(k + 1.0) ** 2)
    return tuple(np.sqrt(_TOTAL * squares / squares.sum()).tolist())


def _front_loaded(depth: int) -> tuple[float, ...]:
    """Half of the sum in the first layer, the rest spread evenly: as above with two distinct factors."""
    squares = np.array([0.5 * _TOTAL] + [0.5 * _TOTAL / (depth - 1)] * (depth - 1))
    return tuple(np.sqrt(squares).tolist())


def _scaled(branch: BranchName, weights: str, factors: tuple[float, ...], *, gradients: bool = False) -> Cell:
    return cell(branch, weights, _WIDTH, len(factors), Scaling.sequence(factors), gradients=gradients)


def _means(profile: Profile) -> list[Check]:
    checks = []
    for branch, law in COMBINATIONS:
        factors = _decreasing(64)
        network = _scaled(branch, law, factors, gradients=True)
        check_dominated(network)
        multiplier = layer_law(network)
        target = moments.norm_ratio_moment(multiplier, factors)
        equal = float(np.mean(factors))
        wrong = moments.norm_ratio_moment(multiplier, equal, len(factors))
        additive = 1.0 + multiplier.kappa * _TOTAL
        for name, observable, symbol in (("norm", of.NORM_RATIO, "R"), ("gradient", of.GRADIENT_RATIO, "R^*")):
            checks.append(
                Check(
                    name=f"{label(network)}-{name}",
                    experiments=(network,),
                    quantity=f"$\\mathbb{{E}}\\,{symbol}$ for a decreasing schedule",
                    estimator=MeanEstimator(observable, moments.norm_ratio_variance(multiplier, factors)),
                    target=(target, target),
                    margin=0.06 * profile.precision * target,
                    margin_reason="the prediction is exact at this depth and width; the margin is the resolution that "
                    "the profile pays for",
                    exact=True,
                    variants=(
                        Variant("the mean factor decides, not the squares", (wrong, wrong)),
                        Variant("increments add up without compounding", (additive, additive)),
                    ),
                )
            )
    return checks


def _limits(profile: Profile) -> list[Check]:
    checks = []
    for branch, law in COMBINATIONS:
        factors = _waves(256 * profile.depth)
        network = _scaled(branch, law, factors)
        multiplier = layer_law(network)
        limit = Normal.of(lognormal_limit(multiplier, _TOTAL))
        proven = law == "gaussian"
        remainder = distance_from_normal(multiplier, factors, None, limit.mean, limit.variance) if proven else 0.0
        critical = Normal.of(lognormal_limit(multiplier))
        checks.append(
            Check(
                name=f"{label(network)}-law",
                experiments=(network,),
                quantity="Kolmogorov distance between $\\log R$ and $N(\\Lambda\\kappa(1-2/d),\\,4\\kappa\\Lambda/d)$",
                estimator=DistanceEstimator(of.LOG_NORM_RATIO, limit),
                target=(0.0, 0.0),
                margin=0.05 * profile.precision,
                margin_reason="limit law; its exact distance from the law at this depth is the remainder"
                if proven
                else "the exact law at this depth is known for Gaussian weights only; a part of the margin is left for "
                "the difference",
                remainder=remainder,
                allowance=0.0 if proven else 0.3,
                variants=(
                    Variant(
                        "the sum of squares does not matter",
                        estimator=DistanceEstimator(of.LOG_NORM_RATIO, critical),
                    ),
                ),
            )
        )
    return checks


def _fixed_first_layers(profile: Profile) -> list[Check]:
    """Decreasing schedules keep max a_k fixed: the exact law holds, the lognormal limit does not."""
    checks = []
    for branch in BRANCHES:
        # Every distinct factor costs a law of its own, which is cheap for linear branches only.
        factors = (_decreasing if branch == "linear" else _front_loaded)(400)
        network = _scaled(branch, "gaussian", factors)
        multiplier = layer_law(network)
        law = finite_depth_law(multiplier, factors)
        limit = Normal.of(lognormal_limit(multiplier, _TOTAL))
        checks.append(
            Check(
                name=f"{label(network)}-decreasing",
                experiments=(network,),
                quantity="Kolmogorov distance between $\\log R$ and the sum of independent $\\log M_k$, decreasing "
                "schedule",
                estimator=DistanceEstimator(of.LOG_NORM_RATIO, law),
                target=(0.0, law.error),
                margin=0.04 * profile.precision,
                margin_reason="the prediction is exact at this depth and width; the margin is the resolution that the "
                "profile pays for",
                exact=True,
                variants=(
                    Variant(
                        _ANY_SCHEDULE,
                        estimator=DistanceEstimator(of.LOG_NORM_RATIO, limit),
                    ),
                ),
            )
        )
    return checks


def _schedules(profile: Profile) -> tuple[Check, ...]:
    return (*_means(profile), *_limits(profile), *_fixed_first_layers(profile))


def _pictured(_profile: Profile) -> dict[Experiment, int]:
    return {_scaled("linear", "gaussian", factors): 8192 for factors in (_waves(400), _decreasing(400))}


def _picture(samples: Sequence[Sample]) -> Picture:
    multiplier = layer_law(samples[0].experiment)
    limit = Normal.of(lognormal_limit(multiplier, _TOTAL))
    x = np.linspace(float(limit.quantile(1e-4)), float(limit.quantile(1.0 - 1e-4)), 300)
    normal = Curve("$N(\\Lambda\\kappa(1-2/d), 4\\kappa\\Lambda/d)$", x, limit.density(x))
    return Picture(
        "schedules",
        f"Linear networks of width {_WIDTH} and depth 400 with unequal scaling factors of the same sum of squares. "
        "Left: factors that all tend to zero with depth, lognormal. Right: a summable schedule, whose first layers "
        "keep their weight: not lognormal.",
        tuple(
            HistogramPanel(title, "$\\log R$", sample.column("log_norm_ratio"), (normal,))
            for title, sample in zip(("Factors tend to zero", "First factors stay"), samples, strict=True)
        ),
    )


SCHEDULES = Regime(
    name="schedules",
    title="Schedules: scaling factors that differ between layers",
    text=(
        "Only the sum of the squared factors matters, as long as no single layer does: then the log norm is normal "
        "with that sum as its time. Exact means need not even that. Summable schedules, made so that the output stays "
        "bounded at every depth, give their first layers a fixed share, and the law stays what these make of it."
    ),
    formula="\\Lambda = \\sum_k a_k^2,\\qquad \\log R \\to N\\bigl(\\Lambda\\kappa(1-\\tfrac2d),\\ "
    "\\tfrac{4\\kappa\\Lambda}{d}\\bigr)\\quad\\text{if }\\max_k a_k\\to 0,\\qquad \\mathbb{E}\\,R = "
    "\\prod_k(1+\\kappa a_k^2)",
    claims=(
        Claim(
            id="E11",
            quick_precision=1.4,
            title="Unequal scaling factors",
            statement=(
                "For any schedule $\\mathbb{E}\\,R = \\prod_k (1+\\kappa a_k^2)$, forward and backward. If $\\max_k "
                "a_k \\to 0$ and $\\sum_k a_k^2 \\to \\Lambda$, $\\log R$ tends to a normal law of mean "
                "$\\Lambda\\kappa(1-2/d)$ and variance $4\\kappa\\Lambda/d$; decreasing summable schedules have other "
                "limits."
            ),
            formula="\\log R \\to N\\bigl(\\Lambda\\kappa(1-2/d),\\,4\\kappa\\Lambda/d\\bigr)",
            source="Derived",
            derivation=(
                "Means: as E1, one layer at a time. Law: as E4, with a_k^2 as steps of time; Lindeberg's condition is "
                "max a_k -> 0. A layer with a fixed factor contributes the law of its log M, which is not normal."
            ),
            hypotheses="Symmetric independent weights of finite variance; linear or res-3 branch. Kurtosis at most 3 "
            "for the interval of the mean.",
            checks=_schedules,
            corrections=(
                Correction(
                    stated="$\\log R$ tends to $N(\\Lambda\\kappa(1-2/d),\\,4\\kappa\\Lambda/d)$ for the decreasing "
                    "schedules that keep the output bounded at every depth.",
                    corrected="Only if $\\max_k a_k \\to 0$ and $\\sum_k a_k^2$ converges: decreasing summable "
                    "schedules keep the share of their first layers and are not lognormal.",
                    variant=_ANY_SCHEDULE,
                ),
            ),
        ),
    ),
    illustrations=(Illustration(experiments=_pictured, draw=_picture),),
)
