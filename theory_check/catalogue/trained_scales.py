"""Scaling factors and weights after training, both trained, against depth (T3)."""

from __future__ import annotations

from collections.abc import Iterator

from theory_check.catalogue.balance import ROUNDING
from theory_check.catalogue.trained_weights import MISS_RATE, empirical, power_of_depth
from theory_check.claims import IDENTITY, Basis, Check, Probability, Profile, check, claim, median
from theory_check.claims.observables import Observable, between, column
from theory_check.experiments.first_step import FirstStep
from theory_check.experiments.spelling import network, training
from theory_check.experiments.training import Loss, Training
from theory_check.foundation.laws import Normal
from theory_check.networks.weights import Weights

#: Exponents come from the balance and from one order of magnitude, that of a useful change of the function.
BALANCED = Basis(
    "asymptotic: the exponents of gradient flow that changes the output by order 1; steps of finite size and tanh away "
    "from 0 move them at finite depth by terms without proven constants; the margin is at most half of the distance to "
    "the exponents of another rule",
    allowance=0.35,  # medians of 200 seeds at depths 8 and 64 are off by at most 0.29 margins
)


def trained(activation: str, scaling: str, optimiser: str, depth: int) -> Training:
    """Return a network h + a_k sigma(W_k h) whose factors are trained with its weights.

    Parameters
    ----------
    activation : str
    scaling : ``shared`` or ``layers``
        One factor, 1/L at first, or one for each layer, 1/L with alternating signs.
    optimiser : str
    depth : int

    Returns
    -------
    Training
        Entries of W have the variance 1 / (d L) at first; first and last matrix are frozen.
    """
    shared, adam = scaling == "shared", optimiser == "adam"
    return training(
        "res-3", "gaussian", activation=activation, width=12, depth=depth, has_outer=False, weights_power=-0.5,
        scale=1.0 / depth if shared else [(-1.0) ** k / depth for k in range(depth)],
        trained_scaling="shared" if shared else "layers", trains_ends=False, optimiser=optimiser, batch=32, epochs=4,
        learning_rate=0.02 if adam else 0.2, rate_power=-0.5 if shared or adam else 0.0,
    )  # fmt: skip


def roughness_of_movement(place: int) -> Observable:
    """Return the increments of the movement from layer to layer over those of white noise of its size."""
    increments = column("inner_increments", place)
    return increments[2] / (increments[0] * column("inner_movement", place))


def exponents(depths: tuple[int, int]) -> dict[str, Observable]:
    """Return the power of depth of each of :data:`QUANTITIES`."""
    scales = [column("scaling", place) for place in range(2)]
    ends = {
        "scale": scales,
        "growth": [scale - 1.0 / depth for scale, depth in zip(scales, depths, strict=True)],
        "movement": [column("inner_movement", place) for place in range(2)],
        "roughness": [roughness_of_movement(place) for place in range(2)],
    }
    return {name: power_of_depth(pair, depths) for name, pair in ends.items()}


def first_step(activation: str, has_outer: bool, loss: Loss) -> FirstStep:
    """Return the first step of a network of width 6 and depth 4 whose factors are trained."""
    shape = network("res-3", activation=activation, width=6, depth=4).network
    return FirstStep(
        network=shape, weights=Weights("gaussian"), has_outer=has_outer, trained_scaling="layers", loss=loss
    )


#: What is said of an exponent, and its margin: less than half of 1/4 for the first three, of 3/4 for the last.
QUANTITIES = {
    "scale": ("the scaling factor", 0.12),
    "growth": ("the scaling factor less its initial 1/L", 0.12),
    "movement": ("the movement of the weights in units of their initial size", 0.12),
    "roughness": ("the increments of the movement over those of white noise of its size", 0.35),
}

#: Exponents with their deviations over 200 seeds at depths 8 and 64, by activation, scaling and optimiser.
RULES = {
    ("identity", "shared", "gradient-descent"): {
        "scale": (-0.25, 0.055), "movement": (-0.25, 0.09), "roughness": (-0.75, 0.07)
    },
    ("relu", "layers", "gradient-descent"): {"scale": (-0.5, 0.04), "movement": (0.0, 0.055), "roughness": (0.0, 0.05)},
    # Steps of one size add to the initial factor, a third of them at depth 8.
    ("identity", "shared", "adam"): {"growth": (-0.5, 0.045)},
    # At depth 8 the movement leaves the range where tanh is linear, and the factor grows for it: -.35 to depth 64.
    ("tanh", "shared", "gradient-descent"): {"roughness": (-0.75, 0.1)},
}  # fmt: skip

