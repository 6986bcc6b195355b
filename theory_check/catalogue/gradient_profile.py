"""The gradients of the weights are as large in every layer (E10)."""

from __future__ import annotations

import math
from functools import cache

from theory_check.claims import observables as of
from theory_check.claims.claim import Check, Claim, Profile, Variant
from theory_check.claims.estimators import DistanceEstimator, Law, MeanEstimator
from theory_check.claims.laws import Shifted
from theory_check.claims.networks import (
    BRANCHES,
    COMBINATIONS,
    cell,
    dominated_layer,
    finite_depth_law,
    label,
    one_layer,
)
from theory_check.experiments.cell import Cell
from theory_check.theory.multiplier import Multiplier
from theory_check.theory.weight_gradients import (
    WeightGradientLaw,
    mean_weight_gradient,
    weight_gradient_law,
    weight_gradient_variance,
)

_WIDTH = 20

#: Enough layers for an exponential profile to stand out, few enough for L - 1 in the exponent to differ from L.
_DEPTH = 16
_LAW_DEPTH = 32

_MATRICES = {"outer": "V", "inner": "W"}

#: Relative margins, by branch and beta: a mean costs its relative variance over the square of the margin.
_MARGINS = {
    ("linear", 1.0): 0.03,
    ("linear", 0.5): 0.1,
    ("linear", 0.25): 0.1,
    ("res-3", 1.0): 0.1,
    ("res-3", 0.5): 0.1,
    ("res-3", 0.25): 0.1,
}


def _layers(depth: int) -> tuple[int, ...]:
    return 1, depth // 2, depth


def _places(network: Cell) -> tuple[tuple[str, int], ...]:
    """Return the observed layers with names that do not depend on the depth."""
    layers = network.weight_gradients
    names = ("first", "middle", "last") if len(layers) == 3 else ("middle",)
    return tuple(zip(names, layers, strict=True))


def _matrices(network: Cell) -> tuple[str, ...]:
    return ("outer", "inner") if network.network.branch.has_inner else ("outer",)


def _variants(network: Cell, layer: int, margin: float) -> tuple[Variant, ...]:
    """Return the plausible mistakes that are further than two margins off here, relative to the truth."""
    multiplier, a, depth = one_layer(network)
    growth = 1.0 + multiplier.kappa * a**2
    mistakes = {
        "the profile grows along the network, like the hidden state": growth ** (layer - depth),
        "the profile decays along the network, like the gradient": growth ** (1 - layer),
        "L in the place of L - 1": growth,
        "kappa is missing in front": 1.0 / multiplier.kappa,
        "an activation halves V's gradient, not W's, or the other way round": 2.0 if multiplier.kappa < 1.0 else 1.0,
        "a in the place of a^2": 1.0 / a,
    }
    return tuple(Variant(name, (x, x)) for name, x in mistakes.items() if abs(x - 1.0) > 2.0 * margin)


def _means(network: Cell, beta: float, margin: float) -> list[Check]:
    layer_law = dominated_layer(network)
    mean = mean_weight_gradient(*layer_law)
    depth = network.network.depth
    return [
        Check(
            name=f"{label(network)}-L{depth}-beta{beta:g}-{_MATRICES[matrix]}-{place}",
            experiments=(network,),
            quantity="$\\mathbb{E}\\,\\Vert\\partial\\mathcal L/\\partial "
            f"{_MATRICES[matrix]}_{{{layer}}}\\Vert_F^2$ in units of "
            f"$\\kappa a^2(1+\\kappa a^2)^{{{depth - 1}}}\\Vert h_0\\Vert^2\\Vert p_L\\Vert^2$",
            estimator=MeanEstimator(
                of.ExponentialComponent(f"{matrix}_weight_gradient", index, mean),
                weight_gradient_variance(*layer_law) / mean**2,
            ),
            target=(1.0, 1.0),
            margin=margin,
            margin_reason="the prediction is exact at this depth and width; the margin is the resolution that the "
            "profile pays for",
            exact=True,
            variants=_variants(network, layer, margin),
        )
        for matrix in _matrices(network)
        for index, (place, layer) in enumerate(_places(network))
    ]


@cache
def _law(multiplier: Multiplier, a: float, depth: int) -> WeightGradientLaw:
    return weight_gradient_law(multiplier, a, depth)


