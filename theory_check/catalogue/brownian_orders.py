"""Networks of several depths that share their Brownian motion: strong and weak orders of convergence (P6, E14)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from theory_check.claims import (
    EXACT_AT_DEPTHS,
    PROFILES,
    Basis,
    Check,
    Distance,
    Domain,
    Hypothesis,
    Mean,
    Normal,
    Order,
    Probability,
    Profile,
    check,
    claim,
    median,
)
from theory_check.claims.checks import higher
from theory_check.claims.coupled_domains import LINEAR, SHARED_NOISE, coupled_strata, lipschitz_activations, widths
from theory_check.claims.observables import LOG_NORM_RATIO, NORM_RATIO, between, column, error_slope, increments
from theory_check.experiments.euler_maruyama import EulerMaruyama
from theory_check.experiments.spelling import brownian_networks, network
from theory_check.foundation.stored_values import stored
from theory_check.inference.rates import slope_variance, slope_weights
from theory_check.networks.activations import Activation
from theory_check.theory.coupled_moments import coupled_moments
from theory_check.theory.orders import STRONG_ORDER, mean_square_error
from theory_check.theory.plane_diffusion import ERROR as PLANE_ERROR
from theory_check.theory.plane_diffusion import plane_diffusion_law
from theory_check.theory.scalar_diffusion import ERROR, ScalarDiffusionLaw, stratonovich_law, tanh_diffusion_law

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

#: The part of the margin that is left for the error of the slope.
_ALLOWANCE = 0.5
SLOPE_LIMIT = Basis(
    "the slope is a limit; at these depths its error is of the order of one over the coarsest, inside the part of the "
    "margin left for it",
    allowance=_ALLOWANCE,
)
#: The error of the median slope, times the coarsest depth, at most: it is 0.35 for ReLU and 0.12 for tanh.
_SLOPE_ERROR = 0.5


#: Widest networks with a share of still ones that a sample of thousands can see.
_STILL_WIDTH = 5


def _strong_check(
    deep: EulerMaruyama, name: str, precision: float, *, column_name: str = "adjacent_error", where: str = "",
    independent: EulerMaruyama | None = None,
) -> Check:  # fmt: skip
    """Compare the slope of the errors along one Brownian motion with -1/2, path by path."""
    depths = deep.depths[:-1]
    # The errors are quadratic forms of d normal numbers with unequal weights; as if d/2 of them counted equally.
    width = deep.network.width
    law = Normal(-STRONG_ORDER, slope_variance(depths, 0.5 * width))
    # The share 2^-d that never moves has the slope 0, above the median: which moves by half of it over the density.
    still = 2.0**-width * math.sqrt(0.5 * math.pi * law.variance) if deep.network.branch.is_rectifier else 0.0
    least = (_SLOPE_ERROR / depths[0] + still) / _ALLOWANCE
    wrong: dict[str, object] = {"order 1": -1.0, "order 0": 0.0}
    if independent is not None:
        wrong["noise that is not shared between depths"] = error_slope("adjacent_error", depths, experiment=1)
    return check(
        f"res-1-{name}", (deep,) if independent is None else (deep, independent),
        r"median of the slope of $\log\Vert h^{(L)}-h^{(2L)}\Vert$ on $\log L$" + where,
        median(error_slope(column_name, depths), law), -STRONG_ORDER, margin=max(0.07 * precision, least),
        basis=SLOPE_LIMIT,
        wrong=wrong, sized={"order higher by {:g}": lambda more: -STRONG_ORDER - more},
    )  # fmt: skip


def _still_check(deep: EulerMaruyama, precision: float) -> Check:
    """Compare the share of networks without an active coordinate, which never move, with 2^-d."""
    # A network that moves has an error of 0, or equal errors at two depths, with probability 0.
    still = between(error_slope("adjacent_error", deep.depths[:-1]), 0.0, 0.0)
    width = deep.network.width
    return check(
        f"res-1-relu-d{width}-still", deep, r"$\mathbb{P}(h^{(L)}=h^{(2L)}$ at every depth$)$", Probability(still),
        2.0**-width, margin=0.04 * precision, basis=EXACT_AT_DEPTHS, wrong={"the order is 1/2 for every input": 0.0},
    )  # fmt: skip


@stored
def limit_law() -> ScalarDiffusionLaw:
    """Return the law of the limit at width 1 from H_0 = 1, which checks and profiles share."""
    return tanh_diffusion_law(1.0)


def _limit_check(depth: int, precision: float) -> Check:
    """Compare log R of a network of width 1 with tanh with the law of its limit, known by a scheme of its own."""
    deep = network("res-1", activation="tanh", width=1, depth=depth, input="ones", kernel="dense")
    return check(
        "res-1-tanh-d1-limit", deep,
        r"Kolmogorov distance between $\log R$ and $\log(H_1/H_0)^2$ for $dH = \tanh H\,dB$",
        Distance(LOG_NORM_RATIO, limit_law()), (0.0, ERROR), margin=0.025 * precision,
        basis=Basis("limit law; the error, of order 1/L, is found to be 0.0014 at depth 256", allowance=0.2),
        wrong={
            "Stratonovich's sense: log sinh H is a Brownian motion": stratonovich_law(1.0),
            "tanh H is H: geometric Brownian motion": Normal(-1.0, 4.0),
        },
    )  # fmt: skip


@stored
def plane_laws() -> tuple[ScalarDiffusionLaw, ScalarDiffusionLaw]:
    """Return the law of the limit at width 2 from H_0 = (1, 1), and that of coordinates driven by their own tanh."""
    return plane_diffusion_law(1.0), plane_diffusion_law(1.0, shared=False)


def _plane_check(depth: int, precision: float) -> Check:
    """Compare log R of a network of width 2 with tanh with the law of its limit, by another approximation of it."""
    deep = network("res-1", activation="tanh", width=2, depth=depth, input="ones", kernel="dense")
    law, apart = plane_laws()
    wrong: dict[str, object] = {"tanh H is H: geometric Brownian motion": Normal(0.0, 2.0)}
    # 0.049 from the law.
    if precision <= PROFILES["standard"].precision:
        wrong["each coordinate is driven by its own tanh"] = apart
    return check(
        "res-1-tanh-d2-limit", deep,
        r"Kolmogorov distance between $\log R$ and $\log(\Vert H_1\Vert^2/\Vert H_0\Vert^2)$ for "
        r"$dH = 2^{-1/2}\,dB\,\tanh H$",
        Distance(LOG_NORM_RATIO, law), (0.0, PLANE_ERROR), margin=0.025 * precision,
        basis=Basis("limit law; the error, of order 1/L, is found to be 0.005 at depth 16", allowance=0.2), wrong=wrong,
    )  # fmt: skip


def _strong_checks(deep: EulerMaruyama, precision: float) -> Iterator[Check]:
    branch, width = deep.network.branch, deep.network.width
    if branch.is_rectifier and width <= _STILL_WIDTH:
        yield _still_check(deep, precision)
    else:
        yield _strong_check(deep, f"{branch.activation.name}-d{width}", precision)


def _brownian() -> SearchStrategy[EulerMaruyama]:
    from hypothesis import strategies as st

    wide = st.builds(_networks, lipschitz_activations(), st.integers(6, 24), st.integers(16, 32), st.integers(3, 4))
    narrow = st.builds(_networks, st.just(Activation("relu")), st.integers(1, _STILL_WIDTH), st.integers(2, 8),
                       st.just(2))  # fmt: skip
    return narrow | wide


def _networks(activation: Activation, width: int, depth: int, doublings: int) -> EulerMaruyama:
    return brownian_networks("res-1", activation=str(activation), width=width, depth=depth, doublings=doublings)


P6_DOMAIN = Domain(
    networks=_brownian,
    build=_strong_checks,
    strata=coupled_strata,
    hypotheses=(
        SHARED_NOISE,
        Hypothesis("res-1", "the branch is res-1", lambda deep: deep.network.branch.name == "res-1"),
        Hypothesis(
            "deep or still",
            "the coarsest depth is at least 16 and the width at least 6, so that errors have a slope; or the branch is "
            f"ReLU, of width up to {_STILL_WIDTH}, so that the share that never moves is seen",
            lambda deep: (
                (deep.network.depth >= 16 and deep.network.width > _STILL_WIDTH and deep.doublings >= 3)
                or (deep.network.branch.is_rectifier and deep.network.width <= _STILL_WIDTH and deep.doublings >= 2)
            ),
        ),
    ),
)


@claim(
    "P6",
    domain=P6_DOMAIN,
    quick_precision=1.5,
    title="Strong order of the Euler-Maruyama scheme",
    formula=r"dH = d^{-1/2}\,dB\,\sigma(H),\qquad \Vert h^{(L)}-H(1)\Vert \approx L^{-1/2}",
    source="@marion2025; @kloeden1992",
    derivation="h_k + L^(-1/2) V sigma(h_k) is a step of the scheme, V a rescaled increment of B. Errors between "
    "depths L and 2 L, multiplied by L^(1/2), tend to variables that are Gaussian given B, with one covariance for all "
    "L, and independent of each other given B (what drives them are products of increments within steps). So they are "
    "exchangeable between depths, and the slope of a replicate, whose weights are antisymmetric, has a law symmetric "
    "about -1/2: its median is -1/2. The limit at width 1 with tanh: log sinh H is a Brownian motion with the drift "
    "-1/(2 cosh^2 H), whose law at time 1 comes from Girsanov's theorem, without a network. At width 2 dH = d^(-1/2) "
    "||tanh H|| dW with a plane Brownian motion W, whose law comes from a walk on a lattice.",
    hypotheses="Gaussian V, Lipschitz sigma, at least one active coordinate at the input.",
    remarks=(
        r"With ReLU some coordinate of the input must be positive: otherwise, with probability $2^{-d}$, the "
        r"network never moves and its error has no order.",
        r"That the length of $\tanh H$ drives each of two coordinates, and not its own, is told from the standard "
        "profile on; the margin of the quick profile is wider.",
    ),
)
def strong_order(profile: Profile) -> Iterator[Check]:
    r"""At $\beta = 1/2$ with Gaussian $V$ a res-1 network is the Euler-Maruyama scheme of a stochastic differential
    equation: driven by one Brownian motion, networks of depth $L$ approach its solution at the order $L^{-1/2}$.
    """
    depth = 16 * profile.depth
    relu = brownian_networks("res-1", width=10, depth=depth, doublings=4, suprema=True)
    tanh = brownian_networks("res-1", activation="tanh", width=10, depth=depth, doublings=4)
    precision = profile.precision
    yield _strong_check(relu, "relu", precision, independent=replace(relu, noise="independent"))
    yield _strong_check(relu, "relu-supremum", precision, column_name="adjacent_supremum",
                        where=", largest error over all times")  # fmt: skip
    yield _strong_check(tanh, "tanh", precision)
    yield _still_check(brownian_networks("res-1", width=3, depth=4, doublings=2, suprema=True), precision)
    yield _limit_check(256, precision)
    yield _plane_check(256, precision)


def _order_check(deep: EulerMaruyama, *, strong: bool, precision: float) -> Check:
    """Compare the slope of the mean square of the strong error, or of the weak error, with the exact one."""
    depths, width = deep.depths[:-1], deep.network.width
    errors = tuple(mean_square_error(n, 2 * n) for n in depths)
    pairs = [coupled_moments(width, n, 2 * n) for n in depths]
    variances = tuple((pair.squared_error if strong else pair.norm_ratio_difference)[1] for pair in pairs)
    if strong:
        error, wrong = column("adjacent_error") ** 2, {"order 1, strong": -2.0, "order 0, strong": 0.0}
        quantity = r"\log\mathbb{E}\Vert h^{(L)}-h^{(2L)}\Vert^2$ on $\log L$, minus twice the strong order"
    else:
        error = increments(NORM_RATIO)
        wrong = {"order 1/2, weak": -0.5, "order 2, weak": -2.0, "order 0, weak": 0.0}
        quantity = r"\log(\mathbb{E}R^{(2L)}-\mathbb{E}R^{(L)})$ on $\log L$, minus the weak order"
    slope = float(np.dot(slope_weights(np.log(depths)), np.log(errors)))
    return check(
        "linear-strong" if strong else "linear-weak", deep, f"slope of ${quantity}",
        Order(error, depths, errors, variances), slope, margin=(0.1 if strong else 0.25) * precision,
        basis=EXACT_AT_DEPTHS, wrong=wrong, sized={"slope steeper by {:g}": lambda more: slope - more},
    )  # fmt: skip


def _gap_check(deep: EulerMaruyama, precision: float) -> Check:
    """Compare the difference of the means of R of the finest and the coarsest network with the exact one."""
    coarse, fine = deep.depths[0], deep.depths[-1]
    gap = mean_square_error(coarse, fine)
    variance = coupled_moments(deep.network.width, coarse, fine).norm_ratio_difference[1]
    return check(
        "linear-weak-error", deep, rf"$\mathbb{{E}}R^{{({fine})}}-\mathbb{{E}}R^{{({coarse})}}$",
        Mean(NORM_RATIO[-1] - NORM_RATIO[0], variance), gap, margin=0.1 * precision * gap,
        basis=EXACT_AT_DEPTHS,
        wrong={
            "the constant is e, not e/2": 2.0 * gap,
            "the mean does not depend on depth": 0.0,
            "the error is e/(2L), without higher orders": 0.5 * math.e * (1.0 / coarse - 1.0 / fine),
        },
        sized={"the error is larger by {:.0%}": higher(gap, gap)},
    )  # fmt: skip


def _mean_square_check(deep: EulerMaruyama, precision: float) -> Check:
    """Compare the mean square distance of the two finest networks with the exact one."""
    coarse, fine = deep.depths[-2:]
    square = mean_square_error(coarse, fine)
    variance = coupled_moments(deep.network.width, coarse, fine).squared_error[1]
    return check(
        "linear-mean-square", deep,
        rf"$\mathbb{{E}}\Vert h^{{({fine})}}-h^{{({coarse})}}\Vert^2/\Vert h_0\Vert^2$",
        Mean(column("adjacent_error")[-1] ** 2, variance), square, margin=0.1 * precision * square,
        basis=EXACT_AT_DEPTHS,
        wrong={
            "the networks do not share their noise": (1.0 + 1.0 / coarse) ** coarse + (1.0 + 1.0 / fine) ** fine - 2.0,
            "the strong error is as small as the weak one": square**2,
        },
    )  # fmt: skip


def _linear_checks(deep: EulerMaruyama, precision: float) -> Iterator[Check]:
    yield _mean_square_check(deep, precision)
    yield _gap_check(deep, precision)
    if deep.doublings >= 2:
        yield _order_check(deep, strong=True, precision=precision)


def _linear() -> SearchStrategy[EulerMaruyama]:
    from hypothesis import strategies as st

    return st.builds(
        lambda width, depth, doublings: brownian_networks("linear", width=width, depth=depth, doublings=doublings),
        st.integers(4, 24), st.integers(1, 16), st.integers(1, 3),
    )  # fmt: skip


E14_DOMAIN = Domain(
    networks=_linear,
    build=_linear_checks,
    strata=coupled_strata,
    hypotheses=(
        SHARED_NOISE, LINEAR,
        Hypothesis(
            "unit variance", "the weights have unit variance", lambda deep: deep.weights.gain == 1.0
        ),
        Hypothesis("two depths", "there are at least two depths", lambda deep: deep.doublings >= 1),
        # The fourth moments of R at width d are about exp(4/d) times the squared mean.
        widths(4),
    ),
)  # fmt: skip


@claim(
    "E14",
    domain=E14_DOMAIN,
    quick_precision=1.3,
    title="Strong and weak errors of linear networks",
    formula=r"\mathbb{E}\Vert h^{(L)}-h^{(N)}\Vert^2/\Vert h_0\Vert^2 = \mathbb{E}R^{(N)}-\mathbb{E}R^{(L)} = "
    r"(1+\tfrac1N)^N-(1+\tfrac1L)^L,\qquad e-(1+\tfrac1L)^L = \frac{e}{2L}+O(L^{-2})",
    source="Derived",
    derivation="In E (I + a sum V_i)^T prod (I + a V_i) only terms with one V_i on each side survive, so the overlap "
    "of both networks has the mean of R of the coarser one. Variances for the intervals: the exact recursion of the "
    "second moments of the Gram matrix of both networks.",
    hypotheses="Gaussian weights, linear branch, depth L divides N.",
    remarks=(
        r"The weak error is $e/(2L)$ to leading order only; at every depth it is $e-(1+1/L)^L$, and between two "
        r"depths $(1+1/N)^N-(1+1/L)^L$, which is the mean square of the strong error too.",
    ),
)
def linear_orders(profile: Profile) -> Iterator[Check]:
    """For linear branches the mean square of the strong error and the weak error of $R$ are one number, explicit at
    every depth: strong order 1/2, weak order 1, and $e/(2L)$ to leading order.
    """
    strong = brownian_networks("linear", width=10, depth=8, doublings=4)
    weak = brownian_networks("linear", width=10, depth=4, doublings=3)
    yield _order_check(strong, strong=True, precision=profile.precision)
    yield _order_check(weak, strong=False, precision=profile.precision)
    yield _gap_check(weak, profile.precision)
