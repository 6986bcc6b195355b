"""Weights that are smooth across layers: the critical scaling is 1 (P8)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from theory_check.catalogue.gaussian_paths import ERROR_WIDTH, GAUSSIAN_PATHS, WIDTH, displacement_check, networks
from theory_check.claims.bands import band
from theory_check.claims.claim import Check, Claim, Correction, Illustration, Profile, Regime, Variant
from theory_check.claims.estimators import ProportionEstimator
from theory_check.claims.laws import Normal, ScaledChiSquare
from theory_check.claims.localisation import BracketEstimator
from theory_check.claims.networks import SOURCE
from theory_check.claims.observables import Between
from theory_check.claims.rates import EveryLevel, LevelValues, PathSlopes
from theory_check.experiments.experiment import Experiment, Sample
from theory_check.findings.pictures import Curve, Picture, RatePanel
from theory_check.inference.intervals import quantile_interval
from theory_check.networks.path_laws import PathLaw
from theory_check.theory.euler_error import wide_displacement
from theory_check.theory.infinite_width import WideBranch, WideBranchName
from theory_check.theory.limits import SMOOTH_CRITICAL_EXPONENT as CRITICAL_EXPONENT
from theory_check.theory.orders import rough_path_order

_BRANCHES: tuple[WideBranchName, ...] = ("linear", "res-1", "res-3")
_PATH = "smooth:length=0.1"
_EXPLOSIVE_WIDTH = 12
_EVERYWHERE = "explodes at every width"


@cache
def _fourth_root_of_mean(branch: WideBranchName, beta: float, depth: int) -> float:
    """Logarithm of (E D)^(1/4) at infinite width."""
    return 0.25 * wide_displacement(WideBranch(branch), PathLaw.parse(_PATH).correlation, beta, depth)


def _regimes(profile: Profile) -> list[Check]:
    """Slopes of log sqrt(D): 1 - beta above 1, none at 1."""
    return [
        displacement_check(
            profile, f"{branch}-beta{beta:g}-slope", branch, 64 * profile.depth, beta, _PATH, allowance=0.3
        )
        for branch in _BRANCHES
        for beta in (1.25, 1.5, 2.0, 1.0)
    ]


@dataclass(frozen=True)
class _SlopeLaws:
    """Law of a path's slope at any beta near 1, for planning; ``noise`` is its deviation at beta = 1."""

    noise: float

    def __call__(self, beta: float) -> Normal:
        excess = beta - CRITICAL_EXPONENT
        return Normal(-excess, (0.2 * abs(excess) + self.noise) ** 2)


def _critical(profile: Profile) -> list[Check]:
    depth = 64 * profile.depth
    margin = 0.05 * profile.precision
    betas = tuple(CRITICAL_EXPONENT + step * margin for step in (-1.3, -0.7, 0.7, 1.3))
    checks = []
    # The noise of a slope is 0.4/L: it falls faster with the profile than the margin, with which it is planned.
    for branch in _BRANCHES:
        estimator = BracketEstimator(PathSlopes(len(betas)), betas, _SlopeLaws(0.4 / 64 * profile.precision))
        checks.append(
            Check(
                name=f"{branch}-critical",
                experiments=tuple(networks(branch, WIDTH, depth, beta, _PATH) for beta in betas),
                quantity="the $\\beta$ at which the median of the slope of $\\log\\sqrt D$ between $L$ and $4L$ is "
                "zero",
                estimator=estimator,
                target=(CRITICAL_EXPONENT, CRITICAL_EXPONENT),
                margin=margin,
                margin_reason="the slope at beta = 1 is of order 1/L, and its median smaller: far below the slopes at "
                "the nearest exponents that are tried",
                variants=(
                    Variant("critical exponent 1/2, as for independent weights", (0.5, 0.5)),
                    Variant("critical exponent 3/4", (0.75, 0.75)),
                ),
            )
        )
    return checks


