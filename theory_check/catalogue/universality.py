"""One statement, many weight laws: who obeys E1, E4 and P3, and who breaks them (checks of E1, E4, E15 and P3)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from theory_check.claims import observables as of
from theory_check.claims.claim import Check, Profile, Variant
from theory_check.claims.estimators import DistanceEstimator, MeanEstimator, Observable, ProportionEstimator
from theory_check.claims.laws import Normal
from theory_check.claims.networks import cell, label
from theory_check.experiments.cell import Cell
from theory_check.networks.branches import BranchName
from theory_check.networks.inputs import Input
from theory_check.theory.entry_laws import (
    exponential_kappa,
    norm_ratio_variance_bound,
    ones_shift,
    skewed_variance_bound,
)
from theory_check.theory.limits import lognormal_limit
from theory_check.theory.moments import mean_displacement, norm_ratio_moment, norm_ratio_variance
from theory_check.theory.multiplier import Multiplier

_DEPTH = 64
_UNIVERSAL = (
    "limit law; for this weight law the error at finite depth, of order 1/L or, for skewed entries, "
    "L^(-1/2), has no proven constant; beyond the "
    "standard profile neither depth nor margin changes, because these entries are up to a hundred times slower to draw"
)
_RESOLUTION = "the prediction is exact at this depth and width; the margin is the resolution that the profile pays for"


@dataclass(frozen=True)
class _Law:
    """A weight law with the branch and width of its network: narrow where entries are slow to draw."""

    weights: str
    branch: BranchName = "res-3"
    width: int = 6


#: Laws that meet the hypotheses of E1, E4 and P3, beyond the three of the common grid. Skewed entries do so only where
#: no activation sees them.
ADMISSIBLE: tuple[_Law, ...] = (
    _Law("triangular"),
    _Law("ternary"),
    _Law("truncated-normal"),
    _Law("laplace"),
    _Law("sparse"),
    _Law("student", width=4),
    _Law("orthogonal"),
    _Law("exponential", branch="linear"),
)

#: Initialisations whose last layer is zero, and which are therefore one law by four names.
ZERO_LAST = ("zero", "skipinit", "rezero", "fixup")

#: Share of networks that Markov's inequality lets exceed 20 E R, and that P3's bounds may leave out.
_MARKOV = 0.05
_DELTA = 0.1


def _capped(profile: Profile) -> Profile:
    """Return the profile, or standard where it is finer."""
    return replace(profile, precision=max(profile.precision, 0.4), depth=min(profile.depth, 4))


def _network(law: _Law, profile: Profile) -> Cell:
    return cell(law.branch, law.weights, law.width, _DEPTH * (1 if profile.depth == 1 else 2), 0.5, gradients=True)


def _margin(profile: Profile) -> float:
    return 0.1 if profile.name == "quick" else 0.05


def _multiplier(network: Cell) -> Multiplier:
    """Return the Gaussian one-layer law with the variance of the weights, whatever else their law is."""
    linear = network.network.branch.name == "linear"
    gain = network.weights.gain * (1.0 if linear else network.weights.inner.gain)
    return Multiplier(network.network.width, "linear" if linear else "res-3", gain=gain)


def _scaling(network: Cell) -> tuple[float, int]:
    depth = network.network.depth
    return network.network.scaling.factor(depth), depth


def law_check(network: Cell, name: str, observable: Observable, symbol: str, profile: Profile) -> Check:
    """Compare log R or log R* with the lognormal limit of the weights' variance."""
    multiplier = _multiplier(network)
    limit = lognormal_limit(multiplier)
    others = (
        ("six times the variance", Normal(limit.mean, 6.0 * limit.variance)),
        ("a sixth of the variance", Normal(limit.mean, limit.variance / 6.0)),
        ("PyTorch's variance in place of unit variance, or the reverse", _other_gain(multiplier)),
    )
    return Check(
        name=f"{label(network)}-{name}",
        experiments=(network,),
        quantity=f"Kolmogorov distance between $\\log {symbol}$ and $N(\\kappa(1-2/d),\\,4\\kappa/d)$",
        estimator=DistanceEstimator(observable, Normal.of(limit)),
        target=(0.0, 0.0),
        margin=_margin(profile),
        margin_reason=_UNIVERSAL,
        allowance=0.3,
        variants=tuple(Variant(words, estimator=DistanceEstimator(observable, law)) for words, law in others),
    )


