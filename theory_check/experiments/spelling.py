"""A cell from its spellings on the command line."""

from __future__ import annotations

from typing import get_args

from theory_check.experiments.cell import Cell, KernelName, choose_kernel
from theory_check.foundation.arguments import check_choice
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights


def make_cell(
    *,
    branch: str = "res-3",
    activation: str = "relu",
    weights: str = "gaussian",
    width: int = 40,
    depth: int = 1000,
    beta: float | None = None,
    scale: str | None = None,
    input_name: str = "gaussian",
    inputs: int = 1,
    gradients: bool = True,
    recorded_depths: str = "",
    jacobian: bool = False,
    weight_gradients: str = "",
    active_norm: bool = False,
    kernel: str = "auto",
) -> Cell:
    """Build a cell from the spellings of the command line.

    Raises
    ------
    SpecificationError
        Naming the first value that is not accepted, and what is.
    """
    law = Weights.parse(weights)
    observed = Input.parse(input_name, inputs)
    check_choice("kernel", kernel, ("auto", *get_args(KernelName)))
    network = Network(
        Branch(branch, Activation.parse(activation)),
        width,
        depth,
        _scaling(beta, scale),
    )
    automatic = choose_kernel(law, observed, width, jacobian=jacobian)
    chosen: KernelName = automatic if kernel == "auto" else kernel  # type: ignore[assignment]
    return Cell(
        network=network,
        weights=law,
        input=observed,
        kernel=chosen,
        gradients=gradients,
        recorded_depths=tuple(int(k) for k in _numbers("recorded depths", recorded_depths, int)),
        jacobian=jacobian,
        weight_gradients=tuple(int(k) for k in _numbers("layers of weight gradients", weight_gradients, int)),
        active_norm=active_norm,
    )


def _numbers(what: str, text: str, kind: type[int] | type[float]) -> list[float]:
    try:
        return [kind(part) for part in text.split(",")] if text.strip() else []
    except ValueError as error:
        raise SpecificationError(f"{what} {text!r} must be numbers separated by commas") from error


def _scaling(beta: float | None, scale: str | None) -> Scaling:
    if scale is None:
        return Scaling.power(0.5 if beta is None else beta)
    if beta is not None:
        raise SpecificationError("give beta or a scale, not both")
    factors = _numbers("scale", scale, float)
    if not factors:
        raise SpecificationError("scale is empty; give one number, or one for each layer")
    return Scaling.constant(factors[0]) if len(factors) == 1 else Scaling.sequence(factors)
