"""The res-1 ReLU network at the critical scaling: its norm is driven by the active coordinates (E12)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from theory_check.claims import (
    Basis,
    Check,
    Domain,
    Hypothesis,
    Mean,
    Normal,
    Profile,
    Spread,
    check,
    claim,
    median,
)
from theory_check.claims.domains import GAUSSIAN, INDEPENDENT_LAYERS, ONE_FACTOR
from theory_check.claims.observables import LEAST, LOG_DISPLACEMENT, LOG_NORM_RATIO, between, column
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network
from theory_check.networks.branches import Branch
from theory_check.theory.active_coordinates import growth_variance, initial_drift, layers_mean, layers_variance

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

#: Normal quantiles one standard deviation on either side of the median.
ONE_SIGMA = (0.158655253931457, 0.841344746068543)

RES3 = "variance of independent active sets, the law of res-3"
UNCONDITIONED = "half of the coordinates active on average, without the condition that one is"

LOCATION = Basis(
    "the mean of log R at this width and depth up to order (t/d)^2; its median lies lower by the third cumulant, "
    "measured: at most 0.5 t/d, without a proven constant",
    allowance=0.1,
)
SCALE = Basis(
    "limit d -> infinity at this depth; at this width the error was measured, about 1/d of the standard deviation, "
    "without a proven constant",
    allowance=0.3,
)
DRIFT = Basis(
    "less than the drift itself, so that its sign is decided; the drift is exact at time 0 and moves by about "
    "-0.005 t (-0.013 t at width 2), measured, by time t; t shrinks with the margin",
    allowance=0.25,
)

#: Width and depth at time 1, by the factor of depths of the profile, with room for errors of order 1/d and 1/L. The
#: cost grows like d L over the square of the margin, so that margins follow 1/d, not the precision of the profile.
SIZES = {1: (64, 32), 4: (128, 64), 8: (192, 96)}

#: Margins of the drift by width: at width 2 half of what the condition on an active coordinate makes, at width 3 half
#: of the drift, at width 4 a quarter of the change from width 3, whose sign is the other, and below the drift.
DRIFT_MARGINS = {2: 0.08, 3: 0.0475, 4: 0.0325}


def wide_checks(wide: Cell, relative: float) -> Iterator[Check]:
    """Compare centre and spread of log R at time t = L a^2; the relative margin is that of the spread at width 64."""
    width, depth, time = wide.network.width, wide.network.depth, _time(wide)
    mean, deviation = layers_mean(width, depth, time), math.sqrt(layers_variance(depth, time) / width)
    yield check(
        f"wide-t{time:g}-location", wide, rf"median of $\log R$ at $L a^2 = {time:g}$",
        median(LOG_NORM_RATIO, Normal(mean, deviation**2)), mean, margin=0.1 * time * (64 / width), basis=LOCATION,
        wrong={"no drift": 0.0, "drift of every coordinate, kappa = 1": 2.0 * mean},
        sized={"drift {:.0%} larger": lambda more: (1.0 + more) * mean},
    )  # fmt: skip
    yield check(
        f"wide-t{time:g}-scale", wide,
        rf"half the distance of the quantiles of $\log R$ at one standard deviation, $L a^2 = {time:g}$",
        Spread(0.5 * LOG_NORM_RATIO, ONE_SIGMA, Normal(mean / 2, deviation**2 / 4)), deviation,
        margin=relative * (64 / width) * deviation, basis=SCALE,
        wrong={
            RES3: math.sqrt(2.0 * time / width),
            "variance linear in time": math.sqrt(time * layers_variance(depth, 1.0) / width),
        },
    )  # fmt: skip


def drift_check(narrow: Cell, margin: float) -> Check:
    """Compare the mean growth of the log active norm over a short time, given an active coordinate at the input."""
    width, depth, time = narrow.network.width, narrow.network.depth, _time(narrow)
    drift, other = initial_drift(width), 3 if width == 4 else 4
    # A network without an active coordinate at the input, 2^-d of them, never moves and does not count. The bound is
    # raised by as much, which plans for the others.
    moved = between(LOG_DISPLACEMENT, lower=LEAST)
    growth = (column("log_active_norm_ratio").clip(-40.0, 40.0) / time).given(moved)
    bound = growth_variance(width, depth, time) / (1.0 - 2.0**-width) * 1.01
    return check(
        f"d{width}-drift", narrow,
        r"$\mathbb{E}\log(\Vert\mathrm{relu}\,h_L\Vert^2/\Vert\mathrm{relu}\,h_0\Vert^2)$ over "
        f"$L a^2 = {time:.3g}$, given an active coordinate at the input",
        Mean(growth, bound), drift, margin=margin * time, basis=DRIFT,
        wrong={
            UNCONDITIONED: (width / 2 - 2.0) / width,
            "drift of res-3, kappa (1 - 2/d)": 0.5 * (1.0 - 2.0 / width),
            f"the drift at width {other}, of the other sign": initial_drift(other),
            "no drift": 0.0,
        },
        sized={"drift higher by {:g}": lambda more: drift + more},
    )  # fmt: skip


def _time(deep: Cell) -> float:
    """Return L a^2, rounded as it was spelled."""
    return round(deep.network.depth * deep.network.scaling.factor(deep.network.depth) ** 2, 9)


def _is_wide(deep: Cell) -> bool:
    shape = deep.network
    return shape.width >= SIZES[1][0] and _time(deep) <= 4.0 and shape.depth >= SIZES[1][1] * _time(deep)


def _is_short(deep: Cell) -> bool:
    return deep.active_norm and deep.network.width >= 2 and deep.network.depth >= SIZES[1][1] and _time(deep) <= 1.0


def _checks(deep: Cell, _precision: float) -> Iterator[Check]:
    # Margins follow the errors of the limits: the width, and the time for the drift.
    if _is_wide(deep):
        yield from wide_checks(deep, 0.09)
    if _is_short(deep):
        yield drift_check(deep, 0.08)


def _networks() -> SearchStrategy[Cell]:
    from hypothesis import strategies as st

    from theory_check.strategies import by_octaves

    def spelled(width: int, depth: int, tenths: int, observed: str, active: bool) -> Cell:
        scale = math.sqrt(tenths / 10.0 / depth)
        return network("res-1", width=width, depth=depth, scale=scale, input=observed, active_norm=active)

    inputs = st.sampled_from(["gaussian", "sphere"])
    narrow = st.builds(
        spelled, by_octaves(2, 32), by_octaves(SIZES[1][1], 64), st.integers(4, 10), inputs, st.just(True)
    )
    wide = st.integers(5, 20).flatmap(
        lambda t: st.builds(spelled, st.integers(64, 80), st.integers(math.ceil(3.2 * t), 72), st.just(t), inputs,
                            st.just(False))
    )  # fmt: skip
    return narrow | wide


DOMAIN = Domain(
    networks=_networks,
    build=_checks,
    hypotheses=(
        INDEPENDENT_LAYERS, ONE_FACTOR, GAUSSIAN,
        Hypothesis("res-1 with ReLU", "the branch is res-1 with ReLU",
                   lambda deep: deep.network.branch == Branch("res-1")),
        Hypothesis("isotropic input", "there is one input, of uniform direction",
                   lambda deep: deep.input.count == 1 and deep.input.name in ("gaussian", "sphere")),
        Hypothesis(
            "wide, or short", "the width is 64 or more, L a^2 at most 4 and the depth at least 32 L a^2; or the active "
            "norm is observed, of a width of 2 or more and at least 32 layers with L a^2 at most 1",
            lambda deep: _is_wide(deep) or _is_short(deep),
        ),
    ),
)  # fmt: skip


@claim(
    "E12",
    domain=DOMAIN,
    title="Active coordinates drive the res-1 network",
    formula=r"d\log\Vert\mathrm{relu}\,h\Vert^2 = \tfrac{N_t-2}{d}\,dt + \tfrac{2}{\sqrt d}\,dB,\qquad "
    r"\mathbb{E}\log R \to \tfrac t2,\quad d\,\mathrm{Var}\log R \to 4(1-e^{-t/2}) + "
    r"8\int_0^{t/2}\bigl(\tfrac t2-u\bigr)\bigl(K(e^{-u/2})-\tfrac14\bigr)du",
    source="Derived from the limit equation of @marion2025",
    derivation="Ito's formula for ||relu h||^2, whose derivative is continuous. With the clock d tau = (||relu h||^2/d)"
    " dt the coordinates are independent Brownian motions; the central limit theorem for sums over them gives the "
    "Gaussian limit of sqrt(d) (log R - t/2), K(r) = E relu(u)^2 relu(v)^2 at correlation r; a clock of L steps gives "
    "the variance at this depth, the covariance of N and Y the mean up to d^-2. At the start N is "
    "binomial given N > 0: drift (d/2/(1 - 2^-d) - 2)/d. Intervals: the variance of the logarithm is at most "
    "(2 sqrt(t/d) + t (d-1)/(2d))^2 up to a factor 1 + O(a^2/d), by the Gaussian Poincare inequality.",
    hypotheses="Gaussian h_0 and weights (res-1, ReLU, no bias). The logarithm needs an active coordinate at the input "
    "(probability 1 - 2^-d). At finite depth a later layer can switch all of them off (probability below "
    "L Phi(-sqrt(L d/t)), below 1e-13 here), which is why the mean is that of the logarithm cut off at +-40. Limits: d "
    "and L large, and t small for the drift.",
    remarks=(
        r"The variance is not the $2/d$ of res-3, although $\kappa = 1/2$ in both: $d\,\mathrm{Var}\log R \to "
        r"2.67533$ at $\beta = 1/2$, since the active set persists along the network instead of being drawn anew.",
        r"The logarithm of the active norm is undefined with probability $2^{-d}$. Given an active coordinate "
        r"their mean number is $\frac{d/2}{1-2^{-d}}$: the initial drift is $-1/3$ at $d = 2$, $-0.0952$ at $d = "
        r"3$ and $+0.0333$ at $d = 4$, where $d/2$ would give $-1/2$, $-1/6$ and $0$.",
    ),
)
def active_coordinates(profile: Profile) -> Iterator[Check]:
    r"""For res-1 with ReLU at $\beta = 1/2$, $\log R$ is asymptotically normal as the width grows with mean $1/2$ and
    variance $2.67533/d$, larger than the $2/d$ of res-3: the same coordinates stay active. The norm of the active
    coordinates has drift $(N_t-2)/d$ with $N_t$ of them active, and given that one is, its sign at the start changes
    between $d = 3$ and $d = 4$.
    """
    for time, relative in ((1.0, 0.06), (4.0, 0.09)):
        width, depth = SIZES[profile.depth][0], round(SIZES[profile.depth][1] * time)
        yield from wide_checks(network("res-1", width=width, depth=depth, scale=math.sqrt(time / depth)), relative)
    # Time shrinks with the margin, because the error is proportional to it. The variance of the mean rate grows like
    # 1/t, so that nightly precision would cost minutes to say the same: the sign.
    time = max(profile.precision, 0.4)
    depth = 32 * min(profile.depth, 2)
    for width, margin in DRIFT_MARGINS.items():
        narrow = network("res-1", width=width, depth=depth, scale=math.sqrt(time / depth), active_norm=True)
        yield drift_check(narrow, margin)