def _bounds(branch: WideBranchName, width: int, depth: int) -> tuple[float, float]:
    """Bounds of D at beta = 1, each left with a probability of at most 1/40 at any of three depths.

    Upper: sqrt(D) <= exp(mean ||V_k|| ||W_k||) - 1. Each root mean square of ||V_k|| over the layers is a Lipschitz
    function of Gaussian entries with the constant d^(-1/2), of mean at most sqrt(4 + 1/d), so that it exceeds that by
    t / sqrt(d) with probability at most exp(-t^2/2); three times for three depths, twice for the two matrices of
    res-3, where the bound is wide. Lower: half the 1/40-quantile of what the branches add up to when they all read the
    input, kappa v chi2_d / d; no theorem, and for that the check is there.
    """
    matrices = 2 if branch == "res-3" else 1
    reach = math.sqrt(4.0 + 1.0 / width) + math.sqrt(2.0 * math.log(3 * 40.0 * matrices) / width)
    lags = np.arange(depth) / depth
    rho = PathLaw.parse(_PATH).correlation(np.subtract.outer(lags, lags))
    kappa = WideBranch(branch).kappa
    # The branch of res-3 has the correlation of its inner weights too: at least that of independent ones, 1/pi.
    small = ScaledChiSquare(width, float(np.mean(rho)) * (kappa if branch == "linear" else 1.0 / math.pi), root=True)
    return (0.5 * float(small.quantile(1.0 / 40.0))) ** 2, math.expm1(reach**matrices) ** 2


def _non_trivial() -> list[Check]:
    checks = []
    branches: tuple[WideBranchName, ...] = ("linear", "res-3")
    for branch in branches:
        experiment = networks(branch, WIDTH, 64, 1.0, _PATH)
        low, high = _bounds(branch, WIDTH, 64)
        inside = EveryLevel("log_displacement", 0.5 * math.log(low), 0.5 * math.log(high))
        checks.append(
            Check(
                name=f"{branch}-bounds",
                experiments=(experiment,),
                quantity=f"$\\mathbb{{P}}({low:.2g} \\leq D \\leq {high:.3g}\\text{{ at depths }}L, 2L, 4L)$",
                estimator=ProportionEstimator(inside, truth=0.99),
                target=(0.95, 1.0),
                margin=0.2,
                margin_reason="each bound is left with a probability of at most 1/40; the margin tells nearly always "
                "from three times in four, whatever the profile",
                variants=(
                    Variant(
                        "identity",
                        estimator=ProportionEstimator(EveryLevel("log_displacement", upper=math.log(low) / 2)),
                    ),
                    Variant(
                        "explosion",
                        estimator=ProportionEstimator(EveryLevel("log_displacement", lower=math.log(high) / 2)),
                    ),
                ),
            )
        )
    return checks


def _explosion(profile: Profile) -> list[Check]:
    depth, beta = 64 * profile.depth, 0.5
    checks = []
    for branch in _BRANCHES:
        experiment = networks(branch, _EXPLOSIVE_WIDTH, depth, beta, _PATH)
        level = _fourth_root_of_mean(branch, beta, experiment.depths[-1])
        beyond = Between(LevelValues("log_displacement", -1, 2.0), lower=level)
        checks.append(
            Check(
                name=f"{branch}-d{_EXPLOSIVE_WIDTH}-explodes",
                experiments=(experiment,),
                quantity=f"$\\mathbb{{P}}(D \\geq e^{{{level:.3g}}})$ at $\\beta = 1/2$, the fourth root of "
                "$\\mathbb{E}\\,D$ at infinite width",
                estimator=ProportionEstimator(beyond, truth=0.995),
                target=(0.95, 1.0),
                margin=0.2,
                margin_reason="log D is about half its value at infinite width and fluctuates by a tenth of it; the "
                "bound, a quarter of it, tends to infinity like sqrt(L); the margin tells nearly always from three "
                "times in four",
                variants=(
                    Variant(
                        "non-trivial limit: D below that bound",
                        estimator=ProportionEstimator(Between(LevelValues("log_displacement", -1, 2.0), upper=level)),
                    ),
                ),
            )
        )
    return checks


