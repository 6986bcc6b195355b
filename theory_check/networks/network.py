"""Residual networks: ``h_{k+1} = h_k + a_k V_{k+1} g(h_k, theta_{k+1})``, k = 0..L-1.

Frozen values without arithmetic on networks: activations, branches g, scalings a_k, inputs.
Notation and names follow Marion, Fermanian, Biau, Vert, *Scaling ResNets in the Large-depth Regime* (JMLR, 2025).
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from theory_check.foundation.arguments import check_integer
from theory_check.foundation.errors import SpecificationError
from theory_check.networks.branches import Branch
from theory_check.networks.scalings import Scaling

#: Largest depth, width and number of replicates that are accepted; beyond them a typing error is likelier than a plan.
MAXIMAL_DEPTH = 10**8
MAXIMAL_WIDTH = 10**4

#: Least root mean square of the factors, unless all are 0. A layer moves the state by about this part of it and rounds
#: it by 0.3 2^-53: displacements are known to 1.5e-4 of themselves.
LEAST_FACTOR = 2.0**-42

_LOG_MAX = math.log(sys.float_info.max) - 1e-9  # less the rounding of a product with a logarithm


@dataclass(frozen=True)
class Network:
    """A residual network at initialisation: branch, width d, depth L, scaling a_k."""

    branch: Branch
    width: int
    depth: int
    scaling: Scaling

    def __post_init__(self) -> None:
        check_integer("width", self.width, 1, MAXIMAL_WIDTH)
        check_integer("depth", self.depth, 1, MAXIMAL_DEPTH)
        if self.scaling.kind == "sequence":
            _ = self.factors  # raises for a sequence of another length
        elif self.scaling.kind == "power" and -self.scaling.values[0] * math.log(self.depth) > _LOG_MAX:
            raise SpecificationError(
                f"beta is {self.scaling.values[0]:g}; L^-beta is not a number at depth {self.depth}"
            )

    @cached_property
    def factors(self) -> NDArray[np.float64]:
        """The scaling factors a_k, shape (depth,), not to be written to; a common one is one number in memory."""
        if self.scaling.kind == "sequence":
            return self.scaling.factors(self.depth)
        return np.broadcast_to(self.scaling.factor(self.depth), self.depth)

    def check_displacement(self, size: float = 1.0) -> None:
        """Raise where a displacement would be lost in the roundings of the state.

        Parameters
        ----------
        size : float
            Standard deviation of the branch in units of that of weights of unit variance.

        Raises
        ------
        SpecificationError
            If the factors times ``size`` are below :data:`LEAST_FACTOR`, but not 0.
        """
        scaling = self.scaling
        factors = self.factors if scaling.kind == "sequence" else np.array([scaling.factor(self.depth)])
        mean = math.hypot(*factors.tolist()) / math.sqrt(len(factors)) * size
        # A power of the depth is never 0, but may be too small for a number.
        if (mean > 0.0 or (scaling.kind == "power" and size > 0.0)) and mean < LEAST_FACTOR:
            raise SpecificationError(
                f"scaling factors times weights are {mean:.3g}; from 0 to {LEAST_FACTOR:.3g} a displacement is lost in "
                f"the roundings of the state: give more, or 0"
            )

    def __str__(self) -> str:
        return f"{self.branch}, width {self.width}, depth {self.depth}, {self.scaling}"
