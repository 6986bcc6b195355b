"""Scaling factors that differ from layer to layer: what only their squares decide, and where that ends (E11)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from theory_check.catalogue.pictures import density_curve
from theory_check.claims import (
    PROVEN,
    Basis,
    Check,
    Distance,
    Domain,
    Illustration,
    Mean,
    Profile,
    check,
    claim,
)
from theory_check.claims.checks import drifting, heavier
from theory_check.claims.domains import (
    CLOSED_BRANCH,
    DOMINATED,
    FINITE_VARIANCE,
    INDEPENDENT_LAYERS,
    NO_TIES,
    SYMMETRIC_INSIDE,
    mean_in_reach,
)
from theory_check.claims.networks import (
    BRANCHES,
    COMBINATIONS,
    check_dominated,
    distance_from_normal,
    finite_depth_law,
    label,
    layer_law,
)
from theory_check.claims.observables import GRADIENT_RATIO, LOG_NORM_RATIO, NORM_RATIO
from theory_check.experiments.cell import Cell, Sample
from theory_check.experiments.experiment import Experiment
from theory_check.experiments.spelling import network
from theory_check.findings.pictures import HistogramPanel, Picture
from theory_check.foundation.arrays import FloatArray
from theory_check.networks.scalings import Scaling
from theory_check.theory.limits import lognormal_limit
from theory_check.theory.moments import norm_ratio_moment, norm_ratio_variance

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

#: Sum of the squared scaling factors of every schedule here: not 1, so that the sum can be seen to matter.
TOTAL = 1.5

ANY_SCHEDULE = "lognormal, as if no layer mattered by itself"

GAUSSIAN_ONLY = Basis(
    "the exact law at this depth is known for Gaussian weights only; a part of the margin is left for the difference",
    allowance=0.3,
)


def scaled(squares: FloatArray) -> tuple[float, ...]:
    """Return the scaling factors whose squares are proportional to the given ones and add up to the total."""
    return tuple(np.sqrt(TOTAL * squares / squares.sum()).tolist())


def waves(depth: int) -> tuple[float, ...]:
    """Eight equal blocks of layers, up and down, the largest factor twice the smallest: max a_k -> 0."""
    return scaled(np.repeat(np.array([1.0, 3.0, 2.0, 4.0, 1.0, 2.0, 4.0, 3.0]), depth // 8))


def decreasing(depth: int) -> tuple[float, ...]:
    """a_k^2 proportional to 1/(k log^2(k + 1)), summable: the first layers keep a fixed share however deep."""
    k = np.arange(1.0, depth + 1.0)
    return scaled(1.0 / (k * np.log(k + 1.0) ** 2))


def front_loaded(depth: int) -> tuple[float, ...]:
    """Half of the sum in the first layer, the rest spread evenly: as above with two distinct factors."""
    squares = np.array([0.5 * TOTAL] + [0.5 * TOTAL / (depth - 1)] * (depth - 1))
    return tuple(np.sqrt(squares).tolist())


def mean_checks(deep: Cell, relative: float) -> Iterator[Check]:
    """Compare the means of R and R* for the scaling factors of the network."""
    check_dominated(deep)
    multiplier, depth = layer_law(deep), deep.network.depth
    factors = deep.network.scaling.factors(depth)
    target, variance = norm_ratio_moment(multiplier, factors), norm_ratio_variance(multiplier, factors)
    equal = norm_ratio_moment(multiplier, float(np.mean(factors)), depth)
    for name, ratio, symbol in (("norm", NORM_RATIO, "R"), ("gradient", GRADIENT_RATIO, "R^*")):
        yield check(
            f"{label(deep)}-{name}", deep, rf"$\mathbb{{E}}\,{symbol}$ for a decreasing schedule",
            Mean(ratio, variance), target, margin=relative * target,
            wrong={
                "the mean factor decides, not the squares": equal,
                "increments add up without compounding": 1.0 + multiplier.kappa * float(np.sum(factors**2)),
            },
            sized={"weights of {:.0%} more variance": lambda more: norm_ratio_moment(
                multiplier, np.sqrt(1.0 + more) * factors)},
        )  # fmt: skip


def _scheduled() -> SearchStrategy[Cell]:
    from hypothesis import strategies as st

    from theory_check.strategies import betas, closed_branches, deep_cells, weights

    def schedule(deep: Cell, tenths: int) -> Cell:
        """Let the factors decrease like k^-g from that of the first layer."""
        shape = deep.network
        factors = shape.scaling.factor(shape.depth) * np.arange(1.0, shape.depth + 1.0) ** (-tenths / 10.0)
        return replace(deep, network=replace(shape, scaling=Scaling.sequence(factors)))

    drawn = deep_cells(
        branches=closed_branches(), weights=weights(finite_variance=True, nonzero=True), depths=(2, 64),
        betas=betas(0.0, 1.0), gradients=True,
    )  # fmt: skip
    return st.builds(schedule, drawn, st.integers(1, 15)).filter(lambda deep: DOMAIN.violated(deep) is None)


DOMAIN = Domain(
    networks=_scheduled,
    build=lambda deep, precision: mean_checks(deep, 0.06 * precision),
    hypotheses=(
        INDEPENDENT_LAYERS, CLOSED_BRANCH, FINITE_VARIANCE, SYMMETRIC_INSIDE, DOMINATED, NO_TIES,
        mean_in_reach("R", lambda deep: next(mean_checks(deep, 1.0))),
    ),
)  # fmt: skip


@claim(
    "E11",
    domain=DOMAIN,
    quick_precision=1.4,
    title="Unequal scaling factors",
    formula=r"\log R \to N\bigl(\Lambda\kappa(1-2/d),\,4\kappa\Lambda/d\bigr)",
    source="Derived",
    derivation="Means: as E1, one layer at a time. Law: as E4, with a_k^2 as steps of time; Lindeberg's condition is "
    "max a_k -> 0. A layer with a fixed factor contributes the law of its log M, which is not normal.",
    hypotheses="Symmetric independent weights of finite variance; linear or res-3 branch. Kurtosis at most 3 for the "
    "interval of the mean.",
    remarks=(
        r"Decreasing summable schedules keep the output bounded at every depth, but do not have the normal limit: "
        "their first layers keep a share.",
    ),
)
def schedules(profile: Profile) -> Iterator[Check]:
    r"""For any schedule $\mathbb{E}\,R = \prod_k (1+\kappa a_k^2)$, forward and backward. If $\max_k a_k \to 0$ and
    $\sum_k a_k^2 \to \Lambda$, $\log R$ tends to a normal law of mean $\Lambda\kappa(1-2/d)$ and variance
    $4\kappa\Lambda/d$; decreasing summable schedules have other limits.
    """
    for branch, law in COMBINATIONS:
        deep = network(branch, law, width=20, depth=64, scale=decreasing(64), gradients=True)
        yield from mean_checks(deep, 0.06 * profile.precision)

    for branch, law in COMBINATIONS:
        factors = waves(256 * profile.depth)
        deep = network(branch, law, width=20, depth=len(factors), scale=factors)
        multiplier = layer_law(deep)
        limit, basis, remainder = lognormal_limit(multiplier, TOTAL), GAUSSIAN_ONLY, 0.0
        if law == "gaussian":
            basis, remainder = PROVEN, distance_from_normal(finite_depth_law(multiplier, factors), limit)
        yield check(
            f"{label(deep)}-law", deep,
            r"Kolmogorov distance between $\log R$ and $N(\Lambda\kappa(1-2/d),\,4\kappa\Lambda/d)$",
            Distance(LOG_NORM_RATIO, limit), margin=0.05 * profile.precision, basis=basis, remainder=remainder,
            wrong={"the sum of squares does not matter": lognormal_limit(multiplier)},
            sized={"weights of {:.0%} more variance": partial(heavier, limit)},
        )  # fmt: skip

    for branch in BRANCHES:
        # max a_k stays: the exact law holds, not the lognormal limit. Every distinct factor costs a law of its own,
        # which is cheap for linear branches only.
        factors = decreasing(400) if branch == "linear" else front_loaded(400)
        deep = network(branch, "gaussian", width=20, depth=400, scale=factors)
        multiplier = layer_law(deep)
        exact = finite_depth_law(multiplier, factors)
        yield check(
            f"{label(deep)}-decreasing", deep,
            r"Kolmogorov distance between $\log R$ and the sum of independent $\log M_k$, decreasing schedule",
            Distance(LOG_NORM_RATIO, exact), (0.0, exact.error), margin=0.04 * profile.precision,
            wrong={ANY_SCHEDULE: lognormal_limit(multiplier, TOTAL)},
            sized={"drift {:.0%} larger": drifting(exact, exact.mean)},
        )  # fmt: skip


def _pictured(_profile: Profile) -> Mapping[Experiment, int]:
    return {
        network("linear", "gaussian", width=20, depth=400, scale=factors): 8192
        for factors in (waves(400), decreasing(400))
    }


def _draw(samples: Sequence[Sample]) -> Picture:
    limit = lognormal_limit(layer_law(samples[0].experiment), TOTAL)
    normal = density_curve(r"$N(\Lambda\kappa(1-2/d), 4\kappa\Lambda/d)$", limit)
    return Picture(
        "schedules",
        "Linear networks of width 20 and depth 400 with unequal scaling factors of the same sum of squares. Left: "
        "factors that all tend to zero with depth, lognormal. Right: a summable schedule, whose first layers keep "
        "their weight: not lognormal.",
        tuple(
            HistogramPanel(title, r"$\log R$", LOG_NORM_RATIO([sample]), (normal,))
            for title, sample in zip(("Factors tend to zero", "First factors stay"), samples, strict=True)
        ),
    )


picture = Illustration(experiments=_pictured, draw=_draw)
