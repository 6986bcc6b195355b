"""What happens where the hypotheses fail: infinite variance, zero last layers, other variances (E15)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from theory_check.catalogue.universality import breaking_checks
from theory_check.claims import observables as of
from theory_check.claims.bands import band
from theory_check.claims.claim import Check, Claim, Correction, Illustration, Profile, Regime, Variant
from theory_check.claims.estimators import MeanEstimator, ProportionEstimator
from theory_check.claims.networks import BRANCHES, cell, dominated_layer, label
from theory_check.experiments.cell import Cell, Sample
from theory_check.experiments.experiment import Experiment
from theory_check.findings.pictures import Curve, Picture, RatePanel
from theory_check.inference.intervals import quantile_interval
from theory_check.networks.branches import BranchName
from theory_check.theory import moments
from theory_check.theory.multiplier import Multiplier

_WIDTH = 20

#: Entries with heavy tails take a hundred times longer to draw, so these networks are narrow.
_HEAVY_WIDTH = 8
_STABLE_INDEX = 1.5
_ONE_FACTOR = "the inner and the outer matrix share one factor"
_HEAVY = f"student:df={_STABLE_INDEX}"


def _non_trivial_bound(network: Cell, delta: float = 0.05) -> float:
    """Return Chebyshev's upper bound on D for entries of unit variance, E D + sd(D)/sqrt(delta), as in P3."""
    layer = dominated_layer(replace(network, weights=cell("linear", "gaussian", 1, 1, 0.5).weights))
    return moments.mean_displacement(*layer) + math.sqrt(moments.displacement_variance(*layer) / delta)


def _heavy_tails(profile: Profile) -> list[Check]:
    checks = []
    for branch in BRANCHES:
        network = cell(branch, _HEAVY, _HEAVY_WIDTH, 200 * profile.depth, 0.5)
        bound = _non_trivial_bound(network)
        below = of.Between(of.DISPLACEMENT, upper=bound)
        checks.append(
            Check(
                name=f"{label(network)}-unbounded",
                experiments=(network,),
                quantity=f"$\\mathbb{{P}}(D > {bound:.3g})$ for entries without variance",
                estimator=ProportionEstimator(of.Between(of.DISPLACEMENT, lower=bound), truth=0.97),
                target=(0.85, 1.0),
                margin=0.08 * profile.precision,
                margin_reason="D tends to infinity in probability; 15% is left for the depth of the profile",
                variants=(
                    Variant("non-trivial limit (P3): D below its upper bound", estimator=ProportionEstimator(below)),
                ),
            )
        )
    return checks


def _zero_last_layers(profile: Profile) -> list[Check]:
    checks = []
    for branch in BRANCHES:
        for beta in (0.0, 0.5):
            network = cell(branch, "zero", _WIDTH, 64, beta)
            moved = of.Between(of.ROOT_DISPLACEMENT, lower=np.nextafter(0.0, 1.0))
            checks.append(
                Check(
                    name=f"{label(network)}-beta{beta:g}-identity",
                    experiments=(network,),
                    quantity="$\\mathbb{P}(D = 0)$ with zero last layers",
                    estimator=ProportionEstimator(of.Between(of.ROOT_DISPLACEMENT, upper=0.0), truth=1.0, exact=True),
                    target=(1.0, 1.0),
                    margin=0.01 * profile.precision,
                    margin_reason="an identity; the margin is the share of networks that a sample of this size could "
                    "overlook",
                    exact=True,
                    variants=(Variant("the network moves its input", estimator=ProportionEstimator(moved)),),
                )
            )
    return checks


def _other_variances(profile: Profile) -> list[Check]:
    """PyTorch's default for a Linear layer, uniform on +-1/sqrt(d), has a third of the unit variance."""
    checks = []
    for branch, factor in (("linear", 3.0), ("res-3", 9.0)):
        network = cell(branch, "uniform:variance=pytorch", _WIDTH, 64, 0.5, gradients=True)
        multiplier, a, depth = dominated_layer(network)
        target = moments.mean_displacement(multiplier, a, depth)

        def other(
            scale: float, multiplier: Multiplier = multiplier, a: float = a, depth: int = depth
        ) -> tuple[float, float]:
            mean = moments.mean_displacement(replace(multiplier, gain=scale), a, depth)
            return mean, mean

        for name, observable, symbol in (
            ("displacement", of.DISPLACEMENT, "D"),
            ("gradient", of.GRADIENT_DISPLACEMENT, "D^*"),
        ):
            checks.append(
                Check(
                    name=f"{label(network)}-default-{name}",
                    experiments=(network,),
                    quantity=f"$\\mathbb{{E}}\\,{symbol}$ with PyTorch's default variance, $\\kappa/{factor:g}$",
                    estimator=MeanEstimator(observable, moments.displacement_variance(multiplier, a, depth)),
                    target=(target, target),
                    margin=0.06 * profile.precision * target,
                    margin_reason="the prediction is exact at this depth and width; the margin is the resolution that "
                    "the profile pays for",
                    exact=True,
                    variants=(
                        Variant("unit variance", other(1.0)),
                        Variant(
                            _ONE_FACTOR if factor == 9.0 else "a ninth",
                            other(1.0 / 3.0 if factor == 9.0 else 1.0 / 9.0),
                        ),
                    ),
                )
            )
    return checks