#: Exponents that would be of other rules, or of none.
MISTAKES = {
    "scale": {
        "as a shared factor has it": -0.25, "as a factor for each layer has it, or Adam": -0.5,
        "the factor stays 1/L": -1.0, "the factor keeps a size": 0.0,
    },
    "growth": {"as gradient descent has it": -0.25, "the factor keeps a size": 0.0},
    "movement": {
        "as beside a shared factor": -0.25, "as beside a factor for each layer": 0.0,
        "the movement keeps a size, as a differential equation needs": 0.5,
    },
    "roughness": {"smooth, as beside a shared factor": -0.75, "rough, as beside a factor for each layer": 0.0},
}  # fmt: skip


@claim(
    "T3",
    title="Scale and weights after training share what the balance of their gradients allows",
    formula=r"a_k\,\partial_{a_k}\mathcal L = \langle W_k,\partial_{W_k}\mathcal L\rangle;\qquad a\sim L^{-1/4},\ "
    r"W-W^0\sim L^{-3/4}\ \text{(shared)},\qquad a_k\sim L^{-1/2},\ W_k-W_k^0\sim L^{-1/2}\ \text{(layers)}",
    source="@cohen2021, where the exponents are measured; derived here for gradient descent",
    derivation="A homogeneous branch without V sees a_k and W_k by their product alone, so that gradient flow keeps "
    "a_k^2 - ||W_k||^2, and a^2 - sum ||W_k||^2 for a shared factor. The output changes by order 1 once L a w is of "
    "order 1, w the part of the movement that all layers share. Shared, a^2 = L w^2: a is of order L^-1/4 and w of "
    "order L^-3/4. By layers, W_k of size L^-1/2 gives a_k its sign, and a_k^2 is the growth of ||W_k||^2: both are of "
    "order L^-1/2. Neighbouring gradients differ by a W of order L^-3/4 where the factor is shared, and wholly where "
    "it has a sign of its own. Adam moves a and every entry by steps of one size: L^-1/2 each. tanh is linear at 0.",
    hypotheses="h + a_k sigma(W_k h), entries of W of variance 1/(d L) and a_k of size 1/L at first, ends frozen. The "
    "balance: homogeneous activations (with V in the place of W: all), every loss and batch. Empirical: exponents "
    "between two depths, four epochs on the digits, gradient descent at a rate of order L^-1/2 (shared) or 1 (layers), "
    "Adam at L^-1/2; for tanh the roughness alone. The grid of the catalogue is its domain.",
    remarks=(
        "The quick profile leaves movement, roughness and tanh to standard: they need several times as many trainings.",
    ),
)
def trained_scales(profile: Profile) -> Iterator[Check]:
    r"""Scaling factors that are trained with the weights end where the balance of the gradients puts them: for
    gradient descent a shared factor at $L^{-1/4}$ above a smooth movement of the weights, a factor for each layer at
    $L^{-1/2}$ with a movement that is as rough as white noise. Exponents add up to 1; how they divide it is decided by
    the optimiser, not by the network.
    """
    yield from _balances(profile)
    deeper = min(profile.depth, 4)
    depths = (8 * deeper, 64 * deeper)
    observed = exponents(depths)
    for setting, rule in RULES.items():
        experiments = tuple(trained(*setting, depth) for depth in depths)
        for name, (exponent, deviation) in rule.items():
            if profile.precision >= 1.0 and name not in ("scale", "growth"):
                continue
            quantity, margin = QUANTITIES[name]
            yield check(
                "-".join((*setting, name)), experiments, f"power of depth of {quantity}",
                median(observed[name], Normal(exponent, deviation**2)), exponent, margin=empirical(margin, profile),
                basis=BALANCED, miss_rate=MISS_RATE,
                wrong={text: value for text, value in MISTAKES[name].items() if value != exponent},
            )  # fmt: skip


def _balances(profile: Profile) -> Iterator[Check]:
    bounded = first_step("tanh", False, "cross-entropy")
    cases: tuple[tuple[str, bool, Loss], ...] = (
        ("relu", False, "cross-entropy"), ("leaky:slope=0.2", False, "square"), ("tanh", True, "cross-entropy"),
    )  # fmt: skip
    for activation, has_outer, loss in cases:
        defect, broken = (column("scales_defect", place) for place in range(2))
        yield check(
            f"balance-{activation.partition(':')[0]}-{'V' if has_outer else 'W'}",
            (first_step(activation, has_outer, loss), bounded),
            r"probability that $a_k\,\partial_{a_k}\mathcal L = \langle "
            + ("V_k,\\partial_{V_k}" if has_outer else "W_k,\\partial_{W_k}")
            + rf"\mathcal L\rangle$ in every layer within rounding, {ROUNDING:g} of the norms",
            Probability(between(defect, upper=ROUNDING), truth=1.0, exact=True), 1.0,
            margin=0.15 * profile.precision, basis=IDENTITY,
            wrong={
                "a bounded activation inside of which W is does not matter": between(broken, upper=ROUNDING),
                "the balance is off by one part in ten million": between(defect + 1e-7, upper=ROUNDING),
            },
        )  # fmt: skip
