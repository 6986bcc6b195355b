"""What happens where the hypotheses fail: infinite variance, zero last layers, other variances (E15)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from theory_check.catalogue.admissible_laws import DEPTH, capped, gaussian_layer
from theory_check.catalogue.critical_scaling import DELTA, bounded
from theory_check.catalogue.lognormal_limit import law_checks
from theory_check.catalogue.pictures import BARS, DEPTHS, by_depth, depth_curve, median_band
from theory_check.claims import (
    IDENTITY,
    Basis,
    Check,
    Domain,
    Hypothesis,
    Illustration,
    Profile,
    check,
    claim,
)
from theory_check.claims.domains import (
    DOMINATED,
    INDEPENDENT_LAYERS,
    LINEAR_OR_RECTIFIER,
    ONE_FACTOR,
    mean_in_reach,
)
from theory_check.claims.estimators import Mean, Probability
from theory_check.claims.networks import BRANCHES, dominated_layer, label
from theory_check.claims.observables import (
    DISPLACEMENT,
    GRADIENT_DISPLACEMENT,
    LOG_NORM_RATIO,
    NORM_RATIO,
    ROOT_DISPLACEMENT,
    Samples,
    between,
)
from theory_check.experiments.cell import Cell
from theory_check.experiments.experiment import Experiment
from theory_check.experiments.spelling import network
from theory_check.findings.pictures import Picture, RatePanel
from theory_check.networks.weights import Weights
from theory_check.theory import entry_laws, moments
from theory_check.theory.limits import lognormal_limit

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

#: Initialisations whose last layer is zero, and which are therefore one law by four names.
ZERO_LAST = ("zero", "skipinit", "rezero", "fixup")

_HEAVY = "student:df=1.5"
_PYTORCH = "uniform:variance=pytorch"
_ONE_FACTOR = "the inner and the outer matrix share one factor"

#: The statements that a contrast denies, as its mistakes name them.
MARKOV = "the exact mean (E1), by Markov's inequality"
LIMIT_LAW = "the lognormal limit (E4)"
STAYED = "non-trivial limit (P3): at most one network in ten has stayed"
HALF = "the exact mean (E1): kappa = 1/2 whatever the law"
MEANS = "the exact mean (E1) and the mean of the lognormal limit (E4)"


def identity_check(deep: Cell, precision: float) -> Check:
    """Check that a network with zero last layers is the identity."""
    return check(
        f"{label(deep)}-beta{deep.network.scaling.beta:g}-identity", deep, r"$\mathbb{P}(D = 0)$ with zero last layers",
        Probability(between(ROOT_DISPLACEMENT, upper=0.0), truth=1.0, exact=True), 1.0,
        margin=0.01 * precision, basis=IDENTITY,
        wrong={"the network moves its input": between(ROOT_DISPLACEMENT, lower=np.nextafter(0.0, 1.0))},
    )  # fmt: skip


def default_checks(deep: Cell, precision: float) -> Iterator[Check]:
    """Compare the means of D and D*: PyTorch's default, uniform on +-1/sqrt(d), has a third of the unit variance."""
    factor, mistake, wrong_factor = (3.0, "a ninth", 9.0) if deep.network.branch.is_linear else (9.0, _ONE_FACTOR, 3.0)
    multiplier, a, depth = dominated_layer(deep)
    target, unit, wrong = (
        moments.mean_displacement(replace(multiplier, gain=gain), a, depth)
        for gain in (1.0 / factor, 1.0, 1.0 / wrong_factor)
    )
    variance = moments.displacement_variance(multiplier, a, depth)
    for name, observable, symbol in (
        ("displacement", DISPLACEMENT, "D"), ("gradient", GRADIENT_DISPLACEMENT, "D^*"),
    ):  # fmt: skip
        yield check(
            f"{label(deep)}-default-{name}", deep,
            rf"$\mathbb{{E}}\,{symbol}$ with PyTorch's default variance, $\kappa/{factor:g}$",
            Mean(observable, variance), target, margin=0.06 * precision * target,
            wrong={"unit variance": unit, mistake: wrong},
            sized={"weights of {:.0%} more variance": lambda more: moments.mean_displacement(
                replace(multiplier, gain=(1.0 + more) / factor), a, depth)},
        )  # fmt: skip


