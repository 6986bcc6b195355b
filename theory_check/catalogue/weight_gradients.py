"""The gradients of the weights are as large in every layer (E10)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from theory_check.catalogue.schedules import waves
from theory_check.claims import Basis, Check, Distance, Domain, Hypothesis, Mean, Normal, Profile, check, claim
from theory_check.claims.domains import DOMINATED, GAUSSIAN, LAYERS, NO_TIES, UNIT_VARIANCE, is_in_reach
from theory_check.claims.networks import (
    BRANCHES,
    COMBINATIONS,
    check_dominated,
    dominated_layer,
    finite_depth_law,
    label,
    layer_law,
    one_layer,
)
from theory_check.claims.observables import Observable, column, exp
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network
from theory_check.foundation.laws import Law, Mirrored, Shifted
from theory_check.foundation.stored_values import stored
from theory_check.theory import weight_gradients as theory
from theory_check.theory.multiplier import Multiplier

#: Exact but for the error of the table of the law, which is the remainder of a check.
EXACT_LAW = Basis("the law is exact at this depth and width; the margin is the resolution that the profile pays for")


def _three_layers(deep: Cell) -> Cell:
    depth = deep.network.depth
    return replace(deep, weight_gradients=(1, (depth + 1) // 2, depth))


def _has_law(deep: Cell) -> bool:
    # A layer of ReLU without an active unit has no gradient: half of the networks at width 1, as a search found.
    return GAUSSIAN.holds(deep) and one_layer(deep)[0].atom < 1e-6


def _checks(deep: Cell, precision: float) -> Iterator[Check]:
    checks = tuple(means(deep, 0.1 * precision))
    if is_in_reach(checks[0]):
        yield from checks
    if _has_law(deep):
        yield from laws(deep, 0.08 * precision)


DOMAIN = Domain.of_cells(
    _checks,
    (
        *LAYERS, DOMINATED, NO_TIES, UNIT_VARIANCE,
        Hypothesis("law or mean in reach", "the law of the norm is known and continuous, or its variance moderate",
                   lambda deep: _has_law(deep) or is_in_reach(next(means(deep, 1.0)))),
    ),
    depths=(8, 64), betas=(0.2, 1.5), gradients=True, finish=_three_layers,
)  # fmt: skip


@claim(
    "E10",
    domain=DOMAIN,
    title="Flat profile of weight gradients",
    formula=r"\mathbb{E}\,\Bigl\Vert\frac{\partial\mathcal L}{\partial V_k}\Bigr\Vert_F^2 = "
    r"\mathbb{E}\,\Bigl\Vert\frac{\partial\mathcal L}{\partial W_k}\Bigr\Vert_F^2 = "
    r"\kappa a^2(1+\kappa a^2)^{L-1}\,\Vert h_0\Vert^2\,\Vert p_L\Vert^2,\qquad k = 1,\dots,L",
    source="Derived (E1 and E16)",
    derivation="dLoss/dV_k = a p_k g(h_{k-1})^T and dLoss/dW_k = a q_k h_{k-1}^T with q_k = sigma'(W_k h_{k-1}) * "
    "V_k^T p_k. The Jacobians of the layers are independent of each other and of the states (E16), so the k - 1 layers "
    "below multiply the mean by (1 + kappa a^2)^(k-1), the L - k above by (1 + kappa a^2)^(L-k), and the layer itself "
    "by kappa a^2: L - 1 factors whatever k. Gaussian: ||g(h)||^2/||h||^2 and ||q||^2/||p||^2 have the law of chi2_N/d,"
    " and layers forward and backward one law, so the product has one law too. Second moments for the intervals: a^4 "
    "d^2 E S^2 (E M^2)^(L-1), an upper bound at kurtosis up to 3. Unequal factors: a_k in front, the product over the "
    "other layers. Neighbours in linear networks share all layers but their own two, one forward, one backward.",
    hypotheses="Symmetric independent weights of unit variance (kurtosis at most 3 for the intervals); linear or res-3 "
    "branch; p_L/||p_L|| independent of the residual weights. One output or a loss linear in h_L.",
)
def weight_gradients(profile: Profile) -> Iterator[Check]:
    r"""At every $\beta$ the mean squared norm of the gradient of a layer's weights is the same for every layer,
    $\kappa a^2(1+\kappa a^2)^{L-1}\Vert h_0\Vert^2\Vert p_L\Vert^2$, for $V_k$ and for $W_k$. With Gaussian weights the
    norms of all of them have one law, and in linear networks those of two neighbours have the ratio $M/M'$ of two
    independent layers. With unequal factors the mean is $\kappa a_k^2\prod_{j\ne k}(1+\kappa a_j^2)$.
    """
    for branch, law in COMBINATIONS:
        for beta in (1.0, 0.5, 0.25):
            # Deep enough for an exponential profile to stand out, shallow enough for L - 1 in the exponent to differ
            # from L. A mean costs its relative variance over the square of the relative margin.
            deep = network(branch, law, width=20, depth=16, beta=beta, gradients=True, weight_gradients=(1, 8, 16))
            yield from means(deep, (0.03 if (branch, beta) == ("linear", 1.0) else 0.1) * profile.precision)
    for branch in BRANCHES:
        short = network(branch, width=20, depth=4, beta=0.25, gradients=True, weight_gradients=(2,))
        yield from means(short, 0.1 * profile.precision)
        depth = 32 * profile.depth
        layers = (1, depth // 2, depth)
        deep = network(branch, width=20, depth=depth, gradients=True, weight_gradients=layers)
        yield from laws(deep, 0.08 * profile.precision)
        deep = network(
            branch, "uniform", width=20, depth=16, scale=waves(16), gradients=True, weight_gradients=(1, 8, 16)
        )
        yield from scheduled_means(deep, 0.06 * profile.precision)
    # Dense: the reduced kernel would take the law backward from the theory that is to be checked.
    deep = network("linear", width=8, depth=8, gradients=True, weight_gradients=(1, 2, 7, 8), kernel="dense")
    yield from neighbour_checks(deep, 0.05 * profile.precision)


def observed(deep: Cell) -> Iterator[tuple[str, str, int, Observable]]:
    """Yield the observed matrices: V or W, the place of the layer in the network, its index, log squared norm."""
    places = ("first", "middle", "last") if len(deep.weight_gradients) == 3 else ("middle",)
    for letter, name in (("V", "outer"), ("W", "inner")):
        if letter == "V" or deep.network.branch.has_inner:
            for index, (place, layer) in enumerate(zip(places, deep.weight_gradients, strict=True)):
                yield letter, place, layer, column(f"{name}_weight_gradient")[index]


def means(deep: Cell, margin: float) -> Iterator[Check]:
    """Check the mean squared norms, in units of the one prediction for all layers."""
    multiplier, a, depth = layer_law = dominated_layer(deep)
    mean, variance = theory.mean_weight_gradient(*layer_law), theory.weight_gradient_variance(*layer_law)
    growth = 1.0 + multiplier.kappa * a**2
    for letter, place, layer, log_square in observed(deep):
        yield check(
            f"{label(deep)}-L{depth}-beta{deep.network.scaling.beta:g}-{letter}-{place}", deep,
            rf"$\mathbb{{E}}\,\Vert\partial\mathcal L/\partial {letter}_{{{layer}}}\Vert_F^2$ in units of "
            rf"$\kappa a^2(1+\kappa a^2)^{{{depth - 1}}}\Vert h_0\Vert^2\Vert p_L\Vert^2$",
            Mean(exp(log_square) / mean, variance / mean**2), 1.0, margin=margin,
            wrong={
                "the profile grows along the network, like the hidden state": growth ** (layer - depth),
                "the profile decays along the network, like the gradient": growth ** (1 - layer),
                "L in the place of L - 1": growth,
                "kappa is missing in front": 1.0 / multiplier.kappa,
                "an activation halves V's gradient, not W's, or the other way round":
                    2.0 if multiplier.kappa < 1.0 else 1.0,
                "a in the place of a^2": 1.0 / a,
            },
            sized={"{:.0%} larger": lambda more: 1.0 + more},
        )  # fmt: skip


def scheduled_means(deep: Cell, margin: float) -> Iterator[Check]:
    """Check the mean squared norms for unequal factors, each in units of its own prediction."""
    check_dominated(deep)
    multiplier, factors = layer_law(deep), deep.network.factors
    flat = float(np.mean(factors**2))
    for letter, place, layer, log_square in observed(deep):
        mean, variance = theory.scheduled_weight_gradient(multiplier, factors, layer)
        own = float(factors[layer - 1]) ** 2
        yield check(
            f"{label(deep)}-schedule-{letter}-{place}", deep,
            rf"$\mathbb{{E}}\,\Vert\partial\mathcal L/\partial {letter}_{{{layer}}}\Vert_F^2$ for unequal factors, "
            rf"in units of $\kappa a_{{{layer}}}^2\prod_{{j\neq {layer}}}(1+\kappa a_j^2)\Vert h_0\Vert^2"
            r"\Vert p_L\Vert^2$",
            Mean(exp(log_square) / mean, variance / mean**2), 1.0, margin=margin,
            wrong={
                "the profile is flat whatever the factors": flat / own,
                "all layers count, the layer itself too": 1.0 + multiplier.kappa * own,
            },
            sized={"the factor of the layer is {:.1%} larger": lambda more: (1.0 + more) ** 2},
        )  # fmt: skip


def neighbour_checks(deep: Cell, margin: float) -> Iterator[Check]:
    """Check the joint law of the gradients of neighbours in a linear network: their ratio, whatever the depth."""
    multiplier, a, depth = one_layer(deep)
    law = neighbour_law(multiplier.width, a)
    layer = finite_depth_law(multiplier, a, 1)
    whole = finite_depth_law(multiplier, a, depth - 1)
    norms = column("outer_weight_gradient")
    for position in range(0, len(deep.weight_gradients), 2):
        lower = deep.weight_gradients[position]
        yield check(
            f"{label(deep)}-ratio-{lower}", deep,
            rf"Kolmogorov distance of $\log\Vert\partial\mathcal L/\partial V_{{{lower}}}\Vert_F^2 - \log\Vert"
            rf"\partial\mathcal L/\partial V_{{{lower + 1}}}\Vert_F^2$ from $\log M - \log M'$, independent copies",
            Distance(norms[position] - norms[position + 1], law), margin=margin, basis=EXACT_LAW, remainder=law.error,
            wrong={
                "the gradient changes along the network, the state does not": layer,
                "the state changes along the network, the gradient does not": Mirrored(layer),
                "the gradients of neighbours are independent": Normal(0.0, 2.0 * whole.variance),
            },
            sized={"weights of {:.0%} more variance": lambda more: neighbour_law(
                multiplier.width, a * math.sqrt(1.0 + more))},
        )  # fmt: skip


@stored
def neighbour_law(width: int, a: float) -> theory.WeightGradientLaw:
    """Return the law of the ratio of neighbouring gradients, which checks and profiles share."""
    return theory.neighbour_ratio_law(width, a)


def laws(deep: Cell, margin: float) -> Iterator[Check]:
    """Check the one law of all squared norms, Gaussian weights."""
    multiplier, a, depth = one_layer(deep)
    law = gradient_law(multiplier, a, depth)
    wrong: dict[str, Law] = {
        "half of the layers count: those below alone, or those above": gradient_law(multiplier, a, depth // 2),
        "weights of twice the variance": gradient_law(multiplier, a * math.sqrt(2.0), depth),
    }
    if not multiplier.has_inner:
        wrong["a quarter of the layers is missing"] = gradient_law(multiplier, a, 3 * depth // 4)
    if multiplier.has_inner:
        frozen = Shifted(finite_depth_law(multiplier, a, depth - 1), math.log(multiplier.kappa * a**2))
        wrong["the active coordinates of the layer itself do not vary"] = frozen
    for letter, place, layer, log_square in observed(deep):
        yield check(
            f"{label(deep)}-law-{letter}-{place}", deep,
            rf"Kolmogorov distance of $\log\Vert\partial\mathcal L/\partial {letter}_{{{layer}}}\Vert_F^2$ from the "
            "one law of all layers",
            Distance(log_square.clip(law.lower), law), margin=margin, basis=EXACT_LAW, remainder=law.error, wrong=wrong,
            sized={"{:.0%} larger": lambda more: Shifted(law, math.log1p(more))},
        )  # fmt: skip


@stored
def gradient_law(multiplier: Multiplier, a: float, depth: int) -> theory.WeightGradientLaw:
    """Return the law of all gradients of a network, which its checks, variants and profiles share."""
    return theory.weight_gradient_law(multiplier, a, depth)
