"""Weights after training: how far they move, how rough they stay (T1, N5), and where they do not (P10)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from theory_check.claims import Basis, Check, Profile, check, claim, median
from theory_check.claims.observables import Observable, apply, column, log
from theory_check.experiments.spelling import training
from theory_check.experiments.training import Training
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.laws import Normal
from theory_check.inference import variation_index

#: The movement is one order smoother than the weights: its own second differences are what is left.
SMOOTHER = Basis(
    "the movement is smoother by one order, so that an estimate of order 2 moves by a term that vanishes with depth "
    "and has no proven constant; the margin is at most half of what an estimate of order 1 moves by",
    allowance=0.3,
)

#: Without a theorem: half of the distance to the nearest other exponent.
EXPONENT = Basis(
    "empirical: the power of depth that a first step has by N1 and N2, with corrections at finite depth and after many "
    "steps that have no proven bound; the margin is less than half of the distance to the next exponent",
    allowance=0.15,
)

#: Chance that a check of trainings does not support a true statement by lack of replicates: a training is dear.
MISS_RATE = 5e-6

#: Without a prediction: what is measured is that there is an effect.
MEASURED = Basis(
    "empirical: the size of the effect at this width, depth and training, measured and not derived; the margin is "
    "less than half of it",
    allowance=0.1,
)

#: Smooth W under gradient descent, before its rough part shows.
_SWITCHED = Basis(
    "empirical: measured at these depths. From one layer to the next a share of order 1/L of the units switches, so "
    "that the mean square of the movement's increments has, beside L^-2, a part of order 1/L with a small factor: the "
    "power was .014 from 64 to 256 layers, .025 from there to 1024 and .11 from there to 4096, and tends to 1/2; that "
    "of V, which reads this part of W from the second step on, was still 0; the margin is at most a third of half of "
    "what Adam does",
    allowance=0.15,
)

_KEPT = "the roughness of the initial weights is kept"
_SMOOTH = "smooth weights stay smooth"


def empirical(margin: float, profile: Profile) -> float:
    """Return a margin that falls slower than the precision: corrections do not fall with the number of networks."""
    return margin * math.sqrt(profile.precision)


def roughness(name: str, trained: bool, order: int) -> Observable:
    """Return the Hurst index of V or W along the layers by variations of one order at lags 1 and 2.

    Parameters
    ----------
    name : ``outer`` or ``inner``
    trained : bool
        After training, or before.
    order : int
        1 or 2.

    Returns
    -------
    Observable
        One index per network, pooled over the entries.
    """

    def index(variations: FloatArray) -> FloatArray:
        return variation_index(variations[:, int(trained), order - 1], (1, 2))

    return apply(f"roughness[{trained}, {order}]", index, column(f"{name}_variations"))


def change(name: str, order: int) -> Observable:
    """Return how much training changes that index."""
    return roughness(name, True, order) - roughness(name, False, order)


def growth() -> Observable:
    """Return the mean square of the trained entries of V over that of the initial ones, less 1."""

    def grown(variations: FloatArray) -> FloatArray:
        return np.asarray(variations[:, 1, 0, 0] / variations[:, 0, 0, 0] - 1.0)

    return apply("growth", grown, column("outer_variations"))


def fooled(factor: float = 4.0, drift: Observable | None = None) -> Observable:
    """Return order 1 after training less what a smooth movement makes of its value before.

    With M the movement, order 1 at lag 1 is the mean of (V + M)^2; at lag 2 it is that of (V_k + V_{k+1} + M_k +
    M_{k+1})^2, and a smooth M adds four times as much: 4 M^2, and 8 V M in the place of 2 V M. Weights of long memory
    are smooth enough for the movement to follow them, so that V M does not vanish on average: at H = 0.9 it was .02 to
    .03 of V^2 at depths from 48 to 192, which is why the growth of the mean square stands here, and not M^2 alone.

    Parameters
    ----------
    factor : float
        4; another value is a mistake.
    drift : Observable, optional
        :func:`growth` by default; another is a mistake.

    Returns
    -------
    Observable
    """

    def excess(after: FloatArray, before: FloatArray, added: FloatArray) -> FloatArray:
        return np.asarray(after - 0.5 * np.log2((4.0**before + factor * added) / (1.0 + added)))

    parts = roughness("outer", True, 1), roughness("outer", False, 1), growth() if drift is None else drift
    return apply(f"excess[{factor:g}]", excess, *parts)


@claim(
    "T1",
    title="res-1 and linear: training keeps the roughness of the weights along the depth",
    formula=r"H_2(\text{trained}) = H,\qquad H_1(\text{trained}) = \tfrac12\log_2\frac{2^{2H}+4\sigma}{1+\sigma},"
    r"\qquad \sigma = \frac{\mathrm{rms}(V^{\text{trained}})^2}{\mathrm{rms}(V^0)^2} - 1",
    source="@marion2025, section on trained weights, made precise",
    derivation="Gradients of neighbouring layers of res-1 and linear branches differ by the order of a (N2), so the "
    "movement is a path that is smoother than the weights by one order: a drift. Quadratic variations of order 2 of "
    "the cumulated weights cancel it (Istas and Lang, 1997); those of order 1 add sigma at lag 1 and 4 sigma at lag "
    "2. Here sigma is the mean square of the movement and, for weights of long memory, its mean product with them.",
    hypotheses="res-1 or linear branch (res-3: P10), initial weights fractional noise along the layers; movement not "
    "much larger than the weights. Empirical: trained by Adam for four epochs on the digits. The "
    "grid of the catalogue is its domain.",
)
def roughness_after_training(profile: Profile) -> Iterator[Check]:
    r"""Trained weights of res-1 and linear networks are the initial ones plus a path that is smoother by one order:
    their Hurst index stays what it was when it is measured by differences of order 2. Differences of order 1 take the
    movement for long memory, by as much as its size predicts.
    """
    depth = 48 * profile.depth
    # At this training order 1 moves by .22, .14, .03, .21 and .09, order 2 by at most .002.
    cases = [("res-1", 0.5, 1.0), ("res-1", 0.2, 0.5), ("res-1", 0.9, 0.9), ("linear", 0.5, 1.0), ("linear", 0.2, 0.5)]
    for branch, hurst, beta in cases:
        trained = training(branch, f"fgn:hurst={hurst}", width=12, depth=depth, beta=beta, epochs=4, learning_rate=1e-2)
        name = f"{'linear-' * (branch == 'linear')}h{hurst:g}-beta{beta:g}"
        # Deviations over seeds were .002 and .0024 at depth 48; more layers average more. Order 1 is off by half of the
        # mean square of the movement's increments, .0023 at depth 48 and .0003 at 384, both for H = 0.2.
        yield check(
            f"{name}-order2", trained, "change of the Hurst index by order 2",
            median(change("outer", 2), Normal(0.0, 0.002**2)), 0.0, margin=empirical(0.008, profile),
            basis=SMOOTHER, miss_rate=MISS_RATE, wrong={"order 1 does as well": change("outer", 1)},
        )  # fmt: skip
        yield check(
            f"{name}-order1", trained, "Hurst index by order 1 less the prediction for a drift of that size",
            median(fooled(), Normal(0.0, 0.0024**2)), 0.0, margin=empirical(0.008, profile),
            basis=SMOOTHER, miss_rate=MISS_RATE,
            wrong={
                "order 1 is not moved": change("outer", 1),
                "the drift grows like the lag, not like its square": fooled(factor=2.0),
                # At H = 0.9 noise and drift grow nearly alike, and their proportion hardly matters.
                **({"tau in the place of sigma": fooled(drift=column("outer_movement"))} if hurst < 0.9 else {}),
            },
        )  # fmt: skip


def power_of_depth(ends: Sequence[Observable], depths: tuple[int, int]) -> Observable:
    """Return the power of depth between the networks of two depths, replicate by replicate: independent pairs."""
    return (log(ends[1]) - log(ends[0])) / math.log(depths[1] / depths[0])


@claim(
    "N5",
    title="How far weights move, and how smoothly, over depth",
    formula=r"\mathrm{rms}(V^{\text{trained}}-V^0)\sim L^{\beta-1},\qquad \mathrm{rms}(\Delta V^{\text{trained}}-"
    r"\Delta V^0)\sim L^{-1}\qquad(\eta\sim L^{2\beta-1})",
    source="Derived for the first step (N1, N2), beyond it empirical",
    derivation="A step moves V_k by eta a p_k g_k^T, of order L^(2 beta - 1) L^-beta = L^(beta - 1) in units of the "
    "weights; gradients of neighbouring layers of res-1 differ by another factor a, which leaves L^-1. At this "
    "learning rate the first-order decrease of the loss does not depend on depth (N1), and neither does the course of "
    "training.",
    hypotheses="res-1, independent weights, gradient descent with a learning rate of order L^(2 beta - 1) for the "
    "residual layers. Empirical after the first step: four epochs on the digits. The grid of the catalogue is its "
    "domain.",
)
def movement(profile: Profile) -> Iterator[Check]:
    r"""With gradient descent at a learning rate of order $L^{2\beta-1}$ the weights of a res-1 network move by
    $L^{\beta-1}$ in units of their initial size, and the increments of the movement from layer to layer are of order
    $L^{-1}$ at every $\beta$: what training adds is smooth along the depth.
    """
    depths, betas = (16, 128 * min(profile.depth, 4)), (0.5, 0.75, 1.0)
    for beta in betas:
        trained = tuple(
            training(
                "res-1", "uniform", width=12, depth=depth, beta=beta, epochs=4, optimiser="gradient-descent",
                learning_rate=0.3, rate_power=2 * beta - 1,
            )
            for depth in depths
        )  # fmt: skip
        moved = [column("outer_movement", place) for place in range(2)]
        steps = [column("outer_increments", place)[2] for place in range(2)]
        yield check(
            f"beta{beta:g}-movement", trained, "power of depth of the movement",
            median(power_of_depth(moved, depths), Normal(beta - 1, 0.045**2)), beta - 1,
            margin=empirical(0.12, profile), basis=EXPONENT, miss_rate=MISS_RATE,
            wrong={
                **{f"as at beta = {other:g}": other - 1 for other in betas},
                "a fixed learning rate's: L^-beta": -beta,
            },
        )  # fmt: skip
        yield check(
            f"beta{beta:g}-increments", trained, "power of depth of the increments of the movement",
            median(power_of_depth(steps, depths), Normal(-1.0, 0.07**2)), -1.0,
            margin=empirical(0.2, profile), basis=EXPONENT, miss_rate=MISS_RATE,
            wrong={
                "the movement is white noise along the depth": power_of_depth(moved, depths) if beta < 1 else 0.0,
                "half an order rougher": -0.5,
            },
        )  # fmt: skip


P10_LONG = "fgn:hurst=0.9"
P10_SMOOTH = "smooth-increments:length=0.2"


def of_res3(weights: str, depth: int, optimiser: str, width: int) -> Training:
    """Return a res-3 network at beta = 1 to train for six epochs.

    Parameters
    ----------
    weights : str
    depth : int
    optimiser : str
        Gradient descent has a learning rate proportional to the depth (N1).
    width : int

    Returns
    -------
    Training
    """
    adam = optimiser == "adam"
    return training(
        "res-3", weights, width=width, depth=depth, beta=1.0, epochs=6, optimiser=optimiser,
        learning_rate=0.03 if adam else 0.1, rate_power=0.0 if adam else 1.0,
    )  # fmt: skip


@claim(
    "P10",
    title="After training: regularity is kept by res-1, not by res-3",
    formula=r"H_2(\text{trained}) < H\ \ (\text{res-3},\ H = 0.9),\qquad \mathrm{rms}(\Delta W^{\text{trained}})\gg "
    r"L^{-1}\ \ (\text{res-3, Adam, smooth weights})",
    source="@marion2025, corrected",
    sharpens=("T1",),
    derivation="The gradients of V_k and W_k are functions of W_k itself and of its sign pattern: neighbouring "
    "gradients of res-3 agree only in part (N3), and what training adds is rougher than weights of long memory. A step "
    "of Adam has nearly the same size in every entry, whatever the size of the gradient, so that small rough parts of "
    "a gradient become as large as the rest; gradient descent leaves them small. The gradient of V_k is continuous in "
    "W_k; that of W_k reads which units are active, and a share of order 1/L of them switches from layer to layer. So "
    "the first step moves V by a path without jumps; later steps read the jumps that W has by then.",
    hypotheses="res-3 with ReLU, beta = 1, the digits. Empirical: sizes at this width, depth and training; the "
    "mechanism is not a proof. The grid of the catalogue is its domain.",
    remarks=(
        r"Regularity along the depth is kept for res-1 (T1). Trained res-3 weights of long memory, $H = 0.9$ and "
        r"$\beta = 1$, are rougher than they were, in $V$ and in $W$.",
        r"Smooth res-3 weights stay smooth under gradient descent up to increments of order $L^{-1/2}$ with a small "
        r"factor: in $W$ from the first step, in $V$, which reads $W$, from the second, and smaller. Adam leaves "
        r"increments from layer to layer that fall slower than $L^{-1}$.",
    ),
)
def lost_regularity(profile: Profile) -> Iterator[Check]:
    r"""Training keeps the regularity of res-1 weights (T1). It does not keep that of res-3 weights with long memory,
    and under Adam smooth res-3 weights become rough along the depth. Gradient descent keeps them smooth but for a small
    part that falls like $L^{-1/2}$ from layer to layer, in W more than in V; at these depths it does not show in V.
    """
    long = of_res3(P10_LONG, 64, "adam", 16)
    for name, letter, size, deviation in (("outer", "V", -0.092, 0.0105), ("inner", "W", -0.123, 0.0105)):
        yield check(
            f"long-memory-{letter}", long, f"change of the Hurst index of ${letter}$ by order 2",
            median(change(name, 2), Normal(size, deviation**2)), size, margin=-0.45 * size, basis=MEASURED,
            miss_rate=MISS_RATE, wrong={_KEPT: 0.0},
        )  # fmt: skip
    depths = (16, 64)
    for name, optimiser, column_name, exponent, deviation, margin, basis in (
        ("smooth-adam", "adam", "inner", 0.36, 0.056, 0.17, MEASURED),
        ("smooth-gradient-descent", "gradient-descent", "inner", 0.018, 0.019, 0.06, _SWITCHED),
        ("smooth-gradient-descent-V", "gradient-descent", "outer", 0.0, 0.017, 0.06, EXPONENT),
    ):
        smooth = tuple(of_res3(P10_SMOOTH, depth, optimiser, 12) for depth in depths)
        steps = [column(f"{column_name}_increments", place) for place in range(2)]
        relative = power_of_depth([step[1] / step[0] for step in steps], depths)
        adam = optimiser == "adam"
        yield check(
            name, smooth,
            f"power of depth of the increments of trained ${'W' if column_name == 'inner' else 'V'}$, less that of the "
            "initial ones",
            median(relative, Normal(exponent, deviation**2)), exponent, margin=empirical(margin, profile),
            basis=basis, miss_rate=MISS_RATE, wrong={_SMOOTH: 0.0} if adam else {"half of what Adam does to W": 0.18},
        )  # fmt: skip
