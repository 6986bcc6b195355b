"""The kernels that sample a network exactly, and the fastest of them."""

from __future__ import annotations

from typing import Literal

from theory_check.networks.branches import Branch
from theory_check.networks.inputs import Input
from theory_check.networks.weights import Weights

KernelName = Literal["dense", "reduced", "chain", "stored"]

#: Most inputs of the reduced kernel: beyond, the factors of a block leave the cache, and dense is faster anyway.
MAXIMAL_REDUCED_INPUTS = 32

#: Least width at which the chain kernel carries gradients: a frame has four axes.
CHAIN_GRADIENT_WIDTH = 4

#: Width from which the chain kernel is chosen for gradients: there it is four times as fast as reduced or more.
WIDE = 64


def can_reduce(weights: Weights, inputs: Input) -> bool:
    """Whether the reduced kernel samples these weights exactly."""
    return weights.definition.gaussian and inputs.count <= MAXIMAL_REDUCED_INPUTS


def can_chain(weights: Weights, inputs: Input, branch: Branch) -> bool:
    """Whether norm and displacement of hidden states are a Markov chain that the chain kernel samples exactly.

    Those of the gradients are one as well, from width :data:`CHAIN_GRADIENT_WIDTH` on.

    Parameters
    ----------
    weights : Weights
    inputs : Input
    branch : Branch

    Returns
    -------
    bool
    """
    isotropic = branch.is_linear or (branch.has_inner and branch.homogeneous)
    return weights.definition.gaussian and inputs.count == 1 and isotropic


def choose_kernel(
    weights: Weights, inputs: Input, width: int | None = None, *, every_weight: bool = False,
    norms_of: Branch | None = None, gradients: bool = False,
) -> KernelName:  # fmt: skip
    """Return the fastest kernel that is exact.

    One input costs the reduced kernel O(d) numbers a layer against O(d^2) of the dense one, and m inputs O(m d) numbers
    and O(m^2 d) operations, which is measured to be faster up to about m = d/4.

    Parameters
    ----------
    weights : Weights
    inputs : Input
    width : int, optional
        Decides between kernels for several inputs; default: as for a wide network.
    every_weight : bool
        Whether something is observed that needs every weight: a Jacobian, cosines of weight gradients.
    norms_of : Branch, optional
        The branch, where nothing is observed but norms and displacements of hidden states and gradients, and control
        variates.
    gradients : bool
        Whether gradients are observed.

    Returns
    -------
    KernelName
        ``stored`` for a weight process, ``chain`` or ``reduced`` where it is exact and faster, ``dense`` elsewhere.

    Examples
    --------
    >>> [choose_kernel(Weights.parse(law), Input()) for law in ("gaussian", "uniform", "fgn:hurst=0.7")]
    ['reduced', 'dense', 'stored']
    >>> choose_kernel(Weights.parse("gaussian"), Input(), norms_of=Branch("linear"))
    'chain'
    """
    if weights.process is not None:
        return "stored"
    fast = not gradients or (width is not None and width >= WIDE)
    if norms_of is not None and fast and not every_weight and can_chain(weights, inputs, norms_of):
        return "chain"
    faster = inputs.count == 1 or width is None or 4 * inputs.count <= width
    return "reduced" if faster and not every_weight and can_reduce(weights, inputs) else "dense"
