"""How many blocks go through the depth together."""

from __future__ import annotations

from dataclasses import replace

from theory_check.experiments.costs import LEAST_WORK
from theory_check.experiments.segments import KEPT_TOGETHER, MOST_TOGETHER, STATES_TOGETHER, LayerSize, blocks_together
from theory_check.experiments.spelling import network
from theory_check.kernels import LANES

SMALL = network(branch="res-2", weights="uniform", width=2, depth=3, beta=0.5)


def test_short_blocks_go_together():
    assert blocks_together(SMALL) == MOST_TOGETHER


def test_blocks_that_take_long_or_share_nothing_go_alone():
    assert blocks_together(network(branch="res-2", weights="uniform", width=40, depth=10_000, beta=0.5)) == 1
    assert blocks_together(network(branch="res-2", weights="fgn:hurst=0.8", width=2, depth=3, beta=0.5)) == 1
    assert blocks_together(replace(SMALL, jacobian=True)) == 1


def test_they_take_no_more_memory_and_time_than_they_may():
    for width in (2, 5, 20, 100):
        for depth in (1, 10, 100, 1000):
            cell = network(weights="uniform", width=width, depth=depth, beta=0.5, gradients=True)
            count = blocks_together(cell)
            if count > 1:
                assert 8 * LANES * width * count <= STATES_TOGETHER
                assert depth * LayerSize.of(cell).kept * count <= KEPT_TOGETHER
                assert cell.work_per_block * count <= LEAST_WORK
