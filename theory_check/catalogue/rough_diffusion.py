"""Rough weights, fractional Gaussian noise of Hurst index below 1/2 along the layers, still diffuse (C5)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from theory_check.catalogue.pictures import density_curve
from theory_check.catalogue.wide_recursion import INPUTS, MEAN_LOG_RATIO, MEAN_QUANTITY
from theory_check.claims import (
    Basis,
    Check,
    Distance,
    Domain,
    Hypothesis,
    Illustration,
    Mean,
    Normal,
    Profile,
    Spread,
    check,
    claim,
    median,
)
from theory_check.claims.checks import higher
from theory_check.claims.observables import DISPLACEMENT, LOG_NORM_RATIO
from theory_check.experiments.cell import Cell, Sample
from theory_check.experiments.spelling import network
from theory_check.findings.pictures import HistogramPanel, Picture
from theory_check.networks.branches import Branch
from theory_check.networks.covariances import fractional_noise
from theory_check.theory.infinite_width import wide_network
from theory_check.theory.rough_weights import finite_interaction_sum, rough_lognormal_limit
from theory_check.theory.small_steps import rectified_variance, sum_over_pairs

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

#: Lambda = L a^2: drifts grow as Lambda, spreads as its root.
_TOTAL = 4.0

#: A part of Lambda so small that terms of order Lambda^2 are lost in the twelfth digit.
_STILL = 1e-10

_MEAN = Basis(
    "mean of the limit law with the sum $S_L$ and, at infinite width, exact at this depth by the recursion of C4; the "
    "remainder estimates what finite width changes of the terms beyond the limit law"
)

_LAW = Basis(
    "normal law of the mean at this depth; the remainder has what finite width changes of the mean, and a relative "
    r"error $\Lambda/L$ of the variance: independent layers have at most half of it, and at 32 layers half of it was "
    "measured"
)


def _network(width: int, hurst: float, depth: int, inputs: int = 1) -> Cell:
    return network("res-3", f"fgn:hurst={hurst:g}", width=width, depth=depth, scale=math.sqrt(_TOTAL / depth),
                   inputs=inputs)  # fmt: skip


def _law(width: int, hurst: float, depth: int | None = None, total: float = _TOTAL) -> Normal:
    return rough_lognormal_limit(width, hurst, total, depth=depth)


def _beyond_limit(hurst: float, depth: int, total: float) -> float:
    """Return what the mean of log R at this depth has beyond the limit law with S_L, at infinite width.

    Its parts are those of a large step, about Lambda^2/(8 L) for any weights, and of distant lags, whose states have
    moved in between. There log E R is E log R, and what is proportional to Lambda is the limit law: networks that
    hardly move tell it, so that the sum S_L which is to be tested does not enter.
    """
    rho = fractional_noise(hurst, depth)
    moving, still = (
        float(wide_network(Branch("res-3"), rho, math.sqrt(part * total / depth), depth).log_norm_ratio[-1])
        for part in (1.0, _STILL)
    )
    return moving - still / _STILL


def _finite_law(width: int, hurst: float, depth: int, total: float = _TOTAL) -> tuple[Normal, float]:
    """Return the normal law of log R with its mean at this depth, and an estimate of the error of that mean.

    Finite width changes either part of what is beyond the limit law by a share of about 4/d at most: for independent
    layers it is 1 - (1 + 5/d)(1 - 2/d)(1 - 4/d). Three networks of 32 layers at width 8 and two at 20 had a fifth to
    all of it. A median also has the skewness, which fades slowly near H = 1/2: at H = 0.45, width 20 and 512 layers the
    mean was off by .002(6), the median lower by .017(4) in three runs, a third of the margin.
    """
    limit, beyond = _law(width, hurst, depth, total), _beyond_limit(hurst, depth, total)
    return Normal(limit.mean + beyond, limit.variance), 4.0 / width * (abs(beyond) + total**2 / (4.0 * depth))


def _median_check(deep: Cell, name: str, hurst: float, total: float, precision: float) -> Check:
    """Compare the median of log R with the mean of the law at this depth."""
    width, depth = deep.network.width, deep.network.depth
    law, error = _finite_law(width, hurst, depth, total)
    return check(
        f"{name}-median", deep, r"median of $\log R$", median(LOG_NORM_RATIO, law), law.mean,
        margin=0.3 * precision, basis=_MEAN, remainder=error,
        wrong={"independent layers": _law(width, 0.5, None, total).mean, "kappa of the linear branch": 2.0 * law.mean},
        sized={"drift {:.0%} larger": lambda more: (1.0 + more) * law.mean},
    )  # fmt: skip


def _sum_check(precision: float) -> Check:
    """Compare the sum S_L itself: networks that hardly move have E D = a^2 (L/2) (1 + 2 S_L), at any Hurst index.

    A large index has a large sum, a tenth of which is 8% of the displacement.
    """
    width, hurst, depth, a = 64, 0.95, 8, 1e-6
    deep = network("res-3", f"fgn:hurst={hurst:g}", width=width, depth=depth, scale=a, inputs=INPUTS)
    rho, interaction = fractional_noise(hurst, depth), finite_interaction_sum(hurst, depth)
    linear = 0.5 * (sum_over_pairs(rho) / depth - 1.0)

    def displacement(total: float) -> float:
        return 0.5 * depth * (1.0 + 2.0 * total)

    target = displacement(interaction)
    return check(
        f"res-3-d{width}-h{hurst:g}-sum", deep, r"$a^{-2}\,\mathbb{E}\,\overline D$, the average over the inputs, "
        rf"$a = {a:g}$", Mean(DISPLACEMENT.mean() / a**2, rectified_variance(width, rho, INPUTS)), target,
        margin=0.04 * precision * target,
        basis=Basis(
            r"exact as $a \to 0$; what is left out is below a millionth of the target, and the margin, half of the "
            "effect of a tenth of the sum, is the resolution that the profile pays for", exact=True,
        ),
        wrong={
            "the sum over lags is larger by a tenth": displacement(1.1 * interaction),
            "the sum of one layer more": displacement(finite_interaction_sum(hurst, depth + 1)),
            "states of distant layers are not aligned: 1/pi for arc": displacement(linear / math.pi),
            "the correlation enters once, not twice": displacement(linear),
            "independent layers": displacement(0.0),
        },
        sized={"the sum over lags is larger by {:.0%}": lambda more: displacement((1.0 + more) * interaction)},
    )  # fmt: skip


def _spread_check(deep: Cell, name: str, law: Normal, others: Mapping[str, Normal], profile: Profile) -> Check:
    """Compare the distance of the outer deciles of log R with that of the limit law."""
    target = _decile_range(law)
    relative = 0.5 * _TOTAL / deep.network.depth
    return check(
        f"{name}-spread", deep, r"distance of the outer deciles of $\log R$", Spread(LOG_NORM_RATIO, (0.1, 0.9), law),
        target, margin=0.32 * target * profile.precision, basis=_LAW, remainder=relative * target,
        wrong={
            **{f"variance of {what}": _decile_range(other) for what, other in others.items()},
            "mean and variance the same": _decile_range(Normal(law.mean, law.mean)),
        },
        # No plausible variance is two margins apart at the quick profile: it tells this, and standard the others.
        sized={"deciles {:.0%} wider": higher(target, target)},
    )  # fmt: skip


def _checks(deep: Cell, precision: float) -> Iterator[Check]:
    hurst, depth = dict(deep.weights.parameters)["hurst"], deep.network.depth
    total = depth * deep.network.scaling.factor(depth) ** 2
    yield _median_check(deep, f"res-3-d{deep.network.width}-h{hurst:g}", hurst, total, precision)


def _networks() -> SearchStrategy[Cell]:
    from hypothesis import strategies as st

    return st.builds(
        lambda width, hurst, depth, total: network(
            "res-3", f"fgn:hurst={hurst:g}", width=width, depth=depth, scale=math.sqrt(total / depth)
        ),
        st.integers(8, 16), st.integers(10, 45).map(lambda n: n / 100.0), st.integers(64, 80),
        st.sampled_from([4.0, 3.5, 3.0]),
    )  # fmt: skip


DOMAIN = Domain(
    networks=_networks,
    build=_checks,
    hypotheses=(
        Hypothesis(
            "rough noise", "the weights are fractional Gaussian noise of Hurst index between 0.1 and 0.45",
            lambda deep: deep.weights.law == "fgn" and 0.1 <= dict(deep.weights.parameters)["hurst"] <= 0.45,
        ),
        Hypothesis("res-3 with ReLU", "the branch is res-3 with ReLU",
                   lambda deep: deep.network.branch == Branch("res-3")),
        Hypothesis("one factor", "all layers have one factor a, and L a^2 is at most 4",
                   lambda deep: deep.network.scaling.kind != "sequence"
                   and deep.network.depth * deep.network.scaling.factor(deep.network.depth) ** 2 <= 4.0 + 1e-9),
        Hypothesis("deep and wide", "there are at least 64 layers, of width at least 4",
                   lambda deep: deep.network.depth >= 64 and deep.network.width >= 4),
    ),
)  # fmt: skip


@claim(
    "C5",
    domain=DOMAIN,
    title="Rough weights still diffuse",
    formula=r"\log R \approx N\Bigl(\Lambda\bigl[\tfrac12(1+2S_L)(1-\tfrac2d) + \tfrac{S_L}{d}\bigr],\ "
    r"\tfrac{2\Lambda}{d}(1+2S_L)\Bigr)",
    source="Derived; weights of @marion2025, section 5",
    derivation="Layers whose weights have summable covariances average to a diffusion (Kesten, Papanicolaou 1979): the "
    r"covariance of $V_k\,\mathrm{relu}(W_kh)$ and $V_l\,\mathrm{relu}(W_lh)$ is $\|h\|^2/(2d)$ times "
    r"$\rho\,\mathrm{arc}(\rho)$, and the derivative of a later layer along an earlier one adds the drift "
    r"$(S/(2d))h$; Itô's formula for $\log\|h\|^2$. With the sum $S_L$ of the depth the mean is that of the "
    r"second-order expansion, exact to order $a^2$; what is left comes from steps of finite size, $O(\Lambda^2/L)$, "
    r"and from distant lags, of states that have moved in between, $O(\Lambda^2L^{2H-1})$ with a small constant. The "
    "recursion of C4 has both at infinite width.",
    hypotheses="As C4; ReLU, $H < 1/2$ but for the sum itself.",
    remarks=(
        r"Over all lags, $S$ is off by $O(L^{2H-1})$ at depth $L$, which hardly decays near $H = 1/2$: $S$ jumps from "
        r"$-1/(2\pi)$ to 0 there, $S_L$ does not.",
    ),
)
def rough_diffusion(profile: Profile) -> Iterator[Check]:
    r"""For $H < 1/2$ and $L a^2 \to \Lambda$ (at $\beta = 1/2$, $\Lambda = 1$) $\log R$ of res-3 networks is
    asymptotically normal with mean $\Lambda[(1+2S)(1-2/d)/2 + S/d]$ and variance $(2/d)(1+2S)\Lambda$, $S$ being the
    sum of $\rho(n)\,\mathrm{arc}(\rho(n))$ over the lags of the network: $S_L =
    \sum_{n<L}(1-n/L)\,\rho(n)\,\mathrm{arc}(\rho(n))$ at depth $L$. For every $H$, $\mathbb{E}\,D \sim
    \tfrac12a^2L\,(1+2S_L)$ as $a \to 0$.
    """
    # One network for the law.
    width, hurst, depth = 8, 0.3, 128 * max(1, profile.depth // 2)
    deep, name = _network(width, hurst, depth), f"res-3-d{width}-h{hurst:g}"
    law, error = _finite_law(width, hurst, depth)
    independent = _law(width, 0.5)
    # A normal law moves by 0.4 of a shift in deviations, and by 0.121 of a relative change of its variance.
    remainder = 0.4 * error / math.sqrt(law.variance) + 0.121 * _TOTAL / depth
    linear = Normal(2.0 * law.mean, 2.0 * law.variance)  # proportional to kappa, 1 instead of 1/2
    wrong = {"kappa of the linear branch": linear}
    if profile.precision < 1.0:  # a wider margin leaves no room for this law
        wrong["independent layers"] = independent
    yield check(
        f"{name}-law", deep, r"Kolmogorov distance between $\log R$ and the normal law with $S_L$",
        Distance(LOG_NORM_RATIO, law), margin=0.11 * max(profile.precision, 0.25), basis=_LAW, remainder=remainder,
        wrong=wrong, sized={"mean {:.0%} larger": lambda more: Normal((1.0 + more) * law.mean, law.variance)},
    )  # fmt: skip
    yield _median_check(deep, name, hurst, _TOTAL, profile.precision)
    yield _sum_check(profile.precision)
    yield _spread_check(deep, name, law, {"independent layers": independent, "the linear branch": linear}, profile)

    # The drift by itself, averaged over inputs: precise enough for the sum S of this depth.
    width, depth = 20, 64 * profile.depth
    for hurst in (0.3, 0.45):
        finite, error = _finite_law(width, hurst, depth)
        drift = finite.mean
        yield check(
            f"res-3-d{width}-h{hurst:g}-drift", _network(width, hurst, depth, INPUTS), MEAN_QUANTITY,
            median(MEAN_LOG_RATIO, Normal(drift, 0.22**2)), drift,
            margin=0.18 * max(profile.precision, 0.3), basis=_MEAN, remainder=error,
            wrong={"S of infinite depth": _law(width, hurst).mean, "independent layers": _law(width, 0.5).mean,
                   "kappa of the linear branch": 2.0 * drift},
            sized={"drift {:.0%} larger": higher(drift, drift)},
        )  # fmt: skip


def _decile_range(law: Normal) -> float:
    low, high = law.quantile(np.array([0.1, 0.9]))
    return float(high - low)


#: The network of the law at the quick profile: width, Hurst index and depth.
_PICTURED = (8, 0.3, 128)


def _draw(samples: Sequence[Sample]) -> Picture:
    width, hurst, depth = _PICTURED
    curves = (
        density_curve("rough weights, $S_L$ of this depth", _law(width, hurst, depth)),
        density_curve("independent layers", _law(width, 0.5)),
    )
    return Picture(
        "rough",
        f"res-3 networks of width {width} and depth {depth} with $L a^2 = {_TOTAL:g}$, weights fractional Gaussian "
        f"noise of Hurst index {hurst:g} along the layers: still lognormal, with a smaller drift and a smaller "
        "variance than independent layers.",
        (HistogramPanel("Rough weights", r"$\log R$", samples[0].column("log_norm_ratio"), curves),),
    )


picture = Illustration(experiments=lambda _: {_network(*_PICTURED): 1000}, draw=_draw)
