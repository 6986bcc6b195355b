"""The continuum of regimes between independent and smooth weights, and where its transition lies (P9, C3)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from theory_check.claims import observables as of
from theory_check.claims.bands import band
from theory_check.claims.estimators import ProportionEstimator, QuantileEstimator
from theory_check.claims.grids import SOURCE
from theory_check.claims.laws import Normal
from theory_check.claims.localisation import Crossing
from theory_check.claims.model import Check, Claim, Correction, Illustration, Profile, Regime, Variant
from theory_check.experiments import Sample
from theory_check.findings import Band, Curve, Picture, RatePanel
from theory_check.inference.intervals import Interval, quantile_interval
from theory_check.initializations import Weights
from theory_check.networks import Activation, Branch, Input
from theory_check.sweeps import Sweep
from theory_check.theory.estimates import Estimate
from theory_check.theory.infinite_width import WideBranch, limiting_exponent, wide_network
from theory_check.theory.wide_gradients import gradient_displacement

RES3 = Branch()

#: Inputs that share a draw of the weights; with eight betas they fill the columns of a product.
_INPUTS = 8

#: The shallower of two depths is this many times shallower.
_RATIO = 16


def fractional(hurst: float) -> Weights:
    """Return weights that are fractional noise."""
    return Weights("fgn", (("hurst", hurst),))


def size(profile: Profile) -> tuple[int, int]:
    """Return width and depth: 20 and 250, from the standard profile on the paper's 40 and 1000."""
    return (20, 250) if profile.depth == 1 else (40, 1000)


def _precision(profile: Profile) -> float:
    """No margin shrinks beyond the standard profile: the share of a finite width would not."""
    return max(profile.precision, 0.4)


def sweep(
    branch: Branch,
    weights: Weights,
    width: int,
    depth: int,
    betas: tuple[float, ...],
    *,
    gradients: bool = False,
    inputs: int = _INPUTS,
) -> Sweep:
    """Return a sweep with one replicate, a placeholder for the planner."""
    return Sweep(
        branch=branch, weights=weights, width=width, depth=depth, betas=betas, replicates=1,
        input=Input("gaussian", inputs), gradients=gradients,
    )  # fmt: skip


def grid(centre: float, step: float) -> tuple[float, ...]:
    """Return eight betas, multiples of a step, with ``centre`` in the middle interval."""
    first = math.floor(centre / step) - 3
    return tuple(round((first + i) * step, 9) for i in range(8))


def wide(branch: Branch) -> WideBranch:
    """Return the branch of the infinite-width recursion."""
    return WideBranch(branch.name, branch.activation.negative_slope or 0.0)  # type: ignore[arg-type]


@cache
def contour(branch: Branch, weights: Weights, depth: int) -> float:
    """Beta at which E D = 1 at infinite width."""
    return _root(lambda beta: _log_displacement(branch, weights, beta, depth))


