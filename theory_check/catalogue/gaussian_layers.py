r"""Moments of one layer of Gaussian weights by Wick's theorem for their entries (E23).

Reduced kernels replace V g(h) by an isotropic vector, a few random numbers, and E2 to E4 and E7 predict with the same
replacement. Here the entries of V are paired one by one, then those of W: rotation invariance is not used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from theory_check.catalogue.scaling_factors import NEAREST
from theory_check.claims import IDENTITY, Check, Domain, Hypothesis, Mean, Probability, Profile, check, claim
from theory_check.claims.checks import higher
from theory_check.claims.domains import CLOSED_BRANCH, FINITE_VARIANCE, GAUSSIAN, INDEPENDENT_LAYERS
from theory_check.claims.networks import label
from theory_check.claims.observables import (
    LOG_GRADIENT_RATIO,
    LOG_NORM_RATIO,
    PRODUCT,
    Observable,
    apply,
    between,
    column,
    exp,
)
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network
from theory_check.theory.moments import norm_ratio_moment
from theory_check.theory.multiplier import Multiplier

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def both_ways(width: int, branch: str, a: float) -> float:
    """Return E R R* of one layer of Gaussian weights, by Wick's theorem for their entries; E cos^2(h, p) = 1/d."""
    d, s = float(width), a * a
    if branch == "linear":
        # <h, V h> <p, V p>: cos^2/d. ||V h||^2 ||V^T p||^2: cov((V h)_i, (V^T p)_j) = p_i h_j / d.
        return 1.0 + 2.0 * s + 4.0 * s / d**2 + s * s * (1.0 + 2.0 / d**2)
    # With A = D W W^T D, D the slopes and g = D W h: E ||V g||^2 ||W^T D V^T p||^2 = |g|^2 tr A / d + 2 g^T A g / d^2.
    first = (d - 1.0) / (4.0 * d) + (d + 2.0) / (2.0 * d**2)
    return 1.0 + s + 2.0 * s / d**2 + s * s * (first + 3.0 * (d + 1.0) / (2.0 * d**3))


def scalar_product(branch: str, cosine: float, a: float) -> float:
    """Return E <h_1, h_1'> / (||h_0|| ||h_0'||) of two inputs of one layer: each pair of entries alone counts."""
    if branch == "linear":
        return cosine + a * a * cosine
    together = math.sqrt(1.0 - cosine * cosine) + cosine * (0.5 * math.pi + math.asin(cosine))
    return cosine + a * a * together / (2.0 * math.pi)


def squared_product(width: int, cosine: float, a: float) -> float:
    """Return E <h_1, h_1'>^2 of a linear layer: the pairings of <x, V y> + <y, V x> and of <V x, V y>."""
    c, d, s = cosine * cosine, float(width), a * a
    return c + s * (2.0 * (1.0 + c) / d + 2.0 * c) + s * s * (c + (1.0 + c) / d)


def product_variance(width: int, branch: str, cosine: float, a: float) -> float:
    """Return Var <h_1, h_1'>, exact for linear branches; for ReLU a bound.

    Given g and g' with q = E <g, g'>, Wick's theorem for V leaves E <g, g'>^2 and E |g|^2 |g'|^2 <= E |g|^4 =
    (d + 5)/(4 d). The first is (1 - 1/d) q^2 + m/d, m = E relu(u)^2 relu(v)^2 <= E relu(u)^4 = 3/2.
    """
    target = scalar_product(branch, cosine, a)
    if branch == "linear":
        return squared_product(width, cosine, a) - target**2
    d, s, q = float(width), a * a, (target - cosine) / (a * a)
    both = ((1.0 - 1.0 / d) * q * q + 1.5 / d) * (1.0 + 1.0 / d) + (d + 5.0) / (4.0 * d * d)
    return cosine**2 + 2.0 * cosine * s * q + s * (1.0 + 2.0 * cosine * q) / d + s * s * both - target**2


