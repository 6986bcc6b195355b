"""The model of what networks of stored weights cost."""

from __future__ import annotations

import pytest

from theory_check.experiments.costs import STORED_SCALING_WORK, WORK_PER_LANE, stored_work
from theory_check.kernels import PANEL
from theory_check.networks.activations import Activation
from theory_check.networks.branches import Branch
from theory_check.networks.network import Network
from theory_check.networks.scalings import Scaling
from theory_check.networks.weights import Weights


def a_network(width=20, branch="res-3", activation="relu"):
    return Network(Branch(branch, Activation(activation)), width, 100, Scaling.power(0.5))


@pytest.mark.parametrize("passes", [1, 2])
def test_columns_of_a_panel_share_its_work(passes):
    works = [stored_work(a_network(), Weights("smooth"), 1, passes, scalings=n) for n in (1, PANEL, PANEL + 1)]
    started = passes * STORED_SCALING_WORK
    assert works[1] - works[0] == (PANEL - 1) * started
    assert works[2] - works[1] > started + passes * 100 * PANEL * WORK_PER_LANE


def test_a_bend_and_a_second_matrix_cost_more():
    networks = a_network(branch="res-1"), a_network(), a_network(activation="tanh")
    works = [stored_work(network, Weights("smooth"), 1, 2) for network in networks]
    assert works == sorted(set(works))


def test_paths_are_ordered_by_what_makes_them():
    """Copies, few normal numbers a path, a chain, a transform."""
    works = [stored_work(a_network(), Weights.parse(law), 1, 1) for law in ("tied", "smooth", "ou", "fgn")]
    assert works == sorted(works)
