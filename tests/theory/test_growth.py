"""Growth of the displacement from one depth to another: where it stops, and what plans the check of that."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from one_layer_laws import a_layer

from theory_check.theory.growth import GrowthLaws, mean_crossing


@pytest.mark.parametrize("branch", ["linear", "res-3"])
def test_means_cross_near_one_half_and_nearer_with_depth(branch):
    multiplier = a_layer(20, "linear" if branch == "linear" else "res-3")
    crossings = [mean_crossing(multiplier, depth, 16 * depth) for depth in (32, 64, 512)]
    assert 0.5 < crossings[2] < crossings[1] < crossings[0] < 0.504
    laws = GrowthLaws(multiplier, 64, 1024)
    grid = [laws(beta).mean for beta in np.linspace(0.3, 0.7, 9)]
    assert all(a > b for a, b in pairwise(grid))
    # Plans look for the resolution far from 1/2, where moments leave double precision.
    assert all(math.isfinite(laws(beta).mean) for beta in (-0.55, 1.55))
