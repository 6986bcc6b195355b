"""The critical scaling beta = 1/2: log R and log R* are normal in the limit (E4)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
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
from theory_check.claims.checks import heavier, higher
from theory_check.claims.domains import (
    CLOSED_BRANCH,
    CRITICAL,
    GAUSSIAN,
    LAYERS,
    LINEAR_OR_RECTIFIER,
    NO_TIES,
    SYMMETRIC,
    least_depth,
)
from theory_check.claims.estimators import Distance, Mean, Spread, median
from theory_check.claims.networks import (
    BRANCHES,
    COMBINATIONS,
    controlled_logarithm,
    distance_from_normal,
    finite_depth_law,
    label,
    layer_law,
    one_layer,
)
from theory_check.claims.observables import (
    CONTROLLED_LOG_RATIO,
    LOG_GRADIENT_RATIO,
    LOG_NORM_RATIO,
    SECOND_ORDER_CONTROL,
    SQUARE_CONTROL,
    Samples,
    controlled_square,
)
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

#: Weights of the finest points: less than two nanoseconds an entry.
_FINE = ("gaussian", "uniform", "rademacher", "triangular", "ternary")

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
            sized={"weights of {:.0%} more variance": partial(heavier, limit)},
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
    seen = deep if NO_TIES.holds(deep) else replace(deep, gradients=False)
    return limit_checks(seen, precision, _FINITE_DEPTH, finite_depth_distance(deep))


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
    "L^(-1/2)); symmetry of W is (E15). A kurtosis moves mean and variance at order 1/(d L). The finest points take "
    "the martingales 2 a u, a^2 (|V g|^2 - kappa) and 4 a^2 (u^2 - kappa/d), whose means are 0, off log R.",
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
            sized={"weights of {:.0%} more variance": higher(mean, mean)},
        )  # fmt: skip
        half = Spread(0.5 * LOG_NORM_RATIO, _SIGMA_PROBABILITIES, Normal(mean / 2.0, limit.variance / 4.0))
        yield check(
            f"{label(deep)}-scale", deep,
            r"half the distance between the quantiles of $\log R$ at one standard deviation", half, sigma,
            # Half of the effect of twice the variance at the quick profile.
            margin=0.178 * sigma * profile.precision, basis=LIMIT,
            wrong={"twice the variance": math.sqrt(2.0) * sigma},
            sized={"{:.0%} more deviation": higher(sigma, sigma)},
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
            sized={"weights of {:.0%} more variance": partial(heavier, limit)},
        )  # fmt: skip


def fine_checks(profile: Profile) -> Iterator[Check]:
    """Compare mean and variance at width 40 with the values at finite depth, by control variates.

    The martingales of :mod:`theory_check.kernels.controls` leave a millionth of the variance of log R at depth 1000, so
    that hundreds of networks tell its mean to less than its finite-depth term. Gaussian weights have the exact law of
    log R; the others have it up to their kurtosis, with a proven remainder. What is left does not see, to first order,
    whether the weights have the variance that they should, which moves log R and its controls alike: points of their
    own test on the same networks that the controls have mean 0, as finely as the medians and quantiles could.
    """
    for law, layers, suffix in (*((law, 200, "") for law in _FINE), ("gaussian", 10_000, "-deep")):
        deep = network("linear", law, width=40, depth=layers)
        location = controlled_logarithm(deep).mean.value
        # Half of the term of finite depth, but where a large kurtosis leaves no time or the depth no term.
        fine = 0.0025 if suffix or deep.weights.kurtosis > 3.0 else 0.00096
        yield _location_check(f"{label(deep)}{suffix}-fine-location", deep, fine * profile.precision * location)
        finest = max(0.01 * profile.precision, 0.004)
        yield _control_check(f"{label(deep)}{suffix}-fine-location-control", deep, finest)
        yield _scale_check(f"{label(deep)}{suffix}-fine-scale", deep, max(0.05 * profile.precision, 0.02))
        yield _square_check(f"{label(deep)}{suffix}-fine-scale-control", deep, max(0.05 * profile.precision, 0.02))
    for branch in BRANCHES:
        for law in _FINE:
            deep = network(branch, law, width=40, depth=1000)
            # Two thousand networks at most: large entries cost the bound on the variance more than the variance.
            finest = 1.0 if deep.weights.kurtosis > 3.0 else min(max(profile.precision, 0.25), 1.0)
            margin = 0.00041 * finest * layer_law(deep).kappa
            yield _location_check(f"{label(deep)}-depth1000-location", deep, margin)
            yield _control_check(
                f"{label(deep)}-depth1000-location-control", deep, max(0.01 * profile.precision, 0.004)
            )


def _fine_basis(deep: Cell) -> Basis:
    beyond = controlled_logarithm(deep).halving_probability
    return Basis(
        "the value at this depth is exact for Gaussian weights; for the others it has the kurtosis term, and the "
        r"remainder bounds the rest. Each layer counts as at least a halving of the squared norm, $\log\max(M, 1/2)$, "
        f"which changes $\\log R$ with probability below {max(beyond, 1e-12):.0e}: where $h_L = 0$ can happen, "
        r"$\mathbb{E}\log R$ does not exist"
    )


def _location_check(name: str, deep: Cell, margin: float) -> Check:
    law, multiplier = controlled_logarithm(deep), layer_law(deep)
    d, kappa = multiplier.width, multiplier.kappa
    limit = limits.lognormal_limit(multiplier)
    return check(
        name, deep, r"mean of $\log R$, layers floored at 1/2", Mean(CONTROLLED_LOG_RATIO, law.controlled_variance),
        law.mean.value, margin=margin, basis=_fine_basis(deep), remainder=law.mean.error,
        wrong={
            "twice the drift": 2.0 * limit.mean,
            "no Ito term: drift kappa": kappa,
            "half the Ito term: drift kappa (1 - 1/d)": kappa * (1.0 - 1.0 / d),
            "Ito term of variance 4 kappa / (d + 2)": kappa * (1.0 - 2.0 / (d + 2.0)),
            "the limit, without the term of finite depth": limit.mean,
            "the term of finite depth of a quarter of the layers": 4.0 * law.mean.value - 3.0 * limit.mean,
        },
        sized={"drift {:.1%} larger": lambda more: (1.0 + more) * law.mean.value},
    )  # fmt: skip


def _control_check(name: str, deep: Cell, relative: float) -> Check:
    drift = limits.lognormal_limit(layer_law(deep)).mean
    second = Mean(SECOND_ORDER_CONTROL, controlled_logarithm(deep).second_order_variance)
    quantity = r"mean of $\sum_k a^2(\Vert Vg\Vert^2 - \kappa) - 2 a^2(u^2 - \kappa/d)$, taken off $\log R$"
    return check(
        name, deep, quantity, second, 0.0, margin=relative * drift,
        wrong={
            "entries of 1% more variance": 0.01 * drift,
            "entries of 3% less variance": -0.03 * drift,
            "no term of u^2": 2.0 * layer_law(deep).kappa / deep.network.width,
        },
    )  # fmt: skip


def _square_check(name: str, deep: Cell, relative: float) -> Check:
    variance = limits.lognormal_limit(layer_law(deep)).variance
    square = Mean(SQUARE_CONTROL, controlled_logarithm(deep).square_variance)
    quantity = r"mean of $\sum_k 4 a^2(u^2 - \kappa/d)$, taken off the square of $\log R$"
    return check(
        name, deep, quantity, square, 0.0, margin=relative * variance,
        wrong={
            "entries of 5% more variance": 0.05 * variance,
            "components along h of variance kappa / (d + 2)": -2.0 / (deep.network.width + 2.0) * variance,
        },
        sized={"entries of {:.0%} more variance": lambda more: more * variance},
    )  # fmt: skip


def _scale_check(name: str, deep: Cell, relative: float) -> Check:
    law, multiplier = controlled_logarithm(deep), layer_law(deep)
    d, variance = multiplier.width, limits.lognormal_limit(multiplier).variance
    # The first control has the variance of the limit, exactly: sum 4 a_k^2 kappa / d with sum a_k^2 = 1.
    # Nine digits of the centre are the same with every version of the libraries; the square of the rest is nothing.
    square = Mean(controlled_square(round(law.mean.value, 9), variance), law.controlled_square_variance)
    return check(
        name, deep, r"variance of $\log R$ about its predicted mean, layers floored at 1/2", square,
        law.variance.value, margin=relative * law.variance.value - law.variance.error, basis=_fine_basis(deep),
        remainder=law.variance.error,
        wrong={
            "half the variance": 0.5 * variance,
            "twice the variance": 2.0 * variance,
            "variance 4 kappa / (d + 2)": variance * d / (d + 2.0),
            "variance (1 + 2/d) 4 kappa / d": variance * (1.0 + 2.0 / d),
        },
        sized={"variance {:.0%} larger": lambda more: (1.0 + more) * law.variance.value},
    )  # fmt: skip


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
