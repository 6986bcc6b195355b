"""With Gaussian weights the layers multiply the squared norm by independent copies of one variable (E2, E3)."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from theory_check.claims import Check, Distance, Domain, Hypothesis, Mean, Probability, Profile, check, claim
from theory_check.claims.checks import drifting
from theory_check.claims.domains import GAUSSIAN, LAYERS, mean_in_reach
from theory_check.claims.networks import BRANCHES, finite_depth_law, label, layer_law, one_layer
from theory_check.claims.observables import LOG_NORM_RATIO, between, cos, exp
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network
from theory_check.theory.depth_law import distance_to_normal, log_norm_ratio_characteristic
from theory_check.theory.limits import lognormal_limit
from theory_check.theory.moments import norm_ratio_moment
from theory_check.theory.multiplier import Multiplier
from theory_check.theory.orthogonal_layers import orthogonal_norm_ratio_moment

#: Branch, width, depth, beta and kernel: one layer by itself, then products of layers by every kernel.
LAWS = (
    ("linear", 3, 1, 0.0, "dense"),
    ("linear", 3, 1, 0.0, "chain"),
    ("res-3", 20, 1, 0.0, "dense"),
    ("linear", 10, 50, 0.5, "dense"),
    ("res-3", 20, 50, 0.5, "dense"),
    ("res-3", 20, 400, 0.5, "reduced"),
    ("linear", 10, 400, 0.5, "chain"),
    ("res-3", 20, 400, 0.5, "chain"),
)


def law_checks(deep: Cell, precision: float) -> Iterator[Check]:
    """Compare log R with its exact law, and beyond one layer one value of its characteristic function."""
    multiplier, a, depth = layer = one_layer(deep)
    name, law = f"{label(deep)}-depth{depth}-{deep.kernel}", finite_depth_law(*layer)
    if depth > 1:
        # E cos(t log R), the real part of the characteristic function, at t = 1/E log R, or over the deviation where
        # that is larger; as wrong values those of limit laws N(drift, 4 kappa/d), exp(-t^2 variance/2) cos(t drift).
        t, kappa = 1.0 / max(law.mean, math.sqrt(law.variance)), multiplier.kappa
        value, double = (log_norm_ratio_characteristic(*layer, frequency=f) for f in (t, 2.0 * t))
        target = value.real
        damping = math.exp(-0.5 * t * t * 4.0 * kappa / multiplier.width)
        yield check(
            f"{name}-cosine", deep, rf"$\mathbb{{E}}\cos({t:.4g}\,\log R)$",
            Mean(cos(t * LOG_NORM_RATIO), 0.5 * (1.0 + double.real) - target**2), target, margin=0.06 * precision,
            wrong={
                "no width correction: drift kappa": damping * math.cos(t * kappa),
                "drift of the other branch's kappa": damping * math.cos(0.5 if multiplier.branch.is_linear else 2.0),
                "log R does not fluctuate": math.cos(t * law.mean),
            },
            sized={"drift {:.0%} larger": lambda more: (value * cmath.exp(1j * t * more * law.mean)).real},
        )  # fmt: skip
    wider = replace(multiplier, width=multiplier.width + max(1, multiplier.width // 3))
    yield check(
        name, deep, r"Kolmogorov distance between $\log R$ and the sum of independent $\log M$",
        Distance(LOG_NORM_RATIO, law), (0.0, law.error), margin=0.04 * precision,
        wrong={f"the law of width {wider.width}": finite_depth_law(wider, a, depth)},
        sized={"drift {:.0%} larger": drifting(law, law.mean)},
    )  # fmt: skip


def limit_distance_check(deep: Cell, precision: float) -> Check:
    """Compare P(log R <= x) where the law of log R is farthest from its limit, with the limit and their distance.

    Other claims allow for that distance, which no sample of theirs sees.
    """
    multiplier, a, depth = one_layer(deep)
    law, limit = finite_depth_law(multiplier, a, depth), lognormal_limit(multiplier, depth * a * a)
    apart = distance_to_normal(law, limit.mean, limit.variance)
    points = np.linspace(law.lower, law.upper, 4001)
    difference = law.cdf(points) - limit.cdf(points)
    farthest = int(np.argmax(np.abs(difference)))
    at, sign = float(points[farthest]), math.copysign(1.0, difference[farthest])
    value = float(limit.cdf(at))
    predicted = sorted((value + sign * apart.lower, value + sign * apart.upper))
    return check(
        f"{label(deep)}-depth{depth}-{deep.kernel}-from-limit", deep,
        rf"$\mathbb{{P}}(\log R \le {at:.4g})$, where $\log R$ is farthest from its lognormal limit",
        Probability(between(LOG_NORM_RATIO, upper=at)), (predicted[0], predicted[1]),
        margin=0.24 * apart.lower * precision,
        wrong={
            "the limit is reached": value,
            "half of the distance from the limit": value + 0.5 * sign * apart.upper,
        },
    )  # fmt: skip


def still_check(width: int, kernel: str, precision: float) -> Check:
    """Compare the probability that one layer of ReLU has no active unit, and leaves the input as it is."""
    deep = network("res-3", "gaussian", width=width, depth=1, beta=0.0, kernel=kernel)
    still = Probability(between(LOG_NORM_RATIO, 0.0, 0.0))
    # Half of the effect of one unit more or less is a quarter of the probability. Networks whose weights are drawn one
    # by one show a unit that switches elsewhere than at 0: at 0.02 it is active with probability 0.492.
    return check(
        f"{label(deep)}-depth1-{kernel}-still", deep, r"$\mathbb{P}(R = 1)$, no unit is active", still, 2.0**-width,
        margin=(0.1 if kernel == "dense" else 0.2) * 2.0**-width * precision,
        wrong={
            f"{width + 1} units": 2.0 ** -(width + 1), "one unit is always off": 2.0 ** -(width - 1),
            "an inactive unit leaks": 0.0,
        },
        sized={"units are off with probability {:.1%} more": lambda more: (0.5 * (1.0 + more)) ** width},
    )  # fmt: skip


#: A layer of ReLU without an active unit is the identity; where all may be, the law of log R has an atom.
NO_ATOM = Hypothesis(
    "no atom", "all layers are the identity with probability below 1e-6",
    lambda deep: layer_law(deep).atom ** deep.network.depth < 1e-6,
)  # fmt: skip

LAWS_DOMAIN = Domain.of_cells(
    law_checks, (*LAYERS, GAUSSIAN, NO_ATOM), laws=("gaussian",), depths=(4, 128), betas=(0.0, 1.5)
)


@claim(
    "E2",
    domain=LAWS_DOMAIN,
    title="Exact one-layer law, Gaussian weights",
    formula=r"M = (1+a s z)^2 + a^2 s^2 \chi^2_{d-1},\qquad s^2 = \frac1d \ \text{(linear)},\qquad s^2 = "
    r"\frac{\chi^2_N}{d^2},\ N\sim\mathrm{Bin}(d,\tfrac12) \ \text{(res-3)}",
    source="Derived from rotation invariance of Gaussian matrices",
    derivation="Given h, V g(h) is isotropic Gaussian of variance ||g||^2/d a coordinate; its component along h is a "
    "s z ||h||, the others add a^2 s^2 chi2_{d-1}. ||g||^2 is ||h||^2/d times the sum of squares of the positive "
    "coordinates of a standard normal vector. Nothing depends on h, so the layers are independent. The law is compared "
    "as a whole and by one value of its characteristic function; no unit of a layer is active with probability 2^-d, "
    "and then the layer is the identity. How far the law of a single layer is from the lognormal limit of many is "
    "checked at one point.",
    hypotheses="Gaussian V and W.",
)
def one_layer_law(profile: Profile) -> Iterator[Check]:
    r"""With Gaussian weights the squared norm is multiplied in every layer by an independent copy of $M =
    (1+asz)^2 + a^2s^2\chi^2_{d-1}$, so the law of $\log R$ at depth $L$ is a convolution power.
    """
    for branch, width, depth, beta, kernel in LAWS:
        deep = network(branch, "gaussian", width=width, depth=depth, beta=beta, kernel=kernel)
        yield from law_checks(deep, profile.precision)
    for branch, width in (("linear", 3), ("res-3", 20)):
        deep = network(branch, "gaussian", width=width, depth=1, beta=0.0, kernel="dense")
        yield limit_distance_check(deep, profile.precision)
    for kernel in ("dense", "reduced"):
        yield still_check(2, kernel, profile.precision)


def moment_check(deep: Cell, precision: float) -> Check:
    """Compare the second moment of R; the fourth bounds the variance of its square."""
    multiplier, a, depth = layer = one_layer(deep)
    first, target, fourth = (norm_ratio_moment(*layer, order=order) for order in (1, 2, 4))
    return check(
        label(deep), deep, r"$\mathbb{E}\,R^2$", Mean(exp(2.0 * LOG_NORM_RATIO), fourth - target**2), target,
        margin=0.03 * precision * target, wrong={"R does not fluctuate": first**2},
        sized={"weights of {:.0%} more variance": lambda more: norm_ratio_moment(
            replace(multiplier, gain=(1.0 + more) * multiplier.gain), a, depth, order=2)},
    )  # fmt: skip


def orthogonal_check(deep: Cell, precision: float) -> Check:
    """Compare the second moment of R for linear layers of Haar orthogonal weights."""
    width, depth = deep.network.width, deep.network.depth
    a = deep.network.scaling.factor(depth)
    target, fourth = (orthogonal_norm_ratio_moment(width, a, depth, order) for order in (2, 4))
    return check(
        label(deep), deep, r"$\mathbb{E}\,R^2$, orthogonal weights",
        Mean(exp(2.0 * LOG_NORM_RATIO), fourth - target**2), target, margin=0.069 * precision * target,
        wrong={
            "the entries are independent and Gaussian": norm_ratio_moment(Multiplier(width), a, depth, order=2),
            "R does not fluctuate": orthogonal_norm_ratio_moment(width, a, depth, 1) ** 2,
        },
        sized={"weights of {:.0%} more variance": lambda more: orthogonal_norm_ratio_moment(
            width, math.sqrt(1.0 + more) * a, depth, 2)},
    )  # fmt: skip


MOMENTS_DOMAIN = Domain.of_cells(
    lambda deep, precision: (moment_check(deep, precision),),
    (*LAYERS, GAUSSIAN, mean_in_reach("R^2", lambda deep: moment_check(deep, 1.0))),
    laws=("gaussian",), betas=(0.3, 1.5),
)  # fmt: skip


@claim(
    "E3",
    domain=MOMENTS_DOMAIN,
    quick_precision=1.5,
    title="Exact second moment, Gaussian or orthogonal weights",
    formula=r"\mathbb{E}\,R^2 = (\mathbb{E}\,M^2)^L,\qquad \mathbb{E}\,M^2 = 1 + a^2\Bigl(2+\frac4d\Bigr) + "
    r"a^4\Bigl(1+\frac2d\Bigr)\ \text{(linear; orthogonal: the last term is } a^4\text{)}",
    source="Derived from the one-layer law",
    derivation="Moments of the noncentral chi-square given s, then moments of s^2 over the binomial number of active "
    "units. Orthogonal V keeps the norm and maps to a uniform direction: M = 1 + a^2 + 2 a x with one coordinate x of "
    "a uniform unit vector, E x^2 = 1/d.",
    hypotheses="Gaussian V and W, or Haar orthogonal V of a linear branch.",
)
def second_moment(profile: Profile) -> Iterator[Check]:
    r"""With Gaussian weights, and in linear networks with orthogonal ones, $\mathbb{E}\,R^2$ is the $L$-th power of an
    explicit second moment of one layer.
    """
    for branch in BRANCHES:
        yield moment_check(network(branch, "gaussian", width=40, depth=16, kernel="dense"), profile.precision)
        # Half of the effect of the fluctuations, a share of about 1 - exp(-4 kappa/d), is within reach of narrow ones.
        narrow = network(branch, "gaussian", width=10, depth=16, kernel="dense")
        yield moment_check(narrow, 2.0 * profile.precision)
    yield orthogonal_check(network("linear", "orthogonal", width=4, depth=2, beta=0.0), profile.precision)
