"""With Gaussian weights gradients backward have the law of outputs forward (E16)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from theory_check.catalogue.one_layer_law import NO_ATOM
from theory_check.catalogue.schedules import front_loaded
from theory_check.claims import Check, Distance, Domain, Mean, Profile, check, claim
from theory_check.claims.checks import drifting, higher
from theory_check.claims.domains import GAUSSIAN, LAYERS
from theory_check.claims.networks import finite_depth_law, layer_law, one_layer
from theory_check.claims.observables import (
    GRADIENT_DISPLACEMENT,
    GRADIENT_RATIO,
    LOG_GRADIENT_DISPLACEMENT,
    LOG_GRADIENT_RATIO,
    column,
    exp,
)
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network
from theory_check.foundation.laws import Law, Mirrored
from theory_check.theory import moments
from theory_check.theory.joint_moments import displacement_moment, norm_displacement_moment, overlap_moment
from theory_check.theory.limits import lognormal_limit
from theory_check.theory.moments import norm_ratio_moment
from theory_check.theory.multiplier import Multiplier

GRADIENT_PROFILE = column("gradient_profile")

#: Name of the point, branch and activation.
BRANCHES = (("linear", "linear", "relu"), ("res-3", "res-3", "relu"), ("leaky", "res-3", "leaky:slope=0.3"))


def law_check(name: str, deep: Cell, precision: float) -> Check:
    """Compare log R* with the exact law of log R."""
    multiplier, *layers = one_layer(deep)
    width, depth = deep.network.width, deep.network.depth
    law = finite_depth_law(multiplier, *layers)
    wrong: dict[str, Law] = {"gradients shrink as states grow: the law of -log R": Mirrored(law)}
    if depth > 2 or not multiplier.has_inner:
        wrong["the law of twice the width"] = finite_depth_law(replace(multiplier, width=2 * width), *layers)
    elif multiplier.has_inner:
        bare = Multiplier(width, gain=multiplier.kappa)
        wrong["no factor of the inner matrix in the law of a layer"] = finite_depth_law(bare, *layers)
    return check(
        f"{name}-gaussian-d{width}-depth{depth}-law", deep,
        r"Kolmogorov distance between $\log R^*$ and the exact law of $\log R$",
        Distance(LOG_GRADIENT_RATIO, law), (0.0, law.error), margin=0.04 * precision, wrong=wrong,
        sized={"drift {:.0%} larger": drifting(law, law.mean)},
    )  # fmt: skip


def profile_check(name: str, deep: Cell, precision: float) -> Check:
    """Compare log ||p_1||^2/||p_2||^2 of two layers with the exact law of one, which no other depth of them has."""
    multiplier, a, depth = one_layer(deep)
    law = finite_depth_law(multiplier, a, 1)
    return check(
        f"{name}-gaussian-d{deep.network.width}-depth{depth}-profile", deep,
        r"Kolmogorov distance between $\log(\Vert p_1\Vert^2/\Vert p_2\Vert^2)$ and the exact law of one layer",
        Distance(GRADIENT_PROFILE[1], law), (0.0, law.error), margin=0.04 * precision,
        wrong={
            "recorded gradients are a layer early: the law of two": finite_depth_law(multiplier, a, 2),
            "gradients shrink as states grow: the law of -log R": Mirrored(law),
        },
        sized={"drift {:.0%} larger": drifting(law, law.mean)},
    )  # fmt: skip


def schedule_check(name: str, deep: Cell, precision: float) -> Check:
    """Compare log R* with the exact law of log R for layers of different scaling factors."""
    multiplier, factors = layer_law(deep), tuple(deep.network.factors.tolist())
    law = finite_depth_law(multiplier, factors)
    return check(
        f"{name}-gaussian-d{deep.network.width}-schedule-law", deep,
        r"Kolmogorov distance between $\log R^*$ and the exact law of $\log R$, half of $\sum_k a_k^2$ in the first "
        "layer",
        Distance(LOG_GRADIENT_RATIO, law), (0.0, law.error), margin=0.04 * precision,
        wrong={
            "gradients shrink as states grow: the law of -log R": Mirrored(law),
            "the sum of the squared factors alone matters": lognormal_limit(multiplier, sum(a * a for a in factors)),
            "the first layer, the last that a gradient passes, does not count":
                finite_depth_law(multiplier, factors[1:]),
        },
        sized={"drift {:.0%} larger": drifting(law, law.mean)},
    )  # fmt: skip


def joint_checks(name: str, deep: Cell, precision: float) -> Iterator[Check]:
    """Compare mixed moments of R* and D* with those of R and D, which their separate laws do not determine.

    E R D = E R^2 - 2 E R Y + E R with the overlap Y of E17, and 2 Y = R + 1 - D, E Y^2 = 1 + (E R - 1)/d. The second
    moments that the intervals need come from the recursion of the moments of (R, Y), evaluated exactly.
    """
    multiplier, a, depth = layer = one_layer(deep)
    ratio, displacement = norm_ratio_moment(*layer), moments.mean_displacement(*layer)
    product = norm_displacement_moment(*layer, order=1)
    variance = norm_displacement_moment(*layer, order=2) - product**2
    yield check(
        f"{name}-gaussian-d{multiplier.width}-product", deep, r"$\mathbb{E}\,R^*D^*$",
        Mean(GRADIENT_RATIO * GRADIENT_DISPLACEMENT, variance), product, margin=0.08 * precision * product,
        wrong={
            "norm and displacement are independent": ratio * displacement,
            "the overlap is fixed: D = R - 1": norm_ratio_moment(multiplier, a, depth, order=2) - ratio,
        },
        sized={"{:.0%} larger": higher(product, product)},
    )  # fmt: skip
    square = overlap_moment(*layer, order=2)
    overlap = 0.5 * (GRADIENT_RATIO + 1.0 - GRADIENT_DISPLACEMENT)
    yield check(
        f"{name}-gaussian-d{multiplier.width}-overlap", deep,
        r"$\mathbb{E}\,\langle p_0, p_L\rangle^2/\Vert p_L\Vert^4$, from $R^*$ and $D^*$",
        Mean(overlap * overlap, overlap_moment(*layer, order=4) - square**2), square,
        margin=0.3 * precision * (square - 1.0),
        wrong={
            "the overlap does not fluctuate": 1.0,
            "the increment has twice its share along the gradient": 1.0 + 2.0 * (square - 1.0),
        },
        sized={"the increment has a share along the gradient larger by {:.0%}": higher(square, square - 1.0)},
    )  # fmt: skip


#: Every weight is drawn: the reduced kernel would take the law backward from the theory that is to be checked.
DOMAIN = Domain.of_cells(
    lambda deep, precision: (law_check(deep.network.branch.name, deep, precision),),
    (*LAYERS, GAUSSIAN, NO_ATOM), laws=("gaussian",), depths=(4, 128), betas=(0.0, 1.5), gradients=True,
    kernel="dense",
)  # fmt: skip


@claim(
    "E16",
    domain=DOMAIN,
    quick_precision=1.5,
    title="Gradients have the law of outputs",
    formula=r"(R^*, D^*) \overset{d}{=} (R, D)",
    source="Derived",
    derivation="The layer Jacobians are independent copies of I + a V Delta W, Delta independent of V and W with "
    "entries 1 or the slope, probability 1/2 each. For Gaussian V and W the transpose of V Delta W has the same law, "
    "and the layers may be taken in the opposite order.",
    hypotheses="Gaussian V and W; the gradient at the output is independent of the residual weights. Checked on the "
    "law of R*, with equal and unequal factors, that of a single layer, the second moment of D*, and mixed moments of "
    "both.",
)
def gradient_law(profile: Profile) -> Iterator[Check]:
    """With Gaussian weights the gradient ratio $R^*$ and displacement $D^*$ have, at every depth, the laws of $R$ and
    $D$; for res-3 also with leaky activations.
    """
    # Dense throughout: the reduced kernel would take the law backward from the theory that is to be checked.
    for name, branch, activation in BRANCHES:
        # Many layers at the critical scaling, and two whose one-layer law matters, without the atoms of a single one.
        for depth, beta, recorded in ((50, 0.5, ()), (2, 0.0, (0, 1, 2))):
            deep = network(branch, activation=activation, width=10, depth=depth, beta=beta, gradients=True,
                           kernel="dense", recorded_depths=recorded)  # fmt: skip
            yield law_check(name, deep, profile.precision)
        # A single layer of ReLU is the identity with probability 2^-10.
        if activation != "relu" or branch == "linear":
            yield profile_check(name, deep, profile.precision)
    for name, branch, activation in BRANCHES:
        deep = network(branch, activation=activation, width=20, depth=16, beta=1.0, gradients=True, kernel="dense")
        multiplier, a, depth = layer = one_layer(deep)
        mean, target = moments.mean_displacement(*layer), moments.displacement_second_moment(*layer)
        other = moments.mean_displacement(replace(multiplier, gain=2.0 * multiplier.gain), a, depth)
        squared = Mean(exp(4.0 * LOG_GRADIENT_DISPLACEMENT), displacement_moment(*layer, order=4) - target**2)
        yield check(
            f"{name}-gaussian-d20-squared-displacement", deep, r"$\mathbb{E}\,(D^*)^2$", squared, target,
            margin=0.05 * profile.precision * target,
            wrong={"D* does not fluctuate": mean**2, "weights of twice the variance": other**2},
            sized={"(D*)^2 {:.0%} larger": higher(target, target)},
        )  # fmt: skip
    for name, branch, activation in BRANCHES[:2]:
        deep = network(branch, activation=activation, width=6, depth=16, scale=front_loaded(16), gradients=True,
                       kernel="dense")  # fmt: skip
        yield schedule_check(name, deep, profile.precision)
        deep = network(branch, activation=activation, width=8, depth=8, gradients=True, kernel="dense")
        yield from joint_checks(name, deep, profile.precision)
