"""Experiments from short spellings: those of the command line, and those of claims."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from theory_check.experiments.cell import Cell, KernelName, choose_kernel
from theory_check.experiments.euler import Euler
from theory_check.experiments.euler_maruyama import EulerMaruyama, Noise
from theory_check.foundation.arguments import check_choice
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import Network
from theory_check.networks.path_series import PathLaw
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
        _branch(branch, activation),
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


def network(
    branch: str | Branch = "res-3",
    weights: str | Weights = "gaussian",
    *,
    activation: str = "relu",
    width: int,
    depth: int,
    beta: float | None = None,
    scale: float | Sequence[float] | Scaling | None = None,
    input: str | Input = "gaussian",
    inputs: int = 1,
    kernel: str = "auto",
    gradients: bool = False,
    recorded_depths: tuple[int, ...] = (),
    jacobian: bool = False,
    weight_gradients: tuple[int, ...] = (),
    active_norm: bool = False,
) -> Cell:
    """Return a network to simulate, spelled as on the command line.

    Parameters
    ----------
    branch : str or Branch
        ``linear``, ``res-1``, ``res-2``, ``res-3``.
    weights : str or Weights
        ``gaussian``, ``student:df=5,variance=he``, ``fgn:hurst=0.7``, ...
    activation : str
        ``relu``, ``leaky:slope=0.1``, ``identity``, ``tanh``; of a branch given by its name.
    width, depth : int
    beta : float, optional
        a_k = L^-beta; default 1/2.
    scale : float, sequence of float, or Scaling, optional
        a_k itself, one number or one for each layer, instead of ``beta``.
    input : str or Input
        ``gaussian``, ``sphere``, ``ones``, ``paper``, ``correlated:cosine=0.3``.
    inputs : int
        How many share the weights; of an input given by its name.
    kernel : str
        ``dense``, ``reduced``, ``stored``, or ``auto`` for the fastest that is exact.
    gradients, jacobian, active_norm : bool
        What to observe besides the norms.
    recorded_depths, weight_gradients : tuple of int
        Depths at which norms, and layers at which weight gradients are recorded.

    Returns
    -------
    Cell

    Raises
    ------
    SpecificationError
        Naming the first value that is not accepted, and what is.

    Examples
    --------
    >>> str(network("linear", "uniform", width=20, depth=100))
    'linear, width 20, depth 100, beta 0.5, uniform weights, gaussian input'
    """
    law = Weights.parse(weights) if isinstance(weights, str) else weights
    observed = Input.parse(input, inputs) if isinstance(input, str) else input
    check_choice("kernel", kernel, ("auto", *get_args(KernelName)))
    automatic = choose_kernel(law, observed, width, jacobian=jacobian)
    return Cell(
        network=Network(_branch(branch, activation), width, depth, _factors(beta, scale)),
        weights=law,
        input=observed,
        kernel=automatic if kernel == "auto" else kernel,  # type: ignore[arg-type]
        gradients=gradients,
        recorded_depths=tuple(recorded_depths),
        jacobian=jacobian,
        weight_gradients=tuple(weight_gradients),
        active_norm=active_norm,
    )


def path_networks(
    branch: str | Branch,
    path: str,
    *,
    activation: str = "relu",
    width: int,
    depth: int,
    doublings: int,
    beta: float = 1.0,
    reference: bool = False,
    tolerance: float = 1e-9,
) -> Euler:
    """Return networks of depths L, 2 L, ..., 2^doublings L that read one path of weights.

    Parameters
    ----------
    branch, activation
        As of :func:`network`.
    path : str
        ``smooth:length=0.5``, ``periodic``, ``tied``, ``matern:nu=0.25``, ``ou``, ...
    width, depth : int
        Of the coarsest network.
    doublings : int
    beta : float
        Each network has a_k = depth^-beta.
    reference : bool
        Whether to solve the differential equation too, to the given tolerance.

    Returns
    -------
    Euler

    Examples
    --------
    >>> str(path_networks("linear", "tied", width=10, depth=16, doublings=2))
    'linear, width 10, depths 16 to 64, tied paths'
    """
    return Euler(
        network=Network(_branch(branch, activation), width, depth, Scaling.power(beta)), path=PathLaw.parse(path),
        doublings=doublings, reference=reference, tolerance=tolerance,
    )  # fmt: skip


def brownian_networks(
    branch: str | Branch,
    *,
    activation: str = "relu",
    width: int,
    depth: int,
    doublings: int,
    noise: Noise = "shared",
    suprema: bool = False,
) -> EulerMaruyama:
    """Return networks of depths L, 2 L, ..., 2^doublings L that read one Brownian motion; a_k = depth^(-1/2).

    Parameters
    ----------
    branch, activation
        As of :func:`network`; linear or res-1.
    width, depth : int
        Of the coarsest network.
    doublings : int
    noise : ``shared`` or ``independent``
        The Brownian motion may also be drawn anew for each depth.
    suprema : bool
        Whether to observe the errors at all times of the coarsest network.

    Returns
    -------
    EulerMaruyama

    Examples
    --------
    >>> str(brownian_networks("linear", width=10, depth=8, doublings=2))
    'linear, width 10, depths 8 to 32, one Brownian motion'
    """
    return EulerMaruyama(
        network=Network(_branch(branch, activation), width, depth, Scaling.power(0.5)), doublings=doublings,
        noise=noise, suprema=suprema,
    )  # fmt: skip


def _branch(branch: str | Branch, activation: str) -> Branch:
    if isinstance(branch, Branch):
        return branch
    return Branch(branch, Activation.parse(activation))


def _factors(beta: float | None, scale: float | Sequence[float] | Scaling | None) -> Scaling:
    if scale is None:
        return Scaling.power(0.5 if beta is None else beta)
    if beta is not None:
        raise SpecificationError("give beta or a scale, not both")
    if isinstance(scale, Scaling):
        return scale
    return Scaling.constant(scale) if isinstance(scale, (int, float)) else Scaling.sequence(tuple(scale))
