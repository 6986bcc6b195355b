"""Segments of the depth, and what is kept of a block for its backward pass.

:mod:`theory_check.simulation` makes room by these numbers and :mod:`theory_check.experiments.memory` counts by them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from theory_check.experiments.cell import Cell
from theory_check.experiments.costs import LEAST_WORK
from theory_check.kernels import LANES, PANEL
from theory_check.networks.network import Network

#: Weights (all lanes) that one kernel call may draw: a fraction of a second, the time a run takes to react to an
#: interrupt.
SEGMENT_WEIGHTS = 2 * 10**9

#: Bytes that the slopes or hidden states kept for the backward pass of a block may take.
SEGMENT_BYTES = 48 * 2**20

#: Weights of the dense kernel that take as long as a layer of a lane of the chain kernel.
CHAIN_LAYER_WEIGHTS = 100

#: Numbers that the backward pass of the chain kernel keeps of a layer of a lane, without and with an activation.
CHAIN_KEPT = (7, 11)

#: Components of a vector of the chain kernel: of a state, and of a gradient with the angle of its frame.
CHAIN_COMPONENTS = (2, 6)

#: Blocks that go through the depth together, at most, and bytes of their states and of what they keep: as much as the
#: cache of a processor holds.
MOST_TOGETHER, STATES_TOGETHER, KEPT_TOGETHER = 16, 2**18, 2**21


def blocks_together(cell: Cell) -> int:
    """Return how many blocks of a cell go through the depth together: short ones share what a call costs."""
    if cell.kernel == "stored" or cell.jacobian:
        return 1
    states = 8 * LANES * components(cell) * cell.input.count
    kept = cell.network.depth * LayerSize.of(cell).kept if cell.gradients else 0
    most = min(LEAST_WORK // cell.work_per_block, STATES_TOGETHER // states, KEPT_TOGETHER // (kept or 1))
    return max(1, min(MOST_TOGETHER, most))


def components(cell: Cell) -> int:
    """Return how many components a state or a gradient of a cell has at most."""
    return CHAIN_COMPONENTS[cell.gradients] if cell.kernel == "chain" else cell.network.width


@dataclass(frozen=True)
class LayerSize:
    """A layer of a block.

    Attributes
    ----------
    kept : int
        Bytes that the backward pass keeps of it.
    weights : int
        Numbers that it draws or reads, all lanes together.
    """

    kept: int
    weights: int

    @classmethod
    def of(cls, cell: Cell) -> LayerSize:
        """Return what a layer takes in a cell whose weights are not stored."""
        network, inputs = cell.network, cell.input.count
        matrices = 2 if network.branch.has_inner else 1
        if cell.kernel == "chain":
            kept = 8 * LANES * CHAIN_KEPT[network.branch.has_inner] if cell.gradients else 0
            return cls(kept, CHAIN_LAYER_WEIGHTS * LANES)
        if cell.kernel == "reduced":
            return cls((4 * network.width + 8) * inputs * LANES, matrices * inputs * network.width * LANES)
        return cls(4 * inputs * network.width * LANES, matrices * network.width**2 * LANES)

    @classmethod
    def stored(cls, network: Network, columns: int) -> LayerSize:
        """Return what a layer takes of one network of stored weights with so many columns that share them."""
        lanes = -(-columns // PANEL) * PANEL
        matrices = 2 if network.branch.has_inner else 1
        # A bit of each component where there are two slopes.
        slopes = lanes * network.width // 8 if network.branch.activation.homogeneous else 4 * lanes * network.width
        return cls(slopes, matrices * lanes * network.width**2)

    def fits(self, depth: int, kept_bytes: int) -> bool:
        """Tell whether all layers can be kept."""
        return depth * self.kept <= kept_bytes

    def longest_segment(self, depth: int, kept_bytes: int, *, gradients: bool, keeps: bool) -> int:
        """Return how many layers go through a kernel together.

        Parameters
        ----------
        depth : int
        kept_bytes : int
            Bytes that may be kept.
        gradients, keeps : bool
            Whether there is a backward pass, and whether the forward pass keeps anything.

        Returns
        -------
        int
        """
        most = max(1, SEGMENT_WEIGHTS // self.weights)
        if keeps and not (gradients and self.fits(depth, kept_bytes)):
            most = min(most, max(1, kept_bytes // self.kept))
        return min(most, depth)


@dataclass(frozen=True)
class StoredPlan:
    """How the memory of one network of stored weights is shared between its weights and what is kept.

    Attributes
    ----------
    chunk : int
        Layers whose weights are there at a time.
    path_bytes : int
        Bytes that the path of each matrix may keep.
    kept_bytes : int
        Bytes for the slopes: three quarters of what the weights leave, the last for checkpoints. Never less than n
        layers, where n of slopes and depth / n of checkpoints together are least: 8 sqrt(depth) of bits, or sqrt(2
        depth) of numbers.
    """

    chunk: int
    path_bytes: int
    kept_bytes: int

    @classmethod
    def of(cls, network: Network, columns: int, memory: int) -> StoredPlan:
        """Return the plan of a network with columns that share its weights.

        Parameters
        ----------
        network : Network
        columns : int
            Inputs times scalings.
        memory : int
            Bytes that the weights and what is kept may take. Weights get half of it at most.

        Returns
        -------
        StoredPlan
        """
        width, depth = network.width, network.depth
        matrices = 2 if network.branch.has_inner else 1
        share = memory // (2 * matrices)
        chunk = min(depth, max(1, share // (4 * width**2)))
        weight_bytes = 4 * matrices * width**2 * chunk
        kept, state = LayerSize.stored(network, columns).kept, 8 * -(-columns // PANEL) * PANEL * width
        least = (math.isqrt(depth * state // kept) + 1) * kept
        return cls(chunk, share, max(3 * (memory - weight_bytes) // 4, least))
