"""Experiments from short spellings, those of the command line and those of claims."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import get_args

from theory_check.data.data_set import DataSet
from theory_check.experiments.cell import Cell
from theory_check.experiments.euler import Euler
from theory_check.experiments.euler_maruyama import EulerMaruyama, Noise
from theory_check.experiments.kernel_choice import KernelName, choose_kernel
from theory_check.experiments.optimisers import Optimiser
from theory_check.experiments.sweep import Sweep
from theory_check.experiments.training import Loss, Precision, TrainedScaling, Training
from theory_check.foundation.arguments import check_choice, check_integer, check_number, parse_numbers
from theory_check.foundation.errors import SpecificationError
from theory_check.foundation.kinds import check_kind, check_sequence
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.network import MAXIMAL_WIDTH, Network
from theory_check.networks.path_laws import PathLaw
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights


def network(
    branch: str | Branch = "res-3",
    weights: str | Weights = "gaussian",
    *,
    activation: str = "relu",
    width: int,
    depth: int,
    beta: float | None = None,
    scale: float | Sequence[float] | Scaling | str | None = None,
    input: str | Input = "gaussian",
    inputs: int = 1,
    kernel: str = "auto",
    gradients: bool = False,
    recorded_depths: Sequence[int] = (),
    jacobian: bool = False,
    weight_gradients: Sequence[int] = (),
    gradient_cosines: Sequence[int] = (),
    active_norm: bool = False,
    controls: bool = False,
) -> Cell:
    """Return a network to simulate.

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
        a_k = depth^-beta; default 1/2.
    scale : float, sequence of float, Scaling or str, optional
        a_k itself instead of ``beta``: one number, or one for each layer. A text has commas between them.
    input : str or Input
        ``gaussian``, ``sphere``, ``ones``, ``paper``, ``correlated:cosine=0.3``.
    inputs : int
        How many share the weights; of an input given by its name.
    kernel : str
        ``dense``, ``reduced``, ``chain``, ``stored``, or ``auto`` for the fastest that is exact.
    gradients : bool
        Whether to carry the gradient back as well.
    recorded_depths : sequence of int
        Depths at which norms are recorded, between 0 and the depth.
    jacobian : bool
        Whether to observe the singular values of dh_L/dh_0.
    weight_gradients : sequence of int
        Layers, from 1, the norms of whose weight gradients are recorded.
    gradient_cosines : sequence of int
        Those of them whose weight gradients are compared with those of the next layer.
    active_norm : bool
        Whether to observe the norm of the active coordinates.
    controls : bool
        Whether to sum control variates of log R.

    Returns
    -------
    Cell

    Raises
    ------
    SpecificationError
        Naming the first value that is not accepted, and what is.

    Examples
    --------
    >>> str(network("linear", "uniform", width=20, depth=100, scale=(2 * 100) ** -0.5))
    'linear, width 20, depth 100, scaling factor 0.0707107, uniform weights, gaussian input'
    """
    recorded_depths, weight_gradients, gradient_cosines = (
        check_sequence(what, given)
        for what, given in {
            "recorded depths": recorded_depths,
            "weight gradients": weight_gradients,
            "gradient cosines": gradient_cosines,
        }.items()
    )
    law = weights if isinstance(weights, Weights) else Weights.parse(weights)
    observed = Input.parse(input, inputs) if isinstance(input, str) else input
    check_kind("input", observed, Input, "a name or an Input")
    check_integer("width", width, 1, MAXIMAL_WIDTH)
    check_choice("kernel", kernel, ("auto", *get_args(KernelName)))
    given = _branch(branch, activation)
    automatic = choose_kernel(
        law, observed, width, every_weight=jacobian or bool(gradient_cosines),
        norms_of=None if weight_gradients or active_norm else given, gradients=gradients,
    )  # fmt: skip
    return Cell(
        network=Network(given, width, depth, _scaling(beta, scale)),
        weights=law,
        input=observed,
        kernel=automatic if kernel == "auto" else kernel,  # type: ignore[arg-type]  # a KernelName, checked above
        gradients=gradients,
        recorded_depths=recorded_depths,
        jacobian=jacobian,
        weight_gradients=weight_gradients,
        gradient_cosines=gradient_cosines,
        active_norm=active_norm,
        controls=controls,
    )


def _branch(branch: str | Branch, activation: str) -> Branch:
    return branch if isinstance(branch, Branch) else Branch(branch, Activation.parse(activation))


def _scaling(beta: float | None, scale: float | Sequence[float] | Scaling | str | None) -> Scaling:
    if scale is None:
        return Scaling.power(0.5 if beta is None else beta)
    if beta is not None:
        raise SpecificationError("give beta or a scale, not both")
    if isinstance(scale, Scaling):
        return scale
    if isinstance(scale, Real):
        return Scaling.constant(check_number("scale", scale))
    factors = parse_numbers("scale", scale, float) if isinstance(scale, str) else check_sequence("scale", scale)
    if not factors:
        raise SpecificationError("scale is empty; give one number, or one for each layer")
    return Scaling.constant(factors[0]) if isinstance(scale, str) and len(factors) == 1 else Scaling.sequence(factors)


def sweep(
    branch: str | Branch = "res-3",
    weights: str | Weights = "fgn",
    *,
    activation: str = "relu",
    width: int,
    depth: int,
    betas: Sequence[float],
    input: str | Input = "gaussian",
    inputs: int = 1,
    gradients: bool = False,
) -> Sweep:
    """Return networks under many scalings a_k = depth^-beta, whose weights and inputs are the same.

    Parameters
    ----------
    branch, activation, width, depth, input, inputs, gradients
        As of :func:`network`.
    weights : str or Weights
        A weight process, ``fgn:hurst=0.7``.
    betas : sequence of float
        Scaling exponents, increasing.

    Returns
    -------
    Sweep

    Examples
    --------
    >>> str(sweep("linear", width=10, depth=50, betas=(0.5, 0.75)))
    'linear, width 10, depth 50, 2 betas from 0.5 to 0.75, fgn weights, gaussian input'
    """
    return Sweep(
        branch=_branch(branch, activation), width=width, depth=depth,
        weights=weights if isinstance(weights, Weights) else Weights.parse(weights),
        betas=check_sequence("betas", betas),
        input=Input.parse(input, inputs) if isinstance(input, str) else input, gradients=gradients,
    )  # fmt: skip


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
        Whether to solve the differential equation too.
    tolerance : float
        Of that solution, a step.

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


def training(
    branch: str | Branch = "res-1",
    weights: str | Weights = "uniform",
    *,
    activation: str = "relu",
    width: int = 30,
    depth: int,
    beta: float | None = None,
    scale: float | Sequence[float] | Scaling | str | None = None,
    has_outer: bool = True,
    weights_power: float = 0.0,
    loss: Loss = "cross-entropy",
    data: str | DataSet = "digits",
    optimiser: str | Optimiser = "adam",
    learning_rate: float = 1e-3,
    rate_power: float = 0.0,
    decay: float = 1.0,
    decay_after: int = 0,
    batch: int = 128,
    epochs: int = 10,
    trains_ends: bool = True,
    trained_scaling: TrainedScaling = "fixed",
    validation_share: float = 0.0,
    precision: Precision = "single",
    lags: Sequence[int] = (1, 2),
    entries: Sequence[tuple[int, int]] = (),
) -> Training:
    """Return a network to train on labelled images.

    Parameters
    ----------
    branch, activation, beta, scale
        As of :func:`network`; a branch without a bias.
    weights : str or Weights
        Law or process of the initial weights.
    width, depth : int
    has_outer, weights_power, loss
        As of :class:`~theory_check.experiments.training.Training`.
    data : str or DataSet
        ``digits``, or a folder with the files of MNIST, Fashion-MNIST or CIFAR-10.
    optimiser : str or Optimiser
        ``gradient-descent``, ``momentum:momentum=0.9``, ``adam:beta1=0.9,beta2=0.999``.
    learning_rate : float
        Of the first and the last layer; that of the residual layers is ``learning_rate * depth^rate_power``.
    rate_power : float
        Between -4 and 4.
    decay, decay_after : float, int
        Rates are multiplied by ``decay`` after so many epochs.
    batch, epochs, trains_ends, trained_scaling, validation_share, precision
        As of :class:`~theory_check.experiments.training.Training`.
    lags, entries : sequences
        What is observed of the weights along the layers.

    Returns
    -------
    Training

    Raises
    ------
    SpecificationError
        Naming the first value that is not accepted, and what is.

    Examples
    --------
    >>> str(training("res-1", "fgn:hurst=0.7", depth=50, beta=0.7, epochs=2))
    'res-1, width 30, depth 50, beta 0.7, fgn weights, 2 epochs on digits by adam, learning rate 0.001'
    """
    return Training(
        network=Network(_branch(branch, activation), width, depth, _scaling(beta, scale)),
        weights=weights if isinstance(weights, Weights) else Weights.parse(weights),
        has_outer=has_outer, weights_power=weights_power, loss=loss,
        data=data if isinstance(data, DataSet) else DataSet.parse(data),
        optimiser=optimiser if isinstance(optimiser, Optimiser) else Optimiser.parse(optimiser),
        learning_rate=learning_rate, rate_power=rate_power, decay=decay, decay_after=decay_after, batch=batch,
        epochs=epochs, trains_ends=trains_ends, trained_scaling=trained_scaling, validation_share=validation_share,
        precision=precision, lags=check_sequence("lags", lags),
        entries=check_sequence("entries", entries),
    )  # fmt: skip
