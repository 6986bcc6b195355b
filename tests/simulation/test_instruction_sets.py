"""Other instruction sets: words and whole-number entries to the bit, everything else to roundings, and never a jump."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pinned_experiments import EXPERIMENTS, REPLICATES, SEED

from theory_check.simulation.runner import simulate

ROOT = Path(__file__).parents[2]

#: One of each way of computing: products of integers, normal numbers, Gram factors, pivots of a covariance, a Fourier
#: transform, frames that are orthonormalised, weights in the backward pass, Brownian motion.
NAMES = (
    "dense uniform", "dense rademacher", "dense orthogonal", "reduced res-3 he", "gram", "chain leaky",
    "chain gradients", "stored smooth:length=0.1", "stored periodic:length=0.5,period=1", "stored fgn:hurst=0.7",
    "dense jacobian", "euler rough", "euler-maruyama",
)  # fmt: skip

#: Fillers whose entries are whole numbers.
EXACT = ("uniform", "signs", "triangular", "ternary")

PROGRAM = """
import json, sys
sys.path[:0] = ["tests/helpers", "tests/simulation"]
from test_instruction_sets import NAMES, entries, values
json.dump({"entries": entries(), "values": {name: values(name) for name in NAMES}}, sys.stdout)
"""


def entries():
    """A row of each exact filler, as text."""
    from theory_check.kernels import LANES, rows, words

    found = {}
    for name in EXACT:
        state, row = np.empty(4 * LANES, np.uint32), np.empty(8 * LANES, np.float32)
        words.seed_lanes(state, np.array([1, 2], np.uint32), 0, 3, 0)
        rows.FILLERS[name][0](state, row, np.empty(0))
        found[name] = row.tobytes().hex()
    return found


def values(name):
    """The columns of an experiment; minus infinity is a displacement that did not happen."""
    columns = simulate(EXPERIMENTS[name], REPLICATES, SEED, threads=1).values
    return {key: np.nan_to_num(np.asarray(column, np.float64)).ravel().tolist() for key, column in columns.items()}


@pytest.mark.slow  # Kernels are compiled for the other processor: a minute.
@pytest.mark.parametrize("processor", ["generic", "haswell"])
def test_another_instruction_set_agrees(processor, tmp_path):
    environment = {**os.environ, "NUMBA_CPU_NAME": processor, "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, cwd=ROOT, env=environment
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["entries"] == entries()
    for name in NAMES:
        for key, expected in values(name).items():
            # Single precision with and without fused multiplication: a few UNIT, 6e-8, a layer, of at most 12 layers.
            np.testing.assert_allclose(
                found["values"][name][key], expected, rtol=2e-5, atol=2e-5, err_msg=f"{name}, {key}"
            )
