"""Where fractional noise changes regime, and how that moves between independent and smooth weights (C3, P9)."""

from __future__ import annotations

from theory_check.catalogue.continuum import AS_OUTPUT, continuum
from theory_check.catalogue.continuum_picture import draw, pictured
from theory_check.catalogue.fractional_exponents import (
    INDEPENDENT,
    RES3,
    WIDE_REASON,
    at,
    contour,
    fractional,
    grid,
    limit,
    precision,
    size,
    spread_law,
    sweep,
)
from theory_check.claims.claim import Check, Claim, Correction, Illustration, Profile, Regime, Variant
from theory_check.claims.estimators import QuantileEstimator
from theory_check.claims.localisation import Crossing
from theory_check.claims.networks import SOURCE
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch


def _contour_check(
    profile: Profile, branch: Branch, hurst: float, *, wrong: tuple[Variant, ...], spread: float = 0.028
) -> Check:
    width, depth = size(profile)
    weights = fractional(hurst)
    target = contour(branch, weights, depth)
    return Check(
        name=f"{str(branch).replace(' ', '-')}-{hurst:g}-contour",
        experiments=(sweep(branch, weights, width, depth, grid(target, 0.02)),),
        quantity=f"median $\\beta$ at which $D = 1$, {branch}, $H = {hurst:g}$",
        estimator=QuantileEstimator(Crossing(), 0.5, spread_law(target, spread, width, depth)),
        target=(target, target),
        margin=0.04 * precision(profile),
        margin_reason=WIDE_REASON,
        allowance=0.2,
        variants=wrong,
    )


_LIMIT = "the limit max(H, 1/2), at this depth"
_EVERY_BRANCH = "max(H, 1/2) whatever the branch"


def _contours(profile: Profile) -> list[Check]:
    odd = Branch("res-3", Activation("identity"))
    return [
        _contour_check(profile, RES3, 0.3, wrong=at("H below 1/2 as well", 0.3), spread=0.02),
        *(_contour_check(profile, RES3, h, wrong=at(_LIMIT, h)) for h in (0.6, 0.7, 0.8, 0.9)),
        _contour_check(profile, Branch("res-1"), 0.7, wrong=at(INDEPENDENT, 0.5), spread=0.03),
        _contour_check(profile, Branch("linear"), 0.7, wrong=at(INDEPENDENT, 0.5), spread=0.02),
        _contour_check(profile, odd, 0.8, wrong=at(_EVERY_BRANCH, 0.8), spread=0.022),
        _wide_limit(),
    ]


def _wide_limit() -> Check:
    """Check that at H < 1/2 a linear network of large width spreads on the scale beta = H."""
    width, depth, hurst, branch = 40, 250, 0.3, Branch("linear")
    target = contour(branch, fractional(hurst), depth)
    return Check(
        name=f"linear-{hurst:g}-contour",
        experiments=(sweep(branch, fractional(hurst), width, depth, grid(target, 0.02)),),
        quantity=f"median $\\beta$ at which $D = 1$, linear, $H = {hurst:g}$",
        estimator=QuantileEstimator(Crossing(), 0.5, spread_law(target, 0.016, width, depth)),
        target=(target, target),
        margin=0.04,
        margin_reason="infinite width; at finite width rough weights contract (C6), by a share of order "
        "L^(1-2H)/d that grows with depth, so that neither depth nor margin follows the profile",
        allowance=0.4,
        variants=at(_EVERY_BRANCH, 0.5),
    )


def _extrapolated(profile: Profile) -> list[Check]:
    """Check the simulated exponent, plus what the recursion says is left to infinite depth, against the limit."""
    checks = []
    for hurst in (0.7, 0.9):
        width, depth = size(profile)
        target = contour(RES3, fractional(hurst), depth)
        extrapolated = limit(hurst, depth)
        shift = extrapolated.value - target
        resolved = 0.04 * precision(profile)
        margin = resolved + extrapolated.error
        checks.append(
            Check(
                name=f"res-3-{hurst:g}-extrapolated",
                experiments=(sweep(RES3, fractional(hurst), width, depth, grid(target, 0.02)),),
                quantity=f"critical $\\beta$ as $L\\to\\infty$: median $\\beta$ at which $D = 1$, and {shift:.4f} from "
                f"the recursion's extrapolation, $H = {hurst:g}$",
                estimator=QuantileEstimator(Crossing(shift=shift), 0.5, spread_law(hurst, 0.028, width, depth)),
                target=(hurst, hurst),
                margin=margin,
                margin_reason=WIDE_REASON
                + f"; {extrapolated.error:.2g} of it is the error of the extrapolation, a fact of the recursion alone, "
                "estimated by leaving out depths, not proven",
                allowance=1.0 - 0.8 * resolved / margin,
                variants=at(INDEPENDENT, 0.5),
            )
        )
    return checks


def _exponents(profile: Profile) -> tuple[Check, ...]:
    return (*_contours(profile), *_extrapolated(profile))


