"""The three regimes for branches with a bias, a leaky or a bounded activation (E24)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import NormalDist
from typing import TYPE_CHECKING

from theory_check.claims import (
    EXACT,
    Basis,
    Check,
    Distance,
    Domain,
    Hypothesis,
    Mean,
    Probability,
    Profile,
    check,
    claim,
)
from theory_check.claims.checks import drifting
from theory_check.claims.domains import GAUSSIAN, INDEPENDENT_LAYERS, ONE_FACTOR, UNIT_VARIANCE, mean_in_reach
from theory_check.claims.networks import check_dominated, dominated_layer, finite_depth_law, one_layer
from theory_check.claims.observables import (
    DISPLACEMENT,
    GRADIENT_DISPLACEMENT,
    GRADIENT_RATIO,
    LOG_GRADIENT_RATIO,
    LOG_NORM_RATIO,
    between,
)
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network
from theory_check.foundation.laws import Law, Shifted
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.theory import biased_moments, moments
from theory_check.theory.bounded_branch import bounded_displacement, bounded_laws, tanh_moments
from theory_check.theory.multiplier import Multiplier

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_SECOND_ORDER = Basis(
    "the prediction is one to second order in the fluctuations of the norm, of order 1/d; the next term is of order "
    "1/d^2, and a part of the margin is left for it",
    allowance=0.2,
)


def _name(deep: Cell, quantity: str) -> str:
    shape = deep.network
    return (
        f"{shape.branch.name}-{shape.branch.activation.name}-{deep.weights.law}-beta{shape.scaling.beta:g}-{quantity}"
    )


def bounded_check(deep: Cell, relative: float) -> Check:
    """Compare the mean of D for tanh(W h + b), for an input of norm sqrt(d)."""
    shape = deep.network
    a, depth, width = shape.scaling.factor(shape.depth), shape.depth, shape.width
    bias = 1.0 / width if shape.branch.has_bias else 0.0
    found = bounded_displacement(width, a, depth, bias_variance=bias)
    start = tanh_moments(1.0 + bias).value
    wrong = {
        "the branch keeps its share of the norm: exponential growth": math.expm1(depth * math.log1p(start * a * a)),
        "the state does not change what the branch does": start * a * a * depth,
        "half of the norm passes, as with ReLU": math.expm1(depth * math.log1p(0.5 * a * a)),
        "a saturated branch from the first layer on": a * a * depth,
    }
    return check(
        _name(deep, f"d{width}"), deep, r"$\mathbb{E}\,D$", Mean(DISPLACEMENT, found.variance_bound), found.mean,
        margin=relative * found.mean, basis=_SECOND_ORDER, wrong=wrong,
        sized={"V of {:.1%} more variance": lambda more: bounded_displacement(
            width, a * math.sqrt(1.0 + more), depth, bias_variance=bias).mean},
    )  # fmt: skip


_MEDIANS = Basis(
    "the median is one to first order in 1/d; the skewness of the law moves the probability by less than the target is "
    "wide at this width",
    allowance=0.3,
)


def _larger(predict: Callable[[float], float], mean: float) -> Callable[[float], float]:
    return lambda more: predict((1.0 + more) * mean)


def bounded_law_checks(deep: Cell, precision: float) -> Iterator[Check]:
    """Compare the probabilities that D and R* exceed their predicted medians with one half, tanh(W h + b).

    h_L - h_0 is a sum of vectors of nearly known lengths, isotropic but for what the norm tells: D is about a multiple
    of a chi-square number, of which mean and variance are known. log R* is about normal.
    """
    from scipy.special import gammainc, gammaincinv

    shape = deep.network
    a, depth, width = shape.scaling.factor(shape.depth), shape.depth, shape.width
    bias = 1.0 / width if shape.branch.has_bias else 0.0
    found, start = bounded_laws(width, a, depth, bias_variance=bias), bounded_laws(width, 1.0, 1, bias_variance=bias)
    mean, deviation = found.displacement_mean, math.sqrt(found.log_gradient_variance)
    half_degrees = mean * mean / found.displacement_variance
    middle = float(gammaincinv(half_degrees, 0.5))

    def displaced(other: float) -> float:
        """P(D >= c) if the mean were another one."""
        return 1.0 - float(gammainc(half_degrees, middle * mean / other))

    def grown(other: float) -> float:
        """P(R* >= c) if the mean were another one."""
        return NormalDist().cdf(math.log(other / found.gradient_mean) / deviation)

    unchanged = start.displacement_mean * a * a * depth
    slope = (1.0 + a * a * (start.gradient_mean - 1.0)) ** depth
    for name, symbol, observed, median, low, predict, centre, mistakes in (
        ("displaced", "D", DISPLACEMENT, mean * middle / half_degrees, 0.485, displaced, mean,
         {"the state does not change what the branch does": unchanged, "a saturated branch": a * a * depth}),
        ("backward", "R^*", GRADIENT_RATIO, found.gradient_median, 0.475, grown, found.gradient_mean,
         {"the slope of the branch stays that at the input": slope, "a branch of slope 1": (1.0 + a * a) ** depth}),
    ):  # fmt: skip
        yield check(
            _name(deep, f"d{width}-{name}"), deep, rf"$\mathbb{{P}}({symbol} \geq {median:.3g})$",
            Probability(between(observed, lower=median)), (low, 0.5), margin=0.05 * precision, basis=_MEDIANS,
            wrong={text: predict(value) for text, value in mistakes.items()},
            sized={f"${symbol}$ larger by {{:.0%}}": _larger(predict, centre)},
        )  # fmt: skip


def biased_checks(deep: Cell, relative: float) -> Iterator[Check]:
    """Compare the means of D and D* for ReLU(W h + b) away from beta = 1/2 (E18), for an input of norm sqrt(d)."""
    check_dominated(deep)
    shape = deep.network
    a, energy = shape.scaling.factor(shape.depth), 1.0 / shape.width
    layer = Multiplier(shape.width, Branch("res-3")), a, shape.depth
    plain = moments.mean_displacement(*layer)
    target = moments.biased_displacement_mean(*layer, bias_energy=energy)
    variance = biased_moments.displacement_variance(*layer, bias_energy=energy)
    yield check(
        _name(deep, "displacement"), deep, r"$\mathbb{E}\,D$ with a bias", Mean(DISPLACEMENT, variance), target,
        margin=relative * target, wrong={"the bias does not matter": plain},
        sized={"V of {:.1%} more variance": lambda more: moments.biased_displacement_mean(
            layer[0], a * math.sqrt(1.0 + more), shape.depth, bias_energy=energy)},
    )  # fmt: skip
    yield check(
        _name(deep, "gradient"), deep, r"$\mathbb{E}\,D^*$ with a bias",
        Mean(GRADIENT_DISPLACEMENT, moments.displacement_variance(*layer)), plain, margin=relative * plain,
        wrong={"the bias adds to the gradient": target, "the bias switches a quarter of the units off": 0.75 * plain},
        sized={"the bias switches {:.1%} of the units off": lambda share: (1.0 - share) * plain},
    )  # fmt: skip


def leaky_checks(deep: Cell, relative: float) -> Iterator[Check]:
    """Compare the means of D and D* with a leaky activation, as for any closed branch (E1)."""
    multiplier, a, depth = layer = dominated_layer(deep)
    target, variance = moments.mean_displacement(*layer), moments.displacement_variance(*layer)
    wrong = {
        "the slope is 0": Multiplier(multiplier.width, Branch("res-3")),
        "the slope enters kappa without its square": replace(
            multiplier, gain=(1.0 + multiplier.slope) / 2.0 / multiplier.kappa
        ),
    }
    for name, symbol, observed in (("displacement", "D", DISPLACEMENT), ("gradient", "D^*", GRADIENT_DISPLACEMENT)):
        yield check(
            _name(deep, name), deep, rf"$\mathbb{{E}}\,{symbol}$ with a leaky activation", Mean(observed, variance),
            target, margin=relative * target,
            wrong={text: moments.mean_displacement(other, a, depth) for text, other in wrong.items()},
            sized={"V of {:.1%} more variance": lambda more: moments.mean_displacement(
                multiplier, a * math.sqrt(1.0 + more), depth)},
        )  # fmt: skip


def leaky_laws(deep: Cell, precision: float) -> Iterator[Check]:
    """Compare log R and log R* with their one exact law in the explosion regime, leaky activation, Gaussian weights."""
    multiplier, a, depth = one_layer(deep)
    law = finite_depth_law(multiplier, a, depth)
    half = multiplier.kappa * a * a * depth / multiplier.width
    wrong: dict[str, Law] = {
        "the width correction is 1/d in the place of 2/d": Shifted(law, half),
        "the width correction is 3/d in the place of 2/d": Shifted(law, -half),
    }
    for name, symbol, observed in (("output", "R", LOG_NORM_RATIO), ("backward", "R^*", LOG_GRADIENT_RATIO)):
        yield check(
            _name(deep, f"{name}-law"), deep,
            rf"Kolmogorov distance between $\log {symbol}$ and the sum of independent $\log M$, leaky activation",
            Distance(observed, law), (0.0, law.error), margin=0.05 * precision, basis=EXACT, wrong=wrong,
            sized={"drift {:.0%} larger": drifting(law, law.mean)},
        )  # fmt: skip


def _bounded() -> SearchStrategy[Branch]:
    from hypothesis import strategies as st

    return st.sampled_from([Branch(name, Activation("tanh")) for name in ("res-2", "res-3")])


DOMAIN = Domain.of_cells(
    lambda deep, precision: (bounded_check(deep, 0.06 * precision),),
    (
        INDEPENDENT_LAYERS, ONE_FACTOR, GAUSSIAN,
        Hypothesis("bounded branch", "the branch is res-2 or res-3 with tanh",
                   lambda deep: deep.network.branch.has_inner and deep.network.branch.activation.name == "tanh"),
        Hypothesis("energy", "the norm of the input is sqrt(d)", lambda deep: deep.input.name in ("sphere", "ones")),
        UNIT_VARIANCE,
        Hypothesis("width 8", "the width is at least 8: the prediction is one to second order in 1/d",
                   lambda deep: deep.network.width >= 8),
        mean_in_reach("D", lambda deep: bounded_check(deep, 1.0)),
    ),
    laws=("gaussian",), branches=_bounded, widths=(8, 24), depths=(4, 64), betas=(0.25, 1.5),
)  # fmt: skip


@claim(
    "E24",
    domain=DOMAIN,
    title="The trichotomy with biases, leaky and bounded activations",
    formula=r"\frac{d}{dt}\,q = T(q),\ T(q) = \mathbb{E}\tanh^2(\sqrt q\,z):\qquad \mathbb{E}\,D \to 0\ (\beta > "
    r"\tfrac12),\quad q(1)-1\ (\beta = \tfrac12),\quad \sim L^{1-2\beta}\ (\beta < \tfrac12)",
    source="Derived; the regimes are those of @marion2025",
    derivation="V is centred and independent of the branch, so E D = E R - 1 for every activation. With W and b "
    "Gaussian the entries of tanh(W h + b) are independent given ||h||, which makes Q = ||h||^2/d a Markov chain with "
    "mean step a^2 T(Q + c); its curvature enters by the variance of Q, of order 1/d. T tends to 1: below beta = 1/2 "
    "the growth saturates to a^2 L = L^(1 - 2 beta), a power of the depth. Backward the mean of R* grows by a^2 times "
    "the mean squared slope at the current norm, and by a term of order 1/d along h. Leaky activations are closed "
    "branches of kappa = (1 + s^2)/2 (E1, E16, E19), and biases add to the energy of the input (E18).",
    hypotheses="Symmetric independent weights; Gaussian ones and an input of norm sqrt(d) for tanh.",
    remarks=(
        r"For a bounded activation the displacement below $\beta = 1/2$ grows like a power of the depth; the "
        "exponential growth of E7 needs a branch that grows with its input. Backward the slope of the activation falls "
        "as the state grows.",
    ),
)
def other_branches(profile: Profile) -> Iterator[Check]:
    r"""With a bias, a leaky activation or tanh inside the branch the displacement vanishes for $\beta > 1/2$, settles
    at $\beta = 1/2$ and grows without bound for $\beta < 1/2$, as for ReLU; with tanh it grows like $L^{1-2\beta}$.
    """
    precision = profile.precision
    for beta, relative in ((1.0, 0.08), (0.5, 0.05), (0.25, 0.08)):
        for branch in ("res-3", "res-2"):
            deep = network(branch, activation="tanh", width=8, depth=32, beta=beta, input="sphere", kernel="dense")
            yield bounded_check(deep, relative * precision)
        deep = network("res-3", "uniform", activation="leaky:slope=0.3", width=10, depth=32, beta=beta, gradients=True)
        if beta != 0.25:  # where the whole law is compared instead
            yield from leaky_checks(deep, 0.05 * precision)
        if beta != 0.5:
            deep = network("res-2", "uniform", width=4, depth=8, beta=beta, input="sphere", gradients=True)
            yield from biased_checks(deep, 0.09 * precision)
    deep = network("res-3", activation="leaky:slope=0.3", width=10, depth=32, beta=0.25, gradients=True, kernel="dense")
    yield from leaky_laws(deep, precision)
    for beta in (0.5, 0.25):
        deep = network("res-3", activation="tanh", width=12, depth=32, beta=beta, input="ones", gradients=True)
        yield from bounded_law_checks(deep, precision)