def unbounded_check(deep: Cell, precision: float) -> Check:
    """Check that D leaves the bounds of P3 where entries have no variance."""
    # Chebyshev's upper bound of P3, with delta = 0.05, for entries of unit variance.
    shape = deep.network
    unit = dominated_layer(network(shape.branch, "gaussian", width=shape.width, depth=shape.depth))
    bound = moments.mean_displacement(*unit) + math.sqrt(moments.displacement_variance(*unit) / 0.05)
    return check(
        f"{label(deep)}-unbounded", deep, rf"$\mathbb{{P}}(D > {bound:.3g})$ for entries without variance",
        Probability(between(DISPLACEMENT, lower=bound), truth=0.97), (0.85, 1.0), margin=0.08 * precision,
        basis=Basis("D tends to infinity in probability; 15% is left for the depth of the profile"),
        wrong={"non-trivial limit (P3): D below its upper bound": between(DISPLACEMENT, upper=bound)},
    )  # fmt: skip


def skewed_layer_check(layer: Cell, precision: float) -> Check:
    """Compare the mean of R of one layer with centred exponential W, from (1, ..., 1)."""
    width = layer.network.width
    kappa = entry_laws.exponential_kappa(width)
    return check(
        "res-3-exponential-ones-layer", layer,
        r"$\mathbb{E}\,R$ of one layer with skewed $W$ at $h = (1, \ldots, 1)$",
        Mean(NORM_RATIO, entry_laws.exponential_layer_variance_bound(width)), 1.0 + kappa,
        margin=0.06 * precision, wrong={HALF: 1.5, "the opposite skewness": 2.0 - kappa},
    )  # fmt: skip


def _is_default(deep: Cell) -> bool:
    return deep.weights.variance == "pytorch" and DOMINATED.holds(deep) and LINEAR_OR_RECTIFIER.holds(deep)


def _is_heavy(deep: Cell) -> bool:
    shape, df = deep.network, dict(deep.weights.parameters).get("df", math.inf)
    return (
        deep.weights.law == "student" and df <= 1.5 and shape.scaling.beta == 0.5 and shape.width >= 6
        and shape.depth >= 200 and LINEAR_OR_RECTIFIER.holds(deep)
    )  # fmt: skip


def _is_skewed_layer(deep: Cell) -> bool:
    shape = deep.network
    return (
        deep.weights.law == "exponential" and deep.weights.gain == 1.0 and deep.input.name == "ones"
        and str(shape.branch) == "res-3" and shape.depth == 1
    )  # fmt: skip


def _checks(deep: Cell, precision: float) -> Iterator[Check]:
    if deep.weights.law in ZERO_LAST:
        yield identity_check(deep, precision)
    elif _is_default(deep):
        yield from default_checks(deep, precision)
    elif _is_heavy(deep):
        yield unbounded_check(deep, precision)
    else:
        yield skewed_layer_check(deep, precision)


def _drawn() -> SearchStrategy[Cell]:
    from hypothesis import strategies as st

    from theory_check.strategies import betas, branches, by_octaves, closed_branches, deep_cells

    zero = st.sampled_from(ZERO_LAST).map(Weights.parse)
    still = deep_cells(
        branches=branches().filter(lambda branch: not branch.definition.has_bias), weights=zero, betas=betas(0.0, 2.0)
    )
    default = deep_cells(
        branches=closed_branches(rectifier=True), betas=betas(0.3, 2.0), gradients=True,
        weights=st.sampled_from([_PYTORCH, "triangular:variance=pytorch"]).map(Weights.parse),
    )  # fmt: skip
    heavy = st.builds(
        lambda branch, tenths, width: network(branch, f"student:df={tenths / 10:g}", width=width, depth=200),
        st.sampled_from(BRANCHES), st.integers(10, 15), st.integers(6, 8),
    )  # fmt: skip
    skewed = by_octaves(1, 32).map(lambda width: network("res-3", "exponential", width=width, depth=1, input="ones"))
    return (still | default | heavy | skewed).filter(lambda deep: DOMAIN.violated(deep) is None)


DOMAIN = Domain(
    networks=_drawn,
    build=_checks,
    hypotheses=(
        INDEPENDENT_LAYERS, ONE_FACTOR,
        Hypothesis(
            "one hypothesis missing", "the last layers are zero; or the variance is PyTorch's, with kurtosis at most 3 "
            "and a linear or ReLU branch; or the entries are Student's with df at most 3/2, beta 1/2, width 6 or more "
            "and depth 200 or more; or one res-3 layer has centred exponential weights at (1, ..., 1)",
            lambda deep: deep.weights.law in ZERO_LAST or _is_default(deep) or _is_heavy(deep)
            or _is_skewed_layer(deep),
        ),
        mean_in_reach("D", lambda deep: next(default_checks(deep, 1.0)), given=_is_default),
    ),
)  # fmt: skip


