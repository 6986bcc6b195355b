"""How a defect is planted: a value, a function or a column is replaced, for the life of a process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import pytest

from theory_check.catalogue.regimes import all_claims
from theory_check.experiments.cell import Cell
from theory_check.simulation import units


@dataclass(frozen=True)
class Defect:
    """A mistake, and who finds it.

    Attributes
    ----------
    plant : callable
        Patches the package.
    claims : tuple of str
        Of the catalogue, the one that finds it at the least cost first; none if only a unit test finds it.
    unit_test : str
        Where else it is found; empty if nowhere.
    profile : {"quick", "standard"}
        The least that finds it: what is smaller than the margins at quick is left to standard.
    """

    plant: Callable[[pytest.MonkeyPatch], None]
    claims: tuple[str, ...]
    unit_test: str = ""
    profile: Literal["quick", "standard"] = "quick"


def around(owner: Any, name: str, change: Callable[..., Any]) -> Callable[[pytest.MonkeyPatch], None]:
    """Replace a function by ``change(original, *arguments)``."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        original = getattr(owner, name)
        patch.setattr(owner, name, lambda *args, **options: change(original, *args, **options))

    return plant


def everywhere(owner: Any, name: str, change: Callable[..., Any]) -> Callable[[pytest.MonkeyPatch], None]:
    """Replace a function by ``change(original, *arguments)`` in every module that has it, by whatever name."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        all_claims()
        original = getattr(owner, name)
        modules = [module for key, module in sys.modules.items() if key.startswith("theory_check.")]
        for module, known in [(m, k) for m in modules for k, value in vars(m).items() if value is original]:
            patch.setattr(module, known, lambda *args, **options: change(original, *args, **options))

    return plant


def blocks_by(change: Callable[..., Any], *kinds: type) -> Callable[[pytest.MonkeyPatch], None]:
    """Replace the simulators of these kinds of experiments by ``change(original, experiment, seed, block, *rest)``.

    Blocks that would go through the depth together are simulated one by one.
    """

    def plant(patch: pytest.MonkeyPatch) -> None:
        changed = {kind: partial(_one_by_one, partial(change, units.SIMULATORS[kind])) for kind in kinds}
        patch.setattr(units, "SIMULATORS", {**units.SIMULATORS, **changed})

    return plant


def _one_by_one(
    simulate: Callable[..., Any], experiment: Any, seed: int, block: int, *rest: Any, blocks: int = 1, **options: Any
) -> Any:
    found = [simulate(experiment, seed, block + number, *rest, **options) for number in range(blocks)]
    return {name: np.concatenate([columns[name] for columns in found]) for name in found[0]}


def cells_by(change: Callable[..., Any]) -> Callable[[pytest.MonkeyPatch], None]:
    """Replace the simulator of cells by ``change(original, cell, seed, block, *rest)``."""
    return blocks_by(change, Cell)


def columns(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[pytest.MonkeyPatch], None]:
    """Change the columns of a block of a cell."""
    return cells_by(lambda original, *args, **options: change(original(*args, **options)))


def attribute(owner: Any, change: Callable[[Any], None]) -> Callable[[pytest.MonkeyPatch], None]:
    """Change an object after it was made."""

    def after(original: Any, self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        change(self)

    return around(owner, "__init__", after)


def changed(name: str, change: Callable[[Any], Any]) -> Callable[[pytest.MonkeyPatch], None]:
    """Change one column of the cells that have it."""
    return columns(lambda found: found | ({name: change(found[name])} if name in found else {}))


def all_of(*plants: Callable[[pytest.MonkeyPatch], None]) -> Callable[[pytest.MonkeyPatch], None]:
    """Plant several."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        for one in plants:
            one(patch)

    return plant
