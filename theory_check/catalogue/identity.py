"""The identity regime, beta > 1/2: the network does nothing as depth grows (P1, E6)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from theory_check.catalogue.exponents import displacement_exponent
from theory_check.catalogue.pictures import BARS, DEPTHS, by_depth, density_curve, depth_curve, median_band
from theory_check.claims import Basis, Check, Domain, Hypothesis, Illustration, Profile, ScaledChiSquare, check, claim
from theory_check.claims.checks import higher
from theory_check.claims.domains import GAUSSIAN, LAYERS, SYMMETRIC, beta_within, least_depth
from theory_check.claims.estimators import Distance, Probability, Slope
from theory_check.claims.networks import COMBINATIONS, label, one_layer
from theory_check.claims.observables import DISPLACEMENT, ROOT_DISPLACEMENT, Samples, between
from theory_check.experiments.cell import Cell
from theory_check.experiments.experiment import Experiment
from theory_check.experiments.spelling import network
from theory_check.findings.pictures import HistogramPanel, Picture, RatePanel
from theory_check.theory.displacement_law import DisplacementLaw, first_order_displacement

#: A prediction with its terms of order L a^2 and 1/L.
FIRST_ORDER = Basis("the law with its terms of order L a^2 and 1/L; the remainder bounds the next order")


def first_order_law(deep: Cell) -> DisplacementLaw:
    """Return the law of D / (kappa L a^2), or of D*, to first order."""
    multiplier, a, depth = one_layer(deep)
    return first_order_displacement(multiplier, deep.weights.kurtosis - 3.0, a, depth)


def _root_law(deep: Cell) -> ScaledChiSquare:
    """Return the law of sqrt(D) by E6: the root of L a^2 kappa chi2_d / d."""
    multiplier, a, depth = one_layer(deep)
    return ScaledChiSquare(multiplier.width, multiplier.kappa * a * a * depth, root=True)


def stays_check(deep: Cell, precision: float, basis: Basis, remainder: float, target: float = 0.95) -> Check:
    """Compare the probability of a displacement below the 95% quantile of the limit law."""
    half, epsilon = (float(_root_law(deep).quantile(p)) for p in (0.5, 0.95))
    return check(
        f"{label(deep)}-probability", deep, rf"$\mathbb{{P}}(\sqrt D \leq {epsilon:.3g})$",
        Probability(between(ROOT_DISPLACEMENT, upper=epsilon)), target, margin=0.03 * precision, basis=basis,
        remainder=remainder,
        wrong={"the same probability for a displacement below its median": between(ROOT_DISPLACEMENT, upper=half)},
    )  # fmt: skip


def law_check(
    deep: Cell, precision: float, basis: Basis, remainder: float, law: DisplacementLaw | None = None
) -> Check:
    """Compare the whole law of D with its limit, or with the law at this depth."""
    multiplier, a, depth = one_layer(deep)
    other = 0.5 if multiplier.branch.is_linear else 2.0
    width = multiplier.width
    return check(
        f"{label(deep)}-law", deep, r"Kolmogorov distance between $L^{2\beta-1}D/\kappa$ and $\chi^2_d/d$",
        Distance(DISPLACEMENT / (multiplier.kappa * a * a * depth), law or ScaledChiSquare(width)),
        margin=0.05 * precision, basis=basis, remainder=remainder,
        wrong={
            f"kappa is {multiplier.kappa * other:g}": ScaledChiSquare(width, other),
            "one degree of freedom for two coordinates": ScaledChiSquare(max(width // 2, 1)),
        },
        sized={"weights of {:.0%} more variance": lambda more: ScaledChiSquare(width, 1.0 + more)},
    )  # fmt: skip


def finite_depth_distance(deep: Cell) -> float:
    """Return how far the law of D / (kappa L a^2) may be from its limit, with S = kappa L a^2 and excess kurtosis c.

    The states move by sqrt(S) and the scale of D by S at most, E D = e^S - 1 being S (1 + S/2): a law moves by
    F((1 + 2 S) x) - F(x). The coordinates of g are independent, of kurtosis K = E g_j^4/(E g_j^2)^2. The average of
    ||g_k||^2 over the layers has the relative variance (K - 1)/(d L), 5/(d L) for ReLU and Gaussian W, which moves F by
    half of it times x^2 F'' + 2 x F', less than 1/L there. Given g, a coordinate of V g has the excess kurtosis
    c sum_j g_j^4/||g||^4, of mean c K/d, and that of the sum over the layers, an L-th of it, moves F by its tenth. A
    linear branch has g = h, whose sum is 1 at most.
    """
    multiplier, a, depth = one_layer(deep)
    moved = 2.0 * multiplier.kappa * a * a * depth
    law = ScaledChiSquare(multiplier.width)
    points = np.asarray(law.quantile(np.linspace(0.01, 0.99, 99)))
    scale = float(np.max(law.cdf((1.0 + moved) * points) - law.cdf(points)))
    excess = 0.0 if deep.weights.definition.orthogonal else abs(deep.weights.kurtosis - 3.0)
    if multiplier.branch.is_linear:
        return scale + (1.0 + 0.1 * excess) / depth
    tails = branch_kurtosis(deep)
    return scale + (max(1.0, (tails - 1.0) / 5.0) + 0.1 * excess * tails / multiplier.width) / depth


def branch_kurtosis(deep: Cell) -> float:
    """Bound E g_j^4/(E g_j^2)^2 for g = sigma(W h), sigma of negative slope s, entries of W of kurtosis k.

    A row of W h has the kurtosis 3 + (k - 3) sum u_i^4, u = h/||h||, which is max(3, k) at most. By symmetry sigma
    takes its moments of order p times (1 + s^p)/2.
    """
    slope, inner = deep.network.branch.activation.negative_slope, deep.weights.inner
    assert slope is not None, "only homogeneous branches are in the domain"
    rows = 3.0 if inner.definition.orthogonal else max(3.0, inner.kurtosis)
    return 2.0 * (1.0 + slope**4) / (1.0 + slope**2) ** 2 * rows


_FINITE_DEPTH = Basis("limit law; the bound of its distance from the law at this depth is the remainder")

_NEAR = (
    *LAYERS, SYMMETRIC, beta_within(0.5, math.inf), least_depth(32),
    Hypothesis("finite kurtosis", "the kurtosis is finite", lambda deep: deep.weights.kurtosis < math.inf),
    # A search found sparse entries at width 1, where D is the square of a sum of about 25 signs.
    Hypothesis(
        "no lattice",
        "the weights are Gaussian, or the width at least 2 and the input not (1, ..., 1), so that sums of discrete "
        "entries are on no lattice",
        lambda deep: GAUSSIAN.holds(deep) or (deep.network.width > 1 and deep.input.name != "ones"),
    ),
    Hypothesis(
        "depth for the law", "the depth brings D within 0.03 of its limit law",
        lambda deep: finite_depth_distance(deep) <= 0.03,
    ),
)  # fmt: skip

STAYS = Domain.of_cells(
    lambda deep, precision: (stays_check(deep, precision, _FINITE_DEPTH, finite_depth_distance(deep)),),
    _NEAR, depths=(32, 512), betas=(0.75, 2.0),
)  # fmt: skip

LAW = Domain.of_cells(
    lambda deep, precision: (law_check(deep, precision, _FINITE_DEPTH, finite_depth_distance(deep)),),
    _NEAR, depths=(32, 512), betas=(0.75, 2.0),
)  # fmt: skip


def _median_slope(networks: tuple[Cell, ...]) -> tuple[float, float]:
    """Return the slope of log of the median of sqrt(D) against log L at these depths, and a bound of its error.

    A median is off by the error of the law over the density of log D there.
    """
    log_depths = np.log([deep.network.depth for deep in networks])
    weights = (log_depths - log_depths.mean()) / np.sum((log_depths - log_depths.mean()) ** 2)
    medians, errors = [], []
    for deep in networks:
        first = first_order_law(deep)
        median = float(first.quantile(0.5))
        medians.append(0.5 * math.log(median * first.time))
        errors.append(0.5 * first.error / (median * float(first.limit.density(median))))
    return float(weights @ medians), float(np.abs(weights) @ errors)


@claim(
    "P1",
    domain=STAYS,
    quick_precision=2.0,
    title="Identity above the critical scaling",
    formula=r"\sqrt D \to 0 \ \text{in probability},\qquad \beta > \tfrac12",
    source="@marion2025",
    derivation="E D = (1 + kappa a^2)^L - 1 is of order L^(1 - 2 beta). Checked sharply: the probability of staying "
    "below the 95% quantile of the law E6, which itself tends to zero with depth, and the slope of the median.",
    hypotheses="Symmetric independent weights of finite variance.",
)
def identity(profile: Profile) -> Iterator[Check]:
    r"""For $\beta > 1/2$ the displacement tends to zero in probability, at the rate $L^{1/2-\beta}$."""
    for branch, law in COMBINATIONS:
        deep = network(branch, law, width=20, depth=200 * profile.depth, beta=1.0)
        first = first_order_law(deep)
        stays = float(first.cdf(first.limit.quantile(0.95)))
        yield stays_check(deep, profile.precision, FIRST_ORDER, first.error, stays)
    depths = tuple(depth * profile.depth for depth in (64, 192, 576))
    for branch, law, beta in (("linear", "gaussian", 0.75), ("res-3", "uniform", 1.0), ("res-3", "rademacher", 0.75)):
        networks = tuple(network(branch, law, width=20, depth=depth, beta=beta) for depth in depths)
        slope, error = _median_slope(networks)
        yield check(
            f"{label(networks[0])}-beta{beta:g}-rate", networks,
            r"slope of the median of $\log\sqrt D$ against $\log L$",
            Slope(ROOT_DISPLACEMENT, depths, tuple(map(_root_law, networks))), slope,
            margin=0.04 * profile.precision, basis=FIRST_ORDER, remainder=error,
            wrong={"the displacement does not vanish": 0.0, "rate -beta": -beta},
            sized={"the rate of a beta higher by {:g}": higher(slope, -1.0)},
        )  # fmt: skip


@claim(
    "E6",
    domain=LAW,
    title="Law of the displacement in the identity regime",
    formula=r"L^{2\beta-1} D/\kappa \to \chi^2_d/d",
    source="Derived",
    sharpens=("P1",),
    derivation="To first order h_L - h_0 is a sum of L independent isotropic vectors a V g(h_0) of variance a^2 kappa "
    "||h_0||^2 / d a coordinate; the central limit theorem makes it Gaussian. Exponents: E D = (1 + kappa a^2)^L - 1 "
    "is exact at every depth, and so is the slope of its logarithm.",
    hypotheses="Symmetric independent weights of finite variance; linear or res-3 branch.",
)
def displacement_law(profile: Profile) -> Iterator[Check]:
    r"""For $\beta > 1/2$ the rescaled displacement $L^{2\beta-1}D/\kappa$ tends to $\chi^2_d/d$ in law, and
    $\mathbb{E}\,D$ decreases with the exponent $1-2\beta$.
    """
    for branch, law in COMBINATIONS:
        deep = network(branch, law, width=20, depth=200 * profile.depth, beta=1.0)
        first = first_order_law(deep)
        yield law_check(deep, profile.precision, FIRST_ORDER, first.error, first)
    for branch, law in COMBINATIONS:
        for beta in (0.6, 0.75, 1.0, 1.5) if law == "gaussian" else (0.75, 1.0):
            yield displacement_exponent(profile, branch, law, beta)


_BETAS = (1.0, 0.75)


def _networks(profile: Profile) -> dict[Experiment, int]:
    law = network("res-3", "uniform", width=20, depth=200 * profile.depth, beta=1.0)
    rates = [network("res-3", "uniform", width=40, depth=depth, beta=beta) for beta in _BETAS for depth in DEPTHS]
    return {**dict.fromkeys(rates, 128), law: 4096}


def _draw(samples: Samples) -> Picture:
    *rates, last = samples
    pairs = list(zip(_BETAS, by_depth(rates), strict=True))
    bands = tuple(median_band(rf"median, $\beta = {beta:g}$", group) for beta, group in pairs)
    curves = tuple(
        depth_curve(f"theory, slope {0.5 - beta:g}", group, lambda deep: float(_root_law(deep).quantile(0.5)))
        for beta, group in pairs
    )
    multiplier, a, depth = one_layer(last.experiment)
    scaled = (DISPLACEMENT / (multiplier.kappa * a * a * depth))([last])
    law = density_curve(r"$\chi^2_d / d$", ScaledChiSquare(multiplier.width))
    title = rf"Law at $\beta = 1$, width {multiplier.width}, depth {depth}"
    return Picture(
        "identity",
        r"Left: the displacement vanishes with depth at the predicted rate $L^{1/2-\beta}$ (res-3, uniform weights, "
        "width 40; medians of 128 networks with 99% intervals). Right: rescaled, it follows the chi-square law.",
        (
            RatePanel("Displacement against depth", "depth $L$", r"$\sqrt{D}$", bands, curves, bars=BARS),
            HistogramPanel(title, r"$L^{2\beta-1} D / \kappa$", scaled, (law,)),
        ),
    )


picture = Illustration(experiments=_networks, draw=_draw)
