"""Two inputs of one network: the cosine between their hidden states (E13)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from theory_check.claims import observables as of
from theory_check.claims.claim import Check, Claim, Correction, Illustration, Profile, Regime, Variant
from theory_check.claims.estimators import DistanceEstimator, QuantileEstimator
from theory_check.claims.laws import Normal
from theory_check.claims.networks import cell, label
from theory_check.experiments.cell import Cell, Sample
from theory_check.experiments.experiment import Experiment
from theory_check.findings.pictures import Curve, HistogramPanel, Picture
from theory_check.foundation.arrays import FloatArray
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.theory.correlation_diffusion import CorrelationDiffusion
from theory_check.theory.correlation_flow import correlation_flow, wide_correlations

_DEPTH = 100

#: Weights, width, slope and initial cosine of the networks whose law is checked. Entries that are not Gaussian make the
#: kernel of a layer deviate by O(1/d): their networks are wider.
_NETWORKS: tuple[tuple[str, int, float, float], ...] = (
    ("gaussian", 4, 0.0, -0.5),
    ("gaussian", 4, 0.0, 0.3),
    ("gaussian", 10, 0.0, -0.5),
    ("gaussian", 10, 0.0, 0.3),
    ("gaussian", 10, 0.3, -0.5),
    ("uniform", 20, 0.0, -0.5),
    ("rademacher", 20, 0.0, -0.5),
)


#: Aim for the error of the computed laws, a thousandth of the smallest margin: finer ones cost seconds where a boundary
#: makes the numerical method converge slowly.
_TOLERANCE = 1e-5

_AS_RELU = "the slope is 0"


@dataclass(frozen=True, eq=False)
class CosineTable:
    """The limit law of the cosine at time 1, tabulated at even angles.

    The function is linear between two of 8001 angles: an error of a second derivative times (pi/8000)^2 / 8, below
    1e-6 for the laws of this page, whose deviation is above 0.1.
    """

    mean: float
    error: float
    _cosines: FloatArray = field(repr=False)
    _probabilities: FloatArray = field(repr=False)

    def cdf(self, x: ArrayLike) -> FloatArray:
        """Return the distribution function."""
        angle = np.arccos(np.clip(np.asarray(x, dtype=np.float64), -1.0, 1.0))
        return np.asarray(np.interp(-angle, -np.arccos(self._cosines), self._probabilities))

    def quantile(self, p: ArrayLike) -> FloatArray:
        """Return the quantile function."""
        angles = np.interp(np.asarray(p, dtype=np.float64), self._probabilities, np.arccos(self._cosines))
        return np.asarray(np.cos(angles))

    def density(self, x: ArrayLike) -> FloatArray:
        """Return the density, by differences."""
        points, step = np.asarray(x, dtype=np.float64), 2e-3
        return np.asarray((self.cdf(points + step) - self.cdf(points - step)) / (2.0 * step))


@cache
def cosine_law(width: int, slope: float, start: float) -> CosineTable:
    """Return the limit law of c_1 at beta = 1/2; claims, variants and profiles share it."""
    law = CorrelationDiffusion(width, slope).law(start, tolerance=_TOLERANCE)
    cosines = np.cos(np.linspace(np.pi, 0.0, 8001))
    # Rounding makes a flat end waver.
    probabilities = np.maximum.accumulate(law.cdf(cosines))
    return CosineTable(law.mean.value, law.cdf_error + 1e-6, cosines, probabilities)


def _two_inputs(weights: str, width: int, depth: int, beta: float, start: float, slope: float = 0.0) -> Cell:
    branch = Branch("res-3", Activation("leaky", slope) if slope else Activation())
    return cell(branch, weights, width, depth, beta, inputs=Input("correlated", 2, start))


def _point(network: Cell, start: float, slope: float) -> str:
    return f"{label(network)}{f'-slope{slope:g}' if slope else ''}-cosine{start:g}"


def _laws(profile: Profile) -> list[Check]:
    checks = []
    for weights, width, slope, start in _NETWORKS:
        network = _two_inputs(weights, width, _DEPTH * profile.depth, 0.5, start, slope)
        law = cosine_law(width, slope, start)
        gaussian = weights == "gaussian"
        wrong = {
            "the law of twice the width": cosine_law(2 * width, slope, start),
            "no activation": cosine_law(width, 1.0, start),
        }
        if slope:
            wrong[_AS_RELU] = cosine_law(width, 0.0, start)
        # Other entries deviate by their kernel, which does not shrink with the depth of the profile.
        margin = 0.04 * (profile.precision if gaussian else profile.precision**0.5)
        checks.append(
            Check(
                name=f"{_point(network, start, slope)}-law",
                experiments=(network,),
                quantity=f"Kolmogorov distance between $c_L$ and the law of the diffusion at time 1, $c_0 = {start:g}$",
                estimator=DistanceEstimator(of.COSINE, law),
                target=(0.0, 0.0),
                margin=margin,
                margin_reason="limit law; a part of the margin is left for the finite depth, of order 1/L"
                if gaussian
                else "limit law for a Gaussian W; a part of the margin is left for the finite depth and for the "
                "kernel of other entries, which differs by a multiple of kurtosis over width",
                remainder=law.error,
                allowance=0.3 if gaussian else 0.4,
                variants=tuple(
                    Variant(name, estimator=DistanceEstimator(of.COSINE, other)) for name, other in wrong.items()
                ),
            )
        )
    return checks


def _narrow_medians(profile: Profile) -> list[Check]:
    """At small width the cosine lags behind the flow of infinite width."""
    checks = []
    for width, margin in ((4, 0.05), (10, 0.018)):
        start = -0.5
        network = _two_inputs("gaussian", width, _DEPTH * profile.depth, 0.5, start)
        law = cosine_law(width, 0.0, start)
        median = float(law.quantile(0.5))
        flow = float(correlation_flow(start, [1.0])[0])
        checks.append(
            Check(
                name=f"{_point(network, start, 0.0)}-median",
                experiments=(network,),
                quantity=f"median of $c_L$, $c_0 = {start:g}$",
                estimator=QuantileEstimator(of.COSINE, 0.5, law),
                target=(median, median),
                margin=margin * profile.precision,
                margin_reason="limit law; a part of the margin is left for the finite depth, of order 1/L",
                allowance=0.3,
                variants=(
                    Variant("the flow of infinite width", (flow, flow)),
                    Variant("no drift", (start, start)),
                ),
            )
        )
    return checks


def _flows(profile: Profile) -> list[Check]:
    """Large widths, at the critical scaling and below, where the time is L^(1 - 2 beta) and angles close further."""
    checks = []
    width = 400 * profile.depth
    for beta, start in ((0.5, -0.5), (0.5, 0.3), (0.25, -0.5)):
        network = _two_inputs("gaussian", width, _DEPTH, beta, start)
        a = network.network.scaling.factor(_DEPTH)
        time = _DEPTH * a * a
        target = float(wide_correlations(start, a, _DEPTH)[-1])
        # The variance rate decreases as the angle closes: the one at the start plans for more than is needed.
        variance = time * float(CorrelationDiffusion(width).variance_rate(start))
        margin = 0.03 * profile.precision if beta == 0.5 else 0.05 * profile.precision
        other = float(correlation_flow(start, [2.0 * time])[0])
        wrong = {"no drift": start, "twice the speed, arc(c) - c": other}
        checks.append(
            Check(
                name=f"res-3-gaussian-wide-beta{beta:g}-cosine{start:g}-flow",
                experiments=(network,),
                quantity=f"median of $c_L$ at large width, $c_0 = {start:g}$",
                estimator=QuantileEstimator(of.COSINE, 0.5, Normal(target, variance)),
                target=(target, target),
                margin=margin,
                margin_reason="exact at this depth for infinite width; a part of the margin is left for the drift of "
                "order 1/d, and the width grows with the profile",
                allowance=0.4,
                variants=tuple(
                    Variant(name, (value, value)) for name, value in wrong.items() if abs(value - target) > 2 * margin
                ),
            )
        )
    return checks


def _cosines(profile: Profile) -> tuple[Check, ...]:
    return (*_laws(profile), *_narrow_medians(profile), *_flows(profile))


_PICTURED = (4, 10)


def _pictured(profile: Profile) -> dict[Experiment, int]:
    return {_two_inputs("gaussian", width, _DEPTH * profile.depth, 0.5, -0.5): 16384 for width in _PICTURED}


def _picture(samples: Sequence[Sample]) -> Picture:
    x = np.linspace(-0.995, 0.995, 300)
    flow = float(correlation_flow(-0.5, [1.0])[0])
    panels = []
    for width, sample in zip(_PICTURED, samples, strict=True):
        density = cosine_law(width, 0.0, -0.5).density(x)
        panels.append(
            HistogramPanel(
                f"Width {width}",
                "cosine $c_L$",
                of.COSINE([sample]),
                (
                    Curve("diffusion at time 1", x, density),
                    Curve("flow of infinite width", np.array([flow, flow]), np.array([0.0, float(density.max())])),
                ),
            )
        )
    return Picture(
        "several-inputs",
        f"Cosine between the hidden states of two inputs after {samples[0].experiment.network.depth} layers (res-3, "
        "Gaussian weights), from cosine -0.5, with the density of the limit diffusion. The flow of infinite width "
        "gives every network one value; narrow networks spread around it and lag behind.",
        tuple(panels),
    )


SEVERAL_INPUTS = Regime(
    name="several-inputs",
    title="Two inputs of one network",
    text=(
        "Two inputs see the same weights, and the activation draws their hidden states together. At infinite width the "
        "cosine follows a differential equation; at finite width it is a diffusion on [-1, 1] whose drift is weaker by "
        "a term of order 1/d and whose law is spread over the whole interval when the network is narrow."
    ),
    formula="dc = q\\,[d(k-c) + c + c^2 k - 2k]\\,dt + \\sqrt{2q(1-c^2)(1-ck)}\\,dB,\\qquad q = \\frac{\\kappa}{d}",
    claims=(
        Claim(
            id="E13",
            quick_precision=1.1,
            title="The cosine between two inputs",
            statement=(
                "At $\\beta = 1/2$ the cosine between the hidden states of two inputs tends, as $L \\to \\infty$, to a "
                "diffusion on $[-1, 1]$ at time 1; as $d \\to \\infty$, to the flow $\\dot c = (\\mathrm{arc}(c)-c)/2$."
            ),
            formula=(
                "dc = q\\,[d(k-c) + c + c^2 k - 2k]\\,dt + \\sqrt{2q(1-c^2)(1-ck)}\\,dB,\\qquad k = "
                "\\mathrm{arc}(c)\\text{ for ReLU}"
            ),
            source="Derived",
            derivation=(
                "Given both states, V g(h) and V g(h') have independent coordinates with covariances |g|^2/d and "
                "<g, g'>/d, whose means over W are q ||h||^2 and q ||h|| ||h'|| k(c). Ito's formula for the cosine. As "
                "d grows the noise vanishes and d (k - c) is left of the bracket."
            ),
            hypotheses="Independent layers; res-3 with ReLU or leaky activation; Gaussian W at finite width (other "
            "symmetric entries up to O(1/d)).",
            checks=_cosines,
            corrections=(
                Correction(
                    stated="At infinite width the cosine of a res-3 network follows $\\dot c = "
                    "(\\mathrm{arc}(c)-c)/2$.",
                    corrected="That is the flow of ReLU; a negative slope $s$ has the same flow at the speed "
                    "$(1-s)^2$.",
                    variant=_AS_RELU,
                ),
            ),
        ),
    ),
    illustrations=(Illustration(experiments=_pictured, draw=_picture),),
)
