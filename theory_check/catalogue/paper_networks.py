"""The paper's own networks end to end: its input, output layer and loss in every regime (E25)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from theory_check.claims import (
    Basis,
    Check,
    Domain,
    Hypothesis,
    Mean,
    Normal,
    Probability,
    Profile,
    check,
    claim,
    median,
)
from theory_check.claims.domains import DOMINATED, LAYERS, NO_TIES, mean_in_reach
from theory_check.claims.networks import dominated_layer, finite_depth_law, label
from theory_check.claims.observables import DISPLACEMENT, GRADIENT_DISPLACEMENT, between, column, log
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network
from theory_check.foundation.arrays import FloatArray
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.weights import Weights
from theory_check.theory import moments
from theory_check.theory.gradient_recursion import log_gradient_displacement
from theory_check.theory.infinite_width import wide_network
from theory_check.theory.paper_loss import positive_pairing

#: The paper's width.
WIDTH = 40

#: Inputs through each draw of correlated weights: they cost less than another draw, and are averaged first.
INPUTS = 8

_WIDE = Basis(
    "the prediction is exact at this depth for infinite width; finite width moves the median by order 1/d, for which a "
    "quarter of the margin is left, and the width grows as the margin shrinks",
    allowance=0.25,
)

_NORMAL_OUTPUT = Basis(
    "the output is normal up to the kurtosis of 40 uniform entries, and the law of R is that of Gaussian weights",
    allowance=0.2,
)


def mean_checks(deep: Cell, relative: float) -> Iterator[Check]:
    """Compare the means of D and D*: p_L is a multiple of the output row, which is independent of residual weights."""
    multiplier, a, depth = layer = dominated_layer(deep)
    target, variance = moments.mean_displacement(*layer), moments.displacement_variance(*layer)
    doubled, bounded = (
        moments.mean_displacement(replace(multiplier, gain=share * multiplier.gain / multiplier.kappa), a, depth)
        for share in (2.0 * multiplier.kappa, 0.394)
    )
    # E D* = E R (1 + 2 kappa) - 1 about, if the gradient were along the state.
    aligned = (1.0 + target) * (1.0 + 2.0 * multiplier.kappa * a * a * depth) - 1.0
    for name, symbol, observed in (("displacement", "D", DISPLACEMENT), ("gradient", "D^*", GRADIENT_DISPLACEMENT)):
        yield check(
            f"{label(deep)}-beta{deep.network.scaling.beta:g}-{name}", deep, rf"$\mathbb{{E}}\,{symbol}$",
            Mean(observed, variance), target, margin=relative * target,
            wrong={
                "increments add up without compounding": multiplier.kappa * a * a * depth,
                "kappa is E tanh(z)^2 = 0.39, that of a bounded activation at unit variance": bounded,
                "weights of twice the variance": doubled,
                **({"the gradient at the output is along the state": aligned} if name == "gradient" else {}),
            },
            sized={"weights of {:.1%} more variance": lambda more: moments.mean_displacement(
                replace(multiplier, gain=(1.0 + more) * multiplier.gain), a, depth)},
        )  # fmt: skip


def pairing_check(deep: Cell, precision: float) -> Check:
    """Compare the probability that the loss decreases as the output shrinks, <p_L, h_L> > 0."""
    layer = dominated_layer(deep)
    width, levels = deep.network.width, (np.arange(64) + 0.5) / 64
    ratio = finite_depth_law(*layer).quantile(levels)
    return check(
        f"{label(deep)}-beta{deep.network.scaling.beta:g}-pairing", deep,
        r"$\mathbb{P}(\langle p_L, h_L\rangle > 0)$",
        Probability(between(column("pairing_output"), lower=np.nextafter(0.0, 1.0))), positive_pairing(width, ratio),
        margin=0.04 * precision, basis=_NORMAL_OUTPUT,
        wrong={
            "observations of mean square 1": positive_pairing(width, ratio, second_moment=1.0),
            "centred observations, of mean square 1/12": positive_pairing(width, ratio, second_moment=1.0 / 12.0),
            "the gradient does not depend on the output": 0.5,
            "the state does not grow on its way": positive_pairing(width, np.zeros(1)),
        },
    )  # fmt: skip


def wide_checks(name: str, weights: str, beta: float, precision: float, wrong: dict[str, str]) -> Iterator[Check]:
    """Compare D and D* along correlated weights with the recursions of infinite width at this depth.

    They need W h to be isotropic, which W makes it for any input. The wrong values are those of other weights, and for
    the gradient the output's.
    """
    width, depth = round(WIDTH / precision), 16
    deep = network("res-3", weights, width=width, depth=depth, beta=beta, input="paper", inputs=INPUTS, gradients=True)

    def output(rho: FloatArray) -> float:
        return float(wide_network(Branch("res-3"), rho, depth**-beta, depth).log_displacement[-1])

    def gradient(rho: FloatArray) -> float:
        return log_gradient_displacement(Branch("res-3"), rho, beta, depth)

    own = Weights.parse(weights).autocovariance(depth)
    others = {mistake: Weights.parse(other).autocovariance(depth) for mistake, other in wrong.items()}
    for symbol, part, observed, predicted in (
        ("D", "displacement", DISPLACEMENT, output), ("D^*", "gradient", GRADIENT_DISPLACEMENT, gradient)
    ):  # fmt: skip
        values = {mistake: predicted(rho) for mistake, rho in others.items()}
        if part == "gradient":
            values["gradients are displaced as far as outputs"] = output(own)
        yield check(
            f"res-3-{name}-{part}", deep,
            rf"median of $\log\overline{{{symbol}}}$, the average over {INPUTS} inputs of a network",
            # Measured: a deviation of 0.25 to 0.34 at width 40.
            median(log(observed.mean()), Normal(predicted(own), 0.34**2 * 40.0 / width)), predicted(own),
            margin=0.25 * precision, basis=_WIDE, wrong=values,
        )  # fmt: skip


def _on_paper(deep: Cell) -> Cell:
    return replace(deep, input=Input("paper"))


DOMAIN = Domain.of_cells(
    lambda deep, precision: mean_checks(deep, 0.06 * precision),
    (
        *LAYERS, DOMINATED, NO_TIES,
        Hypothesis("the paper's input", "input, output layer and loss are the paper's",
                   lambda deep: deep.input.name == "paper"),
        mean_in_reach("D", lambda deep: next(mean_checks(deep, 1.0))),
    ),
    betas=(0.25, 2.0), gradients=True, finish=_on_paper,
)  # fmt: skip


@claim(
    "E25",
    domain=DOMAIN,
    title="The paper's own networks, end to end",
    formula=r"\mathbb{E}\,D = \mathbb{E}\,D^* = (1+\kappa a_L^2)^L-1,\qquad \mathbb{P}(\langle p_L,h_L\rangle>0) = "
    r"\tfrac12+\mathbb{E}\min(1,(\sigma z)_+),\quad\sigma^2 = \tfrac13\,R\,\tfrac{\chi^2_d}{d}",
    source="Setting of @marion2025, section 5; derived",
    derivation="h_0 = A x is independent of the residual weights, and p_L = 2 (B h_L - y) B^T a multiple of B: so the "
    "means of E1 hold for any A, x, B and y. The size of p_L tells more: u = B h_L is nearly normal of variance "
    "||h_L||^2/d, ||h_0||^2/d is the mean of x_j^2 times chi2_d/d, and <p_L, h_L> = 2 (u - y) u is negative only "
    "between 0 and y. Correlated weights: the recursions of infinite width, forward (C4) and backward (P9).",
    hypotheses=f"x uniform on [0, 1]^64, entries of A and B uniform of variance 1/64 and 1/d, y uniform on [0, 1], "
    f"squared loss, width {WIDTH}, res-3. Independent uniform weights; smooth ones of length 0.1 at beta = 1, and "
    "fractional noise of Hurst index 0.8 at beta = 0.8.",
)
def paper_networks(profile: Profile) -> Iterator[Check]:
    r"""With the paper's input, output layer and loss the displacements of output and gradient are those predicted: for
    independent weights at, below and above $\beta = 1/2$, for smooth weights and for fractional noise; and the sign of
    the pairing of gradient and output has the probability that input, growth and loss give it.
    """
    for beta, relative in ((0.5, 0.08), (0.25, 0.15), (1.0, 0.075)):
        deep = network("res-3", "uniform", width=WIDTH, depth=32, beta=beta, input="paper", gradients=True)
        yield from mean_checks(deep, relative * profile.precision)
        if beta != 0.5:
            yield pairing_check(deep, profile.precision)
    precision = max(profile.precision, 0.5)
    yield from wide_checks(
        "smooth", "smooth:length=0.1", 1.0, precision,
        {"independent layers": "uniform", "a path of twice the length": "smooth:length=0.2"},
    )  # fmt: skip
    yield from wide_checks(
        "rough", "fgn:hurst=0.8", 0.8, precision,
        {"independent layers": "uniform", "Hurst index 0.7": "fgn:hurst=0.7"},
    )  # fmt: skip