def _laws(network: Cell, margin: float) -> list[Check]:
    multiplier, a, depth = one_layer(network)
    law = _law(multiplier, a, depth)
    wrong: dict[str, Law] = {
        "half of the layers count: those below alone, or those above": _law(multiplier, a, depth // 2),
        "weights of twice the variance": _law(multiplier, a * math.sqrt(2.0), depth),
    }
    if multiplier.kind == "res-3":
        frozen = finite_depth_law(multiplier, a, depth - 1)
        wrong["the active coordinates of the layer itself do not vary"] = Shifted(
            frozen, math.log(multiplier.kappa * a**2)
        )
    checks = []
    for matrix in _matrices(network):
        for index, (place, layer) in enumerate(_places(network)):
            observable = of.Component(f"{matrix}_weight_gradient", index, floor=law.lower)
            checks.append(
                Check(
                    name=f"{label(network)}-law-{_MATRICES[matrix]}-{place}",
                    experiments=(network,),
                    quantity=f"Kolmogorov distance of $\\log\\Vert\\partial\\mathcal L/\\partial "
                    f"{_MATRICES[matrix]}_{{{layer}}}\\Vert_F^2$ from the one law of all layers",
                    estimator=DistanceEstimator(observable, law),
                    target=(0.0, 0.0),
                    margin=margin,
                    margin_reason="the law is exact at this depth and width; the margin is the resolution that the "
                    "profile pays for",
                    remainder=law.error,
                    variants=tuple(
                        Variant(name, estimator=DistanceEstimator(observable, other)) for name, other in wrong.items()
                    ),
                )
            )
    return checks


def _profile(profile: Profile) -> tuple[Check, ...]:
    checks = []
    for branch, law in COMBINATIONS:
        for beta in (1.0, 0.5, 0.25):
            network = cell(branch, law, _WIDTH, _DEPTH, beta, gradients=True, weight_gradients=_layers(_DEPTH))
            checks.extend(_means(network, beta, _MARGINS[branch, beta] * profile.precision))
    for branch in BRANCHES:
        short = cell(branch, "gaussian", _WIDTH, 4, 0.25, gradients=True, weight_gradients=(2,))
        checks.extend(_means(short, 0.25, 0.1 * profile.precision))
        depth = _LAW_DEPTH * profile.depth
        deep = cell(branch, "gaussian", _WIDTH, depth, 0.5, gradients=True, weight_gradients=_layers(depth))
        checks.extend(_laws(deep, 0.08 * profile.precision))
    return tuple(checks)


GRADIENT_PROFILE = Claim(
    id="E10",
    title="Flat profile of weight gradients",
    statement=(
        "The mean squared norm of the gradient of a layer's weights is the same for every layer, at every $\\beta$: "
        "$\\kappa a^2(1+\\kappa a^2)^{L-1}\\Vert h_0\\Vert^2\\Vert p_L\\Vert^2$, for $V_k$ and for $W_k$. With "
        "Gaussian weights the norms of all of them have one law."
    ),
    formula=(
        "\\mathbb{E}\\,\\Bigl\\Vert\\frac{\\partial\\mathcal L}{\\partial V_k}\\Bigr\\Vert_F^2 = "
        "\\mathbb{E}\\,\\Bigl\\Vert\\frac{\\partial\\mathcal L}{\\partial W_k}\\Bigr\\Vert_F^2 = "
        "\\kappa a^2(1+\\kappa a^2)^{L-1}\\,\\Vert h_0\\Vert^2\\,\\Vert p_L\\Vert^2,\\qquad k = 1,\\dots,L"
    ),
    source="Derived (E1 and E16)",
    derivation=(
        "dLoss/dV_k = a p_k g(h_{k-1})^T and dLoss/dW_k = a q_k h_{k-1}^T with q_k = sigma'(W_k h_{k-1}) * V_k^T p_k. "
        "The Jacobians of the layers are independent of each other and of the states (E16), so the k - 1 layers below "
        "multiply the mean by (1 + kappa a^2)^(k-1), the L - k above by (1 + kappa a^2)^(L-k), and the layer itself "
        "by kappa a^2: L - 1 factors whatever k. Gaussian: ||g(h)||^2/||h||^2 and ||q||^2/||p||^2 have the law of "
        "chi2_N/d, and layers forward and backward one law, so the product has one law too. Second moments for the "
        "intervals: a^4 d^2 E S^2 (E M^2)^(L-1), an upper bound at kurtosis up to 3."
    ),
    hypotheses=(
        "Symmetric independent weights of unit variance (kurtosis at most 3 for the intervals); linear or res-3 "
        "branch; p_L/||p_L|| independent of the residual weights. One output or a loss linear in h_L."
    ),
    checks=_profile,
)
