"""Linear networks of rough weights contract where depth outweighs width, and what adding a drift does (C6)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from theory_check.catalogue.wide_recursion import INPUTS, MEAN_LOG_RATIO, MEAN_QUANTITY
from theory_check.claims import Basis, Check, Correction, Normal, Profile, check, claim, median
from theory_check.experiments.spelling import network
from theory_check.theory.rough_weights import corrected_scaling, drift_correction, linear_leading_mean

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


@claim(
    "C6",
    title="Rough linear networks contract",
    formula=r"\mathbb{E}\log R = a^2\bigl[(1-\tfrac1d)L^{2H} - \tfrac Ld\bigr] + O(a^4L)",
    source="Derived; weights of @marion2025, section 5",
    derivation=r"Expand $\log\|h_L\|^2$ to second order in the weights: $|Bu|^2$ with $B$ the sum of the increments "
    r"gives $L^{2H}$, the square of $\langle u,Bu\rangle$ $-2L^{2H}/d$, ordered pairs of layers "
    r"$\sum_{k\ne l}\rho(k-l)/d = (L^{2H}-L)/d$. The corrected network is $(1+c)$ a layer times a plain one of scaling "
    "$a/(1+c)$, $c = a^2/(2d)$: an identity, by which plain networks decide on it.",
    hypotheses=r"Gaussian weights; $a \to 0$ at fixed $d$.",
    corrections=(
        Correction(
            stated=r"Contraction, not explosion, for $H < 1/2$: $\log(\|h_L\|/\|h_0\|) \sim -L^{1-2\beta}/(2d)$.",
            corrected=r"Only where $L^{1-2H} \gg d-1$. Before, the term $(1-1/d)L^{2H}$ rules and networks grow: at "
            "$d = 40$, $H = 0.45$ and $L = 1000$ as at $d = 16$ and $L = 128$ here.",
            variant="contraction at every width",
        ),
    ),
    remarks=("The corrected network explodes if the coefficient lacks $1/d$, $a^2/2$ for $a^2/(2d)$.",),
)
def contraction(profile: Profile) -> Iterator[Check]:
    r"""For linear branches and $H < 1/2$, $\mathbb{E}\log R = a^2[(1-1/d)L^{2H} - L/d]$ to leading order in $a$: where
    $L^{1-2H} \gg d-1$ networks contract. Adding $a^2/(2d)\,h$ in every layer removes the term $-L/d$.
    """
    hurst, beta, depth = 0.2, 0.35, 512 * profile.depth
    a = depth**-beta
    # The spread of log R averaged over the inputs is measured, for planning only.
    for width, spread in ((2, 0.5), (3, 0.33)):
        deep = network("linear", f"fgn:hurst={hurst:g}", width=width, depth=depth, beta=beta, inputs=INPUTS)
        mean, pull = linear_leading_mean(width, hurst, a, depth), a**2 * depth / width
        margin = 0.2 * profile.precision * pull
        yield check(
            f"linear-d{width}-h{hurst:g}-contraction", deep, MEAN_QUANTITY,
            median(MEAN_LOG_RATIO, Normal(mean, spread**2)), mean, margin=margin, basis=_LEADING,
            wrong={
                "infinite width: growth": a**2 * depth ** (2.0 * hurst),
                "the term -L/d has the other sign": mean + 2.0 * pull,
                "the term -L/d without its 1/d": mean - a**2 * depth * (1.0 - 1.0 / width),
                "independent layers": a**2 * depth * (1.0 - 2.0 / width),
            },
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
        )  # fmt: skip

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
    )  # fmt: skip


def _shift(width: int, scaling: float, depth: int) -> float:
    """Return what the correction adds to log R of a plain network."""
    return 2.0 * depth * math.log1p(drift_correction(width, corrected_scaling(width, scaling)))
