"""Statements that hold exactly at every depth, width and scaling: moments and the one-layer law (E1, E2, E3, P4)."""

from __future__ import annotations

from theory_check.catalogue.higher_moments import HIGHER_MOMENTS
from theory_check.catalogue.layers import characteristic_check, layer_means
from theory_check.catalogue.universality import mean_checks
from theory_check.claims import observables as of
from theory_check.claims.claim import Check, Claim, Correction, Profile, Regime, Variant
from theory_check.claims.estimators import DistanceEstimator, MeanEstimator, ProportionEstimator
from theory_check.claims.laws import LogNormal
from theory_check.claims.networks import (
    BRANCHES,
    COMBINATIONS,
    SOURCE,
    cell,
    dominated_layer,
    finite_depth_law,
    label,
    one_layer,
)
from theory_check.experiments.cell import Cell, KernelName
from theory_check.networks.branches import BranchName
from theory_check.theory import moments
from theory_check.theory.multiplier import Multiplier

_EXACT = "the prediction is exact at this depth and width; the margin is the resolution that the profile pays for"
_WIDTH = 20
_DEPTH = 64

#: Branch, weights, beta and relative margin away from the critical scaling.
_OTHER_SCALINGS: tuple[tuple[BranchName, str, float, float], ...] = (
    ("linear", "uniform", 0.25, 0.15),
    ("res-3", "rademacher", 0.25, 0.15),
    ("linear", "rademacher", 1.0, 0.06),
    ("res-3", "uniform", 1.0, 0.06),
)

#: Branch, width, depth, beta and kernel: one layer by itself, then products of layers by both kernels.
_EXACT_LAWS: tuple[tuple[BranchName, int, int, float, KernelName], ...] = (
    ("linear", 3, 1, 0.0, "dense"),
    ("res-3", 20, 1, 0.0, "dense"),
    ("linear", 10, 50, 0.5, "dense"),
    ("res-3", 20, 50, 0.5, "dense"),
    ("res-3", 20, 400, 0.5, "reduced"),
)


def _mean_check(
    network: Cell, name: str, observable: of.Exponential, symbol: str, relative: float, profile: Profile
) -> Check:
    layer = dominated_layer(network)
    displaced = "displacement" in observable.name
    target = moments.mean_displacement(*layer) if displaced else moments.norm_ratio_moment(*layer)
    variance = moments.displacement_variance(*layer) if displaced else moments.norm_ratio_variance(*layer)
    multiplier, a, depth = layer
    additive = multiplier.kappa * a * a * depth + (0.0 if displaced else 1.0)
    margin = relative * profile.precision * target
    variants: tuple[Variant, ...] = ()
    if abs(additive - target) > 2.0 * margin:
        variants = (Variant("increments add up without compounding", (additive, additive)),)
    return Check(
        name=f"{label(network)}-beta{network.network.scaling.beta:g}-{name}",
        experiments=(network,),
        quantity=f"$\\mathbb{{E}}\\,{symbol}$",
        estimator=MeanEstimator(observable, variance),
        target=(target, target),
        margin=margin,
        margin_reason=_EXACT,
        exact=True,
        variants=variants,
    )


def _exact_means(profile: Profile) -> tuple[Check, ...]:
    critical = [
        _mean_check(cell(branch, law, _WIDTH, _DEPTH, 0.5, gradients=True), name, observable, symbol, 0.06, profile)
        for branch, law in COMBINATIONS
        for name, observable, symbol in (
            ("norm", of.NORM_RATIO, "R"),
            ("displacement", of.DISPLACEMENT, "D"),
            ("gradient", of.GRADIENT_RATIO, "R^*"),
        )
    ]
    other = [
        _mean_check(cell(branch, law, _WIDTH, _DEPTH, beta), "displacement", of.DISPLACEMENT, "D", relative, profile)
        for branch, law, beta, relative in _OTHER_SCALINGS
    ]
    return (*critical, *other, *layer_means(profile), *mean_checks(profile))


