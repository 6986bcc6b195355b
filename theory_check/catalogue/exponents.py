"""Checks of the exponents of the trichotomy: slopes on log depth, and the beta where a slope changes sign.

E6, E7, P3 and P5 share them. The means of D and D* are exact at every depth, for every symmetric law, and so is the
slope of their logarithm. The law of log R and log R* is exact for Gaussian weights, and with it the slope of the
logarithm of its median. Networks of different depths share no random numbers.
"""

from __future__ import annotations

import math

from theory_check.claims import EXACT_AT_DEPTHS, Basis, Check, CriticalPoint, Order, Profile, Slope, check
from theory_check.claims.networks import dominated_layer, finite_depth_law, label, one_layer
from theory_check.claims.observables import column, exp, stack
from theory_check.experiments.spelling import network
from theory_check.networks.branches import BranchName
from theory_check.theory import moments
from theory_check.theory.growth import GrowthLaws, mean_crossing

WIDTH = 20


def displacement_exponent(
    profile: Profile, branch: BranchName, weights: str, beta: float, *, gradient: bool = False
) -> Check:
    """Compare the slope of log E D, or of log E D*, on log L, between two depths."""
    # Weights that cost more than Gaussian ones have the depths of the quick profile at every profile.
    depths = tuple(n * (profile.depth if weights == "gaussian" else 1) for n in (32, 512))
    networks = tuple(network(branch, weights, width=WIDTH, depth=n, beta=beta, gradients=gradient) for n in depths)
    layers = [dominated_layer(each) for each in networks]
    means = tuple(moments.mean_displacement(*layer) for layer in layers)
    variances = tuple(moments.displacement_variance(*layer) for layer in layers)
    symbol, name = ("D^*", "log_gradient_displacement") if gradient else ("D", "log_displacement")
    errors = stack(*(exp(2.0 * column(name, i)) for i in range(len(depths))))
    slope = math.log(means[1] / means[0]) / math.log(depths[1] / depths[0])
    return check(
        f"{label(networks[0])}-beta{beta:g}-{'gradient-' if gradient else ''}exponent", networks,
        rf"slope of $\log\mathbb{{E}}\,{symbol}$ on $\log L$: $1-2\beta = {1.0 - 2.0 * beta:g}$ in the limit, "
        rf"twice the exponent of $\sqrt{{{symbol}}}$",
        Order(errors, depths, means, variances), slope,
        margin=0.1 * profile.precision, basis=EXACT_AT_DEPTHS,
        wrong={
            "it does not depend on the depth": 0.0,
            "exponent -2 beta, as of a single layer": -2.0 * beta,
            "exponent 2 - 2 beta: layers add up aligned, as smooth ones do": 2.0 - 2.0 * beta,
        },
        sized={"the exponent of a beta higher by {:g}": lambda more: slope - 2.0 * more},
    )  # fmt: skip


def growth_exponent(profile: Profile, branch: BranchName, beta: float, *, gradient: bool = False) -> Check:
    """Compare the slope of the log median of log R, or of log R*, on log L, between two depths; Gaussian weights."""
    depths = tuple(n * profile.depth for n in (25, 400))
    networks = tuple(network(branch, width=WIDTH, depth=n, beta=beta, gradients=gradient) for n in depths)
    laws = tuple(finite_depth_law(*one_layer(each)) for each in networks)
    # Each law is known up to its error; its median lies between the quantiles that far from 1/2.
    ends = [[math.log(float(law.quantile(0.5 + side * law.error))) for side in (-1.0, 1.0)] for law in laws]
    step = math.log(depths[1] / depths[0])
    symbol, name = ("R^*", "log_gradient_ratio") if gradient else ("R", "log_norm_ratio")
    return check(
        f"{label(networks[0])}-beta{beta:g}-{'gradient-' if gradient else ''}exponent", networks,
        rf"slope of the logarithm of the median of $\log {symbol}$ on $\log L$: "
        rf"$1-2\beta = {1.0 - 2.0 * beta:g}$ in the limit",
        Slope(column(name), depths, laws), ((ends[1][0] - ends[0][1]) / step, (ends[1][1] - ends[0][0]) / step),
        margin=0.05 * profile.precision, basis=EXACT_AT_DEPTHS,
        wrong={
            "log R does not depend on the depth": 0.0,
            "exponent 1 - beta, as for smooth weights": 1.0 - beta,
            "exponent 1/2 - beta, that of its deviations": 0.5 - beta,
        },
        sized={"the exponent of a beta higher by {:g}": lambda more: (ends[1][0] - ends[0][1]) / step - 2.0 * more},
    )  # fmt: skip


def critical_exponent(profile: Profile, branch: BranchName, weights: str, *, gradient: bool = False) -> Check:
    """Locate the beta at which the displacement neither shrinks nor grows from a depth to sixteen times that depth."""
    # Four exponents need eight networks: nightly is no deeper than standard.
    coarse = 64 * (min(profile.depth, 4) if weights == "gaussian" else 1)
    depths = (coarse, 16 * coarse)
    margin = 0.05 * profile.precision
    betas = tuple(0.5 + step * margin for step in (-1.3, -0.7, 0.7, 1.3))
    networks = tuple(
        network(branch, weights, width=WIDTH, depth=n, beta=beta, gradients=gradient) for beta in betas for n in depths
    )
    layer = dominated_layer(networks[0])[0]
    symbol, name = ("D^*", "log_gradient_displacement") if gradient else ("D", "log_displacement")
    growth = stack(*(column(name, 2 * i + 1) - column(name, 2 * i) for i in range(len(betas))))
    basis = Basis(
        f"means cross at {mean_crossing(layer, *depths):.4f} for these depths, by their exact values; the nearest "
        "exponents that are tried are much farther from 1/2"
    )
    return check(
        f"{label(networks[0])}-{'gradient-' if gradient else ''}critical", networks,
        rf"the $\beta$ at which the median of $\log {symbol}$ is the same at depths $L$ and $16L$",
        CriticalPoint(growth, betas, GrowthLaws(layer, *depths)), 0.5, margin=margin, basis=basis,
        wrong={"critical exponent 1, as for smooth weights": 1.0, "critical exponent 1/4": 0.25},
        sized={"critical exponent higher by {:g}": lambda more: 0.5 + more},
    )  # fmt: skip
