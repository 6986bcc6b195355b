"""With Gaussian weights the layers multiply the squared norm by independent copies of one variable (E2, E3)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from theory_check.claims import Check, Distance, Mean, Profile, check, claim
from theory_check.claims.networks import BRANCHES, finite_depth_law, label, one_layer
from theory_check.claims.observables import LOG_NORM_RATIO, cos, exp
from theory_check.experiments.spelling import network
from theory_check.theory.depth_law import log_norm_ratio_characteristic
from theory_check.theory.moments import norm_ratio_moment

#: Branch, width, depth, beta and kernel: one layer by itself, then products of layers by both kernels.
LAWS = (
    ("linear", 3, 1, 0.0, "dense"),
    ("res-3", 20, 1, 0.0, "dense"),
    ("linear", 10, 50, 0.5, "dense"),
    ("res-3", 20, 50, 0.5, "dense"),
    ("res-3", 20, 400, 0.5, "reduced"),
)


@claim(
    "E2",
    title="Exact one-layer law, Gaussian weights",
    formula=r"M = (1+a s z)^2 + a^2 s^2 \chi^2_{d-1},\qquad s^2 = \frac1d \ \text{(linear)},\qquad s^2 = "
    r"\frac{\chi^2_N}{d^2},\ N\sim\mathrm{Bin}(d,\tfrac12) \ \text{(res-3)}",
    source="Derived from rotation invariance of Gaussian matrices",
    derivation="Given h, V g(h) is isotropic Gaussian of variance ||g||^2/d a coordinate; its component along h is a "
    "s z ||h||, the others add a^2 s^2 chi2_{d-1}. ||g||^2 is ||h||^2/d times the sum of squares of the positive "
    "coordinates of a standard normal vector. Nothing depends on h, so the layers are independent. The law is compared "
    "as a whole and by one value of its characteristic function.",
    hypotheses="Gaussian V and W.",
)
def one_layer_law(profile: Profile) -> Iterator[Check]:
    r"""With Gaussian weights the squared norm is multiplied in every layer by an independent copy of $M =
    (1+asz)^2 + a^2s^2\chi^2_{d-1}$, so the law of $\log R$ at depth $L$ is a convolution power.
    """
    for branch, width, depth, beta, kernel in LAWS:
        deep = network(branch, "gaussian", width=width, depth=depth, beta=beta, kernel=kernel)
        multiplier, a, _ = layer = one_layer(deep)
        law = finite_depth_law(*layer)
        if depth > 1:
            # E cos(t log R), the real part of the characteristic function, at t = 1/E log R; as wrong values those of
            # limit laws N(drift, 4 kappa/d), exp(-t^2 variance/2) cos(t drift).
            t, kappa = 1.0 / law.mean, multiplier.kappa
            target, double = (log_norm_ratio_characteristic(*layer, frequency=f).real for f in (t, 2.0 * t))
            damping = math.exp(-0.5 * t * t * 4.0 * kappa / width)
            yield check(
                f"{label(deep)}-depth{depth}-{kernel}-cosine", deep, rf"$\mathbb{{E}}\cos({t:.4g}\,\log R)$",
                Mean(cos(t * LOG_NORM_RATIO), 0.5 * (1.0 + double) - target**2), target,
                margin=0.06 * profile.precision,
                wrong={
                    "no width correction: drift kappa": damping * math.cos(t * kappa),
                    "drift of the other branch's kappa": damping * math.cos(0.5 if branch == "linear" else 2.0),
                    "log R does not fluctuate": math.cos(1.0),
                },
            )  # fmt: skip
        wider = replace(multiplier, width=width + max(1, width // 3))
        yield check(
            f"{label(deep)}-depth{depth}-{kernel}", deep,
            r"Kolmogorov distance between $\log R$ and the sum of independent $\log M$",
            Distance(LOG_NORM_RATIO, law), (0.0, law.error), margin=0.04 * profile.precision,
            wrong={f"the law of width {wider.width}": finite_depth_law(wider, a, depth)},
        )  # fmt: skip


@claim(
    "E3",
    quick_precision=1.5,
    title="Exact second moment, Gaussian weights",
    formula=r"\mathbb{E}\,R^2 = (\mathbb{E}\,M^2)^L,\qquad \mathbb{E}\,M^2 = 1 + a^2\Bigl(2+\frac4d\Bigr) + "
    r"a^4\Bigl(1+\frac2d\Bigr)\ \text{(linear)}",
    source="Derived from the one-layer law",
    derivation="Moments of the noncentral chi-square given s, then moments of s^2 over the binomial number of active "
    "units.",
    hypotheses="Gaussian V and W.",
)
def second_moment(profile: Profile) -> Iterator[Check]:
    r"""With Gaussian weights $\mathbb{E}\,R^2$ is the $L$-th power of an explicit second moment of one layer."""
    for branch in BRANCHES:
        deep = network(branch, "gaussian", width=40, depth=16, kernel="dense")
        first, target, fourth = (norm_ratio_moment(*one_layer(deep), order=order) for order in (1, 2, 4))
        yield check(
            label(deep), deep, r"$\mathbb{E}\,R^2$", Mean(exp(2.0 * LOG_NORM_RATIO), fourth - target**2), target,
            margin=0.03 * profile.precision * target, wrong={"R does not fluctuate": first**2},
        )  # fmt: skip