def cosines_check(deep: Cell, cosine: float, precision: float) -> Check:
    """Compare the cosines at the input, at the output and at both recorded depths: those that are one, and c_0."""
    start, end, along = column("cosine_input")[1], column("cosine_output")[1], column("cosine_profile")[1]

    def farthest(*differences: Observable) -> Observable:
        return apply("farthest", lambda *values: np.max(np.abs(values), axis=0), *differences)

    agree = farthest(start - cosine, along[0] - cosine, along[1] - end)
    return check(
        f"{label(deep)}-{deep.kernel}-cosines", deep,
        "probability that the cosines at both ends are those at the recorded depths, and the first one is that of the "
        f"inputs, within {_ROUNDING:g}",
        Probability(between(agree, upper=_ROUNDING), truth=1.0, exact=True), 1.0, margin=0.01 * precision,
        basis=IDENTITY,
        wrong={
            "recorded depths are a layer early": between(farthest(along[0] - end), upper=_ROUNDING),
            "the cosine of the inputs is larger by one part in ten thousand":
                between(farthest(start - 1.0001 * cosine), upper=_ROUNDING),
        },
    )  # fmt: skip


def layer_checks(deep: Cell, precision: float) -> Iterator[Check]:
    """Compare moments of one Gaussian layer: of R R* for one input, of the scalar product for two."""
    width, branch = deep.network.width, deep.network.branch
    a, name = deep.network.scaling.values[0], f"{label(deep)}-{deep.kernel}"
    # E (R R*)^2 <= E R^4, since both have one law, and E <h_1, h_1'>^4 <= E R^4.
    fourth = norm_ratio_moment(Multiplier(width, branch), a, 1, order=4)
    if deep.input.count == 1:
        target, mean = both_ways(width, branch.name, a), 1.0 + (1.0 if branch.is_linear else 0.5) * a * a
        yield check(
            f"{name}-both-ways", deep, r"$\mathbb{E}\,R R^*$ of one layer",
            Mean(exp(LOG_NORM_RATIO + LOG_GRADIENT_RATIO), fourth - target**2), target,
            margin=precision * (target - mean**2) / NEAREST,
            wrong={
                "forward and backward are independent": mean**2,
                "forward and backward are one": norm_ratio_moment(Multiplier(width, branch), a, 1, order=2),
            },
            sized={"the covariance is larger by {:.0%}": higher(target, target - mean**2)},
        )  # fmt: skip
        return
    cosine = float(deep.input.cosine or 0.0)
    if deep.recorded_depths:
        yield cosines_check(deep, cosine, precision)
    target = scalar_product(branch.name, cosine, a)
    if width > _NARROW:
        less = cosine + 0.97 * (target - cosine)
        yield check(
            f"{name}-product", deep, r"$\mathbb{E}\,\langle h_1, h_1'\rangle$ of one layer",
            Mean(PRODUCT, product_variance(width, branch.name, cosine, a)), target,
            margin=precision * (target - less) / NEAREST,
            wrong={
                "what two branches share is smaller by 3%": less,
                "two branches share their directions alone": cosine + (target - cosine) * cosine,
                "two branches share nothing": cosine,
            },
            sized={"what two branches share is larger by {:.1%}": higher(target, target - cosine)},
        )  # fmt: skip
    elif branch.is_linear:
        square = squared_product(width, cosine, a)
        yield check(
            f"{name}-squared-product", deep, r"$\mathbb{E}\,\langle h_1, h_1'\rangle^2$ of one layer",
            Mean(PRODUCT * PRODUCT, fourth - square**2), square, margin=precision * (square - target**2) / NEAREST,
            wrong={
                "the product does not fluctuate": target**2,
                "it fluctuates as one input does": norm_ratio_moment(Multiplier(width), a, 1, order=2),
            },
            sized={"its variance is larger by {:.0%}": higher(square, square - target**2)},
        )  # fmt: skip


#: Cosines are sums of products of vectors in double precision; inputs are made of normal numbers in single precision.
_ROUNDING = 1e-9

#: Up to this width the scalar product of two inputs fluctuates by more than a tenth of itself.
_NARROW = 8


