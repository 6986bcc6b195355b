"""With Gaussian weights gradients backward have the law of outputs forward (E16)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from theory_check.catalogue.one_layer_law import NO_ATOM
from theory_check.claims import Check, Distance, Domain, Mean, Profile, check, claim
from theory_check.claims.domains import GAUSSIAN, LAYERS
from theory_check.claims.networks import finite_depth_law, one_layer
from theory_check.claims.observables import LOG_GRADIENT_DISPLACEMENT, LOG_GRADIENT_RATIO, exp
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network
from theory_check.foundation.laws import Law, Mirrored
from theory_check.theory import moments
from theory_check.theory.joint_moments import displacement_moment
from theory_check.theory.multiplier import Multiplier

#: Name of the point, branch and activation.
BRANCHES = (("linear", "linear", "relu"), ("res-3", "res-3", "relu"), ("leaky", "res-3", "leaky:slope=0.3"))


def law_check(name: str, deep: Cell, precision: float) -> Check:
    """Compare log R* with the exact law of log R."""
    multiplier, *layers = one_layer(deep)
    width, depth = deep.network.width, deep.network.depth
    law = finite_depth_law(multiplier, *layers)
    wrong: dict[str, Law] = {"gradients shrink as states grow: the law of -log R": Mirrored(law)}
    if depth > 2:
        wrong["the law of twice the width"] = finite_depth_law(replace(multiplier, width=2 * width), *layers)
    elif multiplier.has_inner:
        bare = Multiplier(width, gain=multiplier.kappa)
        wrong["no factor of the inner matrix in the law of a layer"] = finite_depth_law(bare, *layers)
    return check(
        f"{name}-gaussian-d{width}-depth{depth}-law", deep,
        r"Kolmogorov distance between $\log R^*$ and the exact law of $\log R$",
        Distance(LOG_GRADIENT_RATIO, law), (0.0, law.error), margin=0.04 * precision, wrong=wrong,
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
    "law of R* and the second moment of D*.",
)
def gradient_law(profile: Profile) -> Iterator[Check]:
    """With Gaussian weights the gradient ratio $R^*$ and displacement $D^*$ have, at every depth, the laws of $R$ and
    $D$; for res-3 also with leaky activations.
    """
    # Dense throughout: the reduced kernel would take the law backward from the theory that is to be checked.
    for name, branch, activation in BRANCHES:
        # Many layers at the critical scaling, and two whose one-layer law matters, without the atoms of a single one.
        for depth, beta in ((50, 0.5), (2, 0.0)):
            deep = network(branch, activation=activation, width=10, depth=depth, beta=beta, gradients=True,
                           kernel="dense")  # fmt: skip
            yield law_check(name, deep, profile.precision)
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
        )  # fmt: skip
