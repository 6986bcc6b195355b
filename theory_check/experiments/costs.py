"""Costs of simulations: the model behind plans, budgets and the units of work.

The unit of *work* is the time of one uniform weight of a wide layer of the dense kernel, drawn and used:
:data:`SECONDS_PER_WORK` on an ordinary core. Fitted to the processor times of single blocks (the least of seven) at
widths 1 to 400, depths 1 and 50 or 100, all branches and laws, with and without gradients, recorded depths and
Jacobians, each divided by that of the unit measured between them, so that other processes on the machine do not matter.
The time to compile a law's function, one to three seconds in each process, is not part of it. What a machine takes
instead is told by :mod:`theory_check.experiments.machine_costs`.
"""

from __future__ import annotations

import math

from theory_check.kernels import LANES, PANEL
from theory_check.networks.network import Network
from theory_check.networks.weights import Weights

#: Processor seconds of a unit of work, before a machine is measured.
SECONDS_PER_WORK = 2e-10

#: Work of a unit: about a second, so that a killed run loses little.
UNIT_WORK = 4 * 10**9

#: Least work of a unit that could be smaller: 20 milliseconds, a hundred times what a unit costs besides.
LEAST_WORK = 8 * 10**7

#: A unit has at most this share of the blocks before it, so that all threads have work to the end of a short cell.
SHARE = 8

#: Work of a block that is timed: some milliseconds.
TRIAL_WORK = 2 * 10**7

#: What a block costs before its first layer, for each of its passes: calls, and the vectors at its ends.
PASS_WORK = 800_000
PASS_WORK_PER_COMPONENT = 120

#: What a stop at a recorded depth costs in each pass: another call.
STOP_WORK = 250_000

#: A layer of the chain kernel, and what an activation adds to it, whatever the width.
CHAIN_WORK = 55.0
CHAIN_WORK_INSIDE = 30.0

#: What a layer costs besides where the chain kernel carries gradients.
CHAIN_GRADIENT_WORK = 200.0
CHAIN_GRADIENT_WORK_INSIDE = 90.0

#: What a pass through a network of stored weights costs besides its layers, and more for each scaling. Inputs that are
#: drawn beside the first, and short transforms for wide matrices, take longer: that shows in networks of few layers.
STORED_PASS_WORK = 1_500_000
STORED_SCALING_WORK = 60_000

#: A layer of such a pass; an entry of a matrix, read, and multiplied with each lane of the panels; a component of a
#: lane, and what a lane costs besides.
STORED_LAYER_WORK = 760
WORK_PER_ENTRY = 3.5
WORK_PER_PRODUCT = 0.2
WORK_PER_COMPONENT = 0.6
WORK_PER_LANE = 30.0


def matrix_work(weights: Weights, width: int, inputs: int) -> float:
    """Return the work of one matrix of the dense kernel for one lane: seeding, rows, entries, products.

    Parameters
    ----------
    weights : Weights
    width : int
        Rows and columns.
    inputs : int
        Vectors that it multiplies.

    Returns
    -------
    float

    Examples
    --------
    >>> uniform, gaussian = (matrix_work(Weights.parse(law), 40, 1) for law in ("uniform", "gaussian"))
    >>> uniform < gaussian
    True
    """
    entry = weights.definition.work
    # Gram-Schmidt goes over all pairs of rows.
    pairs = 0.4 * width**3 if weights.definition.orthogonal else 0.0
    return 50.0 + min(16.0, 8.0 + 3.0 * entry) * width + (entry + 0.3 * (inputs - 1)) * width**2 + pairs


def _pass_work(width: int, inputs: int) -> float:
    return PASS_WORK + PASS_WORK_PER_COMPONENT * LANES * width * inputs


def activation_work(network: Network, inputs: int) -> float:
    """Return the cost of an activation of one layer for one lane beyond a piecewise linear one."""
    activation = network.branch.activation
    return 0.0 if activation.homogeneous else activation.definition.work * network.width * inputs


def controls_work(network: Network, inputs: int) -> int:
    """Return the work of the control variates of a block, all layers."""
    return math.ceil(LANES * network.depth * inputs * (44.0 + 0.5 * network.width))


