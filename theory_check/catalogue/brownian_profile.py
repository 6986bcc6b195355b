"""The critical scaling beta = 1/2 along the depth: the log norm is a Brownian motion with drift (E5)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import combinations
from types import MappingProxyType

from theory_check.claims import (
    EXACT,
    LIMIT,
    Basis,
    Check,
    Distance,
    Domain,
    Hypothesis,
    Normal,
    Probability,
    Profile,
    check,
    claim,
)
from theory_check.claims.checks import heavier
from theory_check.claims.domains import CRITICAL, GAUSSIAN, LAYERS
from theory_check.claims.networks import (
    BRANCHES,
    COMBINATIONS,
    distance_from_normal,
    finite_depth_law,
    label,
    one_layer,
)
from theory_check.claims.observables import Observable, between, column
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network
from theory_check.theory import limits
from theory_check.theory.depth_law import DepthLaw

LOG_NORM, LOG_GRADIENT = column("norm_profile"), column("gradient_profile")
SECOND, THIRD = LOG_NORM[2] - LOG_NORM[1], LOG_NORM[3] - LOG_NORM[2]


def at_quarters(deep: Cell) -> Cell:
    """Return the network with a depth that four divides, which records its quarters."""
    depth = deep.network.depth // 4 * 4
    quarters = tuple(depth * quarter // 4 for quarter in range(5))
    return replace(deep, network=replace(deep.network, depth=depth), recorded_depths=quarters)


def _increment_check(
    name: str, increment: str, deep: Cell, observable: Observable, margin: float,
    more_wrong: Mapping[str, object] = MappingProxyType({}),
) -> Check:  # fmt: skip
    """Compare an increment with its exact law for Gaussian weights, for others with its limit."""
    limit = _limit_of_quarters(deep)
    law: Normal | DepthLaw = limit
    error, basis, compared = 0.0, LIMIT, r"$N(\kappa(1-2/d)/4,\,\kappa/d)$"
    if GAUSSIAN.holds(deep):
        law = _quarters(deep)
        error, basis, compared = law.error, EXACT, "its exact law"
    return check(
        name, deep, rf"Kolmogorov distance between the increment of ${increment} and {compared}",
        Distance(observable, law), (0.0, error), margin=margin, basis=basis,
        wrong={
            **more_wrong,
            "deviations grow like time: one random slope for the whole path":
                Normal(limit.mean, limit.variance / 4.0),
            "no drift": Normal(0.0, limit.variance),
        },
        sized={"lognormal, weights of {:.0%} more variance": partial(heavier, limit)},
    )  # fmt: skip


def increment_check(deep: Cell, precision: float) -> Check:
    """Compare the increment over the second quarter."""
    return _increment_check(
        f"{label(deep)}-increment", r"\log\Vert h_{tL}\Vert^2$ over the second quarter", deep, SECOND, 0.05 * precision
    )


def independence_check(deep: Cell, precision: float, basis: Basis, remainder: float = 0.0) -> Check:
    """Compare the probability that the increments over the second and third quarter exceed their predicted median."""
    mean = _limit_of_quarters(deep).mean
    return check(
        f"{label(deep)}-independence", deep,
        "probability that the increments over the second and third quarter both exceed their predicted median",
        Probability(between(SECOND, lower=mean) & between(THIRD, lower=mean)), 0.25,
        # Two probabilities of 1/2, each off by the remainder. Half of the effect of a correlation of 1/2, 1/12.
        margin=0.0375 * precision, basis=basis, remainder=remainder + remainder**2,
        wrong={
            "the increments rise and fall together": 0.5,
            "correlation 1/2: 1/4 + asin(1/2)/(2 pi)": 0.25 + math.asin(0.5) / math.tau,
        },
        sized={"correlation {:g}": lambda r: 0.25 + math.asin(min(r, 1.0)) / math.tau},
    )  # fmt: skip


_PLACES = ("first", "second", "third", "last")


def gradient_checks(deep: Cell, precision: float) -> Iterator[Check]:
    """Compare increments of the log gradient norm over quarters, from above, with those of the log norm.

    For Gaussian weights both have one law at any depth; other entries change it up to O(1/L), as for the log norm. The
    gradient p above a layer is independent of its weights. With rows w_i of W and the slopes D at W h, W^T D V^T p is
    the sum of (V^T p)_i w_i over the units with <w_i, h> > 0, half of them at random. The sign of (V^T p)_i is
    independent of all that, so that its product with w_i has the law of w_i without any condition. The kernel for
    Gaussian weights draws backward passes by that law; E16 compares matrices that are drawn in full.
    """
    limit = _limit_of_quarters(deep)
    for place in range(4) if GAUSSIAN.holds(deep) else (1,):
        name = "" if place == 1 else f"-{_PLACES[place]}"
        yield _increment_check(
            f"{label(deep)}-gradient-increment{name}",
            rf"\log\Vert p_{{tL}}\Vert^2$, backward through the {_PLACES[place]} quarter,", deep,
            LOG_GRADIENT[place] - LOG_GRADIENT[place + 1], 0.05 * precision,
            more_wrong={"gradients shrink where states grow": Normal(-limit.mean, limit.variance)},
        )  # fmt: skip


def _limit_of_quarters(deep: Cell) -> Normal:
    limit = limits.lognormal_limit(one_layer(deep)[0])
    return Normal(limit.mean / 4.0, limit.variance / 4.0)


def _quarters(deep: Cell) -> DepthLaw:
    """Return the exact law of the increment of log ||h||^2 over a quarter of the depth, for Gaussian weights."""
    multiplier, a, depth = one_layer(deep)
    return finite_depth_law(multiplier, a, depth // 4)


def quarter_checks(deep: Cell, precision: float) -> Iterator[Check]:
    """Compare the increment over every quarter with its exact law, for Gaussian weights.

    The layers are independent and identically distributed multipliers (E2), so the four increments have one law.
    """
    law = _quarters(deep)
    multiplier, a, depth = one_layer(deep)
    time = depth // 4 * a * a
    limit = limits.lognormal_limit(multiplier, time)
    for place, name in enumerate(_PLACES):
        yield check(
            f"{label(deep)}-depth{depth}-{name}", deep,
            rf"Kolmogorov distance between the increment of $\log\Vert h_{{tL}}\Vert^2$ over the {name} quarter and "
            "its exact law",
            Distance(LOG_NORM[place + 1] - LOG_NORM[place], law), (0.0, law.error), margin=0.05 * precision,
            basis=EXACT,
            wrong={
                "no correction for the width in the drift": Normal(multiplier.kappa * time, limit.variance),
                "no drift": Normal(0.0, limit.variance),
            },
            sized={"lognormal, weights of {:.0%} more variance": partial(heavier, limit)},
        )  # fmt: skip


def pair_checks(deep: Cell, precision: float, middle: float, remainder: float, basis: Basis = EXACT) -> Iterator[Check]:
    """Compare the probability that two increments lie on one side of a point near their median, for all six pairs.

    For independent increments that lie below the point with probability p it is p^2 + (1-p)^2 = 1/2 + 2 (p - 1/2)^2: an
    error of the median enters by its square. Two normal ones of correlation r agree with probability 1/2 + asin(r)/pi.
    """
    for first, second in combinations(range(4), 2):
        above, also = (between(LOG_NORM[place + 1] - LOG_NORM[place], lower=middle) for place in (first, second))
        yield check(
            f"{label(deep)}-depth{deep.network.depth}-pair{first + 1}{second + 1}", deep,
            f"probability that the increments over quarters {first + 1} and {second + 1} lie on one side of their "
            "median",
            Probability(1.0 - abs(above - also)), (0.5, 0.5 + 2.0 * remainder**2), margin=0.036 * precision,
            basis=basis,
            wrong={
                "the increments rise and fall together": 1.0,
                "a quarter of the variance is a random slope of the whole path": 0.5 + math.asin(0.25) / math.pi,
                "half of the variance is a random slope of the whole path": 0.5 + math.asin(0.5) / math.pi,
            },
            sized={"{:.0%} of the variance are a random slope": lambda r: 0.5 + math.asin(min(r, 1.0)) / math.pi},
        )  # fmt: skip


def _gaussian_checks(deep: Cell, precision: float) -> Iterator[Check]:
    law = _quarters(deep)
    yield independence_check(deep, precision, _EXACT, _quarter_distance(deep))
    yield from quarter_checks(deep, precision)
    yield from pair_checks(deep, precision, float(law.quantile(0.5)), law.error)


def _quarter_distance(deep: Cell) -> float:
    """Return how far an increment over a quarter is from its limit, for Gaussian weights."""
    return distance_from_normal(_quarters(deep), _limit_of_quarters(deep))


_EXACT = Basis("limit law; the exact distance of the law of a quarter is the remainder")

_NEAR_MEDIAN = Basis(
    "independence is exact for every law; the point is the median for Gaussian weights, which divides others in halves "
    "up to O(1/L), and 0.05 would enter the prediction by its square"
)

DOMAIN = Domain.of_cells(
    _gaussian_checks,
    (
        *LAYERS, CRITICAL, GAUSSIAN,
        Hypothesis("quarters", "four divides the depth, and the norms of its quarters are recorded",
                   lambda deep: deep.recorded_depths == at_quarters(deep).recorded_depths),
        Hypothesis("depth for the law", "the depth brings an increment within 0.03 of its limit",
                   lambda deep: _quarter_distance(deep) <= 0.03),
    ),
    laws=("gaussian",), depths=(32, 256), finish=at_quarters,
)  # fmt: skip


@claim(
    "E5",
    domain=DOMAIN,
    quick_precision=1.1,
    title="Brownian profile",
    formula=r"\log\frac{\Vert h_{tL}\Vert^2}{\Vert h_0\Vert^2} \to \kappa\bigl(1-\tfrac2d\bigr)t + "
    r"\sqrt{\tfrac{4\kappa}{d}}\,B_t",
    source="Derived",
    derivation="The sums of E4 over disjoint stretches of layers; functional central limit theorem.",
    hypotheses="As E4.",
)
def brownian_profile(profile: Profile) -> Iterator[Check]:
    r"""At $\beta = 1/2$ the log norm along the depth tends to a Brownian motion with drift: increments over disjoint
    stretches are independent and normal. Backwards, so does that of the gradient.
    """
    depth = 128 * profile.depth
    for branch, law in COMBINATIONS:
        deep = at_quarters(network(branch, law, width=20, depth=depth, gradients=True))
        proven = law == "gaussian"
        basis, remainder = (_EXACT, _quarter_distance(deep)) if proven else (LIMIT, 0.0)
        yield increment_check(deep, profile.precision)
        yield independence_check(deep, profile.precision, basis, remainder)
        yield from gradient_checks(deep, profile.precision)
    for branch in BRANCHES:
        deep = at_quarters(network(branch, width=8, depth=64))
        quarters = _quarters(deep)
        yield from quarter_checks(deep, profile.precision)
        yield from pair_checks(deep, profile.precision, float(quarters.quantile(0.5)), quarters.error)
    deep = at_quarters(network("res-3", "uniform", width=8, depth=64))
    yield from pair_checks(deep, profile.precision, float(_quarters(deep).quantile(0.5)), 0.05, _NEAR_MEDIAN)