def _one_layer_laws(profile: Profile) -> tuple[Check, ...]:
    checks = []
    for branch, width, depth, beta, kernel in _EXACT_LAWS:
        network = cell(branch, "gaussian", width, depth, beta, kernel=kernel)
        multiplier, a, layers = one_layer(network)
        law = finite_depth_law(multiplier, a, layers)
        if layers > 1:
            checks.append(characteristic_check(network, kernel, profile))
        wider = Multiplier(width + max(1, width // 3), multiplier.kind, multiplier.slope, multiplier.gain)
        checks.append(
            Check(
                name=f"{label(network)}-depth{depth}-{kernel}",
                experiments=(network,),
                quantity="Kolmogorov distance between $\\log R$ and the sum of independent $\\log M$",
                estimator=DistanceEstimator(of.LOG_NORM_RATIO, law),
                target=(0.0, law.error),
                margin=0.04 * profile.precision,
                margin_reason=_EXACT,
                exact=True,
                variants=(
                    Variant(
                        f"the law of width {wider.width}",
                        estimator=DistanceEstimator(of.LOG_NORM_RATIO, finite_depth_law(wider, a, layers)),
                    ),
                ),
            )
        )
    return tuple(checks)


def _second_moments(profile: Profile) -> tuple[Check, ...]:
    checks = []
    for branch in BRANCHES:
        network = cell(branch, "gaussian", 40, 16, 0.5, kernel="dense")
        layer = one_layer(network)
        target = moments.norm_ratio_moment(*layer, order=2)
        first = moments.norm_ratio_moment(*layer)
        fourth = moments.norm_ratio_moment(*layer, order=4)
        checks.append(
            Check(
                name=label(network),
                experiments=(network,),
                quantity="$\\mathbb{E}\\,R^2$",
                estimator=MeanEstimator(of.Exponential("log_norm_ratio", 2.0), fourth - target**2),
                target=(target, target),
                margin=0.03 * profile.precision * target,
                margin_reason=_EXACT,
                exact=True,
                variants=(Variant("R does not fluctuate", (first**2, first**2)),),
            )
        )
    return tuple(checks)


def _markov_bounds(profile: Profile) -> tuple[Check, ...]:
    delta = 0.1
    checks = []
    for branch, law in COMBINATIONS:
        network = cell(branch, law, _WIDTH, _DEPTH, 0.5, gradients=True)
        layer = dominated_layer(network)
        mean, variance = moments.mean_displacement(*layer), moments.displacement_variance(*layer)
        paper, sharp = 2.0 * layer[2] * layer[1] ** 2 / delta, mean / delta
        # Where one network in five exceeds it, by the lognormal law of the same mean and variance.
        near = float(LogNormal.of_moments(mean, variance).quantile(0.8))
        for name, bound, symbol in (
            ("paper", paper, "2La_L^2/\\delta"),
            ("sharp", sharp, "((1+\\kappa a^2)^L-1)/\\delta"),
        ):
            checks.append(
                Check(
                    name=f"{label(network)}-{name}",
                    experiments=(network,),
                    quantity=f"$\\mathbb{{P}}(D \\leq {symbol})$ at $\\delta = {delta:g}$",
                    estimator=ProportionEstimator(of.Between(of.DISPLACEMENT, upper=bound), truth=0.98, exact=True),
                    target=(1.0 - delta, 1.0),
                    margin=0.02 * profile.precision,
                    margin_reason=_EXACT,
                    exact=True,
                    variants=(
                        Variant(
                            f"the same probability for D below {near:.3g}, which one network in five exceeds",
                            estimator=ProportionEstimator(of.Between(of.DISPLACEMENT, upper=near)),
                        ),
                    ),
                )
            )
    return (*checks, *_large_kappa(profile))


_ANY_KAPPA = "the bound 2 L a^2 / delta whatever kappa"


def _large_kappa(profile: Profile) -> list[Check]:
    """Weights of twice the variance, kappa = 2: the sharp bound holds there, that without kappa does not."""
    delta = 0.5
    checks = []
    # He's convention doubles the variance of either matrix of res-3, whose kappa is 1/2 without it.
    for branch, law in (("linear", "gaussian:variance=he"), ("res-3", "uniform:variance=he")):
        network = cell(branch, law, _WIDTH, _DEPTH, 0.5)
        multiplier, a, depth = dominated_layer(network)
        sharp, stated = moments.mean_displacement(multiplier, a, depth) / delta, 2.0 * depth * a * a / delta
        checks.append(
            Check(
                name=f"{label(network)}-kappa{multiplier.kappa:g}",
                experiments=(network,),
                quantity=f"$\\mathbb{{P}}(D \\leq ((1+\\kappa a^2)^L-1)/\\delta)$ at $\\delta = {delta:g}$, $\\kappa = "
                f"{multiplier.kappa:g}$",
                estimator=ProportionEstimator(of.Between(of.DISPLACEMENT, upper=sharp), truth=0.85, exact=True),
                target=(1.0 - delta, 1.0),
                margin=0.05 * profile.precision,
                margin_reason=_EXACT,
                exact=True,
                variants=(
                    Variant(_ANY_KAPPA, estimator=ProportionEstimator(of.Between(of.DISPLACEMENT, upper=stated))),
                ),
            )
        )
    return checks


MOMENTS = Regime(
    name="moments",
    title="Exact at every depth and scaling",
    text=(
        "Before any limit is taken, symmetry alone fixes the mean of the squared norm ratio, of the displacement and "
        "of their backward counterparts, for every symmetric weight law, depth, width and scaling. For Gaussian "
        "weights the layers multiply the squared norm by independent copies of one explicit variable, which gives "
        "every moment and the whole law at finite depth."
    ),
    formula=(
        "R = \\frac{\\Vert h_L\\Vert^2}{\\Vert h_0\\Vert^2},\\qquad D = \\frac{\\Vert h_L-h_0\\Vert^2}{\\Vert "
        "h_0\\Vert^2},\\qquad \\mathbb{E}\\,R = (1+\\kappa a_L^2)^L,\\qquad \\mathbb{E}\\,D = (1+\\kappa a_L^2)^L - 1"
    ),
    claims=(
        Claim(
            id="E1",
            quick_precision=1.5,
            title="Exact means",
            statement=(
                "For symmetric independent weights the mean of the squared norm ratio grows by the factor $1+\\kappa "
                "a^2$ a layer, forward and backward, and the mean displacement is one less."
            ),
            formula="\\mathbb{E}\\,R = \\mathbb{E}\\,R^* = (1+\\kappa a^2)^L,\\qquad \\mathbb{E}\\,D = (1+\\kappa "
            "a^2)^L - 1",
            source="Derived; sharpens the bounds of " + SOURCE,
            derivation=(
                "Given h_k, V is centred and independent of g(h_k), so the cross term has mean zero and E||V g||^2 = "
                "||g||^2; E||g(h)||^2 = kappa ||h||^2 by symmetry of W. Induct over layers. Backward, the same holds "
                "for a gradient whose direction does not depend on the residual weights. The variance of R and D for "
                "entries of kurtosis at most 3 is at most the Gaussian one, which Catoni's interval uses. Where R is "
                "carried by rare paths the identity is checked layer by layer: given the past the ratios have mean "
                "1 + kappa a^2 and a bounded variance, and the mean of R is the product of the layers' means."
            ),
            hypotheses="V centred with uncorrelated entries; W symmetric without atoms at 0 of W h; p_L/||p_L|| "
            "independent.",
            checks=_exact_means,
        ),
        Claim(
            id="E2",
            title="Exact one-layer law, Gaussian weights",
            statement=(
                "With Gaussian weights the squared norm is multiplied in every layer by an independent copy of $M = "
                "(1+asz)^2 + a^2s^2\\chi^2_{d-1}$, so the law of $\\log R$ at depth $L$ is a convolution power."
            ),
            formula=(
                "M = (1+a s z)^2 + a^2 s^2 \\chi^2_{d-1},\\qquad s^2 = \\frac1d \\ \\text{(linear)},\\qquad s^2 = "
                "\\frac{\\chi^2_N}{d^2},\\ N\\sim\\mathrm{Bin}(d,\\tfrac12) \\ \\text{(res-3)}"
            ),
            source="Derived from rotation invariance of Gaussian matrices",
            derivation=(
                "Given h, V g(h) is isotropic Gaussian of variance ||g||^2/d a coordinate; its component along h is a "
                "s z ||h||, the others add a^2 s^2 chi2_{d-1}. ||g||^2 is ||h||^2/d times the sum of squares of the "
                "positive coordinates of a standard normal vector. Nothing depends on h, so the layers are "
                "independent. The law is compared as a whole and by one value of its characteristic function."
            ),
            hypotheses="Gaussian V and W.",
            checks=_one_layer_laws,
        ),
        Claim(
            id="E3",
            quick_precision=1.5,
            title="Exact second moment, Gaussian weights",
            statement="With Gaussian weights $\\mathbb{E}\\,R^2$ is the $L$-th power of an explicit second moment of "
            "one layer.",
            formula=(
                "\\mathbb{E}\\,R^2 = (\\mathbb{E}\\,M^2)^L,\\qquad \\mathbb{E}\\,M^2 = 1 + "
                "a^2\\Bigl(2+\\frac4d\\Bigr) + a^4\\Bigl(1+\\frac2d\\Bigr)\\ \\text{(linear)}"
            ),
            source="Derived from the one-layer law",
            derivation="Moments of the noncentral chi-square given s, then moments of s^2 over the binomial number of "
            "active units.",
            hypotheses="Gaussian V and W.",
            checks=_second_moments,
        ),
        Claim(
            id="P4",
            quick_precision=1.3,
            title="Displacement bounded by Markov's inequality",
            statement=(
                "If $L a_L^2 \\leq 1$ then with probability at least $1-\\delta$ the displacement is at most "
                "$2La_L^2/\\delta$, and even at most $((1+\\kappa a^2)^L-1)/\\delta$."
            ),
            formula="\\mathbb{P}\\Bigl(D \\leq \\frac{2La_L^2}{\\delta}\\Bigr) \\geq 1-\\delta",
            source=SOURCE,
            derivation="Markov's inequality for the exact mean; (1 + kappa a^2)^L - 1 <= (e - 1) L a^2 when kappa L "
            "a^2 <= 1.",
            hypotheses="As E1, with kappa <= 1.",
            checks=_markov_bounds,
            corrections=(
                Correction(
                    stated="If $L a_L^2 \\leq 1$ then $D \\leq 2La_L^2/\\delta$ with probability at least $1-\\delta$.",
                    corrected="If $\\kappa \\leq 1$ as well; in general $D \\leq ((1+\\kappa a^2)^L-1)/\\delta$.",
                    variant=_ANY_KAPPA,
                ),
            ),
        ),
        *HIGHER_MOMENTS,
    ),
)
