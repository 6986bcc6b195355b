"""Defects of the simulator and of the oracles, as small patches; claims of the catalogue must catch each of them.

A defect is planted for the life of a process: what a wrong theory computed is kept by caches.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from planted_corners import CORNERS
from planted_judging import JUDGING
from planted_laws import LAWS
from planted_theory import THEORY
from planting import Defect, all_of, around, attribute, cells_by, changed, columns

from theory_check.networks import covariances
from theory_check.networks.scalings import Scaling
from theory_check.simulation import cell as cells
from theory_check.simulation import euler
from theory_check.simulation.boundary import Boundary
from theory_check.simulation.euler_maruyama import Ladder
from theory_check.simulation.jacobian import Jacobian
from theory_check.simulation.passes import dense, reduced, stored
from theory_check.simulation.passes.chain import ChainPasses
from theory_check.simulation.passes.dense import DensePasses
from theory_check.simulation.passes.gram import GramPasses
from theory_check.simulation.passes.reduced import GaussianPasses, ReducedPasses
from theory_check.simulation.passes.stored import StoredPasses
from theory_check.simulation.paths import sources
from theory_check.simulation.weight_gradients import WeightGradients


def _scaled_dense(outer: float, inner: float) -> Callable[[Any], None]:
    def change(passes: Any) -> None:
        given = passes._weights
        passes._weights = (*given[:3], given[3] * outer, *given[4:7], given[7] * inner)

    return change


def _scale_deviation(factor: float) -> Callable[[Any], None]:
    def change(passes: Any) -> None:
        passes._deviation *= factor

    return change


def _copied(values: Any, times: int) -> Any:
    return np.repeat(values[::times], times, axis=0)[: len(values)] if len(values) >= times else values


def _without_depth(original: Any, seed: int, identity: str) -> Any:
    return original(seed, re.sub(r'"depth": ?\d+', '"depth":0', identity))


def _one_layer(original: Any, self: Any, first: int, scaling: Any, *rest: Any) -> None:
    """Every layer has the weights of the first; only forward columns are those of such networks."""
    for k in range(len(scaling)):
        original(self, 0, scaling[k : k + 1], *rest)


def _rolled(kept: Any) -> Any:
    """The kept of other lanes."""
    return tuple(np.roll(part, 1, axis=-1) for part in kept) if isinstance(kept, tuple) else np.roll(kept, 1, axis=-1)


def _backward_of_others(original: Any, self: Any, first: int, scaling: Any, kept: Any, *rest: Any) -> None:
    original(self, first, scaling, _rolled(kept), *rest)


def _slopes_reversed(original: Any, self: Any, first: int, scaling: Any, kept: Any, *rest: Any) -> None:
    original(self, first, scaling, np.ascontiguousarray(kept[: len(scaling)][::-1]), *rest)


def _backward_weights(change: Callable[[Any, Any], tuple[Any, Any]]) -> Callable[[pytest.MonkeyPatch], None]:
    """Stored weights that the backward pass sees changed."""

    def backward(original: Any, self: Any, *arguments: Any) -> None:
        read = self._weights

        def other(first: int, last: int) -> Any:
            outer, inner, bias = read(first, last)
            return *(np.ascontiguousarray(part) for part in change(outer, inner)), bias

        self._weights = other
        try:
            original(self, *arguments)
        finally:
            del self._weights

    return around(StoredPasses, "backward", backward)


def _without_first_layer(original: Any, self: Any, first: int, scaling: Any, *rest: Any) -> None:
    original(self, first, np.where(np.arange(first, first + len(scaling)) == 0, 0.0, scaling), *rest)


def _without_last_layer(jacobian: Any) -> None:
    jacobian._scaling = np.append(jacobian._scaling[:-1], 0.0)


def _other_hurst(original: Any, path: Any) -> Any:
    from dataclasses import replace

    moved = tuple((k, v + 0.02 if k == "hurst" and v < 0.97 else v) for k, v in path.parameters)
    return original(replace(path, parameters=moved))


def _longer(original: Any, path: Any) -> Any:
    from dataclasses import replace

    return original(replace(path, parameters=tuple((k, 1.1 * v if k == "length" else v) for k, v in path.parameters)))


def _parallel_gradient(original: Any, self: Any, hidden: Any, exponents: Any) -> Any:
    return hidden.copy(), exponents.copy()


def _leaking(activation: Any) -> Any:
    kernel, constants = activation
    return kernel, constants + 0.05 * (constants.size == 1 and constants[0] == 0.0)


def _at_the_end(original: Any, experiment: Any, *arguments: Any) -> Any:
    """A path that is read at the end of each step, in the last one at its beginning."""
    at, step = original(experiment, *arguments), 1.0 / experiment.depths[-1]
    return lambda times: at(np.minimum(times + step, 1.0 - step))


_FORWARDS = [(kind, "forward") for kind in (DensePasses, GaussianPasses, ChainPasses, StoredPasses)]

DEFECTS: dict[str, Defect] = {
    # Dependence between replicates.
    "block 2k+1 copies block 2k": Defect(
        cells_by(lambda f, cell, seed, block, *rest, **o: f(cell, seed, block // 2 * 2, *rest, **o)),
        ("E1",), "tests/simulation/test_runner.py",
    ),
    "only 8 distinct blocks": Defect(
        cells_by(lambda f, cell, seed, block, *rest, **o: f(cell, seed, block % 8, *rest, **o)),
        ("E3", "E1"), "tests/simulation/test_runner.py",
    ),
    "lanes are identical in pairs": Defect(
        columns(lambda found: {k: _copied(v, 2) for k, v in found.items()}), ("E3",), "tests/simulation/test_runner.py"
    ),
    "lanes are identical in fours": Defect(
        columns(lambda found: {k: _copied(v, 4) for k, v in found.items()}), ("E3",), "tests/simulation/test_runner.py"
    ),
    "all depths of a network share streams": Defect(
        around(cells, "stream_key", _without_depth), ("P1", "P2"), "tests/foundation/test_streams.py"
    ),
    "a network has one matrix in all layers": Defect(
        all_of(*(around(kind, "forward", _one_layer) for kind in (DensePasses, GaussianPasses, ChainPasses))),
        ("E3", "E17"), "tests/foundation/test_streams.py",
    ),
    # Sizes of weights.
    "dense weights are larger by 1%": Defect(attribute(DensePasses, _scaled_dense(1.01, 1.01)), ("E1",)),
    "dense weights are larger by 2%": Defect(attribute(DensePasses, _scaled_dense(1.02, 1.02)), ("E1",)),
    "dense inner weights are larger by 2%": Defect(attribute(DensePasses, _scaled_dense(1.0, 1.02)), ("E1",)),
    "reduced weights are larger by 1%": Defect(attribute(GaussianPasses, _scale_deviation(1.01)), ("E23", "E13")),
    "reduced weights are larger by 2%": Defect(attribute(GaussianPasses, _scale_deviation(1.02)), ("E23", "E13")),
    "chain weights are larger by 2%": Defect(attribute(ChainPasses, _scale_deviation(1.02)), ("E7",)),
    "the chain is that of a width less": Defect(
        attribute(ChainPasses, lambda passes: setattr(passes, "_width", max(1, passes._width - 1))), ("E2",),
        "tests/kernels/test_chain.py",
    ),
    "stored weights are larger by 5%": Defect(
        around(sources.PathSource, "_make", lambda f, *args: np.float32(1.05) * f(*args)), ("E22", "C4"),
        "tests/simulation/paths/test_sources.py",
    ),
    "steps of Euler-Maruyama are larger by 2%": Defect(
        attribute(Ladder, lambda ladder: setattr(ladder, "_scaling", 1.02 * ladder._scaling)),
        ("E14", "P6"), "tests/simulation/test_euler_maruyama.py",
    ),
    # What predictions read too.
    "scaling factors are those of a depth larger by one": Defect(
        around(Scaling, "factor", lambda f, self, depth: f(self, depth + 1)), ("E21",),
        "tests/networks/test_networks.py",
    ),
    "beta is larger by .01": Defect(
        around(Scaling, "factor", lambda f, self, depth: f(self, depth) * depth**-0.01), ("E21",),
        "tests/networks/test_networks.py",
    ),
    "the correlations of fractional noise are those of H + .02": Defect(
        around(covariances, "fractional_noise", lambda f, hurst, lags: f(min(hurst + 0.02, 1.0), lags)), ("E22",),
        "tests/networks/test_covariances.py",
    ),
    "the length of smooth weights lacks its 2": Defect(
        lambda patch: patch.setitem(vars(covariances.RBF), "correlation", lambda x, _: np.exp(-x * x)), ("E22",),
        "tests/networks/test_covariances.py",
    ),
    # Ways through the layers.
    "the first layer is missing": Defect(
        all_of(*(around(kind, name, _without_first_layer) for kind, name in _FORWARDS)), ("E3", "E17")
    ),
    "the reduced backward pass is of other networks": Defect(
        around(ReducedPasses, "backward", _backward_of_others), ("E8", "E16"), "tests/kernels/test_reduced.py"
    ),
    "the Gram backward pass is of other networks": Defect(
        around(GramPasses, "backward", _backward_of_others), ("E8", "E13"), "tests/kernels/test_gram.py"
    ),
    "the dense backward pass has the slopes of other networks": Defect(
        around(DensePasses, "backward", _backward_of_others), ("E8",), "tests/kernels/test_dense.py"
    ),
    "the stored backward pass has the slopes of other layers": Defect(
        around(StoredPasses, "backward", _slopes_reversed), ("E8", "P9"), "tests/kernels/test_stored.py"
    ),
    "the stored backward pass draws W anew": Defect(
        _backward_weights(lambda outer, inner: (outer, np.roll(inner, 1, axis=-1))), ("E8", "P9"),
        "tests/kernels/test_stored.py",
    ),
    "the stored backward pass does not transpose": Defect(
        _backward_weights(lambda outer, inner: (np.swapaxes(outer, 1, 2), inner)), ("E8", "P9"),
        "tests/kernels/test_stored.py",
    ),
    "the gradient at the output is the output": Defect(around(Boundary, "gradient", _parallel_gradient), ("E1", "E8")),
    "the Jacobian lacks its last layer": Defect(
        attribute(Jacobian, _without_last_layer), ("E1",), "tests/simulation/test_jacobian.py"
    ),
    "ReLU leaks by .05": Defect(
        all_of(*(around(place, "compiled_activation", lambda f, a, *more: _leaking(f(a, *more)))
               for place in (dense, reduced, stored))), ("E2",), "tests/simulation/test_cell_simulation.py",
    ),
    # What is observed.
    "displacements are those of the root": Defect(changed("log_displacement", lambda x: 0.5 * x), ("P1", "E17")),
    "displacements are larger by 2%": Defect(changed("log_displacement", lambda x: x + 0.01), ("E17", "P1")),
    "norm ratios are larger by 1%": Defect(changed("log_norm_ratio", lambda x: x + 0.01), ("E3", "E1")),
    "gradient ratios are their inverses": Defect(changed("log_gradient_ratio", lambda x: -x), ("E1", "E16")),
    "recorded norms are a depth early": Defect(
        changed("norm_profile", lambda x: np.roll(x, 1, axis=-1)), ("E1", "E5"),
        "tests/simulation/test_cell_simulation.py",
    ),
    "singular values ascend": Defect(changed("log_singular_values", lambda x: x[..., ::-1]), ("E20",)),
    "determinants are larger by one": Defect(changed("log_determinant", lambda x: x + 1.0), ("E9",)),
    "outer weight gradients have the factor of another layer": Defect(
        attribute(WeightGradients, lambda seen: setattr(seen, "_scaling", 1.1 * seen._scaling)), ("E10",),
        "tests/simulation/test_weight_gradients.py",
    ),
    "cosines are squared": Defect(changed("cosine_output", np.square), ("E13",)),
    # Weights that are tied across layers.
    "the Hurst index is larger by .02": Defect(
        around(sources, "make_writer", _other_hurst), ("E22",), "tests/simulation/paths/test_sources.py"
    ),
    "smooth paths are longer by a tenth": Defect(
        around(sources, "make_writer", _longer), ("E22",), "tests/simulation/paths/test_sources.py"
    ),
    "Euler's scheme reads the other end of the step": Defect(
        around(euler, "_path", _at_the_end), ("C2",), "tests/simulation/test_euler.py",
    ),
    **LAWS,
    **JUDGING,
    **THEORY,
    **CORNERS,
}  # fmt: skip
