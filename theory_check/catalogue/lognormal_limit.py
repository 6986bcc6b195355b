"""The critical scaling beta = 1/2: log R and log R* are normal in the limit (E4)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from theory_check.catalogue.admissible_laws import ADMISSIBLE, capped, gaussian_layer, margin, network_of
from theory_check.catalogue.pictures import density_curve, norm_paths, recorded_times
from theory_check.claims import (
    LIMIT,
    PROVEN,
    Basis,
    Check,
    Domain,
    Hypothesis,
    Illustration,
    Normal,
    Profile,
    check,
    claim,
)
from theory_check.claims.domains import (
    CLOSED_BRANCH,
    CRITICAL,
    GAUSSIAN,
    LAYERS,
    LINEAR_OR_RECTIFIER,
    SYMMETRIC,
    least_depth,
)
from theory_check.claims.estimators import Distance, Probability, Spread, median
from theory_check.claims.networks import COMBINATIONS, distance_from_normal, finite_depth_law, label, one_layer
from theory_check.claims.observables import LOG_GRADIENT_RATIO, LOG_NORM_RATIO, Samples, between
from theory_check.experiments.cell import Cell
from theory_check.experiments.experiment import Experiment
from theory_check.experiments.spelling import network
from theory_check.findings.pictures import Curve, HistogramPanel, Picture
from theory_check.networks.weights import Weights
from theory_check.theory import limits
from theory_check.theory.entry_laws import kurtosis_correction

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_FORWARD_AND_BACKWARD = (("norm-law", LOG_NORM_RATIO, "R"), ("gradient-law", LOG_GRADIENT_RATIO, "R^*"))

#: Normal quantiles one standard deviation on either side of the median.
_SIGMA_PROBABILITIES = (0.158655253931457, 0.841344746068543)


def limit_checks(deep: Cell, precision: float, basis: Basis, remainder: float) -> Iterator[Check]:
    """Compare log R, and log R* where gradients are observed, with the limit law."""
    multiplier, *_ = gaussian_layer(deep)
    limit = limits.lognormal_limit(multiplier)
    mean, variance = limit.mean, limit.variance
    for name, observable, symbol in _FORWARD_AND_BACKWARD if deep.gradients else _FORWARD_AND_BACKWARD[:1]:
        yield check(
            f"{label(deep)}-{name}", deep,
            rf"Kolmogorov distance between $\log {symbol}$ and $N(\kappa(1-2/d),\,4\kappa/d)$",
            Distance(observable, limit), margin=0.05 * precision, basis=basis, remainder=remainder,
            wrong={
                "drift of the other branch's kappa":
                    Normal(mean * (0.5 if multiplier.branch.is_linear else 2.0), variance),
                "a third of the variance": Normal(mean, variance / 3.0),
                "three times the variance": Normal(mean, variance * 3.0),
            },
        )  # fmt: skip


def finite_depth_distance(deep: Cell) -> float:
    """Return how far log R is from its limit at this depth, in Kolmogorov's distance: exact for Gaussian weights.

    Independent symmetric entries of excess kurtosis c move, beside mean and variance (``theory.entry_laws``), the
    third cumulant by 12 c G_4/(d^2 L) and the fourth by 16 c s_4 G_4/(d^2 L) at most. A normal law moves by 0.4 for a
    mean that moves by one deviation, by 0.121 for a relative change of the variance, and by 0.067 and 0.023 for one of
    the third and fourth standardised cumulants (Edgeworth). Orthogonal matrices change the same terms by no more than
    an excess of 2 does: E r^2 by -2/d, E u^2 r by -2/d^2, E u^4 by -6/(d^2 (d + 2)). The sum is doubled for the next
    order.
    """
    multiplier, a, depth = gaussian_layer(deep)
    limit = limits.lognormal_limit(multiplier)
    distance = distance_from_normal(finite_depth_law(multiplier, a, depth), limit)
    weights, d = deep.weights, multiplier.width
    excess = 2.0 if weights.definition.orthogonal else weights.kurtosis - 3.0
    if excess == 0.0:
        return distance
    # A gain enters through a^2 times the gain.
    unit = replace(multiplier, gain=1.0)
    moved = kurtosis_correction(unit, excess, a * math.sqrt(multiplier.gain), depth)
    fourth = (3.0 + max(excess, 0.0)) / (d + 2.0) / unit.kappa
    cumulants = abs(excess) * fourth / depth * multiplier.gain * (0.1 / math.sqrt(d) + 0.07 / d)
    moves = 0.4 * abs(moved.mean) / math.sqrt(limit.variance) + 0.121 * abs(moved.variance) / limit.variance
    return distance + 2.0 * (moves + cumulants)


_FINITE_DEPTH = Basis("limit law; its distance from the law at this depth, to order 1/L^2, is the remainder")


def _checks(deep: Cell, precision: float) -> Iterator[Check]:
    return limit_checks(deep, precision, _FINITE_DEPTH, finite_depth_distance(deep))


def _networks_beyond() -> SearchStrategy[Cell]:
    from hypothesis import strategies as st

    from theory_check.strategies import closed_branches, deep_cells

    plain = st.sampled_from(["gaussian", "uniform", "rademacher", "tied"]).map(Weights)
    heavy = st.integers(10, 19).map(lambda n: Weights("student", (("df", n / 10.0),)))
    return deep_cells(branches=closed_branches(rectifier=True), weights=plain | heavy, depths=(64, 256))


def _stated(deep: Cell, precision: float) -> Iterator[Check]:
    basis = Basis("limit law, taken at its word for every symmetric law and width; the margin is left for the depth")
    return limit_checks(deep, 2.0 * max(precision, 1.0), basis, 0.0)


DOMAIN = Domain.of_cells(
    _checks,
    (
        CRITICAL,
        *LAYERS,
        SYMMETRIC,
        Hypothesis(
            "expansion known",
            "the weights are Gaussian, or the branch is linear or ReLU and the kurtosis finite",
            lambda deep: GAUSSIAN.holds(deep) or (LINEAR_OR_RECTIFIER.holds(deep) and deep.weights.kurtosis < math.inf),
        ),
        # Random signs at width 1: a lattice of steps 4/sqrt(L) in log R.
        Hypothesis(
            "no lattice",
            "the width is at least 2 unless the weights are Gaussian, as discrete ones leave gaps",
            lambda deep: deep.network.width > 1 or GAUSSIAN.holds(deep),
        ),
        least_depth(64),
        Hypothesis(
            "depth for the law",
            "the depth brings log R within 0.03 of its limit",
            lambda deep: finite_depth_distance(deep) <= 0.03,
        ),
    ),
    depths=(64, 256),
    gradients=True,
    beyond=Domain(networks=_networks_beyond, build=_stated, hypotheses=(CRITICAL, CLOSED_BRANCH)),
)


@claim(
    "E4",
    domain=DOMAIN,
    quick_precision=1.15,
    title="Lognormal limit",
    formula=r"\log R,\ \log R^* \to N\bigl(\kappa(1-2/d),\,4\kappa/d\bigr)",
    source="Derived",
    sharpens=("P3",),
    derivation="log of one multiplier is 2 a u + a^2 (|V g|^2 - 2 u^2) + O(a^3) with u the component along h: mean a^2 "
    "kappa (1 - 2/d), variance 4 a^2 kappa / d. Martingale central limit theorem over L layers. Only the first two "
    "moments of V g given g enter, and for res-3 that half of (W h)_i^2 is kept: independent entries are not needed "
    "(orthogonal matrices map g to a uniform direction of the same length), nor is symmetry of V (skewness costs "
    "L^(-1/2)); symmetry of W is (E15). A kurtosis moves mean and variance at order 1/(d L).",
    hypotheses="Centred, uncorrelated weights of finite variance, independent from layer to layer, W symmetric; linear "
    "or res-3 branch.",
)
def lognormal_limit(profile: Profile) -> Iterator[Check]:
    r"""At $\beta = 1/2$ both $\log R$ and $\log R^*$ tend in law to a normal variable of mean $\kappa(1-2/d)$ and
    variance $4\kappa/d$, for every symmetric weight law of finite variance.
    """
    for branch, law in COMBINATIONS:
        deep = network(branch, law, width=20, depth=128 * profile.depth, gradients=True)
        multiplier, *_ = layer = one_layer(deep)
        limit = limits.lognormal_limit(multiplier)
        mean, sigma = limit.mean, math.sqrt(limit.variance)
        proven = law == "gaussian"
        remainder = distance_from_normal(finite_depth_law(*layer), limit) if proven else 0.0
        yield from limit_checks(deep, profile.precision, PROVEN if proven else LIMIT, remainder)
        yield check(
            f"{label(deep)}-location", deep, r"median of $\log R$", median(LOG_NORM_RATIO, limit), mean,
            margin=0.2 * sigma * profile.precision, basis=LIMIT,
            wrong={
                "twice the drift": 2.0 * mean,
                "drift kappa, without the width correction": multiplier.kappa,
                "no drift": 0.0,
            },
        )  # fmt: skip
        half = Spread(0.5 * LOG_NORM_RATIO, _SIGMA_PROBABILITIES, Normal(mean / 2.0, limit.variance / 4.0))
        yield check(
            f"{label(deep)}-scale", deep,
            r"half the distance between the quantiles of $\log R$ at one standard deviation", half, sigma,
            margin=0.2 * sigma * profile.precision, basis=LIMIT,
            wrong={"twice the variance": math.sqrt(2.0) * sigma},
        )  # fmt: skip

    for admissible in ADMISSIBLE:
        yield from law_checks(network_of(admissible, capped(profile)), capped(profile))
    yield from fine_checks(profile)


def law_checks(deep: Cell, profile: Profile, prefix: str = "") -> Iterator[Check]:
    """Compare log R and log R* with the lognormal limit of the weights' variance; their law is not looked at."""
    multiplier, *_ = gaussian_layer(deep)
    limit = limits.lognormal_limit(multiplier)
    pytorch = 1.0 / 9.0 if multiplier.has_inner else 1.0 / 3.0
    other = replace(multiplier, gain=pytorch if multiplier.gain == 1.0 else 1.0)
    basis = Basis(
        "limit law; for this weight law the error at finite depth, of order 1/L or, for skewed entries, L^(-1/2), has "
        "no proven constant; beyond the standard profile neither depth nor margin changes, because these entries are "
        "up to a hundred times slower to draw",
        allowance=0.3,
    )
    for name, observable, symbol in _FORWARD_AND_BACKWARD:
        yield check(
            f"{label(deep)}-{prefix}{name}", deep,
            rf"Kolmogorov distance between $\log {symbol}$ and $N(\kappa(1-2/d),\,4\kappa/d)$",
            Distance(observable, limit), margin=margin(profile), basis=basis,
            wrong={
                "six times the variance": Normal(limit.mean, 6.0 * limit.variance),
                "a sixth of the variance": Normal(limit.mean, limit.variance / 6.0),
                "PyTorch's variance in place of unit variance, or the reverse": limits.lognormal_limit(other),
            },
        )  # fmt: skip


