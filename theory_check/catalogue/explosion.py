"""The explosion regime, 0 < beta < 1/2, and its threshold at width 2 (P2, E7)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from theory_check.catalogue.exponents import growth_exponent
from theory_check.claims import observables as of
from theory_check.claims.bands import band
from theory_check.claims.claim import Check, Claim, Correction, Illustration, Profile, Regime, Variant
from theory_check.claims.estimators import DistanceEstimator, ProportionEstimator, QuantileEstimator
from theory_check.claims.laws import Normal
from theory_check.claims.networks import (
    BRANCHES,
    COMBINATIONS,
    SOURCE,
    cell,
    distance_from_normal,
    finite_depth_law,
    label,
    one_layer,
)
from theory_check.experiments.cell import Cell, KernelName, Sample
from theory_check.experiments.experiment import Experiment
from theory_check.findings.pictures import Curve, PathPanel, Picture, RatePanel
from theory_check.inference.intervals import quantile_interval
from theory_check.networks.branches import BranchName
from theory_check.theory.limits import explosion_law, explosion_rate
from theory_check.theory.multiplier import Multiplier

_BETA = 0.25

_EVERY_WIDTH = "explosion at width 1"

_FLUCTUATION_GRID: tuple[tuple[BranchName, int], ...] = (("linear", 3), ("linear", 9), ("res-3", 9), ("res-3", 30))
_THRESHOLD_GRID: tuple[tuple[BranchName, int], ...] = (
    ("linear", 1),
    ("linear", 2),
    ("linear", 3),
    ("res-3", 2),
    ("res-3", 3),
)


def _matrices(branch: BranchName, width: int, profile: Profile) -> Cell:
    """Gaussian networks with every weight drawn at small widths, where it costs no more than the reduction."""
    kernel: KernelName = "dense" if width <= 4 else "reduced"
    return cell(branch, "gaussian", width, 1000 * profile.depth, _BETA, kernel=kernel)


def _explodes(profile: Profile) -> tuple[Check, ...]:
    """P(D >= bound) for a bound that grows without limit, and its opposite as the wrong variant."""
    checks = []
    for branch, law in COMBINATIONS:
        network = cell(branch, law, 20, 400 * profile.depth, _BETA)
        multiplier, a, depth = one_layer(network)
        centre = explosion_law(multiplier, a, depth)
        # sqrt(D) >= sqrt(R) - 1, and log R is 4 standard deviations above this bound.
        deviation = math.sqrt(centre.variance)
        bound = (math.exp((centre.mean - 4.0 * deviation) / 2.0) - 1.0) ** 2
        near = (math.exp((centre.mean - deviation) / 2.0) - 1.0) ** 2
        still = Variant(
            "non-trivial limit: D below the upper bound of the critical scaling",
            estimator=ProportionEstimator(of.Between(of.DISPLACEMENT, upper=bound)),
        )
        checks.append(
            Check(
                name=label(network),
                experiments=(network,),
                quantity=f"$\\mathbb{{P}}(D \\geq {bound:.3g})$",
                estimator=ProportionEstimator(of.Between(of.DISPLACEMENT, lower=bound), truth=0.999),
                target=(0.98, 1.0),
                margin=0.02 * profile.precision,
                margin_reason="the bound lies four standard deviations inside; 2% is left for the normal approximation",
                variants=(
                    still,
                    Variant(
                        f"the same probability for D above {near:.3g}, one deviation below the centre",
                        estimator=ProportionEstimator(of.Between(of.DISPLACEMENT, lower=near)),
                    ),
                ),
            )
        )
    return tuple(checks)


def _rates(profile: Profile) -> list[Check]:
    """L^(2 beta - 1) log R near kappa (1 - 2/d), for laws without a finite-depth formula."""
    checks = []
    for branch, law in COMBINATIONS:
        network = cell(branch, law, 20, 400 * profile.depth, _BETA)
        multiplier, a, depth = one_layer(network)
        approximate = explosion_law(multiplier, a, depth)
        factor = 1.0 / (a * a * depth)
        rate = explosion_rate(multiplier)
        checks.append(
            Check(
                name=f"{label(network)}-rate",
                experiments=(network,),
                quantity="median of $L^{2\\beta-1}\\log R$",
                estimator=QuantileEstimator(
                    of.Scaled("log_norm_ratio", factor),
                    0.5,
                    Normal(factor * approximate.mean, factor * factor * approximate.variance),
                ),
                target=(rate, rate),
                margin=0.1 * rate * math.sqrt(profile.precision),
                margin_reason="limit in probability; the next term is of relative order a^2 = L^(-1/2), 2.5% at depth "
                "400",
                allowance=0.5,
                variants=(
                    Variant("three times the width correction", (rate - 4.0 * rate / 18.0,) * 2),
                    Variant("kappa of the other branch", (rate * (0.5 if branch == "linear" else 2.0),) * 2),
                ),
            )
        )
    return checks


def _fluctuations(profile: Profile) -> list[Check]:
    checks = []
    for branch, width in _FLUCTUATION_GRID:
        network = _matrices(branch, width, profile)
        multiplier, a, depth = one_layer(network)
        centred = explosion_law(multiplier, a, depth)
        law = Normal.of(centred)
        remainder = distance_from_normal(multiplier, a, depth, law.mean, law.variance)
        deviation = math.sqrt(law.variance)
        checks.append(
            Check(
                name=f"{label(network)}-fluctuations",
                experiments=(network,),
                quantity="Kolmogorov distance between $\\log R$ and $N(L\\,\\mathbb{E}\\log M,\\ "
                "L\\,\\mathrm{Var}\\log M)$",
                estimator=DistanceEstimator(of.LOG_NORM_RATIO, law),
                target=(0.0, 0.0),
                margin=0.05 * profile.precision,
                margin_reason="limit law; its exact distance from the law at this depth is the remainder",
                remainder=remainder,
                variants=(
                    Variant(
                        "centred at the log of the mean",
                        estimator=DistanceEstimator(
                            of.LOG_NORM_RATIO, Normal(depth * math.log1p(multiplier.kappa * a * a), law.variance)
                        ),
                    ),
                    Variant(
                        "centred one standard deviation higher",
                        estimator=DistanceEstimator(of.LOG_NORM_RATIO, Normal(law.mean + deviation, law.variance)),
                    ),
                ),
            )
        )
    return checks


def _threshold(profile: Profile) -> list[Check]:
    """Sign of log R at widths 1, 2, 3: the exact probability at this depth, for Gaussian weights."""
    checks = []
    reason = "the prediction is exact at this depth and width; the margin is the resolution that the profile pays for"
    for branch, width in _THRESHOLD_GRID:
        network = _matrices(branch, width, profile)
        multiplier, a, depth = one_layer(network)
        law = finite_depth_law(multiplier, a, depth)
        growing = 1.0 - float(law.cdf(0.0))
        wrong = Multiplier(width + 1, multiplier.kind, multiplier.slope, multiplier.gain)
        other = 1.0 - float(finite_depth_law(wrong, a, depth).cdf(0.0))
        checks.append(
            Check(
                name=f"{label(network)}-sign",
                experiments=(network,),
                quantity="$\\mathbb{P}(\\log R > 0)$",
                estimator=ProportionEstimator(of.Between(of.LOG_NORM_RATIO, lower=np.nextafter(0.0, 1.0))),
                target=(max(growing - law.error, 0.0), min(growing + law.error, 1.0)),
                margin=0.03 * profile.precision,
                margin_reason=reason,
                exact=True,
                variants=(Variant(f"the threshold is at width {width - 1 if width > 1 else 0}", (other, other)),)
                if abs(other - growing) > 0.12
                else (),
            )
        )
    network = _matrices("linear", 1, profile)
    multiplier, a, depth = one_layer(network)
    law = finite_depth_law(multiplier, a, depth)
    near_one = of.Between(of.ROOT_DISPLACEMENT, 0.9, 1.1)
    # sqrt(D) = |h_L/h_0 - 1|, and |h_L/h_0| = sqrt(R): within 0.1 of 1 as soon as sqrt(R) <= 0.1.
    collapsed = float(law.cdf(2.0 * math.log(0.1)))
    checks.append(
        Check(
            name=f"{label(network)}-collapse",
            experiments=(network,),
            quantity="$\\mathbb{P}(|\\sqrt D - 1| \\leq 0.1)$",
            estimator=ProportionEstimator(near_one),
            target=(collapsed - law.error, 1.0),
            margin=0.01 * profile.precision,
            margin_reason=reason,
            exact=True,
            variants=(
                Variant(
                    _EVERY_WIDTH,
                    estimator=ProportionEstimator(of.Between(of.ROOT_DISPLACEMENT, lower=1.1)),
                ),
                Variant(
                    "identity at width 1", estimator=ProportionEstimator(of.Between(of.ROOT_DISPLACEMENT, upper=0.9))
                ),
            ),
        )
    )
    return checks


def _explosion_laws(profile: Profile) -> tuple[Check, ...]:
    exponents = [growth_exponent(profile, branch, beta) for branch in BRANCHES for beta in (0.15, 0.25, 0.4)]
    return (*_rates(profile), *_fluctuations(profile), *_threshold(profile), *exponents)


_PATH_WIDTHS = (1, 2, 9)
_GROWTH_DEPTHS = (10, 32, 100, 320, 1000)


def _pictured(_profile: Profile) -> dict[Experiment, int]:
    depth = 800
    positions = tuple(range(0, depth + 1, 10))
    growth = [cell("res-3", "uniform", 40, length, _BETA) for length in _GROWTH_DEPTHS]
    paths = [cell("linear", "gaussian", width, depth, _BETA, recorded_depths=positions) for width in _PATH_WIDTHS]
    return {**dict.fromkeys(growth, 512), **dict.fromkeys(paths, 64)}


def _picture(samples: Sequence[Sample]) -> Picture:
    growth, paths = samples[: len(_GROWTH_DEPTHS)], samples[len(_GROWTH_DEPTHS) :]
    medians = [quantile_interval(of.ROOT_DISPLACEMENT([s]), 0.5, alpha=0.01) for s in growth]
    depths = np.array(_GROWTH_DEPTHS, dtype=np.float64)
    centres = [explosion_law(*one_layer(s.experiment)).mean for s in growth]
    # D is close to R - 1, because <h_L, h_0> stays close to ||h_0||^2.
    predicted = np.array([math.sqrt(math.expm1(c)) for c in centres])
    panels: list[RatePanel | PathPanel] = [
        RatePanel(
            "Displacement against depth",
            "depth $L$",
            "$\\sqrt{D}$",
            (band("median, $\\beta = 1/4$", depths, medians),),
            (Curve("theory, $R = e^{L E \\log M}$", depths, predicted),),
        )
    ]
    for sample in paths:
        law = explosion_law(*one_layer(sample.experiment))
        times = np.array(sample.experiment.recorded_depths) / sample.experiment.network.depth
        panels.append(
            PathPanel(
                f"Width {sample.experiment.network.width}",
                "$k / L$",
                "$\\log(\\Vert h_k\\Vert^2 / \\Vert h_0\\Vert^2)$",
                times,
                sample.column("norm_profile")[:32],
                (Curve("predicted mean", times, law.mean * times),),
            )
        )
    return Picture(
        "explosion",
        "First: the displacement grows faster than any power of the depth (res-3, uniform weights, width 40; medians "
        "of 512 networks with 99% intervals). Then: log norms along linear networks of depth 800 at $\\beta = 1/4$: "
        "width 1 collapses, width 2 wanders, width 9 explodes.",
        tuple(panels),
    )


EXPLOSION = Regime(
    name="explosion",
    title="Explosion: beta below 1/2",
    text=(
        "When the scaling factor decays more slowly than $L^{-1/2}$, the output of a wide enough network explodes. "
        "Enough means more than two: at width 2 the log norm has no drift, and at width 1 the output collapses "
        "although its mean square explodes, carried by rare paths."
    ),
    formula=(
        "L^{2\\beta-1}\\log R \\;\\to\\; \\kappa\\bigl(1-\\tfrac2d\\bigr)\\quad\\text{in probability},\\qquad 0 < "
        "\\beta < \\tfrac12"
    ),
    claims=(
        Claim(
            id="P2",
            quick_precision=2.0,
            title="Explosion below the critical scaling",
            statement="For $\\beta < 1/2$ and width above 2 the displacement tends to infinity in probability.",
            formula="\\sqrt D \\to \\infty\\ \\text{in probability},\\qquad \\beta < \\tfrac12,\\ d > 2",
            source=SOURCE + " (the paper asks for a large width; the threshold is E7's)",
            derivation=(
                "By E7 log R exceeds its centre minus four standard deviations, which tends to infinity with depth, "
                "with probability close to 1; sqrt(D) >= sqrt(R) - 1."
            ),
            hypotheses="Symmetric independent weights; linear or res-3 branch; d > 2.",
            checks=_explodes,
        ),
        Claim(
            id="E7",
            quick_precision=1.1,
            title="Law in the explosion regime and its threshold",
            statement=(
                "For $0 < \\beta < 1/2$, $L^{2\\beta-1}\\log R$ tends to $\\kappa(1-2/d)$ with Gaussian fluctuations: "
                "width 2 is the threshold between collapse and explosion."
            ),
            formula="L^{2\\beta-1}\\log R \\to \\kappa(1-2/d)",
            source="Derived; sharpens P2",
            derivation=(
                "log R is a sum of L terms of mean a^2 kappa (1 - 2/d) + O(a^4) and variance 4 a^2 kappa / d. With "
                "Gaussian weights they are independent and identically distributed, so the centre L E log M and the "
                "variance L Var log M are known exactly. The sign of 1 - 2/d decides. Exponents: the median of the "
                "exact law at each of two depths."
            ),
            hypotheses="Symmetric independent weights; 0 < beta < 1/2; linear or res-3 branch. Gaussian weights for "
            "the law.",
            checks=_explosion_laws,
            corrections=(
                Correction(
                    stated="Below $\\beta = 1/2$ the displacement explodes in probability, whatever the width, as its "
                    "mean does.",
                    corrected="Above width 2. At width 1 $D \\to 1$: the output collapses, although "
                    "$\\mathbb{E}\\,D$ explodes; at width 2 $\\log R$ has no drift.",
                    variant=_EVERY_WIDTH,
                ),
            ),
        ),
    ),
    illustrations=(Illustration(experiments=_pictured, draw=_picture),),
)
