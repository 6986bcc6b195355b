"""What a residual network is: ``h_{k+1} = h_k + a_k V_{k+1} g(h_k, theta_{k+1})``, k = 0..L-1.

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
            _ = self.factors
        elif self.scaling.kind == "power" and -self.scaling.values[0] * math.log(self.depth) > _LOG_MAX:
            raise SpecificationError(
                f"beta is {self.scaling.values[0]:g}; L^-beta is not a number at depth {self.depth}"
            )

    @cached_property
    def factors(self) -> NDArray[np.float64]:
        """The scaling factors a_k, shape (depth,); not to be written to."""
        return self.scaling.factors(self.depth)

    def __str__(self) -> str:
        return f"{self.branch}, width {self.width}, depth {self.depth}, {self.scaling}"