def _other_gain(multiplier: Multiplier) -> Normal:
    share = 3.0 if multiplier.kind == "linear" else 9.0
    return Normal.of(lognormal_limit(replace(multiplier, gain=1.0 if multiplier.gain != 1.0 else 1.0 / share)))


def _variance_bound(network: Cell) -> float:
    weights, multiplier = network.weights, _multiplier(network)
    if weights.law == "orthogonal":
        # ||V g|| = ||g|| and E s^2 = (d + 5)/(4 (d + 2)): below the Gaussian moments.
        return norm_ratio_variance(multiplier, *_scaling(network))
    return norm_ratio_variance_bound(multiplier, weights.kurtosis, weights.skewness, *_scaling(network))


def _mean_check(network: Cell, profile: Profile) -> Check:
    target = norm_ratio_moment(_multiplier(network), *_scaling(network))
    margin = _margin(profile) * target
    additive = 1.0 + _multiplier(network).kappa
    doubled = norm_ratio_moment(replace(_multiplier(network), gain=2.0), *_scaling(network))
    variants = (
        Variant("increments add up without compounding", (additive, additive)),
        Variant("He's variance in the last layer", (doubled, doubled)),
    )
    return Check(
        name=f"{label(network)}-universal-norm",
        experiments=(network,),
        quantity="$\\mathbb{E}\\,R$",
        estimator=MeanEstimator(of.NORM_RATIO, _variance_bound(network)),
        target=(target, target),
        margin=margin,
        margin_reason=_RESOLUTION,
        exact=True,
        variants=tuple(v for v in variants if v.target is not None and abs(v.target[0] - target) > 2.0 * margin),
    )


def _normal_probability(law: Normal, low: float, high: float) -> float:
    return float(law.cdf(high)) - float(law.cdf(low))


def _bounds(multiplier: Multiplier, scaling: tuple[float, int], largest_kappa: float) -> tuple[float, float]:
    """Return c and C of P3, each with half of delta.

    Above by Markov's inequality for D, whose mean is (1 + kappa a^2)^L - 1; below since D < eps^2 forces R into
    ((1 - eps)^2, (1 + eps)^2), where the lognormal limit puts little.
    """
    from scipy.optimize import brentq

    normal = Normal.of(lognormal_limit(multiplier))
    upper = mean_displacement(replace(multiplier, gain=largest_kappa / multiplier.kappa * multiplier.gain), *scaling)

    def excess(eps: float) -> float:
        return _normal_probability(normal, 2.0 * math.log1p(-eps), 2.0 * math.log1p(eps)) - _DELTA / 2.0

    eps = brentq(excess, 1e-6, 0.9)
    return eps * eps, upper / (_DELTA / 2.0)


def outside(lower: float, upper: float) -> tuple[Variant, Variant]:
    """Return what bounds of D exclude, as variants that claim their probability for the outside."""
    above, below = of.Between(of.DISPLACEMENT, lower=upper), of.Between(of.DISPLACEMENT, upper=lower)
    return (
        Variant("explosion: D above its upper bound", estimator=ProportionEstimator(above)),
        Variant("identity: D below its lower bound", estimator=ProportionEstimator(below)),
    )


def bounds_check(network: Cell, profile: Profile) -> Check:
    """Check P3 at finite depth: a displacement between two positive bounds, for any law that E1 and E4 hold for."""
    multiplier = _multiplier(network)
    skewed = not network.weights.is_symmetric and multiplier.kind == "res-3"
    # Where W is skewed, kappa depends on the direction but is below 1, that of the linear branch.
    lower, upper = _bounds(multiplier, _scaling(network), 1.0 if skewed else multiplier.kappa)
    return Check(
        name=f"{label(network)}-bounded",
        experiments=(network,),
        quantity=f"$\\mathbb{{P}}({lower:.2g} \\leq D \\leq {upper:.3g})$",
        estimator=ProportionEstimator(of.Between(of.DISPLACEMENT, lower, upper), truth=0.99),
        target=(1.0 - _DELTA, 1.0),
        margin=0.06 * profile.precision,
        margin_reason="Markov's bound above is exact, the bound below that of the limit law; both are far from tight, "
        "and the margin is the resolution that the profile pays for",
        variants=outside(lower, upper),
    )


