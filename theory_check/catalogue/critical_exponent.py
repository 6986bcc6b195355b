"""Where fractional noise changes regime, and how that moves between independent and smooth weights (C3, P9).

A sweep measures a critical exponent at finite depth, and the recursion of infinite width predicts it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from theory_check.claims import (
    Basis,
    Check,
    Domain,
    Hypothesis,
    Normal,
    Probability,
    Profile,
    check,
    claim,
    crossing,
    median,
)
from theory_check.claims.checks import higher
from theory_check.claims.domains import branch_name, size_name
from theory_check.claims.observables import at_beta, between
from theory_check.experiments.sweep import Sweep
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.weights import Weights
from theory_check.theory.critical_curves import contour, extrapolated_exponent, gradient_contour, stationary

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

RES3 = Branch()

#: Depth of the networks whose gradient is measured. At the depth of another sweep that one would carry gradients too.
GRADIENT_DEPTH = 240

_WIDE = (
    "the prediction is exact at this depth for infinite width; medians at finite width are off by a few thousandths, "
    "in the part of the margin left for it"
)

# Mistakes that several checks name, or a correction too.
_INDEPENDENT = "1/2, as for independent weights"
_LIMIT = "the limit max(H, 1/2), at this depth"
_EVERY_BRANCH = "max(H, 1/2) whatever the branch"
_HIGHER = "exponent higher by {:g}"


def fractional(hurst: float) -> Weights:
    """Return weights that are fractional noise."""
    return Weights("fgn", (("hurst", hurst),))


def size(profile: Profile) -> tuple[int, int]:
    """Return width and depth: 20 and 250, from the standard profile on the paper's 40 and 1000."""
    return (20, 250) if profile.depth == 1 else (40, 1000)


def sweep(
    weights: Weights, width: int, depth: int, centre: float, *,
    step: float = 0.02, branch: Branch = RES3, gradients: bool = False,
) -> Sweep:  # fmt: skip
    """Return a sweep over betas about a predicted exponent; eight inputs share each draw of the weights."""
    return Sweep(
        branch=branch, weights=weights, width=width, depth=depth, betas=grid(centre, step),
        input=Input("gaussian", 8), gradients=gradients,
    )  # fmt: skip


def grid(centre: float, step: float) -> tuple[float, ...]:
    """Return eight betas, multiples of a step, with ``centre`` in the middle interval."""
    first = math.floor(centre / step) - 3
    return tuple(round((first + i) * step, 9) for i in range(8))


def _precision(profile: Profile) -> float:
    """Return the factor of margins: none shrinks beyond the standard profile, as the error of the width does not."""
    return max(profile.precision, 0.4)


def _law(centre: float, spread: float, width: int, depth: int) -> Normal:
    """Return the law of a crossing, for planning, from its standard deviation at width 20 and depth 250.

    log D fluctuates as d^(-1/2) and depends on beta as log L.
    """
    factor = math.sqrt(20.0 / width) * math.log(250.0) / math.log(depth)
    return Normal(centre, (spread * factor) ** 2)


