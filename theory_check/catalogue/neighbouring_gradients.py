"""How smooth the first step of gradient descent is along the depth (N2, N3)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from theory_check.claims import EXACT, Basis, Check, Domain, Hypothesis, Mean, Profile, check, claim
from theory_check.claims.domains import DOMINATED, GAUSSIAN, LAYERS, UNIT_VARIANCE, least_depth, mean_in_reach
from theory_check.claims.networks import WEIGHTS, dominated_layer, label
from theory_check.claims.observables import Observable, column, exp
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network
from theory_check.networks.branches import Branch
from theory_check.theory import neighbouring_gradients as theory
from theory_check.theory.weight_gradients import mean_weight_gradient, weight_gradient_variance

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

#: N3 for W: the next terms are a^2 / d times smaller, and the margin hardly sees the first.
LEADING_ORDER = Basis("of order a^2 / (pi d), with terms of higher order that have no proven constant", allowance=0.05)


def pairs(branch: str, law: str, **shape: float) -> Cell:
    """Return a network with the first, the middle and the last pair of neighbouring layers, or its only pair."""
    return _with_pairs(
        network(branch, law, width=int(shape["width"]), depth=int(shape["depth"]), scale=shape["a"], gradients=True)
    )


def _with_pairs(deep: Cell) -> Cell:
    depth = deep.network.depth
    lower = tuple(sorted({1, depth // 2, depth - 1} - {0}))
    layers = tuple(sorted({*lower, *(k + 1 for k in lower)}))
    return replace(deep, kernel="dense", weight_gradients=layers, gradient_cosines=lower)


def observed(deep: Cell) -> Iterator[tuple[str, int, int, int]]:
    """Yield each pair: its place, and the positions of both layers and of their cosine in the columns."""
    places = {1: ("only",), 2: ("first", "last"), 3: ("first", "middle", "last")}[len(deep.gradient_cosines)]
    for position, (place, layer) in enumerate(zip(places, deep.gradient_cosines, strict=True)):
        yield place, deep.weight_gradients.index(layer), deep.weight_gradients.index(layer + 1), position


def product(name: str, lower: int, upper: int, position: int) -> Observable:
    """Return the Frobenius product of the gradients of two layers."""
    norms = column(f"{name}_weight_gradient")
    return column(f"{name}_gradient_cosine")[position] * exp(0.5 * (norms[lower] + norms[upper]))


def difference_checks(deep: Cell, margin: float) -> Iterator[Check]:
    """Compare the mean squared differences of neighbours in a linear network, in units of the prediction."""
    _, a, depth = dominated_layer(deep)
    mean = theory.mean_squared_difference(a, depth)
    variance = theory.squared_difference_variance(deep.network.width, a, depth)
    norms = exp(column("outer_weight_gradient"))
    for place, lower, upper, position in observed(deep):
        difference = norms[lower] + norms[upper] - 2.0 * product("outer", lower, upper, position)
        yield check(
            f"{label(deep)}-L{depth}-beta{round(-math.log(a, depth), 9):g}-{place}", deep,
            rf"mean squared difference of the gradients of the {place} two neighbours, in units of "
            rf"$2a^4(1+a^2)^{{{depth - 2}}}\Vert h_0\Vert^2\Vert p_L\Vert^2$",
            Mean(difference / mean, variance / mean**2), 1.0, margin=margin,
            wrong={
                "L - 1 in the place of L - 2": 1.0 + a**2,
                "only the state changes from layer to layer, or only the gradient": 0.5,
                "neighbours have independent gradients": (1.0 + a**2) / a**2,
            },
            sized={"weights of {:.1%} more variance": lambda more: theory.mean_squared_difference(
                a * math.sqrt(1.0 + more), depth) / mean},
        )  # fmt: skip


def correlation_checks(deep: Cell, margin: float, inner_margin: float) -> Iterator[Check]:
    """Compare the correlations of neighbours in a res-3 network; W from depth 3 on, where a^2 / d is small."""
    width = deep.network.width
    _, a, depth = layer_law = dominated_layer(deep)
    mean, variance = mean_weight_gradient(*layer_law), weight_gradient_variance(*layer_law)
    correlation = theory.neighbour_correlation(width, a)
    for place, *which in observed(deep):
        name = f"d{width}-L{depth}-a{a:g}-{place}"
        yield check(
            f"{name}-V", deep, rf"correlation of the gradients of $V$ of the {place} two neighbours",
            Mean(product("outer", *which) / mean, theory.product_variance(width, a, depth) / mean**2),
            correlation, margin=margin, basis=EXACT,
            wrong={
                "the layer's growth does not depend on its active coordinates":
                    theory.unweighted_correlation(width, a),
                "1/pi at every width and scaling": 1 / math.pi,
                "kappa is missing: 1/(2 pi)": correlation / 2,
                "neighbours have independent gradients": 0.0,
                "as smooth as in a linear network": 1.0 / (1.0 + a**2),
            },
            sized={"correlation higher by {:g}": lambda more: correlation + more},
        )  # fmt: skip
        # The terms that are left out, of order a^4 / (pi d^2), are then below half of what the margin leaves for them.
        if depth > 2 and a * a <= 0.1 * width:
            yield check(
                f"{name}-W", deep, rf"correlation of the gradients of $W$ of the {place} two neighbours",
                # By Cauchy and Schwarz the second moment is at most that of one squared norm.
                Mean(product("inner", *which) / mean, 1.0 + variance / mean**2), a**2 / (math.pi * width),
                margin=inner_margin, basis=LEADING_ORDER,
                wrong={"as those of V": correlation, "as smooth as in a linear network": 1.0 / (1.0 + a**2)},
                sized={"correlation higher by {:g}": lambda more: a**2 / (math.pi * width) + more},
            )  # fmt: skip


RES3 = Branch("res-3")


def _just(branch: Branch) -> SearchStrategy[Branch]:
    from hypothesis import strategies as st

    return st.just(branch)


PAIRS = Hypothesis(
    "pairs", "the gradients of some neighbours are observed, and compared", lambda deep: bool(deep.gradient_cosines)
)

_OF_PAIRS = partial(
    Domain.of_cells, depths=(2, 32), betas=(0.2, 1.5), kernel="dense", gradients=True, finish=_with_pairs
)

LINEAR_DOMAIN = _OF_PAIRS(
    lambda deep, precision: difference_checks(deep, 0.05 * precision),
    (
        *LAYERS, DOMINATED, UNIT_VARIANCE, PAIRS, least_depth(2),
        Hypothesis("linear", "the branch is linear", lambda deep: deep.network.branch.is_linear),
        mean_in_reach("the difference", lambda deep: next(difference_checks(deep, 1.0))),
    ),
    branches=partial(_just, Branch("linear")),
)  # fmt: skip

RES3_DOMAIN = _OF_PAIRS(
    # The margin for W is that of the terms that are left out and does not follow the precision.
    lambda deep, precision: correlation_checks(deep, 0.05 * precision, 0.15),
    (
        *LAYERS, GAUSSIAN, UNIT_VARIANCE, PAIRS, least_depth(2),
        Hypothesis("res-3 with ReLU", "the branch is res-3 with ReLU, of width up to 60, as the formula is summed",
                   lambda deep: deep.network.branch == RES3 and deep.network.width <= 60),
        mean_in_reach("the product", lambda deep: next(correlation_checks(deep, 1.0, 1.0))),
    ),
    laws=("gaussian",), widths=(1, 60), branches=partial(_just, RES3),
)  # fmt: skip


@claim(
    "N2",
    domain=LINEAR_DOMAIN,
    title="Linear networks: the first step is a diffusion along the depth at beta = 1/2",
    formula=r"\mathbb{E}\,\Bigl\Vert\frac{\partial\mathcal L}{\partial V_{k+1}}-\frac{\partial\mathcal L}{\partial "
    r"V_k}\Bigr\Vert_F^2 = 2a^4(1+a^2)^{L-2}\,\Vert h_0\Vert^2\,\Vert p_L\Vert^2,\qquad k = 1,\dots,L-1",
    source="Derived",
    derivation="With p = p_{k+1} and h = h_{k-1}, p_k = p + a V_{k+1}^T p and h_k = h + a V_k h: the difference is "
    "a^2 (p (V_k h)^T - V_{k+1}^T p h^T). The product of both parts has mean 0, each has mean ||p||^2 ||h||^2, and the "
    "L - 2 other layers multiply the mean by 1 + a^2. Second moment for the intervals: 4 a^8 (1 + 1/d + 1/d^2) "
    "(E M^2)^(L-2), an upper bound at kurtosis up to 3.",
    hypotheses="Linear branch; centred, uncorrelated weights of unit variance (independent entries of kurtosis at most "
    "3 for the intervals); p_L/||p_L|| independent of them; loss linear in h_L.",
)
def smooth_first_step(profile: Profile) -> Iterator[Check]:
    r"""In linear networks the gradients of neighbouring layers differ by $2a^4(1+a^2)^{L-2}$ in mean square, wherever
    the layers are. The quadratic variation of a step of gradient descent over all layers, relative to the step, is
    $2(L-1)a^2/(1+a^2)$, of order $L^{1-2\beta}$: that of a diffusion at $\beta = 1/2$, and nothing in the limit above.
    """
    width = 20
    for law in WEIGHTS:
        for depth, beta, margin in ((8, 1.0, 0.2), (8, 0.5, 0.05), (16, 0.25, 0.1)):
            deep = pairs("linear", law, width=width, depth=depth, a=depth**-beta)
            yield from difference_checks(deep, margin * profile.precision)


@claim(
    "N3",
    domain=RES3_DOMAIN,
    title="res-3: two thirds of the first step are white noise along the depth",
    formula=r"\frac{\mathbb{E}\,\langle\partial_{V_k}\mathcal L,\partial_{V_{k+1}}\mathcal L\rangle}{\mathbb{E}\,\Vert"
    r"\partial_{V_k}\mathcal L\Vert_F^2} = \frac{1}{\pi}\,\frac{\mathbb{E}[S\sqrt M]}{\mathbb{E}\,S\,(1+\kappa a^2)} "
    r"\approx \frac1\pi,\qquad S = \sum_i\frac{\mathrm{relu}(W_kh_{k-1})_i}{\Vert h_{k-1}\Vert}",
    source="Derived",
    derivation="V_{k+1} enters by p_k alone, with mean 0; the mean of relu(W_{k+1} h_k) over W_{k+1} has equal entries "
    "||h_k|| / sqrt(2 pi d), and M = ||h_k||^2 / ||h_{k-1}||^2. S and M depend on one another: weighting by S turns "
    "the square of one active coordinate into chi2_2, so E[S sqrt(M)] / E S is E sqrt(M) of a layer with chi2_2 + "
    "chi2_{N(d-1)} in the place of chi2_{N(d)}. For W the product is linear in the signs of V_k and V_{k+1}, which h_k "
    "and the active coordinates hardly tell: a^2 / (pi d) to the first order.",
    hypotheses="res-3 with ReLU, independent Gaussian weights of unit variance, p_L/||p_L|| independent of them; loss "
    "linear in h_L, one input.",
)
def rough_first_step(profile: Profile) -> Iterator[Check]:
    r"""In res-3 networks the gradients of neighbouring $V$ have the correlation $1/\pi$ at every $\beta$, with a
    correction that is explicit at every width and scaling, and those of neighbouring $W$ hardly any. A step of gradient
    descent on one sample is rough along the depth at every scaling exponent: two thirds white noise in $V$, white
    in $W$.
    """
    for width, depth, a, margin in ((4, 2, 1.5, 0.03), *((20, 16, 16**-beta, 0.055) for beta in (1.0, 0.5, 0.25))):
        deep = pairs("res-3", "gaussian", width=width, depth=depth, a=a)
        yield from correlation_checks(deep, margin * profile.precision, 0.15 * profile.precision)
