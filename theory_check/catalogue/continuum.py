"""Regimes between independent and smooth weights: what moves with the Hurst index, for outputs and gradients (P9)."""

from __future__ import annotations

from theory_check.catalogue.fractional_exponents import (
    GRADIENT_DEPTH,
    INDEPENDENT,
    RATIO,
    RES3,
    WIDE_REASON,
    at,
    contour,
    fractional,
    gradient_contour,
    grid,
    precision,
    size,
    spread_law,
    stationary,
    sweep,
)
from theory_check.claims import observables as of
from theory_check.claims.claim import Check, Profile, Variant
from theory_check.claims.estimators import ProportionEstimator, QuantileEstimator
from theory_check.claims.laws import Normal
from theory_check.claims.localisation import Crossing
from theory_check.networks.weights import Weights

#: Name of the wrong variant that says it.
AS_OUTPUT = "the gradient turns where the output does"


def _between_ends(profile: Profile) -> list[Check]:
    """Check where the displacement does not move with depth: independent weights, fractional noise, smooth weights."""
    checks = []
    for name, weights, spread, wrong in (
        ("independent", fractional(0.5), 0.05, at("1, as for smooth weights", 1.0)),
        ("0.7", fractional(0.7), 0.06, at("1, as for smooth weights", 1.0)),
        ("0.9", fractional(0.9), 0.07, at(INDEPENDENT, 0.5)),
        ("smooth", Weights.parse("smooth:length=0.3"), 0.065, at(INDEPENDENT, 0.5)),
    ):
        # Smooth weights need no depth.
        width, depth = (20, 250) if name == "smooth" else size(profile)
        target = stationary(RES3, weights, depth)
        betas = grid(target, 0.05)
        checks.append(
            Check(
                name=f"res-3-{name}-stationary",
                experiments=tuple(sweep(RES3, weights, width, n, betas) for n in (depth, depth // RATIO)),
                quantity=f"median $\\beta$ at which $D$ is the same at depths {depth // RATIO} and {depth}, {name}"
                + (" weights" if weights.law != "fgn" or name == "independent" else " Hurst index"),
                estimator=QuantileEstimator(Crossing(other=1), 0.5, Normal(target, spread**2 * 20.0 / width)),
                target=(target, target),
                margin=0.075 * precision(profile),
                margin_reason=WIDE_REASON,
                allowance=0.3,
                variants=wrong,
            )
        )
    return checks


def _moves_with_hurst(profile: Profile) -> list[Check]:
    """Check that the transition rises with H above 1/2 and stays where it is below."""
    checks = []
    width, depth = size(profile)
    for low, high, spread, wrong in (
        (0.6, 0.8, 0.028, at("the regime does not depend on H", 0.0)),
        (0.2, 0.4, 0.02, at("the exponent is H below 1/2 as well", 0.2)),
    ):
        targets = [contour(RES3, fractional(h), depth) for h in (high, low)]
        risen = targets[0] - targets[1]
        laws = [spread_law(target, spread, width, depth) for target in targets]
        checks.append(
            Check(
                name=f"res-3-from-{low:g}-to-{high:g}",
                experiments=tuple(
                    sweep(RES3, fractional(h), width, depth, grid(target, 0.02))
                    for h, target in zip((high, low), targets, strict=True)
                ),
                quantity=f"median rise of the $\\beta$ at which $D = 1$, from $H = {low:g}$ to $H = {high:g}$",
                estimator=QuantileEstimator(
                    of.Difference(Crossing(), Crossing(cell=1)), 0.5, Normal(risen, sum(law.variance for law in laws))
                ),
                target=(risen, risen),
                margin=0.06 * precision(profile),
                margin_reason=WIDE_REASON,
                allowance=0.3,
                variants=wrong,
            )
        )
    return checks


#: (H, beta) and whether the displacement is large there: the fate at one beta turns with H, and at one H with beta.
_CORNERS = ((0.6, 0.6, False), (0.9, 0.6, True), (0.8, 0.45, True), (0.8, 0.85, False))


def _turns() -> list[Check]:
    checks = []
    for hurst, beta, large in _CORNERS:
        network = sweep(RES3, fractional(hurst), 12, 100, (beta,), gradients=True, inputs=1)
        for column, symbol in (("log_displacement", "D"), ("log_gradient_displacement", "D^*")):
            above = of.Between(of.Swept(column, beta), lower=0.0)
            below = of.Between(of.Swept(column, beta), upper=0.0)
            event, other = (above, below) if large else (below, above)
            checks.append(
                Check(
                    name=f"res-3-{hurst:g}-beta{beta:g}-{'output' if symbol == 'D' else 'gradient'}",
                    experiments=(network,),
                    quantity=f"$\\mathbb{{P}}({symbol} {'>' if large else '<'} 1)$ at $H = {hurst:g}$, "
                    f"$\\beta = {beta:g}$",
                    estimator=ProportionEstimator(event, truth=0.9),
                    target=(0.7, 1.0),
                    margin=0.3,
                    margin_reason="certain as the depth grows; what is to be told apart is nearly always and nearly "
                    "never, in every profile",
                    variants=(
                        Variant("the fate of the other side of the transition", estimator=ProportionEstimator(other)),
                    ),
                )
            )
    return checks


def _gradient(profile: Profile) -> Check:
    hurst, depth = 0.7, GRADIENT_DEPTH
    width = size(profile)[0]
    target = gradient_contour(hurst, depth, width)
    return Check(
        name=f"res-3-{hurst:g}-gradient",
        experiments=(sweep(RES3, fractional(hurst), width, depth, grid(target, 0.02), gradients=True),),
        quantity=f"median $\\beta$ at which $D^* = 1$, $H = {hurst:g}$",
        estimator=QuantileEstimator(
            Crossing("log_gradient_displacement"), 0.5, spread_law(target, 0.018, width, depth)
        ),
        target=(target, target),
        margin=0.03 if width == 20 else 0.02,
        margin_reason="the prediction has the leading terms in the width; what it leaves out is of order 1/d, nearly a "
        "hundredth at width 20",
        allowance=0.4,
        variants=at(AS_OUTPUT, contour(RES3, fractional(hurst), depth)),
    )


def continuum(profile: Profile) -> tuple[Check, ...]:
    """Return the checks of P9."""
    return (*_between_ends(profile), *_moves_with_hurst(profile), *_turns(), _gradient(profile))