def stationary_check(
    deep: Sweep, name: str, words: str, margin: float, spread: float, wrong: dict[str, float]
) -> Check:
    """Compare the beta at which D is the same at the depth of a sweep and at a sixteenth of it."""
    coarse = replace(deep, depth=deep.depth // 16)
    beta = stationary(deep.branch, deep.weights, coarse.depth, deep.depth)
    return check(
        f"res-3-{name}-stationary", (deep, coarse),
        rf"median $\beta$ at which $D$ is the same at depths {coarse.depth} and {deep.depth}, {words}",
        median(crossing(other=1), Normal(beta, spread**2 * 20.0 / deep.width)), beta,
        margin=margin, basis=Basis(_WIDE, allowance=0.3), wrong=wrong, sized={_HIGHER: lambda more: beta + more},
    )  # fmt: skip


def gradient_check(deep: Sweep, margin: float, spread: float) -> Check:
    """Compare the beta at which D* = 1."""
    hurst = _hurst(deep)
    beta = gradient_contour(deep.weights, deep.depth, deep.width)
    return check(
        f"res-3-{hurst:g}-gradient", deep, rf"median $\beta$ at which $D^* = 1$, $H = {hurst:g}$",
        median(crossing("log_gradient_displacement"), _law(beta, spread, deep.width, deep.depth)), beta,
        margin=margin,
        basis=Basis("the prediction has the leading terms in the width; what it leaves out is of order 1/d, nearly a "
                    "hundredth at width 20", allowance=0.4),
        wrong={"the gradient turns where the output does": contour(RES3, deep.weights, deep.depth)},
    )  # fmt: skip


def contour_check(deep: Sweep, margin: float, spread: float, wrong: dict[str, float]) -> Check:
    """Compare the beta at which D = 1."""
    beta, hurst = contour(deep.branch, deep.weights, deep.depth), _hurst(deep)
    return check(
        f"{str(deep.branch).replace(' ', '-')}-{hurst:g}-contour", deep,
        rf"median $\beta$ at which $D = 1$, {deep.branch}, $H = {hurst:g}$",
        median(crossing(), _law(beta, spread, deep.width, deep.depth)), beta,
        margin=margin, basis=Basis(_WIDE, allowance=0.2), wrong=wrong, sized={_HIGHER: lambda more: beta + more},
    )  # fmt: skip


def _hurst(deep: Sweep) -> float:
    return dict(deep.weights.parameters)["hurst"]


def _strata(deep: Sweep) -> tuple[str, ...]:
    return (
        f"sweep of {'gradients' if deep.gradients else 'outputs'}", branch_name(deep.branch),
        f"{deep.weights.law} weights", size_name(deep.width),
    )  # fmt: skip


def _crosses(deep: Sweep, beta: float) -> bool:
    """Tell whether a beta lies in the middle interval of a sweep."""
    return deep.betas[3] <= beta <= deep.betas[4]


#: Deviation of a crossing at width 20 and depth 250, at most, measured over both domains; for planning.
_SPREAD = 0.045

#: What the sweeps of both claims have.
_SWEPT = (
    Hypothesis("fractional noise", "the weights are fractional Gaussian noise of Hurst index between 0.1 and 0.95",
               lambda deep: deep.weights.law == "fgn" and 0.1 <= _hurst(deep) <= 0.95 and deep.weights.gain == 1.0),
    Hypothesis("size", "the width is at least 20, and there are at least 40 layers",
               lambda deep: deep.width >= 20 and deep.depth >= 40),
    Hypothesis("inputs and betas", "at least eight Gaussian inputs share the weights, and there are eight betas",
               lambda deep: deep.input.name == "gaussian" and deep.input.count >= 8 and len(deep.betas) == 8),
)  # fmt: skip


def _range_checks(deep: Sweep, _precision: float) -> Iterator[Check]:
    # Margins are those of the width and do not follow the precision.
    if deep.gradients:
        yield gradient_check(deep, 0.04, _SPREAD)
    else:
        name = f"{_hurst(deep):g}"
        wrong = {"1, as for smooth weights": 1.0, _INDEPENDENT: 0.5}
        yield stationary_check(deep, name, f"$H = {name}$", 0.075, 0.085, wrong)


def _range_sweeps() -> SearchStrategy[Sweep]:
    from hypothesis import strategies as st

    def drawn(hurst: int, sixteenth: int, gradients: bool) -> Sweep:
        weights, depth = fractional(hurst / 100.0), 16 * sixteenth
        if gradients:
            return sweep(weights, 20, depth, gradient_contour(weights, depth, 20), gradients=True)
        return sweep(weights, 20, depth, stationary(RES3, weights, sixteenth, depth), step=0.05)

    return st.builds(drawn, st.integers(20, 90), st.integers(4, 6), st.booleans()).filter(
        lambda deep: RANGE.violated(deep) is None
    )


RANGE = Domain(
    networks=_range_sweeps,
    build=_range_checks,
    hypotheses=(
        *_SWEPT,
        Hypothesis("res-3 with ReLU", "the branch is res-3 with ReLU", lambda deep: deep.branch == RES3),
        Hypothesis("depth", "the depth is a multiple of 16, from 64 on",
                   lambda deep: deep.depth % 16 == 0 and deep.depth >= 64),
        Hypothesis(
            "betas", "the betas are about the one where D* = 1, or where D is the same at a sixteenth of the depth",
            lambda deep: _crosses(
                deep, gradient_contour(deep.weights, deep.depth, deep.width) if deep.gradients
                else stationary(deep.branch, deep.weights, deep.depth // 16, deep.depth)
            ),
        ),
    ),
    strata=_strata,
)  # fmt: skip


@claim(
    "P9",
    domain=RANGE,
    quick_precision=1.7,
    title="A continuous range of regimes",
    formula=r"H = \tfrac12:\ \beta_c = \tfrac12;\qquad \text{smooth}:\ \beta_c = 1;\qquad \mathbb{E}\,D^* \approx "
    r"(1-\tfrac1d)\,\mathbb{E}_\infty D^* + \tfrac1d\,\mathbb{E}_\infty D",
    source="@marion2025; the gradient's exponent is derived",
    derivation="At infinite width a recursion over pairs of layers gives E D at every depth; smooth weights have D a "
    "function of L^(1 - beta) up to O(1/L). A gradient passes through both noises of a layer and sees rho^2 where the "
    "output, through the mean of ReLU, sees rho. At finite width the direction of the input alone moves as the output "
    "does: E D* >= E D / d, which rules at last as the depth grows.",
    hypotheses="res-3 with ReLU, both matrices with the same process; width large for the values.",
    remarks=(
        r"Output and gradient change regime together for independent weights, not here: for res-3 at infinite width"
        r" the gradient's critical exponent is $\max(1/2, 2H-1)$, the output's $\max(1/2, H)$; at finite width the "
        "gradient contour lies between them.",
    ),
)
def critical_exponent(profile: Profile) -> Iterator[Check]:
    r"""Between independent and smooth weights the scaling exponent at which the regime changes moves continuously: at
    one $\beta$ the fate of output and gradient turns with $H$, at one $H$ with $\beta$. The output's exponent rises
    with $H$ above 1/2 and is flat below; the gradient's rises later.
    """
    precision, (width, depth) = _precision(profile), size(profile)
    # The displacement does not move with depth at 1/2 for independent weights, at 1 for smooth ones, between for noise.
    for name, words, weights, spread, wrong in (
        ("independent", "independent weights", fractional(0.5), 0.05, {"1, as for smooth weights": 1.0}),
        ("0.7", "$H = 0.7$", fractional(0.7), 0.06, {"1, as for smooth weights": 1.0}),
        ("0.9", "$H = 0.9$", fractional(0.9), 0.07, {_INDEPENDENT: 0.5}),
        ("smooth", "smooth weights", Weights.parse("smooth:length=0.3"), 0.065, {_INDEPENDENT: 0.5}),
    ):
        d, fine = (20, 250) if name == "smooth" else (width, depth)  # smooth weights need no depth
        beta = stationary(RES3, weights, fine // 16, fine)
        yield stationary_check(sweep(weights, d, fine, beta, step=0.05), name, words, 0.075 * precision, spread, wrong)

    # The transition rises with H above 1/2 and stays where it is below.
    for low, high, spread, wrong in (
        (0.6, 0.8, 0.028, {"the regime does not depend on H": 0.0}),
        (0.2, 0.4, 0.02, {"the exponent is H below 1/2 as well": 0.2}),
    ):
        upper, lower = (contour(RES3, fractional(hurst), depth) for hurst in (high, low))
        variance = sum(_law(beta, spread, width, depth).variance for beta in (upper, lower))
        yield check(
            f"res-3-from-{low:g}-to-{high:g}",
            (sweep(fractional(high), width, depth, upper), sweep(fractional(low), width, depth, lower)),
            rf"median rise of the $\beta$ at which $D = 1$, from $H = {low:g}$ to $H = {high:g}$",
            median(crossing() - crossing(experiment=1), Normal(upper - lower, variance)), upper - lower,
            # Half of the rise, and of the rise of H, at the quick profile.
            margin=0.049 * precision, basis=Basis(_WIDE, allowance=0.3), wrong=wrong,
        )  # fmt: skip

    # At one beta the fate of output and gradient turns with H, at one H with beta.
    for hurst, beta, large in ((0.6, 0.6, False), (0.9, 0.6, True), (0.8, 0.45, True), (0.8, 0.85, False)):
        turned = Sweep(weights=fractional(hurst), width=12, depth=100, betas=(beta,))
        for name, column, symbol in (
            ("output", "log_displacement", "D"), ("gradient", "log_gradient_displacement", "D^*"),
        ):  # fmt: skip
            grows, decays = between(at_beta(column, beta), lower=0.0), between(at_beta(column, beta), upper=0.0)
            event, other = (grows, decays) if large else (decays, grows)
            yield check(
                f"res-3-{hurst:g}-beta{beta:g}-{name}", turned,
                rf"$\mathbb{{P}}({symbol} {'>' if large else '<'} 1)$ at $H = {hurst:g}$, $\beta = {beta:g}$",
                Probability(event, truth=0.9), (0.75, 1.0), margin=0.25,
                basis=Basis("certain as the depth grows; at least half of the networks must agree, where nearly all do "
                            "and on the other side nearly none, in every profile"),
                wrong={"the fate of the other side of the transition": Probability(other)},
            )  # fmt: skip

    weights = fractional(0.7)
    beta = gradient_contour(weights, GRADIENT_DEPTH, width)
    deep = sweep(weights, width, GRADIENT_DEPTH, beta, gradients=True)
    yield gradient_check(deep, 0.03 if width == 20 else 0.02, 0.018)


def _contour_checks(deep: Sweep, _precision: float) -> Iterator[Check]:
    hurst, odd = _hurst(deep), deep.branch.has_inner and deep.branch.activation.negative_slope == 1.0
    wrong = {_EVERY_BRANCH if odd else _LIMIT: max(hurst, 0.5), _INDEPENDENT: 0.5}
    yield contour_check(deep, 0.04, _SPREAD, wrong)


def _contours() -> SearchStrategy[Sweep]:
    from hypothesis import strategies as st

    from theory_check.strategies import closed_branches

    def drawn(pair: tuple[Branch, int], depth: int) -> Sweep:
        branch, weights = pair[0], fractional(pair[1] / 100.0)
        return sweep(weights, 20, depth, contour(branch, weights, depth), branch=branch)

    branches = closed_branches() | st.sampled_from([Branch("res-1"), Branch("res-3", Activation("identity"))])
    # Without weights inside, networks of finite width contract below H = 1/2 (C6).
    pairs = st.tuples(branches, st.integers(10, 90)).filter(lambda pair: pair[0].has_inner or pair[1] >= 50)
    return st.builds(drawn, pairs, st.integers(40, 100))


CONTOURS = Domain(
    networks=_contours,
    build=_contour_checks,
    hypotheses=(
        *_SWEPT,
        Hypothesis("piecewise linear", "the branch is positively homogeneous without bias",
                   lambda deep: deep.branch.homogeneous),
        Hypothesis("no contraction", "H is at least 1/2, or there are weights inside the activation",
                   lambda deep: deep.branch.has_inner or _hurst(deep) >= 0.5),
        Hypothesis("betas", "the betas are about the one where D = 1",
                   lambda deep: _crosses(deep, contour(deep.branch, deep.weights, deep.depth))),
    ),
    strata=_strata,
)  # fmt: skip


@claim(
    "C3",
    domain=CONTOURS,
    title="Critical exponent of fractional noise",
    formula=r"\beta_c = \max(H,\tfrac12);\qquad C_{k+1,l+1} = C_{k+1,l}+C_{k,l+1}-C_{k,l}+"
    r"L^{-2\beta}\rho\,\sqrt{C_{kk}C_{ll}}\,\mathrm{arc}(\rho\,c_{kl})/2",
    source="Derived; C4 for the values at finite depth",
    derivation="D is a sum over pairs of layers of L^(-2 beta) times the memory of what they add. Linear and res-1 "
    "branches add V with its own memory, rho, whose sum over pairs is L^(2H). In res-3 the memory is rho arc(rho c)/2: "
    "rho/(2 pi) at long range, from the mean of ReLU, which rules above 1/2, and positive in sum below 1/2, as for "
    "independent layers. An odd activation has no mean and leaves rho^2, whose sum is of order L^max(1, 4H-2). For "
    "each draw of weights the beta of D = 1 is found on a sweep; the median of these has an interval by order "
    "statistics.",
    hypotheses="Fractional noise in V and W; width large. At fixed width linear and res-1 networks below H = 1/2 "
    "contract instead as the depth grows (C6).",
    remarks=(
        r"$\max(H, 1/2)$ is a limit: at depths of hundreds $D = 1$ is at a $\beta$ lower by a tenth: .604, .700 and "
        ".814 at $H$ = .7, .8, .9 and $L = 1000$.",
        r"The branch matters: res-3 with an odd activation has $\max(1/2, 2H-1)$; linear and res-1 branches of "
        "infinite width have $H$ below 1/2 too.",
    ),
)
def finite_depth_exponent(profile: Profile) -> Iterator[Check]:
    r"""The critical exponent is $\max(H, 1/2)$ for res-3 with ReLU, $\max(1/2, 2H-1)$ for res-3 with an odd activation,
    and $H$ for linear and res-1 branches (below 1/2 at infinite width only). At finite depth $D = 1$ lies where the
    recursion of infinite width puts it, far from the limit.
    """
    precision, (width, depth) = _precision(profile), size(profile)
    for branch, hurst, spread, wrong in (
        (RES3, 0.3, 0.02, {"H below 1/2 as well": 0.3}),
        *((RES3, hurst, 0.028, {_LIMIT: hurst}) for hurst in (0.6, 0.7, 0.8, 0.9)),
        (Branch("res-1"), 0.7, 0.03, {_INDEPENDENT: 0.5}),
        (Branch("linear"), 0.7, 0.02, {_INDEPENDENT: 0.5}),
        (Branch("res-3", Activation("identity")), 0.8, 0.022, {_EVERY_BRANCH: 0.8}),
    ):
        beta = contour(branch, fractional(hurst), depth)
        deep = sweep(fractional(hurst), width, depth, beta, branch=branch)
        yield contour_check(deep, 0.04 * precision, spread, wrong)

    # Linear networks of large width and H < 1/2 spread on the scale beta = H.
    linear, hurst = Branch("linear"), 0.3
    beta = contour(linear, fractional(hurst), 250)
    yield check(
        f"linear-{hurst:g}-contour", sweep(fractional(hurst), 40, 250, beta, branch=linear),
        rf"median $\beta$ at which $D = 1$, linear, $H = {hurst:g}$",
        median(crossing(), _law(beta, 0.016, 40, 250)), beta, margin=0.04,
        basis=Basis("infinite width; at finite width rough weights contract (C6), by a share of order L^(1-2H)/d that "
                    "grows with depth, so that neither depth nor margin follows the profile", allowance=0.4),
        wrong={_EVERY_BRANCH: 0.5}, sized={_HIGHER: lambda more: beta + more},
    )  # fmt: skip

    # The simulated exponent, plus what the recursion says is left to infinite depth, against the limit.
    for hurst in (0.7, 0.9):
        beta, extrapolated = contour(RES3, fractional(hurst), depth), extrapolated_exponent(hurst, depth)
        shift, resolved = extrapolated.value - beta, 0.04 * precision
        margin = resolved + extrapolated.error
        yield check(
            f"res-3-{hurst:g}-extrapolated", sweep(fractional(hurst), width, depth, beta),
            rf"critical $\beta$ as $L\to\infty$: median $\beta$ at which $D = 1$, and {shift:.4f} from the recursion's "
            f"extrapolation, $H = {hurst:g}$",
            median(crossing(shift=shift), _law(hurst, 0.028, width, depth)), hurst, margin=margin,
            basis=Basis(
                f"{_WIDE}; {extrapolated.error:.2g} of it is the error of the extrapolation, a fact of the recursion "
                "alone, estimated by leaving out depths, not proven",
                allowance=1.0 - 0.8 * resolved / margin,
            ),
            wrong={_INDEPENDENT: 0.5}, sized={_HIGHER: higher(hurst)},
        )  # fmt: skip
