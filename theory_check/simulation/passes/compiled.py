"""Laws of weights and activations as compiled functions that the kernels call."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theory_check.foundation.arrays import FloatArray
from theory_check.networks.activations import Activation, Scalar
from theory_check.networks.weight_laws import Transform, WeightLaw
from theory_check.networks.weights import Weights


@dataclass(frozen=True)
class Filler:
    """A compiled row filler with the numbers it reads, the deviation of its natural units and the way of products."""

    fill: Any
    constants: FloatArray
    natural_deviation: float
    way: int

    @property
    def law(self) -> tuple[Any, FloatArray, int]:
        """What kernels take."""
        return self.fill, self.constants, self.way


@cache
def _entrywise_filler(transform: Transform) -> Any:
    """Return the filler of a law's function: one for all its parameters, since compiling takes seconds."""
    from theory_check.kernels import rows

    return rows.entrywise_filler(transform)


def row_filler(weights: Weights) -> Filler:
    """Return the compiled filler of a weight law."""
    from theory_check.kernels import rows
    from theory_check.kernels.compilation import ROW_FILLER, callback

    law = weights.definition
    assert isinstance(law, WeightLaw)
    if law.transform is not None:
        fill, natural_deviation, way = _entrywise_filler(law.transform), 1.0, rows.ROWS
    else:
        fill, natural_deviation, way = rows.FILLERS[law.kernel]
    return Filler(callback(fill, ROW_FILLER), weights.constants, natural_deviation, way)


@cache
def _entrywise_activator(function: Scalar, derivative: Scalar) -> Any:
    """Return the kernel of an activation: one for all its parameters, since compiling takes seconds."""
    from theory_check.kernels import layers

    return layers.entrywise_activator(function, derivative)


def compiled_activation(activation: Activation, function_type: Any = None) -> tuple[Any, FloatArray]:
    """Return the activation kernel, of the type that a kernel takes (default: single precision), and its parameters."""
    from theory_check.kernels import layers
    from theory_check.kernels.compilation import ACTIVATOR, callback

    definition = activation.definition
    if activation.homogeneous:
        kernel = layers.activate_piecewise_linear
    elif definition.function is not None and definition.derivative is not None:
        kernel = _entrywise_activator(definition.function, definition.derivative)
    else:
        kernel = layers.ACTIVATORS[definition.kernel]
    return callback(kernel, function_type or ACTIVATOR), activation.constants


def activate(
    activation: tuple[Any, FloatArray], pre: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what an activation kernel and its parameters make of block vectors (rows, size), and its derivative."""
    function, parameters = activation
    post, slope = np.empty_like(pre), np.empty_like(pre)
    for row in range(len(pre)):
        function(pre[row], post[row], slope[row], parameters)
    return post, slope