def fine_checks(profile: Profile) -> Iterator[Check]:
    """Compare location and scale to half a per cent of the median and two per cent of the variance.

    Linear branches, whose deviation is smallest in units of the mean, at width 40; weights that take less than two
    nanoseconds an entry, and Gaussian ones at ten thousand layers. Gaussian weights have the exact law of log R at this
    depth. The others have it up to their kurtosis, which moves mean and variance by (q - 3)/(d L) and less, derived in
    :mod:`theory_check.theory.entry_laws`; what is left is of order 1/L^2. That, and the part of the kurtosis in the
    difference of mean and median, is below a twentieth of the margins.
    """
    d, precision = 40, profile.precision
    basis = Basis(
        "0.5% of the location and 2% of the variance at the standard profile and beyond, ten times that at quick (for "
        "ten thousand layers twice that at standard, all of it at nightly); the finite-depth target is exact for "
        "Gaussian weights, and corrected for the kurtosis of the others to order 1/L^2",
        allowance=0.05,
    )
    # The sample for half a per cent takes minutes a law; quick is ten times coarser.
    coarse, coarse_deep = (10.0, 16.0) if precision > 0.4 else (1.0, 2.0 if precision > 0.2 else 1.0)
    laws = ("gaussian", "uniform", "rademacher", "triangular", "ternary")
    for law, layers, suffix, factor in (
        *((law, 200, "", coarse) for law in laws),
        ("gaussian", 10_000 * min(profile.depth, 4) // 4, "-deep", coarse_deep),
    ):
        deep = network("linear", law, width=d, depth=layers)
        multiplier, a, depth = one_layer(deep)
        exact = finite_depth_law(multiplier, a, depth)
        correction = kurtosis_correction(multiplier, deep.weights.kurtosis - 3.0, a, depth)
        middle, variance = float(exact.quantile(0.5)), exact.variance + correction.variance
        location = middle + correction.mean
        yield check(
            f"{label(deep)}{suffix}-fine-location", deep, r"median of $\log R$",
            median(LOG_NORM_RATIO, Normal(location, variance)), location,
            margin=0.005 * factor * location, basis=basis, miss_rate=1e-5,
            wrong={
                "twice the drift": 2.0 * location,
                "no Ito term: drift kappa": location / (1.0 - 2.0 / d),
                "half the Ito term: drift kappa (1 - 1/d)": location * (1.0 - 1.0 / d) / (1.0 - 2.0 / d),
            },
        )  # fmt: skip
        # The probability of 1.5 deviations on either side decides on the deviation; 1.48 would be the best number.
        reach = 1.5 * math.sqrt(4.0 * multiplier.kappa / d)
        # A relative change of the deviation scales the interval the other way.
        stretched = reach / math.sqrt(variance / exact.variance)
        low, high = (float(p) for p in exact.cdf([middle - stretched, middle + stretched]))
        density = math.exp(-(1.5**2) / 2.0) / math.sqrt(2.0 * math.pi)
        yield check(
            f"{label(deep)}{suffix}-fine-scale", deep,
            rf"$\mathbb{{P}}(\vert\log R - {location:.4g}\vert \leq 1.5\sqrt{{4\kappa/d}})$",
            Probability(between(LOG_NORM_RATIO, location - reach, location + reach)), high - low,
            margin=2.0 * 1.5 * density * 0.01 * factor, basis=basis, miss_rate=1e-5,
            wrong={
                "half the variance": _within(0.5),
                "twice the variance": _within(2.0),
                "variance 4 kappa / (d + 2)": _within(d / (d + 2.0)),
                "variance (1 + 2/d) 4 kappa / d": _within(1.0 + 2.0 / d),
            },
        )  # fmt: skip


def _within(share: float) -> float:
    """Return the probability of 1.5 predicted deviations under a normal law of ``share`` times the variance."""
    low, high = (float(p) for p in Normal(0.0, share).cdf([-1.5, 1.5]))
    return high - low


def _networks(profile: Profile) -> dict[Experiment, int]:
    path = network("res-3", "uniform", width=40, depth=1000, recorded_depths=tuple(range(0, 1001, 10)))
    law = network("res-3", "rademacher", width=20, depth=128 * profile.depth, gradients=True)
    return {path: 256, law: 8192}


def _draw(samples: Samples) -> Picture:
    paths, laws = samples
    deep, times = laws.experiment.network, recorded_times(paths)
    drift, covariance = limits.norm_profile(one_layer(paths.experiment)[0], times)
    spread = 2.0 * np.sqrt(np.diag(covariance))
    lines = {"predicted mean": drift, "mean + 2 deviations": drift + spread, "mean - 2 deviations": drift - spread}
    curves = [Curve(name, times, line) for name, line in lines.items()]
    density = density_curve(r"$N(\kappa(1-2/d), 4\kappa/d)$", limits.lognormal_limit(one_layer(laws.experiment)[0]))
    return Picture(
        "diffusion",
        "Left: the log norm along the network is a Brownian motion with drift (res-3, uniform weights, width 40, depth "
        "1000; lines: predicted mean and two standard deviations). Middle and right: the laws at the output and, "
        f"backward, at the input (res-3, random signs, width {deep.width}, depth {deep.depth}).",
        (
            norm_paths("Log norm along the depth", paths, 48, *curves),
            HistogramPanel("Output norm", r"$\log R$", LOG_NORM_RATIO([laws]), (density,)),
            HistogramPanel("Gradient norm", r"$\log R^*$", LOG_GRADIENT_RATIO([laws]), (density,)),
        ),
    )


picture = Illustration(experiments=_networks, draw=_draw)