CONTINUUM = Regime(
    name="continuum",
    title="The continuum between independent and smooth weights",
    text=(
        "Fractional noise of Hurst index $H$ lies between independent weights ($H = 1/2$) and smooth ones "
        "($H \\to 1$), and so do its regimes: the exponent at which the output neither vanishes nor explodes rises "
        "from 1/2 to 1. At finite depth it is far from its limit, where the recursion of infinite width puts it. For "
        "res-3 gradients have an exponent of their own."
    ),
    formula="\\beta_c = \\max(H, \\tfrac12),\\qquad \\beta_c^* = \\max(2H-1, \\tfrac12)\\ \\text{for gradients at "
    "infinite width}",
    claims=(
        Claim(
            id="P9",
            quick_precision=1.7,
            title="A continuous range of regimes",
            statement=(
                "Between independent and smooth weights the scaling exponent at which the regime changes moves "
                "continuously: at one $\\beta$ the fate of output and gradient turns with $H$, at one $H$ with "
                "$\\beta$. The output's exponent rises with $H$ above 1/2 and is flat below; the gradient's rises "
                "later."
            ),
            formula="H = \\tfrac12:\\ \\beta_c = \\tfrac12;\\qquad \\text{smooth}:\\ \\beta_c = 1;\\qquad "
            "\\mathbb{E}\\,D^* \\approx (1-\\tfrac1d)\\,\\mathbb{E}_\\infty D^* + \\tfrac1d\\,\\mathbb{E}_\\infty D",
            source=SOURCE + "; the gradient's exponent is derived",
            derivation=(
                "At infinite width a recursion over pairs of layers gives E D at every depth; smooth weights have D a "
                "function of L^(1 - beta) up to O(1/L). A gradient passes through both noises of a layer and sees "
                "rho^2 where the output, through the mean of ReLU, sees rho. At finite width the direction of the "
                "input alone moves as the output does: E D* >= E D / d, which rules at last as the depth grows."
            ),
            hypotheses="res-3 with ReLU, both matrices with the same process; width large for the values.",
            checks=continuum,
            corrections=(
                Correction(
                    stated="Output and gradient change regime together, as for independent weights.",
                    corrected="For res-3 at infinite width the gradient's critical exponent is $\\max(1/2, 2H-1)$, the "
                    "output's $\\max(1/2, H)$; at finite width the gradient contour lies between them.",
                    variant=AS_OUTPUT,
                ),
            ),
        ),
        Claim(
            id="C3",
            title="Critical exponent of fractional noise",
            statement=(
                "The critical exponent is $\\max(H, 1/2)$ for res-3 with ReLU, $\\max(1/2, 2H-1)$ for res-3 with an "
                "odd activation, and $H$ for linear and res-1 branches (below 1/2 at infinite width only). At finite "
                "depth $D = 1$ lies where the recursion of infinite width puts it, far from the limit."
            ),
            formula="\\beta_c = \\max(H,\\tfrac12);\\qquad C_{k+1,l+1} = C_{k+1,l}+C_{k,l+1}-C_{k,l}+"
            "L^{-2\\beta}\\rho\\,\\sqrt{C_{kk}C_{ll}}\\,\\mathrm{arc}(\\rho\\,c_{kl})/2",
            source="Derived; C4 for the values at finite depth",
            derivation=(
                "D is a sum over pairs of layers of L^(-2 beta) times the memory of what they add. Linear and res-1 "
                "branches add V with its own memory, rho, whose sum over pairs is L^(2H). In res-3 the memory is rho "
                "arc(rho c)/2: rho/(2 pi) at long range, from the mean of ReLU, which rules above 1/2, and positive in "
                "sum below 1/2, as for independent layers. An odd activation has no mean and leaves rho^2, whose sum "
                "is of order L^max(1, 4H-2). For each draw of weights the beta of D = 1 is found on a sweep; the "
                "median of these has an interval by order statistics."
            ),
            hypotheses="Fractional noise in V and W; width large. At fixed width linear and res-1 networks below H = "
            "1/2 contract instead as the depth grows (C6).",
            checks=_exponents,
            corrections=(
                Correction(
                    stated="The transition is at $\\max(H, 1/2)$.",
                    corrected="At depths of hundreds $D = 1$ is at a $\\beta$ lower by a tenth: .604, .700 and .814 at "
                    "$H$ = .7, .8, .9 and $L = 1000$.",
                    variant=_LIMIT,
                ),
                Correction(
                    stated="The exponent is $\\max(H, 1/2)$ whatever the branch.",
                    corrected="res-3 with an odd activation has $\\max(1/2, 2H-1)$; linear and res-1 branches of "
                    "infinite width have $H$ below 1/2 too.",
                    variant=_EVERY_BRANCH,
                ),
            ),
        ),
    ),
    illustrations=(Illustration(experiments=pictured, draw=draw),),
)