def _scalar_explosion(depth: int, beta: float, bound: float) -> float:
    """P(D >= bound) of a linear network of width 1, bound >= 1, to O(1/L) at beta = 1/2.

    Factors 1 + a V_k are positive but for deviates beyond 1/a: h_L/h_0 >= 1 + sqrt(bound) is meant. Its logarithm is
    S - a^2/2 sum V_k^2 + O(a^2 S), S = a sum V_k normal. With C the covariance of the V_k, 1 the vector of ones and q =
    |C 1|^2 / 1'C1, the second sum is tr C - q + q S^2 / Var S in mean, given S.
    """
    from scipy.special import ndtr

    a = float(depth) ** -beta
    times = np.arange(depth) / depth
    sums = np.sum(PathLaw.parse(_PATH).correlation(np.subtract.outer(times, times)), axis=0)
    variance, shared = a * a * float(np.sum(sums)), float(np.sum(sums**2) / np.sum(sums))
    least = math.log1p(math.sqrt(bound))
    for _ in range(50):  # a contraction: the derivative is a^2 shared S / variance, of order a
        least = math.log1p(math.sqrt(bound)) + 0.5 * a * a * (depth + shared * (least * least / variance - 1.0))
    return float(ndtr(-least / math.sqrt(variance)))


def _narrow(profile: Profile) -> list[Check]:
    """Widths at which explosion is not almost sure."""
    depth, beta, bound = 256 * min(profile.depth, 4), 0.5, 4.0
    output = LevelValues("log_displacement", -1, 2.0)
    half = _scalar_explosion(depth, beta, bound)
    scalar = Check(
        name="linear-d1-explodes",
        experiments=(networks("linear", 1, depth, beta, _PATH, doublings=0),),
        quantity="$\\mathbb{P}(D \\geq 4)$ at $\\beta = 1/2$, width 1",
        estimator=ProportionEstimator(Between(output, lower=math.log(bound))),
        target=(half, half),
        margin=0.1 * max(profile.precision, 0.4),
        margin_reason="the prediction leaves out terms of order 1/L; the margin is the resolution that the profile "
        "pays for",
        allowance=0.1,
        variants=(Variant(_EVERYWHERE, (1.0, 1.0)), Variant("never explodes", (0.0, 0.0))),
    )
    checks = [scalar]
    unmoved: tuple[tuple[WideBranchName, float, float], ...] = (
        ("linear", 0.05, 0.075),
        ("res-1", 0.2, 0.35),
    )
    for branch, least, truth in unmoved:
        checks.append(
            Check(
                name=f"{branch}-d2-stays",
                experiments=(networks(branch, 2, depth, beta, _PATH, doublings=0),),
                quantity="$\\mathbb{P}(D < 4)$ at $\\beta = 1/2$, width 2",
                estimator=ProportionEstimator(Between(output, upper=math.log(bound)), truth=truth),
                target=(least, 1.0),
                margin=0.5 * least,
                margin_reason="found at depth 1024: 0.08 (linear) and 0.35 (res-1), to be told from 0; "
                "paths whose matrices contract all the way have one that does not depend on the depth",
                variants=(Variant(_EVERYWHERE, (0.0, 0.0)),),
            )
        )
    return checks


def _smooth(profile: Profile) -> tuple[Check, ...]:
    return (
        *_regimes(profile),
        *_critical(profile),
        *_non_trivial(),
        *_explosion(profile),
        *_narrow(profile),
    )


_PICTURE_BETAS = (1.5, 1.0, 0.75)
_PICTURE_WIDTH = 40
_PICTURE_PATHS = {"RBF": "smooth:length=0.5", "Matérn, $\\nu = 1/4$": "matern:nu=0.25,length=0.5"}


def _pictured(_profile: Profile) -> dict[Experiment, int]:
    displaced = [networks("res-3", _PICTURE_WIDTH, 8, beta, _PATH, doublings=5) for beta in _PICTURE_BETAS]
    paths = [networks("linear", ERROR_WIDTH, 8, 1.0, path, doublings=5) for path in _PICTURE_PATHS.values()]
    return {**dict.fromkeys(displaced, 64), **dict.fromkeys(paths, 128)}


