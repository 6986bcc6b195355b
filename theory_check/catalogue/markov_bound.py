"""The displacement bounded by Markov's inequality (P4)."""

from __future__ import annotations

from collections.abc import Iterator

from theory_check.catalogue.admissible_laws import gaussian_layer
from theory_check.claims import Check, Domain, LogNormal, Probability, Profile, check, claim
from theory_check.claims.domains import LAYERS
from theory_check.claims.networks import COMBINATIONS, dominated_layer, label
from theory_check.claims.observables import DISPLACEMENT, between
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network
from theory_check.theory.moments import displacement_variance, mean_displacement

ANY_KAPPA = "the bound 2 L a^2 / delta whatever kappa"


def bound_checks(deep: Cell, precision: float, delta: float = 0.1) -> Iterator[Check]:
    """Bound D by its exact mean and, where the paper's hypotheses hold, by the paper's bound."""
    multiplier, a, depth = layer = gaussian_layer(deep)
    mean, variance = mean_displacement(*layer), displacement_variance(*layer)
    # One network in five exceeds it, by the lognormal law of the same mean and variance.
    near = float(LogNormal.of_moments(mean, variance).quantile(0.8))
    bounds = [
        ("paper", 2.0 * depth * a**2 / delta, r"2La_L^2/\delta"),
        ("sharp", mean / delta, r"((1+\kappa a^2)^L-1)/\delta"),
    ]
    # a = L^(-1/2) may be rounded up.
    applies = multiplier.kappa <= 1.0 and depth * a * a <= 1.0 + 1e-12
    for name, bound, symbol in bounds if applies else bounds[1:]:
        yield check(
            f"{label(deep)}-{name}", deep, rf"$\mathbb{{P}}(D \leq {symbol})$ at $\delta = {delta:g}$",
            Probability(between(DISPLACEMENT, upper=bound), truth=0.98, exact=True), (1.0 - delta, 1.0),
            margin=0.02 * precision,
            wrong={
                f"the same probability for D below {near:.3g}, which one network in five exceeds":
                    between(DISPLACEMENT, upper=near),
            },
        )  # fmt: skip


DOMAIN = Domain.of_cells(bound_checks, LAYERS, betas=(0.25, 2.0))


@claim(
    "P4",
    domain=DOMAIN,
    quick_precision=1.3,
    title="Displacement bounded by Markov's inequality",
    formula=r"\mathbb{P}\Bigl(D \leq \frac{2La_L^2}{\delta}\Bigr) \geq 1-\delta",
    source="@marion2025",
    derivation="Markov's inequality for the exact mean; (1 + kappa a^2)^L - 1 <= (e - 1) L a^2 when kappa L a^2 <= 1.",
    hypotheses="As E1, with kappa <= 1.",
    remarks=(r"The bound $2La_L^2/\delta$ needs $\kappa \leq 1$; in general $D \leq ((1+\kappa a^2)^L-1)/\delta$.",),
)
def markov_bound(profile: Profile) -> Iterator[Check]:
    r"""If $L a_L^2 \leq 1$ then with probability at least $1-\delta$ the displacement is at most $2La_L^2/\delta$, and
    even at most $((1+\kappa a^2)^L-1)/\delta$.
    """
    for branch, law in COMBINATIONS:
        yield from bound_checks(network(branch, law, width=20, depth=64, gradients=True), profile.precision)
    # Weights of twice the variance: He's convention doubles that of either matrix of res-3, whose kappa is 1/2 without.
    delta = 0.5
    for branch, law in (("linear", "gaussian:variance=he"), ("res-3", "uniform:variance=he")):
        deep = network(branch, law, width=20, depth=64)
        multiplier, a, depth = layer = dominated_layer(deep)
        sharp, stated = mean_displacement(*layer) / delta, 2.0 * depth * a * a / delta
        yield check(
            f"{label(deep)}-kappa{multiplier.kappa:g}", deep,
            rf"$\mathbb{{P}}(D \leq ((1+\kappa a^2)^L-1)/\delta)$ at $\delta = {delta:g}$, "
            rf"$\kappa = {multiplier.kappa:g}$",
            Probability(between(DISPLACEMENT, upper=sharp), truth=0.85, exact=True), (1.0 - delta, 1.0),
            margin=0.05 * profile.precision, wrong={ANY_KAPPA: between(DISPLACEMENT, upper=stated)},
        )  # fmt: skip
