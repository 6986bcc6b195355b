"""The tangent kernel at initialisation: how much the first step of gradient descent gains (N1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from theory_check.catalogue.pictures import BARS, band, by_depth, depth_curve, sample_depths
from theory_check.claims import Check, Domain, Illustration, Mean, Profile, check, claim
from theory_check.claims.domains import DOMINATED, LAYERS, NO_TIES, UNIT_VARIANCE, least_depth, mean_in_reach
from theory_check.claims.networks import BRANCHES, dominated_layer, label, one_layer
from theory_check.claims.observables import Observable, Samples, apply, column, exp
from theory_check.experiments.cell import Cell
from theory_check.experiments.experiment import Experiment
from theory_check.experiments.spelling import network
from theory_check.findings.pictures import Picture, RatePanel
from theory_check.inference.intervals import mean_interval
from theory_check.theory.weight_gradients import mean_weight_gradient, weight_gradient_variance

GAUSSIAN = tuple((branch, "gaussian") for branch in BRANCHES)
BOTH_LAWS = (*GAUSSIAN, *((branch, "uniform") for branch in BRANCHES))


def kernel_checks(deep: Cell, margin: float) -> Iterator[Check]:
    """Compare the means of the tangent kernel of V and of W, in units of the prediction; all layers are observed."""
    multiplier, a, depth = layer_law = dominated_layer(deep)
    mean, variance = mean_weight_gradient(*layer_law), weight_gradient_variance(*layer_law)
    growth = 1.0 + multiplier.kappa * a**2
    for letter in "VW" if multiplier.has_inner else "V":
        yield check(
            f"{label(deep)}-beta{deep.network.scaling.beta:g}-{letter}", deep,
            rf"$\mathbb{{E}}\,\Theta_{letter}$ in units of $\kappa L a^2(1+\kappa a^2)^{{{depth - 1}}}\Vert "
            r"h_0\Vert^2\Vert p_L\Vert^2$",
            Mean(total(letter) / (depth * mean), variance / mean**2), 1.0, margin=margin,
            wrong={
                "L in the place of L - 1": growth,
                "the first or the last layer does not learn": (depth - 1) / depth,
                "kappa is missing in front": 1.0 / multiplier.kappa,
                "a in the place of a^2": 1.0 / a,
                "of order L^(-2 beta): the kernel of one layer": 1.0 / depth,
            },
            sized={"{:.0%} larger": lambda more: 1.0 + more},
        )  # fmt: skip


def _all_layers(deep: Cell) -> Cell:
    return replace(deep, weight_gradients=tuple(range(1, deep.network.depth + 1)))


DOMAIN = Domain.of_cells(
    lambda deep, precision: kernel_checks(deep, 0.05 * precision),
    (
        # The gradient of a single linear layer is not random.
        *LAYERS, DOMINATED, NO_TIES, UNIT_VARIANCE, least_depth(2),
        mean_in_reach("Theta", lambda deep: next(kernel_checks(deep, 1.0))),
    ),
    depths=(2, 32), betas=(0.2, 1.5), gradients=True, finish=_all_layers,
)  # fmt: skip


@claim(
    "N1",
    domain=DOMAIN,
    title="The tangent kernel is of order L^(1-2 beta)",
    formula=r"\Theta_V = \sum_{k=1}^L \Bigl\Vert\frac{\partial\mathcal L}{\partial V_k}\Bigr\Vert_F^2,\qquad "
    r"\mathbb{E}\,\Theta_V = \mathbb{E}\,\Theta_W = \kappa L a^2(1+\kappa a^2)^{L-1}\,\Vert h_0\Vert^2\,"
    r"\Vert p_L\Vert^2",
    source="Derived (E10)",
    derivation="A small step of gradient descent with learning rate eta lowers the loss by eta times the squared norm "
    "of its gradient, and L layers have one mean by E10. The variance of a sum of L variables of one variance is at "
    "most L^2 times that variance, whatever their dependence.",
    hypotheses="As E10. The loss is linear in h_L; for other losses this is the part that a direction of the output "
    "contributes, the diagonal of the neural tangent kernel.",
)
def tangent_kernel(profile: Profile) -> Iterator[Check]:
    r"""The first step of gradient descent lowers the loss by $\eta\,\Theta$, and the mean of $\Theta$ is $\kappa L a^2
    (1+\kappa a^2)^{L-1}$ for each kind of weights. With $a = L^{-\beta}$ it is of order $L^{1-2\beta}$ for $\beta \ge
    1/2$, so that a learning rate of order $L^{2\beta-1}$ gains as much at every depth, and explodes for $\beta < 1/2$.
    """
    # The nearest mistakes: a layer that does not learn, or one too many in the exponent where a is large.
    scalings = ((0.5, 0.05, BOTH_LAWS), (1.0, 0.06, GAUSSIAN), (0.25, 0.08, GAUSSIAN))
    for beta, margin, combinations in scalings:
        for branch, law in combinations:
            depth = 8
            deep = network(
                branch, law, width=20, depth=depth, beta=beta, gradients=True, weight_gradients=range(1, depth + 1)
            )
            yield from kernel_checks(deep, margin * profile.precision)


def total(letter: str) -> Observable:
    """Return the sum over all layers of the squared norm of the gradient of V or W."""
    norms = exp(column({"V": "outer_weight_gradient", "W": "inner_weight_gradient"}[letter]))
    return apply("total", lambda values: np.asarray(values.sum(axis=1)), norms)


_BETAS = (1.0, 0.5, 0.25)


def _networks(_profile: Profile) -> dict[Experiment, int]:
    return {
        network("res-3", width=20, depth=depth, beta=beta, gradients=True, weight_gradients=range(1, depth + 1)): 256
        for beta in _BETAS
        for depth in (2, 4, 8, 16, 32)
    }


def _draw(samples: Samples) -> Picture:
    def mean(deep: Cell) -> float:
        return deep.network.depth * mean_weight_gradient(*one_layer(deep))

    panels = []
    for beta, group in zip(_BETAS, by_depth(samples), strict=True):
        exact = depth_curve(r"$\kappa L a^2(1 + \kappa a^2)^{L-1}$", group, mean)
        intervals = [
            mean_interval(
                total("V")([sample]), alpha=0.01,
                variance_bound=sample.experiment.network.depth**2
                * weight_gradient_variance(*one_layer(sample.experiment)),
            )
            for sample in group
        ]  # fmt: skip
        measured = band("mean", sample_depths(group), intervals)
        panels.append(
            RatePanel(rf"$\beta = {beta:g}$", "depth $L$", r"$E\, \Theta_V$", (measured,), (exact,), bars=BARS)
        )
    return Picture(
        "tangent-kernel",
        "Mean of the tangent kernel at initialisation against depth on logarithmic axes (res-3, Gaussian weights, "
        "width 20; Catoni intervals from 256 networks): what a step of a fixed learning rate gains falls, stays, or "
        "explodes.",
        tuple(panels),
    )


picture = Illustration(experiments=_networks, draw=_draw)
