"""Rough weights: fractional Gaussian noise along the layers. Diffusion, contraction, and the oracle (C4-C7)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from theory_check.catalogue.contraction import CONTRACTION
from theory_check.catalogue.wide_recursion import (
    INPUTS,
    LONG_MEMORY,
    MEAN_LOG_RATIO,
    MEAN_QUANTITY,
    RECURSION,
    told_apart,
)
from theory_check.claims import observables as of
from theory_check.claims.claim import Check, Claim, Correction, Illustration, Profile, Regime, Variant
from theory_check.claims.estimators import DistanceEstimator, QuantileEstimator, SpreadEstimator
from theory_check.claims.laws import Normal
from theory_check.claims.networks import SOURCE, cell
from theory_check.experiments.cell import Cell, Sample
from theory_check.experiments.experiment import Experiment
from theory_check.findings.pictures import Curve, HistogramPanel, Picture
from theory_check.networks.scalings import Scaling
from theory_check.theory.rough_weights import finite_interaction_sum, rough_lognormal_limit

#: Lambda = L a^2 of the networks of C5: drifts grow as Lambda, spreads as its root.
_TOTAL = 4.0

_DECILES = (0.1, 0.9)


def _critical(hurst: float, width: int, depth: int, *, inputs: bool = False) -> Cell:
    scaling = Scaling.constant(math.sqrt(_TOTAL / depth))
    return cell("res-3", f"fgn:hurst={hurst:g}", width, depth, scaling, inputs=INPUTS if inputs else None)


def _law(width: int, hurst: float, depth: int | None) -> Normal:
    return Normal.of(rough_lognormal_limit(width, hurst, _TOTAL, depth=depth))


def _normal(width: int, interaction: float, kappa: float = 0.5) -> Normal:
    """Return the law of C5 for another sum S or kappa."""
    mean = kappa * (1 + 2 * interaction) * (1 - 2 / width) + 2 * kappa * interaction / width
    return Normal(_TOTAL * mean, _TOTAL * 4 * kappa * (1 + 2 * interaction) / width)


def _diffusion_law(profile: Profile) -> list[Check]:
    """Law, median and spread of one network: its law is known, not only its mean."""
    width, hurst, depth = 8, 0.3, 128 * max(1, profile.depth // 2)
    network = _critical(hurst, width, depth)
    law, white = _law(width, hurst, depth), _law(width, 0.5, None)
    linear = _normal(width, finite_interaction_sum(hurst, depth), 1.0)
    name = f"res-3-d{width}-h{hurst:g}"
    low, high = (float(q) for q in law.quantile(np.array(_DECILES)))
    reason = (
        "limit law with the sum $S_L$ of this depth; what is left decays like $\\Lambda^2L^{2H-1}$ with a small "
        "constant, for which a part of the margin is left, and the depth grows while the margin shrinks"
    )
    distance = 0.125 * max(profile.precision, 0.25)
    wrong = [Variant("kappa of the linear branch", estimator=DistanceEstimator(of.LOG_NORM_RATIO, linear))]
    if profile.precision < 1.0:  # nearer than two margins before
        wrong.append(Variant("independent layers", estimator=DistanceEstimator(of.LOG_NORM_RATIO, white)))
    median, spread = 0.3 * profile.precision, 0.32 * (high - low) * profile.precision
    return [
        Check(
            name=f"{name}-law",
            experiments=(network,),
            quantity="Kolmogorov distance between $\\log R$ and the normal law with $S_L$",
            estimator=DistanceEstimator(of.LOG_NORM_RATIO, law),
            target=(0.0, 0.0),
            margin=distance,
            margin_reason=reason,
            allowance=0.12,
            variants=tuple(wrong),
        ),
        Check(
            name=f"{name}-median",
            experiments=(network,),
            quantity="median of $\\log R$",
            estimator=QuantileEstimator(of.LOG_NORM_RATIO, 0.5, law),
            target=(law.mean, law.mean),
            margin=median,
            margin_reason=reason,
            allowance=0.12,
            variants=told_apart(
                law.mean, median, {"independent layers": white.mean, "kappa of the linear branch": linear.mean}
            ),
        ),
        Check(
            name=f"{name}-spread",
            experiments=(network,),
            quantity="distance of the outer deciles of $\\log R$",
            estimator=SpreadEstimator(of.LOG_NORM_RATIO, _DECILES, law),
            target=(high - low, high - low),
            margin=spread,
            margin_reason=reason,
            allowance=0.12,
            variants=told_apart(
                high - low,
                spread,
                {
                    "variance of independent layers": _decile_spread(white),
                    "variance of the linear branch": _decile_spread(linear),
                    "mean and variance the same": _decile_spread(Normal(law.mean, law.mean)),
                },
            ),
        ),
    ]


def _decile_spread(law: Normal) -> float:
    low, high = law.quantile(np.array(_DECILES))
    return float(high - low)


def _diffusion_drift(profile: Profile) -> list[Check]:
    """Check the drift by itself, averaged over inputs: precise enough for the sum S of this depth."""
    checks = []
    for hurst in (0.3, 0.45):
        width, depth = 20, 64 * profile.depth
        target = _law(width, hurst, depth).mean
        margin = 0.18 * max(profile.precision, 0.3)
        checks.append(
            Check(
                name=f"res-3-d{width}-h{hurst:g}-drift",
                experiments=(_critical(hurst, width, depth, inputs=True),),
                quantity=MEAN_QUANTITY,
                estimator=QuantileEstimator(MEAN_LOG_RATIO, 0.5, Normal(target, 0.22**2)),
                target=(target, target),
                margin=margin,
                margin_reason="drift of the limit law with the sum $S_L$ of this depth; what is left decays "
                "like $\\Lambda^2L^{2H-1}$ and is at most 0.011 by the recursion of C4 from depth 64 on; a "
                "quarter of the margin is left for it and for the width",
                allowance=0.25,
                variants=told_apart(
                    target,
                    margin,
                    {
                        "S of infinite depth": _law(width, hurst, None).mean,
                        "independent layers": _law(width, 0.5, None).mean,
                        "kappa of the linear branch": 2.0 * target,
                    },
                ),
            )
        )
    return checks


def _diffusion(profile: Profile) -> tuple[Check, ...]:
    return (*_diffusion_law(profile), *_diffusion_drift(profile))


_PICTURE_WIDTH, _PICTURE_HURST, _PICTURE_DEPTH = 8, 0.3, 128


def _pictured(_profile: Profile) -> dict[Experiment, int]:
    """Return the network of the law at the depth of the quick profile, fewer of it than that law is judged on."""
    return {_critical(_PICTURE_HURST, _PICTURE_WIDTH, _PICTURE_DEPTH): 2000}


def _picture(samples: Sequence[Sample]) -> Picture:
    law = _law(_PICTURE_WIDTH, _PICTURE_HURST, _PICTURE_DEPTH)
    white = _law(_PICTURE_WIDTH, 0.5, None)
    x = np.linspace(float(white.quantile(1e-4)), float(white.quantile(1.0 - 1e-4)), 300)
    curves = (
        Curve("rough weights, $S_L$ of this depth", x, law.density(x)),
        Curve("independent layers", x, white.density(x)),
    )
    return Picture(
        "rough",
        f"res-3 networks of width {_PICTURE_WIDTH} and depth {_PICTURE_DEPTH} with $L a^2 = {_TOTAL:g}$, weights "
        f"fractional Gaussian noise of Hurst index {_PICTURE_HURST:g} along the layers: still lognormal, with a "
        "smaller drift and a smaller variance than independent layers.",
        (HistogramPanel("Rough weights", "$\\log R$", samples[0].column("log_norm_ratio"), curves),),
    )


DIFFUSION = Claim(
    id="C5",
    title="Rough weights still diffuse",
    statement=(
        "For $H < 1/2$ and $L a^2 \\to \\Lambda$ (at $\\beta = 1/2$, $\\Lambda = 1$) $\\log R$ of res-3 networks is "
        "asymptotically normal with mean $\\Lambda[(1+2S)(1-2/d)/2 + S/d]$ and variance $(2/d)(1+2S)\\Lambda$, $S$ "
        "being the sum of $\\rho(n)\\,\\mathrm{arc}(\\rho(n))$ over the lags of the network: "
        "$S_L = \\sum_{n<L}(1-n/L)\\,\\rho(n)\\,\\mathrm{arc}(\\rho(n))$ at depth $L$."
    ),
    formula="\\log R \\approx N\\Bigl(\\Lambda\\bigl[\\tfrac12(1+2S_L)(1-\\tfrac2d) + \\tfrac{S_L}{d}\\bigr],\\ "
    "\\tfrac{2\\Lambda}{d}(1+2S_L)\\Bigr)",
    source=f"Derived; weights of {SOURCE}, section 5",
    derivation=(
        "Layers whose weights have summable covariances average to a diffusion (Kesten, Papanicolaou 1979): the "
        "covariance of $V_k\\,\\mathrm{relu}(W_kh)$ and $V_l\\,\\mathrm{relu}(W_lh)$ is $\\|h\\|^2/(2d)$ times "
        "$\\rho\\,\\mathrm{arc}(\\rho)$, and the derivative of a later layer along an earlier one adds the drift "
        "$(S/(2d))h$; Itô's formula for $\\log\\|h\\|^2$. With the sum $S_L$ of the depth the mean is that of the "
        "second-order expansion, exact to order $a^2$; what is left comes from the distant lags, of states that have "
        "moved in between, $O(\\Lambda^2L^{2H-1})$ with a small constant."
    ),
    hypotheses="As C4; ReLU, $H < 1/2$.",
    checks=_diffusion,
    corrections=(
        Correction(
            stated="$S = \\sum_{n\\ge1}\\rho(n)\\,\\mathrm{arc}(\\rho(n))$ over all lags.",
            corrected="At depth $L$ it is $S_L$, off by $O(L^{2H-1})$, which hardly decays near $H = 1/2$: $S$ jumps "
            "from $-1/(2\\pi)$ to 0 there, $S_L$ does not.",
            variant="S of infinite depth",
        ),
    ),
)

ROUGH = Regime(
    name="rough",
    title="Rough weights: fractional noise along the layers",
    text=(
        "Weights that remember: each entry is fractional Gaussian noise along the layers, of Hurst index H. Rough "
        "weights, H < 1/2, push back and keep the diffusion of independent layers with a smaller drift and variance; "
        "linear networks of them contract. Long memory, H > 1/2, needs smaller factors, and its limit is reached so "
        "slowly that only a prediction at the depth itself can be tested."
    ),
    formula="\\rho(n) = \\tfrac12\\bigl(|n+1|^{2H} - 2|n|^{2H} + |n-1|^{2H}\\bigr)",
    claims=(RECURSION, DIFFUSION, CONTRACTION, LONG_MEMORY),
    illustrations=(Illustration(experiments=_pictured, draw=_picture),),
)