def _picture(samples: Sequence[Sample[Any]]) -> Picture:
    displaced, paths = samples[: len(_PICTURE_BETAS)], samples[len(_PICTURE_BETAS) :]
    bands, curves = [], []
    for beta, sample in zip(_PICTURE_BETAS, displaced, strict=True):
        depths = np.array(sample.experiment.depths, dtype=np.float64)
        medians = [quantile_interval(np.exp(column), 0.5, alpha=0.01) for column in sample.column("log_displacement").T]
        correlation = sample.experiment.path.correlation
        logs = [wide_displacement(WideBranch("res-3"), correlation, beta, depth) for depth in sample.experiment.depths]
        bands.append(band(f"median, $\\beta = {beta:g}$", depths, medians))
        curves.append(Curve("infinite width", depths, np.exp(0.5 * np.array(logs))))
    errors, lines = [], []
    for name, sample in zip(_PICTURE_PATHS, paths, strict=True):
        values = sample.column("adjacent_error")
        depths = np.array(sample.experiment.depths[:-1], dtype=np.float64)
        order = rough_path_order(sample.experiment.path.smoothness)
        medians = [quantile_interval(column, 0.5, alpha=0.01) for column in values.T]
        errors.append(band(name, depths, medians))
        lines.append(Curve(f"slope {-order:g}", depths, medians[-1].estimate * (depths / depths[-1]) ** -order))
    return Picture(
        "smooth",
        f"Left: displacement of res-3 networks of width {_PICTURE_WIDTH} that read one smooth path of weights, against "
        "their depth, with the exact recursion of infinite width. Right: distance between linear networks of depths "
        "$L$ and $2L$ along a smooth and along a rough path. Medians with 99% intervals.",
        (
            RatePanel("Smooth weights", "depth $L$", "$\\sqrt{D}$", tuple(bands), tuple(curves)),
            RatePanel(
                "Error along a path",
                "depth $L$",
                "$\\Vert h^{(L)}-h^{(2L)}\\Vert/\\Vert h_0\\Vert$",
                tuple(errors),
                tuple(lines),
            ),
        ),
    )


SMOOTH = Regime(
    name="smooth",
    title="Smooth weights: the critical scaling is 1",
    text=(
        "Weights that change little from layer to layer add up like $L$, not like $\\sqrt L$: the critical exponent is "
        "1, and there the network is Euler's scheme of a differential equation. Networks of several depths read one "
        "path of weights, so that every path shows its own slope, almost without noise. Rough paths keep the regimes "
        "and lose the order."
    ),
    formula="\\sqrt D \\approx L^{1-\\beta}\\ (\\beta > 1),\\qquad \\Vert h^{(L)}-h^{(2L)}\\Vert \\approx "
    "L^{-\\min(1,\\,\\nu+1/2)}\\ (\\beta = 1)",
    claims=(
        Claim(
            id="P8",
            title="The trichotomy for smooth weights",
            statement=(
                "With weights that are values of a smooth Gaussian process, $\\beta > 1$ gives the identity at the "
                "rate $L^{1-\\beta}$, $\\beta = 1$ a displacement between two positive bounds that does not depend on "
                "the depth, and $\\beta < 1$ explosion with a probability that tends to 1 with the width; the critical "
                "exponent is 1."
            ),
            formula=(
                "\\log\\sqrt{D_{4L}}-\\log\\sqrt{D_L} = (1-\\beta)\\log 4 + O(L^{1-\\beta}) + O(1/L),\\ \\beta > 1"
            ),
            source=SOURCE,
            derivation=(
                "h_L - h_0 = T (1/L) sum V_k g(h_0) + T^2 (...), T = L^(1-beta): the first sum tends to an integral "
                "along the path, up to 1/L. Reversing the sign of V, or time, shows that both corrections of a path's "
                "slope are symmetric, so that its median is off by O(T^2) + O(L^-2) only. The targets are the slopes "
                "of the recursion of infinite width at the same depths. For beta < 1 the time T tends to infinity, "
                "along a path that is all but constant in units of T; a path whose matrices contract from beginning "
                "to end, for linear branches, has a probability that does not depend on the depth, is 1/2 at width 1 "
                "and decreases faster than exponentially with the width."
            ),
            hypotheses=(
                "Entries independent copies of a Gaussian process of correlation exp(-(s-t)^2/(2 l^2)), l = 0.1; "
                f"linear, res-1 and res-3 with ReLU; width {WIDTH}, and {_EXPLOSIVE_WIDTH} for the explosion at "
                "beta = 1/2."
            ),
            checks=_smooth,
            corrections=(
                Correction(
                    stated="Smooth weights and $\\beta < 1$: explosion, whatever the width.",
                    corrected="Explosion has a probability below 1 at every width, one half at width 1, that is close "
                    "to 1 from about width 10 on.",
                    variant=_EVERYWHERE,
                ),
            ),
        ),
        GAUSSIAN_PATHS,
    ),
    illustrations=(Illustration(experiments=_pictured, draw=_picture),),
)
