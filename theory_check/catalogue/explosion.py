"""The explosion regime, 0 < beta < 1/2, and its threshold at width 2 (P2, E7)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from theory_check.catalogue.exponents import growth_exponent
from theory_check.catalogue.gradients import CORRECTED
from theory_check.catalogue.one_layer_law import NO_ATOM
from theory_check.catalogue.pictures import BARS, DEPTHS, by_depth, depth_curve, median_band, norm_paths, recorded_times
from theory_check.claims import (
    EXACT,
    PROVEN,
    Basis,
    Check,
    Correction,
    Domain,
    Hypothesis,
    Illustration,
    Normal,
    Profile,
    check,
    claim,
)
from theory_check.claims.checks import higher
from theory_check.claims.domains import (
    GAUSSIAN,
    LAYERS,
    SYMMETRIC,
    beta_within,
    least_depth,
    width_not,
)
from theory_check.claims.estimators import Distance, Probability, median
from theory_check.claims.networks import (
    BRANCHES,
    COMBINATIONS,
    distance_from_normal,
    finite_depth_law,
    label,
    log_ratio_law,
    one_layer,
)
from theory_check.claims.observables import DISPLACEMENT, LOG_NORM_RATIO, ROOT_DISPLACEMENT, Samples, between
from theory_check.experiments.cell import Cell
from theory_check.experiments.experiment import Experiment
from theory_check.experiments.spelling import network
from theory_check.findings.pictures import Curve, PathPanel, Picture, RatePanel
from theory_check.foundation.laws import Law, Shifted
from theory_check.networks.branches import BranchName
from theory_check.theory.limits import explosion_law
from theory_check.theory.limits import explosion_rate as limit_rate

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_BETA = 0.25
_EVERY_WIDTH = "explosion at width 1"


def bound_check(deep: Cell, precision: float) -> Check:
    """Bound D from below: log R exceeds its centre minus four deviations, and sqrt(D) >= sqrt(R) - 1."""
    centre = explosion_law(*one_layer(deep))
    bound, near = (
        (math.exp((centre.mean - deviations * math.sqrt(centre.variance)) / 2.0) - 1.0) ** 2
        for deviations in (4.0, 1.0)
    )
    below, above_near = between(DISPLACEMENT, upper=bound), between(DISPLACEMENT, lower=near)
    return check(
        label(deep), deep, rf"$\mathbb{{P}}(D \geq {bound:.3g})$",
        Probability(between(DISPLACEMENT, lower=bound), truth=0.999), (0.98, 1.0), margin=0.02 * precision,
        basis=Basis("the bound lies four standard deviations inside; 2% is left for the normal approximation"),
        wrong={
            "non-trivial limit: D below the upper bound of the critical scaling": below,
            f"the same probability for D above {near:.3g}, one deviation below the centre": above_near,
        },
    )  # fmt: skip


def median_check(deep: Cell, precision: float) -> Check:
    """Compare the probability that sqrt(D) exceeds the median of sqrt(R) with its bounds by the law of R at this depth.

    | sqrt(D) - sqrt(R) | <= 1, so the probability that sqrt(D) exceeds c lies between those that sqrt(R) exceeds c + 1
    and c - 1: nearly one number as soon as c is large, and it tells the centre of log R to a part of its deviation.
    """
    multiplier, a, depth = one_layer(deep)
    width, (law, error, remainder) = multiplier.width, log_ratio_law(deep)
    root = math.exp(float(law.quantile(0.5)) / 2.0)

    def exceeding(law: Law, c: float) -> float:
        return 1.0 - float(law.cdf(2.0 * math.log(c)))

    time, limit = multiplier.kappa * a * a * depth, explosion_law(multiplier, a, depth)
    wrong = {
        "the width correction is 1/d": Normal(limit.mean + time / width, limit.variance),
        "the width correction is 3/d": Normal(limit.mean - time / width, limit.variance),
        "the drift is kappa (1 - 2/d) a^2, to first order": Normal(
            limit_rate(multiplier) * a * a * depth, limit.variance
        ),
        "the drift is that of the logarithm of the mean": Normal(depth * math.log1p(time / depth), limit.variance),
    }
    return check(
        f"{label(deep)}-beta{deep.network.scaling.beta:g}-median", deep, rf"$\mathbb{{P}}(\sqrt D \geq {root:.3g})$",
        Probability(between(ROOT_DISPLACEMENT, lower=root)),
        (max(exceeding(law, root + 1.0) - error, 0.0), min(exceeding(law, root - 1.0) + error, 1.0)),
        margin=0.03 * precision, basis=EXACT if GAUSSIAN.holds(deep) else CORRECTED, remainder=remainder,
        wrong={name: (exceeding(other, root + 1.0), exceeding(other, root - 1.0)) for name, other in wrong.items()},
        sized={r"the drift of $\log R$ is larger by {:.1%}": lambda more: exceeding(
            Shifted(law, more * limit.mean), root)},
    )  # fmt: skip


def _bounds_one(deep: Cell) -> bool:
    centre = explosion_law(*one_layer(deep))
    return centre.mean >= 4.0 * math.sqrt(centre.variance) + 1.0


def _time(deep: Cell) -> float:
    multiplier, a, depth = one_layer(deep)
    return multiplier.kappa * a * a * depth


def _of_any_width() -> SearchStrategy[Cell]:
    from theory_check.strategies import betas, closed_branches, deep_cells, weights

    return deep_cells(
        branches=closed_branches(), weights=weights(laws=("gaussian", "uniform", "rademacher")), depths=(64, 1024),
        betas=betas(0.05, 0.35),
    ).filter(lambda deep: _time(deep) >= _LONG)  # fmt: skip


#: Branch, weights, width, depth and beta of networks whose sqrt(D) is compared with the median of sqrt(R).
_MEDIANS: tuple[tuple[BranchName, str, int, int, float], ...] = (
    ("linear", "gaussian", 3, 64, 0.1), ("linear", "gaussian", 20, 64, 0.1), ("res-3", "gaussian", 20, 64, 0.1),
    ("res-3", "gaussian", 5, 400, 0.25), ("linear", "gaussian", 8, 1000, 0.3), ("res-3", "uniform", 8, 400, 0.2),
)  # fmt: skip

#: Time kappa L^(1 - 2 beta) after which a network of any width should have exploded, if the width did not matter. At
#: width 3 log R is about N(16, 64) then, and D below 4 has a probability of 5%.
_LONG = 48.0


def _exploded(deep: Cell, precision: float) -> Iterator[Check]:
    """As the statement is read without a condition on the width: by this time nearly every network has exploded."""
    yield check(
        label(deep), deep, r"$\mathbb{P}(D \geq 4)$", Probability(between(DISPLACEMENT, lower=4.0), truth=0.95),
        (0.75, 1.0), margin=0.05 * precision, basis=Basis("a quarter is left for the depth"),
    )  # fmt: skip


DOMAIN = Domain.of_cells(
    lambda deep, precision: (bound_check(deep, precision),),
    (
        *LAYERS, SYMMETRIC, beta_within(0.0, 0.5),
        width_not(1, "every factor may change the sign and log R has a negative drift: D tends to 1"),
        width_not(2, "log R has no drift: D tends to infinity or to 1, each with probability 1/2"),
        # The kurtosis moves the centre by 0.75 c a^3 sqrt(L) d^(-3/2) deviations, 1.2 of the four here.
        Hypothesis(
            "small steps", "the weights are Gaussian, or a at most 0.4 and the kurtosis at most 9",
            lambda deep: GAUSSIAN.holds(deep) or (one_layer(deep)[1] <= 0.4 and deep.weights.kurtosis <= 9.0),
        ),
        least_depth(32),
        Hypothesis("time to explode", "log R is predicted above 1 by four deviations", _bounds_one),
    ),
    widths=(3, 64), depths=(32, 400), betas=(0.05, 0.45),
    beyond=Domain(
        networks=_of_any_width,
        build=_exploded,
        hypotheses=(
            *LAYERS, beta_within(0.0, 0.5),
            Hypothesis("long time", f"kappa L^(1 - 2 beta) is at least {_LONG:g}", lambda deep: _time(deep) >= _LONG),
        ),
    ),
)  # fmt: skip


@claim(
    "P2",
    domain=DOMAIN,
    quick_precision=2.0,
    title="Explosion below the critical scaling",
    formula=r"\sqrt D \to \infty\ \text{in probability},\qquad \beta < \tfrac12,\ d > 2",
    source="@marion2025 (the paper asks for a large width; the threshold is E7's)",
    derivation="By E7 log R exceeds its centre minus four standard deviations, which tends to infinity with depth, "
    "with probability close to 1; sqrt(D) >= sqrt(R) - 1.",
    hypotheses="Symmetric independent weights; linear or res-3 branch; d > 2.",
)
def explosion(profile: Profile) -> Iterator[Check]:
    r"""For $\beta < 1/2$ and width above 2 the displacement tends to infinity in probability."""
    for branch, law in COMBINATIONS:
        deep = network(branch, law, width=20, depth=400 * profile.depth, beta=_BETA)
        yield bound_check(deep, profile.precision)
    for branch, law, width, depth, beta in _MEDIANS:
        deep = network(branch, law, width=width, depth=depth, beta=beta)
        yield median_check(deep, profile.precision)


#: By E4's terms of order a^2, (1 - 4/d) a^2/2 of the rate for linear branches and half of it times 1 + 5/d for res-3.
_NEXT_TERM = Basis(
    "limit in probability; the remainder, a^2/2 of the rate, bounds the next term, which Gaussian weights have; the "
    "kurtosis of others adds less than a tenth of it at this width"
)


def fluctuation_check(deep: Cell, precision: float) -> Check:
    """Compare the law of log R with the normal law of its exact mean and variance."""
    multiplier, a, depth = one_layer(deep)
    normal = explosion_law(multiplier, a, depth)
    return check(
        f"{label(deep)}-fluctuations", deep,
        r"Kolmogorov distance between $\log R$ and $N(L\,\mathbb{E}\log M,\ L\,\mathrm{Var}\log M)$",
        Distance(LOG_NORM_RATIO, normal), margin=0.05 * precision, basis=PROVEN,
        remainder=distance_from_normal(finite_depth_law(multiplier, a, depth), normal),
        wrong={
            "centred at the log of the mean":
                Normal(depth * math.log1p(multiplier.kappa * a * a), normal.variance),
            "centred two fifths of a standard deviation higher":
                Normal(normal.mean + 0.4 * math.sqrt(normal.variance), normal.variance),
            "centred one standard deviation higher":
                Normal(normal.mean + math.sqrt(normal.variance), normal.variance),
        },
        sized={"centred {:g} standard deviations higher": lambda more: Normal(
            normal.mean + more * math.sqrt(normal.variance), normal.variance)},
    )  # fmt: skip


def sign_check(deep: Cell, precision: float) -> Check:
    """Compare the probability of growth with that of the exact law."""
    multiplier, *layers = one_layer(deep)
    wider = replace(multiplier, width=multiplier.width + 1)
    error = finite_depth_law(multiplier, *layers).error
    growing, wrong = (1.0 - float(finite_depth_law(m, *layers).cdf(0.0)) for m in (multiplier, wider))
    return check(
        f"{label(deep)}-sign", deep, r"$\mathbb{P}(\log R > 0)$",
        Probability(between(LOG_NORM_RATIO, lower=np.nextafter(0.0, 1.0))),
        (max(growing - error, 0.0), min(growing + error, 1.0)), margin=0.03 * precision,
        wrong={f"the threshold is at width {multiplier.width - 1}": wrong, "no drift: half of the networks grow": 0.5},
        sized={"the threshold is at a width lower by {:g}": lambda less: NormalDist().cdf(
            NormalDist().inv_cdf(min(max(growing, 1e-9), 1.0 - 1e-9))
            + less * math.sqrt(multiplier.kappa * layers[1] / multiplier.width) * layers[0])},
    )  # fmt: skip


def _law_checks(deep: Cell, precision: float) -> Iterator[Check]:
    yield sign_check(deep, precision)
    fluctuations = fluctuation_check(deep, precision)
    if fluctuations.remainder <= 0.03:
        yield fluctuations


LAW = Domain.of_cells(
    _law_checks, (*LAYERS, GAUSSIAN, NO_ATOM, beta_within(0.0, 0.5)), laws=("gaussian",), depths=(8, 400),
    betas=(0.05, 0.45),
)  # fmt: skip


@claim(
    "E7",
    domain=LAW,
    quick_precision=1.1,
    title="Law in the explosion regime and its threshold",
    formula=r"L^{2\beta-1}\log R \to \kappa(1-2/d)",
    source="Derived",
    sharpens=("P2",),
    derivation="log R is a sum of L terms of mean a^2 kappa (1 - 2/d) + O(a^4) and variance 4 a^2 kappa / d. With "
    "Gaussian weights they are independent and identically distributed, so the centre L E log M and the variance L Var "
    "log M are known exactly. The sign of 1 - 2/d decides. Exponents: the median of the exact law at each of two "
    "depths.",
    hypotheses="Symmetric independent weights; 0 < beta < 1/2; linear or res-3 branch. Gaussian weights for the law.",
    corrections=(
        Correction(
            source="@marion2025, abstract",
            stated="“other choices lead either to explosion or to identity mapping”",
            corrected=r"Above width 2, which a summary may leave out. At width 1 and $\beta < 1/2$ the output does "
            r"neither: it collapses, $D \to 1$ in probability, although $\mathbb{E}\,D$ explodes; at width 2 $\log R$ "
            "has no drift.",
            variant=_EVERY_WIDTH,
        ),
    ),
)
def explosion_rate(profile: Profile) -> Iterator[Check]:
    r"""For $0 < \beta < 1/2$, $L^{2\beta-1}\log R$ tends to $\kappa(1-2/d)$ with Gaussian fluctuations: width 2 is the
    threshold between collapse and explosion.
    """
    for branch, law in COMBINATIONS:
        deep = network(branch, law, width=20, depth=400 * profile.depth, beta=_BETA)
        multiplier, a, depth = one_layer(deep)
        factor, rate, log_ratio = 1.0 / (a * a * depth), limit_rate(multiplier), explosion_law(multiplier, a, depth)
        yield check(
            f"{label(deep)}-rate", deep, r"median of $L^{2\beta-1}\log R$",
            median(factor * LOG_NORM_RATIO, Normal(factor * log_ratio.mean, factor * factor * log_ratio.variance)),
            rate, margin=0.1 * rate * profile.precision, basis=_NEXT_TERM, remainder=0.5 * a * a * rate,
            wrong={
                "three times the width correction": rate - 4.0 * rate / 18.0,
                "kappa of the other branch": rate * (0.5 if branch == "linear" else 2.0),
            },
            sized={"{:.0%} faster": higher(rate, rate)},
        )  # fmt: skip

    for branch, width in (("linear", 3), ("linear", 9), ("res-3", 9), ("res-3", 30)):
        yield fluctuation_check(_gaussian(branch, width, profile), profile.precision)
    for branch, width in (("linear", 1), ("linear", 2), ("linear", 3), ("res-3", 2), ("res-3", 3)):
        yield sign_check(_gaussian(branch, width, profile), profile.precision)

    deep = _gaussian("linear", 1, profile)
    exact = finite_depth_law(*one_layer(deep))
    # sqrt(D) = |h_L/h_0 - 1|, and |h_L/h_0| = sqrt(R): within 0.1 of 1 as soon as sqrt(R) <= 0.1.
    yield check(
        f"{label(deep)}-collapse", deep, r"$\mathbb{P}(|\sqrt D - 1| \leq 0.1)$",
        Probability(between(ROOT_DISPLACEMENT, 0.9, 1.1)), (float(exact.cdf(2.0 * math.log(0.1))) - exact.error, 1.0),
        margin=0.01 * profile.precision,
        wrong={
            _EVERY_WIDTH: between(ROOT_DISPLACEMENT, lower=1.1),
            "identity at width 1": between(ROOT_DISPLACEMENT, upper=0.9),
        },
    )  # fmt: skip

    for branch in BRANCHES:
        for beta in (0.15, 0.25, 0.4):
            yield growth_exponent(profile, branch, beta)


def _gaussian(branch: BranchName, width: int, profile: Profile) -> Cell:
    return network(branch, width=width, depth=1000 * profile.depth, beta=_BETA)


def _networks(_profile: Profile) -> dict[Experiment, int]:
    growth = [network("res-3", "uniform", width=40, depth=depth, beta=_BETA) for depth in DEPTHS]
    recorded = tuple(range(0, 801, 10))
    paths = [network("linear", width=d, depth=800, beta=_BETA, recorded_depths=recorded) for d in (1, 2, 9)]
    return {**dict.fromkeys(growth, 256), **dict.fromkeys(paths, 64)}


def _draw(samples: Samples) -> Picture:
    growth, *_ = by_depth(samples)
    median_growth = median_band(r"median, $\beta = 1/4$", growth)
    # D is close to R - 1, because <h_L, h_0> stays close to ||h_0||^2.
    predicted = depth_curve(r"theory, $R = e^{L E \log M}$", growth, lambda deep: math.sqrt(math.expm1(_centre(deep))))
    panels: list[RatePanel | PathPanel] = [
        RatePanel("Displacement against depth", "depth $L$", r"$\sqrt{D}$", (median_growth,), (predicted,), bars=BARS)
    ]
    for sample in samples[len(growth) :]:
        times = recorded_times(sample)
        mean = Curve("predicted mean", times, _centre(sample.experiment) * times)
        panels.append(norm_paths(f"Width {sample.experiment.network.width}", sample, 32, mean))
    return Picture(
        "explosion",
        "First: the displacement grows faster than any power of the depth (res-3, uniform weights, width 40; medians "
        r"of 256 networks with 99% intervals). Then: log norms along linear networks of depth 800 at $\beta = 1/4$: "
        "width 1 collapses, width 2 wanders, width 9 explodes.",
        tuple(panels),
    )


def _centre(deep: Cell) -> float:
    return explosion_law(*one_layer(deep)).mean


picture = Illustration(experiments=_networks, draw=_draw)
