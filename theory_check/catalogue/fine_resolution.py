"""The lognormal limit to half a per cent in location and two per cent in variance, for five weight laws (checks of E4).

Linear branches, whose deviation is smallest in units of the mean, at width 40. For Gaussian weights the target is the
exact law of log R at this depth. The others have that law up to their kurtosis, which moves mean and variance by
(q - 3)/(d L) and less, derived in :mod:`theory_check.theory.entry_laws`; what is left is of order 1/L^2.
"""

from __future__ import annotations

import math

from theory_check.claims import observables as of
from theory_check.claims.claim import Check, Profile, Variant
from theory_check.claims.estimators import ProportionEstimator, QuantileEstimator, Range
from theory_check.claims.laws import Normal
from theory_check.claims.networks import cell, finite_depth_law, label, one_layer
from theory_check.experiments.cell import Cell
from theory_check.theory.entry_laws import kurtosis_correction

_WIDTH = 40

#: Weight laws that take less than two nanoseconds an entry, with the depth; Gaussian ones are sampled by their exact
#: reduction.
_LAWS: tuple[tuple[str, int], ...] = (
    ("gaussian", 200),
    ("uniform", 200),
    ("rademacher", 200),
    ("triangular", 200),
    ("ternary", 200),
)

#: Depth for Gaussian weights from the standard profile on; a quarter of it at quick.
_DEEP = 10_000

#: Relative margins of location and deviation, the second for 2% of the variance.
_LOCATION, _DEVIATION = 0.005, 0.01

#: Half width, in deviations, of the interval whose probability decides on the deviation: near the optimum, 1.48.
_REACH = 1.5

#: What the expansion leaves out, of order 1/L^2, and the part of the kurtosis in the difference of mean and median,
#: 1/(d L) in all: below a twentieth of the margins.
_ALLOWANCE = 0.05

_REASON = (
    "0.5% of the location and 2% of the variance at the standard profile and beyond, ten times that at quick (for "
    "ten thousand layers twice that at standard, all of it at nightly); the finite-depth target is exact "
    "for Gaussian weights, and corrected for the kurtosis of the others to order 1/L^2"
)


def _factor(profile: Profile) -> float:
    """Return the coarsening of both margins: the sample for the aim itself takes minutes a law."""
    return 10.0 if profile.precision > 0.4 else 1.0


def _deep_factor(profile: Profile) -> float:
    """Return the same for ten thousand layers, where the aim is left to the nightly profile."""
    return 16.0 if profile.precision > 0.4 else 2.0 if profile.precision > 0.2 else 1.0


def _targets(network: Cell) -> tuple[float, float, float]:
    """Return the median of log R, its deviation, and P(|log R - median| <= 1.5 sqrt(4 kappa / d))."""
    multiplier, a, depth = one_layer(network)
    exact = finite_depth_law(multiplier, a, depth)
    correction = kurtosis_correction(multiplier, network.weights.kurtosis - 3.0, a, depth)
    gaussian_median = float(exact.quantile(0.5))
    reach = _REACH * math.sqrt(4.0 * multiplier.kappa / multiplier.width)
    # A relative change of the deviation scales the interval the other way.
    stretched = reach / math.sqrt(1.0 + correction.variance / exact.variance)
    low, high = (float(p) for p in exact.cdf([gaussian_median - stretched, gaussian_median + stretched]))
    return gaussian_median + correction.mean, math.sqrt(exact.variance + correction.variance), high - low


def _location(network: Cell, factor: float) -> Check:
    median, deviation, _ = _targets(network)
    d = _WIDTH
    margin = _LOCATION * factor * median
    mistakes = (
        ("twice the drift", 2.0 * median),
        ("no Ito term: drift kappa", median / (1.0 - 2.0 / d)),
        ("half the Ito term: drift kappa (1 - 1/d)", median * (1.0 - 1.0 / d) / (1.0 - 2.0 / d)),
    )
    return Check(
        name=f"{_label(network)}-fine-location",
        experiments=(network,),
        quantity="median of $\\log R$",
        estimator=QuantileEstimator(of.LOG_NORM_RATIO, 0.5, Normal(median, deviation**2)),
        target=(median, median),
        margin=margin,
        margin_reason=_REASON,
        allowance=_ALLOWANCE,
        miss_rate=1e-5,
        variants=tuple(Variant(name, (x, x)) for name, x in mistakes if abs(x - median) > 2.0 * margin),
    )


def _within(share: float) -> Range:
    """Return the probability of 1.5 predicted deviations under a normal law of ``share`` times the variance."""
    probability = float(Normal(0.0, share).cdf(_REACH) - Normal(0.0, share).cdf(-_REACH))
    return probability, probability


def _scale(network: Cell, factor: float) -> Check:
    median, _, within = _targets(network)
    d = _WIDTH
    reach = _REACH * math.sqrt(4.0 / d)
    density = math.exp(-(_REACH**2) / 2.0) / math.sqrt(2.0 * math.pi)
    margin = 2.0 * _REACH * density * _DEVIATION * factor
    mistakes = (
        ("half the variance", 0.5),
        ("twice the variance", 2.0),
        ("variance 4 kappa / (d + 2)", d / (d + 2.0)),
        ("variance (1 + 2/d) 4 kappa / d", 1.0 + 2.0 / d),
    )
    return Check(
        name=f"{_label(network)}-fine-scale",
        experiments=(network,),
        quantity=f"$\\mathbb{{P}}(\\vert\\log R - {median:.4g}\\vert \\leq 1.5\\sqrt{{4\\kappa/d}})$",
        estimator=ProportionEstimator(of.Between(of.LOG_NORM_RATIO, median - reach, median + reach)),
        target=(within, within),
        margin=margin,
        margin_reason=_REASON,
        allowance=_ALLOWANCE,
        miss_rate=1e-5,
        variants=tuple(
            Variant(name, _within(share)) for name, share in mistakes if abs(_within(share)[0] - within) > 2.0 * margin
        ),
    )


def _label(network: Cell) -> str:
    return f"{label(network)}-deep" if network.network.depth >= _DEEP // 4 else label(network)


def fine_checks(profile: Profile) -> tuple[Check, ...]:
    """Return the checks of location and scale for each law, and for Gaussian weights at ten thousand layers."""
    networks = [(cell("linear", law, _WIDTH, depth, 0.5), _factor(profile)) for law, depth in _LAWS]
    depth = _DEEP * min(profile.depth, 4) // 4
    networks.append((cell("linear", "gaussian", _WIDTH, depth, 0.5), _deep_factor(profile)))
    return tuple(check(network, factor) for network, factor in networks for check in (_location, _scale))
