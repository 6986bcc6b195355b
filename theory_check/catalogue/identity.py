"""The identity regime, beta > 1/2: the network does nothing as depth grows (P1, E6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from theory_check.catalogue.exponents import exponent_checks
from theory_check.claims import observables as of
from theory_check.claims.bands import band
from theory_check.claims.claim import Check, Claim, Illustration, Profile, Regime, Variant
from theory_check.claims.estimators import DistanceEstimator, ProportionEstimator, SlopeEstimator
from theory_check.claims.laws import ScaledChiSquare
from theory_check.claims.networks import COMBINATIONS, SOURCE, cell, label, one_layer
from theory_check.experiments.cell import Cell, Sample
from theory_check.experiments.experiment import Experiment
from theory_check.findings.pictures import Curve, HistogramPanel, Picture, RatePanel
from theory_check.inference.intervals import quantile_interval
from theory_check.theory.limits import identity_slope

_ASYMPTOTIC = (
    "the law is a limit; its error at this depth is of order L a^2, well inside the part of the margin left for it"
)


def _limit(network: Cell) -> ScaledChiSquare:
    """Law of sqrt(D) by E6: the root of L a^2 kappa chi2_d / d."""
    multiplier, a, depth = one_layer(network)
    return ScaledChiSquare(multiplier.width, multiplier.kappa * a * a * depth, root=True)


def _identity(profile: Profile) -> tuple[Check, ...]:
    """P(sqrt D <= epsilon) for an epsilon that the limit law puts at 95%, and the rate at which the median vanishes."""
    checks = []
    for branch, law in COMBINATIONS:
        network = cell(branch, law, 20, 200 * profile.depth, 1.0)
        limit = _limit(network)
        epsilon = float(limit.quantile(0.95))
        half = float(limit.quantile(0.5))
        checks.append(
            Check(
                name=f"{label(network)}-probability",
                experiments=(network,),
                quantity=f"$\\mathbb{{P}}(\\sqrt D \\leq {epsilon:.3g})$",
                estimator=ProportionEstimator(of.Between(of.ROOT_DISPLACEMENT, upper=epsilon)),
                target=(0.95, 0.95),
                margin=0.03 * profile.precision,
                margin_reason=_ASYMPTOTIC,
                allowance=0.3,
                variants=(
                    Variant(
                        "the same probability for a displacement below its median",
                        estimator=ProportionEstimator(of.Between(of.ROOT_DISPLACEMENT, upper=half)),
                    ),
                ),
            )
        )
    for branch, law, beta in (("linear", "gaussian", 0.75), ("res-3", "uniform", 1.0), ("res-3", "rademacher", 0.75)):
        depths = tuple(d * profile.depth for d in (64, 192, 576))
        cells = tuple(cell(branch, law, 20, depth, beta) for depth in depths)
        slope = identity_slope(beta)
        checks.append(
            Check(
                name=f"{label(cells[0])}-beta{beta:g}-rate",
                experiments=cells,
                quantity="slope of the median of $\\log\\sqrt D$ against $\\log L$",
                estimator=SlopeEstimator(of.ROOT_DISPLACEMENT, depths, tuple(_limit(c) for c in cells)),
                target=(slope, slope),
                margin=0.04 * profile.precision,
                margin_reason=_ASYMPTOTIC,
                # The medians at beta = 3/4 are off by a factor of about 1 + 0.19 L a^2.
                allowance=0.5,
                variants=(
                    Variant("the displacement does not vanish", (0.0, 0.0)),
                    Variant("rate -beta", (-beta, -beta)),
                ),
            )
        )
    return tuple(checks)


def _identity_laws(profile: Profile) -> tuple[Check, ...]:
    checks = []
    for branch, law in COMBINATIONS:
        network = cell(branch, law, 20, 200 * profile.depth, 1.0)
        multiplier, a, depth = one_layer(network)
        spread = multiplier.kappa * a * a * depth
        observable = of.Exponential("log_displacement", 2.0, spread)
        other = 0.5 if branch == "linear" else 2.0
        checks.append(
            Check(
                name=f"{label(network)}-law",
                experiments=(network,),
                quantity="Kolmogorov distance between $L^{2\\beta-1}D/\\kappa$ and $\\chi^2_d/d$",
                estimator=DistanceEstimator(observable, ScaledChiSquare(multiplier.width)),
                target=(0.0, 0.0),
                margin=0.05 * profile.precision,
                margin_reason=_ASYMPTOTIC,
                allowance=0.3,
                variants=(
                    Variant(
                        f"kappa is {multiplier.kappa * other:g}",
                        estimator=DistanceEstimator(observable, ScaledChiSquare(multiplier.width, other)),
                    ),
                    Variant(
                        "one degree of freedom for two coordinates",
                        estimator=DistanceEstimator(observable, ScaledChiSquare(multiplier.width // 2)),
                    ),
                ),
            )
        )
    for branch, law in COMBINATIONS:
        checks += exponent_checks(profile, branch, law, _EXPONENT_BETAS if law == "gaussian" else _EXPONENT_BETAS[1:3])
    return tuple(checks)


#: Exponents at which the rate of E D is measured.
_EXPONENT_BETAS = (0.6, 0.75, 1.0, 1.5)

_RATE_DEPTHS = (10, 32, 100, 320, 1000)
_RATE_BETAS = (1.0, 0.75)


def _pictured(profile: Profile) -> dict[Experiment, int]:
    rates = [cell("res-3", "uniform", 40, depth, beta) for beta in _RATE_BETAS for depth in _RATE_DEPTHS]
    return {**dict.fromkeys(rates, 512), cell("res-3", "uniform", 20, 200 * profile.depth, 1.0): 4096}


def _rate_picture(samples: Sequence[Sample]) -> Picture:
    bands, curves = [], []
    for row, beta in enumerate(_RATE_BETAS):
        group = samples[row * len(_RATE_DEPTHS) : (row + 1) * len(_RATE_DEPTHS)]
        medians = [quantile_interval(of.ROOT_DISPLACEMENT([s]), 0.5, alpha=0.01) for s in group]
        depths = np.array(_RATE_DEPTHS, dtype=np.float64)
        bands.append(band(f"median, $\\beta = {beta:g}$", depths, medians))
        predicted = np.array([float(_limit(s.experiment).quantile(0.5)) for s in group])
        curves.append(Curve(f"theory, slope {0.5 - beta:g}", depths, predicted))
    last = samples[-1]
    multiplier, a, depth = one_layer(last.experiment)
    scaled = of.Exponential("log_displacement", 2.0, multiplier.kappa * a * a * depth)([last])
    law = ScaledChiSquare(multiplier.width)
    x = np.linspace(float(law.quantile(1e-4)), float(law.quantile(1.0 - 1e-4)), 300)
    return Picture(
        "identity",
        "Left: the displacement vanishes with depth at the predicted rate $L^{1/2-\\beta}$ (res-3, uniform weights, "
        "width 40; medians of 512 networks with 99% intervals). Right: rescaled, it follows the chi-square law.",
        (
            RatePanel("Displacement against depth", "depth $L$", "$\\sqrt{D}$", tuple(bands), tuple(curves)),
            HistogramPanel(
                f"Law at $\\beta = 1$, width {multiplier.width}, depth {depth}",
                "$L^{2\\beta-1} D / \\kappa$",
                scaled,
                (Curve("$\\chi^2_d / d$", x, law.density(x)),),
            ),
        ),
    )


IDENTITY = Regime(
    name="identity",
    title="Identity: beta above 1/2",
    text=(
        "When the scaling factor decays faster than $L^{-1/2}$, the residual branches add up to nothing: the output "
        "is the input. The sharp statement gives the rate and the law of what is left."
    ),
    formula="L^{2\\beta-1}\\,\\frac{D}{\\kappa} \\;\\xrightarrow{\\ \\text{law}\\ }\\; \\frac{\\chi^2_d}{d},\\qquad "
    "\\beta > \\tfrac12",
    claims=(
        Claim(
            id="P1",
            quick_precision=2.0,
            title="Identity above the critical scaling",
            statement=(
                "For $\\beta > 1/2$ the displacement tends to zero in probability, at the rate $L^{1/2-\\beta}$."
            ),
            formula="\\sqrt D \\to 0 \\ \\text{in probability},\\qquad \\beta > \\tfrac12",
            source=SOURCE,
            derivation=(
                "E D = (1 + kappa a^2)^L - 1 is of order L^(1 - 2 beta). Checked sharply: the probability of staying "
                "below the 95% quantile of the law E6, which itself tends to zero with depth, and the slope of the "
                "median."
            ),
            hypotheses="Symmetric independent weights of finite variance.",
            checks=_identity,
        ),
        Claim(
            id="E6",
            title="Law of the displacement in the identity regime",
            statement="For $\\beta > 1/2$ the rescaled displacement $L^{2\\beta-1}D/\\kappa$ tends to $\\chi^2_d/d$ "
            "in law, and $\\mathbb{E}\\,D$ decreases with the exponent $1-2\\beta$.",
            formula="L^{2\\beta-1} D/\\kappa \\to \\chi^2_d/d",
            source="Derived; sharpens P1",
            derivation=(
                "To first order h_L - h_0 is a sum of L independent isotropic vectors a V g(h_0) of variance a^2 "
                "kappa ||h_0||^2 / d a coordinate; the central limit theorem makes it Gaussian. Exponents: E D = (1 + "
                "kappa a^2)^L - 1 is exact at every depth, and so is the slope of its logarithm."
            ),
            hypotheses="Symmetric independent weights of finite variance; linear or res-3 branch.",
            checks=_identity_laws,
        ),
    ),
    illustrations=(Illustration(experiments=_pictured, draw=_rate_picture),),
)
