from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from theory_check import strategies
from theory_check.experiments.costs import SECONDS_PER_WORK
from theory_check.experiments.spelling import network
from theory_check.experiments.workload import Workload
from theory_check.kernels import LANES


@given(st.dictionaries(strategies.cells(max_width=2, max_depth=2), st.integers(1, 100), min_size=1, max_size=5))
def test_merging_covers_every_cell(requests):
    workload = Workload.of(requests.items())
    merged = workload.merged
    assert set(merged) == {cell.identity for cell in requests}
    for cell, replicates in requests.items():
        union, most = merged[cell.identity]
        assert most >= replicates
        assert union.gradients or not cell.gradients
        assert set(union.recorded_depths) >= set(cell.recorded_depths)
        assert union.identity == cell.identity
    assert Workload.of(merged.values()).merged == merged
    assert workload.replicates == sum(most for _, most in merged.values())
    assert workload.layers == sum(most * union.layers for union, most in merged.values())


def test_the_larger_number_of_replicates_counts():
    cell = network(width=3, depth=4)
    workload = Workload.of([(cell, 7), (cell, LANES + 1), (cell, 9)])
    assert workload.requests == {cell: LANES + 1}
    # Two blocks.
    assert workload.work == 2 * cell.work_per_block
    assert workload.seconds == SECONDS_PER_WORK * workload.work


def test_another_kind_of_network_is_simulated_apart():
    cells = [network(width=width, depth=4) for width in (3, 5)]
    workload = Workload.of((cell, 10) for cell in cells)
    assert (workload.replicates, workload.layers) == (20, 80)
    assert workload.work == sum(cell.work_per_block for cell in cells)
