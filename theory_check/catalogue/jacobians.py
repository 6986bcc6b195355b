"""The Jacobian of a network: determinant, law of gradients, singular values (E9, E16, E20)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from theory_check.claims import observables as of
from theory_check.claims.claim import Check, Claim, Illustration, Profile, Regime, Variant
from theory_check.claims.estimators import DistanceEstimator, Law, MeanEstimator, QuantileEstimator
from theory_check.claims.laws import Mirrored, Normal
from theory_check.claims.networks import COMBINATIONS, cell, finite_depth_law, label, layer_law, one_layer
from theory_check.experiments.cell import Cell, Sample
from theory_check.experiments.experiment import Experiment
from theory_check.findings.pictures import Curve, HistogramPanel, Picture
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch, BranchName
from theory_check.theory import moments
from theory_check.theory.joint_moments import displacement_moment
from theory_check.theory.limits import singular_value_rates
from theory_check.theory.multiplier import Multiplier

_EXACT = "the prediction is exact at this depth and width; the margin is the resolution that the profile pays for"

#: Depth at profile quick. The error of order 1/L is to shrink as fast as the margin, and no faster: a Jacobian is
#: d^3 work a layer.
_DETERMINANT_DEPTH = 64

#: Width, depth and beta of the networks whose singular values are observed.
_SPECTRUM = (4, 4000, 0.25)


def _determinant_network(branch: BranchName, weights: str, width: int, profile: Profile) -> Cell:
    depth = round(_DETERMINANT_DEPTH / profile.precision)
    return cell(branch, weights, width, depth, 0.5, jacobian=True)


def _determinant_law(kappa: float) -> Normal:
    """Return the limit of log|det J| at beta = 1/2, whatever the width.

    With X = V (linear) or V Delta W, a layer adds a tr X - a^2 tr(X^2)/2 + ...; Var tr X = kappa, E tr X^2 = kappa, and
    sums over the layers are Gaussian in the limit.
    """
    return Normal(-kappa / 2.0, kappa)


def _determinants(profile: Profile) -> tuple[Check, ...]:
    narrow = [(branch, law, 4) for branch, law in COMBINATIONS]
    wide: list[tuple[BranchName, str, int]] = [("linear", "gaussian", 8), ("res-3", "uniform", 8)]
    checks = []
    for branch, weights, width in (*narrow, *wide):
        network = _determinant_network(branch, weights, width, profile)
        kappa = layer_law(network).kappa
        other = 0.5 if branch == "linear" else 1.0
        wrong = {
            "mean 0: the layers' determinants have mean 1": Normal(0.0, kappa),
            "a quarter of the variance": Normal(-kappa / 2.0, kappa / 4.0),
            "four times the variance": Normal(-kappa / 2.0, 4.0 * kappa),
            "the law of the other branch": _determinant_law(other),
            "every direction grows as the state does, d/2 log R": Normal(kappa * (width - 2) / 2.0, kappa * width),
        }
        checks.append(
            Check(
                name=f"{label(network)}-determinant",
                experiments=(network,),
                quantity="Kolmogorov distance between $\\log|\\det J|$ and $N(-\\kappa/2,\\,\\kappa)$",
                estimator=DistanceEstimator(of.LOG_DETERMINANT, _determinant_law(kappa)),
                target=(0.0, 0.0),
                margin=0.05 * profile.precision,
                # Linear, Gaussian weights, to the next order: mean -(1 + 2/d)/(4 L), variance (1/2 + 2/d)/L. At L = 64
                # and d = 4 that moves the law by 0.005.
                margin_reason="limit law; a part of the margin is left for the finite depth, of order 1/L",
                allowance=0.25,
                variants=tuple(
                    Variant(name, estimator=DistanceEstimator(of.LOG_DETERMINANT, law)) for name, law in wrong.items()
                ),
            )
        )
    return tuple(checks)


#: Branches of the exact laws backward: name of the point and branch.
_BRANCHES = (
    ("linear", Branch("linear")),
    ("res-3", Branch("res-3")),
    ("leaky", Branch("res-3", Activation("leaky", 0.3))),
)


def _gradient_laws(profile: Profile) -> list[Check]:
    checks = []
    for name, branch in _BRANCHES:
        # Many layers at the critical scaling, and two whose one-layer law matters, without the atoms of a single one.
        for depth, beta in ((50, 0.5), (2, 0.0)):
            # Dense: the reduced kernel would take the law backward from the theory that is to be checked.
            network = cell(branch, "gaussian", 10, depth, beta, gradients=True, kernel="dense")
            multiplier, a, layers = one_layer(network)
            law = finite_depth_law(multiplier, a, layers)
            wrong: dict[str, Law] = {"gradients shrink as states grow: the law of -log R": Mirrored(law)}
            if depth > 2:
                wider = replace(multiplier, width=2 * multiplier.width)
                wrong["the law of twice the width"] = finite_depth_law(wider, a, layers)
            elif branch.has_inner:
                bare = Multiplier(multiplier.width, "linear", 0.0, multiplier.kappa)
                wrong["no factor of the inner matrix in the law of a layer"] = finite_depth_law(bare, a, layers)
            checks.append(
                Check(
                    name=f"{name}-gaussian-d10-depth{depth}-law",
                    experiments=(network,),
                    quantity="Kolmogorov distance between $\\log R^*$ and the exact law of $\\log R$",
                    estimator=DistanceEstimator(of.LOG_GRADIENT_RATIO, law),
                    target=(0.0, law.error),
                    margin=0.04 * profile.precision,
                    margin_reason=_EXACT,
                    exact=True,
                    variants=tuple(
                        Variant(text, estimator=DistanceEstimator(of.LOG_GRADIENT_RATIO, one))
                        for text, one in wrong.items()
                    ),
                )
            )
    return checks


def _squared_gradient_displacements(profile: Profile) -> list[Check]:
    checks = []
    for name, branch in _BRANCHES:
        network = cell(branch, "gaussian", 20, 16, 1.0, gradients=True, kernel="dense")
        layer = one_layer(network)
        target = moments.displacement_second_moment(*layer)
        mean = moments.mean_displacement(*layer)
        other = moments.mean_displacement(replace(layer[0], gain=2.0 * layer[0].gain), *layer[1:])
        checks.append(
            Check(
                name=f"{name}-gaussian-d20-squared-displacement",
                experiments=(network,),
                quantity="$\\mathbb{E}\\,(D^*)^2$",
                estimator=MeanEstimator(
                    of.Exponential("log_gradient_displacement", 4.0), displacement_moment(*layer, order=4) - target**2
                ),
                target=(target, target),
                margin=0.05 * profile.precision * target,
                margin_reason=_EXACT,
                exact=True,
                variants=(
                    Variant("D* does not fluctuate", (mean**2, mean**2)),
                    Variant("weights of twice the variance", (other**2, other**2)),
                ),
            )
        )
    return checks


def _backward(profile: Profile) -> tuple[Check, ...]:
    return (*_gradient_laws(profile), *_squared_gradient_displacements(profile))


def _spectrum(profile: Profile) -> tuple[Check, ...]:
    checks = []
    width, depth, beta = _SPECTRUM[0], _SPECTRUM[1] * profile.depth, _SPECTRUM[2]
    for branch, weights in COMBINATIONS:
        network = cell(branch, weights, width, depth, beta, jacobian=True)
        multiplier = layer_law(network)
        kappa, time = multiplier.kappa, float(depth) ** (1.0 - 2.0 * beta)
        rates = singular_value_rates(multiplier)
        others = singular_value_rates(Multiplier(width, "linear", 0.0, 0.5 if branch == "linear" else 1.0))
        # The log sigma_i repel each other while they are near, which leaves constants of order 1, whatever kappa, that
        # the time L^(1 - 2 beta) divides: with root precision the margin shrinks as they do or slower. It is below half
        # of the spacing kappa / d of the rates, so that all medians together prove their order.
        margin = 0.39 * kappa / width * profile.precision**0.5
        for i, rate in enumerate(rates.tolist()):
            wrong = {
                "equal rates": -kappa / (2.0 * width),
                "a symmetric spectrum: kappa (d - 2 i + 1) / (2 d)": rate + kappa / (2.0 * width),
                "kappa of the other branch": float(others[i]),
            }
            checks.append(
                Check(
                    name=f"{label(network)}-sigma{i + 1}",
                    experiments=(network,),
                    quantity=f"median of $L^{{2\\beta-1}}\\log\\sigma_{{{i + 1}}}(J)$",
                    estimator=QuantileEstimator(
                        of.Component("log_singular_values", i, 1.0 / time),
                        0.5,
                        Normal(rate, kappa / (width * time)),
                    ),
                    target=(rate, rate),
                    margin=margin,
                    margin_reason="limit in probability, approached like L^(2 beta - 1) times a constant of order 1, "
                    "for which a part of the margin is left; less than half of the spacing of the rates, so that "
                    "agreement of all includes their order",
                    allowance=0.6,
                    variants=tuple(
                        Variant(name, (value, value))
                        for name, value in wrong.items()
                        if abs(value - rate) > 2.0 * margin
                    ),
                )
            )
    return tuple(checks)


_PICTURED_BRANCHES: tuple[BranchName, ...] = ("linear", "res-3")


def _pictured(profile: Profile) -> dict[Experiment, int]:
    return {_determinant_network(branch, "uniform", 4, profile): 16384 for branch in _PICTURED_BRANCHES}


def _picture(samples: Sequence[Sample]) -> Picture:
    panels = []
    for branch, sample in zip(_PICTURED_BRANCHES, samples, strict=True):
        law = _determinant_law(layer_law(sample.experiment).kappa)
        x = np.linspace(float(law.quantile(1e-4)), float(law.quantile(1.0 - 1e-4)), 300)
        curve = Curve("$N(-\\kappa/2, \\kappa)$", x, law.density(x))
        panels.append(HistogramPanel(f"{branch}, width 4", "$\\log|\\det J|$", of.LOG_DETERMINANT([sample]), (curve,)))
    return Picture(
        "jacobians",
        f"Log determinant of the Jacobian of networks of width 4 and depth {samples[0].experiment.network.depth} "
        "(uniform weights) with the density of the limit law, in which the width does not appear.",
        tuple(panels),
    )


JACOBIANS = Regime(
    name="jacobians",
    title="Jacobians",
    text=(
        "The Jacobian of a network with a homogeneous branch is a product of independent matrices close to the "
        "identity. At the critical scaling its determinant is lognormal with parameters that do not depend on the "
        "width. With Gaussian weights the gradient norm has the law of the output norm. For smaller exponents every "
        "singular value grows or decays at a rate of its own, evenly spaced."
    ),
    formula="\\log|\\det J| \\to N(-\\tfrac{\\kappa}{2},\\,\\kappa)\\ \\ (\\beta = \\tfrac12),\\qquad "
    "L^{2\\beta-1}\\log\\sigma_i(J) \\to \\frac{\\kappa(d-2i)}{2d}\\ \\ (0 < \\beta < \\tfrac12)",
    claims=(
        Claim(
            id="E9",
            quick_precision=1.4,
            title="Log determinant of the Jacobian",
            statement=(
                "At $\\beta = 1/2$ $\\log|\\det J|$ tends to $N(-1/2, 1)$ for linear branches and to $N(-1/4, 1/2)$ "
                "for res-3, whatever the width."
            ),
            formula="\\log|\\det \\partial h_L/\\partial h_0| \\to N(-\\kappa/2,\\,\\kappa)",
            source="Derived",
            derivation=(
                "log|det(I + a X)| = a tr X - a^2 tr(X^2)/2 + O(a^3) with X = V, or V Delta W with the slopes Delta on "
                "the diagonal. Var tr X = kappa and E tr X^2 = kappa whatever d, and the layers' determinants are "
                "independent."
            ),
            hypotheses="Symmetric independent V and W of unit variance; linear or res-3 with a piecewise linear "
            "activation.",
            checks=_determinants,
        ),
        Claim(
            id="E16",
            quick_precision=1.5,
            title="Gradients have the law of outputs",
            statement=(
                "With Gaussian weights the gradient ratio $R^*$ and displacement $D^*$ have, at every depth, the laws "
                "of $R$ and $D$; for res-3 also with leaky activations."
            ),
            formula="(R^*, D^*) \\overset{d}{=} (R, D)",
            source="Derived",
            derivation=(
                "The layer Jacobians are independent copies of I + a V Delta W, Delta independent of V and W with "
                "entries 1 or the slope, probability 1/2 each. For Gaussian V and W the transpose of V Delta W has the "
                "same law, and the layers may be taken in the opposite order."
            ),
            hypotheses="Gaussian V and W; the gradient at the output is independent of the residual weights. Checked "
            "on the law of R* and the second moment of D*.",
            checks=_backward,
        ),
        Claim(
            id="E20",
            quick_precision=1.5,
            title="Rates of the singular values",
            statement=(
                "For $0 < \\beta < 1/2$ the logarithm of the $i$-th singular value of the Jacobian, divided by "
                "$L^{1-2\\beta}$, tends to $\\kappa(d-2i)/(2d)$: $d$ distinct, evenly spaced rates."
            ),
            formula="L^{2\\beta-1}\\log\\sigma_i(J) \\to \\frac{\\kappa(d-2i)}{2d},\\qquad i = 1, \\dots, d",
            source="Derived",
            derivation=(
                "Gram-Schmidt on the images of an orthonormal frame. In mean and units of kappa a^2/d, the part of the "
                "i-th image that is orthogonal to the i - 1 before it gains d - i + 1 from the noise in the directions "
                "that are left, loses i - 1 because the earlier images lean towards it, and its logarithm loses 2 for "
                "the variance of the component along itself: half of d - 2 i is the growth of log sigma_i. The sum "
                "over i is -kappa/2, the drift of log|det J|."
            ),
            hypotheses="Symmetric independent V and W of unit variance; linear or res-3 with a piecewise linear "
            "activation.",
            checks=_spectrum,
        ),
    ),
    illustrations=(Illustration(experiments=_pictured, draw=_picture),),
)
