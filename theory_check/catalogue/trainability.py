"""What training achieves, as initialisation predicts it: over depth (N6), over Hurst index and beta (N7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from theory_check.catalogue.trained_weights import MEASURED, MISS_RATE, empirical
from theory_check.claims import Basis, Check, Profile, check, claim, median
from theory_check.claims.observables import Observable, apply, column, log, stack
from theory_check.experiments.spelling import training
from theory_check.experiments.training import Training
from theory_check.foundation.arrays import FloatArray
from theory_check.foundation.laws import Normal

#: A ratio that is 1 in the limit of depth and of small rates.
TRANSFER = Basis(
    "empirical: the loss has a limit over depth at this rule, with corrections at depth 32 that have no proven bound; "
    "the margin is less than half of what a fixed rate changes",
    allowance=0.1,
)


@claim(
    "N6",
    title="Learning rates of Adam transfer over depth as L^(beta-1)",
    formula=r"\eta\sim L^{\beta-1}:\qquad \mathcal L(\text{after a fixed number of steps})\to\text{a limit over }L",
    source="Derived for the first step, beyond it empirical",
    derivation="A step of Adam moves every entry by about the learning rate, in the direction of a path that is smooth "
    "along the depth for res-1 (N2): L layers change the output by L a eta in units of 1 / sqrt(d), which is of order "
    "1 if eta is of order L^(beta - 1).",
    hypotheses="res-1, independent weights, ends frozen, Adam, beta = 1/2, at rates below the best: near the best rate "
    "the loss hardly depends on it. Empirical: three epochs on the digits. The grid of the catalogue is its domain.",
)
def transfer(profile: Profile) -> Iterator[Check]:
    r"""With Adam's learning rate proportional to $L^{\beta-1}$ the loss after a fixed number of steps does not depend
    on depth, so that a rate found for a shallow network serves a deep one; at a fixed rate deeper networks learn
    faster.
    """
    beta, shallow, deep = 0.5, 32, 256

    def trained(depth: int, power: float) -> Training:
        # Both rules agree at the smaller depth.
        return training(
            "res-1", "uniform", width=16, depth=depth, beta=beta, epochs=3, trains_ends=False,
            learning_rate=0.02 * shallow ** (beta - 1.0 - power), rate_power=power,
        )  # fmt: skip

    scaled = beta - 1.0
    experiments = (trained(shallow, scaled), trained(deep, scaled), trained(shallow, 0.0), trained(deep, 0.0))
    loss = [log(column("loss", place)[2]) for place in range(4)]
    yield check(
        "res-1-loss", experiments, f"log of the loss in the third epoch at depth {deep} over that at depth {shallow}",
        median(loss[1] - loss[0], Normal(0.0, 0.095**2)), 0.0, margin=empirical(0.165, profile),
        basis=TRANSFER, miss_rate=MISS_RATE,
        wrong={
            "a fixed learning rate transfers as well": loss[3] - loss[2],
            "half a fixed rate's change: the power (beta - 1) / 2": -0.34,
        },
    )  # fmt: skip


#: Hurst index and beta of networks from stable to unstable, not in the order of either.
CELLS = tuple((hurst, beta) for hurst in (0.3, 0.9) for beta in (0.1, 0.2, 0.4, 0.6))


#: Learning rates. From 0.03 on unstable networks begin to train, and beta orders the accuracies nearly as well.
RATE, OTHER_RATE = 1e-2, 1e-3


def best_of(accuracies: Sequence[Observable], seen: Sequence[Observable]) -> Observable:
    """Return the accuracies at that rate of several whose ``seen`` accuracy is the largest, cell by cell and seed."""

    def chosen(*columns: FloatArray) -> FloatArray:
        tested, trained = (np.stack(part) for part in (columns[: len(seen)], columns[len(seen) :]))
        return np.asarray(np.take_along_axis(tested, trained.argmax(axis=0)[None], axis=0)[0])

    return apply("best of rates", chosen, *accuracies, *seen)


def rank_correlation(first: Observable, second: Observable) -> Observable:
    """Return Spearman's correlation over the columns of two observables, replicate by replicate."""

    def spearman(x: FloatArray, y: FloatArray) -> FloatArray:
        from scipy.stats import rankdata

        ranks = [rankdata(values, axis=1) for values in (x, y)]
        one, other = (values - values.mean(axis=1, keepdims=True) for values in ranks)
        return np.asarray(np.sum(one * other, axis=1) / np.sqrt(np.sum(one**2, axis=1) * np.sum(other**2, axis=1)))

    return apply("rank correlation", spearman, first, second)


