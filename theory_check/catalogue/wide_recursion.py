"""The infinite-width recursion as an oracle at finite depth: any Hurst index and exponent, and long memory (C4, C7).

Networks have a finite width d, the recursion has none. What is left is of order 1/d: the width grows as the margin
shrinks, the depth stays, since the recursion is exact at every depth. One network has a spread of order d^(-1/2); many
inputs share its weights and are averaged first, which costs little and takes away most of what inputs differ by. The
replicates that count are the networks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theory_check.claims import observables as of
from theory_check.claims.claim import Check, Claim, Correction, Profile, Variant
from theory_check.claims.estimators import QuantileEstimator
from theory_check.claims.laws import Normal
from theory_check.claims.networks import SOURCE, cell
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.covariances import fractional_noise
from theory_check.networks.inputs import Input
from theory_check.theory.infinite_width import WideBranch, wide_network
from theory_check.theory.rough_weights import long_memory_displacement

#: Inputs through each draw of the weights: three panels of the kernel, where more of them no longer help.
INPUTS = Input(count=24)

#: At a margin of full size; the margin shrinks as 1/d.
_WIDTH = 40

#: log R averaged over the inputs, and how a report calls its median.
MEAN_LOG_RATIO = of.InputMean("log_norm_ratio")
MEAN_QUANTITY = "median of $\\overline{\\log R}$, the average over the inputs of a network"

_LOG_MEAN_DISPLACEMENT = of.LogInputMean("log_displacement", 2.0)


@dataclass(frozen=True)
class Point:
    """A network whose displacement the recursion predicts.

    Attributes
    ----------
    branch : Branch
    hurst, beta, depth
        Hurst index of the weights, scaling exponent, depth.
    margin : float
        Of log D, in the quick profile.
    spread : float
        Standard deviation of the logarithm of the average of D over the inputs, times the root of the width; measured,
        for planning only.
    """

    branch: Branch
    hurst: float
    beta: float
    depth: int
    margin: float
    spread: float

    @property
    def name(self) -> str:
        """Point of the grid."""
        odd = "-odd" if self.branch.activation.name == "identity" and self.branch.name == "res-3" else ""
        return f"{self.branch.name}{odd}-h{self.hurst:g}-beta{self.beta:g}-L{self.depth}"

    @property
    def wide(self) -> WideBranch:
        """The branch as the recursion knows it."""
        slope = self.branch.activation.negative_slope
        return WideBranch(self.branch.name, 0.0 if slope is None else slope)

    def log_displacement(self, rho: NDArray[np.float64], inner: NDArray[np.float64] | None = None) -> float:
        """Return log E D at infinite width for weights of autocovariance ``rho``."""
        scaling = self.depth**-self.beta
        network = wide_network(self.wide, rho, scaling, self.depth, inner_correlation=inner)
        return float(network.log_displacement[-1])

    def prediction(self, hurst: float | None = None) -> float:
        """Return log E D at infinite width and this depth, for this Hurst index or another."""
        return self.log_displacement(fractional_noise(self.hurst if hurst is None else hurst, self.depth))

    @property
    def independent(self) -> float:
        """The same for independent layers."""
        return self.log_displacement(np.eye(self.depth)[0])

    @property
    def once(self) -> float:
        """The same for res-3 if W were independent across layers, so that the correlation enters once."""
        return self.log_displacement(fractional_noise(self.hurst, self.depth), np.eye(self.depth)[0])


def _res3(hurst: float, beta: float, depth: int, margin: float, spread: float) -> Point:
    return Point(Branch("res-3"), hurst, beta, depth, margin, spread)


#: Displacements of order 1, where layers act on what earlier layers made.
POINTS = (
    _res3(0.25, 0.45, 32, 0.125, 0.55),
    _res3(0.5, 0.5, 32, 0.12, 0.65),
    _res3(0.75, 0.7, 32, 0.20, 1.1),
    _res3(0.9, 0.8, 32, 0.25, 1.35),
    Point(Branch("res-3", Activation("identity")), 0.8, 0.55, 32, 0.3, 1.5),
    Point(Branch("res-1"), 0.8, 0.75, 32, 0.20, 1.0),
)

LONG_MEMORY_POINTS = (
    _res3(0.75, 0.75, 16, 0.25, 1.1),
    _res3(0.75, 0.75, 64, 0.20, 1.1),
    _res3(0.6, 0.6, 64, 0.25, 0.9),
    _res3(0.9, 0.9, 64, 0.25, 1.35),
)

#: Factors of the margin below which a check does not go: its cost grows as their inverse cube, the width with them.
_FINEST = 0.3
_FINEST_LONG_MEMORY = 0.4


def told_apart(target: float, margin: float, values: Mapping[str, float]) -> tuple[Variant, ...]:
    """Return the variants whose value is further than two margins from the target: finer profiles have more of them."""
    far = {name: value for name, value in values.items() if abs(value - target) > 2.05 * margin}
    return tuple(Variant(name, (value, value)) for name, value in far.items())


def check_of(point: Point, precision: float, variants: Mapping[str, float]) -> Check:
    """Return the check of log D at a point; the width grows as the margin, of order 1/d, shrinks."""
    width = round(_WIDTH / precision)
    target, margin = point.prediction(), point.margin * precision
    return Check(
        name=point.name,
        experiments=(cell(point.branch, f"fgn:hurst={point.hurst:g}", width, point.depth, point.beta, inputs=INPUTS),),
        quantity="median of $\\log\\overline{D}$, $\\overline{D}$ the average over the inputs of a network",
        estimator=QuantileEstimator(_LOG_MEAN_DISPLACEMENT, 0.5, Normal(target, point.spread**2 / width)),
        target=(target, target),
        margin=margin,
        margin_reason="the prediction is exact at this depth for infinite width; finite width moves mean and median by "
        "order $1/d$, for which a quarter of the margin is left, and the width grows as the margin shrinks",
        allowance=0.25,
        variants=told_apart(target, margin, variants),
    )


def _wide_variants(point: Point) -> dict[str, float]:
    variants = {
        "infinite-depth exponent from the first layer on": math.log(point.wide.kappa)
        + 2.0 * (max(point.hurst, 0.5) - point.beta) * math.log(point.depth),
        "Hurst index lower by 0.1": point.prediction(point.hurst - 0.1),
    }
    if point.hurst < 0.9:
        variants["Hurst index higher by 0.1"] = point.prediction(point.hurst + 0.1)
    if point.hurst != 0.5:
        variants["independent layers"] = point.independent
        if point.branch.name == "res-3":
            variants["the correlation enters once, not twice"] = point.once
    return variants


def _recursion(profile: Profile) -> tuple[Check, ...]:
    return tuple(check_of(point, max(profile.precision, _FINEST), _wide_variants(point)) for point in POINTS)


def _long_memory(profile: Profile) -> tuple[Check, ...]:
    precision = max(profile.precision, _FINEST_LONG_MEMORY)
    checks = []
    for point in LONG_MEMORY_POINTS:
        limit = math.log(long_memory_displacement(point.hurst).value)
        variants = {
            "the limit is reached": limit,
            "corrections of order $L^{1-2H}$ alone": point.once,
            "independent layers": point.independent,
            "Hurst index lower by 0.1": point.prediction(point.hurst - 0.1),
        }
        checks.append(check_of(point, precision, variants))
    return tuple(checks)


RECURSION = Claim(
    id="C4",
    title="Infinite-width recursion",
    statement=(
        "For weights that are fractional Gaussian noise along the layers, of any Hurst index $H$, and any exponent "
        "$\\beta$ and depth $L$, $\\mathbb{E}\\,D = C(L,L) - 1$ up to order $1/d$, where $C$ solves a recursion over "
        "pairs of layers. In res-3 networks the correlation $\\rho$ of the weights enters twice, through $V$ and "
        "through $W$; in res-1 and linear ones once."
    ),
    formula="C(k{+}1,l{+}1) = C(k{+}1,l) + C(k,l{+}1) - C(k,l) + L^{-2\\beta}\\rho(k-l)\\sqrt{C_{kk}C_{ll}}\\,"
    "\\tfrac12\\mathrm{arc}\\bigl(\\rho(k-l)c_{kl}\\bigr),\\qquad C(k,0) = C(0,l) = 1",
    source=f"Derived; weights of {SOURCE}, section 5",
    derivation=(
        "No matrix meets its transpose on the way forward, so that $V_{k+1}g_k$ and $V_{l+1}g_l$ are Gaussian in the "
        "limit of infinite width with covariance $\\rho(k-l)\\,\\mathbb{E}\\langle g_k, g_l\\rangle$, whatever the "
        "$g_k$ owe to earlier layers. For res-3 $W_{k+1}h_k$ and $W_{l+1}h_l$ are Gaussian of correlation "
        "$\\rho(k-l)c_{kl}$, and $\\mathbb{E}\\,\\mathrm{relu}(u)\\,\\mathrm{relu}(v) = \\mathrm{arc}/2$. Expand "
        "$\\langle h_{k+1}-h_k, h_{l+1}-h_l\\rangle$. The log of the average of $D$ over inputs concentrates about "
        "$\\log\\mathbb{E}\\,D$ as $d\\to\\infty$."
    ),
    hypotheses="Gaussian $V$ and $W$, independent of each other, entries independent with stationary correlation "
    "$\\rho$ along the layers; positively homogeneous branch without bias, for res-1 Gaussian coordinates of $h_0$. "
    "Width to infinity at fixed depth.",
    checks=_recursion,
)

LONG_MEMORY = Claim(
    id="C7",
    title="Long memory, finite depth",
    statement=(
        "For $H > 1/2$ and $\\beta = H$ res-3 networks tend to a limit driven by fractional Brownian motion, but "
        "slowly: corrections are of order $L^{\\max(1-2H,\\,2H-2)}$, times $\\log L$ at $H = 3/4$. At depths that can "
        "be simulated $D$ is that of the recursion C4 at this depth, far above the limit."
    ),
    formula="dH_t = \\frac{\\|H_t\\|}{\\sqrt{2\\pi d}}\\,dB^H_t,\\qquad \\mathbb{E}\\,D_L - \\mathbb{E}\\,D_\\infty = "
    "O\\bigl(L^{\\max(1-2H,\\,2H-2)}\\bigr)",
    source=f"Derived; weights of {SOURCE}, section 5",
    derivation=(
        "In C4 $\\mathrm{arc}(\\rho c) = 1/\\pi + \\rho c/2 + O(\\rho^2)$. With $a^2 = L^{-2H}$ the sum of "
        "$\\rho/\\pi$ over pairs of layers is of order 1 and tends to the Young-type limit; the same layer and its "
        "neighbours, where $\\mathrm{arc}\\ne 1/\\pi$, add $a^2 L = L^{1-2H}$; the sum of $\\rho^2 c/2$ over "
        "distant pairs adds $a^2L^{4H-2} = L^{2H-2}$. At $H = 3/4$ $\\rho^2$ is of order $1/n$, which sums "
        "to a logarithm. The limit at infinite width is a Volterra equation for $C(t,t)^{1/2}$, solved numerically."
    ),
    hypotheses="As C4; ReLU.",
    checks=_long_memory,
    corrections=(
        Correction(
            stated="Finite-depth corrections are of order $L^{1-2H}$.",
            corrected="They are of order $L^{\\max(1-2H,\\,2H-2)}$, with a logarithm at $H = 3/4$: above it the "
            "correlation of distant $W$ decides, which vanishes more slowly.",
            variant="corrections of order $L^{1-2H}$ alone",
        ),
    ),
)
