"""Gradients: the same trichotomy backward, and what is conserved (P5, E8, E10)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from theory_check.catalogue.exponents import critical_exponent, exponent_checks, growth_exponent
from theory_check.catalogue.gradient_profile import GRADIENT_PROFILE
from theory_check.claims import observables as of
from theory_check.claims.bands import band
from theory_check.claims.claim import Check, Claim, Illustration, Profile, Regime, Variant
from theory_check.claims.estimators import MeanEstimator, ProportionEstimator
from theory_check.claims.networks import BRANCHES, COMBINATIONS, SOURCE, cell, dominated_layer, label, one_layer
from theory_check.experiments.cell import Cell, Sample
from theory_check.experiments.experiment import Experiment
from theory_check.findings.pictures import Curve, Picture, RatePanel
from theory_check.inference.intervals import mean_interval
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.theory import moments

_DEPTH = 64
_WIDTH = 20


def _trichotomy(profile: Profile) -> tuple[Check, ...]:
    checks = []
    for branch, law in COMBINATIONS:
        for beta, relative in ((1.0, 0.06), (0.5, 0.06), (0.25, 0.15)):
            network = cell(branch, law, _WIDTH, _DEPTH, beta, gradients=True)
            layer = dominated_layer(network)
            target = moments.mean_displacement(*layer)
            other = moments.mean_displacement(replace(layer[0], gain=2.0), *layer[1:])
            checks.append(
                Check(
                    name=f"{label(network)}-beta{beta:g}",
                    experiments=(network,),
                    quantity="$\\mathbb{E}\\,D^*$",
                    estimator=MeanEstimator(of.GRADIENT_DISPLACEMENT, moments.displacement_variance(*layer)),
                    target=(target, target),
                    margin=relative * profile.precision * target,
                    margin_reason=(
                        "the prediction is exact at this depth and width; the margin is the resolution that the "
                        "profile pays for"
                    ),
                    exact=True,
                    variants=(Variant("weights of twice the variance", (other, other)),),
                )
            )
    for branch in BRANCHES:
        checks += exponent_checks(profile, branch, "gaussian", (0.75, 1.5), gradient=True)
        checks.append(growth_exponent(profile, branch, 0.25, gradient=True))
        checks.append(critical_exponent(profile, branch, "gaussian", gradient=True))
    return tuple(checks)


def rounding_level(network: Cell) -> float:
    """Return the drift of <p, h> / (||p_L|| ||h_L||) that rounding can cause.

    A product with weights is a sum of d terms in single precision: relative errors of about sqrt(d + 4) 2^-24 with
    random signs, on increments of relative size a. Over the layers and their matrices, forward and backward, they add
    up like a random walk. The factor of 8 is room for its fluctuations and for the growth of ||p_k|| ||h_k|| between
    the ends.
    """
    factors = network.network.scaling.factors(network.network.depth)
    matrices = 2.0 if network.network.branch.has_inner else 1.0
    walk = math.sqrt(2.0 * matrices * (network.network.width + 4) * float(np.sum(factors**2)))
    return 8.0 * 2.0**-24 * walk


def _conservation(profile: Profile) -> tuple[Check, ...]:
    checks = []
    contrasts = {
        "a bias does not matter": Branch("res-2"),
        "a bounded activation does not matter": Branch("res-3", Activation("tanh")),
    }
    broken = [cell(branch, "uniform", _WIDTH, _DEPTH, 0.5, gradients=True) for branch in contrasts.values()]
    for branch, law in COMBINATIONS:
        # Dense for Gaussian weights too: the reduced kernel would impose the identity that is to be checked.
        network = cell(branch, law, _WIDTH, _DEPTH, 0.5, gradients=True, kernel="dense")
        bound = rounding_level(network)
        events = {
            **{name: of.PairingDefect(index + 1) for index, name in enumerate(contrasts)},
            "the pairing drifts by one part in ten thousand": of.PairingDefect(0, drift=1e-4),
        }
        checks.append(
            Check(
                name=label(network),
                experiments=(network, *broken),
                quantity=f"probability that $\\langle p, h\\rangle$ at both ends agrees within rounding, {bound:.1g}",
                estimator=ProportionEstimator(of.Between(of.PairingDefect(0), upper=bound), truth=1.0, exact=True),
                target=(1.0, 1.0),
                margin=0.01 * profile.precision,
                margin_reason="an identity; the margin is the share of networks that a sample of this size could "
                "overlook",
                exact=True,
                variants=tuple(
                    Variant(name, estimator=ProportionEstimator(of.Between(event, upper=bound)))
                    for name, event in events.items()
                ),
            )
        )
    return tuple(checks)


_PICTURE_DEPTHS = (10, 32, 100, 320, 1000)
_PICTURE_BETAS = (1.0, 0.5, 0.25)


def _pictured(_profile: Profile) -> dict[Experiment, int]:
    return {
        cell("res-3", "gaussian", 40, depth, beta, gradients=True): 1024
        for beta in _PICTURE_BETAS
        for depth in _PICTURE_DEPTHS
    }


def _picture(samples: Sequence[Sample]) -> Picture:
    panels = []
    depths = np.array(_PICTURE_DEPTHS, dtype=np.float64)
    for row, beta in enumerate(_PICTURE_BETAS):
        group = samples[row * len(depths) : (row + 1) * len(depths)]
        layers = [one_layer(s.experiment) for s in group]
        intervals = [
            mean_interval(
                of.GRADIENT_DISPLACEMENT([sample]), variance_bound=moments.displacement_variance(*layer), alpha=0.01
            )
            for sample, layer in zip(group, layers, strict=True)
        ]
        predicted = np.array([moments.mean_displacement(*layer) for layer in layers])
        panels.append(
            RatePanel(
                f"$\\beta = {beta:g}$",
                "depth $L$",
                "$E\\, D^*$",
                (band("mean, 99% interval", depths, intervals),),
                (Curve("$(1 + \\kappa a^2)^L - 1$", depths, predicted),),
            )
        )
    return Picture(
        "gradients",
        "Mean gradient displacement against depth on logarithmic axes (res-3, Gaussian weights, width 40; Catoni "
        "intervals from 1024 networks): it vanishes, settles, and explodes, on the exact curve at every depth.",
        tuple(panels),
    )


GRADIENTS = Regime(
    name="gradients",
    title="Gradients",
    text=(
        "Backward the same three regimes appear at the same thresholds. For branches without bias that scale with "
        "their input, the pairing of gradient and hidden state is constant along the depth, so gradients explode or "
        "vanish exactly where outputs do."
    ),
    formula=(
        "\\mathbb{E}\\,D^* = (1+\\kappa a_L^2)^L - 1 \\;\\to\\; 0\\ \\ (\\beta > \\tfrac12),\\quad e^{\\kappa}-1\\ \\ "
        "(\\beta = \\tfrac12),\\quad \\infty\\ \\ (\\beta < \\tfrac12)"
    ),
    claims=(
        Claim(
            id="P5",
            quick_precision=2.0,
            title="The trichotomy for gradients",
            statement=(
                "The mean gradient displacement tends to 0 for $\\beta > 1/2$, to $e^\\kappa-1$ at $\\beta = 1/2$ and "
                "to infinity for $\\beta < 1/2$; at every depth it is $(1+\\kappa a^2)^L-1$."
            ),
            formula="\\mathbb{E}\\,D^* = (1+\\kappa a_L^2)^L - 1",
            source=SOURCE + "; the exact mean is E1's",
            derivation=(
                "The backward half of E1: E[J J^T] = (1 + kappa a^2)^L I and E J = I. Exponents of D* and of log R* "
                "and the critical exponent as forward (E6, E7, P3): by E16 (R*, D*) has the law of (R, D)."
            ),
            hypotheses="As E1; the direction of the gradient at the output does not depend on the residual weights.",
            checks=_trichotomy,
        ),
        Claim(
            id="E8",
            title="Conservation of the pairing",
            statement=(
                "For bias-free positively homogeneous branches the pairing $\\langle p_k, h_k\\rangle$ of gradient "
                "and hidden state is the same at every layer."
            ),
            formula="\\langle p_0, h_0\\rangle = \\langle p_L, h_L\\rangle",
            source="Derived from Euler's identity",
            derivation=(
                "p_k = J^T p_{k+1} and, by Euler's identity for a homogeneous map, J h_k = h_{k+1}: so <p_k, h_k> = "
                "<p_{k+1}, J h_k> = <p_{k+1}, h_{k+1}>."
            ),
            hypotheses="Bias-free branch with g(c h) = c g(h) for c > 0, any weights.",
            checks=_conservation,
        ),
        GRADIENT_PROFILE,
    ),
    illustrations=(Illustration(experiments=_pictured, draw=_picture),),
)
