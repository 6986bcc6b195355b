"""Defects that strike in one place only: a lane, a width, odd depths, a layer number, one kind of experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from planted_laws import of_law
from planting import Defect, all_of, around, attribute, blocks_by, changed, columns, everywhere

from theory_check.experiments.cell import Cell
from theory_check.experiments.euler import Euler
from theory_check.experiments.euler_maruyama import EulerMaruyama
from theory_check.experiments.first_step import FirstStep
from theory_check.experiments.sweep import Sweep
from theory_check.experiments.training import Training
from theory_check.kernels import LANES
from theory_check.networks.weights import Weights
from theory_check.simulation import course
from theory_check.simulation.passes import compiled
from theory_check.simulation.passes.chain import ChainPasses
from theory_check.simulation.passes.dense import DensePasses
from theory_check.simulation.passes.gram import GramPasses
from theory_check.simulation.passes.protocol import BlockPasses
from theory_check.simulation.passes.reduced import GaussianPasses, ReducedPasses
from theory_check.simulation.passes.stored import StoredPasses
from theory_check.simulation.passes.together import PassesTogether
from theory_check.simulation.training import TrainingRun
from theory_check.theory import entry_laws

_KINDS = (DensePasses, GaussianPasses, ChainPasses, StoredPasses)

#: The lane that is wrong.
_LANE = 5


def _one_lane(original: Any, cell: Any, seed: int, block: int, *rest: Any, **options: Any) -> Any:
    """The networks of one lane are those of the first block."""
    found = original(cell, seed, block, *rest, **options)
    if cell.block_size == 1 or block == 0:
        return found
    for name, column in original(cell, seed, 0, *rest, **options).items():
        found[name][_LANE] = column[_LANE]
    return found


def _one_lane_moves(
    original: Any, self: Any, first: int, scaling: Any, hidden: Any, exponents: Any, *rest: Any
) -> None:
    """In one lane the increments of a segment of layers are twice as large."""
    start, units = hidden[..., _LANE].copy(), exponents[..., _LANE].copy()
    original(self, first, scaling, hidden, exponents, *rest)
    if np.all(exponents[..., _LANE] == units):
        hidden[..., _LANE] += hidden[..., _LANE] - start


def _without_turns(original: Any, self: Any, first: int, scaling: Any, kept: Any, *rest: Any) -> None:
    still = kept.copy()
    still[:, 2 * LANES : 3 * LANES], still[:, 3 * LANES : 4 * LANES] = 1.0, 0.0
    original(self, first, scaling, still, *rest)


def _backward_of_others(original: Any, self: Any, first: int, scaling: Any, kept: Any, *rest: Any) -> None:
    by_lane = kept.reshape(len(kept), -1, LANES)
    original(self, first, scaling, np.roll(by_lane, 1, axis=-1).reshape(kept.shape), *rest)


def _scaled(found: Mapping[str, Any], name: str, factor: float) -> dict[str, Any]:
    return {key: factor * column if key == name else column for key, column in found.items()}


def _of_a_width_less(original: Any, self: Any, *arguments: Any) -> None:
    self._width -= 1
    try:
        original(self, *arguments)
    finally:
        self._width += 1


def _copied(original: Any, experiment: Any, seed: int, block: int, *rest: Any, **options: Any) -> Any:
    return original(experiment, seed, block // 2 * 2, *rest, **options)


def _modulo(layers: int) -> Callable[..., None]:
    def forward(original: Any, self: Any, first: int, scaling: Any, *rest: Any) -> None:
        for k in range(len(scaling)):
            original(self, (first + k) % layers, scaling[k : k + 1], *rest)

    return forward


def _a_layer_later(original: Any, self: Any, first: int, *rest: Any) -> None:
    original(self, first + 1, *rest)


def _without_last_of_odd(original: Any, self: Any, first: int, scaling: Any, *rest: Any) -> None:
    """A segment of an odd number of layers, more than one, ends a layer early."""
    odd = len(scaling) > 1 and len(scaling) % 2
    original(self, first, np.append(scaling[:-1], 0.0) if odd else scaling, *rest)


def _other_factors(change: Callable[[Any], Any]) -> Callable[[Any], None]:
    """The dense backward pass has other factors of the network."""

    def remember(original: Any, self: Any, cell: Any, *rest: Any) -> None:
        original(self, cell, *rest)
        self.every_factor = np.array(cell.network.factors)

    def backward(original: Any, self: Any, first: int, scaling: Any, *rest: Any) -> None:
        factors = change(self.every_factor)[first : first + len(scaling)]
        original(self, first, np.ascontiguousarray(factors), *rest)

    return all_of(around(DensePasses, "__init__", remember), around(DensePasses, "backward", backward))


def _wider(width: int, factor: float) -> Callable[[Any], None]:
    def change(passes: Any) -> None:
        if passes._shape[1] == width * LANES:
            given = passes._weights
            passes._weights = (*given[:3], given[3] * factor, *given[4:])

    return change


def _other_slopes(original: Any, self: Any, first: int, scaling: Any, kept: Any, *rest: Any) -> None:
    original(self, first, scaling, np.ascontiguousarray(np.roll(kept[: len(scaling)], 1, axis=0)), *rest)


def _last_layer_stays(original: Any, self: Any, *rest: Any, **options: Any) -> Any:
    found = original(self, *rest, **options)
    for part, initial in zip((self.weights.outer, self.weights.inner), self.initial, strict=True):
        part[-1:] = initial[-1:]
    return found


CORNERS: Mapping[str, Defect] = {
    "one lane has the networks of the first block": Defect(
        blocks_by(_one_lane, Cell), ("E3",), "tests/simulation/test_runner.py"
    ),
    "one lane moves twice as far": Defect(
        around(DensePasses, "forward", _one_lane_moves), ("E17", "E1"), "tests/simulation/test_cell_simulation.py"
    ),
    "sweeps 2k+1 copy sweeps 2k": Defect(blocks_by(_copied, Sweep), ("E21",), "tests/simulation/test_sweep.py"),
    "schemes 2k+1 copy schemes 2k": Defect(
        blocks_by(_copied, Euler, EulerMaruyama), ("E14", "C2")
    ),
    "trained networks 2k+1 copy networks 2k": Defect(
        blocks_by(_copied, Training, FirstStep), ("N4",), "tests/simulation/test_training.py"
    ),
    "blocks that go together have the weights of the first": Defect(
        around(BlockPasses, "beside", lambda f, self, _first: f(self, self._block[1])), ("E3",),
        "tests/simulation/test_runner.py",
    ),
    "blocks that go together go back through the layers of the next": Defect(
        around(PassesTogether, "backward", lambda f, self, first, scaling, kept, *rest: f(
            self, first, scaling, [*kept[1:], kept[0]], *rest)),
        ("E8",), "tests/simulation/test_cell_simulation.py",
    ),
    "layers are numbered modulo 64": Defect(
        all_of(*(around(kind, "forward", _modulo(64)) for kind in (DensePasses, GaussianPasses, ChainPasses))), ("E6",),
        "tests/simulation/test_cell_simulation.py",
    ),
    "the dense backward pass draws the layer above": Defect(
        around(DensePasses, "backward", _a_layer_later), ("E8",)
    ),
    "the reduced backward pass draws the layer above": Defect(
        around(ReducedPasses, "backward", _a_layer_later), ("E8",), "tests/simulation/test_cell_simulation.py"
    ),
    "the Gram backward pass draws the layer above": Defect(
        around(GramPasses, "backward", _a_layer_later), ("E8",)
    ),
    # Only networks of unequal factors show it.
    "the chain's backward pass has the numbers of other networks": Defect(
        around(ChainPasses, "backward", _backward_of_others), ("E8",), "tests/kernels/test_chain_gradients.py"
    ),
    "the chain's directions do not turn in the backward pass": Defect(
        around(ChainPasses, "backward", _without_turns), ("E8",), "tests/kernels/test_chain_gradients.py"
    ),
    "the chain's backward pass is that of a width less": Defect(
        around(ChainPasses, "backward", _of_a_width_less), ("E23",), "tests/kernels/test_chain_gradients.py"
    ),
    "cosines of inputs are larger by 1%": Defect(
        columns(lambda found: _scaled(found, "cosine_input", 1.01)), ("E23",),
        "tests/simulation/test_cell_simulation.py",
    ),
    "cosines at recorded depths are larger by 1%": Defect(
        columns(lambda found: _scaled(found, "cosine_profile", 1.01)), ("E23",),
        "tests/simulation/test_cell_simulation.py",
    ),
    "gradients at recorded depths grow more slowly by a third": Defect(
        columns(lambda found: _scaled(found, "gradient_profile", 2.0 / 3.0)), ("E5",),
        "tests/simulation/test_cell_simulation.py",
    ),
    "the dense backward pass has the factor of the layer above": Defect(
        _other_factors(lambda a: np.append(a[1:], a[-1])), ("E16",)
    ),
    "the dense backward pass has the factors in reverse order": Defect(
        _other_factors(lambda a: a[::-1]), ("E10",)
    ),
    "stretches of an odd number of layers end early": Defect(
        all_of(*(around(kind, "forward", _without_last_of_odd) for kind in _KINDS)), ("E21",),
        "tests/simulation/test_cell_simulation.py",
    ),
    "the dense backward pass ends early after an odd number of layers": Defect(
        around(DensePasses, "backward", _without_last_of_odd), ("E10",), "tests/simulation/test_cell_simulation.py"
    ),
    "outer weights of width 6 are larger by 2%": Defect(attribute(DensePasses, _wider(6, 1.02)), ("P5",)),
    "powers of two of large states are lost": Defect(
        around(course, "_log_ratio", lambda f, hidden, exponents, reference: f(hidden, 0 * exponents, reference)),
        ("E7",), "tests/simulation/test_cell_simulation.py",
    ),
    "the last layer does not learn": Defect(
        around(TrainingRun, "train", _last_layer_stays), ("N5",)
    ),
    # The law of the Jacobian is the same: slopes are fair coins, apart from the products of rows that they switch.
    "the Jacobian sees the slopes of another layer": Defect(
        around(DensePasses, "tangent", _other_slopes), ("E9",), "tests/simulation/test_jacobian.py"
    ),
    "orthogonal weights are not orthogonal": Defect(
        of_law("orthogonal", lambda _: compiled.row_filler(Weights("gaussian"))), ("E3",), "tests/kernels/test_rows.py"
    ),
    "recorded gradients are a depth early": Defect(
        changed("gradient_profile", lambda x: np.roll(x, 1, axis=-1)), ("E16",),
        "tests/simulation/test_cell_simulation.py",
    ),
    # The law of res-3 with random signs, width 6, moves by .0105: .2 margins at quick, .9 at standard.
    "kurtosis moves the law of log R the other way": Defect(
        everywhere(entry_laws, "kurtosis_correction", lambda f, layer, excess, *rest: f(layer, -excess, *rest)),
        ("P5",), "tests/theory/test_entry_laws.py", profile="standard",
    ),
}  # fmt: skip
