"""Weights that are smooth across layers: the critical scaling is 1 (P8)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from theory_check.catalogue.pictures import BARS, depth_medians, order_line
from theory_check.claims import (
    Basis,
    Check,
    CriticalPoint,
    Distance,
    Domain,
    Hypothesis,
    Illustration,
    Normal,
    Probability,
    Profile,
    ScaledChiSquare,
    check,
    claim,
    median,
)
from theory_check.claims.coupled_domains import SMOOTH_PATHS, coupled_strata, several_depths, widths
from theory_check.claims.observables import (
    LOG_DISPLACEMENT,
    ROOT_DISPLACEMENT,
    always,
    between,
    column,
    displacement_slope,
    exp,
    stack,
)
from theory_check.experiments.euler import Euler
from theory_check.experiments.experiment import Experiment, Sample
from theory_check.experiments.spelling import path_networks
from theory_check.findings.pictures import Curve, Picture, RatePanel
from theory_check.foundation.arrays import FloatArray
from theory_check.networks.branches import Branch
from theory_check.theory.euler_error import wide_displacement, wide_displacement_slope
from theory_check.theory.orders import rough_path_order
from theory_check.theory.smooth_paths import displacement_bounds, scalar_explosion

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

PATH = "smooth:length=0.1"

#: Width of the networks whose displacement is judged.
WIDTH = 12

WIDE = (
    "the prediction is exact at these depths for infinite width; at this one its error, of order 1/d, is inside the "
    "part of the margin left for it"
)

LINEAR, RES_1, RES_3 = BRANCHES = (Branch("linear"), Branch("res-1"), Branch("res-3"))


def displacement_check(deep: Euler, name: str, precision: float, *, allowance: float) -> Check:
    """Return the check of the slope of log sqrt(D) along one path, from L to 4L, against infinite width."""
    branch, beta, depth = deep.network.branch, float(deep.network.scaling.beta or 0.0), deep.network.depth
    slope = wide_displacement_slope(branch, deep.path.correlation, beta, depth, 4 * depth)
    # log sqrt(D) is (1 - beta) log L, and a random number of deviation 0.2 times L^(1 - beta), and one times 1/L.
    spread = 0.2 * abs(depth ** (1.0 - beta) - (4.0 * depth) ** (1.0 - beta)) / math.log(4.0) + 0.4 / depth
    return check(
        name, deep, r"median of the slope of $\log\sqrt D$ on $\log L$ along one path, from $L$ to $4L$",
        median(displacement_slope(), Normal(slope, spread**2)), slope,
        margin=0.05 * precision, basis=Basis(WIDE, allowance=allowance),
        wrong={
            "slope 1/2 - beta, as for independent weights": 0.5 - beta,
            "slope -beta, as of a single layer": -beta,
            "slope 0.85 - beta, as for fractional noise of Hurst index 0.85": 0.85 - beta,
        },
        sized={"slope higher by {:g}": lambda more: slope + more},
    )  # fmt: skip


#: Correlation lengths beside the 0.1 of the other points.
LENGTHS = (0.05, 0.3, 1.0)


def length_check(length: float, precision: float) -> Check:
    """Compare the law of D far above beta = 1 with the chi-square law of the integral of one path.

    h_L - h_0 = a sum V_k h_0 up to terms of relative order T = L^(1-beta), odd in the weights: they move the law by
    T^2, 2e-4 here. The entries of the sum are normal of variance ||h_0||^2 / d times S = sum_{k,l} rho((k - l)/L).
    """
    deep = path_networks("linear", f"smooth:length={length:g}", width=4, depth=16, doublings=0, beta=2.5)
    depth, a = deep.network.depth, float(deep.network.factors[0])
    lags = np.abs(np.subtract.outer(np.arange(depth), np.arange(depth))) / depth
    width = deep.network.width

    def law(covariance: FloatArray) -> ScaledChiSquare:
        return ScaledChiSquare(width, float(covariance.sum()) * a * a)

    # Near 1 the length hardly matters, but the kind of path does; far below it is the other way round.
    rough, longer = np.exp(-lags / length), np.exp(-0.5 * (lags / (1.5 * length)) ** 2)
    near = {"correlation exp(-lag/length), of a rough path": law(rough)}
    if length < 1.0:
        near = {"a length of half as much again": law(longer)}
    return check(
        f"linear-length{length:g}-law", deep,
        r"Kolmogorov distance between $D$ and $a_L^2\sum_{k,l}\rho((k-l)/L)\,\chi^2_d/d$",
        Distance(exp(2.0 * LOG_DISPLACEMENT[-1]), law(deep.path.correlation(lags))),
        # Short paths are dear: a series of many terms.
        margin=(0.07 if length < 0.1 else 0.05) * precision,
        basis=Basis("exact up to relative terms of order L^(2 - 2 beta)", allowance=0.1),
        wrong={**near, "independent layers": law(np.eye(depth))},
        sized={"weights of {:.0%} more variance": lambda more: law((1.0 + more) * deep.path.correlation(lags))},
    )  # fmt: skip


def _slopes(deep: Euler, precision: float) -> Iterator[Check]:
    name = f"{deep.network.branch.name}-d{deep.network.width}-beta{deep.network.scaling.beta:g}-slope"
    yield displacement_check(deep, name, 2.0 * precision, allowance=0.3)


def _networks() -> SearchStrategy[Euler]:
    from hypothesis import strategies as st

    return st.builds(
        lambda branch, length, width, depth, beta: path_networks(
            branch, f"smooth:length={length:g}", width=width, depth=depth, doublings=2, beta=beta
        ),
        st.sampled_from(BRANCHES), st.integers(1, 10).map(lambda n: n / 10.0), st.integers(8, 24),
        st.integers(32, 96), st.sampled_from([1.0]) | st.integers(105, 200).map(lambda n: n / 100.0),
    )  # fmt: skip


DOMAIN = Domain(
    networks=_networks,
    build=_slopes,
    strata=coupled_strata,
    hypotheses=(
        SMOOTH_PATHS,
        Hypothesis(
            "beta >= 1", "beta is at least 1: below, explosion has a probability below 1 at every width",
            lambda deep: float(deep.network.scaling.beta or 0.0) >= 1.0,
        ),
        Hypothesis("known recursion", "the branch is linear, or res-1 or res-3 with ReLU",
                   lambda deep: deep.network.branch in BRANCHES),
        Hypothesis(
            "slow path", "the path is of a length of at least 0.1",
            lambda deep: float(deep.path.correlation(np.array([0.1]))[0]) >= math.exp(-0.5) - 1e-12,
        ),
        widths(8), several_depths(32, 2),
    ),
)  # fmt: skip


@claim(
    "P8",
    domain=DOMAIN,
    title="The trichotomy for smooth weights",
    formula=r"\log\sqrt{D_{4L}}-\log\sqrt{D_L} = (1-\beta)\log 4 + O(L^{1-\beta}) + O(1/L),\ \beta > 1",
    source="@marion2025",
    derivation="h_L - h_0 = T (1/L) sum V_k g(h_0) + T^2 (...), T = L^(1-beta): the first sum tends to an integral "
    "along the path, up to 1/L. Reversing the sign of V, or time, shows that both corrections of a path's slope are "
    "symmetric, so that its median is off by O(T^2) + O(L^-2) only. The targets are the slopes of the recursion of "
    "infinite width at the same depths. For beta < 1 the time T tends to infinity, along a path that is all but "
    "constant in units of T; a path whose matrices contract from beginning to end, for linear branches, has a "
    "probability that does not depend on the depth, is 1/2 at width 1 and decreases faster than exponentially with the "
    "width.",
    hypotheses="Entries independent copies of a Gaussian process of correlation exp(-(s-t)^2/(2 l^2)), l = 0.1; "
    f"linear, res-1 and res-3 with ReLU; width {WIDTH}.",
    remarks=(
        r"For $\beta < 1$ explosion has a probability below 1 at every width, one half at width 1, that is close to 1 "
        "from about width 10 on.",
    ),
)
def smooth_weights(profile: Profile) -> Iterator[Check]:
    r"""With weights that are values of a smooth Gaussian process, $\beta > 1$ gives the identity at the rate
    $L^{1-\beta}$, $\beta = 1$ a displacement between two positive bounds that does not depend on the depth, and $\beta
    < 1$ explosion with a probability that tends to 1 with the width; the critical exponent is 1.
    """
    depth = 64 * profile.depth
    for branch in BRANCHES:
        for beta in (1.25, 1.5, 2.0, 1.0):
            deep = path_networks(branch.name, PATH, width=WIDTH, depth=depth, doublings=2, beta=beta)
            yield displacement_check(deep, f"{branch.name}-beta{beta:g}-slope", profile.precision, allowance=0.3)

    for length in LENGTHS:
        for branch, beta in ((LINEAR, 1.25), (RES_3, 1.0)):
            deep = path_networks(
                branch.name, f"smooth:length={length:g}", width=WIDTH, depth=depth, doublings=2, beta=beta
            )
            yield displacement_check(deep, f"{branch.name}-beta{beta:g}-length{length:g}-slope", profile.precision,
                                     allowance=0.3)  # fmt: skip
        yield length_check(length, profile.precision)

    margin = 0.05 * profile.precision
    betas = tuple(1.0 + step * margin for step in (-1.3, -0.7, 0.7, 1.3))
    # The noise of a slope is 0.4/L: it falls faster with the profile than the margin, with which it is planned.
    noise = 0.4 / 64 * profile.precision
    for branch in BRANCHES:
        yield check(
            f"{branch.name}-critical",
            tuple(path_networks(branch.name, PATH, width=WIDTH, depth=depth, doublings=2, beta=b) for b in betas),
            r"the $\beta$ at which the median of the slope of $\log\sqrt D$ between $L$ and $4L$ is zero",
            CriticalPoint(
                stack(*map(displacement_slope, range(len(betas)))), betas,
                lambda beta: Normal(1.0 - beta, (0.2 * abs(1.0 - beta) + noise) ** 2),
            ),
            1.0, margin=margin,
            basis=Basis(
                "the slope at beta = 1 is of order 1/L, and its median smaller: far below the slopes at the nearest "
                "exponents that are tried"
            ),
            wrong={"critical exponent 1/2, as for independent weights": 0.5, "critical exponent 3/4": 0.75},
            sized={"critical exponent higher by {:g}": lambda more: 1.0 + more},
        )  # fmt: skip

    for branch in (LINEAR, RES_3):
        deep = path_networks(branch.name, PATH, width=WIDTH, depth=64, doublings=2)
        low, high = displacement_bounds(branch, deep.path.correlation, WIDTH, 64)
        least, most = 0.5 * math.log(low), 0.5 * math.log(high)
        yield check(
            f"{branch.name}-bounds", deep,
            rf"$\mathbb{{P}}({low:.2g} \leq D \leq {high:.3g}\text{{ at depths }}L, 2L, 4L)$",
            Probability(always(between(LOG_DISPLACEMENT, least, most)), truth=0.99), (0.95, 1.0), margin=0.2,
            basis=Basis(
                "each bound is left with a probability of at most 1/40; the margin tells nearly always from three "
                "times in four, whatever the profile"
            ),
            wrong={
                "identity": always(between(LOG_DISPLACEMENT, upper=least)),
                "explosion": always(between(LOG_DISPLACEMENT, lower=most)),
            },
        )  # fmt: skip

    output = 2.0 * LOG_DISPLACEMENT[-1]
    for branch in BRANCHES:
        deep = path_networks(branch.name, PATH, width=WIDTH, depth=depth, doublings=2, beta=0.5)
        level = 0.25 * wide_displacement(branch, deep.path.correlation, 0.5, 4 * depth)
        yield check(
            f"{branch.name}-d{WIDTH}-explodes", deep,
            rf"$\mathbb{{P}}(D \geq e^{{{level:.3g}}})$ at $\beta = 1/2$, the fourth root of $\mathbb{{E}}\,D$ at "
            "infinite width",
            Probability(between(output, lower=level), truth=0.995), (0.95, 1.0), margin=0.2,
            basis=Basis(
                "log D is about half its value at infinite width and fluctuates by a tenth of it; the bound, a quarter "
                "of it, tends to infinity like sqrt(L); the margin tells nearly always from three times in four"
            ),
            wrong={"non-trivial limit: D below that bound": between(output, upper=level)},
        )  # fmt: skip

    # Widths at which explosion is not almost sure.
    depth = 256 * min(profile.depth, 4)
    scalar = path_networks("linear", PATH, width=1, depth=depth, doublings=0, beta=0.5)
    exploding = scalar_explosion(scalar.path.correlation, depth, 0.5, 4.0)
    yield check(
        "linear-d1-explodes", scalar, r"$\mathbb{P}(D \geq 4)$ at $\beta = 1/2$, width 1",
        Probability(between(output, lower=math.log(4.0))), exploding,
        margin=0.1 * max(profile.precision, 0.4),
        basis=Basis(
            "the prediction leaves out terms of order 1/L; the margin is the resolution that the profile pays for",
            allowance=0.1,
        ),
        wrong={"explodes at every width": 1.0, "never explodes": 0.0},
        sized={"probability higher by {:g}": lambda more: exploding + more},
    )  # fmt: skip
    for name, share, truth in (("linear", 0.05, 0.075), ("res-1", 0.2, 0.35)):
        narrow = path_networks(name, PATH, width=2, depth=depth, doublings=0, beta=0.5)
        yield check(
            f"{name}-d2-stays", narrow, r"$\mathbb{P}(D < 4)$ at $\beta = 1/2$, width 2",
            Probability(between(output, upper=math.log(4.0)), truth=truth), (share, 1.0), margin=0.5 * share,
            basis=Basis(
                "found at depth 1024: 0.08 (linear) and 0.35 (res-1), to be told from 0; paths whose matrices contract "
                "all the way have one that does not depend on the depth"
            ),
            wrong={"explodes at every width": 0.0},
        )  # fmt: skip


_PICTURED_BETAS = (1.5, 1.0, 0.75)
_PICTURED_PATHS = {"RBF": "smooth:length=0.5", r"Matérn, $\nu = 1/4$": "matern:nu=0.25,length=0.5"}


def _pictured(_profile: Profile) -> Mapping[Experiment, int]:
    return {
        **{path_networks("res-3", PATH, width=20, depth=8, doublings=5, beta=beta): 64 for beta in _PICTURED_BETAS},
        **{path_networks("linear", p, width=10, depth=8, doublings=5): 128 for p in _PICTURED_PATHS.values()},
    }


def _draw(samples: Sequence[Sample[Any]]) -> Picture:
    bands, curves, errors, lines = [], [], [], []
    for beta, sample in zip(_PICTURED_BETAS, samples[:3], strict=True):
        deep = sample.experiment
        bands.append(depth_medians(rf"median, $\beta = {beta:g}$", sample, ROOT_DISPLACEMENT))
        logs = [wide_displacement(RES_3, deep.path.correlation, beta, depth) for depth in deep.depths]
        curves.append(Curve("infinite width", bands[-1].x, np.exp(0.5 * np.array(logs))))
    for name, sample in zip(_PICTURED_PATHS, samples[3:], strict=True):
        errors.append(depth_medians(name, sample, column("adjacent_error")))
        lines.append(order_line(errors[-1], rough_path_order(sample.experiment.path.smoothness)))
    return Picture(
        "smooth",
        "Left: displacement of res-3 networks of width 20 that read one smooth path of weights, against their depth, "
        "with the exact recursion of infinite width. Right: distance between linear networks of depths $L$ and $2L$ "
        "along a smooth and along a rough path. Medians with 99% intervals.",
        (
            RatePanel("Smooth weights", "depth $L$", r"$\sqrt{D}$", tuple(bands), tuple(curves), bars=BARS),
            RatePanel(
                "Error along a path", "depth $L$", r"$\Vert h^{(L)}-h^{(2L)}\Vert/\Vert h_0\Vert$",
                tuple(errors), tuple(lines), bars=BARS,
            ),
        ),
    )  # fmt: skip


picture = Illustration(experiments=_pictured, draw=_draw)
