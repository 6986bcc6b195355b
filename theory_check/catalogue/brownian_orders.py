"""Networks of several depths that share their Brownian motion: strong and weak orders of convergence (P6, E14)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from theory_check.claims import (
    EXACT_AT_DEPTHS,
    Basis,
    Check,
    Mean,
    Normal,
    Order,
    Probability,
    Profile,
    check,
    claim,
    median,
)
from theory_check.claims.observables import NORM_RATIO, between, column, error_slope, increments
from theory_check.experiments.spelling import brownian_networks
from theory_check.inference.rates import slope_variance, slope_weights
from theory_check.theory.coupled_moments import coupled_moments
from theory_check.theory.orders import STRONG_ORDER, mean_square_error

SLOPE_LIMIT = Basis(
    "the slope is a limit; at these depths its error is of the order of one over the coarsest, inside the part of the "
    "margin left for it",
    allowance=0.5,
)


@claim(
    "P6",
    quick_precision=1.5,
    title="Strong order of the Euler-Maruyama scheme",
    formula=r"dH = d^{-1/2}\,dB\,\sigma(H),\qquad \Vert h^{(L)}-H(1)\Vert \approx L^{-1/2}",
    source="@marion2025; @kloeden1992",
    derivation="h_k + L^(-1/2) V sigma(h_k) is a step of the scheme, V a rescaled increment of B. Errors between "
    "depths L and 2 L, multiplied by L^(1/2), tend to variables that are Gaussian given B, with one covariance for all "
    "L, and independent of each other given B (what drives them are products of increments within steps). So they are "
    "exchangeable between depths, and the slope of a replicate, whose weights are antisymmetric, has a law symmetric "
    "about -1/2: its median is -1/2.",
    hypotheses="Gaussian V, Lipschitz sigma, at least one active coordinate at the input.",
    remarks=(
        r"With ReLU some coordinate of the input must be positive: otherwise, with probability $2^{-d}$, the "
        r"network never moves and its error has no order.",
    ),
)
def strong_order(profile: Profile) -> Iterator[Check]:
    r"""At $\beta = 1/2$ with Gaussian $V$ a res-1 network is the Euler-Maruyama scheme of a stochastic differential
    equation: driven by one Brownian motion, networks of depth $L$ approach its solution at the order $L^{-1/2}$.
    """
    depth = 16 * profile.depth
    relu = brownian_networks("res-1", width=10, depth=depth, doublings=4, suprema=True)
    independent = replace(relu, noise="independent")
    tanh = brownian_networks("res-1", activation="tanh", width=10, depth=depth, doublings=4)
    depths = relu.depths[:-1]
    # The errors are quadratic forms of d normal numbers with unequal weights; as if d/2 of them counted equally.
    law = Normal(-STRONG_ORDER, slope_variance(depths, 0.5 * 10))
    unshared = {"noise that is not shared between depths": error_slope("adjacent_error", depths, experiment=1)}
    for name, experiments, error, where, mistakes in (
        ("relu", (relu, independent), "adjacent_error", "", unshared),
        ("relu-supremum", (relu,), "adjacent_supremum", ", largest error over all times", {}),
        ("tanh", (tanh,), "adjacent_error", "", {}),
    ):
        yield check(
            f"res-1-{name}", experiments,
            r"median of the slope of $\log\Vert h^{(L)}-h^{(2L)}\Vert$ on $\log L$" + where,
            median(error_slope(error, depths), law), -STRONG_ORDER, margin=0.07 * profile.precision, basis=SLOPE_LIMIT,
            wrong={"order 1": -1.0, "order 0": 0.0, **mistakes},
        )  # fmt: skip
    narrow = brownian_networks("res-1", width=3, depth=4, doublings=2, suprema=True)
    # A network that moves has an error of 0, or equal errors at two depths, with probability 0.
    still = between(error_slope("adjacent_error", narrow.depths[:-1]), 0.0, 0.0)
    yield check(
        "res-1-relu-d3-still", narrow, r"$\mathbb{P}(h^{(L)}=h^{(2L)}$ at every depth$)$", Probability(still), 2.0**-3,
        margin=0.04 * profile.precision, basis=EXACT_AT_DEPTHS, wrong={"the order is 1/2 for every input": 0.0},
    )  # fmt: skip


@claim(
    "E14",
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
    for name, deep, error, moments, quantity, margin, wrong in (
        ("strong", strong, column("adjacent_error") ** 2, "squared_error",
         r"slope of $\log\mathbb{E}\Vert h^{(L)}-h^{(2L)}\Vert^2$ on $\log L$, minus twice the strong order", 0.1,
         {"order 1, strong": -2.0, "order 0, strong": 0.0}),
        ("weak", weak, increments(NORM_RATIO), "norm_ratio_difference",
         r"slope of $\log(\mathbb{E}R^{(2L)}-\mathbb{E}R^{(L)})$ on $\log L$, minus the weak order", 0.25,
         {"order 1/2, weak": -0.5, "order 2, weak": -2.0, "order 0, weak": 0.0}),
    ):  # fmt: skip
        depths = deep.depths[:-1]
        errors = tuple(mean_square_error(n, 2 * n) for n in depths)
        variances = tuple(getattr(coupled_moments(10, n, 2 * n), moments)[1] for n in depths)
        yield check(
            f"linear-{name}", deep, quantity, Order(error, depths, errors, variances),
            float(np.dot(slope_weights(np.log(depths)), np.log(errors))),
            margin=margin * profile.precision, basis=EXACT_AT_DEPTHS, wrong=wrong,
        )  # fmt: skip
    coarse, fine = weak.depths[0], weak.depths[-1]
    gap = mean_square_error(coarse, fine)
    variance = coupled_moments(10, coarse, fine).norm_ratio_difference[1]
    yield check(
        "linear-weak-error", weak, rf"$\mathbb{{E}}R^{{({fine})}}-\mathbb{{E}}R^{{({coarse})}}$",
        Mean(NORM_RATIO[-1] - NORM_RATIO[0], variance), gap, margin=0.1 * profile.precision * gap,
        basis=EXACT_AT_DEPTHS,
        wrong={
            "the constant is e, not e/2": 2.0 * gap,
            "the mean does not depend on depth": 0.0,
            "the error is e/(2L), without higher orders": 0.5 * math.e * (1.0 / coarse - 1.0 / fine),
        },
    )  # fmt: skip
