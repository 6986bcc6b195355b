"""Every singular value of the Jacobian grows or decays at a rate of its own (E20)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from theory_check.claims import Basis, Check, Domain, Hypothesis, Normal, Profile, check, claim, median
from theory_check.claims.domains import LAYERS, SYMMETRIC, beta_within
from theory_check.claims.networks import label, layer_law
from theory_check.claims.observables import column
from theory_check.experiments.cell import Cell
from theory_check.experiments.spelling import network
from theory_check.theory.limits import singular_value_rates
from theory_check.theory.multiplier import Multiplier

#: The log sigma_i repel each other while they are near, which leaves constants of order 1 for any kappa, that the time
#: L^(1 - 2 beta) divides.
RATES_APART = Basis(
    "limit in probability, approached like L^(2 beta - 1) times a constant of order 1, for which a part of the margin "
    "is left; less than half of the spacing of the rates, so that agreement of all includes their order",
    allowance=0.6,
)


#: Growth between two depths, in which the constants cancel: a tenth of the layers is T = 20 at the quick profile, from
#: where they change by less than a tenth, a few thousandths of the difference of the times.
CONSTANTS_CANCEL = Basis(
    "limit in probability; the constants of log sigma_i cancel between the depths, and what is left of them was found "
    "to be at most a tenth of the margin, which is half of the effect of a symmetric spectrum, a quarter of the "
    "spacing of the rates",
    allowance=0.1,
)


def _time(deep: Cell) -> float:
    """Return T = L a^2 times the variances of V and W: log sigma_i grows by its rate times T."""
    beta = deep.network.scaling.beta
    assert beta is not None, "only powers of the depth are in the domain"
    return math.pow(deep.network.depth, 1.0 - 2.0 * beta) * layer_law(deep).gain


def rate_checks(deep: Cell, factor: float) -> Iterator[Check]:
    """Compare the rate of every singular value; a factor of 1 leaves less than half of the spacing kappa / d."""
    width, time = deep.network.width, _time(deep)
    branch = replace(layer_law(deep), gain=1.0)
    kappa, rates = branch.kappa, singular_value_rates(branch)
    others = singular_value_rates(Multiplier(width, gain=0.5 if deep.network.branch.is_linear else 1.0))
    for i, rate in enumerate(rates.tolist()):
        yield check(
            f"{label(deep)}-sigma{i + 1}", deep, rf"median of $L^{{2\beta-1}}\log\sigma_{{{i + 1}}}(J)$",
            median(1.0 / time * column("log_singular_values")[i], Normal(rate, kappa / (width * time))), rate,
            margin=0.39 * kappa / width * factor, basis=RATES_APART,
            wrong={
                "equal rates": -kappa / (2.0 * width),
                "a symmetric spectrum: kappa (d - 2 i + 1) / (2 d)": rate + kappa / (2.0 * width),
                "kappa of the other branch": float(others[i]),
            },
        )  # fmt: skip


def growth_checks(deep: Cell, precision: float) -> Iterator[Check]:
    """Compare the growth of every singular value from a tenth of the layers on, in units of the time between."""
    width = deep.network.width
    coarse = replace(deep, network=replace(deep.network, depth=deep.network.depth // 10))
    before, time = _time(coarse), _time(deep)
    branch = replace(layer_law(deep), gain=1.0)
    kappa, rates = branch.kappa, singular_value_rates(branch)
    others = singular_value_rates(Multiplier(width, gain=0.5 if deep.network.branch.is_linear else 1.0))
    spread = kappa / width * (time + before) / (time - before) ** 2
    for i, rate in enumerate(rates.tolist()):
        growth = column("log_singular_values")[i] - column("log_singular_values", 1)[i]
        yield check(
            f"{label(deep)}-sigma{i + 1}-growth", (deep, coarse),
            rf"median of the difference of $\log\sigma_{{{i + 1}}}(J)$ between depths {deep.network.depth} and "
            rf"{coarse.network.depth}, over that of $L^{{1-2\beta}}$",
            median(1.0 / (time - before) * growth, Normal(rate, spread)), rate,
            margin=0.245 * kappa / width * precision, basis=CONSTANTS_CANCEL,
            wrong={
                "equal rates": -kappa / (2.0 * width),
                "a symmetric spectrum: kappa (d - 2 i + 1) / (2 d)": rate + kappa / (2.0 * width),
                "kappa of the other branch": float(others[i]),
            },
        )  # fmt: skip


def least_time(deep: Cell) -> float:
    """Return the T from which the constants in log sigma_i are within the part of the margin that is left for them.

    As the gaps open the logarithms are a Brownian motion with the stated drift, but while they are near they repel
    each other: a constant remains that does not depend on kappa, largest for i = 1 and d: 0.7, 1.0, 1.3 at widths 2, 3,
    4 by simulation of Brownian motion on GL(d), about 0.1 + 0.3 d. It must be below 0.6 * 0.39 kappa T / d.
    """
    kappa, width = layer_law(deep).branch.kappa, deep.network.width
    assert kappa is not None, "only closed branches are in the domain"
    return (0.1 + 0.3 * width) * width / (0.234 * kappa)


DOMAIN = Domain.of_cells(
    # The margin is that of the constants and does not follow the precision.
    lambda deep, _precision: rate_checks(deep, 1.0),
    (
        *LAYERS, SYMMETRIC, beta_within(0.0, 0.5),
        Hypothesis("spectrum", "the singular values of the Jacobian are observed", lambda deep: deep.jacobian),
        Hypothesis(
            "time and small steps",
            "T = L^(1 - 2 beta) is at least (0.1 + 0.3 d) d / (0.234 kappa), for the constants in the logarithms, and "
            "a^2 at most 0.05, both times the variances of V and W",
            lambda deep: _time(deep) >= least_time(deep) and _time(deep) <= 0.05 * deep.network.depth,
        ),
    ),
    laws=("gaussian", "uniform", "rademacher", "triangular"), widths=(2, 4), depths=(512, 4096), betas=(0.2, 0.4),
    kernel="dense", finish=lambda deep: replace(deep, jacobian=True),
)  # fmt: skip


@claim(
    "E20",
    domain=DOMAIN,
    title="Rates of the singular values",
    formula=r"L^{2\beta-1}\log\sigma_i(J) \to \frac{\kappa(d-2i)}{2d},\qquad i = 1, \dots, d",
    source="Derived",
    derivation="Gram-Schmidt on the images of an orthonormal frame. In mean and units of kappa a^2/d, the part of the "
    "i-th image that is orthogonal to the i - 1 before it gains d - i + 1 from the noise in the directions that are "
    "left, loses i - 1 because the earlier images lean towards it, and its logarithm loses 2 for the variance of the "
    "component along itself: half of d - 2 i is the growth of log sigma_i. The sum over i is -kappa/2, the drift of "
    "log|det J|. While the logarithms are near they repel each other, which leaves constants of order 1: growth is "
    "taken between two depths, where they cancel.",
    hypotheses="Symmetric independent V and W of unit variance; linear or res-3 with a piecewise linear activation.",
)
def lyapunov_spectrum(profile: Profile) -> Iterator[Check]:
    r"""For $0 < \beta < 1/2$ the logarithm of the $i$-th singular value of the Jacobian, divided by $L^{1-2\beta}$,
    tends to $\kappa(d-2i)/(2d)$: $d$ distinct, evenly spaced rates.
    """
    width, depth, beta = 4, 4000 * profile.depth, 0.25
    # One law for each branch: the time goes into a margin that tells a symmetric spectrum. The domain has the others.
    for branch, law in (("linear", "gaussian"), ("res-3", "uniform")):
        deep = network(branch, law, width=width, depth=depth, beta=beta, jacobian=True)
        # With root precision the margin shrinks as the error does or slower.
        yield from growth_checks(deep, profile.precision**0.5)
