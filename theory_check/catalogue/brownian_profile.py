"""The critical scaling beta = 1/2 along the depth: the log norm is a Brownian motion with drift (E5)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from theory_check.claims import LIMIT, Check, Distance, Normal, Probability, Profile, check, claim
from theory_check.claims.networks import COMBINATIONS, label, one_layer
from theory_check.claims.observables import between, column
from theory_check.experiments.spelling import network
from theory_check.theory import limits


@claim(
    "E5",
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
    stretches are independent and normal.
    """
    depth = 128 * profile.depth
    log_norm = column("norm_profile")
    second, third = log_norm[2] - log_norm[1], log_norm[3] - log_norm[2]
    for branch, law in COMBINATIONS:
        deep = network(branch, law, width=20, depth=depth, gradients=True,
                       recorded_depths=tuple(depth * quarter // 4 for quarter in range(5)))  # fmt: skip
        limit = limits.lognormal_limit(one_layer(deep)[0])
        mean, variance = limit.mean / 4.0, limit.variance / 4.0
        yield check(
            f"{label(deep)}-increment", deep,
            r"Kolmogorov distance between the increment of $\log\Vert h_{tL}\Vert^2$ over the second quarter and "
            r"$N(\kappa(1-2/d)/4,\,\kappa/d)$",
            Distance(second, Normal(mean, variance)), margin=0.05 * profile.precision, basis=LIMIT,
            wrong={
                "deviations grow like time: one random slope for the whole path": Normal(mean, variance / 4.0),
                "no drift": Normal(0.0, variance),
            },
        )  # fmt: skip
        yield check(
            f"{label(deep)}-independence", deep,
            "probability that the increments over the second and third quarter both exceed their predicted median",
            Probability(between(second, lower=mean) & between(third, lower=mean)), 0.25,
            margin=0.04 * profile.precision, basis=LIMIT,
            wrong={
                "the increments rise and fall together": 0.5,
                "correlation 1/2: 1/4 + asin(1/2)/(2 pi)": 0.25 + math.asin(0.5) / math.tau,
            },
        )  # fmt: skip
