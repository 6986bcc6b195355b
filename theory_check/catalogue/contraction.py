"""Linear networks of rough weights contract where depth outweighs width, and what adding a drift does (C6)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from theory_check.catalogue.wide_recursion import INPUTS, MEAN_LOG_RATIO, MEAN_QUANTITY, hurst_index
from theory_check.claims import Basis, Check, Domain, Hypothesis, Normal, Profile, check, claim, median
from theory_check.claims.domains import ONE_FACTOR
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network
from theory_check.theory.rough_weights import corrected_scaling, drift_correction, linear_leading_mean

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_LEADING = Basis(
    "leading order in $a^2$; the next one is of order $a^4L$ and a part of the margin is left for it, which falls "
    "faster with depth than the margin",
    allowance=0.3,
)

_LEADING_AT_FIXED_DEPTH = Basis(
    "leading order in $a^2L^{2H}$, which hardly falls with depth: the margin is that of the next order at every "
    "profile",
    allowance=0.4,
)


def contraction_checks(deep: Cell, precision: float, spread: float) -> Iterator[Check]:
    """Compare log R with its leading order, and what is left of it when the drift is added; the spread is for planning.

    The effect is the term -L/d, which one check sees and which the drift removes in the other; the margin is a fifth of
    it, times the precision.
    """
    width, depth, hurst = deep.network.width, deep.network.depth, hurst_index(deep)
    a = deep.network.scaling.factor(depth)
    mean, pull = linear_leading_mean(width, hurst, a, depth), a**2 * depth / width
    margin = 0.2 * precision * pull
    yield check(
        f"linear-d{width}-h{hurst:g}-contraction", deep, MEAN_QUANTITY,
        median(MEAN_LOG_RATIO, Normal(mean, spread**2)), mean, margin=margin, basis=_LEADING,
        wrong={
            "infinite width: growth": a**2 * depth ** (2.0 * hurst),
            "the term -L/d has the other sign": mean + 2.0 * pull,
            "the term -L/d without its 1/d": mean - a**2 * depth * (1.0 - 1.0 / width),
            "independent layers": a**2 * depth * (1.0 - 2.0 / width),
        },
        sized={"the term -L/d is {:.0%} larger": lambda more: mean - more * pull},
    )  # fmt: skip
    corrected = corrected_scaling(width, a) ** 2 * (1.0 - 1.0 / width) * depth ** (2.0 * hurst)
    yield check(
        f"linear-d{width}-h{hurst:g}-corrected", deep, rf"{MEAN_QUANTITY}, with $a^2/(2d)\,h$ added in every layer",
        median(MEAN_LOG_RATIO + _shift(width, a, depth), Normal(corrected, spread**2)), corrected,
        margin=margin, basis=_LEADING,
        wrong={
            "nothing to correct": MEAN_LOG_RATIO,
            # c = a^2/2, without the width, is the correction of a network of width 1.
            "correction a^2/2, without 1/d": MEAN_LOG_RATIO + _shift(1, a, depth),
        },
        sized={"{:.0%} of the term -L/d is left": lambda more: corrected - more * pull},
    )  # fmt: skip


def _drawn() -> SearchStrategy[Cell]:
    from hypothesis import strategies as st

    from theory_check.strategies import by_octaves

    return st.builds(
        lambda width, hurst, depth, part: network(
            "linear", f"fgn:hurst={hurst / 100.0:g}", width=width, depth=depth,
            scale=math.sqrt(part / 100.0 / width), inputs=INPUTS,
        ),
        st.integers(2, 6), st.integers(10, 25), by_octaves(64, 512), st.integers(2, 10),
    )  # fmt: skip


def _typical_spread(deep: Cell) -> float:
    """Return the leading deviation 2 <u, B u> of log R, of which the average over inputs removes a part."""
    shape = deep.network
    a = shape.scaling.factor(shape.depth)
    return 2.0 * a * math.pow(shape.depth, hurst_index(deep)) / math.sqrt(shape.width)


DOMAIN = Domain(
    networks=_drawn,
    # The margin is that of the next order and does not follow the precision.
    build=lambda deep, _precision: contraction_checks(deep, 1.0, _typical_spread(deep)),
    hypotheses=(
        Hypothesis("linear", "the branch is linear", lambda deep: deep.network.branch.is_linear),
        Hypothesis(
            "rough noise", "the weights are fractional Gaussian noise of Hurst index between 0.1 and 1/4, of unit "
            "variance",
            lambda deep: deep.weights.law == "fgn" and 0.1 <= hurst_index(deep) <= 0.25 and deep.weights.gain == 1.0,
        ),
        ONE_FACTOR,
        Hypothesis("inputs", "at least 24 Gaussian inputs share the weights",
                   lambda deep: deep.input.count >= INPUTS and deep.input.name == "gaussian"),
        # The terms of the next order, a^4 L and a^4 L^(4H), are at most half of that each in size (measured up to .46
        # a^4 L at width 4): below 0.3 of a margin of 0.2 a^2 L / d.
        Hypothesis(
            "small steps", "d a^2 is at most 0.1, at widths of 2 to 6 and 64 layers or more",
            lambda deep: deep.network.width * deep.network.scaling.factor(deep.network.depth) ** 2 <= 0.1 + 1e-9
            and 2 <= deep.network.width <= 6 and deep.network.depth >= 64,
        ),
    ),
)  # fmt: skip


@claim(
    "C6",
    domain=DOMAIN,
    title="Rough linear networks contract",
    formula=r"\mathbb{E}\log R = a^2\bigl[(1-\tfrac1d)L^{2H} - \tfrac Ld\bigr] + O(a^4L)",
    source="Derived; weights of @marion2025, section 5",
    derivation=r"Expand $\log\|h_L\|^2$ to second order in the weights: $|Bu|^2$ with $B$ the sum of the increments "
    r"gives $L^{2H}$, the square of $\langle u,Bu\rangle$ $-2L^{2H}/d$, ordered pairs of layers "
    r"$\sum_{k\ne l}\rho(k-l)/d = (L^{2H}-L)/d$. The corrected network is $(1+c)$ a layer times a plain one of scaling "
    "$a/(1+c)$, $c = a^2/(2d)$: an identity, by which plain networks decide on it.",
    hypotheses=r"Gaussian weights; $a \to 0$ at fixed $d$.",
    remarks=(
        r"$-L^{1-2\beta}/(2d)$, contraction, is what is left where $L^{1-2H} \gg d-1$. Before, the term $(1-1/d)L^{2H}$"
        " rules and networks grow: at $d = 40$, $H = 0.45$ and $L = 1000$ as at $d = 16$ and $L = 128$ here.",
        "The corrected network explodes if the coefficient lacks $1/d$, $a^2/2$ for $a^2/(2d)$.",
    ),
)
def contraction(profile: Profile) -> Iterator[Check]:
    r"""For linear branches and $H < 1/2$, $\mathbb{E}\log R = a^2[(1-1/d)L^{2H} - L/d]$ to leading order in $a$: where
    $L^{1-2H} \gg d-1$ networks contract. Adding $a^2/(2d)\,h$ in every layer removes the term $-L/d$.
    """
    hurst, beta, depth = 0.2, 0.35, 512 * profile.depth
    # The spread of log R averaged over the inputs is measured, for planning only.
    for width, spread in ((2, 0.5), (3, 0.33)):
        deep = network("linear", f"fgn:hurst={hurst:g}", width=width, depth=depth, beta=beta, inputs=INPUTS)
        yield from contraction_checks(deep, profile.precision, spread)

    # Networks wider than L^(1-2H) grow.
    width, hurst, beta, depth = 16, 0.45, 0.55, 128
    a = depth**-beta
    mean = linear_leading_mean(width, hurst, a, depth)
    yield check(
        f"linear-d{width}-h{hurst:g}-growth",
        network("linear", f"fgn:hurst={hurst:g}", width=width, depth=depth, beta=beta, inputs=INPUTS),
        MEAN_QUANTITY, median(MEAN_LOG_RATIO, Normal(mean, 0.11**2)), mean, margin=0.1, basis=_LEADING_AT_FIXED_DEPTH,
        wrong={
            "contraction at every width": -(a**2) * depth / width,
            "independent layers": a**2 * depth * (1.0 - 2.0 / width),
        },
        sized={"growth {:.0%} faster": lambda more: (1.0 + more) * mean},
    )  # fmt: skip


def _shift(width: int, scaling: float, depth: int) -> float:
    """Return what the correction adds to log R of a plain network."""
    return 2.0 * depth * math.log1p(drift_correction(width, corrected_scaling(width, scaling)))