@claim(
    "E15",
    domain=DOMAIN,
    quick_precision=2.0,
    title="Heavy tails and degenerate initialisations",
    formula=r"D \to \infty\ (\alpha\text{-stable tails}),\qquad \mathbb{E}\,D = (1+v_V v_W\kappa a^2)^L-1",
    source="Derived; the contrast to P3",
    derivation="Among L d^2 entries with tails of index 3/2 the largest is of order (L d^2)^(2/3); scaled by (L "
    "d)^(-1/2) and applied to a coordinate of h it moves the output by a multiple of L^(1/6), which no other layer "
    "undoes. Variances of V and W enter every law through kappa alone. For tied linear layers log R / sqrt(L) tends to "
    "twice the largest real part of an eigenvalue of V. E ||relu(W h)||^2 is half of ||h||^2 only if (W h)_i keeps "
    "half of its second moment on the positive side: skewness l multiplies it by 1 + l sqrt(2/pi)/3 times the sum of "
    "cubes of the direction of h. From h_0 = (1, ..., 1) that sum has the order d^(-1/2) of the deviation of log R: "
    "the limit law is missed at every width.",
    hypotheses="Those of E1, E4 and P3 but one; linear or res-3 branch.",
    remarks=(
        r"PyTorch's default variance, $1/(3d)$, divides $\kappa$ by 3 for linear branches; in both matrices of res-3"
        r" it divides $\kappa$ by 9.",
    ),
)
def contrasts(profile: Profile) -> Iterator[Check]:
    r"""At $\beta = 1/2$ entries of infinite variance have no non-trivial limit: $D \to \infty$ in probability. Zero
    last layers give the identity at every $\beta$. PyTorch's default variance divides $\kappa$ by 3 for linear branches
    and by 9 for res-3 without a bias. Tied weights explode. Skewed weights inside the activation make $\kappa$ depend
    on the direction of $h$.
    """
    # Entries with heavy tails take a hundred times longer to draw, so these networks are narrow.
    for branch in BRANCHES:
        yield unbounded_check(network(branch, _HEAVY, width=8, depth=200 * profile.depth), profile.precision)

    for branch in BRANCHES:
        for beta in (0.0, 0.5):
            yield identity_check(network(branch, "zero", width=20, depth=DEPTH, beta=beta), profile.precision)

    for branch in BRANCHES:
        yield from default_checks(network(branch, _PYTORCH, width=20, depth=DEPTH, gradients=True), profile.precision)

    heavy = network("res-3", _HEAVY, width=8, depth=200 * profile.depth)
    reason = "R tends to infinity in probability; 15% are left for the depth of the profile"
    yield _beyond_markov(heavy, 0.97, 0.85, reason, profile)
    tied = network("linear", "tied", width=8, depth=200 * min(profile.depth, 4))
    reason = (
        "log R / sqrt(L) tends to twice the largest real part of an eigenvalue, which is positive up to a probability "
        "of 1e-3; a tenth is left for it and for the depth"
    )
    yield _beyond_markov(tied, 0.98, 0.9, reason, capped(profile))

    for law in ZERO_LAST:
        deep = network("res-3", law, width=20, depth=DEPTH)
        # R = 1 with a zero last layer; the limit puts little within 1e-3 of it.
        low, high = (float(p) for p in lognormal_limit(gaussian_layer(deep)[0]).cdf([-1e-3, 1e-3]))
        yield check(
            f"{label(deep)}-constant", deep,
            r"$\mathbb{P}(\vert\log R\vert \leq 0.001)$ with zero last layers",
            Probability(between(LOG_NORM_RATIO, -1e-3, 1e-3), truth=1.0, exact=True), 1.0,
            margin=0.01 * profile.precision, basis=IDENTITY, wrong={LIMIT_LAW: high - low, STAYED: (0.0, DELTA)},
            sized={"{:.0%} of the networks move": lambda more: 1.0 - more},
        )  # fmt: skip

    default = network("res-3", _PYTORCH, width=20, depth=DEPTH * profile.depth, gradients=True)
    yield from law_checks(default, capped(profile), prefix="default-")
    yield bounded(default, capped(profile))
    yield skewed_layer_check(network("res-3", "exponential", width=4, depth=1, input="ones"), capped(profile).precision)
    yield _skewed_mean()
    yield bounded(network("res-3", "exponential", width=6, depth=DEPTH), capped(profile))


