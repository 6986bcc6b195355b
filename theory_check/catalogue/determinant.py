"""The determinant of the Jacobian of a network is lognormal, with parameters that do not depend on the width (E9)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from theory_check.catalogue.pictures import density_curve
from theory_check.claims import (
    IDENTITY,
    Basis,
    Check,
    Distance,
    Domain,
    Hypothesis,
    Illustration,
    Normal,
    Probability,
    Profile,
    check,
    claim,
)
from theory_check.claims.checks import heavier
from theory_check.claims.domains import CRITICAL, DOMINATED, LAYERS, NO_TIES
from theory_check.claims.networks import COMBINATIONS, label, layer_law
from theory_check.claims.observables import LOG_DETERMINANT, LOG_NORM_RATIO, between, column
from theory_check.experiments.cell import Cell, Sample
from theory_check.experiments.experiment import Experiment
from theory_check.experiments.spelling import network
from theory_check.findings.pictures import HistogramPanel, Picture

#: Linear, Gaussian weights, to the next order: mean -(1 + 2/d)/(4 L), variance (1/2 + 2/d)/L. At L = 64 and d = 4 that
#: moves the law by 0.005.
FINITE_DEPTH = Basis("limit law; a part of the margin is left for the finite depth, of order 1/L", allowance=0.25)


def law_check(deep: Cell, precision: float, basis: Basis, remainder: float = 0.0) -> Check:
    """Compare the log determinant of the Jacobian with its limit law."""
    kappa, width = layer_law(deep).kappa, deep.network.width
    other = 0.5 if deep.network.branch.is_linear else 1.0
    return check(
        f"{label(deep)}-determinant", deep,
        r"Kolmogorov distance between $\log|\det J|$ and $N(-\kappa/2,\,\kappa)$",
        Distance(LOG_DETERMINANT, Normal(-kappa / 2.0, kappa)), margin=0.05 * precision, basis=basis,
        remainder=remainder,
        wrong={
            "mean 0: the layers' determinants have mean 1": Normal(0.0, kappa),
            "a quarter of the variance": Normal(-kappa / 2.0, kappa / 4.0),
            "four times the variance": Normal(-kappa / 2.0, 4.0 * kappa),
            "the law of the other branch": Normal(-other / 2.0, other),
            "every direction grows as the state does, d/2 log R": Normal(kappa * (width - 2) / 2.0, kappa * width),
        },
        sized={"weights of {:.0%} more variance": partial(heavier, Normal(-kappa / 2.0, kappa))},
    )  # fmt: skip


#: Rounding of log ||h_L|| against log sigma_i, both from products of rows in single precision: 2^-24 for each of 256
#: layers, all in one direction, is 1.5e-5. Ill-conditioned Jacobians enlarge it: with He's variance and slopes of 1 or
#: -1 log sigma_d may be off by 1e-3, but an input that shows it lies within 1e-6 of one direction, and 297,000 networks
#: of such kinds went beyond the singular values by 4e-7 at most. Wrong slopes change log sigma_i by about a sqrt(L).
ROUNDING = 1e-4


def image_check(deep: Cell, precision: float) -> Check:
    """Check that the norm of the output is one that the Jacobian can give to an input of norm one.

    Branches without a bias are positively homogeneous, so that h_L = J h_0 (Euler), and ||h_L||/||h_0|| lies between
    the extreme singular values; at width 1 it is both of them. A Jacobian at other slopes, which are fair coins, has
    the same law. At width 1 the slopes of the layer before are all right only if every layer has the same slope.
    """
    width, depth = deep.network.width, deep.network.depth
    log_ratio, log_values = 0.5 * LOG_NORM_RATIO, column("log_singular_values")
    within = between(log_ratio - log_values[0], upper=ROUNDING) & between(
        log_ratio - log_values[width - 1], lower=-ROUNDING
    )
    wrong = {"one network in ten has an output that its Jacobian cannot have": 0.9}
    if width == 1 and deep.network.branch.has_inner:
        wrong["every layer has the slopes of the one before"] = 2.0 ** (1 - depth)
    return check(
        f"{label(deep)}-image", deep,
        r"probability that $\sigma_d(J) \le \Vert h_L\Vert/\Vert h_0\Vert \le \sigma_1(J)$, within rounding",
        Probability(within, truth=1.0, exact=True), 1.0, margin=0.035 * precision, basis=IDENTITY, wrong=wrong,
    )  # fmt: skip


def finite_depth_distance(deep: Cell) -> float:
    """Bound how far log|det J| is from its limit, for kurtosis at most 3.

    It is widest at width 1, where E log|1 + a x| = -a^2 E x^2/2 - a^4 E x^4/4 and Var = a^2 E x^2 + O(a^4): for
    Gaussian weights mean and variance are off by 3/(4 L) and 5/(2 L), which moves a normal law by 0.6/L; for ReLU,
    where x = v w on half of the states, by 9/(8 L) and 4/L, which moves it by 1.7/L. The traces of discrete entries
    are on a lattice of step 2 a/sqrt(d), half of a jump of which is 0.4/sqrt(d L) of the unit mass, and 1.41 times that
    for ReLU.
    """
    width, depth = deep.network.width, deep.network.depth
    growth = layer_law(deep)
    order, spread = (1.0, 1.0) if deep.network.branch.is_linear else (3.0, math.sqrt(2.0))
    lattice = 0.0 if not deep.weights.definition.discrete else 0.4 * spread / math.sqrt(width * depth)
    return order * max(growth.gain, 1.0) / depth + lattice


def _observed(deep: Cell) -> Cell:
    return replace(deep, jacobian=True)


_BOUNDED = Basis("limit law; the bound of its distance from the law at this depth is the remainder")

DOMAIN = Domain.of_cells(
    lambda deep, precision: (
        law_check(deep, precision, _BOUNDED, finite_depth_distance(deep)),
        # At width 1 a layer may cancel the state up to rounding, which is then all that is left.
        *([image_check(deep, precision)] if deep.network.width > 1 else []),
    ),
    (
        *LAYERS, CRITICAL, DOMINATED, NO_TIES,
        Hypothesis("depth for the law", "the depth brings the determinant within 0.05 of its limit",
                   lambda deep: finite_depth_distance(deep) <= 0.05),
    ),
    widths=(1, 8), depths=(64, 256), kernel="dense", finish=_observed,
)  # fmt: skip


@claim(
    "E9",
    domain=DOMAIN,
    quick_precision=1.4,
    title="Log determinant of the Jacobian",
    formula=r"\log|\det \partial h_L/\partial h_0| \to N(-\kappa/2,\,\kappa)",
    source="Derived",
    derivation="log|det(I + a X)| = a tr X - a^2 tr(X^2)/2 + O(a^3) with X = V, or V Delta W with the slopes Delta on "
    "the diagonal. Var tr X = kappa and E tr X^2 = kappa whatever d, and the layers' determinants are independent. The "
    "law does not tell whether J belongs to the states of its own network: by Euler's identity h_L = J h_0, and the "
    "norm ratio lies between the extreme singular values.",
    hypotheses="Symmetric independent V and W of unit variance; linear or res-3 with a piecewise linear activation.",
)
def determinant(profile: Profile) -> Iterator[Check]:
    r"""At $\beta = 1/2$ $\log|\det J|$ tends to $N(-1/2, 1)$ for linear branches and to $N(-1/4, 1/2)$ for res-3,
    whatever the width.
    """
    narrow = tuple((branch, law, 4) for branch, law in COMBINATIONS)
    for branch, law, width in (*narrow, ("linear", "gaussian", 8), ("res-3", "uniform", 8)):
        yield law_check(critical(branch, law, width, profile), profile.precision, FINITE_DEPTH)
    yield image_check(critical("res-3", "uniform", 4, profile), profile.precision)
    # Entries are at most sqrt(3), a V W at most 3/8: no layer cancels the state.
    single = network("res-3", "uniform", width=1, depth=8, beta=1.0, jacobian=True)
    yield image_check(single, profile.precision)


def critical(branch: str, law: str, width: int, profile: Profile) -> Cell:
    """Return a network of beta = 1/2 whose error of order 1/L shrinks as fast as the margin: d^3 work a layer."""
    return network(branch, law, width=width, depth=round(64 / profile.precision), jacobian=True)


def _pictured(profile: Profile) -> Mapping[Experiment, int]:
    return {critical(branch, "uniform", 4, profile): 4096 for branch in ("linear", "res-3")}


def _draw(samples: Sequence[Sample]) -> Picture:
    panels = []
    for sample in samples:
        deep, kappa = sample.experiment, layer_law(sample.experiment).kappa
        limit = density_curve(r"$N(-\kappa/2, \kappa)$", Normal(-kappa / 2.0, kappa))
        title = f"{deep.network.branch.name}, width 4"
        panels.append(HistogramPanel(title, r"$\log|\det J|$", LOG_DETERMINANT([sample]), (limit,)))
    return Picture(
        "jacobians",
        f"Log determinant of the Jacobian of networks of width 4 and depth {samples[0].experiment.network.depth} "
        "(uniform weights) with the density of the limit law, in which the width does not appear.",
        tuple(panels),
    )


picture = Illustration(experiments=_pictured, draw=_draw)
