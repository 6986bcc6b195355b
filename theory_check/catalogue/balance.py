"""What the gradients of different weights share, whatever the loss: the balance of their norms (N4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, get_args

from theory_check.claims import IDENTITY, Check, Domain, Hypothesis, Probability, Profile, check, claim
from theory_check.claims.domains import branch_name, size_name
from theory_check.claims.observables import between, column
from theory_check.experiments.first_step import FirstStep
from theory_check.experiments.spelling import network
from theory_check.experiments.training import Loss
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

#: Rounding of a defect over its norms. A gradient is a sum over some 700 examples of products that went through at most
#: 10 layers of width 6 and their transposes: 2^-53 for each of 10^4 operations, all in one direction, is 1e-12.
ROUNDING = 1e-12


def first_step(
    branch: str, law: str, activation: str = "relu", depth: int = 6, loss: Loss = "cross-entropy"
) -> FirstStep:
    """Return the first step of a network of width 6 on the digits.

    Parameters
    ----------
    branch, law, activation, depth
        As of :func:`~theory_check.experiments.spelling.network`.
    loss : ``cross-entropy`` or ``square``

    Returns
    -------
    FirstStep
    """
    shape = network(branch, activation=activation, width=6, depth=depth).network
    return FirstStep(network=shape, weights=Weights.parse(law), loss=loss)


QUANTITIES = {
    "ends": r"$\langle A,\partial_A\mathcal L\rangle = \langle B,\partial_B\mathcal L\rangle$",
    "units": r"$\langle V_{\cdot j},\partial\mathcal L\rangle = \langle W_{j\cdot},\partial\mathcal L\rangle$ for "
    "every layer and unit",
    "chain": r"$M_{k+1}^T\,\partial_{M_{k+1}}\mathcal L = \partial_{M_k}\mathcal L\,M_k^T$ for every layer",
}


def balance_check(step: FirstStep, identity: str, precision: float, name: str, mistake: str = "") -> Check:
    """Check an identity to rounding; with the name of a mistake also that a network breaks it, and which."""
    bounded = first_step("res-3", "gaussian", "tanh", 2)
    # A product of matrices does not describe a branch with an activation.
    contrast = first_step("res-1", "uniform") if identity == "chain" else bounded
    defect = column(f"{identity}_defect")
    broken = {mistake: between(column(f"{identity}_defect", 1), upper=ROUNDING)} if mistake else {}
    return check(
        f"{name}-{identity}", (step, contrast) if mistake else step,
        f"probability that {QUANTITIES[identity]} within rounding, {ROUNDING:g} of the norms",
        Probability(between(defect, upper=ROUNDING), truth=1.0, exact=True), 1.0,
        margin=0.15 * precision, basis=IDENTITY,
        wrong={**broken, "the balance is off by one part in ten million": between(defect + 1e-7, upper=ROUNDING)},
    )  # fmt: skip


def _checks(step: FirstStep, precision: float) -> Iterator[Check]:
    shape = step.network
    name = f"{shape.branch.name}-{step.weights.law}-d{shape.width}"
    others = ["units"] if shape.branch.has_inner else []
    if shape.branch.is_linear and shape.depth > 1:
        others.append("chain")
    for identity in ("ends", *others):
        yield balance_check(step, identity, precision, name)


def _strata(step: FirstStep) -> tuple[str, ...]:
    return (f"first step, {step.loss}", branch_name(step.network.branch), f"{step.weights.law} weights",
            size_name(step.network.width))  # fmt: skip


def _steps() -> SearchStrategy[FirstStep]:
    from hypothesis import strategies as st

    from theory_check.strategies import betas, branches, weight_processes, weights

    laws = weights(finite_variance=True, nonzero=True) | weight_processes(names=("fgn", "tied", "smooth"))
    return st.builds(
        lambda branch, width, depth, beta, law, loss: FirstStep(
            network=Network(branch, width, depth, Scaling.power(beta)), weights=law, loss=loss
        ),
        branches(homogeneous=True), st.integers(1, 8), st.integers(1, 10), betas(0.25, 1.5), laws,
        st.sampled_from(get_args(Loss)),
    ).filter(lambda step: DOMAIN.violated(step) is None)  # fmt: skip


DOMAIN = Domain(
    networks=_steps,
    build=_checks,
    hypotheses=(
        Hypothesis("homogeneous", "g(c h) = c g(h) for c > 0: no bias, piecewise linear activation",
                   lambda step: step.network.branch.homogeneous),
        Hypothesis("rounding", "the width is at most 8 and the depth at most 10, which the bound on rounding counts",
                   lambda step: step.network.width <= 8 and step.network.depth <= 10),
    ),
    strata=_strata,
)  # fmt: skip


@claim(
    "N4",
    domain=DOMAIN,
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
    cases: tuple[tuple[str, str, str, int, Loss, tuple[str, ...]], ...] = (
        ("linear", "uniform", "relu", 10, "cross-entropy", ("ends", "chain")),
        ("linear", "gaussian", "relu", 10, "square", ("ends", "chain")),
        ("res-1", "gaussian", "relu", 6, "cross-entropy", ("ends",)),
        ("res-3", "gaussian", "relu", 6, "cross-entropy", of_res3),
        ("res-3", "uniform", "leaky:slope=0.2", 6, "cross-entropy", of_res3),
        ("res-3", "uniform", "relu", 6, "square", of_res3),
        ("res-3", "fgn:hurst=0.8", "relu", 10, "cross-entropy", of_res3),
    )
    bounded = "a bounded activation does not matter"
    mistakes = {"ends": bounded, "units": bounded, "chain": "an activation does not matter"}
    for branch, law, activation, depth, loss, identities in cases:
        step = first_step(branch, law, activation, depth, loss)
        name = f"{branch}-{law.partition(':')[0]}-{activation.partition(':')[0]}{'-square' * (loss == 'square')}"
        for identity in identities:
            yield balance_check(step, identity, profile.precision, name, mistakes[identity])