def _beyond_markov(deep: Cell, truth: float, least: float, reason: str, profile: Profile) -> Check:
    """Check that R exceeds 20 (1 + kappa a^2)^L more often than Markov's inequality lets a law of that mean.

    At most one network in 20 may, if E1 holds; the limit of E4 puts less than 1e-4 there; D is beyond every bound of P3
    with it.
    """
    multiplier, a, depth = gaussian_layer(deep)
    threshold = 20.0 * moments.norm_ratio_moment(multiplier, a, depth)
    return check(
        f"{label(deep)}-markov", deep,
        rf"$\mathbb{{P}}(R > {threshold:.3g})$, at most 0.05 if $\mathbb{{E}}\,R = (1+\kappa a^2)^L$",
        Probability(between(LOG_NORM_RATIO, lower=math.log(threshold)), truth=truth), (least, 1.0),
        margin=0.08 * profile.precision, basis=Basis(reason),
        wrong={MARKOV: (0.0, 0.05), LIMIT_LAW: 1.0 - float(lognormal_limit(multiplier).cdf(math.log(threshold)))},
    )  # fmt: skip


def _skewed_mean() -> Check:
    """Compare the mean of R of several layers with centred exponential W, from h_0 = (1, ..., 1).

    They displace E R by order d^(-1/2), the deviation of log R. If R is uniformly integrable, which a bounded variance
    gives, the lognormal limit would have E R tend to e^kappa.
    """
    # Shallow, because the proven bound of the variance needs many networks; the mean is nearly that of infinite depth.
    deep = network("res-3", "exponential", width=16, depth=8, input="ones")
    weights, (gaussian, a, depth) = deep.weights, gaussian_layer(deep)
    symmetric = moments.norm_ratio_moment(gaussian, a, depth)
    # In units of the deviation sqrt(2/d) of log R; kappa a^2 turns 1 + (kappa + x) a^2 into a factor of 1 + kappa a^2.
    shift = entry_laws.ones_shift(weights.skewness) / (1.0 + gaussian.kappa / depth)
    factor = math.exp(shift * math.sqrt(2.0 / 16.0))
    return check(
        "res-3-exponential-ones-norm", deep, r"$\mathbb{E}\,R$ with skewed $W$ from $h_0 = (1, \ldots, 1)$",
        Mean(NORM_RATIO, entry_laws.skewed_variance_bound(16, weights.kurtosis, weights.skewness, a, depth)),
        symmetric * factor, margin=0.038 * symmetric,
        basis=Basis(
            "first term of an expansion in d^(-1/2); the next, of order 1/d, has no proven constant and depends on the "
            "width, which does not grow with the profile: the margin does not shrink",
            allowance=0.3,
        ),
        wrong={MEANS: symmetric, "the opposite skewness": symmetric / factor},
    )  # fmt: skip


_WEIGHTS = ("gaussian", _PYTORCH, _HEAVY)


def _networks(_profile: Profile) -> dict[Experiment, int]:
    grid = [(weights, depth) for weights in _WEIGHTS for depth in DEPTHS]
    return {network("res-3", weights, width=8, depth=depth, kernel="dense"): 64 for weights, depth in grid}


def _draw(samples: Samples) -> Picture:
    groups = dict(zip(_WEIGHTS, by_depth(samples), strict=True))
    heavy = groups.pop(_HEAVY)  # no moment to draw
    bands = tuple(median_band(f"{weights}, median", group) for weights, group in groups.items())
    curves = tuple(
        depth_curve(f"{weights}, root of the exact mean", group, _root_mean) for weights, group in groups.items()
    )
    exploding = (median_band(f"{_HEAVY}, median", heavy),)
    return Picture(
        "contrasts",
        "Displacement against depth at the critical scaling (res-3, width 8; medians of 64 networks with 99% "
        "intervals). Left: PyTorch's default variance moves the limit; it lies above the medians, because the law of "
        "the displacement is skewed. Right: entries without variance have no limit.",
        (
            RatePanel("Finite variance", "depth $L$", r"$\sqrt{D}$", bands, curves, bars=BARS),
            RatePanel("Infinite variance", "depth $L$", r"$\sqrt{D}$", exploding, (), bars=BARS),
        ),
    )


def _root_mean(deep: Cell) -> float:
    return math.sqrt(moments.mean_displacement(*dominated_layer(deep)))


picture = Illustration(experiments=_networks, draw=_draw)