def _contrasts(profile: Profile) -> tuple[Check, ...]:
    return (
        *_heavy_tails(profile),
        *_zero_last_layers(profile),
        *_other_variances(profile),
        *breaking_checks(profile),
    )


_PICTURE_DEPTHS = (10, 32, 100, 320, 1000)
_PICTURE_WEIGHTS = ("gaussian", "uniform:variance=pytorch", _HEAVY)


def _pictured(_profile: Profile) -> dict[Experiment, int]:
    branch: BranchName = "res-3"
    return {
        cell(branch, weights, _HEAVY_WIDTH, depth, 0.5, kernel="dense"): 256
        for weights in _PICTURE_WEIGHTS
        for depth in _PICTURE_DEPTHS
    }


def _picture(samples: Sequence[Sample]) -> Picture:
    depths = np.array(_PICTURE_DEPTHS, dtype=np.float64)
    bands, curves = [], []
    for row, weights in enumerate(_PICTURE_WEIGHTS):
        group = samples[row * len(_PICTURE_DEPTHS) : (row + 1) * len(_PICTURE_DEPTHS)]
        medians = [quantile_interval(of.ROOT_DISPLACEMENT([s]), 0.5, alpha=0.01) for s in group]
        bands.append(band(f"{weights}, median", depths, medians))
        if weights != _HEAVY:  # no moment to draw
            root = [math.sqrt(moments.mean_displacement(*dominated_layer(s.experiment))) for s in group]
            curves.append(Curve(f"{weights}, root of the exact mean", depths, np.array(root)))
    return Picture(
        "contrasts",
        f"Displacement against depth at the critical scaling (res-3, width {_HEAVY_WIDTH}; medians of 256 networks "
        "with 99% intervals). Entries without variance have no limit; PyTorch's default variance moves the limit.",
        (RatePanel("Displacement against depth", "depth $L$", "$\\sqrt{D}$", tuple(bands), tuple(curves)),),
    )


CONTRASTS = Regime(
    name="contrasts",
    title="Contrasts: where the hypotheses fail",
    text=(
        "The critical scaling is a statement about entries of finite variance that are not zero. Without variance the "
        "largest entries decide and the displacement grows without bound; with a zero last layer the network is the "
        "identity at every scaling; with another variance the limit law is that of another kappa."
    ),
    formula="\\mathrm{Var} = \\infty:\\ D \\to \\infty;\\qquad V = 0:\\ D = 0;\\qquad \\mathrm{Var} = v:\\ \\kappa "
    "\\to v_V v_W \\kappa",
    claims=(
        Claim(
            id="E15",
            quick_precision=2.0,
            title="Heavy tails and degenerate initialisations",
            statement=(
                "At $\\beta = 1/2$ entries of infinite variance have no non-trivial limit: $D \\to \\infty$ in "
                "probability. Zero last layers give the identity at every $\\beta$. PyTorch's default variance divides "
                "$\\kappa$ by 3 for linear branches and by 9 for res-3 without a bias. Tied weights explode. Skewed "
                "weights inside the activation make $\\kappa$ depend on the direction of $h$."
            ),
            formula="D \\to \\infty\\ (\\alpha\\text{-stable tails}),\\qquad \\mathbb{E}\\,D = (1+v_V v_W\\kappa "
            "a^2)^L-1",
            source="Derived; the contrast to P3",
            derivation=(
                "Among L d^2 entries with tails of index 3/2 the largest is of order (L d^2)^(2/3); scaled by "
                "(L d)^(-1/2) and applied to a coordinate of h it moves the output by a multiple of L^(1/6), which no "
                "other layer undoes. Variances of V and W enter every law through kappa alone. For tied linear layers "
                "log R / sqrt(L) tends to twice the largest real part of an eigenvalue of V. E ||relu(W h)||^2 is half "
                "of ||h||^2 only if (W h)_i keeps half of its second moment on the positive side: skewness l "
                "multiplies it by 1 + l sqrt(2/pi)/3 times the sum of cubes of the direction of h. From h_0 = (1, ..., "
                "1) that sum has the order d^(-1/2) of the deviation of log R: the limit law is missed at every width."
            ),
            hypotheses="Those of E1, E4 and P3 but one; linear or res-3 branch.",
            checks=_contrasts,
            corrections=(
                Correction(
                    stated="PyTorch's default variance, $1/(3d)$, divides $\\kappa$ by 3.",
                    corrected="For linear branches; in both matrices of res-3 it divides $\\kappa$ by 9.",
                    variant=_ONE_FACTOR,
                ),
            ),
        ),
    ),
    illustrations=(Illustration(experiments=_pictured, draw=_picture),),
)
