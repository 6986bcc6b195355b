"""What the gradients of different weights share, whatever the loss: the balance of their norms (N4)."""

from __future__ import annotations

from collections.abc import Iterator

from theory_check.claims import IDENTITY, Check, Probability, Profile, check, claim
from theory_check.claims.observables import between, column
from theory_check.experiments.first_step import FirstStep
from theory_check.experiments.spelling import network
from theory_check.networks.weights import Weights

#: Rounding of a defect over its norms. A gradient is a sum over some 700 examples of products that went through at most
#: 10 layers of width 6 and their transposes: 2^-53 for each of 10^4 operations, all in one direction, is 1e-12.
ROUNDING = 1e-12


def first_step(branch: str, law: str, activation: str = "relu", depth: int = 6) -> FirstStep:
    """Return the first step of a network of width 6 on the digits.

    Parameters
    ----------
    branch, law, activation, depth
        As of :func:`~theory_check.experiments.spelling.network`.

    Returns
    -------
    FirstStep
    """
    shape = network(branch, activation=activation, width=6, depth=depth).network
    return FirstStep(network=shape, weights=Weights.parse(law))


@claim(
    "N4",
    title="The gradients of neighbouring weights are in balance",
    formula=r"\langle A,\partial_A\mathcal L\rangle = \langle B,\partial_B\mathcal L\rangle,\qquad \langle V_{\cdot j},"
    r"\partial_{V_{\cdot j}}\mathcal L\rangle = \langle W_{j\cdot},\partial_{W_{j\cdot}}\mathcal L\rangle,\qquad "
    r"M_{k+1}^T\,\partial_{M_{k+1}}\mathcal L = \partial_{M_k}\mathcal L\,M_k^T\ \ (M_k = I + aV_k)",
    source="Derived from Euler's identity, as for networks without skips",
    derivation="A homogeneous branch does not notice a factor c > 0 of W_j: that divides V_:j, and a network of such "
    "branches none of A that divides B: the derivative of the loss along either change is 0. A linear network is a "
    "product of the M_k, which does not notice an invertible matrix between M_{k+1} and M_k: the derivative along each "
    "of them is 0.",
    hypotheses="Bias-free homogeneous branches for the first two, linear branches for the third; every loss of the "
    "output, every batch, any weights.",
)
def balance(profile: Profile) -> Iterator[Check]:
    r"""For every loss and batch the gradients of the first and the last matrix have the same product with their
    weights, and so have those of each hidden unit's column of $V$ and row of $W$; in linear networks the gradients of
    neighbouring layers agree as whole matrices. So gradient flow keeps $\Vert A\Vert^2-\Vert B\Vert^2$ and $\Vert
    V_{\cdot j}\Vert^2-\Vert W_{j\cdot}\Vert^2$. A bounded activation breaks all of it.
    """
    of_res3 = ("ends", "units")
    cases = (
        ("linear", "uniform", "relu", 10, ("ends", "chain")),
        ("res-1", "gaussian", "relu", 6, ("ends",)),
        ("res-3", "gaussian", "relu", 6, of_res3),
        ("res-3", "uniform", "leaky:slope=0.2", 6, of_res3),
        ("res-3", "fgn:hurst=0.8", "relu", 10, of_res3),
    )
    bounded = first_step("res-3", "gaussian", "tanh", 2)
    # A product of matrices does not describe a branch with an activation.
    contrasts = {
        "ends": ("a bounded activation does not matter", bounded),
        "units": ("a bounded activation does not matter", bounded),
        "chain": ("an activation does not matter", first_step("res-1", "uniform")),
    }
    quantities = {
        "ends": r"$\langle A,\partial_A\mathcal L\rangle = \langle B,\partial_B\mathcal L\rangle$",
        "units": r"$\langle V_{\cdot j},\partial\mathcal L\rangle = \langle W_{j\cdot},\partial\mathcal L\rangle$ for "
        "every layer and unit",
        "chain": r"$M_{k+1}^T\,\partial_{M_{k+1}}\mathcal L = \partial_{M_k}\mathcal L\,M_k^T$ for every layer",
    }
    for branch, law, activation, depth, identities in cases:
        step = first_step(branch, law, activation, depth)
        name = f"{branch}-{law.partition(':')[0]}-{activation.partition(':')[0]}"
        for identity in identities:
            mistake, contrast = contrasts[identity]
            defect, broken = (column(f"{identity}_defect", place) for place in range(2))
            yield check(
                f"{name}-{identity}", (step, contrast),
                f"probability that {quantities[identity]} within rounding, {ROUNDING:g} of the norms",
                Probability(between(defect, upper=ROUNDING), truth=1.0, exact=True), 1.0,
                margin=0.15 * profile.precision, basis=IDENTITY,
                wrong={
                    mistake: between(broken, upper=ROUNDING),
                    "the balance is off by one part in ten million": between(defect + 1e-7, upper=ROUNDING),
                },
            )  # fmt: skip