def mean_checks(profile: Profile) -> tuple[Check, ...]:
    """Return the checks of E1 for every admissible law."""
    capped = _capped(profile)
    return tuple(_mean_check(_network(law, capped), capped) for law in ADMISSIBLE)


def limit_checks(profile: Profile) -> tuple[Check, ...]:
    """Return the checks of E4 for every admissible law, forward and backward."""
    capped = _capped(profile)
    return tuple(
        law_check(_network(law, capped), name, observable, symbol, capped)
        for law in ADMISSIBLE
        for name, observable, symbol in (
            ("norm-law", of.LOG_NORM_RATIO, "R"),
            ("gradient-law", of.LOG_GRADIENT_RATIO, "R^*"),
        )
    )


def bounds_checks(profile: Profile) -> tuple[Check, ...]:
    """Return the checks of P3 for every admissible law."""
    capped = _capped(profile)
    return tuple(bounds_check(_network(law, capped), capped) for law in ADMISSIBLE)


def _explosion_check(network: Cell, truth: float, least: float, reason: str, profile: Profile) -> Check:
    """Check that R exceeds 20 (1 + kappa a^2)^L more often than Markov's inequality lets a law of that mean.

    At most one network in 20 may, if E1 holds; the limit of E4 puts less than 1e-4 there; D is beyond every bound of P3
    with it.
    """
    multiplier = _multiplier(network)
    threshold = norm_ratio_moment(multiplier, *_scaling(network)) / _MARKOV
    beyond = of.Between(of.LOG_NORM_RATIO, lower=math.log(threshold))
    limit = 1.0 - float(Normal.of(lognormal_limit(multiplier)).cdf(math.log(threshold)))
    return Check(
        name=f"{label(network)}-markov",
        experiments=(network,),
        quantity=f"$\\mathbb{{P}}(R > {threshold:.3g})$, at most {_MARKOV:g} if $\\mathbb{{E}}\\,R = "
        "(1+\\kappa a^2)^L$",
        estimator=ProportionEstimator(beyond, truth=truth),
        target=(least, 1.0),
        margin=0.08 * profile.precision,
        margin_reason=reason,
        variants=(
            Variant("the exact mean (E1), by Markov's inequality", (0.0, _MARKOV)),
            Variant("the lognormal limit (E4)", (limit, limit)),
        ),
    )


def _zero_check(name: str, profile: Profile) -> Check:
    network = cell("res-3", name, 20, _DEPTH, 0.5)
    normal = Normal.of(lognormal_limit(_multiplier(network)))
    # Both sides of 0 within 1e-3, where the limit puts little; a zero last layer puts everything.
    near = of.Between(of.LOG_NORM_RATIO, -1e-3, 1e-3)
    limit = _normal_probability(normal, -1e-3, 1e-3)
    return Check(
        name=f"{label(network)}-constant",
        experiments=(network,),
        quantity="$\\mathbb{P}(\\vert\\log R\\vert \\leq 0.001)$ with zero last layers",
        estimator=ProportionEstimator(near, truth=1.0, exact=True),
        target=(1.0, 1.0),
        margin=0.01 * profile.precision,
        margin_reason="an identity; the margin is the share of networks that a sample of this size could overlook",
        exact=True,
        variants=(
            Variant("the lognormal limit (E4)", (limit, limit)),
            Variant("non-trivial limit (P3): at most one network in ten has stayed", (0.0, _DELTA)),
        ),
    )


