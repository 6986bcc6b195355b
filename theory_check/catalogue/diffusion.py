"""The critical scaling beta = 1/2: a non-trivial random limit (P3, E4, E5, E12)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from theory_check.catalogue import universality
from theory_check.catalogue.active_coordinates import ACTIVE_COORDINATES
from theory_check.catalogue.exponents import critical_exponent
from theory_check.catalogue.fine_resolution import fine_checks
from theory_check.claims import observables as of
from theory_check.claims.claim import Check, Claim, Illustration, Profile, Regime, Variant
from theory_check.claims.estimators import (
    DistanceEstimator,
    Observable,
    ProportionEstimator,
    QuantileEstimator,
    SpreadEstimator,
)
from theory_check.claims.laws import LogNormal, Normal
from theory_check.claims.networks import (
    COMBINATIONS,
    SOURCE,
    cell,
    distance_from_normal,
    dominated_layer,
    label,
    one_layer,
)
from theory_check.experiments.cell import Cell, Sample
from theory_check.experiments.experiment import Experiment
from theory_check.findings.pictures import Curve, HistogramPanel, PathPanel, Picture
from theory_check.networks.branches import BranchName
from theory_check.theory import moments
from theory_check.theory.limits import lognormal_limit, norm_profile

_WIDTH = 20
_DEPTH = 128
_UNIVERSAL = "limit law; for this weight law the error at finite depth, of order 1/L, has no proven constant"
_PROVEN = "limit law; its exact distance from the law at this depth is the remainder"

#: Normal quantiles one standard deviation on either side of the median.
_SIGMA_PROBABILITIES = (0.158655253931457, 0.841344746068543)


def _limit(network: Cell) -> Normal:
    return Normal.of(lognormal_limit(one_layer(network)[0]))


def _law_check(network: Cell, name: str, observable: Observable, symbol: str, profile: Profile) -> Check:
    multiplier, a, depth = one_layer(network)
    law = _limit(network)
    proven = network.weights.law == "gaussian"
    remainder = distance_from_normal(multiplier, a, depth, law.mean, law.variance) if proven else 0.0
    other = Normal(law.mean * (2.0 if multiplier.kind == "res-3" else 0.5), law.variance)
    return Check(
        name=f"{label(network)}-{name}",
        experiments=(network,),
        quantity=f"Kolmogorov distance between $\\log {symbol}$ and $N(\\kappa(1-2/d),\\,4\\kappa/d)$",
        estimator=DistanceEstimator(observable, law),
        target=(0.0, 0.0),
        margin=0.05 * profile.precision,
        margin_reason=_PROVEN if proven else _UNIVERSAL,
        remainder=remainder,
        allowance=0.0 if proven else 0.3,
        variants=(
            Variant("drift of the other branch's kappa", estimator=DistanceEstimator(observable, other)),
            Variant(
                "a third of the variance",
                estimator=DistanceEstimator(observable, Normal(law.mean, law.variance / 3.0)),
            ),
            Variant(
                "three times the variance",
                estimator=DistanceEstimator(observable, Normal(law.mean, law.variance * 3.0)),
            ),
        ),
    )


def _location_check(network: Cell, profile: Profile) -> Check:
    law = _limit(network)
    uncorrected = law.mean / (1.0 - 2.0 / network.network.width)
    margin = 0.2 * math.sqrt(law.variance) * profile.precision
    return Check(
        name=f"{label(network)}-location",
        experiments=(network,),
        quantity="median of $\\log R$",
        estimator=QuantileEstimator(of.LOG_NORM_RATIO, 0.5, law),
        target=(law.mean, law.mean),
        margin=margin,
        margin_reason=_UNIVERSAL,
        allowance=0.3,
        variants=(
            Variant("twice the drift", (2.0 * law.mean, 2.0 * law.mean)),
            Variant("drift kappa, without the width correction", (uncorrected, uncorrected))
            if uncorrected - law.mean > 2.0 * margin
            else Variant("no drift", (0.0, 0.0)),
        ),
    )


def _scale_check(network: Cell, profile: Profile) -> Check:
    law = _limit(network)
    sigma = math.sqrt(law.variance)
    return Check(
        name=f"{label(network)}-scale",
        experiments=(network,),
        quantity="half the distance between the quantiles of $\\log R$ at one standard deviation",
        estimator=SpreadEstimator(
            of.Scaled("log_norm_ratio", 0.5), _SIGMA_PROBABILITIES, Normal(law.mean / 2, law.variance / 4)
        ),
        target=(sigma, sigma),
        margin=0.2 * sigma * profile.precision,
        margin_reason=_UNIVERSAL,
        allowance=0.3,
        variants=(Variant("twice the variance", (math.sqrt(2.0) * sigma,) * 2),),
    )


def _lognormal(profile: Profile) -> tuple[Check, ...]:
    checks = []
    for branch, law in COMBINATIONS:
        network = cell(branch, law, _WIDTH, _DEPTH * profile.depth, 0.5, gradients=True)
        checks.append(_law_check(network, "norm-law", of.LOG_NORM_RATIO, "R", profile))
        checks.append(_law_check(network, "gradient-law", of.LOG_GRADIENT_RATIO, "R^*", profile))
        checks.append(_location_check(network, profile))
        checks.append(_scale_check(network, profile))
    return (*checks, *universality.limit_checks(profile), *fine_checks(profile))


def _quarters(depth: int) -> tuple[int, ...]:
    return tuple(depth * quarter // 4 for quarter in range(5))


def _profiles(profile: Profile) -> tuple[Check, ...]:
    checks = []
    depth = _DEPTH * profile.depth
    for branch, law in COMBINATIONS:
        network = cell(branch, law, _WIDTH, depth, 0.5, gradients=True, recorded_depths=_quarters(depth))
        unit = _limit(network)
        quarter = Normal(unit.mean / 4.0, unit.variance / 4.0)
        upper = [of.Between(of.ProfileIncrement(i, i + 1), lower=quarter.mean) for i in (1, 2)]
        increment = of.ProfileIncrement(1, 2)
        checks.append(
            Check(
                name=f"{label(network)}-increment",
                experiments=(network,),
                quantity="Kolmogorov distance between the increment of $\\log\\Vert h_{tL}\\Vert^2$ over the second "
                "quarter and $N(\\kappa(1-2/d)/4,\\,\\kappa/d)$",
                estimator=DistanceEstimator(increment, quarter),
                target=(0.0, 0.0),
                margin=0.05 * profile.precision,
                margin_reason=_UNIVERSAL,
                allowance=0.3,
                variants=(
                    Variant(
                        "deviations grow like time: one random slope for the whole path",
                        estimator=DistanceEstimator(increment, Normal(quarter.mean, unit.variance / 16.0)),
                    ),
                    Variant("no drift", estimator=DistanceEstimator(increment, Normal(0.0, quarter.variance)))
                    if quarter.mean / math.sqrt(quarter.variance) > 0.6
                    else Variant("four times the drift", estimator=DistanceEstimator(increment, unit)),
                ),
            )
        )
        checks.append(
            Check(
                name=f"{label(network)}-independence",
                experiments=(network,),
                quantity="probability that the increments over the second and third quarter both exceed their "
                "predicted median",
                estimator=ProportionEstimator(of.Both(upper[0], upper[1])),
                target=(0.25, 0.25),
                margin=0.04 * profile.precision,
                margin_reason=_UNIVERSAL,
                allowance=0.3,
                variants=(
                    Variant("the increments rise and fall together", (0.5, 0.5)),
                    Variant("correlation 1/2: 1/4 + asin(1/2)/(2 pi)", (1.0 / 3.0, 1.0 / 3.0)),
                ),
            )
        )
    return tuple(checks)


#: Networks whose critical exponent is located: two depths at each of four exponents.
_LOCATED: tuple[tuple[BranchName, str], ...] = (
    ("linear", "gaussian"),
    ("res-3", "gaussian"),
    ("linear", "uniform"),
    ("res-3", "rademacher"),
)


def _bounds(profile: Profile) -> tuple[Check, ...]:
    """Check Chebyshev's bounds E D +- sd(D)/sqrt(delta); at this width the lower one is positive."""
    delta = 0.05
    checks = []
    for branch, law in COMBINATIONS:
        network = cell(branch, law, 128, 100 * profile.depth, 0.5)
        layer = dominated_layer(network)
        mean = moments.mean_displacement(*layer)
        variance = moments.displacement_variance(*layer)
        deviation = math.sqrt(variance / delta)
        lower, upper = mean - deviation, mean + deviation
        # Where one network in ten lies on either side, by the lognormal law of the same mean and variance.
        left, right = (float(q) for q in LogNormal.of_moments(mean, variance).quantile(np.array([0.1, 0.9])))
        checks.append(
            Check(
                name=label(network),
                experiments=(network,),
                quantity=f"$\\mathbb{{P}}({lower:.3g} \\leq D \\leq {upper:.3g})$",
                estimator=ProportionEstimator(of.Between(of.DISPLACEMENT, lower, upper), truth=0.985, exact=True),
                target=(1.0 - delta, 1.0),
                margin=0.03 * profile.precision,
                margin_reason="the bounds are exact at this depth; the margin is the resolution that the profile pays "
                "for",
                exact=True,
                variants=(
                    *universality.outside(lower, upper),
                    Variant(
                        f"the same probability for {left:.3g} <= D <= {right:.3g}, which one network in five leaves",
                        estimator=ProportionEstimator(of.Between(of.DISPLACEMENT, left, right)),
                    ),
                ),
            )
        )
    checks += [critical_exponent(profile, branch, law) for branch, law in _LOCATED]
    return (*checks, *universality.bounds_checks(profile))


