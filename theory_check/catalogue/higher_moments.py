"""Exact statements beyond the mean of R: second moment of D, biases, leaky activations (E17, E18, E19)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from theory_check.claims import Check, Distance, Domain, Hypothesis, Mean, Profile, check, claim
from theory_check.claims.checks import drifting
from theory_check.claims.domains import (
    DOMINATED,
    FINITE_VARIANCE,
    GAUSSIAN,
    INDEPENDENT_LAYERS,
    LAYERS,
    NO_TIES,
    ONE_FACTOR,
    mean_in_reach,
)
from theory_check.claims.networks import BRANCHES, WEIGHTS, check_dominated, finite_depth_law, label, one_layer
from theory_check.claims.observables import (
    DISPLACEMENT,
    GRADIENT_RATIO,
    LOG_DISPLACEMENT,
    LOG_NORM_RATIO,
    NORM_RATIO,
    exp,
)
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.theory import biased_moments, moments
from theory_check.theory.joint_moments import displacement_moment
from theory_check.theory.multiplier import Multiplier

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def squared_displacement(deep: Cell, relative: float) -> Check:
    """Compare the second moment of D; the fourth bounds the variance of its square."""
    multiplier, a, depth = layer = one_layer(deep)
    mean, target = moments.mean_displacement(*layer), moments.displacement_second_moment(*layer)
    squared = Mean(exp(4.0 * LOG_DISPLACEMENT), displacement_moment(*layer, order=4) - target**2)
    return check(
        f"{label(deep)}-beta{deep.network.scaling.beta:g}", deep, r"$\mathbb{E}\,D^2$", squared, target,
        margin=relative * target,
        wrong={
            "D does not fluctuate": mean**2,
            "D is chi-square, as in the identity regime": mean**2 * (1.0 + 2.0 / multiplier.width),
        },
        sized={"weights of {:.1%} more variance": lambda more: moments.displacement_second_moment(
            replace(multiplier, gain=(1.0 + more) * multiplier.gain), a, depth)},
    )  # fmt: skip


#: Weight law, and the fourth and the eighth moment of an entry, from its density: of the uniform one 3^2/5 and 3^4/9,
#: of the sum of two uniform numbers 6^2/15 and 6^4/45.
FOURTH_MOMENTS = (("uniform", 9 / 5, 9.0), ("triangular", 12 / 5, 144 / 5))


def entry_check(law: str, fourth: float, eighth: float, precision: float) -> Check:
    """Compare the second moment of D in a layer of one unit, where D = V^2, with the fourth moment of an entry."""
    wrong = {f"{other} entries": value for other, value, _ in FOURTH_MOMENTS if other != law}
    return check(
        f"linear-{law}-d1-entry", network("linear", law, width=1, depth=1, beta=0.0), r"$\mathbb{E}\,V^4$",
        Mean(exp(4.0 * LOG_DISPLACEMENT), eighth - fourth**2), fourth, margin=0.1 * fourth * precision,
        wrong={"normal entries": 3.0, **wrong},
        sized={"the fourth moment is {:.0%} larger": lambda more: (1.0 + more) * fourth},
    )  # fmt: skip


SQUARES = Domain.of_cells(
    lambda deep, precision: (squared_displacement(deep, 0.06 * precision),),
    (*LAYERS, GAUSSIAN, mean_in_reach("D^2", lambda deep: squared_displacement(deep, 1.0))),
    laws=("gaussian",), depths=(1, 64), betas=(0.3, 1.5),
)  # fmt: skip


@claim(
    "E17",
    domain=SQUARES,
    quick_precision=1.2,
    title="Second moment of the displacement",
    formula=r"\mathbb{E}\,D^2 = \mathbb{E}\,R^2 - 4\bigl(1+\kappa a^2(1+\tfrac2d)\bigr)^L + 2(1+\kappa a^2)^L + "
    r"\tfrac4d\bigl[(1+\kappa a^2)^L-1\bigr] + 1",
    source="Derived",
    derivation="D = R - 2 Y + 1 with the overlap Y = <h_L, h_0>/||h_0||^2. The increment of a layer is isotropic given "
    "the past, so the moments of degree 4 in (||h||, Y) follow a linear recursion. The variance of D^2 that the "
    "interval needs comes from the same recursion at degree 16, evaluated exactly.",
    hypotheses="Gaussian V and W; linear or res-3 branch. A linear layer of one unit: any law.",
)
def second_moment_of_displacement(profile: Profile) -> Iterator[Check]:
    r"""With Gaussian weights $\mathbb{E}\,D^2$ is an explicit combination of $L$-th powers; in a linear layer of one
    unit it is $a^4$ times the fourth moment of the entries, whatever their law.
    """
    for branch in BRANCHES:
        # At width 10 the fluctuations of D, its second moment less its squared mean, are two of the margins at least.
        for width, beta, relative in ((40, 0.5, 0.06), (40, 1.0, 0.05), (10, 0.5, 0.1), (10, 1.0, 0.06)):
            deep = network(branch, "gaussian", width=width, depth=16, beta=beta, kernel="dense")
            yield squared_displacement(deep, relative * profile.precision)
        # The chain is cheap enough to see a prediction that is off by 1%.
        fine = network(branch, "gaussian", width=400, depth=16, beta=1.0)
        yield squared_displacement(fine, 0.0083 * profile.precision)
    for law, fourth, eighth in FOURTH_MOMENTS:
        yield entry_check(law, fourth, eighth, profile.precision)


def bias_checks(deep: Cell, relative: float) -> Iterator[Check]:
    """Compare the means of R, D and R* with a bias, for an input of norm sqrt(d): its energy is B/||h_0||^2 = 1/d."""
    check_dominated(deep)
    shape = deep.network
    gain = deep.weights.gain * deep.weights.inner.gain
    layer = Multiplier(shape.width, Branch("res-3"), gain), shape.scaling.factor(shape.depth), shape.depth
    energy, growth = 1.0 / shape.width, moments.mean_displacement(*layer)
    norm = moments.biased_norm_ratio_mean(*layer, bias_energy=energy)
    displacement = moments.biased_displacement_mean(*layer, bias_energy=energy)
    norm_variance = biased_moments.norm_ratio_variance(*layer, bias_energy=energy)
    displacement_variance = biased_moments.displacement_variance(*layer, bias_energy=energy)
    ratio, ratio_variance = 1.0 + growth, moments.norm_ratio_variance(*layer)

    def energetic(start: float, more: float) -> float:
        return start + (1.0 + (1.0 + more) * energy) * growth

    for name, symbol, observed, target, wrong, start in (
        ("norm", "R", Mean(NORM_RATIO, norm_variance), norm, {"the bias does not matter": ratio}, 1.0),
        ("displacement", "D", Mean(DISPLACEMENT, displacement_variance), displacement,
         {"the bias does not matter": growth}, 0.0),
        ("gradient", "R^*", Mean(GRADIENT_RATIO, ratio_variance), ratio,
         {"the bias adds to the gradient": (1.0 + energy) * ratio - energy}, None),
    ):  # fmt: skip
        sized = {"{:.0%} of the bias adds to the gradient": lambda share: ratio + share * energy * growth}
        if start is not None:
            sized = {"a bias of {:.0%} more variance": partial(energetic, start)}
        yield check(
            f"{label(deep)}-{name}", deep, rf"$\mathbb{{E}}\,{symbol}$ with a bias", observed, target,
            margin=relative * target * (1.6 if name == "displacement" else 1.0), wrong=wrong, sized=sized,
        )  # fmt: skip


def _biased() -> SearchStrategy[Branch]:
    from hypothesis import strategies as st

    return st.just(Branch("res-2"))


#: Mean of D below which its variance, 2/d of the square or so, is lost in the rounding of terms of size 1.
LEAST_DISPLACEMENT = 1e-3


def _is_displaced(deep: Cell) -> bool:
    shape, gain = deep.network, deep.weights.gain * deep.weights.inner.gain
    layer = Multiplier(shape.width, Branch("res-3"), gain)
    return moments.mean_displacement(layer, shape.scaling.factor(shape.depth), shape.depth) >= LEAST_DISPLACEMENT


BIASED = Domain.of_cells(
    lambda deep, precision: bias_checks(deep, 0.04 * precision),
    (
        INDEPENDENT_LAYERS, ONE_FACTOR, FINITE_VARIANCE, DOMINATED, NO_TIES,
        Hypothesis("res-2", "the branch is res-2 with ReLU", lambda deep: deep.network.branch == Branch("res-2")),
        Hypothesis("energy", "the norm of the input is sqrt(d)", lambda deep: deep.input.name in ("sphere", "ones")),
        Hypothesis("displacement", f"the mean of D is at least {LEAST_DISPLACEMENT:g}", _is_displaced),
        mean_in_reach("R", lambda deep: next(bias_checks(deep, 1.0))),
    ),
    branches=_biased, betas=(0.3, 2.0), gradients=True, kernel="dense",
)  # fmt: skip


@claim(
    "E18",
    domain=BIASED,
    quick_precision=1.7,
    title="Biases",
    formula=r"\mathbb{E}\,\Vert h_L\Vert^2 = (\Vert h_0\Vert^2+B)(1+\kappa a^2)^L - B,\qquad \mathbb{E}\,D = "
    r"\Bigl(1+\frac{B}{\Vert h_0\Vert^2}\Bigr)\bigl[(1+\kappa a^2)^L-1\bigr]",
    source="Derived",
    derivation="(W h + b)_i is symmetric of variance (||h||^2 + B)/d in units of v_W, so E||g||^2 = kappa (||h||^2 + "
    "B): ||h||^2 + B grows by the factor 1 + kappa a^2. A unit is active with probability 1/2 whatever the bias, which "
    "is all that the gradient sees.",
    hypotheses="Symmetric independent V, W and b of kurtosis at most 3, without atoms at 0 of W h + b for R*; ReLU.",
)
def biases(profile: Profile) -> Iterator[Check]:
    """With symmetric biases inside the activation the mean squared norm grows as if the energy of a bias were added to
    that of the input; the mean of the gradient ratio does not change.
    """
    for law in WEIGHTS:
        # A narrow network, where a bias is a large part of the energy: half of its effect on each mean is in reach.
        deep = network("res-2", law, width=2, depth=16, input="sphere", gradients=True, kernel="dense")
        yield from bias_checks(deep, 0.04 * profile.precision)


def leaky_check(deep: Cell, precision: float) -> Check:
    """Compare log R with its exact law for the slope of the activation."""
    multiplier, a, depth = one_layer(deep)
    straight = Multiplier(multiplier.width, Branch("res-3", Activation("identity")), multiplier.gain)
    law, identity = (finite_depth_law(m, a, depth) for m in (multiplier, straight))
    wrong = {"the slope is 1 in the law of a layer": identity}
    if multiplier.slope >= 0.1:
        rooted = Multiplier(multiplier.width, Branch("res-3", Activation("leaky", math.sqrt(multiplier.slope))))
        wrong["s in the place of s^2"] = finite_depth_law(rooted, a, depth)
    if depth == 1 and multiplier.slope < 0.1:
        linear = Multiplier(multiplier.width, gain=multiplier.kappa)
        wrong["a linear layer of the same kappa"] = finite_depth_law(linear, a, depth)
    return check(
        f"{label(deep)}-slope{multiplier.slope:g}-depth{depth}", deep,
        r"Kolmogorov distance between $\log R$ and the sum of independent $\log M$, leaky activation",
        Distance(LOG_NORM_RATIO, law), (0.0, law.error), margin=0.04 * precision, wrong=wrong,
        sized={"drift {:.0%} larger": drifting(law, law.mean)},
    )  # fmt: skip


LEAKY = Domain.of_cells(
    lambda deep, precision: (leaky_check(deep, precision),),
    (
        *LAYERS, GAUSSIAN,
        Hypothesis(
            "leaky", "the branch is res-3 with a leaky activation",
            lambda deep: deep.network.branch.has_inner and deep.network.branch.activation.name == "leaky",
        ),
    ),
    laws=("gaussian",), depths=(4, 128), betas=(0.0, 1.5),
)  # fmt: skip


@claim(
    "E19",
    domain=LEAKY,
    title="Leaky activations",
    formula=r"s_{\text{layer}}^2 = \frac{\chi^2_N + s^2\chi^2_{d-N}}{d^2},\qquad \kappa = \frac{1+s^2}{2}",
    source="Derived",
    derivation="The d - N inactive coordinates of W h keep s^2 of their square, independent of the active ones given "
    "N.",
    hypotheses="Gaussian V and W; leaky ReLU of slope s.",
)
def leaky_activations(profile: Profile) -> Iterator[Check]:
    r"""With Gaussian weights and negative slope $s$ the law of a layer is that of E2 with
    $\chi^2_N+s^2\chi^2_{d-N}$ for $\chi^2_N$.
    """
    for slope, width, depth, beta in ((0.01, 10, 1, 0.0), (0.3, 10, 1, 0.0), (0.3, 20, 50, 0.5)):
        deep = network("res-3", "gaussian", activation=f"leaky:slope={slope:g}", width=width, depth=depth, beta=beta,
                       kernel="dense")  # fmt: skip
        yield leaky_check(deep, profile.precision)
