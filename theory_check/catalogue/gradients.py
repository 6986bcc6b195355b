"""Gradients: the same trichotomy backward, and what is conserved (P5, E8)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from theory_check.catalogue.exponents import critical_exponent, displacement_exponent, growth_exponent
from theory_check.catalogue.identity import FIRST_ORDER, first_order_law
from theory_check.catalogue.pictures import BARS, DEPTHS, band, by_depth, depth_curve, sample_depths
from theory_check.claims import (
    EXACT,
    IDENTITY,
    Basis,
    Check,
    Distance,
    Domain,
    Hypothesis,
    Illustration,
    Mean,
    Probability,
    Profile,
    ScaledChiSquare,
    check,
    claim,
)
from theory_check.claims.domains import DOMINATED, GAUSSIAN, LAYERS, NO_TIES, mean_in_reach
from theory_check.claims.networks import (
    BRANCHES,
    COMBINATIONS,
    dominated_layer,
    label,
    log_ratio_law,
    one_layer,
)
from theory_check.claims.observables import (
    GRADIENT_DISPLACEMENT,
    LOG_GRADIENT_RATIO,
    LOG_NORM_RATIO,
    Observable,
    Samples,
    apply,
    between,
    column,
)
from theory_check.experiments.cell import Cell
from theory_check.experiments.experiment import Experiment
from theory_check.experiments.spelling import network
from theory_check.findings.pictures import Picture, RatePanel
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.laws import Shifted
from theory_check.inference.intervals import mean_interval
from theory_check.theory import moments

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def mean_check(deep: Cell, relative: float) -> Check:
    """Compare the mean of D*."""
    layer = multiplier, a, depth = dominated_layer(deep)
    target = moments.mean_displacement(*layer)
    doubled = moments.mean_displacement(replace(multiplier, gain=2.0), a, depth)
    return check(
        f"{label(deep)}-beta{deep.network.scaling.beta:g}", deep, r"$\mathbb{E}\,D^*$",
        Mean(GRADIENT_DISPLACEMENT, moments.displacement_variance(*layer)), target, margin=relative * target,
        wrong={"weights of twice the variance": doubled},
        sized={"weights of {:.0%} more variance": lambda more: moments.mean_displacement(
            replace(multiplier, gain=(1.0 + more) * multiplier.gain), a, depth)},
    )  # fmt: skip


#: The law of :func:`log_ratio_law` for weights that are not Gaussian.
CORRECTED = Basis(
    "the exact law for Gaussian weights with what the kurtosis of these adds to its cumulants at order L a^4; the "
    "remainder, 2 a^2 times what that moves, was measured at width 6 to be more than the next order"
)


def displacement_law_check(deep: Cell, precision: float) -> Check:
    """Compare the law of D* in the identity regime with chi2_d / d and its terms of order L a^2 and 1/L, as that of D.

    The steps of p_L - p_0 have the second and fourth moments of those of h_L - h_0, and with them its law (E6).
    """
    law = first_order_law(deep)
    width = law.width
    return check(
        f"{label(deep)}-beta{deep.network.scaling.beta:g}-law", deep,
        r"Kolmogorov distance between $L^{2\beta-1}D^*/\kappa$ and $\chi^2_d/d$ with its first order in $1/L$",
        Distance(GRADIENT_DISPLACEMENT / law.time, law),
        margin=0.025 * precision, basis=FIRST_ORDER, remainder=law.error,
        wrong={
            "one degree of freedom for two coordinates": ScaledChiSquare(width // 2),
            "the other branch's kappa": ScaledChiSquare(width, 0.5 if deep.network.branch.is_linear else 2.0),
        },
        sized={"weights of {:.0%} more variance": lambda more: ScaledChiSquare(width, 1.0 + more)},
    )  # fmt: skip


def ratio_law_check(deep: Cell, precision: float) -> Check:
    """Compare the law of log R* with that of log R, which is exact for Gaussian weights by E16."""
    multiplier, a, depth = one_layer(deep)
    law, error, remainder = log_ratio_law(deep)
    # What can be told at this margin: the whole correction at beta = 1/2, half of it where log R is large.
    share = 1.0 if deep.network.scaling.beta == 0.5 else 0.5
    shift = 2.0 * share * multiplier.kappa * a * a * depth / multiplier.width
    return check(
        f"{label(deep)}-beta{deep.network.scaling.beta:g}-law", deep,
        r"Kolmogorov distance between $\log R^*$ and the sum of independent $\log M$",
        Distance(LOG_GRADIENT_RATIO, law), (0.0, error), margin=0.03 * precision,
        basis=EXACT if GAUSSIAN.holds(deep) else CORRECTED, remainder=remainder,
        wrong={
            f"the width correction is {2.0 - 2.0 * share:g}/d in the place of 2/d": Shifted(law, shift),
            f"the width correction is {2.0 + 2.0 * share:g}/d in the place of 2/d": Shifted(law, -shift),
        },
        sized={"the width correction is larger by {:.0%}": lambda more: Shifted(law, -more * shift / share)},
    )  # fmt: skip


MEANS_DOMAIN = Domain.of_cells(
    lambda deep, precision: (mean_check(deep, 0.06 * precision),),
    (*LAYERS, DOMINATED, NO_TIES, mean_in_reach("D*", lambda deep: mean_check(deep, 1.0))),
    betas=(0.25, 2.0), gradients=True,
)  # fmt: skip


@claim(
    "P5",
    domain=MEANS_DOMAIN,
    quick_precision=2.0,
    title="The trichotomy for gradients",
    formula=r"\mathbb{E}\,D^* = (1+\kappa a_L^2)^L - 1",
    source="@marion2025; the exact mean is E1's",
    derivation="The backward half of E1: E[J J^T] = (1 + kappa a^2)^L I and E J = I. Exponents of D* and of log R* and "
    "the critical exponent as forward (E6, E7, P3): by E16 (R*, D*) has the law of (R, D).",
    hypotheses="As E1; the direction of the gradient at the output does not depend on the residual weights.",
)
def gradients(profile: Profile) -> Iterator[Check]:
    r"""The mean gradient displacement tends to 0 for $\beta > 1/2$, to $e^\kappa-1$ at $\beta = 1/2$ and to infinity
    for $\beta < 1/2$; at every depth it is $(1+\kappa a^2)^L-1$.
    """
    for branch, law in COMBINATIONS:
        for beta, relative in ((1.0, 0.06), (0.5, 0.06), (0.25, 0.15)):
            deep = network(branch, law, width=20, depth=64, beta=beta, gradients=True)
            yield mean_check(deep, relative * profile.precision)
    for branch in BRANCHES:
        for beta in (0.75, 1.5):
            yield displacement_exponent(profile, branch, "gaussian", beta, gradient=True)
        yield growth_exponent(profile, branch, 0.25, gradient=True)
        yield critical_exponent(profile, branch, "gaussian", gradient=True)
    # Every weight is drawn: the reduced kernel would take the law backward from the theory that is to be checked.
    for branch, law in COMBINATIONS:
        deep = network(branch, law, width=4, depth=128, beta=1.0, gradients=True, kernel="dense")
        yield displacement_law_check(deep, profile.precision)
        # E16 has the law at beta = 1/2 for Gaussian weights.
        for beta in (0.25,) if law == "gaussian" else (0.5, 0.25):
            deep = network(branch, law, width=6, depth=64, beta=beta, gradients=True, kernel="dense")
            yield ratio_law_check(deep, profile.precision)


def conservation_check(deep: Cell, precision: float, contrasts: tuple[Cell, ...] = (), *, suffix: str = "") -> Check:
    """Compare <p, h> at both ends to rounding; the contrasts are not homogeneous: a bias, a bounded activation.

    Without them for any network, of any width: where a layer all but cancels its input, as 1 + a V may at width 1, its
    rounding errors are those of the input. One network in a hundred may have such a layer.
    """
    defects = [abs(column("pairing_input", i) - column("pairing_output", i)) for i in range(1 + len(contrasts))]
    if deep.input.count > 1:
        defects[0] = defects[0][0]
    if not contrasts:
        defects = [defects[0] / _largest_product()]
    bound = rounding_level(deep)
    mistakes = ("a bias does not matter", "a bounded activation does not matter")
    return check(
        label(deep) + suffix, (deep, *contrasts),
        rf"probability that $\langle p, h\rangle$ at both ends agrees within rounding, {bound:.1g}",
        Probability(between(defects[0], upper=bound), truth=1.0, exact=True), 1.0 if contrasts else (0.99, 1.0),
        margin=0.01 * precision, basis=IDENTITY,
        wrong={
            **{mistake: between(other, upper=bound) for mistake, other in zip(mistakes, defects[1:], strict=False)},
            "the pairing drifts by one part in ten thousand": between(defects[0] + 1e-4, upper=bound),
        },
    )  # fmt: skip


#: Branch, weights and kernel; ``gram`` is the reduced kernel with two inputs.
EVERY_KERNEL = (
    ("linear", "uniform", "dense"), ("res-3", "rademacher", "dense"), ("res-3", "gaussian", "reduced"),
    ("linear", "gaussian", "chain"), ("res-3", "gaussian", "gram"), ("res-3", "fgn:hurst=0.8", "stored"),
)  # fmt: skip


def layers_check(branch: str, law: str, kernel: str, beta: float, precision: float) -> Check:
    """Compare <p_k, h_k> at every depth k of a network with its value at the output, to rounding.

    An error of rounding at layer j changes <p_j, h_j> by that part of ||p_j|| ||h_j||, so the largest such product is
    the unit, and the room for its growth in :func:`rounding_level` is not needed.
    """
    every = tuple(range(13))
    inputs, drawn = (2, "reduced") if kernel == "gram" else (1, kernel)
    deep = network(branch, law, width=6, depth=12, beta=beta, inputs=inputs, kernel=drawn, gradients=True,
                   recorded_depths=every)  # fmt: skip
    biased = network("res-2", "uniform", width=6, depth=12, beta=beta, gradients=True, recorded_depths=every)
    defect, broken = _largest_defect(0, several=inputs > 1), _largest_defect(1)
    bound = rounding_level(deep) / 8.0
    return check(
        f"{branch}-{law.partition(':')[0]}-{kernel}-beta{beta:g}-layers", (deep, biased),
        rf"probability that $\langle p_k, h_k\rangle$ at all depths $k$ agrees within rounding, {bound:.1g}",
        Probability(between(defect, upper=bound), truth=1.0, exact=True), 1.0,
        # A network of stored weights costs a hundred times one of another kernel.
        margin=(0.1 if kernel == "stored" else 0.03) * max(precision, 0.4), basis=IDENTITY,
        wrong={
            "a bias does not matter": between(broken, upper=bound),
            "the pairing drifts by three times the error of rounding": between(defect + 3.0 * bound, upper=bound),
        },
    )  # fmt: skip


def _largest_defect(place: int, *, several: bool = False) -> Observable:
    """Return the largest change of <p_k, h_k> from the output, over the largest ||p_k|| ||h_k||."""
    names = ("pairing_profile", "pairing_output", "gradient_profile", "norm_profile", "log_norm_ratio")
    columns = [column(name, place)[0] if several else column(name, place) for name in names]

    def largest(
        pairing: FloatArray, output: FloatArray, gradient: FloatArray, state: FloatArray, ratio: FloatArray
    ) -> FloatArray:
        products = np.exp(0.5 * np.max(gradient + state - ratio[:, None], axis=1))
        return np.asarray(np.max(np.abs(pairing - output[:, None]), axis=1) / products)

    return apply("largest change of pairing", largest, *columns)


def rounding_level(deep: Cell) -> float:
    """Return the drift of <p, h> / (||p_L|| ||h_L||) that rounding can cause.

    A product with weights is a sum of d terms in single precision: relative errors of about sqrt(d + 4) 2^-24 with
    random signs, on increments of relative size a. Over the layers and their matrices, forward and backward, they add
    up like a random walk. The factor of 8 is room for its fluctuations and for the growth of ||p_k|| ||h_k|| between
    the ends.
    """
    shape = deep.network
    matrices = 2.0 if shape.branch.has_inner else 1.0
    squares = float(np.sum(shape.scaling.factors(shape.depth) ** 2))
    return 8.0 * 2.0**-24 * math.sqrt(2.0 * matrices * (shape.width + 4) * squares)


def _homogeneous() -> SearchStrategy[Cell]:
    from theory_check.strategies import betas, branches, deep_cells, weight_processes, weights

    # The reduced kernel would impose the identity.
    return deep_cells(
        branches=branches(homogeneous=True), weights=weights(finite_variance=True) | weight_processes(),
        betas=betas(0.25, 2.0), gradients=True,
    ).filter(lambda deep: PAIRING_DOMAIN.violated(deep) is None)  # fmt: skip


def _largest_product() -> Observable:
    """Return the largest ||p|| ||h|| at either end, over ||p_L|| ||h_L||: what rounding is relative to.

    It is infinite where h_L is 0, as 1 + a V is at width 1 for V = -1/a: the pairing is 0 at both ends then.
    """
    return apply(
        "largest", lambda back, forth: np.exp(0.5 * (np.maximum(back, 0.0) + np.maximum(-forth, 0.0))),
        LOG_GRADIENT_RATIO, LOG_NORM_RATIO,
    )  # fmt: skip


PAIRING_DOMAIN = Domain(
    networks=_homogeneous,
    build=lambda deep, precision: (conservation_check(deep, precision),),
    hypotheses=(
        Hypothesis(
            "homogeneous", "g(c h) = c g(h) for c > 0: no bias, piecewise linear activation",
            lambda deep: deep.network.branch.homogeneous,
        ),
        Hypothesis("weights in full", "every weight is drawn", lambda deep: deep.kernel not in ("reduced", "chain")),
    ),
)  # fmt: skip


@claim(
    "E8",
    domain=PAIRING_DOMAIN,
    title="Conservation of the pairing",
    formula=r"\langle p_0, h_0\rangle = \langle p_L, h_L\rangle",
    source="Derived from Euler's identity",
    derivation="p_k = J^T p_{k+1} and, by Euler's identity for a homogeneous map, J h_k = h_{k+1}: so <p_k, h_k> = "
    "<p_{k+1}, J h_k> = <p_{k+1}, h_{k+1}>.",
    hypotheses="Bias-free branch with g(c h) = c g(h) for c > 0, any weights.",
)
def conservation(profile: Profile) -> Iterator[Check]:
    r"""For bias-free positively homogeneous branches the pairing $\langle p_k, h_k\rangle$ of gradient and hidden state
    is the same at every layer.
    """
    biased = network("res-2", "uniform", width=20, depth=64, gradients=True)
    bounded = network("res-3", "uniform", activation="tanh", width=20, depth=64, gradients=True)
    for branch, law in COMBINATIONS:
        # Dense for Gaussian weights too: the reduced kernel would impose the identity that is to be checked.
        deep = network(branch, law, width=20, depth=64, gradients=True, kernel="dense")
        yield conservation_check(deep, profile.precision, (biased, bounded))
    # The other kernels keep it only if their backward pass is that of their forward pass: the reduced one and the chain
    # draw the backward pass given the forward one, that of several inputs given their Gram matrix, the stored one
    # transposes.
    for branch in BRANCHES:
        deep = network(branch, width=20, depth=64, gradients=True, kernel="reduced")
        yield conservation_check(deep, profile.precision, (biased, bounded), suffix="-reduced")
    deep = network("res-3", width=20, depth=64, inputs=2, gradients=True, kernel="reduced")
    yield conservation_check(deep, 2.0 * profile.precision, (biased, bounded), suffix="-two-inputs")
    deep = network("res-3", "fgn:hurst=0.8", width=20, depth=64, gradients=True)
    yield conservation_check(deep, 5.0 * max(profile.precision, 0.4), (biased, bounded), suffix="-stored")
    for branch, law, kernel in EVERY_KERNEL:
        # Stored weights are dear, and their backward pass does not read the factor.
        for beta in (0.25,) if kernel == "stored" else (0.25, 1.0):
            yield layers_check(branch, law, kernel, beta, profile.precision)


_BETAS = (1.0, 0.5, 0.25)


def _networks(_profile: Profile) -> dict[Experiment, int]:
    grid = [(beta, depth) for beta in _BETAS for depth in DEPTHS]
    return {network("res-3", width=40, depth=depth, beta=beta, gradients=True): 256 for beta, depth in grid}


def _draw(samples: Samples) -> Picture:
    panels = []
    for beta, group in zip(_BETAS, by_depth(samples), strict=True):
        exact = depth_curve(
            r"$(1 + \kappa a^2)^L - 1$", group, lambda deep: moments.mean_displacement(*one_layer(deep))
        )
        variances = [moments.displacement_variance(*one_layer(sample.experiment)) for sample in group]
        intervals = [
            mean_interval(GRADIENT_DISPLACEMENT([sample]), variance_bound=variance, alpha=0.01)
            for sample, variance in zip(group, variances, strict=True)
        ]
        measured = band("mean", sample_depths(group), intervals)
        panels.append(RatePanel(rf"$\beta = {beta:g}$", "depth $L$", r"$E\, D^*$", (measured,), (exact,), bars=BARS))
    return Picture(
        "gradients",
        "Mean gradient displacement against depth on logarithmic axes (res-3, Gaussian weights, width 40; Catoni "
        "intervals from 256 networks): it vanishes, settles, and explodes, on the exact curve at every depth.",
        tuple(panels),
    )


picture = Illustration(experiments=_networks, draw=_draw)