def _pictured(profile: Profile) -> dict[Experiment, int]:
    depth = _DEPTH * profile.depth
    path = cell("res-3", "uniform", 40, 1000, 0.5, recorded_depths=tuple(range(0, 1001, 10)))
    law = cell("res-3", "rademacher", _WIDTH, depth, 0.5, gradients=True)
    return {path: 256, law: 8192}


def _picture(samples: Sequence[Sample]) -> Picture:
    paths, laws = samples
    multiplier = one_layer(paths.experiment)[0]
    times = np.array(paths.experiment.recorded_depths) / paths.experiment.network.depth
    drift, covariance = norm_profile(multiplier, times)
    spread = 2.0 * np.sqrt(np.diag(covariance))
    normal = _limit(laws.experiment)
    x = np.linspace(float(normal.quantile(1e-4)), float(normal.quantile(1.0 - 1e-4)), 300)
    density = Curve("$N(\\kappa(1-2/d), 4\\kappa/d)$", x, normal.density(x))
    return Picture(
        "diffusion",
        "Left: the log norm along the network is a Brownian motion with drift (res-3, uniform weights, width 40, "
        "depth 1000; "
        "lines: predicted mean and two standard deviations). Middle and right: the laws at the output and, backward, "
        "at the "
        f"input (res-3, random signs, width {laws.experiment.network.width}, depth {laws.experiment.network.depth}).",
        (
            PathPanel(
                "Log norm along the depth",
                "$k / L$",
                "$\\log(\\Vert h_k\\Vert^2 / \\Vert h_0\\Vert^2)$",
                times,
                paths.column("norm_profile")[:48],
                (
                    Curve("predicted mean", times, drift),
                    Curve("mean + 2 deviations", times, drift + spread),
                    Curve("mean - 2 deviations", times, drift - spread),
                ),
            ),
            HistogramPanel("Output norm", "$\\log R$", laws.column("log_norm_ratio"), (density,)),
            HistogramPanel("Gradient norm", "$\\log R^*$", laws.column("log_gradient_ratio"), (density,)),
        ),
    )