@cache
def stationary(branch: Branch, weights: Weights, depth: int) -> float:
    """Beta at which E D at infinite width is the same at this depth and at a sixteenth of it."""

    def growth(beta: float) -> float:
        deep, shallow = (_log_displacement(branch, weights, beta, n) for n in (depth, depth // _RATIO))
        return deep - shallow

    return _root(growth)


@cache
def gradient_contour(hurst: float, depth: int, width: float) -> float:
    """Beta at which E D* = 1 to leading order in the width (res-3)."""
    return _root(lambda beta: math.log(gradient_displacement(WideBranch(), hurst, beta, depth, width)))


@cache
def limit(hurst: float, depth: int) -> Estimate:
    """Critical exponent extrapolated from depths up to this one."""
    return limiting_exponent(WideBranch(), hurst, tuple(depth // n for n in (16, 8, 4, 2, 1)))


def _log_displacement(branch: Branch, weights: Weights, beta: float, depth: int) -> float:
    network = wide_network(wide(branch), weights.autocovariance(depth), depth**-beta, depth)
    return float(network.log_displacement[-1])


def _root(function: Callable[[float], float]) -> float:
    from scipy.optimize import brentq

    return float(brentq(function, 0.2, 1.2, xtol=1e-5))


def spread_law(target: float, spread: float, width: int, depth: int) -> Normal:
    """Law of a crossing for planning, from its standard deviation at width 20 and depth 250.

    log D fluctuates as d^(-1/2); that of a given depth depends on beta as log L.
    """
    factor = math.sqrt(20.0 / width) * math.log(250.0) / math.log(depth)
    return Normal(target, (spread * factor) ** 2)


_WIDE = (
    "the prediction is exact at this depth for infinite width; medians at finite width are off by a few thousandths, "
    "in the part of the margin left for it"
)


def _contour_check(
    profile: Profile, branch: Branch, hurst: float, *, wrong: tuple[Variant, ...], spread: float = 0.028
) -> Check:
    width, depth = size(profile)
    weights = fractional(hurst)
    target = contour(branch, weights, depth)
    return Check(
        name=f"{str(branch).replace(' ', '-')}-{hurst:g}-contour",
        cells=(sweep(branch, weights, width, depth, grid(target, 0.02)),),
        quantity=f"median $\\beta$ at which $D = 1$, {branch}, $H = {hurst:g}$",
        estimator=QuantileEstimator(Crossing(), 0.5, spread_law(target, spread, width, depth)),
        target=(target, target),
        margin=0.04 * _precision(profile),
        margin_reason=_WIDE,
        allowance=0.2,
        variants=wrong,
    )


def _at(name: str, value: float) -> tuple[Variant, ...]:
    return (Variant(name, (value, value)),)


_LIMIT = "the limit max(H, 1/2), at this depth"
_HALF = "1/2, as for independent weights"
_EVERY_BRANCH = "max(H, 1/2) whatever the branch"


def _contours(profile: Profile) -> list[Check]:
    odd = Branch("res-3", Activation("identity"))
    return [
        _contour_check(profile, RES3, 0.3, wrong=_at("H below 1/2 as well", 0.3), spread=0.02),
        *(_contour_check(profile, RES3, h, wrong=_at(_LIMIT, h)) for h in (0.6, 0.7, 0.8, 0.9)),
        _contour_check(profile, Branch("res-1"), 0.7, wrong=_at(_HALF, 0.5), spread=0.03),
        _contour_check(profile, Branch("linear"), 0.7, wrong=_at(_HALF, 0.5), spread=0.02),
        _contour_check(profile, odd, 0.8, wrong=_at(_EVERY_BRANCH, 0.8), spread=0.022),
        _wide_limit(),
    ]


def _wide_limit() -> Check:
    """At H < 1/2 a linear network of infinite width spreads on the scale beta = H."""
    width, depth, hurst, branch = 40, 250, 0.3, Branch("linear")
    target = contour(branch, fractional(hurst), depth)
    return Check(
        name=f"linear-{hurst:g}-contour",
        cells=(sweep(branch, fractional(hurst), width, depth, grid(target, 0.02)),),
        quantity=f"median $\\beta$ at which $D = 1$, linear, $H = {hurst:g}$",
        estimator=QuantileEstimator(Crossing(), 0.5, spread_law(target, 0.016, width, depth)),
        target=(target, target),
        margin=0.04,
        margin_reason="infinite width; at finite width rough weights contract (C6), by a share of order "
        "L^(1-2H)/d that grows with depth, so that neither depth nor margin follows the profile",
        allowance=0.4,
        variants=_at(_EVERY_BRANCH, 0.5),
    )


def _extrapolated(profile: Profile) -> list[Check]:
    """The simulated exponent plus what the recursion says is left to infinite depth."""
    checks = []
    for hurst in (0.7, 0.9):
        width, depth = size(profile)
        target = contour(RES3, fractional(hurst), depth)
        extrapolated = limit(hurst, depth)
        shift = extrapolated.value - target
        checks.append(
            Check(
                name=f"res-3-{hurst:g}-extrapolated",
                cells=(sweep(RES3, fractional(hurst), width, depth, grid(target, 0.02)),),
                quantity=f"critical $\\beta$ as $L\\to\\infty$: median $\\beta$ at which $D = 1$, and {shift:.4f} from "
                f"the recursion's extrapolation, $H = {hurst:g}$",
                estimator=QuantileEstimator(Crossing(shift=shift), 0.5, spread_law(hurst, 0.028, width, depth)),
                target=(hurst, hurst),
                margin=0.04 * _precision(profile),
                margin_reason=_WIDE + "; the remainder is the error of the extrapolation, estimated by leaving out "
                "depths, not proven",
                remainder=extrapolated.error,
                allowance=0.2,
                variants=_at(_HALF, 0.5),
            )
        )
    return checks


def _exponents(profile: Profile) -> tuple[Check, ...]:
    return (*_contours(profile), *_extrapolated(profile))


# The continuum


def _between_ends(profile: Profile) -> list[Check]:
    """Where the displacement does not move with depth: independent weights, fractional noise, smooth weights."""
    checks = []
    for name, weights, spread, wrong in (
        ("independent", fractional(0.5), 0.05, _at("1, as for smooth weights", 1.0)),
        ("0.7", fractional(0.7), 0.06, _at("1, as for smooth weights", 1.0)),
        ("0.9", fractional(0.9), 0.07, _at(_HALF, 0.5)),
        ("smooth", Weights.parse("smooth:length=0.3"), 0.065, _at(_HALF, 0.5)),
    ):
        # Smooth weights need no depth.
        width, depth = (20, 250) if name == "smooth" else size(profile)
        target = stationary(RES3, weights, depth)
        betas = grid(target, 0.05)
        checks.append(
            Check(
                name=f"res-3-{name}-stationary",
                cells=tuple(sweep(RES3, weights, width, n, betas) for n in (depth, depth // _RATIO)),
                quantity=f"median $\\beta$ at which $D$ is the same at depths {depth // _RATIO} and {depth}, {name}"
                + (" weights" if weights.law != "fgn" or name == "independent" else " Hurst index"),
                estimator=QuantileEstimator(Crossing(other=1), 0.5, Normal(target, spread**2 * 20.0 / width)),
                target=(target, target),
                margin=0.075 * _precision(profile),
                margin_reason=_WIDE,
                allowance=0.3,
                variants=wrong,
            )
        )
    return checks


def _moves_with_hurst(profile: Profile) -> list[Check]:
    """The transition rises with H above 1/2 and stays where it is below."""
    checks = []
    width, depth = size(profile)
    for low, high, spread, wrong in (
        (0.6, 0.8, 0.028, _at("the regime does not depend on H", 0.0)),
        (0.2, 0.4, 0.02, _at("the exponent is H below 1/2 as well", 0.2)),
    ):
        targets = [contour(RES3, fractional(h), depth) for h in (high, low)]
        risen = targets[0] - targets[1]
        laws = [spread_law(target, spread, width, depth) for target in targets]
        checks.append(
            Check(
                name=f"res-3-from-{low:g}-to-{high:g}",
                cells=tuple(
                    sweep(RES3, fractional(h), width, depth, grid(target, 0.02))
                    for h, target in zip((high, low), targets, strict=True)
                ),
                quantity=f"median rise of the $\\beta$ at which $D = 1$, from $H = {low:g}$ to $H = {high:g}$",
                estimator=QuantileEstimator(
                    of.Difference(Crossing(), Crossing(cell=1)), 0.5, Normal(risen, sum(law.variance for law in laws))
                ),
                target=(risen, risen),
                margin=0.06 * _precision(profile),
                margin_reason=_WIDE,
                allowance=0.3,
                variants=wrong,
            )
        )
    return checks


#: (H, beta) and whether the displacement is large there: the fate at one beta turns with H, and at one H with beta.
_CORNERS = ((0.6, 0.62, False), (0.9, 0.62, True), (0.8, 0.5, True), (0.8, 0.85, False))


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
                    cells=(network,),
                    quantity=f"$\\mathbb{{P}}({symbol} {'>' if large else '<'} 1)$ at $H = {hurst:g}$, $\\beta = {beta:g}$",
                    estimator=ProportionEstimator(event, truth=0.99),
                    target=(0.8, 1.0),
                    margin=0.25,
                    margin_reason="certain as the depth grows; what is to be told apart is nearly always and nearly "
                    "never, in every profile",
                    variants=(
                        Variant("the fate of the other side of the transition", estimator=ProportionEstimator(other)),
                    ),
                )
            )
    return checks


def _gradient(profile: Profile) -> Check:
    hurst, depth = 0.7, 250
    width = size(profile)[0]
    target = gradient_contour(hurst, depth, width)
    return Check(
        name=f"res-3-{hurst:g}-gradient",
        cells=(sweep(RES3, fractional(hurst), width, depth, grid(target, 0.02), gradients=True),),
        quantity=f"median $\\beta$ at which $D^* = 1$, $H = {hurst:g}$",
        estimator=QuantileEstimator(
            Crossing("log_gradient_displacement"), 0.5, spread_law(target, 0.018, width, depth)
        ),
        target=(target, target),
        margin=0.03 if width == 20 else 0.02,
        margin_reason="the prediction has the leading terms in the width; what it leaves out is of order 1/d, nearly a "
        "hundredth at width 20",
        allowance=0.4,
        variants=_at(_AS_OUTPUT, contour(RES3, fractional(hurst), depth)),
    )


_AS_OUTPUT = "the gradient turns where the output does"


def _continuum(profile: Profile) -> tuple[Check, ...]:
    return (*_between_ends(profile), *_moves_with_hurst(profile), *_turns(), _gradient(profile))


# The picture

_PICTURED = (0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9)
_PICTURED_GRADIENTS = (0.5, 0.7, 0.9)


def _picture_cells(profile: Profile) -> tuple[Sweep, ...]:
    """The sweeps of the checks, where there are any, so that most come at no cost."""
    width, depth = size(profile)
    outputs = [
        sweep(RES3, fractional(h), width, depth, grid(contour(RES3, fractional(h), depth), 0.02)) for h in _PICTURED
    ]
    gradients = [
        sweep(RES3, fractional(h), 20, 250, grid(gradient_contour(h, 250, 20), 0.02), gradients=True)
        for h in _PICTURED_GRADIENTS
    ]
    return tuple(replace(cell, replicates=60) for cell in (*outputs, *gradients))


def _picture(samples: Sequence[Sample[Any]]) -> Picture:
    outputs, gradients = samples[: len(_PICTURED)], samples[len(_PICTURED) :]
    width, depth = outputs[0].cell.width, outputs[0].cell.depth
    hursts = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95])
    critical = Curve("$\\max(H, 1/2)$", hursts, np.maximum(hursts, 0.5))

    def measured(label: str, xs: Sequence[float], parts: Sequence[Sample[Any]], column: str) -> Band:
        medians = [quantile_interval(Crossing(column)([part]), 0.5, alpha=0.01) for part in parts]
        return band(label, np.array(xs), medians)

    def curve(label: str, exponent: Callable[[float], float]) -> Curve:
        return Curve(label, hursts, np.array([exponent(h) for h in hursts.tolist()]))

    above = _PICTURED[3:]
    limits = [limit(h, depth) for h in above]
    return Picture(
        "continuum",
        f"Scaling exponent at which the displacement is one, against the Hurst index of the weights (res-3; medians of "
        f"60 draws with 99% intervals). Left: output, width {width}, depth {depth}, with the recursion at that depth, "
        "and its extrapolation to infinite depth. Right: gradient, width 20, depth 250: through two noises it has a "
        "weaker memory.",
        (
            RatePanel(
                "Output", "Hurst index $H$", "$\\beta$ at $D = 1$",
                (
                    measured(f"networks, $L = {depth}$", _PICTURED, outputs, "log_displacement"),
                    band(
                        "recursion, $L\\to\\infty$",
                        np.array(above),
                        [Interval(e.value, *e.interval, 0.01, "extrapolation") for e in limits],
                    ),
                ),
                (curve(f"recursion, $L = {depth}$", lambda h: contour(RES3, fractional(h), depth)), critical),
                logarithmic=False,
            ),
            RatePanel(
                "Gradient", "Hurst index $H$", "$\\beta$ at $D^* = 1$",
                (measured("networks", _PICTURED_GRADIENTS, gradients, "log_gradient_displacement"),),
                (
                    curve("recursion with $1/d$", lambda h: gradient_contour(h, 250, 20)),
                    curve("output", lambda h: contour(RES3, fractional(h), 250)),
                ),
                logarithmic=False,
            ),
        ),
    )  # fmt: skip


CONTINUUM = Regime(
    name="continuum",
    title="The continuum between independent and smooth weights",
    text=(
        "Fractional noise of Hurst index $H$ lies between independent weights ($H = 1/2$) and smooth ones ($H \\to 1$), "
        "and so do its regimes: the exponent at which the output neither vanishes nor explodes rises from 1/2 to 1. At "
        "finite depth it is far from its limit, where the recursion of infinite width puts it. For res-3 gradients "
        "have an exponent of their own."
    ),
    formula="\\beta_c = \\max(H, \\tfrac12),\\qquad \\beta_c^* = \\max(2H-1, \\tfrac12)\\ \\text{for gradients at "
    "infinite width}",
    claims=(
        Claim(
            id="P9",
            title="A continuous range of regimes",
            statement=(
                "Between independent and smooth weights the scaling exponent at which the regime changes moves "
                "continuously: at one $\\beta$ the fate of output and gradient turns with $H$, at one $H$ with $\\beta$. "
                "The output's exponent rises with $H$ above 1/2 and is flat below; the gradient's rises later."
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
            checks=_continuum,
            corrections=(
                Correction(
                    stated="Output and gradient change regime together, as for independent weights.",
                    corrected="For res-3 at infinite width the gradient's critical exponent is $\\max(1/2, 2H-1)$, the "
                    "output's $\\max(1/2, H)$; at finite width the gradient contour lies between them.",
                    variant=_AS_OUTPUT,
                ),
            ),
        ),
        Claim(
            id="C3",
            title="Critical exponent of fractional noise",
            statement=(
                "The critical exponent is $\\max(H, 1/2)$ for res-1 and res-3 with ReLU, $H$ for linear branches above "
                "1/2, and $\\max(1/2, 2H-1)$ for res-3 with an odd activation. At finite depth $D = 1$ lies where the "
                "recursion of infinite width puts it, far from the limit."
            ),
            formula="\\beta_c = \\max(H,\\tfrac12);\\qquad C_{k+1,l+1} = C_{k+1,l}+C_{k,l+1}-C_{k,l}+L^{-2\\beta}\\rho\\,"
            "\\sqrt{C_{kk}C_{ll}}\\,\\mathrm{arc}(\\rho\\,c_{kl})/2",
            source="Derived; C4 for the values at finite depth",
            derivation=(
                "Sums of n terms of memory rho have variance n^(2H) above H = 1/2 and n below. Mean ReLU couples V to "
                "the state directly (memory rho, which is summable below 1/2 only together with that of W), an odd "
                "activation through W as well (rho^2). For each draw of weights the beta of D = 1 is found on a sweep; "
                "the median of these has an interval by order statistics."
            ),
            hypotheses="Fractional noise in V and W; width large. At fixed width linear and res-1 networks below H = "
            "1/2 contract instead as the depth grows (C6).",
            checks=_exponents,
            corrections=(
                Correction(
                    stated="The transition is at $\\max(H, 1/2)$.",
                    corrected="At depths of hundreds it is below by a tenth: .604, .700 and .814 at $H$ = .7, .8, .9 and "
                    "$L = 1000$ for $D = 1$.",
                    variant=_LIMIT,
                ),
                Correction(
                    stated="The exponent is $\\max(H, 1/2)$ whatever the branch.",
                    corrected="Odd activations have $\\max(1/2, 2H-1)$; linear branches at infinite width have $H$ below "
                    "1/2 too.",
                    variant=_EVERY_BRANCH,
                ),
            ),
        ),
    ),
    illustrations=(Illustration(cells=_picture_cells, draw=_picture),),
)
