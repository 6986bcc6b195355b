"""Every singular value of the Jacobian grows or decays at a rate of its own (E20)."""

from __future__ import annotations

from collections.abc import Iterator

from theory_check.claims import Basis, Check, Normal, Profile, check, claim, median
from theory_check.claims.networks import COMBINATIONS, label, layer_law
from theory_check.claims.observables import column
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


@claim(
    "E20",
    quick_precision=1.5,
    title="Rates of the singular values",
    formula=r"L^{2\beta-1}\log\sigma_i(J) \to \frac{\kappa(d-2i)}{2d},\qquad i = 1, \dots, d",
    source="Derived",
    derivation="Gram-Schmidt on the images of an orthonormal frame. In mean and units of kappa a^2/d, the part of the "
    "i-th image that is orthogonal to the i - 1 before it gains d - i + 1 from the noise in the directions that are "
    "left, loses i - 1 because the earlier images lean towards it, and its logarithm loses 2 for the variance of the "
    "component along itself: half of d - 2 i is the growth of log sigma_i. The sum over i is -kappa/2, the drift of "
    "log|det J|.",
    hypotheses="Symmetric independent V and W of unit variance; linear or res-3 with a piecewise linear activation.",
)
def lyapunov_spectrum(profile: Profile) -> Iterator[Check]:
    r"""For $0 < \beta < 1/2$ the logarithm of the $i$-th singular value of the Jacobian, divided by $L^{1-2\beta}$,
    tends to $\kappa(d-2i)/(2d)$: $d$ distinct, evenly spaced rates.
    """
    width, depth, beta = 4, 4000 * profile.depth, 0.25
    time = float(depth) ** (1.0 - 2.0 * beta)
    for branch, law in COMBINATIONS:
        deep = network(branch, law, width=width, depth=depth, beta=beta, jacobian=True)
        multiplier = layer_law(deep)
        kappa, rates = multiplier.kappa, singular_value_rates(multiplier)
        others = singular_value_rates(Multiplier(width, gain=0.5 if branch == "linear" else 1.0))
        for i, rate in enumerate(rates.tolist()):
            # With root precision the margin shrinks as the error does or slower. It is below half of the spacing
            # kappa / d of the rates.
            yield check(
                f"{label(deep)}-sigma{i + 1}", deep, rf"median of $L^{{2\beta-1}}\log\sigma_{{{i + 1}}}(J)$",
                median(1.0 / time * column("log_singular_values")[i], Normal(rate, kappa / (width * time))), rate,
                margin=0.39 * kappa / width * profile.precision**0.5, basis=RATES_APART,
                wrong={
                    "equal rates": -kappa / (2.0 * width),
                    "a symmetric spectrum: kappa (d - 2 i + 1) / (2 d)": rate + kappa / (2.0 * width),
                    "kappa of the other branch": float(others[i]),
                },
            )  # fmt: skip