DIFFUSION = Regime(
    name="diffusion",
    title="Diffusion: beta equal to 1/2",
    text=(
        "At the critical scaling the output neither stays at the input nor explodes: the squared norm tends in law to "
        "a lognormal variable, along the depth to a geometric Brownian motion, and the weight law enters only through "
        "its variance."
    ),
    formula="\\log R \\;\\xrightarrow{\\ \\text{law}\\ }\\; N\\Bigl(\\kappa\\bigl(1-\\tfrac2d\\bigr),\\ "
    "\\tfrac{4\\kappa}{d}\\Bigr)",
    claims=(
        Claim(
            id="P3",
            quick_precision=2.0,
            title="Non-trivial limit at the critical scaling",
            statement=(
                "At $\\beta = 1/2$ the displacement stays between two positive bounds with probability at least "
                "$1-\\delta$, and 1/2 is the only exponent at which it neither vanishes nor explodes."
            ),
            formula="\\mathbb{P}(c_\\delta \\leq D \\leq C_\\delta) \\geq 1-\\delta",
            source=SOURCE,
            derivation=(
                "Bounds from the exact mean and variance of D at this depth by Chebyshev's inequality, E D +- "
                "sd(D)/sqrt(delta); the Gaussian variance bounds that of every law of kurtosis at most 3. For other "
                "laws Markov's inequality bounds D from above, and from below D < eps^2 would force R near 1, where "
                "the limit law puts little. The critical exponent: at beta = 1/2 the law of D is that of E4 at depths "
                "L and 16 L, up to O(1/L); below, the median of log D grows with the depth, above, it decreases, and "
                "its signs at exponents on either side bracket the zero."
            ),
            hypotheses="Symmetric independent weights of kurtosis at most 3, or of finite variance with the wider "
            "bounds; orthogonal weights; linear or res-3 branch.",
            checks=_bounds,
        ),
        Claim(
            id="E4",
            quick_precision=1.15,
            title="Lognormal limit",
            statement=(
                "At $\\beta = 1/2$ both $\\log R$ and $\\log R^*$ tend in law to a normal variable of mean "
                "$\\kappa(1-2/d)$ and variance $4\\kappa/d$, for every symmetric weight law of finite variance."
            ),
            formula="\\log R,\\ \\log R^* \\to N\\bigl(\\kappa(1-2/d),\\,4\\kappa/d\\bigr)",
            source="Derived; sharpens P3",
            derivation=(
                "log of one multiplier is 2 a u + a^2 (|V g|^2 - 2 u^2) + O(a^3) with u the component along h: mean "
                "a^2 kappa (1 - 2/d), variance 4 a^2 kappa / d. Martingale central limit theorem over L layers. Only "
                "the first two moments of V g given g enter, and for res-3 that half of (W h)_i^2 is kept: independent "
                "entries are not needed (orthogonal matrices map g to a uniform direction of the same length), nor "
                "is symmetry of V (skewness costs L^(-1/2)); symmetry of W is (E15). A kurtosis moves mean and "
                "variance at order 1/(d L)."
            ),
            hypotheses="Centred, uncorrelated weights of finite variance, independent from layer to layer, W "
            "symmetric; linear or res-3 branch.",
            checks=_lognormal,
        ),
        Claim(
            id="E5",
            quick_precision=1.1,
            title="Brownian profile",
            statement=(
                "At $\\beta = 1/2$ the log norm along the depth tends to a Brownian motion with drift: increments "
                "over disjoint stretches are independent and normal."
            ),
            formula="\\log\\frac{\\Vert h_{tL}\\Vert^2}{\\Vert h_0\\Vert^2} \\to \\kappa\\bigl(1-\\tfrac2d\\bigr)t + "
            "\\sqrt{\\tfrac{4\\kappa}{d}}\\,B_t",
            source="Derived",
            derivation="The sums of E4 over disjoint stretches of layers; functional central limit theorem.",
            hypotheses="As E4.",
            checks=_profiles,
        ),
        ACTIVE_COORDINATES,
    ),
    illustrations=(Illustration(experiments=_pictured, draw=_picture),),
)