def _layers() -> SearchStrategy[Cell]:
    from hypothesis import strategies as st

    def layer(branch: str, width: int, tenths: int, kernel: str, cosine: float | None) -> Cell:
        inputs: dict[str, object] = {} if cosine is None else {"input": f"correlated:cosine={cosine:g}", "inputs": 2}
        return network(branch, width=width, depth=1, scale=tenths / 10.0, kernel=kernel, gradients=cosine is None,
                       **inputs)  # type: ignore[arg-type]  # fmt: skip  # values of two kinds

    kernels, branches = st.sampled_from(["reduced", "dense"]), st.sampled_from(["linear", "res-3"])
    alone = st.builds(layer, branches, st.integers(1, 20), st.integers(1, 8), kernels, st.none())
    cosines = st.sampled_from([0.5, 0.8, 0.9, 0.95])
    wide = st.builds(layer, branches, st.integers(_NARROW + 1, 40), st.integers(10, 20), kernels, cosines)
    narrow = st.builds(layer, st.just("linear"), st.integers(2, _NARROW), st.integers(3, 12), kernels, cosines)
    return alone | wide | narrow


LAYER_DOMAIN = Domain(
    networks=_layers, build=layer_checks,
    hypotheses=(
        INDEPENDENT_LAYERS, CLOSED_BRANCH, FINITE_VARIANCE, GAUSSIAN,
        Hypothesis("one layer", "there is one layer", lambda deep: deep.network.depth == 1),
        Hypothesis(
            "inputs without direction", "there is one Gaussian or spherical input, or two correlated ones",
            lambda deep: (deep.input.name in ("gaussian", "sphere") and deep.input.count == 1)
            or (deep.input.name == "correlated" and deep.input.count == 2),
        ),
        Hypothesis(
            "ReLU", "the branch is linear or has ReLU inside; for two inputs of width at most 8 it is linear",
            lambda deep: deep.network.branch.is_linear or (deep.network.branch.activation.negative_slope == 0.0
            and (deep.input.count == 1 or deep.network.width > _NARROW)),
        ),
    ),
)  # fmt: skip


@claim(
    "E23",
    domain=LAYER_DOMAIN,
    quick_precision=1.15,
    title="Gaussian layers, entry by entry",
    formula=r"\mathbb{E}\,R R^* = 1 + 2a^2 + \frac{4a^2}{d^2} + a^4\Bigl(1+\frac{2}{d^2}\Bigr),\qquad "
    r"\mathbb{E}\,\langle h_1, h_1'\rangle = c + \frac{a^2}{2}\,\mathrm{arc}(c)",
    source="Derived by Wick's theorem",
    derivation="Expand, pair the entries of V, then those of W, and sum over indices. Reduced kernels replace V g(h) "
    "by an isotropic vector, and E2 to E4 and E7 predict with the same replacement; this one does not use it.",
    hypotheses="One layer of Gaussian weights; linear or res-3 with ReLU; inputs of uniform direction.",
)
def gaussian_layers(profile: Profile) -> Iterator[Check]:
    r"""Joint moments of what a Gaussian layer does forward, backward and to two inputs are those that its entries
    give one by one: no direction is preferred, and the two ways share exactly the weights.
    """
    for branch, width, scale, kernel in (
        ("linear", 2, 1.0, "reduced"), ("linear", 2, 1.0, "dense"), ("res-3", 2, 0.5, "reduced"),
        ("res-3", 5, 2.0, "chain"),
    ):  # fmt: skip
        deep = network(branch, width=width, depth=1, scale=scale, kernel=kernel, gradients=True)
        yield from layer_checks(deep, profile.precision)
    for branch, width, scale, kernel in (
        ("linear", 200, 2.0, "reduced"), ("res-3", 200, 2.0, "reduced"),
        ("linear", 4, 1.0, "reduced"), ("linear", 4, 1.0, "dense"),
    ):  # fmt: skip
        two = network(branch, width=width, depth=1, scale=scale, kernel=kernel, input="correlated:cosine=0.9", inputs=2,
                      recorded_depths=(0, 1) if width <= _NARROW else ())  # fmt: skip
        yield from layer_checks(two, profile.precision)