@claim(
    "N7",
    title="Initialisation predicts what can be trained",
    formula=r"\text{accuracy}(H,\beta)\approx f\bigl(\log\Vert h_L-h_0\Vert/\Vert h_0\Vert\bigr),\qquad f\text{ "
    r"decreasing}",
    source="@marion2025 shows the map of accuracies; the single variable is an own observation",
    derivation="None: what is known is that gradients explode with outputs (P5), so that unstable networks have no "
    "learning rate that suits all layers.",
    hypotheses="res-1, fractional noise, width 12, depth 48. Empirical: Adam for four epochs on the digits at learning "
    "rates up to 0.01, or the best of them; networks that diverge count, with the accuracy of a constant answer. "
    "The grid of the catalogue is its domain.",
    remarks=("The quick profile trains at one rate; the other one and the best of both are left to standard.",),
)
def trainability(profile: Profile) -> Iterator[Check]:
    r"""Over Hurst index and scaling exponent the test accuracy after training is a decreasing function of the log
    displacement at initialisation, at learning rates a decade apart and at the best of them; $\beta$ alone does not
    order it as well. At finite depth networks train well below the critical exponent $\max(H, 1/2)$, and at one
    $\beta$ rough weights train where long memory does not.
    """
    rates = (RATE, OTHER_RATE)
    all_trained = [
        tuple(
            training("res-1", f"fgn:hurst={hurst}", width=12, depth=48, beta=beta, epochs=4, learning_rate=rate)
            for hurst, beta in CELLS
        )
        for rate in rates
    ]
    trained, size = all_trained[0], len(CELLS)
    tested, seen, displaced = (
        [stack(*(column(name, group * size + place) for place in range(size))) for group in range(len(rates))]
        for name in ("test_accuracy", "train_accuracy", "log_displacement")
    )
    betas = np.array([beta for _, beta in CELLS])

    def order(
        name: str, experiments: tuple[Training, ...], displacement: Observable, accuracies: Observable, where: str,
        law: Normal, weakest: float, mistake: float,
    ) -> Check:  # fmt: skip
        by_beta = apply(f"beta of {CELLS}", lambda x: np.broadcast_to(-betas, x.shape), accuracies)
        return check(
            name, experiments, f"rank correlation of test accuracy {where} with initial log displacement, eight cells",
            median(rank_correlation(displacement, accuracies), law), (-1.0, weakest),
            margin=empirical(0.12, profile), basis=MEASURED, miss_rate=MISS_RATE,
            wrong={
                "the scaling exponent alone orders them": rank_correlation(by_beta, accuracies),
                "no more than beta orders them": mistake,
            },
        )  # fmt: skip

    yield order("order", trained, displaced[0], tested[0], f"at rate {RATE:g}", Normal(-0.94, 0.045**2), -0.9, -0.6)
    if profile.precision < 1.0:  # half of the claim's trainings, which the quick profile does not pay for
        # A rate that is too low for four epochs leaves the best cells apart by less.
        yield order(
            f"order-rate{OTHER_RATE:g}", all_trained[1], displaced[0], tested[0], f"at rate {OTHER_RATE:g}",
            Normal(-0.83, 0.06**2), -0.8, -0.4,
        )  # fmt: skip
        mean = sum(displaced[1:], displaced[0]) / len(rates)
        yield order(
            "order-best", tuple(each for group in all_trained for each in group), mean, best_of(tested, seen),
            f"at the best of {len(rates)} rates by the examples that are trained on", Normal(-0.94, 0.045**2),
            -0.9, -0.6,
        )  # fmt: skip
    accuracy = [column("test_accuracy", place) for place in range(size)]
    stable, unstable, below = (accuracy[CELLS.index(cell)] for cell in ((0.3, 0.2), (0.9, 0.2), (0.9, 0.6)))
    yield check(
        "same-beta", trained, r"test accuracy at $\beta = 0.2$: Hurst index 0.3 less 0.9",
        median(stable - unstable, Normal(0.74, 0.1**2)), 0.74, margin=0.3, basis=MEASURED, miss_rate=MISS_RATE,
        wrong={"beta alone decides": 0.0},
    )  # fmt: skip
    yield check(
        "below-critical", trained, r"test accuracy at $H = 0.9$, $\beta = 0.6 < \max(H, 1/2)$",
        median(below, Normal(0.8, 0.05**2)), (0.75, 0.85), margin=empirical(0.12, profile),
        basis=MEASURED, miss_rate=MISS_RATE,
        wrong={"nothing trains below the critical exponent": unstable, "half of the images": 0.5},
    )  # fmt: skip