def _one_layer_check(profile: Profile) -> Check:
    """One res-3 layer of centred exponential entries at h = (1, ..., 1): kappa is not 1/2."""
    width = 4
    network = cell("res-3", "exponential", width, 1, 0.5, inputs=Input("ones"))
    kappa = exponential_kappa(width)
    target = 1.0 + kappa
    # The terms of E R^2 in :mod:`theory_check.theory.entry_laws`, with E G_4 <= d E w^4, E w^4 = (3 + 6/d)/d^2, and by
    # Cauchy and Schwarz E G_3 <= (kappa E G_4)^(1/2).
    fourth = (3.0 + 6.0 / width) / width
    third = math.sqrt(kappa * fourth)
    second = 1.0 + 2.0 * kappa * (1.0 + 2.0 / width) + 4.0 * network.weights.skewness * third / width
    second += (1.0 + 2.0 / width) * (fourth + kappa**2) + (network.weights.kurtosis - 3.0) * fourth / width
    symmetric, opposite = 1.5, 2.0 - kappa
    return Check(
        name="res-3-exponential-ones-layer",
        experiments=(network,),
        quantity="$\\mathbb{E}\\,R$ of one layer with skewed $W$ at $h = (1, \\ldots, 1)$",
        estimator=MeanEstimator(of.NORM_RATIO, second - target**2),
        target=(target, target),
        margin=0.06 * profile.precision,
        margin_reason=_RESOLUTION,
        exact=True,
        variants=(
            Variant("the exact mean (E1): kappa = 1/2 whatever the law", (symmetric, symmetric)),
            Variant("the opposite skewness", (opposite, opposite)),
        ),
    )


def _displaced_mean_check() -> Check:
    """Deep res-3 with skewed W from h = (1, ..., 1): E R is displaced by order d^(-1/2), the deviation of log R.

    With uniformly integrable R, which a bounded variance gives, the lognormal limit would have E R tend to e^kappa.
    """
    width = 16
    # Shallow, because the proven bound of the variance needs many networks; the mean is nearly that of infinite depth.
    network = cell("res-3", "exponential", width, 8, 0.5, inputs=Input("ones"))
    gaussian, weights = Multiplier(width, "res-3"), network.weights
    symmetric = norm_ratio_moment(gaussian, *_scaling(network))
    # In units of the deviation sqrt(2/d) of log R; kappa a^2 turns 1 + (kappa + x) a^2 into a factor of 1 + kappa a^2.
    shift = ones_shift(weights.skewness) / (1.0 + gaussian.kappa / network.network.depth)
    factor = math.exp(shift * math.sqrt(2.0 / width))
    return Check(
        name="res-3-exponential-ones-norm",
        experiments=(network,),
        quantity="$\\mathbb{E}\\,R$ with skewed $W$ from $h_0 = (1, \\ldots, 1)$",
        estimator=MeanEstimator(
            of.NORM_RATIO,
            skewed_variance_bound(width, weights.kurtosis, weights.skewness, *_scaling(network)),
        ),
        target=(symmetric * factor,) * 2,
        margin=0.038 * symmetric,
        margin_reason="first term of an expansion in d^(-1/2); the next, of order 1/d, has no proven constant and "
        "depends on the width, which is the same in every profile: the margin does not shrink",
        allowance=0.3,
        variants=(
            Variant("the exact mean (E1) and the mean of the lognormal limit (E4)", (symmetric, symmetric)),
            Variant("the opposite skewness", (symmetric / factor,) * 2),
        ),
    )


def breaking_checks(profile: Profile) -> tuple[Check, ...]:
    """Return the checks of E15 on laws that break a hypothesis, and on another variance."""
    heavy = cell("res-3", "student:df=1.5", 8, 200 * profile.depth, 0.5)
    tied = cell("linear", "tied", 8, 200 * min(profile.depth, 4), 0.5)
    default = cell("res-3", "uniform:variance=pytorch", 20, _DEPTH * profile.depth, 0.5, gradients=True)
    skewed = cell("res-3", "exponential", 6, _DEPTH, 0.5)
    return (
        _explosion_check(
            heavy, 0.97, 0.85, "R tends to infinity in probability; 15% are left for the depth of the profile", profile
        ),
        _explosion_check(
            tied,
            0.98,
            0.9,
            "log R / sqrt(L) tends to twice the largest real part of an eigenvalue, which is positive up to a "
            "probability of 1e-3; a tenth is left for it and for the depth",
            _capped(profile),
        ),
        *(_zero_check(name, profile) for name in ZERO_LAST),
        law_check(default, "default-norm-law", of.LOG_NORM_RATIO, "R", _capped(profile)),
        law_check(default, "default-gradient-law", of.LOG_GRADIENT_RATIO, "R^*", _capped(profile)),
        bounds_check(default, _capped(profile)),
        _one_layer_check(_capped(profile)),
        _displaced_mean_check(),
        bounds_check(skewed, _capped(profile)),
    )
