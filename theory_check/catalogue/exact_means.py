"""Exact means of norm ratio, displacement and gradient ratio, at every depth and scaling (E1)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from theory_check.catalogue.admissible_laws import ADMISSIBLE, capped, gaussian_layer, margin, network_of
from theory_check.claims import Check, Mean, Profile, check, claim
from theory_check.claims.networks import BRANCHES, COMBINATIONS, dominated_layer, label
from theory_check.claims.observables import DISPLACEMENT, GRADIENT_RATIO, NORM_RATIO, column, expm1, increments, pooled
from theory_check.experiments.spelling import network
from theory_check.networks.branches import BranchName
from theory_check.theory import moments
from theory_check.theory.entry_laws import norm_ratio_variance_bound

#: Branch, weights, beta and relative margin of the mean displacement away from the critical scaling.
OTHER_SCALINGS: tuple[tuple[BranchName, str, float, float], ...] = (
    ("linear", "uniform", 0.25, 0.15),
    ("res-3", "rademacher", 0.25, 0.15),
    ("linear", "rademacher", 1.0, 0.06),
    ("res-3", "uniform", 1.0, 0.06),
)


@claim(
    "E1",
    quick_precision=1.5,
    title="Exact means",
    formula=r"\mathbb{E}\,R = \mathbb{E}\,R^* = (1+\kappa a^2)^L,\qquad \mathbb{E}\,D = (1+\kappa a^2)^L - 1",
    source="Derived; sharpens the bounds of @marion2025",
    derivation="Given h_k, V is centred and independent of g(h_k), so the cross term has mean zero and E||V g||^2 = "
    "||g||^2; E||g(h)||^2 = kappa ||h||^2 by symmetry of W. Induct over layers. Backward, the same holds for a "
    "gradient whose direction does not depend on the residual weights. The variance of R and D for entries of kurtosis "
    "at most 3 is at most the Gaussian one, which Catoni's interval uses. Where R is carried by rare paths the "
    "identity is checked layer by layer: given the past the ratios have mean 1 + kappa a^2 and a bounded variance, and "
    "the mean of R is the product of the layers' means.",
    hypotheses="V centred with uncorrelated entries; W symmetric without atoms at 0 of W h; p_L/||p_L|| independent.",
)
def exact_means(profile: Profile) -> Iterator[Check]:
    r"""For symmetric independent weights the mean of the squared norm ratio grows by the factor $1+\kappa a^2$ a layer,
    forward and backward, and the mean displacement is one less.
    """
    critical = [(network(branch, law, width=20, depth=64, gradients=True), 0.06) for branch, law in COMBINATIONS]
    others = [
        (network(branch, law, width=20, depth=64, beta=beta), relative)
        for branch, law, beta, relative in OTHER_SCALINGS
    ]
    for deep, relative in (*critical, *others):
        multiplier, a, depth = layer = dominated_layer(deep)
        ratio, displacement = moments.norm_ratio_moment(*layer), moments.mean_displacement(*layer)
        variance, added = moments.norm_ratio_variance(*layer), multiplier.kappa * a * a * depth
        quantities = (
            ("norm", "R", Mean(NORM_RATIO, variance), ratio, 1.0 + added),
            ("displacement", "D", Mean(DISPLACEMENT, moments.displacement_variance(*layer)), displacement, added),
            ("gradient", "R^*", Mean(GRADIENT_RATIO, variance), ratio, 1.0 + added),
        )
        for name, symbol, observed, target, additive in quantities if deep.gradients else quantities[1:2]:
            yield check(
                f"{label(deep)}-beta{deep.network.scaling.beta:g}-{name}", deep, rf"$\mathbb{{E}}\,{symbol}$", observed,
                target, margin=relative * profile.precision * target,
                wrong={"increments add up without compounding": additive},
            )  # fmt: skip

    # One layer given the past. The L ratios of a network less their mean are martingale differences, of a conditional
    # variance of at most that of the Gaussian multiplier (kurtosis at most 3, head of ``theory.moments``). Catoni's
    # interval holds for all n L of them together: the deeper the network, the more values it gives.
    shallow = [(branch, "uniform", 20, 100, 0.5, 0.1) for branch in BRANCHES]
    # Deep in the explosion regime: E R^2 / (E R)^2 is 1600 (linear) and 52 (res-3), so that no mean of R is in reach.
    explosive = [(branch, law, 10, 400, 0.25, 0.08) for branch, law in COMBINATIONS]
    for branch, law, width, depth, beta, relative in (*shallow, *explosive):
        deep = network(branch, law, width=width, depth=depth, beta=beta, recorded_depths=tuple(range(depth + 1)))
        multiplier, a, _ = dominated_layer(deep)
        kappa, other = multiplier.kappa, 0.5 if branch == "linear" else 1.0
        growth = pooled(expm1(increments(column("norm_profile"))) / (a * a))
        yield check(
            f"{label(deep)}-beta{beta:g}-layer", deep,
            r"$a^{-2}\,\mathbb{E}[\Vert h_{k+1}\Vert^2/\Vert h_k\Vert^2 - 1\mid h_k]$, all layers",
            Mean(growth, moments.multiplier_variance(multiplier, a) / a**4, values_per_replicate=depth), kappa,
            margin=relative * math.sqrt(profile.precision) * kappa,
            wrong={
                f"kappa is {other:g}, that of the other branch": other,
                "growth by a instead of a^2": kappa / a,
                "the drift of the logarithm, kappa (1 - 2/d)": kappa * (1.0 - 2.0 / width),
                "no growth": 0.0,
            },
        )  # fmt: skip

    for admissible in ADMISSIBLE:
        deep = network_of(admissible, capped(profile))
        multiplier, a, depth = layer = gaussian_layer(deep)
        target = moments.norm_ratio_moment(*layer)
        # Orthogonal V: ||V g|| = ||g|| and E s^2 = (d + 5)/(4 (d + 2)), below the Gaussian moments.
        variance = moments.norm_ratio_variance(*layer)
        if not deep.weights.definition.orthogonal:
            variance = norm_ratio_variance_bound(multiplier, deep.weights.kurtosis, deep.weights.skewness, a, depth)
        yield check(
            f"{label(deep)}-universal-norm", deep, r"$\mathbb{E}\,R$", Mean(NORM_RATIO, variance), target,
            margin=margin(capped(profile)) * target,
            wrong={
                "increments add up without compounding": 1.0 + multiplier.kappa,
                "He's variance in the last layer": moments.norm_ratio_moment(replace(multiplier, gain=2.0), a, depth),
            },
        )  # fmt: skip