def dense_work(network: Network, weights: Weights, inputs: int, *, gradients: bool, stops: int, jacobian: bool) -> int:
    """Return the work of a block of the dense kernel.

    Parameters
    ----------
    network : Network
    weights : Weights
    inputs : int
        Inputs that share the weights.
    gradients, jacobian : bool
        What is observed besides the norms.
    stops : int
        Depths between the ends at which the passes stop, to record.

    Returns
    -------
    int
    """
    width, depth, passes = network.width, network.depth, 2 if gradients else 1
    layer = matrix_work(weights, width, inputs) + activation_work(network, inputs)
    matrices = 1
    if network.branch.has_inner:
        layer += matrix_work(weights.inner, width, inputs)
        matrices = 2
    total = passes * (_pass_work(width, inputs) + LANES * depth * layer + STOP_WORK * stops)
    if jacobian:
        # A frame goes through the same weights and is orthonormalised four times in five units of time, sum a_k^2.
        # A layer renews its frame once at most; huge factors have no square.
        factors = network.factors.clip(-math.sqrt(1.25), math.sqrt(1.25))
        renewals = min(float(depth), 1.0 + 0.8 * float(factors @ factors))
        # From this width on, components without a slope are left out.
        halved = network.branch.has_inner and network.branch.activation.constants[:1].tolist() == [0.0]
        share = 10.0 if width < 28 else 14.0 if halved else 7.0
        frame = layer + matrices * (width**2 + width**3 / share)
        renewal = 500_000 + LANES * (60 * width**2 + 6 * width**3)
        spectrum = LANES * (1_400 * width + 1.6 * width**3)
        total += inputs * (LANES * depth * frame + renewals * renewal + spectrum)
    return math.ceil(total)


def chain_work(network: Network, stops: int, *, gradients: bool) -> int:
    """Return the work of a block of the chain kernel.

    Parameters
    ----------
    network : Network
    stops : int
        Depths between the ends at which the passes stop, to record.
    gradients : bool
        Whether the gradient is carried back.

    Returns
    -------
    int
    """
    # Two normal numbers and a chi-square number; another one and signs of all coordinates inside an activation.
    layer = CHAIN_WORK + (CHAIN_WORK_INSIDE + 0.04 * network.width if network.branch.has_inner else 0.0)
    passes = 2 if gradients else 1
    if gradients:
        # Eight normal and two chi-square numbers, and what the forward pass keeps; five numbers more inside.
        layer += CHAIN_GRADIENT_WORK + (CHAIN_GRADIENT_WORK_INSIDE if network.branch.has_inner else 0.0)
    return math.ceil(passes * (PASS_WORK + STOP_WORK * stops) + LANES * network.depth * layer)


def reduced_work(network: Network, inputs: int, *, gradients: bool, stops: int) -> int:
    """Return the work of a block of the reduced kernel.

    Parameters
    ----------
    network : Network
    inputs : int
        Inputs that share the weights.
    gradients : bool
        Whether the gradient is carried back.
    stops : int
        Depths between the ends at which the passes stop, to record.

    Returns
    -------
    int
    """
    matrices = 2 if network.branch.has_inner else 1
    # Normal numbers of all components, Gram matrices and projections for each pair of inputs.
    layer = matrices * (80.0 + network.width * inputs * (5.5 + inputs // 3)) + activation_work(network, inputs)
    # The backward pass conditions its draws on the forward pass, which costs more.
    back = (1.7 if inputs == 1 else 2.8) if gradients else 0.0
    passes, start = 2 if gradients else 1, _pass_work(network.width, inputs)
    return math.ceil((1.0 + back) * LANES * network.depth * layer + passes * (start + STOP_WORK * stops))


def stored_work(network: Network, weights: Weights, inputs: int, passes: int, *, scalings: int = 1) -> int:
    """Return the work of one network of stored weights, made once and passed through.

    Parameters
    ----------
    network : Network
    weights : Weights
        Of a process.
    inputs, scalings : int
        Every input under every scaling is a column that shares the weights.
    passes : int
        1 forward, 2 with the gradient.

    Returns
    -------
    int
    """
    matrices, width = 2 if network.branch.has_inner else 1, network.width
    lanes = -(-inputs * scalings // PANEL) * PANEL
    layer = STORED_LAYER_WORK + lanes * (WORK_PER_LANE + WORK_PER_COMPONENT * width)
    layer += matrices * width**2 * (WORK_PER_ENTRY + WORK_PER_PRODUCT * lanes) + activation_work(network, lanes)
    process = weights.process
    assert process is not None
    paths = matrices * process.work * network.depth * width**2
    return math.ceil(passes * (STORED_PASS_WORK + STORED_SCALING_WORK * scalings + network.depth * layer) + paths)
